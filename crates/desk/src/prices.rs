//! Prices that are set while the program runs. They are kept in the store, for everybody, and in memory, for every call;
//! what another process set is learnt with the heartbeat. They win over the catalogue of a provider.
//!
//! Of the rows of a model that have begun, the newest holds: a newer row wins from its instant on, also over one that was
//! to begin later. A row without a price gives back what the catalogue says.

use crate::desk::{Desk, Inner};
use crate::error::DeskError;
use copydesk_core::Timestamp;
use copydesk_core::metering::price::Price;
use copydesk_core::recipe::ModelRef;
use copydesk_providers::prices::{fingerprint, json};
use copydesk_providers::{Provider, Registry};
use copydesk_store::prices::{NewPrice, PriceRow, PriceText};
use copydesk_store::{Order, PageRequest, StoreError};
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// What is known of the store's list.
#[derive(Default)]
pub(crate) struct SetPrices(RwLock<Known>);

#[derive(Default)]
struct Known {
    /// The number of the last row that was read.
    newest: i64,
    /// By `provider/model`: what can still hold, the earliest first.
    models: BTreeMap<String, Vec<Row>>,
}

struct Row {
    from: Timestamp,
    price: Option<Price>,
}

impl SetPrices {
    pub fn newest(&self) -> i64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).newest
    }

    /// The price that was set for exactly this model; options after a `?` change nothing, a size after a `#` may have a
    /// price of its own.
    fn price_at(&self, provider: &str, model: &str, at: Timestamp) -> Option<Price> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.models.is_empty() {
            return None;
        }
        let model = model.split('?').next().unwrap_or(model);
        let base = model.split('#').next().unwrap_or(model);
        let row = |model: &str| {
            let rows = known.models.get(&format!("{provider}/{model}"))?;
            rows[..rows.partition_point(|row| row.from <= at)].last()?.price.clone()
        };
        row(model).or_else(|| if base == model { None } else { row(base) })
    }

    /// Takes rows in, in the order of their numbers; those that are known already change nothing.
    fn learn(&self, rows: Vec<PriceRow>) -> Result<(), StoreError> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            if row.number <= known.newest {
                continue;
            }
            let new = Row { from: row.price.from, price: price_of(&row)? };
            let history = known.models.entry(row.price.model).or_default();
            history.retain(|older| older.from < new.from);
            history.push(new);
            known.newest = row.number;
        }
        Ok(())
    }
}

impl Inner {
    /// What a call of the model costs at that instant: what was set, else what the provider's catalogue says. `None` is
    /// unknown, and the call is unpriced.
    pub fn price_at(&self, provider: &dyn Provider, model: &str, at: Timestamp) -> Option<Price> {
        let set = self.prices.price_at(provider.name(), model, at);
        set.or_else(|| provider.catalogue().price_at(model, at))
    }
}

/// Reads what was set since the last time.
pub(crate) async fn refresh(inner: &Inner) -> Result<(), DeskError> {
    loop {
        let after = Some(inner.prices.newest().to_string());
        let page = PageRequest { limit: PageRequest::LIMIT_MAX, after, order: Order::OldestFirst };
        let page = inner.store.prices(None, page).await?;
        inner.prices.learn(page.rows)?;
        if page.next.is_none() {
            return Ok(());
        }
    }
}

impl Desk {
    /// What a call of the model costs at that instant, as its row will say.
    pub fn price_at(&self, provider: &dyn Provider, model: &str, at: Timestamp) -> Option<Price> {
        self.inner.price_at(provider, model, at)
    }

    /// The provider's models for which a price is set, now or for later.
    pub fn models_with_set_prices(&self, provider: &str) -> Vec<String> {
        let now = self.inner.now();
        let known = self.inner.prices.0.read().unwrap_or_else(PoisonError::into_inner);
        let set = known.models.iter().filter(|(_, rows)| is_set(rows, now));
        set.filter_map(|(address, _)| Some(address.strip_prefix(provider)?.strip_prefix('/')?.to_owned())).collect()
    }

    /// Sets what a model costs from an instant on; calls that began before stay as they were booked. The version is made
    /// here from the content: whatever `price` names is replaced.
    ///
    /// Errors: `UnknownModel`; `Invalid` for what is no model's address or has options.
    pub async fn set_price(&self, address: &str, from: Timestamp, price: &Price) -> Result<PriceRow, DeskError> {
        known_model(&self.inner.providers, address)?;
        let rates = json::write(price);
        let day: String = from.to_string().chars().take(10).collect();
        let version = format!("api-{day}-{}", fingerprint(&format!("{address} {from} {rates}")));
        self.append(address, from, Some(PriceText { version, rates })).await
    }

    /// Ends what was set for a model, also what was to begin later: from now on the price file and the table hold again.
    ///
    /// Errors: `NotFound` when nothing was set.
    pub async fn end_price(&self, address: &str) -> Result<PriceRow, DeskError> {
        // What another process set a moment ago counts, too.
        refresh(&self.inner).await?;
        let now = self.inner.now();
        let is_set = {
            let known = self.inner.prices.0.read().unwrap_or_else(PoisonError::into_inner);
            known.models.get(address).is_some_and(|rows| is_set(rows, now))
        };
        if !is_set {
            return Err(DeskError::NotFound { what: "price set for", id: address.to_owned() });
        }
        self.append(address, now, None).await
    }

    async fn append(&self, address: &str, from: Timestamp, price: Option<PriceText>) -> Result<PriceRow, DeskError> {
        let price = NewPrice { model: address.to_owned(), from, price, created_at: self.inner.now() };
        let number = self.inner.store.add_price(price.clone()).await?;
        refresh(&self.inner).await?;
        Ok(PriceRow { number, price })
    }
}

/// Whether a price holds at that instant or is to begin later.
fn is_set(rows: &[Row], at: Timestamp) -> bool {
    let begun = rows.partition_point(|row| row.from <= at);
    rows[begun.saturating_sub(1)..].iter().any(|row| row.price.is_some())
}

/// The price of a row; `None` for an end.
///
/// Errors: `Corrupt`.
pub fn price_of(row: &PriceRow) -> Result<Option<Price>, StoreError> {
    let read = |text: &PriceText| json::read(&text.rates, &text.version, row.price.from);
    let corrupt = |why: String| StoreError::Corrupt(format!("price {} of {}: {why}", row.number, row.price.model));
    row.price.price.as_ref().map(read).transpose().map_err(corrupt)
}

/// A price that no call would ever be booked with is a slip of the pen.
fn known_model(providers: &Registry, address: &str) -> Result<(), DeskError> {
    let bad = |what: String| DeskError::invalid("", "bad_model", what);
    if address.contains('?') {
        return Err(bad(format!(
            "{address:?} has options; a price is for all of them, so leave out what follows the ?"
        )));
    }
    address.parse::<ModelRef>().map_err(|error| bad(error.to_string()))?;
    providers.resolve(address).map_err(|error| DeskError::UnknownModel { reason: error.to_string() })?;
    Ok(())
}
