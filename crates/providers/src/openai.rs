//! OpenAI itself: chat, pictures and embeddings. It makes at most one request a method and reports it; it never retries,
//! never prices what it has no table for, and keeps no state. What is like every other provider of the format is in
//! `openai_wire.rs`; here is what only OpenAI does.
//!
//! Source: OpenAI's API reference, its error codes guide and its own client (November 2026); `reference/providers.md`, 1.2.

use copydesk_core::metering::usage::TokenUsage;
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::error::{ErrorClass, ProviderError};
use crate::error_text::{ErrorText, describe, error_in};
use crate::exchange::{Dialect, Endpoint, Found, Piece, WireRequest, error_inside, set_up};
use crate::http::{Auth, HttpClient};
use crate::listing;
use crate::media::{DrawRequest, DrawsPictures, EmbedRequest, EmbedsText};
use crate::openai_media::{
    draw_body, drawn_bytes_max, drawn_usage, embed_body, embedded_bytes_max, embedded_usage, pictures_in, vectors_in,
};
use crate::openai_wire::{MaxTokensField, OpenAiChat};
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Picture, Provider, Timeouts};
use crate::strict_schema::make_strict_where_allowed;
use crate::transcript::Transcript;
use copydesk_core::CallId;

/// One configured account at OpenAI.
#[derive(Debug)]
pub struct OpenAi {
    endpoint: Endpoint,
    chat: Chat,
}

set_up!(OpenAi);

impl OpenAi {
    /// A provider called `name` under `base_url`, the part before `/chat/completions`.
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> OpenAi {
        let endpoint = Endpoint::new(name, base_url, http, Auth::Bearer);
        let url = format!("{}/chat/completions", endpoint.base_url);
        let chat = Chat(OpenAiChat { url, limit_field: MaxTokensField::MaxCompletionTokens });
        OpenAi { endpoint, chat }
    }

    async fn draw_once(&self, request: &DrawRequest) -> CallReport<Vec<Picture>> {
        let url = format!("{}/images/generations", self.endpoint.base_url);
        let (body, bytes_max) = (Some(draw_body(request)), drawn_bytes_max(request.count));
        let exchanged =
            self.endpoint.large_json(request.call_id, &url, body, request.timeouts, &explain, bytes_max).await;
        exchanged.report(self.endpoint.api_key.as_ref(), |body| found(body, drawn_usage(body), pictures_in))
    }

    async fn embed_once(&self, request: &EmbedRequest) -> CallReport<Vec<Vec<f32>>> {
        if request.texts.is_empty() {
            return CallReport::not_sent(ProviderError::new(ErrorClass::Rejected, "there is no text to embed"));
        }
        let url = format!("{}/embeddings", self.endpoint.base_url);
        let (body, bytes_max) = (Some(embed_body(request)), embedded_bytes_max(request.texts.len()));
        let exchanged =
            self.endpoint.large_json(request.call_id, &url, body, request.timeouts, &explain, bytes_max).await;
        let read = |body: &Value| found(body, embedded_usage(body), |body| vectors_in(body, request));
        exchanged.report(self.endpoint.api_key.as_ref(), read)
    }
}

/// What is in a 2xx answer; an error inside it wins over everything else, and the usage is kept either way.
fn found<T>(body: &Value, usage: TokenUsage, read: impl FnOnce(&Value) -> Result<T, ProviderError>) -> Found<T> {
    let result = match error_in(body) {
        Some(error) => Err(error_inside(refine(error), body)),
        None => read(body),
    };
    let served_model = body.get("model").and_then(Value::as_str).filter(|model| !model.is_empty()).map(str::to_owned);
    Found { result, usage, served_model }
}

impl Provider for OpenAi {
    fn name(&self) -> &str {
        &self.endpoint.name
    }
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(self.endpoint.call(&self.chat, request, sink))
    }
    fn catalogue(&self) -> &Catalogue {
        &self.endpoint.catalogue
    }
    fn list_models(&self, call_id: CallId, timeouts: Timeouts) -> Option<BoxFuture<'_, CallReport<Vec<String>>>> {
        Some(self.endpoint.list(&listing::OPENAI, call_id, timeouts))
    }
    fn draws_pictures(&self) -> Option<&dyn DrawsPictures> {
        Some(self)
    }
    fn embeds_text(&self) -> Option<&dyn EmbedsText> {
        Some(self)
    }
}

