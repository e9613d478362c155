//! What one request is to meet: a fault with its options, from the script, a header, the query or the model's name; and
//! the counting behind `times` and `healthy`. It never answers anything.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::fault::{At, Fault};

/// Which request of a media job a fault strikes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum On {
    Start,
    Poll,
    Asset,
}

/// A fault and how it strikes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    pub fault: Fault,
    /// Strikes here instead of at the fault's own place. Only breaks of the connection and errors in mid-stream have one.
    pub after: Option<At>,
    /// Strikes so often, then the provider is healthy.
    pub times: Option<u64>,
    /// So many requests are answered well first.
    pub healthy: u64,
    /// Between two bytes of `drip`.
    pub interval: Duration,
    /// Which request of a job.
    pub on: On,
}

impl Plan {
    pub const fn new(fault: Fault) -> Plan {
        let healthy = if matches!(fault, Fault::ModelGone) { 1 } else { 0 };
        Plan { fault, after: None, times: None, healthy, interval: Duration::from_secs(1), on: On::Start }
    }

    #[must_use]
    pub const fn after(self, at: At) -> Plan {
        Plan { after: Some(at), ..self }
    }

    #[must_use]
    pub const fn times(self, times: u64) -> Plan {
        Plan { times: Some(times), ..self }
    }

    #[must_use]
    pub const fn interval(self, interval: Duration) -> Plan {
        Plan { interval, ..self }
    }
}

impl From<Fault> for Plan {
    fn from(fault: Fault) -> Plan {
        Plan::new(fault)
    }
}

/// What the options behind a `?` say, faults and the rest.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Options {
    pub plan: Option<Plan>,
    /// Words of the answer.
    pub words: Option<usize>,
    /// Tokens of thinking that are billed and not shown.
    pub thoughts: Option<u64>,
    /// Input tokens that came from the provider's cache.
    pub cached: Option<u64>,
    /// Polls until a job is done.
    pub polls: Option<u64>,
}

impl Options {
    /// Reads `fault=reset&times=2&after=content`. Unknown options are skipped: a query has others.
    ///
    /// Errors: a sentence, for a value that does not fit its option. A misspelled fault must not pass for health.
    pub fn parse(text: &str) -> Result<Options, String> {
        let mut options = Options::default();
        let pairs: Vec<(&str, &str)> = text.split('&').filter_map(|pair| pair.split_once('=')).collect();
        if let Some((_, word)) = pairs.iter().find(|(name, _)| *name == "fault") {
            let fault = Fault::parse(word).ok_or_else(|| format!("the fake provider knows no fault '{word}'"))?;
            options.plan = Some(Plan::new(fault));
        }
        for (name, value) in pairs {
            options.take(name, value).ok_or_else(|| format!("the fake provider cannot read '{name}={value}'"))?;
        }
        Ok(options)
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "words" => self.words = Some(value.parse().ok()?),
            "thoughts" => self.thoughts = Some(value.parse().ok()?),
            "cached" => self.cached = Some(value.parse().ok()?),
            "polls" => self.polls = Some(value.parse().ok()?),
            "after" | "times" | "healthy" | "interval_ms" | "on" => {
                if let Some(plan) = &mut self.plan {
                    plan_option(plan, name, value)?;
                }
            }
            _ => {}
        }
        Some(())
    }

    /// These options, and where they are silent those.
    pub fn or(self, other: Options) -> Options {
        Options {
            plan: self.plan.or(other.plan),
            words: self.words.or(other.words),
            thoughts: self.thoughts.or(other.thoughts),
            cached: self.cached.or(other.cached),
            polls: self.polls.or(other.polls),
        }
    }
}

fn plan_option(plan: &mut Plan, name: &str, value: &str) -> Option<()> {
    match name {
        "after" => plan.after = Some(At::parse(value)?),
        "times" => plan.times = Some(value.parse().ok()?),
        "healthy" => plan.healthy = value.parse().ok()?,
        "interval_ms" => plan.interval = Duration::from_millis(value.parse().ok()?),
        "on" => {
            plan.on = match value {
                "start" => On::Start,
                "poll" => On::Poll,
                "asset" => On::Asset,
                _ => return None,
            }
        }
        _ => return None,
    }
    Some(())
}

/// `%3F` and its like. What is no escape stays as it is.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let value = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(value.unwrap_or(*first));
        rest = if value.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The script, and how often each plan was met.
#[derive(Default)]
pub(crate) struct Plans {
    script: VecDeque<Option<Plan>>,
    met: HashMap<String, u64>,
}

impl Plans {
    pub fn script(&mut self, plans: impl IntoIterator<Item = Option<Plan>>) {
        self.script.extend(plans);
    }

    pub fn clear(&mut self) {
        self.script.clear();
        self.met.clear();
    }

    pub fn scripted(&self) -> usize {
        self.script.len()
    }

    /// The script's next line, if it must be known before the body is read.
    pub fn take_early(&mut self) -> Option<Plan> {
        let early = self.script.front().copied().flatten().filter(|plan| plan.fault.is_early());
        if early.is_some() {
            self.script.pop_front();
        }
        early
    }

    /// What this request meets. The script goes first and is used up; then `asked`, counted under `key`.
    pub fn take(&mut self, key: &str, asked: Option<Plan>) -> Option<Plan> {
        match self.script.pop_front() {
            Some(line) => line,
            None => asked.filter(|plan| self.strikes(key, plan)),
        }
    }

    pub fn strikes(&mut self, key: &str, plan: &Plan) -> bool {
        let met = self.met.entry(format!("{key} {}", plan.fault)).or_default();
        *met += 1;
        *met > plan.healthy && plan.times.is_none_or(|times| *met <= plan.healthy.saturating_add(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_are_named() {
        let plan = Options::parse("fault=reset&times=2&after=first").unwrap().plan.unwrap();
        assert_eq!((plan.fault, plan.times, plan.after), (Fault::ResetMidBody, Some(2), Some(At::First)));
        assert_eq!(Options::parse("alt=sse&words=7").unwrap().words, Some(7));
        assert!(Options::parse("fault=rest").unwrap_err().contains("'rest'"));
        assert!(Options::parse("fault=reset&after=noon").unwrap_err().contains("after=noon"));
    }

    #[test]
    fn a_plan_strikes_after_the_healthy_and_so_many_times() {
        let mut plans = Plans::default();
        let plan = Plan { healthy: 1, ..Plan::new(Fault::Status500).times(2) };
        let struck: Vec<bool> = (0..5).map(|_| plans.take("m", Some(plan)).is_some()).collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert!(!plans.strikes("other", &plan), "each key counts for itself");
    }

    #[test]
    fn the_script_goes_first() {
        let mut plans = Plans::default();
        plans.script([Some(Plan::new(Fault::Status500)), None]);
        assert_eq!(plans.take("m", None).map(|plan| plan.fault), Some(Fault::Status500));
        assert_eq!(plans.take("m", Some(Plan::new(Fault::Status400))), None, "a healthy line of the script");
        assert_eq!(plans.take("m", Some(Plan::new(Fault::Status400))).map(|plan| plan.fault), Some(Fault::Status400));
    }

    #[test]
    fn percent_escapes_are_undone() {
        assert_eq!(percent_decoded("gemini%3Ffault=reset%26x"), "gemini?fault=reset&x");
        assert_eq!(percent_decoded("100%"), "100%");
    }
}
