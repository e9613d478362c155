//! Why the domain says no. Each refusal has a stable code; none is ever retried by Copydesk itself.

use crate::budget::{Measure, Period};
use crate::files::FilesFull;
use crate::generation::Status;
use crate::ledger::TransferKind;
use crate::metering::cuts::Zone;
use crate::{BudgetId, DraftId, GenerationId, JobId, KeyId, MicroCredits, NanoUsd, ProspectId, Timestamp, WebhookId};
use std::fmt;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("It is {status} already and never changes again.")]
    AlreadyTerminal { status: Status },
    #[error("It is {status} and cannot be claimed.")]
    NotClaimable { status: Status },
    #[error("This needs {required} credits; {available} are available and {held} are held by work in progress.")]
    InsufficientCredits { required: MicroCredits, available: MicroCredits, held: MicroCredits },
    #[error("{0}")]
    BudgetExceeded(Box<BudgetExceeded>),
    #[error(
        "The budget {budget} counts cost, and what a call of {model} may cost is not known: set its price, or ask \
         another model. Nothing was queued and nothing was charged."
    )]
    UnpricedModelWithBudget { model: String, budget: BudgetId },
    #[error(
        "The deadline is {current} and can only be moved later; {asked} leaves no more time. To end it sooner, cancel it."
    )]
    DeadlineNotLater { current: Timestamp, asked: Timestamp },
    #[error("Generation is switched off since {since}. Nothing was queued and nothing was charged.")]
    GenerationPaused { since: Timestamp },
    #[error("The idempotency key was used before for another request.")]
    IdempotencyKeyReused,
    #[error("{waiting} generations wait already, which is the limit; nothing was queued.")]
    QueueFull { waiting: u64 },
    #[error("There is no such draft.")]
    DraftNotFound,
    #[error("The draft is published: a published draft is never changed. Unpublish it or make a new one.")]
    DraftPublished,
    #[error("A generation is filling this draft right now: wait for it or cancel it.")]
    DraftBusy,
    #[error("The draft has no content yet.")]
    DraftEmpty,
    #[error("It was changed by somebody else: it is at revision {current} now.")]
    VersionConflict { current: i64 },
    #[error("The amount is larger than what is left of it.")]
    AmountTooLarge,
    #[error("The amount is zero: there is nothing to move.")]
    AmountZero,
    #[error(
        "This would take {rows} figures, and {max} are the most: ask for a shorter span, longer intervals or fewer groups."
    )]
    UsageTooLarge { rows: usize, max: usize },
    #[error("{0}")]
    ReferenceReused(Box<ReferenceReused>),
    #[error("It is the workspace's last key that manages keys. Make another one with the scope keys:write first.")]
    LastKey,
    /// `how` is "was revoked", "has expired" or "was rotated".
    #[error("The key {how}: it does not change any more. Make a new one.")]
    KeyEnded { how: &'static str },
    #[error(
        "This Idempotency-Key has made {key} already. Its secret was in that answer only and cannot be shown again."
    )]
    KeyMade { key: KeyId },
    #[error(
        "{webhook} was made already, by this Idempotency-Key or as the workspace's one for requests. Its secret was in that \
         answer only and cannot be shown again; rotate it to get another."
    )]
    WebhookMade { webhook: WebhookId },
    #[error(
        "{webhook} was rotated a short time ago: messages are signed with the secret before, too, until {until}, and another \
         rotation now would end it for receivers that know only that one. Rotate it after that, or drop the secret before at \
         once with drop_previous. Nothing was changed."
    )]
    OldSecretCounts { webhook: WebhookId, until: Timestamp },
    #[error("It is the workspace's last owner who can sign in. Make somebody else an owner first.")]
    LastOwner,
    #[error("Somebody signs in with this e-mail, or as this user, already.")]
    LoginExists,
    #[error("This user has no way to sign in: only people with an e-mail do. Invite them.")]
    NoLogin,
    #[error("This link opens nothing: it was used, has expired, was taken back, or never was one of ours.")]
    LinkSpent,
    #[error(
        "{job} has reached its cap of {cap}: {spent} is spent, and what is in progress or comes next may pass it. Raise max_cost \
         and resume it."
    )]
    JobCapReached { job: JobId, cap: NanoUsd, spent: NanoUsd },
    #[error("{0}")]
    FilesFull(Box<FilesFull>),
    #[error("The workspace has {max} schedules, which is the limit: remove one first.")]
    SchedulesFull { max: u32 },
    /// `generation` is filling it, or has filled it.
    #[error("{draft} is about the same thing already; nothing was queued.")]
    DraftExists { draft: DraftId, generation: Option<GenerationId> },
    #[error("{prospect} is this prospect already: change that one.")]
    ProspectExists { prospect: ProspectId },
}

