//! The four providers that run jobs, with their real adapters, under a whole desk: each makes a file, survives a flaky
//! provider, and is never started twice by mistake. The fake provider's own log says how often each was started.

use crate::books::Hurried;
use copydesk_core::generation::{FailureCode, State};
use copydesk_core::recipe::output::media;
use copydesk_desk::accept::Request;
use copydesk_desk::assets::FolderAssets;
use copydesk_desk::clock::SystemDice;
use copydesk_desk::recipes::Shelf;
use copydesk_desk::{Desk, DeskConfig, Parts, World};
use copydesk_fakeprovider::{Dialect, FakeProvider, Fault, Plan};
use copydesk_providers::{Fal, Gemini, HttpClient, OpenRouter, Provider, Registry, Replicate, Secret};
use copydesk_store::usage::CallFilter;
use copydesk_store::{PageRequest, Scope};
use copydesk_store_sqlite::SqliteStore;
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const SCOPE: Scope = Scope::DEFAULT;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Maker {
    OpenRouter,
    Gemini,
    Replicate,
    Fal,
}

const MAKERS: [Maker; 4] = [Maker::OpenRouter, Maker::Gemini, Maker::Replicate, Maker::Fal];

impl Maker {
    fn provider(self, fake: &FakeProvider) -> (Arc<dyn Provider>, &'static str) {
        let (http, key) = (HttpClient::new().unwrap(), Some(Secret::new("a-key-of-the-fake")));
        let base = |dialect| fake.base_url_for(dialect);
        match self {
            Maker::OpenRouter => {
                let provider = OpenRouter::new("acme", &base(Dialect::OpenRouter), http).with_api_key(key);
                (Arc::new(provider), "acme/google/veo-3")
            }
            Maker::Gemini => {
                (Arc::new(Gemini::new("acme", &base(Dialect::Gemini), http).with_api_key(key)), "acme/veo-3")
            }
            Maker::Replicate => {
                (Arc::new(Replicate::new("acme", &base(Dialect::Replicate), http).with_api_key(key)), "acme/acme/film")
            }
            Maker::Fal => {
                (Arc::new(Fal::new("acme", &base(Dialect::Fal), http).with_api_key(key)), "acme/fal-ai/kling")
            }
        }
    }
}

/// What the provider does to the requests in their order; beyond them all is well.
type Script = &'static [Option<Fault>];

/// How it ends: started so often, attempts spent, and the failure if there is one.
type End = (usize, u32, Option<FailureCode>);

const BUSY: Option<Fault> = Some(Fault::Status503);
const BROKEN: Option<Fault> = Some(Fault::ResetBeforeHead);

const TABLE: [(&str, Script, End); 5] = [
    ("all is well", &[], (1, 1, None)),
    ("it has no room at first", &[BUSY], (2, 2, None)),
    ("its answer to the start is lost", &[BROKEN], (1, 1, Some(FailureCode::SubmissionUnknown))),
    ("questions fail", &[None, BUSY, BROKEN, BUSY, BROKEN, BUSY], (1, 1, None)),
    ("too many questions fail", &[None, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY], (1, 2, None)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_provider_of_jobs_makes_its_file_and_starts_no_job_twice_by_mistake() {
    let cases = TABLE.into_iter().flat_map(|case| MAKERS.map(|maker| (maker, case)));
    let ends = cases.map(|(maker, (what, script, want))| async move {
        let fake = FakeProvider::start().await;
        fake.script_lines(script.iter().map(|fault| fault.map(Plan::new)));
        (format!("{maker:?}: {what}"), make(maker, &fake).await, want)
    });
    for (what, end, want) in futures::future::join_all(ends).await {
        assert_eq!(end, want, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_failed_is_started_anew_where_that_can_help() {
    let ends = MAKERS.map(|maker| async move {
        let fake = FakeProvider::start().await;
        fake.always(Some(Plan::new(Fault::JobError)));
        (maker, make(maker, &fake).await)
    });
    for (maker, end) in futures::future::join_all(ends).await {
        let want = match maker {
            // They say that their own side broke.
            Maker::Gemini | Maker::Fal => (3, 3, Some(FailureCode::ProviderError)),
            Maker::OpenRouter | Maker::Replicate => (1, 1, Some(FailureCode::ProviderRejected)),
        };
        assert_eq!(end, want, "{maker:?}");
    }
}

/// Makes one film at this provider.
async fn make(maker: Maker, fake: &FakeProvider) -> End {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path(), copydesk_store_sqlite::Options::default()).unwrap());
    let (provider, model) = maker.provider(fake);
    let mut providers = Registry::new();
    providers.insert(provider).unwrap();
    let assets = folder.path().join("assets");
    let parts = Parts {
        store: store.clone(),
        assets: Arc::new(FolderAssets::new(&assets)),
        world: World::new(Arc::new(Hurried::starting_now()), Arc::new(SystemDice::default())),
        shelf: Shelf::built_in().unwrap(),
        providers,
        config: DeskConfig { lease: Duration::from_secs(1_800), ..DeskConfig::default() },
        label: "jobs".to_owned(),
        hooks: copydesk_desk::Hooks::default(),
    };
    let desk = Desk::open(parts).await.unwrap();
    desk.start_working().await.unwrap();
    let input = serde_json::json!({ "prompt": "a boat" });
    let request = Request { model: Some(model.to_owned()), ..Request::new("video", input) };
    let mut news = desk.live().watch();
    let receipt = desk.accept(request).await.unwrap();
    let ended = async {
        loop {
            let row = desk.store().get(SCOPE, receipt.generation).await.unwrap();
            if row.status().is_final() {
                return row;
            }
            drop(news.recv().await);
        }
    };
    let row = tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
    let failure = match &row.generation.state {
        State::Failed { failure, .. } => Some(failure.code),
        State::Pending { .. } | State::Processing { .. } | State::Completed { .. } | State::Cancelled { .. } => None,
    };
    if failure.is_none() {
        let version = desk.store().version(SCOPE, receipt.draft, None).await.unwrap();
        let files = media::assets(&serde_json::from_str(&version.content.body).unwrap());
        let asset = desk.store().asset(SCOPE, files[0].id).await.unwrap().asset;
        let bytes = std::fs::read(assets.join(&asset.path)).unwrap();
        assert_eq!((bytes.len() as u64, asset.media_type.as_str()), (asset.bytes, "video/mp4"), "{maker:?}");
    }
    desk.stop(Duration::from_secs(30)).await.unwrap();
    assert_eq!(desk.store().audit().await.unwrap(), vec![]);
    let log = fake.log();
    let rows = desk.store().calls(SCOPE, CallFilter::default(), PageRequest::newest(1_000)).await.unwrap().rows;
    let booked: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    let is_cancel = |path: &str| path.ends_with("cancel");
    let unbooked = log.iter().filter(|call| !is_cancel(&call.path) && !booked.contains(call.call_id.as_ref().unwrap()));
    assert_eq!(unbooked.count(), 0, "{maker:?}: every request belongs to a call on the books");
    let started = log.iter().filter(|call| call.method == "POST" && !is_cancel(&call.path)).count();
    (started, row.generation.spent, failure)
}
