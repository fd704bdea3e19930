//! Costs told as text, and held against what a run really leaves behind.

use expect_test::expect;

use super::*;
use crate::compile::testing::lowered;
use crate::compile::{self, Compiled};
use crate::diag::Problems;
use crate::lower::Recipe;

const RECIPE: &str = "
    use nets { lenet_cam }
    param dataset = scenes(images = 10, size = 32, classes = 2)
    param batch = 4
    param rule = sgd(lr = 0.1, momentum = 0.9)
    train classifier {
      data = dataset.train |> random_crop(32) |> standardize()
      batch = batch
      epochs = 3
      optimizer = rule
      net cls = lenet_cam(dataset.classes)
      step { image, tags } { loss l = mean(gap(cls(image)) * tags) }
    }
    infer maps {
      data = dataset.val |> standardize()
      each { image } {
        save map = sigmoid(classifier.cls(image)) |> resize_like(image)
        save seed = argmax(classifier.cls(image), axis = 1)
      }
    }";

fn with_costs<T>(recipe: &Recipe, then: impl FnOnce(&Compiled, &[StageCost]) -> T) -> T {
    let mut problems = Problems::default();
    let compiled = compile::compile(recipe, &mut problems).unwrap();
    assert!(!problems.has_errors(), "{}", compile::testing::tell(problems));
    then(&compiled, &costs(&compiled, Kept::F32))
}

