//! The command `wsss`. A build without CUDA is the program itself; one with CUDA looks for NVIDIA's libraries and starts the program, `wsss-cuda`
//! beside it, which is linked against them.

#[cfg(not(feature = "cuda"))]
mod program;
#[cfg(any(feature = "cuda", test))]
#[cfg_attr(not(feature = "cuda"), allow(dead_code))]
mod start;

fn main() -> std::process::ExitCode {
    #[cfg(feature = "cuda")]
    return start::main();
    #[cfg(not(feature = "cuda"))]
    program::main()
}
