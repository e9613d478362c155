//! Files that callers put here: taken in piece by piece as the body or as a part of a form, listed, read, removed.

use super::assets::lost;
use super::look;
use crate::auth::Caller;
use crate::bytes::{Served, attachment};
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::{Body as JsonBody, broken_off};
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::multipart::{Multipart, boundary};
use crate::extract::query::{Params, listing};
use crate::extract::span;
use crate::openapi::params::{FilePath, IdempotencyHeader, Paging};
use crate::openapi::words::Span;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::file::{FileBody, FileForm};
use crate::wire::list::List;
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use copydesk_core::FileId;
use copydesk_desk::error::DeskError;
use copydesk_desk::files::{FILE_BYTES_MAX, Incoming, Put};
use copydesk_desk::store::Order;
use copydesk_desk::store::files::{Added, FileFilter};
use futures::StreamExt;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use std::time::Duration;

/// What a file is called when nobody says.
const NAMELESS: &str = "file";
/// The longest field beside the file in a form. Units: bytes.
const FIELD_BYTES_MAX: usize = 1_024;
/// The part of a form that is the file.
const FILE_PART: &str = "file";
/// What may stand in the address, and beside the file in a form.
const FIELDS: [&str; 3] = ["name", "user", "expires_in"];
/// The bytes never change, but who read them once must not see them when they are gone.
const CACHING: &str = "private, no-cache";

/// What is said of a file beside its bytes.
struct Said {
    name: Option<String>,
    user: Option<String>,
    /// As it was asked for, and what that is.
    expires_in: (Option<String>, Option<Duration>),
}

impl Said {
    fn read(mut params: Params) -> Result<Said, Problem> {
        let [name, user, asked] = FIELDS.map(|field| params.text(field));
        let span = asked.as_deref().map(span::parse).transpose().unwrap_or_else(|detail| {
            params.fault("expires_in", "bad_duration", detail);
            None
        });
        params.finish()?;
        Ok(Said { name, user, expires_in: (asked, span) })
    }
}

/// Put a file here.
///
/// The body is the file itself, and what is said of it stands in the address; or it is a form with the file in it. It is
/// read as it arrives. Keys of one user put that user's files.
#[utoipa::path(
    post, path = "/files", operation_id = "createFile", tag = "files",
    params(
        ("name" = Option<String>, Query, max_length = 255, description = "What it is called; without slashes."),
        ("user" = Option<String>, Query, max_length = 255, description = "Whose it is; the workspace's unless said otherwise."),
        ("expires_in" = Option<Span>, Query, description = "How long it is kept: 60 seconds to 90 days, 7 days unless said otherwise."),
        IdempotencyHeader,
    ),
    request_body(content(
        (FileForm = "multipart/form-data"),
        (String = "*/*"),
    )),
    responses((status = 201, description = "It is kept.", body = FileBody, headers(
        ("Location" = String, description = "The address of the file."),
        ("Idempotent-Replayed" = String, description = "`true`: the key was used before, and this is the first one's file.")))),
    extensions(("x-problems" = json!([Code::FilesFull, Code::IdempotencyKeyReused, Code::Draining]))),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    mut params: Params,
    request: Request,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let declared = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let form = boundary(declared)?;
    not_too_large(&head.headers)?;
    let mut incoming = api.desk().begin_file(caller.scope).await?;
    let (said, media_type) = match form {
        Some(boundary) => {
            let (name, media_type) = filled_in(Multipart::of(body, &boundary), &mut params, &mut incoming).await?;
            let said = Said::read(params)?;
            (Said { name: said.name.or(name), ..said }, media_type)
        }
        None => {
            let said = Said::read(params)?;
            pour(body, &mut incoming).await?;
            (said, Some(declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()))
        }
    };
    let Said { name, user, expires_in: (asked, expires_in) } = said;
    let name = name.unwrap_or_else(|| NAMELESS.to_owned());
    let facts = json!({ "name": name, "user": user, "expires_in": asked, "media_type": media_type });
    let idempotency = key.of(&caller, &facts, api.desk().world().now());
    let put = Put {
        scope: caller.scope,
        permit: caller.permit.clone(),
        key: caller.key(),
        user: user.or_else(|| caller.own_user()),
        name,
        media_type,
        expires_in,
        idempotency,
    };
    let desk = api.desk().clone();
    let added = owned(async move { desk.keep_file(incoming, put).await }).await?;
    Ok(made(&api, added))
}

fn made(api: &Api, added: Added) -> Response {
    let replayed = matches!(added, Added::Replayed(_));
    let (Added::New(row) | Added::Replayed(row)) = added;
    let location = [(LOCATION, api.links().file(row.id, ""))];
    let mut answer = (StatusCode::CREATED, location, Json(FileBody::of(row, api.links()))).into_response();
    if replayed {
        answer.headers_mut().insert(super::receipt::REPLAYED, http::HeaderValue::from_static("true"));
    }
    answer
}

/// Who says how much comes is told before anything is read.
fn not_too_large(headers: &HeaderMap) -> Result<(), Problem> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    // A form has some bytes around its file.
    let most = FILE_BYTES_MAX + 64 * 1024;
    if declared.is_some_and(|bytes| bytes > most) {
        return Err(DeskError::FileTooLarge { bytes_max: FILE_BYTES_MAX }.into());
    }
    Ok(())
}