#[test]
fn what_is_known_and_what_follows_from_it() {
    with_costs(&lowered(RECIPE, &[]), |_, costs| {
        let said = costs.iter().map(|cost| {
            let maps: Vec<String> = cost.disk.maps.iter().map(|map| format!("{} {}", map.name, map.numbers)).collect();
            format!(
                "{}: {:?} images, {:?} steps, for {}; saves [{}]\n",
                cost.stage.stage.name,
                cost.images,
                cost.steps,
                cost.largest.words(),
                maps.join(", ")
            )
        });
        expect![[r#"
            classifier: Some(8) images, Some(6) steps, for B = 4, K = 2; saves []
            maps: Some(2) images, Some(2) steps, for B = 1, H = 32, K = 2, W = 32; saves [map H*K*W, seed ceil(H/4)*ceil(W/4)]
        "#]].assert_eq(&said.collect::<String>());
    });
}

#[test]
fn lengths_that_only_files_know_are_said_to_be_assumed() {
    let recipe = lowered(RECIPE, &[("dataset", "folder(\"somewhere\")")]);
    with_costs(&recipe, |_, costs| {
        assert_eq!(costs[1].lengths.words(), "B = 1, H = 375 (assumed), K = 20 (assumed), W = 500 (assumed)");
        assert_eq!((costs[1].images, costs[1].disk.total), (None, None));
        assert!(costs[1].disk.maps[0].each > 4 * 20 * 375 * 500);
    });
}

#[test]
fn voc_has_the_figures_that_were_published() {
    let recipe = lowered(RECIPE, &[("dataset", "voc2012(\"nowhere\")")]);
    with_costs(&recipe, |_, costs| {
        assert_eq!((costs[0].images, costs[0].steps), (Some(1464), Some(3 * 366)));
        assert_eq!(costs[1].largest.words(), "B = 1, H = 500, K = 20, W = 500");
        assert_eq!(costs[1].disk.total, Some(1449 * costs[1].disk.maps.iter().map(|map| map.each).sum::<u64>()));
    });
}

/// The convolutions of a step do twice the work of the forward pass again, save the first, whose picture needs no gradient.
#[test]
fn work_is_told_forward_and_whole() {
    with_costs(&lowered(RECIPE, &[]), |_, costs| {
        let conv = costs[0].work.ops.iter().find(|op| op.op == "conv2d").unwrap();
        assert!(conv.step > 2 * conv.forward && conv.step < 3 * conv.forward, "{conv:?}");
        assert!(costs[0].work.ops[0].step >= costs[0].work.ops[1].step);
        assert_eq!(costs[1].work.forward(), costs[1].work.step());
    });
}

#[test]
fn the_optimizer_keeps_as_many_numbers_as_its_rule_says() {
    let kept = |rule: &str| {
        let recipe = lowered(RECIPE, &[("rule", rule)]);
        with_costs(&recipe, |_, costs| costs[0].footprint.optimizer as f64 / costs[0].footprint.step.gradients as f64)
    };
    assert_eq!(kept("sgd(lr = 0.1)"), 0.0);
    assert_eq!(kept("sgd(lr = 0.1, momentum = 0.9)"), 1.0);
    assert_eq!(kept("adamw(lr = 0.1)"), 2.0);
}

#[test]
fn what_does_not_fit_is_refused_with_what_does() {
    let recipe = lowered(RECIPE, &[("batch", "64"), ("dataset", "scenes(images = 100, size = 32, classes = 2)")]);
    with_costs(&recipe, |compiled, costs| {
        let peak = costs[0].footprint.peak(1);
        assert!(refuse(compiled, costs, Budget { bytes: peak, workers: 1 }).is_empty());
        let refused = refuse(compiled, costs, Budget { bytes: peak - 1, workers: 1 });
        assert_eq!(refused.len(), 1, "{refused:?}");
        let help = refused[0].help.clone().unwrap();
        let batch: usize = help["`batch = ".len()..].split('`').next().unwrap().parse().unwrap();
        assert!((32..64).contains(&batch), "{help}");
        // The batch that is named fits, and one more does not.
        for (batch, fits) in [(batch, true), (batch + 1, false)] {
            let sets =
                [("batch", batch.to_string()), ("dataset", "scenes(images = 100, size = 32, classes = 2)".into())];
            let sets: Vec<(&str, &str)> = sets.iter().map(|(name, value)| (*name, value.as_str())).collect();
            with_costs(&lowered(RECIPE, &sets), |_, costs| {
                assert_eq!(costs[0].footprint.peak(1) < peak, fits);
            });
        }
        let all = refuse(compiled, costs, Budget { bytes: 1000, workers: 4 });
        let helps: Vec<&str> = all.iter().filter_map(|one| one.help.as_deref()).collect();
        assert!(helps[0].starts_with("even `batch = 1`") && helps[1].starts_with("even one picture"), "{helps:?}");
    });
}

#[test]
fn pictures_side_by_side_take_their_room_each() {
    with_costs(&lowered(RECIPE, &[]), |compiled, costs| {
        let footprint = costs[1].footprint;
        let one = footprint.peak(1);
        assert!(footprint.peak(4) > 2 * one && footprint.peak(4) < 4 * one);
        let refused = refuse(compiled, &costs[1..], Budget { bytes: one, workers: 4 });
        assert_eq!(refused[0].help.as_deref(), Some("`--workers 1` fits: pictures run side by side, one a worker"));
    });
}

#[test]
fn refreshes_are_counted_with_the_room_they_take() {
    let told = |when: &str, set: (&str, &str)| {
        let text = format!(
            "param dataset = scenes(images = 10, size = 48, classes = 2)
            train t {{
              data = dataset.train |> random_crop(32) |> standardize()
              batch = 4
              steps = 9
              optimizer = sgd(lr = 0.1)
              net n = conv(3, 1)
              memory map: real[1, H, W] = 0
              refresh map {when} {{ image }} {{ n(image) }}
              step {{ image, map }} {{ loss l = mean(square(n(image) - map)) }}
            }}"
        );
        with_costs(&lowered(&text, &[set]), |_, costs| {
            let (cost, refresh) = (&costs[0], &costs[0].refreshes[0]);
            let steps = cost.steps.unwrap() * cost.work.step();
            let pictures = cost.total().map(|total| (total - steps) as f64 / refresh.flops as f64);
            let maps = cost.memories().map(|bytes| bytes as f64 / refresh.each as f64);
            format!(
                "{:?} times, {pictures:?} pictures beside the steps, {maps:?} maps, less: {}, for {}\n",
                refresh.times,
                cost.may_be_less(),
                refresh.lengths.words()
            )
        })
    };
    let whens = ["from epoch 1", "from epoch 1 every 2 epochs", "when plateau(l, patience = 1)"];
    let known = whens.map(|when| told(when, ("dataset", "scenes(images = 10, size = 48, classes = 2)"))).concat();
    expect![[r#"
        Some(1) times, Some(8.0) pictures beside the steps, Some(8.0) maps, less: false, for B = 1, H = 48, W = 48
        Some(2) times, Some(16.0) pictures beside the steps, Some(16.0) maps, less: false, for B = 1, H = 48, W = 48
        Some(2) times, Some(16.0) pictures beside the steps, Some(16.0) maps, less: true, for B = 1, H = 48, W = 48
        None times, None pictures beside the steps, None maps, less: false, for B = 1, H = 375 (assumed), W = 500 (assumed)
    "#]].assert_eq(&(known + &told("from epoch 1", ("dataset", "folder(\"somewhere\")"))));
}
