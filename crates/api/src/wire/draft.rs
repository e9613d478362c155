//! Drafts and their versions as readers see them.

use super::links::Links;
use crate::openapi::words::{DraftStatus, OutputForm as FormWord, Review, VersionOrigin};
use copydesk_core::draft::DraftStatus as CoreStatus;
use copydesk_core::recipe::output::media;
use copydesk_core::recipe::{Content, MediaAsset, OutputForm, Revision};
use copydesk_desk::store::drafts::{DraftRow, VersionRow};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Draft)]
pub(crate) struct DraftBody {
    object: &'static str,
    id: String,
    uuid: String,
    #[schema(value_type = DraftStatus)]
    status: &'static str,
    #[schema(value_type = Review)]
    review: &'static str,
    /// What the reviewer said of the current version.
    review_reason: Option<String>,
    title: String,
    recipe: String,
    user: String,
    user_id: String,
    external_id: Option<String>,
    /// Number of the version shown; 0 while there is none.
    current_version: u32,
    versions: u32,
    /// The generation that is filling it right now.
    live_generation_id: Option<String>,
    /// Rises with every change: the ETag.
    revision: i64,
    created_at: String,
    updated_at: String,
    generated_at: Option<String>,
    published_at: Option<String>,
    deleted_at: Option<String>,
    /// The current version's content; absent in lists, `null` while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = content_or_null)]
    pub content: Option<Option<ContentBody>>,
    urls: Urls,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DraftUrls)]
struct Urls {
    #[serde(rename = "self")]
    this: String,
    versions: String,
}

impl DraftBody {
    pub fn of(row: DraftRow, links: Links<'_>) -> DraftBody {
        DraftBody {
            object: "draft",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            status: row.status.as_str(),
            review: row.review.as_str(),
            review_reason: row.review_reason,
            title: row.title,
            recipe: row.recipe,
            user: row.user_external,
            user_id: row.user.to_string(),
            external_id: row.external_id,
            current_version: row.current_version,
            versions: row.versions,
            live_generation_id: row.live_generation.map(|id| id.to_string()),
            revision: row.revision,
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
            generated_at: row.generated_at.map(|at| at.to_string()),
            published_at: row.published_at.map(|at| at.to_string()),
            deleted_at: row.deleted_at.map(|at| at.to_string()),
            content: None,
            urls: Urls { this: links.draft(row.id, ""), versions: links.draft(row.id, "/versions") },
        }
    }
}

/// How many drafts are in each status.
#[derive(Serialize, ToSchema)]
#[schema(as = DraftCounts)]
pub(crate) struct DraftCountsBody {
    object: &'static str,
    total: u64,
    pending: u64,
    processing: u64,
    draft: u64,
    published: u64,
    failed: u64,
    cancelled: u64,
}

impl DraftCountsBody {
    /// A status that is not there has none.
    pub fn of(counts: &[(CoreStatus, u64)]) -> DraftCountsBody {
        let of = |status: CoreStatus| counts.iter().find(|(known, _)| *known == status).map_or(0, |(_, count)| *count);
        DraftCountsBody {
            object: "draft_counts",
            total: counts.iter().map(|(_, count)| count).sum(),
            pending: of(CoreStatus::Pending),
            processing: of(CoreStatus::Processing),
            draft: of(CoreStatus::Draft),
            published: of(CoreStatus::Published),
            failed: of(CoreStatus::Failed),
            cancelled: of(CoreStatus::Cancelled),
        }
    }
}

/// `anyOf`: with a `oneOf` the field would count as one that is always there.
fn content_or_null() -> utoipa::openapi::Schema {
    let content = utoipa::openapi::Ref::from_schema_name("Content");
    let null = utoipa::openapi::schema::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::SchemaType::Type(utoipa::openapi::schema::Type::Null));
    utoipa::openapi::schema::AnyOfBuilder::new().item(null).item(content).into()
}

