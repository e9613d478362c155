//! Generations: accept, the worker's turn (settle the last batch, claim the next), leases, sweeping, reading.

use crate::jobs::{ForItem, ItemRef};
use crate::once::Once;
use crate::page::{Page, PageRequest};
use crate::usage::{ClosedCall, OpenCall};
use crate::webhooks::RequestHook;
use crate::{Answer, Scope};
use copydesk_core::budget::Asker;
use copydesk_core::budget::bound::Bound;
use copydesk_core::generation::fairness::Priority;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::generation::{AttemptNo, Decision, Generation, RowVersion, State, Status, Terms};
use copydesk_core::health::{Cooling, Debt, HealthNews, Paid, Rate, Rows, Sign, Subject};
use copydesk_core::ledger::Metered;
use copydesk_core::refusal::Refusal;
use copydesk_core::{
    AssetId, CallId, DraftId, GenerationId, JobId, KeyId, MicroCredits, NanoUsd, NodeId, Timestamp, TransferId, UserId,
};
use std::time::Duration;

pub trait GenerationStore: Send + Sync {
    /// Accepts a batch; the answers stand in the order of the requests. One transaction: idempotency row, user, draft,
    /// generation, queue row, what budgets set aside, hold, event. A refused or duplicate request writes nothing and does not disturb the others.
    /// How many may wait (`queue_full`) is an option each engine is opened with.
    fn accept(&self, batch: Vec<Accept>) -> Answer<'_, Vec<Result<Accepted, Refusal>>>;

    /// What `accept` would answer at `at` to the request that used this key before; `None` when none did. For requests
    /// that cannot be made any more (their deadline has passed meanwhile) and may still be repeated.
    ///
    /// Errors: `Refused(IdempotencyKeyReused)` when that was another request.
    fn replay(&self, scope: Scope, key: Idempotency, at: Timestamp) -> Answer<'_, Option<Accepted>>;

    /// One turn of a worker node, in one commit: apply `turn.writes`, then claim. The answers stand in the order of the
    /// writes. A write whose fence no longer matches changes nothing but its call's usage and is answered with
    /// [`Applied::Lost`]; one that closes its call as lost brings no usage but a guess, and then changes nothing at all.
    /// Nor does one whose attempt still runs under another row version ([`Applied::overtaken`]): its author decides again.
    /// A decision that moves the deadline leaves the generation where it is, and its place in the queue with it.
    /// Claiming first moves due scheduled generations into the ready queue; it takes ready
    /// generations by place (sort key, then id), skips full lanes, paused recipes and models that are cooling down, raises
    /// the attempt, writes the run row and the open call, and is equal to `transition(_, Claimed, now)` for each. What has
    /// a further model in its route is taken although its model is cooling, as [`Claimed::cooling`], to be moved on. While
    /// a model or provider is probing, one run of it is let through. Each claim that may call pays one request of its
    /// rate lanes; the signs and debts of the writes count before it.
    fn turn(&self, turn: Turn) -> Answer<'_, TurnAnswer>;

    /// Renews the node's lease (one row for everything it runs); the first beat registers the node. Answers which of
    /// `beat.runs` are over: somebody else wrote their end (a cancel, a sweeper), and their work is for nothing. It also
    /// says how far the list of prices has come, so that nobody has to ask for that alone.
    fn heartbeat(&self, beat: Heartbeat) -> Answer<'_, Beaten>;

    /// Generations that need the sweeper at `now`: past their deadline, past their attempt's deadline by `grace`, or run
    /// by a node whose last beat is older than `lost_before` (or that said goodbye). At most `limit`, oldest first; a
    /// batch that cannot be written must not hide the ones behind it, so `after` continues the scan.
    fn overdue(&self, sweep: SweepRequest) -> Answer<'_, Vec<Overdue>>;

    /// Closes calls that are still open although their generation has moved on and that were opened before `before`, as
    /// lost with an estimate. Returns how many.
    fn close_orphan_calls(&self, now: Timestamp, before: Timestamp, limit: u32) -> Answer<'_, u64>;

    /// What the generation waits for, given the limits this node claims with.
    fn why(&self, scope: Scope, id: GenerationId, now: Timestamp, limits: &Limits) -> Answer<'_, Waiting>;

    fn get(&self, scope: Scope, id: GenerationId) -> Answer<'_, GenerationRow>;

