//! The one source of randomness: numbers that are a function of where they are needed, not of when they are asked for.
//!
//! Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011) turns a counter and a
//! key into four words. A [`Stream`] is one such sequence, named by the run's seed, a place in the recipe, an epoch and a
//! sample; it never depends on the order of the work or on the number of workers.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// Philox4x32-10: four evenly distributed words for each pair of counter and key.
pub fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..ROUNDS {
        let a = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let b = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [high(b) ^ counter[1] ^ key[0], low(b), high(a) ^ counter[3] ^ key[1], low(a)];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

fn low(word: u64) -> u32 {
    word as u32
}

fn high(word: u64) -> u32 {
    (word >> 32) as u32
}

/// The number of a place that is known by its text: a stage and what is drawn there.
pub fn place(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

/// A sequence of 2⁶⁶ words that belongs to (seed, place, epoch, sample) alone.
///
/// The four names are mixed into 128 bits by two Philox blocks; 64 of these are the key, 64 the upper half of the counter,
/// and the lower half counts blocks. Reading in order ([`Stream::next_u32`]) and by position ([`Stream::at`]) see the same
/// words.
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u32; 2],
    name: [u32; 2],
    position: u64,
    block: [u32; 4],
}

impl Stream {
    /// The stream of one run `seed`, one `place` in the recipe, one `epoch` and one `sample`. What has no epoch or no
    /// sample passes 0.
    pub fn new(seed: u64, place: u64, epoch: u64, sample: u64) -> Stream {
        let outer = philox4x32([low(place), high(place), low(epoch), high(epoch)], [low(seed), high(seed)]);
        let inner = philox4x32([low(sample), high(sample), outer[2], outer[3]], [outer[0], outer[1]]);
        Stream { key: [inner[0], inner[1]], name: [inner[2], inner[3]], position: 0, block: [0; 4] }
    }

    /// What it is made of: two words of key, two of name.
    #[cfg(any(test, feature = "cuda"))]
    pub fn words(&self) -> [u32; 4] {
        [self.key[0], self.key[1], self.name[0], self.name[1]]
    }

    /// The word at `index`, whatever has been read so far.
    pub fn at(&self, index: u64) -> u32 {
        self.block_at(index / 4)[(index % 4) as usize]
    }

    /// The four words from `4 * block` on.
    pub fn block_at(&self, block: u64) -> [u32; 4] {
        philox4x32([low(block), high(block), self.name[0], self.name[1]], self.key)
    }

    /// The next word.
    pub fn next_u32(&mut self) -> u32 {
        let lane = (self.position % 4) as usize;
        if lane == 0 {
            self.block = self.block_at(self.position / 4);
        }
        self.position += 1;
        self.block[lane]
    }

    /// The next two words, the first one low.
    pub fn next_u64(&mut self) -> u64 {
        let first = u64::from(self.next_u32());
        first | u64::from(self.next_u32()) << 32
    }

    /// Evenly distributed over the multiples of 2⁻⁵³ in `0.0..1.0`.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Evenly distributed between `a` and `b`; `a` itself when they are equal.
    pub fn uniform_range(&mut self, a: f64, b: f64) -> f64 {
        a + (b - a) * self.uniform()
    }

    /// A whole number of `low..=high`, each equally likely. With `high` below `low`, `low`.
    pub fn integer(&mut self, low: i64, high: i64) -> i64 {
        if high <= low {
            return low;
        }
        // The number of possible answers; 0 stands for 2⁶⁴.
        let count = (high.wrapping_sub(low) as u64).wrapping_add(1);
        low.wrapping_add(self.below(count) as i64)
    }

