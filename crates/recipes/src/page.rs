//! Reading web pages: what a person would read on one, as plain text, with its title and the feed it names. One pass over
//! the page and a list of what is open, so neither length nor nesting costs more than it weighs; nothing of a page is run,
//! followed or trusted. Fetching is not done here.

mod tags;

use crate::feed::html::{character, clean_line, lines};
use crate::feed::{TEXT_CHARS_MAX, TITLE_CHARS_MAX};
use copydesk_core::recipe::items::cut;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::borrow::Cow;
use tags::{Attributes, Role, Tag, raw_end};

/// How far into a page its encoding is looked for, as browsers do. Units: bytes.
const PRESCAN_BYTES: usize = 1_024;
/// A part of a page that is marked as its main one counts from here. Units: characters.
const PART_CHARS_GOOD: usize = 140;
/// The longest address of a feed, or that paths begin at. Units: bytes.
const FEED_BYTES_MAX: usize = 2_000;

/// What a page says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebPage {
    /// `og:title`, else `<title>`, else the first heading of the first rank.
    pub title: Option<String>,
    /// Lines without scripts, menus, forms and what surrounds; never empty, at most 20,000 characters.
    pub text: String,
    pub feed: Option<FeedLink>,
}

/// The feed that a page names in its head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedLink {
    /// In the page's own words: often a path.
    pub href: String,
    /// What `<base href>` says that paths begin at, itself a path or an address; without it they begin at the page's own.
    pub base: Option<String>,
}

/// Why a page says nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PageError {
    #[error("This is not a web page: its server calls it {0}.")]
    OtherType(String),
    #[error("This is a feed, not a web page. Add it as a feed: its entries become items.")]
    Feed,
    #[error("This is empty.")]
    Empty,
    #[error("This page has no text of its own: what it shows is made by scripts, which are not run.")]
    OnlyScripts,
    #[error("This page has no text to read.")]
    NoText,
}

/// Reads a page. Its encoding is what its first bytes say, else its server, else the page, else UTF-8, and Windows-1252 where
/// it is not that; bytes that belong to no character are left out.
pub fn read_page(bytes: &[u8], content_type: Option<&str>) -> Result<WebPage, PageError> {
    let (kind, label) = media_type(content_type.unwrap_or_default());
    let known = ["", "text/html", "application/xhtml+xml", "text/xml", "application/xml", "application/octet-stream"];
    if !known.contains(&kind.as_str()) && !kind.ends_with("+xml") {
        return Err(PageError::OtherType(kind.chars().take(80).collect()));
    }
    let html = decode(bytes, label);
    if html.trim().is_empty() {
        return Err(PageError::Empty);
    }
    let start: String = html.chars().take(1_000).collect::<String>().to_ascii_lowercase();
    let is_feed = ["<rss", "<feed", "<rdf:rdf"].iter().any(|root| start.contains(root)) && !start.contains("<html");
    match is_feed {
        true => Err(PageError::Feed),
        false if !start.contains('<') && kind != "text/html" => {
            let kind = if kind.is_empty() { "nothing, and it is not HTML".to_owned() } else { kind };
            Err(PageError::OtherType(kind))
        }
        false => Reader::default().read(&html),
    }
}

/// The feed that a page names.
pub fn feed_named(bytes: &[u8]) -> Option<FeedLink> {
    let mut reader = Reader::default();
    reader.walk(&decode(bytes, None));
    reader.feed_link()
}

/// `text/html` and the charset of `text/html; charset=...`.
fn media_type(content_type: &str) -> (String, Option<&str>) {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    });
    (kind, charset)
}

fn decode<'a>(bytes: &'a [u8], label: Option<&str>) -> Cow<'a, str> {
    let (encoding, mark) = match (Encoding::for_bom(bytes), label) {
        (Some(found), _) => found,
        (None, label) => {
            let said = label.and_then(|label| Encoding::for_label(label.as_bytes())).or_else(|| named_inside(bytes));
            let guessed = || if std::str::from_utf8(bytes).is_ok() { UTF_8 } else { WINDOWS_1252 };
            (said.unwrap_or_else(guessed), 0)
        }
    };
    encoding.decode_without_bom_handling(&bytes[mark..]).0
}

