//! The connector against receivers that misbehave, over real sockets. Rows of the security plan: S-29, S-30, S-33, S-34.

#![allow(clippy::unwrap_used)]

use copydesk_outbound::{Answer, Failure, Limits, Lookup, Outbound, Rules};
use futures::future::BoxFuture;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LIMITS: Limits = Limits { total: Duration::from_millis(400), read_bytes_max: 64 * 1024, kept_bytes_max: 1_024 };

/// Names with scripted answers, the last of which stays.
struct Script(Mutex<Vec<Vec<&'static str>>>);

impl Lookup for Script {
    fn lookup(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(async move { Ok(answer.iter().map(|address| address.parse().unwrap()).collect()) })
    }
}

fn scripted(allow: &[&str], answers: Vec<Vec<&'static str>>) -> Outbound {
    Outbound::with(rules(allow), Arc::new(Script(Mutex::new(answers)))).unwrap()
}

fn rules(allow: &[&str]) -> Rules {
    Rules::new(allow.iter().map(|range| range.parse().unwrap()).collect(), "THE_SETTING")
}

/// A receiver that reads a request's head and answers with `answer`; it counts its connections.
async fn receiver(answer: impl Into<String>) -> (SocketAddr, Arc<AtomicUsize>) {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer_one(stream, answer.clone()));
        }
    });
    (address, count)
}

async fn answer_one(mut stream: TcpStream, answer: String) {
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    while !seen.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(n) => seen.extend_from_slice(&piece[..n]),
        }
    }
    let endless = answer.ends_with('*');
    let text = answer.trim_end_matches('*').to_owned();
    if stream.write_all(text.as_bytes()).await.is_err() {
        return;
    }
    // What ends with a star goes on for ever.
    let more = vec![b'x'; 64 * 1024];
    while endless && stream.write_all(&more).await.is_ok() {}
    if text.is_empty() {
        // Never answers; ends with the other side.
        drop(stream.read(&mut piece).await);
    }
}

async fn post(outbound: &Outbound, url: &str) -> Result<Answer, Failure> {
    let target = outbound.rules().check(url).unwrap();
    outbound.post(&target, &[], "{}".to_owned(), LIMITS).await
}

fn local() -> Outbound {
    Outbound::new(rules(&["127.0.0.1"])).unwrap()
}

#[tokio::test]
async fn s29_a_name_that_turns_private_after_the_check_is_not_dialled() {
    let (address, count) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let outbound = scripted(&[], vec![vec!["8.8.8.8"], vec!["127.0.0.1"]]);
    let target = outbound.rules().check("https://rebind.test/").unwrap();
    outbound.probe(&target, LIMITS.total).await.unwrap();
    let failure = post(&outbound, "https://rebind.test/").await.unwrap_err();
    assert!(matches!(&failure, Failure::NotPublic(why) if why.contains("127.0.0.1")), "{failure:?}");
    assert_eq!((count.load(Ordering::SeqCst), address.ip().is_loopback()), (0, true));
}

#[tokio::test]
async fn s29_one_private_address_among_public_ones_refuses_the_name() {
    for mixed in [vec!["8.8.8.8", "10.0.0.1"], vec!["::1", "2606:4700::1111"], vec!["169.254.169.254"]] {
        let outbound = scripted(&[], vec![mixed.clone()]);
        let target = outbound.rules().check("https://mixed.test/").unwrap();
        assert!(outbound.probe(&target, LIMITS.total).await.is_err(), "{mixed:?}");
        assert!(matches!(post(&outbound, "https://mixed.test/").await, Err(Failure::NotPublic(_))), "{mixed:?}");
    }
}

#[tokio::test]
async fn s29_plain_http_to_a_name_needs_every_address_in_an_allowed_range() {
    let (address, count) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
    let url = format!("http://hooks.test:{}/", address.port());
    let inside = scripted(&["127.0.0.1"], vec![vec!["127.0.0.1"]]);
    assert_eq!(post(&inside, &url).await.unwrap().status, 204);
    let outside = scripted(&["127.0.0.1"], vec![vec!["127.0.0.1", "8.8.8.8"]]);
    assert!(matches!(post(&outside, &url).await, Err(Failure::NotPublic(_))));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_that_has_no_address_is_told_from_one_that_has_the_wrong_one() {
    let outbound = scripted(&[], vec![vec![]]);
    assert_eq!(post(&outbound, "https://nowhere.test/").await, Err(Failure::NoName));
    let target = outbound.rules().check("https://nowhere.test/").unwrap();
    assert!(outbound.probe(&target, LIMITS.total).await.is_ok(), "it may have one tomorrow");
}

#[tokio::test]
async fn s30_redirects_are_answers_and_nobody_goes_there() {
    let (inner, visits) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    for status in [301, 302, 303, 307, 308] {
        let (outer, _) =
            receiver(format!("HTTP/1.1 {status} Go\r\nlocation: http://{inner}/\r\ncontent-length: 0\r\n\r\n")).await;
        assert_eq!(post(&local(), &format!("http://{outer}/")).await.unwrap().status, status);
    }
    let page = format!("<meta http-equiv=refresh content='0;url=http://{inner}/'>");
    let (outer, _) = receiver(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{page}", page.len())).await;
    assert_eq!(post(&local(), &format!("http://{outer}/")).await.unwrap().status, 200);
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn s33_an_endless_body_is_left_and_endless_headers_and_silence_run_out_of_time() {
    let (address, _) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n*").await;
    assert_eq!(post(&local(), &format!("http://{address}/")).await.unwrap().status, 200, "the rest is not read");
    let (address, _) = receiver("HTTP/1.1 200 OK\r\nx-endless: *").await;
    assert!(post(&local(), &format!("http://{address}/")).await.is_err());
    let (address, _) = receiver("").await;
    assert_eq!(post(&local(), &format!("http://{address}/")).await, Err(Failure::TimedOut(LIMITS.total)));
    // A server that says nothing while TLS waits for its hello.
    assert!(matches!(post(&local(), &format!("https://{address}/")).await, Err(Failure::TimedOut(_))));
    let (address, _) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx").await;
    assert_eq!(
        post(&local(), &format!("http://{address}/")).await.unwrap().status,
        200,
        "its head has said what counts"
    );
    let (address, _) = receiver("HTTP/1.1 410 Gone\r\ncontent-length: 100\r\n\r\nx").await;
    assert_eq!(post(&local(), &format!("http://{address}/")).await.unwrap().status, 410);
}

#[tokio::test]
async fn s33_what_a_private_receiver_says_is_not_kept() {
    let (address, _) = receiver("HTTP/1.1 500 No\r\nretry-after: 7\r\ncontent-length: 6\r\n\r\nsecret").await;
    let answer = post(&local(), &format!("http://{address}/")).await.unwrap();
    assert_eq!(answer, Answer { status: 500, retry_after: Some(Duration::from_secs(7)), head: None });
}

#[tokio::test]
async fn posts_reach_the_receiver_directly() {
    let (address, count) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(post(&local(), &format!("http://{address}/")).await.unwrap().status, 200);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn s34_a_proxy_of_the_environment_is_ignored() {
    let nowhere = "http://127.0.0.1:9";
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "posts_reach_the_receiver_directly"]).env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        again.env(name, nowhere);
    }
    let done = again.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    assert!(String::from_utf8_lossy(&done.stdout).contains("1 passed"));
}