/// The content of a version: as stored, and ready to show.
#[derive(Serialize, ToSchema)]
#[schema(as = Content)]
pub(crate) struct ContentBody {
    #[schema(value_type = FormWord)]
    form: &'static str,
    title: String,
    body: Value,
    /// The files a body of the form `media` names, and where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    assets: Option<Vec<AssetBody>>,
    markdown: String,
    text: String,
    words: u32,
    /// With the reason where there is one.
    #[schema(value_type = VersionOrigin)]
    origin: String,
    reason: Option<String>,
    version: u32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Asset)]
struct AssetBody {
    id: String,
    media_type: String,
    bytes: u64,
    sha256: String,
    url: String,
}

impl AssetBody {
    fn of(asset: MediaAsset, links: Links<'_>) -> AssetBody {
        let MediaAsset { id, media_type, bytes, sha256 } = asset;
        AssetBody { id: id.to_string(), media_type, bytes, sha256, url: links.asset(id) }
    }
}

impl ContentBody {
    pub fn of(version: &VersionRow, content: Content, links: Links<'_>) -> ContentBody {
        let files = || media::assets(&content.body).into_iter().map(|asset| AssetBody::of(asset, links)).collect();
        ContentBody {
            form: content.form.as_str(),
            assets: (content.form == OutputForm::Media).then(files),
            markdown: content.to_markdown(),
            text: content.to_text(),
            title: content.title,
            body: content.body,
            words: version.content.words,
            origin: version.origin.clone(),
            reason: version.reason.clone(),
            version: version.number,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Version)]
pub(crate) struct VersionBody {
    object: &'static str,
    draft_id: String,
    version: u32,
    /// Whether it is the one the draft shows.
    current: bool,
    #[schema(value_type = VersionOrigin)]
    origin: String,
    reason: Option<String>,
    generation_id: Option<String>,
    title: String,
    #[schema(value_type = FormWord)]
    form: String,
    words: u32,
    sha256: String,
    #[schema(value_type = Object)]
    provenance: Value,
    /// The part of a draft it wrote anew; `null` for the whole.
    revision: Option<RevisionBody>,
    /// The fields of the input that profiles filled, where a generation made it; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub filled: Option<Vec<String>>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub content: Option<ContentBody>,
}

/// What was written anew: a part of a draft, or a passage of one.
#[derive(Serialize, ToSchema)]
#[schema(as = Revision)]
pub(crate) struct RevisionBody {
    part: String,
    /// Only this passage of it.
    selection: Option<String>,
    instruction: Option<String>,
    /// Everything else is this version's.
    from_version: u32,
}

impl RevisionBody {
    pub fn of(revision: Revision) -> RevisionBody {
        let Revision { part, selection, instruction, from_version } = revision;
        RevisionBody { part, selection, instruction, from_version }
    }
}

/// A version with everything known of it and of its draft.
#[derive(Serialize, ToSchema)]
#[schema(as = DraftExport)]
pub(crate) struct DraftExportBody {
    object: &'static str,
    draft: DraftBody,
    version: VersionBody,
}

impl DraftExportBody {
    pub fn of(draft: DraftBody, version: VersionBody) -> DraftExportBody {
        DraftExportBody { object: "draft_export", draft, version }
    }
}

impl VersionBody {
    /// Errors: a stored provenance that is no JSON, in the words of the parser.
    pub fn of(row: &VersionRow, current: u32) -> Result<VersionBody, serde_json::Error> {
        let provenance: Value = serde_json::from_str(&row.content.provenance)?;
        let revision = provenance.get("revision").and_then(Revision::from_value).map(RevisionBody::of);
        Ok(VersionBody {
            object: "version",
            draft_id: row.draft.to_string(),
            version: row.number,
            current: row.number == current,
            origin: row.origin.clone(),
            reason: row.reason.clone(),
            generation_id: row.generation.map(|id| id.to_string()),
            title: row.content.title.clone(),
            form: row.content.form.clone(),
            words: row.content.words,
            sha256: row.content.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            provenance,
            revision,
            filled: None,
            created_at: row.created_at.to_string(),
            content: None,
        })
    }
}
