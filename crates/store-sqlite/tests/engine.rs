//! What only this engine does, and the suite therefore cannot ask: the folder and its lock, migrations and the schema
//! check at start, surviving a crash.

#![allow(clippy::unwrap_used)]

use copydesk_core::generation::{FailureCode, FaultOf};
use copydesk_core::ledger::Transfer;
use copydesk_core::{GenerationId, Timestamp};
use copydesk_store::budgets::NewBudget;
use copydesk_store::drafts::DraftFilter;
use copydesk_store::generations::{Accepted, Change, Claimed, Heartbeat, Turn};
use copydesk_store::ledger::Post;
use copydesk_store::retention::{Aged, Prune};
use copydesk_store::{
    AdminStore, AuditStore, BudgetStore, DraftStore, GenerationStore, LedgerStore, PageRequest, RetentionStore, Scope,
    StoreError,
};
use copydesk_store_sqlite::{Options, SqliteStore};
use copydesk_store_tests::builder::{self, AcceptWith, Ids, START};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder, Options::default()).unwrap()
}

/// A connection behind the contract's back that may break every rule.
fn vandal(folder: &Path) -> Connection {
    let connection = Connection::open(folder.join("copydesk.db")).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.pragma_update(None, "ignore_check_constraints", true).unwrap();
    connection
}

async fn claim(store: &SqliteStore, ids: &Ids, n: usize, now: Timestamp) -> Vec<Claimed> {
    let claim = Some(builder::claim(ids, ids.node(), n, builder::no_limits()));
    store.turn(Turn { now, writes: vec![], claim }).await.unwrap().claimed
}

#[tokio::test]
async fn the_folder_belongs_to_one_store_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let second = SqliteStore::open(folder.path(), Options::default()).unwrap_err();
    let (shown, pid) = (folder.path().display().to_string(), std::process::id().to_string());
    assert_eq!(second, StoreError::Held { folder: shown, holder: pid });
    drop(first);
    open(folder.path());
}

#[test]
fn an_unusable_folder_is_refused_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file").join("data");
    std::fs::write(folder.path().join("file"), "in the way").unwrap();
    // Nobody, not even root, writes there.
    for path in [blocked.as_path(), Path::new("/proc/sys")] {
        let refused = SqliteStore::open(path, Options::default()).unwrap_err();
        let StoreError::Unavailable(text) = refused else { panic!("{refused:?}") };
        assert!(text.contains(&path.display().to_string()), "{text}");
    }
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    vandal(folder.path()).execute_batch("INSERT INTO schema_migrations VALUES (9, 'later', 'x', 0)").unwrap();
    let refused = SqliteStore::open(folder.path(), Options::default()).unwrap_err();
    assert_eq!(refused, StoreError::TooNew { found: 9, known: SqliteStore::known_schema_version() });
}

#[test]
fn something_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copydesk.db");
    let text = "a letter, not a database. ".repeat(400);
    std::fs::write(&file, &text).unwrap();
    assert!(matches!(SqliteStore::open(folder.path(), Options::default()), Err(StoreError::Corrupt(_))));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn seed_s1_missing_column_refuses_to_start() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let live = vandal(folder.path());
    live.execute_batch("DROP INDEX runs_queue; DROP VIEW llm_usage_logs; ALTER TABLE calls DROP COLUMN served_model")
        .unwrap();
    let refused = SqliteStore::open(folder.path(), Options::default()).unwrap_err();
    let StoreError::SchemaMismatch(faults) = refused else { panic!("{refused:?}") };
    let read: Vec<(&str, &str)> = faults.iter().map(|fault| (fault.what.as_str(), fault.sql.as_str())).collect();
    assert_eq!(read[0], ("column calls.served_model is missing", "ALTER TABLE calls ADD COLUMN served_model TEXT;"));
    assert_eq!(read[1], ("index runs_queue is missing", "CREATE INDEX runs_queue ON runs (queue_id, waiting);"));
    assert_eq!(read[2].0, "view llm_usage_logs is missing");
    for (_, mend) in read {
        live.execute_batch(mend).unwrap();
    }
    assert_eq!(open(folder.path()).check_schema().await, Ok(vec![]));
}

/// What a power cut leaves: the files as they are on disk, with no checkpoint and no closing.
fn crash_image(folder: &Path) -> tempfile::TempDir {
    let image = tempfile::tempdir().unwrap();
    for name in ["copydesk.db", "copydesk.db-wal"] {
        std::fs::copy(folder.join(name), image.path().join(name)).unwrap();
    }
    image
}

