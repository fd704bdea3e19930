//! Places: bytes of a text, as this program counts, and lines with UTF-16 units, as editors do.

use std::ops::Range;

use lsp_types::{Position, Range as Lines};

/// Where a byte stands. A byte within a character stands at its beginning, one past the text at its end.
pub fn position(text: &str, mut at: usize) -> Position {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line = before.bytes().filter(|byte| *byte == b'\n').count();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position::new(line as u32, before[start..].encode_utf16().count() as u32)
}

pub fn lines(text: &str, bytes: Range<usize>) -> Lines {
    Lines::new(position(text, bytes.start), position(text, bytes.end))
}

/// The byte of a place; the end of its line, or of the text, where it lies beyond.
pub fn byte(text: &str, place: Position) -> usize {
    let mut start = 0;
    for _ in 0..place.line {
        match text[start..].find('\n') {
            Some(newline) => start += newline + 1,
            None => return text.len(),
        }
    }
    let line = text[start..].split('\n').next().unwrap_or("");
    let mut units = 0;
    for (at, character) in line.char_indices() {
        if units >= place.character as usize {
            return start + at;
        }
        units += character.len_utf16();
    }
    start + line.len()
}

/// The name that a byte lies in or right behind, with what stands before it by dots: `base.crop` at `crop` is `base.crop`, at `base` it is `base`.
pub fn name_at(text: &str, at: usize) -> Option<Range<usize>> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    let back = |from: usize| bytes[..from].iter().rev().take_while(|byte| is_name(**byte)).count();
    let mut start = at.min(bytes.len());
    start -= back(start);
    let end = start + bytes[start..].iter().take_while(|byte| is_name(**byte)).count();
    if start == end || bytes[start].is_ascii_digit() {
        return None;
    }
    while start > 1 && bytes[start - 1] == b'.' && back(start - 1) > 0 {
        start -= 1 + back(start - 1);
    }
    // `0.5.x` and `a..b` are no names.
    (!bytes[start].is_ascii_digit()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let text = "a = \"ä𝄞\"\nlet b = a";
        for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            assert_eq!(byte(text, position(text, at)), at);
        }
        assert_eq!(position(text, text.find('\n').unwrap()), Position::new(0, 9), "𝄞 is two units");
        assert_eq!(byte(text, Position::new(0, 99)), text.find('\n').unwrap());
        assert_eq!(byte(text, Position::new(9, 0)), text.len());
    }

    #[test]
    fn names_with_what_stands_before_them() {
        let text = "let x = base.net.crop + 0.5 |> f(1..n)";
        let at = |word: &str| name_at(text, text.find(word).unwrap()).map(|range| &text[range]);
        assert_eq!(
            (at("base"), at("crop"), at("f("), at("n)")),
            (Some("base"), Some("base.net.crop"), Some("f"), Some("n"))
        );
        assert_eq!((at("0.5"), at("+")), (None, None));
        assert_eq!(name_at("", 0), None);
    }
}
