//! What of the standard library the shipped recipes leave out, run from end to end on a few small scenes.

use super::cli::Place;

const RECIPE: &str = r#"use data  { scenes }
use nets  { resnet, basic_block, resnet_cam }
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
}
