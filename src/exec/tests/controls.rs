//! What a stage says of its training, on two numbers: every answer is worked out by hand.

use super::*;
use crate::store::StageRecord;

/// A stage over eight pictures, four a step, whose two nets hold a number each: `n.a` begins with 1, `n.b` with 2, `m.a` with 1.
pub(super) fn recipe(settings: &str, step: &str) -> String {
    format!(
        r#"
        supervision image
        use data {{ scenes }}
        net pair() {{
          weight a: [] = constant(1)
          weight b: [] = constant(2)
        }}
        let dataset = scenes(images = 10, size = 32, classes = 2)
        train t {{
          data      = dataset.train |> random_crop(32)
          batch     = 4
          net n = pair()
          net m = pair()
          {settings}
          step {{ tags }} {{
            {step}
            metric seen = mean(tags)
          }}
        }}"#
    )
}

pub(super) struct Trained {
    pub bench: Bench,
    pub outcome: Outcome,
}

pub(super) fn bench(settings: &str, step: &str) -> Bench {
    let recipe = lowered(&recipe(settings, step), &[]);
    Bench { out: tempfile::tempdir().unwrap(), recipe, events: Vec::new() }
}

pub(super) fn train(settings: &str, step: &str) -> Trained {
    let mut bench = bench(settings, step);
    let outcome = bench.run(&bench.options()).unwrap();
    Trained { bench, outcome }
}

impl Trained {
    pub fn folder(&self) -> std::path::PathBuf {
        self.bench.out.path().join("store").join(self.outcome.stages[0].key.as_str())
    }

    /// A number of a net as it was saved.
    pub fn number(&self, net: &str, weight: &str) -> f64 {
        let net = tensors::read(&self.folder().join(format!("net/{net}.safetensors"))).unwrap();
        f64::from(net.tensors[weight].to_scalar::<f32>().unwrap())
    }

    pub fn lines(&self) -> Vec<EpochLine> {
        let log = std::fs::read_to_string(self.folder().join("log.jsonl")).unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn parts(&self) -> Vec<String> {
        let record = std::fs::read(self.folder().join("stage.json")).unwrap();
        let record: StageRecord = serde_json::from_slice(&record).unwrap();
        record.parts.iter().map(|part| part.name.clone()).collect()
    }
}

#[track_caller]
pub(super) fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 2e-6, "{found} where {expected} is expected");
}

const PLAIN: &str = "epochs = 3\n optimizer = sgd(lr = 1)";

#[test]
fn a_loss_may_be_weighed_by_time() {
    // Two steps at each of the epochs 0, 1, 2.
    let by_epoch = train(PLAIN, "loss l = (0.3 + 0.05 * epoch) * n.a");
    assert_near(by_epoch.number("n", "a"), 1.0 - 2.0 * (0.30 + 0.35 + 0.40));
    // A ramp over the whole training: 0/6 … 5/6.
    let by_step = train(PLAIN, "let ramp = step / steps\n loss l = ramp * n.a");
    assert_near(by_step.number("n", "a"), 1.0 - 15.0 / 6.0);
    // A name of the recipe wins.
    let own = train(PLAIN, "let epoch = 2\n loss l = epoch * epochs * n.a");
    assert_near(own.number("n", "a"), 1.0 - 6.0 * 2.0 * 3.0);
}

#[test]
fn schedules_of_the_library() {
    // Six steps of a gradient of 1: the sum of the factors.
    let sum = |schedule: &str| {
        let settings = format!("epochs = 3\n optimizer = sgd(lr = 1, schedule = {schedule})");
        1.0 - train(&settings, "loss l = n.a").number("n", "a")
    };
    assert_near(sum("poly(1)"), 21.0 / 6.0);
    assert_near(sum("poly_by_epoch(1)"), 2.0 * (1.0 + 2.0 / 3.0 + 1.0 / 3.0));
    assert_near(sum("step_at([1, 2], 0.5)"), 2.0 * 1.75);
    assert_near(sum("warm_up(4, poly(0))"), 0.0 + 0.25 + 0.5 + 0.75 + 2.0);
    assert_near(sum("hold_after(1, poly(1))"), 1.0 + 5.0 * 0.5);
    assert_near(sum("hold_after(2 epochs, poly_by_epoch(1))"), 2.0 + 4.0 * 0.5);
    assert_near(sum("every_steps(4, poly(1))"), 4.0 + 2.0 / 3.0);
    assert_near(sum("restart(2, 0.25, poly(1))"), 0.5 + 1.0 + 0.75 + 0.5 + 0.25);
}

