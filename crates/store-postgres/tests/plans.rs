//! The plans of the hot statements, as our writer sessions get them (generic plans, for ever): at 0 rows and at 20,000,
//! without and with statistics, none reads a hot table from end to end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use copydesk_store::generations::{Claimed, Turn};
use copydesk_store::{GenerationStore, LedgerStore};
use copydesk_store_postgres::PostgresStore;
use copydesk_store_tests::builder::{self, AcceptWith, Ids, START};
use serde_json::Value;
use std::collections::HashMap;
use support::{Namespace, vandal};
use tokio_postgres::{Client, SimpleQueryMessage};

const HOT_TABLES: [&str; 25] = [
    "prospect_list",
    "mails",
    "subscribers",
    "suppressions",
    "ready",
    "runs",
    "parked",
    "outcomes",
    "calls",
    "drafts",
    "events",
    "generations",
    "inputs",
    "steps",
    "versions",
    "accounts",
    "live_keys",
    "live_targets",
    "fair",
    "transfers",
    "usage_history",
    "usage_series",
    "usage_totals",
    "job_items",
    "bulk_items",
];

/// Tables of which thousands of rows may have the same first columns of their key: what a condition must name.
const NAMED_BY: [(&str, &str); 2] = [("job_items", "seq"), ("bulk_items", "item_id")];

macro_rules! statements {
    ($($name:literal),+ $(,)?) => { [$(($name, include_str!(concat!("../sql/", $name, ".sql")))),+] };
}

