//! Schedules: one generation for each time, whoever sees it due, whatever dies between, and however late it is.

use crate::harness::*;
use copydesk_core::access::Permit;
use copydesk_core::generation::Status;
use copydesk_core::metering::cuts::Zone;
use copydesk_core::refusal::Refusal;
use copydesk_core::schedule::{Cron, RunKind, RunOutcome, ScheduleState};
use copydesk_core::{ScheduleId, Timestamp};
use copydesk_desk::profiles::NewProfile;
use copydesk_desk::schedules::{Asker, What};
use copydesk_desk::{Desk, DeskError};
use copydesk_store::generations::Idempotency;
use copydesk_store::schedules::{Run, ScheduleRow};
use copydesk_store::{EventStore, Order, PageRequest, ScheduleStore};
use copydesk_store_tests::contract::Method;
use futures::future::join_all;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn asker() -> Asker {
    Asker { scope: SCOPE, permit: Arc::new(Permit::owner()), key: None }
}

/// Ada's note, ready at eight in Warsaw, which is seven in UTC.
fn daily(prompt: &str) -> What {
    let cron = Cron::daily("08:00", &[""; 0]).unwrap();
    What { input: json!({ "prompt": prompt }), ..What::new("note", cron, Zone::named("Europe/Warsaw").unwrap()) }
}

async fn add(desk: &Desk, what: What) -> ScheduleId {
    desk.add_schedule(asker(), Some("ada".to_owned()), what, None).await.unwrap().facts.id
}

impl Bench {
    async fn schedule(&self, id: ScheduleId) -> ScheduleRow {
        self.store.inner().schedule(SCOPE, id).await.unwrap()
    }

    /// Oldest first.
    async fn runs(&self, id: ScheduleId) -> Vec<Run> {
        let page = PageRequest { limit: 1_000, after: None, order: Order::OldestFirst };
        let runs = self.store.inner().schedule_runs(SCOPE, id, page).await.unwrap().rows;
        runs.into_iter().map(|row| row.run).collect()
    }

    async fn told(&self, kind: &str) -> usize {
        let page = self.store.inner().events(SCOPE, 0, 10_000).await.unwrap();
        page.rows.iter().filter(|event| event.kind == kind).count()
    }
}

/// Looks at schedules, and does not live to hear of it.
async fn dies(node: &Node) {
    let desk = node.desk.clone();
    let looking = tokio::spawn(async move { desk.run_schedules().await });
    until("it has died", || async { node.plug.is_dead() }).await;
    looking.abort();
}

/// The `day`-th of January 2026, at this time in UTC.
fn january(day: u32, time: &str) -> Timestamp {
    format!("2026-01-{day:02}T{time}Z").parse().unwrap()
}

#[tokio::test]
async fn a_schedule_makes_its_draft_before_it_is_to_be_ready_and_nobody_has_to_look() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let what = What { external_id: Some("note-{date}".to_owned()), ..daily("tea") };
    let id = add(&node.desk, what).await;
    let next = bench.schedule(id).await.live.next.unwrap();
    assert_eq!((next.ready_at, next.start_at), (january(1, "07:00:00"), january(1, "06:45:00")));
    bench.advance(6 * HOUR + seconds(44 * 60)).await;
    assert_eq!(bench.drafts().await.len(), 0);
    bench.advance(seconds(61)).await;
    until("it has run", || async { bench.runs(id).await.len() == 1 }).await;
    let runs = bench.runs(id).await;
    let (generation, draft) = runs[0].made.unwrap();
    assert_eq!((runs[0].kind, runs[0].outcome, runs[0].missed), (RunKind::Planned, RunOutcome::Made, 0));
    bench.completed(generation).await;
    assert_eq!(bench.draft(draft).await.external_id.as_deref(), Some("note-2026-01-01"));
    // A clock that is moved by many hours runs what is due, and one of each day.
    bench.advance(24 * HOUR).await;
    until("the next day's has run", || async { bench.runs(id).await.len() == 2 }).await;
    assert_eq!(bench.schedule(id).await.live.next.unwrap().ready_at, january(3, "07:00:00"));
    until("both are there", || async { bench.drafts().await.len() == 2 }).await;
    bench.in_order().await;
}

