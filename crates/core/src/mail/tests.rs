//! Claims about mail that can fail: the ways a mail moves, the verdicts, the limits.

use super::*;
use crate::generation::event::Jitter;
use std::time::Duration;
use uuid::Uuid;

const NODE: NodeId = NodeId(Uuid::from_u128(7));

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn in_status(status: MailStatus) -> Mail {
    let sending = Mail::queued(at(0)).claimed(NODE, at(1)).unwrap();
    Mail { status, ..sending }
}

fn outcome(then: Then) -> Outcome {
    Outcome { then, reply: Reply { code: None, text: String::new() } }
}

/// The whole table: what leads from where to where. Nothing else exists.
#[test]
fn a_mail_moves_along_these_ways_and_no_others() {
    use MailStatus::{Cancelled, Failed, Queued, Sending, Sent, Unknown};
    let fence = Fence { node: NODE, tries: 1 };
    let again = Then::Again { due_at: at(9) };
    for from in MailStatus::ALL {
        let mail = in_status(from);
        let to = |next: Option<Mail>| next.map(|mail| mail.status);
        let open = matches!(from, Sending | Unknown);
        assert_eq!(to(mail.claimed(NODE, at(2))), (from == Queued).then_some(Sending));
        assert_eq!(to(mail.answered(fence, &outcome(Then::Sent), at(2))), open.then_some(Sent));
        assert_eq!(to(mail.answered(fence, &outcome(Then::Failed), at(2))), open.then_some(Failed));
        assert_eq!(to(mail.answered(fence, &outcome(again), at(2))), open.then_some(Queued));
        assert_eq!(to(mail.answered(fence, &outcome(Then::NotBegun), at(2))), open.then_some(Queued));
        assert_eq!(to(mail.answered(fence, &outcome(Then::Unknown), at(2))), (from == Sending).then_some(Unknown));
        assert_eq!(to(mail.lost(at(2))), (from == Sending).then_some(Unknown));
        assert_eq!(to(mail.cancelled(at(2))), (from == Queued).then_some(Cancelled));
        assert_eq!(to(mail.retried(at(2))), (from == Failed).then_some(Queued));
        assert_eq!(to(mail.judged(Judgement::Sent, at(2))), (from == Unknown).then_some(Sent));
        assert_eq!(to(mail.judged(Judgement::Failed, at(2))), (from == Unknown).then_some(Failed));
        assert_eq!(to(mail.judged(Judgement::Again, at(2))), (from == Unknown).then_some(Queued));
    }
}

#[test]
fn only_the_process_that_has_it_speaks_of_it_and_not_after_a_person_has() {
    let mail = in_status(MailStatus::Sending);
    let sent = outcome(Then::Sent);
    assert_eq!(mail.answered(Fence { node: NODE, tries: 2 }, &sent, at(2)), None);
    assert_eq!(mail.answered(Fence { node: NodeId(Uuid::from_u128(8)), tries: 1 }, &sent, at(2)), None);
    let fence = Fence { node: NODE, tries: 1 };
    // It was only slow: its word is better than nobody's.
    let unknown = mail.lost(at(2)).unwrap();
    assert_eq!(unknown.answered(fence, &sent, at(3)).unwrap().status, MailStatus::Sent);
    for word in [Judgement::Sent, Judgement::Failed, Judgement::Again] {
        assert_eq!(unknown.judged(word, at(3)).unwrap().answered(fence, &sent, at(4)), None, "{word:?}");
    }
}

#[test]
fn what_was_not_begun_was_no_try() {
    let fence = Fence { node: NODE, tries: 1 };
    let back = in_status(MailStatus::Sending).answered(fence, &outcome(Then::NotBegun), at(2)).unwrap();
    assert_eq!((back.tries, back.round, back.due_at), (1, 1, at(0)));
}

#[test]
fn nothing_is_taken_before_it_is_due() {
    assert_eq!(Mail::queued(at(5)).claimed(NODE, at(4)), None);
    assert!(Mail::queued(at(5)).claimed(NODE, at(5)).is_some());
}

/// Sent is said of a 2xx to the end of the message only; doubt is where the message had begun and no answer came.
#[test]
fn every_stage_and_code_has_one_verdict() {
    use Stage::{Body, Connect, Data, From, Login, Recipient, Tls};
    for stage in [Connect, Tls, Login, From, Recipient, Data, Body] {
        for code in [None, Some(100), Some(220), Some(250), Some(354), Some(421), Some(451), Some(535), Some(550)] {
            let verdict = Verdict::of(stage, code);
            let about_this_mail = stage >= From && code >= Some(500);
            let want = match (stage, code) {
                _ if about_this_mail => Verdict::Refused,
                (Body, Some(220 | 250)) => Verdict::Sent,
                (Body, Some(421 | 451)) => Verdict::Later,
                (Body, _) => Verdict::Doubt,
                _ => Verdict::Later,
            };
            assert_eq!(verdict, want, "{stage:?} {code:?}");
        }
    }
}

#[test]
fn what_was_not_sent_is_tried_again_so_often_and_no_more() {
    let now = at(100);
    let pause = |tries| {
        let next = then(Verdict::Later, tries, now, Jitter(0));
        if let Then::Again { due_at } = next { Some(due_at.since(now)) } else { None }
    };
    assert_eq!(pause(1), Some(Duration::from_secs(60)));
    assert!((1..TRIES_MAX - 1).all(|tries| pause(tries) < pause(tries + 1)));
    assert_eq!(then(Verdict::Later, TRIES_MAX, now, Jitter(0)), Then::Failed);
    assert_eq!(then(Verdict::Doubt, 1, now, Jitter(0)), Then::Unknown);
    assert_eq!(
        then(Verdict::Later, 1, now, Jitter(u16::MAX)),
        Then::Again { due_at: now.plus(Duration::from_secs(66)) }
    );
}

