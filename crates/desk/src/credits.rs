//! Credits as people move them: grants and purchases, corrections, gifts, refunds; and the clock, which takes what has
//! expired. What a generation holds, settles and releases is decided by its own life, not here.

use crate::accept::NAME_BYTES_MAX;
use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use copydesk_core::generation::State;
use copydesk_core::ledger::transfer::REASON_CHARS_MAX;
use copydesk_core::ledger::{Transfer, TransferKind};
use copydesk_core::{GenerationId, MicroCredits, Timestamp, TransferId, UserId};
use copydesk_store::generations::Idempotency;
use copydesk_store::ledger::{AccountRow, Gift, Post, Posted, TransferFilter};
use copydesk_store::{PageRequest, Scope, StoreError};
use std::collections::BTreeMap;

/// How many lots one transaction expires.
const EXPIRED_AT_ONCE: usize = 100;
/// How many such transactions one sweep makes; the next one goes on.
const EXPIRIES_PER_SWEEP: usize = 100;

/// An amount of credits that is sold under a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pack {
    pub credits: MicroCredits,
    pub title: Option<String>,
    /// What it costs, as people read it. Copydesk takes no money.
    pub price: Option<String>,
}

/// The packs by their names.
pub type Packs = BTreeMap<String, Pack>;

/// Who, to whom and why, of everything that is moved by hand.
#[derive(Clone, Debug)]
pub struct Memo {
    pub scope: Scope,
    /// Whatever the application calls its user, or the id this API shows.
    pub user: String,
    pub reference: Option<String>,
    pub reason: Option<String>,
    pub idempotency: Option<Idempotency>,
}

/// How much a grant or purchase is about.
#[derive(Clone, Debug)]
pub enum Size {
    Amount(MicroCredits),
    Pack(String),
}

#[derive(Clone, Debug)]
pub struct Grant {
    pub memo: Memo,
    /// A grant or a purchase; without a word a pack is bought and an amount is granted.
    pub kind: Option<TransferKind>,
    pub size: Size,
    pub expires_at: Option<Timestamp>,
}

/// A correction by hand.
#[derive(Clone, Debug)]
pub struct Adjustment {
    pub memo: Memo,
    /// Taken instead of given.
    pub down: bool,
    pub amount: MicroCredits,
}

#[derive(Clone, Debug)]
pub struct Giving {
    /// The sender's.
    pub memo: Memo,
    pub to: String,
    pub amount: MicroCredits,
}

#[derive(Clone, Debug)]
pub struct Refund {
    pub scope: Scope,
    pub generation: GenerationId,
    /// `None` is all that is left of what was settled.
    pub amount: Option<MicroCredits>,
    pub reference: Option<String>,
    pub reason: Option<String>,
    pub idempotency: Option<Idempotency>,
}

/// The user behind a text, and the name to make him under if he is new.
fn user_of(scope: Scope, text: &str) -> (UserId, Option<String>) {
    match text.strip_prefix(UserId::PREFIX).and_then(|_| text.parse().ok()) {
        Some(id) => (id, None),
        None => (UserId::from_external(scope.workspace, text), Some(text.to_owned())),
    }
}

/// The id behind the application's own name of a user, or the id as it is shown.
pub fn user_id(scope: Scope, text: &str) -> UserId {
    user_of(scope, text).0
}

/// A user nobody knows is named as he was called.
fn named(error: StoreError, users: &[(&str, UserId)]) -> DeskError {
    let mut error = DeskError::from(error);
    if let DeskError::NotFound { what: "user", id } = &mut error
        && let Some((name, _)) = users.iter().find(|(_, user)| user.to_string() == *id)
    {
        *id = (*name).to_owned();
    }
    error
}

impl Desk {
    /// Errors: `credits_off` with the way to switch them on.
    pub fn credits_on(&self) -> Result<(), DeskError> {
        if self.inner.config.credits { Ok(()) } else { Err(DeskError::CreditsOff) }
    }

