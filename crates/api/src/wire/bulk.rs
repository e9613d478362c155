//! Bulk actions and their items on the wire.

use super::job::NoteBody;
use super::links::Links;
use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::{
    BulkActionWord, BulkKindWord, BulkOutcomeWord, BulkStatusWord, ModelAddress, Review as ReviewWord,
};
use copydesk_core::bulk::{Action, BulkStatus, Kind, Outcome};
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::generation::Status;
use copydesk_core::{DraftId, GenerationId, JobId, UserId};
use copydesk_desk::bulk::{Outlook, Which};
use copydesk_desk::store::Scope;
use copydesk_desk::store::bulk::{BulkItemRow, BulkRow};
use copydesk_desk::store::drafts::DraftFilter;
use copydesk_desk::store::generations::GenerationFilter;
use serde::Serialize;
use serde_json::Value;
use std::str::FromStr;
use utoipa::ToSchema;
use uuid::Uuid;

/// How many ids one request may name.
pub(crate) const IDS_MAX: usize = 10_000;

/// One action on many things.
#[derive(Serialize, ToSchema)]
#[schema(as = Bulk)]
pub(crate) struct BulkBody {
    object: &'static str,
    id: String,
    uuid: String,
    #[schema(value_type = BulkActionWord)]
    action: &'static str,
    /// What it is done to.
    #[schema(value_type = BulkKindWord)]
    of: &'static str,
    #[schema(value_type = BulkStatusWord)]
    status: &'static str,
    /// All items. Always the sum of `counts`; it grows while they are gathered.
    total: u64,
    counts: CountsBody,
    /// What there is to say about it.
    note: Option<NoteBody>,
    created_at: String,
    updated_at: String,
    finished_at: Option<String>,
    urls: BulkUrls,
}

/// How many items there are of each outcome.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkCounts)]
struct CountsBody {
    /// Nothing was done to them yet.
    pending: u64,
    /// They are as the action makes them, also those that were so before.
    done: u64,
    /// The action means nothing for them.
    skipped: u64,
    failed: u64,
    /// It was cancelled before it came to them.
    cancelled: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BulkUrls)]
struct BulkUrls {
    #[serde(rename = "self")]
    this: String,
    items: String,
    /// What they hold, as one file.
    export: String,
}

impl BulkBody {
    pub fn of(row: BulkRow, links: Links<'_>) -> BulkBody {
        let BulkRow { facts, bulk } = row;
        let cancelled = bulk.status == BulkStatus::Cancelled;
        let left = |is: bool| if cancelled == is { bulk.tally.open } else { 0 };
        BulkBody {
            object: "bulk",
            id: facts.id.to_string(),
            uuid: facts.id.uuid().to_string(),
            action: facts.action.as_str(),
            of: facts.kind.as_str(),
            status: bulk.status.as_str(),
            total: bulk.tally.total(),
            counts: CountsBody {
                pending: left(false),
                done: bulk.tally.done,
                skipped: bulk.tally.skipped,
                failed: bulk.tally.failed,
                cancelled: left(true),
            },
            note: bulk.note.map(NoteBody::from),
            created_at: facts.created_at.to_string(),
            updated_at: bulk.updated_at.to_string(),
            finished_at: bulk.finished_at.map(|at| at.to_string()),
            urls: BulkUrls {
                this: links.bulk(facts.id, ""),
                items: links.bulk(facts.id, "/items"),
                export: links.bulk(facts.id, "/export"),
            },
        }
    }
}

/// One thing of a bulk action, and what came of it.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkItem)]
pub(crate) struct BulkItemBody {
    object: &'static str,
    /// The generation, where it is done to these.
    generation_id: Option<String>,
    /// The draft, where it is done to these.
    draft_id: Option<String>,
    /// `cancelled` when the bulk action was cancelled before it came to it.
    #[schema(value_type = BulkOutcomeWord)]
    outcome: &'static str,
    /// Why it failed or was skipped.
    note: Option<NoteBody>,
    /// The generation that a retry made.
    #[schema(pattern = "^gen_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    made: Option<String>,
}

impl BulkItemBody {
    pub fn of(item: BulkItemRow, bulk: &BulkRow) -> BulkItemBody {
        let generation = bulk.facts.kind == Kind::Generations;
        BulkItemBody {
            object: "bulk_item",
            generation_id: generation.then(|| GenerationId(item.item).to_string()),
            draft_id: (!generation).then(|| DraftId(item.item).to_string()),
            outcome: outcome_word(item.outcome, bulk.bulk.status),
            note: item.note.map(NoteBody::from),
            made: item.made.map(|id| id.to_string()),
        }
    }
}

