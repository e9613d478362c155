//! The users of a workspace, those who sign in among them, and the invites of those who will.

use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{InvitePath, Paging, UserPath};
use crate::openapi::words::KeyRole;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::person::{
    InviteAsked, InviteBody, InviteFields, LinkBody, NewLink, NewUser, UserBody, UserPatch, UserPatchFields,
};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::access::{Email, Role};
use copydesk_core::{LinkId, UserId};
use copydesk_desk::people::{Person, PersonPatch};
use copydesk_desk::store::logins::UserFilter;
use copydesk_desk::store::{Order, Page, Scope};
use http::StatusCode;

/// List the users of the workspace.
///
/// Everybody whom work was asked for, and everybody who can sign in.
#[utoipa::path(
    get, path = "/users", operation_id = "listUsers", tag = "people",
    params(
        ("signs_in" = Option<bool>, Query, description = "Only people who can sign in."),
        ("role" = Option<KeyRole>, Query, description = "Only people with this role."),
        ("email" = Option<String>, Query, description = "Only the person who signs in with this e-mail."),
        Paging
    ),
    responses((status = 200, description = "A page, in the order of the ids.", body = List<UserBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = UserFilter {
        signs_in: params.flag("signs_in"),
        role: params.word("role", Role::parse, &Role::ALL.map(Role::as_str)),
    };
    let email = params.text("email").and_then(|text| {
        let email = Email::parse(&text);
        email.map_err(|bad| params.fault("email", "bad_email", bad.to_string())).ok()
    });
    let page = params.page(Order::OldestFirst);
    params.finish()?;
    let found = match email {
        None => api.desk().store().users(caller.scope, filter, page).await.map_err(listing)?,
        Some(email) => {
            let row = api.desk().store().find_login(caller.scope, email).await?;
            let wanted = |role| filter.role.is_none_or(|wanted| Some(wanted) == role);
            let row = row.filter(|row| page.after.is_none() && wanted(row.login.as_ref().map(|login| login.role)));
            Page { rows: row.into_iter().collect(), next: None }
        }
    };
    Ok(look::list(&uri, found, UserBody::from))
}

/// Read a user.
#[utoipa::path(
    get, path = "/users/{id}", operation_id = "getUser", tag = "people",
    params(UserPath),
    responses((status = 200, description = "The user.", body = UserBody)),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<UserBody>, Problem> {
    let id = user(&path, caller.scope)?;
    Ok(Json(api.desk().store().user(caller.scope, id).await?.into()))
}

/// Add somebody who signs in.
///
/// With a password that you tell the person. To let people choose their own, invite them. No role may do more than yours.
#[utoipa::path(
    post, path = "/users", operation_id = "createUser", tag = "people",
    request_body(content = NewUser, example = json!({ "email": "ann@example.com", "role": "editor", "password": "correct horse" })),
    responses((status = 201, description = "The person can sign in.", body = UserBody)),
    extensions(("x-problems" = json!([Code::LoginExists]))),
)]
pub(crate) async fn create(State(api): State<Api>, caller: Caller, body: Body<NewUser>) -> Result<Response, Problem> {
    let NewUser { email, role, password, name, user } = body.value;
    let (desk, issuer) = (api.desk().clone(), caller.issuer());
    let person = Person { scope: caller.scope, email, role, name, user, password: Some(password) };
    let row = owned(async move { desk.add_person(&issuer, person).await }).await?;
    Ok((StatusCode::CREATED, Json(UserBody::from(row))).into_response())
}

/// Change a person.
///
/// Another role, a new password and being disabled end everything the person is signed in with, within a second. What is
/// named is set; `"name": null` takes the name away.
#[utoipa::path(
    patch, path = "/users/{id}", operation_id = "updateUser", tag = "people",
    params(UserPath),
    request_body(content = UserPatchFields, example = json!({ "role": "viewer" })),
    responses((status = 200, description = "The person as it is now.", body = UserBody)),
    extensions(("x-problems" = json!([Code::NoLogin, Code::LastOwner]))),
)]
pub(crate) async fn patch(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<UserPatch>,
) -> Result<Json<UserBody>, Problem> {
    Ok(Json(change(&api, &caller, &path, body.value.0).await?))
}

