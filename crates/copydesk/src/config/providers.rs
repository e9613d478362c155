//! Which providers there are: `[providers.NAME]` in the file, `COPYDESK_PROVIDER_<NAME>_KIND|_BASE_URL|_API_KEY[_FILE]`,
//! the well-known keys that switch their provider on, and `demo`, which is always there.

use super::ConfigError;
use super::environment::Environment;
use super::load::read_secret;
use std::collections::BTreeMap;
use std::path::Path;

/// A provider as configured, without a meaning for `kind` yet.
#[derive(Clone, Default)]
pub struct ProviderSettings {
    pub kind: Option<String>,
    pub base_url: Option<String>,
    pub api_key: Option<String>,
    pub origin: String,
}

impl std::fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = if self.api_key.is_some() { "[redacted]" } else { "none" };
        write!(f, "{{kind: {:?}, base_url: {:?}, api_key: {key}, from: {}}}", self.kind, self.base_url, self.origin)
    }
}

/// By the name a model is addressed with.
pub type Providers = BTreeMap<String, ProviderSettings>;

/// Variables that switch a provider of the same kind on.
const WELL_KNOWN: &[(&str, &str)] = &[
    ("OPENROUTER_API_KEY", "openrouter"),
    ("OPENAI_API_KEY", "openai"),
    ("ANTHROPIC_API_KEY", "anthropic"),
    ("GEMINI_API_KEY", "gemini"),
];
const PREFIX: &str = "COPYDESK_PROVIDER_";

pub fn read(environment: &Environment, path: &Path, table: &toml::Table) -> Result<Providers, ConfigError> {
    let mut providers = Providers::new();
    for (variable, name) in WELL_KNOWN {
        if let Some(key) = environment.get(variable).filter(|key| !key.is_empty()) {
            let settings = ProviderSettings {
                kind: Some((*name).to_owned()),
                api_key: Some(key.to_owned()),
                origin: format!("variable {variable}"),
                ..ProviderSettings::default()
            };
            providers.insert((*name).to_owned(), settings);
        }
    }
    from_file(environment, path, table, &mut providers)?;
    from_variables(environment, &mut providers)?;
    Ok(providers)
}

fn from_file(
    environment: &Environment,
    path: &Path,
    table: &toml::Table,
    providers: &mut Providers,
) -> Result<(), ConfigError> {
    let Some(entries) = table.get("providers") else { return Ok(()) };
    let bad = |name: &str, reason: &str| ConfigError::BadProvider { name: name.to_owned(), reason: reason.to_owned() };
    let entries = entries.as_table().ok_or_else(|| bad("?", "`providers` must be a table: write [providers.NAME]"))?;
    for (name, entry) in entries {
        let entry = entry.as_table().ok_or_else(|| bad(name, "it must be a table: write [providers.NAME]"))?;
        let settings = providers.entry(name.clone()).or_default();
        settings.origin = format!("file {}", path.display());
        for (key, value) in entry {
            let text = value.as_str().ok_or_else(|| bad(name, &format!("{key} must be a text")))?;
            match key.as_str() {
                "kind" => settings.kind = Some(text.to_owned()),
                "base_url" => settings.base_url = Some(text.to_owned()),
                "api_key_env" => {
                    let key =
                        environment.get(text).ok_or_else(|| bad(name, &format!("the variable {text} is not set")))?;
                    settings.api_key = Some(key.to_owned());
                }
                "api_key_file" => settings.api_key = Some(read_secret(Path::new(text))?),
                _ => {
                    return Err(bad(
                        name,
                        &format!("{key:?} is unknown: use kind, base_url, api_key_env or api_key_file"),
                    ));
                }
            }
        }
    }
    Ok(())
}

fn from_variables(environment: &Environment, providers: &mut Providers) -> Result<(), ConfigError> {
    for (variable, value) in &environment.0 {
        let Some(rest) = variable.strip_prefix(PREFIX) else { continue };
        let ends = ["_KIND", "_BASE_URL", "_API_KEY_FILE", "_API_KEY"];
        let Some((name, end)) = ends.iter().find_map(|end| rest.strip_suffix(end).map(|name| (name, *end))) else {
            return Err(ConfigError::Unknown {
                what: format!("variable {variable}"),
                near: Some(format!("{PREFIX}<NAME>_KIND, _BASE_URL, _API_KEY or _API_KEY_FILE")),
            });
        };
        let settings = providers.entry(name.to_lowercase().replace('_', "-")).or_default();
        settings.origin = format!("variable {variable}");
        match end {
            "_KIND" => settings.kind = Some(value.clone()),
            "_BASE_URL" => settings.base_url = Some(value.clone()),
            "_API_KEY_FILE" => settings.api_key = Some(read_secret(Path::new(value))?),
            _ => settings.api_key = Some(value.clone()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_made_of_three_variables_and_its_key_is_never_shown() {
        let environment = Environment(
            [
                ("COPYDESK_PROVIDER_LOCAL_KIND", "openai-compatible"),
                ("COPYDESK_PROVIDER_LOCAL_BASE_URL", "http://127.0.0.1:8080/v1"),
                ("COPYDESK_PROVIDER_LOCAL_API_KEY", "sk-canary"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        );
        let providers = read(&environment, Path::new("none"), &toml::Table::new()).unwrap();
        assert_eq!(providers["local"].kind.as_deref(), Some("openai-compatible"));
        assert_eq!(providers["local"].api_key.as_deref(), Some("sk-canary"));
        assert!(!format!("{providers:?}").contains("sk-canary"));
    }

    #[test]
    fn an_unknown_provider_variable_is_refused() {
        let environment = Environment([("COPYDESK_PROVIDER_X_URL".to_owned(), "y".to_owned())].into());
        assert!(read(&environment, Path::new("none"), &toml::Table::new()).is_err());
    }
}
