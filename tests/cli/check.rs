//! `wsss check`.

use expect_test::expect;

use super::{Place, TINY, repository, wsss};

#[test]
fn a_right_recipe_has_no_problems() {
    let place = Place::new();
    let answer = place.write("tiny.wsss", TINY).wsss(&["check", "tiny.wsss"]).expect_code(0);
    assert_eq!((answer.out.as_str(), answer.err.as_str()), ("tiny.wsss: no problems, 3 stages\n", ""));
}

#[test]
fn every_problem_is_drawn_and_counted() {
    let place = Place::new();
    place.write("two.wsss", "let a = 1 / 0\nlet grün = 1\nlet b = {\nlet c = nothing_here\n");
    let answer = place.wsss(&["check", "two.wsss"]).expect_code(1);
    assert!(
        answer.err.contains("error[division-by-zero]") && answer.err.contains("error[unknown-name]"),
        "{}",
        answer.err
    );
    assert!(answer.err.contains("error[syntax]") && answer.out.starts_with("two.wsss: "), "{}", answer.err);
}

#[test]
fn a_message_as_it_is_drawn() {
    let place = Place::new();
    let answer =
        place.write("a.wsss", "param lambda = 1\nlet twice = 2 * lamda\n").wsss(&["check", "a.wsss"]).expect_code(1);
    expect![[r#"
        error[unknown-name]: nothing here is called `lamda`
          ╭─[a.wsss:2:17]
        2 │ let twice = 2 * lamda
          ·                 ──┬──
          ·                   ╰── not known
          ╰────
          help: did you mean `lambda`?
    "#]]
    .assert_eq(&answer.err);
    expect![[r#"
        a.wsss: 1 error
    "#]]
    .assert_eq(&answer.out);
}

#[test]
fn json_gives_an_object_a_diagnostic() {
    let place = Place::new();
    let answer = place.write("a.wsss", "let a = 1 / 0\n").wsss(&["check", "a.wsss", "--json"]).expect_code(1);
    let objects = answer.objects();
    assert_eq!(objects[0]["type"], "diagnostic");
    assert_eq!(objects[0]["code"], "division-by-zero");
    assert_eq!((&objects[0]["labels"][0]["line"], &objects[0]["labels"][0]["column"]), (&1.into(), &13.into()));
    assert_eq!(objects[1], serde_json::json!({ "type": "checked", "recipe": "a.wsss", "errors": 1, "warnings": 0 }));
}

#[test]
fn warnings_are_no_failure() {
    let place = Place::new();
    let answer = place.write("a.wsss", "use losses { bce_with_logits }\n").wsss(&["check", "a.wsss"]).expect_code(0);
    assert!(answer.err.starts_with("warning[unused-import]") && answer.out.contains("1 warning"), "{}", answer.err);
}

#[test]
fn what_is_no_recipe_is_a_diagnostic() {
    let place = Place::new();
    place.write("folder/a.wsss", "").write("latin.wsss", b"let a = \"\xfc\"\n");
    for (path, says) in [
        ("missing.wsss", "cannot read `missing.wsss`: there is no such file"),
        ("folder", "cannot read `folder`: it is a folder"),
        ("latin.wsss", "cannot read `latin.wsss`: it is not text in UTF-8"),
    ] {
        let answer = place.wsss(&["check", path]).expect_code(1);
        assert!(answer.err.starts_with("error[cannot-read]") && answer.err.contains(says), "{}", answer.err);
    }
}

#[test]
fn an_empty_recipe_and_an_unclosed_brace() {
    let place = Place::new();
    place.write("empty.wsss", "").write("brace.wsss", "{").write("garbage.wsss", "({[".repeat(300_000));
    assert!(place.wsss(&["check", "empty.wsss"]).expect_code(1).err.contains("error[empty-recipe]"));
    assert!(place.wsss(&["check", "brace.wsss"]).expect_code(1).err.contains("error[syntax]"));
    let answer = place.wsss(&["check", "garbage.wsss"]).expect_code(1);
    assert!(answer.err.len() < 100_000, "{} bytes of messages", answer.err.len());
}

#[test]
fn variants_and_sets_decide_params() {
    let place = Place::new();
    place.write("tiny.wsss", TINY);
    place.wsss(&["check", "tiny.wsss", "--variant", "longer", "--set", "epochs=3"]).expect_code(0);
    let answer = place.wsss(&["check", "tiny.wsss", "--variant", "shorter"]).expect_code(1);
    assert!(answer.err.contains("error[unknown-variant]") && answer.err.contains("`longer`"), "{}", answer.err);
    let answer = place.wsss(&["check", "tiny.wsss", "--set", "epoch=3"]).expect_code(1);
    assert!(
        answer.err.contains("error[unknown-param]") && answer.err.contains("did you mean `epochs`?"),
        "{}",
        answer.err
    );
    let answer = place.wsss(&["check", "tiny.wsss", "--set", "epochs=[1"]).expect_code(1);
    assert!(answer.err.contains("--set epochs"), "{}", answer.err);
}

#[test]
fn explain_shows_what_passes_save_and_steps_cost() {
    let place = Place::new();
    let answer = place.write("tiny.wsss", TINY).wsss(&["check", "tiny.wsss", "--explain"]).expect_code(0);
    for words in ["train cls", "infer maps", "drop-dead", "parameters", "FLOP", "peak memory"] {
        assert!(answer.out.contains(words), "{words} is not in:\n{}", answer.out);
    }
    let objects = place.wsss(&["check", "tiny.wsss", "--explain", "--json"]).expect_code(0).objects();
    let stage = objects.iter().find(|object| object["type"] == "stage" && object["name"] == "cls").expect("a stage");
    assert!(stage["parameters"].as_u64() > Some(100) && stage["memory"]["peak"].as_u64() > Some(1000), "{stage}");
    assert!(stage["nodes"].as_u64() <= stage["differentiated"].as_u64(), "passes do not add nodes");
}

#[test]
fn the_shipped_recipes_are_right_in_every_variant() {
    for recipe in wsss(&["list", "--json"]).expect_code(0).objects() {
        let path = repository(recipe["path"].as_str().expect("a path"));
        let path = path.to_str().expect("a path in UTF-8");
        wsss(&["check", path]).expect_code(0);
        for variant in recipe["variants"].as_array().expect("a list") {
            wsss(&["check", path, "--variant", variant.as_str().expect("a name")]).expect_code(0);
        }
    }
}
