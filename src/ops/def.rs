//! What an op is: a static [`OpDef`] of words, types and plain functions. State is a value here, so there is no trait.
//!
//! The declaration holds the type; `infer` adds what follows from the arguments and refuses a wrong use before anything
//! runs; `eval` computes; `grad` states the vector-Jacobian product as new nodes. An op knows argument names, never spans:
//! the caller puts an [`OpError`] under the right characters.

use candle_core::{DType, Device, Tensor};

use super::attrs::Attrs;
use super::carry;
use crate::diag::Code;
use crate::kernels::chain::Link;
use crate::types::{DimEnv, Fact, Frame, Interval, Norm};

/// One op. See the module text; copy the nearest neighbour to write a new one.
pub struct OpDef {
    /// The word of the language. Internal ops (gradients) have names the language cannot spell.
    pub name: &'static str,
    /// One sentence. If it needs "and", it is two ops.
    pub summary: &'static str,
    pub inputs: &'static [Input],
    pub params: &'static [Param],
    /// What comes out, in words.
    pub output: &'static str,
    /// Paper and equation, or the convention it follows; empty where there is nothing to say.
    pub source: &'static str,
    pub nature: Nature,
    /// The equations that hold for the op with these attributes; passes read them.
    pub laws: fn(&Attrs) -> &'static [Law],
    pub infer: fn(&Infer) -> Result<Fact, OpError>,
    pub eval: fn(&Eval) -> Result<Tensor, OpError>,
    /// The numbers that may come out, given those that go in and the inferred result. It is cut to the domain of the result.
    pub range: fn(&Infer, &Fact) -> Interval,
    /// Where in the picture the rows and columns of the result lie.
    pub frame: fn(&Infer, &Fact) -> Frame,
    /// What the result is normalised by, where it is a unit map.
    pub norm: fn(&Infer) -> Option<Norm>,
    /// Whether the result of one picture depends on the others of the batch, though the batch axis stays.
    pub mixes: fn(&Infer) -> bool,
    pub grad: Gradient,
    /// What it is made of, as other ops, where it is worth while to know once it has its gradients: the node of the result. What it is given
    /// has no gradient to speak of.
    pub parts: Option<MadeOf>,
    /// How it goes on with numbers place by place, where it does: chains of such ops are one pass over memory.
    pub chain: Option<Chain>,
    /// Floating-point operations; a multiply-add counts as two.
    pub flops: fn(&Cost) -> u64,
    /// Why it computes on the host, whatever the device of the run; `None` where it computes where its tensors lie.
    pub host: Option<&'static str>,
    /// What it does with packed maps (`kernels::packed`), where a device computes with them.
    pub packing: Packing,
    /// Bytes the kernel needs beside its inputs and its result.
    pub scratch: fn(&Cost) -> u64,
    pub examples: &'static [Example],
}

impl OpDef {
    /// The usual values of the fields an op may leave out: `..OpDef::USUAL`.
    pub const USUAL: OpDef = OpDef {
        name: "",
        summary: "",
        inputs: &[],
        params: &[],
        output: "",
        source: "",
        nature: Nature::PLAIN,
        laws: |_| &[],
        infer: |_| Err(OpError::internal("an op without `infer`")),
        eval: |_| Err(OpError::internal("an op without `eval`")),
        range: |_, result| result.domain.range(),
        frame: carry::usual,
        norm: |_| None,
        mixes: |_| false,
        grad: Gradient::None("it has no gradient"),
        parts: None,
        chain: None,
        flops: |cost| cost.output.iter().product::<usize>() as u64,
        host: None,
        packing: Packing::No,
        scratch: |_| 0,
        examples: &[],
    };

    /// How the language writes it: `+` for `add`, else the name.
    pub fn written(&self) -> &'static str {
        const SIGNS: &[(&str, &str)] = &[
            ("add", "+"),
            ("sub", "-"),
            ("mul", "*"),
            ("div", "/"),
            ("pow", "^"),
            ("neg", "-"),
            ("affine", "+ - * /"),
            ("less", "<"),
            ("less_equal", "<="),
            ("greater", ">"),
            ("greater_equal", ">="),
            ("equal", "=="),
            ("not_equal", "!="),
        ];
        SIGNS.iter().find(|(name, _)| *name == self.name).map_or(self.name, |(_, sign)| sign)
    }

    pub fn param(&self, name: &str) -> Option<&'static Param> {
        self.params.iter().find(|param| param.name == name)
    }
}

