//! The auditor: re-proves the invariants on live data, one snapshot for all checks. Each is a statement
//! (`sql/audit/<check>.sql`) that answers the rows it is broken on; the ledger's chain is linked again here. Repairs
//! nothing.

use crate::codec;
use crate::db::{Db, sql};
use crate::fault::Done;
use crate::ledger::entry_row;
use copydesk_core::ledger::chain::{ChainHash, link};
use copydesk_core::ledger::{Balance, rules};
use copydesk_core::{AssetId, BudgetId, CallId, DraftId, GenerationId, UserId, WorkspaceId};
use copydesk_store::admin::Finding;
use copydesk_store::ledger::Entry;
use uuid::Uuid;

/// A check by statement: its name, its text, and what its subjects are.
struct Check {
    name: &'static str,
    sql: &'static str,
    subject: fn(Uuid) -> String,
    /// The statement takes the newest instant as its parameter.
    needs_now: bool,
}

macro_rules! check {
    ($name:literal, $subject:expr) => {
        Check { name: $name, sql: sql!("audit/", $name), subject: $subject, needs_now: false }
    };
    ($name:literal, $subject:expr, now) => {
        Check { name: $name, sql: sql!("audit/", $name), subject: $subject, needs_now: true }
    };
}

const CHAIN: &str = "ledger_chain";
const RUNNING: &str = "running_balance";

fn generation(id: Uuid) -> String {
    GenerationId(id).to_string()
}
fn draft(id: Uuid) -> String {
    DraftId(id).to_string()
}
fn user(id: Uuid) -> String {
    UserId(id).to_string()
}
fn asset(id: Uuid) -> String {
    AssetId(id).to_string()
}
fn workspace(id: Uuid) -> String {
    WorkspaceId(id).to_string()
}
fn call(id: Uuid) -> String {
    CallId(id).to_string()
}

fn budget(id: Uuid) -> String {
    BudgetId(id).to_string()
}

fn any(id: Uuid) -> String {
    id.to_string()
}

const CHECKS: [Check; 26] = [
    check!("generation_in_one_place", generation),
    check!("completed_has_one_version", generation),
    check!("version_only_of_completed", generation),
    check!("asset_of_version", asset),
    check!("draft_status_fits", draft),
    check!("draft_current_version_exists", draft),
    check!("draft_live_generation_is_live", draft),
    check!("call_per_attempt", generation),
    check!("usage_of_completed", generation),
    check!("open_call_without_run_older_than_an_hour", call, now),
    check!("hold_balances", generation),
    check!("balance_is_fold", user),
    check!("balance_not_negative", user),
    check!("gifts_net_to_zero", user),
    check!("lots_fit_transfers", user),
    check!("target_holder_is_live", generation),
    check!("waiting_target_has_holder", generation),
    check!("live_key_is_live", generation),
    check!("final_event_once", generation),
    check!("past_deadline", generation, now),
    check!("one_workspace", generation),
    check!("totals_are_sums", workspace),
    check!("history_does_not_fall", workspace),
    check!("budget_use_is_sum", budget),
    check!("budget_entry_is_usage", generation),
    // Only here: indexes serve the lists by user there.
    check!("belongs_to_its_user", any),
];

pub(crate) fn audit(db: Db<'_>) -> Done<Vec<Finding>> {
    let now = db.number(sql!("audit/newest_instant"), [])?;
    let mut findings = Vec::new();
    for check in &CHECKS {
        run(db, check, now, &mut findings)?;
    }
    check_chain(db, &mut findings)?;
    let end = Check { name: CHAIN, sql: sql!("audit/ledger_chain_end"), subject: user, needs_now: false };
    run(db, &end, now, &mut findings)?;
    Ok(findings)
}

fn run(db: Db<'_>, check: &Check, now: i64, findings: &mut Vec<Finding>) -> Done<()> {
    let params: &[i64] = if check.needs_now { &[now] } else { &[] };
    let found = db.all(check.sql, rusqlite::params_from_iter(params), |row| {
        let subject = codec::maybe_uuid(row, 0)?.map_or_else(|| "nobody".to_owned(), check.subject);
        Ok(Finding { check: check.name, subject, detail: row.get(1)? })
    })?;
    findings.extend(found);
    Ok(())
}

/// Links every transfer of every account again, and posts it again to the balance before it.
fn check_chain(db: Db<'_>, findings: &mut Vec<Finding>) -> Done<()> {
    let mut owner: Option<(WorkspaceId, UserId)> = None;
    let (mut hash, mut seq, mut balance) = (ChainHash::START, 0, Balance::default());
    db.each(sql!("audit/ledger_chain"), [], |row| {
        let Entry { transfer, after } = entry_row(row)?;
        if owner != Some((transfer.workspace, transfer.user)) {
            owner = Some((transfer.workspace, transfer.user));
            (hash, seq, balance) = (ChainHash::START, 0, Balance::default());
        }
        let (stored_seq, stored): (i64, [u8; 32]) = (row.get("chain_seq")?, row.get("chain_hash")?);
        seq += 1;
        if stored_seq != seq || ChainHash(stored) != link(hash, &transfer) {
            let (subject, detail) =
                (transfer.id.to_string(), format!("link {stored_seq} does not follow the one before it"));
            findings.push(Finding { check: CHAIN, subject, detail });
        }
        if rules::post(balance, transfer.kind, transfer.amount) != Ok(after) {
            let (subject, detail) = (transfer.id.to_string(), format!("{after:?} does not follow {balance:?}"));
            findings.push(Finding { check: RUNNING, subject, detail });
        }
        // Goes on from what stands there, so that one changed row is one finding and not all after it.
        (hash, seq, balance) = (ChainHash(stored), stored_seq, after);
        Ok(())
    })
}
