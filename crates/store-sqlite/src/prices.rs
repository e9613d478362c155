//! The table `prices`: appended to and read by number. What a row means is decided elsewhere.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::Done;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_store::prices::{NewPrice, PriceRow, PriceText};
use copydesk_store::{Answer, Page, PageRequest, PriceStore};
use rusqlite::{Row, params};

impl PriceStore for SqliteStore {
    fn add_price(&self, price: NewPrice) -> Answer<'_, i64> {
        let bytes = price.price.as_ref().map_or(0, |price| price.rates.len());
        Box::pin(self.write(bytes, move |session| add(session.db, &price)))
    }
    fn prices(&self, model: Option<String>, page: PageRequest) -> Answer<'_, Page<PriceRow>> {
        Box::pin(self.read(move |db| list(db, model.as_deref(), &page)))
    }
}

fn add(db: Db<'_>, new: &NewPrice) -> Done<i64> {
    let (version, rates) = new.price.as_ref().map(|price| (&price.version, &price.rates)).unzip();
    let row = params![new.model, new.from.micros(), version, rates, new.created_at.micros()];
    db.number(sql!("prices/insert"), row)
}

/// The number of the newest row; 0 when there is none.
pub(crate) fn newest(db: Db<'_>) -> Done<i64> {
    db.number(sql!("prices/newest"), [])
}

fn list(db: Db<'_>, model: Option<&str>, page: &PageRequest) -> Done<Page<PriceRow>> {
    let cut = Cut::of_numbers(page)?;
    let rows = db.all(ordered!(cut, "prices/list"), params![cut.after, model, cut.limit], price_row)?;
    Ok(page::cut(rows, page.limit, |row| row.number.to_string()))
}

fn price_row(row: &Row<'_>) -> Done<PriceRow> {
    let version: Option<String> = row.get("version")?;
    let price = version.zip(row.get("rates")?).map(|(version, rates)| PriceText { version, rates });
    Ok(PriceRow {
        number: row.get("number")?,
        price: NewPrice {
            model: row.get("model")?,
            from: codec::instant(row, "from_at")?,
            price,
            created_at: codec::instant(row, "created_at")?,
        },
    })
}
