//! When a fallback stands in, what it says, and that it never pretends to be a written draft.

use super::*;
use crate::recipe::output::OutputForm;
use serde_json::json;

fn rules() -> FallbackRules {
    FallbackRules {
        unparsable_answer: Some(FallbackBody::Outline),
        no_trends: Some(FallbackBody::Digest),
        no_content: Some(FallbackBody::Guide),
        next_steps: vec![],
    }
}

fn items_with_text() -> Value {
    json!({"topics": 2, "items": [
        {"title": "Old", "text": "Old text.", "published_at": "2026-11-02T08:00:00Z", "link": "https://example.com/old"},
        {"title": "Bare"},
        {"title": "New", "text": "New text. ".repeat(80), "published_at": "2026-11-05T23:30:00Z"},
        {"title": "Older", "text": "Older text.", "published_at": "2026-11-01T08:00:00Z"},
    ]})
}

fn fallback(input: &Value, reason: FallbackReason) -> Fallback {
    rules().build("Newsletter draft", input, reason).unwrap()
}

#[test]
fn seed_s0_a_fallback_says_that_it_is_one() {
    let cases = [
        (items_with_text(), FallbackReason::UnparsableAnswer, "Automatic outline, not a written draft."),
        (json!({"items": [{"title": "A"}]}), FallbackReason::NoTrends, "Digest, not a written draft."),
        (json!({"items": []}), FallbackReason::NoContent, "A guide, not a written draft."),
    ];
    for (input, reason, marked) in cases {
        let fallback = fallback(&input, reason);
        assert_eq!(fallback.reason_code, reason.as_str());
        let intro = fallback.content.body["intro"].as_str().unwrap();
        assert!(intro.contains(marked), "{intro}");
        assert!(intro.contains("costs no credits"), "{intro}");
    }
}

#[test]
fn seed_s0_which_fallback_stands_in_is_decided_by_what_there_is() {
    let table = [
        (json!({"items": []}), Some("no_content")),
        (json!({}), Some("no_content")),
        (json!({"items": [], "topic": "  "}), Some("no_content")),
        (json!({"items": [], "topic": "Rust"}), None),
        (json!({"items": [{"title": "A"}, {"title": "B", "text": " "}]}), Some("no_trends")),
        (json!({"items": [{"title": "A"}, {"title": "B", "text": "t"}]}), None),
    ];
    for (input, wanted) in table {
        let seen = rules().before_call("Newsletter draft", &input).map(|fallback| fallback.reason_code);
        assert_eq!(seen, wanted, "{input}");
    }
}

#[test]
fn a_reason_without_a_rule_has_no_fallback() {
    let none = FallbackRules::default();
    assert!(none.is_empty());
    assert_eq!(none.before_call("X", &json!({"items": []})), None);
    assert_eq!(none.build("X", &items_with_text(), FallbackReason::UnparsableAnswer), None);
}

#[test]
fn an_outline_quotes_the_newest_items_that_have_text() {
    let content = fallback(&items_with_text(), FallbackReason::UnparsableAnswer).content;
    assert_eq!(content.title, "Outline: 2 items to write about");
    let topics = content.body["topics"].as_array().unwrap();
    let headings: Vec<_> = topics.iter().map(|topic| topic["heading"].as_str().unwrap()).collect();
    assert_eq!(headings, ["New", "Old"]);
    assert_eq!(topics[1]["body"], "*2 November 2026.* Old text.");
    assert_eq!(topics[1]["sources"], json!([1]));
    let long = topics[0]["body"].as_str().unwrap();
    assert!(long.ends_with("New text."), "the excerpt ends at a sentence: {long}");
    assert!(long.chars().count() <= EXCERPT_CHARS_MAX + 30);
    assert!(content.body["conclusion"].as_str().unwrap().starts_with("2 of your items are left out."));
}

#[test]
fn an_outline_needs_a_text_to_quote() {
    let input = json!({"items": [], "topic": "Rust"});
    assert_eq!(rules().build("Newsletter draft", &input, FallbackReason::UnparsableAnswer), None);
}

#[test]
fn a_digest_lists_the_newest_items_with_their_links() {
    let items: Vec<Value> = (1..=25)
        .map(|day| {
            json!({
                "title": format!("Item {day}"),
                "link": format!("https://example.com/{day}"),
                "published_at": format!("2026-11-{day:02}T08:00:00Z"),
            })
        })
        .collect();
    let content = fallback(&json!({"topic": "Rust at work", "items": items}), FallbackReason::NoTrends).content;
    assert_eq!(content.title, "Digest: Rust at work");
    let body = content.body["topics"][0]["body"].as_str().unwrap();
    assert!(body.starts_with("- [Item 25](https://example.com/25), 25 November 2026\n- [Item 24]"), "{body}");
    assert_eq!(body.lines().count(), DIGEST_ITEMS_MAX);
    assert!(content.body["intro"].as_str().unwrap().contains("the newest 20 of 25"));
    assert!(!content.to_markdown().contains("Sources:"), "the list links them already");
}

#[test]
fn a_guide_tells_what_to_do_next_in_the_recipes_own_words() {
    let own = FallbackRules { next_steps: vec!["Connect a feed.".into(), "Generate.".into()], ..rules() };
    let content = own.before_call("Newsletter draft", &json!({"items": []})).unwrap().content;
    assert_eq!(content.title, "Newsletter draft: nothing to write about yet");
    assert_eq!(content.body["topics"][0]["body"], "1. Connect a feed.\n2. Generate.");
    let any = fallback(&json!({}), FallbackReason::NoContent).content;
    assert!(any.to_text().contains("press Generate again"));
}

#[test]
fn every_fallback_is_a_sound_article() {
    let odd =
        json!({"topic": "x".repeat(500), "items": [{"title": "#", "text": "\u{200b}"}, {"title": "] [", "text": "t"}]});
    for input in [items_with_text(), odd, json!({"items": [{"title": "A"}]}), json!({})] {
        for reason in FallbackReason::ALL {
            let Some(fallback) = rules().build("Newsletter draft", &input, reason) else { continue };
            let content = fallback.content;
            let checked = OutputForm::Article.check(&content.title, &content.body);
            assert!(checked.is_ok(), "{reason:?} {checked:?}");
        }
    }
}

#[test]
fn reasons_and_bodies_have_words_that_read_back() {
    for reason in FallbackReason::ALL {
        assert_eq!(FallbackReason::from_word(reason.as_str()), Some(reason));
    }
    for body in FallbackBody::ALL {
        assert_eq!(FallbackBody::from_word(body.as_str()), Some(body));
    }
}
