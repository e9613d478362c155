//! The bodies this API reads.

use super::review::{reason, review};
use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::{Age, DraftRef, Instant, InstantOrSpan, ModelAddress, Review as ReviewWord, Span, Switch};
use copydesk_core::draft::Review;
use copydesk_core::{NanoUsd, Timestamp};
use serde_json::{Map, Value, json};
use std::time::Duration;
use utoipa::ToSchema;

/// A request for a generation.
#[derive(ToSchema)]
pub(crate) struct NewGeneration {
    /// What to make: the name of a recipe.
    #[schema(min_length = 1)]
    pub recipe: String,
    /// `provider/model`; without it the recipe's route is gone along.
    #[schema(value_type = Option<ModelAddress>)]
    pub model: Option<String>,
    /// What to make it of; the recipe says in `input_schema` what it takes.
    #[schema(value_type = Option<Object>)]
    pub input: Value,
    /// What may be written by only one generation at a time; a second one waits.
    #[schema(min_length = 1, max_length = 255)]
    pub target: Option<String>,
    /// Fill this draft again instead of making a new one.
    #[schema(value_type = Option<DraftRef>)]
    pub draft_id: Option<String>,
    /// Your own id for the new draft; not beside `draft_id`.
    #[schema(min_length = 1, max_length = 255)]
    pub external_id: Option<String>,
    /// While a generation with this key is live, a second request gets its ids.
    #[schema(min_length = 1, max_length = 255)]
    pub dedupe_key: Option<String>,
    /// Whatever your application calls its user.
    #[schema(min_length = 1, max_length = 255)]
    pub user: Option<String>,
    /// A bounded head start; it can never starve others.
    #[schema(value_type = Option<i16>, minimum = -100, maximum = 100, default = 0)]
    pub priority: i16,
    /// Not before this instant.
    #[schema(value_type = Option<Instant>)]
    pub run_at: Option<Timestamp>,
    /// When it must be over: an instant, or a length of time from when it may start.
    #[schema(value_type = Option<InstantOrSpan>)]
    pub deadline: Option<Timestamp>,
    /// The most it may cost you, over all steps, attempts and models. Before a call is made that may pass it, it fails with
    /// `max_cost_reached`. Every model that may be tried needs a price. Units: billionths of a US dollar.
    #[schema(value_type = Option<i64>, minimum = 0)]
    pub max_cost: Option<NanoUsd>,
    /// What is changed of the recipe's parameters, of those that it lets be changed.
    #[schema(value_type = Option<ParamsBody>)]
    pub params: Value,
    /// An object of your own, at most 16 KB.
    #[schema(value_type = Option<Object>)]
    pub metadata: Value,
    /// Where this generation's events are sent, besides the workspace's webhooks. Signed with the secret of the workspace's
    /// webhook for requests, which must be there.
    #[schema(max_length = 2048)]
    pub webhook_url: Option<String>,
    /// Which of them: kinds, beginnings such as `generation.*`, or `start`, `output`, `logs`, `completed`; all without a list.
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    pub webhook_events: Vec<String>,
}

/// Parameters of the recipe's chat steps, for one generation.
#[derive(ToSchema)]
#[schema(as = Params)]
#[allow(dead_code, reason = "the schema of what core reads; see `core/recipe/params.rs`")]
pub(crate) struct ParamsBody {
    /// 0 to 2. A model that takes none is asked without.
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    /// The largest answer of a step. Units: tokens; at most what the recipe itself asks for.
    #[schema(minimum = 1)]
    max_output_tokens: Option<u32>,
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
            max_cost: fields.count("max_cost", i64::MAX).map(NanoUsd),
            params: fields.value("params").unwrap_or(Value::Null),
            metadata: fields.value("metadata").unwrap_or_else(|| Value::Object(Map::new())),
            webhook_url: fields.text("webhook_url"),
            webhook_events: fields.texts("webhook_events").unwrap_or_default(),
        };
        if request.webhook_url.is_none() && !request.webhook_events.is_empty() {
            fields.fault("webhook_events", "not_allowed", "it says what is sent to webhook_url, which is missing");
        }
        if request.draft_id.is_some() && request.external_id.is_some() {
            fields.fault("external_id", "not_allowed", "an existing draft keeps its own; leave it out beside draft_id");
        }
        request
    }
}

