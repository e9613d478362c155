//! A test's bench: the store under test, ids, a hand clock, and the few moves nearly every check makes. For tests only.

use crate::builder::{self, Ids};
use copydesk_core::generation::{Generation, State, Status};
use copydesk_core::ledger::{Balance, Transfer, TransferKind};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, NodeId, Timestamp, UserId};
use copydesk_store::audit::Finding;
use copydesk_store::drafts::{DraftFilter, DraftRow, VersionRow};
use copydesk_store::events::EventRow;
use copydesk_store::generations::{
    Accept, Accepted, Applied, Change, Claimed, GenerationFilter, GenerationRow, Heartbeat, Limits, Turn, TurnAnswer,
};
use copydesk_store::ledger::{Entry, Gift, Post, Posted, TransferFilter};
use copydesk_store::usage::{CallFilter, CallRow};
use copydesk_store::{Order, PageRequest, Scope, Store, StoreError};
use futures::future::BoxFuture;
use std::any::Any;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// What a check needs of the store it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setup {
    /// How many generations may wait before accepts are refused with `queue_full`.
    pub waiting_max: u64,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup { waiting_max: 1_000_000 }
    }
}

/// A fresh, empty, migrated store.
pub struct Fixture {
    pub store: Arc<dyn Store>,
    /// A second process's handle on the same data, where the engine can have one.
    pub other: Option<Arc<dyn Store>>,
    /// Kept until the check is over: a temporary folder, a database to drop.
    pub keep: Option<Box<dyn Any + Send + Sync>>,
}

impl Fixture {
    pub fn new(store: Arc<dyn Store>) -> Fixture {
        Fixture { store, other: None, keep: None }
    }
    pub fn with_other(self, other: Arc<dyn Store>) -> Fixture {
        Fixture { other: Some(other), ..self }
    }
    pub fn keeping(self, keep: impl Any + Send + Sync) -> Fixture {
        Fixture { keep: Some(Box::new(keep)), ..self }
    }
}

type Open = Arc<dyn Fn(Setup) -> BoxFuture<'static, Fixture> + Send + Sync>;

/// Everything visible in a workspace except calls. Equal before and after means: nothing but usage was written.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    pub generations: Vec<GenerationRow>,
    pub drafts: Vec<DraftRow>,
    pub versions: Vec<VersionRow>,
    pub transfers: Vec<Entry>,
    pub balances: Vec<(UserId, Balance)>,
    pub events: Vec<EventRow>,
}

pub struct Bench {
    pub store: Arc<dyn Store>,
    pub other: Option<Arc<dyn Store>>,
    pub ids: Ids,
    /// The node that claims unless a test says otherwise.
    pub node: NodeId,
    clock: AtomicI64,
    open: Open,
    _keep: Option<Box<dyn Any + Send + Sync>>,
}

/// Gives `check` a fresh store and audits what it leaves behind: whatever a check does, the books must balance.
pub async fn run<O, F, C, D>(open: O, check: C)
where
    O: Fn(Setup) -> F + Send + Sync + 'static,
    F: Future<Output = Fixture> + Send + 'static,
    C: FnOnce(Arc<Bench>) -> D,
    D: Future<Output = ()>,
{
    let open: Open = Arc::new(move |setup| Box::pin(open(setup)));
    let bench = Arc::new(Bench::open(open, Setup::default()).await);
    check(bench.clone()).await;
    bench.assert_clean().await;
}

impl Bench {
    async fn open(open: Open, setup: Setup) -> Bench {
        let fixture = open(setup).await;
        let ids = Ids::new();
        let node = ids.node();
        let clock = AtomicI64::new(builder::START.micros());
        Bench { store: fixture.store, other: fixture.other, ids, node, clock, open, _keep: fixture.keep }
    }

