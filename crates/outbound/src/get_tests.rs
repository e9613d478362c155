//! Servers that mean no good, on loopback.

use super::*;
use crate::rules::Rules;
use crate::unpack::Unpacker;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::Write;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that answers each connection with the next of these; what it was asked.
async fn server(
    answers: Vec<String>,
    endless: Option<&'static [u8]>,
) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).await.unwrap();
                head.push(byte[0]);
            }
            asked.push(String::from_utf8(head).unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
            while let Some(piece) = endless {
                if stream.write_all(piece).await.is_err() {
                    break;
                }
            }
        }
        asked
    });
    (base, asked)
}

fn outbound() -> Outbound {
    Outbound::new(Rules::new(vec!["127.0.0.1".parse().unwrap()], "THE_SETTING")).unwrap()
}

fn at(url: impl Into<String>) -> Wanted {
    Wanted { url: url.into(), ..Wanted::default() }
}

async fn get(url: impl Into<String>) -> Result<Page, Unread> {
    let limits = GetLimits { total: Duration::from_secs(5), body_bytes_max: 1_000 };
    outbound().get(&at(url), limits).await
}

fn whole(status: &str, more: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_page_is_read_with_what_its_server_calls_it() {
    let (base, asked) = server(vec![whole("200 OK", "etag: \"7\"\r\n", "hello")], None).await;
    let wanted = Wanted { etag: Some("\"6\"".to_owned()), accept: "text/plain", ..at(format!("{base}/x")) };
    let limits = GetLimits { total: Duration::from_secs(5), body_bytes_max: 5 };
    let page = outbound().get(&wanted, limits).await.unwrap();
    assert_eq!((page.status, page.body, page.etag.as_deref()), (200, b"hello".to_vec(), Some("\"7\"")));
    let asked = asked.await.unwrap().remove(0).to_lowercase();
    assert!(asked.contains("if-none-match: \"6\"") && asked.contains("accept-encoding: gzip, deflate"), "{asked}");
    assert!(!asked.contains("cookie") && !asked.contains("referer"), "{asked}");
}

#[tokio::test]
async fn every_hop_is_checked_like_the_first() {
    for bad in ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.2/", "file:///etc/passwd", "//10.0.0.1/x"] {
        let (base, _) = server(vec![whole("302 Found", &format!("location: {bad}\r\n"), "")], None).await;
        let outcome = get(format!("{base}/")).await;
        assert!(matches!(outcome, Err(Unread::LedAstray(_))), "{bad}: {outcome:?}");
    }
    let (base, _) =
        server(vec![whole("301 Moved", "location: /there#part\r\n", ""), whole("200 OK", "", "ok")], None).await;
    assert_eq!(get(format!("{base}/here")).await.unwrap().body, b"ok");
    let around = vec![whole("307 On", "location: /\r\n", ""); HOPS_MAX + 1];
    let (base, _) = server(around, None).await;
    assert_eq!(get(base).await, Err(Unread::Wandering));
}

#[tokio::test]
async fn a_body_is_whole_or_an_error() {
    let (base, _) = server(vec![whole("200 OK", "", &"x".repeat(1_001))], None).await;
    assert_eq!(get(base).await, Err(Unread::TooLarge { bytes_max: 1_000 }));
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    let (base, _) = server(vec![head], Some(b"2\r\nxx\r\n")).await;
    assert_eq!(get(base).await, Err(Unread::TooLarge { bytes_max: 1_000 }), "endless chunks");
    let (base, _) = server(vec!["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx".to_owned()], None).await;
    assert!(matches!(get(base).await, Err(Unread::Failed(_))), "cut off");
    let (base, _) = server(vec![whole("200 OK", "content-encoding: br\r\n", "x")], None).await;
    assert_eq!(get(base).await, Err(Unread::Compressed("br".to_owned())));
}

#[tokio::test]
async fn a_server_that_drips_is_left_when_its_time_is_over() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n".to_owned();
    let (base, _) = server(vec![head], None).await;
    assert_eq!(get(&base).await, Err(Unread::TooLarge { bytes_max: 1_000 }), "it says how long it is");
    // It says nothing at all after its head.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move { listener.accept().await.unwrap() });
    let limits = GetLimits { total: Duration::from_millis(50), body_bytes_max: 1_000 };
    let outcome = outbound().get(&at(base), limits).await;
    assert_eq!(outcome, Err(Unread::Failed(Failure::TimedOut(limits.total))));
    drop(silent.await.unwrap());
}

#[tokio::test]
async fn plain_http_is_read_from_public_addresses_and_never_from_private_ones() {
    let rules = Rules::new(vec![], "THE_SETTING").reading();
    assert!(rules.check("http://example.com/feed").is_ok() && rules.check("https://example.com/feed").is_ok());
    for bad in ["http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/", "http://0x7f.1/", "ftp://example.com/"]
    {
        assert!(rules.check(bad).is_err(), "{bad}");
    }
    assert!(rules.check("http://example.com:22/").is_err(), "not every port");
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(body).unwrap();
    packed.finish().unwrap()
}

fn unpacked(encoding: &str, pieces: &[&[u8]], bytes_max: usize) -> Result<Vec<u8>, Unread> {
    let mut body = Unpacker::new(Some(encoding), bytes_max)?;
    for piece in pieces {
        body.take(piece)?;
    }
    body.finish()
}

#[test]
fn what_comes_packed_is_unpacked_in_any_pieces() {
    let body = b"Tea is up. ".repeat(50);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&body).unwrap();
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
    raw.write_all(&body).unwrap();
    let packed = [("gzip", gzip(&body)), ("deflate", zlib.finish().unwrap()), ("Deflate", raw.finish().unwrap())];
    for (encoding, packed) in packed {
        assert_eq!(unpacked(encoding, &[&packed], body.len()), Ok(body.clone()), "{encoding}");
        let bytes: Vec<&[u8]> = packed.chunks(1).collect();
        assert_eq!(unpacked(encoding, &bytes, body.len()), Ok(body.clone()), "{encoding}, byte by byte");
        let short = unpacked(encoding, &[&packed], body.len() - 1);
        assert_eq!(short, Err(Unread::TooLarge { bytes_max: body.len() - 1 }), "{encoding}");
        let cut = unpacked(encoding, &[&packed[..packed.len() - 5]], body.len());
        assert!(matches!(cut, Err(Unread::Packed(_))), "{encoding}: {cut:?}");
    }
    assert!(matches!(unpacked("gzip", &[b"<rss/>"], 100), Err(Unread::Packed(_))), "it only says so");
    assert_eq!(unpacked("identity", &[b"x"], 1), Ok(b"x".to_vec()));
}

#[test]
fn a_bomb_is_too_large_where_the_room_ends() {
    let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
    assert!(bomb.len() < 100_000);
    let mut body = Unpacker::new(Some("gzip"), 1_000_000).unwrap();
    let mut taken = 0;
    let fault = bomb.chunks(100).find_map(|piece| {
        taken += piece.len();
        body.take(piece).err()
    });
    assert_eq!(fault, Some(Unread::TooLarge { bytes_max: 1_000_000 }));
    assert!(taken < bomb.len() / 10, "the rest was never unpacked: {taken} of {}", bomb.len());
}
