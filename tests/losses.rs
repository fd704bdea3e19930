//! The losses of the standard library against golden arrays: value and gradient, in f64.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use wsss::diag::Problems;
use wsss::exec::check::context;
use wsss::exec::interpreter::{Interpreter, Options};
use wsss::exec::values::Values;
use wsss::grad::differentiate;
use wsss::graph::{Kind, Role, verify};
use wsss::hir::{self, Files};
use wsss::lower::lower_function;
use wsss::source::Sources;
use wsss::types::{Dim, Domain, Fact};

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// Inputs are stored in f32, results come from f64: they agree to the last digits of f64, save for the order of a sum.
const TOLERANCE: f64 = 1e-12;

#[test]
fn losses_agree_with_the_golden_arrays() {
    let cases = [
        ("multilabel_soft_margin_mean", "multilabel_soft_margin(x, t)", "logit[B, K]", "unit[B, K]"),
        ("bce_with_logits_mean", "bce_with_logits(x, t)", "logit", "unit"),
        ("bce_with_logits_large", "bce_with_logits(x, t)", "logit", "unit"),
        ("cross_entropy_ignore255", "cross_entropy(x, t)", "logit", "index_or_ignore"),
        ("cross_entropy_ignore255_sum", "cross_entropy(x, t, reduction = \"sum\")", "logit", "index_or_ignore"),
    ];
    let folder =
        std::env::var_os("WSSS_GOLDEN").map_or(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), Into::into);
    let golden =
        candle_core::safetensors::load(folder.join("layers.safetensors"), &Device::Cpu).expect("golden arrays");
    for (case, call, scores, targets) in cases {
        let array = |name: &str| golden[&format!("{case}.{name}")].clone();
        let text = format!(
            "use losses {{ multilabel_soft_margin, bce_with_logits, cross_entropy }}\nfn f(x: {scores}, t: {targets}) = {call}\n"
        );
        let (value, gradient) = run(&text, array("x"), array("t"));
        close(case, &value, &array("y"));
        close(case, &gradient, &array("gx"));
    }
}

/// The value of `f(x, t)` and its gradient by `x`.
fn run(text: &str, x: Tensor, t: Tensor) -> (Tensor, Tensor) {
    let index = t.dtype() == DType::I64;
    let classes: Dim = x.dims()[1].into();
    let dims = |tensor: &Tensor| tensor.dims().iter().map(|&length| Dim::from(length)).collect::<Vec<Dim>>();
    let labels = if index { Domain::Index { classes, ignore: true } } else { Domain::Real };
    let inputs = [("x".to_string(), Fact::new(Domain::Real, dims(&x))), ("t".to_string(), Fact::new(labels, dims(&t)))];
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("loss.wsss", text, &[], &NoFiles, &mut sources, &mut problems);
    let lowered = lower_function(&program, "f", &inputs, &mut problems);
    let mut graph = lowered.unwrap_or_else(|| panic!("{text}{problems:?}")).graph;
    let ids: Vec<_> = graph.ids().collect();
    for id in ids {
        let node = graph.node_mut(id);
        if node.kind == Kind::Field("x".to_string()) {
            node.kind = Kind::Weight { path: "x".to_string(), trained: true };
            node.fact.trainable = true;
        }
    }
    graph.refresh_trainable().expect("no cycle");
    graph.outputs[0].role = Role::Loss;
    differentiate(&mut graph).expect("every part has a gradient");
    let interpreter = Interpreter::new(verify(graph).expect("sound"), DType::F64, &Device::Cpu).expect("constants fit");
    let t = t.to_dtype(if index { DType::U32 } else { DType::F64 }).expect("numbers");
    let values = Values {
        fields: HashMap::from([("t".to_string(), t)]),
        weights: HashMap::from([("x".to_string(), x.to_dtype(DType::F64).expect("numbers"))]),
        ..Values::default()
    };
    let results = interpreter.run(&values, &context([].into()), Options::default()).expect("it runs");
    let of = |role: Role| {
        let at =
            interpreter.graph().outputs.iter().position(|output| output.role == role).expect("an output of the role");
        results[at][0].clone()
    };
    (of(Role::Loss), of(Role::Gradient))
}

fn close(case: &str, found: &Tensor, expected: &Tensor) {
    let numbers = |tensor: &Tensor| tensor.flatten_all().and_then(|flat| flat.to_vec1::<f64>()).expect("f64 numbers");
    let (found, expected) = (numbers(found), numbers(expected));
    assert_eq!(found.len(), expected.len(), "{case}");
    let largest = expected.iter().fold(1e-300, |most: f64, number| most.max(number.abs()));
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() <= TOLERANCE * largest, "{case}: {found} against {expected}");
    }
}
