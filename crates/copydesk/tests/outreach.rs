//! Prospects by the program itself: read from a file, counted, drafted, taken back; and a job over them that is killed in its
//! middle.

use crate::support::{Place, text};
use copydesk_fakeprovider::FakeDns;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const EXAMPLE: &str = include_str!("../../../examples/outreach/prospects.csv");
/// How many prospects are killed in their middle. The acceptance scenario has 5,000: set COPYDESK_A15_PROSPECTS.
const PROSPECTS: usize = 600;

#[test]
fn a_file_of_prospects_is_checked_imported_drafted_and_taken_back() {
    let place = Place::new();
    place.write("people.csv", EXAMPLE);
    place.write("sender.txt", "We are Fernleaf.\n");
    let naive = place.run(&["prospects", "import", "people.csv", "--dry-run"]);
    naive.exits(0).prints("Create 0, Update 0, Unchanged 0, Skip 120").prints("naive_timestamp").says("--assume-tz");
    let import = ["prospects", "import", "people.csv", "--assume-tz", "Europe/Warsaw"];
    let dry = place.run(&[&import[..], &["--dry-run"]].concat());
    dry.exits(0).prints("Create 117, Update 0, Unchanged 0, Skip 3").prints("line 79: line 14 is the same prospect");
    dry.says("Nothing was written.");
    place.run(&["prospects", "ls"]).exits(0).says("copydesk prospects import");
    place.run(&import).exits(0).prints("Create 117,").says("copydesk prospects undo imp_");
    place.run(&import).exits(0).prints("Create 0, Update 0, Unchanged 117, Skip 3");
    let table = place.run(&["prospects", "ls", "--where", "category=bakery", "--limit", "1"]);
    table.exits(0).prints("Aurora Bakery").says("copydesk prospects ls --cursor");
    place.run(&["prospects", "eligible"]).exits(0).prints("117 of 117 prospects would be drafted").says("jobs start");
    let start = ["jobs", "start", "--recipe", "outreach", "--sender", "sender.txt", "--set", "tone=warm"];
    place.run(&[&start[..], &["--prospects", "p-001,p-002", "--watch"]].concat()).exits(0).prints("2 items = 2 drafts");
    place.run(&["prospects", "eligible"]).exits(0).prints("115 of 117").prints("2 have a draft");
    let page = place.json(&["prospects", "ls", "--where", "stage=drafted"]);
    let id = text(&page, "/data/0/id");
    place.run(&["prospects", "show", &id]).exits(0).prints("drafted").says("copydesk drafts show drf_");
    let draft = place.run(&["drafts", "show", &text(&page, "/data/0/draft/id")]);
    assert!(draft.exits(0).out.contains("Hello Jonas,"), "{}", draft.out);
    place.run(&["prospects", "edit", &id, "notes=called", "role=owner"]).exits(0);
    assert_eq!(place.json(&["prospects", "show", &id])["facts"]["role"], "owner");
    let imports = place.json(&["prospects", "imports"]);
    let first = text(&imports, "/data/1/id");
    place.run(&["prospects", "skipped", &first]).exits(0).prints("duplicate_row");
    assert!(place.run(&["prospects", "undo", &first]).exits(2).err.contains("--yes"));
    let undone = place.run(&["prospects", "undo", &first, "--yes"]);
    undone.exits(0).prints("115 of 117 prospects removed").says("2 stay");
    place.run(&["prospects", "rm", &id]).exits(0);
    assert!(place.run(&["prospects", "show", &id]).exits(3).err.contains("not_found"));
    let new = place.run(&["prospects", "add", "name=Ann", "contact_email=ann@example.com"]);
    assert!(new.exits(0).out.starts_with("prs_"));
    let double = place.run(&["prospects", "add", "name=Eve", "contact_email=ann@example.com"]);
    assert!(double.exits(9).err.contains("prospect_exists"), "{}", double.err);
}

