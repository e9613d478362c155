//! Passwords: argon2id, a few at a time. Hashing is slow and large on purpose, so it happens on threads of its own and its
//! memory is bounded: who floods the sign-in waits for others who do, and not the rest of the program for him.

use crate::clock::World;
use crate::error::DeskError;
use crate::secrets;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use copydesk_store::logins::PasswordHash;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What a new hash costs. OWASP's least (2024) is 19 MiB and 2 passes. Raising it raises every hash at its next sign-in.
const COST: Cost = Cost { memory_kib: 32 * 1024, passes: 2, lanes: 1 };
/// What a stored hash may ask for: nobody who can write the database makes us allocate more. Units: KiB.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
const PASSES_MAX: u32 = 16;
/// How many are hashed at once: together 128 MiB.
const AT_ONCE: usize = 4;
/// How many may wait for that; further ones are told to come again.
const WAITING_MAX: usize = 60;
const RETRY_S: u32 = 2;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A hash taken apart.
struct Parsed {
    cost: Cost,
    salt: Vec<u8>,
    hash: [u8; HASH_BYTES],
}

/// What came of a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Wrong,
    Right {
        /// Its hash is weaker than new ones are.
        outdated: bool,
    },
}

pub(crate) struct Passwords {
    /// Who works and who waits.
    admitted: Arc<Semaphore>,
    working: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Passwords {
        Passwords {
            admitted: Arc::new(Semaphore::new(AT_ONCE + WAITING_MAX)),
            working: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Passwords {
    pub async fn hash(&self, world: &World, password: &str) -> Result<PasswordHash, DeskError> {
        let mut salt = [0; SALT_BYTES];
        world.fill(&mut salt);
        let hash = self.run(COST, salt.to_vec(), password).await?;
        let Cost { memory_kib, passes, lanes } = COST;
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        Ok(PasswordHash(format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")))
    }

    /// Whether the password is the one that was hashed. Without a hash it never is, and that takes as long.
    pub async fn verify(
        &self,
        world: &World,
        password: &str,
        stored: Option<&PasswordHash>,
    ) -> Result<Verdict, DeskError> {
        let Some(parsed) = stored.and_then(parse) else {
            self.hash(world, password).await?;
            return Ok(Verdict::Wrong);
        };
        let hash = self.run(parsed.cost, parsed.salt, password).await?;
        let right = secrets::same(&hash, &parsed.hash);
        Ok(if right { Verdict::Right { outdated: parsed.cost.is_below(COST) } } else { Verdict::Wrong })
    }

    async fn run(&self, cost: Cost, salt: Vec<u8>, password: &str) -> Result<[u8; HASH_BYTES], DeskError> {
        let busy = || DeskError::TooMany {
            detail: "Too many people sign in at this moment; nothing was looked at.",
            retry_s: RETRY_S,
        };
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| busy())?;
        let working = Arc::clone(&self.working).acquire_owned().await.map_err(|_| busy())?;
        let password = password.as_bytes().to_vec();
        let broken = |error: String| DeskError::Store(copydesk_store::StoreError::Corrupt(error));
        // The permits go along: a caller who hangs up leaves the thread at work.
        let work = tokio::task::spawn_blocking(move || {
            let _held = (admitted, working);
            let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(HASH_BYTES))?;
            let mut hash = [0; HASH_BYTES];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(&password, &salt, &mut hash)?;
            Ok::<_, argon2::Error>(hash)
        });
        let hashed = work.await.map_err(|gone| broken(format!("a password could not be hashed: {gone}")))?;
        hashed.map_err(|error| broken(format!("a password could not be hashed: {error}")))
    }
}

impl Cost {
    fn is_below(self, other: Cost) -> bool {
        self.memory_kib < other.memory_kib || self.passes < other.passes
    }
}

/// `$argon2id$v=19$m=32768,t=2,p=1$SALT$HASH`, the form that other programs write, too.
fn parse(text: &PasswordHash) -> Option<Parsed> {
    let rest = text.0.strip_prefix("$argon2id$v=19$")?;
    let mut parts = rest.split('$');
    let (cost, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut numbers = cost.split(',');
    let mut number = |name: &str| numbers.next()?.strip_prefix(name)?.strip_prefix('=')?.parse::<u32>().ok();
    let cost = Cost { memory_kib: number("m")?, passes: number("t")?, lanes: number("p")? };
    let bounded = cost.memory_kib <= MEMORY_KIB_MAX && cost.passes <= PASSES_MAX && cost.lanes <= 4;
    let hash = STANDARD_NO_PAD.decode(hash).ok()?.try_into().ok()?;
    let salt = STANDARD_NO_PAD.decode(salt).ok()?;
    (bounded && parts.next().is_none() && numbers.next().is_none()).then_some(Parsed { cost, salt, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_and_no_two_hashes_are_equal() {
        let (passwords, world) = (Passwords::default(), World::real());
        let hash = passwords.hash(&world, "correct horse").await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=32768,t=2,p=1$"), "{}", hash.0);
        assert_ne!(hash, passwords.hash(&world, "correct horse").await.unwrap());
        let verdict = async |password, hash| passwords.verify(&world, password, hash).await.unwrap();
        assert_eq!(verdict("correct horse", Some(&hash)).await, Verdict::Right { outdated: false });
        assert_eq!(verdict("correct hors", Some(&hash)).await, Verdict::Wrong);
        assert_eq!(verdict("correct horse", None).await, Verdict::Wrong);
        assert!(!format!("{hash:?}").contains("argon2"));
    }

    #[tokio::test]
    async fn a_weaker_hash_is_right_and_outdated() {
        let (passwords, world) = (Passwords::default(), World::real());
        let cost = Cost { memory_kib: 8_192, passes: 1, lanes: 1 };
        let hash = passwords.run(cost, b"saltsaltsaltsalt".to_vec(), "correct horse").await.unwrap();
        let text = format!("$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA${}", STANDARD_NO_PAD.encode(hash));
        let verdict = passwords.verify(&world, "correct horse", Some(&PasswordHash(text))).await.unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: true });
    }

    #[test]
    fn a_hash_that_asks_for_too_much_is_none() {
        let hash = STANDARD_NO_PAD.encode([0; HASH_BYTES]);
        let with = |cost: &str| parse(&PasswordHash(format!("$argon2id$v=19${cost}$c2FsdHNhbHQ${hash}"))).is_some();
        assert!(with("m=32768,t=2,p=1"));
        for bad in
            ["m=4194304,t=2,p=1", "m=32768,t=99,p=1", "m=32768,t=2", "m=32768,t=2,p=1,x=1", "t=2,m=32768,p=1", ""]
        {
            assert!(!with(bad), "{bad}");
        }
        assert!(parse(&PasswordHash("$argon2i$v=19$m=32768,t=2,p=1$c2FsdHNhbHQ$AA".to_owned())).is_none());
    }

    #[tokio::test]
    async fn a_flood_is_turned_away_before_it_takes_memory() {
        let (passwords, world) = (Passwords::default(), World::real());
        let all = passwords.admitted.acquire_many((AT_ONCE + WAITING_MAX) as u32).await.unwrap();
        assert!(matches!(passwords.hash(&world, "x").await, Err(DeskError::TooMany { .. })));
        drop(all);
        assert!(passwords.hash(&world, "x").await.is_ok());
    }
}
