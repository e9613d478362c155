//! Answers that are too large. They are read and dropped, counted and never kept.

use std::collections::BTreeMap;
use std::io::Read;

use copydesk_fakeprovider::{Dialect, FakeProvider};
use flate2::read::GzDecoder;
use tokio::io::AsyncReadExt;

use crate::raw::{call, chat, open, read_until, request};

const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn ten_mebibytes_of_nothing_stand_before_the_answer() {
    let fake = FakeProvider::start().await;
    for stream in [false, true] {
        let body = call(&fake, Dialect::OpenAi, "m?fault=whitespace_10mib", stream).await.body().unwrap();
        assert!(body[..10 * 1024 * 1024].iter().all(|byte| *byte == b'\n'));
        assert!(body.len() as u64 > 10 * MIB);
    }
}

#[tokio::test]
async fn a_hundred_thousand_headers() {
    let fake = FakeProvider::start().await;
    let got = call(&fake, Dialect::OpenAi, "m?fault=headers_100k", false).await;
    assert_eq!(got.head().matches("x-filler-").count(), 100_000);
    assert_eq!(got.json()["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn one_line_of_fifty_mebibytes() {
    let fake = FakeProvider::start().await;
    let body = call(&fake, Dialect::OpenAi, "m?fault=line_50mib", true).await.body().unwrap();
    let lines: Vec<usize> = body.split(|byte| *byte == b'\n').map(<[u8]>::len).collect();
    assert!(body.starts_with(b"data: {") && lines[0] as u64 > 50 * MIB);
    assert_eq!(lines[1..], [0, 0], "an event that ends as it should");
}

#[tokio::test]
async fn a_gibibyte_is_announced_and_comes() {
    let fake = FakeProvider::start().await;
    let (path, body) = chat(Dialect::OpenAi, "m?fault=body_1gib", false);
    let mut stream = open(fake.address(), &request("POST", &path, "", &body)).await;
    let head = read_until(&mut stream, "\r\n\r\n").await;
    let head = String::from_utf8_lossy(&head).into_owned();
    let length: u64 = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    assert!(length > 1024 * MIB);
    // Sixteen of them show that it goes on; a test need not read the rest.
    let mut buffer = vec![0; 65_536];
    let mut read = 0;
    while read < 16 * MIB {
        read += stream.read(&mut buffer).await.unwrap() as u64;
    }
}

#[tokio::test]
async fn the_bomb_is_small_and_its_gzip_is_right() {
    let fake = FakeProvider::start().await;
    let got = call(&fake, Dialect::OpenAi, "m?fault=gzip_bomb", false).await;
    assert_eq!(got.header("content-encoding").as_deref(), Some("gzip"));
    let body = got.body().unwrap();
    assert!((body.len() as u64) < 16 * MIB, "{} bytes", body.len());
    // The first 64 MiB are JSON full of the same letter; 10 GiB would take minutes in a test's build.
    let mut decoder = GzDecoder::new(body.as_slice());
    let mut start = vec![0; 100];
    decoder.read_exact(&mut start).unwrap();
    assert!(start.starts_with(b"{\"id\":\"flood\""));
    let mut counts = BTreeMap::<u8, u64>::new();
    let mut block = vec![0; 65_536];
    for _ in 0..1_024 {
        decoder.read_exact(&mut block).unwrap();
        *counts.entry(block[block.len() / 2]).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from([(b'a', 1_024)]));
    // The last four bytes are the length modulo 2^32: 10 GiB, and what stands around the letters.
    let tail: [u8; 4] = body[body.len() - 4..].try_into().unwrap();
    assert_eq!(u64::from(u32::from_le_bytes(tail)) >> 20, (10 * 1024) % 4096);
}
