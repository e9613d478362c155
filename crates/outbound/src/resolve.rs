//! Names: asked each time a connection is made, and all answers are tested before one is dialled. A name that leads to a
//! private address among public ones is refused whole: somebody is trying something.

use crate::rules::Rules;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Where names are looked up.
pub trait Lookup: Send + Sync {
    fn lookup(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The machine's own resolver.
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
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
        Guard::new(Rules::new(Vec::new(), ""), false, Arc::new(SystemLookup))
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

    #[tokio::test]
    async fn a_name_for_this_machine_resolves_to_nothing() {
        let error = Guard::public_only().resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert!(error.to_string().contains("is not a public address"), "{error}");
        assert!(error.is::<NotPublic>());
    }
}
