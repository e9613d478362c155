//! Drafts: looking, editing, reviewing, publishing, deleting, and filling once more.

use super::{look, receipt};
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::etag::{etag, if_match, must_match, none_match, tag};
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{DraftPath, IdempotencyHeader, IfMatch, IfNoneMatch, MustMatch, Paging, PreferHeader};
use crate::openapi::problems::{CHANGE, WORK};
use crate::openapi::words::{DraftStatus as StatusWord, JobKey, Review as ReviewWord};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::accepted::AcceptedBody;
use crate::wire::draft::{DraftBody, DraftCountsBody};
use crate::wire::dry_run::{DryRunBody, FinishedOrRehearsed};
use crate::wire::list::List;
use crate::wire::requests::{DraftPatch, NewFill, NewTry};
use crate::wire::review::Verdict;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::DraftId;
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_desk::DeskError;
use copydesk_desk::accept::Again;
use copydesk_desk::publish::Patch;
use copydesk_desk::revise::AskedPart;
use copydesk_desk::store::drafts::{DraftFilter, DraftRow, DraftSetting};
use copydesk_desk::store::{Order, Page, Scope};
use futures::future::try_join_all;
use http::header::ETAG;
use http::{HeaderMap, StatusCode};

/// What can be asked for beside a draft in a list.
const CONTENT: &str = "content";

/// List drafts.
///
/// Without their content: that is in the answer about one, or asked for with `expand`.
#[utoipa::path(
    get, path = "/drafts", operation_id = "listDrafts", tag = "drafts",
    params(
        ("status" = Option<StatusWord>, Query, description = "Only those."),
        ("review" = Option<ReviewWord>, Query, description = "Those whose current version is reviewed so; `none` and `status=draft` are those to be reviewed."),
        ("user" = Option<String>, Query, description = "Your name of the user, or `usr_...`."),
        ("recipe" = Option<String>, Query, description = "Those of this recipe."),
        ("external_id" = Option<String>, Query, description = "The one with your own id."),
        ("job" = Option<JobKey>, Query, description = "Those that the items of this job made, in the order of the items."),
        ("expand" = Option<String>, Query, description = "`content`: each with its current content. A page then has at most 100."),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<DraftBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = DraftFilter {
        status: params.word("status", DraftStatus::parse, &DraftStatus::ALL.map(DraftStatus::as_str)),
        user: params.user(caller.scope),
        recipe: params.text("recipe"),
        external_id: params.text("external_id"),
        job: params.id("job"),
        review: params.word("review", Review::parse, &Review::ALL.map(Review::as_str)),
    };
    let expand = params.expand(&[CONTENT]);
    let page = params.page_expanded(Order::NewestFirst, &expand);
    params.finish()?;
    let page = api.desk().store().list_drafts(caller.scope, filter, page).await.map_err(listing)?;
    if !expand.contains(&CONTENT) {
        return Ok(look::list(&uri, page, |row| DraftBody::of(row, api.links())));
    }
    let wholes = page.rows.iter().map(|row| api.desk().draft(caller.scope, row.id));
    let rows =
        try_join_all(wholes).await?.into_iter().map(|whole| look::draft(&api, whole)).collect::<Result<_, _>>()?;
    Ok(look::list(&uri, Page { rows, next: page.next }, |row: DraftBody| row))
}

/// Count drafts by status.
///
/// Deleted ones are left out, as they are of the list.
#[utoipa::path(
    get, path = "/drafts/counts", operation_id = "countDrafts", tag = "drafts",
    params(("user" = Option<String>, Query, description = "Those of this user: your name, or `usr_...`.")),
    responses((status = 200, description = "How many are in each status.", body = DraftCountsBody)),
)]
pub(crate) async fn counts(
    State(api): State<Api>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<DraftCountsBody>, Problem> {
    let user = params.user(caller.scope);
    params.finish()?;
    let counts = api.desk().store().count_drafts(caller.scope, user).await?;
    Ok(Json(DraftCountsBody::of(&counts)))
}

/// Read a draft with its current content.
#[utoipa::path(
    get, path = "/drafts/{id}", operation_id = "getDraft", tag = "drafts",
    params(DraftPath, IfNoneMatch),
    responses(
        (status = 200, description = "The draft.", body = DraftBody, headers(("ETag" = String, description = "The revision, for `If-Match`."))),
        (status = 304, description = "You have this revision already."),
    ),
)]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = path.draft(&api, caller.scope).await?;
    let draft = api.desk().draft(caller.scope, id).await?;
    must_live(&draft.row)?;
    let revision = draft.row.revision;
    if none_match(&headers, &tag(revision)) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag(revision))]).into_response());
    }
    Ok(([(ETAG, etag(revision))], Json(look::draft(&api, draft)?)).into_response())
}

