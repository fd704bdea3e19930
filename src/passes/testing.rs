//! Before and after, as text.

use expect_test::Expect;

use super::Pass;
use super::runner::Runner;
use crate::graph::{text, verify};

/// Runs one pass until it has nothing to say.
pub(crate) fn check_pass(pass: Pass, before: &str, after: Expect) {
    let graph = text::parse(before).unwrap();
    let mut runner = Runner::new(verify(graph).unwrap().into_inner());
    runner.run(&pass).unwrap();
    after.assert_eq(&text::print(&runner.graph));
}
