//! The circuit breaker: what calls say about a model or a provider, when it is left alone, and for how long. A row exists
//! only while something is wrong, so the healthy path reads and writes nothing. It never decides about a generation
//! (that is `generation/transition.rs`). Why the numbers are what they are: `docs/adr/0009-*`.

use crate::Timestamp;
use crate::generation::failure::{FailureCode, FaultOf};
use std::collections::BTreeMap;
use std::time::Duration;

/// So many faults in a row open the breaker, if they also span [`FAULTS_SPAN`]. A hint to slow down (429) without a time
/// counts twice.
pub const FAULTS_MAX: u32 = 5;
/// From the first fault of a row to the one that opens. Longer than the wait before a second try, so that a model which
/// fails every first try is not given up; shorter than the waits before a third one, so that at the latest the first
/// third tries open it, and a dead model costs no more requests than those (`generation/retry.rs`).
pub const FAULTS_SPAN: Duration = Duration::from_millis(2_500);
/// The first cooldown after faults that were counted; doubled with each opening in a row.
pub const COOLDOWN_MIN: Duration = Duration::from_secs(5);
/// A model the provider does not know, a key it refuses: nothing will change in a moment.
pub const COOLDOWN_WRONG: Duration = Duration::from_secs(60);
/// An account without balance or quota.
pub const COOLDOWN_QUOTA: Duration = Duration::from_secs(300);
/// The longest cooldown we choose ourselves, however often the breaker opened.
pub const COOLDOWN_MAX: Duration = Duration::from_secs(300);
/// The longest one a provider may ask for (`Retry-After`).
pub const ASKED_MAX: Duration = Duration::from_secs(600);
/// A row that opened, or began to count, so long ago says nothing any more. Longer than every cooldown.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// Whose health a row is. Its name is the name of the lane: `model:provider/model` or `provider:provider`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Subject {
    /// `provider/model`
    Model(String),
    Provider(String),
}

impl Subject {
    /// The provider of a `provider/model`: the part before the first slash.
    pub fn provider_of(address: &str) -> Subject {
        Subject::Provider(address.split_once('/').map_or(address, |(provider, _)| provider).to_owned())
    }
    /// A model and its provider.
    pub fn both(address: &str) -> [Subject; 2] {
        [Subject::Model(address.to_owned()), Subject::provider_of(address)]
    }
    pub fn name(&self) -> String {
        match self {
            Subject::Model(address) => format!("model:{address}"),
            Subject::Provider(name) => format!("provider:{name}"),
        }
    }
    pub fn parse(name: &str) -> Option<Subject> {
        match name.split_once(':')? {
            ("model", address) => Some(Subject::Model(address.to_owned())),
            ("provider", name) => Some(Subject::Provider(name.to_owned())),
            _ => None,
        }
    }
}

/// How a call ended, as far as it speaks of the model or its provider. What only judges the request says nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sign {
    /// `provider/model`
    pub address: String,
    /// When the call began. What began before an opening says nothing of the time since.
    pub began: Timestamp,
    pub ended: Ended,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It answered whole, whatever the answer was worth.
    Answered,
    Failed(Fault),
}

/// What a failed call says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub of: FaultOf,
    pub code: FailureCode,
    /// One sentence for people, without internals.
    pub message: String,
    /// The provider asked to be left alone this long.
    pub retry_after: Option<Duration>,
}

/// A model or provider with which something is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Health {
    /// Faults in a row.
    pub failures: u32,
    /// Openings in a row.
    pub opened: u32,
    /// When the last cooldown ends; `None` before the first opening.
    pub open_until: Option<Timestamp>,
    /// The last opening; before the first one, the first fault.
    pub since: Timestamp,
    /// The fault that was the last to count.
    pub code: FailureCode,
    pub message: String,
}

impl Health {
    /// Its last opening, or its first fault, is so old that the row says nothing any more.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        now.since(self.open_until.unwrap_or(self.since).max(self.since)) > FORGOTTEN_AFTER
    }
}

/// All rows, by [`Subject::name`].
pub type Rows = BTreeMap<String, Health>;

