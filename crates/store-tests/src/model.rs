//! [`ModelStore`]: the whole contract in memory, written for obviousness: ordered maps behind one mutex, each method
//! checks everything and then writes everything. It is the oracle of the conformance suite and the double of desk's
//! tests. Not for production: nothing survives the process, nothing is fast.

mod accept;
mod admin;
mod apply;
mod audit;
mod budgets;
mod bulk;
mod claim;
mod data;
mod drafts;
mod events;
mod feedback;
mod files;
mod fill;
mod findings;
mod health;
mod jobs;
mod keys;
mod ledger;
mod logins;
mod mail;
mod prices;
mod profiles;
mod prospects;
mod read;
mod retention;
mod schedules;
mod sources;
mod subscribers;
mod sweep;
mod totals;
mod webhooks;

use copydesk_core::budget::Budget;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::health::Paid;
use copydesk_core::ledger::{Balance, Transfer};
use copydesk_core::metering::question::{Question, Total};
use copydesk_core::refusal::Refusal;
use copydesk_core::{
    AssetId, BudgetId, DeliveryId, DraftId, GenerationId, JobId, KeyId, NodeId, Timestamp, TransferId, UserId,
    WebhookId, WorkspaceId,
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
use copydesk_store::prices::{NewPrice, PriceRow};
use copydesk_store::retention::{Prune, Pruned};
use copydesk_store::usage::{CallFilter, CallRow};
use copydesk_store::webhooks::{
    AttemptRow, ClaimDeliveries, DeliveryBacklog, DeliveryFilter, DeliveryRow, EndpointChange, EndpointRow, FanOut,
    FeedMark, FeedNews, Feeds, Finished, Leased, Moved, NewDelivery, RequestHook,
};
use copydesk_store::{
    AdminStore, Answer, AuditStore, BudgetStore, DeliveryStore, DraftStore, EventStore, GenerationStore, HealthRow,
    HealthStore, ItemStore, JobStore, KeyStore, LedgerStore, Page, PageRequest, PriceStore, RetentionStore,
    SchemaFault, Scope, UsageStore, WebhookStore,
};
use data::Data;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// The in-memory engine. Clones share the data, as two processes share a database.
#[derive(Clone, Default)]
pub struct ModelStore {
    data: Arc<Mutex<Data>>,
}

impl ModelStore {
    /// How many may wait unless another number is asked for.
    pub const WAITING_MAX: u64 = 1_000_000;

    pub fn new() -> ModelStore {
        ModelStore::with_waiting_max(Self::WAITING_MAX)
    }

    /// Accepts beyond `waiting_max` waiting generations are refused with `queue_full`.
    pub fn with_waiting_max(waiting_max: u64) -> ModelStore {
        ModelStore { data: Arc::new(Mutex::new(Data { waiting_max, ..Data::default() })) }
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GenerationStore for ModelStore {
    fn accept(&self, batch: Vec<Accept>) -> Answer<'_, Vec<Result<Accepted, Refusal>>> {
        Box::pin(async move { self.data().accept(batch) })
    }
    fn replay(&self, scope: Scope, key: Idempotency, at: Timestamp) -> Answer<'_, Option<Accepted>> {
        Box::pin(async move { Ok(self.data().replay(scope, &key, at)?) })
    }
    fn turn(&self, turn: Turn) -> Answer<'_, TurnAnswer> {
        Box::pin(async move { self.data().turn(&turn) })
    }
    fn heartbeat(&self, beat: Heartbeat) -> Answer<'_, Beaten> {
        Box::pin(async move { Ok(self.data().heartbeat(beat)) })
    }
    fn overdue(&self, sweep: SweepRequest) -> Answer<'_, Vec<Overdue>> {
        Box::pin(async move { Ok(self.data().overdue(&sweep)) })
    }
    fn close_orphan_calls(&self, now: Timestamp, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        Box::pin(async move { Ok(self.data().close_orphan_calls(now, before, limit)) })
    }
    fn why(&self, scope: Scope, id: GenerationId, now: Timestamp, limits: &Limits) -> Answer<'_, Waiting> {
        let limits = limits.clone();
        Box::pin(async move { self.data().why(scope, id, now, &limits) })
    }
    fn get(&self, scope: Scope, id: GenerationId) -> Answer<'_, GenerationRow> {
        Box::pin(async move { self.data().get(scope, id) })
    }
    fn steps(&self, scope: Scope, id: GenerationId) -> Answer<'_, Vec<FinishedStep>> {
        Box::pin(async move { Ok(self.data().steps(scope, id)) })
    }
    fn list(&self, scope: Scope, filter: GenerationFilter, page: PageRequest) -> Answer<'_, Page<GenerationRow>> {
        Box::pin(async move { self.data().list(scope, &filter, &page) })
    }
}

