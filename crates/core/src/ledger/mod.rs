//! The credit ledger's rules: double entry, integers, append-only. A hold reserves, a settle takes what is due from the
//! hold, a release gives the rest or all of an unsettled hold back, a refund corrects something already settled.

pub mod account;
pub mod chain;
pub mod lots;
pub mod price;
pub mod rules;
pub mod transfer;

pub use account::{Account, Balance};
pub use lots::Lot;
pub use price::{Margin, Metered, Price};
pub use transfer::{Transfer, TransferKind, Written};
