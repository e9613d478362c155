//! Regenerating one part of a content, or a passage of one: which part, with which words, and how an answer is put into the
//! content it was asked for. Everything else stays as it stands. Calls nobody.

use super::output::{ANSWER_BYTES_MAX, article, mail, parse_json};
use super::{AnswerShape, Content, OutputForm, Params, Source, WhyNot};
use crate::feedback::{heading_of, parts};
use serde_json::{Map, Value, json};

/// The longest wish. Units: characters.
pub const INSTRUCTION_CHARS_MAX: usize = 2_000;
/// The longest passage. Units: characters.
pub const SELECTION_CHARS_MAX: usize = 20_000;
/// Where a generation keeps it, beside its parameters; no recipe has a parameter of this name.
const KEPT_UNDER: &str = "revision";

/// What is to be written anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revision {
    /// Its name, such as `title`, `intro`, `topics/2` or `text`.
    pub part: String,
    /// Only this passage of it.
    pub selection: Option<String>,
    /// What the user wishes.
    pub instruction: Option<String>,
    /// The version everything else is taken from.
    pub from_version: u32,
}

/// What is wrong with a revision: the field of the request, a code, a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RevisionFault {
    pub field: &'static str,
    pub code: &'static str,
    pub detail: String,
}

/// Where a part stands in a content.
enum Place<'a> {
    Title,
    Topic(usize),
    Field(&'a str),
}

impl Revision {
    /// What is wrong with it, all of it; empty when `base` has the part, and the passage exactly once.
    pub fn faults(&self, base: &Content) -> Vec<RevisionFault> {
        let fault = |field, code, detail: String| RevisionFault { field, code, detail };
        let mut faults = Vec::new();
        let texts = [
            ("part", Some(&self.part), SELECTION_CHARS_MAX),
            ("instruction", self.instruction.as_ref(), INSTRUCTION_CHARS_MAX),
            ("selection", self.selection.as_ref(), SELECTION_CHARS_MAX),
        ];
        for (field, text, chars_max) in texts {
            let Some(text) = text else { continue };
            if text.trim().is_empty() || text.chars().count() > chars_max {
                faults.push(fault(field, "bad_length", format!("it must have 1 to {chars_max} characters")));
            } else if text.contains('\0') {
                faults.push(fault(field, "bad_character", "it contains a NUL character".to_owned()));
            }
        }
        if base.form == OutputForm::Media {
            let detail = "a draft of files has no parts to write anew; regenerate the whole".to_owned();
            faults.push(fault("part", "not_found", detail));
        } else if self.place(base).is_none() {
            let known = parts(&base.body).join(", ");
            faults.push(fault("part", "not_found", format!("version {} has: {known}", self.from_version)));
        } else if let Some(passage) = &self.selection {
            let part = &self.part;
            match self.texts(base).iter().map(|text| occurrences(text, passage)).sum::<usize>() {
                1 => {}
                0 => faults.push(fault(
                    "selection",
                    "not_found",
                    format!("{part} does not have this passage, letter by letter"),
                )),
                many => {
                    let detail =
                        format!("{part} has this passage {many} times; select some more, so that it is clear which");
                    faults.push(fault("selection", "ambiguous", detail));
                }
            }
        }
        faults
    }

