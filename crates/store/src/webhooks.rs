//! Webhooks: the endpoints, the feed that turns events into messages, and the messages themselves.
//!
//! Each workspace with an endpoint has one *feed*: how far its events were turned into messages. It moves forward in the
//! transaction that writes them, only from where the mover read it and only for the endpoints it knew ([`Feed::epoch`]), so
//! several movers make each message once. A message's id follows from its endpoint and event.
//!
//! A message that waits has a `due_at`. Claiming one counts an attempt and moves its `due_at` to the end of the claimer's
//! lease: whoever dies with it leaves it to be claimed again. Every later write names the attempt.
//!
//! Messages stand in *lanes* (an endpoint, or the host of a request's own address). A lane with a message that waits is
//! looked at when it is due and no earlier, so receivers that wait for their next try cost a claim nothing.

use crate::events::NewEvent;
use crate::page::{Page, PageRequest};
use crate::{Answer, Scope};
use copydesk_core::webhook::{Disabled, End, Outcome};
use copydesk_core::{DeliveryId, GenerationId, Timestamp, WebhookId, WorkspaceId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use uuid::Uuid;

/// The kind of the event that says that an endpoint was disabled by its failures.
pub const DISABLED: &str = "webhook.disabled";

/// How many lanes one claim looks at.
pub const LANES_MAX: u32 = 256;

pub trait WebhookStore: Send + Sync {
    /// Stores an endpoint; it is told what happens from now on ([`EndpointRow::since_seq`] is set here). One with this id is
    /// left as it is: false.
    fn add_webhook(&self, row: EndpointRow) -> Answer<'_, bool>;

    /// Errors: `NotFound`, also for one that was removed.
    fn webhook(&self, scope: Scope, id: WebhookId) -> Answer<'_, EndpointRow>;

    /// In the order of their ids, without those that were removed.
    fn webhooks(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<EndpointRow>>;

    /// Writes what may change of an endpoint over the revision that was read. One that is enabled again, or wants other kinds
    /// than before, is told accordingly of what happens from now on ([`EndpointRow::old_events`] is set here).
    ///
    /// Errors: `NotFound`; `Refused(VersionConflict)`.
    fn change_webhook(&self, change: EndpointChange) -> Answer<'_, EndpointRow>;

    /// The workspace's endpoint for the addresses of single requests, in whatever state.
    fn request_webhook(&self, scope: Scope) -> Answer<'_, Option<EndpointRow>>;

    /// The addresses that these generations' requests named.
    fn request_hooks(
        &self,
        workspace: WorkspaceId,
        generations: Vec<GenerationId>,
    ) -> Answer<'_, Vec<(GenerationId, RequestHook)>>;
}

pub trait DeliveryStore: Send + Sync {
    /// The feeds of all workspaces that have an endpoint which is enabled, each with those. Who knows them and says their
    /// stamp is told only that nothing has changed.
    fn feeds(&self, known: Option<i64>) -> Answer<'_, Feeds>;

    /// Which workspaces with a feed had events since, and of which kinds: so that nobody reads the events of those that
    /// had none. Asked for the first time it tells of none, and from where on to ask.
    fn feed_news(&self, since: Option<FeedMark>) -> Answer<'_, FeedNews>;

    /// Moves a feed and writes the messages of the events it passes, where nobody else has moved it and the workspace's
    /// endpoints have not changed. A message that is there already stays as it is.
    fn fan_out(&self, fan_out: FanOut) -> Answer<'_, Moved>;

    /// Messages that are to be sent at once: new ones, and ones that are there already, which begin anew. Nothing of a
    /// message that is there changes but that.
    fn send(&self, messages: Vec<NewDelivery>) -> Answer<'_, ()>;

    /// Takes due messages for as long as the lease: the longest due first, no more than there is room for. At most
    /// [`LANES_MAX`] lanes that have room are looked at.
    fn claim_deliveries(&self, claim: ClaimDeliveries) -> Answer<'_, Leased>;

    /// Writes attempts into the log, and what follows from each where its attempt is still the message's last. Says which
    /// were. What it does to an endpoint ([`Health`]) is written in the same transaction, with the event [`DISABLED`].
    fn finish_deliveries(&self, finished: Vec<Finished>) -> Answer<'_, Vec<bool>>;

    /// Newest event first.
    fn deliveries(&self, scope: Scope, filter: DeliveryFilter, page: PageRequest) -> Answer<'_, Page<DeliveryRow>>;

    /// With its attempts, oldest first.
    fn delivery(&self, scope: Scope, id: DeliveryId) -> Answer<'_, (DeliveryRow, Vec<AttemptRow>)>;

    /// How many messages wait in each of these lanes; nobody counts further than `at_most`.
    fn waiting(&self, workspace: WorkspaceId, lanes: Vec<Uuid>, at_most: u32) -> Answer<'_, Vec<u32>>;

    /// How many messages wait in all, and since when the oldest is due.
    fn delivery_backlog(&self, now: Timestamp) -> Answer<'_, DeliveryBacklog>;
}

/// An endpoint. Without an address it is the one for the addresses of single requests, of which a workspace has one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointRow {
    pub id: WebhookId,
    pub workspace: WorkspaceId,
    pub url: Option<String>,
    /// Kinds of events, as [`copydesk_core::webhook::Wanted`] writes them.
    pub events: String,
    pub description: String,
    /// Sealed.
    pub secret: Vec<u8>,
    /// The one before it, sealed, and until when messages are signed with it, too.
    pub old_secret: Option<(Vec<u8>, Timestamp)>,
    /// What it is told of up to this number: the kinds it wanted before they were changed.
    pub old_events: Option<(String, i64)>,
    /// It is told of events after this number.
    pub since_seq: i64,
    pub revision: i64,
    pub created_at: Timestamp,
    pub disabled: Option<(Timestamp, Disabled)>,
    /// Since when it had nothing but failures.
    pub failing_since: Option<Timestamp>,
    pub removed_at: Option<Timestamp>,
}

impl EndpointRow {
    pub fn is_enabled(&self) -> bool {
        self.disabled.is_none() && self.removed_at.is_none()
    }
}

/// The row as it is to be; what never changes is taken from the one that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointChange {
    pub if_revision: i64,
    pub row: EndpointRow,
    pub resume: Option<Resume>,
}

