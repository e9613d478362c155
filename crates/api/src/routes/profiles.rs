//! Profiles: what goes into every request of a recipe that does not say it itself, of everybody or of one user.

use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::etag::{etag, if_match, must_match};
use crate::extract::id::Segments;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{IfMatch, Paging, ProfileMatch};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::profile::{NewProfile, ProfileBody};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_desk::DeskError;
use copydesk_desk::profiles::NewProfile as Wanted;
use copydesk_desk::store::profiles::{ProfileFilter, ProfileRow};
use copydesk_desk::store::{Order, Page};
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, StatusCode};

/// List profiles.
#[utoipa::path(
    get, path = "/profiles", operation_id = "listProfiles", tag = "recipes",
    params(
        ("recipe" = Option<String>, Query, description = "Those of this recipe."),
        ("user" = Option<String>, Query, description = "Your name of the user, or `usr_...`."),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<ProfileBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = ProfileFilter { recipe: params.text("recipe"), user: params.user(caller.scope) };
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().profiles(caller.scope, filter, page).await.map_err(listing)?;
    let rows = page.rows.into_iter().map(ProfileBody::of).collect::<Result<_, _>>()?;
    Ok(look::list(&uri, Page { rows, next: page.next }, |row: ProfileBody| row))
}

/// Read a profile.
#[utoipa::path(
    get, path = "/recipes/{name}/profile", operation_id = "getProfile", tag = "recipes",
    params(
        ("name" = String, Path, description = "The name of the recipe.", example = json!("text")),
        ("user" = Option<String>, Query, description = "Whose, in your name for him; everybody's without it."),
    ),
    responses((status = 200, description = "The profile.", body = ProfileBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
)]
pub(crate) async fn get(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    params: Params,
) -> Result<Response, Problem> {
    let user = whose(&caller, params)?;
    let row = api.desk().profile(caller.scope, path.text("name"), user.as_deref()).await?;
    tagged(row, StatusCode::OK)
}

/// Set a profile whole.
///
/// One that is there is changed with `If-Match` only. It holds for requests from now on, here at once, in other processes a second later.
#[utoipa::path(
    put, path = "/recipes/{name}/profile", operation_id = "setProfile", tag = "recipes",
    params(
        ("name" = String, Path, description = "The name of the recipe.", example = json!("newsletter")),
        ("user" = Option<String>, Query, description = "Whose, in your name for him; everybody's without it."),
        ProfileMatch,
    ),
    request_body(content = NewProfile, example = json!({ "fields": { "tone": { "formality": "casual" }, "language": "English" } })),
    responses(
        (status = 200, description = "The profile as it is now.", body = ProfileBody, headers(("ETag" = String, description = "The revision, for `If-Match`."))),
        (status = 201, description = "There was none.", body = ProfileBody, headers(("ETag" = String, description = "The revision, for `If-Match`."))),
    ),
    extensions(("x-problems" = json!([Code::RecipeNotFound, Code::IfMatchRequired, Code::VersionConflict]))),
)]
pub(crate) async fn put(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    params: Params,
    body: Body<NewProfile>,
) -> Result<Response, Problem> {
    let (user, seen) = (whose(&caller, params)?, if_match(&headers)?);
    let whatever = headers.contains_key(IF_MATCH) && seen.is_none();
    let (scope, desk, recipe) = (caller.scope, api.desk().clone(), path.text("name").to_owned());
    let fields = body.value.fields;
    let row = owned(async move {
        let revision = match desk.profile(scope, &recipe, user.as_deref()).await {
            Ok(there) if whatever => Some(there.revision),
            Ok(_) | Err(DeskError::NotFound { .. }) => seen,
            Err(error) => return Err(error),
        };
        desk.put_profile(scope, Wanted { recipe, user, fields, revision }).await
    })
    .await;
    match row {
        Ok(row) if row.revision == 1 => tagged(row, StatusCode::CREATED),
        Ok(row) => tagged(row, StatusCode::OK),
        Err(problem) => {
            if problem.code() == Code::VersionConflict {
                // Without a revision it was to be made, and there is one.
                must_match(&headers)?;
            }
            Err(problem)
        }
    }
}

/// Remove a profile.
#[utoipa::path(
    delete, path = "/recipes/{name}/profile", operation_id = "removeProfile", tag = "recipes",
    params(
        ("name" = String, Path, description = "The name of the recipe.", example = json!("text")),
        ("user" = Option<String>, Query, description = "Whose, in your name for him; everybody's without it."),
        IfMatch,
    ),
    responses((status = 204, description = "It is gone. Generations that it was filled into keep what they have.")),
    extensions(("x-problems" = json!([Code::VersionConflict]))),
)]
pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    params: Params,
) -> Result<StatusCode, Problem> {
    let (user, revision) = (whose(&caller, params)?, if_match(&headers)?);
    let (scope, desk, recipe) = (caller.scope, api.desk().clone(), path.text("name").to_owned());
    owned(async move { desk.remove_profile(scope, &recipe, user.as_deref(), revision).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose profile is meant. A key of one user means that user's.
fn whose(caller: &Caller, mut params: Params) -> Result<Option<String>, Problem> {
    let (own, asked) = (caller.permit.user.clone(), params.text("user"));
    if let (Some(own), Some(asked)) = (&own, &asked)
        && own != asked
    {
        params.fault("user", "not_allowed", format!("this key belongs to the user {own:?}"));
    }
    params.finish()?;
    Ok(own.or(asked))
}

fn tagged(row: ProfileRow, status: StatusCode) -> Result<Response, Problem> {
    let tag = etag(row.revision);
    Ok((status, [(ETAG, tag)], Json(ProfileBody::of(row)?)).into_response())
}
