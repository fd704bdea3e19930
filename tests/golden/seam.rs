//! SEAM: `stdlib/seam.wsss` against its released code.

use candle_core::Tensor;

use super::{arrays, close, run};

fn zeros(tensor: &Tensor) -> Tensor {
    tensor.zeros_like().expect("zeros")
}

fn ones(tensor: &Tensor) -> Tensor {
    tensor.ones_like().expect("ones")
}

#[test]
fn seam_agrees_with_its_released_code() {
    let arrays = arrays("seam.npz");
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

/// What a pixel becomes is a mean: the shares of a column sum to 1 but for the module's 1e-5, a map that is the same everywhere stays, and where all
/// pixels are alike each becomes the mean of all.
#[test]
fn pixel_correlation_takes_means() {
    let arrays = arrays("seam.npz");
    let text = "use affinity { pixel_correlation, spread }
fn f(cam: real[B, C, H, W], features: real[B, D, H, W]) = {
  let likeness = pixel_correlation(features)
  {
    columns = sum(likeness, axes = [1]),
    flat    = spread(cam * 0 + 1, likeness),
    alike   = spread(cam, pixel_correlation(features * 0 + 1)),
    means   = mean(cam, axes = [2, 3], keep = true) + cam * 0,
  }
}";
    let inputs = [("cam", arrays["in_cam"].clone()), ("features", arrays["in_features"].clone())];
    let found = run(text, &inputs, &[]);
    for name in ["columns", "flat"] {
        close(name, &found[name], &ones(&found[name]), 1e-5);
    }
    close("alike", &found["alike"], &found["means"], 1e-5);
}

/// Maps are brought to 0 and, but for 1e-5, to 1; one that shows nothing goes on doing so.
#[test]
fn normalised_maps_fill_their_range() {
    let text = "use cam { min_max_normalize }
fn f(cam: real[B, C, H, W]) = {
  let map = min_max_normalize(cam)
  { low = min(map, axes = [2, 3]), high = max(map, axes = [2, 3]), nothing = min_max_normalize(cam * 0) }
}";
    let found = run(text, &[("cam", arrays("seam.npz")["in_cam"].clone())], &[]);
    for name in ["low", "nothing"] {
        close(name, &found[name], &zeros(&found[name]), 0.0);
    }
    close("high", &found["high"], &ones(&found["high"]), 1e-5);
}

/// A quarter of the pixels is pooled: where at least as many are 0 the regulariser is, and where none is it is not.
#[test]
fn min_pooling_asks_for_a_quarter_of_background() {
    let arrays = arrays("seam.npz");
    let text = "use seam { min_pooling }
fn f(refined: real[B, C, H, W], tags: tags[B, K]) = {
  let ones  = refined * 0 + 1
  let below = position(refined, axis = 2) > 0.3
  { holed = min_pooling(ones * below, tags), full = min_pooling(ones, tags) }
}";
    let inputs = [("refined", arrays["in_refined1"].clone()), ("tags", arrays["in_labels"].clone())];
    let found = run(text, &inputs, &[]);
    close("holed", &found["holed"], &zeros(&found["holed"]), 0.0);
    close("full", &found["full"], &ones(&found["full"]), 1e-15);
}

/// Two scales that show the same cost no equivariance; the cross loss moves the refined maps and nothing of the others.
#[test]
fn the_cross_loss_moves_refined_maps_alone() {
    let arrays = arrays("seam.npz");
    let text = |small: [&str; 2]| {
        let [small, small_refined] = small;
        format!(
            "use seam {{ seam_losses }}
fn f(cam: logit[B, C, H, W], refined: real[B, C, H, W], small: logit[B, C, h, w], small_refined: real[B, C, h, w], tags: tags[B, K]) = {{
  let all = seam_losses(cam, refined, {small}, {small_refined}, tags)
  {{ er = all.er, loss = all.ecr }}
}}"
        )
    };
    let inputs = [
        ("cam", "in_cam1"),
        ("refined", "in_refined1"),
        ("small", "in_cam2"),
        ("small_refined", "in_refined2"),
        ("tags", "in_labels"),
    ]
    .map(|(name, golden)| (name, arrays[golden].clone()));
    let same = run(&text(["cam", "refined"]), &inputs, &[]);
    close("er", &same["er"], &zeros(&same["er"]), 0.0);

    let found = run(&text(["small", "small_refined"]), &inputs, &[]);
    let moved = |name: &str| {
        let gradient = found.get(&format!("grad.{name}"));
        gradient.is_some_and(|gradient| {
            let largest = gradient.abs().and_then(|x| x.flatten_all()?.max(0)?.to_scalar::<f64>());
            largest.expect("numbers") > 0.0
        })
    };
    assert_eq!(["cam", "small", "refined", "small_refined"].map(moved), [false, false, true, true]);
}
