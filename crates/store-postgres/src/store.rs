//! The contract's traits, each method one line: where the work is done.

use crate::{PostgresStore, audit, schema};
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
    FeedMark, FeedNews, Feeds, Finished, Health, Leased, Moved, NewDelivery, RequestHook,
};
use copydesk_store::{
    AdminStore, Answer, AuditStore, BudgetStore, DeliveryStore, DraftStore, EventStore, GenerationStore, HealthRow,
    HealthStore, ItemStore, JobStore, KeyStore, LedgerStore, Page, PageRequest, PriceStore, RetentionStore,
    SchemaFault, Scope, UsageStore, WebhookStore,
};
use futures::stream::BoxStream;
use uuid::Uuid;

impl GenerationStore for PostgresStore {
    fn accept(&self, batch: Vec<Accept>) -> Answer<'_, Vec<Result<Accepted, Refusal>>> {
        Box::pin(self.telling(async move { self.accept_batch(&batch).await }))
    }
    fn replay(&self, scope: Scope, key: Idempotency, at: Timestamp) -> Answer<'_, Option<Accepted>> {
        Box::pin(async move { self.find_replay(scope, &key, at).await })
    }
    fn turn(&self, turn: Turn) -> Answer<'_, TurnAnswer> {
        let tells = !turn.writes.is_empty();
        let work = async move { self.run_turn(&turn).await };
        if tells { Box::pin(self.telling(work)) } else { Box::pin(work) }
    }
    fn heartbeat(&self, beat: Heartbeat) -> Answer<'_, Beaten> {
        Box::pin(async move { self.beat(&beat).await })
    }
    fn overdue(&self, sweep: SweepRequest) -> Answer<'_, Vec<Overdue>> {
        Box::pin(async move { self.find_overdue(&sweep).await })
    }
    fn close_orphan_calls(&self, now: Timestamp, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        Box::pin(self.telling(async move { self.close_orphans(now, before, limit).await }))
    }
    fn why(&self, scope: Scope, id: GenerationId, now: Timestamp, limits: &Limits) -> Answer<'_, Waiting> {
        let limits = limits.clone();
        Box::pin(async move { self.why_waiting(scope, id, now, &limits).await })
    }
    fn get(&self, scope: Scope, id: GenerationId) -> Answer<'_, GenerationRow> {
        Box::pin(async move { self.get_generation(scope, id).await })
    }
    fn steps(&self, scope: Scope, id: GenerationId) -> Answer<'_, Vec<FinishedStep>> {
        Box::pin(async move { self.steps_of(scope, id).await })
    }
    fn list(&self, scope: Scope, filter: GenerationFilter, page: PageRequest) -> Answer<'_, Page<GenerationRow>> {
        Box::pin(async move { self.list_generations(scope, filter, &page).await })
    }
}

impl DraftStore for PostgresStore {
    fn get_draft(&self, scope: Scope, id: DraftId) -> Answer<'_, DraftRow> {
        Box::pin(async move { self.read_draft(scope, id).await })
    }
    fn whole_drafts(&self, wanted: Vec<(Scope, DraftId)>) -> Answer<'_, Vec<Option<WholeDraft>>> {
        Box::pin(async move { self.read_whole_drafts(&wanted).await })
    }
    fn list_drafts(&self, scope: Scope, filter: DraftFilter, page: PageRequest) -> Answer<'_, Page<DraftRow>> {
        Box::pin(async move { self.page_drafts(scope, filter, &page).await })
    }
    fn versions(&self, scope: Scope, draft: DraftId) -> Answer<'_, Vec<VersionRow>> {
        Box::pin(async move { self.read_versions(scope, draft).await })
    }
    fn version(&self, scope: Scope, draft: DraftId, number: Option<u32>) -> Answer<'_, VersionRow> {
        Box::pin(async move { self.read_version(scope, draft, number).await })
    }
    fn asset(&self, scope: Scope, id: AssetId) -> Answer<'_, AssetRow> {
        Box::pin(async move { self.read_asset(scope, id).await })
    }
    fn add_version(&self, edit: Edit) -> Answer<'_, DraftRow> {
        Box::pin(self.telling(async move { self.edit_draft(&edit).await }))
    }
    fn set_draft(&self, set: SetDraft) -> Answer<'_, DraftRow> {
        Box::pin(self.telling(async move { self.change_draft(&set).await }))
    }
    fn count_drafts(&self, scope: Scope, user: Option<UserId>) -> Answer<'_, Vec<(DraftStatus, u64)>> {
        Box::pin(async move { self.drafts_by_status(scope, user).await })
    }
}

