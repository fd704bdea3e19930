//! Convolutions by cuDNN, on the stream that all else runs on. The algorithm for a shape is chosen once, among those that give the same bits each time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};

use candle_core::cuda_backend::cudarc::cudnn::{CudnnError, result, sys};
use candle_core::cuda_backend::{CudaDevice, DeviceId};
use candle_core::{DType, Device, Result, Tensor, bail};

use super::call::empty;
use super::driver::address;
use super::packed::{AS_IT_LIES, by_channel, by_pixel};
use super::precision::{self, Precision};
use super::{broadcast, layout};
use crate::kernels::broadcast::Binary;
use crate::kernels::conv::Conv2d;
use crate::kernels::packed;
use crate::kernels::real::contiguous;
use crate::kernels::walk::row_major;

/// Bytes that an algorithm may ask for beside its tensors.
const WORKSPACE: usize = 1 << 30;

/// As `kernels::conv::forward`.
pub fn forward(x: &Tensor, w: &Tensor, bias: Option<&Tensor>, conv: &Conv2d) -> Result<Tensor> {
    let [batch, _, height, width] = dims4(x)?;
    let [outputs, _, kernel @ ..] = dims4(w)?;
    let around = Around::of([height, width], kernel, conv);
    let x = around.put(x)?;
    let shapes = Shapes::new(dims4(&x)?, dims4(w)?, [batch, outputs, conv.output[0], conv.output[1]], conv, &around);
    let y = compute(Kind::Forward, &shapes, [&x, w])?;
    match bias {
        Some(bias) => broadcast::binary(Binary::Add, &y, &bias.reshape((1, outputs, 1, 1))?),
        None => Ok(y),
    }
}

/// As `kernels::conv::grad_input`.
pub fn grad_input(gy: &Tensor, w: &Tensor, input: [usize; 2], conv: &Conv2d) -> Result<Tensor> {
    let [_, channels, kernel @ ..] = dims4(w)?;
    let around = Around::of(input, kernel, conv);
    let [height, width] = around.size(input);
    let y = dims4(gy)?;
    let shapes = Shapes::new([y[0], channels * conv.groups, height, width], dims4(w)?, y, conv, &around);
    around.take(&compute(Kind::Input, &shapes, [gy, w])?, input)
}

/// As `kernels::conv::grad_weight`, to a result of `weight`.
pub fn grad_weight(gy: &Tensor, x: &Tensor, weight: [usize; 4], conv: &Conv2d) -> Result<Tensor> {
    let [_, _, height, width] = dims4(x)?;
    let around = Around::of([height, width], [weight[2], weight[3]], conv);
    let x = around.put(x)?;
    let shapes = Shapes::new(dims4(&x)?, weight, dims4(gy)?, conv, &around);
    packed::unpack(&compute(Kind::Weight, &shapes, [gy, &x])?)
}

/// What the pass makes of two tensors: packed if the first is and cuDNN knows how; in `f32` where it does not.
fn compute(kind: Kind, shapes: &Shapes, given: [&Tensor; 2]) -> Result<Tensor> {
    if !packed::is(given[0]) {
        return pass(kind, shapes, given)?.ok_or_else(|| none(kind));
    }
    let [first, second] = given.map(packed::pack);
    if let Some(made) = pass(kind, shapes, [&first?, &second?])? {
        return Ok(made);
    }
    let [first, second] = given.map(packed::unpack);
    let made = pass(kind, shapes, [&first?, &second?])?.ok_or_else(|| none(kind))?;
    if kind == Kind::Weight { Ok(made) } else { packed::pack(&made) }
}

fn none(kind: Kind) -> candle_core::Error {
    candle_core::Error::Msg(format!("conv2d: cuDNN has no algorithm for the {kind:?} pass of these shapes"))
}

/// `None`: there is no algorithm.
fn pass(kind: Kind, shapes: &Shapes, [first, second]: [&Tensor; 2]) -> Result<Option<Tensor>> {
    let lies = |x: &Tensor| if packed::is(x) { by_pixel(x) } else { contiguous(x) };
    let (first, second) = (lies(first)?, lies(second)?);
    let dims = match kind {
        Kind::Forward => shapes.y,
        Kind::Input => shapes.x,
        Kind::Weight => shapes.w,
    };
    let packed = packed::is(&first);
    let made = match packed {
        true => empty(&AS_IT_LIES.map(|axis| dims[axis]), first.dtype(), first.device())?,
        false => empty(&dims, first.dtype(), first.device())?,
    };
    let done = match kind {
        Kind::Forward => run(kind, shapes, [&first, &second, &made])?,
        Kind::Input => run(kind, shapes, [&made, &second, &first])?,
        Kind::Weight => run(kind, shapes, [&second, &made, &first])?,
    };
    let made = if packed { by_channel(&made)? } else { made };
    Ok(done.then_some(made))
}

