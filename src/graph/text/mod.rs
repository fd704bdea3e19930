//! The text form of a step graph: it prints and parses, and parsing what was printed prints the same.
//!
//! ```text
//! // One node a line, numbered in topological order; then the outputs.
//! %0 = field image : image[B, 3, H, W]
//! %1 = weight cls.conv1.weight : real[16, 3, 3, 3]
//! %2 = frozen cls.head.weight : real[20, 16, 1, 1]
//! %3 = state cls.bn1.running_mean : real[16]
//! %4 = clock step : real[]
//! %5 = constant [1, 2] : real[2]
//! %6 = field mask : index(K + 1)[B, H, W] @pixel(train)
//! %7 = conv2d(%0, %1, _) stride=[2, 2] : feature[B, 16, ceil(H/2), ceil(W/2)]
//! loss cls = %9
//! metric map = mean_average_precision(%7, %8) thresholds=[0.5]
//! grad cls.conv1.weight = %20
//! ```
//!
//! - `weight` is trained, `frozen` is a weight that is not. Names that are not plain are quoted.
//! - `@…` is a label that a value has seen: on a leaf where there is any, on an op only where they are not the join of its inputs'.
//!   The gradient reach is not written: it follows from the weights.
//! - A constant is row-major, its shape is that of the type; `[0; 64]` is 64 times the same number.
//! - A slot left out is `_`. Attributes that have their default value are left out.
//! - In text that is parsed, the type of an op node may be left out; a type that is there must be the inferred one.
//! - Origins (spans, calls) are not part of the text.

mod parse;
mod print;

pub use parse::{TextError, parse};
pub use print::{Names, node, print};

#[cfg(test)]
mod tests;
