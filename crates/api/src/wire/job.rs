//! Jobs and their items on the wire. Amounts are whole nano-dollars.

pub(crate) use super::item_format::ItemFormat;
use super::links::Links;
use super::prospect_job::{ProspectsOf, whom};
use super::requests::ParamsBody;
use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::{Age, FileKey, ItemFormatWord, ItemStatusWord, JobStatusWord, ModelAddress, OnInvalidWord};
use copydesk_core::job::{Counts, ItemStatus, Note};
use copydesk_core::{BadId, FileId, NanoUsd};
use copydesk_desk::jobs::OnInvalid;
use copydesk_desk::jobs::item::Item;
use copydesk_desk::prospects::drafting::Whom;
use copydesk_desk::store::jobs::{ItemRow, JobRow};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Many generations that were asked for together.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobBody {
    object: &'static str,
    id: String,
    uuid: String,
    #[schema(value_type = JobStatusWord)]
    status: &'static str,
    /// It was cancelled, and waits for the ends of its items.
    stopping: bool,
    name: Option<String>,
    recipe: String,
    user: String,
    user_id: String,
    /// All items. Always the sum of `counts`.
    total_targets: u64,
    /// Items whose draft is there: `counts.completed`.
    drafts_created: u64,
    counts: CountsBody,
    /// Why it is paused, or what there is to say about its end.
    note: Option<NoteBody>,
    cost: JobCostBody,
    /// The most it may cost; `null` is no cap. Units: billionths of a US dollar.
    max_cost: Option<i64>,
    /// Rises with every order. An ETag begins with it.
    revision: i64,
    created_at: String,
    started_at: Option<String>,
    updated_at: String,
    finished_at: Option<String>,
    /// In the answer to a start: another start made this job already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub deduplicated: Option<bool>,
    urls: JobUrls,
}

/// How many items there are of each status.
#[derive(Serialize, ToSchema)]
#[schema(as = JobCounts)]
pub(crate) struct CountsBody {
    /// Nothing was made of them yet.
    pending: u64,
    /// Their generations wait for their turn or run.
    processing: u64,
    completed: u64,
    failed: u64,
    skipped: u64,
    cancelled: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = JobNote)]
pub(crate) struct NoteBody {
    code: String,
    message: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = JobCost)]
struct JobCostBody {
    /// What the calls of ended items cost, as far as that is known.
    nanousd: i64,
    /// Calls whose cost is not known.
    unpriced_calls: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = JobUrls)]
struct JobUrls {
    #[serde(rename = "self")]
    this: String,
    items: String,
    export: String,
}

impl From<Counts> for CountsBody {
    fn from(counts: Counts) -> CountsBody {
        let Counts { pending, processing, completed, failed, skipped, cancelled } = counts;
        CountsBody { pending, processing, completed, failed, skipped, cancelled }
    }
}

impl From<Note> for NoteBody {
    fn from(note: Note) -> NoteBody {
        NoteBody { code: note.code, message: note.message }
    }
}

impl JobBody {
    pub fn of(row: JobRow, links: Links<'_>) -> JobBody {
        let JobRow { facts, job } = row;
        JobBody {
            object: "job",
            id: job.id.to_string(),
            uuid: job.id.uuid().to_string(),
            status: job.status.as_str(),
            stopping: job.stopping,
            name: facts.name,
            recipe: facts.recipe,
            user: facts.user_external,
            user_id: facts.user.to_string(),
            total_targets: job.counts.total(),
            drafts_created: job.counts.completed,
            counts: job.counts.into(),
            note: job.note.map(NoteBody::from),
            cost: JobCostBody { nanousd: job.spent.0, unpriced_calls: job.unpriced },
            max_cost: job.cost_max.map(|cap| cap.0),
            revision: job.revision,
            created_at: facts.created_at.to_string(),
            started_at: job.started_at.map(|at| at.to_string()),
            updated_at: job.updated_at.to_string(),
            finished_at: job.finished_at.map(|at| at.to_string()),
            deduplicated: None,
            urls: JobUrls {
                this: links.job(job.id, ""),
                items: links.job(job.id, "/items"),
                export: links.job(job.id, "/export"),
            },
        }
    }
}

