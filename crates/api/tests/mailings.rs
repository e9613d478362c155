//! Mailings over HTTP, to a real mail server on loopback: who gets a mail and who not, once and no more, what is in doubt, and
//! who may look.

use crate::site::{Setup, Site};
use copydesk_core::mail::Limits;
use copydesk_desk::DeskConfig;
use copydesk_desk::mail::MailConfig;
use copydesk_desk::store::Scope;
use copydesk_fakeprovider::{FakeSmtp, PostFault};
use copydesk_smtp::{Server, Smtp, Waits};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A site that sends to this server, fast.
async fn site(fake: &FakeSmtp, limits: Option<Limits>) -> Site {
    let quick = Limits { per_day: 1_000, reserve: 10, every: Duration::from_micros(1) };
    let from = Some("Ann of Fernleaf <ann@fernleaf.example>".to_owned());
    let reply_to = Some("office@fernleaf.example".to_owned());
    let mail = MailConfig { from, reply_to, limits: limits.unwrap_or(quick), ..MailConfig::default() };
    let server = Server::parse(&fake.url()).unwrap();
    let mailer = Smtp { server, waits: Waits::default(), hello: "fernleaf.example".to_owned() };
    let config = DeskConfig { mail, max_concurrent: Some(8), ..DeskConfig::default() };
    Site::made(Setup { config, mailer: Some(Arc::new(mailer)), ..Setup::default() }).await
}

async fn working(fake: &FakeSmtp) -> Site {
    let site = site(fake, None).await;
    site.desk.start_working().await.unwrap();
    site
}

/// Prospects with a draft each, which is approved.
async fn drafted(site: &Site, names: &[&str]) -> Vec<Value> {
    let mut ids = Vec::new();
    for name in names {
        let body = json!({"name": name, "contact_email": format!("{name}@Example.com"), "verification_status": "verified",
            "source_type": "website", "facts": {"page_text": "We sell tea."}});
        ids.push(site.post("/prospects", body).await.json()["id"].clone());
    }
    let job = json!({"recipe": "outreach", "prospects": {"ids": ids}, "input": {"sender": "We are Fernleaf.", "tone": "warm"}});
    let job = site.send("POST", "/jobs", Some(job), &[("prefer", "wait=30")]).await.json();
    assert_eq!(job["status"], "completed", "{job}");
    let mut prospects = Vec::new();
    for id in ids {
        let prospect = site.get(&format!("/prospects/{}", id.as_str().unwrap())).await.json();
        let draft = prospect["draft"]["id"].as_str().unwrap();
        assert_eq!(site.post(&format!("/drafts/{draft}/approve"), json!({})).await.status, 200);
        prospects.push(prospect);
    }
    prospects
}

async fn send(site: &Site, body: Value) -> Value {
    let reply = site.post("/mailings", body).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    assert_eq!(reply.header("location"), reply.json()["urls"]["self"]);
    reply.json()
}

/// The mailing when all its mails have ended.
async fn ended(site: &Site, mailing: &Value) -> Value {
    let id = mailing["id"].as_str().unwrap();
    site.desk.wait_for_mailing(Scope::DEFAULT, id.parse().unwrap(), Duration::from_secs(60)).await.unwrap();
    let mailing = site.get(&format!("/mailings/{id}")).await.json();
    assert!(mailing["finished_at"].is_string(), "{mailing}");
    mailing
}