    /// A whole number below `count`, by multiplication with rejection (Lemire, "Fast random integer generation in an
    /// interval", 2019); any word when `count` is 0.
    fn below(&mut self, count: u64) -> u64 {
        if count == 0 {
            return self.next_u64();
        }
        let rejected = count.wrapping_neg() % count;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(count);
            if product as u64 >= rejected {
                return (product >> 64) as u64;
            }
        }
    }

    /// Normally distributed with mean 0 and variance 1 (Box and Muller 1958; the second value of a pair is not kept, so
    /// that each call reads four words).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// True with probability `p`; never for `p <= 0`, always for `p >= 1`.
    pub fn bernoulli(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Puts `items` into an order drawn evenly from all of them (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The known-answer vectors published with Random123 (`kat_vectors`, philox4x32, 10 rounds).
    #[test]
    fn published_vectors() {
        assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(philox4x32([!0; 4], [!0; 2]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
        assert_eq!(
            philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
        );
    }

    #[test]
    fn every_name_of_a_stream_matters() {
        let names = [
            (0, 0, 0, 0),
            (1, 0, 0, 0),
            (0, 1, 0, 0),
            (0, 0, 1, 0),
            (0, 0, 0, 1),
            (1 << 40, 0, 0, 0),
            (0, 0, 0, 1 << 40),
        ];
        let mut first: Vec<u64> = names
            .iter()
            .map(|&(seed, place, epoch, sample)| Stream::new(seed, place, epoch, sample).next_u64())
            .collect();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), names.len());
    }

    #[test]
    fn moments_are_those_of_the_distribution() {
        // 40,000 draws: the standard error of the mean is 0.0014 (uniform) and 0.005 (normal); five of them are allowed.
        let mut stream = Stream::new(7, 0, 0, 0);
        let n = 40_000;
        let uniform = (0..n).map(|_| stream.uniform()).sum::<f64>() / f64::from(n);
        assert!((uniform - 0.5).abs() < 0.0072, "{uniform}");
        let normal: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(n);
        let variance = normal.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.025, "{mean}");
        assert!((variance - 1.0).abs() < 0.036, "{variance}");
        let hits = (0..n).filter(|_| stream.bernoulli(0.3)).count() as f64 / f64::from(n);
        assert!((hits - 0.3).abs() < 0.0115, "{hits}");
    }

    #[test]
    fn integers_reach_both_ends_evenly() {
        let mut stream = Stream::new(7, 1, 0, 0);
        let mut counts = [0u32; 7];
        (0..7_000).for_each(|_| counts[(stream.integer(-3, 3) + 3) as usize] += 1);
        // Expected 1000 each with a standard deviation of 29.
        assert!(counts.iter().all(|&count| (850..1150).contains(&count)), "{counts:?}");
        assert_eq!(stream.integer(4, 4), 4);
        stream.integer(i64::MIN, i64::MAX);
    }

    #[test]
    fn a_shuffle_reaches_every_order() {
        let mut counts = std::collections::BTreeMap::new();
        let mut stream = Stream::new(7, 2, 0, 0);
        for _ in 0..2_400 {
            let mut items = [0, 1, 2, 3];
            stream.shuffle(&mut items);
            *counts.entry(items).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), 24);
        // Expected 100 each with a standard deviation of 9.8.
        assert!(counts.values().all(|count| (50..150).contains(count)), "{counts:?}");
    }

    proptest! {
        #[test]
        fn in_order_and_by_position_agree(seed: u64, place: u64, epoch: u64, sample: u64, n in 1usize..40) {
            let mut stream = Stream::new(seed, place, epoch, sample);
            let fixed = stream.clone();
            for index in 0..n as u64 {
                prop_assert_eq!(stream.next_u32(), fixed.at(index));
                prop_assert_eq!(stream.at(index), fixed.at(index));
            }
        }

        #[test]
        fn draws_stay_in_range(seed: u64, low in -1000i64..1000, width in 0i64..2000) {
            let mut stream = Stream::new(seed, 0, 0, 0);
            let integer = stream.integer(low, low + width);
            prop_assert!((low..=low + width).contains(&integer));
            let uniform = stream.uniform();
            prop_assert!((0.0..1.0).contains(&uniform));
        }
    }
}