impl PartialEq for OpDef {
    fn eq(&self, other: &OpDef) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for OpDef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A tensor that goes in.
pub struct Input {
    pub name: &'static str,
    pub doc: &'static str,
    pub arity: Arity,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arity {
    One,
    /// May be left out (`none`).
    Optional,
    /// A list of at least one; only as the last input.
    Many,
}

impl Input {
    pub const fn one(name: &'static str, doc: &'static str) -> Input {
        Input { name, doc, arity: Arity::One }
    }

    pub const fn optional(name: &'static str, doc: &'static str) -> Input {
        Input { name, doc, arity: Arity::Optional }
    }

    pub const fn many(name: &'static str, doc: &'static str) -> Input {
        Input { name, doc, arity: Arity::Many }
    }
}

/// A compile-time argument.
pub struct Param {
    pub name: &'static str,
    pub kind: ParamKind,
    pub default: Default,
    /// Unit, range, what the default means.
    pub doc: &'static str,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ParamKind {
    Int,
    Float,
    Bool,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Two whole numbers, height before width; one number stands for both.
    Pair,
    /// A `Pair`, or one of these words.
    PairOr(&'static [&'static str]),
    /// Axis numbers, counted from 0, negative from the end; one number stands for a list of one.
    Axes,
    /// A length, possibly symbolic.
    Dim,
    /// Lengths, possibly symbolic.
    Dims,
    Floats,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Default {
    Required,
    Int(i64),
    Float(f64),
    Bool(bool),
    Word(&'static str),
    Pair([i64; 2]),
    Axes(&'static [i64]),
    /// The attribute is absent.
    Absent,
}

impl Param {
    pub const fn required(name: &'static str, kind: ParamKind, doc: &'static str) -> Param {
        Param { name, kind, default: Default::Required, doc }
    }

    pub const fn new(name: &'static str, kind: ParamKind, default: Default, doc: &'static str) -> Param {
        Param { name, kind, default, doc }
    }
}

/// What passes and plans may ask of an op without knowing its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nature {
    /// Each output element is a function of the input elements at the same (broadcast) place.
    pub pointwise: bool,
    /// The result shares the storage of its first input.
    pub view: bool,
    /// Draws numbers; has a param `place` (its identity) and is never merged with another.
    pub random: bool,
    /// Only the shapes of the inputs matter, not their numbers.
    pub shapes: bool,
    /// Made by gradients and passes; the language cannot name it.
    pub internal: bool,
}

impl Nature {
    pub const PLAIN: Nature = Nature { pointwise: false, view: false, random: false, shapes: false, internal: false };
    pub const POINTWISE: Nature = Nature { pointwise: true, ..Nature::PLAIN };
    pub const VIEW: Nature = Nature { view: true, ..Nature::PLAIN };
    pub const RANDOM: Nature = Nature { random: true, ..Nature::PLAIN };

    pub const fn internal(self) -> Nature {
        Nature { internal: true, ..self }
    }
}

/// What an op does with packed maps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// Sees none: it may need all digits, or has no kernel for them.
    No,
    /// Takes them where there are some, and gives `f32`.
    Reads,
    /// Takes them where there are some, and gives one then.
    Keeps,
    /// The maps in these slots are packed for it; it gives one.
    Begins(&'static [usize]),
    /// The maps in these slots are packed for it; it gives `f32`.
    Ends(&'static [usize]),
}

/// An equation that holds wherever an op gives a finite result. Passes apply laws and know no op by name.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Law {
    /// With `value` everywhere in `slot`, the result is the other of the two inputs, broadcast: `x + 0`, `x * 1`, `x / 1`.
    Neutral { slot: usize, value: f64 },
    /// Zeros in `slot` make the result zeros: whatever is linear in that slot.
    Zero { slot: usize },
    /// The result is zeros, whatever goes in: `x * 0`.
    Zeros,
    /// `f(f(x)) = x`, of the first input, with equal attributes: a negation.
    Involution,
    /// `f(f(x, a), b) = f(x, b)`, of the first input, to the bit: a reshape; `relu`.
    Last,
    /// A result that has the dims and the domain of the first input is the first input: a reshape, a sum over no axis.
    SameDims,
    /// The result is the first input; only gradients see a difference, and they are nodes by the time it is used.
    Stop,
}

/// Code in the recipe language and the answer it prints; run by the conformance tests, shown by `wsss doc`.
///
/// `tensor([[1, 2], [3, 4]])` is a constant; `tensor([…], "logit")` one of a domain. The answer is the numbers in nested
/// brackets, `[0 0 2]`, rounded to four digits.
pub struct Example {
    pub about: &'static str,
    pub code: &'static str,
    pub answer: &'static str,
}

/// A wrong use of an op, in the words of its own arguments.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct OpError {
    pub code: Code,
    pub message: String,
    /// The input or param that is to blame.
    pub argument: Option<&'static str>,
    pub help: Option<String>,
}

impl OpError {
    pub fn new(code: Code, message: impl Into<String>) -> OpError {
        OpError { code, message: message.into(), argument: None, help: None }
    }

