//! One fetch without anything that is kept: the address is asked, the answer read, and what came of it said in a word.

use crate::desk::Inner;
use copydesk_core::source::{Kind, Trouble};
use copydesk_outbound::{Failure, GetLimits, Page, Unread, Url, Wanted};
use copydesk_recipes::feed::{Seen, TITLE_CHARS_MAX};
use copydesk_recipes::page::feed_named;
use copydesk_recipes::{FeedError, FeedItem, FeedLink, PageError, parse_feed, read_page};
use copydesk_store::sources::SourceRow;
use std::time::Duration;

/// The largest feed or page that is read. Units: bytes.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What one fetch may take from its first look-up to its last byte.
const FETCH: Duration = Duration::from_secs(30);
const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1";
const ACCEPT_PAGE: &str = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1";

/// What a fetch brought.
pub(super) enum Brought {
    Items {
        items: Vec<FeedItem>,
        page: Page,
        /// Of a page: the feed it names.
        feed_url: Option<String>,
    },
    NothingNew,
    Trouble {
        trouble: Trouble,
        status: Option<u16>,
        retry_after: Option<Duration>,
        gone: bool,
    },
}

impl Brought {
    pub fn ill(code: &str, message: impl Into<String>) -> Brought {
        Brought::Trouble { trouble: trouble(code, message), status: None, retry_after: None, gone: false }
    }
}

