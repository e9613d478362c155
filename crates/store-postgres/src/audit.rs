//! The auditor: re-proves the invariants on live data, one snapshot for all checks. Each is a statement
//! (`sql/audit/<check>.sql`) that answers the rows it is broken on; the ledger's chain is linked again here. Repairs
//! nothing.

use crate::failure::Fault;
use crate::ledger::ledger_row;
use crate::pipeline::{Steps, Tx};
use crate::types::{Micros, params, sql};
use copydesk_core::ledger::chain::{ChainHash, link};
use copydesk_core::ledger::{Balance, rules};
use copydesk_core::{AssetId, BudgetId, CallId, DraftId, GenerationId, UserId, WorkspaceId};
use copydesk_store::admin::Finding;
use copydesk_store::ledger::Entry;
use deadpool_postgres::Pool;
use tokio_postgres::Row;
use uuid::Uuid;

/// How many links of the ledger are read at a time.
const LINKS_PER_PAGE: i64 = 10_000;

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
        check!($name, $subject, false)
    };
    ($name:literal, $subject:expr, now) => {
        check!($name, $subject, true)
    };
    ($name:literal, $subject:expr, $needs_now:literal) => {
        Check {
            name: $name,
            sql: include_str!(concat!("../sql/audit/", $name, ".sql")),
            subject: $subject,
            needs_now: $needs_now,
        }
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
fn budget(id: Uuid) -> String {
    BudgetId(id).to_string()
}
fn call(id: Uuid) -> String {
    CallId(id).to_string()
}

const CHECKS: [Check; 25] = [
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
];

pub async fn run(pool: &Pool) -> Result<Vec<Finding>, Fault> {
    let mut tx = Tx::open(pool).await?;
    // One snapshot, or a check would see half of what another one saw whole.
    one(&mut tx, sql!("admin/repeatable_read"), vec![]).await?;
    let newest = one(&mut tx, sql!("audit/newest_instant"), vec![]).await?;
    let now = newest.first().map_or(Micros(0), |row| row.get("newest"));
    let mut findings = Vec::new();
    for check in &CHECKS {
        check_one(&mut tx, check, now, &mut findings).await?;
    }
    check_chain(&mut tx, &mut findings).await?;
    let end = Check { name: CHAIN, sql: sql!("audit/ledger_chain_end"), subject: user, needs_now: false };
    check_one(&mut tx, &end, now, &mut findings).await?;
    tx.rollback().await?;
    Ok(findings)
}

async fn one(tx: &mut Tx, sql: &'static str, params: Vec<crate::types::Param<'_>>) -> Result<Vec<Row>, Fault> {
    let mut steps = Steps::default();
    steps.add(sql, params);
    Ok(tx.send(steps).await?.into_rows())
}

async fn check_one(tx: &mut Tx, check: &Check, now: Micros, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let params = if check.needs_now { params![now] } else { params![] };
    for row in one(tx, check.sql, params).await? {
        let subject: Option<Uuid> = row.get("subject");
        let subject = subject.map_or_else(|| "nobody".to_owned(), check.subject);
        findings.push(Finding { check: check.name, subject, detail: row.get("detail") });
    }
    Ok(())
}

/// Links every transfer of every account again, and posts it again to the balance before it.
async fn check_chain(tx: &mut Tx, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let mut after = (Uuid::nil(), Uuid::nil(), 0_i64);
    let (mut hash, mut balance) = (ChainHash::START, Balance::default());
    loop {
        let params = params![after.0, after.1, after.2, LINKS_PER_PAGE];
        let rows = one(tx, sql!("audit/ledger_chain"), params).await?;
        for row in &rows {
            let row = ledger_row(row)?;
            let Entry { transfer, after: stored } = &row.entry;
            let owner = (transfer.workspace.0, transfer.user.0);
            if owner != (after.0, after.1) {
                (hash, balance, after) = (ChainHash::START, Balance::default(), (owner.0, owner.1, 0));
            }
            if row.chain_seq != after.2 + 1 || row.chain_hash != link(hash, transfer) {
                let detail = format!("link {} does not follow the one before it", row.chain_seq);
                findings.push(Finding { check: CHAIN, subject: transfer.id.to_string(), detail });
            }
            if rules::post(balance, transfer.kind, transfer.amount) != Ok(*stored) {
                let detail = format!("{stored:?} does not follow {balance:?}");
                findings.push(Finding { check: RUNNING, subject: transfer.id.to_string(), detail });
            }
            // Goes on from what stands there, so that one changed row is one finding and not all after it.
            (hash, balance, after.2) = (row.chain_hash, *stored, row.chain_seq);
        }
        if (rows.len() as i64) < LINKS_PER_PAGE {
            return Ok(());
        }
    }
}
