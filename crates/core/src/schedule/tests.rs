//! What is done about a time, and what follows from it.

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Daily at eight in Warsaw, with the usual lead and grace. In June that is six in UTC.
fn plan() -> Plan {
    Plan {
        cron: Cron::daily("08:00", &[""; 0]).unwrap(),
        zone: Zone::named("Europe/Warsaw").unwrap(),
        lead: LEAD,
        grace: GRACE,
    }
}

fn due(text: &str) -> Due {
    plan().due(at(text))
}

#[test]
fn a_generation_begins_before_its_result_is_to_be_ready() {
    let first = plan().next(at("2026-06-01T00:00:00Z")).unwrap();
    assert_eq!((first.ready_at, first.start_at), (at("2026-06-01T06:00:00Z"), at("2026-06-01T05:45:00Z")));
    assert_eq!(plan().step(first, at("2026-06-01T05:44:59Z")), Step::Wait);
    let next = Some(due("2026-06-02T06:00:00Z"));
    let run = Step::Run { due: first, kind: RunKind::Planned, missed: 0, passed: None, next };
    assert_eq!(plan().step(first, at("2026-06-01T05:45:00Z")), run);
}

#[test]
fn what_was_missed_is_made_once_while_it_is_young_enough() {
    let first = due("2026-06-01T06:00:00Z");
    let at_once = |now: &str| plan().step(first, at(now));
    let late = Step::Run {
        due: first,
        kind: RunKind::CatchUp,
        missed: 0,
        passed: None,
        next: Some(due("2026-06-02T06:00:00Z")),
    };
    assert_eq!(at_once("2026-06-01T08:00:00Z"), late, "two hours are the grace");
    let skip = Step::Skip { due: first, missed: 0, next: Some(due("2026-06-02T06:00:00Z")) };
    assert_eq!(at_once("2026-06-01T08:00:00.000001Z"), skip);
    // Three days away: the last one is made if it can be, and the two before it never are.
    let last = due("2026-06-03T06:00:00Z");
    let next = Some(due("2026-06-04T06:00:00Z"));
    assert_eq!(
        at_once("2026-06-03T07:00:00Z"),
        Step::Run { due: last, kind: RunKind::CatchUp, missed: 2, passed: Some(at("2026-06-02T06:00:00Z")), next }
    );
    assert_eq!(at_once("2026-06-03T12:00:00Z"), Step::Skip { due: last, missed: 2, next });
}

#[test]
fn years_of_missed_quarters_are_no_flood_and_no_endless_count() {
    let plan = Plan { cron: Cron::parse("*/15 * * * *").unwrap(), ..plan() };
    let first = plan.next(at("2026-01-01T00:00:00Z")).unwrap();
    let Step::Run { due, missed, next, .. } = plan.step(first, at("2031-01-01T00:01:00Z")) else { panic!("it runs") };
    assert_eq!((due.ready_at, missed), (at("2031-01-01T00:15:00Z"), MISSED_MAX));
    assert_eq!(next.unwrap().ready_at, at("2031-01-01T00:30:00Z"));
}

#[test]
fn refusals_in_a_row_break_it_and_one_success_between_does_not() {
    let (next, why) = (Some(due("2026-06-01T06:00:00Z")), Note::new("insufficient_credits", "No credits."));
    let mut live = Live::new(next);
    for failures in 1..FAILURES_MAX {
        live = live.refused(&why, next);
        assert_eq!((live.state, live.failures, live.next), (ScheduleState::Active, failures, next));
    }
    assert_eq!(live.clone().made(next), Live::new(next));
    let broken = live.refused(&why, next);
    assert_eq!((broken.state, broken.next), (ScheduleState::Broken, None));
    assert_eq!(broken.note.as_ref().unwrap().code, "insufficient_credits");
    assert_eq!(broken.clone().edited(next), Live::new(next), "an edit mends it");
    let paused = broken.paused();
    assert_eq!(paused.clone().edited(next), paused);
    assert_eq!(paused.resumed(next), Live::new(next));
    assert_eq!(Live::new(None).state, ScheduleState::Broken, "what never comes is said");
}

#[test]
fn an_external_id_names_the_day_of_the_zone() {
    let (zone, id) = (Zone::named("Pacific/Auckland").unwrap(), crate::ScheduleId(uuid::Uuid::nil()));
    let named = external_id("n-{date}-{time}", &zone, at("2026-06-01T20:00:00Z"), id);
    assert_eq!(named, "n-2026-06-02-0800");
    assert_eq!(external_id("{schedule}", &zone, at("2026-06-01T20:00:00Z"), id), id.to_string());
}
