//! One call of a kernel: its text, what it is given, and how many results it makes.

use std::borrow::Cow;

use candle_core::{DType, Device, Result, Tensor, bail};

use super::packed::{by_channel, by_pixel};
use crate::kernels::packed;
use crate::kernels::real::contiguous;
use crate::kernels::walk::Walk;

/// What stands before every text.
const PRELUDE: &str = include_str!("source/prelude.cu");

/// The first argument of a kernel is where its results go, the second how many there are; then what [`Call`] was given, in order.
#[derive(Debug)]
pub struct Call {
    pub(super) text: Cow<'static, str>,
    pub(super) kernel: &'static str,
    /// The type `R` of the text.
    pub(super) number: DType,
    /// Whether `S`, what maps are kept in, is of 16 bits.
    pub(super) packed: bool,
    pub(super) device: Device,
    pub(super) arguments: Vec<Argument>,
}

#[derive(Debug)]
pub(super) enum Argument {
    /// The address of its first number; of nothing, a null pointer.
    Tensor(Option<Tensor>),
    Int(u32),
    /// An `R`.
    Number(f64),
    Double(f64),
    Walk(Walked),
}

/// An argument as it is handed over.
#[derive(Clone, Copy)]
pub(super) enum Given {
    Address(u64),
    Int(u32),
    Float(f32),
    Double(f64),
    Walk(Walked),
}

/// How threads share the work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Threads {
    /// A thread a result, each by itself.
    Apart,
    /// A block of them a result: they wait for one another.
    Together,
}

/// A [`Walk`] as a kernel takes it: the number of axes, their lengths, for each tensor its strides, and where each begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Walked([i32; Walked::NUMBERS]);

impl Walked {
    const NUMBERS: usize = 32;
    /// Axes that are left when neighbours are merged.
    const AXES: usize = 7;

    /// # Errors
    /// More axes than there is room for, lengths beyond 2³¹.
    pub fn new<const N: usize>(walk: &Walk<N>) -> Result<Walked> {
        let (lengths, strides): (Vec<usize>, Vec<[isize; N]>) = walk.axes().unzip();
        let strides: [_; N] = std::array::from_fn(|n| strides.iter().map(|strides| strides[n]).collect());
        let mut walked = Walked::table(&lengths, strides)?;
        for (n, &first) in walk.first().iter().enumerate() {
            walked.0[1 + 4 * Walked::AXES + n] = int(first)?;
        }
        Ok(walked)
    }

    /// Up to three numbers for each axis, for a kernel that reads them in its own way.
    ///
    /// # Errors
    /// As [`Walked::new`].
    pub fn table<const N: usize>(lengths: &[usize], rows: [Vec<isize>; N]) -> Result<Walked> {
        if lengths.len() > Walked::AXES || N > 3 {
            bail!("a walk over {} axes of {N} tensors", lengths.len());
        }
        let mut numbers = [0; Walked::NUMBERS];
        numbers[0] = lengths.len() as i32;
        for (axis, &length) in lengths.iter().enumerate() {
            numbers[1 + axis] = int(length as isize)?;
            for (n, row) in rows.iter().enumerate() {
                numbers[1 + (1 + n) * Walked::AXES + axis] = int(row[axis])?;
            }
        }
        Ok(Walked(numbers))
    }
}

fn int(number: isize) -> Result<i32> {
    i32::try_from(number).map_err(|_| too_large(number.unsigned_abs()))
}

impl Call {
    /// A call of `kernel` of `text`, whose `R` is the number type of `like`, on the device of `like`. For a packed map `R` is `float`, and maps are packed.
    pub fn new(text: &'static str, kernel: &'static str, like: &Tensor) -> Call {
        Call::made(Cow::Borrowed(text), kernel, like)
    }

    /// The same of a text that is made for the occasion. Equal texts are compiled once.
    pub fn made(text: impl Into<Cow<'static, str>>, kernel: &'static str, like: &Tensor) -> Call {
        let packed = packed::is(like);
        let number = if packed { DType::F32 } else { like.dtype() };
        Call { text: text.into(), kernel, number, packed, device: like.device().clone(), arguments: Vec::new() }
    }

