//! A difference for people: as text for a terminal, as Markdown for a page.

use indexmap::IndexMap;

use super::results::Figure;
use crate::cli::output::Output;
use crate::diff::{Change, Difference, NodeLine, ReadChange, StageDifference};

/// Nodes and weights of one kind of change that are shown each for itself; more are counted by what they are.
const MOST: usize = 8;

/// One line of a section: `+`, `-` or `~`, what, old, new.
struct Row {
    mark: char,
    what: String,
    old: String,
    new: String,
}

impl Row {
    fn of(change: &Change) -> Row {
        let mark = match (&change.old, &change.new) {
            (None, _) => '+',
            (_, None) => '-',
            _ => '~',
        };
        let shown = |value: &Option<String>| value.as_deref().map_or(String::new(), shortened);
        Row { mark, what: change.name.clone(), old: shown(&change.old), new: shown(&change.new) }
    }

    fn of_figure(figure: &Figure) -> Row {
        let shown = |value: Option<f64>| value.map_or("—".to_string(), |value| format!("{value:.4}"));
        let change = figure.change().map_or(String::new(), |change| format!(" ({change:+.4})"));
        let what = format!("{}.{}", figure.stage, figure.name);
        Row { mark: ' ', what, old: shown(figure.old), new: format!("{}{change}", shown(figure.new)) }
    }

    fn text(&self, width: usize) -> String {
        let Row { mark, what, old, new } = self;
        let values = match (old.as_str(), new.as_str()) {
            ("", "") => String::new(),
            (old, "") => old.to_string(),
            ("", new) => new.to_string(),
            (old, new) => format!("{old} → {new}"),
        };
        format!("  {mark} {what:width$}  {values}").trim_end().to_string() + "\n"
    }
}

/// Hashes and long values by their beginning.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 160;
    if text.chars().count() <= LONGEST { text.into() } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

/// A heading with its lines.
struct Section {
    title: String,
    rows: Vec<Row>,
}

fn sections(difference: &Difference, figures: &[Figure]) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut add = |title: &str, rows: Vec<Row>| {
        if !rows.is_empty() {
            sections.push(Section { title: title.into(), rows });
        }
    };
    add("recipe", difference.recipe.iter().map(Row::of).collect());
    add("params", difference.params.iter().map(Row::of).collect());
    for stage in &difference.stages {
        sections.push(Section { title: title(stage), rows: rows(stage) });
    }
    if !figures.is_empty() {
        sections.push(Section { title: "figures".into(), rows: figures.iter().map(Row::of_figure).collect() });
    }
    sections
}

/// `infer cams: runs again, it reads classifier`
fn title(stage: &StageDifference) -> String {
    let what = match (stage.change, stage.because_of.as_slice()) {
        ("added", _) => "is new".to_string(),
        ("removed", _) => "is gone".to_string(),
        ("reads", because) => format!("runs again, it reads {}", because.join(", ")),
        (_, []) => "runs again".to_string(),
        (_, because) => format!("runs again, and reads {}", because.join(", ")),
    };
    format!("{} {}: {what}", stage.kind, stage.name)
}

fn rows(stage: &StageDifference) -> Vec<Row> {
    let mut rows: Vec<Row> = stage.settings.iter().map(Row::of).collect();
    let nodes = &stage.nodes;
    for (mark, lines) in [('-', &nodes.removed), ('+', &nodes.added)] {
        rows.extend(listed(mark, lines));
    }
    let read =
        |read: &ReadChange| Row { mark: '~', what: "reads".into(), old: read.old.clone(), new: read.new.clone() };
    rows.extend(nodes.reads.iter().map(read));
    for change in nodes.changed.iter().take(MOST) {
        let (old, new) = (&change.old, &change.new);
        let [before, after] = if change.rewired {
            ["reads another value".into(), String::new()]
        } else if old.what != new.what {
            [old.what.clone(), new.what.clone()]
        } else if old.fact != new.fact {
            [old.fact.clone(), new.fact.clone()]
        } else {
            ["draws other random numbers".into(), String::new()]
        };
        rows.push(Row { mark: '~', what: placed(new), old: before, new: after });
    }
    if nodes.changed.len() > MOST {
        let what = format!("{} more nodes are changed", nodes.changed.len() - MOST);
        rows.push(Row { mark: '~', what, old: String::new(), new: String::new() });
    }
    rows.extend(stage.weights.iter().take(MOST).map(Row::of));
    if stage.weights.len() > MOST {
        let what = format!("{} more weights", stage.weights.len() - MOST);
        rows.push(Row { mark: '~', what, old: String::new(), new: String::new() });
    }
    rows.extend(stage.seen.iter().chain(&stage.cost).map(Row::of));
    rows
}

