//! Mailings and mails on the wire.

use super::links::Links;
use super::prospect_job::{ProspectsOf, prospects};
use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::{MailKindWord, MailOutcome, MailStatusWord, MailingStatusWord};
use copydesk_core::mail::{Judgement, MailStatus};
use copydesk_desk::mail::REASONS;
use copydesk_desk::prospects::drafting::Which;
use copydesk_desk::store::mail::{MailRow, MailingRow, OpenedMailing};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Mails that were ordered together.
#[derive(Serialize, ToSchema)]
#[schema(as = Mailing)]
pub(crate) struct MailingBody {
    object: &'static str,
    id: String,
    uuid: String,
    #[schema(value_type = MailKindWord)]
    kind: &'static str,
    #[schema(value_type = MailingStatusWord)]
    status: &'static str,
    /// Whom it is for, as it was asked.
    #[schema(value_type = Object)]
    asked: Value,
    /// Of a newsletter: its mails are still being written, and `total` is how many there are so far.
    filling: bool,
    /// All mails. Always the sum of `counts`.
    total: u64,
    counts: CountsBody,
    created_at: String,
    updated_at: String,
    paused_at: Option<String>,
    finished_at: Option<String>,
    urls: MailingUrls,
}

/// How many mails are where.
#[derive(Serialize, ToSchema)]
#[schema(as = MailCounts)]
struct CountsBody {
    queued: u64,
    /// A process has them. After a crash they become `unknown`.
    sending: u64,
    /// The mail server has taken them.
    sent: u64,
    /// The mail server has not taken them.
    failed: u64,
    /// Whether the mail server has taken them cannot be known. Nothing sends them again but your word.
    unknown: u64,
    cancelled: u64,
    /// They were never to be sent.
    skipped: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MailingUrls)]
struct MailingUrls {
    #[serde(rename = "self")]
    this: String,
    mails: String,
}

impl MailingBody {
    pub fn of(row: MailingRow, links: Links<'_>) -> MailingBody {
        let MailingRow { id, mailing, .. } = &row;
        let tally = mailing.tally;
        MailingBody {
            object: "mailing",
            id: id.to_string(),
            uuid: id.uuid().to_string(),
            kind: row.kind.as_str(),
            status: mailing.status().as_str(),
            filling: mailing.walk.is_some(),
            total: tally.total(),
            counts: CountsBody {
                queued: tally.of(MailStatus::Queued),
                sending: tally.of(MailStatus::Sending),
                sent: tally.of(MailStatus::Sent),
                failed: tally.of(MailStatus::Failed),
                unknown: tally.of(MailStatus::Unknown),
                cancelled: tally.of(MailStatus::Cancelled),
                skipped: tally.of(MailStatus::Skipped),
            },
            created_at: row.created_at.to_string(),
            updated_at: mailing.updated_at.to_string(),
            paused_at: mailing.paused_at.map(|at| at.to_string()),
            finished_at: mailing.finished_at.map(|at| at.to_string()),
            urls: MailingUrls { this: links.mailing(*id, ""), mails: links.mailing(*id, "/mails") },
            // It was written by us, as text of JSON.
            asked: serde_json::from_str(&row.spec).unwrap_or(Value::String(row.spec)),
        }
    }
}

/// What a mailing would send.
#[derive(Serialize, ToSchema)]
#[schema(as = MailingOutlook)]
pub(crate) struct MailingOutlookBody {
    object: &'static str,
    dry_run: bool,
    /// How many would get a mail.
    queued: u64,
    /// How many would not, by the reason.
    skipped: BTreeMap<String, SkippedBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MailsSkipped)]
struct SkippedBody {
    count: u64,
    why: &'static str,
}

impl MailingOutlookBody {
    pub fn of(opened: &OpenedMailing) -> MailingOutlookBody {
        let row = opened.row();
        let skips = match opened {
            OpenedMailing::New(_, skips) | OpenedMailing::Dry(_, skips) => skips.clone(),
            OpenedMailing::Replayed(_) => BTreeMap::new(),
        };
        let why = |reason: &str| REASONS.iter().find(|(known, _)| *known == reason).map_or("", |(_, why)| *why);
        let skipped = skips.into_iter().map(|(reason, count)| {
            let why = why(&reason);
            (reason, SkippedBody { count, why })
        });
        let queued = row.mailing.tally.of(MailStatus::Queued);
        MailingOutlookBody { object: "dry_run", dry_run: true, queued, skipped: skipped.collect() }
    }
}

