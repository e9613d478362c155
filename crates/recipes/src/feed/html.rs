//! HTML made plain text: tags go, blocks become lines, entities become characters, scripts and styles vanish. Made for
//! the small HTML of feeds; it works in one pass, whatever it is given, and the result is text, never markup to trust.

use quick_xml::escape::resolve_html5_entity;

/// Which tags are taken for tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tags {
    All,
    /// Only HTML's usual ones, so that a title such as `Vec<u8> explained` keeps its words.
    Usual,
}

const BLOCKS: [&str; 26] = [
    "p",
    "div",
    "br",
    "hr",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "pre",
    "table",
    "tr",
    "section",
    "article",
    "header",
    "footer",
    "figure",
    "figcaption",
];
const INLINE: [&str; 24] = [
    "a", "abbr", "b", "big", "cite", "code", "del", "em", "font", "i", "img", "ins", "kbd", "mark", "q", "s", "small",
    "span", "strong", "sub", "sup", "td", "th", "u",
];
/// Elements whose content is not for readers.
const SILENT: [&str; 8] = ["script", "style", "noscript", "template", "iframe", "svg", "object", "head"];

/// The text of a piece of HTML: lines without blank ones between them.
pub(super) fn to_text(html: &str, tags: Tags) -> String {
    let mut reader = Reader { out: String::with_capacity(html.len()), no_end: false, open_quotes: false };
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        reader.out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = if rest.starts_with('&') { reader.entity(rest) } else { reader.tag(rest, tags) };
        rest = &rest[taken..];
    }
    reader.out.push_str(rest);
    lines(&reader.out)
}

struct Reader {
    out: String,
    /// No `>` follows any more: every further `<` is text. Keeps hostile input from being searched again and again.
    no_end: bool,
    /// A quote in a tag never closed: quotes are not trusted any more.
    open_quotes: bool,
}

impl Reader {
    /// Reads `&...;` at the start of `rest` and returns its length; what is not an entity is text.
    fn entity(&mut self, rest: &str) -> usize {
        let end = rest.bytes().take(40).position(|byte| byte == b';');
        let decoded = end.and_then(|end| character(&rest[1..end]));
        match (decoded, end) {
            (Some(text), Some(end)) => {
                self.out.push_str(&text);
                end + 1
            }
            (_, _) => {
                self.out.push('&');
                1
            }
        }
    }

    /// Reads a tag or comment at the start of `rest` and returns its length; what is neither is text.
    fn tag(&mut self, rest: &str, tags: Tags) -> usize {
        if rest.starts_with("<!--") {
            return rest.find("-->").map_or(rest.len(), |end| end + 3);
        }
        let inside = &rest[1..];
        let closing = inside.starts_with('/');
        let name = inside.trim_start_matches('/');
        let name: String = name.chars().take(20).take_while(char::is_ascii_alphanumeric).collect();
        let name = name.to_ascii_lowercase();
        let (block, silent) = (BLOCKS.contains(&name.as_str()), SILENT.contains(&name.as_str()));
        let usual = block || silent || INLINE.contains(&name.as_str());
        let odd = inside.starts_with(['!', '?']);
        let starts_a_tag = odd || name.starts_with(|c: char| c.is_ascii_alphabetic());
        let end = if starts_a_tag && (usual || tags == Tags::All) { self.tag_end(rest) } else { None };
        let Some(end) = end else {
            self.out.push('<');
            return 1;
        };
        if silent && !closing && !rest[..end].ends_with("/>") {
            return end + after_element(&rest[end..], &name);
        }
        if block {
            self.out.push('\n');
            if name == "li" && !closing {
                self.out.push_str("- ");
            }
        } else if name == "td" || name == "th" || odd {
            self.out.push(' ');
        }
        end
    }

    /// Where the tag at the start of `rest` ends, with `>` inside quotes left alone.
    fn tag_end(&mut self, rest: &str) -> Option<usize> {
        if self.no_end {
            return None;
        }
        if !self.open_quotes {
            let mut quote = None;
            for (index, byte) in rest.bytes().enumerate() {
                match (quote, byte) {
                    (None, b'>') => return Some(index + 1),
                    (None, b'"' | b'\'') => quote = Some(byte),
                    (Some(open), _) if open == byte => quote = None,
                    (_, _) => {}
                }
            }
            self.open_quotes = true;
        }
        let end = rest.find('>').map(|index| index + 1);
        self.no_end = end.is_none();
        end
    }
}

/// Length of what belongs to a silent element, its closing tag included; all of the rest when it never closes.
fn after_element(rest: &str, name: &str) -> usize {
    let mut from = 0;
    while let Some(at) = rest[from..].find("</") {
        let start = from + at + 2;
        let closes = rest.get(start..start + name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name));
        if closes {
            return rest[start..].find('>').map_or(rest.len(), |end| start + end + 1);
        }
        from = start;
    }
    rest.len()
}

/// The character or characters that an entity's name or number stands for.
pub(crate) fn character(entity: &str) -> Option<String> {
    let Some(number) = entity.strip_prefix('#') else {
        return resolve_html5_entity(entity).map(|text| text.replace('\u{a0}', " "));
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    let c = char::from_u32(code).filter(|c| !c.is_control() || c.is_whitespace())?;
    Some(if c == '\u{a0}' { ' ' } else { c }.to_string())
}

/// Lines with single spaces, without blank ones and without characters nobody can see.
pub(crate) fn lines(text: &str) -> String {
    let said = text.lines().map(clean_line).filter(|line| !line.is_empty() && line != "-");
    said.collect::<Vec<_>>().join("\n")
}

/// A text as one line with single spaces, without characters nobody can see.
pub(crate) fn clean_line(text: &str) -> String {
    let visible = |c: &char| !matches!(c, '\u{200b}' | '\u{feff}' | '\u{ad}') && (!c.is_control() || c.is_whitespace());
    let line: String = text.chars().filter(visible).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_lines_of_text() {
        for (html, text) in [
            ("<p>One <b>two</b>&nbsp;three</p><p>Four</p>", "One two three\nFour"),
            ("a<br/>b<BR>c", "a\nb\nc"),
            ("<ul><li>x</li><li>y</li></ul>", "- x\n- y"),
            ("<script>alert('</p>')</script>seen<style>p{}</style>", "seen"),
            ("<!-- hidden > --> seen", "seen"),
            ("<a href=\"https://example.com/?a>b\" title='x>y'>link</a>", "link"),
            ("caf&eacute; &#8212; &#x2014; &amp;lt; AT&T &unknown; &", "café — — &lt; AT&T &unknown; &"),
            ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
            ("<td>a</td><td>b</td>", "a b"),
            ("&#0;&#xd800;x\u{200b}", "&#0;&#xd800;x"),
            ("never <b ends", "never <b ends"),
            ("quote <b class=\"x>open</b> end", "quote open end"),
            ("<script>never ends", ""),
        ] {
            assert_eq!(to_text(html, Tags::All), text, "{html}");
        }
    }

    #[test]
    fn a_title_keeps_angle_brackets_that_are_not_html() {
        assert_eq!(to_text("Vec<u8> and <em>more</em> &lt;T&gt;", Tags::Usual), "Vec<u8> and more <T>");
    }

    #[test]
    fn hostile_input_takes_one_pass() {
        for piece in ["<", "<a \"", "<!--", "&", "<a", "</", "<script>", "<b '"] {
            // Would take minutes if every piece were searched to the end again.
            let text = to_text(&piece.repeat(300_000), Tags::All);
            assert!(text.len() <= piece.len() * 300_000 + 1);
        }
    }
}
