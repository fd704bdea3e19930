//! The tree of a recipe as it was written: every node has its span, nothing is resolved.
//!
//! The tree is also what `print` writes, so it keeps what a reader chose (a pipe stays a pipe, a block stays a block).
//! A part that could not be read is an `Error` node: later rooms pass over it without a second complaint.

use crate::source::Span;

/// A word of the recipe and where it stands.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Name {
    pub text: String,
    pub span: Span,
}

/// A whole file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct File {
    /// The lines of `//!`, without the marker and one following space.
    pub doc: Vec<String>,
    pub items: Vec<Item>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    /// The lines of `///` above the item, without the marker and one following space.
    pub doc: Vec<String>,
    pub kind: ItemKind,
    pub span: Span,
}

#[derive(Clone, PartialEq, Debug)]
pub enum ItemKind {
    /// `supervision image + saliency`
    Supervision {
        level: Name,
        extras: Vec<Name>,
    },
    /// `use cam { max_normalize, multiscale }` (names empty: the whole module, under its own name)
    Use {
        module: Name,
        names: Vec<Name>,
    },
    /// `use "other.wsss" as base with quick { crop = 96 }`
    UseFile {
        path: String,
        path_span: Span,
        alias: Name,
        /// Variants of the other recipe, in the order they are applied.
        variants: Vec<Name>,
        /// What its params are given; the name is a dotted path where the param belongs to a recipe that the other one uses.
        overrides: Vec<Setting>,
    },
    /// `param lambda = 1.0 in 0..`
    Param {
        name: Name,
        value: Expr,
        range: Option<Expr>,
    },
    /// `variant quick { crop = 96  base.epochs = 2 }`: the name of a setting is a dotted path.
    Variant {
        name: Name,
        /// What its numbers go by that have no citation of their own: `variant quick @ "choice: …" { … }`.
        citation: Option<String>,
        overrides: Vec<Setting>,
        /// The figures that are stated for it.
        expects: Vec<Expect>,
    },
    /// `expect seeds.cam_iou = 0.560 +- 0.010 @ "Table 1"`
    Expect(Expect),
    Let(Let),
    Fn(Function),
    Net(Net),
    Stage(Stage),
}

/// A figure that is stated for a recipe or a variant: it is compared with what comes out and changes nothing.
#[derive(Clone, PartialEq, Debug)]
pub struct Expect {
    /// `seeds.cam_iou`, `seeds[0].cam_iou`: stage and metric.
    pub metric: Name,
    pub value: Expr,
    pub tolerance: Option<Expr>,
    /// Where it is stated.
    pub citation: Option<String>,
    pub span: Span,
}

/// `name = value`, in a variant, a stage, a record or a `rates` block.
#[derive(Clone, PartialEq, Debug)]
pub struct Setting {
    pub name: Name,
    pub value: Expr,
}

/// `let name = value`
#[derive(Clone, PartialEq, Debug)]
pub struct Let {
    pub name: Name,
    pub value: Expr,
    pub span: Span,
}

/// `fn name(parameters): result = body`; the body may be a [`ExprKind::Block`].
#[derive(Clone, PartialEq, Debug)]
pub struct Function {
    pub name: Name,
    pub parameters: Vec<Parameter>,
    pub result: Option<Type>,
    pub body: Expr,
    pub span: Span,
}

/// `name: type = default`
#[derive(Clone, PartialEq, Debug)]
pub struct Parameter {
    pub name: Name,
    pub ty: Option<Type>,
    pub default: Option<Expr>,
}

/// `logit[B, K, H/8, W/8]`, `int`, `unit by map[B, K, H, W]`
#[derive(Clone, PartialEq, Debug)]
pub struct Type {
    pub domain: Name,
    /// What it is normalised by.
    pub by: Option<Name>,
    pub dims: Option<Vec<Expr>>,
    pub span: Span,
}

