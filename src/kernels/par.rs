//! Loops over numbers on all cores, cut into pieces of a fixed size: what a piece computes never depends on the number of workers.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::real::Out;
use super::wide::wide;

/// Numbers in a piece. Small enough for a core's cache, large enough that handing it out costs nothing; tensors up to this
/// size are worked on where they are.
pub const PIECE: usize = 16 * 1024;

/// Calls `f(start, piece)` for consecutive pieces of `out`, each `piece` long but the last.
pub fn for_pieces<T: Send>(out: &mut [T], piece: usize, f: impl Fn(usize, &mut [T]) + Sync) {
    let length = out.len();
    if length <= piece {
        return f(0, out);
    }
    let out = Out::new(out);
    for_tasks(length.div_ceil(piece), PIECE, |number| {
        let start = number * piece;
        // SAFETY: the pieces are disjoint and end within `out`.
        f(start, unsafe { out.part(start, piece.min(length - start)) });
    });
}

/// `f(0), f(1), … f(count - 1)`, in order. `work` is the numbers one call touches: little work in all is done in place.
pub fn collect<T: Send>(count: usize, work: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let mut items = Vec::with_capacity(count);
    for_pieces(&mut items.spare_capacity_mut()[..count], (PIECE / work.max(1)).max(1), |start, piece| {
        piece.iter_mut().zip(start..).for_each(|(item, number)| {
            item.write(f(number));
        });
    });
    // SAFETY: the capacity is at least `count`, and each of that many items was written.
    unsafe { items.set_len(count) };
    items
}

/// `f(0), f(1), … f(count - 1)`, in any order. `work` as for [`collect`].
pub fn for_tasks(count: usize, work: usize, f: impl Fn(usize) + Sync) {
    if count * work <= PIECE { (0..count).for_each(f) } else { on_all_cores(count, (PIECE / work.max(1)).max(1), &f) }
}

/// Not generic: what a parallel loop is made of is compiled once, not for each kernel and each kind of number.
fn on_all_cores(count: usize, least: usize, f: &(dyn Fn(usize) + Sync)) {
    (0..count).into_par_iter().with_min_len(least).for_each(f);
}

/// `f` of each number.
pub fn map<A: Copy + Sync, T: Send>(a: &[A], f: impl Fn(A) -> T + Sync) -> Vec<T> {
    build(a.len(), |start, out| {
        wide(
            #[inline(always)]
            || {
                for (out, &a) in out.iter_mut().zip(&a[start..]) {
                    out.write(f(a));
                }
            },
        );
    })
}

/// `f` of each pair. Both sides are equally long.
pub fn map2<A: Copy + Sync, B: Copy + Sync, T: Send>(a: &[A], b: &[B], f: impl Fn(A, B) -> T + Sync) -> Vec<T> {
    assert_eq!(a.len(), b.len(), "both sides are equally long");
    build(a.len(), |start, out| {
        wide(
            #[inline(always)]
            || {
                for ((out, &a), &b) in out.iter_mut().zip(&a[start..]).zip(&b[start..]) {
                    out.write(f(a, b));
                }
            },
        );
    })
}

/// `fill` writes every entry of each piece it is given; the two callers above do so by the equal lengths they start from.
fn build<T: Send>(count: usize, fill: impl Fn(usize, &mut [MaybeUninit<T>]) + Sync) -> Vec<T> {
    let mut numbers = Vec::with_capacity(count);
    for_pieces(&mut numbers.spare_capacity_mut()[..count], PIECE, fill);
    // SAFETY: the capacity is at least `count`, and `fill` wrote all of it.
    unsafe { numbers.set_len(count) };
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_everything_in_order() {
        let a: Vec<u32> = (0..40_000).collect();
        assert_eq!(map(&a, |v| v + 1), (1..40_001).collect::<Vec<_>>());
        assert_eq!(map2(&a, &a, |v, w| v + w), (0..40_000).map(|v| 2 * v).collect::<Vec<_>>());
        assert_eq!(collect(40_000, 1, |v| v as u32), a);
        assert!(map(&[] as &[u32], |v| v).is_empty());
    }
}
