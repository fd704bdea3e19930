//! Recipes that use recipes: stages are reused with their results, params are overridden by path.

use super::{Answer, Place, repository};

/// Another data set stands first, so that class counts have other names than in the used recipe alone.
const MINE: &str = r#"
supervision image

use "base.wsss" as base

param other = scenes(images = 10, size = 32, classes = 3)

variant quick {
  base.batch = 2
}

infer doubled {
  data = base.dataset.val with { map = base.maps.map }

  each { map, image } {
    save map = map * sigmoid(mean(base.cls.net(image)))
  }
}

score three {
  data = other.val

  each { tags } {
    metric share = mean(tags)
  }
}
"#;

const BASE: &str = r#"
supervision image

use nets { lenet_cam }
use losses { bce_with_logits }

param dataset = scenes(images = 12, size = 32, classes = 2)
param batch   = 4
param rate    = batch / 400

variant slow { rate = 0.001 }

train cls {
  data      = dataset.train |> random_flip |> random_crop(32) |> standardize()
  batch     = batch
  epochs    = 1
  optimizer = sgd(lr = rate)

  net net = lenet_cam(dataset.classes)

  step { image, tags } {
    loss cls = bce_with_logits(gap(dropout(net(image), p = 0.1)), tags)
  }
}

infer maps {
  data = dataset.val |> standardize()

  each { image } {
    save map = sigmoid(cls.net(image)) |> resize_like(image)
  }
}
"#;

fn place(mine: &str) -> Place {
    let place = Place::new();
    place.write("base.wsss", BASE).write("mine.wsss", mine);
    place
}

/// Stage and key of every stage that would run, in order.
fn keys(answer: Answer) -> Vec<(String, String)> {
    let objects = answer.expect_code(0).objects().into_iter().filter(|object| object["event"] == "stage_planned");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_string();
    objects.map(|object| (text(&object["stage"]), text(&object["key"]))).collect()
}

fn planned(place: &Place, recipe: &str, more: &[&str]) -> Vec<(String, String)> {
    keys(place.wsss(&[&["run", recipe, "--dry-run", "--json"], more].concat()))
}

#[test]
fn a_stage_has_one_key_from_wherever_it_is_used() {
    let place = place(MINE);
    let (mine, base) = (planned(&place, "mine.wsss", &[]), planned(&place, "base.wsss", &[]));
    let names: Vec<&str> = mine.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["base.cls", "base.maps", "doubled", "three"]);
    assert_eq!((&mine[0].1, &mine[1].1), (&base[0].1, &base[1].1));
    let (mine, base) =
        (planned(&place, "mine.wsss", &["--set", "base.batch=2"]), planned(&place, "base.wsss", &["--set", "batch=2"]));
    assert_eq!((&mine[0].1, &mine[1].1), (&base[0].1, &base[1].1));
}

#[test]
fn what_has_run_is_not_run_again() {
    let place = place(MINE);
    place.wsss(&["run", "base.wsss", "--quiet"]).expect_code(0);
    let answer = place.wsss(&["run", "mine.wsss"]).expect_code(0);
    assert!(answer.err.contains("base.cls: reused") && answer.err.contains("base.maps: reused"), "{}", answer.err);
    assert!(answer.err.contains("doubled: done in"), "{}", answer.err);
    place.wsss(&["run", "mine.wsss", "--until", "base.maps"]).expect_code(0);
}

#[test]
fn overrides_are_applied_from_the_inside_out_and_what_is_derived_follows() {
    let used = |line: &str| MINE.replace("use \"base.wsss\" as base\n", &format!("{line}\n"));
    let key = |recipe: &str, more: &[&str]| planned(&place(recipe), "mine.wsss", more)[0].1.clone();
    let base = |more: &[&str]| planned(&place(MINE), "base.wsss", more)[0].1.clone();
    let plain = base(&[]);
    assert_eq!(key(&used("use \"base.wsss\" as base with slow"), &[]), base(&["--variant", "slow"]));
    assert_eq!(key(&used("use \"base.wsss\" as base with slow { rate = 4 / 400 }"), &[]), plain);
    assert_eq!(key(&used("use \"base.wsss\" as base { batch = 3 }"), &[]), base(&["--set", "batch=3"]));
    // The variant of the recipe that runs is further out than the `use` line, `--set` than both.
    let three = used("use \"base.wsss\" as base { batch = 3 }");
    assert_eq!(key(&three, &["--variant", "quick"]), base(&["--set", "batch=2"]));
    assert_eq!(key(&three, &["--variant", "quick", "--set", "base.batch=4"]), plain);
    // A value sees the names of the recipe it is written in.
    let mine = used("use \"base.wsss\" as base { batch = half }\nparam half = 6 / 2");
    assert_eq!(key(&mine, &[]), base(&["--set", "batch=3"]));
    assert_eq!(key(&mine, &["--set", "half=4"]), plain);
}

