//! Collects an OpenAI-shaped answer, whether it comes as one body or in chunks, and decides whether it is whole. It
//! never sends, and never turns a cut, empty or failed answer into a good one.

use copydesk_core::metering::usage::TokenUsage;
use serde_json::Value;

use crate::error::{ErrorClass, ProviderError};
use crate::error_text::{ErrorText, error_in, into_error};
use crate::http::Response;
use crate::openai_wire::{content_text, parse_json, usage_in};
use crate::provider::{Answer, DeltaSink, Finish};
use crate::sse::{LineTooLong, SseEvent, SseParser};

/// How the answer travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    Whole,
    Stream,
}

/// What has been received so far.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    pub text: String,
    pub usage: TokenUsage,
    pub model: Option<String>,
    pub id: Option<String>,
    refusal: String,
    finish: Option<Finish>,
    error: Option<ErrorText>,
    has_choices: bool,
}

impl Transcript {
    /// Takes one body or chunk.
    pub fn absorb(&mut self, body: &Value, sink: &dyn DeltaSink) {
        self.error = error_in(body).or(self.error.take());
        // A later usage object replaces an earlier one: they are cumulative, adding them up would bill twice.
        self.usage = usage_in(body).unwrap_or(self.usage);
        let text_at = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        self.model = text_at("model").map(str::to_owned).or(self.model.take());
        self.id = text_at("id").map(str::to_owned).or(self.id.take());
        let choices = body.get("choices").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_first = |choice: &&Value| choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0;
        if let Some(choice) = choices.iter().find(is_first) {
            self.has_choices = true;
            self.absorb_choice(choice, sink);
        }
    }

    fn absorb_choice(&mut self, choice: &Value, sink: &dyn DeltaSink) {
        self.error = error_in(choice).or(self.error.take());
        if let Some(message) =
            choice.get("delta").or_else(|| choice.get("message")).filter(|message| message.is_object())
        {
            let text = content_text(&message["content"]);
            if !text.is_empty() {
                sink.delta(&text);
                self.text.push_str(&text);
            }
            self.refusal.push_str(&content_text(&message["refusal"]));
        }
        match choice.get("finish_reason").and_then(Value::as_str) {
            Some("error") => {
                let message = "the provider ended the answer with an error and no explanation".to_owned();
                self.error.get_or_insert(ErrorText { message, ..ErrorText::default() });
            }
            Some(word) if !word.is_empty() => self.finish = Some(Finish::parse(word)),
            Some(_) | None => {}
        }
    }

    /// The error the answer itself reported.
    fn reported_error(&mut self, response: &Response, raw: &str) -> Result<(), ProviderError> {
        match self.error.take() {
            Some(found) => Err(into_error(response.status, found, &response.headers, raw)),
            None => Ok(()),
        }
    }

    /// The answer, if what was received is one.
    ///
    /// Errors: `Malformed` without choices, `CutOff` for a stream without its finish reason, `Refused`, `Truncated`,
    /// `Empty`.
    pub fn conclude(&self, shape: Shape) -> Result<Answer, ProviderError> {
        let error = |class, message: &str| Err(ProviderError::new(class, message));
        let finish = match (&self.finish, shape) {
            (Some(finish), Shape::Whole | Shape::Stream) => finish.clone(),
            (None, Shape::Stream) => {
                return error(ErrorClass::CutOff, "the stream ended without a finish reason");
            }
            (None, Shape::Whole) if !self.has_choices => {
                return error(ErrorClass::Malformed, "the answer is JSON without choices");
            }
            (None, Shape::Whole) => Finish::Unknown(String::new()),
        };
        if !self.refusal.trim().is_empty() {
            return error(ErrorClass::Refused, self.refusal.trim());
        }
        if self.text.trim().is_empty() {
            return match finish {
                Finish::Length => error(ErrorClass::Truncated, "the length limit was reached before any text"),
                Finish::ContentFilter => error(ErrorClass::Refused, "a content filter removed the whole answer"),
                Finish::ToolCalls => error(ErrorClass::Empty, "the answer asks for a tool and holds no text"),
                Finish::Stop | Finish::Unknown(_) => error(ErrorClass::Empty, "the answer holds no text"),
            };
        }
        Ok(Answer { text: self.text.clone(), finish })
    }
}

