//! Kernels into tiles, and the gradient of a kernel back from tiles.

use super::super::Geometry;
use super::PLACES;
use super::planes::Planes;
use crate::kernels::real::Real;
use crate::kernels::wide::wide;

/// Kernels that are worked on at a time, in registers.
const LANES: usize = 16;

/// A kernel as it lies in memory; `turned` is that of the gradient for the input, with channels swapped and taps in reverse.
#[derive(Clone, Copy)]
pub struct Kernel<'a, R> {
    pub w: &'a [R],
    pub turned: bool,
}

impl<R: Real> Kernel<'_, R> {
    /// All kernels of output channel `channel` of `geometry` in tiles, as row `row` of `out`, `[place][row][in]`: `G g Gᵀ`. The caller alone writes that row.
    pub fn tile(self, geometry: &Geometry, channel: usize, out: Planes<R>, row: usize) {
        // From one channel of the result to the next, and from one of the input, in kernels.
        let [down, side] = if self.turned { [1, geometry.out_channels] } else { [geometry.in_channels, 1] };
        wide(
            #[inline(always)]
            || {
                let (all, _) = self.w.as_chunks::<9>();
                for start in (0..out.columns).step_by(LANES) {
                    let count = LANES.min(out.columns - start);
                    let mut kernels = [[R::ZERO; 9]; LANES];
                    for (lane, kernel) in kernels[..count].iter_mut().enumerate() {
                        *kernel = all[channel * down + (start + lane) * side];
                    }
                    let taps =
                        if self.turned { together(&kernels, |tap| 8 - tap) } else { together(&kernels, |tap| tap) };
                    for (place, lanes) in there(&taps).iter().enumerate() {
                        // SAFETY: the caller alone writes the row.
                        unsafe { out.part(place, row, start, count) }.copy_from_slice(&lanes[..count]);
                    }
                }
            },
        )
    }
}

/// Tap after tap, from kernel after kernel.
#[inline(always)]
fn together<R: Real>(kernels: &[[R; 9]; LANES], place: impl Fn(usize) -> usize) -> [[R; LANES]; 9] {
    let mut taps = [[R::ZERO; LANES]; 9];
    for tap in 0..9 {
        for lane in 0..LANES {
            taps[place(tap)][lane] = kernels[lane][tap];
        }
    }
    taps
}

/// The sixteen places of some kernels. Rows of `G`: 1 0 0, ½ ½ ½, ½ -½ ½, 0 0 1.
#[inline(always)]
fn there<R: Real>(taps: &[[R; LANES]; 9]) -> [[R; LANES]; PLACES] {
    let half = R::of(0.5);
    let mut lines = [[R::ZERO; LANES]; 12];
    let mut places = [[R::ZERO; LANES]; PLACES];
    for lane in 0..LANES {
        let line = |[a, b, c]: [R; 3]| [a, half * (a + c + b), half * (a + c - b), c];
        for down in 0..3 {
            let points = line([0, 1, 2].map(|tap| taps[3 * down + tap][lane]));
            (0..4).for_each(|across| lines[4 * down + across][lane] = points[across]);
        }
        for across in 0..4 {
            let points = line([0, 4, 8].map(|down| lines[down + across][lane]));
            (0..4).for_each(|down| places[4 * down + across][lane] = points[down]);
        }
    }
    places
}

/// The gradients of all kernels of one output channel from row `row` of their tiles.
pub fn weights<R: Real>(sums: Planes<R>, row: usize, out: &mut [R]) {
    // SAFETY: the sums are done, and nobody writes them meanwhile.
    let rows: [&[R]; PLACES] = std::array::from_fn(|place| unsafe { &*sums.part(place, row, 0, sums.columns) });
    wide(
        #[inline(always)]
        || {
            let mut places = [[R::ZERO; LANES]; PLACES];
            let (whole, rest) = out.as_chunks_mut::<9>().0.as_chunks_mut::<LANES>();
            for (number, kernels) in whole.iter_mut().enumerate() {
                for place in 0..PLACES {
                    places[place].copy_from_slice(&rows[place][number * LANES..][..LANES]);
                }
                *kernels = apart(&back(&places));
            }
            for place in 0..PLACES {
                places[place][..rest.len()].copy_from_slice(&rows[place][whole.len() * LANES..][..rest.len()]);
            }
            rest.copy_from_slice(&apart(&back(&places))[..rest.len()]);
        },
    )
}

/// Kernel after kernel, from tap after tap.
#[inline(always)]
fn apart<R: Real>(taps: &[[R; LANES]; 9]) -> [[R; 9]; LANES] {
    let mut kernels = [[R::ZERO; 9]; LANES];
    for lane in 0..LANES {
        for tap in 0..9 {
            kernels[lane][tap] = taps[tap][lane];
        }
    }
    kernels
}

/// The nine taps of some kernels from their sixteen places. Rows of the transform: 1 1 1 0, 0 1 -1 0, 0 1 1 -1.
#[inline(always)]
fn back<R: Real>(places: &[[R; LANES]; PLACES]) -> [[R; LANES]; 9] {
    let mut lines = [[R::ZERO; LANES]; 12];
    let mut taps = [[R::ZERO; LANES]; 9];
    for lane in 0..LANES {
        let line = |[a, b, c, d]: [R; 4]| [a + b + c, b - c, b + c - d];
        for across in 0..4 {
            let sums = line([0, 4, 8, 12].map(|down| places[down + across][lane]));
            (0..3).for_each(|down| lines[4 * down + across][lane] = sums[down]);
        }
        for down in 0..3 {
            let sums = line([0, 1, 2, 3].map(|across| lines[4 * down + across][lane]));
            (0..3).for_each(|across| taps[3 * down + across][lane] = sums[across]);
        }
    }
    taps
}
