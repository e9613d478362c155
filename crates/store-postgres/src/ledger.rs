//! The ledger: accounts with their chain, transfers appended to it. Every change of a balance goes through
//! [`Account::append`], which asks core's rules; no row is ever changed or removed.

use crate::PostgresStore;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, Param, columns, params, sql, unknown_word};
use copydesk_core::ledger::chain::{ChainHash, link};
use copydesk_core::ledger::{Balance, Transfer, TransferKind, rules};
use copydesk_core::refusal::Refusal;
use copydesk_core::{GenerationId, MicroCredits, Timestamp, TransferId, UserId, WorkspaceId};
use copydesk_store::ledger::Posted;
use copydesk_store::{Order, Page, PageRequest, Scope, StoreError};
use std::collections::BTreeMap;
use tokio_postgres::Row;

pub type AccountKey = (WorkspaceId, UserId);

/// A user's balances and the end of its chain.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub balance: Balance,
    pub chain_seq: i64,
    pub chain_hash: ChainHash,
}

impl Default for Account {
    fn default() -> Account {
        Account { balance: Balance::default(), chain_seq: 0, chain_hash: ChainHash::START }
    }
}

/// A transfer with its place in the chain.
#[derive(Clone, Debug)]
pub struct LedgerRow {
    pub transfer: Transfer,
    pub chain_seq: i64,
    pub chain_hash: ChainHash,
}

