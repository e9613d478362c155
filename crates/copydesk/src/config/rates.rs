//! How fast a model or provider may be used: `[rates."provider/model"]` or `[rates.provider]` in the file, with
//! `requests_per_minute` and `tokens_per_minute`. Only the file can say it.

use super::ConfigError;
use copydesk_core::health::Rate;
use copydesk_store::generations::Lane;
use std::num::NonZeroU32;
use std::path::Path;

/// One entry of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RateSettings {
    /// As it is written: `provider/model`, or `provider` for all its models together.
    pub name: String,
    pub rate: Rate,
    pub origin: String,
}

impl RateSettings {
    pub fn lane(&self) -> Lane {
        if self.name.contains('/') { Lane::Model(self.name.clone()) } else { Lane::Provider(self.name.clone()) }
    }
}

/// In the order of their names.
pub fn read(path: &Path, table: &toml::Table) -> Result<Vec<RateSettings>, ConfigError> {
    let Some(entries) = table.get("rates") else { return Ok(Vec::new()) };
    let bad = |name: &str, reason: String| ConfigError::BadRate { name: name.to_owned(), reason };
    let shape = "write [rates.\"provider/model\"] or [rates.provider]";
    let entries = entries.as_table().ok_or_else(|| bad("?", format!("`rates` must be a table: {shape}")))?;
    let mut rates = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let empty_part = name.split('/').any(str::is_empty);
        let entry = entry.as_table().filter(|_| !empty_part);
        let entry = entry.ok_or_else(|| bad(name, format!("it must be a table: {shape}")))?;
        let mut rate = Rate::default();
        for (key, value) in entry {
            let limit = match key.as_str() {
                "requests_per_minute" => &mut rate.requests_per_minute,
                "tokens_per_minute" => &mut rate.tokens_per_minute,
                _ => {
                    let reason = format!("{key:?} is unknown: use requests_per_minute or tokens_per_minute");
                    return Err(bad(name, reason));
                }
            };
            let number = value.as_integer().and_then(|number| u32::try_from(number).ok()).and_then(NonZeroU32::new);
            let most = u32::MAX;
            let rule = || format!("{key} is {value}, but it must be a whole number from 1 to {most}; for example 500");
            *limit = Some(number.ok_or_else(|| bad(name, rule()))?);
        }
        if rate == Rate::default() {
            return Err(bad(name, "it says nothing: set requests_per_minute, tokens_per_minute or both".to_owned()));
        }
        rates.push(RateSettings { name: name.clone(), rate, origin: format!("file {}", path.display()) });
    }
    Ok(rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<RateSettings>, ConfigError> {
        read(Path::new("copydesk.toml"), &text.parse().unwrap())
    }

    #[test]
    fn a_name_with_a_slash_is_a_model_and_one_without_a_provider() {
        let rates = of("[rates.\"openai/gpt-4o\"]\nrequests_per_minute = 500\ntokens_per_minute = 200000\n\n\
                        [rates.openai]\nrequests_per_minute = 900\n")
        .unwrap();
        let lanes: Vec<Lane> = rates.iter().map(RateSettings::lane).collect();
        assert_eq!(lanes, [Lane::Provider("openai".to_owned()), Lane::Model("openai/gpt-4o".to_owned())]);
        assert_eq!(rates[1].rate.tokens_per_minute, NonZeroU32::new(200_000));
        assert_eq!(rates[0].rate.tokens_per_minute, None);
    }

    #[test]
    fn every_mistake_is_named() {
        let said = |text: &str| of(text).unwrap_err().to_string();
        assert_eq!(
            said("[rates.openai]\nrequests_per_minute = 0\n"),
            "rate openai: requests_per_minute is 0, but it must be a whole number from 1 to 4294967295; for example 500"
        );
        assert!(said("[rates.openai]\ntokens_per_minute = -5\n").contains("is -5"));
        assert!(said("[rates.openai]\ntokens_per_minute = \"many\"\n").contains("whole number"));
        assert!(said("[rates.openai]\nper_minute = 5\n").contains("\"per_minute\" is unknown"));
        assert!(said("[rates.openai]\n").contains("says nothing"));
        assert!(said("[rates.\"openai/\"]\nrequests_per_minute = 5\n").contains("must be a table"));
        assert!(said("rates = 5\n").contains("must be a table"));
        assert_eq!(of(""), Ok(vec![]));
    }
}