#[test]
fn a_guarded_loss_counts_in_its_time_only() {
    let guarded = |guard: &str| train(PLAIN, &format!("loss l = n.a {guard}\n loss other = 0.5 * n.b"));
    let moved = |guard: &str| 1.0 - guarded(guard).number("n", "a");
    assert_near(moved("from epoch 1"), 4.0);
    assert_near(moved("until epoch 1"), 2.0);
    assert_near(moved("from epoch 1 until epoch 2"), 2.0);
    assert_near(moved("from step 3"), 3.0);
    assert_near(moved("from step 1\n until epoch 2"), 3.0);
    let trained = guarded("from step 3 until epoch 2");
    assert_near(trained.number("n", "b"), 2.0 - 3.0);
    let off: Vec<Vec<String>> = trained.lines().into_iter().map(|line| line.off).collect();
    assert_eq!(off, [vec!["l".to_string()], vec![], vec!["l".to_string()]]);
    assert_eq!(trained.lines()[0].losses["l"], 0.0);
    // n.a is 1 when it counts for the one step of the two.
    assert_near(trained.lines()[1].losses["l"], 0.5);
}

/// Before it counts its logarithm is of -0.5, and then of 1.5.
#[test]
fn a_loss_that_is_off_is_not_computed() {
    let late = "loss l = log(n.b - 2.5) + 0 * n.a from epoch 1\n loss other = 0 - n.b until epoch 1";
    let trained = train("epochs = 2\n optimizer = sgd(lr = 1)", late);
    let b = |b: f64| b - 1.0 / (b - 2.5);
    assert_near(trained.number("n", "b"), b(b(4.0)));
    assert_near(trained.lines()[0].losses["l"], 0.0);
    assert!(trained.parts().iter().any(|part| part == "loss l"));
}

/// While no loss reaches a weight, neither momentum nor decay moves it, and its moments wait.
#[test]
fn a_weight_rests_while_no_loss_reaches_it() {
    let step = "loss l = n.a from epoch 1 until epoch 2\n loss m = m.a until epoch 1\n loss other = 0.5 * n.b";
    let settings = "epochs = 3\n optimizer = adam(lr = 0.1)
        optimizers { m = sgd(lr = 0.1, momentum = 0.5, weight_decay = 0.1) }";
    let trained = train(settings, step);
    // Adam counts the steps of each weight: the first two of this one go as far as its rate.
    assert_near(trained.number("n", "a"), 1.0 - 0.2);
    assert_near(trained.number("n", "b"), 2.0 - 0.6);
    let first = 1.0 + 0.1 * 1.0;
    let a = 1.0 - 0.1 * first;
    assert_near(trained.number("m", "a"), a - 0.1 * (0.5 * first + 1.0 + 0.1 * a));
    let off: Vec<Vec<String>> = trained.lines().into_iter().map(|line| line.off).collect();
    assert_eq!(off, [vec!["l"], vec!["m"], vec!["l", "m"]]);
}

/// No loss at all: the epoch passes and moves nothing.
#[test]
fn an_epoch_without_losses_moves_nothing() {
    let trained = train(PLAIN, "loss l = n.a from epoch 1 until epoch 2");
    assert_near(trained.number("n", "a"), 1.0 - 2.0);
    assert_eq!(trained.lines()[2].loss, 0.0);
}

#[test]
fn every_path_has_its_optimizer_its_rate_and_its_decay() {
    let settings = "epochs = 1
        optimizer = sgd(lr = 0.1, weight_decay = 0.5)
        optimizers { m = adamw(lr = 0.25, weight_decay = 0, schedule = at => 1 - 0.5 * at.step) }
        rates { n.b = 2, *.a = 3 }
        decay { *.b = 0 }";
    let trained = train(settings, "loss l = n.a + n.b + 7 * m.a + 7 * m.b");
    let step = |a: f64| a - 0.3 * (1.0 + 0.5 * a);
    assert_near(trained.number("n", "a"), step(step(1.0)));
    assert_near(trained.number("n", "b"), 2.0 - 2.0 * 0.2);
    // Adam moves by its rate where the gradient stays the same: 0.25, then half of it.
    assert_near(trained.number("m", "a"), 1.0 - 3.0 * 0.375);
    assert_near(trained.number("m", "b"), 2.0 - 0.375);
    assert!(trained.parts().iter().any(|part| part == "optimizers"));
    assert_eq!(trained.lines()[0].rate, 0.1);
}

