//! Prices that were set while the program ran: a list that only grows. It belongs to the installation and not to a
//! workspace, as providers do. What a row means for a call is decided in the desk.

use crate::Answer;
use crate::page::{Page, PageRequest};
use copydesk_core::Timestamp;

pub trait PriceStore: Send + Sync {
    /// Appends a row and answers its number. No row is ever changed or removed.
    ///
    /// Invariant: numbers rise, and a reader that has seen one has seen, or can see, every lower one there will ever be.
    fn add_price(&self, price: NewPrice) -> Answer<'_, i64>;

    /// Rows by their number, of one `provider/model` if given; `page.after` is a number.
    fn prices(&self, model: Option<String>, page: PageRequest) -> Answer<'_, Page<PriceRow>>;
}

/// A price of one model from an instant on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPrice {
    /// `provider/model`
    pub model: String,
    pub from: Timestamp,
    /// `None` ends the prices that were set: from then on others hold.
    pub price: Option<PriceText>,
    pub created_at: Timestamp,
}

/// The price itself, which no store reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PriceText {
    /// What the calls it prices name.
    pub version: String,
    /// JSON text.
    pub rates: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PriceRow {
    pub number: i64,
    pub price: NewPrice,
}
