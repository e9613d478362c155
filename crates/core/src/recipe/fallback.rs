//! The honest fallbacks: an article built without a model when there is nothing to ask one for, or when its answer could
//! not be used. A fallback always says that it is one, names its reason by a machine word, invents nothing and is free.
//! A provider that is down is no reason for a fallback: that generation fails and says so.

use serde_json::Value;

use super::items::{self, Item, cut, newest_first};
use super::output::article::{TOPICS_MAX, Topic, build, markdown_link};
use super::output::{Content, Source, TITLE_CHARS_MAX, clean_title};
use crate::Timestamp;

/// Items listed in a digest.
pub const DIGEST_ITEMS_MAX: usize = 20;
/// Topics of an outline when the input does not say.
pub const TOPICS_DEFAULT: usize = 5;
/// Longest excerpt of an item in an outline. Units: characters.
pub const EXCERPT_CHARS_MAX: usize = 400;
/// Most sentences a recipe may give for what to do next.
pub const NEXT_STEPS_MAX: usize = 10;

/// Why a fallback stands in for a written text. The words are the metadata words of the first seed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FallbackReason {
    /// The model's last answer could not be read or had the wrong shape.
    UnparsableAnswer,
    /// There are items, but none of them has a text to write about.
    NoTrends,
    /// There are no items and no topic.
    NoContent,
}

/// How a fallback is built.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FallbackBody {
    /// One section per item, each an excerpt of the item's own text.
    Outline,
    /// A list of the newest items with their links.
    Digest,
    /// What to do next.
    Guide,
}

/// A recipe's rules, as its `[fallback]` table says them. A reason without a rule has no fallback.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FallbackRules {
    pub unparsable_answer: Option<FallbackBody>,
    pub no_trends: Option<FallbackBody>,
    pub no_content: Option<FallbackBody>,
    /// What a guide tells the reader to do, one sentence each; empty takes sentences that fit any recipe with items.
    pub next_steps: Vec<String>,
}

/// A fallback that is ready to be stored.
#[derive(Clone, PartialEq, Debug)]
pub struct Fallback {
    pub content: Content,
    /// Stored with the version, e.g. `no_trends`.
    pub reason_code: &'static str,
}

impl FallbackReason {
    pub const ALL: [FallbackReason; 3] = [Self::UnparsableAnswer, Self::NoTrends, Self::NoContent];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnparsableAnswer => "unparsable_answer",
            Self::NoTrends => "no_trends",
            Self::NoContent => "no_content",
        }
    }

    pub fn from_word(word: &str) -> Option<FallbackReason> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// What can be built in this situation.
    pub const fn allowed(self) -> &'static [FallbackBody] {
        match self {
            Self::UnparsableAnswer => &[FallbackBody::Outline, FallbackBody::Digest],
            Self::NoTrends => &[FallbackBody::Digest, FallbackBody::Guide],
            Self::NoContent => &[FallbackBody::Guide],
        }
    }

    pub fn allows(self, body: FallbackBody) -> bool {
        self.allowed().contains(&body)
    }
}

impl FallbackBody {
    pub const ALL: [FallbackBody; 3] = [Self::Outline, Self::Digest, Self::Guide];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outline => "outline",
            Self::Digest => "digest",
            Self::Guide => "guide",
        }
    }

    pub fn from_word(word: &str) -> Option<FallbackBody> {
        Self::ALL.into_iter().find(|body| body.as_str() == word)
    }
}

impl FallbackRules {
    pub fn is_empty(&self) -> bool {
        self.rules().is_empty()
    }

    /// The rules that are set.
    pub fn rules(&self) -> Vec<(FallbackReason, FallbackBody)> {
        FallbackReason::ALL.into_iter().filter_map(|reason| Some((reason, self.rule(reason)?))).collect()
    }

    pub const fn rule(&self, reason: FallbackReason) -> Option<FallbackBody> {
        match reason {
            FallbackReason::UnparsableAnswer => self.unparsable_answer,
            FallbackReason::NoTrends => self.no_trends,
            FallbackReason::NoContent => self.no_content,
        }
    }

    /// The fallback that makes a call pointless, if there is one: asked before any model is.
    pub fn before_call(&self, recipe_title: &str, input: &Value) -> Option<Fallback> {
        let items = items::read(input);
        if items.is_empty() {
            let nothing = topic_of(input).is_none();
            return nothing.then(|| self.build(recipe_title, input, FallbackReason::NoContent)).flatten();
        }
        let no_text = items.iter().all(|item| item.text.is_none());
        no_text.then(|| self.build(recipe_title, input, FallbackReason::NoTrends)).flatten()
    }

    /// The fallback for a reason; `None` when the recipe has no rule for it or the input has nothing to build it from.
    /// `recipe_title` is what people call the kind of draft, e.g. `Newsletter draft`.
    pub fn build(&self, recipe_title: &str, input: &Value, reason: FallbackReason) -> Option<Fallback> {
        let items = items::read(input);
        let about = topic_of(input);
        let content = match self.rule(reason)? {
            FallbackBody::Outline => outline(about, input, items, reason)?,
            FallbackBody::Digest => digest(about, items, reason)?,
            FallbackBody::Guide => guide(recipe_title, reason, &self.next_steps),
        };
        Some(Fallback { content, reason_code: reason.as_str() })
    }
}

fn topic_of(input: &Value) -> Option<&str> {
    input.get("topic").and_then(Value::as_str).map(str::trim).filter(|topic| !topic.is_empty())
}

