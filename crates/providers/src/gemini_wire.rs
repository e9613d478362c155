//! An answer in Gemini's format, as values: its pieces, why it ended, what it used. Pure; it never sends or waits.
//! Requests are in `gemini_request.rs`, errors in `gemini_error.rs`.
//!
//! Source: ai.google.dev/api/generate-content and `reference/providers.md`, 1.2 and 1.3 (November 2026).

use copydesk_core::Tokens;
use copydesk_core::metering::usage::TokenUsage;
use serde_json::Value;

use crate::error::{ErrorClass, ProviderError};
use crate::error_text::ErrorText;
use crate::exchange::{Dialect, Piece, WireRequest};
use crate::gemini_error::{error_within, explain};
use crate::gemini_request::{body, model_path};
use crate::picture;
use crate::provider::{CallRequest, DeltaSink, Finish, Picture, PictureSource};
use crate::transcript::Transcript;

/// No model counts more in one call; a larger figure is a broken one and would be billed.
const TOKENS_MAX: i64 = 1_000_000_000;

/// Gemini's chat format.
#[derive(Clone, Debug)]
pub(crate) struct GeminiChat {
    /// Without a slash at its end.
    pub base_url: String,
}

impl Dialect for GeminiChat {
    fn request(&self, request: &CallRequest) -> Result<WireRequest, ProviderError> {
        let verb = if request.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
        let url = format!("{}/{}:{verb}", self.base_url, model_path(&request.model)?);
        Ok(WireRequest { url, headers: vec![], body: body(request)? })
    }

    fn absorb(&self, piece: Piece<'_>, transcript: &mut Transcript, sink: &dyn DeltaSink) {
        match piece.body.as_array() {
            // A stream that lost its `alt=sse` on the way comes as one array of chunks.
            Some(chunks) => chunks.iter().for_each(|chunk| absorb(chunk, transcript, sink)),
            None => absorb(piece.body, transcript, sink),
        }
    }

    fn explain(&self, body: &Value, raw: &str) -> ErrorText {
        explain(body, raw)
    }

    /// Google names requests in the body (`responseId`).
    fn id_headers(&self) -> &'static [&'static str] {
        &[]
    }
}

/// Takes one body or chunk.
fn absorb(body: &Value, transcript: &mut Transcript, sink: &dyn DeltaSink) {
    transcript.error = error_within(body).or(transcript.error.take());
    transcript.usage = usage_in(body).map_or(transcript.usage, |usage| newer(usage, transcript.usage));
    let text_at = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    transcript.model = text_at("modelVersion").map(str::to_owned).or(transcript.model.take());
    transcript.id = text_at("responseId").map(str::to_owned).or(transcript.id.take());
    transcript.is_answer |= ["candidates", "usageMetadata", "promptFeedback"].iter().any(|key| body.get(key).is_some());
    let candidates = body.get("candidates").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_first = |candidate: &&Value| candidate.get("index").and_then(Value::as_u64).unwrap_or(0) == 0;
    match candidates.iter().find(is_first) {
        Some(candidate) => absorb_candidate(candidate, transcript, sink),
        None => absorb_block(body, transcript),
    }
}

/// A prompt that was not even tried: no candidate, and the reason instead.
fn absorb_block(body: &Value, transcript: &mut Transcript) {
    let feedback = |name: &str| body.get("promptFeedback")?.get(name)?.as_str().filter(|text| !text.is_empty());
    if let Some(reason) = feedback("blockReason") {
        transcript.refusal = sentence("the prompt was blocked", reason, feedback("blockReasonMessage"));
        transcript.finish = Some(Finish::ContentFilter);
    }
}

fn absorb_candidate(candidate: &Value, transcript: &mut Transcript, sink: &dyn DeltaSink) {
    let parts = candidate.pointer("/content/parts").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    // Thoughts are marked; their text and their sketches are no part of the answer.
    let is_thought = |part: &&Value| part.get("thought").and_then(Value::as_bool) == Some(true);
    for part in parts.iter().filter(|part| !is_thought(part)) {
        absorb_part(part, transcript, sink);
    }
    let text_at = |name: &str| candidate.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(reason) = text_at("finishReason") {
        absorb_finish(reason, text_at("finishMessage"), transcript);
    }
    // Gemini says STOP when it wants a tool, too.
    if transcript.finish == Some(Finish::Stop) && !transcript.tool_calls.is_empty() {
        transcript.finish = Some(Finish::ToolCalls);
    }
}

