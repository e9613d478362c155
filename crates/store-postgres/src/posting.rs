//! What people post: grants, purchases, refunds, adjustments, gifts; what expires; and reading the ledger. One round trip
//! finds and locks, one writes; whoever was overtaken meanwhile starts again.

use crate::PostgresStore;
use crate::events;
use crate::failure::Fault;
use crate::ledger::{self, AccountKey, LedgerRow, account, accounts, balance, credits, hash_of, ledger_row, load_lots};
use crate::pipeline::{Answers, Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, columns, params, sql, unknown_word};
use copydesk_core::ledger::chain::ChainHash;
use copydesk_core::ledger::{Balance, Transfer, TransferKind, Written, rules};
use copydesk_core::refusal::Refusal;
use copydesk_core::{MicroCredits, Timestamp, TransferId, UserId, WorkspaceId};
use copydesk_store::events::NewEvent;
use copydesk_store::generations::Idempotency;
use copydesk_store::ledger::{AccountRow, CHANGED, Gift, Line, Post, Posted, TransferFilter, changed};
use copydesk_store::{Order, Page, PageRequest, Scope, StoreError};
use std::collections::BTreeSet;
use tokio_postgres::Row;
use uuid::Uuid;

/// How often a posting starts again because another one of the same account, reference or key was faster.
const TRIES_MAX: u32 = 10;

/// Transfers to be written together; the answer is about the first.
struct Posting<'a> {
    transfers: Vec<&'a Transfer>,
    open_as: Option<&'a str>,
    key: Option<&'a Idempotency>,
}

/// Where the answers stand.
struct Places {
    locked: usize,
    users: usize,
    remembered: Option<usize>,
    named: Option<usize>,
    related: Option<usize>,
}

impl PostgresStore {
    pub(crate) async fn post_transfer(&self, post: &Post) -> Result<Posted, StoreError> {
        let Post { transfer, open_as, idempotency } = post;
        if transfer.kind.written() != Written::ByHand {
            return Err(StoreError::Corrupt(format!("a {} is never posted by itself", transfer.kind.as_str())));
        }
        self.write_posting(&Posting {
            transfers: vec![transfer],
            open_as: open_as.as_deref(),
            key: idempotency.as_ref(),
        })
        .await
    }

    pub(crate) async fn give(&self, gift: &Gift) -> Result<Posted, StoreError> {
        let transfers = vec![&gift.sent, &gift.received];
        self.write_posting(&Posting { transfers, open_as: None, key: gift.idempotency.as_ref() }).await
    }

