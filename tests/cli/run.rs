//! `wsss run`, on a recipe that takes a second.

use super::Place;

#[test]
fn a_recipe_that_is_wrong_is_not_run() {
    let place = Place::new();
    let answer = place.write("a.wsss", "let a = 1 / 0\n").wsss(&["run", "a.wsss"]).expect_code(1);
    assert!(answer.err.contains("error[division-by-zero]") && !place.path("runs").exists(), "{}", answer.err);
}
