//! Which real providers there are: read from the environment as the product reads it, and why the others are left out.
//! Pure; it is given the environment.

use std::collections::BTreeSet;

use copydesk_providers::{ProviderConfig, ProviderKind, Secret};

/// A provider to try.
pub struct Target {
    pub config: ProviderConfig,
    pub model: String,
}

pub enum Wish {
    Run(Box<Target>),
    Skip { name: String, why: String },
}

/// The hosted ones: their key's variable, and a cheap model.
const HOSTED: [(&str, ProviderKind, &str); 4] = [
    ("OPENROUTER_API_KEY", ProviderKind::OpenRouter, "openai/gpt-4o-mini"),
    ("OPENAI_API_KEY", ProviderKind::OpenAi, "gpt-4o-mini"),
    ("ANTHROPIC_API_KEY", ProviderKind::Anthropic, "claude-haiku-4-5"),
    ("GEMINI_API_KEY", ProviderKind::Gemini, "gemini-2.5-flash"),
];

const PREFIX: &str = "COPYDESK_PROVIDER_";
const ADDRESS: &str = "_BASE_URL";

/// `get` reads one variable, `all` lists all of them. `COPYDESK_LIVE_<NAME>_MODEL` names the model of a provider.
pub fn read(get: impl Fn(&str) -> Option<String>, all: impl Iterator<Item = (String, String)>) -> Vec<Wish> {
    let model_variable = |name: &str| format!("COPYDESK_LIVE_{}_MODEL", name.to_uppercase().replace('-', "_"));
    let mut wishes = Vec::new();
    for (variable, kind, usual) in HOSTED {
        let name = kind.as_str().to_owned();
        let Some(key) = get(variable) else {
            wishes.push(Wish::Skip { name, why: format!("{variable} is not set") });
            continue;
        };
        let model = get(&model_variable(&name)).unwrap_or_else(|| usual.to_owned());
        let base_url = get(&format!("{PREFIX}{}{ADDRESS}", name.to_uppercase()));
        let config = ProviderConfig { name, kind, base_url, api_key: Some(Secret::new(key)) };
        wishes.push(Wish::Run(Box::new(Target { config, model })));
    }
    let hosted: Vec<String> = HOSTED.iter().map(|(_, kind, _)| kind.as_str().to_uppercase()).collect();
    let own = |variable: String| Some(variable.strip_prefix(PREFIX)?.strip_suffix(ADDRESS)?.to_owned());
    let own: BTreeSet<String> =
        all.filter_map(|(variable, _)| own(variable)).filter(|name| !hosted.contains(name)).collect();
    if own.is_empty() {
        wishes.push(Wish::Skip { name: "your own".to_owned(), why: format!("no {PREFIX}<NAME>{ADDRESS} is set") });
    }
    wishes.extend(own.into_iter().map(|place| local(&place, &get, &model_variable(&place))));
    wishes
}

/// A provider at an address of one's own.
fn local(place: &str, get: &impl Fn(&str) -> Option<String>, model_variable: &str) -> Wish {
    let name = place.to_lowercase().replace('_', "-");
    let word = get(&format!("{PREFIX}{place}_KIND")).unwrap_or_else(|| ProviderKind::OpenAiCompatible.to_string());
    let Ok(kind) = word.parse::<ProviderKind>() else {
        return Wish::Skip { name, why: format!("{word:?} is no kind of provider") };
    };
    let Some(model) = get(model_variable) else {
        return Wish::Skip { name, why: format!("{model_variable} does not name a model") };
    };
    let api_key = get(&format!("{PREFIX}{place}_API_KEY")).map(Secret::new);
    let base_url = get(&format!("{PREFIX}{place}{ADDRESS}"));
    Wish::Run(Box::new(Target { config: ProviderConfig { name, kind, base_url, api_key }, model }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(pairs: &[(&str, &str)]) -> Vec<String> {
        let pairs: Vec<(String, String)> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let get = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let shown = |wish: Wish| match wish {
            Wish::Run(target) => format!("{} {} {}", target.config.name, target.config.kind, target.model),
            Wish::Skip { name, why } => format!("{name}: {why}"),
        };
        read(get, pairs.clone().into_iter()).into_iter().map(shown).collect()
    }

    #[test]
    fn without_anything_set_each_provider_says_what_it_lacks() {
        let wishes = read_from(&[]);
        assert_eq!(wishes.len(), 5);
        assert!(wishes.iter().all(|wish| wish.contains("is not set") || wish.contains("is set")), "{wishes:?}");
    }

    #[test]
    fn a_key_or_an_address_with_a_model_is_enough() {
        let wishes = read_from(&[
            ("GEMINI_API_KEY", "g"),
            ("COPYDESK_PROVIDER_GEMINI_BASE_URL", "http://127.0.0.1:1/v1beta"),
            ("COPYDESK_PROVIDER_MY_BOX_BASE_URL", "http://127.0.0.1:2/v1"),
            ("COPYDESK_LIVE_MY_BOX_MODEL", "tiny"),
            ("COPYDESK_PROVIDER_OTHER_BASE_URL", "http://127.0.0.1:3/v1"),
        ]);
        assert_eq!(wishes[3], "gemini gemini gemini-2.5-flash");
        assert_eq!(wishes[4], "my-box openai-compatible tiny");
        assert_eq!(wishes[5], "other: COPYDESK_LIVE_OTHER_MODEL does not name a model");
    }
}
