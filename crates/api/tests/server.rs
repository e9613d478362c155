//! The server under hostile and unlucky clients, on raw sockets. Time is moved by hand; each test has one limit that can
//! be reached.

use crate::served::{Served, answer, endless, rest, until};
use copydesk_api::server::Limits;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const LIVEZ: &str = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn short() -> Duration {
    Duration::from_secs(10)
}

/// A request with our key, without a body.
fn get(served: &Served, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n", served.site.key)
}

fn post(served: &Served, headers: &str) -> String {
    let key = &served.site.key;
    format!(
        "POST /api/v1/generations HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\n{headers}\r\n\r\n"
    )
}

#[tokio::test]
async fn s62_a_connection_that_never_sends_a_byte_is_closed() {
    let served = Served::with(Limits { first_byte: short(), ..endless() }).await;
    let mut silent = served.connect().await;
    let mut late = served.connect().await;
    until("two connections", || served.server.connections() == 2).await;
    served.clock.advance(Duration::from_secs(9));
    late.write_all(LIVEZ.as_bytes()).await.unwrap();
    assert!(answer(&mut late).await.ends_with("ok"), "a client in time is served");
    served.clock.advance(Duration::from_secs(1));
    assert_eq!(rest(&mut silent).await, "");
    until("the other one is open", || served.server.connections() == 1).await;
}

#[tokio::test]
async fn s62_a_head_that_dribbles_is_not_waited_for() {
    let served = Served::with(Limits { head: short(), ..endless() }).await;
    let (mut reader, mut writer) = served.connect().await.into_split();
    let dribble = async {
        let mut bytes = LIVEZ.bytes().cycle().take(2).chain(std::iter::repeat(b'x'));
        while writer.write_all(&[bytes.next().unwrap()]).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    let ended = async {
        let mut bytes = Vec::new();
        drop(tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut bytes).await);
    };
    let closed = async {
        tokio::select! { () = dribble => {}, () = ended => {} }
    };
    served.while_time_passes(closed).await;
    until("no connection is left", || served.server.connections() == 0).await;
}

#[tokio::test]
async fn a_head_that_comes_in_pieces_is_one_head() {
    let served = Served::with(endless()).await;
    for begun in 1..6 {
        let mut client = served.connect().await;
        // It begins as HTTP/2 does, and is none.
        let ask = LIVEZ.replace("GET", "POST");
        client.write_all(&ask.as_bytes()[..begun]).await.unwrap();
        tokio::task::yield_now().await;
        client.write_all(&ask.as_bytes()[begun..]).await.unwrap();
        assert!(answer(&mut client).await.starts_with("HTTP/1.1 405 "));
    }
}

#[tokio::test]
async fn s62_an_idle_connection_is_closed_and_a_used_one_is_not() {
    let served = Served::with(Limits { idle: short(), ..endless() }).await;
    let mut client = served.connect().await;
    for _ in 0..3 {
        client.write_all(LIVEZ.as_bytes()).await.unwrap();
        assert!(answer(&mut client).await.ends_with("ok"));
        served.clock.advance(Duration::from_secs(9));
    }
    let (left, _) = served.while_time_passes(rest(&mut client)).await;
    assert_eq!(left, "");
}

#[tokio::test]
async fn s62_a_body_that_dribbles_is_answered_408_and_closed() {
    let served = Served::with(Limits { body_grace: short(), ..endless() }).await;
    let mut client = served.connect().await;
    client.write_all(format!("{}{{", post(&served, "content-length: 1000")).as_bytes()).await.unwrap();
    let (said, seconds) = served.while_time_passes(rest(&mut client)).await;
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("\"code\":\"request_timeout\""), "{said}");
    assert!(seconds >= 10, "{seconds}");
}

#[tokio::test]
async fn s62_an_answer_nobody_takes_is_given_up() {
    let served = Served::with(Limits { write_stall: short(), ..endless() }).await;
    let mut client = served.connect().await;
    let ask = LIVEZ.replace("/livez", "/docs/errors/rate_limited").repeat(100);
    let greedy = async { while client.write_all(ask.as_bytes()).await.is_ok() {} };
    served.while_time_passes(greedy).await;
    until("no connection is left", || served.server.connections() == 0).await;
}