/// The draft, unless it is deleted: then it is not there for anybody but `undelete`.
pub(crate) async fn living(api: &Api, scope: Scope, id: DraftId) -> Result<DraftRow, Problem> {
    let row = api.desk().store().get_draft(scope, id).await?;
    must_live(&row)?;
    Ok(row)
}

/// What is deleted is there for `undelete` alone.
pub(crate) fn must_live(row: &DraftRow) -> Result<(), Problem> {
    let (id, Some(at)) = (row.id, row.deleted_at) else { return Ok(()) };
    Err(Problem::not_found("draft", id.to_string())
        .hint(format!("It was deleted at {at}; POST /api/v1/drafts/{id}/undelete brings it back.")))
}

/// The draft after a change of it.
pub(crate) async fn changed(api: &Api, scope: Scope, row: DraftRow) -> Result<Response, Problem> {
    let draft = api.desk().draft(scope, row.id).await?;
    Ok(([(ETAG, etag(draft.row.revision))], Json(look::draft(api, draft)?)).into_response())
}

/// Edit a draft, or review it.
///
/// An edit is stored as the next version; nothing is overwritten.
#[utoipa::path(
    patch, path = "/drafts/{id}", operation_id = "updateDraft", tag = "drafts",
    params(DraftPath, MustMatch),
    request_body(content = DraftPatch, example = json!({ "title": "The sea", "review": "approved" })),
    responses(
        (status = 200, description = "The draft as it is now.", body = DraftBody, headers(("ETag" = String, description = "The revision, for `If-Match`."))),
    ),
    extensions(("x-problems" = json!([Code::IfMatchRequired, Code::VersionConflict, Code::DraftPublished, Code::DraftBusy, Code::DraftEmpty]))),
)]
pub(crate) async fn patch(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    body: Body<DraftPatch>,
) -> Result<Response, Problem> {
    let if_revision = must_match(&headers)?;
    let DraftPatch { title, content, review, review_reason } = body.value;
    if title.is_none() && content.is_none() && review.is_none() {
        return Err(Problem::fault("", "required", "nothing to change: give at least one of title, content, review"));
    }
    let scope = caller.scope;
    let id = path.draft(&api, scope).await?;
    living(&api, scope, id).await?;
    let desk = api.desk().clone();
    let row = owned(async move {
        let mut if_revision = if_revision;
        let mut edited_row = None;
        if title.is_some() || content.is_some() {
            let edited = desk.edit(scope, id, Patch { title, body: content, if_revision }).await?;
            // The review is of exactly this version.
            if_revision = Some(edited.revision);
            edited_row = Some(edited);
        }
        match (review, edited_row) {
            (None, Some(edited)) => Ok::<DraftRow, DeskError>(edited),
            (None, None) => Ok(desk.store().get_draft(scope, id).await?),
            (Some(review), _) => {
                let to = DraftSetting::Review { review, reason: review_reason };
                desk.set_draft(scope, id, to, if_revision).await
            }
        }
    })
    .await?;
    changed(&api, scope, row).await
}

async fn set(
    api: &Api,
    caller: &Caller,
    path: &Segments,
    headers: &HeaderMap,
    to: DraftSetting,
) -> Result<DraftRow, Problem> {
    let if_revision = if_match(headers)?;
    let scope = caller.scope;
    let id = path.draft(api, scope).await?;
    let desk = api.desk().clone();
    owned(async move { desk.set_draft(scope, id, to, if_revision).await }).await
}

/// Delete a draft.
///
/// It can be taken back; its usage and its credits stay on the books.
#[utoipa::path(
    delete, path = "/drafts/{id}", operation_id = "deleteDraft", tag = "drafts",
    params(DraftPath, IfMatch),
    responses((status = 204, description = "It is deleted.")),
    extensions(("x-problems" = json!([CHANGE]))),
)]
pub(crate) async fn delete(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    set(&api, &caller, &path, &headers, DraftSetting::Delete).await?;
    Ok(StatusCode::NO_CONTENT)
}

