//! Functions of the standard library against golden arrays of the methods: values and gradients, in f64.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use wsss::diag::Problems;
use wsss::exec::check::context;
use wsss::exec::interpreter::{Interpreter, Options};
use wsss::exec::values::Values;
use wsss::grad::differentiate;
use wsss::graph::{Kind, Output, Role, verify};
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

pub(super) fn golden(file: &str) -> PathBuf {
    let folder = std::env::var_os("WSSS_GOLDEN").map(PathBuf::from);
    folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")).join(file)
}

/// The results of `fn f(…)` in `text` by name, and the gradients of the one called `loss` as `grad.x`. Class counts are numbers.
pub(super) fn run(text: &str, inputs: &[(&str, Tensor)], dims: &[(&str, i64)]) -> HashMap<String, Tensor> {
    let length = |length: usize| Dim::from(length);
    let facts: Vec<(String, Fact)> = inputs
        .iter()
        .map(|(name, tensor)| {
            let lengths = tensor.dims().iter().map(|&n| length(n)).collect();
            let domain = match tensor.dtype() {
                DType::U32 => Domain::Index { classes: length(9), ignore: false },
                _ => Domain::Real,
            };
            (name.to_string(), Fact::new(domain, lengths))
        })
        .collect();
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("method.wsss", text, &[], &NoFiles, &mut sources, &mut problems);
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
    let interpreter = Interpreter::new(verify(graph).expect("sound"), DType::F64, &Device::Cpu).expect("constants fit");
    let mut values = Values::default();
    for (name, tensor) in inputs {
        let index = tensor.dtype() == DType::U32;
        let tensor = if index { tensor.clone() } else { tensor.to_dtype(DType::F64).expect("numbers") };
        let table = if index { &mut values.fields } else { &mut values.weights };
        table.insert(name.to_string(), tensor);
    }
    let dims = dims.iter().map(|(name, length)| (name.to_string(), *length)).collect();
    let results = interpreter.run(&values, &context(dims), Options::default()).expect("it runs");
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

#[test]
fn seam_agrees_with_its_released_code() {
    let arrays: HashMap<String, Tensor> =
        wsss::store::npz::read(&golden("seam.npz")).expect("golden arrays").into_iter().collect();
    let array = |name: &str| arrays[name].clone();
    let module = "use seam { maps_for_correlation, correlate }
fn f(cam: logit[B, C, H, W], features: real[B, D, H, W], weight) =
  { normal = maps_for_correlation(cam), refined = correlate(cam, conv2d(features, weight)) }";
    let inputs = [("cam", array("in_cam")), ("features", array("in_features")), ("weight", array("in_f9"))];
    let found = run(module, &inputs, &[]);
    close("maps", &found["normal"], &array("out_cam_normalised"), 1e-13);
    close("pcm", &found["refined"], &array("out_pcm"), 1e-12);

    let losses = "use seam { seam_losses, min_pooling }
use cam { min_max_normalize }
fn f(cam: logit[B, C, H, W], refined: real[B, C, H, W], small: logit[B, C, h, w], small_refined: real[B, C, h, w], tags: tags[B, K]) = {
  let all = seam_losses(cam, refined, small, small_refined, tags)
  {
    normal = min_max_normalize(cam),
    low = min_pooling(refined, tags),
    cls = all.cls + all.min,
    er = all.er,
    ecr = all.ecr,
    loss = all.cls + all.min + all.er + all.ecr,
  }
}";
    let inputs = [
        ("cam", array("in_cam1")),
        ("refined", array("in_refined1")),
        ("small", array("in_cam2")),
        ("small_refined", array("in_refined2")),
        ("tags", array("in_labels")),
    ];
    let found = run(losses, &inputs, &[]);
    close("max_norm", &found["normal"], &array("out_max_norm_cam1"), 1e-13);
    close("min pooling", &found["low"], &array("out_min_pooling1"), 1e-12);
    close("cls", &found["cls"], &array("out_loss_cls"), 1e-12);
    close("er", &found["er"], &array("out_loss_er"), 1e-12);
    close("ecr", &found["ecr"], &array("out_loss_ecr"), 1e-12);
    close("loss", &found["loss"], &array("out_loss"), 1e-12);
    for (input, name) in [("cam", "cam1"), ("refined", "refined1"), ("small", "cam2"), ("small_refined", "refined2")] {
        close(input, &found[&format!("grad.{input}")], &array(&format!("out_loss_grad_{name}")), 1e-10);
    }
}

#[test]
fn regions_agree_with_the_code_and_the_print_of_cpn() {
    let arrays = candle_core::safetensors::load(golden("cpn.safetensors"), &Device::Cpu).expect("golden arrays");
    let array = |name: &str| arrays[name].clone();
    let text = "use cpn { region_features, pixel_region_correlation, region_keys }
fn f(map: real[B, C, H, W], features: real[B, D, H, W], f9, f10) = {
  let regions  = region_features(map, features)
  let turned   = permute(regions, axes = [0, 2, 1])
  let embedded = conv2d(reshape(turned, dims = shape(turned) + [1]), f10)
  let queries  = conv2d(features, f9)
  {
    regions  = regions,
    meant    = pixel_region_correlation(map, region_keys(relu(embedded)), relu(queries)),
    released = pixel_region_correlation(map, region_keys(relu(embedded), as_released = true), relu(queries)),
    pixels   = pixel_region_correlation(map, region_keys(embedded), queries, factor = 1),
    classes  = pixel_region_correlation(map, region_keys(embedded), queries, over = \"classes\", factor = 1),
  }
}";
    let inputs = [
        ("map", array("out_cam_normalised")),
        ("features", array("in_features")),
        ("f9", array("in_f9")),
        ("f10", array("in_f10")),
    ];
    let found = run(text, &inputs, &[]);
    for (name, golden) in [
        ("regions", "out_region_features"),
        ("meant", "out_prcm_meant"),
        ("released", "out_prcm_code"),
        ("pixels", "out_prcm_paper_pixels"),
        ("classes", "out_prcm_paper_classes"),
    ] {
        close(name, &found[name], &array(golden), 1e-12);
    }
}

/// Layers that are library text, by the golden arrays of the layers they are.
#[test]
fn layers_of_the_library_agree_with_the_golden_arrays() {
    let arrays = candle_core::safetensors::load(golden("layers.safetensors"), &Device::Cpu).expect("golden arrays");
    let cases = [
        ("channel_l2_normalise", "use affinity { l2_normalize }", "l2_normalize(x)"),
        ("adaptive_max_pool_1x1", "use pool { global_max_pool }", "global_max_pool(x)"),
        ("gaussian_blur_torchvision_k5", "use erase { gaussian_blur }", "gaussian_blur(x, 5, 1)"),
        ("gaussian_blur_torchvision_k11", "use erase { gaussian_blur }", "gaussian_blur(x, 11, 4)"),
    ];
    for (case, uses, call) in cases {
        let array = |name: &str| arrays[&format!("{case}.{name}")].clone();
        let y = array("y");
        let text = format!(
            "{uses}\nfn f(x: real[B, C, H, W], gy) = {{ let y = {call}  {{ y = y, loss = sum(y * reshape(gy, dims = shape(y))) }} }}\n"
        );
        let found = run(&text, &[("x", array("x")), ("gy", array("gy"))], &[]);
        close(case, &found["y"], &y, 1e-12);
        close(case, &found["grad.x"], &array("gx"), 1e-12);
    }
}

/// By hand: two patches of three hidden, the share of the patches and of the pixels.
#[test]
fn a_complementary_pair_shares_no_pixel() {
    let image = Tensor::new(&[[[[1f64, 2.0, 3.0, 4.0]]]], &Device::Cpu).expect("an image");
    let patches = Tensor::new(&[[[0u32, 1, 2, 2]]], &Device::Cpu).expect("patches");
    let hidden = Tensor::from_vec(vec![1f64, 0., 1., 0., 0., 0., 0., 0., 0.], (1, 9), &Device::Cpu).expect("hidden");
    let text = "use erase { complementary_pair }
fn f(image, patches: index[B, H, W], hidden) = complementary_pair(image, patches, hidden, fill = 9)";
    let found = run(text, &[("image", image), ("patches", patches), ("hidden", hidden)], &[]);
    let row = |name: &str| found[name].flatten_all().and_then(|flat| flat.to_vec1::<f64>()).expect("numbers");
    assert_eq!((row("first"), row("second")), (vec![9.0, 2.0, 9.0, 9.0], vec![1.0, 9.0, 3.0, 4.0]));
    assert_eq!((row("share"), row("pixels")), (vec![1.0 - 2.0 / 9.0], vec![0.25]));
}

/// By hand: what lies between mean and maximum, and weighed means.
#[test]
fn maps_are_pooled() {
    let map = Tensor::new(&[[[[0f64, 0.0, 0.0, 2f64.ln()]]]], &Device::Cpu).expect("a map");
    let text = "use pool { log_sum_exp_pool, ngwp, focal_mask_size }
fn f(map: real[B, K, H, W]) = {
  lse = log_sum_exp_pool(map, r = 1),
  weighed = ngwp(map, claim(map * 0 + 0.5, \"unit\")),
  small = focal_mask_size(claim(map * 0 + 0.5, \"unit\"), power = 2, least = 0.5),
}";
    let found = run(text, &[("map", map)], &[]);
    let number = |name: &str| found[name].flatten_all().and_then(|flat| flat.to_vec1::<f64>()).expect("numbers")[0];
    let near = |name: &str, expected: f64| assert!((number(name) - expected).abs() < 1e-15, "{name} {}", number(name));
    near("lse", 1.25f64.ln());
    near("weighed", 0.5 * 2f64.ln() / 3.0);
    near("small", 0.0);
}
