//! Every method of the contract, once: what stands before a store and passes calls through is written by
//! [`pass_through!`](crate::pass_through), and [`Method`] names them. A method that is missing here does not compile.
//!
//! ```ignore
//! use copydesk_store_tests::contract::*;
//! copydesk_store_tests::pass_through! { [impl<S: Store>] FaultyStore<S> }
//! ```
//!
//! The type has a field `inner` and `async fn through(&self, method: Method, call: impl Future<..>)`.

pub use copydesk_core::access::Email;
pub use copydesk_core::budget::Budget;
pub use copydesk_core::draft::DraftStatus;
pub use copydesk_core::files::Kept;
pub use copydesk_core::generation::waiting::Waiting;
pub use copydesk_core::health::Paid;
pub use copydesk_core::ledger::{Balance, Transfer};
pub use copydesk_core::metering::question::{Question, Total};
pub use copydesk_core::prospect::{Rule, Tally};
pub use copydesk_core::refusal::Refusal;
pub use copydesk_core::subscriber::ListName;
pub use copydesk_core::{
    AssetId, BudgetId, BulkId, DeliveryId, DraftId, FeedbackId, FileId, GenerationId, ImportId, ItemId, JobId, KeyId,
    LinkId, MailId, MailingId, NodeId, ProfileId, ProspectId, ScheduleId, SignInId, SourceId, SubscriberId,
    SuppressionId, Timestamp, TransferId, UserId, WebhookId, WorkspaceId,
};
pub use copydesk_store::admin::{Description, Pause, PauseKey};
pub use copydesk_store::audit::{AuditState, Finding, FindingRow, Proved, Record, Recorded, Round, Slice};
pub use copydesk_store::budgets::{BudgetChange, BudgetFilter, NewBudget, UseRow};
pub use copydesk_store::bulk::{
    BulkFilter, BulkItemFilter, BulkItemRow, BulkRow, EndBulkItems, Gather, NewBulk, Opened,
};
pub use copydesk_store::drafts::{AssetRow, DraftFilter, DraftRow, Edit, SetDraft, VersionRow, WholeDraft};
pub use copydesk_store::events::{EventBounds, EventPage};
pub use copydesk_store::feedback::{FeedbackFilter, FeedbackFor, FeedbackRow, PutFeedback};
pub use copydesk_store::files::{Added, FileFilter, FileRow, NewFile};
pub use copydesk_store::fill::FillMailing;
pub use copydesk_store::generations::{
    Accept, Accepted, Beaten, FinishedStep, GenerationFilter, GenerationRow, Heartbeat, Idempotency, Limits, Overdue,
    SweepRequest, Turn, TurnAnswer,
};
pub use copydesk_store::health::Backlog;
pub use copydesk_store::jobs::{
    CloseItems, ItemFilter, ItemRow, JobFilter, JobOrder, JobRow, NewItem, NewJob, OpenJobs, ReopenItems, Reopened,
    Sealed, Staged,
};
pub use copydesk_store::keys::{KeyChange, KeyRotation, KeyRow, KeyUse};
pub use copydesk_store::ledger::{AccountRow, Gift, Line, Post, Posted, TransferFilter};
pub use copydesk_store::logins::{LinkKey, LinkRow, LinkUse, LoginChange, NewLogin, UserFilter, UserRow};
pub use copydesk_store::mail::{
    ClaimMails, ClaimedMails, FinishedMail, JudgeMail, LostMails, MailFilter, MailRow, MailingChange, MailingRow,
    NewMailing, OpenedMailing,
};
pub use copydesk_store::prices::{NewPrice, PriceRow};
pub use copydesk_store::profiles::{ProfileFilter, ProfileRow, ProfilesFor, PutProfile};
pub use copydesk_store::prospects::{
    ImportRow, JudgeProspects, LetterSent, Listed, Names, ProspectChange, ProspectCut, ProspectFilter, ProspectRow,
    Skip, UndoImport, Undone, WriteProspects, Written,
};
pub use copydesk_store::retention::{Prune, Pruned};
pub use copydesk_store::schedules::{NewSchedule, NoteRun, RunRow, ScheduleChange, ScheduleFilter, ScheduleRow};
pub use copydesk_store::sign_ins::{Forget, NewSignIn, SignInRow, SignedIn};
pub use copydesk_store::sources::{
    ClaimSources, FetchRow, FinishFetch, Found, ItemsOf, NewSource, SourceChange, SourceFilter, SourceItem, SourceRow,
};
pub use copydesk_store::subscribers::{
    Kept as KeptSubscriber, ListTally, SubscriberFilter, SubscriberRow, Suppress, Suppressed, SuppressionFilter,
    SuppressionRow, WriteSubscribers,
};
pub use copydesk_store::usage::{CallFilter, CallRow};
pub use copydesk_store::webhooks::{
    AttemptRow, ClaimDeliveries, DeliveryBacklog, DeliveryFilter, DeliveryRow, EndpointChange, EndpointRow, FanOut,
    FeedMark, FeedNews, Feeds, Finished, Leased, Moved, NewDelivery, RequestHook,
};
pub use copydesk_store::{
    AdminStore, Answer, AuditStore, BudgetStore, BulkStore, DeliveryStore, DraftStore, EventStore, FeedbackStore,
    FileStore, FillStore, GenerationStore, HealthRow, HealthStore, ImportStore, ItemStore, JobStore, KeyStore,
    LedgerStore, LoginStore, MailStore, Page, PageRequest, PriceStore, ProfileStore, ProspectStore, RetentionStore,
    ScheduleStore, SchemaFault, Scope, SignInStore, SourceItemStore, SourceStore, SubscriberStore, UsageStore,
    WebhookStore,
};
pub use futures::stream::BoxStream;
pub use uuid::Uuid;

