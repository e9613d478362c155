//! HTML: Markdown is read as events, each is judged, and only what is left becomes marks. HTML in the text is text; links
//! lead to the web or to a mail; pictures, which would be fetched by whoever opens the page, become links.

use crate::markdown::titled;
use crate::{Document, Footer};
use copydesk_core::recipe::{Content, OutputForm};
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

/// What a link may lead to.
const SCHEMES: [&str; 3] = ["https:", "http:", "mailto:"];

/// Nothing is loaded and nothing runs, whatever opens it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// No colours of its own: whoever reads in the dark reads light text. Small headings stay readable, and what is wider than a
/// phone is broken or scrolls by itself.
const STYLE: &str = ":root{color-scheme:light dark}body{margin:2rem auto;padding:0 1rem;max-width:42rem;font:1.05rem/1.6 system-ui,sans-serif;\
overflow-wrap:anywhere}h1,h2,h3{line-height:1.25}h4,h5,h6{font-size:1em}pre{overflow:auto;padding:.75rem;background:rgba(128,128,128,.15)}\
code{font-family:ui-monospace,monospace;font-size:.95em}blockquote{margin-left:0;padding-left:1rem;border-left:3px solid rgba(128,128,128,.5)}\
table{display:block;overflow-x:auto;border-collapse:collapse}th,td{padding:.25rem .6rem;border:1px solid rgba(128,128,128,.5);min-width:4em}";

/// What mail programs need in each mark, because many of them read no style sheet.
const DRESS: [(&str, &str); 15] = [
    ("h1", "margin:24px 0 12px;font-size:26px;line-height:1.25"),
    ("h2", "margin:24px 0 10px;font-size:22px;line-height:1.25"),
    ("h3", "margin:20px 0 8px;font-size:19px;line-height:1.3"),
    ("h4", "margin:18px 0 8px;font-size:17px"),
    ("h5", "margin:18px 0 8px;font-size:16px"),
    ("h6", "margin:18px 0 8px;font-size:16px"),
    ("p", "margin:0 0 14px"),
    ("ul", "margin:0 0 14px;padding-left:24px"),
    ("ol", "margin:0 0 14px;padding-left:24px"),
    ("blockquote", "margin:0 0 14px;padding-left:14px;border-left:3px solid rgba(128,128,128,.5)"),
    (
        "pre",
        "margin:0 0 14px;padding:10px;background:rgba(128,128,128,.15);white-space:pre-wrap;overflow-wrap:anywhere",
    ),
    ("code", "font-family:Menlo,Consolas,monospace;font-size:15px"),
    ("table", "display:block;overflow-x:auto;margin:0 0 14px;border-collapse:collapse"),
    ("th", "padding:4px 8px;border:1px solid rgba(128,128,128,.5);min-width:4em"),
    ("td", "padding:4px 8px;border:1px solid rgba(128,128,128,.5);min-width:4em"),
];
const LETTER: &str = "max-width:640px;margin:0 auto;padding:16px;font-family:-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif;\
font-size:16px;line-height:1.6;overflow-wrap:anywhere;word-break:break-word";
/// Blocks whose words may run from right to left.
const BLOCKS: [&str; 10] = ["h1", "h2", "h3", "h4", "h5", "h6", "p", "blockquote", "th", "td"];

/// A whole page.
pub fn page(document: &Document<'_>) -> String {
    format!(
        "<!doctype html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
        escaped(document.title()),
        dressed(&fragment(&said(document.content)), &[]),
    )
}

/// Small, and apart.
const FOOTER: &str = "margin:2.5em 0 0;padding:1em 0 0;border-top:1px solid #8a8a8a;font-size:13px;color:#707070";

/// The same for mail programs: every style stands in its mark, and nothing is loaded.
pub fn letter(document: &Document<'_>) -> String {
    letter_with(document, None)
}

/// The same with the way out under it.
pub fn letter_with(document: &Document<'_>, footer: Option<&Footer<'_>>) -> String {
    let under = footer.map(|Footer { said, word, link }| {
        format!(
            "<p dir=\"auto\" style=\"{FOOTER}\">{}<br><a style=\"color:inherit\" href=\"{}\">{}</a></p>\n",
            escaped(said),
            escaped(link),
            escaped(word),
        )
    });
    format!(
        "<!doctype html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n</head>\n\
         <body style=\"margin:0;padding:0\">\n<div style=\"{LETTER}\">\n{}{}</div>\n</body>\n</html>\n",
        escaped(document.title()),
        dressed(&fragment(&said(document.content)), &DRESS),
        under.unwrap_or_default(),
    )
}

