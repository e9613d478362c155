//! The bodies this API reads.

use crate::extract::fields::{Fields, FromFields};
use copydesk_core::Timestamp;
use copydesk_core::draft::Review;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// POST `/generations`.
pub(crate) struct NewGeneration {
    pub recipe: String,
    pub model: Option<String>,
    pub input: Value,
    pub target: Option<String>,
    /// A typed id, a bare UUID, or `ext:` and the application's own name.
    pub draft_id: Option<String>,
    pub external_id: Option<String>,
    pub dedupe_key: Option<String>,
    pub user: Option<String>,
    pub priority: i16,
    pub run_at: Option<Timestamp>,
    pub deadline: Option<Timestamp>,
    pub metadata: Value,
}

impl FromFields for NewGeneration {
    fn read(fields: &mut Fields) -> NewGeneration {
        let run_at = fields.instant("run_at");
        // A length of time counts from when the generation may start.
        let start = run_at.map_or(fields.now, |at| at.max(fields.now));
        let request = NewGeneration {
            recipe: fields.required_text("recipe"),
            model: fields.text("model"),
            input: fields.value("input").unwrap_or_else(|| json!({})),
            target: fields.text("target"),
            draft_id: fields.text("draft_id"),
            external_id: fields.text("external_id"),
            dedupe_key: fields.text("dedupe_key"),
            user: fields.text("user"),
            priority: fields.small_integer("priority").unwrap_or_default(),
            run_at,
            deadline: fields.instant_or_span("deadline", start),
            metadata: fields.value("metadata").unwrap_or_else(|| Value::Object(Map::new())),
        };
        if request.draft_id.is_some() && request.external_id.is_some() {
            fields.fault("external_id", "not_allowed", "an existing draft keeps its own; leave it out beside draft_id");
        }
        request
    }
}

/// POST `/drafts/{id}/regenerate` and `/generations/{id}/retry`.
pub(crate) struct NewTry {
    pub model: Option<String>,
}

impl FromFields for NewTry {
    fn read(fields: &mut Fields) -> NewTry {
        NewTry { model: fields.text("model") }
    }
}

/// POST `/models/test`.
pub(crate) struct ModelToTest {
    pub model: String,
}

impl FromFields for ModelToTest {
    fn read(fields: &mut Fields) -> ModelToTest {
        ModelToTest { model: fields.required_text("model") }
    }
}

/// PATCH `/drafts/{id}`.
pub(crate) struct DraftPatch {
    pub title: Option<String>,
    /// The body in the draft's form; for texts a plain string will do.
    pub content: Option<Value>,
    pub review: Option<Review>,
}

impl FromFields for DraftPatch {
    fn read(fields: &mut Fields) -> DraftPatch {
        let content = fields.value("content").map(|content| match content {
            Value::String(text) => json!({ "text": text }),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other,
        });
        let patch = DraftPatch { title: fields.text("title"), content, review: review(fields) };
        if patch.title.as_ref().is_some_and(|title| title.contains('\0')) {
            fields.fault("title", "bad_character", "it contains a NUL character");
        }
        patch
    }
}

fn review(fields: &mut Fields) -> Option<Review> {
    let word = fields.text("review")?;
    let review = Review::parse(&word);
    if review.is_none() {
        let known = Review::ALL.map(Review::as_str).join(", ");
        fields.fault("review", "not_allowed", format!("it must be one of {known}"));
    }
    review
}

/// PATCH `/settings`.
pub(crate) struct SettingsPatch {
    pub generation_on: Option<bool>,
    pub paused_recipes: Option<Vec<String>>,
}

impl FromFields for SettingsPatch {
    fn read(fields: &mut Fields) -> SettingsPatch {
        let switch = fields.text("generation");
        let generation_on = match switch.as_deref() {
            None => None,
            Some("on") => Some(true),
            Some("off") => Some(false),
            Some(_) => {
                fields.fault("generation", "not_allowed", "it must be on or off");
                None
            }
        };
        SettingsPatch { generation_on, paused_recipes: fields.texts("paused_recipes") }
    }
}

/// POST `/maintenance/prune`.
pub(crate) struct Pruning {
    pub usage: Option<Duration>,
    pub events: Option<Duration>,
    pub dry_run: bool,
}

impl FromFields for Pruning {
    fn read(fields: &mut Fields) -> Pruning {
        Pruning {
            usage: fields.age("usage"),
            events: fields.age("events"),
            dry_run: fields.boolean("dry_run").unwrap_or(false),
        }
    }
}

/// POST `/maintenance/cleanup-stale`.
pub(crate) struct Cleanup {
    pub max_age: Option<Duration>,
    pub dry_run: bool,
}

impl FromFields for Cleanup {
    fn read(fields: &mut Fields) -> Cleanup {
        Cleanup { max_age: fields.span("max_age"), dry_run: fields.boolean("dry_run").unwrap_or(false) }
    }
}