/// `net name(parameters) { … }`
#[derive(Clone, PartialEq, Debug)]
pub struct Net {
    pub name: Name,
    pub parameters: Vec<Parameter>,
    pub members: Vec<Member>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Member {
    pub doc: Vec<String>,
    pub kind: MemberKind,
    pub span: Span,
}

#[derive(Clone, PartialEq, Debug)]
pub enum MemberKind {
    /// `layer trunk = resnet18(stride = 16)`: a net, or a list of nets, whose weights belong to this one.
    Layer {
        name: Name,
        value: Expr,
    },
    /// `weight bias: [outputs] = zeros() when bias`: a trained tensor. `state` is one that no gradient trains.
    Tensor {
        kind: TensorKind,
        name: Name,
        dims: Vec<Expr>,
        init: Expr,
        condition: Option<Expr>,
    },
    Let(Let),
    Fn(Function),
    /// A member that could not be read.
    Error,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TensorKind {
    Weight,
    State,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StageKind {
    Train,
    Infer,
    Score,
}

/// `train name { … }`, `infer name { … }`, `score name { … }`
#[derive(Clone, PartialEq, Debug)]
pub struct Stage {
    pub kind: StageKind,
    pub name: Name,
    pub family: Option<Family>,
    pub entries: Vec<Entry>,
}

/// `for arch in [a, b]` after the name of a stage: a stage for each element.
#[derive(Clone, PartialEq, Debug)]
pub struct Family {
    /// What an element is called inside of the stage.
    pub name: Name,
    pub source: Expr,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub kind: EntryKind,
    pub span: Span,
}

#[derive(Clone, PartialEq, Debug)]
pub enum EntryKind {
    /// `batch = 8`
    Setting(Setting),
    /// `net oc = arch(dataset.classes)`
    Net {
        name: Name,
        value: Expr,
    },
    /// `rates { oc.head = 10 }`, `decay { … }`, `optimizers { … }`: the path is dotted text and may hold `*`.
    Paths {
        of: PathsOf,
        entries: Vec<Setting>,
    },
    /// `memory seeds: index_or_ignore[H, W] = ignore`
    Memory {
        name: Name,
        ty: Type,
        initial: Expr,
    },
    /// `refresh seeds from epoch 5 every 10 epochs { image, tags } { value }`; the value may be an [`ExprKind::Block`].
    Refresh {
        name: Name,
        when: Box<When>,
        fields: Vec<Name>,
        value: Expr,
    },
    Let(Let),
    /// `step { image, tags } { … }` in `train`, `each { … } { … }` elsewhere, `validate every 2 epochs { … } { … }`.
    Body {
        of: BodyOf,
        fields: Vec<Name>,
        statements: Vec<Statement>,
    },
    /// An entry that could not be read.
    Error,
}

/// What a body is for.
#[derive(Clone, PartialEq, Debug)]
pub enum BodyOf {
    /// A batch of training.
    Step,
    /// A picture of `infer` and `score`.
    Each,
    /// A picture that a training is measured on, at the ends of some epochs.
    Validate { every: Option<Expr> },
}

impl BodyOf {
    pub fn word(&self) -> &'static str {
        match self {
            BodyOf::Step => "step",
            BodyOf::Each => "each",
            BodyOf::Validate { .. } => "validate",
        }
    }
}

/// What a list of paths gives to the weights under them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PathsOf {
    /// Factors on the learning rate.
    Rates,
    /// Factors on the weight decay.
    Decay,
    /// Optimizers of their own.
    Optimizers,
}

impl PathsOf {
    pub const ALL: [PathsOf; 3] = [PathsOf::Rates, PathsOf::Decay, PathsOf::Optimizers];

    pub fn word(self) -> &'static str {
        match self {
            PathsOf::Rates => "rates",
            PathsOf::Decay => "decay",
            PathsOf::Optimizers => "optimizers",
        }
    }

    pub fn from_word(word: &str) -> Option<PathsOf> {
        PathsOf::ALL.into_iter().find(|of| of.word() == word)
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Statement {
    pub kind: StatementKind,
    pub span: Span,
}

#[derive(Clone, PartialEq, Debug)]
pub enum StatementKind {
    Let(Let),
    /// `loss cls = … from epoch 5 until epoch 20 moves disc`
    Loss {
        name: Name,
        value: Expr,
        guard: Guard,
        /// Paths of what it moves; empty where it moves all that it reaches.
        moves: Vec<Name>,
    },
    /// `metric ap = …`
    Metric {
        name: Name,
        value: Expr,
    },
    /// `show mask`, `show mask = …`
    Show {
        name: Name,
        value: Option<Expr>,
    },
    /// `save cam = …`
    Save {
        name: Name,
        value: Expr,
    },
    /// A statement that could not be read.
    Error,
}

/// When a loss counts: always, unless it says from or until when.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Guard {
    pub from: Option<Moment>,
    pub until: Option<Moment>,
}

/// When a memory is computed anew.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct When {
    pub from: Option<Moment>,
    pub every: Option<Expr>,
    pub until: Option<Moment>,
    pub plateau: Option<Plateau>,
}

