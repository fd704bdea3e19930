//! What a run runs on: `--device auto|cpu|cuda|cuda:N`, `--precision tf32|f32|bf16`, `--workers N`.

use std::str::FromStr;

pub(super) use candle_core::Device;

use crate::diag::{Code, Diagnostic};

/// What a run computes on, and how.
#[derive(clap::Args)]
pub(super) struct On {
    /// Where tensors live: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: Wanted,
    /// What factors of convolutions are rounded to on a GPU: tf32, as PyTorch does; f32, which is not rounded; or bf16, where maps are kept so as well
    #[arg(long, default_value = "tf32")]
    precision: Precision,
}

impl On {
    /// Opens the device.
    ///
    /// # Errors
    /// CUDA is asked for and is not there, in the machine or in this build of the program.
    pub fn open(&self) -> Result<Device, Diagnostic> {
        #[cfg(feature = "cuda")]
        crate::kernels::cuda::precision::set(match self.precision {
            Precision::Tf32 => crate::kernels::cuda::precision::Precision::Tf32,
            Precision::F32 => crate::kernels::cuda::precision::Precision::F32,
            Precision::Bf16 => crate::kernels::cuda::precision::Precision::Bf16,
        });
        let _ = self.precision;
        self.device.open()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Precision {
    Tf32,
    F32,
    Bf16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    /// The first CUDA device where there is one, else the CPU.
    Auto,
    Cpu,
    Cuda(usize),
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Wanted, String> {
        match text {
            "auto" => Ok(Wanted::Auto),
            "cpu" => Ok(Wanted::Cpu),
            "cuda" => Ok(Wanted::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|number| number.parse().ok())
                .map(Wanted::Cuda)
                .ok_or_else(|| "expected `auto`, `cpu`, `cuda` or `cuda:N`".to_string()),
        }
    }
}

impl Wanted {
    fn open(self) -> Result<Device, Diagnostic> {
        let cuda = |number: usize| {
            open_cuda(number).map_err(|error| {
                let why = error.to_string().lines().next().unwrap_or("").to_string();
                Diagnostic::error(Code::NoDevice, format!("the CUDA device {number} cannot be used: {why}"))
                    .help("`--device cpu` runs anywhere")
            })
        };
        match self {
            Wanted::Cpu => Ok(Device::Cpu),
            Wanted::Auto if cfg!(feature = "cuda") => Ok(cuda(0).unwrap_or(Device::Cpu)),
            Wanted::Auto => Ok(Device::Cpu),
            Wanted::Cuda(number) if cfg!(feature = "cuda") => cuda(number),
            Wanted::Cuda(_) => Err(Diagnostic::error(Code::NoDevice, "this program was built without CUDA")
                .help("`--device cpu` runs anywhere; `cargo build --release --features cuda` needs the CUDA toolkit")),
        }
    }
}

#[cfg(feature = "cuda")]
fn open_cuda(number: usize) -> candle_core::Result<Device> {
    crate::kernels::cuda::open(number)
}

#[cfg(not(feature = "cuda"))]
fn open_cuda(number: usize) -> candle_core::Result<Device> {
    Device::new_cuda(number)
}

/// The threads of a run that was asked for so many: one a core where none were.
pub(super) fn workers(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(rayon::current_num_threads)
}

/// A count on the command line.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("expected a whole number".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_by_their_words() {
        assert_eq!("auto".parse(), Ok(Wanted::Auto));
        assert_eq!("cuda".parse(), Ok(Wanted::Cuda(0)));
        assert_eq!("cuda:3".parse(), Ok(Wanted::Cuda(3)));
        for wrong in ["gpu", "cuda:", "cuda:x", "CPU", ""] {
            assert!(wrong.parse::<Wanted>().is_err(), "{wrong}");
        }
    }
}