impl DraftStore for ModelStore {
    fn get_draft(&self, scope: Scope, id: DraftId) -> Answer<'_, DraftRow> {
        Box::pin(async move { self.data().get_draft(scope, id) })
    }
    fn whole_drafts(&self, wanted: Vec<(Scope, DraftId)>) -> Answer<'_, Vec<Option<WholeDraft>>> {
        Box::pin(async move { Ok(self.data().whole_drafts(&wanted)) })
    }
    fn list_drafts(&self, scope: Scope, filter: DraftFilter, page: PageRequest) -> Answer<'_, Page<DraftRow>> {
        Box::pin(async move { self.data().list_drafts(scope, &filter, &page) })
    }
    fn versions(&self, scope: Scope, draft: DraftId) -> Answer<'_, Vec<VersionRow>> {
        Box::pin(async move { self.data().versions(scope, draft) })
    }
    fn version(&self, scope: Scope, draft: DraftId, number: Option<u32>) -> Answer<'_, VersionRow> {
        Box::pin(async move { self.data().version(scope, draft, number) })
    }
    fn asset(&self, scope: Scope, id: AssetId) -> Answer<'_, AssetRow> {
        Box::pin(async move { self.data().asset(scope, id) })
    }
    fn add_version(&self, edit: Edit) -> Answer<'_, DraftRow> {
        Box::pin(async move { self.data().add_version(edit) })
    }
    fn set_draft(&self, set: SetDraft) -> Answer<'_, DraftRow> {
        Box::pin(async move { self.data().set_draft(&set) })
    }
    fn count_drafts(&self, scope: Scope, user: Option<UserId>) -> Answer<'_, Vec<(DraftStatus, u64)>> {
        Box::pin(async move { Ok(self.data().count_drafts(scope, user)) })
    }
}

impl LedgerStore for ModelStore {
    fn post(&self, post: Post) -> Answer<'_, Posted> {
        Box::pin(async move { self.data().post(post) })
    }
    fn gift(&self, gift: Gift) -> Answer<'_, Posted> {
        Box::pin(async move { self.data().gift(gift) })
    }
    fn expire_lots(&self, now: Timestamp, ids: Vec<TransferId>) -> Answer<'_, Vec<Transfer>> {
        Box::pin(async move { Ok(self.data().expire_lots(now, ids)) })
    }
    fn balance(&self, scope: Scope, user: UserId) -> Answer<'_, Balance> {
        Box::pin(async move { Ok(self.data().balance(scope, user)) })
    }
    fn account(&self, scope: Scope, user: UserId) -> Answer<'_, AccountRow> {
        Box::pin(async move { self.data().account(scope, user) })
    }
    fn accounts(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<AccountRow>> {
        Box::pin(async move { self.data().list_accounts(scope, &page) })
    }
    fn transfers(&self, scope: Scope, filter: TransferFilter, page: PageRequest) -> Answer<'_, Page<Line>> {
        Box::pin(async move { self.data().list_transfers(scope, &filter, &page) })
    }
}

