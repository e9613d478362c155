//! Mail by the program itself, to a mail server on loopback: ordered, sent, killed in the middle, and then what the server has
//! compared with what the send log says.

use crate::postgres::Database;
use crate::support::{Place, text};
use copydesk_fakeprovider::FakeSmtp;
use serde_json::Value;
use std::collections::BTreeMap;

const EXAMPLE: &str = include_str!("../../../examples/outreach/prospects.csv");
/// Of the example's prospects, those with an address.
const PEOPLE: usize = 117;
/// How many have a mail when the program is killed.
const KILLED_AT: usize = 40;

/// The example's prospects with approved drafts; the server that drafted them still runs.
fn approved(place: &Place) -> crate::support::Server {
    place.write("people.csv", EXAMPLE);
    place.write("sender.txt", "We are Fernleaf.\n");
    let server = place.serve(&[]);
    place.run(&["prospects", "import", "people.csv", "--assume-tz", "Europe/Warsaw"]).exits(0).prints("Create 117,");
    let start = ["jobs", "start", "--recipe", "outreach", "--sender", "sender.txt", "--set", "tone=warm"];
    place.run(&[&start[..], &["--prospects", "eligible", "--watch"]].concat()).exits(0);
    place
        .run(&["mailings", "send", "--prospects", "eligible"])
        .exits(0)
        .prints("117 would not: nobody has approved its draft");
    place.run(&["bulk", "approve", "--recipe", "outreach", "--yes"]).exits(0).prints("117 done");
    server
}

fn dressed(place: Place, fake: &FakeSmtp) -> Place {
    place
        .with("COPYDESK_SMTP_URL", &fake.url())
        .with("COPYDESK_MAIL_FROM", "Ann of Fernleaf <ann@fernleaf.example>")
        .with("COPYDESK_MAIL_PER_SECOND", "1000")
        .with("COPYDESK_MAIL_PER_DAY", "10000")
        .with("COPYDESK_MAX_CONCURRENT", "32")
}

/// How often each message id is in the mailboxes.
fn arrived(fake: &FakeSmtp) -> BTreeMap<String, usize> {
    let mut arrived = BTreeMap::new();
    for post in fake.taken() {
        *arrived.entry(post.header("Message-ID").unwrap().to_owned()).or_default() += 1;
    }
    arrived
}

fn log(place: &Place, mailing: &str) -> Vec<Value> {
    place.json(&["mailings", "show", mailing, "--limit", "1000"])["mails"].as_array().unwrap().clone()
}

/// Killed while the server has a mail and has not answered: what went stays, what is in doubt says so, the rest goes, and
/// nobody has two.
fn killed_in_the_middle(place: &Place, fake: &FakeSmtp, runtime: &tokio::runtime::Runtime) {
    let server = approved(place);
    place
        .run(&["mailings", "send", "--prospects", "eligible"])
        .exits(0)
        .prints("117 prospects would get a mail")
        .says("--yes");
    place
        .run(&["mailings", "send", "--prospects", "eligible", "--yes"])
        .exits(0)
        .prints("117 mails")
        .says("mailings watch mlg_");
    let mailing = text(&place.json(&["mailings", "ls"]), "/data/0/id");
    runtime.block_on(fake.wait_for(|taken| taken.len() >= KILLED_AT));
    fake.hold(true);
    runtime.block_on(fake.one_is_held());
    server.running.kill();
    fake.hold(false);

    let server = place.serve(&[]);
    place.run(&["mailings", "watch", &mailing]).exits(7).prints("unknown").says("--status unknown");
    let (boxes, log) = (arrived(fake), log(place, &mailing));
    assert_eq!(log.len(), PEOPLE);
    let mut counts = BTreeMap::<&str, usize>::new();
    for line in &log {
        let (id, status) = (line["message_id"].as_str().unwrap(), line["status"].as_str().unwrap());
        let times = boxes.get(id).copied().unwrap_or_default();
        *counts.entry(status).or_default() += 1;
        match status {
            "sent" => assert_eq!(times, 1, "{line}"),
            "unknown" => assert!(times <= 1, "{line}"),
            _ => panic!("{line}"),
        }
    }
    assert!((1..=8).contains(&counts["unknown"]), "{counts:?}");
    // A person looks into the server's log, and says what became of each.
    for line in log.iter().filter(|line| line["status"] == "unknown") {
        let there = boxes.contains_key(line["message_id"].as_str().unwrap());
        let word = if there { "sent" } else { "again" };
        place.run(&["mailings", "judge", &text(line, "/id"), word]).exits(0).says("copydesk mailings show mlg_");
    }
    place.run(&["mailings", "watch", &mailing]).exits(0).prints("117 mails = 117 sent");
    let boxes = arrived(fake);
    assert_eq!((boxes.len(), boxes.values().max()), (PEOPLE, Some(&1)), "everybody has one");
    place.run(&["audit"]).exits(0).says("nothing was found");
    let page = place.json(&["prospects", "ls", "--where", "stage=sent", "--limit", "1000"]);
    assert_eq!(page["data"].as_array().unwrap().len(), PEOPLE);
    server.stop().exits(0);
}

