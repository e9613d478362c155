//! Reading feeds: RSS 2.0 (and 0.9x), RSS 1.0 and Atom become items of plain text. Fetching is not done here. Nothing in
//! a feed can make this program do work beyond its size: entities are never expanded, nesting and length are bounded,
//! and a feed that is broken is an error, never an empty list.

mod date;
mod decode;
pub(crate) mod html;
mod xml;

use copydesk_core::Timestamp;
use copydesk_core::recipe::items::cut;
use serde_json::{Map, Value};

pub(crate) use decode::decode;

/// Entries taken from a feed: the newest.
pub const ENTRIES_MAX: usize = 20;
/// Largest feed. Units: bytes.
pub const FEED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Deepest nesting of elements.
pub const DEPTH_MAX: usize = 256;
/// Longest title of an item. Units: characters.
pub const TITLE_CHARS_MAX: usize = 300;
/// Longest text of an item. Units: characters.
pub const TEXT_CHARS_MAX: usize = 20_000;
/// Longest link that is kept. Units: bytes.
pub const LINK_BYTES_MAX: usize = 2_000;
/// A summary shorter than this gives way to the full content, if there is one. Units: characters.
const SUMMARY_CHARS_GOOD: usize = 200;

/// One entry of a feed, as plain text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedItem {
    /// Never empty: an entry without a title is called by the beginning of its text.
    pub title: String,
    /// A web address; other links are left out.
    pub link: Option<String>,
    pub text: Option<String>,
    /// Absent when the feed gives none, or one without an offset from UTC.
    pub published_at: Option<Timestamp>,
    /// What the feed itself calls the entry: its `guid` or `id`.
    pub mark: Option<String>,
}

/// What was found instead of a feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    Nothing,
    Html,
    Json,
    /// XML, but its root element is another one.
    OtherXml(String),
    /// Neither XML nor anything else that is recognised.
    Other,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Seen::Nothing => write!(f, "it is empty"),
            Seen::Html => write!(f, "it is an HTML page. Look on that page for the address of its feed"),
            Seen::Json => write!(f, "it is JSON"),
            Seen::OtherXml(root) => write!(f, "it is XML of another kind, with the root element <{root}>"),
            Seen::Other => write!(f, "it is not XML"),
        }
    }
}

/// Why a file could not be read as a feed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FeedError {
    #[error("This is not an RSS or Atom feed: {0}.")]
    NotAFeed(Seen),
    #[error("The feed's XML is broken at line {line}: {what}.")]
    BrokenXml { line: usize, what: String },
    #[error("The feed says it is encoded as {0:?}, which is not a known encoding. Save it as UTF-8.")]
    UnknownEncoding(String),
    #[error("The feed has bytes that are not {0}, the encoding it is in by its own account. Save it as UTF-8.")]
    WrongEncoding(String),
    #[error("The feed has {bytes} bytes; at most {FEED_BYTES_MAX} are read.")]
    TooLarge { bytes: usize },
    #[error("The feed nests its elements more than {DEPTH_MAX} deep.")]
    TooDeep,
}

/// The newest entries of a feed, newest first; entries without a time follow in the feed's order. An empty feed gives an
/// empty list.
pub fn parse_feed(bytes: &[u8]) -> Result<Vec<FeedItem>, FeedError> {
    if bytes.len() > FEED_BYTES_MAX {
        return Err(FeedError::TooLarge { bytes: bytes.len() });
    }
    let text = decode(bytes)?;
    let text = text.trim_start();
    match text.chars().next() {
        None => return Err(FeedError::NotAFeed(Seen::Nothing)),
        Some('<') => {}
        Some('{' | '[') => return Err(FeedError::NotAFeed(Seen::Json)),
        Some(_) => return Err(FeedError::NotAFeed(Seen::Other)),
    }
    if looks_like_html(text) {
        return Err(FeedError::NotAFeed(Seen::Html));
    }
    let mut items: Vec<FeedItem> = xml::entries(text)?.into_iter().filter_map(item).collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.published_at));
    items.truncate(ENTRIES_MAX);
    Ok(items)
}

fn looks_like_html(text: &str) -> bool {
    let head: String = text.chars().take(40).collect::<String>().to_ascii_lowercase();
    head.starts_with("<!doctype html") || head.starts_with("<html")
}

/// `None` for an entry that says nothing at all.
fn item(entry: xml::Entry) -> Option<FeedItem> {
    let (summary, content) = (entry.summary, entry.content);
    let longer = content.chars().count() > summary.chars().count();
    let text = if longer && summary.chars().count() < SUMMARY_CHARS_GOOD { content } else { summary };
    let text = Some(cut(text.trim(), TEXT_CHARS_MAX)).filter(|text| !text.is_empty());
    let title = html::clean_line(&entry.title);
    let link = [&entry.link, &entry.permalink].into_iter().find_map(|link| web_address(link));
    let title = match (&text, &link) {
        _ if !title.is_empty() => cut(&title, TITLE_CHARS_MAX),
        (Some(text), _) => cut(&html::clean_line(text), 80),
        (None, Some(link)) => cut(link, TITLE_CHARS_MAX),
        (None, None) => return None,
    };
    let published_at = [entry.published, entry.updated].iter().find_map(|text| date::parse(text));
    let mark = [entry.mark, entry.permalink].into_iter().find(|mark| !mark.is_empty());
    Some(FeedItem { title, link, text, published_at, mark })
}

fn web_address(link: &str) -> Option<String> {
    let link = link.trim();
    let rest = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"))?;
    // The mark U+FEFF counts as white space in JSON Schema's patterns and not in Rust's.
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}';
    let sound = !rest.is_empty() && link.len() <= LINK_BYTES_MAX && !link.contains(odd);
    sound.then(|| link.to_owned())
}

impl FeedItem {
    /// The item as recipes take it: `{title, link?, text?, published_at?}`.
    pub fn to_value(&self) -> Value {
        let mut value = Map::new();
        value.insert("title".into(), self.title.clone().into());
        let published_at = self.published_at.map(|at| at.to_string().replace(".000000Z", "Z"));
        for (key, text) in [("link", &self.link), ("text", &self.text), ("published_at", &published_at)] {
            if let Some(text) = text {
                value.insert(key.into(), text.clone().into());
            }
        }
        Value::Object(value)
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
