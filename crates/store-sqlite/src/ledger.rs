//! Credits: one way to write a transfer (balance by core's rules, row, chain, lots), used by holds, settles and releases
//! too. Never changes or removes a transfer.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::events::write_event;
use crate::fault::{Done, Fault};
use crate::memory::Session;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::ledger::chain::{ChainHash, link};
use copydesk_core::ledger::{Balance, Lot, Transfer, TransferKind, Written, lots, rules};
use copydesk_core::refusal::Refusal;
use copydesk_core::{GenerationId, MicroCredits, Timestamp, TransferId, UserId, WorkspaceId};
use copydesk_store::events::NewEvent;
use copydesk_store::generations::Idempotency;
use copydesk_store::ledger::{AccountRow, CHANGED, Entry, Gift, Line, Post, Posted, TransferFilter, changed};
use copydesk_store::{Answer, LedgerStore, Page, PageRequest, Scope, StoreError};
use rusqlite::{Row, params};

impl LedgerStore for SqliteStore {
    fn post(&self, posting: Post) -> Answer<'_, Posted> {
        Box::pin(self.write(0, move |session| post(session, &posting)))
    }

    fn gift(&self, giving: Gift) -> Answer<'_, Posted> {
        Box::pin(self.write(0, move |session| gift(session.db, &giving)))
    }

    fn expire_lots(&self, now: Timestamp, ids: Vec<TransferId>) -> Answer<'_, Vec<Transfer>> {
        Box::pin(self.write(0, move |session| expire(session.db, now, &ids)))
    }

    fn balance(&self, scope: Scope, user: UserId) -> Answer<'_, Balance> {
        Box::pin(self.read(move |db| Ok(account(db, scope.workspace, user)?.balance)))
    }

    fn account(&self, scope: Scope, user: UserId) -> Answer<'_, AccountRow> {
        Box::pin(self.read(move |db| {
            let params = params![scope.workspace.0.as_bytes(), user.0.as_bytes()];
            db.first(sql!("ledger/account_of"), params, account_row)?.ok_or_else(|| no_user(user))
        }))
    }

    fn accounts(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<AccountRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<UserId>(&page, |id| id.0)?;
            let params = params![scope.workspace.0.as_bytes(), cut.after.as_bytes(), cut.limit];
            let rows = db.all(ordered!(cut, "ledger/accounts"), params, account_row)?;
            Ok(page::cut(rows, page.limit, |row| row.user.to_string()))
        }))
    }

    fn transfers(&self, scope: Scope, filter: TransferFilter, page: PageRequest) -> Answer<'_, Page<Line>> {
        Box::pin(self.read(move |db| list(db, scope, &filter, &page)))
    }
}

/// A user's account: the cached balance, how many lots there are, and the end of its chain.
pub(crate) struct Account {
    pub balance: Balance,
    lots: i64,
    chain_seq: i64,
    chain_hash: ChainHash,
}

/// Empty for a user never seen.
pub(crate) fn account(db: Db<'_>, workspace: WorkspaceId, user: UserId) -> Done<Account> {
    let params = params![workspace.0.as_bytes(), user.0.as_bytes()];
    let account = db.first(sql!("ledger/account"), params, |row| {
        Ok(Account {
            balance: Balance { available: codec::credits(row, 0)?, held: codec::credits(row, 1)? },
            lots: row.get(2)?,
            chain_seq: row.get(3)?,
            chain_hash: ChainHash(row.get(4)?),
        })
    })?;
    Ok(account.unwrap_or(Account { balance: Balance::default(), lots: 0, chain_seq: 0, chain_hash: ChainHash::START }))
}

/// Appends a transfer and answers the balance after it. What it spends is taken from the lots that expire soonest.
///
/// Errors: what [`rules::post`] refuses.
pub(crate) fn write(db: Db<'_>, transfer: &Transfer) -> Done<Balance> {
    let account = account(db, transfer.workspace, transfer.user)?;
    let mut changed = Vec::new();
    if transfer.kind.spends() && account.lots > 0 {
        changed = lots::spend(&lots_of(db, transfer.workspace, transfer.user)?, transfer.amount);
    }
    if let Some(expires_at) = transfer.expires_at {
        changed.push(Lot { transfer: transfer.id, expires_at, remaining: transfer.amount });
    }
    append(db, account, transfer, &changed)
}

