//! Rules written over tensors: at once on the CPU, on a CUDA device all of a step together.

use candle_core::{CpuStorage, InplaceOp3, Layout, Result, Tensor, bail};

use super::rule::Rule;
#[cfg(any(test, feature = "cuda"))]
use crate::kernels::cuda::optimizer as cuda;
use crate::kernels::par::{PIECE, for_pieces};
use crate::kernels::real::Real;
use crate::kernels::wide::wide;

/// The updates of one step. Those of tensors on a CUDA device wait until [`Updates::finish`], where all of one rule are one launch: a network has
/// hundreds of parameters, most of them so small that a launch takes longer than its work.
#[derive(Default)]
#[must_use = "updates on a device wait until they are finished"]
pub struct Updates {
    #[cfg(any(test, feature = "cuda"))]
    waiting: Vec<Waiting>,
    /// Those of the CPU wait as well, to be made by the kernel for CUDA.
    #[cfg(test)]
    pub(super) all_wait: bool,
}

#[cfg(any(test, feature = "cuda"))]
struct Waiting {
    wave: Wave,
    text: &'static str,
    update: cuda::Update,
}

/// When an update is made: it may read what those of earlier waves write, and nothing that another one of its own wave writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Wave {
    /// The gradient, with what the decay adds.
    Gradient,
    Moment,
    /// What depends on another moment.
    Velocity,
    Parameter,
    /// A running mean of the parameter.
    Mean,
}

impl Updates {
    /// Writes `rule` over every number of `target`.
    pub(super) fn update<T: Rule>(
        &mut self,
        wave: Wave,
        target: &Tensor,
        a: &Tensor,
        b: &Tensor,
        rule: T,
    ) -> Result<()> {
        if a.dims() != target.dims() || b.dims() != target.dims() {
            bail!("optimizer: shapes {:?}, {:?} and {:?} differ", target.dims(), a.dims(), b.dims());
        }
        #[cfg(any(test, feature = "cuda"))]
        if self.wait(target) {
            let update = cuda::Update { target: target.clone(), a: a.clone(), b: b.clone(), numbers: rule.numbers() };
            self.waiting.push(Waiting { wave, text: T::TEXT, update });
            return Ok(());
        }
        let _ = wave;
        target.inplace_op3(&a.contiguous()?, &b.contiguous()?, &InPlace(rule))
    }

    #[cfg(any(test, feature = "cuda"))]
    fn wait(&self, target: &Tensor) -> bool {
        #[cfg(test)]
        if self.all_wait {
            return true;
        }
        target.device().is_cuda()
    }

    /// Makes what waits.
    ///
    /// # Errors
    /// The device's.
    #[cfg(any(test, feature = "cuda"))]
    pub fn finish(mut self) -> Result<()> {
        let kind = |waiting: &Waiting| (waiting.wave, waiting.text);
        self.waiting.sort_by_key(kind);
        for alike in self.waiting.chunk_by(|a, b| kind(a) == kind(b)) {
            let updates: Vec<&cuda::Update> = alike.iter().map(|waiting| &waiting.update).collect();
            cuda::update_all(alike[0].text, &updates)?;
        }
        Ok(())
    }

    /// Nothing waits on the CPU.
    ///
    /// # Errors
    /// None.
    #[cfg(not(any(test, feature = "cuda")))]
    pub fn finish(self) -> Result<()> {
        Ok(())
    }
}

struct InPlace<T>(T);

impl<T: Rule> InplaceOp3 for InPlace<T> {
    fn name(&self) -> &'static str {
        "optimizer"
    }

    fn cpu_fwd(
        &self,
        target: &mut CpuStorage,
        target_layout: &Layout,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<()> {
        let offsets = [target_layout, a_layout, b_layout].map(Layout::contiguous_offsets);
        let [Some(target_range), Some(a_range), Some(b_range)] = offsets else {
            bail!("optimizer: a parameter or its state is not contiguous");
        };
        let sources = [(a, a_range), (b, b_range)];
        match target {
            CpuStorage::F32(target) => self.write(&mut target[target_range.0..target_range.1], sources),
            CpuStorage::F64(target) => self.write(&mut target[target_range.0..target_range.1], sources),
            _ => bail!("optimizer: parameters are f32 or f64"),
        }
    }
}

impl<T: Rule> InPlace<T> {
    fn write<R: Real>(&self, target: &mut [R], sources: [(&CpuStorage, (usize, usize)); 2]) -> Result<()> {
        let [(a, a_range), (b, b_range)] = sources;
        let a = &R::cpu_storage_as_slice(a)?[a_range.0..a_range.1];
        let b = &R::cpu_storage_as_slice(b)?[b_range.0..b_range.1];
        for_pieces(target, PIECE, |start, target| {
            wide(
                #[inline(always)]
                || {
                    for ((target, &a), &b) in target.iter_mut().zip(&a[start..]).zip(&b[start..]) {
                        *target = self.0.apply(*target, a, b);
                    }
                },
            )
        });
        Ok(())
    }
}
