//! What goes out to the makers of models when the newsletter is written: a schema for the answer where the model is known
//! to be held to one, a temperature where it is not refused. Recorded by the fake provider, for each format.

use crate::support::{Place, week_xml};
use copydesk_fakeprovider::{Dialect, FakeProvider};
use serde_json::{Value, json};

/// A newsletter by this model of a maker: the request that went out, and where the version says it is from.
fn asked(dialect: Dialect, model: &str) -> (Value, Value) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let fake = runtime.block_on(FakeProvider::start());
    let variable = |end: &str| format!("COPYDESK_PROVIDER_MAKER_{end}");
    let place = Place::new()
        .with(&variable("KIND"), dialect.as_str())
        .with(&variable("BASE_URL"), &fake.base_url_for(dialect))
        .with(&variable("API_KEY"), "sk-none");
    // Somebody who is asked for no schema says it by itself.
    let article = json!({"title": "T", "intro": "", "topics": [{"heading": "H", "body": "B"}], "conclusion": ""});
    fake.says_with(move |body| (!body.to_string().contains("additionalProperties")).then(|| article.to_string()));
    let printed = place.json(&["generate", "newsletter", "--input", &week_xml(), "-m", &format!("maker/{model}")]);
    assert_eq!(printed["generation"]["status"], "completed");
    let [request] = &fake.log()[..] else { panic!("one call: {:?}", fake.log().len()) };
    let versions = place.json(&["drafts", "versions", printed["draft"]["id"].as_str().unwrap()]);
    (request.body.json().clone(), versions["data"][0]["provenance"].clone())
}

/// The schema at `pointer`: closed, and with all its members required.
#[track_caller]
fn is_the_articles(body: &Value, pointer: &str) {
    let schema = body.pointer(pointer).unwrap_or(&Value::Null);
    assert_eq!(schema["required"], json!(["title", "intro", "topics", "conclusion"]), "{body}");
    let topic = &schema["properties"]["topics"]["items"];
    assert_eq!(topic["required"], json!(["heading", "body", "sources"]));
    assert_eq!((&schema["additionalProperties"], &topic["additionalProperties"]), (&json!(false), &json!(false)));
}

#[test]
fn openai_is_given_the_newsletters_schema_and_strictly() {
    let (body, provenance) = asked(Dialect::OpenAi, "gpt-4o");
    is_the_articles(&body, "/response_format/json_schema/schema");
    assert_eq!(body["response_format"]["json_schema"]["strict"], true);
    assert_eq!(body["temperature"], 0.7);
    assert_eq!(provenance.get("left_out"), None);
}

#[test]
fn anthropic_and_gemini_are_given_it_in_their_own_words() {
    let (body, _) = asked(Dialect::Anthropic, "claude-sonnet-4-5");
    is_the_articles(&body, "/output_config/format/schema");
    assert_eq!(body["temperature"], 0.7);
    let (body, _) = asked(Dialect::Gemini, "gemini-2.5-flash");
    is_the_articles(&body, "/generationConfig/responseJsonSchema");
    assert_eq!(body["generationConfig"]["responseMimeType"], "application/json");
    assert_eq!(body["generationConfig"]["temperature"], 0.7);
}

#[test]
fn a_model_that_takes_no_temperature_gets_none_and_the_version_says_so() {
    for (dialect, model) in [(Dialect::OpenAi, "gpt-5"), (Dialect::Anthropic, "claude-opus-4-7")] {
        let (body, provenance) = asked(dialect, model);
        assert_eq!(body.get("temperature"), None, "{body}");
        assert_eq!(provenance["left_out"], json!(["temperature"]), "{provenance}");
    }
}

#[test]
fn a_model_nobody_knows_is_asked_for_no_schema_and_given_the_temperature() {
    for (dialect, model) in [(Dialect::OpenAi, "gpt-4-turbo"), (Dialect::Anthropic, "claude-next")] {
        let (body, _) = asked(dialect, model);
        assert_eq!((body.get("response_format"), body.get("output_config")), (None, None), "{body}");
        assert_eq!(body["temperature"], 0.7);
    }
}
