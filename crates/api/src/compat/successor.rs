//! `Link: <...>; rel="successor-version"` (RFC 5829) on whatever these addresses answer, also on a no: where the native API
//! does the same. Nothing is deprecated by it; these addresses stay.

use crate::extract::address::Address;
use crate::router::Api;
use crate::wire::links::BASE;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::LINK;

/// The layer around every route of every system.
pub(super) async fn successor(State(api): State<Api>, request: Request, next: Next) -> Response {
    let link = link(&api, &request);
    let mut response = next.run(request).await;
    if let Some(link) = link {
        response.headers_mut().append(LINK, link);
    }
    response
}

fn link(api: &Api, request: &Request) -> Option<HeaderValue> {
    let pattern = request.extensions().get::<MatchedPath>()?.as_str();
    let Address(uri) = request.extensions().get::<Address>()?;
    let native = api.compat().successor(request.method(), pattern)?;
    let address = format!("{}{BASE}{}", api.public_url(), filled(native, pattern, uri.path()));
    HeaderValue::from_str(&format!("<{address}>; rel=\"successor-version\"")).ok()
}

/// The native path with what the request has in the same slots. The slots of both have the same names.
fn filled(native: &str, pattern: &str, path: &str) -> String {
    pattern
        .split('/')
        .zip(path.split('/'))
        .filter(|(slot, _)| slot.starts_with('{'))
        .fold(native.to_owned(), |filled, (slot, given)| filled.replace(slot, &escaped(given)))
}

/// What may stand between the brackets of a link as it is; the rest by its bytes.
fn escaped(segment: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:%@!$&'()*+=".contains(&byte);
    segment
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled_and_nothing_breaks_out_of_the_brackets() {
        let at = |path: &str| filled("/drafts/{id}/regenerate", "/old/drafts/{id}/regenerate", path);
        assert_eq!(at("/old/drafts/ext:a%2Fb/regenerate"), "/drafts/ext:a%2Fb/regenerate");
        assert_eq!(at("/old/drafts/x>;y\"ü/regenerate"), "/drafts/x%3E%3By%22%C3%BC/regenerate");
        assert_eq!(filled("/generations", "/drafts/generate", "/drafts/generate"), "/generations");
    }
}
