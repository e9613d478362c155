//! How often somebody may try to sign in: by the network he comes from, by network and e-mail, and by e-mail from everywhere.
//! The last would let a stranger lock somebody out, so it does not count for a network that is signed in as him already.
//! Paid before the password is looked at, so that a thousand tries at once are a thousand. In memory, bounded, by process.

use copydesk_core::access::Email;
use copydesk_core::{Timestamp, WorkspaceId};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Most networks, pairs and e-mails that are counted apart; further ones of a kind are counted together.
const COUNTED_MAX: usize = 10_000;
/// What a network may try, with whatever e-mails.
const OF_NETWORK: Pace = Pace { every: Duration::from_secs(2), at_once: 20 };
/// What 256 and what 65,536 such networks of IPv6 may try together: customers are given a /56 or a /48, and every one of them
/// would be a network of its own. A /48 may be many customers', so it gets more.
const OF_SITE: Pace = Pace { every: Duration::from_secs(1), at_once: 40 };
const OF_SITES: Pace = Pace { every: Duration::from_millis(200), at_once: 200 };
/// What it may try with one of them.
const OF_PAIR: Pace = Pace { every: Duration::from_secs(12), at_once: 5 };
/// What all networks together may try with it.
const OF_EMAIL: Pace = Pace { every: Duration::from_secs(20), at_once: 20 };

/// Addresses that are counted as one: an IPv4 address, or the 64 bits that one customer of an IPv6 network is given.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Network(IpAddr);

impl Network {
    pub fn of(address: IpAddr) -> Network {
        Network(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }

    /// The networks of 56 and of 48 bits it lies in; an IPv4 address is alone.
    fn around(self) -> Option<(Network, Network)> {
        let IpAddr::V6(address) = self.0 else { return None };
        let [a, b, c, d, ..] = address.segments();
        let of = |d| Network(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)));
        Some((of(d & 0xff00), of(0)))
    }
}

/// One try each `every`, and `at_once` of them in a row by who has not tried for long.
#[derive(Clone, Copy)]
struct Pace {
    every: Duration,
    at_once: u32,
}

/// Whose login is tried.
type Account = (WorkspaceId, Email);

#[derive(Default)]
pub(crate) struct Guesses {
    networks: Meters<Network>,
    sites: Meters<Network>,
    wide_sites: Meters<Network>,
    pairs: Meters<(Network, Account)>,
    emails: Meters<Account>,
}

/// Who has to wait, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Barred {
    /// He tries too often.
    Here { wait: Duration },
    /// Somebody tries this e-mail too often: it is open only to where its owner is signed in.
    Everywhere { wait: Duration },
}

impl Guesses {
    /// One try. Callers inside the process have no address and are not counted by it.
    pub fn pay(&self, address: Option<IpAddr>, account: &Account, now: Timestamp) -> Result<(), Barred> {
        self.pay_network(address, now)?;
        if let Some(network) = address.map(Network::of) {
            let pair = (network, account.clone());
            self.pairs.pay(pair, OF_PAIR, now).map_err(|wait| Barred::Here { wait })?;
        }
        self.emails.pay(account.clone(), OF_EMAIL, now).map_err(|wait| Barred::Everywhere { wait })
    }

