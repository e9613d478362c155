//! One process's line to the database: it can be cut for good (the process died), cut right after the next call of a
//! method (died while waiting for the answer), or held there for a while. The database behind it lives on.

use copydesk_core::access::Email;
use copydesk_core::budget::Budget;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::health::Paid;
use copydesk_core::ledger::{Balance, Transfer};
use copydesk_core::metering::question::{Question, Total};
use copydesk_core::refusal::Refusal;
use copydesk_core::{
    AssetId, BudgetId, DeliveryId, DraftId, GenerationId, JobId, KeyId, LinkId, NodeId, SignInId, Timestamp,
    TransferId, UserId, WebhookId, WorkspaceId,
};
use copydesk_desk::clock::{Clock, HandClock};
use copydesk_store::admin::{Description, Pause, PauseKey};
use copydesk_store::audit::{AuditState, Finding, FindingRow, Proved, Record, Recorded, Round, Slice};
use copydesk_store::budgets::{BudgetChange, BudgetFilter, NewBudget, UseRow};
use copydesk_store::drafts::{AssetRow, DraftFilter, DraftRow, Edit, SetDraft, VersionRow, WholeDraft};
use copydesk_store::events::{EventBounds, EventPage};
use copydesk_store::generations::{
    Accept, Accepted, Beaten, FinishedStep, GenerationFilter, GenerationRow, Heartbeat, Idempotency, Limits, Overdue,
    SweepRequest, Turn, TurnAnswer,
};
use copydesk_store::health::Backlog;
use copydesk_store::jobs::{
    CloseItems, ItemFilter, ItemRow, JobFilter, JobOrder, JobRow, NewItem, NewJob, OpenJobs, ReopenItems, Reopened,
    Sealed, Staged,
};
use copydesk_store::keys::{KeyChange, KeyRotation, KeyRow, KeyUse};
use copydesk_store::ledger::{AccountRow, Gift, Line, Post, Posted, TransferFilter};
use copydesk_store::logins::{LinkRow, LinkUse, LoginChange, NewLogin, UserFilter, UserRow};
use copydesk_store::prices::{NewPrice, PriceRow};
use copydesk_store::retention::{Prune, Pruned};
use copydesk_store::sign_ins::{Forget, NewSignIn, SignInRow, SignedIn};
use copydesk_store::usage::{CallFilter, CallRow};
use copydesk_store::webhooks::{
    AttemptRow, ClaimDeliveries, DeliveryBacklog, DeliveryFilter, DeliveryRow, EndpointChange, EndpointRow, FanOut,
    Feed, Finished, Leased, NewDelivery, RequestHook,
};
use copydesk_store::{
    AdminStore, Answer, AuditStore, BudgetStore, DeliveryStore, DraftStore, EventStore, GenerationStore, HealthRow,
    HealthStore, ItemStore, JobStore, KeyStore, LedgerStore, LoginStore, Page, PageRequest, PriceStore, RetentionStore,
    SchemaFault, Scope, SignInStore, StoreError, UsageStore, WebhookStore,
};
use copydesk_store_tests::{FaultyStore, Method, ModelStore};
use futures::stream::BoxStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

#[derive(Clone)]
pub struct Plug {
    inner: FaultyStore<ModelStore>,
    /// Where the database has a clock of its own.
    clock: Option<Arc<HandClock>>,
    state: Arc<State>,
}

struct State {
    dead: AtomicBool,
    dies_after: Mutex<Option<Method>>,
    /// The next answer of this method is held back until `released` rises.
    hold_next: Mutex<Option<Method>>,
    released: watch::Sender<u32>,
    /// Calls of this method do not reach the database.
    blocked: watch::Sender<Option<Method>>,
    waiting: AtomicUsize,
}

