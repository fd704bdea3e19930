//! Refinement of maps and labels against golden arrays of the methods, in f64.

use std::collections::HashMap;

use candle_core::{D, DType, Tensor};

use super::golden::{arrays, close, run};

/// A table of pairs as psa lists them: its planes where every pair begins, `[34, 24]`.
fn listed(table: &Tensor) -> Tensor {
    let inner = table.narrow(2, 0, 6).and_then(|table| table.narrow(3, 4, 4)).expect("10 by 12 pixels");
    inner.reshape((34, 24)).expect("34 steps of 24 pairs")
}

#[test]
fn affinities_agree_with_psa() {
    let arrays = arrays("psa.npz");
    let array = |name: &str| arrays[name].clone();
    let scores = |name: &str| array(name).permute((2, 0, 1)).and_then(|x| x.unsqueeze(0)).expect("scores");
    let text = "use affinity { affinity_labels, affinity_loss }
fn f(features: real[B, C, h, w], strong, weak) = {
  let labels   = affinity_labels(claim(strong, \"unit\"), claim(weak, \"unit\"))
  let affinity = pair_affinity(features)
  {
    labels     = labels,
    affinity   = affinity,
    background = pair_relation(labels, \"background\"),
    foreground = pair_relation(labels, \"foreground\"),
    different  = pair_relation(labels, \"different\"),
    loss       = affinity_loss(affinity, labels),
  }
}";
    let features = array("in_features").unsqueeze(0).expect("features");
    let inputs =
        [("features", features), ("strong", scores("in_crf_low_alpha")), ("weak", scores("in_crf_high_alpha"))];
    let found = run(text, &inputs, &[]);
    close("labels", &found["labels"], &array("out_label"), 0.0);
    close("affinity", &listed(&found["affinity"]), &array("out_affinity"), 1e-13);
    for name in ["background", "foreground", "different"] {
        close(name, &listed(&found[name]), &array(&format!("out_pairs_{name}")), 0.0);
        let total = |tensor: &Tensor| tensor.sum_all().and_then(|sum| sum.to_dtype(DType::F64)?.to_scalar::<f64>());
        let (all, within) = (total(&found[name]).expect("a sum"), total(&listed(&found[name])).expect("a sum"));
        assert_eq!(all, within, "no pair begins elsewhere");
    }
    close("loss", &found["loss"], &array("out_loss"), 1e-12);
    close("gradient", &found["grad.features"], &array("out_loss_grad_features"), 1e-10);
}

#[test]
fn a_walk_agrees_with_the_powers_of_psas_matrix() {
    let arrays = arrays("psa.npz");
    let features = arrays["in_features"].unsqueeze(0).expect("features");
    let scores = arrays["in_scores"].reshape((1, 4, 10, 12)).expect("scores");
    let text = "fn f(features: real[B, C, h, w], scores: real[B, K, h, w]) = {
  short = random_walk(scores, stop(pair_affinity(features)), beta = 8, steps = 4),
  long  = random_walk(scores, stop(pair_affinity(features)), beta = 8, steps = 256),
}";
    let found = run(text, &[("features", features), ("scores", scores)], &[]);
    close("4 steps", &found["short"], &arrays["out_propagated_logt2"], 1e-13);
    close("256 steps", &found["long"], &arrays["out_propagated_logt8"], 1e-12);
}

#[test]
fn a_walk_within_boundaries_agrees_with_irn() {
    let arrays = arrays("irn.npz");
    let edge = arrays["in_edge"].unsqueeze(0).expect("boundaries");
    let map = arrays["in_scores"].unsqueeze(0).expect("maps");
    let text = "use affinity { walk_within }
fn f(edge: real[B, 1, h, w], map: real[B, K, h, w]) = {
  short = walk_within(map, claim(edge, \"unit\"), steps = 4),
  long  = walk_within(map, claim(edge, \"unit\")),
}";
    let found = run(text, &[("edge", edge), ("map", map)], &[]);
    close("4 steps", &found["short"], &arrays["out_propagated_logt2"], 1e-13);
    close("256 steps", &found["long"], &arrays["out_propagated_logt8"], 1e-12);
}

/// A picture that is no multiple of the stride: cells of zeros count as the margin they are, and the margin is cut off again.
#[test]
fn scores_walk_at_the_size_of_the_picture() {
    let scores = Tensor::ones((1, 1, 3, 5), DType::F64, &candle_core::Device::Cpu).expect("scores");
    let features = Tensor::zeros((1, 1, 2, 3), DType::F64, &candle_core::Device::Cpu).expect("features");
    let text = "use affinity { walk }
fn f(features: real[B, C, h, w], scores: real[B, K, H, W]) =
  { map = walk(scores, stop(pair_affinity(features, sources = \"all\")), steps = 0, stride = 2) }";
    let found = run(text, &[("features", features), ("scores", scores)], &[]);
    let row = |y: usize| found["map"].squeeze(0)?.squeeze(0)?.get(y)?.to_vec1::<f64>();
    assert_eq!(found["map"].dims(), [1, 1, 3, 5]);
    // Cells are 1 1 ½ above ½ ½ ¼; bilinear, at a quarter and three quarters between them.
    assert_eq!(row(0).expect("a row"), [1.0, 1.0, 1.0, 0.875, 0.625]);
    assert_eq!(row(1).expect("a row"), [0.875, 0.875, 0.875, 0.765625, 0.546875]);
    assert_eq!(found["map"].dim(D::Minus1).expect("columns"), 5);
}

/// By hand: beside the seed, surer than 0.85; a class that the picture does not hold is not looked at.
#[test]
fn seeds_grow_by_scores() {
    let scores = [[0.1f64, 0.05, 0.2, 0.995, 0.9], [0.9, 0.95, 0.1, 0.0, 0.05], [0.0, 0.0, 0.7, 0.005, 0.05]];
    let scores = Tensor::new(&[scores.map(|row| [row])], &candle_core::Device::Cpu).expect("scores");
    let unknown = Tensor::new(&[[[0f64, 1.0, 1.0, 1.0, 0.0]]], &candle_core::Device::Cpu).expect("a mask");
    let tags = Tensor::new(&[[1f64, 0.0]], &candle_core::Device::Cpu).expect("tags");
    let text = "use seeds { grow_by_scores }
fn f(scores: real[B, C, H, W], unknown, tags) = {
  let seeds = ignore_where(argmax(scores, axis = 1), claim(unknown, \"binary\"))
  { grown = grow_by_scores(seeds, claim(scores, \"unit\"), claim(tags, \"tags\")) }
}";
    let found = run(text, &[("scores", scores), ("unknown", unknown), ("tags", tags)], &[]);
    assert_eq!(found["grown"].flatten_all().and_then(|x| x.to_vec1::<u32>()).expect("labels"), [1, 1, 255, 0, 0]);
}

/// The shares of pixels whose patch is that of another method, under the best match of patches.
fn mismatched(found: &[u32], expected: &[u32]) -> f64 {
    let mut pairs: HashMap<(u32, u32), usize> = HashMap::new();
    found.iter().zip(expected).for_each(|(a, b)| *pairs.entry((*a, *b)).or_default() += 1);
    let mut best: HashMap<u32, usize> = HashMap::new();
    for ((patch, _), count) in pairs {
        let most = best.entry(patch).or_default();
        *most = count.max(*most);
    }
    1.0 - best.values().sum::<usize>() as f64 / expected.len() as f64
}

#[test]
fn patches_agree_with_scikit_image() {
    let arrays = arrays("patches.npz");
    let image = arrays["in_image"].to_dtype(DType::F64).and_then(|x| x.unsqueeze(0)).expect("a picture");
    let text = "fn f(image: real[B, C, H, W]) = {
  out_slic              = slic(image, segments = 30),
  out_slic_raw          = slic(image, segments = 30, compactness = 0.1, lab = false),
  out_felzenszwalb      = felzenszwalb(image),
  out_felzenszwalb_fine = felzenszwalb(image, scale = 10, sigma = 0.5, min_size = 5),
}";
    let found = run(text, &[("image", image.clone())], &[]);
    let labels = |tensor: &Tensor| tensor.flatten_all().and_then(|x| x.to_vec1::<u32>()).expect("labels");
    for (name, patches) in &found {
        let (patches, expected) = (labels(patches), labels(&arrays[name]));
        let apart = mismatched(&patches, &expected).max(mismatched(&expected, &patches));
        assert_eq!(apart, 0.0, "{name}");
    }
    // A standardized picture is another, since its channels are scaled apart.
    let text = "fn f(image: real[B, C, H, W]) = { out = slic(image, segments = 30) }";
    let moments =
        |values: [f64; 3]| Tensor::new(&values, &candle_core::Device::Cpu).and_then(|x| x.reshape((1, 3, 1, 1)));
    let (mean, deviation) =
        (moments([0.485, 0.456, 0.406]).expect("means"), moments([0.229, 0.224, 0.225]).expect("deviations"));
    let standardized =
        (image / 255.0).and_then(|x| x.broadcast_sub(&mean)?.broadcast_div(&deviation)).expect("a picture");
    let found = run(text, &[("image", standardized)], &[]);
    assert_eq!(mismatched(&labels(&found["out"]), &labels(&arrays["out_slic_normalised"])), 0.0);
}

/// Whatever is drawn: the two pictures are the picture, and the share is that of what the first one shows.
#[test]
fn a_pair_is_the_picture() {
    let image = Tensor::from_vec(
        (1..=3 * 20 * 24).map(f64::from).collect::<Vec<f64>>(),
        (1, 3, 20, 24),
        &candle_core::Device::Cpu,
    );
    let image = image.expect("a picture");
    for pair in [
        "superpixel_pair(x, segments = 12)",
        "superpixel_pair(x, segments = 12, draw = \"with_replacement\")",
        "grid_pair(x, cells = [5, 7])",
    ] {
        let text = format!(
            "use erase {{ superpixel_pair, grid_pair }}
fn f(image: real[B, C, H, W]) = {{
  let x    = claim(image, \"image\")
  let pair = {pair}
  {{ first = pair.first, second = pair.second, share = pair.share, pixels = pair.pixels }}
}}"
        );
        let found = run(&text, &[("image", image.clone())], &[]);
        close("sum", &(&found["first"] + &found["second"]).expect("one size"), &image, 0.0);
        let numbers = |name: &str| found[name].flatten_all().and_then(|x| x.to_vec1::<f64>()).expect("numbers");
        let seen = numbers("first").iter().filter(|x| **x != 0.0).count() as f64 / 1440.0;
        assert!((numbers("pixels")[0] - seen).abs() < 1e-12, "{pair}");
        assert!((0.0..=1.0).contains(&numbers("share")[0]), "{pair}");
    }
}
