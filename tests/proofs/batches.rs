//! Whether a value depends on the other pictures of its batch: what is inferred of random nets, against what is seen when another
//! picture is changed.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use proptest::prelude::*;
use wsss::exec::interpreter::{Interpreter, Leaves, Options};
use wsss::graph::{Clock, Graph, Kind, Role, verify};
use wsss::ops::{Context, Draw};
use wsss::types::Dim;

use super::{SplitMix, lowered};
use crate::ops::numbers;

const PICTURES: usize = 3;

/// How the recipe writes that number.
const B: &str = "size(image, 0)";

/// A training step: what it is made of, and the values it has so far, each `[B, 4, 8, 8]`.
struct Writer {
    nets: String,
    step: String,
    choices: Vec<u32>,
    values: usize,
    /// Batch norms that have been called in training mode.
    trained: Vec<String>,
}

impl Writer {
    fn choose(&mut self, below: usize) -> usize {
        self.choices.pop().unwrap_or(0) as usize % below
    }

    fn value(&mut self) -> String {
        format!("v{}", self.choose(self.values))
    }

    /// A net of its own for this place, and its name.
    fn net(&mut self, made: &str) -> String {
        let name = format!("n{}", self.values);
        self.nets += &format!("  net {name} = {made}\n");
        name
    }

    fn next(&mut self) -> String {
        let (x, y) = (self.value(), self.value());
        match self.choose(26) {
            0 => format!("tanh({x})"),
            1 => format!("{x} + {y}"),
            2 => format!("{x} * sigmoid({y})"),
            3 => format!("where({x} > 0, {x}, {y})"),
            4 => format!("stop(dropout({x}, 0.5))"),
            5 => format!("{}({x})", self.net("conv(4, 4, kernel = 3, padding = 1)")),
            6 => {
                let net = self.net("batch_norm(4)");
                self.trained.push(net.clone());
                format!("{net}({x})")
            }
            7 => format!("{}({x})", self.net("batch_norm(4, mode = \"running\")")),
            8 => format!("{}({x})", self.net("freeze(batch_norm(4))")),
            9 => format!("{}({x})", self.net("train_mode(freeze(batch_norm(4)))")),
            10 => match self.trained.last() {
                // Its running statistics have been moved by the batch.
                Some(net) => format!("eval_mode({net})({x})"),
                None => format!("eval_mode({})({x})", self.net("batch_norm(4)")),
            },
            11 => format!("{}({x})", self.net("group_norm(4, groups = 2)")),
            12 => format!("{}({x})", self.net("layer_norm(8)")),
            13 => format!("{x} - mean({y}, axes = [0], keep = true)"),
            14 => format!("{x} - mean({y}, axes = [0, 2, 3], keep = true)"),
            15 => format!("{x} * mean({y}, axes = [2, 3], keep = true)"),
            16 => format!("{x} + slice({y}, axis = 0, start = 0, length = 1)"),
            17 => format!("softmax({x}, axis = 0) + {y}"),
            18 => format!("softmax({x}, axis = 1) + {y}"),
            // Not the turned one alone: turned once more, it is of its own picture again.
            19 => format!("{x} + flip({x}, axes = [0])"),
            20 => format!("claim(flip({x}, axes = [3]), \"real\", frame = \"any\")"),
            21 => {
                // What is known is known of the whole: of two parts that differ in it, more is said than is so.
                let conv = self.net("conv(4, 4)");
                let both = format!("concat([{x}, tanh({x})], axis = 0)");
                format!("slice({conv}({both}), axis = 0, start = {B}, length = {B})")
            }
            22 => {
                let flat = |x: &str| format!("reshape({x}, dims = [{B}, 4, 64])");
                let alike = format!("softmax(matmul({0}, {0}, transpose_a = true), axis = 2)", flat(&x));
                format!("reshape(matmul({}, {alike}, transpose_b = true), dims = [{B}, 4, 8, 8])", flat(&y))
            }
            23 => {
                let flat = |x: &str| format!("reshape({x}, dims = [{B}, 256])");
                let alike = format!("matmul({0}, {0}, transpose_b = true) / 256", flat(&x));
                format!("reshape(matmul({alike}, {}), dims = [{B}, 4, 8, 8])", flat(&y))
            }
            24 => format!("permute(tanh(permute({x}, axes = [1, 0, 2, 3])), axes = [1, 0, 2, 3])"),
            _ => format!("resize(avg_pool({x}, kernel = 2, stride = 2), size = [8, 8], align_corners = true)"),
        }
    }

