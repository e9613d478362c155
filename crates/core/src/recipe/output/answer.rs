//! Finding the JSON object in what a model said. Models wrap it in code fences, in prose, in a block of reasoning, and
//! write raw line breaks inside strings; all of that is tolerated. An object that does not end is never guessed at.

use std::borrow::Cow;

use serde_json::Value;

use super::WhyNot;

/// The answer without the reasoning some models put before it. A block that never ends means a cut answer.
pub(super) fn without_reasoning(answer: &str) -> Result<&str, WhyNot> {
    let answer = answer.trim_start_matches('\u{feff}').trim();
    let Some(rest) = answer.strip_prefix("<think>") else {
        return Ok(answer);
    };
    match rest.split_once("</think>") {
        Some((_, said)) => Ok(said.trim()),
        None => Err(WhyNot::Unparsable { what: "it ends inside the model's reasoning".to_owned() }),
    }
}

/// The outermost JSON object of an answer.
pub(super) fn json_object(answer: &str) -> Result<Value, WhyNot> {
    let mut rest = without_reasoning(answer)?;
    if rest.is_empty() {
        return Err(WhyNot::Unparsable { what: "it is empty".to_owned() });
    }
    let mut first_error = None;
    while let Some(start) = rest.find('{') {
        let Some(object) = Object::at(&rest[start..]) else {
            return Err(WhyNot::Unparsable { what: "it ends in the middle of the JSON".to_owned() });
        };
        match serde_json::from_str::<Value>(&object.json) {
            Ok(value) => return Ok(value),
            // Braces in prose are skipped; the reason kept is that of the first candidate that looks like JSON.
            Err(error) => {
                let looks_like_json = object.json.contains('"');
                first_error = first_error.or_else(|| looks_like_json.then(|| error.to_string()));
            }
        }
        rest = &rest[start + object.bytes..];
    }
    let what = match first_error {
        Some(error) => format!("its JSON is broken: {error}"),
        None => "it holds no JSON object".to_owned(),
    };
    Err(WhyNot::Unparsable { what })
}

/// A balanced `{...}`, with raw control characters inside strings escaped as JSON wants them.
struct Object<'t> {
    json: Cow<'t, str>,
    /// How much of the text it takes.
    bytes: usize,
}

impl<'t> Object<'t> {
    /// The object that starts at the first character of `text`; `None` when it never ends.
    fn at(text: &'t str) -> Option<Object<'t>> {
        let (mut depth, mut in_string, mut escaped, mut raw_controls) = (0usize, false, false, false);
        for (index, byte) in text.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                0x00..=0x1f if in_string => raw_controls = true,
                _ if in_string => {}
                b'{' => depth += 1,
                b'}' => {
                    depth -= 1;
                    if depth == 0 {
                        let bytes = index + 1;
                        let found = &text[..bytes];
                        let json = if raw_controls { escape_controls(found).into() } else { found.into() };
                        return Some(Object { json, bytes });
                    }
                }
                _ => {}
            }
        }
        None
    }
}

fn escape_controls(json: &str) -> String {
    let (mut out, mut in_string, mut escaped) = (String::with_capacity(json.len() + 16), false, false);
    for c in json.chars() {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '\\' if in_string && !was_escaped => escaped = true,
            '"' if !was_escaped => in_string = !in_string,
            '\0'..='\x1f' if in_string && !was_escaped => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_found_in_whatever_surrounds_it() {
        let wanted = json!({"a": "b {c} \" d"});
        let object = r#"{"a": "b {c} \" d"}"#;
        for answer in [
            object.to_owned(),
            format!("```json\n{object}\n```"),
            format!("```\n{object}\n```\nHope that helps {{smile}}!"),
            format!("Here is your {{newsletter}}:\n\n{object}\n\nAnything else?"),
            format!("<think>a {{ }} {object}</think>\n{object}"),
            format!("\u{feff} {object}"),
        ] {
            assert_eq!(json_object(&answer), Ok(wanted.clone()), "{answer}");
        }
    }

    #[test]
    fn raw_line_breaks_inside_strings_are_forgiven() {
        assert_eq!(json_object("{\"a\": \"b\nc\td\\n\"}"), Ok(json!({"a": "b\nc\td\n"})));
    }

    #[test]
    fn what_is_not_a_whole_object_says_why() {
        let why = |answer: &str| json_object(answer).unwrap_err().to_string();
        assert!(why("").contains("it is empty"));
        assert!(why("I am sorry, I cannot help with that.").contains("no JSON object"));
        assert!(why("[1, 2]").contains("no JSON object"));
        assert!(why("{\"a\": [{\"b\": 1}").contains("ends in the middle"));
        assert!(why("{\"a\": \"b").contains("ends in the middle"));
        assert!(why("<think>hm").contains("inside the model's reasoning"));
        assert!(why("{\"a\": 1,}").contains("its JSON is broken"));
    }
}
