//! What proofs know of a result, from what they know of the inputs: its range, its place in the picture, what it was normalised
//! by. The rules that several ops share; an op names its own in its declaration.
//!
//! Whatever is not followed is given up, never guessed: an unknown range is that of the domain, a lost place goes with every other.

use super::attrs::Attr;
use super::def::{Infer, OpDef};
use super::rules;
use crate::types::{Fact, Frame, Interval, Norm};

/// Adds to the inferred fact of a result what its op knows of it.
pub fn known(op: &'static OpDef, args: &Infer, result: Fact) -> Fact {
    let (range, frame) = ((op.range)(args, &result), (op.frame)(args, &result));
    let norm = (op.norm)(args).filter(|_| result.domain == crate::types::Domain::Unit);
    let inputs = || args.facts.iter().copied().flatten();
    let of_batch = |fact: &Fact| fact.dims.iter().any(|dim| dim.mentions("B"));
    // A fold over everything is meant as such: where images run one by one, over the one image.
    let all = op.param("axes").is_some() && args.attrs.get("axes").is_none();
    let folds = !all && inputs().any(of_batch) && !of_batch(&result);
    // An entry of each two pictures looks at both.
    let pairs = result.dims.iter().filter(|dim| dim.mentions("B")).count() > 1;
    let mixes = folds || pairs || (op.mixes)(args) || inputs().any(|fact| fact.mixed);
    let mixed = mixes && !op.nature.shapes;
    Fact { norm, mixed, ..result }.in_range(range).in_frame(frame)
}

/// The numbers of the first input, moved, left out or repeated.
pub fn same_numbers(args: &Infer, _: &Fact) -> Interval {
    args.fact(0).range
}

/// The numbers of all inputs.
pub fn all_numbers(args: &Infer, _: &Fact) -> Interval {
    let mut ranges = args.many(0).map(|fact| fact.range);
    let first = ranges.next().unwrap_or(Interval::ALL);
    ranges.fold(first, Interval::union)
}

/// The numbers of the first input, and 0.
pub fn numbers_or_zero(args: &Infer, _: &Fact) -> Interval {
    args.fact(0).range.union(Interval::point(0.0))
}

pub fn same_norm(args: &Infer) -> Option<Norm> {
    args.fact(0).norm
}

/// Of ops that look at one place alone, the place stays; else it is lost.
pub fn usual(args: &Infer, result: &Fact) -> Frame {
    if args.op.nature.pointwise { kept(args, result) } else { lost(args, result) }
}

pub fn lost(args: &Infer, result: &Fact) -> Frame {
    grounded(joined(args).lost(), result)
}

/// Rows and columns stay rows and columns: of a convolution, of a resize.
pub fn kept(args: &Infer, result: &Fact) -> Frame {
    grounded(joined(args), result)
}

pub fn nowhere(_: &Infer, _: &Fact) -> Frame {
    Frame::Nowhere
}

/// Kept, where the axes that are folded, added or taken away are none of the rows and columns.
pub fn beside_axis(args: &Infer, axis: Option<usize>, result: &Fact) -> Frame {
    match axis {
        Some(axis) if axis + 2 < args.fact(0).rank().max(result.rank()) => kept(args, result),
        _ => lost(args, result),
    }
}

/// Where the last two lengths stay, so do rows and columns: of a reshape, which keeps the order of the numbers.
pub fn by_dims(args: &Infer, result: &Fact) -> Frame {
    let last = |fact: &Fact| fact.dims.len().checked_sub(2).map(|start| fact.dims[start..].to_vec());
    let same = last(args.fact(0)).is_some_and(|dims| last(result) == Some(dims));
    if same { kept(args, result) } else { lost(args, result) }
}

/// Whether one of the axes that the attribute names is that of the batch.
pub fn along_batch(args: &Infer, name: &'static str) -> bool {
    let x = args.fact(0);
    let named = match args.attrs.get(name) {
        Some(Attr::Int(_)) => rules::axis(args.attrs, name, x.rank()).map(|axis| vec![axis]),
        _ => rules::axes(args.attrs, name, x.rank()),
    };
    named.is_ok_and(|axes| axes.iter().any(|axis| x.dims[*axis].mentions("B")))
}

/// The axis an attribute names, of a tensor of `rank` axes.
pub fn axis(args: &Infer, rank: usize) -> Option<usize> {
    rules::axis(args.attrs, "axis", rank).ok()
}

fn joined(args: &Infer) -> Frame {
    args.facts.iter().copied().flatten().fold(Frame::Nowhere, |frame, fact| frame.join(fact.frame))
}

/// Fewer than three axes have no rows and columns of a picture, nor have two lengths of 1.
fn grounded(frame: Frame, result: &Fact) -> Frame {
    let flat = result.rank() < 3 || result.dims.iter().rev().take(2).all(|dim| dim.is_one());
    if flat { Frame::Nowhere } else { frame }
}