    /// A bench on a store that is there already, with ids of a realm nobody else uses there.
    pub fn over(store: Arc<dyn Store>, realm: u16) -> Bench {
        let again = store.clone();
        let open: Open = Arc::new(move |_| Box::pin(std::future::ready(Fixture::new(again.clone()))));
        let ids = Ids::of_realm(realm);
        let node = ids.node();
        let clock = AtomicI64::new(builder::START.micros());
        Bench { store, other: None, ids, node, clock, open, _keep: None }
    }

    /// Another empty store of the same engine.
    pub async fn fresh(&self, setup: Setup) -> Bench {
        Bench::open(self.open.clone(), setup).await
    }

    /// The second process's handle, or the same one where an engine has no other.
    pub fn second(&self) -> Arc<dyn Store> {
        self.other.clone().unwrap_or_else(|| self.store.clone())
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.load(Ordering::Relaxed))
    }
    pub fn advance_s(&self, seconds: u64) -> Timestamp {
        self.advance(Duration::from_secs(seconds))
    }
    pub fn advance(&self, span: Duration) -> Timestamp {
        let later = self.now().plus(span);
        self.clock.store(later.micros(), Ordering::Relaxed);
        later
    }

    /// A plain request, now.
    pub fn request(&self) -> Accept {
        builder::accept(&self.ids, self.now())
    }
    pub async fn accept(&self, request: Accept) -> Result<Accepted, Refusal> {
        self.accept_all(vec![request]).await.remove(0)
    }
    pub async fn accept_all(&self, batch: Vec<Accept>) -> Vec<Result<Accepted, Refusal>> {
        let asked = batch.len();
        let answers = self.store.accept(batch).await.expect("accept");
        assert_eq!(answers.len(), asked, "one answer for each request");
        answers
    }
    /// Accepts something that must be new.
    pub async fn start(&self, request: Accept) -> (GenerationId, DraftId) {
        match self.accept(request).await {
            Ok(Accepted::New { generation, draft }) => (generation, draft),
            other => panic!("expected a new generation: {other:?}"),
        }
    }

    pub async fn turn(&self, turn: Turn) -> TurnAnswer {
        let asked = turn.writes.len();
        let answer = self.store.turn(turn).await.expect("turn");
        assert_eq!(answer.applied.len(), asked, "one answer for each write");
        answer
    }
    pub async fn claim(&self, n: usize) -> Vec<Claimed> {
        self.claim_with(n, builder::no_limits()).await
    }
    pub async fn claim_with(&self, n: usize, limits: Limits) -> Vec<Claimed> {
        self.claim_turn(n, limits).await.claimed
    }
    pub async fn claim_turn(&self, n: usize, limits: Limits) -> TurnAnswer {
        let claim = Some(builder::claim(&self.ids, self.node, n, limits));
        self.turn(Turn { now: self.now(), writes: vec![], claim }).await
    }
    /// Claims exactly one.
    pub async fn claim_one(&self) -> Claimed {
        let mut claimed = self.claim(1).await;
        assert_eq!(claimed.len(), 1, "one generation is claimable");
        claimed.remove(0)
    }
    /// Accepts and claims one, with nothing else waiting.
    pub async fn running(&self, request: Accept) -> Claimed {
        let (generation, _) = self.start(request).await;
        let run = self.claim_one().await;
        assert_eq!(run.generation.id, generation);
        run
    }
    pub async fn apply(&self, change: Change) -> Applied {
        self.turn(builder::writes(self.now(), vec![change])).await.applied.remove(0)
    }
    /// Applies a change whose fence must match.
    pub async fn done(&self, change: Change) -> Option<u32> {
        match self.apply(change).await {
            Applied::Done { version } => version,
            Applied::Lost { found } => panic!("the fence should have matched; found {found:?}"),
        }
    }
    /// Applies a change whose fence must not match, and checks that nothing but usage was written.
    pub async fn lost(&self, change: Change) {
        let (scope, id) = (change.scope, change.fence.generation);
        let before = self.snapshot(scope).await;
        let applied = self.apply(change).await;
        let stands = before.generations.iter().find(|row| row.generation.id == id);
        let found = stands.map(|row| copydesk_store::generations::Fence::of(&row.generation));
        assert_eq!(applied, Applied::Lost { found }, "the answer says what stands there");
        assert_eq!(self.snapshot(scope).await, before, "a lost write changes nothing but usage");
    }
    pub async fn settle(&self, run: &Claimed) -> Option<u32> {
        self.done(builder::settle(&self.ids, run, self.now())).await
    }
    pub async fn cancel(&self, scope: Scope, id: GenerationId) {
        let generation = self.generation(scope, id).await;
        self.done(builder::cancel(&self.ids, scope, &generation, self.now())).await;
    }
    pub async fn beat(&self, node: NodeId) {
        let beat = Heartbeat { node, at: self.now(), label: "test".to_owned(), goodbye: false, runs: vec![] };
        self.store.heartbeat(beat).await.expect("heartbeat");
    }

    pub async fn row(&self, id: GenerationId) -> GenerationRow {
        self.store.get(Scope::DEFAULT, id).await.expect("get")
    }
    pub async fn generation(&self, scope: Scope, id: GenerationId) -> Generation {
        self.store.get(scope, id).await.expect("get").generation
    }
    pub async fn status(&self, id: GenerationId) -> Status {
        self.row(id).await.status()
    }
    /// The state that stands in the store for this run's generation.
    pub async fn status_of(&self, run: &Claimed) -> State {
        self.generation(run.scope, run.generation.id).await.state
    }
    pub async fn draft(&self, id: DraftId) -> DraftRow {
        self.store.get_draft(Scope::DEFAULT, id).await.expect("get_draft")
    }

    pub async fn grant(&self, user: &str, micros: i64) {
        self.open_with(user, self.transfer(TransferKind::Grant, user, micros)).await;
    }
    /// Posts for a user who may be new.
    pub async fn open_with(&self, user: &str, transfer: Transfer) {
        let post = Post { transfer, open_as: Some(user.to_owned()), idempotency: None };
        assert!(self.store.post(post).await.expect("post").posted);
    }
    pub fn transfer(&self, kind: TransferKind, user: &str, micros: i64) -> Transfer {
        let owner = (Scope::DEFAULT.workspace, builder::user_id(Scope::DEFAULT, user));
        Transfer::plain(self.ids.transfer(), owner, kind, builder::credits(micros), self.now())
    }
    /// Posts for a user who is known, or is the first to be called `a`.
    pub async fn post(&self, transfer: Transfer) -> Result<Posted, StoreError> {
        let open_as = (transfer.user == builder::user_id(Scope::DEFAULT, "a")).then(|| "a".to_owned());
        self.store.post(Post { transfer, open_as, idempotency: None }).await
    }
    pub fn gift(&self, from: &str, to: &str, micros: i64, reference: &str) -> Gift {
        builder::gift(&self.ids, (from, to), micros, reference, self.now())
    }
    /// Expires all that is due.
    pub async fn expire_lots(&self) -> Vec<Transfer> {
        let ids = (0..100).map(|_| self.ids.transfer()).collect();
        self.store.expire_lots(self.now(), ids).await.expect("expire_lots")
    }
    /// Available and held, in micro-credits.
    pub async fn balance(&self, user: &str) -> (i64, i64) {
        let user = builder::user_id(Scope::DEFAULT, user);
        let balance = self.store.balance(Scope::DEFAULT, user).await.expect("balance");
        (balance.available.micros(), balance.held.micros())
    }

    pub async fn calls(&self, generation: GenerationId) -> Vec<CallRow> {
        let filter = CallFilter { generation: Some(generation), ..CallFilter::default() };
        self.calls_of(Scope::DEFAULT, filter).await
    }
    /// Oldest first.
    pub async fn calls_of(&self, scope: Scope, filter: CallFilter) -> Vec<CallRow> {
        all(|page| self.store.calls(scope, filter.clone(), page)).await
    }
    pub async fn generations(&self, scope: Scope) -> Vec<GenerationRow> {
        all(|page| self.store.list(scope, GenerationFilter::default(), page)).await
    }
    pub async fn drafts(&self, scope: Scope) -> Vec<DraftRow> {
        all(|page| self.store.list_drafts(scope, DraftFilter::default(), page)).await
    }
    pub async fn transfers(&self, scope: Scope) -> Vec<Transfer> {
        self.statement(scope, TransferFilter::default()).await.into_iter().map(|entry| entry.transfer).collect()
    }
    /// In the order of their ids.
    pub async fn statement(&self, scope: Scope, filter: TransferFilter) -> Vec<Entry> {
        let lines = all(|page| self.store.transfers(scope, filter.clone(), page)).await;
        lines.into_iter().map(|line| line.entry).collect()
    }
    /// All events of the workspace, those of other transactions under way not waited for.
    pub async fn events(&self, scope: Scope) -> Vec<EventRow> {
        self.events_after(scope, 0, 1_000).await
    }
    /// The same after a number, in pages of `limit`. What is held back by somebody who is just committing is waited for.
    pub async fn events_after(&self, scope: Scope, mut after: i64, limit: u32) -> Vec<EventRow> {
        let mut rows = vec![];
        for _ in 0..5_000 {
            let page = self.store.events(scope, after, limit).await.expect("events");
            assert!(page.upto >= after, "nobody is sent back");
            after = page.upto;
            rows.extend(page.rows);
            if page.held_back.is_some() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            } else if !page.more {
                return rows;
            }
        }
        panic!("an event did not become visible within ten seconds");
    }
    /// The kinds of the events about a generation.
    pub async fn event_kinds(&self, id: GenerationId) -> Vec<String> {
        let events = self.events(Scope::DEFAULT).await;
        events.into_iter().filter(|event| event.generation == Some(id)).map(|event| event.kind).collect()
    }

    pub async fn snapshot(&self, scope: Scope) -> Snapshot {
        let (generations, drafts) = (self.generations(scope).await, self.drafts(scope).await);
        let users: BTreeSet<UserId> = generations.iter().map(|row| row.user).collect();
        let mut versions = vec![];
        for draft in &drafts {
            for number in 1..=draft.versions {
                versions.push(self.store.version(scope, draft.id, Some(number)).await.expect("version"));
            }
        }
        let mut balances = vec![];
        for user in users {
            balances.push((user, self.store.balance(scope, user).await.expect("balance")));
        }
        let transfers = self.statement(scope, TransferFilter::default()).await;
        let events = self.events(scope).await;
        Snapshot { generations, drafts, versions, transfers, balances, events }
    }

    /// The auditor finds nothing.
    pub async fn assert_clean(&self) {
        // Checks move the clock as they like and do not always sweep or close afterwards.
        let time_bound = ["past_deadline", "open_call_without_run_older_than_an_hour"];
        let mut findings: Vec<Finding> = self.store.audit().await.expect("audit");
        findings.retain(|finding| !time_bound.contains(&finding.check));
        assert!(findings.is_empty(), "the auditor found {findings:#?}");
    }
}

/// All rows of a list, by pages, oldest first.
pub async fn all<'a, T, L>(list: L) -> Vec<T>
where
    L: Fn(PageRequest) -> copydesk_store::Answer<'a, copydesk_store::Page<T>>,
{
    let mut rows = vec![];
    let mut page = PageRequest { limit: PageRequest::LIMIT_MAX, after: None, order: Order::OldestFirst };
    loop {
        let answer = list(page.clone()).await.expect("a page of the list");
        rows.extend(answer.rows);
        match answer.next {
            Some(next) => page.after = Some(next),
            None => return rows,
        }
    }
}
