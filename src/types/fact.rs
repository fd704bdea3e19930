//! A [`Fact`] is everything the checker knows of one tensor.

use std::fmt;

use super::{Dim, Domain, Labels};

/// What is known of a tensor before it exists.
///
/// `labels` is the join over everything the tensor was computed from. `trainable` says that a weight in training is
/// reached backwards from here without a cut.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Fact {
    pub domain: Domain,
    pub dims: Vec<Dim>,
    pub labels: Labels,
    pub trainable: bool,
}

impl Fact {
    pub fn new(domain: Domain, dims: Vec<Dim>) -> Fact {
        Fact { domain, dims, labels: Labels::default(), trainable: false }
    }

    pub fn scalar(domain: Domain) -> Fact {
        Fact::new(domain, Vec::new())
    }

    pub fn with_dims(&self, dims: Vec<Dim>) -> Fact {
        Fact { dims, ..self.clone() }
    }

    pub fn with_domain(&self, domain: Domain) -> Fact {
        Fact { domain, ..self.clone() }
    }

    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// Product of the dims, as a dim.
    pub fn elements(&self) -> Dim {
        self.dims.iter().fold(Dim::constant(1), |product, dim| product * dim.clone())
    }
}

/// `logit[B, K, ceil(H/8), ceil(W/8)]`; an index domain names its classes where they are not clear: `index(K + 1)[B, H, W]`.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.domain.word())?;
        if let Domain::Index { classes, .. } = &self.domain {
            write!(f, "({classes})")?;
        }
        write_dims(f, &self.dims)
    }
}

fn write_dims(f: &mut fmt::Formatter<'_>, dims: &[Dim]) -> fmt::Result {
    f.write_str("[")?;
    for (position, dim) in dims.iter().enumerate() {
        if position > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{dim}")?;
    }
    f.write_str("]")
}
