//! The networks of the library beside those of PyTorch: names and shapes of all weights, how many there are, what comes out.
//!
//! Nothing large is stored: weights and pictures follow a formula (`tests/golden/README.md`), results lie in `tests/golden`.

mod full;
mod names;
mod photographs;
mod small;
mod training;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;
use wsss::exec::interpreter::{Interpreter, Options};
use wsss::exec::values::Values;
use wsss::graph::{Role, verify};
use wsss::lower::{Stage, Weight};
use wsss::ops::{Context, Draw};
use wsss::types::DimEnv;

use super::networks::accepted;

/// The stage that holds a net of the library as `n`, and saves expressions of `n` and `image` by name. Inputs other than the picture come
/// from a net `g`: `g.deep(image)`.
fn stage(uses: &str, net: &str, given: &[Given], saves: &[(&str, &str)]) -> Stage {
    // What is saved has the axis of the pictures in front.
    let weight = |Given { name, shape, .. }: &Given| {
        let rest = shape[1..].iter().map(|length| format!(", {length}")).collect::<String>();
        format!("  weight {name}_: {shape:?} = zeros()\n  fn {name}(image) = expand({name}_, [size(image, 0){rest}])\n")
    };
    let weights: String = given.iter().map(weight).collect();
    let (items, entry) = match given.is_empty() {
        true => (String::new(), ""),
        false => (format!("net given() {{\n{weights}}}\n"), "net g = given()"),
    };
    let lines: String = saves.iter().map(|(name, of)| format!("    save {name} = {of}\n")).collect();
    let text = format!(
        "use data {{ scenes }}\n{uses}\nlet d = scenes(images = 20, size = 32, classes = 2)\n{items}
infer t {{\n  data = d.val |> standardize\n  net n = {net}\n  {entry}\n  each {{ image }} {{\n{lines}  }}\n}}\n"
    );
    accepted(&text).stages.pop().expect("a stage")
}

/// An input that is no picture: tensor `t` of the formula, its signs taken off.
struct Given {
    name: &'static str,
    t: usize,
    shape: &'static [usize],
}

impl Given {
    fn tensor(&self) -> Tensor {
        let numbers: Vec<f32> = uniform(self.t, self.shape.iter().product()).map(|u| u.abs() as f32).collect();
        Tensor::from_vec(numbers, self.shape, &Device::Cpu).expect("as many as the shape says")
    }
}

fn dims(weight: &Weight) -> Vec<usize> {
    let env = DimEnv::from([("K".to_owned(), 2)]);
    weight.dims.iter().map(|dim| dim.eval(&env).expect("a length") as usize).collect()
}

/// Tensor `t` of the formula: uniform numbers from -0.5 to 0.5, no two tensors the same.
fn uniform(t: usize, count: usize) -> impl Iterator<Item = f64> {
    let shift = (t as u32 + 1).wrapping_mul(40503);
    (1..=count as u32)
        .map(move |j| f64::from(j.wrapping_mul(2_654_435_761).wrapping_add(shift)) / 4_294_967_296.0 - 0.5)
}

/// What stands in a tensor of the state, by its name and shape.
fn formula(t: usize, name: &str, shape: &[usize]) -> Tensor {
    let fan_in = shape.iter().skip(1).product::<usize>() as f64;
    let number: Box<dyn Fn(f64) -> f64> = match name.rsplit('.').next() {
        Some("weight") if shape.len() > 1 => Box::new(move |u| u * 12f64.sqrt() * (2.0 / fan_in).sqrt()),
        Some("running_var") => Box::new(|u| 1.0 + u.abs()),
        Some("weight") => Box::new(|u| 1.0 + 0.2 * u),
        _ => Box::new(|u| 0.2 * u),
    };
    let numbers: Vec<f32> = uniform(t, shape.iter().product()).map(|u| number(u) as f32).collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).expect("as many as the shape says")
}

/// The state of the published network in its order, and its results.
#[derive(Clone)]
struct Published {
    state: Vec<(String, Vec<usize>)>,
    results: HashMap<String, Tensor>,
}

