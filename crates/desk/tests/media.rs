//! Steps that make files: the job is started once and asked about until its files are here, whatever dies meanwhile.

use crate::harness::studio::{Asked, File, PNG, Start, Told};
use crate::harness::*;
use copydesk_assets::{Answer, AssetError, AssetStore, AssetWriter, Shelf};
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::{FailureCode, Status};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::recipe::output::media;
use copydesk_core::{AssetId, GenerationId, Timestamp, WorkspaceId};
use copydesk_desk::accept::{Receipt, Request};
use copydesk_desk::{Desk, DeskConfig, DeskError, Parts};
use copydesk_providers::error::ErrorClass;
use copydesk_store::usage::CallRow;
use copydesk_store::{DraftStore, GenerationStore};
use copydesk_store_tests::Method;
use serde_json::json;
use std::sync::Arc;

const OK: Option<CallOutcome> = Some(CallOutcome::Ok);
const LOST: Option<CallOutcome> = Some(CallOutcome::Lost);
const FAILED: Option<CallOutcome> = Some(CallOutcome::Failed);
const CANCELLED: Option<CallOutcome> = Some(CallOutcome::Cancelled);

fn film(prompt: &str) -> Request {
    Request { user: Some("ada".to_owned()), ..Request::new("film", json!({ "prompt": prompt })) }
}

fn picture(prompt: &str) -> Request {
    Request { user: Some("ada".to_owned()), ..Request::new("sketch", json!({ "prompt": prompt })) }
}

impl Bench {
    async fn ends(&self, receipt: &Receipt) {
        self.pass_until("it has ended", || async { self.status(receipt.generation).await.is_final() }).await;
    }

    /// Every file under the folder of assets.
    fn files(&self) -> Vec<std::path::PathBuf> {
        let (mut found, mut open) = (Vec::new(), vec![self.assets_folder()]);
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() { open.push(entry.path()) } else { found.push(entry.path()) }
            }
        }
        found
    }

    async fn operations(&self, id: GenerationId) -> Vec<(String, Option<CallOutcome>)> {
        let rows = self.calls(Some(id)).await;
        rows.into_iter().map(|row| (row.operation, row.closed.map(|(_, closed)| closed.outcome))).collect()
    }

    async fn job(&self, id: GenerationId) -> Option<String> {
        let steps = self.store.inner().steps(SCOPE, id).await.unwrap();
        steps.into_iter().find(|step| step.name == "shoot.job").map(|step| step.output)
    }

    /// The draft holds files that are on the disk, whole, each with its row.
    async fn holds_files(&self, receipt: &Receipt, count: usize) {
        let body = serde_json::from_str(&self.body(receipt.draft).await).unwrap();
        let assets = media::assets(&body);
        assert_eq!((assets.len(), self.files().len()), (count, count), "{body}");
        for asset in assets {
            let row = self.store.inner().asset(SCOPE, asset.id).await.unwrap();
            assert_eq!((row.generation, row.draft, row.version), (receipt.generation, receipt.draft, 1));
            let bytes = std::fs::read(self.assets_folder().join(&row.asset.path)).unwrap();
            assert_eq!((bytes.len() as u64, row.asset.bytes), (asset.bytes, asset.bytes));
        }
    }
}

fn named(list: &[(&str, Option<CallOutcome>)]) -> Vec<(String, Option<CallOutcome>)> {
    list.iter().map(|(name, outcome)| ((*name).to_owned(), *outcome)).collect()
}

#[tokio::test]
async fn a_film_is_started_once_asked_about_and_kept() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.studio.tells([Told::Running, Told::Next("job-1/result"), Told::Done(2)]);
    bench.studio.brings([File::Whole(PNG.to_vec()), File::Whole(b"\0\0\0\x18ftypisom...".to_vec())]);
    let picture = "data:image/png;base64,iVBORw0KGgo=";
    let input = json!({ "prompt": "a boat", "seconds": 6, "start": picture });
    let receipt = node.accept(Request { input, ..film("") }).await;
    bench.ends(&receipt).await;
    let row = bench.completed(receipt.generation).await;
    assert_eq!((row.generation.spent, row.generation.attempt.0), (1, 1));
    let asked = bench.studio.asked();
    let settings = json!({ "seconds": 6, "quality": "low" }).to_string();
    assert_eq!(asked[0], Asked::Submit { prompt: "Film: a boat".into(), settings, pictures: 1 });
    let polls = ["job-1", "job-1", "job-1/result"].map(|job| Asked::Poll(job.to_owned()));
    assert_eq!(asked[1..4], polls);
    assert!(bench.job(receipt.generation).await.unwrap().contains("job-1/result"), "its new name is durable");
    bench.holds_files(&receipt, 2).await;
    let version = bench.store.inner().version(SCOPE, receipt.draft, None).await.unwrap().content;
    assert_eq!((version.form.as_str(), version.title.as_str()), ("media", "Film: a boat"));
    assert_eq!(bench.operations(receipt.generation).await, named(&[("shoot.submit", OK), ("shoot.result", OK)]));
    let calls = bench.calls(Some(receipt.generation)).await;
    let submit = &calls[0].closed.as_ref().unwrap().1;
    assert_eq!((submit.cost.map(|cost| cost.0), submit.usage.input), (Some(0), None), "starting it costs nothing");
    assert_eq!(bench.left("ada").await, credits("990"));
    bench.in_order().await;
}

