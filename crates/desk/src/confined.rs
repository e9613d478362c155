//! The store as the desk asks it: a scope that is confined to a user sees and changes that user's things only. It stands
//! between everything in the desk and the engine, and implements the whole contract, so that no use case and no handler
//! can forget it. What is not the user's is asked for in a workspace that nobody has: the answer is, by construction,
//! the one for an id that nobody has.

mod bulk;
mod feedback;
mod files;
mod fill;
mod mail;
mod profiles;
mod prospects;
mod schedules;
mod sources;
mod subscribers;
mod telling;

use copydesk_core::access::Email;
use copydesk_core::budget::Budget;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::health::Paid;
use copydesk_core::ledger::{Balance, Transfer};
use copydesk_core::metering::question::{Group, Question, Total};
use copydesk_core::refusal::Refusal;
use copydesk_core::{
    AssetId, BudgetId, DraftId, GenerationId, JobId, KeyId, LinkId, NodeId, SignInId, Timestamp, TransferId, UserId,
    WorkspaceId,
};
use copydesk_store::admin::{Description, Pause, PauseKey};
use copydesk_store::audit::{AuditState, Finding, FindingRow, Proved, Record, Recorded, Round, Slice};
use copydesk_store::budgets::{BudgetChange, BudgetFilter, NewBudget, UseRow};
use copydesk_store::drafts::{AssetRow, DraftFilter, DraftRow, Edit, SetDraft, VersionRow, WholeDraft};
use copydesk_store::events::{EventBounds, EventPage};
use copydesk_store::generations::{
    Accept, Accepted, Beaten, FinishedStep, GenerationFilter, GenerationRow, Heartbeat, Idempotency, Limits, Overdue,
    Slot, SweepRequest, Turn, TurnAnswer,
};
use copydesk_store::health::Backlog;
use copydesk_store::jobs::{
    CloseItems, ItemFilter, ItemRow, JobFilter, JobOrder, JobRow, NewItem, NewJob, OpenJobs, ReopenItems, Reopened,
    Sealed, Staged,
};
use copydesk_store::keys::{KeyChange, KeyRotation, KeyRow, KeyUse};
use copydesk_store::ledger::{AccountRow, Gift, Line, Post, Posted, TransferFilter};
use copydesk_store::logins::{LinkKey, LinkRow, LinkUse, LoginChange, NewLogin, UserFilter, UserRow};
use copydesk_store::prices::{NewPrice, PriceRow};
use copydesk_store::retention::{Prune, Pruned};
use copydesk_store::sign_ins::{Forget, NewSignIn, SignInRow, SignedIn};
use copydesk_store::usage::{CallFilter, CallRow};
use copydesk_store::{
    AdminStore, Answer, AuditStore, BudgetStore, DraftStore, EventStore, GenerationStore, HealthRow, HealthStore,
    ItemStore, JobStore, KeyStore, LedgerStore, LoginStore, Page, PageRequest, PriceStore, RetentionStore, SchemaFault,
    Scope, SignInStore, Store, StoreError, UsageStore,
};
use futures::stream::BoxStream;
use std::sync::Arc;
use uuid::Uuid;

/// A workspace that nobody has.
const NOWHERE: Scope = Scope::of(WorkspaceId(Uuid::nil()));
/// The place behind one other, which a confined reader is told instead of whom it waits for.
const SECOND: u32 = 2;

pub(crate) struct Confined {
    inner: Arc<dyn Store>,
}

impl Confined {
    pub fn new(inner: Arc<dyn Store>) -> Confined {
        Confined { inner }
    }

    /// The whole workspace if this is the user's own, else nowhere.
    fn own(scope: Scope, owner: UserId) -> Scope {
        match scope.user {
            Some(user) if user != owner => NOWHERE,
            Some(_) | None => scope.whole(),
        }
    }

    /// Where to look, and for whom, when `asked` names a user or nobody.
    fn narrowed(scope: Scope, asked: Option<UserId>) -> (Scope, Option<UserId>) {
        match (scope.user, asked) {
            (None, asked) => (scope, asked),
            (Some(user), None) => (scope.whole(), Some(user)),
            (Some(_), Some(asked)) => (Confined::own(scope, asked), Some(asked)),
        }
    }

    async fn of_draft(&self, scope: Scope, draft: DraftId) -> Result<Scope, StoreError> {
        if scope.user.is_none() {
            return Ok(scope);
        }
        let row = self.inner.get_draft(scope.whole(), draft).await;
        Ok(found(row)?.map_or(NOWHERE, |row| Confined::own(scope, row.user)))
    }

