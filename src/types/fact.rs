//! A [`Fact`] is everything the checker knows of one tensor.

use std::fmt;

use super::{Dim, Domain, Frame, Interval, Labels, Norm};

/// What is known of a tensor before it exists.
///
/// `labels` is the join over everything the tensor was computed from. `trainable` says that a weight in training is
/// reached backwards from here without a cut.
///
/// `range`, `norm`, `frame` and `mixed` are what the proofs ask for; no graph that runs depends on them. What is not known of
/// them is no mistake.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Fact {
    pub domain: Domain,
    pub dims: Vec<Dim>,
    pub labels: Labels,
    pub trainable: bool,
    /// Holds every number of the tensor; never wider than the domain.
    pub range: Interval,
    /// What the map was brought to 0–1 by, where that is known.
    pub norm: Option<Norm>,
    pub frame: Frame,
    /// An entry depends on more than one picture of the batch.
    pub mixed: bool,
}

impl Fact {
    pub fn new(domain: Domain, dims: Vec<Dim>) -> Fact {
        let (range, labels) = (domain.range(), Labels::default());
        Fact { domain, dims, labels, trainable: false, range, norm: None, frame: Frame::Nowhere, mixed: false }
    }

    pub fn scalar(domain: Domain) -> Fact {
        Fact::new(domain, Vec::new())
    }

    pub fn with_dims(&self, dims: Vec<Dim>) -> Fact {
        Fact { dims, ..self.clone() }
    }

    /// The same tensor of another meaning; of its numbers only what the new domain says is kept.
    pub fn with_domain(&self, domain: Domain) -> Fact {
        Fact { range: domain.range(), domain, norm: None, ..self.clone() }
    }

    /// With a narrower range, as far as it agrees with the domain.
    pub fn in_range(mut self, range: Interval) -> Fact {
        self.range = self.domain.range().meet(range).unwrap_or(self.domain.range());
        self
    }

    pub fn in_frame(mut self, frame: Frame) -> Fact {
        self.frame = frame;
        self
    }

    /// Whether every number is one that `domain` allows, whatever the tensor's own domain is called.
    pub fn fits(&self, domain: &Domain) -> bool {
        self.domain.is_a(domain)
            || (matches!(domain, Domain::Unit | Domain::NonNegative)
                && self.is_bare()
                && self.range.within(domain.range()))
    }

    /// Whether it is just numbers, without a role.
    fn is_bare(&self) -> bool {
        matches!(self.domain, Domain::Real | Domain::NonNegative | Domain::Unit)
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
/// In the longer form (`{:#}`) with what is known beside: `unit/map[B, K, H, W] in 0..0.5`.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.domain.word())?;
        if let (true, Some(norm)) = (f.alternate(), self.norm) {
            write!(f, "/{norm}")?;
        }
        if let Domain::Index { classes, .. } = &self.domain {
            write!(f, "({classes})")?;
        }
        write_dims(f, &self.dims)?;
        if f.alternate() && self.range != self.domain.range() {
            write!(f, " in {}", self.range)?;
        }
        Ok(())
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
