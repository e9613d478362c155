//! Subscribers: added, imported, listed with whether they get anything, removed.

use super::look;
use super::row_file::{Opened, RowFile};
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body as JsonBody;
use crate::extract::id::Segments;
use crate::extract::query::{Params, listing};
use crate::extract::upload::Upload;
use crate::openapi::params::{Paging, SubscriberPath};
use crate::openapi::words::{FileKey, ItemFormatWord, SubscriberStatus};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::subscriber::{
    LIST_RULE, ListCountBody, NewSubscriber, STATUSES, SubscriberBody, SubscriberImportBody, lists,
};
use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use copydesk_core::SubscriberId;
use copydesk_core::subscriber::ListName;
use copydesk_desk::store::Order;
use copydesk_desk::store::subscribers::{Kept, SubscriberFilter};
use copydesk_desk::subscribers::Terms;
use http::StatusCode;

pub(super) fn list_of(params: &mut Params) -> Option<ListName> {
    let text = params.text("list")?;
    let list = ListName::parse(&text);
    if list.is_none() {
        params.fault("list", "bad_list", LIST_RULE);
    }
    list
}

/// List subscribers.
#[utoipa::path(
    get, path = "/subscribers", operation_id = "listSubscribers", tag = "mail",
    params(
        ("list" = Option<String>, Query, description = "On this list."),
        ("status" = Option<SubscriberStatus>, Query, description = "Only those who get something, or only those who get nothing."),
        ("address" = Option<String>, Query, description = "With this address, in any letters."),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<SubscriberBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let list = list_of(&mut params);
    let status = |word: &str| STATUSES.iter().position(|known| *known == word).map(|place| place == 1);
    let unsubscribed = params.word("status", status, &STATUSES);
    let recipient = params.text("address").map(|address| address.trim().to_lowercase());
    let page = params.page(Order::OldestFirst);
    params.finish()?;
    let filter = SubscriberFilter { list, unsubscribed, recipient };
    let page = api.desk().store().subscribers(caller.scope, filter, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, SubscriberBody::of))
}

/// Count the subscribers of each list.
#[utoipa::path(
    get, path = "/subscribers/lists", operation_id = "listSubscriberLists", tag = "mail",
    responses((status = 200, description = "The lists, by name.", body = List<ListCountBody>)),
)]
pub(crate) async fn counts(State(api): State<Api>, caller: Caller) -> Result<Json<List<ListCountBody>>, Problem> {
    Ok(Json(lists(api.desk().store().tally_subscribers(caller.scope).await?)))
}

/// Put somebody on a list.
///
/// Who is there is changed by what is said: what is left out stays. Who unsubscribed stays so, and the answer says it.
#[utoipa::path(
    post, path = "/subscribers", operation_id = "addSubscriber", tag = "mail",
    request_body(content = NewSubscriber, example = json!({ "address": "ann@example.com", "name": "Ann" })),
    responses(
        (status = 201, description = "It is new on the list.", body = SubscriberBody),
        (status = 200, description = "It was there.", body = SubscriberBody),
    ),
    extensions(("x-problems" = json!([Code::NotFound]))),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    body: JsonBody<NewSubscriber>,
) -> Result<(StatusCode, Json<SubscriberBody>), Problem> {
    let NewSubscriber { list, address: Some(person), .. } = body.value else {
        return Err(Problem::internal("a subscriber without an address was let through"));
    };
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let kept = owned(async move { desk.add_subscriber(scope, list, person).await }).await?;
    let status = if matches!(kept, Kept::Created(_)) { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(SubscriberBody::of_kept(kept))))
}

/// Look at a subscriber.
#[utoipa::path(
    get, path = "/subscribers/{id}", operation_id = "getSubscriber", tag = "mail",
    params(SubscriberPath),
    responses((status = 200, description = "The subscriber.", body = SubscriberBody)),
)]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
) -> Result<Json<SubscriberBody>, Problem> {
    Ok(Json(SubscriberBody::of(api.desk().store().subscriber(caller.scope, id(&path)?).await?)))
}

/// Take somebody off a list.
///
/// Whether the address wants nothing is remembered all the same.
#[utoipa::path(
    delete, path = "/subscribers/{id}", operation_id = "removeSubscriber", tag = "mail",
    params(SubscriberPath),
    responses((status = 204, description = "It is gone.")),
)]
pub(crate) async fn remove(State(api): State<Api>, caller: Caller, path: Segments) -> Result<StatusCode, Problem> {
    let (id, desk, scope) = (id(&path)?, api.desk().clone(), caller.scope);
    owned(async move { desk.store().remove_subscriber(scope, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an import asks for.
pub(crate) struct Asked {
    terms: Terms,
    reader: Upload,
}

impl FromRequest<Api> for Asked {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Asked, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = <Caller as FromRequestParts<Api>>::from_request_parts(&mut parts, api).await?;
        let mut params = <Params as FromRequestParts<Api>>::from_request_parts(&mut parts, api).await?;
        let dry = params.flag("dry_run");
        let list = list_of(&mut params).unwrap_or_else(ListName::usual);
        let file = RowFile::read(&mut params, &parts.headers);
        params.finish()?;
        let Opened { format, columns, reader, name: _ } = file.open(api, &caller, body).await?;
        Ok(Asked { terms: Terms { scope: caller.scope, list, format, columns, dry }, reader })
    }
}

/// Import subscribers from a file.
///
/// A table with a header row, or one JSON object a line, with `address`, `name` and `external_id`; other columns are passed
/// over. What is wrong with a row leaves it out, with its line and the reason. The same file twice changes nothing, and who
/// unsubscribed stays so. The body is the file, or `file_id` names one that was put here (that needs `files:read`).
#[utoipa::path(
    post, path = "/subscribers/import", operation_id = "importSubscribers", tag = "mail",
    params(
        ("list" = Option<String>, Query, description = "The list; `newsletter` unless said otherwise."),
        ("dry_run" = Option<bool>, Query, description = "Answer what would happen; write nothing."),
        ("file_id" = Option<FileKey>, Query, description = "A file that was put here, instead of the body."),
        ("format" = Option<ItemFormatWord>, Query, description = "How it is read; by its type or its name unless said otherwise."),
        ("delimiter" = Option<String>, Query, description = "Of a table: one character, or `tab`. A comma unless said otherwise."),
        ("columns" = Option<String>, Query, description = "Which column fills which field, as `address:E-mail,name:Full name`."),
    ),
    request_body(content((String = "text/csv"), (String = "text/tab-separated-values"), (String = "application/x-ndjson"))),
    responses((status = 200, description = "What was done, or would be.", body = SubscriberImportBody)),
    extensions(("x-problems" = json!([Code::Expired, Code::NotFound]))),
)]
pub(crate) async fn import(State(api): State<Api>, asked: Asked) -> Result<Response, Problem> {
    let Asked { terms, reader } = asked;
    let (list, dry, desk) = (terms.list.clone(), terms.dry, api.desk().clone());
    let outcome = owned(async move { desk.import_subscribers(terms, Box::new(reader)).await }).await?;
    Ok(Json(SubscriberImportBody::of(outcome, &list, dry)).into_response())
}

fn id(path: &Segments) -> Result<SubscriberId, Problem> {
    let given = path.text("id");
    given.parse().map_err(|_| Problem::not_found("subscriber", given.chars().take(80).collect::<String>()))
}