/// Hands the list of all methods to the macro `then`, behind `given`. The lines in brackets are not asynchronous: they
/// pass through as they are.
#[macro_export]
macro_rules! every_method {
    ($then:ident $given:tt) => {
        $crate::$then! { $given
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
            BulkStore {
                OpenBulk = open_bulk(new: NewBulk) -> Opened;
                Bulk = bulk(scope: Scope, id: BulkId) -> BulkRow;
                Bulks = bulks(scope: Scope, filter: BulkFilter, page: PageRequest) -> Page<BulkRow>;
                Gather = gather(gather: Gather) -> BulkRow;
                BulkItems = bulk_items(
                    scope: Scope, bulk: BulkId, filter: BulkItemFilter, page: PageRequest
                ) -> Page<BulkItemRow>;
                EndBulkItems = end_bulk_items(ends: EndBulkItems) -> BulkRow;
                CancelBulk = cancel_bulk(scope: Scope, id: BulkId, at: Timestamp) -> BulkRow;
                BulksAtWork = bulks_at_work(after: Option<BulkId>, limit: u32) -> Vec<BulkRow>;
            }
            FileStore {
                AddFile = add_file(new: NewFile) -> Added;
                File = file(scope: Scope, id: FileId) -> FileRow;
                Files = files(scope: Scope, filter: FileFilter, page: PageRequest) -> Page<FileRow>;
                RemoveFile = remove_file(scope: Scope, id: FileId) -> FileRow;
                FilesKept = files_kept(scope: Scope, now: Timestamp) -> Kept;
                LivingFiles = living_files(ids: Vec<FileId>, now: Timestamp) -> Vec<FileId>;
                ForgetFiles = forget_files(before: Timestamp, limit: u32) -> u64;
            }
            JobStore {
                StageItems = stage_items(scope: Scope, job: JobId, items: Vec<NewItem>) -> ();
                SealJob = seal_job(new: NewJob) -> Sealed;
                ReplayJob = replay_job(scope: Scope, key: Idempotency) -> Option<Sealed>;
                LiveJob = live_job(scope: Scope, dedupe_key: String) -> Option<JobRow>;
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
            ProspectStore {
                Prospect = prospect(scope: Scope, id: ProspectId) -> Listed;
                FindProspects = find_prospects(scope: Scope, names: Names) -> Vec<ProspectRow>;
                Prospects = prospects(scope: Scope, filter: ProspectFilter, page: PageRequest) -> Page<Listed>;
                CutProspects = cut_prospects(scope: Scope, skip: u32, limit: u32) -> ProspectCut;
                TallyProspects = tally_prospects(scope: Scope, filter: ProspectFilter, rule: Rule) -> Tally;
                WriteProspects = write_prospects(write: WriteProspects) -> Vec<Written>;
                ChangeProspect = change_prospect(change: ProspectChange) -> ProspectRow;
                JudgeProspects = judge_prospects(judge: JudgeProspects) -> u64;
                LettersSent = letters_sent(scope: Scope, to: Vec<ProspectId>) -> Vec<LetterSent>;
            }
            ImportStore {
                Import = import(scope: Scope, id: ImportId) -> ImportRow;
                Imports = imports(scope: Scope, page: PageRequest) -> Page<ImportRow>;
                ImportSkips = import_skips(scope: Scope, id: ImportId, page: PageRequest) -> Page<Skip>;
                UndoImport = undo_import(undo: UndoImport) -> Undone;
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
            ProfileStore {
                PutProfile = put_profile(put: PutProfile) -> ProfileRow;
                RemoveProfile = remove_profile(scope: Scope, id: ProfileId, revision: Option<i64>) -> ();
                Profile = profile(scope: Scope, id: ProfileId) -> ProfileRow;
                Profiles = profiles(scope: Scope, filter: ProfileFilter, page: PageRequest) -> Page<ProfileRow>;
                ProfilesFor = profiles_for(scope: Scope, recipe: String, user: UserId) -> ProfilesFor;
            }
            FeedbackStore {
                PutFeedback = put_feedback(put: PutFeedback) -> FeedbackRow;
                RemoveFeedback = remove_feedback(scope: Scope, id: FeedbackId) -> ();
                OneFeedback = one_feedback(scope: Scope, id: FeedbackId) -> FeedbackRow;
                Feedback = feedback(scope: Scope, filter: FeedbackFilter, page: PageRequest) -> Page<FeedbackRow>;
                FeedbackFor = feedback_for(asked: FeedbackFor) -> Vec<FeedbackRow>;
            }
            SourceStore {
                AddSource = add_source(new: NewSource) -> Option<SourceRow>;
                Source = source(scope: Scope, id: SourceId) -> SourceRow;
                Sources = sources(scope: Scope, filter: SourceFilter, page: PageRequest) -> Page<SourceRow>;
                ChangeSource = change_source(change: SourceChange) -> SourceRow;
                RemoveSource = remove_source(scope: Scope, id: SourceId, revision: Option<i64>) -> ();
                ClaimSources = claim_sources(claim: ClaimSources) -> Vec<SourceRow>;
                FinishFetch = finish_fetch(done: FinishFetch) -> Option<Found>;
                Fetches = fetches(scope: Scope, id: SourceId, page: PageRequest) -> Page<FetchRow>;
            }
            SourceItemStore {
                SourceItems = source_items(scope: Scope, filter: ItemsOf, page: PageRequest) -> Page<SourceItem>;
                RecentItems = recent_items(
                    scope: Scope, user: UserId, since: Timestamp, limit: u32
                ) -> Vec<SourceItem>;
                ForgetItems = forget_items(unseen_since: Timestamp, limit: u32) -> u64;
                ItemsToForget = items_to_forget(unseen_since: Timestamp) -> u64;
            }
            MailStore {
                OpenMailing = open_mailing(new: NewMailing) -> OpenedMailing;
                Mailing = mailing(scope: Scope, id: MailingId) -> MailingRow;
                Mailings = mailings(scope: Scope, page: PageRequest) -> Page<MailingRow>;
                Mails = mails(scope: Scope, filter: MailFilter, page: PageRequest) -> Page<MailRow>;
                Mail = mail(scope: Scope, id: MailId) -> MailRow;
                ClaimMails = claim_mails(claim: ClaimMails) -> ClaimedMails;
                FinishMails = finish_mails(finished: Vec<FinishedMail>) -> Vec<bool>;
                LoseMails = lose_mails(lost: LostMails) -> u64;
                ChangeMailing = change_mailing(change: MailingChange) -> MailingRow;
                JudgeMail = judge_mail(judge: JudgeMail) -> MailRow;
            }
            FillStore {
                LastOnList = last_on_list(scope: Scope, list: ListName) -> Option<SubscriberId>;
                UnfinishedMailings = unfinished_mailings(limit: u32) -> Vec<MailingRow>;
                FillMailing = fill_mailing(fill: FillMailing) -> MailingRow;
            }
            SubscriberStore {
                WriteSubscribers = write_subscribers(write: WriteSubscribers) -> Vec<KeptSubscriber>;
                Subscriber = subscriber(scope: Scope, id: SubscriberId) -> SubscriberRow;
                Subscribers = subscribers(
                    scope: Scope, filter: SubscriberFilter, page: PageRequest
                ) -> Page<SubscriberRow>;
                TallySubscribers = tally_subscribers(scope: Scope) -> Vec<ListTally>;
                RemoveSubscriber = remove_subscriber(scope: Scope, id: SubscriberId) -> ();
                Suppress = suppress(suppress: Suppress) -> Suppressed;
                Suppression = suppression(scope: Scope, id: SuppressionId) -> SuppressionRow;
                Suppressions = suppressions(
                    scope: Scope, filter: SuppressionFilter, page: PageRequest
                ) -> Page<SuppressionRow>;
                LiftSuppression = lift_suppression(scope: Scope, id: SuppressionId, at: Timestamp) -> ();
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
                Feeds = feeds(known: Option<i64>) -> Feeds;
                FeedNews = feed_news(since: Option<FeedMark>) -> FeedNews;
                FanOut = fan_out(fan_out: FanOut) -> Moved;
                Send = send(messages: Vec<NewDelivery>) -> ();
                ClaimDeliveries = claim_deliveries(claim: ClaimDeliveries) -> Leased;
                FinishDeliveries = finish_deliveries(finished: Vec<Finished>) -> Vec<bool>;
                Deliveries = deliveries(scope: Scope, filter: DeliveryFilter, page: PageRequest) -> Page<DeliveryRow>;
                Delivery = delivery(scope: Scope, id: DeliveryId) -> (DeliveryRow, Vec<AttemptRow>);
                WaitingDeliveries = waiting(workspace: WorkspaceId, lanes: Vec<Uuid>, at_most: u32) -> Vec<u32>;
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
                FindLink = find_link(key: LinkKey) -> Option<LinkRow>;
                Invites = invites(scope: Scope, page: PageRequest) -> Page<LinkRow>;
                EndInvite = end_invite(scope: Scope, id: LinkId, at: Timestamp) -> LinkRow;
                UseLink = use_link(using: LinkUse) -> SignedIn;
            }
            ScheduleStore {
                AddSchedule = add_schedule(new: NewSchedule) -> ScheduleRow;
                ChangeSchedule = change_schedule(change: ScheduleChange) -> ScheduleRow;
                RemoveSchedule = remove_schedule(scope: Scope, id: ScheduleId, revision: Option<i64>) -> ();
                Schedule = schedule(scope: Scope, id: ScheduleId) -> ScheduleRow;
                Schedules = schedules(scope: Scope, filter: ScheduleFilter, page: PageRequest) -> Page<ScheduleRow>;
                DueSchedules = due_schedules(
                    now: Timestamp, after: Option<ScheduleId>, limit: u32
                ) -> Vec<ScheduleRow>;
                NoteRun = note_run(run: NoteRun) -> bool;
                ScheduleRuns = schedule_runs(scope: Scope, id: ScheduleId, page: PageRequest) -> Page<RunRow>;
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
    };
}

/// Implements every contract for a type that passes calls through.
#[macro_export]
macro_rules! pass_through {
    ([$($impl:tt)+] $name:ty) => { $crate::every_method! { pass_each ([$($impl)+] $name) } };
}

#[doc(hidden)]
#[macro_export]
macro_rules! pass_each {
    ($given:tt $($contract:ident $([ $($as_it_is:tt)+ ])? { $($methods:tt)+ })+) => {
        $($crate::pass_one! { $given $contract [$($($as_it_is)+)?] $($methods)+ })+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! pass_one {
    (([$($impl:tt)+] $name:ty) $contract:ident [$($as_it_is:tt)*]
        $($variant:ident = $method:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)+
    ) => {
        $($impl)+ $contract for $name {
            $(fn $method(&self, $($arg: $kind),*) -> Answer<'_, $answer> {
                Box::pin(self.through(Method::$variant, self.inner.$method($($arg),*)))
            })+
            $($as_it_is)*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! name_each {
    (() $($contract:ident $([ $($as_it_is:tt)+ ])? {
        $($variant:ident = $method:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)+
    })+) => {
        /// A method of the contract.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Method { $($($variant,)+)+ }
    };
}

crate::every_method! { name_each () }
