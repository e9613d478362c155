//! What the table of faults is made of: a row names a fault, says what the provider does, and what must come of it in a
//! plain call and in a streamed one. It holds expectations from the specification and asks the code nothing.

use std::time::Duration;

use copydesk_core::generation::FailureCode;
use copydesk_fakeprovider::{At, Fault};
use copydesk_providers::{ErrorClass, Finish, TimeoutPhase};

/// The adapters that chat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    Compatible,
    OpenAi,
    OpenRouter,
    Anthropic,
    Gemini,
    Ollama,
}

impl Who {
    pub const ALL: [Who; 6] = [Who::Compatible, Who::OpenAi, Who::OpenRouter, Who::Anthropic, Who::Gemini, Who::Ollama];

    pub const fn as_str(self) -> &'static str {
        match self {
            Who::Compatible => "openai-compatible",
            Who::OpenAi => "openai",
            Who::OpenRouter => "openrouter",
            Who::Anthropic => "anthropic",
            Who::Gemini => "gemini",
            Who::Ollama => "ollama",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Plain,
    Stream,
}

pub const BOTH: &[Mode] = &[Mode::Plain, Mode::Stream];
pub const PLAIN: &[Mode] = &[Mode::Plain];
pub const STREAM: &[Mode] = &[Mode::Stream];

/// The text that has arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Text {
    Nothing,
    /// A beginning of the usual answer, and not all of it.
    Part,
    /// All of the usual answer.
    Whole,
    Exactly(&'static str),
}

/// The figures in the report, against what the provider billed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Used {
    /// Nothing is reported; it is never zero.
    Unknown,
    /// Input and output, to the token.
    Billed,
    /// The output only.
    OutputOnly,
    /// What this format has said by the middle of a stream: Anthropic the input, Gemini both so far, the others nothing.
    SoFar,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    Answer(Finish),
    Fails(ErrorClass),
}

/// What must come of one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Want {
    pub end: End,
    pub text: Text,
    pub used: Used,
    /// The wait the provider asked for, as far as it is obeyed.
    pub wait: Option<Duration>,
}

/// An answer that is good and whole.
pub fn answers() -> Want {
    ends(Finish::Stop)
}

pub fn ends(finish: Finish) -> Want {
    Want { end: End::Answer(finish), text: Text::Whole, used: Used::Billed, wait: None }
}

pub fn odd(word: &str) -> Want {
    ends(Finish::Unknown(word.to_owned()))
}

pub fn fails(class: ErrorClass) -> Want {
    Want { end: End::Fails(class), text: Text::Nothing, used: Used::Unknown, wait: None }
}

/// The stream stopped in its middle.
pub fn cut() -> Want {
    fails(ErrorClass::CutOff).with(Text::Part).used(Used::SoFar)
}

pub const FIRST_BYTE: ErrorClass = ErrorClass::TimedOut(TimeoutPhase::FirstByte);
pub const IDLE: ErrorClass = ErrorClass::TimedOut(TimeoutPhase::Idle);
pub const UPSTREAM: ErrorClass = ErrorClass::TimedOut(TimeoutPhase::Upstream);

impl Want {
    pub fn with(self, text: Text) -> Want {
        Want { text, ..self }
    }
    pub fn used(self, used: Used) -> Want {
        Want { used, ..self }
    }
    pub fn wait_ms(self, millis: u64) -> Want {
        Want { wait: Some(Duration::from_millis(millis)), ..self }
    }

    /// The public failure: its code, what the user reads of a provider called `acme`, and the most tries of one model
    /// that may end like this.
    pub fn failure(&self) -> Option<(FailureCode, &'static str, Option<u32>)> {
        match &self.end {
            End::Answer(Finish::Stop | Finish::Unknown(_)) => None,
            End::Answer(Finish::Length) => Some((
                FailureCode::OutputTruncated,
                "The answer was cut off by a length limit before it was complete.",
                None,
            )),
            End::Answer(Finish::ContentFilter) => {
                Some((FailureCode::Refused, "The provider's filter stopped this answer.", None))
            }
            End::Answer(Finish::ToolCalls) => {
                Some((FailureCode::ProviderBadResponse, "The model asked for a tool instead of answering.", None))
            }
            End::Fails(class) => Some(meaning(*class)),
        }
    }

    /// How often the same model is asked again, in a word.
    pub fn retried(&self) -> &'static str {
        match self.failure() {
            None => "-",
            Some((code, _, Some(_))) if code.retryable() => "once",
            Some((code, ..)) if code.retryable() => "yes",
            Some(_) => "no",
        }
    }
}

