//! The newsletter system's draft routes. A draft is there the moment it is asked for, and is filled; two clicks fill one.
//! Its words: `generating` is pending or processing, `ready` a draft as it was written, `editing` one that was changed by
//! hand.

use super::cut::Cut;
use crate::auth::Caller;
use crate::coalesce;
use crate::error::Code;
use crate::extract::body::{Body, Lenient};
use crate::extract::fields::{Fields, FromFields};
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::openapi::params::IdempotencyHeader;
use crate::openapi::problems::{CHANGE, WORK};
use crate::openapi::words::BareUuid;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::routes::drafts::must_live;
use axum::Json;
use axum::extract::State;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::Origin;
use copydesk_core::{DraftId, UserId};
use copydesk_desk::accept::{Again, Receipt, Request};
use copydesk_desk::publish::content_of;
use copydesk_desk::store::drafts::{DraftFilter, DraftSetting, WholeDraft};
use copydesk_desk::store::generations::Accepted;
use copydesk_desk::store::{PageRequest, Scope};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

const RECIPE: &str = "newsletter";
/// A click on "Generate new draft".
#[derive(ToSchema)]
#[schema(as = CompatNewsletter)]
pub(crate) struct NewDraft {
    /// What it rests on: items with title, link and text, web addresses, or texts.
    sources: Option<Vec<Value>>,
    #[schema(value_type = Option<String>)]
    topic: Option<Value>,
    /// How many topics.
    #[schema(value_type = Option<u32>)]
    topics: Option<Value>,
    #[schema(value_type = Option<Vec<String>>)]
    voice_samples: Option<Value>,
    #[schema(value_type = Option<Object>)]
    tone: Option<Value>,
    #[schema(value_type = Option<String>)]
    language: Option<Value>,
    /// Whatever your application calls its user.
    user_id: Option<String>,
    model: Option<String>,
}

impl FromFields for NewDraft {
    fn read(fields: &mut Fields) -> NewDraft {
        NewDraft {
            sources: fields.list("sources"),
            topic: fields.value("topic"),
            topics: fields.value("topics"),
            voice_samples: fields.value("voice_samples"),
            tone: fields.value("tone"),
            language: fields.value("language"),
            user_id: fields.text("user_id"),
            model: fields.text("model"),
        }
    }
}

impl NewDraft {
    /// As the recipe takes it, whose schema checks it.
    fn input(&mut self) -> Value {
        let items = self.sources.take().map(|sources| sources.into_iter().map(item).collect());
        let fields = [
            ("items", items),
            ("topic", self.topic.take()),
            ("topics", self.topics.take()),
            ("voice_samples", self.voice_samples.take()),
            ("tone", self.tone.take()),
            ("language", self.language.take()),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// A source as the recipe's item. What is neither a text nor an object is left to the recipe's schema to refuse.
fn item(source: Value) -> Value {
    let Value::String(text) = source else { return source };
    let title: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
    if text.starts_with("http://") || text.starts_with("https://") {
        json!({ "title": title, "link": text })
    } else {
        json!({ "title": title, "text": text })
    }
}

/// What a click is answered with.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatDraftStarted)]
pub(crate) struct Started {
    success: bool,
    #[schema(value_type = BareUuid)]
    draft_id: String,
    /// The id of the generation.
    #[schema(value_type = BareUuid)]
    job_id: String,
    status: &'static str,
    message: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CompatDraft)]
pub(crate) struct DraftBody {
    #[schema(value_type = BareUuid)]
    id: String,
    title: String,
    status: &'static str,
    #[schema(format = DateTime)]
    generated_at: Option<String>,
    /// `null` while there is none.
    #[schema(value_type = Option<Value>)]
    content: Option<Value>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CompatDeleted)]
pub(crate) struct Deleted {
    success: bool,
    message: &'static str,
}

/// What this system calls the state of a draft.
fn word(draft: &WholeDraft) -> &'static str {
    match draft.row.status {
        DraftStatus::Pending | DraftStatus::Processing => "generating",
        DraftStatus::Draft => match &draft.version {
            Some(version) if version.origin == Origin::Edited.as_str() => "editing",
            Some(_) | None => "ready",
        },
        same @ (DraftStatus::Published | DraftStatus::Failed | DraftStatus::Cancelled) => same.as_str(),
    }
}

