//! Finds the provider for `NAME/model`, and says what would have been right when there is none. It is built once from
//! configuration and then only read; it opens no connection.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use copydesk_core::metering::cost::cost;
use copydesk_core::metering::usage::TokenUsage;
use copydesk_core::{Timestamp, Tokens};

use crate::anthropic::{self, Anthropic};
use crate::catalogue::{Catalogue, without_options};
use crate::demo;
use crate::fal::{FAL_BASE_URL, Fal};
use crate::gemini::{GEMINI_BASE_URL, Gemini};
use crate::http::HttpClient;
use crate::ollama::{self, Ollama};
use crate::openai::OpenAi;
use crate::openai_compatible::OpenAiCompatible;
use crate::openrouter::OpenRouter;
use crate::prices::PriceTable;
use crate::provider::Provider;
use crate::replicate::{REPLICATE_BASE_URL, Replicate};
use crate::secret::Secret;

/// Near names shown with an unknown one.
const NEAR_MAX: usize = 3;

/// What kind of thing answers under a name. A new kind is a variant here and an arm in [`build_one`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProviderKind {
    OpenRouter,
    OpenAi,
    Anthropic,
    Gemini,
    Ollama,
    Replicate,
    Fal,
    OpenAiCompatible,
    Demo,
}

impl ProviderKind {
    pub const ALL: [ProviderKind; 9] = [
        Self::OpenRouter,
        Self::OpenAi,
        Self::Anthropic,
        Self::Gemini,
        Self::Ollama,
        Self::Replicate,
        Self::Fal,
        Self::OpenAiCompatible,
        Self::Demo,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenRouter => "openrouter",
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::OpenAiCompatible => "openai-compatible",
            Self::Ollama => "ollama",
            Self::Replicate => "replicate",
            Self::Fal => "fal",
            Self::Demo => "demo",
        }
    }

    /// The address that is meant when none is configured.
    pub const fn default_base_url(self) -> Option<&'static str> {
        match self {
            Self::OpenRouter => Some("https://openrouter.ai/api/v1"),
            Self::OpenAi => Some("https://api.openai.com/v1"),
            Self::Anthropic => Some(anthropic::BASE_URL_DEFAULT),
            Self::Gemini => Some(GEMINI_BASE_URL),
            Self::Ollama => Some(ollama::BASE_URL_DEFAULT),
            Self::Replicate => Some(REPLICATE_BASE_URL),
            Self::Fal => Some(FAL_BASE_URL),
            Self::OpenAiCompatible | Self::Demo => None,
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProviderKind {
    type Err = RegistryError;
    fn from_str(word: &str) -> Result<ProviderKind, RegistryError> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        known.ok_or_else(|| RegistryError::UnknownKind { given: word.chars().take(80).collect() })
    }
}

/// One provider as it is configured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderConfig {
    pub name: String,
    pub kind: ProviderKind,
    /// `None` means the kind's own address; `demo` needs the address of its running server.
    pub base_url: Option<String>,
    pub api_key: Option<Secret>,
}

/// A configuration no registry can be built from.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegistryError {
    #[error(
        "there is no provider kind {given:?}: use one of openrouter, openai, anthropic, gemini, ollama, replicate, fal, openai-compatible, demo"
    )]
    UnknownKind { given: String },
    #[error("{given:?} cannot be a provider's name: use letters, digits, '-' and '_', such as my-provider")]
    BadName { given: String },
    #[error("two providers are called {name}: give one of them another name")]
    DuplicateName { name: String },
    #[error("provider {name} needs a base_url, such as http://127.0.0.1:8000/v1")]
    MissingBaseUrl { name: String },
    #[error("the base_url of provider {name} is not a web address: write it as https://host/v1")]
    BadBaseUrl { name: String },
}

/// A model address nobody answers to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownModel {
    pub given: String,
    /// The names of all providers.
    pub providers: Vec<String>,
    /// Addresses that look much like the given one.
    pub near: Vec<String>,
}

