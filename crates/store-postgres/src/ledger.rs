//! Accounts with their chain and lots, and transfers appended to them. Every change of a balance goes through
//! [`Account::append`], which asks core's rules; no row is ever changed or removed. What people post is in `posting.rs`.

use crate::failure::Fault;
use crate::pipeline::{Steps, Tx};
use crate::types::{Micros, Param, columns, sql, unknown_word};
use copydesk_core::ledger::chain::{ChainHash, link};
use copydesk_core::ledger::{Balance, Lot, Transfer, TransferKind, lots, rules};
use copydesk_core::refusal::Refusal;
use copydesk_core::{GenerationId, MicroCredits, Timestamp, TransferId, UserId, WorkspaceId};
use copydesk_store::StoreError;
use copydesk_store::ledger::Entry;
use std::collections::BTreeMap;
use tokio_postgres::Row;

pub type AccountKey = (WorkspaceId, UserId);

/// A user's balances, lots and the end of its chain.
#[derive(Clone, Debug)]
pub struct Account {
    pub balance: Balance,
    /// How many lots there are.
    lot_count: i64,
    /// Those lots, soonest to expire first, where they were asked for.
    lots: Vec<Lot>,
    /// The lots that changed, as they are now.
    changed: BTreeMap<TransferId, Lot>,
    chain_seq: i64,
    chain_hash: ChainHash,
}

impl Default for Account {
    fn default() -> Account {
        Account {
            balance: Balance::default(),
            lot_count: 0,
            lots: Vec::new(),
            changed: BTreeMap::new(),
            chain_seq: 0,
            chain_hash: ChainHash::START,
        }
    }
}

/// A transfer with its place in the chain.
#[derive(Clone, Debug)]
pub struct LedgerRow {
    pub entry: Entry,
    pub chain_seq: i64,
    pub chain_hash: ChainHash,
}

impl Account {
    /// The account after `transfer`, and the row to write. What it spends is taken from the lots that expire soonest,
    /// which [`load_lots`] must have brought.
    pub fn append(&mut self, transfer: Transfer) -> Result<LedgerRow, Refusal> {
        let spent = if transfer.kind.spends() { lots::spend(&self.lots, transfer.amount) } else { Vec::new() };
        let row = self.link(transfer)?;
        for lot in spent {
            self.put_lot(lot);
        }
        let Transfer { id, expires_at, amount, .. } = row.entry.transfer;
        if let Some(expires_at) = expires_at {
            self.put_lot(Lot { transfer: id, expires_at, remaining: amount });
            self.lot_count += 1;
        }
        Ok(row)
    }

    fn link(&mut self, transfer: Transfer) -> Result<LedgerRow, Refusal> {
        self.balance = rules::post(self.balance, transfer.kind, transfer.amount)?;
        self.chain_seq += 1;
        self.chain_hash = link(self.chain_hash, &transfer);
        let entry = Entry { transfer, after: self.balance };
        Ok(LedgerRow { entry, chain_seq: self.chain_seq, chain_hash: self.chain_hash })
    }

    /// Takes what has expired at `now` and no hold has set aside; one row for each of `ids`, at most.
    pub fn expire(
        &mut self,
        owner: AccountKey,
        now: Timestamp,
        ids: &mut impl Iterator<Item = TransferId>,
    ) -> Result<Vec<LedgerRow>, Refusal> {
        let mut rows = Vec::new();
        for (lot, amount) in lots::expire(&self.lots, self.balance.held, now) {
            let Some(id) = ids.next() else { break };
            rows.push(self.link(lots::expiry(id, owner, lot, amount, now))?);
            self.put_lot(lots::less(lot, amount));
        }
        Ok(rows)
    }

    fn put_lot(&mut self, lot: Lot) {
        self.lots.retain(|known| known.transfer != lot.transfer);
        if lot.remaining.is_zero() {
            self.lot_count -= 1;
        } else {
            self.lots.push(lot);
            self.lots.sort_by_key(|lot| (lot.expires_at, lot.transfer));
        }
        self.changed.insert(lot.transfer, lot);
    }
}

pub fn accounts(rows: &[Row]) -> Result<BTreeMap<AccountKey, Account>, StoreError> {
    rows.iter()
        .map(|row| {
            let key = (WorkspaceId(row.get("workspace_id")), UserId(row.get("user_id")));
            Ok((key, account(row)?))
        })
        .collect()
}

/// Brings the lots of the locked accounts that have some; nearly always there is nothing to ask.
pub async fn load_lots(tx: &mut Tx, accounts: &mut BTreeMap<AccountKey, Account>) -> Result<(), Fault> {
    let owners: Vec<AccountKey> =
        accounts.iter().filter(|(_, account)| account.lot_count > 0).map(|(key, _)| *key).collect();
    if owners.is_empty() {
        return Ok(());
    }
    let mut steps = Steps::default();
    let place = steps.add(sql!("ledger/lots"), columns!(owners, o => o.0.0, o.1.0));
    for row in tx.send(steps).await?.rows(Some(place)) {
        let key = (WorkspaceId(row.get("workspace_id")), UserId(row.get("user_id")));
        let lot = Lot {
            transfer: TransferId(row.get("transfer_id")),
            expires_at: row.get::<_, Micros>("expires_at").into(),
            remaining: credits(row.get("remaining"))?,
        };
        if let Some(account) = accounts.get_mut(&key) {
            account.lots.push(lot);
        }
    }
    Ok(())
}

