//! The form `article`: a title, an introduction, one to ten topics that name their sources, a conclusion. The stored
//! body is `{intro, topics: [{heading, body, sources}], conclusion, sources: [{number, title, link?, id?}]}`: it carries the
//! sources it refers to, so that it can be shown and exported without the input. Bodies are Markdown.

use serde_json::{Map, Value, json};

use super::plain::plain;
use super::{Content, OutputContext, OutputForm, Source, TITLE_CHARS_MAX, WhyNot, answer, clean_title};

/// Most topics of one article.
pub const TOPICS_MAX: usize = 10;

/// The JSON Schema of an answer. It is narrower than what [`parse`] takes: nothing may be left out.
pub(super) fn schema() -> Value {
    let article = json!({
        "title": text("One line."),
        "intro": text("Markdown without headings."),
        "topics": {"type": "array", "items": topic_schema(), "minItems": 1, "maxItems": TOPICS_MAX},
        "conclusion": text("Markdown without headings."),
    });
    closed(article, &["title", "intro", "topics", "conclusion"])
}

fn text(what: &str) -> Value {
    json!({"type": "string", "description": what})
}

fn closed(properties: Value, names: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
}

/// The same of one topic.
pub(in crate::recipe) fn topic_schema() -> Value {
    let topic = json!({
        "heading": text("One line."),
        "body": text("Markdown without headings."),
        "sources": {"type": "array", "items": {"type": "integer"}, "description": "Numbers of the items it rests on."},
    });
    closed(topic, &["heading", "body", "sources"])
}

pub(super) fn parse(answer_text: &str, context: &OutputContext) -> Result<Content, WhyNot> {
    let value = answer::json_object(answer_text)?;
    let title = text_at(&value, "", "title")?;
    content(title, &value, &context.sources)
}

pub(super) fn check(title: &str, body: &Value) -> Result<Content, WhyNot> {
    if clean_title(title, TITLE_CHARS_MAX).is_empty() {
        return Err(WhyNot::shape("/title", "the title is empty"));
    }
    if !body.is_object() {
        return Err(WhyNot::shape("", "the body must be an object"));
    }
    content(title, body, &stored_sources(body))
}

fn content(title: &str, value: &Value, known: &[Source]) -> Result<Content, WhyNot> {
    let title = clean_title(title, TITLE_CHARS_MAX);
    if title.is_empty() {
        return Err(WhyNot::shape("/title", "the title is empty"));
    }
    let topics = match value.get("topics") {
        Some(Value::Array(topics)) => topics,
        Some(_) => return Err(WhyNot::shape("/topics", "the topics must be a list")),
        None => return Err(WhyNot::shape("/topics", "there are no topics")),
    };
    if topics.is_empty() || topics.len() > TOPICS_MAX {
        let what = format!("there must be 1 to {TOPICS_MAX} topics, there are {}", topics.len());
        return Err(WhyNot::shape("/topics", what));
    }
    let numbered = topics.iter().enumerate();
    let topics = numbered.map(|(index, topic)| Topic::read(index, topic, known)).collect::<Result<Vec<_>, _>>()?;
    let (intro, conclusion) = (optional_text_at(value, "intro")?, optional_text_at(value, "conclusion")?);
    Ok(build(title, intro, &topics, conclusion, known))
}

/// One topic of an article.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::recipe) struct Topic {
    pub heading: String,
    /// Markdown.
    pub body: String,
    /// Numbers of sources that exist, each once, in the order they were named.
    pub sources: Vec<usize>,
}

/// Puts an article together. The body lists those of the known sources that some topic names.
pub(in crate::recipe) fn build(
    title: String,
    intro: &str,
    topics: &[Topic],
    conclusion: &str,
    known: &[Source],
) -> Content {
    let named = |source: &&Source| topics.iter().any(|topic| topic.sources.contains(&source.number));
    let sources: Vec<Value> = known.iter().filter(named).map(source_value).collect();
    let topics: Vec<Value> = topics
        .iter()
        .map(|topic| json!({"heading": topic.heading, "body": topic.body, "sources": topic.sources}))
        .collect();
    let body = json!({"intro": intro.trim(), "topics": topics, "conclusion": conclusion.trim(), "sources": sources});
    Content { form: OutputForm::Article, title, body }
}

