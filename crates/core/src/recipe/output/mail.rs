//! The form `mail`: one short mail to one person. A subject, which is the title, and a body of a few paragraphs of plain
//! text. The stored body is `{text}`, as that of `text` is.

use serde_json::{Value, json};

use super::{Content, OutputForm, WhyNot, answer, clean_title, plain::plain};

/// Longest subject a model may write; longer ones are cut by mail programs. Units: characters.
pub const SUBJECT_CHARS_MAX: usize = 60;
/// Longest body a model may write; nobody reads more. Units: characters.
pub const BODY_CHARS_MAX: usize = 4_000;
/// Most paragraphs a model may write, with greeting and closing.
pub const PARAGRAPHS_MAX: usize = 8;

/// The JSON Schema of an answer.
pub(super) fn schema() -> Value {
    let text = |what: &str| json!({"type": "string", "description": what});
    json!({
        "type": "object",
        "properties": {
            "subject": text("One line of at most 60 characters."),
            "body": text("Plain text: two or three short paragraphs, with an empty line between them."),
        },
        "required": ["subject", "body"],
        "additionalProperties": false,
    })
}

/// Marks of Markdown go; a subject or body that is too long is refused, because cutting would change what it says.
pub(super) fn parse(answer_text: &str) -> Result<Content, WhyNot> {
    let value = answer::json_object(answer_text)?;
    let subject = clean_title(&plain(text_at(&value, "subject")?), usize::MAX);
    let chars = subject.chars().count();
    if chars > SUBJECT_CHARS_MAX {
        let what = format!("the subject has {chars} characters, and {SUBJECT_CHARS_MAX} are the most");
        return Err(WhyNot::shape("/subject", what));
    }
    let body = paragraphs(&plain(text_at(&value, "body")?));
    let (chars, found) = (body.chars().count(), body.split("\n\n").count());
    if chars > BODY_CHARS_MAX {
        return Err(WhyNot::shape(
            "/body",
            format!("the body has {chars} characters, and {BODY_CHARS_MAX} are the most"),
        ));
    }
    if found > PARAGRAPHS_MAX {
        let what = format!("the body has {found} paragraphs, and {PARAGRAPHS_MAX} are the most");
        return Err(WhyNot::shape("/body", what));
    }
    content(&subject, &body)
}

/// A change of a part by a model: what it makes longer must not be longer than a model may write.
pub(in crate::recipe) fn no_longer_than(base: &Content, changed: &Content) -> Result<(), WhyNot> {
    let sides = [
        ("/subject", base.title.as_str(), changed.title.as_str(), SUBJECT_CHARS_MAX),
        ("/body", text_of(&base.body), text_of(&changed.body), BODY_CHARS_MAX),
    ];
    for (pointer, before, after, chars_max) in sides {
        let (before, after) = (before.chars().count(), after.chars().count());
        if after > chars_max && after > before {
            return Err(WhyNot::shape(
                pointer,
                format!("it comes to {after} characters, and {chars_max} are the most"),
            ));
        }
    }
    Ok(())
}

/// People may write a longer subject and body than a model.
pub(super) fn check(title: &str, body: &Value) -> Result<Content, WhyNot> {
    match body.get("text").and_then(Value::as_str) {
        Some(text) => content(title, text),
        None => Err(WhyNot::shape("/text", "it must be a text")),
    }
}

fn content(subject: &str, text: &str) -> Result<Content, WhyNot> {
    let title = clean_title(subject, super::TITLE_CHARS_MAX);
    if !is_said(&title) {
        return Err(WhyNot::shape("/subject", "the subject is empty"));
    }
    if !is_said(text) {
        return Err(WhyNot::shape("/body", "the body is empty"));
    }
    Ok(Content { form: OutputForm::Mail, title, body: json!({ "text": text.trim() }) })
}

fn is_said(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// With one empty line between paragraphs.
fn paragraphs(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let parts = lines.split(|line| line.trim().is_empty()).filter(|part| !part.is_empty());
    parts.map(|part| part.join("\n")).collect::<Vec<_>>().join("\n\n")
}

fn text_at<'v>(value: &'v Value, key: &str) -> Result<&'v str, WhyNot> {
    match value.get(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(WhyNot::shape(format!("/{key}"), format!("the {key} must be a text"))),
        None => Err(WhyNot::shape(format!("/{key}"), format!("the {key} is missing"))),
    }
}

/// The text of a stored body.
pub fn text_of(body: &Value) -> &str {
    body.get("text").and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn to_markdown(body: &Value) -> String {
    text_of(body).to_owned()
}

pub(super) fn to_text(title: &str, body: &Value) -> String {
    format!("{title}\n\n{}", text_of(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::output::OutputContext;

    fn parsed(answer: &str) -> Result<(String, String), String> {
        let content = OutputForm::Mail.parse(answer, &OutputContext::default());
        content.map(|it| (it.title.clone(), text_of(&it.body).to_owned())).map_err(|why| why.to_string())
    }

    #[test]
    fn an_answer_is_a_subject_and_a_body_without_marks_or_is_refused() {
        let long = format!(r#"{{"subject": "{}", "body": "B"}}"#, "s".repeat(61));
        let most = format!(r#"{{"subject": "{}", "body": "B"}}"#, "ü".repeat(60));
        let pages = format!(r#"{{"subject": "S", "body": "{}"}}"#, "B\\n\\n".repeat(9));
        let wide = format!(r#"{{"subject": "S", "body": "{}"}}"#, "b".repeat(4_001));
        // Answer; subject and body, or words of the refusal.
        type Row<'a> = (&'a str, Result<(&'a str, &'a str), &'a str>);
        let table: [Row<'_>; 11] = [
            (
                r###"{"subject": "## **Tea** for you", "body": "Hi **Ann**,\n\n\n\nTea.  \nHot.\n"}"###,
                Ok(("Tea for you", "Hi Ann,\n\nTea.\nHot.")),
            ),
            ("Sure!\n```json\n{\"subject\": \"S\", \"body\": \"B\"}\n```", Ok(("S", "B"))),
            (&most, Ok((&most[13..133], "B"))),
            (r#"{"subject": "S", "body": "B"#, Err("could not be read")),
            ("Dear Ann, ...", Err("could not be read")),
            (r#"{"subject": "", "body": "B"}"#, Err("/subject")),
            (r#"{"subject": "S", "body": "\u200b "}"#, Err("/body")),
            (r#"{"subject": "S"}"#, Err("the body is missing")),
            (&long, Err("61 characters")),
            (&pages, Err("9 paragraphs")),
            (&wide, Err("4001 characters")),
        ];
        for (answer, wanted) in table {
            let found = parsed(answer);
            match wanted {
                Ok((subject, body)) => assert_eq!(found, Ok((subject.to_owned(), body.to_owned())), "{answer}"),
                Err(words) => assert!(found.as_ref().is_err_and(|why| why.contains(words)), "{answer}: {found:?}"),
            }
        }
    }

    #[test]
    fn people_may_say_more_than_a_model_but_not_nothing() {
        let check = |title: &str, text: &str| OutputForm::Mail.check(title, &json!({ "text": text }));
        assert!(check(&"s".repeat(80), "A text.").is_ok());
        assert!(check(" ", "A text.").is_err() && check("S", " \n").is_err());
        assert!(OutputForm::Mail.check("S", &json!({"body": "B"})).is_err());
    }
}
