//! The auditor: re-proves the invariants on live data, one snapshot for all checks of a slice. Each is a statement
//! (`sql/audit/<check>.sql`) over a span of its key space that answers the rows it is broken on; the ledger's chains are
//! linked again here. To add a check: a line in [`CHECKS`] and its file. What slices find is kept by `findings.rs`.

use crate::failure::Fault;
use crate::ledger::{LedgerRow, balance_after, hash_of, ledger_row};
use crate::pipeline::{Steps, Tx};
use crate::types::{Micros, Param, params, sql};
use copydesk_core::ledger::chain::{ChainHash, link};
use copydesk_core::ledger::{Balance, rules};
use copydesk_core::{BulkId, CallId, DraftId, GenerationId, JobId, UserId, WorkspaceId};
use copydesk_store::audit::{Finding, Found, Place, Proved, Slice, Space, Span};
use copydesk_store::ledger::Entry;
use deadpool_postgres::Pool;
use tokio_postgres::Row;
use uuid::Uuid;

/// How many links of the ledger are read at a time.
const LINKS_PER_PAGE: i64 = 10_000;

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
        Check { name: $name, sql: include_str!(concat!("../sql/audit/", $file, ".sql")), by: By::$by }
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

    fn params(self, span: &Span, newest: Micros) -> Vec<Param<'static>> {
        let (after, upto) = (span.after, span.upto);
        match self {
            By::Generation | By::Workspace | By::Job | By::Bulk => params![after.first, upto.first],
            By::Draft | By::Account => params![after.first, after.second, upto.first, upto.second],
            By::Series => params![after.number, upto.number],
            By::Live => params![],
            By::LiveAt | By::CallAt => params![newest],
        }
    }

    fn found(self, check: &'static str, row: &Row) -> Found {
        let workspace: Uuid = row.get("workspace_id");
        let subject = || row.get::<_, Uuid>("subject");
        let (place, name, generation) = match self {
            By::Generation | By::Live | By::LiveAt => {
                let id = GenerationId(subject());
                (Place::of_id(id.0), id.to_string(), Some(id))
            }
            By::CallAt => (Place::of_id(subject()), CallId(subject()).to_string(), None),
            By::Draft => (Place::of_pair(workspace, subject()), DraftId(subject()).to_string(), None),
            By::Account => (Place::of_account(workspace, subject()), UserId(subject()).to_string(), None),
            By::Workspace => (Place::of_id(subject()), WorkspaceId(subject()).to_string(), None),
            By::Job => (Place::of_id(subject()), JobId(subject()).to_string(), None),
            By::Bulk => (Place::of_id(subject()), BulkId(subject()).to_string(), None),
            By::Series => {
                let number = row.get("subject");
                (Place::of_number(number), format!("series {number}"), None)
            }
        };
        let finding = Finding { check, subject: name, detail: row.get("detail") };
        Found { finding, place, workspace: Some(WorkspaceId(workspace)), generation }
    }
}

pub async fn whole(pool: &Pool) -> Result<Vec<Finding>, Fault> {
    let mut tx = snapshot(pool).await?;
    one(&mut tx, sql!("audit/no_time_limit"), params![]).await?;
    let mut found = Vec::new();
    for space in Space::ALL {
        check_span(&mut tx, Span::whole(space), &mut found).await?;
    }
    tx.rollback().await?;
    Ok(found.into_iter().map(|one| one.finding).collect())
}

pub async fn prove(pool: &Pool, slice: Slice) -> Result<Proved, Fault> {
    let mut tx = snapshot(pool).await?;
    if matches!(slice.span.space, Space::Workspaces | Space::Jobs | Space::Live) {
        // All calls of a workspace, all items of a job, all that is live.
        one(&mut tx, sql!("audit/no_time_limit"), params![]).await?;
    }
    let (last, rows) = last_key(&mut tx, &slice).await?;
    let whole = rows < u64::from(slice.limit);
    let span = Span { upto: last.filter(|_| !whole).unwrap_or(slice.span.upto), ..slice.span };
    let mut found = Vec::new();
    check_span(&mut tx, span, &mut found).await?;
    tx.rollback().await?;
    Ok(Proved { span, rows, found })
}

/// One snapshot, or a check would see half of what another one saw whole.
async fn snapshot(pool: &Pool) -> Result<Tx, Fault> {
    let mut tx = Tx::open(pool).await?;
    one(&mut tx, sql!("admin/repeatable_read"), params![]).await?;
    Ok(tx)
}

async fn one(tx: &mut Tx, sql: &'static str, params: Vec<Param<'_>>) -> Result<Vec<Row>, Fault> {
    let mut steps = Steps::default();
    steps.add(sql, params);
    Ok(tx.send(steps).await?.into_rows())
}

