//! The auditor: re-proves the invariants on live data, one snapshot for all checks of a slice. Each is a statement
//! (`sql/audit/<check>.sql`) over a span of its key space that answers the rows it is broken on; the ledger's chains are
//! linked again here. To add a check: a line in [`CHECKS`] and its file. What slices find is kept by `findings.rs`.

use crate::codec;
use crate::db::{Db, sql};
use crate::fault::Done;
use crate::findings;
use crate::ledger::entry_row;
use crate::open::SqliteStore;
use copydesk_core::ledger::chain::{ChainHash, link};
use copydesk_core::ledger::{Balance, rules};
use copydesk_core::{BulkId, CallId, DraftId, GenerationId, JobId, NodeId, Timestamp, UserId, WorkspaceId};
use copydesk_store::audit::{
    AuditState, Finding, FindingRow, Found, Place, Proved, Record, Recorded, Round, Slice, Space, Span,
};
use copydesk_store::ledger::Entry;
use copydesk_store::{Answer, AuditStore};
use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};
use uuid::Uuid;

impl AuditStore for SqliteStore {
    fn audit(&self) -> Answer<'_, Vec<Finding>> {
        Box::pin(self.read_apart(|db| {
            let mut found = Vec::new();
            for space in Space::ALL {
                check_span(db, Span::whole(space), &mut found)?;
            }
            Ok(found.into_iter().map(|one| one.finding).collect())
        }))
    }
    fn claim_audit(&self, node: NodeId, now: Timestamp, until: Timestamp, first: Round) -> Answer<'_, Option<Round>> {
        Box::pin(self.write(0, move |session| findings::claim(session.db, node, now, until, &first)))
    }
    fn prove(&self, slice: Slice) -> Answer<'_, Proved> {
        Box::pin(async move {
            match slice.span.space {
                // All calls of a workspace, all that is live: nobody should wait behind that.
                Space::Workspaces | Space::Jobs | Space::Live => self.read_apart(move |db| prove(db, slice)).await,
                Space::Generations | Space::Drafts | Space::Ledger | Space::Series => {
                    self.read(move |db| prove(db, slice)).await
                }
            }
        })
    }
    fn record_proof(&self, record: Record) -> Answer<'_, Option<Recorded>> {
        Box::pin(self.write(0, move |session| findings::record(session.db, &record)))
    }
    fn audit_state(&self) -> Answer<'_, AuditState> {
        Box::pin(self.read(findings::state))
    }
    fn open_findings(&self, limit: u32) -> Answer<'_, Vec<FindingRow>> {
        Box::pin(self.read(move |db| findings::open(db, limit)))
    }
}

/// By which keys a statement is bound, and what it finds things on. Its rows are workspace, subject and detail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// `$1 < id <= $2`
    Generation,
    /// `($1, $2) < (workspace, id) <= ($3, $4)`
    Draft,
    /// `($1, $2) <= (workspace, user) < ($3, $4)`
    Account,
    /// `$1 < number <= $2`
    Series,
    /// `$1 < id <= $2`
    Workspace,
    /// `$1 < id <= $2`
    Job,
    /// `$1 < id <= $2`
    Bulk,
    /// What is live, all of it; found on generations.
    Live,
    /// The same, with the newest instant the data knows as `$1`.
    LiveAt,
    /// The same, found on calls.
    CallAt,
}

/// A check by statement.
struct Check {
    name: &'static str,
    sql: &'static str,
    by: By,
}

macro_rules! check {
    ($name:literal, $by:ident) => {
        check!($name, $name, $by)
    };
    ($name:literal, $file:literal, $by:ident) => {
        Check { name: $name, sql: sql!("audit/", $file), by: By::$by }
    };
}

const CHAIN: &str = "ledger_chain";
const RUNNING: &str = "running_balance";
const SIDES: &str = "transfer_sides";

const CHECKS: &[Check] = &[
    check!("generation_in_one_place", Generation),
    check!("completed_has_one_version", Generation),
    check!("version_only_of_completed", Generation),
    check!("asset_of_version", Generation),
    check!("call_per_attempt", Generation),
    check!("usage_of_completed", Generation),
    check!("hold_balances", Generation),
    check!("waiting_target_has_holder", Generation),
    check!("final_event_once", Generation),
    check!("one_workspace", Generation),
    check!("budget_entry_is_usage", Generation),
    check!("item_is_its_generation", Generation),
    check!("draft_status_fits", Draft),
    check!("draft_current_version_exists", Draft),
    check!("draft_live_generation_is_live", Draft),
    check!("balance_is_fold", Account),
    check!("balance_not_negative", Account),
    check!("gifts_net_to_zero", Account),
    check!("lots_fit_transfers", Account),
    check!("ledger_chain", "ledger_chain_end", Account),
    check!("history_does_not_fall", Series),
    check!("totals_are_sums", Workspace),
    check!("budget_use_is_sum", Workspace),
    check!("job_counts_are_items", Job),
    check!("bulk_counts_are_items", Bulk),
    check!("mailing_counts_are_mails", Bulk),
    check!("target_holder_is_live", Live),
    check!("live_key_is_live", Live),
    check!("past_deadline", LiveAt),
    check!("open_call_without_run_older_than_an_hour", CallAt),
    // Only here: indexes serve the lists by user there.
    check!("belongs_to_its_user", Generation),
    check!("draft_belongs_to_its_user", Draft),
];

