//! Answers that are too large, made of small blocks that are written over and over: nothing here holds more than a few
//! megabytes, whatever the client has to swallow.

use flate2::{Compress, Compression, Crc, FlushCompress};

use crate::compose::Ask;
use crate::fault::Flood;
use crate::log::Usage;
use crate::wire::{Content, Reply, Script, Step, chunk, head_bytes, script as framed};

const BLOCK_BYTES: usize = 64 * 1024;
const MIB: u64 = 1024 * 1024;
/// How many MiB the bomb has inside.
const BOMB_MIB: u64 = 10 * 1024;
const HEADERS: u64 = 100_000;

const OPENING: &[u8] =
    br#"{"id":"flood","model":"flood","choices":[{"index":0,"message":{"role":"assistant","content":""#;
const CLOSING: &[u8] = br#""},"finish_reason":"stop"}]}"#;

/// `good` is the answer that 100,000 header lines stand in front of.
pub(crate) fn script(ask: &Ask, what: Flood, good: Reply) -> Script {
    match what {
        Flood::Headers => {
            let lines: String = (0..HEADERS).map(|number| format!("x-filler-{number}: fills the head\r\n")).collect();
            let mut script = framed(&good, None, Usage::default());
            if let Some(Step::Bytes(head, _)) = script.steps.first_mut() {
                head.truncate(head.len() - 2);
                head.extend_from_slice(lines.as_bytes());
                head.extend_from_slice(b"\r\n");
            }
            script
        }
        Flood::Body => {
            let filler = vec![b'a'; BLOCK_BYTES];
            let blocks = 1024 * MIB / BLOCK_BYTES as u64;
            let length = OPENING.len() as u64 + 1024 * MIB + CLOSING.len() as u64;
            let head = format!("content-length: {length}\r\n");
            let body =
                vec![Step::Bytes(OPENING.to_vec(), 0), Step::Repeat(filler, blocks), Step::Bytes(CLOSING.to_vec(), 0)];
            answer("application/json", &head, body)
        }
        Flood::Line => {
            let content_type = if ask.stream { "text/event-stream" } else { "application/json" };
            let data: &[u8] = if ask.stream { b"data: " } else { b"" };
            let blocks = 50 * MIB / BLOCK_BYTES as u64;
            let body = vec![
                Step::Bytes(chunk(&[data, OPENING].concat()), 0),
                Step::Repeat(chunk(&[b'a'; BLOCK_BYTES]), blocks),
                Step::Bytes(chunk(&[CLOSING, b"\n\n"].concat()), 0),
                Step::Bytes(b"0\r\n\r\n".to_vec(), 0),
            ];
            answer(content_type, "transfer-encoding: chunked\r\n", body)
        }
        Flood::GzipBomb => bomb(),
    }
}

fn answer(content_type: &str, framing: &str, body: Vec<Step>) -> Script {
    let reply = Reply::new(200, content_type, Content::Bytes(Vec::new()));
    let mut steps = vec![Step::Bytes(head_bytes(&reply, framing), 0)];
    steps.extend(body);
    Script { steps, status: 200, response_id: "flood".to_owned(), billed: Usage::default(), reusable: true }
}

/// A gzip file of 10 GiB of JSON. One MiB is compressed once; ended by a full flush it refers to nothing before it, so
/// it can be repeated. The checksum is put together the same way, and it is right.
fn bomb() -> Script {
    let filler = vec![b'a'; usize::try_from(MIB).unwrap_or(0)];
    let segment = deflated(&filler);
    let (opening, closing) = (deflated(OPENING), deflated(CLOSING));
    let mut crc = Crc::new();
    crc.update(OPENING);
    let mut one = Crc::new();
    one.update(&filler);
    for _ in 0..BOMB_MIB {
        crc.combine(&one);
    }
    let mut last = Crc::new();
    last.update(CLOSING);
    crc.combine(&last);
    // Deflate, no name, no time; then the body; then an empty last block, the checksum, the length modulo 2^32.
    let first = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255][..], &opening].concat();
    let tail = [&closing[..], &[3, 0], &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes()].concat();
    let length = (first.len() + tail.len()) as u64 + segment.len() as u64 * BOMB_MIB;
    let head = format!("content-encoding: gzip\r\ncontent-length: {length}\r\n");
    let body = vec![Step::Bytes(first, 0), Step::Repeat(segment, BOMB_MIB), Step::Bytes(tail, 0)];
    answer("application/json", &head, body)
}

/// Raw deflate blocks that end on a byte and stand alone.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(bytes.len() / 64 + 256);
    // A full buffer would end the call early; there is always room, and an error would leave a broken bomb, which is
    // what the test of the bomb looks for.
    let outcome = compress.compress_vec(bytes, &mut out, FlushCompress::Full);
    assert!(outcome.is_ok() && compress.total_in() == bytes.len() as u64, "the bomb's buffer is large enough");
    out
}