impl Plug {
    pub fn new(inner: FaultyStore<ModelStore>, clock: Option<Arc<HandClock>>) -> Plug {
        let state = State {
            dead: AtomicBool::new(false),
            dies_after: Mutex::new(None),
            hold_next: Mutex::new(None),
            released: watch::Sender::new(0),
            blocked: watch::Sender::new(None),
            waiting: AtomicUsize::new(0),
        };
        Plug { inner, clock, state: Arc::new(state) }
    }
    pub fn kill(&self) {
        self.state.dead.store(true, Ordering::SeqCst);
    }
    pub fn is_dead(&self) -> bool {
        self.state.dead.load(Ordering::SeqCst)
    }
    /// The next call of `method` is carried out, and the process dies before it hears of it.
    pub fn die_after(&self, method: Method) {
        *self.state.dies_after.lock().unwrap() = Some(method);
    }
    /// The next call of `method` is carried out, but its answer waits for [`Plug::let_go`].
    pub fn hold_next(&self, method: Method) {
        *self.state.hold_next.lock().unwrap() = Some(method);
    }
    pub fn let_go(&self) {
        self.state.released.send_modify(|n| *n += 1);
    }
    /// Calls of `method` do not reach the database until [`Plug::unblock`].
    pub fn block(&self, method: Method) {
        self.state.blocked.send_replace(Some(method));
    }
    pub fn unblock(&self) {
        self.state.blocked.send_replace(None);
    }
    /// How many answers are held back.
    pub fn waiting(&self) -> usize {
        self.state.waiting.load(Ordering::SeqCst)
    }

    async fn through<T>(
        &self,
        method: Method,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if self.is_dead() {
            return std::future::pending().await;
        }
        self.state.blocked.subscribe().wait_for(|blocked| *blocked != Some(method)).await.unwrap();
        let answer = call.await;
        if self.state.dies_after.lock().unwrap().take_if(|dying| *dying == method).is_some() {
            self.kill();
        }
        if self.state.hold_next.lock().unwrap().take_if(|held| *held == method).is_some() {
            let before = *self.state.released.borrow();
            self.state.waiting.fetch_add(1, Ordering::SeqCst);
            self.state.released.subscribe().wait_for(|released| *released > before).await.unwrap();
            self.state.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        if self.is_dead() {
            return std::future::pending().await;
        }
        answer
    }
}

macro_rules! pass_through {
    ($($contract:ident $([$($local:item)+])? { $($variant:ident = $method:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)+ })+) => {
        $(impl $contract for Plug {
            $($($local)+)?
            $(fn $method(&self, $($arg: $kind),*) -> Answer<'_, $answer> {
                Box::pin(self.through(Method::$variant, self.inner.$method($($arg),*)))
            })+
        })+
    };
}

