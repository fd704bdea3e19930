//! Connected regions of label maps: numbered, grown from seeds, the small ones taken away.

/// The label that stands for "not known".
const IGNORE: u32 = 255;

/// Regions of equal labels.
struct Regions {
    /// The region of each pixel, numbered by first pixels.
    of: Vec<u32>,
    /// By region.
    label: Vec<u32>,
    pixels: Vec<u32>,
}

impl Regions {
    /// Neighbours are four, or eight with `corners`.
    fn new(labels: &[u32], size: [usize; 2], corners: bool) -> Regions {
        const OPEN: u32 = u32::MAX;
        let mut regions = Regions { of: vec![OPEN; labels.len()], label: Vec::new(), pixels: Vec::new() };
        let mut open = Vec::new();
        for first in 0..labels.len() {
            if regions.of[first] != OPEN {
                continue;
            }
            let number = regions.label.len() as u32;
            regions.of[first] = number;
            open.push(first);
            let mut pixels = 0;
            while let Some(at) = open.pop() {
                pixels += 1;
                for other in neighbours(at, size, corners) {
                    if regions.of[other] == OPEN && labels[other] == labels[first] {
                        regions.of[other] = number;
                        open.push(other);
                    }
                }
            }
            regions.label.push(labels[first]);
            regions.pixels.push(pixels);
        }
        regions
    }
}

/// The pixels beside one, without those beyond the border.
fn neighbours(at: usize, [height, width]: [usize; 2], corners: bool) -> impl Iterator<Item = usize> {
    let (y, x) = (at / width, at % width);
    let rows = y.saturating_sub(1)..(y + 2).min(height);
    rows.flat_map(move |row| (x.saturating_sub(1)..(x + 2).min(width)).map(move |column| (row, column)))
        .filter(move |&(row, column)| (row, column) != (y, x) && (corners || row == y || column == x))
        .map(move |(row, column)| row * width + column)
}

/// Seeds and what has grown from them: `claims` are labels that pixels might have (255 where none), and a region of one claim (corners
/// included) is taken in whole where it holds a seed of that class. Elsewhere seeds stay as they are.
pub fn grow(seeds: &[u32], claims: &[u32], size: [usize; 2]) -> Vec<u32> {
    // A pixel that claims nothing stands for its own seed, so that regions grow through seeds.
    let map: Vec<u32> =
        seeds.iter().zip(claims).map(|(seed, claim)| if *claim == IGNORE { *seed } else { *claim }).collect();
    let regions = Regions::new(&map, size, true);
    let mut sown = vec![false; regions.label.len()];
    for ((seed, label), region) in seeds.iter().zip(&map).zip(&regions.of) {
        sown[*region as usize] |= seed == label && *seed != IGNORE;
    }
    let grown = |((seed, label), region): ((&u32, &u32), &u32)| if sown[*region as usize] { *label } else { *seed };
    seeds.iter().zip(&map).zip(&regions.of).map(grown).collect()
}

/// What the pixels of a small region become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Becomes {
    /// The label that most of the pixels around it have, of equally many the smallest; those of other small regions do not count, and a region
    /// with small ones alone around it stays.
    Neighbour,
    /// This label.
    Label(u32),
}

/// Labels without regions (four neighbours) of fewer than `least` pixels. Pixels that are not known (255) are no region, and give no label.
pub fn without_small(labels: &[u32], size: [usize; 2], least: usize, becomes: Becomes) -> Vec<u32> {
    let regions = Regions::new(labels, size, false);
    let small = |region: u32| {
        let region = region as usize;
        regions.label[region] != IGNORE && (regions.pixels[region] as usize) < least
    };
    let becomes: Vec<u32> = match becomes {
        Becomes::Label(label) => vec![label; regions.label.len()],
        Becomes::Neighbour => {
            let mut around = vec![Vec::new(); regions.label.len()];
            for (at, region) in regions.of.iter().enumerate().filter(|(_, region)| small(**region)) {
                let beside = neighbours(at, size, false).filter(|other| !small(regions.of[*other]));
                around[*region as usize].extend(beside.map(|other| labels[other]).filter(|label| *label != IGNORE));
            }
            around.into_iter().zip(&regions.label).map(|(around, own)| most_frequent(around).unwrap_or(*own)).collect()
        }
    };
    let mended = |(label, region): (&u32, &u32)| if small(*region) { becomes[*region as usize] } else { *label };
    labels.iter().zip(&regions.of).map(mended).collect()
}

