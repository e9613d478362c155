//! Takes a right answer and makes one thing about it wrong: its usage figures, its end, its content type. It works on
//! values and events of any dialect; bytes are none of its business.

use serde_json::{Map, Number, Value, json};

use crate::answer::Lie;
use crate::compose::Ask;
use crate::fault::{At, Twist};
use crate::wire::{Content, Data, Event, Kind, Reply};

/// 160 blocks of 64 KiB are 10 MiB.
const PADDING_BLOCKS: u64 = 160;

/// `at` moves an error in mid-stream.
pub(crate) fn apply(reply: &mut Reply, ask: &Ask, twist: Twist, at: Option<At>) {
    match twist {
        Twist::Usage(lie) => lie_about_usage(&mut reply.content, lie),
        Twist::TruncatedJson => truncate_json(&mut reply.content),
        Twist::SseCut => keep_events(reply, |kind| matches!(kind, Kind::Frame | Kind::Content)),
        Twist::MissingFinalEvent => drop_last_event(reply),
        Twist::ErrorFirst => error_event(reply, ask, At::BeforeHead),
        Twist::ErrorMidStream => error_event(reply, ask, at.unwrap_or(At::Content)),
        Twist::ContentType(content_type) => reply.content_type = content_type.map(str::to_owned),
        Twist::SseForJson => reply.content_type = Some("application/json".to_owned()),
        Twist::Whitespace => reply.padding_blocks = PADDING_BLOCKS,
        Twist::Finish(_) | Twist::Empty | Twist::SameId | Twist::OtherModel | Twist::Text(_) => {}
    }
}

fn keep_events(reply: &mut Reply, keeps: impl Fn(Kind) -> bool) {
    match &mut reply.content {
        Content::Events(_, events) => events.retain(|event| keeps(event.kind)),
        Content::Json(_) | Content::Bytes(_) => truncate_json(&mut reply.content),
    }
}

fn drop_last_event(reply: &mut Reply) {
    match &mut reply.content {
        Content::Events(_, events) => drop(events.pop()),
        Content::Json(_) | Content::Bytes(_) => truncate_json(&mut reply.content),
    }
}

/// Half of the body, or half of the last event that is JSON and nothing behind it.
fn truncate_json(content: &mut Content) {
    let half = |text: &str| text.chars().take(text.chars().count() / 2).collect::<String>();
    match content {
        Content::Json(value) => *content = Content::Bytes(half(&value.to_string()).into_bytes()),
        Content::Bytes(bytes) => bytes.truncate(bytes.len() / 2),
        Content::Events(_, events) => {
            let last = events.iter().rposition(|event| matches!(event.data, Data::Json(_)));
            if let Some(last) = last {
                events.truncate(last + 1);
                if let Data::Json(value) = &events[last].data {
                    events[last].data = Data::Text(half(&value.to_string()));
                }
            }
        }
    }
}

fn error_event(reply: &mut Reply, ask: &Ask, at: At) {
    let event = ask.route.dialect.format().error_event(ask.order);
    match &mut reply.content {
        Content::Events(_, events) => {
            let content: Vec<usize> = positions(events, Kind::Content);
            let index = match at {
                At::BeforeHead | At::Head => 0,
                At::First => content.first().map_or(0, |first| first + 1),
                At::Content | At::End => content.last().map_or(0, |last| last + 1),
            };
            events.truncate(index);
            events.push(event);
        }
        Content::Json(value) => {
            let error = json!({"code": 502, "message": "Upstream connection lost"});
            let choice = value.pointer_mut("/choices/0").filter(|_| at != At::BeforeHead);
            match choice {
                Some(choice) => {
                    choice["error"] = error;
                    choice["finish_reason"] = "error".into();
                }
                None => *value = json!({"error": error}),
            }
        }
        Content::Bytes(_) => {}
    }
}

fn positions(events: &[Event], kind: Kind) -> Vec<usize> {
    events.iter().enumerate().filter(|(_, event)| event.kind == kind).map(|(index, _)| index).collect()
}

