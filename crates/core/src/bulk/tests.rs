//! What happens to a bulk action from its first page to its end.

use super::*;
use uuid::Uuid;

fn bulk(action: Action) -> Bulk {
    Bulk {
        id: BulkId(Uuid::from_u128(1)),
        workspace: WorkspaceId::DEFAULT,
        user: None,
        action,
        status: BulkStatus::Gathering,
        walk: Some("0".to_owned()),
        tally: Tally::default(),
        note: None,
        updated_at: at(0),
        finished_at: None,
        told_at: None,
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_micros(ms * 1_000)
}

#[test]
fn it_runs_when_all_are_found_and_ends_with_the_last_one() {
    let found = bulk(Action::Delete).gathered(2, Some("1".to_owned()), None, at(1));
    assert_eq!((found.bulk.status, found.news), (BulkStatus::Gathering, Some(News::Progress)));
    let all = found.bulk.gathered(1, None, None, at(2));
    assert_eq!((all.bulk.status, all.bulk.tally.total(), all.news), (BulkStatus::Running, 3, None));
    let some = all.bulk.ended([Outcome::Done, Outcome::Failed], at(3));
    assert_eq!((some.bulk.status, some.bulk.finished_at), (BulkStatus::Running, None));
    let end = some.bulk.ended([Outcome::Skipped], at(4));
    assert_eq!((end.bulk.status, end.news), (BulkStatus::Completed, Some(News::Finished)));
    assert_eq!(end.bulk.tally, Tally { open: 0, done: 1, skipped: 1, failed: 1 });
    assert_eq!(end.bulk.finished_at, Some(at(4)));
}

#[test]
fn what_concerns_nothing_and_what_only_reads_end_when_all_are_found() {
    let none = bulk(Action::Cancel).gathered(0, None, None, at(1));
    assert_eq!((none.bulk.status, none.news), (BulkStatus::Completed, Some(News::Finished)));
    let export = bulk(Action::Export).gathered(7, None, None, at(1)).bulk;
    assert_eq!((export.status, export.tally.done), (BulkStatus::Completed, 7));
}

#[test]
fn a_cancel_leaves_what_is_open_and_counts_what_was_under_way() {
    let running = bulk(Action::Delete).gathered(3, None, None, at(1)).bulk;
    let stopped = running.cancelled(at(2)).unwrap().unwrap();
    assert_eq!((stopped.bulk.status, stopped.news), (BulkStatus::Cancelled, Some(News::Finished)));
    assert_eq!(stopped.bulk.clone().cancelled(at(3)), Ok(None), "twice is once");
    let late = stopped.bulk.ended([Outcome::Done], at(700));
    assert_eq!((late.bulk.status, late.bulk.finished_at), (BulkStatus::Cancelled, Some(at(2))), "it ended once");
    assert_eq!(late.bulk.tally, Tally { open: 2, done: 1, ..Tally::default() });
    assert_ne!(late.news, Some(News::Finished));
    let gathering = bulk(Action::Delete).cancelled(at(1)).unwrap().unwrap().bulk;
    assert_eq!(gathering.walk, None, "nothing more is found");
    let completed = bulk(Action::Delete).gathered(0, None, None, at(1)).bulk;
    assert_eq!(completed.cancelled(at(2)).map_err(|why| why.code()), Err("already_terminal"));
}

#[test]
fn progress_is_told_at_most_twice_a_second() {
    let mut it = bulk(Action::Delete);
    let mut told = vec![];
    for ms in (0..2_000).step_by(50) {
        let changed = it.gathered(1, Some("on".to_owned()), None, at(ms));
        told.extend(changed.news.map(|_| ms));
        it = changed.bulk;
    }
    assert_eq!(told, [0, 500, 1_000, 1_500]);
}

#[test]
fn each_action_knows_what_it_is_for() {
    let mut table = String::new();
    for action in Action::ALL {
        assert_eq!(Action::parse(action.as_str()), Some(action));
        let fits: Vec<&str> = Status::ALL.into_iter().filter(|it| action.fits(*it)).map(Status::as_str).collect();
        let kind = action.kind().map_or("either", Kind::as_str);
        table.push_str(&format!("{} {kind}: {}\n", action.as_str(), fits.join(" ")));
    }
    let expected = "\
cancel generations: pending processing\nretry generations: failed cancelled
approve drafts: pending processing completed failed cancelled\nreject drafts: pending processing completed failed cancelled
delete drafts: pending processing completed failed cancelled\nundelete drafts: pending processing completed failed cancelled
export either: pending processing completed failed cancelled\n";
    assert_eq!(table, expected);
}
