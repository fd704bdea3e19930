//! `wsss call`: arrays in, arrays out.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};

use super::{Answer, Place};

fn floats(place: &Place, name: &str, arrays: &[(&str, &[f32], &[usize])]) {
    let tensor = |(name, data, shape): &(&str, &[f32], &[usize])| {
        (name.to_string(), Tensor::from_slice(data, *shape, &Device::Cpu).expect("the shape fits"))
    };
    let arrays: Vec<(String, Tensor)> = arrays.iter().map(tensor).collect();
    Tensor::write_npz(&arrays, place.path(name)).expect("written");
}

fn results(path: &Path) -> HashMap<String, Tensor> {
    Tensor::read_npz(path).expect("the results are there").into_iter().collect()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|flat| flat.to_vec1()).expect("f32")
}

fn call(place: &Place, words: &[&str]) -> Answer {
    place.wsss(&[&["call"], words, &["--in", "in.npz", "--out", "out.npz"]].concat())
}

#[test]
fn a_primitive_with_gradients() {
    let place = Place::new();
    floats(&place, "in.npz", &[("x", &[-1.0, 2.0, 0.5], &[3])]);
    call(&place, &["square", "--grad"]).expect_code(0);
    let results = results(&place.path("out.npz"));
    assert_eq!(values(&results["result"]), [1.0, 4.0, 0.25]);
    assert_eq!(values(&results["grad.x"]), [-2.0, 4.0, 1.0]);
}

#[test]
fn a_function_of_the_library_by_its_module() {
    let place = Place::new();
    floats(&place, "in.npz", &[("map", &[0.0, 1.0, 2.0, 4.0], &[1, 1, 2, 2])]);
    call(&place, &["cam.max_normalize"]).expect_code(0);
    let normal = values(&results(&place.path("out.npz"))["result"]);
    let expected = [0.0, 0.25, 0.5, 1.0];
    assert!(normal.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{normal:?}");
}

#[test]
fn a_function_of_a_recipe_with_an_argument_and_a_record() {
    let place = Place::new();
    place.write("my.wsss", "fn both(x, factor) = { double = factor * x, sum = sum(x) }\n");
    floats(&place, "in.npz", &[("x", &[1.0, 2.0], &[2])]);
    call(&place, &["my.wsss::both", "--set", "factor=3"]).expect_code(0);
    let results = results(&place.path("out.npz"));
    assert_eq!((values(&results["double"]), values(&results["sum"])), (vec![3.0, 6.0], vec![3.0]));
}

#[test]
fn whole_numbers_are_indices_and_have_no_gradient() {
    let place = Place::new();
    let labels = Tensor::new(&[[[0i64, 1], [255, 1]]], &Device::Cpu).expect("labels");
    let logits = Tensor::zeros((1, 2, 2, 2), candle_core::DType::F64, &Device::Cpu).expect("logits");
    Tensor::write_npz(&[("logits", &logits), ("labels", &labels)], place.path("in.npz")).expect("written");
    call(&place, &["losses.cross_entropy", "--grad"]).expect_code(0);
    let results = results(&place.path("out.npz"));
    let loss: f64 = results["result"].to_scalar().expect("a scalar in double precision");
    // Two classes of equal logits: the logarithm of 2, whatever is ignored.
    assert!((loss - 2f64.ln()).abs() < 1e-12, "{loss}");
    assert!(results.contains_key("grad.logits") && !results.contains_key("grad.labels"));
}

#[test]
fn wrong_calls_are_told() {
    let place = Place::new();
    floats(&place, "in.npz", &[("x", &[1.0], &[1])]);
    for (words, says) in [
        (&["relux"][..], "did you mean `relu`?"),
        (&["losse.cross_entropy"], "did you mean `losses`?"),
        (&["losses.cross_entropy"], "has no argument `x`"),
        (&["none.wsss::f"], "there is no such file"),
    ] {
        let answer = call(&place, words).expect_code(1);
        assert!(answer.err.contains(says), "{words:?}: {}", answer.err);
    }
    let answer = place.wsss(&["call", "relu", "--in", "none.npz", "--out", "out.npz"]).expect_code(1);
    assert!(answer.err.contains("none.npz"), "{}", answer.err);
    let answer = place.wsss(&["call", "relu", "--in", "in.npz", "--out", "/proc/none/out.npz"]).expect_code(3);
    assert!(answer.err.contains("error[cannot-write]"), "{}", answer.err);
}

/// What a run saves is packed; what `call` gives is read by it again.
#[test]
fn packed_maps_of_a_run_are_read() {
    let place = Place::new();
    let mut map = vec![0.0f32; 2 * 64 * 64];
    map[17] = 2.0;
    let tensor = Tensor::from_vec(map, (1, 2, 64, 64), &Device::Cpu).expect("the shape fits");
    wsss::store::npz::write(&place.path("in.npz"), &[("map", &tensor)]).expect("written");
    assert!(std::fs::metadata(place.path("in.npz")).expect("there").len() < 2 * 64 * 64, "it is packed");
    call(&place, &["cam.max_normalize"]).expect_code(0);
    assert!((values(&results(&place.path("out.npz"))["result"])[17] - 1.0).abs() < 1e-5);
}