/// Marks with their styles, and with the direction of what they say. In a fragment only marks begin with `<`.
fn dressed(fragment: &str, styles: &[(&str, &str)]) -> String {
    let mut made = String::with_capacity(fragment.len() * 2);
    let mut pieces = fragment.split('<');
    made.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let end = piece.find([' ', '>', '/']).filter(|end| *end > 0).unwrap_or(0);
        let (name, mut rest) = piece.split_at(end);
        made.push('<');
        made.push_str(name);
        if BLOCKS.contains(&name) || name == "li" {
            made.push_str(" dir=\"auto\"");
        }
        if let Some((_, style)) = styles.iter().find(|(mark, _)| *mark == name) {
            // Where a column of a table is aligned, that is a style already.
            let own = rest.strip_prefix(" style=\"").and_then(|after| after.split_once('"'));
            let (own, after) = own.map_or(("", rest), |(own, after)| (own, after));
            let between = if own.is_empty() { "" } else { ";" };
            made.push_str(&format!(" style=\"{style}{between}{own}\""));
            rest = after;
        }
        made.push_str(rest);
    }
    made
}

/// The subject of a mail is its title, and no heading in it.
fn said(content: &Content) -> String {
    match content.form {
        OutputForm::Mail => content.to_markdown(),
        OutputForm::Article | OutputForm::Text | OutputForm::Media => titled(content),
    }
}

/// Markdown as marks that can stand in any page or mail.
pub fn fragment(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut made = String::with_capacity(markdown.len() + markdown.len() / 4);
    html::push_html(&mut made, Judge { events: Parser::new_ext(markdown, options), links: Vec::new() });
    made
}

pub(crate) fn escaped(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => made.push_str("&amp;"),
            '<' => made.push_str("&lt;"),
            '>' => made.push_str("&gt;"),
            '"' => made.push_str("&quot;"),
            '\'' => made.push_str("&#39;"),
            sign => made.push(sign),
        }
    }
    made
}

/// Lets events through that are harmless, and makes the others so.
struct Judge<'a> {
    events: Parser<'a>,
    /// Of the links and pictures we are in: whether it became a link.
    links: Vec<bool>,
}

impl<'a> Iterator for Judge<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        loop {
            let judged = match self.events.next()? {
                Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
                Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
                Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
                Event::Start(Tag::Link { link_type, dest_url, title, id }) => self.open(link_type, dest_url, title, id),
                Event::Start(Tag::Image { dest_url, title, id, .. }) => {
                    self.open(LinkType::Inline, dest_url, title, id)
                }
                Event::End(TagEnd::Link | TagEnd::Image) => {
                    self.links.pop().unwrap_or(false).then_some(Event::End(TagEnd::Link))
                }
                harmless @ (Event::Start(_)
                | Event::End(_)
                | Event::Text(_)
                | Event::Code(_)
                | Event::SoftBreak
                | Event::HardBreak
                | Event::Rule) => Some(harmless),
                // Of extensions that are not switched on.
                Event::InlineMath(_)
                | Event::DisplayMath(_)
                | Event::FootnoteReference(_)
                | Event::TaskListMarker(_) => None,
            };
            if judged.is_some() {
                return judged;
            }
        }
    }
}

impl<'a> Judge<'a> {
    /// A link, unless it is in another one already or leads to no place that is known to be harmless: then only its words
    /// stay.
    fn open(
        &mut self,
        link_type: LinkType,
        dest_url: CowStr<'a>,
        title: CowStr<'a>,
        id: CowStr<'a>,
    ) -> Option<Event<'a>> {
        let mail = link_type == LinkType::Email;
        let leads = (mail || is_harmless(&dest_url)) && !self.links.contains(&true);
        self.links.push(leads);
        leads.then_some(Event::Start(Tag::Link { link_type, dest_url, title, id }))
    }
}

