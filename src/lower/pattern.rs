//! Patterns over the paths of weights: `trunk.layer1`, `layer1.*`, `*.bn2`.
//!
//! `*` stands for any text, dots among it. A pattern reaches a path that it matches, and every path below one that it matches:
//! `layer1` reaches `layer1.0.conv1.weight`.

/// Whether the pattern matches the path or something that the path lies below.
pub(super) fn reaches(pattern: &str, path: &str) -> bool {
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    ends.into_iter().any(|end| matches(pattern.as_bytes(), &path.as_bytes()[..end]))
}

/// The text of the pattern, each `*` for any run of characters.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where the last `*` stood, and how much of the text it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, t) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_reaches_what_it_matches_and_what_is_below() {
        for (pattern, path) in [
            ("conv1", "conv1"),
            ("conv1", "conv1.weight"),
            ("layer1.*", "layer1.0.conv1.weight"),
            ("*.bn1", "layer1.0.bn1.weight"),
            ("*bias", "fc.bias"),
            ("*", "anything.at.all"),
            ("layer*.conv1", "layer1.0.conv1.weight"),
        ] {
            assert!(reaches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn a_beginning_of_a_name_is_another_name() {
        for (pattern, path) in [
            ("conv1", "conv10.weight"),
            ("layer1.*", "layer1"),
            ("bn1", "layer1.0.bn1"),
            ("", "conv1"),
            ("conv1.weight", "conv1"),
            ("*.bias", "bias"),
        ] {
            assert!(!reaches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let pattern = "*a".repeat(40);
        assert!(!reaches(&pattern, &"a".repeat(39)));
        assert!(reaches(&pattern, &"ba".repeat(40)));
    }
}