impl LedgerStore for PostgresStore {
    fn post(&self, post: Post) -> Answer<'_, Posted> {
        Box::pin(self.telling(async move { self.post_transfer(&post).await }))
    }
    fn gift(&self, gift: Gift) -> Answer<'_, Posted> {
        Box::pin(self.telling(async move { self.give(&gift).await }))
    }
    fn expire_lots(&self, now: Timestamp, ids: Vec<TransferId>) -> Answer<'_, Vec<Transfer>> {
        Box::pin(self.telling(async move { self.expire_due(now, &ids).await }))
    }
    fn balance(&self, scope: Scope, user: UserId) -> Answer<'_, Balance> {
        Box::pin(async move { self.balance_of(scope, user).await })
    }
    fn account(&self, scope: Scope, user: UserId) -> Answer<'_, AccountRow> {
        Box::pin(async move { self.read_account(scope, user).await })
    }
    fn accounts(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<AccountRow>> {
        Box::pin(async move { self.list_accounts(scope, &page).await })
    }
    fn transfers(&self, scope: Scope, filter: TransferFilter, page: PageRequest) -> Answer<'_, Page<Line>> {
        Box::pin(async move { self.list_transfers(scope, &filter, &page).await })
    }
}

impl BudgetStore for PostgresStore {
    fn knows_budgets(&self) -> bool {
        self.budgets.in_force()
    }
    fn set_budget(&self, new: NewBudget) -> Answer<'_, Budget> {
        Box::pin(self.telling(async move { Ok(self.insert_budget(&new).await?) }))
    }
    fn change_budget(&self, scope: Scope, id: BudgetId, change: BudgetChange) -> Answer<'_, Budget> {
        Box::pin(self.telling(async move { Ok(self.alter_budget(scope, id, &change).await?) }))
    }
    fn end_budget(&self, scope: Scope, id: BudgetId, at: Timestamp) -> Answer<'_, Budget> {
        Box::pin(self.telling(async move { Ok(self.finish_budget(scope, id, at).await?) }))
    }
    fn budget(&self, scope: Scope, id: BudgetId) -> Answer<'_, Budget> {
        Box::pin(async move { self.read_budget(scope, id).await })
    }
    fn budgets(&self, scope: Scope, filter: BudgetFilter, page: PageRequest) -> Answer<'_, Page<Budget>> {
        Box::pin(async move { self.page_budgets(scope, &filter, &page).await })
    }
    fn budget_uses(&self, scope: Scope, id: BudgetId, from: Timestamp, limit: u32) -> Answer<'_, Vec<UseRow>> {
        Box::pin(async move { self.read_budget_uses(scope, id, from, limit).await })
    }
}

impl JobStore for PostgresStore {
    fn stage_items(&self, scope: Scope, job: JobId, items: Vec<NewItem>) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.insert_staged(scope, job, &items).await?) })
    }
    fn seal_job(&self, new: NewJob) -> Answer<'_, Sealed> {
        Box::pin(self.telling(async move { self.seal(&new).await }))
    }
    fn replay_job(&self, scope: Scope, key: Idempotency) -> Answer<'_, Option<Sealed>> {
        Box::pin(async move { self.find_job_replay(scope, &key).await })
    }
    fn live_job(&self, scope: Scope, dedupe_key: String) -> Answer<'_, Option<JobRow>> {
        Box::pin(async move { self.find_live_job(scope, &dedupe_key).await })
    }
    fn drop_staged(&self, which: Staged, limit: u32) -> Answer<'_, u64> {
        Box::pin(async move { Ok(self.remove_staged(which, limit).await?) })
    }
    fn job(&self, scope: Scope, id: JobId) -> Answer<'_, JobRow> {
        Box::pin(async move { self.read_job(scope, id).await })
    }
    fn jobs(&self, scope: Scope, filter: JobFilter, page: PageRequest) -> Answer<'_, Page<JobRow>> {
        Box::pin(async move { self.page_jobs(scope, &filter, &page).await })
    }
    fn order_job(&self, order: JobOrder) -> Answer<'_, JobRow> {
        Box::pin(self.telling(async move { Ok(self.carry_out_order(&order).await?) }))
    }
    fn jobs_at_work(&self, after: Option<JobId>, limit: u32) -> Answer<'_, Vec<JobRow>> {
        Box::pin(async move { self.list_jobs_at_work(after, limit).await })
    }
    fn open_jobs(&self) -> Answer<'_, Vec<OpenJobs>> {
        Box::pin(async move { self.count_open_jobs().await })
    }
}

