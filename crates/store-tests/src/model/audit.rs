//! The auditor's checks on the model's maps, under the names both engines use for their `sql/audit/<check>.sql`.
//! `generation_in_one_place` holds by construction here (one entry, one state) and is checked as "the derived sets agree".

use super::data::{AccountEntry, Call, Data, Entry};
use copydesk_core::budget::Place;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::{State, Status, Wait};
use copydesk_core::ledger::chain::{ChainHash, link};
use copydesk_core::ledger::{Balance, TransferKind, rules};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{GenerationId, MicroCredits, Timestamp, UserId, WorkspaceId};
use copydesk_store::audit::Finding;
use copydesk_store::retention::Aged;
use copydesk_store::usage::CallRow;
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

/// What belongs to one generation, gathered once for all checks.
#[derive(Default)]
struct Parts<'a> {
    calls: Vec<&'a Call>,
    moved: Vec<(TransferKind, MicroCredits)>,
    versions: usize,
    final_events: usize,
}

impl Data {
    pub(super) fn audit(&self) -> Vec<Finding> {
        let mut findings = Findings(vec![]);
        // The model has no clock: the newest event stands for it.
        let now = self.events.iter().map(|(_, event)| event.at).max().unwrap_or(Timestamp::from_micros(0));
        let (parts, none) = (self.parts(), Parts::default());
        for (id, entry) in &self.generations {
            let parts = parts.get(id).unwrap_or(&none);
            self.audit_place(entry, parts, now, &mut findings);
            audit_result(entry, parts, &mut findings);
            if !self.may_be_pruned(Aged::Calls, &entry.generation.state) {
                audit_calls_of(entry, parts, &mut findings);
            }
            audit_hold(entry, parts, &mut findings);
        }
        self.audit_assets(&mut findings);
        self.audit_drafts(&mut findings);
        self.audit_locks(&mut findings);
        self.audit_ledger(&mut findings);
        self.audit_budgets(&mut findings);
        self.audit_jobs(&mut findings);
        self.audit_bulks(&mut findings);
        self.mailings_out_of_step()
            .iter()
            .for_each(|id| findings.expect("mailing_counts_are_mails", false, id, "its counts are not its mails'"));
        for call in self.calls.values().filter(|call| call.row.closed.is_none()) {
            let is_run =
                self.generations.get(&call.row.generation).is_some_and(|entry| entry.call == Some(call.row.id));
            let old = call.row.opened_at < now.minus(OPEN_CALL_MAX);
            findings.expect("open_call_without_run_older_than_an_hour", is_run || !old, call.row.id, "open");
        }
        findings.0
    }

    fn audit_jobs(&self, findings: &mut Findings) {
        let (jobs, strays) = self.jobs_out_of_step();
        jobs.iter().for_each(|id| findings.expect("job_counts_are_items", false, id, "its counts are not its items'"));
        strays.iter().for_each(|id| findings.expect("item_is_its_generation", false, id, "its item says otherwise"));
    }

    fn audit_bulks(&self, findings: &mut Findings) {
        let bulks = self.bulks_out_of_step();
        bulks
            .iter()
            .for_each(|id| findings.expect("bulk_counts_are_items", false, id, "its counts are not its items'"));
    }