    /// Gives or sells credits to a user, who is made if he was never seen.
    pub async fn grant(&self, grant: Grant) -> Result<Posted, DeskError> {
        self.credits_on()?;
        let Grant { memo, kind, size, expires_at } = grant;
        let now = self.inner.now();
        let mut faults = faults_of(&memo, &[("/user", &memo.user)]);
        if memo.reference.is_none() {
            faults.push(Fault::new("/reference", "required", "a grant is posted once for each reference: give it one"));
        }
        if expires_at.is_some_and(|at| at <= now) {
            faults.push(Fault::new("/expires_at", "in_the_past", format!("it must lie after {now}")));
        }
        let (usual, amount) = match &size {
            Size::Amount(amount) => (TransferKind::Grant, *amount),
            Size::Pack(name) => (TransferKind::Purchase, self.pack(name, &mut faults)),
        };
        refuse(faults)?;
        let (user, open_as) = user_of(memo.scope, &memo.user);
        let transfer = Transfer { expires_at, ..self.transfer(&memo, user, kind.unwrap_or(usual), amount, now) };
        let post = Post { transfer, open_as, idempotency: memo.idempotency };
        self.post(post).await.map_err(|error| named(error, &[(&memo.user, user)]))
    }

    fn pack(&self, name: &str, faults: &mut Vec<Fault>) -> MicroCredits {
        let packs = &self.inner.config.packs;
        packs.get(name).map(|pack| pack.credits).unwrap_or_else(|| {
            let known: Vec<&str> = packs.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none is set up".to_owned() } else { known.join(", ") };
            faults.push(Fault::new("/pack", "not_allowed", format!("there is no pack {name:?}; there are: {known}")));
            MicroCredits::ZERO
        })
    }

    /// Corrects a balance. The reason is required.
    pub async fn adjust(&self, adjustment: Adjustment) -> Result<Posted, DeskError> {
        self.credits_on()?;
        let Adjustment { memo, down, amount } = adjustment;
        let mut faults = faults_of(&memo, &[("/user", &memo.user)]);
        faults.extend(reasonless(memo.reason.as_deref()));
        refuse(faults)?;
        let user = user_id(memo.scope, &memo.user);
        let kind = if down { TransferKind::AdjustDown } else { TransferKind::AdjustUp };
        let transfer = self.transfer(&memo, user, kind, amount, self.inner.now());
        let post = Post { transfer, open_as: None, idempotency: memo.idempotency };
        self.post(post).await.map_err(|error| named(error, &[(&memo.user, user)]))
    }

    /// Moves credits from one user to another. Answers about the sender.
    pub async fn give(&self, giving: Giving) -> Result<Posted, DeskError> {
        self.credits_on()?;
        let Giving { memo, to, amount } = giving;
        let mut faults = faults_of(&memo, &[("/from", &memo.user), ("/to", &to)]);
        let [sender, receiver] = [&memo.user, &to].map(|user| user_id(memo.scope, user));
        if sender == receiver {
            faults.push(Fault::new("/to", "not_allowed", "nobody can give credits to himself"));
        }
        refuse(faults)?;
        let now = self.inner.now();
        let mut sent = self.transfer(&memo, sender, TransferKind::GiftSent, amount, now);
        // Both rows need one name: it is how they are found together.
        sent.reference.get_or_insert_with(|| format!("gift:{}", sent.id));
        sent.peer = Some(receiver);
        let received = Transfer {
            id: TransferId(self.inner.world.uuid(now)),
            user: receiver,
            kind: TransferKind::GiftReceived,
            peer: Some(sender),
            ..sent.clone()
        };
        let gift = Gift { sent, received, idempotency: memo.idempotency };
        let users = [(memo.user.as_str(), sender), (to.as_str(), receiver)];
        let posted = self.store().gift(gift).await.map_err(|error| named(error, &users))?;
        Ok(self.counted(posted))
    }

    /// Gives back what was settled for a generation, or a part of it. The reason is required.
    pub async fn refund(&self, refund: Refund) -> Result<Posted, DeskError> {
        self.credits_on()?;
        let Refund { scope, generation, amount, reference, reason, idempotency } = refund;
        let row = self.store().get(scope, generation).await?;
        let memo = Memo { scope, user: row.user.to_string(), reference, reason, idempotency };
        let mut faults = faults_of(&memo, &[]);
        faults.extend(reasonless(memo.reason.as_deref()));
        refuse(faults)?;
        let settled = match row.generation.state {
            State::Completed { settled, .. } => settled,
            State::Pending { .. } | State::Processing { .. } | State::Failed { .. } | State::Cancelled { .. } => {
                MicroCredits::ZERO
            }
        };
        let refunded = self.refunded(scope, generation).await?;
        let left = settled.checked_sub(refunded).filter(|left| !left.is_zero());
        // With nothing left the store still knows whether this one was posted before.
        let amount = amount.or(left).unwrap_or(settled);
        let plain = self.transfer(&memo, row.user, TransferKind::Refund, amount, self.inner.now());
        let transfer = Transfer { generation: Some(generation), ..plain };
        Ok(self.post(Post { transfer, open_as: None, idempotency: memo.idempotency }).await?)
    }

