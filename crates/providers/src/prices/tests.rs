//! The rules of the price table, on the built-in table and on files over it.

use copydesk_core::metering::cost::{Cost, cost};
use copydesk_core::metering::usage::TokenUsage;
use copydesk_core::{NanoUsd, Tokens};

use super::*;
use crate::http::HttpClient;
use crate::registry::{ProviderConfig, Registry};

fn at(day: &str) -> Timestamp {
    format!("{day}T12:00:00Z").parse().unwrap()
}

fn input(price: Option<Price>) -> Option<i64> {
    price?.tokens.input.map(|rate| rate.0)
}

#[test]
fn what_a_model_takes_is_known_by_its_makers_list_and_of_others_nothing_is_asked() {
    let able = |kind: ProviderKind, model: &str| {
        let prices = PriceTable::built_in().for_provider("mine", kind, kind.default_base_url().unwrap_or_default());
        let Abilities { json_schema, temperature } = prices.abilities(model);
        (json_schema, temperature)
    };
    assert_eq!(able(ProviderKind::OpenAi, "gpt-4o"), (true, true));
    assert_eq!(able(ProviderKind::OpenAi, "gpt-5"), (true, false));
    assert_eq!(able(ProviderKind::OpenAi, "gpt-5-2025-08-07"), (true, false), "a snapshot is its model");
    assert_eq!(able(ProviderKind::OpenAi, "gpt-4-turbo"), (false, true));
    assert_eq!(able(ProviderKind::Anthropic, "claude-opus-4-7"), (true, false));
    assert_eq!(able(ProviderKind::Anthropic, "claude-sonnet-4-5"), (true, true));
    assert_eq!(able(ProviderKind::Gemini, "gemini-2.5-flash"), (true, true));
    for (kind, model) in [(ProviderKind::OpenAi, "nobody"), (ProviderKind::OpenRouter, "openai/gpt-5")] {
        assert_eq!(able(kind, model), (false, true), "{model}");
    }
}

#[test]
fn the_price_is_the_one_of_the_calls_instant() {
    let table = PriceTable::built_in();
    let of = |day: &str| input(table.price(ProviderKind::OpenAi, "gpt-5.6-sol", at(day)));
    assert_eq!(of("2026-07-01"), None, "before the first day that is known");
    assert_eq!(of("2026-08-01"), Some(5_000_000_000));
    assert_eq!(of("2026-08-21"), Some(4_000_000_000));
    let price = table.price(ProviderKind::OpenAi, "gpt-5.6-sol", at("2026-11-22")).unwrap();
    assert_eq!(price.version, table.version());
    assert!(price.version.starts_with("models.dev-20"), "{}", price.version);
    assert_eq!(price.tiers[0].above_input, Tokens(272_000));
}

#[test]
fn a_dated_name_has_its_own_price_or_that_of_the_undated() {
    let table = PriceTable::built_in();
    let of = |model: &str| input(table.price(ProviderKind::OpenAi, model, at("2026-11-22")));
    assert_eq!(of("gpt-4o-2024-05-13"), Some(5_000_000_000), "listed by its own name");
    assert_eq!(of("gpt-4o"), Some(2_500_000_000));
    assert_eq!(of("gpt-4o-2031-01-01"), Some(2_500_000_000));
    for unknown in ["gpt-4o:free", "gpt-4o:nitro", "ft:gpt-4o:acme", "GPT-4o", "openai/gpt-4o", ""] {
        assert_eq!(of(unknown), None, "{unknown}");
    }
}

#[test]
fn who_has_no_list_has_no_price() {
    let table = PriceTable::built_in();
    let now = at("2026-11-22");
    assert_eq!(table.price(ProviderKind::OpenRouter, "openai/gpt-4o", now), None);
    assert_eq!(table.price(ProviderKind::OpenRouter, "openai/gpt-4o:free", now), None);
    let compatible = |url: &str| table.for_provider("mine", ProviderKind::OpenAiCompatible, url);
    assert_eq!(compatible("http://127.0.0.1:8000/v1").price("gpt-4o", now), None);
    assert!(compatible("http://127.0.0.1:8000/v1").models().is_empty());
    assert!(compatible("https://api.x.ai/v1").price("grok-4", now).is_some());
    assert_eq!(ProviderPrices::default().price("gpt-4o", now), None);
}

#[test]
fn a_price_that_depends_on_the_hour_is_unknown() {
    let prices =
        PriceTable::built_in().for_provider("deepseek", ProviderKind::OpenAiCompatible, "https://api.deepseek.com/v1");
    assert!(prices.price("deepseek-chat", at("2026-07-01")).is_some());
    assert_eq!(prices.price("deepseek-chat", at("2026-11-22")), None);
    assert!(prices.models().contains(&"deepseek-chat".to_owned()), "listed, as unpriced");
}

#[test]
fn what_runs_on_machines_of_ones_own_is_free_and_says_so() {
    let table = PriceTable::built_in();
    let price = table.price(ProviderKind::Ollama, "llama3:8b", at("2026-11-22")).unwrap();
    assert!(price.free && price.version == "local");
    let usage = TokenUsage { input: Some(Tokens(7)), output: Some(Tokens(9)), ..TokenUsage::default() };
    assert_eq!(cost(&usage, Some(&price)).nanousd(), Some(NanoUsd(0)));
    assert_eq!(table.price(ProviderKind::Ollama, "gpt-oss:120b-cloud", at("2026-11-22")), None);
}

