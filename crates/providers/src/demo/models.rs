//! The demo models: what each does with a request. A model is one arm here and one name in [`Model::ALL`]; how the reply
//! travels is `reply.rs`, what it says is `writer.rs`.
//!
//! | model | does | options |
//! |---|---|---|
//! | `writer` `coder` `chat` `echo` `unpriced` | answer well; `unpriced` writes like `writer` and has no price | |
//! | `slow` | answers well, spread over `ms` (3000) | `ms` |
//! | `flaky` | breaks off the first `fail` (1) tries of a call group, then answers; see [`Flaky`] | `fail`, `status` |
//! | `fail` | an error with `status` (500) | `status` |
//! | `stuck` | never answers | |
//! | `quota` | 429 with `Retry-After: after` (7) | `after` |
//! | `garbage` | a broken answer of `kind` (html) | `kind`, see `garbage.rs` |
//!
//! Every model knows `ms` (wait before the answer) and `seed` (another answer to the same prompt).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::garbage;
use super::request::Asked;
use super::words::tokens;
use super::writer;

/// Groups `flaky` remembers; the oldest are forgotten, and would then fail anew.
const FLAKY_GROUPS_MAX: usize = 10_000;
const SLOW_USUAL: Duration = Duration::from_millis(3_000);
const QUOTA_AFTER_USUAL_S: u64 = 7;

/// A demo model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Model {
    Writer,
    Coder,
    Chat,
    Echo,
    Slow,
    Flaky,
    Fail,
    Stuck,
    Quota,
    Garbage,
    Unpriced,
}

impl Model {
    pub const ALL: [Model; 11] = [
        Self::Writer,
        Self::Coder,
        Self::Chat,
        Self::Echo,
        Self::Slow,
        Self::Flaky,
        Self::Fail,
        Self::Stuck,
        Self::Quota,
        Self::Garbage,
        Self::Unpriced,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Coder => "coder",
            Self::Chat => "chat",
            Self::Echo => "echo",
            Self::Slow => "slow",
            Self::Flaky => "flaky",
            Self::Fail => "fail",
            Self::Stuck => "stuck",
            Self::Quota => "quota",
            Self::Garbage => "garbage",
            Self::Unpriced => "unpriced",
        }
    }
    pub fn parse(name: &str) -> Option<Model> {
        Self::ALL.into_iter().find(|model| model.as_str() == name)
    }
}

/// A reply, not yet in any wire format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    /// A whole answer with the finish reason given.
    Answer { text: String, finish: &'static str },
    /// The model's own refusal.
    Refusal { text: String },
    /// The transfer breaks in the middle of this text.
    BreakOff { text: String },
    /// An error comes after this text, inside the answer.
    ErrorAfter { text: String },
    /// The text comes, the finish reason does not.
    NoFinish { text: String },
    /// Exactly this, as any server could send it.
    Raw { status: u16, content_type: &'static str, retry_after_s: Option<u64>, body: String },
    /// Nothing, for ever.
    Never,
}

/// What to reply and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    pub reply: Reply,
    /// Before the first byte.
    pub wait: Duration,
    /// From the first piece of a streamed text to its last.
    pub spread: Duration,
    pub tokens_in: u64,
    pub tokens_out: u64,
}

/// How often each call group of `flaky` has failed. A group is the model as written plus the prompt, so the retries of
/// one generation belong together however many run at once. A group is forgotten with its success: the same prompt
/// asked again fails anew, which keeps demonstrations repeatable.
#[derive(Debug, Default)]
pub(crate) struct Flaky {
    failed: HashMap<u64, u64>,
    order: VecDeque<u64>,
}

impl Flaky {
    /// Whether the next try of `group` fails.
    fn next_fails(&mut self, group: u64, fails: u64) -> bool {
        let failed = self.failed.get(&group).copied().unwrap_or(0);
        if failed >= fails {
            if self.failed.remove(&group).is_some() {
                self.order.retain(|known| *known != group);
            }
            return false;
        }
        if self.failed.insert(group, failed + 1).is_none() {
            self.order.push_back(group);
        }
        if self.order.len() > FLAKY_GROUPS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.failed.remove(&oldest);
        }
        true
    }
}

/// Whether this try of a flaky model breaks off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Try {
    Works,
    Fails,
}

/// Counts a try. For any model but `flaky` it always works.
pub(crate) fn count_try(model: Model, asked: &Asked, flaky: &mut Flaky) -> Try {
    let fails = model == Model::Flaky && flaky.next_fails(asked.group(), asked.number("fail").unwrap_or(1));
    if fails { Try::Fails } else { Try::Works }
}

