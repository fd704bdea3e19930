//! One use of an op, taken out of its graph: its gradients against differences, its laws.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use wsss::grad::{differentiate, gradients};
use wsss::graph::{Graph, Id, Kind, Literal, Node, Origin, Output, Role};
use wsss::ops::{Attrs, Example, Law, OpDef, Ref, find};
use wsss::types::{Domain, Fact};

use super::{numbers, run, saved};

/// One node taken out of its graph, with the numbers that go in.
pub struct Use {
    op: &'static OpDef,
    pub attrs: Attrs,
    pub inputs: Vec<Option<(Fact, Tensor)>>,
}

impl Use {
    pub fn at(graph: &Graph, id: Id) -> Use {
        let Node { kind: Kind::Op(op), attrs, .. } = graph.node(id).clone() else { panic!("not an op") };
        let inputs = graph.inputs(id);
        let mut before = graph.clone();
        before.outputs = inputs.iter().flatten().enumerate().map(|(slot, id)| saved(*id, slot)).collect();
        let mut values = if before.outputs.is_empty() { Vec::new() } else { run(before, DType::F64, &HashMap::new()) };
        values.reverse();
        let mut value = |id: Id| (graph.node(id).fact.clone(), values.pop().expect("an output for each input"));
        let inputs = inputs.into_iter().map(|id| id.map(&mut value)).collect();
        Use { op, attrs, inputs }
    }

    /// The slots of real numbers that may move: no truths, no lone numbers (an exponent stays what it is).
    pub fn trainable(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.inputs.len()).filter(|slot| {
            self.inputs[*slot].as_ref().is_some_and(|(fact, _)| {
                fact.rank() > 0 && !fact.domain.is_index() && !fact.domain.is_a(&Domain::Binary)
            })
        })
    }

    /// The op alone, its input at `trained` a weight.
    fn alone(&self, trained: usize) -> (Graph, Id) {
        let mut graph = Graph::new();
        let inputs: Vec<Option<Id>> = self
            .inputs
            .iter()
            .enumerate()
            .map(|(slot, input)| {
                let (fact, value) = input.as_ref()?;
                let origin = Origin::default();
                if trained == slot {
                    let fact = Fact { trainable: true, ..fact.clone() };
                    return Some(graph.leaf(Kind::Weight { path: "w".into(), trained: true }, fact, origin));
                }
                let value = if self.trainable().any(|other| other == slot) { moved(value) } else { value.clone() };
                Some(graph.constant(
                    Literal { shape: value.dims().to_vec(), data: numbers(&value) },
                    fact.domain.clone(),
                    origin,
                ))
            })
            .collect();
        let result =
            graph.apply(self.op, &inputs, self.attrs.clone(), Origin::default()).expect("it was applied before");
        (graph, result)
    }

    fn value(&self, graph: &Graph, id: Id, weight: &Tensor) -> Tensor {
        let mut graph = graph.clone();
        graph.outputs = vec![saved(id, 0)];
        run(graph, DType::F64, &HashMap::from([("w".to_string(), weight.clone())])).remove(0)
    }

    /// Whether the input at `slot` has a gradient; if it has, it must be right.
    pub fn check_gradient(&self, slot: usize, example: &Example) -> bool {
        if !self.trainable().any(|other| other == slot) {
            return false;
        }
        let (mut graph, objective, at) = self.objective(slot);
        differentiate(&mut graph).expect("gradients are right");
        // The quotient itself is off by its step squared and by rounding over the step.
        self.agrees(&graph, objective, slot, &at, 1e-7, example)
    }

    /// The gradient by `slot`, weighed, differentiated again and held against its own differences.
    pub fn check_second(&self, slot: usize, example: &Example) -> Second {
        let (mut graph, objective, at) = self.objective(slot);
        let weight = graph.ids().find(|id| matches!(graph.node(*id).kind, Kind::Weight { .. })).expect("a weight");
        let first = match gradients(&mut graph, objective, &[weight]) {
            Ok(found) => found[0],
            Err(error) => panic!("`{}`: {error}", self.op.name),
        };
        let Some(first) = first else { return Second::Constant };
        let objective = weighed(&mut graph, first, at.dims().to_vec(), 5);
        let report = differentiate(&mut graph).expect("gradients are right");
        if !report.unknown.is_empty() {
            return Second::Unknown;
        }
        match self.agrees(&graph, objective, slot, &at, 1e-6, example) {
            true => Second::Checked,
            false => Second::Constant,
        }
    }

    /// The op alone, its input at `slot` a weight, with the sum that is its loss and the numbers that the weight begins with.
    fn objective(&self, slot: usize) -> (Graph, Id, Tensor) {
        let (_, value) = self.inputs[slot].as_ref().expect("a slot that may move is there");
        let at = moved(value);
        let (mut graph, result) = self.alone(slot);
        let shape = self.value(&graph, result, &at).dims().to_vec();
        let objective = weighed(&mut graph, result, shape, 3);
        (graph, objective, at)
    }

    /// Holds the gradient of a differentiated graph against differences of its loss; false where it has none.
    fn agrees(&self, graph: &Graph, loss: Id, slot: usize, at: &Tensor, allowed: f64, example: &Example) -> bool {
        let Some(gradient) = graph.output(&Role::Gradient, "w").map(|output| output.nodes[0]) else { return false };
        let found = numbers(&self.value(graph, gradient, at));
        let (start, step) = (numbers(at), 1e-5);
        for i in 0..start.len() {
            let shifted = |by: f64| {
                let mut data = start.clone();
                data[i] += by;
                let weight = Tensor::from_vec(data, at.dims(), &Device::Cpu).expect("as many numbers");
                numbers(&self.value(graph, loss, &weight))[0]
            };
            let expected = (shifted(step) - shifted(-step)) / (2.0 * step);
            let what = format!("`{}`, input {slot}, number {i}: {} instead of {expected}", self.op.name, found[i]);
            assert!((found[i] - expected).abs() <= allowed * (1.0 + expected.abs()), "{what}: {}", example.code);
        }
        true
    }

    /// The result with other numbers at `slot`; `None` where the op refuses them.
    fn with(&self, slot: usize, value: Tensor) -> Option<(Fact, Tensor)> {
        let mut other = Use { op: self.op, attrs: self.attrs.clone(), inputs: self.inputs.clone() };
        let (fact, _) = other.inputs[slot].take()?;
        other.inputs[slot] = Some((fact, value));
        Some(other.result())
    }

    fn result(&self) -> (Fact, Tensor) {
        let mut graph = Graph::new();
        let inputs: Vec<Option<Id>> = self
            .inputs
            .iter()
            .map(|input| {
                let (fact, value) = input.as_ref()?;
                let literal = Literal { shape: value.dims().to_vec(), data: numbers(value) };
                Some(graph.constant(literal, fact.domain.clone(), Origin::default()))
            })
            .collect();
        let id = graph.apply(self.op, &inputs, self.attrs.clone(), Origin::default()).expect("it was applied before");
        let fact = graph.node(id).fact.clone();
        graph.outputs = vec![saved(id, 0)];
        (fact, run(graph, DType::F64, &HashMap::new()).remove(0))
    }

    pub fn check_law(&self, law: Law, example: &Example) {
        let what = format!("{law:?} of `{}`: {}", self.op.name, example.code);
        let (fact, result) = self.result();
        let full = |slot: usize, value: f64| {
            let (_, tensor) = self.inputs[slot].as_ref().expect("a law is about an input that is there");
            (tensor.ones_like().expect("ones") * value).expect("a multiple")
        };
        match law {
            Law::Neutral { slot, value } => {
                let (_, found) = self.with(slot, full(slot, value)).expect("a required input");
                let (_, other) = self.inputs[1 - slot].as_ref().expect("two inputs");
                assert_eq!(numbers(&found), numbers(&other.broadcast_as(found.dims()).expect(&what)), "{what}");
            }
            Law::Zero { slot } => {
                let (_, found) = self.with(slot, full(slot, 0.0)).expect("a required input");
                assert!(numbers(&found).iter().all(|number| *number == 0.0), "{what}");
            }
            Law::Zeros => assert!(numbers(&result).iter().all(|number| *number == 0.0), "{what}"),
            Law::Involution | Law::Last => {
                let mut again = Use { op: self.op, attrs: self.attrs.clone(), inputs: self.inputs.clone() };
                let (_, first) = self.inputs[0].clone().expect("a required input");
                again.inputs[0] = Some((fact, result.clone()));
                let (_, found) = again.result();
                assert_eq!(numbers(&found), numbers(if law == Law::Last { &result } else { &first }), "{what}");
            }
            Law::Stop => {
                let (_, first) = self.inputs[0].as_ref().expect("a required input");
                assert_eq!(numbers(&result), numbers(first), "{what}");
            }
            Law::SameDims => {
                let (before, first) = self.inputs[0].as_ref().expect("a required input");
                if before.dims == fact.dims && before.domain == fact.domain {
                    assert_eq!(numbers(&result), numbers(first), "{what}");
                }
            }
        }
    }
}

