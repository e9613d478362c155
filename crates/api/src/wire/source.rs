//! Sources, their items and their fetches on the wire.

use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::{FileKey, SourceKind, SourceState};
use copydesk_core::source::{Kind, Trouble};
use copydesk_core::{BadId, FileId};
use copydesk_desk::sources::{Outlook, SourceEdit};
use copydesk_desk::store::sources::{FetchRow, NewItem, SourceItem, SourceRow};
use serde::Serialize;
use utoipa::ToSchema;

/// Where items of newsletters come from.
#[derive(Serialize, ToSchema)]
#[schema(as = Source)]
pub(crate) struct SourceBody {
    object: &'static str,
    id: String,
    uuid: String,
    /// Whose it is; `null` is everybody's.
    user: Option<String>,
    user_id: Option<String>,
    #[schema(value_type = SourceKind)]
    kind: &'static str,
    name: String,
    /// Of a feed or page.
    url: Option<String>,
    /// Of a text.
    text: Option<String>,
    #[schema(value_type = SourceState)]
    state: &'static str,
    /// Why the last fetch brought nothing.
    error: Option<SourceErrorBody>,
    /// Fetches in a row that did.
    failures: u32,
    /// Of a page: the feed it names, which could be a source of its own.
    feed_url: Option<String>,
    /// `3600s` or `02:00 Europe/Berlin`; `null` of a text.
    schedule: Option<String>,
    /// The last fetch that went well.
    fetched_at: Option<String>,
    /// `null` of a text, and while it is paused.
    next_at: Option<String>,
    items: u64,
    /// New at the last fetch that went well.
    new_items: u32,
    /// Rises with every change of its owner: the ETag.
    revision: i64,
    created_at: String,
    updated_at: String,
}

/// Why a source brought nothing.
#[derive(Serialize, ToSchema)]
#[schema(as = SourceError)]
pub(crate) struct SourceErrorBody {
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    since: Option<String>,
}

impl SourceErrorBody {
    fn of(trouble: Trouble, since: Option<String>) -> SourceErrorBody {
        SourceErrorBody { code: trouble.code, message: trouble.message, since }
    }
}

impl SourceBody {
    pub fn of(row: SourceRow) -> SourceBody {
        let state = row.state().as_str();
        let since = row.trouble_since.map(|at| at.to_string());
        let (user_id, user) = row.user.map(|(id, external)| (id.to_string(), external)).unzip();
        SourceBody {
            object: "source",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            user,
            user_id,
            kind: row.kind.as_str(),
            name: row.name,
            url: row.url,
            text: row.text,
            state,
            error: row.trouble.map(|trouble| SourceErrorBody::of(trouble, since)),
            failures: row.failures,
            feed_url: row.feed_url,
            schedule: Some(row.schedule).filter(|schedule| !schedule.is_empty()),
            fetched_at: row.fetched_at.map(|at| at.to_string()),
            next_at: row.next_at.filter(|_| row.paused_at.is_none()).map(|at| at.to_string()),
            items: row.items,
            new_items: row.new_items,
            revision: row.revision,
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
        }
    }
}

/// One thing that a source told of.
#[derive(Serialize, ToSchema)]
#[schema(as = SourceItem)]
pub(crate) struct ItemBody {
    object: &'static str,
    id: String,
    uuid: String,
    source_id: String,
    source: String,
    title: String,
    link: Option<String>,
    text: Option<String>,
    published_at: Option<String>,
    /// By the first fetch that brought it, and by the last.
    seen_at: String,
    last_seen_at: String,
}

impl ItemBody {
    pub fn of(row: SourceItem) -> ItemBody {
        ItemBody {
            object: "source_item",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            source_id: row.source.to_string(),
            source: row.source_name,
            title: row.title,
            link: row.link,
            text: row.text,
            published_at: row.published_at.map(|at| at.to_string()),
            seen_at: row.seen_at.to_string(),
            last_seen_at: row.last_seen_at.to_string(),
        }
    }
}

/// What a source would be and bring. Nothing was written.
#[derive(Serialize, ToSchema)]
#[schema(as = SourceOutlook)]
pub(crate) struct SourceOutlookBody {
    object: &'static str,
    dry_run: bool,
    #[schema(value_type = SourceKind)]
    kind: &'static str,
    name: String,
    url: Option<String>,
    /// As it would be after its first fetch.
    #[schema(value_type = SourceState)]
    state: &'static str,
    error: Option<SourceErrorBody>,
    /// What its server answered; `null` of a text, and when there was no answer.
    status: Option<u16>,
    /// Of a page: the feed it names.
    feed_url: Option<String>,
    schedule: Option<String>,
    /// The newest last.
    items: Vec<ItemOutlookBody>,
}

/// One thing that a source would bring.
#[derive(Serialize, ToSchema)]
#[schema(as = SourceItemOutlook)]
pub(crate) struct ItemOutlookBody {
    title: String,
    link: Option<String>,
    text: Option<String>,
    published_at: Option<String>,
}

