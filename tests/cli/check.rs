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
fn one_object_holds_all_that_a_program_wants_to_know() {
    let place = Place::new();
    place.write("a.wsss", "// grün\nlet a = 1 / 0\n").write("tiny.wsss", TINY);
    let answer = place.wsss(&["check", "a.wsss", "tiny.wsss", "none.wsss", "--format", "json"]).expect_code(1);
    let [wrong, right, none] = answer.objects().try_into().expect("an object a recipe");
    expect![[r#"{"schema":1,"recipe":"a.wsss","errors":1,"warnings":0,"problems":[{"severity":"error","code":"division-by-zero","message":"division by zero","labels":[{"file":"a.wsss","line":2,"column":13,"end_line":2,"end_column":14,"start":21,"end":22,"text":"this is 0"}],"help":"guard it with `if`, or divide by something that is never 0"}],"stages":[]}"#]]
        .assert_eq(&wrong.to_string());
    let names: Vec<&str> =
        right["stages"].as_array().expect("stages").iter().filter_map(|s| s["name"].as_str()).collect();
    assert_eq!((names, right["errors"].as_u64()), (vec!["cls", "maps", "seeds"], Some(0)));
    let stage = &right["stages"][0];
    for figure in ["parameters", "flops", "flops_forward", "flops_total", "images", "steps", "nodes"] {
        assert!(stage[figure].as_u64().is_some(), "{figure}: {stage}");
    }
    assert_eq!(stage["ops"][0]["op"], "conv2d");
    assert_eq!(none["problems"][0]["code"], "cannot-read");
    assert!(answer.err.contains("error[division-by-zero]"), "{}", answer.err);
}

#[test]
fn too_little_memory_is_said_before_anything_starts() {
    let place = Place::new();
    place.write("tiny.wsss", TINY);
    let answer = place.wsss(&["check", "tiny.wsss", "--mem", "100KiB", "--workers", "2"]).expect_code(1);
    for words in
        ["error[too-much-memory]: `cls` takes", "allowed are 100.0 KiB", "the peak is here, at `", "`maps` takes"]
    {
        assert!(answer.err.contains(words), "{words} is not in:\n{}", answer.err);
    }
    let answer = place.wsss(&["run", "tiny.wsss", "--mem", "100KiB"]).expect_code(1);
    assert!(answer.err.contains("error[too-much-memory]") && !place.path("runs").exists(), "{}", answer.err);
    place.wsss(&["check", "tiny.wsss", "--mem", "1GiB"]).expect_code(0);
    let answer = place.wsss(&["check", "tiny.wsss", "--mem", "11"]).expect_code(2);
    assert!(answer.err.contains("with its unit"), "{}", answer.err);
    // A stage that is not asked for takes nothing.
    let words = ["run", "tiny.wsss", "--mem", "100KiB", "--only", "seeds", "--dry-run", "--workers", "1"];
    let answer = place.wsss(&words).expect_code(1);
    assert!(!answer.err.contains("too-much-memory") && answer.err.contains("`maps`"), "{}", answer.err);
}

#[test]
fn the_room_on_disk_is_what_a_run_takes() {
    let place = Place::new();
    let answer = place.write("tiny.wsss", TINY).wsss(&["check", "tiny.wsss", "--format", "json"]).expect_code(0);
    let stages = answer.objects()[0]["stages"].clone();
    place.wsss(&["run", "tiny.wsss", "--quiet", "--workers", "1"]).expect_code(0);
    let store = place.path("runs/store");
    let mut compared = 0;
    for folder in std::fs::read_dir(store).expect("a store").flatten().map(|entry| entry.path()) {
        let Ok(text) = std::fs::read_to_string(folder.join("stage.json")) else { continue };
        let record: serde_json::Value = serde_json::from_str(&text).expect("a record");
        let stage = stages.as_array().expect("a list").iter().find(|stage| stage["name"] == record["stage"]);
        let predicted = stage.and_then(|stage| stage["disk"]["total"].as_u64()).expect("a figure");
        let files = walkdir::WalkDir::new(&folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
        let artifacts = files.filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|ending| ["npz", "png", "safetensors"].iter().any(|known| ending == *known))
        });
        let found: u64 = artifacts.map(|entry| entry.metadata().expect("a file").len()).sum();
        if predicted > 0 {
            // A map of no zeros lies in its file as it is; the names in a file of weights are beside what is counted.
            let ratio = found as f64 / predicted as f64;
            assert!((0.95..=1.1).contains(&ratio), "{}: {predicted} bytes predicted, {found} found", record["stage"]);
            compared += 1;
        }
    }
    assert_eq!(compared, 2);
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

#[test]
fn constants_say_where_they_come_from() {
    let place = Place::new();
    place.write("a.wsss", "param lambda = 0.5\nparam crop = 448 @ \"sec. 4\"\nlet x = lambda * crop + 1\n");
    let answer = place.wsss(&["check", "a.wsss", "--cite"]).expect_code(1);
    expect![[r#"
        a.wsss:1:16: lambda = 0.5 has no citation
        1 of 2 constants have no citation: write `0.5 @ "sec. 4.1"`
        a.wsss: no problems, 0 stages
    "#]]
    .assert_eq(&answer.out);
    let objects = place.wsss(&["check", "a.wsss", "--cite", "--json"]).expect_code(1).objects();
    assert_eq!((&objects[1]["type"], &objects[1]["citation"]), (&"constant".into(), &"sec. 4".into()));
    let object = place.wsss(&["check", "a.wsss", "--cite", "--format", "json"]).expect_code(1).objects();
    assert_eq!(object[0]["constants"][0]["citation"], serde_json::Value::Null);
    place.write("a.wsss", "param crop = 448 @ \"sec. 4\"\n").wsss(&["check", "a.wsss", "--cite"]).expect_code(0);
}
