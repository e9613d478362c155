//! Mailings and mails. What moves is decided by [`Book`]; here rows are read and written.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::events::write_event;
use crate::fault::Done;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use crate::subscribers::{list_of, unwanted};
use copydesk_core::mail::{Mail, MailKind, MailStatus, Mailing, Pace, Reply, Secret, Tally};
use copydesk_core::refusal::Refusal;
use copydesk_core::subscriber::ListName;
use copydesk_core::{DraftId, MailId, MailingId, NodeId, ProspectId, SubscriberId, Timestamp, WorkspaceId};
use copydesk_store::budgets::key_text;
use copydesk_store::fill::ToList;
use copydesk_store::mail::{
    Book, ClaimMails, ClaimedMails, Earlier, FinishedMail, JudgeMail, LostMails, MailFacts, MailFilter, MailRow,
    MailingChange, MailingOrder, MailingRow, NewMailing, ORDER_SLICE, OpenedMailing, asked, no_mail, no_mailing,
    opened,
};
use copydesk_store::{Answer, MailStore, Page, PageRequest, Scope};
use rusqlite::{Row, params};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Which mailings and mails.
type Keys = Vec<(WorkspaceId, MailingId, MailId)>;

/// About what a row of a mail takes.
const MAIL_BYTES: usize = 256;

impl MailStore for SqliteStore {
    fn open_mailing(&self, new: NewMailing) -> Answer<'_, OpenedMailing> {
        Box::pin(async move {
            if new.dry {
                return self.read(move |db| open(db, &new)).await;
            }
            self.write(new.mails.len() * MAIL_BYTES, move |session| open(session.db, &new)).await
        })
    }

    fn mailing(&self, scope: Scope, id: MailingId) -> Answer<'_, MailingRow> {
        Box::pin(self.read(move |db| get_mailing(db, scope.workspace, id)))
    }

    fn mailings(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<MailingRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<MailingId>(&page, |id| id.0)?;
            let params = params![scope.workspace.0.as_bytes(), cut.after.as_bytes(), cut.limit];
            let rows = db.all(ordered!(cut, "mail/mailings"), params, mailing_row)?;
            Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
        }))
    }

    fn mails(&self, scope: Scope, filter: MailFilter, page: PageRequest) -> Answer<'_, Page<MailRow>> {
        Box::pin(self.read(move |db| {
            get_mailing(db, scope.workspace, filter.mailing)?;
            let cut = Cut::new::<MailId>(&page, |id| id.0)?;
            let (workspace, mailing) = (scope.workspace.0.as_bytes(), filter.mailing.0.as_bytes());
            let params =
                params![workspace, mailing, cut.after.as_bytes(), filter.status.map(MailStatus::as_str), cut.limit];
            let rows = db.all(ordered!(cut, "mail/list"), params, mail_row)?;
            Ok(page::cut(rows, page.limit, |row| row.facts.id.to_string()))
        }))
    }

    fn mail(&self, scope: Scope, id: MailId) -> Answer<'_, MailRow> {
        Box::pin(self.read(move |db| get(db, scope.workspace, id)))
    }

    fn claim_mails(&self, claim: ClaimMails) -> Answer<'_, ClaimedMails> {
        Box::pin(async move {
            // Who has nothing to send writes nothing.
            let next_at = self.read(next_due).await?;
            if next_at.is_none_or(|due| due > claim.now) {
                return Ok(ClaimedMails { mails: Vec::new(), next_at });
            }
            self.write(0, move |session| take(session.db, &claim)).await
        })
    }

    fn finish_mails(&self, finished: Vec<FinishedMail>) -> Answer<'_, Vec<bool>> {
        Box::pin(self.write(0, move |session| {
            let keys = finished.iter().map(|one| (one.workspace, one.mailing, one.mail)).collect();
            let mut book = load(session.db, &keys)?;
            let done = finished.iter().map(|one| book.finish(one)).collect();
            if let Some(at) = finished.iter().map(|one| one.at).max() {
                put(session.db, book, at)?;
            }
            Ok(done)
        }))
    }

    fn lose_mails(&self, lost: LostMails) -> Answer<'_, u64> {
        Box::pin(async move {
            let find = move |db: Db<'_>| {
                let alone = lost.only_living.map(|node| *node.0.as_bytes());
                db.all(sql!("mail/lost"), params![alone, lost.lost_before.micros(), lost.limit], key)
            };
            if self.read(find).await?.is_empty() {
                return Ok(0);
            }
            self.write(0, move |session| {
                let keys = find(session.db)?;
                let mut book = load(session.db, &keys)?;
                let count = book.lose(lost.now);
                put(session.db, book, lost.now)?;
                Ok(count)
            })
            .await
        })
    }

    fn change_mailing(&self, change: MailingChange) -> Answer<'_, MailingRow> {
        Box::pin(self.write(0, move |session| {
            let (db, workspace) = (session.db, change.scope.workspace);
            let mailing = get_mailing(db, workspace, change.mailing)?;
            let (of, id) = (workspace.0.as_bytes(), change.mailing.0.as_bytes());
            let mails = match change.to {
                MailingOrder::Cancel => db.all(sql!("mail/waiting"), params![of, id, ORDER_SLICE], mail_row)?,
                MailingOrder::RetryFailed => {
                    let after = *mailing.mailing.retry_from().0.as_bytes();
                    db.all(sql!("mail/failed"), params![of, id, after, ORDER_SLICE], mail_row)?
                }
                MailingOrder::Pause | MailingOrder::Resume => Vec::new(),
            };
            let mut book = Book::of(vec![mailing], mails);
            book.order(&change);
            put(db, book, change.at)?;
            get_mailing(db, workspace, change.mailing)
        }))
    }

    fn judge_mail(&self, judge: JudgeMail) -> Answer<'_, MailRow> {
        Box::pin(self.write(0, move |session| {
            let (db, workspace) = (session.db, judge.scope.workspace);
            let mailing = get(db, workspace, judge.mail)?.facts.mailing;
            let mut book = load(db, &vec![(workspace, mailing, judge.mail)])?;
            book.judge(&judge);
            put(db, book, judge.at)?;
            get(db, workspace, judge.mail)
        }))
    }
}

