//! `providers`: how they are set up, without a secret in it, and whether one answers.

use crate::support::Place;

#[test]
fn providers_are_listed_without_their_secrets() {
    let place = Place::new()
        .with("COPYDESK_PROVIDER_HOUSE_BASE_URL", "http://me:hunter2@127.0.0.1:9/v1?key=hunter3")
        .with("COPYDESK_PROVIDER_HOUSE_API_KEY", "sk-hunter4");
    let ran = place.run(&["providers", "ls"]);
    ran.exits(0).prints("PROVIDER").prints("demo").prints("openai-compatible").prints("http://127.0.0.1:9/v1");
    ran.says("copydesk providers test NAME");
    let listed = place.run(&["providers", "ls", "--json"]);
    for shown in [&ran.out, &listed.out] {
        assert!(!shown.contains("hunter"), "{shown}");
    }
    let body = listed.exits(0).json();
    let house = body["data"].as_array().unwrap().iter().find(|one| one["name"] == "house").unwrap();
    assert_eq!(
        (&house["key_set"], &house["lists_models"], &house["models_known"]),
        (&true.into(), &true.into(), &false.into())
    );
}

#[test]
fn a_provider_is_tested_by_its_list_or_by_a_call() {
    let place = Place::new().with("COPYDESK_PROVIDER_HOUSE_BASE_URL", "http://127.0.0.1:9/v1");
    let ran = place.run(&["providers", "test", "demo"]);
    ran.exits(0).prints("answer    it has").prints("demo/").prints("cost      none");
    place.run(&["providers", "test", "demo", "--dry-run"]).exits(0).prints("that is free");
    place.run(&["providers", "test", "demo", "--model", "demo/writer", "--dry-run"]).exits(0).prints("at most $0.");
    let ran = place.run(&["providers", "test", "demo", "--model", "demo/writer"]);
    ran.exits(0).prints("model     demo/writer").prints("books     cal_");
    let ran = place.run(&["providers", "test", "house"]);
    ran.exits(5).prints("(provider_unreachable)");
    place.run(&["providers", "test", "nobody"]).refuses(3, "not_found").says("nobody");
    assert_eq!(place.json(&["generations", "ls"])["data"].as_array().unwrap().len(), 1, "one call was made");
}
