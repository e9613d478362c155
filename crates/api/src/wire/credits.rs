//! Credits on the wire: accounts, statements, and the bodies of what people post. Amounts are whole micro-credits.

use crate::extract::fields::{Fields, FromFields};
use copydesk_core::ledger::{Balance, Transfer, TransferKind};
use copydesk_core::{MicroCredits, Timestamp};
use copydesk_desk::credits::{Pack, Size};
use copydesk_desk::store::ledger::{AccountRow, Line, Posted};
use serde::Serialize;

/// Units: micro-credits.
#[derive(Serialize)]
pub(crate) struct BalanceBody {
    available: i64,
    held: i64,
    total: i64,
}

impl From<Balance> for BalanceBody {
    fn from(balance: Balance) -> BalanceBody {
        let (available, held) = (balance.available.micros(), balance.held.micros());
        BalanceBody { available, held, total: available.saturating_add(held) }
    }
}

#[derive(Serialize)]
pub(crate) struct AccountBody {
    object: &'static str,
    user: String,
    user_id: String,
    #[serde(flatten)]
    balance: BalanceBody,
    /// When the first grant expires that has something left.
    expires_next_at: Option<String>,
}

impl From<AccountRow> for AccountBody {
    fn from(row: AccountRow) -> AccountBody {
        AccountBody {
            object: "account",
            user: row.user_external,
            user_id: row.user.to_string(),
            balance: row.balance.into(),
            expires_next_at: row.expires_next_at.map(|at| at.to_string()),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct TransferBody {
    object: &'static str,
    id: String,
    kind: &'static str,
    user_id: String,
    /// Units: micro-credits. What it does to the balance follows from its kind.
    amount: i64,
    debit_account: &'static str,
    credit_account: &'static str,
    generation_id: Option<String>,
    reference: Option<String>,
    reason: Option<String>,
    /// The other user of a gift.
    peer_id: Option<String>,
    expires_at: Option<String>,
    created_at: String,
}

impl From<&Transfer> for TransferBody {
    fn from(transfer: &Transfer) -> TransferBody {
        TransferBody {
            object: "transfer",
            id: transfer.id.to_string(),
            kind: transfer.kind.as_str(),
            user_id: transfer.user.to_string(),
            amount: transfer.amount.micros(),
            debit_account: transfer.kind.debit().as_str(),
            credit_account: transfer.kind.credit().as_str(),
            generation_id: transfer.generation.map(|id| id.to_string()),
            reference: transfer.reference.clone(),
            reason: transfer.reason.clone(),
            peer_id: transfer.peer.map(|id| id.to_string()),
            expires_at: transfer.expires_at.map(|at| at.to_string()),
            created_at: transfer.at.to_string(),
        }
    }
}

/// A line of a statement.
#[derive(Serialize)]
pub(crate) struct LineBody {
    #[serde(flatten)]
    transfer: TransferBody,
    user: String,
    peer: Option<String>,
    /// The user's balances right after it.
    after: BalanceBody,
}

impl From<Line> for LineBody {
    fn from(line: Line) -> LineBody {
        LineBody {
            transfer: (&line.entry.transfer).into(),
            user: line.user_external,
            peer: line.peer_external,
            after: line.entry.after.into(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct PostedBody {
    object: &'static str,
    /// False when it was there already.
    posted: bool,
    transfer: TransferBody,
    /// As it is now.
    balance: BalanceBody,
}

impl From<Posted> for PostedBody {
    fn from(posted: Posted) -> PostedBody {
        PostedBody {
            object: "posting",
            posted: posted.posted,
            transfer: (&posted.transfer).into(),
            balance: posted.balance.into(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct PackBody {
    object: &'static str,
    name: String,
    title: Option<String>,
    /// Units: micro-credits.
    credits: i64,
    /// What it costs, as people read it.
    price: Option<String>,
}

impl PackBody {
    pub fn of(name: &str, pack: &Pack) -> PackBody {
        PackBody {
            object: "pack",
            name: name.to_owned(),
            title: pack.title.clone(),
            credits: pack.credits.micros(),
            price: pack.price.clone(),
        }
    }
}

/// POST `/credits/grants`.
pub(crate) struct NewGrant {
    pub user: String,
    pub size: Size,
    pub kind: Option<TransferKind>,
    pub reference: Option<String>,
    pub reason: Option<String>,
    pub expires_at: Option<Timestamp>,
}

impl FromFields for NewGrant {
    fn read(fields: &mut Fields) -> NewGrant {
        let user = fields.required_text("user");
        let (amount, pack) = (fields.credits("amount"), fields.text("pack"));
        let size = match (amount, pack) {
            (None, Some(pack)) => Size::Pack(pack),
            (amount, pack) => {
                if pack.is_some() {
                    fields.fault("pack", "not_allowed", "give a pack or an amount, not both");
                } else if amount.is_none() && !fields.blamed("amount") {
                    fields.fault("amount", "required", "give an amount in micro-credits, or a pack");
                }
                Size::Amount(amount.unwrap_or_default())
            }
        };
        let kind = fields.text("kind").and_then(|word| match word.as_str() {
            "grant" => Some(TransferKind::Grant),
            "purchase" => Some(TransferKind::Purchase),
            _ => {
                fields.fault("kind", "not_allowed", "it must be grant or purchase");
                None
            }
        });
        let (reference, reason) = (fields.text("reference"), fields.text("reason"));
        let now = fields.now;
        NewGrant { user, size, kind, reference, reason, expires_at: fields.instant_or_span("expires_at", now) }
    }
}

/// POST `/credits/adjustments`.
pub(crate) struct NewAdjustment {
    pub user: String,
    pub down: bool,
    pub amount: MicroCredits,
    pub reference: Option<String>,
    pub reason: Option<String>,
}

impl FromFields for NewAdjustment {
    fn read(fields: &mut Fields) -> NewAdjustment {
        let user = fields.required_text("user");
        let (down, amount) = fields.required_signed_credits("amount");
        NewAdjustment { user, down, amount, reference: fields.text("reference"), reason: fields.text("reason") }
    }
}

/// POST `/credits/gifts`.
pub(crate) struct NewGift {
    pub from: String,
    pub to: String,
    pub amount: MicroCredits,
    pub reference: Option<String>,
    pub reason: Option<String>,
}

impl FromFields for NewGift {
    fn read(fields: &mut Fields) -> NewGift {
        NewGift {
            from: fields.required_text("from"),
            to: fields.required_text("to"),
            amount: fields.required_credits("amount"),
            reference: fields.text("reference"),
            reason: fields.text("reason"),
        }
    }
}

/// POST `/credits/refunds`.
pub(crate) struct NewRefund {
    /// A typed id or a bare UUID.
    pub generation: String,
    pub amount: Option<MicroCredits>,
    pub reference: Option<String>,
    pub reason: Option<String>,
}

impl FromFields for NewRefund {
    fn read(fields: &mut Fields) -> NewRefund {
        NewRefund {
            generation: fields.required_text("generation"),
            amount: fields.credits("amount"),
            reference: fields.text("reference"),
            reason: fields.text("reason"),
        }
    }
}