/// A reference that names another transfer already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReferenceReused {
    pub reference: String,
    pub first: (TransferKind, MicroCredits),
    pub given: (TransferKind, MicroCredits),
}

impl fmt::Display for ReferenceReused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ReferenceReused { reference, first, given } = self;
        let words = |(kind, amount): &(TransferKind, MicroCredits)| format!("{} of {amount} credits", kind.as_str());
        write!(f, "The reference {reference:?} was used before for a {}", words(first))?;
        if first == given {
            write!(f, " of another user or generation; nothing was written.")
        } else {
            write!(f, "; this one is a {}. Nothing was written.", words(given))
        }
    }
}

/// A budget without room for what a generation may use. Amounts are in the unit of the measure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BudgetExceeded {
    pub budget: BudgetId,
    pub measure: Measure,
    pub period: Period,
    pub zone: Zone,
    pub limit: i64,
    pub used: i64,
    /// Set aside for what is in progress.
    pub reserved: i64,
    /// What this one may use at most.
    pub needed: i64,
    /// When the next period begins.
    pub ends_at: Timestamp,
}

impl fmt::Display for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BudgetExceeded { budget, measure, period, zone, limit, used, reserved, needed, ends_at } = self;
        let shown = |amount: &i64| measure.shown(*amount);
        write!(
            f,
            "The budget {budget} allows {} a {}: {} is used, {} is set aside for what is in progress, and this may need \
             up to {}. A new {} begins at {}. Nothing was queued and nothing was charged.",
            shown(limit),
            period.as_str(),
            shown(used),
            shown(reserved),
            shown(needed),
            period.as_str(),
            zone.shown(*ends_at)
        )
    }
}

impl Refusal {
    /// The stable public code.
    pub const fn code(&self) -> &'static str {
        match self {
            Refusal::AlreadyTerminal { .. } => "already_terminal",
            Refusal::NotClaimable { .. } => "not_claimable",
            Refusal::InsufficientCredits { .. } => "insufficient_credits",
            Refusal::BudgetExceeded(_) => "budget_exceeded",
            Refusal::UnpricedModelWithBudget { .. } => "unpriced_model_with_budget",
            Refusal::DeadlineNotLater { .. } => "deadline_not_later",
            Refusal::GenerationPaused { .. } => "generation_paused",
            Refusal::IdempotencyKeyReused => "idempotency_key_reused",
            Refusal::QueueFull { .. } => "queue_full",
            Refusal::DraftNotFound => "not_found",
            Refusal::DraftPublished => "draft_published",
            Refusal::DraftBusy => "draft_busy",
            Refusal::DraftEmpty => "draft_empty",
            Refusal::VersionConflict { .. } => "version_conflict",
            Refusal::AmountTooLarge => "amount_too_large",
            Refusal::AmountZero => "amount_zero",
            Refusal::ReferenceReused(_) => "reference_reused",
            Refusal::UsageTooLarge { .. } => "usage_too_large",
            Refusal::LastKey => "last_key",
            Refusal::KeyEnded { .. } => "key_ended",
            Refusal::KeyMade { .. } => "key_made",
            Refusal::WebhookMade { .. } => "webhook_made",
            Refusal::OldSecretCounts { .. } => "old_secret_counts",
            Refusal::LastOwner => "last_owner",
            Refusal::LoginExists => "login_exists",
            Refusal::NoLogin => "no_login",
            Refusal::LinkSpent => "link_spent",
            Refusal::JobCapReached { .. } => "job_cap_reached",
            Refusal::FilesFull(_) => "files_full",
            Refusal::SchedulesFull { .. } => "schedules_full",
            Refusal::DraftExists { .. } => "draft_exists",
            Refusal::ProspectExists { .. } => "prospect_exists",
        }
    }
}