#[tokio::test]
async fn a_crash_keeps_every_acknowledged_row() {
    let folder = tempfile::tempdir().unwrap();
    let (store, ids) = (Arc::new(open(folder.path())), Ids::new());
    let requests: Vec<_> = (0..50).map(|n| builder::accept(&ids, START).user(&format!("user {n}"))).collect();
    let accepts = requests.into_iter().map(|request| store.accept(vec![request]));
    let acknowledged: Vec<GenerationId> = futures::future::join_all(accepts)
        .await
        .into_iter()
        .map(|answer| answer.unwrap().remove(0).unwrap().ids().0)
        .collect();
    let runs = claim(&store, &ids, 10, START).await;
    let settled: Vec<_> = runs.iter().map(|run| builder::settle(&ids, run, START)).collect();
    store.turn(builder::writes(START, settled)).await.unwrap();

    let image = crash_image(folder.path());
    let revived = open(image.path());

    for id in acknowledged {
        let before = store.get(Scope::DEFAULT, id).await.unwrap();
        assert_eq!(revived.get(Scope::DEFAULT, id).await.unwrap(), before);
    }
    let description = revived.describe().await.unwrap();
    assert_eq!((description.waiting, description.processing), (40, 0));
    assert_eq!(revived.audit().await, Ok(vec![]));
    // What the writer knew by heart it reads again: the queue, its order, the virtual time.
    assert_eq!(claim(&revived, &Ids::of_realm(7), 100, START).await.len(), 40);
}

/// One of everything: completed with a settled hold, failed, running, waiting for a target, ready.
async fn busy_store(folder: &Path) -> (SqliteStore, Vec<GenerationId>) {
    let (store, ids) = (open(folder), Ids::new());
    let expires_at = Some(START.plus(std::time::Duration::from_secs(86_400)));
    let grant = builder::grant(&ids, "a", 1_000, START);
    let grant = Post { transfer: Transfer { expires_at, ..grant.transfer }, ..grant };
    store.post(builder::grant(&ids, "bob", 5, START)).await.unwrap();
    store.post(grant).await.unwrap();
    store.gift(builder::gift(&ids, ("a", "bob"), 30, "gift-1", START)).await.unwrap();
    let budget = NewBudget { budget: builder::budget(&ids, 1_000_000, START), idempotency: None };
    store.set_budget(budget).await.unwrap();
    let batch = vec![
        builder::accept(&ids, START).hold(100).bound(9),
        builder::accept(&ids, START).hold(100),
        builder::accept(&ids, START).target("book/1").hold(100).dedupe("k"),
        builder::accept(&ids, START).target("book/1"),
        builder::accept(&ids, START).dedupe("another"),
    ];
    let accepted = store.accept(batch).await.unwrap();
    let made: Vec<GenerationId> = accepted
        .into_iter()
        .map(|answer| match answer {
            Ok(Accepted::New { generation, .. }) => generation,
            other => panic!("{other:?}"),
        })
        .collect();
    let runs = claim(&store, &ids, 3, START).await;
    let writes =
        vec![builder::settle(&ids, &runs[0], START), builder::fail(&ids, &runs[1], FailureCode::Refused, START)];
    store.turn(builder::writes(START, writes)).await.unwrap();
    store
        .heartbeat(Heartbeat { node: ids.node(), at: START, label: "n".into(), goodbye: false, runs: vec![] })
        .await
        .unwrap();
    assert_eq!(store.audit().await, Ok(vec![]));
    (store, made)
}

/// How many rows each table has.
fn row_counts(folder: &Path) -> Vec<(String, i64)> {
    let view = vandal(folder);
    let mut tables = view.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let names: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let count = |name: String| {
        let rows = view.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0)).unwrap();
        (name, rows)
    };
    names.into_iter().map(count).collect()
}

/// Only here: the tables can be counted from outside.
#[tokio::test]
async fn who_cannot_pay_leaves_no_row_in_any_table() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = busy_store(folder.path()).await;
    let ids = Ids::of_realm(9);
    let before = row_counts(folder.path());
    let refused =
        store.accept(vec![builder::accept(&ids, START).user("bob").hold(36).target("t").dedupe("d").key("k", 1)]);
    assert_eq!(refused.await.unwrap().remove(0).unwrap_err().code(), "insufficient_credits");
    let too_much = builder::accept(&ids, START).user("stranger").hold(1);
    assert_eq!(store.accept(vec![too_much]).await.unwrap().remove(0).unwrap_err().code(), "insufficient_credits");
    assert_eq!(row_counts(folder.path()), before);
}

#[tokio::test]
async fn an_unknown_word_is_corrupt_and_names_its_column() {
    let folder = tempfile::tempdir().unwrap();
    let (store, made) = busy_store(folder.path()).await;
    vandal(folder.path()).execute("UPDATE outcomes SET status = 'done' WHERE status = 'failed'", []).unwrap();
    let failed = store.get(Scope::DEFAULT, made[1]).await.unwrap_err();
    let StoreError::Corrupt(text) = failed else { panic!("{failed:?}") };
    assert!(text.contains("outcomes.status") && text.contains("\"done\""), "{text}");
}