    async fn write_posting(&self, posting: &Posting<'_>) -> Result<Posted, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_posting(posting).await {
                Err(Fault::Race(words)) if tries < TRIES_MAX => tracing::debug!(words, "posting starts again"),
                Ok(posted) => return Ok(posted),
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    async fn try_posting(&self, posting: &Posting<'_>) -> Result<Posted, Fault> {
        let first = posting.transfers[0];
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let places = look(&mut steps, posting);
        let found = tx.send(steps).await?;
        match known(&mut tx, &found, &places, posting).await {
            Ok(None) => {}
            Ok(Some(before)) => {
                tx.rollback().await?;
                let balance = self.balance_of(Scope::of(before.workspace), before.user).await?;
                return Ok(Posted { transfer: before, posted: false, balance });
            }
            Err(fault) => {
                tx.rollback().await?;
                return Err(fault);
            }
        }
        if let Err(error) = check(&found, &places, posting) {
            tx.rollback().await?;
            return Err(error.into());
        }
        let mut accounts = accounts(found.rows(Some(places.locked)))?;
        load_lots(&mut tx, &mut accounts).await?;
        let mut rows = Vec::with_capacity(posting.transfers.len());
        for transfer in &posting.transfers {
            let account = accounts.entry((transfer.workspace, transfer.user)).or_default();
            match account.append((*transfer).clone()) {
                Ok(row) => rows.push(row),
                Err(refusal) => {
                    tx.rollback().await?;
                    return Err(StoreError::from(refusal).into());
                }
            }
        }
        // From here the write must succeed.
        let mut steps = Steps::default();
        if let Some(external) = posting.open_as {
            let users = [(first.workspace, first.user, external, first.at)];
            let params = columns!(users, u => u.0.0, u.1.0, u.2, Micros::from(u.3));
            steps.add(sql!("accept/insert_user"), params);
        }
        ledger::write(&mut steps, &rows, &accounts);
        tell(&mut steps, &rows);
        let remembered = remember(&mut steps, posting);
        let answers = tx.send(steps).await?;
        if posting.key.is_some() && answers.rows(remembered).is_empty() {
            tx.rollback().await?;
            return Err(Fault::Race("the idempotency key was taken meanwhile".to_owned()));
        }
        tx.commit(Steps::default()).await?;
        Ok(Posted { transfer: first.clone(), posted: true, balance: rows[0].entry.after })
    }

    pub(crate) async fn expire_due(&self, now: Timestamp, ids: &[TransferId]) -> Result<Vec<Transfer>, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_expire(now, ids).await {
                Err(Fault::Race(words)) if tries < TRIES_MAX => tracing::debug!(words, "expiry starts again"),
                Ok(expired) => return Ok(expired),
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    async fn try_expire(&self, now: Timestamp, ids: &[TransferId]) -> Result<Vec<Transfer>, Fault> {
        let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let found = read(&self.readers, sql!("ledger/expiring"), params![Micros::from(now), limit]).await?;
        if found.is_empty() {
            return Ok(vec![]);
        }
        let owners: Vec<AccountKey> =
            found.iter().map(|row| (WorkspaceId(row.get("workspace_id")), UserId(row.get("user_id")))).collect();
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let locked = steps.add(sql!("ledger/lock_account"), columns!(owners, o => o.0.0, o.1.0));
        let mut accounts = accounts(tx.send(steps).await?.rows(Some(locked)))?;
        load_lots(&mut tx, &mut accounts).await?;
        let (mut fresh, mut rows) = (ids.iter().copied(), Vec::new());
        for (owner, account) in &mut accounts {
            rows.extend(account.expire(*owner, now, &mut fresh).map_err(StoreError::from)?);
        }
        // From here the write must succeed.
        let mut steps = Steps::default();
        ledger::write(&mut steps, &rows, &accounts);
        tell(&mut steps, &rows);
        tx.commit(steps).await?;
        Ok(rows.into_iter().map(|row| row.entry.transfer).collect())
    }

    pub(crate) async fn balance_of(&self, scope: Scope, user: UserId) -> Result<Balance, StoreError> {
        let rows = read(&self.readers, sql!("ledger/account"), params![scope.workspace.0, user.0]).await?;
        Ok(rows.first().map(account).transpose()?.map(|account| account.balance).unwrap_or_default())
    }

    pub(crate) async fn read_account(&self, scope: Scope, user: UserId) -> Result<AccountRow, StoreError> {
        let rows = read(&self.readers, sql!("ledger/account_of"), params![scope.workspace.0, user.0]).await?;
        account_row(rows.first().ok_or_else(|| no_user(user))?)
    }

    pub(crate) async fn list_accounts(&self, scope: Scope, page: &PageRequest) -> Result<Page<AccountRow>, StoreError> {
        let cursor = Cursor::<UserId>::of(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!("ledger/accounts_newest"),
            Order::OldestFirst => sql!("ledger/accounts_oldest"),
        };
        let rows = read(&self.readers, sql, params![scope.workspace.0, cursor.after.0, cursor.limit]).await?;
        page_of(&rows, page, account_row, |row| row.user.to_string())
    }

    pub(crate) async fn list_transfers(
        &self,
        scope: Scope,
        filter: &TransferFilter,
        page: &PageRequest,
    ) -> Result<Page<Line>, StoreError> {
        let cursor = Cursor::<TransferId>::of(page)?;
        let (workspace, after, limit) = (scope.workspace.0, cursor.after.0, cursor.limit);
        let kind = filter.kind.map(TransferKind::as_str);
        let generation = filter.generation.map(|id| id.0);
        let (sql, params) = match (filter.user, page.order) {
            (Some(user), Order::NewestFirst) => {
                (sql!("ledger/list_of_user_newest"), params![workspace, after, kind, user.0, generation, limit])
            }
            (Some(user), Order::OldestFirst) => {
                (sql!("ledger/list_of_user_oldest"), params![workspace, after, kind, user.0, generation, limit])
            }
            (None, Order::NewestFirst) => {
                (sql!("ledger/list_newest"), params![workspace, after, kind, generation, limit])
            }
            (None, Order::OldestFirst) => {
                (sql!("ledger/list_oldest"), params![workspace, after, kind, generation, limit])
            }
        };
        let rows = read(&self.readers, sql, params).await?;
        page_of(&rows, page, line, |line| line.entry.transfer.id.to_string())
    }
}

/// Everything that is to be known before deciding; the accounts are locked, in one order.
fn look<'a>(steps: &mut Steps<'a>, posting: &Posting<'a>) -> Places {
    let first = posting.transfers[0];
    let owners: BTreeSet<AccountKey> = posting.transfers.iter().map(|it| (it.workspace, it.user)).collect();
    // An account that does not exist yet cannot be locked: an empty one is.
    let mut open = columns!(owners, o => o.0.0, o.1.0);
    open.push(Box::new(ChainHash::START.0.to_vec()));
    steps.add(sql!("ledger/open_account"), open);
    let locked = steps.add(sql!("ledger/lock_account"), columns!(owners, o => o.0.0, o.1.0));
    let ids: Vec<Uuid> = owners.iter().map(|(_, user)| user.0).collect();
    let users = steps.add(sql!("ledger/find_user"), params![first.workspace.0, ids]);
    let remembered = posting.key.map(|key| {
        let params = params![
            first.workspace.0,
            key.owner.as_str(),
            key.route.as_str(),
            key.key.as_str(),
            Micros::from(first.at)
        ];
        steps.add(sql!("ledger/find_post_key"), params)
    });
    let named = first
        .reference
        .as_ref()
        .map(|reference| steps.add(sql!("ledger/by_reference"), params![first.workspace.0, reference.as_str()]));
    let related = first
        .generation
        .map(|generation| steps.add(sql!("ledger/of_generation"), params![generation.0, first.workspace.0]));
    Places { locked, users, remembered, named, related }
}

/// What was posted before under this idempotency key or reference.
async fn known(
    tx: &mut Tx,
    found: &Answers,
    places: &Places,
    posting: &Posting<'_>,
) -> Result<Option<Transfer>, Fault> {
    let first = posting.transfers[0];
    if let (Some(row), Some(key)) = (found.rows(places.remembered).first(), posting.key) {
        if hash_of(row, "fingerprint")? != key.fingerprint {
            return Err(StoreError::from(Refusal::IdempotencyKeyReused).into());
        }
        let mut steps = Steps::default();
        let id: Uuid = row.get("transfer_id");
        let place = steps.add(sql!("ledger/by_id"), params![id, first.workspace.0]);
        let answers = tx.send(steps).await?;
        let row = answers.rows(Some(place)).first().map(ledger_row).transpose()?;
        return Ok(row.map(|row| row.entry.transfer));
    }
    let Some(row) = found.rows(places.named).first() else { return Ok(None) };
    let before = ledger_row(row)?.entry.transfer;
    rules::same_reference(&before, first).map_err(StoreError::from)?;
    Ok(Some(before))
}

fn check(found: &Answers, places: &Places, posting: &Posting<'_>) -> Result<(), StoreError> {
    let first = posting.transfers[0];
    let known: BTreeSet<Uuid> = found.rows(Some(places.users)).iter().map(|row| row.get("id")).collect();
    if posting.open_as.is_none()
        && let Some(stranger) = posting.transfers.iter().find(|transfer| !known.contains(&transfer.user.0))
    {
        return Err(no_user(stranger.user));
    }
    if first.kind == TransferKind::Refund && first.amount > refundable(found.rows(places.related), first.user)? {
        return Err(Refusal::AmountTooLarge.into());
    }
    Ok(())
}

fn no_user(user: UserId) -> StoreError {
    StoreError::NotFound { what: "user", id: user.to_string() }
}

fn refundable(rows: &[Row], user: UserId) -> Result<MicroCredits, StoreError> {
    let mut moved = Vec::with_capacity(rows.len());
    for row in rows {
        let kind: &str = row.get("kind");
        let kind = TransferKind::parse(kind).ok_or_else(|| unknown_word("transfer kind", kind))?;
        moved.push((kind, credits(row.get("amount"))?, UserId(row.get("user_id"))));
    }
    Ok(rules::refundable(&moved, user)?)
}

fn tell(steps: &mut Steps<'_>, rows: &[LedgerRow]) {
    let told = |row: &LedgerRow| NewEvent {
        workspace: row.entry.transfer.workspace,
        kind: CHANGED,
        generation: None,
        draft: None,
        user: Some(row.entry.transfer.user),
        at: row.entry.transfer.at,
        data: changed(&row.entry).into(),
    };
    events::write(steps, &rows.iter().map(told).collect::<Vec<_>>());
}

fn remember<'a>(steps: &mut Steps<'a>, posting: &Posting<'a>) -> Option<usize> {
    let (key, first) = (posting.key?, posting.transfers[0]);
    let params = params![
        first.workspace.0,
        key.owner.as_str(),
        key.route.as_str(),
        key.key.as_str(),
        key.fingerprint.to_vec(),
        first.id.0,
        Micros::from(key.expires_at),
        Micros::from(first.at)
    ];
    Some(steps.add(sql!("ledger/put_post_key"), params))
}

fn line(row: &Row) -> Result<Line, StoreError> {
    let (user_external, peer_external) = (row.get("user_external"), row.get("peer_external"));
    Ok(Line { entry: ledger_row(row)?.entry, user_external, peer_external })
}

fn account_row(row: &Row) -> Result<AccountRow, StoreError> {
    Ok(AccountRow {
        user: UserId(row.get("user_id")),
        user_external: row.get("user_external"),
        balance: balance(row)?,
        expires_next_at: row.get::<_, Option<Micros>>("expires_next_at").map(Timestamp::from),
    })
}