async fn mails(site: &Site, mailing: &Value, query: &str) -> Vec<Value> {
    let path = format!("/mailings/{}/mails{query}", mailing["id"].as_str().unwrap());
    site.get(&path).await.json()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn seed_s1_b28_prospects_get_their_approved_draft_once() {
    let fake = FakeSmtp::start().await;
    let site = working(&fake).await;
    let people = drafted(&site, &["ann", "bob", "cat"]).await;
    // Cat's draft is rejected, Dan has none, Eve no address, and Flo wants none.
    let draft = people[2]["draft"]["id"].as_str().unwrap();
    site.post(&format!("/drafts/{draft}/reject"), json!({})).await;
    site.post("/prospects", json!({"name": "dan", "contact_email": "dan@example.com"})).await;
    let everybody = json!({"prospects": {"filter": {}}});
    let outlook = site.post("/mailings?dry_run=true", everybody.clone()).await.json();
    assert_eq!((&outlook["queued"], outlook["dry_run"].as_bool()), (&json!(2), Some(true)));
    assert_eq!(outlook["skipped"]["not_approved"]["count"], 1);
    assert_eq!(outlook["skipped"]["no_draft"], json!({"count": 1, "why": "it has no draft"}));
    assert_eq!(site.get("/mailings").await.json()["data"], json!([]), "nothing was written");

    let mailing = ended(&site, &send(&site, everybody).await).await;
    assert_eq!(
        (&mailing["total"], &mailing["counts"]["sent"], &mailing["counts"]["skipped"]),
        (&json!(4), &json!(2), &json!(2))
    );
    assert_eq!(mailing["asked"]["prospects"], json!({"filter": {}}));
    let taken = fake.taken();
    let log = mails(&site, &mailing, "?status=sent").await;
    assert_eq!((taken.len(), log.len()), (2, 2));
    for (post, line) in taken.iter().zip(&log) {
        assert_eq!(post.to, [line["address"].as_str().unwrap()]);
        assert_eq!(
            (post.from.as_str(), post.header("Message-ID")),
            ("ann@fernleaf.example", line["message_id"].as_str())
        );
        assert_eq!(post.header("From"), Some("\"Ann of Fernleaf\" <ann@fernleaf.example>"));
        assert_eq!(post.header("Reply-To"), Some("office@fernleaf.example"));
        assert_eq!((&line["reply"]["code"], &line["version"], &line["tries"]), (&json!(250), &json!(1), &json!(1)));
    }
    let ann = site.get(&format!("/prospects/{}", people[0]["id"].as_str().unwrap())).await.json();
    let place = log.iter().position(|line| line["prospect_id"] == ann["id"]).unwrap();
    assert_eq!((&ann["stage"], &ann["sent_at"]), (&json!("sent"), &log[place]["ended_at"]));
    assert_eq!(taken[place].header("Subject"), ann["draft"]["title"].as_str());
    assert_eq!(taken[place].header("To"), Some("ann <ann@Example.com>"));

    // Nobody is eligible any more, and who is named gets nothing again.
    let outlook = site.post("/mailings?dry_run=true", json!({"prospects": "eligible"})).await.json();
    assert_eq!((&outlook["queued"], &outlook["skipped"]["not_approved"]["count"]), (&json!(0), &json!(1)), "{outlook}");
    let nobody = json!({"prospects": {"filter": {"category": "bakery"}}});
    assert_eq!(site.post("/mailings", nobody).await.json()["errors"][0]["code"], "nobody");
    let ann_only = json!({"prospects": {"ids": [ann["id"]]}});
    let outlook = site.post("/mailings?dry_run=true", ann_only.clone()).await.json();
    assert_eq!((&outlook["queued"], &outlook["skipped"]["already_mailed"]["count"]), (&json!(0), &json!(1)));
    let mailing = send(&site, ann_only).await;
    assert_eq!((&mailing["status"], &mailing["counts"]["skipped"]), (&json!("finished"), &json!(1)));
    assert_eq!(fake.taken().len(), 2);
}

#[tokio::test]
async fn another_version_goes_only_when_it_is_ordered_and_then_once() {
    let fake = FakeSmtp::start().await;
    let site = working(&fake).await;
    let ann = drafted(&site, &["ann"]).await.remove(0);
    let order = |again: bool| json!({"prospects": {"ids": [ann["id"]]}, "again": again});
    ended(&site, &send(&site, order(true)).await).await;
    let draft = format!("/drafts/{}", ann["draft"]["id"].as_str().unwrap());
    let edit = json!({"title": "Tea, once more", "content": {"text": "Hello Ann."}});
    let edited = site.send("PATCH", &draft, Some(edit), &[("if-match", "*")]).await;
    assert_eq!(edited.status, 200, "{}", edited.json());
    site.post(&format!("{draft}/approve"), json!({})).await;
    assert_eq!(send(&site, order(false)).await["counts"]["skipped"], 1);
    for (queued, _) in [(1, "the new version"), (0, "the same once more")] {
        let mailing = ended(&site, &send(&site, order(true)).await).await;
        assert_eq!(mailing["counts"]["sent"], queued);
    }
    let subjects: Vec<String> = fake.taken().iter().map(|post| post.header("Subject").unwrap().to_owned()).collect();
    assert_eq!((subjects.len(), subjects[1].as_str()), (2, "Tea, once more"));
}

#[tokio::test]
async fn seed_s0_b23_sent_is_said_only_of_what_the_server_has_taken() {
    let fake = FakeSmtp::start().await;
    let site = working(&fake).await;
    drafted(&site, &["ann", "bob", "cat", "dan"]).await;
    fake.script([PostFault::RefuseRecipient, PostFault::RefuseMessage, PostFault::DropAfterDot]);
    let mailing = ended(&site, &send(&site, json!({"prospects": "eligible"})).await).await;
    let counts = &mailing["counts"];
    assert_eq!(
        (&counts["failed"], &counts["unknown"], &counts["sent"]),
        (&json!(2), &json!(1), &json!(1)),
        "{mailing}"
    );
    let log = mails(&site, &mailing, "").await;
    let codes: Vec<(&Value, &Value)> = log.iter().map(|line| (&line["status"], &line["reply"]["code"])).collect();
    let (failed, unknown, sent) = (json!("failed"), json!("unknown"), json!("sent"));
    let (c550, c554, c250) = (json!(550), json!(554), json!(250));
    assert_eq!(codes, [(&failed, &c550), (&failed, &c554), (&unknown, &Value::Null), (&sent, &c250)]);
    let events = site.get("/events?limit=1000").await.json();
    let kinds: Vec<&str> =
        events["data"].as_array().unwrap().iter().filter_map(|event| event["type"].as_str()).collect();
    for (kind, times) in [("mail.failed", 2), ("mail.unknown", 1), ("mailing.finished", 1)] {
        assert_eq!(kinds.iter().filter(|seen| **seen == kind).count(), times, "{kind}");
    }
    // Those that failed go when somebody says so; the one in doubt does not go with them.
    let path = format!("/mailings/{}", mailing["id"].as_str().unwrap());
    assert_eq!(site.post(&format!("{path}/retry_failed"), json!({})).await.status, 200);
    let mailing = ended(&site, &mailing).await;
    assert_eq!((&mailing["counts"]["sent"], &mailing["counts"]["unknown"]), (&json!(3), &json!(1)));
    let doubt = &log[2];
    let outcome = format!("/mails/{}/outcome", doubt["id"].as_str().unwrap());
    assert_eq!(site.post(&outcome, json!({"outcome": "sent"})).await.json()["status"], "sent");
    assert_eq!(site.post(&outcome, json!({"outcome": "sent"})).await.status, 200, "said twice is said once");
    let reply = site.post(&outcome, json!({"outcome": "again"})).await;
    assert_eq!(reply.json()["errors"][0]["code"], "not_unknown", "what is known stays");
    let arrived: Vec<String> = fake.taken().iter().flat_map(|post| post.to.clone()).collect();
    let mut once = arrived.clone();
    once.sort();
    once.dedup();
    assert_eq!((arrived.len(), once.len()), (4, 4), "everybody has one");
}

#[tokio::test]
async fn a_person_may_send_one_in_doubt_again() {
    let fake = FakeSmtp::start().await;
    let site = working(&fake).await;
    drafted(&site, &["ann"]).await;
    fake.script([PostFault::DropBeforeMessage]);
    let mailing = ended(&site, &send(&site, json!({"prospects": "eligible"})).await).await;
    let line = mails(&site, &mailing, "?status=unknown").await.remove(0);
    let path = format!("/mails/{}", line["id"].as_str().unwrap());
    assert_eq!(site.post(&format!("{path}/outcome"), json!({"outcome": "again"})).await.status, 200);
    ended(&site, &mailing).await;
    let sent = site.get(&path).await.json();
    assert_eq!(sent["status"], "sent");
    assert_eq!((&sent["tries"], &sent["message_id"]), (&json!(2), &line["message_id"]));
    assert_eq!(fake.taken().len(), 1);
}

#[tokio::test]
async fn a_stop_waits_for_the_mail_under_way_and_leaves_none_in_doubt() {
    let fake = FakeSmtp::start().await;
    let site = working(&fake).await;
    drafted(&site, &["ann", "bob", "cat"]).await;
    fake.hold(true);
    let mailing = send(&site, json!({"prospects": "eligible"})).await;
    fake.one_is_held().await;
    let desk = site.desk.clone();
    let stopping = tokio::spawn(async move { desk.stop(Duration::from_secs(30)).await });
    while !site.desk.is_draining() {
        tokio::task::yield_now().await;
    }
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished(), "nobody knows yet whether it went");
    fake.hold(false);
    stopping.await.unwrap().unwrap();
    let path = format!("/mailings/{}", mailing["id"].as_str().unwrap());
    let counts = site.get(&path).await.json()["counts"].clone();
    assert_eq!((&counts["sent"], &counts["queued"], &counts["unknown"]), (&json!(1), &json!(2), &json!(0)), "{counts}");
    assert_eq!(fake.taken().len(), 1);
}

