//! Rows that many requests ask for, kept for a moment: who shows the same key or cookie again is not looked up again. A row is
//! believed for [`FRESH`], so that what ends elsewhere is refused here a moment later; what is changed here is forgotten at
//! once, also by a reading that was under way. Only what exists is kept: made-up secrets leave nothing behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How old a row may be that is believed.
pub const FRESH: Duration = Duration::from_secs(1);
/// Most rows that are remembered, and most whose use is noted between two beats.
pub const KNOWN_MAX: usize = 10_000;

/// Rows by the hash of the secret that names them.
pub(crate) struct Recall<R>(Mutex<Rows<R>>);

struct Rows<R> {
    known: HashMap<[u8; 32], Known<R>>,
    /// Rises with every forgetting.
    epoch: u64,
}

struct Known<R> {
    row: Arc<R>,
    /// When the reading began. Units: the steady clock's.
    read_at: Duration,
}

/// When a reading began, and what had been forgotten until then.
pub(crate) struct Asked {
    read_at: Duration,
    epoch: u64,
}

/// What is remembered.
pub(crate) enum Looked<R> {
    Fresh(Arc<R>),
    /// Nothing, or nothing fresh: to be read, and [`Recall::learn`]ed.
    Stale(Asked),
}

impl<R> Default for Recall<R> {
    fn default() -> Recall<R> {
        Recall(Mutex::new(Rows { known: HashMap::new(), epoch: 0 }))
    }
}

impl<R> Recall<R> {
    fn rows(&self) -> MutexGuard<'_, Rows<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn look(&self, hash: &[u8; 32], steady: Duration) -> Looked<R> {
        let rows = self.rows();
        match rows.known.get(hash).filter(|known| steady.saturating_sub(known.read_at) < FRESH) {
            Some(known) => Looked::Fresh(Arc::clone(&known.row)),
            None => Looked::Stale(Asked { read_at: steady, epoch: rows.epoch }),
        }
    }

    /// Keeps what was read, unless something was forgotten meanwhile: it may be older than that.
    pub fn learn(&self, hash: [u8; 32], asked: Asked, row: R) -> Arc<R> {
        let (row, mut rows) = (Arc::new(row), self.rows());
        let Asked { read_at, epoch } = asked;
        if rows.known.len() >= KNOWN_MAX {
            rows.known.retain(|_, known| read_at.saturating_sub(known.read_at) < FRESH);
        }
        if rows.epoch == epoch && rows.known.len() < KNOWN_MAX {
            rows.known.insert(hash, Known { row: Arc::clone(&row), read_at });
        }
        row
    }

    /// The row, however old.
    pub fn any(&self, hash: &[u8; 32]) -> Option<Arc<R>> {
        self.rows().known.get(hash).map(|known| Arc::clone(&known.row))
    }

    pub fn forget(&self, which: impl Fn(&R) -> bool) {
        let mut rows = self.rows();
        rows.epoch += 1;
        rows.known.retain(|_, known| !which(&known.row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_believed_after_it() {
        let rows = Recall::default();
        let at = Duration::from_secs;
        let Looked::Stale(asked) = rows.look(&[1; 32], at(5)) else { panic!("nothing is known") };
        rows.forget(|row: &&str| *row == "old");
        assert_eq!(*rows.learn([1; 32], asked, "old"), "old");
        assert!(matches!(rows.look(&[1; 32], at(5)), Looked::Stale(_)), "it was read before the change");
        let Looked::Stale(asked) = rows.look(&[1; 32], at(5)) else { panic!("nothing is known") };
        rows.learn([1; 32], asked, "new");
        assert!(matches!(rows.look(&[1; 32], at(5)), Looked::Fresh(row) if *row == "new"));
        assert!(matches!(rows.look(&[1; 32], at(6)), Looked::Stale(_)), "a second later");
        assert_eq!(rows.any(&[1; 32]).as_deref(), Some(&"new"));
    }

    #[test]
    fn no_more_is_kept_than_the_limit() {
        let rows = Recall::default();
        for n in 0..KNOWN_MAX as u32 + 10 {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&n.to_be_bytes());
            let Looked::Stale(asked) = rows.look(&hash, Duration::ZERO) else { panic!("{n} is known") };
            rows.learn(hash, asked, n);
        }
        assert_eq!(rows.rows().known.len(), KNOWN_MAX);
    }
}
