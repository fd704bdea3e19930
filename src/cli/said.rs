//! What a command has said already: where it looks at one recipe several times, a warning is worth saying once.

use std::collections::HashSet;

use crate::diag::{Diagnostic, brief};
use crate::source::Sources;

#[derive(Default)]
pub(super) struct Said(HashSet<String>);

impl Said {
    /// Whether this is the first time.
    pub fn is_new(&mut self, line: &str) -> bool {
        self.0.insert(line.to_string())
    }

    /// Without the warnings that were said before. An error is said each time: each time it is why something did not run.
    pub fn unsaid(&mut self, problems: Vec<Diagnostic>, sources: &Sources) -> Vec<Diagnostic> {
        let mut unsaid = |problem: &Diagnostic| self.is_new(&brief::line(problem, sources)) || problem.is_error();
        problems.into_iter().filter(|problem| unsaid(problem)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Code;

    #[test]
    fn a_warning_is_said_once_and_an_error_each_time() {
        let problems = vec![Diagnostic::warning(Code::UnusedParam, "w"), Diagnostic::error(Code::Syntax, "e")];
        let (mut said, sources) = (Said::default(), Sources::new());
        assert_eq!(said.unsaid(problems.clone(), &sources), problems);
        assert_eq!(said.unsaid(problems.clone(), &sources), problems[1..]);
    }
}
