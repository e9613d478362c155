//! What a transfer does to a user's balance, checked before anything is written.

use super::account::{Account, Balance};
use super::transfer::{Transfer, TransferKind};
use crate::refusal::{ReferenceReused, Refusal};
use crate::{MicroCredits, UserId};

/// The balance after a transfer of `amount`.
///
/// Errors: [`Refusal::InsufficientCredits`] when it takes more than what is available;
/// [`Refusal::AmountZero`]; [`Refusal::AmountTooLarge`] when a settle or release is more than what is held, or a sum leaves the range.
/// Invariant: a hold and its release leave available + held as it is; an absorb changes neither.
pub fn post(balance: Balance, kind: TransferKind, amount: MicroCredits) -> Result<Balance, Refusal> {
    if amount.is_zero() {
        return Err(Refusal::AmountZero);
    }
    let mut after = balance;
    match kind.debit() {
        Account::UserAvailable => {
            after.available = balance.available.checked_sub(amount).ok_or(Refusal::InsufficientCredits {
                required: amount,
                available: balance.available,
                held: balance.held,
            })?;
        }
        Account::UserHeld => after.held = balance.held.checked_sub(amount).ok_or(Refusal::AmountTooLarge)?,
        Account::PlatformGrants
        | Account::PlatformSales
        | Account::PlatformRevenue
        | Account::PlatformAdjustments
        | Account::PlatformGifts
        | Account::PlatformExpired
        | Account::PlatformAbsorbed => {}
    }
    match kind.credit() {
        Account::UserAvailable => {
            after.available = after.available.checked_add(amount).ok_or(Refusal::AmountTooLarge)?;
        }
        Account::UserHeld => after.held = after.held.checked_add(amount).ok_or(Refusal::AmountTooLarge)?,
        Account::PlatformGrants
        | Account::PlatformSales
        | Account::PlatformRevenue
        | Account::PlatformAdjustments
        | Account::PlatformGifts
        | Account::PlatformExpired
        | Account::PlatformAbsorbed => {}
    }
    Ok(after)
}

/// What may be given back for a generation: what was settled from this user, less what was given back already. `rows` are
/// its transfers (kind, amount, user).
///
/// Errors: [`Refusal::AmountTooLarge`] when a sum leaves the range, which a sound ledger never does.
pub fn refundable(rows: &[(TransferKind, MicroCredits, UserId)], user: UserId) -> Result<MicroCredits, Refusal> {
    let sum = |wanted: TransferKind, owner: Option<UserId>| {
        rows.iter()
            .filter(|(kind, _, of)| *kind == wanted && owner.is_none_or(|owner| owner == *of))
            .try_fold(MicroCredits::ZERO, |sum, (_, amount, _)| sum.checked_add(*amount))
            .ok_or(Refusal::AmountTooLarge)
    };
    let (settled, refunded) = (sum(TransferKind::Settle, Some(user))?, sum(TransferKind::Refund, None)?);
    Ok(settled.checked_sub(refunded).unwrap_or(MicroCredits::ZERO))
}

/// What a transfer under a reference that `first` has already means: the same again, or a clash.
///
/// Errors: [`Refusal::ReferenceReused`].
pub fn same_reference(first: &Transfer, later: &Transfer) -> Result<(), Refusal> {
    if first.is_repeated_by(later) {
        return Ok(());
    }
    Err(Refusal::ReferenceReused(Box::new(ReferenceReused {
        reference: later.reference.clone().unwrap_or_default(),
        first: (first.kind, first.amount),
        given: (later.kind, later.amount),
    })))
}
