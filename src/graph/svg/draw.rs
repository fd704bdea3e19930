//! A sketch as an SVG document.

use std::fmt::Write;

use super::layout::{CHARACTER, Direction, LINE, Rect, Sketch, lay_out};
use super::{Block, Shape};
use crate::types::Level;

/// The fill of a block by the strongest label it has seen: from cold to warm.
fn fill(level: Level) -> &'static str {
    match level {
        Level::None => "#f4f4f5",
        Level::Image => "#d6e9ff",
        Level::Point => "#d9f2dc",
        Level::Scribble => "#f4f1c4",
        Level::Box => "#fde3b8",
        Level::Pixel => "#fbc9c2",
    }
}

pub(super) fn draw(sketch: &Sketch) -> String {
    let layout = lay_out(sketch);
    let levels: Vec<Level> =
        Level::ALL.into_iter().filter(|level| sketch.blocks.iter().any(|block| block.level == *level)).collect();
    let (legend, legend_width) = legend(&levels, layout.height);
    let mut height = layout.height + if legend.is_empty() { 0.0 } else { 2.0 * LINE };
    let mut width = layout.width.max(legend_width);
    if !sketch.note.is_empty() {
        width = width.max((sketch.note.chars().count() + 4) as f64 * CHARACTER);
        height += 2.0 * LINE;
    }
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\">\n",
        number(width),
        number(height)
    );
    text += "<style>text { font: 11px monospace; fill: #18181b } .b { font-weight: bold } .n { stroke: #71717a } \
             .e { fill: none; stroke: #a1a1aa } .l { fill: #52525b; paint-order: stroke; stroke: #fff; stroke-width: 3px }</style>\n";
    text += "<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
             <path d=\"M0 0 8 4 0 8z\" fill=\"#a1a1aa\"/></marker></defs>\n";
    text += "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
    for way in &layout.ways {
        let _ = writeln!(text, "<path class=\"e\" d=\"{}\" marker-end=\"url(#a)\"/>", path(way, sketch.direction));
    }
    for (edge, way) in sketch.edges.iter().zip(&layout.ways).filter(|(edge, _)| !edge.label.is_empty()) {
        let (from, to) = (way[0], way[1]);
        let (x, y) = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0 - 4.0);
        let _ = writeln!(
            text,
            "<text class=\"l\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            number(x),
            number(y),
            escaped(&edge.label)
        );
    }
    sketch.blocks.iter().zip(&layout.blocks).for_each(|(block, rect)| text += &drawn(block, rect));
    text += &legend;
    if !sketch.note.is_empty() {
        let _ = writeln!(text, "<text x=\"{LINE}\" y=\"{}\">{}</text>", number(height - LINE), escaped(&sketch.note));
    }
    text + "</svg>\n"
}

fn drawn(block: &Block, rect: &Rect) -> String {
    let [x, y, width, height] = [rect.x, rect.y, rect.width, rect.height].map(number);
    let fill = fill(block.level);
    let mut text = String::from("<g>");
    if !block.tooltip.is_empty() {
        text += &format!("<title>{}</title>", escaped(block.tooltip.trim_end()));
    }
    text += &match block.shape {
        Shape::Box => format!(
            "<rect class=\"n\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"3\" fill=\"{fill}\"/>"
        ),
        Shape::Round => {
            let round = number(rect.height / 2.0);
            format!(
                "<rect class=\"n\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\" fill=\"{fill}\"/>"
            )
        }
        Shape::Slanted => {
            let corners = [(5.0, 0.0), (rect.width, 0.0), (rect.width - 5.0, rect.height), (0.0, rect.height)];
            let corners = corners.map(|(dx, dy)| format!("{},{}", number(rect.x + dx), number(rect.y + dy)));
            format!("<polygon class=\"n\" points=\"{}\" fill=\"{fill}\"/>", corners.join(" "))
        }
    };
    for (at, line) in block.lines.iter().enumerate() {
        text += &format!(
            "<text{} x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            if at == 0 { " class=\"b\"" } else { "" },
            number(rect.x + rect.width / 2.0),
            number(rect.y + LINE * (at as f64 + 1.0)),
            escaped(line)
        );
    }
    text + "</g>\n"
}

/// Through every point: across between two of them, along at each.
fn path(way: &[(f64, f64)], direction: Direction) -> String {
    let mut text = String::new();
    for (at, (x, y)) in way.iter().enumerate() {
        let [to_x, to_y] = [*x, *y].map(number);
        if at == 0 {
            text = format!("M{to_x} {to_y}");
            continue;
        }
        let (from_x, from_y) = way[at - 1];
        let [middle_x, middle_y] = [(from_x + x) / 2.0, (from_y + y) / 2.0].map(number);
        text += &match direction {
            Direction::Down => format!("C{} {middle_y} {to_x} {middle_y} {to_x} {to_y}", number(from_x)),
            Direction::Right => format!("C{middle_x} {} {middle_x} {to_y} {to_x} {to_y}", number(from_y)),
        };
    }
    text
}

/// What the colours mean, below the picture; nothing where there is one colour that means nothing.
fn legend(levels: &[Level], top: f64) -> (String, f64) {
    if levels.iter().all(|level| *level == Level::None) {
        return (String::new(), 0.0);
    }
    let (mut text, mut x) = (String::new(), LINE);
    for level in levels {
        let words = if *level == Level::None { "no labels".to_string() } else { format!("{} labels", level.word()) };
        let _ = writeln!(
            text,
            "<rect class=\"n\" x=\"{}\" y=\"{}\" width=\"11\" height=\"11\" fill=\"{}\"/><text x=\"{}\" y=\"{}\">{words}</text>",
            number(x),
            number(top),
            fill(*level),
            number(x + 16.0),
            number(top + 10.0),
        );
        x += 16.0 + (words.len() + 3) as f64 * CHARACTER;
    }
    (text, x)
}

/// A length to a tenth: nothing smaller is seen, and the text stays short.
fn number(value: f64) -> String {
    let tenths = (value * 10.0).round() / 10.0;
    format!("{}", if tenths == 0.0 { 0.0 } else { tenths })
}

/// Text inside an element. What XML has no characters for is shown as a replacement.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\n' | '\t' => safe.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
