//! Text that no one wrote to be read: deep, long, unbalanced, random. It ends in problems, in time that grows with its length.

use super::parse;
use crate::diag::{Code, Problems};
use crate::source::SourceId;

const MEGABYTE: usize = 1 << 20;

fn problems(text: &str) -> Problems {
    let mut problems = Problems::default();
    parse(SourceId(0), text, &mut problems);
    problems
}

/// The codes of what is wrong with `text`, at most two of them.
fn codes(text: &str) -> Vec<Code> {
    problems(text).iter().map(|problem| problem.code).take(2).collect()
}

/// `part` up to a megabyte.
fn megabyte(part: &str) -> String {
    part.repeat(MEGABYTE / part.len())
}

/// Pest counts its calls for each piece and stops at a limit. If each level of brackets doubled them, a hundred levels would be
/// past any limit.
#[test]
fn brackets_inside_brackets_take_no_longer_each() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("f(", ")"), ("{ a = ", " }"), ("[x for x in ", "]"), ("if a { ", " } else { b }")]
    {
        for levels in [22, 100] {
            let text = format!("let x = {}1{}", open.repeat(levels), close.repeat(levels));
            assert!(problems(&text).is_empty(), "{levels} of {open}");
        }
    }
}

#[test]
fn what_is_too_deep_is_said_once() {
    for link in ["(", "[", "{", "f(", "[{(", "((a)"] {
        assert_eq!(codes(&format!("let x = {}", megabyte(link))), [Code::TooDeep], "{link}");
    }
    for link in ["- ", "not ", "1 + ", "x |> ", "x => ", "a.", "f()", "2 ^ ", "if a { b } else ", "a.b[c](d)"] {
        assert_eq!(codes(&format!("let x = {}1", megabyte(link))), [Code::TooDeep], "{link}");
    }
    let nested = format!("let x = {}1{}", "(".repeat(MEGABYTE / 2), ")".repeat(MEGABYTE / 2));
    assert_eq!(codes(&nested), [Code::TooDeep]);
}

#[test]
fn a_megabyte_of_anything_ends_in_problems() {
    for part in [
        "(",
        ")",
        "]",
        "[{(",
        ")]}",
        "}{",
        "-",
        "\"",
        "'",
        "a.",
        "a|>",
        "a ",
        "a\n",
        "=\n",
        "let ",
        "let\n",
        "let a = 1 1\n",
        "\\",
        "train a {\n",
        "train a { step { b } {\n",
        "f(\n",
        "loss a = f(\n",
        "é",
        "é a",
        "; ",
        "{ a = ",
        "0..",
        "@ \"",
        ",",
        "x y = 3 ",
    ] {
        assert!(problems(&megabyte(part)).has_errors(), "{part:?}");
    }
}

#[test]
fn a_megabyte_of_honest_text_is_read() {
    for part in ["// a\n", "//! a\n", "let a = f(1, b = [2, 3]) |> g\n", "\n", "/// a\nfn f(a) = { let b = a  b }\n"] {
        assert!(problems(&megabyte(part)).is_empty(), "{part:?}");
    }
    let list = format!("let a = [{}]", megabyte("0.5, "));
    assert!(problems(&list).is_empty());
}

#[test]
fn random_bytes_end_in_problems() {
    // A multiplicative generator with Lehmer's constants: any bytes will do.
    let mut state = 1_u64;
    let mut bytes = vec![0_u8; MEGABYTE];
    for (words, alphabet) in [(false, &b""[..]), (true, &b"()[]{}=,.|>\"\n a1-@/let fn net"[..])] {
        for byte in &mut bytes {
            state = state * 48_271 % 2_147_483_647;
            let drawn = (state >> 8) as u8;
            *byte = if words { alphabet[drawn as usize % alphabet.len()] } else { drawn };
        }
        assert!(problems(&String::from_utf8_lossy(&bytes)).has_errors());
    }
}
