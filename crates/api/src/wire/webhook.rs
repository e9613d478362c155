//! Webhooks and their messages on the wire.

use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::{AttemptOutcome, DeliveryStatus, Instant, Span, WebhookFor, WebhookReason, WebhookStatus};
use copydesk_core::Timestamp;
use copydesk_core::webhook::{Outcome, Wanted};
use copydesk_desk::store::webhooks::{AttemptRow, DeliveryRow, EndpointRow};
use copydesk_desk::webhooks::{EndpointEdit, OVERLAP, SigningSecret, Told};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookBody {
    object: &'static str,
    id: String,
    /// `events` has one address; `requests` stands for the addresses that single requests name.
    #[serde(rename = "for")]
    #[schema(value_type = WebhookFor)]
    serves: &'static str,
    url: Option<String>,
    /// Kinds, and beginnings such as `draft.*`; all when there are none.
    events: Vec<String>,
    description: String,
    #[schema(value_type = WebhookStatus)]
    status: &'static str,
    #[schema(value_type = Option<WebhookReason>)]
    disabled_reason: Option<&'static str>,
    disabled_at: Option<String>,
    /// Since when it had nothing but failures.
    #[schema(value_type = Option<Instant>)]
    failing_since: Option<String>,
    /// Until then messages are signed with the secret of before, too.
    #[schema(value_type = Option<Instant>)]
    old_secret_until: Option<String>,
    created_at: String,
    revision: i64,
    /// In the answer that made it only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret: Option<String>,
}

impl WebhookBody {
    pub fn of(row: EndpointRow, now: Timestamp) -> WebhookBody {
        let events = Wanted::parse(&row.events).map(|wanted| wanted.words().to_vec()).unwrap_or_default();
        WebhookBody {
            object: "webhook",
            id: row.id.to_string(),
            serves: if row.url.is_some() { "events" } else { "requests" },
            status: if row.is_enabled() { "enabled" } else { "disabled" },
            url: row.url,
            events,
            description: row.description,
            disabled_reason: row.disabled.map(|(_, why)| why.as_str()),
            disabled_at: row.disabled.map(|(at, _)| at.to_string()),
            failing_since: row.failing_since.map(|at| at.to_string()),
            old_secret_until: row.old_secret.filter(|(_, until)| now < *until).map(|(_, until)| until.to_string()),
            created_at: row.created_at.to_string(),
            revision: row.revision,
            secret: None,
        }
    }

    pub fn with_secret(self, secret: &SigningSecret) -> WebhookBody {
        WebhookBody { secret: Some(secret.reveal()), ..self }
    }
}

/// One message. What it says is `body`, as it is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryBody {
    object: &'static str,
    /// The `webhook-id` of every attempt.
    id: String,
    webhook_id: String,
    /// The number of the event; `null` for a test.
    seq: Option<i64>,
    #[serde(rename = "type")]
    kind: String,
    /// The address its request named.
    url: Option<String>,
    #[schema(value_type = DeliveryStatus)]
    status: &'static str,
    /// How often it was sent or is being sent.
    attempts_made: u32,
    next_attempt_at: Option<String>,
    created_at: String,
    ended_at: Option<String>,
    #[schema(value_type = Object)]
    body: Value,
    /// In the answer about one message only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attempts: Option<Vec<AttemptBody>>,
}

/// What came of one attempt. Without the scope `webhooks:write` only whether it arrived, and when to the second.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
pub(crate) struct AttemptBody {
    attempt: u32,
    at: String,
    arrived: bool,
    #[schema(value_type = Option<AttemptOutcome>)]
    outcome: Option<&'static str>,
    /// The receiver's HTTP status.
    http_status: Option<u16>,
    duration_ms: Option<u64>,
    /// The beginning of the answer where the receiver's address is public, or what broke.
    detail: Option<String>,
}

/// Whether the reader may know more than whether a message arrived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    Whole,
    Class,
}

impl AttemptBody {
    fn of(row: AttemptRow, sight: Sight) -> AttemptBody {
        let whole = sight == Sight::Whole;
        let at = if whole { row.at } else { Timestamp::from_micros(row.at.micros().div_euclid(1_000_000) * 1_000_000) };
        AttemptBody {
            attempt: row.attempt,
            at: at.to_string(),
            arrived: row.outcome == Outcome::Ok,
            outcome: whole.then(|| row.outcome.as_str()),
            http_status: row.status.filter(|_| whole),
            duration_ms: whole.then_some(row.ms),
            detail: row.detail.filter(|_| whole),
        }
    }
}

impl DeliveryBody {
    pub fn of(row: DeliveryRow, sight: Sight) -> DeliveryBody {
        // When an attempt ended tells how long it took.
        let shown = |at: Timestamp| match sight {
            Sight::Whole => at.to_string(),
            Sight::Class => Timestamp::from_micros(at.micros().div_euclid(1_000_000) * 1_000_000).to_string(),
        };
        let (due, end) = row.state.columns();
        DeliveryBody {
            object: "delivery",
            id: row.id.to_string(),
            webhook_id: row.webhook.to_string(),
            seq: row.seq,
            kind: row.kind,
            url: row.url,
            status: row.state.word().as_str(),
            attempts_made: row.attempt,
            next_attempt_at: due.map(shown),
            created_at: row.created_at.to_string(),
            ended_at: end.map(|(at, _)| shown(at)),
            body: serde_json::from_str(&row.body).unwrap_or(Value::String(row.body)),
            attempts: None,
        }
    }

