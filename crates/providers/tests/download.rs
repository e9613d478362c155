//! What a download may meet: other people's addresses, redirects, pages, half transfers, floods. It ends with the whole
//! asset or a named error, and the key goes to the provider's own host and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod jobs;
mod support;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use copydesk_providers::media::Fetched;
use copydesk_providers::{CallReport, ErrorClass, HttpClient, Replicate, Secret, TimeoutPhase, Timeouts};
use jobs::{call_id, fetch, fetch_within, jobs, seen, verdict};
use support::{Act, KEY, RawServer, answer, chunk, chunked_head, patient};
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_millis(40);
const PUBLIC: &str = "https://api.replicate.com/v1";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and pixels";

fn replicate(base_url: &str) -> Replicate {
    Replicate::new("replicate", base_url, HttpClient::new().unwrap()).with_api_key(Some(Secret::new(KEY)))
}

async fn from(base_url: &str, url: &str) -> (CallReport<Fetched>, Vec<u8>) {
    let mut into = Vec::new();
    let provider = replicate(base_url);
    let report = jobs(&provider).fetch(&fetch(url), &mut into).await;
    (report, into)
}

/// The download of what a server sends, from the provider's own host.
async fn of(acts: Vec<Act>) -> (CallReport<Fetched>, Vec<u8>) {
    let server = RawServer::start(acts).await;
    from(&server.base_url, &format!("{}/file", server.base_url)).await
}

fn head(status_and_type: &str, length: usize) -> Vec<u8> {
    format!("HTTP/1.1 {}\r\ncontent-length: {length}\r\n\r\n", status_and_type.replace('\n', "\r\n")).into_bytes()
}

fn png() -> Vec<Act> {
    vec![Act::Send(head("200 OK\ncontent-type: image/png; q=1", PNG.len())), Act::Send(PNG.to_vec())]
}

fn redirect(to: &str) -> Vec<Act> {
    vec![Act::Send(answer(&format!("HTTP/1.1 302 Found\nlocation: {to}"), ""))]
}

#[tokio::test]
async fn an_asset_arrives_whole_and_says_what_it_is() {
    let (report, bytes) = of(png()).await;
    assert_eq!(report.result.unwrap(), Fetched { media_type: "image/png".into(), bytes: PNG.len() as u64 });
    assert_eq!((bytes.as_slice(), report.http_status, report.sent), (PNG, Some(200), true));
}

#[tokio::test]
async fn the_providers_own_host_gets_the_key_and_any_other_gets_none() {
    let (own, other) = (RawServer::start(png()).await, RawServer::start(png()).await);
    from(&own.base_url, &format!("{}/file", own.base_url)).await.0.result.unwrap();
    from(&own.base_url, &format!("{}/file", other.base_url)).await.0.result.unwrap();
    let (head, _) = seen(&own);
    assert!(head.starts_with("get /v1/file http/1.1") && head.contains("authorization: bearer topsecret"), "{head}");
    assert!(head.contains("accept-encoding: identity"), "{head}");
    assert!(head.contains(&format!("x-copydesk-call-id: {}", call_id())), "{head}");
    let (head, _) = seen(&other);
    assert!(!head.contains("authorization") && !head.contains("topsecret"), "another port is another host: {head}");
}