/// A request for another try.
#[derive(ToSchema)]
pub(crate) struct NewTry {
    /// `provider/model`, instead of the one from last time.
    #[schema(value_type = Option<ModelAddress>)]
    pub model: Option<String>,
    /// The most this try may cost, instead of what the last one was allowed. Units: billionths of a US dollar.
    #[schema(value_type = Option<i64>, minimum = 0)]
    pub max_cost: Option<NanoUsd>,
}

/// A request to fill a draft once more: the whole, or one part of it.
#[derive(ToSchema)]
pub(crate) struct NewFill {
    /// `provider/model`, instead of the one from last time.
    #[schema(value_type = Option<ModelAddress>)]
    pub model: Option<String>,
    /// The most this try may cost, instead of what the last one was allowed. Units: billionths of a US dollar.
    #[schema(value_type = Option<i64>, minimum = 0)]
    pub max_cost: Option<NanoUsd>,
    /// Only this part, such as `title`, `intro`, `topics/2` or `text`; everything else stays as it stands.
    #[schema(nullable = false)]
    pub part: Option<String>,
    /// Only this passage of the part, which must have it exactly once.
    #[schema(nullable = false)]
    pub selection: Option<PartSelection>,
    /// What you wish for the part.
    #[schema(nullable = false, min_length = 1, max_length = 2000)]
    pub instruction: Option<String>,
    /// The version the rest is taken from, instead of the current one.
    #[schema(nullable = false, minimum = 1)]
    pub version: Option<u32>,
}

/// A passage of a part.
#[derive(ToSchema)]
pub(crate) struct PartSelection {
    /// Letter by letter as it stands there.
    #[schema(min_length = 1, max_length = 20000)]
    pub text: String,
}

impl FromFields for PartSelection {
    fn read(fields: &mut Fields) -> PartSelection {
        PartSelection { text: fields.required_text("text") }
    }
}

impl FromFields for NewFill {
    fn read(fields: &mut Fields) -> NewFill {
        let asked = NewFill {
            model: fields.text("model"),
            max_cost: fields.count("max_cost", i64::MAX).map(NanoUsd),
            part: fields.text("part"),
            selection: fields.object("selection", PartSelection::read),
            instruction: fields.text("instruction"),
            version: fields.count("version", i64::from(u32::MAX)).and_then(|number| u32::try_from(number).ok()),
        };
        if asked.version == Some(0) {
            fields.fault("version", "out_of_range", "versions are counted from 1");
        }
        let beside = [
            ("selection", asked.selection.is_some()),
            ("instruction", asked.instruction.is_some()),
            ("version", asked.version.is_some()),
        ];
        for (name, _) in beside.into_iter().filter(|(_, said)| *said && asked.part.is_none()) {
            fields.fault(name, "not_allowed", "it is for one part of the draft; say which in `part`");
        }
        asked
    }
}

impl FromFields for NewTry {
    fn read(fields: &mut Fields) -> NewTry {
        NewTry { model: fields.text("model"), max_cost: fields.count("max_cost", i64::MAX).map(NanoUsd) }
    }
}

/// More time.
#[derive(ToSchema)]
pub(crate) struct MoreTime {
    /// The new deadline: an instant, or a length of time from now such as `10m`. It must lie after the one there is.
    #[schema(value_type = InstantOrSpan)]
    pub deadline: Timestamp,
}

impl FromFields for MoreTime {
    fn read(fields: &mut Fields) -> MoreTime {
        let now = fields.now;
        MoreTime { deadline: fields.required_instant_or_span("deadline", now) }
    }
}

