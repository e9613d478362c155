//! What models cost and what they take beside text: one dated row per price, from the compiled-in table and from a file of the operator's that wins over
//! it. It answers with the price at an instant or with nothing; it never guesses, and a price of zero is a price nobody
//! knows unless the row says that it is free. Where the rows come from: `xtask/src/prices.rs`; rules: `docs/prices.md`.

mod built_in;
pub mod json;
mod names;
mod overrides;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use copydesk_core::Timestamp;
use copydesk_core::metering::price::Price;
use sha2::{Digest, Sha256};

use crate::registry::ProviderKind;
pub use overrides::PriceFault;

/// What a model takes beside text. Of a model nobody knows, nothing is asked that might be refused, and nothing left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Abilities {
    /// Its maker holds an answer to a JSON schema.
    pub json_schema: bool,
    /// A request with a temperature is not refused.
    pub temperature: bool,
}

impl Default for Abilities {
    fn default() -> Abilities {
        Abilities { json_schema: false, temperature: true }
    }
}

/// One price of one model.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Row {
    from: Timestamp,
    /// `None` says that from here on nothing exact is known.
    price: Option<Price>,
}

/// Rows by `vendor/model` or `provider/model`, the earliest first.
type Rows = HashMap<String, Vec<Row>>;

/// All prices there are. Clones share it.
#[derive(Clone, Default)]
pub struct PriceTable {
    overrides: Arc<Rows>,
    /// The version of the overriding file; empty without one.
    overridden_by: Arc<str>,
}

impl fmt::Debug for PriceTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PriceTable({} overridden, by {:?})", self.overrides.len(), self.overridden_by)
    }
}

impl PriceTable {
    /// The table this program was built with. It is read when the first price is asked for.
    pub fn built_in() -> PriceTable {
        PriceTable::default()
    }

    /// The same table under the rows of a TOML file, which win. `name` is the file's, for the version and for errors.
    ///
    /// Errors: [`PriceFault`] - the key, what is wrong with it and what to write instead.
    pub fn with_overrides(&self, text: &str, name: &str) -> Result<PriceTable, PriceFault> {
        let version = format!("{name}-{}", fingerprint(text));
        let mut rows = (*self.overrides).clone();
        rows.extend(overrides::read(text, name, &version)?);
        Ok(PriceTable { overrides: Arc::new(rows), overridden_by: version.into() })
    }

    /// Names everything a price can come from: the overriding file, if any, and the built-in table.
    pub fn version(&self) -> String {
        let built_in = built_in::version();
        if self.overridden_by.is_empty() {
            built_in.to_owned()
        } else {
            format!("{} over {built_in}", self.overridden_by)
        }
    }

    /// The price of a model at a provider of this kind under its usual name and address.
    pub fn price(&self, kind: ProviderKind, model: &str, at: Timestamp) -> Option<Price> {
        self.for_provider(kind.as_str(), kind, kind.default_base_url().unwrap_or_default()).price(model, at)
    }

    /// The part of the table that is about one configured provider.
    pub fn for_provider(&self, name: &str, kind: ProviderKind, base_url: &str) -> ProviderPrices {
        ProviderPrices {
            table: self.clone(),
            name: name.to_owned(),
            vendor: names::vendor(kind, base_url),
            local: names::is_local(kind, base_url),
        }
    }

    fn row(&self, provider: &str, vendor: Option<&str>, model: &str, at: Timestamp) -> Option<&Row> {
        let own = [Some(provider), vendor].into_iter().flatten();
        let overridden = own.filter_map(|first| row_at(&self.overrides, &format!("{first}/{model}"), at)).next();
        overridden.or_else(|| row_at(built_in::rows(), &format!("{}/{model}", vendor?), at))
    }
}

/// The prices of one configured provider. The default one knows none.
#[derive(Clone, Default, Debug)]
pub struct ProviderPrices {
    table: PriceTable,
    /// As requests name it, the part before the first `/`.
    name: String,
    /// Whose list of the built-in table holds.
    vendor: Option<&'static str>,
    /// It runs on machines of one's own, where a call costs nothing.
    local: bool,
}

impl ProviderPrices {
    /// The price of a model at an instant; `None` is unknown. An adapter may ask for a size: `model#1080p`.
    pub fn price(&self, model: &str, at: Timestamp) -> Option<Price> {
        let listed =
            names::spellings(model).into_iter().find_map(|name| self.table.row(&self.name, self.vendor, &name, at));
        match listed {
            Some(row) => row.price.clone(),
            None if self.local && !names::is_cloud(model) => Some(Price::free("local")),
            None => None,
        }
    }

    /// What a model takes, where its maker's list says.
    pub fn abilities(&self, model: &str) -> Abilities {
        let of = |vendor: &str| {
            let named = |name: String| built_in::abilities().get(&format!("{vendor}/{name}")).copied();
            names::spellings(model).into_iter().find_map(named)
        };
        self.vendor.and_then(of).unwrap_or_default()
    }

    /// Every model with a row, sorted, also where its price is unknown now. Sizes are no models.
    pub fn models(&self) -> Vec<String> {
        let of = |rows: &Rows, first: &str| -> Vec<String> {
            let models = rows.keys().filter_map(|key| key.strip_prefix(first)?.strip_prefix('/'));
            models.filter_map(|model| model.split('#').next()).map(str::to_owned).collect()
        };
        let mut models = of(&self.table.overrides, &self.name);
        if let Some(vendor) = self.vendor {
            models.extend(of(&self.table.overrides, vendor));
            models.extend(of(built_in::rows(), vendor));
        }
        models.sort_unstable();
        models.dedup();
        models
    }
}

/// The last row that had begun by then.
fn row_at<'a>(rows: &'a Rows, key: &str, at: Timestamp) -> Option<&'a Row> {
    let rows = rows.get(key)?;
    rows[..rows.partition_point(|row| row.from <= at)].last()
}

/// The rows of a price file, the earliest first: addresses as they stand there, and what they cost from when on.
///
/// Errors: [`PriceFault`] - the key, what is wrong with it and what to write instead.
pub fn read_file(text: &str, name: &str) -> Result<Vec<(String, Price)>, PriceFault> {
    let rows = overrides::read(text, name, "")?;
    let prices = rows
        .into_iter()
        .flat_map(|(model, history)| history.into_iter().filter_map(move |row| Some((model.clone(), row.price?))));
    let mut prices: Vec<(String, Price)> = prices.collect();
    prices.sort_by(|a, b| (&a.0, a.1.from).cmp(&(&b.0, b.1.from)));
    Ok(prices)
}

/// Eight hexadecimal digits that change with the content.
pub fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