const HOT: [(&str, &str); 53] = statements![
    "accept/find_draft",
    "accept/find_generation",
    "accept/find_idempotency",
    "accept/find_live_key",
    "accept/find_named",
    "accept/insert_live_key",
    "accept/insert_live_target",
    "accept/lock_draft",
    "accept/put_idempotency",
    "accept/refill_draft",
    "accept/set_user_finish",
    "accept/user_finish",
    "apply/advance_run",
    "apply/close_call",
    "apply/delete_live_key",
    "apply/fence",
    "apply/find_call",
    "apply/found",
    "apply/free_target",
    "apply/insert_step",
    "apply/lock_target",
    "apply/open_call",
    "apply/save_draft",
    "bulk/end_item",
    "claim/clock",
    "claim/next_due",
    "claim/next_in_queue",
    "claim/promote_due",
    "claim/steps",
    "claim/take",
    "claim/waiting_queues",
    "jobs/close_item",
    "jobs/end_item",
    "jobs/feed_item",
    "jobs/item",
    "ledger/lock_account",
    "ledger/lock_account_of",
    "mail/load",
    "mail/put",
    "mail/reached",
    "prospects/find",
    "prospects/lock",
    "prospects/put",
    "subscribers/find",
    "subscribers/put",
    "subscribers/unsubscribed",
    "subscribers/unwanted",
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

/// The columns of each index of a hot table, and the table.
struct Indexes(HashMap<String, (String, Vec<String>)>);

impl Indexes {
    async fn of(client: &Client) -> Self {
        let columns = "select c.relname::text, t.relname::text, array_agg(pg_get_indexdef(c.oid, n, true) order by n) \
                       from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid \
                       cross join lateral generate_series(1, i.indnkeyatts) n \
                       where c.relnamespace = current_schema()::regnamespace group by 1, 2";
        let rows = client.query(columns, &[]).await.unwrap();
        Self(rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect())
    }

    /// Most rows belong to one workspace: a condition names the index's first column beside it, or the scan walks them all.
    fn narrow(&self, index: &str, condition: &str) -> bool {
        let (table, columns) = &self.0[index];
        let names = |column: &str| condition.contains(&format!("({column} "));
        let named = NAMED_BY.iter().find(|(items, _)| items == table).map(|(_, column)| *column);
        let first = columns.iter().find(|column| *column != "workspace_id");
        named.is_none_or(names) && first.is_none_or(|column| names(column))
    }

    /// Nodes that read a hot table without a condition that their index answers from its beginning.
    fn whole_reads(&self, node: &Value, found: &mut Vec<String>) {
        match node {
            Value::Array(nodes) => nodes.iter().for_each(|node| self.whole_reads(node, found)),
            Value::Object(fields) => {
                let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
                let (kind, index) = (text("Node Type"), text("Index Name"));
                let table = self.0.get(index).map_or(text("Relation Name"), |(table, _)| table);
                let walks = if index.is_empty() { kind == "Seq Scan" } else { !self.narrow(index, text("Index Cond")) };
                if walks && HOT_TABLES.contains(&table) {
                    found.push(format!("{kind} of {table} {index}"));
                }
                fields.values().for_each(|node| self.whole_reads(node, found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

async fn check(client: &Client, when: &str) {
    let indexes = Indexes::of(client).await;
    for (name, sql) in HOT {
        let mut found = vec![];
        let plan = plan(client, sql).await;
        indexes.whole_reads(&plan, &mut found);
        if WALKS.contains(&name) {
            found.retain(|node| node.starts_with("Seq Scan"));
        }
        assert!(found.is_empty(), "{name} {when}: {found:?}\n{plan:#}");
    }
}

/// Those of the audit that look at a span of keys.
const BY_GENERATION: [(&str, &str); 11] = statements![
    "audit/asset_of_version",
    "audit/call_per_attempt",
    "audit/completed_has_one_version",
    "audit/final_event_once",
    "audit/generation_in_one_place",
    "audit/hold_balances",
    "audit/keys_of_generations",
    "audit/one_workspace",
    "audit/usage_of_completed",
    "audit/version_only_of_completed",
    "audit/waiting_target_has_holder",
];
const BY_PAIR: [(&str, &str); 8] = statements![
    "audit/balance_is_fold",
    "audit/draft_current_version_exists",
    "audit/draft_live_generation_is_live",
    "audit/draft_status_fits",
    "audit/gifts_net_to_zero",
    "audit/keys_of_drafts",
    "audit/ledger_chain_end",
    "audit/lots_fit_transfers",
];

/// Reads of whole tables in the plan for these values.
async fn whole_reads_of(client: &Client, sql: &str, values: &[String]) -> Vec<String> {
    let mut text = sql.to_owned();
    for (place, value) in values.iter().enumerate().rev() {
        text = text.replace(&format!("${}", place + 1), value);
    }
    let messages = client.simple_query(&format!("explain (format json, costs off) {text}")).await.unwrap();
    let row = |message: &SimpleQueryMessage| {
        if let SimpleQueryMessage::Row(row) = message { row.get(0).map(str::to_owned) } else { None }
    };
    let text: String = messages.iter().filter_map(row).collect();
    let mut found = vec![];
    Indexes::of(client).await.whole_reads(&serde_json::from_str(&text).unwrap(), &mut found);
    // Of an empty table that is the best plan.
    let empty = ["parked", "runs", "steps", "live_targets"].map(|table| format!("Seq Scan of {table} "));
    found.retain(|node| node.starts_with("Seq Scan") && !empty.contains(node));
    found
}

#[tokio::test]
async fn a_slice_of_the_audit_reads_its_span_and_not_the_tables() {
    let namespace = Namespace::new().await;
    let store = namespace.open().await;
    let ids = Ids::new();
    for n in 0..20 {
        let user = |m: usize| format!("u{}", (n * 1_000 + m) / 4);
        for m in (0..1_000).step_by(4) {
            store.post(builder::grant(&ids, &user(m), 100, START)).await.unwrap();
        }
        let batch = (0..1_000).map(|m| builder::accept(&ids, START).user(&user(m)).hold(10)).collect();
        store.accept(batch).await.unwrap();
        let runs = claim(&store, &ids, 900).await;
        let ends = runs.iter().map(|run| builder::settle(&ids, run, START)).collect();
        store.turn(builder::writes(START, ends)).await.unwrap();
    }
    let client = vandal(&namespace.name).await;
    client.batch_execute("analyze").await.unwrap();
    let ends = async |sql: &str| {
        let rows = client.query(sql, &[]).await.unwrap();
        rows.iter().flat_map(|row| (0..row.len()).map(|at| format!("'{}'", row.get::<_, uuid::Uuid>(at)))).collect()
    };
    let span: Vec<String> = ends(
        "select id from generations where id in \
        ((select id from generations order by id offset 9000 limit 1), \
         (select id from generations order by id offset 9050 limit 1)) order by id",
    )
    .await;
    for (name, sql) in BY_GENERATION {
        let values = [&span[..], &["500".to_owned()]].concat();
        assert_eq!(whole_reads_of(&client, sql, &values).await, [""; 0], "{name}");
    }
    let drafts: Vec<String> = ends(
        "select workspace_id, id from drafts where id in \
        ((select id from drafts order by id offset 9000 limit 1), \
         (select id from drafts order by id offset 9050 limit 1)) order by id",
    )
    .await;
    let accounts: Vec<String> = ends(
        "select workspace_id, user_id from accounts where user_id in \
        ((select user_id from accounts order by user_id offset 2000 limit 1), \
         (select user_id from accounts order by user_id offset 2020 limit 1)) order by user_id",
    )
    .await;
    for (name, sql) in BY_PAIR {
        let pair = if name.contains("draft") { &drafts } else { &accounts };
        let values = [&pair[..], &["500".to_owned()]].concat();
        assert_eq!(whole_reads_of(&client, sql, &values).await, [""; 0], "{name}");
    }
}

async fn claim(store: &PostgresStore, ids: &Ids, n: usize) -> Vec<Claimed> {
    let claim = Some(builder::claim(ids, ids.node(), n, builder::no_limits()));
    store.turn(Turn { now: START, writes: vec![], claim }).await.unwrap().claimed
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
    // Those that are empty between bursts, and those that are full. What only grows is never looked at while it is empty.
    client.batch_execute("analyze ready, runs, parked, generations, drafts, inputs").await.unwrap();
    check(&client, "of 20,000 rows with statistics").await;
}

const OF_LANES: [(&str, &str); 5] = statements![
    "webhooks/candidates",
    "webhooks/end_lane",
    "webhooks/next_due",
    "webhooks/put_lane",
    "webhooks/set_lane",
];

/// How the plan reads tables whose names begin so: node, table, index and its condition.
fn reads_of(begins: &str, node: &Value, found: &mut Vec<String>) {
    match node {
        Value::Array(nodes) => nodes.iter().for_each(|node| reads_of(begins, node, found)),
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
            let (kind, table) = (text("Node Type"), text("Relation Name"));
            if kind.contains("Scan") && table.starts_with(begins) {
                let condition = [text("Index Cond"), text("Recheck Cond")].concat();
                found.push(format!("{kind} of {table} by {} {condition}", text("Index Name")));
            }
            fields.values().for_each(|node| reads_of(begins, node, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// 10,000 receivers that wait for their next try: a claim that finds nothing due reads no row of theirs.
#[tokio::test]
async fn a_claim_of_messages_reads_what_is_due_and_no_idle_lane() {
    let namespace = Namespace::new().await;
    namespace.open().await;
    let client = writer(&namespace).await;
    for when in ["of an empty database", "of 10,000 idle lanes"] {
        for (name, sql) in OF_LANES {
            let (plan, mut found) = (plan(&client, sql).await, vec![]);
            reads_of("webhook_", &plan, &mut found);
            let narrow = |read: &String| {
                read.contains("due_at <= $1") || read.contains("due_at > $1") || read.contains("lane_id = ")
            };
            assert!(
                found.iter().all(narrow) && !found.is_empty() | name.ends_with("put_lane"),
                "{name} {when}: {found:?}\n{plan:#}"
            );
        }
        let idle = "insert into webhook_lanes select gen_random_uuid(), gen_random_uuid(), '2099-01-01'::timestamptz \
                    from generate_series(1, 10000); analyze webhook_lanes";
        client.batch_execute(idle).await.unwrap();
    }
}

const OF_DUTIES: [(&str, &str); 14] = statements![
    "fill/last_on_list",
    "fill/next_on_list",
    "fill/unfinished",
    "mail/candidates",
    "mail/earlier",
    "mail/load",
    "mail/lost",
    "mail/next_due",
    "mail/waiting",
    "schedules/due",
    "sources/claim",
    "sources/claim_one",
    "sources/held",
    "sources/put_items",
];

const BY_ID: [&str; 2] = ["sources/claim_one", "sources/held"];

/// What a row of a duty's tables is found by; the two that have no condition are the heads of what is at work.
const NARROW: [&str; 11] = [
    "next_at <= $2",
    "(id = ",
    "source_id = ",
    "start_at <= $1",
    "schedule_id = ",
    "mailing_id = ",
    "draft_id = ",
    "by mails_sending ",
    "by mailings_at_work ",
    "by mailings_unfinished ",
    "(list = ",
];

/// 20,000 sources, schedules and mails that are not due: a duty that looks reads none of them.
#[tokio::test]
async fn duties_read_what_is_due_and_nothing_else_of_sources_schedules_and_mails() {
    let namespace = Namespace::new().await;
    namespace.open().await;
    let client = writer(&namespace).await;
    for when in ["of an empty database", "of 20,000 rows each"] {
        for (name, sql) in OF_DUTIES {
            // By its id or by its workspace is the same to a planner that knows of no rows; it plans anew once it does.
            if when.ends_with("empty database") && BY_ID.contains(&name) {
                continue;
            }
            let (plan, mut found) = (plan(&client, sql).await, vec![]);
            ["source", "schedule", "mail", "subscriber"].iter().for_each(|begins| reads_of(begins, &plan, &mut found));
            let narrow = |read: &String| !read.starts_with("Seq") && NARROW.iter().any(|words| read.contains(words));
            let writes = name.ends_with("put_items");
            assert!(found.iter().all(narrow) && !found.is_empty() | writes, "{name} {when}: {found:?}\n{plan:#}");
        }
        if when.ends_with("empty database") {
            client.batch_execute(include_str!("support/duties.sql")).await.unwrap();
        }
    }
}
