//! What a loss moves, by three means that know nothing of one another: the gradients that are built, plain reachability over a
//! list of edges kept while the graph was drawn up, and differences of the loss.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use proptest::prelude::*;
use wsss::grad::differentiate;
use wsss::graph::{Graph, Id, Kind, Literal, Origin, Output, Role};
use wsss::ops::{Attrs, find};
use wsss::types::{Domain, Fact};

use crate::ops::{numbers, run, saved};

const WEIGHTS: usize = 4;

/// An op over earlier values, which are named by numbers of any size.
type Drawn = (usize, u32, u32, u32);

/// Ops by name with how many inputs they have, and the inputs a gradient passes.
const OPS: &[(&str, usize, &[usize])] = &[
    ("add", 2, &[0, 1]),
    ("mul", 2, &[0, 1]),
    ("sub", 2, &[0, 1]),
    ("sigmoid", 1, &[0]),
    ("square", 1, &[0]),
    ("neg", 1, &[0]),
    ("softplus", 1, &[0]),
    ("threshold", 1, &[]),
    ("floor", 1, &[]),
    ("greater", 2, &[]),
    ("where", 3, &[1, 2]),
    ("stop", 1, &[]),
];

struct Net {
    graph: Graph,
    loss: Id,
    /// For each value the earlier ones that a gradient passes to; the weights come first, then a constant.
    edges: Vec<Vec<usize>>,
}

fn weight(number: usize) -> String {
    format!("w{number}")
}

fn draw(drawn: &[Drawn], with_stops: bool) -> Net {
    let mut graph = Graph::new();
    let mut ids = Vec::new();
    for number in 0..WEIGHTS {
        let fact = Fact { trainable: true, ..Fact::new(Domain::Real, vec![2.into()]) };
        ids.push(graph.leaf(Kind::Weight { path: weight(number), trained: true }, fact, Origin::default()));
    }
    ids.push(graph.constant(Literal { shape: vec![2], data: vec![0.3, -1.2] }, Domain::Real, Origin::default()));
    let mut edges = vec![Vec::new(); ids.len()];
    for (op, a, b, c) in drawn {
        let (name, arity, passes) = OPS[op % (OPS.len() - usize::from(!with_stops))];
        let mut inputs: Vec<usize> = [a, b, c].iter().take(arity).map(|from| **from as usize % ids.len()).collect();
        // A choice is made by a truth.
        if name == "where" {
            match (0..ids.len()).rev().find(|value| graph.node(ids[*value]).fact.domain == Domain::Binary) {
                Some(truth) => inputs[0] = truth,
                None => continue,
            }
        }
        // Scores, not truths, go into a sigmoid.
        if name == "sigmoid" && graph.node(ids[inputs[0]]).fact.domain.is_a(&Domain::Unit) {
            continue;
        }
        let attrs = if name == "threshold" { Attrs::new().float("at", 0.1) } else { Attrs::new() };
        let slots: Vec<Option<Id>> = inputs.iter().map(|value| Some(ids[*value])).collect();
        let id = graph.apply(find(name).expect("a known op"), &slots, attrs, Origin::default()).expect("a right use");
        ids.push(id);
        edges.push(passes.iter().map(|slot| inputs[*slot]).collect());
    }
    let last = *ids.last().expect("there are weights");
    let loss = graph.apply(find("sum").expect("a known op"), &[Some(last)], Attrs::new(), Origin::default());
    let loss = loss.expect("a sum of numbers");
    graph.outputs = vec![Output { role: Role::Loss, name: "loss".into(), nodes: vec![loss], span: None }];
    Net { graph, loss, edges }
}

impl Net {
    /// The weights that the last value leads back to.
    fn reached(&self) -> Vec<usize> {
        let mut seen = vec![false; self.edges.len()];
        let mut open = vec![self.edges.len() - 1];
        while let Some(value) = open.pop() {
            if !std::mem::replace(&mut seen[value], true) {
                open.extend(&self.edges[value]);
            }
        }
        (0..WEIGHTS).filter(|number| seen[*number]).collect()
    }

    fn value(&self, graph: &Graph, id: Id, weights: &[[f64; 2]]) -> Vec<f64> {
        let mut graph = graph.clone();
        graph.outputs = vec![saved(id, 0)];
        let tensor = |numbers: &[f64; 2]| Tensor::new(numbers, &Device::Cpu).expect("two numbers");
        let weights = weights.iter().enumerate().map(|(number, numbers)| (weight(number), tensor(numbers)));
        numbers(&run(graph, DType::F64, &weights.collect::<HashMap<_, _>>()).remove(0))
    }
}

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    prop::collection::vec((0usize..1000, any::<u32>(), any::<u32>(), any::<u32>()), 1..14)
}

fn weights() -> impl Strategy<Value = Vec<[f64; 2]>> {
    prop::collection::vec([-1.5..1.5f64, -1.5..1.5f64], WEIGHTS)
}

proptest! {
    #[test]
    fn the_weights_with_a_gradient_are_those_a_path_leads_to(drawn in drawn()) {
        let net = draw(&drawn, true);
        let mut graph = net.graph.clone();
        let report = differentiate(&mut graph).expect("a right graph");
        let built: Vec<usize> =
            (0..WEIGHTS).filter(|number| graph.output(&Role::Gradient, &weight(*number)).is_some()).collect();
        let reached = net.reached();
        prop_assert_eq!(&built, &reached);
        // The fact of the loss says the same before any gradient is built.
        prop_assert_eq!(net.graph.node(net.loss).fact.trainable, !reached.is_empty());
        prop_assert_eq!(report.dead_losses.len(), usize::from(reached.is_empty()));
    }

    #[test]
    fn what_has_no_gradient_changes_nothing_and_what_has_one_changes_by_it(drawn in drawn(), weights in weights()) {
        // A `stop` lies about what would change, that is what it is for.
        let net = draw(&drawn, false);
        let mut graph = net.graph.clone();
        differentiate(&mut graph).expect("a right graph");
        let step = 1e-6;
        for number in 0..WEIGHTS {
            let gradient = graph.output(&Role::Gradient, &weight(number)).map(|output| output.nodes[0]);
            let gradient = gradient.map_or(vec![0.0; 2], |id| net.value(&graph, id, &weights));
            for place in 0..2 {
                let at = |by: f64| {
                    let mut moved = weights.clone();
                    moved[number][place] += by;
                    net.value(&net.graph, net.loss, &moved)[0]
                };
                let (below, middle, above) = (at(-step), at(0.0), at(step));
                // Where a threshold lies between, or numbers are astronomic, differences say nothing.
                let smooth = (above - 2.0 * middle + below).abs() < 1e-5 * (1.0 + middle.abs());
                prop_assume!(smooth && middle.abs() < 1e4);
                let expected = (above - below) / (2.0 * step);
                let close = (gradient[place] - expected).abs() <= 1e-3 * (1.0 + expected.abs().max(middle.abs()));
                prop_assert!(close, "w{number}[{place}]: {} instead of {expected}", gradient[place]);
            }
        }
    }
}