fn open(db: Db<'_>, new: &NewMailing) -> Done<OpenedMailing> {
    let workspace = new.scope.workspace.0;
    let key = new.idempotency.as_ref().map(key_text);
    let known = db.first(sql!("mail/find_key"), params![workspace.as_bytes(), key], |row| {
        Ok((row.get::<_, [u8; 32]>("fingerprint")?, mailing_row(row)?))
    })?;
    match (known, &new.idempotency) {
        (Some((fingerprint, first)), Some(given)) if fingerprint == given.fingerprint => {
            return Ok(OpenedMailing::Replayed(first));
        }
        (Some(_), _) => return Err(Refusal::IdempotencyKeyReused.into()),
        (None, _) => {}
    }
    let earlier = earlier(db, new.scope.workspace, &new.mails)?;
    let (mailing, mails, skips) = opened(new, &earlier, &unwanted(db, new.mails.iter())?);
    if new.dry {
        return Ok(OpenedMailing::Dry(mailing, skips));
    }
    let Mailing { tally, walk, cancelling, retry_walk, paused_at, finished_at, updated_at } = &mailing.mailing;
    let to = mailing.to.as_ref();
    let [queued, sending, sent, failed, unknown, cancelled, skipped] = counts(tally);
    let params = params![
        workspace.as_bytes(),
        mailing.id.0.as_bytes(),
        mailing.spec,
        mailing.single,
        mailing.created_at.micros(),
        key,
        new.idempotency.as_ref().map(|given| given.fingerprint),
        codec::signed(tally.total()),
        queued,
        sending,
        sent,
        failed,
        unknown,
        cancelled,
        skipped,
        paused_at.map(Timestamp::micros),
        finished_at.map(Timestamp::micros),
        updated_at.micros(),
        mailing.kind.as_str(),
        mailing.secret.0,
        mailing.again,
        to.map(|to| to.list.as_str()),
        to.map(|to| *to.draft.0.as_bytes()),
        to.map(|to| to.version),
        to.map(|to| *to.until.0.as_bytes()),
        walk.map(|walk| *walk.0.as_bytes()),
        cancelling,
        retry_walk.map(|walk| *walk.0.as_bytes()),
    ];
    db.execute(sql!("mail/insert_mailing"), params)?;
    for row in &mails {
        insert(db, row)?;
    }
    Ok(OpenedMailing::New(mailing, skips))
}