pub fn balance(row: &Row) -> Result<Balance, StoreError> {
    Ok(Balance { available: credits(row.get("available"))?, held: credits(row.get("held"))? })
}

pub fn account(row: &Row) -> Result<Account, StoreError> {
    let chain_hash = ChainHash(hash_of(row, "chain_hash")?);
    let (lot_count, chain_seq) = (row.get("lots"), row.get("chain_seq"));
    Ok(Account { balance: balance(row)?, lot_count, chain_seq, chain_hash, ..Account::default() })
}

pub fn credits(micros: i64) -> Result<MicroCredits, StoreError> {
    MicroCredits::new(micros).map_err(|_| StoreError::Corrupt(format!("an amount of {micros} micro-credits")))
}

/// A stored SHA-256.
pub fn hash_of(row: &Row, column: &str) -> Result<[u8; 32], StoreError> {
    let bytes: &[u8] = row.get(column);
    bytes.try_into().map_err(|_| StoreError::Corrupt(format!("{column} has {} bytes", bytes.len())))
}

/// Adds the statements that write these transfers, their accounts and the lots they changed.
pub fn write(steps: &mut Steps<'_>, rows: &[LedgerRow], accounts: &BTreeMap<AccountKey, Account>) {
    if rows.is_empty() {
        return;
    }
    steps.add(sql!("ledger/insert_transfer"), transfer_columns(rows));
    steps.add(sql!("ledger/put_account"), account_columns(accounts));
    let changed: Vec<(&AccountKey, &Lot)> =
        accounts.iter().flat_map(|(key, account)| account.changed.values().map(move |lot| (key, lot))).collect();
    let (gone, left): (Vec<_>, Vec<_>) = changed.into_iter().partition(|(_, lot)| lot.remaining.is_zero());
    if !left.is_empty() {
        let params = columns!(left, l => l.0.0.0, l.0.1.0, Micros::from(l.1.expires_at), l.1.transfer.0,
            l.1.remaining.micros());
        steps.add(sql!("ledger/put_lot"), params);
    }
    if !gone.is_empty() {
        let params = columns!(gone, l => l.0.0.0, l.0.1.0, Micros::from(l.1.expires_at), l.1.transfer.0);
        steps.add(sql!("ledger/delete_lot"), params);
    }
}

fn transfer_columns<'a>(rows: &[LedgerRow]) -> Vec<Param<'a>> {
    let transfers: Vec<(&Transfer, &LedgerRow)> = rows.iter().map(|row| (&row.entry.transfer, row)).collect();
    columns!(transfers, r => r.0.id.0, r.0.workspace.0, r.0.user.0, r.0.kind.as_str(), r.0.kind.debit().as_str(),
        r.0.kind.credit().as_str(), r.0.amount.micros(), r.0.generation.map(|id| id.0), r.0.reference.clone(),
        r.0.reason.clone(), r.0.peer.map(|id| id.0), r.0.expires_at.map(Micros::from), Micros::from(r.0.at),
        r.1.entry.after.available.micros(), r.1.entry.after.held.micros(), r.1.chain_seq, r.1.chain_hash.0.to_vec())
}

fn account_columns<'a>(rows: &BTreeMap<AccountKey, Account>) -> Vec<Param<'a>> {
    columns!(rows, a => a.0.0.0, a.0.1.0, a.1.balance.available.micros(), a.1.balance.held.micros(), a.1.lot_count,
        a.1.chain_seq, a.1.chain_hash.0.to_vec())
}

pub fn ledger_row(row: &Row) -> Result<LedgerRow, StoreError> {
    let kind: &str = row.get("kind");
    let generation: Option<uuid::Uuid> = row.get("generation_id");
    let peer: Option<uuid::Uuid> = row.get("peer_id");
    let transfer = Transfer {
        id: TransferId(row.get("id")),
        workspace: WorkspaceId(row.get("workspace_id")),
        user: UserId(row.get("user_id")),
        kind: TransferKind::parse(kind).ok_or_else(|| unknown_word("transfer kind", kind))?,
        amount: credits(row.get("amount"))?,
        generation: generation.map(GenerationId),
        reference: row.get("reference"),
        reason: row.get("reason"),
        peer: peer.map(UserId),
        expires_at: row.get::<_, Option<Micros>>("expires_at").map(Timestamp::from),
        at: Timestamp::from(row.get::<_, Micros>("created_at")),
    };
    Ok(LedgerRow {
        entry: Entry { transfer, after: balance_after(row)? },
        chain_seq: row.get("chain_seq"),
        chain_hash: ChainHash(hash_of(row, "chain_hash")?),
    })
}

/// What a transfer left.
pub fn balance_after(row: &Row) -> Result<Balance, StoreError> {
    Ok(Balance { available: credits(row.get("available_after"))?, held: credits(row.get("held_after"))? })
}