pub(super) fn stage_lines(stage: &StageDifference) -> String {
    lines(&rows(stage))
}

/// Values stand under one another, save those of very long names.
fn lines(rows: &[Row]) -> String {
    let widths = rows.iter().map(|row| row.what.chars().count()).filter(|width| *width <= 40);
    let width = widths.max().unwrap_or(0);
    rows.iter().map(|row| row.text(width)).collect()
}

/// Few nodes each for itself, many by what they are.
fn listed(mark: char, lines: &[NodeLine]) -> Vec<Row> {
    let row = |what: String, new: String| Row { mark, what, old: String::new(), new };
    if lines.len() <= MOST {
        return lines.iter().map(|line| row(placed(line), line.fact.clone())).collect();
    }
    let mut counts: IndexMap<&str, usize> = IndexMap::new();
    for line in lines {
        *counts.entry(line.what.split(' ').next().unwrap_or_default()).or_default() += 1;
    }
    counts.sort_by(|a, x, b, y| y.cmp(x).then(a.cmp(b)));
    let counted: Vec<String> = counts.iter().map(|(op, count)| format!("{count} {op}")).collect();
    vec![row(format!("{} nodes", lines.len()), counted.join(", "))]
}

/// What a node is and where it stands.
fn placed(line: &NodeLine) -> String {
    match &line.place {
        Some(place) => format!("{} ({place})", line.what),
        None => line.what.clone(),
    }
}

pub(super) fn text(a: &str, b: &str, difference: &Difference, figures: &[Figure], output: &Output) -> String {
    let mut text = String::new();
    if difference.is_empty() {
        text += &format!("{a} and {b} mean the same\n");
    }
    for Section { title, rows } in sections(difference, figures) {
        text += &format!("{}\n", output.bold(&title));
        text += &lines(&rows);
    }
    if !difference.is_empty() && !difference.same.is_empty() {
        text += &format!("the same in both: {}\n", same(difference));
    }
    text
}

pub(super) fn markdown(a: &str, b: &str, difference: &Difference, figures: &[Figure]) -> String {
    let mut text = format!("# {} → {}\n", plain(a), plain(b));
    if difference.is_empty() {
        text += "\nThe two recipes mean the same.\n";
    }
    for Section { title, rows } in sections(difference, figures) {
        text += &format!("\n## {}\n", plain(&title));
        if rows.is_empty() {
            continue;
        }
        text += "\n| | | old | new |\n| --- | --- | --- | --- |\n";
        for Row { mark, what, old, new } in &rows {
            text += &format!("| {mark} | {} | {} | {} |\n", plain(what), plain(old), plain(new));
        }
    }
    if !difference.is_empty() && !difference.same.is_empty() {
        text += &format!("\nThe same in both: {}.\n", plain(&same(difference)));
    }
    text
}

/// `cams, base.classifier (classifier before)`
fn same(difference: &Difference) -> String {
    let named = |name: &String| match difference.renamed.get(name) {
        Some(before) => format!("{name} ({before} before)"),
        None => name.clone(),
    };
    difference.same.iter().map(named).collect::<Vec<_>>().join(", ")
}

/// Text that Markdown takes as it is, in a table too.
fn plain(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        if "\\`*_[]<>|#".contains(c) {
            safe.push('\\');
        }
        safe.push(if c == '\n' { ' ' } else { c });
    }
    safe
}
