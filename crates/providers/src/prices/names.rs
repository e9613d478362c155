//! Which names mean the same price, and whose price list is meant. Only what is certain: a name that may mean another
//! price means none.

use crate::registry::ProviderKind;

/// Makers by the address of their own API, for providers that were set up as merely compatible.
/// Source: the makers' own API references, November 2026.
const VENDOR_HOSTS: [(&str, &str); 15] = [
    ("api.ai21.com", "ai21"),
    ("api.anthropic.com", "anthropic"),
    ("api.cohere.ai", "cohere"),
    ("api.cohere.com", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("api.inceptionlabs.ai", "inception"),
    ("api.minimax.io", "minimax"),
    ("api.mistral.ai", "mistral"),
    ("api.moonshot.ai", "moonshotai"),
    ("api.openai.com", "openai"),
    ("api.upstage.ai", "upstage"),
    ("api.x.ai", "xai"),
    ("api.z.ai", "zai"),
    ("dashscope-intl.aliyuncs.com", "alibaba"),
    ("generativelanguage.googleapis.com", "google"),
];

/// Where Ollama's own paid models are served.
const OLLAMA_CLOUD_HOST: &str = "ollama.com";

/// Whose list of the built-in table holds for a provider. OpenRouter has none: who serves a model there, and for how
/// much, is decided call by call, and the answer says it.
pub fn vendor(kind: ProviderKind, base_url: &str) -> Option<&'static str> {
    match kind {
        ProviderKind::OpenAi => Some("openai"),
        ProviderKind::Anthropic => Some("anthropic"),
        ProviderKind::Gemini => Some("google"),
        ProviderKind::OpenAiCompatible => {
            let host = host(base_url)?;
            VENDOR_HOSTS.iter().find(|(known, _)| *known == host).map(|(_, vendor)| *vendor)
        }
        ProviderKind::Fal => Some("fal"),
        ProviderKind::OpenRouter | ProviderKind::Ollama | ProviderKind::Replicate | ProviderKind::Demo => None,
    }
}

/// Whether the models run on machines of one's own.
pub fn is_local(kind: ProviderKind, base_url: &str) -> bool {
    match kind {
        ProviderKind::Ollama => host(base_url).is_some_and(|host| host != OLLAMA_CLOUD_HOST),
        ProviderKind::OpenRouter
        | ProviderKind::OpenAi
        | ProviderKind::Anthropic
        | ProviderKind::Gemini
        | ProviderKind::Replicate
        | ProviderKind::Fal
        | ProviderKind::OpenAiCompatible
        | ProviderKind::Demo => false,
    }
}

/// A model that a local Ollama hands on to Ollama's paid service.
pub fn is_cloud(model: &str) -> bool {
    model.ends_with("-cloud") || model.ends_with(":cloud")
}

/// The names a model may be listed under, the most exact first: as it is, then without the day of its snapshot, each
/// with its size, then for any size. What follows a `:` is never dropped: `:free`, `:nitro`, `:online` and the like
/// change the price, and so does the name of a fine-tuned model.
pub fn spellings(model: &str) -> Vec<String> {
    let (base, size) = model.split_once('#').map_or((model, None), |(base, size)| (base, Some(size)));
    let mut names = Vec::with_capacity(6);
    for base in std::iter::once(base).chain(without_day(base)) {
        if let Some(size) = size {
            names.push(format!("{base}#{size}"));
            names.push(format!("{base}#"));
        }
        names.push(base.to_owned());
    }
    names
}

/// `gpt-4o` of `gpt-4o-2024-08-06`, `claude-3-7-sonnet` of `claude-3-7-sonnet@20250219`.
fn without_day(model: &str) -> Option<&str> {
    let shaped = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text
                .bytes()
                .zip(shape.bytes())
                .all(|(byte, like)| if like == b'0' { byte.is_ascii_digit() } else { byte == like })
    };
    ["-2000-00-00", "-20000000", "@20000000"].into_iter().find_map(|shape| {
        let cut = model.len().checked_sub(shape.len())?;
        let (name, day) = model.split_at_checked(cut)?;
        let day_like = shape.replacen('2', "0", 1);
        (!name.is_empty() && shaped(day, &day_like) && day[1..].starts_with("20")).then_some(name)
    })
}

fn host(base_url: &str) -> Option<String> {
    reqwest::Url::parse(base_url).ok()?.host_str().map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_dropped_and_nothing_else() {
        for (model, base) in [
            ("gpt-4o-2024-08-06", Some("gpt-4o")),
            ("claude-3-7-sonnet-20250219", Some("claude-3-7-sonnet")),
            ("claude-3-7-sonnet@20250219", Some("claude-3-7-sonnet")),
            ("claude-3-7-sonnet-latest", None),
            ("gpt-4o:free", None),
            ("gpt-3.5-turbo-0125", None),
            ("model-12345678", None),
            ("-2024-08-06", None),
            ("é-20250219", Some("é")),
        ] {
            assert_eq!(without_day(model), base, "{model}");
        }
    }

    #[test]
    fn a_size_is_looked_for_before_the_model() {
        assert_eq!(spellings("veo#4k"), ["veo#4k", "veo#", "veo"]);
        assert_eq!(spellings("x-20250219"), ["x-20250219", "x"]);
    }

    #[test]
    fn a_compatible_provider_is_known_by_its_address_alone() {
        let kind = ProviderKind::OpenAiCompatible;
        assert_eq!(vendor(kind, "https://api.x.ai/v1"), Some("xai"));
        assert_eq!(vendor(kind, "https://api.x.ai.example.com/v1"), None);
        assert_eq!(vendor(kind, "http://127.0.0.1:8000/v1"), None);
        assert_eq!(vendor(ProviderKind::OpenRouter, "https://openrouter.ai/api/v1"), None);
        assert!(is_local(ProviderKind::Ollama, "http://gpu.internal:11434/v1"));
        assert!(!is_local(ProviderKind::Ollama, "https://ollama.com/v1"));
        assert!(!is_local(kind, "http://127.0.0.1:8000/v1"), "it may be a gateway to a paid one");
    }
}