    /// The number type `R`, where it is not that of the tensor the call was made for.
    pub fn of(self, number: DType) -> Call {
        Call { number, ..self }
    }

    /// Its maps are packed.
    pub fn packed(self) -> Call {
        Call { packed: true, ..self }
    }

    /// What the text takes as `R`, or as whole numbers.
    pub fn tensor(self, tensor: &Tensor) -> Result<Call> {
        self.optional(Some(tensor))
    }

    pub fn optional(self, tensor: Option<&Tensor>) -> Result<Call> {
        let plain = |tensor: &Tensor| contiguous(&packed::unpack(tensor)?);
        Ok(self.and(Argument::Tensor(tensor.map(plain).transpose()?)))
    }

    /// What the text takes as `S`: packed where the call's maps are.
    pub fn map(self, map: &Tensor) -> Result<Call> {
        if !self.packed {
            return self.tensor(map);
        }
        self.raw(&by_pixel(&packed::pack(map)?)?)
    }

    /// Numbers of the kind they are, as they lie.
    pub fn raw(self, tensor: &Tensor) -> Result<Call> {
        Ok(self.and(Argument::Tensor(Some(contiguous(tensor)?))))
    }

    /// Lengths, each an `unsigned`.
    pub fn ints(mut self, numbers: &[usize]) -> Result<Call> {
        for &number in numbers {
            self.arguments.push(Argument::Int(u32::try_from(number).map_err(|_| too_large(number))?));
        }
        Ok(self)
    }

    pub fn number(self, number: f64) -> Call {
        self.and(Argument::Number(number))
    }

    pub fn double(self, number: f64) -> Call {
        self.and(Argument::Double(number))
    }

    pub fn walk<const N: usize>(self, walk: &Walk<N>) -> Result<Call> {
        Ok(self.walked(Walked::new(walk)?))
    }

    pub fn walked(self, walk: Walked) -> Call {
        self.and(Argument::Walk(walk))
    }

    fn and(mut self, argument: Argument) -> Call {
        self.arguments.push(argument);
        self
    }

    /// A new tensor, a thread a number.
    pub fn make(self, dims: &[usize], dtype: DType) -> Result<Tensor> {
        let made = empty(dims, dtype, &self.device)?;
        self.launch(&made, made.elem_count(), Threads::Apart)?;
        Ok(made)
    }

    /// A new map, packed where the call's maps are, a thread a number.
    pub fn make_map(self, dims: &[usize]) -> Result<Tensor> {
        self.make_map_by(dims, 1)
    }

    /// The same, a thread for `width` numbers: so many divide what there is.
    pub fn make_map_by(self, dims: &[usize], width: usize) -> Result<Tensor> {
        let lies = match *dims {
            [batch, channels, rows, columns] if self.packed => Some([batch, rows, columns, channels]),
            _ => None,
        };
        let made = match &lies {
            Some(lies) => empty(lies, DType::BF16, &self.device)?,
            None => empty(dims, self.number, &self.device)?,
        };
        self.launch(&made, made.elem_count() / width, Threads::Apart)?;
        if lies.is_some() { by_channel(&made) } else { Ok(made) }
    }

    /// How many numbers of maps of `count` a thread can take together: several where they are of one channel, or of as many channels as they are, and
    /// lie so that they are read at once, 16 bytes at the most. `channels` are those of `plane` numbers in a row each.
    pub(super) fn width(&self, count: usize, channels: usize, plane: usize) -> Result<usize> {
        const WIDE: usize = 4;
        let inner = if plane == 1 { channels } else { plane };
        if inner % WIDE != 0 {
            return Ok(1);
        }
        for argument in &self.arguments {
            if let Argument::Tensor(Some(tensor)) = argument
                && tensor.elem_count() == count
                && address(tensor)? % (WIDE * tensor.dtype().size_in_bytes()).min(16) as u64 != 0
            {
                return Ok(1);
            }
        }
        Ok(WIDE)
    }

