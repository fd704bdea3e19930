//! Whole stages on drawn pictures: trained, stopped, gone on with, inferred, scored, reused.

use std::sync::atomic::{AtomicBool, Ordering};

mod controls;
mod families;
mod memory;
mod packed;

use super::*;
use crate::compile::compile;
use crate::compile::testing::{lowered, tell};
use crate::diag::{Code, Problems};
use crate::lower::Recipe;
use crate::store::tensors;

/// Twenty pictures of two classes; the classifier looks at single pixels.
const RECIPE: &str = r#"
supervision image

use data { scenes }

param dataset = scenes(images = 20, size = 32, classes = 2)
param lr     = 0.5
param epochs = 3
param level  = 0.5

net pixels(classes: int) {
  weight weight: [classes, 3] = normal(0.5)
  weight bias: [classes] = zeros()
  state bright: [] = zeros()

  fn forward(image) = {
    let wide = reshape(image, dims = [size(image, 0), 1, 3, size(image, 2), size(image, 3)])
    let map = sum(wide * reshape(weight, dims = [1, classes, 3, 1, 1]), axes = [2]) + reshape(bias, dims = [1, classes, 1, 1])
    let score = claim(if training { dropout(map, p = 0.1) } else { map }, "logit")
    if training { updating(score, bright, 0.5 * bright + 0.5 * stop(mean(image))) } else { score }
  }
}

train classifier {
  data      = dataset.train |> random_flip() |> standardize() |> random_crop(24)
  batch     = 4
  epochs    = epochs
  optimizer = sgd(lr = lr, momentum = 0.9, weight_decay = 1e-4, schedule = poly(0.9))

  net cls = pixels(dataset.classes)
  rates { cls.bias = 2 }

  step { image, tags } {
    loss cls = bce(gap(cls(image)), tags)
    metric height = mean(cls(image))
  }
}

infer cams {
  data = dataset.val |> standardize()

  each { image, tags } {
    save cam    = sigmoid(classifier.cls(image)) |> keep(tags)
    save seed   = argmax(concat([mean(sigmoid(classifier.cls(image)), axes = [1], keep = true) * 0 + level, sigmoid(classifier.cls(image)) |> keep(tags)], axis = 1), axis = 1)
    save scores = gap(classifier.cls(image))
  }
}

score seeds {
  data = dataset.val with { cam = cams.cam, seed = cams.seed, scores = cams.scores }

  each { tags, mask, cam, seed, scores } {
    metric cam_iou  = best_threshold_iou(cam, mask, thresholds = 0.1..0.9 by 0.1)
    metric seed_iou = miou(seed, mask)
    metric ap       = mean_average_precision(scores, tags)
    metric height   = mean(scores)
  }
}

fn bce(logits: logit, targets: unit) = mean(relu(logits) - logits * targets + softplus(-abs(logits)))
"#;

/// A folder for results, a recipe, and what happened.
struct Bench {
    out: tempfile::TempDir,
    recipe: Recipe,
    events: Vec<Event>,
}

impl Bench {
    fn new(sets: &[(&str, &str)]) -> Bench {
        Bench { out: tempfile::tempdir().unwrap(), recipe: lowered(RECIPE, sets), events: Vec::new() }
    }

    /// The same folder, the recipe with other values.
    fn with(mut self, sets: &[(&str, &str)]) -> Bench {
        self.recipe = lowered(RECIPE, sets);
        self
    }

    fn options(&self) -> Options {
        Options { out: self.out.path().to_owned(), workers: 2, text: RECIPE.into(), ..Options::default() }
    }

    fn run(&mut self, options: &Options) -> Result<Outcome, RunError> {
        let mut problems = Problems::default();
        let compiled = compile(&self.recipe, &mut problems);
        let compiled = compiled.unwrap_or_else(|| panic!("{}", tell(problems)));
        self.events.clear();
        let events = &mut self.events;
        run(&compiled, options, &mut |event| events.push(event))
    }