    fn place(&self, base: &Content) -> Option<Place<'_>> {
        heading_of(&base.title, &base.body, Some(&self.part))?;
        match self.part.strip_prefix("topics/") {
            Some(number) => Some(Place::Topic(number.parse::<usize>().ok()? - 1)),
            None if self.part == "title" => Some(Place::Title),
            None => Some(Place::Field(&self.part)),
        }
    }

    /// The texts of the part; a topic has two.
    fn texts(&self, base: &Content) -> Vec<String> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        match self.place(base) {
            None => Vec::new(),
            Some(Place::Title) => vec![base.title.clone()],
            Some(Place::Field(name)) => text(base.body.get(name)).into_iter().collect(),
            Some(Place::Topic(index)) => {
                let topic = &base.body["topics"][index];
                ["heading", "body"].into_iter().filter_map(|name| text(topic.get(name))).collect()
            }
        }
    }

    fn of_topic(&self) -> bool {
        self.selection.is_none() && self.part.starts_with("topics/")
    }

    /// The shape an answer is asked for in.
    pub fn shape(&self) -> AnswerShape {
        AnswerShape::Schema(if self.of_topic() {
            article::topic_schema()
        } else {
            json!({
                "type": "object",
                "properties": { "text": { "type": "string", "description": "The new text, and nothing else." } },
                "required": ["text"],
                "additionalProperties": false,
            })
        })
    }

    /// What templates know of it as `revision`.
    pub fn facts(&self, base: &Content) -> Value {
        let (topic, texts) = (self.part.starts_with("topics/"), self.texts(base));
        let answer = if self.of_topic() {
            r#"{"heading": "...", "body": "...", "sources": [1, 2]}"#
        } else {
            r#"{"text": "..."}"#
        };
        let mut facts = Map::new();
        facts.insert("part".into(), self.part.clone().into());
        facts.insert("draft".into(), base.to_markdown().into());
        facts.insert("title".into(), base.title.clone().into());
        facts.insert("text".into(), texts.last().cloned().unwrap_or_default().into());
        facts.insert("answer".into(), answer.into());
        if let Some(heading) = texts.first().filter(|_| topic) {
            facts.insert("heading".into(), heading.clone().into());
            if let Some(Place::Topic(index)) = self.place(base) {
                facts.insert("sources".into(), base.body["topics"][index]["sources"].clone());
            }
        }
        facts.extend(self.selection.clone().map(|passage| ("selection".to_owned(), passage.into())));
        facts.extend(self.instruction.clone().map(|wish| ("instruction".to_owned(), wish.into())));
        Value::Object(facts)
    }

    /// The names [`Revision::facts`] may have.
    pub const FACTS: [&'static str; 9] =
        ["part", "draft", "title", "text", "answer", "heading", "sources", "selection", "instruction"];

    /// `base` with the answer in the place of the part or passage. `items` are what the answer may name as sources.
    ///
    /// Invariant: whatever is no part of it is equal; the list of an article's sources follows its topics.
    /// Errors: an answer that is not what was asked for, or makes of the whole what its form refuses.
    pub fn merge(&self, base: &Content, items: &[Source], answer: &str) -> Result<Content, WhyNot> {
        if answer.len() > ANSWER_BYTES_MAX {
            return Err(WhyNot::shape("", format!("it is longer than {ANSWER_BYTES_MAX} bytes")));
        }
        let value = parse_json(answer)?;
        let place = self.place(base).ok_or_else(|| WhyNot::shape("", "the part it is for is not there"))?;
        let mut merged = base.clone();
        match (&self.selection, place) {
            (None, Place::Topic(index)) => article::put_topic(&mut merged.body, index, &value, items)?,
            (None, Place::Title) => merged.title = clean(base.form, &self.part, new_text(&value)?)?,
            (None, Place::Field(name)) => merged.body[name] = clean(base.form, name, new_text(&value)?)?.into(),
            (Some(passage), place) => {
                let new = clean(base.form, "passage", new_text(&value)?)?;
                let put = |text: &mut String| *text = text.replacen(passage, &framed(passage, &new), 1);
                match place {
                    Place::Title => put(&mut merged.title),
                    Place::Field(name) => put_into(&mut merged.body[name], put),
                    Place::Topic(index) => {
                        for name in ["heading", "body"] {
                            put_into(&mut merged.body["topics"][index][name], put);
                        }
                    }
                }
            }
        }
        if base.form == OutputForm::Mail {
            mail::no_longer_than(base, &merged)?;
        }
        merged.form.check(&merged.title, &merged.body)
    }

    /// As it is kept with a generation and its version.
    pub fn to_value(&self) -> Value {
        let Revision { part, selection, instruction, from_version } = self;
        let mut fields = Map::new();
        fields.insert("part".into(), part.clone().into());
        fields.extend(selection.clone().map(|text| ("selection".to_owned(), text.into())));
        fields.extend(instruction.clone().map(|text| ("instruction".to_owned(), text.into())));
        fields.insert("from_version".into(), (*from_version).into());
        Value::Object(fields)
    }

    /// From what [`Revision::to_value`] gave; `None` when it is none.
    pub fn from_value(value: &Value) -> Option<Revision> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Revision {
            part: text("part")?,
            selection: text("selection"),
            instruction: text("instruction"),
            from_version: u32::try_from(value.get("from_version")?.as_u64()?).ok()?,
        })
    }
}

/// Parameters and revision as one text, as a generation keeps them; `None` when there is neither.
pub fn keep(params: &Params, revision: Option<&Revision>) -> Option<String> {
    let mut fields = params.fields();
    fields.extend(revision.map(|revision| (KEPT_UNDER.to_owned(), revision.to_value())));
    (!fields.is_empty()).then(|| Value::Object(fields).to_string())
}

/// What [`keep`] put together: the parameters, `null` where there are none, and the revision.
///
/// Errors: a text that is not what it gave.
pub fn kept(text: Option<&str>) -> Result<(Value, Option<Revision>), String> {
    let Some(text) = text else { return Ok((Value::Null, None)) };
    let mut fields: Map<String, Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let revision = match fields.remove(KEPT_UNDER) {
        Some(value) => Some(Revision::from_value(&value).ok_or("its revision cannot be read")?),
        None => None,
    };
    let params = if fields.is_empty() { Value::Null } else { Value::Object(fields) };
    Ok((params, revision))
}

/// How often a passage stands in a text, overlapping ones too.
fn occurrences(text: &str, passage: &str) -> usize {
    text.char_indices().filter(|(at, _)| text[*at..].starts_with(passage)).count()
}

fn put_into(value: &mut Value, put: impl Fn(&mut String)) {
    if let Value::String(text) = value {
        put(text);
    }
}

fn new_text(value: &Value) -> Result<&str, WhyNot> {
    match value.get("text") {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.trim()),
        Some(Value::String(_)) => Err(WhyNot::shape("/text", "the text is empty")),
        Some(_) => Err(WhyNot::shape("/text", "the text must be a text")),
        None => Err(WhyNot::shape("/text", "the text is missing")),
    }
}

/// As the form takes it from a model: mails without Markdown and within their limits, titles on a line.
fn clean(form: OutputForm, part: &str, text: &str) -> Result<String, WhyNot> {
    let as_mail = |subject: &str, body: &str| {
        let answer = json!({ "subject": subject, "body": body }).to_string();
        form.parse(&answer, &super::OutputContext::default())
    };
    match (form, part) {
        (OutputForm::Mail, "title") => Ok(as_mail(text, "x")?.title),
        (OutputForm::Mail, _) => Ok(mail::text_of(&as_mail("x", text)?.body).to_owned()),
        (OutputForm::Article | OutputForm::Text | OutputForm::Media, _) => Ok(text.to_owned()),
    }
}

/// With the white space that stood around the passage.
fn framed(passage: &str, new: &str) -> String {
    let (start, end) = (passage.len() - passage.trim_start().len(), passage.trim_end().len());
    format!("{}{new}{}", &passage[..start], &passage[end..])
}

#[cfg(test)]
#[path = "revision_tests.rs"]
mod tests;
