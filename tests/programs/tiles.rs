//! `tile` and `merge` are each other's inverse, number for number, and a tile is where it should be.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use proptest::prelude::*;
use wsss::diag::Problems;
use wsss::exec::check::context;
use wsss::exec::interpreter::{Interpreter, Options};
use wsss::exec::values::Values;
use wsss::graph::verify;
use wsss::hir;
use wsss::lower::lower_function;
use wsss::source::Sources;
use wsss::types::{Dim, Domain, Fact};

use super::NoFiles;

/// What `f(x)` of `text` gives.
fn run(text: &str, x: &Tensor) -> Tensor {
    let dims = x.dims().iter().map(|&length| Dim::from(length)).collect();
    let inputs = [("x".to_string(), Fact::new(Domain::Real, dims))];
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("tiles.wsss", text, &[], &NoFiles, &mut sources, &mut problems);
    let lowered = lower_function(&program, "f", &inputs, &mut problems);
    let lowered = lowered.unwrap_or_else(|| panic!("{:#?}", problems.sorted()));
    let graph = verify(lowered.graph).expect("a graph");
    let interpreter = Interpreter::new(graph, DType::F64, &Device::Cpu).expect("a plan");
    let fields = HashMap::from([("x".to_string(), x.clone())]);
    let values = Values { fields, ..Values::default() };
    let results = interpreter.run(&values, &context([].into()), Options::default()).expect("numbers");
    results[0][0].clone()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().and_then(|flat| flat.to_vec1()).expect("real numbers")
}

/// 0, 1, 2 … in a shape.
fn counted(shape: [usize; 4]) -> Tensor {
    let count = shape.iter().product::<usize>();
    Tensor::arange(0f64, count as f64, &Device::Cpu).and_then(|flat| flat.reshape(shape.to_vec())).expect("a shape")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn merging_tiles_is_no_change(b in 1usize..3, c in 1usize..3, h in 1usize..4, w in 1usize..4, p in 1usize..4) {
        let text = format!("use tiles {{ tile, merge }}\nfn f(x) = merge(tile(x, {p}), {p})\n");
        let x = counted([b, c, h * p, w * p]);
        let back = run(&text, &x);
        prop_assert_eq!((back.dims(), numbers(&back)), (x.dims(), numbers(&x)));
        let text = format!("use tiles {{ tile, merge }}\nfn f(x) = tile(merge(x, {p}), {p})\n");
        let x = counted([b * p * p, c, h, w]);
        let back = run(&text, &x);
        prop_assert_eq!((back.dims(), numbers(&back)), (x.dims(), numbers(&x)));
    }
}

#[test]
fn tiles_by_hand() {
    let tiles = run("use tiles { tile }\nfn f(x) = tile(x, 2)\n", &counted([2, 1, 2, 4]));
    assert_eq!(tiles.dims(), [8, 1, 1, 2]);
    // The upper left tile of both pictures, then the upper right one of both, then the lower ones.
    let expected = [0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15];
    assert_eq!(numbers(&tiles), expected.map(f64::from));
}
