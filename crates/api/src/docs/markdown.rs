//! The little Markdown that our own pages are written in, as HTML: headings, paragraphs, lists, and `code`. It is only ever
//! given texts of this repository; all the same everything is escaped.

use super::escaped;

/// Code spans, the rest escaped.
pub(super) fn inline(text: &str) -> String {
    let mut html = String::new();
    for (place, piece) in text.split('`').enumerate() {
        match place % 2 {
            0 => html.push_str(&escaped(piece)),
            _ => html.push_str(&format!("<code>{}</code>", escaped(piece))),
        }
    }
    html
}

/// Paragraphs, headings one level deeper than written, and lists of `- `.
pub(super) fn blocks(text: &str) -> String {
    text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()).map(block).collect()
}

fn block(text: &str) -> String {
    let heading = text.trim_start_matches('#');
    let level = text.len() - heading.len();
    if level > 0 {
        return format!("<h{0}>{1}</h{0}>\n", level.min(5), inline(heading.trim()));
    }
    if text.starts_with("- ") {
        let items = text.split("\n- ").map(|item| format!("<li>{}</li>", inline(item.trim_start_matches("- "))));
        return format!("<ul>{}</ul>\n", items.collect::<String>());
    }
    format!("<p>{}</p>\n", inline(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_shown_and_never_run() {
        let html = blocks("# A `b`\n\nOne <i>\ntwo\n\n- x\n- `y`");
        assert_eq!(
            html,
            "<h1>A <code>b</code></h1>\n<p>One &lt;i&gt;\ntwo</p>\n<ul><li>x</li><li><code>y</code></li></ul>\n"
        );
    }
}
