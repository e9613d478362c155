//! What the form `article` accepts, repairs and refuses.

use super::*;

fn context() -> OutputContext {
    let source = |number: usize| Source {
        number,
        title: format!("Item {number}"),
        link: (number != 3).then(|| format!("https://example.com/{number}")),
        id: (number == 1).then(|| format!("itm_{number}")),
    };
    OutputContext { sources: vec![source(1), source(2), source(3)] }
}

fn article(topics: Value) -> Value {
    json!({"title": "Week 45", "intro": "Hello.", "topics": topics, "conclusion": "Bye."})
}

fn topic() -> Value {
    json!({"heading": "Rust", "body": "It **ships**.", "sources": [1]})
}

fn outcome(answer: &str) -> Result<Content, WhyNot> {
    OutputForm::Article.parse(answer, &context())
}

#[test]
fn good_cut_and_refused_articles() {
    let good = article(json!([topic()])).to_string();
    let eleven: Vec<Value> = (0..11).map(|_| topic()).collect();
    let cut = &good[..good.len() - 10];
    let table: Vec<(String, Result<&str, &str>)> = vec![
        // answer                                                              title, or where the refusal points
        (good.clone(), Ok("Week 45")),
        (format!("```json\n{good}\n```"), Ok("Week 45")),
        (format!("Sure! Here it is:\n{good}\nEnjoy."), Ok("Week 45")),
        (json!({"title": "# T\n", "topics": [{"heading": "h", "body": "b"}]}).to_string(), Ok("T")),
        (cut.to_owned(), Err("unparsable")),
        (format!("```json\n{cut}"), Err("unparsable")),
        ("I cannot write about that topic.".to_owned(), Err("unparsable")),
        (String::new(), Err("unparsable")),
        (json!({"topics": [topic()]}).to_string(), Err("/title")),
        (json!({"title": " ", "topics": [topic()]}).to_string(), Err("/title")),
        (json!({"title": "##", "topics": [topic()]}).to_string(), Err("/title")),
        (json!({"title": 5, "topics": [topic()]}).to_string(), Err("/title")),
        (json!({"title": "T"}).to_string(), Err("/topics")),
        (json!({"title": "T", "topics": {}}).to_string(), Err("/topics")),
        (article(json!([])).to_string(), Err("/topics")),
        (article(json!(eleven)).to_string(), Err("/topics")),
        (article(json!([topic(), "x"])).to_string(), Err("/topics/1")),
        (article(json!([{"heading": "", "body": "b"}])).to_string(), Err("/topics/0/heading")),
        (article(json!([{"heading": "h"}])).to_string(), Err("/topics/0/body")),
        (article(json!([{"heading": "h", "body": "b", "sources": 1}])).to_string(), Err("/topics/0/sources")),
        (json!({"title": "T", "intro": [], "topics": [topic()]}).to_string(), Err("/intro")),
    ];
    for (answer, wanted) in table {
        let seen = outcome(&answer);
        let seen = match &seen {
            Ok(content) => Ok(content.title.as_str()),
            Err(WhyNot::Unparsable { .. }) => Err("unparsable"),
            Err(WhyNot::WrongShape { pointer, .. }) => Err(pointer.as_str()),
        };
        assert_eq!(seen, wanted, "{answer}");
    }
}

#[test]
fn seed_s0_sources_that_do_not_exist_are_dropped() {
    let topics = json!([{"heading": "h", "body": "b", "sources": [2, 9, 0, -1, "[3]", "x", 2, 1.5, null]}]);
    let content = outcome(&article(topics).to_string()).unwrap();
    assert_eq!(content.body["topics"][0]["sources"], json!([2, 3]));
    assert_eq!(
        content.body["sources"],
        json!([{"number": 2, "title": "Item 2", "link": "https://example.com/2"}, {"number": 3, "title": "Item 3"}])
    );
    // What came from a source is found again by its id.
    let content = outcome(&article(json!([topic()])).to_string()).unwrap();
    assert_eq!(content.body["sources"][0]["id"], "itm_1");
    assert_eq!(check("Title", &content.body).unwrap().body, content.body, "an edit keeps it");
}

#[test]
fn keys_nobody_asked_for_do_not_reach_the_draft() {
    let mut answer = article(json!([topic()]));
    answer["html"] = json!("<script>");
    let content = outcome(&answer.to_string()).unwrap();
    let keys: Vec<_> = content.body.as_object().unwrap().keys().cloned().collect();
    assert!(!keys.contains(&"html".to_owned()));
    assert!(!keys.contains(&"title".to_owned()));
}

#[test]
fn markdown_shows_sources_as_links() {
    let topics = json!([
        {"heading": "One", "body": "Said [here](https://example.com/1).", "sources": [1, 2]},
        {"heading": "Two", "body": "Plain.", "sources": [3]},
    ]);
    let content = outcome(&article(topics).to_string()).unwrap();
    let wanted = "# Week 45\n\nHello.\n\n## One\n\nSaid [here](https://example.com/1).\n\n\
        Source: [Item 2](https://example.com/2)\n\n## Two\n\nPlain.\n\nSource: Item 3\n\n---\n\nBye.";
    assert_eq!(content.to_markdown(), wanted);
}

#[test]
fn plain_text_has_no_marks_and_words_are_counted_in_it() {
    let content = outcome(&article(json!([topic()])).to_string()).unwrap();
    assert_eq!(
        content.to_text(),
        "Week 45\n\nHello.\n\nRust\nIt ships.\n\nSource: Item 1 (https://example.com/1)\n\nBye."
    );
    assert_eq!(content.word_count(), 11);
}

#[test]
fn only_web_addresses_become_links() {
    let trap = Source { number: 1, title: "a [b]".into(), link: Some("javascript:alert(1)".into()), id: None };
    assert_eq!(markdown_link(&trap), "a \\[b\\]");
    let fine = Source { link: Some("https://example.com/a_(b)".into()), ..trap };
    assert_eq!(markdown_link(&fine), "[a \\[b\\]](https://example.com/a_%28b%29)");
}

#[test]
fn an_edited_article_is_checked_like_a_generated_one() {
    let content = outcome(&article(json!([topic()])).to_string()).unwrap();
    assert_eq!(OutputForm::Article.check(&content.title, &content.body).as_ref(), Ok(&content));
    let mut body = content.body.clone();
    body["topics"][0]["sources"] = json!([1, 2]);
    let edited = OutputForm::Article.check("New", &body).unwrap();
    assert_eq!(edited.body["topics"][0]["sources"], json!([1]), "source 2 is not in this draft");
    body["topics"] = json!([]);
    assert!(OutputForm::Article.check("New", &body).is_err());
    assert!(OutputForm::Article.check(" ", &content.body).is_err());
    assert!(OutputForm::Article.check("New", &json!("text")).is_err());
}