#[tokio::test]
async fn of_two_desks_that_see_a_time_due_one_makes_it() {
    let bench = Bench::new().await;
    let (here, there) = (bench.idle_beside_others(config()).await, bench.idle_beside_others(config()).await);
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(add(&here.desk, daily(&format!("tea {n}"))).await);
    }
    for day in 1..=3 {
        bench.clock.advance(if day == 1 { 7 * HOUR } else { 24 * HOUR });
        let looks = [&here, &there, &here, &there].map(|node| node.desk.run_schedules());
        let dealt: u64 = join_all(looks).await.into_iter().map(Result::unwrap).sum();
        assert_eq!(dealt, 20, "day {day}");
        assert_eq!(bench.generations().await.len(), 20 * day);
    }
    for id in ids {
        assert!(bench.runs(id).await.iter().all(|run| run.outcome == RunOutcome::Made));
    }
}

#[tokio::test]
async fn a_process_that_dies_between_the_generation_and_its_note_leaves_one_generation() {
    for (dies_after, due_again) in [(Method::Accept, 1), (Method::NoteRun, 0)] {
        let bench = Bench::new().await;
        let (here, there) = (bench.idle_beside_others(config()).await, bench.idle_beside_others(config()).await);
        let id = add(&here.desk, daily("tea")).await;
        bench.clock.advance(7 * HOUR);
        here.plug.die_after(dies_after);
        dies(&here).await;
        assert_eq!(bench.generations().await.len(), 1, "it was accepted");
        assert_eq!(there.desk.run_schedules().await.unwrap(), due_again);
        assert_eq!(there.desk.run_schedules().await.unwrap(), 0);
        let (generations, runs) = (bench.generations().await, bench.runs(id).await);
        assert_eq!((generations.len(), runs.len()), (1, 1), "{dies_after:?}");
        assert_eq!(runs[0].made, Some((generations[0].generation.id, generations[0].draft)));
    }
}

#[tokio::test]
async fn who_comes_back_too_late_still_notes_what_was_made_in_time() {
    let bench = Bench::new().await;
    let (here, there) = (bench.idle_beside_others(config()).await, bench.idle_beside_others(config()).await);
    let id = add(&here.desk, daily("tea")).await;
    bench.clock.advance(7 * HOUR);
    here.plug.die_after(Method::Accept);
    dies(&here).await;
    bench.clock.advance(5 * HOUR);
    assert_eq!(there.desk.run_schedules().await.unwrap(), 1);
    assert_eq!(bench.runs(id).await[0].outcome, RunOutcome::Made);
    assert_eq!((bench.generations().await.len(), bench.told("schedule.skipped").await), (1, 0));
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_once_or_passed_over_and_said() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let id = add(&node.desk, daily("tea")).await;
    // Nobody is there for three days; it is half past seven in UTC on the third.
    bench.clock.advance(2 * 24 * HOUR + 7 * HOUR + HOUR / 2);
    assert_eq!(node.desk.run_schedules().await.unwrap(), 1);
    let run = bench.runs(id).await.remove(0);
    let expected = (RunKind::CatchUp, RunOutcome::Made, 2, january(3, "07:00:00"));
    assert_eq!((run.kind, run.outcome, run.missed, run.ready_at), expected);
    assert_eq!(bench.schedule(id).await.live.skipped_at, Some(january(2, "07:00:00")));
    // And for two more, until it is too late.
    bench.clock.advance(2 * 24 * HOUR + 2 * HOUR);
    assert_eq!(node.desk.run_schedules().await.unwrap(), 1);
    let row = bench.schedule(id).await;
    let run = row.last.unwrap().run;
    assert_eq!((run.outcome, run.missed, run.ready_at), (RunOutcome::Skipped, 1, january(5, "07:00:00")));
    assert!(run.note.unwrap().message.contains("2026-01-05T08:00:00+01:00"));
    assert_eq!((row.live.skipped_at, row.live.next.unwrap().ready_at), (Some(run.ready_at), january(6, "07:00:00")));
    assert_eq!((bench.generations().await.len(), bench.told("schedule.skipped").await), (1, 1));
    assert_eq!(node.desk.run_schedules().await.unwrap(), 0);
}

