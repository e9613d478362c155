//! The faults of media jobs, against every adapter that runs them: the job is started well, then the fault strikes. A
//! job that is lost, filtered or gone is never started again by itself, because it may have been paid for.

use copydesk_core::CallId;
use copydesk_fakeprovider::{Dialect, FakeProvider, Fault, Plan};
use copydesk_providers::media::{AssetRef, FetchRequest, JobRef, PollRequest, Progress, RunsMediaJobs, SubmitRequest};
use copydesk_providers::{
    CallReport, ErrorClass, Fal, Gemini, HttpClient, OpenRouter, Part, Provider, Replicate, Secret,
};

use crate::run::{KEY, PATIENT, next_id};
use crate::want::UPSTREAM;

/// A job that is still at work after so many questions is stuck.
const POLLS_MAX: u32 = 12;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Maker {
    OpenRouter,
    Gemini,
    Replicate,
    Fal,
}

const MAKERS: [Maker; 4] = [Maker::OpenRouter, Maker::Gemini, Maker::Replicate, Maker::Fal];

/// Where a job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Fetched,
    /// Still at work: the caller's own limit ends it.
    Running,
    /// A poll said so.
    Failed(ErrorClass),
    /// The job was well and its file was not.
    NoFile(ErrorClass),
}

/// What happens, and for whom something else does.
type Row = (Option<Fault>, End, &'static [(Maker, End)]);

const SERVER: End = End::Failed(ErrorClass::ServerError);
/// Not worth another try: the job has ended, and nobody says that a new one would end better.
const FINAL: End = End::Failed(ErrorClass::Rejected);
const LATE: End = End::Failed(UPSTREAM);

const TABLE: [Row; 8] = [
    (None, End::Fetched, &[]),
    // Google and fal say that their own side failed; the others give a sentence that blames nobody.
    (Some(Fault::JobError), SERVER, &[(Maker::OpenRouter, FINAL), (Maker::Replicate, FINAL)]),
    (Some(Fault::JobFiltered), End::Failed(ErrorClass::Refused), &[]),
    (Some(Fault::JobExpired), LATE, &[(Maker::OpenRouter, FINAL), (Maker::Fal, SERVER)]),
    (Some(Fault::JobStuck), End::Running, &[]),
    (Some(Fault::JobLost), FINAL, &[]),
    (Some(Fault::AssetGone), End::NoFile(ErrorClass::Rejected), &[]),
    (Some(Fault::AssetIsHtml), End::NoFile(ErrorClass::Malformed), &[]),
];

/// Whether a fault strikes jobs and nothing else.
pub fn is_of_a_job(fault: Fault) -> bool {
    TABLE.iter().any(|(listed, ..)| *listed == Some(fault))
}

/// The table for `docs/provider-faults.md`; `does` are the rows that say what the provider does.
pub fn page(does: &[crate::want::Row]) -> String {
    let word = |end: End| match end {
        End::Fetched => "fetched".to_owned(),
        End::Running => "still running".to_owned(),
        End::Failed(class) => format!("`{}`", class.as_str()),
        End::NoFile(class) => format!("fetching: `{}`", class.as_str()),
    };
    let mut page =
        "| Fault | The provider | openrouter | gemini | replicate | fal |\n|---|---|---|---|---|---|\n".to_owned();
    for (fault, usual, buts) in &TABLE {
        let row = does.iter().find(|row| Some(row.fault) == *fault);
        let of = |maker: Maker| buts.iter().find(|(but, _)| *but == maker).map_or(*usual, |(_, end)| *end);
        let ends: Vec<String> = MAKERS.into_iter().map(|maker| word(of(maker))).collect();
        let fault = fault.map_or_else(|| "-".to_owned(), |fault| format!("`{fault}`"));
        let does = row.map_or("does its work", |row| row.does);
        page.push_str(&format!("| {fault} | {does} | {} |\n", ends.join(" | ")));
    }
    page
}

fn maker(maker: Maker, fake: &FakeProvider, http: &HttpClient) -> (Box<dyn Provider>, &'static str) {
    let (http, key) = (http.clone(), Some(Secret::new(KEY)));
    let base = |dialect| fake.base_url_for(dialect);
    match maker {
        Maker::OpenRouter => {
            (Box::new(OpenRouter::new("acme", &base(Dialect::OpenRouter), http).with_api_key(key)), "google/veo-3")
        }
        Maker::Gemini => (Box::new(Gemini::new("acme", &base(Dialect::Gemini), http).with_api_key(key)), "veo-3"),
        Maker::Replicate => {
            (Box::new(Replicate::new("acme", &base(Dialect::Replicate), http).with_api_key(key)), "acme/film")
        }
        Maker::Fal => (Box::new(Fal::new("acme", &base(Dialect::Fal), http).with_api_key(key)), "fal-ai/kling"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_media_job_ends_as_the_specification_says() {
    let _shared = crate::PROCESS.read().await;
    let http = HttpClient::new().unwrap();
    let mut wrong = Vec::new();
    for (fault, usual, buts) in TABLE {
        for who in MAKERS {
            let fake = FakeProvider::start().await;
            let (provider, model) = maker(who, &fake, &http);
            fake.always(fault.map(Plan::new));
            let want = buts.iter().find(|(but, _)| *but == who).map_or(usual, |(_, end)| *end);
            let (end, sent) = run(provider.runs_media_jobs().unwrap(), model).await;
            if end != want {
                wrong.push(format!("{fault:?} {who:?}: {end:?}, wanted {want:?}"));
            }
            let logged: Vec<String> = fake.log().into_iter().filter_map(|entry| entry.call_id).collect();
            if logged != sent {
                wrong.push(format!("{fault:?} {who:?}: calls in the log {logged:?}, made {sent:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How it ended, and the ids of the calls that were made.
async fn run(jobs: &dyn RunsMediaJobs, model: &str) -> (End, Vec<String>) {
    let mut sent = Vec::new();
    let mut id = || {
        let id = next_id();
        sent.push(id.to_string());
        id
    };
    let input = vec![Part::Text("a film of rain".to_owned())];
    let settings = serde_json::Map::new();
    let submit = SubmitRequest { call_id: id(), model: model.to_owned(), input, settings, timeouts: PATIENT };
    let submitted = jobs.submit(&submit).await.result.expect("the job starts well");
    let mut job = submitted.job;
    for _ in 0..POLLS_MAX {
        let report = jobs.poll(&poll(id(), model, &job)).await;
        match report.result {
            Ok(Progress::Failed(error)) | Err(error) => return (End::Failed(error.class), sent),
            Ok(Progress::Running { .. }) => {}
            Ok(Progress::Next(next)) => job = next,
            Ok(Progress::Done(assets)) => {
                let asset = assets.into_iter().next().expect("a file");
                let end = fetch(jobs, id(), model, asset).await;
                return (end.map_or_else(End::NoFile, |()| End::Fetched), sent);
            }
        }
    }
    (End::Running, sent)
}

fn poll(call_id: CallId, model: &str, job: &JobRef) -> PollRequest {
    PollRequest { call_id, model: model.to_owned(), job: job.clone(), timeouts: PATIENT }
}

async fn fetch(jobs: &dyn RunsMediaJobs, call_id: CallId, model: &str, asset: AssetRef) -> Result<(), ErrorClass> {
    let request = FetchRequest { call_id, model: model.to_owned(), asset, timeouts: PATIENT };
    let mut file = Vec::new();
    let report: CallReport<_> = jobs.fetch(&request, &mut file).await;
    match report.result {
        Ok(fetched) => {
            assert_eq!(fetched.bytes, file.len() as u64);
            Ok(())
        }
        Err(error) => Err(error.class),
    }
}
