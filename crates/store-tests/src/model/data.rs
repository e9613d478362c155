//! The model's tables: one ordered map each. A generation is one entry with one state, so "in exactly one place" holds by
//! construction; everything else is checked by [`super::audit`]. Never awaits, never reads a clock.

use copydesk_core::budget::Place;
use copydesk_core::budget::book::Book;
use copydesk_core::generation::fairness::VirtualTime;
use copydesk_core::generation::{Generation, State, Status, Wait};
use copydesk_core::health::{Paid, Rows};
use copydesk_core::job::book::JobBook;
use copydesk_core::ledger::chain::ChainHash;
use copydesk_core::ledger::{Balance, Lot};
use copydesk_core::mail::Pace;
use copydesk_core::{
    AssetId, BudgetId, BulkId, CallId, DeliveryId, DraftId, FeedbackId, FileId, GenerationId, ImportId, JobId, MailId,
    MailingId, NodeId, ProfileId, ProspectId, ScheduleId, SignInId, SourceId, SubscriberId, SuppressionId, Timestamp,
    TransferId, UserId, WebhookId, WorkspaceId,
};
use copydesk_store::admin::{NodeRow, PauseKey};
use copydesk_store::audit::{FindingKey, FindingRow, Round, Space};
use copydesk_store::bulk::{BulkItemRow, BulkRow};
use copydesk_store::drafts::{AssetRow, DraftRow, VersionRow};
use copydesk_store::events::{EventRow, NewEvent};
use copydesk_store::feedback::FeedbackRow;
use copydesk_store::generations::{Accept, Accepted, Fence, FinishedStep};
use copydesk_store::jobs::{ItemRow, JobRow};
use copydesk_store::keys::KeyRow;
use copydesk_store::logins::{LinkRow, Login};
use copydesk_store::mail::{MailRow, MailingRow};
use copydesk_store::prices::NewPrice;
use copydesk_store::profiles::ProfileRow;
use copydesk_store::prospects::{ImportRow, ProspectRow, Skip};
use copydesk_store::schedules::{RunRow, ScheduleRow};
use copydesk_store::sign_ins::SignInRow;
use copydesk_store::subscribers::{SubscriberRow, SuppressionRow};
use copydesk_store::usage::CallRow;
use copydesk_store::webhooks::{AttemptRow, DeliveryRow, EndpointRow};
use copydesk_store::{Page, PageRequest, Scope, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;
use tokio::sync::watch;
use uuid::Uuid;

/// A generation with the facts of its accept (which never change) and its live part.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub accept: Accept,
    pub draft: DraftId,
    pub sort_key: VirtualTime,
    /// The draft's current version at accept: if it is another one at settle, somebody edited meanwhile.
    pub base_version: u32,
    pub generation: Generation,
    /// `provider/model` and step of the next or running call.
    pub model: String,
    pub step: String,
    /// The model of the last call that was opened.
    pub called: Option<String>,
    /// When it was claimed last.
    pub claimed_at: Option<Timestamp>,
    /// The run's own call, while it runs.
    pub call: Option<CallId>,
    pub last_error: Option<(String, String)>,
    pub steps: Vec<FinishedStep>,
    /// Its run waits for a job at the provider.
    pub waits: bool,
    pub version: Option<u32>,
    pub origin: Option<String>,
}

impl Entry {
    pub fn scope(&self) -> Scope {
        self.accept.scope
    }
    /// The queue it waits in or was claimed from. A retry may move it to another model's.
    pub fn queue(&self) -> Queue {
        (self.scope().workspace, self.accept.recipe.clone(), self.model.clone(), self.onward())
    }
    /// Whether its route has a further model.
    pub fn onward(&self) -> bool {
        self.generation.terms.onward(self.generation.spent)
    }
    pub fn is_live(&self) -> bool {
        !self.generation.state.status().is_final()
    }
}

/// Generations with the same lanes. Its parts: workspace, recipe, `provider/model`, whether a further model follows.
pub(super) type Queue = (WorkspaceId, String, String, bool);

#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub scope: Scope,
    pub row: DraftRow,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub scope: Scope,
    pub row: CallRow,
}

#[derive(Clone, Debug)]
pub(super) struct AccountEntry {
    pub balance: Balance,
    pub chain_seq: i64,
    pub chain_hash: ChainHash,
    /// Soonest to expire first; none is empty.
    pub lots: Vec<Lot>,
}

impl Default for AccountEntry {
    fn default() -> AccountEntry {
        AccountEntry { balance: Balance::default(), chain_seq: 0, chain_hash: ChainHash::START, lots: vec![] }
    }
}

/// A user as first seen.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub external: String,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug)]
pub(super) struct LedgerEntry {
    pub entry: copydesk_store::ledger::Entry,
    pub chain_seq: i64,
    pub chain_hash: ChainHash,
}

