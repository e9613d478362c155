//! The clock and the faults of test mode on the wire.

use crate::extract::fields::{Fields, FromFields};
use copydesk_core::Timestamp;
use copydesk_desk::testing::{Fault, FaultSet, TestMode};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// The furthest the clock is moved at once: a year. Units: seconds.
const ADVANCE_MAX_S: u64 = 366 * 24 * 3_600;
/// The most calls a fault is ordered for.
const TIMES_MAX: u64 = 1_000;

#[derive(Serialize, ToSchema)]
#[schema(as = TestClock)]
pub(crate) struct ClockBody {
    object: &'static str,
    /// What the server takes for the time.
    now: String,
    /// How far that is ahead of real time.
    ahead_s: u64,
}

impl ClockBody {
    pub fn new(now: Timestamp, ahead: Duration) -> ClockBody {
        ClockBody { object: "test_clock", now: now.to_string(), ahead_s: ahead.as_secs() }
    }
}

/// How far the clock is moved.
#[derive(ToSchema)]
pub(crate) struct Advance {
    /// A duration of ISO 8601 of at least a second and at most 366 days: `PT11M`, `P1DT2H`. Weeks are `P7D`; months and years
    /// have no fixed length.
    #[schema(value_type = String, pattern = "^P([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+S)?)?$")]
    pub advance: Option<Duration>,
}

impl FromFields for Advance {
    fn read(fields: &mut Fields) -> Advance {
        let text = fields.required_text("advance");
        let span = duration(&text).filter(|span| (1..=ADVANCE_MAX_S).contains(&span.as_secs()));
        if span.is_none() && !text.is_empty() {
            let rule =
                "it must be a duration of ISO 8601 such as PT11M or P1DT2H, from 1 second to 366 days; only forward";
            fields.fault("advance", "invalid", rule.to_owned());
        }
        Advance { advance: span }
    }
}

/// Days, hours, minutes and whole seconds of ISO 8601.
fn duration(text: &str) -> Option<Duration> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (rest, ""),
    };
    let mut seconds: u64 = 0;
    let mut any = false;
    for (mut part, units) in [(days, &[('D', 86_400)][..]), (time, &[('H', 3_600), ('M', 60), ('S', 1)][..])] {
        for (letter, worth) in units {
            if let Some((number, behind)) = part.split_once(*letter) {
                let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
                let number: u64 = number.parse().ok().filter(|_| plain)?;
                seconds = seconds.checked_add(number.checked_mul(*worth)?)?;
                (part, any) = (behind, true);
            }
        }
        if !part.is_empty() {
            return None;
        }
    }
    any.then(|| Duration::from_secs(seconds))
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = TestFaultWord)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultWord {
    /// Never answers.
    Hang,
    #[serde(rename = "error_500")]
    Error500,
    /// 429 with `Retry-After`.
    RateLimited,
    /// Breaks off in the middle.
    Cut,
    /// A page instead of JSON.
    Garbage,
    /// Takes three seconds.
    Slow,
}

impl From<Fault> for FaultWord {
    fn from(fault: Fault) -> FaultWord {
        match fault {
            Fault::Hang => FaultWord::Hang,
            Fault::Error500 => FaultWord::Error500,
            Fault::RateLimited => FaultWord::RateLimited,
            Fault::Cut => FaultWord::Cut,
            Fault::Garbage => FaultWord::Garbage,
            Fault::Slow => FaultWord::Slow,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = TestFault)]
pub(crate) struct FaultBody {
    object: &'static str,
    /// As a request names it.
    model: String,
    fault: FaultWord,
    /// For how many more calls.
    times: u32,
}

impl From<FaultSet> for FaultBody {
    fn from(set: FaultSet) -> FaultBody {
        let FaultSet { model, fault, times } = set;
        FaultBody { object: "test_fault", model: TestMode::address(&model), fault: fault.into(), times }
    }
}

/// A fault that is ordered.
#[derive(ToSchema)]
pub(crate) struct NewFault {
    /// A chat model of the demo provider, such as `demo/writer`.
    pub model: String,
    #[schema(value_type = FaultWord)]
    pub fault: Option<Fault>,
    /// For how many of its next calls; 1 unless said otherwise.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub times: u32,
}

impl FromFields for NewFault {
    fn read(fields: &mut Fields) -> NewFault {
        let model = fields.required_text("model");
        let word = fields.required_text("fault");
        let fault = Fault::parse(&word);
        if fault.is_none() && !word.is_empty() {
            let words: Vec<&str> = Fault::ALL.into_iter().map(Fault::as_str).collect();
            fields.fault("fault", "invalid", format!("it must be one of {}", words.join(", ")));
        }
        let times = fields.value("times").map_or(Some(1), |value| {
            value.as_u64().filter(|times| (1..=TIMES_MAX).contains(times)).and_then(|times| u32::try_from(times).ok())
        });
        if times.is_none() {
            fields.fault("times", "out_of_range", format!("it must be a whole number from 1 to {TIMES_MAX}"));
        }
        NewFault { model, fault, times: times.unwrap_or(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_iso_8601_are_read_and_nothing_else_is() {
        for (text, seconds) in [("PT11M", 660), ("P1DT2H", 93_600), ("PT1H30M5S", 5_405), ("P7D", 604_800), ("PT0S", 0)]
        {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        let wrong =
            ["", "P", "PT", "11m", "PT11", "-PT11M", "PT-11M", "P1M", "P1Y", "PT1M1H", "PT1.5S", "PT 1M", "P1DT"];
        for text in wrong.into_iter().chain(["PT99999999999999999999S", "PT+1M"]) {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
