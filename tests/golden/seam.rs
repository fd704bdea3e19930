//! SEAM: `stdlib/seam.wsss` against its released code.

use super::{arrays, close, run};

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
