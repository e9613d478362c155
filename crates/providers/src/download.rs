//! Fetching a finished asset: one address out of a provider's answer, copied piece by piece to where the caller wants it.
//! The address is not trusted. The key goes to the provider's own host only; a host of somebody else's must be public,
//! also after name resolution; one redirect is followed, checked the same way and never with the key. It never resumes,
//! never retries, and never holds more than one piece in memory.

use std::time::Duration;

use copydesk_core::CallId;
use copydesk_core::metering::usage::TokenUsage;
use http::header::{ACCEPT_ENCODING, LOCATION};
use http::{HeaderValue, StatusCode};
use reqwest::Url;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use crate::error::{ErrorClass, ProviderError};
use crate::error_text::{ErrorText, describe, into_error};
use crate::exchange::Endpoint;
use crate::http::{ContentKind, ERROR_BYTES_MAX, Outgoing, Posted, Reach, Response, Terms, head_of};
use crate::json_text::parse_json;
use crate::media::Fetched;
use crate::provider::{CallReport, Timeouts};
use crate::secret::safe_name;
use copydesk_outbound::address::check_literal;
use copydesk_outbound::is_private;

/// The largest asset that is fetched.
pub const ASSET_BYTES_MAX: usize = 512 * 1024 * 1024;
/// The longest address an asset may have. Signed ones run to a few kilobytes.
const URL_BYTES_MAX: usize = 8 * 1024;
/// How much of a body is looked at to tell a page from an asset.
const BEGINNING_BYTES: usize = 64;
/// What an asset is when nobody says.
const UNKNOWN_MEDIA_TYPE: &str = "application/octet-stream";

/// What came of a download.
pub(crate) struct Downloaded {
    pub sent: bool,
    pub http_status: Option<u16>,
    pub request_id: Option<String>,
    pub result: Result<Fetched, ProviderError>,
}

impl Downloaded {
    fn refused(error: ProviderError) -> Downloaded {
        Downloaded { sent: false, http_status: None, request_id: None, result: Err(error) }
    }

    pub fn into_report(self) -> CallReport<Fetched> {
        CallReport {
            result: self.result,
            usage: TokenUsage::default(),
            http_status: self.http_status,
            provider_request_id: self.request_id,
            served_model: None,
            sent: self.sent,
            partial_text: None,
        }
    }
}

impl Endpoint {
    /// Copies what is at `url` into `into`. After an error `into` holds a beginning of no use.
    ///
    /// Errors: `Misconfigured` - the address is refused; `Rejected` - the asset is gone; `Malformed` - a page, or over
    /// [`ASSET_BYTES_MAX`]; `CutOff` - it did not come whole, or could not be written; `Empty`.
    pub async fn download(
        &self,
        call_id: CallId,
        url: &str,
        into: &mut (dyn AsyncWrite + Unpin + Send),
        timeouts: Timeouts,
    ) -> Downloaded {
        let key = self.api_key.as_ref();
        let mut done = match admit(&self.base_url, url) {
            Ok(target) => self.follow(call_id, target, into, timeouts).await,
            Err(error) => Downloaded::refused(error),
        };
        done.result = done.result.map_err(|error| error.masked(key));
        done.request_id = done.request_id.map(|id| safe_name(&id, key));
        done
    }

    /// Asks at the target and, where that sends us on, at one more.
    async fn follow(
        &self,
        call_id: CallId,
        target: Target,
        into: &mut (dyn AsyncWrite + Unpin + Send),
        timeouts: Timeouts,
    ) -> Downloaded {
        let begun = Instant::now();
        let posted = self.get(call_id, &target, timeouts).await;
        let mut sent = posted.sent;
        let mut response = match posted.response {
            Ok(response) => response,
            Err(error) => return Downloaded { sent, ..Downloaded::refused(error) },
        };
        let mut keyed = target.keyed;
        if is_redirect(response.status) {
            let next = match redirected(&self.base_url, &target.url, response.header(LOCATION.as_str())) {
                Ok(next) => next,
                Err(error) => return reported(sent, &response, Err(error)),
            };
            let total = timeouts.total.saturating_sub(begun.elapsed()).max(Duration::from_millis(1));
            let posted = self.get(call_id, &next, Timeouts { total, ..timeouts }).await;
            sent |= posted.sent;
            keyed = next.keyed;
            response = match posted.response {
                Ok(next) => next,
                Err(error) => return reported(sent, &response, Err(error)),
            };
        }
        let result = receive(&mut response, into, keyed).await;
        reported(sent, &response, result)
    }

