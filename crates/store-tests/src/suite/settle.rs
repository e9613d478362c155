//! The end of a generation: what a settle, a failure, a cancel and a fallback write, together or not at all.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, credits};
use copydesk_core::MicroCredits;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::{FailureCode, Origin, State, Status};
use copydesk_core::ledger::TransferKind;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_store::Scope;
use copydesk_store::drafts::Edit;
use copydesk_store::generations::{Applied, Turn};
use std::sync::Arc;

pub async fn a_settle_writes_everything_together(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30)).await;
    let at = t.advance_s(5);
    let change = builder::settle(&t.ids, &run, at);
    let (content, settle_id) = (change.content.clone().expect("content"), change.transfers[0]);
    assert_eq!(t.done(change).await, Some(1), "the answer names the version");

    let row = t.row(run.generation.id).await;
    assert_eq!(row.generation.state, State::Completed { at, settled: credits(30) });
    assert_eq!((row.version, row.origin.as_deref(), row.generation.spent), (Some(1), Some("generated"), 1));
    assert_eq!(row.generation.row_version.0, run.generation.row_version.0 + 1);
    let draft = t.draft(run.draft).await;
    assert_eq!((draft.status, draft.current_version, draft.versions), (DraftStatus::Draft, 1, 1));
    assert_eq!((draft.title.as_str(), draft.generated_at), (content.title.as_str(), Some(at)));
    assert_eq!((draft.live_generation, draft.updated_at), (None, at));
    let version = t.store.version(Scope::DEFAULT, run.draft, None).await.expect("version");
    assert_eq!((version.content, version.number, version.created_at), (content, 1, at));
    assert_eq!((version.origin.as_str(), version.reason), ("generated", None));
    assert_eq!((version.generation, version.draft), (Some(run.generation.id), run.draft));
    assert_eq!(t.balance("a").await, (70, 0));
    let transfers = t.transfers(Scope::DEFAULT).await;
    let settle = transfers.iter().find(|row| row.kind == TransferKind::Settle).expect("a settle");
    assert_eq!((settle.id, settle.amount, settle.generation), (settle_id, credits(30), Some(run.generation.id)));
    assert_eq!(settle.at, at);
    let calls = t.calls(run.generation.id).await;
    assert_eq!(calls[0].closed, Some((at, builder::closed(run.call, CallOutcome::Ok, 0))));
    assert_eq!(t.event_kinds(run.generation.id).await, ["generation.accepted", "generation.completed"]);
    assert_eq!(t.claim(5).await, []);
}

pub async fn a_second_identical_settle_changes_nothing(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30)).await;
    let change = builder::settle(&t.ids, &run, t.now());
    t.done(change.clone()).await;
    let calls = t.calls(run.generation.id).await;
    t.advance_s(1);
    t.lost(change.clone()).await;
    t.lost(change).await;
    assert_eq!(t.calls(run.generation.id).await, calls, "its figures are on the books already");
}

pub async fn two_settles_of_one_generation_in_one_turn_are_one(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let (first, second) = (builder::settle(&t.ids, &run, t.now()), builder::settle(&t.ids, &run, t.now()));
    let answer = t.turn(builder::writes(t.now(), vec![first, second])).await;
    assert_eq!(answer.applied[0], Applied::Done { version: Some(1) });
    assert!(matches!(answer.applied[1], Applied::Lost { found: Some(_) }), "{:?}", answer.applied[1]);
    assert_eq!(t.draft(run.draft).await.versions, 1);
}

pub async fn a_fallback_settles_nothing_and_releases_the_whole_hold(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30).max_attempts(1)).await;
    let change = builder::fail_or_fall_back(&t.ids, &run, FailureCode::OutputInvalid, t.now());
    assert_eq!(t.done(change).await, Some(1));
    let row = t.row(run.generation.id).await;
    assert_eq!(row.generation.state, State::Completed { at: t.now(), settled: MicroCredits::ZERO });
    assert_eq!(row.origin.as_deref(), Some("fallback"));
    let version = t.store.version(Scope::DEFAULT, run.draft, Some(1)).await.expect("version");
    assert_eq!((version.origin.as_str(), version.reason.as_deref()), ("fallback", Some("unparsable_answer")));
    assert_eq!(t.balance("a").await, (100, 0));
    let kinds: Vec<_> = t.transfers(Scope::DEFAULT).await.iter().map(|row| row.kind).collect();
    assert!(kinds.contains(&TransferKind::Release) && !kinds.contains(&TransferKind::Settle));
}

pub async fn a_stopped_generation_is_completed_and_marked(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    assert_eq!(t.done(builder::stop(&t.ids, &run, t.now())).await, Some(1));
    let row = t.row(run.generation.id).await;
    assert_eq!((row.status(), row.origin.as_deref()), (Status::Completed, Some("stopped")));
}