/// What became of a second derivative.
pub enum Second {
    Checked,
    /// The first does not change.
    Constant,
    Unknown,
}

/// The numbers of a node, each times another one, summed: the loss of the graph from now on.
fn weighed(graph: &mut Graph, id: Id, shape: Vec<usize>, turn: usize) -> Id {
    let data = (0..shape.iter().product()).map(|i| ((i * 7 + turn) % 11) as f64 / 11.0 - 0.4).collect();
    let weight = graph.constant(Literal { shape, data }, Domain::Real, Origin::default());
    let mut apply = |name: &str, inputs: &[Ref]| {
        let inputs: Vec<Option<Ref>> = inputs.iter().copied().map(Some).collect();
        let op = find(name).expect("a known op");
        graph.apply(op, &inputs, Attrs::new(), Origin::default()).expect("real numbers")
    };
    let weighed = apply("mul", &[id, weight]);
    let total = apply("sum", &[weighed]);
    graph.outputs = vec![Output { role: Role::Loss, name: "loss".into(), nodes: vec![total], span: None }];
    total
}

/// Numbers a little larger, each by another amount: off every corner, no two alike.
fn moved(value: &Tensor) -> Tensor {
    let data = numbers(value).into_iter().enumerate().map(|(i, x)| x + 0.05 + 0.1 * ((i * 37 % 101) as f64 / 101.0));
    Tensor::from_vec(data.collect::<Vec<f64>>(), value.dims(), &Device::Cpu).expect("as many numbers")
}
