//! Functions of the standard library and of the recipes against golden arrays of the methods: values and gradients, in f64. A method a file; its arrays lie
//! beside it. `WSSS_GOLDEN=<folder>` reads other draws of the same arrays.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Tensor};
use wsss::diag::Problems;
use wsss::exec::check::context;
use wsss::exec::interpreter::{Interpreter, Options};
use wsss::exec::values::Values;
use wsss::grad::differentiate;
use wsss::graph::{Kind, Output, Role, verify};
use wsss::hir;
use wsss::lower::lower_function;
use wsss::ops::Context;
use wsss::source::Sources;
use wsss::types::{Dim, Domain, Fact};

use super::ops::device;
use super::recipes::Pipelines;

mod cpn;
mod ecs;
mod isim;
mod layers;
mod me;
mod oc_cse;
mod seam;

pub(super) fn golden(file: &str) -> PathBuf {
    let folder = std::env::var_os("WSSS_GOLDEN").map(PathBuf::from);
    folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")).join(file)
}

/// The results of `fn f(…)` in `text` by name, and the gradients of the one called `loss` as `grad.x`. Class counts are numbers: `classes` among `dims` says how many
/// of them inputs of whole numbers count, 9 where it is not there.
pub(super) fn run(text: &str, inputs: &[(&str, Tensor)], dims: &[(&str, i64)]) -> HashMap<String, Tensor> {
    let length = |length: usize| Dim::from(length);
    let classes = dims.iter().find(|(name, _)| *name == "classes").map_or(9, |(_, classes)| *classes as usize);
    let facts: Vec<(String, Fact)> = inputs
        .iter()
        .map(|(name, tensor)| {
            let lengths = tensor.dims().iter().map(|&n| length(n)).collect();
            let domain = match tensor.dtype() {
                DType::U32 => Domain::Index { classes: length(classes), ignore: false },
                _ => Domain::Real,
            };
            (name.to_string(), Fact::new(domain, lengths))
        })
        .collect();
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("method.wsss", text, &[], &Pipelines, &mut sources, &mut problems);
    let lowered = lower_function(&program, "f", &facts, &mut problems);
    let mut graph = lowered.unwrap_or_else(|| panic!("{text}{problems:#?}")).graph;
    let ids: Vec<_> = graph.ids().collect();
    for id in ids {
        let node = graph.node_mut(id);
        if let Kind::Field(name) = node.kind.clone()
            && !node.fact.domain.is_index()
        {
            node.kind = Kind::Weight { path: name, trained: true };
            node.fact.trainable = true;
        }
    }
    graph.refresh_trainable().expect("no cycle");
    let loss = graph.outputs.iter().find(|output| output.name == "loss").cloned();
    graph.outputs.extend(loss.map(|loss| Output { role: Role::Loss, ..loss }));
    differentiate(&mut graph).expect("every part has a gradient");
    let device = device();
    let interpreter = Interpreter::new(verify(graph).expect("sound"), DType::F64, &device).expect("constants fit");
    let mut values = Values::default();
    for (name, tensor) in inputs {
        let index = tensor.dtype() == DType::U32;
        let tensor = if index { tensor.clone() } else { tensor.to_dtype(DType::F64).expect("numbers") };
        let table = if index { &mut values.fields } else { &mut values.weights };
        table.insert(name.to_string(), tensor);
    }
    let dims = dims.iter().map(|(name, length)| (name.to_string(), *length)).collect();
    let context = Context { device, ..context(dims) };
    let results = interpreter.run(&values, &context, Options::default()).expect("it runs");
    let outputs = interpreter.graph().outputs.iter().zip(results);
    let named = outputs.filter_map(|(output, mut tensors)| match output.role {
        Role::Save => Some((output.name.clone(), tensors.remove(0))),
        Role::Gradient => Some((format!("grad.{}", output.name), tensors.remove(0))),
        _ => None,
    });
    named.collect()
}

#[track_caller]
pub(super) fn close(what: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
    let numbers = |tensor: &Tensor| -> Vec<f64> {
        let flat = tensor.to_dtype(DType::F64).and_then(|tensor| tensor.flatten_all());
        flat.and_then(|flat| flat.to_vec1()).expect("numbers")
    };
    let (found, expected) = (numbers(found), numbers(expected));
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1e-300, |most: f64, number| most.max(number.abs()));
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!((found - expected).abs() <= tolerance * largest, "{what} {i}: {found} against {expected}");
    }
}

/// All arrays of an `.npz` file by name.
pub(super) fn arrays(file: &str) -> HashMap<String, Tensor> {
    wsss::store::npz::read(&golden(file)).expect("golden arrays").into_iter().collect()
}
