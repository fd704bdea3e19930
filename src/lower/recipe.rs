//! What lowering gives: a recipe as stages with step graphs, data plans and weights. Nothing of the language is left in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::identity;
use super::memory::Memory;
use super::seen::{Declassified, Measured, Seen};
pub use super::times::{Guard, Length, Moment, Schedule};
pub use super::training::{Figured, Keep, Optimizer, RATE, Rule, Train};
use super::validation::Validation;
use crate::data::{Placed, Source as DataSource};
use crate::graph::Graph;
use crate::graph::pipeline::Pipeline;
pub use crate::graph::pipeline::StageKind;
use crate::hir::{ItemRef, Reader};
use crate::manifest::Names;
use crate::source::Span;
use crate::types::{Dim, Labels, Level};

/// A checked recipe, ready to be planned.
pub struct Recipe {
    /// The file's stem.
    pub name: String,
    pub doc: Vec<String>,
    pub supervision: Level,
    /// Side information named after `supervision image +`.
    pub extras: Vec<String>,
    pub params: Vec<ParamValue>,
    /// The variants that were chosen, in the order they were applied.
    pub variants: Vec<String>,
    /// What is expected of the figures, of the recipe on its own and of its variants.
    pub expectations: Vec<Expectation>,
    /// The numbers of the recipe's own text, and where they come from.
    pub constants: Vec<Constant>,
    /// In the order of the text; a stage reads only stages before it.
    pub stages: Vec<Stage>,
    /// Every `declassify`, in the order of the text.
    pub declassified: Vec<Declassified>,
    pub pipeline: Pipeline,
}

impl Recipe {
    /// All that a stage has seen; nothing where there is no such stage.
    pub fn seen_by(&self, stage: &str) -> Labels {
        self.stages.iter().find(|known| known.name == stage).map(|known| known.seen.all()).unwrap_or_default()
    }
}

/// A `param` as it was decided for this run.
#[derive(Clone, PartialEq, Debug)]
pub struct ParamValue {
    pub name: String,
    /// The text of the value that counts.
    pub text: String,
    /// The value in words that do not depend on how it is written.
    pub value: String,
    /// `default`, `variant quick`, `use base`, `--set`.
    pub origin: String,
    /// Whether a variant of the recipe that runs or `--set` gives it, not the place where it is written.
    pub outer: bool,
    pub item: ItemRef,
    /// Where the value is written.
    pub written: Reader,
}

/// A number of the recipe's text, or a list or range of nothing else.
#[derive(Clone, PartialEq, Debug)]
pub struct Constant {
    /// What it is for: `crop`, `quick.crop`, `cls.optimizer.lr`.
    pub name: String,
    /// As it is written.
    pub value: String,
    /// What stands after its `@`: a section, public code, a choice with its reason.
    pub citation: Option<String>,
    pub span: Span,
}

/// A figure that is stated for the recipe or one of its variants.
#[derive(Clone, PartialEq, Debug)]
pub struct Expectation {
    /// As the pipeline shows it.
    pub stage: String,
    pub name: String,
    pub value: f64,
    pub tolerance: Option<f64>,
    /// `0.560 +- 0.010` as it is written.
    pub text: String,
    pub citation: Option<String>,
    /// The variant it is stated for.
    pub variant: Option<String>,
    /// Whether the params are those it is stated for.
    pub applies: bool,
    pub span: Span,
}

/// One node of the pipeline: a step graph, the data it runs over, the weights it holds.
///
/// Names of stages inside (in paths of weights, in joins) are those seen from this stage; [`Stage::shown`] gives the name in the
/// pipeline.
pub struct Stage {
    /// In the pipeline: `classifier`, `classifier[1]` of a family, `base.classifier` of a used recipe.
    pub name: String,
    /// How the stage's own recipe is reached: empty, or `base.`.
    pub scope: String,
    /// The name of its family, in the pipeline.
    pub family: Option<String>,
    pub kind: StageKind,
    pub data: DataPlan,
    /// The forward graph as written; gradients and passes come later.
    pub graph: Graph,
    /// Weights and states of the nets declared here.
    pub weights: Vec<Weight>,
    /// Weights and states of other stages' nets that the graph reads.
    pub borrowed: Vec<Weight>,
    /// Only in `train`.
    pub train: Option<Train>,
    /// Only in `train`.
    pub memories: Vec<Memory>,
    /// Only in `train`.
    pub validation: Option<Validation>,
    pub seen: Seen,
    /// Numbers of earlier stages that the graph reads.
    pub measured: Vec<Measured>,
    /// Saves that are packed for a test server as well.
    pub submissions: Vec<Submission>,
    pub span: Span,
}

impl Stage {
    /// The name in the pipeline of a stage that this one reads.
    pub fn shown(&self, seen: &str) -> String {
        identity::shown(&self.scope, seen)
    }

    /// The stages whose nets, maps or numbers this one reads, as it sees them; each once, in a fixed order.
    pub fn reads(&self) -> BTreeSet<&str> {
        let nets = self.borrowed.iter().map(|weight| weight.stage.as_str());
        let asked = |plan: &'_ DataPlan, join: &Join| plan.fields.contains(&join.field);
        let maps = self.plans().flat_map(|plan| plan.joins.iter().filter(move |join| asked(plan, join)));
        let numbers = self.measured.iter().map(|number| number.stage.as_str());
        nets.chain(maps.map(|join| join.stage.as_str())).chain(numbers).collect()
    }

