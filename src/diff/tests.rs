//! What is a difference and what is not, told as text; laws over random recipes.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::compile::testing::tell;
use crate::compile::{self};
use crate::diag::Problems;
use crate::hir;
use crate::lower::{self, Choices};
use crate::source::SourceId;
use crate::syntax;

/// One recipe that others may use, and those of `pipelines/`.
struct Base;

impl hir::Files for Base {
    fn read(&self, path: &std::path::Path) -> std::io::Result<String> {
        match path.to_str() {
            Some("base.wsss") => Ok(RECIPE.into()),
            _ => std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines").join(path)),
        }
    }
}

fn with_side<T>(text: &str, then: impl FnOnce(&Side) -> T) -> T {
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("tiny.wsss", text, &[], &Base, &mut sources, &mut problems);
    let recipe = lower::lower("tiny", &program, &Choices::default(), &mut problems);
    assert!(!problems.has_errors(), "{text}\n{}", tell(problems));
    let compiled = compile::compile(&recipe, &mut problems).unwrap();
    assert!(!problems.has_errors(), "{text}\n{}", tell(problems));
    then(&Side::new(&compiled, &sources))
}

fn difference(old: &str, new: &str) -> Difference {
    with_side(old, |old| with_side(new, |new| between(old, new)))
}

const RECIPE: &str = r#"
use data { scenes }
param lambda = 0.5
let dataset = scenes(images = 20, size = 32, classes = 2)
fn weighted(x, factor) = x * factor
net pixels(classes: int) {
  weight scale: [1, classes] = ones()
  fn forward(tags) = tags * scale
}
train cls {
  data      = dataset.train |> random_crop(32)
  batch     = 4
  epochs    = 1
  optimizer = sgd(lr = 0.1)
  net net = pixels(dataset.classes)
  step { tags } {
    let logits = net(tags)
    loss cls = mean(weighted(logits, lambda))
  }
}
infer maps {
  data = dataset.val
  each { tags, image } { save y = relu(cls.net(tags)) }
}
infer alone {
  data = dataset.val
  each { image } { save gray = mean(image, axes = [1], keep = true) }
}
"#;

#[test]
fn a_stage_that_is_read_from_a_used_recipe_is_the_same_stage() {
    let user = r#"
use "base.wsss" as base
infer more {
  data = base.dataset.val
  each { tags } { save y = base.cls.net(tags) }
}
"#;
    let difference = difference(RECIPE, user);
    assert_eq!(difference.same, ["base.cls"]);
    assert_eq!(difference.renamed["base.cls"], "cls");
    let told: Vec<(&str, &str)> = difference.stages.iter().map(|stage| (stage.name.as_str(), stage.change)).collect();
    assert_eq!(told, [("more", "added"), ("maps", "removed"), ("alone", "removed")]);
}

