//! The auditor's checks on the model's maps, under the names both engines use for their `sql/audit/<check>.sql`.
//! `generation_in_one_place` holds by construction here (one entry, one state) and is checked as "the derived sets agree".

use super::data::{Data, Entry};
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::{State, Status, Wait};
use copydesk_core::ledger::chain::{ChainHash, link};
use copydesk_core::ledger::{Balance, TransferKind, rules};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{MicroCredits, Timestamp, UserId, WorkspaceId};
use copydesk_store::admin::Finding;
use copydesk_store::retention::Aged;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long past its deadline a live generation may be found.
const PAST_DEADLINE_GRACE: Duration = Duration::from_secs(60);
/// How long a call of no run may stay open.
const OPEN_CALL_MAX: Duration = Duration::from_secs(3_600);

struct Findings(Vec<Finding>);

impl Findings {
    /// Notes a finding unless `holds`.
    fn expect(&mut self, check: &'static str, holds: bool, subject: impl ToString, detail: impl ToString) {
        if !holds {
            self.0.push(Finding { check, subject: subject.to_string(), detail: detail.to_string() });
        }
    }
}

impl Data {
    pub(super) fn audit(&self) -> Vec<Finding> {
        let mut findings = Findings(vec![]);
        // The model has no clock: the newest event stands for it.
        let now = self.events.iter().map(|(_, event)| event.at).max().unwrap_or(Timestamp::from_micros(0));
        for entry in self.generations.values() {
            self.audit_place(entry, now, &mut findings);
            self.audit_result(entry, &mut findings);
            self.audit_calls_of(entry, &mut findings);
            self.audit_hold(entry, &mut findings);
        }
        self.audit_drafts(&mut findings);
        self.audit_locks(&mut findings);
        self.audit_ledger(&mut findings);
        for call in self.calls.values().filter(|call| call.row.closed.is_none()) {
            let is_run =
                self.generations.get(&call.row.generation).is_some_and(|entry| entry.call == Some(call.row.id));
            let old = call.row.opened_at < now.minus(OPEN_CALL_MAX);
            findings.expect("open_call_without_run_older_than_an_hour", is_run || !old, call.row.id, "open");
        }
        findings.0
    }

    fn audit_place(&self, entry: &Entry, now: Timestamp, findings: &mut Findings) {
        let id = entry.generation.id;
        let ready = matches!(entry.generation.state, State::Pending { wait: Wait::Ready });
        let agrees = self.ready.contains(&(entry.sort_key, id)) == ready && self.live.contains(&id) == entry.is_live();
        findings.expect("generation_in_one_place", agrees, id, "the queue and the state disagree");
        let late = entry.generation.terms.deadline_at.plus(PAST_DEADLINE_GRACE) < now;
        findings.expect("past_deadline", !(entry.is_live() && late), id, "live past its deadline");
        let workspace = entry.scope();
        let draft_fits = self.drafts.get(&entry.draft).is_some_and(|draft| draft.scope == workspace);
        let calls_fit = self.calls.values().all(|call| call.row.generation != id || call.scope == workspace);
        findings.expect("one_workspace", draft_fits && calls_fit, id, "rows of two workspaces");
        let finals = ["generation.completed", "generation.failed", "generation.cancelled"];
        let events = self.events.iter().map(|(_, event)| event);
        let ends = events.filter(|event| event.generation == Some(id) && finals.contains(&event.kind.as_str())).count();
        let gone = ends == 0 && self.may_be_pruned(Aged::Events, &entry.generation.state);
        let right = gone || ends == usize::from(!entry.is_live());
        findings.expect("final_event_once", right, id, format!("{ends} final events"));
    }

    fn audit_result(&self, entry: &Entry, findings: &mut Findings) {
        let id = entry.generation.id;
        let versions = self.versions.values().filter(|version| version.generation == Some(id)).count();
        let completed = entry.generation.state.status() == Status::Completed;
        let detail = format!("{versions} versions, {}", entry.generation.state.status());
        findings.expect("completed_has_one_version", !completed || versions == 1, id, &detail);
        findings.expect("version_only_of_completed", completed || versions == 0, id, &detail);
    }

    fn audit_calls_of(&self, entry: &Entry, findings: &mut Findings) {
        let id = entry.generation.id;
        if self.may_be_pruned(Aged::Calls, &entry.generation.state) {
            return;
        }
        let calls: Vec<_> = self.calls.values().map(|call| &call.row).filter(|row| row.generation == id).collect();
        let attempts = entry.generation.attempt.0;
        let gap = (1..=attempts).find(|attempt| !calls.iter().any(|call| call.attempt == *attempt));
        let beyond = calls.iter().any(|call| call.attempt > attempts);
        findings.expect("call_per_attempt", gap.is_none() && !beyond, id, format!("gap {gap:?}, beyond {beyond}"));
        let is_ok = |outcome: CallOutcome| outcome == CallOutcome::Ok;
        let used = calls.iter().any(|call| call.closed.as_ref().is_some_and(|(_, closed)| is_ok(closed.outcome)));
        let owes = entry.origin.as_deref() == Some("generated");
        findings.expect("usage_of_completed", !owes || used, id, "no call ended well");
    }

