//! Numbers for the symbols of a stage: from the recipe, from what is published of its data, or usual ones.

use crate::data::{Known, Placed, Transform, known};
use crate::lower::{DataPlan, Recipe, Stage};
use crate::types::{DimEnv, Unbound};

/// What a picture's sides are taken to be where nothing fixes them: those of most photographs in VOC.
const USUAL: [usize; 2] = [375, 500];

/// Foreground classes where only the files know: those of VOC.
const USUAL_CLASSES: u64 = 20;

/// Which picture of a data set is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Typical,
    Largest,
}

/// Numbers for symbols.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Lengths {
    pub env: DimEnv,
    /// Symbols that only the files could tell: they have usual values here.
    pub assumed: Vec<String>,
}

impl Lengths {
    /// `B = 16, K = 20 (assumed)`; empty where every length is a number already.
    pub fn words(&self) -> String {
        let one = |(name, value): (&String, &i64)| {
            let note = if self.assumed.contains(name) { " (assumed)" } else { "" };
            format!("{name} = {value}{note}")
        };
        self.env.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// What is known of the pictures that a graph of a recipe runs over.
pub(super) struct Pictures<'r> {
    recipe: &'r Recipe,
    data: &'r DataPlan,
    /// Pictures at once.
    batch: usize,
}

impl<'r> Pictures<'r> {
    /// Those of a stage's step.
    pub(super) fn of_step(recipe: &'r Recipe, stage: &'r Stage) -> Pictures<'r> {
        Pictures { recipe, data: &stage.data, batch: stage.train.as_ref().map_or(1, |train| train.batch) }
    }

    pub(super) fn one_by_one(recipe: &'r Recipe, data: &'r DataPlan) -> Pictures<'r> {
        Pictures { recipe, data, batch: 1 }
    }

    pub(super) fn batched(self, batch: usize) -> Pictures<'r> {
        Pictures { batch, ..self }
    }

    pub(super) fn images(&self) -> Option<u64> {
        of(self.data).images
    }

    /// Asks `ask` with ever more symbols until it has all it needs. `None` where that does not end.
    pub(super) fn fill<T>(&self, size: Size, ask: impl Fn(&DimEnv) -> Result<T, Unbound>) -> Option<(Lengths, T)> {
        let mut lengths = Lengths::default();
        // Each try names one more symbol; a graph has a handful of them.
        for _ in 0..64 {
            match ask(&lengths.env) {
                Ok(answer) => return Some((lengths, answer)),
                Err(Unbound(name)) => {
                    let (value, sure) = self.length(size, &name);
                    if !sure {
                        lengths.assumed.push(name.clone());
                    }
                    if lengths.env.insert(name, value).is_some() {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// The number for a symbol, and whether it is more than a guess.
    fn length(&self, size: Size, name: &str) -> (i64, bool) {
        let classes = self.recipe.stages.iter().find(|other| other.data.classes == name);
        if let Some(other) = classes {
            let classes = of(&other.data).classes;
            return (classes.unwrap_or(USUAL_CLASSES) as i64, classes.is_some());
        }
        // `H_cams` is the height of what the stage `cams` ran over.
        let (axis, made_by) = name.split_once('_').unwrap_or((name, ""));
        let side = |axis: usize| {
            let other = self.recipe.stages.iter().find(|other| other.name == made_by);
            let (sides, sure) = arriving(other.map_or(self.data, |other| &other.data), size);
            (sides[axis] as i64, sure)
        };
        match axis {
            "B" => (self.batch as i64, true),
            "H" => side(0),
            "W" => side(1),
            _ => (1, false),
        }
    }
}

fn of(data: &DataPlan) -> Known {
    known(&data.source, &data.split)
}

/// Height and width of what a graph sees, and whether they are known.
fn arriving(data: &DataPlan, size: Size) -> ([usize; 2], bool) {
    let known = of(data);
    let start = if size == Size::Largest { known.largest } else { known.typical };
    let sides = data.transforms.iter().fold(start.unwrap_or(USUAL), |sides, Placed { transform, .. }| {
        let of_range = |low: f64, high: f64| if size == Size::Largest { high } else { (low + high) / 2.0 };
        let times = |factor: f64| sides.map(|side| ((side as f64 * factor).round() as usize).max(1));
        let longest = sides[0].max(sides[1]).max(1) as f64;
        match transform {
            Transform::Resize { long_side } => times(*long_side as f64 / longest),
            Transform::RandomResize { long_side: [low, high] } => {
                times(of_range(*low as f64, *high as f64).round() / longest)
            }
            Transform::ClampLongSide { long_side: [low, high] } => {
                times(longest.clamp(*low as f64, *high as f64) / longest)
            }
            Transform::RandomScale { factor: [low, high] } => times(of_range(*low, *high)),
            Transform::RandomScaleOf { factors } => {
                let (low, high) = factors
                    .iter()
                    .fold((f64::MAX, 0.0), |(low, high): (f64, f64), factor| (low.min(*factor), high.max(*factor)));
                times(of_range(low.min(high), high))
            }
            Transform::RandomCrop { size } | Transform::CenterCrop { size } | Transform::TopLeftCrop { size } => *size,
            Transform::PadTo { size } => [sides[0].max(size[0]), sides[1].max(size[1])],
            Transform::PadToMultiple { multiple } => {
                [0, 1].map(|axis| sides[axis].next_multiple_of(multiple[axis].max(1)))
            }
            Transform::RandomFlip { .. } => sides,
            Transform::ColorJitter { .. }
            | Transform::HsvJitter { .. }
            | Transform::Standardize { .. }
            | Transform::SubtractMean { .. } => sides,
        }
    });
    (sides, start.is_some())
}
