//! What the start of a job asks for: the job's own, and where its items are - in the body, in a body that is a file, or in a
//! file that was put here before.

use super::assets::lost;
use crate::auth::{Caller, denied};
use crate::bytes::{hex, pieces};
use crate::extract::body::Body;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::Params;
use crate::extract::upload::Upload;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::job::{ItemFormat, NewJob, parse_delimiter, parse_on_invalid};
use axum::extract::{FromRequest, FromRequestParts, Request};
use copydesk_core::access::KeyScope;
use copydesk_core::{FileId, NanoUsd};
use copydesk_desk::assets::media_type_by_name;
use copydesk_desk::jobs::Defaults;
use copydesk_desk::jobs::source::{Columns, Kind, Source};
use copydesk_desk::prospects::drafting::Whom;
use copydesk_desk::store::files::FileRow;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use std::collections::BTreeMap;

/// The largest request with items in JSON. Units: bytes.
const JSON_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The largest file of items. Units: bytes.
const FILE_BYTES_MAX: u64 = copydesk_desk::files::FILE_BYTES_MAX;

pub(crate) struct Asked {
    pub defaults: Defaults,
    pub source: Source,
    pub dry_run: bool,
    /// Whom it is for, instead of a source.
    pub prospects: Option<Whom>,
}

impl FromRequest<Api> for Asked {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Asked, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = <Caller as FromRequestParts<Api>>::from_request_parts(&mut parts, api).await?;
        let key = <IdempotencyKey as FromRequestParts<Api>>::from_request_parts(&mut parts, api).await?;
        let mut params = <Params as FromRequestParts<Api>>::from_request_parts(&mut parts, api).await?;
        let dry_run = params.flag("dry_run");
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let now = api.desk().world().now();
        let Some(format) = ItemFormat::of_type(&kind) else {
            params.finish()?;
            let body: Body<NewJob> = Body::read_up_to(Request::from_parts(parts, body), api, JSON_BYTES_MAX).await?;
            let prospects = body.value.prospects.clone();
            let (defaults, source) = in_json(api, &caller, key, body).await?;
            return Ok(Asked { defaults, source, dry_run, prospects });
        };
        let mut defaults = in_query(&mut params, &caller);
        let columns = match format {
            ItemFormat::Table(_) => columns(&mut params),
            ItemFormat::Lines => Said::default(),
        };
        params.finish()?;
        // The fingerprint of a file is known when it was read.
        let query = parts.uri.query().unwrap_or_default().to_owned();
        defaults.idempotency = key.of(&caller, &Value::from(query), now);
        let source = source(api, &defaults.recipe, format, columns, Upload::of(body, FILE_BYTES_MAX));
        Ok(Asked { defaults, source, dry_run, prospects: None })
    }
}

/// How a table is read, where that is said.
#[derive(Default)]
pub(super) struct Said {
    pub delimiter: Option<u8>,
    pub names: BTreeMap<String, String>,
}

async fn in_json(
    api: &Api,
    caller: &Caller,
    key: IdempotencyKey,
    body: Body<NewJob>,
) -> Result<(Defaults, Source), Problem> {
    let (asked, mut raw) = (body.value, body.raw);
    let mut defaults = Defaults {
        model: asked.model,
        name: asked.name,
        user: asked.user.or_else(|| caller.own_user()),
        priority: asked.priority,
        metadata: asked.metadata,
        input: asked.input,
        cost_max: asked.max_cost,
        on_invalid: asked.on_invalid,
        skip_existing: asked.skip_existing,
        dedupe_key: asked.dedupe_key,
        start: asked.start,
        ..of_caller(caller, asked.recipe)
    };
    let source = match asked.file_id {
        None => Source::List(asked.items.unwrap_or_default()),
        Some(id) => {
            let (row, reader) = stored(api, caller, id).await?;
            // The same bytes put here again are the same request.
            raw["file_id"] = hex(&row.sha256).into();
            let by_name = || media_type_by_name(&row.name).and_then(ItemFormat::of_type);
            let format = asked.format.or_else(|| ItemFormat::of_type(&row.media_type)).or_else(by_name);
            let format = format.ok_or_else(|| {
                let detail = format!("say how {id} is read: csv, tsv or jsonl; its type is {}", row.media_type);
                Problem::fault("/format", "required", detail)
            })?;
            let said = Said { delimiter: asked.delimiter, names: asked.columns };
            source(api, &defaults.recipe, format, said, reader)
        }
    };
    defaults.idempotency = key.of(caller, &raw, api.desk().world().now());
    Ok((defaults, source))
}

