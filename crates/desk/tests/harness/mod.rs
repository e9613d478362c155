//! The bench of a desk test: one database, one provider, one clock, and as many desks on them as a test likes. It checks
//! the books at the end; it decides nothing.

pub mod plug;
pub mod receiver;
pub mod recipes;
pub mod script;
pub mod studio;

pub use plug::Plug;
pub use receiver::Receiver;
pub use script::{Reply, Script};
pub use studio::Studio;

use copydesk_core::generation::{State, Status};
use copydesk_core::ledger::{Balance, Transfer, TransferKind};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{DraftId, GenerationId, MicroCredits, Timestamp, TransferId, UserId};
use copydesk_desk::accept::{Receipt, Request};
use copydesk_desk::assets::FolderAssets;
use copydesk_desk::clock::{CountingDice, HandClock};
use copydesk_desk::{Desk, DeskConfig, Parts, World};
use copydesk_providers::Registry;
use copydesk_store::drafts::{DraftRow, VersionRow};
use copydesk_store::events::EventRow;
use copydesk_store::generations::GenerationRow;
use copydesk_store::ledger::Post;
use copydesk_store::usage::{CallFilter, CallRow};
use copydesk_store::{
    AuditStore, DraftStore, EventStore, GenerationStore, LedgerStore, PageRequest, Scope, UsageStore,
};
use copydesk_store_tests::{FaultyStore, ModelStore};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// 2026-01-01T00:00:00Z, where every test starts.
pub const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
pub const SCOPE: Scope = Scope::DEFAULT;
/// How long a condition may take to come true. Only a failing test ever waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything desks share.
pub struct Bench {
    pub clock: Arc<HandClock>,
    pub world: World,
    /// The database, with a plan of failures in front of it.
    pub store: FaultyStore<ModelStore>,
    pub script: Arc<Script>,
    /// Another provider, `other`.
    pub other: Arc<Script>,
    pub studio: Arc<Studio>,
    /// Who gets webhooks.
    pub receiver: Arc<Receiver>,
    pub shelf: copydesk_recipes::Shelf,
    _folder: tempfile::TempDir,
}

/// One desk and its own line to the database.
#[derive(Clone)]
pub struct Node {
    pub desk: Desk,
    pub plug: Plug,
}

/// Tests' settings: credits count.
pub fn config() -> DeskConfig {
    DeskConfig { credits: true, ..DeskConfig::default() }
}

pub fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub fn credits(text: &str) -> MicroCredits {
    text.parse().unwrap()
}

pub fn user(external: &str) -> UserId {
    UserId::from_external(SCOPE.workspace, external)
}

/// A request for the recipe `note` (price 5, model `demo/one`) by Ada.
pub fn note(prompt: &str) -> Request {
    Request { user: Some("ada".to_owned()), ..Request::new("note", serde_json::json!({ "prompt": prompt })) }
}

/// Waits until the condition holds, letting everybody else run meanwhile.
pub async fn until<F>(what: &str, mut condition: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let wait = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "waited in vain until {what}");
}

