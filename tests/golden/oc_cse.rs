//! OC-CSE: the step of `pipelines/occse.wsss` against the equations of the paper and the released code, and what the method rests on.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use wsss::diag::Problems;
use wsss::graph::Kind;
use wsss::hir::{self, Files};
use wsss::lower::{Choices, lower};
use wsss::source::Sources;

use super::super::recipes::Pipelines;
use super::{arrays, close, golden, run};

/// A step whose ordinary classifier has two convolutions. `ERASED` is the mask and the tags that remain, `LOSS` what is differentiated.
const STEP: &str = r#"
use "occse.wsss" as m
use erase  { erase }
use losses { bce_with_logits }

fn ordinary(image, conv, head) = gap(conv2d(relu(conv2d(image, conv, stride = 2, padding = 1)), head))

fn f(cam: logit[B, K, h, w], image, tags: tags[B, K], chosen, conv, head) = {
  let target = argmax(chosen, axis = 1)
  let erased = ERASED
  let rest   = erase(image, erased.mask)
  let logits = ordinary(rest, conv, head)
  let cls    = bce_with_logits(gap(cam), tags)
  let cse    = bce_with_logits(logits, erased.remaining)
  {
    prediction = sigmoid(gap(cam)), remaining = erased.remaining,
    mask = erased.mask, masked_image = rest, masked_logits = logits,
    loss_cls = cls, loss_cse = cse, whole = cls + m.lambda(0) * cse, loss = LOSS,
  }
}"#;

const PRINTED: &str = "m.class_specific(cam, tags, target, image, (map, image) => m.as_printed(map, image, eps = 0))";
const RELEASED: &str = "m.class_specific(cam, tags, target, image, m.by_maximum_of_batch)";
const DEFAULT: &str = "m.class_specific(cam, tags, target, image)";
const AGNOSTIC: &str = "m.class_agnostic(cam, tags, target, image, eps = 0)";
const WHOLE: &str = "cls + m.lambda(0) * cse";

/// The target class of each picture.
fn targets() -> Vec<i64> {
    arrays("oc_cse.npz")["in_target"].to_vec1().expect("class numbers")
}

/// Zeros and a one at the target class of each picture.
fn chosen() -> Tensor {
    let targets = targets();
    let ones = targets.iter().flat_map(|target| (0..4).map(|class| f64::from(u8::from(class == *target))));
    Tensor::from_vec(ones.collect::<Vec<f64>>(), (2, 4), &Device::Cpu).expect("two pictures, four classes")
}

fn step(erased: &str, loss: &str) -> HashMap<String, Tensor> {
    step_of(erased, loss, arrays("oc_cse.npz")["in_labels"].clone())
}

fn step_of(erased: &str, loss: &str, tags: Tensor) -> HashMap<String, Tensor> {
    let arrays = arrays("oc_cse.npz");
    // A field of class numbers has as many classes as `run` says, so the target comes as zeros and a one.
    let inputs = [
        ("cam", arrays["in_cams"].clone()),
        ("image", arrays["in_image"].clone()),
        ("tags", tags),
        ("chosen", chosen()),
        ("conv", arrays["in_classifier_conv"].clone()),
        ("head", arrays["in_classifier_head"].clone()),
    ];
    run(&STEP.replace("ERASED", erased).replace("LOSS", loss), &inputs, &[])
}

/// A result picture by picture: `[B][numbers]`.
fn rows(tensor: &Tensor) -> Vec<Vec<f64>> {
    tensor.flatten_from(1).and_then(|rows| rows.to_vec2()).expect("numbers of pictures")
}

#[test]
fn occse_agrees_with_the_paper_and_the_released_code() {
    let arrays = arrays("oc_cse.npz");
    let mut left: Vec<&str> = arrays.keys().map(String::as_str).filter(|name| name.starts_with("out_")).collect();
    let mut agree = |found: &Tensor, name: &str, tolerance: f64| {
        close(name, found, &arrays[name], tolerance);
        left.retain(|other| *other != name);
    };

    for (erased, by) in [(PRINTED, "paper"), (RELEASED, "code")] {
        let found = step(erased, WHOLE);
        for name in ["prediction", "remaining", "loss_cls"] {
            agree(&found[name], &format!("out_{name}"), 1e-13);
        }
        for name in ["mask", "masked_image", "masked_logits", "loss_cse"] {
            agree(&found[name], &format!("out_{name}_{by}"), 1e-13);
        }
        agree(&found["loss"], &format!("out_loss_{by}"), 1e-13);
        agree(&found["grad.cam"], &format!("out_loss_grad_cams_{by}"), 1e-11);
    }

    let found = step(AGNOSTIC, WHOLE);
    agree(&found["mask"], "out_mask_agnostic", 1e-13);
    agree(&found["loss_cse"], "out_loss_cae", 1e-13);
    agree(&found["loss"], "out_loss_agnostic", 1e-13);

    let alpha = arrays["in_alpha"].to_scalar::<f64>().expect("a number");
    let maps = format!(
        r#"
use "occse.wsss" as m
use seam {{ background_power }}
fn f(cam: logit[B, K, h, w], tags: tags[B, K]) = {{
  let maps = m.over_maximum(cam, eps = 0)
  {{
    maps,
    background = background_power(claim(keep(maps, tags), "unit"), {alpha}),
    lambda     = tensor([m.lambda(epoch) for epoch in 0..14]),
  }}
}}"#
    );
    let found = run(&maps, &[("cam", arrays["in_cams"].clone()), ("tags", arrays["in_labels"].clone())], &[]);
    agree(&found["maps"], "out_normalised_cams", 1e-13);
    agree(&found["background"], "out_background", 1e-13);
    agree(&found["lambda"], "out_lambda_of_epoch", 1e-13);
    assert!(left.is_empty(), "not compared: {left:?} of {}", golden("oc_cse.npz").display());
}