/// Puts a model's topic in the place of one of a body, and lists what it names of the items with the body's sources. A number
/// that means another thing there than among the items is not a source.
pub(in crate::recipe) fn put_topic(
    body: &mut Value,
    index: usize,
    answer: &Value,
    items: &[Source],
) -> Result<(), WhyNot> {
    let listed = stored_sources(body);
    let same = |a: &Source, b: &Source| (&a.title, &a.link) == (&b.title, &b.link);
    let in_list = |number: usize| listed.iter().find(|source| source.number == number);
    let in_items = |number: usize| items.iter().find(|item| item.number == number);
    let fits = |item: &&Source| in_list(item.number).is_none_or(|source| same(source, item));
    let alone = listed.iter().filter(|source| in_items(source.number).is_none());
    let known: Vec<Source> = items.iter().filter(fits).chain(alone).cloned().collect();
    let Topic { heading, body: text, sources } = Topic::read(index, answer, &known)?;
    let new = sources.iter().filter(|number| in_list(**number).is_none()).filter_map(|number| in_items(*number));
    let all: Vec<Value> = listed.iter().chain(new).map(source_value).collect();
    body["topics"][index] = json!({"heading": heading, "body": text, "sources": sources});
    body["sources"] = all.into();
    Ok(())
}

fn source_value(source: &Source) -> Value {
    let mut value = Map::new();
    value.insert("number".into(), source.number.into());
    value.insert("title".into(), source.title.clone().into());
    if let Some(link) = &source.link {
        value.insert("link".into(), link.clone().into());
    }
    if let Some(id) = &source.id {
        value.insert("id".into(), id.clone().into());
    }
    Value::Object(value)
}

impl Topic {
    fn read(index: usize, topic: &Value, known: &[Source]) -> Result<Topic, WhyNot> {
        let pointer = format!("/topics/{index}");
        if !topic.is_object() {
            return Err(WhyNot::shape(pointer, "a topic must be an object with heading and body"));
        }
        let heading = clean_title(text_at(topic, &pointer, "heading")?, TITLE_CHARS_MAX);
        if heading.is_empty() {
            return Err(WhyNot::shape(format!("{pointer}/heading"), "the heading is empty"));
        }
        let body = text_at(topic, &pointer, "body")?.trim().to_owned();
        let sources = match topic.get("sources") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(named)) => existing(named, known),
            Some(_) => {
                return Err(WhyNot::shape(format!("{pointer}/sources"), "the sources must be a list of numbers"));
            }
        };
        Ok(Topic { heading, body, sources })
    }
}

/// Those of the named numbers that exist, each once. Models also write `"2"` and `"[2]"`.
fn existing(named: &[Value], known: &[Source]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for value in named {
        let number = match value {
            Value::Number(number) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
            Value::String(text) => text.trim_matches(|c: char| c.is_whitespace() || "[]#".contains(c)).parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let Some(number) = number else { continue };
        if known.iter().any(|source| source.number == number) && !found.contains(&number) {
            found.push(number);
        }
    }
    found
}

fn text_at<'v>(object: &'v Value, pointer: &str, key: &str) -> Result<&'v str, WhyNot> {
    match object.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text),
        Some(Value::String(_)) => Err(WhyNot::shape(format!("{pointer}/{key}"), format!("the {key} is empty"))),
        Some(_) => Err(WhyNot::shape(format!("{pointer}/{key}"), format!("the {key} must be a text"))),
        None => Err(WhyNot::shape(format!("{pointer}/{key}"), format!("the {key} is missing"))),
    }
}

fn optional_text_at<'v>(object: &'v Value, key: &str) -> Result<&'v str, WhyNot> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(WhyNot::shape(format!("/{key}"), format!("the {key} must be a text"))),
    }
}