    async fn of_generation(&self, scope: Scope, id: GenerationId) -> Result<Scope, StoreError> {
        if scope.user.is_none() {
            return Ok(scope);
        }
        let row = self.inner.get(scope.whole(), id).await;
        Ok(found(row)?.map_or(NOWHERE, |row| Confined::own(scope, row.user)))
    }

    async fn of_job(&self, scope: Scope, id: JobId) -> Result<Scope, StoreError> {
        if scope.user.is_none() {
            return Ok(scope);
        }
        let row = self.inner.job(scope.whole(), id).await;
        Ok(found(row)?.map_or(NOWHERE, |row| Confined::own(scope, row.job.user)))
    }

    async fn of_accept(&self, request: &Accept) -> Result<Scope, StoreError> {
        match request.slot {
            Slot::Existing(draft) => self.of_draft(Confined::scoped(request), draft).await,
            Slot::New { .. } => Ok(Confined::own(request.scope, request.user)),
        }
    }

    /// A request for somebody else fills nobody's draft.
    fn scoped(request: &Accept) -> Scope {
        if Confined::own(request.scope, request.user) == NOWHERE { NOWHERE } else { request.scope }
    }
}

/// What is there; `None` when nothing is.
fn found<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(row) => Ok(Some(row)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(
            error @ (StoreError::Refused(_)
            | StoreError::Busy(_)
            | StoreError::Unavailable(_)
            | StoreError::CommitUnknown(_)
            | StoreError::Corrupt(_)
            | StoreError::SchemaMismatch(_)
            | StoreError::TooNew { .. }
            | StoreError::Held { .. }),
        ) => Err(error),
    }
}

impl GenerationStore for Confined {
    fn accept(&self, mut batch: Vec<Accept>) -> Answer<'_, Vec<Result<Accepted, Refusal>>> {
        if batch.iter().all(|request| request.scope.user.is_none()) {
            return self.inner.accept(batch);
        }
        Box::pin(async move {
            for request in &mut batch {
                let scope = self.of_accept(request).await?;
                if scope == NOWHERE && matches!(request.slot, Slot::New { .. }) {
                    return Err(StoreError::Corrupt("a key of one user asks for another one".to_owned()));
                }
                request.scope = scope;
            }
            self.inner.accept(batch).await
        })
    }
    /// The key's owner is the API key, so what it repeats was its own user's.
    fn replay(&self, scope: Scope, key: Idempotency, at: Timestamp) -> Answer<'_, Option<Accepted>> {
        self.inner.replay(scope.whole(), key, at)
    }
    fn turn(&self, turn: Turn) -> Answer<'_, TurnAnswer> {
        self.inner.turn(turn)
    }
    fn heartbeat(&self, beat: Heartbeat) -> Answer<'_, Beaten> {
        self.inner.heartbeat(beat)
    }
    fn overdue(&self, sweep: SweepRequest) -> Answer<'_, Vec<Overdue>> {
        self.inner.overdue(sweep)
    }
    fn close_orphan_calls(&self, now: Timestamp, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        self.inner.close_orphan_calls(now, before, limit)
    }
    fn why(&self, scope: Scope, id: GenerationId, now: Timestamp, limits: &Limits) -> Answer<'_, Waiting> {
        let limits = limits.clone();
        Box::pin(async move {
            let whole = self.of_generation(scope, id).await?;
            let waiting = self.inner.why(whole, id, now, &limits).await?;
            match &waiting {
                Waiting::TargetLocked { holder, .. } if self.of_generation(scope, *holder).await? == NOWHERE => {
                    Ok(Waiting::BehindOthers { position: SECOND })
                }
                Waiting::TargetLocked { .. }
                | Waiting::BehindOthers { .. }
                | Waiting::LaneFull { .. }
                | Waiting::CoolingDown { .. }
                | Waiting::RateLimited { .. }
                | Waiting::BackingOff { .. }
                | Waiting::Scheduled { .. }
                | Waiting::Paused { .. }
                | Waiting::JobPaused { .. }
                | Waiting::NoWorker
                | Waiting::NotWaiting => Ok(waiting),
            }
        })
    }
    fn get(&self, scope: Scope, id: GenerationId) -> Answer<'_, GenerationRow> {
        Box::pin(async move { self.inner.get(self.of_generation(scope, id).await?, id).await })
    }
    fn steps(&self, scope: Scope, id: GenerationId) -> Answer<'_, Vec<FinishedStep>> {
        Box::pin(async move { self.inner.steps(self.of_generation(scope, id).await?, id).await })
    }
    fn list(&self, scope: Scope, filter: GenerationFilter, page: PageRequest) -> Answer<'_, Page<GenerationRow>> {
        let (scope, user) = Confined::narrowed(scope, filter.user);
        self.inner.list(scope, GenerationFilter { user, ..filter }, page)
    }
}

