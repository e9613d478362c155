//! The reference: every operation of the document by its noun, then every type.

use super::escaped;
use super::frame::Page;
use super::markdown::{blocks, inline};
use super::operation::Operation;
use super::schema::types;
use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The page of a document.
pub(crate) fn reference(document: &Value) -> Page {
    let tags: Vec<(&str, &str)> = document["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|tag| Some((tag["name"].as_str()?, tag["description"].as_str()?)))
        .collect();
    let of = |tag: &str| operations(document).filter(|one| one.said["tags"][0] == tag).collect::<Vec<_>>();
    let nav: String = tags.iter().map(|(tag, _)| contents(tag, &of(tag))).collect();
    let nav = format!(
        "<nav class=\"contents\" aria-label=\"Operations\">{nav}<p class=\"chapter-link\"><a href=\"#types\">Types</a></p></nav>\n"
    );
    let chapters: String = tags
        .iter()
        .map(|(tag, said)| {
            let operations: String = of(tag).iter().map(Operation::html).collect();
            format!(
                "<section class=\"chapter\" id=\"{tag}\"><h2>{}</h2><p class=\"lead\">{}</p>{operations}</section>\n",
                title(tag),
                inline(said)
            )
        })
        .collect();
    let info = &document["info"];
    let main = format!(
        "<h1>The HTTP API</h1>\n<p class=\"version\">Version {}, at <code>{}</code></p>\n<div class=\"intro\">{}</div>\n{chapters}\
         <section class=\"chapter\" id=\"types\"><h2>Types</h2><div class=\"types\">{}</div></section>\n",
        escaped(info["version"].as_str().unwrap_or_default()),
        escaped(document["servers"][0]["url"].as_str().unwrap_or_default()),
        blocks(info["description"].as_str().unwrap_or_default()),
        types(document),
    );
    Page::html("The HTTP API - Copydesk", "/docs", &nav, &main)
}

fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(move |(path, item)| {
        METHODS
            .into_iter()
            .filter_map(move |method| item.get(method).map(|said| Operation { document, method, path, said }))
    })
}

fn contents(tag: &str, operations: &[Operation]) -> String {
    let items: String = operations
        .iter()
        .map(|one| {
            let (name, verb) = (one.name(), one.method);
            let summary = inline(one.summary().trim_end_matches('.'));
            format!("<li><a href=\"#{name}\"><span class=\"verb {verb}\">{verb}</span>{summary}</a></li>\n")
        })
        .collect();
    format!("<p class=\"chapter-link\"><a href=\"#{tag}\">{}</a></p><ul>{items}</ul>\n", title(tag))
}

fn title(tag: &str) -> String {
    let mut letters = tag.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
