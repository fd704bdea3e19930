//! Paths of weights with `*`: `cls.head` holds all that is under it, `cls.*.bias` every bias of `cls`.
//!
//! `*` stands for any text, dots among it: see [`pattern`](super::pattern). Where several hold a weight, one counts.

use super::pattern::reaches;

/// The place of the entry that counts for a weight: the one that names the most parts; of equals one without `*`, then the last.
pub fn pick<T>(entries: &[(String, T)], weight: &str) -> Option<usize> {
    let holding = entries.iter().enumerate().filter(|(_, (path, _))| reaches(path, weight));
    holding.max_by_key(|(_, (path, _))| weight_of(path)).map(|(place, _)| place)
}

fn weight_of(path: &str) -> (usize, bool) {
    (path.split('.').filter(|part| *part != "*").count(), !path.contains('*'))
}

/// Entries as text that is equal where their meaning is: only among paths with `*` does the order count.
pub fn described<T>(entries: &[(String, T)], value: impl Fn(&T) -> String) -> String {
    let line = |(path, of): &(String, T)| format!("{path} = {}", value(of));
    let (starred, mut plain): (Vec<_>, Vec<_>) = entries.iter().partition(|(path, _)| path.contains('*'));
    plain.sort_by(|a, b| a.0.cmp(&b.0));
    plain.into_iter().chain(starred).map(line).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_with_the_most_names_counts() {
        let paths = ["*.bias", "oc", "oc.head", "oc.head.bias", "oc.*.norm", "oc.*.bias", "*.b*"];
        let entries: Vec<(String, ())> = paths.iter().map(|path| (path.to_string(), ())).collect();
        let of = |weight| pick(&entries, weight).map(|place| paths[place]);
        assert_eq!(of("oc.head.weight"), Some("oc.head"));
        assert_eq!(of("oc.head.bias"), Some("oc.head.bias"));
        assert_eq!(of("oc.trunk.bias"), Some("oc.*.bias"));
        assert_eq!(of("oc.weight"), Some("oc"));
        assert_eq!(of("oc.bias"), Some("oc"), "a path without `*` before one with it");
        assert_eq!(of("seg.bias"), Some("*.b*"), "the last of equals");
        assert_eq!(of("seg.weight"), None);
    }

    /// PSA's four groups: weights ×1, biases ×2, new weights ×10, new biases ×20.
    #[test]
    fn four_groups() {
        let rates = [("*.bias", 2.0), ("cls.fc8", 10.0), ("cls.fc8.bias", 20.0)];
        let rates: Vec<(String, f64)> = rates.map(|(path, factor)| (path.to_owned(), factor)).into();
        let of = |weight| pick(&rates, weight).map_or(1.0, |place| rates[place].1);
        let found = ["cls.conv1.weight", "cls.conv1.bias", "cls.fc8.weight", "cls.fc8.bias"].map(of);
        assert_eq!(found, [1.0, 2.0, 10.0, 20.0]);
    }

    #[test]
    fn the_order_of_plain_paths_is_no_difference() {
        let text = |paths: &[(&str, f64)]| {
            let entries: Vec<(String, f64)> = paths.iter().map(|(path, x)| (path.to_string(), *x)).collect();
            described(&entries, |x| format!("{x:?}"))
        };
        assert_eq!(text(&[("b", 1.0), ("*.c", 3.0), ("a", 2.0)]), "a = 2.0, b = 1.0, *.c = 3.0");
        assert_ne!(text(&[("*.c", 3.0), ("a*", 2.0)]), text(&[("a*", 2.0), ("*.c", 3.0)]));
    }
}
