use std::collections::HashMap;
use std::path::Path;

use expect_test::{Expect, expect};

use super::expand;
use crate::diag::Problems;
use crate::hir::{self, Files};
use crate::lower::{self, Choices, Recipe};
use crate::source::Sources;

struct Memory<'t>(HashMap<&'t str, &'t str>);

impl Files for Memory<'_> {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        let found = path.to_str().and_then(|path| self.0.get(path));
        found.map(ToString::to_string).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

/// The recipe, its text in full.
fn expanded(text: &str, files: &[(&str, &str)], variants: &[&str], sets: &[(&str, &str)]) -> (Recipe, String) {
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let files = Memory(files.iter().copied().collect());
    let sets: Vec<_> = sets.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let program = hir::load("mine.wsss", text, &sets, &files, &mut sources, &mut problems);
    let choices = Choices { variants: variants.iter().map(ToString::to_string).collect(), ..Choices::default() };
    let recipe = lower::lower("mine", &program, &choices, &mut problems);
    let said: Vec<_> = problems.iter().filter(|problem| problem.is_error()).map(|problem| &problem.message).collect();
    assert!(said.is_empty(), "{said:?}\n{text}");
    let text = expand(&program, &recipe);
    (recipe, text)
}

/// The text in full, which is a recipe of as many stages and is not expanded any further.
fn check(text: &str, files: &[(&str, &str)], variants: &[&str], sets: &[(&str, &str)], expected: Expect) {
    let (recipe, text) = expanded(text, files, variants, sets);
    expected.assert_eq(&text);
    let (again, same) = expanded(&text, &[], &[], &[]);
    assert_eq!(text, same);
    let kinds = |recipe: &Recipe| recipe.stages.iter().map(|stage| stage.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&recipe), kinds(&again));
}

const BASE: &str = r#"//! The recipe that is used.

use nets { lenet_cam }
use losses { bce_with_logits }

param dataset = scenes(images = 12, size = 32, classes = 2)
param crop    = 32 px in 8..  // of the pictures
param labels  = none
param width   = 4

/// Half of it.
let half = width / 2

fn view(samples) = samples |> random_crop(crop) |> standardize

// Trained first.
train cls {
  data      = dataset.train |> view
  batch     = 4
  epochs    = 1
  optimizer = sgd(lr = 0.1)

  net net = lenet_cam(dataset.classes, width = width)

  step { image, tags } { loss cls = bce_with_logits(gap(net(image)), tags) }
}

infer maps {
  data = dataset.val |> standardize

  each { image } { save map = sigmoid(cls.net(image)) |> resize_like(image) }
}

score unread {
  data = dataset.val

  each { image } { metric m = mean(image) }
}
"#;