/// Appends a transfer with the lots it changes, as they are afterwards.
fn append(db: Db<'_>, account: Account, transfer: &Transfer, changed: &[Lot]) -> Done<Balance> {
    let balance = rules::post(account.balance, transfer.kind, transfer.amount)?;
    // From here the write must succeed.
    let (seq, hash) = (account.chain_seq + 1, link(account.chain_hash, transfer));
    let (workspace, user) = (transfer.workspace.0.as_bytes(), transfer.user.0.as_bytes());
    let (available, held) = (balance.available.micros(), balance.held.micros());
    db.execute(
        sql!("ledger/insert_transfer"),
        params![
            transfer.id.0.as_bytes(),
            workspace,
            user,
            transfer.kind.as_str(),
            transfer.kind.debit().as_str(),
            transfer.kind.credit().as_str(),
            transfer.amount.micros(),
            transfer.generation.map(|generation| *generation.0.as_bytes()),
            transfer.reference,
            transfer.reason,
            transfer.peer.map(|peer| *peer.0.as_bytes()),
            transfer.expires_at.map(Timestamp::micros),
            transfer.at.micros(),
            available,
            held,
            seq,
            hash.0,
        ],
    )?;
    for lot in changed {
        put_lot(db, transfer, lot)?;
    }
    let made = i64::from(transfer.expires_at.is_some());
    let gone = codec::signed(changed.iter().filter(|lot| lot.remaining.is_zero()).count() as u64);
    let params = params![workspace, user, available, held, account.lots + made - gone, seq, hash.0];
    db.execute(sql!("ledger/put_account"), params)?;
    Ok(balance)
}

fn put_lot(db: Db<'_>, owner: &Transfer, lot: &Lot) -> Done<()> {
    let (workspace, user) = (owner.workspace.0.as_bytes(), owner.user.0.as_bytes());
    let (expires_at, transfer) = (lot.expires_at.micros(), lot.transfer.0.as_bytes());
    if lot.remaining.is_zero() {
        db.execute(sql!("ledger/delete_lot"), params![workspace, user, expires_at, transfer])?;
    } else {
        let params = params![workspace, user, expires_at, transfer, lot.remaining.micros()];
        db.execute(sql!("ledger/put_lot"), params)?;
    }
    Ok(())
}

/// Soonest to expire first.
fn lots_of(db: Db<'_>, workspace: WorkspaceId, user: UserId) -> Done<Vec<Lot>> {
    db.all(sql!("ledger/lots"), params![workspace.0.as_bytes(), user.0.as_bytes()], |row| {
        Ok(Lot {
            transfer: TransferId(codec::uuid(row, 0)?),
            expires_at: codec::instant(row, 1)?,
            remaining: codec::credits(row, 2)?,
        })
    })
}

/// Appends a transfer made outside a generation's life, and says so.
fn write_and_tell(db: Db<'_>, transfer: &Transfer, write: impl FnOnce(Db<'_>) -> Done<Balance>) -> Done<Balance> {
    let after = write(db)?;
    let data = changed(&Entry { transfer: transfer.clone(), after });
    let event = NewEvent {
        workspace: transfer.workspace,
        kind: CHANGED,
        generation: None,
        draft: None,
        user: Some(transfer.user),
        at: transfer.at,
        data: data.into(),
    };
    write_event(db, &event)?;
    Ok(after)
}

fn post(session: &mut Session<'_>, posting: &Post) -> Done<Posted> {
    let (db, transfer) = (session.db, &posting.transfer);
    if transfer.kind.written() != Written::ByHand {
        return Err(Fault::corrupt(format!("a {} is never posted by itself", transfer.kind.as_str())));
    }
    if let Some(known) = known(db, transfer, posting.idempotency.as_ref())? {
        return Ok(known);
    }
    if posting.open_as.is_none() {
        must_know(db, transfer.workspace, transfer.user)?;
    }
    if transfer.kind == TransferKind::Refund && transfer.amount > refundable(db, transfer)? {
        return Err(Refusal::AmountTooLarge.into());
    }
    // From here on what fails undoes the whole command.
    if let Some(external) = &posting.open_as {
        session.user_no_or_new(transfer.workspace, transfer.user, external, transfer.at)?;
    }
    let balance = write_and_tell(db, transfer, |db| write(db, transfer))?;
    remember(db, transfer, posting.idempotency.as_ref())?;
    Ok(Posted { transfer: transfer.clone(), posted: true, balance })
}

