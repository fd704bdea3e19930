//! A device made ready: one stream for all work, a pool that keeps its memory.

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::cudnn;
use candle_core::cuda_backend::cudarc::driver::{result, sys};
use candle_core::{Device, Result, bail};

/// cuDNN's, whose algorithms and entry points the convolutions are written for.
const CUDNN: usize = 9;

/// The CUDA device of that number.
///
/// # Errors
/// There is none, its driver or cuDNN is too old.
pub fn open(number: usize) -> Result<Device> {
    versions_fit()?;
    // The stream that Candle takes by default is one a thread: two threads would not wait for one another.
    let device = Device::new_cuda_with_stream(number)?;
    if let Device::Cuda(cuda) = &device {
        let (stream, mut keep) = (cuda.cuda_stream(), u64::MAX);
        // SAFETY: the pool is the device's own, the attribute a number of 8 bytes; with one stream there is nothing that events would order.
        unsafe {
            let pool = result::device::get_default_mem_pool(stream.context().cu_device()).w()?;
            let threshold = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
            result::mem_pool::set_attribute(pool, threshold, (&raw mut keep).cast()).w()?;
            cuda.disable_event_tracking();
        }
    }
    Ok(device)
}

/// The most memory that the device's pool has lent at once since the last [`reset_peak`], in bytes.
pub fn peak_bytes(device: &Device) -> Option<u64> {
    let Device::Cuda(cuda) = device else { return None };
    let stream = cuda.cuda_stream();
    let mut bytes = 0u64;
    // SAFETY: as in `open`.
    unsafe {
        let pool = result::device::get_default_mem_pool(stream.context().cu_device()).ok()?;
        let high = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH;
        result::mem_pool::get_attribute(pool, high, (&raw mut bytes).cast()).ok()?;
    }
    Some(bytes)
}

/// Begins to measure [`peak_bytes`] anew.
pub fn reset_peak(device: &Device) {
    let Device::Cuda(cuda) = device else { return };
    let (stream, mut nothing) = (cuda.cuda_stream(), 0u64);
    // SAFETY: as in `open`; a high-water mark is set to 0 alone.
    unsafe {
        if let Ok(pool) = result::device::get_default_mem_pool(stream.context().cu_device()) {
            let high = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH;
            let _ = result::mem_pool::set_attribute(pool, high, (&raw mut nothing).cast());
        }
    }
}

/// Whether driver and cuDNN are those the program was built for; a library that is missing altogether has kept it from starting.
fn versions_fit() -> Result<()> {
    let mut driver = 0;
    // SAFETY: one number is written; the call works without a device.
    unsafe { sys::cuDriverGetVersion(&mut driver) }.result().w()?;
    let (driver, needed) = (driver as u32, sys::CUDA_VERSION);
    // Minor versions of one major version run with one another.
    if driver / 1000 < needed / 1000 {
        bail!(
            "the driver is for CUDA {}.{} and the program for CUDA {}: a newer driver is needed",
            driver / 1000,
            driver % 1000 / 10,
            needed / 1000
        );
    }
    let cudnn = cudnn::result::get_version();
    if cudnn / 10_000 != CUDNN {
        bail!("cuDNN is {}.{} and the program for cuDNN {CUDNN}", cudnn / 10_000, cudnn % 10_000 / 100);
    }
    Ok(())
}