/// One JSON object a line. Those named ask for fewer tokens than an answer has, which fails.
fn lines(count: usize, failing: &[usize]) -> String {
    let line = |n: usize| {
        let mut row = json!({"external_id": format!("p{n}"), "contact_email": format!("p{n}@example.com"),
            "verification_status": "verified", "source_type": "website", "prompt": format!("A line to reader {n}")});
        if failing.contains(&n) {
            row["max_output_tokens"] = 1.into();
        }
        format!("{row}\n")
    };
    (1..=count).map(line).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the whole number of A15 is for a run by hand")]
fn seed_a15_prospects_of_a_job_that_is_killed_are_drafted_once() {
    let count = std::env::var("COPYDESK_A15_PROSPECTS").ok().and_then(|text| text.parse().ok()).unwrap_or(PROSPECTS);
    let place = Place::new().with("COPYDESK_MAX_CONCURRENT", "64");
    place.write("people.jsonl", lines(count, &[5, count / 2, count - 3]));
    let server = place.serve(&[]);
    let key = server.admin_key();
    place.run(&["prospects", "import", "people.jsonl"]).exits(0).prints(&format!("Create {count},"));
    // What a prospect's facts say is the input of whatever recipe has a name for it.
    place.run(&["jobs", "start", "--prospects", "eligible", "--recipe", "text"]).exits(0);
    let id = text(&place.json(&["jobs", "ls"]), "/data/0/id");
    loop {
        let (_, body) = server.http("GET", &format!("/api/v1/jobs/{id}"), Some(&key), "");
        let job: Value = serde_json::from_str(&body).unwrap();
        if job["drafts_created"].as_u64().unwrap() >= count as u64 / 2 {
            break;
        }
    }
    server.running.kill();
    let server = place.serve(&[]);
    let watched = place.run(&["jobs", "watch", &id]);
    watched.exits(7).prints(&format!("{} drafts + 3 failed", grouped(count - 3))).says("copydesk jobs retry");
    let (mut drafted, mut subjects, mut skip) = (0, BTreeSet::new(), 0);
    while skip < count {
        let (_, body) = server.http("GET", &format!("/api/prospects?skip={skip}&limit=1000"), Some(&key), "");
        let page: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(page["total"], count);
        for one in page["data"].as_array().unwrap() {
            drafted += usize::from(one["draft_status"] == "drafted");
            assert!(subjects.insert(one["id"].to_string()), "listed twice: {one}");
        }
        skip += 1_000;
    }
    assert_eq!((drafted, subjects.len()), (count - 3, count));
    let mut query = "?limit=1000".to_owned();
    let mut seen = 0;
    loop {
        let (_, page) = server.http("GET", &format!("/api/v1/drafts{query}"), Some(&key), "");
        let page: Value = serde_json::from_str(&page).unwrap();
        for draft in page["data"].as_array().unwrap() {
            assert!(draft["versions"].as_u64() <= Some(1), "nobody was drafted twice: {draft}");
            seen += 1;
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=1000&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, count, "and there are no others");
    // The three are eligible again, and nobody else is.
    let eligible = place.json(&["prospects", "eligible"]);
    assert_eq!((&eligible["eligible"], &eligible["excluded"]["drafted"]), (&json!(3), &json!(count - 3)));
    place.run(&["audit"]).exits(0).says("nothing was found");
    server.stop().exits(0);
}

/// As the command line writes numbers.
fn grouped(number: usize) -> String {
    if number >= 1_000 { format!("{},{:03}", number / 1_000, number % 1_000) } else { number.to_string() }
}

#[test]
fn addresses_are_checked_by_their_domains_at_a_name_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dns = runtime.block_on(FakeDns::start()).unwrap();
    dns.takes_mail("fine.example");
    let place = Place::new().with("COPYDESK_DNS_SERVERS", &dns.address().to_string());
    let rows = "name,contact_email\nAnn,ann@fine.example\nBen,ben@gone.example\n";
    place.write("people.csv", rows);
    place.run(&["prospects", "import", "people.csv"]).exits(0).prints("Create 2,");
    let dry = place.run(&["prospects", "verify", "--dry-run"]);
    dry.exits(0).prints("2 prospects with an address, 1 changed").says("Nothing was written.");
    let done = place.run(&["prospects", "verify", "--mark-verified", "--where", "verification_status=unverified"]);
    done.exits(0).prints("2 prospects with an address, 2 changed").prints("1 have a domain that does not exist");
    done.says("verification_status=rejected");
    let page = place.json(&["prospects", "ls", "--where", "verification_status=rejected"]);
    place.run(&["prospects", "show", &text(&page, "/data/0/id")]).exits(0).prints("no_domain");
    drop(dns);
    let nobody = place.run(&["prospects", "verify"]);
    nobody.exits(0).prints("2 prospects with an address, 0 changed").prints("stay as they are").says("fine.example: ");
    let place = place.with("COPYDESK_DNS_SERVERS", "nine");
    place.run(&["prospects", "verify"]).says("9.9.9.9, 127.0.0.1:5353");
}