/// The model to try.
#[derive(ToSchema)]
pub(crate) struct ModelToTest {
    /// `provider/model`.
    #[schema(value_type = ModelAddress)]
    pub model: String,
}

impl FromFields for ModelToTest {
    fn read(fields: &mut Fields) -> ModelToTest {
        ModelToTest { model: fields.required_text("model") }
    }
}

/// How a provider is to be tried.
#[derive(ToSchema)]
pub(crate) struct ProviderToTest {
    /// A model of it to call, as `provider/model`; without one it is asked for the list of its models, where that can be.
    #[schema(value_type = Option<ModelAddress>)]
    pub model: Option<String>,
}

impl FromFields for ProviderToTest {
    fn read(fields: &mut Fields) -> ProviderToTest {
        ProviderToTest { model: fields.text("model") }
    }
}

/// A change of a draft: at least one of its fields.
#[derive(ToSchema)]
#[schema(min_properties = 1)]
pub(crate) struct DraftPatch {
    pub title: Option<String>,
    /// The body in the draft's form; for texts a plain string will do.
    #[schema(value_type = Option<Value>)]
    pub content: Option<Value>,
    #[schema(value_type = Option<ReviewWord>)]
    pub review: Option<Review>,
    /// Why; only beside `review`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2_000)]
    pub review_reason: Option<String>,
}

impl FromFields for DraftPatch {
    fn read(fields: &mut Fields) -> DraftPatch {
        let content = fields.value("content").map(|content| match content {
            Value::String(text) => json!({ "text": text }),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other,
        });
        let patch = DraftPatch {
            title: fields.text("title"),
            content,
            review: review(fields),
            review_reason: reason(fields, "review_reason"),
        };
        if patch.review.is_none() && patch.review_reason.is_some() && !fields.blamed("review") {
            fields.fault("review_reason", "required", "say `review` beside it: approved, rejected or none");
        }
        if patch.title.as_ref().is_some_and(|title| title.contains('\0')) {
            fields.fault("title", "bad_character", "it contains a NUL character");
        }
        patch
    }
}

/// A change of the settings: at least one of its fields.
#[derive(ToSchema)]
#[schema(min_properties = 1)]
pub(crate) struct SettingsPatch {
    /// The master switch.
    #[schema(rename = "generation", value_type = Option<Switch>)]
    pub generation_on: Option<bool>,
    /// The names of all recipes that are to be paused.
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

/// What is to be removed for its age.
#[derive(ToSchema)]
pub(crate) struct Pruning {
    /// Usage rows older than this.
    #[schema(value_type = Option<Age>)]
    pub usage: Option<Duration>,
    /// Events older than this.
    #[schema(value_type = Option<Age>)]
    pub events: Option<Duration>,
    /// Messages to webhooks that ended longer ago than this.
    #[schema(value_type = Option<Age>)]
    pub deliveries: Option<Duration>,
    /// Items of sources that no fetch has brought since.
    #[schema(value_type = Option<Age>)]
    pub items: Option<Duration>,
    /// Only count.
    #[schema(value_type = Option<bool>, default = false)]
    pub dry_run: bool,
}

impl FromFields for Pruning {
    fn read(fields: &mut Fields) -> Pruning {
        Pruning {
            usage: fields.age("usage"),
            events: fields.age("events"),
            deliveries: fields.age("deliveries"),
            items: fields.age("items"),
            dry_run: fields.boolean("dry_run").unwrap_or(false),
        }
    }
}

/// What is to be ended as stale.
#[derive(ToSchema)]
pub(crate) struct Cleanup {
    /// What is older than this; without it, than the usual deadline.
    #[schema(value_type = Option<Span>)]
    pub max_age: Option<Duration>,
    /// Only list.
    #[schema(value_type = Option<bool>, default = false)]
    pub dry_run: bool,
}

impl FromFields for Cleanup {
    fn read(fields: &mut Fields) -> Cleanup {
        Cleanup { max_age: fields.span("max_age"), dry_run: fields.boolean("dry_run").unwrap_or(false) }
    }
}
