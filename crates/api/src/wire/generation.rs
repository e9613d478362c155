//! A generation as readers see it.

use super::call::{CostBody, UsageBody};
use super::draft::{DraftBody, RevisionBody};
use super::links::Links;
use super::requests::ParamsBody;
use super::waiting::WaitingBody;
use crate::openapi::words::{FailureReason, GenerationStatus, VersionOrigin};
use copydesk_core::generation::{Failure, State, Wait};
use copydesk_core::recipe::revision::kept;
use copydesk_core::{MicroCredits, Timestamp};
use copydesk_desk::store::generations::GenerationRow;
use serde::Serialize;
use serde::de::Error;
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Generation)]
pub(crate) struct GenerationBody {
    object: &'static str,
    id: String,
    uuid: String,
    #[schema(value_type = GenerationStatus)]
    status: &'static str,
    recipe: String,
    recipe_version: String,
    model: String,
    user: String,
    user_id: String,
    /// The key that asked; null where none was needed.
    key_id: Option<String>,
    target: Option<String>,
    dedupe_key: Option<String>,
    priority: i16,
    draft_id: String,
    draft_uuid: String,
    /// The version it wrote, and how.
    version: Option<u32>,
    #[schema(value_type = Option<VersionOrigin>)]
    origin: Option<String>,
    attempt: u32,
    attempts_spent: u32,
    attempts_max: u32,
    accepted_at: String,
    /// Not before this instant: asked for by its owner, or because an attempt failed.
    run_at: Option<String>,
    /// When the running attempt began or, after the end, the last one.
    started_at: Option<String>,
    /// When the running attempt must be over.
    attempt_deadline_at: Option<String>,
    finished_at: Option<String>,
    deadline_at: String,
    /// The most it may cost; `null` is no cap. Units: billionths of a US dollar.
    max_cost: Option<i64>,
    /// What it changes of the recipe's parameters; `null` is nothing.
    #[schema(value_type = Option<ParamsBody>)]
    params: Option<Value>,
    /// The part of the draft it writes anew; `null` for the whole.
    revision: Option<RevisionBody>,
    pub credits: CreditsBody,
    error: Option<ErrorBody>,
    /// The last failed attempt's error, also when a later one succeeded.
    last_error: Option<LastError>,
    #[schema(value_type = Object)]
    metadata: Value,
    urls: Urls,
    #[serde(flatten)]
    pub details: Details,
}

/// What only the answer about one generation carries.
#[derive(Serialize, ToSchema, Default)]
#[schema(as = GenerationDetails)]
pub(crate) struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub input: Option<Value>,
    /// The fields of the input that the request left out and a profile filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub filled: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub waiting: Option<WaitingBody>,
    /// Its place among those that wait, from 1, while it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub queue_position: Option<u32>,
    /// When it will probably have ended: a guess from how long the last ones of its recipe took in this process. Not there
    /// when nothing can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    pub eta: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub usage: Option<UsageBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cost: Option<CostBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub draft: Option<Box<DraftBody>>,
}

/// Units: micro-credits.
#[derive(Serialize, ToSchema)]
#[schema(as = GenerationCredits)]
pub(crate) struct CreditsBody {
    held: i64,
    pub settled: i64,
    released: i64,
    /// Given back later of what was settled; only in the answer about one generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub refunded: Option<i64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = GenerationError)]
pub(crate) struct ErrorBody {
    #[schema(value_type = FailureReason)]
    code: &'static str,
    message: String,
    detail: Option<String>,
    retryable: bool,
    doc_url: String,
}

#[derive(Serialize, ToSchema)]
struct LastError {
    #[schema(value_type = FailureReason)]
    code: String,
    message: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = GenerationUrls)]
struct Urls {
    #[serde(rename = "self")]
    this: String,
    why: String,
    calls: String,
    stream: String,
    cancel: String,
    retry: String,
    extend: String,
    draft: String,
}

/// The instants of a state, and its failure.
#[derive(Default)]
struct StateFacts<'a> {
    run_at: Option<Timestamp>,
    attempt_deadline_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    failure: Option<&'a Failure>,
}