impl DraftStore for Confined {
    fn get_draft(&self, scope: Scope, id: DraftId) -> Answer<'_, DraftRow> {
        Box::pin(async move { self.inner.get_draft(self.of_draft(scope, id).await?, id).await })
    }
    fn whole_drafts(&self, wanted: Vec<(Scope, DraftId)>) -> Answer<'_, Vec<Option<WholeDraft>>> {
        Box::pin(async move {
            let users: Vec<Option<UserId>> = wanted.iter().map(|(scope, _)| scope.user).collect();
            let whole = wanted.into_iter().map(|(scope, id)| (scope.whole(), id)).collect();
            let found = self.inner.whole_drafts(whole).await?;
            let own = |(found, user): (Option<WholeDraft>, Option<UserId>)| {
                found.filter(|draft| user.is_none_or(|user| user == draft.row.user))
            };
            Ok(found.into_iter().zip(users).map(own).collect())
        })
    }
    fn list_drafts(&self, scope: Scope, filter: DraftFilter, page: PageRequest) -> Answer<'_, Page<DraftRow>> {
        let (scope, user) = Confined::narrowed(scope, filter.user);
        self.inner.list_drafts(scope, DraftFilter { user, ..filter }, page)
    }
    fn versions(&self, scope: Scope, draft: DraftId) -> Answer<'_, Vec<VersionRow>> {
        Box::pin(async move { self.inner.versions(self.of_draft(scope, draft).await?, draft).await })
    }
    fn version(&self, scope: Scope, draft: DraftId, number: Option<u32>) -> Answer<'_, VersionRow> {
        Box::pin(async move { self.inner.version(self.of_draft(scope, draft).await?, draft, number).await })
    }
    fn asset(&self, scope: Scope, id: AssetId) -> Answer<'_, AssetRow> {
        Box::pin(async move {
            let row = self.inner.asset(scope.whole(), id).await?;
            match self.of_draft(scope, row.draft).await? {
                NOWHERE => self.inner.asset(NOWHERE, id).await,
                _ => Ok(row),
            }
        })
    }
    fn add_version(&self, edit: Edit) -> Answer<'_, DraftRow> {
        Box::pin(async move {
            let scope = self.of_draft(edit.scope, edit.draft).await?;
            self.inner.add_version(Edit { scope, ..edit }).await
        })
    }
    fn set_draft(&self, set: SetDraft) -> Answer<'_, DraftRow> {
        Box::pin(async move {
            let scope = self.of_draft(set.scope, set.draft).await?;
            self.inner.set_draft(SetDraft { scope, ..set }).await
        })
    }
    fn count_drafts(&self, scope: Scope, user: Option<UserId>) -> Answer<'_, Vec<(DraftStatus, u64)>> {
        let (scope, user) = Confined::narrowed(scope, user);
        self.inner.count_drafts(scope, user)
    }
}

/// Posting needs `credits:write`, which no key of one user has.
impl LedgerStore for Confined {
    fn post(&self, post: Post) -> Answer<'_, Posted> {
        self.inner.post(post)
    }
    fn gift(&self, gift: Gift) -> Answer<'_, Posted> {
        self.inner.gift(gift)
    }
    fn expire_lots(&self, now: Timestamp, ids: Vec<TransferId>) -> Answer<'_, Vec<Transfer>> {
        self.inner.expire_lots(now, ids)
    }
    fn balance(&self, scope: Scope, user: UserId) -> Answer<'_, Balance> {
        self.inner.balance(Confined::own(scope, user), user)
    }
    fn account(&self, scope: Scope, user: UserId) -> Answer<'_, AccountRow> {
        self.inner.account(Confined::own(scope, user), user)
    }
    fn accounts(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<AccountRow>> {
        let Some(user) = scope.user else { return self.inner.accounts(scope, page) };
        Box::pin(async move {
            let account = found(self.inner.account(scope.whole(), user).await)?;
            let seen = page.after.is_some();
            Ok(Page { rows: account.into_iter().filter(|_| !seen).collect(), next: None })
        })
    }
    fn transfers(&self, scope: Scope, filter: TransferFilter, page: PageRequest) -> Answer<'_, Page<Line>> {
        let (scope, user) = Confined::narrowed(scope, filter.user);
        self.inner.transfers(scope, TransferFilter { user, ..filter }, page)
    }
}

