//! Prospects on the wire.

use super::links::Links;
use crate::extract::fields::{Fields, FromFields};
use crate::extract::query::sealed;
use crate::openapi::words::{DraftStatus, ProspectStage, Review, Verified};
use copydesk_core::prospect::{BadFact, Edit, Field, NoMail, Standing, Tally, VERIFICATION, Verification};
use copydesk_desk::prospects::import::Outcome;
use copydesk_desk::prospects::verify::Verdicts;
use copydesk_desk::store::prospects::{DraftOf, ImportCounts, ImportRow, Listed, Skip};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Somebody an outreach mail is written to.
#[derive(Serialize, ToSchema)]
#[schema(as = Prospect)]
pub(crate) struct ProspectBody {
    object: &'static str,
    id: String,
    uuid: String,
    /// Your own name for it.
    external_id: Option<String>,
    name: Option<String>,
    company: Option<String>,
    contact_email: Option<String>,
    website: Option<String>,
    category: Option<String>,
    source_type: Option<String>,
    #[schema(value_type = Verified)]
    verification_status: &'static str,
    /// Why; `no_domain`, `null_mx`, `no_mail_host` and `domain_takes_mail` come from asking for the domain.
    verification_reason: Option<String>,
    /// Whatever else is known: `page_text`, `positioning`, ...
    #[schema(value_type = Object)]
    facts: Map<String, Value>,
    notes: Option<String>,
    /// How far its mail is.
    #[schema(value_type = ProspectStage)]
    stage: &'static str,
    /// Its newest draft; `null` while there is none.
    draft: Option<DraftOfBody>,
    /// When the mail server last took a mail to it.
    sent_at: Option<String>,
    /// Since when it is known to have answered: who has is not followed up.
    answered_at: Option<String>,
    /// The import that made it.
    import_id: Option<String>,
    revision: i64,
    created_at: String,
    updated_at: String,
}

/// The draft of a prospect.
#[derive(Serialize, ToSchema)]
#[schema(as = ProspectDraft)]
pub(crate) struct DraftOfBody {
    id: String,
    #[schema(value_type = DraftStatus)]
    status: &'static str,
    #[schema(value_type = Review)]
    review: &'static str,
    /// Its subject; `null` while there is no version.
    title: Option<String>,
    url: String,
}

impl ProspectBody {
    pub fn of(listed: Listed, links: Links<'_>) -> ProspectBody {
        let stage = listed.stage().as_str();
        let Listed { row, draft } = listed;
        let text = |field| row.facts.text(field).map(str::to_owned);
        ProspectBody {
            object: "prospect",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            external_id: text(Field::ExternalId),
            name: text(Field::Name),
            company: text(Field::Company),
            contact_email: text(Field::ContactEmail),
            website: text(Field::Website),
            category: text(Field::Category),
            source_type: text(Field::SourceType),
            verification_status: row.facts.verification.as_str(),
            notes: text(Field::Notes),
            verification_reason: text(Field::VerificationReason),
            stage,
            draft: draft.map(|draft| DraftOfBody::of(draft, links)),
            sent_at: row.sent_at.map(|at| at.to_string()),
            answered_at: row.answered_at.map(|at| at.to_string()),
            import_id: row.import.map(|import| import.to_string()),
            revision: row.revision,
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
            facts: row.facts.more,
        }
    }
}

impl DraftOfBody {
    fn of(draft: DraftOf, links: Links<'_>) -> DraftOfBody {
        DraftOfBody {
            id: draft.id.to_string(),
            status: draft.status.as_str(),
            review: draft.review.as_str(),
            title: draft.mail.map(|(title, _)| title),
            url: links.draft(draft.id, ""),
        }
    }
}

/// What is said of a prospect; at least one of name, company, contact_email, website and external_id.
#[derive(ToSchema)]
#[schema(as = ProspectFields)]
#[allow(dead_code, reason = "the schema of what is read field by field")]
pub(crate) struct ProspectFields {
    /// Your own name for it; unique in the workspace. `null` takes it away, here and below.
    #[schema(max_length = 255)]
    external_id: Option<String>,
    #[schema(max_length = 255)]
    name: Option<String>,
    #[schema(max_length = 255)]
    company: Option<String>,
    #[schema(max_length = 254)]
    contact_email: Option<String>,
    #[schema(max_length = 2_000)]
    website: Option<String>,
    #[schema(max_length = 255)]
    category: Option<String>,
    #[schema(max_length = 255)]
    source_type: Option<String>,
    #[schema(value_type = Option<Verified>)]
    verification_status: Option<String>,
    /// Why, in your words. It goes when the status changes without one.
    #[schema(max_length = 255)]
    verification_reason: Option<String>,
    /// Whether it has answered a mail.
    answered: Option<bool>,
    /// Whatever else is known; entries that are not named stay, and `null` takes one away.
    #[schema(value_type = Option<Object>)]
    facts: Option<Value>,
    /// For people; no model sees them.
    #[schema(max_length = 10_000)]
    notes: Option<String>,
}

