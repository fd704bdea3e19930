//! The inferred range of a result holds every number that comes out, whatever goes in: for each op of the registry, on each of its
//! examples, with other numbers.

use std::collections::HashMap;

use candle_core::DType;
use wsss::graph::{Graph, Id, Kind, Literal, Node, Origin};
use wsss::ops::{Example, OpDef};
use wsss::types::{Domain, Fact};

use super::SplitMix;
use crate::ops::{examples, graph_of, nodes_of, numbers, run, saved};

/// Numbers for each input of each example.
const DRAWS: u64 = 30;

/// Numbers that the domain allows, from a part of it that is drawn first; the ends of the part are among them now and then.
fn drawn(fact: &Fact, count: usize, random: &mut SplitMix) -> Vec<f64> {
    let bounds = fact.domain.range();
    let (low, high) = (bounds.low().max(-4.0), bounds.high().min(4.0));
    let mut part = [low + random.next() * (high - low), low + random.next() * (high - low)];
    part.sort_by(f64::total_cmp);
    let number = |random: &mut SplitMix| match &fact.domain {
        Domain::Index { classes, ignore } => {
            let classes = classes.as_const().expect("examples have known classes") as f64;
            let class = (random.next() * (classes + f64::from(u8::from(*ignore)))).floor();
            if class < classes { class } else { 255.0 }
        }
        Domain::Binary | Domain::Tags => (random.next() * 2.0).floor(),
        _ => match random.next() {
            chance if chance < 0.1 => part[0],
            chance if chance < 0.2 => part[1],
            chance if chance < 0.25 => 0f64.clamp(part[0], part[1]),
            chance => part[0] + (part[1] - part[0]) * chance,
        },
    };
    (0..count).map(|_| number(random)).collect()
}

/// The op of `id` alone, on constants: the numbers `random` gives, or those of the example.
fn alone(graph: &Graph, id: Id, random: &mut SplitMix) -> (Graph, Id) {
    let Node { kind: Kind::Op(op), attrs, .. } = graph.node(id).clone() else { panic!("not an op") };
    let mut other = Graph::new();
    let mut inputs = Vec::new();
    for input in graph.inputs(id) {
        inputs.push(input.map(|input| {
            let fact = &graph.node(input).fact;
            let shape: Vec<usize> =
                fact.dims.iter().map(|dim| dim.as_const().expect("examples have known lengths") as usize).collect();
            let data = drawn(fact, shape.iter().product(), random);
            other.constant(Literal { shape, data }, fact.domain.clone(), Origin::default())
        }));
    }
    let result = other.apply(op, &inputs, attrs, Origin::default()).expect("it was applied before");
    (other, result)
}

#[test]
fn ranges_hold_every_number() {
    let mut narrow = HashMap::new();
    let mut random = SplitMix(1);
    // What a recipe claims is the recipe's word.
    // Tags that are drawn may name no class, which `mean_field` refuses.
    let refused = |op: &OpDef, example: &Example| op.name == "mean_field" && example.code.contains("tags");
    for (op, example) in examples().filter(|(op, example)| op.name != "claim" && !refused(op, example)) {
        let graph = graph_of(example.code).expect("examples are right");
        for id in nodes_of(&graph, op) {
            for _ in 0..DRAWS {
                let (mut graph, result) = alone(&graph, id, &mut random);
                graph.outputs = vec![saved(result, 0)];
                let fact = graph.node(result).fact.clone();
                *narrow.entry(op.name).or_insert(false) |= fact.range != fact.domain.range();
                for number in numbers(&run(graph, DType::F64, &HashMap::new()).remove(0)) {
                    // What is not a number is in no range, see `Interval`; rounding may go past a bound by its last digits.
                    let slack = if number.is_finite() { 1e-9 * (1.0 + number.abs()) } else { 0.0 };
                    let holds = fact.range.low() - slack <= number && number <= fact.range.high() + slack;
                    assert!(
                        number.is_nan() || holds,
                        "`{}`: {number} is not in {}: {}",
                        op.name,
                        fact.range,
                        example.code
                    );
                }
            }
        }
    }
    let told: Vec<&str> = narrow.iter().filter(|(_, narrow)| **narrow).map(|(name, _)| *name).collect();
    assert!(told.len() >= 45, "only {} ops tell more than their domain: {told:?}", told.len());
}