/// Whether calls may be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stance {
    /// As many as the lanes allow.
    Closed,
    /// None.
    Open { until: Timestamp },
    /// The cooldown is over and nothing has succeeded yet: one at a time.
    Probing,
}

/// Where a model or provider stands at `now`.
pub fn stance(health: Option<&Health>, now: Timestamp) -> Stance {
    match health.filter(|health| !health.is_forgotten(now)).and_then(|health| health.open_until) {
        None => Stance::Closed,
        Some(until) if now < until => Stance::Open { until },
        Some(_) => Stance::Probing,
    }
}

/// The row after a call that began at `began` ended like this at `now`; `None` is healthy.
///
/// Invariant: a success of a call that began since the last opening, or that ends after the cooldown, closes; an opening
/// is never longer than [`COOLDOWN_MAX`], or [`ASKED_MAX`] where the provider names the time; while it lasts, it is never
/// shortened by a fault.
pub fn after(health: Option<&Health>, ended: &Ended, began: Timestamp, now: Timestamp) -> Option<Health> {
    let before = health.filter(|health| !health.is_forgotten(now));
    let stance = stance(before, now);
    let older = before.is_some_and(|health| health.open_until.is_some() && began < health.since);
    match ended {
        // It left before the opening: that it came back says nothing of what followed.
        Ended::Answered if older && matches!(stance, Stance::Open { .. }) => before.cloned(),
        Ended::Answered => None,
        Ended::Failed(fault) => match fault.of {
            FaultOf::Request => before.cloned(),
            FaultOf::Model | FaultOf::Provider => Some(failed(before, stance, older, fault, now)),
        },
    }
}

fn failed(before: Option<&Health>, stance: Stance, older: bool, fault: &Fault, now: Timestamp) -> Health {
    let (failures, opened) = before.map_or((0, 0), |health| (health.failures, health.opened));
    let fresh = |failures, opened, open_until| Health {
        failures,
        opened,
        open_until,
        since: now,
        code: fault.code,
        message: fault.message.clone(),
    };
    let at_once = at_once(fault);
    match (before, stance) {
        (Some(health), Stance::Open { .. } | Stance::Probing) if older || matches!(stance, Stance::Open { .. }) => {
            // One outage ends many calls. It is one opening; only a later end counts.
            let longer = at_once.map(|opening| now.plus(opening.length(health.opened.saturating_sub(1))));
            match longer.filter(|until| Some(*until) > health.open_until) {
                Some(until) => Health { since: health.since, ..fresh(failures, opened, Some(until)) },
                None => health.clone(),
            }
        }
        (_, Stance::Closed | Stance::Open { .. } | Stance::Probing) => {
            let failures = failures.saturating_add(weight(fault));
            let first = before.filter(|health| health.open_until.is_none()).map_or(now, |health| health.since);
            let many = failures >= FAULTS_MAX && now.since(first) >= FAULTS_SPAN;
            let counted = many || matches!(stance, Stance::Probing);
            let opening = at_once.or_else(|| counted.then_some(Opening::Doubling(COOLDOWN_MIN)));
            match opening {
                Some(opening) => fresh(failures, opened.saturating_add(1), Some(now.plus(opening.length(opened)))),
                None => Health { since: first, ..fresh(failures, 0, None) },
            }
        }
    }
}

/// How long an opening lasts.
#[derive(Clone, Copy)]
enum Opening {
    /// As long as the provider asked for.
    Asked(Duration),
    /// So long the first time, twice as long each further time in a row.
    Doubling(Duration),
}

impl Opening {
    /// `before` is how many openings in a row came before it.
    fn length(self, before: u32) -> Duration {
        match self {
            Opening::Asked(span) => span.min(ASKED_MAX),
            Opening::Doubling(first) => first.saturating_mul(1 << before.min(10)).min(COOLDOWN_MAX),
        }
    }
}

/// What opens the breaker by itself. A wait of nothing is no wait.
fn at_once(fault: &Fault) -> Option<Opening> {
    let asked = fault.retry_after.filter(|span| !span.is_zero()).map(Opening::Asked);
    // Only a model it does not have is "rejected" and the model's fault at once.
    let no_such_model = fault.of == FaultOf::Model && fault.code == FailureCode::ProviderRejected;
    let rule = if no_such_model || fault.code == FailureCode::ProviderAuth {
        Some(Opening::Doubling(COOLDOWN_WRONG))
    } else {
        (fault.code == FailureCode::ProviderQuota).then_some(Opening::Doubling(COOLDOWN_QUOTA))
    };
    asked.or(rule)
}

