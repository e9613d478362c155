//! From an answer to bytes, and the bytes to the socket. This is the fake's own HTTP writer: it frames correctly unless a
//! break tells it not to, and it notices when the client closes, also while it hangs. It knows no dialect.

use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::WriteHalf;

use crate::answer::{MARK, MARK_TAIL, OddText};
use crate::fault::{At, Break};
use crate::log::{How, Usage};
use crate::request::Reader;

/// An answer in a dialect's format, not yet bytes.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub content_type: Option<String>,
    pub headers: Vec<(String, String)>,
    pub content: Content,
    pub response_id: String,
    pub odd: Option<OddText>,
    /// Line feeds in front of the body, in blocks of 64 KiB.
    pub padding_blocks: u64,
}

impl Reply {
    pub fn json(status: u16, body: Value) -> Reply {
        Reply::new(status, "application/json", Content::Json(body))
    }

    pub fn new(status: u16, content_type: &str, content: Content) -> Reply {
        Reply {
            status,
            content_type: Some(content_type.to_owned()),
            headers: Vec::new(),
            content,
            response_id: String::new(),
            odd: None,
            padding_blocks: 0,
        }
    }

    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Json(Value),
    Bytes(Vec<u8>),
    Events(Style, Vec<Event>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    Sse,
    NdJson,
}

/// One event of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub kind: Kind,
    /// The SSE field `event`.
    pub name: Option<&'static str>,
    pub data: Data,
    /// Words of the answer in it.
    pub words: u64,
}

/// What an event is there for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Frame,
    Content,
    /// Has the finish reason.
    Finish,
    /// Has the usage and follows the finish reason.
    Usage,
    /// The last one.
    End,
}

#[derive(Clone, Debug)]
pub(crate) enum Data {
    Json(Value),
    /// The `data` field as it is.
    Text(String),
    /// A comment line, which keeps a connection alive.
    Comment(&'static str),
}

impl Event {
    pub const fn new(kind: Kind, data: Value) -> Event {
        Event { kind, name: None, data: Data::Json(data), words: 0 }
    }

    fn to_bytes(&self, style: Style) -> Vec<u8> {
        let data = match &self.data {
            Data::Json(value) => value.to_string(),
            Data::Text(text) => text.clone(),
            Data::Comment(text) => return format!(": {text}\n\n").into_bytes(),
        };
        let name = self.name.map(|name| format!("event: {name}\n")).unwrap_or_default();
        match style {
            Style::Sse => format!("{name}data: {data}\n\n").into_bytes(),
            Style::NdJson => format!("{data}\n").into_bytes(),
        }
    }
}

/// One thing to do to the socket.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Write these; so many words of the answer are in them.
    Bytes(Vec<u8>, u64),
    /// Write the same bytes so many times, without ever holding more of them.
    Repeat(Vec<u8>, u64),
    Drip(Vec<u8>, u64, Duration),
    Hang,
    Hold,
    Reset,
    Close,
}

/// All that happens to a socket after a request.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub steps: Vec<Step>,
    pub status: u16,
    pub response_id: String,
    /// Owed before the first step; each step adds its words.
    pub billed: Usage,
    /// The connection can carry another request.
    pub reusable: bool,
}

/// How a break is to strike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strike {
    pub how: Break,
    pub at: At,
    pub interval: Duration,
}

struct Piece {
    bytes: Vec<u8>,
    words: u64,
    is_content: bool,
}

const BLOCK_BYTES: usize = 64 * 1024;

/// The head of an answer. `extra` are lines of their own, each with its line end.
pub(crate) fn head_bytes(reply: &Reply, extra: &str) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    if let Some(content_type) = &reply.content_type {
        head.push_str(&format!("content-type: {content_type}\r\n"));
    }
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(extra);
    head.push_str("\r\n");
    head.into_bytes()
}

