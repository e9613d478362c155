//! Markdown: the text as it is kept, under its title, and before it what is known of it where that is asked for.

use crate::Document;
use copydesk_core::recipe::{Content, OutputForm};
use serde_json::Value;

/// What stands before the text: names and values, in this order.
pub type FrontMatter<'a> = &'a [(&'a str, Value)];

/// The text with its title as a heading.
pub fn markdown(document: &Document<'_>, front_matter: Option<FrontMatter<'_>>) -> String {
    let front = front_matter.map(front).unwrap_or_default();
    format!("{front}{}\n", titled(document.content).trim_end())
}

/// With its title as a heading, unless that is only the beginning of the text itself.
pub(crate) fn titled(content: &Content) -> String {
    let text = content.to_markdown();
    match content.form {
        OutputForm::Article => text,
        OutputForm::Text | OutputForm::Media if speaks_for_itself(content) => text,
        OutputForm::Text | OutputForm::Mail | OutputForm::Media => format!("# {}\n\n{text}", escaped(&content.title)),
    }
}

/// Whether the title was taken from the text.
pub(crate) fn speaks_for_itself(content: &Content) -> bool {
    let untitled = content.form.check("", &content.body);
    content.form == OutputForm::Text && untitled.is_ok_and(|untitled| untitled.title == content.title)
}

/// YAML, in which every text of JSON is one.
fn front(entries: FrontMatter<'_>) -> String {
    let lines = entries.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| format!("{name}: {value}\n"));
    format!("---\n{}---\n\n", lines.collect::<String>())
}

/// A title is one line, in which nothing is a mark.
fn escaped(title: &str) -> String {
    let mark = |sign: char| "\\`*_{}[]<>()#+-!|&~".contains(sign);
    title.chars().flat_map(|sign| mark(sign).then_some('\\').into_iter().chain([sign])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use copydesk_core::Timestamp;
    use serde_json::json;

    fn content(title: &str, text: &str) -> Content {
        Content { form: OutputForm::Text, title: title.to_owned(), body: json!({ "text": text }) }
    }

    fn of(content: &Content, front: Option<FrontMatter<'_>>) -> String {
        markdown(&Document { content, made_at: Timestamp::from_micros(0), hash: [0; 32] }, front)
    }

    #[test]
    fn a_title_that_is_the_first_line_does_not_stand_there_twice() {
        assert_eq!(of(&content("Tea", "# Tea\n\nIs hot."), None), "# Tea\n\nIs hot.\n");
        assert_eq!(of(&content("Tea", "Tea\n\nIs hot."), None), "Tea\n\nIs hot.\n");
        assert_eq!(of(&content("Of *tea*", "Is hot."), None), "# Of \\*tea\\*\n\nIs hot.\n");
    }

    #[test]
    fn front_matter_is_yaml_whatever_is_in_it() {
        let front = [("title", json!("a: \"b\"\n---")), ("version", json!(2)), ("user", Value::Null)];
        let said = of(&content("Tea", "Tea"), Some(&front));
        assert_eq!(said, "---\ntitle: \"a: \\\"b\\\"\\n---\"\nversion: 2\n---\n\nTea\n");
    }
}
