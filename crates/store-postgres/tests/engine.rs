//! Promises only this engine has to make: many claimers and accepts at once, plans that stay on indexes, rows that are never updated,
//! a bad row that does not sink its batch.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use copydesk_core::GenerationId;
use copydesk_core::generation::Status;
use copydesk_core::ledger::Transfer;
use copydesk_store::drafts::DraftFilter;
use copydesk_store::generations::{Accepted, Applied, Claimed, Limits, Turn};
use copydesk_store::ledger::Post;
use copydesk_store::retention::{Aged, Prune};
use copydesk_store::{
    AdminStore, AuditStore, DraftStore, GenerationStore, LedgerStore, PageRequest, RetentionStore, Scope, StoreError,
};
use copydesk_store_postgres::PostgresStore;
use copydesk_store_tests::builder::{self, AcceptWith, Ids, START};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use support::{Namespace, vandal};

const CLAIMERS: u16 = 16;
const GLOBAL: u32 = 37;

async fn claim(store: &PostgresStore, ids: &Ids, n: usize, limits: Limits) -> Vec<Claimed> {
    let claim = Some(builder::claim(ids, ids.node(), n, limits));
    store.turn(Turn { now: START, writes: vec![], claim }).await.unwrap().claimed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_claimers_never_claim_one_twice_and_never_exceed_the_global_limit() {
    let namespace = Namespace::new().await;
    let (one, two) = (namespace.open().await, namespace.open().await);
    let ids = Ids::new();
    let requests = (0..400).map(|n| builder::accept(&ids, START).model(&format!("demo/m{}", n % 7))).collect();
    one.accept(requests).await.unwrap();
    let limits = Limits { global: Some(GLOBAL), ..builder::no_limits() };
    let tasks = (0..CLAIMERS).map(|realm| {
        let store = if realm % 2 == 0 { one.clone() } else { two.clone() };
        let limits = limits.clone();
        tokio::spawn(async move {
            let ids = Ids::of_realm(100 + realm);
            let mut taken: Vec<GenerationId> = vec![];
            for _ in 0..200 {
                let claimed = claim(&store, &ids, 5, limits.clone()).await;
                if claimed.is_empty() && taken.len() > 10 {
                    break;
                }
                let running = store.describe().await.unwrap().processing;
                assert!(running <= u64::from(GLOBAL), "{running} run at once");
                taken.extend(claimed.iter().map(|run| run.generation.id));
                let changes = claimed.iter().map(|run| builder::settle(&ids, run, START)).collect();
                store.turn(builder::writes(START, changes)).await.unwrap();
            }
            taken
        })
    });
    let mut all = vec![];
    for taken in futures::future::join_all(tasks).await {
        all.extend(taken.unwrap());
    }
    while let rest @ [_, ..] = &claim(&one, &ids, 100, limits.clone()).await[..] {
        all.extend(rest.iter().map(|run| run.generation.id));
        one.turn(builder::writes(START, rest.iter().map(|run| builder::settle(&ids, run, START)).collect()))
            .await
            .unwrap();
    }
    assert_eq!(all.len(), 400);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 400, "nobody ran twice");
    assert_eq!(one.audit().await.unwrap(), vec![]);
}