fn absorb_part(part: &Value, transcript: &mut Transcript, sink: &dyn DeltaSink) {
    if let Some(text) = part.get("text").and_then(Value::as_str) {
        transcript.push_text(text, sink);
    }
    transcript.pictures.extend(picture_in(part));
    let Some(function) = part.get("functionCall") else { return };
    let text_at = |name: &str| function.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(name) = text_at("name") else { return };
    let place = transcript.tool_calls.len();
    let Some(call) = transcript.tool_call(place) else { return };
    name.clone_into(&mut call.name);
    call.arguments = function.get("args").filter(|args| !args.is_null()).map_or("{}".to_owned(), Value::to_string);
    if let Some(id) = text_at("id") {
        id.clone_into(&mut call.id);
    }
    let signature = part.get("thoughtSignature").and_then(Value::as_str).filter(|text| !text.is_empty());
    call.signature = signature.map(str::to_owned);
}

fn picture_in(part: &Value) -> Option<Picture> {
    let text_at = |pointer: &str| part.pointer(pointer).and_then(Value::as_str);
    let media_type = |text: Option<&str>| text.filter(|text| text.starts_with("image/")).map(str::to_owned);
    if let Some(data) = text_at("/inlineData/data") {
        return picture::from_base64(&media_type(text_at("/inlineData/mimeType"))?, data);
    }
    let url = text_at("/fileData/fileUri").filter(|url| url.starts_with("https://"))?;
    let media_type = media_type(text_at("/fileData/mimeType"))?;
    Some(Picture { media_type, source: PictureSource::Url(url.to_owned()) })
}

/// What the end of an answer means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    Stop,
    Length,
    /// A filter's decision, which a second try would only repeat.
    Refused,
    /// A mishap of the model, which a second try may not repeat.
    Failed(ErrorClass),
}

fn ending(reason: &str) -> Ending {
    match reason {
        "STOP" => Ending::Stop,
        "MAX_TOKENS" => Ending::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR" => Ending::Refused,
        "NO_IMAGE" | "IMAGE_OTHER" => Ending::Failed(ErrorClass::Empty),
        "OTHER"
        | "MALFORMED_FUNCTION_CALL"
        | "MALFORMED_RESPONSE"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE" => Ending::Failed(ErrorClass::Malformed),
        // All but two of the known reasons are failures, so a new one is taken for one that may pass.
        _ => Ending::Failed(ErrorClass::Malformed),
    }
}

fn absorb_finish(reason: &str, message: Option<&str>, transcript: &mut Transcript) {
    let finish = match ending(reason) {
        Ending::Stop => Finish::Stop,
        Ending::Length => Finish::Length,
        Ending::Refused => {
            transcript.refusal = sentence("the answer was blocked", reason, message);
            Finish::ContentFilter
        }
        Ending::Failed(class) => {
            let message = sentence("the answer was not finished", reason, message);
            let words = vec![reason.to_owned()];
            transcript.error.get_or_insert(ErrorText { message, words, class: Some(class), ..ErrorText::default() });
            return;
        }
    };
    transcript.finish = Some(finish);
}

fn sentence(what: &str, reason: &str, message: Option<&str>) -> String {
    match message {
        Some(message) => format!("{what} ({reason}): {message}"),
        None => format!("{what} ({reason})"),
    }
}

/// One figure of the usage object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Figure {
    /// Protobuf leaves zeros out, so this may be one.
    Missing,
    Read(Tokens),
    /// Negative, fractional, a text, or beyond belief.
    Unreadable,
}

impl Figure {
    fn of(value: Option<&Value>) -> Figure {
        match value {
            None | Some(Value::Null) => Figure::Missing,
            Some(value) => match value.as_i64().filter(|count| (0..=TOKENS_MAX).contains(count)) {
                Some(count) => Figure::Read(Tokens(count)),
                None => Figure::Unreadable,
            },
        }
    }
    fn read(self) -> Option<Tokens> {
        match self {
            Figure::Read(count) => Some(count),
            Figure::Missing | Figure::Unreadable => None,
        }
    }
    /// The sum of the two parts of a whole, which is unknown when one of them cannot be read.
    fn plus(self, other: Figure) -> Option<Tokens> {
        match (self, other) {
            (Figure::Unreadable, _) | (_, Figure::Unreadable) | (Figure::Missing, Figure::Missing) => None,
            (Figure::Read(one), Figure::Missing) | (Figure::Missing, Figure::Read(one)) => Some(one),
            (Figure::Read(one), Figure::Read(two)) => {
                Some(Tokens(one.0.saturating_add(two.0))).filter(|sum| sum.0 <= TOKENS_MAX)
            }
        }
    }
}

