//! Signing in and out, and what is about oneself. How one gets in asks for nobody; the rest for whoever it is about.

use crate::auth::Caller;
use crate::error::Code;
use crate::extract::body::Body;
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::openapi::params::SignInPath;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::session::Browser;
use crate::wire::list::List;
use crate::wire::person::{FirstOwner, NewSession, PasswordChange, SessionBody, SetupBody, SignInBody, Which};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::SignInId;
use copydesk_core::access::browser::Wire;
use copydesk_core::access::{Permit, Purpose};
use copydesk_desk::sign_in::{Brought, Entered, permit};
use copydesk_desk::store::Scope;
use copydesk_desk::store::sign_ins::{SignInRow, SignedIn};
use http::StatusCode;

/// What a link of POST `/session` may be for; a setup has a route of its own, which is gone when it is done.
const LETTING_IN: &[Purpose] = &[Purpose::SignIn, Purpose::Invite, Purpose::Reset];

/// Sign in.
///
/// With e-mail and password, or with a one-time link; the links of invites and resets want a new password beside them. The
/// answer sets a cookie, which every route takes in the place of a key. Whoever was signed in in this browser is signed out.
#[utoipa::path(
    post, path = "/session", operation_id = "signIn", tag = "people",
    request_body(content = NewSession, example = json!({ "email": "ann@example.com", "password": "correct horse" })),
    responses((status = 200, description = "You are in; the cookie is in `Set-Cookie`.", body = SessionBody)),
    security(()),
    extensions(("x-problems" = json!([
        Code::SignInFailed, Code::LinkSpent, Code::LoginExists, Code::CsrfFailed, Code::RateLimited, Code::KeyInQuery,
        Code::StorageUnavailable, Code::SchemaMismatch
    ]))),
)]
pub(crate) async fn sign_in(
    State(api): State<Api>,
    browser: Browser,
    body: Body<NewSession>,
) -> Result<Response, Problem> {
    browser.may_sign_in()?;
    let NewSession { email, password, link, name, workspace_id } = body.value;
    let (desk, from, before) = (api.desk().clone(), browser.visitor.clone(), browser.cookie.clone());
    let entered = owned(async move {
        let entered = match link {
            Some(link) => {
                let brought = Brought { email: None, password, name };
                desk.open_link(&link, LETTING_IN, brought, &from).await?
            }
            None => {
                let scope = workspace_id.map_or(Scope::DEFAULT, Scope::of);
                let (email, password) = (email.unwrap_or_default(), password.unwrap_or_default());
                desk.sign_in(scope, &email, &password, &from).await?
            }
        };
        if let Some(before) = before
            && let Some(before) = desk.signed_in(&before).await?
        {
            desk.sign_out(&before).await?;
        }
        Ok::<Entered, copydesk_desk::DeskError>(entered)
    });
    Ok(entered_by(&api, &browser, entered.await?))
}

/// Who asks?
///
/// Of a person: who it is, what the role allows, and until when. A key is told the same of itself.
#[utoipa::path(
    get, path = "/session", operation_id = "getSession", tag = "people",
    responses((status = 200, description = "Who you are and what you may do.", body = SessionBody)),
)]
pub(crate) async fn whoami(State(api): State<Api>, browser: Browser, caller: Caller) -> Json<SessionBody> {
    let body = SessionBody::of(caller.scope.workspace, &caller.permit);
    Json(match caller.signed_in() {
        Some(row) => of_person(&api, &browser, body, row.clone()),
        None => body.of_key(caller.key().map(|key| key.to_string())),
    })
}

/// Sign out.
///
/// The cookie is worth nothing from now on: here at once, on other nodes within a second.
#[utoipa::path(
    delete, path = "/session", operation_id = "signOut", tag = "people",
    request_body = Option<Nothing>,
    responses((status = 204, description = "You are out.")),
)]
pub(crate) async fn sign_out(
    State(api): State<Api>,
    browser: Browser,
    caller: Caller,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    let (desk, row) = (api.desk().clone(), caller.must_be_signed_in()?.clone());
    owned(async move { desk.sign_out(&row).await }).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    browser.signed_out(response.headers_mut());
    Ok(response)
}

/// Change your password.
///
/// Everywhere you are signed in ends, and here it begins anew, with another cookie.
#[utoipa::path(
    post, path = "/session/password", operation_id = "changePassword", tag = "people",
    request_body(content = PasswordChange, example = json!({ "current_password": "correct horse", "new_password": "battery staple" })),
    responses((status = 200, description = "It holds from now on.", body = SessionBody)),
    extensions(("x-problems" = json!([Code::SignInFailed, Code::NoLogin]))),
)]
pub(crate) async fn password(
    State(api): State<Api>,
    browser: Browser,
    caller: Caller,
    body: Body<PasswordChange>,
) -> Result<Response, Problem> {
    let (desk, row, from) = (api.desk().clone(), caller.must_be_signed_in()?.clone(), browser.visitor.clone());
    let PasswordChange { current_password, new_password } = body.value;
    let entered =
        owned(async move { desk.set_own_password(&row, &current_password, &new_password, &from).await }).await?;
    Ok(entered_by(&api, &browser, entered))
}

