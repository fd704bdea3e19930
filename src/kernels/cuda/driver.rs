//! Calls on a device: texts compiled by NVRTC, modules and functions kept, arguments and grids handed over.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use candle_core::cuda_backend::cudarc::driver::{CudaFunction, DevicePtr, DeviceRepr, LaunchConfig, PushKernelArg};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use candle_core::cuda_backend::{CudaDType, CudaDevice, DeviceId, WrapErr};
use candle_core::op::BackpropOp;
use candle_core::{CudaStorage, DType, Result, Shape, Storage, Tensor, bail};

use super::call::{Call, Given, Threads, Walked};

/// Threads of a block; the texts count on a power of two that is not above their `MOST_THREADS`.
const BLOCK: u32 = 256;
/// Blocks of a grid: enough for any card; what is left each thread takes in turn.
const MOST_BLOCKS: u32 = 1 << 16;

// SAFETY: 32 numbers of 4 bytes in a row, as the `Walk` of the prelude.
unsafe impl DeviceRepr for Walked {}

pub fn launch(call: &Call, device: &CudaDevice, target: &Tensor, count: u32, threads: Threads) -> Result<()> {
    let function = function(call, device)?;
    let stream = device.cuda_stream();
    let given = call.given(address)?;
    let target = address(target)?;
    let mut launch = stream.launch_builder(&function);
    launch.arg(&target).arg(&count);
    for given in &given {
        match given {
            Given::Address(address) => launch.arg(address),
            Given::Int(number) => launch.arg(number),
            Given::Float(number) => launch.arg(number),
            Given::Double(number) => launch.arg(number),
            Given::Walk(walk) => launch.arg(walk),
        };
    }
    let blocks = match threads {
        Threads::Apart => count.div_ceil(BLOCK),
        Threads::Together => count,
    };
    let grid =
        LaunchConfig { grid_dim: (blocks.min(MOST_BLOCKS), 1, 1), block_dim: (BLOCK, 1, 1), shared_mem_bytes: 0 };
    // SAFETY: the text takes these arguments in this order (held against the kernels for the CPU in tests); tensors live to the end of the call, and
    // their memory is given back in the order of the one stream.
    unsafe { launch.launch(grid) }.w()?;
    Ok(())
}

/// A tensor whose numbers are not written yet.
pub fn empty(dims: &[usize], dtype: DType, device: &CudaDevice) -> Result<Tensor> {
    fn of<T: CudaDType + DeviceRepr>(count: usize, device: &CudaDevice) -> Result<CudaStorage> {
        // SAFETY: who asks for it writes all of it before it is read.
        let slice = unsafe { device.alloc::<T>(count.max(1)) }?;
        Ok(CudaStorage::wrap_cuda_slice(slice, device.clone()))
    }
    let shape = Shape::from(dims);
    let storage = match dtype {
        DType::F32 => of::<f32>(shape.elem_count(), device)?,
        DType::F64 => of::<f64>(shape.elem_count(), device)?,
        DType::BF16 => of::<half::bf16>(shape.elem_count(), device)?,
        DType::U32 => of::<u32>(shape.elem_count(), device)?,
        other => bail!("no kernel makes {}", other.as_str()),
    };
    Ok(Tensor::from_storage(Storage::Cuda(storage), shape, BackpropOp::none(), false))
}

/// Where the first number of a tensor lies.
pub fn address(tensor: &Tensor) -> Result<u64> {
    fn of<T: CudaDType + DeviceRepr>(storage: &CudaStorage, start: usize) -> Result<u64> {
        let stream = storage.device.cuda_stream();
        let (address, _guard) = storage.as_cuda_slice::<T>()?.device_ptr(&stream);
        Ok(address + (start * size_of::<T>()) as u64)
    }
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cuda(storage) = &*storage else { bail!("a kernel for CUDA was given a tensor of another device") };
    match tensor.dtype() {
        DType::F32 => of::<f32>(storage, layout.start_offset()),
        DType::F64 => of::<f64>(storage, layout.start_offset()),
        DType::BF16 => of::<half::bf16>(storage, layout.start_offset()),
        DType::U32 => of::<u32>(storage, layout.start_offset()),
        DType::U8 => of::<u8>(storage, layout.start_offset()),
        other => bail!("no kernel reads {}", other.as_str()),
    }
}

/// The functions that have been compiled, by device, number type, whether maps are packed, name and text.
static FUNCTIONS: Mutex<Option<Functions>> = Mutex::new(None);
type Functions = HashMap<(DeviceId, DType, bool, &'static str, blake3::Hash), CudaFunction>;

fn function(call: &Call, device: &CudaDevice) -> Result<CudaFunction> {
    let key = (device.id(), call.number, call.packed, call.kernel, blake3::hash(call.text.as_bytes()));
    let mut functions = FUNCTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let functions = functions.get_or_insert_default();
    if let Some(function) = functions.get(&key) {
        return Ok(function.clone());
    }
    let stream = device.cuda_stream();
    let context = stream.context();
    let (major, minor) = context.compute_capability().w()?;
    let options = CompileOptions {
        options: [format!("--gpu-architecture=compute_{major}{minor}")]
            .into_iter()
            .chain(call.definitions()?)
            .collect(),
        ..CompileOptions::default()
    };
    let ptx = compile_ptx_with_opts(call.whole_text(), options)
        .map_err(|error| candle_core::Error::Msg(format!("the kernel `{}` does not compile: {error}", call.kernel)))?;
    let function = context.load_module(ptx).w()?.load_function(call.kernel).w()?;
    functions.insert(key, function.clone());
    Ok(function)
}
