//! The model's background audit: it proves a slice by proving everything and keeping what lies in the slice. Only
//! generations are told apart by their place; what is found elsewhere is found at the end of its space.

use super::data::Data;
use copydesk_core::{GenerationId, NodeId, Timestamp};
use copydesk_store::audit::{
    AuditState, Changes, Finding, FindingKey, FindingRow, Found, Place, Proved, Record, Recorded, Round, Slice, Space,
    Span,
};
use std::collections::{BTreeMap, BTreeSet};

impl Data {
    pub(super) fn claim_audit(
        &mut self,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
        first: Round,
    ) -> Option<Round> {
        let round = match &self.audit {
            Some((holder, held_until, _)) if *holder != node && *held_until > now => return None,
            Some((_, _, round)) => round.clone(),
            None => first,
        };
        self.audit = Some((node, until, round.clone()));
        Some(round)
    }

    pub(super) fn prove(&self, slice: Slice) -> Proved {
        let keys: Vec<Place> =
            self.keys_of(slice.span.space).into_iter().filter(|key| slice.span.holds(*key)).collect();
        // A workspace or a job is a slice of its own.
        let alone = matches!(slice.span.space, Space::Workspaces | Space::Jobs);
        let limit = if alone { 1 } else { slice.limit as usize };
        let upto = limit.checked_sub(1).and_then(|at| keys.get(at)).copied().unwrap_or(slice.span.upto);
        let span = Span { upto, ..slice.span };
        let placed = self.audit().into_iter().map(placed);
        let found = placed.filter(|(space, one)| *space == span.space && span.holds(one.place));
        Proved { span, rows: keys.len().min(limit) as u64, found: found.map(|(_, one)| one).collect() }
    }

    fn keys_of(&self, space: Space) -> BTreeSet<Place> {
        match space {
            Space::Generations => self.generations.keys().map(|id| Place::of_id(id.0)).collect(),
            Space::Drafts => {
                self.drafts.iter().map(|(id, draft)| Place::of_pair(draft.scope.workspace.0, id.0)).collect()
            }
            Space::Ledger => {
                let links = self.transfers.iter().map(|row| (&row.entry.transfer, row.chain_seq));
                links.map(|(of, number)| Place { first: of.workspace.0, second: of.user.0, number }).collect()
            }
            Space::Workspaces => self.calls.values().map(|call| Place::of_id(call.scope.workspace.0)).collect(),
            Space::Jobs => self.job_facts.keys().map(|id| Place::of_id(id.0)).collect(),
            Space::Series | Space::Live => BTreeSet::new(),
        }
    }

    pub(super) fn record_proof(&mut self, record: Record) -> Option<Recorded> {
        let (holder, _, round) = self.audit.as_mut()?;
        if *holder != record.node {
            return None;
        }
        *round = record.round;
        let span = record.proved.span;
        let stand_open = self.findings.iter().filter(|(_, (_, _, gone))| gone.is_none());
        let known: BTreeSet<FindingKey> = stand_open
            .filter(|((_, place, _), (space, ..))| *space == span.space && span.holds(*place))
            .map(|(key, _)| key.clone())
            .collect();
        let open = self.findings.values().filter(|(_, _, gone)| gone.is_none()).count() as u64;
        let changes = Changes::of(&known, &record.proved.found, open);
        for (found, new) in &changes.seen {
            self.keep_finding(span.space, found, record.at);
            if *new {
                self.announce(found.event(record.at));
            }
        }
        for key in &changes.gone {
            if let Some((_, _, gone)) = self.findings.get_mut(key) {
                *gone = Some(record.at);
            }
        }
        Some(changes.recorded())
    }

    fn keep_finding(&mut self, space: Space, found: &Found, at: Timestamp) {
        let Finding { check, subject, detail } = found.finding.clone();
        let first_seen_at = self.findings.get(&found.key()).map_or(at, |(_, row, _)| row.first_seen_at);
        let workspace = found.workspace;
        let row = FindingRow { check: check.to_owned(), subject, detail, workspace, first_seen_at, last_seen_at: at };
        self.findings.insert(found.key(), (space, row, None));
    }

    pub(super) fn audit_state(&self) -> AuditState {
        let mut open: BTreeMap<String, u64> = BTreeMap::new();
        for (check, ..) in self.findings.iter().filter(|(_, (_, _, gone))| gone.is_none()).map(|(key, _)| key) {
            *open.entry(check.clone()).or_default() += 1;
        }
        AuditState { round: self.audit.as_ref().map(|(_, _, round)| round.clone()), open: open.into_iter().collect() }
    }

    pub(super) fn open_findings(&self, limit: u32) -> Vec<FindingRow> {
        let open = self.findings.values().filter(|(_, _, gone)| gone.is_none());
        open.take(limit as usize).map(|(_, row, _)| row.clone()).collect()
    }
}

fn placed(finding: Finding) -> (Space, Found) {
    let space = space_of(finding.check);
    let generation = finding.subject.parse::<GenerationId>().ok().filter(|_| space == Space::Generations);
    let place = generation.map_or(Place::END, |id| Place::of_id(id.0));
    (space, Found { finding, place, workspace: None, generation })
}

/// As in the engines.
fn space_of(check: &str) -> Space {
    match check {
        "draft_status_fits" | "draft_current_version_exists" | "draft_live_generation_is_live" => Space::Drafts,
        "balance_is_fold"
        | "balance_not_negative"
        | "gifts_net_to_zero"
        | "lots_fit_transfers"
        | "ledger_chain"
        | "running_balance" => Space::Ledger,
        "job_counts_are_items" | "bulk_counts_are_items" | "mailing_counts_are_mails" => Space::Jobs,
        "target_holder_is_live" | "live_key_is_live" | "past_deadline" | "open_call_without_run_older_than_an_hour" => {
            Space::Live
        }
        _ => Space::Generations,
    }
}
