//! `wsss runs`: what ran before.

use super::{Place, TINY};

/// Three runs, the last one stopped on the way.
fn place() -> Place {
    let recipe = TINY.replace("  epochs = 2\n", "  epochs = 2\n  expect cls.accuracy = 0.5\n");
    let recipe = recipe.replace("    loss cls =", "    metric accuracy = mean(gap(net(image)))\n    loss cls =");
    let place = Place::new();
    place.write("tiny.wsss", recipe);
    for more in [&[][..], &["--variant", "longer"], &["--limit", "8", "--seed", "3", "--until", "cls"]] {
        place.wsss(&[&["run", "tiny.wsss", "--quiet"], more].concat()).expect_code(0);
    }
    place
}

#[test]
fn the_newest_run_stands_first_with_what_was_chosen_and_what_came_out() {
    let place = place();
    let answer = place.wsss(&["runs"]).expect_code(0);
    let lines: Vec<&str> = answer.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", answer.out);
    assert!(lines.iter().all(|line| line.starts_with("tiny  2") && line.contains("  tiny-2")), "{}", answer.out);
    assert!(lines[0].contains("seed 3, the first 8 images") && lines[0].ends_with("1 of 3 stages"), "{}", answer.out);
    assert!(lines[1].contains("  longer  ") && lines[1].contains("cls.accuracy "), "what is stated: {}", answer.out);
    assert!(!lines[1].contains("seeds.map_iou"), "{}", answer.out);
    assert!(lines[2].contains("  seeds.map_iou 0."), "the last stage: {}", answer.out);
}

#[test]
fn json_has_all_figures_of_all_stages() {
    let place = place();
    place.write("runs/notes/readme.txt", "no run").write("runs/broken/wsss.lock", "no lock");
    let objects = place.wsss(&["runs", "runs", "--json"]).expect_code(0).objects();
    let field = |name: &str| objects.iter().map(|object| object[name].to_string()).collect::<Vec<_>>();
    assert_eq!(field("type"), ["\"run\""; 3]);
    assert_eq!(field("recipe"), ["\"tiny\""; 3]);
    assert_eq!(field("variants"), ["[]", "[\"longer\"]", "[]"]);
    assert_eq!(
        (field("seed"), field("limit")),
        (["3", "0", "0"].map(String::from).to_vec(), ["8", "null", "null"].map(String::from).to_vec())
    );
    assert_eq!((field("done"), field("stages")[0].as_str()), (["1", "3", "3"].map(String::from).to_vec(), "3"));
    let plain: serde_json::Value = serde_json::from_str(
        &place.read(&format!("{}/metrics.json", objects[1]["folder"].as_str().expect("a folder"))),
    )
    .expect("JSON");
    assert_eq!(objects[1]["metrics"], plain);
    assert_eq!(objects[1]["main"]["cls.accuracy"], plain["cls"]["accuracy"]);
}

#[test]
fn a_folder_without_runs_and_one_that_is_not_there() {
    let place = Place::new();
    let answer = place.wsss(&["runs"]).expect_code(1);
    assert!(answer.err.contains("error[cannot-read]: there is no folder `runs`"), "{}", answer.err);
    place.write("file", "").write("empty/note", "");
    assert_eq!(place.wsss(&["runs", "empty"]).expect_code(0).out, "no runs in `empty`\n");
    place.wsss(&["runs", "file"]).expect_code(1);
}
