//! From the host to a device without waiting: numbers go through memory that stays in its place, from where the device fetches them when it comes to it.
//!
//! From other memory the driver copies while everybody waits, and Candle waits for all that was begun before.

use candle_core::{Device, Result, Tensor, WithDType};

/// Numbers of the host as a tensor of the device.
///
/// # Errors
/// No room, more or fewer numbers than `dims` say.
pub fn numbers<T: WithDType>(numbers: &[T], dims: &[usize], device: &Device) -> Result<Tensor> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(cuda) => on_device::numbers(numbers, dims, cuda),
        other => Tensor::from_slice(numbers, dims, other),
    }
}

/// A tensor of the host on the device; one that lies on a device is moved as Candle does it.
///
/// # Errors
/// No room.
#[cfg(feature = "cuda")]
pub fn tensor(tensor: &Tensor, device: &Device) -> Result<Tensor> {
    use candle_core::DType;

    use crate::kernels::real::{contiguous, read};

    if !tensor.device().is_cpu() || !device.is_cuda() {
        return tensor.to_device(device);
    }
    let flat = contiguous(tensor)?;
    match tensor.dtype() {
        DType::F32 => numbers::<f32>(&read(&flat)?, tensor.dims(), device),
        DType::F64 => numbers::<f64>(&read(&flat)?, tensor.dims(), device),
        DType::U32 => numbers::<u32>(&read(&flat)?, tensor.dims(), device),
        _ => tensor.to_device(device),
    }
}

#[cfg(feature = "cuda")]
mod on_device {
    use std::collections::HashMap;
    use std::sync::{Mutex, PoisonError};

    use candle_core::cuda_backend::cudarc::driver::{CudaEvent, CudaStream, PinnedHostSlice, result};
    use candle_core::cuda_backend::{CudaDevice, DeviceId, WrapErr};
    use candle_core::{Device, Result, Tensor, WithDType, bail};

    use crate::kernels::cuda::call::{address, empty};

    /// Copies under way at once, of those up to [`SMALL`] bytes and of larger ones. The host is no further ahead than that.
    const AT_ONCE: [usize; 2] = [64, 4];
    const SMALL: usize = 64 << 10;

    /// What is under way, by device.
    static UNDER_WAY: Mutex<Option<HashMap<DeviceId, [Ring; 2]>>> = Mutex::new(None);

    /// Copies, the oldest of which is the next to end.
    #[derive(Default)]
    struct Ring {
        copies: Vec<Copy>,
        next: usize,
    }

    struct Copy {
        memory: PinnedHostSlice<u8>,
        /// When the device has fetched what is there.
        done: CudaEvent,
    }

    pub fn numbers<T: WithDType>(numbers: &[T], dims: &[usize], device: &CudaDevice) -> Result<Tensor> {
        let made = empty(dims, T::DTYPE, &Device::Cuda(device.clone()))?;
        if made.elem_count() != numbers.len() {
            bail!("{} numbers for a tensor of {dims:?}", numbers.len());
        }
        // SAFETY: numbers of f32, f64 and u32, which `empty` makes tensors of, are their bytes.
        let bytes = unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast::<u8>(), size_of_val(numbers)) };
        if bytes.is_empty() {
            return Ok(made);
        }
        let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        let rings = under_way.get_or_insert_default().entry(device.id()).or_default();
        let kind = usize::from(bytes.len() > SMALL);
        rings[kind].copy(bytes, address(&made)?, AT_ONCE[kind], &device.cuda_stream())?;
        Ok(made)
    }

    impl Ring {
        fn copy(&mut self, bytes: &[u8], to: u64, at_once: usize, stream: &CudaStream) -> Result<()> {
            let context = stream.context();
            // SAFETY: memory is written before the device reads it.
            let room = |bytes: usize| unsafe { context.alloc_pinned::<u8>(bytes.max(SMALL)) };
            if self.copies.len() < at_once {
                let done = context.new_event(None).w()?;
                self.next = self.copies.len();
                self.copies.push(Copy { memory: room(bytes.len()).w()?, done });
            }
            let copy = &mut self.copies[self.next];
            self.next = (self.next + 1) % at_once;
            copy.done.synchronize().w()?;
            if copy.memory.len() < bytes.len() {
                copy.memory = room(bytes.len()).w()?;
            }
            // SAFETY: the memory is as long and nobody reads it; it stays until the event says that the device has fetched all of it.
            unsafe {
                let at = copy.memory.as_mut_ptr().w()?;
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len());
                let staged = std::slice::from_raw_parts(at.cast_const(), bytes.len());
                result::memcpy_htod_async(to, staged, stream.cu_stream()).w()?;
            }
            copy.done.record(stream).w()
        }
    }
}
