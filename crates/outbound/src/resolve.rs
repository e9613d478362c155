//! Names: asked each time a connection is made, and all answers are tested before one is dialled. A name that leads to a
//! private address among public ones is refused whole: somebody is trying something.

use crate::rules::Rules;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Where names are looked up.
pub trait Lookup: Send + Sync {
    fn lookup(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// How many names are looked up at once, each in a thread that nothing can interrupt.
const LOOKUPS_MAX: usize = 16;
/// How long one look-up is waited for, and how long for a free place.
const LOOKUP: Duration = Duration::from_secs(10);

type Look = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// The machine's own resolver. It blocks a thread for as long as it likes, so it gets a few and no more: a resolver that
/// hangs takes those, and names find no address until it comes back, but nothing else of the process waits for it.
pub struct SystemLookup {
    free: Arc<Semaphore>,
    look: Arc<Look>,
    patience: Duration,
}

impl Default for SystemLookup {
    fn default() -> SystemLookup {
        let look = |host: &str| Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect());
        SystemLookup { free: Arc::new(Semaphore::new(LOOKUPS_MAX)), look: Arc::new(look), patience: LOOKUP }
    }
}

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let (host, free, look, patience) =
            (host.to_owned(), Arc::clone(&self.free), Arc::clone(&self.look), self.patience);
        let late = |what| move |_| io::Error::new(io::ErrorKind::TimedOut, what);
        Box::pin(async move {
            let place = timeout(patience, free.acquire_owned()).await;
            let place = place.map_err(late("too many names are being looked up"))?.map_err(io::Error::other)?;
            let found = tokio::task::spawn_blocking(move || {
                let found = look(&host);
                // Kept until the thread is free, whoever has stopped waiting for it.
                drop(place);
                found
            });
            timeout(patience, found).await.map_err(late("the name was not found in time"))?.map_err(io::Error::other)?
        })
    }
}

/// A name that leads where we do not go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotPublic {
    pub name: String,
    pub why: String,
}

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} leads to an address that is not dialled: {}", self.name, self.why)
    }
}

impl std::error::Error for NotPublic {}

/// Resolves names for an HTTP client and lets only tested addresses through.
#[derive(Clone)]
pub struct Guard {
    rules: Rules,
    allowed_only: bool,
    lookup: Arc<dyn Lookup>,
}

impl Guard {
    pub(crate) fn new(rules: Rules, allowed_only: bool, lookup: Arc<dyn Lookup>) -> Guard {
        Guard { rules, allowed_only, lookup }
    }

    /// Public addresses only, as the machine's own resolver finds them.
    pub fn public_only() -> Guard {
        Guard::new(Rules::new(Vec::new(), ""), false, Arc::new(SystemLookup::default()))
    }

    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let found = self.lookup.lookup(name).await?;
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
        }
        for address in &found {
            if let Err(refused) = self.rules.admits(*address, self.allowed_only) {
                return Err(NotPublic { name: name.to_owned(), why: refused.to_string() }.into());
            }
        }
        Ok(found)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = guard.addresses(name.as_str()).await?;
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_name_for_this_machine_resolves_to_nothing() {
        let error = Guard::public_only().resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert!(error.to_string().contains("is not a public address"), "{error}");
        assert!(error.is::<NotPublic>());
    }

    #[tokio::test]
    async fn a_resolver_that_hangs_takes_a_few_threads_and_no_more() {
        let (asked, (go, hung)) = (Arc::new(AtomicUsize::new(0)), std::sync::mpsc::channel::<()>());
        let (count, hung) = (Arc::clone(&asked), Mutex::new(hung));
        let look = move |host: &str| {
            count.fetch_add(1, Ordering::SeqCst);
            if host == "hangs.example" {
                // Until the test ends.
                assert!(hung.lock().unwrap().recv().is_err());
            }
            Ok(vec![IpAddr::from([8, 8, 8, 8])])
        };
        let patience = Duration::from_millis(20);
        let lookup = SystemLookup { free: Arc::new(Semaphore::new(LOOKUPS_MAX)), look: Arc::new(look), patience };
        let all = futures::future::join_all((0..100).map(|_| lookup.lookup("hangs.example"))).await;
        assert!(all.iter().all(|found| found.as_ref().unwrap_err().kind() == io::ErrorKind::TimedOut));
        assert_eq!(asked.load(Ordering::SeqCst), LOOKUPS_MAX);
        let told = lookup.lookup("fine.example").await.unwrap_err().to_string();
        assert_eq!(told, "too many names are being looked up");
        drop(go);
        let lookup = SystemLookup { patience: LOOKUP, ..lookup };
        assert_eq!(lookup.lookup("fine.example").await.unwrap().len(), 1, "it has come back");
    }
}