    fn audit_hold(&self, entry: &Entry, findings: &mut Findings) {
        let (id, scope) = (entry.generation.id, entry.scope());
        let sum = |kind| self.sum(scope, id, kind, None);
        let held = sum(TransferKind::Hold);
        let given = sum(TransferKind::Settle).checked_add(sum(TransferKind::Release)).unwrap_or(MicroCredits::ZERO);
        let open = held.checked_sub(given);
        let right = held == entry.generation.terms.hold
            && open.is_some_and(|open| if entry.is_live() { open == held } else { open.is_zero() });
        let refunds = sum(TransferKind::Refund) <= sum(TransferKind::Settle);
        findings.expect("hold_balances", right && refunds, id, format!("hold {held}, settled and released {given}"));
    }

    fn audit_drafts(&self, findings: &mut Findings) {
        for draft in self.drafts.values() {
            let row = &draft.row;
            let live = row.live_generation.and_then(|id| self.generations.get(&id));
            let live_status = live.map(|entry| entry.generation.state.status());
            let lives =
                row.live_generation.is_none() || live.is_some_and(|entry| entry.is_live() && entry.draft == row.id);
            findings.expect("draft_live_generation_is_live", lives, row.id, format!("{:?}", row.live_generation));
            let fits = match row.status {
                DraftStatus::Pending => row.versions == 0 && live_status == Some(Status::Pending),
                DraftStatus::Processing => row.versions == 0 && live_status == Some(Status::Processing),
                DraftStatus::Draft => row.versions > 0,
                DraftStatus::Published => row.versions > 0 && live_status.is_none(),
                DraftStatus::Failed | DraftStatus::Cancelled => row.versions == 0 && live_status.is_none(),
            };
            findings.expect("draft_status_fits", fits, row.id, format!("{}, live {live_status:?}", row.status));
            let stored = self.versions.range((row.id, 0)..=(row.id, u32::MAX)).count();
            let current = row.current_version == 0 || self.versions.contains_key(&(row.id, row.current_version));
            let counted = stored == row.versions as usize && (row.current_version == 0) == (stored == 0);
            let detail = format!("current {}, counted {}, stored {stored}", row.current_version, row.versions);
            findings.expect("draft_current_version_exists", current && counted, row.id, detail);
        }
    }

    fn audit_locks(&self, findings: &mut Findings) {
        for ((_, target), holder) in &self.live_targets {
            let entry = self.generations.get(holder);
            let live = entry.is_some_and(|entry| entry.is_live() && entry.accept.target.as_ref() == Some(target));
            findings.expect("target_holder_is_live", live, holder, target);
        }
        for ((_, key), (holder, _)) in &self.live_keys {
            let live = self.generations.get(holder).is_some_and(Entry::is_live);
            findings.expect("live_key_is_live", live, holder, key);
        }
        for (id, entry) in self.live_entries() {
            let Some(target) = &entry.accept.target else { continue };
            let holder = self.live_targets.get(&(entry.scope().workspace, target.clone())).copied();
            let waits = matches!(entry.generation.state, State::Pending { wait: Wait::Target });
            let right = if waits { holder.is_some_and(|holder| holder != id) } else { holder == Some(id) };
            findings.expect("waiting_target_has_holder", right, id, format!("{target}: {holder:?}"));
        }
    }

    fn audit_ledger(&self, findings: &mut Findings) {
        let mut folds: BTreeMap<(WorkspaceId, UserId), (Balance, ChainHash, i64)> = BTreeMap::new();
        for row in &self.transfers {
            let key = (row.transfer.workspace, row.transfer.user);
            let (balance, hash, seq) = folds.entry(key).or_insert((Balance::default(), ChainHash::START, 0));
            match rules::post(*balance, row.transfer.kind, row.transfer.amount) {
                Ok(after) => *balance = after,
                Err(no) => findings.expect("balance_not_negative", false, row.transfer.id, no),
            }
            (*hash, *seq) = (link(*hash, &row.transfer), *seq + 1);
            let chained = row.chain_hash == *hash && row.chain_seq == *seq;
            findings.expect("ledger_chain", chained, row.transfer.id, format!("link {}", row.chain_seq));
        }
        for (key, account) in &self.accounts {
            let fold = folds.get(key).map(|(balance, ..)| *balance).unwrap_or_default();
            findings.expect(
                "balance_is_fold",
                fold == account.balance,
                key.1,
                format!("{fold:?} {:?}", account.balance),
            );
        }
    }
}