fn stored_sources(body: &Value) -> Vec<Source> {
    let listed = body.get("sources").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let source = |value: &Value| {
        Some(Source {
            number: usize::try_from(value.get("number")?.as_u64()?).ok()?,
            title: value.get("title")?.as_str()?.to_owned(),
            link: value.get("link").and_then(Value::as_str).map(str::to_owned),
            id: value.get("id").and_then(Value::as_str).map(str::to_owned),
        })
    };
    listed.iter().filter_map(source).collect()
}

/// What is shown of a stored article. Reading for show is lenient: checks happen before storing, not here.
struct Shown<'v> {
    intro: &'v str,
    topics: Vec<(&'v str, &'v str, Vec<Source>)>,
    conclusion: &'v str,
}

impl<'v> Shown<'v> {
    fn of(body: &'v Value) -> Shown<'v> {
        let text = |value: &'v Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let known = stored_sources(body);
        let topics = body.get("topics").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let shown = topics.iter().map(|topic| {
            let named = topic.get("sources").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let numbers = existing(named, &known);
            let body = text(topic, "body");
            // A source that the body links already is not listed a second time.
            let unlinked = |source: &&Source| !source.link.as_ref().is_some_and(|link| body.contains(link.as_str()));
            let named = known.iter().filter(|source| numbers.contains(&source.number));
            (text(topic, "heading"), body, named.filter(unlinked).cloned().collect())
        });
        Shown { intro: text(body, "intro"), topics: shown.collect(), conclusion: text(body, "conclusion") }
    }
}

pub(super) fn to_markdown(title: &str, body: &Value) -> String {
    let shown = Shown::of(body);
    let mut parts = vec![format!("# {title}"), shown.intro.to_owned()];
    for (heading, body, sources) in &shown.topics {
        parts.push(format!("## {heading}"));
        parts.push((*body).to_owned());
        let links: Vec<_> = sources.iter().map(markdown_link).collect();
        parts.push(source_line(&links));
    }
    if !shown.conclusion.is_empty() {
        parts.extend(["---".to_owned(), shown.conclusion.to_owned()]);
    }
    joined(parts)
}

pub(super) fn to_text(title: &str, body: &Value) -> String {
    let shown = Shown::of(body);
    let mut parts = vec![title.to_owned(), plain(shown.intro)];
    for (heading, body, sources) in &shown.topics {
        let lines: Vec<_> = sources.iter().map(|s| with_address(&s.title, s.link.as_deref())).collect();
        parts.push(format!("{}\n{}", plain(heading), plain(body)));
        parts.push(source_line(&lines));
    }
    parts.push(plain(shown.conclusion));
    joined(parts)
}

fn source_line(sources: &[String]) -> String {
    match sources {
        [] => String::new(),
        [one] => format!("Source: {one}"),
        more => format!("Sources: {}", more.join("; ")),
    }
}

/// A Markdown link to a source. Only web addresses become links; anything else would be a trap in a page.
pub(in crate::recipe) fn markdown_link(source: &Source) -> String {
    let words = source.title.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    match source.link.as_deref().filter(|link| is_web_address(link)) {
        Some(link) => format!("[{words}]({})", link.replace('(', "%28").replace(')', "%29")),
        None => words,
    }
}

fn with_address(title: &str, link: Option<&str>) -> String {
    link.map_or_else(|| title.to_owned(), |link| format!("{title} ({link})"))
}

fn is_web_address(link: &str) -> bool {
    let web = link.starts_with("https://") || link.starts_with("http://");
    web && !link.contains(|c: char| c.is_whitespace() || c.is_control() || c == '<' || c == '>')
}

fn joined(parts: Vec<String>) -> String {
    let said: Vec<_> = parts.into_iter().filter(|part| !part.trim().is_empty()).collect();
    said.join("\n\n")
}

#[cfg(test)]
#[path = "article_tests.rs"]
mod tests;
