//! Tests of revisions: whatever is no part of what was asked for stays byte for byte.

use super::*;
use crate::recipe::Params;
use proptest::prelude::*;

fn article() -> Content {
    let body = json!({
        "intro": "Hello.",
        "topics": [
            {"heading": "Tea", "body": "Tea is up.\n\nTea is hot.", "sources": [1]},
            {"heading": "Milk", "body": "Milk is down.", "sources": [2, 3]},
        ],
        "conclusion": "Bye.",
        "sources": [{"number": 1, "title": "One"}, {"number": 2, "title": "Two"}, {"number": 3, "title": "Three"}],
    });
    OutputForm::Article.check("The week", &body).unwrap()
}

fn mail() -> Content {
    OutputForm::Mail.check("A short note", &json!({"text": "Dear Ann,\n\nWe bake. We roast.\n\nBye"})).unwrap()
}

fn revision(part: &str, selection: Option<&str>) -> Revision {
    Revision {
        part: part.to_owned(),
        selection: selection.map(str::to_owned),
        instruction: Some("shorter".to_owned()),
        from_version: 3,
    }
}

fn items() -> Vec<Source> {
    let titles = ["One", "Two", "Three", "Four"].into_iter().enumerate();
    titles.map(|(at, title)| Source { number: at + 1, title: title.to_owned(), link: None, id: None }).collect()
}

#[test]
fn a_part_or_a_passage_that_is_not_there_once_is_said_with_what_is() {
    let found = |base: &Content, part: &str, selection: Option<&str>| -> Vec<(&'static str, &'static str)> {
        revision(part, selection).faults(base).into_iter().map(|fault| (fault.field, fault.code)).collect()
    };
    let (article, mail) = (article(), mail());
    for part in ["title", "intro", "topics/1", "topics/2", "conclusion"] {
        assert_eq!(found(&article, part, None), []);
    }
    for part in ["topics/3", "topics/0", "sources", "subject", "topics/1/body"] {
        assert_eq!(found(&article, part, None), [("part", "not_found")], "{part}");
    }
    let unknown = revision("topics/3", None).faults(&article).remove(0);
    assert_eq!(unknown.detail, "version 3 has: title, conclusion, intro, topics/1, topics/2");
    assert_eq!(found(&article, "topics/1", Some("Tea is hot.")), []);
    assert_eq!(found(&article, "topics/1", Some("Tea")), [("selection", "ambiguous")]);
    assert_eq!(found(&article, "topics/2", Some("Tea")), [("selection", "not_found")]);
    assert_eq!(found(&article, "intro", Some(" ")), [("selection", "bad_length"), ("selection", "not_found")]);
    assert_eq!(found(&mail, "text", Some("We roast.")), []);
    let long = Revision { instruction: Some("x".repeat(INSTRUCTION_CHARS_MAX + 1)), ..revision("text", None) };
    assert_eq!(long.faults(&mail)[0].code, "bad_length");
    let nul = Revision { instruction: Some("a\0b".to_owned()), ..revision("text", None) };
    assert_eq!(nul.faults(&mail)[0].code, "bad_character");
    assert_eq!(occurrences("aaa", "aa"), 2, "overlapping ones are two places, too");
}

#[test]
fn a_topic_names_only_sources_that_exist_and_mean_the_same() {
    let answer = r##"{"heading": "# New", "body": "Text.", "sources": [4, 9, 1, "2"]}"##;
    let merged = revision("topics/2", None).merge(&article(), &items(), answer).unwrap();
    assert_eq!(merged.body["topics"][1], json!({"heading": "New", "body": "Text.", "sources": [4, 1, 2]}));
    let listed: Vec<_> = merged.body["sources"].as_array().unwrap().iter().map(|source| &source["number"]).collect();
    assert_eq!(listed, [1, 2, 4], "what nobody names any more goes, what is named comes");
    // Number 1 is another thing in the items of now.
    let mut moved = items();
    moved[0].title = "Something else".to_owned();
    let merged = revision("topics/2", None).merge(&article(), &moved, answer).unwrap();
    assert_eq!(merged.body["topics"][1]["sources"], json!([4, 2]));
    assert_eq!(merged.body["sources"][0]["title"], "One");
}

