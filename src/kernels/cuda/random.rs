//! What chance decides, by the same words as on the CPU: a call is handed the key and the name of each sample's stream.

use candle_core::{DType, Device, Result, Tensor, bail};

use super::packed::step;
use super::{Call, upload};
use crate::kernels::draw::Distribution;
use crate::kernels::packed;
use crate::random::Stream;

const TEXT: &str = concat!(include_str!("source/philox.cu"), include_str!("source/random.cu"));

/// As `kernels::draw::real`.
pub fn real(
    distribution: Distribution,
    dims: &[usize],
    streams: &[Stream],
    dtype: DType,
    device: &Device,
) -> Result<Tensor> {
    let (which, p) = match distribution {
        Distribution::Bernoulli(p) => (0, p),
        Distribution::Uniform => (1, 0.0),
        Distribution::Normal => (2, 0.0),
    };
    let call = on_streams("draw_real", dims, streams, dtype, device)?;
    call.ints(&[which])?.double(p).make(dims, dtype)
}

/// As `kernels::draw::index`.
pub fn index(classes: usize, dims: &[usize], streams: &[Stream], device: &Device) -> Result<Tensor> {
    on_streams("draw_index", dims, streams, DType::F32, device)?.ints(&[classes])?.make(dims, DType::U32)
}

/// As `kernels::draw::class`.
pub fn class(tags: &Tensor, streams: &[Stream]) -> Result<Tensor> {
    let [rows, classes] = *tags.dims() else { bail!("sample_class: tags of {:?}", tags.dims()) };
    on_streams("draw_class", &[rows], streams, tags.dtype(), tags.device())?
        .tensor(tags)?
        .ints(&[classes])?
        .make(&[rows], DType::U32)
}

/// As `kernels::dropout::dropout`: words below `cut` drop a number; `plane` numbers in a row of memory share a word.
pub fn dropout(x: &Tensor, cut: u64, scale: f64, plane: usize, streams: &[Stream]) -> Result<Tensor> {
    let words = [&x.dims()[..1], &[x.elem_count() / (x.dims()[0] * plane).max(1)]].concat();
    let number = if packed::is(x) { DType::F32 } else { x.dtype() };
    let call = on_streams("dropout", &words, streams, number, x.device())?;
    let call = if packed::is(x) { call.packed() } else { call };
    let pixels = x.dims().iter().skip(2).product::<usize>().max(1);
    // `cut` is below 2³², which is a probability of 1.
    let call = call.map(x)?.ints(&[plane, cut as usize])?.number(scale);
    call.ints(&[pixels, step(x)])?.make_map(x.dims())
}

/// The streams and the numbers of a row, which are those of one sample.
fn on_streams(kernel: &'static str, dims: &[usize], streams: &[Stream], dtype: DType, device: &Device) -> Result<Call> {
    let Some(row) = dims.get(1..).map(|rest| rest.iter().product::<usize>()).filter(|_| !streams.is_empty()) else {
        bail!("{dims:?} without an axis of samples, of {} samples", streams.len());
    };
    let words = stream_words(streams, device)?;
    Call::new(TEXT, kernel, &words).of(dtype).tensor(&words)?.ints(&[streams.len(), row.max(1)])
}

/// Keys and names of streams, four words each.
pub(super) fn stream_words(streams: &[Stream], device: &Device) -> Result<Tensor> {
    let words: Vec<u32> = streams.iter().flat_map(Stream::words).collect();
    upload::numbers(&words, &[streams.len(), 4], device)
}
