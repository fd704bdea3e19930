//! `wsss graph`.

use expect_test::expect;

use super::{Place, TINY};

fn tiny() -> Place {
    let place = Place::new();
    place.write("tiny.wsss", TINY);
    place
}

#[test]
fn the_pipeline_in_three_formats() {
    let place = tiny();
    expect![[r#"
        flowchart LR
          s0["train cls"]
          s1["infer maps"]
          s2["score seeds"]
          s0 -- "net" --> s1
          s1 -- "map" --> s2
    "#]]
    .assert_eq(&place.wsss(&["graph", "tiny.wsss"]).expect_code(0).out);
    assert!(
        place.wsss(&["graph", "tiny.wsss", "--format", "dot"]).expect_code(0).out.starts_with("digraph pipeline {")
    );
    let json = place.wsss(&["graph", "tiny.wsss", "--format", "json"]).expect_code(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["stages"][0]["name"], "cls");
}

#[test]
fn a_step_graph_before_and_after_passes() {
    let place = tiny();
    let nodes = |words: &[&str]| {
        let words = [&["graph", "tiny.wsss", "--stage", "cls", "--format", "json"], words].concat();
        let json: serde_json::Value = serde_json::from_str(&place.wsss(&words).expect_code(0).out).expect("JSON");
        json["nodes"].as_array().expect("a list").len()
    };
    let (written, differentiated, improved) = (nodes(&["--before"]), nodes(&["--after", "drop-dead"]), nodes(&[]));
    assert!(written < improved, "gradients are part of the graph that runs: {written} and {improved}");
    assert!(improved <= differentiated, "later passes leave no more than the first: {improved} and {differentiated}");
    assert!(nodes(&["--skip", "merge-duplicates"]) >= improved);
}

#[test]
fn wrong_names_are_told() {
    let place = tiny();
    let answer = place.wsss(&["graph", "tiny.wsss", "--stage", "clas"]).expect_code(1);
    assert!(
        answer.err.contains("error[unknown-stage]") && answer.err.contains("did you mean `cls`?"),
        "{}",
        answer.err
    );
    let answer = place.wsss(&["graph", "tiny.wsss", "--stage", "cls", "--after", "drop-ded"]).expect_code(2);
    assert!(answer.err.contains("did you mean `drop-dead`?"), "{}", answer.err);
    place.wsss(&["graph", "tiny.wsss", "--format", "svgz"]).expect_code(2);
    place.wsss(&["graph", "tiny.wsss", "--before"]).expect_code(2);
}

#[test]
fn pictures_need_no_other_program() {
    let place = Place::new();
    place.write("tiny.wsss", TINY);
    let answer = place.wsss(&["graph", "tiny.wsss", "--format", "svg"]).expect_code(0);
    for words in ["<svg xmlns=", ">train cls<", ">infer maps<", "pixel labels", "</svg>"] {
        assert!(answer.out.contains(words), "{words} is not in:\n{}", answer.out);
    }
    let words = ["graph", "tiny.wsss", "--stage", "cls", "--format", "svg"];
    let step = place.wsss(&words).expect_code(0).out;
    assert!(step.contains(">conv2d<") && step.contains(">loss cls<"), "{step}");
    assert_eq!(step, place.wsss(&words).out);
}

#[test]
fn a_refresh_has_a_graph_and_a_line_of_its_own() {
    let place = Place::new();
    place.write(
        "memory.wsss",
        "use data { scenes }
         let d = scenes()
         train t {
           data      = d.train |> random_crop(32) |> standardize
           batch     = 4
           epochs    = 8
           optimizer = sgd(lr = 0.1)
           net n     = conv(3, 1)
           memory map: real[1, H, W] = 0
           refresh map from epoch 2 every 3 epochs { image } { n(image) }
           step { image, map } { loss keep = mean(square(n(image) - map)) }
         }",
    );
    let graph = place.wsss(&["graph", "memory.wsss", "--stage", "t", "--refresh", "map"]).expect_code(0);
    assert!(graph.out.contains("save map") && !graph.out.contains("grad"), "{}", graph.out);
    let unknown = place.wsss(&["graph", "memory.wsss", "--stage", "t", "--refresh", "maps"]).expect_code(2);
    assert!(unknown.err.contains("did you mean `map`?"), "{}", unknown.err);
    let check = place.wsss(&["check", "memory.wsss", "--explain"]).expect_code(0);
    let line = "  refresh map from epoch 2 every 3 epochs: ";
    assert!(check.out.contains(line) && check.out.contains("    2 times over"), "{}", check.out);
}

#[test]
fn a_validation_has_a_graph_and_a_line_of_its_own() {
    let place = Place::new();
    place.write(
        "held.wsss",
        "use data { scenes }
         let d = scenes(images = 20, size = 32)
         train t {
           data       = d.train |> random_crop(32) |> standardize
           validation = d.val |> standardize
           batch      = 4
           epochs     = 5
           optimizer  = sgd(lr = 0.1)
           net n      = conv(3, 1)
           step { image } { loss keep = mean(square(n(image))) }
           validate every 2 epochs { image } { metric held = mean(n(image)) }
         }
         infer i {
           data = d.val |> standardize
           each { image } { save map = t.n(image) }
         }",
    );
    let graph = place.wsss(&["graph", "held.wsss", "--stage", "t", "--validation"]).expect_code(0);
    assert!(graph.out.contains("metric held") && !graph.out.contains("grad"), "{}", graph.out);
    let without = place.wsss(&["graph", "held.wsss", "--stage", "i", "--validation"]).expect_code(2);
    assert!(without.err.contains("`i` is not validated"), "{}", without.err);
    let check = place.wsss(&["check", "held.wsss", "--explain"]).expect_code(0);
    let line = "  validate every 2 epochs: ";
    assert!(check.out.contains(line) && check.out.contains("    3 times over 4 pictures"), "{}", check.out);
}

#[test]
fn a_picture_says_when_a_loss_counts() {
    let place = Place::new();
    place.write("late.wsss", TINY.replace("gap(net(image)), tags)", "gap(net(image)), tags) until step 1"));
    let drawn =
        |format: &str| place.wsss(&["graph", "late.wsss", "--stage", "cls", "--format", format]).expect_code(0).out;
    assert!(drawn("mermaid").contains("cls until step 1"), "{}", drawn("mermaid"));
    assert!(!drawn("json").contains("until step 1"));
}