impl BudgetStore for ModelStore {
    fn knows_budgets(&self) -> bool {
        self.data().knows_budgets()
    }
    fn set_budget(&self, new: NewBudget) -> Answer<'_, Budget> {
        Box::pin(async move { self.data().set_budget(new) })
    }
    fn change_budget(&self, scope: Scope, id: BudgetId, change: BudgetChange) -> Answer<'_, Budget> {
        Box::pin(async move { self.data().change_budget(scope, id, change) })
    }
    fn end_budget(&self, scope: Scope, id: BudgetId, at: Timestamp) -> Answer<'_, Budget> {
        Box::pin(async move { self.data().end_budget(scope, id, at) })
    }
    fn budget(&self, scope: Scope, id: BudgetId) -> Answer<'_, Budget> {
        Box::pin(async move { self.data().budget(scope, id) })
    }
    fn budgets(&self, scope: Scope, filter: BudgetFilter, page: PageRequest) -> Answer<'_, Page<Budget>> {
        Box::pin(async move { self.data().list_budgets(scope, &filter, &page) })
    }
    fn budget_uses(&self, scope: Scope, id: BudgetId, from: Timestamp, limit: u32) -> Answer<'_, Vec<UseRow>> {
        Box::pin(async move { Ok(self.data().budget_uses(scope, id, from, limit)) })
    }
}

impl JobStore for ModelStore {
    fn stage_items(&self, scope: Scope, job: JobId, items: Vec<NewItem>) -> Answer<'_, ()> {
        Box::pin(async move {
            self.data().stage_items(scope, job, items);
            Ok(())
        })
    }
    fn seal_job(&self, new: NewJob) -> Answer<'_, Sealed> {
        Box::pin(async move { self.data().seal_job(new) })
    }
    fn replay_job(&self, scope: Scope, key: Idempotency) -> Answer<'_, Option<Sealed>> {
        Box::pin(async move { self.data().replay_job(scope, &key) })
    }
    fn live_job(&self, scope: Scope, dedupe_key: String) -> Answer<'_, Option<JobRow>> {
        Box::pin(async move { self.data().live_job(scope, &dedupe_key) })
    }
    fn drop_staged(&self, which: Staged, limit: u32) -> Answer<'_, u64> {
        Box::pin(async move { Ok(self.data().drop_staged(which, limit)) })
    }
    fn job(&self, scope: Scope, id: JobId) -> Answer<'_, JobRow> {
        Box::pin(async move { self.data().job(scope, id) })
    }
    fn jobs(&self, scope: Scope, filter: JobFilter, page: PageRequest) -> Answer<'_, Page<JobRow>> {
        Box::pin(async move { self.data().list_jobs(scope, &filter, &page) })
    }
    fn order_job(&self, order: JobOrder) -> Answer<'_, JobRow> {
        Box::pin(async move { self.data().order_job(&order) })
    }
    fn jobs_at_work(&self, after: Option<JobId>, limit: u32) -> Answer<'_, Vec<JobRow>> {
        Box::pin(async move { Ok(self.data().jobs_at_work(after, limit)) })
    }
    fn open_jobs(&self) -> Answer<'_, Vec<OpenJobs>> {
        Box::pin(async move { Ok(self.data().open_jobs()) })
    }
}

impl ItemStore for ModelStore {
    fn items(&self, scope: Scope, job: JobId, filter: ItemFilter, page: PageRequest) -> Answer<'_, Page<ItemRow>> {
        Box::pin(async move { self.data().items(scope, job, filter, &page) })
    }
    fn close_items(&self, close: CloseItems) -> Answer<'_, u64> {
        Box::pin(async move { self.data().close_items(&close) })
    }
    fn reopen_items(&self, reopen: ReopenItems) -> Answer<'_, Reopened> {
        Box::pin(async move { self.data().reopen_items(&reopen) })
    }
}

impl UsageStore for ModelStore {
    fn calls(&self, scope: Scope, filter: CallFilter, page: PageRequest) -> Answer<'_, Page<CallRow>> {
        Box::pin(async move { self.data().calls(scope, &filter, &page) })
    }
    fn totals(&self, scope: Scope, question: Question) -> Answer<'_, Vec<Total>> {
        Box::pin(async move { Ok(self.data().totals(scope, &question)?) })
    }
    fn user_names(&self, scope: Scope, users: Vec<UserId>) -> Answer<'_, Vec<(UserId, String)>> {
        Box::pin(async move { Ok(self.data().user_names(scope, &users)) })
    }
}

