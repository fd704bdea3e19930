//! What of the standard library the shipped recipes leave out, run from end to end on a few small scenes.

use std::collections::HashMap;

use candle_core::DType;
use wsss::stdlib::FILES;

use super::cli::Place;
use super::ops::{graph_with, printed, run};

const RECIPE: &str = r#"use data  { scenes }
use nets  { resnet, basic_block, resnet_cam, resnet38_cam }
use erase { grid_hide, erase_by_blur, hard_mask, class_mask, erase }
use cam   { min_max_normalize, foreground, with_background }
use seeds { threshold_seed }

fn small(classes, norm) = resnet_cam(resnet(basic_block, [1, 1, 1, 1], 16, norm, width = 4), classes)

let d = scenes(images = 20, size = 48)

train a {
  data      = d.train |> standardize |> random_crop(32)
  batch     = 4
  steps     = 2
  optimizer = adamw(lr = 0.001, schedule = warm_up(10, step_at([1, 2], 0.5)))
  net n     = small(d.classes, "running")
  net l     = linear(3, d.classes)
  step { image, tags } {
    loss x = mean(square(gap(n(image)) + l(gap(image)) - tags))
  }
}

train b {
  data      = d.train |> standardize |> random_crop(32)
  batch     = 4
  epochs    = 1
  optimizer = sgd(lr = 0.001, momentum = 0.9, nesterov = true, schedule = poly_by_epoch())
  net n     = small(d.classes, "frozen")
  step { image } {
    loss x = mean(square(n(channel_dropout(image, 0.3))))
  }
}

infer m {
  data = d.val |> standardize
  each { image, tags } {
    let map   = a.n(image) |> resize_like(image) |> keep(tags) |> min_max_normalize
    save seed = threshold_seed(map, 0.3)
    save back = foreground(with_background(map, 0.3))
  }
}

train c {
  data      = d.train |> standardize |> random_crop(32)
  batch     = 4
  steps     = 2
  optimizer = sgd(lr = 0.001)
  net n     = resnet38_cam(d.classes, width = 2)
  net up    = conv_transpose(d.classes, 4)
  net g     = group_norm(4, 2)
  net l     = layer_norm(4)
  step { image, tags } {
    let cam    = n(grid_hide(image, cells = [0, 5, 8]))
    let target = sample_class(tags)
    let left   = n(erase(image, class_mask(cam, target, image)))
    let smooth = erase_by_blur(image, hard_mask(sigmoid(mean(image, axes = [1], keep = true)), 0.6), 5, 1)
    let groups = g(up(cam))
    let rows   = l(permute(groups, [0, 2, 3, 1]))
    loss x     = mean(square(gap(left) - without(tags, target))) + mean(square(gap(n(smooth))))
    loss y     = mean(square(rows * random_normal(shape(rows))))
    metric group = mean(square(mean(reshape(groups, [size(groups, 0), 2, 2 * size(groups, 2) * size(groups, 3)]), axes = [2])))
    metric spread = mean(square(groups))
    metric row = mean(square(mean(rows, axes = [3])))
  }
}

score s {
  data = d.val with { seed = m.seed }
  each { seed, mask } { metric iou = miou(seed, mask) }
}
"#;

#[test]
fn the_rest_of_the_library_runs() {
    let place = Place::new();
    place.write("library.wsss", RECIPE);
    let answer = place.wsss(&["run", "library.wsss"]).expect_code(0);
    assert!(answer.out.contains("iou"), "{}", answer.out);
    let objects = place.wsss(&["run", "library.wsss", "--json"]).expect_code(0).objects();
    let figure =
        |name: &str| objects.last().expect("figures")["metrics"]["c"][name]["value"].as_f64().expect("a figure");
    // Groups have mean 0 and variance 1, rows have mean 0; weights have moved a little from 1, shifts from 0.
    assert!(figure("group") < 1e-4 && figure("row") < 1e-4 && (figure("spread") - 1.0).abs() < 0.02);
}

/// Functions that no expression of small tensors shows: they take nets, draw at random, work on data sets or on the training clock.
const NOT_SHOWN: &[&str] = &[
    "multiscale",
    "classifier_view",
    "class_mask",
    "erase_by_blur",
    "gaussian_blur",
    "reflected",
    "seen_cells",
    "seen_grid",
    "grid_hide",
    "complementary_pair",
    "superpixel_pair",
    "grid_pair",
    "step_at",
    "warm_up",
    "hold_after",
    "every_steps",
    "restart",
    "maps_for_correlation",
    "correlate",
    "min_pooling",
    "seam_losses",
];

/// A line `/// > code → answer` above a function is an example of it: printed by `wsss doc`, and run here.
#[test]
fn the_examples_of_the_library_give_their_answers() {
    let mut wrong = String::new();
    for file in FILES.iter().filter(|file| file.module != "layers" && file.module != "nets") {
        let mut examples: Vec<(&str, &str)> = Vec::new();
        for line in file.text.lines() {
            if let Some(example) = line.strip_prefix("/// > ") {
                examples.push(example.rsplit_once(" → ").expect("an example has an answer after its arrow"));
            }
            let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next()) else { continue };
            let shown = !NOT_SHOWN.contains(&name);
            assert_eq!(
                shown,
                !examples.is_empty(),
                "`{name}` of {} has an example, or is listed as not shown",
                file.path
            );
            let is_implied = ["prelude", "schedules"].contains(&file.module);
            let head = if is_implied { String::new() } else { format!("use {} {{ {name} }}", file.module) };
            for (code, answer) in examples.drain(..) {
                let found = graph_with(&head, code).map(|graph| printed(&run(graph, DType::F64, &HashMap::new())[0]));
                if found.as_deref() != Ok(answer) {
                    wrong += &format!("{code} → {}\n", found.unwrap_or_else(|problem| format!("!! {problem}")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "the library answers:\n{wrong}");
}