/// The last of the first keys of a slice, and how many there are. A workspace or a job is taken for a slice's worth of keys.
async fn last_key(tx: &mut Tx, slice: &Slice) -> Result<(Option<Place>, u64), Fault> {
    let Slice { span: Span { space, after, upto }, limit } = *slice;
    let count = i64::from(limit);
    let (sql, params) = match space {
        Space::Generations => (sql!("audit/keys_of_generations"), params![after.first, upto.first, count]),
        Space::Drafts => {
            let params = params![after.first, after.second, upto.first, upto.second, count];
            (sql!("audit/keys_of_drafts"), params)
        }
        Space::Ledger => (sql!("audit/keys_of_ledger"), links(after, upto, count)),
        Space::Series => (sql!("audit/keys_of_series"), params![after.number, upto.number, count]),
        Space::Workspaces => (sql!("audit/keys_of_workspaces"), params![after.first, upto.first]),
        Space::Jobs => (sql!("audit/keys_of_jobs"), params![after.first, upto.first]),
        Space::Live => return Ok((None, 0)),
    };
    let keys = one(tx, sql, params).await?;
    let last = keys.last().map(|row| match space {
        Space::Drafts => Place::of_pair(row.get(0), row.get(1)),
        Space::Ledger => Place { first: row.get(0), second: row.get(1), number: row.get(2) },
        Space::Series => Place::of_number(row.get(0)),
        Space::Generations | Space::Workspaces | Space::Jobs | Space::Live => Place::of_id(row.get(0)),
    });
    let one = matches!(space, Space::Workspaces | Space::Jobs);
    let rows = if one && last.is_some() { u64::from(limit) } else { keys.len() as u64 };
    Ok((last, rows))
}

fn links(after: Place, upto: Place, limit: i64) -> Vec<Param<'static>> {
    params![after.first, after.second, after.number, upto.first, upto.second, upto.number, limit]
}

/// All checks of the span's space.
async fn check_span(tx: &mut Tx, span: Span, found: &mut Vec<Found>) -> Result<(), Fault> {
    let mut newest = Micros(0);
    if span.space == Space::Live {
        let rows = one(tx, sql!("audit/newest_instant"), params![]).await?;
        newest = rows.first().map_or(newest, |row| row.get("newest"));
    }
    for check in CHECKS.iter().filter(|check| check.by.space() == span.space) {
        let rows = one(tx, check.sql, check.by.params(&span, newest)).await?;
        found.extend(rows.iter().map(|row| check.by.found(check.name, row)));
    }
    if span.space == Space::Ledger { check_chains(tx, span, found).await } else { Ok(()) }
}

/// Where a chain stands.
#[derive(Clone, Copy)]
struct Link {
    place: Place,
    hash: ChainHash,
    balance: Balance,
}

impl Link {
    /// Before the first link of the chain that `place` is in.
    fn start(place: Place) -> Link {
        Link { place: Place { number: 0, ..place }, hash: ChainHash::START, balance: Balance::default() }
    }

    /// What stands at `place`, which a span goes on from.
    async fn at(tx: &mut Tx, place: Place) -> Result<Link, Fault> {
        let rows = one(tx, sql!("audit/ledger_link"), params![place.first, place.second, place.number]).await?;
        let Some(row) = rows.first() else { return Ok(Link::start(place)) };
        Ok(Link { place, hash: ChainHash(hash_of(row, "chain_hash")?), balance: balance_after(row)? })
    }

    /// Links `row` again and posts it again to the balance before it. Goes on from what stands there, so that one changed
    /// row is one finding and not all after it.
    fn follow(&mut self, row: &Row, found: &mut Vec<Found>) -> Result<(), Fault> {
        let LedgerRow { entry: Entry { transfer, after }, chain_seq, chain_hash } = ledger_row(row)?;
        let place = Place { first: transfer.workspace.0, second: transfer.user.0, number: chain_seq };
        if (place.first, place.second) != (self.place.first, self.place.second) {
            *self = Link::start(place);
        }
        let mut add = |check, detail| {
            let finding = Finding { check, subject: transfer.id.to_string(), detail };
            let workspace = Some(transfer.workspace);
            found.push(Found { finding, place, workspace, generation: transfer.generation });
        };
        if chain_seq != self.place.number + 1 || chain_hash != link(self.hash, &transfer) {
            add(CHAIN, format!("link {chain_seq} does not follow the one before it"));
        }
        if rules::post(self.balance, transfer.kind, transfer.amount) != Ok(after) {
            add(RUNNING, format!("{after:?} does not follow {:?}", self.balance));
        }
        let (debit, credit): (&str, &str) = (row.get("debit_account"), row.get("credit_account"));
        if (debit, credit) != (transfer.kind.debit().as_str(), transfer.kind.credit().as_str()) {
            add(SIDES, format!("a {} from {debit} to {credit}", transfer.kind.as_str()));
        }
        *self = Link { place, hash: chain_hash, balance: after };
        Ok(())
    }
}

/// Follows every chain through the span.
async fn check_chains(tx: &mut Tx, span: Span, found: &mut Vec<Found>) -> Result<(), Fault> {
    let mut last = Link::at(tx, span.after).await?;
    let mut after = span.after;
    loop {
        let rows = one(tx, sql!("audit/ledger_chain"), links(after, span.upto, LINKS_PER_PAGE)).await?;
        for row in &rows {
            last.follow(row, found)?;
        }
        if (rows.len() as i64) < LINKS_PER_PAGE {
            return Ok(());
        }
        after = last.place;
    }
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
