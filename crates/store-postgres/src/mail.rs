//! Mailings and mails. What moves is decided by [`Book`], on rows that were locked: first the pace, then mailings in the order of
//! their ids, then mails.

use crate::PostgresStore;
use crate::events;
use crate::failure::Fault;
use crate::ledger::hash_of;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::subscribers::{list_of, unwanted};
use crate::types::{Micros, Param, columns, narrow, params, sql, text, unknown_word, wide};
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
use copydesk_store::{Answer, MailStore, Order, Page, PageRequest, Scope, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

type Key = (WorkspaceId, MailingId, MailId);

impl MailStore for PostgresStore {
    fn open_mailing(&self, new: NewMailing) -> Answer<'_, OpenedMailing> {
        Box::pin(self.telling(async move { Ok(self.insert_mailing(&new).await?) }))
    }

    fn mailing(&self, scope: Scope, id: MailingId) -> Answer<'_, MailingRow> {
        Box::pin(self.read_mailing(scope.workspace, id))
    }

    fn mailings(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<MailingRow>> {
        Box::pin(async move {
            let cursor = Cursor::<MailingId>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("mail/mailings_newest"),
                Order::OldestFirst => sql!("mail/mailings_oldest"),
            };
            let rows = read(&self.readers, sql, params![scope.workspace.0, cursor.after.0, cursor.limit]).await?;
            page_of(&rows, &page, mailing_row, |row| row.id.to_string())
        })
    }

    fn mails(&self, scope: Scope, filter: MailFilter, page: PageRequest) -> Answer<'_, Page<MailRow>> {
        Box::pin(async move {
            self.read_mailing(scope.workspace, filter.mailing).await?;
            let cursor = Cursor::<MailId>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("mail/list_newest"),
                Order::OldestFirst => sql!("mail/list_oldest"),
            };
            let status = filter.status.map(MailStatus::as_str);
            let params = params![scope.workspace.0, filter.mailing.0, cursor.after.0, status, cursor.limit];
            let rows = read(&self.readers, sql, params).await?;
            page_of(&rows, &page, mail_row, |row| row.facts.id.to_string())
        })
    }

    fn mail(&self, scope: Scope, id: MailId) -> Answer<'_, MailRow> {
        Box::pin(self.read_mail(scope.workspace, id))
    }

    fn claim_mails(&self, claim: ClaimMails) -> Answer<'_, ClaimedMails> {
        Box::pin(async move {
            // Who has nothing to send writes nothing.
            let next_at = self.next_mail().await?;
            if next_at.is_none_or(|due| due > claim.now) {
                return Ok(ClaimedMails { mails: Vec::new(), next_at });
            }
            Ok(self.take_mails(&claim).await?)
        })
    }

    fn finish_mails(&self, finished: Vec<FinishedMail>) -> Answer<'_, Vec<bool>> {
        Box::pin(self.telling(async move {
            let Some(at) = finished.iter().map(|one| one.at).max() else { return Ok(Vec::new()) };
            let keys: Vec<Key> = finished.iter().map(|one| (one.workspace, one.mailing, one.mail)).collect();
            let mut tx = Tx::open(&self.writers).await?;
            let pace =
                if finished.iter().any(FinishedMail::gives_back) { Some(lock_pace(&mut tx, at).await?) } else { None };
            let mut book = lock(&mut tx, &keys).await?;
            let done = finished.iter().map(|one| book.finish(one)).collect();
            put(tx, book, at, pace).await?;
            Ok(done)
        }))
    }

    fn lose_mails(&self, lost: LostMails) -> Answer<'_, u64> {
        Box::pin(self.telling(async move {
            let alone = lost.only_living.map(|node| node.0);
            let params = params![alone, Micros::from(lost.lost_before), i64::from(lost.limit)];
            let rows = read(&self.readers, sql!("mail/lost"), params).await?;
            if rows.is_empty() {
                return Ok(0);
            }
            let keys: Vec<Key> = rows.iter().map(key).collect();
            let mut tx = Tx::open(&self.writers).await?;
            let mut book = lock(&mut tx, &keys).await?;
            let count = book.lose(lost.now);
            put(tx, book, lost.now, None).await?;
            Ok(count)
        }))
    }

    fn change_mailing(&self, change: MailingChange) -> Answer<'_, MailingRow> {
        Box::pin(self.telling(async move {
            let (workspace, id) = (change.scope.workspace, change.mailing);
            let mut tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            steps.add(sql!("mail/load_mailings"), params![vec![workspace.0], vec![id.0]]);
            let rows = tx.send(steps).await?.into_rows();
            let mailing = mailing_row(rows.first().ok_or_else(|| no_mailing(id))?)?;
            let concerned = match change.to {
                MailingOrder::Cancel => {
                    Some((sql!("mail/waiting"), params![workspace.0, id.0, i64::from(ORDER_SLICE)]))
                }
                MailingOrder::RetryFailed => {
                    let after = mailing.mailing.retry_from().0;
                    Some((sql!("mail/failed"), params![workspace.0, id.0, after, i64::from(ORDER_SLICE)]))
                }
                MailingOrder::Pause | MailingOrder::Resume => None,
            };
            let mut mails = Vec::new();
            if let Some((sql, params)) = concerned {
                let mut steps = Steps::default();
                steps.add(sql, params);
                let rows = tx.send(steps).await?.into_rows();
                mails = rows.iter().map(mail_row).collect::<Result<_, _>>()?;
            }
            let mut book = Book::of(vec![mailing], mails);
            book.order(&change);
            put(tx, book, change.at, None).await?;
            self.read_mailing(workspace, id).await
        }))
    }

    fn judge_mail(&self, judge: JudgeMail) -> Answer<'_, MailRow> {
        Box::pin(self.telling(async move {
            let workspace = judge.scope.workspace;
            let mailing = self.read_mail(workspace, judge.mail).await?.facts.mailing;
            let mut tx = Tx::open(&self.writers).await?;
            let mut book = lock(&mut tx, &[(workspace, mailing, judge.mail)]).await?;
            book.judge(&judge);
            let row = book.mail(workspace, judge.mail).cloned().ok_or_else(|| no_mail(judge.mail))?;
            put(tx, book, judge.at, None).await?;
            Ok(row)
        }))
    }
}

