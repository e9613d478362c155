//! The table `prices`: appended to and read by number. What a row means is decided elsewhere.

use crate::PostgresStore;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, params, sql, text};
use copydesk_store::prices::{NewPrice, PriceRow, PriceText};
use copydesk_store::{Order, Page, PageRequest, StoreError};
use tokio_postgres::Row;

impl PostgresStore {
    pub(crate) async fn append_price(&self, new: &NewPrice) -> Result<i64, Fault> {
        let (version, rates) = new.price.as_ref().map(|price| (text(&price.version), text(&price.rates))).unzip();
        let tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        steps.add(sql!("prices/lock"), params![]);
        let row = params![text(&new.model), Micros::from(new.from), version, rates, Micros::from(new.created_at)];
        let added = steps.add(sql!("prices/insert"), row);
        let answers = tx.commit(steps).await?;
        let missing = || StoreError::Corrupt("a price was written and got no number".to_owned());
        Ok(answers.rows(Some(added)).first().ok_or_else(missing)?.get("number"))
    }

    pub(crate) async fn page_prices(
        &self,
        model: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<PriceRow>, StoreError> {
        let cursor = Cursor::of_numbers(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!("prices/list_newest"),
            Order::OldestFirst => sql!("prices/list_oldest"),
        };
        let rows = read(&self.readers, sql, params![cursor.after, model, cursor.limit]).await?;
        page_of(&rows, page, |row| Ok(price_row(row)), |row| row.number.to_string())
    }
}

fn price_row(row: &Row) -> PriceRow {
    let version: Option<String> = row.get("version");
    let price = version.zip(row.get("rates")).map(|(version, rates)| PriceText { version, rates });
    PriceRow {
        number: row.get("number"),
        price: NewPrice {
            model: row.get("model"),
            from: row.get::<_, Micros>("from_at").into(),
            price,
            created_at: row.get::<_, Micros>("created_at").into(),
        },
    }
}
