//! What is sent: `{type, timestamp, seq, data}`, small. Text is fetched by the link in it.

use copydesk_core::{DeliveryId, Timestamp, WebhookId, uuid_at};
use copydesk_store::events::EventRow;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The most a message may have. Units: bytes.
pub const BODY_BYTES_MAX: usize = 20_000;
/// The kind of a test.
pub const PING: &str = "webhook.ping";

/// The id of the message that tells this endpoint of this event: the same whoever makes it, and however often.
pub fn message_id(webhook: WebhookId, event: &EventRow) -> DeliveryId {
    let hash = Sha256::new().chain_update(webhook.0.as_bytes()).chain_update(event.seq.to_be_bytes()).finalize();
    let mut random = [0; 8];
    random.copy_from_slice(&hash[..8]);
    DeliveryId(uuid_at(event.at, random))
}

/// The message of an event. `base` is the server's public address.
pub fn body(event: &EventRow, base: &str) -> String {
    let facts = serde_json::from_str::<Value>(&event.data).ok();
    let mut data = facts.and_then(|facts| facts.as_object().cloned()).unwrap_or_default();
    name(&mut data, event, base);
    let text = frame(&event.kind, event.at, event.seq, data);
    if text.len() <= BODY_BYTES_MAX {
        return text;
    }
    // Whatever was too much is in the event itself.
    let link = format!("{base}/api/v1/events?after={}&limit=1", event.seq - 1);
    let mut data = Map::from_iter([("cut".to_owned(), json!(true)), ("event_url".to_owned(), json!(link))]);
    name(&mut data, event, base);
    frame(&event.kind, event.at, event.seq, data)
}

/// A test message, which looks like the real one and says that it is none.
pub fn sample(kind: &str, at: Timestamp) -> String {
    frame(kind, at, 0, Map::from_iter([("test".to_owned(), json!(true))]))
}

fn name(data: &mut Map<String, Value>, event: &EventRow, base: &str) {
    let ids = [
        ("generation_id", event.generation.map(|id| id.to_string())),
        ("draft_id", event.draft.map(|id| id.to_string())),
        ("user_id", event.user.map(|id| id.to_string())),
        ("generation_url", event.generation.map(|id| format!("{base}/api/v1/generations/{id}"))),
        ("draft_url", event.draft.map(|id| format!("{base}/api/v1/drafts/{id}"))),
    ];
    for (key, value) in ids {
        if let Some(value) = value {
            data.insert(key.to_owned(), value.into());
        }
    }
}

fn frame(kind: &str, at: Timestamp, seq: i64, data: Map<String, Value>) -> String {
    json!({ "type": kind, "timestamp": at.to_string(), "seq": seq, "data": data }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use copydesk_core::GenerationId;
    use uuid::Uuid;

    fn event(seq: i64, data: String) -> EventRow {
        EventRow {
            seq,
            kind: "generation.failed".to_owned(),
            generation: Some(GenerationId(Uuid::from_u128(7))),
            draft: None,
            user: None,
            at: Timestamp::from_micros(1_767_225_600_000_000),
            data,
        }
    }

    #[test]
    fn a_message_is_small_and_names_where_the_rest_is() {
        let text = body(&event(9, r#"{"attempt":2,"error":{"code":"refused"}}"#.to_owned()), "https://desk.example");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&read["type"], &read["seq"], &read["data"]["attempt"]),
            (&json!("generation.failed"), &json!(9), &json!(2))
        );
        assert!(
            read["data"]["generation_url"]
                .as_str()
                .unwrap()
                .starts_with("https://desk.example/api/v1/generations/gen_")
        );
        let large = body(&event(9, json!({ "error": "x".repeat(30_000) }).to_string()), "");
        let read: Value = serde_json::from_str(&large).unwrap();
        assert!(large.len() < 1_000 && read["data"]["cut"] == true && read["data"]["error"].is_null());
        assert_eq!(read["data"]["event_url"], "/api/v1/events?after=8&limit=1");
    }

    #[test]
    fn the_same_event_for_the_same_endpoint_is_the_same_message() {
        let webhook = |n| WebhookId(Uuid::from_u128(n));
        let id = |n, seq| message_id(webhook(n), &event(seq, "{}".to_owned()));
        assert_eq!(id(1, 5), id(1, 5));
        assert!(id(1, 5) != id(1, 6) && id(1, 5) != id(2, 5));
    }
}
