//! Feeds of all three kinds, feeds that are broken, and files that are not feeds at all.

use super::*;
use crate::Shelf;
use proptest::prelude::*;
use serde_json::json;

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn rss_2_is_read_with_its_modules() {
    let feed = br#"<?xml version="1.0"?>
        <!-- made by hand -->
        <rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
             xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom">
          <channel>
            <title>The channel</title><link>https://example.com/</link>
            <atom:link href="https://example.com/feed" rel="self"/>
            <image><title>Logo</title></image>
            <item>
              <title>Old &amp; <![CDATA[<b>bold</b>]]> Vec&lt;u8&gt;</title>
              <link> https://example.com/old </link>
              <description>&lt;p&gt;Short &amp;mdash; summary&lt;/p&gt;</description>
              <content:encoded><![CDATA[<p>The whole text, which is longer.</p><script>x()</script><p>Two.</p>]]></content:encoded>
              <media:title>Not this</media:title>
              <media:group><title>Nor this</title></media:group>
              <pubDate>Wed, 04 Nov 2026 09:00:00 +0100</pubDate>
            </item>
            <item>
              <guid>https://example.com/new</guid>
              <description>No title here, only this.</description>
              <pubDate>Thu, 05 Nov 2026 08:00:00 GMT</pubDate>
            </item>
            <item><guid isPermaLink="false">https://example.com/not-a-link</guid><link>javascript:alert(1)</link>
              <title>Undated</title></item>
            <item><category>empty</category></item>
          </channel>
        </rss>"#;
    let items = parse_feed(feed).unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!(items[0].title, "No title here, only this.");
    assert_eq!(items[0].link.as_deref(), Some("https://example.com/new"));
    assert_eq!(items[1].title, "Old & bold Vec<u8>");
    assert_eq!(items[1].link.as_deref(), Some("https://example.com/old"));
    assert_eq!(items[1].text.as_deref(), Some("The whole text, which is longer.\nTwo."));
    assert_eq!(items[1].published_at, at("2026-11-04T08:00:00Z"));
    let mark = Some("https://example.com/not-a-link".to_owned());
    assert_eq!(items[2], FeedItem { title: "Undated".into(), link: None, text: None, published_at: None, mark });
}

#[test]
fn rss_1_is_read() {
    let feed = br#"<?xml version="1.0" encoding="ISO-8859-1"?>
        <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
                 xmlns:dc="http://purl.org/dc/elements/1.1/">
          <channel rdf:about="https://example.com/"><title>Channel</title></channel>
          <item rdf:about="https://example.com/1">
            <title>Caf&#233; caf\xe9</title><link>https://example.com/1</link>
            <description>Text.</description><dc:date>2026-11-05T09:00:00+01:00</dc:date>
          </item>
        </rdf:RDF>"#;
    // The raw string spells the byte; put the byte itself there.
    let feed = String::from_utf8_lossy(feed).replace("\\xe9", "\u{e9}");
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(&feed);
    let items = parse_feed(&bytes).unwrap();
    assert_eq!(items[0].title, "Café café");
    assert_eq!(items[0].published_at, at("2026-11-05T08:00:00Z"));
}

#[test]
fn atom_is_read_with_all_kinds_of_text() {
    let feed = br#"<feed xmlns="http://www.w3.org/2005/Atom" xmlns:x="http://www.w3.org/1999/xhtml">
        <title>Feed</title><id>urn:feed</id>
        <entry>
          <title type="html">An &lt;em&gt;HTML&lt;/em&gt; title</title>
          <link rel="edit" href="https://example.com/edit"/>
          <link href="https://example.com/a?x=1&amp;y=2"/>
          <id>urn:1</id>
          <updated>2026-11-06T08:00:00Z</updated><published>2026-11-05T08:00:00Z</published>
          <content type="xhtml"><x:div><x:p>If a &lt; b &amp;&amp; c</x:p><x:p>Two</x:p></x:div></content>
        </entry>
        <entry>
          <title>Plain &lt;T&gt; title</title>
          <id>https://example.com/b</id>
          <updated>2026-11-04T08:00:00Z</updated>
          <summary>A plain summary.</summary>
        </entry>
        </feed>"#;
    let items = parse_feed(feed).unwrap();
    assert_eq!(items[0].title, "An HTML title");
    assert_eq!(items[0].link.as_deref(), Some("https://example.com/a?x=1&y=2"));
    assert_eq!(items[0].text.as_deref(), Some("If a < b && c\nTwo"));
    assert_eq!(items[0].published_at, at("2026-11-05T08:00:00Z"));
    assert_eq!(items[1].title, "Plain <T> title");
    assert_eq!(items[1].link.as_deref(), Some("https://example.com/b"));
    assert_eq!(items[1].published_at, at("2026-11-04T08:00:00Z"));
}

#[test]
fn seed_s0_the_twenty_newest_entries_are_taken() {
    let entry =
        |n: usize| format!("<item><title>{n}</title><pubDate>{:02} Nov 2026 08:00:00 GMT</pubDate></item>", n % 28 + 1);
    let feed: String = (0..28).map(entry).collect();
    let items = parse_feed(format!("<rss><channel>{feed}</channel></rss>").as_bytes()).unwrap();
    assert_eq!(items.len(), ENTRIES_MAX);
    assert_eq!((items[0].title.as_str(), items[19].title.as_str()), ("27", "8"));
}

#[test]
fn an_empty_feed_is_an_empty_list_and_not_an_error() {
    assert_eq!(parse_feed(b"<rss version=\"2.0\"><channel><title>T</title></channel></rss>"), Ok(vec![]));
    assert_eq!(parse_feed(b"<feed xmlns=\"http://www.w3.org/2005/Atom\"/>"), Ok(vec![]));
}