impl fmt::Display for UnknownModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "There is no model {:?}. Write it as PROVIDER/MODEL; ", self.given)?;
        match self.providers.as_slice() {
            [] => f.write_str("no provider is set up.")?,
            names => write!(f, "the providers are: {}.", names.join(", "))?,
        }
        if !self.near.is_empty() {
            write!(f, " Did you mean {}?", self.near.join(" or "))?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownModel {}

/// How a provider was set up, as it may be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setup {
    pub kind: ProviderKind,
    /// Without a name, a password or a query in it.
    pub base_url: String,
    pub has_key: bool,
}

/// All providers by name.
#[derive(Clone, Default)]
pub struct Registry {
    providers: BTreeMap<String, Arc<dyn Provider>>,
    setups: BTreeMap<String, Setup>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").field(&self.names()).finish()
    }
}

impl Registry {
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Builds every configured provider over one HTTP client and one price table.
    ///
    /// Errors: [`RegistryError`] - the whole configuration is refused, nothing is left out silently.
    pub fn build(
        configs: &[ProviderConfig],
        http: &HttpClient,
        prices: &PriceTable,
    ) -> Result<Registry, RegistryError> {
        let mut registry = Registry::new();
        for config in configs {
            registry.insert(build_one(config, http, prices)?)?;
            let base_url = config.base_url.as_deref().or(config.kind.default_base_url()).unwrap_or_default();
            let setup =
                Setup { kind: config.kind, base_url: without_secrets(base_url), has_key: config.api_key.is_some() };
            registry.setups.insert(config.name.clone(), setup);
        }
        Ok(registry)
    }

    /// Adds a provider made elsewhere, for example by a test.
    ///
    /// Errors: `BadName`, `DuplicateName`.
    pub fn insert(&mut self, provider: Arc<dyn Provider>) -> Result<(), RegistryError> {
        let name = provider.name().to_owned();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(RegistryError::BadName { given: name.chars().take(80).collect() });
        }
        if self.providers.contains_key(&name) {
            return Err(RegistryError::DuplicateName { name });
        }
        self.providers.insert(name, provider);
        Ok(())
    }

    pub fn names(&self) -> Vec<String> {
        self.providers.keys().cloned().collect()
    }
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.providers.get(name)
    }
    /// How it was set up; `None` for one that was made elsewhere.
    pub fn setup(&self, name: &str) -> Option<&Setup> {
        self.setups.get(name)
    }
    pub fn is_empty(&self) -> bool {
        self.providers.is_empty()
    }

    /// The provider and the model's name there. What follows the first `/` belongs to the model, slashes and options
    /// included: `openrouter/anthropic/claude`, `demo/flaky?fail=2`.
    ///
    /// Errors: [`UnknownModel`] - no such provider, or one that knows its models and has not this one.
    pub fn resolve(&self, address: &str) -> Result<(Arc<dyn Provider>, String), UnknownModel> {
        let unknown = || UnknownModel {
            given: address.chars().take(200).collect(),
            providers: self.names(),
            near: self.near(address),
        };
        let (name, model) = address.split_once('/').ok_or_else(unknown)?;
        let provider = self.providers.get(name).ok_or_else(unknown)?;
        if !provider.catalogue().may_have(model) {
            return Err(unknown());
        }
        Ok((Arc::clone(provider), model.to_owned()))
    }

    /// Whether a call of this model made at `at` will have a cost that is known.
    pub fn is_priced(&self, address: &str, at: Timestamp) -> bool {
        let none = TokenUsage::default();
        let one = Some(Tokens(1));
        let texts = TokenUsage { input: one, output: one, ..none };
        let calls = [texts, TokenUsage { images: Some(1), ..none }, TokenUsage { video_seconds: Some(1), ..none }];
        self.resolve(address).is_ok_and(|(provider, model)| {
            let price = provider.catalogue().price_at(&model, at);
            provider.says_what_it_costs() || calls.iter().any(|call| cost(call, price.as_ref()).nanousd().is_some())
        })
    }

    /// Every address that is known for certain.
    pub fn addresses(&self) -> Vec<String> {
        let of = |(name, provider): (&String, &Arc<dyn Provider>)| {
            provider.catalogue().models().iter().map(move |model| format!("{name}/{model}")).collect::<Vec<_>>()
        };
        self.providers.iter().flat_map(of).collect()
    }

    fn near(&self, given: &str) -> Vec<String> {
        let given: String = without_options(given).chars().take(100).collect::<String>().to_lowercase();
        let wanted_model = given.rsplit('/').next().unwrap_or(&given);
        let mut ranked: Vec<(usize, String)> = Vec::new();
        for address in self.addresses() {
            let model = address.split_once('/').map_or(address.as_str(), |(_, model)| model);
            // Both spellings count: the whole address, and the model alone for one who forgot the provider.
            let far = distance(&given, &address).min(distance(wanted_model, model) + 1);
            if far <= 1 + wanted_model.chars().count() / 4 {
                ranked.push((far, address));
            }
        }
        if let Some((name, model)) = given.split_once('/') {
            let like = self.names().into_iter().filter(|known| known != name && distance(name, known) <= 2);
            let like = like.filter(|known| {
                self.providers.get(known).is_some_and(|provider| provider.catalogue().models().is_empty())
            });
            ranked.extend(like.map(|known| (distance(name, &known), format!("{known}/{model}"))));
        }
        ranked.sort();
        ranked.into_iter().take(NEAR_MAX).map(|(_, address)| address).collect()
    }
}

