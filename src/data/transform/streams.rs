//! What a transform does to one stream of a sample rather than to all of them: the value of its padding, how it is resized.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::data::resample::{resize_area, resize_bilinear, resize_planes_nearest};
use crate::data::{IGNORE, Planes};

/// How a map of real numbers is brought to another size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Nearest,
    Bilinear,
    /// The mean of all that falls into a new pixel.
    Area,
}

impl Method {
    pub const ALL: [Method; 3] = [Method::Nearest, Method::Bilinear, Method::Area];

    pub fn word(self) -> &'static str {
        match self {
            Method::Nearest => "nearest",
            Method::Bilinear => "bilinear",
            Method::Area => "area",
        }
    }

    pub(super) fn resize(self, planes: &Planes, to: [usize; 2]) -> Planes {
        match self {
            Method::Nearest => resize_planes_nearest(planes, to),
            Method::Bilinear => resize_bilinear(planes, to),
            Method::Area => resize_area(planes, to),
        }
    }
}

/// Choices by stream; what is not named takes the default of its kind.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Streams {
    /// What stands where there is no picture: one number, or one a colour.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fill: BTreeMap<String, Vec<f64>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub method: BTreeMap<String, Method>,
}

impl Streams {
    pub fn is_empty(&self) -> bool {
        self.fill.is_empty() && self.method.is_empty()
    }

    /// The padding of the picture, by colour; `None` leaves it the mean colour.
    pub(in crate::data) fn colour(&self) -> Option<[f32; 3]> {
        match *self.fill.get("image")?.as_slice() {
            [level] => Some([level as f32; 3]),
            [red, green, blue] => Some([red, green, blue].map(|level| level as f32)),
            _ => None,
        }
    }

    /// The padding of class numbers: 255, "not known", unless something else is stated.
    pub(in crate::data) fn class(&self, stream: &str) -> u32 {
        self.number(stream).map_or(u32::from(IGNORE), |number| number as u32)
    }

    /// The padding of a map of real numbers: 0 unless something else is stated.
    pub(in crate::data) fn real(&self, stream: &str) -> f32 {
        self.number(stream).unwrap_or(0.0) as f32
    }

    /// How a map of real numbers is resized: bilinear unless something else is stated.
    pub(super) fn method(&self, stream: &str) -> Method {
        self.method.get(stream).copied().unwrap_or(Method::Bilinear)
    }

    fn number(&self, stream: &str) -> Option<f64> {
        self.fill.get(stream)?.first().copied()
    }
}
