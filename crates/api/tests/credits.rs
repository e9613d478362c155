//! Credits over HTTP: what is moved by hand, statements, and a 402 before anything is queued.

use crate::site::{Reply, Site, text};
use copydesk_desk::DeskConfig;
use copydesk_desk::credits::Pack;
use copydesk_desk::store::{AdminStore, DraftStore, GenerationStore, PageRequest, Scope};
use copydesk_store_tests::ModelStore;
use serde_json::{Value, json};

async fn site() -> Site {
    let pack =
        |text: &str, price: &str| Pack { credits: text.parse().unwrap(), title: None, price: Some(price.to_owned()) };
    let packs = [("medium".to_owned(), pack("110", "$4.99")), ("small".to_owned(), pack("20", "$0.99"))].into();
    Site::with(DeskConfig { credits: true, packs, ..DeskConfig::default() }, ModelStore::new()).await
}

async fn grant(site: &Site, user: &str, amount: i64, reference: &str) -> Value {
    let reply = site.post("/credits/grants", json!({"user": user, "amount": amount, "reference": reference})).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    reply.json()
}

fn blamed(reply: &Reply) -> Vec<(String, String)> {
    assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"));
    let errors = reply.json()["errors"].as_array().unwrap().clone();
    let word = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    errors.iter().map(|error| (word(error, "pointer"), word(error, "code"))).collect()
}

#[tokio::test]
async fn a_payment_webhook_that_comes_twice_is_booked_once() {
    let site = site().await;
    let buy = json!({"user": "ann", "pack": "medium", "reference": "pay_1", "reason": "card"});
    let first = site.post("/credits/grants", buy.clone()).await;
    let again = site.post("/credits/grants", buy).await;
    assert_eq!((first.status, again.status), (201, 200));
    let (first, again) = (first.json(), again.json());
    assert_eq!((&first["posted"], &again["posted"]), (&json!(true), &json!(false)));
    assert_eq!(first["transfer"]["id"], again["transfer"]["id"]);
    assert_eq!((&first["transfer"]["kind"], &first["transfer"]["amount"]), (&json!("purchase"), &json!(110_000_000)));
    let other = site.post("/credits/grants", json!({"user": "ann", "pack": "small", "reference": "pay_1"})).await;
    assert_eq!((other.status, other.code().as_str()), (409, "reference_reused"));
    assert_eq!(other.json()["first"], json!({"kind": "purchase", "amount": 110_000_000}));
    let words = other.json()["detail"].as_str().unwrap().to_owned();
    assert!(words.contains("110 credits") && words.contains("20 credits"), "{words}");
    let account = site.get("/credits/accounts/ann").await.json();
    assert_eq!((&account["user"], &account["available"]), (&json!("ann"), &json!(110_000_000)));
}

#[tokio::test]
async fn a_balance_that_no_number_holds_is_refused() {
    let site = site().await;
    grant(&site, "ann", i64::MAX, "all").await;
    let reply = site.post("/credits/grants", json!({"user": "ann", "amount": 1, "reference": "one more"})).await;
    assert_eq!((reply.status, reply.code().as_str()), (409, "amount_too_large"));
}

#[tokio::test]
async fn an_idempotency_key_repeats_its_posting_and_no_other() {
    let site = site().await;
    grant(&site, "ann", 100, "g1").await;
    let body = json!({"user": "ann", "amount": -30, "reason": "booked twice"});
    let key = [("idempotency-key", "k-1")];
    let first = site.send("POST", "/credits/adjustments", Some(body.clone()), &key).await;
    let again = site.send("POST", "/credits/adjustments", Some(body), &key).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.json()["transfer"], again.json()["transfer"]);
    let other = json!({"user": "ann", "amount": -31, "reason": "booked twice"});
    let other = site.send("POST", "/credits/adjustments", Some(other), &key).await;
    assert_eq!((other.status, other.code().as_str()), (422, "idempotency_key_reused"));
    assert_eq!(site.get("/credits/accounts/ann").await.json()["available"], 70);
}

#[tokio::test]
async fn who_cannot_pay_gets_402_with_the_figures_and_nothing_is_queued() {
    let site = site().await;
    grant(&site, "ann", 3_000_000, "g1").await;
    let gift = json!({"from": "ann", "to": "ann2", "amount": 1});
    assert_eq!(site.post("/credits/gifts", gift).await.status, 404);
    let reply = site.post("/credits/adjustments", json!({"user": "ann", "amount": -5_000_000, "reason": "x"})).await;
    assert_eq!((reply.status, reply.code().as_str()), (402, "insufficient_credits"));
    let body = reply.json();
    assert_eq!(
        (&body["required"], &body["available"], &body["held"]),
        (&json!(5_000_000), &json!(3_000_000), &json!(0))
    );
    assert_eq!(body["detail"], "This needs 5 credits; 3 are available and 0 are held by work in progress.");
    assert_eq!(site.store.list(Scope::DEFAULT, Default::default(), PageRequest::newest(9)).await.unwrap().rows, []);
    let drafts = site.store.list_drafts(Scope::DEFAULT, Default::default(), PageRequest::newest(9)).await.unwrap();
    assert_eq!((drafts.rows.len(), site.store.describe().await.unwrap().waiting), (0, 0));
}

