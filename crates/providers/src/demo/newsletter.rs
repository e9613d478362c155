//! The demo writer's newsletter: reads the items a prompt lists and writes an issue about them from their own words. It
//! invents no fact: every sentence about an item comes from that item.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::words::{Die, clip, key_words, listed, plain, sentences, upper_first};

const HEADING_CHARS_MAX: usize = 72;
/// No article holds more.
const TOPICS_MAX: usize = 10;
const TOPICS_USUAL_MAX: usize = 5;
const TOPICS_USUAL_MIN: usize = 3;
/// Items told in one topic; further ones are left out, as an editor would.
const ITEMS_PER_TOPIC_MAX: usize = 6;
/// Longer sentences are clipped: a feed may hold a whole article in one.
const SENTENCE_CHARS_MAX: usize = 320;

/// One listed item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Item {
    pub number: usize,
    pub title: String,
    pub link: Option<String>,
    pub text: String,
}

/// The items between `<items>` and `</items>`; `None` when the prompt lists none. A prompt may also talk about the two
/// words, so the first section that really holds items is taken.
pub(crate) fn items_in(prompt: &str) -> Option<Vec<Item>> {
    let sections = prompt.split("<items>").skip(1);
    sections
        .filter_map(|rest| rest.split_once("</items>"))
        .map(|(section, _)| items(section))
        .find(|items| !items.is_empty())
}

fn items(section: &str) -> Vec<Item> {
    let mut found: Vec<Item> = Vec::new();
    for line in section.lines().map(str::trim) {
        if let Some((number, title)) = numbered(line) {
            found.push(Item { number, title: clean_title(title, number), link: None, text: String::new() });
        } else if let Some(item) = found.last_mut() {
            let is_link = item.text.is_empty() && item.link.is_none() && line.contains("://") && !line.contains(' ');
            if is_link {
                item.link = Some(line.to_owned());
            } else if !line.is_empty() {
                item.text.push_str(line);
                item.text.push(' ');
            }
        }
    }
    for item in &mut found {
        item.text = plain(&item.text);
    }
    found
}

fn numbered(line: &str) -> Option<(usize, &str)> {
    let (number, title) = line.strip_prefix('[')?.split_once(']')?;
    Some((number.parse().ok()?, title.trim()))
}

fn clean_title(title: &str, number: usize) -> String {
    let title = plain(title);
    // "Story - The Site" and "Story | The Site": the site is not part of the story.
    let cut = [" | ", " - ", " — "].iter().find_map(|dash| title.rsplit_once(dash));
    let kept = cut
        .filter(|(story, site)| story.len() > 20 && site.split(' ').count() <= 4)
        .map_or(title.as_str(), |(story, _)| story);
    let kept = kept.trim_end_matches(['.', ' ']);
    if kept.is_empty() { format!("Item {number}") } else { kept.to_owned() }
}

/// How many topics to write: as many as a line `Topics: N` says, else what suits the items, at most `"max_topics": N`.
pub(crate) fn topics_wanted(prompt: &str, items: usize) -> usize {
    let number_after = |text: &str| {
        let digits: String =
            text.trim_start_matches([' ', ':', '"']).chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<usize>().ok().filter(|number| *number > 0)
    };
    let usual = items.div_ceil(2).clamp(TOPICS_USUAL_MIN, TOPICS_USUAL_MAX);
    let exactly = prompt.lines().find_map(|line| number_after(line.trim().strip_prefix("Topics:")?));
    let at_most = prompt.split("\"max_topics\"").nth(1).and_then(number_after);
    exactly.unwrap_or(usual).min(at_most.unwrap_or(TOPICS_MAX)).min(TOPICS_MAX).min(items)
}

/// The whole answer, as JSON.
pub(crate) fn newsletter(prompt: &str, items: &[Item], seed: u64) -> Value {
    let mut die = Die::new(seed);
    let wanted = topics_wanted(prompt, items.len());
    let groups = grouped(items, wanted);
    let told: Vec<&Item> = groups.iter().flatten().copied().collect();
    let headings: Vec<String> = groups.iter().map(|group| heading(group)).collect();
    let topics: Vec<Value> = groups
        .iter()
        .zip(&headings)
        .map(|(group, heading)| {
            let sources: Vec<usize> = group.iter().map(|item| item.number).collect();
            json!({"heading": heading, "body": body(group, &mut die), "sources": sources})
        })
        .collect();
    json!({
        "title": title(prompt, &headings, told.len()),
        "intro": intro(&groups, &told, &mut die),
        "topics": topics,
        "conclusion": conclusion(&groups, &mut die),
    })
}

