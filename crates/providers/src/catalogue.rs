//! What is known about a provider's models without asking it: which there are, what they cost, what they take. It opens no connection
//! and guesses nothing.

use std::collections::BTreeMap;

use copydesk_core::Timestamp;
use copydesk_core::metering::price::Price;

use crate::prices::{Abilities, ProviderPrices};

/// The models of one provider. The default one knows none, so any name may exist and every call is unpriced.
#[derive(Clone, Default, Debug)]
pub struct Catalogue {
    models: Vec<String>,
    own: BTreeMap<String, Price>,
    able: BTreeMap<String, Abilities>,
    table: ProviderPrices,
}

impl Catalogue {
    /// The catalogue of a provider whose prices stand in the table.
    pub fn priced(table: ProviderPrices) -> Catalogue {
        Catalogue { table, ..Catalogue::default() }
    }

    /// The catalogue of a provider that has exactly these models; those with a price of their own are priced.
    pub fn exact(models: Vec<String>, own: BTreeMap<String, Price>) -> Catalogue {
        Catalogue { models, own, ..Catalogue::default() }
    }

    /// The same, where this model is known to take this.
    pub fn able(mut self, model: impl Into<String>, abilities: Abilities) -> Catalogue {
        self.able.insert(model.into(), abilities);
        self
    }

    /// The price of a model at the instant of a call. What follows a `?` are options and costs nothing extra. `None` means
    /// unknown, and the call is unpriced.
    pub fn price_at(&self, model: &str, at: Timestamp) -> Option<Price> {
        let base = without_options(model);
        let own = self.own.get(model).or_else(|| self.own.get(base)).cloned();
        own.or_else(|| self.table.price(base, at))
    }

    /// What a model takes beside text.
    pub fn abilities(&self, model: &str) -> Abilities {
        let base = without_options(model);
        self.able.get(base).copied().unwrap_or_else(|| self.table.abilities(base))
    }

    /// The models there are, without options. Empty means any name may exist.
    pub fn models(&self) -> &[String] {
        &self.models
    }

    /// Whether there may be a model of this name.
    pub fn may_have(&self, model: &str) -> bool {
        let base = without_options(model);
        !base.is_empty() && (self.models.is_empty() || self.models.iter().any(|known| known == model || known == base))
    }

    /// Models whose price is on a list. Others may exist, and a listed one may be gone.
    pub fn listed(&self) -> Vec<String> {
        if self.models.is_empty() { self.table.models() } else { self.models.clone() }
    }
}

/// A model's name without its options.
pub(crate) fn without_options(model: &str) -> &str {
    model.split_once('?').map_or(model, |(base, _)| base)
}