/// Disable a person.
///
/// He cannot sign in any more, and is signed out everywhere. What is his stays; `PATCH {"disabled": false}` lets him in
/// again.
#[utoipa::path(
    delete, path = "/users/{id}", operation_id = "disableUser", tag = "people",
    params(UserPath),
    request_body = Option<Nothing>,
    responses((status = 204, description = "Disabled, also the second time.")),
    extensions(("x-problems" = json!([Code::NoLogin, Code::LastOwner]))),
)]
pub(crate) async fn disable(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<StatusCode, Problem> {
    change(&api, &caller, &path, PersonPatch { disabled: Some(true), ..PersonPatch::default() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn change(api: &Api, caller: &Caller, path: &Segments, patch: PersonPatch) -> Result<UserBody, Problem> {
    let id = user(path, caller.scope)?;
    let (desk, issuer) = (api.desk().clone(), caller.issuer());
    Ok(owned(async move { desk.change_person(&issuer, id, patch).await }).await?.into())
}

/// Make a link for a person.
///
/// It works once, for half an hour; an earlier one of the same kind ends. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/users/{id}/link", operation_id = "createUserLink", tag = "people",
    params(UserPath),
    request_body(content = NewLink, example = json!({ "purpose": "reset" })),
    responses((status = 201, description = "The link, to be given to the person.", body = LinkBody)),
    extensions(("x-problems" = json!([Code::NoLogin]))),
)]
pub(crate) async fn link(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<NewLink>,
) -> Result<Response, Problem> {
    let (id, purpose) = (user(&path, caller.scope)?, body.value.purpose);
    let (desk, issuer) = (api.desk().clone(), caller.issuer());
    let made = owned(async move { desk.link_for(&issuer, id, purpose).await }).await?;
    Ok((StatusCode::CREATED, Json(LinkBody::from(made))).into_response())
}

/// List the invites.
///
/// Also those that were used or have ended, for 30 days; never their secrets.
#[utoipa::path(
    get, path = "/invites", operation_id = "listInvites", tag = "people",
    params(Paging),
    responses((status = 200, description = "A page.", body = List<InviteBody>)),
)]
pub(crate) async fn invites(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let now = api.desk().world().now();
    let page = api.desk().store().invites(caller.scope, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, |row| InviteBody::of(row, now)))
}

/// Invite somebody.
///
/// The secret in the answer lets the person in once, with a password of his own: POST `/session`. An earlier invite of the
/// same e-mail ends, so sending this again is safe: the newest one counts. No role may do more than yours.
#[utoipa::path(
    post, path = "/invites", operation_id = "createInvite", tag = "people",
    request_body(content = InviteFields, example = json!({ "email": "bob@example.com", "role": "editor" })),
    responses((status = 201, description = "The invite with its secret.", body = InviteBody)),
    extensions(("x-problems" = json!([Code::LoginExists, Code::NaiveTimestamp]))),
)]
pub(crate) async fn invite(
    State(api): State<Api>,
    caller: Caller,
    body: Body<InviteAsked>,
) -> Result<Response, Problem> {
    let (desk, issuer, asked) = (api.desk().clone(), caller.issuer(), body.value.0);
    let made = owned(async move { desk.invite(&issuer, asked).await }).await?;
    Ok((StatusCode::CREATED, Json(InviteBody::made(made, api.desk().world().now()))).into_response())
}

/// Take an invite back.
#[utoipa::path(
    delete, path = "/invites/{id}", operation_id = "revokeInvite", tag = "people",
    params(InvitePath),
    request_body = Option<Nothing>,
    responses((status = 204, description = "It opens nothing, also the second time.")),
)]
pub(crate) async fn revoke(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<StatusCode, Problem> {
    let shown: String = path.text("id").chars().take(80).collect();
    let id: LinkId = path.text("id").parse().map_err(|_| Problem::not_found("invite", shown))?;
    let (desk, issuer) = (api.desk().clone(), caller.issuer());
    owned(async move { desk.end_invite(&issuer, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `usr_...`, a bare UUID, or `ext:` and the application's own name.
fn user(path: &Segments, scope: Scope) -> Result<UserId, Problem> {
    let given = path.text("id");
    if let Some(external) = given.strip_prefix("ext:") {
        return Ok(UserId::from_external(scope.workspace, external));
    }
    given.parse().map_err(|_| Problem::not_found("user", given.chars().take(80).collect::<String>()))
}