#[test]
fn variants_compose_in_the_order_given() {
    let recipe = format!("{BASE}\nvariant four {{ batch = 4 }}\nvariant two {{ batch = 2 }}\n");
    let place = place(MINE);
    place.write("base.wsss", recipe);
    let key = |more: &[&str]| planned(&place, "base.wsss", more)[0].1.clone();
    assert_eq!(key(&["--variant", "four", "--variant", "two"]), key(&["--set", "batch=2"]));
    assert_eq!(key(&["--variant", "two", "--variant", "four"]), key(&[]));
}

#[test]
fn one_recipe_under_two_names_is_two() {
    let recipe = "use \"base.wsss\" as a\nuse \"base.wsss\" as b { batch = 2 }\nuse \"base.wsss\" as c\n\
        score s {\n  data = a.dataset.val with { x = a.maps.map, y = b.maps.map, z = c.maps.map }\n\
        each { x, y, z } { metric m = mean(x - y + z) }\n}\n";
    let place = place(recipe);
    let keys = planned(&place, "mine.wsss", &[]);
    let names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a.cls", "a.maps", "b.cls", "b.maps", "c.cls", "c.maps", "s"]);
    assert!(keys[0].1 != keys[2].1 && keys[0].1 == keys[4].1);
    let answer = place.wsss(&["run", "mine.wsss"]).expect_code(0);
    assert!(answer.err.contains("c.cls: reused") && answer.err.contains("c.maps: reused"), "{}", answer.err);
}

#[test]
fn a_used_recipe_may_be_given_what_a_stage_makes() {
    let second = r#"
param labels  = none
param dataset = scenes(images = 12, size = 32, classes = 2)

train seg {
  data      = dataset.train with { label = labels } |> random_crop(32)
  batch     = 2
  epochs    = 1
  optimizer = sgd(lr = 0.1)

  net net = conv(3, dataset.classes)

  step { image, label } {
    loss seg = mean(square(net(image) - label))
  }
}
"#;
    let mine = r#"
use "second.wsss" as second { labels = made.map }

infer made {
  data = second.dataset.train

  each { image } {
    save map = mean(image, axes = [1], keep = true)
  }
}

score end {
  data = second.dataset.val

  each { image } {
    metric m = mean(second.seg.net(image))
  }
}
"#;
    let place = place(mine);
    place.write("second.wsss", second);
    let answer = place.wsss(&["run", "mine.wsss"]).expect_code(0);
    assert!(answer.err.contains("second.seg: done in"), "{}", answer.err);
    let graph = place.wsss(&["graph", "mine.wsss"]).expect_code(0).out;
    assert!(graph.contains("infer made") && graph.contains("-- \"map\" -->"), "{graph}");
}

#[test]
fn a_set_that_nothing_reads_in_this_run_is_refused() {
    let recipe = BASE
        .replace("param dataset = scenes(images = 12,", "param images  = 12\nparam dataset = scenes(images = images,")
        + "variant eight { dataset = scenes(images = 8, size = 32, classes = 2) }\n";
    let place = place(MINE);
    place.write("base.wsss", recipe);
    place.wsss(&["check", "base.wsss", "--set", "images=10"]).expect_code(0);
    let answer = place.wsss(&["check", "base.wsss", "--set", "images=10", "--variant", "eight"]).expect_code(1);
    assert!(
        answer.err.contains("error[unused-override]: with the values of this run nothing reads `images`"),
        "{}",
        answer.err
    );
    let answer = place.wsss(&["check", "mine.wsss", "--set", "base.image=10"]).expect_code(1);
    assert!(
        answer.err.contains("error[unknown-param]") && answer.err.contains("did you mean `images`?"),
        "{}",
        answer.err
    );
}

/// What `expand` prints: a recipe that stands alone in an empty folder.
fn expanded(place: &Place, recipe: &str, more: &[&str]) -> (Place, String) {
    let text = place.wsss(&[&["expand", recipe], more].concat()).expect_code(0).out;
    let alone = Place::new();
    alone.write("expanded.wsss", &text);
    alone.wsss(&["fmt", "--check", "expanded.wsss"]).expect_code(0);
    alone.wsss(&["check", "expanded.wsss"]).expect_code(0);
    assert_eq!(alone.wsss(&["expand", "expanded.wsss"]).expect_code(0).out, text);
    (alone, text)
}

