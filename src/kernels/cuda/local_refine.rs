//! Pixel-adaptive refinement. The distances stand in the text, so each choice of them is compiled once.

use candle_core::{Result, Tensor};

use super::Call;
use super::softmax::{self, Softmax};

const TEXT: &str = include_str!("source/local_refine.cu");

/// As `kernels::local_refine::local_refine`.
pub fn local_refine(maps: &Tensor, image: &Tensor, dilations: &[usize], rounds: usize) -> Result<Tensor> {
    let (batch, classes, height, width) = maps.dims4()?;
    let channels = image.dim(1)?;
    let distances: Vec<String> = dilations.iter().map(ToString::to_string).collect();
    let neighbours = 8 * dilations.len();
    let text = format!("#define NEIGHBOURS {neighbours}u\n#define DISTANCES {{{}}}\n{TEXT}", distances.join(", "));
    let call = |kernel, x: &Tensor| Call::made(text.clone(), kernel, x).tensor(x);

    let scales = call("scales", image)?.ints(&[channels, height, width])?.make(image.dims(), image.dtype())?;
    let scores = call("scores", image)?.tensor(&scales)?.ints(&[channels, height, width])?;
    let scores = scores.make(&[batch, neighbours, height, width], image.dtype())?;
    let weights = softmax::forward(Softmax::Plain, &scores, 1)?;
    (0..rounds).try_fold(maps.clone(), |maps, _| {
        let call = call("mean_around", &maps)?.tensor(&weights)?.ints(&[classes, height, width])?;
        call.make(maps.dims(), maps.dtype())
    })
}
