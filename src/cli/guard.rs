//! What stands around every command: a panic becomes a diagnostic, a deep recipe gets a deep stack, Ctrl-C raises a flag.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::Exit;
use super::output::Output;
use crate::diag::{Code, Diagnostic};

/// Room for the recursion over the deepest tree that the parser lets through.
const STACK: usize = 64 << 20;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// From now on a panic prints an `internal` diagnostic that asks for a report.
pub(super) fn on_panic() {
    panic::set_hook(Box::new(|info| {
        if QUIET.get() {
            return;
        }
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
        let what = text.unwrap_or("no message");
        let place = info.location().map_or(String::new(), |place| format!(" at {}:{}", place.file(), place.line()));
        let diagnostic = Diagnostic::error(Code::Internal, format!("the program made a mistake{place}: {what}"))
            .help("this is no fault of the recipe: please report the message with the recipe and the command line");
        Output::new(false).problem(diagnostic);
    }));
}

/// Runs a command on a thread with a deep stack; a panic in it ends in exit code 3.
pub(super) fn deep(command: impl FnOnce() -> Exit + Send + 'static) -> Exit {
    match std::thread::Builder::new().name("wsss".into()).stack_size(STACK).spawn(command) {
        Ok(thread) => thread.join().unwrap_or(Exit::Failed),
        Err(error) => Output::new(false)
            .problem(Diagnostic::error(Code::OutOfMemory, format!("no thread could be started: {error}"))),
    }
}

/// Runs code of others over a foreign file; `None` where it panicked, which is not our mistake to report.
pub(super) fn foreign<T>(work: impl FnOnce() -> T) -> Option<T> {
    let before = QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work)).ok();
    QUIET.set(before);
    result
}

/// True once Ctrl-C was pressed or the process was asked to end. A second time ends it at once.
pub(super) fn interrupted() -> &'static AtomicBool {
    static FLAG: OnceLock<AtomicBool> = OnceLock::new();
    FLAG.get_or_init(|| {
        // Without a handler the first Ctrl-C ends the process, which is what a second one would have done.
        let _ = ctrlc::set_handler(|| {
            if FLAG.get().is_some_and(|flag| flag.swap(true, Ordering::SeqCst)) {
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
        });
        AtomicBool::new(false)
    })
}