fn most_frequent(mut labels: Vec<u32>) -> Option<u32> {
    labels.sort_unstable();
    let runs = labels.chunk_by(|a, b| a == b);
    runs.reduce(|most, run| if run.len() > most.len() { run } else { most }).map(|run| run[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NO: u32 = IGNORE;

    #[test]
    fn seeds_grow_within_what_is_claimed() {
        #[rustfmt::skip]
        let (seeds, claims) = (
            [1, NO, NO, NO,
             NO, NO, NO, 2,
             0, NO, NO, NO],
            [1, 1, NO, 2,
             NO, NO, 1, NO,
             1, NO, NO, 1u32],
        );
        // The upper 1 grows to its neighbour and over the corner to the 1 below it, and on; 2 grows from below; the 0 stays, though 1 is claimed.
        #[rustfmt::skip]
        let expected = [
            1, 1, NO, 2,
            NO, NO, 1, 2,
            0, NO, NO, 1,
        ];
        assert_eq!(grow(&seeds, &claims, [3, 4]), expected);
    }

    #[test]
    fn small_regions_take_after_their_neighbours() {
        #[rustfmt::skip]
        let labels = [
            0, 0, 0, 0, 2,
            0, 1, 0, 2, 2,
            0, 0, 3, 2, NO,
        ];
        let of = |least, becomes| without_small(&labels, [3, 5], least, becomes);
        let mut mended = labels;
        (mended[6], mended[12]) = (0, 0);
        assert_eq!(of(2, Becomes::Neighbour), mended, "of a tie the smaller label");
        (mended[6], mended[12]) = (NO, NO);
        assert_eq!(of(2, Becomes::Label(NO)), mended);
        assert_eq!(of(1, Becomes::Neighbour), labels);
        assert_eq!(of(99, Becomes::Neighbour), labels, "small ones alone");
    }

    proptest! {
        #[test]
        fn what_is_left_is_large_or_alone(labels in prop::collection::vec(prop::sample::select(vec![0u32, 1, 2, 255]), 42)) {
            let found = without_small(&labels, [6, 7], 3, Becomes::Label(0));
            let regions = Regions::new(&found, [6, 7], false);
            for (label, pixels) in regions.label.iter().zip(&regions.pixels) {
                prop_assert!(*label == 0 || *label == 255 || *pixels >= 3);
            }
            prop_assert_eq!(regions.pixels.iter().sum::<u32>(), 42);
        }

        /// By flooding one pixel at a time: a seed stays or gives way to a claim, and nothing is taken in that no seed reaches.
        #[test]
        fn growing_is_flooding(
            seeds in prop::collection::vec(prop::sample::select(vec![0u32, 1, 255, 255]), 30),
            claims in prop::collection::vec(prop::sample::select(vec![0u32, 1, 255]), 30),
        ) {
            let size = [5, 6];
            let map: Vec<u32> = (0..30).map(|at| if claims[at] == 255 { seeds[at] } else { claims[at] }).collect();
            let mut reached: Vec<bool> = (0..30).map(|at| seeds[at] != 255 && seeds[at] == map[at]).collect();
            for _ in 0..30 {
                for at in 0..30 {
                    let here = neighbours(at, size, true).any(|other| reached[other] && map[other] == map[at]);
                    reached[at] |= here && map[at] != 255;
                }
            }
            let expected: Vec<u32> = (0..30).map(|at| if reached[at] { map[at] } else { seeds[at] }).collect();
            prop_assert_eq!(grow(&seeds, &claims, size), expected);
        }
    }
}
