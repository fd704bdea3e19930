//! The program `wsss`: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

/// Candle allocates every result anew; a training block takes half the time with this allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Number of mimalloc's option for how many milliseconds freed memory is kept before the system has it back; its bindings have no name for it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

pub fn main() -> ExitCode {
    // A step frees what the next one asks for. Memory that the system took back meanwhile would be cleared anew, page by page: a tenth of a step.
    // SAFETY: options are numbers that may be set at any time.
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, 60_000);
        libmimalloc_sys::mi_option_set(libmimalloc_sys::mi_option_large_os_pages, 1);
    }
    wsss::cli::main()
}
