//! Sources over HTTP: made, fetched from a loopback server, filled into newsletters, and who sees which.

use crate::site::{Reply, Site};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server of one feed, which can be changed.
struct Feed {
    url: String,
    answer: Arc<Mutex<String>>,
}

fn answer(status: &str, more: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn rss(items: &[(&str, &str)]) -> String {
    let item = |(guid, text): &(&str, &str)| {
        format!(
            "<item><guid isPermaLink=\"false\">{guid}</guid><title>About {guid}</title><link>https://example.com/{guid}?utm_source=rss</link><description>{text}</description></item>"
        )
    };
    let items: String = items.iter().map(item).collect();
    answer("200 OK", "etag: \"7\"\r\n", &format!("<rss version=\"2.0\"><channel>{items}</channel></rss>"))
}

impl Feed {
    async fn start() -> Feed {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/feed.xml", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(rss(&[("a", "Tea is up."), ("b", "Coffee is down.")])));
        let said = Arc::clone(&answer);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.unwrap_or(0) == 1 {
                    head.push(byte[0]);
                }
                let whole = said.lock().unwrap().clone();
                let known =
                    String::from_utf8_lossy(&head).contains("if-none-match: \"7\"") && whole.contains("etag: \"7\"");
                let said =
                    if known { "HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n".to_owned() } else { whole };
                drop(stream.write_all(said.as_bytes()).await);
            }
        });
        Feed { url, answer }
    }

    fn says(&self, whole: String) {
        *self.answer.lock().unwrap() = whole;
    }

    async fn made(&self, site: &Site, user: &str) -> String {
        let made = site.post("/sources", json!({"kind": "feed", "url": self.url, "user": user})).await;
        assert_eq!(made.status, 201, "{}", made.json());
        assert_eq!((&made.json()["state"], &made.json()["schedule"]), (&json!("pending"), &json!("3600s")));
        made.json()["id"].as_str().unwrap().to_owned()
    }
}

