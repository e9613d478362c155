//! Schedules: made, changed and removed by who has seen them, and moved on by one of all who find them due.

use crate::bench::Bench;
use crate::builder::{self, OTHER, user_id};
use copydesk_core::job::Note;
use copydesk_core::refusal::Refusal;
use copydesk_core::schedule::{Due, Live, RUNS_KEPT, RunKind, RunOutcome, ScheduleState};
use copydesk_core::{ScheduleId, Timestamp};
use copydesk_store::generations::{Accepted, Idempotency};
use copydesk_store::schedules::{
    Advance, FAILED, NewSchedule, NoteRun, Run, RunRow, SKIPPED, Said, ScheduleChange, ScheduleFacts, ScheduleFilter,
    ScheduleRow, occurrence,
};
use copydesk_store::{Order, PageRequest, Scope, StoreError};
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn due(ready_at: Timestamp) -> Due {
    Due { ready_at, start_at: ready_at.minus(HOUR) }
}

/// One of Ann's, whose next result is to be ready in two hours.
fn new(t: &Bench, recipe: &str) -> NewSchedule {
    let facts = ScheduleFacts {
        id: ScheduleId(t.ids.uuid()),
        scope: Scope::DEFAULT,
        user: user_id(Scope::DEFAULT, "ann"),
        user_external: "ann".to_owned(),
        key: None,
        created_at: t.now(),
    };
    let said =
        Said { name: Some("Tea é".to_owned()), recipe: recipe.to_owned(), spec: r#"{"a":"\u0000"}"#.to_owned() };
    let live = Live::new(Some(due(t.now().plus(2 * HOUR))));
    NewSchedule { facts, said, live, idempotency: None, max: 100 }
}

async fn add(t: &Bench, recipe: &str) -> ScheduleRow {
    t.store.add_schedule(new(t, recipe)).await.expect("add_schedule")
}

fn run(ready_at: Timestamp, outcome: RunOutcome) -> Run {
    let note = (outcome != RunOutcome::Made).then(|| Note::new("insufficient_credits", "No credits."));
    Run { kind: RunKind::Planned, ready_at, made_at: ready_at, outcome, missed: 0, made: None, note }
}

/// A run that moves the schedule on to `next`.
fn moving(row: &ScheduleRow, run: Run, next: Timestamp) -> NoteRun {
    let from = row.live.next.expect("it is active");
    let live = Live { next: Some(due(next)), ..row.live.clone() };
    let moved = Some(Advance { revision: row.revision, from, live });
    NoteRun { scope: row.facts.scope, id: row.facts.id, user: row.facts.user, run, moved }
}

fn key(fingerprint: u8) -> Option<Idempotency> {
    let expires_at = builder::START.plus(24 * HOUR);
    let (owner, route, key) = ("k".to_owned(), "POST /schedules".to_owned(), "1".to_owned());
    Some(Idempotency { owner, route, key, fingerprint: [fingerprint; 32], expires_at })
}

pub async fn a_schedule_is_made_changed_and_removed_by_who_has_seen_it(t: Arc<Bench>) {
    let made = new(&t, "newsletter");
    let row = t.store.add_schedule(made.clone()).await.expect("add_schedule");
    let NewSchedule { facts, said, live, .. } = made;
    let expected = ScheduleRow { updated_at: facts.created_at, facts, said, live, last: None, revision: 1 };
    assert_eq!(row, expected);
    let (scope, id) = (Scope::DEFAULT, row.facts.id);
    assert_eq!(t.store.schedule(scope, id).await.expect("schedule"), expected);
    let said = Said { name: None, recipe: "text".to_owned(), spec: "{}".to_owned() };
    let at = t.now().plus(HOUR);
    let live = Live { failures: 3, skipped_at: Some(t.now()), ..row.live.clone().paused() };
    let change = ScheduleChange { scope, id, revision: 1, at, said: said.clone(), live: live.clone() };
    let changed = t.store.change_schedule(change.clone()).await.expect("change_schedule");
    assert_eq!(changed, ScheduleRow { said, live, revision: 2, updated_at: at, ..expected });
    let conflict = StoreError::Refused(Refusal::VersionConflict { current: 2 });
    assert_eq!(t.store.change_schedule(change.clone()).await.expect_err("it was changed"), conflict);
    assert_eq!(t.store.remove_schedule(scope, id, Some(1)).await.expect_err("so is this"), conflict);
    let gone = StoreError::NotFound { what: "schedule", id: id.to_string() };
    assert_eq!(t.store.schedule(OTHER, id).await.expect_err("it is another workspace's"), gone);
    let elsewhere = ScheduleChange { scope: OTHER, revision: 2, ..change };
    assert_eq!(t.store.change_schedule(elsewhere).await.expect_err("nor changed there"), gone);
    assert_eq!(t.store.remove_schedule(OTHER, id, None).await.expect_err("nor removed"), gone);
    let runs = t.store.schedule_runs(OTHER, id, PageRequest::newest(9)).await;
    assert_eq!(runs.expect_err("nor are its runs seen"), gone);
    t.store.remove_schedule(scope, id, Some(2)).await.expect("remove_schedule");
    assert_eq!(t.store.remove_schedule(scope, id, None).await.expect_err("it is gone"), gone);
}

pub async fn the_same_request_makes_one_schedule_and_the_limit_holds(t: Arc<Bench>) {
    let keyed = |fingerprint| NewSchedule { idempotency: key(fingerprint), ..new(&t, "newsletter") };
    let first = t.store.add_schedule(keyed(1)).await.expect("add_schedule");
    assert_eq!(t.store.add_schedule(keyed(1)).await.expect("a repeat"), first);
    let reused = StoreError::Refused(Refusal::IdempotencyKeyReused);
    assert_eq!(t.store.add_schedule(keyed(2)).await.expect_err("another request"), reused);
    let full = StoreError::Refused(Refusal::SchedulesFull { max: 3 });
    let many = join_all((0..6).map(|_| t.store.add_schedule(NewSchedule { max: 3, ..new(&t, "text") }))).await;
    assert_eq!(many.iter().filter(|one| one.is_ok()).count(), 2);
    assert!(many.into_iter().filter_map(Result::err).all(|error| error == full));
    let mut elsewhere = NewSchedule { max: 1, ..new(&t, "text") };
    elsewhere.facts.scope = OTHER;
    t.store.add_schedule(elsewhere).await.expect("another workspace has room of its own");
    // A repeat is a repeat also where there is no room.
    assert_eq!(t.store.add_schedule(NewSchedule { max: 1, ..keyed(1) }).await.expect("a repeat"), first);
}

pub async fn schedules_are_paged_and_found_by_state_user_and_recipe(t: Arc<Bench>) {
    let one = add(&t, "newsletter").await.facts.id;
    let two = add(&t, "text").await.facts.id;
    let mut bobs = new(&t, "newsletter");
    (bobs.facts.user, bobs.facts.user_external) = (user_id(Scope::DEFAULT, "bob"), "bob".to_owned());
    bobs.live = bobs.live.paused();
    let three = t.store.add_schedule(bobs).await.expect("add_schedule").facts.id;
    let listed = async |filter: ScheduleFilter, page: PageRequest| {
        let page = t.store.schedules(Scope::DEFAULT, filter, page).await.expect("schedules");
        (page.rows.iter().map(|row| row.facts.id).collect::<Vec<_>>(), page.next)
    };
    let (first, next) = listed(ScheduleFilter::default(), PageRequest::newest(2)).await;
    assert_eq!(first, [three, two]);
    let rest = PageRequest { after: next, ..PageRequest::newest(2) };
    assert_eq!(listed(ScheduleFilter::default(), rest).await, (vec![one], None));
    let oldest = || PageRequest { limit: 9, after: None, order: Order::OldestFirst };
    let of = |state, user: Option<&str>, recipe: Option<&str>| ScheduleFilter {
        state,
        user: user.map(|user| user_id(Scope::DEFAULT, user)),
        recipe: recipe.map(str::to_owned),
    };
    assert_eq!(listed(of(Some(ScheduleState::Active), None, None), oldest()).await.0, [one, two]);
    assert_eq!(listed(of(None, Some("bob"), None), oldest()).await.0, [three]);
    assert_eq!(listed(of(None, Some("ann"), Some("text")), oldest()).await.0, [two]);
    assert_eq!(listed(of(None, None, Some("nothing\0")), oldest()).await.0, []);
}

pub async fn what_is_due_is_found_in_all_workspaces_and_the_rest_is_not(t: Arc<Bench>) {
    let one = add(&t, "newsletter").await;
    let mut elsewhere = new(&t, "newsletter");
    elsewhere.facts.scope = OTHER;
    let two = t.store.add_schedule(elsewhere).await.expect("add_schedule").facts.id;
    let mut paused = new(&t, "newsletter");
    paused.live = paused.live.paused();
    t.store.add_schedule(paused).await.expect("add_schedule");
    let found = async |now, after, limit| {
        let rows = t.store.due_schedules(now, after, limit).await.expect("due_schedules");
        rows.into_iter().map(|row| row.facts.id).collect::<Vec<_>>()
    };
    let begins = one.live.next.expect("active").start_at;
    assert_eq!(found(begins.minus(Duration::from_micros(1)), None, 9).await, []);
    assert_eq!(found(begins, None, 9).await, [one.facts.id, two]);
    assert_eq!(found(begins, None, 1).await, [one.facts.id]);
    assert_eq!(found(begins, Some(one.facts.id), 9).await, [two]);
    let ready_at = one.live.next.expect("active").ready_at;
    let moved = moving(&one, run(ready_at, RunOutcome::Refused), ready_at.plus(24 * HOUR));
    assert!(t.store.note_run(moved).await.expect("note_run"));
    assert_eq!(found(begins, None, 9).await, [two]);
}

pub async fn of_all_who_find_a_time_due_one_writes_what_became_of_it(t: Arc<Bench>) {
    let row = add(&t, "newsletter").await;
    let ready_at = row.live.next.expect("active").ready_at;
    let next = ready_at.plus(24 * HOUR);
    let notes = (0..8).map(|n| {
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        let noted = moving(&row, run(ready_at, RunOutcome::Skipped), next);
        async move { store.note_run(noted).await.expect("note_run") }
    });
    let wrote = join_all(notes).await.into_iter().filter(|wrote| *wrote).count();
    assert_eq!(wrote, 1);
    let (scope, id) = (Scope::DEFAULT, row.facts.id);
    let after = t.store.schedule(scope, id).await.expect("schedule");
    assert_eq!((after.live.next, after.revision), (Some(due(next)), 1), "a run is no change by a person");
    assert_eq!(after.last, Some(RunRow { seq: 1, run: run(ready_at, RunOutcome::Skipped) }));
    // Who has changed it meanwhile has the last word.
    let (at, said, live) = (t.now(), after.said.clone(), after.live.clone());
    t.store.change_schedule(ScheduleChange { scope, id, revision: 1, at, said, live }).await.expect("change_schedule");
    let stale = moving(&after, run(next, RunOutcome::Skipped), next.plus(24 * HOUR));
    assert!(!t.store.note_run(stale.clone()).await.expect("note_run"));
    // Each is told once.
    let events = t.store.events(scope, 0, 100).await.expect("events").rows;
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, [SKIPPED]);
    assert_eq!(events[0].user, Some(row.facts.user));
    t.store.remove_schedule(scope, id, None).await.expect("remove_schedule");
    assert!(!t.store.note_run(stale).await.expect("it is gone"));
}