#[test]
fn erasing_moves_the_map_of_the_target_alone() {
    for erased in [PRINTED, RELEASED, DEFAULT] {
        let gradient = &step(erased, "cse")["grad.cam"];
        for (picture, class) in targets().iter().enumerate() {
            let maps = rows(&gradient.get(picture).expect("a picture"));
            for (other, map) in maps.iter().enumerate() {
                let moved = map.iter().any(|number| *number != 0.0);
                assert_eq!(moved, other as i64 == *class, "{erased}: map {other} of picture {picture}");
            }
        }
    }
}

#[test]
fn a_mask_reaches_one_and_spares_what_its_map_does_not_show() {
    let image = rows(&arrays("oc_cse.npz")["in_image"]);
    let found = step(DEFAULT, WHOLE);
    let (masks, rests) = (rows(&found["mask"]), rows(&found["masked_image"]));
    for ((mask, rest), image) in masks.iter().zip(&rests).zip(&image) {
        let largest = mask.iter().fold(0.0, |most: f64, number| most.max(*number));
        assert!(largest < 1.0 && largest > 1.0 - 1e-4, "{largest}");
        let spared: Vec<usize> = (0..mask.len()).filter(|place| mask[*place] == 0.0).collect();
        assert!(!spared.is_empty());
        for place in spared {
            for channel in 0..3 {
                assert_eq!(rest[channel * mask.len() + place], image[channel * mask.len() + place]);
            }
        }
    }
}

#[test]
fn one_class_less_remains() {
    let tags = rows(&arrays("oc_cse.npz")["in_labels"]);
    let remaining = rows(&step(PRINTED, WHOLE)["remaining"]);
    for ((tags, remaining), target) in tags.iter().zip(&remaining).zip(targets()) {
        let lost: Vec<usize> = (0..tags.len()).filter(|class| tags[*class] != remaining[*class]).collect();
        assert_eq!((lost, tags[target as usize]), (vec![target as usize], 1.0));
    }
}

#[test]
fn of_one_class_both_ways_of_erasing_are_the_same() {
    let (specific, agnostic) = (step_of(PRINTED, WHOLE, chosen()), step_of(AGNOSTIC, WHOLE, chosen()));
    for name in ["mask", "remaining", "loss", "grad.cam"] {
        close(name, &specific[name], &agnostic[name], 1e-13);
    }
    assert!(rows(&specific["remaining"]).concat().iter().all(|tag| *tag == 0.0));
}

/// The weights that a step of the network is computed from, and those of them that it trains.
fn weights_of_the_step(variant: Option<&str>) -> (Vec<String>, Vec<String>) {
    let text = Pipelines.read(Path::new("occse.wsss")).expect("a shipped recipe");
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("occse.wsss", &text, &[], &Pipelines, &mut sources, &mut problems);
    let choices = Choices { variants: variant.into_iter().map(str::to_string).collect(), ..Choices::default() };
    let recipe = lower("occse.wsss", &program, &choices, &mut problems);
    assert!(problems.is_empty(), "{problems:#?}");
    let stage = recipe.stages.iter().find(|stage| stage.name == "cgnet").expect("the stage");
    let (mut all, mut trained) = (Vec::new(), Vec::new());
    for id in stage.graph.ids() {
        if let Kind::Weight { path, trained: moves } = &stage.graph.node(id).kind {
            all.push(path.clone());
            if *moves {
                trained.push(path.clone());
            }
        }
    }
    (all, trained)
}

#[test]
fn the_ordinary_classifier_is_read_and_never_trained() {
    let ordinary = |path: &String| path.starts_with("psa.classifier.cls.");
    let (all, trained) = weights_of_the_step(None);
    assert!(all.iter().any(ordinary) && !trained.is_empty() && !trained.iter().any(ordinary), "{trained:?}");
    let (all, _) = weights_of_the_step(Some("weight_shared"));
    assert!(!all.iter().any(ordinary), "{all:?}");
}