impl PostgresStore {
    async fn read_mailing(&self, workspace: WorkspaceId, id: MailingId) -> Result<MailingRow, StoreError> {
        let rows = read(&self.readers, sql!("mail/get_mailing"), params![workspace.0, id.0]).await?;
        mailing_row(rows.first().ok_or_else(|| no_mailing(id))?)
    }

    async fn read_mail(&self, workspace: WorkspaceId, id: MailId) -> Result<MailRow, StoreError> {
        let rows = read(&self.readers, sql!("mail/get"), params![workspace.0, id.0]).await?;
        mail_row(rows.first().ok_or_else(|| no_mail(id))?)
    }

    async fn next_mail(&self) -> Result<Option<Timestamp>, StoreError> {
        let rows = read(&self.readers, sql!("mail/next_due"), params![]).await?;
        Ok(rows.first().and_then(|row| row.get::<_, Option<Micros>>("due_at")).map(Timestamp::from))
    }

    async fn insert_mailing(&self, new: &NewMailing) -> Result<OpenedMailing, Fault> {
        let workspace = new.scope.workspace.0;
        let key = new.idempotency.as_ref().map(key_text);
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        steps.add(sql!("mail/lock"), params![workspace]);
        tx.send(steps).await?;
        // After the lock, so that they see what whoever had it before has written.
        let mut steps = Steps::default();
        let first = steps.add(sql!("mail/find_key"), params![workspace, key.as_deref().map(text)]);
        let pairs = asked(&new.mails);
        let drafts: Vec<Uuid> = pairs.iter().map(|(draft, _)| draft.0).collect();
        let recipients: Vec<_> = pairs.iter().map(|(_, recipient)| text(recipient)).collect();
        let earlier = steps.add(sql!("mail/earlier"), params![workspace, drafts, recipients]);
        let answers = tx.send(steps).await?;
        if let (Some(first), Some(given)) = (answers.rows(Some(first)).first(), &new.idempotency) {
            tx.rollback().await?;
            return if hash_of(first, "fingerprint")? == given.fingerprint {
                Ok(OpenedMailing::Replayed(mailing_row(first)?))
            } else {
                Err(StoreError::from(Refusal::IdempotencyKeyReused).into())
            };
        }
        let earlier = answers.rows(Some(earlier)).iter().map(earlier_row).collect::<Result<_, _>>()?;
        let unwanted = unwanted(&mut tx, new.mails.iter().collect()).await?;
        let (mailing, mails, skips) = opened(new, &earlier, &unwanted);
        if new.dry {
            tx.rollback().await?;
            return Ok(OpenedMailing::Dry(mailing, skips));
        }
        let mut steps = Steps::default();
        let Mailing { tally, walk, cancelling, retry_walk, paused_at, finished_at, updated_at } = &mailing.mailing;
        let to = mailing.to.as_ref();
        let mut row = params![
            workspace,
            mailing.id.0,
            text(&mailing.spec),
            mailing.single,
            Micros::from(mailing.created_at),
            key.as_deref().map(text),
            new.idempotency.as_ref().map(|given| given.fingerprint.to_vec()),
            wide(tally.total())
        ];
        row.extend(params_of(tally));
        row.extend(params![paused_at.map(Micros::from), finished_at.map(Micros::from), Micros::from(*updated_at)]);
        row.extend(params![mailing.kind.as_str(), mailing.secret.0.to_vec(), mailing.again]);
        row.extend(params![
            to.map(|to| to.list.as_str()),
            to.map(|to| to.draft.0),
            to.map(|to| small(to.version)),
            to.map(|to| to.until.0),
            walk.map(|walk| walk.0),
            *cancelling,
            retry_walk.map(|walk| walk.0)
        ]);
        steps.add(sql!("mail/insert_mailing"), row);
        if !mails.is_empty() {
            steps.add(sql!("mail/insert"), inserted(&mails));
        }
        tx.commit(steps).await?;
        Ok(OpenedMailing::New(mailing.clone(), skips))
    }