/// Browsers pass over white space and control characters in a scheme, so an address with any is none.
pub(crate) fn is_harmless(address: &str) -> bool {
    let plain = !address.chars().any(|sign| sign.is_control() || sign.is_whitespace());
    let lower = address.to_ascii_lowercase();
    plain && SCHEMES.iter().any(|scheme| lower.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;
    use copydesk_core::Timestamp;
    use copydesk_core::recipe::{Content, OutputForm};
    use serde_json::json;

    #[test]
    fn markdown_becomes_marks() {
        let table = [
            (
                "# A\n\nb *c* **d** ~~e~~ `f`",
                "<h1>A</h1>\n<p>b <em>c</em> <strong>d</strong> <del>e</del> <code>f</code></p>\n",
            ),
            ("- a\n- b\n", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
            (
                "[a](https://x.example/?b=1&c=2 \"t\")",
                "<p><a href=\"https://x.example/?b=1&amp;c=2\" title=\"t\">a</a></p>\n",
            ),
            ("<ann@x.example>", "<p><a href=\"mailto:ann@x.example\">ann@x.example</a></p>\n"),
            ("![a cat](https://x.example/c.png)", "<p><a href=\"https://x.example/c.png\">a cat</a></p>\n"),
            ("[![a](https://x.example/c.png)](https://y.example)", "<p><a href=\"https://y.example\">a</a></p>\n"),
            (
                "a | b\n--|--\nc | d",
                "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody>\n<tr><td>c</td><td>d</td></tr>\n</tbody></table>\n",
            ),
        ];
        for (markdown, want) in table {
            assert_eq!(fragment(markdown), want, "{markdown}");
        }
    }

    /// Ways into a page, each with its marks and without them.
    const HOSTILE: &[&str] = &[
        "<script>alert(1)</script>",
        "<ScRiPt\n>alert(1)</sCrIpT\n>",
        "a <img src=x onerror=alert(1)> b",
        "<svg/onload=alert(1)>",
        "<iframe srcdoc='<script>alert(1)</script>'>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<!-- --><script>alert(1)</script>",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<?php echo 1 ?>",
        "<style>@import 'https://evil.example'</style>",
        "<meta http-equiv=refresh content=0;url=https://evil.example>",
        "<base href=https://evil.example>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java&#115;cript:alert(1))",
        "[x](java\\script:alert(1))",
        "[x](<java\tscript:alert(1)>)",
        "[x](&#x01;javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:msgbox)",
        "[x](//evil.example)",
        "[x](file:///etc/passwd)",
        "[x][y]\n\n[y]: javascript:alert(1)",
        "[x](https://a.example \"\\\" onmouseover=alert(1) x=\\\"\")",
        "[x](https://a.example/\"onmouseover=alert(1))",
        "![x](javascript:alert(1))",
        "![x](https://evil.example/?leak=1)",
        "![x\" onerror=alert(1) y=\"](https://evil.example)",
        "<javascript:alert(1)>",
        "```\"><script>alert(1)</script>\nx\n```",
        "```x\" onclick=alert(1)\ny\n```",
        "`<script>`",
        "# <img src=x onerror=alert(1)>",
        "| <script> | b |\n|--|--|\n| <img src=x> | ![y](https://evil.example) |",
        "</title><script>alert(1)</script>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "[<img src=x onerror=alert(1)>](https://a.example)",
    ];

    /// The marks in a text of HTML, by a reader that only knows where one begins and ends.
    fn marks(html: &str) -> Vec<String> {
        let pieces = html.split('<').skip(1).map(|piece| piece.split('>').next().unwrap_or_default().to_owned());
        pieces.collect()
    }

    #[test]
    fn s_51_nothing_that_runs_or_loads_survives_markdown() {
        const KNOWN: &[&str] = &[
            "p", "/p", "a", "/a", "h1", "/h1", "pre", "code", "/code", "/pre", "table", "/table", "thead", "/thead",
            "tbody", "/tbody", "tr", "/tr", "th", "/th", "td", "/td", "em", "/em", "strong", "/strong", "br",
        ];
        for text in HOSTILE {
            for around in
                ["{}", "- {}", "> {}", "a {} b", "**{}**", "1. x\n\n   {}", "[z]({})", "![{}](https://a.example)"]
            {
                let made = fragment(&around.replace("{}", text));
                for mark in marks(&made) {
                    let name = mark.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default();
                    let list = ["ul", "ol", "li", "blockquote"];
                    let known = KNOWN.contains(&name) || KNOWN.contains(&format!("/{name}").as_str());
                    assert!(known || list.contains(&name), "{text}: <{mark}>");
                    let rest = mark.split_once(' ').map_or("", |(_, rest)| rest);
                    let harmless = rest.is_empty()
                        || rest == "/"
                        || rest.starts_with("href=\"https://")
                        || rest.starts_with("href=\"mailto:")
                        || rest.starts_with("class=\"language-");
                    assert!(harmless && !rest.contains("=\"javascript") && !rest.contains("\" on"), "{text}: <{mark}>");
                }
            }
        }
    }

    #[test]
    fn a_page_is_whole_and_its_title_is_text() {
        let body = json!({ "text": "# Tea\n\nIs *hot*.\n\n</body><script>x</script>" });
        let content = Content { form: OutputForm::Text, title: "</title><script>\"&'".to_owned(), body };
        let page = page(&Document { content: &content, made_at: Timestamp::from_micros(0), hash: [0; 32] });
        assert!(page.starts_with("<!doctype html>\n<html>\n<head>\n<meta charset=\"utf-8\">"), "{page}");
        assert!(page.contains("<title>&lt;/title&gt;&lt;script&gt;&quot;&amp;&#39;</title>"), "{page}");
        let said = "<h1 dir=\"auto\">Tea</h1>\n<p dir=\"auto\">Is <em>hot</em>.</p>";
        assert!(page.contains(said) && page.ends_with("</body>\n</html>\n"), "{page}");
        assert!(!page.contains("<script") && page.matches("</body>").count() == 1, "{page}");
    }

    #[test]
    fn a_letter_has_every_style_in_its_marks_and_loads_nothing() {
        let text = "# Tea\n\nIs `hot`, see [here](https://x.example/?a=1&b=2).\n\n| a | b |\n|--:|---|\n| 1 < 2 | \"q\" |\n\n```\n<p>\n```\n\n![x](https://evil.example/y.png)";
        let body = json!({ "text": text });
        let content = Content { form: OutputForm::Text, title: "T".to_owned(), body };
        let letter = letter(&Document { content: &content, made_at: Timestamp::from_micros(0), hash: [0; 32] });
        for absent in ["<style", "class=\"", "<img", "<link", "<script", "url(", "@import"] {
            assert!(!letter.contains(absent), "{absent}: {letter}");
        }
        let style = |name: &str| DRESS.iter().find(|(mark, _)| *mark == name).map(|(_, style)| *style).unwrap();
        assert!(letter.contains(&format!("<h1 dir=\"auto\" style=\"{}\">Tea</h1>", style("h1"))), "{letter}");
        let aligned = format!("<td dir=\"auto\" style=\"{};text-align: right\">1 &lt; 2</td>", style("td"));
        assert!(letter.contains(&aligned), "{letter}");
        assert!(letter.contains(&format!("<code style=\"{}\">&lt;p&gt;", style("code"))), "{letter}");
        // What was written is all there, in the order it was written.
        let plain =
            |html: &str| html.split('<').map(|piece| piece.split_once('>').map_or("", |it| it.1)).collect::<String>();
        assert_eq!(plain(&dressed(&fragment(text), &DRESS)), plain(&fragment(text)));
    }

    #[test]
    fn s_51_dressing_opens_no_way_into_a_letter() {
        for text in HOSTILE {
            let (bare, made) = (fragment(text), dressed(&fragment(text), &DRESS));
            let names = |html: &str| -> Vec<String> {
                let first = |mark: String| mark.split(' ').next().unwrap_or_default().to_owned();
                marks(html).into_iter().map(first).collect()
            };
            assert_eq!(names(&made), names(&bare), "{text}");
            let taken =
                DRESS.iter().fold(made.clone(), |made, (_, style)| made.replace(&format!(" style=\"{style}\""), ""));
            assert_eq!(taken.replace(" dir=\"auto\"", ""), bare, "{text}");
        }
    }
}
