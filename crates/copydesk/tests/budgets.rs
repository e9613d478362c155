//! Budgets on the command line: dollars and tokens, and code 8 when there is no room.

use crate::books::Hurried;
use crate::support::Place;
use copydesk_core::budget::bound::MostCost;
use copydesk_core::budget::{LIMIT_MAX, Measure, Period};
use copydesk_desk::accept::Request;
use copydesk_desk::budgets::{BudgetOrder, Of};
use copydesk_desk::clock::SystemDice;
use copydesk_desk::recipes::Shelf;
use copydesk_desk::{Desk, DeskConfig, Parts, World};
use copydesk_providers::{DemoServer, HttpClient, Registry};
use copydesk_store::usage::CallFilter;
use copydesk_store::{PageRequest, Scope};
use copydesk_store_sqlite::{Options, SqliteStore};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_budget_is_set_reached_raised_and_ended() {
    let place = Place::new();
    let made = place.run(&["budgets", "set", "200", "--tokens", "--period", "day", "--zone", "Europe/Berlin"]);
    let out = made.exits(0).out.clone();
    assert!(out.contains("limit      200 tokens a day (Europe/Berlin)\nwarns at   80%, 100%\n"), "{out}");
    let id = out.split_whitespace().nth(1).unwrap().to_owned();
    let refused = place.run(&["generate", "text", "--set", "prompt=tea"]);
    let said = &refused.exits(8).err;
    assert!(said.contains(&id) && said.contains("copydesk budgets change"), "{said}");
    let raised = place.run(&["budgets", "change", &id, "--limit", "1000000", "--warn-at", "10"]);
    assert!(raised.exits(0).out.contains("limit      1000000 tokens a day"), "{}", raised.out);
    place.run(&["generate", "text", "--set", "prompt=tea"]).exits(0);
    let row = place.json(&["budgets", "ls"])["data"][0].clone();
    assert!(row["current"]["used"].as_i64().unwrap() > 0 && row["current"]["reserved"] == 0, "{row}");
    let shown = place.run(&["budgets", "show", &id, "--periods", "2"]);
    assert!(shown.exits(0).out.contains("\nFROM "), "{}", shown.out);
    let ended = place.run(&["budgets", "end", &id]);
    assert!(ended.exits(0).out.contains("\nended      "), "{}", ended.out);
    assert_eq!(place.json(&["budgets", "ls"])["data"], json!([]));
    let table = place.run(&["budgets", "ls", "--ended"]);
    assert!(table.exits(0).out.starts_with("BUDGET "), "{}", table.out);
}

#[test]
fn dollars_are_dollars_and_what_is_wrong_is_said() {
    let place = Place::new();
    let made = place.run(&["budgets", "set", "2.5", "--each", "user"]);
    let out = &made.exits(0).out;
    assert!(out.contains("of         each user\nlimit      $2.50 a month (UTC)"), "{out}");
    place.run(&["generate", "text", "--set", "prompt=tea", "--user", "ann"]).exits(0);
    let table = place.run(&["budgets", "ls"]);
    assert!(table.exits(0).out.contains("ann"), "{}", table.out);
    for (arguments, words) in [
        (vec!["budgets", "set", "5,0"], "is not an amount of dollars"),
        (vec!["budgets", "set", "many", "--tokens"], "is not a number of tokens"),
        (vec!["budgets", "set", "5", "--warn-at", "90,50"], "each larger than the one before"),
        (vec!["budgets", "set", "5", "--zone", "Berlin"], "is not a time zone"),
        (vec!["budgets", "set", "5", "--user", "nobody"], "no user is called"),
    ] {
        let said = place.run(&arguments);
        assert!(said.exits(2).err.contains(words), "{arguments:?}: {}", said.err);
    }
    place.run(&["budgets", "end", "bud_nothing"]).exits(3);
}

/// The real recipes with every model of the real demo provider, slow, broken and stuck ones too.
#[test]
fn no_demo_model_uses_more_than_its_bound() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let (_server, base_url) = DemoServer::start().await.unwrap();
        let desk = demo_desk(folder.path(), &base_url).await;
        let mut asked = vec![];
        for model in desk.providers().addresses() {
            for recipe in ["text", "newsletter", "picture", "video"] {
                let input = desk.shelf().get(recipe).unwrap().example.clone();
                let deadline = Some(desk.world().now().plus(Duration::from_secs(300)));
                let request = Request { model: Some(model.clone()), deadline, ..Request::new(recipe, input) };
                // Not every model makes pictures.
                let Ok(order) = desk.rehearse(request.clone()) else { continue };
                let bound = order.bound.expect("there is a budget");
                let id = desk.accept(request).await.unwrap().generation;
                asked.push((format!("{recipe} {model}"), bound, id));
            }
        }
        let (compared, mut priced) = (asked.len(), 0);
        for (what, bound, id) in asked {
            while !desk.wait(Scope::DEFAULT, id, Duration::from_secs(60)).await.unwrap().status().is_final() {}
            let filter = CallFilter { generation: Some(id), ..CallFilter::default() };
            let calls = desk.store().calls(Scope::DEFAULT, filter, PageRequest::newest(100)).await.unwrap().rows;
            let closed = || calls.iter().filter_map(|call| call.closed.as_ref()).map(|(_, closed)| closed);
            let tokens: i64 = closed().filter_map(|call| call.usage.total()).map(|tokens| tokens.0).sum();
            let cost: i64 = closed().filter_map(|call| call.cost).map(|cost| cost.0).sum();
            assert!(tokens <= bound.tokens.0, "{what}: {tokens} of {bound:?}");
            if let MostCost::Known(most) = bound.cost {
                assert!(cost <= most.0, "{what}: {cost} of {bound:?}");
                priced += usize::from(cost > 0);
            }
        }
        desk.stop(Duration::from_secs(30)).await.unwrap();
        assert!(compared > 10 && priced > 5, "{compared} compared, {priced} of them with a cost");
        assert_eq!(desk.store().audit().await.unwrap(), vec![]);
    });
}

async fn demo_desk(folder: &std::path::Path, base_url: &str) -> Desk {
    let mut providers = Registry::new();
    let demo = copydesk_providers::demo::provider("demo", base_url, &HttpClient::new().unwrap());
    providers.insert(Arc::new(demo)).unwrap();
    let parts = Parts {
        store: Arc::new(SqliteStore::open(folder, Options::default()).unwrap()),
        assets: Arc::new(copydesk_desk::assets::FolderAssets::new(folder.join("assets"))),
        world: World::new(Arc::new(Hurried::starting_now()), Arc::new(SystemDice::default())),
        shelf: Shelf::built_in().unwrap(),
        providers,
        config: DeskConfig { lease: Duration::from_secs(1_800), ..DeskConfig::default() },
        label: "bounds".to_owned(),
        hooks: copydesk_desk::Hooks::default(),
    };
    let desk = Desk::open(parts).await.unwrap();
    let order = BudgetOrder {
        scope: Scope::DEFAULT,
        of: Of::Workspace,
        measure: Measure::Tokens,
        period: Period::Month,
        zone: "UTC".to_owned(),
        limit: LIMIT_MAX,
        warn_at: None,
        idempotency: None,
    };
    desk.set_budget(order).await.unwrap();
    desk.start_working().await.unwrap();
    desk
}
