//! Small tools on text for the demo models: a stable hash, a die that always falls the same way, sentences, key words.
//! Nothing here is random and nothing depends on the machine.

use std::collections::BTreeSet;

/// FNV-1a, 64 bits: stable across versions and machines, which the standard library's hasher does not promise.
pub(crate) fn hash(parts: &[&str]) -> u64 {
    let mut state: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        // The separator keeps ("ab", "c") apart from ("a", "bc").
        for byte in part.bytes().chain([0xff]) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    state
}

/// A die whose throws follow from its seed alone (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Die(u64);

impl Die {
    pub fn new(seed: u64) -> Die {
        Die(seed)
    }
    /// A number below `sides`; 0 when there is none.
    pub fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides.max(1) as u64) as usize
    }
    pub fn pick<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices.get(self.throw(choices.len())).copied().unwrap_or_default()
    }
}

/// Tokens as the demo provider counts them: a quarter of the bytes, rounded up.
pub(crate) fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}

/// One line of plain text: tags dropped, the usual entities read, white space single.
pub(crate) fn plain(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        kept.push_str(&rest[..at]);
        let is_tag = rest[at + 1..].starts_with(|next: char| next.is_ascii_alphabetic() || next == '/' || next == '!');
        match rest[at..].find('>').filter(|_| is_tag) {
            Some(end) => {
                kept.push(' ');
                rest = &rest[at + end + 1..];
            }
            None => {
                kept.push('<');
                rest = &rest[at + 1..];
            }
        }
    }
    kept.push_str(rest);
    let entities = [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    let read = entities.iter().fold(kept, |text, (entity, letter)| text.replace(entity, letter));
    read.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The sentences of a text, each with its end mark. A last piece without one counts when it is long enough to be one.
pub(crate) fn sentences(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut found = Vec::new();
    let mut from = 0;
    for (at, word) in words.iter().enumerate() {
        let ends = word.trim_end_matches(['"', '”', '’', ')']).ends_with(['.', '!', '?']) && !is_abbreviation(word);
        let next_starts = words.get(at + 1).is_none_or(|next| !next.starts_with(|c: char| c.is_lowercase()));
        if ends && next_starts {
            found.push(words[from..=at].join(" "));
            from = at + 1;
        }
    }
    if words.len() >= from + 5 {
        let rest = words[from..].join(" ");
        found.push(format!("{}.", rest.trim_end_matches(['…', '.', ',', ';', ':', '-', '–', ' '])));
    }
    found
}

fn is_abbreviation(word: &str) -> bool {
    const KNOWN: [&str; 10] = ["Mr.", "Mrs.", "Ms.", "Dr.", "St.", "vs.", "e.g.", "i.e.", "No.", "Inc."];
    let single_letter = word.len() == 2 && word.starts_with(char::is_uppercase);
    KNOWN.contains(&word) || single_letter
}

/// At most `chars_max` characters, cut at a word, without a trailing comma or dash.
pub(crate) fn clip(text: &str, chars_max: usize) -> String {
    let text = text.trim();
    let Some((end, _)) = text.char_indices().nth(chars_max) else { return text.to_owned() };
    let head = &text[..end];
    let at = head.rfind(char::is_whitespace).unwrap_or(end);
    let mut clipped =
        head[..at].trim_end_matches(|c: char| !c.is_alphanumeric() && !matches!(c, ')' | '”' | '%')).to_owned();
    // A title that ends in "with the" reads as broken.
    while let Some((before, last)) = clipped.rsplit_once(' ') {
        if !is_stop_word(&last.to_lowercase()) {
            break;
        }
        clipped = before.to_owned();
    }
    clipped
}

pub(crate) fn upper_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// The words that say what a text is about, in lower case, a plural with its singular's stem.
pub(crate) fn key_words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.filter(|word| word.chars().count() >= 4 && !is_stop_word(word)).map(|word| stem(&word)).collect()
}

fn stem(word: &str) -> String {
    let plural = word.len() > 4 && word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us");
    if plural { word[..word.len() - 1].to_owned() } else { word.to_owned() }
}

pub(crate) fn is_stop_word(word: &str) -> bool {
    const STOP: &str = " a an the of to in on at by for with and or but from as is are was were be been its it this that \
        these those into over under after before about your their them they our his her how why what when where who \
        which than then more most less very just also have has had will would could should can may might not new says \
        said make made makes using used uses with without between during while because through only even some such \
        many much other others first last week year years month today here there all any each out off up down you we \
        year time back long well still being does doing done ";
    STOP.split_whitespace().any(|stop| stop == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one_and_keeps_parts_apart() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
        assert_eq!(hash(&[]), 0xcbf2_9ce4_8422_2325);
    }

    #[test]
    fn tags_and_entities_do_not_reach_the_text() {
        assert_eq!(plain("<p>A &amp; B</p>\n<br/> 1 < 2  ok"), "A & B 1 < 2 ok");
    }

    #[test]
    fn sentences_end_at_end_marks_and_not_at_abbreviations_or_versions() {
        let text = "Dr. Lee shipped 4.2 today. It is fast! \"Is it?\" asked one. and a last piece that was cut off…";
        let found = sentences(text);
        assert_eq!(found[0], "Dr. Lee shipped 4.2 today.");
        assert_eq!(found[1], "It is fast!");
        assert!(found.last().unwrap().ends_with("was cut off."), "{found:?}");
    }

    #[test]
    fn a_clipped_title_ends_at_a_word_that_can_end_it() {
        assert_eq!(clip("A short one", 40), "A short one");
        assert_eq!(clip("The harbour opens with the big ferry", 28), "The harbour opens");
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
