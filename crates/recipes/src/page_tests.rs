//! Pages as they are, and pages that mean no good.

use super::*;
use proptest::prelude::*;

fn page(html: &str) -> WebPage {
    read_page(html.as_bytes(), Some("text/html; charset=utf-8")).unwrap()
}

fn text(html: &str) -> String {
    page(html).text
}

const LONG: &str = "Tea went up by a tenth this week, and nobody in the trade can say why; the harvest was good, ships are on \
    time, and warehouses are as full as they were a year ago, says everyone who was asked.";

#[test]
fn the_text_of_an_article_is_read_without_what_surrounds_it() {
    let html = format!(
        r#"<!doctype html><html><head><title>Tea is up | The Paper</title>
        <meta property="og:title" content="Tea is up &amp; away"><style>p{{}}</style>
        <LINK REL="alternate" TYPE='application/rss+xml' href='/feed.xml?a=1&amp;b=2'></head>
        <body><header>The Paper</header><nav><ul><li>Home<li>Trade</ul></nav>
        <main><header><h1>Tea   is
        up</h1></header><p>{LONG}<p>Second&nbsp;line<br>third &lt;b&gt;<ul><li>one<li>two</ul>
        <aside>Buy our mugs</aside><form>Your mail <button>Join</button></form>
        <svg><title>Icon</title><text>drawn</text></svg><div hidden>secret</div><span>end</span>
        <script>document.write("<p>run")</script><noscript>Switch scripts on</noscript></main>
        <div role="navigation">More</div><footer>Imprint</footer></body></html>"#
    );
    let read = page(&html);
    let expected = format!("Tea is up\n{LONG}\nSecond line\nthird <b>\n- one\n- two\nend");
    assert_eq!((read.title.as_deref(), read.text), (Some("Tea is up & away"), expected));
    assert_eq!(read.feed, Some(FeedLink { href: "/feed.xml?a=1&b=2".to_owned(), base: None }));
    assert_eq!(feed_named(html.as_bytes()), read.feed);
}

#[test]
fn the_first_base_of_a_page_is_told_with_its_feed() {
    let link = "<link rel=alternate type=application/atom+xml href=feed>";
    let base = |html: &str| feed_named(html.as_bytes()).unwrap().base;
    for html in [
        format!("<head><base target=_blank><BASE HREF='/a/?x=1&amp;y'><base href=/b/>{link}</head>"),
        format!("<head>{link}<base href=\" /a/?x=1&amp;y \"></head>"),
    ] {
        assert_eq!(base(&html).as_deref(), Some("/a/?x=1&y"), "{html}");
    }
    assert_eq!(base(&format!("<base href=' '>{link}")), None);
    assert_eq!(base(&format!("<!-- <base href=/a/> -->{link}")), None);
    assert_eq!(feed_named(b"<base href=/a/>"), None);
}

#[test]
fn a_part_that_is_marked_counts_only_if_it_says_something() {
    assert_eq!(text(&format!("<div>{LONG}</div><main>Loading</main>")), format!("{LONG}\nLoading"));
    assert_eq!(
        text(&format!("<div>Around</div><article>{LONG}</article><article>And more</article>")),
        format!("{LONG}\nAnd more")
    );
    assert_eq!(text(&format!("<form action=x><div>{LONG}</div></form>")), LONG, "a page that is one form");
    assert_eq!(text("<p>Short"), "Short");
}

#[test]
fn elements_end_with_what_holds_them_and_stray_ends_do_nothing() {
    assert_eq!(text("<div><nav>menu</div></nav></main>words</p>"), "words");
    assert_eq!(text("<p hidden>secret<p>words"), "words");
    assert_eq!(text("<pre>a\n  b</pre>c\nd"), "a\nb\nc d");
    assert_eq!(text("<template/>a<p/>b"), "a\nb");
    assert_eq!(text("<b title='a > b'>x</b> 1 < 2 <3 &unknown; &amp"), "x 1 < 2 <3 &unknown; &amp");
}

#[test]
fn a_page_is_called_by_what_it_says_of_itself() {
    let title = |html: &str| page(html).title;
    assert_eq!(title("<title> The\n paper </title>x").as_deref(), Some("The paper"));
    assert_eq!(title("<title></title><h1>The <b>heading</b></h1><h1>Second</h1>").as_deref(), Some("The heading"));
    assert_eq!(title("words"), None);
    assert_eq!(title(&format!("<title>{}</title>x", "t".repeat(100_000))).unwrap().chars().count(), TITLE_CHARS_MAX);
}

