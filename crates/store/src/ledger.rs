//! Credits that move outside a generation's life, and reading the ledger. Holds, settles, releases and absorbs are written
//! by `accept` and `turn`.

use crate::generations::Idempotency;
use crate::page::{Page, PageRequest};
use crate::{Answer, Scope};
use copydesk_core::ledger::{Balance, Transfer, TransferKind};
use copydesk_core::{GenerationId, Timestamp, TransferId, UserId};

/// The kind of the event that says what moved outside a generation's life.
pub const CHANGED: &str = "credits.changed";

pub trait LedgerStore: Send + Sync {
    /// Posts a grant, purchase, refund or adjustment, and the event [`CHANGED`]. A second transfer with the same reference
    /// and the same facts is answered with the first one and `posted: false`. A refund names a generation and never
    /// exceeds, with the refunds before it, what was settled (`amount_too_large`). An amount of zero is refused.
    ///
    /// Errors: `Refused(ReferenceReused)` when the reference names another transfer, `Refused(IdempotencyKeyReused)` when
    /// the key does; `NotFound` for a user never seen, unless [`Post::open_as`] names him.
    fn post(&self, post: Post) -> Answer<'_, Posted>;

    /// Moves credits from one user to another: both rows, or none. The answer is about the sender. Errors as for `post`;
    /// `NotFound` when either of the two was never seen.
    fn gift(&self, gift: Gift) -> Answer<'_, Posted>;

    /// Takes what is left of grants that have expired at `now`, and that no hold has set aside: an `expire` transfer and
    /// an event each. At most one for each fresh id; fewer mean that nothing more is due. Run twice is run once.
    fn expire_lots(&self, now: Timestamp, ids: Vec<TransferId>) -> Answer<'_, Vec<Transfer>>;

    /// The user's balances; zero for a user never seen.
    fn balance(&self, scope: Scope, user: UserId) -> Answer<'_, Balance>;

    /// Errors: `NotFound` for a user never seen.
    fn account(&self, scope: Scope, user: UserId) -> Answer<'_, AccountRow>;

    /// The users whose credits ever moved, in the order of their ids.
    fn accounts(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<AccountRow>>;

    /// The workspace's transfers: a statement with its running balance. Of one user they stand in the order of his chain,
    /// else in that of their ids.
    fn transfers(&self, scope: Scope, filter: TransferFilter, page: PageRequest) -> Answer<'_, Page<Line>>;
}

/// A transfer to be posted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Post {
    pub transfer: Transfer,
    /// What the application calls the user, who is made if he was never seen.
    pub open_as: Option<String>,
    pub idempotency: Option<Idempotency>,
}

/// Both rows of a gift. Invariant: they differ in id, user, kind and peer only, and have a reference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gift {
    pub sent: Transfer,
    pub received: Transfer,
    pub idempotency: Option<Idempotency>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posted {
    pub transfer: Transfer,
    /// False when it was there already.
    pub posted: bool,
    /// As it is now.
    pub balance: Balance,
}

/// A transfer and its user's balances right after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub transfer: Transfer,
    pub after: Balance,
}

/// A line of a statement, with what the application calls the users in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub entry: Entry,
    pub user_external: String,
    pub peer_external: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountRow {
    pub user: UserId,
    pub user_external: String,
    pub balance: Balance,
    /// When the first of the user's grants expires that has something left.
    pub expires_next_at: Option<Timestamp>,
}

/// All given conditions must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TransferFilter {
    pub user: Option<UserId>,
    pub kind: Option<TransferKind>,
    pub generation: Option<GenerationId>,
}

/// The data of the event [`CHANGED`].
pub fn changed(entry: &Entry) -> String {
    let Entry { transfer, after } = entry;
    format!(
        "{{\"transfer\":\"{}\",\"user\":\"{}\",\"kind\":\"{}\",\"amount\":{},\"available\":{},\"held\":{}}}",
        transfer.id,
        transfer.user,
        transfer.kind.as_str(),
        transfer.amount.micros(),
        after.available.micros(),
        after.held.micros()
    )
}
