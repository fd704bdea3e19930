//! What decides the result of a stage, named part by part, and the hash of it all.

use serde::{Deserialize, Serialize};

/// The name of a stage's result in the store: 32 hex digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing that decides a result: `optimizer`, `graph`, `stage train`. The value is text, or the hash of a long one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    pub value: String,
}

/// All that decides a result, in a fixed order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Parts(Vec<Part>);

impl Parts {
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push(Part { name: name.into(), value: value.into() });
    }

    pub fn iter(&self) -> impl Iterator<Item = &Part> {
        self.0.iter()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|part| part.name == name).map(|part| part.value.as_str())
    }

    /// The hash of names and values with their lengths, so that no two lists of parts run together.
    pub fn key(&self) -> Key {
        let mut hasher = blake3::Hasher::new();
        for text in self.0.iter().flat_map(|part| [&part.name, &part.value]) {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        Key(hasher.finalize().to_hex()[..32].to_owned())
    }

    /// The first part that is another than in `old`: its name, the old value and the new one, `none` where there is none.
    pub fn difference(&self, old: &Parts) -> Option<(String, String, String)> {
        let value = |parts: &Parts, name: &str| parts.get(name).unwrap_or("none").to_owned();
        let mut names = self.iter().chain(old.iter()).map(|part| part.name.as_str());
        let name = names.find(|name| self.get(name) != old.get(name))?;
        Some((name.to_owned(), value(old, name), value(self, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(parts: &[(&str, &str)]) -> Parts {
        let mut all = Parts::default();
        parts.iter().for_each(|(name, value)| all.add(*name, *value));
        all
    }

    #[test]
    fn every_part_decides_the_key() {
        let key = |list: &[(&str, &str)]| parts(list).key();
        let plain = key(&[("graph", "a"), ("seed", "0")]);
        assert_eq!(plain, key(&[("graph", "a"), ("seed", "0")]));
        assert_ne!(plain, key(&[("graph", "a"), ("seed", "1")]));
        assert_ne!(plain, key(&[("graph", "as"), ("eed", "0")]));
        assert_ne!(plain, key(&[("graph", "a")]));
        assert_eq!(plain.as_str().len(), 32);
        assert!(plain.as_str().starts_with(plain.short()));
    }

    #[test]
    fn the_first_difference_is_told() {
        let old = parts(&[("graph", "a"), ("seed", "0"), ("limit", "5")]);
        let new = parts(&[("graph", "a"), ("seed", "1")]);
        assert_eq!(new.difference(&old), Some(("seed".into(), "0".into(), "1".into())));
        assert_eq!(old.difference(&old), None);
        let shorter = parts(&[("graph", "a"), ("seed", "0")]);
        assert_eq!(shorter.difference(&old), Some(("limit".into(), "5".into(), "none".into())));
    }
}
