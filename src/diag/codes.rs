//! Every code of a diagnostic: a slug that names the problem. Each has a section in `docs/errors.md`.

macro_rules! codes {
    ($($name:ident = $slug:literal,)*) => {
        /// What kind of problem a diagnostic is about.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum Code { $($name,)* }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            pub fn slug(self) -> &'static str {
                match self { $(Code::$name => $slug,)* }
            }
        }
    };
}

codes! {
    // Text.
    Syntax = "syntax",
    TooDeep = "too-deep",
    EmptyRecipe = "empty-recipe",
    // Names.
    UnknownName = "unknown-name",
    UnknownModule = "unknown-module",
    UnknownField = "unknown-field",
    UnknownArgument = "unknown-argument",
    UnknownSetting = "unknown-setting",
    UnknownParam = "unknown-param",
    UnknownVariant = "unknown-variant",
    UnknownStage = "unknown-stage",
    UnknownSplit = "unknown-split",
    UnknownLayer = "unknown-layer",
    DuplicateName = "duplicate-name",
    DuplicateArgument = "duplicate-argument",
    UseCycle = "use-cycle",
    UnusedImport = "unused-import",
    UnusedOverride = "unused-override",
    UnusedParam = "unused-param",
    // Values.
    MissingArgument = "missing-argument",
    TooManyArguments = "too-many-arguments",
    MissingSetting = "missing-setting",
    WrongKind = "wrong-kind",
    UnitMismatch = "unit-mismatch",
    OutOfRange = "out-of-range",
    NotACompileTimeValue = "not-a-compile-time-value",
    NotATensor = "not-a-tensor",
    NotCallable = "not-callable",
    DivisionByZero = "division-by-zero",
    BudgetExhausted = "budget-exhausted",
    RecursionLimit = "recursion-limit",
    // Tensors.
    DimensionMismatch = "dimension-mismatch",
    RankMismatch = "rank-mismatch",
    DomainMismatch = "domain-mismatch",
    ClassAxisMismatch = "class-axis-mismatch",
    ImageScaleMismatch = "image-scale-mismatch",
    IndexInterpolation = "index-interpolation",
    UnknownSize = "unknown-size",
    DecidedComparison = "decided-comparison",
    LogOfZero = "log-of-zero",
    FrameMismatch = "frame-mismatch",
    BatchDependence = "batch-dependence",
    AugmentAfterMap = "augment-after-map",
    // Proofs.
    SupervisionLeak = "supervision-leak",
    OracleUsed = "oracle-used",
    SplitMismatch = "split-mismatch",
    EvaluationSplit = "evaluation-split",
    NeedlessSupervision = "needless-supervision",
    NoGradient = "no-gradient",
    UntrainedWeight = "untrained-weight",
    ZeroLoss = "zero-loss",
    NoEffect = "no-effect",
    SharedBatchNorm = "shared-batch-norm",
    SmallBatchNorm = "small-batch-norm",
    NeverOn = "never-on",
    NoLoss = "no-loss",
    NothingSaved = "nothing-saved",
    IdleMemory = "idle-memory",
    // Data and files.
    DataNotFound = "data-not-found",
    DataBroken = "data-broken",
    WeightsNotFound = "weights-not-found",
    WeightsMismatch = "weights-mismatch",
    WeightsRefused = "weights-refused",
    WeightsChanged = "weights-changed",
    CannotRead = "cannot-read",
    CannotWrite = "cannot-write",
    // Running.
    NotANumber = "not-a-number",
    TooMuchMemory = "too-much-memory",
    OutOfMemory = "out-of-memory",
    NoDevice = "no-device",
    Interrupted = "interrupted",
    Internal = "internal",
}

impl Code {
    pub fn from_slug(slug: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.slug() == slug)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.slug())
    }
}
