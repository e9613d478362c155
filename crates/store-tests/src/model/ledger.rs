//! The model's ledger: every transfer goes through core's rules and into the account's chain. Never changes a row.

use super::data::{AccountEntry, Data, LedgerEntry, PostKey, User, paged};
use copydesk_core::ledger::chain::link;
use copydesk_core::ledger::{Balance, Lot, Transfer, TransferKind, Written, lots, rules};
use copydesk_core::refusal::Refusal;
use copydesk_core::{Timestamp, TransferId, UserId};
use copydesk_store::events::NewEvent;
use copydesk_store::generations::Idempotency;
use copydesk_store::ledger::{AccountRow, CHANGED, Entry, Gift, Line, Post, Posted, TransferFilter, changed};
use copydesk_store::{Page, PageRequest, Scope, StoreError};

impl Data {
    pub(super) fn balance(&self, scope: Scope, user: UserId) -> Balance {
        self.accounts.get(&(scope.workspace, user)).map_or_else(Balance::default, |account| account.balance)
    }

    /// Appends a transfer the caller has checked.
    pub(super) fn write_transfer(&mut self, transfer: Transfer) -> Entry {
        let account = self.accounts.entry((transfer.workspace, transfer.user)).or_default();
        account.balance = rules::post(account.balance, transfer.kind, transfer.amount)
            .expect("the caller checked this transfer against the balance");
        account.chain_seq += 1;
        account.chain_hash = link(account.chain_hash, &transfer);
        if let Some(expires_at) = transfer.expires_at {
            account.lots.push(Lot { transfer: transfer.id, expires_at, remaining: transfer.amount });
        }
        if transfer.kind.spends() {
            for lot in lots::spend(&account.lots, transfer.amount) {
                account.change_lot(lot);
            }
        }
        account.tidy_lots();
        let (chain_seq, chain_hash, after) = (account.chain_seq, account.chain_hash, account.balance);
        let entry = Entry { transfer, after };
        self.transfers.push(LedgerEntry { entry: entry.clone(), chain_seq, chain_hash });
        entry
    }

    /// Appends a transfer made outside a generation's life, and says so.
    fn write_and_tell(&mut self, transfer: Transfer) -> Entry {
        let (workspace, user, at) = (transfer.workspace, Some(transfer.user), transfer.at);
        let entry = self.write_transfer(transfer);
        let data = changed(&entry).into();
        self.announce(NewEvent { workspace, kind: CHANGED, generation: None, draft: None, user, at, data });
        entry
    }

    pub(super) fn post(&mut self, post: Post) -> Result<Posted, StoreError> {
        let Post { transfer, open_as, idempotency } = post;
        let scope = Scope::of(transfer.workspace);
        if transfer.kind.written() != Written::ByHand {
            return Err(StoreError::Corrupt(format!("a {} is never posted by itself", transfer.kind.as_str())));
        }
        if let Some(known) = self.known(&transfer, idempotency.as_ref())? {
            return Ok(known);
        }
        if open_as.is_none() {
            self.must_know(scope, transfer.user)?;
        }
        if transfer.kind == TransferKind::Refund && transfer.amount > self.refundable(&transfer)? {
            return Err(Refusal::AmountTooLarge.into());
        }
        rules::post(self.balance(scope, transfer.user), transfer.kind, transfer.amount)?;
        // From here the write must succeed.
        if let Some(external) = open_as {
            let seen = User { external, created_at: transfer.at };
            self.users.entry((scope.workspace, transfer.user)).or_insert(seen);
        }
        self.remember_post(&transfer, idempotency);
        let Entry { transfer, after } = self.write_and_tell(transfer);
        Ok(Posted { transfer, posted: true, balance: after })
    }

    pub(super) fn gift(&mut self, gift: Gift) -> Result<Posted, StoreError> {
        let Gift { sent, received, idempotency } = gift;
        let scope = Scope::of(sent.workspace);
        if let Some(known) = self.known(&sent, idempotency.as_ref())? {
            return Ok(known);
        }
        self.must_know(scope, sent.user)?;
        self.must_know(scope, received.user)?;
        for side in [&sent, &received] {
            rules::post(self.balance(scope, side.user), side.kind, side.amount)?;
        }
        // From here the write must succeed.
        self.remember_post(&sent, idempotency);
        let Entry { transfer, after } = self.write_and_tell(sent);
        self.write_and_tell(received);
        Ok(Posted { transfer, posted: true, balance: after })
    }

    fn must_know(&self, scope: Scope, user: UserId) -> Result<(), StoreError> {
        let known = self.users.contains_key(&(scope.workspace, user));
        if known { Ok(()) } else { Err(StoreError::NotFound { what: "user", id: user.to_string() }) }
    }