/// Who has got these drafts, or is about to.
pub(crate) fn earlier(db: Db<'_>, workspace: WorkspaceId, mails: &[MailFacts]) -> Done<BTreeSet<Earlier>> {
    let mut earlier = BTreeSet::new();
    for (draft, recipient) in asked(mails) {
        let params = params![workspace.0.as_bytes(), draft.0.as_bytes(), recipient];
        earlier.extend(db.all(sql!("mail/earlier"), params, |row| {
            let draft = DraftId(codec::uuid(row, "draft_id")?);
            Ok(Earlier { draft, recipient: row.get("recipient")?, version: row.get("version")? })
        })?);
    }
    Ok(earlier)
}

fn insert(db: Db<'_>, row: &MailRow) -> Done<()> {
    let MailRow { facts, mail } = row;
    let params = params![
        facts.workspace.0.as_bytes(),
        facts.id.0.as_bytes(),
        facts.mailing.0.as_bytes(),
        facts.prospect.map(|id| *id.0.as_bytes()),
        facts.content.map(|(draft, _)| *draft.0.as_bytes()),
        facts.content.map(|(_, version)| version),
        facts.name,
        facts.address,
        facts.recipient,
        facts.message_id,
        facts.reason,
        facts.created_at.micros(),
        mail.status.as_str(),
        row.holds(),
        mail.tries,
        mail.round,
        mail.due_at.micros(),
        mail.node.map(|node| *node.0.as_bytes()),
        mail.claimed_at.map(Timestamp::micros),
        mail.reply.as_ref().and_then(|reply| reply.code),
        mail.reply.as_ref().map(|reply| &reply.text),
        mail.ended_at.map(Timestamp::micros),
        facts.kind.as_str(),
        facts.subscriber.map(|id| *id.0.as_bytes()),
        facts.list.as_ref().map(ListName::as_str),
    ];
    db.execute(sql!("mail/insert"), params)?;
    Ok(())
}

fn next_due(db: Db<'_>) -> Done<Option<Timestamp>> {
    Ok(db.first(sql!("mail/next_due"), [], |row| codec::maybe_instant(row, "due_at"))?.flatten())
}

fn take(db: Db<'_>, claim: &ClaimMails) -> Done<ClaimedMails> {
    let pace = db.first(sql!("mail/pace"), [], pace_row)?.unwrap_or(Pace::new(claim.day_at)).on(claim.day_at);
    let keys = db.all(sql!("mail/candidates"), params![claim.now.micros(), claim.limit], key)?;
    let mut book = load(db, &keys)?;
    let unwanted = unwanted(db, book.mails().map(|row| &row.facts))?;
    let mails = book.claim(claim, &pace, &unwanted);
    if !book.is_moved() {
        return Ok(ClaimedMails { mails, next_at: pace.room(&claim.limits, claim.now).next_at });
    }
    put(db, book, claim.now)?;
    let taken = u32::try_from(mails.len()).unwrap_or(u32::MAX);
    put_pace(db, pace.took(taken, &claim.limits, claim.now))?;
    let next_at = next_due(db)?;
    Ok(ClaimedMails { mails, next_at })
}