impl EventStore for ModelStore {
    fn events(&self, scope: Scope, after: i64, limit: u32) -> Answer<'_, EventPage> {
        Box::pin(async move { Ok(self.data().page_events(scope, after, limit)) })
    }
    fn event_bounds(&self, scope: Scope) -> Answer<'_, EventBounds> {
        Box::pin(async move { Ok(self.data().bounds_of_events(scope)) })
    }
    fn event_news(&self) -> BoxStream<'static, ()> {
        let news = self.data().news.subscribe();
        stream::unfold(news, |mut news| async { news.changed().await.ok().map(|()| ((), news)) }).boxed()
    }
}

impl RetentionStore for ModelStore {
    fn prune(&self, prune: Prune) -> Answer<'_, Pruned> {
        Box::pin(async move { Ok(self.data().prune(&prune)) })
    }
}

impl HealthStore for ModelStore {
    fn health(&self) -> Answer<'_, Vec<HealthRow>> {
        Box::pin(async move { Ok(self.data().health_rows()) })
    }
    fn backlog(&self) -> Answer<'_, Backlog> {
        Box::pin(async move { Ok(self.data().backlog()) })
    }
    fn rates(&self) -> Answer<'_, Vec<(String, Paid)>> {
        Box::pin(async move { Ok(self.data().rates.iter().map(|(lane, paid)| (lane.clone(), *paid)).collect()) })
    }
}

impl PriceStore for ModelStore {
    fn add_price(&self, price: NewPrice) -> Answer<'_, i64> {
        Box::pin(async move { Ok(self.data().add_price(price)) })
    }
    fn prices(&self, model: Option<String>, page: PageRequest) -> Answer<'_, Page<PriceRow>> {
        Box::pin(async move { self.data().list_prices(model.as_deref(), &page) })
    }
}

impl AdminStore for ModelStore {
    fn now(&self) -> Answer<'_, Option<Timestamp>> {
        Box::pin(async { Ok(None) })
    }
    fn describe(&self) -> Answer<'_, Description> {
        Box::pin(async move { Ok(self.data().describe()) })
    }
    fn check_schema(&self) -> Answer<'_, Vec<SchemaFault>> {
        Box::pin(async { Ok(vec![]) })
    }
    fn canary(&self, _at: Timestamp) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
    fn pauses(&self) -> Answer<'_, Vec<Pause>> {
        Box::pin(async move { Ok(self.data().list_pauses()) })
    }
    fn set_pause(&self, what: PauseKey, paused: bool, at: Timestamp) -> Answer<'_, ()> {
        Box::pin(async move {
            self.data().set_pause(what, paused, at);
            Ok(())
        })
    }
}

impl AuditStore for ModelStore {
    fn audit(&self) -> Answer<'_, Vec<Finding>> {
        Box::pin(async move { Ok(self.data().audit()) })
    }
    fn claim_audit(&self, node: NodeId, now: Timestamp, until: Timestamp, first: Round) -> Answer<'_, Option<Round>> {
        Box::pin(async move { Ok(self.data().claim_audit(node, now, until, first)) })
    }
    fn prove(&self, slice: Slice) -> Answer<'_, Proved> {
        Box::pin(async move { Ok(self.data().prove(slice)) })
    }
    fn record_proof(&self, record: Record) -> Answer<'_, Option<Recorded>> {
        Box::pin(async move { Ok(self.data().record_proof(record)) })
    }
    fn audit_state(&self) -> Answer<'_, AuditState> {
        Box::pin(async move { Ok(self.data().audit_state()) })
    }
    fn open_findings(&self, limit: u32) -> Answer<'_, Vec<FindingRow>> {
        Box::pin(async move { Ok(self.data().open_findings(limit)) })
    }
}

