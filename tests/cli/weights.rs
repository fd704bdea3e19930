//! `wsss weights`.

use candle_core::{Device, Tensor};

use super::Place;

fn place() -> Place {
    let place = Place::new();
    let weight = Tensor::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu).expect("a tensor");
    let bias = Tensor::new(&[0.5f32, -0.5], &Device::Cpu).expect("a tensor");
    Tensor::write_npz(&[("head.weight", &weight), ("head.bias", &bias)], place.path("net.npz")).expect("written");
    place
}

#[test]
fn inspect_lists_names_types_and_shapes() {
    let place = place();
    let answer = place.wsss(&["weights", "inspect", "net.npz"]).expect_code(0);
    assert!(
        answer.out.contains("head.weight  f32   2 × 2\n") && answer.out.contains("2 arrays, 6 numbers"),
        "{}",
        answer.out
    );
    let objects = place.wsss(&["weights", "inspect", "net.npz", "--json"]).expect_code(0).objects();
    let weight = objects.iter().find(|object| object["name"] == "head.weight").expect("it is listed");
    assert_eq!((&weight["shape"], &weight["bytes"]), (&serde_json::json!([2, 2]), &16.into()));
}

#[test]
fn convert_keeps_every_number() {
    let place = place();
    place.wsss(&["weights", "convert", "net.npz", "net.safetensors"]).expect_code(0);
    let arrays = candle_core::safetensors::load(place.path("net.safetensors"), &Device::Cpu).expect("it reads");
    assert_eq!(arrays["head.bias"].to_vec1::<f32>().expect("f32"), [0.5, -0.5]);
    assert_eq!(arrays["head.weight"].to_vec2::<f32>().expect("f32"), [[1.0, 2.0], [3.0, 4.0]]);
}

#[test]
fn wrong_files_are_told() {
    let place = place();
    let files: [(&str, &[u8], &str); 4] = [
        ("cut.safetensors", b"\x10\0\0\0\0\0\0\0{\"a\":", "weights-not-found"),
        ("cut.npz", b"PK\x03\x04 and no more", "weights-refused"),
        ("other.pth", b"\x80\x02}q\0.", "weights-not-found"),
        ("hostile.npy", HOSTILE, "weights-refused"),
    ];
    for (file, bytes, code) in files {
        place.write(file, bytes);
        let answer = place.wsss(&["weights", "inspect", file]).expect_code(1);
        assert!(answer.err.contains(&format!("error[{code}]")) && answer.err.contains(file), "{}", answer.err);
    }
    let hostile = place.wsss(&["weights", "inspect", "hostile.npy"]).expect_code(1);
    assert!(hostile.err.contains("asks for `os.system`, which weights do not need"), "{}", hostile.err);
    place.wsss(&["weights", "inspect", "none.npz"]).expect_code(1);
    place.wsss(&["weights", "convert", "net.npz", "net.pth"]).expect_code(2);
    place.wsss(&["weights", "convert", "other.pth", "net.safetensors"]).expect_code(1);
    assert!(!place.path("net.safetensors").exists(), "nothing is written of a file that cannot be read");
}

/// A NumPy file whose pickle calls a shell.
const HOSTILE: &[u8] = b"\x93NUMPY\x01\0\x36\0{'descr': '|O', 'fortran_order': False, 'shape': (), }\x80\x02cos\nsystem\nX\x04\0\0\0echo\x85R.";

#[test]
fn labels_go_out_as_numpy_reads_them() {
    let place = place();
    place.wsss(&["weights", "convert", "net.npz", "net.npy"]).expect_code(0);
    let answer = place.wsss(&["weights", "inspect", "net.npy"]).expect_code(0);
    assert!(answer.out.contains("head.weight  f32   2 × 2\n") && answer.out.contains("NumPy array"), "{}", answer.out);
}