/// Puts items that share key words together, into `wanted` groups of at most [`ITEMS_PER_TOPIC_MAX`].
fn grouped(items: &[Item], wanted: usize) -> Vec<Vec<&Item>> {
    let words: Vec<BTreeSet<String>> = items.iter().map(|item| key_words(&item.title)).collect();
    let shared = |a: usize, b: usize| words[a].intersection(&words[b]).count();
    // Leads are as unlike each other as can be had; among equals the earlier item wins.
    let mut leads: Vec<usize> = Vec::new();
    while leads.len() < wanted.min(items.len()) {
        let likeness = |at: &usize| leads.iter().map(|lead| shared(*at, *lead)).sum::<usize>();
        let free = (0..items.len()).filter(|at| !leads.contains(at));
        let Some(next) = free.min_by_key(likeness) else { break };
        leads.push(next);
    }
    leads.sort_unstable();
    let mut groups: Vec<Vec<usize>> = leads.iter().map(|lead| vec![*lead]).collect();
    let room = items.len().div_ceil(groups.len().max(1)).saturating_add(1).min(ITEMS_PER_TOPIC_MAX);
    for at in (0..items.len()).filter(|at| !leads.contains(at)) {
        let open = groups.iter_mut().filter(|group| group.len() < room);
        let Some(group) = open.max_by_key(|group| (shared(at, group[0]), std::cmp::Reverse(group.len()))) else {
            break;
        };
        group.push(at);
    }
    groups.into_iter().map(|group| group.into_iter().map(|at| &items[at]).collect()).collect()
}

fn heading(group: &[&Item]) -> String {
    group.first().map_or_else(String::new, |lead| upper_first(&clip(&lead.title, HEADING_CHARS_MAX)))
}

fn body(group: &[&Item], die: &mut Die) -> String {
    let mut paragraphs = Vec::new();
    for (place, item) in group.iter().enumerate() {
        let told: Vec<String> = sentences(&item.text).into_iter().filter(|text| is_news(text, &item.title)).collect();
        let take = if place == 0 { 3 } else { 2 };
        let told: Vec<String> = told.iter().take(take).map(|text| shortened(text)).collect();
        let lead_in = match place {
            0 => String::new(),
            _ => format!(
                "{}: **{}**. ",
                die.pick(&["Also in this corner", "Close by", "On the same page", "Worth adding"]),
                item.title
            ),
        };
        let text = if told.is_empty() { bare(item, place, die) } else { told.join(" ") };
        paragraphs.push(format!("{lead_in}{text}"));
    }
    paragraphs.join("\n\n")
}

fn shortened(sentence: &str) -> String {
    if sentence.chars().count() <= SENTENCE_CHARS_MAX {
        sentence.to_owned()
    } else {
        format!("{} …", clip(sentence, SENTENCE_CHARS_MAX))
    }
}

/// Feeds repeat their title as the text, or say "Comments" or "Read more" instead of anything.
fn is_news(sentence: &str, title: &str) -> bool {
    let words = sentence.split(' ').count();
    let lower = sentence.to_lowercase();
    let filler = ["read more", "continue reading", "the post ", "article url", "comments url", "click here"];
    words >= 4
        && !filler.iter().any(|text| lower.starts_with(text))
        && !title.eq_ignore_ascii_case(sentence.trim_end_matches('.'))
}

/// What can be said of an item that has a title and nothing else.
fn bare(item: &Item, place: usize, die: &mut Die) -> String {
    let site = item.link.as_deref().and_then(site).map_or_else(String::new, |site| format!(" at {site}"));
    if place == 0 {
        let ending =
            die.pick(&["The source gives little more than its headline; the full piece is", "The whole story is"]);
        format!(
            "“{}” leads this section. {ending}{}.",
            item.title,
            if site.is_empty() { " behind the link" } else { &site }
        )
    } else {
        format!("The details are{}.", if site.is_empty() { " behind the link" } else { &site })
    }
}

fn site(link: &str) -> Option<&str> {
    let host = link.split("://").nth(1)?.split(['/', '?', '#']).next()?;
    let host = host.strip_prefix("www.").unwrap_or(host);
    Some(host).filter(|host| host.contains('.'))
}

fn title(prompt: &str, headings: &[String], items: usize) -> String {
    let lead = headings.first().map_or_else(String::new, |heading| clip(heading, 60));
    let topic = ["Newsletter:", "Topic:", "Theme:", "Subject:"].iter().find_map(|label| {
        let found = prompt.lines().find_map(|line| line.trim().strip_prefix(label))?.trim().trim_matches('"');
        Some(found).filter(|found| !found.is_empty() && found.chars().count() <= 60)
    });
    match (topic, items) {
        (Some(topic), _) => format!("{}: {lead}", upper_first(topic)),
        (None, 0 | 1) => lead,
        (None, 2) => format!("{lead}, and one more story"),
        (None, more) => format!("{lead}, and {} more stories", more - 1),
    }
}

