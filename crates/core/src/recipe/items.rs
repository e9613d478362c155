//! The items of an input - the articles a newsletter rests on - as recipes with an `items` property know them. It only
//! reads; an item's number is its place in the input, from 1, and is what sources refer to.

use serde_json::Value;

use super::output::Source;
use crate::Timestamp;

/// Items taken into account; the input schema of a recipe may allow fewer.
pub const ITEMS_MAX: usize = 1_000;

/// One item of `input.items`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item<'v> {
    /// Its place in the input, from 1.
    pub number: usize,
    pub title: String,
    pub link: Option<&'v str>,
    pub text: Option<&'v str>,
    pub published_at: Option<Timestamp>,
    /// Of one that came from a source.
    pub id: Option<&'v str>,
}

/// The items of an input, in its order. An input without `items` has none; blank texts and links count as absent.
pub fn read(input: &Value) -> Vec<Item<'_>> {
    let entries = input.get("items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    entries.iter().take(ITEMS_MAX).enumerate().map(|(index, entry)| item(index + 1, entry)).collect()
}

fn item(number: usize, entry: &Value) -> Item<'_> {
    let text_of = |key: &str| {
        let text = entry.get(key).and_then(Value::as_str)?.trim();
        (!text.is_empty()).then_some(text)
    };
    Item {
        number,
        title: text_of("title").map_or_else(|| format!("Item {number}"), one_line),
        link: text_of("link"),
        text: text_of("text"),
        id: text_of("id"),
        // The schema refuses a malformed time; here it only decides an order, so an unreadable one counts as absent.
        published_at: text_of("published_at").and_then(|text| text.parse().ok()),
    }
}

impl Item<'_> {
    pub fn source(&self) -> Source {
        Source {
            number: self.number,
            title: self.title.clone(),
            link: self.link.map(str::to_owned),
            id: self.id.map(str::to_owned),
        }
    }
}

/// Newest first; items without a time follow in the input's order.
pub fn newest_first(mut items: Vec<Item<'_>>) -> Vec<Item<'_>> {
    items.sort_by_key(|item| std::cmp::Reverse(item.published_at));
    items
}

/// Every run of white space as one space.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `chars_max` characters; a longer text ends at a word with an ellipsis.
pub fn cut(text: &str, chars_max: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(chars_max) else {
        return text.to_owned();
    };
    // One character less than the limit, so that the ellipsis has room.
    let room = text[..end].char_indices().last().map_or(0, |(start, _)| start);
    let head = &text[..room];
    let at_word = head.rfind(char::is_whitespace).filter(|at| *at * 2 > head.len()).unwrap_or(head.len());
    format!("{}…", head[..at_word].trim_end_matches(|c: char| c.is_whitespace() || c == ',' || c == ';'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_keep_the_number_of_their_place() {
        let input = json!({"items": [{"title": "A\nb"}, {"title": " ", "text": " "}, 7]});
        let items = read(&input);
        assert_eq!(items.iter().map(|item| item.number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(items[0].title, "A b");
        assert_eq!((items[1].title.as_str(), &items[1].text), ("Item 2", &None));
    }

    #[test]
    fn newest_items_come_first_and_undated_ones_last() {
        let input = json!({"items": [
            {"title": "undated"},
            {"title": "old", "published_at": "2026-11-01T08:00:00+01:00"},
            {"title": "new", "published_at": "2026-11-01T08:00:00Z"},
        ]});
        let titles: Vec<_> = newest_first(read(&input)).into_iter().map(|item| item.title).collect();
        assert_eq!(titles, ["new", "old", "undated"]);
    }

    #[test]
    fn a_cut_text_never_exceeds_its_limit_and_ends_at_a_word() {
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut("one two three four", 12), "one two…");
        assert_eq!(cut("ééééééé", 4), "ééé…");
        assert_eq!(cut("ab", 0), "…");
    }
}
