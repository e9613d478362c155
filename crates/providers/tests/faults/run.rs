//! Runs one row of the table against a fake provider of its own, with every adapter, plain and streamed, and says what
//! differs from the expectation. It fixes no expectation itself.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use copydesk_core::metering::usage::TokenUsage;
use copydesk_core::{CallId, NanoUsd, Tokens};
use copydesk_fakeprovider::{COST_NANOUSD_PER_TOKEN, Dialect, FakeProvider, Fault, Plan, Usage};
use copydesk_providers::{
    Anthropic, CallReport, CallRequest, DeltaSink, Gemini, HttpClient, Message, Ollama, OpenAi, OpenAiCompatible,
    OpenRouter, Provider, Secret, Timeouts,
};
use futures::future::join_all;

use crate::want::{BOTH, End, Mode, Row, Text, Used, Want, Who};

pub const KEY: &str = "canary-key-0123456789";
/// The usual answer of the fake.
pub const WHOLE: &str = "This is a fake answer, word by word, with Grüße and 🙂";
/// Between two bytes of a drip.
const DRIP: Duration = Duration::from_millis(100);

/// Collects what is streamed.
#[derive(Default)]
pub struct Heard(Mutex<String>);

impl DeltaSink for Heard {
    fn delta(&self, text: &str) {
        self.0.lock().unwrap().push_str(text);
    }
}

pub fn adapter(who: Who, base: &str, http: &HttpClient) -> Box<dyn Provider> {
    let http = http.clone();
    let key = Some(Secret::new(KEY));
    let at = |dialect: Dialect| format!("{base}{}", dialect.base_path());
    match who {
        Who::Compatible => Box::new(OpenAiCompatible::new("acme", &at(Dialect::OpenAi), http).with_api_key(key)),
        Who::OpenAi => Box::new(OpenAi::new("acme", &at(Dialect::OpenAi), http).with_api_key(key)),
        Who::OpenRouter => Box::new(OpenRouter::new("acme", &at(Dialect::OpenRouter), http).with_api_key(key)),
        Who::Anthropic => Box::new(Anthropic::new("acme", &at(Dialect::Anthropic), http).with_api_key(key)),
        Who::Gemini => Box::new(Gemini::new("acme", &at(Dialect::Gemini), http).with_api_key(key)),
        Who::Ollama => Box::new(Ollama::new("acme", base, http).with_api_key(key)),
    }
}

/// Nothing that works is ever cut off by these, however busy the machine.
pub const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(60),
    first_byte: Duration::from_secs(60),
    idle: Duration::from_secs(60),
    total: Duration::from_secs(60),
};

/// For rows in which the provider does not go on. The limits are apart, so that a report shows which one ran out.
pub const HASTY: Timeouts =
    Timeouts { first_byte: Duration::from_millis(2_500), idle: Duration::from_millis(1_000), ..PATIENT };

/// A call id that nothing else in this process has.
pub fn next_id() -> CallId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    CallId(uuid::Uuid::from_u128(NEXT.fetch_add(1, Ordering::Relaxed).into()))
}

pub fn request(mode: Mode, model: &str, timeouts: Timeouts) -> CallRequest {
    let call_id = next_id();
    let messages = vec![Message::system("Be brief."), Message::user("Write about rain.")];
    CallRequest { stream: mode == Mode::Stream, timeouts, ..CallRequest::new(call_id, model, messages) }
}

/// All that is wrong with a row: nothing, one hopes.
pub async fn run(row: Row, http: HttpClient) -> Vec<String> {
    let cases = Who::ALL.into_iter().flat_map(|who| BOTH.iter().map(move |mode| (who, *mode)));
    run_cases(&row, &http, cases.collect()).await
}

/// The same for some adapters only, all at the same time.
pub async fn run_cases(row: &Row, http: &HttpClient, cases: Vec<(Who, Mode)>) -> Vec<String> {
    let fake = FakeProvider::start().await;
    let plan = Plan { interval: DRIP, ..Plan::new(row.fault) };
    fake.always(Some(row.at.map_or(plan, |at| plan.after(at))));
    let runs = cases.into_iter().map(|(who, mode)| case(row, &fake, http, who, mode));
    let mut wrong: Vec<String> = join_all(runs).await.concat();
    if !fake.elsewhere_log().is_empty() || fake.elsewhere_connections().ever > 0 {
        wrong.push(format!("{}: somebody went where the redirect led", row.name()));
    }
    wrong
}