fn build_one(
    config: &ProviderConfig,
    http: &HttpClient,
    prices: &PriceTable,
) -> Result<Arc<dyn Provider>, RegistryError> {
    let name = config.name.clone();
    let base_url = match (config.base_url.as_deref(), config.kind.default_base_url()) {
        (Some(given), _) if is_web_address(given) => given,
        (Some(_), _) => return Err(RegistryError::BadBaseUrl { name }),
        (None, Some(usual)) => usual,
        (None, None) => return Err(RegistryError::MissingBaseUrl { name }),
    };
    let (http, key) = (http.clone(), config.api_key.clone());
    let catalogue = Catalogue::priced(prices.for_provider(&name, config.kind, base_url));
    Ok(match config.kind {
        ProviderKind::OpenRouter => {
            Arc::new(OpenRouter::new(name, base_url, http).with_api_key(key).with_catalogue(catalogue))
        }
        ProviderKind::OpenAi => Arc::new(OpenAi::new(name, base_url, http).with_api_key(key).with_catalogue(catalogue)),
        ProviderKind::Anthropic => {
            Arc::new(Anthropic::new(name, base_url, http).with_api_key(key).with_catalogue(catalogue))
        }
        ProviderKind::Gemini => Arc::new(Gemini::new(name, base_url, http).with_api_key(key).with_catalogue(catalogue)),
        ProviderKind::Ollama => Arc::new(Ollama::new(name, base_url, http).with_api_key(key).with_catalogue(catalogue)),
        ProviderKind::Replicate => {
            Arc::new(Replicate::new(name, base_url, http).with_api_key(key).with_catalogue(catalogue))
        }
        ProviderKind::Fal => Arc::new(Fal::new(name, base_url, http).with_api_key(key).with_catalogue(catalogue)),
        ProviderKind::OpenAiCompatible => {
            Arc::new(OpenAiCompatible::new(name, base_url, http).with_api_key(key).with_catalogue(catalogue))
        }
        ProviderKind::Demo => Arc::new(demo::provider(&name, base_url, &http)),
    })
}

