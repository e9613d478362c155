//! Grants that expire. A lot is what is left of one; spending takes from the lot that expires soonest, then from the
//! credits that never do. What a hold has set aside stays good for that hold: of expired lots, the soonest ones are
//! taken to be what is held, because they are what would be spent.

use super::transfer::{Transfer, TransferKind};
use crate::{MicroCredits, Timestamp, TransferId, UserId, WorkspaceId};

/// What is left of an expiring grant or purchase. Invariant: `remaining` is positive where a lot is kept; all lots of a
/// user together are never more than what is available and held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lot {
    /// The grant or purchase.
    pub transfer: TransferId,
    pub expires_at: Timestamp,
    pub remaining: MicroCredits,
}

/// The lots that change when `amount` is spent, as they are afterwards. `lots` stand soonest to expire first.
pub fn spend(lots: &[Lot], amount: MicroCredits) -> Vec<Lot> {
    let mut left = amount;
    let mut changed = Vec::new();
    for lot in lots {
        if left.is_zero() {
            break;
        }
        let taken = lot.remaining.min(left);
        changed.push(less(*lot, taken));
        left = less_amount(left, taken);
    }
    changed
}

/// What expires at `now` while `held` is set aside: each lot as it was, with the amount it loses.
pub fn expire(lots: &[Lot], held: MicroCredits, now: Timestamp) -> Vec<(Lot, MicroCredits)> {
    let mut protected = held;
    let mut over = Vec::new();
    for lot in lots.iter().filter(|lot| lot.expires_at <= now) {
        let kept = lot.remaining.min(protected);
        protected = less_amount(protected, kept);
        let lost = less_amount(lot.remaining, kept);
        if !lost.is_zero() {
            over.push((*lot, lost));
        }
    }
    over
}

/// The lot after `amount` of it is gone.
pub fn less(lot: Lot, amount: MicroCredits) -> Lot {
    Lot { remaining: less_amount(lot.remaining, amount), ..lot }
}

/// The transfer that takes `amount` of an expired lot.
pub fn expiry(id: TransferId, owner: (WorkspaceId, UserId), lot: Lot, amount: MicroCredits, at: Timestamp) -> Transfer {
    let reason = format!("left of {}, which was good until {}", lot.transfer, lot.expires_at);
    Transfer { reason: Some(reason), ..Transfer::plain(id, owner, TransferKind::Expire, amount, at) }
}

fn less_amount(from: MicroCredits, amount: MicroCredits) -> MicroCredits {
    from.checked_sub(amount).unwrap_or(MicroCredits::ZERO)
}