#[tokio::test]
async fn the_jobs_name_is_durable_before_anybody_asks_for_it() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.studio.starts([Start::Held]);
    bench.studio.tells([Told::Hang]);
    let receipt = node.accept(film("a boat")).await;
    until("it is being submitted", || async { bench.studio.submits() == 1 }).await;
    assert_eq!(bench.operations(receipt.generation).await, named(&[("shoot.submit", None)]), "the intent stands");
    bench.studio.release();
    bench.pass_until("the first question is under way", || async { bench.studio.polls() == 1 }).await;
    let job = bench.job(receipt.generation).await.unwrap();
    assert!(job.contains("job-1") && job.contains("Film: a boat"), "{job}");
    assert_eq!(bench.operations(receipt.generation).await, named(&[("shoot.submit", OK), ("shoot.result", None)]));
}

/// Where the process dies.
#[derive(Clone, Copy, Debug)]
enum Dies {
    BeforeTheJobIsKept,
    AfterTheJobIsKept,
    DuringAQuestion,
    DuringADownload,
    AfterTheResultIsWritten,
}

#[tokio::test]
async fn a_dead_process_leaves_a_job_that_the_next_one_asks_about() {
    let (submit, result) = ("shoot.submit", "shoot.result");
    let table = [
        // Nobody knows whether the first one was started, so there is no second one.
        (Dies::BeforeTheJobIsKept, Status::Failed, named(&[(submit, LOST)])),
        (Dies::AfterTheJobIsKept, Status::Completed, named(&[(submit, OK), (result, LOST), (result, OK)])),
        (Dies::DuringAQuestion, Status::Completed, named(&[(submit, OK), (result, LOST), (result, OK)])),
        (Dies::DuringADownload, Status::Completed, named(&[(submit, OK), (result, LOST), (result, OK)])),
        (Dies::AfterTheResultIsWritten, Status::Completed, named(&[(submit, OK), (result, OK)])),
    ];
    for (dies, end, operations) in table {
        let bench = Bench::new().await;
        let first = bench.working(config()).await;
        bench.studio.starts([Start::Held]);
        match dies {
            Dies::BeforeTheJobIsKept | Dies::AfterTheJobIsKept | Dies::AfterTheResultIsWritten => {}
            Dies::DuringAQuestion => bench.studio.tells([Told::Running, Told::Hang]),
            Dies::DuringADownload => bench.studio.brings([File::Hang]),
        }
        let receipt = first.accept(film("a boat")).await;
        until("it is being submitted", || async { bench.studio.submits() == 1 }).await;
        settle().await;
        let studio = bench.studio.clone();
        match dies {
            Dies::BeforeTheJobIsKept => first.kill(),
            Dies::AfterTheJobIsKept => first.plug.die_after(Method::Turn),
            Dies::DuringAQuestion | Dies::DuringADownload | Dies::AfterTheResultIsWritten => {}
        }
        studio.release();
        match dies {
            Dies::BeforeTheJobIsKept | Dies::AfterTheJobIsKept => {}
            Dies::DuringAQuestion => bench.pass_until("it is asked", || async { studio.polls() == 2 }).await,
            Dies::DuringADownload => bench.pass_until("it is fetched", || async { studio.fetches() == 1 }).await,
            Dies::AfterTheResultIsWritten => bench.ends(&receipt).await,
        }
        if !matches!(dies, Dies::AfterTheJobIsKept) {
            first.kill();
        }
        until("it is dead", || async { first.plug.is_dead() }).await;
        settle().await;
        let _next = bench.working(config()).await;
        bench.ends(&receipt).await;
        let row = bench.row(receipt.generation).await;
        assert_eq!((row.status(), studio.submits()), (end, 1), "{dies:?}");
        assert_eq!(bench.operations(receipt.generation).await, operations, "{dies:?}");
        if end == Status::Completed {
            bench.pass_until("only its files stay", || async { bench.files().len() == 1 }).await;
            bench.holds_files(&receipt, 1).await;
            assert_eq!(bench.left("ada").await, credits("990"), "{dies:?}");
        } else {
            assert_eq!(bench.failed(receipt.generation).await.code, FailureCode::SubmissionUnknown);
            assert_eq!(bench.left("ada").await, credits("1000"), "{dies:?}");
        }
        let lost = bench.calls(Some(receipt.generation)).await.into_iter().filter_map(|row| row.closed);
        for (_, closed) in lost.filter(|(_, closed)| closed.outcome == CallOutcome::Lost) {
            assert_eq!((closed.usage.input, closed.usage.output, closed.cost), (None, None, None), "no made-up tokens");
        }
        bench.in_order().await;
    }
}