impl UsageStore for Confined {
    fn calls(&self, scope: Scope, filter: CallFilter, page: PageRequest) -> Answer<'_, Page<CallRow>> {
        let (scope, user) = Confined::narrowed(scope, filter.user);
        self.inner.calls(scope, CallFilter { user, ..filter }, page)
    }
    fn totals(&self, scope: Scope, question: Question) -> Answer<'_, Vec<Total>> {
        let (scope, user) = Confined::narrowed(scope, question.only.user);
        let only = Group { user, ..question.only };
        self.inner.totals(scope, Question { only, ..question })
    }
    fn user_names(&self, scope: Scope, mut users: Vec<UserId>) -> Answer<'_, Vec<(UserId, String)>> {
        users.retain(|user| Confined::own(scope, *user) != NOWHERE);
        self.inner.user_names(scope.whole(), users)
    }
}

/// No key of one user has a scope for any of these; what belongs to a workspace is nowhere for it.
impl KeyStore for Confined {
    fn add_key(&self, key: KeyRow) -> Answer<'_, bool> {
        self.inner.add_key(key)
    }
    fn find_key(&self, secret_hash: [u8; 32]) -> Answer<'_, Option<KeyRow>> {
        self.inner.find_key(secret_hash)
    }
    fn get_key(&self, scope: Scope, id: KeyId) -> Answer<'_, KeyRow> {
        self.inner.get_key(unconfined(scope), id)
    }
    fn list_keys(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<KeyRow>> {
        self.inner.list_keys(unconfined(scope), page)
    }
    fn change_key(&self, change: KeyChange) -> Answer<'_, KeyRow> {
        let scope = unconfined(change.scope);
        self.inner.change_key(KeyChange { scope, ..change })
    }
    fn rotate_key(&self, rotation: KeyRotation) -> Answer<'_, ()> {
        self.inner.rotate_key(rotation)
    }
    fn touch_keys(&self, uses: Vec<(KeyId, KeyUse)>) -> Answer<'_, ()> {
        self.inner.touch_keys(uses)
    }
}

/// No key of one user has a scope for other people; who he himself is, and where he is signed in, is asked for by the whole
/// workspace and his own id (`sign_in.rs`).
impl LoginStore for Confined {
    fn users(&self, scope: Scope, filter: UserFilter, page: PageRequest) -> Answer<'_, Page<UserRow>> {
        self.inner.users(unconfined(scope), filter, page)
    }
    fn user(&self, scope: Scope, id: UserId) -> Answer<'_, UserRow> {
        self.inner.user(unconfined(scope), id)
    }
    fn find_login(&self, scope: Scope, email: Email) -> Answer<'_, Option<UserRow>> {
        self.inner.find_login(unconfined(scope), email)
    }
    fn add_login(&self, new: NewLogin) -> Answer<'_, UserRow> {
        self.inner.add_login(new)
    }
    fn change_login(&self, change: LoginChange) -> Answer<'_, UserRow> {
        let scope = unconfined(change.scope);
        self.inner.change_login(LoginChange { scope, ..change })
    }
    fn add_link(&self, link: LinkRow) -> Answer<'_, ()> {
        self.inner.add_link(link)
    }
    fn find_link(&self, key: LinkKey) -> Answer<'_, Option<LinkRow>> {
        self.inner.find_link(match key {
            LinkKey::Secret(_) => key,
            LinkKey::Invite(scope, id) => LinkKey::Invite(unconfined(scope), id),
            LinkKey::InviteFor(scope, email, at) => LinkKey::InviteFor(unconfined(scope), email, at),
        })
    }
    fn invites(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<LinkRow>> {
        self.inner.invites(unconfined(scope), page)
    }
    fn end_invite(&self, scope: Scope, id: LinkId, at: Timestamp) -> Answer<'_, LinkRow> {
        self.inner.end_invite(unconfined(scope), id, at)
    }
    fn use_link(&self, using: LinkUse) -> Answer<'_, SignedIn> {
        self.inner.use_link(using)
    }
}

