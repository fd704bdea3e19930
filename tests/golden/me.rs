//! Multi-Estimations: `pipelines/multi_estimations.wsss` and its pilot, `pipelines/noisy_labels.wsss`, against the formulas of the paper.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use super::{arrays, close, run};

/// A batch of one.
fn batched(array: &Tensor) -> Tensor {
    array.unsqueeze(0).expect("a batch")
}

/// Labels as scores of their classes, `[n, classes, h, w]`, and where they are not known, `[n, h, w]`.
fn labels(seeds: &Tensor, classes: u32) -> (Tensor, Tensor) {
    let classes = Tensor::arange(0, classes, &Device::Cpu).and_then(|x| x.reshape((1, (), 1, 1))).expect("classes");
    let seeds = seeds.to_dtype(DType::U32).expect("labels");
    let said = seeds.unsqueeze(1).and_then(|x| x.broadcast_eq(&classes)?.to_dtype(DType::F64)).expect("scores");
    (said, seeds.eq(255u32).and_then(|x| x.to_dtype(DType::F64)).expect("a mask"))
}

/// The results of `body` where `seeds` is the list of the labels.
fn of_seeds(body: &str, logits: &Tensor, seeds: &Tensor) -> HashMap<String, Tensor> {
    let (said, unknown) = labels(seeds, logits.dim(1).expect("classes") as u32);
    let text = format!(
        "use \"multi_estimations.wsss\" as me
use losses {{ cross_entropy }}
fn f(logits: logit[B, C, h, w], said: real[N, C, h, w], unknown: real[N, h, w]) = {{
  let of    = (x, k) => slice(x, axis = 0, start = k, length = 1)
  let seeds = [
    ignore_where(argmax(of(said, k), axis = 1), claim(of(unknown, k), \"binary\")) for k in 0..{}
  ]
  {body}
}}",
        said.dim(0).expect("labels") - 1
    );
    run(&text, &[("logits", logits.clone()), ("said", said), ("unknown", unknown)], &[])
}

#[test]
fn the_loss_of_classifiers_is_a_sum_over_the_classes() {
    let arrays = arrays("me.npz");
    let text = "use \"multi_estimations.wsss\" as me
fn f(scores: logit[B, K], tags) = { loss = me.tag_loss(scores, claim(tags, \"tags\")) }";
    let inputs = [("scores", batched(&arrays["in_scores"])), ("tags", batched(&arrays["in_labels"]))];
    close("eq. 1", &run(text, &inputs, &[])["loss"], &arrays["out_loss_cam"], 1e-14);
}

#[test]
fn maps_agree_with_the_print() {
    let arrays = arrays("me.npz");
    let text = "use \"multi_estimations.wsss\" as me
fn f(features: real[B, D, h, w], weights: real[K, D, 1, 1], tags, image) = {
  let cam    = conv2d(features, weights) |> keep(claim(tags, \"tags\"))
  let normal = me.over_maximum(cam)
  { cam, normal, grown = resize_like(normal, image) }
}";
    let inputs = [
        ("features", batched(&arrays["in_features"])),
        ("weights", arrays["in_class_weights"].reshape((4, 6, 1, 1)).expect("a kernel")),
        ("tags", batched(&arrays["in_labels"])),
        ("image", arrays["in_saliency"].reshape((1, 1, 14, 12)).expect("a picture")),
    ];
    let found = run(text, &inputs, &[]);
    close("eq. 2", &found["cam"], &arrays["out_cam"], 1e-14);
    close("eq. 3", &found["normal"], &arrays["out_cam_normalised"], 1e-11);
    close("grown", &found["grown"], &arrays["out_cam_upsampled"], 1e-11);
}

#[test]
fn threshold_seeds_agree_with_the_print() {
    let arrays = arrays("me.npz");
    let map = batched(&arrays["out_cam_upsampled"]);
    let saliency = arrays["in_saliency"].reshape((1, 1, 14, 12)).expect("a map");
    let text = "use seeds { saliency_seed }
use \"multi_estimations.wsss\" as me
fn f(map: real[B, K, H, W], saliency) = {
  strict = saliency_seed(claim(map, \"unit\"), claim(saliency, \"unit\"), me.above, me.below, \"ignore\"),
  argmax = saliency_seed(claim(map, \"unit\"), claim(saliency, \"unit\"), me.above, me.below, me.conflict),
}";
    let found = run(text, &[("map", map), ("saliency", saliency)], &[]);
    close("strict", &found["strict"], &arrays["out_seeds_strict"], 0.0);
    close("argmax", &found["argmax"], &arrays["out_seeds_argmax"], 0.0);
}

/// Of one picture: found and not salient, neither, found alone, not salient alone.
#[test]
fn a_conflict_and_a_gap_are_unknown() {
    let row = |numbers: [f64; 4]| Tensor::new(&[[[numbers]]], &Device::Cpu).expect("a row");
    let text = "use seeds { saliency_seed }
fn f(map: real[B, K, H, W], saliency) = { seed = saliency_seed(claim(map, \"unit\"), claim(saliency, \"unit\")) }";
    let inputs = [("map", row([0.5, 0.0, 0.5, 0.0])), ("saliency", row([0.0, 0.5, 0.5, 0.0]))];
    let seed = &run(text, &inputs, &[])["seed"];
    assert_eq!(seed.flatten_all().and_then(|x| x.to_vec1::<u32>()).expect("labels"), [255, 255, 1, 0]);
}

#[test]
fn weighted_selective_training_agrees_with_the_print() {
    let arrays = arrays("me.npz");
    let logits = batched(&arrays["in_logits"]);
    for sharpness in [0, 1, 4] {
        let array = |name: &str| &arrays[&format!("out_{name}_s{sharpness}")];
        let body = format!(
            "{{
    match   = concat([me.agrees(logits, seed) for seed in seeds], axis = 0),
    weights = concat(me.trust(logits, seeds, {sharpness}, \"all\"), axis = 0),
    known   = concat(me.trust(logits, seeds, {sharpness}), axis = 0),
    among   = me.selective_loss(logits, seeds, {sharpness}, \"known\", \"all\"),
    own     = me.selective_loss(logits, seeds, {sharpness}),
    loss    = me.selective_loss(logits, seeds, {sharpness}, \"all\", \"all\"),
  }}"
        );
        let found = of_seeds(&body, &logits, &arrays["in_seeds"]);
        close("eq. 7", &found["match"], &arrays["out_match"], 0.0);
        close("eq. 6", &found["weights"], array("weights"), 1e-14);
        close("eq. 6, known", &found["known"], array("weights_known"), 1e-14);
        close("eq. 5", &found["loss"], array("loss_wst"), 1e-13);
        let gradient = &arrays[&format!("out_loss_wst_s{sharpness}_grad_logits")];
        close("eq. 5, gradient", &found["grad.logits"], gradient, 1e-12);
        close("eq. 5, known", &found["among"], array("loss_wst_known"), 1e-13);
        // One pixel of 42 has no label.
        close("known pixels", &(&found["own"] * (41.0 / 42.0)).expect("a number"), array("loss_wst_known"), 1e-13);
        if sharpness == 0 {
            close("eq. 4", &found["loss"], &arrays["out_loss_plain"], 1e-13);
            close("eq. 4, gradient", &found["grad.logits"], &arrays["out_loss_plain_grad_logits"], 1e-12);
        }
    }
}

#[test]
fn weights_sum_to_one_where_a_label_is_known() {
    let arrays = arrays("me.npz");
    let seeds = &arrays["in_seeds"];
    let body = "{
    shares = total(me.trust(logits, seeds)),
    known  = max(concat([me.known(seed, size(logits, 1)) for seed in seeds], axis = 0), axes = [0], keep = true),
    all    = total(me.trust(logits, seeds, shares = \"all\")),
    loss   = me.selective_loss(logits, seeds),
  }";
    let found = of_seeds(body, &batched(&arrays["in_logits"]), seeds);
    close("known", &found["shares"], &found["known"], 1e-14);
    close("all", &found["all"], &found["all"].ones_like().expect("ones"), 1e-14);
    // Where nothing is known nothing pulls.
    let pull = found["grad.logits"].abs().and_then(|x| x.max(1)).expect("gradients");
    let pulled = pull.ne(0.0).and_then(|x| x.to_dtype(DType::F64)).expect("a mask");
    close("gradient", &pulled, &found["known"], 0.0);
}

#[test]
fn equal_labels_are_one_and_their_order_is_nothing() {
    let arrays = arrays("me.npz");
    let body = "{
    one     = cross_entropy(logits, seeds[0]),
    thrice  = me.selective_loss(logits, [seeds[0], seeds[0], seeds[0]], 4),
    alone   = me.selective_loss(logits, [seeds[0]], 4),
    forward = me.selective_loss(logits, seeds, 4),
    back    = me.selective_loss(logits, [seeds[2], seeds[0], seeds[1]], 4),
  }";
    let found = of_seeds(body, &batched(&arrays["in_logits"]), &arrays["in_seeds"]);
    close("three equal ones", &found["thrice"], &found["one"], 1e-13);
    close("one", &found["alone"], &found["one"], 1e-13);
    close("another order", &found["back"], &found["forward"], 1e-13);
}

/// Six of twelve agree: e / (6 e + 6) each, the others 1 / (6 e + 6).
#[test]
fn six_of_twelve() {
    let seeds: Vec<f64> = (0..12).map(|k| f64::from(k / 6)).collect();
    let seeds = Tensor::from_vec(seeds, (12, 1, 1), &Device::Cpu).expect("labels");
    let logits = Tensor::new(&[[[[2f64]], [[1.0]]]], &Device::Cpu).expect("scores");
    let found = of_seeds("{ weights = concat(me.trust(logits, seeds), axis = 0) }", &logits, &seeds);
    let (e, all) = (1f64.exp(), 6.0 * 1f64.exp() + 6.0);
    let expected: Vec<f64> = (0..12).map(|k| if k < 6 { e / all } else { 1.0 / all }).collect();
    close("weights", &found["weights"], &Tensor::new(expected, &Device::Cpu).expect("numbers"), 1e-14);
    assert!((e / all - 0.122).abs() < 5e-4 && (1.0 / all - 0.045).abs() < 5e-4);
}

/// By hand: the largest of two maps; what most labels say.
#[test]
fn maps_merge_and_labels_vote() {
    let text = "use \"multi_estimations.wsss\" as me
fn f(a: real[B, 1, H, W], b: real[B, 1, H, W]) = {
  let seeds = [argmax(concat([x, 1 - x], axis = 1), axis = 1) for x in [a, b, a]]
  { merged = me.merged([a, b]), majority = me.majority(seeds, 2) }
}";
    let row = |numbers: [f64; 2]| Tensor::new(&[[[numbers]]], &Device::Cpu).expect("a row");
    let found = run(text, &[("a", row([0.75, 0.25])), ("b", row([0.25, 0.5]))], &[]);
    close("largest", &found["merged"], &row([0.75, 0.5]), 0.0);
    close("majority", &found["majority"], &row([0.0, 1.0]), 0.0);
}

/// Nothing is unknown, and no class is there that the tags do not name.
#[test]
fn crf_seeds_are_whole() {
    let maps = [[0.0f64, 0.0, 0.0, 0.0], [0.9, 0.6, 0.0, 0.0], [0.0, 0.2, 0.0, 0.7]];
    let colours = [[10f64, 10.0, 200.0, 90.0]; 3];
    let tensor = |rows: &[[f64; 4]]| Tensor::from_vec(rows.concat(), (1, rows.len(), 1, 4), &Device::Cpu);
    let tags = Tensor::new(&[[0f64, 1.0, 1.0]], &Device::Cpu).expect("tags");
    let text = "use \"multi_estimations.wsss\" as me
fn f(map: real[B, K, H, W], salient: real[B, 1, H, W], image: real[B, 3, H, W], tags) = {
  seed = me.crf_seed(claim(map, \"unit\"), claim(salient, \"unit\"), claim(image, \"image255\"), claim(tags, \"tags\"))
}";
    let inputs = [
        ("map", tensor(&maps).expect("maps")),
        ("salient", tensor(&[[0.9, 0.9, 0.0, 0.9]]).expect("a map")),
        ("image", tensor(&colours).expect("a picture")),
        ("tags", tags),
    ];
    let seed = &run(text, &inputs, &[])["seed"];
    assert_eq!(seed.flatten_all().and_then(|x| x.to_vec1::<u32>()).expect("labels"), [2, 2, 0, 3]);
}

/// Noise takes from the objects and from nothing else; two labels lose different blocks.
#[test]
fn noise_is_put_on_objects() {
    let image = Tensor::zeros((1, 3, 256, 256), DType::F64, &Device::Cpu).expect("a picture");
    let classes: Vec<f64> = (0..256 * 256).map(|i| [1.0, 0.0, 255.0, 1.0][i % 256 / 64]).collect();
    let classes = Tensor::from_vec(classes, (1, 256, 256), &Device::Cpu).expect("a mask");
    let (said, unknown) = labels(&classes, 2);
    let text = "use \"noisy_labels.wsss\" as pilot
fn f(said: real[B, C, H, W], unknown: real[B, H, W], image: real[B, 3, H, W]) = {
  let mask = ignore_where(argmax(said, axis = 1), claim(unknown, \"binary\"))
  {
    first  = pilot.with_noise(mask, image, 2),
    second = pilot.with_noise(mask, image, 2),
  }
}";
    let found = run(text, &[("said", said), ("unknown", unknown), ("image", image)], &[]);
    let numbers = |tensor: &Tensor| tensor.flatten_all()?.to_dtype(DType::U32)?.to_vec1::<u32>();
    let (mask, first) = (numbers(&classes).expect("labels"), numbers(&found["first"]).expect("labels"));
    assert!(mask.iter().zip(&first).all(|(whole, left)| whole == left || (*whole, *left) == (1, 0)));
    assert_ne!(first, mask);
    assert_ne!(first, numbers(&found["second"]).expect("labels"));
}