/// Only here: many accepts lift the times of empty queues while many claims move them, all on connections of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepts_into_queues_that_run_empty_and_claims_go_on_side_by_side() {
    const ACCEPTERS: u16 = 8;
    let namespace = Namespace::new().await;
    let (one, two) = (namespace.open().await, namespace.open().await);
    let accepting = Arc::new(AtomicU16::new(ACCEPTERS));
    let accepters = (0..ACCEPTERS).map(|realm| {
        let (store, accepting) = (if realm % 2 == 0 { one.clone() } else { two.clone() }, accepting.clone());
        tokio::spawn(async move {
            let ids = Ids::of_realm(realm);
            for round in 0..30_usize {
                let request = |n: usize| {
                    let request = builder::accept(&ids, START).model(&format!("demo/m{}", (round * 3 + n) % 7));
                    let request = request.user(["ann", "bob", "cy"][n % 3]);
                    if n == 0 { request.dedupe(&format!("{realm} {round}")) } else { request }
                };
                let answers = store.accept((0..5).map(request).collect()).await.unwrap();
                assert!(answers.iter().all(|answer| matches!(answer, Ok(Accepted::New { .. }))));
            }
            accepting.fetch_sub(1, Ordering::SeqCst);
            vec![]
        })
    });
    let claimers = (0..4).map(|realm| {
        let (store, accepting) = (if realm % 2 == 0 { one.clone() } else { two.clone() }, accepting.clone());
        tokio::spawn(async move {
            let ids = Ids::of_realm(100 + realm);
            let mut taken = vec![];
            loop {
                let done = accepting.load(Ordering::SeqCst) == 0;
                let claimed = claim(&store, &ids, 6, builder::no_limits()).await;
                if claimed.is_empty() && done {
                    return taken;
                }
                taken.extend(claimed.iter().map(|run| run.generation.id));
            }
        })
    });
    let tasks: Vec<_> = accepters.chain(claimers).collect();
    let mut all = vec![];
    for taken in futures::future::join_all(tasks).await {
        all.extend(taken.unwrap());
    }
    // A claimer passes over what another is taking and may stop early.
    all.extend(claim(&one, &Ids::new(), 100, builder::no_limits()).await.iter().map(|run| run.generation.id));
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 8 * 30 * 5);
    assert_eq!(one.audit().await.unwrap(), vec![]);
    let client = vandal(&namespace.name).await;
    let late =
        "select count(*) from runs r join clock c on c.queue_id in (0, r.queue_id) where r.sort_key > c.virtual_time";
    assert_eq!(client.query_one(late, &[]).await.unwrap().get::<_, i64>(0), 0, "no time is behind what was claimed");
    client.query(include_str!("../sql/claim/purge_fair.sql"), &[&1_000_i64]).await.unwrap();
    let behind = "select count(*) from fair f join clock c on c.queue_id = f.queue_id where f.finish <= c.virtual_time";
    assert_eq!(client.query_one(behind, &[]).await.unwrap().get::<_, i64>(0), 0, "they are forgotten");
    assert!(client.query_one("select count(*) from fair", &[]).await.unwrap().get::<_, i64>(0) > 0, "others are not");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_batches_with_the_same_keys_make_each_generation_once() {
    let namespace = Namespace::new().await;
    let (one, two) = (namespace.open().await, namespace.open().await);
    let tasks = (0..8_u16).map(|realm| {
        let store = if realm % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            let ids = Ids::of_realm(realm);
            let mut made = 0;
            for round in 0..5 {
                let mut batch: Vec<_> = (0..20)
                    .map(|n| match n % 3 {
                        0 => builder::accept(&ids, START).dedupe(&format!("work {round} {n}")),
                        1 => builder::accept(&ids, START).key(&format!("key {round} {n}"), 1),
                        _ => builder::accept(&ids, START).target("the one target").dedupe(&format!("t {round} {n}")),
                    })
                    .collect();
                if realm % 3 == 0 {
                    batch.reverse();
                }
                let answers = store.accept(batch).await.unwrap();
                made += answers.iter().filter(|answer| matches!(answer, Ok(Accepted::New { .. }))).count();
            }
            made
        })
    });
    let made: usize = futures::future::join_all(tasks).await.into_iter().map(|made| made.unwrap()).sum();
    assert_eq!(made, 100, "5 rounds of 20, each made by exactly one of eight");
    assert_eq!(one.audit().await.unwrap(), vec![]);
}