#[test]
fn what_is_not_a_feed_is_named() {
    let cases: [(&[u8], Seen); 9] = [
        (b"", Seen::Nothing),
        (b" \n", Seen::Nothing),
        (b"{\"items\": []}", Seen::Json),
        (b"[]", Seen::Json),
        (b"<!DOCTYPE HTML><html><body><p>Hi<br></body></html>", Seen::Html),
        (b"<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\"/>", Seen::Html),
        (b"<opml/>", Seen::OtherXml("opml".into())),
        (b"hello", Seen::Other),
        (b"<", Seen::Other),
    ];
    for (bytes, seen) in cases {
        assert_eq!(parse_feed(bytes), Err(FeedError::NotAFeed(seen)), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_cut_or_broken_feed_is_an_error_and_never_a_shorter_list() {
    for broken in [
        "<rss>\n<channel><item><title>A</title></item>",
        "<rss>\n<channel><item><title>A</item></channel></rss>",
        "<rss>\n<channel><item><title>A</ti",
        "<rss>\n<![CDATA[",
    ] {
        let outcome = parse_feed(broken.as_bytes());
        assert!(matches!(outcome, Err(FeedError::BrokenXml { line: 2, .. })), "{broken}: {outcome:?}");
    }
}

#[test]
fn entities_of_the_documents_own_are_never_expanded() {
    let feed = br#"<?xml version="1.0"?>
        <!DOCTYPE rss [
          <!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
          <!ENTITY secret SYSTEM "file:///etc/passwd">
        ]>
        <rss><channel><item><title>&lol2; &secret; &eacute;</title></item></channel></rss>"#;
    assert_eq!(parse_feed(feed).unwrap()[0].title, "&lol2; &secret; é");
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = format!("<rss>{}", "<a>".repeat(DEPTH_MAX + 1));
    assert_eq!(parse_feed(deep.as_bytes()), Err(FeedError::TooDeep));
    let large = vec![b' '; FEED_BYTES_MAX + 1];
    assert_eq!(parse_feed(&large), Err(FeedError::TooLarge { bytes: FEED_BYTES_MAX + 1 }));
    let long = format!(
        "<rss><channel><item><title>{}</title><link>https://example.com/{}</link><description>{}</description></item></channel></rss>",
        "t ".repeat(1_000),
        "l".repeat(3_000),
        "d ".repeat(50_000)
    );
    let item = parse_feed(long.as_bytes()).unwrap().remove(0);
    assert!(item.title.chars().count() <= TITLE_CHARS_MAX && item.link.is_none());
    assert!(item.text.unwrap().chars().count() <= TEXT_CHARS_MAX);
}

#[test]
fn an_item_becomes_an_input_item_with_what_it_has() {
    let item = FeedItem {
        title: "A".into(),
        link: None,
        text: Some("t".into()),
        published_at: at("2026-11-05T08:00:00Z"),
        mark: None,
    };
    assert_eq!(item.to_value(), json!({"title": "A", "text": "t", "published_at": "2026-11-05T08:00:00Z"}));
}

#[test]
fn characters_nobody_sees_do_not_make_a_title_or_a_link() {
    let feed = "<rss><channel><item><title>\u{feff}\u{200b}</title><link>https://example.com/\u{feff}a</link>\
        <description>Text</description></item></channel></rss>";
    let item = parse_feed(feed.as_bytes()).unwrap().remove(0);
    assert_eq!((item.title.as_str(), item.link), ("Text", None));
}

proptest! {
    #[test]
    fn any_text_in_an_element_is_read_and_fits_the_newsletter(
        title in ".{0,60}", text in ".{0,200}", link in ".{0,40}", date in ".{0,30}"
    ) {
        let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let feed = format!(
            "<rss><channel><item><title>{}</title><link>https://example.com/{}</link><description>{}</description>\
             <pubDate>{}</pubDate></item></channel></rss>",
            escape(&title), escape(&link), escape(&text), escape(&date)
        );
        if let Ok(items) = parse_feed(feed.as_bytes()) {
            let input = json!({"items": items.iter().map(FeedItem::to_value).collect::<Vec<_>>()});
            let recipe = Shelf::built_in().unwrap().get("newsletter").unwrap();
            prop_assert_eq!(recipe.validate(&input), Ok(()));
        }
    }

    #[test]
    fn pieces_of_feeds_never_panic(parts in proptest::collection::vec(
        prop_oneof![
            Just("<rss>"), Just("</rss>"), Just("<channel>"), Just("<item>"), Just("</item>"), Just("<title>"),
            Just("</title>"), Just("<description>"), Just("</description>"), Just("<![CDATA["), Just("]]>"), Just("<!--"),
            Just("-->"), Just("&amp;"), Just("&"), Just("&#x0;"), Just("&#xD800;"), Just("<link href='"), Just("'/>"),
            Just("<!DOCTYPE a ["), Just("xmlns:x=''"), Just("<feed xmlns='http://www.w3.org/2005/Atom'>"), Just("é"),
            Just("<entry>"), Just("</entry>"), Just("<?xml "), Just("?>"), Just("<"), Just(">"), Just("\0")
        ], 0..30)
    ) {
        let text: String = parts.concat();
        let _outcome = parse_feed(text.as_bytes());
        let _outcome = parse_feed(format!("<rss><channel><item>{text}</item></channel></rss>").as_bytes());
    }

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _outcome = parse_feed(&bytes);
    }
}