fn weight(fault: &Fault) -> u32 {
    if fault.code == FailureCode::RateLimited { 2 } else { 1 }
}

/// Something people should hear of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HealthNews {
    Opened { subject: Subject, until: Timestamp, code: FailureCode, message: String },
    Closed { subject: Subject },
}

/// Puts a sign into the rows it speaks of: a success into the model's and its provider's, a fault into the one at fault.
/// Says what changed in `changed` (the names) and what people should hear of in `news`. The healthy path changes nothing.
pub fn learn(rows: &mut Rows, sign: &Sign, now: Timestamp, changed: &mut Vec<String>, news: &mut Vec<HealthNews>) {
    let [model, provider] = Subject::both(&sign.address);
    let touched = match &sign.ended {
        Ended::Answered if rows.is_empty() => return,
        Ended::Answered => vec![model, provider],
        Ended::Failed(fault) => match fault.of {
            FaultOf::Request => return,
            FaultOf::Model => vec![model],
            FaultOf::Provider => vec![provider],
        },
    };
    for subject in touched {
        let name = subject.name();
        let before = rows.get(&name);
        let next = after(before, &sign.ended, sign.began, now);
        if next.as_ref() == before {
            continue;
        }
        let opened = |health: Option<&Health>| health.map_or(0, |health| health.opened);
        let (was, is) = (opened(before), opened(next.as_ref()));
        match next {
            Some(health) => {
                if let Some(until) = health.open_until.filter(|_| is > was) {
                    news.push(HealthNews::Opened {
                        subject,
                        until,
                        code: health.code,
                        message: health.message.clone(),
                    });
                }
                rows.insert(name.clone(), health);
            }
            None => {
                rows.remove(&name);
                if was > 0 {
                    news.push(HealthNews::Closed { subject });
                }
            }
        }
        if !changed.contains(&name) {
            changed.push(name);
        }
        // Who asks for models that do not exist shall not fill the table.
        let forgotten = rows.extract_if(.., |_, health| health.is_forgotten(now)).map(|(name, _)| name);
        changed.extend(forgotten);
    }
}

/// Why a queue's model is left alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cooling {
    /// The lane: `model:provider/model` or `provider:provider`.
    pub lane: String,
    pub until: Timestamp,
    pub code: FailureCode,
    pub message: String,
}

/// Whether the model of a queue may be called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Door {
    Open,
    /// Neither it nor its provider before this one ends.
    Cooling(Cooling),
}

/// The model's cooldown or its provider's, whichever ends later.
pub fn door(rows: &Rows, address: &str, now: Timestamp) -> Door {
    if rows.is_empty() {
        return Door::Open;
    }
    let cooling = Subject::both(address).into_iter().filter_map(|subject| {
        let lane = subject.name();
        let health = rows.get(&lane)?;
        match stance(Some(health), now) {
            Stance::Open { until } => Some(Cooling { lane, until, code: health.code, message: health.message.clone() }),
            Stance::Closed | Stance::Probing => None,
        }
    });
    cooling.max_by_key(|cooling| cooling.until).map_or(Door::Open, Door::Cooling)
}

