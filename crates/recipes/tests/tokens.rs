//! What a budget and a hold set aside for a prompt, against a real tokeniser: few characters can be many tokens.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use copydesk_recipes::Shelf;
use serde_json::json;

/// Prompts of each kind.
const EACH: u32 = 10_000;

/// A small generator, so that every run tries the same prompts.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }
    fn below(&mut self, most: u32) -> u32 {
        self.next() % most
    }
    fn letter(&mut self, ranges: &[(u32, u32)]) -> char {
        let (first, last) = ranges[self.below(ranges.len() as u32) as usize];
        char::from_u32(first + self.below(last - first + 1)).unwrap_or('\u{fffd}')
    }
}

/// Where letters come from: what tokenisers know well, and what they take apart into bytes.
const KINDS: [(&str, &[(u32, u32)]); 10] = [
    ("latin", &[(0x20, 0x7e)]),
    ("spaces", &[(0x20, 0x20), (0x09, 0x0a), (0x2000, 0x200a), (0x3000, 0x3000)]),
    ("zero width", &[(0x200b, 0x200f), (0x2060, 0x2064), (0xfeff, 0xfeff), (0xfe00, 0xfe0f)]),
    ("combining", &[(0x61, 0x65), (0x300, 0x36f), (0x20d0, 0x20f0)]),
    ("emoji", &[(0x1f300, 0x1faff), (0x1f3fb, 0x1f3ff), (0x200d, 0x200d)]),
    ("han", &[(0x4e00, 0x9fff), (0x20000, 0x2a6df)]),
    ("old scripts", &[(0x10280, 0x102df), (0x12000, 0x123ff), (0x13000, 0x1342f)]),
    ("private", &[(0xe000, 0xf8ff), (0xf0000, 0xffffd)]),
    ("controls", &[(0x01, 0x1f), (0x7f, 0x9f)]),
    ("all of them", &[(0x20, 0x7e), (0x80, 0x7ff), (0x800, 0xd7ff), (0x10000, 0x10ffff)]),
];

#[test]
fn s18_no_prompt_has_more_tokens_than_are_set_aside_for_it() {
    let shelf = Shelf::built_in().unwrap();
    let recipe = shelf.get("text").unwrap();
    let tokeniser = tiktoken_rs::o200k_base().unwrap();
    let mut dice = Dice(18);
    let mut densest: f64 = 0.0;
    for (kind, ranges) in KINDS {
        for _ in 0..EACH {
            let prompt: String = (0..=dice.below(40)).map(|_| dice.letter(ranges)).collect();
            let input = json!({ "prompt": prompt });
            let most = recipe.prompt_tokens_max(0, &input);
            let Ok(messages) = recipe.render_step(0, &input, &[]) else { continue };
            let real: usize = messages.iter().map(|message| tokeniser.encode_ordinary(&message.text).len()).sum();
            assert!(real as u64 <= most, "{kind}: {real} tokens, {most} set aside: {prompt:?}");
            densest = densest.max(real as f64 / prompt.chars().count() as f64);
        }
    }
    assert!(densest > 3.0, "some prompt has several tokens for each letter: {densest}");
}