async fn case(row: &Row, fake: &FakeProvider, http: &HttpClient, who: Who, mode: Mode) -> Vec<String> {
    let provider = adapter(who, &fake.base_url(), http);
    let model = format!("fake-{who:?}-{mode:?}").to_lowercase();
    let timeouts = if row.hasty { HASTY } else { PATIENT };
    let mut sent = Vec::new();
    let mut wrong = Vec::new();
    for _ in 0..row.healthy {
        let request = request(mode, &model, PATIENT);
        sent.push(request.call_id.to_string());
        if provider.call(&request, &Heard::default()).await.result.is_err() {
            wrong.push("the answer before the fault".to_owned());
        }
    }
    let request = request(mode, &model, timeouts);
    let id = request.call_id.to_string();
    sent.push(id.clone());
    let heard = Heard::default();
    let report = provider.call(&request, &heard).await;
    let log = fake.log();
    let mine: Vec<&str> = log
        .iter()
        .filter_map(|entry| entry.call_id.as_deref())
        .filter(|id| sent.iter().any(|mine| mine == id))
        .collect();
    if mine != sent {
        wrong.push(format!("calls in the provider's log: {mine:?}, sent: {sent:?}"));
    }
    let billed = log.iter().find(|entry| entry.call_id.as_deref() == Some(&id)).map(|entry| entry.billed);
    let want = row.want(who, mode);
    wrong.extend(differences(want, who, mode, &report, billed.unwrap_or_default()));
    if mode == Mode::Stream && want.text != Text::Nothing {
        let heard = heard.0.lock().unwrap().clone();
        wrong.extend((heard != text_of(&report)).then(|| format!("streamed text: {heard:?}")));
    }
    if row.fault == Fault::OtherModel && report.served_model.as_deref() != Some("fake-other-model") {
        wrong.push(format!("served model: {:?}", report.served_model));
    }
    wrong.into_iter().map(|what| format!("{} {} {mode:?}: {what}", row.name(), who.as_str())).collect()
}

fn text_of(report: &CallReport) -> &str {
    match &report.result {
        Ok(answer) => &answer.text,
        Err(_) => report.partial_text.as_deref().unwrap_or_default(),
    }
}

fn differences(want: &Want, who: Who, mode: Mode, report: &CallReport, billed: Usage) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |good: bool, what: String| {
        if !good {
            wrong.push(what);
        }
    };
    let end = match &report.result {
        Ok(answer) => End::Answer(answer.finish.clone()),
        Err(error) => End::Fails(error.class),
    };
    let said = report.result.as_ref().err().map(|error| error.message.clone()).unwrap_or_default();
    check(end == want.end, format!("ended with {end:?} ({said}), wanted {:?}", want.end));
    check(report.sent, "not sent".to_owned());
    let failure = match &report.result {
        Ok(answer) => answer.shortfall(),
        Err(error) => Some(error.failure("acme")),
    };
    let got = failure.as_ref().map(|failure| (failure.code, failure.message.as_str(), failure.tries_max));
    check(got == want.failure(), format!("the user reads {got:?}, wanted {:?}", want.failure()));
    if let Err(error) = &report.result {
        check(error.retry_after == want.wait, format!("wait {:?}, wanted {:?}", error.retry_after, want.wait));
        check(
            Some(error.retryable()) == want.failure().map(|(code, ..)| code.retryable()),
            "retryable here and not there".to_owned(),
        );
        check(!format!("{error:?}").contains(KEY), "the key is in the error".to_owned());
    }
    let text = text_of(report);
    let text_fits = match want.text {
        Text::Nothing => text.is_empty() && report.partial_text.is_none(),
        Text::Part => !text.is_empty() && WHOLE.starts_with(text) && text.len() < WHOLE.len(),
        Text::Whole => text == WHOLE,
        Text::Exactly(wanted) => text == wanted,
    };
    check(text_fits, format!("text {text:?}, wanted {:?}", want.text));
    check(
        figures_fit(want.used, who, mode, &report.usage, billed),
        format!("usage {:?}, wanted {:?} of {billed:?}", report.usage, want.used),
    );
    wrong
}

fn figures_fit(used: Used, who: Who, mode: Mode, usage: &TokenUsage, billed: Usage) -> bool {
    let count = |tokens: Option<Tokens>| tokens.map(|tokens| u64::try_from(tokens.0).unwrap());
    let (input, output) = (count(usage.input), count(usage.output));
    if usage.estimated {
        return false;
    }
    match used {
        Used::Unknown => (input, output) == (None, None),
        Used::OutputOnly => (input, output) == (None, Some(billed.output)),
        Used::Billed => {
            let nanos = i64::try_from((billed.input + billed.output) * COST_NANOUSD_PER_TOKEN).unwrap();
            let cost = (who == Who::OpenRouter).then_some(NanoUsd(nanos));
            (input, output) == (Some(billed.input), Some(billed.output)) && usage.provider_cost == cost
        }
        Used::SoFar => match (who, mode) {
            (Who::Anthropic, Mode::Stream) => (input, output) == (Some(billed.input), None),
            (Who::Gemini, Mode::Stream) => {
                input == Some(billed.input) && output.is_some_and(|output| output <= billed.output)
            }
            (Who::Compatible | Who::OpenAi | Who::OpenRouter | Who::Ollama, Mode::Stream)
            | (
                Who::Compatible | Who::OpenAi | Who::OpenRouter | Who::Anthropic | Who::Gemini | Who::Ollama,
                Mode::Plain,
            ) => (input, output) == (None, None),
        },
    }
}
