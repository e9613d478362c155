//! A newsletter about a subject alone, for prompts that ask for one and list no items. Pure, and honest: it claims no news,
//! names no sources, and says nothing that is not true of any subject.

use super::words::{Die, upper_first};
use serde_json::{Value, json};

/// The most parts one newsletter gets: as many as there are below.
const PARTS: [(&str, &str); 8] = [
    (
        "Where to begin",
        "Begin small. The first step with {s} is the one that fits into an afternoon and can be shown to somebody else the day after.",
    ),
    (
        "One question first",
        "With {s} it is tempting to collect tools, tips and lists before knowing what they are for. A single sentence that says what should be different in a month does more than any of them.",
    ),
    (
        "A handful of habits",
        "A few habits carry nearly everything in {s}. The rest is detail that can wait until somebody misses it.",
    ),
    (
        "Patience, mostly",
        "Progress with {s} comes in steps that look like nothing on the day and like a great deal after a season.",
    ),
    (
        "Write it down",
        "Notes make the second attempt cheaper than the first. They are also the only honest way to see what has changed.",
    ),
    (
        "Company helps",
        "Someone who is one step ahead explains {s} better than an expert, because they still remember what was hard.",
    ),
    (
        "When to stop",
        "It is fine to stop. Half of what is started can be dropped without loss once it has shown what it had to show.",
    ),
    (
        "What to measure",
        "Pick one number that would move if {s} went well, and look at it once a week. Two numbers are already an argument.",
    ),
];

/// Whether the prompt asks for a newsletter and its list of items is empty.
pub(crate) fn wanted(prompt: &str) -> bool {
    prompt.contains("<items>") && prompt.contains("</items>") && prompt.contains("\"conclusion\"")
}

pub(crate) fn newsletter(subject: &str, parts: usize, die: &mut Die) -> Value {
    let first = die.throw(PARTS.len());
    let topics: Vec<Value> = (0..parts.clamp(1, PARTS.len()))
        .map(|part| PARTS[(first + part) % PARTS.len()])
        .map(|(heading, body)| json!({ "heading": heading, "body": body.replace("{s}", subject), "sources": [] }))
        .collect();
    json!({
        "title": format!("{}: where to begin, and when to stop", upper_first(subject)),
        "intro": format!("Welcome. There was no news to report this time, so this issue is about {subject} itself, in {} short parts.", topics.len()),
        "topics": topics,
        "conclusion": format!("One question, one habit, one page of notes: that is enough to begin with {subject} this week."),
    })
}