    /// A broken invariant of ours, not a mistake of the recipe.
    pub fn internal(message: impl Into<String>) -> OpError {
        OpError::new(Code::Internal, message)
    }

    pub fn at(mut self, argument: &'static str) -> OpError {
        self.argument = Some(argument);
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> OpError {
        self.help = Some(help.into());
        self
    }
}

impl From<candle_core::Error> for OpError {
    fn from(error: candle_core::Error) -> OpError {
        OpError::internal(error.to_string())
    }
}

impl From<crate::types::Unbound> for OpError {
    fn from(error: crate::types::Unbound) -> OpError {
        OpError::new(Code::UnknownSize, error.to_string())
    }
}

/// What `infer` sees: the facts of the inputs by slot, and the attributes with defaults filled in.
pub struct Infer<'a> {
    pub op: &'static OpDef,
    pub facts: &'a [Option<&'a Fact>],
    pub attrs: &'a Attrs,
}

impl<'a> Infer<'a> {
    /// The fact of a required input. `Graph::apply` has made sure it is there.
    pub fn fact(&self, slot: usize) -> &'a Fact {
        self.facts[slot].expect("a required input is present")
    }

    pub fn optional(&self, slot: usize) -> Option<&'a Fact> {
        self.facts.get(slot).copied().flatten()
    }

    /// The facts of a `Many` input that begins at `slot`.
    pub fn many(&self, slot: usize) -> impl Iterator<Item = &'a Fact> + use<'a> {
        self.facts[slot..].iter().copied().flatten()
    }

    /// Refuses an input of another rank.
    pub fn expect_rank(&self, slot: usize, rank: usize) -> Result<&'a Fact, OpError> {
        let fact = self.fact(slot);
        if fact.rank() == rank {
            return Ok(fact);
        }
        let name = self.op.inputs[slot].name;
        Err(OpError::new(Code::RankMismatch, format!("`{name}` must have {rank} axes, this is {fact}")).at(name))
    }
}

/// What `eval` sees: the tensors by slot, contiguous, of the context's dtype (indices are u32).
pub struct Eval<'a> {
    pub tensors: &'a [Option<Tensor>],
    pub attrs: &'a Attrs,
    /// The inferred fact of the result.
    pub fact: &'a Fact,
    pub context: &'a Context,
}

impl<'a> Eval<'a> {
    pub fn tensor(&self, slot: usize) -> &'a Tensor {
        self.tensors[slot].as_ref().expect("a required input is present")
    }

    pub fn optional(&self, slot: usize) -> Option<&'a Tensor> {
        self.tensors.get(slot).and_then(Option::as_ref)
    }

    pub fn many(&self, slot: usize) -> impl Iterator<Item = &'a Tensor> + use<'a> {
        self.tensors[slot..].iter().flatten()
    }

    /// The lengths of a `Dims` or `Dim` attribute, symbols replaced.
    pub fn dims(&self, name: &'static str) -> Result<Vec<usize>, OpError> {
        self.attrs.dims(name)?.iter().map(|dim| length(dim.eval(&self.context.dims)?)).collect()
    }

    /// The shape the result is inferred to have, symbols replaced.
    pub fn shape(&self) -> Result<Vec<usize>, OpError> {
        self.fact.dims.iter().map(|dim| length(dim.eval(&self.context.dims)?)).collect()
    }
}

