//! The model's ledger: every transfer goes through core's rules and into the account's chain. Never changes a row.

use super::data::{AccountEntry, Data, LedgerEntry, paged};
use copydesk_core::ledger::chain::{ChainHash, link};
use copydesk_core::ledger::{Balance, Transfer, TransferKind, rules};
use copydesk_core::refusal::Refusal;
use copydesk_core::{GenerationId, MicroCredits, TransferId, UserId};
use copydesk_store::ledger::Posted;
use copydesk_store::{Page, PageRequest, Scope, StoreError};

impl Data {
    pub(super) fn balance(&self, scope: Scope, user: UserId) -> Balance {
        self.accounts.get(&(scope.workspace, user)).map_or_else(Balance::default, |account| account.balance)
    }

    /// Appends a transfer the caller has checked.
    pub(super) fn write_transfer(&mut self, transfer: Transfer) {
        let key = (transfer.workspace, transfer.user);
        let account = self.accounts.entry(key).or_insert(AccountEntry {
            balance: Balance::default(),
            chain_seq: 0,
            chain_hash: ChainHash::START,
        });
        account.balance = rules::post(account.balance, transfer.kind, transfer.amount)
            .expect("the caller checked this transfer against the balance");
        account.chain_seq += 1;
        account.chain_hash = link(account.chain_hash, &transfer);
        let (chain_seq, chain_hash) = (account.chain_seq, account.chain_hash);
        self.transfers.push(LedgerEntry { transfer, chain_seq, chain_hash });
    }

    pub(super) fn post(&mut self, transfer: Transfer) -> Result<Posted, StoreError> {
        let scope = Scope { workspace: transfer.workspace };
        match transfer.kind {
            TransferKind::Grant | TransferKind::Refund => {}
            TransferKind::Hold | TransferKind::Settle | TransferKind::Release => {
                return Err(StoreError::Corrupt(format!("a {} is never posted by itself", transfer.kind.as_str())));
            }
        }
        if let Some(first) = self.same_reference(&transfer) {
            let balance = self.balance(scope, first.user);
            return Ok(Posted { transfer: first, posted: false, balance });
        }
        if transfer.kind == TransferKind::Refund && transfer.amount > self.refundable(scope, &transfer) {
            return Err(Refusal::AmountTooLarge.into());
        }
        rules::post(self.balance(scope, transfer.user), transfer.kind, transfer.amount)?;
        // From here the write must succeed.
        self.write_transfer(transfer.clone());
        let balance = self.balance(scope, transfer.user);
        Ok(Posted { transfer, posted: true, balance })
    }

    fn same_reference(&self, transfer: &Transfer) -> Option<Transfer> {
        let reference = transfer.reference.as_ref()?;
        let same = |row: &&LedgerEntry| {
            row.transfer.workspace == transfer.workspace && row.transfer.reference.as_ref() == Some(reference)
        };
        self.transfers.iter().find(same).map(|row| row.transfer.clone())
    }

    /// What was settled for the generation, less what was given back already.
    fn refundable(&self, scope: Scope, refund: &Transfer) -> MicroCredits {
        let Some(generation) = refund.generation else { return MicroCredits::ZERO };
        let settled = self.sum(scope, generation, TransferKind::Settle, Some(refund.user));
        let refunded = self.sum(scope, generation, TransferKind::Refund, None);
        settled.checked_sub(refunded).unwrap_or(MicroCredits::ZERO)
    }

    pub(super) fn sum(
        &self,
        scope: Scope,
        generation: GenerationId,
        kind: TransferKind,
        user: Option<UserId>,
    ) -> MicroCredits {
        self.transfers
            .iter()
            .map(|row| &row.transfer)
            .filter(|row| row.workspace == scope.workspace && row.generation == Some(generation))
            .filter(|row| row.kind == kind && user.is_none_or(|user| user == row.user))
            .fold(MicroCredits::ZERO, |sum, row| sum.checked_add(row.amount).unwrap_or(sum))
    }

    pub(super) fn list_transfers(
        &self,
        scope: Scope,
        user: Option<UserId>,
        page: &PageRequest,
    ) -> Result<Page<Transfer>, StoreError> {
        let mut rows: Vec<(TransferId, Transfer)> = self
            .transfers
            .iter()
            .map(|row| &row.transfer)
            .filter(|row| row.workspace == scope.workspace && user.is_none_or(|user| user == row.user))
            .map(|row| (row.id, row.clone()))
            .collect();
        rows.sort_by_key(|(id, _)| *id);
        paged(rows, page)
    }
}
