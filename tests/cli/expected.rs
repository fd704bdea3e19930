//! `expect`: what is stated, beside what came out.

use super::{Place, TINY};

fn place() -> Place {
    let recipe = TINY.replace("  epochs = 2\n", "  epochs = 2\n  expect seeds.map_iou = 0.5 +- 0.5\n")
        + "\nexpect seeds.map_iou = 2 +- 0.1 @ \"Table 1\"\n";
    let place = Place::new();
    place.write("tiny.wsss", recipe);
    place
}

#[test]
fn a_run_ends_with_expected_against_got() {
    let place = place();
    let answer = place.wsss(&["run", "tiny.wsss"]).expect_code(0);
    assert!(
        answer.out.contains("seeds.map_iou  2 +- 0.1  0.") && answer.out.contains("outside   (Table 1)"),
        "{}",
        answer.out
    );
    assert!(!answer.out.contains("another setting"), "{}", answer.out);
    let answer = place.wsss(&["run", "tiny.wsss", "--json", "--variant", "longer"]).expect_code(0);
    let last = answer.objects().pop().expect("something is said");
    assert_eq!((&last["expected"][0]["inside"], &last["expected"][0]["variant"]), (&true.into(), &"longer".into()));
    let folder = last["folder"].as_str().expect("a folder");
    let kept: serde_json::Value = serde_json::from_str(&place.read(&format!("{folder}/expected.json"))).expect("JSON");
    assert_eq!(kept, last["expected"]);
}

#[test]
fn another_setting_is_told() {
    let place = place();
    for more in [&["--set", "epochs=1"][..], &["--limit", "8"], &["--variant", "longer", "--set", "epochs=1"]] {
        let answer = place.wsss(&[&["run", "tiny.wsss"], more].concat()).expect_code(0);
        assert!(
            answer.out.contains("this run has another setting") && !answer.out.contains("side  "),
            "{}",
            answer.out
        );
    }
    let answer = place.wsss(&["run", "tiny.wsss", "--until", "cls"]).expect_code(0);
    assert!(answer.out.contains("not run"), "{}", answer.out);
}

#[test]
fn what_is_expected_changes_no_key() {
    let place = place();
    place.wsss(&["run", "tiny.wsss", "--quiet"]).expect_code(0);
    let other = place.read("tiny.wsss").replace("= 2 +- 0.1", "= 0.9 +- 0.1");
    let answer = place.write("tiny.wsss", other).wsss(&["run", "tiny.wsss", "--dry-run"]).expect_code(0);
    assert_eq!(answer.out.matches("reused").count(), 3, "{}", answer.out);
}
