//! `cargo xtask providers live`: five small calls to every real provider that the environment has a key or an address
//! for. It says what ran, what was skipped and why; with nothing set it runs nothing and is content. It costs a few
//! hundred tokens a provider, and prints no key. `targets.rs` reads the environment.

#![allow(
    clippy::disallowed_methods,
    reason = "a driver of real endpoints reads its environment and measures wall time"
)]

mod targets;

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use copydesk_core::CallId;
use copydesk_desk::World;
use copydesk_providers::{
    AnswerShape, CallReport, CallRequest, DeltaSink, ErrorClass, HttpClient, Message, PriceTable, Registry, Secret,
    Timeouts,
};
use serde_json::{Value, json};
use targets::{Target, Wish};

/// Room for models that think before they answer. Units: tokens.
const OUTPUT_TOKENS_MAX: u32 = 1_024;
/// Far from anything a key looks like, so that it is refused and nothing else.
const WRONG_KEY: &str = "copydesk-live-suite-wrong-key";
const WRONG_MODEL: &str = "copydesk-no-such-model";

/// The five calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Plain,
    Streamed,
    Schema,
    WrongModel,
    WrongKey,
}

impl Case {
    const ALL: [Case; 5] = [Case::Plain, Case::Streamed, Case::Schema, Case::WrongModel, Case::WrongKey];

    const fn as_str(self) -> &'static str {
        match self {
            Case::Plain => "plain",
            Case::Streamed => "streamed",
            Case::Schema => "schema",
            Case::WrongModel => "wrong model",
            Case::WrongKey => "wrong key",
        }
    }
}

/// What came of one call.
enum Outcome {
    Good(String),
    Bad(String),
    Skipped(&'static str),
}

#[derive(Default)]
struct Heard(Mutex<(usize, String)>);

impl DeltaSink for Heard {
    fn delta(&self, text: &str) {
        let mut heard = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        heard.0 += 1;
        heard.1.push_str(text);
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let (mut ran, mut bad) = (0, 0);
    for wish in targets::read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()), std::env::vars()) {
        let target = match wish {
            Wish::Skip { name, why } => {
                println!("{name:<12} skipped: {why}");
                continue;
            }
            Wish::Run(target) => target,
        };
        for case in Case::ALL {
            let begun = Instant::now();
            let outcome = run(&target, case).await;
            let (word, what) = match outcome {
                Outcome::Good(what) => ("ok", what),
                Outcome::Bad(what) => ("FAILED", what),
                Outcome::Skipped(why) => ("skipped", why.to_owned()),
            };
            ran += u32::from(word != "skipped");
            bad += u32::from(word == "FAILED");
            let (name, seconds) = (&target.config.name, begun.elapsed().as_secs_f64());
            println!("{name:<12} {:<11} {word:<7} {what} ({}, {seconds:.1} s)", case.as_str(), target.model);
        }
    }
    match (ran, bad) {
        (0, _) => println!("Nothing ran: no key and no address is set."),
        (ran, 0) => println!("{ran} calls, all as they should be."),
        (ran, bad) => println!("{ran} calls, {bad} of them not as they should be."),
    }
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(target: &Target, case: Case) -> Outcome {
    let mut config = target.config.clone();
    if case == Case::WrongKey {
        if config.api_key.is_none() {
            return Outcome::Skipped("it takes no key");
        }
        config.api_key = Some(Secret::new(WRONG_KEY));
    }
    let name = config.name.clone();
    let built = HttpClient::new()
        .map_err(|error| error.to_string())
        .and_then(|http| Registry::build(&[config], &http, &PriceTable::built_in()).map_err(|error| error.to_string()));
    let registry = match built {
        Ok(registry) => registry,
        Err(error) => return Outcome::Bad(error),
    };
    let Some(provider) = registry.get(&name) else { return Outcome::Bad("it is not in the registry".to_owned()) };
    let heard = Heard::default();
    let report = provider.call(&request(target, case), &heard).await;
    judged(case, &report, &heard)
}

fn request(target: &Target, case: Case) -> CallRequest {
    let world = World::real();
    let model = if case == Case::WrongModel { WRONG_MODEL } else { &target.model };
    let question = match case {
        Case::Schema => "Which city is the capital of France?",
        Case::Plain | Case::Streamed | Case::WrongModel | Case::WrongKey => "Reply with the word OK.",
    };
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false});
    CallRequest {
        max_output_tokens: Some(OUTPUT_TOKENS_MAX),
        shape: if case == Case::Schema { AnswerShape::Schema(schema) } else { AnswerShape::Free },
        stream: case == Case::Streamed,
        timeouts: Timeouts { total: Duration::from_secs(120), ..Timeouts::default() },
        ..CallRequest::new(CallId(world.uuid(world.now())), model, vec![Message::user(question)])
    }
}

fn judged(case: Case, report: &CallReport, heard: &Heard) -> Outcome {
    let error = match &report.result {
        Err(error) => error,
        Ok(answer) => return judged_answer(case, &answer.text, report, heard),
    };
    let what = format!("{}: {}", error.class.as_str(), error.message);
    let expected = match case {
        Case::WrongKey => error.class == ErrorClass::Unauthorized,
        // Some know every model and refuse this one with 400.
        Case::WrongModel => matches!(error.class, ErrorClass::ModelNotFound | ErrorClass::Rejected),
        Case::Plain | Case::Streamed | Case::Schema => false,
    };
    if expected { Outcome::Good(what) } else { Outcome::Bad(what) }
}

fn judged_answer(case: Case, text: &str, report: &CallReport, heard: &Heard) -> Outcome {
    let (Some(input), Some(output)) = (report.usage.input, report.usage.output) else {
        return Outcome::Bad(format!("an answer without figures: {:?}", report.usage));
    };
    let (pieces, streamed) = &*heard.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let fault = match case {
        Case::WrongModel | Case::WrongKey => Some("it was answered".to_owned()),
        Case::Streamed if streamed != text => Some(format!("the pieces say {streamed:?} and the answer {text:?}")),
        Case::Schema => {
            let value: Value = serde_json::from_str(text).unwrap_or_default();
            value["city"].as_str().is_none().then(|| format!("not of the schema: {text:?}"))
        }
        Case::Plain | Case::Streamed => None,
    };
    match fault {
        Some(fault) => Outcome::Bad(fault),
        None => Outcome::Good(format!("{} tokens in, {} out, {pieces} piece(s)", input.0, output.0)),
    }
}