    /// What was posted before under this idempotency key or reference.
    fn known(&self, transfer: &Transfer, key: Option<&Idempotency>) -> Result<Option<Posted>, StoreError> {
        let remembered = key.and_then(|key| Some((key, self.post_keys.get(&post_key(transfer, key))?)));
        let first = match remembered.filter(|(_, row)| transfer.at < row.expires_at) {
            Some((key, row)) if row.fingerprint != key.fingerprint => {
                return Err(Refusal::IdempotencyKeyReused.into());
            }
            Some((_, row)) => self.find_transfer(|it| it.id == row.transfer),
            None => {
                let first = transfer.reference.as_ref().and_then(|reference| {
                    self.find_transfer(|it| {
                        it.workspace == transfer.workspace
                            && it.reference.as_ref() == Some(reference)
                            && it.kind != TransferKind::GiftReceived
                    })
                });
                if let Some(first) = &first {
                    rules::same_reference(first, transfer)?;
                }
                first
            }
        };
        Ok(first.map(|first| {
            let balance = self.balance(Scope::of(first.workspace), first.user);
            Posted { transfer: first, posted: false, balance }
        }))
    }

    fn find_transfer(&self, wanted: impl Fn(&Transfer) -> bool) -> Option<Transfer> {
        self.transfers.iter().map(|row| &row.entry.transfer).find(|transfer| wanted(transfer)).cloned()
    }

    fn remember_post(&mut self, transfer: &Transfer, key: Option<Idempotency>) {
        if let Some(key) = key {
            let row = PostKey { fingerprint: key.fingerprint, transfer: transfer.id, expires_at: key.expires_at };
            self.post_keys.insert(post_key(transfer, &key), row);
        }
    }

    /// What was settled for the generation, less what was given back already.
    fn refundable(&self, refund: &Transfer) -> Result<copydesk_core::MicroCredits, Refusal> {
        let rows: Vec<_> = self
            .transfers
            .iter()
            .map(|row| &row.entry.transfer)
            .filter(|row| row.workspace == refund.workspace && row.generation == refund.generation)
            .filter(|row| row.generation.is_some())
            .map(|row| (row.kind, row.amount, row.user))
            .collect();
        rules::refundable(&rows, refund.user)
    }

    pub(super) fn expire_lots(&mut self, now: Timestamp, ids: Vec<TransferId>) -> Vec<Transfer> {
        let mut over = vec![];
        for ((workspace, user), account) in &self.accounts {
            for (lot, amount) in lots::expire(&account.lots, account.balance.held, now) {
                over.push((*workspace, *user, lot, amount));
            }
        }
        let mut written = vec![];
        for ((workspace, user, lot, amount), id) in over.into_iter().zip(ids) {
            let transfer = lots::expiry(id, (workspace, user), lot, amount, now);
            written.push(self.write_and_tell(transfer).transfer);
            if let Some(account) = self.accounts.get_mut(&(workspace, user)) {
                account.change_lot(lots::less(lot, amount));
                account.tidy_lots();
            }
        }
        written
    }

    pub(super) fn account(&self, scope: Scope, user: UserId) -> Result<AccountRow, StoreError> {
        self.must_know(scope, user)?;
        let account = self.accounts.get(&(scope.workspace, user));
        Ok(AccountRow {
            user,
            user_external: self.external(scope, user),
            balance: self.balance(scope, user),
            expires_next_at: account.and_then(|account| account.lots.first()).map(|lot| lot.expires_at),
        })
    }

    pub(super) fn list_accounts(&self, scope: Scope, page: &PageRequest) -> Result<Page<AccountRow>, StoreError> {
        let own = self.accounts.keys().filter(|(workspace, _)| *workspace == scope.workspace);
        let rows = own.map(|(_, user)| Ok((*user, self.account(scope, *user)?)));
        paged(rows.collect::<Result<Vec<_>, StoreError>>()?, page)
    }

    pub(super) fn list_transfers(
        &self,
        scope: Scope,
        filter: &TransferFilter,
        page: &PageRequest,
    ) -> Result<Page<Line>, StoreError> {
        let fits = |row: &&Entry| {
            row.transfer.workspace == scope.workspace
                && filter.user.is_none_or(|user| user == row.transfer.user)
                && filter.kind.is_none_or(|kind| kind == row.transfer.kind)
                && filter.generation.is_none_or(|id| row.transfer.generation == Some(id))
        };
        let line = |entry: &Entry| Line {
            entry: entry.clone(),
            user_external: self.external(scope, entry.transfer.user),
            peer_external: entry.transfer.peer.map(|peer| self.external(scope, peer)),
        };
        let entries = self.transfers.iter().map(|row| &row.entry).filter(fits);
        let mut rows: Vec<(TransferId, Line)> = entries.map(|entry| (entry.transfer.id, line(entry))).collect();
        // A user's own statement is in the order of his chain, which is the order they were written in.
        if filter.user.is_none() {
            rows.sort_by_key(|(id, _)| *id);
        }
        paged(rows, page)
    }
}

fn post_key(transfer: &Transfer, key: &Idempotency) -> (copydesk_core::WorkspaceId, String, String, String) {
    (transfer.workspace, key.owner.clone(), key.route.clone(), key.key.clone())
}

impl AccountEntry {
    fn change_lot(&mut self, changed: Lot) {
        self.lots.iter_mut().filter(|lot| lot.transfer == changed.transfer).for_each(|lot| *lot = changed);
    }

    /// Soonest to expire first, without the empty ones.
    fn tidy_lots(&mut self) {
        self.lots.retain(|lot| !lot.remaining.is_zero());
        self.lots.sort_by_key(|lot| (lot.expires_at, lot.transfer));
    }
}
