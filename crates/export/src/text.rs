//! Plain text: Markdown read as its reader is meant to see it, without the marks. Headings are underlined, links stand
//! behind their words, lists and quotes keep their shape.

use crate::html::is_harmless;
use crate::markdown::titled;
use crate::{Document, Footer};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// The text with its title.
pub fn text(document: &Document<'_>) -> String {
    plain(&titled(document.content))
}

/// The same with the way out under it.
pub fn text_with(document: &Document<'_>, footer: Option<&Footer<'_>>) -> String {
    let said = text(document);
    match footer {
        Some(Footer { said: why, word, link }) => format!("{said}\n-- \n{why}\n{word}: {link}\n"),
        None => said,
    }
}

/// Markdown without its marks.
pub(crate) fn plain(markdown: &str) -> String {
    let mut writer = Writer::default();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        writer.take(event);
    }
    let lines: Vec<&str> = writer.made.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_matches('\n'))
}

#[derive(Default)]
struct Writer {
    made: String,
    /// What every line of the quotes and items we are in begins with.
    prefixes: Vec<String>,
    /// The next number of the lists we are in; `None` for one with dashes.
    lists: Vec<Option<u64>>,
    /// Of the links we are in: where the words begin, and the address.
    links: Vec<(usize, String)>,
    /// Where the heading began.
    heading: usize,
    cell: usize,
    /// A block of code, whose lines stand as they are.
    code: bool,
    /// The marker of an item was just written: what comes first stands on its line.
    marked: bool,
}

impl Writer {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(words) | Event::Code(words) | Event::Html(words) | Event::InlineHtml(words) => self.say(&words),
            Event::SoftBreak | Event::HardBreak => self.newline(),
            Event::Rule => {
                self.block();
                self.say("---");
            }
            Event::FootnoteReference(_) | Event::TaskListMarker(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock | Tag::Table(_) => self.block(),
            Tag::Heading { .. } => {
                self.block();
                self.heading = self.made.len();
            }
            Tag::BlockQuote(_) => {
                self.block();
                self.made.push_str("> ");
                self.marked = true;
                self.prefixes.push("> ".to_owned());
            }
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.block();
                self.made.push_str("    ");
                self.prefixes.push("    ".to_owned());
                self.code = true;
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.block();
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::TableRow => self.newline(),
            Tag::TableHead => self.cell = 0,
            Tag::TableCell => {
                if self.cell > 0 {
                    self.made.push_str(" | ");
                }
                self.cell += 1;
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.links.push((self.made.len(), dest_url.into_string()));
            }
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                let width = self.made[self.heading..].chars().count();
                let mark = match level {
                    HeadingLevel::H1 => "=",
                    HeadingLevel::H2 => "-",
                    HeadingLevel::H3 | HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => "",
                };
                if !mark.is_empty() && width > 0 {
                    self.newline();
                    self.made.push_str(&mark.repeat(width.min(72)));
                }
            }
            TagEnd::BlockQuote(_) | TagEnd::Item => drop(self.prefixes.pop()),
            TagEnd::CodeBlock => {
                self.prefixes.pop();
                self.code = false;
            }
            TagEnd::List(_) => drop(self.lists.pop()),
            TagEnd::TableHead | TagEnd::TableRow => self.cell = 0,
            TagEnd::Link | TagEnd::Image => {
                let Some((start, address)) = self.links.pop() else { return };
                let words = &self.made[start..];
                let said = words.contains(&address) || address == format!("mailto:{words}");
                if is_harmless(&address) && !said {
                    self.made.push_str(&format!(" ({address})"));
                }
            }
            TagEnd::Paragraph
            | TagEnd::HtmlBlock
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Table
            | TagEnd::TableCell
            | TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    fn item(&mut self) {
        if !self.made.is_empty() && !self.made.ends_with("\n\n") && !self.marked {
            self.newline();
        }
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            Some(None) | None => "- ".to_owned(),
        };
        self.made.push_str(&marker);
        self.prefixes.push(" ".repeat(marker.len()));
        self.marked = true;
    }

    fn say(&mut self, words: &str) {
        // The last line break of a block of code is its end.
        let words = if self.code { words.strip_suffix('\n').unwrap_or(words) } else { words };
        for (place, line) in words.split('\n').enumerate() {
            if place > 0 {
                self.newline();
            }
            self.made.push_str(line);
        }
        self.marked = false;
    }

    fn newline(&mut self) {
        self.made.push('\n');
        self.prefixes.iter().for_each(|prefix| self.made.push_str(prefix));
        self.marked = false;
    }

    /// Between two blocks there is an empty line.
    fn block(&mut self) {
        if self.made.is_empty() || self.marked {
            return;
        }
        self.newline();
        self.newline();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_the_shape_stays() {
        let table = [
            ("# Tea\n\nIs *hot*, **very** `so`.", "Tea\n===\n\nIs hot, very so.\n"),
            ("## Tea\nx\n### Sub\ny", "Tea\n---\n\nx\n\nSub\n\ny\n"),
            ("a\nb  \nc", "a\nb\nc\n"),
            ("- a\n- b\n  - c\n- d\n\nend", "- a\n- b\n  - c\n- d\n\nend\n"),
            ("3. a\n4. b\n\n   more", "3. a\n4. b\n\n   more\n"),
            ("> a\n> b\n\nc", "> a\n> b\n\nc\n"),
            ("[words](https://x.example) and <https://y.example>", "words (https://x.example) and https://y.example\n"),
            ("[words](javascript:x) ![a cat](https://x.example/c.png)", "words a cat (https://x.example/c.png)\n"),
            ("<ann@x.example>", "ann@x.example\n"),
            ("```rust\nfn a() {\n}\n```\n\nx", "    fn a() {\n    }\n\nx\n"),
            ("a | b\n--|--\nc | d", "a | b\nc | d\n"),
            ("a\n\n---\n\nb", "a\n\n---\n\nb\n"),
            ("a \\* b &amp; c <b>d</b>", "a * b & c <b>d</b>\n"),
            ("", "\n"),
        ];
        for (markdown, want) in table {
            assert_eq!(plain(markdown), want, "{markdown:?}");
        }
    }
}
