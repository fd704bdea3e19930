//! `check --cite`: the constants of a recipe that do not say where they come from.

use serde_json::{Value, json};

use super::output::Output;
use crate::lower::Constant;
use crate::source::Sources;

/// A line a constant without a citation; under `--json` an object for every constant.
pub(super) fn print(constants: &[Constant], sources: &Sources, output: &Output) {
    if output.json {
        objects(constants, sources).into_iter().for_each(|object| output.object("constant", object));
        return;
    }
    let uncited = || constants.iter().filter(|constant| constant.citation.is_none());
    for constant in uncited() {
        let place = sources.place(constant.span);
        output.text(&format!("{place}: {} = {} has no citation", constant.name, constant.value));
    }
    let (all, missing) = (constants.len(), uncited().count());
    output.text(&match (all, missing) {
        (0, _) => "no constants".to_string(),
        (_, 0) => format!("all {all} constants have a citation"),
        _ => format!(
            "{missing} of {all} constants have no citation: write `{} @ \"sec. 4.1\"`",
            uncited().next().map_or("", |constant| &constant.value)
        ),
    });
}

pub(super) fn objects(constants: &[Constant], sources: &Sources) -> Vec<Value> {
    let object = |constant: &Constant| {
        let source = sources.get(constant.span.source);
        let (line, column) = source.line_column(constant.span.start as usize);
        let Constant { name, value, citation, .. } = constant;
        json!({ "name": name, "value": value, "citation": citation, "file": source.name, "line": line, "column": column })
    };
    constants.iter().map(object).collect()
}
