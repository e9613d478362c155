//! A hostile provider: a TCP listener that reads one request and then writes exactly the bytes it was given, or hangs.
//! It is no HTTP library, so it can break every rule one would keep.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use copydesk_core::CallId;
use copydesk_providers::{
    CallReport, CallRequest, DeltaSink, HttpClient, Message, OpenAiCompatible, Provider, Secret, Timeouts, ToolCall,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub const KEY: &str = "topsecret-key-42";

/// One thing the server does after it read the request.
#[derive(Clone)]
pub enum Act {
    Send(Vec<u8>),
    /// The same bytes so many times.
    Repeat(Vec<u8>, usize),
    /// Keeps the connection open and says nothing more.
    Hang,
}

pub struct RawServer {
    pub base_url: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl RawServer {
    /// Every connection gets the same acts; after the last one it is closed.
    pub async fn start(acts: Vec<Act>) -> RawServer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acts.clone(), Arc::clone(&log)));
            }
        });
        RawServer { base_url, requests, task }
    }

    /// Answers with a fixture of one adapter.
    pub async fn fixture(adapter: &str, case: &str) -> RawServer {
        RawServer::start(vec![Act::Send(fixture(adapter, case))]).await
    }

    /// The requests read so far, head and body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn provider(&self) -> OpenAiCompatible {
        provider(&self.base_url)
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, acts: Vec<Act>, log: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read_request(&mut stream).await else { return };
    log.lock().unwrap().push(request);
    for act in acts {
        let written = match act {
            Act::Send(bytes) => stream.write_all(&bytes).await,
            Act::Repeat(bytes, times) => {
                let mut written = Ok(());
                for _ in 0..times {
                    written = stream.write_all(&bytes).await;
                    if written.is_err() {
                        break;
                    }
                }
                written
            }
            Act::Hang => std::future::pending().await,
        };
        // The client may have seen enough and hung up: that is what many of these tests are about.
        if written.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => read.extend_from_slice(&buffer[..count]),
        }
    }
}

/// The bytes of a fixture of one adapter: head with CRLF, `content-length` added.
pub fn fixture(adapter: &str, case: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/{adapter}/{case}.http", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (head, body) = text.split_once("\n\n").unwrap();
    answer(head, body)
}

/// An answer with the head lines given, LF between them.
pub fn answer(head: &str, body: &str) -> Vec<u8> {
    let head = head.replace('\n', "\r\n");
    format!("{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

/// The head of a chunked answer with status 200.
pub fn chunked_head(content_type: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes()
}

/// One HTTP chunk. The client sees each as a piece of its own.
pub fn chunk(data: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

pub fn provider(base_url: &str) -> OpenAiCompatible {
    OpenAiCompatible::new("acme", base_url, HttpClient::new().unwrap()).with_api_key(Some(Secret::new(KEY)))
}

/// A wish for a tool that carries no signature.
pub fn tool_call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), signature: None }
}

pub fn request(model: &str, prompt: &str) -> CallRequest {
    let call_id = CallId("0190aaaa-bbbb-7ccc-8ddd-eeeeffff0001".parse().unwrap());
    CallRequest::new(call_id, model, vec![Message::user(prompt)])
}

pub fn streamed(model: &str, prompt: &str) -> CallRequest {
    CallRequest { stream: true, ..request(model, prompt) }
}

/// Time-outs that end a hanging test soon. The one under test is set shorter still.
pub fn patient() -> Timeouts {
    let long = Duration::from_secs(20);
    Timeouts { connect: long, first_byte: long, idle: long, total: long }
}

/// Remembers every delta, and can wait for the first.
#[derive(Default)]
pub struct Deltas {
    texts: Mutex<Vec<String>>,
    pub first: Notify,
}

impl Deltas {
    pub fn texts(&self) -> Vec<String> {
        self.texts.lock().unwrap().clone()
    }
}

impl DeltaSink for Deltas {
    fn delta(&self, text: &str) {
        self.texts.lock().unwrap().push(text.to_owned());
        self.first.notify_one();
    }
}

/// One call to the fixture's answer, streamed when the case is a stream.
pub async fn call(case: &str) -> CallReport {
    let server = RawServer::fixture("openai_compatible", case).await;
    let request = if case.contains("stream") { streamed("m", "hi") } else { request("m", "hi") };
    server.provider().call(&request, &Deltas::default()).await
}
