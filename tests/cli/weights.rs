//! `wsss weights`.

use candle_core::{DType, Device, Tensor};

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
        answer.out.contains("head.weight  f32   2 × 2\n") && answer.out.contains("2 arrays, 6 numbers, 24 B"),
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

/// A file of PyTorch with an array of every kind, one of which NumPy does not have.
#[test]
fn what_the_other_format_has_no_kind_for_is_told() {
    let place = Place::new();
    let kinds = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/checkpoints/real/kinds.pth");
    let answer = place.wsss(&["weights", "convert", kinds, "kinds.npy"]).expect_code(1);
    let told = "have no place in a .npy file: `bfloat16` holds bf16";
    assert!(answer.err.replace("\n", "").contains(told), "{}", answer.err);
    assert!(!place.path("kinds.npy").exists(), "half a file is left");
    let answer = place.wsss(&["weights", "convert", kinds, "kinds.safetensors"]).expect_code(0);
    assert_eq!(answer.out.trim(), "10 arrays written to kinds.safetensors");
}

#[test]
fn converted_weights_say_what_they_are_for() {
    let place = place();
    place.write("classes.txt", "cat\ndog\n").write("names.toml", "names = [[\"head.{part}\", \"fc.{part}\"]]\n");
    let options = ["--names", "names.toml", "--classes", "classes.txt", "--size", "224,320", "--mean", "0.5,0.5,0.5"];
    place.wsss(&[&["weights", "convert", "net.npz", "net.safetensors"], &options[..]].concat()).expect_code(0);
    let answer = place.wsss(&["weights", "inspect", "net.safetensors"]).expect_code(0);
    for line in ["fc.weight  f32   2 × 2", "classes: [\"cat\",\"dog\"]", "size: [224,320]", "mean: [0.5,0.5,0.5]"] {
        assert!(answer.out.contains(line), "{}", answer.out);
    }
    place.wsss(&["weights", "convert", "net.npz", "net.safetensors", "--size", "224"]).expect_code(2);
    place.write("one.toml", "names = [[\"head.{part}\", \"fc\"]]\n");
    let answer =
        place.wsss(&["weights", "convert", "net.npz", "two.safetensors", "--names", "one.toml"]).expect_code(1);
    assert!(answer.err.contains("two of its arrays become `fc`"), "{}", answer.err);
}

/// One convolution whose weights come from a file in Caffe's names.
const LOADING: &str = "
supervision image

net dot(classes: int) {
  layer head = conv(3, classes)
  fn forward(image) = mean(head(image / 255), axes = [2, 3])
}

param dataset = scenes(images = 8, size = 32, classes = 2)
param weights = \"net.npz\"

train cls {
  data      = dataset.train |> random_crop(32)
  batch     = 2
  epochs    = 1
  optimizer = sgd(lr = 0.1)

  net net = load(dot(dataset.classes), weights)

  step { image, tags } {
    loss fit = mean(square(net(image) - tags))
  }
}
";

fn loading(extra: bool) -> Place {
    let place = Place::new();
    let (weight, bias) =
        (Tensor::ones((2, 3, 1, 1), DType::F64, &Device::Cpu), Tensor::new(&[0.5f32, -0.5], &Device::Cpu));
    let (weight, bias) = (weight.expect("a tensor"), bias.expect("a tensor"));
    let mut arrays = vec![("module.caffe_w", &weight), ("module.caffe_b", &bias)];
    if extra {
        arrays.push(("module.extra", &bias));
    }
    Tensor::write_npz(&arrays, place.path("net.npz")).expect("written");
    let names = "names = [[\"{x}_w\", \"head.weight\"], [\"{x}_b\", \"head.bias\"]]\n";
    place.write("net.npz.toml", format!("carries = \"imagenet tags\"\nsource = \"owner/name\"\n{names}"));
    place.write("r.wsss", LOADING);
    place
}