#[tokio::test]
async fn a_submission_whose_answer_is_lost_is_not_made_again() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.studio.starts([Start::Lost]);
    let receipt = node.accept(film("a boat")).await;
    let failure = bench.failed(receipt.generation).await;
    assert_eq!(failure.code, FailureCode::SubmissionUnknown);
    assert!(failure.message.contains("was not asked a second time"), "{failure}");
    assert_eq!((bench.studio.submits(), bench.left("ada").await), (1, credits("1000")));
    assert_eq!(bench.operations(receipt.generation).await, named(&[("shoot.submit", FAILED)]));
    bench.in_order().await;
}

#[tokio::test]
async fn a_provider_that_answers_at_once_is_not_asked_again() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.studio.starts([Start::Done(1)]);
    let receipt = node.accept(film("a boat")).await;
    bench.completed(receipt.generation).await;
    bench.holds_files(&receipt, 1).await;
    assert_eq!((bench.studio.polls(), bench.studio.fetches(), bench.world.now()), (0, 1, START));
    bench.in_order().await;
}

#[tokio::test]
async fn a_submission_that_was_refused_is_made_again() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.studio.starts([Start::Refused(ErrorClass::Overloaded)]);
    let receipt = node.accept(film("a boat")).await;
    bench.ends(&receipt).await;
    assert_eq!(bench.completed(receipt.generation).await.generation.spent, 2);
    assert_eq!((bench.studio.submits(), bench.studio.cancelled()), (2, vec![]));
    bench.in_order().await;
}

#[tokio::test]
async fn a_job_that_failed_is_started_anew_once_for_each_attempt() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.studio.tells([Told::Failed(ErrorClass::ServerError), Told::Running, Told::Done(1)]);
    let receipt = node.accept(film("a boat")).await;
    bench.ends(&receipt).await;
    assert_eq!(bench.completed(receipt.generation).await.generation.spent, 2);
    let polls: Vec<Asked> = bench.studio.asked().into_iter().filter(|asked| matches!(asked, Asked::Poll(_))).collect();
    assert_eq!(polls, ["job-1", "job-2", "job-2"].map(|job| Asked::Poll(job.to_owned())));
    let calls = [("shoot.submit", OK), ("shoot.result", FAILED), ("shoot.submit", OK), ("shoot.result", OK)];
    assert_eq!(bench.operations(receipt.generation).await, named(&calls));
    assert_eq!(bench.studio.cancelled(), [""; 0], "what has failed need not be stopped");
    bench.in_order().await;
}

#[tokio::test]
async fn a_job_that_was_refused_is_not_started_anew() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.studio.tells([Told::Failed(ErrorClass::Refused)]);
    let receipt = node.accept(film("a boat")).await;
    bench.ends(&receipt).await;
    assert_eq!(bench.failed(receipt.generation).await.code, FailureCode::Refused);
    assert_eq!((bench.studio.submits(), bench.left("ada").await), (1, credits("1000")));
    bench.in_order().await;
}

#[tokio::test]
async fn questions_that_fail_spend_no_attempt_unless_too_many_do_in_a_row() {
    for (broken, spent, submits) in [(5, 1, 1), (6, 2, 1)] {
        let bench = Bench::new().await;
        let node = bench.working(config()).await;
        bench.studio.tells(vec![Told::Broken(ErrorClass::Network); broken]);
        let receipt = node.accept(film("a boat")).await;
        bench.ends(&receipt).await;
        assert_eq!(bench.completed(receipt.generation).await.generation.spent, spent, "{broken} in a row");
        assert_eq!(bench.studio.submits(), submits);
        bench.in_order().await;
    }
}