#[tokio::test]
async fn a_refusal_is_kept_and_told_and_five_in_a_row_break_it() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let poor = Some("poor".to_owned());
    let id = node.desk.add_schedule(asker(), poor, daily("tea"), None).await.unwrap().facts.id;
    bench.clock.advance(7 * HOUR);
    for day in 1..=5 {
        assert_eq!(node.desk.run_schedules().await.unwrap(), 1);
        let row = bench.schedule(id).await;
        let run = row.last.unwrap().run;
        assert_eq!((run.outcome, run.note.unwrap().code.as_str()), (RunOutcome::Refused, "insufficient_credits"));
        let state = if day < 5 { ScheduleState::Active } else { ScheduleState::Broken };
        assert_eq!((row.live.state, row.live.failures), (state, day));
        bench.clock.advance(24 * HOUR);
    }
    assert_eq!((bench.told("schedule.failed").await, bench.generations().await.len()), (5, 0));
    assert_eq!(node.desk.run_schedules().await.unwrap(), 0, "a broken one waits for a person");
    assert!(bench.schedule(id).await.live.note.unwrap().message.starts_with("It was refused 5 times in a row"));
    bench.grant("poor", "100").await;
    let row = node.desk.resume_schedule(SCOPE, id, None).await.unwrap();
    assert_eq!((row.live.state, row.live.failures, row.live.note), (ScheduleState::Active, 0, None));
    bench.clock.advance(24 * HOUR);
    assert_eq!(node.desk.run_schedules().await.unwrap(), 1);
    assert_eq!(bench.runs(id).await.last().unwrap().outcome, RunOutcome::Made);
}

#[tokio::test]
async fn a_master_switch_that_is_off_is_a_refusal_and_a_full_queue_is_waited_for() {
    let bench = Bench::new().await;
    let off = bench.idle_beside_others(copydesk_desk::DeskConfig { generation: false, ..config() }).await;
    let id = add(&off.desk, daily("tea")).await;
    bench.clock.advance(7 * HOUR);
    assert_eq!(off.desk.run_schedules().await.unwrap(), 1);
    assert_eq!(bench.runs(id).await[0].note.as_ref().unwrap().code, "generation_paused");
    // A store that cannot be reached says nothing about the schedule: it stays due.
    bench.clock.advance(24 * HOUR);
    let on = bench.idle_beside_others(config()).await;
    let away = copydesk_store::StoreError::Unavailable("away (injected)".to_owned());
    bench.store.fail_next(Method::Accept, 1, copydesk_store_tests::When::Before, away);
    assert_eq!(on.desk.run_schedules().await.unwrap(), 0);
    assert_eq!((bench.runs(id).await.len(), on.desk.run_schedules().await.unwrap()), (1, 1));
    assert_eq!(bench.runs(id).await[1].outcome, RunOutcome::Made);
}

#[tokio::test]
async fn a_paused_schedule_makes_nothing_and_goes_on_with_what_comes() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let id = add(&node.desk, daily("tea")).await;
    assert_eq!(node.desk.pause_schedule(SCOPE, id, Some(1)).await.unwrap().live.state, ScheduleState::Paused);
    bench.clock.advance(7 * HOUR);
    assert_eq!(node.desk.run_schedules().await.unwrap(), 0);
    let stale = node.desk.resume_schedule(SCOPE, id, Some(1)).await.unwrap_err();
    assert_eq!(stale, DeskError::Refused(Refusal::VersionConflict { current: 2 }));
    let row = node.desk.resume_schedule(SCOPE, id, Some(2)).await.unwrap();
    assert_eq!(row.live.next.unwrap().ready_at, january(2, "07:00:00"), "what was missed meanwhile is gone");
    // By hand at any time, also while it is paused; the plan does not move.
    node.desk.pause_schedule(SCOPE, id, None).await.unwrap();
    let (owner, route, key) = ("k".to_owned(), "run".to_owned(), "1".to_owned());
    let expires_at = bench.world.now().plus(HOUR);
    let key = Some(Idempotency { owner, route, key, fingerprint: [1; 32], expires_at });
    let first = node.desk.run_schedule(asker(), id, key.clone()).await.unwrap();
    let again = node.desk.run_schedule(asker(), id, key).await.unwrap();
    assert_eq!(first.generation, again.generation);
    let runs = bench.runs(id).await;
    assert_eq!((runs.len(), runs[0].kind), (1, RunKind::ByHand));
    assert_eq!(bench.schedule(id).await.live.state, ScheduleState::Paused);
}

#[tokio::test]
async fn an_edit_after_the_generation_began_makes_no_second_one_of_that_time() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let id = add(&node.desk, daily("tea")).await;
    bench.clock.advance(7 * HOUR - seconds(600));
    assert_eq!(node.desk.run_schedules().await.unwrap(), 1);
    let change = |what: &mut What| {
        what.input = json!({"prompt": "coffee"});
        Ok(())
    };
    node.desk.edit_schedule(asker(), id, None, change).await.unwrap();
    node.desk.run_schedules().await.unwrap();
    assert_eq!((bench.generations().await.len(), bench.runs(id).await.len()), (1, 1));
    bench.clock.advance(24 * HOUR);
    assert_eq!(node.desk.run_schedules().await.unwrap(), 1);
    let newest = bench.generations().await.remove(0);
    assert!(bench.row(newest.generation.id).await.input.contains("coffee"));
}