    /// Every number of a stage's weights and maps, file by file.
    fn numbers(&self, outcome: &Outcome, stage: &str) -> Vec<(String, Vec<u8>)> {
        let stage = outcome.stages.iter().find(|outcome| outcome.name == stage).unwrap();
        let folder = self.out.path().join("store").join(stage.key.as_str());
        let mut files: Vec<(String, Vec<u8>)> = walkdir::WalkDir::new(&folder)
            .into_iter()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| (entry.path().strip_prefix(&folder).unwrap().display().to_string(), entry.into_path()))
            .filter(|(name, _)| name.starts_with("net") || name.starts_with("maps") || name == "metrics.json")
            .map(|(name, path)| (name, std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }
}

fn what_ran(outcome: &Outcome) -> Vec<(&str, bool)> {
    outcome.stages.iter().map(|stage| (stage.name.as_str(), !stage.reused)).collect()
}

/// Every stage, with whether each ran.
fn ran(stages: [bool; 3]) -> Vec<(&'static str, bool)> {
    ["classifier", "cams", "seeds"].into_iter().zip(stages).collect()
}

#[test]
fn a_recipe_runs_to_its_figures_and_is_reused() {
    let mut bench = Bench::new(&[]);
    let outcome = bench.run(&bench.options()).unwrap();
    assert_eq!(what_ran(&outcome), ran([true; 3]));

    let names: Vec<String> = bench.numbers(&outcome, "cams").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 4 * 3 + 1, "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("maps/seed/") && name.ends_with(".png")), "{names:?}");

    let folder = outcome.folder.clone().unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let metrics: serde_json::Value = serde_json::from_str(&read("metrics.json")).unwrap();
    let details: serde_json::Value = serde_json::from_str(&read("details.json")).unwrap();
    let loss = metrics["classifier"]["loss"].as_f64().unwrap();
    assert!(loss > 0.0 && loss < 1.5, "{loss}");
    for name in ["cam_iou", "seed_iou", "ap"] {
        let value = metrics["seeds"][name].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&value), "{name} {value}");
    }
    assert_eq!(details["seeds"]["cam_iou"]["oracle"], true);
    assert_eq!(details["seeds"]["seed_iou"]["oracle"], false);
    assert_eq!(details["seeds"]["height"]["over"], "4 steps");
    assert!(read("wsss.lock").contains("fingerprint"));
    assert_eq!(read("recipe.wsss"), RECIPE);

    // The state was moved: the pictures are not as dark as zero.
    let net =
        tensors::read(&bench.out.path().join("store").join(outcome.stages[0].key.as_str()).join("net/cls.safetensors"));
    let net = net.unwrap().tensors;
    assert_ne!(net["bright"].to_scalar::<f32>().unwrap(), 0.0);
    assert_eq!(net["weight"].dims(), [2, 3]);

    let again = bench.run(&bench.options()).unwrap();
    assert_eq!(what_ran(&again), ran([false; 3]));
    assert_eq!(again.stages[2].metrics, outcome.stages[2].metrics);
    assert_eq!(again.folder, outcome.folder);
}

#[test]
fn only_what_a_change_reaches_runs_again_and_says_why() {
    let mut bench = Bench::new(&[]);
    bench.run(&bench.options()).unwrap();
    let mut bench = bench.with(&[("level", "0.3")]);
    let dry = Options { dry_run: true, ..bench.options() };
    let planned = bench.run(&dry).unwrap();
    assert_eq!(what_ran(&planned), ran([false, true, true]));
    assert!(planned.stages[1].why.starts_with("graph changed: "), "{}", planned.stages[1].why);
    assert!(planned.stages[2].why.starts_with("stage cams changed: "), "{}", planned.stages[2].why);
    let outcome = bench.run(&bench.options()).unwrap();
    assert_eq!(what_ran(&outcome), what_ran(&planned));

    let mut bench = bench.with(&[("lr", "0.25")]);
    let outcome = bench.run(&bench.options()).unwrap();
    assert_eq!(what_ran(&outcome), ran([true; 3]));
    assert!(outcome.stages[0].why.starts_with("optimizer changed: "), "{}", outcome.stages[0].why);
}

#[test]
fn the_number_of_workers_changes_no_bit() {
    let mut one = Bench::new(&[]);
    let first = one.run(&Options { workers: 1, ..one.options() }).unwrap();
    let mut three = Bench::new(&[]);
    let second = three.run(&Options { workers: 3, ..three.options() }).unwrap();
    for stage in ["classifier", "cams", "seeds"] {
        assert_eq!(one.numbers(&first, stage), three.numbers(&second, stage), "{stage}");
    }
    let other = three.run(&Options { seed: 1, ..three.options() }).unwrap();
    assert_ne!(one.numbers(&first, "classifier"), three.numbers(&other, "classifier"));
}

/// Runs with a stop as soon as `when` has been told.
fn stopped(bench: &mut Bench, when: impl Fn(&Event) -> bool) -> RunError {
    let stop: &'static AtomicBool = Box::leak(Box::default());
    let options = Options { stop, ..bench.options() };
    let mut problems = Problems::default();
    let compiled = compile(&bench.recipe, &mut problems).unwrap();
    let outcome = run(&compiled, &options, &mut |event| {
        if when(&event) {
            stop.store(true, Ordering::Relaxed);
        }
    });
    outcome.unwrap_err()
}