    /// What its graphs run over: the step, the refreshes of its memories, its validation.
    pub fn plans(&self) -> impl Iterator<Item = &DataPlan> {
        let refreshes = self.memories.iter().flat_map(|memory| &memory.refreshes).map(|refresh| &refresh.data);
        [&self.data].into_iter().chain(refreshes).chain(self.validation.as_ref().map(|validation| &validation.data))
    }

    /// What messages call it: what is wrong with one of a family is wrong with the text they share.
    pub fn called(&self) -> &str {
        self.family.as_deref().unwrap_or(&self.name)
    }

    /// Whether `name` means this stage: its own name, or that of its family.
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.family.as_deref() == Some(name)
    }
}

/// The names of the stages that are wanted, and of all that these read, by way of others too. Who is read stands before its reader.
pub fn needed(stages: &[&Stage], wanted: impl Fn(&Stage) -> bool) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for stage in stages.iter().rev() {
        if wanted(stage) || needed.contains(&stage.name) {
            needed.insert(stage.name.clone());
            needed.extend(stage.reads().into_iter().map(|read| stage.shown(read)));
        }
    }
    needed
}

/// A tensor that a net owns. The leaf of the graph is called [`Weight::path`].
#[derive(Clone, PartialEq, Debug)]
pub struct Weight {
    /// The stage whose net it is, as seen from the stage at hand.
    pub stage: String,
    /// The net's name in that stage; the file is `net/<net>.safetensors`.
    pub net: String,
    /// The name within the net: `trunk.layer1.0.conv1.weight`.
    pub name: String,
    pub dims: Vec<Dim>,
    pub init: Init,
    /// A state is moved by `updating`, never by the optimizer.
    pub state: bool,
    /// Where the stage makes the net.
    pub span: Span,
}

impl Weight {
    /// As the stage itself writes it: `cls.head.weight`.
    pub fn within(&self) -> String {
        format!("{}.{}", self.net, self.name)
    }

    pub fn path(&self) -> String {
        format!("{}.{}.{}", self.stage, self.net, self.name)
    }
}

/// How a weight begins. Draws are keyed by the run's seed and the weight's path.
#[derive(Clone, PartialEq, Debug)]
pub enum Init {
    Constant(f64),
    Normal {
        std: f64,
    },
    /// Normal, drawn again where it is further than `cut` deviations from 0.
    TruncatedNormal {
        std: f64,
        cut: f64,
    },
    Uniform {
        low: f64,
        high: f64,
    },
    /// Normal, variance 2 / fan; fan in = product of all dims but the first, fan out = product of all but the second.
    HeNormal {
        fan_out: bool,
    },
    /// Uniform within ± √(6 / fan).
    HeUniform {
        fan_out: bool,
    },
    /// Normal, variance 2 gain² / (fan in + fan out).
    XavierNormal {
        gain: f64,
    },
    /// Uniform within ± gain · √(6 / (fan in + fan out)).
    XavierUniform {
        gain: f64,
    },
    /// From a file, under the net's name for it. With `whole` all other names of the file must be wanted by the net too, but for those
    /// that begin with one of `except`. `otherwise` is how it begins where the file need not have it, and has not.
    File {
        file: Arc<WeightsFile>,
        name: String,
        whole: bool,
        otherwise: Option<Box<Init>>,
    },
    /// As another weight, by its path: as an earlier stage left it, or as it begins in this one.
    Weight(String),
}

/// A file that weights begin in, and what is said of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WeightsFile {
    pub path: String,
    /// Beginnings of names that the net does not want.
    pub except: Vec<String>,
    /// What the weights have learnt from, where the recipe or the manifest says so.
    pub carries: Option<String>,
    /// Where the file is from, as its manifest says.
    pub source: Option<String>,
    /// How names of the file become names of the net.
    pub names: Names,
    /// Whether every name must be in both.
    pub strict: bool,
}

/// A save whose class numbers are packed for the test server of PASCAL VOC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Submission {
    pub save: String,
    /// Where the pictures lie in the archive: `results/VOC2012/Segmentation/comp6_test_cls`.
    pub folder: String,
}

/// Where a stage's images come from and what happens to them before the step.
#[derive(Clone, PartialEq, Debug)]
pub struct DataPlan {
    pub source: DataSource,
    pub split: String,
    pub transforms: Vec<Placed>,
    pub joins: Vec<Join>,
    /// Folders of maps that no stage made, by field.
    pub folders: Vec<(String, std::path::PathBuf)>,
    /// The fields the step names; only these are decoded.
    pub fields: Vec<String>,
    /// The symbol of the class count in this stage's dims.
    pub classes: String,
}

/// An artifact of an earlier stage, joined by image.
#[derive(Clone, PartialEq, Debug)]
pub struct Join {
    pub field: String,
    /// As seen from the stage that joins it.
    pub stage: String,
    pub save: String,
    /// Whole numbers (class indices) rather than a real map.
    pub index: bool,
    /// Axes of what was saved for one picture.
    pub rank: usize,
}
