//! The form `text`: anything that is not empty. Its title is the first line, so that lists have something to show.

use serde_json::{Value, json};

use super::{Content, OutputForm, WhyNot, answer, clean_title, plain::plain};

/// Longest title taken from the first line. Units: characters.
pub const TITLE_CHARS_MAX: usize = 80;

pub(super) fn parse(answer_text: &str) -> Result<Content, WhyNot> {
    let said = answer::without_reasoning(answer_text)?;
    content("", said)
}

pub(super) fn check(title: &str, body: &Value) -> Result<Content, WhyNot> {
    match body.get("text").and_then(Value::as_str) {
        Some(text) => content(title, text),
        None => Err(WhyNot::shape("/text", "it must be a text")),
    }
}

fn content(title: &str, text: &str) -> Result<Content, WhyNot> {
    // Zero-width characters alone are not a text anybody could read.
    if !text
        .chars()
        .any(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '\u{200b}'..='\u{200d}' | '\u{feff}'))
    {
        return Err(WhyNot::shape("", "it is empty"));
    }
    let text = text.trim();
    let title = if title.trim().is_empty() { first_line(text) } else { clean_title(title, super::TITLE_CHARS_MAX) };
    Ok(Content { form: OutputForm::Text, title, body: json!({ "text": text }) })
}

fn first_line(text: &str) -> String {
    let titles = text.lines().map(|line| clean_title(&plain(line), TITLE_CHARS_MAX));
    let mut said = titles.filter(|title| title.chars().any(char::is_alphanumeric));
    said.next().unwrap_or_else(|| clean_title(text, TITLE_CHARS_MAX))
}

pub(super) fn to_markdown(body: &Value) -> String {
    body.get("text").and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::output::OutputContext;

    fn parse_text(answer: &str) -> Result<Content, WhyNot> {
        OutputForm::Text.parse(answer, &OutputContext::default())
    }

    #[test]
    fn good_cut_and_refused_texts() {
        let long = format!("{} end", "word ".repeat(40));
        let cut_title = format!("{}word…", "word ".repeat(14));
        let table: [(&str, Result<&str, &str>); 9] = [
            // answer                                     title, or the code of the refusal
            ("Hello there.\nSecond line.", Ok("Hello there.")),
            ("# A heading\n\nBody", Ok("A heading")),
            ("\n\n**Bold** first", Ok("Bold first")),
            ("```\ncode first\n```", Ok("code first")),
            (&long, Ok(&cut_title)),
            ("<think>plan</think>The answer", Ok("The answer")),
            ("<think>plan that never en", Err("unparsable")),
            ("", Err("wrong_shape")),
            (" \n\t\u{200b} ", Err("wrong_shape")),
        ];
        for (answer, wanted) in table {
            let outcome = parse_text(answer);
            let seen = outcome.as_ref().map(|content| content.title.as_str()).map_err(WhyNot::code);
            assert_eq!(seen, wanted, "{answer:?}");
        }
    }

    #[test]
    fn the_text_is_kept_as_it_was_written() {
        let content = parse_text("  One **two**\n\nthree ").unwrap();
        assert_eq!(content.to_markdown(), "One **two**\n\nthree");
        assert_eq!(content.to_text(), "One two\n\nthree");
        assert_eq!(content.word_count(), 3);
        assert!(content.title.chars().count() <= TITLE_CHARS_MAX);
    }

    #[test]
    fn an_edited_text_keeps_the_title_people_gave_it() {
        let content = OutputForm::Text.check("My title", &json!({"text": "Body"})).unwrap();
        assert_eq!(content.title, "My title");
        assert!(OutputForm::Text.check("My title", &json!({"text": 7})).is_err());
    }
}