    async fn get(&self, call_id: CallId, target: &Target, timeouts: Timeouts) -> Posted {
        let outgoing = Outgoing {
            url: target.url.as_str(),
            auth: self.auth,
            secret: self.api_key.as_ref().filter(|_| target.keyed),
            call_id: call_id.to_string(),
            accept: "*/*",
            // The bytes as they are: media does not shrink, and their number can be checked.
            headers: vec![(ACCEPT_ENCODING, HeaderValue::from_static("identity"))],
            body: None,
            timeouts,
        };
        let terms = Terms { reach: target.reach, ..Terms::default() };
        self.http.send_on(outgoing, terms).await
    }
}

fn reported(sent: bool, response: &Response, result: Result<Fetched, ProviderError>) -> Downloaded {
    let id = response.header("x-request-id").or_else(|| response.header("x-amz-request-id"));
    Downloaded { sent, http_status: Some(response.status), request_id: id.map(str::to_owned), result }
}

/// An address that has passed.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Target {
    url: Url,
    /// Whether the key goes there.
    keyed: bool,
    reach: Reach,
}

/// Decides about an address from a provider's answer.
///
/// Errors: `Misconfigured` - we do not go there.
fn admit(base_url: &str, url: &str) -> Result<Target, ProviderError> {
    let refused = |why: &str| ProviderError::new(ErrorClass::Misconfigured, format!("the asset is not fetched: {why}"));
    if url.len() > URL_BYTES_MAX {
        return Err(refused("its address is too long"));
    }
    let base = Url::parse(base_url).map_err(|_| refused("the provider's own address is no web address"))?;
    // One parser for the check and the request: two that disagree are a way in.
    let url = Url::parse(url).map_err(|error| refused(&format!("its address cannot be read: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused(&format!("{}: is no web address", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("its address holds a login"));
    }
    let own = url.origin() == base.origin();
    if own || is_private(&base) {
        return Ok(Target { url, keyed: own, reach: Reach::Anywhere });
    }
    check_literal(&url).map_err(|error| refused(&error.to_string()))?;
    Ok(Target { url, keyed: false, reach: Reach::Public })
}

fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads, checked like the first address. The key does not go along, not even to the same host.
fn redirected(base_url: &str, from: &Url, location: Option<&str>) -> Result<Target, ProviderError> {
    let refused =
        |why: &str| ProviderError::new(ErrorClass::Misconfigured, format!("the asset's host redirects {why}"));
    let location = location.ok_or_else(|| refused("without saying where to"))?;
    let next = from.join(location).map_err(|error| refused(&format!("to no readable address: {error}")))?;
    if from.scheme() == "https" && next.scheme() != "https" {
        return Err(refused("to an unencrypted address"));
    }
    Ok(Target { keyed: false, ..admit(base_url, next.as_str())? })
}

/// Looks at the head, then copies the body.
async fn receive(
    response: &mut Response,
    into: &mut (dyn AsyncWrite + Unpin + Send),
    keyed: bool,
) -> Result<Fetched, ProviderError> {
    let error = |class, message: String| Err(ProviderError::new(class, message));
    match response.status {
        206 => return error(ErrorClass::Malformed, "the asset's host sent a part nobody asked for".to_owned()),
        200..=299 => {}
        _ => return Err(failed(response, keyed).await),
    }
    let media_type = match response.content_kind() {
        ContentKind::Html => return error(ErrorClass::Malformed, "a page came instead of the asset".to_owned()),
        ContentKind::Json
        | ContentKind::JsonLines
        | ContentKind::EventStream
        | ContentKind::Missing
        | ContentKind::Other(_) => media_type(response.header("content-type")),
    };
    let announced = response.header("content-length").and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > ASSET_BYTES_MAX as u64) {
        return error(ErrorClass::Malformed, format!("the asset is larger than {ASSET_BYTES_MAX} bytes"));
    }
    response.allow(ASSET_BYTES_MAX);
    let bytes = copy(response, into).await?;
    match announced {
        _ if bytes == 0 => error(ErrorClass::Empty, "the asset has no bytes".to_owned()),
        // The transfer counts for itself; this is for a body that was unpacked or reframed on its way.
        Some(wanted) if wanted > bytes => {
            error(ErrorClass::CutOff, format!("{bytes} of the asset's {wanted} bytes came"))
        }
        Some(_) | None => Ok(Fetched { media_type, bytes }),
    }
}

async fn copy(response: &mut Response, into: &mut (dyn AsyncWrite + Unpin + Send)) -> Result<u64, ProviderError> {
    let unwritable = |error: std::io::Error| {
        ProviderError::new(ErrorClass::CutOff, format!("the asset could not be written here: {error}"))
    };
    let mut bytes = 0_u64;
    let mut beginning = Vec::with_capacity(BEGINNING_BYTES);
    while let Some(piece) = response.chunk().await? {
        if beginning.len() < BEGINNING_BYTES {
            beginning.extend(piece.iter().take(BEGINNING_BYTES - beginning.len()));
            if is_page(&beginning) {
                let message = "a page came instead of the asset, under another name";
                return Err(
                    ProviderError::new(ErrorClass::Malformed, message).with_raw(String::from_utf8_lossy(&piece))
                );
            }
        }
        response.pause(into.write_all(&piece)).await?.map_err(unwritable)?;
        bytes += piece.len() as u64;
    }
    response.pause(into.flush()).await?.map_err(unwritable)?;
    Ok(bytes)
}

/// Whether a body begins like a page, whatever its head called it.
fn is_page(beginning: &[u8]) -> bool {
    let text = String::from_utf8_lossy(beginning).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    text.starts_with("<!doctype html") || text.starts_with("<html")
}

/// The type as the host names it, without parameters; one that is no type at all is unknown.
fn media_type(header: Option<&str>) -> String {
    let essence = header.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let well_formed =
        essence.len() <= 100 && essence.split_once('/').is_some_and(|(kind, sub)| is_word(kind) && is_word(sub));
    if well_formed { essence } else { UNKNOWN_MEDIA_TYPE.to_owned() }
}

/// An error status. Storage hosts say 403 and 404 of what has expired; that is no word about our key, and asking again
/// brings nothing back.
async fn failed(response: &mut Response, keyed: bool) -> ProviderError {
    let (body, _broken) = response.read(ERROR_BYTES_MAX).await;
    let raw = String::from_utf8_lossy(head_of(&body)).into_owned();
    let status = response.status;
    let found = match (parse_json(&String::from_utf8_lossy(&body)), response.content_kind()) {
        (Ok(value), _) => describe(&value, &raw),
        (Err(_), _) => {
            let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
            let message = format!("the asset's host answered with status {status} {}", reason.unwrap_or_default());
            ErrorText { message: message.trim_end().to_owned(), ..ErrorText::default() }
        }
    };
    let gone = matches!(status, 404 | 410) || (!keyed && matches!(status, 401..=403));
    let class = if gone { Some(ErrorClass::Rejected) } else { found.class };
    into_error(status, ErrorText { class, ..found }, &response.headers, &raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://api.example.com/v1";

    fn class(base: &str, url: &str) -> Result<(bool, Reach), ErrorClass> {
        admit(base, url).map(|target| (target.keyed, target.reach)).map_err(|error| error.class)
    }

    #[test]
    fn the_key_goes_to_the_same_scheme_host_and_port_only() {
        for own in ["https://api.example.com/file", "https://api.example.com:443/x", "https://API.example.com/"] {
            assert_eq!(class(BASE, own), Ok((true, Reach::Anywhere)), "{own}");
        }
        let foreign = [
            "http://api.example.com/file",
            "https://api.example.com:8443/file",
            "https://api.example.com.evil.test/file",
            "https://cdn.example.com/file",
            "https://example.com/file",
        ];
        for foreign in foreign {
            assert_eq!(class(BASE, foreign), Ok((false, Reach::Public)), "{foreign}");
        }
    }

    #[test]
    fn an_address_that_could_reach_this_machine_is_refused() {
        let bad = [
            "http://127.0.0.1:6379/",
            "http://169.254.169.254/latest/meta-data/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::1]/",
            "http://0/",
            "http://017700000001/",
            "file:///etc/passwd",
            "ftp://example.com/x",
            "data:image/png;base64,iVBORw0KGgo=",
            "javascript:alert(1)",
            "https://user:pass@example.com/x",
            "https://api.example.com@127.0.0.1/",
            "//example.com/x",
            "/relative",
            "",
        ];
        for bad in bad {
            assert_eq!(class(BASE, bad), Err(ErrorClass::Misconfigured), "{bad}");
        }
        assert_eq!(
            class(BASE, &format!("https://a.test/{}", "x".repeat(URL_BYTES_MAX))),
            Err(ErrorClass::Misconfigured)
        );
    }

    #[test]
    fn a_provider_on_this_machine_may_keep_its_assets_there_but_gets_its_key_alone() {
        assert_eq!(class("http://127.0.0.1:5000", "http://127.0.0.1:9000/a.png"), Ok((false, Reach::Anywhere)));
        assert_eq!(class("http://127.0.0.1:5000", "http://127.0.0.1:5000/a.png"), Ok((true, Reach::Anywhere)));
        assert_eq!(class("http://cog:5000", "http://minio:9000/a.png"), Ok((false, Reach::Anywhere)));
    }

    #[test]
    fn a_redirect_is_checked_like_a_first_address_and_never_gets_the_key() {
        let own = admit(BASE, "https://api.example.com/file").unwrap().url;
        let to = |location: &str| {
            let next = redirected(BASE, &own, Some(location));
            next.map(|next| (next.url.to_string(), next.keyed, next.reach)).map_err(|error| error.class)
        };
        assert_eq!(to("/other"), Ok(("https://api.example.com/other".to_owned(), false, Reach::Anywhere)));
        let storage = "https://storage.example.net/x?sig=1";
        assert_eq!(to(storage), Ok((storage.to_owned(), false, Reach::Public)));
        for bad in ["https://169.254.169.254/", "https://[::1]/", "http://storage.example.net/x", "file:///etc/passwd"]
        {
            assert_eq!(to(bad), Err(ErrorClass::Misconfigured), "{bad}");
        }
        assert!(redirected(BASE, &own, None).is_err());
    }

    #[test]
    fn a_media_type_is_a_type_or_unknown() {
        assert_eq!(media_type(Some("Image/PNG; charset=binary")), "image/png");
        assert_eq!(media_type(Some("image/svg+xml")), "image/svg+xml");
        for bad in [None, Some(""), Some("png"), Some("a/b/c"), Some("image/<script>"), Some("/png")] {
            assert_eq!(media_type(bad), UNKNOWN_MEDIA_TYPE, "{bad:?}");
        }
    }

    #[test]
    fn a_page_is_recognised_by_its_first_words() {
        for page in ["<!DOCTYPE html><html>", "\u{feff}\r\n <HTML>", "<html lang=en>"] {
            assert!(is_page(page.as_bytes()), "{page}");
        }
        assert!(!is_page(b"\x89PNG\r\n") && !is_page(b"<svg xmlns") && !is_page(b"<htm") && !is_page(b""));
    }
}
