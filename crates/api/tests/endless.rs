//! Event streams over a real socket: their connection is taken from hyper once the head is written, and nobody notices.

use crate::served::{Served, endless, until};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn follow(served: &Served, path: &str, version: &str) -> String {
    let key = &served.site.key;
    format!(
        "GET {path} HTTP/{version}\r\nhost: localhost\r\nauthorization: Bearer {key}\r\naccept: text/event-stream\r\n\r\n"
    )
}

/// Opens a stream and reads until `word` has come.
async fn opened(served: &Served, path: &str, version: &str, word: &str) -> (TcpStream, String) {
    let mut client = served.connect().await;
    client.write_all(follow(served, path, version).as_bytes()).await.unwrap();
    let text = read_to(&mut client, word).await;
    (client, text)
}

async fn read_to(client: &mut TcpStream, word: &str) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&bytes).contains(word) {
            let count = client.read_buf(&mut bytes).await.unwrap();
            assert!(count > 0, "the line ended before {word:?}: {}", String::from_utf8_lossy(&bytes));
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reading).await.expect("the word comes");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The body behind the chunks. They must be whole, and the last one must have come.
fn unchunked(mut chunks: &str) -> String {
    let mut body = String::new();
    loop {
        let (size, rest) = chunks.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&rest[..size]);
        chunks = rest[size..].strip_prefix("\r\n").unwrap();
        if size == 0 {
            assert_eq!(chunks, "");
            return body;
        }
    }
}

#[tokio::test]
async fn a_stream_is_whole_chunks_behind_an_ordinary_head_and_ends_with_the_last_one() {
    let served = Served::with(endless()).await;
    let accepted = served.site.accept(json!({})).await;
    let path = format!("/api/v1/generations/{}/stream", accepted["id"].as_str().unwrap());
    let (mut client, begun) = opened(&served, &path, "1.1", "generation.accepted").await;
    let (head, first) = begun.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for header in
        ["transfer-encoding: chunked", "connection: close", "content-type: text/event-stream", "x-request-id: "]
    {
        assert_eq!(head.matches(header).count(), 1, "{header}: {head}");
    }
    served.site.post(&format!("/generations/{}/cancel", accepted["id"].as_str().unwrap()), json!({})).await;
    let rest = crate::served::rest(&mut client);
    let (rest, _) = served.while_time_passes(rest).await;
    let body = unchunked(&format!("{first}{rest}"));
    assert!(body.contains("event: generation.accepted\n") && body.contains("event: generation.cancelled\n"), "{body}");
    until("its place is free", || served.server.connections() == 0).await;
}

#[tokio::test]
async fn a_follower_that_hangs_up_or_says_too_much_is_let_go() {
    let served = Served::with(endless()).await;
    let (gone, _) = opened(&served, "/api/v1/events", "1.1", "from here").await;
    let (mut loud, _) = opened(&served, "/api/v1/events", "1.1", "from here").await;
    assert_eq!(served.server.connections(), 2);
    drop(gone);
    until("the one that hung up is gone", || served.server.connections() == 1).await;
    let speaking = async { while loud.write_all(&[b'x'; 4_096]).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(60), speaking).await.expect("it is not listened to for ever");
    until("the loud one is gone, too", || served.server.connections() == 0).await;
}

#[tokio::test]
async fn a_client_without_chunks_and_one_that_asks_for_the_head_are_served_as_ever() {
    let served = Served::with(endless()).await;
    let (_client, old) = opened(&served, "/api/v1/events", "1.0", "from here").await;
    assert!(!old.contains("chunked"), "{old}");
    // What asks for the head alone is answered by hyper to its end.
    let head = follow(&served, "/api/v1/events", "1.1").replace("GET", "HEAD");
    let mut client = served.connect().await;
    client.write_all(format!("{head}{}", follow(&served, "/livez", "1.1")).as_bytes()).await.unwrap();
    let both = read_to(&mut client, "\r\n\r\nok").await;
    assert_eq!(both.matches("HTTP/1.1 200 OK").count(), 2, "{both}");
}

#[tokio::test]
async fn a_stop_waits_for_no_follower_that_was_told() {
    let served = Served::with(endless()).await;
    let (mut client, _) = opened(&served, "/api/v1/events", "1.1", "from here").await;
    served.site.desk.begin_stop();
    served.stop.send(()).unwrap();
    let rest = crate::served::rest(&mut client).await;
    assert!(rest.contains("draining") && rest.ends_with("0\r\n\r\n"), "{rest}");
    served.task.await.unwrap();
}
