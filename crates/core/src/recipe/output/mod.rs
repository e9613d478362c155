//! Output forms: what a finished answer must look like. A new form is one file beside this one and one line in each
//! match below. Parsing only judges the text; whether the provider cut the answer short is told by its finish reason,
//! and what happens after a refusal is decided in `generation/retry.rs`.

mod answer;
pub(in crate::recipe) mod article;
pub mod mail;
pub mod media;
mod plain;
mod shape;
mod text;

use serde_json::Value;

pub use shape::AnswerShape;

/// Longest answer that is looked at. Units: bytes.
pub const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Longest title; a longer one is cut with an ellipsis. Units: characters.
pub const TITLE_CHARS_MAX: usize = 200;

/// The forms an output can have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OutputForm {
    /// A title, an introduction, one to ten topics with sources, a conclusion.
    Article,
    /// Any text that is not empty.
    Text,
    /// A subject and a short body, to one person.
    Mail,
    /// Files: pictures, videos.
    Media,
}

/// What parsing may need to know besides the answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutputContext {
    /// The things an answer may refer to by number. References to other numbers are dropped.
    pub sources: Vec<Source>,
}

/// One thing an answer may refer to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// From 1.
    pub number: usize,
    pub title: String,
    pub link: Option<String>,
    /// Of an item that came from a source: `itm_...`.
    pub id: Option<String>,
}

/// A finished content: what a version of a draft holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Content {
    pub form: OutputForm,
    pub title: String,
    /// The structured content as stored. It does not repeat the title.
    pub body: Value,
}

/// Why a text is not an output of its form.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WhyNot {
    /// No whole JSON object could be found: cut short, broken, or prose instead.
    #[error("The model's answer could not be read: {what}.")]
    Unparsable { what: String },
    /// It was read, but is not what the form asks for. The pointer is a JSON pointer into the answer.
    #[error("The model's answer does not have the wanted form: {what}{}.", at(pointer))]
    WrongShape { pointer: String, what: String },
}

fn at(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" (at {pointer})") }
}

impl WhyNot {
    /// A stable word for logs and metadata.
    pub const fn code(&self) -> &'static str {
        match self {
            WhyNot::Unparsable { .. } => "unparsable",
            WhyNot::WrongShape { .. } => "wrong_shape",
        }
    }

    pub(in crate::recipe) fn shape(pointer: impl Into<String>, what: impl Into<String>) -> WhyNot {
        WhyNot::WrongShape { pointer: pointer.into(), what: what.into() }
    }
}

impl OutputForm {
    pub const ALL: [OutputForm; 4] = [OutputForm::Article, OutputForm::Text, OutputForm::Mail, OutputForm::Media];

    /// The word in recipes and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            OutputForm::Article => "article",
            OutputForm::Text => "text",
            OutputForm::Mail => "mail",
            OutputForm::Media => "media",
        }
    }

    pub fn from_word(word: &str) -> Option<OutputForm> {
        Self::ALL.into_iter().find(|form| form.as_str() == word)
    }

    /// Whether answers of this form are JSON, so that the provider can be asked for it.
    pub const fn is_json(self) -> bool {
        match self {
            OutputForm::Article | OutputForm::Mail => true,
            OutputForm::Text | OutputForm::Media => false,
        }
    }

    /// The shape a model is asked to answer in, for the step whose answer becomes the output.
    pub fn shape(self) -> AnswerShape {
        match self {
            OutputForm::Article => AnswerShape::Schema(article::schema()),
            OutputForm::Mail => AnswerShape::Schema(mail::schema()),
            OutputForm::Text | OutputForm::Media => AnswerShape::Free,
        }
    }

    /// Reads a model's answer.
    ///
    /// Errors: see [`WhyNot`]; another attempt may help for all of them.
    pub fn parse(self, answer_text: &str, context: &OutputContext) -> Result<Content, WhyNot> {
        if answer_text.len() > ANSWER_BYTES_MAX {
            return Err(WhyNot::shape("", format!("it is longer than {ANSWER_BYTES_MAX} bytes")));
        }
        match self {
            OutputForm::Article => article::parse(answer_text, context),
            OutputForm::Text => text::parse(answer_text),
            OutputForm::Mail => mail::parse(answer_text),
            OutputForm::Media => media::parse(answer_text),
        }
    }

    /// Checks a content that people edited or that comes back from storage. It holds its own sources, so it needs no
    /// context; the pointer of an error starts at the body.
    pub fn check(self, title: &str, body: &Value) -> Result<Content, WhyNot> {
        match self {
            OutputForm::Article => article::check(title, body),
            OutputForm::Text => text::check(title, body),
            OutputForm::Mail => mail::check(title, body),
            OutputForm::Media => media::check(title, body),
        }
    }
}