#[tokio::test]
async fn ready_rows_are_never_updated() {
    let namespace = Namespace::new().await;
    let store = namespace.open().await;
    let ids = Ids::new();
    let requests = (0..50).map(|n| builder::accept(&ids, START).target(&format!("t{}", n % 40))).collect();
    store.accept(requests).await.unwrap();
    let claimed = claim(&store, &ids, 20, builder::no_limits()).await;
    let back = claimed.iter().map(|run| builder::hand_back(&ids, run, START)).collect();
    store.turn(builder::writes(START, back)).await.unwrap();
    let claimed = claim(&store, &ids, 50, builder::no_limits()).await;
    let ends = claimed.iter().map(|run| builder::settle(&ids, run, START)).collect();
    store.turn(builder::writes(START, ends)).await.unwrap();
    // Counters arrive when a session ends.
    drop(store);
    let vandal = vandal(&namespace.name).await;
    let sql = "select n_tup_ins, n_tup_upd from pg_stat_user_tables where relid = 'ready'::regclass";
    for _ in 0..500 {
        let row = vandal.query_one(sql, &[]).await.unwrap();
        let (inserted, updated): (i64, i64) = (row.get(0), row.get(1));
        assert_eq!(updated, 0);
        if inserted >= 70 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server's counters did not arrive");
}

#[tokio::test]
async fn a_row_that_cannot_be_stored_does_not_sink_its_batch() {
    let namespace = Namespace::new().await;
    let store = namespace.open().await;
    let ids = Ids::new();
    store.accept((0..6).map(|_| builder::accept(&ids, START)).collect()).await.unwrap();
    let runs = claim(&store, &ids, 6, builder::no_limits()).await;
    let first = builder::step(&ids, &runs[3], "outline", "{}", "write", START);
    let stepped = builder::after(&runs[3], &first);
    store.turn(builder::writes(START, vec![first])).await.unwrap();
    let mut changes: Vec<_> = runs.iter().map(|run| builder::settle(&ids, run, START)).collect();
    // A call that is open already: core never orders it, the primary key refuses it.
    changes[3] = builder::step(&ids, &stepped, "outline", "{}", "write", START);
    changes[3].opens.as_mut().unwrap().id = stepped.call;
    let fence = changes[3].fence;
    let answer = store.turn(builder::writes(START, changes)).await.unwrap();
    for (place, applied) in answer.applied.iter().enumerate() {
        match place {
            3 => assert_eq!(*applied, Applied::Lost { found: Some(fence) }),
            _ => assert_eq!(*applied, Applied::Done { version: Some(1) }),
        }
    }
    let row = store.get(Scope::DEFAULT, stepped.generation.id).await.unwrap();
    assert_eq!(row.status(), Status::Processing, "it stays until its deadline ends it with a reason");
}

#[tokio::test]
async fn a_nul_is_shown_in_free_text_and_refused_in_keys() {
    let namespace = Namespace::new().await;
    let store = namespace.open().await;
    let ids = Ids::new();
    let titled = builder::accept(&ids, START).title("a\0b");
    store.accept(vec![titled.clone()]).await.unwrap();
    let run = claim(&store, &ids, 1, builder::no_limits()).await.remove(0);
    let mut change = builder::fail(&ids, &run, copydesk_core::generation::FailureCode::Refused, START);
    if let Some(call) = &mut change.closes {
        call.error = Some(("refused".to_owned(), "words \0 of a provider".to_owned()));
    }
    let answer = store.turn(builder::writes(START, vec![change])).await.unwrap();
    assert_eq!(answer.applied, vec![Applied::Done { version: None }]);
    for bad in [builder::accept(&ids, START).target("a\0b"), builder::accept(&ids, START).dedupe(&"k".repeat(3_000))] {
        let error = store.accept(vec![bad, builder::accept(&ids, START)]).await.unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt(words) if words.contains("nothing was written")), "{error:?}");
    }
    assert_eq!(store.describe().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn every_column_of_the_views_says_what_was_booked() {
    let namespace = Namespace::new().await;
    let store = namespace.open().await;
    let ids = Ids::new();
    for (minute, title) in [(0_u64, "Early"), (1, "Late")] {
        let now = START.plus(std::time::Duration::from_secs(60 * minute));
        let request = builder::accept(&ids, now).user("ann").title(title);
        let request = request.change(|it| it.metadata = r#"{"campaign":7}"#.to_owned());
        store.accept(vec![request]).await.unwrap();
        let run = claim_at(&store, &ids, now).await.remove(0);
        let settle = builder::settle(&ids, &run, now);
        store.turn(builder::writes(now, vec![settle])).await.unwrap();
    }
    let view = vandal(&namespace.name).await;
    let all = async |sql: &str| {
        let rows = view.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<String>>()
    };
    let words = "select concat_ws('|', user_id, model, tokens_used, prompt_tokens, completion_tokens, duration_ms, \
                 metadata ->> 'campaign', metadata ->> 'service', metadata ->> 'operation') from llm_usage_logs";
    assert_eq!(all(words).await, ["ann|demo/swift|150|100|50|1234|7|newsletter|write"; 2]);
    let whose = "select title from llm_usage_logs l join generation_status g on g.id::text = l.metadata ->> 'generation_id' \
                 join newsletter_drafts d on d.id::text = l.metadata ->> 'draft_id' and g.draft_id = d.id";
    assert_eq!(all(whose).await.len(), 2);
    let newest =
        "select to_char(created_at at time zone 'UTC', 'HH24:MI') from llm_usage_logs order by created_at desc";
    assert_eq!(all(newest).await, ["00:01", "00:00"]);
    let money = "select concat_ws('|', service, operation, tokens, (cost_usd * 1000000000)::bigint) from usage_logs";
    assert_eq!(all(money).await, ["newsletter|write|150|1000"; 2]);
    let drafts = store.list_drafts(Scope::DEFAULT, DraftFilter::default(), PageRequest::newest(9)).await.unwrap().rows;
    let expected: Vec<String> = drafts
        .iter()
        .map(|row| format!("{}|ann|{}|draft|{}", row.id.uuid(), row.title, row.generated_at.is_some()))
        .collect();
    let shown = "select concat_ws('|', id, user_id, title, status, case when generated_at is null then 'false' else 'true' end) \
                 from newsletter_drafts order by generated_at desc";
    assert_eq!((all(shown).await, expected.len()), (expected, 2));
}

/// The views as people ask them: the seeds' own questions, and the summary of days against the rows it sums.
#[tokio::test]
async fn seed_s0_s4_the_seeds_own_queries_run_unchanged_in_psql_and_days_are_the_sums_of_their_rows() {
    let namespace = Namespace::new().await;
    let store = namespace.open().await;
    let ids = Ids::new();
    for hour in [0_u64, 1, 30, 31, 80] {
        let now = START.plus(Duration::from_secs(3_600 * hour));
        let recipe = ["newsletter", "code"][(hour % 2) as usize];
        store.accept(vec![builder::accept(&ids, now).user("ann").recipe(recipe)]).await.unwrap();
        let run = claim_at(&store, &ids, now).await.remove(0);
        store.turn(builder::writes(now, vec![builder::settle(&ids, &run, now)])).await.unwrap();
    }
    let view = vandal(&namespace.name).await;
    view.batch_execute("set timezone to 'UTC'").await.unwrap();
    let all = async |sql: &str| {
        let rows = view.query(&format!("select to_jsonb(q)::text from ({sql}) q"), &[]).await.unwrap();
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<String>>()
    };
    let last = "SELECT * FROM llm_usage_logs WHERE user_id = 'ann' ORDER BY created_at DESC LIMIT 10";
    assert_eq!(all(last).await.len(), 5);
    let drafts = "SELECT id, title, status, generated_at FROM newsletter_drafts WHERE user_id = 'ann' \
                  ORDER BY generated_at DESC";
    assert_eq!(all(drafts).await.len(), 3);
    let counts = "SELECT status, COUNT(*) FROM newsletter_drafts WHERE user_id = 'ann' GROUP BY status";
    assert_eq!(all(counts).await, [r#"{"count": 3, "status": "draft"}"#]);
    let days = "SELECT date, service, operation, count, total_tokens, round(total_cost, 12) AS total_cost \
                FROM daily_usage_summary ORDER BY date, service, operation";
    let rows = "SELECT DATE(created_at) AS date, service, operation, COUNT(*) AS count, SUM(tokens) AS total_tokens, \
                round(SUM(cost_usd), 12) AS total_cost FROM usage_logs GROUP BY DATE(created_at), service, operation \
                ORDER BY date, service, operation";
    let before = all(days).await;
    assert_eq!((all(rows).await, before.len()), (before.clone(), 5));
    let before_at = START.plus(Duration::from_secs(3_600 * 79));
    let prune = Prune { what: Aged::Calls, before: before_at, after: None, limit: 100, dry_run: false };
    assert_eq!(store.prune(prune).await.unwrap().removed, 4);
    assert_eq!((all(rows).await.len(), all(days).await), (1, before), "the days outlive the rows");
}

async fn claim_at(store: &PostgresStore, ids: &Ids, now: copydesk_core::Timestamp) -> Vec<Claimed> {
    let claim = Some(builder::claim(ids, ids.node(), 1, builder::no_limits()));
    store.turn(Turn { now, writes: vec![], claim }).await.unwrap().claimed
}

/// Only here: sixteen connections of two processes post the same reference at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_parallel_posts_of_one_reference_are_one() {
    let namespace = Namespace::new().await;
    let (one, two) = (namespace.open().await, namespace.open().await);
    let ids = Ids::new();
    for round in 0..20 {
        let tasks = (0..16).map(|n| {
            let store = if n % 2 == 0 { one.clone() } else { two.clone() };
            let grant = builder::grant(&ids, "a", 50, START);
            let reference = Some(format!("invoice-{round}"));
            let grant = Post { transfer: Transfer { reference, ..grant.transfer }, ..grant };
            tokio::spawn(async move { store.post(grant).await.unwrap().posted })
        });
        let posted = futures::future::join_all(tasks).await.into_iter().filter(|it| *it.as_ref().unwrap()).count();
        assert_eq!(posted, 1);
    }
    let balance = one.balance(Scope::DEFAULT, builder::user_id(Scope::DEFAULT, "a")).await.unwrap();
    assert_eq!(balance.available, builder::credits(20 * 50));
    assert_eq!(one.audit().await.unwrap(), vec![]);
}