#[test]
fn its_encoding_is_what_its_server_or_its_head_says() {
    let read = |bytes: &[u8], kind: Option<&str>| read_page(bytes, kind).unwrap().text;
    assert_eq!(read(b"<p>caf\xe9", Some("text/html; charset=\"ISO-8859-1\"")), "café");
    assert_eq!(
        read(b"<!doctype html><!-- x --><html><meta charset=windows-1252><p>\x93x\x94", Some("text/html")),
        "“x”"
    );
    let older = b"<meta http-equiv=content-type content='text/html; charset=koi8-r'><p>\xf4\xe5\xf3\xf4";
    assert_eq!(read(older, None), "ТЕСТ");
    assert_eq!(read("\u{feff}<p>é".as_bytes(), Some("text/html; charset=latin1")), "é", "its mark counts more");
    assert_eq!(read("<p>é".as_bytes(), Some("text/html; charset=nonsense")), "é");
    assert_eq!(read(b"<p>caf\xe9 au lait", None), "café au lait", "as browsers guess");
    assert_eq!(
        read(b"<p>one \xff\xfe two", Some("text/html; charset=utf-8")),
        "one two",
        "what is no sign is left out"
    );
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("<p>é".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(read(&utf16, None), "é");
}

#[test]
fn what_is_no_page_says_so() {
    let told = |bytes: &[u8], kind| read_page(bytes, kind).unwrap_err();
    assert_eq!(told(b"%PDF-1.7", Some("application/pdf")), PageError::OtherType("application/pdf".to_owned()));
    assert_eq!(
        told(b"{}", Some("application/json; charset=utf-8")),
        PageError::OtherType("application/json".to_owned())
    );
    assert!(matches!(told(b"plain words", None), PageError::OtherType(_)));
    assert_eq!(told(b" \n", Some("text/html")), PageError::Empty);
    for feed in ["<?xml version='1.0'?><rss><channel/></rss>", "<feed xmlns='x'/>"] {
        assert_eq!(told(feed.as_bytes(), Some("text/html")), PageError::Feed);
    }
    let app = b"<html><title>App</title><div id=root></div><script src=/app.js></script><noscript>No</noscript>";
    assert_eq!(told(app, Some("text/html")), PageError::OnlyScripts);
    assert_eq!(told(b"<html><img src=x><nav>menu</nav>", None), PageError::NoText);
}

#[test]
fn hostile_pages_take_one_pass_and_no_depth() {
    let size = 256 * 1024;
    let many = |piece: &str| piece.repeat(size / piece.len());
    let mut pages: Vec<String> = [
        "<div>",
        "<",
        "<a ",
        "<a b='",
        "<!--",
        "<!",
        "&",
        "</",
        "</div>",
        "<script>",
        "<p>",
        "<li>",
        "<nav>",
        "<main>x",
        "<title>",
        "<div></span>",
        "<div><p></nav>",
        "<h1>x",
        "<svg><title>",
        "<meta content=",
        "<link rel=alternate ",
        "<form>x</form>",
        "<td>",
        "<textarea></",
        "<x\u{e9}\u{1f600}",
        "<p a=\u{e9}>",
        "x=\"",
        "<pre>\n",
    ]
    .map(many)
    .into();
    pages.push(format!("<div>{}</div>words", many("<span>")));
    pages.push(format!("<p class=\"{}\">words", many("a ")));
    pages.push(format!("<p {}>words", many("a=b ")));
    pages.push(format!("{}words{}", "<div>".repeat(400_000), "</div>".repeat(400_000)));
    for html in pages {
        // Would take minutes where it were not one pass.
        let read = read_page(html.as_bytes(), Some("text/html"));
        let start: String = html.chars().take(20).collect();
        assert!(read.is_err() || read.is_ok_and(|page| page.text.chars().count() <= TEXT_CHARS_MAX), "{start}");
    }
    assert_eq!(text(&format!("{}words", "<div>".repeat(100_000))), "words");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(read_page(&bytes, None));
        drop(feed_named(&bytes));
    }

    #[test]
    fn any_mix_of_markup_is_read_or_refused(
        pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                "<", ">", "p", "</p>", "<nav ", "\"", "'", "=", "é", "&", ";", "amp", "<!--", "-->", "<title>", "</title", "/", " ",
                "<script>", "</script>", "<main", "<h1>", "hidden", "\u{1f600}",
            ]),
            0..60,
        )
    ) {
        let html: String = pieces.concat();
        if let Ok(page) = read_page(html.as_bytes(), Some("text/html")) {
            prop_assert!(!page.text.is_empty());
        }
    }
}