impl ItemStore for PostgresStore {
    fn items(&self, scope: Scope, job: JobId, filter: ItemFilter, page: PageRequest) -> Answer<'_, Page<ItemRow>> {
        Box::pin(async move { self.page_items(scope, job, filter, &page).await })
    }
    fn close_items(&self, close: CloseItems) -> Answer<'_, u64> {
        Box::pin(self.telling(async move { Ok(self.end_items(&close).await?) }))
    }
    fn reopen_items(&self, reopen: ReopenItems) -> Answer<'_, Reopened> {
        Box::pin(self.telling(async move { Ok(self.open_items_again(&reopen).await?) }))
    }
}

impl UsageStore for PostgresStore {
    fn calls(&self, scope: Scope, filter: CallFilter, page: PageRequest) -> Answer<'_, Page<CallRow>> {
        Box::pin(async move { self.page_calls(scope, filter, &page).await })
    }
    fn totals(&self, scope: Scope, question: Question) -> Answer<'_, Vec<Total>> {
        Box::pin(async move { self.answer(scope, &question).await })
    }
    fn user_names(&self, scope: Scope, users: Vec<UserId>) -> Answer<'_, Vec<(UserId, String)>> {
        Box::pin(async move { self.names_of(scope, &users).await })
    }
}

impl EventStore for PostgresStore {
    fn events(&self, scope: Scope, after: i64, limit: u32) -> Answer<'_, EventPage> {
        Box::pin(async move { Ok(self.page_events(scope, after, limit).await?) })
    }
    fn event_bounds(&self, scope: Scope) -> Answer<'_, EventBounds> {
        Box::pin(async move { Ok(self.bounds_of_events(scope).await?) })
    }
    fn event_news(&self) -> BoxStream<'static, ()> {
        self.wake.news()
    }
}

impl RetentionStore for PostgresStore {
    fn prune(&self, prune: Prune) -> Answer<'_, Pruned> {
        Box::pin(async move { Ok(self.prune_batch(&prune).await?) })
    }
}

impl HealthStore for PostgresStore {
    fn health(&self) -> Answer<'_, Vec<HealthRow>> {
        Box::pin(async move { self.list_health().await })
    }
    fn rates(&self) -> Answer<'_, Vec<(String, Paid)>> {
        Box::pin(async move { self.list_rates().await })
    }
    fn backlog(&self) -> Answer<'_, Backlog> {
        Box::pin(async move { self.count_backlog().await })
    }
}

impl PriceStore for PostgresStore {
    fn add_price(&self, price: NewPrice) -> Answer<'_, i64> {
        Box::pin(async move { Ok(self.append_price(&price).await?) })
    }
    fn prices(&self, model: Option<String>, page: PageRequest) -> Answer<'_, Page<PriceRow>> {
        Box::pin(async move { self.page_prices(model.as_deref(), &page).await })
    }
}

impl AdminStore for PostgresStore {
    fn now(&self) -> Answer<'_, Option<Timestamp>> {
        Box::pin(async move { Ok(Some(self.server_now().await?)) })
    }
    fn describe(&self) -> Answer<'_, Description> {
        Box::pin(async move { self.describe_self().await })
    }
    fn check_schema(&self) -> Answer<'_, Vec<SchemaFault>> {
        Box::pin(async move { Ok(schema::check(&self.readers).await?) })
    }
    fn canary(&self, at: Timestamp) -> Answer<'_, ()> {
        Box::pin(async move { self.write_and_read_back(at).await })
    }
    fn pauses(&self) -> Answer<'_, Vec<Pause>> {
        Box::pin(async move { self.list_pauses().await })
    }
    fn set_pause(&self, what: PauseKey, paused: bool, at: Timestamp) -> Answer<'_, ()> {
        Box::pin(async move { self.write_pause(&what, paused, at).await })
    }
}

impl AuditStore for PostgresStore {
    fn audit(&self) -> Answer<'_, Vec<Finding>> {
        Box::pin(async move { Ok(audit::whole(&self.readers).await?) })
    }
    fn claim_audit(&self, node: NodeId, now: Timestamp, until: Timestamp, first: Round) -> Answer<'_, Option<Round>> {
        Box::pin(async move { Ok(self.claim_round(node, now, until, &first).await?) })
    }
    fn prove(&self, slice: Slice) -> Answer<'_, Proved> {
        Box::pin(async move { Ok(audit::prove(&self.readers, slice).await?) })
    }
    fn record_proof(&self, record: Record) -> Answer<'_, Option<Recorded>> {
        Box::pin(self.telling(async move { Ok(self.keep_findings(&record).await?) }))
    }
    fn audit_state(&self) -> Answer<'_, AuditState> {
        Box::pin(async move { Ok(self.read_audit_state().await?) })
    }
    fn open_findings(&self, limit: u32) -> Answer<'_, Vec<FindingRow>> {
        Box::pin(async move { Ok(self.list_open_findings(limit).await?) })
    }
}

