//! Dense CRF: scores of a picture's pixels, brought into line with its colours.
//!
//! [`mean_field`] is the mean field of Krähenbühl and Koltun (NIPS 2011) on the permutohedral lattice, in `f32`; [`exact`] is the same with
//! kernels summed over all pairs of pixels, in `f64`, for small pictures. Both filter all labels at once. From the picture to
//! the marginals:
//!
//! - [`simplex`]: a pixel's feature lies between vertices of the lattice, which [`table`] numbers;
//! - [`cover`]: slots and weights of all pixels, tile by tile ([`tiles`]), and the neighbours of vertices: made once a picture;
//! - [`filter`]: sums in slots become values of vertices, blurred;
//! - [`mean_field`]: the steps.
//!
//! [`unary`] makes logits of scores and of labels. Work is split by fixed sizes, over the tiles of one picture; whoever has many pictures
//! runs one a worker.

mod cover;
mod exact;
mod filter;
mod math;
mod mean_field;
mod simplex;
mod table;
mod tiles;
pub mod unary;

#[cfg(test)]
mod tests;

pub use exact::exact;
pub use mean_field::mean_field;

/// A picture on the scale 0–255, `[channels, height, width]` in row-major order.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    numbers: &'a [f32],
    channels: usize,
    height: usize,
    width: usize,
}

impl<'a> Picture<'a> {
    /// Of three channels, red, green and blue, or of one, grey, which stands for all three.
    ///
    /// # Errors
    /// Another number of channels, not as many numbers as that asks for, or one that is not finite.
    pub fn new(numbers: &'a [f32], [channels, height, width]: [usize; 3]) -> Result<Picture<'a>, Error> {
        if !matches!(channels, 1 | 3) || numbers.len() != channels * height * width {
            return Err(Error::Channels { numbers: numbers.len(), channels, size: [height, width] });
        }
        if !numbers.iter().all(|x| x.is_finite()) {
            return Err(Error::Colour);
        }
        Ok(Picture { numbers, channels, height, width })
    }

    fn channel(&self, channel: usize) -> &[f32] {
        let pixels = self.height * self.width;
        &self.numbers[channel.min(self.channels - 1) * pixels..][..pixels]
    }
}

/// Which pixels speak to one another: a Gaussian of their distance, normalised symmetrically.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kernel {
    /// Of their places: `sxy` is the standard deviation in pixels.
    Spatial { sxy: f32, weight: f32 },
    /// Of their places and colours: `srgb` is the standard deviation of a channel on the scale 0–255.
    Bilateral { sxy: f32, srgb: f32, weight: f32 },
}

impl Kernel {
    /// The vertices of the lattice around a feature.
    fn corners(&self) -> usize {
        match self {
            Kernel::Spatial { .. } => 3,
            Kernel::Bilateral { .. } => 6,
        }
    }

    /// Standard deviations of places and of colours; of the latter infinity where they do not count.
    fn deviations(&self) -> (f32, f32) {
        match *self {
            Kernel::Spatial { sxy, .. } => (sxy, f32::INFINITY),
            Kernel::Bilateral { sxy, srgb, .. } => (sxy, srgb),
        }
    }

    fn weight(&self) -> f32 {
        let (Kernel::Spatial { weight, .. } | Kernel::Bilateral { weight, .. }) = *self;
        weight
    }

    /// Whether deviations are above 0 and the weight is a number from 0 up.
    pub fn is_sound(&self) -> bool {
        let (sxy, srgb) = self.deviations();
        sxy > 0.0 && sxy.is_finite() && srgb > 0.0 && (0.0..f32::INFINITY).contains(&self.weight())
    }

    /// C1: it is sound. C2: the picture's features stay within the coordinates that a lattice has.
    fn check(&self, picture: &Picture) -> Result<(), Error> {
        if !self.is_sound() {
            return Err(Error::Kernel(*self));
        }
        let (sxy, srgb) = self.deviations();
        let colour = match self {
            Kernel::Spatial { .. } => 0.0,
            Kernel::Bilateral { .. } => picture.numbers.iter().fold(0.0, |most: f32, x| most.max(x.abs())),
        };
        let (space, colour) = (f64::from(sxy).recip(), f64::from(colour) / f64::from(srgb));
        let feature = [picture.width as f64 * space, picture.height as f64 * space, colour, colour, colour];
        let dimensions = self.corners() - 1;
        let reach = |axis: usize| feature[axis] * f64::from(simplex::scale(axis, dimensions)) * (axis + 1) as f64;
        let total = (0..dimensions).map(reach).sum::<f64>();
        if total < simplex::REACH / 2.0 { Ok(()) } else { Err(Error::TooFine(*self)) }
    }
}

impl std::fmt::Display for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kernel::Spatial { sxy, weight } => write!(f, "[{sxy}, {weight}]"),
            Kernel::Bilateral { sxy, srgb, weight } => write!(f, "[{sxy}, {srgb}, {weight}]"),
        }
    }
}

/// Why there is no result.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Error {
    #[error("{numbers} numbers are not {labels} labels of a picture of {} × {}", size[0], size[1])]
    Size { numbers: usize, labels: usize, size: [usize; 2] },
    #[error("{numbers} numbers are no picture of {channels} channels, {} × {}: it has 1 or 3", size[0], size[1])]
    Channels { numbers: usize, channels: usize, size: [usize; 2] },
    #[error("a colour of the picture is not a finite number")]
    Colour,
    #[error("the score of class {label} is not a finite number at row {row}, column {column}")]
    NotANumber { label: usize, row: usize, column: usize },
    #[error("the standard deviations of a kernel are above 0 and its weight is not below 0, found {0}")]
    Kernel(Kernel),
    #[error("the standard deviations of {0} are too small for a picture of this size")]
    TooFine(Kernel),
    #[error("the picture is too large for so many kernels")]
    TooLarge,
}

/// C1: as many logits as labels and pixels. C2: no logit is infinitely large, or not a number. C3: the kernels fit the picture.
fn check(logits: &[f32], labels: usize, picture: &Picture, kernels: &[Kernel]) -> Result<(), Error> {
    let size = [picture.height, picture.width];
    let pixels = picture.height * picture.width;
    if logits.len() != labels * pixels {
        return Err(Error::Size { numbers: logits.len(), labels, size });
    }
    if let Some(place) = logits.iter().position(|x| x.is_nan() || *x == f32::INFINITY) {
        let (label, pixel) = (place / pixels, place % pixels);
        return Err(Error::NotANumber { label, row: pixel / picture.width, column: pixel % picture.width });
    }
    kernels.iter().try_for_each(|kernel| kernel.check(picture))
}