impl SignInStore for Confined {
    fn add_sign_in(&self, new: NewSignIn) -> Answer<'_, bool> {
        self.inner.add_sign_in(new)
    }
    fn find_sign_in(&self, token_hash: [u8; 32]) -> Answer<'_, Option<SignedIn>> {
        self.inner.find_sign_in(token_hash)
    }
    fn get_sign_in(&self, scope: Scope, id: SignInId) -> Answer<'_, Option<SignedIn>> {
        self.inner.get_sign_in(unconfined(scope), id)
    }
    fn sign_ins(&self, scope: Scope, user: UserId) -> Answer<'_, Vec<SignInRow>> {
        self.inner.sign_ins(unconfined(scope), user)
    }
    fn end_sign_ins(&self, scope: Scope, user: UserId, one: Option<SignInId>) -> Answer<'_, u64> {
        self.inner.end_sign_ins(unconfined(scope), user, one)
    }
    fn touch_sign_ins(&self, uses: Vec<(SignInId, Timestamp)>) -> Answer<'_, ()> {
        self.inner.touch_sign_ins(uses)
    }
    fn forget_sign_ins(&self, forget: Forget) -> Answer<'_, u64> {
        self.inner.forget_sign_ins(forget)
    }
}

fn unconfined(scope: Scope) -> Scope {
    if scope.user.is_some() { NOWHERE } else { scope }
}

impl AdminStore for Confined {
    fn now(&self) -> Answer<'_, Option<Timestamp>> {
        self.inner.now()
    }
    fn describe(&self) -> Answer<'_, Description> {
        self.inner.describe()
    }
    fn check_schema(&self) -> Answer<'_, Vec<SchemaFault>> {
        self.inner.check_schema()
    }
    fn canary(&self, at: Timestamp) -> Answer<'_, ()> {
        self.inner.canary(at)
    }
    fn pauses(&self) -> Answer<'_, Vec<Pause>> {
        self.inner.pauses()
    }
    fn set_pause(&self, what: PauseKey, paused: bool, at: Timestamp) -> Answer<'_, ()> {
        self.inner.set_pause(what, paused, at)
    }
}

/// Budgets are the workspace's: no key of one user has a scope for them.
impl BudgetStore for Confined {
    fn knows_budgets(&self) -> bool {
        self.inner.knows_budgets()
    }
    fn set_budget(&self, new: NewBudget) -> Answer<'_, Budget> {
        self.inner.set_budget(new)
    }
    fn change_budget(&self, scope: Scope, id: BudgetId, change: BudgetChange) -> Answer<'_, Budget> {
        self.inner.change_budget(unconfined(scope), id, change)
    }
    fn end_budget(&self, scope: Scope, id: BudgetId, at: Timestamp) -> Answer<'_, Budget> {
        self.inner.end_budget(unconfined(scope), id, at)
    }
    fn budget(&self, scope: Scope, id: BudgetId) -> Answer<'_, Budget> {
        self.inner.budget(unconfined(scope), id)
    }
    fn budgets(&self, scope: Scope, filter: BudgetFilter, page: PageRequest) -> Answer<'_, Page<Budget>> {
        self.inner.budgets(unconfined(scope), filter, page)
    }
    fn budget_uses(&self, scope: Scope, id: BudgetId, from: Timestamp, limit: u32) -> Answer<'_, Vec<UseRow>> {
        self.inner.budget_uses(unconfined(scope), id, from, limit)
    }
}

