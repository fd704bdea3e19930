//! Which citations name which table: `"Table 2, row 3"` is of Table 2, and neither of Table 3 nor of Table 20.

use std::str::FromStr;

/// A table, or another place of a paper, as it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Table {
    label: String,
}

impl FromStr for Table {
    type Err = String;

    fn from_str(text: &str) -> Result<Table, String> {
        let label = words(text);
        // `1`, `3a`, `A2`, `IV`: a number alone is that of a table.
        let alone = !label.contains(|c: char| !c.is_ascii_alphanumeric());
        let counts = label.contains(|c: char| c.is_ascii_digit());
        let roman = !label.contains(|c: char| !"IVXLC".contains(c));
        match label.contains(char::is_alphanumeric) {
            false => Err("expected the number of a table, or a citation of the recipe".into()),
            true if alone && (counts || roman) => Ok(Table { label: format!("Table {label}") }),
            true => Ok(Table { label }),
        }
    }
}

impl Table {
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether a citation names it: its words stand there, and no digit or letter goes on before or behind them.
    pub fn is_cited(&self, citation: &str) -> bool {
        let (citation, label) = (words(citation).to_lowercase(), self.label.to_lowercase());
        citation.match_indices(&label).any(|(at, _)| {
            let before = citation[..at].chars().next_back();
            let mut behind = citation[at + label.len()..].chars();
            let goes_on = match (behind.next(), behind.next()) {
                // `sec. 4` is not `sec. 4.2`.
                (Some('.'), Some(next)) => next.is_alphanumeric(),
                (Some(next), _) => next.is_alphanumeric(),
                (None, _) => false,
            };
            !goes_on && !before.is_some_and(char::is_alphanumeric)
        })
    }
}

/// What a citation is listed under: the table that it begins with, or all of it.
pub(super) fn label(citation: &str) -> String {
    let citation = words(citation);
    let number = citation.strip_prefix("Table ").and_then(|rest| rest.split(|c: char| !c.is_alphanumeric()).next());
    match number {
        Some(number) if !number.is_empty() => format!("Table {number}"),
        _ => citation,
    }
}

/// What labels are sorted by: Table 2 before Table 10, tables before sections.
pub(super) fn order(label: &str) -> (String, u64) {
    let at = label.find(|c: char| c.is_ascii_digit()).unwrap_or(label.len());
    let digits = label[at..].split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    (label[..at].to_string(), digits.parse().unwrap_or_default())
}

/// With one space between words.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cited(table: &str, citation: &str) -> bool {
        table.parse::<Table>().expect("a table").is_cited(citation)
    }

    #[test]
    fn a_number_is_met_whole() {
        for citation in ["Table 1", "Table 1, row 3", "table  1 (b)", "sec. 5, Table 1.", "Table 1; code"] {
            assert!(cited("1", citation) && cited("Table 1", citation), "{citation}");
        }
        for citation in ["Table 10", "Table 1.2", "Table 1a", "Table 2, row 1", "Table 11", "sec. 1", "Notable 1", "1"]
        {
            assert!(!cited("1", citation), "{citation}");
        }
        assert!(cited("A2", "Table A2") && cited("IV", "Table IV, left") && !cited("IV", "Table IVX"));
    }

    #[test]
    fn other_places_are_named_as_they_are_cited() {
        assert!(cited("sec. 4.2", "sec. 4.2, last paragraph") && cited("Sec. 4.2", "sec. 4.2"));
        assert!(!cited("sec. 4", "sec. 4.2") && cited("sec. 4", "sec. 4. Results"));
        assert!(cited("code a/psa, its table", "code a/psa, its table"));
        assert!(["", "  ", "-"].iter().all(|text| text.parse::<Table>().is_err()));
    }

    #[test]
    fn rows_of_one_table_are_listed_together() {
        assert_eq!(label("Table 2, row 3"), "Table 2");
        assert_eq!(label("Table 2"), "Table 2");
        assert_eq!(label("sec. 4.2, Table 1"), "sec. 4.2, Table 1");
        assert_eq!(label("Table of results"), "Table of");
        let mut labels = ["sec. 4.2", "Table 10", "its table", "Table 2"];
        labels.sort_by_key(|label| order(label));
        assert_eq!(labels, ["Table 2", "Table 10", "its table", "sec. 4.2"]);
    }
}