#[tokio::test]
async fn who_rejects_or_deletes_a_draft_in_time_keeps_its_mail_at_home() {
    let fake = FakeSmtp::start().await;
    let site = working(&fake).await;
    let prospects = drafted(&site, &["ann", "bob", "cat"]).await;
    let draft = |place: usize| format!("/drafts/{}", prospects[place]["draft"]["id"].as_str().unwrap());
    fake.hold(true);
    let mailing = send(&site, json!({"prospects": "eligible"})).await;
    fake.one_is_held().await;
    site.post(&format!("{}/reject", draft(1)), json!({"reason": "Wrong name."})).await;
    assert_eq!(site.send("DELETE", &draft(2), None, &[]).await.status, 204);
    fake.hold(false);
    let counts = ended(&site, &mailing).await["counts"].clone();
    assert_eq!((&counts["sent"], &counts["failed"]), (&json!(1), &json!(2)), "{counts}");
    assert_eq!(fake.taken().len(), 1);
    let failed = mails(&site, &mailing, "?status=failed").await;
    let told = serde_json::to_string(&failed).unwrap();
    assert!(told.contains("rejected after it was ordered") && told.contains("deleted after it was ordered"), "{told}");
}

#[tokio::test]
async fn a_mailing_is_ordered_looked_at_and_held_back() {
    let fake = FakeSmtp::start().await;
    // Nothing goes: the day has no room.
    let none = Limits { per_day: 0, reserve: 0, every: Duration::from_secs(1) };
    let site = site(&fake, Some(none)).await;
    site.desk.start_working().await.unwrap();
    drafted(&site, &["ann", "bob"]).await;
    let body = json!({"prospects": "eligible"});
    let key = [("idempotency-key", "one")];
    let first = site.send("POST", "/mailings", Some(body.clone()), &key).await;
    let again = site.send("POST", "/mailings", Some(body.clone()), &key).await;
    assert_eq!((first.status, again.status), (202, 200));
    assert_eq!(first.json()["id"], again.json()["id"]);
    let other = site.send("POST", "/mailings", Some(json!({"prospects": {"filter": {}}})), &key).await;
    assert_eq!(other.code(), "idempotency_key_reused");
    let mailing = first.json();
    let path = format!("/mailings/{}", mailing["id"].as_str().unwrap());
    assert_eq!(site.post(&format!("{path}/pause"), json!({})).await.json()["status"], "paused");
    assert_eq!(site.post(&format!("{path}/resume"), json!({})).await.json()["status"], "sending");
    let cancelled = site.post(&format!("{path}/cancel"), json!({})).await.json();
    assert_eq!((&cancelled["status"], &cancelled["counts"]["cancelled"]), (&json!("finished"), &json!(2)));
    assert_eq!(mails(&site, &mailing, "?status=cancelled").await.len(), 2);
    assert!(fake.taken().is_empty());
    // What was taken back may be ordered anew.
    let anew = site.send("POST", "/mailings", Some(body), &[("prefer", "wait=0")]).await;
    assert_eq!((anew.status, &anew.json()["counts"]["queued"]), (202, &json!(2)));
    assert_eq!(site.get("/mailings").await.json()["data"].as_array().unwrap().len(), 2);
    for (bad, code) in [
        (json!({}), "required"),
        (json!({"prospects": "everybody"}), "wrong_type"),
        (json!({"prospects": {"ids": []}}), "out_of_range"),
        (json!({"prospects": {"ids": ["prs_nobody"]}}), "not_found"),
        (json!({"prospects": "eligible", "again": 1}), "wrong_type"),
        (json!({"prospects": "eligible", "speed": 1}), "unknown_field"),
    ] {
        let reply = site.post("/mailings", bad.clone()).await;
        assert_eq!((reply.status, reply.json()["errors"][0]["code"].as_str()), (422, Some(code)), "{bad}");
    }
    assert_eq!(site.get(&format!("{path}/mails?status=arrived")).await.status, 422);
}