/// A file that was put here, and its bytes.
pub(super) async fn stored(api: &Api, caller: &Caller, id: FileId) -> Result<(FileRow, Upload), Problem> {
    caller.permit.scope(KeyScope::FilesRead).map_err(denied)?;
    let row = api.desk().file(caller.scope, id).await?;
    let file = api.desk().open_file(&row, 0).await.map_err(|error| lost(id, &error))?;
    let bytes = axum::body::Body::from_stream(pieces(file, row.bytes));
    Ok((row, Upload::of(bytes, FILE_BYTES_MAX)))
}

fn source(api: &Api, recipe: &str, format: ItemFormat, said: Said, reader: Upload) -> Source {
    let reader = Box::new(reader);
    match format {
        ItemFormat::Lines => Source::Lines(reader),
        ItemFormat::Table(usual) => {
            let loaded = api.desk().shelf().get(recipe);
            let types = loaded.map(|loaded| Kind::of_schema(&loaded.recipe.input_schema)).unwrap_or_default();
            let delimiter = said.delimiter.unwrap_or(usual);
            Source::Table { reader, columns: Columns { delimiter, names: said.names, types } }
        }
    }
}

fn of_caller(caller: &Caller, recipe: String) -> Defaults {
    Defaults { scope: caller.scope, permit: caller.permit.clone(), key: caller.key(), ..Defaults::new(recipe) }
}

/// What a file's job is asked for with.
fn in_query(params: &mut Params, caller: &Caller) -> Defaults {
    let recipe = params.text("recipe").unwrap_or_default();
    if recipe.is_empty() {
        params.fault(
            "recipe",
            "required",
            "it is missing: beside a file, say the recipe in the query, as ?recipe=NAME",
        );
    }
    let number = |params: &mut Params, name: &'static str| -> Option<i64> {
        let text = params.text(name)?;
        let found = text.parse().ok();
        if found.is_none() {
            params.fault(name, "wrong_type", "it must be a whole number");
        }
        found
    };
    let max_cost = number(params, "max_cost");
    if max_cost.is_some_and(|cap| cap < 0) {
        params.fault("max_cost", "out_of_range", "it must be at least 0");
    }
    let priority = number(params, "priority").map_or(0, |points| points.clamp(-30_000, 30_000) as i16);
    let start = params.word("start", |word| word.parse::<bool>().ok(), &["true", "false"]);
    Defaults {
        model: params.text("model"),
        name: params.text("name"),
        user: params.text("user").or_else(|| caller.own_user()),
        priority,
        cost_max: max_cost.map(NanoUsd),
        on_invalid: params.word("on_invalid", parse_on_invalid, &["refuse", "skip"]).unwrap_or_default(),
        skip_existing: params.flag("skip_existing"),
        dedupe_key: params.text("dedupe_key"),
        start: start.unwrap_or(true),
        ..of_caller(caller, recipe)
    }
}

/// `columns=input.topic:Topic,external_id:Id` and `delimiter=;`.
pub(super) fn columns(params: &mut Params) -> Said {
    let delimiter = params.text("delimiter").and_then(|text| {
        let delimiter = parse_delimiter(&text);
        if delimiter.is_none() {
            params.fault("delimiter", "not_allowed", "it must be one character, or tab");
        }
        delimiter
    });
    let mut names = BTreeMap::new();
    for pair in params.text("columns").as_deref().unwrap_or_default().split(',').filter(|pair| !pair.is_empty()) {
        match pair.split_once(':') {
            Some((field, column)) => drop(names.insert(field.trim().to_owned(), column.trim().to_owned())),
            None => params.fault("columns", "not_allowed", "it must be FIELD:COLUMN, and commas between several"),
        }
    }
    Said { delimiter, names }
}
