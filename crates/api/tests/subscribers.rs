//! Newsletters over HTTP, to a real mail server on loopback: who is on a list, who gets what, how one gets no more of it, and what
//! a mail looks like to another reader.

use crate::site::{Setup, Site};
use copydesk_core::Timestamp;
use copydesk_core::mail::Limits;
use copydesk_desk::clock::{HandClock, SystemDice};
use copydesk_desk::mail::MailConfig;
use copydesk_desk::store::Scope;
use copydesk_desk::{DeskConfig, World};
use copydesk_fakeprovider::{FakeSmtp, Post};
use copydesk_smtp::{Server, Smtp, Waits};
use copydesk_store_tests::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const BASE: &str = "https://desk.example.com";

fn setup(fake: &FakeSmtp, public_url: Option<&str>) -> Setup {
    let limits = Limits { per_day: 1_000, reserve: 10, every: Duration::from_micros(1) };
    let from = Some("Ann of Fernleaf <ann@fernleaf.example>".to_owned());
    let mail = MailConfig { from, limits, public_url: public_url.map(str::to_owned), ..MailConfig::default() };
    let server = Server::parse(&fake.url()).unwrap();
    let mailer = Smtp { server, waits: Waits::default(), hello: "fernleaf.example".to_owned() };
    let config = DeskConfig { mail, max_concurrent: Some(8), ..DeskConfig::default() };
    Setup { config, mailer: Some(Arc::new(mailer)), ..Setup::default() }
}

async fn site(fake: &FakeSmtp) -> Site {
    let site = Site::made(setup(fake, Some(BASE))).await;
    site.desk.start_working().await.unwrap();
    site
}

/// A newsletter that may go out.
async fn published(site: &Site) -> String {
    let asked = json!({"recipe": "newsletter", "input": {"topic": "Tea & <b>more</b>"}, "model": "demo/editor"});
    let made = site.send("POST", "/generations", Some(asked), &[("prefer", "wait=30")]).await.json();
    let draft = made["draft_id"].as_str().unwrap().to_owned();
    assert_eq!(site.post(&format!("/drafts/{draft}/publish"), json!({})).await.status, 200);
    draft
}

async fn import(site: &Site, query: &str, kind: &str, file: &str) -> Value {
    let bearer = format!("Bearer {}", site.key);
    let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
    let reply = site.raw("POST", &format!("/api/v1/subscribers/import{query}"), &headers, file.to_owned()).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()
}

fn counts(outcome: &Value) -> [u64; 5] {
    ["created", "updated", "unchanged", "skipped", "unsubscribed"].map(|name| outcome[name].as_u64().unwrap())
}

async fn add(site: &Site, address: &str) -> Value {
    let reply =
        site.post("/subscribers", json!({"address": address, "name": "Ann, \"of\" Tea\r\nBcc: all@z.example"})).await;
    assert!(reply.status < 300, "{}", reply.json());
    reply.json()
}

async fn ended(site: &Site, mailing: &Value) -> Value {
    let id = mailing["id"].as_str().unwrap_or_else(|| panic!("{mailing}"));
    site.desk.wait_for_mailing(Scope::DEFAULT, id.parse().unwrap(), Duration::from_secs(60)).await.unwrap();
    site.get(&format!("/mailings/{id}")).await.json()
}

async fn send(site: &Site, draft: &str) -> Value {
    let reply = site.post(&format!("/drafts/{draft}/send"), json!({"list": "newsletter"})).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    ended(site, &reply.json()).await
}

/// The path of the way out, as a mail program finds it.
fn link(post: &Post) -> String {
    let address = post.header("List-Unsubscribe").expect("a way out");
    let address = address.trim().strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).expect("an address");
    address.strip_prefix(BASE).expect("ours").to_owned()
}

fn to<'a>(fake: &'a [Post], address: &str) -> &'a Post {
    fake.iter().find(|post| post.to == [address]).unwrap_or_else(|| panic!("nothing to {address}"))
}

async fn click(site: &Site, path: &str, form: &'static str) -> (u16, String) {
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let reply = site.raw("POST", path, &kind, form).await;
    (reply.status, String::from_utf8(reply.bytes.to_vec()).unwrap())
}

async fn look(site: &Site, path: &str) -> (u16, String) {
    let reply = site.raw("GET", path, &[], "").await;
    (reply.status, String::from_utf8(reply.bytes.to_vec()).unwrap())
}

