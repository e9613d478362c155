//! The rows about error statuses and waits (P7 to P10, P24).

use copydesk_fakeprovider::Fault;
use copydesk_providers::ErrorClass;

use crate::want::Who::{Anthropic, Compatible, Gemini, OpenAi, OpenRouter};
use crate::want::{BOTH, Row, UPSTREAM, answers, fails, row};

const WORD: &str = "its own word goes before the status";

pub fn table() -> Vec<Row> {
    [client_errors(), limits(), server_errors()].concat()
}

fn client_errors() -> Vec<Row> {
    let rejected = || fails(ErrorClass::Rejected);
    let unauthorized = || fails(ErrorClass::Unauthorized);
    let quota = || fails(ErrorClass::Quota);
    let overloaded = || fails(ErrorClass::Overloaded);
    let says_invalid = "its word is invalid_request, which no retry helps";
    vec![
        row(Fault::Status400, "400", rejected()),
        row(Fault::Status401, "401", unauthorized()),
        row(Fault::Status402, "402", quota()).but(
            &[Gemini],
            BOTH,
            unauthorized(),
            "its word is PERMISSION_DENIED; Google has no 402",
        ),
        row(Fault::Status403, "403", unauthorized()).but(
            &[OpenRouter],
            BOTH,
            rejected(),
            "the key is good there; what was asked for is not allowed to it",
        ),
        row(Fault::Status404, "404", fails(ErrorClass::ModelNotFound)).but(
            &[Anthropic],
            BOTH,
            fails(ErrorClass::Misconfigured),
            "it names the model when the model is unknown; this is the address",
        ),
        row(Fault::Status408, "408", fails(UPSTREAM)),
        row(Fault::Status409, "409", overloaded()).but(&[OpenRouter], BOTH, rejected(), says_invalid),
        row(Fault::Status413, "413", fails(ErrorClass::TooLarge)),
        row(Fault::Status422, "422", rejected()),
        row(Fault::Status425, "425", overloaded()).but(&[OpenRouter], BOTH, rejected(), says_invalid),
        row(Fault::QuotaExhausted, "says that no balance is left", quota()),
        row(Fault::QuotaPerDay, "says that the quota of the day is used up", quota()),
        row(Fault::ContextTooLong, "says that the prompt does not fit", fails(ErrorClass::TooLarge)),
        row(Fault::ModelGone, "takes the model away", fails(ErrorClass::ModelNotFound)),
    ]
}

fn limits() -> Vec<Row> {
    let limited = || fails(ErrorClass::RateLimited);
    vec![
        row(Fault::Status429, "429", limited()),
        row(Fault::RetryAfterSeconds, "429, `retry-after: 2`", limited().wait_ms(2_000)),
        row(Fault::RetryAfterFraction, "429, `retry-after: 0.25`", limited().wait_ms(250)),
        row(Fault::RetryAfterDate, "429, `retry-after` is a date in two seconds", limited().wait_ms(2_000)),
        row(Fault::RetryAfterDatePast, "429, `retry-after` is a date of 2015", limited().wait_ms(0)),
        row(Fault::RetryAfterMs, "429, `retry-after-ms: 1500`", limited().wait_ms(1_500)),
        row(Fault::RetryAfterZero, "429, `retry-after: 0`", limited().wait_ms(0)),
        row(Fault::RetryAfterNegative, "429, `retry-after: -1`", limited()),
        row(Fault::RetryAfterHuge, "429, `retry-after: 99999999`; ten minutes at most", limited().wait_ms(600_000)),
        row(Fault::RetryAfterGarbage, "429, `retry-after` is no time", limited()),
        row(Fault::QuotaPerMinute, "says that the quota of the minute is used up", limited().wait_ms(2_000)),
    ]
}

fn server_errors() -> Vec<Row> {
    let server = || fails(ErrorClass::ServerError);
    let overloaded = || fails(ErrorClass::Overloaded);
    vec![
        row(Fault::Status500, "500", server()),
        row(Fault::Status502, "502", server()).but(&[OpenRouter, Gemini], BOTH, overloaded(), WORD),
        row(Fault::Status503, "503", overloaded()).but(&[Anthropic], BOTH, server(), WORD),
        row(Fault::Status504, "504", fails(UPSTREAM)).but(&[Compatible, OpenAi], BOTH, server(), WORD),
        row(Fault::Status524, "524", fails(UPSTREAM)).but(&[Compatible, OpenAi], BOTH, server(), WORD),
        row(Fault::Status529, "529", overloaded()),
        // By the order of arrival; a test of its own counts them. The first request meets 500.
        row(Fault::Mixed5xx, "three of ten requests get 500, 502, 503, 504 or 529", answers()),
    ]
}
