//! The typed graph of one step: leaves (fields of the data, weights, states, clocks, constants), ops, and named outputs.
//!
//! petgraph is known here alone. A node has one result; a graph has no side effects: what changes the world (a new
//! running mean, a saved map, a metric) is an [`Output`]. [`Verified`] is made by [`verify`](verify::verify) alone, and
//! `plan` takes nothing else.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `text` | the text form, which prints and parses |
//! | `order` | the one topological order everybody uses |
//! | `verify` | the rules a graph keeps, and the proof that it does |
//! | `key` | when two nodes are the same |
//! | `canonical` | the digest of what a graph computes, whatever its nodes are called |
//! | `compare` | two graphs beside one another |
//! | `export` | dot, mermaid, JSON |
//! | `svg` | pictures |
//! | `pipeline` | the other graph: stages and the artifacts between them |

pub mod canonical;
pub mod compare;
pub mod export;
pub mod key;
pub mod order;
pub mod pipeline;
pub mod svg;
pub mod text;
pub mod verify;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;

use crate::ops::{Arity, Attr, Attrs, Build, Default as Preset, Gradient, OpDef, OpError, Ref};
use crate::source::Span;
use crate::types::{Domain, Fact, Interval, Labels};

pub use verify::{Broken, Verified, verify};

/// A node of a [`Graph`].
pub type Id = Ref;

/// Where a node comes from: the expression, and the calls it was inlined through, innermost first.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Origin {
    pub span: Option<Span>,
    pub calls: Option<Arc<Frame>>,
}

impl Origin {
    /// The place in the recipe itself: the outermost call the node was inlined through.
    pub fn outermost(&self) -> Option<Span> {
        let frames = std::iter::successors(self.calls.as_deref(), |frame| frame.outer.as_deref());
        frames.last().map(|frame| frame.span).or(self.span)
    }
}

/// One call on the way to a node.
#[derive(PartialEq, Debug)]
pub struct Frame {
    pub span: Span,
    pub outer: Option<Arc<Frame>>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    pub kind: Kind,
    pub attrs: Attrs,
    pub fact: Fact,
    pub origin: Origin,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// A field of the sample: `image`, `tags`, `mask`, a joined artifact.
    Field(String),
    /// A weight by path (`cls.head.weight`); `trained` where this stage's optimizer moves it.
    Weight {
        path: String,
        trained: bool,
    },
    /// A state that no gradient trains (`cls.bn1.running_mean`).
    State(String),
    /// A number of the training run, as a real scalar.
    Clock(Clock),
    Constant(Arc<Literal>),
    Op(&'static OpDef),
}

/// Where training stands; counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Clock {
    Step,
    Steps,
    Epoch,
    Epochs,
}

impl Clock {
    pub const ALL: [Clock; 4] = [Clock::Step, Clock::Steps, Clock::Epoch, Clock::Epochs];

    pub fn from_word(word: &str) -> Option<Clock> {
        Clock::ALL.into_iter().find(|clock| clock.word() == word)
    }

    pub fn word(self) -> &'static str {
        match self {
            Clock::Step => "step",
            Clock::Steps => "steps",
            Clock::Epoch => "epoch",
            Clock::Epochs => "epochs",
        }
    }
}

/// The numbers of a constant tensor; row-major.
#[derive(Clone, PartialEq, Debug)]
pub struct Literal {
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

/// A named result of the graph.
#[derive(Clone, PartialEq, Debug)]
pub struct Output {
    pub role: Role,
    /// `cls` in `loss cls = …`; a weight path for `Gradient`, a state path for `Assign`.
    pub name: String,
    /// One node; for `Metric` one for each input of the metric.
    pub nodes: Vec<Id>,
    pub span: Option<Span>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Role {
    /// A scalar that training lowers; all losses are summed.
    Loss,
    /// The sum of the losses, made by `grad`.
    Total,
    /// Fed to an accumulator of the metrics room, or (op `mean`) averaged as it is.
    Metric {
        metric: String,
        attrs: Attrs,
    },
    Show,
    Save,
    /// The gradient of the total by a weight.
    Gradient,
    /// The new value of a state after the step.
    Assign,
    /// The factor on the learning rate at this step.
    Rate,
}

impl Role {
    pub fn word(&self) -> &'static str {
        match self {
            Role::Loss => "loss",
            Role::Total => "total",
            Role::Metric { .. } => "metric",
            Role::Show => "show",
            Role::Save => "save",
            Role::Gradient => "grad",
            Role::Assign => "assign",
            Role::Rate => "rate",
        }
    }
}

/// The graph of one step. Nodes are added, rewired and removed; ids stay valid.
#[derive(Clone, Default)]
pub struct Graph {
    inner: StableDiGraph<Node, usize>,
    /// Leaves by the hash of what they are. An entry may be stale (the node changed or went), never missing.
    leaves: HashMap<u64, Vec<Id>>,
    pub outputs: Vec<Output>,
}

impl Graph {
    pub fn new() -> Graph {
        Graph::default()
    }

