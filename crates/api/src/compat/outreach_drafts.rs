//! The outreach system's start button, and its list of prospects with their drafts. What the list shows follows from the
//! drafts alone: no job, and no failure of one, hides what is written.

use crate::auth::Caller;
use crate::compat::cut::Skip;
use crate::error::Code;
use crate::extract::body::{Body, Lenient};
use crate::extract::fields::{Fields, FromFields};
use crate::openapi::problems::WORK;
use crate::openapi::words::{BareUuid, Verified};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::prospect::Field;
use copydesk_core::recipe::output::mail::text_of;
use copydesk_desk::jobs::Defaults;
use copydesk_desk::prospects::drafting::{NAMED_MAX, Which, Whom};
use copydesk_desk::store::prospects::Listed;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What a drafted prospect is called there.
const DRAFTED: &str = "drafted";

/// Whom to draft for: everybody who is eligible, unless some are named.
#[derive(ToSchema)]
#[schema(as = CompatNewDraftJob)]
pub(crate) struct NewJob {
    /// UUIDs, or your own ids.
    #[schema(value_type = Option<Vec<String>>, max_items = 10_000)]
    prospect_ids: Option<Vec<String>>,
}

impl FromFields for NewJob {
    fn read(fields: &mut Fields) -> NewJob {
        let prospect_ids = match fields.value("prospect_ids") {
            None => None,
            Some(Value::Array(ids)) if ids.len() <= NAMED_MAX => {
                let text = |id: Value| match id {
                    Value::String(text) => Some(text),
                    Value::Number(number) => Some(number.to_string()),
                    Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
                };
                let names: Option<Vec<String>> = ids.into_iter().map(text).collect();
                if names.is_none() {
                    fields.fault("prospect_ids", "wrong_type", "it must be a list of ids");
                }
                // An empty list named nobody, and there it meant everybody.
                names.filter(|names| !names.is_empty())
            }
            Some(_) => {
                fields.fault("prospect_ids", "wrong_type", format!("it must be a list of at most {NAMED_MAX} ids"));
                None
            }
        };
        NewJob { prospect_ids }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = CompatDraftJob)]
pub(crate) struct Started {
    success: bool,
    #[schema(value_type = BareUuid)]
    job_id: String,
    message: String,
    prospects_count: u64,
    /// It is the job of an earlier start, which has not ended.
    deduplicated: bool,
}

/// Start drafting.
///
/// Without `prospect_ids` for all who are eligible: verified, with an address, from a website, unless configured otherwise.
#[utoipa::path(
    post, path = "/api/pipeline/draft", operation_id = "compatStartDrafting", tag = "compatibility",
    request_body(content = Option<NewJob>, example = json!({})),
    responses(
        (status = 200, description = "The job is on disk and runs.", body = Started),
        (status = 403, description = "Generation is switched off; nothing was written.", body = Value, content_type = "application/problem+json"),
    ),
    extensions(("x-problems" = json!([WORK]))),
)]
pub(crate) async fn start(
    State(api): State<Api>,
    caller: Caller,
    Lenient(Body { value: NewJob { prospect_ids }, .. }): Lenient<NewJob>,
) -> Result<Json<Started>, Response> {
    let desk = api.desk().clone();
    let recipe = desk.config().outreach.recipe.clone();
    let defaults = Defaults {
        scope: caller.scope,
        permit: caller.permit.clone(),
        key: caller.key(),
        user: caller.own_user(),
        ..Defaults::new(recipe)
    };
    let whom = Whom::first(prospect_ids.map_or(Which::Eligible, Which::Named));
    let sealed = owned(async move { desk.draft_prospects(defaults, whom).await }).await;
    let sealed = sealed.map_err(not_started)?;
    let (row, deduplicated) = (sealed.row(), sealed.deduplicated());
    let prospects_count = row.job.counts.total();
    let message = match deduplicated {
        true => format!("Drafting is running already, for {prospects_count} prospects."),
        false => format!("Drafting started for {prospects_count} prospects."),
    };
    let job_id = row.facts.id.uuid().to_string();
    Ok(Json(Started { success: true, job_id, message, prospects_count, deduplicated }))
}

/// In this system's words: the switch that is off is 403 there.
fn not_started(problem: Problem) -> Response {
    let (off, message) = (problem.code() == Code::GenerationPaused, problem.parts().detail.clone());
    let problem = problem.with("success", false.into()).with("message", message.into());
    if !off {
        return problem.into_response();
    }
    let mut answer = problem.with("status", json!(StatusCode::FORBIDDEN.as_u16())).into_response();
    *answer.status_mut() = StatusCode::FORBIDDEN;
    answer
}

/// A prospect with its draft.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatProspect)]
pub(crate) struct ProspectBody {
    #[schema(value_type = BareUuid)]
    id: String,
    external_id: Option<String>,
    name: Option<String>,
    company: Option<String>,
    contact_email: Option<String>,
    website: Option<String>,
    category: Option<String>,
    #[schema(value_type = Verified)]
    verification_status: &'static str,
    source_type: Option<String>,
    draft_subject: Option<String>,
    draft_body: Option<String>,
    /// `drafted` when subject and body are both there, else the state of the draft.
    draft_status: Option<&'static str>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CompatProspects)]
pub(crate) struct ProspectsBody {
    data: Vec<ProspectBody>,
    total: u64,
    skip: u32,
    limit: u32,
}

fn body(listed: Listed) -> ProspectBody {
    let Listed { row, draft } = listed;
    let text = |field| row.facts.text(field).map(str::to_owned);
    let status = draft.as_ref().map(|draft| draft.status.as_str());
    let mail = draft.and_then(|draft| draft.mail).map(|(subject, body)| (subject, words(&body)));
    let drafted =
        mail.as_ref().is_some_and(|(subject, body)| copydesk_core::prospect::is_drafted(Some(subject), Some(body)));
    let (draft_subject, draft_body) = mail.unzip();
    ProspectBody {
        id: row.id.uuid().to_string(),
        external_id: text(Field::ExternalId),
        name: text(Field::Name),
        company: text(Field::Company),
        contact_email: text(Field::ContactEmail),
        website: text(Field::Website),
        category: text(Field::Category),
        verification_status: row.facts.verification.as_str(),
        source_type: text(Field::SourceType),
        draft_subject,
        draft_body,
        draft_status: if drafted { Some(DRAFTED) } else { status },
        created_at: row.created_at.to_string(),
        updated_at: row.updated_at.to_string(),
    }
}

/// The words of a stored body; one of another form as it is stored.
fn words(body: &str) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(value) if value.get("text").is_some() => text_of(&value).to_owned(),
        Ok(_) | Err(_) => body.to_owned(),
    }
}

/// List prospects with their drafts.
#[utoipa::path(
    get, path = "/api/prospects", operation_id = "compatListProspects", tag = "compatibility",
    params(
        ("skip" = Option<u32>, Query, minimum = 0, maximum = 1_000_000, description = "Rows to leave out."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1_000, description = "Most rows; 100 unless said otherwise."),
    ),
    responses((status = 200, description = "The rows from there on, and how many there are.", body = ProspectsBody)),
)]
pub(crate) async fn prospects(
    State(api): State<Api>,
    caller: Caller,
    Skip { skip, limit }: Skip,
) -> Result<Json<ProspectsBody>, Problem> {
    let cut = api.desk().store().cut_prospects(caller.scope, skip, limit).await?;
    Ok(Json(ProspectsBody { data: cut.rows.into_iter().map(body).collect(), total: cut.total, skip, limit }))
}
