//! What the numbers of a tensor mean: a probability is not a logit, a byte image is not a standardized one.

use super::{Dim, Interval};

/// The colour scale of an image.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Scale {
    /// 0–255, as decoded.
    Bytes,
    /// 0–1.
    Unit,
    /// Mean subtracted, divided by the standard deviation of a named data set.
    Standardized,
}

/// The meaning and the value range of a tensor.
///
/// `Real ⊃ NonNegative ⊃ Unit ⊃ {Probability, Binary}`; `Logit`, `Feature`, `LogProbability`, `Image`, `Tags` and `Loss` are
/// reals with a role. `Index` is the only domain of whole numbers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Domain {
    /// Any number.
    Real,
    /// 0 and up.
    NonNegative,
    /// 0..=1, each entry for itself.
    Unit,
    /// 0..=1, sums to one over the class axis.
    Probability,
    /// 0 or 1.
    Binary,
    /// A class score before sigmoid or softmax.
    Logit,
    /// The logarithm of a probability.
    LogProbability,
    /// What a network computes between image and scores.
    Feature,
    Image(Scale),
    /// 0 or 1 a class: what the picture is said to hold.
    Tags,
    /// What a training step lowers.
    Loss,
    /// A class number in `0..classes`; with `ignore`, also 255 for "not known".
    Index {
        classes: Dim,
        ignore: bool,
    },
}

impl Domain {
    /// Whether every value of `self` may stand where `other` is asked for.
    pub fn is_a(&self, other: &Domain) -> bool {
        use Domain::*;
        match (self, other) {
            (a, b) if a == b => true,
            (Index { classes: a, ignore: false }, Index { classes: b, ignore: true }) => a == b,
            (Index { .. }, _) | (_, Index { .. }) => false,
            (_, Real) => true,
            // What a network computes, and any number without a meaning of its own, may be read as a score.
            (Feature | Real, Logit) => true,
            (NonNegative | Unit | Probability | Binary | Tags | Image(Scale::Bytes | Scale::Unit), NonNegative) => true,
            (Probability | Binary | Tags | Image(Scale::Unit), Unit) => true,
            (Tags, Binary) => true,
            _ => false,
        }
    }

    /// The narrowest domain that holds both.
    pub fn join(&self, other: &Domain) -> Domain {
        if self.is_a(other) {
            return other.clone();
        }
        if other.is_a(self) {
            return self.clone();
        }
        [Domain::Binary, Domain::Unit, Domain::NonNegative]
            .into_iter()
            .find(|domain| self.is_a(domain) && other.is_a(domain))
            .unwrap_or(Domain::Real)
    }

    /// The numbers it allows.
    pub fn range(&self) -> Interval {
        match self {
            Domain::NonNegative => Interval::NON_NEGATIVE,
            Domain::Unit | Domain::Probability | Domain::Binary | Domain::Tags | Domain::Image(Scale::Unit) => {
                Interval::UNIT
            }
            Domain::Image(Scale::Bytes) => Interval::new(0.0, 255.0),
            Domain::LogProbability => Interval::NON_POSITIVE,
            Domain::Real | Domain::Logit | Domain::Feature | Domain::Image(Scale::Standardized) | Domain::Loss => {
                Interval::ALL
            }
            // Class numbers are told from the lengths of a run; 255 is one of them where some are not known.
            Domain::Index { classes, ignore } => match classes.as_const() {
                Some(classes) if *ignore => Interval::new(0.0, 255f64.max(classes as f64 - 1.0)),
                Some(classes) if classes > 0 => Interval::new(0.0, classes as f64 - 1.0),
                _ => Interval::NON_NEGATIVE,
            },
        }
    }

    pub fn is_index(&self) -> bool {
        matches!(self, Domain::Index { .. })
    }

    /// The word of the language, without dims.
    pub fn word(&self) -> &'static str {
        match self {
            Domain::Real => "real",
            Domain::NonNegative => "nonneg",
            Domain::Unit => "unit",
            Domain::Probability => "prob",
            Domain::Binary => "binary",
            Domain::Logit => "logit",
            Domain::LogProbability => "log_prob",
            Domain::Feature => "feature",
            Domain::Image(Scale::Bytes) => "image255",
            Domain::Image(Scale::Unit) => "image01",
            Domain::Image(Scale::Standardized) => "image",
            Domain::Tags => "tags",
            Domain::Loss => "loss",
            Domain::Index { ignore: false, .. } => "index",
            Domain::Index { ignore: true, .. } => "index_or_ignore",
        }
    }

    /// The domain a word means; `classes` is used for index domains.
    pub fn from_word(word: &str, classes: &Dim) -> Option<Domain> {
        Some(match word {
            "real" => Domain::Real,
            "nonneg" => Domain::NonNegative,
            "unit" => Domain::Unit,
            "prob" => Domain::Probability,
            "binary" => Domain::Binary,
            "logit" => Domain::Logit,
            "log_prob" => Domain::LogProbability,
            "feature" => Domain::Feature,
            "image255" => Domain::Image(Scale::Bytes),
            "image01" => Domain::Image(Scale::Unit),
            "image" => Domain::Image(Scale::Standardized),
            "tags" => Domain::Tags,
            "loss" => Domain::Loss,
            "index" => Domain::Index { classes: classes.clone(), ignore: false },
            "index_or_ignore" => Domain::Index { classes: classes.clone(), ignore: true },
            _ => return None,
        })
    }

    pub const WORDS: &'static [&'static str] = &[
        "real",
        "nonneg",
        "unit",
        "prob",
        "binary",
        "logit",
        "log_prob",
        "feature",
        "image255",
        "image01",
        "image",
        "tags",
        "loss",
        "index",
        "index_or_ignore",
    ];
}

#[cfg(test)]
mod tests {
    use super::Domain::*;

    #[test]
    fn narrower_domains_may_stand_for_wider_ones() {
        assert!(Probability.is_a(&Unit) && Unit.is_a(&NonNegative) && NonNegative.is_a(&Real));
        assert!(!Unit.is_a(&Probability) && !Logit.is_a(&Unit));
        assert!(Feature.is_a(&Logit) && !Unit.is_a(&Logit) && !NonNegative.is_a(&Logit));
        assert_eq!(Probability.join(&Binary), Unit);
        assert_eq!(Logit.join(&Unit), Real);
    }
}