#[tokio::test]
async fn a_statement_has_names_and_a_running_balance() {
    let site = site().await;
    grant(&site, "ann", 100, "g1").await;
    grant(&site, "bob", 5, "g2").await;
    let gift = json!({"from": "ann", "to": "bob", "amount": 40, "reference": "thanks"});
    let reply = site.post("/credits/gifts", gift).await;
    assert_eq!((reply.status, &reply.json()["balance"]), (201, &json!({"available": 60, "held": 0, "total": 60})));
    let lines = site.get("/credits/ledger?user=ann&order=asc").await.json();
    let line = |at: usize| {
        let line = &lines["data"][at];
        (line["kind"].clone(), line["amount"].clone(), line["after"]["available"].clone(), line["peer"].clone())
    };
    assert_eq!(line(0), (json!("grant"), json!(100), json!(100), Value::Null));
    assert_eq!(line(1), (json!("gift_sent"), json!(40), json!(60), json!("bob")));
    let received = site.get("/credits/ledger?kind=gift_received").await.json();
    assert_eq!((&received["data"][0]["user"], &received["data"][0]["peer"]), (&json!("bob"), &json!("ann")));
    let page = site.get("/credits/ledger?user=ann&limit=1").await.json();
    assert_eq!((&page["has_more"], &page["data"][0]["kind"]), (&json!(true), &json!("gift_sent")));
    let next = format!("/credits/ledger?user=ann&limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(site.get(&next).await.json()["data"][0]["kind"], "grant");
    let accounts = site.get("/credits/accounts").await.json();
    let total: i64 = accounts["data"].as_array().unwrap().iter().map(|row| row["total"].as_i64().unwrap()).sum();
    assert_eq!(total, 105);
    assert_eq!(blamed(&site.get("/credits/ledger?kind=theft").await)[0].0, "?kind");
}

#[tokio::test]
async fn a_refund_shows_at_its_generation() {
    let site = site().await;
    site.desk.start_working().await.unwrap();
    let made = site.send("POST", "/generations", Some(text(json!({}))), &[("prefer", "wait=20")]).await.json();
    let generation = made["id"].as_str().unwrap().to_owned();
    // The recipe is free, so there is nothing to give back.
    let none = site.post("/credits/refunds", json!({"generation": generation, "reason": "sorry"})).await;
    assert_eq!((none.status, none.code().as_str()), (422, "amount_zero"));
    let body = site.get(&format!("/generations/{generation}")).await.json();
    assert_eq!(body["credits"], json!({"held": 0, "settled": 0, "released": 0, "refunded": 0}));
    let unknown = json!({"generation": "gen_01kc0000010008000000000001", "reason": "sorry"});
    assert_eq!(site.post("/credits/refunds", unknown).await.status, 404);
    assert_eq!(site.post("/credits/refunds", json!({"generation": "x", "reason": "sorry"})).await.status, 404);
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_place_and_nothing_is_written() {
    let site = site().await;
    let post = async |path: &str, body: Value| blamed(&site.post(path, body).await);
    let of = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
    for (amount, code) in [
        (json!(0), "amount_zero"),
        (json!(-1), "amount_negative"),
        (json!(0.5), "amount_fractional"),
        (json!(1e30), "amount_out_of_range"),
        (json!("5"), "wrong_type"),
    ] {
        let grant = json!({"user": "ann", "amount": amount, "reference": "r"});
        assert_eq!(post("/credits/grants", grant).await, [of("/amount", code)]);
    }
    assert_eq!(
        post("/credits/grants", json!({"reference": "r"})).await,
        [of("/user", "required"), of("/amount", "required")]
    );
    let both = json!({"user": "ann", "amount": 1, "pack": "small", "kind": "theft", "reference": "r"});
    assert_eq!(post("/credits/grants", both).await, [of("/pack", "not_allowed"), of("/kind", "not_allowed")]);
    let unknown = json!({"user": "ann", "pack": "giant", "reference": "r"});
    assert_eq!(post("/credits/grants", unknown).await, [of("/pack", "not_allowed")]);
    assert_eq!(post("/credits/grants", json!({"user": "ann", "amount": 1})).await, [of("/reference", "required")]);
    let late = json!({"user": "ann", "amount": 1, "reference": "r", "expires_at": "2001-01-01T00:00:00Z"});
    assert_eq!(post("/credits/grants", late).await, [of("/expires_at", "in_the_past")]);
    assert_eq!(post("/credits/adjustments", json!({"user": "ann", "amount": 1})).await, [of("/reason", "required")]);
    let himself = json!({"from": "ann", "to": "ann", "amount": 1});
    assert_eq!(post("/credits/gifts", himself).await, [of("/to", "not_allowed")]);
    let stranger = site.post("/credits/adjustments", json!({"user": "nobody", "amount": 1, "reason": "x"})).await;
    assert_eq!((stranger.status, stranger.json()["detail"].as_str()), (404, Some("There is no user nobody.")));
    assert_eq!(site.get("/credits/accounts/nobody").await.status, 404);
    assert_eq!(site.get("/credits/ledger").await.json()["data"], json!([]));
}

#[tokio::test]
async fn a_dry_run_of_every_route_that_asks_a_model_asks_the_credits() {
    let site = site().await;
    site.desk.start_working().await.unwrap();
    grant(&site, "ann", 5_000_000, "g1").await;
    let picture = json!({"recipe": "picture", "input": {"prompt": "the sea"}, "model": "demo/painter", "user": "ann"});
    let done = site.send("POST", "/generations", Some(picture.clone()), &[("prefer", "wait=30")]).await.json();
    assert_eq!(done["status"], "completed", "{done}");
    let mut later = picture.clone();
    later["run_at"] = json!("2199-01-01T00:00:00Z");
    let waiting = site.post("/generations", later).await.json();
    let of = |body: &Value, name: &str| body[name].as_str().unwrap().to_owned();
    site.post(&format!("/generations/{}/cancel", of(&waiting, "id")), json!({})).await;
    let routes = [
        ("/generations".to_owned(), picture),
        (format!("/generations/{}/retry", of(&waiting, "id")), json!({})),
        (format!("/drafts/{}/regenerate", of(&done, "draft_id")), json!({})),
    ];
    for (path, body) in &routes {
        let plan = site.post(&format!("{path}?dry_run=true"), body.clone()).await.json();
        let figures = (&plan["would"], &plan["hold"], &plan["available"]);
        assert_eq!(figures, (&json!("accept"), &json!(2_000_000), &json!(3_000_000)), "{path}: {plan}");
    }
    site.post("/credits/adjustments", json!({"user": "ann", "amount": -1_500_000, "reason": "x"})).await;
    for (path, body) in &routes {
        let told = site.post(&format!("{path}?dry_run=true"), body.clone()).await;
        let real = site.post(path, body.clone()).await;
        for reply in [&told, &real] {
            assert_eq!((reply.status, reply.code().as_str()), (402, "insufficient_credits"), "{path}");
        }
        for figure in ["detail", "required", "available", "held"] {
            assert_eq!(told.json()[figure], real.json()[figure], "{path}: {figure}");
        }
    }
    // A test of a model is the operator's and holds nothing.
    let plan = site.post("/models/test?dry_run=true", json!({"model": "demo/writer"})).await.json();
    assert_eq!((&plan["would"], &plan["hold"], &plan["available"]), (&json!("accept"), &json!(0), &json!(0)), "{plan}");
}

#[tokio::test]
async fn s17_a_length_of_the_answer_that_is_none_is_refused_or_the_usual_one() {
    let site = Site::idle().await;
    let ask = async |length: Option<Value>| {
        let mut input = json!({"prompt": "the sea"});
        if let Some(length) = length {
            input["max_output_tokens"] = length;
        }
        site.send("POST", "/generations?dry_run=true", Some(json!({"recipe": "text", "input": input})), &[]).await
    };
    let usual = ask(None).await.json()["estimate"]["tokens_max"].as_i64().unwrap();
    let longest = ask(Some(json!(32_000))).await.json()["estimate"]["tokens_max"].as_i64().unwrap();
    assert!(usual > 2_048 && longest > 32_000 && longest < 1_000_000, "bounded: {usual}, {longest}");
    for wrong in
        [json!(0), json!(-1), json!(1.5), json!(1e99), json!(9_223_372_036_854_775_808_u64), json!("7"), json!([])]
    {
        let reply = ask(Some(wrong.clone())).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{wrong}");
        assert_eq!(reply.json()["errors"][0]["pointer"], "/input/max_output_tokens", "{wrong}");
    }
    // Outside the recipe's input there is no such field.
    let body = json!({"recipe": "text", "input": {"prompt": "x"}, "max_output_tokens": 1});
    assert_eq!(blamed(&site.post("/generations", body).await)[0].1, "unknown_field");
}

#[tokio::test]
async fn s24_what_moves_credits_is_done_once_and_never_the_wrong_way() {
    let site = site().await;
    let grant = json!({"user": "ann", "amount": 50_000_000, "reference": "payment-1"});
    for posted in [true, false, false] {
        assert_eq!(site.post("/credits/grants", grant.clone()).await.json()["posted"], posted);
    }
    let start = json!({"user": "ben", "amount": 1_000_000, "reference": "start-ben"});
    assert_eq!(site.post("/credits/grants", start).await.status, 201);
    let gift = json!({"from": "ann", "to": "ben", "amount": 20_000_000});
    let key = [("idempotency-key", "gift-1")];
    for posted in [true, false] {
        assert_eq!(site.send("POST", "/credits/gifts", Some(gift.clone()), &key).await.json()["posted"], posted);
    }
    let left = async |user: &str| site.get(&format!("/credits/accounts/{user}")).await.json()["available"].clone();
    assert_eq!((left("ann").await, left("ben").await), (json!(30_000_000), json!(21_000_000)));
    for amount in [json!(0), json!(-20_000_000), json!(9_223_372_036_854_775_807_i64), json!(1e19)] {
        for (path, body) in [
            ("/credits/gifts", json!({"from": "ann", "to": "ben", "amount": amount})),
            ("/credits/grants", json!({"user": "ben", "amount": amount, "reference": "r"})),
        ] {
            let reply = site.post(path, body).await;
            assert!(matches!(reply.status, 402 | 409 | 422), "{path} {amount}: {}", reply.status);
        }
    }
    assert_eq!((left("ann").await, left("ben").await), (json!(30_000_000), json!(21_000_000)));
}

#[tokio::test]
async fn packs_are_listed_and_a_span_counts_from_now() {
    let site = site().await;
    let packs = site.get("/credits/packs").await.json();
    assert_eq!((&packs["data"][0]["name"], &packs["data"][0]["credits"]), (&json!("medium"), &json!(110_000_000)));
    let body = json!({"user": "ann", "amount": 5, "reference": "trial", "expires_at": "30d"});
    let made = site.post("/credits/grants", body).await.json();
    let account = site.get("/credits/accounts/ann").await.json();
    assert_eq!(account["expires_next_at"], made["transfer"]["expires_at"]);
    assert!(account["expires_next_at"].is_string());
}

#[tokio::test]
async fn another_workspaces_key_sees_and_moves_nothing_here() {
    let site = site().await;
    grant(&site, "ann", 100, "g1").await;
    let key = site.key_in(crate::site::other_workspace()).await;
    let bearer = format!("Bearer {key}");
    let other = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let get = async |path: &str| site.raw("GET", &format!("/api/v1{path}"), &other, "").await;
    assert_eq!(get("/credits/ledger").await.json()["data"], json!([]));
    assert_eq!(get("/credits/accounts").await.json()["data"], json!([]));
    assert_eq!(get("/credits/accounts/ann").await.status, 404);
    let body = json!({"user": "ann", "amount": 7, "reference": "g1"}).to_string();
    let theirs = site.raw("POST", "/api/v1/credits/grants", &other, body).await;
    assert_eq!((theirs.status, &theirs.json()["balance"]["available"]), (201, &json!(7)), "their own ann");
    assert_eq!(site.get("/credits/accounts/ann").await.json()["available"], 100);
    assert_eq!(site.raw("GET", "/api/v1/credits/ledger", &[], "").await.status, 401);
}

#[tokio::test]
async fn switched_off_every_route_says_how_to_switch_them_on() {
    let site = Site::idle().await;
    let bodies = [
        ("/credits/grants", json!({"user": "a", "amount": 1, "reference": "r"})),
        ("/credits/adjustments", json!({"user": "a", "amount": 1, "reason": "r"})),
        ("/credits/gifts", json!({"from": "a", "to": "b", "amount": 1})),
        ("/credits/refunds", json!({"generation": "gen_01kc0000010008000000000001", "reason": "r"})),
    ];
    let mut replies = vec![];
    for (path, body) in bodies {
        replies.push(site.post(path, body).await);
    }
    for path in ["/credits/accounts", "/credits/accounts/a", "/credits/ledger", "/credits/packs"] {
        replies.push(site.get(path).await);
    }
    for reply in replies {
        assert_eq!((reply.status, reply.code().as_str()), (409, "credits_off"));
        assert!(reply.json()["hint"].as_str().unwrap().contains("COPYDESK_CREDITS=on"));
    }
}