impl KeyStore for ModelStore {
    fn add_key(&self, key: KeyRow) -> Answer<'_, bool> {
        Box::pin(async move { Ok(self.data().add_key(key)) })
    }
    fn find_key(&self, secret_hash: [u8; 32]) -> Answer<'_, Option<KeyRow>> {
        Box::pin(async move { Ok(self.data().find_key(secret_hash)) })
    }
    fn get_key(&self, scope: Scope, id: KeyId) -> Answer<'_, KeyRow> {
        Box::pin(async move { self.data().get_key(scope, id) })
    }
    fn list_keys(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<KeyRow>> {
        Box::pin(async move { self.data().list_keys(scope, &page) })
    }
    fn change_key(&self, change: KeyChange) -> Answer<'_, KeyRow> {
        Box::pin(async move { self.data().change_key(change) })
    }
    fn rotate_key(&self, rotation: KeyRotation) -> Answer<'_, ()> {
        Box::pin(async move { self.data().rotate_key(rotation) })
    }
    fn touch_keys(&self, uses: Vec<(KeyId, KeyUse)>) -> Answer<'_, ()> {
        Box::pin(async move {
            self.data().touch_keys(uses);
            Ok(())
        })
    }
}

impl WebhookStore for ModelStore {
    fn add_webhook(&self, row: EndpointRow) -> Answer<'_, bool> {
        Box::pin(async move { Ok(self.data().add_webhook(row)) })
    }
    fn webhook(&self, scope: Scope, id: WebhookId) -> Answer<'_, EndpointRow> {
        Box::pin(async move { self.data().webhook(scope, id) })
    }
    fn webhooks(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<EndpointRow>> {
        Box::pin(async move { self.data().list_webhooks(scope, &page) })
    }
    fn change_webhook(&self, change: EndpointChange) -> Answer<'_, EndpointRow> {
        Box::pin(async move { self.data().change_webhook(change) })
    }
    fn request_webhook(&self, scope: Scope) -> Answer<'_, Option<EndpointRow>> {
        Box::pin(async move { Ok(self.data().request_webhook(scope)) })
    }
    fn request_hooks(
        &self,
        workspace: WorkspaceId,
        generations: Vec<GenerationId>,
    ) -> Answer<'_, Vec<(GenerationId, RequestHook)>> {
        Box::pin(async move { Ok(self.data().request_hooks(workspace, &generations)) })
    }
}

impl DeliveryStore for ModelStore {
    fn feeds(&self, known: Option<i64>) -> Answer<'_, Feeds> {
        Box::pin(async move { Ok(self.data().list_feeds(known)) })
    }
    fn feed_news(&self, since: Option<FeedMark>) -> Answer<'_, FeedNews> {
        Box::pin(async move { Ok(self.data().feed_news(since)) })
    }
    fn fan_out(&self, fan_out: FanOut) -> Answer<'_, Moved> {
        Box::pin(async move { Ok(self.data().fan_out(fan_out)) })
    }
    fn send(&self, messages: Vec<NewDelivery>) -> Answer<'_, ()> {
        Box::pin(async move {
            self.data().send(messages);
            Ok(())
        })
    }
    fn claim_deliveries(&self, claim: ClaimDeliveries) -> Answer<'_, Leased> {
        Box::pin(async move { self.data().claim_deliveries(&claim) })
    }
    fn finish_deliveries(&self, finished: Vec<Finished>) -> Answer<'_, Vec<bool>> {
        Box::pin(async move { Ok(self.data().finish_deliveries(finished)) })
    }
    fn deliveries(&self, scope: Scope, filter: DeliveryFilter, page: PageRequest) -> Answer<'_, Page<DeliveryRow>> {
        Box::pin(async move { self.data().list_deliveries(scope, &filter, &page) })
    }
    fn delivery(&self, scope: Scope, id: DeliveryId) -> Answer<'_, (DeliveryRow, Vec<AttemptRow>)> {
        Box::pin(async move { self.data().delivery(scope, id) })
    }
    fn waiting(&self, workspace: WorkspaceId, lanes: Vec<Uuid>, at_most: u32) -> Answer<'_, Vec<u32>> {
        Box::pin(async move { Ok(self.data().waiting(workspace, &lanes, at_most)) })
    }
    fn delivery_backlog(&self, now: Timestamp) -> Answer<'_, DeliveryBacklog> {
        Box::pin(async move { Ok(self.data().delivery_backlog(now)) })
    }
}