/// List where you are signed in.
#[utoipa::path(
    get, path = "/session/all", operation_id = "listSignIns", tag = "people",
    responses((status = 200, description = "All of them, the newest first.", body = List<SignInBody>)),
)]
pub(crate) async fn all(State(api): State<Api>, caller: Caller) -> Result<Json<List<SignInBody>>, Problem> {
    let me = caller.must_be_signed_in()?;
    let rows = api.desk().sign_ins_of(me).await?;
    Ok(Json(List::whole(rows.into_iter().map(|row| listed(&api, row, me)).collect())))
}

/// End one of your sign-ins.
#[utoipa::path(
    delete, path = "/session/all/{id}", operation_id = "endSignIn", tag = "people",
    params(SignInPath),
    request_body = Option<Nothing>,
    responses((status = 204, description = "It is over.")),
)]
pub(crate) async fn end(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<StatusCode, Problem> {
    let shown: String = path.text("id").chars().take(80).collect();
    let missing = || Problem::not_found("sign-in", shown.clone());
    let id: SignInId = path.text("id").parse().map_err(|_| missing())?;
    let (desk, row) = (api.desk().clone(), caller.must_be_signed_in()?.clone());
    let ended = owned(async move { desk.end_sign_in(&row, id).await }).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(missing()) }
}

/// Does the installation have an owner?
#[utoipa::path(
    get, path = "/setup", operation_id = "getSetup", tag = "people",
    responses((status = 200, description = "Whether the first owner is still to be made.", body = SetupBody)),
    security(()),
    extensions(("x-problems" = json!([Code::StorageUnavailable, Code::SchemaMismatch]))),
)]
pub(crate) async fn setup(State(api): State<Api>) -> Result<Json<SetupBody>, Problem> {
    let needed = api.desk().needs_setup(Scope::DEFAULT).await?;
    Ok(Json(SetupBody { object: "setup", needed }))
}

/// Make the first owner.
///
/// With the link that the server printed at its start. When there is an owner, nothing is here any more.
#[utoipa::path(
    post, path = "/setup", operation_id = "setUp", tag = "people",
    request_body(content = FirstOwner, example = json!({ "link": "dkl_...", "email": "ann@example.com", "password": "correct horse" })),
    responses((status = 200, description = "It is yours, and you are signed in.", body = SessionBody)),
    security(()),
    extensions(("x-problems" = json!([
        Code::NotFound, Code::LinkSpent, Code::LoginExists, Code::CsrfFailed, Code::RateLimited, Code::KeyInQuery,
        Code::StorageUnavailable, Code::SchemaMismatch
    ]))),
)]
pub(crate) async fn set_up(
    State(api): State<Api>,
    browser: Browser,
    body: Body<FirstOwner>,
) -> Result<Response, Problem> {
    browser.may_sign_in()?;
    if !api.desk().needs_setup(Scope::DEFAULT).await? {
        return Err(Problem::new(Code::NotFound, "This installation has an owner; there is nothing here any more.")
            .hint("Sign in: POST /api/v1/session."));
    }
    let (desk, from, owner) = (api.desk().clone(), browser.visitor.clone(), body.value);
    let link = owner.link.clone();
    let entered = owned(async move { desk.open_link(&link, &[Purpose::Setup], owner.brought(), &from).await }).await?;
    Ok(entered_by(&api, &browser, entered))
}

fn entered_by(api: &Api, browser: &Browser, entered: Entered) -> Response {
    let Entered { token, signed_in } = entered;
    let permit = permit(&signed_in.user).unwrap_or_else(Permit::owner);
    let body = SessionBody::of(signed_in.user.scope.workspace, &permit);
    let mut response = Json(of_person(api, browser, body, signed_in)).into_response();
    browser.keep(api, &token, response.headers_mut());
    response
}

fn of_person(api: &Api, browser: &Browser, body: SessionBody, row: SignedIn) -> SessionBody {
    let SignedIn { sign_in, user } = row;
    let idle_until = api.desk().sign_in_ends_at(&sign_in);
    let sign_in = SignInBody::of(sign_in, idle_until, Which::Current);
    body.of_person(user, sign_in, browser.wire == Wire::Tls)
}

fn listed(api: &Api, row: SignInRow, me: &SignedIn) -> SignInBody {
    let which = if row.id == me.sign_in.id { Which::Current } else { Which::Another };
    let idle_until = api.desk().sign_in_ends_at(&row);
    SignInBody::of(row, idle_until, which)
}