/// An edit out of the fields of a body.
pub(crate) struct EditBody(pub Edit);

impl FromFields for EditBody {
    fn read(fields: &mut Fields) -> EditBody {
        let mut edit = Edit::default();
        for field in Field::ALL {
            if fields.is_null(field.as_str()) {
                drop(fields.value(field.as_str()));
                edit.texts.insert(field, None);
            } else if let Some(text) = fields.text(field.as_str())
                && let Err(BadFact { field, code, detail }) = edit.say(field, &text)
            {
                fields.fault(&field, code, detail);
            }
        }
        edit.verification = fields.word(VERIFICATION, Verification::parse, &Verification::WORDS);
        edit.answered = fields.boolean("answered");
        match fields.value("facts") {
            None => {}
            Some(Value::Object(more)) => edit.more = more,
            Some(_) => fields.fault("facts", "wrong_type", "it must be an object"),
        }
        EditBody(edit)
    }
}

/// How many prospects could be drafted, and what keeps the others out.
#[derive(Serialize, ToSchema)]
#[schema(as = EligibleProspects)]
pub(crate) struct EligibleBody {
    object: &'static str,
    /// All that match.
    total: u64,
    /// So many would be drafted.
    eligible: u64,
    excluded: ExcludedBody,
    rule: RuleBody,
    /// The job that is drafting eligible ones now, and that another start would be answered with.
    running_job: Option<String>,
}

/// Each is counted once, under the first of these that applies.
#[derive(Serialize, ToSchema)]
#[schema(as = ExcludedProspects)]
pub(crate) struct ExcludedBody {
    rejected: u64,
    no_email: u64,
    unverified: u64,
    other_source: u64,
    /// They have a draft.
    drafted: u64,
    drafting: u64,
}

/// Who is eligible: `outreach` in the configuration.
#[derive(Serialize, ToSchema)]
#[schema(as = EligibilityRule)]
pub(crate) struct RuleBody {
    #[schema(value_type = Verified)]
    pub verification_status: &'static str,
    pub needs_email: bool,
    /// `null` is any.
    pub source_type: Option<String>,
}

impl EligibleBody {
    pub fn of(tally: &Tally, rule: RuleBody, running_job: Option<String>) -> EligibleBody {
        EligibleBody {
            object: "eligible_prospects",
            total: tally.total(),
            eligible: tally.of(Standing::Eligible),
            excluded: ExcludedBody {
                rejected: tally.of(Standing::Rejected),
                no_email: tally.of(Standing::NoEmail),
                unverified: tally.of(Standing::Unverified),
                other_source: tally.of(Standing::OtherSource),
                drafted: tally.of(Standing::Drafted),
                drafting: tally.of(Standing::Drafting),
            },
            rule,
            running_job,
        }
    }
}

/// What prospects may become by their domain alone.
pub(crate) const VERIFIED: &str = Verification::Verified.as_str();

/// What the domain name system says of the domains of one page of prospects.
#[derive(Serialize, ToSchema)]
#[schema(as = ProspectVerification)]
pub(crate) struct VerificationBody {
    object: &'static str,
    /// Nothing was written.
    dry_run: bool,
    /// Those whose domains were asked for: all of the page that have an address.
    prospects: u64,
    /// Each is asked for once.
    domains: u64,
    /// How many have a domain that takes mail. It says nothing of the one address.
    takes_mail: u64,
    without_mail: WithoutMailBody,
    /// Of the domains of so many nothing was found out; they stay as they are.
    unclear: u64,
    /// How many became something else, or would with `dry_run`.
    changed: u64,
    /// The first twenty domains of which nothing was found out.
    unclear_domains: Vec<UnclearBody>,
    /// `cursor` of the next page; `null` when this was the last.
    next_cursor: Option<String>,
}