#[tokio::test]
async fn the_views_answer_in_words_people_read() {
    let folder = tempfile::tempdir().unwrap();
    let (store, made) = busy_store(folder.path()).await;
    let view = vandal(folder.path());
    let one = |sql: &str| view.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(one("SELECT user_id || ' ' || tokens_used FROM llm_usage_logs LIMIT 1"), "a 150");
    assert_eq!(one("SELECT created_at FROM usage_logs LIMIT 1"), START.to_string());
    assert_eq!(one("SELECT status FROM newsletter_drafts WHERE generated_at IS NOT NULL"), "draft");
    let first = made[0].uuid();
    assert_eq!(one(&format!("SELECT status FROM generation_status WHERE id = '{first}'")), "completed");
    drop(store);
}

#[tokio::test]
async fn every_column_of_the_views_says_what_was_booked() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let ids = Ids::new();
    for (minute, title) in [(0_u64, "Early"), (1, "Late")] {
        let now = START.plus(std::time::Duration::from_secs(60 * minute));
        let request = builder::accept(&ids, now).user("ann").title(title);
        let request = request.change(|it| it.metadata = r#"{"campaign":7}"#.to_owned());
        store.accept(vec![request]).await.unwrap();
        let run = claim(&store, &ids, 1, now).await.remove(0);
        let settle = builder::settle(&ids, &run, now);
        store.turn(builder::writes(now, vec![settle])).await.unwrap();
    }
    let view = vandal(folder.path());
    let all = |sql: &str| {
        let mut statement = view.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.collect::<Result<Vec<String>, _>>().unwrap()
    };
    let words = "SELECT user_id || '|' || model || '|' || tokens_used || '|' || prompt_tokens || '|' || \
                 completion_tokens || '|' || duration_ms || '|' || (metadata ->> 'campaign') || '|' || \
                 (metadata ->> 'service') || '|' || (metadata ->> 'operation') FROM llm_usage_logs";
    assert_eq!(all(words), ["ann|demo/swift|150|100|50|1234|7|newsletter|write"; 2]);
    let whose = "SELECT 1 FROM llm_usage_logs l JOIN generation_status g ON g.id = l.metadata ->> 'generation_id' \
                 JOIN newsletter_drafts d ON d.id = l.metadata ->> 'draft_id' AND g.draft_id = d.id";
    assert_eq!(view.prepare(whose).unwrap().query_map([], |_| Ok(())).unwrap().count(), 2);
    let newest = "SELECT created_at FROM llm_usage_logs ORDER BY created_at DESC";
    assert_eq!(all(newest), ["2026-01-01T00:01:00.000000Z", "2026-01-01T00:00:00.000000Z"]);
    let money = "SELECT service || '|' || operation || '|' || tokens || '|' || \
                 CAST(round(cost_usd * 1000000000) AS INTEGER) FROM usage_logs";
    assert_eq!(all(money), ["newsletter|write|150|1000"; 2]);
    let drafts = store.list_drafts(Scope::DEFAULT, DraftFilter::default(), PageRequest::newest(9)).await.unwrap().rows;
    let expected: Vec<String> = drafts
        .iter()
        .map(|row| format!("{}|ann|{}|draft|{}", row.id.uuid(), row.title, row.generated_at.unwrap()))
        .collect();
    let shown = "SELECT id || '|' || user_id || '|' || title || '|' || status || '|' || generated_at \
                 FROM newsletter_drafts ORDER BY generated_at DESC";
    assert_eq!((all(shown), expected.len()), (expected, 2));
}