async fn fetched(site: &Site, id: &str) -> Value {
    let reply = site.post(&format!("/sources/{id}/fetch"), json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()
}

/// A newsletter of Ann's, as it is kept.
async fn asked(site: &Site, input: Value) -> Value {
    let body = json!({"recipe": "newsletter", "model": "demo/editor", "user": "ann", "input": input});
    let reply = site.post("/generations", body).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    site.get(&format!("/generations/{}", reply.json()["id"].as_str().unwrap())).await.json()
}

fn titles(items: &Value) -> Vec<&str> {
    items.as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_feed_is_fetched_on_demand_and_its_entries_are_kept_once() {
    let (site, feed) = (Site::idle().await, Feed::start().await);
    let id = feed.made(&site, "ann").await;
    let row = fetched(&site, &id).await;
    assert_eq!((&row["state"], &row["items"], &row["new_items"]), (&json!("active"), &json!(2), &json!(2)));
    // Nothing new, said by the server.
    assert_eq!(fetched(&site, &id).await["new_items"], 0);
    feed.says(rss(&[("a", "Tea is way up."), ("c", "Milk is new.")]).replace("\"7\"", "\"8\""));
    assert_eq!(fetched(&site, &id).await["items"], 3);
    let items = site.get(&format!("/sources/{id}/items")).await.json();
    let mut all = titles(&items["data"]);
    all.sort_unstable();
    assert_eq!(all, ["About a", "About b", "About c"]);
    let tea = items["data"].as_array().unwrap().iter().find(|item| item["title"] == "About a").unwrap();
    assert_eq!(tea["text"], "Tea is way up.");
    let log = site.get(&format!("/sources/{id}/fetches")).await.json();
    let said: Vec<_> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["status"].clone(), it["new"].clone(), it["updated"].clone()))
        .collect();
    assert_eq!(
        said,
        [(json!(200), json!(1), json!(1)), (json!(304), json!(0), json!(0)), (json!(200), json!(2), json!(0))]
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_of_the_source_and_keeps_what_is_there() {
    let (site, feed) = (Site::idle().await, Feed::start().await);
    let id = feed.made(&site, "ann").await;
    fetched(&site, &id).await;
    let bomb = "<!DOCTYPE r [<!ENTITY a \"x\"><!ENTITY b \"&a;&a;\">]><opml>&b;</opml>";
    for (said, code) in [
        (answer("500 Oops", "", ""), "http_status"),
        (answer("200 OK", "", "<!doctype html><link type=\"application/rss+xml\" href=\"/real.xml\">"), "not_a_feed"),
        (answer("200 OK", "", bomb), "not_a_feed"),
        (answer("200 OK", "", "<rss><channel><item>"), "broken_feed"),
        (answer("302 Found", "location: http://169.254.169.254/latest\r\n", ""), "blocked"),
        (answer("410 Gone", "", ""), "gone"),
    ] {
        feed.says(said);
        let row = fetched(&site, &id).await;
        assert_eq!((&row["error"]["code"], &row["items"]), (&json!(code), &json!(2)), "{row}");
    }
    let row = site.get(&format!("/sources/{id}")).await.json();
    assert_eq!((&row["state"], &row["failures"]), (&json!("paused"), &json!(6)), "a feed that is gone is paused");
    feed.says(rss(&[("d", "Back.")]));
    assert_eq!(site.post(&format!("/sources/{id}/resume"), json!({})).await.json()["state"], "error");
    let row = fetched(&site, &id).await;
    assert_eq!((&row["state"], &row["failures"], &row["error"]), (&json!("active"), &json!(0), &Value::Null));
    let events = site.get("/events?limit=50").await.json();
    let kinds: Vec<_> =
        events["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["source.failed", "source.recovered"]);
}

#[tokio::test]
async fn a_newsletter_without_items_is_made_of_the_users_sources_and_everybodys() {
    let (site, feed) = (Site::idle().await, Feed::start().await);
    // Nothing is filled in where there is nothing.
    assert!(asked(&site, json!({"topic": "before"})).await.get("filled").is_none());
    let id = feed.made(&site, "ann").await;
    fetched(&site, &id).await;
    let note = json!({"kind": "markdown", "text": "# A note\n\nFor everybody."});
    assert_eq!(site.post("/sources", note).await.status, 201);
    let bobs = json!({"kind": "text", "text": "Bob's own.", "user": "bob"});
    assert_eq!(site.post("/sources", bobs).await.json()["name"], "Bob's own.");
    let kept = asked(&site, json!({"topics": 2})).await;
    assert_eq!(kept["filled"], json!(["items"]));
    let items = &kept["input"]["items"];
    let mut all = titles(items);
    all.sort_unstable();
    assert_eq!(all, ["A note", "About a", "About b"]);
    let tea = items.as_array().unwrap().iter().find(|item| item["title"] == "About a").unwrap();
    assert_eq!(tea["link"], "https://example.com/a", "without what only tracks");
    assert!(tea["id"].as_str().unwrap().starts_with("itm_"), "{tea}");
    // Who says something has said it.
    let own = asked(&site, json!({"items": [{"title": "Mine"}]})).await;
    assert_eq!((titles(&own["input"]["items"]), own.get("filled")), (vec!["Mine"], None));
    assert_eq!(asked(&site, json!({"items": [], "topic": "tea"})).await["input"]["items"], json!([]));
    // A dry run fills, too, and prices what it would send.
    let dry = json!({"recipe": "newsletter", "model": "demo/editor", "user": "ann", "input": {}});
    let with = site.post("/generations?dry_run=true", dry.clone()).await;
    assert_eq!(with.status, 200, "{}", with.json());
    // Another recipe is left alone.
    assert!(site.accept(json!({"user": "ann"})).await.get("filled").is_none());
}

#[tokio::test]
async fn a_regeneration_is_filled_with_what_is_new_and_a_draft_names_its_items() {
    let site = Site::working().await;
    let text = json!({"kind": "markdown", "text": "# First\n\nTea is up a lot this week.", "user": "ann"});
    assert_eq!(site.post("/sources", text).await.status, 201);
    let first = asked(&site, json!({"days": 30})).await;
    site.ended(&first["id"]).await;
    let more = json!({"kind": "markdown", "text": "# Second\n\nCoffee is down.", "user": "ann"});
    assert_eq!(site.post("/sources", more).await.status, 201);
    let again = format!("/drafts/{}/regenerate", first["draft_id"].as_str().unwrap());
    let second = site.post(&again, json!({})).await.json();
    let second = site.get(&format!("/generations/{}", second["id"].as_str().unwrap())).await.json();
    let mut all = titles(&second["input"]["items"]);
    all.sort_unstable();
    assert_eq!((all, &second["input"]["days"]), (vec!["First", "Second"], &json!(30)));
    assert!(site.provider.prompts().iter().any(|prompt| prompt.contains("Tea is up a lot")));
}

async fn refused(reply: Reply, status: u16, pointer: &str) {
    let body = reply.json();
    assert_eq!((reply.status, &body["errors"][0]["pointer"]), (status, &json!(pointer)), "{body}");
}

#[tokio::test]
async fn what_is_wrong_with_a_source_is_said_where_it_is_wrong() {
    let site = Site::idle().await;
    let post = async |body: Value| site.post("/sources", body).await;
    refused(post(json!({"kind": "feed"})).await, 422, "/url").await;
    refused(post(json!({"kind": "feed", "url": "http://10.0.0.1/x"})).await, 422, "/url").await;
    refused(post(json!({"kind": "feed", "url": "file:///etc/passwd"})).await, 422, "/url").await;
    refused(post(json!({"kind": "feed", "url": "https://example.com/", "schedule": "1s"})).await, 422, "/schedule")
        .await;
    refused(post(json!({"kind": "text", "text": " "})).await, 422, "/text").await;
    refused(post(json!({"kind": "text", "text": "x", "schedule": "1h"})).await, 422, "/schedule").await;
    refused(post(json!({"kind": "smoke"})).await, 422, "/kind").await;
    let made = post(json!({"kind": "text", "text": "x", "name": "N"})).await;
    let path = format!("/sources/{}", made.json()["id"].as_str().unwrap());
    refused(site.post(&format!("{path}/fetch"), json!({})).await, 422, "").await;
    let patch = async |tag, body| site.send("PATCH", &path, Some(body), &[("if-match", tag)]).await;
    assert_eq!(patch("\"1\"", json!({"text": "y"})).await.json()["revision"], 2);
    assert_eq!(patch("\"1\"", json!({"text": "z"})).await.code(), "version_conflict");
    assert_eq!(site.get(&format!("{path}/items")).await.json()["data"][0]["text"], "y");
    for days in ["0", "4000", "x"] {
        refused(site.get(&format!("/items?days={days}")).await, 422, "?days").await;
    }
    let unknown = site.get("/items?source_id=src_01900000000000000000000000").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "not_found"));
    let elsewhere = site.elsewhere_in_it().await;
    let unknown = "/sources/src_01900000000000000000000000";
    for (method, path) in [("GET", path.as_str()), ("DELETE", path.as_str()), ("GET", unknown)] {
        let reply = elsewhere.send(method, path, None, &[]).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{method} {path}");
    }
    assert_eq!(site.send("DELETE", &path, None, &[]).await.status, 204);
    assert_eq!(site.get(&path).await.status, 404);
}

#[tokio::test]
async fn the_same_request_twice_makes_one_source() {
    let site = Site::idle().await;
    let body = json!({"kind": "text", "text": "once"});
    let twice = [("idempotency-key", "k1")];
    let first = site.send("POST", "/sources", Some(body.clone()), &twice).await.json();
    let second = site.send("POST", "/sources", Some(body), &twice).await.json();
    assert_eq!((&first["id"], site.get("/sources").await.json()["data"].as_array().unwrap().len()), (&second["id"], 1));
    let other = site.send("POST", "/sources", Some(json!({"kind": "text", "text": "other"})), &twice).await;
    assert_eq!(other.code(), "idempotency_key_reused");
}

#[tokio::test]
async fn a_key_of_one_user_sees_everybodys_and_changes_its_own_only() {
    let site = Site::idle().await;
    let (_, ann) = site.new_key(json!({"role": "member", "user": "ann"})).await;
    let made = async |user: Option<&str>| {
        let made = site.post("/sources", json!({"kind": "text", "text": "x", "user": user})).await.json();
        format!("/sources/{}", made["id"].as_str().unwrap())
    };
    let (everybodys, bobs) = (made(None).await, made(Some("bob")).await);
    let own = site.send_as(&ann, "POST", "/sources", Some(json!({"kind": "text", "text": "mine"}))).await;
    assert_eq!((own.status, &own.json()["user"]), (201, &json!("ann")), "{}", own.json());
    let own = format!("/sources/{}", own.json()["id"].as_str().unwrap());
    let status =
        async |method: &str, path: &str, body: Option<Value>| site.send_as(&ann, method, path, body).await.status;
    let patch = || Some(json!({"name": "New"}));
    assert_eq!((status("GET", &everybodys, None).await, status("GET", &bobs, None).await), (200, 404));
    assert_eq!(
        (
            status("GET", &format!("{everybodys}/items"), None).await,
            status("GET", &format!("{bobs}/items"), None).await
        ),
        (200, 404)
    );
    assert_eq!((status("PATCH", &everybodys, patch()).await, status("PATCH", &own, patch()).await), (404, 200));
    assert_eq!((status("DELETE", &everybodys, None).await, status("DELETE", &bobs, None).await), (404, 404));
    assert_eq!(status("POST", "/sources", Some(json!({"kind": "text", "text": "x", "user": "bob"}))).await, 422);
    let listed = site.send_as(&ann, "GET", "/sources", None).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let items = site.send_as(&ann, "GET", "/items", None).await.json();
    assert_eq!(items["data"].as_array().unwrap().len(), 2);
    let none = site.send_as(&ann, "GET", "/sources?user=bob", None).await.json();
    assert_eq!(none["data"], json!([]));
    assert_eq!(
        (status("DELETE", &own, None).await, site.send_as("no key", "GET", "/sources", None).await.status),
        (204, 401)
    );
}

#[tokio::test]
async fn a_page_of_the_web_is_one_item_and_what_is_none_says_why() {
    let (site, feed) = (Site::idle().await, Feed::start().await);
    feed.says(answer("200 OK", "content-type: text/html\r\n", "<title>Tea</title><link rel=alternate type=application/rss+xml href=feed><nav>Home</nav><p>Tea is up<script>x</script>"));
    let made = site.post("/sources", json!({"kind": "page", "url": feed.url, "user": "ann"})).await.json();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!((&made["kind"], &made["feed_url"]), (&json!("page"), &Value::Null));
    let row = fetched(&site, &id).await;
    let named = feed.url.replace("/feed.xml", "/feed");
    assert_eq!((&row["state"], &row["items"], &row["feed_url"]), (&json!("active"), &json!(1), &json!(named)), "{row}");
    let items = site.get(&format!("/sources/{id}/items")).await.json();
    let item = &items["data"][0];
    assert_eq!((&item["title"], &item["text"], &item["link"]), (&json!("Tea"), &json!("Tea is up"), &json!(feed.url)));
    let kept = asked(&site, json!({"topics": 1})).await;
    assert_eq!(titles(&kept["input"]["items"]), ["Tea"]);
    for (more, body, code) in [
        ("content-type: application/pdf\r\n", "%PDF", "not_a_page"),
        ("content-type: text/html\r\n", "<rss><channel/></rss>", "not_a_page"),
        ("content-type: text/html\r\n", "<div id=app></div><script src=x></script>", "no_text"),
        ("content-type: text/html\r\ncontent-encoding: gzip\r\n", "<p>not packed", "broken"),
        ("content-type: text/html\r\ncontent-encoding: br\r\n", "x", "compressed"),
    ] {
        feed.says(answer("200 OK", more, body));
        let row = fetched(&site, &id).await;
        assert_eq!((&row["error"]["code"], &row["items"]), (&json!(code), &json!(1)), "{row}");
    }
    refused(site.post("/sources", json!({"kind": "page", "url": feed.url, "text": "x"})).await, 422, "/text").await;
    refused(site.post("/sources", json!({"kind": "page"})).await, 422, "/url").await;
}

#[tokio::test]
async fn a_user_has_two_hundred_sources_and_no_more() {
    let site = Site::idle().await;
    for n in 0..200 {
        let made = site.post("/sources", json!({"kind": "text", "text": format!("{n}"), "user": "ann"})).await;
        assert_eq!(made.status, 201, "{}", made.json());
    }
    let more = site.post("/sources", json!({"kind": "text", "text": "more", "user": "ann"})).await;
    assert_eq!((more.status, &more.json()["errors"][0]["code"]), (422, &json!("too_many")), "{}", more.json());
    assert_eq!(site.post("/sources", json!({"kind": "text", "text": "bob", "user": "bob"})).await.status, 201);
}

#[tokio::test]
async fn a_dry_run_shows_what_a_source_would_bring_and_writes_nothing() {
    let (site, feed) = (Site::idle().await, Feed::start().await);
    let tried = async |body: Value| {
        let reply = site.post("/sources?dry_run=true", body).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        reply.json()
    };
    let seen = tried(json!({"kind": "feed", "url": feed.url, "user": "ann"})).await;
    assert_eq!((&seen["object"], &seen["state"], &seen["status"]), (&json!("dry_run"), &json!("active"), &json!(200)));
    assert_eq!(titles(&seen["items"]), ["About b", "About a"]);
    let note = tried(json!({"kind": "markdown", "text": "# A note\n\nWords."})).await;
    assert_eq!(
        (titles(&note["items"]), &note["status"], &note["schedule"]),
        (vec!["A note"], &Value::Null, &Value::Null)
    );
    feed.says(answer("503 Busy", "", ""));
    let ill = tried(json!({"kind": "page", "url": feed.url})).await;
    assert_eq!(
        (&ill["state"], &ill["error"]["code"], &ill["items"]),
        (&json!("error"), &json!("http_status"), &json!([]))
    );
    for (body, pointer) in [
        (json!({"kind": "feed"}), "/url"),
        (json!({"kind": "feed", "url": "http://10.0.0.1/"}), "/url"),
        (json!({"kind": "text", "text": " "}), "/text"),
    ] {
        refused(site.post("/sources?dry_run=true", body).await, 422, pointer).await;
    }
    for list in ["/sources", "/items"] {
        assert_eq!(site.get(list).await.json()["data"], json!([]), "{list}");
    }
}

#[tokio::test]
async fn the_text_of_a_source_can_be_a_files() {
    let site = Site::idle().await;
    let put = async |body: &'static [u8]| {
        let bearer = format!("Bearer {}", site.key);
        let headers = [("authorization", bearer.as_str()), ("content-type", "text/markdown")];
        let reply = site.raw("POST", "/api/v1/files?name=week.md&user=ann", &headers, body).await;
        reply.json()["id"].as_str().unwrap().to_owned()
    };
    let file = put("# The week\n\nTea è up.".as_bytes()).await;
    let made = site.post("/sources", json!({"kind": "markdown", "file_id": file, "user": "ann"})).await;
    assert_eq!((made.status, &made.json()["name"]), (201, &json!("The week")), "{}", made.json());
    assert_eq!(made.json()["text"], "# The week\n\nTea è up.");
    // Another file takes its place, by its id as well.
    let path = format!("/sources/{}", made.json()["id"].as_str().unwrap());
    let next = put(b"# The week after\n\nMilk is up.").await;
    let changed = site.send("PATCH", &path, Some(json!({"file_id": next})), &[]).await;
    assert_eq!((changed.status, &changed.json()["text"]), (200, &json!("# The week after\n\nMilk is up.")));
    assert_eq!(changed.json()["name"], "The week", "what is not named stays");
    let items = site.get(&format!("{path}/items")).await.json();
    assert_eq!((&items["data"][0]["title"], items["data"].as_array().unwrap().len()), (&json!("The week after"), 1));
    let (latin, long) = (put(b"caf\xe9").await, put(&[b'x'; 80_001]).await);
    for (body, pointer) in [
        (json!({"kind": "markdown", "file_id": file, "text": "x"}), "/file_id"),
        (json!({"kind": "feed", "file_id": file, "url": "https://example.com/"}), "/file_id"),
        (json!({"kind": "markdown", "file_id": "x"}), "/file_id"),
        (json!({"kind": "markdown", "file_id": latin}), "/file_id"),
        (json!({"kind": "text", "file_id": long}), "/file_id"),
    ] {
        refused(site.post("/sources", body).await, 422, pointer).await;
    }
    let gone = site.post("/sources", json!({"kind": "text", "file_id": "fil_01900000000000000000000000"})).await;
    assert_eq!((gone.status, gone.code().as_str()), (404, "not_found"));
    for (body, pointer) in [
        (json!({"file_id": next, "text": "x"}), "/file_id"),
        (json!({"file_id": "x"}), "/file_id"),
        (json!({"file_id": latin}), "/file_id"),
    ] {
        refused(site.send("PATCH", &path, Some(body), &[]).await, 422, pointer).await;
    }
    let gone = json!({"file_id": "fil_01900000000000000000000000"});
    assert_eq!(site.send("PATCH", &path, Some(gone), &[]).await.status, 404);
    let feed = site.post("/sources", json!({"kind": "feed", "url": "https://example.com/"})).await.json();
    let feed = format!("/sources/{}", feed["id"].as_str().unwrap());
    refused(site.send("PATCH", &feed, Some(json!({"file_id": next})), &[]).await, 422, "/text").await;
    assert_eq!(site.get(&path).await.json()["text"], "# The week after\n\nMilk is up.", "nothing was changed");
    let (_, blind) = site.new_key(json!({"scopes": ["generations:write", "generations:read"]})).await;
    let unread = site.send_as(&blind, "PATCH", &path, Some(json!({"file_id": file}))).await;
    assert_eq!((unread.status, unread.code().as_str()), (403, "scope_missing"));
    let (_, bob) = site.new_key(json!({"role": "member", "user": "bob"})).await;
    let of_ann = json!({"kind": "markdown", "file_id": file});
    let foreign = site.elsewhere_in_it().await.send("POST", "/sources", Some(of_ann.clone()), &[]).await;
    assert_eq!(foreign.status, 404, "another workspace's");
    let theirs = site.send_as(&bob, "POST", "/sources", Some(of_ann)).await;
    assert_eq!((theirs.status, theirs.code().as_str()), (404, "not_found"), "another user's");
}
