//! What metrics of several kinds ask of their inputs, before the run and while it lasts.

use candle_core::{DType, Device, Tensor};

use crate::diag::Code;
use crate::ops::OpError;
use crate::types::{Dim, Fact};

/// Refuses a tensor with another number of axes; `shape` says them in words, `[B, H, W]`.
pub(super) fn expect_rank(name: &'static str, fact: &Fact, rank: usize, shape: &str) -> Result<(), OpError> {
    if fact.rank() == rank {
        return Ok(());
    }
    Err(OpError::new(Code::RankMismatch, format!("`{name}` is {shape}, this is {fact}")).at(name))
}

/// Refuses class numbers where scores are meant.
pub(super) fn expect_scores(name: &'static str, fact: &Fact) -> Result<(), OpError> {
    if !fact.domain.is_index() {
        return Ok(());
    }
    Err(OpError::new(Code::DomainMismatch, format!("`{name}` takes scores a class, this is {fact}")).at(name))
}

/// The number of classes that an index map counts, the background included; refuses a map of real numbers.
pub(super) fn expect_index<'a>(name: &'static str, fact: &'a Fact) -> Result<&'a Dim, OpError> {
    match &fact.domain {
        crate::types::Domain::Index { classes, .. } => Ok(classes),
        _ => Err(OpError::new(Code::DomainMismatch, format!("`{name}` takes class numbers, this is {fact}"))
            .at(name)
            .help("`argmax` makes class numbers of scores")),
    }
}

/// Refuses a map that is not as large as the mask; the last two axes of both are compared.
pub(super) fn expect_same_size(name: &'static str, fact: &Fact, mask: &Fact) -> Result<(), OpError> {
    let last = |fact: &Fact| fact.dims[fact.rank() - 2..].to_vec();
    if last(fact) == last(mask) {
        return Ok(());
    }
    let message = format!("`{name}` is not as large as the mask: {fact} beside {mask}");
    Err(OpError::new(Code::DimensionMismatch, message).at(name).help("bring it to the mask's size with a resize"))
}

/// Real numbers on the host, row by row.
pub(super) fn floats(tensor: &Tensor) -> Result<Vec<f32>, OpError> {
    Ok(tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}

/// Class numbers on the host, row by row.
pub(super) fn indices(tensor: &Tensor) -> Result<Vec<u32>, OpError> {
    Ok(tensor.to_device(&Device::Cpu)?.to_dtype(DType::U32)?.flatten_all()?.to_vec1()?)
}

/// The inputs of a metric by number, as many as it declares.
pub(super) fn inputs<const N: usize>(tensors: &[Tensor]) -> Result<&[Tensor; N], OpError> {
    tensors.try_into().map_err(|_| OpError::internal(format!("a metric of {N} inputs was given {}", tensors.len())))
}

/// Refuses, at run time, tensors that the checker let pass as equal in size.
pub(super) fn expect_lengths(left: usize, right: usize) -> Result<(), OpError> {
    if left == right {
        return Ok(());
    }
    Err(OpError::new(Code::DimensionMismatch, format!("{left} values beside {right}: the maps differ in size")))
}

/// `7 classes, 399 images`.
pub(super) fn over(classes: usize, images: u64) -> String {
    let plural = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    format!("{}, {}", plural(classes as u64, "class", "classes"), plural(images, "image", "images"))
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::metrics::{MetricDef, MetricValue};
    use crate::ops::Attrs;
    use crate::types::Domain;

    pub fn index(classes: Dim, dims: &[Dim]) -> Fact {
        Fact::new(Domain::Index { classes, ignore: true }, dims.to_vec())
    }

    pub fn dims(names: &[&str]) -> Vec<Dim> {
        names.iter().map(|name| Dim::symbol(name)).collect()
    }

    /// What a metric says to facts, as `code: message (at argument)`; empty when it takes them.
    pub fn refusal(metric: &MetricDef, facts: &[&Fact], attrs: &Attrs) -> String {
        match (metric.infer)(facts, attrs) {
            Ok(()) => String::new(),
            Err(error) => format!("{}: {error} (at {})", error.code.slug(), error.argument.unwrap_or("nothing")),
        }
    }

    /// What a metric comes to over batches, for data with `classes` foreground classes.
    pub fn value(metric: &MetricDef, attrs: &Attrs, classes: usize, batches: &[&[Tensor]]) -> MetricValue {
        let mut accumulator = (metric.start)(attrs, classes).unwrap();
        batches.iter().for_each(|batch| accumulator.add(batch).unwrap());
        accumulator.finish()
    }
}