#[test]
fn a_stopped_training_goes_on_with_the_same_numbers() {
    for optimizer in ["sgd(lr = 0.5, momentum = 0.9)", "adamw(lr = 0.05)"] {
        let text = RECIPE.replace("sgd(lr = lr, momentum = 0.9, weight_decay = 1e-4, schedule = poly(0.9))", optimizer);
        let bench = || Bench { out: tempfile::tempdir().unwrap(), recipe: lowered(&text, &[]), events: Vec::new() };
        let mut whole = bench();
        let expected = whole.run(&whole.options()).unwrap();
        let mut parts = bench();
        let after =
            |last: usize| move |event: &Event| matches!(event, Event::EpochFinished { line, .. } if line.epoch == last);
        let error = stopped(&mut parts, after(1));
        assert_eq!(error.exit_code(), 130);
        assert_eq!(error.diagnostics()[0].help.as_deref(), Some("the same run goes on after epoch 1 of 3"));
        assert_eq!(stopped(&mut parts, after(2)).exit_code(), 130);
        let outcome = parts.run(&parts.options()).unwrap();
        assert_eq!(outcome.stages[0].why, "it was begun and not finished");
        let notes: Vec<&Event> = parts.events.iter().filter(|event| matches!(event, Event::Note { .. })).collect();
        assert_eq!(notes, [&Event::Note { text: "`classifier` goes on after epoch 2 of 3".into() }]);
        for stage in ["classifier", "cams", "seeds"] {
            assert_eq!(whole.numbers(&expected, stage), parts.numbers(&outcome, stage), "{optimizer}: {stage}");
        }
        let log = |bench: &Bench, outcome: &Outcome| {
            let path = bench.out.path().join("store").join(outcome.stages[0].key.as_str()).join("log.jsonl");
            let log = std::fs::read_to_string(path).unwrap();
            let lines = log.lines().map(|line| serde_json::from_str::<EpochLine>(line).unwrap());
            lines.map(|line| EpochLine { seconds: 0.0, ..line }).collect::<Vec<_>>()
        };
        assert_eq!(log(&whole, &expected), log(&parts, &outcome));
        assert_eq!(log(&parts, &outcome).len(), 3);
    }
}

#[test]
fn a_stopped_inference_keeps_what_it_wrote() {
    let mut whole = Bench::new(&[]);
    let expected = whole.run(&whole.options()).unwrap();
    let mut parts = Bench::new(&[]);
    let error = stopped(&mut parts, |event| matches!(event, Event::StageStarted { stage, .. } if stage == "cams"));
    assert_eq!(error.exit_code(), 130);
    let outcome = parts.run(&parts.options()).unwrap();
    assert_eq!(what_ran(&outcome), ran([false, true, true]));
    for stage in ["classifier", "cams", "seeds"] {
        assert_eq!(whole.numbers(&expected, stage), parts.numbers(&outcome, stage), "{stage}");
    }
}

/// The one diagnostic of a run that must fail for a number that is none, with the text under its first label.
fn not_a_number(text: &str, sets: &[(&str, &str)]) -> (String, String) {
    let mut bench = Bench { out: tempfile::tempdir().unwrap(), recipe: lowered(text, sets), events: Vec::new() };
    let error = bench.run(&bench.options()).unwrap_err();
    let diagnostic = &error.diagnostics()[0];
    assert_eq!((error.exit_code(), diagnostic.code), (3, Code::NotANumber));
    assert!(diagnostic.help.as_deref().is_some_and(|help| help.contains("learning rate")));
    assert!(Store::at(bench.out.path()).all().is_empty(), "a broken stage counts as finished");
    (diagnostic.message.clone(), text[diagnostic.labels[0].span.range()].to_owned())
}

#[test]
fn a_loss_that_is_no_number_names_its_source_place_and_step() {
    let (message, _) = not_a_number(RECIPE, &[("lr", "1e38")]);
    assert!(message.starts_with("the loss `cls` of `classifier` is not a number at step "), "{message}");
    assert!(message.ends_with(": the weight `classifier.cls.weight` gave it first"), "{message}");

    // The logarithm of zero.
    let broken =
        RECIPE.replace("= bce(gap(cls(image)), tags)", "= mean(log(abs(gap(cls(image))) - abs(gap(cls(image)))))");
    let (message, place) = not_a_number(&broken, &[]);
    let expected = "the loss `cls` of `classifier` is not a number at step 1 (epoch 1): the op `log` gave it first";
    assert_eq!((message.as_str(), place.as_str()), (expected, "log(abs(gap(cls(image))) - abs(gap(cls(image))))"));
}

#[test]
fn too_few_pictures_for_a_batch_are_told_before_anything_runs() {
    let mut bench = Bench::new(&[]);
    let error = bench.run(&Options { limit: Some(3), ..bench.options() }).unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert_eq!(error.diagnostics()[0].message, "`classifier` has 3 pictures, which make no batch of 4");
    assert!(bench.events.is_empty());
}