/// The answer of something that must come by itself.
pub async fn within<T>(what: &str, answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

/// Gives every ready task several turns: for claims that nothing happens.
pub async fn settle() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

impl Bench {
    /// Ada and Bob have 1,000 credits each.
    pub async fn new() -> Bench {
        let (folder, shelf) = recipes::shelf();
        let clock = HandClock::at(START);
        let world = World::new(clock.clone(), Arc::new(CountingDice::default()));
        let store = FaultyStore::new(ModelStore::new());
        let script = Script::new("demo", clock.clone());
        let other = Script::new("other", clock.clone());
        let studio = Studio::new();
        let receiver = Receiver::new();
        let bench = Bench { clock, world, store, script, other, studio, receiver, shelf, _folder: folder };
        bench.grant("ada", "1000").await;
        bench.grant("bob", "1000").await;
        bench
    }

    pub async fn grant(&self, external: &str, amount: &str) {
        let owner = (SCOPE.workspace, user(external));
        let id = TransferId(self.world.uuid(START));
        let transfer = Transfer::plain(id, owner, TransferKind::Grant, credits(amount), START);
        let post = Post { transfer, open_as: Some(external.to_owned()), idempotency: None };
        assert!(self.store.post(post).await.unwrap().posted);
    }

    pub fn assets_folder(&self) -> std::path::PathBuf {
        self._folder.path().join("assets")
    }

    pub fn parts(&self, plug: &Plug, config: DeskConfig) -> Parts {
        let mut providers = Registry::new();
        providers.insert(self.script.clone()).unwrap();
        providers.insert(self.other.clone()).unwrap();
        providers.insert(self.studio.clone()).unwrap();
        Parts {
            store: Arc::new(plug.clone()),
            assets: Arc::new(FolderAssets::new(self.assets_folder())),
            world: self.world.clone(),
            shelf: self.shelf.clone(),
            providers,
            config,
            label: "test".to_owned(),
            hooks: self.receiver.hooks(),
        }
    }

    /// A desk that accepts and reads but does not work: the only process on its database.
    pub async fn idle(&self, config: DeskConfig) -> Node {
        self.open(Plug::new(self.store.clone(), None), config).await
    }

    /// A working desk: the only process on its database.
    pub async fn working(&self, config: DeskConfig) -> Node {
        let node = self.idle(config).await;
        node.desk.start_working().await.unwrap();
        node
    }

    /// What a process accepted that died while its `calls`-th call was under way. The script must let that call hang.
    pub async fn left_by_a_dead_process(&self, config: DeskConfig, request: Request, calls: usize) -> Receipt {
        let first = self.working(config).await;
        let receipt = first.accept(request).await;
        until("the call is under way", || async { (self.script.calls(), self.script.in_flight()) == (calls, 1) }).await;
        first.kill();
        receipt
    }

    /// A desk beside others: its database has a clock of its own, so leases decide.
    pub async fn idle_beside_others(&self, config: DeskConfig) -> Node {
        self.open(Plug::new(self.store.clone(), Some(self.clock.clone())), config).await
    }

    pub async fn working_beside_others(&self, config: DeskConfig) -> Node {
        let node = self.idle_beside_others(config).await;
        node.desk.start_working().await.unwrap();
        node
    }

    pub async fn open(&self, plug: Plug, config: DeskConfig) -> Node {
        let desk = Desk::open(self.parts(&plug, config)).await.unwrap();
        Node { desk, plug }
    }

    /// Moves the clock and lets everybody it woke have their turn.
    pub async fn advance(&self, span: Duration) {
        self.clock.advance(span);
        settle().await;
    }

    /// Moves the clock second by second until the condition holds.
    pub async fn pass_until<F>(&self, what: &str, mut condition: impl FnMut() -> F)
    where
        F: Future<Output = bool>,
    {
        for _ in 0..3_000 {
            if condition().await {
                return;
            }
            self.advance(seconds(1)).await;
        }
        panic!("waited in vain until {what}");
    }

    pub async fn row(&self, id: GenerationId) -> GenerationRow {
        self.store.inner().get(SCOPE, id).await.unwrap()
    }

    pub async fn status(&self, id: GenerationId) -> Status {
        self.row(id).await.status()
    }

    pub async fn until_status(&self, id: GenerationId, status: Status) {
        until(&format!("{id} is {status}"), || async { self.status(id).await == status }).await;
    }

    pub async fn completed(&self, id: GenerationId) -> GenerationRow {
        self.until_status(id, Status::Completed).await;
        self.row(id).await
    }

    pub async fn failed(&self, id: GenerationId) -> copydesk_core::generation::Failure {
        self.until_status(id, Status::Failed).await;
        let state = self.row(id).await.generation.state;
        let State::Failed { failure, .. } = state else { panic!("{state:?}") };
        failure
    }

    pub async fn draft(&self, id: DraftId) -> DraftRow {
        self.store.inner().get_draft(SCOPE, id).await.unwrap()
    }

    pub async fn versions(&self, id: DraftId) -> Vec<VersionRow> {
        self.store.inner().versions(SCOPE, id).await.unwrap()
    }

    /// The text of the draft's current version.
    pub async fn body(&self, id: DraftId) -> String {
        self.store.inner().version(SCOPE, id, None).await.unwrap().content.body
    }

    pub async fn drafts(&self) -> Vec<DraftRow> {
        self.store.inner().list_drafts(SCOPE, Default::default(), PageRequest::newest(1_000)).await.unwrap().rows
    }

    pub async fn generations(&self) -> Vec<GenerationRow> {
        self.store.inner().list(SCOPE, Default::default(), PageRequest::newest(1_000)).await.unwrap().rows
    }

    pub async fn events(&self, id: GenerationId) -> Vec<EventRow> {
        let page = self.store.inner().events(SCOPE, 0, 10_000).await.unwrap();
        page.rows.into_iter().filter(|event| event.generation == Some(id)).collect()
    }

    /// The usage rows, oldest first.
    pub async fn calls(&self, generation: Option<GenerationId>) -> Vec<CallRow> {
        let filter = CallFilter { generation, ..CallFilter::default() };
        let mut rows = self.store.inner().calls(SCOPE, filter, PageRequest::newest(10_000)).await.unwrap().rows;
        rows.reverse();
        rows
    }

    /// How the calls of a generation ended, oldest first; open ones are `None`.
    pub async fn outcomes(&self, id: GenerationId) -> Vec<Option<CallOutcome>> {
        let rows = self.calls(Some(id)).await;
        rows.into_iter().map(|row| row.closed.map(|(_, closed)| closed.outcome)).collect()
    }

    pub async fn balance(&self, external: &str) -> Balance {
        self.store.inner().balance(SCOPE, user(external)).await.unwrap()
    }

    /// What is available to a user, when nothing is held.
    pub async fn left(&self, external: &str) -> MicroCredits {
        let balance = self.balance(external).await;
        assert_eq!(balance.held, MicroCredits::ZERO, "nothing may be held any more");
        balance.available
    }

    /// The books are in order: the auditor finds nothing, every call the provider saw is on the books exactly once, and
    /// every call the books say was made was seen by the provider.
    pub async fn in_order(&self) {
        assert_eq!(self.store.inner().audit().await.unwrap(), vec![]);
        let seen: Vec<_> = self.script.seen().into_iter().chain(self.other.seen()).map(|call| call.id).collect();
        let once: BTreeSet<_> = seen.iter().copied().collect();
        assert_eq!(once.len(), seen.len(), "a call id was sent twice");
        let once: BTreeSet<_> = once.into_iter().chain(self.studio.call_ids()).collect();
        let rows = self.calls(None).await;
        let booked: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
        assert!(once.is_subset(&booked), "the provider saw a call that is not on the books");
        for row in rows {
            let Some((_, closed)) = &row.closed else { continue };
            let reached = match closed.outcome {
                CallOutcome::Ok | CallOutcome::Failed => true,
                CallOutcome::NotSent => false,
                // The process is gone or was too late to say.
                CallOutcome::Cancelled | CallOutcome::Lost | CallOutcome::Late => continue,
            };
            assert_eq!(once.contains(&row.id), reached, "{:?} {:?}", row.id, closed.outcome);
        }
    }
}

impl Node {
    pub async fn accept(&self, request: Request) -> Receipt {
        self.desk.accept(request).await.unwrap()
    }

    /// The process dies here: nothing it does reaches the database any more.
    pub fn kill(&self) {
        self.plug.kill();
    }
}
