//! [`FaultyStore`]: a store that fails on purpose. The next calls of a named method fail with a given error, either
//! before they reach the store (nothing is written) or after it answered (the write happened and the caller does not
//! know: a lost commit answer). Everything else passes through untouched.

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
    SchemaFault, Scope, SignInStore, Store, StoreError, UsageStore, WebhookStore,
};
use futures::stream::BoxStream;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// When a planned failure strikes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Nothing reaches the store.
    Before,
    /// The store has done it; only the answer is lost.
    After,
}

#[derive(Clone, Debug)]
struct Fault {
    method: Method,
    when: When,
    error: StoreError,
}

/// A store behind a plan of failures. Clones share the plan and the store.
#[derive(Clone)]
pub struct FaultyStore<S> {
    inner: S,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    faults: VecDeque<Fault>,
    injected: u64,
}

impl<S: Store> FaultyStore<S> {
    pub fn new(inner: S) -> FaultyStore<S> {
        FaultyStore { inner, plan: Arc::new(Mutex::new(Plan::default())) }
    }

    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The next `n` calls of `method` fail with `error`. Plans for one method are used up in the order they were made.
    pub fn fail_next(&self, method: Method, n: usize, when: When, error: StoreError) {
        let fault = Fault { method, when, error };
        self.plan().faults.extend(std::iter::repeat_n(fault, n));
    }

    /// The next `n` turns or accepts are written, and their callers told that nobody knows.
    pub fn lose_next_commit(&self, method: Method, n: usize) {
        let error = StoreError::CommitUnknown("the connection broke (injected)".to_owned());
        self.fail_next(method, n, When::After, error);
    }

    /// Takes every planned failure back.
    pub fn heal(&self) {
        self.plan().faults.clear();
    }

    /// How many failures were injected so far, to be compared with how many surfaced.
    pub fn injected(&self) -> u64 {
        self.plan().injected
    }

    /// How many planned failures have not struck yet.
    pub fn planned(&self) -> usize {
        self.plan().faults.len()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_fault(&self, method: Method) -> Option<Fault> {
        let mut plan = self.plan();
        let at = plan.faults.iter().position(|fault| fault.method == method)?;
        plan.injected += 1;
        plan.faults.remove(at)
    }

    async fn through<T>(
        &self,
        method: Method,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match self.next_fault(method) {
            Some(Fault { when: When::Before, error, .. }) => Err(error),
            Some(Fault { when: When::After, error, .. }) => {
                // The answer is lost on purpose: that is what the caller lives through.
                drop(call.await);
                Err(error)
            }
            None => call.await,
        }
    }
}

/// Names every method of the contract and passes it through.
macro_rules! pass_through {
    ($($contract:ident $([ $($as_it_is:tt)+ ])? {
        $($variant:ident = $method:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)+
    })+) => {
        /// A method of the contract.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Method { $($($variant,)+)+ }

        $(impl<S: Store> $contract for FaultyStore<S> {
            $(fn $method(&self, $($arg: $kind),*) -> Answer<'_, $answer> {
                Box::pin(self.through(Method::$variant, self.inner.$method($($arg),*)))
            })+
            $($($as_it_is)+)?
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
        Balance = balance(scope: Scope, user: UserId) -> Balance;
        Account = account(scope: Scope, user: UserId) -> AccountRow;
        Accounts = accounts(scope: Scope, page: PageRequest) -> Page<AccountRow>;
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
    EventStore [
        fn event_news(&self) -> BoxStream<'static, ()> {
            self.inner.event_news()
        }
    ] {
        Events = events(scope: Scope, after: i64, limit: u32) -> EventPage;
        EventBounds = event_bounds(scope: Scope) -> EventBounds;
    }
    RetentionStore {
        Prune = prune(prune: Prune) -> Pruned;
    }
    HealthStore {
        Health = health() -> Vec<HealthRow>;
        Rates = rates() -> Vec<(String, Paid)>;
        Backlog = backlog() -> Backlog;
    }
    PriceStore {
        AddPrice = add_price(price: NewPrice) -> i64;
        Prices = prices(model: Option<String>, page: PageRequest) -> Page<PriceRow>;
    }
    AdminStore {
        Now = now() -> Option<Timestamp>;
        Describe = describe() -> Description;
        CheckSchema = check_schema() -> Vec<SchemaFault>;
        Canary = canary(at: Timestamp) -> ();
        Pauses = pauses() -> Vec<Pause>;
        SetPause = set_pause(what: PauseKey, paused: bool, at: Timestamp) -> ();
    }
    AuditStore {
        Audit = audit() -> Vec<Finding>;
        ClaimAudit = claim_audit(node: NodeId, now: Timestamp, until: Timestamp, first: Round) -> Option<Round>;
        Prove = prove(slice: Slice) -> Proved;
        RecordProof = record_proof(record: Record) -> Option<Recorded>;
        AuditState = audit_state() -> AuditState;
        OpenFindings = open_findings(limit: u32) -> Vec<FindingRow>;
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::{self, Ids};
    use crate::model::ModelStore;

    #[tokio::test]
    async fn a_lost_commit_is_written_and_a_refused_one_is_not() {
        let store = FaultyStore::new(ModelStore::new());
        let ids = Ids::new();
        let (first, second) = (builder::accept(&ids, builder::START), builder::accept(&ids, builder::START));
        store.fail_next(Method::Accept, 1, When::Before, StoreError::Busy("injected".to_owned()));
        store.lose_next_commit(Method::Accept, 1);

        let busy = store.accept(vec![first.clone()]).await.unwrap_err();
        assert!(busy.retryable());
        assert!(store.get(Scope::DEFAULT, first.generation).await.is_err());
        let unknown = store.accept(vec![second.clone()]).await.unwrap_err();
        assert!(matches!(unknown, StoreError::CommitUnknown(_)));
        assert!(store.get(Scope::DEFAULT, second.generation).await.is_ok());
        assert!(store.accept(vec![first]).await.is_ok(), "the plan is used up");
        assert_eq!((store.injected(), store.planned()), (2, 0));
    }
}
