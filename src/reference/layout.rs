//! Words in columns, for a terminal.

/// Columns of the text.
pub(super) const WIDTH: usize = 100;

/// A word and what it holds, wrapped.
pub(super) fn row(name: &str, text: &str) -> String {
    format!("  {name:12}  {}\n", wrap(text, 16))
}

/// Breaks at spaces; lines after the first are indented.
pub(super) fn wrap(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            lines += &format!("\n{}", " ".repeat(indent));
            column = indent;
        }
        if column > indent {
            lines.push(' ');
            column += 1;
        }
        lines += word;
        column += length;
    }
    lines
}

pub(super) fn table(rows: Vec<(&str, String)>) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = if rows.is_empty() { String::new() } else { "\n".to_string() };
    for (name, words) in rows {
        text += &format!("    {name:width$}  {}\n", wrap(&words, width + 6));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_wrapped_under_itself() {
        let wrapped = wrap(&"word ".repeat(60), 8);
        assert!(wrapped.lines().count() > 2 && wrapped.lines().skip(1).all(|line| line.starts_with("        word")));
        assert!(wrapped.lines().all(|line| line.len() <= WIDTH));
    }
}
