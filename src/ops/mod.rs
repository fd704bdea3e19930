//! One op a file, by family. A family's `mod.rs` is its table: a line there is the whole registration.
//!
//! Documents, `wsss doc`, completion and the conformance tests walk [`FAMILIES`]. Ops know types and kernels; they know no
//! graph (gradients build through [`Build`]), no syntax and no spans.

pub mod attrs;
pub(crate) mod carry;
mod def;
pub mod fused;
mod rules;
mod window;

mod arithmetic;
mod control;
mod conv;
mod index;
mod linear;
mod meaning;
mod norm;
mod pairs;
mod patches;
mod pointwise;
mod pool;
mod random;
mod reduce;
mod refine;
mod resize;
mod shape;
mod softmax;

pub use attrs::{Attr, Attrs};
pub use carry::known;
pub use def::*;

use std::collections::HashMap;
use std::sync::OnceLock;

/// Ops that belong together, in the order a reader wants them.
pub struct Family {
    pub name: &'static str,
    pub summary: &'static str,
    pub ops: &'static [&'static OpDef],
}

/// Every family. Documentation follows this order.
pub static FAMILIES: &[&Family] = &[
    &pointwise::FAMILY,
    &arithmetic::FAMILY,
    &reduce::FAMILY,
    &softmax::FAMILY,
    &linear::FAMILY,
    &conv::FAMILY,
    &pool::FAMILY,
    &norm::FAMILY,
    &resize::FAMILY,
    &pairs::FAMILY,
    &patches::FAMILY,
    &random::FAMILY,
    &shape::FAMILY,
    &index::FAMILY,
    &refine::FAMILY,
    &control::FAMILY,
    &meaning::FAMILY,
    &fused::FAMILY,
];

/// The op of that name, internal ones included.
pub fn find(name: &str) -> Option<&'static OpDef> {
    static BY_NAME: OnceLock<HashMap<&'static str, &'static OpDef>> = OnceLock::new();
    BY_NAME.get_or_init(|| all().map(|op| (op.name, op)).collect()).get(name).copied()
}

pub fn all() -> impl Iterator<Item = &'static OpDef> {
    FAMILIES.iter().flat_map(|family| family.ops.iter().copied())
}

/// What an op file begins with.
pub mod prelude {
    pub use candle_core::Tensor;

    pub use super::attrs::{Attr, Attrs};
    pub(super) use super::carry;
    pub use super::def::Default as Preset;
    pub use super::def::{
        Chain, Cost, Eval, Example, Grad, Gradient, Infer, Input, Law, Nature, OpDef, OpError, Packing, Param,
        ParamKind, Ref,
    };
    pub use crate::diag::Code;
    pub use crate::types::{Dim, Domain, Fact, Frame, Interval, Norm, Rounding, Scale};
}