#[test]
fn opposed_losses_move_a_net_each() {
    let adversaries = "loss gen = n.a * m.a moves n
        loss disc = 0 - n.a * m.a moves m
        loss both = 0.5 * n.b * m.b
        loss listed = n.b moves [n.b, m]";
    let settings = "epochs = 1\n optimizer = sgd(lr = 0.1)";
    let refused = {
        let recipe = lowered(&recipe(settings, adversaries), &[]);
        let mut problems = Problems::default();
        compile(&recipe, &mut problems);
        tell(problems)
    };
    assert_eq!(refused, "no-gradient: the loss `listed` moves no weight of `m`");
    let trained = train(settings, &adversaries.replace("moves [n.b, m]", "moves [n.b, n.a]"));
    let (mut a, mut b) = ([1.0, 1.0], [2.0, 2.0]);
    for _ in 0..2 {
        // Both at once: each sees the other as it was.
        a = [a[0] - 0.1 * a[1], a[1] + 0.1 * a[0]];
        b = [b[0] - 0.1 * (0.5 * b[1] + 1.0), b[1] - 0.1 * 0.5 * b[0]];
    }
    assert_near(trained.number("n", "a"), a[0]);
    assert_near(trained.number("m", "a"), a[1]);
    assert_near(trained.number("n", "b"), b[0]);
    assert_near(trained.number("m", "b"), b[1]);
    // The logged loss is the sum of all of them.
    let line = &trained.lines()[0];
    assert_near(line.loss, line.losses.values().sum());
}

/// Two batches of four are one batch of eight, and what makes no group is left out of the epoch.
#[test]
fn gradients_of_several_batches_are_averaged() {
    let settings = "accumulate = 2\n epochs = 2\n optimizer = sgd(lr = 0.1, momentum = 0.9)";
    let moved = train(settings, "loss l = (1 + step) * m.a");
    assert_near(moved.number("m", "a"), 1.0 - 0.1 - 0.1 * (0.9 + 2.0));
    assert_eq!(moved.lines().iter().map(|line| line.steps).collect::<Vec<_>>(), [1, 2], "steps are moves");

    let with = |settings: &str, batch: &str, step: &str| {
        let text = recipe(&format!("{settings}\n optimizer = sgd(lr = 0.1)"), step).replace("batch     = 4", batch);
        let mut bench = Bench { out: tempfile::tempdir().unwrap(), recipe: lowered(&text, &[]), events: Vec::new() };
        let outcome = bench.run(&bench.options()).unwrap();
        Trained { bench, outcome }
    };
    // Linear in the batch, so that the mean of two is that of all eight pictures.
    let linear = "loss l = n.a * mean(tags) + square(n.b) * mean(tags)";
    let small = with("accumulate = 2\n epochs = 3", "batch = 4", linear);
    let large = with("epochs = 3", "batch = 8", linear);
    for weight in ["a", "b"] {
        assert_near(small.number("n", weight), large.number("n", weight));
    }
    assert_near(small.lines()[2].loss, large.lines()[2].loss);

    // Four batches of two: one makes no group of three.
    let rest = with("accumulate = 3\n epochs = 2", "batch = 2", "loss l = n.a");
    assert_near(rest.number("n", "a"), 1.0 - 2.0 * 0.1);
}

#[test]
fn a_group_that_no_epoch_fills_is_told_before_anything_runs() {
    let mut bench = bench("epochs = 1\n accumulate = 3\n optimizer = sgd(lr = 0.1)", "loss l = n.a");
    let error = bench.run(&bench.options()).unwrap_err();
    assert_eq!(error.diagnostics()[0].message, "`t` has 8 pictures, which make no group of 3 batches of 4");
}