#[tokio::test]
async fn a_download_that_breaks_is_made_again_in_place() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.studio.brings([File::Broken(ErrorClass::CutOff, "half of it came"), File::Whole(PNG.to_vec())]);
    let receipt = node.accept(film("a boat")).await;
    bench.ends(&receipt).await;
    assert_eq!(bench.completed(receipt.generation).await.generation.spent, 1);
    bench.holds_files(&receipt, 1).await;
    bench.in_order().await;
}

#[tokio::test]
async fn the_pauses_grow_and_obey_the_provider() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let mut told = vec![Told::Running; 5];
    told.push(Told::RunningFor(seconds(40)));
    bench.studio.tells(told);
    let receipt = node.accept(film("a boat")).await;
    let mut at = Vec::new();
    for _ in 0..150 {
        at.push(bench.studio.polls());
        if bench.status(receipt.generation).await.is_final() {
            break;
        }
        bench.advance(seconds(1)).await;
    }
    let when: Vec<usize> = (1..=7).map(|poll| at.iter().position(|seen| *seen >= poll).unwrap()).collect();
    let gaps: Vec<usize> = when.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!((when[0], gaps), (2, vec![4, 8, 15, 15, 15, 40]));
}

#[tokio::test]
async fn an_attempt_whose_time_is_up_leaves_the_job_to_the_next_one() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    // One try is given 2 minutes.
    bench.studio.tells(vec![Told::RunningFor(seconds(50)); 4]);
    let receipt = node.accept(film("a boat")).await;
    bench.ends(&receipt).await;
    assert_eq!(bench.completed(receipt.generation).await.generation.spent, 2);
    assert_eq!((bench.studio.submits(), bench.studio.cancelled()), (1, vec![]));
    let calls = [("shoot.submit", OK), ("shoot.result", FAILED), ("shoot.result", OK)];
    assert_eq!(bench.operations(receipt.generation).await, named(&calls));
    bench.in_order().await;
}

#[tokio::test]
async fn whoever_ends_a_generation_has_its_job_stopped() {
    for by_cancel in [true, false] {
        let bench = Bench::new().await;
        let node = bench.working(config()).await;
        bench.studio.tells(vec![Told::RunningFor(seconds(100)); 100]);
        let deadline = START.plus(seconds(300));
        let receipt = node.accept(Request { deadline: Some(deadline), ..film("a boat") }).await;
        bench.pass_until("it is waited for", || async { bench.studio.polls() == 1 }).await;
        if by_cancel {
            node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
        }
        bench.ends(&receipt).await;
        let status = bench.status(receipt.generation).await;
        assert_eq!(status, if by_cancel { Status::Cancelled } else { Status::Failed });
        bench.pass_until("the job is stopped", || async { bench.studio.cancelled() == ["job-1"] }).await;
        assert_eq!(bench.left("ada").await, credits("1000"));
        settle().await;
        bench.in_order().await;
    }
}

#[tokio::test]
async fn a_cancel_during_a_download_leaves_no_file() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.studio.tells([Told::Done(2)]);
    bench.studio.brings([File::Whole(PNG.to_vec()), File::Hang]);
    let receipt = node.accept(film("a boat")).await;
    bench.pass_until("the second file is on its way", || async { bench.studio.fetches() == 2 }).await;
    assert_eq!(bench.files().len(), 2, "one is whole, of one there is a beginning");
    node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    bench.pass_until("nothing is left", || async { bench.files().is_empty() }).await;
    assert_eq!(bench.status(receipt.generation).await, Status::Cancelled);
    settle().await;
    bench.in_order().await;
}

#[tokio::test]
async fn a_job_started_for_a_generation_that_was_cancelled_meanwhile_is_stopped() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.studio.starts([Start::Held]);
    let receipt = node.accept(film("a boat")).await;
    until("it is being submitted", || async { bench.studio.submits() == 1 }).await;
    node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    settle().await;
    bench.studio.release();
    bench.pass_until("the job is stopped", || async { bench.studio.cancelled() == ["job-1"] }).await;
    assert_eq!(bench.status(receipt.generation).await, Status::Cancelled);
    bench.in_order().await;
}

