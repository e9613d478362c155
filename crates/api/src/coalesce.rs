//! Clients that send no `Idempotency-Key` and ask again because their line broke: the second request is given the first
//! one's generation. It is recognised by the client's own word (`x-stainless-retry-count`), or because the first caller hung
//! up a moment ago without an answer. Two equal requests of clients that are both there stay two.
//!
//! The table is in memory, of this process, and bounded: behind a proxy that spreads requests over several servers a retry
//! may miss it. What must never be made twice wants a key, or a recipe with a dedupe key; both are in the database.

use crate::auth::Caller;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use copydesk_core::generation::Status;
use copydesk_desk::accept::{Receipt, Request};
use copydesk_desk::{DeskError, World};
use http::HeaderMap;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

const RETRY_COUNT: &str = "x-stainless-retry-count";
/// How long after a hang-up the same request is taken for its retry.
const GRACE: Duration = Duration::from_secs(15);
/// How long a request is remembered for a client that says it retries; the SDKs' own patience.
const KEPT: Duration = Duration::from_secs(600);
/// Most requests that are remembered.
const ENTRIES_MAX: usize = 10_000;

/// What two requests have in common when one is the retry of the other: the key they are made with, route and body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Sameness([u8; 32]);

impl Sameness {
    /// `fingerprint` is that of method, path and body.
    pub fn new(caller: &Caller, fingerprint: [u8; 32]) -> Sameness {
        let mut hash = Sha256::new();
        hash.update(fingerprint);
        hash.update(caller.scope.workspace.to_string());
        hash.update(&caller.owner);
        Sameness(hash.finalize().into())
    }
}

type Told = Option<Receipt>;

#[derive(Debug)]
struct Entry {
    number: u64,
    /// By the steady clock, as all times here.
    began: Duration,
    receipt: watch::Receiver<Told>,
    /// When a caller went away without an answer.
    hung_up: Option<Duration>,
}

impl Entry {
    fn is_retried(&self, says_so: bool, now: Duration) -> bool {
        // A request that was refused has nothing to give.
        let refused = self.receipt.has_changed().is_err() && self.receipt.borrow().is_none();
        let hung_up = self.hung_up.is_some_and(|at| now < at + GRACE);
        !refused && now < self.began + KEPT && (says_so || hung_up)
    }
}

#[derive(Default)]
struct Table {
    entries: HashMap<Sameness, Entry>,
    /// The oldest first. An entry that was replaced stands here twice.
    order: VecDeque<(Sameness, u64, Duration)>,
    next: u64,
}

/// The requests of late. Clones share them.
#[derive(Clone)]
pub(crate) struct Recent {
    world: World,
    table: Arc<Mutex<Table>>,
}

/// A request on its arrival.
pub(crate) enum Visit {
    /// Its own. What comes of it is told to those who come after.
    First(watch::Sender<Told>, Presence),
    /// The retry of another one.
    Again(watch::Receiver<Told>, Presence),
}

/// The caller, as long as it waits for its answer. Dropping it is hanging up.
pub(crate) struct Presence {
    recent: Recent,
    sameness: Sameness,
    number: u64,
    answered: bool,
}

impl Presence {
    /// The answer is on its way.
    pub fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let hung_up = (!self.answered).then(|| self.recent.world.steady());
        if let Some(entry) = self.recent.table().entries.get_mut(&self.sameness)
            && entry.number == self.number
        {
            entry.hung_up = hung_up;
        }
    }
}

