//! What the demo models write: the writer's texts and JSON, the coder's files, the chat's answers. Pure: the same
//! request always gets the same words.

use super::newsletter::{items_in, newsletter, topics_wanted};
use super::outreach::{mail, prospect_in};
use super::request::Asked;
use super::revise::{part_in, revise};
use super::schema;
use super::topic;
use super::words::{Die, clip, plain, upper_first};

/// A subject is quoted in sentences, so it stays short.
const SUBJECT_CHARS_MAX: usize = 80;
/// How much of the user's message the chat model quotes.
const QUOTE_CHARS_MAX: usize = 160;

/// The writer: a newsletter where the prompt lists items, JSON where a shape is asked for, else a text of a few paragraphs.
pub(crate) fn write(asked: &Asked) -> String {
    let prompt = asked.prompt();
    if let Some(part) = part_in(&prompt) {
        return revise(&part, &mut Die::new(asked.seed())).to_string();
    }
    if let Some(items) = items_in(&prompt) {
        return newsletter(&prompt, &items, asked.seed()).to_string();
    }
    let subject = subject(asked.last_user_text());
    let mut die = Die::new(asked.seed());
    if let Some(prospect) = prospect_in(&prompt) {
        return mail(&prospect, &mut die).to_string();
    }
    if topic::wanted(&prompt) {
        return topic::newsletter(&subject, topics_wanted(&prompt, usize::MAX), &mut die).to_string();
    }
    match &asked.schema {
        Some(wanted) => schema::instance(wanted, &subject, &mut die).to_string(),
        None => essay(&subject, &mut die),
    }
}

/// What a prompt is about, as far as it says so plainly.
pub(crate) fn subject(prompt: &str) -> String {
    let labels = ["The newsletter is about:", "Topic:", "Subject:", "Theme:", "About:"];
    let labelled = prompt.lines().find_map(|line| labels.iter().find_map(|label| line.trim().strip_prefix(label)));
    let text = plain(labelled.unwrap_or(prompt));
    let about = [" about ", " on the subject of ", " regarding "].iter().find_map(|word| text.split_once(word));
    let tail = about.filter(|_| labelled.is_none()).map_or(text.as_str(), |(_, tail)| tail);
    let end = tail.find(['.', '!', '?', ';', '\n']).unwrap_or(tail.len());
    let subject = clip(tail[..end].trim_matches(['"', ' ', ':']), SUBJECT_CHARS_MAX);
    if subject.is_empty() { "a blank page".to_owned() } else { subject }
}

fn essay(subject: &str, die: &mut Die) -> String {
    let name = upper_first(subject);
    let open = die.pick(&[
        "Most people meet {s} by accident, and stay because it turns out to be more interesting than it looked.",
        "There are two ways to start with {s}: read everything first, or begin small and read as you go. The second one usually wins.",
        "Ask three people about {s} and you get four opinions. Underneath, they agree on more than they think.",
    ]);
    let middle = die.pick(&[
        "What matters first is a clear question. With {s} it is tempting to collect tools, tips and lists before knowing \
         what they are for. A single sentence that says what you want to be different in a month does more than any of them.",
        "The useful part is smaller than the whole. A handful of habits carries nearly everything in {s}; the rest is \
         detail that can wait until somebody misses it.",
        "Good work here is mostly patience. Progress with {s} comes in steps that look like nothing on the day and like \
         a great deal after a season.",
    ]);
    let turn = die.pick(&[
        "It also helps to write things down. Notes make the second attempt cheaper than the first, and they are the \
         only honest way to see what changed.",
        "Company helps, too. Someone who is one step ahead explains better than an expert, because they still remember \
         what was hard.",
        "And it is fine to stop. Half of what is started can be dropped without loss once it has shown what it had to show.",
    ]);
    let close = die.pick(&[
        "So: one question, one habit, one page of notes. That is enough to begin with {s} this week.",
        "Start with the smallest version that is still real, and let {s} grow from there.",
        "If you take one thing along, take this: {s} rewards those who begin before they feel ready.",
    ]);
    [&format!("# {name}"), open, middle, turn, close].map(|part| part.replace("{s}", subject)).join("\n\n")
}