#[tokio::test]
async fn a_stopping_desk_hands_a_job_over_at_once_and_another_goes_on() {
    let bench = Bench::new().await;
    let first = bench.working_beside_others(config()).await;
    bench.studio.tells([Told::RunningFor(seconds(100))]);
    let receipt = first.accept(film("a boat")).await;
    bench.pass_until("it is waited for", || async { bench.studio.polls() == 1 }).await;
    let at = bench.world.now();
    assert_eq!(within("it has stopped", first.desk.stop(seconds(25))).await, Ok(0));
    assert_eq!(bench.world.now(), at, "nobody waited for the grace time");
    assert_eq!(bench.status(receipt.generation).await, Status::Pending);
    let _second = bench.working_beside_others(config()).await;
    bench.ends(&receipt).await;
    let row = bench.completed(receipt.generation).await;
    assert_eq!((row.generation.spent, row.generation.attempt.0, bench.studio.submits()), (1, 2, 1));
    let calls = [("shoot.submit", OK), ("shoot.result", CANCELLED), ("shoot.result", OK)];
    assert_eq!(bench.operations(receipt.generation).await, named(&calls));
    bench.in_order().await;
}

#[tokio::test]
async fn who_waits_for_a_job_takes_nobodys_place() {
    for (jobs_max, others_run) in [(1, true), (0, false)] {
        let bench = Bench::new().await;
        let node = bench.working(DeskConfig { max_concurrent: Some(1), jobs_max, ..config() }).await;
        bench.studio.tells([Told::RunningFor(seconds(60))]);
        let slow = node.accept(film("a boat")).await;
        bench.pass_until("it is waited for", || async { bench.studio.polls() == 1 }).await;
        let quick = node.accept(note("tea")).await;
        for _ in 0..20 {
            bench.advance(seconds(1)).await;
        }
        assert_eq!(bench.status(quick.generation).await.is_final(), others_run, "{jobs_max} may wait");
        assert_eq!(bench.status(slow.generation).await, Status::Processing);
        bench.ends(&slow).await;
        bench.ends(&quick).await;
        bench.in_order().await;
    }
}

#[tokio::test]
async fn a_cooldown_does_not_keep_a_job_from_being_asked_about() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.studio.tells(vec![Told::Broken(ErrorClass::RateLimited); 6]);
    let receipt = node.accept(film("a boat")).await;
    bench.ends(&receipt).await;
    bench.completed(receipt.generation).await;
    assert_eq!(bench.studio.submits(), 1);
    bench.in_order().await;
}

#[tokio::test]
async fn a_file_over_the_limit_fails_for_good_and_leaves_nothing() {
    let bench = Bench::new().await;
    let node = bench.working(DeskConfig { asset_bytes_max: 10, ..config() }).await;
    let receipt = node.accept(film("a boat")).await;
    bench.ends(&receipt).await;
    let failure = bench.failed(receipt.generation).await;
    assert_eq!(failure.code, FailureCode::OutputInvalid);
    assert!(failure.message.contains("larger than 10 bytes"), "{failure}");
    assert_eq!((bench.studio.submits(), bench.studio.fetches()), (1, 1));
    bench.pass_until("nothing is left", || async { bench.files().is_empty() }).await;
    assert_eq!(bench.draft(receipt.draft).await.status, DraftStatus::Failed);
    bench.in_order().await;
}

#[tokio::test]
async fn a_refused_address_is_said_in_a_sentence() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let words = "the asset is not fetched: 127.0.0.1 is not a public address";
    bench.studio.brings([File::Broken(ErrorClass::Misconfigured, words)]);
    let receipt = node.accept(film("a boat")).await;
    bench.ends(&receipt).await;
    let failure = bench.failed(receipt.generation).await;
    assert!(failure.message.contains(words), "{failure}");
    assert_eq!(bench.studio.fetches(), 1);
    bench.in_order().await;
}

#[tokio::test]
async fn a_recipe_that_is_gone_meanwhile_leaves_no_job_behind() {
    let bench = Bench::new().await;
    let first = bench.working(config()).await;
    bench.studio.tells([Told::Hang]);
    let receipt = first.accept(film("a boat")).await;
    bench.pass_until("it is asked about", || async { bench.studio.polls() == 1 }).await;
    first.kill();
    let plug = Plug::new(bench.store.clone(), None);
    let shelf = copydesk_recipes::Shelf::built_in().unwrap();
    let second = Desk::open(Parts { shelf, ..bench.parts(&plug, config()) }).await.unwrap();
    second.start_working().await.unwrap();
    bench.ends(&receipt).await;
    assert!(bench.failed(receipt.generation).await.message.contains("not installed any more"));
    bench.pass_until("the job is stopped", || async { bench.studio.cancelled() == ["job-1"] }).await;
    bench.in_order().await;
}