/// DESIGN.md 5 and reliability.md 5.8 as one list: class, public code, sentence, most tries.
fn meaning(class: ErrorClass) -> (FailureCode, &'static str, Option<u32>) {
    use FailureCode as Code;
    let (code, sentence) = match class {
        ErrorClass::RateLimited => (Code::RateLimited, "acme is receiving too many requests right now."),
        ErrorClass::Overloaded => (Code::ProviderError, "acme is overloaded right now."),
        ErrorClass::ServerError => (Code::ProviderError, "acme reported an error on its side."),
        ErrorClass::TimedOut(phase) => (Code::ProviderTimeout, late(phase)),
        ErrorClass::Network => (Code::ProviderUnreachable, "acme could not be reached, or the connection broke."),
        ErrorClass::Certificate => {
            (Code::ProviderRejected, "The connection to acme is not safe: its certificate is not valid.")
        }
        ErrorClass::Misconfigured => (Code::ProviderRejected, "The connection to acme is not set up correctly."),
        ErrorClass::Unauthorized => (Code::ProviderAuth, "acme does not accept the key it was given."),
        ErrorClass::Quota => (Code::ProviderQuota, "The account at acme has no balance or quota left."),
        ErrorClass::Rejected => (Code::ProviderRejected, "acme did not accept the request."),
        ErrorClass::ModelNotFound => (Code::ProviderRejected, "acme does not have this model."),
        ErrorClass::TooLarge => (Code::ProviderRejected, "The request is too long for this model at acme."),
        ErrorClass::Refused => (Code::Refused, "acme refused to write this."),
        ErrorClass::Truncated => (Code::OutputTruncated, "acme reached its length limit before it wrote anything."),
        ErrorClass::CutOff => (Code::ProviderBadResponse, "acme closed the stream before the answer was whole."),
        ErrorClass::Empty => (Code::ProviderBadResponse, "acme sent an empty answer."),
        // P4: at most one more try.
        ErrorClass::Malformed => {
            return (Code::ProviderBadResponse, "acme sent an answer that cannot be read.", Some(2));
        }
    };
    (code, sentence, None)
}

const fn late(phase: TimeoutPhase) -> &'static str {
    match phase {
        TimeoutPhase::Connect => "acme could not be reached in time.",
        TimeoutPhase::FirstByte => "acme did not begin to answer in time.",
        TimeoutPhase::Idle => "acme stopped answering in the middle.",
        TimeoutPhase::Total => "acme did not finish its answer in time.",
        TimeoutPhase::Upstream => "acme reports that the model took too long.",
    }
}

/// An expectation that holds for some adapters only, and why.
#[derive(Clone, Debug)]
pub struct But {
    pub who: &'static [Who],
    pub modes: &'static [Mode],
    pub want: Want,
    pub why: &'static str,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    pub fault: Fault,
    /// Where it strikes, when not at the fault's own place.
    pub at: Option<At>,
    /// What the provider does.
    pub does: &'static str,
    pub plain: Want,
    pub stream: Want,
    pub buts: Vec<But>,
    /// Runs with the shortest limits on waiting.
    pub hasty: bool,
    /// Good answers that come first.
    pub healthy: u32,
}

pub fn row(fault: Fault, does: &'static str, both: Want) -> Row {
    rows(fault, does, both.clone(), both)
}

pub fn rows(fault: Fault, does: &'static str, plain: Want, stream: Want) -> Row {
    let healthy = if fault == Fault::ModelGone { 1 } else { 0 };
    Row { fault, at: None, does, plain, stream, buts: Vec::new(), hasty: false, healthy }
}

impl Row {
    pub fn at(self, at: At) -> Row {
        Row { at: Some(at), ..self }
    }
    pub fn hasty(self) -> Row {
        Row { hasty: true, ..self }
    }
    pub fn but(mut self, who: &'static [Who], modes: &'static [Mode], want: Want, why: &'static str) -> Row {
        self.buts.push(But { who, modes, want, why });
        self
    }

    pub fn want(&self, who: Who, mode: Mode) -> &Want {
        let but = self.buts.iter().find(|but| but.who.contains(&who) && but.modes.contains(&mode));
        match (but, mode) {
            (Some(but), Mode::Plain | Mode::Stream) => &but.want,
            (None, Mode::Plain) => &self.plain,
            (None, Mode::Stream) => &self.stream,
        }
    }

    pub fn name(&self) -> String {
        match self.at {
            Some(at) => format!("{}@{}", self.fault, at.as_str()),
            None => self.fault.to_string(),
        }
    }
}