/// The answer to the idempotency key of a posting.
#[derive(Clone, Debug)]
pub(super) struct PostKey {
    pub fingerprint: [u8; 32],
    pub transfer: TransferId,
    pub expires_at: Timestamp,
}

/// The answer to an idempotency key.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    pub fingerprint: [u8; 32],
    /// New or duplicate.
    pub answer: Accepted,
    pub expires_at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    /// How many may wait; a property of the store, as it is of an engine's options.
    pub waiting_max: u64,
    pub users: BTreeMap<(WorkspaceId, UserId), User>,
    pub logins: BTreeMap<(WorkspaceId, UserId), Login>,
    pub links: Vec<LinkRow>,
    pub sign_ins: BTreeMap<SignInId, SignInRow>,
    pub drafts: BTreeMap<DraftId, Draft>,
    pub versions: BTreeMap<(DraftId, u32), VersionRow>,
    pub assets: BTreeMap<AssetId, (Scope, AssetRow)>,
    pub generations: BTreeMap<GenerationId, Entry>,
    /// Derived: the claimable ones in their order.
    pub ready: BTreeSet<(VirtualTime, GenerationId)>,
    /// Derived: pending and processing ones.
    pub live: BTreeSet<GenerationId>,
    pub live_targets: BTreeMap<(WorkspaceId, String), GenerationId>,
    pub live_keys: BTreeMap<(WorkspaceId, String), (GenerationId, DraftId)>,
    /// By workspace, owner, route, key.
    pub idempotency: BTreeMap<(WorkspaceId, String, String, String), Replay>,
    pub calls: BTreeMap<CallId, Call>,
    /// Those that were removed for their age; totals count them for ever.
    pub pruned_calls: Vec<Call>,
    /// Up to when something may have been removed, by [`copydesk_store::retention::Aged`].
    pub retention: BTreeMap<&'static str, Timestamp>,
    /// Numbers are never used twice, also not those of events that are gone.
    pub last_event: i64,
    pub accounts: BTreeMap<(WorkspaceId, UserId), AccountEntry>,
    pub transfers: Vec<LedgerEntry>,
    /// By workspace, owner, route, key.
    pub post_keys: BTreeMap<(WorkspaceId, String, String, String), PostKey>,
    pub events: Vec<(Scope, EventRow)>,
    /// The highest number that was removed for its age.
    pub events_removed: BTreeMap<WorkspaceId, i64>,
    pub news: watch::Sender<u64>,
    pub nodes: BTreeMap<NodeId, NodeRow>,
    /// Who audits until when, and how far the round is.
    pub audit: Option<(NodeId, Timestamp, Round)>,
    /// With their space, and when they were gone.
    pub findings: BTreeMap<FindingKey, (Space, FindingRow, Option<Timestamp>)>,
    pub pauses: BTreeMap<String, (PauseKey, Timestamp)>,
    /// Who is cooling down or has failed lately.
    pub health: Rows,
    /// What the rate lanes have paid, by name.
    pub rates: BTreeMap<String, Paid>,
    pub prices: Vec<NewPrice>,
    pub files: BTreeMap<FileId, super::files::FileEntry>,
    pub feedback: BTreeMap<FeedbackId, (WorkspaceId, FeedbackRow)>,
    pub sources: BTreeMap<SourceId, super::sources::Source>,
    pub profiles: BTreeMap<ProfileId, (WorkspaceId, ProfileRow)>,
    pub schedules: BTreeMap<ScheduleId, ScheduleRow>,
    pub schedule_runs: BTreeMap<(ScheduleId, u64), RunRow>,
    /// By workspace and idempotency key: the fingerprint and the schedule.
    pub schedule_keys: BTreeMap<(WorkspaceId, String), ([u8; 32], ScheduleId)>,
    pub budgets: Book,
    /// What each sum holds of entries that were folded into it.
    pub folded: BTreeMap<Place, i64>,
    /// By workspace and idempotency key: the fingerprint, and the budget that was set with it.
    pub budget_keys: BTreeMap<(WorkspaceId, String), ([u8; 32], BudgetId)>,
    pub jobs: JobBook,
    /// Their facts; what a row says of its state is that of its making.
    pub job_facts: BTreeMap<JobId, JobRow>,
    pub job_staging: BTreeMap<JobId, Scope>,
    pub job_items: BTreeMap<(JobId, u32), ItemRow>,
    /// By workspace and idempotency key: the fingerprint, the job, and whether it was another's.
    pub job_keys: BTreeMap<(WorkspaceId, String), ([u8; 32], JobId, bool)>,
    /// The jobs that hold their dedupe key.
    pub job_live_keys: BTreeSet<JobId>,
    pub bulks: BTreeMap<BulkId, BulkRow>,
    pub bulk_items: BTreeMap<(BulkId, Uuid), BulkItemRow>,
    /// By workspace and idempotency key: the fingerprint and the bulk action.
    pub bulk_keys: BTreeMap<(WorkspaceId, String), ([u8; 32], BulkId)>,
    pub prospects: BTreeMap<ProspectId, ProspectRow>,
    pub imports: BTreeMap<ImportId, ImportRow>,
    pub import_skips: BTreeMap<(ImportId, u64), Skip>,
    pub mailings: BTreeMap<MailingId, MailingRow>,
    pub mails: BTreeMap<MailId, MailRow>,
    /// By workspace and idempotency key: the fingerprint and the mailing.
    pub mailing_keys: BTreeMap<(WorkspaceId, String), ([u8; 32], MailingId)>,
    pub mail_pace: Option<Pace>,
    pub subscribers: BTreeMap<SubscriberId, SubscriberRow>,
    pub suppressions: BTreeMap<SuppressionId, SuppressionRow>,
    pub keys: Vec<KeyRow>,
    pub webhooks: BTreeMap<WebhookId, EndpointRow>,
    /// How far, and how often its endpoints were changed.
    pub feeds: BTreeMap<WorkspaceId, (i64, i64)>,
    pub deliveries: BTreeMap<(WorkspaceId, DeliveryId), DeliveryRow>,
    pub attempts: BTreeMap<(WorkspaceId, DeliveryId, u32), AttemptRow>,
    /// The largest sort key claimed from any queue.
    pub common_time: VirtualTime,
    pub clock: BTreeMap<Queue, VirtualTime>,
    /// Where each user's last one in each queue ends.
    pub fair: BTreeMap<(Queue, UserId), VirtualTime>,
}