/// cuDNN puts as many zeros after a picture as before it. Where that makes another size, they are put around it first.
struct Around {
    /// Rows and columns before and after; none where cuDNN does it.
    margins: Option<[[usize; 2]; 2]>,
    padding: [usize; 2],
}

impl Around {
    fn of(input: [usize; 2], kernel: [usize; 2], conv: &Conv2d) -> Around {
        let reach = [0, 1].map(|axis| conv.dilation[axis] * (kernel[axis] - 1) + 1);
        let even = |axis: usize| {
            let room = (input[axis] + 2 * conv.padding[axis]).checked_sub(reach[axis]);
            room.is_some_and(|room| room / conv.stride[axis] + 1 == conv.output[axis])
        };
        if even(0) && even(1) {
            return Around { margins: None, padding: conv.padding };
        }
        let after = [0, 1].map(|axis| {
            let last = (conv.output[axis] - 1) * conv.stride[axis] + reach[axis];
            last.saturating_sub(input[axis] + conv.padding[axis])
        });
        Around { margins: Some([conv.padding, after]), padding: [0, 0] }
    }

    fn size(&self, input: [usize; 2]) -> [usize; 2] {
        match self.margins {
            None => input,
            Some([before, after]) => [0, 1].map(|axis| before[axis] + input[axis] + after[axis]),
        }
    }

    fn put(&self, x: &Tensor) -> Result<Tensor> {
        let [batch, channels, height, width] = dims4(x)?;
        let Some([before, _]) = self.margins else { return Ok(x.clone()) };
        let [rows, columns] = self.size([height, width]);
        layout::pad(x, &[0, 0, before[0], before[1]], 0.0, &[batch, channels, rows, columns])
    }