fn lie_about_usage(content: &mut Content, lie: Lie) {
    match content {
        Content::Json(value) if lie == Lie::Twice => {
            if let Some(text) = with_usage_twice(value) {
                *content = Content::Bytes(text.into_bytes());
            }
        }
        Content::Json(value) => spoil(value, lie),
        Content::Events(_, events) if lie == Lie::Twice => {
            if let Some(last) = events.iter().rposition(|event| has_usage(&event.data)) {
                events.insert(last, events[last].clone());
            }
        }
        Content::Events(_, events) => {
            for event in events {
                if let Data::Json(value) = &mut event.data {
                    spoil(value, lie);
                }
            }
        }
        Content::Bytes(_) => {}
    }
}

const USAGE_KEYS: [&str; 2] = ["usage", "usageMetadata"];
/// Ollama's figures stand in the answer itself.
const BARE_COUNTS: [&str; 2] = ["prompt_eval_count", "eval_count"];

fn has_usage(data: &Data) -> bool {
    match data {
        Data::Json(value) => USAGE_KEYS.iter().chain(&BARE_COUNTS).any(|key| value.get(*key).is_some()),
        Data::Text(_) | Data::Comment(_) => false,
    }
}

/// The same key twice in one object, as no JSON library writes it.
fn with_usage_twice(value: &Value) -> Option<String> {
    let key = USAGE_KEYS.iter().chain(&BARE_COUNTS).find(|key| value.get(**key).is_some())?;
    let text = value.to_string();
    let body = text.strip_suffix('}')?;
    Some(format!("{body},\"{key}\":{}}}", value[*key]))
}

fn spoil(value: &mut Value, lie: Lie) {
    let Some(map) = value.as_object_mut() else { return };
    if let Some(message) = map.get_mut("message") {
        // Anthropic's first event has the usage inside the message.
        spoil(message, lie);
    }
    for key in USAGE_KEYS {
        spoil_object(map, key, lie);
    }
    spoil_bare(map, lie);
}

fn spoil_object(map: &mut Map<String, Value>, key: &str, lie: Lie) {
    let Some(usage) = map.get_mut(key) else { return };
    match lie {
        Lie::Missing => drop(map.remove(key)),
        Lie::Null => *usage = Value::Null,
        Lie::Parts => spoil_total(usage),
        Lie::Text | Lie::Float | Lie::Negative | Lie::TwoPow63 => spoil_numbers(usage, lie),
        Lie::Twice | Lie::AboveHold => {}
    }
}

fn spoil_bare(map: &mut Map<String, Value>, lie: Lie) {
    for key in BARE_COUNTS {
        let Some(count) = map.get_mut(key) else { continue };
        match lie {
            Lie::Missing => drop(map.remove(key)),
            Lie::Null => *count = Value::Null,
            // There is no total; a figure for the input that is left out is as near as this format gets.
            Lie::Parts if key == "prompt_eval_count" => drop(map.remove(key)),
            Lie::Text | Lie::Float | Lie::Negative | Lie::TwoPow63 => spoil_numbers(count, lie),
            Lie::Parts | Lie::Twice | Lie::AboveHold => {}
        }
    }
}

/// A total that is a thousand too large; where there is none, more thinking than output.
fn spoil_total(usage: &mut Value) {
    for key in ["total_tokens", "totalTokenCount"] {
        if let Some(total) = usage.get(key).and_then(Value::as_u64) {
            usage[key] = (total + 1_000).into();
            return;
        }
    }
    usage["output_tokens_details"] = json!({"thinking_tokens": 1_000_000});
}

fn spoil_numbers(value: &mut Value, lie: Lie) {
    match value {
        Value::Number(number) => *value = spoiled(number, lie),
        Value::Array(list) => list.iter_mut().for_each(|inner| spoil_numbers(inner, lie)),
        Value::Object(map) => map.values_mut().for_each(|inner| spoil_numbers(inner, lie)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn spoiled(number: &Number, lie: Lie) -> Value {
    let count = number.as_i64().unwrap_or(0);
    match lie {
        Lie::Text => number.to_string().into(),
        Lie::Float => json!(format!("{count}.5").parse::<f64>().unwrap_or(0.5)),
        Lie::Negative => (-1 - count).into(),
        Lie::TwoPow63 => (1_u64 << 63).into(),
        Lie::Missing | Lie::Null | Lie::Parts | Lie::Twice | Lie::AboveHold => Value::Number(number.clone()),
    }
}
