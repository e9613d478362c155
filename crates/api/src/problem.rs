//! A problem: how this API says no (RFC 9457, with an `error` object for clients that look there). A handler returns one;
//! `envelope.rs` writes its body, because only there the request's id is known. Which error of the desk becomes which code
//! is decided here, without a wildcard.

use crate::error::Code;
use axum::response::{IntoResponse, Response};
use copydesk_core::refusal::{BudgetExceeded, Refusal};
use copydesk_desk::DeskError;
use copydesk_desk::error::Fault;
use copydesk_desk::store::StoreError;
use http::StatusCode;
use serde_json::{Map, Value, json};

/// After how many seconds a request is worth sending again, by what was in its way.
const RETRY_SOON_S: u32 = 1;
const RETRY_QUEUE_S: u32 = 30;

/// A request that was not carried out, and why.
#[derive(Clone, Debug)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub code: Code,
    /// What happened, for the caller.
    pub detail: String,
    /// What to do.
    pub hint: Option<String>,
    pub errors: Vec<Fault>,
    pub retry_after_s: Option<u32>,
    /// Members of this problem alone, e.g. `current`.
    pub more: Map<String, Value>,
    /// For the log only, never for the caller.
    pub cause: Option<String>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem(Box::new(Parts {
            code,
            detail: detail.into(),
            hint: None,
            errors: Vec::new(),
            retry_after_s: None,
            more: Map::new(),
            cause: None,
        }))
    }

    /// Something that cannot happen did. The cause goes to the log.
    pub fn internal(cause: impl Into<String>) -> Problem {
        let mut problem = Problem::new(Code::Internal, "Something inside Copydesk broke; it is in the server's log.");
        problem.0.cause = Some(cause.into());
        problem
    }

    /// The faults of a request; the code is `naive_timestamp` when nothing else is wrong.
    pub fn invalid(faults: Vec<Fault>) -> Problem {
        let naive = !faults.is_empty() && faults.iter().all(|fault| fault.code == Code::NaiveTimestamp.as_str());
        let code = if naive { Code::NaiveTimestamp } else { Code::ValidationFailed };
        let mut problem = Problem::new(code, DeskError::Invalid(faults.clone()).to_string());
        problem.0.errors = faults;
        problem
    }

    pub fn fault(pointer: &str, code: &str, detail: impl Into<String>) -> Problem {
        Problem::invalid(vec![Fault::new(pointer, code, detail)])
    }

    pub fn not_found(what: &'static str, id: impl Into<String>) -> Problem {
        DeskError::NotFound { what, id: id.into() }.into()
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.0.hint = Some(hint.into());
        self
    }

    pub fn retry_after(mut self, seconds: u32) -> Problem {
        self.0.retry_after_s = Some(seconds);
        self
    }

    pub fn with(mut self, member: &str, value: Value) -> Problem {
        self.0.more.insert(member.to_owned(), value);
        self
    }

    fn caused_by(mut self, cause: String) -> Problem {
        self.0.cause = Some(cause);
        self
    }

    pub fn code(&self) -> Code {
        self.0.code
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    /// The body as it goes out.
    pub(crate) fn body(&self, public_url: &str, request_id: &str) -> Value {
        let Parts { code, detail, hint, errors, retry_after_s: _, more, cause: _ } = self.parts();
        let facts = code.facts();
        let page = format!("{public_url}/docs/errors/{}", code.as_str());
        let param = errors.first().map(|fault| fault.pointer.trim_start_matches(['/', '?']).replace('/', "."));
        let errors: Vec<Value> = errors
            .iter()
            .map(|fault| json!({"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}))
            .collect();
        let mut body = json!({
            "type": page,
            "title": facts.title,
            "status": facts.status,
            "detail": detail,
            "code": code.as_str(),
            "hint": hint,
            "retryable": facts.retryable,
            "errors": errors,
            "request_id": request_id,
            "doc_url": page,
            "error": {"message": detail, "type": code.as_str(), "param": param, "code": code.as_str()},
        });
        if let Value::Object(members) = &mut body {
            members.extend(more.clone());
        }
        body
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() =
            StatusCode::from_u16(self.0.code.facts().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Problem {
        match error {
            DeskError::Refused(refusal) => refused(&refusal),
            DeskError::NotFound { .. } => Problem::new(Code::NotFound, error.to_string()),
            DeskError::Denied { ref denied, ref instead } => {
                let problem = Problem::new(denied.into(), error.to_string());
                if instead.is_empty() { problem } else { problem.with("allowed_models", json!(instead)) }
            }
            DeskError::UnknownRecipe { ref known, .. } => {
                let known = json!(known);
                Problem::new(Code::RecipeNotFound, error.to_string())
                    .hint("GET /api/v1/recipes lists them with their inputs.")
                    .with("known", known)
            }
            DeskError::UnknownModel { reason } => {
                Problem::new(Code::ModelNotFound, reason).hint("GET /api/v1/models lists the models that are known.")
            }
            DeskError::UnpricedModel { ref model, .. } => {
                let model = json!(model);
                Problem::new(Code::UnpricedModel, error.to_string())
                    .hint("Give the model a price (docs/prices.md), take it out of the route, or make the price fixed.")
                    .with("model", model)
            }
            DeskError::CreditsOff => Problem::new(Code::CreditsOff, error.to_string()).hint(
                "Start the server with COPYDESK_CREDITS=on, or write `on = true` below [credits] in copydesk.toml.",
            ),
            DeskError::PositionUnknown => Problem::new(Code::BadCursor, error.to_string()).hint(
                "Take next_after of a page or the id of a frame; `after=0` is the beginning, `after=now` the end.",
            ),
            DeskError::Invalid(faults) => Problem::invalid(faults),
            DeskError::FileTooLarge { bytes_max } => Problem::new(Code::TooLarge, error.to_string())
                .hint("Cut it into several files.")
                .with("limit", json!(bytes_max)),
            DeskError::Expired { at, .. } => Problem::new(Code::Expired, error.to_string())
                .hint("Put it here again; expires_in says how long it is kept.")
                .with("expired_at", json!(at.to_string())),
            DeskError::NoSecretKey { .. } => Problem::new(Code::SecretKeyMissing, error.to_string())
                .hint("Set COPYDESK_SECRET_KEY or COPYDESK_SECRET_KEY_FILE to what `openssl rand -hex 32` prints, the same on every node, and start the server again."),
            DeskError::SignInFailed => Problem::new(Code::SignInFailed, error.to_string())
                .hint("Try again, or ask an admin for a link: `copydesk users link E-MAIL` makes one."),
            DeskError::TooMany { retry_s, .. } => {
                Problem::new(Code::RateLimited, error.to_string()).retry_after(retry_s)
            }
            DeskError::AuditRunning => Problem::new(Code::AuditRunning, error.to_string())
                .hint("GET /api/v1/audit?mode=status says what the background audit has found."),
            DeskError::MailOff => Problem::new(Code::MailNotSetUp, error.to_string())
                .hint("Set COPYDESK_SMTP_URL and COPYDESK_MAIL_FROM and start the server again (docs/mail.md)."),
            DeskError::NoPublicUrl => Problem::new(Code::MailNotSetUp, error.to_string())
                .hint("Set COPYDESK_PUBLIC_URL to the address that recipients reach, such as https://desk.example.com, and start the server again (docs/subscribers.md)."),
            DeskError::Draining => Problem::new(Code::Draining, error.to_string()).retry_after(RETRY_SOON_S),
            DeskError::Store(error) => stored(error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        DeskError::from(error).into()
    }
}

fn refused(refusal: &Refusal) -> Problem {
    let mut problem = Problem::new(refusal.into(), refusal.to_string());
    if let Refusal::QueueFull { .. } = refusal {
        problem = problem.retry_after(RETRY_QUEUE_S);
    }
    if let Some(hint) = hint(refusal) {
        problem = problem.hint(hint);
    }
    facts(refusal).into_iter().fold(problem, |problem, (name, value)| problem.with(name, value))
}

/// What to do about it.
fn hint(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal {
        Refusal::GenerationPaused { .. } => {
            "An operator switches it on with PATCH /api/v1/settings {\"generation\": \"on\"}."
        }
        Refusal::VersionConflict { .. } => {
            "Read it again, look at what changed, and send the change with the new ETag."
        }
        Refusal::InsufficientCredits { .. } => {
            "Grant credits with POST /api/v1/credits/grants, or wait for work in progress to give back its rest."
        }
        Refusal::BudgetExceeded(_) => {
            "Raise the limit with PATCH /api/v1/budgets/{id}, wait for work in progress to give back its rest, or for the \
             next period."
        }
        Refusal::UnpricedModelWithBudget { .. } => {
            "PUT /api/v1/prices/{provider}/{model} gives it a price; a budget in tokens needs none."
        }
        Refusal::DeadlineNotLater { .. } => {
            "POST /api/v1/generations/{id}/cancel ends it now and releases the whole hold."
        }
        Refusal::WebhookMade { .. } => "POST /api/v1/webhooks/{id}/rotate gives it another secret.",
        Refusal::OldSecretCounts { .. } => {
            "Rotate it after `until`, or send {\"drop_previous\": true} if no receiver needs the secret before any more."
        }
        Refusal::IdempotencyKeyReused => {
            "Use a new key for every new request, and the same key only to send the same request again."
        }
        Refusal::ReferenceReused(_) => {
            "A reference names one transfer for ever: use a new one, or send the first one again as it was."
        }
        Refusal::DraftPublished => "POST /api/v1/drafts/{id}/unpublish makes it editable again.",
        Refusal::LastOwner => "PATCH /api/v1/users/{id} {\"role\": \"owner\"} makes another one.",
        Refusal::LoginExists => "GET /api/v1/users?signs_in=true lists who does.",
        Refusal::NoLogin => "POST /api/v1/invites {\"email\": ..., \"role\": ..., \"user\": ...} invites one.",
        Refusal::LinkSpent => "Ask whoever gave it to you for another one.",
        Refusal::LastKey => "POST /api/v1/keys makes another one.",
        Refusal::KeyEnded { .. } => "POST /api/v1/keys makes a new one.",
        Refusal::KeyMade { .. } => "Rotate it for another secret, or send a new Idempotency-Key for another key.",
        Refusal::JobCapReached { .. } => {
            "PATCH /api/v1/jobs/{id} with a higher max_cost, then POST /api/v1/jobs/{id}/resume."
        }
        Refusal::FilesFull(_) => {
            "DELETE /api/v1/files/{id} makes room, and so does time: files expire. The operator raises the limits with \
             files.max_count and files.max_bytes."
        }
        Refusal::SchedulesFull { .. } => "DELETE /api/v1/schedules/{id} makes room.",
        Refusal::DraftExists { .. } => "Edit or regenerate that draft, or delete it first.",
        Refusal::ProspectExists { .. } => "PATCH /api/v1/prospects/{id} changes it.",
        Refusal::UsageTooLarge { .. } => {
            "A longer interval, or a user, recipe or model to look at alone, make it small."
        }
        Refusal::QueueFull { .. }
        | Refusal::AlreadyTerminal { .. }
        | Refusal::NotClaimable { .. }
        | Refusal::DraftNotFound
        | Refusal::DraftBusy
        | Refusal::DraftEmpty
        | Refusal::AmountTooLarge
        | Refusal::AmountZero => return None,
    })
}

/// What programs read of it.
fn facts(refusal: &Refusal) -> Vec<(&'static str, Value)> {
    match refusal {
        Refusal::GenerationPaused { since } => vec![("since", json!(since.to_string()))],
        Refusal::QueueFull { waiting } => vec![("waiting", json!(waiting))],
        Refusal::VersionConflict { current } => {
            vec![("current", json!({"revision": current, "etag": format!("\"{current}\"")}))]
        }
        Refusal::InsufficientCredits { required, available, held } => vec![
            ("required", json!(required.micros())),
            ("available", json!(available.micros())),
            ("held", json!(held.micros())),
        ],
        Refusal::BudgetExceeded(no) => vec![("budget", budget_facts(no))],
        Refusal::UnpricedModelWithBudget { model, budget } => {
            vec![("model", json!(model)), ("budget", json!({"id": budget.to_string()}))]
        }
        Refusal::AlreadyTerminal { status } | Refusal::NotClaimable { status } => {
            vec![("generation_status", json!(status.as_str()))]
        }
        Refusal::DeadlineNotLater { current, .. } => vec![("deadline_at", json!(current.to_string()))],
        Refusal::WebhookMade { webhook } => vec![("webhook", json!({"id": webhook.to_string()}))],
        Refusal::OldSecretCounts { webhook, until } => {
            vec![("webhook", json!({"id": webhook.to_string()})), ("until", json!(until.to_string()))]
        }
        Refusal::ReferenceReused(clash) => vec![
            ("reference", json!(clash.reference)),
            ("first", json!({"kind": clash.first.0.as_str(), "amount": clash.first.1.micros()})),
        ],
        Refusal::KeyMade { key } => vec![("key_id", json!(key.to_string()))],
        Refusal::JobCapReached { job, cap, spent } => {
            vec![("job_id", json!(job.to_string())), ("max_cost", json!(cap.0)), ("spent", json!(spent.0))]
        }
        Refusal::FilesFull(full) => vec![
            ("kept", json!({"files": full.kept.files, "bytes": full.kept.bytes})),
            ("limit", json!({"files": full.quota.files, "bytes": full.quota.bytes})),
        ],
        Refusal::DraftExists { draft, generation } => {
            let generation = generation.map(|generation| generation.to_string());
            vec![("draft_id", json!(draft.to_string())), ("generation_id", json!(generation))]
        }
        Refusal::SchedulesFull { max } => vec![("limit", json!(max))],
        Refusal::ProspectExists { prospect } => vec![("prospect_id", json!(prospect.to_string()))],
        Refusal::UsageTooLarge { rows, max } => vec![("rows", json!(rows)), ("max", json!(max))],
        Refusal::IdempotencyKeyReused
        | Refusal::DraftNotFound
        | Refusal::DraftPublished
        | Refusal::DraftBusy
        | Refusal::DraftEmpty
        | Refusal::AmountTooLarge
        | Refusal::AmountZero
        | Refusal::LastOwner
        | Refusal::LoginExists
        | Refusal::NoLogin
        | Refusal::LinkSpent
        | Refusal::LastKey
        | Refusal::KeyEnded { .. } => vec![],
    }
}

fn budget_facts(no: &BudgetExceeded) -> Value {
    json!({
        "id": no.budget.to_string(),
        "unit": no.measure.as_str(),
        "period": no.period.as_str(),
        "zone": no.zone.name(),
        "limit": no.limit,
        "used": no.used,
        "reserved": no.reserved,
        "needed": no.needed,
        "period_end": no.zone.shown(no.ends_at),
    })
}

fn stored(error: StoreError) -> Problem {
    let cause = error.to_string();
    let problem = match error {
        StoreError::NotFound { what, id } => return DeskError::NotFound { what, id }.into(),
        StoreError::Refused(refusal) => return refused(&refusal),
        StoreError::Unavailable(why) if says_full(&why) => Problem::new(
            Code::StorageFull,
            "The disk of the database is full; nothing was written and nothing was charged.",
        )
        .hint("Free some space; nothing has to be restarted."),
        StoreError::Busy(_) | StoreError::Unavailable(_) | StoreError::Held { .. } => {
            Problem::new(Code::StorageUnavailable, "The database cannot be used right now; nothing was written.")
                .retry_after(RETRY_SOON_S)
        }
        StoreError::CommitUnknown(_) => {
            Problem::new(Code::OutcomeUnknown, "The connection to the database broke while this was being written.")
                .hint("With an Idempotency-Key, send it again unchanged; without one, look first whether it is there.")
        }
        StoreError::Corrupt(_) => return Problem::internal(cause),
        StoreError::SchemaMismatch(faults) => {
            let count = faults.len();
            let cause =
                faults.iter().map(|fault| format!("{}: {}", fault.what, fault.sql)).collect::<Vec<_>>().join("; ");
            return Problem::new(
                Code::SchemaMismatch,
                format!("The database schema differs in {count} place(s) from what this program needs."),
            )
            .hint(
                "`copydesk db check` names each one and the statement that mends it; `copydesk db migrate` brings the \
                 database of an older program up to date.",
            )
            .caused_by(cause);
        }
        StoreError::TooNew { .. } => Problem::new(Code::SchemaMismatch, format!("{}.", capital(&cause))),
    };
    problem.caused_by(cause)
}

/// Whether the engine's own words mean that the disk is full.
fn says_full(why: &str) -> bool {
    let why = why.to_ascii_lowercase();
    ["disk is full", "disk full", "no space left", "quota exceeded", "53100"].iter().any(|words| why.contains(words))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(error: StoreError) -> &'static str {
        Problem::from(error).code().as_str()
    }

    #[test]
    fn every_store_error_has_its_code() {
        assert_eq!(code(StoreError::Busy("x".into())), "storage_unavailable");
        assert_eq!(code(StoreError::Unavailable("connection refused".into())), "storage_unavailable");
        assert_eq!(code(StoreError::Unavailable("database or disk is full".into())), "storage_full");
        assert_eq!(code(StoreError::CommitUnknown("x".into())), "outcome_unknown");
        assert_eq!(code(StoreError::Corrupt("x".into())), "internal");
        assert_eq!(code(StoreError::SchemaMismatch(vec![])), "schema_mismatch");
        assert_eq!(code(StoreError::TooNew { found: 2, known: 1 }), "schema_mismatch");
        assert_eq!(code(StoreError::Held { folder: "f".into(), holder: "1".into() }), "storage_unavailable");
        assert_eq!(code(StoreError::NotFound { what: "draft", id: "x".into() }), "not_found");
        assert_eq!(code(StoreError::Refused(Refusal::DraftBusy)), "draft_busy");
    }

    #[test]
    fn what_the_database_says_stays_inside() {
        let problem = Problem::from(StoreError::Unavailable("host=db password=hunter2".into()));
        assert!(!problem.body("", "r").to_string().contains("hunter2"));
        assert!(problem.parts().cause.as_ref().is_some_and(|cause| cause.contains("hunter2")));
    }

    #[test]
    fn a_naive_time_alone_has_its_own_code() {
        let naive = Fault::new("/run_at", "naive_timestamp", "no offset");
        assert_eq!(Problem::invalid(vec![naive.clone()]).code(), Code::NaiveTimestamp);
        let other = Fault::new("/x", "unknown_field", "x");
        assert_eq!(Problem::invalid(vec![naive, other]).code(), Code::ValidationFailed);
    }
}
