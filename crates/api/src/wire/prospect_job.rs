//! For whom a job is, where it is for prospects.

use crate::extract::fields::Fields;
use crate::openapi::words::{ImportKey, Instant, ProspectStage, Verified};
use copydesk_core::ImportId;
use copydesk_core::prospect::{Stage, Verification};
use copydesk_desk::prospects::drafting::{NAMED_MAX, Which, Whom};
use copydesk_desk::store::prospects::ProspectFilter;
use serde_json::Value;
use utoipa::ToSchema;

/// `"eligible"`, or one of `ids` and `filter`.
#[derive(ToSchema)]
#[schema(as = ProspectsOfJob)]
#[allow(dead_code, reason = "the schema of what is read field by field")]
pub(crate) enum ProspectsOf {
    #[schema(rename = "eligible")]
    Eligible,
    #[schema(rename = "ids")]
    Ids(Vec<String>),
    #[schema(rename = "filter")]
    Filter(FilterFields),
}

/// The parameters of the list of prospects.
#[derive(ToSchema)]
#[schema(as = ProspectFilter)]
#[allow(dead_code, reason = "the schema of what is read field by field")]
pub(crate) struct FilterFields {
    #[schema(value_type = Option<Verified>)]
    verification_status: Option<String>,
    source_type: Option<String>,
    category: Option<String>,
    has_email: Option<bool>,
    #[schema(value_type = Option<ProspectStage>)]
    stage: Option<String>,
    #[schema(value_type = Option<ImportKey>)]
    import_id: Option<String>,
    #[schema(value_type = Option<Instant>)]
    sent_before: Option<String>,
    answered: Option<bool>,
}

/// Whom a job is for, and whether it follows up.
pub(crate) fn whom(fields: &mut Fields, has_items: bool) -> Option<Whom> {
    let (which, follow_up) = (prospects(fields, has_items), fields.age("follow_up"));
    if follow_up.is_some() && which.is_none() && !fields.blamed("prospects") {
        fields.fault("follow_up", "not_allowed", "it follows up what was sent to prospects: name them in `prospects`");
    }
    which.map(|which| Whom { which, follow_up })
}

pub(crate) fn prospects(fields: &mut Fields, has_items: bool) -> Option<Which> {
    let which = match fields.value("prospects")? {
        Value::String(word) if word == "eligible" => Some(Which::Eligible),
        Value::Object(said) if said.len() == 1 => match said.into_iter().next()? {
            (key, Value::Array(ids)) if key == "ids" => named(fields, &ids),
            (key, Value::Object(said)) if key == "filter" => {
                let mut inside = Fields::new(said, fields.now);
                let filter = filter(&mut inside);
                for fault in inside.all_faults() {
                    fields.fault(&format!("prospects/filter{}", fault.pointer), &fault.code, fault.detail);
                }
                Some(Which::Filter(filter))
            }
            _ => None,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    };
    if which.is_none() && !fields.blamed("prospects") {
        let detail = "it must be \"eligible\", {\"ids\": [...]} or {\"filter\": {...}}";
        fields.fault("prospects", "wrong_type", detail);
    }
    if which.is_some() && has_items {
        fields.fault("prospects", "not_allowed", "it has items already; send one of the two");
    }
    which
}

fn named(fields: &mut Fields, ids: &[Value]) -> Option<Which> {
    if ids.is_empty() || ids.len() > NAMED_MAX {
        let detail = format!("it names {} prospects; 1 to {NAMED_MAX} may stand in a request", ids.len());
        fields.fault("prospects", "out_of_range", detail);
        return None;
    }
    let names: Option<Vec<String>> = ids.iter().map(|id| id.as_str().map(str::to_owned)).collect();
    names.map(Which::Named)
}

fn filter(fields: &mut Fields) -> ProspectFilter {
    let import: Option<ImportId> = fields.text("import_id").and_then(|text| {
        text.parse().map_err(|bad: copydesk_core::BadId| fields.fault("import_id", "bad_id", bad.to_string())).ok()
    });
    ProspectFilter {
        verification: fields.word("verification_status", Verification::parse, &Verification::WORDS),
        source_type: fields.text("source_type"),
        category: fields.text("category"),
        has_email: fields.boolean("has_email"),
        stage: fields.word("stage", Stage::parse, &Stage::WORDS),
        import,
        sent_before: fields.instant("sent_before"),
        answered: fields.boolean("answered"),
    }
}
