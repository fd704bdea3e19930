//! `wsss.lock` beside a recipe: the files of weights as they were when it first ran.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::WeightFile;
use crate::files::{self, FileError};

/// Files of weights by the names the recipe has for them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<WeightFile>,
}

impl Pins {
    /// The pins of that file; none where it is not there.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Pins, FileError> {
        match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| FileError::broken(path, error.message())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Pins::default()),
            Err(error) => Err(FileError::read(path, &error)),
        }
    }

    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let text = toml::to_string(self).map_err(|error| FileError::broken(path, error.to_string()))?;
        files::write_bytes(path, text.as_bytes())
    }

    /// The digest that a file was pinned with.
    pub fn digest(&self, file: &str) -> Option<&str> {
        self.weights.iter().find(|known| known.file == file).map(|known| known.digest.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wsss.lock");
        assert_eq!(Pins::read(&path).unwrap(), Pins::default());
        let pins = Pins { weights: vec![WeightFile { file: "a.pth".into(), digest: "ab".into() }] };
        pins.write(&path).unwrap();
        let again = Pins::read(&path).unwrap();
        assert_eq!((again.digest("a.pth"), again.digest("b.pth")), (Some("ab"), None));
        std::fs::write(&path, "weights = 3").unwrap();
        assert!(Pins::read(&path).is_err());
    }
}
