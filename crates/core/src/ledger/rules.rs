//! What a transfer does to a user's balance, checked before anything is written.

use super::account::{Account, Balance};
use super::transfer::TransferKind;
use crate::MicroCredits;
use crate::refusal::Refusal;

/// The balance after a transfer of `amount`.
///
/// Errors: [`Refusal::InsufficientCredits`] when a hold is more than what is available;
/// [`Refusal::AmountZero`]; [`Refusal::AmountTooLarge`] when a settle or release is more than what is held, or a sum leaves the range.
/// Invariant: available + held changes only by grants, refunds (up) and settles (down).
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
        Account::PlatformGrants | Account::PlatformRevenue => {}
    }
    match kind.credit() {
        Account::UserAvailable => {
            after.available = after.available.checked_add(amount).ok_or(Refusal::AmountTooLarge)?;
        }
        Account::UserHeld => after.held = after.held.checked_add(amount).ok_or(Refusal::AmountTooLarge)?,
        Account::PlatformGrants | Account::PlatformRevenue => {}
    }
    Ok(after)
}