pub async fn a_failure_for_good_releases_the_hold_and_says_why(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30)).await;
    let at = t.advance_s(3);
    let change = builder::fail(&t.ids, &run, FailureCode::ProviderRejected, at);
    let release_id = change.transfers[1];
    assert_eq!(t.done(change).await, None);
    let row = t.row(run.generation.id).await;
    let failure = builder::failure(FailureCode::ProviderRejected);
    assert_eq!(row.generation.state, State::Failed { at, failure: failure.clone() });
    assert_eq!(row.last_error, Some(("provider_rejected".to_owned(), failure.message)));
    assert_eq!((row.version, row.origin, row.generation.spent), (None, None, 1));
    let draft = t.draft(run.draft).await;
    assert_eq!((draft.status, draft.versions, draft.live_generation), (DraftStatus::Failed, 0, None));
    assert_eq!(t.balance("a").await, (100, 0));
    let transfers = t.transfers(Scope::DEFAULT).await;
    let release = transfers.iter().find(|row| row.kind == TransferKind::Release).expect("a release");
    assert_eq!((release.id, release.amount, release.at), (release_id, credits(30), at));
    let call = t.calls(run.generation.id).await.remove(0);
    let (_, closed) = call.closed.expect("closed");
    assert_eq!(closed.outcome, CallOutcome::Failed, "who pays for it is the operator, and the usage shows it");
    assert_eq!(closed.error, Some(("provider_rejected".to_owned(), "the provider's own words".to_owned())));
    assert_eq!(t.event_kinds(run.generation.id).await, ["generation.accepted", "generation.failed"]);
}

pub async fn a_failed_regeneration_leaves_the_draft_as_it_was(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.settle(&run).await;
    let before = t.draft(run.draft).await;
    for code in [Some(FailureCode::Refused), None] {
        let again = t.running(t.request().existing(run.draft)).await;
        match code {
            Some(code) => t.done(builder::fail(&t.ids, &again, code, t.now())).await,
            None => t.done(builder::cancel(&t.ids, Scope::DEFAULT, &again.generation, t.now())).await,
        };
        let after = t.draft(run.draft).await;
        assert_eq!((after.status, after.current_version, after.versions), (DraftStatus::Draft, 1, 1));
        assert_eq!((after.live_generation, after.title), (None, before.title.clone()));
        assert_eq!(after.generated_at, before.generated_at);
    }
}

pub async fn cancelling_a_waiting_generation_releases_the_hold(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let (id, draft) = t.start(t.request().hold(30)).await;
    t.cancel(Scope::DEFAULT, id).await;
    assert_eq!(t.row(id).await.generation.state, State::Cancelled { at: t.now() });
    assert_eq!((t.draft(draft).await.status, t.balance("a").await), (DraftStatus::Cancelled, (100, 0)));
    assert_eq!(t.claim(5).await, [], "it left the queue");
    assert_eq!(t.event_kinds(id).await, ["generation.accepted", "generation.cancelled"]);
}

pub async fn cancelling_a_running_generation_releases_the_hold_and_leaves_its_call_open(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30)).await;
    t.cancel(Scope::DEFAULT, run.generation.id).await;
    assert_eq!(t.status(run.generation.id).await, Status::Cancelled);
    assert_eq!((t.draft(run.draft).await.status, t.balance("a").await), (DraftStatus::Cancelled, (100, 0)));
    assert_eq!(t.calls(run.generation.id).await[0].closed, None, "its worker reports it, late");
}

pub async fn cancelling_a_scheduled_a_blocked_and_a_backing_off_generation_ends_them(t: Arc<Bench>) {
    let run = t.running(t.request().target("x")).await;
    let (scheduled, _) = t.start(t.request().run_in_s(60)).await;
    let (blocked, _) = t.start(t.request().target("x")).await;
    t.done(builder::fail(&t.ids, &run, FailureCode::RateLimited, t.now())).await;
    for id in [scheduled, blocked, run.generation.id] {
        t.cancel(Scope::DEFAULT, id).await;
        assert_eq!(t.status(id).await, Status::Cancelled);
    }
    t.advance_s(600);
    assert_eq!(t.claim(5).await, []);
}

pub async fn an_edit_made_meanwhile_stays_the_current_version(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.settle(&run).await;
    let again = t.running(t.request().existing(run.draft)).await;
    let edit = Edit {
        scope: Scope::DEFAULT,
        at: t.advance_s(1),
        draft: run.draft,
        if_revision: None,
        origin: Origin::Edited,
        content: builder::content("Written by hand"),
    };
    let edited = t.store.add_version(edit).await.expect("editing beside a running regeneration is allowed");
    assert_eq!((edited.current_version, edited.versions), (2, 2));
    t.advance_s(1);
    assert_eq!(t.settle(&again).await, Some(3), "the generated text is a version of its own");
    let draft = t.draft(run.draft).await;
    assert_eq!((draft.current_version, draft.versions, draft.title.as_str()), (2, 3, "Written by hand"));
    assert_eq!((draft.generated_at, draft.live_generation), (edited.generated_at, None));
    assert!(draft.revision > edited.revision);
    let next = t.running(t.request().existing(run.draft)).await;
    assert_eq!(t.settle(&next).await, Some(4));
    assert_eq!(t.draft(run.draft).await.current_version, 4, "nobody edited this time");
}

