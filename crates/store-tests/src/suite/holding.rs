//! A paused job: what of it waits for its turn and was never attempted is held out of the queue, in the transaction of the
//! order, and comes back to its place with the order that lets the job go on.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::generation::{FailureCode, State, Status, Wait};
use copydesk_core::job::{Command, JobStatus, Note};
use copydesk_core::refusal::Refusal;
use copydesk_core::{GenerationId, JobId};
use copydesk_store::generations::{Claimed, SweepRequest};
use copydesk_store::jobs::{ForItem, ItemRef, JobOrder, JobRow};
use copydesk_store::{Scope, StoreError};
use std::sync::Arc;
use std::time::Duration;

const READY: State = State::Pending { wait: Wait::Ready };
const HELD: State = State::Pending { wait: Wait::Held };

async fn job(t: &Bench, items: u32) -> JobId {
    let new = builder::new_job(&t.ids, items, t.now());
    let id = new.facts.id;
    t.store.stage_items(Scope::DEFAULT, id, builder::items(items)).await.expect("stage_items");
    t.store.seal_job(new).await.expect("seal_job");
    id
}

async fn fed(t: &Bench, job: JobId, seq: u32) -> GenerationId {
    t.start(t.request().change(|it| it.job = Some(ForItem::Feeds(ItemRef { job, seq })))).await.0
}

async fn order(t: &Bench, job: JobId, command: Command) -> JobRow {
    let order = JobOrder { scope: Scope::DEFAULT, job, at: t.now(), revision: None, command };
    t.store.order_job(order).await.expect("order_job")
}

fn pause() -> Command {
    Command::Pause(Note::new(Note::PAUSED, "It was paused."))
}

async fn state(t: &Bench, id: GenerationId) -> State {
    t.row(id).await.generation.state
}

fn ids(runs: &[Claimed]) -> Vec<GenerationId> {
    runs.iter().map(|run| run.generation.id).collect()
}

pub async fn a_pause_holds_what_has_not_begun_and_a_resume_gives_its_place_back(t: Arc<Bench>) {
    let job = job(&t, 4).await;
    let mut own = vec![];
    for seq in 1..=3 {
        own.push(fed(&t, job, seq).await);
    }
    let before = t.row(own[0]).await;
    assert_eq!(order(&t, job, pause()).await.job.status, JobStatus::Paused);
    for id in &own {
        assert_eq!(state(&t, *id).await, HELD);
    }
    let mut expected = before.clone();
    expected.generation.state = HELD;
    expected.generation.row_version.0 += 1;
    assert_eq!(t.row(own[0]).await, expected, "nothing else of it changes");
    assert_eq!(ids(&t.claim(10).await), []);
    let (late, _) = t.start(t.request().user("late")).await;
    assert_eq!(order(&t, job, pause()).await.job.status, JobStatus::Paused, "twice is once");
    order(&t, job, Command::Resume).await;
    expected.generation.state = READY;
    expected.generation.row_version.0 += 1;
    assert_eq!(t.row(own[0]).await, expected);
    let claimed = ids(&t.claim(10).await);
    let places = own.iter().map(|id| claimed.iter().position(|it| it == id).expect("claimed")).collect::<Vec<_>>();
    assert!(places.is_sorted() && claimed.contains(&late), "in their order: {claimed:?}");
    assert_eq!(claimed[0], own[0], "before who came later");
}

pub async fn what_has_begun_goes_on_while_its_job_is_paused(t: Arc<Bench>) {
    let job = job(&t, 3).await;
    let (first, second, third) = (fed(&t, job, 1).await, fed(&t, job, 2).await, fed(&t, job, 3).await);
    let runs = t.claim(2).await;
    assert_eq!(ids(&runs), [first, second]);
    t.done(builder::fail(&t.ids, &runs[1], FailureCode::ProviderError, t.now())).await;
    order(&t, job, pause()).await;
    assert_eq!(state(&t, third).await, HELD);
    t.settle(&runs[0]).await;
    t.advance_s(120);
    let again = t.claim(10).await;
    assert_eq!(ids(&again), [second], "its retries included");
    t.settle(&again[0]).await;
    let counts = t.store.job(Scope::DEFAULT, job).await.expect("job").job.counts;
    assert_eq!((counts.completed, counts.processing), (2, 1));
    order(&t, job, Command::Resume).await;
    assert_eq!(ids(&t.claim(10).await), [third]);
}

pub async fn what_is_held_says_which_job_holds_it(t: Arc<Bench>) {
    let job = job(&t, 1).await;
    let id = fed(&t, job, 1).await;
    order(&t, job, pause()).await;
    let why = t.store.why(Scope::DEFAULT, id, t.now(), &builder::no_limits()).await.expect("why");
    assert_eq!((&why, why.reason()), (&Waiting::JobPaused { job }, "paused"));
    assert!(why.sentence().contains(&job.to_string()), "{}", why.sentence());
}