/// One chunk of a chunked body.
pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The steps of an answer, with a break built in if there is one. `billed` is what is owed however far it gets.
pub(crate) fn script(reply: &Reply, strike: Option<Strike>, billed: Usage) -> Script {
    let how = strike.map(|strike| strike.how);
    let streamed = matches!(reply.content, Content::Events(..));
    let in_chunks = streamed
        || matches!(
            how,
            Some(Break::CloseInChunks | Break::BadChunkSize | Break::ChunkLengthLies | Break::BothLengths)
        )
        || reply.odd == Some(OddText::EmojiCut);
    let pieces = pieces(reply, in_chunks);
    let length = pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>()
        + usize::try_from(reply.padding_blocks).unwrap_or(0) * BLOCK_BYTES;
    let framing = match (how, in_chunks) {
        (Some(Break::BothLengths), _) => format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"),
        (_, true) => "transfer-encoding: chunked\r\n".to_owned(),
        (_, false) => format!("content-length: {length}\r\n"),
    };
    let framed = |bytes: Vec<u8>| if in_chunks { chunk(&bytes) } else { bytes };
    let mut steps = vec![Step::Bytes(head_bytes(reply, &framing), 0)];
    if reply.padding_blocks > 0 {
        steps.push(Step::Repeat(framed(vec![b'\n'; BLOCK_BYTES]), reply.padding_blocks));
    }
    let before_body = steps.len();
    let cut = cut_after(&pieces);
    steps.extend(pieces.into_iter().map(|piece| Step::Bytes(framed(piece.bytes), piece.words)));
    if in_chunks {
        steps.push(Step::Bytes(b"0\r\n\r\n".to_vec(), 0));
    }
    if let Some(strike) = strike {
        let index = match strike.at {
            At::BeforeHead => 0,
            At::Head => 1,
            At::First => (before_body + 1).min(steps.len()),
            At::Content => (before_body + cut).min(steps.len()),
            At::End => steps.len(),
        };
        break_in(&mut steps, index, strike);
    }
    let reusable = how.is_none_or(|how| matches!(how, Break::Hold | Break::Drip | Break::ContinueFirst));
    Script { steps, status: reply.status, response_id: reply.response_id.clone(), billed, reusable }
}

fn break_in(steps: &mut Vec<Step>, index: usize, strike: Strike) {
    let mut ends_with = |last: &[Step]| {
        steps.truncate(index);
        steps.extend_from_slice(last);
    };
    match strike.how {
        Break::Hang => ends_with(&[Step::Hang]),
        Break::Reset => ends_with(&[Step::Reset]),
        Break::Close | Break::CloseInChunks => ends_with(&[Step::Close]),
        Break::BadChunkSize => ends_with(&[Step::Bytes(b"xyz\r\nnot a chunk\r\n".to_vec(), 0), Step::Close]),
        Break::TlsGarbage => ends_with(&[Step::Bytes(TLS_GARBAGE.to_vec(), 0), Step::Close]),
        Break::Hold => steps.insert(index, Step::Hold),
        Break::ContinueFirst => steps.insert(index, Step::Bytes(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), 0)),
        Break::ChunkLengthLies => steps.insert(index, Step::Bytes(b"4\r\nmore than four\r\n".to_vec(), 0)),
        Break::BothLengths => {}
        Break::Drip => {
            for step in &mut steps[index..] {
                if let Step::Bytes(bytes, words) = step {
                    *step = Step::Drip(std::mem::take(bytes), *words, strike.interval);
                }
            }
        }
    }
}

/// Looks like a TLS handshake record and is none.
pub(crate) const TLS_GARBAGE: &[u8] =
    b"\x16\x03\x03\x00\x10\xde\xad\xbe\xef\x00\x01\x02\x03\xff\xfe\xfd\xfc\x80\x81\x82\x83";

/// The index behind the piece in the middle of the content.
fn cut_after(pieces: &[Piece]) -> usize {
    let content: Vec<usize> =
        pieces.iter().enumerate().filter(|(_, piece)| piece.is_content).map(|(index, _)| index + 1).collect();
    content.get(content.len().saturating_sub(1) / 2).copied().unwrap_or_else(|| pieces.len().min(2))
}

fn pieces(reply: &Reply, in_chunks: bool) -> Vec<Piece> {
    let whole = |bytes: Vec<u8>| {
        let bytes = with_odd_bytes(bytes, reply.odd);
        let middle = bytes.len().div_ceil(2);
        let parts = [&bytes[..middle.min(1)], &bytes[middle.min(1)..middle], &bytes[middle..]];
        let piece = |(index, part): (usize, &[u8])| Piece { bytes: part.to_vec(), words: 0, is_content: index == 1 };
        // An empty chunk would end the body.
        parts.into_iter().enumerate().map(piece).filter(|piece| !piece.bytes.is_empty()).collect::<Vec<_>>()
    };
    let pieces = match &reply.content {
        Content::Json(value) => whole(value.to_string().into_bytes()),
        Content::Bytes(bytes) => whole(bytes.clone()),
        Content::Events(style, events) => events
            .iter()
            .map(|event| Piece {
                bytes: with_odd_bytes(event.to_bytes(*style), reply.odd),
                words: event.words,
                is_content: event.kind == Kind::Content,
            })
            .collect(),
    };
    if reply.odd == Some(OddText::EmojiCut) && in_chunks { cut_in_emoji(pieces) } else { pieces }
}