/// The words of an item's outcome.
pub(crate) const OUTCOMES: [&str; 5] = [
    Status::Pending.as_str(),
    Outcome::Done.as_str(),
    Outcome::Skipped.as_str(),
    Outcome::Failed.as_str(),
    BulkStatus::Cancelled.as_str(),
];

fn outcome_word(outcome: Outcome, status: BulkStatus) -> &'static str {
    match outcome {
        Outcome::Open if status == BulkStatus::Cancelled => status.as_str(),
        Outcome::Open => Status::Pending.as_str(),
        Outcome::Done | Outcome::Skipped | Outcome::Failed => outcome.as_str(),
    }
}

/// The outcome that a word names in a bulk action of this status; `None` when nothing there is so.
pub(crate) fn outcome_of(word: &str, status: BulkStatus) -> Option<Outcome> {
    Outcome::ALL.into_iter().find(|outcome| outcome_word(*outcome, status) == word)
}

/// What a bulk action would be done to.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkOutlook)]
pub(crate) struct BulkOutlookBody {
    object: &'static str,
    dry_run: bool,
    #[schema(value_type = BulkActionWord)]
    action: &'static str,
    #[schema(value_type = BulkKindWord)]
    of: &'static str,
    /// How many there are now.
    total: u64,
    /// There are more than one bulk action is done to; it would stop there.
    more: bool,
    /// The first ten.
    first: Vec<String>,
    /// How many of them a retry would skip, because their draft has a later generation. `null` for other actions, and for
    /// more than 1,000.
    superseded: Option<u64>,
    /// What retrying the others may cost at most. `null` likewise, and when it is not known of one. Units: billionths of a
    /// US dollar.
    cost_max_nanousd: Option<i64>,
}

impl BulkOutlookBody {
    pub fn of(outlook: &Outlook, action: Action, kind: Kind) -> BulkOutlookBody {
        let name = |id: &Uuid| match kind {
            Kind::Generations => GenerationId(*id).to_string(),
            Kind::Drafts => DraftId(*id).to_string(),
        };
        BulkOutlookBody {
            object: "dry_run",
            dry_run: true,
            action: action.as_str(),
            of: kind.as_str(),
            total: outlook.total,
            more: outlook.more,
            first: outlook.first.iter().map(name).collect(),
            superseded: outlook.superseded,
            cost_max_nanousd: outlook.most.map(|cost| cost.0),
        }
    }
}

/// What is to be done, and to which: either `ids`, or `filter` with the fields of the list.
#[derive(ToSchema)]
pub(crate) struct NewBulk {
    #[schema(value_type = BulkActionWord)]
    pub action: Option<Action>,
    /// What an export is of; the other actions are for one kind.
    #[schema(value_type = Option<BulkKindWord>)]
    pub of: Option<Kind>,
    /// `gen_...` or `drf_...`, or bare UUIDs.
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 10_000)]
    pub ids: Option<Vec<Uuid>>,
    /// Those that are there now; `{}` is all of them. A cancel without a `status` is for pending and processing
    /// generations, a retry for failed ones.
    #[schema(value_type = Option<BulkFilter>)]
    pub filter: Option<BulkFilter>,
    /// For a retry: with this model instead.
    #[schema(value_type = Option<ModelAddress>)]
    pub model: Option<String>,
    /// What an approval or a rejection says.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2_000)]
    pub reason: Option<String>,
}

/// The filter of a list. Generations have `draft`, drafts have `external_id` and `review`.
#[derive(ToSchema, Default)]
pub(crate) struct BulkFilter {
    /// A status of a generation or a draft.
    #[schema(min_length = 1)]
    pub status: Option<String>,
    #[schema(value_type = Option<ReviewWord>)]
    pub review: Option<Review>,
    /// Your name of the user, or `usr_...`.
    #[schema(min_length = 1)]
    pub user: Option<String>,
    #[schema(min_length = 1)]
    pub recipe: Option<String>,
    /// `drf_...` or a bare UUID.
    #[schema(value_type = Option<String>)]
    pub draft: Option<DraftId>,
    /// `job_...` or a bare UUID.
    #[schema(value_type = Option<String>)]
    pub job: Option<JobId>,
    #[schema(min_length = 1)]
    pub external_id: Option<String>,
}

