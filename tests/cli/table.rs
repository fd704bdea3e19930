//! `wsss table`: the rows of a paper's table, run and side by side.

use serde_json::Value;

use super::{Place, TINY};

/// Table 1 has three rows, of which one looks at the maps of another in another way; Table 10 has a stage of its own.
fn place() -> Place {
    let recipe = TINY.replace("thresholds = [0.3, 0.5]", "thresholds = thresholds").replace(
        "variant longer {\n  epochs = 2\n}\n",
        r#"param thresholds = [0.3, 0.5]

expect seeds.map_iou  = 2 +- 0.1 @ "Table 1"
expect beside.map_iou = 0.3 @ "sec. 4.2"

variant quick {
  epochs     = 2
  thresholds = [0.2, 0.6]
}

variant longer {
  epochs = 3
  expect seeds.map_iou = 0.7 @ "Table 1, row 3"
}

variant strict {
  thresholds = [0.4]
  expect seeds.map_iou = 0.4 +- 1 @ "Table 1"
}

variant other {
  epochs = 2
  expect beside.map_iou = 0.4 @ "Table 10"
}
"#,
    );
    let beside = TINY[TINY.find("score seeds").expect("a stage")..]
        .replace("score seeds", "score beside")
        .replace("0.3, 0.5", "0.1");
    let place = Place::new();
    place.write("tiny.wsss", format!("{recipe}\n{beside}"));
    place
}

fn rows(table: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_string();
    let joined =
        |row: &Value| row["variants"].as_array().expect("a list").iter().map(text).collect::<Vec<_>>().join(" ");
    table["rows"].as_array().expect("rows").iter().map(|row| (text(&row["row"]), joined(row))).collect()
}

/// How often a stage did that.
fn count(objects: &[Value], event: &str, stage: &str) -> usize {
    objects.iter().filter(|object| object["event"] == event && object["stage"] == stage).count()
}

#[test]
fn each_row_runs_with_its_variant_last_and_what_rows_share_runs_once() {
    let place = place();
    let objects =
        place.wsss(&["table", "tiny.wsss", "--table", "1", "--variant", "quick", "--json"]).expect_code(0).objects();
    let table = objects.last().expect("something is said");
    let expected = [("tiny", "quick"), ("longer", "quick longer"), ("strict", "quick strict")];
    assert_eq!(rows(table), expected.map(|(row, variants)| (row.to_string(), variants.to_string())));
    assert_eq!((count(&objects, "stage_finished", "cls"), count(&objects, "stage_reused", "cls")), (2, 1));
    assert_eq!(count(&objects, "stage_finished", "seeds"), 3);
    assert_eq!(count(&objects, "stage_finished", "beside"), 0, "Table 1 does not need it");
    let param = |row: usize, param: &str| {
        let folder = table["rows"][row]["folders"][0].as_str().expect("a folder").to_string();
        let recipe = place.read(&format!("{folder}/recipe.wsss"));
        let line = recipe.lines().find(|line| line.starts_with(&format!("param {param}"))).expect("the param");
        line.split('=').nth(1).and_then(|value| value.split("//").next()).unwrap_or_default().trim().to_string()
    };
    assert_eq!([0, 1, 2].map(|row| param(row, "epochs")), ["2", "3", "2"]);
    assert_eq!([0, 1, 2].map(|row| param(row, "thresholds")), ["[0.2, 0.6]", "[0.2, 0.6]", "[0.4]"]);

    // The same figure as `run` has it.
    let words = ["run", "tiny.wsss", "--variant", "quick", "--variant", "strict", "--json"];
    let alone = place.wsss(&words).expect_code(0).objects();
    assert_eq!(count(&alone, "stage_finished", "seeds"), 0, "the row was another run");
    let figure = &table["rows"][2]["figures"][0];
    assert_eq!(figure["mean"], alone.last().expect("the end")["metrics"]["seeds"]["map_iou"]["value"]);
    assert_eq!((&figure["inside"], &figure["source"]), (&Value::Null, &"Table 1".into()));
}

#[test]
fn the_paper_stands_beside_what_came_out() {
    let place = place();
    let answer = place.wsss(&["table", "tiny.wsss", "--table", "Table 1", "--quiet"]).expect_code(0);
    let lines: Vec<&str> = answer.out.lines().collect();
    assert_eq!((lines[0], lines.len()), ("Table 1 of tiny", 5), "{}", answer.out);
    assert!(
        lines[1].contains("row") && lines[1].contains("seeds.map_iou") && lines[1].ends_with("got"),
        "{}",
        answer.out
    );
    assert!(
        lines[2].contains("tiny") && lines[2].contains("2 +- 0.1") && lines[2].ends_with(" outside"),
        "{}",
        answer.out
    );
    assert!(lines[3].contains("longer") && lines[3].contains(" 0.7 "), "{}", answer.out);
    assert!(lines[4].contains("strict") && lines[4].ends_with(" inside"), "{}", answer.out);
    assert_eq!(answer.err, "", "quiet");
    let answer = place.wsss(&["table", "tiny.wsss", "--table", "sec. 4.2", "--limit", "9"]).expect_code(0);
    assert!(answer.out.contains("beside.map_iou") && !answer.out.contains("seeds.map_iou"), "{}", answer.out);
    assert!(answer.out.contains("have another setting"), "{}", answer.out);
}