impl SourceOutlookBody {
    pub fn of(outlook: Outlook) -> SourceOutlookBody {
        let Outlook { row, status, items } = outlook;
        let item = |item: NewItem| {
            let NewItem { title, link, text, published_at, .. } = item;
            ItemOutlookBody { title, link, text, published_at: published_at.map(|at| at.to_string()) }
        };
        SourceOutlookBody {
            object: "dry_run",
            dry_run: true,
            kind: row.kind.as_str(),
            state: row.state().as_str(),
            name: row.name,
            url: row.url,
            error: row.trouble.map(|trouble| SourceErrorBody::of(trouble, None)),
            status,
            feed_url: row.feed_url,
            schedule: Some(row.schedule).filter(|schedule| !schedule.is_empty()),
            items: items.into_iter().map(item).collect(),
        }
    }
}

/// What came of one fetch.
#[derive(Serialize, ToSchema)]
#[schema(as = SourceFetch)]
pub(crate) struct FetchBody {
    object: &'static str,
    number: i64,
    at: String,
    ms: u64,
    /// What its server answered; `null` when there was no answer.
    status: Option<u16>,
    /// Entries that were read, those that were new, and those that had changed.
    fetched: u32,
    new: u32,
    updated: u32,
    error: Option<SourceErrorBody>,
}

impl FetchBody {
    pub fn of(row: FetchRow) -> FetchBody {
        FetchBody {
            object: "source_fetch",
            number: row.number,
            at: row.at.to_string(),
            ms: row.ms,
            status: row.status,
            fetched: row.fetched,
            new: row.found.new,
            updated: row.found.updated,
            error: row.trouble.map(|trouble| SourceErrorBody::of(trouble, None)),
        }
    }
}

/// What is said of a source.
#[derive(ToSchema)]
#[schema(as = SourceFields)]
#[allow(dead_code, reason = "the schema of what is read field by field")]
pub(crate) struct SourceFields {
    #[schema(max_length = 200)]
    name: Option<String>,
    /// Of a feed or page: a web address.
    #[schema(max_length = 2048)]
    url: Option<String>,
    /// Of a text or a Markdown text.
    #[schema(max_length = 20_000)]
    text: Option<String>,
    /// A file that was put here (UTF-8), instead of `text`; needs `files:read`.
    #[schema(value_type = Option<FileKey>)]
    file_id: Option<String>,
    /// How often a feed or page is fetched: `1h` (15m to 7d), or a time of day and a zone: `02:00 Europe/Berlin`.
    #[schema(max_length = 80)]
    schedule: Option<String>,
    paused: Option<bool>,
}

/// The same with what is said only when it is made.
#[derive(ToSchema)]
#[schema(as = NewSource)]
#[allow(dead_code, reason = "the schema of what is read field by field")]
pub(crate) struct NewSourceFields {
    /// Your name of whose it is; without it, everybody's.
    #[schema(max_length = 255)]
    user: Option<String>,
    #[schema(value_type = SourceKind)]
    kind: String,
    #[schema(max_length = 200)]
    name: Option<String>,
    /// Of a feed or page: a web address.
    #[schema(max_length = 2048)]
    url: Option<String>,
    /// Of a text or a Markdown text.
    #[schema(max_length = 20_000)]
    text: Option<String>,
    /// A file that was put here (UTF-8), instead of `text`; needs `files:read`.
    #[schema(value_type = Option<FileKey>)]
    file_id: Option<String>,
    /// How often a feed or page is fetched: `1h` (15m to 7d), or a time of day and a zone: `02:00 Europe/Berlin`.
    #[schema(max_length = 80)]
    schedule: Option<String>,
    paused: Option<bool>,
}

fn edit(fields: &mut Fields) -> SourceEdit {
    SourceEdit {
        name: fields.text("name"),
        url: fields.text("url"),
        text: fields.text("text"),
        schedule: fields.text("schedule"),
        paused: fields.boolean("paused"),
    }
}

pub(crate) struct Made {
    pub user: Option<String>,
    pub kind: Kind,
    pub edit: SourceEdit,
    /// A file that has the text.
    pub file: Option<FileId>,
}

impl FromFields for Made {
    fn read(fields: &mut Fields) -> Made {
        let kind = fields.required_word("kind", Kind::parse, &Kind::WORDS).unwrap_or(Kind::Text);
        let user = fields.text("user");
        let file = file(fields);
        let edit = edit(fields);
        if file.is_some() && (kind.is_fetched() || edit.text.is_some()) {
            fields.fault(
                "file_id",
                "not_allowed",
                "only a text or Markdown text can be a file's, and only without text",
            );
        }
        Made { user, kind, edit, file }
    }
}

fn file(fields: &mut Fields) -> Option<FileId> {
    let text = fields.text("file_id")?;
    text.parse().map_err(|bad: BadId| fields.fault("file_id", "bad_id", bad.to_string())).ok()
}

pub(crate) struct Edited {
    pub edit: SourceEdit,
    /// A file that has the text.
    pub file: Option<FileId>,
}

impl FromFields for Edited {
    fn read(fields: &mut Fields) -> Edited {
        let (edit, file) = (edit(fields), file(fields));
        if file.is_some() && edit.text.is_some() {
            fields.fault("file_id", "not_allowed", "it is instead of text; send one of the two");
        }
        Edited { edit, file }
    }
}