    async fn take_mails(&self, claim: &ClaimMails) -> Result<ClaimedMails, Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        let pace = lock_pace(&mut tx, claim.day_at).await?.on(claim.day_at);
        let mut steps = Steps::default();
        steps.add(sql!("mail/candidates"), params![Micros::from(claim.now), i64::from(claim.limit)]);
        let keys: Vec<Key> = tx.send(steps).await?.into_rows().iter().map(key).collect();
        let mut book = lock(&mut tx, &keys).await?;
        let unwanted = unwanted(&mut tx, book.mails().map(|row| &row.facts).collect()).await?;
        let mails = book.claim(claim, &pace, &unwanted);
        if !book.is_moved() {
            tx.rollback().await?;
            return Ok(ClaimedMails { mails, next_at: pace.room(&claim.limits, claim.now).next_at });
        }
        let taken = u32::try_from(mails.len()).unwrap_or(u32::MAX);
        put(tx, book, claim.now, Some(pace.took(taken, &claim.limits, claim.now))).await?;
        Ok(ClaimedMails { mails, next_at: self.next_mail().await? })
    }
}

/// The figures of the limits, locked.
async fn lock_pace(tx: &mut Tx, day_at: Timestamp) -> Result<Pace, Fault> {
    let mut steps = Steps::default();
    let Pace { day_at, next_at, .. } = Pace::new(day_at);
    steps.add(sql!("mail/make_pace"), params![Micros::from(day_at), Micros::from(next_at)]);
    tx.send(steps).await?;
    let mut steps = Steps::default();
    steps.add(sql!("mail/pace"), params![]);
    let rows = tx.send(steps).await?.into_rows();
    let row = rows.first().ok_or_else(|| Fault::Race("the pace of mail is gone".to_owned()))?;
    let instant = |column: &str| Timestamp::from(row.get::<_, Micros>(column));
    Ok(Pace { day_at: instant("day_at"), taken: narrow("taken", row.get("taken"))?, next_at: instant("next_at") })
}