    fn take(&self, x: &Tensor, [height, width]: [usize; 2]) -> Result<Tensor> {
        let Some([before, _]) = self.margins else { return Ok(x.clone()) };
        let [batch, channels, ..] = dims4(x)?;
        let strides = row_major(x.dims());
        let first = before[0] as isize * strides[2] + before[1] as isize;
        if packed::is(x) {
            let rows = layout::packed_slice(x, 2, before[0], height)?;
            return layout::packed_slice(&rows, 3, before[1], width);
        }
        layout::strided(x, &[batch, channels, height, width], &strides, first)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Kind {
    Forward,
    Input,
    Weight,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Shapes {
    x: [usize; 4],
    w: [usize; 4],
    y: [usize; 4],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
    groups: usize,
}

impl Shapes {
    fn new(x: [usize; 4], w: [usize; 4], y: [usize; 4], conv: &Conv2d, around: &Around) -> Shapes {
        let Conv2d { stride, dilation, groups, .. } = *conv;
        Shapes { x, w, y, stride, padding: around.padding, dilation, groups }
    }
}

thread_local! {
    /// A handle is of one thread.
    static HANDLES: RefCell<HashMap<DeviceId, Handle>> = RefCell::default();
}

struct Handle {
    raw: sys::cudnnHandle_t,
    /// The algorithm's number and the bytes it asks for; none where cuDNN has no algorithm that fits.
    chosen: HashMap<(Kind, Shapes, DType), Option<(u32, usize)>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: it was made by `create_handle` and is given back once.
        let _ = unsafe { result::destroy_handle(self.raw) };
    }
}

/// `[x, w, y]`, as they lie; the one that is the result is written. False where there is no algorithm.
fn run(kind: Kind, shapes: &Shapes, [x, w, y]: [&Tensor; 3]) -> Result<bool> {
    let Device::Cuda(device) = x.device() else { bail!("conv2d: not on a device for CUDA") };
    HANDLES.with_borrow_mut(|handles| {
        let handle = match handles.entry(device.id()) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => new.insert(open(device)?),
        };
        handle.run(kind, shapes, device, x.dtype(), [address(x)?, address(w)?, address(y)?])
    })
}

fn open(device: &CudaDevice) -> Result<Handle> {
    let raw = result::create_handle().map_err(told)?;
    let handle = Handle { raw, chosen: HashMap::new() };
    // SAFETY: both are alive; the stream is that of the device, which outlives the process' use of it.
    unsafe { result::set_stream(raw, device.cuda_stream().cu_stream() as sys::cudaStream_t) }.map_err(told)?;
    Ok(handle)
}

impl Handle {
    fn run(
        &mut self,
        kind: Kind,
        shapes: &Shapes,
        device: &CudaDevice,
        dtype: DType,
        [x, w, y]: [u64; 3],
    ) -> Result<bool> {
        let described = Described::new(shapes, dtype).map_err(told)?;
        let key = (kind, *shapes, dtype);
        let chosen = match self.chosen.get(&key) {
            Some(chosen) => *chosen,
            None => {
                let chosen = described.choose(self.raw, kind)?;
                self.chosen.insert(key, chosen);
                chosen
            }
        };
        let Some((algorithm, bytes)) = chosen else { return Ok(false) };
        let room = empty(&[bytes.div_ceil(4)], DType::U32, &Device::Cuda(device.clone()))?;
        let room = address(&room)? as *mut c_void;
        described.run(self.raw, kind, (algorithm, bytes), room, [x, w, y].map(|at| at as *mut c_void)).map_err(told)?;
        Ok(true)
    }
}

/// Shapes in cuDNN's words.
struct Described {
    x: sys::cudnnTensorDescriptor_t,
    w: sys::cudnnFilterDescriptor_t,
    y: sys::cudnnTensorDescriptor_t,
    conv: sys::cudnnConvolutionDescriptor_t,
    dtype: DType,
}

impl Drop for Described {
    fn drop(&mut self) {
        // SAFETY: each was made in `new` and is given back once.
        unsafe {
            let _ = result::destroy_tensor_descriptor(self.x);
            let _ = result::destroy_filter_descriptor(self.w);
            let _ = result::destroy_tensor_descriptor(self.y);
            let _ = result::destroy_convolution_descriptor(self.conv);
        }
    }
}

impl Described {
    fn new(shapes: &Shapes, dtype: DType) -> std::result::Result<Described, CudnnError> {
        use sys::{cudnnDataType_t as Number, cudnnMathType_t as Math, cudnnTensorFormat_t as Format};
        // What tensors are kept in, what sums are held in, and how they lie.
        let (number, sums, format) = match dtype {
            DType::F64 => (Number::CUDNN_DATA_DOUBLE, Number::CUDNN_DATA_DOUBLE, Format::CUDNN_TENSOR_NCHW),
            DType::BF16 => (Number::CUDNN_DATA_BFLOAT16, Number::CUDNN_DATA_FLOAT, Format::CUDNN_TENSOR_NHWC),
            _ => (Number::CUDNN_DATA_FLOAT, Number::CUDNN_DATA_FLOAT, Format::CUDNN_TENSOR_NCHW),
        };
        let math = match (dtype, precision::get()) {
            (DType::BF16, _) => Math::CUDNN_TENSOR_OP_MATH,
            (_, Precision::F32) => Math::CUDNN_FMA_MATH,
            _ => Math::CUDNN_DEFAULT_MATH,
        };
        let ints = |shape: [usize; 4]| shape.map(|length| length as c_int);
        let described = Described {
            x: result::create_tensor_descriptor()?,
            w: result::create_filter_descriptor()?,
            y: result::create_tensor_descriptor()?,
            conv: result::create_convolution_descriptor()?,
            dtype,
        };
        let ([ph, pw], [sh, sw], [dh, dw]) = (shapes.padding, shapes.stride, shapes.dilation);
        let [ph, pw, sh, sw, dh, dw] = [ph, pw, sh, sw, dh, dw].map(|length| length as c_int);
        let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
        // SAFETY: the four have just been made.
        unsafe {
            result::set_tensor4d_descriptor(described.x, format, number, ints(shapes.x))?;
            result::set_filter4d_descriptor(described.w, number, format, ints(shapes.w))?;
            result::set_tensor4d_descriptor(described.y, format, number, ints(shapes.y))?;
            result::set_convolution2d_descriptor(described.conv, ph, pw, sh, sw, dh, dw, mode, sums)?;
            result::set_convolution_group_count(described.conv, shapes.groups as i32)?;
            result::set_convolution_math_type(described.conv, math)?;
        }
        Ok(described)
    }