/// A key of one user makes jobs of that user, and sees no others.
impl JobStore for Confined {
    fn stage_items(&self, scope: Scope, job: JobId, items: Vec<NewItem>) -> Answer<'_, ()> {
        self.inner.stage_items(scope.whole(), job, items)
    }
    fn seal_job(&self, mut new: NewJob) -> Answer<'_, Sealed> {
        new.facts.scope = Confined::own(new.facts.scope, new.facts.user);
        self.inner.seal_job(new)
    }
    /// The key's owner is the API key, so what it repeats was its own user's.
    fn replay_job(&self, scope: Scope, key: Idempotency) -> Answer<'_, Option<Sealed>> {
        self.inner.replay_job(scope.whole(), key)
    }
    fn live_job(&self, scope: Scope, dedupe_key: String) -> Answer<'_, Option<JobRow>> {
        Box::pin(async move {
            let job = self.inner.live_job(scope.whole(), dedupe_key).await?;
            Ok(job.filter(|row| scope.user.is_none_or(|user| row.facts.user == user)))
        })
    }
    fn drop_staged(&self, which: Staged, limit: u32) -> Answer<'_, u64> {
        self.inner.drop_staged(which, limit)
    }
    fn job(&self, scope: Scope, id: JobId) -> Answer<'_, JobRow> {
        Box::pin(async move { self.inner.job(self.of_job(scope, id).await?, id).await })
    }
    fn jobs(&self, scope: Scope, filter: JobFilter, page: PageRequest) -> Answer<'_, Page<JobRow>> {
        let (scope, user) = Confined::narrowed(scope, filter.user);
        self.inner.jobs(scope, JobFilter { user, ..filter }, page)
    }
    fn order_job(&self, order: JobOrder) -> Answer<'_, JobRow> {
        Box::pin(async move {
            let scope = self.of_job(order.scope, order.job).await?;
            self.inner.order_job(JobOrder { scope, ..order }).await
        })
    }
    fn jobs_at_work(&self, after: Option<JobId>, limit: u32) -> Answer<'_, Vec<JobRow>> {
        self.inner.jobs_at_work(after, limit)
    }
    /// The installation's, for its operator.
    fn open_jobs(&self) -> Answer<'_, Vec<OpenJobs>> {
        self.inner.open_jobs()
    }
}

impl ItemStore for Confined {
    fn items(&self, scope: Scope, job: JobId, filter: ItemFilter, page: PageRequest) -> Answer<'_, Page<ItemRow>> {
        Box::pin(async move { self.inner.items(self.of_job(scope, job).await?, job, filter, page).await })
    }
    fn close_items(&self, close: CloseItems) -> Answer<'_, u64> {
        Box::pin(async move {
            let scope = self.of_job(close.scope, close.job).await?;
            self.inner.close_items(CloseItems { scope, ..close }).await
        })
    }
    fn reopen_items(&self, reopen: ReopenItems) -> Answer<'_, Reopened> {
        Box::pin(async move {
            let scope = self.of_job(reopen.scope, reopen.job).await?;
            self.inner.reopen_items(ReopenItems { scope, ..reopen }).await
        })
    }
}

impl AuditStore for Confined {
    fn audit(&self) -> Answer<'_, Vec<Finding>> {
        self.inner.audit()
    }
    fn claim_audit(&self, node: NodeId, now: Timestamp, until: Timestamp, first: Round) -> Answer<'_, Option<Round>> {
        self.inner.claim_audit(node, now, until, first)
    }
    fn prove(&self, slice: Slice) -> Answer<'_, Proved> {
        self.inner.prove(slice)
    }
    fn record_proof(&self, record: Record) -> Answer<'_, Option<Recorded>> {
        self.inner.record_proof(record)
    }
    fn audit_state(&self) -> Answer<'_, AuditState> {
        self.inner.audit_state()
    }
    fn open_findings(&self, limit: u32) -> Answer<'_, Vec<FindingRow>> {
        self.inner.open_findings(limit)
    }
}

impl EventStore for Confined {
    fn events(&self, scope: Scope, after: i64, limit: u32) -> Answer<'_, EventPage> {
        let Some(user) = scope.user else { return self.inner.events(scope, after, limit) };
        Box::pin(async move {
            let mut page = self.inner.events(scope.whole(), after, limit).await?;
            page.rows.retain(|row| row.user == Some(user));
            Ok(page)
        })
    }
    fn event_bounds(&self, scope: Scope) -> Answer<'_, EventBounds> {
        self.inner.event_bounds(scope.whole())
    }
    fn event_news(&self) -> BoxStream<'static, ()> {
        self.inner.event_news()
    }
}

impl RetentionStore for Confined {
    fn prune(&self, prune: Prune) -> Answer<'_, Pruned> {
        self.inner.prune(prune)
    }
}

impl HealthStore for Confined {
    fn health(&self) -> Answer<'_, Vec<HealthRow>> {
        self.inner.health()
    }
    fn rates(&self) -> Answer<'_, Vec<(String, Paid)>> {
        self.inner.rates()
    }
    fn backlog(&self) -> Answer<'_, Backlog> {
        self.inner.backlog()
    }
}

impl PriceStore for Confined {
    fn add_price(&self, price: NewPrice) -> Answer<'_, i64> {
        self.inner.add_price(price)
    }
    fn prices(&self, model: Option<String>, page: PageRequest) -> Answer<'_, Page<PriceRow>> {
        self.inner.prices(model, page)
    }
}
