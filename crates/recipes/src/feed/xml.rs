//! The XML of feeds: which element of which vocabulary carries what. Entities are never expanded beyond HTML's named
//! characters, so there is nothing to blow up and nothing to fetch.

use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;

use super::html::{Tags, character, to_text};
use super::{DEPTH_MAX, FeedError, Seen};

/// An entry as it stands in the feed, with markup made plain.
#[derive(Default, Debug)]
pub(super) struct Entry {
    pub title: String,
    pub link: String,
    /// A `guid` or `id`, which may be a web address.
    pub permalink: String,
    /// A `guid` that is no address.
    pub mark: String,
    pub summary: String,
    pub content: String,
    pub published: String,
    pub updated: String,
}

/// Vocabularies of feeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Vocabulary {
    /// RSS of any version.
    Rss,
    Atom,
    /// Dublin Core, for dates.
    Dc,
    /// RSS's module for full contents.
    Content,
    Other,
}

/// What an element of an entry is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Field {
    Title,
    Link,
    Permalink,
    Mark,
    Summary,
    Content,
    Published,
    Updated,
}

/// What stands inside an element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Inside {
    Plain,
    /// HTML written as text.
    Html,
    /// HTML, of which only the usual tags are taken for tags.
    Title,
    /// HTML as elements of the feed itself.
    Xhtml,
}

struct Collecting {
    field: Field,
    inside: Inside,
    depth: usize,
    text: String,
}

/// All entries, in the feed's order.
pub(super) fn entries(xml: &str) -> Result<Vec<Entry>, FeedError> {
    let mut reader = NsReader::from_str(xml);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.allow_dangling_amp = true;
    let mut walk = Walk::default();
    loop {
        let outcome = match reader.read_resolved_event() {
            Ok((namespace, event)) => walk.take(vocabulary(&namespace), event),
            Err(error) => Err(Stop::Broken(error.to_string())),
        };
        match outcome {
            Ok(()) => {}
            Err(Stop::End) => return Ok(walk.entries),
            Err(Stop::Feed(error)) => return Err(error),
            // A page that is not well-formed enough to reach its root element was never meant as a feed.
            Err(Stop::Broken(_)) if !walk.root_seen => return Err(FeedError::NotAFeed(Seen::Other)),
            Err(Stop::Broken(what)) => {
                let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(xml.len());
                let line = xml.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
                return Err(FeedError::BrokenXml { line, what });
            }
        }
    }
}

/// Why reading stopped.
enum Stop {
    End,
    Broken(String),
    Feed(FeedError),
}

fn vocabulary(namespace: &ResolveResult) -> Vocabulary {
    match namespace {
        ResolveResult::Unbound => Vocabulary::Rss,
        ResolveResult::Bound(name) => match name.0 {
            "http://www.w3.org/2005/Atom" | "http://purl.org/atom/ns#" => Vocabulary::Atom,
            "http://purl.org/rss/1.0/" | "http://my.netscape.com/rdf/simple/0.9/" => Vocabulary::Rss,
            "http://backend.userland.com/RSS2" | "http://backend.userland.com/rss2" => Vocabulary::Rss,
            "http://purl.org/dc/elements/1.1/" | "http://purl.org/dc/terms/" => Vocabulary::Dc,
            "http://purl.org/rss/1.0/modules/content/" => Vocabulary::Content,
            _ => Vocabulary::Other,
        },
        // Feeds forget to declare the usual prefixes.
        ResolveResult::Unknown(prefix) => match prefix.as_str() {
            "atom" => Vocabulary::Atom,
            "dc" => Vocabulary::Dc,
            "content" => Vocabulary::Content,
            _ => Vocabulary::Other,
        },
    }
}

#[derive(Default)]
struct Walk {
    depth: usize,
    root_seen: bool,
    entry: Option<(usize, Entry)>,
    collecting: Option<Collecting>,
    entries: Vec<Entry>,
}

impl Walk {
    fn take(&mut self, vocabulary: Vocabulary, event: Event) -> Result<(), Stop> {
        match event {
            Event::Start(start) | Event::Empty(start) => self.start(vocabulary, &start),
            Event::End(end) => {
                self.end(end.local_name().as_ref());
                Ok(())
            }
            Event::Text(text) => {
                self.text(&text.xml10_content());
                Ok(())
            }
            Event::CData(text) => {
                self.text(&text.xml10_content());
                Ok(())
            }
            Event::GeneralRef(reference) => {
                self.reference(&reference);
                Ok(())
            }
            Event::Eof if self.depth > 0 => Err(Stop::Broken("the file ends before its last element is closed".into())),
            Event::Eof if !self.root_seen => Err(Stop::Feed(FeedError::NotAFeed(Seen::Other))),
            Event::Eof => Err(Stop::End),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => Ok(()),
        }
    }

