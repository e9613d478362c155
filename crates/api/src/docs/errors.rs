//! The pages of the error codes: one each, and all of them in a list.

use super::frame::Page;
use super::markdown::{blocks, inline};
use crate::error::{Code, codes};
use crate::pages::page;

const HERE: &str = "/docs/errors";

/// Every code by its HTTP status.
pub(crate) fn index() -> Page {
    let mut sorted: Vec<Code> = codes().to_vec();
    sorted.sort_by_key(|code| (code.facts().status, code.as_str()));
    let rows: String = sorted.iter().map(|code| row(*code)).collect();
    let main = format!(
        "<h1>Error codes</h1>\n<p class=\"lead\">A code is stable for ever: programs look at it, people look it up here. Every \
         refusal carries one in <code>code</code>, with a sentence, a hint, and whether sending it again may help. The same \
         words stand in the <code>error</code> of a generation that failed.</p>\n\
         <p>At a terminal: <code>copydesk explain CODE</code>.</p>\n<ul class=\"codes\">{rows}</ul>\n"
    );
    Page::html("Error codes - Copydesk", HERE, "", &main)
}

fn row(code: Code) -> String {
    let facts = code.facts();
    let again = if facts.retryable { "<span class=\"tag again\">try again</span>" } else { "" };
    format!(
        "<li><a href=\"{HERE}/{word}\"><span class=\"status s{}\">{}</span><code>{word}</code><span class=\"what\">{}</span>{again}</a></li>\n",
        facts.status / 100,
        facts.status,
        inline(facts.title),
        word = code.as_str(),
    )
}

/// The page of one code.
pub(crate) fn one(code: Code) -> Page {
    let facts = code.facts();
    let text = page(code);
    let (title, rest) = text.trim_start_matches("# ").split_once('\n').unwrap_or((text, ""));
    let line = format!("Code: `{}`", code.as_str());
    let again =
        if facts.retryable { "Sending it again may help." } else { "Sending it again unchanged will not help." };
    let main = format!(
        "<article class=\"error\">\n<p class=\"crumb\"><a href=\"{HERE}\">Error codes</a></p>\n<h1>{}</h1>\n\
         <p class=\"facts\"><span class=\"status s{}\">{}</span><code>{}</code><span>{again}</span></p>\n{}</article>\n",
        inline(title),
        facts.status / 100,
        facts.status,
        code.as_str(),
        blocks(&rest.replacen(&line, "", 1)),
    );
    Page::html(&format!("{} - Copydesk", code.as_str()), HERE, "", &main)
}
