//! Files of prospects: taken in as a body or as a file that was put here, looked at, undone; rows that were left out are
//! handed back as a file.

use super::export_rows::table_row;
use super::look;
use super::row_file::{Opened, RowFile};
use crate::auth::Caller;
use crate::bytes::attachment;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body as JsonBody;
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::query::{Params, listing};
use crate::extract::upload::Upload;
use crate::openapi::params::{ImportPath, Paging};
use crate::openapi::words::{FileKey, ItemFormatWord, Verified};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::prospect::{ImportBody, OutcomeBody};
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use copydesk_core::ImportId;
use copydesk_core::metering::cuts::Zone;
use copydesk_core::prospect::{Edit, Field, Verification};
use copydesk_desk::prospects::import::{Format, Terms};
use copydesk_desk::store::prospects::{Known, Skip};
use copydesk_desk::store::{Order, PageRequest, Scope};
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

/// What an import asks for.
pub(crate) struct Asked {
    terms: Terms,
    reader: Upload,
    dry_run: bool,
}

impl FromRequest<Api> for Asked {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Asked, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = <Caller as FromRequestParts<Api>>::from_request_parts(&mut parts, api).await?;
        let mut params = <Params as FromRequestParts<Api>>::from_request_parts(&mut parts, api).await?;
        let dry_run = params.flag("dry_run");
        let file = RowFile::read(&mut params, &parts.headers);
        let mut terms = terms(&mut params, caller.scope);
        params.finish()?;
        let Opened { format, columns, reader, name } = file.open(api, &caller, body).await?;
        (terms.format, terms.columns) = (format, columns);
        terms.name = terms.name.or(name);
        Ok(Asked { terms, reader, dry_run })
    }
}

fn terms(params: &mut Params, scope: Scope) -> Terms {
    let mut usual = Edit::default();
    for field in [Field::Category, Field::SourceType] {
        if let Some(text) = params.text(field.as_str())
            && let Err(bad) = usual.say(field, &text)
        {
            params.fault(field.as_str(), bad.code, bad.detail);
        }
    }
    usual.verification = params.word("verification_status", Verification::parse, &Verification::WORDS);
    let zone = params.text("assume_tz");
    let zone = zone.and_then(|name| {
        Zone::named(&name).map_err(|bad| params.fault("assume_tz", "unknown_zone", bad.to_string())).ok()
    });
    let email = params.word(
        "email",
        |word| ["required", "optional"].iter().position(|it| *it == word),
        &["required", "optional"],
    );
    let known = |word: &str| match word {
        "update" => Some(Known::Update),
        "leave" => Some(Known::Leave),
        _ => None,
    };
    Terms {
        scope,
        name: params.text("name"),
        format: Format::Lines,
        columns: std::collections::BTreeMap::new(),
        assume_tz: zone,
        usual,
        needs_email: email != Some(1),
        known: params.word("known", known, &["update", "leave"]).unwrap_or(Known::Update),
    }
}

/// Import prospects from a file.
///
/// A table with a header row, or one JSON object a line. A column that is no field of a prospect is a fact. What is wrong
/// with a row leaves it out, with its line and the reason. Who is there already is changed by what the row says, so the same
/// file twice changes nothing. The body is the file, or `file_id` names one that was put here (that needs `files:read`).
#[utoipa::path(
    post, path = "/prospects/import", operation_id = "importProspects", tag = "prospects",
    params(
        ("dry_run" = Option<bool>, Query, description = "Answer what would happen; write nothing."),
        ("file_id" = Option<FileKey>, Query, description = "A file that was put here, instead of the body."),
        ("format" = Option<ItemFormatWord>, Query, description = "How it is read; by its type or its name unless said otherwise."),
        ("delimiter" = Option<String>, Query, description = "Of a table: one character, or `tab`. A comma unless said otherwise."),
        ("columns" = Option<String>, Query, description = "Which column fills which field, as `contact_email:E-mail,company:Firm`."),
        ("name" = Option<String>, Query, description = "What the file is called."),
        ("assume_tz" = Option<String>, Query, description = "The zone of times that name none, as `Europe/Warsaw`. Without it rows with such times are left out."),
        ("category" = Option<String>, Query, description = "Of rows that do not say theirs."),
        ("source_type" = Option<String>, Query, description = "Of rows that do not say theirs."),
        ("verification_status" = Option<Verified>, Query, description = "Of rows that do not say theirs."),
        ("email" = Option<String>, Query, description = "`optional` takes rows without an address in; `required` unless said otherwise."),
        ("known" = Option<String>, Query, description = "`leave` does not change who is there already; `update` unless said otherwise."),
    ),
    request_body(content((String = "text/csv"), (String = "text/tab-separated-values"), (String = "application/x-ndjson"))),
    responses(
        (status = 201, description = "It is read.", body = OutcomeBody),
        (status = 200, description = "What would happen, with `dry_run`.", body = OutcomeBody),
    ),
    extensions(("x-problems" = json!([Code::Expired, Code::NotFound]))),
)]
pub(crate) async fn import(State(api): State<Api>, asked: Asked) -> Result<Response, Problem> {
    let Asked { terms, reader, dry_run } = asked;
    let desk = api.desk().clone();
    let reader = Box::new(reader);
    let outcome = owned(async move {
        if dry_run { desk.dry_import(terms, reader).await } else { desk.import_prospects(terms, reader).await }
    })
    .await?;
    let status = if dry_run { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(OutcomeBody::of(outcome, api.links()))).into_response())
}