pass_through! {
    GenerationStore {
        Accept = accept(batch: Vec<Accept>) -> Vec<Result<Accepted, Refusal>>;
        Replay = replay(scope: Scope, key: Idempotency, at: Timestamp) -> Option<Accepted>;
        Turn = turn(turn: Turn) -> TurnAnswer;
        Heartbeat = heartbeat(beat: Heartbeat) -> Beaten;
        Overdue = overdue(sweep: SweepRequest) -> Vec<Overdue>;
        CloseOrphanCalls = close_orphan_calls(now: Timestamp, before: Timestamp, limit: u32) -> u64;
        Why = why(scope: Scope, id: GenerationId, now: Timestamp, limits: &Limits) -> Waiting;
        Get = get(scope: Scope, id: GenerationId) -> GenerationRow;
        Steps = steps(scope: Scope, id: GenerationId) -> Vec<FinishedStep>;
        List = list(scope: Scope, filter: GenerationFilter, page: PageRequest) -> Page<GenerationRow>;
    }
    DraftStore {
        GetDraft = get_draft(scope: Scope, id: DraftId) -> DraftRow;
        WholeDrafts = whole_drafts(wanted: Vec<(Scope, DraftId)>) -> Vec<Option<WholeDraft>>;
        ListDrafts = list_drafts(scope: Scope, filter: DraftFilter, page: PageRequest) -> Page<DraftRow>;
        Versions = versions(scope: Scope, draft: DraftId) -> Vec<VersionRow>;
        Version = version(scope: Scope, draft: DraftId, number: Option<u32>) -> VersionRow;
        Asset = asset(scope: Scope, id: AssetId) -> AssetRow;
        AddVersion = add_version(edit: Edit) -> DraftRow;
        SetDraft = set_draft(set: SetDraft) -> DraftRow;
        CountDrafts = count_drafts(scope: Scope, user: Option<UserId>) -> Vec<(DraftStatus, u64)>;
    }
    LedgerStore {
        Post = post(post: Post) -> Posted;
        Gift = gift(gift: Gift) -> Posted;
        ExpireLots = expire_lots(now: Timestamp, ids: Vec<TransferId>) -> Vec<Transfer>;
        Account = account(scope: Scope, user: UserId) -> AccountRow;
        Accounts = accounts(scope: Scope, page: PageRequest) -> Page<AccountRow>;
        Balance = balance(scope: Scope, user: UserId) -> Balance;
        Transfers = transfers(scope: Scope, filter: TransferFilter, page: PageRequest) -> Page<Line>;
    }
    BudgetStore [fn knows_budgets(&self) -> bool { self.inner.knows_budgets() }] {
        SetBudget = set_budget(new: NewBudget) -> Budget;
        ChangeBudget = change_budget(scope: Scope, id: BudgetId, change: BudgetChange) -> Budget;
        EndBudget = end_budget(scope: Scope, id: BudgetId, at: Timestamp) -> Budget;
        Budget = budget(scope: Scope, id: BudgetId) -> Budget;
        Budgets = budgets(scope: Scope, filter: BudgetFilter, page: PageRequest) -> Page<Budget>;
        BudgetUses = budget_uses(scope: Scope, id: BudgetId, from: Timestamp, limit: u32) -> Vec<UseRow>;
    }
    JobStore {
        StageItems = stage_items(scope: Scope, job: JobId, items: Vec<NewItem>) -> ();
        SealJob = seal_job(new: NewJob) -> Sealed;
        ReplayJob = replay_job(scope: Scope, key: Idempotency) -> Option<Sealed>;
        DropStaged = drop_staged(which: Staged, limit: u32) -> u64;
        Job = job(scope: Scope, id: JobId) -> JobRow;
        Jobs = jobs(scope: Scope, filter: JobFilter, page: PageRequest) -> Page<JobRow>;
        OrderJob = order_job(order: JobOrder) -> JobRow;
        JobsAtWork = jobs_at_work(after: Option<JobId>, limit: u32) -> Vec<JobRow>;
        OpenJobsList = open_jobs() -> Vec<OpenJobs>;
    }
    ItemStore {
        Items = items(scope: Scope, job: JobId, filter: ItemFilter, page: PageRequest) -> Page<ItemRow>;
        CloseItems = close_items(close: CloseItems) -> u64;
        ReopenItems = reopen_items(reopen: ReopenItems) -> Reopened;
    }
    UsageStore {
        Calls = calls(scope: Scope, filter: CallFilter, page: PageRequest) -> Page<CallRow>;
        Totals = totals(scope: Scope, question: Question) -> Vec<Total>;
        UserNames = user_names(scope: Scope, users: Vec<UserId>) -> Vec<(UserId, String)>;
    }
    RetentionStore {
        Prune = prune(prune: Prune) -> Pruned;
    }
    HealthStore {
        Health = health() -> Vec<HealthRow>;
        Rates = rates() -> Vec<(String, Paid)>;
        Backlog = backlog() -> Backlog;
    }
    WebhookStore {
        AddWebhook = add_webhook(row: EndpointRow) -> bool;
        Webhook = webhook(scope: Scope, id: WebhookId) -> EndpointRow;
        Webhooks = webhooks(scope: Scope, page: PageRequest) -> Page<EndpointRow>;
        ChangeWebhook = change_webhook(change: EndpointChange) -> EndpointRow;
        RequestWebhook = request_webhook(scope: Scope) -> Option<EndpointRow>;
        RequestHooks = request_hooks(workspace: WorkspaceId, generations: Vec<GenerationId>) -> Vec<(GenerationId, RequestHook)>;
    }
    DeliveryStore {
        Feeds = feeds() -> Vec<Feed>;
        FanOut = fan_out(fan_out: FanOut) -> bool;
        Send = send(messages: Vec<NewDelivery>) -> ();
        ClaimDeliveries = claim_deliveries(claim: ClaimDeliveries) -> Leased;
        FinishDeliveries = finish_deliveries(finished: Vec<Finished>) -> Vec<bool>;
        Deliveries = deliveries(scope: Scope, filter: DeliveryFilter, page: PageRequest) -> Page<DeliveryRow>;
        Delivery = delivery(scope: Scope, id: DeliveryId) -> (DeliveryRow, Vec<AttemptRow>);
        DeliveryBacklog = delivery_backlog(now: Timestamp) -> DeliveryBacklog;
    }
    KeyStore {
        AddKey = add_key(key: KeyRow) -> bool;
        FindKey = find_key(secret_hash: [u8; 32]) -> Option<KeyRow>;
        GetKey = get_key(scope: Scope, id: KeyId) -> KeyRow;
        ListKeys = list_keys(scope: Scope, page: PageRequest) -> Page<KeyRow>;
        ChangeKey = change_key(change: KeyChange) -> KeyRow;
        RotateKey = rotate_key(rotation: KeyRotation) -> ();
        TouchKeys = touch_keys(uses: Vec<(KeyId, KeyUse)>) -> ();
    }
    LoginStore {
        Users = users(scope: Scope, filter: UserFilter, page: PageRequest) -> Page<UserRow>;
        User = user(scope: Scope, id: UserId) -> UserRow;
        FindLogin = find_login(scope: Scope, email: Email) -> Option<UserRow>;
        AddLogin = add_login(new: NewLogin) -> UserRow;
        ChangeLogin = change_login(change: LoginChange) -> UserRow;
        AddLink = add_link(link: LinkRow) -> ();
        FindLink = find_link(token_hash: [u8; 32]) -> Option<LinkRow>;
        Invites = invites(scope: Scope, page: PageRequest) -> Page<LinkRow>;
        EndInvite = end_invite(scope: Scope, id: LinkId, at: Timestamp) -> LinkRow;
        UseLink = use_link(using: LinkUse) -> SignedIn;
    }
    SignInStore {
        AddSignIn = add_sign_in(new: NewSignIn) -> bool;
        FindSignIn = find_sign_in(token_hash: [u8; 32]) -> Option<SignedIn>;
        GetSignIn = get_sign_in(scope: Scope, id: SignInId) -> Option<SignedIn>;
        SignIns = sign_ins(scope: Scope, user: UserId) -> Vec<SignInRow>;
        EndSignIns = end_sign_ins(scope: Scope, user: UserId, one: Option<SignInId>) -> u64;
        TouchSignIns = touch_sign_ins(uses: Vec<(SignInId, Timestamp)>) -> ();
        ForgetSignIns = forget_sign_ins(forget: Forget) -> u64;
    }
    AuditStore {
        Audit = audit() -> Vec<Finding>;
        ClaimAudit = claim_audit(node: NodeId, now: Timestamp, until: Timestamp, first: Round) -> Option<Round>;
        Prove = prove(slice: Slice) -> Proved;
        RecordProof = record_proof(record: Record) -> Option<Recorded>;
        AuditState = audit_state() -> AuditState;
        OpenFindings = open_findings(limit: u32) -> Vec<FindingRow>;
    }
    PriceStore {
        AddPrice = add_price(price: NewPrice) -> i64;
        Prices = prices(model: Option<String>, page: PageRequest) -> Page<PriceRow>;
    }
}

