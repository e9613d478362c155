//! Configuration: flag > environment > environment `_FILE` > file > default, for every key alike. Each value remembers
//! where it came from and what it overrides, so that "my variable is ignored" has an answer. This folder is the only
//! place that reads the environment.

mod environment;
mod http;
mod keys;
mod load;
mod mail;
mod packs;
mod people;
mod providers;
mod rates;
mod settings;

pub use environment::Environment;
pub use keys::{KEYS, Key};
pub use load::{Flags, Loaded};
pub use people::Owner;
pub use rates::RateSettings;
pub use settings::{Settings, parse_span};

/// A key with a value that cannot be used: which, what was seen, the rule, and an example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{key} ({origin}) is {seen:?}, but {rule}; for example {example}")]
    BadValue { key: &'static str, origin: String, seen: String, rule: &'static str, example: &'static str },
    #[error("{what} is not a setting of Copydesk{}", .near.as_ref().map_or_else(String::new, |near| format!("; did you mean {near}?")))]
    Unknown { what: String, near: Option<String> },
    #[error("{first} and {second} are both set: keep one of them")]
    BothSet { first: String, second: String },
    #[error("{path} cannot be read: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("{path} is not a settings file: {reason}")]
    BadFile { path: String, reason: String },
    #[error("provider {name}: {reason}")]
    BadProvider { name: String, reason: String },
    #[error("rate {name}: {reason}")]
    BadRate { name: String, reason: String },
    #[error("pack {name}: {reason}")]
    BadPack { name: String, reason: String },
}