/// Decides what a model replies.
pub(crate) fn plan(model: Model, asked: &Asked, this_try: Try) -> Plan {
    let mut spread = Duration::ZERO;
    let mut wait = asked.wait().unwrap_or_default();
    let reply = match model {
        Model::Writer | Model::Unpriced => answer(writer::write(asked), asked),
        Model::Coder => answer(writer::code(asked), asked),
        Model::Chat => answer(writer::chat(asked), asked),
        Model::Echo => answer(asked.last_user_text().to_owned(), asked),
        Model::Slow => {
            let whole = asked.wait().unwrap_or(SLOW_USUAL);
            // Without a stream there is nothing to spread: the caller sees one long wait.
            (wait, spread) = if asked.stream { (whole / 10, whole - whole / 10) } else { (whole, Duration::ZERO) };
            answer(writer::write(asked), asked)
        }
        Model::Flaky if this_try == Try::Fails => flaky_failure(asked),
        Model::Flaky => answer(writer::write(asked), asked),
        Model::Fail => failure(asked.option("status").and_then(|status| status.parse().ok()).unwrap_or(500)),
        Model::Stuck => Reply::Never,
        Model::Quota => Reply::Raw {
            status: 429,
            content_type: "application/json",
            retry_after_s: Some(asked.number("after").unwrap_or(QUOTA_AFTER_USUAL_S)),
            body: error_body("The demo quota is used up for the moment.", "rate_limit_error", "rate_limit_exceeded"),
        },
        Model::Garbage => garbage::reply(asked),
    };
    let tokens_out = match &reply {
        Reply::Answer { text, .. } | Reply::Refusal { text } => tokens(text),
        Reply::BreakOff { .. }
        | Reply::ErrorAfter { .. }
        | Reply::NoFinish { .. }
        | Reply::Raw { .. }
        | Reply::Never => 0,
    };
    Plan { reply, wait, spread, tokens_in: tokens(&asked.prompt()), tokens_out }
}

/// A good answer, cut at the length limit as a real model would cut it.
fn answer(text: String, asked: &Asked) -> Reply {
    let limit = asked.max_tokens.filter(|limit| tokens(&text) > *limit);
    match limit.and_then(|limit| usize::try_from(limit).ok()) {
        Some(limit) => Reply::Answer { text: crate::error::cut(&text, limit.saturating_mul(4)), finish: "length" },
        None => Reply::Answer { text, finish: "stop" },
    }
}

fn flaky_failure(asked: &Asked) -> Reply {
    match asked.option("status").and_then(|status| status.parse().ok()) {
        Some(status) => failure(status),
        None => Reply::BreakOff { text: writer::write(asked) },
    }
}

fn failure(status: u16) -> Reply {
    // Below 400 is no failure and above 599 no status.
    let status = if (400..=599).contains(&status) { status } else { 500 };
    let (kind, code, message) = match status {
        400 | 422 => ("invalid_request_error", "invalid_request", "The demo model does not accept this request."),
        401 | 403 => ("authentication_error", "invalid_api_key", "The demo model does not accept this key."),
        402 => ("billing_error", "insufficient_credits", "The demo account has no credits."),
        404 => ("not_found_error", "model_not_found", "The demo model has left."),
        413 => ("invalid_request_error", "context_length_exceeded", "The prompt is too long for the demo model."),
        429 => ("rate_limit_error", "rate_limit_exceeded", "Too many requests to the demo model."),
        503 | 529 => ("overloaded_error", "server_is_overloaded", "The demo model is overloaded."),
        _ => ("server_error", "server_error", "The demo model failed, as it was asked to."),
    };
    Reply::Raw { status, content_type: "application/json", retry_after_s: None, body: error_body(message, kind, code) }
}

/// An error in OpenAI's shape.
pub(crate) fn error_body(message: &str, kind: &str, code: &str) -> String {
    serde_json::json!({"error": {"message": message, "type": kind, "param": null, "code": code}}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(model: &str, rest: &str) -> Asked {
        let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"tea"}}]{rest}}}"#);
        Asked::read(body.as_bytes()).unwrap()
    }

    #[test]
    fn flaky_fails_so_often_per_group_and_then_works() {
        let mut flaky = Flaky::default();
        let mut fails = |group| flaky.next_fails(group, 2);
        assert_eq!(
            [fails(1), fails(2), fails(1), fails(1), fails(2), fails(2)],
            [true, true, true, false, true, false]
        );
        assert!(fails(1), "a new demonstration with the same prompt starts anew");
    }

    #[test]
    fn flaky_remembers_no_more_than_its_limit() {
        let mut flaky = Flaky::default();
        for group in 0..FLAKY_GROUPS_MAX as u64 + 50 {
            flaky.next_fails(group, 1);
        }
        assert_eq!((flaky.failed.len(), flaky.order.len()), (FLAKY_GROUPS_MAX, FLAKY_GROUPS_MAX));
    }

    #[test]
    fn a_length_limit_cuts_and_says_so() {
        let plan = plan(Model::Writer, &asked("writer", r#","max_tokens":5"#), Try::Works);
        let Reply::Answer { text, finish } = plan.reply else { panic!("an answer") };
        assert_eq!((finish, text.len(), plan.tokens_out), ("length", 20, 5));
    }

    #[test]
    fn tokens_are_a_quarter_of_the_bytes_rounded_up() {
        let plan = plan(Model::Echo, &asked("echo", ""), Try::Works);
        assert_eq!((plan.tokens_in, plan.tokens_out), (1, 1));
    }

    #[test]
    fn every_model_is_found_by_its_own_name() {
        for model in Model::ALL {
            assert_eq!(Model::parse(model.as_str()), Some(model));
        }
        assert_eq!(Model::parse("image"), None);
    }
}