    /// Its finished steps in order, for whoever cleans up behind one that ended elsewhere. Empty for an unknown one.
    fn steps(&self, scope: Scope, id: GenerationId) -> Answer<'_, Vec<FinishedStep>>;

    /// Without their `input`: many of them would be too much to hold.
    fn list(&self, scope: Scope, filter: GenerationFilter, page: PageRequest) -> Answer<'_, Page<GenerationRow>>;
}

/// A request to be made durable. Everything random or timed in it was drawn by the caller.
#[derive(Clone, PartialEq, Debug)]
pub struct Accept {
    pub scope: Scope,
    pub at: Timestamp,
    pub generation: GenerationId,
    pub slot: Slot,
    pub user: UserId,
    /// The string the application calls its user by.
    pub user_external: String,
    /// Who asked; `None` where nobody needs a key.
    pub key: Option<KeyId>,
    pub recipe: String,
    pub recipe_version: String,
    /// `provider/model` of the first call.
    pub model: String,
    /// Name of the first step; with the recipe it labels the first call's usage row.
    pub step: String,
    /// The validated input, the names of its fields that a profile filled, and the caller's own notes, as JSON text.
    pub input: String,
    pub filled: Option<String>,
    pub metadata: String,
    pub target: Option<String>,
    pub dedupe_key: Option<String>,
    pub idempotency: Option<Idempotency>,
    pub priority: Priority,
    /// Not before this instant.
    pub run_at: Option<Timestamp>,
    pub deadline_at: Timestamp,
    pub attempt_timeout: Duration,
    pub max_attempts: u32,
    pub attempts_per_model: u32,
    /// Zero while credits are off. `hold_id` is the id of the ledger row if there is one.
    pub hold: MicroCredits,
    pub metered: Option<Metered>,
    /// The most it may cost the operator, and what it changes of the recipe's parameters as JSON text: both only kept.
    pub cost_max: Option<NanoUsd>,
    pub params: Option<String>,
    pub hold_id: TransferId,
    /// What it may use at most, for budgets; `None` was drawn up when this process knew of none, and none refuses it.
    pub bound: Option<Bound>,
    /// Where its own events are sent besides. Written only where there is one.
    pub webhook: Option<RequestHook>,
    /// The item of a job it is made of.
    pub job: Option<ForItem>,
    /// Only if there is nothing of this name yet.
    pub once: Option<Once>,
}

impl Accept {
    pub fn asker(&self) -> Asker {
        Asker { workspace: self.scope.workspace, user: self.user, key: self.key }
    }

    pub fn terms(&self) -> Terms {
        Terms {
            accepted_at: self.at,
            deadline_at: self.deadline_at,
            attempt_timeout: self.attempt_timeout,
            max_attempts: self.max_attempts,
            attempts_per_model: self.attempts_per_model,
            hold: self.hold,
            metered: self.metered,
            cost_max: self.cost_max,
        }
    }
}

/// Which draft the result goes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Slot {
    New {
        draft: DraftId,
        title: String,
        external_id: Option<String>,
    },
    /// An existing draft of the same workspace gets another version. If a generation of it is live, the answer is
    /// [`Accepted::Duplicate`] with that one; a published draft is refused.
    Existing(DraftId),
}

/// The client's own key for a request. Scope: workspace, owner, route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Idempotency {
    pub owner: String,
    pub route: String,
    pub key: String,
    /// SHA-256 of method, path and canonical body; another one under the same key is refused.
    pub fingerprint: [u8; 32],
    pub expires_at: Timestamp,
}

/// How a request was taken. Two requests of one batch with the same key see each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Accepted {
    New {
        generation: GenerationId,
        draft: DraftId,
    },
    /// A live generation has the same dedupe key (or fills the same draft): nothing new was made.
    Duplicate {
        generation: GenerationId,
        draft: DraftId,
    },
    /// The idempotency key was used before for the same request: its ids, whatever became of it.
    Replayed {
        generation: GenerationId,
        draft: DraftId,
        /// The first answer was [`Accepted::Duplicate`].
        deduplicated: bool,
    },
}

impl Accepted {
    pub fn ids(&self) -> (GenerationId, DraftId) {
        match self {
            Accepted::New { generation, draft }
            | Accepted::Duplicate { generation, draft }
            | Accepted::Replayed { generation, draft, .. } => (*generation, *draft),
        }
    }

