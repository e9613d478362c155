//! The workspace's events over a WebSocket: the same frames as text messages. What the client sends is not for us: text is
//! passed over up to a limit, everything else ends the connection.

use crate::event_stream::{Next, Source};
use crate::wire::event::EventBody;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use serde_json::Value;

/// Largest message a client may send. Units: bytes.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1_024;

pub(crate) async fn serve(mut socket: WebSocket, mut source: Source) {
    // An answer to the last ping, or anything else, was heard since.
    let mut heard = true;
    loop {
        let next = tokio::select! {
            next = source.next() => next,
            message = socket.recv() => {
                heard = true;
                match refused(message) {
                    Heard::Passed => continue,
                    Heard::Gone => return,
                    Heard::Refused(code, reason) => return close(socket, code, reason).await,
                }
            }
        };
        let Some(next) = next else { return close(socket, close_code::RESTART, "done").await };
        let sent = match next {
            Next::Events(frames) => {
                let mut sent = Ok(());
                for frame in frames {
                    if let (Ok(data), true) = (frame.text(EventBody::text), sent.is_ok()) {
                        sent = socket.send(Message::text(message(frame.row.seq, &frame.row.kind, data))).await;
                    }
                }
                sent
            }
            Next::Own(name, data) => socket.send(Message::text(message(source.at(), name, &data.to_string()))).await,
            // Nobody answered the last one: the other end is gone, and its connection does not know it yet.
            Next::Quiet if !std::mem::take(&mut heard) => return,
            Next::Quiet => socket.send(Message::Ping(Default::default())).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// `data` is JSON text already.
fn message(id: i64, name: &str, data: &str) -> String {
    format!("{{\"id\":{id},\"event\":{},\"data\":{data}}}", Value::from(name))
}

enum Heard {
    Passed,
    Gone,
    Refused(u16, &'static str),
}

fn refused(message: Option<Result<Message, axum::Error>>) -> Heard {
    match message {
        Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_))) => Heard::Passed,
        Some(Ok(Message::Binary(_))) => Heard::Refused(close_code::UNSUPPORTED, "text only"),
        Some(Ok(Message::Close(_))) | None => Heard::Gone,
        Some(Err(_)) => Heard::Refused(close_code::SIZE, "too large, or not a message"),
    }
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    // Who is gone already needs no word.
    drop(socket.send(Message::Close(Some(frame))).await);
}
