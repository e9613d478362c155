//! A raw client: it writes the bytes it is given and reads what comes, to the end, whatever it is.

use std::net::SocketAddr;

use copydesk_fakeprovider::{Dialect, FakeProvider};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const KEY: &str = "canary-key-17";
pub const PROMPT: &str = "write five words for me";

/// How a connection ended for the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Eof,
    Reset,
}

/// All that came, and how it ended.
#[derive(Debug)]
pub struct Got {
    pub bytes: Vec<u8>,
    pub end: End,
}

impl Got {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn parts(&self) -> Option<(String, &[u8])> {
        let at = self.bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        Some((String::from_utf8_lossy(&self.bytes[..at]).into_owned(), &self.bytes[at + 4..]))
    }

    pub fn head(&self) -> String {
        self.parts().map(|(head, _)| head).unwrap_or_default()
    }

    pub fn status(&self) -> u16 {
        self.head().split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.head();
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(seen, _)| seen.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }

    /// The body if its framing keeps what the head promises.
    pub fn body(&self) -> Result<Vec<u8>, String> {
        let (_, rest) = self.parts().ok_or("no head")?;
        if self.header("transfer-encoding").is_some_and(|value| value == "chunked") {
            return dechunked(rest);
        }
        let length: usize = self.header("content-length").ok_or("no length")?.parse().map_err(|_| "odd length")?;
        if rest.len() == length { Ok(rest.to_vec()) } else { Err(format!("{} of {length} bytes", rest.len())) }
    }

    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body().unwrap()).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body().unwrap()).unwrap()
    }
}

pub fn dechunked(mut rest: &[u8]) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").ok_or("no end of the chunk size")?;
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or("a chunk size that is none")?;
        rest = &rest[end + 2..];
        let chunk = rest.get(..size).ok_or("a chunk is cut")?;
        body.extend_from_slice(chunk);
        if rest.get(size..size + 2) != Some(b"\r\n") {
            return Err("a chunk does not end where it says".to_owned());
        }
        rest = &rest[size + 2..];
        if size == 0 {
            return if rest.is_empty() { Ok(body) } else { Err("bytes behind the end".to_owned()) };
        }
    }
}

/// A request that asks for the connection to be closed behind the answer.
pub fn request(method: &str, path: &str, extra: &str, body: &Value) -> Vec<u8> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    format!(
        "{method} {path} HTTP/1.1\r\nhost: fake\r\nauthorization: Bearer {KEY}\r\nx-copydesk-call-id: call-1\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{extra}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Path and body of a chat request.
pub fn chat(dialect: Dialect, model: &str, stream: bool) -> (String, Value) {
    let messages = json!([{"role": "user", "content": PROMPT}]);
    let plain = json!({"model": model, "messages": messages, "stream": stream});
    let encoded = model.replace('?', "%3F").replace('&', "%26");
    match dialect {
        Dialect::OpenAi => {
            let mut body = plain;
            if stream {
                body["stream_options"] = json!({"include_usage": true});
            }
            ("/v1/chat/completions".to_owned(), body)
        }
        Dialect::OpenRouter => ("/api/v1/chat/completions".to_owned(), plain),
        Dialect::Anthropic => ("/v1/messages".to_owned(), plain),
        Dialect::Gemini => {
            let verb = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            (format!("/v1beta/models/{encoded}:{verb}"), json!({"contents": [{"parts": [{"text": PROMPT}]}]}))
        }
        Dialect::Ollama => ("/api/chat".to_owned(), plain),
        Dialect::Replicate | Dialect::Fal | Dialect::Asset | Dialect::Unknown => panic!("{dialect:?} has no chat"),
    }
}

pub async fn open(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

pub async fn read(stream: &mut TcpStream) -> Got {
    let mut bytes = Vec::new();
    let end = match stream.read_to_end(&mut bytes).await {
        Ok(_) => End::Eof,
        Err(_) => End::Reset,
    };
    Got { bytes, end }
}

/// Reads until what came contains the text.
pub async fn read_until(stream: &mut TcpStream, text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains(text) {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "ended before {text:?}");
    }
    bytes
}

pub async fn send(fake: &FakeProvider, bytes: &[u8]) -> Got {
    let mut stream = open(fake.address(), bytes).await;
    read(&mut stream).await
}

/// One chat call; the faults are in the model's name.
pub async fn call(fake: &FakeProvider, dialect: Dialect, model: &str, stream: bool) -> Got {
    let (path, body) = chat(dialect, model, stream);
    send(fake, &request("POST", &path, "", &body)).await
}
