//! One tag of a page: its name, the few attributes that matter, and what it is for.

/// What an element is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Plain,
    /// Not for readers of the text: menus, buttons, what surrounds it.
    Silent,
    Form,
    Main,
    Article,
}

/// Elements whose ends are looked for. Others are words in a line.
const STRUCTURE: [&str; 55] = [
    "address",
    "article",
    "aside",
    "audio",
    "blockquote",
    "button",
    "canvas",
    "caption",
    "datalist",
    "dd",
    "details",
    "dialog",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "li",
    "main",
    "map",
    "math",
    "menu",
    "nav",
    "noscript",
    "object",
    "ol",
    "p",
    "pre",
    "search",
    "section",
    "select",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "template",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
    "video",
    "center",
    "body",
    "fieldset",
];
const SILENT: [&str; 19] = [
    "aside", "audio", "button", "canvas", "datalist", "dialog", "footer", "map", "math", "menu", "nav", "noscript",
    "object", "search", "select", "svg", "template", "video", "header",
];
/// Roles that say the same of any element.
const SILENT_ROLES: [&str; 8] =
    ["navigation", "banner", "contentinfo", "search", "complementary", "dialog", "alertdialog", "menu"];
/// Elements that end at their own end only, whatever is inside.
const RAW: [&str; 8] = ["script", "style", "title", "textarea", "iframe", "xmp", "noembed", "noframes"];

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Attributes<'a> {
    pub charset: Option<&'a str>,
    pub content: Option<&'a str>,
    pub property: Option<&'a str>,
    pub name: Option<&'a str>,
    pub rel: Option<&'a str>,
    pub kind: Option<&'a str>,
    pub href: Option<&'a str>,
    pub role: Option<&'a str>,
    pub hidden: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tag<'a> {
    /// In lower case, its first 20 signs.
    pub name: String,
    pub closing: bool,
    /// `<p/>`.
    slashed: bool,
    pub attributes: Attributes<'a>,
}

impl<'a> Tag<'a> {
    /// The tag at the start of `rest` and its length. A tag that never ends is all of the rest. `None`: it is none.
    pub fn read(rest: &'a str) -> Option<(Tag<'a>, usize)> {
        let bytes = rest.as_bytes();
        let closing = bytes.get(1) == Some(&b'/');
        let start = if closing { 2 } else { 1 };
        if !bytes.get(start)?.is_ascii_alphabetic() {
            return None;
        }
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
        let end = bytes[start..].iter().position(ends).map_or(rest.len(), |length| start + length);
        let name: String = rest[start..end].chars().take(20).collect::<String>().to_ascii_lowercase();
        let mut tag = Tag { name, closing, slashed: false, attributes: Attributes::default() };
        let mut at = end;
        loop {
            while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
                at += 1;
            }
            match bytes.get(at) {
                None => return Some((tag, rest.len())),
                Some(b'>') => return Some((tag, at + 1)),
                Some(b'/') => {
                    tag.slashed = bytes.get(at + 1) == Some(&b'>');
                    at += 1;
                }
                Some(_) => {
                    let (name, value, next) = attribute(rest, at);
                    tag.attributes.take(name, value);
                    at = next;
                }
            }
        }
    }

    pub fn is_raw(&self) -> bool {
        RAW.contains(&self.name.as_str()) && !self.slashed
    }

    /// Whether it ends where it begins.
    pub fn is_void(&self) -> bool {
        self.slashed
    }

    pub fn structural(&self) -> Option<&'static str> {
        STRUCTURE.into_iter().find(|name| *name == self.name)
    }

    /// A page's header is its banner; that of an article is its beginning.
    pub fn role(&self, name: &'static str, inside: bool) -> Role {
        let role = self.attributes.role.map(str::trim).unwrap_or_default().to_ascii_lowercase();
        match name {
            _ if self.attributes.hidden => Role::Silent,
            "main" => Role::Main,
            "article" => Role::Article,
            _ if role == "main" => Role::Main,
            _ if role == "article" => Role::Article,
            "header" if inside => Role::Plain,
            "fieldset" | "form" => Role::Form,
            _ if SILENT.contains(&name) || SILENT_ROLES.contains(&role.as_str()) => Role::Silent,
            _ => Role::Plain,
        }
    }
}

impl<'a> Attributes<'a> {
    /// The first of a name counts.
    fn take(&mut self, name: &str, value: &'a str) {
        let is = |word: &str| name.eq_ignore_ascii_case(word);
        let place = match name.len() {
            _ if is("charset") => &mut self.charset,
            _ if is("content") => &mut self.content,
            _ if is("property") => &mut self.property,
            _ if is("name") => &mut self.name,
            _ if is("rel") => &mut self.rel,
            _ if is("type") => &mut self.kind,
            _ if is("href") => &mut self.href,
            _ if is("role") => &mut self.role,
            _ => {
                self.hidden |= is("hidden") || is("aria-hidden") && value.eq_ignore_ascii_case("true");
                return;
            }
        };
        place.get_or_insert(value);
    }
}

/// Name and value of the attribute at `at`, and where the next one may begin. A quote that never closes takes the rest.
fn attribute(rest: &str, at: usize) -> (&str, &str, usize) {
    let bytes = rest.as_bytes();
    let find = |from: usize, ends: fn(u8) -> bool| {
        bytes[from..].iter().position(|byte| ends(*byte)).map_or(rest.len(), |length| from + length)
    };
    // A name has at least one sign, so that every turn goes on.
    let name_end = find(at + 1, |byte| byte.is_ascii_whitespace() || matches!(byte, b'=' | b'>' | b'/'));
    let name = rest.get(at..name_end).unwrap_or_default();
    let equals = find(name_end, |byte| !byte.is_ascii_whitespace());
    if bytes.get(equals) != Some(&b'=') {
        return (name, "", name_end);
    }
    let start = find(equals + 1, |byte| !byte.is_ascii_whitespace());
    match bytes.get(start) {
        Some(quote @ (b'"' | b'\'')) => {
            let end =
                if *quote == b'"' { find(start + 1, |byte| byte == b'"') } else { find(start + 1, |b| b == b'\'') };
            (name, rest.get(start + 1..end).unwrap_or_default(), (end + 1).min(rest.len()))
        }
        Some(_) => {
            let end = find(start, |byte| byte.is_ascii_whitespace() || byte == b'>');
            (name, rest.get(start..end).unwrap_or_default(), end)
        }
        None => (name, "", rest.len()),
    }
}

/// How long the inside of an element is that only its own end tag ends, and how long it is with that tag; all of the rest
/// where there is none.
pub(super) fn raw_end(rest: &str, name: &str) -> (usize, usize) {
    let mut from = 0;
    while let Some(at) = rest[from..].find("</") {
        let (inside, start) = (from + at, from + at + 2);
        let after = rest.as_bytes().get(start + name.len());
        let ends = after.is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
        if ends && rest.get(start..start + name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name)) {
            return (inside, rest[start..].find('>').map_or(rest.len(), |end| start + end + 1));
        }
        from = start;
    }
    (rest.len(), rest.len())
}
