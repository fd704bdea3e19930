//! Runs a loop in the widest vectors the processor has.
//!
//! The crate is compiled for every x86-64 processor; [`wide`] compiles what it is given once more for AVX2 and for
//! AVX-512 and chooses at run time. The numbers are the same on all roads: the compiler neither fuses a product with a
//! sum nor reorders sums, it only does several independent ones at once.

/// Calls `work`, compiled for this processor.
///
/// Only what is inlined into the closure is compiled anew, and only if the closure itself is inlined: write `wide(#[inline(always)] || …)`, and
/// what it calls small or `#[inline(always)]`. Worth it for a loop over hundreds of numbers, not for a single one.
#[inline]
pub fn wide<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
        {
            // SAFETY: the four features were found.
            return unsafe { with_avx512(work) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was found.
            return unsafe { with_avx2(work) };
        }
    }
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
fn with_avx512<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[cfg(test)]
mod tests {
    use super::wide;

    #[test]
    fn the_same_numbers_as_without() {
        let numbers: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.37).sin()).collect();
        let weigh = |x: &f32| x * 1.7 + 0.3 - x * x;
        let expected: Vec<u32> = numbers.iter().map(|x| weigh(x).to_bits()).collect();
        let found: Vec<u32> = wide(
            #[inline(always)]
            || numbers.iter().map(|x| weigh(x).to_bits()).collect(),
        );
        assert_eq!(found, expected);
    }
}
