//! What text models take beside text, from the price file of the package `litellm`: whether a JSON schema for the answer
//! is enforced, whether a temperature is refused. Only the makers whose own format we speak, and only what is said.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::shell::Outcome;

/// The package's words for the makers, ours, and its field for an answer held to a schema by the maker itself.
const VENDORS: [(&str, &str, &str); 3] = [
    ("openai", "openai", "supports_response_schema"),
    ("anthropic", "anthropic", "supports_native_structured_output"),
    ("gemini", "google", "supports_response_schema"),
];

/// By `vendor/model`: `json_schema` is true where one is enforced, `temperature` false where one is refused.
pub type Abilities = BTreeMap<String, Value>;

pub fn read(prices: &Value) -> Outcome<Abilities> {
    let entries = prices.as_object().ok_or("the price file is not one object")?;
    let of = |(key, entry): (&String, &Value)| {
        let vendor = VENDORS.iter().find(|(theirs, _, _)| entry["litellm_provider"] == *theirs);
        let (theirs, ours, schema) = vendor.filter(|_| entry["mode"] == "chat" || entry["mode"] == "responses")?;
        let model = key.strip_prefix(theirs).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key);
        let mut said = Map::new();
        if entry[schema] == true {
            said.insert("json_schema".to_owned(), true.into());
        }
        // OpenAI's models that reason refuse one; the package says that by name for the other makers only.
        let reasons = *ours == "openai" && entry["supports_reasoning"] == true;
        if reasons || entry["supports_sampling_params"] == false {
            said.insert("temperature".to_owned(), false.into());
        }
        (!said.is_empty()).then(|| (format!("{ours}/{model}"), Value::Object(said)))
    };
    Ok(entries.iter().filter_map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_said_of_the_makers_whose_format_we_speak_is_taken() {
        let chat = |vendor: &str, more: Value| {
            let mut entry = json!({"litellm_provider": vendor, "mode": "chat"});
            entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            entry
        };
        let prices = json!({
            "gpt-a": chat("openai", json!({"supports_response_schema": true, "supports_reasoning": true})),
            "gpt-b": chat("openai", json!({"supports_response_schema": false})),
            "claude-a": chat("anthropic", json!({"supports_native_structured_output": true, "supports_reasoning": true})),
            "claude-b": chat("anthropic", json!({"supports_response_schema": true, "supports_sampling_params": false})),
            "gemini/gem-a": chat("gemini", json!({"supports_response_schema": true})),
            "azure/gpt-a": chat("azure", json!({"supports_response_schema": true})),
            "gpt-image": {"litellm_provider": "openai", "mode": "image_generation", "supports_response_schema": true},
        });
        let expected = [
            ("anthropic/claude-a", json!({"json_schema": true})),
            ("anthropic/claude-b", json!({"temperature": false})),
            ("google/gem-a", json!({"json_schema": true})),
            ("openai/gpt-a", json!({"json_schema": true, "temperature": false})),
        ];
        assert_eq!(read(&prices).unwrap(), expected.map(|(name, said)| (name.to_owned(), said)).into());
    }
}