/// One item of a job.
#[derive(Serialize, ToSchema)]
#[schema(as = JobItem)]
pub(crate) struct ItemBody {
    object: &'static str,
    /// Its place in the request or file, from 1.
    number: u32,
    /// Your name for it; its number where you gave none.
    custom_id: String,
    #[schema(value_type = ItemStatusWord)]
    status: &'static str,
    /// The last one that was made of it; of a skipped one the generation that does the same work.
    generation_id: Option<String>,
    draft_id: Option<String>,
    /// Why it failed or was skipped.
    note: Option<NoteBody>,
    /// What was asked for.
    #[schema(value_type = Object)]
    request: Value,
}

impl ItemBody {
    /// Errors: a stored request that is no JSON, in the words of the parser.
    pub fn of(row: ItemRow) -> Result<ItemBody, serde_json::Error> {
        Ok(ItemBody {
            object: "job_item",
            number: row.seq,
            request: serde_json::from_str(&row.request)?,
            custom_id: row.custom_id,
            status: row.status.as_str(),
            generation_id: row.generation.map(|id| id.to_string()),
            draft_id: row.draft.map(|id| id.to_string()),
            note: row.note.map(NoteBody::from),
        })
    }
}

/// A job to be made of `items` or of the file `file_id`. A file can also be sent as the body (`text/csv` or
/// `application/x-ndjson`), with everything but `items` and `metadata` in the query.
#[derive(ToSchema)]
pub(crate) struct NewJob {
    /// What to make of each item: the name of a recipe.
    #[schema(min_length = 1)]
    pub recipe: String,
    /// One object an item, 1 to 10,000 of them.
    #[schema(value_type = Option<Vec<NewItem>>, min_items = 1, max_items = 10_000)]
    pub items: Option<Vec<Value>>,
    /// A file that was put here (`POST /files`), instead of `items`: a table with a header row, or one item in JSON a line.
    #[schema(value_type = Option<FileKey>)]
    pub file_id: Option<FileId>,
    /// How the file is read; by its type or its name unless said otherwise.
    #[schema(value_type = Option<ItemFormatWord>)]
    pub format: Option<ItemFormat>,
    /// Of a table: one character, or `tab`. A comma unless said otherwise.
    #[schema(value_type = Option<String>)]
    pub delimiter: Option<u8>,
    /// Of a table: which column fills which field, as `{"input.topic": "Subject", "external_id": "Id"}`. A column that is not
    /// named fills the field of its name.
    #[schema(value_type = Option<Object>)]
    pub columns: BTreeMap<String, String>,
    /// One mail for each of these prospects, instead of `items`: `"eligible"`, or an object with `ids` (ids or external ids) or
    /// `filter` (the parameters of the list of prospects). Who has a draft is skipped.
    #[schema(value_type = Option<ProspectsOf>)]
    pub prospects: Option<Whom>,
    /// Write once more to those of them to whom a mail was last sent so long ago, such as `7d`, and who have not answered: the
    /// new mail sees the earlier ones.
    #[schema(value_type = Option<Age>)]
    #[allow(dead_code, reason = "read with `prospects`")]
    pub follow_up: Option<String>,
    /// What every item's input begins with; an item's own entries come on top.
    #[schema(value_type = Option<Object>)]
    pub input: Map<String, Value>,
    #[schema(value_type = Option<ModelAddress>)]
    pub model: Option<String>,
    #[schema(min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// Whose job it is, and whose items, unless one says otherwise.
    #[schema(min_length = 1, max_length = 255)]
    pub user: Option<String>,
    #[schema(value_type = Option<i16>, minimum = -100, maximum = 100, default = 0)]
    pub priority: i16,
    /// For every item; an item's own entries come on top.
    #[schema(value_type = Option<Object>)]
    pub metadata: Map<String, Value>,
    /// The most it may cost. Before it would be passed the job pauses, with what it has made. Units: billionths of a US dollar.
    #[schema(value_type = Option<i64>, minimum = 0)]
    pub max_cost: Option<NanoUsd>,
    /// What to do about items that are not valid: make nothing at all, or skip them.
    #[schema(value_type = Option<OnInvalidWord>)]
    pub on_invalid: OnInvalid,
    /// Skip items whose `external_id` a draft has already.
    #[schema(value_type = Option<bool>)]
    pub skip_existing: bool,
    /// While a job with this key has not ended, a second start gets it; by default user, recipe, model and all items.
    #[schema(min_length = 1, max_length = 255)]
    pub dedupe_key: Option<String>,
    /// `false` makes it wait until it is started.
    #[schema(value_type = Option<bool>, default = true)]
    pub start: bool,
}