/// Splits every piece in the middle of the first emoji in it.
fn cut_in_emoji(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut cut = Vec::new();
    for mut piece in pieces {
        // Four bytes of UTF-8 begin with F0 to F4.
        if let Some(at) = piece.bytes.iter().position(|byte| (0xf0..=0xf4).contains(byte)) {
            let tail = piece.bytes.split_off(at + 2);
            cut.push(Piece { bytes: piece.bytes, words: 0, is_content: piece.is_content });
            piece.bytes = tail;
        }
        if !piece.bytes.is_empty() {
            cut.push(piece);
        }
    }
    cut
}

fn with_odd_bytes(bytes: Vec<u8>, odd: Option<OddText>) -> Vec<u8> {
    let (first, second): (&[u8], &[u8]) = match odd {
        None | Some(OddText::Nul | OddText::EmojiCut) => return bytes,
        Some(OddText::NonUtf8) => (b"\xff\xfe", b""),
        Some(OddText::NulRaw) => (b"\0", b""),
        Some(OddText::LoneSurrogate) => (br"\ud800", b""),
        Some(OddText::EmojiHalves) => (br"\ud83d", br"\ude00"),
    };
    replaced(&replaced(&bytes, MARK, first), MARK_TAIL, second)
}

fn replaced(bytes: &[u8], mark: char, by: &[u8]) -> Vec<u8> {
    let mark = mark.to_string().into_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(by);
        rest = &rest[at + mark.len()..];
    }
    out.extend_from_slice(rest);
    out
}

pub(crate) const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        425 => "Too Early",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        524 => "A Timeout Occurred",
        529 => "Site is overloaded",
        _ => "Unnamed",
    }
}

/// What the writer tells about its progress.
pub(crate) trait Progress: Send + Sync {
    fn wrote(&self, bytes_total: u64, words: u64);
    fn waits(&self, how: How);
    /// Returns when a held answer may go on.
    fn released(&self) -> impl Future<Output = ()> + Send;
}

/// Plays a script to the end or until the client closes its socket.
pub(crate) async fn play(
    steps: &[Step],
    writer: &mut WriteHalf<'_>,
    reader: &mut Reader<'_>,
    progress: &impl Progress,
) -> How {
    let mut wire = Wire { writer, written: 0 };
    for step in steps {
        let done = tokio::select! {
            biased;
            done = wire.step(step, progress) => done,
            () = reader.closed() => Err(Gone),
        };
        match (done, step) {
            (Err(Gone), _) => return How::ClientClosed(wire.written),
            (Ok(()), Step::Reset) => {
                // A socket that is gone already cannot be told; it ends all the same.
                return if reader.reset_on_close().is_ok() { How::Reset } else { How::ClientClosed(wire.written) };
            }
            (Ok(()), Step::Close) => return How::Cut,
            (Ok(()), Step::Bytes(_, words) | Step::Drip(_, words, _)) => progress.wrote(wire.written, *words),
            (Ok(()), Step::Repeat(..) | Step::Hang | Step::Hold) => progress.wrote(wire.written, 0),
        }
    }
    How::Answered
}

struct Gone;

struct Wire<'a, 'b> {
    writer: &'a mut WriteHalf<'b>,
    written: u64,
}

impl Wire<'_, '_> {
    async fn step(&mut self, step: &Step, progress: &impl Progress) -> Result<(), Gone> {
        match step {
            Step::Bytes(bytes, _) => self.write(bytes).await,
            Step::Repeat(bytes, times) => {
                for _ in 0..*times {
                    self.write(bytes).await?;
                }
                Ok(())
            }
            Step::Drip(bytes, _, interval) => {
                for byte in bytes {
                    self.write(&[*byte]).await?;
                    progress.wrote(self.written, 0);
                    tokio::time::sleep(*interval).await;
                }
                Ok(())
            }
            Step::Hang => {
                progress.waits(How::Hung);
                std::future::pending().await
            }
            Step::Hold => {
                let released = progress.released();
                progress.waits(How::Held);
                released.await;
                progress.waits(How::Open);
                Ok(())
            }
            Step::Reset | Step::Close => Ok(()),
        }
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Gone> {
        while !bytes.is_empty() {
            match self.writer.write(bytes).await {
                Ok(0) | Err(_) => return Err(Gone),
                Ok(count) => {
                    self.written += count as u64;
                    bytes = &bytes[count..];
                }
            }
        }
        Ok(())
    }
}
