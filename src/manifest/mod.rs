//! What a file of weights is said to be, in a TOML file beside it: `resnet38.params.toml` for `resnet38.params`.
//!
//! Comes in: that text. Goes out: a [`Manifest`]: what the weights have learnt from, where they are from, how their names become the
//! names of a net. Nothing is read from the disk here.

mod names;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use names::Names;

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What the weights have learnt from: `imagenet tags`.
    pub carries: Option<String>,
    /// Where they were found.
    pub source: Option<String>,
    #[serde(default)]
    pub names: Names,
}

impl Manifest {
    /// Where the manifest of a file of weights is.
    pub fn beside(file: &Path) -> PathBuf {
        let mut path = file.as_os_str().to_owned();
        path.push(".toml");
        path.into()
    }

    /// # Errors
    /// Text that is not TOML, a key that is not known, a rule that makes no sense.
    pub fn parse(text: &str) -> Result<Manifest, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_the_weights_are() {
        let text = "carries = \"imagenet tags\"\nsource = \"owner/name\"\nnames = [[\"a{x}\", \"b{x}\"]]\n";
        let manifest = Manifest::parse(text).unwrap();
        assert_eq!(
            (manifest.carries.as_deref(), manifest.source.as_deref()),
            (Some("imagenet tags"), Some("owner/name"))
        );
        assert_eq!(manifest.names.apply("a1"), "b1");
        assert_eq!(Manifest::parse("").unwrap(), Manifest::default());
        assert_eq!(Manifest::beside(Path::new("weights/a.params")), Path::new("weights/a.params.toml"));
    }

    #[test]
    fn what_is_no_manifest_is_told() {
        let told = |text: &str| Manifest::parse(text).unwrap_err();
        assert!(told("carried = \"x\"").contains("unknown field `carried`"), "{}", told("carried = \"x\""));
        assert_eq!(told("names = [[\"a{x}\", \"b{y}\"]]"), "`b{y}` takes `{y}`, which `a{x}` does not have");
        assert!(!told("names = [[\"a\"]]").is_empty() && !told("carries = ").is_empty());
    }
}
