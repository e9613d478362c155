//! Whether a provider is there, understands us and takes the key: it is asked which models it has. That is no call of a model:
//! it costs nothing, belongs to no generation, stands on no books and moves no breaker. Where a format cannot be asked, one
//! tiny call is the proof (`model_test.rs`).

use crate::desk::Desk;
use copydesk_core::generation::Failure;
use copydesk_core::{CallId, Timestamp};
pub use copydesk_providers::Setup;
use copydesk_providers::Timeouts;
use std::time::Duration;

/// A list is short and ready.
const PATIENCE: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    first_byte: Duration::from_secs(10),
    idle: Duration::from_secs(5),
    total: Duration::from_secs(20),
};

/// What came of the question.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    pub at: Timestamp,
    pub took: Duration,
    /// `None` when no answer head arrived.
    pub http_status: Option<u16>,
    /// The names of its models, or why it did not say.
    pub result: Result<Vec<String>, Failure>,
}

impl Desk {
    /// Whether [`Desk::list_models`] has a question to ask.
    pub fn can_list_models(&self, provider: &str) -> bool {
        self.providers()
            .get(provider)
            .is_some_and(|provider| provider.list_models(self.free_call(), PATIENCE).is_some())
    }

    /// Asks a provider which models it has. `None` where its format cannot be asked, and where there is no such provider.
    pub async fn list_models(&self, provider: &str) -> Option<Listed> {
        let question = self.providers().get(provider)?.list_models(self.free_call(), PATIENCE)?;
        let (at, began) = (self.world().now(), self.world().steady());
        let report = question.await;
        let took = self.world().steady().saturating_sub(began);
        let result = report.result.map_err(|error| error.failure(provider));
        Some(Listed { at, took, http_status: report.http_status, result })
    }

    /// The id that goes out with the question, so that the provider's support can find it. It is of no row.
    fn free_call(&self) -> CallId {
        CallId(self.world().uuid(self.world().now()))
    }
}