fn put_pace(db: Db<'_>, pace: Pace) -> Done<()> {
    let params = params![pace.day_at.micros(), codec::signed(pace.taken), pace.next_at.micros()];
    db.execute(sql!("mail/put_pace"), params)?;
    Ok(())
}

fn load(db: Db<'_>, keys: &Keys) -> Done<Book> {
    let (mut mailings, mut mails) = (BTreeMap::new(), Vec::with_capacity(keys.len()));
    for (workspace, mailing, mail) in keys {
        if !mailings.contains_key(mailing) {
            mailings.insert(*mailing, get_mailing(db, *workspace, *mailing)?);
        }
        mails.push(get(db, *workspace, *mail)?);
    }
    Ok(Book::of(mailings.into_values().collect(), mails))
}

/// Writes what a book says.
pub(crate) fn put(db: Db<'_>, book: Book, at: Timestamp) -> Done<()> {
    let written = book.done(at);
    for row in &written.made {
        insert(db, row)?;
    }
    for row in &written.mails {
        let MailRow { facts, mail } = row;
        let params = params![
            mail.status.as_str(),
            row.holds(),
            mail.tries,
            mail.round,
            mail.due_at.micros(),
            mail.node.map(|node| *node.0.as_bytes()),
            mail.claimed_at.map(Timestamp::micros),
            mail.reply.as_ref().and_then(|reply| reply.code),
            mail.reply.as_ref().map(|reply| &reply.text),
            mail.ended_at.map(Timestamp::micros),
            facts.reason,
            facts.workspace.0.as_bytes(),
            facts.id.0.as_bytes(),
        ];
        db.execute(sql!("mail/put"), params)?;
    }
    for row in &written.mailings {
        let Mailing { tally, walk, cancelling, retry_walk, paused_at, finished_at, updated_at } = &row.mailing;
        let [queued, sending, sent, failed, unknown, cancelled, skipped] = counts(tally);
        let params = params![
            codec::signed(tally.total()),
            queued,
            sending,
            sent,
            failed,
            unknown,
            cancelled,
            skipped,
            walk.map(|walk| *walk.0.as_bytes()),
            cancelling,
            retry_walk.map(|walk| *walk.0.as_bytes()),
            paused_at.map(Timestamp::micros),
            finished_at.map(Timestamp::micros),
            updated_at.micros(),
            row.scope.workspace.0.as_bytes(),
            row.id.0.as_bytes(),
        ];
        db.execute(sql!("mail/put_mailing"), params)?;
    }
    for (workspace, prospect, draft, at) in &written.reached {
        let params = params![at.micros(), draft.0.as_bytes(), workspace.0.as_bytes(), prospect.0.as_bytes()];
        db.execute(sql!("mail/reached"), params)?;
    }
    if !written.back.is_empty() {
        let pace = db.first(sql!("mail/pace"), [], pace_row)?;
        if let Some(pace) = pace {
            put_pace(db, written.back.iter().fold(pace, |pace, claimed_at| pace.gave_back(*claimed_at)))?;
        }
    }
    written.events.iter().try_for_each(|event| write_event(db, event))
}

fn counts(tally: &Tally) -> [i64; 7] {
    MailStatus::ALL.map(|status| codec::signed(tally.of(status)))
}

pub(crate) fn get_mailing(db: Db<'_>, workspace: WorkspaceId, id: MailingId) -> Done<MailingRow> {
    let params = params![workspace.0.as_bytes(), id.0.as_bytes()];
    db.first(sql!("mail/get_mailing"), params, mailing_row)?.ok_or_else(|| no_mailing(id).into())
}

fn get(db: Db<'_>, workspace: WorkspaceId, id: MailId) -> Done<MailRow> {
    let params = params![workspace.0.as_bytes(), id.0.as_bytes()];
    db.first(sql!("mail/get"), params, mail_row)?.ok_or_else(|| no_mail(id).into())
}