#[test]
fn a_manifest_names_and_vouches() {
    let place = loading(false);
    let answer = place.wsss(&["run", "r.wsss"]).expect_code(0);
    assert!((answer.out + &answer.err).contains("weights in net.npz: arrays become f32: 1 of f64"));
    let page = place.wsss(&["audit", "r.wsss"]).expect_code(0).out;
    assert!(page.contains("cls.net: imagenet tags") && page.contains("cls.net: net.npz, from owner/name"), "{page}");
    assert!(!page.contains("unknown origin"), "{page}");
    // What goes with a trained net.
    let folder = std::fs::read_dir(place.path("runs/store")).expect("it ran").flatten().map(|entry| entry.path());
    let net =
        folder.map(|folder| folder.join("net/net.safetensors")).find(|path| path.is_file()).expect("a net is left");
    let shown = place.wsss(&["weights", "inspect", net.to_str().expect("text")]).expect_code(0).out;
    assert!(shown.contains("size: [32,32]") && shown.contains("classes: ["), "{shown}");

    std::fs::remove_file(place.path("net.npz.toml")).expect("it is there");
    let page = place.wsss(&["audit", "r.wsss"]).expect_code(0).out;
    assert!(page.contains("weights of unknown origin\n  cls.net: net.npz"), "{page}");
    let answer = place.wsss(&["run", "r.wsss"]).expect_code(1);
    assert!(
        answer.err.contains("`head.bias` is not in the file") && answer.err.contains("2 missing, 2 unexpected"),
        "{}",
        answer.err
    );
    place.write("other.toml", "carried = 3");
    place.write("r.wsss", LOADING.replace("\"net.npz\"", "{ file = \"net.npz\", manifest = \"other.toml\" }"));
    let answer = place.wsss(&["audit", "r.wsss"]).expect_code(1);
    assert!(answer.err.contains("the manifest other.toml cannot be read: unknown field `carried`"), "{}", answer.err);
}

#[test]
fn names_are_forgiven_where_the_recipe_says_so() {
    let place = loading(true);
    let answer = place.wsss(&["run", "r.wsss"]).expect_code(1);
    assert!(answer.err.contains("do not fit the net: the net has no `extra`"), "{}", answer.err);
    place.write("r.wsss", LOADING.replace("\"net.npz\"", "{ file = \"net.npz\", strict = false }"));
    let answer = place.wsss(&["run", "r.wsss"]).expect_code(0);
    assert!((answer.out + &answer.err).contains("2 loaded, 1 unexpected: the net has no `extra`"));
}

#[test]
fn a_file_that_has_changed_is_told() {
    let place = loading(false);
    place.wsss(&["run", "r.wsss", "--dry-run"]).expect_code(0);
    assert!(!place.path("wsss.lock").exists(), "a dry run changes nothing");
    place.wsss(&["run", "r.wsss"]).expect_code(0);
    let lock = place.read("wsss.lock");
    assert!(lock.contains("file = \"net.npz\""), "{lock}");
    place.wsss(&["run", "r.wsss"]).expect_code(0);
    assert_eq!(place.read("wsss.lock"), lock);

    let names: [(&str, &[usize]); 2] = [("module.caffe_w", &[2, 3, 1, 1]), ("module.caffe_b", &[2])];
    let arrays = names.map(|(name, shape)| (name, Tensor::zeros(shape, DType::F32, &Device::Cpu).expect("a tensor")));
    let arrays: Vec<(&str, &Tensor)> = arrays.iter().map(|(name, tensor)| (*name, tensor)).collect();
    Tensor::write_npz(&arrays, place.path("net.npz")).expect("written");
    let answer = place.wsss(&["run", "r.wsss"]).expect_code(1);
    let pinned = lock.split("digest = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a digest");
    assert!(
        answer.err.contains("error[weights-changed]") && answer.err.replace("\n", "").contains(&pinned[..16]),
        "{}",
        answer.err
    );
    std::fs::remove_file(place.path("wsss.lock")).expect("it is there");
    let answer = place.wsss(&["run", "r.wsss", "--dry-run"]).expect_code(0);
    assert!((answer.out + &answer.err).contains("would run"), "other weights are another stage");
}
