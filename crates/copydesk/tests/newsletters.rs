//! A newsletter by the program itself: a file of people, a test, the order, a kill in the middle, and a link that works after it.

use crate::support::{Place, text};
use copydesk_fakeprovider::{FakeSmtp, Post};
use std::collections::BTreeMap;

const PEOPLE: usize = 60;

fn link(post: &Post) -> String {
    let address = post.header("List-Unsubscribe").expect("a way out").trim_matches(['<', '>', ' ']);
    address.strip_prefix("https://desk.example.com").expect("ours").to_owned()
}

fn place(fake: &FakeSmtp) -> Place {
    Place::new()
        .with("COPYDESK_SMTP_URL", &fake.url())
        .with("COPYDESK_MAIL_FROM", "Ann of Fernleaf <ann@fernleaf.example>")
        .with("COPYDESK_MAIL_PER_SECOND", "1000")
        .with("COPYDESK_MAIL_PER_DAY", "10000")
        .with("COPYDESK_PUBLIC_URL", "https://desk.example.com/")
}

#[test]
fn a_newsletter_survives_a_kill_and_its_links_a_restart() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fake = runtime.block_on(FakeSmtp::start());
    let place = place(&fake);
    let server = place.serve(&[]);
    let people: String = (0..PEOPLE).map(|n| format!("n{n}@x.example,Person {n}\n")).collect();
    place.write("people.csv", format!("E-mail,name\n{people}nobody,Bad\n"));
    let import = ["subscribers", "import", "people.csv", "--column", "address=E-mail"];
    place.run(&[&import[..], &["--dry-run"]].concat()).exits(0).prints("Create 60").says("Nothing was written");
    place.run(&import).exits(0).prints("Create 60, Update 0, Unchanged 0, Skip 1").prints("line 62: address");
    place.run(&import).exits(0).prints("Create 0, Update 0, Unchanged 60, Skip 1");
    place.run(&["subscribers", "lists"]).exits(0).prints("newsletter");
    let draft = text(&place.json(&["generate", "newsletter", "--set", "topic=Tea"]), "/draft/id");
    let send = ["drafts", "send", &draft, "--list", "newsletter"];
    place.run(&send).exits(2).says("publish it first");
    place.run(&["drafts", "send-test", &draft, "ann@x.example"]).exits(0).prints("1 mail");
    runtime.block_on(fake.wait_for(|taken| taken.len() == 1));
    place.run(&["drafts", "publish", &draft]).exits(0);
    place.run(&["suppressions", "add", "n7@X.example", "--reason", "by telephone"]).exits(0).prints("everything");
    let dry = place.run(&send);
    dry.exits(0).prints("59 subscribers would get a mail").prints("1 would not: it wants no mail").says("--yes");

    let mailing = text(&place.json(&[&send[..], &["--yes"]].concat()), "/id");
    runtime.block_on(fake.wait_for(|taken| taken.len() > 20));
    fake.hold(true);
    runtime.block_on(fake.one_is_held());
    server.running.kill();
    fake.hold(false);
    let server = place.serve(&[]);
    place.run(&["mailings", "watch", &mailing]).exits(7).prints("unknown");
    let mut boxes = BTreeMap::<String, usize>::new();
    for post in fake.taken().iter().filter(|post| post.header("List-Id").is_some()) {
        *boxes.entry(post.to[0].clone()).or_default() += 1;
    }
    assert!(boxes.values().all(|count| *count == 1), "{boxes:?}");
    assert!(!boxes.contains_key("n7@x.example"));

    let first = fake.taken().into_iter().find(|post| post.header("List-Id").is_some()).unwrap();
    let path = link(&first);
    let (status, page) = server.http("GET", &path, None, "");
    assert!(status == 200 && page.contains("Unsubscribe from everything"), "{page}");
    assert_eq!(server.http("POST", &path, None, "List-Unsubscribe=One-Click").0, 200);
    assert_eq!(server.http("POST", "/unsubscribe/00", None, "").0, 404);
    place.run(&["suppressions", "ls"]).exits(0).prints("one-click unsubscribe").prints("by telephone");
    place.run(&["subscribers", "ls", "--status", "unsubscribed"]).exits(0).prints(&first.to[0]).prints("n7@x.example");
    place.run(&import).exits(0).prints("2 of them unsubscribed before");
    place.run(&["audit"]).exits(0).says("nothing was found");
    server.stop().exits(0);
}
