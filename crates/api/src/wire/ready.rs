//! "Can I draft?" on the wire: checks in the order a person would go through them, each with what to do.

use super::admin::CheckBody;
use super::dry_run::DryRunBody;
use crate::extract::fields::{Fields, FromFields};
use crate::problem::Problem;
use copydesk_core::recipe::{FallbackBody, FallbackReason};
use copydesk_desk::accept::NAME_BYTES_MAX;
use copydesk_desk::ready::{Readiness, SourcesSeen};
use copydesk_desk::rehearse::Rehearsal;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What is asked: as a request for a generation begins.
#[derive(ToSchema)]
pub(crate) struct MayI {
    /// What the request would say itself; nothing without it.
    #[schema(value_type = Option<Object>)]
    pub input: Value,
    #[schema(min_length = 1, max_length = 255)]
    pub user: Option<String>,
    /// One that is no address, or not there, is told by the check `request`.
    pub model: Option<String>,
}

impl FromFields for MayI {
    fn read(fields: &mut Fields) -> MayI {
        let input = fields.value("input").unwrap_or_else(|| json!({}));
        if !input.is_object() {
            fields.fault("input", "wrong_type", "it must be an object");
        }
        let user = fields.text("user");
        if user.as_ref().is_some_and(|user| user.is_empty() || user.len() > NAME_BYTES_MAX || user.contains('\0')) {
            let detail = format!("it must have 1 to {NAME_BYTES_MAX} bytes without NUL");
            fields.fault("user", "bad_length", detail);
        }
        MayI { input, user, model: fields.text("model") }
    }
}

/// Whether a request would become a draft, and what is missing.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
pub(crate) struct ReadinessBody {
    object: &'static str,
    recipe: String,
    /// It would be accepted, and a model would write.
    can_draft: bool,
    /// `draft`, or what stands in for one without a model: `digest` (a list of items), `guide` (what to do next), `outline`; or
    /// `refused`.
    #[schema(pattern = "^(draft|digest|guide|outline|refused)$")]
    would: &'static str,
    /// The fields that would be filled from profiles, sources and feedback.
    filled: Vec<String>,
    checks: Vec<CheckBody>,
    /// What a dry run of it answers; `null` where it would be refused.
    dry_run: Option<DryRunBody>,
}

impl ReadinessBody {
    /// `takes` are the fields of the recipe's input.
    pub fn of(recipe: String, takes: &Value, ready: Readiness) -> ReadinessBody {
        let Readiness { input, filled, sources, stand_in, rehearsal } = ready;
        let has = |field: &str| takes.get(field).is_some();
        let mut checks = vec![];
        if let Some(seen) = &sources {
            checks.push(of_sources(seen));
            checks.push(of_items(seen, &input, &filled, stand_in));
        }
        if has("voice_samples") {
            checks.push(of_voice(&input));
        }
        if has("feedback") {
            checks.push(of_feedback(&input, filled.iter().any(|field| field == "feedback")));
        }
        let (request, dry_run) = of_request(rehearsal);
        let would = match (&dry_run, stand_in) {
            (None, _) => "refused",
            (Some(_), Some((_, body))) => body.as_str(),
            (Some(_), None) => "draft",
        };
        checks.push(request);
        ReadinessBody { object: "readiness", recipe, can_draft: would == "draft", would, filled, checks, dry_run }
    }
}

fn of_sources(seen: &SourcesSeen) -> CheckBody {
    let SourcesSeen { all, pending, paused, failing, .. } = seen;
    match failing.first() {
        _ if *all == 0 => {
            let detail = "there is none, of this user or of everybody";
            CheckBody::warn(
                "sources",
                detail,
                "Add a feed, or paste a text: POST /api/v1/sources, `copydesk sources add`.",
            )
        }
        Some((name, why)) => {
            let detail = format!("{} of {all} cannot be fetched; {name}: {why}", failing.len());
            CheckBody::warn(
                "sources",
                detail,
                "Mend their addresses, or pause them; `copydesk sources ls --state error`.",
            )
        }
        None => CheckBody::good(
            "sources",
            format!("{all}, of which {pending} wait for their first fetch and {paused} are paused"),
        ),
    }
}

fn of_items(
    seen: &SourcesSeen,
    input: &Value,
    filled: &[String],
    stand_in: Option<(FallbackReason, FallbackBody)>,
) -> CheckBody {
    let count = input.get(&seen.field).and_then(Value::as_array).map_or(0, Vec::len);
    match stand_in {
        Some((FallbackReason::NoContent, _)) => CheckBody::bad(
            "items",
            "there is nothing to write about: no item of the last days and no topic",
            "Name a topic, give items, or wait for a fetch; `copydesk sources fetch` does it now.",
        ),
        Some(_) => {
            let detail = format!("{count}, and none of them has a text");
            CheckBody::bad("items", detail, "Name sources whose items have texts, or paste one.")
        }
        None if count == 0 => CheckBody::warn(
            "items",
            "none; it would be written from the topic alone",
            "Add sources, and it rests on what happened.",
        ),
        None if filled.contains(&seen.field) => CheckBody::good("items", format!("{count}, from sources")),
        None => CheckBody::good("items", format!("{count}, as the request says")),
    }
}

fn of_voice(input: &Value) -> CheckBody {
    match input.get("voice_samples").and_then(Value::as_array).map_or(0, Vec::len) {
        0 => CheckBody::warn(
            "voice",
            "no voice samples: it is written in a plain voice",
            "Three to five texts of the sender's own are best: PUT /api/v1/recipes/{name}/profile, `copydesk profiles set`.",
        ),
        count => CheckBody::good("voice", format!("{count} samples")),
    }
}

fn of_feedback(input: &Value, filled: bool) -> CheckBody {
    let count = |list: &str| input["feedback"][list].as_array().map_or(0, Vec::len);
    let (liked, disliked) = (count("liked"), count("disliked"));
    let whose = if filled { " in the last 30 days" } else { "" };
    CheckBody::good("feedback", format!("{liked} liked and {disliked} disliked{whose}"))
}

fn of_request(rehearsal: Result<Rehearsal, copydesk_desk::DeskError>) -> (CheckBody, Option<DryRunBody>) {
    match rehearsal {
        Ok(rehearsal @ Rehearsal::Repeat { .. }) => {
            let detail = "the same is being written already; a click is answered with that one";
            (CheckBody::good("request", detail), Some(rehearsal.into()))
        }
        Ok(rehearsal @ Rehearsal::New(_)) => {
            (CheckBody::good("request", "it would be accepted"), Some(rehearsal.into()))
        }
        Err(error) => {
            let problem = Problem::from(error);
            let parts = problem.parts();
            let faults = parts.errors.iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail));
            let detail = std::iter::once(parts.detail.clone()).chain(faults).collect::<Vec<_>>().join(" ");
            let fix = parts.hint.clone().unwrap_or_else(|| format!("See `copydesk explain {}`.", parts.code.as_str()));
            (CheckBody::bad("request", detail, fix), None)
        }
    }
}