    fn recipe(choices: Vec<u32>, steps: usize) -> String {
        let mut writer = Writer { nets: String::new(), step: String::new(), choices, values: 1, trained: Vec::new() };
        for _ in 0..steps {
            let next = writer.next();
            writer.step += &format!("    let v{0} = {next}\n    show v{0}\n", writer.values);
            writer.values += 1;
        }
        format!(
            "use data {{ scenes }}
let d = scenes(images = 20, size = 32, classes = 2)
train t {{
  data = d.train |> standardize |> random_crop(8)
  batch = {PICTURES}
  epochs = 1
  optimizer = sgd(lr = 0.1)
  shared_norm = true
  net begin = conv(3, 4)
{}  step {{ image }} {{
    let v0 = begin(image)
{}    loss l = mean(v{})
  }}
}}",
            writer.nets,
            writer.step,
            writer.values - 1
        )
    }
}

struct Given(HashMap<String, Tensor>);

impl Leaves for Given {
    fn field(&self, name: &str) -> Option<Tensor> {
        self.0.get(name).cloned()
    }
    fn weight(&self, path: &str) -> Option<Tensor> {
        self.0.get(path).cloned()
    }
    fn state(&self, path: &str) -> Option<Tensor> {
        self.0.get(path).cloned()
    }
    fn clock(&self, _: Clock) -> Option<f64> {
        None
    }
}

fn drawn(shape: &[usize], low: f64, random: &mut SplitMix) -> Tensor {
    let data: Vec<f64> = (0..shape.iter().product()).map(|_| low + random.next()).collect();
    Tensor::from_vec(data, shape, &Device::Cpu).expect("as many numbers")
}

/// Numbers for every leaf: small ones, but for variances, which are not below zero.
fn given(graph: &Graph, random: &mut SplitMix) -> HashMap<String, Tensor> {
    let mut leaves = HashMap::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let (Kind::Field(name) | Kind::Weight { path: name, .. } | Kind::State(name)) = &node.kind else { continue };
        let length = |dim: &Dim| dim.as_const().map_or(PICTURES, |length| length as usize);
        let shape: Vec<usize> = node.fact.dims.iter().map(length).collect();
        leaves.insert(name.clone(), drawn(&shape, if name.ends_with("var") { 0.5 } else { -0.5 }, random));
    }
    leaves
}

/// Sets of weights and pictures that are tried at most.
const DRAWS: usize = 8;

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_value_is_of_one_picture_where_it_is_said_so(choices in prop::collection::vec(any::<u32>(), 12..40), steps in 1usize..8) {
        let text = Writer::recipe(choices, steps);
        let (recipe, problems) = lowered(&text, &[]);
        prop_assert!(problems.iter().all(|problem| !problem.is_error()), "{text}\n{problems:#?}");
        let mut graph = recipe.stages[0].graph.clone();
        graph.outputs.retain(|output| output.role == Role::Show);
        let told: Vec<bool> = graph.outputs.iter().map(|output| graph.node(output.nodes[0]).fact.mixed).collect();
        let names: Vec<String> = graph.outputs.iter().map(|output| output.name.clone()).collect();
        let mut random = SplitMix(1);
        let interpreter =
            Interpreter::new(verify::verify(graph.clone()).expect("a right graph"), DType::F64, &Device::Cpu).expect("constants fit");
        let context = Context {
            dims: [("B".to_string(), PICTURES as i64)].into(),
            dtype: DType::F64,
            device: Device::Cpu,
            draw: Draw { seed: 1, epoch: 0, samples: (0..PICTURES as u64).collect() },
        };
        let run = |leaves: &HashMap<String, Tensor>| -> Vec<Vec<f64>> {
            let results = interpreter.run(&Given(leaves.clone()), &context, Options::default()).expect("it runs");
            results.iter().map(|tensors| numbers(&tensors[0])).collect()
        };
        let mut seen = vec![false; told.len()];
        // What mixes may not show it with one draw: a rectifier lets nothing through where all is below zero.
        for _ in 0..DRAWS {
            let mut leaves = given(&graph, &mut random);
            let before = run(&leaves);
            for changed in 0..PICTURES {
                let image = leaves["image"].clone();
                let pictures = (0..PICTURES).map(|at| match at == changed {
                    true => drawn(&[1, 3, 8, 8], -0.5, &mut random),
                    false => image.narrow(0, at, 1).expect("a picture"),
                });
                let others = Tensor::cat(&pictures.collect::<Vec<_>>(), 0).expect("pictures of one size");
                leaves.insert("image".into(), others);
                for (seen, (before, after)) in seen.iter_mut().zip(before.iter().zip(run(&leaves))) {
                    let one = before.len() / PICTURES;
                    let another = |at: usize| at / one != changed && before[at].to_bits() != after[at].to_bits();
                    *seen |= (0..before.len()).any(another);
                }
                leaves.insert("image".into(), image);
            }
            if seen == told {
                break;
            }
        }
        for (name, (told, seen)) in names.iter().zip(told.iter().zip(&seen)) {
            prop_assert_eq!(told, seen, "{} of {}", name, text);
        }
    }
}