fn intro(groups: &[Vec<&Item>], items: &[&Item], die: &mut Die) -> String {
    let sites: BTreeSet<&str> = items.iter().filter_map(|item| item.link.as_deref().and_then(site)).collect();
    let stories = match items.len() {
        1 => "one story".to_owned(),
        many => format!("{many} stories"),
    };
    let from = match sites.len() {
        0 => String::new(),
        1 => format!(" from {}", sites.iter().copied().collect::<String>()),
        many => format!(" from {many} places"),
    };
    let leads: Vec<String> = groups
        .iter()
        .take(3)
        .filter_map(|group| group.first())
        .map(|item| format!("“{}”", clip(&item.title, 60)))
        .collect();
    let open = die.pick(&["Good to have you here.", "Welcome to a new issue.", "Coffee ready? Here is what happened."]);
    let close = die.pick(&[
        "Each part names its sources, so you can read on.",
        "Short where it can be, with the sources under each part.",
    ]);
    let verb = if items.len() == 1 { "It is about" } else { "Among them:" };
    format!("{open} We picked {stories}{from}. {verb} {}. {close}", listed(&leads))
}

fn conclusion(groups: &[Vec<&Item>], die: &mut Die) -> String {
    let Some(lead) = groups.first().and_then(|group| group.first()) else { return String::new() };
    let title = clip(&lead.title, 70);
    let last = die.pick(&["Until the next issue.", "See you in the next one.", "Thank you for reading."]);
    if groups.len() == 1 {
        return format!("That was “{title}”. {last}");
    }
    let open = die.pick(&[
        "If you open only one link today, let it be",
        "If there is time for one piece only, take",
        "Start with",
    ]);
    format!("{open} “{title}”. {last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(extra: &str, count: usize) -> String {
        let subjects = [
            "Harbour ferry goes electric",
            "City opens a second ferry line",
            "Bees return to the old quarry",
            "Library lends out bicycles",
            "Bicycle lanes reach the harbour",
            "A quarry becomes a lake",
            "Trams run at night",
        ];
        let items: String = (0..count)
            .map(|at| {
                let title = subjects[at % subjects.len()];
                format!("[{}] {title} - The Post\nhttps://news{at}.example/story\n{title} after years of talk. The council voted \
                     7 to 2. Work starts in March, it said.\n\n", at + 1)
            })
            .collect();
        format!("Use the items between <items> and </items>.\n{extra}\n<items>\n{items}</items>\nAnswer in JSON.")
    }

    fn write(prompt: &str) -> Value {
        newsletter(prompt, &items_in(prompt).unwrap(), 1)
    }

    #[test]
    fn the_items_are_read_and_talk_about_them_is_not() {
        let items = items_in(&prompt("", 2)).unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(items[0].title, "Harbour ferry goes electric");
        assert_eq!(items[1].link.as_deref(), Some("https://news1.example/story"));
        assert!(items[0].text.starts_with("Harbour ferry goes electric after years of talk. The council"));
        assert_eq!(items_in("nothing between <items> and </items> here"), None);
    }

    #[test]
    fn every_item_is_a_source_exactly_once() {
        for count in 1..=7 {
            let issue = write(&prompt("", count));
            let topics = issue["topics"].as_array().unwrap();
            let mut sources: Vec<u64> = topics
                .iter()
                .flat_map(|topic| topic["sources"].as_array().unwrap())
                .map(|n| n.as_u64().unwrap())
                .collect();
            sources.sort_unstable();
            assert_eq!(sources, (1..=count as u64).collect::<Vec<_>>());
            assert!(topics.len() <= 5 && topics.len() >= count.min(3), "{count}: {}", topics.len());
            assert!(topics.iter().all(|topic| topic["body"].as_str().unwrap().contains("council voted")));
        }
    }

    #[test]
    fn the_number_of_topics_asked_for_is_respected() {
        assert_eq!(write(&prompt("Topics: 2", 6))["topics"].as_array().unwrap().len(), 2);
        assert_eq!(write(&prompt("Topics: 6", 6))["topics"].as_array().unwrap().len(), 6);
        assert_eq!(write(&prompt("{\"max_topics\": 1}", 6))["topics"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn items_that_share_words_stand_together() {
        let issue = write(&prompt("", 7));
        let together = |a: u64, b: u64| {
            let has = |topic: &Value, n: u64| topic["sources"].as_array().unwrap().contains(&json!(n));
            issue["topics"].as_array().unwrap().iter().any(|topic| has(topic, a) && has(topic, b))
        };
        assert!(together(1, 2) || together(3, 6) || together(4, 5), "{issue:#}");
    }

    #[test]
    fn an_item_without_text_gets_an_honest_sentence() {
        let text = "<items>\n[1] A quiet headline\nhttps://www.a.example/x\n\n</items>";
        let issue = write(text);
        assert!(issue["topics"][0]["body"].as_str().unwrap().contains("a.example"), "{issue:#}");
        assert_eq!(issue["title"], "A quiet headline");
    }

    #[test]
    fn the_same_prompt_gives_the_same_issue() {
        let prompt = prompt("Topic: life by the water", 5);
        assert_eq!(write(&prompt), write(&prompt));
        assert_eq!(write(&prompt)["title"], "Life by the water: Harbour ferry goes electric");
    }
}