#[test]
fn a_limit_decides_the_result_only_where_it_bites() {
    let mut bench = Bench::new(&[]);
    bench.run(&Options { limit: Some(1000), ..bench.options() }).unwrap();
    assert_eq!(what_ran(&bench.run(&bench.options()).unwrap()), ran([false; 3]));
    let outcome = bench.run(&Options { limit: Some(8), ..bench.options() }).unwrap();
    assert_eq!(outcome.stages[0].why, "images changed: 16 → 8");
    let few = bench.run(&Options { limit: Some(8), dry_run: true, ..bench.options() }).unwrap();
    assert_eq!(what_ran(&few), ran([false; 3]));
}

#[test]
fn parts_of_a_recipe_can_be_asked_for() {
    let mut bench = Bench::new(&[]);
    let only = |name: &str| Options { only: Some(name.into()), ..bench.options() };
    let (only_cams, only_classifier) = (only("cams"), only("classifier"));
    let error = bench.run(&only_cams).unwrap_err();
    assert_eq!(error.diagnostics()[0].message, "`--only cams`: the stage reads `classifier`, which has no result yet");
    assert_eq!(what_ran(&bench.run(&only_classifier).unwrap()), [("classifier", true)]);
    let until = Options { until: Some("cams".into()), ..bench.options() };
    assert_eq!(what_ran(&bench.run(&until).unwrap()), [("classifier", false), ("cams", true)]);
    let force = Options { force: vec!["cams".into()], ..bench.options() };
    let forced = bench.run(&force).unwrap();
    assert_eq!(what_ran(&forced), ran([false, true, true]));
    assert_eq!(forced.stages[1].why, "`--force` asks for it");
    assert_eq!(what_ran(&bench.run(&force).unwrap()), ran([false, true, false]));
    let unknown = Options { until: Some("cam".into()), ..bench.options() };
    let error = bench.run(&unknown).unwrap_err();
    assert_eq!((error.exit_code(), error.diagnostics()[0].code), (1, Code::UnknownStage));
    assert!(error.diagnostics()[0].help.as_deref().is_some_and(|help| help.contains("did you mean `cams`?")));
}

#[test]
fn a_full_or_forbidden_output_folder_is_the_third_kind_of_failure() {
    let mut bench = Bench::new(&[]);
    let file = bench.out.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = bench.run(&Options { out: file, ..bench.options() }).unwrap_err();
    assert_eq!((error.exit_code(), error.diagnostics()[0].code), (3, Code::CannotWrite));
    assert!(error.diagnostics()[0].message.contains("/file"), "{}", error.diagnostics()[0].message);
    assert!(bench.events.is_empty(), "something ran");
}

#[test]
fn a_broken_picture_is_named_and_what_was_finished_stays() {
    let tree = crate::data::testing::Tree::new();
    let mut labels = String::new();
    for picture in 0..8 {
        let split = if picture < 5 { "train" } else { "val" };
        labels += &format!("p{picture},{},{split}\n", ["owl", "fox"][picture % 2]);
        tree.jpeg(&format!("images/p{picture}.jpg"), 20, 16);
        tree.mask(&format!("masks/p{picture}.png"), 20, 16, |y, _| u8::from(y > 9));
    }
    tree.text("labels.csv", &labels);
    let whole = std::fs::read(tree.root().join("images/p6.jpg")).unwrap();
    tree.cut("images/p6.jpg");
    let dataset = format!("folder({:?})", tree.root());
    let mut bench = Bench::new(&[("dataset", dataset.as_str())]);
    let error = bench.run(&bench.options()).unwrap_err();
    assert_eq!((error.exit_code(), error.diagnostics()[0].code), (1, Code::DataBroken));
    assert!(error.diagnostics()[0].message.contains("images/p6.jpg"), "{}", error.diagnostics()[0].message);
    assert_eq!(Store::at(bench.out.path()).all().len(), 1, "the classifier is finished");

    std::fs::write(tree.root().join("images/p6.jpg"), whole).unwrap();
    let error = bench.run(&Options { dry_run: true, ..bench.options() });
    // The file has another size now, so the data are others: everything runs again, and says so.
    let planned = error.unwrap();
    assert_eq!(what_ran(&planned), ran([true; 3]));
    assert!(planned.stages[0].why.starts_with("data changed: "), "{}", planned.stages[0].why);
    assert_eq!(what_ran(&bench.run(&bench.options()).unwrap()), ran([true; 3]));
}

#[test]
fn a_data_set_that_is_not_there_is_told_before_anything_runs() {
    let mut bench = Bench::new(&[("dataset", "voc2012(\"no/such/folder\")")]);
    let error = bench.run(&bench.options()).unwrap_err();
    assert_eq!((error.exit_code(), error.diagnostics()[0].code), (1, Code::DataNotFound));
    assert!(error.diagnostics()[0].message.contains("no/such/folder"), "{}", error.diagnostics()[0].message);
}