/// These mails, with their mailings, locked.
async fn lock(tx: &mut Tx, keys: &[Key]) -> Result<Book, Fault> {
    let workspaces: Vec<Uuid> = keys.iter().map(|(workspace, ..)| workspace.0).collect();
    let mailings: Vec<Uuid> = keys.iter().map(|(_, mailing, _)| mailing.0).collect();
    let mails: Vec<Uuid> = keys.iter().map(|(.., mail)| mail.0).collect();
    let mut steps = Steps::default();
    let mailings = steps.add(sql!("mail/load_mailings"), params![workspaces.clone(), mailings]);
    let mails = steps.add(sql!("mail/load"), params![workspaces, mails]);
    let answers = tx.send(steps).await?;
    let mailings = answers.rows(Some(mailings)).iter().map(mailing_row).collect::<Result<_, _>>()?;
    let mails = answers.rows(Some(mails)).iter().map(mail_row).collect::<Result<_, _>>()?;
    Ok(Book::of(mailings, mails))
}

/// Writes what a book says, and commits.
pub async fn put(tx: Tx, book: Book, at: Timestamp, pace: Option<Pace>) -> Result<(), Fault> {
    let written = book.done(at);
    let mut steps = Steps::default();
    if !written.made.is_empty() {
        steps.add(sql!("mail/insert"), inserted(&written.made));
    }
    let mails = &written.mails;
    if !mails.is_empty() {
        let mut row = moving(mails);
        row.extend(columns!(mails, row => row.facts.reason.as_deref(), row.facts.workspace.0, row.facts.id.0));
        steps.add(sql!("mail/put"), row);
    }
    let mailings = &written.mailings;
    let count =
        |status: MailStatus| -> Vec<i64> { mailings.iter().map(|row| wide(row.mailing.tally.of(status))).collect() };
    let mut row = columns!(mailings, row => wide(row.mailing.tally.total()));
    row.extend(MailStatus::ALL.iter().map(|status| Box::new(count(*status)) as Param<'_>));
    row.extend(columns!(mailings, row => row.mailing.walk.map(|walk| walk.0), row.mailing.cancelling,
        row.mailing.retry_walk.map(|walk| walk.0), row.mailing.paused_at.map(Micros::from),
        row.mailing.finished_at.map(Micros::from), Micros::from(row.mailing.updated_at), row.scope.workspace.0, row.id.0));
    steps.add(sql!("mail/put_mailing"), row);
    let reached = &written.reached;
    if !reached.is_empty() {
        steps.add(sql!("mail/reached"), columns!(reached, r => Micros::from(r.3), r.2.0, r.0.0, r.1.0));
    }
    if let Some(pace) = pace {
        let pace = written.back.iter().fold(pace, |pace, claimed_at| pace.gave_back(*claimed_at));
        let params = params![Micros::from(pace.day_at), wide(pace.taken), Micros::from(pace.next_at)];
        steps.add(sql!("mail/put_pace"), params);
    }
    events::write(&mut steps, &written.events);
    tx.commit(steps).await?;
    Ok(())
}

fn params_of(tally: &Tally) -> Vec<Param<'static>> {
    MailStatus::ALL.iter().map(|status| Box::new(wide(tally.of(*status))) as Param<'static>).collect()
}

/// What of mails is written again and again, in the order of the columns.
fn moving(rows: &[MailRow]) -> Vec<Param<'_>> {
    columns!(rows, row => row.mail.status.as_str(), row.holds(), small(row.mail.tries), small(row.mail.round),
        Micros::from(row.mail.due_at), row.mail.node.map(|node| node.0), row.mail.claimed_at.map(Micros::from),
        row.mail.reply.as_ref().and_then(|reply| reply.code.map(i32::from)),
        row.mail.reply.as_ref().map(|reply| text(&reply.text)), row.mail.ended_at.map(Micros::from))
}

fn inserted(rows: &[MailRow]) -> Vec<Param<'_>> {
    let mut params = columns!(rows, row => row.facts.workspace.0, row.facts.id.0, row.facts.mailing.0,
        row.facts.prospect.map(|id| id.0), row.facts.content.map(|(draft, _)| draft.0),
        row.facts.content.map(|(_, version)| small(version)), row.facts.name.as_deref().map(text),
        text(&row.facts.address), text(&row.facts.recipient), row.facts.message_id.as_str(),
        row.facts.reason.as_deref(), Micros::from(row.facts.created_at));
    params.extend(moving(rows));
    params.extend(columns!(rows, row => row.facts.kind.as_str(), row.facts.subscriber.map(|id| id.0),
        row.facts.list.as_ref().map(ListName::as_str)));
    params
}