#[tokio::test]
async fn s63_beyond_the_limit_of_connections_livez_alone_answers() {
    let served = Served::with(Limits { connections_max: 1, ..Limits::default() }).await;
    let mut first = served.connect().await;
    first.write_all(LIVEZ.as_bytes()).await.unwrap();
    assert!(answer(&mut first).await.ends_with("ok"));
    let refused = served.ask(get(&served, "/api/v1/drafts")).await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("\"code\":\"too_many_connections\""), "{refused}");
    assert!(refused.contains("retry-after: 1\r\n") && refused.contains("connection: close\r\n"), "{refused}");
    assert!(served.ask(LIVEZ).await.starts_with("HTTP/1.1 200 "));
    drop(first);
    until("its place is free", || served.server.connections() == 0).await;
    let mut next = served.connect().await;
    next.write_all(get(&served, "/api/v1/drafts").as_bytes()).await.unwrap();
    assert!(answer(&mut next).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_stop_ends_idle_connections_and_the_server() {
    let served = Served::with(endless()).await;
    let mut idle = served.connect().await;
    idle.write_all(LIVEZ.as_bytes()).await.unwrap();
    answer(&mut idle).await;
    let mut silent = served.connect().await;
    until("two connections", || served.server.connections() == 2).await;
    served.stop.send(()).unwrap();
    assert_eq!((rest(&mut idle).await, rest(&mut silent).await), (String::new(), String::new()));
    served.task.await.unwrap();
}

#[tokio::test]
async fn s59_a_body_too_large_is_refused_before_it_is_read_and_its_sender_hears_why() {
    let served = Served::with(endless()).await;
    // Declared: the answer comes although nothing of the body does.
    let mut client = served.connect().await;
    client.write_all(post(&served, "content-length: 20001").as_bytes()).await.unwrap();
    let (declared, _) = served.while_time_passes(rest(&mut client)).await;
    // Counted: the sender is still sending when it is answered.
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let chunked = format!("{}{}", post(&served, "transfer-encoding: chunked"), chunk.repeat(100));
    let (counted, _) = served.while_time_passes(served.ask(chunked)).await;
    for said in [declared, counted] {
        assert!(said.starts_with("HTTP/1.1 413 ") && said.contains("\"code\":\"too_large\""), "{said}");
    }
}

#[tokio::test]
async fn s61_heads_and_addresses_have_limits() {
    let served = Served::with(endless()).await;
    let head =
        |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{more}\r\n");
    let long = format!("/livez?{}", "x".repeat(8 * 1024 - 6));
    let table = [
        (head(&long, ""), "414", "uri_too_long"),
        (head(&long[..long.len() - 1], ""), "200", "ok"),
        (head("/livez", &format!("x: {}\r\n", "y".repeat(16 * 1024))), "431", "headers_too_large"),
        (head("/livez", &format!("x: {}\r\n", "y".repeat(15 * 1024))), "200", "ok"),
        // From here on it is hyper that refuses, with the status alone.
        (head("/livez", &format!("x: {}\r\n", "y".repeat(70 * 1024))), "431", ""),
        (head("/livez", &"x: y\r\n".repeat(99)), "431", ""),
    ];
    for (ask, status, word) in table {
        let said = served.ask(&ask).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")) && said.contains(word), "{} bytes: {said}", ask.len());
    }
}

#[tokio::test]
async fn s64_a_second_request_cannot_be_smuggled_in_a_first() {
    let served = Served::with(endless()).await;
    let hidden = get(&served, "/api/v1/drafts");
    let smuggle = |headers: &str, body: &str| {
        format!("POST /livez HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n\r\n{body}{hidden}")
    };
    let table = [
        // Two lengths: hyper goes by the chunks alone and closes the line behind them, as RFC 9112 wants it.
        (smuggle("content-length: 4\r\ntransfer-encoding: chunked", "0\r\n\r\n"), "405"),
        (smuggle("transfer-encoding: chunked\r\ncontent-length: 5", "0\r\n\r\n"), "405"),
        (smuggle("content-length: 1\r\ncontent-length: 2", "x"), "400"),
        (smuggle("content-length: +1", "x"), "400"),
        (smuggle("content-length: 1, 2", "x"), "400"),
        (smuggle("transfer-encoding: chunked, identity", "0\r\n\r\n"), "400"),
        (smuggle("x: a\r\n b: c", ""), "400"),
        (smuggle("x\0: y", ""), "400"),
        (smuggle("x : y", ""), "400"),
    ];
    for (ask, status) in table {
        let (said, _) = served.while_time_passes(served.ask(&ask)).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{ask:?}: {said}");
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{ask:?}: {said}");
    }
    // A chunk without a size: the body ends in an error, and so does the line.
    let chunks = post(&served, "transfer-encoding: chunked") + "zz\r\n{}\r\n0\r\n\r\n" + &hidden;
    let (said, _) = served.while_time_passes(served.ask(chunks)).await;
    assert!(said.starts_with("HTTP/1.1 400 ") && said.matches("HTTP/1.1 ").count() == 1, "{said}");
}

mod http2 {
    use super::*;
    use tokio::io::AsyncReadExt;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const HEADERS: u8 = 1;
    const RESET: u8 = 3;
    const SETTINGS: u8 = 4;
    const CONTINUATION: u8 = 9;
    const END_STREAM_AND_HEADERS: u8 = 5;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    /// GET http://localhost/livez, as HPACK writes it.
    fn livez() -> Vec<u8> {
        let mut block = vec![0x82, 0x86, 0x04, 6];
        block.extend(b"/livez");
        block.extend([0x01, 9]);
        block.extend(b"localhost");
        block
    }

    fn begin() -> Vec<u8> {
        [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
    }

    /// Sends until the server closes the line.
    async fn flood(served: &Served, pieces: impl Iterator<Item = Vec<u8>>) {
        let (mut reader, mut writer) = served.connect().await.into_split();
        writer.write_all(&begin()).await.unwrap();
        let sending = async {
            for piece in pieces {
                if writer.write_all(&piece).await.is_err() {
                    return;
                }
            }
        };
        let reading = async {
            let mut bytes = Vec::new();
            drop(reader.read_to_end(&mut bytes).await);
        };
        let both = async { tokio::join!(sending, reading) };
        tokio::time::timeout(Duration::from_secs(60), both).await.expect("the server ends it");
        until("no connection is left", || served.server.connections() == 0).await;
    }

    #[tokio::test]
    async fn it_is_spoken_on_the_same_port() {
        let served = Served::with(endless()).await;
        let mut client = served.connect().await;
        client.write_all(&begin()).await.unwrap();
        client.write_all(&frame(HEADERS, END_STREAM_AND_HEADERS, 1, &livez())).await.unwrap();
        let mut seen = Vec::new();
        while !seen.windows(2).any(|pair| pair == b"ok") {
            assert!(client.read_buf(&mut seen).await.unwrap() > 0, "{seen:?}");
        }
    }

    #[tokio::test]
    async fn s65_streams_that_are_opened_and_reset_end_the_connection() {
        let served = Served::with(endless()).await;
        let rapid = (0..100_000).map(|n| {
            let stream = 2 * n + 1;
            let mut pair = frame(HEADERS, END_STREAM_AND_HEADERS, stream, &livez());
            pair.extend(frame(RESET, 0, stream, &8_u32.to_be_bytes()));
            pair
        });
        flood(&served, rapid).await;
    }

    #[tokio::test]
    async fn s65_a_head_without_an_end_ends_the_connection() {
        let served = Served::with(endless()).await;
        let head = std::iter::once(frame(HEADERS, 1, 1, &livez()));
        let endless = (0..1_000_000).map(|_| frame(CONTINUATION, 0, 1, &[0; 0]));
        flood(&served, head.chain(endless)).await;
    }

    #[tokio::test]
    async fn s65_an_http2_connection_without_requests_is_closed() {
        let served = Served::with(Limits { head: short(), idle: short(), ..endless() }).await;
        let mut client = served.connect().await;
        client.write_all(&begin()).await.unwrap();
        served.while_time_passes(rest(&mut client)).await;
    }
}
