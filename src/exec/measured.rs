//! Numbers that a finished stage measured, for the stage that reads them.

use std::path::Path;

use super::RunError;
use crate::diag::{Code, Diagnostic};
use crate::lower::{Measured, Stage};

/// The number as it stands in the figures of the finished stage in `folder`.
///
/// # Errors
/// Figures that cannot be read, and a figure that came to no number: a mean over nothing.
pub(super) fn read(folder: &Path, number: &Measured, reader: &Stage) -> Result<f64, RunError> {
    let figures = super::read_figures(folder)?;
    let called = number.leaf.replacen('/', ".", 1);
    let figure = figures
        .get(&number.figure)
        .ok_or_else(|| RunError::internal(format!("`{called}` is no figure of the stage `{}`", number.stage)))?;
    let value = match &number.part {
        None => figure.value,
        Some(part) => figure.detail.get(part).and_then(serde_json::Value::as_f64),
    };
    value.filter(|value| value.is_finite()).ok_or_else(|| {
        let message = format!("`{}` reads `{called}`, which came to no number", reader.called());
        RunError::input(
            Diagnostic::error(Code::NotANumber, message)
                .label(reader.span, "this stage")
                .help(format!("see what `{}` counted: no picture of its data may have what is measured", number.stage)),
        )
    })
}
