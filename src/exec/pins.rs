//! Files of weights stay what they were: the first run of a recipe pins them in its `wsss.lock`, later ones compare.

use std::path::Path;

use super::RunError;
use super::prepare::Preparation;
use super::weights;
use crate::diag::{Code, Diagnostic};
use crate::store::Pins;

/// Compares files with their pins and pins those that are new. What comes back is to be said.
///
/// # Errors
/// A file that is another than it was, a lock that cannot be read.
pub(super) fn hold(path: Option<&Path>, preparation: &Preparation, dry: bool) -> Result<Option<String>, RunError> {
    let Some(path) = path.filter(|_| !preparation.weights.is_empty()) else { return Ok(None) };
    let mut pins = Pins::read(path).map_err(|error| RunError::input(error.diagnostic()))?;
    let mut changed = Vec::new();
    let mut new = false;
    for found in &preparation.weights {
        match pins.digest(&found.file) {
            Some(digest) if digest == found.digest => {}
            Some(digest) => changed.push(other(path, &found.file, [digest, &found.digest], preparation)),
            None => {
                pins.weights.push(found.clone());
                new = true;
            }
        }
    }
    if !changed.is_empty() {
        return Err(RunError::Input(changed));
    }
    if !new || dry {
        return Ok(None);
    }
    pins.weights.sort_by(|a, b| a.file.cmp(&b.file));
    // A recipe may lie where nobody may write; then nothing is pinned, and that is said.
    Ok(pins.write(path).err().map(|error| format!("files of weights are not pinned: {error}")))
}

fn other(path: &Path, file: &str, [pinned, found]: [&str; 2], preparation: &Preparation) -> Diagnostic {
    let all = preparation.stages.iter().flat_map(|stage| weights::files(&stage.stage().weights));
    let span = all.into_iter().find(|(known, _)| *known == file).map(|(_, span)| span);
    let message = format!("the weights in {file} are not what they were: {found} now, {pinned} when they were pinned");
    let help =
        format!("get the old file again, or take its entry out of {} where the new one is meant", path.display());
    let diagnostic = Diagnostic::error(Code::WeightsChanged, message).help(help);
    match span {
        Some(span) => diagnostic.label(span, "these weights come from the file"),
        None => diagnostic,
    }
}