impl By {
    fn space(self) -> Space {
        match self {
            By::Generation => Space::Generations,
            By::Draft => Space::Drafts,
            By::Account => Space::Ledger,
            By::Series => Space::Series,
            By::Workspace => Space::Workspaces,
            By::Job | By::Bulk => Space::Jobs,
            By::Live | By::LiveAt | By::CallAt => Space::Live,
        }
    }

    fn params(self, db: Db<'_>, span: &Span) -> Done<Vec<Value>> {
        let (after, upto) = (&span.after, &span.upto);
        Ok(match self {
            By::Generation | By::Workspace | By::Job | By::Bulk => vec![id(after.first), id(upto.first)],
            By::Draft | By::Account => vec![id(after.first), id(after.second), id(upto.first), id(upto.second)],
            By::Series => vec![after.number.into(), upto.number.into()],
            By::Live => vec![],
            By::LiveAt | By::CallAt => vec![db.number(sql!("audit/newest_instant"), [])?.into()],
        })
    }

    fn found(self, check: &'static str, row: &Row<'_>) -> Done<Found> {
        let workspace = codec::maybe_uuid(row, 0)?;
        let within = workspace.unwrap_or_default();
        let subject = || codec::uuid(row, 1);
        let (place, name, generation) = match self {
            By::Generation | By::Live | By::LiveAt => {
                let id = GenerationId(subject()?);
                (Place::of_id(id.0), id.to_string(), Some(id))
            }
            By::CallAt => (Place::of_id(subject()?), CallId(subject()?).to_string(), None),
            By::Draft => (Place::of_pair(within, subject()?), DraftId(subject()?).to_string(), None),
            By::Account => (Place::of_account(within, subject()?), UserId(subject()?).to_string(), None),
            By::Workspace => (Place::of_id(subject()?), WorkspaceId(subject()?).to_string(), None),
            By::Job => (Place::of_id(subject()?), JobId(subject()?).to_string(), None),
            By::Bulk => (Place::of_id(subject()?), BulkId(subject()?).to_string(), None),
            By::Series => {
                let number = row.get(1)?;
                (Place::of_number(number), format!("series {number}"), None)
            }
        };
        let finding = Finding { check, subject: name, detail: row.get(2)? };
        Ok(Found { finding, place, workspace: workspace.map(WorkspaceId), generation })
    }
}

fn id(id: Uuid) -> Value {
    Value::Blob(id.as_bytes().to_vec())
}

fn prove(db: Db<'_>, slice: Slice) -> Done<Proved> {
    let (last, rows) = last_key(db, &slice)?;
    let whole = rows < u64::from(slice.limit);
    let span = Span { upto: last.filter(|_| !whole).unwrap_or(slice.span.upto), ..slice.span };
    let mut found = Vec::new();
    check_span(db, span, &mut found)?;
    Ok(Proved { span, rows, found })
}

/// The last of the first keys of a slice, and how many there are. A workspace or a job is taken for a slice's worth of keys.
fn last_key(db: Db<'_>, slice: &Slice) -> Done<(Option<Place>, u64)> {
    let Slice { span: Span { space, after, upto }, limit } = slice;
    let pair = |place: &Place| [id(place.first), id(place.second)];
    let (sql, mut params): (_, Vec<Value>) = match space {
        Space::Generations => (sql!("audit/keys_of_generations"), vec![id(after.first), id(upto.first)]),
        Space::Drafts => (sql!("audit/keys_of_drafts"), [pair(after), pair(upto)].concat()),
        Space::Ledger => {
            let ends = [after, upto].map(|place| [&pair(place)[..], &[place.number.into()]].concat());
            (sql!("audit/keys_of_ledger"), ends.concat())
        }
        Space::Series => (sql!("audit/keys_of_series"), vec![after.number.into(), upto.number.into()]),
        Space::Workspaces | Space::Jobs => {
            let ends = [id(after.first), id(upto.first)];
            let jobs = *space == Space::Jobs;
            let sql = if jobs { sql!("audit/keys_of_jobs") } else { sql!("audit/keys_of_workspaces") };
            let next = db.first(sql, ends, |row| codec::maybe_uuid(row, 0))?.flatten();
            return Ok((next.map(Place::of_id), if next.is_some() { u64::from(*limit) } else { 0 }));
        }
        Space::Live => return Ok((None, 0)),
    };
    params.push(i64::from(*limit).into());
    let keys = db.all(sql, params_from_iter(params), |row| {
        Ok(match space {
            Space::Drafts => Place::of_pair(codec::uuid(row, 0)?, codec::uuid(row, 1)?),
            Space::Ledger => Place { first: codec::uuid(row, 0)?, second: codec::uuid(row, 1)?, number: row.get(2)? },
            Space::Series => Place::of_number(row.get(0)?),
            Space::Generations | Space::Workspaces | Space::Jobs | Space::Live => Place::of_id(codec::uuid(row, 0)?),
        })
    })?;
    Ok((keys.last().copied(), keys.len() as u64))
}