fn gift(db: Db<'_>, giving: &Gift) -> Done<Posted> {
    let Gift { sent, received, idempotency } = giving;
    if let Some(known) = known(db, sent, idempotency.as_ref())? {
        return Ok(known);
    }
    must_know(db, sent.workspace, sent.user)?;
    must_know(db, received.workspace, received.user)?;
    // From here on what fails undoes the whole command.
    let balance = write_and_tell(db, sent, |db| write(db, sent))?;
    write_and_tell(db, received, |db| write(db, received))?;
    remember(db, sent, idempotency.as_ref())?;
    Ok(Posted { transfer: sent.clone(), posted: true, balance })
}

fn no_user(user: UserId) -> Fault {
    StoreError::NotFound { what: "user", id: user.to_string() }.into()
}

fn must_know(db: Db<'_>, workspace: WorkspaceId, user: UserId) -> Done<()> {
    let params = params![workspace.0.as_bytes(), user.0.as_bytes()];
    db.first(sql!("accept/find_user"), params, |_| Ok(()))?.ok_or_else(|| no_user(user))
}

/// What was posted before under this idempotency key or reference.
fn known(db: Db<'_>, transfer: &Transfer, key: Option<&Idempotency>) -> Done<Option<Posted>> {
    let workspace = transfer.workspace.0.as_bytes();
    let first = match key.map(|key| remembered(db, transfer, key)).transpose()?.flatten() {
        Some(id) => db.first(sql!("ledger/by_id"), params![id.0.as_bytes(), workspace], transfer_row)?,
        None => {
            let Some(reference) = &transfer.reference else { return Ok(None) };
            let first = db.first(sql!("ledger/by_reference"), params![workspace, reference], transfer_row)?;
            if let Some(first) = &first {
                rules::same_reference(first, transfer)?;
            }
            first
        }
    };
    let Some(first) = first else { return Ok(None) };
    let balance = account(db, first.workspace, first.user)?.balance;
    Ok(Some(Posted { transfer: first, posted: false, balance }))
}

fn remembered(db: Db<'_>, transfer: &Transfer, key: &Idempotency) -> Done<Option<TransferId>> {
    let Idempotency { owner, route, key, fingerprint, .. } = key;
    let params = params![transfer.workspace.0.as_bytes(), owner, route, key, transfer.at.micros()];
    let found = db.first(sql!("ledger/find_post_key"), params, |row| {
        Ok((row.get::<_, [u8; 32]>(0)?, TransferId(codec::uuid(row, 1)?)))
    })?;
    match found {
        Some((before, _)) if before != *fingerprint => Err(Refusal::IdempotencyKeyReused.into()),
        found => Ok(found.map(|(_, transfer)| transfer)),
    }
}

fn remember(db: Db<'_>, transfer: &Transfer, key: Option<&Idempotency>) -> Done<()> {
    let Some(Idempotency { owner, route, key, fingerprint, expires_at }) = key else { return Ok(()) };
    let (workspace, id) = (transfer.workspace.0.as_bytes(), transfer.id.0.as_bytes());
    let params = params![workspace, owner, route, key, fingerprint, id, expires_at.micros()];
    db.execute(sql!("ledger/put_post_key"), params)?;
    Ok(())
}

fn refundable(db: Db<'_>, refund: &Transfer) -> Done<MicroCredits> {
    let Some(generation) = refund.generation else { return Ok(MicroCredits::ZERO) };
    let params = params![generation.0.as_bytes(), refund.workspace.0.as_bytes()];
    let rows = db.all(sql!("ledger/of_generation"), params, |row| {
        let kind = codec::word(row, "transfers.kind", TransferKind::parse)?;
        Ok((kind, codec::credits(row, 1)?, UserId(codec::uuid(row, 2)?)))
    })?;
    Ok(rules::refundable(&rows, refund.user)?)
}