#[tokio::test]
async fn mail_is_the_workspaces_and_nobody_elses() {
    let fake = FakeSmtp::start().await;
    let site = working(&fake).await;
    drafted(&site, &["ann"]).await;
    let mailing = ended(&site, &send(&site, json!({"prospects": "eligible"})).await).await;
    let path = format!("/mailings/{}", mailing["id"].as_str().unwrap());
    let mail = format!("/mails/{}", mails(&site, &mailing, "").await[0]["id"].as_str().unwrap());
    let (_, bobs) = site.new_key(json!({"user": "bob", "role": "member"})).await;
    let elsewhere = site.elsewhere_in_it().await;
    let reads = [path.clone(), format!("{path}/mails"), mail.clone()];
    for path in reads {
        assert_eq!(site.raw("GET", &format!("/api/v1{path}"), &[], "").await.code(), "missing_key");
        assert_eq!(site.send_as("dk_live_wrong", "GET", &path, None).await.status, 401);
        assert_eq!(elsewhere.get(&path).await.code(), "not_found", "{path}");
        assert_eq!(site.send_as(&bobs, "GET", &path, None).await.code(), "not_found", "{path}");
    }
    for part in ["pause", "resume", "cancel", "retry_failed"] {
        assert_eq!(elsewhere.post(&format!("{path}/{part}"), json!({})).await.code(), "not_found");
    }
    let outcome = json!({"outcome": "again"});
    assert_eq!(elsewhere.post(&format!("{mail}/outcome"), outcome.clone()).await.code(), "not_found");
    assert_eq!(site.send_as(&bobs, "POST", &format!("{mail}/outcome"), Some(outcome)).await.code(), "not_found");
    assert_eq!(elsewhere.get("/mailings").await.json()["data"], json!([]));
    assert_eq!(site.send_as(&bobs, "GET", "/mailings", None).await.json()["data"], json!([]));
    let (_, reader) = site.new_key(json!({"role": "viewer"})).await;
    let body = json!({"prospects": {"filter": {}}});
    assert_eq!(site.send_as(&reader, "POST", "/mailings", Some(body)).await.code(), "scope_missing");
    assert_eq!(fake.taken().len(), 1);
}