    /// Whether the ids are those of another request's generation. A replay says so if the first answer did.
    pub fn deduplicated(&self) -> bool {
        match self {
            Accepted::New { .. } => false,
            Accepted::Duplicate { .. } => true,
            Accepted::Replayed { deduplicated, .. } => *deduplicated,
        }
    }
}

/// How much may be claimed, counted over the living run rows of all processes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// All of them together; `None` is no limit.
    pub global: Option<u32>,
    pub lanes: Vec<(Lane, u32)>,
    /// What may start in a minute. A lane may stand in both lists.
    pub rates: Vec<(Lane, Rate)>,
}

impl Limits {
    /// The rate lane that holds something back for longest, of those it belongs to: which, and until when.
    pub fn rate_limited(
        &self,
        belongs: impl Fn(&Lane) -> bool,
        paid: impl Fn(&str) -> Paid,
        now: Timestamp,
    ) -> Option<(String, Timestamp)> {
        let mut latest: Option<(String, Timestamp)> = None;
        for (lane, rate) in self.rates.iter().filter(|(lane, _)| belongs(lane)) {
            let name = lane.name();
            let until = rate.opens_at(paid(&name), now);
            if let Some(until) = until.filter(|until| latest.as_ref().is_none_or(|(_, last)| until > last)) {
                latest = Some((name, until));
            }
        }
        latest
    }
}

/// What is probing, as lanes with room for one.
pub fn probes(health: &Rows, now: Timestamp) -> Vec<(Lane, u32)> {
    copydesk_core::health::breaker::probing(health, now).map(|subject| (Lane::of(subject), 1)).collect()
}

/// A named concurrency limit. A generation belongs to the lanes of its recipe, provider, model and workspace.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Lane {
    Recipe(String),
    Provider(String),
    /// `provider/model`
    Model(String),
    Workspace(copydesk_core::WorkspaceId),
}

impl Lane {
    pub fn of(subject: Subject) -> Lane {
        match subject {
            Subject::Model(address) => Lane::Model(address),
            Subject::Provider(name) => Lane::Provider(name),
        }
    }
    pub fn name(&self) -> String {
        match self {
            Lane::Recipe(name) => format!("recipe:{name}"),
            Lane::Provider(name) => format!("provider:{name}"),
            Lane::Model(name) => format!("model:{name}"),
            Lane::Workspace(id) => format!("workspace:{id}"),
        }
    }
    /// The lane with this name.
    pub fn parse(name: &str) -> Option<Lane> {
        let (kind, rest) = name.split_once(':')?;
        match kind {
            _ if rest.is_empty() => None,
            "recipe" => Some(Lane::Recipe(rest.to_owned())),
            "provider" => Some(Lane::Provider(rest.to_owned())),
            "model" => Some(Lane::Model(rest.to_owned())),
            "workspace" => rest.parse().ok().map(Lane::Workspace),
            _ => None,
        }
    }
}

/// One turn of a node.
#[derive(Clone, PartialEq, Debug)]
pub struct Turn {
    pub now: Timestamp,
    pub writes: Vec<Write>,
    pub claim: Option<Claim>,
}

/// Fresh call ids bound how many generations may be claimed: one each.
#[derive(Clone, PartialEq, Debug)]
pub struct Claim {
    pub node: NodeId,
    pub calls: Vec<CallId>,
    pub limits: Limits,
}

/// One thing to write about a generation.
#[allow(clippy::large_enum_variant, reason = "late results are rare, and the common variant is boxed already")]
#[derive(Clone, PartialEq, Debug)]
pub enum Write {
    Change(Box<Change>),
    /// Usage of a call whose attempt is no longer the current one.
    Late {
        scope: Scope,
        call: ClosedCall,
    },
}