macro_rules! moves {
    ($($(#[$doc:meta])* $name:ident, $id:literal, $path:literal = $setting:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path, operation_id = $id, tag = "drafts",
            params(DraftPath, IfMatch),
            request_body = Option<Nothing>,
            responses((status = 200, description = "The draft as it is now.", body = DraftBody,
                headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
            extensions(("x-problems" = json!(CHANGE))),
        )]
        pub(crate) async fn $name(
            State(api): State<Api>,
            caller: Caller,
            path: Segments,
            headers: HeaderMap,
            _body: Body<Nothing>,
        ) -> Result<Response, Problem> {
            let row = set(&api, &caller, &path, &headers, $setting).await?;
            changed(&api, caller.scope, row).await
        }
    )*};
}

moves! {
    /// Take a deletion back.
    undelete, "undeleteDraft", "/drafts/{id}/undelete" = DraftSetting::Undelete;
    /// Publish a draft.
    publish, "publishDraft", "/drafts/{id}/publish" = DraftSetting::Publish;
    /// Take a publication back.
    unpublish, "unpublishDraft", "/drafts/{id}/unpublish" = DraftSetting::Unpublish;
}

macro_rules! reviews {
    ($($(#[$doc:meta])* $name:ident, $id:literal, $path:literal = $review:expr, $example:tt;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path, operation_id = $id, tag = "drafts",
            params(DraftPath, IfMatch),
            request_body(content = Option<Verdict>, example = json!($example)),
            responses((status = 200, description = "The draft as it is now.", body = DraftBody,
                headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
            extensions(("x-problems" = json!(CHANGE))),
        )]
        pub(crate) async fn $name(
            State(api): State<Api>,
            caller: Caller,
            path: Segments,
            headers: HeaderMap,
            body: Body<Verdict>,
        ) -> Result<Response, Problem> {
            let to = DraftSetting::Review { review: $review, reason: body.value.reason };
            let row = set(&api, &caller, &path, &headers, to).await?;
            changed(&api, caller.scope, row).await
        }
    )*};
}

reviews! {
    /// Approve a draft.
    ///
    /// Its current version, that is: the next one is not approved.
    approve, "approveDraft", "/drafts/{id}/approve" = Review::Approved, {};
    /// Reject a draft.
    ///
    /// Its current version, that is. The reason stands with the draft until there is another one.
    reject, "rejectDraft", "/drafts/{id}/reject" = Review::Rejected, { "reason": "Too long, and it promises a discount." };
}

/// Fill a draft once more.
///
/// The same recipe and input as last time; the draft stays as it is meanwhile. With `part`, only that part is written anew, or the
/// passage of it that `selection` says, and everything else stays as it stands.
#[utoipa::path(
    post, path = "/drafts/{id}/regenerate", operation_id = "regenerateDraft", tag = "drafts",
    params(
        DraftPath,
        ("dry_run" = Option<bool>, Query, description = "Check only: answer what would be accepted."),
        IdempotencyHeader,
        PreferHeader,
    ),
    request_body(content = Option<NewFill>, example = json!({ "part": "text", "instruction": "Shorter, and without the jargon." })),
    responses(
        (status = 202, description = "It is on disk. The ids, and where to look.", body = AcceptedBody),
        (status = 200, description = "The finished generation, with `Prefer: wait`; or the rehearsal, with `dry_run`.", body = FinishedOrRehearsed),
    ),
    extensions(("x-problems" = json!([WORK, Code::DraftEmpty]))),
)]
pub(crate) async fn regenerate(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    key: IdempotencyKey,
    mut params: Params,
    headers: HeaderMap,
    body: Body<NewFill>,
) -> Result<Response, Problem> {
    let dry_run = params.flag("dry_run");
    params.finish()?;
    let id = path.draft(&api, caller.scope).await?;
    let idempotency = key.of(&caller, &body.raw, api.desk().world().now());
    let NewFill { model, max_cost, part, selection, instruction, version } = body.value;
    let part = part.map(|part| AskedPart { part, selection: selection.map(|it| it.text), instruction, version });
    let change = Again { part, ..super::generations::again(&caller, NewTry { model, max_cost }, idempotency) };
    if dry_run {
        return Ok(Json(DryRunBody::from(api.desk().dry_regenerate(caller.scope, id, change).await?)).into_response());
    }
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let accepted = owned(async move { desk.regenerate(scope, id, change).await }).await?;
    receipt::answer(&api, &caller, &headers, accepted).await
}