/// The views as people ask them: the seeds' own questions, and the summary of days against the rows it sums.
#[tokio::test]
async fn seed_s0_s4_the_seeds_own_queries_run_unchanged_and_days_are_the_sums_of_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let ids = Ids::new();
    for hour in [0_u64, 1, 30, 31, 80] {
        let now = START.plus(std::time::Duration::from_secs(3_600 * hour));
        let recipe = ["newsletter", "code"][(hour % 2) as usize];
        store.accept(vec![builder::accept(&ids, now).user("ann").recipe(recipe)]).await.unwrap();
        let run = claim(&store, &ids, 1, now).await.remove(0);
        store.turn(builder::writes(now, vec![builder::settle(&ids, &run, now)])).await.unwrap();
    }
    let view = vandal(folder.path());
    let all = |sql: &str| {
        let mut statement = view.prepare(sql).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let cell = |at| row.get::<_, rusqlite::types::Value>(at).map(|value| format!("{value:?}"));
            (0..columns).map(cell).collect::<Result<Vec<_>, _>>()
        };
        statement.query_map([], row).unwrap().collect::<Result<Vec<_>, _>>().unwrap()
    };
    let last = "SELECT * FROM llm_usage_logs WHERE user_id = 'ann' ORDER BY created_at DESC LIMIT 10";
    assert_eq!(all(last).len(), 5);
    let drafts = "SELECT id, title, status, generated_at FROM newsletter_drafts WHERE user_id = 'ann' \
                  ORDER BY generated_at DESC";
    assert_eq!(all(drafts).len(), 3);
    let counts = "SELECT status, COUNT(*) FROM newsletter_drafts WHERE user_id = 'ann' GROUP BY status";
    assert_eq!(all(counts), [["Text(\"draft\")", "Integer(3)"]]);
    let days = "SELECT date, service, operation, count, total_tokens, total_cost FROM daily_usage_summary \
                ORDER BY date, service, operation";
    let rows = "SELECT DATE(created_at) AS date, service, operation, COUNT(*) AS count, SUM(tokens) AS total_tokens, \
                SUM(cost_usd) AS total_cost FROM usage_logs GROUP BY DATE(created_at), service, operation \
                ORDER BY date, service, operation";
    let before = all(days);
    assert_eq!((all(rows), before.len()), (before.clone(), 5));
    let before_at = START.plus(std::time::Duration::from_secs(3_600 * 79));
    let prune = Prune { what: Aged::Calls, before: before_at, after: None, limit: 100, dry_run: false };
    assert_eq!(store.prune(prune).await.unwrap().removed, 4);
    assert_eq!((all(rows).len(), all(days)), (1, before), "the days outlive the rows");
}

/// The writer keeps the health in memory: what a turn taught it is forgotten with the turn. Only this engine does so.
#[tokio::test]
async fn a_dedupe_key_is_held_over_a_restart_and_over_an_undone_turn() {
    let folder = tempfile::tempdir().unwrap();
    let (store, ids) = (open(folder.path()), Ids::new());
    let again = |ids: &Ids| vec![builder::accept(ids, START).dedupe("k")];
    let first = store.accept(again(&ids)).await.unwrap().remove(0).unwrap().ids();
    let run = claim(&store, &ids, 1, START).await.remove(0);
    // The settle gives the key up, but a call cannot be opened twice, so the whole turn is undone.
    store.accept(vec![builder::accept(&ids, START)]).await.unwrap();
    let other = claim(&store, &ids, 1, START).await.remove(0);
    let step = builder::step(&ids, &other, "plan", "{}", "write", START);
    let mut twice = builder::step(&ids, &builder::after(&other, &step), "plan", "{}", "write", START);
    twice.opens.as_mut().unwrap().id = other.call;
    let turn = vec![builder::settle(&ids, &run, START), step, twice];
    store.turn(builder::writes(START, turn)).await.unwrap_err();
    let duplicate = [Ok(Accepted::Duplicate { generation: first.0, draft: first.1 })];
    assert_eq!(store.accept(again(&ids)).await.unwrap(), duplicate);
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.accept(again(&ids)).await.unwrap(), duplicate, "a restart does not forget it");
    store.turn(builder::writes(START, vec![builder::settle(&ids, &run, START)])).await.unwrap();
    assert!(matches!(store.accept(again(&ids)).await.unwrap()[..], [Ok(Accepted::New { .. })]));
}

#[tokio::test]
async fn a_turn_that_is_undone_leaves_no_opening_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (store, ids) = (open(folder.path()), Ids::new());
    store.accept((0..2).map(|_| builder::accept(&ids, START)).collect()).await.unwrap();
    let runs = claim(&store, &ids, 2, START).await;
    let step = builder::step(&ids, &runs[0], "plan", "{}", "write", START);
    let again = builder::after(&runs[0], &step);
    store.turn(builder::writes(START, vec![step])).await.unwrap();
    let asked = builder::fault(FaultOf::Model, FailureCode::RateLimited, Some(60));
    let sign = Some(builder::sign(&runs[1], asked, START));
    let fail = || Change { sign: sign.clone(), ..builder::fail(&ids, &runs[1], FailureCode::RateLimited, START) };
    // A call cannot be opened twice, so the whole turn is undone.
    let mut twice = builder::step(&ids, &again, "plan", "{}", "write", START);
    twice.opens.as_mut().unwrap().id = again.call;
    store.turn(builder::writes(START, vec![fail(), twice])).await.unwrap_err();
    store.accept(vec![builder::accept(&ids, START)]).await.unwrap();
    assert_eq!(claim(&store, &ids, 5, START).await.len(), 1, "nothing is cooling");
    store.turn(builder::writes(START, vec![fail()])).await.unwrap();
    store.accept(vec![builder::accept(&ids, START)]).await.unwrap();
    assert_eq!(claim(&store, &ids, 5, START).await, []);
    drop(store);
    assert_eq!(claim(&open(folder.path()), &ids, 5, START).await, [], "a restart does not forget it");
}
