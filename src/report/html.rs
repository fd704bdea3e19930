//! HTML as text. The page has few kinds of elements, so a template crate would bring more than the one thing that matters here: nothing of
//! a run gets into the page but through [`text`].

use std::fmt::{self, Display, Write};

/// A text that shows itself: for the inside of an element and of a quoted attribute.
pub(super) fn text(text: &str) -> Text<'_> {
    Text(text)
}

pub(super) struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(c)?,
                // No character of a document.
                c if c.is_control() => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A table from cells that are HTML already. It scrolls by itself where the screen is narrow.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut html = String::from("<div class=\"wide\"><table>\n<tr>");
    head.iter().for_each(|cell| html += &format!("<th>{}</th>", text(cell)));
    html += "</tr>\n";
    for row in rows {
        html += "<tr>";
        row.iter().for_each(|cell| html += &format!("<td>{cell}</td>"));
        html += "</tr>\n";
    }
    html + "</table></div>\n"
}

/// A part of the page; nothing where it would be empty.
pub(super) fn section(title: &str, inside: &str) -> String {
    if inside.is_empty() {
        return String::new();
    }
    format!("<section>\n<h2>{}</h2>\n{inside}</section>\n", text(title))
}

/// A line about something that is not there.
pub(super) fn absent(line: &str) -> String {
    format!("<p class=\"aside\">{}</p>\n", text(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_element() {
        assert_eq!(text("a < b && c > \"d\" 'e'").to_string(), "a &lt; b &amp;&amp; c &gt; &quot;d&quot; &#39;e&#39;");
        assert_eq!(text("\u{1b}[1m\tx\n").to_string(), "\u{fffd}[1m\tx\n");
        assert_eq!(section("empty", ""), "");
    }
}
