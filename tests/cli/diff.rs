//! `wsss diff` and `wsss why`.

use expect_test::expect;

use super::{Place, TINY};

fn tiny() -> Place {
    let place = Place::new();
    place
        .write("tiny.wsss", TINY)
        .write("other.wsss", TINY.replace("sigmoid(", "relu(").replace("lr = 0.01", "lr = 0.02"));
    place
}

#[test]
fn a_recipe_and_itself_written_otherwise_mean_the_same() {
    let place = tiny();
    place.write("again.wsss", TINY.replace("  ", "    ").replace("epochs  = 1", "epochs = 1.0 @ \"Table 1\""));
    let answer = place.wsss(&["diff", "tiny.wsss", "again.wsss"]).expect_code(0);
    assert_eq!(answer.out, "tiny.wsss and again.wsss mean the same\n");
    assert!(place.wsss(&["diff", "tiny.wsss", "tiny.wsss", "--md"]).expect_code(0).out.contains("mean the same"));
    let object = &place.wsss(&["diff", "tiny.wsss", "tiny.wsss", "--json"]).expect_code(0).objects()[0];
    assert_eq!((&object["same"], &object["schema"]), (&true.into(), &1.into()));
}

#[test]
fn what_differs_is_told_by_stage() {
    let answer = tiny().wsss(&["diff", "tiny.wsss", "other.wsss"]).expect_code(1);
    expect![[r#"
        train cls: runs again
          ~ optimizer  sgd(lr = 0.01, momentum = 0, weight_decay = 0, nesterov = false) → sgd(lr = 0.02, momentum = 0, weight_decay = 0, nesterov = false)
        infer maps: runs again, and reads cls
          - sigmoid (tiny.wsss:32:16)  unit[B, K, ceil(H/4), ceil(W/4)]
          + relu (other.wsss:32:16)    nonneg[B, K, ceil(H/4), ceil(W/4)]
        score seeds: runs again, and reads maps
          ~ field map (other.wsss:39:10)  unit[B, K, H, W] → nonneg[B, K, H, W]
    "#]].assert_eq(&answer.out);
}

#[test]
fn two_variants_of_one_recipe() {
    let place = tiny();
    let answer = place.wsss(&["diff", "tiny.wsss", "tiny.wsss", "--variant-b", "longer"]).expect_code(1);
    expect![[r#"
        params
          ~ epochs  1 → 2
        train cls: runs again
          ~ length  1 epochs → 2 epochs
          ~ steps   1 → 2
        infer maps: runs again, it reads cls
        score seeds: runs again, it reads maps
    "#]]
    .assert_eq(&answer.out);
    let both = ["diff", "tiny.wsss", "tiny.wsss", "--variant", "longer"];
    place.wsss(&both).expect_code(0);
    let words = ["diff", "tiny.wsss", "tiny.wsss", "--set", "epochs=3", "--set-b", "epochs=4", "--md"];
    let answer = place.wsss(&words).expect_code(1);
    assert!(answer.out.contains("| ~ | epochs | 3 | 4 |"), "{}", answer.out);
    let words = ["diff", "tiny.wsss", "tiny.wsss", "--variant-b", "longer", "--json"];
    let object = &place.wsss(&words).expect_code(1).objects()[0];
    assert_eq!(object["difference"]["params"][0]["name"], "epochs");
    assert_eq!(object["difference"]["stages"][1]["because_of"], serde_json::json!(["cls"]));
}

#[test]
fn a_wrong_recipe_is_told_and_compared_with_nothing() {
    let place = tiny();
    place.write("wrong.wsss", "let a = 1 / 0\n");
    let answer = place.wsss(&["diff", "tiny.wsss", "wrong.wsss"]).expect_code(1);
    assert!(answer.err.contains("error[division-by-zero]") && answer.out.is_empty(), "{}{}", answer.out, answer.err);
    place.wsss(&["diff", "tiny.wsss", "none.wsss"]).expect_code(1);
}

#[test]
fn figures_stand_beside_one_another_where_both_have_run() {
    let place = tiny();
    let figures = || place.wsss(&["diff", "tiny.wsss", "other.wsss", "--json"]).objects()[0]["figures"].clone();
    assert_eq!(figures(), serde_json::json!([]));
    for recipe in ["tiny.wsss", "other.wsss"] {
        place.wsss(&["run", recipe, "--quiet"]).expect_code(0);
    }
    let found = figures();
    let iou = found.as_array().expect("a list").iter().find(|figure| figure["name"] == "map_iou").expect("a figure");
    assert!(iou["old"].is_number() && iou["new"].is_number(), "{iou}");
    let text = place.wsss(&["diff", "tiny.wsss", "other.wsss"]).expect_code(1).out;
    assert!(text.contains("figures\n") && text.contains("seeds.map_iou"), "{text}");
    // Another seed is another run of the same recipe; the last one counts.
    place.wsss(&["run", "tiny.wsss", "--quiet", "--seed", "5"]).expect_code(0);
    assert_eq!(figures().as_array().map(Vec::len), found.as_array().map(Vec::len));
}

/// Without what is another in every run: keys and times.
fn plain(text: &str) -> String {
    let words = text.split_inclusive([' ', '\n', ';', ',']).map(|word| {
        let bare = word.trim_end_matches([' ', '\n', ';', ',', ':']);
        let is_time = bare.len() == 20 && bare.ends_with('Z');
        let is_key = bare.len() == 8 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_time || is_key { word.replace(bare, if is_time { "TIME" } else { "KEY" }) } else { word.to_string() }
    });
    words.collect()
}

#[test]
fn why_a_stage_ran_or_did_not() {
    let place = tiny();
    let why = |words: &[&str]| plain(&place.wsss(&[&["why"], words].concat()).expect_code(0).out);
    place.wsss(&["run", "tiny.wsss", "--quiet"]).expect_code(0);
    expect![[r#"
        `cls` ran: it is new
    "#]]
    .assert_eq(&why(&["cls"]));
    place.wsss(&["run", "tiny.wsss", "--quiet"]).expect_code(0);
    expect![[r#"
        `maps` was reused: nothing that decides its result has changed; it ran on TIME, because it is new
    "#]]
    .assert_eq(&why(&["maps"]));
    place.wsss(&["run", "tiny.wsss", "--quiet", "--variant", "longer"]).expect_code(0);
    expect![[r#"
        `cls` ran: length changed: 1 epochs → 2 epochs
          length
            old  1 epochs
            new  2 epochs
          compared with KEY of TIME; this is KEY of TIME
    "#]]
    .assert_eq(&why(&["cls"]));
    expect![[r#"
        `maps` ran: stage cls changed: KEY → KEY
          stage cls
            old  KEY
            new  KEY
          compared with KEY of TIME; this is KEY of TIME
        `cls` ran: length changed: 1 epochs → 2 epochs
          length
            old  1 epochs
            new  2 epochs
          compared with KEY of TIME; this is KEY of TIME
    "#]]
    .assert_eq(&why(&["maps"]));
    place.write("tiny.wsss", TINY.replace("sigmoid(", "relu("));
    place.wsss(&["run", "tiny.wsss", "--quiet"]).expect_code(0);
    expect![[r#"
        `maps` ran: graph changed: KEY → KEY
          graph
            old  KEY
            new  KEY
          also  stage cls
          - sigmoid (old:25:16)  unit[B, K, ceil(H/4), ceil(W/4)]
          + relu (new:25:16)     nonneg[B, K, ceil(H/4), ceil(W/4)]
          compared with KEY of TIME; this is KEY of TIME
    "#]]
    .assert_eq(&why(&["maps"]));
    let object = &place.wsss(&["why", "maps", "--json"]).expect_code(0).objects()[0];
    assert_eq!((&object["reused"], &object["inputs"][0]["name"]), (&false.into(), &"graph".into()));
}

#[test]
fn why_needs_a_run_and_a_stage_of_it() {
    let place = tiny();
    let answer = place.wsss(&["why", "cls"]).expect_code(1);
    assert!(answer.err.contains("`runs` is no run"), "{}", answer.err);
    place.wsss(&["run", "tiny.wsss", "--quiet", "--until", "cls"]).expect_code(0);
    let answer = place.wsss(&["why", "clss"]).expect_code(1);
    assert!(answer.err.contains("did you mean `cls`?"), "{}", answer.err);
    let answer = place.wsss(&["why", "maps"]).expect_code(0);
    assert_eq!(answer.out, "`maps` has no result yet\n");
    let run = std::fs::read_dir(place.path("runs")).expect("runs").flatten().map(|entry| entry.file_name());
    let run = run.filter_map(|name| name.into_string().ok()).find(|name| name.starts_with("tiny-")).expect("a run");
    place.wsss(&["why", "cls", "--run", &run]).expect_code(0);
    place.wsss(&["why", "cls", "--run", &format!("runs/{run}")]).expect_code(0);
    let answer = place.wsss(&["why", "cls", "--run", "tiny-none"]).expect_code(1);
    assert!(answer.err.contains(&run), "{}", answer.err);
}
