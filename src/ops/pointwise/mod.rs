//! One number in, one number out.

mod abs;
mod affine;
mod clamp;
mod elu;
mod exp;
mod floor;
mod gelu;
mod half;
mod log;
mod log_sigmoid;
mod neg;
mod relu;
mod relu6;
mod shared;
mod sigmoid;
mod softplus;
mod sqrt;
mod square;
mod tanh;

use super::Family;

pub static FAMILY: Family = Family {
    name: "pointwise",
    summary: "One number in, one number out.",
    ops: &[
        &relu::OP,
        &relu::GRAD,
        &relu6::OP,
        &relu6::GRAD,
        &elu::OP,
        &elu::GRAD,
        &gelu::OP,
        &gelu::GRAD,
        &sigmoid::OP,
        &sigmoid::GRAD,
        &log_sigmoid::OP,
        &log_sigmoid::GRAD,
        &softplus::OP,
        &softplus::GRAD,
        &tanh::OP,
        &tanh::GRAD,
        &exp::OP,
        &exp::GRAD,
        &log::OP,
        &log::GRAD,
        &sqrt::OP,
        &sqrt::GRAD,
        &square::OP,
        &square::GRAD,
        &abs::OP,
        &abs::GRAD,
        &neg::OP,
        &affine::OP,
        &clamp::OP,
        &clamp::GRAD,
        &floor::OP,
        &half::OP,
    ],
};