fn is_web_address(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// An address as it may be shown: people put passwords and keys into addresses.
fn without_secrets(address: &str) -> String {
    let Ok(mut url) = reqwest::Url::parse(address) else { return String::new() };
    url.set_query(None);
    url.set_fragment(None);
    // Only addresses without a host refuse this, and they are no web addresses.
    let _cleared = url.set_username("").and_then(|()| url.set_password(None));
    url.as_str().trim_end_matches('/').to_owned()
}

/// Levenshtein's distance: insertions, deletions and replacements of letters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use copydesk_core::Timestamp;

    use super::*;

    fn config(name: &str, kind: ProviderKind, base_url: Option<&str>) -> ProviderConfig {
        ProviderConfig { name: name.into(), kind, base_url: base_url.map(str::to_owned), api_key: None }
    }

    fn registry() -> Registry {
        let configs = [
            config("demo", ProviderKind::Demo, Some("http://127.0.0.1:1/v1")),
            config("openrouter", ProviderKind::OpenRouter, None),
        ];
        Registry::build(&configs, &HttpClient::new().unwrap(), &PriceTable::built_in()).unwrap()
    }

    #[test]
    fn everything_behind_the_first_slash_is_the_model() {
        let registry = registry();
        let (provider, model) = registry.resolve("openrouter/anthropic/claude").map_err(|e| e.to_string()).unwrap();
        assert_eq!((provider.name(), model.as_str()), ("openrouter", "anthropic/claude"));
        let (provider, model) = registry.resolve("demo/flaky?fail=2").map_err(|e| e.to_string()).unwrap();
        assert_eq!((provider.name(), model.as_str()), ("demo", "flaky?fail=2"));
        assert_eq!(
            provider.catalogue().price_at("flaky?fail=2", Timestamp::from_micros(0)).unwrap().version,
            "demo-2026-11"
        );
        assert_eq!(provider.catalogue().price_at("unpriced", Timestamp::from_micros(0)), None);
    }

    #[test]
    fn an_unknown_model_is_told_the_providers_and_near_names() {
        let error = |address: &str| registry().resolve(address).err().unwrap();
        let text = error("demo/wrter").to_string();
        assert_eq!(
            text,
            "There is no model \"demo/wrter\". Write it as PROVIDER/MODEL; the providers are: demo, openrouter. Did you mean demo/writer?"
        );
        assert_eq!(error("writer").near, ["demo/writer"]);
        assert_eq!(error("dmo/chat").near, ["demo/chat"]);
        assert_eq!(error("openruoter/x/y").near, ["openrouter/x/y"]);
        for address in ["demo/", "demo/?ms=3", "openrouter/", "", "/", "demo/image"] {
            assert_eq!(error(address).given, address);
        }
    }

    #[test]
    fn a_configuration_that_cannot_work_is_refused_with_the_reason() {
        let http = HttpClient::new().unwrap();
        let refused =
            |configs: &[ProviderConfig]| Registry::build(configs, &http, &PriceTable::built_in()).err().unwrap();
        let kind = ProviderKind::OpenAiCompatible;
        assert!(matches!(refused(&[config("a", kind, None)]), RegistryError::MissingBaseUrl { .. }));
        assert!(matches!(refused(&[config("a", kind, Some("ftp://x/v1"))]), RegistryError::BadBaseUrl { .. }));
        assert!(matches!(refused(&[config("a/b", kind, Some("http://x/v1"))]), RegistryError::BadName { .. }));
        let twice = config("a", ProviderKind::Ollama, None);
        assert!(matches!(refused(&[twice.clone(), twice]), RegistryError::DuplicateName { .. }));
        assert!("nonsense".parse::<ProviderKind>().is_err());
    }

    #[test]
    fn every_kind_is_read_by_its_own_word() {
        for kind in ProviderKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

    #[test]
    fn what_is_shown_of_a_setup_has_no_secret() {
        let secret = "http://me:pass@10.0.0.5:8000/v1/?key=sk-123#x";
        let config =
            ProviderConfig { api_key: Some(Secret::new("sk-123")), ..config("a", ProviderKind::OpenAi, Some(secret)) };
        let registry = Registry::build(&[config], &HttpClient::new().unwrap(), &PriceTable::built_in()).unwrap();
        let setup = registry.setup("a").unwrap();
        assert_eq!((setup.base_url.as_str(), setup.has_key), ("http://10.0.0.5:8000/v1", true));
        assert!(!format!("{setup:?}").contains("pass"));
    }

    #[test]
    fn a_key_never_shows_in_a_configurations_debug() {
        let config = ProviderConfig { api_key: Some(Secret::new("sk-123")), ..config("a", ProviderKind::OpenAi, None) };
        assert!(!format!("{config:?}").contains("sk-123"));
    }
}
