//! What a demo model is asked: the model's name with its options, and the parts of the OpenAI-shaped body that matter.
//! It answers nothing.

use std::time::Duration;

use serde_json::Value;

use super::words::hash;
use crate::openai_wire::content_text;

/// The longest wait an option may ask for.
const WAIT_MS_MAX: u64 = 600_000;

/// A request as the models see it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The model as it was written, options included.
    pub model: String,
    /// Its name without options.
    pub name: String,
    options: Vec<(String, String)>,
    /// The messages' texts, in order, with the speaker's word.
    pub messages: Vec<(String, String)>,
    pub stream: bool,
    pub include_usage: bool,
    pub max_tokens: Option<u64>,
    pub schema: Option<Value>,
    seed: String,
}

impl Asked {
    /// Reads a body. The error is a sentence for the one who sent it.
    pub fn read(body: &[u8]) -> Result<Asked, String> {
        let body: Value = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
        let model = body.get("model").and_then(Value::as_str).ok_or("the body names no model")?.to_owned();
        let messages = body.get("messages").and_then(Value::as_array).ok_or("the body holds no messages")?;
        let message = |message: &Value| {
            let role = message.get("role").and_then(Value::as_str).unwrap_or("user").to_owned();
            (role, content_text(&message["content"]))
        };
        let (name, query) = model.split_once('?').unwrap_or((&model, ""));
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key.to_owned(), value.to_owned())
        };
        let options: Vec<_> = query.split('&').filter(|part| !part.is_empty()).map(pair).collect();
        let at = |pointer: &str| body.pointer(pointer);
        let is_true = |pointer: &str| at(pointer).and_then(Value::as_bool).unwrap_or(false);
        Ok(Asked {
            name: name.to_owned(),
            messages: messages.iter().map(message).collect(),
            stream: is_true("/stream"),
            include_usage: is_true("/stream_options/include_usage"),
            max_tokens: ["/max_completion_tokens", "/max_tokens"].iter().find_map(|field| at(field)?.as_u64()),
            schema: at("/response_format/json_schema/schema").cloned(),
            seed: at("/seed").map(Value::to_string).unwrap_or_default(),
            options,
            model: model.clone(),
        })
    }

    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
    pub fn number(&self, name: &str) -> Option<u64> {
        self.option(name).and_then(|value| value.parse().ok())
    }
    /// The wait of option `ms`, at most ten minutes.
    pub fn wait(&self) -> Option<Duration> {
        self.number("ms").map(|ms| Duration::from_millis(ms.min(WAIT_MS_MAX)))
    }

    /// All that was said, which is what input tokens are counted from.
    pub fn prompt(&self) -> String {
        self.messages.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n")
    }
    /// The last thing the user said.
    pub fn last_user_text(&self) -> &str {
        let by_user = self.messages.iter().rev().find(|(role, _)| role == "user");
        by_user.or(self.messages.last()).map_or("", |(_, text)| text)
    }
    /// What everything random about the answer follows from.
    pub fn seed(&self) -> u64 {
        hash(&[&self.prompt(), self.option("seed").unwrap_or(&self.seed)])
    }
    /// Two requests of one group are tries at the same thing.
    pub fn group(&self) -> u64 {
        hash(&[&self.model, &self.prompt()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_name_carries_its_options() {
        let asked = Asked::read(br#"{"model":"flaky?fail=2&ms=300","messages":[{"content":"hi"}]}"#).unwrap();
        assert_eq!((asked.name.as_str(), asked.number("fail")), ("flaky", Some(2)));
        assert_eq!(asked.wait(), Some(Duration::from_millis(300)));
        assert_eq!(asked.last_user_text(), "hi");
    }

    #[test]
    fn a_body_without_a_model_or_messages_is_explained() {
        assert!(Asked::read(b"{").unwrap_err().contains("not JSON"));
        assert!(Asked::read(b"{}").unwrap_err().contains("no model"));
        assert!(Asked::read(br#"{"model":"x"}"#).unwrap_err().contains("no messages"));
    }

    #[test]
    fn a_seed_changes_the_answer_and_the_same_seed_does_not() {
        let seed = |body: &str| Asked::read(body.as_bytes()).unwrap().seed();
        let plain = seed(r#"{"model":"writer","messages":[]}"#);
        assert_eq!(plain, seed(r#"{"model":"writer","messages":[]}"#));
        assert_ne!(plain, seed(r#"{"model":"writer?seed=2","messages":[]}"#));
        assert_eq!(
            seed(r#"{"model":"writer?seed=2","messages":[]}"#),
            seed(r#"{"model":"writer","seed":2,"messages":[]}"#)
        );
    }
}
