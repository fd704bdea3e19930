//! `matmul`: the product of matrices, its sides turned where asked for, so that its gradients are products too.

use crate::kernels::matmul::matmul;
use crate::ops::prelude::*;
use crate::ops::rules;

const TURN_A: &str = "transpose_a";
const TURN_B: &str = "transpose_b";

pub(super) static OP: OpDef = OpDef {
    name: "matmul",
    summary: "The product of matrices.",
    inputs: &[
        Input::one("a", "`[…, rows, inner]`."),
        Input::one("b", "`[…, inner, columns]`; axes before the last two are broadcast."),
    ],
    params: &[
        Param::new(TURN_A, ParamKind::Bool, Preset::Bool(false), "Whether `a` is `[…, inner, rows]`."),
        Param::new(TURN_B, ParamKind::Bool, Preset::Bool(false), "Whether `b` is `[…, columns, inner]`."),
    ],
    output: "`[…, rows, columns]`.",
    laws: |_| &[Law::Zero { slot: 0 }, Law::Zero { slot: 1 }],
    infer,
    range: |args, _| {
        let (Ok(a), Ok(b)) = (matrix(args, 0, TURN_A), matrix(args, 1, TURN_B)) else { return Interval::ALL };
        a.range.times(b.range).sum(a.dims.last().and_then(Dim::as_const))
    },
    eval,
    grad: Gradient::Of(grad),
    flops: |cost| {
        let Some(Some(a)) = cost.inputs.first() else { return 0 };
        let inner = if cost.attrs.get_bool(TURN_A) == Ok(true) { a.iter().rev().nth(1) } else { a.last() };
        2 * cost.output.iter().product::<usize>() as u64 * inner.copied().unwrap_or(0) as u64
    },
    examples: &[
        Example {
            about: "rows times columns",
            code: "matmul(tensor([[1, 2], [3, 4]]), tensor([[1], [10]]))",
            answer: "[[21] [43]]",
        },
        Example {
            about: "similarity of all pairs of rows",
            code: "matmul(tensor([[1, 2], [3, 4]]), tensor([[1, 2], [3, 4]]), transpose_b = true)",
            answer: "[[5 11] [11 25]]",
        },
        Example {
            about: "one matrix for a whole batch",
            code: "matmul(tensor([[[1, 2]], [[3, 4]]]), tensor([[1, 10]]), transpose_a = true)",
            answer: "[[[1 10] [2 20]] [[3 30] [4 40]]]",
        },
        Example {
            about: "both turned",
            code: "matmul(tensor([[1], [2]]), tensor([[3, 4]]), transpose_a = true, transpose_b = true)",
            answer: "[[11]]",
        },
    ],
    ..OpDef::USUAL
};

/// C1: both are matrices. C2: the inner lengths are equal. C3: the axes before are broadcast to each other.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let (a, b) = (matrix(args, 0, TURN_A)?, matrix(args, 1, TURN_B)?);
    let (rank_a, rank_b) = (a.rank(), b.rank());
    let (inner, other) = (&a.dims[rank_a - 1], &b.dims[rank_b - 2]);
    if inner != other {
        return Err(rules::mismatch(args, 1, args.fact(0), args.fact(1), inner, other));
    }
    let outer = |fact: &Fact| fact.with_dims(fact.dims[..fact.rank() - 2].to_vec());
    let mut dims = rules::broadcast_dims(args, 1, &outer(&a), &outer(&b))?;
    dims.extend([a.dims[rank_a - 2].clone(), b.dims[rank_b - 1].clone()]);
    Ok(Fact::new(product(&a.domain, &b.domain), dims))
}

/// The fact of a side as it stands in the product.
fn matrix(args: &Infer, slot: usize, turn: &str) -> Result<Fact, OpError> {
    let mut fact = rules::real(args, slot)?.clone();
    let rank = fact.rank();
    if rank < 2 {
        let message = format!("expected a matrix, found {fact}");
        return Err(OpError::new(Code::RankMismatch, message).at(args.op.inputs[slot].name));
    }
    if args.attrs.get_bool(turn)? {
        fact.dims.swap(rank - 1, rank - 2);
    }
    Ok(fact)
}

/// Sums of products of what is not negative are not negative; what a network computes stays a feature.
fn product(a: &Domain, b: &Domain) -> Domain {
    let positive = |domain: &Domain| domain.is_a(&Domain::NonNegative);
    let computed = |domain: &Domain| matches!(domain, Domain::Feature | Domain::Logit);
    match (a, b) {
        (a, b) if positive(a) && positive(b) => Domain::NonNegative,
        (a, b) if computed(a) || computed(b) => Domain::Feature,
        _ => Domain::Real,
    }
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let side = |slot: usize, turn: &str| -> Result<Tensor, OpError> {
        let tensor = args.tensor(slot);
        Ok(if args.attrs.get_bool(turn)? { tensor.t()? } else { tensor.clone() })
    };
    Ok(matmul(&side(0, TURN_A)?, &side(1, TURN_B)?)?)
}

/// With `y = A B`: `gA = gy Bᵀ`, `gB = Aᵀ gy`, each turned back where its side was.
fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let (a, b, gy) = (g.input(0), g.input(1), g.gradient);
    let (turn_a, turn_b) = (g.attrs.get_bool(TURN_A)?, g.attrs.get_bool(TURN_B)?);
    let turned = |turn_a: bool, turn_b: bool| Attrs::new().flag(TURN_A, turn_a).flag(TURN_B, turn_b);
    let mut parts = vec![None, None];
    if g.wanted[0] {
        let whole = match turn_a {
            false => g.op("matmul", &[gy, b], turned(false, !turn_b))?,
            true => g.op("matmul", &[b, gy], turned(turn_b, true))?,
        };
        parts[0] = Some(g.sum_to(whole, a)?);
    }
    if g.wanted[1] {
        let whole = match turn_b {
            false => g.op("matmul", &[a, gy], turned(!turn_a, false))?,
            true => g.op("matmul", &[gy, a], turned(true, turn_a))?,
        };
        parts[1] = Some(g.sum_to(whole, b)?);
    }
    Ok(parts)
}
