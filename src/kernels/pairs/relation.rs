//! What the labels of the two pixels of a pair say of each other.

use candle_core::{DType, Result, Tensor, bail};

use super::{Pairs, along};
use crate::kernels::par::for_tasks;
use crate::kernels::real::{Out, contiguous, on_cuda, read, tensor};

/// How the labels of a pair may stand to each other; both are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    /// Both are background.
    Background,
    /// Both are the same class, which is not the background.
    Foreground,
    /// They differ.
    Different,
}

/// The label that stands for "not known".
const IGNORE: u32 = 255;

/// 1 for each pair of `labels [B, h, w]` (u32; 0 is background, 255 not known) that stands so, `[B, P, h, w]` of `f32`.
///
/// # Errors
/// A radius that is out of range, labels of another type or rank.
pub fn relation(labels: &Tensor, wanted: Relation, pairs: Pairs) -> Result<Tensor> {
    pairs.check()?;
    let [batch, height, width] = *labels.dims() else { bail!("pairs: labels are [B, h, w], not {:?}", labels.dims()) };
    if labels.dtype() != DType::U32 {
        bail!("pairs: labels are u32, not {}", labels.dtype().as_str());
    }
    on_cuda!(labels, cuda::pairs::relation(labels, wanted, pairs));
    let (steps, area) = (pairs.steps(), height * width);
    let labels = contiguous(labels)?;
    let labels = &*read::<u32>(&labels)?;
    let mut result = vec![0f32; batch * steps.len() * area];
    let out = Out::new(&mut result);
    for_tasks(batch * steps.len(), area, |task| {
        let (sample, step) = (task / steps.len(), steps[task % steps.len()]);
        let labels = &labels[sample * area..][..area];
        // SAFETY: planes are apart and within the result.
        let plane = unsafe { out.part(task * area, area) };
        let (rows, columns) = pairs.sources(step, [height, width]);
        for y in rows {
            for from in y * width + columns.start..y * width + columns.end {
                let (a, b) = (labels[from], labels[from.wrapping_add_signed(along(step, width))]);
                let holds = match wanted {
                    Relation::Background => a == 0 && b == 0,
                    Relation::Foreground => a == b && a != 0,
                    Relation::Different => a != b,
                };
                plane[from] = f32::from(u8::from(holds && a != IGNORE && b != IGNORE));
            }
        }
    });
    tensor(result, &[batch, steps.len(), height, width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use proptest::prelude::*;

    fn of(labels: &[u32], wanted: Relation) -> Vec<f32> {
        let labels = Tensor::from_slice(labels, (1, 3, 5), &Device::Cpu).expect("as many labels");
        let found = relation(&labels, wanted, Pairs { radius: 2, all: true }).expect("labels");
        found.flatten_all().and_then(|flat| flat.to_vec1()).expect("numbers")
    }

    proptest! {
        /// Reading a picture from the other end exchanges the two pixels of each pair: what is said of pairs must not change.
        #[test]
        fn a_pair_is_symmetric_and_stands_one_way_at_most(labels in prop::collection::vec(prop::sample::select(vec![0u32, 1, 2, 255]), 15)) {
            let turned: Vec<u32> = labels.iter().rev().copied().collect();
            let mut sum = [0f32; 3];
            let mut known = 0.0;
            for (n, wanted) in [Relation::Background, Relation::Foreground, Relation::Different].into_iter().enumerate() {
                sum[n] = of(&labels, wanted).iter().sum();
                prop_assert_eq!(sum[n], of(&turned, wanted).iter().sum::<f32>());
            }
            // The steps of radius 2 are to the right and to the three below.
            for (y, x) in (0..3isize).flat_map(|y| (0..5isize).map(move |x| (y, x))) {
                for (dy, dx) in [(0, 1), (1, -1), (1, 0), (1, 1)] {
                    let (y, x, other_y, other_x) = (y, x, y + dy, x + dx);
                    let on_grid = other_y < 3 && (0..5).contains(&other_x);
                    let label = |y: isize, x: isize| labels[(y * 5 + x) as usize];
                    known += f32::from(u8::from(on_grid && label(y, x) != 255 && label(other_y, other_x) != 255));
                }
            }
            prop_assert_eq!(sum.iter().sum::<f32>(), known, "each pair of known labels stands one way");
        }
    }
}
