//! The model's list of prices: a row's number is its place.

use super::data::{Data, paged};
use copydesk_store::prices::{NewPrice, PriceRow};
use copydesk_store::{Page, PageRequest, StoreError};

impl Data {
    pub(super) fn add_price(&mut self, price: NewPrice) -> i64 {
        self.prices.push(price);
        self.newest_price()
    }

    pub(super) fn newest_price(&self) -> i64 {
        self.prices.len() as i64
    }

    pub(super) fn list_prices(&self, model: Option<&str>, page: &PageRequest) -> Result<Page<PriceRow>, StoreError> {
        let rows = (1..).zip(&self.prices).filter(|(_, price)| model.is_none_or(|model| price.model == model));
        paged(rows.map(|(number, price)| (number, PriceRow { number, price: price.clone() })).collect(), page)
    }
}