/// One item of a job to be made.
#[derive(ToSchema)]
#[schema(as = NewJobItem)]
#[allow(dead_code, reason = "the schema of what the desk reads; see `desk/jobs/item.rs`")]
pub(crate) struct NewItem {
    /// Your name for it, unique in its job.
    #[schema(min_length = 1, max_length = 255)]
    custom_id: Option<String>,
    #[schema(value_type = Object)]
    input: Value,
    #[schema(min_length = 1, max_length = 255)]
    user: Option<String>,
    #[schema(min_length = 1, max_length = 255)]
    external_id: Option<String>,
    #[schema(min_length = 1, max_length = 255)]
    target: Option<String>,
    #[schema(min_length = 1, max_length = 255)]
    dedupe_key: Option<String>,
    #[schema(minimum = -100, maximum = 100)]
    priority: Option<i16>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// What it changes of the recipe's parameters.
    #[schema(value_type = Option<ParamsBody>)]
    params: Option<Value>,
    /// The most it may cost. Units: billionths of a US dollar.
    #[schema(minimum = 0)]
    max_cost: Option<i64>,
}

/// How many items one request in JSON may have.
pub(crate) const INLINE_MAX: usize = 10_000;

impl FromFields for NewJob {
    fn read(fields: &mut Fields) -> NewJob {
        let items = items(fields);
        let prospects = whom(fields, items.is_some());
        let file_id = fields.text("file_id").and_then(|text| {
            text.parse().map_err(|bad: BadId| fields.fault("file_id", "bad_id", bad.to_string())).ok()
        });
        let (format, delimiter, columns) = (format(fields), delimiter(fields), columns(fields));
        let of_file = file_id.is_some() || fields.blamed("file_id");
        match (&items, of_file) {
            (Some(_), true) => fields.fault("file_id", "not_allowed", "it has items already; send one of the two"),
            (None, false) if prospects.is_some() || fields.blamed("prospects") => {}
            (None, false) if !fields.blamed("items") => {
                let detail = "it is missing: one object for each item, each with `input`; or file_id with a file's id; or prospects";
                fields.fault("items", "required", detail);
            }
            (Some(_), false) if format.is_some() || delimiter.is_some() || !columns.is_empty() => {
                fields.fault("format", "not_allowed", "format, delimiter and columns say how a file is read");
            }
            (Some(_) | None, _) => {}
        }
        let metadata = object(fields, "metadata");
        NewJob {
            items,
            file_id,
            format,
            delimiter,
            columns,
            metadata,
            prospects,
            follow_up: None,
            input: object(fields, "input"),
            recipe: fields.required_text("recipe"),
            model: fields.text("model"),
            name: fields.text("name"),
            user: fields.text("user"),
            priority: fields.small_integer("priority").unwrap_or_default(),
            max_cost: fields.count("max_cost", i64::MAX).map(NanoUsd),
            on_invalid: on_invalid(fields),
            skip_existing: fields.boolean("skip_existing").unwrap_or_default(),
            dedupe_key: fields.text("dedupe_key"),
            start: fields.boolean("start").unwrap_or(true),
        }
    }
}

fn object(fields: &mut Fields, name: &'static str) -> Map<String, Value> {
    match fields.value(name) {
        None => Map::new(),
        Some(Value::Object(entries)) => entries,
        Some(_) => {
            fields.fault(name, "wrong_type", "it must be an object");
            Map::new()
        }
    }
}

fn items(fields: &mut Fields) -> Option<Vec<Value>> {
    match fields.value("items")? {
        Value::Array(items) if (1..=INLINE_MAX).contains(&items.len()) => return Some(items),
        Value::Array(items) => {
            let detail =
                format!("it has {} items; 1 to {INLINE_MAX} may stand in a request, more in a file", items.len());
            fields.fault("items", "out_of_range", detail);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            fields.fault("items", "wrong_type", "it must be a list of objects");
        }
    }
    None
}