/// A decision with everything that must be written with it.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    pub scope: Scope,
    pub at: Timestamp,
    pub fence: Fence,
    pub decision: Decision,
    /// Present if and only if the effects say `StoreVersion`.
    pub content: Option<NewContent>,
    /// The files the content names, which are on the disk already. Empty without content.
    pub assets: Vec<NewAsset>,
    /// The attempt's open call, with its figures.
    pub closes: Option<ClosedCall>,
    /// The next call's intent: with a finished step.
    pub opens: Option<OpenCall>,
    /// A checkpoint; one of the same name is replaced and keeps its place.
    pub step: Option<FinishedStep>,
    /// A checkpoint that leads nowhere any more, for a requeue.
    pub forgets: Option<Forgotten>,
    /// With a checkpoint: from here on the run waits for a job at the provider. It is counted in its lanes and not in
    /// the global limit.
    pub waits: bool,
    /// For a requeue: the `provider/model` of the next attempt's first call, when it is another one.
    pub next_model: Option<String>,
    /// What the call that ended says about its model and provider. It counts when the write does.
    pub sign: Option<Sign>,
    /// What the call that ended used, and the next one it opens, in the rate lanes that are set. Counts likewise.
    pub debts: Vec<(Lane, Debt)>,
    /// Ids for the ledger rows the effects may ask for (settle, release, absorb).
    pub transfers: [TransferId; 3],
}

impl Change {
    /// A change that carries out `decision` and brings nothing with it.
    pub fn of(scope: Scope, at: Timestamp, fence: Fence, decision: Decision, transfers: [TransferId; 3]) -> Change {
        Change {
            scope,
            at,
            fence,
            decision,
            content: None,
            assets: Vec::new(),
            closes: None,
            opens: None,
            step: None,
            forgets: None,
            waits: false,
            next_model: None,
            sign: None,
            debts: Vec::new(),
            transfers,
        }
    }
}

/// What the writer believes the generation is. Nothing is written when it is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fence {
    pub generation: GenerationId,
    pub attempt: AttemptNo,
    pub row_version: RowVersion,
    pub status: Status,
}

impl Fence {
    pub fn of(generation: &Generation) -> Fence {
        Fence {
            generation: generation.id,
            attempt: generation.attempt,
            row_version: generation.row_version,
            status: generation.state.status(),
        }
    }

    /// Whether `found` is the same attempt, still running.
    pub fn overtaken_by(&self, found: &Fence) -> bool {
        let running = |fence: &Fence| fence.status == Status::Processing;
        running(self) && running(found) && (self.generation, self.attempt) == (found.generation, found.attempt)
    }
}

/// The content of a version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewContent {
    pub title: String,
    /// `article`, `text` or `media`: how to read `body`.
    pub form: String,
    /// JSON text.
    pub body: String,
    pub words: u32,
    /// SHA-256 of form, title and body.
    pub hash: [u8; 32],
    /// What went in: recipe version, model, call; JSON text.
    pub provenance: String,
}

/// A checkpoint that is never paid for again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FinishedStep {
    pub name: String,
    pub output: String,
    /// What its call cost; `None` is unknown. A metered price counts it also when another attempt ends the work.
    pub cost: Option<NanoUsd>,
}

/// A checkpoint to be dropped, and the operation of the call that comes in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forgotten {
    pub checkpoint: String,
    pub step: String,
}

/// A file of a version. Its bytes are in the asset store under `path`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewAsset {
    pub id: AssetId,
    /// Its place in the version, from 1.
    pub seq: u32,
    pub media_type: String,
    pub bytes: u64,
    pub sha256: [u8; 32],
    pub path: String,
}

/// The answer to one write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Applied {
    /// Written; `version` is the number of the version that was stored, if one was.
    Done { version: Option<u32> },
    /// The fence did not match: at most the call's usage was written, see [`Applied::overtaken`]. `found` is what stands there now.
    Lost { found: Option<Fence> },
}