impl Recent {
    pub fn new(world: World) -> Recent {
        Recent { world, table: Arc::default() }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn presence(&self, sameness: Sameness, number: u64) -> Presence {
        Presence { recent: self.clone(), sameness, number, answered: false }
    }

    pub fn visit(&self, sameness: Sameness, says_retry: bool) -> Visit {
        let now = self.world.steady();
        let mut table = self.table();
        let retried = table.entries.get(&sameness).filter(|entry| entry.is_retried(says_retry, now));
        if let Some(entry) = retried {
            return Visit::Again(entry.receipt.clone(), self.presence(sameness, entry.number));
        }
        let (tell, receipt) = watch::channel(None);
        let number = table.insert(sameness, receipt, now);
        Visit::First(tell, self.presence(sameness, number))
    }

    /// The same request came again and is work of its own: what was known of it is forgotten.
    fn forget(&self, presence: Presence) {
        let mut table = self.table();
        if table.entries.get(&presence.sameness).is_some_and(|entry| entry.number == presence.number) {
            table.entries.remove(&presence.sameness);
        }
        drop(table);
        presence.answered();
    }
}

impl Table {
    fn insert(&mut self, sameness: Sameness, receipt: watch::Receiver<Told>, now: Duration) -> u64 {
        while let Some((old, number, began)) = self.order.front().copied() {
            if self.order.len() < ENTRIES_MAX && now < began + KEPT {
                break;
            }
            self.order.pop_front();
            if self.entries.get(&old).is_some_and(|entry| entry.number == number) {
                self.entries.remove(&old);
            }
        }
        let number = self.next;
        self.next += 1;
        self.entries.insert(sameness, Entry { number, began: now, receipt, hung_up: None });
        self.order.push_back((sameness, number, now));
        number
    }
}

/// A request that was accepted, now or before.
pub(crate) struct Arrival {
    pub receipt: Receipt,
    /// It was given the generation of the request it repeats.
    pub coalesced: bool,
    /// Tell it when the answer is there. `None` where retries are not looked for.
    pub presence: Option<Presence>,
}

/// Accepts a request, unless it is the retry of one that was. `sameness` is `None` for requests with a key of their own.
pub(crate) async fn accept(
    api: &Api,
    headers: &HeaderMap,
    sameness: Option<Sameness>,
    request: Request,
) -> Result<Arrival, Problem> {
    let desk = api.desk().clone();
    let Some(sameness) = sameness.filter(|_| api.coalesces_retries()) else {
        let receipt = owned(async move { desk.accept(request).await }).await?;
        return Ok(Arrival { receipt, coalesced: false, presence: None });
    };
    loop {
        match api.recent().visit(sameness, says_retry(headers)) {
            Visit::First(tell, presence) => {
                // In a task of its own: the caller may hang up, and its retry is told all the same.
                let work = async move {
                    let receipt = desk.accept(request).await?;
                    tell.send_replace(Some(receipt.clone()));
                    Ok::<Receipt, DeskError>(receipt)
                };
                let receipt = owned(work).await?;
                return Ok(Arrival { receipt, coalesced: false, presence: Some(presence) });
            }
            Visit::Again(mut told, presence) => {
                let receipt = told.wait_for(Option::is_some).await.ok().and_then(|told| told.clone());
                match receipt {
                    Some(receipt) if may_be_shared(api, &request, &receipt).await? => {
                        return Ok(Arrival { receipt, coalesced: true, presence: Some(presence) });
                    }
                    Some(_) | None => api.recent().forget(presence),
                }
            }
        }
    }
}

/// What failed is what a retry is for: it is work of its own.
async fn may_be_shared(api: &Api, request: &Request, receipt: &Receipt) -> Result<bool, Problem> {
    match api.desk().store().get(request.scope, receipt.generation).await?.status() {
        Status::Pending | Status::Processing | Status::Completed => Ok(true),
        Status::Failed | Status::Cancelled => Ok(false),
    }
}

fn says_retry(headers: &HeaderMap) -> bool {
    let count = headers.get(RETRY_COUNT).and_then(|count| count.to_str().ok()?.trim().parse::<u32>().ok());
    count.is_some_and(|count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use copydesk_core::{DraftId, GenerationId, Timestamp, UserId};
    use copydesk_desk::clock::{CountingDice, HandClock};
    use copydesk_desk::store::generations::Accepted;

    const SAME: Sameness = Sameness([1; 32]);

    fn recent() -> (Recent, Arc<HandClock>) {
        let clock = HandClock::at(Timestamp::from_micros(1_700_000_000_000_000));
        (Recent::new(World::new(clock.clone(), Arc::new(CountingDice::default()))), clock)
    }

    fn accepted(visit: Visit) -> Presence {
        let Visit::First(tell, presence) = visit else { panic!("it is the retry of another one") };
        let id = copydesk_core::uuid_at(Timestamp::from_micros(1), [7; 8]);
        let (generation, draft) = (GenerationId(id), DraftId(id));
        let accepted = Accepted::New { generation, draft };
        tell.send_replace(Some(Receipt { generation, draft, user: UserId(id), accepted }));
        presence
    }

    /// Whether the same request would be work of its own, without changing anything.
    fn is_first(recent: &Recent, says_retry: bool) -> bool {
        let now = recent.world.steady();
        !recent.table().entries.get(&SAME).is_some_and(|entry| entry.is_retried(says_retry, now))
    }

    #[test]
    fn two_equal_requests_of_callers_that_are_there_are_two() {
        let (recent, _clock) = recent();
        let first = accepted(recent.visit(SAME, false));
        assert!(matches!(recent.visit(Sameness([2; 32]), true), Visit::First(..)));
        first.answered();
        assert!(is_first(&recent, false), "an answered request is over");
    }

    #[test]
    fn a_hang_up_counts_for_a_quarter_of_a_minute() {
        let (recent, clock) = recent();
        drop(accepted(recent.visit(SAME, false)));
        clock.advance(GRACE - Duration::from_micros(1));
        assert!(!is_first(&recent, false));
        clock.advance(Duration::from_micros(1));
        assert!(is_first(&recent, false));
    }

    #[test]
    fn who_was_answered_in_the_end_retries_no_more() {
        let (recent, _clock) = recent();
        drop(accepted(recent.visit(SAME, false)));
        let Visit::Again(_, second) = recent.visit(SAME, false) else { panic!("the first one hung up") };
        second.answered();
        assert!(is_first(&recent, false));
    }

    #[test]
    fn the_clients_own_word_counts_as_long_as_the_request_is_known() {
        let (recent, clock) = recent();
        accepted(recent.visit(SAME, false)).answered();
        clock.advance(KEPT - Duration::from_micros(1));
        assert!(!is_first(&recent, true));
        clock.advance(Duration::from_micros(1));
        assert!(is_first(&recent, true));
    }

    #[test]
    fn a_refused_request_has_no_retry() {
        let (recent, _clock) = recent();
        let Visit::First(tell, presence) = recent.visit(SAME, false) else { panic!("nothing was there") };
        drop((tell, presence));
        assert!(is_first(&recent, true));
    }

    #[test]
    fn the_table_is_bounded_in_number_and_age() {
        let (recent, clock) = recent();
        let fill = |from: usize, count: usize| {
            for n in from..from + count {
                let mut same = [0; 32];
                same[..8].copy_from_slice(&n.to_be_bytes());
                accepted(recent.visit(Sameness(same), false)).answered();
            }
        };
        fill(0, ENTRIES_MAX + 100);
        let sizes = |recent: &Recent| {
            let table = recent.table();
            (table.entries.len(), table.order.len())
        };
        assert_eq!(sizes(&recent), (ENTRIES_MAX, ENTRIES_MAX));
        clock.advance(KEPT);
        fill(0, 1);
        assert_eq!(sizes(&recent), (1, 1));
    }
}