/// What is to be fetched.
pub(super) struct Asked {
    pub kind: Kind,
    pub url: String,
    /// What its server called what was read last.
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

impl Asked {
    pub fn of(row: &SourceRow) -> Asked {
        // Whoever is claimed has an address.
        let url = row.url.clone().unwrap_or_default();
        Asked { kind: row.kind, url, etag: row.etag.clone(), last_modified: row.last_modified.clone() }
    }
}

pub(super) async fn bring(inner: &Inner, asked: Asked) -> Brought {
    let Asked { kind, url, etag, last_modified } = asked;
    let accept = if kind == Kind::Page { ACCEPT_PAGE } else { ACCEPT };
    let wanted = Wanted { url: url.clone(), accept, etag, last_modified };
    let limits = GetLimits { total: FETCH, body_bytes_max: BODY_BYTES_MAX };
    let page = match inner.hooks.courier.get(wanted, limits).await {
        Ok(page) => page,
        Err(unread) => return unreadable(&unread),
    };
    match page.status {
        304 => Brought::NothingNew,
        200..=299 => parsed(kind, url, page).await,
        410 => {
            let message =
                "Its server says that it is gone for good (410). It is paused; give it another address or remove it.";
            Brought::Trouble { trouble: trouble("gone", message), status: Some(410), retry_after: None, gone: true }
        }
        status => {
            let trouble = trouble("http_status", format!("Its server answered {status}."));
            Brought::Trouble { trouble, status: Some(status), retry_after: page.retry_after, gone: false }
        }
    }
}

/// Reading takes a moment of a core, so it is done beside the others.
async fn parsed(kind: Kind, url: String, page: Page) -> Brought {
    let status = Some(page.status);
    let read = tokio::task::spawn_blocking(move || match kind {
        Kind::Page => said_by(&url, page),
        Kind::Feed | Kind::Text | Kind::Markdown => told_by(&url, page),
    });
    let ill = |trouble| Brought::Trouble { trouble, status, retry_after: None, gone: false };
    match read.await {
        Ok(Ok(brought)) => brought,
        Ok(Err(trouble)) => ill(trouble),
        Err(gone) => ill(trouble("unreadable", format!("It could not be read: {gone}."))),
    }
}

fn told_by(url: &str, page: Page) -> Result<Brought, Trouble> {
    match parse_feed(&page.body) {
        Ok(items) => Ok(Brought::Items { items, page, feed_url: None }),
        Err(error) => Err(not_a_feed(&error, url, &page.body)),
    }
}

/// The one item of a page. It is known by the address of the page.
fn said_by(url: &str, page: Page) -> Result<Brought, Trouble> {
    let read = read_page(&page.body, page.content_type.as_deref()).map_err(|error| not_a_page(&error))?;
    let title = read.title.unwrap_or_else(|| url.chars().take(TITLE_CHARS_MAX).collect());
    let feed_url = read.feed.and_then(|feed| address_of(url, &feed));
    let (link, text) = (Some(url.to_owned()), Some(read.text));
    let items = vec![FeedItem { title, link, text, published_at: None, mark: None }];
    Ok(Brought::Items { items, page, feed_url })
}

/// The address of a feed that the page of this address names. A base that is none is as good as not said.
fn address_of(url: &str, feed: &FeedLink) -> Option<String> {
    let page = Url::parse(url).ok()?;
    let base = feed.base.as_ref().and_then(|base| page.join(base).ok()).filter(|base| !base.cannot_be_a_base());
    let feed = base.as_ref().unwrap_or(&page).join(&feed.href).ok()?;
    matches!(feed.scheme(), "http" | "https").then(|| feed.into())
}

fn not_a_page(error: &PageError) -> Trouble {
    let code = match error {
        PageError::OtherType(_) | PageError::Feed => "not_a_page",
        PageError::Empty | PageError::OnlyScripts | PageError::NoText => "no_text",
    };
    trouble(code, error.to_string())
}

fn trouble(code: &str, message: impl Into<String>) -> Trouble {
    Trouble { code: code.to_owned(), message: message.into().chars().take(1_000).collect() }
}

fn not_a_feed(error: &FeedError, url: &str, body: &[u8]) -> Trouble {
    let code = match error {
        FeedError::NotAFeed(_) => "not_a_feed",
        FeedError::TooLarge { .. } => "too_large",
        FeedError::BrokenXml { .. }
        | FeedError::UnknownEncoding(_)
        | FeedError::WrongEncoding(_)
        | FeedError::TooDeep => "broken_feed",
    };
    let page = matches!(error, FeedError::NotAFeed(Seen::Html));
    match feed_named(body).filter(|_| page) {
        Some(feed) => {
            let feed: String = address_of(url, &feed).unwrap_or(feed.href).chars().take(500).collect();
            trouble(code, format!("This is a web page, not a feed. The page names its feed: {feed}"))
        }
        None => trouble(code, error.to_string()),
    }
}

fn unreadable(unread: &Unread) -> Brought {
    let code = match unread {
        Unread::Refused(_) | Unread::LedAstray(_) | Unread::Failed(Failure::NotPublic(_)) => "blocked",
        Unread::Failed(Failure::NoName) => "no_name",
        Unread::Failed(Failure::Connect(_)) => "connect",
        Unread::Failed(Failure::TimedOut(_)) => "timeout",
        Unread::Failed(Failure::Broken(_)) | Unread::Packed(_) => "broken",
        Unread::Wandering => "redirects",
        Unread::TooLarge { .. } => "too_large",
        Unread::Compressed(_) => "compressed",
    };
    Brought::ill(code, format!("It could not be fetched: {unread}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_names_its_feed_says_where_it_is() {
        let page = br#"<!doctype html><head><LINK rel="alternate" type="application/rss+xml" href='/feed.xml'></head>"#;
        let error = parse_feed(page).unwrap_err();
        let url = "https://example.com/news/today";
        let told = not_a_feed(&error, url, page);
        let named = told.message.ends_with(" https://example.com/feed.xml");
        assert_eq!((told.code.as_str(), named), ("not_a_feed", true), "{told:?}");
        let told = not_a_feed(&error, url, "<link é><link type=application/rss+xml href=x>".as_bytes());
        assert!(told.message.contains("HTML page"), "{told:?}");
    }

    #[test]
    fn the_base_of_a_page_says_where_its_paths_begin() {
        let address = |base: Option<&str>, href: &str| {
            let feed = FeedLink { href: href.to_owned(), base: base.map(str::to_owned) };
            address_of("https://example.com/news/today", &feed)
        };
        for (base, href, wanted) in [
            (None, "feed.xml", Some("https://example.com/news/feed.xml")),
            (Some("/blog/"), "feed.xml", Some("https://example.com/blog/feed.xml")),
            (Some("../blog/?x"), "feed.xml", Some("https://example.com/blog/feed.xml")),
            (Some("//cdn.example/a/b"), "feed.xml", Some("https://cdn.example/a/feed.xml")),
            (Some("https://cdn.example/a/"), "/feed.xml", Some("https://cdn.example/feed.xml")),
            (Some("https://cdn.example/a/"), "https://feeds.example/x", Some("https://feeds.example/x")),
            (Some("data:text/html,x"), "feed.xml", Some("https://example.com/news/feed.xml")),
            (Some("https://"), "feed.xml", Some("https://example.com/news/feed.xml")),
            (Some("file:///etc/"), "feed.xml", None),
            (None, "javascript:alert(1)", None),
        ] {
            assert_eq!(address(base, href).as_deref(), wanted, "{base:?} {href}");
        }
    }
}