#[test]
fn mails_keep_their_rules() {
    let with = |part: &str, selection: Option<&str>, text: &str| {
        revision(part, selection).merge(&mail(), &[], &json!({ "text": text }).to_string())
    };
    assert_eq!(with("title", None, "**Tea** for you").unwrap().title, "Tea for you");
    assert!(with("title", None, &"s".repeat(61)).is_err());
    assert!(with("title", Some("note"), &"s".repeat(58)).is_err(), "the whole subject counts");
    let new = with("text", Some("We bake. "), "**We sing.**").unwrap();
    assert_eq!(new.body["text"], "Dear Ann,\n\nWe sing. We roast.\n\nBye");
    assert_eq!(new.title, "A short note");
    assert!(with("text", None, " ").is_err() && revision("text", None).merge(&mail(), &[], "Sure!").is_err());
    assert!(with("text", None, &"long ".repeat(900)).is_err());
}

#[test]
fn what_is_kept_reads_back_and_is_no_parameter() {
    let revision = revision("topics/2", Some("Tea"));
    let cool = Params { temperature: Some(0.5), output_tokens_max: None };
    let text = keep(&cool, Some(&revision));
    assert_eq!(kept(text.as_deref()).unwrap(), (json!({"temperature": 0.5}), Some(revision.clone())));
    assert_eq!(kept(keep(&Params::default(), Some(&revision)).as_deref()).unwrap(), (Value::Null, Some(revision)));
    assert_eq!((keep(&Params::default(), None), kept(None).unwrap()), (None, (Value::Null, None)));
    assert!(kept(Some(r#"{"revision": {}}"#)).is_err() && kept(Some("[]")).is_err());
    assert_eq!(super::super::Param::parse(KEPT_UNDER), None, "nobody can set it as a parameter");
}

/// The content without the part.
fn others(content: &Content, part: &str) -> Value {
    let mut all = json!({"title": content.title, "body": content.body});
    let pointer = match part.strip_prefix("topics/") {
        Some(number) => format!("/body/topics/{}", number.parse::<usize>().unwrap() - 1),
        None if part == "title" => "/title".to_owned(),
        None => format!("/body/{part}"),
    };
    *all.pointer_mut(&pointer).unwrap() = Value::Null;
    // The list of sources follows the topics.
    if let Some(body) = all["body"].as_object_mut() {
        body.remove("sources");
    }
    all
}

proptest! {
    #[test]
    fn everything_else_is_equal_byte_for_byte(
        titles in proptest::collection::vec("[A-Za-z][ -~é\n]{0,30}[a-z.]", 4..8),
        at in 0usize..20,
        new in "[a-z][ -~é\n]{0,60}[a-z]",
    ) {
        let topics: Vec<Value> =
            titles[2..].iter().map(|text| json!({"heading": text, "body": text, "sources": [1]})).collect();
        let body = json!({"intro": titles[0], "topics": topics, "conclusion": titles[1],
            "sources": [{"number": 1, "title": "One", "link": "https://a.example/"}]});
        let base = OutputForm::Article.check(&titles[0], &body).unwrap();
        let names = parts(&base.body);
        let part = &names[at % names.len()];
        let answer = json!({"text": new, "heading": new, "body": new, "sources": [1, 2]}).to_string();
        let merged = revision(part, None).merge(&base, &items(), &answer).unwrap();
        prop_assert_eq!(others(&merged, part), others(&base, part));
        prop_assert_eq!(merged.form.check(&merged.title, &merged.body), Ok(merged.clone()));
    }

    #[test]
    fn outside_a_passage_the_text_is_equal_byte_for_byte(
        before in "[a-zé\n ]{0,30}", passage in "[A-Z][A-Z ]{0,8}[A-Z]", after in "[a-zé\n ]{0,30}", new in "[0-9$]{1,20}",
    ) {
        let text = format!("x{before}{passage}{after}y");
        let base = OutputForm::Text.check("T", &json!({ "text": text })).unwrap();
        let revision = revision("text", Some(&passage));
        prop_assert_eq!(revision.faults(&base), vec![]);
        let merged = revision.merge(&base, &[], &json!({ "text": new }).to_string()).unwrap();
        prop_assert_eq!(merged.body["text"].as_str().unwrap(), format!("x{before}{new}{after}y"));
        prop_assert_eq!(merged.title, base.title);
    }
}
