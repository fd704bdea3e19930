//! What the pools share: their params and the lengths that follow from them.

use crate::kernels::pool::Pool2d;
use crate::ops::prelude::*;
use crate::ops::window::{expect_room, pair, planes};

pub const KERNEL: Param = Param::required("kernel", ParamKind::Pair, "Height and width of a window.");
pub const STRIDE: Param = Param::new(
    "stride",
    ParamKind::Pair,
    Preset::Absent,
    "Pixels from one window to the next; the kernel where it is left out.",
);
pub const PADDING: Param =
    Param::new("padding", ParamKind::Pair, Preset::Pair([0, 0]), "Margin on all sides, at most half the kernel.");
pub const CEIL: Param = Param::new(
    "ceil",
    ParamKind::Bool,
    Preset::Bool(false),
    "Whether a last window counts that is only partly filled.",
);
pub const PARAMS: &[Param] = &[KERNEL, STRIDE, PADDING, CEIL];

/// # Errors
/// C1: kernel and stride are at least 1. C2: padding is at most half the kernel.
pub fn window(attrs: &Attrs) -> Result<Pool2d, OpError> {
    let kernel = pair(attrs, "kernel", 1)?;
    let stride = if attrs.get("stride").is_some() { pair(attrs, "stride", 1)? } else { kernel };
    let padding = pair(attrs, "padding", 0)?;
    match (0..2).find(|&axis| 2 * padding[axis] > kernel[axis]) {
        Some(axis) => {
            let message = format!("`padding` is {}, more than half the kernel of {}", padding[axis], kernel[axis]);
            Err(OpError::new(Code::OutOfRange, message).at("padding"))
        }
        None => Ok(Pool2d { kernel, stride, padding, ceil: attrs.get_bool("ceil")? }),
    }
}

/// The dims of the result.
pub fn dims(args: &Infer) -> Result<Vec<Dim>, OpError> {
    let x = planes(args, 0)?;
    let pool = window(args.attrs)?;
    let mut dims = x.dims[..2].to_vec();
    for (axis, word) in ["height", "width"].into_iter().enumerate() {
        let length = windows(&x.dims[2 + axis], axis, &pool);
        expect_room(&length, &x.dims[2 + axis], word)?;
        dims.push(length);
    }
    Ok(dims)
}

/// The number of windows along an axis; what [`Pool2d::output`] counts.
fn windows(input: &Dim, axis: usize, pool: &Pool2d) -> Dim {
    let [kernel, stride, padding] = [pool.kernel, pool.stride, pool.padding].map(|pair| pair[axis] as i64);
    let room = input.clone() + Dim::constant(2 * padding - kernel);
    if !pool.ceil {
        room.floor_div(stride) + Dim::constant(1)
    } else if stride <= kernel - padding {
        room.ceil_div(stride) + Dim::constant(1)
    } else {
        // A window partly filled might begin behind the image: those that begin within it are counted.
        (input.clone() + Dim::constant(padding)).ceil_div(stride)
    }
}

/// Operations of one for each number of each window.
pub fn flops(cost: &Cost) -> u64 {
    let kernel = window(cost.attrs).map_or(0, |pool| pool.kernel[0] * pool.kernel[1]);
    (cost.output.iter().product::<usize>() * kernel) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn windows_are_counted_as_the_kernels_do(
            input in 1usize..40, kernel in 1usize..6, stride in 1usize..7, half in 0usize..4, ceil: bool,
        ) {
            let padding = half.min(kernel / 2);
            prop_assume!(input + 2 * padding >= kernel);
            let pool = Pool2d { kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2], ceil };
            let counted = windows(&Dim::from(input), 0, &pool).as_const();
            prop_assert_eq!(counted, Some(pool.output([input, input])[0] as i64));
        }
    }
}
