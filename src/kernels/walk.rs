//! Walking several tensors of different strides along one row-major result, run by run.

/// Axes shared by a result and `N` tensors, each with its own stride along them (0 where it is broadcast, negative where it is
/// read backwards). Axes of length 1 are dropped and neighbours are merged wherever all tensors cross them evenly, so that the
/// innermost runs are as long as they can be.
pub struct Walk<const N: usize> {
    /// Length and strides, slowest first; without the innermost.
    outer: Vec<(usize, [isize; N])>,
    /// Length of a run.
    width: usize,
    /// Steps inside a run.
    pub steps: [isize; N],
    first: [isize; N],
}

impl<const N: usize> Walk<N> {
    /// `strides[n]` are those of tensor `n` along `dims`; it is read from its number `first[n]` on.
    pub fn new(dims: &[usize], strides: &[Vec<isize>; N], first: [isize; N]) -> Walk<N> {
        let mut axes: Vec<(usize, [isize; N])> = Vec::new();
        for (axis, &length) in dims.iter().enumerate().filter(|(_, length)| **length != 1) {
            let steps: [isize; N] = std::array::from_fn(|n| strides[n][axis]);
            match axes.last_mut() {
                Some((before, crossed)) if (0..N).all(|n| crossed[n] == steps[n] * length as isize) => {
                    *before *= length;
                    *crossed = steps;
                }
                _ => axes.push((length, steps)),
            }
        }
        let (width, steps) = axes.pop().unwrap_or((1, [1; N]));
        Walk { outer: axes, width, steps, first }
    }

    /// Calls `f` for the runs that make up the numbers `start..start + count` of the result: with the numbers of a run, counted
    /// from `start`, and where each tensor stands at its beginning.
    pub fn runs(&self, start: usize, count: usize, mut f: impl FnMut(std::ops::Range<usize>, [usize; N])) {
        let mut done = 0;
        while done < count {
            let (run, inside) = ((start + done) / self.width, (start + done) % self.width);
            let length = (self.width - inside).min(count - done);
            f(done..done + length, self.place(run, inside));
            done += length;
        }
    }

    /// All axes, slowest first.
    #[cfg(any(test, feature = "cuda"))]
    pub fn axes(&self) -> impl Iterator<Item = (usize, [isize; N])> + '_ {
        self.outer.iter().copied().chain([(self.width, self.steps)])
    }

    /// Where each tensor begins.
    #[cfg(any(test, feature = "cuda"))]
    pub fn first(&self) -> [isize; N] {
        self.first
    }

    fn place(&self, mut run: usize, inside: usize) -> [usize; N] {
        let mut at: [isize; N] = std::array::from_fn(|n| self.first[n] + inside as isize * self.steps[n]);
        for (length, strides) in self.outer.iter().rev() {
            let position = (run % length) as isize;
            run /= length;
            (0..N).for_each(|n| at[n] += position * strides[n]);
        }
        at.map(|at| at as usize)
    }
}

/// The strides of a row-major tensor.
pub fn row_major(dims: &[usize]) -> Vec<isize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis] as isize;
    }
    strides
}

/// The strides of a row-major tensor of `dims` that stands for one of `wide`: 0 along the axes it is repeated over.
pub fn broadcast(dims: &[usize], wide: &[usize]) -> Vec<isize> {
    let missing = wide.len() - dims.len();
    let own = row_major(dims);
    let stride = |axis: usize| if axis < missing || dims[axis - missing] == 1 { 0 } else { own[axis - missing] };
    (0..wide.len()).map(stride).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_merge_where_every_tensor_crosses_them_evenly() {
        let dims = [2, 3, 4, 5];
        let walk = Walk::new(&dims, &[row_major(&dims), broadcast(&[3, 1, 1], &dims)], [0, 0]);
        assert_eq!((walk.outer.len(), walk.width, walk.steps), (2, 20, [1, 0]));
        let mut seen = Vec::new();
        walk.runs(30, 40, |range, at| seen.push((range, at)));
        assert_eq!(seen, [(0..10, [30, 1]), (10..30, [40, 2]), (30..40, [60, 0])]);
    }
}
