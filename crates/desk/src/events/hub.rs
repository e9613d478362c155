//! One tail for each workspace that somebody follows. It reads on whenever the store says that there may be something new,
//! and by itself every now and then; it ends with its last follower.

use super::tail::Tail;
use crate::desk::Inner;
use copydesk_core::WorkspaceId;
use copydesk_store::Scope;
use futures::StreamExt;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many events are read at once.
const PAGE: u32 = 500;
/// How often the store is asked when nobody says that there is something new: a word of another process may be lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// When to ask again for what is held back by a transaction that is just committing; longer each time it still is.
const HELD_BACK: Duration = Duration::from_millis(5);
/// What waking one follower costs, about. Many followers are woken less often, with more.
const WAKE_ONE: Duration = Duration::from_micros(4);
/// Below it a pause is not worth its timer.
const PAUSE_MIN: Duration = Duration::from_millis(1);

#[derive(Default)]
pub(crate) struct Hub {
    followed: Mutex<HashMap<WorkspaceId, Followed>>,
}

struct Followed {
    tail: Arc<Tail>,
    followers: u32,
}

impl Hub {
    fn followed(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn followers(&self, scope: Scope) -> u32 {
        self.followed().get(&scope.workspace).map_or(0, |followed| followed.followers)
    }

    /// Takes a workspace off that nobody follows any more.
    fn leave(&self, scope: Scope) -> bool {
        let mut followed = self.followed();
        let empty = followed.get(&scope.workspace).is_none_or(|followed| followed.followers == 0);
        if empty {
            followed.remove(&scope.workspace);
        }
        empty
    }
}

/// A follower's place. The tail runs as long as one is there.
pub(super) struct Seat {
    pub inner: Arc<Inner>,
    pub scope: Scope,
    pub tail: Arc<Tail>,
}

impl Seat {
    /// Takes a place; the first one starts the tail behind `settled`.
    pub fn take(inner: &Arc<Inner>, scope: Scope, settled: i64) -> Seat {
        let mut followed = inner.events.followed();
        let place = followed.entry(scope.workspace).or_insert_with(|| {
            let tail = Arc::new(Tail::starting(settled));
            tokio::spawn(read_on(Arc::clone(inner), scope, Arc::clone(&tail)));
            Followed { tail, followers: 0 }
        });
        place.followers += 1;
        Seat { inner: Arc::clone(inner), scope, tail: Arc::clone(&place.tail) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(followed) = self.inner.events.followed().get_mut(&self.scope.workspace) {
            followed.followers -= 1;
        }
    }
}

async fn read_on(inner: Arc<Inner>, scope: Scope, tail: Arc<Tail>) {
    let mut news = inner.store.event_news();
    let mut held_back = HELD_BACK;
    while !inner.events.leave(scope) {
        let after = tail.upto();
        let look_again = match inner.store.events(scope, after, PAGE).await {
            Ok(page) => {
                let (found, more) = (!page.rows.is_empty(), page.more);
                let again = if page.held_back.is_some() { held_back } else { LOOK_EVERY };
                held_back = if page.held_back.is_some() { (held_back * 2).min(LOOK_EVERY) } else { HELD_BACK };
                tail.add(page);
                let pause = WAKE_ONE * inner.events.followers(scope);
                if found && pause >= PAUSE_MIN {
                    inner.world.sleep(pause).await;
                }
                if more {
                    continue;
                }
                again
            }
            Err(error) => {
                tracing::warn!(%error, "Events cannot be read; it is tried again");
                LOOK_EVERY
            }
        };
        tokio::select! {
            // What was written during the look has been said meanwhile.
            Some(()) = news.next() => {}
            () = inner.world.sleep(look_again) => {}
        }
    }
}
