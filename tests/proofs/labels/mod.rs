//! What the checker proves of labels, against plain reachability: in random recipes, and in the recipes that come with the program
//! once pixel labels are led into each of their sinks.

mod mutations;
mod reachability;

use wsss::diag::{Code, Diagnostic};

/// Errors of other kinds mean that the text is no longer the recipe that was meant.
fn leaks(problems: &[Diagnostic]) -> Vec<&Diagnostic> {
    let is_leak = |problem: &&Diagnostic| matches!(problem.code, Code::SupervisionLeak | Code::OracleUsed);
    let others: Vec<&Diagnostic> = problems.iter().filter(|problem| problem.is_error() && !is_leak(problem)).collect();
    assert!(others.is_empty(), "{others:#?}");
    problems.iter().filter(is_leak).collect()
}
