//! Markdown made plain: the marks go, the words stay. For mail bodies, previews and word counts; HTML is made elsewhere.

use std::borrow::Cow;

/// The text without headings' hashes, quotes' arrows, emphasis and code marks; links as `words (address)`.
pub(super) fn plain(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    for line in markdown.lines() {
        text.push_str(&plain_line(line));
        text.push('\n');
    }
    text.trim().to_owned()
}

fn plain_line(line: &str) -> Cow<'_, str> {
    let mut rest = line.trim_end();
    while let Some(quoted) = rest.strip_prefix('>') {
        rest = quoted.trim_start();
    }
    let hashes = rest.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=6).contains(&hashes) && rest[hashes..].starts_with(' ') {
        rest = rest[hashes..].trim_start();
    }
    if rest.starts_with("```") || (rest.len() >= 3 && rest.bytes().all(|byte| byte == b'-')) {
        return Cow::Borrowed("");
    }
    // Most lines carry no marks at all.
    if rest.bytes().any(|byte| matches!(byte, b'*' | b'_' | b'`' | b'[' | b'\\')) {
        Cow::Owned(without_marks(&unlink(rest)))
    } else {
        Cow::Borrowed(rest)
    }
}

/// `[words](address)` becomes `words (address)`; anything that only looks like it stays.
fn unlink(line: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(line.len()), line);
    while let Some(open) = rest.find('[') {
        out.push_str(&rest[..open]);
        let inside = &rest[open + 1..];
        let link = inside.split_once("](").and_then(|(words, tail)| {
            let (address, after) = tail.split_once(')')?;
            let plain = !words.contains('[') && !address.contains(char::is_whitespace);
            plain.then_some((words, address, after))
        });
        match link {
            Some((words, address, after)) => {
                // An image's exclamation mark goes with its brackets.
                if out.ends_with('!') {
                    out.pop();
                }
                out.push_str(&format!("{words} ({address})"));
                rest = after;
            }
            None => {
                out.push('[');
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    out
}

fn without_marks(line: &str) -> String {
    let mut out = line.replace("**", "").replace("__", "").replace('`', "");
    for mark in ["\\[", "\\]", "\\*", "\\_", "\\\\"] {
        out = out.replace(mark, &mark[1..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_words_stay() {
        for (markdown, text) in [
            ("## A **bold** move", "A bold move"),
            ("> quoted `code`", "quoted code"),
            ("see [the post](https://example.com/a) now", "see the post (https://example.com/a) now"),
            ("![a chart](https://example.com/c.png)", "a chart (https://example.com/c.png)"),
            ("#hashtag and array[0] (sic)", "#hashtag and array[0] (sic)"),
            ("a\n\n---\n\nb", "a\n\n\n\nb"),
            ("- item [unfinished](", "- item [unfinished]("),
            ("[C\\] draft](https://example.com)", "C] draft (https://example.com)"),
        ] {
            assert_eq!(plain(markdown), text);
        }
    }
}