impl Account {
    /// The account after `transfer`, and the row to write.
    pub fn append(&mut self, transfer: Transfer) -> Result<LedgerRow, Refusal> {
        self.balance = rules::post(self.balance, transfer.kind, transfer.amount)?;
        self.chain_seq += 1;
        self.chain_hash = link(self.chain_hash, &transfer);
        Ok(LedgerRow { transfer, chain_seq: self.chain_seq, chain_hash: self.chain_hash })
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

fn account(row: &Row) -> Result<Account, StoreError> {
    let balance = Balance { available: credits(row.get("available"))?, held: credits(row.get("held"))? };
    Ok(Account { balance, chain_seq: row.get("chain_seq"), chain_hash: ChainHash(hash_of(row, "chain_hash")?) })
}

pub fn credits(micros: i64) -> Result<MicroCredits, StoreError> {
    MicroCredits::new(micros).map_err(|_| StoreError::Corrupt(format!("an amount of {micros} micro-credits")))
}

/// A stored SHA-256.
pub fn hash_of(row: &Row, column: &str) -> Result<[u8; 32], StoreError> {
    let bytes: &[u8] = row.get(column);
    bytes.try_into().map_err(|_| StoreError::Corrupt(format!("{column} has {} bytes", bytes.len())))
}

pub fn transfer_columns<'a>(rows: &[LedgerRow]) -> Vec<Param<'a>> {
    columns!(rows, r => r.transfer.id.0, r.transfer.workspace.0, r.transfer.user.0, r.transfer.kind.as_str(),
        r.transfer.kind.debit().as_str(), r.transfer.kind.credit().as_str(), r.transfer.amount.micros(),
        r.transfer.generation.map(|id| id.0), r.transfer.reference.clone(), Micros::from(r.transfer.at), r.chain_seq,
        r.chain_hash.0.to_vec())
}

pub fn account_columns<'a>(rows: &BTreeMap<AccountKey, Account>) -> Vec<Param<'a>> {
    columns!(rows, a => a.0.0.0, a.0.1.0, a.1.balance.available.micros(), a.1.balance.held.micros(), a.1.chain_seq,
        a.1.chain_hash.0.to_vec())
}

pub fn ledger_row(row: &Row) -> Result<LedgerRow, StoreError> {
    let kind: &str = row.get("kind");
    let generation: Option<uuid::Uuid> = row.get("generation_id");
    Ok(LedgerRow {
        transfer: Transfer {
            id: TransferId(row.get("id")),
            workspace: WorkspaceId(row.get("workspace_id")),
            user: UserId(row.get("user_id")),
            kind: TransferKind::parse(kind).ok_or_else(|| unknown_word("transfer kind", kind))?,
            amount: credits(row.get("amount"))?,
            generation: generation.map(GenerationId),
            reference: row.get("reference"),
            at: Timestamp::from(row.get::<_, Micros>("created_at")),
        },
        chain_seq: row.get("chain_seq"),
        chain_hash: ChainHash(hash_of(row, "chain_hash")?),
    })
}

/// How often a posting starts again because another one of the same account or reference was faster.
const TRIES_MAX: u32 = 10;

impl PostgresStore {
    pub(crate) async fn post_transfer(&self, transfer: Transfer) -> Result<Posted, StoreError> {
        match transfer.kind {
            TransferKind::Grant | TransferKind::Refund => {}
            TransferKind::Hold | TransferKind::Settle | TransferKind::Release => {
                return Err(StoreError::Corrupt(format!("a {} is never posted by itself", transfer.kind.as_str())));
            }
        }
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_post(&transfer).await {
                Err(Fault::Race(words)) if tries < TRIES_MAX => tracing::debug!(words, "posting starts again"),
                Ok(posted) => return Ok(posted),
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    async fn try_post(&self, transfer: &Transfer) -> Result<Posted, Fault> {
        let (workspace, user) = (transfer.workspace, transfer.user);
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        // An account that does not exist yet cannot be locked: an empty one is.
        steps.add(sql!("ledger/open_account"), params![workspace.0, user.0, ChainHash::START.0.to_vec()]);
        let locked = steps.add(sql!("ledger/lock_account"), params![vec![workspace.0], vec![user.0]]);
        let first = transfer
            .reference
            .as_ref()
            .map(|reference| steps.add(sql!("ledger/by_reference"), params![workspace.0, reference.as_str()]));
        let related = transfer
            .generation
            .map(|generation| steps.add(sql!("ledger/of_generation"), params![generation.0, workspace.0]));
        let found = tx.send(steps).await?;
        if let Some(row) = found.rows(first).first() {
            let first = ledger_row(row)?.transfer;
            tx.rollback().await?;
            let balance = self.balance_of(Scope { workspace }, first.user).await?;
            return Ok(Posted { transfer: first, posted: false, balance });
        }
        if transfer.kind == TransferKind::Refund && transfer.amount > refundable(found.rows(related), user)? {
            tx.rollback().await?;
            return Err(StoreError::from(Refusal::AmountTooLarge).into());
        }
        let mut accounts = accounts(found.rows(Some(locked)))?;
        let account = accounts.entry((workspace, user)).or_default();
        let row = account.append(transfer.clone()).map_err(StoreError::from)?;
        let balance = account.balance;
        // From here the write must succeed.
        let mut steps = Steps::default();
        steps.add(sql!("ledger/insert_transfer"), transfer_columns(&[row]));
        steps.add(sql!("ledger/put_account"), account_columns(&accounts));
        tx.commit(steps).await?;
        Ok(Posted { transfer: transfer.clone(), posted: true, balance })
    }

    pub(crate) async fn balance_of(&self, scope: Scope, user: UserId) -> Result<Balance, StoreError> {
        let rows = read(&self.readers, sql!("ledger/account"), params![scope.workspace.0, user.0]).await?;
        Ok(rows.first().map(account).transpose()?.map(|account| account.balance).unwrap_or_default())
    }

    pub(crate) async fn list_transfers(
        &self,
        scope: Scope,
        user: Option<UserId>,
        page: &PageRequest,
    ) -> Result<Page<Transfer>, StoreError> {
        let cursor = Cursor::<TransferId>::of(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!("ledger/list_newest"),
            Order::OldestFirst => sql!("ledger/list_oldest"),
        };
        let params = params![scope.workspace.0, cursor.after.0, user.map(|user| user.0), cursor.limit];
        let rows = read(&self.readers, sql, params).await?;
        page_of(&rows, page, |row| Ok(ledger_row(row)?.transfer), |transfer| transfer.id.to_string())
    }
}

/// What was settled from this user for the generation, less what was given back already.
fn refundable(rows: &[Row], user: UserId) -> Result<MicroCredits, StoreError> {
    let mut left = MicroCredits::ZERO;
    let mut back = MicroCredits::ZERO;
    let overflow = || StoreError::Corrupt("a sum of transfers leaves the range".to_owned());
    for row in rows {
        let kind: &str = row.get("kind");
        let amount = credits(row.get("amount"))?;
        match TransferKind::parse(kind).ok_or_else(|| unknown_word("transfer kind", kind))? {
            TransferKind::Settle if UserId(row.get("user_id")) == user => {
                left = left.checked_add(amount).ok_or_else(overflow)?;
            }
            TransferKind::Refund => back = back.checked_add(amount).ok_or_else(overflow)?,
            TransferKind::Settle | TransferKind::Grant | TransferKind::Hold | TransferKind::Release => {}
        }
    }
    Ok(left.checked_sub(back).unwrap_or(MicroCredits::ZERO))
}