#[test]
fn a_size_has_its_own_price_where_it_matters() {
    let prices = PriceTable::built_in().for_provider(
        "google",
        ProviderKind::OpenAiCompatible,
        "https://generativelanguage.googleapis.com/v1beta/openai",
    );
    let second = |model: &str| prices.price(model, at("2026-11-23"))?.per_video_second.map(|rate| rate.0);
    assert_eq!(second("veo-3.1-generate-001#4k"), Some(600_000_000));
    assert_eq!(second("veo-3.1-generate-001#720p"), Some(400_000_000));
    assert_eq!(second("veo-3.1-generate-001"), None, "without its size it is not known");
    assert!(prices.models().contains(&"veo-3.1-generate-001".to_owned()));
}

#[test]
fn a_file_wins_from_its_day_on() {
    let text = "[[prices.\"openai/gpt-4o\"]]\ninput = \"2.00\"\noutput = \"8.00\"\nfrom = \"2026-11-10\"\n\
                [[prices.\"openai/gpt-4o\"]]\ninput = \"1.00\"\noutput = \"4.00\"\nfrom = \"2026-12-01T06:00:00Z\"\n\
                [prices.\"mine/llama\"]\nfree = true\n";
    let table = PriceTable::built_in().with_overrides(text, "prices.toml").unwrap();
    let of = |day: &str| input(table.price(ProviderKind::OpenAi, "gpt-4o", at(day)));
    assert_eq!(of("2026-11-09"), Some(2_500_000_000), "the built-in one until then");
    assert_eq!(of("2026-11-10"), Some(2_000_000_000));
    assert_eq!(of("2026-12-01"), Some(1_000_000_000));
    let price = table.price(ProviderKind::OpenAi, "gpt-4o", at("2026-11-22")).unwrap();
    assert!(price.version.starts_with("prices.toml-") && price.version.len() == "prices.toml-".len() + 8);
    assert!(table.version().starts_with(&price.version) && table.version().contains(" over models.dev-"));
    let other = PriceTable::built_in().with_overrides(&text.replace("2.00", "2.01"), "prices.toml").unwrap();
    assert_ne!(other.version(), table.version(), "another content is another version");
    let mine = table.for_provider("mine", ProviderKind::OpenAiCompatible, "http://127.0.0.1:1/v1");
    assert!(mine.price("llama", at("2026-11-22")).unwrap().free);
    assert_eq!(mine.models(), ["llama"]);
    let eu = table.for_provider("openai-eu", ProviderKind::OpenAi, "https://eu.api.openai.com/v1");
    assert_eq!(
        input(eu.price("gpt-4o", at("2026-11-22"))),
        Some(2_000_000_000),
        "a maker's price holds for all its names"
    );
}

#[test]
fn the_providers_own_figure_still_wins_over_a_file() {
    let text = "[prices.\"openrouter/openai/gpt-4o\"]\ninput = \"9\"\noutput = \"9\"\n";
    let table = PriceTable::built_in().with_overrides(text, "p").unwrap();
    let price = table.price(ProviderKind::OpenRouter, "openai/gpt-4o", at("2026-11-22"));
    assert!(price.is_some());
    let usage = TokenUsage { provider_cost: Some(NanoUsd(5)), ..TokenUsage::default() };
    assert_eq!(cost(&usage, price.as_ref()), Cost::Provider(NanoUsd(5)));
}

#[test]
fn the_example_on_the_page_is_a_price_file() {
    let page = include_str!("../../../../docs/prices.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let table = PriceTable::built_in().with_overrides(example, "prices.toml").unwrap();
    let big = table.for_provider("mine", ProviderKind::OpenAiCompatible, "http://127.0.0.1:1/v1");
    assert_eq!(input(big.price("big", at("2026-11-22"))), Some(1_000_000_000));
    assert_eq!(big.price("big", at("2027-01-01")).unwrap().tiers.len(), 1);
}

#[test]
fn the_notice_names_every_source_of_the_table() {
    let notice = include_str!("../../../../NOTICE");
    let table: serde_json::Value = serde_json::from_str(include_str!("table.json")).unwrap();
    for source in table["sources"].as_array().unwrap() {
        let package = source.as_str().unwrap().split(',').next().unwrap();
        assert!(notice.contains(package), "{package}");
    }
}

#[test]
fn a_configured_provider_answers_from_the_table_at_the_calls_instant() {
    let config = |name: &str, kind| ProviderConfig { name: name.into(), kind, base_url: None, api_key: None };
    let configs = [config("openai", ProviderKind::OpenAi), config("router", ProviderKind::OpenRouter)];
    let registry = Registry::build(&configs, &HttpClient::new().unwrap(), &PriceTable::built_in()).unwrap();
    let (provider, model) = registry.resolve("openai/gpt-5.6-sol").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(input(provider.catalogue().price_at(&model, at("2026-08-01"))), Some(5_000_000_000));
    assert_eq!(input(provider.catalogue().price_at(&model, at("2026-11-22"))), Some(4_000_000_000));
    assert!(provider.catalogue().listed().contains(&model) && provider.catalogue().models().is_empty());
    let router = registry.get("router").unwrap();
    assert_eq!(router.catalogue().price_at("openai/gpt-5.6-sol", at("2026-11-22")), None);
    assert!(router.catalogue().listed().is_empty());
}
