//! The way to an identity provider's documents: a plain GET, no redirects, no proxy, bounded.

use crate::exit::{self, Failure};
use copydesk_desk::oidc::{DOCUMENT_BYTES_MAX, Fetch};
use copydesk_providers::HttpClient;
use futures::future::BoxFuture;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(5);

pub struct IssuerClient(reqwest::Client);

impl IssuerClient {
    pub fn new() -> Result<IssuerClient, Failure> {
        let broken = |error: &dyn std::fmt::Display| Failure::new(exit::UNEXPECTED, "internal", error.to_string());
        // It chooses the crypto code of the process.
        HttpClient::new().map_err(|error| broken(&error))?;
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(LIMIT)
            .user_agent(concat!("copydesk/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(IssuerClient).map_err(|error| broken(&error))
    }
}

impl Fetch for IssuerClient {
    fn get(&self, url: &str) -> BoxFuture<'static, Result<Vec<u8>, String>> {
        let request = self.0.get(url).header("accept", "application/json").send();
        Box::pin(async move {
            let told = |error: reqwest::Error| error.without_url().to_string();
            let mut response = request.await.map_err(told)?;
            if !response.status().is_success() {
                return Err(format!("the answer is {}", response.status()));
            }
            let mut bytes = Vec::new();
            while let Some(piece) = response.chunk().await.map_err(told)? {
                if bytes.len() + piece.len() > DOCUMENT_BYTES_MAX {
                    return Err(format!("the answer has more than {DOCUMENT_BYTES_MAX} bytes"));
                }
                bytes.extend_from_slice(&piece);
            }
            Ok(bytes)
        })
    }
}