#[test]
fn a_day_a_reserve_and_a_second_are_kept() {
    let limits = Limits { per_day: 10, reserve: 3, every: Duration::from_millis(500) };
    let mut pace = Pace::new(at(0));
    let room = pace.room(&limits, at(60));
    // After a pause a second's worth goes at once, and the one that is due.
    assert_eq!((room.single, room.mailing), (3, 3));
    pace = pace.took(3, &limits, at(60));
    assert_eq!(pace.room(&limits, at(60)), Room { single: 0, mailing: 0, next_at: Some(pace.next_at) });
    assert_eq!(pace.next_at, at(60).plus(Duration::from_millis(500)));
    pace = pace.took(4, &limits, at(70));
    let room = pace.room(&limits, at(80));
    assert_eq!((room.single, room.mailing), (3, 0), "the rest is kept for single ones");
    pace = pace.took(3, &limits, at(80));
    assert_eq!(pace.room(&limits, at(90)).single, 0);
    assert_eq!(pace.gave_back(at(80)).room(&limits, at(90)).single, 1, "one certainly did not go");
    assert_eq!(pace.on(at(86_400)).room(&limits, at(86_400)).mailing, 3, "a new day");
    assert_eq!(pace.on(at(0)), pace);
    assert_eq!(pace.on(at(86_400)).gave_back(at(80)).taken, 0, "one of the day before frees nothing today");
}

/// Over any stretch of time no more goes than its seconds allow, and one second's worth.
#[test]
fn the_second_is_kept_however_often_somebody_asks() {
    let limits = Limits { per_day: 1_000_000, reserve: 0, every: Duration::from_millis(100) };
    let (mut pace, mut went) = (Pace::new(at(0)), 0);
    for step in 0..1_000_i64 {
        let now = Timestamp::from_micros(60_000_000 + step * 7_000);
        let room = pace.room(&limits, now);
        went += u64::from(room.mailing);
        pace = pace.took(room.mailing, &limits, now);
    }
    assert!((70..=81).contains(&went), "{went} in 7 s");
}

#[test]
fn a_mailing_ends_with_its_last_mail_and_opens_with_one_that_goes_again() {
    let mut mailing = Mailing::new(None, at(0));
    mailing.tally.add(MailStatus::Queued, 1);
    mailing.tally.add(MailStatus::Skipped, 2);
    assert!(!mailing.settle(at(1)));
    mailing.tally.moved(MailStatus::Queued, MailStatus::Sending);
    assert!(!mailing.settle(at(2)));
    mailing.tally.moved(MailStatus::Sending, MailStatus::Unknown);
    assert!(mailing.settle(at(3)) && !mailing.settle(at(4)), "it is told once");
    assert_eq!((mailing.finished_at, mailing.status()), (Some(at(3)), MailingStatus::Finished));
    mailing.tally.moved(MailStatus::Unknown, MailStatus::Queued);
    assert!(!mailing.settle(at(5)) && mailing.finished_at.is_none());
    mailing.paused_at = Some(at(6));
    assert_eq!(mailing.status(), MailingStatus::Paused);
    assert_eq!(mailing.tally.total(), 3);
}

/// What is sent of the mails that are there does not end a mailing whose mails are still being written.
#[test]
fn a_mailing_that_is_being_filled_ends_with_the_last_of_its_list() {
    let mut mailing = Mailing::new(Some(Mailing::START), at(0));
    let made = |status| {
        let mut made = Tally::default();
        made.add(status, 2);
        made
    };
    assert!(!mailing.settle(at(1)) && mailing.may_fill(), "it has no mail yet");
    mailing.filled(&made(MailStatus::Queued), Some(SubscriberId(Uuid::from_u128(2))));
    for _ in 0..2 {
        mailing.tally.moved(MailStatus::Queued, MailStatus::Sent);
    }
    assert!(!mailing.settle(at(2)) && mailing.finished_at.is_none());
    mailing.paused_at = Some(at(3));
    assert!(!mailing.may_fill() && !mailing.settle(at(3)));
    mailing.paused_at = None;
    mailing.filled(&made(MailStatus::Skipped), None);
    assert!(mailing.settle(at(4)) && !mailing.may_fill());
    assert_eq!((mailing.tally.total(), mailing.finished_at), (4, Some(at(4))));
}

#[test]
fn what_is_taken_back_is_not_filled_and_nothing_goes_until_all_is() {
    let mut mailing = Mailing::new(Some(Mailing::START), at(0));
    let mut made = Tally::default();
    made.add(MailStatus::Queued, 2);
    mailing.filled(&made, Some(SubscriberId(Uuid::from_u128(2))));
    mailing.cancel();
    assert!(!mailing.settle(at(1)) && mailing.is_held() && !mailing.may_fill());
    mailing.tally.moved(MailStatus::Queued, MailStatus::Cancelled);
    assert!(!mailing.settle(at(2)) && mailing.cancelling);
    mailing.tally.moved(MailStatus::Queued, MailStatus::Cancelled);
    assert!(mailing.settle(at(3)) && !mailing.cancelling);
    let last = MailId(Uuid::from_u128(9));
    assert!(mailing.retry(Some(last)) && !mailing.settle(at(4)), "failed ones go again, and more of them follow");
    assert_eq!(mailing.retry_from(), last);
    mailing.cancel();
    assert!(!mailing.retry(Some(last)) && mailing.retry_walk.is_none(), "not while it is taken back");
    let mut empty = Mailing::new(Some(Mailing::START), at(0));
    empty.cancel();
    assert!(empty.settle(at(1)) && !empty.cancelling, "nothing was there");
}
