//! Credits on the wire: accounts, statements, and the bodies of what people post. Amounts are whole micro-credits.

use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::{GenerationKey, InstantOrSpan, LedgerAccount, TransferKind as KindWord};
use copydesk_core::ledger::{Balance, Transfer, TransferKind};
use copydesk_core::{MicroCredits, Timestamp};
use copydesk_desk::credits::{Pack, Size};
use copydesk_desk::store::ledger::{AccountRow, Line, Posted};
use serde::Serialize;
use utoipa::ToSchema;

/// Units: micro-credits.
#[derive(Serialize, ToSchema)]
#[schema(as = Balance)]
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

#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
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

#[derive(Serialize, ToSchema)]
#[schema(as = Transfer)]
pub(crate) struct TransferBody {
    object: &'static str,
    id: String,
    #[schema(value_type = KindWord)]
    kind: &'static str,
    user_id: String,
    /// Units: micro-credits. What it does to the balance follows from its kind.
    amount: i64,
    #[schema(value_type = LedgerAccount)]
    debit_account: &'static str,
    #[schema(value_type = LedgerAccount)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = StatementLine)]
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

#[derive(Serialize, ToSchema)]
#[schema(as = Posting)]
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

#[derive(Serialize, ToSchema)]
#[schema(as = Pack)]
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

/// The fields of a grant, as they are sent.
#[derive(ToSchema)]
#[schema(as = NewGrant)]
#[expect(dead_code, reason = "only its description is used: an amount and a pack are read as one size")]
pub(crate) struct GrantFields {
    /// Your name of the user, or `usr_...`.
    #[schema(min_length = 1, max_length = 255)]
    user: String,
    /// Units: micro-credits. Either this or `pack`.
    #[schema(minimum = 1)]
    amount: Option<i64>,
    /// A pack of those that are sold, instead of an amount.
    pack: Option<String>,
    /// `grant`, or `purchase`, which is what a pack is.
    #[schema(pattern = "^(grant|purchase)$")]
    kind: Option<String>,
    /// Posted once for each: your order's number.
    #[schema(min_length = 1, max_length = 255)]
    reference: String,
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// What is left of it then is gone: an instant, or a length of time from now.
    #[schema(value_type = Option<InstantOrSpan>)]
    expires_at: Option<String>,
}

/// [`GrantFields`] as they were read.
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

/// A correction of a balance.
#[derive(ToSchema)]
pub(crate) struct NewAdjustment {
    /// Your name of the user, or `usr_...`.
    #[schema(min_length = 1, max_length = 255)]
    pub user: String,
    #[schema(ignore)]
    pub down: bool,
    /// Units: micro-credits, with a sign, not zero.
    #[schema(value_type = i64)]
    pub amount: MicroCredits,
    /// Posted once for each.
    #[schema(min_length = 1, max_length = 255)]
    pub reference: Option<String>,
    /// Why; it stands in the statement for ever.
    #[schema(value_type = String, pattern = "\\S", max_length = 500)]
    pub reason: Option<String>,
}

impl FromFields for NewAdjustment {
    fn read(fields: &mut Fields) -> NewAdjustment {
        let user = fields.required_text("user");
        let (down, amount) = fields.required_signed_credits("amount");
        NewAdjustment { user, down, amount, reference: fields.text("reference"), reason: fields.text("reason") }
    }
}

/// A gift of one user to another.
#[derive(ToSchema)]
pub(crate) struct NewGift {
    #[schema(min_length = 1, max_length = 255)]
    pub from: String,
    #[schema(min_length = 1, max_length = 255)]
    pub to: String,
    /// Units: micro-credits.
    #[schema(value_type = i64, minimum = 1)]
    pub amount: MicroCredits,
    /// Posted once for each.
    #[schema(min_length = 1, max_length = 255)]
    pub reference: Option<String>,
    #[schema(max_length = 500)]
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

/// A refund of a generation.
#[derive(ToSchema)]
pub(crate) struct NewRefund {
    /// A typed id or a bare UUID.
    #[schema(value_type = GenerationKey)]
    pub generation: String,
    /// Units: micro-credits; without it all that is left of what was settled.
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub amount: Option<MicroCredits>,
    /// Posted once for each.
    #[schema(min_length = 1, max_length = 255)]
    pub reference: Option<String>,
    /// Why; it stands in the statement for ever.
    #[schema(value_type = String, pattern = "\\S", max_length = 500)]
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
