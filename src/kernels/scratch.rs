//! Working memory that a worker keeps from task to task, so that tiles are not allocated anew.

use std::cell::Cell;

use super::real::Real;

/// A cache line: products read fastest from memory that begins with one.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line {
    _bytes: [u8; 64],
}

thread_local! {
    /// A buffer for each call that is under way, and those that calls before have left.
    static LINES: Cell<Vec<Vec<Line>>> = const { Cell::new(Vec::new()) };
}

/// # Safety
/// Any bits are a value of the type, and a [`Line`] is aligned for it.
pub(super) unsafe trait Plain: Copy {}

// SAFETY: any bits are a float.
unsafe impl<R: Real> Plain for R {}

/// Lends `work` a buffer of `length` numbers with unspecified content. A call from within gets a buffer of its own.
pub(super) fn with_scratch<R: Plain, T>(length: usize, work: impl FnOnce(&mut [R]) -> T) -> T {
    LINES.with(|kept| {
        let mut all = kept.take();
        let mut lines = all.pop().unwrap_or_default();
        kept.set(all);
        let needed = (length * size_of::<R>()).div_ceil(size_of::<Line>());
        if lines.len() < needed {
            lines.resize(needed, Line { _bytes: [0; 64] });
        }
        // SAFETY: `lines` holds at least `length` numbers, aligned for them, with every bit set to something.
        let numbers = unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast::<R>(), length) };
        let result = work(numbers);
        let mut all = kept.take();
        all.push(lines);
        kept.set(all);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::with_scratch;

    #[test]
    fn nested_buffers_do_not_overlap() {
        with_scratch(8, |outer: &mut [f64]| {
            outer.fill(1.0);
            with_scratch(100, |inner: &mut [f32]| inner.fill(2.0));
            assert_eq!(outer, [1.0; 8]);
        });
    }
}
