//! Turns a demo model's reply into HTTP: one JSON body or a stream of server-sent events, whole or broken on purpose.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::StreamExt;
use futures::stream;
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};

use super::models::{Plan, Reply, error_body};
use super::request::Asked;

/// Pieces a streamed text comes in, at most.
const PIECES_MAX: usize = 40;
/// A piece is at least this long, so that short answers do not come letter by letter.
const PIECE_BYTES_MIN: usize = 12;

/// The transfer that breaks on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the demo model breaks off here, as it was asked to")]
struct BrokenOff;

/// Waits as planned and builds the response. Never returns for [`Reply::Never`]; the server drops it with the connection.
pub(crate) async fn respond(plan: Plan, asked: &Asked, request_id: &str) -> Response {
    if !plan.wait.is_zero() {
        tokio::time::sleep(plan.wait).await;
    }
    let built = match &plan.reply {
        Reply::Raw { status, content_type, retry_after_s, body } => {
            let mut response = Response::builder().status(*status).header(CONTENT_TYPE, *content_type);
            if let Some(seconds) = retry_after_s {
                response = response.header(RETRY_AFTER, *seconds);
            }
            response.header("x-request-id", request_id).body(Body::from(body.clone()))
        }
        Reply::Never => std::future::pending().await,
        Reply::Answer { .. }
        | Reply::Refusal { .. }
        | Reply::BreakOff { .. }
        | Reply::ErrorAfter { .. }
        | Reply::NoFinish { .. } => {
            let (kind, body) = match asked.stream {
                true => ("text/event-stream", streamed(&plan, asked, request_id)),
                false => ("application/json", whole(&plan, asked, request_id)),
            };
            Response::builder().header(CONTENT_TYPE, kind).header("x-request-id", request_id).body(body)
        }
    };
    built.unwrap_or_else(|error| internal(&error.to_string()))
}

fn internal(what: &str) -> Response {
    let mut response = Response::new(Body::from(error_body(what, "server_error", "server_error")));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

fn usage(plan: &Plan) -> Value {
    json!({"prompt_tokens": plan.tokens_in, "completion_tokens": plan.tokens_out, "total_tokens": plan.tokens_in + plan.tokens_out})
}

fn whole(plan: &Plan, asked: &Asked, request_id: &str) -> Body {
    let answer = |choice: Value, usage: Value| {
        json!({"id": request_id, "object": "chat.completion", "model": asked.name, "choices": [choice], "usage": usage})
            .to_string()
    };
    let said = |text: &str, finish: &str| json!({"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish});
    match &plan.reply {
        Reply::Answer { text, finish } => Body::from(answer(said(text, finish), usage(plan))),
        Reply::Refusal { text } => {
            let message = json!({"role": "assistant", "content": null, "refusal": text});
            Body::from(answer(json!({"index": 0, "message": message, "finish_reason": "stop"}), usage(plan)))
        }
        Reply::ErrorAfter { text } => {
            let mut choice = said(head(text), "error");
            choice["error"] = upstream_error();
            Body::from(answer(choice, Value::Null))
        }
        Reply::BreakOff { text } | Reply::NoFinish { text } => {
            let body = answer(said(text, "stop"), Value::Null);
            let pieces = [Ok(Bytes::from(head(&body).to_owned())), Err(BrokenOff)];
            Body::from_stream(stream::iter(pieces).then(after_a_turn))
        }
        Reply::Raw { body, .. } => Body::from(body.clone()),
        Reply::Never => Body::empty(),
    }
}

fn streamed(plan: &Plan, asked: &Asked, request_id: &str) -> Body {
    let chunk = |choices: Value| {
        let body =
            json!({"id": request_id, "object": "chat.completion.chunk", "model": asked.name, "choices": choices});
        format!("data: {body}\n\n")
    };
    let delta = |text: &str| chunk(json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]));
    let finish = |reason: &str| chunk(json!([{"index": 0, "delta": {}, "finish_reason": reason}]));
    let usage_chunk = {
        let body = json!({"id": request_id, "model": asked.name, "choices": [], "usage": usage(plan)});
        asked.include_usage.then(|| format!("data: {body}\n\n"))
    };
    let done = "data: [DONE]\n\n".to_owned();
    let (text, ending) = match &plan.reply {
        Reply::Answer { text, finish: reason } => (text.as_str(), vec![Some(finish(reason)), usage_chunk, Some(done)]),
        Reply::Refusal { text } => {
            let refusal = chunk(json!([{"index": 0, "delta": {"refusal": text}, "finish_reason": null}]));
            ("", vec![Some(refusal), Some(finish("stop")), usage_chunk, Some(done)])
        }
        Reply::ErrorAfter { text } => {
            let body = json!({"id": request_id, "error": upstream_error(), "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]});
            (head(text), vec![Some(format!("data: {body}\n\n")), Some(done)])
        }
        Reply::BreakOff { text } => (head(text), Vec::new()),
        Reply::NoFinish { text } | Reply::Raw { body: text, .. } => (text.as_str(), vec![Some(done)]),
        Reply::Never => ("", Vec::new()),
    };
    let pieces = pieces(text);
    let gap = plan.spread / u32::try_from(pieces.len().max(1)).unwrap_or(u32::MAX);
    let timed = pieces
        .iter()
        .map(|piece| (gap, delta(piece)))
        .chain(ending.into_iter().flatten().map(|text| (Duration::ZERO, text)));
    let mut timed: Vec<(Duration, Result<String, BrokenOff>)> = timed.map(|(gap, text)| (gap, Ok(text))).collect();
    // Comments keep a connection alive and carry nothing; a client that counts them as text is wrong.
    timed.insert(0, (Duration::ZERO, Ok(": demo\n\n".to_owned())));
    if matches!(plan.reply, Reply::BreakOff { .. }) {
        timed.push((Duration::ZERO, Err(BrokenOff)));
    }
    Body::from_stream(stream::iter(timed).then(|(gap, piece)| async move {
        if !gap.is_zero() {
            tokio::time::sleep(gap).await;
        }
        after_a_turn(piece.map(Bytes::from)).await
    }))
}

/// Lets the connection write what it has before the next piece: a break right behind a piece would swallow it.
async fn after_a_turn(piece: Result<Bytes, BrokenOff>) -> Result<Bytes, BrokenOff> {
    tokio::task::yield_now().await;
    piece
}

fn upstream_error() -> Value {
    json!({"code": 502, "message": "The demo model lost its thread.", "metadata": {"error_type": "provider_unavailable"}})
}

/// The first half.
fn head(text: &str) -> &str {
    let end = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// The text in pieces that end between characters.
fn pieces(text: &str) -> Vec<&str> {
    let width = text.len().div_ceil(PIECES_MAX).max(PIECE_BYTES_MIN);
    let mut rest = text;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let end = (width..rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_put_together_are_the_text() {
        for text in ["", "short", &"🦀 grüße ".repeat(200)] {
            assert_eq!(pieces(text).concat(), text);
            assert!(pieces(text).len() <= PIECES_MAX + 1);
        }
    }
}