impl Applied {
    /// The attempt is still the current one, but somebody changed its generation beside it (moved its deadline): nothing at
    /// all was written, and the same event decided anew for what stands there now is not late.
    pub fn overtaken(&self, fence: &Fence) -> bool {
        matches!(self, Applied::Lost { found: Some(found) } if fence.overtaken_by(found))
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct TurnAnswer {
    pub applied: Vec<Applied>,
    pub claimed: Vec<Claimed>,
    /// When the next scheduled or backing-off generation becomes claimable; after a claim also when the first cooldown
    /// ends, or the first rate lane has room, for which something ready waits. `None` when there is no such instant.
    pub next_due: Option<Timestamp>,
    /// Breakers that opened or closed by these writes.
    pub health: Vec<HealthNews>,
}

/// A generation handed to a worker: all it needs, so that nothing is read again while it runs.
#[derive(Clone, PartialEq, Debug)]
pub struct Claimed {
    pub scope: Scope,
    pub generation: Generation,
    pub draft: DraftId,
    pub user: UserId,
    pub recipe: String,
    pub recipe_version: String,
    pub model: String,
    pub input: String,
    pub params: Option<String>,
    /// Finished steps in order.
    pub steps: Vec<FinishedStep>,
    pub call: CallId,
    /// Its model is not to be called now; its route has a further one.
    pub cooling: Option<Cooling>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    pub node: NodeId,
    pub at: Timestamp,
    /// Host name and process id, for people.
    pub label: String,
    /// The node is about to end and runs nothing any more.
    pub goodbye: bool,
    /// What it works on, as far as it wants to know whether that is still its own.
    pub runs: Vec<Run>,
}

/// The answer to a beat.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Beaten {
    /// Which of the node's runs are over.
    pub over: Vec<Run>,
    /// The number of the newest row of [`crate::PriceStore`]; 0 when there is none.
    pub prices: i64,
}

/// One claim of one generation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Run {
    pub generation: GenerationId,
    pub attempt: AttemptNo,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SweepRequest {
    pub now: Timestamp,
    /// Nodes whose last beat is older are lost.
    pub lost_before: Timestamp,
    /// For an engine with exactly one process: every other node is lost, whatever its last beat.
    pub only_living: Option<NodeId>,
    /// How long an attempt may overrun its own deadline before the sweeper ends it in the worker's place.
    pub attempt_grace: Duration,
    /// Also those accepted before this instant, whatever their deadline (`cleanup-stale --max-age`).
    pub stale_before: Option<Timestamp>,
    pub limit: u32,
    pub after: Option<GenerationId>,
}

/// A generation the sweeper must decide about, and why it was found.
#[derive(Clone, PartialEq, Debug)]
pub struct Overdue {
    pub scope: Scope,
    pub generation: Generation,
    pub recipe: String,
    /// `provider/model` of its next or running call.
    pub model: String,
    pub reason: OverdueReason,
    /// The attempt's open call, to be closed as lost.
    pub open_call: Option<CallId>,
    /// The operation of that call, or of the next one: whether it can be estimated.
    pub operation: String,
    /// Length of the stored input, for the estimate of a lost call. Units: bytes.
    pub input_bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OverdueReason {
    Deadline,
    AttemptOverran,
    NodeLost,
    Stale,
}

/// A generation as readers see it.
#[derive(Clone, PartialEq, Debug)]
pub struct GenerationRow {
    pub generation: Generation,
    pub draft: DraftId,
    pub user: UserId,
    pub user_external: String,
    /// Who asked; `None` where nobody needs a key.
    pub key: Option<KeyId>,
    pub recipe: String,
    pub recipe_version: String,
    /// The model of the call that runs or comes next; after the end, of the last one that was opened.
    pub model: String,
    /// The model that was asked for at accept.
    pub asked_model: String,
    /// Empty in lists.
    pub input: String,
    pub filled: Option<String>,
    pub params: Option<String>,
    pub metadata: String,
    pub target: Option<String>,
    pub dedupe_key: Option<String>,
    pub priority: Priority,
    /// When the attempt that runs began or, once it has ended, the last one. `None` while it waits and if it never ran.
    pub started_at: Option<Timestamp>,
    /// The version it wrote, once completed.
    pub version: Option<u32>,
    pub origin: Option<String>,
    /// The last failed attempt's error, also while it is being retried.
    pub last_error: Option<(String, String)>,
    /// The item of a job it was made of.
    pub job: Option<ItemRef>,
}

impl GenerationRow {
    pub fn status(&self) -> Status {
        self.generation.state.status()
    }
    pub fn finished_at(&self) -> Option<Timestamp> {
        match &self.generation.state {
            State::Completed { at, .. } | State::Failed { at, .. } | State::Cancelled { at } => Some(*at),
            State::Pending { .. } | State::Processing { .. } => None,
        }
    }
}

/// All given conditions must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GenerationFilter {
    pub status: Option<Status>,
    pub user: Option<UserId>,
    pub draft: Option<DraftId>,
    pub job: Option<JobId>,
    pub recipe: Option<String>,
}