impl Data {
    /// The generation, if it is in this workspace.
    pub fn entry(&self, scope: Scope, id: GenerationId) -> Option<&Entry> {
        self.generations.get(&id).filter(|entry| entry.scope() == scope)
    }

    pub fn fence(&self, scope: Scope, id: GenerationId) -> Option<Fence> {
        self.entry(scope, id).map(|entry| Fence::of(&entry.generation))
    }

    /// Writes a state and keeps the two derived sets in step with it.
    pub fn set_state(&mut self, id: GenerationId, state: State) {
        let Some(entry) = self.generations.get_mut(&id) else { return };
        entry.generation.state = state;
        let place = (entry.sort_key, id);
        let is_ready = matches!(entry.generation.state, State::Pending { wait: Wait::Ready });
        let is_live = entry.is_live();
        if is_ready {
            self.ready.insert(place);
        } else {
            self.ready.remove(&place);
        }
        if is_live {
            self.live.insert(id);
        } else {
            self.live.remove(&id);
        }
    }

    pub fn live_entries(&self) -> impl Iterator<Item = (GenerationId, &Entry)> {
        self.live.iter().filter_map(|id| self.generations.get(id).map(|entry| (*id, entry)))
    }

    pub fn count_live(&self, status: Status) -> u64 {
        self.live_entries().filter(|(_, entry)| entry.generation.state.status() == status).count() as u64
    }

    pub fn paused(&self, what: &PauseKey) -> Option<Timestamp> {
        self.pauses.get(&what.name()).map(|(_, since)| *since)
    }

    pub fn announce(&mut self, event: NewEvent<'_>) {
        self.last_event += 1;
        let row = EventRow {
            seq: self.last_event,
            kind: event.kind.to_owned(),
            generation: event.generation,
            draft: event.draft,
            user: event.user,
            at: event.at,
            data: event.data.into_owned(),
        };
        self.events.push((Scope::of(event.workspace), row));
        self.news.send_modify(|events| *events += 1);
    }

    pub fn external(&self, scope: Scope, user: UserId) -> String {
        self.users.get(&(scope.workspace, user)).map(|user| user.external.clone()).unwrap_or_default()
    }
}

/// Cuts one page out of rows in their order. The last page has no `next`, also when it is exactly full.
pub(super) fn paged<K, T>(mut rows: Vec<(K, T)>, page: &PageRequest) -> Result<Page<T>, StoreError>
where
    K: Ord + Copy + Display + FromStr,
{
    let newest_first = page.order == copydesk_store::Order::NewestFirst;
    if newest_first {
        rows.reverse();
    }
    if let Some(cursor) = &page.after {
        let after = cursor.parse::<K>().map_err(|_| StoreError::NotFound { what: "page after", id: cursor.clone() })?;
        match rows.iter().position(|(key, _)| *key == after) {
            Some(at) => drop(rows.drain(..=at)),
            None => rows.retain(|(key, _)| if newest_first { *key < after } else { *key > after }),
        }
    }
    let more = rows.len() > page.limit as usize;
    rows.truncate(page.limit as usize);
    let next = rows.last().filter(|_| more).map(|(key, _)| key.to_string());
    Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next })
}
