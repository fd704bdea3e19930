//! Rules by which names in a file become names of a net: `["res{n}a_branch{b}_weight", "b{n}.conv_branch{b}.weight"]`.
//!
//! The first rule that holds counts; a name that none holds stays. A hole stands for one or more characters: up to the first place where
//! the text behind it is found, up to the end where that text ends the rule.

use std::fmt;

use serde::Deserialize;

/// Rules in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "Vec<[String; 2]>")]
pub struct Names(Vec<Rule>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    from: Vec<Piece>,
    to: Vec<Piece>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Text(String),
    Hole(String),
}

impl Names {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name that the net has for `name`.
    pub fn apply(&self, name: &str) -> String {
        self.0.iter().find_map(|rule| rule.apply(name)).unwrap_or_else(|| name.to_owned())
    }
}

impl TryFrom<Vec<[String; 2]>> for Names {
    type Error = String;

    fn try_from(rules: Vec<[String; 2]>) -> Result<Names, String> {
        rules.iter().map(|[from, to]| Rule::new(from, to)).collect::<Result<_, _>>().map(Names)
    }
}

impl Rule {
    fn new(from: &str, to: &str) -> Result<Rule, String> {
        let rule = Rule { from: pieces(from)?, to: pieces(to)? };
        for (at, piece) in rule.from.iter().enumerate() {
            let Piece::Hole(hole) = piece else { continue };
            if rule.from[..at].contains(piece) {
                return Err(format!("`{from}` has `{{{hole}}}` twice"));
            }
            if matches!(rule.from.get(at + 1), Some(Piece::Hole(_))) {
                return Err(format!("nothing in `{from}` says where `{{{hole}}}` ends"));
            }
        }
        match rule.to.iter().find(|piece| matches!(piece, Piece::Hole(_)) && !rule.from.contains(piece)) {
            Some(Piece::Hole(hole)) => Err(format!("`{to}` takes `{{{hole}}}`, which `{from}` does not have")),
            _ => Ok(rule),
        }
    }

    fn apply(&self, name: &str) -> Option<String> {
        let found = self.found(name)?;
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Hole(hole) => found.iter().find(|(known, _)| known == hole).map_or("", |(_, text)| text).to_owned(),
        };
        Some(self.to.iter().map(text).collect())
    }

    /// What the holes stand for in `name`, where the rule holds it.
    fn found<'n>(&self, name: &'n str) -> Option<Vec<(&str, &'n str)>> {
        let (mut rest, mut found) = (name, Vec::new());
        for (at, piece) in self.from.iter().enumerate() {
            match piece {
                Piece::Text(text) => rest = rest.strip_prefix(text.as_str())?,
                Piece::Hole(hole) => {
                    let first = rest.chars().next()?.len_utf8();
                    let end = match self.from.get(at + 1) {
                        Some(Piece::Text(text)) if at + 2 == self.from.len() => {
                            rest.strip_suffix(text.as_str()).map(str::len).filter(|end| *end >= first)?
                        }
                        Some(Piece::Text(text)) => first + rest[first..].find(text.as_str())?,
                        _ => rest.len(),
                    };
                    found.push((hole.as_str(), &rest[..end]));
                    rest = &rest[end..];
                }
            }
        }
        rest.is_empty().then_some(found)
    }
}

/// Text and holes in turn.
fn pieces(pattern: &str) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut rest) = (Vec::new(), pattern);
    while let Some((text, after)) = rest.split_once('{') {
        let hole = after.split_once('}').filter(|(hole, _)| !hole.is_empty() && !hole.contains('{'));
        let (hole, after) = hole.ok_or_else(|| format!("a hole of `{pattern}` has no name or no end"))?;
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
        pieces.push(Piece::Hole(hole.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

/// As rules are written, one after the other.
impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |pieces: &[Piece]| {
            let piece = |piece: &Piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Hole(hole) => format!("{{{hole}}}"),
            };
            pieces.iter().map(piece).collect::<String>()
        };
        let rules: Vec<String> =
            self.0.iter().map(|rule| format!("{:?} → {:?}", text(&rule.from), text(&rule.to))).collect();
        f.write_str(&rules.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(rules: &[[&str; 2]]) -> Result<Names, String> {
        rules.iter().map(|rule| rule.map(str::to_owned)).collect::<Vec<_>>().try_into()
    }

    #[test]
    fn the_first_rule_that_holds_counts() {
        let names = names(&[
            ["res{n}a_branch{b}_weight", "b{n}.conv_branch{b}.weight"],
            ["res{n}b{k}_branch{b}_weight", "b{n}_{k}.conv_branch{b}.weight"],
            ["bn7_gamma", "bn7.weight"],
            ["backbone.{rest}", "trunk.{rest}"],
        ])
        .unwrap();
        assert_eq!(names.apply("res2a_branch2a_weight"), "b2.conv_branch2a.weight");
        assert_eq!(names.apply("res4b5_branch2b1_weight"), "b4_5.conv_branch2b1.weight");
        assert_eq!(names.apply("bn7_gamma"), "bn7.weight");
        assert_eq!(names.apply("backbone.layer1.0.weight"), "trunk.layer1.0.weight");
        assert_eq!(names.apply("linear1000_bias"), "linear1000_bias");
        assert_eq!(names.apply("resa_branch_weight"), "resa_branch_weight", "a hole is not empty");
    }

    #[test]
    fn a_hole_ends_where_the_text_behind_it_is_first_found() {
        let rule = |from: &str, to: &str, name: &str| names(&[[from, to]]).unwrap().apply(name);
        assert_eq!(rule("{a}_{b}", "{b}|{a}", "x_y_z"), "y_z|x");
        assert_eq!(rule("{a}_x", "{a}", "x_x_x"), "x_x", "the last text ends the name");
        assert_eq!(rule("{a}", "p.{a}", "x"), "p.x");
    }

    #[test]
    fn rules_that_make_no_sense_are_told() {
        let told = |from: &str, to: &str| names(&[[from, to]]).unwrap_err();
        assert_eq!(told("{a}{b}", "x"), "nothing in `{a}{b}` says where `{a}` ends");
        assert_eq!(told("{a}.{a}", "x"), "`{a}.{a}` has `{a}` twice");
        assert_eq!(told("a", "{b}"), "`{b}` takes `{b}`, which `a` does not have");
        assert_eq!(told("a{", "b"), "a hole of `a{` has no name or no end");
    }

    proptest! {
        #[test]
        fn no_rule_and_no_name_panic(from in "[ab{}é.]{0,8}", to in "[ab{}é]{0,6}", name in "[abé.]{0,10}") {
            if let Ok(names) = names(&[[from.as_str(), to.as_str()]]) {
                names.apply(&name);
            }
        }
    }
}
