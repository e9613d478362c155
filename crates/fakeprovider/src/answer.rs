//! What the fake says before any dialect writes it down: text, tokens, finish. Everything follows from the request, so a
//! test can compute what it must be billed. It knows no format.
//!
//! Tokens: input is the number of words of all text in the request, output the number of words of the answer plus the
//! thinking that was asked for.

use serde_json::{Map, Value, json};

use crate::log::Usage;

/// How an answer ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finish {
    Stop,
    Length,
    Refused,
    Filtered,
    Unknown,
    Failed,
    /// No finish reason at all.
    Absent,
}

/// What is wrong with the usage figures of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lie {
    Missing,
    Null,
    Text,
    Float,
    Negative,
    TwoPow63,
    Parts,
    Twice,
    AboveHold,
}

/// What is odd about the text of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OddText {
    NonUtf8,
    Nul,
    NulRaw,
    LoneSurrogate,
    EmojiCut,
    EmojiHalves,
}

/// Stands in the text for what a JSON writer would never write; `wire.rs` puts the bytes there.
pub(crate) const MARK: char = '\u{e000}';
/// The second half, where something is cut in two.
pub(crate) const MARK_TAIL: char = '\u{e001}';

/// What `usage_above_hold` adds to the output.
pub const ABOVE_HOLD_TOKENS: u64 = 1_000_000;

const WORDS: [&str; 12] = ["This", "is", "a", "fake", "answer,", "word", "by", "word,", "with", "Grüße", "and", "🙂"];

/// An answer in no particular format.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub order: u64,
    /// What makes the response id unique.
    pub id: String,
    pub model: String,
    /// Concatenated they are the text; each is a word with the space behind it.
    pub pieces: Vec<String>,
    pub finish: Finish,
    pub usage: Usage,
}

impl Answer {
    pub fn text(&self) -> String {
        self.pieces.concat()
    }

    /// Half of the text, as when something stopped it; the output shrinks with it.
    pub fn halve(&mut self) {
        let keep = self.pieces.len().div_ceil(2);
        self.pieces.truncate(keep);
        self.count();
    }

    pub fn replace(&mut self, text: &str) {
        self.pieces = pieces(text);
        self.count();
    }

    fn count(&mut self) {
        self.usage.output = self.pieces.iter().map(|piece| words(piece)).sum::<u64>() + self.usage.reasoning;
    }
}

/// The words of a text.
pub(crate) fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// A text in pieces of one word each, nothing lost.
pub(crate) fn pieces(text: &str) -> Vec<String> {
    text.split_inclusive(char::is_whitespace).map(str::to_owned).collect()
}

/// A text of so many words.
pub(crate) fn prose(count: usize) -> String {
    let words: Vec<&str> = WORDS.iter().copied().cycle().take(count).collect();
    words.join(" ")
}