impl FromFields for NewBulk {
    fn read(fields: &mut Fields) -> NewBulk {
        let action = fields.required_word("action", Action::parse, &Action::ALL.map(Action::as_str));
        let of = fields.word("of", Kind::parse, &Kind::ALL.map(Kind::as_str));
        let kind = of.or(action.and_then(Action::kind));
        if action == Some(Action::Export) && of.is_none() && !fields.blamed("of") {
            fields.fault("of", "required", "say what to export: generations or drafts");
        }
        let ids = ids(fields, kind.unwrap_or(Kind::Drafts));
        let filter = fields.object("filter", |inside| match kind {
            Some(kind) => filter(inside, kind),
            None => BulkFilter::default(),
        });
        if ids.is_none() == filter.is_none() && !fields.blamed("ids") && !fields.blamed("filter") {
            let detail = "say either ids or filter; an empty filter, {}, stands for all there is";
            fields.fault("filter", "required", detail);
        }
        NewBulk { action, of: kind, ids, filter, model: fields.text("model"), reason: reason(fields, action) }
    }
}

/// Only of reviews.
fn reason(fields: &mut Fields, action: Option<Action>) -> Option<String> {
    if !matches!(action, Some(Action::Approve | Action::Reject)) {
        return None;
    }
    super::review::reason(fields, "reason")
}

fn ids(fields: &mut Fields, kind: Kind) -> Option<Vec<Uuid>> {
    let texts = fields.texts("ids")?;
    if !(1..=IDS_MAX).contains(&texts.len()) {
        fields.fault(
            "ids",
            "out_of_range",
            format!("it has {} ids; 1 to {IDS_MAX} may stand in a request", texts.len()),
        );
        return None;
    }
    let read = |text: &String| match kind {
        Kind::Generations => text.parse().map(|id: GenerationId| id.0).ok(),
        Kind::Drafts => text.parse().map(|id: DraftId| id.0).ok(),
    };
    let bad =
        texts.iter().enumerate().filter(|(_, text)| read(text).is_none()).map(|(place, _)| place).collect::<Vec<_>>();
    for place in bad.iter().take(100) {
        let singular = kind.as_str().trim_end_matches('s');
        fields.fault_at("ids", *place, "bad_id", format!("it is not the id of a {singular}"));
    }
    Some(texts.iter().filter_map(read).collect())
}

fn filter(fields: &mut Fields, kind: Kind) -> BulkFilter {
    let known = match kind {
        Kind::Generations => Status::ALL.map(Status::as_str).to_vec(),
        Kind::Drafts => DraftStatus::ALL.map(DraftStatus::as_str).to_vec(),
    };
    let status = fields.word("status", |word| known.contains(&word).then(|| word.to_owned()), &known);
    let review = (kind == Kind::Drafts).then(|| super::review::review(fields)).flatten();
    let (user, recipe) = (fields.text("user"), fields.text("recipe"));
    let (draft, job, external_id) = match kind {
        Kind::Generations => (id(fields, "draft"), id(fields, "job"), None),
        Kind::Drafts => (None, id(fields, "job"), fields.text("external_id")),
    };
    BulkFilter { status, review, user, recipe, draft, job, external_id }
}

fn id<T: FromStr>(fields: &mut Fields, name: &'static str) -> Option<T> {
    let text = fields.text(name)?;
    let read = text.parse().ok();
    if read.is_none() {
        fields.fault(name, "bad_id", format!("it is not the id of a {name}"));
    }
    read
}

impl NewBulk {
    /// Which ones are meant, for a caller of this scope.
    pub fn which(self, scope: Scope, kind: Kind) -> Which {
        let Some(filter) = self.filter else { return Which::Ids(self.ids.unwrap_or_default()) };
        let BulkFilter { status, review, user, recipe, draft, job, external_id } = filter;
        let user = user.map(|text| {
            let own = text.strip_prefix(UserId::PREFIX).and_then(|_| text.parse().ok());
            own.unwrap_or_else(|| UserId::from_external(scope.workspace, &text))
        });
        match kind {
            Kind::Generations => {
                let status = status.as_deref().and_then(Status::parse);
                Which::Generations(GenerationFilter { status, user, draft, job, recipe })
            }
            Kind::Drafts => {
                let status = status.as_deref().and_then(DraftStatus::parse);
                Which::Drafts(DraftFilter { status, review, user, recipe, external_id, job })
            }
        }
    }
}

/// What was exported of one thing, as a line of JSON or a row of a table.
#[derive(Serialize)]
pub(crate) struct ExportedBody {
    pub draft_id: Option<String>,
    pub generation_id: Option<String>,
    pub external_id: Option<String>,
    pub user: String,
    pub recipe: String,
    pub status: &'static str,
    pub model: Option<String>,
    pub title: Option<String>,
    pub text: Option<String>,
    pub body: Option<Value>,
    pub created_at: String,
    pub error_code: Option<String>,
    pub error: Option<String>,
}
