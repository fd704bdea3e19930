//! Did you mean: the known name that a misspelt one is nearest to.

/// The candidate closest to `given`, if one is close enough to be what was meant.
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given_lower = given.to_lowercase();
    candidates
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&given_lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= given.len().max(name.len()).div_ceil(3) && *distance < name.len())
        .min()
        .map(|(_, name)| name)
}

/// "did you mean `x`?  known: `a`, `b`", with whichever half applies.
pub fn help<'a>(given: &str, what: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let list = candidates.iter().take(12).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = if candidates.len() > 12 { ", …" } else { "" };
    match (nearest(given, candidates.iter().copied()), candidates.is_empty()) {
        (Some(name), _) if candidates.len() > 12 => format!("did you mean `{name}`?"),
        (Some(name), _) => format!("did you mean `{name}`?  {what}: {list}"),
        (None, true) => format!("there are no {what} here"),
        (None, false) => format!("{what}: {list}{more}"),
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        assert_eq!(nearest("sofmax", ["softmax", "sigmoid"]), Some("softmax"));
        assert_eq!(nearest("bacth", ["batch", "epochs"]), Some("batch"));
        assert_eq!(nearest("zebra", ["batch", "epochs"]), None);
    }
}
