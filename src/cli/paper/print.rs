//! The table: for each row and each metric, the paper's figure beside what came out.

use indexmap::IndexSet;
use serde_json::{Value, json};

use super::citation::Table;
use super::row::{Came, Row};
use crate::cli::exit::Exit;
use crate::cli::table::table;
use crate::lower::Expectation;

/// As text, with what is to be said of it below.
pub(super) fn text(recipe: &str, asked: &Table, variants: &[String], seeds: &[u64], rows: &[Row]) -> String {
    let metrics: IndexSet<String> = rows.iter().flat_map(|row| &row.expected).map(metric).collect();
    let mut head = vec!["row"];
    let mut lines: Vec<Vec<String>> = rows.iter().map(|row| vec![row.name.clone()]).collect();
    for name in &metrics {
        let at = |row: &Row| row.expected.iter().position(|expected| metric(expected) == *name);
        let column = |cell: &dyn Fn(&Row, usize) -> String| -> Vec<String> {
            rows.iter().map(|row| at(row).map_or(String::new(), |at| cell(row, at))).collect()
        };
        let mut columns = vec![
            (name.as_str(), column(&|row, at| row.expected[at].text.clone())),
            ("got", column(&|row, at| got(row, &row.came(at)))),
            ("", column(&|row, at| verdict(&row.came(at)).to_string())),
        ];
        columns.retain(|(head, cells)| !head.is_empty() || cells.iter().any(|cell| !cell.is_empty()));
        for (title, cells) in columns {
            head.push(title);
            lines.iter_mut().zip(cells).for_each(|(line, cell)| line.push(cell));
        }
    }
    let with = if variants.is_empty() { String::new() } else { format!(", with {}", variants.join(", ")) };
    let mut text = format!("{} of {recipe}{with}{}\n", asked.label(), shown_seeds(seeds));
    let drawn = table(&head, lines.into_iter());
    drawn.lines().for_each(|line| text += &format!("{}\n", line.trim_end()));
    for row in rows {
        let failed: Vec<String> = row.failed().map(|(seed, exit)| format!("{} (seed {seed})", word(exit))).collect();
        if !failed.is_empty() {
            text += &format!("{}: {}\n", row.name, failed.join(", "));
        }
    }
    if rows.iter().any(|row| !row.same_setting()) {
        text += "the figures are stated for the recipe or one variant alone, over all pictures; these rows have another setting\n";
    }
    text
}

pub(super) fn object(recipe: &str, asked: &Table, variants: &[String], seeds: &[u64], rows: &[Row]) -> Value {
    let figure = |row: &Row, at: usize, expected: &Expectation| {
        let Came { got, mean, spread, inside } = row.came(at);
        json!({
            "metric": metric(expected),
            "expected": expected.text,
            "value": expected.value,
            "tolerance": expected.tolerance,
            "source": expected.citation,
            "got": got,
            "mean": mean,
            "spread": spread,
            "inside": inside,
        })
    };
    let object = |row: &Row| {
        let figures = row.expected.iter().enumerate().map(|(at, expected)| figure(row, at, expected));
        let failed = row.failed().map(|(seed, exit)| json!({ "seed": seed, "exit": exit.code() }));
        json!({
            "row": row.name,
            "variant": row.variant,
            "variants": row.variants,
            "figures": figures.collect::<Vec<_>>(),
            "same_setting": row.same_setting(),
            "failed": failed.collect::<Vec<_>>(),
            "folders": row.ran.iter().map(|ran| &ran.folder).collect::<Vec<_>>(),
        })
    };
    json!({
        "recipe": recipe,
        "table": asked.label(),
        "variants": variants,
        "seeds": seeds,
        "rows": rows.iter().map(object).collect::<Vec<_>>(),
    })
}

/// `seeds.cam_iou`
fn metric(expected: &Expectation) -> String {
    format!("{}.{}", expected.stage, expected.name)
}

fn got(row: &Row, came: &Came) -> String {
    let Some(mean) = came.mean else {
        let word = match row.failed().next() {
            Some((_, exit)) => word(exit),
            None if row.ran.is_empty() => "not run",
            None => "none",
        };
        return word.to_string();
    };
    let spread = came.spread.map_or(String::new(), |spread| format!(" ± {spread:.4}"));
    format!("{mean:.4}{spread}")
}

fn verdict(came: &Came) -> &'static str {
    match came.inside {
        Some(true) => "inside",
        Some(false) => "outside",
        None => "",
    }
}

fn word(exit: Exit) -> &'static str {
    if exit == Exit::Interrupted { "stopped" } else { "failed" }
}

fn shown_seeds(seeds: &[u64]) -> String {
    let shown: Vec<String> = seeds.iter().map(u64::to_string).collect();
    match seeds {
        [0] => String::new(),
        [_] => format!(", seed {}", shown.join("")),
        _ => format!(", seeds {}", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::row::testing::{expectation, row};
    use super::*;

    #[test]
    fn figures_stand_beside_one_another_and_failures_below() {
        let mut first = row(None, &[Ok(Some(0.45)), Ok(Some(0.55))]);
        first.expected.push(expectation("end.miou", None, "Table 1"));
        first.ran.iter_mut().for_each(|ran| ran.figures.as_mut().expect("figures").push(Some(0.75)));
        let rows = [
            first,
            row(Some("small"), &[Ok(Some(0.3)), Err(Exit::Failed)]),
            row(Some("broken"), &[Err(Exit::Wrong), Err(Exit::Interrupted)]),
            row(Some("late"), &[]),
        ];
        let asked: Table = "1".parse().expect("a table");
        expect![[r#"
            Table 1 of tiny, with quick, seeds 0, 1
             row     seeds.cam_iou              got             end.miou              got
             tiny       0.5 +- 0.1  0.5000 ± 0.0707   inside  0.5 +- 0.1  0.7500 ± 0.0000  outside
             small      0.5 +- 0.1           0.3000  outside
             broken     0.5 +- 0.1           failed
             late       0.5 +- 0.1          not run
            small: failed (seed 1)
            broken: failed (seed 0), stopped (seed 1)
        "#]]
        .assert_eq(&text("tiny", &asked, &["quick".into()], &[0, 1], &rows));
    }

    #[test]
    fn another_setting_is_told() {
        let mut row = row(None, &[Ok(Some(0.5))]);
        row.expected[0].applies = false;
        let asked: Table = "sec. 4.2".parse().expect("a place");
        let text = text("tiny", &asked, &[], &[3], &[row]);
        assert!(text.starts_with("sec. 4.2 of tiny, seed 3\n") && text.contains("0.5000\n"), "{text}");
        assert!(text.ends_with("these rows have another setting\n"), "{text}");
    }
}
