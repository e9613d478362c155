//! What people read: the reference, the pages of the codes, and how they may be kept.

use crate::contract::operations;
use crate::site::Site;
use copydesk_api::codes;
use copydesk_desk::clock::{HandClock, SystemDice};
use copydesk_desk::{DeskConfig, World};
use copydesk_store_tests::ModelStore;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");

async fn read(site: &Site, path: &str) -> String {
    let reply = site.raw("GET", path, &[HTML], "").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
    String::from_utf8(reply.bytes).unwrap()
}

fn attributes<'a>(html: &'a str, name: &str) -> BTreeSet<&'a str> {
    let opening = format!(" {name}=\"");
    html.split(opening.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn the_reference_shows_every_operation_and_every_link_in_it_leads_somewhere() {
    let site = Site::idle().await;
    let html = read(&site, "/docs").await;
    let ids = attributes(&html, "id");
    for (_, _, operation) in operations() {
        assert!(ids.contains(operation["operationId"].as_str().unwrap()), "{operation}");
    }
    for link in attributes(&html, "href") {
        match link.strip_prefix('#') {
            Some(anchor) => assert!(ids.contains(anchor), "{link} leads nowhere"),
            None => assert_eq!(site.raw("GET", link, &[], "").await.status, 200, "{link}"),
        }
    }
    let balanced = |tag: &str| html.matches(&format!("<{tag}")).count() == html.matches(&format!("</{tag}>")).count();
    assert!(["section", "details", "dl", "pre", "ul"].into_iter().all(balanced));
}

#[tokio::test]
async fn pages_run_nothing_load_nothing_and_are_kept_until_they_change() {
    let site = Site::idle().await;
    for path in ["/docs", "/docs/errors", "/docs/errors/queue_full", "/docs/style.css", "/llms.txt", "/openapi.json"] {
        let first = site.raw("GET", path, &[HTML], "").await;
        assert!(first.header("content-security-policy").starts_with("default-src 'none'; style-src 'self';"), "{path}");
        let text = String::from_utf8_lossy(&first.bytes).into_owned();
        for never in ["<script", " style=\"", "src=", "url(", "@import", "javascript:"] {
            assert!(!text.contains(never), "{path} has {never}");
        }
        let tag = first.header("etag").to_owned();
        let again = site.raw("GET", path, &[HTML, ("if-none-match", &tag)], "").await;
        assert_eq!((again.status, again.bytes.len(), again.header("etag")), (304, 0, tag.as_str()), "{path}");
        assert_eq!(site.raw("GET", path, &[HTML, ("if-none-match", "\"old\"")], "").await.status, 200);
        assert_eq!(site.raw("HEAD", path, &[HTML], "").await.status, 200);
    }
}

#[tokio::test]
async fn a_code_is_html_for_browsers_and_markdown_for_everybody_else() {
    let site = Site::idle().await;
    let index = read(&site, "/docs/errors").await;
    for code in codes() {
        let path = format!("/docs/errors/{}", code.as_str());
        assert!(attributes(&index, "href").contains(path.as_str()), "{path}");
        let html = read(&site, &path).await;
        assert!(html.contains("<h2>Is anything charged?</h2>") && !html.contains('`'), "{path}");
        for (path, accept) in [(path.clone(), "*/*"), (format!("{path}.md"), HTML.1)] {
            let plain = site.raw("GET", &path, &[("accept", accept)], "").await;
            assert_eq!(plain.header("content-type"), "text/markdown; charset=utf-8", "{path}");
            assert_eq!(plain.bytes, copydesk_api::page(*code).as_bytes());
        }
    }
}

#[tokio::test]
async fn whom_to_tell_of_a_hole_is_said_where_people_look_for_it() {
    let hand = HandClock::at("2026-03-04T05:06:07Z".parse().unwrap());
    let world = World::new(hand.clone(), Arc::new(SystemDice::default()));
    let site = Site::in_world(world, DeskConfig::default(), ModelStore::new()).await;
    let path = "/.well-known/security.txt";
    let nobody = site.raw("GET", path, &[], "").await;
    assert_eq!((nobody.status, nobody.code().as_str()), (404, "not_found"));
    assert!(nobody.json()["hint"].as_str().unwrap().contains("COPYDESK_SECURITY_CONTACT"));
    let site = site.set_up(|api| api.security_contact = Some("mailto:security@example.com".to_owned()));
    let reply = site.raw("GET", path, &[], "").await;
    let text = String::from_utf8(reply.bytes.clone()).unwrap();
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/plain; charset=utf-8"));
    let wanted = "Contact: mailto:security@example.com\nExpires: 2026-09-02T00:00:00Z\n\
                  Canonical: https://desk.example/.well-known/security.txt\n";
    assert_eq!(text, wanted);
    hand.advance(Duration::from_secs(3_600));
    let again = site.raw("GET", path, &[("if-none-match", reply.header("etag"))], "").await;
    assert_eq!(again.status, 304, "it changes once a day");
    hand.advance(Duration::from_secs(24 * 3_600));
    let later = String::from_utf8(site.raw("GET", path, &[], "").await.bytes).unwrap();
    assert!(later.contains("Expires: 2026-09-03T00:00:00Z"), "{later}");
}