/// What the reader is told first, in every fallback.
fn because(reason: FallbackReason) -> &'static str {
    match reason {
        FallbackReason::UnparsableAnswer => {
            "The model's answer could not be used, so this draft was put together from your items instead."
        }
        FallbackReason::NoTrends => {
            "Your items came with titles but without text, so there was nothing a model could write about and none was \
             asked."
        }
        FallbackReason::NoContent => "There were no items and no topic, so no model was asked to write anything.",
    }
}

/// Marked as a quotation, so that it stands out wherever the draft is shown.
fn notice(kind: &str, reason: FallbackReason, more: &str) -> String {
    let more = if more.is_empty() { String::new() } else { format!(" {more}") };
    format!("> **{kind}, not a written draft.** {}{more} It costs no credits.", because(reason))
}

fn titled(kind: &str, about: Option<&str>, rest: &str) -> String {
    about.map_or_else(|| format!("{kind}: {rest}"), |about| format!("{kind}: {}", cut(about, 120)))
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn outline(about: Option<&str>, input: &Value, items: Vec<Item<'_>>, reason: FallbackReason) -> Option<Content> {
    let known: Vec<Source> = items.iter().map(Item::source).collect();
    let wanted = input.get("topics").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let wanted = wanted.unwrap_or(TOPICS_DEFAULT).clamp(1, TOPICS_MAX);
    let section = |item: Item<'_>| {
        let excerpt = excerpt(item.text?);
        let dated = item.published_at.map_or(String::new(), |at| format!("*{}.* ", day(at)));
        let heading = Some(clean_title(&item.title, TITLE_CHARS_MAX)).filter(|title| !title.is_empty());
        let heading = heading.unwrap_or_else(|| format!("Item {}", item.number));
        Some(Topic { heading, body: format!("{dated}{excerpt}"), sources: vec![item.number] })
    };
    let topics: Vec<Topic> = newest_first(items).into_iter().filter_map(section).take(wanted).collect();
    if topics.is_empty() {
        return None;
    }
    let left = known.len() - topics.len();
    let title = titled("Outline", about, &format!("{} to write about", count(topics.len(), "item")));
    let more = "Each section below quotes the beginning of one item, word for word.";
    let rest = match left {
        0 => "These are all of your items.".to_owned(),
        1 => "1 of your items is left out.".to_owned(),
        left => format!("{left} of your items are left out."),
    };
    let conclusion = format!("{rest} Generate the draft again for a written text, or edit this one into shape.");
    Some(build(title, &notice("Automatic outline", reason, more), &topics, &conclusion, &known))
}

fn digest(about: Option<&str>, items: Vec<Item<'_>>, reason: FallbackReason) -> Option<Content> {
    let known: Vec<Source> = items.iter().map(Item::source).collect();
    let all = known.len();
    let newest: Vec<Item<'_>> = newest_first(items).into_iter().take(DIGEST_ITEMS_MAX).collect();
    if newest.is_empty() {
        return None;
    }
    let line = |item: &Item<'_>| {
        let dated = item.published_at.map_or(String::new(), |at| format!(", {}", day(at)));
        format!("- {}{dated}", markdown_link(&item.source()))
    };
    let list: Vec<String> = newest.iter().map(line).collect();
    let topic = Topic {
        heading: "The newest items".to_owned(),
        body: list.join("\n"),
        sources: newest.iter().filter(|item| item.link.is_some()).map(|item| item.number).collect(),
    };
    let title = titled("Digest", about, &count(newest.len(), "recent item"));
    let more =
        if newest.len() < all { format!("Below are the newest {} of {all}.", newest.len()) } else { String::new() };
    let conclusion = "For a written text, send the items again with a `text` each: the first paragraph or a summary is \
        enough.";
    Some(build(title, &notice("Digest", reason, &more), &[topic], conclusion, &known))
}

fn guide(recipe_title: &str, reason: FallbackReason, next_steps: &[String]) -> Content {
    const ANY_RECIPE: [&str; 3] = [
        "Add items: articles, posts or notes, each with a title and a few sentences of text.",
        "Or name a topic, and the draft is written about that.",
        "Then press Generate again.",
    ];
    let steps: Vec<&str> = match next_steps {
        [] => ANY_RECIPE.to_vec(),
        own => own.iter().map(String::as_str).collect(),
    };
    let numbered: Vec<String> =
        steps.iter().enumerate().map(|(index, step)| format!("{}. {step}", index + 1)).collect();
    let topic = Topic { heading: "What to do next".to_owned(), body: numbered.join("\n"), sources: Vec::new() };
    let title = format!("{recipe_title}: nothing to write about yet");
    let conclusion = "This draft is only a signpost: delete it, or generate again into it.";
    build(title, &notice("A guide", reason, ""), &[topic], conclusion, &[])
}

/// The beginning of a text, ended at a sentence where one ends in the second half of the limit.
fn excerpt(text: &str) -> String {
    let text = items::one_line(text);
    let cut = cut(&text, EXCERPT_CHARS_MAX);
    if cut == text {
        return text;
    }
    let sentence_end = [". ", "! ", "? "].iter().filter_map(|end| cut.rfind(end)).max();
    match sentence_end {
        Some(at) if at > cut.len() / 2 => cut[..=at].to_owned(),
        Some(_) | None => cut,
    }
}

/// `5 November 2026`, in UTC.
fn day(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let iso = at.to_string();
    let mut parts = iso.get(..10).unwrap_or_default().split('-');
    let mut number = || parts.next().and_then(|part| part.parse::<usize>().ok());
    match (number(), number(), number()) {
        (Some(year), Some(month @ 1..=12), Some(day)) => format!("{day} {} {year}", MONTHS[month - 1]),
        _ => iso,
    }
}

#[cfg(test)]
#[path = "fallback_tests.rs"]
mod tests;