/// A disk without room.
struct FullDisk;

impl AssetStore for FullDisk {
    fn create(&self, _: AssetId) -> Answer<'_, Box<dyn AssetWriter>> {
        let full = AssetError::Unwritable { what: "cannot begin a file".into(), why: "No space left on device".into() };
        Box::pin(async { Err(full) })
    }
    fn open<'a>(&'a self, path: &'a str, _: u64) -> Answer<'a, Box<dyn tokio::io::AsyncRead + Send + Unpin>> {
        Box::pin(async { Err(AssetError::Missing { path: path.to_owned() }) })
    }
    fn retain<'a>(&'a self, _: Shelf, _: &'a [String]) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn remove<'a>(&'a self, _: &'a str) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn uploads(&self, _: Option<WorkspaceId>) -> Answer<'_, Vec<String>> {
        Box::pin(async { Ok(vec![]) })
    }
    fn room(&self) -> Answer<'_, Option<u64>> {
        Box::pin(async { Ok(Some(0)) })
    }
    fn remove_litter(&self, _: Timestamp, _: usize) -> Answer<'_, usize> {
        Box::pin(async { Ok(0) })
    }
}

#[tokio::test]
async fn a_full_disk_fails_the_attempt_and_writes_nothing() {
    let bench = Bench::new().await;
    let plug = Plug::new(bench.store.clone(), None);
    let desk = Desk::open(Parts { assets: Arc::new(FullDisk), ..bench.parts(&plug, config()) }).await.unwrap();
    desk.start_working().await.unwrap();
    let receipt = desk.accept(film("a boat")).await.unwrap();
    bench.ends(&receipt).await;
    let failure = bench.failed(receipt.generation).await;
    assert_eq!(failure.code, FailureCode::Internal);
    assert!(failure.detail.unwrap().contains("No space left on device"));
    let row = bench.row(receipt.generation).await;
    assert_eq!((row.generation.spent, bench.studio.submits()), (3, 1), "each try asks about the same job");
    let calls = bench.calls(Some(receipt.generation)).await;
    let seconds = |row: &CallRow| row.closed.as_ref().and_then(|(_, closed)| closed.usage.video_seconds);
    assert_eq!(calls.iter().filter_map(seconds).collect::<Vec<_>>(), [3], "the job is paid for once");
    assert_eq!(bench.versions(receipt.draft).await, vec![]);
    bench.pass_until("the job is stopped", || async { bench.studio.cancelled() == ["job-1"] }).await;
    bench.in_order().await;
}

#[tokio::test]
async fn a_picture_is_one_call_and_kept_like_any_file() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.studio.starts([Start::Refused(ErrorClass::Overloaded)]);
    let receipt = node.accept(picture("a boat")).await;
    bench.ends(&receipt).await;
    bench.completed(receipt.generation).await;
    let drawn = Asked::Draw { prompt: "a boat".into(), count: 2, size: Some("64x64".into()) };
    assert_eq!(bench.studio.asked(), [drawn.clone(), drawn]);
    assert_eq!(bench.operations(receipt.generation).await, named(&[("draw.draw", FAILED), ("draw.draw", OK)]));
    bench.holds_files(&receipt, 2).await;
    assert_eq!(bench.left("ada").await, credits("990"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_model_that_cannot_make_it_is_refused_before_anything_is_written() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let asked = node.desk.accept(Request { model: Some("demo/one".into()), ..film("a boat") }).await;
    let Err(DeskError::Invalid(faults)) = asked else { panic!("{asked:?}") };
    let sentence =
        "The step \"shoot\" needs an interface for media jobs, and demo/one has none: its provider only chats.";
    assert_eq!((faults[0].code.as_str(), faults[0].detail.as_str()), ("cannot_serve", sentence));
    let asked = node.desk.accept(Request { input: json!({ "prompt": "a", "start": "https://x/y.png" }), ..film("") });
    let Err(DeskError::Invalid(faults)) = asked.await else { panic!("a picture by address") };
    assert_eq!((faults[0].pointer.as_str(), faults[0].code.as_str()), ("/input/start", "not_a_picture"));
    assert_eq!(bench.generations().await.len(), 0);
}