#[test]
fn large_gradients_are_clipped_together() {
    let settings = "epochs = 1\n optimizer = sgd(lr = 1)\n optimizers { n.b = sgd(lr = 0.5) }";
    let clipped = train(&format!("{settings}\n clip = 1"), "loss l = 3 * n.a + 4 * n.b");
    assert_near(clipped.number("n", "a"), 1.0 - 2.0 * 0.6);
    assert_near(clipped.number("n", "b"), 2.0 - 2.0 * 0.5 * 0.8);
    let small = train(&format!("{settings}\n clip = 6"), "loss l = 3 * n.a + 4 * n.b");
    assert_near(small.number("n", "a"), 1.0 - 2.0 * 3.0);
}

#[test]
fn the_mean_of_the_weights_is_left_and_the_weights_go_on() {
    let trained = train("epochs = 1\n optimizer = sgd(lr = 1)\n ema = 0.75", "loss l = square(n.a) + 0 * m.a");
    // 1, then -1, then 1: the raw weights are what the gradient is of.
    assert_near(trained.number("n", "a"), 0.75 * (0.75 - 0.25) + 0.25);
    assert_near(trained.number("m", "a"), 1.0);
    assert_near(trained.number("n", "b"), 2.0);
}

#[test]
fn other_update_rules() {
    let settings = "epochs = 1
        optimizer = adam(lr = 0.1, weight_decay = 0.5)
        optimizers { m = rmsprop(lr = 0.1, alpha = 0.75, eps = 0) }";
    let trained = train(settings, "loss l = 7 * n.a + 6 * m.a");
    // Adam's first step is its rate; its second nearly so, with a gradient that the decay has made a little smaller.
    let (g1, g2) = (7.5, 7.0 + 0.5 * 0.9);
    let (first, second) =
        (0.1 * (0.9 * g1 + g2) / 0.19, (0.999 * g1 * g1 + g2 * g2) * 0.001 / (1.0 - 0.999f64.powi(2)));
    assert_near(trained.number("n", "a"), 1.0 - 0.1 - 0.1 * first / second.sqrt());
    // The mean square of 6 is 9, then 15.75.
    assert_near(trained.number("m", "a"), 1.0 - 0.1 * 6.0 / 3.0 - 0.1 * 6.0 / 15.75f64.sqrt());
}

#[test]
fn a_net_of_every_epoch_is_kept() {
    let trained = train("epochs = 5\n optimizer = sgd(lr = 1)\n checkpoint = every(2)", "loss l = n.a");
    assert_near(trained.number("n", "a"), 1.0 - 10.0);
    let kept = |epoch: &str| {
        let net = tensors::read(&trained.folder().join(format!("epochs/{epoch}/net/n.safetensors")));
        net.ok().map(|net| net.tensors["a"].to_scalar::<f32>().unwrap())
    };
    let found = ["0001", "0002", "0003", "0004", "0005"].map(kept);
    assert_eq!(found, [None, Some(-3.0), None, Some(-7.0), None]);
}

#[test]
fn the_best_epoch_is_kept_with_its_figures() {
    // Before each step n.a is 1, 0.5; 0, -0.5; -1, -1.5.
    let step = "loss l = n.a\n metric near = 0 - square(n.a)";
    let with =
        |checkpoint: &str| train(&format!("epochs = 3\n optimizer = sgd(lr = 0.5)\n checkpoint = {checkpoint}"), step);
    let near = with("best(near)");
    assert_near(near.number("n", "a"), -1.0);
    let figures = &near.outcome.stages[0].metrics;
    assert_near(figures["near"].value.unwrap(), -0.125);
    assert_near(figures["loss"].value.unwrap(), -0.25);
    assert_eq!(figures["near"].over, "epoch 2, the best by `near`");
    let notes = near.bench.events.iter().filter(|event| matches!(event, Event::Note { .. }));
    let expected = Event::Note { text: "`t`: epoch 2 of 3 is kept, the best by `near`".into() };
    assert_eq!(notes.collect::<Vec<_>>(), [&expected]);
    assert_near(with("best(l)").number("n", "a"), -2.0);
    assert_near(with("best(loss)").number("n", "a"), -2.0);
    assert_near(with("last").number("n", "a"), -2.0);
}

