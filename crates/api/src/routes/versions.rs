//! The versions of a draft: looking and bringing one back. None is ever changed.

use super::drafts::{changed, living};
use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::body::Body;
use crate::extract::etag::if_match;
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::query::Params;
use crate::openapi::params::{DraftPath, IfMatch, VersionPath};
use crate::openapi::problems::CHANGE;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::diff::DiffBody;
use crate::wire::draft::DraftBody;
use crate::wire::draft::{ContentBody, VersionBody};
use crate::wire::links::Links;
use crate::wire::list::List;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use copydesk_core::recipe::Content;
use copydesk_desk::DeskError;
use copydesk_desk::publish::content_of;
use copydesk_desk::store::Scope;
use copydesk_desk::store::drafts::{DraftRow, VersionRow};
use http::HeaderMap;

fn body(row: &VersionRow, current: u32) -> Result<VersionBody, Problem> {
    VersionBody::of(row, current).map_err(|error| look::unreadable("the provenance of a version of", row.draft, &error))
}

/// List the versions of a draft.
///
/// All of them, the oldest first, without their content.
#[utoipa::path(
    get, path = "/drafts/{id}/versions", operation_id = "listDraftVersions", tag = "drafts",
    params(DraftPath),
    responses((status = 200, description = "All versions.", body = List<VersionBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
) -> Result<Json<List<VersionBody>>, Problem> {
    let draft = living(&api, caller.scope, path.draft(&api, caller.scope).await?).await?;
    let rows = api.desk().store().versions(caller.scope, draft.id).await?;
    let bodies = rows.iter().map(|row| body(row, draft.current_version)).collect::<Result<Vec<_>, Problem>>()?;
    Ok(Json(List::whole(bodies)))
}

/// Read one version with its content.
#[utoipa::path(
    get, path = "/drafts/{id}/versions/{n}", operation_id = "getDraftVersion", tag = "drafts",
    params(DraftPath, VersionPath),
    responses((status = 200, description = "The version.", body = VersionBody)),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<VersionBody>, Problem> {
    let draft = living(&api, caller.scope, path.draft(&api, caller.scope).await?).await?;
    let row = api.desk().store().version(caller.scope, draft.id, Some(path.version()?)).await?;
    let content = content_of(&row)?;
    let mut body = whole(&row, &draft, content, api.links())?;
    body.filled = filled(&api, caller.scope, &row).await?;
    Ok(Json(body))
}

/// What profiles filled into the request that made it, unless that is gone.
async fn filled(api: &Api, scope: Scope, row: &VersionRow) -> Result<Option<Vec<String>>, Problem> {
    let Some(id) = row.generation else { return Ok(None) };
    match api.desk().store().get(scope, id).await.map_err(DeskError::from) {
        Ok(made) => look::filled(&made).map(Option::unwrap_or_default).map(Some),
        Err(DeskError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A version with its content.
pub(super) fn whole(
    row: &VersionRow,
    draft: &DraftRow,
    content: Content,
    links: Links<'_>,
) -> Result<VersionBody, Problem> {
    let mut body = body(row, draft.current_version)?;
    body.content = Some(ContentBody::of(row, content, links));
    Ok(body)
}

/// Compare two versions.
///
/// As Markdown, line by line, with the words that differ. Without numbers it is the current version against the one before.
#[utoipa::path(
    get, path = "/drafts/{id}/diff", operation_id = "compareDraftVersions", tag = "drafts",
    params(
        DraftPath,
        ("from" = Option<u32>, Query, minimum = 0, description = "The older version; 0 is the empty draft."),
        ("to" = Option<u32>, Query, minimum = 1, description = "The newer version; the current one unless said otherwise."),
    ),
    responses((status = 200, description = "What changed.", body = DiffBody)),
    extensions(("x-problems" = json!([Code::DraftEmpty]))),
)]
pub(crate) async fn diff(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    mut params: Params,
) -> Result<Json<DiffBody>, Problem> {
    let (from, to) = (params.number("from", 0), params.number("to", 1));
    params.finish()?;
    let draft = living(&api, caller.scope, path.draft(&api, caller.scope).await?).await?;
    if draft.versions == 0 {
        return Err(Problem::new(Code::DraftEmpty, "This draft has no version yet; there is nothing to compare."));
    }
    let to = to.unwrap_or(draft.current_version);
    let from = from.unwrap_or(to.saturating_sub(1));
    let content = async |number: u32| -> Result<Content, Problem> {
        Ok(content_of(&api.desk().store().version(caller.scope, draft.id, Some(number)).await?)?)
    };
    let older = if from == 0 { None } else { Some(content(from).await?) };
    let newer = content(to).await?;
    let id = draft.id.to_string();
    // Long texts take a moment, and others are served meanwhile.
    let body = tokio::task::spawn_blocking(move || DiffBody::of(id, from, to, older.as_ref(), &newer)).await;
    Ok(Json(body.map_err(|error| Problem::internal(error.to_string()))?))
}

/// Bring an old version back.
///
/// A copy of it becomes the next version; nothing is deleted.
#[utoipa::path(
    post, path = "/drafts/{id}/versions/{n}/restore", operation_id = "restoreDraftVersion", tag = "drafts",
    params(DraftPath, VersionPath, IfMatch),
    request_body = Option<Nothing>,
    responses(
        (status = 200, description = "The draft as it is now.", body = DraftBody, headers(("ETag" = String, description = "The revision, for `If-Match`."))),
    ),
    extensions(("x-problems" = json!([CHANGE]))),
)]
pub(crate) async fn restore(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    let if_revision = if_match(&headers)?;
    let (scope, number) = (caller.scope, path.version()?);
    let draft = living(&api, scope, path.draft(&api, scope).await?).await?;
    let desk = api.desk().clone();
    let row = owned(async move { desk.restore(scope, draft.id, number, if_revision).await }).await?;
    changed(&api, scope, row).await
}
