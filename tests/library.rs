//! What of the standard library the shipped recipes leave out, run from end to end on a few small scenes.

use super::cli::Place;

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