/// A count as an `integer`; it saturates.
fn small(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn key(row: &Row) -> Key {
    (WorkspaceId(row.get("workspace_id")), MailingId(row.get("mailing_id")), MailId(row.get("id")))
}

pub fn earlier_row(row: &Row) -> Result<Earlier, StoreError> {
    let version = narrow("version", i64::from(row.get::<_, i32>("version")))?;
    Ok(Earlier { draft: DraftId(row.get("draft_id")), recipient: row.get("recipient"), version })
}

pub fn mailing_row(row: &Row) -> Result<MailingRow, StoreError> {
    let mut tally = Tally::default();
    for status in MailStatus::ALL {
        tally.add(status, narrow(status.as_str(), row.get(status.as_str()))?);
    }
    let instant = |column: &str| row.get::<_, Option<Micros>>(column).map(Timestamp::from);
    let mailing = Mailing {
        tally,
        walk: row.get::<_, Option<Uuid>>("walk").map(SubscriberId),
        cancelling: row.get("cancelling"),
        retry_walk: row.get::<_, Option<Uuid>>("retry_walk").map(MailId),
        paused_at: instant("paused_at"),
        finished_at: instant("finished_at"),
        updated_at: row.get::<_, Micros>("updated_at").into(),
    };
    Ok(MailingRow {
        id: MailingId(row.get("id")),
        scope: Scope::of(WorkspaceId(row.get("workspace_id"))),
        kind: kind_of(row)?,
        secret: Secret(hash_of(row, "secret")?),
        spec: row.get("spec"),
        single: row.get("single"),
        again: row.get("again"),
        to: to_list(row)?,
        created_at: row.get::<_, Micros>("created_at").into(),
        mailing,
    })
}

fn to_list(row: &Row) -> Result<Option<ToList>, StoreError> {
    let uuid = |column: &str| row.get::<_, Option<Uuid>>(column);
    let Some((draft, until)) = uuid("draft_id").zip(uuid("until_id")) else { return Ok(None) };
    let (list, version) = (list_of(row.get("list"))?, narrow("version", i64::from(row.get::<_, i32>("version")))?);
    Ok(Some(ToList { list, draft: DraftId(draft), version, until: SubscriberId(until) }))
}

fn kind_of(row: &Row) -> Result<MailKind, StoreError> {
    let kind: &str = row.get("kind");
    MailKind::parse(kind).ok_or_else(|| unknown_word("kind of a mail", kind))
}

fn mail_row(row: &Row) -> Result<MailRow, StoreError> {
    let uuid = |column: &str| row.get::<_, Option<Uuid>>(column);
    let instant = |column: &str| row.get::<_, Option<Micros>>(column).map(Timestamp::from);
    let number = |column: &str| narrow(column, i64::from(row.get::<_, i32>(column)));
    let version = row.get::<_, Option<i32>>("version").map(|version| narrow("version", i64::from(version)));
    let facts = MailFacts {
        id: MailId(row.get("id")),
        mailing: MailingId(row.get("mailing_id")),
        workspace: WorkspaceId(row.get("workspace_id")),
        kind: kind_of(row)?,
        prospect: uuid("prospect_id").map(ProspectId),
        subscriber: uuid("subscriber_id").map(SubscriberId),
        list: row.get::<_, Option<&str>>("list").map(list_of).transpose()?,
        content: uuid("draft_id").map(DraftId).zip(version.transpose()?),
        name: row.get("name"),
        address: row.get("address"),
        recipient: row.get("recipient"),
        message_id: row.get("message_id"),
        reason: row.get("reason"),
        created_at: row.get::<_, Micros>("created_at").into(),
    };
    let status: &str = row.get("status");
    let code = row.get::<_, Option<i32>>("reply_code").map(|code| narrow("reply_code", i64::from(code))).transpose()?;
    let mail = Mail {
        status: MailStatus::parse(status).ok_or_else(|| unknown_word("status of a mail", status))?,
        tries: number("tries")?,
        round: number("round")?,
        due_at: row.get::<_, Micros>("due_at").into(),
        node: uuid("node_id").map(NodeId),
        claimed_at: instant("claimed_at"),
        reply: row.get::<_, Option<String>>("reply").map(|text| Reply { code, text }),
        ended_at: instant("ended_at"),
    };
    Ok(MailRow { facts, mail })
}