    /// One try that names nobody, such as a link.
    pub fn pay_network(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Barred> {
        let Some(network) = address.map(Network::of) else { return Ok(()) };
        let here = |wait| Barred::Here { wait };
        self.networks.pay(network, OF_NETWORK, now).map_err(here)?;
        let Some((site, wide)) = network.around() else { return Ok(()) };
        self.sites.pay(site, OF_SITE, now).map_err(here)?;
        self.wide_sites.pay(wide, OF_SITES, now).map_err(here)
    }

    /// It was the right password after all: who forgets it twice and then knows it begins anew.
    pub fn succeeded(&self, address: Option<IpAddr>, account: &Account) {
        if let Some(address) = address {
            self.pairs.clear(&(Network::of(address), account.clone()));
        }
        self.emails.clear(account);
    }
}

/// By whom, when the next try is due. Who is not in it has not tried for long; `None` are all that did not find a place.
struct Meters<K>(Mutex<HashMap<Option<K>, Timestamp>>);

impl<K> Default for Meters<K> {
    fn default() -> Meters<K> {
        Meters(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash> Meters<K> {
    fn pay(&self, key: K, pace: Pace, now: Timestamp) -> Result<(), Duration> {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = Some(key);
        if meters.len() >= COUNTED_MAX && !meters.contains_key(&key) {
            meters.retain(|_, due_at| *due_at > now);
            if meters.len() >= COUNTED_MAX {
                key = None;
            }
        }
        let due_at = meters.entry(key).or_insert(now);
        let (ahead, allowed) = (due_at.since(now), pace.every * (pace.at_once - 1));
        if ahead > allowed {
            return Err(ahead - allowed);
        }
        *due_at = (*due_at).max(now).plus(pace.every);
        Ok(())
    }

    /// Takes what stands against `key` away.
    fn clear(&self, key: &K)
    where
        K: Clone,
    {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&Some(key.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_767_268_800_000_000);

    fn account(name: &str) -> Account {
        (WorkspaceId::DEFAULT, Email::parse(&format!("{name}@example.com")).unwrap())
    }

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn s_11_one_network_guesses_slowly_and_its_neighbour_is_not_barred() {
        let guesses = Guesses::default();
        let tries = (0..1_000).take_while(|_| guesses.pay(address(1), &account("ann"), NOON).is_ok()).count();
        assert_eq!(tries, 5, "of one e-mail");
        assert_eq!(
            guesses.pay(address(1), &account("ann"), NOON),
            Err(Barred::Here { wait: Duration::from_secs(12) }),
            "the next one is told when"
        );
        let tries =
            (0..1_000u32).take_while(|n| guesses.pay(address(2), &account(&format!("{n}")), NOON).is_ok()).count();
        assert_eq!(tries, 20, "of many e-mails");
        assert_eq!(guesses.pay(address(3), &account("ann"), NOON), Ok(()), "somebody else's address");
        assert_eq!(guesses.pay(address(1), &account("ann"), NOON.plus(Duration::from_secs(12))), Ok(()));
    }

    #[test]
    fn s_11_a_thousand_networks_are_told_that_the_email_is_barred() {
        let guesses = Guesses::default();
        let one_each =
            |n: u16| guesses.pay(Some(IpAddr::from([10, 0, (n >> 8) as u8, n as u8])), &account("ann"), NOON);
        assert_eq!((0..1_000).take_while(|n| one_each(*n).is_ok()).count(), 20);
        assert!(matches!(one_each(999), Err(Barred::Everywhere { .. })));
        guesses.succeeded(address(1), &account("ann"));
        assert_eq!(one_each(998), Ok(()));
    }

    #[test]
    fn one_network_of_the_next_protocol_is_one() {
        let of = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8::1"));
    }

    #[test]
    fn s_11_many_networks_of_one_site_are_counted_together() {
        let guesses = Guesses::default();
        let of = |n: u16, site: u16| Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, (site << 8) | n, 0, 0, 0, 1)));
        let one_each = |site| (0..256).take_while(|n| guesses.pay_network(of(*n, site), NOON).is_ok()).count();
        assert_eq!(one_each(0), 40, "a /56");
        assert_eq!(one_each(1), 40, "its neighbour is not barred for it");
        let all: usize = (2..256).map(one_each).sum();
        assert_eq!(all, 120, "a /48");
        let elsewhere = Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 1)));
        assert_eq!(guesses.pay_network(elsewhere, NOON), Ok(()));
        assert_eq!(guesses.pay_network(of(255, 255), NOON.plus(Duration::from_secs(1))), Ok(()), "it is over soon");
    }

    #[test]
    fn a_million_strangers_take_the_room_of_ten_thousand() {
        let meters = Meters::default();
        for n in 0..COUNTED_MAX + 50 {
            assert!(meters.pay(n, OF_PAIR, NOON).is_ok() || n >= COUNTED_MAX);
        }
        assert!(meters.0.lock().unwrap().len() <= COUNTED_MAX + 1);
        assert!(meters.pay(usize::MAX, OF_PAIR, NOON).is_err(), "who comes last shares a count");
        meters.pay(usize::MAX, OF_PAIR, NOON.plus(Duration::from_secs(3_600))).unwrap();
        assert!(meters.0.lock().unwrap().len() <= 2, "what is over is forgotten");
    }
}