fn state_facts(state: &State) -> StateFacts<'_> {
    match state {
        State::Pending { wait: Wait::Scheduled { until } | Wait::BackingOff { until } } => {
            StateFacts { run_at: Some(*until), ..StateFacts::default() }
        }
        State::Pending { wait: Wait::Ready | Wait::Target | Wait::Held } => StateFacts::default(),
        State::Processing { attempt_deadline, .. } => {
            StateFacts { attempt_deadline_at: Some(*attempt_deadline), ..StateFacts::default() }
        }
        State::Completed { at, .. } | State::Cancelled { at } => {
            StateFacts { finished_at: Some(*at), ..StateFacts::default() }
        }
        State::Failed { at, failure } => {
            StateFacts { finished_at: Some(*at), failure: Some(failure), ..StateFacts::default() }
        }
    }
}

/// The caller's own dedupe key as the caller wrote it; one that was derived keeps its mark.
pub(crate) fn own_key(stored: &str) -> String {
    let of_user = || stored.strip_prefix("own@")?.split_once(':').map(|(_, key)| key);
    stored.strip_prefix("own:").or_else(of_user).unwrap_or(stored).to_owned()
}

impl CreditsBody {
    /// A live generation holds its credits; one that ended has settled a part and released the rest.
    pub fn of(row: &GenerationRow) -> CreditsBody {
        let hold = row.generation.terms.hold.micros();
        let ended = |settled: MicroCredits| CreditsBody {
            held: 0,
            settled: settled.micros(),
            released: hold.saturating_sub(settled.micros()),
            refunded: None,
        };
        match &row.generation.state {
            State::Pending { .. } | State::Processing { .. } => {
                CreditsBody { held: hold, settled: 0, released: 0, refunded: None }
            }
            State::Completed { settled, .. } => ended(*settled),
            State::Failed { .. } | State::Cancelled { .. } => ended(MicroCredits::ZERO),
        }
    }
}

impl ErrorBody {
    pub fn of(failure: &Failure, links: Links<'_>) -> ErrorBody {
        ErrorBody {
            code: failure.code.as_str(),
            message: failure.message.clone(),
            detail: failure.detail.clone(),
            retryable: failure.code.retryable(),
            doc_url: links.error_page(failure.code.as_str()),
        }
    }
}

impl GenerationBody {
    /// Errors: stored JSON that is none, in the words of the parser.
    pub fn of(row: &GenerationRow, links: Links<'_>) -> Result<GenerationBody, serde_json::Error> {
        let generation = &row.generation;
        let facts = state_facts(&generation.state);
        let (params, revision) = kept(row.params.as_deref()).map_err(serde_json::Error::custom)?;
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Ok(GenerationBody {
            object: "generation",
            id: generation.id.to_string(),
            uuid: generation.id.uuid().to_string(),
            status: row.status().as_str(),
            recipe: row.recipe.clone(),
            recipe_version: row.recipe_version.clone(),
            model: row.model.clone(),
            user: row.user_external.clone(),
            user_id: row.user.to_string(),
            key_id: row.key.map(|key| key.to_string()),
            target: row.target.clone(),
            dedupe_key: row.dedupe_key.as_deref().map(own_key),
            priority: row.priority.value(),
            draft_id: row.draft.to_string(),
            draft_uuid: row.draft.uuid().to_string(),
            version: row.version,
            origin: row.origin.clone(),
            attempt: generation.attempt.0,
            attempts_spent: generation.spent,
            attempts_max: generation.terms.max_attempts,
            accepted_at: generation.terms.accepted_at.to_string(),
            run_at: text(facts.run_at),
            started_at: text(row.started_at),
            attempt_deadline_at: text(facts.attempt_deadline_at),
            finished_at: text(facts.finished_at),
            deadline_at: generation.terms.deadline_at.to_string(),
            max_cost: generation.terms.cost_max.map(|cost| cost.0),
            params: (!params.is_null()).then_some(params),
            revision: revision.map(RevisionBody::of),
            credits: CreditsBody::of(row),
            error: facts.failure.map(|failure| ErrorBody::of(failure, links)),
            last_error: row.last_error.clone().map(|(code, message)| LastError { code, message }),
            metadata: serde_json::from_str(&row.metadata)?,
            urls: Urls {
                this: links.generation(generation.id, ""),
                why: links.generation(generation.id, "/why"),
                calls: links.generation(generation.id, "/calls"),
                stream: links.generation(generation.id, "/stream"),
                cancel: links.generation(generation.id, "/cancel"),
                retry: links.generation(generation.id, "/retry"),
                extend: links.generation(generation.id, "/extend"),
                draft: links.draft(row.draft, ""),
            },
            details: Details::default(),
        })
    }
}
