//! Credits: one way to write a transfer (balance by core's rules, row, chain), used by holds, settles and releases too.
//! Never changes or removes a transfer.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::{Done, Fault};
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::ledger::chain::{ChainHash, link};
use copydesk_core::ledger::{Balance, Transfer, TransferKind, rules};
use copydesk_core::refusal::Refusal;
use copydesk_core::{GenerationId, MicroCredits, TransferId, UserId, WorkspaceId};
use copydesk_store::ledger::Posted;
use copydesk_store::{Answer, LedgerStore, Page, PageRequest, Scope};
use rusqlite::{Row, params};

impl LedgerStore for SqliteStore {
    fn post(&self, transfer: Transfer) -> Answer<'_, Posted> {
        Box::pin(self.write(0, move |session| post(session.db, &transfer)))
    }

    fn balance(&self, scope: Scope, user: UserId) -> Answer<'_, Balance> {
        Box::pin(self.read(move |db| Ok(account(db, scope.workspace, user)?.balance)))
    }

    fn transfers(&self, scope: Scope, user: Option<UserId>, page: PageRequest) -> Answer<'_, Page<Transfer>> {
        Box::pin(self.read(move |db| list(db, scope, user, &page)))
    }
}

/// A user's account: the cached balance and the end of its chain.
pub(crate) struct Account {
    pub balance: Balance,
    pub chain_seq: i64,
    pub chain_hash: ChainHash,
}

/// Empty for a user never seen.
pub(crate) fn account(db: Db<'_>, workspace: WorkspaceId, user: UserId) -> Done<Account> {
    let params = params![workspace.0.as_bytes(), user.0.as_bytes()];
    let account = db.first(sql!("ledger/account"), params, |row| {
        Ok(Account {
            balance: Balance { available: codec::credits(row, 0)?, held: codec::credits(row, 1)? },
            chain_seq: row.get(2)?,
            chain_hash: ChainHash(row.get(3)?),
        })
    })?;
    Ok(account.unwrap_or(Account { balance: Balance::default(), chain_seq: 0, chain_hash: ChainHash::START }))
}

/// Appends a transfer and answers the balance after it.
///
/// Errors: what [`rules::post`] refuses.
pub(crate) fn write(db: Db<'_>, transfer: &Transfer) -> Done<Balance> {
    let account = account(db, transfer.workspace, transfer.user)?;
    let balance = rules::post(account.balance, transfer.kind, transfer.amount)?;
    // From here the write must succeed.
    let (seq, hash) = (account.chain_seq + 1, link(account.chain_hash, transfer));
    let (workspace, user) = (transfer.workspace.0.as_bytes(), transfer.user.0.as_bytes());
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
            transfer.at.micros(),
            seq,
            hash.0,
        ],
    )?;
    let params = params![workspace, user, balance.available.micros(), balance.held.micros(), seq, hash.0];
    db.execute(sql!("ledger/put_account"), params)?;
    Ok(balance)
}

fn post(db: Db<'_>, transfer: &Transfer) -> Done<Posted> {
    match transfer.kind {
        TransferKind::Grant | TransferKind::Refund => {}
        TransferKind::Hold | TransferKind::Settle | TransferKind::Release => {
            return Err(Fault::corrupt(format!("a {} is never posted by itself", transfer.kind.as_str())));
        }
    }
    if let Some(reference) = &transfer.reference {
        let params = params![transfer.workspace.0.as_bytes(), reference];
        if let Some(first) = db.first(sql!("ledger/by_reference"), params, transfer_row)? {
            let balance = account(db, first.workspace, first.user)?.balance;
            return Ok(Posted { transfer: first, posted: false, balance });
        }
    }
    if transfer.kind == TransferKind::Refund && transfer.amount > refundable(db, transfer)? {
        return Err(Refusal::AmountTooLarge.into());
    }
    let balance = write(db, transfer)?;
    Ok(Posted { transfer: transfer.clone(), posted: true, balance })
}

/// What was settled for the generation, less what was given back already.
fn refundable(db: Db<'_>, refund: &Transfer) -> Done<MicroCredits> {
    let Some(generation) = refund.generation else { return Ok(MicroCredits::ZERO) };
    let params = params![generation.0.as_bytes(), refund.workspace.0.as_bytes()];
    let rows = db.all(sql!("ledger/of_generation"), params, |row| {
        let kind = codec::word(row, "transfers.kind", TransferKind::parse)?;
        Ok((kind, codec::credits(row, 1)?, UserId(codec::uuid(row, 2)?)))
    })?;
    let sum = |wanted: TransferKind, user: Option<UserId>| {
        rows.iter()
            .filter(|(kind, _, owner)| *kind == wanted && user.is_none_or(|user| user == *owner))
            .try_fold(MicroCredits::ZERO, |sum, (_, amount, _)| sum.checked_add(*amount))
            .ok_or_else(|| Fault::corrupt(format!("the transfers of {generation} leave the range of credits")))
    };
    let (settled, refunded) = (sum(TransferKind::Settle, Some(refund.user))?, sum(TransferKind::Refund, None)?);
    Ok(settled.checked_sub(refunded).unwrap_or(MicroCredits::ZERO))
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
        at: codec::instant(row, "created_at")?,
    })
}

fn list(db: Db<'_>, scope: Scope, user: Option<UserId>, page: &PageRequest) -> Done<Page<Transfer>> {
    let cut = Cut::new::<TransferId>(page, |id| id.0)?;
    let (workspace, after) = (scope.workspace.0.as_bytes(), cut.after.as_bytes());
    let rows = match user {
        Some(user) => {
            let params = params![workspace, after, user.0.as_bytes(), cut.limit];
            db.all(ordered!(cut, "ledger/list_of_user"), params, transfer_row)?
        }
        None => db.all(ordered!(cut, "ledger/list"), params![workspace, after, cut.limit], transfer_row)?,
    };
    Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
}
