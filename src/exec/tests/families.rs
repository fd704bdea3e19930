//! Families of stages: trained one by one, read as a list, asked for together or alone.

use super::*;

/// Two classifiers of the same kind, their mean map, and its figures at two sizes.
const FAMILY: &str = r#"
use data { scenes }

param rates = [0.1, 0.2]

let dataset = scenes(images = 12, size = 32, classes = 2)

net pixels(classes: int) {
  weight weight: [classes, 3] = normal(0.5)
  fn forward(image) = {
    let wide = reshape(image, dims = [size(image, 0), 1, 3, size(image, 2), size(image, 3)])
    sum(wide * reshape(weight, dims = [1, classes, 3, 1, 1]), axes = [2])
  }
}

train member for rate in rates {
  data      = dataset.train |> standardize() |> random_crop(16)
  batch     = 4
  epochs    = 1
  optimizer = sgd(lr = rate)
  net cls = pixels(dataset.classes)
  step { image, tags } {
    loss cls = mean(square(gap(cls(image)) - tags))
  }
}

infer cams for member_at in 0..1 {
  data = dataset.val |> standardize()
  each { image } {
    save cam = sigmoid(member[member_at].cls(image))
  }
}

score seeds {
  data = dataset.val with { first = cams[0].cam, second = cams[1].cam }
  each { first, second, mask } {
    metric count = len(member) + 0 * mean(first)
    metric apart = mean(abs(first - second))
  }
}
"#;

fn bench() -> Bench {
    Bench { out: tempfile::tempdir().unwrap(), recipe: lowered(FAMILY, &[]), events: Vec::new() }
}

const ALL: [&str; 5] = ["member[0]", "member[1]", "cams[0]", "cams[1]", "seeds"];

fn names(outcome: &Outcome) -> Vec<&str> {
    outcome.stages.iter().map(|stage| stage.name.as_str()).collect()
}

#[test]
fn every_member_is_a_stage_with_its_own_result() {
    let mut bench = bench();
    let outcome = bench.run(&bench.options()).unwrap();
    assert_eq!(names(&outcome), ALL);
    assert_ne!(bench.numbers(&outcome, "member[0]"), bench.numbers(&outcome, "member[1]"));
    let metrics = std::fs::read_to_string(outcome.folder.as_ref().unwrap().join("metrics.json")).unwrap();
    let metrics: serde_json::Value = serde_json::from_str(&metrics).unwrap();
    assert_eq!(metrics["seeds"]["count"], 2.0);
    assert!(metrics["seeds"]["apart"].as_f64().unwrap() > 0.0);
    assert!(metrics["member[1]"]["loss"].as_f64().unwrap() > 0.0);
    assert!(what_ran(&bench.run(&bench.options()).unwrap()).iter().all(|(_, ran)| !ran));
}

#[test]
fn an_option_names_the_family_or_one_of_it() {
    let mut bench = bench();
    let until = |name: &str| Options { until: Some(name.into()), dry_run: true, ..bench.options() };
    let (family, one, other) = (until("member"), until("cams[0]"), until("members"));
    assert_eq!(names(&bench.run(&family).unwrap()), ALL[..2]);
    assert_eq!(names(&bench.run(&one).unwrap()), ["member[0]", "cams[0]"], "and what it needs");
    let error = bench.run(&other).unwrap_err();
    let help = error.diagnostics()[0].help.clone().unwrap();
    assert_eq!(
        help,
        "did you mean `member`?  stages: `member`, `member[0]`, `member[1]`, `cams`, `cams[0]`, `cams[1]`, `seeds`"
    );
    let only = Options { only: Some("member".into()), ..bench.options() };
    assert_eq!(what_ran(&bench.run(&only).unwrap()), [("member[0]", true), ("member[1]", true)]);
    let only = Options { only: Some("cams[1]".into()), ..bench.options() };
    assert_eq!(what_ran(&bench.run(&only).unwrap()), [("cams[1]", true)]);
    let force = Options { force: vec!["cams".into()], ..bench.options() };
    let forced = bench.run(&force).unwrap();
    let ran = [("member[0]", false), ("member[1]", false), ("cams[0]", true), ("cams[1]", true), ("seeds", true)];
    assert_eq!(what_ran(&forced), ran);
}

/// A round may begin with the net of the round before: with `--only`, that is no stage that is missing.
#[test]
fn a_member_may_read_those_before_it() {
    let text = FAMILY.replace(
        "loss cls = mean(square(gap(cls(image)) - tags))",
        "let goal = if len(member) == 0 { tags } else { stop(sigmoid(gap(member[-1].cls(image)))) }
        loss cls = mean(square(gap(cls(image)) - goal))",
    );
    let recipe = lowered(&text, &[]);
    let read = |stage: usize| recipe.stages[stage].borrowed.iter().map(|weight| weight.path()).collect::<Vec<_>>();
    assert_eq!((read(0), read(1)), (vec![], vec!["member[0].cls.weight".to_string()]));
    let mut bench = Bench { out: tempfile::tempdir().unwrap(), recipe, events: Vec::new() };
    let only = Options { only: Some("member".into()), ..bench.options() };
    assert_eq!(names(&bench.run(&only).unwrap()), ALL[..2]);
}
