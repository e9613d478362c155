//! The plans of the hot statements, as our writer sessions get them (generic plans, for ever): at 0 rows and at 20,000,
//! without and with statistics, none reads a hot table from end to end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use copydesk_store::GenerationStore;
use copydesk_store_tests::builder::{self, AcceptWith, Ids, START};
use serde_json::Value;
use support::{Namespace, vandal};
use tokio_postgres::{Client, SimpleQueryMessage};

const HOT_TABLES: [&str; 17] = [
    "ready",
    "runs",
    "parked",
    "outcomes",
    "calls",
    "drafts",
    "generations",
    "inputs",
    "steps",
    "versions",
    "accounts",
    "live_keys",
    "live_targets",
    "fair",
    "usage_history",
    "usage_series",
    "usage_totals",
];

macro_rules! statements {
    ($($name:literal),+ $(,)?) => { [$(($name, include_str!(concat!("../sql/", $name, ".sql")))),+] };
}

const HOT: [(&str, &str); 37] = statements![
    "accept/find_draft",
    "accept/find_generation",
    "accept/find_idempotency",
    "accept/find_live_key",
    "accept/insert_live_key",
    "accept/insert_live_target",
    "accept/lock_draft",
    "accept/put_idempotency",
    "accept/refill_draft",
    "accept/set_user_finish",
    "accept/user_finish",
    "apply/advance_run",
    "apply/close_call",
    "apply/find_call",
    "apply/delete_live_key",
    "apply/fence",
    "apply/found",
    "apply/free_target",
    "apply/insert_step",
    "apply/lock_target",
    "apply/open_call",
    "apply/save_draft",
    "claim/clock",
    "claim/next_due",
    "claim/next_in_queue",
    "claim/promote_due",
    "claim/steps",
    "claim/take",
    "claim/waiting_queues",
    "ledger/lock_account",
    "ledger/lock_account_of",
    "sweep/live",
    "sweep/orphan_calls",
    "totals/add",
    "totals/find_series",
    "totals/keep",
    "totals/lock",
];

/// Loose scans and heads: they walk an index from its end and stop at the first row.
const WALKS: [&str; 4] = ["claim/waiting_queues", "claim/next_due", "claim/promote_due", "sweep/orphan_calls"];

/// A session set up as the store sets up its writers.
async fn writer(namespace: &Namespace) -> Client {
    let client = vandal(&namespace.name).await;
    let set_up = include_str!("../sql/admin/session.sql");
    let (time, mode, off) = ("60s", "force_generic_plan", "off");
    client.query(set_up, &[&Some(&namespace.name), &time, &time, &time, &mode, &off]).await.unwrap();
    client
}

async fn plan(client: &Client, sql: &str) -> Value {
    let highest = (1..=40).rev().find(|n| sql.contains(&format!("${n}"))).unwrap_or(0);
    let nulls = vec!["null"; highest].join(", ");
    let arguments = if highest == 0 { String::new() } else { format!("({nulls})") };
    client.batch_execute(&format!("prepare hot as {sql}")).await.unwrap();
    let explain = format!("explain (format json, costs off) execute hot{arguments}");
    let messages = client.simple_query(&explain).await.unwrap();
    client.batch_execute("deallocate hot").await.unwrap();
    let row = |message: &SimpleQueryMessage| {
        if let SimpleQueryMessage::Row(row) = message { row.get(0).map(str::to_owned) } else { None }
    };
    let text: String = messages.iter().filter_map(row).collect();
    serde_json::from_str(&text).unwrap()
}

/// Nodes that read a hot table without a condition an index answers.
fn whole_reads(node: &Value, found: &mut Vec<String>) {
    match node {
        Value::Array(nodes) => nodes.iter().for_each(|node| whole_reads(node, found)),
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
            let (kind, table) = (text("Node Type"), text("Relation Name"));
            let scans = kind.contains("Scan") && HOT_TABLES.contains(&table);
            // Most rows belong to one workspace: a condition on it alone is as good as none.
            let narrow = |condition: &str| {
                condition.split(" AND ").any(|part| !part.trim_start_matches('(').starts_with("workspace_id"))
            };
            let conditions = ["Index Cond", "Recheck Cond", "TID Cond"];
            let conditioned = conditions.iter().any(|name| !text(name).is_empty() && narrow(text(name)));
            if scans && (kind == "Seq Scan" || !conditioned) {
                found.push(format!("{kind} of {table}"));
            }
            fields.values().for_each(|node| whole_reads(node, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn check(client: &Client, when: &str) {
    for (name, sql) in HOT {
        let mut found = vec![];
        let plan = plan(client, sql).await;
        whole_reads(&plan, &mut found);
        if WALKS.contains(&name) {
            found.retain(|node| node.starts_with("Seq Scan"));
        }
        assert!(found.is_empty(), "{name} {when}: {found:?}\n{plan:#}");
    }
}

#[tokio::test]
async fn hot_statements_never_read_a_hot_table_from_end_to_end() {
    let namespace = Namespace::new().await;
    let store = namespace.open().await;
    let client = writer(&namespace).await;
    check(&client, "of an empty database").await;
    let ids = Ids::new();
    for _ in 0..20 {
        let batch = (0..1_000).map(|n| builder::accept(&ids, START).user(&format!("u{}", n % 100))).collect();
        store.accept(batch).await.unwrap();
    }
    check(&client, "of 20,000 rows without statistics").await;
    client.batch_execute("analyze ready, runs, parked, generations, drafts, inputs, outcomes, calls").await.unwrap();
    check(&client, "of 20,000 rows with statistics").await;
}