/// `when plateau(seg, patience = 2)`
#[derive(Clone, PartialEq, Debug)]
pub struct Plateau {
    /// A loss of the step.
    pub loss: Name,
    pub choices: Vec<Setting>,
}

/// `epoch 5`, `step 100`
#[derive(Clone, PartialEq, Debug)]
pub struct Moment {
    pub unit: TimeUnit,
    pub at: Expr,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TimeUnit {
    Epoch,
    Step,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, PartialEq, Debug)]
pub enum ExprKind {
    /// A number as it was written (`5e-4`, `0.10`, `448`); `value` is what it means.
    Number {
        value: f64,
        text: String,
    },
    /// `256 steps`
    Quantity {
        value: f64,
        text: String,
        unit: Unit,
    },
    /// The text between the quotes, escapes resolved.
    Str(String),
    Bool(bool),
    /// `none`
    Nothing,
    Name(String),
    List(Vec<Expr>),
    /// `{ cam = x, mask }`; a bare name stands for itself (`value` is then the same name).
    Record(Vec<Setting>),
    /// `0.05..0.6 by 0.01`, `0..`, `448..768`
    Range {
        start: Box<Expr>,
        end: Option<Box<Expr>>,
        step: Option<Box<Expr>>,
    },
    /// `[f(x) for x in xs if x > 0]`
    Comprehension {
        body: Box<Expr>,
        name: Name,
        source: Box<Expr>,
        condition: Option<Box<Expr>>,
    },
    /// `if c { a } else { b }`; both arms are blocks or single expressions.
    If {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    /// `(x, y) => x + y`, `x => x`
    Lambda {
        parameters: Vec<Name>,
        body: Box<Expr>,
    },
    /// `{ let a = …  let b = …  value }`; only where there is at least one `let`.
    Block {
        lets: Vec<Let>,
        value: Box<Expr>,
    },
    Call {
        callee: Box<Expr>,
        arguments: Vec<Argument>,
    },
    /// `x |> f(y)`, `x |> f`
    Pipe {
        value: Box<Expr>,
        into: Box<Expr>,
    },
    Field {
        base: Box<Expr>,
        name: Name,
    },
    Index {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    Unary {
        operator: UnaryOperator,
        value: Box<Expr>,
    },
    Binary {
        operator: BinaryOperator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `dataset.train with { cam = cams.cam }`
    With {
        base: Box<Expr>,
        fields: Vec<Setting>,
    },
    /// `0.9 @ "sec. 4.2"`
    Cited {
        value: Box<Expr>,
        citation: String,
        citation_span: Span,
    },
    /// An expression that could not be read.
    Error,
}

/// What a number counts, where a bare one misleads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Unit {
    Steps,
    Epochs,
    Pixels,
    Images,
}

impl Unit {
    pub const ALL: [Unit; 4] = [Unit::Steps, Unit::Epochs, Unit::Pixels, Unit::Images];

    pub fn word(self) -> &'static str {
        match self {
            Unit::Steps => "steps",
            Unit::Epochs => "epochs",
            Unit::Pixels => "px",
            Unit::Images => "images",
        }
    }

    pub fn from_word(word: &str) -> Option<Unit> {
        Unit::ALL.into_iter().find(|unit| unit.word() == word)
    }
}

/// `value` or `name = value` between the parentheses of a call.
#[derive(Clone, PartialEq, Debug)]
pub struct Argument {
    pub name: Option<Name>,
    pub value: Expr,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnaryOperator {
    Negate,
    Not,
}

/// From loosest to tightest: `or`, `and`, comparisons (which do not chain), `+ -`, `* / div %`, then unary minus, then `^`
/// (to the right). `|>` and `with` are looser than all of them; a range stands between comparison and addition; `@` is the tightest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BinaryOperator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    /// Whole part of a quotient, towards minus infinity; written `div`.
    FloorDivide,
    Remainder,
    Power,
}

impl Name {
    pub fn new(text: impl Into<String>, span: Span) -> Name {
        Name { text: text.into(), span }
    }
}

impl Expr {
    pub fn new(kind: ExprKind, span: Span) -> Expr {
        Expr { kind, span }
    }
}