    fn parts(&self) -> BTreeMap<GenerationId, Parts<'_>> {
        let mut parts: BTreeMap<GenerationId, Parts<'_>> = BTreeMap::new();
        for call in self.calls.values() {
            parts.entry(call.row.generation).or_default().calls.push(call);
        }
        for transfer in self.transfers.iter().map(|row| &row.entry.transfer) {
            if let Some(id) = transfer.generation {
                parts.entry(id).or_default().moved.push((transfer.kind, transfer.amount));
            }
        }
        for id in self.versions.values().filter_map(|version| version.generation) {
            parts.entry(id).or_default().versions += 1;
        }
        let finals = ["generation.completed", "generation.failed", "generation.cancelled"];
        for (_, event) in self.events.iter().filter(|(_, event)| finals.contains(&event.kind.as_str())) {
            if let Some(id) = event.generation {
                parts.entry(id).or_default().final_events += 1;
            }
        }
        parts
    }

    fn audit_place(&self, entry: &Entry, parts: &Parts<'_>, now: Timestamp, findings: &mut Findings) {
        let id = entry.generation.id;
        let ready = matches!(entry.generation.state, State::Pending { wait: Wait::Ready });
        let agrees = self.ready.contains(&(entry.sort_key, id)) == ready && self.live.contains(&id) == entry.is_live();
        findings.expect("generation_in_one_place", agrees, id, "the queue and the state disagree");
        let late = entry.generation.terms.deadline_at.plus(PAST_DEADLINE_GRACE) < now;
        findings.expect("past_deadline", !(entry.is_live() && late), id, "live past its deadline");
        let workspace = entry.scope();
        let draft_fits = self.drafts.get(&entry.draft).is_some_and(|draft| draft.scope == workspace);
        let calls_fit = parts.calls.iter().all(|call| call.scope == workspace);
        findings.expect("one_workspace", draft_fits && calls_fit, id, "rows of two workspaces");
        let ends = parts.final_events;
        let gone = ends == 0 && self.may_be_pruned(Aged::Events, &entry.generation.state);
        let right = gone || ends == usize::from(!entry.is_live());
        findings.expect("final_event_once", right, id, format!("{ends} final events"));
    }

    fn audit_assets(&self, findings: &mut Findings) {
        for (id, (_, row)) in &self.assets {
            let version = self.versions.get(&(row.draft, row.version));
            let named = version.is_some_and(|version| version.generation == Some(row.generation));
            findings.expect("asset_of_version", named, id, "its version is not the one its generation wrote");
        }
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
        let mut gifts: BTreeMap<(WorkspaceId, &str), i64> = BTreeMap::new();
        for row in &self.transfers {
            let transfer = &row.entry.transfer;
            let key = (transfer.workspace, transfer.user);
            let (balance, hash, seq) = folds.entry(key).or_insert((Balance::default(), ChainHash::START, 0));
            match rules::post(*balance, transfer.kind, transfer.amount) {
                Ok(after) => *balance = after,
                Err(no) => findings.expect("balance_not_negative", false, transfer.id, no),
            }
            (*hash, *seq) = (link(*hash, transfer), *seq + 1);
            let chained = row.chain_hash == *hash && row.chain_seq == *seq;
            findings.expect("ledger_chain", chained, transfer.id, format!("link {}", row.chain_seq));
            let after = row.entry.after;
            findings.expect("running_balance", after == *balance, transfer.id, format!("{after:?} {balance:?}"));
            let sum = gifts.entry((transfer.workspace, transfer.reference.as_deref().unwrap_or_default())).or_default();
            *sum += i64::from(transfer.kind == TransferKind::GiftSent) * transfer.amount.micros();
            *sum -= i64::from(transfer.kind == TransferKind::GiftReceived) * transfer.amount.micros();
        }
        for ((_, reference), sum) in gifts {
            findings.expect("gifts_net_to_zero", sum == 0, reference, sum);
        }
        for (key, account) in &self.accounts {
            let fold = folds.get(key).map(|(balance, ..)| *balance).unwrap_or_default();
            let detail = format!("{fold:?} {:?}", account.balance);
            findings.expect("balance_is_fold", fold == account.balance, key.1, detail);
            self.audit_lots(*key, account, findings);
        }
    }

    fn audit_budgets(&self, findings: &mut Findings) {
        let mut sums: BTreeMap<Place, (i64, i64)> = BTreeMap::new();
        for (generation, entry) in self.budgets.entries() {
            let sum = sums.entry(entry.place).or_default();
            *sum = (sum.0 + entry.used, sum.1 + entry.reserved);
            let calls = self.calls.values().filter(|call| call.row.generation == generation);
            let measure = self.budgets.budget(entry.place.budget).map(|budget| budget.measure);
            let used = calls
                .filter_map(|call| call.row.closed.as_ref())
                .filter_map(|(_, closed)| Some(measure?.of(&closed.figures(closed.outcome))));
            let used: i64 = used.sum();
            let live = self.generations.get(&generation).is_some_and(Entry::is_live);
            let right = used == entry.used + entry.before && (live || entry.reserved == 0);
            findings.expect("budget_entry_is_usage", right, generation, format!("{entry:?}, calls used {used}"));
        }
        for (place, row) in self.budgets.uses() {
            let (used, reserved) = sums.get(place).copied().unwrap_or_default();
            let used = used + self.folded.get(place).copied().unwrap_or_default();
            let right = (row.used, row.reserved) == (used, reserved);
            findings.expect("budget_use_is_sum", right, place.budget, format!("{row:?}, entries {used} {reserved}"));
        }
    }

    fn audit_lots(&self, owner: (WorkspaceId, UserId), account: &AccountEntry, findings: &mut Findings) {
        let mut sum = 0;
        for lot in &account.lots {
            let grant = self.transfers.iter().map(|row| &row.entry.transfer).find(|row| row.id == lot.transfer);
            let fits = grant.is_some_and(|grant| {
                (grant.workspace, grant.user, grant.expires_at) == (owner.0, owner.1, Some(lot.expires_at))
                    && !lot.remaining.is_zero()
                    && lot.remaining <= grant.amount
            });
            findings.expect("lots_fit_transfers", fits, owner.1, lot.transfer);
            sum += lot.remaining.micros();
        }
        let whole = account.balance.available.micros() + account.balance.held.micros();
        findings.expect("lots_fit_transfers", sum <= whole, owner.1, format!("{sum} of {whole}"));
    }
}