fn golden(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

/// The networks of one golden file by name.
fn published(file: &str) -> BTreeMap<String, Published> {
    let names = std::fs::read_to_string(golden(&format!("{file}.json"))).expect("names and shapes");
    let states: BTreeMap<String, Vec<(String, Vec<usize>)>> = serde_json::from_str(&names).expect("names and shapes");
    let arrays = candle_core::safetensors::load(golden(&format!("{file}.safetensors")), &Device::Cpu).expect("arrays");
    let results_of = |network: &str| {
        let named = arrays.iter().filter_map(|(name, array)| {
            let (of, result) = name.split_once('.')?;
            (of == network).then(|| (result.to_owned(), array.clone()))
        });
        named.collect()
    };
    states.into_iter().map(|(name, state)| (name.clone(), Published { state, results: results_of(&name) })).collect()
}

/// The pictures of the golden files: `[1, 3, height, width]`.
fn picture(height: usize, width: usize) -> Tensor {
    let numbers: Vec<f32> = uniform(1000, 3 * height * width).map(|u| (4.0 * u) as f32).collect();
    Tensor::from_vec(numbers, (1, 3, height, width), &Device::Cpu).expect("a picture")
}

/// The net has the weights of the published one, by name and shape. The numbers of all weights, by path.
#[track_caller]
fn weights(stage: &Stage, published: &Published, given: &[Given]) -> HashMap<String, Tensor> {
    let (of_net, inputs): (Vec<&Weight>, Vec<&Weight>) = stage.weights.iter().partition(|weight| weight.net == "n");
    let ours: BTreeSet<(String, Vec<usize>)> =
        of_net.iter().map(|weight| (weight.name.clone(), dims(weight))).collect();
    let theirs: BTreeSet<(String, Vec<usize>)> = published.state.iter().cloned().collect();
    let (missing, other): (Vec<_>, Vec<_>) = (theirs.difference(&ours).collect(), ours.difference(&theirs).collect());
    assert!(missing.is_empty() && other.is_empty(), "missing: {missing:?}\nother: {other:?}");
    let places: HashMap<&str, usize> = published.state.iter().enumerate().map(|(t, (name, _))| (&**name, t)).collect();
    let made = of_net.par_iter();
    let mut all: HashMap<String, Tensor> =
        made.map(|weight| (weight.path(), formula(places[&*weight.name], &weight.name, &dims(weight)))).collect();
    all.extend(inputs.iter().zip(given).map(|(weight, given)| (weight.path(), given.tensor())));
    all
}

/// Names, shapes and results of a net are those of the published network, computed in double precision.
#[track_caller]
fn check(published: &Published, uses: &str, net: &str, given: &[Given], picture: &Tensor, saves: &[(&str, &str)]) {
    let stage = stage(uses, net, given, saves);
    let weights = weights(&stage, published, given);
    agree(&results(&stage, weights, picture, DType::F64), published, 1e-11);
}

/// What the stage saves, by name, of one picture.
fn results(stage: &Stage, weights: HashMap<String, Tensor>, picture: &Tensor, dtype: DType) -> HashMap<String, Tensor> {
    let [_, _, height, width] = picture.dims()[..] else { panic!("a picture has four axes") };
    let of = |tensor: &Tensor| tensor.to_dtype(dtype).expect("numbers");
    let all: HashMap<String, Tensor> = weights.into_iter().map(|(path, tensor)| (path, of(&tensor))).collect();
    let values = Values {
        fields: HashMap::from([("image".to_owned(), of(picture))]),
        states: all.clone(),
        weights: all,
        ..Values::default()
    };
    let dims = [("B", 1), ("K", 2), ("H", height as i64), ("W", width as i64)];
    let dims = dims.map(|(name, length)| (name.to_owned(), length)).into();
    let draw = Draw { seed: 0, epoch: 0, samples: vec![0] };
    let context = Context { dims, dtype, device: Device::Cpu, draw };
    let graph = verify(stage.graph.clone()).expect("sound");
    let interpreter = Interpreter::new(graph, dtype, &Device::Cpu).expect("constants fit");
    let found = interpreter.run(&values, &context, Options::default()).expect("it runs");
    let outputs = interpreter.graph().outputs.iter().zip(found);
    outputs
        .filter(|(output, _)| output.role == Role::Save)
        .map(|(output, mut tensors)| (output.name.clone(), tensors.remove(0)))
        .collect()
}

/// Every result of the published network, to a part of its largest number.
#[track_caller]
fn agree(found: &HashMap<String, Tensor>, published: &Published, tolerance: f64) {
    assert_eq!(
        found.keys().collect::<BTreeSet<_>>(),
        published.results.keys().collect::<BTreeSet<_>>(),
        "the same results"
    );
    for (name, expected) in &published.results {
        let numbers = |tensor: &Tensor| -> Vec<f64> {
            let flat = tensor.to_dtype(DType::F64).and_then(|tensor| tensor.flatten_all());
            flat.and_then(|flat| flat.to_vec1()).expect("numbers")
        };
        let thin = found[name].elem_count() > expected.elem_count();
        let found = if thin { every_fourth(&found[name]) } else { found[name].clone() };
        let (found, expected) = (numbers(&found), numbers(expected));
        assert_eq!(found.len(), expected.len(), "{name}");
        let largest = expected.iter().fold(1e-300, |most: f64, number| most.max(number.abs()));
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest;
        assert!(worst <= tolerance, "{name} is {worst:.1e} of its largest number away");
    }
}

/// Every fourth row and column: what the golden files keep of maps of the size of the picture.
fn every_fourth(map: &Tensor) -> Tensor {
    let places = |length: usize| Tensor::from_iter((0..length as u32).step_by(4), &Device::Cpu).expect("places");
    let rows = map.index_select(&places(map.dims()[2]), 2).expect("rows");
    rows.index_select(&places(map.dims()[3]), 3).expect("columns").contiguous().expect("a tensor")
}