#[tokio::test]
async fn what_cannot_be_is_refused_when_it_is_said() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let utc = |cron: &str| What { plan: plan(cron), ..daily("tea") };
    fn plan(cron: &str) -> copydesk_core::schedule::Plan {
        What::new("note", Cron::parse(cron).unwrap(), Zone::utc()).plan
    }
    let faults = async |what: What| match node.desk.add_schedule(asker(), None, what, None).await {
        Err(DeskError::Invalid(faults)) => faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(faults(utc("*/10 * * * *")).await, ["/cron"]);
    let mut long = utc("*/30 * * * *");
    long.plan.lead = HOUR;
    assert_eq!(faults(long).await, ["/lead"]);
    let mut long = daily("tea");
    (long.plan.lead, long.plan.grace) = (7 * HOUR, 25 * HOUR);
    assert_eq!(faults(long).await, ["/lead", "/grace"]);
    assert_eq!(faults(What { input: json!({}), ..daily("tea") }).await, ["/input/prompt"]);
    let unknown = What { recipe: "nothing".to_owned(), ..daily("tea") };
    let unknown = node.desk.add_schedule(asker(), None, unknown, None).await.unwrap_err();
    assert!(matches!(unknown, DeskError::UnknownRecipe { .. }));
    let named = What { external_id: Some("x".repeat(256)), ..daily("tea") };
    assert_eq!(faults(named).await, ["/external_id"]);
}

/// The direct path and the scheduled one, each twice in a row: what is used is not used up.
#[tokio::test]
async fn seed_s0_b20_a_stored_voice_reaches_the_prompt_on_the_direct_and_on_the_scheduled_path() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let voice = "I never write a sentence that my grandmother would not finish.";
    let fields = json!({"voice_samples": [voice], "tone": {"formality": "casual"}});
    let fields = fields.as_object().cloned().unwrap();
    let profile = NewProfile { recipe: "letter".to_owned(), user: Some("ada".to_owned()), fields, revision: None };
    node.desk.put_profile(SCOPE, profile).await.unwrap();
    let letter = |topic: &str| json!({"topic": topic, "topics": 1});
    let article = r#"{"title": "Tea", "intro": "Hello.", "topics": [{"heading": "Tea", "body": "Up.", "sources": []}], "conclusion": "Bye."}"#;
    bench.script.otherwise(Reply::say(article));
    let what = What { recipe: "letter".to_owned(), input: letter("tea"), ..daily("") };
    let id = add(&node.desk, what).await;
    for day in 1..=2_usize {
        bench.advance(if day == 1 { 7 * HOUR } else { 24 * HOUR }).await;
        until("it has run", || async { bench.runs(id).await.len() == day }).await;
        let asked = copydesk_desk::accept::Request {
            user: Some("ada".to_owned()),
            ..copydesk_desk::accept::Request::new("letter", letter(&format!("coffee {day}")))
        };
        node.accept(asked).await;
        until("all are done", || async {
            let rows = bench.generations().await;
            rows.len() == 2 * day && rows.iter().all(|row| row.status() == Status::Completed)
        })
        .await;
    }
    let seen = bench.script.seen();
    assert_eq!(seen.len(), 4);
    for call in &seen {
        assert!(call.prompt.contains(voice) && call.prompt.contains("casual"), "{}", call.prompt);
    }
}

/// Nothing to write about is an end like any other.
#[tokio::test]
async fn an_empty_feed_makes_the_honest_fallback_on_a_schedule_too() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let what = What { recipe: "letter".to_owned(), input: json!({"topics": 1, "items": []}), ..daily("") };
    let id = add(&node.desk, what).await;
    bench.advance(7 * HOUR).await;
    until("it has run", || async { bench.runs(id).await.len() == 1 }).await;
    let (generation, _) = bench.runs(id).await[0].made.unwrap();
    let row = bench.completed(generation).await;
    assert_eq!((row.origin.as_deref(), bench.script.calls()), (Some("fallback"), 0));
    assert_eq!(bench.left("ada").await, credits("1000"));
}