    fn start(&mut self, vocabulary: Vocabulary, start: &BytesStart) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Stop::Feed(FeedError::TooDeep));
        }
        let local = start.local_name();
        let local: &str = local.as_ref();
        if let Some(collecting) = &mut self.collecting {
            if collecting.inside != Inside::Plain {
                collecting.text.push_str(&format!("<{local}>"));
            }
            return Ok(());
        }
        if !self.root_seen {
            self.root_seen = true;
            return root(local);
        }
        match &mut self.entry {
            None if matches!((vocabulary, local), (Vocabulary::Rss, "item") | (Vocabulary::Atom, "entry")) => {
                self.entry = Some((self.depth, Entry::default()));
            }
            None => {}
            Some((depth, entry)) if self.depth == *depth + 1 => {
                if vocabulary == Vocabulary::Atom && local == "link" {
                    atom_link(entry, start);
                } else if let Some((field, inside)) = field(vocabulary, local, start) {
                    self.collecting = Some(Collecting { field, inside, depth: self.depth, text: String::new() });
                }
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn end(&mut self, local: &str) {
        let nested = |c: &&mut Collecting| c.depth < self.depth && c.inside != Inside::Plain;
        if let Some(collecting) = self.collecting.as_mut().filter(nested) {
            collecting.text.push_str(&format!("</{local}>"));
        }
        if let (Some((_, entry)), Some(done)) = (&mut self.entry, self.collecting.take_if(|c| c.depth == self.depth)) {
            done.store(entry);
        }
        if let Some((_, entry)) = self.entry.take_if(|(depth, _)| *depth == self.depth) {
            self.entries.push(entry);
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn text(&mut self, text: &str) {
        let Some(collecting) = &mut self.collecting else { return };
        match collecting.inside {
            // What is text among elements must not be read as markup afterwards.
            Inside::Xhtml => collecting.text.push_str(&text.replace('&', "&amp;").replace('<', "&lt;")),
            Inside::Plain | Inside::Html | Inside::Title => collecting.text.push_str(text),
        }
    }

    fn reference(&mut self, reference: &BytesRef) {
        let name = reference.xml10_content();
        // An entity of the document's own stays as it is written.
        let text = character(&name).unwrap_or_else(|| format!("&{name};"));
        self.text(&text);
    }
}

fn root(local: &str) -> Result<(), Stop> {
    let seen = match local {
        "rss" | "RDF" | "feed" => return Ok(()),
        "html" | "HTML" => Seen::Html,
        other => Seen::OtherXml(other.chars().take(40).collect()),
    };
    Err(Stop::Feed(FeedError::NotAFeed(seen)))
}

fn attribute(start: &BytesStart, name: &str) -> Option<String> {
    let attribute = start.try_get_attribute(name).ok()??;
    Some(to_text(&attribute.value, Tags::Usual))
}

/// Atom's links are attributes. The one to the entry itself has no `rel` or `rel="alternate"`.
fn atom_link(entry: &mut Entry, start: &BytesStart) {
    let rel = attribute(start, "rel");
    if entry.link.is_empty() && rel.is_none_or(|rel| rel == "alternate") {
        entry.link = attribute(start, "href").unwrap_or_default();
    }
}

fn field(vocabulary: Vocabulary, local: &str, start: &BytesStart) -> Option<(Field, Inside)> {
    let atom_text = || match attribute(start, "type").as_deref() {
        Some("html" | "text/html") => Inside::Html,
        Some("xhtml" | "application/xhtml+xml") => Inside::Xhtml,
        Some(_) | None => Inside::Plain,
    };
    match (vocabulary, local) {
        (Vocabulary::Rss, "title") => Some((Field::Title, Inside::Title)),
        (Vocabulary::Rss, "link") => Some((Field::Link, Inside::Plain)),
        (Vocabulary::Rss, "guid") => {
            let address = attribute(start, "isPermaLink").is_none_or(|is| is != "false");
            Some((if address { Field::Permalink } else { Field::Mark }, Inside::Plain))
        }
        (Vocabulary::Rss, "description") => Some((Field::Summary, Inside::Html)),
        (Vocabulary::Rss, "pubDate") | (Vocabulary::Dc, "date" | "created" | "issued") => {
            Some((Field::Published, Inside::Plain))
        }
        (Vocabulary::Content, "encoded") => Some((Field::Content, Inside::Html)),
        (Vocabulary::Atom, "title") => Some((Field::Title, atom_text())),
        (Vocabulary::Atom, "id") => Some((Field::Permalink, Inside::Plain)),
        (Vocabulary::Atom, "summary") => Some((Field::Summary, atom_text())),
        (Vocabulary::Atom, "content") => Some((Field::Content, atom_text())),
        (Vocabulary::Atom, "published" | "issued" | "created") => Some((Field::Published, Inside::Plain)),
        (Vocabulary::Atom, "updated" | "modified") => Some((Field::Updated, Inside::Plain)),
        (Vocabulary::Rss | Vocabulary::Atom | Vocabulary::Dc | Vocabulary::Content | Vocabulary::Other, _) => None,
    }
}

impl Collecting {
    /// Puts the text where it belongs. The first element of a kind wins.
    fn store(self, entry: &mut Entry) {
        let text = match self.inside {
            Inside::Plain => self.text.trim().to_owned(),
            Inside::Html | Inside::Xhtml => to_text(&self.text, Tags::All),
            Inside::Title => to_text(&self.text, Tags::Usual),
        };
        let place = match self.field {
            Field::Title => &mut entry.title,
            Field::Link => &mut entry.link,
            Field::Permalink => &mut entry.permalink,
            Field::Mark => &mut entry.mark,
            Field::Summary => &mut entry.summary,
            Field::Content => &mut entry.content,
            Field::Published => &mut entry.published,
            Field::Updated => &mut entry.updated,
        };
        if place.is_empty() {
            *place = text;
        }
    }
}