    /// The first algorithm, by cuDNN's own order, that gives the same bits each time and fits.
    fn choose(&self, handle: sys::cudnnHandle_t, kind: Kind) -> Result<Option<(u32, usize)>> {
        macro_rules! first {
            ($ask:path, $a:expr, $b:expr, $c:expr, $perf:ty) => {{
                let mut found: [std::mem::MaybeUninit<$perf>; 10] = [const { std::mem::MaybeUninit::uninit() }; 10];
                let mut count: c_int = 0;
                // SAFETY: descriptors are alive; `found` has room for what is asked for.
                match unsafe { $ask(handle, $a, $b, self.conv, $c, 10, &mut count, found.as_mut_ptr().cast()) } {
                    Err(CudnnError(sys::cudnnStatus_t::CUDNN_STATUS_NOT_SUPPORTED)) => count = 0,
                    asked => asked.map_err(told)?,
                }
                found[..count.clamp(0, 10) as usize]
                    .iter()
                    // SAFETY: so many have been written.
                    .map(|one| unsafe { one.assume_init() })
                    .find(|one| {
                        one.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS
                            && one.determinism == sys::cudnnDeterminism_t::CUDNN_DETERMINISTIC
                            && one.memory <= WORKSPACE
                    })
                    .map(|one| (one.algo as u32, one.memory))
            }};
        }
        let chosen = match kind {
            Kind::Forward => first!(
                result::get_convolution_forward_algorithm,
                self.x,
                self.w,
                self.y,
                sys::cudnnConvolutionFwdAlgoPerf_t
            ),
            Kind::Input => first!(
                result::get_convolution_backward_data_algorithm,
                self.w,
                self.y,
                self.x,
                sys::cudnnConvolutionBwdDataAlgoPerf_t
            ),
            Kind::Weight => first!(
                result::get_convolution_backward_filter_algorithm,
                self.x,
                self.y,
                self.w,
                sys::cudnnConvolutionBwdFilterAlgoPerf_t
            ),
        };
        Ok(chosen)
    }

    fn run(
        &self,
        handle: sys::cudnnHandle_t,
        kind: Kind,
        (algorithm, bytes): (u32, usize),
        room: *mut c_void,
        [x, w, y]: [*mut c_void; 3],
    ) -> std::result::Result<(), CudnnError> {
        // The factors of what is computed and of what was there, of the kind that cuDNN computes in.
        let (one, nothing) = (1f32, 0f32);
        let (wide_one, wide_nothing) = (1f64, 0f64);
        let [alpha, beta]: [*const c_void; 2] = match self.dtype {
            DType::F64 => [(&raw const wide_one).cast(), (&raw const wide_nothing).cast()],
            _ => [(&raw const one).cast(), (&raw const nothing).cast()],
        };
        // SAFETY: descriptors and addresses are alive, of the shapes they were made for; the algorithm is one that cuDNN named for them.
        unsafe {
            match kind {
                Kind::Forward => result::convolution_forward(
                    handle,
                    alpha,
                    self.x,
                    x,
                    self.w,
                    w,
                    self.conv,
                    std::mem::transmute::<u32, sys::cudnnConvolutionFwdAlgo_t>(algorithm),
                    room,
                    bytes,
                    beta,
                    self.y,
                    y,
                ),
                Kind::Input => result::convolution_backward_data(
                    handle,
                    alpha,
                    self.w,
                    w,
                    self.y,
                    y,
                    self.conv,
                    std::mem::transmute::<u32, sys::cudnnConvolutionBwdDataAlgo_t>(algorithm),
                    room,
                    bytes,
                    beta,
                    self.x,
                    x,
                ),
                Kind::Weight => result::convolution_backward_filter(
                    handle,
                    alpha,
                    self.x,
                    x,
                    self.y,
                    y,
                    self.conv,
                    std::mem::transmute::<u32, sys::cudnnConvolutionBwdFilterAlgo_t>(algorithm),
                    room,
                    bytes,
                    beta,
                    self.w,
                    w,
                ),
            }
        }
    }
}

fn dims4(x: &Tensor) -> Result<[usize; 4]> {
    match *x.dims() {
        [a, b, c, d] => Ok([a, b, c, d]),
        _ => bail!("conv2d: {:?} is no picture", x.dims()),
    }
}

fn told(error: CudnnError) -> candle_core::Error {
    candle_core::Error::Msg(format!("cuDNN: {error}"))
}
