//! `copydesk explain`: the page of an error code, out of the program itself. It reads no settings and asks no server, so
//! that it also helps where those are what is wrong.

use crate::exit::{self, Failure};
use crate::output::{Output, Table};
use copydesk_api::{Code, codes, near_codes, page};
use serde_json::{Value, json};

/// Fits every terminal. Units: characters.
const COLUMNS: usize = 80;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The code in `error[CODE]` or in an answer's `code`; without it all codes are listed
    code: Option<String>,
}

pub fn run(arguments: &Arguments, output: Output) -> Result<u8, Failure> {
    match &arguments.code {
        Some(word) => explain(word, output),
        None => list(output),
    }
    .map(|()| exit::OK)
}

fn explain(word: &str, output: Output) -> Result<(), Failure> {
    let word = word.trim().to_lowercase();
    let Some(code) = Code::parse(&word) else {
        let near: Vec<&str> = near_codes(&word).into_iter().map(Code::as_str).collect();
        let hint = match near.as_slice() {
            [] => "`copydesk explain` lists all codes".to_owned(),
            near => format!("did you mean {}?", near.join(", ")),
        };
        let shown: String = word.chars().take(80).collect();
        return Err(Failure::new(exit::NOT_FOUND, "not_found", format!("There is no code {shown:?}.")).hint(hint));
    };
    if output.json {
        let mut body = facts(code);
        body["page"] = page(code).into();
        output.object(&body);
    } else {
        output.data(&plain(page(code)));
    }
    Ok(())
}

fn list(output: Output) -> Result<(), Failure> {
    if output.json {
        let data: Vec<Value> = codes().iter().map(|code| facts(*code)).collect();
        output.object(&json!({ "object": "list", "data": data }));
        return Ok(());
    }
    let row =
        |code: &Code| vec![code.as_str().to_owned(), code.facts().status.to_string(), code.facts().title.to_owned()];
    output.table(Table { headings: &["CODE", "HTTP", "WHAT"], rows: codes().iter().map(row).collect(), cut: Some(2) });
    output.talk("`copydesk explain CODE` says what happened, what to do, and whether anything is charged.");
    Ok(())
}

fn facts(code: Code) -> Value {
    let facts = code.facts();
    json!({ "code": code.as_str(), "status": facts.status, "title": facts.title, "retryable": facts.retryable })
}

/// Markdown as a terminal shows it: headings bare, paragraphs wrapped.
fn plain(markdown: &str) -> String {
    let blocks = markdown.split("\n\n").map(|block| wrapped(block.trim_start_matches('#').trim()));
    blocks.collect::<Vec<_>>().join("\n\n")
}

fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + 1 + word.chars().count() > COLUMNS {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_fits_a_terminal() {
        for code in codes() {
            let text = plain(page(*code));
            assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
            assert!(text.contains("What to do\n\n") && !text.contains('#'), "{text}");
        }
    }
}
