//! A draft as a newsletter: to everybody on a list, or to a few addresses to see what it looks like.

use super::mailings::{OrderedOrRehearsed, answered};
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::body::Body;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::Params;
use crate::openapi::params::{DraftPath, IdempotencyHeader, PreferHeader};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::mailing::MailingBody;
use crate::wire::subscriber::{NewsletterFields, TestMailFields};
use axum::extract::State;
use axum::response::Response;
use copydesk_core::DraftId;
use copydesk_desk::mail::{Newsletter, To};
use copydesk_desk::store::generations::Idempotency;
use http::HeaderMap;
use serde_json::{Value, json};

struct Asked {
    draft: DraftId,
    to: To,
    asked: Value,
    again: bool,
    dry: bool,
    idempotency: Option<Idempotency>,
}

/// Send a published draft to a list.
///
/// To everybody who is on the list now and wants it, in the order they came. Answered at once: the mails are written afterwards,
/// and go out as they are; `filling` says that there are more to come. Nobody gets the same version twice, whoever orders it; who got
/// another version gets this one only with `again`. Every mail has an unsubscribe link, so `public_url` must be set.
#[utoipa::path(
    post, path = "/drafts/{id}/send", operation_id = "sendDraft", tag = "mail",
    params(
        DraftPath,
        ("dry_run" = Option<bool>, Query, description = "Count only: how many would get a mail, and why others would not."),
        IdempotencyHeader,
        PreferHeader,
    ),
    request_body(content = NewsletterFields, example = json!({ "list": "newsletter" })),
    responses(
        (status = 202, description = "It is on disk, and goes on by itself.", body = MailingBody),
        (status = 200, description = "At its end, with `Prefer: wait`; the outlook, with `dry_run`; or the first one again, with its Idempotency-Key.", body = OrderedOrRehearsed),
    ),
    extensions(("x-problems" = json!([Code::MailNotSetUp, Code::IdempotencyKeyReused, Code::NotFound]))),
)]
pub(crate) async fn send(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    path: Segments,
    mut params: Params,
    headers: HeaderMap,
    body: Body<NewsletterFields>,
) -> Result<Response, Problem> {
    let dry = params.flag("dry_run");
    params.finish()?;
    let draft = path.draft(&api, caller.scope).await?;
    let NewsletterFields { list: Some(list), again } = body.value else {
        return Err(Problem::internal("a newsletter to no list was let through"));
    };
    let asked = json!({ "draft": draft.to_string(), "list": list.as_str(), "again": again });
    let idempotency = if dry { None } else { key.of(&caller, &asked, api.desk().world().now()) };
    order(&api, &caller, Asked { draft, to: To::List(list), asked, again, dry, idempotency }, &headers).await
}

/// Send a draft to a few addresses, to see what it looks like.
///
/// Also one that is not published. The subject begins with `[Test]`; the mail is in the send log and within the limits, takes
/// nobody off any list, and stands in the way of nothing.
#[utoipa::path(
    post, path = "/drafts/{id}/send_test", operation_id = "testDraft", tag = "mail",
    params(DraftPath, IdempotencyHeader, PreferHeader),
    request_body(content = TestMailFields, example = json!({ "to": ["ann@example.com"] })),
    responses(
        (status = 202, description = "It is on disk, and goes by itself.", body = MailingBody),
        (status = 200, description = "At its end, with `Prefer: wait`; or the first one again, with its Idempotency-Key.", body = MailingBody),
    ),
    extensions(("x-problems" = json!([Code::MailNotSetUp, Code::IdempotencyKeyReused, Code::NotFound]))),
)]
pub(crate) async fn test(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    path: Segments,
    headers: HeaderMap,
    body: Body<TestMailFields>,
) -> Result<Response, Problem> {
    let draft = path.draft(&api, caller.scope).await?;
    let to: Vec<&str> = body.value.to.iter().map(|person| person.address.as_str()).collect();
    let asked = json!({ "draft": draft.to_string(), "to": to });
    let idempotency = key.of(&caller, &asked, api.desk().world().now());
    let to = To::Test(body.value.to);
    order(&api, &caller, Asked { draft, to, asked, again: false, dry: false, idempotency }, &headers).await
}

async fn order(api: &Api, caller: &Caller, asked: Asked, headers: &HeaderMap) -> Result<Response, Problem> {
    let Asked { draft, to, asked, again, dry, idempotency } = asked;
    let scope = caller.scope;
    let order = Newsletter { scope, draft, to, spec: asked.to_string(), again, dry, idempotency };
    let desk = api.desk().clone();
    let opened = owned(async move { desk.order_newsletter(order).await }).await?;
    answered(api, scope, opened, dry, headers).await
}