pub async fn a_refused_run_is_told_and_only_the_last_runs_are_kept(t: Arc<Bench>) {
    let mut row = add(&t, "newsletter").await;
    for _ in 0..RUNS_KEPT + 3 {
        let ready_at = row.live.next.expect("active").ready_at;
        let noted = moving(&row, run(ready_at, RunOutcome::Refused), ready_at.plus(HOUR));
        assert!(t.store.note_run(noted).await.expect("note_run"));
        row = t.store.schedule(Scope::DEFAULT, row.facts.id).await.expect("schedule");
    }
    let id = row.facts.id;
    let oldest = PageRequest { limit: 1_000, after: None, order: Order::OldestFirst };
    let runs = t.store.schedule_runs(Scope::DEFAULT, id, oldest).await.expect("schedule_runs").rows;
    let numbers: Vec<u64> = runs.iter().map(|row| row.seq).collect();
    assert_eq!(numbers, (4..=RUNS_KEPT + 3).collect::<Vec<_>>());
    assert_eq!(row.last.as_ref(), runs.last());
    let newest = t.store.schedule_runs(Scope::DEFAULT, id, PageRequest::newest(2)).await.expect("schedule_runs");
    let rest = PageRequest { after: newest.next, ..PageRequest::newest(1) };
    assert_eq!(newest.rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [RUNS_KEPT + 3, RUNS_KEPT + 2]);
    let rest = t.store.schedule_runs(Scope::DEFAULT, id, rest).await.expect("schedule_runs").rows;
    assert_eq!(rest.iter().map(|row| row.seq).collect::<Vec<_>>(), [RUNS_KEPT + 1]);
    let told = t.store.events(Scope::DEFAULT, 0, 1).await.expect("events").rows.remove(0);
    assert_eq!(told.kind, FAILED);
    assert!(told.data.contains(r#""code":"insufficient_credits""#), "{}", told.data);
}

pub async fn one_time_is_accepted_once_and_its_generation_noted_once(t: Arc<Bench>) {
    let row = add(&t, "newsletter").await;
    let ready_at = row.live.next.expect("active").ready_at;
    let accepts = (0..8).map(|n| {
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        let mut request = builder::accept(&t.ids, t.now());
        request.idempotency = Some(occurrence(row.facts.id, ready_at));
        async move { store.accept(vec![request]).await.expect("accept").remove(0).expect("accepted") }
    });
    let answers = join_all(accepts).await;
    assert_eq!(answers.iter().filter(|one| matches!(one, Accepted::New { .. })).count(), 1);
    let made = answers[0].ids();
    assert!(answers.iter().all(|one| one.ids() == made));
    let noted = NoteRun {
        moved: None,
        run: Run { kind: RunKind::ByHand, made: Some(made), ..run(ready_at, RunOutcome::Made) },
        ..moving(&row, run(ready_at, RunOutcome::Made), ready_at)
    };
    for _ in 0..2 {
        assert!(t.store.note_run(noted.clone()).await.expect("note_run"));
    }
    let runs = t.store.schedule_runs(Scope::DEFAULT, row.facts.id, PageRequest::newest(9)).await.expect("runs").rows;
    assert_eq!(runs, [RunRow { seq: 1, run: noted.run.clone() }]);
    let after = t.store.schedule(Scope::DEFAULT, row.facts.id).await.expect("schedule");
    assert_eq!((after.live, after.last), (row.live, Some(runs[0].clone())));
    let elsewhere = t.store.note_run(NoteRun { scope: OTHER, ..noted }).await.expect_err("another workspace's");
    assert_eq!(elsewhere, StoreError::NotFound { what: "schedule", id: row.facts.id.to_string() });
}
