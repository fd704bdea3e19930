//! Exit codes: what a calling program is told.

use std::process::ExitCode;

use crate::diag::{Code, Diagnostic};

/// How a command ended. The order is that of weight: of several the heaviest counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Exit {
    Done,
    /// The recipe or the input is wrong.
    Wrong,
    /// The command line is wrong.
    Usage,
    /// The run failed: disk, device, a loss that is not a number.
    Failed,
    /// Stopped by Ctrl-C.
    Interrupted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Wrong => 1,
            Exit::Usage => 2,
            Exit::Failed => 3,
            Exit::Interrupted => 130,
        }
    }

    /// What a list of diagnostics comes to; warnings alone are no failure.
    pub fn of<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> Exit {
        let errors = diagnostics.into_iter().filter(|diagnostic| diagnostic.is_error());
        errors.map(|diagnostic| Exit::of_code(diagnostic.code)).max().unwrap_or(Exit::Done)
    }

    fn of_code(code: Code) -> Exit {
        match code {
            Code::Interrupted => Exit::Interrupted,
            Code::NotANumber | Code::OutOfMemory | Code::NoDevice | Code::CannotWrite | Code::Internal => Exit::Failed,
            _ => Exit::Wrong,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_error_counts_and_warnings_do_not() {
        let warning = Diagnostic::warning(Code::UnusedImport, "");
        let wrong = Diagnostic::error(Code::Syntax, "");
        let failed = Diagnostic::error(Code::CannotWrite, "");
        assert_eq!(Exit::of([&warning]), Exit::Done);
        assert_eq!(Exit::of([&warning, &wrong]), Exit::Wrong);
        assert_eq!(Exit::of([&failed, &wrong]), Exit::Failed);
        assert_eq!(Exit::of([&failed, &Diagnostic::error(Code::Interrupted, "")]).code(), 130);
    }
}