/// What the page itself says in its first bytes: `<meta charset=...>` or the older form.
fn named_inside(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(PRESCAN_BYTES)]);
    let mut rest = head.as_ref();
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let Some((tag, taken)) = Tag::read(rest) else {
            // A `<!doctype html>` or a comment: on to the next.
            rest = &rest[1..];
            continue;
        };
        rest = &rest[taken..];
        if tag.name != "meta" {
            continue;
        }
        let label = tag.attributes.charset.or_else(|| media_type(tag.attributes.content?).1);
        match label.and_then(|label| Encoding::for_label(label.trim().as_bytes())) {
            // It could be read as ASCII, so UTF-16 it is not.
            Some(found) if found == UTF_16LE || found == UTF_16BE => return Some(UTF_8),
            Some(found) => return Some(found),
            None => {}
        }
    }
    None
}

/// Where a piece of text stands.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Place {
    main: bool,
    article: bool,
    form: bool,
}

/// An element that is open, and what it is for.
struct Open {
    name: &'static str,
    role: Role,
}

#[derive(Default)]
struct Reader {
    out: String,
    /// Where each stretch of `out` ends and where it stood.
    stretches: Vec<(usize, Place)>,
    open: Vec<Open>,
    /// How many of each name are open, so that a stray end is not searched for.
    named: std::collections::HashMap<&'static str, usize>,
    silent: usize,
    forms: usize,
    mains: usize,
    articles: usize,
    pres: usize,
    headings: usize,
    heading: String,
    heading_done: bool,
    og_title: Option<String>,
    title: Option<String>,
    feed: Option<String>,
    base: Option<String>,
    scripts: bool,
}

impl Reader {
    fn read(mut self, html: &str) -> Result<WebPage, PageError> {
        self.walk(html);
        let text = self.text();
        if text.is_empty() {
            return Err(if self.scripts { PageError::OnlyScripts } else { PageError::NoText });
        }
        let feed = self.feed_link();
        let heading = Some(self.heading);
        let title = [self.og_title, self.title, heading].into_iter().flatten().map(|said| said.replace('\u{fffd}', ""));
        let title = title.map(|said| cut(&clean_line(&said), TITLE_CHARS_MAX)).find(|said| !said.is_empty());
        Ok(WebPage { title, text, feed })
    }

    fn feed_link(&mut self) -> Option<FeedLink> {
        let base = self.base.take();
        self.feed.take().map(|href| FeedLink { href, base })
    }

    /// The part that is marked as the main one, if it says something; else all that is for readers.
    fn text(&self) -> String {
        let tries: [fn(&Place) -> bool; 4] =
            [|at| at.main && !at.form, |at| at.article && !at.form, |at| !at.form, |_| true];
        let mut longest = String::new();
        for wanted in tries {
            let text = self.part(wanted);
            if text.chars().count() >= PART_CHARS_GOOD {
                return cut(&text, TEXT_CHARS_MAX);
            }
            if text.len() > longest.len() {
                longest = text;
            }
        }
        longest
    }

    fn part(&self, wanted: fn(&Place) -> bool) -> String {
        let (mut text, mut from) = (String::new(), 0);
        for (end, place) in &self.stretches {
            if wanted(place) {
                text.push_str(&self.out[from..*end]);
            } else {
                text.push('\n');
            }
            from = *end;
        }
        lines(&text.replace('\u{fffd}', ""))
    }

    fn walk(&mut self, html: &str) {
        let mut rest = html;
        while let Some(at) = rest.find(['<', '&']) {
            self.say(&rest[..at]);
            rest = &rest[at..];
            let taken = if rest.starts_with('&') { self.entity(rest) } else { self.markup(rest) };
            rest = &rest[taken..];
        }
        self.say(rest);
    }

    fn say(&mut self, text: &str) {
        if self.silent > 0 || text.is_empty() {
            return;
        }
        if self.headings > 0 && !self.heading_done && self.heading.len() < 4 * TITLE_CHARS_MAX {
            self.heading.push_str(text);
        }
        // A line's end in the source is a space to readers.
        let pre = self.pres > 0 || text == "\n" || text == "\n- ";
        self.out.extend(text.chars().map(|c| if !pre && matches!(c, '\n' | '\r') { ' ' } else { c }));
        let place = Place { main: self.mains > 0, article: self.articles > 0, form: self.forms > 0 };
        match self.stretches.last_mut() {
            Some((end, last)) if *last == place => *end = self.out.len(),
            Some(_) | None => self.stretches.push((self.out.len(), place)),
        }
    }

    /// Reads `&...;` at the start of `rest` and returns its length; what is not an entity is text.
    fn entity(&mut self, rest: &str) -> usize {
        let end = rest.bytes().take(40).position(|byte| byte == b';');
        match end.and_then(|end| Some((end, character(&rest[1..end])?))) {
            Some((end, text)) => {
                self.say(&text);
                end + 1
            }
            None => {
                self.say("&");
                1
            }
        }
    }