/// A short friendly answer that quotes what was said.
pub(crate) fn chat(asked: &Asked) -> String {
    let mut die = Die::new(asked.seed());
    let said = clip(&plain(asked.last_user_text()), QUOTE_CHARS_MAX);
    let open = die.pick(&["Thanks for asking!", "Good question.", "Happy to help."]);
    let close = die.pick(&[
        "Tell me a little more and I can be more precise.",
        "Shall we look at one part of it together?",
        "What would a good outcome look like for you?",
    ]);
    if said.is_empty() {
        return format!("{open} Your message was empty, so there is nothing for me to go on yet. {close}");
    }
    let advice = die.pick(&[
        "The short answer is to start small, see what happens, and change one thing at a time.",
        "I would begin with the part that is easiest to check, and leave the rest for when that works.",
        "There is more than one good way; the simplest one that you will really do is usually the right one.",
    ]);
    format!("{open} You wrote: “{said}” {advice} {close}")
}

/// Two small files, back end and front end, in fenced blocks.
pub(crate) fn code(asked: &Asked) -> String {
    let subject = subject(asked.last_user_text());
    let title = upper_first(&subject).replace(['<', '>', '&', '"', '\'', '\\', '{', '}'], " ");
    let backend = format!(
        "```python\n# app.py - {title}\nfrom flask import Flask, jsonify, request\n\napp = Flask(__name__)\nitems = []\n\n\n\
         @app.get(\"/api/items\")\ndef list_items():\n    return jsonify(items)\n\n\n\
         @app.post(\"/api/items\")\ndef add_item():\n    text = (request.get_json(silent=True) or {{}}).get(\"text\", \"\").strip()\n    \
         if not text:\n        return jsonify(error=\"text is required\"), 422\n    \
         items.append({{\"id\": len(items) + 1, \"text\": text}})\n    return jsonify(items[-1]), 201\n\n\n\
         if __name__ == \"__main__\":\n    app.run(port=5000)\n```"
    );
    let frontend = format!(
        "```html\n<!doctype html>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<h1>{title}</h1>\n<form id=\"new\">\n  \
         <input name=\"text\" aria-label=\"New entry\" required>\n  <button>Add</button>\n</form>\n<ul id=\"list\"></ul>\n<script>\n  \
         async function show() {{\n    const items = await (await fetch(\"/api/items\")).json();\n    \
         list.replaceChildren(...items.map((item) => Object.assign(document.createElement(\"li\"), {{ textContent: item.text }})));\n  }}\n  \
         document.getElementById(\"new\").onsubmit = async (event) => {{\n    event.preventDefault();\n    \
         const text = event.target.text.value;\n    await fetch(\"/api/items\", {{ method: \"POST\", \
         headers: {{ \"content-type\": \"application/json\" }}, body: JSON.stringify({{ text }}) }});\n    \
         event.target.reset();\n    await show();\n  }};\n  show();\n</script>\n```"
    );
    format!("Here is a small app for {subject}: a back end and a page that uses it.\n\n{backend}\n\n{frontend}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_found_in_ordinary_prompts() {
        let cases = [
            ("Write a newsletter about keeping bees. Make it short.", "keeping bees"),
            ("You are kind.\nTopic: Rust at work\nLength: 3", "Rust at work"),
            ("sourdough", "sourdough"),
            ("", "a blank page"),
        ];
        for (prompt, wanted) in cases {
            assert_eq!(subject(prompt), wanted);
        }
    }

    #[test]
    fn the_writer_gives_several_paragraphs_on_the_subject() {
        let asked =
            Asked::read(br#"{"model":"writer","messages":[{"role":"user","content":"Write about bees."}]}"#).unwrap();
        let text = write(&asked);
        assert!(text.starts_with("# Bees\n\n"), "{text}");
        assert!(text.split("\n\n").count() >= 4 && text.matches("bees").count() >= 2, "{text}");
        assert_eq!(text, write(&asked));
    }

    #[test]
    fn a_newsletter_without_items_is_written_about_its_topic() {
        let prompt = "Topics: 3\nThe newsletter is about: tea\n<items>\n</items>\nAnswer as {\"conclusion\": ...}";
        let body = serde_json::json!({ "model": "writer", "messages": [{ "role": "user", "content": prompt }] });
        let body = body.to_string();
        let answer: serde_json::Value = serde_json::from_str(&write(&Asked::read(body.as_bytes()).unwrap())).unwrap();
        assert_eq!(answer["topics"].as_array().map(Vec::len), Some(3));
        assert!(answer["title"].as_str().unwrap().starts_with("Tea"), "{answer}");
    }

    #[test]
    fn the_coder_gives_two_fenced_files() {
        let asked =
            Asked::read(br#"{"model":"coder","messages":[{"role":"user","content":"an app about tea"}]}"#).unwrap();
        let text = code(&asked);
        assert_eq!(text.matches("```").count(), 4);
        assert!(
            text.contains("```python\n# app.py - Tea") && text.contains("return jsonify(items[-1]), 201"),
            "{text}"
        );
    }
}
