//! One GET of an address that a stranger gave, within limits. Redirects are followed a few times, and every hop is checked
//! like the first: its text, and what its name leads to. No cookies, nothing of the first hop is told to the next but the
//! conditional headers. A body may come packed; its limit is that of the unpacked bytes.

use crate::client::{Failure, Outbound, failure};
use crate::rules::{Refused, Target};
use crate::unpack::{PACKINGS, Unpacker};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use std::time::Duration;

/// How many redirects are followed.
pub const HOPS_MAX: usize = 5;
/// Longest header that is kept to be sent again. Units: bytes.
const TAG_BYTES_MAX: usize = 1_000;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub url: String,
    /// What media types are understood.
    pub accept: &'static str,
    /// What the server called the version that was read last.
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub struct GetLimits {
    /// From the first look-up to the last byte, over all hops.
    pub total: Duration,
    /// A body that is longer is an error, not a shorter body; of one that comes packed, when it is unpacked.
    pub body_bytes_max: usize,
}

/// An answer that was read to its end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    pub status: u16,
    pub content_type: Option<String>,
    /// Empty where the status is no success.
    pub body: Vec<u8>,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub retry_after: Option<Duration>,
}

/// Why there is no page.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unread {
    #[error("the address is not fetched: {0}")]
    Refused(Refused),
    #[error("it leads on to an address that is not fetched: {0}")]
    LedAstray(Refused),
    #[error(transparent)]
    Failed(Failure),
    #[error("it leads on more than {HOPS_MAX} times")]
    Wandering,
    #[error("it has more than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("it is compressed ({0}), although that was not asked for")]
    Compressed(String),
    #[error("its compression is broken: {0}")]
    Packed(String),
}

impl Outbound {
    /// Reads a page. Answers with any status are answers; a redirect is followed.
    pub async fn get(&self, wanted: &Wanted, limits: GetLimits) -> Result<Page, Unread> {
        let late = |_| Unread::Failed(Failure::TimedOut(limits.total));
        tokio::time::timeout(limits.total, self.follow(wanted, limits)).await.map_err(late)?
    }

    async fn follow(&self, wanted: &Wanted, limits: GetLimits) -> Result<Page, Unread> {
        let rules = self.rules().reading();
        let mut target = rules.check(&wanted.url).map_err(Unread::Refused)?;
        for _ in 0..=HOPS_MAX {
            let response = self.ask(&target, wanted).await?;
            let Some(next) = leads_on(&response) else { return read(response, limits).await };
            // A part after # stays with the reader.
            let next =
                target.url().join(&next).map_err(|error| Unread::LedAstray(Refused::Unreadable(error.to_string())));
            let mut next = next?;
            next.set_fragment(None);
            target = rules.check(next.as_str()).map_err(Unread::LedAstray)?;
        }
        Err(Unread::Wandering)
    }

    async fn ask(&self, target: &Target, wanted: &Wanted) -> Result<reqwest::Response, Unread> {
        let mut request = self.client(target).get(target.url().clone()).header(ACCEPT_ENCODING, PACKINGS);
        if !wanted.accept.is_empty() {
            request = request.header(ACCEPT, wanted.accept);
        }
        for (name, value) in [(IF_NONE_MATCH, &wanted.etag), (IF_MODIFIED_SINCE, &wanted.last_modified)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request.send().await.map_err(|error| Unread::Failed(failure(&error)))
    }
}

fn leads_on(response: &reqwest::Response) -> Option<String> {
    let leads = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    text(response.headers(), &LOCATION, usize::MAX).filter(|_| leads)
}

async fn read(mut response: reqwest::Response, limits: GetLimits) -> Result<Page, Unread> {
    let (headers, status) = (response.headers(), response.status());
    let mut page = Page {
        status: status.as_u16(),
        content_type: text(headers, &CONTENT_TYPE, TAG_BYTES_MAX),
        body: Vec::new(),
        etag: text(headers, &ETAG, TAG_BYTES_MAX),
        last_modified: text(headers, &LAST_MODIFIED, TAG_BYTES_MAX),
        retry_after: text(headers, &RETRY_AFTER, TAG_BYTES_MAX)
            .and_then(|value| value.trim().parse().ok())
            .map(Duration::from_secs),
    };
    if !status.is_success() {
        return Ok(page);
    }
    let mut body = Unpacker::new(text(headers, &CONTENT_ENCODING, TAG_BYTES_MAX).as_deref(), limits.body_bytes_max)?;
    if response.content_length().is_some_and(|length| length > limits.body_bytes_max as u64) {
        return Err(Unread::TooLarge { bytes_max: limits.body_bytes_max });
    }
    while let Some(piece) = response.chunk().await.map_err(|error| Unread::Failed(failure(&error)))? {
        body.take(&piece)?;
    }
    page.body = body.finish()?;
    Ok(page)
}

fn text(headers: &HeaderMap, name: &HeaderName, bytes_max: usize) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (value.len() <= bytes_max).then(|| value.to_owned())
}

#[cfg(test)]
#[path = "get_tests.rs"]
mod tests;