fn format(fields: &mut Fields) -> Option<ItemFormat> {
    let format = ItemFormat::parse(&fields.text("format")?);
    if format.is_none() {
        fields.fault("format", "not_allowed", format!("it must be one of {}", ItemFormat::WORDS.join(", ")));
    }
    format
}

fn delimiter(fields: &mut Fields) -> Option<u8> {
    let delimiter = parse_delimiter(&fields.text("delimiter")?);
    if delimiter.is_none() {
        fields.fault("delimiter", "not_allowed", "it must be one character, or tab");
    }
    delimiter
}

pub(crate) fn parse_delimiter(text: &str) -> Option<u8> {
    match text {
        "tab" | "\t" => Some(b'\t'),
        text if text.len() == 1 => text.bytes().next(),
        _ => None,
    }
}

fn columns(fields: &mut Fields) -> BTreeMap<String, String> {
    let named = match fields.value("columns") {
        None => return BTreeMap::new(),
        Some(Value::Object(named)) => named,
        Some(_) => Map::from_iter([(String::new(), Value::Null)]),
    };
    let pairs = named.into_iter().map(|(field, column)| match column {
        Value::String(column) => Some((field, column)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    });
    pairs.collect::<Option<_>>().unwrap_or_else(|| {
        fields.fault("columns", "wrong_type", "it must be an object of fields and the columns that fill them");
        BTreeMap::new()
    })
}

fn on_invalid(fields: &mut Fields) -> OnInvalid {
    match fields.text("on_invalid").as_deref().map(parse_on_invalid) {
        None => OnInvalid::default(),
        Some(Some(word)) => word,
        Some(None) => {
            fields.fault("on_invalid", "not_allowed", "it must be one of refuse, skip");
            OnInvalid::default()
        }
    }
}

pub(crate) fn parse_on_invalid(word: &str) -> Option<OnInvalid> {
    match word {
        "refuse" => Some(OnInvalid::Refuse),
        "skip" => Some(OnInvalid::Skip),
        _ => None,
    }
}

/// What may change of a job.
#[derive(ToSchema)]
pub(crate) struct JobEdit {
    /// Another cap; `null` takes it away. Units: billionths of a US dollar.
    #[schema(value_type = Option<i64>, minimum = 0)]
    pub max_cost: Option<NanoUsd>,
}

impl FromFields for JobEdit {
    fn read(fields: &mut Fields) -> JobEdit {
        let none = fields.is_null("max_cost");
        let max_cost = fields.count("max_cost", i64::MAX).map(NanoUsd);
        if max_cost.is_none() && !none && !fields.blamed("max_cost") {
            fields.fault("max_cost", "required", "it is missing: an amount, or null for no cap");
        }
        JobEdit { max_cost }
    }
}

/// Which items to try again.
#[derive(ToSchema)]
pub(crate) struct RetryItems {
    /// Cancelled ones, too.
    #[schema(value_type = Option<bool>)]
    pub cancelled: bool,
    /// With this model instead of the job's.
    #[schema(value_type = Option<ModelAddress>)]
    pub model: Option<String>,
}

impl FromFields for RetryItems {
    fn read(fields: &mut Fields) -> RetryItems {
        RetryItems { cancelled: fields.boolean("cancelled").unwrap_or_default(), model: fields.text("model") }
    }
}

/// What was tried again.
#[derive(Serialize, ToSchema)]
#[schema(as = JobRetried)]
pub(crate) struct RetriedBody {
    #[serde(flatten)]
    pub job: JobBody,
    /// How many items are pending again.
    pub reopened: u64,
}

/// What an item's request says, for tables.
pub(crate) fn external_id(row: &ItemRow) -> Option<String> {
    let value = serde_json::from_str(&row.request).ok()?;
    Item::read(value).ok()?.external_id
}

pub(crate) const ITEM_STATUSES: [&str; 6] = [
    ItemStatus::Pending.as_str(),
    ItemStatus::Processing.as_str(),
    ItemStatus::Completed.as_str(),
    ItemStatus::Failed.as_str(),
    ItemStatus::Skipped.as_str(),
    ItemStatus::Cancelled.as_str(),
];