impl DrawsPictures for OpenAi {
    fn draw<'a>(&'a self, request: &'a DrawRequest) -> BoxFuture<'a, CallReport<Vec<Picture>>> {
        Box::pin(self.draw_once(request))
    }
}

impl EmbedsText for OpenAi {
    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> BoxFuture<'a, CallReport<Vec<Vec<f32>>>> {
        Box::pin(self.embed_once(request))
    }
}

/// The chat format with OpenAI's own words.
#[derive(Clone, Debug)]
struct Chat(OpenAiChat);

impl Dialect for Chat {
    fn request(&self, request: &CallRequest) -> Result<WireRequest, ProviderError> {
        if request.pictures {
            let message = "OpenAI does not draw within a chat: ask its pictures endpoint";
            return Err(ProviderError::new(ErrorClass::Misconfigured, message));
        }
        let mut wire = self.0.request(request)?;
        make_strict_where_allowed(&mut wire.body);
        Ok(wire)
    }

    fn absorb(&self, piece: Piece<'_>, transcript: &mut Transcript, sink: &dyn DeltaSink) {
        self.0.absorb(piece, transcript, sink);
        transcript.error = transcript.error.take().map(refine);
    }

    fn explain(&self, body: &Value, raw: &str) -> ErrorText {
        explain(body, raw)
    }

    fn id_headers(&self) -> &'static [&'static str] {
        &["x-request-id"]
    }
}

fn explain(body: &Value, raw: &str) -> ErrorText {
    refine(describe(body, raw))
}

/// Where OpenAI means more than its words say to everybody: `invalid_prompt` is its usage policy, and a single request
/// larger than the limit a minute is a rate limit that no waiting brings back.
fn refine(mut error: ErrorText) -> ErrorText {
    let has = |wanted: &str| error.words.iter().any(|word| word == wanted);
    if has("invalid_prompt") {
        error.class = Some(ErrorClass::Refused);
    } else if has("rate_limit_exceeded") && error.message.starts_with("Request too large") {
        error.class = Some(ErrorClass::TooLarge);
    }
    error
}

#[cfg(test)]
mod tests {
    use copydesk_core::CallId;
    use serde_json::json;

    use super::*;
    use crate::provider::{AnswerShape, Message};

    fn chat() -> Chat {
        OpenAi::new("openai", "https://api.example/v1/", HttpClient::new().unwrap()).chat
    }

    fn request() -> CallRequest {
        let call_id = CallId("00000000-0000-0000-0000-000000000001".parse().unwrap());
        CallRequest::new(call_id, "gpt-6", vec![Message::user("hi")])
    }

    #[test]
    fn the_chat_request_uses_the_newer_limit_and_strict_where_the_schema_allows_it() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
            "additionalProperties": false});
        let request =
            CallRequest { max_output_tokens: Some(9), shape: AnswerShape::Schema(schema.clone()), ..request() };
        let wire = chat().request(&request).unwrap();
        assert_eq!(wire.url, "https://api.example/v1/chat/completions");
        let format = json!({"name": "answer", "schema": schema, "strict": true});
        let wanted = json!({
            "model": "gpt-6", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 9,
            "response_format": {"type": "json_schema", "json_schema": format},
        });
        assert_eq!(wire.body, wanted);
    }

    #[test]
    fn a_schema_outside_the_strict_subset_goes_out_as_a_hint() {
        let request = CallRequest { shape: AnswerShape::Schema(json!({"type": "object"})), ..request() };
        let body = chat().request(&request).unwrap().body;
        assert_eq!(body["response_format"]["json_schema"], json!({"name": "answer", "schema": {"type": "object"}}));
    }

    #[test]
    fn pictures_within_a_chat_are_refused_before_anything_is_sent() {
        let error = chat().request(&CallRequest { pictures: true, ..request() }).err().unwrap();
        assert_eq!(error.class, ErrorClass::Misconfigured);
    }

    #[test]
    fn a_usage_policy_is_a_refusal_and_a_request_over_the_minutes_limit_is_too_large() {
        let class = |body| explain(&body, "").class;
        assert_eq!(class(json!({"error": {"code": "invalid_prompt"}})), Some(ErrorClass::Refused));
        let large = json!({"error": {"code": "rate_limit_exceeded", "type": "tokens",
            "message": "Request too large for gpt-6 on tokens per min (TPM): Limit 30000, Requested 48213."}});
        assert_eq!(class(large), Some(ErrorClass::TooLarge));
        assert_eq!(class(json!({"error": {"code": "rate_limit_exceeded", "message": "Slow down"}})), None);
    }
}