fn key(row: &Row<'_>) -> Done<(WorkspaceId, MailingId, MailId)> {
    let uuid = |column| codec::uuid(row, column);
    Ok((WorkspaceId(uuid("workspace_id")?), MailingId(uuid("mailing_id")?), MailId(uuid("id")?)))
}

fn pace_row(row: &Row<'_>) -> Done<Pace> {
    let (day_at, next_at) = (codec::instant(row, "day_at")?, codec::instant(row, "next_at")?);
    Ok(Pace { day_at, taken: codec::unsigned(row, "taken")?, next_at })
}

pub(crate) fn mailing_row(row: &Row<'_>) -> Done<MailingRow> {
    let mut tally = Tally::default();
    for status in MailStatus::ALL {
        tally.add(status, codec::unsigned(row, status.as_str())?);
    }
    let mailing = Mailing {
        tally,
        walk: codec::maybe_uuid(row, "walk")?.map(SubscriberId),
        cancelling: row.get("cancelling")?,
        retry_walk: codec::maybe_uuid(row, "retry_walk")?.map(MailId),
        paused_at: codec::maybe_instant(row, "paused_at")?,
        finished_at: codec::maybe_instant(row, "finished_at")?,
        updated_at: codec::instant(row, "updated_at")?,
    };
    let to = match (codec::maybe_uuid(row, "draft_id")?, codec::maybe_uuid(row, "until_id")?) {
        (Some(draft), Some(until)) => {
            let (draft, until) = (DraftId(draft), SubscriberId(until));
            Some(ToList { list: list_of(row.get("list")?)?, draft, version: row.get("version")?, until })
        }
        _ => None,
    };
    Ok(MailingRow {
        id: MailingId(codec::uuid(row, "id")?),
        scope: Scope::of(WorkspaceId(codec::uuid(row, "workspace_id")?)),
        kind: codec::word(row, "mailings.kind", MailKind::parse)?,
        secret: Secret(row.get("secret")?),
        spec: row.get("spec")?,
        single: row.get("single")?,
        again: row.get("again")?,
        to,
        created_at: codec::instant(row, "created_at")?,
        mailing,
    })
}

fn mail_row(row: &Row<'_>) -> Done<MailRow> {
    let maybe = |column| -> Done<Option<Uuid>> { codec::maybe_uuid(row, column) };
    let draft = maybe("draft_id")?.map(DraftId);
    let facts = MailFacts {
        id: MailId(codec::uuid(row, "id")?),
        mailing: MailingId(codec::uuid(row, "mailing_id")?),
        workspace: WorkspaceId(codec::uuid(row, "workspace_id")?),
        kind: codec::word(row, "mails.kind", MailKind::parse)?,
        prospect: maybe("prospect_id")?.map(ProspectId),
        subscriber: maybe("subscriber_id")?.map(SubscriberId),
        list: row.get::<_, Option<String>>("list")?.map(list_of).transpose()?,
        content: draft.zip(row.get::<_, Option<u32>>("version")?),
        name: row.get("name")?,
        address: row.get("address")?,
        recipient: row.get("recipient")?,
        message_id: row.get("message_id")?,
        reason: row.get("reason")?,
        created_at: codec::instant(row, "created_at")?,
    };
    let code: Option<u16> = row.get("reply_code")?;
    let text: Option<String> = row.get("reply")?;
    let mail = Mail {
        status: codec::word(row, "mails.status", MailStatus::parse)?,
        tries: row.get("tries")?,
        round: row.get("round")?,
        due_at: codec::instant(row, "due_at")?,
        node: maybe("node_id")?.map(NodeId),
        claimed_at: codec::maybe_instant(row, "claimed_at")?,
        reply: text.map(|text| Reply { code, text }),
        ended_at: codec::maybe_instant(row, "ended_at")?,
    };
    Ok(MailRow { facts, mail })
}