/// The usage object of an answer or a chunk; `None` when there is none. The prompt's count includes what was cached, and
/// what the provider's own tools added to the prompt comes on top; the candidates' count excludes the thoughts.
fn usage_in(body: &Value) -> Option<TokenUsage> {
    let usage = body.get("usageMetadata").filter(|usage| usage.is_object())?;
    let figure = |name: &str| Figure::of(usage.get(name));
    let prompt = figure("promptTokenCount");
    let thoughts = figure("thoughtsTokenCount");
    let input = prompt.read().and_then(|_| prompt.plus(figure("toolUsePromptTokenCount")));
    let output = figure("candidatesTokenCount").plus(thoughts);
    let part_of =
        |part: Option<Tokens>, whole: Option<Tokens>| part.filter(|part| whole.is_none_or(|whole| *part <= whole));
    Some(TokenUsage {
        input,
        output,
        input_cached: part_of(figure("cachedContentTokenCount").read(), prompt.read()),
        output_reasoning: part_of(thoughts.read(), output),
        ..TokenUsage::default()
    })
}

/// Every chunk counts from the beginning, so the last one wins; what it leaves out keeps its last figure.
fn newer(new: TokenUsage, old: TokenUsage) -> TokenUsage {
    TokenUsage {
        input: new.input.or(old.input),
        output: new.output.or(old.output),
        input_cached: new.input_cached.or(old.input_cached),
        output_reasoning: new.output_reasoning.or(old.output_reasoning),
        ..new
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::provider::NoSink;
    use crate::transcript::Shape;

    fn chat() -> GeminiChat {
        GeminiChat { base_url: "https://example.com/v1beta".into() }
    }

    fn absorbed(bodies: &[Value]) -> Transcript {
        let mut transcript = Transcript::default();
        for body in bodies {
            chat().absorb(Piece { event: None, body }, &mut transcript, &NoSink);
        }
        transcript
    }

    fn ended(reason: &str, text: &str) -> Value {
        json!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": reason}]})
    }

    #[test]
    fn the_address_names_the_model_and_whether_it_streams() {
        let call_id = copydesk_core::CallId("00000000-0000-0000-0000-000000000001".parse().unwrap());
        let request = CallRequest::new(call_id, "gemini-2.5-flash", vec![]);
        let url = |request: &CallRequest| chat().request(request).unwrap().url;
        assert_eq!(url(&request), "https://example.com/v1beta/models/gemini-2.5-flash:generateContent");
        let streamed = CallRequest { stream: true, model: "tunedModels/x y".into(), ..request };
        assert_eq!(url(&streamed), "https://example.com/v1beta/tunedModels/x%20y:streamGenerateContent?alt=sse");
    }

    #[test]
    fn every_refusal_is_refused_with_its_reason_even_after_text() {
        let reasons = [
            "SAFETY",
            "RECITATION",
            "LANGUAGE",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
            "MODEL_ARMOR",
        ];
        for reason in reasons {
            let transcript = absorbed(&[ended(reason, "half")]);
            let error = transcript.conclude(Shape::Stream).unwrap_err();
            assert_eq!((error.class, error.retryable()), (ErrorClass::Refused, false), "{reason}");
            assert!(error.message.contains(reason), "{error}");
            assert_eq!(transcript.text, "half");
        }
    }

    #[test]
    fn every_mishap_and_every_unknown_reason_is_retryable_and_named() {
        let reasons = [
            "NO_IMAGE",
            "IMAGE_OTHER",
            "OTHER",
            "MALFORMED_FUNCTION_CALL",
            "MALFORMED_RESPONSE",
            "UNEXPECTED_TOOL_CALL",
            "TOO_MANY_TOOL_CALLS",
            "MISSING_THOUGHT_SIGNATURE",
            "SOLAR_FLARE",
        ];
        for reason in reasons {
            let error = absorbed(&[ended(reason, "half")]).error.unwrap();
            assert!(error.class.is_some_and(ErrorClass::retryable), "{reason}");
            assert!(error.message.contains(reason) && error.words == [reason], "{error:?}");
        }
    }

    #[test]
    fn a_good_end_and_a_cut_are_kept_apart() {
        let finish = |reason: &str| absorbed(&[ended(reason, "text")]).conclude(Shape::Stream).unwrap().finish;
        assert_eq!(finish("STOP"), Finish::Stop);
        assert_eq!(finish("MAX_TOKENS"), Finish::Length);
        assert_eq!(
            absorbed(&[ended("MAX_TOKENS", "")]).conclude(Shape::Whole).unwrap_err().class,
            ErrorClass::Truncated
        );
        assert_eq!(absorbed(&[ended("STOP", "")]).conclude(Shape::Whole).unwrap_err().class, ErrorClass::Empty);
    }

    #[test]
    fn a_blocked_prompt_is_refused_with_its_reason() {
        let block = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "not this"}});
        let error = absorbed(&[block]).conclude(Shape::Stream).unwrap_err();
        assert_eq!(error.class, ErrorClass::Refused);
        assert_eq!(error.message, "the prompt was blocked (PROHIBITED_CONTENT): not this");
        let ratings = json!({"promptFeedback": {"safetyRatings": []}, "usageMetadata": {}});
        assert_eq!(absorbed(&[ratings]).conclude(Shape::Whole).unwrap_err().class, ErrorClass::Empty);
    }

    #[test]
    fn thoughts_are_no_text_and_their_sketches_no_pictures() {
        let parts = json!([
            {"text": "hmm", "thought": true},
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thought": true},
            {"text": "Here: ", "thought": false}, {"text": "done", "thoughtSignature": "abc"},
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
            {"inlineData": {"mimeType": "audio/wav", "data": "iVBORw=="}},
            {"inlineData": {"mimeType": "image/png", "data": "***"}},
            {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}},
            {"executableCode": {"code": "1"}}, "nonsense",
        ]);
        let transcript = absorbed(&[json!({"candidates": [{"content": {"parts": parts}}]})]);
        assert_eq!(transcript.text, "Here: done");
        let png = PictureSource::Bytes(crate::provider::Bytes::from_static(b"\x89PNG"));
        let linked = PictureSource::Url("https://example.com/a.png".into());
        let wanted = [png, linked].map(|source| Picture { media_type: "image/png".into(), source });
        assert_eq!(transcript.pictures, wanted);
    }

    #[test]
    fn tool_calls_turn_a_stop_into_tool_calls_whatever_chunk_they_came_in() {
        let call = |function: Value| json!({"candidates": [{"content": {"parts": [{"functionCall": function}]}}]});
        let stop = json!({"candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": "STOP"}]});
        let first = call(json!({"name": "weather", "args": {"city": "Kiel"}, "id": "fc-1"}));
        let second = call(json!({"name": "now"}));
        let nameless = call(json!({"args": {}}));
        for order in [[&first, &second, &nameless, &stop], [&stop, &first, &second, &nameless]] {
            let bodies: Vec<Value> = order.into_iter().cloned().collect();
            let answer = absorbed(&bodies).conclude(Shape::Stream).unwrap();
            assert_eq!(answer.finish, Finish::ToolCalls);
            let calls: Vec<_> =
                answer.tool_calls.iter().map(|call| (&*call.id, &*call.name, &*call.arguments)).collect();
            assert_eq!(calls, [("fc-1", "weather", r#"{"city":"Kiel"}"#), ("call_1", "now", "{}")]);
        }
    }

    #[test]
    fn only_the_first_candidate_counts_and_an_array_is_a_stream() {
        let two = json!({"candidates": [{"index": 1, "content": {"parts": [{"text": "b"}]}},
            {"index": 0, "content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]});
        assert_eq!(absorbed(&[two]).text, "a");
        let chunk = |text: &str| json!({"candidates": [{"content": {"parts": [{"text": text}]}}]});
        let transcript = absorbed(&[json!([chunk("one "), chunk("two"), ended("STOP", "")])]);
        assert_eq!(transcript.conclude(Shape::Whole).unwrap().text, "one two");
    }

    #[test]
    fn cached_is_inside_the_input_and_thoughts_are_added_to_the_output_once() {
        let usage = usage_in(&json!({"usageMetadata": {
            "promptTokenCount": 100, "cachedContentTokenCount": 80, "toolUsePromptTokenCount": 7,
            "candidatesTokenCount": 20, "thoughtsTokenCount": 30, "totalTokenCount": 157,
        }}))
        .unwrap();
        assert_eq!(usage.total(), Some(Tokens(157)));
        assert_eq!((usage.input, usage.output), (Some(Tokens(107)), Some(Tokens(50))));
        assert_eq!((usage.input_cached, usage.output_reasoning), (Some(Tokens(80)), Some(Tokens(30))));
    }

    #[test]
    fn a_call_cut_while_thinking_has_its_thoughts_as_output() {
        let usage = usage_in(&json!({"usageMetadata": {"promptTokenCount": 9, "thoughtsTokenCount": 60}})).unwrap();
        assert_eq!((usage.output, usage.output_reasoning), (Some(Tokens(60)), Some(Tokens(60))));
        let only_prompt = usage_in(&json!({"usageMetadata": {"promptTokenCount": 9}})).unwrap();
        assert_eq!((only_prompt.input, only_prompt.output), (Some(Tokens(9)), None));
    }

    #[test]
    fn garbage_in_usage_is_not_reported_and_never_zero() {
        let garbage = [json!(-1), json!(1.5), json!("12"), json!(u64::MAX), json!(9_000_000_000_i64), json!([])];
        for value in garbage {
            let usage = |name: &str| {
                let mut figures = json!({"promptTokenCount": 10, "cachedContentTokenCount": 4,
                    "toolUsePromptTokenCount": 1, "candidatesTokenCount": 3, "thoughtsTokenCount": 2});
                figures[name] = value.clone();
                usage_in(&json!({"usageMetadata": figures})).unwrap()
            };
            assert_eq!(usage("promptTokenCount").input, None, "{value}");
            assert_eq!(usage("toolUsePromptTokenCount").input, None, "{value}");
            assert_eq!(usage("cachedContentTokenCount").input_cached, None, "{value}");
            assert_eq!(usage("candidatesTokenCount").output, None, "{value}");
            let thoughts = usage("thoughtsTokenCount");
            assert_eq!((thoughts.output, thoughts.output_reasoning), (None, None), "{value}");
        }
        let more = usage_in(&json!({"usageMetadata": {"promptTokenCount": 5, "cachedContentTokenCount": 6}})).unwrap();
        assert_eq!(more.input_cached, None);
        assert_eq!(usage_in(&json!({"usageMetadata": null})), None);
        let huge = json!({"promptTokenCount": 900_000_000, "toolUsePromptTokenCount": 900_000_000});
        assert_eq!(usage_in(&json!({"usageMetadata": huge})).unwrap().input, None);
    }

    #[test]
    fn each_chunk_counts_from_the_beginning_so_the_last_replaces() {
        let chunk = |usage: Value| json!({"usageMetadata": usage});
        let usage = absorbed(&[
            chunk(json!({"promptTokenCount": 9})),
            chunk(json!({"promptTokenCount": 9, "candidatesTokenCount": 3})),
            chunk(json!({"promptTokenCount": 9, "candidatesTokenCount": 8})),
            chunk(json!({})),
        ])
        .usage;
        assert_eq!((usage.input, usage.output), (Some(Tokens(9)), Some(Tokens(8))));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-zA-Z:{}\\[\\]\"]{0,12}".prop_map(Value::from),
            prop::sample::select(vec!["STOP", "SAFETY", "OTHER", "image/png", "12.5s", "PerDay"]).prop_map(Value::from),
        ];
        let keys = prop::sample::select(vec![
            "candidates",
            "content",
            "parts",
            "text",
            "thought",
            "functionCall",
            "name",
            "args",
            "inlineData",
            "data",
            "mimeType",
            "finishReason",
            "usageMetadata",
            "promptTokenCount",
            "thoughtsTokenCount",
            "promptFeedback",
            "blockReason",
            "error",
            "details",
            "violations",
            "retryDelay",
            "code",
            "status",
            "message",
            "response",
            "generateVideoResponse",
            "generatedSamples",
            "video",
            "uri",
            "done",
            "raiMediaFilteredCount",
        ]);
        leaf.prop_recursive(6, 48, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(keys.clone(), inner, 0..5).prop_map(|fields| {
                    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_whatever_panics(bodies in prop::collection::vec(any_json(), 1..4)) {
            let transcript = absorbed(&bodies);
            for shape in [Shape::Whole, Shape::Stream] {
                if let Ok(answer) = transcript.conclude(shape) {
                    prop_assert!(!answer.text.is_empty() || !answer.pictures.is_empty() || !answer.tool_calls.is_empty());
                }
            }
            for body in &bodies {
                let _explained = explain(body, "");
                let _progress = crate::veo::progress(body);
            }
        }
    }
}