pub async fn writes_and_claim_go_in_one_turn(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let (next, _) = t.start(t.request()).await;
    let limits = copydesk_store::generations::Limits { global: Some(1), ..builder::no_limits() };
    let claim = Some(builder::claim(&t.ids, t.node, 5, limits));
    let writes = vec![builder::write(builder::settle(&t.ids, &run, t.now()))];
    let answer = t.turn(Turn { now: t.now(), writes, claim }).await;
    assert_eq!(answer.applied, [Applied::Done { version: Some(1) }]);
    let claimed: Vec<_> = answer.claimed.iter().map(|run| run.generation.id).collect();
    assert_eq!(claimed, [next], "the settle made the room the claim took");
}

pub async fn a_lost_write_does_not_disturb_the_others_of_its_batch(t: Arc<Bench>) {
    t.grant("a", 100).await;
    t.accept_all((0..3).map(|_| t.request().hold(10)).collect()).await;
    let runs = t.claim(3).await;
    t.cancel(Scope::DEFAULT, runs[1].generation.id).await;
    let changes = runs.iter().map(|run| builder::settle(&t.ids, run, t.now())).collect();
    let applied = t.turn(builder::writes(t.now(), changes)).await.applied;
    assert_eq!(applied[0], Applied::Done { version: Some(1) });
    assert!(matches!(&applied[1], Applied::Lost { found: Some(found) } if found.status == Status::Cancelled));
    assert_eq!(applied[2], Applied::Done { version: Some(1) });
    assert_eq!(t.balance("a").await, (80, 0));
    assert_eq!(t.draft(runs[1].draft).await.versions, 0);
}

pub async fn a_turn_of_many_writes_answers_in_their_order(t: Arc<Bench>) {
    t.accept_all((0..200).map(|_| t.request()).collect()).await;
    let runs = t.claim(200).await;
    let mut changes: Vec<_> = vec![];
    for (n, run) in runs.iter().enumerate() {
        changes.push(match n % 4 {
            0 => builder::settle(&t.ids, run, t.now()),
            1 => builder::fail(&t.ids, run, FailureCode::ProviderAuth, t.now()),
            2 => builder::fail(&t.ids, run, FailureCode::ProviderError, t.now()),
            _ => builder::hand_back(&t.ids, run, t.now()),
        });
    }
    let applied = t.turn(builder::writes(t.now(), changes)).await.applied;
    for (n, answer) in applied.iter().enumerate() {
        let version = (n % 4 == 0).then_some(1);
        assert_eq!(*answer, Applied::Done { version }, "write {n}");
        let expected = [Status::Completed, Status::Failed, Status::Pending, Status::Pending][n % 4];
        assert_eq!(t.status(runs[n].generation.id).await, expected, "write {n}");
    }
}

pub async fn the_row_version_rises_by_exactly_one_per_change(t: Arc<Bench>) {
    let (id, _) = t.start(t.request()).await;
    let mut last = t.row(id).await.generation.row_version.0;
    let mut rose = async |t: &Bench, what: &str| {
        let now = t.row(id).await.generation.row_version.0;
        assert_eq!(now, last + 1, "{what}");
        last = now;
    };
    let run = t.claim_one().await;
    rose(&t, "claim").await;
    t.done(builder::hand_back(&t.ids, &run, t.now())).await;
    rose(&t, "hand-back").await;
    let run = t.claim_one().await;
    rose(&t, "claim").await;
    let step = builder::step(&t.ids, &run, "plan", "{}", "write", t.now());
    let run = builder::after(&run, &step);
    t.done(step).await;
    rose(&t, "step").await;
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now())).await;
    rose(&t, "retry").await;
    t.advance_s(60);
    let run = t.claim_one().await;
    rose(&t, "claim after the back-off, which is no change of its own").await;
    t.settle(&run).await;
    rose(&t, "settle").await;
}

pub async fn when_the_last_attempt_began_is_known_after_the_end(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let id = run.generation.id;
    let started = async |id| t.row(id).await.started_at;
    assert_eq!(started(id).await, Some(t.now()), "while it runs");
    t.advance_s(5);
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now())).await;
    assert_eq!(started(id).await, None, "while it waits for the next one");
    let second = t.advance_s(600);
    let again = t.claim_one().await;
    t.advance_s(5);
    let step = builder::step(&t.ids, &again, "outline", "{}", "write", t.now());
    t.done(step.clone()).await;
    t.advance_s(5);
    t.done(builder::settle(&t.ids, &builder::after(&again, &step), t.now())).await;
    assert_eq!(started(id).await, Some(second), "the second attempt's claim, not its second call");
    assert_eq!(t.generations(Scope::DEFAULT).await[0].started_at, Some(second), "in lists too");

    let (never, _) = t.start(t.request()).await;
    t.cancel(Scope::DEFAULT, never).await;
    assert_eq!(started(never).await, None);
    let third = t.now();
    let failed = t.running(t.request()).await;
    t.done(builder::fail(&t.ids, &failed, FailureCode::ProviderError, t.now())).await;
    t.advance_s(1);
    t.cancel(Scope::DEFAULT, failed.generation.id).await;
    assert_eq!(started(failed.generation.id).await, Some(third), "cancelled between two attempts");
}