fn expire(db: Db<'_>, now: Timestamp, ids: &[TransferId]) -> Done<Vec<Transfer>> {
    let params = params![now.micros(), codec::signed(ids.len() as u64)];
    let owners = db.all(sql!("ledger/expiring"), params, |row| {
        Ok((WorkspaceId(codec::uuid(row, 0)?), UserId(codec::uuid(row, 1)?)))
    })?;
    let (mut fresh, mut expired) = (ids.iter(), Vec::new());
    for owner in owners {
        let held = account(db, owner.0, owner.1)?.balance.held;
        for (lot, amount) in lots::expire(&lots_of(db, owner.0, owner.1)?, held, now) {
            let Some(id) = fresh.next() else { return Ok(expired) };
            let transfer = lots::expiry(*id, owner, lot, amount, now);
            let left = [lots::less(lot, amount)];
            let append = |db: Db<'_>| append(db, account(db, owner.0, owner.1)?, &transfer, &left);
            write_and_tell(db, &transfer, append)?;
            expired.push(transfer);
        }
    }
    Ok(expired)
}

pub(crate) fn transfer_row(row: &Row<'_>) -> Done<Transfer> {
    Ok(Transfer {
        id: TransferId(codec::uuid(row, "id")?),
        workspace: WorkspaceId(codec::uuid(row, "workspace_id")?),
        user: UserId(codec::uuid(row, "user_id")?),
        kind: codec::word(row, "transfers.kind", TransferKind::parse)?,
        amount: codec::credits(row, "amount")?,
        generation: codec::maybe_uuid(row, "generation_id")?.map(GenerationId),
        reference: row.get("reference")?,
        reason: row.get("reason")?,
        peer: codec::maybe_uuid(row, "peer_id")?.map(UserId),
        expires_at: codec::maybe_instant(row, "expires_at")?,
        at: codec::instant(row, "created_at")?,
    })
}

pub(crate) fn entry_row(row: &Row<'_>) -> Done<Entry> {
    let after =
        Balance { available: codec::credits(row, "available_after")?, held: codec::credits(row, "held_after")? };
    Ok(Entry { transfer: transfer_row(row)?, after })
}

fn line_row(row: &Row<'_>) -> Done<Line> {
    let (user_external, peer_external) = (row.get("user_external")?, row.get("peer_external")?);
    Ok(Line { entry: entry_row(row)?, user_external, peer_external })
}

fn account_row(row: &Row<'_>) -> Done<AccountRow> {
    Ok(AccountRow {
        user: UserId(codec::uuid(row, "user_id")?),
        user_external: row.get("user_external")?,
        balance: Balance { available: codec::credits(row, "available")?, held: codec::credits(row, "held")? },
        expires_next_at: codec::maybe_instant(row, "expires_next_at")?,
    })
}

fn list(db: Db<'_>, scope: Scope, filter: &TransferFilter, page: &PageRequest) -> Done<Page<Line>> {
    let cut = Cut::new::<TransferId>(page, |id| id.0)?;
    let (workspace, after) = (scope.workspace.0.as_bytes(), cut.after.as_bytes());
    let kind = filter.kind.map(TransferKind::as_str);
    let generation = filter.generation.map(|id| *id.0.as_bytes());
    let rows = match (filter.user, generation) {
        (Some(user), generation) => {
            let params = params![workspace, after, kind, user.0.as_bytes(), generation, cut.limit];
            db.all(ordered!(cut, "ledger/list_of_user"), params, line_row)?
        }
        (None, Some(generation)) => {
            let params = params![workspace, after, kind, generation, cut.limit];
            db.all(ordered!(cut, "ledger/list_of_generation"), params, line_row)?
        }
        (None, None) => db.all(ordered!(cut, "ledger/list"), params![workspace, after, kind, cut.limit], line_row)?,
    };
    Ok(page::cut(rows, page.limit, |row| row.entry.transfer.id.to_string()))
}
