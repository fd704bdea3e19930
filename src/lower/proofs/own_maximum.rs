//! `x / (max(x, axes) + 1e-5)`: a map divided by its own largest number lies within 0–1, and what was looked at for that number is
//! what it is normalised by. No rule on ranges alone can tell, so the quotient is recognised.

use super::Use;
use super::numbers::{behind_views, handed_on};
use crate::graph::{Graph, Id, Kind};
use crate::lower::Lower;
use crate::types::{Norm, Over};

impl Lower<'_, '_> {
    pub(super) fn divided_by_own_maximum(&self, it: &Use) -> Option<Norm> {
        let ([Some(map), Some(divisor)], "div") = (it.inputs, it.op.name) else { return None };
        let step = self.step.as_ref()?;
        let divisor = raised(&step.graph, *divisor)?;
        let norm = by_maximum(&step.graph, *map, divisor).or_else(|| by_span(&step.graph, *map, divisor))?;
        // Where images run one by one, all that is there is one image.
        let alone = !step.training && norm.over == Over::Batch;
        Some(if alone { Norm { over: Over::Image, ..norm } } else { norm })
    }
}

/// `x / max(x)`, where no number of `x` is below 0.
fn by_maximum(graph: &Graph, map: Id, divisor: Id) -> Option<Norm> {
    let (of, over) = fold(graph, divisor, "max")?;
    let whole = graph.node(map).fact.range.low() >= 0.0;
    (whole && same(graph, of, map)).then_some(Norm { over, from_min: false })
}

/// `(x - min(x)) / (max(x) - min(x))`; where a little more is taken off, `relu` makes good for it.
fn by_span(graph: &Graph, map: Id, divisor: Id) -> Option<Norm> {
    let (high, low) = difference(graph, divisor)?;
    let (x, off) = match op(graph, map) {
        Some("relu") => difference(graph, lowered(graph, first(graph, map)?)?)?,
        _ => difference(graph, map)?,
    };
    let ((of_high, over), (of_low, over_low)) = (fold(graph, high, "max")?, fold(graph, low, "min")?);
    let one = same(graph, of_high, x) && same(graph, of_low, x) && same(graph, off, low) && over == over_low;
    one.then_some(Norm { over, from_min: true })
}

/// What a fold of the name looks at, and over which axes.
fn fold(graph: &Graph, id: Id, name: &str) -> Option<(Id, Over)> {
    let id = behind_views(graph, id);
    if op(graph, id) != Some(name) {
        return None;
    }
    let of = first(graph, id)?;
    let rank = graph.node(of).fact.rank();
    let axes: Vec<usize> = match graph.node(id).attrs.get_ints("axes") {
        Ok(axes) => axes.iter().map(|axis| axis.rem_euclid(rank as i64) as usize).collect(),
        Err(_) => (0..rank).collect(),
    };
    let mut sorted = axes;
    sorted.sort_unstable();
    Some((of, Over::of_axes(&sorted, rank)?))
}

fn difference(graph: &Graph, id: Id) -> Option<(Id, Id)> {
    let id = handed_on(graph, id);
    match (op(graph, id), graph.inputs(id).as_slice()) {
        (Some("sub"), [Some(a), Some(b)]) => Some((*a, behind_views(graph, *b))),
        _ => None,
    }
}

/// Without a small number that was added.
fn raised(graph: &Graph, id: Id) -> Option<Id> {
    shifted(graph, id, |shift| shift >= 0.0)
}

/// Without a small number that was taken off.
fn lowered(graph: &Graph, id: Id) -> Option<Id> {
    shifted(graph, id, |shift| shift <= 0.0)
}

fn shifted(graph: &Graph, id: Id, good: impl Fn(f64) -> bool) -> Option<Id> {
    let id = handed_on(graph, id);
    if op(graph, id) != Some("affine") {
        return Some(id);
    }
    let attrs = &graph.node(id).attrs;
    let plain = attrs.get_float("scale") == Ok(1.0) && attrs.get_float("shift").is_ok_and(good);
    if plain { first(graph, id) } else { None }
}

/// The same node, or the same op on the same nodes: `relu(cam)` written twice.
fn same(graph: &Graph, a: Id, b: Id) -> bool {
    let [a, b] = [a, b].map(|id| handed_on(graph, id));
    let inputs = |id| graph.inputs(id).into_iter().map(|input| Some(handed_on(graph, input?))).collect::<Vec<_>>();
    let (left, right) = (graph.node(a), graph.node(b));
    let twice = matches!(left.kind, Kind::Op(op) if !op.nature.random)
        && left.kind == right.kind
        && left.attrs == right.attrs
        && inputs(a) == inputs(b);
    a == b || twice
}

fn op(graph: &Graph, id: Id) -> Option<&'static str> {
    match graph.node(handed_on(graph, id)).kind {
        Kind::Op(op) => Some(op.name),
        _ => None,
    }
}

fn first(graph: &Graph, id: Id) -> Option<Id> {
    graph.inputs(handed_on(graph, id)).first().copied().flatten()
}