/// Reads a body that comes as one JSON value.
pub(crate) fn read_whole(
    body: &[u8],
    response: &Response,
    transcript: &mut Transcript,
    sink: &dyn DeltaSink,
) -> Result<(), ProviderError> {
    let text = String::from_utf8_lossy(body);
    if text.trim().is_empty() {
        return Err(ProviderError::new(ErrorClass::Empty, "the answer has no body"));
    }
    let value = parse_json(&text).map_err(|error| not_json(&error, &text))?;
    transcript.absorb(&value, sink);
    transcript.reported_error(response, &text)?;
    // The caller's conclusion has no raw text to show; an answer of an unknown shape is explained here.
    if transcript.has_choices {
        Ok(())
    } else {
        Err(ProviderError::new(ErrorClass::Malformed, "the answer is JSON without choices").with_raw(text))
    }
}

fn not_json(error: &serde_json::Error, text: &str) -> ProviderError {
    let (class, what) = if error.is_eof() {
        (ErrorClass::CutOff, "the JSON stops in the middle")
    } else {
        (ErrorClass::Malformed, "the answer is not JSON")
    };
    ProviderError::new(class, format!("{what}: {error}")).with_raw(text)
}

/// Reads a body that comes as server-sent events, until `[DONE]` or its end.
///
/// Invariant: once a finish reason has arrived the text is whole, so a transfer that breaks after it costs at most the
/// usage figures, and never the answer.
pub(crate) async fn read_stream(
    response: &mut Response,
    transcript: &mut Transcript,
    sink: &dyn DeltaSink,
) -> Result<(), ProviderError> {
    let mut parser = SseParser::new();
    loop {
        let piece = match response.chunk().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(error) if transcript.finish.is_some() => {
                tracing::debug!(%error, "the stream broke after its finish reason; the answer is kept");
                break;
            }
            Err(error) => return Err(error),
        };
        for event in parser.feed(&piece).map_err(too_long)? {
            if absorb_event(&event, response, transcript, sink)? == Progress::Done {
                response.drain().await;
                return Ok(());
            }
        }
    }
    let Some(rest) = parser.finish().map_err(too_long)? else { return Ok(()) };
    match absorb_event(&rest, response, transcript, sink) {
        Ok(Progress::More | Progress::Done) => Ok(()),
        Err(error) if transcript.finish.is_some() && !is_reported(&error) => Ok(()),
        // The last event had no end: what cannot be read of it was cut off, not written wrongly.
        Err(error) if !is_reported(&error) => Err(ProviderError { class: ErrorClass::CutOff, ..error }),
        Err(error) => Err(error),
    }
}

fn is_reported(error: &ProviderError) -> bool {
    !matches!(error.class, ErrorClass::Malformed | ErrorClass::CutOff)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    More,
    Done,
}

fn absorb_event(
    event: &SseEvent,
    response: &Response,
    transcript: &mut Transcript,
    sink: &dyn DeltaSink,
) -> Result<Progress, ProviderError> {
    let data = event.data.trim();
    if data == "[DONE]" {
        return Ok(Progress::Done);
    }
    if data.is_empty() {
        return Ok(Progress::More);
    }
    let value = parse_json(data).map_err(|error| not_json(&error, data))?;
    transcript.absorb(&value, sink);
    if event.event.as_deref() == Some("error") && transcript.error.is_none() {
        transcript.error = Some(crate::error_text::describe(&value, data));
    }
    transcript.reported_error(response, data)?;
    Ok(Progress::More)
}

fn too_long(error: LineTooLong) -> ProviderError {
    ProviderError::new(ErrorClass::Malformed, error.to_string())
}
