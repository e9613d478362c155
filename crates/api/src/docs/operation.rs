//! One operation as people read it: what it does, what it takes, what it answers, and how to try it.

use super::markdown::{blocks, inline};
use super::sample::sample;
use super::schema::{entry, fields, kind};
use super::{errors_of, escaped};
use serde_json::Value;

pub(super) struct Operation<'a> {
    pub document: &'a Value,
    pub method: &'a str,
    pub path: &'a str,
    pub said: &'a Value,
}

impl Operation<'_> {
    pub fn name(&self) -> &str {
        self.said["operationId"].as_str().unwrap_or_default()
    }

    pub fn summary(&self) -> &str {
        self.said["summary"].as_str().unwrap_or_default()
    }

    pub fn html(&self) -> String {
        let name = self.name();
        let path = self.path.replace('{', "<var>{").replace('}', "}</var>");
        let open = if self.said["security"].is_array() { "<span class=\"tag\">no key</span>" } else { "" };
        format!(
            "<section class=\"operation\" id=\"{name}\">\n<div class=\"text\">\n\
             <h3>{}<a class=\"anchor\" href=\"#{name}\" aria-label=\"Link to this\">#</a></h3>\n\
             <p class=\"route\"><span class=\"verb {method}\">{verb}</span><code>{path}</code>{open}</p>\n{}{}{}{}{}</div>\n\
             <div class=\"aside\">{}{}</div>\n</section>\n",
            inline(self.summary().trim_end_matches('.')),
            blocks(self.said["description"].as_str().unwrap_or_default()),
            self.params(),
            self.body(),
            self.answers(),
            self.problems(),
            self.curl(),
            self.example(),
            method = self.method,
            verb = self.method.to_uppercase(),
        )
    }

    fn params(&self) -> String {
        let params = self.said["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of = |place: &str, title: &str| {
            let some = params.iter().filter(|param| param["in"] == place);
            let entries: String = some
                .map(|param| {
                    let said = param["description"].as_str().unwrap_or_default();
                    entry(param["name"].as_str().unwrap_or_default(), &param["schema"], param["required"] == true, said)
                })
                .collect();
            if entries.is_empty() { entries } else { format!("<h4>{title}</h4>\n<dl>{entries}</dl>\n") }
        };
        of("path", "In the path") + &of("query", "In the query") + &of("header", "Headers")
    }

    fn body(&self) -> String {
        let schema = &self.said["requestBody"]["content"]["application/json"]["schema"];
        let fields = fields(self.document, schema, true);
        if fields.is_empty() { fields } else { format!("<h4>Body</h4>\n{fields}") }
    }

    fn answers(&self) -> String {
        let answers = self.said["responses"].as_object().into_iter().flatten();
        let good = answers.filter(|(status, _)| status.starts_with(['2', '3']));
        let rows: String = good
            .map(|(status, answer)| {
                let content = answer["content"].as_object().and_then(|content| content.iter().next());
                let what = content.map_or(String::new(), |(media, content)| match media.as_str() {
                    "application/json" => format!(" <span class=\"kind\">{}</span>", kind(&content["schema"])),
                    media => format!(" <span class=\"kind\">{}</span>", escaped(media)),
                });
                let said = inline(answer["description"].as_str().unwrap_or_default());
                format!(
                    "<div class=\"entry\"><dt><span class=\"status s{}\">{status}</span>{what}</dt><dd><p>{said}</p></dd></div>\n",
                    &status[..1]
                )
            })
            .collect();
        format!("<h4>Answers</h4>\n<dl>{rows}</dl>\n")
    }

    fn problems(&self) -> String {
        let codes: String = errors_of(self.document, self.said)
            .iter()
            .map(|code| {
                let status = code.facts().status;
                let (word, class) = (code.as_str(), status / 100);
                format!("<a href=\"/docs/errors/{word}\"><span class=\"status s{class}\">{status}</span><code>{word}</code></a>")
            })
            .collect();
        if codes.is_empty() {
            return codes;
        }
        format!("<details class=\"problems\"><summary>What can go wrong</summary><p>{codes}</p></details>\n")
    }

    fn curl(&self) -> String {
        let url = self.document["servers"][0]["url"].as_str().unwrap_or_default();
        let mut lines = vec![format!("curl {url}{}", self.path.replace('{', "\"$").replace('}', "\""))];
        if self.method != "get" {
            lines.push(format!("-X {}", self.method.to_uppercase()));
        }
        if !self.said["security"].is_array() {
            lines.push("-H \"Authorization: Bearer $KEY\"".to_owned());
        }
        let required = self.said["parameters"].as_array().into_iter().flatten();
        if required.filter(|param| param["required"] == true).any(|param| param["name"] == "If-Match") {
            lines.push("-H 'If-Match: \"3\"'".to_owned());
        }
        let content = &self.said["requestBody"]["content"]["application/json"];
        let sent = match content.get("example") {
            Some(example) => Some(example.clone()),
            None if self.said["requestBody"]["required"] == true => Some(sample(self.document, &content["schema"])),
            None => None,
        };
        if let Some(sent) = sent.filter(|sent| sent.as_object().is_none_or(|members| !members.is_empty())) {
            lines.push("-H 'Content-Type: application/json'".to_owned());
            lines.push(format!("-d '{sent:#}'"));
        }
        format!(
            "<figure><figcaption>Request</figcaption><pre><code>{}</code></pre></figure>\n",
            escaped(&lines.join(" \\\n  "))
        )
    }

    fn example(&self) -> String {
        let answers = self.said["responses"].as_object().into_iter().flatten();
        // Of several the last: 202 is what a request for work is usually answered with.
        let best = answers.rev().filter(|(status, _)| status.starts_with('2')).find_map(|(status, answer)| {
            let content = &answer["content"]["application/json"];
            content.get("schema").map(|schema| (status, sample(self.document, schema)))
        });
        let Some((status, value)) = best else { return String::new() };
        let text = escaped(&format!("{value:#}"));
        format!(
            "<details class=\"answer\"><summary>Answer <span class=\"status s2\">{status}</span></summary><pre><code>{text}</code></pre></details>\n"
        )
    }
}