    pub fn with_attempts(self, attempts: Vec<AttemptRow>, sight: Sight) -> DeliveryBody {
        let attempts = attempts.into_iter().map(|row| AttemptBody::of(row, sight)).collect();
        DeliveryBody { attempts: Some(attempts), ..self }
    }
}

/// What a replay sends.
#[derive(Serialize, ToSchema)]
#[schema(as = Replay)]
pub(crate) struct ReplayBody {
    object: &'static str,
    messages: u64,
    /// Everything up to this event was looked at; ask for the rest if it is less than you asked for.
    upto_seq: i64,
}

impl From<Told> for ReplayBody {
    fn from(told: Told) -> ReplayBody {
        ReplayBody { object: "replay", messages: told.messages as u64, upto_seq: told.upto_seq }
    }
}

/// A webhook to be made.
#[derive(ToSchema)]
pub(crate) struct NewWebhook {
    /// `events` needs an address; `requests` makes the secret for the addresses that requests name.
    #[schema(rename = "for", value_type = Option<WebhookFor>)]
    pub for_requests: bool,
    /// Where messages go: https and a public address, unless the server's settings allow another.
    #[schema(max_length = 2048)]
    pub url: Option<String>,
    /// Kinds of events, beginnings such as `draft.*`, or `start`, `output`, `logs`, `completed`; all when there are none.
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    pub events: Vec<String>,
    #[schema(value_type = Option<String>, max_length = 500)]
    pub description: String,
}

impl FromFields for NewWebhook {
    fn read(fields: &mut Fields) -> NewWebhook {
        let for_requests = match fields.text("for").as_deref() {
            None | Some("events") => false,
            Some("requests") => true,
            Some(_) => {
                fields.fault("for", "not_allowed", "it must be events or requests");
                false
            }
        };
        let url = fields.text("url");
        if for_requests && url.is_some() {
            fields.fault("url", "not_allowed", "requests name their own addresses; leave it out");
        }
        if !for_requests && url.is_none() && !fields.blamed("url") && !fields.blamed("for") {
            fields.fault("url", "required", "\"url\" is missing");
        }
        let events = fields.texts("events").unwrap_or_default();
        NewWebhook { for_requests, url, events, description: fields.text("description").unwrap_or_default() }
    }
}

/// A change of a webhook: at least one of its fields.
#[derive(ToSchema)]
#[schema(as = WebhookPatch, min_properties = 1)]
#[expect(dead_code, reason = "only its description is used: what is read is the desk's own type")]
pub(crate) struct WebhookPatchFields {
    #[schema(max_length = 2048)]
    url: Option<String>,
    #[schema(max_items = 20)]
    events: Option<Vec<String>>,
    #[schema(max_length = 500)]
    description: Option<String>,
    /// A webhook that is enabled again hears what happens from then on; `replay` tells it of what it missed.
    enabled: Option<bool>,
}

pub(crate) struct WebhookPatch(pub EndpointEdit);

impl FromFields for WebhookPatch {
    fn read(fields: &mut Fields) -> WebhookPatch {
        WebhookPatch(EndpointEdit {
            url: fields.text("url"),
            events: fields.texts("events"),
            description: fields.text("description"),
            enabled: fields.boolean("enabled"),
        })
    }
}

/// How a secret is to be rotated.
#[derive(ToSchema)]
#[schema(as = WebhookRotation)]
pub(crate) struct SecretRotation {
    /// How long messages are signed with the old secret, too; a day unless said otherwise.
    #[schema(value_type = Option<Span>)]
    pub overlap: Duration,
    /// Rotate also while the secret of the rotation before still counts, and end that one at once.
    #[schema(value_type = Option<bool>)]
    pub drop_previous: bool,
}

impl FromFields for SecretRotation {
    fn read(fields: &mut Fields) -> SecretRotation {
        SecretRotation {
            overlap: fields.span("overlap").unwrap_or(OVERLAP),
            drop_previous: fields.boolean("drop_previous").unwrap_or(false),
        }
    }
}

/// A test.
#[derive(ToSchema)]
pub(crate) struct Ping {
    /// The kind of event it looks like; `webhook.ping` unless said otherwise.
    #[schema(rename = "type", max_length = 64)]
    pub kind: Option<String>,
}

impl FromFields for Ping {
    fn read(fields: &mut Fields) -> Ping {
        Ping { kind: fields.text("type") }
    }
}

/// Which events are to be told again.
#[derive(ToSchema)]
pub(crate) struct SeqRange {
    #[schema(value_type = i64, minimum = 1)]
    pub from_seq: i64,
    #[schema(value_type = i64, minimum = 1)]
    pub to_seq: i64,
}

impl FromFields for SeqRange {
    fn read(fields: &mut Fields) -> SeqRange {
        for name in ["from_seq", "to_seq"] {
            if fields.is_null(name) {
                fields.fault(name, "required", format!("{name:?} is missing"));
            }
        }
        let mut number = |name| fields.count(name, i64::MAX - 1).unwrap_or_default();
        SeqRange { from_seq: number("from_seq"), to_seq: number("to_seq") }
    }
}