async fn pour(body: Body, incoming: &mut Incoming) -> Result<(), Problem> {
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        incoming.write(&piece.map_err(broken_off)?).await?;
    }
    Ok(())
}

/// Reads a form to its end: its file, what that is called and said to be, and fields as if they stood in the address.
async fn filled_in(
    mut form: Multipart,
    params: &mut Params,
    incoming: &mut Incoming,
) -> Result<(Option<String>, Option<String>), Problem> {
    let mut file = None;
    while let Some(part) = form.next().await? {
        if part.name == FILE_PART {
            if file.is_some() {
                return Err(Problem::fault("/file", "repeated", "a form may hold one file"));
            }
            while let Some(piece) = form.piece().await? {
                incoming.write(&piece).await?;
            }
            let base = part.file_name.as_deref().map(|name| name.rsplit(['/', '\\']).next().unwrap_or_default());
            file = Some((base.filter(|name| !name.is_empty()).map(str::to_owned), part.media_type));
        } else if FIELDS.contains(&part.name.as_str()) {
            let text = form.text(&part.name, FIELD_BYTES_MAX).await?;
            params.also(part.name, text);
        } else {
            let name: String = part.name.chars().take(80).collect();
            let detail = format!("there is no such field; there are {FILE_PART}, {}", FIELDS.join(", "));
            return Err(Problem::fault(&format!("/{name}"), "unknown_field", detail));
        }
    }
    file.ok_or_else(|| Problem::fault("/file", "required", "the form has no part named file"))
}

/// List files.
///
/// Those that have expired are not in it.
#[utoipa::path(
    get, path = "/files", operation_id = "listFiles", tag = "files",
    params(("user" = Option<String>, Query, description = "Your name of the user, or `usr_...`."), Paging),
    responses((status = 200, description = "A page.", body = List<FileBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = FileFilter { user: params.user(caller.scope), now: api.desk().world().now() };
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().files(caller.scope, filter, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, |row| FileBody::of(row, api.links())))
}

/// Look at a file.
#[utoipa::path(
    get, path = "/files/{id}", operation_id = "getFile", tag = "files",
    params(FilePath),
    responses((status = 200, description = "What is known of it.", body = FileBody)),
    extensions(("x-problems" = json!([Code::Expired]))),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<FileBody>, Problem> {
    let row = api.desk().file(caller.scope, id(path.text("id"))?).await?;
    Ok(Json(FileBody::of(row, api.links())))
}

/// Read the bytes of a file.
///
/// Always an attachment. Who has begun to read reads to the end, whatever becomes of the file meanwhile.
#[utoipa::path(
    get, path = "/files/{id}/content", operation_id = "getFileContent", tag = "files",
    params(
        FilePath,
        ("Range" = Option<String>, Header, description = "One part, such as `bytes=0-1023`. Several parts, and what cannot be read, are answered with the whole."),
        ("If-Range" = Option<String>, Header, description = "The part only if the file still has this `ETag`."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag`s you have already."),
    ),
    responses(
        (status = 200, description = "The file.", body = [u8], content_type = "*/*", headers(
            ("ETag" = String, description = "The hash of the file."),
            ("Accept-Ranges" = String, description = "`bytes`."),
            ("Content-Disposition" = String, description = "`attachment` with its name."))),
        (status = 206, description = "A part of it.", body = [u8], content_type = "*/*", headers(
            ("ETag" = String, description = "The hash of the file."),
            ("Accept-Ranges" = String, description = "`bytes`."),
            ("Content-Disposition" = String, description = "`attachment` with its name."),
            ("Content-Range" = String, description = "Which part."))),
        (status = 304, description = "You have it already."),
    ),
    extensions(("x-problems" = json!([Code::Expired, Code::RangeNotSatisfiable]))),
)]
pub(crate) async fn content(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row = api.desk().file(caller.scope, id(path.text("id"))?).await?;
    let served = Served {
        sha256: row.sha256,
        bytes: row.bytes,
        media_type: row.media_type.clone(),
        disposition: attachment(&row.name),
        caching: CACHING,
    };
    let open = async |from| api.desk().open_file(&row, from).await.map_err(|error| lost(row.id, &error));
    served.answer(&headers, open).await
}

/// Remove a file.
///
/// Jobs that were made of it keep their items.
#[utoipa::path(
    delete, path = "/files/{id}", operation_id = "deleteFile", tag = "files",
    params(FilePath),
    request_body = Option<Nothing>,
    responses((status = 204, description = "It is gone.")),
)]
pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: JsonBody<Nothing>,
) -> Result<StatusCode, Problem> {
    let (id, desk, scope) = (id(path.text("id"))?, api.desk().clone(), caller.scope);
    owned(async move { desk.remove_file(scope, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A text that cannot be an id is not found, like an id that nobody has.
pub(crate) fn id(given: &str) -> Result<FileId, Problem> {
    given.parse().map_err(|_| Problem::not_found("file", given.chars().take(80).collect::<String>()))
}
