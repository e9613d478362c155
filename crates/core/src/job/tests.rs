//! What orders mean in each state, and that the counts add up whatever happens.

use super::book::{JobBook, News, Spent};
use super::*;
use uuid::Uuid;

fn job(status: JobStatus, pending: u64) -> Job {
    Job {
        id: JobId(Uuid::from_u128(1)),
        workspace: WorkspaceId::DEFAULT,
        user: UserId(Uuid::from_u128(2)),
        status,
        stopping: false,
        note: None,
        counts: Counts { pending, ..Counts::default() },
        spent: NanoUsd(0),
        unpriced: 0,
        cost_max: None,
        revision: 1,
        started_at: None,
        updated_at: Timestamp::from_micros(0),
        finished_at: None,
        told_at: None,
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_micros(ms * 1_000)
}

#[test]
fn what_each_order_means_in_each_state() {
    let orders = [
        Command::Start,
        Command::Pause(Note::new(Note::PAUSED, "by hand")),
        Command::Resume,
        Command::Cancel,
        Command::Cap(Some(NanoUsd(5))),
    ];
    let mut table = String::new();
    for stopping in [false, true] {
        for status in JobStatus::ALL {
            let before = Job { stopping, ..job(status, 1) };
            if stopping && status.ended().is_some() {
                continue;
            }
            for order in &orders {
                let said = match command(&before, order, at(1)) {
                    Ok(None) => "nothing".to_owned(),
                    Ok(Some(next)) if next.stopping => "stops".to_owned(),
                    Ok(Some(next)) => next.status.to_string(),
                    Err(refusal) => refusal.code().to_owned(),
                };
                let name = format!("{order:?}");
                let name = name.split(['(', ' ']).next().unwrap();
                table.push_str(&format!("{status}{} {name}: {said}\n", if stopping { " (stopping)" } else { "" }));
            }
        }
    }
    let expected = "\
pending Start: running\npending Pause: paused\npending Resume: running\npending Cancel: stops\npending Cap: pending
running Start: nothing\nrunning Pause: paused\nrunning Resume: nothing\nrunning Cancel: stops\nrunning Cap: running
paused Start: running\npaused Pause: nothing\npaused Resume: running\npaused Cancel: stops\npaused Cap: paused
completed Start: already_terminal\ncompleted Pause: already_terminal\ncompleted Resume: already_terminal
completed Cancel: already_terminal\ncompleted Cap: already_terminal
failed Start: already_terminal\nfailed Pause: already_terminal\nfailed Resume: already_terminal
failed Cancel: already_terminal\nfailed Cap: already_terminal
cancelled Start: already_terminal\ncancelled Pause: already_terminal\ncancelled Resume: already_terminal
cancelled Cancel: nothing\ncancelled Cap: already_terminal
pending (stopping) Start: already_terminal\npending (stopping) Pause: already_terminal
pending (stopping) Resume: already_terminal\npending (stopping) Cancel: nothing\npending (stopping) Cap: already_terminal
running (stopping) Start: already_terminal\nrunning (stopping) Pause: already_terminal
running (stopping) Resume: already_terminal\nrunning (stopping) Cancel: nothing\nrunning (stopping) Cap: already_terminal
paused (stopping) Start: already_terminal\npaused (stopping) Pause: already_terminal
paused (stopping) Resume: already_terminal\npaused (stopping) Cancel: nothing\npaused (stopping) Cap: already_terminal
";
    assert_eq!(table, expected);
}

#[test]
fn a_job_that_reached_its_cap_goes_on_only_when_that_is_raised() {
    let capped = Job {
        status: JobStatus::Paused,
        cost_max: Some(NanoUsd(10)),
        note: Some(Note::new(Note::CAP, "reached")),
        ..job(JobStatus::Paused, 1)
    };
    let code = |order: Command| command(&capped, &order, at(1)).map_err(|refusal| refusal.code());
    assert_eq!(code(Command::Resume), Err("job_cap_reached"));
    assert_eq!(code(Command::Start), Err("job_cap_reached"));
    for (cap, goes_on) in [(Some(NanoUsd(11)), true), (None, true), (Some(NanoUsd(9)), false)] {
        let next = command(&capped, &Command::Cap(cap), at(1)).unwrap().unwrap();
        assert_eq!(next.status, JobStatus::Paused, "raising it does not start it");
        assert_eq!(command(&next, &Command::Resume, at(2)).is_ok(), goes_on, "{cap:?}");
    }
}

#[test]
fn the_last_item_ends_the_job_and_says_how() {
    use ItemStatus::{Cancelled, Completed, Failed, Skipped};
    let cases: [(&[ItemStatus], bool, JobStatus, Option<&str>); 7] = [
        (&[Completed, Completed], false, JobStatus::Completed, None),
        (&[Completed, Failed], false, JobStatus::Completed, Some("1 of 2 items failed.")),
        (&[Failed, Failed], false, JobStatus::Failed, Some("2 of 2 items failed.")),
        (&[Skipped, Skipped], false, JobStatus::Completed, None),
        (&[Skipped, Cancelled], false, JobStatus::Cancelled, None),
        (&[Completed, Cancelled], false, JobStatus::Completed, None),
        (&[Completed, Cancelled], true, JobStatus::Cancelled, None),
    ];
    for (ends, stopping, status, message) in cases {
        let mut book = JobBook::default();
        book.load(Job { stopping, ..job(JobStatus::Running, 2) });
        let id = JobId(Uuid::from_u128(1));
        for (place, end) in ends.iter().enumerate() {
            assert_eq!(book.job(id).unwrap().status.ended(), None, "not before the last one");
            book.moves(id, ItemStatus::Pending, ItemStatus::Processing, at(1));
            book.ends(id, *end, Spent { cost: NanoUsd(7), unpriced: 1 }, at(2));
            assert_eq!(book.job(id).unwrap().counts.total(), 2);
            let changes = book.take_changes();
            let last = place + 1 == ends.len();
            assert_eq!(changes[0].news == Some(News::Finished), last);
        }
        let job = book.job(id).unwrap();
        assert_eq!((job.status, job.note.as_ref().map(|note| note.message.as_str())), (status, message), "{ends:?}");
        assert_eq!((job.spent, job.unpriced, job.finished_at), (NanoUsd(14), 2, Some(at(2))));
        assert!(!job.stopping);
    }
}

#[test]
fn an_ended_job_runs_again_when_an_item_is_open_again() {
    let mut book = JobBook::default();
    let id = JobId(Uuid::from_u128(1));
    let counts = Counts { completed: 3, failed: 2, ..Counts::default() };
    let ended = Job { status: JobStatus::Completed, counts, finished_at: Some(at(1)), ..job(JobStatus::Running, 0) };
    book.load(ended);
    book.move_many(id, ItemStatus::Failed, ItemStatus::Pending, 2, at(5));
    let [changed] = &book.take_changes()[..] else { panic!("one job") };
    assert_eq!(
        (changed.job.status, changed.job.finished_at, changed.job.note.clone()),
        (JobStatus::Running, None, None)
    );
    assert_eq!(changed.job.counts, Counts { pending: 2, completed: 3, ..Counts::default() });
}

#[test]
fn progress_is_told_at_most_twice_a_second() {
    let mut book = JobBook::default();
    let id = JobId(Uuid::from_u128(1));
    book.load(job(JobStatus::Running, 100));
    let mut told = vec![];
    for ms in (0..2_000).step_by(50) {
        book.moves(id, ItemStatus::Pending, ItemStatus::Processing, at(ms));
        told.extend(book.take_changes().into_iter().filter_map(|changed| changed.news.map(|_| ms)));
    }
    assert_eq!(told, [0, 500, 1_000, 1_500]);
}