fn body(draft: WholeDraft) -> Result<DraftBody, Problem> {
    let content = draft.version.as_ref().map(content_of).transpose()?;
    Ok(DraftBody {
        status: word(&draft),
        id: draft.row.id.uuid().to_string(),
        title: draft.row.title,
        generated_at: draft.row.generated_at.map(|at| at.to_string()),
        content: content.map(|content| content.body),
    })
}

async fn started(api: &Api, scope: Scope, receipt: &Receipt) -> Result<(StatusCode, Json<Started>), Problem> {
    let (status, message) = match receipt.accepted {
        Accepted::New { .. } => ("generating", "Draft generation started."),
        Accepted::Duplicate { .. } => ("generating", "This draft is being generated already."),
        Accepted::Replayed { .. } => {
            (word(&api.desk().draft(scope, receipt.draft).await?), "This request was answered before.")
        }
    };
    let (draft_id, job_id) = (receipt.draft.uuid().to_string(), receipt.generation.uuid().to_string());
    Ok((StatusCode::ACCEPTED, Json(Started { success: true, draft_id, job_id, status, message })))
}

/// Start a newsletter draft.
#[utoipa::path(
    post, path = "/drafts/generate", operation_id = "compatGenerateDraft", tag = "compatibility",
    params(IdempotencyHeader),
    request_body(content = Option<NewDraft>, example = json!({ "topic": "Rust at work" })),
    responses((status = 202, description = "The draft is there and is being filled.", body = Started)),
    extensions(("x-problems" = json!([WORK]))),
)]
pub(crate) async fn generate(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    headers: HeaderMap,
    Lenient(Body { value: mut asked, raw }): Lenient<NewDraft>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    let sameness = key.sameness(&caller, &raw);
    let input = asked.input();
    let request = Request {
        scope: caller.scope,
        permit: caller.permit.clone(),
        key: caller.key(),
        user: asked.user_id.or_else(|| caller.own_user()),
        model: asked.model,
        idempotency: key.of(&caller, &raw, api.desk().world().now()),
        ..Request::new(RECIPE, input)
    };
    let arrival = coalesce::accept(&api, &headers, sameness, request).await?;
    let answer = started(&api, caller.scope, &arrival.receipt).await?;
    if let Some(presence) = arrival.presence {
        presence.answered();
    }
    Ok(answer)
}

/// Start a newsletter draft, at the system's other address.
#[utoipa::path(
    post, path = "/api/drafts/generate", operation_id = "compatGenerateDraftBelowApi", tag = "compatibility",
    params(IdempotencyHeader),
    request_body(content = Option<NewDraft>, example = json!({ "topic": "Rust at work" })),
    responses((status = 202, description = "The draft is there and is being filled.", body = Started)),
    extensions(("x-problems" = json!([WORK]))),
)]
pub(crate) async fn generate_below_api(
    state: State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    headers: HeaderMap,
    body: Lenient<NewDraft>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    generate(state, caller, key, headers, body).await
}

/// Replace a newsletter draft's text.
///
/// It keeps its id; the old text becomes an earlier version once the new one is there. With `compat.regenerate_new_id` it
/// is a new draft, and the old one is hidden.
#[utoipa::path(
    post, path = "/drafts/{id}/regenerate", operation_id = "compatRegenerateDraft", tag = "compatibility",
    params(("id" = String, Path, description = "The draft's UUID."), IdempotencyHeader),
    responses((status = 202, description = "It is being filled once more.", body = Started)),
    extensions(("x-problems" = json!([WORK, Code::Replaced]))),
)]
pub(crate) async fn regenerate(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    key: IdempotencyKey,
) -> Result<(StatusCode, Json<Started>), Problem> {
    let (desk, scope, new_ids) = (api.desk().clone(), caller.scope, api.compat().new_ids);
    let (draft, took_over) = found(&api, scope, &path).await?;
    if !(new_ids && took_over.is_some()) {
        must_be_there(&api, &draft, took_over)?;
    }
    let id = draft.row.id;
    let idempotency = key.of(&caller, &json!({}), api.desk().world().now());
    let change = Again { permit: caller.permit.clone(), key: caller.key(), idempotency, ..Again::default() };
    let again = async move {
        if new_ids { desk.replace(scope, id, change).await } else { desk.regenerate(scope, id, change).await }
    };
    let receipt = owned(again).await?;
    started(&api, scope, &receipt).await
}

