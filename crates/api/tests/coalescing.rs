//! Clients without an idempotency key whose line broke: their retry is given the generation of the first request.

use crate::served::{Served, answer, endless, rest, until};
use crate::site::{Site, text};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const COALESCED: &str = "copydesk-coalesced";

/// While the first one is live its dedupe key finds it, too; but then the answer says `deduplicated`, and not
/// `Copydesk-Coalesced`.
fn asked() -> Value {
    json!({"recipe": "picture", "input": {"prompt": "A lighthouse"}})
}

fn post(served: &Served, body: &Value, more: &str) -> String {
    let (key, body) = (&served.site.key, body.to_string());
    format!(
        "POST /api/v1/generations HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n{more}\r\n{body}",
        body.len()
    )
}

async fn generations(site: &Site) -> Vec<Value> {
    site.get("/generations").await.json()["data"].as_array().unwrap().clone()
}

/// Asks, waits for the work and hangs up.
async fn hang_up(served: &Served, body: &Value) -> String {
    let before = generations(&served.site).await.len();
    let mut client: TcpStream = served.connect().await;
    client.write_all(post(served, body, "prefer: wait=60\r\n").as_bytes()).await.unwrap();
    for _ in 0..20_000 {
        let now = generations(&served.site).await;
        if now.len() > before {
            drop(client);
            until("the server has noticed", || served.server.connections() == 0).await;
            return now[0]["id"].as_str().unwrap().to_owned();
        }
        tokio::task::yield_now().await;
    }
    panic!("nothing was accepted");
}

async fn ask(served: &Served, body: &Value, more: &str) -> (String, Value) {
    let mut client = served.connect().await;
    client.write_all(post(served, body, more).as_bytes()).await.unwrap();
    let said = answer(&mut client).await;
    drop(client);
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    let line = head.lines().find_map(|line| line.strip_prefix("copydesk-coalesced: "));
    (line.unwrap_or_default().to_owned(), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn a_client_that_hung_up_and_asks_again_gets_the_first_ones_generation() {
    let served = Served::with(endless()).await;
    let first = hang_up(&served, &asked()).await;
    let (coalesced, body) = ask(&served, &asked(), "").await;
    assert_eq!((coalesced.as_str(), body["id"].as_str()), (first.as_str(), Some(first.as_str())));
    assert_eq!(body.get("deduplicated"), None, "it is the same request, not another one");
    assert_eq!(generations(&served.site).await.len(), 1);
    // It has its answer now: the same words again are another wish.
    let (coalesced, body) = ask(&served, &asked(), "").await;
    assert_eq!((coalesced.as_str(), &body["deduplicated"]), ("", &json!(true)));
}

#[tokio::test]
async fn a_hang_up_is_forgotten_after_fifteen_seconds() {
    let served = Served::with(endless()).await;
    hang_up(&served, &asked()).await;
    served.clock.advance(Duration::from_secs(15));
    let (coalesced, body) = ask(&served, &asked(), "").await;
    assert_eq!((coalesced.as_str(), &body["deduplicated"]), ("", &json!(true)));
}

#[tokio::test]
async fn another_body_another_key_or_a_key_of_its_own_is_no_retry() {
    let mut served = Served::with(endless()).await;
    hang_up(&served, &asked()).await;
    let other = json!({"recipe": "picture", "input": {"prompt": "A windmill"}});
    let (coalesced, _) = ask(&served, &other, "").await;
    assert_eq!(coalesced, "");
    let (coalesced, _) = ask(&served, &asked(), "idempotency-key: k1\r\n").await;
    assert_eq!(coalesced, "");
    served.site.key = served.site.key_in(copydesk_desk::store::Scope::DEFAULT).await;
    let (coalesced, body) = ask(&served, &asked(), "").await;
    assert_eq!((coalesced.as_str(), &body["deduplicated"]), ("", &json!(true)));
}

#[tokio::test]
async fn the_retry_count_of_an_sdk_is_believed_unless_the_first_one_failed() {
    let site = Site::idle().await;
    let first = site.post("/generations", asked()).await.json();
    let says = [("x-stainless-retry-count", "1")];
    let again = site.send("POST", "/generations", Some(asked()), &says).await;
    assert_eq!((again.status, again.header(COALESCED)), (202, first["id"].as_str().unwrap()));
    assert_eq!(again.json(), first, "the answer is the first one's");
    let zero = site.send("POST", "/generations", Some(asked()), &[("x-stainless-retry-count", "0")]).await;
    assert_eq!((zero.header(COALESCED), &zero.json()["deduplicated"]), ("", &json!(true)));
    let path = format!("/generations/{}/cancel", zero.json()["id"].as_str().unwrap());
    assert_eq!(site.send("POST", &path, None, &[]).await.status, 200);
    let after = site.send("POST", "/generations", Some(asked()), &says).await;
    assert_eq!((after.status, after.header(COALESCED)), (202, ""), "what was cancelled is not what a retry is after");
    assert_ne!(after.json()["id"], first["id"]);
}

#[tokio::test]
async fn a_refused_request_is_tried_anew() {
    let site = Site::idle().await;
    let paused = |word: &str| json!({"generation": word});
    site.send("PATCH", "/settings", Some(paused("off")), &[]).await;
    assert_eq!(site.post("/generations", asked()).await.code(), "generation_paused");
    site.send("PATCH", "/settings", Some(paused("on")), &[]).await;
    let retry = site.send("POST", "/generations", Some(asked()), &[("x-stainless-retry-count", "2")]).await;
    assert_eq!((retry.status, retry.header(COALESCED)), (202, ""));
}

#[tokio::test]
async fn a_retry_that_prefers_to_wait_gets_the_finished_text_of_the_first() {
    let site = Site::working().await;
    let body = text(json!({}));
    let first = site.send("POST", "/generations", Some(body.clone()), &[("prefer", "wait=30")]).await;
    assert_eq!((first.status, &first.json()["status"]), (200, &json!("completed")));
    let headers = [("prefer", "wait=30"), ("x-stainless-retry-count", "1")];
    let again = site.send("POST", "/generations", Some(body), &headers).await;
    assert_eq!((again.status, again.header(COALESCED)), (200, first.json()["id"].as_str().unwrap()));
    assert_eq!(again.json()["draft"], first.json()["draft"]);
    assert_eq!(site.provider.calls(), 1);
}

#[tokio::test]
async fn nobody_waits_for_a_line_that_was_closed_on_both_ends() {
    let served = Served::with(endless()).await;
    let said = served.ask(post(&served, &asked(), "connection: close\r\n")).await;
    assert!(said.starts_with("HTTP/1.1 202 "), "{said}");
    let mut client = served.connect().await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, "");
}