/// All checks of the span's space.
fn check_span(db: Db<'_>, span: Span, found: &mut Vec<Found>) -> Done<()> {
    for check in CHECKS.iter().filter(|check| check.by.space() == span.space) {
        let params = params_from_iter(check.by.params(db, &span)?);
        found.extend(db.all(check.sql, params, |row| check.by.found(check.name, row))?);
    }
    if span.space == Space::Ledger { check_chains(db, span, found) } else { Ok(()) }
}

/// Where a chain stands.
#[derive(Clone, Copy)]
struct Link {
    owner: (WorkspaceId, UserId),
    seq: i64,
    hash: ChainHash,
    balance: Balance,
}

impl Link {
    fn start(owner: (WorkspaceId, UserId)) -> Link {
        Link { owner, seq: 0, hash: ChainHash::START, balance: Balance::default() }
    }

    /// What stands at `place`, which a span goes on from.
    fn at(db: Db<'_>, place: Place) -> Done<Link> {
        let start = Link::start((WorkspaceId(place.first), UserId(place.second)));
        let params = rusqlite::params![place.first.as_bytes(), place.second.as_bytes(), place.number];
        let stored = db.first(sql!("audit/ledger_link"), params, |row| {
            let balance = Balance { available: codec::credits(row, 0)?, held: codec::credits(row, 1)? };
            Ok(Link { seq: place.number, hash: ChainHash(row.get(2)?), balance, ..start })
        })?;
        Ok(stored.unwrap_or(start))
    }
}

/// Links the transfers of the span again, and posts each again to the balance before it.
fn check_chains(db: Db<'_>, span: Span, found: &mut Vec<Found>) -> Done<()> {
    let mut last = Link::at(db, span.after)?;
    let ends = [span.after, span.upto].map(|end| [id(end.first), id(end.second), end.number.into()]);
    db.each(sql!("audit/ledger_chain"), params_from_iter(ends.concat()), |row| {
        let Entry { transfer, after } = entry_row(row)?;
        let owner = (transfer.workspace, transfer.user);
        if owner != last.owner {
            last = Link::start(owner);
        }
        let (seq, hash): (i64, [u8; 32]) = (row.get("chain_seq")?, row.get("chain_hash")?);
        let mut add = |check, detail| {
            let place = Place { first: owner.0.0, second: owner.1.0, number: seq };
            let finding = Finding { check, subject: transfer.id.to_string(), detail };
            found.push(Found { finding, place, workspace: Some(owner.0), generation: transfer.generation });
        };
        if seq != last.seq + 1 || ChainHash(hash) != link(last.hash, &transfer) {
            add(CHAIN, format!("link {seq} does not follow the one before it"));
        }
        if rules::post(last.balance, transfer.kind, transfer.amount) != Ok(after) {
            add(RUNNING, format!("{after:?} does not follow {:?}", last.balance));
        }
        let sides: (String, String) = (row.get("debit_account")?, row.get("credit_account")?);
        if (sides.0.as_str(), sides.1.as_str()) != (transfer.kind.debit().as_str(), transfer.kind.credit().as_str()) {
            add(SIDES, format!("a {} from {} to {}", transfer.kind.as_str(), sides.0, sides.1));
        }
        // Goes on from what stands there, so that one changed row is one finding and not all after it.
        last = Link { owner, seq, hash: ChainHash(hash), balance: after };
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use copydesk_store::promises::Promise;

    /// Here and not in the conformance suite, because the list of an engine's checks is its own.
    #[test]
    fn every_check_proves_exactly_one_promise_where_the_promise_looks() {
        let chains = [CHAIN, RUNNING, SIDES].map(|name| (name, Space::Ledger));
        let all = CHECKS.iter().map(|check| (check.name, check.by.space())).chain(chains);
        for (name, space) in all {
            let promise = Promise::of_check(name).unwrap_or_else(|| panic!("{name} proves no promise"));
            assert!(promise.spaces.contains(&space), "{} does not look where {name} is proved", promise.name);
        }
    }
}