/// The messages that were put by until `put_by` while their endpoint was disabled begin anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resume {
    pub put_by: Timestamp,
    pub at: Timestamp,
}

/// What a request said about its own messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestHook {
    pub url: String,
    pub events: String,
}

/// How far a workspace's events were turned into messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Feed {
    pub workspace: WorkspaceId,
    /// Every event up to this number.
    pub seq: i64,
    /// Rises with every change of the workspace's endpoints.
    pub epoch: i64,
    pub endpoints: Vec<EndpointRow>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Feeds {
    /// Another one after each change of an endpoint.
    pub stamp: i64,
    /// `None` where the stamp is the one that was known.
    pub feeds: Option<Vec<Feed>>,
}

/// How many events one [`DeliveryStore::feed_news`] tells of: of all workspaces, or of each where each has its own numbers.
pub const NEWS_MAX: u32 = 1_000;

/// Up to where news were told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FeedMark {
    /// Where one sequence serves all workspaces.
    pub all: i64,
    /// Where each has its own.
    pub each: BTreeMap<WorkspaceId, i64>,
}

impl FeedMark {
    /// Every event of the workspace up to this number was told.
    pub fn of(&self, workspace: WorkspaceId) -> i64 {
        self.each.get(&workspace).copied().unwrap_or(self.all)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedNews {
    pub mark: FeedMark,
    /// Each event once, in the order of its workspace.
    pub events: Vec<(WorkspaceId, i64, String)>,
    /// There is more: ask again at once.
    pub more: bool,
    /// An event is held back because an older one may still appear: ask again soon.
    pub held_back: bool,
}

/// What became of a [`FanOut`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moved {
    Here,
    /// Nothing was written. Where the feed is instead.
    Elsewhere {
        seq: i64,
        epoch: i64,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FanOut {
    pub workspace: WorkspaceId,
    pub from_seq: i64,
    pub epoch: i64,
    pub upto_seq: i64,
    pub messages: Vec<NewDelivery>,
}

/// A message to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewDelivery {
    pub id: DeliveryId,
    pub workspace: WorkspaceId,
    pub webhook: WebhookId,
    /// The event it tells; `None` for a test.
    pub seq: Option<i64>,
    pub kind: String,
    /// Where the request asked for it, which names its own address.
    pub url: Option<String>,
    /// What shares a limit of messages under way: the endpoint, or the host of a request's own address.
    pub lane: Uuid,
    pub body: String,
    pub at: Timestamp,
    /// Too much waits already: it is in the log and is not sent. [`DeliveryStore::send`] sends it all the same.
    pub dropped: bool,
}

impl NewDelivery {
    pub const fn state(&self) -> DeliveryState {
        match self.dropped {
            true => DeliveryState::Ended { at: self.at, how: End::Dropped },
            false => DeliveryState::Waiting { due_at: self.at },
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimDeliveries {
    pub now: Timestamp,
    pub lease: Duration,
    pub rooms: Rooms,
}

/// How much may be under way at once, and what is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rooms {
    pub per_lane: u32,
    pub per_workspace: u32,
    pub in_all: u32,
    /// What this process has under way, by workspace and lane.
    pub under_way: BTreeMap<(WorkspaceId, Uuid), u32>,
}

/// A message that may be claimed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Candidate {
    pub due_at: Timestamp,
    pub id: DeliveryId,
    pub workspace: WorkspaceId,
    pub lane: Uuid,
}

impl Rooms {
    fn of_workspaces(&self) -> BTreeMap<WorkspaceId, u32> {
        let mut workspaces: BTreeMap<WorkspaceId, u32> = BTreeMap::new();
        for ((workspace, _), count) in &self.under_way {
            *workspaces.entry(*workspace).or_default() += count;
        }
        workspaces
    }

    /// The workspaces that have no room, and the lanes that have none.
    pub fn full(&self) -> (BTreeSet<WorkspaceId>, BTreeSet<(WorkspaceId, Uuid)>) {
        let workspaces = self.of_workspaces().into_iter().filter(|(_, count)| *count >= self.per_workspace);
        let lanes = self.under_way.iter().filter(|(_, count)| **count >= self.per_lane);
        (workspaces.map(|(id, _)| id).collect(), lanes.map(|(lane, _)| *lane).collect())
    }

    /// Which of the candidates there is room for, the longest due first.
    pub fn choose(&self, mut candidates: Vec<Candidate>) -> Vec<DeliveryId> {
        let mut lanes = self.under_way.clone();
        let mut workspaces = self.of_workspaces();
        // Who has least under way goes first: a backlog for dead receivers is always the longest due.
        candidates.sort_by_key(|candidate| {
            let of_workspace = workspaces.get(&candidate.workspace).copied().unwrap_or_default();
            let of_lane = lanes.get(&(candidate.workspace, candidate.lane)).copied().unwrap_or_default();
            (of_workspace, of_lane, *candidate)
        });
        let mut all: u32 = workspaces.values().sum();
        let mut chosen = Vec::new();
        for candidate in candidates {
            let lane = lanes.entry((candidate.workspace, candidate.lane)).or_default();
            let workspace = workspaces.entry(candidate.workspace).or_default();
            if all >= self.in_all {
                break;
            }
            if *lane < self.per_lane && *workspace < self.per_workspace {
                (*lane, *workspace, all) = (*lane + 1, *workspace + 1, all + 1);
                chosen.push(candidate.id);
            }
        }
        chosen
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leased {
    pub rows: Vec<LeasedRow>,
    /// There are lanes that were not looked at: ask again at once.
    pub more: bool,
    /// When the next one is due that is not due yet.
    pub next_due: Option<Timestamp>,
}

/// A message with everything that is needed to send it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeasedRow {
    pub delivery: DeliveryRow,
    pub endpoint: EndpointRow,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryRow {
    pub id: DeliveryId,
    pub workspace: WorkspaceId,
    pub webhook: WebhookId,
    pub seq: Option<i64>,
    pub kind: String,
    pub url: Option<String>,
    pub lane: Uuid,
    pub body: String,
    pub created_at: Timestamp,
    /// The fence. Never goes back.
    pub attempt: u32,
    /// The attempt before the first of this round: a message that is sent again begins a new one.
    pub round: u32,
    pub state: DeliveryState,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryState {
    /// Sent then, or claimed until then.
    Waiting {
        due_at: Timestamp,
    },
    Ended {
        at: Timestamp,
        how: End,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttemptRow {
    pub attempt: u32,
    pub at: Timestamp,
    pub ms: u64,
    pub outcome: Outcome,
    pub status: Option<u16>,
    /// The beginning of the answer, or what broke.
    pub detail: Option<String>,
}

/// An attempt that was made, and what follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finished {
    pub id: DeliveryId,
    pub workspace: WorkspaceId,
    pub webhook: WebhookId,
    pub lane: Uuid,
    /// What the log keeps; `None` when nothing was sent because the endpoint gets nothing.
    pub log: Option<AttemptRow>,
    /// The fence.
    pub attempt: u32,
    pub at: Timestamp,
    pub state: DeliveryState,
    /// It waits for its endpoint to be enabled. Where that has happened meanwhile it is due at once.
    pub put_by: bool,
    pub health: Health,
}

/// What an attempt says about its endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Health {
    /// Nothing: a test, or the address of a single request.
    Unsaid,
    Well,
    Failing,
    /// It has had its time. With [`Disabled::Failing`] only if it has not been well since `failing_before`.
    Over {
        why: Disabled,
        failing_before: Timestamp,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryFilter {
    pub webhook: WebhookId,
    pub state: Option<StateWord>,
}

/// The states of a message, as words to filter by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StateWord {
    Waiting,
    Ended(End),
}

impl StateWord {
    pub const ALL: [StateWord; 4] =
        [Self::Waiting, Self::Ended(End::Delivered), Self::Ended(End::GivenUp), Self::Ended(End::Dropped)];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ended(how) => how.as_str(),
        }
    }
    pub fn parse(word: &str) -> Option<StateWord> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

impl DeliveryState {
    pub const fn word(self) -> StateWord {
        match self {
            Self::Waiting { .. } => StateWord::Waiting,
            Self::Ended { how, .. } => StateWord::Ended(how),
        }
    }
    /// As two columns: when it is due, and when and how it ended.
    pub const fn columns(self) -> (Option<Timestamp>, Option<(Timestamp, End)>) {
        match self {
            Self::Waiting { due_at } => (Some(due_at), None),
            Self::Ended { at, how } => (None, Some((at, how))),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DeliveryBacklog {
    pub waiting: u64,
    /// When the one that is due the longest was due.
    pub oldest_due: Option<Timestamp>,
    /// Endpoints that had nothing but failures lately, and those that failures have disabled.
    pub failing: u64,
    pub disabled: u64,
}

/// What a batch of attempts does to each endpoint: a success outweighs failures and what follows from them, a receiver that is
/// gone outweighs all. In the order of
/// their ids, so that two writers never wait for each other.
pub fn health_of(finished: &[Finished]) -> BTreeMap<WebhookId, (Timestamp, Health)> {
    let weight = |health: Health| match health {
        Health::Unsaid => 0,
        Health::Failing => 1,
        Health::Over { why: Disabled::Failing, .. } => 2,
        Health::Well => 3,
        Health::Over { why: Disabled::Gone | Disabled::ByHand, .. } => 4,
    };
    let mut all = BTreeMap::new();
    for one in finished.iter().filter(|one| one.health != Health::Unsaid) {
        let known = all.entry(one.webhook).or_insert((one.at, one.health));
        if weight(one.health) > weight(known.1) {
            *known = (one.at, one.health);
        }
    }
    all
}

/// The event [`DISABLED`].
pub fn disabled(workspace: WorkspaceId, id: WebhookId, why: Disabled, at: Timestamp) -> NewEvent<'static> {
    let data = format!("{{\"webhook\":\"{id}\",\"reason\":\"{}\"}}", why.as_str());
    NewEvent { workspace, kind: DISABLED, generation: None, draft: None, user: None, at, data: data.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_in_a_batch_outweighs_its_failures_and_a_receiver_that_is_gone_outweighs_all() {
        let at = Timestamp::from_micros(0);
        let of = |health| Finished {
            id: DeliveryId(Uuid::nil()),
            workspace: WorkspaceId::DEFAULT,
            webhook: WebhookId(Uuid::nil()),
            lane: Uuid::nil(),
            log: None,
            attempt: 1,
            at,
            state: DeliveryState::Waiting { due_at: at },
            put_by: false,
            health,
        };
        let over = |why| Health::Over { why, failing_before: at };
        let rising = [Health::Failing, over(Disabled::Failing), Health::Well, over(Disabled::Gone)];
        for (place, heavy) in rising.iter().enumerate() {
            for light in &rising[..=place] {
                for batch in [[*light, *heavy], [*heavy, *light]] {
                    let all = health_of(&batch.map(of));
                    assert_eq!(all.values().collect::<Vec<_>>(), [&(at, *heavy)]);
                }
            }
        }
        assert!(health_of(&[of(Health::Unsaid)]).is_empty());
    }

    #[test]
    fn a_slow_lane_takes_its_own_room_and_nobody_elses() {
        let workspace = |n: u128| WorkspaceId(Uuid::from_u128(n));
        let candidate = |n: u128, of: u128, lane: u128| Candidate {
            due_at: Timestamp::from_micros(i64::try_from(n).unwrap()),
            id: DeliveryId(Uuid::from_u128(n)),
            workspace: workspace(of),
            lane: Uuid::from_u128(lane),
        };
        let rooms = |under_way| Rooms { per_lane: 2, per_workspace: 3, in_all: 5, under_way };
        let chosen = |rooms: &Rooms, candidates: &[Candidate]| -> Vec<u128> {
            rooms.choose(candidates.to_vec()).into_iter().map(|id| id.0.as_u128()).collect()
        };
        let many: Vec<Candidate> =
            (1..=10).map(|n| candidate(n, 1, 7)).chain([candidate(11, 1, 8), candidate(12, 2, 9)]).collect();
        assert_eq!(chosen(&rooms(BTreeMap::new()), &many), [1, 2, 11, 12]);
        let busy = BTreeMap::from([((workspace(1), Uuid::from_u128(7)), 2)]);
        assert_eq!(chosen(&rooms(busy), &many), [12, 11], "who has nothing under way goes first");
        let full = BTreeMap::from([((workspace(3), Uuid::from_u128(1)), 4)]);
        assert_eq!(chosen(&rooms(full), &many), [1], "one slot is left in all");
    }
}
