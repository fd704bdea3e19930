//! What ops of chance share: the streams of the samples, and what the dropouts say of themselves.

use crate::ops::prelude::*;
use crate::ops::rules;
use crate::random::Stream;

pub const PARAMS: &[Param] = &[
    Param::new("p", ParamKind::Float, Preset::Float(0.5), "The share that is dropped, from 0 to below 1."),
    Param::new("place", ParamKind::Int, Preset::Int(0), "Which of the recipe's draws this is."),
];

/// C1: `p` is at least 0 and below 1. C2: the first axis is that of the samples.
pub fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = rules::real(args, 0)?;
    let p = args.attrs.get_float("p")?;
    if !(0.0..1.0).contains(&p) {
        let message = format!("`p` must be at least 0 and below 1, it is {p}");
        return Err(OpError::new(Code::OutOfRange, message).at("p"));
    }
    if x.rank() == 0 {
        let message = format!("expected a batch of samples, found {x}");
        return Err(OpError::new(Code::RankMismatch, message).at("x"));
    }
    let (lo, hi) = rules::range(&x.domain);
    let domain = match &x.domain {
        domain if p == 0.0 || rules::keeps_role(domain) => domain.clone(),
        _ => rules::within((lo.min(0.0) / (1.0 - p), hi.max(0.0) / (1.0 - p))),
    };
    Ok(x.with_domain(domain))
}

/// The stream of each sample of the batch.
pub fn streams(args: &Eval) -> Result<Vec<Stream>, OpError> {
    let (place, draw) = (args.attrs.get_int("place")? as u64, &args.context.draw);
    Ok(draw.samples.iter().map(|&sample| Stream::new(draw.seed, place, draw.epoch, sample)).collect())
}

/// The same entries are dropped of the gradient.
pub fn same(g: &mut Grad, name: &'static str) -> Result<Vec<Option<Ref>>, OpError> {
    let gx = g.op(name, &[g.gradient], g.attrs.clone())?;
    Ok(vec![Some(gx)])
}

/// Zeros, and what is kept, made larger.
pub fn numbers(args: &Infer, result: &Fact) -> Interval {
    let p = args.attrs.get_float("p").unwrap_or(0.0);
    let kept = args.fact(0).range.affine(1.0 / (1.0 - p), 0.0);
    if p == 0.0 { carry::same_numbers(args, result) } else { kept.union(Interval::point(0.0)) }
}