    /// Adds a leaf, or gives the equal one that is there.
    pub fn leaf(&mut self, kind: Kind, fact: Fact, origin: Origin) -> Id {
        let hash = key::leaf(&kind, &fact);
        let same = self.leaves.get(&hash).into_iter().flatten().copied().find(|id| {
            self.contains(*id) && {
                let node = self.node(*id);
                !matches!(node.kind, Kind::Op(_)) && node.kind == kind && node.fact == fact
            }
        });
        same.unwrap_or_else(|| self.insert(Node { kind, attrs: Attrs::new(), fact, origin }, &[]))
    }

    /// The time of the training run.
    pub fn clock(&mut self, clock: Clock, origin: Origin) -> Id {
        self.leaf(Kind::Clock(clock), Fact::scalar(Domain::NonNegative), origin)
    }

    pub fn constant(&mut self, literal: Literal, domain: Domain, origin: Origin) -> Id {
        let dims = literal.shape.iter().map(|&length| length.into()).collect();
        let fact = Fact::new(domain, dims).in_range(Interval::of(&literal.data));
        self.leaf(Kind::Constant(Arc::new(literal)), fact, origin)
    }

    /// Adds an op node after its `infer` has agreed. Attributes left out take their defaults; the joined labels and the
    /// gradient reach of the inputs go into the fact, and what the op knows of range, frame and normalisation.
    ///
    /// # Errors
    /// What `infer` refuses; a missing input or attribute is an internal error, as the caller binds arguments.
    pub fn apply(
        &mut self,
        op: &'static OpDef,
        inputs: &[Option<Id>],
        attrs: Attrs,
        origin: Origin,
    ) -> Result<Id, OpError> {
        let attrs = complete(op, attrs)?;
        check_arity(op, inputs)?;
        let facts: Vec<Option<&Fact>> = inputs.iter().map(|id| id.map(|id| &self.node(id).fact)).collect();
        let args = crate::ops::Infer { op, facts: &facts, attrs: &attrs };
        let mut fact = crate::ops::known(op, &args, (op.infer)(&args)?);
        let present = || facts.iter().flatten();
        fact.labels = Labels::join_all(present().map(|fact| &fact.labels));
        fact.trainable = matches!(op.grad, Gradient::Of(_)) && present().any(|fact| fact.trainable);
        Ok(self.insert(Node { kind: Kind::Op(op), attrs, fact, origin }, inputs))
    }

    /// Adds a node as it is, unchecked.
    fn insert(&mut self, node: Node, inputs: &[Option<Id>]) -> Id {
        let leaf = (!matches!(node.kind, Kind::Op(_))).then(|| key::leaf(&node.kind, &node.fact));
        let index = self.inner.add_node(node);
        for (slot, input) in inputs.iter().enumerate() {
            if let Some(input) = input {
                self.inner.add_edge(NodeIndex::new(input.0 as usize), index, slot);
            }
        }
        let id = Ref(index.index() as u32);
        if let Some(hash) = leaf {
            self.leaves.entry(hash).or_default().push(id);
        }
        id
    }

    pub fn node(&self, id: Id) -> &Node {
        &self.inner[NodeIndex::new(id.0 as usize)]
    }

    pub fn node_mut(&mut self, id: Id) -> &mut Node {
        &mut self.inner[NodeIndex::new(id.0 as usize)]
    }

    pub fn contains(&self, id: Id) -> bool {
        self.inner.contains_node(NodeIndex::new(id.0 as usize))
    }

    /// The inputs by slot, a slot for each the op declares; one left out is `None`.
    pub fn inputs(&self, id: Id) -> Vec<Option<Id>> {
        let declared = match self.node(id).kind {
            Kind::Op(op) => op.inputs.len(),
            _ => 0,
        };
        let mut inputs = vec![None; declared];
        for (slot, input) in self.edges(id) {
            if inputs.len() <= slot {
                inputs.resize(slot + 1, None);
            }
            inputs[slot] = Some(input);
        }
        inputs
    }

    /// The filled slots of a node with what fills them, in no particular order. Allocates nothing.
    pub fn edges(&self, id: Id) -> impl Iterator<Item = (usize, Id)> + '_ {
        let edges = self.inner.edges_directed(NodeIndex::new(id.0 as usize), Direction::Incoming);
        edges.map(|edge| (*edge.weight(), Ref(edge.source().index() as u32)))
    }

    /// The nodes that read `id`, once for each slot they read it in, in no particular order. Allocates nothing.
    pub fn readers(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let index = NodeIndex::new(id.0 as usize);
        self.inner.neighbors_directed(index, Direction::Outgoing).map(|index| Ref(index.index() as u32))
    }