#[test]
fn a_net_that_is_read_in_place_of_another_is_one_line() {
    check(
        &[("train cls", "train other"), ("cls.net", "other.net")],
        expect![[r#"
        train other: added, again true, because of []
        infer maps: changed, again true, because of ["other"]
          reads cls.net.scale → other.net.scale
        train cls: removed, again false, because of []
    "#]],
    );
}

fn check(changes: &[(&str, &str)], expected: Expect) {
    let new = changes.iter().fold(RECIPE.to_string(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let difference = difference(RECIPE, &new);
    let mut said = String::new();
    let shown = |value: &Option<String>| value.clone().unwrap_or("-".into());
    let mut changes = |at: &str, changes: &[Change]| {
        for change in changes {
            said += &format!("{at}{}: {} → {}\n", change.name, shown(&change.old), shown(&change.new));
        }
    };
    changes("", &difference.recipe);
    changes("param ", &difference.params);
    let mut lines = String::new();
    for stage in &difference.stages {
        lines += &format!("{} {}: {}, again {}", stage.kind, stage.name, stage.change, stage.runs_again);
        lines += &format!(", because of {:?}\n", stage.because_of);
        let mut told = |at: &str, all: &[Change]| {
            for change in all {
                lines += &format!("  {at} {}: {} → {}\n", change.name, shown(&change.old), shown(&change.new));
            }
        };
        told("setting", &stage.settings);
        told("weight", &stage.weights);
        told("seen", stage.seen.as_slice());
        told("cost", &stage.cost);
        let node = |line: &NodeLine| format!("{} {}", line.what, line.place.clone().unwrap_or_default());
        stage.nodes.removed.iter().for_each(|line| lines += &format!("  - {}\n", node(line)));
        stage.nodes.added.iter().for_each(|line| lines += &format!("  + {}\n", node(line)));
        for ReadChange { old, new } in &stage.nodes.reads {
            lines += &format!("  reads {old} → {new}\n");
        }
        for change in &stage.nodes.changed {
            lines += &format!("  ~ {} → {}\n", node(&change.old), node(&change.new));
        }
    }
    expected.assert_eq(&(said + &lines));
}

#[test]
fn names_order_and_form_mean_nothing() {
    check(&[], expect![""]);
    check(&[("weighted", "times"), ("factor", "times_this"), ("logits", "scores"), ("pixels", "dots")], expect![""]);
    check(&[("let dataset", "let pictures"), ("dataset.", "pictures.")], expect![""]);
    check(&[("0.5", "0.50 @ \"Table 1\"")], expect![""]);
    check(
        &[
            (
                "infer alone {\n  data = dataset.val\n  each { image } { save gray = mean(image, axes = [1], keep = true) }\n}\n",
                "",
            ),
            (
                "train cls",
                "infer alone { data = dataset.val\n each { image } { save gray = image |> mean(axes = [1], keep = true) } }\ntrain cls",
            ),
        ],
        expect![""],
    );
}

#[test]
fn a_param_is_told_with_the_stages_that_run_again() {
    check(
        &[("lambda = 0.5", "lambda = 0.25")],
        expect![[r#"
        param lambda: 0.5 → 0.25
        train cls: changed, again true, because of []
          ~ affine scale=0.5 tiny.wsss:18:21 → affine scale=0.25 tiny.wsss:18:21
        infer maps: reads, again true, because of ["cls"]
    "#]],
    );
}

#[test]
fn settings_by_their_names() {
    check(
        &[("batch     = 4", "batch = 8"), ("random_crop(32)", "random_crop(16)")],
        expect![[r#"
        train cls: changed, again true, because of []
          setting batch: 4 → 8
          setting augmentation: random_crop(size = [32,32]) → random_crop(size = [16,16])
          cost work of a step: 72 FLOP → 144 FLOP
          cost steps: 4 → 2
          cost peak memory: 208 B → 400 B
        infer maps: reads, again true, because of ["cls"]
    "#]],
    );
    check(
        &[("images = 20", "images = 30")],
        expect![[r#"
        train cls: changed, again true, because of []
          setting data: scenes 20 32x32 2 classes seed 0 → scenes 30 32x32 2 classes seed 0
          cost steps: 4 → 6
        infer maps: changed, again true, because of ["cls"]
          setting data: scenes 20 32x32 2 classes seed 0 → scenes 30 32x32 2 classes seed 0
          cost steps: 4 → 6
          cost disk: 1000 B → 1.5 KiB
        infer alone: changed, again true, because of []
          setting data: scenes 20 32x32 2 classes seed 0 → scenes 30 32x32 2 classes seed 0
          cost steps: 4 → 6
          cost disk: 17.0 KiB → 25.5 KiB
    "#]],
    );
}

#[test]
fn nodes_that_come_and_go() {
    check(
        &[("let logits = net(tags)", "let logits = relu(net(tags))")],
        expect![[r#"
        train cls: changed, again true, because of []
          cost work of a step: 72 FLOP → 88 FLOP
          cost peak memory: 208 B → 240 B
          + relu tiny.wsss:17:18
        infer maps: reads, again true, because of ["cls"]
    "#]],
    );
    check(
        &[("save gray", "save grey")],
        expect![[r#"
        infer alone: changed, again true, because of []
          - save gray tiny.wsss:27:25
          + save grey tiny.wsss:27:25
    "#]],
    );
}

#[test]
fn stages_that_come_and_go() {
    let added = "infer other { data = dataset.val\n each { tags } { save t = 2 * tags } }\ninfer alone {";
    check(
        &[("infer alone {", added)],
        expect![[r#"
        infer other: added, again true, because of []
    "#]],
    );
}

/// Its result is there under its key, whatever it is called.
#[test]
fn a_stage_by_another_name_is_the_same() {
    let renamed = difference(RECIPE, &RECIPE.replace("infer alone", "infer other"));
    assert!(renamed.is_empty());
    assert_eq!(renamed.renamed["other"], "alone");
}

#[test]
fn what_a_stage_has_seen() {
    check(
        &[
            ("each { image }", "each { image, mask }"),
            ("save gray = mean(", "save gray = one_hot(mask, classes = dataset.classes + 1) + mean("),
        ],
        expect![[r#"
            infer alone: changed, again true, because of []
              seen seen: nothing → pixel(val)
              cost work of a step: 3.1 kFLOP → 9.2 kFLOP
              cost peak memory: 16.0 KiB → 44.0 KiB
              cost disk: 17.0 KiB → 49.0 KiB
              + field mask tiny.wsss:27:17
              + one_hot classes=[K + 1] tiny.wsss:27:38
              + add tiny.wsss:27:38
        "#]],
    );
}

#[test]
fn weights_that_begin_otherwise() {
    check(
        &[("ones()", "zeros()")],
        expect![[r#"
            train cls: changed, again true, because of []
              weight net.scale: [1, K] constant(1) → [1, K] constant(0)
            infer maps: reads, again true, because of ["cls"]
        "#]],
    );
}

/// One `let` of a random step: the op, and which earlier values it reads.
#[derive(Clone, Debug)]
struct Binding {
    op: usize,
    reads: [usize; 2],
}

/// A step of random `let`s over the tags, in the given order and under the given names.
fn step(bindings: &[Binding], order: &[usize], name: impl Fn(usize) -> String) -> String {
    let value = |at: usize| if at == 0 { "net(tags)".to_string() } else { name(at - 1) };
    let lets: String = order
        .iter()
        .map(|at| {
            let Binding { op, reads } = &bindings[*at];
            let [a, b] = reads.map(|read| value(read % (at + 1)));
            let expression = match op {
                0 => format!("{a} + {b}"),
                1 => format!("{a} * {b}"),
                2 => format!("relu({a})"),
                3 => format!("tanh({a})"),
                _ => format!("{a} * {op}"),
            };
            format!("    let {} = {expression}\n", name(*at))
        })
        .collect();
    let all: Vec<String> = (0..=bindings.len()).map(value).collect();
    let head = RECIPE.split("    let logits").next().unwrap();
    let tail = RECIPE.split("weighted(logits, lambda))\n").nth(1).unwrap();
    format!("{head}{lets}    loss cls = mean({})\n{tail}", all.join(" + "))
}

fn bindings() -> impl Strategy<Value = Vec<Binding>> {
    let binding = (0usize..8, [0usize..64, 0usize..64]).prop_map(|(op, reads)| Binding { op, reads });
    prop::collection::vec(binding, 1..8)
}

/// An order in which every binding still comes after what it reads, as `keys` would have it.
fn shuffled(bindings: &[Binding], keys: &[u32]) -> Vec<usize> {
    let reads = |at: usize| bindings[at].reads.map(|read| read % (at + 1));
    let mut order: Vec<usize> = Vec::new();
    while order.len() < bindings.len() {
        let ready = (0..bindings.len())
            .filter(|at| !order.contains(at))
            .filter(|at| reads(*at).iter().all(|read| *read == 0 || order.contains(&(read - 1))));
        let next = ready.min_by_key(|at| keys[*at]).unwrap();
        order.push(next);
    }
    order
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Independent statements may stand in any order, under any names, in any form.
    #[test]
    fn a_recipe_is_itself_however_it_is_written(bindings in bindings(), keys in prop::array::uniform8(any::<u32>())) {
        let plain: Vec<usize> = (0..bindings.len()).collect();
        let old = step(&bindings, &plain, |at| format!("v{at}"));
        let new = step(&bindings, &shuffled(&bindings, &keys), |at| format!("other_{}", 90 - at));
        let formatted = syntax::format(SourceId(0), &new).unwrap();
        prop_assert_eq!(difference(&old, &old), difference(&old, &old));
        prop_assert!(difference(&old, &old).is_empty());
        prop_assert!(difference(&old, &new).is_empty(), "{}\n{}", old, new);
        prop_assert!(difference(&old, &formatted).is_empty());
    }

    /// Another op anywhere is a difference: of that stage, and of the one that reads it.
    #[test]
    fn another_op_is_a_difference(bindings in bindings(), at in 0usize..8) {
        let plain: Vec<usize> = (0..bindings.len()).collect();
        let mut others = bindings.clone();
        let at = at % others.len();
        others[at].op = if others[at].op == 3 { 2 } else { 3 };
        let name = |at: usize| format!("v{at}");
        let difference = difference(&step(&bindings, &plain, name), &step(&others, &plain, name));
        let told: Vec<&str> = difference.stages.iter().map(|stage| stage.name.as_str()).collect();
        prop_assert_eq!(told, ["cls", "maps"]);
        prop_assert!(!difference.stages[0].nodes.is_empty());
        prop_assert_eq!(&difference.stages[1].because_of, &["cls"]);
    }
}

#[test]
fn the_shipped_recipes_are_themselves_after_fmt() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/pipelines");
    for entry in std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "wsss"))
    {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let loose = text.replace("  ", "    ").replace(" = ", "  =  ");
        assert!(difference(&text, &loose).is_empty(), "{:?}", entry.path());
    }
}