/// List imports of prospects.
#[utoipa::path(
    get, path = "/prospects/imports", operation_id = "listProspectImports", tag = "prospects",
    params(Paging),
    responses((status = 200, description = "A page.", body = List<ImportBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().imports(caller.scope, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, |row| ImportBody::of(row, api.links())))
}

/// Look at an import.
#[utoipa::path(
    get, path = "/prospects/imports/{id}", operation_id = "getProspectImport", tag = "prospects",
    params(ImportPath),
    responses((status = 200, description = "The import.", body = ImportBody)),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<ImportBody>, Problem> {
    let row = api.desk().store().import(caller.scope, id(&path)?).await?;
    Ok(Json(ImportBody::of(row, api.links())))
}

/// Undo an import.
///
/// Removes the prospects that it made, that nobody has changed since and that have no draft. What it changed of others is
/// not taken back. Twice is once.
#[utoipa::path(
    post, path = "/prospects/imports/{id}/undo", operation_id = "undoProspectImport", tag = "prospects",
    params(ImportPath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "The import, with how many were removed.", body = ImportBody)),
)]
pub(crate) async fn undo(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: JsonBody<Nothing>,
) -> Result<Json<ImportBody>, Problem> {
    let (id, desk, scope) = (id(&path)?, api.desk().clone(), caller.scope);
    let row = owned(async move { desk.undo_import(scope, id).await }).await?;
    Ok(Json(ImportBody::of(row, api.links())))
}

/// Download the rows that an import left out.
///
/// A table: line, code, detail, and the row as it was read, in JSON.
#[utoipa::path(
    get, path = "/prospects/imports/{id}/skipped", operation_id = "downloadSkippedRows", tag = "prospects",
    params(ImportPath),
    responses((status = 200, description = "The rows.", body = String, content_type = "text/csv")),
)]
pub(crate) async fn skipped(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Response, Problem> {
    let (id, scope) = (id(&path)?, caller.scope);
    api.desk().store().import(scope, id).await?;
    let first = PageRequest { limit: PageRequest::LIMIT_MAX, after: None, order: Order::OldestFirst };
    let head = b"line,code,detail,row\r\n".to_vec();
    let rows = futures::stream::try_unfold((Some(first), head), move |(page, mut piece)| {
        let api = api.clone();
        async move {
            let Some(mut request) = page else { return Ok(None) };
            let found = api.desk().store().import_skips(scope, id, request.clone()).await;
            let found = found.map_err(|error| std::io::Error::other(error.to_string()))?;
            found.rows.iter().for_each(|skip| line(&mut piece, skip));
            request.after.clone_from(&found.next);
            Ok::<_, std::io::Error>(Some((piece, (found.next.map(|_| request), Vec::new()))))
        }
    });
    let head = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, attachment(&format!("{id}-skipped.csv"))),
    ];
    Ok((head, Body::from_stream(rows)).into_response())
}

fn line(piece: &mut Vec<u8>, skip: &Skip) {
    table_row(piece, &[skip.line.to_string().as_str(), &skip.code, &skip.detail, &skip.row]);
}

fn id(path: &Segments) -> Result<ImportId, Problem> {
    let given = path.text("id");
    given.parse().map_err(|_| Problem::not_found("import", given.chars().take(80).collect::<String>()))
}