/// The words of everything in a request that a model would read.
pub(crate) fn input_words(body: &Value) -> u64 {
    const TEXTS: [&str; 6] = ["content", "text", "prompt", "input", "system", "query"];
    const CONTAINERS: [&str; 8] =
        ["messages", "contents", "parts", "systemInstruction", "system_instruction", "instances", "content", "input"];
    fn text_words(value: &Value) -> u64 {
        match value {
            Value::String(text) => words(text),
            Value::Array(list) => list.iter().map(text_words).sum(),
            Value::Object(_) => input_words(value),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
    }
    match value_map(body) {
        Some(map) => map
            .iter()
            .map(|(key, value)| {
                if TEXTS.contains(&key.as_str()) {
                    text_words(value)
                } else if CONTAINERS.contains(&key.as_str()) {
                    input_words(value)
                } else {
                    0
                }
            })
            .sum(),
        None => body.as_array().map_or(0, |list| list.iter().map(input_words).sum()),
    }
}

fn value_map(value: &Value) -> Option<&Map<String, Value>> {
    value.as_object()
}

/// The limit on output that a request sets, in whichever dialect.
pub(crate) fn output_limit(body: &Value) -> Option<u64> {
    [
        "/max_tokens",
        "/max_completion_tokens",
        "/max_output_tokens",
        "/generationConfig/maxOutputTokens",
        "/options/num_predict",
    ]
    .iter()
    .find_map(|pointer| body.pointer(pointer)?.as_u64())
}

/// The JSON schema that a request wants its answer to fit, in whichever dialect; `{}` for "some JSON".
pub(crate) fn wanted_schema(body: &Value) -> Option<Value> {
    let found = [
        "/response_format/json_schema/schema",
        "/output_config/format/schema",
        "/output_format/schema",
        "/generationConfig/responseJsonSchema",
        "/generationConfig/responseSchema",
        "/format",
    ]
    .iter()
    .find_map(|pointer| body.pointer(pointer).filter(|schema| schema.is_object()));
    let some_json = body.pointer("/response_format/type") == Some(&json!("json_object"))
        || body.pointer("/generationConfig/responseMimeType") == Some(&json!("application/json"))
        || body.get("format") == Some(&json!("json"));
    found.cloned().or_else(|| some_json.then(|| json!({})))
}

/// The smallest value that fits a plain JSON schema: types, required members, enums, constants, lengths, references
/// into the schema itself. A schema with patterns or conditions may not be met.
pub(crate) fn filled(schema: &Value, root: &Value) -> Value {
    if let Some(pointer) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        return root.pointer(pointer).map_or(Value::Null, |target| filled(target, root));
    }
    if let Some(value) = schema.get("const").or_else(|| schema.pointer("/enum/0")).or_else(|| schema.get("default")) {
        return value.clone();
    }
    if let Some(option) = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(*key)?.get(0)) {
        return filled(option, root);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].get(0)?.as_str());
    let kind = kind.map_or_else(|| "object".to_owned(), str::to_lowercase);
    match kind.as_str() {
        "string" => text_of_length(schema).into(),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "boolean" => true.into(),
        "null" => Value::Null,
        "array" => {
            let count = schema["minItems"].as_u64().unwrap_or(1);
            (0..count).map(|_| filled(&schema["items"], root)).collect()
        }
        _ => {
            let empty = Map::new();
            let properties = schema["properties"].as_object().unwrap_or(&empty);
            if properties.is_empty() {
                return json!({"answer": prose(4)});
            }
            properties.iter().map(|(name, inner)| (name.clone(), filled(inner, root))).collect::<Map<_, _>>().into()
        }
    }
}

fn text_of_length(schema: &Value) -> String {
    let least = schema["minLength"].as_u64().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let most = schema["maxLength"].as_u64().and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
    let mut text = prose(4);
    while text.chars().count() < least {
        text.push_str(" more");
    }
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_counted_in_every_dialect() {
        let openai = json!({"model": "not counted here", "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "one two three"}]},
        ]});
        assert_eq!(input_words(&openai), 5);
        let gemini = json!({"contents": [{"role": "user", "parts": [{"text": "one two"}]}],
            "systemInstruction": {"parts": [{"text": "be brief"}]}});
        assert_eq!(input_words(&gemini), 4);
        assert_eq!(input_words(&json!({"input": ["a b", "c"]})), 3);
        assert_eq!(input_words(&json!({"system": "a", "messages": [{"content": "b c"}]})), 3);
        assert_eq!(input_words(&json!({"input": {"prompt": "a red fox"}})), 3);
        assert_eq!(input_words(&json!({"instances": [{"prompt": "a red fox"}]})), 3);
    }

    #[test]
    fn a_schema_is_filled() {
        let schema = json!({"type": "object", "required": ["title", "items"], "properties": {
            "title": {"type": "string", "minLength": 40},
            "items": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/item"}},
            "kind": {"enum": ["a", "b"]},
        }, "$defs": {"item": {"type": "integer", "minimum": 7}}});
        let value = filled(&schema, &schema);
        assert_eq!(value["items"], json!([7, 7]));
        assert_eq!(value["kind"], "a");
        assert!(value["title"].as_str().unwrap().chars().count() >= 40);
    }

    #[test]
    fn pieces_lose_nothing() {
        let text = "a  b\n\nc";
        assert_eq!(pieces(text).concat(), text);
        assert_eq!(pieces(text).iter().map(|piece| words(piece)).sum::<u64>(), 3);
    }
}
