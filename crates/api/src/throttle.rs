//! Limits of this process on who asks: the requests a key may start in a minute and have under way at once, and how often
//! one address may show keys that are none. Everything here is in memory and bounded; several processes each count alone.

use axum::body::{Body, HttpBody};
use copydesk_core::access::KeyTerms;
use copydesk_core::health::rate::BURST;
use copydesk_core::health::{Paid, Rate};
use copydesk_core::{KeyId, Timestamp, Tokens};
use futures::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many keys that are none an address may show in a minute; a twelfth of them at once.
pub(crate) const FAILURES_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(119);
/// Most addresses that are counted apart; further ones are counted together.
pub(crate) const ADDRESSES_MAX: usize = 10_000;
/// Most keys whose limits are counted.
pub(crate) const METERS_MAX: usize = 10_000;
/// How far a key may be ahead of its rate beyond what core's rates allow, so that it may use its whole minute at once: a page
/// of an application asks for ten things in a moment.
const AHEAD: Duration = Duration::from_secs(60).saturating_sub(BURST);
/// The longest a client is told to wait. Units: seconds.
const RETRY_S_MAX: u32 = 120;

/// Source: draft-ietf-httpapi-ratelimit-headers-10, read 2026-11.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

#[derive(Default)]
pub(crate) struct Throttle {
    meters: Mutex<HashMap<KeyId, Meter>>,
    failures: Mutex<HashMap<Network, Paid>>,
}

#[derive(Clone, Copy, Default)]
struct Meter {
    paid: Paid,
    under_way: u32,
}

/// Addresses that are counted as one: an IPv4 address, or the 64 bits that one customer of an IPv6 network is given.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    One(IpAddr),
    /// All that came when the table was full.
    Rest,
}

impl Network {
    fn of(address: IpAddr) -> Network {
        Network::One(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }
}

/// Why a request of a key has to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Full {
    /// Units: seconds.
    Rate {
        retry_s: u32,
    },
    Concurrency {
        max: NonZeroU32,
    },
}

/// A request that was let in: under way until it is dropped.
pub(crate) struct Entry {
    throttle: Arc<Throttle>,
    key: KeyId,
    counted: bool,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.counted {
            return;
        }
        let mut meters = self.throttle.meters();
        if let Some(meter) = meters.get_mut(&self.key) {
            meter.under_way = meter.under_way.saturating_sub(1);
        }
    }
}

impl Throttle {
    fn meters(&self) -> MutexGuard<'_, HashMap<KeyId, Meter>> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn failures(&self) -> MutexGuard<'_, HashMap<Network, Paid>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request of the key in, or says why not. A key without limits is never looked up.
    pub fn enter(self: &Arc<Self>, key: KeyId, terms: &KeyTerms, now: Timestamp) -> Result<Entry, Full> {
        let counted = terms.concurrent_max.is_some();
        let entry = |counted| Entry { throttle: Arc::clone(self), key, counted };
        if !counted && terms.requests_per_minute.is_none() {
            return Ok(entry(false));
        }
        let rate = rate_of(terms);
        let mut meters = self.meters();
        if meters.len() >= METERS_MAX && !meters.contains_key(&key) {
            meters.retain(|_, meter| meter.under_way > 0 || meter.paid.requests_at > now);
        }
        let meter = meters.entry(key).or_default();
        if let Some(max) = terms.concurrent_max.filter(|max| meter.under_way >= max.get()) {
            return Err(Full::Concurrency { max });
        }
        let then = now.plus(AHEAD);
        if let Some(opens_at) = rate.opens_at(meter.paid, then) {
            return Err(Full::Rate { retry_s: whole_seconds(opens_at.since(then)) });
        }
        meter.paid = meter.paid.plus(rate.cost(1, Tokens(0)), now);
        meter.under_way += u32::from(counted);
        Ok(entry(counted))
    }