pub async fn what_is_held_still_ends_by_cancel_and_deadline(t: Arc<Bench>) {
    t.beat(t.node).await;
    t.grant("a", 100).await;
    let job = job(&t, 3).await;
    let request =
        |seq| t.request().hold(10).target("x").change(|it| it.job = Some(ForItem::Feeds(ItemRef { job, seq })));
    let (cancelled, _) = t.start(request(1)).await;
    let (waits, _) = t.start(request(2)).await;
    let expires = fed(&t, job, 3).await;
    order(&t, job, pause()).await;
    assert_eq!(state(&t, waits).await, State::Pending { wait: Wait::Target }, "it waits for something else");
    assert_eq!(t.balance("a").await, (80, 20), "what was held in credits stays so");
    t.cancel(Scope::DEFAULT, cancelled).await;
    assert_eq!((t.status(cancelled).await, t.balance("a").await), (Status::Cancelled, (90, 10)));
    let later = t.generation(Scope::DEFAULT, expires).await;
    let deadline = later.terms.deadline_at.plus(Duration::from_secs(60));
    t.done(builder::extend(&t.ids, Scope::DEFAULT, &later, deadline, t.now())).await;
    t.advance_s(3_660);
    let sweep = SweepRequest {
        now: t.now(),
        lost_before: builder::START.minus(Duration::from_secs(1)),
        only_living: None,
        attempt_grace: Duration::from_secs(5),
        stale_before: None,
        limit: 10,
        after: None,
    };
    let found = t.store.overdue(sweep).await.expect("overdue");
    assert!(found.iter().any(|found| found.generation.id == expires), "{found:?}");
    for found in found {
        t.done(builder::expire(&t.ids, found.scope, &found.generation, t.now())).await;
    }
    assert_eq!(t.status(expires).await, Status::Failed);
    let row = t.store.job(Scope::DEFAULT, job).await.expect("job").job;
    assert_eq!(row.counts.open(), 0, "{row:?}");
}

pub async fn a_pause_for_money_holds_nothing(t: Arc<Bench>) {
    let job = job(&t, 2).await;
    let id = fed(&t, job, 1).await;
    order(&t, job, Command::Pause(Note::new("insufficient_credits", "There are none left."))).await;
    assert_eq!(state(&t, id).await, READY, "its credits are set aside already");
    order(&t, job, Command::Resume).await;
    assert_eq!(state(&t, id).await, READY);
}

pub async fn jobs_that_have_not_ended_are_counted_by_how_they_stand(t: Arc<Bench>) {
    assert_eq!(t.store.open_jobs().await.expect("open_jobs"), []);
    let (running, by_hand, poor, over) = (job(&t, 2).await, job(&t, 3).await, job(&t, 4).await, job(&t, 1).await);
    job(&t, 5).await;
    fed(&t, running, 1).await;
    order(&t, by_hand, pause()).await;
    order(&t, poor, Command::Pause(Note::new("insufficient_credits", "There are none left."))).await;
    order(&t, over, Command::Cancel).await;
    let found = t.store.open_jobs().await.expect("open_jobs");
    let seen: Vec<_> = found
        .iter()
        .map(|it| {
            (it.status.as_str(), it.stopping, it.note.as_deref(), it.jobs, it.counts.pending, it.counts.processing)
        })
        .collect();
    let expected = [
        ("paused", false, Some("insufficient_credits"), 1, 4, 0),
        ("paused", false, Some("paused"), 1, 3, 0),
        ("running", false, None, 2, 6, 1),
        ("running", true, None, 1, 1, 0),
    ];
    assert_eq!(seen, expected);
}

pub async fn a_pause_touches_no_other_job_and_no_click(t: Arc<Bench>) {
    let (one, other) = (job(&t, 2).await, job(&t, 2).await);
    let (held, runs, click) = (fed(&t, one, 1).await, fed(&t, other, 1).await, t.start(t.request()).await.0);
    order(&t, one, pause()).await;
    let states = [state(&t, held).await, state(&t, runs).await, state(&t, click).await];
    assert_eq!(states, [HELD, READY, READY]);
    order(&t, other, pause()).await;
    order(&t, one, Command::Resume).await;
    assert_eq!([state(&t, held).await, state(&t, runs).await], [READY, HELD]);
    order(&t, other, Command::Cancel).await;
    assert_eq!(state(&t, runs).await, HELD, "the feeder cancels them one by one");
    t.cancel(Scope::DEFAULT, runs).await;
}

pub async fn orders_and_claims_that_race_leave_nothing_behind(t: Arc<Bench>) {
    const ITEMS: u32 = 40;
    let job = job(&t, ITEMS).await;
    let mut own = vec![];
    for seq in 1..=ITEMS {
        own.push(fed(&t, job, seq).await);
    }
    let orders = {
        let t = t.clone();
        tokio::spawn(async move {
            for command in [pause(), Command::Resume].into_iter().cycle().take(20) {
                let order = JobOrder { scope: Scope::DEFAULT, job, at: t.now(), revision: None, command };
                match t.store.order_job(order).await {
                    Ok(_) => tokio::task::yield_now().await,
                    // All of it may be done before the last order.
                    Err(StoreError::Refused(Refusal::AlreadyTerminal { .. })) => return,
                    Err(error) => panic!("order_job: {error}"),
                }
            }
        })
    };
    let cancels = {
        let (t, own) = (t.clone(), own.clone());
        tokio::spawn(async move {
            for id in own.iter().step_by(4) {
                loop {
                    let generation = t.generation(Scope::DEFAULT, *id).await;
                    if generation.state.status().is_final() {
                        break;
                    }
                    t.apply(builder::cancel(&t.ids, Scope::DEFAULT, &generation, t.now())).await;
                }
            }
        })
    };
    let mut ended = 0;
    for _ in 0..2_000 {
        for run in t.claim(5).await {
            t.apply(builder::settle(&t.ids, &run, t.now())).await;
            ended += 1;
        }
        if orders.is_finished() && cancels.is_finished() {
            break;
        }
        tokio::task::yield_now().await;
    }
    orders.await.expect("orders");
    cancels.await.expect("cancels");
    loop {
        let runs = t.claim(50).await;
        if runs.is_empty() {
            break;
        }
        for run in runs {
            t.apply(builder::settle(&t.ids, &run, t.now())).await;
            ended += 1;
        }
    }
    let row = t.store.job(Scope::DEFAULT, job).await.expect("job").job;
    assert_eq!((row.status, row.counts.open()), (JobStatus::Completed, 0), "{ended} were claimed: {row:?}");
}
