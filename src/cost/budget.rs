//! Whether a recipe fits into the memory that was allowed, said before anything starts.

use super::lengths::{Pictures, Size};
use super::{Footprint, StageCost};
use crate::compile::Compiled;
use crate::diag::{Code, Diagnostic, amount};

/// What a run may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    pub bytes: u64,
    /// Pictures that run side by side where nothing is trained.
    pub workers: usize,
}

/// A diagnostic for each stage of `costs` that takes more.
pub fn refuse(compiled: &Compiled, costs: &[StageCost], budget: Budget) -> Vec<Diagnostic> {
    let over = costs.iter().filter(|cost| cost.footprint.peak(budget.workers) > budget.bytes);
    over.map(|cost| too_much(compiled, cost, budget)).collect()
}

fn too_much(compiled: &Compiled, cost: &StageCost, budget: Budget) -> Diagnostic {
    let (stage, footprint) = (cost.stage.stage, &cost.footprint);
    let [peak, allowed] = [footprint.peak(budget.workers), budget.bytes].map(amount::bytes);
    let message = format!("`{}` takes {peak} of memory at its peak, allowed are {allowed}", stage.name);
    let words = cost.largest.words();
    let lengths = if words.is_empty() { String::new() } else { format!(", for {words}") };
    let mut diagnostic =
        Diagnostic::error(Code::TooMuchMemory, message).label(stage.span, format!("{}{lengths}", parts(cost, budget)));
    if let Some(node) = footprint.step.at.map(|id| cost.stage.graph.node(id))
        && let Some(span) = node.origin.outermost()
    {
        let op = match node.kind {
            crate::graph::Kind::Op(op) => op.name.split('.').next().unwrap_or(op.name),
            _ => "a value",
        };
        diagnostic = diagnostic.label(span, format!("the peak is here, at `{op}`: {}", node.fact));
    }
    diagnostic.help(help(compiled, cost, budget))
}

/// What the peak is made of, the largest part first.
fn parts(cost: &StageCost, budget: Budget) -> String {
    let Footprint { step, optimizer, ahead, side_by_side } = cost.footprint;
    let at_once = if side_by_side { budget.workers.max(1) as u64 } else { 1 };
    let held_of_gradients = step
        .peak
        .saturating_sub(step.weights + step.states + step.constants + step.fields + step.activations + step.scratch);
    let mut parts = [
        ("weights", step.weights + step.states + step.constants),
        ("gradients", held_of_gradients * at_once),
        ("activations", step.activations * at_once),
        ("scratch", step.scratch * at_once),
        ("data", step.fields * at_once + ahead),
        ("the optimizer", optimizer),
    ];
    parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let shown: Vec<String> = parts
        .iter()
        .filter(|(_, bytes)| *bytes > 0)
        .take(3)
        .map(|(name, bytes)| format!("{name} {}", amount::bytes(*bytes)))
        .collect();
    let many = if at_once > 1 { format!(" ({at_once} pictures side by side)") } else { String::new() };
    format!("{}{many}", shown.join(", "))
}

/// What to lower, with the value that fits where one does.
fn help(compiled: &Compiled, cost: &StageCost, budget: Budget) -> String {
    let stage = cost.stage;
    if let Some(train) = &stage.stage.train {
        let fits = |batch: usize| {
            Pictures::of_step(compiled.recipe, stage.stage)
                .batched(batch)
                .fill(Size::Largest, |env| Footprint::new(stage, env, cost.kept))
                .is_some_and(|(_, footprint)| footprint.peak(budget.workers) <= budget.bytes)
        };
        return match largest(train.batch, fits) {
            0 => "even `batch = 1` does not fit: lower the crop, or choose a smaller network".into(),
            batch => format!("`batch = {batch}` fits; a smaller crop makes room for more"),
        };
    }
    match largest(budget.workers.max(1), |workers| cost.footprint.peak(workers) <= budget.bytes) {
        0 => "even one picture at a time does not fit: make the pictures smaller with `resize_long`".into(),
        workers => format!("`--workers {workers}` fits: pictures run side by side, one a worker"),
    }
}

/// The largest number below `top` that fits, 0 where none does; what fits once fits for every smaller one.
fn largest(top: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut good, mut bad) = (0, top);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle) { good = middle } else { bad = middle }
    }
    good
}
