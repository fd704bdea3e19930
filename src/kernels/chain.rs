//! Several steps that go on place by place, in one pass over memory: a block of numbers goes through all of them while it is in the nearest
//! cache. The numbers are those of the steps one after the other.

use candle_core::{Result, Tensor, bail};

use super::norm::Channels;
use super::pointwise::{Unary, apply, apply_grad, each, each2};
use super::real::{Real, build_blocks, contiguous, dispatch, on_cuda, read, tensor};
use super::wide::wide;

/// Numbers of a block.
const BLOCK: usize = 4096;

/// One step. Tensors have the shape of what the chain begins with.
#[derive(Clone, Debug)]
pub enum Link<'a> {
    Unary(Unary),
    /// Times the derivative, of the tensor that [`Unary::saves`] names.
    Derivative(Unary, &'a Tensor),
    Add(&'a Tensor),
    Sub(&'a Tensor),
    Mul(&'a Tensor),
    /// By axis 1.
    Channels(Channels),
}

impl Link<'_> {
    /// The tensor that has its shape.
    pub(super) fn other(&self) -> Option<&Tensor> {
        match self {
            Link::Derivative(_, other) | Link::Add(other) | Link::Sub(other) | Link::Mul(other) => Some(other),
            Link::Unary(_) | Link::Channels(_) => None,
        }
    }
}

/// `x` through all `links`. Fails for a tensor of another shape, and for channels that `x` does not have.
pub fn run(x: &Tensor, links: &[Link]) -> Result<Tensor> {
    let channels = x.dims().get(1).copied();
    for link in links {
        if let Some(other) = link.other()
            && other.dims() != x.dims()
        {
            bail!("a chain over {:?} is given numbers of {:?}", x.dims(), other.dims());
        }
        if let Link::Channels(given) = link
            && Some(given.count()) != channels
        {
            bail!("norm: {} channels are given, the numbers are {:?}", given.count(), x.dims());
        }
    }
    on_cuda!(x, cuda::chain::run(x, links));
    dispatch!("chain", x, R => {
        let flat = contiguous(x)?;
        let others: Vec<Option<Tensor>> = links.iter().map(|link| link.other().map(contiguous).transpose()).collect::<Result<_>>()?;
        let others = others.iter().map(|other| other.as_ref().map(read::<R>).transpose()).collect::<Result<Vec<_>>>()?;
        let steps = links.iter().zip(&others).map(|(link, other)| Step::new(link, other.as_deref())).collect::<Result<Vec<Step<R>>>>()?;
        let plane: usize = x.dims().iter().skip(2).product();
        let numbers = &*read::<R>(&flat)?;
        // SAFETY: each block is copied whole.
        let y = unsafe {
            build_blocks(numbers.len(), BLOCK, |start, block: &mut [R]| {
                wide(
                    #[inline(always)]
                    || {
                        block.copy_from_slice(&numbers[start..start + block.len()]);
                        steps.iter().for_each(|step| step.take(start, plane, block));
                    },
                );
            })
        };
        tensor(y, x.shape())
    })
}

/// A link on numbers.
enum Step<'a, R> {
    Unary(Unary),
    Derivative(Unary, &'a [R]),
    Add(&'a [R]),
    Sub(&'a [R]),
    Mul(&'a [R]),
    /// Mean, scale and bias of each channel.
    Normalize(Vec<[R; 3]>),
    Scale(Vec<R>),
}

impl<'a, R: Real> Step<'a, R> {
    fn new(link: &Link, other: Option<&'a [R]>) -> Result<Step<'a, R>> {
        let other = other.unwrap_or_default();
        Ok(match link {
            Link::Unary(f) => Step::Unary(*f),
            Link::Derivative(f, _) => Step::Derivative(*f, other),
            Link::Add(_) => Step::Add(other),
            Link::Sub(_) => Step::Sub(other),
            Link::Mul(_) => Step::Mul(other),
            Link::Channels(channels) => match channels.triples()? {
                Some(triples) => Step::Normalize(triples.into_iter().map(|triple| triple.map(R::of)).collect()),
                None => Step::Scale(channels.factors()?.into_iter().map(R::of).collect()),
            },
        })
    }

    /// On a block that begins at number `start`.
    #[inline(always)]
    fn take(&self, start: usize, plane: usize, block: &mut [R]) {
        match self {
            Step::Unary(f) => apply(*f, block),
            Step::Derivative(f, saved) => apply_grad(*f, block, &saved[start..start + block.len()]),
            Step::Add(other) => each2(block, &other[start..], |number, other| number + other),
            Step::Sub(other) => each2(block, &other[start..], |number, other| number - other),
            Step::Mul(other) => each2(block, &other[start..], |number, other| number * other),
            Step::Normalize(channels) => by_plane(start, plane, block, |at, numbers| {
                let [mean, scale, bias] = channels[at % channels.len()];
                each(numbers, |number| (number - mean) * scale + bias);
            }),
            Step::Scale(channels) => by_plane(start, plane, block, |at, numbers| {
                let scale = channels[at % channels.len()];
                each(numbers, |number| number * scale);
            }),
        }
    }
}

/// The parts of a block that lie in one plane each, with the number of that plane.
#[inline(always)]
fn by_plane<R: Real>(start: usize, plane: usize, block: &mut [R], one: impl Fn(usize, &mut [R])) {
    let mut at = 0;
    while at < block.len() {
        let number = (start + at) / plane;
        let end = ((number + 1) * plane - start).min(block.len());
        one(number, &mut block[at..end]);
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::kernels::testing::{assert_same_for_any_workers, cast, numbers, sample};

    /// Bit for bit what the steps give one after the other, over blocks and planes that end in the middle of one another.
    #[test]
    fn the_numbers_of_one_step_after_the_other() -> Result<()> {
        for dims in [&[2, 3, 41, 37][..], &[3, 5], &[1, 1, 1, 1], &[0, 4, 2]] {
            let [x, a, b] = [1, 2, 3].map(|seed| cast(&sample(dims, seed), DType::F32));
            let one = |seed| (sample(&[dims[1]], seed).abs().unwrap() + 0.1).unwrap();
            let [mean, var, weight] = [4, 5, 6].map(one);
            let links = [
                Link::Channels(Channels::normalize(&mean, &var, Some(&weight), None, 1e-5)?),
                Link::Add(&a),
                Link::Unary(Unary::Relu),
                Link::Sub(&b),
                Link::Derivative(Unary::Tanh, &b),
                Link::Channels(Channels::scale(&var, None, 1e-5)?),
                Link::Mul(&a),
                Link::Unary(Unary::Affine { scale: 1.5, shift: -0.25 }),
            ];
            let apart = links.iter().try_fold(x.clone(), |x, link| run(&x, std::slice::from_ref(link)))?;
            let fused = assert_same_for_any_workers("chain", || run(&x, &links));
            let bits = |x: &Tensor| numbers(x).into_iter().map(f64::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(&fused), bits(&apart), "{dims:?}");
        }
        Ok(())
    }

    #[test]
    fn other_shapes_are_refused() {
        let (x, three) = (sample(&[2, 4, 3], 1), sample(&[3], 2));
        assert!(run(&x, &[Link::Add(&three)]).is_err());
        assert!(run(&x, &[Link::Channels(Channels::scale(&three, None, 1.0).unwrap())]).is_err());
        assert!(run(&three, &[Link::Channels(Channels::scale(&three, None, 1.0).unwrap())]).is_err());
    }
}