#[tokio::test]
async fn a_public_provider_cannot_lead_us_to_this_machine() {
    let server = RawServer::start(png()).await;
    let port = server.base_url.trim_end_matches("/v1").rsplit(':').next().unwrap().to_owned();
    let hosts =
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "127.1", "0x7f.0.0.1"];
    for host in hosts {
        let (report, bytes) = from(PUBLIC, &format!("http://{host}:{port}/v1/file")).await;
        assert!(!report.sent && bytes.is_empty(), "{host}");
        assert_eq!(verdict(report), (ErrorClass::Misconfigured, false), "{host}");
    }
    let strange =
        ["http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "file:///etc/passwd", "gopher://x/", ""];
    for url in strange {
        let (report, _) = from(PUBLIC, url).await;
        assert!(!report.sent);
        assert_eq!(verdict(report), (ErrorClass::Misconfigured, false), "{url}");
    }
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

#[tokio::test]
async fn one_redirect_is_followed_without_the_key() {
    let storage = RawServer::start(png()).await;
    let own = RawServer::start(redirect(&format!("{}/bucket/a.png?sig=1", storage.base_url))).await;
    let (report, bytes) = from(&own.base_url, &format!("{}/file", own.base_url)).await;
    assert_eq!((report.http_status, report.result.unwrap().bytes), (Some(200), PNG.len() as u64));
    assert_eq!(bytes, PNG);
    assert!(seen(&own).0.contains("authorization: bearer"));
    let (head, _) = seen(&storage);
    assert!(head.starts_with("get /v1/bucket/a.png?sig=1 http/1.1"), "{head}");
    assert!(!head.contains("authorization") && !head.contains("topsecret"), "{head}");
}

#[tokio::test]
async fn a_second_redirect_and_a_redirect_to_nowhere_are_not_followed() {
    let loops = RawServer::start(redirect("/v1/again")).await;
    let (report, _) = from(&loops.base_url, &format!("{}/file", loops.base_url)).await;
    assert_eq!((report.http_status, verdict(report)), (Some(302), (ErrorClass::Misconfigured, false)));
    let heads = loops.requests();
    assert_eq!(heads.len(), 2);
    assert!(!heads[1].to_lowercase().contains("authorization"), "{}", heads[1]);
    for to in ["file:///etc/passwd", "http://", "http://user:pass@example.com/"] {
        let server = RawServer::start(redirect(to)).await;
        let (report, _) = from(&server.base_url, &format!("{}/file", server.base_url)).await;
        assert_eq!(verdict(report), (ErrorClass::Misconfigured, false), "{to}");
        assert_eq!(server.requests().len(), 1, "{to}");
    }
    let (report, _) = of(vec![Act::Send(answer("HTTP/1.1 302 Found", ""))]).await;
    assert_eq!(verdict(report), (ErrorClass::Misconfigured, false));
}

#[tokio::test]
async fn a_page_is_no_asset_whatever_it_is_called() {
    let page = "<!DOCTYPE html><html><title>Sign in</title></html>";
    for kind in ["text/html", "image/png", "application/octet-stream"] {
        let sent = answer(&format!("HTTP/1.1 200 OK\ncontent-type: {kind}"), page);
        let (report, _) = of(vec![Act::Send(sent)]).await;
        assert_eq!(verdict(report), (ErrorClass::Malformed, true), "{kind}");
    }
}

#[tokio::test]
async fn a_transfer_that_stops_early_is_cut_off() {
    let (report, bytes) =
        of(vec![Act::Send(head("200 OK\ncontent-type: video/mp4", 1_000)), Act::Send(vec![7; 999])]).await;
    assert_eq!(report.http_status, Some(200));
    assert_eq!(verdict(report), (ErrorClass::CutOff, true));
    assert!(bytes.len() <= 999);
    let (report, _) = of(vec![Act::Send(chunked_head("video/mp4")), Act::Send(chunk(&[7; 100]))]).await;
    assert_eq!(verdict(report), (ErrorClass::CutOff, true));
}

#[tokio::test]
async fn an_asset_without_a_byte_is_empty() {
    for status in ["200 OK\ncontent-type: image/png", "204 No Content"] {
        let (report, _) = of(vec![Act::Send(head(status, 0))]).await;
        assert_eq!(verdict(report), (ErrorClass::Empty, true), "{status}");
    }
}

#[tokio::test]
async fn an_asset_over_the_limit_is_refused_by_its_announcement() {
    let (report, bytes) =
        of(vec![Act::Send(head("200 OK\ncontent-type: video/mp4", 512 * 1024 * 1024 + 1)), Act::Hang]).await;
    assert!(bytes.is_empty());
    assert_eq!(verdict(report), (ErrorClass::Malformed, true));
}

#[tokio::test]
async fn an_asset_larger_than_any_answer_still_arrives() {
    let pieces = 160;
    let acts =
        vec![Act::Send(head("200 OK\ncontent-type: video/mp4", pieces * 65_536)), Act::Repeat(vec![7; 65_536], pieces)];
    let (report, bytes) = of(acts).await;
    assert_eq!(report.result.unwrap().bytes, 10 * 1024 * 1024);
    assert_eq!(bytes.len(), 10 * 1024 * 1024);
}

#[tokio::test]
async fn a_part_nobody_asked_for_is_no_asset() {
    let (report, _) =
        of(vec![Act::Send(answer("HTTP/1.1 206 Partial Content\ncontent-type: image/png", "half"))]).await;
    assert_eq!(verdict(report), (ErrorClass::Malformed, true));
}

#[tokio::test]
async fn an_asset_that_is_gone_says_nothing_about_our_key() {
    let other = RawServer::start(vec![]).await;
    let body = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>";
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone"] {
        let sent = answer(&format!("HTTP/1.1 {status}\ncontent-type: application/xml"), body);
        let server = RawServer::start(vec![Act::Send(sent)]).await;
        let (report, _) = from(&other.base_url, &format!("{}/file", server.base_url)).await;
        let error = report.result.unwrap_err();
        assert_eq!((error.class, error.retryable()), (ErrorClass::Rejected, false), "{status}");
        assert!(error.message.contains(status), "{error}");
        assert!(error.raw.unwrap().contains("AccessDenied"));
    }
}