async fn wishes(site: &Site) -> Vec<Value> {
    site.get("/suppressions").await.json()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_file_of_people_is_taken_in_once_and_says_what_is_wrong_with_it() {
    let fake = FakeSmtp::start().await;
    let site = site(&fake).await;
    let file = "E-mail,name,colour\nAnn@X.example,Ann,red\nnobody,,\n,Eve,\nann@x.example,Again,\nb@x.example,,\n\"c@x.example\",\"Cat, the \"\"first\"\"\",\n";
    let query = "?columns=address:E-mail&list=tea";
    let dry = import(&site, &format!("{query}&dry_run=true"), "text/csv", file).await;
    assert_eq!((counts(&dry), &dry["dry_run"]), ([3, 0, 0, 3, 0], &json!(true)));
    assert_eq!(site.get("/subscribers").await.json()["data"], json!([]));
    let first = import(&site, query, "text/csv", file).await;
    assert_eq!(counts(&first), [3, 0, 0, 3, 0]);
    let skips: Vec<_> = first["skips"]
        .as_array()
        .unwrap()
        .iter()
        .map(|skip| (skip["line"].as_u64().unwrap(), skip["code"].as_str().unwrap()))
        .collect();
    assert_eq!(skips, [(3, "bad_email"), (4, "no_email"), (5, "duplicate_row")]);
    assert_eq!(counts(&import(&site, query, "text/csv", file).await), [0, 0, 3, 3, 0], "the same file changes nothing");
    site.post("/suppressions", json!({"address": "B@x.example", "list": "tea", "reason": "by telephone"})).await;
    let lines = "{\"address\":\"b@x.example\",\"name\":\"Bob\"}\n{\"address\":\"d@x.example\"}\n";
    let again = import(&site, "?list=tea", "application/x-ndjson", lines).await;
    assert_eq!(counts(&again), [1, 1, 0, 0, 1], "who is gone stays gone, and it is said");
    let gone = site.get("/subscribers?status=unsubscribed&list=tea").await.json();
    assert_eq!(
        (&gone["data"][0]["address"], &gone["data"][0]["unsubscribed"]["reason"]),
        (&json!("b@x.example"), &json!("by telephone"))
    );
    let lists = site.get("/subscribers/lists").await.json();
    assert_eq!(
        (&lists["data"][0]["list"], &lists["data"][0]["active"], &lists["data"][0]["unsubscribed"]),
        (&json!("tea"), &json!(3), &json!(1))
    );
    let named = site.get("/subscribers?address=ANN@x.example").await.json();
    assert_eq!(named["data"].as_array().unwrap().len(), 1);
    for bad in ["a,b", "A", "%0d%0aBcc", ""] {
        let refused = site.get(&format!("/subscribers?list={bad}")).await;
        assert!(bad.is_empty() || refused.status == 422, "{bad}: {}", refused.status);
    }
}

#[tokio::test]
async fn a_newsletter_reaches_everybody_on_the_list_once_and_another_reader_reads_it() {
    let fake = FakeSmtp::start().await;
    let site = site(&fake).await;
    let draft = published(&site).await;
    add(&site, "Ann@x.example").await;
    add(&site, "bob@x.example").await;
    site.post("/suppressions", json!({"address": "bob@x.example"})).await;
    add(&site, "cat@x.example").await;
    let body = json!({"list": "newsletter"});
    let outlook = site.post(&format!("/drafts/{draft}/send?dry_run=true"), body.clone()).await.json();
    assert_eq!(
        (&outlook["queued"], &outlook["skipped"]["unsubscribed"]),
        (&json!(2), &json!({"count": 1, "why": "it wants no mail"}))
    );
    let mailing = send(&site, &draft).await;
    assert_eq!(
        (&mailing["kind"], &mailing["total"], &mailing["counts"]["sent"], &mailing["counts"]["skipped"]),
        (&json!("newsletter"), &json!(3), &json!(2), &json!(1))
    );
    let taken = fake.taken();
    assert_eq!(taken.len(), 2);
    let post = to(&taken, "Ann@x.example");
    assert_eq!(post.header("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    assert_eq!(post.header("List-Id"), Some("<newsletter.fernleaf.example>"));
    assert_eq!(post.header("Bcc"), None);
    assert_ne!(link(post), link(to(&taken, "cat@x.example")));
    let read = mail_parser::MessageParser::default().parse(post.message.as_bytes()).unwrap();
    let title = site.get(&format!("/drafts/{draft}")).await.json()["content"]["title"].as_str().unwrap().to_owned();
    assert_eq!(read.subject(), Some(title.as_str()));
    let (text, html) = (read.body_text(0).unwrap(), read.body_html(0).unwrap());
    for said in [&text, &html] {
        assert!(said.contains(&format!("{BASE}{}", link(post))) && said.contains("on the list newsletter"), "{said}");
    }
    assert!(html.contains("style=") && !html.contains("<b>more"), "{html}");
    // Whatever is clicked, nobody gets it twice; a second order has nothing to send.
    let second = send(&site, &draft).await;
    assert_eq!((&second["counts"]["sent"], &second["counts"]["skipped"]), (&json!(0), &json!(3)));
    assert_eq!(fake.taken().len(), 2);
    let mails = site.get(&format!("/mailings/{}/mails?status=sent", mailing["id"].as_str().unwrap())).await.json();
    assert_eq!((&mails["data"][0]["list"], &mails["data"][0]["kind"]), (&json!("newsletter"), &json!("newsletter")));
    assert!(mails["data"][0]["subscriber_id"].as_str().unwrap().starts_with("sub_"));
}

/// Ordered on a desk that does nothing yet: the answer says that it is being written, and its end waits for the last.
#[tokio::test]
async fn a_newsletter_is_answered_before_its_mails_are_written_and_says_so() {
    let fake = FakeSmtp::start().await;
    let site = site(&fake).await;
    let draft = published(&site).await;
    for n in 0..30 {
        add(&site, &format!("n{n}@x.example")).await;
    }
    let nobody = site.post(&format!("/drafts/{draft}/send"), json!({"list": "empty"})).await;
    assert_eq!((nobody.status, &nobody.json()["errors"][0]["code"]), (422, &json!("nobody")));
    site.faults.hold(Method::FillMailing);
    let (path, key) = (format!("/drafts/{draft}/send"), [("idempotency-key", "one")]);
    let first = site.send("POST", &path, Some(json!({"list": "newsletter"})), &key).await;
    let body = first.json();
    assert_eq!((first.status, &body["filling"], &body["total"]), (202, &json!(true), &json!(0)));
    assert_eq!((&body["status"], &body["finished_at"]), (&json!("sending"), &Value::Null));
    let again = site.send("POST", &path, Some(json!({"list": "newsletter"})), &key).await;
    assert_eq!((again.status, &again.json()["id"], &again.json()["filling"]), (200, &body["id"], &json!(true)));
    site.faults.let_go();
    let whole = ended(&site, &body).await;
    assert_eq!(
        (&whole["filling"], &whole["status"], &whole["total"], &whole["counts"]["sent"]),
        (&json!(false), &json!("finished"), &json!(30), &json!(30))
    );
}

#[tokio::test]
async fn the_link_takes_off_whoever_says_so_and_looking_changes_nothing() {
    let fake = FakeSmtp::start().await;
    let site = site(&fake).await;
    let draft = published(&site).await;
    for one in ["ann@x.example", "bob@x.example", "cat@x.example"] {
        add(&site, one).await;
    }
    send(&site, &draft).await;
    let taken = fake.taken();
    let ann = link(to(&taken, "ann@x.example"));
    let (status, page) = look(&site, &ann).await;
    assert_eq!(status, 200);
    assert!(page.contains("a\u{2026}@x.example") && !page.contains("ann@"), "{page}");
    assert!(wishes(&site).await.is_empty(), "a mail scanner changed something");
    // The button, twice; then everything.
    for _ in 0..2 {
        let (status, page) = click(&site, &ann, "from=list").await;
        assert!(status == 200 && page.contains("gets no more mails of the list"), "{page}");
    }
    let said = wishes(&site).await;
    assert_eq!(
        (said.len(), &said[0]["list"], &said[0]["reason"]),
        (1, &json!("newsletter"), &json!("unsubscribe link"))
    );
    assert!(said[0]["mail_id"].as_str().unwrap().starts_with("eml_"));
    let (_, page) = click(&site, &ann, "from=everything").await;
    assert!(page.contains("gets no more mails from us"), "{page}");
    assert_eq!(wishes(&site).await.len(), 2);
    // RFC 8058: the mail program says it.
    let bob = link(to(&taken, "bob@x.example"));
    assert_eq!(click(&site, &bob, "List-Unsubscribe=One-Click").await.0, 200);
    assert_eq!(wishes(&site).await[0]["reason"], "one-click unsubscribe");
    let events = site.get("/events?limit=500").await.json();
    let told = events["data"].as_array().unwrap().iter().filter(|event| event["type"] == "subscriber.unsubscribed");
    assert_eq!(told.count(), 3);
    // A link of another installation, a broken one, and one of another mail's mailing.
    let mut broken = ann.clone();
    broken.truncate(ann.len() - 1);
    broken.push(if ann.ends_with('0') { '1' } else { '0' });
    for bad in [broken.as_str(), "/unsubscribe/x", &ann[..ann.len() - 2]] {
        let (status, page) = look(&site, bad).await;
        assert!(status == 404 && page.contains("This link does not work"), "{bad}: {page}");
        assert_eq!(click(&site, bad, "from=everything").await.0, 404);
    }
    assert_eq!(wishes(&site).await.len(), 3);
    // Only an operator brings somebody back, and the next issue goes to who wants it.
    let second = published(&site).await;
    let mailing = send(&site, &second).await;
    assert_eq!((&mailing["counts"]["sent"], &mailing["counts"]["skipped"]), (&json!(1), &json!(2)));
    let id = wishes(&site).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(site.send("DELETE", &format!("/suppressions/{id}"), None, &[]).await.status, 204);
    assert_eq!(send(&site, &second).await["counts"]["sent"], 1, "bob is back");
}

#[tokio::test]
async fn a_mail_to_a_prospect_names_the_way_out_of_everything() {
    let fake = FakeSmtp::start().await;
    let site = site(&fake).await;
    let body = json!({"name": "Ann", "contact_email": "ann@x.example", "verification_status": "verified",
        "source_type": "website", "facts": {"page_text": "We sell tea."}});
    let ann = site.post("/prospects", body).await.json()["id"].clone();
    let job = json!({"recipe": "outreach", "prospects": {"ids": [ann]}, "input": {"sender": "We are Fernleaf."}});
    assert_eq!(site.send("POST", "/jobs", Some(job), &[("prefer", "wait=30")]).await.json()["drafts_created"], 1);
    let prospect = site.get(&format!("/prospects/{}", ann.as_str().unwrap())).await.json();
    site.post(&format!("/drafts/{}/approve", prospect["draft"]["id"].as_str().unwrap()), json!({})).await;
    let mailing = site.post("/mailings", json!({"prospects": {"ids": [ann]}})).await.json();
    assert_eq!(ended(&site, &mailing).await["counts"]["sent"], 1);
    let taken = fake.taken();
    let post = to(&taken, "ann@x.example");
    assert_eq!(post.header("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    assert_eq!(post.header("List-Id"), None, "it is of no list");
    let way = link(post);
    let (status, page) = look(&site, &way).await;
    assert!(status == 200 && page.contains("no more mails from us") && !page.contains("of the list"), "{page}");
    assert!(wishes(&site).await.is_empty(), "looking changes nothing");
    assert_eq!(click(&site, &way, "List-Unsubscribe=One-Click").await.0, 200);
    let said = wishes(&site).await;
    assert_eq!((said.len(), &said[0]["list"], &said[0]["address"]), (1, &Value::Null, &json!("ann@x.example")));
    let again = site.post("/mailings?dry_run=true", json!({"prospects": {"ids": [ann]}, "again": true})).await.json();
    assert_eq!((&again["queued"], &again["skipped"]["unsubscribed"]["count"]), (&json!(0), &json!(1)), "{again}");
}

#[tokio::test]
async fn who_tries_links_that_are_none_waits_and_the_real_one_beside_him_does_not() {
    let fake = FakeSmtp::start().await;
    // A clock that stands still: a slow machine gives no more tries.
    let clock = HandClock::at(Timestamp::from_micros(1_767_268_800_000_000));
    let world = World::new(clock.clone(), Arc::new(SystemDice::default()));
    let site = Site::made(Setup { world, ..setup(&fake, Some(BASE)) }).await;
    site.desk.start_working().await.unwrap();
    let draft = published(&site).await;
    add(&site, "ann@x.example").await;
    send(&site, &draft).await;
    let ann = link(to(&fake.taken(), "ann@x.example"));
    let (guesser, other) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    let mut answers = Vec::new();
    for number in 0..1_000 {
        // Each differs from the real one where its signature stands.
        let forged = format!("{}{number:08x}", &ann[..ann.len() - 8]);
        let method = if number % 2 == 0 { "GET" } else { "POST" };
        answers.push(site.raw_from(guesser, method, &forged).await.status);
    }
    assert!(answers.iter().filter(|status| **status == 404).count() < 100, "few of them were looked up");
    assert_eq!((answers[0], answers.last()), (404, Some(&429)));
    for method in ["GET", "POST"] {
        let barred = site.raw_from(guesser, method, &ann).await;
        assert_eq!(
            (barred.status, barred.code().as_str()),
            (429, "rate_limited"),
            "the right one is not looked at, either"
        );
        assert!(!barred.header("retry-after").is_empty());
    }
    assert!(wishes(&site).await.is_empty(), "nothing was changed");
    assert_eq!(site.raw_from(other, "GET", &ann).await.status, 200);
    clock.advance(Duration::from_secs(60));
    assert_eq!(site.raw_from(guesser, "POST", &ann).await.status, 200, "he has waited");
    assert_eq!(wishes(&site).await.len(), 1);
}

#[tokio::test]
async fn a_test_goes_to_whom_it_is_shown_and_takes_nobody_off() {
    let fake = FakeSmtp::start().await;
    let site = site(&fake).await;
    let asked = json!({"recipe": "newsletter", "input": {"topic": "Tea"}, "model": "demo/editor"});
    let made = site.send("POST", "/generations", Some(asked), &[("prefer", "wait=30")]).await.json();
    let draft = made["draft_id"].as_str().unwrap().to_owned();
    add(&site, "ann@x.example").await;
    let path = format!("/drafts/{draft}/send_test");
    let mailing = ended(&site, &site.post(&path, json!({"to": ["ann@x.example", "ANN@x.example"]})).await.json()).await;
    assert_eq!(
        (&mailing["kind"], &mailing["total"], &mailing["counts"]["sent"]),
        (&json!("test"), &json!(1), &json!(1))
    );
    let post = &fake.taken()[0];
    assert!(post.header("Subject").unwrap().starts_with("[Test] "));
    assert_eq!((post.header("List-Unsubscribe"), post.header("List-Id")), (None, None));
    let text = post.message.replace("=\r\n", "");
    let token = text.split("/unsubscribe/").nth(1).expect("a link to look at");
    let token: String = token.chars().take_while(char::is_ascii_hexdigit).collect();
    for (status, page) in [
        look(&site, &format!("/unsubscribe/{token}")).await,
        click(&site, &format!("/unsubscribe/{token}"), "from=everything").await,
    ] {
        assert!(status == 200 && page.contains("This was a test"), "{page}");
    }
    assert!(wishes(&site).await.is_empty());
    let early = site.post(&format!("/drafts/{draft}/send"), json!({"list": "newsletter"})).await;
    assert_eq!((early.status, &early.json()["errors"][0]["code"]), (422, &json!("not_published")));
    site.post(&format!("/drafts/{draft}/publish"), json!({})).await;
    assert_eq!(send(&site, &draft).await["counts"]["sent"], 1, "a test is in nobody's way");
    for bad in [
        json!({"to": []}),
        json!({"to": ["a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example", "f@x.example"]}),
        json!({"to": ["ann"]}),
    ] {
        assert_eq!(site.post(&path, bad).await.status, 422);
    }
}

#[tokio::test]
async fn a_newsletter_without_a_public_address_is_refused_and_says_which_setting_is_missing() {
    let fake = FakeSmtp::start().await;
    let site = Site::made(setup(&fake, None)).await;
    site.desk.start_working().await.unwrap();
    let draft = published(&site).await;
    add(&site, "ann@x.example").await;
    let refused = site.post(&format!("/drafts/{draft}/send"), json!({"list": "newsletter"})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "mail_not_set_up"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("public_url"), "{}", refused.json());
    assert_eq!(site.get("/mailings").await.json()["data"], json!([]));
}

#[tokio::test]
async fn a_key_of_one_user_and_another_workspace_find_nobody() {
    let fake = FakeSmtp::start().await;
    let site = site(&fake).await;
    let one = add(&site, "ann@x.example").await;
    let wish = site.post("/suppressions", json!({"address": "ann@x.example"})).await.json();
    let (_, key) = site.new_key(json!({"role": "member", "user": "anna"})).await;
    let foreign = site.key_in(crate::site::other_workspace()).await;
    for key in [&key, &foreign] {
        for path in ["/subscribers", "/suppressions"] {
            assert_eq!(site.send_as(key, "GET", path, None).await.json()["data"], json!([]), "{path}");
        }
        for (method, path) in [
            ("GET", format!("/subscribers/{}", one["id"].as_str().unwrap())),
            ("DELETE", format!("/subscribers/{}", one["id"].as_str().unwrap())),
            ("DELETE", format!("/suppressions/{}", wish["id"].as_str().unwrap())),
        ] {
            assert_eq!(site.send_as(key, method, &path, None).await.status, 404, "{method} {path}");
        }
    }
    let body = json!({"address": "bob@x.example"});
    for path in ["/subscribers", "/suppressions"] {
        assert_eq!(site.send_as(&key, "POST", path, Some(body.clone())).await.status, 404, "{path}");
    }
    assert_eq!(wishes(&site).await.len(), 1);
}