#[test]
fn seed_s1_b28_a_kill_in_the_middle_of_mails_sends_none_twice_sqlite() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fake = runtime.block_on(FakeSmtp::start());
    killed_in_the_middle(&dressed(Place::new(), &fake), &fake, &runtime);
}

#[test]
fn seed_s1_b28_a_kill_in_the_middle_of_mails_sends_none_twice_postgres() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fake = runtime.block_on(FakeSmtp::start());
    let database = Database::new();
    let place = Place::new().with("COPYDESK_DATABASE_URL", &database.url).with("COPYDESK_AUTO_MIGRATE", "true");
    killed_in_the_middle(&dressed(place, &fake), &fake, &runtime);
}

#[test]
fn a_mailing_is_ordered_followed_and_shown() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fake = runtime.block_on(FakeSmtp::start());
    let place = dressed(Place::new(), &fake);
    place.run(&["mailings", "ls"]).exits(0).says("copydesk mailings send --prospects eligible");
    let server = approved(&place);
    let both = ["mailings", "send", "--prospects", "p-001,p-002", "--yes"];
    let mailing = text(&place.json(&both), "/id");
    place.run(&["mailings", "watch", &mailing]).exits(0).prints("2 mails = 2 sent").says("copydesk mailings show mlg_");
    place.run(&["mailings", "show", &mailing]).exits(0).prints("250").says("copydesk mailings ls");
    place.run(&["mailings", "ls"]).exits(0).prints("finished").says("copydesk mailings show MAILING");
    let dry = place.run(&["mailings", "send", "--prospects", "p-001,p-003"]);
    dry.exits(0).prints("1 prospects would get a mail").prints("1 would not: it got its draft before");
    assert!(place.run(&["mailings", "send"]).exits(2).err.contains("--prospects eligible"));
    place
        .run(&["mailings", "send", "--where", "answered=false", "--where", "has_email=true"])
        .exits(0)
        .prints("would get a mail");
    server.stop().exits(0);
}

#[test]
fn a_mail_server_that_cannot_be_is_refused_at_the_start_without_its_password() {
    let place = Place::new().with("COPYDESK_SMTP_URL", "http://ann:hunter2@mail.example");
    let ran = place.run(&["drafts", "ls"]);
    assert!(ran.exits(2).err.contains("smtps://") && !ran.err.contains("hunter2"), "{}", ran.err);
    let place =
        Place::new().with("COPYDESK_SMTP_URL", "smtp://mail.example").with("COPYDESK_SMTP_CA_FILE", "/nowhere.pem");
    assert!(place.run(&["drafts", "ls"]).exits(2).err.contains("smtp.ca_file /nowhere.pem cannot be read"));
    let place = Place::new().with("COPYDESK_MAIL_FROM", "Ann\r\nBcc: all@example.com");
    assert!(place.run(&["drafts", "ls"]).exits(2).err.contains("mail.from"), "a sender is one address");
}