    /// What was given back of a generation's settle so far.
    pub async fn refunded(&self, scope: Scope, generation: GenerationId) -> Result<MicroCredits, DeskError> {
        let filter = TransferFilter {
            generation: Some(generation),
            kind: Some(TransferKind::Refund),
            ..TransferFilter::default()
        };
        let mut page = PageRequest::newest(PageRequest::LIMIT_MAX);
        let mut sum = MicroCredits::ZERO;
        loop {
            let rows = self.store().transfers(scope, filter.clone(), page.clone()).await?;
            let amounts = rows.rows.iter().map(|line| line.entry.transfer.amount);
            sum = amounts.fold(sum, |sum, amount| sum.checked_add(amount).unwrap_or(MicroCredits::MAX));
            match rows.next {
                Some(next) => page.after = Some(next),
                None => return Ok(sum),
            }
        }
    }

    /// A user's account. Errors: `not_found` with the name that was asked for.
    pub async fn account(&self, scope: Scope, user: &str) -> Result<AccountRow, DeskError> {
        self.credits_on()?;
        let id = user_id(scope, user);
        self.store().account(scope, id).await.map_err(|error| named(error, &[(user, id)]))
    }

    /// Takes what has expired. Answers how many grants lost something.
    pub async fn expire_credits(&self) -> Result<usize, DeskError> {
        let mut expired = 0;
        for _ in 0..EXPIRIES_PER_SWEEP {
            let now = self.inner.now();
            let ids = (0..EXPIRED_AT_ONCE).map(|_| TransferId(self.inner.world.uuid(now))).collect();
            let some = self.store().expire_lots(now, ids).await?;
            for transfer in &some {
                self.inner.metrics.moved(transfer.kind, transfer.amount);
            }
            expired += some.len();
            if some.len() < EXPIRED_AT_ONCE {
                break;
            }
        }
        Ok(expired)
    }

    async fn post(&self, post: Post) -> Result<Posted, StoreError> {
        Ok(self.counted(self.store().post(post).await?))
    }

    fn counted(&self, posted: Posted) -> Posted {
        if posted.posted {
            self.inner.metrics.moved(posted.transfer.kind, posted.transfer.amount);
        }
        posted
    }

    fn transfer(
        &self,
        memo: &Memo,
        user: UserId,
        kind: TransferKind,
        amount: MicroCredits,
        now: Timestamp,
    ) -> Transfer {
        let id = TransferId(self.inner.world.uuid(now));
        Transfer {
            reference: memo.reference.clone(),
            reason: memo.reason.clone(),
            ..Transfer::plain(id, (memo.scope.workspace, user), kind, amount, now)
        }
    }
}

fn refuse(faults: Vec<Fault>) -> Result<(), DeskError> {
    if faults.is_empty() { Ok(()) } else { Err(DeskError::Invalid(faults)) }
}

fn reasonless(reason: Option<&str>) -> Option<Fault> {
    let blank = reason.is_none_or(|reason| reason.trim().is_empty());
    blank.then(|| Fault::new("/reason", "required", "say why: it stands in the statement for ever"))
}

/// What is wrong with the words; `users` are named by their fields.
fn faults_of(memo: &Memo, users: &[(&'static str, &String)]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let bytes = format!("it must have 1 to {NAME_BYTES_MAX} bytes");
    let names = users.iter().copied().chain(memo.reference.iter().map(|reference| ("/reference", reference)));
    let key = memo.idempotency.iter().map(|key| ("/idempotency_key", &key.key));
    for (pointer, name) in names.chain(key) {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            faults.push(Fault::new(pointer, "bad_length", &*bytes));
        }
        if name.contains('\0') {
            faults.push(Fault::new(pointer, "bad_character", "it contains a NUL character"));
        }
    }
    if let Some(reason) = &memo.reason {
        if reason.chars().count() > REASON_CHARS_MAX {
            let detail = format!("it must have at most {REASON_CHARS_MAX} characters");
            faults.push(Fault::new("/reason", "bad_length", detail));
        }
        if reason.contains('\0') {
            faults.push(Fault::new("/reason", "bad_character", "it contains a NUL character"));
        }
    }
    faults
}