impl Content {
    /// The content as Markdown, with its title as a heading where the form has one.
    pub fn to_markdown(&self) -> String {
        match self.form {
            OutputForm::Article => article::to_markdown(&self.title, &self.body),
            OutputForm::Text => text::to_markdown(&self.body),
            OutputForm::Mail => mail::to_markdown(&self.body),
            OutputForm::Media => media::to_text(&self.body),
        }
    }

    /// The content as plain text, without Markdown's marks.
    pub fn to_text(&self) -> String {
        match self.form {
            OutputForm::Article => article::to_text(&self.title, &self.body),
            OutputForm::Text => plain::plain(&text::to_markdown(&self.body)),
            OutputForm::Mail => mail::to_text(&self.title, &self.body),
            OutputForm::Media => media::to_text(&self.body),
        }
    }

    /// Words of the plain text, as white space separates them.
    pub fn word_count(&self) -> usize {
        self.to_text().split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
    }
}

/// A step whose answer must be JSON: the value, or why there is none.
pub fn parse_json(answer_text: &str) -> Result<Value, WhyNot> {
    if answer_text.len() > ANSWER_BYTES_MAX {
        return Err(WhyNot::shape("", format!("it is longer than {ANSWER_BYTES_MAX} bytes")));
    }
    answer::json_object(answer_text)
}

/// A title without leading Markdown marks and line breaks, cut to its limit. Cleaning twice changes nothing more.
pub(in crate::recipe) fn clean_title(text: &str, chars_max: usize) -> String {
    let marks = |c: char| c.is_whitespace() || c == '*' || c == '_';
    let line = super::items::one_line(text.trim_start_matches(|c| marks(c) || c == '#').trim_end_matches(marks));
    super::items::cut(&line, chars_max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn every_form_has_a_word_that_reads_back() {
        for form in OutputForm::ALL {
            assert_eq!(OutputForm::from_word(form.as_str()), Some(form));
        }
        assert_eq!(OutputForm::from_word("Article"), None);
    }

    #[test]
    fn reasons_read_as_sentences() {
        let why = WhyNot::shape("/topics/0/body", "the text is empty");
        assert_eq!(
            why.to_string(),
            "The model's answer does not have the wanted form: the text is empty (at /topics/0/body)."
        );
    }

    #[test]
    fn an_answer_beyond_the_limit_is_refused_unread() {
        let long = "x".repeat(ANSWER_BYTES_MAX + 1);
        for form in OutputForm::ALL {
            assert!(form.parse(&long, &OutputContext::default()).is_err());
        }
    }

    fn context() -> OutputContext {
        OutputContext { sources: vec![Source { number: 1, title: "One".into(), link: None, id: None }] }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_what_it_accepts_it_accepts_again(text in ".{0,400}") {
            for form in OutputForm::ALL {
                if let Ok(content) = form.parse(&text, &context()) {
                    prop_assert_eq!(form.check(&content.title, &content.body), Ok(content));
                }
            }
        }

        #[test]
        fn pieces_of_json_never_panic(parts in proptest::collection::vec(
            prop_oneof![
                Just("{"), Just("}"), Just("["), Just("]"), Just("\""), Just("\\"), Just(","), Just(":"), Just("\n"),
                Just("\"title\""), Just("\"topics\""), Just("```json\n"), Just("```"), Just("<think>"),
                Just("</think>"), Just("\"é\""), Just("1"), Just("null"), Just("prose ")
            ], 0..40)
        ) {
            let text: String = parts.concat();
            for form in OutputForm::ALL {
                let _outcome = form.parse(&text, &context());
            }
            let _outcome = parse_json(&text);
        }

        #[test]
        fn a_cut_article_is_never_taken_for_a_whole_one(keep in 0.0f64..1.0) {
            let whole = json!({
                "title": "A", "intro": "I", "conclusion": "C",
                "topics": [{"heading": "H", "body": "B \"quoted\" {brace}", "sources": [1]}]
            }).to_string();
            let cut = (whole.len() as f64 * keep) as usize;
            let outcome = OutputForm::Article.parse(&whole[..cut], &context());
            prop_assert!(matches!(outcome, Err(WhyNot::Unparsable { .. })), "{:?}", outcome);
        }
    }
}
