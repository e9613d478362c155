//! The demo writer's part of a draft: reads what a prompt wants written anew and the wish for it, and follows the plainest of
//! wishes. Pure, and honest: it adds no fact.

use super::words::{Die, sentences};
use serde_json::{Value, json};

/// What it puts before a text to say it differently; taken away again before the next one comes.
const OPENINGS: [&str; 3] = ["In other words: ", "Put differently: ", "Said another way: "];
/// What makes a text longer.
const MORE: &str = "There is more to say about it, and the sources say it best.";
/// Words of a wish for less, and for more.
const LESS: [&str; 5] = ["short", "brief", "concise", "less", "tight"];
const LONGER: [&str; 3] = ["longer", "more detail", "expand"];

/// What is to be written anew.
pub(crate) struct Part {
    /// Of a topic, whose answer is a heading, a body, and the numbers of its sources.
    heading: Option<String>,
    sources: Vec<usize>,
    text: String,
    wish: String,
}

/// The part of a prompt that asks for one.
pub(crate) fn part_in(prompt: &str) -> Option<Part> {
    // The rules name the fence, too, on a line of their own.
    let (_, fenced) = prompt.split_once("\n<part>\n")?;
    let (inside, after) = fenced.split_once("\n</part>")?;
    let text = inside.lines().find_map(|line| serde_json::from_str::<String>(line).ok())?;
    let heading = inside.lines().find_map(|line| line.strip_prefix("Heading: ")).map(str::to_owned);
    let sources = inside.lines().find_map(|line| line.strip_prefix("Sources: "));
    let sources =
        sources.into_iter().flat_map(|line| line.split(", ")).filter_map(|number| number.parse().ok()).collect();
    let wish = after.split_once("\n<wish>\n").and_then(|(_, wish)| wish.split_once("\n</wish>"));
    let wish = wish.map_or_else(String::new, |(wish, _)| wish.to_lowercase());
    Some(Part { heading, sources, text, wish })
}

pub(crate) fn revise(part: &Part, die: &mut Die) -> Value {
    let text = anew(&part.text, &part.wish, die);
    match &part.heading {
        Some(heading) => json!({ "heading": heading, "body": text, "sources": part.sources }),
        None => json!({ "text": text }),
    }
}

fn anew(text: &str, wish: &str, die: &mut Die) -> String {
    let plain = OPENINGS.iter().find_map(|opening| text.strip_prefix(opening)).unwrap_or(text);
    let asks = |words: &[&str]| words.iter().any(|word| wish.contains(word));
    if asks(&LESS) {
        let all = sentences(plain);
        return match all.len() {
            0 | 1 => plain.split(' ').take(plain.split(' ').count().div_ceil(2)).collect::<Vec<_>>().join(" "),
            many => all[..many / 2].join(" "),
        };
    }
    if asks(&LONGER) {
        return format!("{plain} {MORE}");
    }
    let other: Vec<&str> = OPENINGS.into_iter().filter(|opening| !text.starts_with(opening)).collect();
    format!("{}{plain}", die.pick(&other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(part: &str, wish: &str) -> Value {
        let prompt = format!("Between <part> and </part>.\n<part>\n{part}\n</part>\n<wish>\n{wish}\n</wish>\n");
        let part = part_in(&prompt).unwrap();
        let answer = revise(&part, &mut Die::new(1));
        assert_eq!(answer, revise(&part, &mut Die::new(1)), "the same request, the same words");
        answer
    }

    #[test]
    fn the_plainest_wishes_are_followed() {
        let text = r#""One is here. Two is here. Three is here. Four is here.""#;
        assert_eq!(said(text, "Shorter, and without the jargon"), json!({"text": "One is here. Two is here."}));
        assert!(said(text, "Longer")["text"].as_str().unwrap().ends_with(MORE));
        let other = said(text, "As you like");
        let other = other["text"].as_str().unwrap();
        assert!(OPENINGS.iter().any(|opening| other.starts_with(opening)), "{other}");
        let third = said(&serde_json::to_string(other).unwrap(), "Again");
        assert_eq!(third["text"].as_str().unwrap().matches(": ").count(), 1, "one opening at a time");
        let topic = said(&format!("Heading: Tea\nSources: 2, 3\n{text}"), "short");
        assert_eq!(
            (topic["heading"].as_str(), topic["body"].as_str()),
            (Some("Tea"), Some("One is here. Two is here."))
        );
        assert_eq!(topic["sources"], json!([2, 3]));
        assert!(part_in("Write about a <part> of it.").is_none());
    }
}