    /// The headers of a key that has a rate: the policy, how many requests may start now, and in how many seconds a
    /// whole minute's may again.
    pub fn write_headers(&self, key: KeyId, terms: &KeyTerms, now: Timestamp, headers: &mut HeaderMap) {
        let Some(per_minute) = terms.requests_per_minute else { return };
        let paid = self.meters().get(&key).map(|meter| meter.paid).unwrap_or_default();
        let room = rate_of(terms).room(paid, now.plus(AHEAD));
        let rest_s = paid.requests_at.since(now).as_secs_f64().ceil() as u64;
        let texts = [(POLICY, format!("\"key\";q={per_minute};w=60")), (LIMIT, format!("\"key\";r={room};t={rest_s}"))];
        for (name, text) in texts {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }

    /// Whether this address has shown too many keys that are none; then in how many seconds it may show one again.
    pub fn barred(&self, address: IpAddr, now: Timestamp) -> Option<u32> {
        let failures = self.failures();
        let own = failures.get(&Network::of(address));
        let paid = own.or_else(|| failures.get(&Network::Rest).filter(|_| failures.len() > ADDRESSES_MAX))?;
        Some(whole_seconds(failure_rate().opens_at(*paid, now)?.since(now)))
    }

    pub fn failed(&self, address: IpAddr, now: Timestamp) {
        let mut failures = self.failures();
        if failures.len() > ADDRESSES_MAX {
            failures.retain(|_, paid| paid.requests_at > now);
        }
        let own = Network::of(address);
        let full = failures.len() >= ADDRESSES_MAX && !failures.contains_key(&own);
        let paid = failures.entry(if full { Network::Rest } else { own }).or_default();
        *paid = paid.plus(failure_rate().cost(1, Tokens(0)), now);
    }
}

/// For a handler whose work outlives its answer: the request counts as under way as long as this is held.
#[derive(Clone)]
pub(crate) struct UnderWay(#[expect(dead_code, reason = "held, never read")] pub Arc<Entry>);

/// The body, with the request counted as under way until its last piece. One that is whole already is as good as sent.
pub(crate) fn held_by(body: Body, entry: Arc<Entry>) -> Body {
    if !entry.counted || body.size_hint().exact().is_some() {
        return body;
    }
    Body::from_stream(body.into_data_stream().map(move |piece| {
        // Dropped with the stream, however that ends.
        let _under_way = &entry;
        piece
    }))
}

fn rate_of(terms: &KeyTerms) -> Rate {
    Rate { requests_per_minute: terms.requests_per_minute, tokens_per_minute: None }
}

fn failure_rate() -> Rate {
    Rate { requests_per_minute: Some(FAILURES_PER_MINUTE), tokens_per_minute: None }
}

fn whole_seconds(span: Duration) -> u32 {
    (span.as_secs_f64().ceil() as u32).clamp(1, RETRY_S_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use copydesk_core::access::Permit;

    const NOON: Timestamp = Timestamp::from_micros(1_767_268_800_000_000);

    fn key(number: u128) -> KeyId {
        KeyId(format!("{number:032x}").parse().unwrap())
    }

    fn terms(rate: u32, concurrent: u32) -> KeyTerms {
        KeyTerms {
            requests_per_minute: NonZeroU32::new(rate),
            concurrent_max: NonZeroU32::new(concurrent),
            ..KeyTerms::new("k", Permit::owner())
        }
    }

    #[test]
    fn a_key_starts_its_burst_and_then_waits_and_others_do_not() {
        let (throttle, terms) = (Arc::new(Throttle::default()), terms(60, 0));
        let burst = (0..100).take_while(|_| throttle.enter(key(1), &terms, NOON).is_ok()).count();
        assert_eq!(burst, 60, "a whole minute's at once");
        assert_eq!(throttle.enter(key(1), &terms, NOON).err(), Some(Full::Rate { retry_s: 1 }));
        assert!(throttle.enter(key(2), &terms, NOON).is_ok());
        assert!(throttle.enter(key(1), &terms, NOON.plus(Duration::from_secs(1))).is_ok());
        let mut headers = HeaderMap::new();
        throttle.write_headers(key(1), &terms, NOON, &mut headers);
        assert_eq!(
            (&headers[POLICY], &headers[LIMIT]),
            (&"\"key\";q=60;w=60".parse().unwrap(), &"\"key\";r=0;t=61".parse().unwrap())
        );
    }

    #[test]
    fn a_request_counts_until_its_entry_is_dropped() {
        let (throttle, terms) = (Arc::new(Throttle::default()), terms(0, 2));
        let mut entries: Vec<Entry> = (0..2).map(|_| throttle.enter(key(1), &terms, NOON).ok().unwrap()).collect();
        let full = Full::Concurrency { max: terms.concurrent_max.unwrap() };
        assert_eq!(throttle.enter(key(1), &terms, NOON).err(), Some(full));
        entries.pop();
        assert!(throttle.enter(key(1), &terms, NOON).is_ok());
    }

    #[test]
    fn one_address_that_guesses_is_barred_and_its_neighbour_is_not() {
        let throttle = Throttle::default();
        let (guesser, neighbour) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let tries = (0..1_000).take_while(|_| {
            throttle.failed(guesser, NOON);
            throttle.barred(guesser, NOON).is_none()
        });
        assert_eq!(tries.count(), 9, "the tenth is the last of the burst");
        assert_eq!(throttle.barred(guesser, NOON), Some(1));
        assert_eq!(throttle.barred("::ffff:192.0.2.1".parse().unwrap(), NOON), Some(1), "in another spelling");
        assert_eq!(throttle.barred(neighbour, NOON), None);
        assert_eq!(throttle.barred(guesser, NOON.plus(Duration::from_secs(1))), None);
        for host in ["2001:db8::1", "2001:db8::2"] {
            (0..5).for_each(|_| throttle.failed(host.parse().unwrap(), NOON));
        }
        assert!(throttle.barred("2001:db8::3".parse().unwrap(), NOON).is_some(), "one network is one guesser");
    }

    #[test]
    fn a_million_addresses_take_the_room_of_ten_thousand() {
        let throttle = Throttle::default();
        for address in 0..u32::try_from(ADDRESSES_MAX).unwrap() + 50 {
            throttle.failed(IpAddr::V4(address.into()), NOON);
        }
        assert!(throttle.failures().len() <= ADDRESSES_MAX + 1);
        assert!(throttle.barred("203.0.113.9".parse().unwrap(), NOON).is_some(), "who comes last shares a count");
        throttle.failed("203.0.113.9".parse().unwrap(), NOON.plus(Duration::from_secs(60)));
        assert!(throttle.failures().len() <= 2, "what is paid off is forgotten");
    }
}
