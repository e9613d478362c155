//! What has been received of one answer, whatever the wire format, and the decision whether it is whole. The dialects
//! fill it; it never turns a cut, empty or failed answer into a good one.

use std::collections::BTreeMap;

use copydesk_core::metering::usage::TokenUsage;

use crate::error::{ErrorClass, ProviderError};
use crate::error_text::{ErrorText, into_error};
use crate::http::Response;
use crate::provider::{Answer, DeltaSink, Finish, Picture, ToolCall};

/// The most tools one answer may ask for.
const TOOL_CALLS_MAX: usize = 128;

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
    pub pictures: Vec<Picture>,
    pub tool_calls: Vec<ToolCall>,
    /// Which tool call stands where in a format that numbers texts and tool calls together.
    pub tool_places: BTreeMap<u64, usize>,
    /// The latest figures. Providers report sums so far, so a dialect replaces and never adds.
    pub usage: TokenUsage,
    pub model: Option<String>,
    pub id: Option<String>,
    /// The provider's words for not writing this.
    pub refusal: String,
    pub finish: Option<Finish>,
    pub error: Option<ErrorText>,
    /// Something that has the shape of an answer was seen (choices, candidates, a message).
    pub is_answer: bool,
    /// The format's own end of a stream was seen.
    pub ended: bool,
}

impl Transcript {
    /// Adds text and hands it on. A NUL is replaced: Postgres stores none, and both stores keep the same.
    pub fn push_text(&mut self, text: &str, sink: &dyn DeltaSink) {
        if text.is_empty() {
            return;
        }
        let replaced = text.contains('\0').then(|| text.replace('\0', "\u{fffd}"));
        let text = replaced.as_deref().unwrap_or(text);
        sink.delta(text);
        self.text.push_str(text);
    }

    /// The tool call at this place of the answer, made when it is new; its id stands for the place until the provider
    /// names one. `None` beyond the limit.
    pub fn tool_call(&mut self, place: usize) -> Option<&mut ToolCall> {
        if place >= TOOL_CALLS_MAX {
            return None;
        }
        while self.tool_calls.len() <= place {
            let id = format!("call_{}", self.tool_calls.len());
            self.tool_calls.push(ToolCall { id, name: String::new(), arguments: String::new(), signature: None });
        }
        self.tool_calls.get_mut(place)
    }

    /// The error the answer itself reported.
    pub fn reported_error(&mut self, response: &Response, raw: &str) -> Result<(), ProviderError> {
        match self.error.take() {
            Some(found) => Err(into_error(response.status, found, &response.headers, raw)),
            None => Ok(()),
        }
    }

    /// The answer, if what was received is one.
    ///
    /// Errors: `Malformed` without anything that is an answer, `CutOff` for a stream without its finish reason,
    /// `ServerError` for one whose finish reason is `error`, `Refused`, `Truncated`, `Empty`.
    pub fn conclude(&self, shape: Shape) -> Result<Answer, ProviderError> {
        let error = |class, message: &str| Err(ProviderError::new(class, message));
        let finish = match (&self.finish, shape) {
            (Some(finish), Shape::Whole | Shape::Stream) => finish.clone(),
            (None, Shape::Stream) => {
                return error(ErrorClass::CutOff, "the stream ended without a finish reason");
            }
            (None, Shape::Whole) if !self.is_answer => {
                return error(ErrorClass::Malformed, "the answer is JSON of an unknown shape");
            }
            (None, Shape::Whole) => Finish::Unknown(String::new()),
        };
        if finish == Finish::Unknown("error".to_owned()) {
            return error(ErrorClass::ServerError, "the provider ended the answer with an error and no explanation");
        }
        if !self.refusal.trim().is_empty() {
            return error(ErrorClass::Refused, self.refusal.trim());
        }
        if self.text.trim().is_empty() && self.pictures.is_empty() && self.tool_calls.is_empty() {
            return match finish {
                Finish::Length => error(ErrorClass::Truncated, "the length limit was reached before any text"),
                Finish::ContentFilter => error(ErrorClass::Refused, "a content filter removed the whole answer"),
                Finish::ToolCalls => error(ErrorClass::Empty, "the answer asks for a tool and names none"),
                Finish::Stop | Finish::Unknown(_) => error(ErrorClass::Empty, "the answer holds no text"),
            };
        }
        let (pictures, tool_calls) = (self.pictures.clone(), self.tool_calls.clone());
        Ok(Answer { text: self.text.clone(), pictures, tool_calls, finish })
    }
}