#[tokio::test]
async fn a_server_without_mail_says_so_and_a_check_looks_whether_it_lets_us_in() {
    let site = Site::idle().await;
    let reply = site.post("/mailings", json!({"prospects": "eligible"})).await;
    assert_eq!((reply.status, reply.code().as_str()), (409, "mail_not_set_up"));
    let check = async |site: &Site| {
        let report = site.get("/health").await.json();
        let checks = report["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["name"] == "mail").unwrap()
    };
    assert_eq!(check(&site).await["ok"], true);
    let fake = FakeSmtp::start().await;
    let site = self::site(&fake, None).await;
    assert_eq!(check(&site).await["ok"], true);
    fake.script([PostFault::Busy]);
    let bad = check(&site).await;
    assert!(bad["ok"] == false && bad["detail"].as_str().unwrap().contains("too busy"), "{bad}");
}

/// Writes once more to those who have not answered, and approves what was written.
async fn followed_up(site: &Site, who: Value) -> Value {
    let job =
        json!({"recipe": "outreach", "prospects": who, "follow_up": "0s", "input": {"sender": "We are Fernleaf."}});
    let reply = site.send("POST", "/jobs", Some(job), &[("prefer", "wait=30")]).await;
    assert!(reply.status == 200, "{}", reply.json());
    let page = site.get("/drafts?review=none&status=draft").await.json();
    for draft in page["data"].as_array().unwrap() {
        site.post(&format!("/drafts/{}/approve", draft["id"].as_str().unwrap()), json!({})).await;
    }
    reply.json()
}

#[tokio::test]
async fn seed_s1_a_follow_up_sees_the_mails_that_were_sent() {
    let fake = FakeSmtp::start().await;
    let site = working(&fake).await;
    let people = drafted(&site, &["ann", "bob", "cat"]).await;
    let none = json!({"recipe": "outreach", "prospects": "eligible", "follow_up": "7d", "input": {"sender": "We are Fernleaf."}});
    let early = site.post("/jobs", none).await;
    assert_eq!((early.status, &early.json()["errors"][0]["code"]), (422, &json!("nobody")), "nothing was sent yet");
    let two = json!({"ids": [people[0]["id"], people[1]["id"]]});
    ended(&site, &send(&site, json!({"prospects": two})).await).await;
    // Bob has answered, and nothing was sent to Cat.
    let bob = format!("/prospects/{}", people[1]["id"].as_str().unwrap());
    site.send("PATCH", &bob, Some(json!({"answered": true})), &[("if-match", "*")]).await;
    assert!(site.get(&bob).await.json()["answered_at"].is_string());

    let job = followed_up(&site, json!("eligible")).await;
    assert_eq!((&job["total_targets"], &job["drafts_created"]), (&json!(1), &json!(1)), "{job}");
    let ann = site.get(&format!("/prospects/{}", people[0]["id"].as_str().unwrap())).await.json();
    assert_ne!(ann["draft"]["id"], people[0]["draft"]["id"], "the newest is shown");
    assert_eq!(ann["stage"], "drafted");
    let items = site.get(&format!("/jobs/{}/items", job["id"].as_str().unwrap())).await.json();
    let generation = items["data"][0]["generation_id"].as_str().unwrap();
    let generation = site.get(&format!("/generations/{generation}")).await.json();
    assert_eq!(generation["filled"], json!(["earlier"]));
    let earlier = &generation["input"]["earlier"];
    assert_eq!((earlier.as_array().unwrap().len(), &earlier[0]["subject"]), (1, &people[0]["draft"]["title"]));

    // Whoever asks again, by whatever name, drafts nobody twice; who got nothing yet has nothing to follow up.
    let twice = followed_up(&site, json!({"ids": [people[0]["id"], people[2]["id"]]})).await;
    assert_eq!((&twice["drafts_created"], &twice["counts"]["skipped"]), (&json!(0), &json!(2)), "{twice}");

    let first = fake.taken().into_iter().find(|post| post.to == ["ann@Example.com"]).unwrap();
    let mailing = ended(&site, &send(&site, json!({"prospects": "eligible"})).await).await;
    assert_eq!((&mailing["counts"]["sent"], &mailing["total"]), (&json!(2), &json!(2)), "Cat's first, Ann's second");
    let taken = fake.taken();
    let second = taken.iter().rev().find(|post| post.to == ["ann@Example.com"]).unwrap();
    assert_eq!(second.header("Subject"), ann["draft"]["title"].as_str());
    assert_eq!(
        (second.header("In-Reply-To"), second.header("References")),
        (first.header("Message-ID"), first.header("Message-ID"))
    );
    assert_eq!(taken.iter().find(|post| post.to == ["cat@Example.com"]).unwrap().header("References"), None);

    // A third one names both, and a new version of the second sees only the first.
    let ann_only = json!({"ids": [people[0]["id"]]});
    let job = followed_up(&site, ann_only.clone()).await;
    assert_eq!(job["drafts_created"], 1, "{job}");
    let mailing = ended(&site, &send(&site, json!({"prospects": ann_only})).await).await;
    assert_eq!(mailing["counts"]["sent"], 1, "{mailing}");
    let third = fake.taken().pop().unwrap();
    // Long headers go over several lines.
    let ids = [&first, second].map(|post| post.header("Message-ID").unwrap());
    assert!(third.message.contains(&format!("References: {}\r\n {}\r\n", ids[0], ids[1])), "{}", third.message);
    let again = format!("/drafts/{}/regenerate", ann["draft"]["id"].as_str().unwrap());
    let again = site.send("POST", &again, Some(json!({})), &[("prefer", "wait=30")]).await.json();
    let generation = site.get(&format!("/generations/{}", again["id"].as_str().unwrap())).await.json();
    assert_eq!(generation["input"]["earlier"].as_array().unwrap().len(), 1, "{generation}");
    assert_eq!(fake.taken().len(), 5, "nothing went by itself");
}

#[tokio::test]
async fn a_filter_beside_follow_up_narrows_it_and_never_says_otherwise() {
    let fake = FakeSmtp::start().await;
    let site = working(&fake).await;
    drafted(&site, &["ann", "bob"]).await;
    ended(&site, &send(&site, json!({"prospects": "eligible"})).await).await;
    let ask = |filter: Value| json!({"recipe": "outreach", "prospects": {"filter": filter}, "follow_up": "0s", "input": {"sender": "We are Fernleaf."}});
    let dry = async |filter: Value| site.post("/jobs?dry_run=true", ask(filter)).await;
    let places = |reply: &Value| -> Vec<String> {
        let place =
            |fault: &Value| format!("{} {}", fault["pointer"].as_str().unwrap(), fault["code"].as_str().unwrap());
        reply["errors"].as_array().unwrap().iter().map(place).collect()
    };
    for (filter, wrong) in [
        (json!({"stage": "drafted"}), &["/prospects/filter/stage not_allowed"][..]),
        (json!({"answered": true}), &["/prospects/filter/answered not_allowed"]),
        (
            json!({"stage": "none", "answered": true}),
            &["/prospects/filter/stage not_allowed", "/prospects/filter/answered not_allowed"],
        ),
        // Long before anything was sent: an age of nothing does not make it later.
        (json!({"sent_before": "2020-01-01T00:00:00Z"}), &["/prospects nobody"]),
    ] {
        for path in ["/jobs?dry_run=true", "/jobs"] {
            let reply = site.post(path, ask(filter.clone())).await;
            assert_eq!(
                (reply.status, places(&reply.json())),
                (422, wrong.iter().map(|place| (*place).to_owned()).collect()),
                "{filter}"
            );
        }
    }
    // The same in other words, and an instant that is later than the age says.
    for filter in
        [json!({}), json!({"stage": "sent", "answered": false}), json!({"sent_before": "2999-01-01T00:00:00Z"})]
    {
        let reply = dry(filter.clone()).await;
        assert_eq!((reply.status, &reply.json()["total_targets"]), (200, &json!(2)), "{filter}: {}", reply.json());
    }
}