    /// A new tensor for `count` blocks of threads.
    pub fn make_by_blocks(self, count: usize, dims: &[usize], dtype: DType) -> Result<Tensor> {
        let made = empty(dims, dtype, &self.device)?;
        self.launch(&made, count, Threads::Together)?;
        Ok(made)
    }

    /// Writes into a tensor that is there, `count` threads.
    pub fn write(self, target: &Tensor, count: usize) -> Result<()> {
        if !target.is_contiguous() {
            bail!("{}: the target is not contiguous", self.kernel);
        }
        self.launch(target, count, Threads::Apart)
    }

    /// Writes wherever the text does, `count` blocks of threads; `target` is handed over as for [`Call::write`].
    pub fn write_by_blocks(self, target: &Tensor, count: usize) -> Result<()> {
        self.launch(target, count, Threads::Together)
    }

    fn launch(&self, target: &Tensor, count: usize, threads: Threads) -> Result<()> {
        // Numbers are counted in 32 bits; a grid of threads steps beyond the last one.
        let count = u32::try_from(count).ok().filter(|count| *count < 1 << 31).ok_or_else(|| too_large(count))?;
        if count == 0 {
            return Ok(());
        }
        match &self.device {
            #[cfg(feature = "cuda")]
            Device::Cuda(device) => super::driver::launch(self, device, target, count, threads),
            #[cfg(test)]
            Device::Cpu => super::emulate::launch(self, target, count, threads),
            other => bail!("{}: no kernel for {other:?} in this build ({threads:?} of {target})", self.kernel),
        }
    }

    /// The arguments behind the first two; `address` says where the numbers of a tensor lie.
    pub(super) fn given(&self, address: impl Fn(&Tensor) -> Result<u64>) -> Result<Vec<Given>> {
        let given = |argument: &Argument| {
            Ok(match argument {
                Argument::Tensor(None) => Given::Address(0),
                Argument::Tensor(Some(tensor)) => Given::Address(address(tensor)?),
                Argument::Int(number) => Given::Int(*number),
                Argument::Number(number) if self.number == DType::F64 => Given::Double(*number),
                Argument::Number(number) => Given::Float(*number as f32),
                Argument::Double(number) => Given::Double(*number),
                Argument::Walk(walk) => Given::Walk(*walk),
            })
        };
        self.arguments.iter().map(given).collect()
    }

    /// The text as it is compiled.
    pub(super) fn whole_text(&self) -> String {
        format!("{PRELUDE}{}", self.text)
    }

    /// What `R` and `S` stand for, as a compiler takes it.
    pub(super) fn definitions(&self) -> Result<Vec<String>> {
        let number = match self.number {
            DType::F32 => "float",
            DType::F64 => "double",
            DType::U32 => "unsigned",
            other => bail!("{}: computes in f32 and f64, found {}", self.kernel, other.as_str()),
        };
        let packed = self.packed.then(|| "-DPACKED".to_string());
        Ok([format!("-DREAL={number}")].into_iter().chain(packed).collect())
    }
}

/// Where the first number of a tensor lies.
pub(super) fn address(tensor: &Tensor) -> Result<u64> {
    match tensor.device() {
        #[cfg(feature = "cuda")]
        Device::Cuda(_) => super::driver::address(tensor),
        #[cfg(test)]
        Device::Cpu => super::emulate::address(tensor),
        other => bail!("no kernel for {other:?} in this build"),
    }
}

/// A tensor whose numbers are not written yet.
pub(super) fn empty(dims: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => super::driver::empty(dims, dtype, device),
        other => Tensor::zeros(dims, dtype, other),
    }
}

fn too_large(number: usize) -> candle_core::Error {
    candle_core::Error::Msg(format!("a length of {number} is beyond what a kernel for CUDA counts to"))
}