/// One mail: a line of the send log.
#[derive(Serialize, ToSchema)]
#[schema(as = Mail)]
pub(crate) struct MailBody {
    object: &'static str,
    id: String,
    uuid: String,
    mailing_id: String,
    #[schema(value_type = MailKindWord)]
    kind: &'static str,
    prospect_id: Option<String>,
    subscriber_id: Option<String>,
    /// The list of a newsletter.
    list: Option<String>,
    /// What it says: this version of this draft, whatever the draft is now.
    draft_id: Option<String>,
    version: Option<u32>,
    /// To whom; empty where there is no address.
    address: String,
    name: Option<String>,
    #[schema(value_type = MailStatusWord)]
    status: &'static str,
    /// Why it is skipped.
    reason: Option<String>,
    /// Its `Message-ID` header, the same in every try.
    message_id: String,
    /// How often a process took it.
    tries: u32,
    /// While it is queued: not before.
    due_at: Option<String>,
    /// What the mail server said last, or what broke.
    reply: Option<ReplyBody>,
    created_at: String,
    claimed_at: Option<String>,
    ended_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MailReply)]
struct ReplyBody {
    /// The server's code; `null` where there was no answer.
    code: Option<u16>,
    text: String,
}

impl MailBody {
    pub fn of(row: MailRow) -> MailBody {
        let MailRow { facts, mail } = row;
        let queued = mail.status == MailStatus::Queued;
        MailBody {
            object: "mail",
            id: facts.id.to_string(),
            uuid: facts.id.uuid().to_string(),
            mailing_id: facts.mailing.to_string(),
            kind: facts.kind.as_str(),
            subscriber_id: facts.subscriber.map(|id| id.to_string()),
            list: facts.list.map(|list| list.to_string()),
            prospect_id: facts.prospect.map(|id| id.to_string()),
            draft_id: facts.content.map(|(draft, _)| draft.to_string()),
            version: facts.content.map(|(_, version)| version),
            address: facts.address,
            name: facts.name,
            status: mail.status.as_str(),
            reason: facts.reason,
            message_id: facts.message_id,
            tries: mail.tries,
            due_at: queued.then(|| mail.due_at.to_string()),
            reply: mail.reply.map(|reply| ReplyBody { code: reply.code, text: reply.text }),
            created_at: facts.created_at.to_string(),
            claimed_at: mail.claimed_at.map(|at| at.to_string()),
            ended_at: mail.ended_at.map(|at| at.to_string()),
        }
    }
}

/// Whom a mailing is for.
#[derive(ToSchema)]
pub(crate) struct NewMailing {
    /// All that have an approved draft and got no mail; or these, or those of a filter. Each gets the draft it has.
    #[schema(value_type = ProspectsOf)]
    pub prospects: Option<Which>,
    /// Also who got another version of the draft before.
    #[schema(value_type = Option<bool>)]
    pub again: bool,
}

impl FromFields for NewMailing {
    fn read(fields: &mut Fields) -> NewMailing {
        let which = prospects(fields, false);
        if which.is_none() && !fields.blamed("prospects") {
            fields.fault("prospects", "required", "say to whom: \"eligible\", {\"ids\": [...]} or {\"filter\": {...}}");
        }
        NewMailing { prospects: which, again: fields.boolean("again").unwrap_or_default() }
    }
}

/// What became of a mail that nobody can know about.
#[derive(ToSchema)]
#[schema(as = MailJudgement)]
pub(crate) struct JudgementFields {
    #[schema(value_type = MailOutcome)]
    pub outcome: Option<Judgement>,
}

impl FromFields for JudgementFields {
    fn read(fields: &mut Fields) -> JudgementFields {
        JudgementFields { outcome: fields.required_word("outcome", Judgement::parse, &Judgement::WORDS) }
    }
}