#[test]
fn other_pictures_are_measured_at_the_ends_of_epochs() {
    // After each epoch n.a is 0, -1, -2, -3, -4.
    let with = |every: &str, checkpoint: &str| {
        let settings = format!(
            "epochs = 5
             optimizer = sgd(lr = 0.5)
             validation = dataset.val
             checkpoint = {checkpoint}
             validate {every} {{ tags }} {{ metric held = 0 * mean(tags) - square(n.a + 2) }}"
        );
        train(&settings, "loss l = n.a")
    };
    let each = with("", "last");
    let held = |trained: &Trained| trained.lines().iter().map(|line| line.metrics["held"]).collect::<Vec<_>>();
    assert_eq!(held(&each), [Some(-4.0), Some(-1.0), Some(0.0), Some(-1.0), Some(-4.0)]);
    assert_eq!(each.outcome.stages[0].metrics["held"].value, Some(-4.0));
    assert_near(with("", "best(held)").number("n", "a"), -2.0);
    let second = with("every 2 epochs", "best(held)");
    assert_eq!(held(&second), [None, Some(-1.0), None, Some(-1.0), Some(-4.0)]);
    assert_near(second.number("n", "a"), -1.0);
    // With nothing to look at, nothing is measured, and there is nothing to choose by.
    let none = train(
        "epochs = 2\n optimizer = sgd(lr = 0.5)\n validation = none\n checkpoint = best(held)
         validate { mask } { metric held = mean(claim(mask, \"real\")) }",
        "loss l = n.a",
    );
    assert_near(none.number("n", "a"), -1.0);
    assert_eq!(none.outcome.stages[0].metrics.keys().collect::<Vec<_>>(), ["loss", "seen"]);
    assert!(!none.parts().iter().any(|part| part.starts_with("validation")));
}

/// Settings and steps whose training is stopped after each epoch and goes on.
const RESUMED: &[(&str, &str)] = &[
    (
        "epochs = 3
     optimizer = sgd(lr = 0.1, momentum = 0.9, schedule = poly(0.9))
     optimizers { m = adamw(lr = 0.1), n.b = sgd(lr = 0.2, momentum = 0.5) }
     decay { *.a = 0 }",
        "loss l = n.a * n.b * mean(tags) from epoch 1
     loss late = square(m.a) from step 3 until epoch 2 moves m
     loss k = (1 + epoch) * square(m.a + m.b) + square(n.b) moves [m, n.b]",
    ),
    (
        "epochs = 3
     accumulate = 2
     clip = 0.5
     ema = 0.9
     optimizer = rmsprop(lr = 0.1, momentum = 0.5)
     optimizers { m = adam(lr = 0.1, weight_decay = 0.1) }",
        "loss l = square(n.a * n.b * mean(tags)) + square(m.a - 3 * mean(tags))",
    ),
    (
        "epochs = 3
     ema = 0.5
     optimizer = sgd(lr = 0.5, momentum = 0.9)
     checkpoint = best(near)",
        "loss l = n.a * mean(tags)
     metric near = 0 - square(n.a - 1)",
    ),
    (
        "epochs = 3
     ema = 0.5
     optimizer = sgd(lr = 0.5, momentum = 0.9)
     validation = dataset.val
     checkpoint = best(far)
     validate every 2 epochs { tags } { metric far = 0 - square(n.a + 3) * mean(tags) }",
        "loss l = n.a * mean(tags)",
    ),
];

#[test]
fn what_is_stopped_goes_on_with_the_same_numbers() {
    for (settings, step) in RESUMED {
        let whole = train(settings, step);
        let mut parts = bench(settings, step);
        for last in 1..3 {
            let after = |event: &Event| matches!(event, Event::EpochFinished { line, .. } if line.epoch == last);
            assert_eq!(stopped(&mut parts, after).exit_code(), 130);
        }
        let outcome = parts.run(&parts.options()).unwrap();
        let parts = Trained { bench: parts, outcome };
        assert_eq!(whole.bench.numbers(&whole.outcome, "t"), parts.bench.numbers(&parts.outcome, "t"), "{settings}");
        let log = |trained: &Trained| -> Vec<EpochLine> {
            trained.lines().into_iter().map(|line| EpochLine { seconds: 0.0, ..line }).collect()
        };
        assert_eq!(log(&whole), log(&parts), "{settings}");
    }
}