#[tokio::test]
async fn the_providers_own_host_may_refuse_the_key() {
    let sent =
        answer("HTTP/1.1 401 Unauthorized\ncontent-type: application/json", "{\"detail\":\"bad topsecret-key-42\"}");
    let (report, _) = of(vec![Act::Send(sent)]).await;
    let error = report.result.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::Unauthorized, "bad [redacted]"));
    assert!(!format!("{error:?}").contains("topsecret"));
}

#[tokio::test]
async fn a_busy_host_is_asked_again_later() {
    let (report, _) = of(vec![Act::Send(answer("HTTP/1.1 503 Slow Down\nretry-after: 3", ""))]).await;
    let error = report.result.unwrap_err();
    assert_eq!((error.class, error.retry_after), (ErrorClass::Overloaded, Some(Duration::from_secs(3))));
}

#[tokio::test]
async fn silence_in_the_middle_ends_with_the_idle_limit() {
    let acts = vec![Act::Send(head("200 OK\ncontent-type: video/mp4", 1_000)), Act::Send(vec![7; 600]), Act::Hang];
    let server = RawServer::start(acts).await;
    let timeouts = Timeouts { idle: SOON, ..patient() };
    let provider = replicate(&server.base_url);
    let request = fetch_within(&format!("{}/file", server.base_url), timeouts);
    let report = jobs(&provider).fetch(&request, &mut Vec::new()).await;
    assert_eq!(verdict(report), (ErrorClass::TimedOut(TimeoutPhase::Idle), true));
}

#[tokio::test]
async fn a_silent_host_had_been_asked_and_an_absent_one_had_not() {
    let silent = RawServer::start(vec![Act::Hang]).await;
    let timeouts = Timeouts { first_byte: SOON, ..patient() };
    let provider = replicate(&silent.base_url);
    let request = fetch_within(&format!("{}/file", silent.base_url), timeouts);
    let report = jobs(&provider).fetch(&request, &mut Vec::new()).await;
    assert!(report.sent);
    assert_eq!(verdict(report), (ErrorClass::TimedOut(TimeoutPhase::FirstByte), true));

    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let absent = format!("http://{}/file", listener.local_addr().unwrap());
    drop(listener);
    let (report, _) = from(&silent.base_url, &absent).await;
    assert!(!report.sent);
    assert_eq!(verdict(report), (ErrorClass::Network, true));
}

/// A place that takes nothing.
struct Full(Option<io::ErrorKind>);

impl AsyncWrite for Full {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match self.0 {
            Some(kind) => Poll::Ready(Err(kind.into())),
            None => Poll::Pending,
        }
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_full_disk_is_named_and_a_stuck_one_ends_with_the_total_limit() {
    let server = RawServer::start(png()).await;
    let provider = replicate(&server.base_url);
    let url = format!("{}/file", server.base_url);
    let full = jobs(&provider).fetch(&fetch(&url), &mut Full(Some(io::ErrorKind::StorageFull))).await;
    let error = full.result.unwrap_err();
    assert!(error.class == ErrorClass::CutOff && error.message.contains("could not be written here"), "{error}");
    let timeouts = Timeouts { total: Duration::from_millis(200), ..patient() };
    let stuck = jobs(&provider).fetch(&fetch_within(&url, timeouts), &mut Full(None)).await;
    assert_eq!(verdict(stuck), (ErrorClass::TimedOut(TimeoutPhase::Total), true));
}
