//! Feedback: what a user thinks of a part of a draft, and how it reaches the model the next time. Reads no clock, touches no
//! store.

use serde_json::{Value, json};

/// How much of a user's feedback goes into one request: the newest.
pub const SAID_MAX: usize = 30;
/// How long it does. Units: days.
pub const SAID_DAYS: u64 = 30;
/// The longest comment. Units: characters.
pub const COMMENT_CHARS_MAX: usize = 2_000;
/// How much of a comment reaches the model. Units: characters.
const COMMENT_CHARS_SAID: usize = 300;
/// How much of a heading does. Units: characters.
const HEADING_CHARS_SAID: usize = 120;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Vote {
    Up,
    Down,
}

impl Vote {
    pub const ALL: [Vote; 2] = [Self::Up, Self::Down];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
    pub fn parse(word: &str) -> Option<Vote> {
        Self::ALL.into_iter().find(|vote| vote.as_str() == word)
    }
}

/// What somebody said of a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opinion {
    /// Its name, such as `intro`, `topics/1` or `subject`; `None` is the whole.
    pub part: Option<String>,
    /// What stood above it, for people and for the model: a topic's heading, a draft's title.
    pub heading: String,
    pub vote: Vote,
    pub comment: Option<String>,
}

/// The parts of a content that can be spoken of, and what stands above each; `None` when there is no such part.
///
/// A body is `{intro, topics: [{heading, ...}], conclusion}`, `{subject, body}` or any other object: then its fields that are
/// texts are its parts.
pub fn heading_of(title: &str, body: &Value, part: Option<&str>) -> Option<String> {
    let Some(part) = part else { return Some(title.to_owned()) };
    if part == "title" {
        return Some(title.to_owned());
    }
    if let Some(written) = part.strip_prefix("topics/") {
        let number = written.parse::<usize>().ok().filter(|number| *number > 0 && number.to_string() == written)?;
        let topic = body.get("topics")?.as_array()?.get(number - 1)?;
        return Some(topic.get("heading").and_then(Value::as_str).unwrap_or_default().to_owned());
    }
    body.get(part)?.is_string().then(|| part.to_owned())
}

/// The names of a content's parts, in their order, for those who named another.
pub fn parts(body: &Value) -> Vec<String> {
    let topics = body.get("topics").and_then(Value::as_array).map_or(0, Vec::len);
    let texts = body.as_object().into_iter().flatten().filter(|(_, value)| value.is_string());
    let mut names: Vec<String> =
        std::iter::once("title".to_owned()).chain(texts.map(|(name, _)| name.clone())).collect();
    names.extend((1..=topics).map(|number| format!("topics/{number}")));
    names
}

/// What a recipe's input gets: `{liked: [...], disliked: [...]}`, a line for each opinion, the newest first. `None` when nothing
/// was said.
pub fn said(opinions: &[Opinion]) -> Option<Value> {
    let lines =
        |vote: Vote| -> Vec<String> { opinions.iter().take(SAID_MAX).filter(|it| it.vote == vote).map(line).collect() };
    (!opinions.is_empty()).then(|| json!({ "liked": lines(Vote::Up), "disliked": lines(Vote::Down) }))
}

fn line(opinion: &Opinion) -> String {
    let heading = cut(&opinion.heading, HEADING_CHARS_SAID);
    let of = match opinion.part.as_deref() {
        None => format!("the whole of \"{heading}\""),
        Some("title") => format!("the title \"{heading}\""),
        Some(part) if part.starts_with("topics/") => format!("the topic \"{heading}\""),
        Some(part) => format!("the {part}"),
    };
    match opinion.comment.as_deref() {
        Some(comment) => format!("{of}: {}", cut(comment, COMMENT_CHARS_SAID)),
        None => of,
    }
}

/// On one line, and not longer.
fn cut(text: &str, chars_max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opinion(part: Option<&str>, heading: &str, vote: Vote, comment: Option<&str>) -> Opinion {
        Opinion {
            part: part.map(str::to_owned),
            heading: heading.to_owned(),
            vote,
            comment: comment.map(str::to_owned),
        }
    }

    #[test]
    fn parts_are_named_and_one_that_is_not_there_has_no_heading() {
        let body = json!({"intro": "Hi", "topics": [{"heading": "Tea", "body": "x"}], "conclusion": "", "sources": []});
        let of = |part| heading_of("The week", &body, part);
        assert_eq!(of(None).as_deref(), Some("The week"));
        assert_eq!(of(Some("topics/1")).as_deref(), Some("Tea"));
        assert_eq!(of(Some("conclusion")).as_deref(), Some("conclusion"));
        for missing in ["topics/0", "topics/2", "topics/01", "topics/x", "topics", "sources", "subject", ""] {
            assert_eq!(of(Some(missing)), None, "{missing}");
        }
        assert_eq!(parts(&body), ["title", "conclusion", "intro", "topics/1"]);
        assert_eq!(parts(&json!({"subject": "s", "body": "b"})), ["title", "body", "subject"]);
    }

    #[test]
    fn what_was_said_is_one_line_each_and_bounded() {
        assert_eq!(said(&[]), None, "nothing is not an empty list");
        let long = "very ".repeat(200);
        let opinions = [
            opinion(Some("topics/2"), "Async\nRust", Vote::Down, Some("Too\n\nlong.")),
            opinion(Some("intro"), "intro", Vote::Up, None),
            opinion(None, "The week", Vote::Down, Some(&long)),
        ];
        let value = said(&opinions).expect("something was said");
        assert_eq!(value["liked"], json!(["the intro"]));
        assert_eq!(value["disliked"][0], "the topic \"Async Rust\": Too long.");
        let cut = value["disliked"][1].as_str().expect("a line");
        assert!(cut.ends_with('…') && cut.chars().count() < 340, "{cut}");
        let many = vec![opinion(Some("intro"), "intro", Vote::Up, None); SAID_MAX + 9];
        assert_eq!(said(&many).expect("said")["liked"].as_array().map(Vec::len), Some(SAID_MAX));
    }
}