/// Those of which one run at a time is let through.
pub fn probing(rows: &Rows, now: Timestamp) -> impl Iterator<Item = Subject> {
    let probing = rows.iter().filter(move |(_, health)| stance(Some(health), now) == Stance::Probing);
    probing.filter_map(|(name, _)| Subject::parse(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::event::Jitter;
    use crate::generation::{Failure, RetryPolicy};

    const NOON: Timestamp = Timestamp::from_micros(1_767_268_800_000_000);

    fn fault(of: FaultOf, code: FailureCode, retry_after_s: Option<u64>) -> Ended {
        let retry_after = retry_after_s.map(Duration::from_secs);
        Ended::Failed(Fault { of, code, message: format!("It failed: {code}."), retry_after })
    }
    fn at(seconds: u64) -> Timestamp {
        NOON.plus(Duration::from_secs(seconds))
    }
    /// The signs one after the other, each of a call that began just then.
    fn run(signs: &[(u64, Ended)]) -> Option<Health> {
        signs.iter().fold(None, |health: Option<Health>, (s, ended)| after(health.as_ref(), ended, at(*s), at(*s)))
    }
    fn until(health: Option<&Health>) -> Option<u64> {
        health?.open_until.map(|until| until.since(NOON).as_secs())
    }

    /// Five faults over three seconds, the last one at `end`.
    fn five(down: &Ended, end: u64) -> Vec<(u64, Ended)> {
        [end - 3, end - 2, end - 1, end, end].map(|s| (s, down.clone())).to_vec()
    }

    #[test]
    fn five_faults_in_a_row_open_and_a_success_between_them_starts_again() {
        let down = fault(FaultOf::Model, FailureCode::ProviderError, None);
        let five = five(&down, 3);
        let health = run(&five[..4]);
        assert_eq!((stance(health.as_ref(), at(3)), health.unwrap().failures), (Stance::Closed, 4));
        assert_eq!(stance(run(&five).as_ref(), at(3)), Stance::Open { until: at(8) });
        let broken = [five[..4].to_vec(), vec![(3, Ended::Answered), (9, down)]].concat();
        let health = run(&broken).unwrap();
        assert_eq!((health.failures, health.since), (1, at(9)));
    }

    #[test]
    fn any_number_of_faults_within_a_moment_does_not_open_and_the_next_one_after_it_does() {
        let down = fault(FaultOf::Model, FailureCode::ProviderError, None);
        let mut signs: Vec<_> = (0..100).map(|n| (n / 40, down.clone())).collect();
        let health = run(&signs).unwrap();
        assert_eq!((health.failures, health.open_until, health.since), (100, None, at(0)));
        signs.push((3, down));
        assert_eq!(until(run(&signs).as_ref()), Some(8));
    }

    #[test]
    fn a_second_try_comes_before_a_dead_model_is_left_alone_and_a_third_one_after() {
        let failure = Failure::new(FailureCode::ProviderError, "It failed.");
        let wait = |spent, jitter| RetryPolicy::DEFAULT.wait(spent, &failure, Jitter(jitter));
        assert!(wait(1, u16::MAX) < FAULTS_SPAN);
        assert!(FAULTS_SPAN < wait(1, 0) + wait(2, 0));
    }

    #[test]
    fn each_failed_probe_doubles_the_cooldown_up_to_five_minutes() {
        let down = fault(FaultOf::Provider, FailureCode::ProviderUnreachable, None);
        let mut signs = five(&down, 3);
        let mut lengths = vec![];
        let mut now = 3;
        for _ in 0..8 {
            let health = run(&signs);
            let end = until(health.as_ref()).unwrap();
            lengths.push(end - now);
            now = end;
            assert_eq!(stance(health.as_ref(), at(now)), Stance::Probing);
            signs.push((now, down.clone()));
        }
        assert_eq!(lengths, [5, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn a_wait_the_provider_asked_for_is_kept_to_the_second_and_to_ten_minutes_at_most() {
        let limited = |wait| fault(FaultOf::Model, FailureCode::RateLimited, wait);
        assert_eq!(until(run(&[(0, limited(Some(42)))]).as_ref()), Some(42));
        assert_eq!(until(run(&[(0, limited(Some(86_400)))]).as_ref()), Some(600));
        assert_eq!(
            until(run(&[(0, limited(Some(42))), (1, limited(Some(60)))]).as_ref()),
            Some(61),
            "a later end counts"
        );
        assert_eq!(until(run(&[(0, limited(Some(42))), (1, limited(Some(3)))]).as_ref()), Some(42), "a sooner one not");
        assert_eq!(until(run(&[(0, limited(None)), (3, limited(None))]).as_ref()), None);
        assert_eq!(until(run(&[(0, limited(None)), (3, limited(None)), (3, limited(None))]).as_ref()), Some(8));
        assert_eq!(until(run(&[(0, limited(Some(0)))]).as_ref()), None, "a wait of nothing is no wait");
    }

    #[test]
    fn what_cannot_mend_itself_opens_at_once() {
        let once = |of, code| until(run(&[(0, fault(of, code, None))]).as_ref());
        assert_eq!(once(FaultOf::Model, FailureCode::ProviderRejected), Some(60));
        assert_eq!(once(FaultOf::Provider, FailureCode::ProviderAuth), Some(60));
        assert_eq!(once(FaultOf::Provider, FailureCode::ProviderQuota), Some(300));
        let twice = |code| fault(FaultOf::Provider, code, None);
        let auth = FailureCode::ProviderAuth;
        assert_eq!(until(run(&[(0, twice(auth)), (60, twice(auth))]).as_ref()), Some(180), "it doubles likewise");
        assert_eq!(once(FaultOf::Provider, FailureCode::ProviderRejected), None, "a bad certificate is counted");
        assert_eq!(once(FaultOf::Request, FailureCode::ProviderRejected), None);
    }

    #[test]
    fn one_outage_that_ends_many_calls_is_one_opening() {
        let down = fault(FaultOf::Model, FailureCode::ProviderTimeout, None);
        let mut health = run(&five(&down, 10));
        for _ in 0..20 {
            health = after(health.as_ref(), &down, at(0), at(11));
        }
        assert_eq!((until(health.as_ref()), health.as_ref().unwrap().opened), (Some(15), 1));
        let late = after(health.as_ref(), &down, at(9), at(20));
        assert_eq!(late, health, "a call that began before the opening is no failed probe");
        let probe = after(health.as_ref(), &down, at(16), at(20));
        assert_eq!((until(probe.as_ref()), probe.unwrap().opened), (Some(30), 2));
    }

    #[test]
    fn a_success_that_began_before_the_opening_does_not_end_a_cooldown() {
        let asked = fault(FaultOf::Model, FailureCode::RateLimited, Some(60));
        let health = after(None, &asked, at(5), at(5));
        assert_eq!(after(health.as_ref(), &Ended::Answered, at(4), at(6)), health);
        assert_eq!(after(health.as_ref(), &Ended::Answered, at(5), at(6)), None);
        assert_eq!(after(health.as_ref(), &Ended::Answered, at(4), at(65)), None, "after the cooldown it closes");
    }

    #[test]
    fn a_row_nobody_added_to_for_a_day_says_nothing() {
        let health = run(&[(0, fault(FaultOf::Model, FailureCode::ProviderRejected, None))]);
        assert_eq!(stance(health.as_ref(), at(60)), Stance::Probing);
        assert_eq!(stance(health.as_ref(), at(60 + 86_401)), Stance::Closed);
    }

    #[test]
    fn a_fault_is_booked_on_what_is_at_fault_and_a_success_on_both() {
        let (mut rows, mut changed, mut news) = (Rows::new(), vec![], vec![]);
        let sign = |ended| Sign { address: "p/a/b".to_owned(), began: at(0), ended };
        learn(&mut rows, &sign(Ended::Answered), at(0), &mut changed, &mut news);
        assert!(changed.is_empty(), "the healthy path changes nothing");
        learn(
            &mut rows,
            &sign(fault(FaultOf::Model, FailureCode::ProviderRejected, None)),
            at(0),
            &mut changed,
            &mut news,
        );
        learn(
            &mut rows,
            &sign(fault(FaultOf::Provider, FailureCode::ProviderError, None)),
            at(0),
            &mut changed,
            &mut news,
        );
        assert_eq!(changed, ["model:p/a/b", "provider:p"]);
        assert!(matches!(door(&rows, "p/a/b", at(1)), Door::Cooling(cooling) if cooling.lane == "model:p/a/b"));
        assert_eq!(door(&rows, "p/other", at(1)), Door::Open);
        learn(&mut rows, &sign(Ended::Answered), at(70), &mut changed, &mut news);
        assert!(rows.is_empty());
        let told: Vec<_> = news.iter().map(|news| matches!(news, HealthNews::Opened { .. })).collect();
        assert_eq!(told, [true, false], "one opening and its end");
    }
}