/// How many have a domain that mail cannot get to.
#[derive(Serialize, ToSchema)]
#[schema(as = WithoutMail)]
pub(crate) struct WithoutMailBody {
    /// The domain does not exist.
    no_domain: u64,
    /// It says that it takes no mail (RFC 7505).
    null_mx: u64,
    /// No host of it has an address.
    no_mail_host: u64,
}

/// A domain of which nothing was found out.
#[derive(Serialize, ToSchema)]
#[schema(as = UnclearDomain)]
pub(crate) struct UnclearBody {
    domain: String,
    /// What was heard.
    detail: String,
}

impl VerificationBody {
    pub fn of(verdicts: Verdicts, dry_run: bool) -> VerificationBody {
        let without = |why| verdicts.without.get(&why).copied().unwrap_or(0);
        VerificationBody {
            object: "prospect_verification",
            dry_run,
            prospects: verdicts.prospects,
            domains: verdicts.domains,
            takes_mail: verdicts.takes_mail,
            without_mail: WithoutMailBody {
                no_domain: without(NoMail::NoDomain),
                null_mx: without(NoMail::NullMx),
                no_mail_host: without(NoMail::NoMailHost),
            },
            unclear: verdicts.unclear,
            changed: verdicts.changed,
            unclear_domains: verdicts
                .unknown
                .into_iter()
                .map(|(domain, detail)| UnclearBody { domain, detail })
                .collect(),
            next_cursor: verdicts.next.as_deref().map(sealed),
        }
    }
}

/// One reading of a file of prospects.
#[derive(Serialize, ToSchema)]
#[schema(as = ProspectImport)]
pub(crate) struct ImportBody {
    object: &'static str,
    id: String,
    /// What the file was called.
    name: Option<String>,
    counts: CountsBody,
    /// How many an undo has removed.
    removed: u64,
    created_at: String,
    /// `null` while it is read, or when reading broke off.
    finished_at: Option<String>,
    undone_at: Option<String>,
    urls: ImportUrls,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ProspectImportUrls)]
struct ImportUrls {
    #[serde(rename = "self")]
    this: String,
    skipped: String,
}

/// How many rows did what.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportCounts)]
pub(crate) struct CountsBody {
    created: u64,
    updated: u64,
    /// The row said nothing new.
    unchanged: u64,
    /// The row was left out.
    skipped: u64,
}

impl From<ImportCounts> for CountsBody {
    fn from(counts: ImportCounts) -> CountsBody {
        let ImportCounts { created, updated, unchanged, skipped } = counts;
        CountsBody { created, updated, unchanged, skipped }
    }
}

impl ImportBody {
    pub fn of(row: ImportRow, links: Links<'_>) -> ImportBody {
        let this = links.import(row.id, "");
        ImportBody {
            object: "prospect_import",
            id: row.id.to_string(),
            name: row.name,
            counts: row.counts.into(),
            removed: row.removed,
            created_at: row.created_at.to_string(),
            finished_at: row.finished_at.map(|at| at.to_string()),
            undone_at: row.undone_at.map(|at| at.to_string()),
            urls: ImportUrls { this, skipped: links.import(row.id, "/skipped") },
        }
    }
}

/// What an import did, or would do.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportOutcome)]
pub(crate) struct OutcomeBody {
    object: &'static str,
    /// Nothing was written.
    dry_run: bool,
    /// The import, as it is kept; `null` with `dry_run`.
    import: Option<ImportBody>,
    counts: CountsBody,
    /// How many rows were left out for what reason.
    reasons: BTreeMap<String, u64>,
    /// The first hundred that were left out; all of them are in the file `urls.skipped` of the import.
    skipped: Vec<SkipBody>,
}

/// A row that was left out.
#[derive(Serialize, ToSchema)]
#[schema(as = SkippedRow)]
pub(crate) struct SkipBody {
    line: u64,
    code: String,
    detail: String,
}

impl SkipBody {
    pub fn of(skip: Skip) -> SkipBody {
        SkipBody { line: skip.line, code: skip.code, detail: skip.detail }
    }
}

impl OutcomeBody {
    pub fn of(outcome: Outcome, links: Links<'_>) -> OutcomeBody {
        OutcomeBody {
            object: "import_outcome",
            dry_run: outcome.import.is_none(),
            import: outcome.import.map(|row| ImportBody::of(row, links)),
            counts: outcome.counts.into(),
            reasons: outcome.reasons,
            skipped: outcome.skips.into_iter().map(SkipBody::of).collect(),
        }
    }
}
