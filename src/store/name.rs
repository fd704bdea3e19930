//! From the id of a picture, which may be anything, to the name of a file, which may not.

use std::fmt::Write;

/// The longest name; file systems stop at 255 bytes, and an ending is added.
const LONGEST: usize = 200;

/// A file name for an id: letters, digits, `-`, `_` and inner dots stay, every other byte becomes `%` and two hex digits.
///
/// Different ids give different names, no name leaves the folder or is hidden. A long one ends in a hash of the id.
pub fn file_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for (at, byte) in id.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            b'.' if at > 0 => name.push('.'),
            _ => _ = write!(name, "%{byte:02X}"),
        }
    }
    if name.is_empty() {
        return "%".to_owned();
    }
    if name.len() > LONGEST {
        name.truncate(LONGEST - 34);
        let _ = write!(name, "%-{}", &blake3::hash(id.as_bytes()).to_hex()[..32]);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::file_name;
    use proptest::prelude::*;

    #[test]
    fn ordinary_ids_stay_and_odd_ones_cannot_escape() {
        assert_eq!(file_name("2007_000032"), "2007_000032");
        assert_eq!(file_name("a.b-c"), "a.b-c");
        assert_eq!(file_name("../../etc/passwd"), "%2E.%2F..%2Fetc%2Fpasswd");
        assert_eq!(file_name(".."), "%2E.");
        assert_eq!(file_name(""), "%");
        assert_eq!(file_name("ä\0\\"), "%C3%A4%00%5C");
        assert_eq!(file_name(&"x".repeat(1000)).len(), 200);
    }

    proptest! {
        #[test]
        fn a_name_is_one_harmless_part_of_a_path(id in ".{0,300}") {
            let name = file_name(&id);
            prop_assert!(!name.is_empty() && name.len() <= 200 && !name.starts_with('.'));
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.%".contains(&byte)));
        }

        #[test]
        fn different_ids_have_different_names(a in "[a%./2F]{0,6}", b in "[a%./2F]{0,6}") {
            prop_assert_eq!(a == b, file_name(&a) == file_name(&b));
        }
    }
}
