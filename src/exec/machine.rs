//! What a run runs on: the device, the worker threads, whether it shall stop, how much memory it held.

use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{DType, Device};

use super::RunError;
use super::weights::Table;

/// Fixed for a whole run.
pub(super) struct Machine {
    pub device: Device,
    pub dtype: DType,
    pub workers: usize,
    /// Kernels work here; its size decides no number.
    pub pool: rayon::ThreadPool,
    stop: &'static AtomicBool,
}

impl Machine {
    /// 0 `workers` stands for one a core.
    pub fn new(device: Device, workers: usize, stop: &'static AtomicBool) -> Result<Machine, RunError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(workers)
            .thread_name(|at| format!("wsss-worker-{at}"))
            .build()
            .map_err(|error| RunError::internal(format!("no worker threads: {error}")))?;
        Ok(Machine { device, dtype: DType::F32, workers: pool.current_num_threads(), pool, stop })
    }

    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Weights, states and moments where the run computes.
    ///
    /// # Errors
    /// The device has no room for them.
    pub fn place(&self, mut table: Table) -> Result<Table, RunError> {
        for tensor in table.values_mut() {
            *tensor = tensor.to_device(&self.device)?;
        }
        Ok(table)
    }

    pub fn device_name(&self) -> &'static str {
        if self.device.is_cuda() { "cuda" } else { "cpu" }
    }
}

/// Begins to measure anew where the system can: the device's memory, on the CPU that of the program; else the peak is that of the whole program so far.
pub(super) fn reset_peak(device: &Device) {
    #[cfg(feature = "cuda")]
    if device.is_cuda() {
        return crate::kernels::cuda::reset_peak(device);
    }
    let _ = device;
    // Writing 5 resets the high-water mark (Linux, proc(5)). Where it is refused the figure is an upper bound.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that was held on the device, on the CPU by the program, in bytes, where the system tells.
pub(super) fn peak_bytes(device: &Device) -> Option<u64> {
    #[cfg(feature = "cuda")]
    if device.is_cuda() {
        return crate::kernels::cuda::peak_bytes(device);
    }
    let _ = device;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