    /// Reads a tag or comment at the start of `rest` and returns its length; what is neither is text.
    fn markup(&mut self, rest: &str) -> usize {
        if rest.starts_with("<!--") {
            return rest.find("-->").map_or(rest.len(), |end| end + 3);
        }
        if rest.starts_with("<!") || rest.starts_with("<?") {
            return rest.find('>').map_or(rest.len(), |end| end + 1);
        }
        let Some((tag, taken)) = Tag::read(rest) else {
            self.say("<");
            return 1;
        };
        if !tag.closing && tag.is_raw() {
            let (inside, whole) = raw_end(&rest[taken..], &tag.name);
            self.scripts |= tag.name == "script";
            if tag.name == "title" && self.silent == 0 && self.title.is_none() {
                self.title = Some(plain(&rest[taken..taken + inside]));
            }
            return taken + whole;
        }
        match tag.name.as_str() {
            "meta" => self.meta(&tag.attributes),
            "link" => self.link(&tag.attributes),
            "base" => self.base(&tag.attributes),
            _ => self.element(&tag),
        }
        taken
    }

    fn meta(&mut self, attributes: &Attributes<'_>) {
        let is_title = [attributes.property, attributes.name].contains(&Some("og:title"));
        if let (true, None, Some(content)) = (is_title, &self.og_title, attributes.content) {
            self.og_title = Some(plain(content));
        }
    }

    fn link(&mut self, attributes: &Attributes<'_>) {
        let is = |given: Option<&str>, word: &str| {
            given.is_some_and(|given| given.split_ascii_whitespace().any(|part| part.eq_ignore_ascii_case(word)))
        };
        let kinds = ["application/rss+xml", "application/atom+xml"];
        let names = is(attributes.rel, "alternate") && kinds.iter().any(|kind| is(attributes.kind, kind));
        if let (true, None, Some(address)) = (names, &self.feed, attributes.href) {
            self.feed = named(address);
        }
    }

    /// The first one holds for the whole page, wherever it stands.
    fn base(&mut self, attributes: &Attributes<'_>) {
        if let (None, Some(address)) = (&self.base, attributes.href) {
            self.base = named(address);
        }
    }

    fn element(&mut self, tag: &Tag<'_>) {
        match tag.name.as_str() {
            "br" | "hr" => return self.say("\n"),
            "td" | "th" if !tag.closing => self.say(" "),
            _ => {}
        }
        let Some(name) = tag.structural() else { return };
        if tag.closing {
            self.close(name);
            return self.say("\n");
        }
        if let Some(last) = self.open.last().filter(|last| last.name == "p" || last.name == "li" && name == "li") {
            self.close(last.name);
        }
        self.say(if name == "li" {
            "\n- "
        } else if matches!(name, "td" | "th") {
            " "
        } else {
            "\n"
        });
        if tag.is_void() {
            return;
        }
        let role = tag.role(name, self.mains + self.articles > 0);
        self.count(role, name, true);
        self.open.push(Open { name, role });
    }

    /// Ends the element that was opened last under this name, with all that is open inside it.
    fn close(&mut self, name: &'static str) {
        if self.named.get(name).is_none_or(|open| *open == 0) {
            return;
        }
        while let Some(last) = self.open.pop() {
            self.count(last.role, last.name, false);
            if last.name == name {
                return;
            }
        }
    }

    fn count(&mut self, role: Role, name: &'static str, up: bool) {
        let turn = |count: &mut usize| *count = if up { *count + 1 } else { count.saturating_sub(1) };
        turn(self.named.entry(name).or_default());
        match role {
            Role::Silent => turn(&mut self.silent),
            Role::Form => turn(&mut self.forms),
            Role::Main => turn(&mut self.mains),
            Role::Article => turn(&mut self.articles),
            Role::Plain => {}
        }
        match name {
            "pre" => turn(&mut self.pres),
            "h1" => {
                turn(&mut self.headings);
                self.heading_done |= !up && !self.heading.trim().is_empty();
            }
            _ => {}
        }
    }
}

fn named(address: &str) -> Option<String> {
    let address = plain(address.trim());
    Some(address).filter(|address| !address.is_empty() && address.len() <= FEED_BYTES_MAX)
}

/// The text of a title or an attribute: its entities as characters.
fn plain(text: &str) -> String {
    let mut reader = Reader::default();
    let mut rest = text.get(..text.floor_char_boundary(4 * FEED_BYTES_MAX)).unwrap_or_default();
    while let Some(at) = rest.find('&') {
        reader.say(&rest[..at]);
        let taken = reader.entity(&rest[at..]);
        rest = &rest[at + taken..];
    }
    reader.say(rest);
    reader.out
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
