//! `wsss bench`.

use super::{Place, TINY};

#[test]
fn a_stage_that_trains_and_one_that_does_not() {
    let place = Place::new();
    place.write("tiny.wsss", TINY);
    let answer = place.wsss(&["bench", "tiny.wsss", "--stage", "cls", "--seconds", "0"]).expect_code(0);
    for words in ["train cls", "pictures a second", "moving the weights", "conv2d.grad_weight"] {
        assert!(answer.out.contains(words), "{words}: {}", answer.out);
    }
    let object =
        &place.wsss(&["bench", "tiny.wsss", "--stage", "maps", "--seconds", "0", "--json"]).expect_code(0).objects()[0];
    assert_eq!((&object["type"], &object["stage"]), (&"bench".into(), &"maps".into()));
    assert_eq!(object["steps"].as_array().map(Vec::len), Some(3), "{object}");
    assert!(object["flops"].as_u64() > Some(0) && object["images_per_s"].as_f64() > Some(0.0), "{object}");
    assert!(!place.path("runs").exists(), "nothing is kept");
}

#[test]
fn a_stage_that_is_not_there() {
    let place = Place::new();
    place.write("tiny.wsss", TINY);
    let answer = place.wsss(&["bench", "tiny.wsss", "--stage", "clas"]).expect_code(2);
    expect_test::expect![[r#"
        error: there is no stage `clas`
          help: did you mean `cls`?  stages: `cls`, `maps`, `seeds`
    "#]]
    .assert_eq(&answer.err);
}