impl KeyStore for PostgresStore {
    fn add_key(&self, key: KeyRow) -> Answer<'_, bool> {
        Box::pin(async move { Ok(self.insert_key(&key).await?) })
    }
    fn find_key(&self, secret_hash: [u8; 32]) -> Answer<'_, Option<KeyRow>> {
        Box::pin(self.key_by_hash(secret_hash))
    }
    fn get_key(&self, scope: Scope, id: KeyId) -> Answer<'_, KeyRow> {
        Box::pin(self.key_by_id(scope, id))
    }
    fn list_keys(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<KeyRow>> {
        Box::pin(async move { self.page_keys(scope, &page).await })
    }
    fn change_key(&self, change: KeyChange) -> Answer<'_, KeyRow> {
        Box::pin(async move { self.write_key_change(&change).await })
    }
    fn rotate_key(&self, rotation: KeyRotation) -> Answer<'_, ()> {
        Box::pin(async move { self.write_key_rotation(&rotation).await })
    }
    fn touch_keys(&self, uses: Vec<(KeyId, KeyUse)>) -> Answer<'_, ()> {
        Box::pin(self.write_key_uses(uses))
    }
}

impl WebhookStore for PostgresStore {
    fn add_webhook(&self, row: EndpointRow) -> Answer<'_, bool> {
        Box::pin(async move { Ok(self.insert_webhook(&row).await?) })
    }
    fn webhook(&self, scope: Scope, id: WebhookId) -> Answer<'_, EndpointRow> {
        Box::pin(self.read_webhook(scope.workspace, id))
    }
    fn webhooks(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<EndpointRow>> {
        Box::pin(async move { self.page_webhooks(scope, &page).await })
    }
    fn change_webhook(&self, change: EndpointChange) -> Answer<'_, EndpointRow> {
        Box::pin(async move { Ok(self.write_webhook_change(&change).await?) })
    }
    fn request_webhook(&self, scope: Scope) -> Answer<'_, Option<EndpointRow>> {
        Box::pin(self.webhook_of_requests(scope))
    }
    fn request_hooks(
        &self,
        workspace: WorkspaceId,
        generations: Vec<GenerationId>,
    ) -> Answer<'_, Vec<(GenerationId, RequestHook)>> {
        Box::pin(async move { self.hooks_of_requests(workspace, &generations).await })
    }
}

impl DeliveryStore for PostgresStore {
    fn feeds(&self, known: Option<i64>) -> Answer<'_, Feeds> {
        Box::pin(self.read_feeds(known))
    }
    fn feed_news(&self, since: Option<FeedMark>) -> Answer<'_, FeedNews> {
        Box::pin(async move { Ok(self.read_feed_news(since).await?) })
    }
    fn fan_out(&self, fan_out: FanOut) -> Answer<'_, Moved> {
        Box::pin(async move { Ok(self.move_feed(&fan_out).await?) })
    }
    fn send(&self, messages: Vec<NewDelivery>) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.send_messages(&messages).await?) })
    }
    fn claim_deliveries(&self, claim: ClaimDeliveries) -> Answer<'_, Leased> {
        Box::pin(async move { Ok(self.lease_deliveries(&claim).await?) })
    }
    fn finish_deliveries(&self, finished: Vec<Finished>) -> Answer<'_, Vec<bool>> {
        let tells = finished.iter().any(|one| matches!(one.health, Health::Over { .. }));
        let work = async move { Ok(self.write_finished(&finished).await?) };
        if tells { Box::pin(self.telling(work)) } else { Box::pin(work) }
    }
    fn deliveries(&self, scope: Scope, filter: DeliveryFilter, page: PageRequest) -> Answer<'_, Page<DeliveryRow>> {
        Box::pin(async move { self.page_deliveries(scope, &filter, &page).await })
    }
    fn delivery(&self, scope: Scope, id: DeliveryId) -> Answer<'_, (DeliveryRow, Vec<AttemptRow>)> {
        Box::pin(self.read_delivery(scope, id))
    }
    fn waiting(&self, workspace: WorkspaceId, lanes: Vec<Uuid>, at_most: u32) -> Answer<'_, Vec<u32>> {
        Box::pin(self.count_waiting(workspace, lanes, at_most))
    }
    fn delivery_backlog(&self, now: Timestamp) -> Answer<'_, DeliveryBacklog> {
        Box::pin(self.count_deliveries(now))
    }
}