#[test]
fn of_several_seeds_the_mean_and_the_spread() {
    let place = place();
    let words = ["table", "tiny.wsss", "--table", "sec. 4.2", "--seed", "1", "--seed", "2", "--json"];
    let objects = place.wsss(&words).expect_code(0).objects();
    let table = objects.last().expect("something is said");
    let figure = &table["rows"][0]["figures"][0];
    let [a, b] = [0, 1].map(|seed| figure["got"][seed].as_f64().expect("a figure"));
    assert_ne!(a, b, "the seeds decide nothing");
    let near = |value: &Value, expected: f64| (value.as_f64().expect("a number") - expected).abs() < 1e-9;
    assert!(near(&figure["mean"], (a + b) / 2.0) && near(&figure["spread"], (a - b).abs() / 2f64.sqrt()), "{figure}");
    let folders: Vec<&Value> = table["rows"][0]["folders"].as_array().expect("folders").iter().collect();
    assert!(folders.len() == 2 && folders[0] != folders[1], "{folders:?}");
    let text = place.wsss(&[&words[..8], &["--quiet"]].concat()).expect_code(0).out;
    assert!(text.starts_with("sec. 4.2 of tiny, seeds 1, 2\n") && text.contains(" ± "), "{text}");
    let answer = place.wsss(&["table", "tiny.wsss", "--table", "1", "--seed", "1", "--seed", "1"]).expect_code(2);
    assert!(answer.err.contains("`--seed 1` is given twice"), "{}", answer.err);
}

#[test]
fn a_row_that_fails_takes_no_other_with_it() {
    let place = place();
    let recipe =
        place.read("tiny.wsss").replace("variant longer {\n", "variant longer {\n  dataset = folder(\"no/such\")\n");
    place.write("tiny.wsss", recipe);
    let answer = place.wsss(&["table", "tiny.wsss", "--table", "1"]).expect_code(1);
    assert!(answer.err.contains("error[data-not-found]"), "{}", answer.err);
    assert!(answer.err.contains("the row `longer` (seed 0) has no result"), "{}", answer.err);
    let lines: Vec<&str> = answer.out.lines().collect();
    assert!(
        lines[2].ends_with("outside") && lines[3].ends_with("failed") && lines[4].ends_with("inside"),
        "{}",
        answer.out
    );
    assert_eq!(lines[5], "longer: failed (seed 0)");
}

#[test]
fn a_table_that_is_not_there_lists_those_that_are() {
    let place = place();
    let answer = place.wsss(&["table", "tiny.wsss", "--table", "7"]).expect_code(1);
    assert!(answer.err.contains("error[unknown-name]: the recipe expects no figure of `Table 7`"), "{}", answer.err);
    for known in ["`Table 1` (3 figures)", "`Table 10` (1 figure)", "`sec. 4.2` (1 figure)"] {
        assert!(answer.err.contains(known), "{known}\n{}", answer.err);
    }
    place.write("bare.wsss", TINY);
    let answer = place.wsss(&["table", "bare.wsss", "--table", "1"]).expect_code(1);
    assert!(answer.err.contains("states one, for the recipe or in a variant"), "{}", answer.err);
    place.wsss(&["table", "tiny.wsss"]).expect_code(2);
    place.wsss(&["table", "tiny.wsss", "--table", ""]).expect_code(2);
    let answer = place.wsss(&["table", "tiny.wsss", "--table", "1", "--variant", "quik"]).expect_code(1);
    assert!(answer.err.contains("did you mean `quick`?"), "{}", answer.err);
    assert!(!place.path("runs").exists(), "something ran");
}

#[test]
fn a_dry_run_says_which_row_runs_what() {
    let place = place();
    let answer = place.wsss(&["table", "tiny.wsss", "--table", "1", "--dry-run"]).expect_code(0);
    let expected = "\
tiny, seed 0
  cls: would run, it is new
  maps: would run, it is new
  seeds: would run, it is new
longer, seed 0
  cls: would run, it is new
  maps: would run, it is new
  seeds: would run, it is new
strict, seed 0
  cls: reused, the row `tiny, seed 0` runs it
  maps: reused, the row `tiny, seed 0` runs it
  seeds: would run, it is new
";
    assert_eq!(answer.out, expected);
    assert!(!place.path("runs").exists(), "a dry run changes nothing");
    place.wsss(&["table", "tiny.wsss", "--table", "1", "--quiet"]).expect_code(0);
    let answer = place.wsss(&["table", "tiny.wsss", "--table", "1", "--dry-run"]).expect_code(0);
    assert_eq!(
        (answer.out.matches("reused").count(), answer.out.matches("would run").count()),
        (9, 0),
        "{}",
        answer.out
    );
}

#[test]
fn what_is_set_on_the_command_line_wins_and_a_row_that_it_empties_is_told() {
    let place = place();
    let words = ["table", "tiny.wsss", "--table", "1", "--set", "epochs=1", "--dry-run"];
    let answer = place.wsss(&words).expect_code(0);
    assert!(answer.err.contains("`--set epochs` takes back what the row `longer` is about"), "{}", answer.err);
    assert_eq!(answer.out.matches("cls: would run").count(), 1, "{}", answer.out);
}

/// A run folder has a name by its keys: it may be that of a whole run of the same day.
#[test]
fn the_figures_of_a_whole_run_stay() {
    let place = place();
    let whole = place.wsss(&["run", "tiny.wsss", "--json"]).expect_code(0).objects();
    let folder = whole.last().expect("the end")["folder"].as_str().expect("a folder").to_string();
    let before = place.read(&format!("{folder}/metrics.json"));
    assert!(before.contains("beside"), "{before}");
    place.wsss(&["table", "tiny.wsss", "--table", "1", "--quiet"]).expect_code(0);
    assert_eq!(place.read(&format!("{folder}/metrics.json")), before);
}