impl EventStore for Plug {
    fn events(&self, scope: Scope, after: i64, limit: u32) -> Answer<'_, EventPage> {
        Box::pin(self.through(Method::Events, self.inner.events(scope, after, limit)))
    }
    fn event_bounds(&self, scope: Scope) -> Answer<'_, EventBounds> {
        Box::pin(self.through(Method::EventBounds, self.inner.event_bounds(scope)))
    }
    fn event_news(&self) -> BoxStream<'static, ()> {
        self.inner.event_news()
    }
}

impl AdminStore for Plug {
    fn now(&self) -> Answer<'_, Option<Timestamp>> {
        let now = self.clock.as_ref().map(|clock| clock.now());
        Box::pin(self.through(Method::Now, async move { Ok(now) }))
    }
    fn describe(&self) -> Answer<'_, Description> {
        Box::pin(self.through(Method::Describe, self.inner.describe()))
    }
    fn check_schema(&self) -> Answer<'_, Vec<SchemaFault>> {
        Box::pin(self.through(Method::CheckSchema, self.inner.check_schema()))
    }
    fn canary(&self, at: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.through(Method::Canary, self.inner.canary(at)))
    }
    fn pauses(&self) -> Answer<'_, Vec<Pause>> {
        Box::pin(self.through(Method::Pauses, self.inner.pauses()))
    }
    fn set_pause(&self, what: PauseKey, paused: bool, at: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.through(Method::SetPause, self.inner.set_pause(what, paused, at)))
    }
}