/// List newsletter drafts, newest first.
#[utoipa::path(
    get, path = "/drafts", operation_id = "compatListDrafts", tag = "compatibility",
    params(
        ("skip" = Option<u32>, Query, minimum = 0, maximum = 10_000, description = "Rows to leave out."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1_000, description = "Most rows; 100 unless said otherwise."),
        ("user_id" = Option<String>, Query, description = "Those of this user."),
    ),
    responses((status = 200, description = "A list, without anything around it.", body = Vec<DraftBody>)),
)]
pub(crate) async fn list(State(api): State<Api>, caller: Caller, cut: Cut) -> Result<Json<Vec<DraftBody>>, Problem> {
    let scope = caller.scope;
    let user = cut.user.map(|user| UserId::from_external(scope.workspace, &user));
    let filter = DraftFilter { recipe: Some(RECIPE.to_owned()), user, ..DraftFilter::default() };
    let mut ids: Vec<DraftId> = Vec::new();
    let mut page = PageRequest::newest(PageRequest::LIMIT_MAX);
    loop {
        let rows = api.desk().store().list_drafts(scope, filter.clone(), page.clone()).await?;
        ids.extend(rows.rows.iter().map(|row| row.id));
        match rows.next {
            Some(next) if ids.len() < cut.skip + cut.limit => page.after = Some(next),
            Some(_) | None => break,
        }
    }
    let wanted = ids.into_iter().skip(cut.skip).take(cut.limit).map(|id| (scope, id)).collect();
    let drafts = api.desk().store().whole_drafts(wanted).await?;
    Ok(Json(drafts.into_iter().flatten().map(body).collect::<Result<_, _>>()?))
}

/// Read a newsletter draft.
#[utoipa::path(
    get, path = "/drafts/{id}", operation_id = "compatGetDraft", tag = "compatibility",
    params(("id" = String, Path, description = "The draft's UUID.")),
    responses((status = 200, description = "The draft.", body = DraftBody)),
    extensions(("x-problems" = json!([Code::Replaced]))),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<DraftBody>, Problem> {
    Ok(Json(body(newsletter(&api, caller.scope, &path).await?)?))
}

/// Delete a newsletter draft.
///
/// It can be brought back by the native API for as long as deleted drafts are kept.
#[utoipa::path(
    delete, path = "/drafts/{id}", operation_id = "compatDeleteDraft", tag = "compatibility",
    params(("id" = String, Path, description = "The draft's UUID.")),
    responses((status = 200, description = "It is deleted.", body = Deleted)),
    extensions(("x-problems" = json!([CHANGE, Code::Replaced]))),
)]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<Deleted>, Problem> {
    let scope = caller.scope;
    let id = newsletter(&api, scope, &path).await?.row.id;
    let desk = api.desk().clone();
    owned(async move { desk.set_draft(scope, id, DraftSetting::Delete, None).await }).await?;
    Ok(Json(Deleted { success: true, message: "Draft deleted." }))
}

/// The draft of the path. Those of other recipes are not this system's.
async fn newsletter(api: &Api, scope: Scope, path: &Segments) -> Result<WholeDraft, Problem> {
    let (draft, took_over) = found(api, scope, path).await?;
    must_be_there(api, &draft, took_over)?;
    Ok(draft)
}

/// The same, hidden or not, and which one took its place.
async fn found(api: &Api, scope: Scope, path: &Segments) -> Result<(WholeDraft, Option<DraftId>), Problem> {
    let id = path.draft(api, scope).await?;
    let draft = api.desk().draft(scope, id).await?;
    if draft.row.recipe != RECIPE {
        must_live(&draft.row)?;
        return Err(Problem::not_found("draft", id.to_string()));
    }
    let hidden = draft.row.deleted_at.is_some();
    let took_over = if hidden { api.desk().replacement(scope, id).await? } else { None };
    Ok((draft, took_over))
}

fn must_be_there(api: &Api, draft: &WholeDraft, took_over: Option<DraftId>) -> Result<(), Problem> {
    let Some(new) = took_over else { return must_live(&draft.row) };
    let new = new.uuid();
    let url = api.compat().address(api.public_url(), &format!("/drafts/{new}"));
    Err(Problem::new(
        Code::Replaced,
        format!("The draft {} was regenerated; {new} took its place.", draft.row.id.uuid()),
    )
    .hint(format!("POST /api/v1/drafts/{}/undelete brings the old text back.", draft.row.id))
    .with("replaced_by", json!({ "draft_id": new.to_string(), "url": url })))
}
