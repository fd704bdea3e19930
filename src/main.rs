//! The program `wsss`: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

/// Candle allocates every result anew; a training block takes half the time with this allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    wsss::cli::main()
}