#[test]
fn what_is_used_is_written_out_with_its_origin() {
    let mine = r#"//! Two files.

supervision image

use cam { mirror }
use "base.wsss" as base { crop = side }

param side  = 24  // small
param width = 3

variant quick {
  side         = 16
  base.dataset = scenes(images = 8, size = 32, classes = 2)
}

/// A local may be called like what is used.
fn both(maps) = [mirror(map) for map in maps]

expect end.m = 0.5 +- 0.5

score end {
  data = base.dataset.val with { map = base.maps.map }

  each { image, map } {
    let cls  = 2
    metric m = mean(mirror(map)) + mean(base.cls.net(image)) + width * cls * base.half
  }
}
"#;
    check(
        mine,
        &[("base.wsss", BASE)],
        &["quick"],
        &[("width", "4")],
        expect![[r#"
        //! Two files.

        supervision image

        // From base.wsss, used as `base`.

        param dataset    = scenes(images = 8, size = 32, classes = 2)  // variant quick
        param crop       = side in 8..                                 // use base; of the pictures
        param base_width = 4                                           // default; called `width` in base.wsss

        /// Half of it.
        let half = base_width / 2

        fn view(samples) = samples |> random_crop(crop) |> standardize

        param side  = 16  // variant quick; small
        param width = 4   // --set

        /// A local may be called like what is used.
        fn both(maps) = [mirror(map) for map in maps]

        // The stage `base.cls`, from base.wsss; called `cls` in base.wsss, which would be part of its key
        // Trained first.
        train base_cls {
          data      = dataset.train |> view
          batch     = 4
          epochs    = 1
          optimizer = sgd(lr = 0.1)

          net net = lenet_cam(dataset.classes, width = base_width)

          step { image, tags } {
            loss cls = bce_with_logits(gap(net(image)), tags)
          }
        }

        // The stage `base.maps`, from base.wsss
        infer maps {
          data = dataset.val |> standardize

          each { image } {
            save map = sigmoid(base_cls.net(image)) |> resize_like(image)
          }
        }

        score end {
          data = dataset.val with { map = maps.map }

          each { image, map } {
            let cls = 2
            metric m = mean(mirror(map)) + mean(base_cls.net(image)) + width * cls * half
          }
        }

        // From std/cam.wsss.

        /// Left and right exchanged.
        /// > mirror(tensor([[[[1, 2, 3]]]])) → [[[[3 2 1]]]]
        fn mirror(x: real[B, C, H, W]) = flip(x, axes = [3])

        // From std/nets/lenet.wsss.

        /// A 3 × 3 convolution without bias, batch norm, ReLU.
        net small_block(inputs: int, outputs: int, stride: int = 1) {
          let channels = outputs
          layer conv = conv(inputs, outputs, kernel = 3, stride = stride, padding = 1, bias = false)
          layer bn   = batch_norm(outputs)

          fn forward(x) = relu(bn(conv(x)))
        }

        /// The small network without its head.
        net lenet(width: int = 16) {
          let channels = 4 * width
          let lower    = { conv4 = 2 * width, conv5 = 4 * width }
          layer blocks = [
            small_block(3, width, stride = 2),
            small_block(width, 2 * width),
            small_block(2 * width, 2 * width, stride = 2),
            small_block(2 * width, 4 * width),
          ]

          /// Features of one grid, from coarse to fine in what they mean, under the names that ResNet38 gives them.
          fn taps(image) = {
            let low  = sequence(image, [blocks[i] for i in 0..2])
            let high = blocks[3](low)
            { conv4 = low, conv5 = high, conv6 = high }
          }
          fn forward(image) = taps(image).conv6
        }

        /// Class activation maps of the small network: `logit[B, classes, ceil(H/4), ceil(W/4)]`.
        net lenet_cam(classes: int, weights = none, width: int = 16) {
          layer trunk = load(lenet(width), weights)
          layer head  = conv(trunk.channels, classes, bias = false)

          fn forward(image) = head(trunk(image))
        }

        // From std/losses.wsss.

        /// Binary cross-entropy on logits, stable at any size: mean over all entries, or `"sum"`.
        /// > bce_with_logits(tensor([[0, 2]], "logit"), tensor([[1, 0]], "unit")) → 1.41
        fn bce_with_logits(logits: logit, targets: unit, reduction: text = "mean") = {
          let loss = relu(logits) - logits * targets + softplus(-abs(logits))
          if reduction == "sum" { sum(loss) } else { mean(loss) }
        }
    "#]],
    );
}

#[test]
fn names_that_would_mean_something_else_are_changed() {
    // `flip` is a word of the language, which the library's `mirror` uses; `gap` is known without a word and used by `base`.
    let mine = r#"
use cam { mirror }
use "base.wsss" as base

fn flip(x) = mirror(x)
param gap = 2

score end {
  data = base.dataset.val

  each { image } {
    let record = { gap, base = base.crop }
    metric m = mean(flip(image)) * record.gap + mean(base.cls.net(image))
  }
}
"#;
    let (_, text) = expanded(mine, &[("base.wsss", BASE)], &[], &[]);
    for part in ["fn recipe_flip(x) = mirror(x)", "fn mirror(x: real[B, C, H, W]) = flip(x, axes = [3])"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(
        text.contains("fn prelude_gap(") && text.contains("bce_with_logits(prelude_gap(net(image)), tags)"),
        "{text}"
    );
    expanded(&text, &[], &[], &[]);
}

#[test]
fn one_recipe_under_two_names_is_written_twice() {
    let mine = r#"
use "base.wsss" as a
use "base.wsss" as b { crop = 16 }

score end {
  data = a.dataset.val with { one = a.maps.map, two = b.maps.map }

  each { one, two } { metric m = mean(one - two) }
}
"#;
    let (recipe, text) = expanded(mine, &[("base.wsss", BASE)], &[], &[]);
    let (again, same) = expanded(&text, &[], &[], &[]);
    assert_eq!(text, same);
    let names = |recipe: &Recipe| recipe.stages.iter().map(|stage| stage.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&recipe), ["a.cls", "a.maps", "b.cls", "b.maps", "end"]);
    assert_eq!(names(&again), ["cls", "maps", "b_cls", "b_maps", "end"]);
    assert!(text.contains("param b_crop    = 16 px in 8..") && text.contains("random_crop(b_crop)"), "{text}");
}

#[test]
fn modules_that_are_passed_on_whole_become_records() {
    let mine = r#"
use "base.wsss" as base

fn size_of(recipe) = recipe.width

score end {
  data = base.dataset.val

  each { image, tags } { metric m = mean(image) * size_of(base) }
}
"#;
    let (_, text) = expanded(mine, &[("base.wsss", BASE)], &[], &[]);
    assert!(text.contains("size_of({ dataset, crop, labels, width, half, view })"), "{text}");
    expanded(&text, &[], &[], &[]);
}

#[test]
fn what_a_stage_makes_may_be_a_value_of_the_recipe() {
    let second = BASE.replace("dataset.train |> view", "dataset.train with { label = labels } |> view");
    let more =
        "step { image, tags, label } {\n    loss more = mean(square(resize_like(net(image), label) - label))\n   ";
    let second = second.replace("step { image, tags } {", more);
    let mine = r#"
use "base.wsss" as base { labels = made.map }

infer made {
  data = base.dataset.train

  each { image } { save map = mean(image, axes = [1], keep = true) }
}

score end {
  data = base.dataset.val

  each { image } { metric m = mean(base.cls.net(image)) }
}
"#;
    let (recipe, text) = expanded(mine, &[("base.wsss", &second)], &[], &[]);
    let (again, _) = expanded(&text, &[], &[], &[]);
    assert_eq!((recipe.stages.len(), again.stages.len()), (3, 3), "{text}");
    assert!(text.contains("param labels  = made.map") && text.contains("// use base"), "{text}");
}