fn audit_result(entry: &Entry, parts: &Parts<'_>, findings: &mut Findings) {
    let id = entry.generation.id;
    let versions = parts.versions;
    let completed = entry.generation.state.status() == Status::Completed;
    let detail = format!("{versions} versions, {}", entry.generation.state.status());
    findings.expect("completed_has_one_version", !completed || versions == 1, id, &detail);
    findings.expect("version_only_of_completed", completed || versions == 0, id, &detail);
}

fn audit_calls_of(entry: &Entry, parts: &Parts<'_>, findings: &mut Findings) {
    let id = entry.generation.id;
    let calls: Vec<&CallRow> = parts.calls.iter().map(|call| &call.row).collect();
    let attempts = entry.generation.attempt.0;
    let gap = (1..=attempts).find(|attempt| !calls.iter().any(|call| call.attempt == *attempt));
    let beyond = calls.iter().any(|call| call.attempt > attempts);
    findings.expect("call_per_attempt", gap.is_none() && !beyond, id, format!("gap {gap:?}, beyond {beyond}"));
    let is_ok = |outcome: CallOutcome| outcome == CallOutcome::Ok;
    let used = calls.iter().any(|call| call.closed.as_ref().is_some_and(|(_, closed)| is_ok(closed.outcome)));
    let owes = entry.origin.as_deref() == Some("generated");
    findings.expect("usage_of_completed", !owes || used, id, "no call ended well");
}

fn audit_hold(entry: &Entry, parts: &Parts<'_>, findings: &mut Findings) {
    let id = entry.generation.id;
    let sum = |wanted| {
        let own = parts.moved.iter().filter(|(kind, _)| *kind == wanted);
        own.fold(MicroCredits::ZERO, |sum, (_, amount)| sum.checked_add(*amount).unwrap_or(sum))
    };
    let (held, settled) = (sum(TransferKind::Hold), sum(TransferKind::Settle));
    let given = settled.checked_add(sum(TransferKind::Release)).unwrap_or(MicroCredits::ZERO);
    let open = held.checked_sub(given);
    let right = held == entry.generation.terms.hold
        && open.is_some_and(|open| if entry.is_live() { open == held } else { open.is_zero() });
    let refunds = sum(TransferKind::Refund) <= settled;
    let absorbed = sum(TransferKind::Absorb).is_zero() || settled == held;
    let detail = format!("hold {held}, settled and released {given}");
    findings.expect("hold_balances", right && refunds && absorbed, id, detail);
}