fn length(value: i64) -> Result<usize, OpError> {
    usize::try_from(value).map_err(|_| OpError::new(Code::OutOfRange, format!("a length of {value} is below zero")))
}

/// What a run fixes for all ops of one execution of a graph.
#[derive(Clone, Debug)]
pub struct Context {
    /// Numbers for the symbols: `B`, `K`, `H`, `W`.
    pub dims: DimEnv,
    /// f32, or f64 in gradient checks.
    pub dtype: DType,
    pub device: Device,
    pub draw: Draw,
}

/// The key of every random number: with an op's `place` and the sample it decides the draw, whatever the batch order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Draw {
    pub seed: u64,
    pub epoch: u64,
    /// The data-set index of each sample of the batch.
    pub samples: Vec<u64>,
}

/// Builds what an op is made of.
pub type MadeOf = fn(&mut Grad) -> Result<Ref, OpError>;

/// How an op takes part in a chain: the result at a place is made of the number at that place in one input, the one the chain hands it.
/// The other inputs are of the same dims, or hold one number for each channel.
#[derive(Clone, Copy)]
pub struct Chain {
    /// The inputs that a chain may come in by.
    pub slots: &'static [usize],
    /// The step. The tensor of the slot that the chain comes in by is left out.
    pub link: for<'a> fn(&Eval<'a>) -> Result<Link<'a>, OpError>,
}

/// A node of a graph that is being built. Opaque here: ops do not know the graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Ref(pub u32);

/// Where gradients put their nodes; the graph room implements it.
pub trait Build {
    /// Adds a node (or gives the equal one). Attributes left out take their defaults.
    fn apply(&mut self, op: &'static OpDef, inputs: &[Option<Ref>], attrs: Attrs) -> Result<Ref, OpError>;
    /// A constant scalar.
    fn scalar(&mut self, value: f64) -> Ref;
    fn fact(&self, node: Ref) -> &Fact;
}

pub enum Gradient {
    /// Why there is none: shown where a loss depends on it.
    None(&'static str),
    /// For each input slot the gradient node, or `None` where that input has none (an index, a constant side).
    Of(fn(&mut Grad) -> Result<Vec<Option<Ref>>, OpError>),
}

/// What `grad` sees: the node's inputs, its result, the gradient that flows in, and where to build.
pub struct Grad<'a> {
    pub build: &'a mut dyn Build,
    pub inputs: &'a [Option<Ref>],
    pub attrs: &'a Attrs,
    /// The node's own result.
    pub output: Ref,
    /// The gradient of the result; of the same dims as `output`.
    pub gradient: Ref,
    /// Which inputs need a gradient; work for the others may be left out.
    pub wanted: &'a [bool],
}

impl Grad<'_> {
    pub fn input(&self, slot: usize) -> Ref {
        self.inputs[slot].expect("a required input is present")
    }

    pub fn fact(&self, node: Ref) -> &Fact {
        self.build.fact(node)
    }

    /// Applies an op of the registry by name.
    pub fn op(&mut self, name: &str, inputs: &[Ref], attrs: Attrs) -> Result<Ref, OpError> {
        let op = super::find(name).ok_or_else(|| OpError::internal(format!("a gradient asks for the op `{name}`")))?;
        let inputs: Vec<Option<Ref>> = inputs.iter().copied().map(Some).collect();
        self.build.apply(op, &inputs, attrs)
    }

    /// Sums `node` over the axes along which `like` was broadcast.
    pub fn sum_to(&mut self, node: Ref, like: Ref) -> Result<Ref, OpError> {
        let dims = self.fact(like).dims.clone();
        if self.fact(node).dims == dims {
            return Ok(node);
        }
        self.op("sum_to", &[node], Attrs::new().dims_of("dims", dims))
    }
}

/// What `flops` and `scratch` see: shapes with all symbols replaced.
pub struct Cost<'a> {
    pub inputs: &'a [Option<Vec<usize>>],
    pub output: &'a [usize],
    pub attrs: &'a Attrs,
    /// Bytes of one real number.
    pub real: usize,
}