#[test]
fn an_expanded_recipe_has_the_same_stages() {
    let place = place(MINE);
    for more in [
        &[][..],
        &["--variant", "quick"],
        &["--variant", "quick", "--set", "base.batch=3"],
        &["--set", "base.rate=0.5", "--set", "other=scenes(images = 8, size = 32)"],
    ] {
        let (alone, text) = expanded(&place, "mine.wsss", more);
        let (before, after) = (planned(&place, "mine.wsss", more), planned(&alone, "expanded.wsss", &[]));
        let names: Vec<&str> = after.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["cls", "maps", "doubled", "three"], "{text}");
        for ((name, before), (_, after)) in before.iter().zip(&after) {
            // It knows the stages that it reads by other names.
            assert_eq!(before == after, name != "doubled", "{name}\n{text}");
        }
    }
    let (_, text) = expanded(&place, "mine.wsss", &["--variant", "quick", "--set", "base.rate=0.5"]);
    let lines: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in ["param batch = 2 // variant quick", "param rate = 0.5 // --set"] {
        assert!(lines.iter().any(|other| other == line), "{line}\n{text}");
    }
    assert!(text.contains("// default"), "{text}");
    let (alone, text) = expanded(&place, "base.wsss", &["--variant", "slow", "--set", "batch=6 / 2"]);
    let line = text.lines().find(|line| line.starts_with("param rate")).expect("there is such a param");
    assert_eq!(line.split_whitespace().collect::<Vec<_>>().join(" "), "param rate = 0.001 // variant slow");
    let more = ["--variant", "slow", "--set", "batch=6 / 2"];
    assert_eq!(planned(&place, "base.wsss", &more), planned(&alone, "expanded.wsss", &[]), "{text}");
}

#[test]
fn every_shipped_recipe_expands_to_one_with_the_same_stages() {
    for (path, variants) in shipped() {
        let place = Place::new();
        let text = std::fs::read_to_string(repository(&path)).expect("it is there");
        let alone = !text.lines().any(|line| line.starts_with("use \""));
        for (other, _) in shipped() {
            place
                .write(other.trim_start_matches("pipelines/"), std::fs::read(repository(&other)).expect("it is there"));
        }
        place.write("recipe.wsss", text);
        for variant in [None].into_iter().chain(variants.iter().map(Some)) {
            let more = variant.map_or(Vec::new(), |name| vec!["--variant", name.as_str()]);
            let text = place.wsss(&[&["expand", "recipe.wsss"], &more[..]].concat()).expect_code(0).out;
            place.write("expanded.wsss", &text).wsss(&["fmt", "--check", "expanded.wsss"]).expect_code(0);
            place.wsss(&["check", "expanded.wsss"]).expect_code(0);
            let of_one = variant.map_or(Vec::new(), |name| vec!["--variant-a", name.as_str()]);
            let diff = place.wsss(&[&["diff", "recipe.wsss", "expanded.wsss", "--json"], &of_one[..]].concat());
            let difference = &diff.objects()[0]["difference"];
            // Stages of a used recipe have other names then.
            assert!(!alone || difference["stages"] == serde_json::json!([]), "{path} {variant:?}\n{text}");
            assert_eq!(difference["recipe"], serde_json::json!([]), "{path} {variant:?}");
            // Pictures that the program draws are there, so the keys are known.
            if alone && variant.is_some_and(|name| name == "quick") {
                let (before, after) = (planned(&place, "recipe.wsss", &more), planned(&place, "expanded.wsss", &[]));
                assert_eq!(before, after, "{path}");
            }
        }
    }
}

/// The recipes in `pipelines/` with the names of their variants.
fn shipped() -> Vec<(String, Vec<String>)> {
    let files = std::fs::read_dir(repository("pipelines")).expect("it is there").flatten();
    let paths = files.map(|file| format!("pipelines/{}", file.file_name().to_string_lossy()));
    let with_variants = paths.filter(|path| path.ends_with(".wsss")).map(|path| {
        let text = std::fs::read_to_string(repository(&path)).expect("text");
        let names = text.lines().filter_map(|line| line.strip_prefix("variant ")?.split_whitespace().next());
        let names = names.map(String::from).collect();
        (path, names)
    });
    with_variants.collect()
}

/// What another recipe would have read without an override takes no part, also by way of a `let`.
#[test]
fn a_stage_that_only_a_replaced_default_reads_does_not_run() {
    let stage = |name: &str, factor: &str| {
        format!(
            "infer {name} {{
  data = dataset.val
  each {{ image }} {{ save map = {factor} * mean(image, axes = [1], keep = true) / 255 }}
}}
"
        )
    };
    let dataset = "supervision image

param dataset = scenes(images = 12, size = 32, classes = 2)

";
    let base = format!(
        "{dataset}{}let usual = [grey.map]
param maps = usual[0]

score means {{
  data = dataset.val with {{ map = maps }}
  each {{ map }} {{ metric mean = mean(map) }}
}}
",
        stage("grey", "1")
    );
    let top = format!(
        "use \"base.wsss\" as base {{ maps = own.map }}

{dataset}{}score figures {{
  data = dataset.val
  each {{ image }} {{ metric mean = mean(image) * base.means.mean }}
}}
",
        stage("own", "0.5")
    );
    let place = Place::new();
    place.write("base.wsss", base).write("top.wsss", top);
    let pipeline = place.wsss(&["graph", "top.wsss", "--format", "mermaid"]).expect_code(0).out;
    assert!(pipeline.contains("base.means") && pipeline.contains("own"), "{pipeline}");
    assert!(!pipeline.contains("grey"), "{pipeline}");
}