    /// The nodes that read `id`, each once, in order of id.
    pub fn users(&self, id: Id) -> Vec<Id> {
        let mut users: Vec<Id> = self.readers(id).collect();
        users.sort();
        users.dedup();
        users
    }

    /// Every node, in order of id.
    pub fn ids(&self) -> impl Iterator<Item = Id> + '_ {
        self.inner.node_indices().map(|index| Ref(index.index() as u32))
    }

    pub fn len(&self) -> usize {
        self.inner.node_count()
    }

    /// Every id is below this: for tables indexed by id.
    pub fn bound(&self) -> usize {
        use petgraph::visit::NodeIndexable;
        self.inner.node_bound()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every reader of `old`, outputs included, reads `new` from now on.
    pub fn rewire(&mut self, old: Id, new: Id) {
        let edges: Vec<_> = self
            .inner
            .edges_directed(NodeIndex::new(old.0 as usize), Direction::Outgoing)
            .map(|edge| (edge.id(), edge.target(), *edge.weight()))
            .collect();
        for (edge, target, slot) in edges {
            self.inner.remove_edge(edge);
            self.inner.add_edge(NodeIndex::new(new.0 as usize), target, slot);
        }
        for node in self.outputs.iter_mut().flat_map(|output| &mut output.nodes) {
            if *node == old {
                *node = new;
            }
        }
    }

    pub fn remove(&mut self, id: Id) {
        self.inner.remove_node(NodeIndex::new(id.0 as usize));
    }

    /// Re-reads the gradient reach of every op node, after nodes were replaced.
    ///
    /// # Errors
    /// The graph has a cycle.
    pub fn refresh_trainable(&mut self) -> Result<(), order::Cycle> {
        for id in order::order(self)? {
            let Kind::Op(op) = self.node(id).kind else { continue };
            let trainable =
                matches!(op.grad, Gradient::Of(_)) && self.edges(id).any(|(_, input)| self.node(input).fact.trainable);
            self.node_mut(id).fact.trainable = trainable;
        }
        Ok(())
    }

    pub fn output(&self, role: &Role, name: &str) -> Option<&Output> {
        self.outputs.iter().find(|output| output.role == *role && output.name == name)
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::print(self))
    }
}

/// The attributes in the op's own order, defaults filled in.
fn complete(op: &'static OpDef, attrs: Attrs) -> Result<Attrs, OpError> {
    if let Some((name, _)) = attrs.iter().find(|(name, _)| op.param(name).is_none()) {
        return Err(OpError::internal(format!("`{}` has no param `{name}`", op.name)));
    }
    let mut all = Attrs::new();
    for param in op.params {
        let preset = match param.default {
            Preset::Required | Preset::Absent => None,
            Preset::Int(value) => Some(Attr::Int(value)),
            Preset::Float(value) => Some(Attr::Float(value)),
            Preset::Bool(value) => Some(Attr::Bool(value)),
            Preset::Word(value) => Some(Attr::Word(value.into())),
            Preset::Pair(values) => Some(Attr::Ints(values.into())),
            Preset::Axes(values) => Some(Attr::Ints(values.into())),
        };
        match (attrs.get(param.name).cloned().or(preset), param.default) {
            (Some(attr), _) => all.set(param.name, attr),
            (None, Preset::Required) => {
                return Err(OpError::internal(format!("`{}` is called without `{}`", op.name, param.name)));
            }
            (None, _) => {}
        }
    }
    Ok(all)
}

fn check_arity(op: &'static OpDef, inputs: &[Option<Id>]) -> Result<(), OpError> {
    let wrong = |what: &str| Err(OpError::internal(format!("`{}` is called with {what}", op.name)));
    for (slot, input) in op.inputs.iter().enumerate() {
        let given = inputs.get(slot).copied().flatten();
        if given.is_none() && input.arity != Arity::Optional {
            return wrong(&format!("no `{}`", input.name));
        }
    }
    let many = op.inputs.last().is_some_and(|input| input.arity == Arity::Many);
    if many && inputs[op.inputs.len() - 1..].contains(&None) {
        return wrong("a gap in its list of inputs");
    }
    if inputs.len() > op.inputs.len() && !many { wrong("too many inputs") } else { Ok(()) }
}

/// Gradients build into a graph; their nodes carry the origin of the node they are the gradient of.
pub struct Builder<'a> {
    pub graph: &'a mut Graph,
    pub origin: Origin,
}

impl Build for Builder<'_> {
    fn apply(&mut self, op: &'static OpDef, inputs: &[Option<Ref>], attrs: Attrs) -> Result<Ref, OpError> {
        self.graph.apply(op, inputs, attrs, self.origin.clone())
    }

    fn scalar(&mut self, value: f64) -> Ref {
        let literal = Literal { shape: Vec::new(), data: vec![value] };
        self.graph.constant(literal, Domain::Real, self.origin.clone())
    }

    fn fact(&self, node: Ref) -> &Fact {
        &self.graph.node(node).fact
    }
}
