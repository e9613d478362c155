//! What one call tells about its model and provider, and what people hear when a breaker opens or closes. It only
//! witnesses; the rules are core's (`health/breaker.rs`).

use copydesk_core::Timestamp;
use copydesk_core::generation::{Failure, FaultOf};
use copydesk_core::health::{Ended, Fault, HealthNews, Sign};

/// The testimony of one call.
#[derive(Default)]
pub(crate) struct Witness {
    /// When the call left; `None` before.
    began: Option<Timestamp>,
    ended: Option<Ended>,
}

impl Witness {
    pub fn of(began: Timestamp) -> Witness {
        Witness { began: Some(began), ended: None }
    }

    /// It answered whole. What the text is worth is another question.
    pub fn answered(&mut self) {
        self.ended = Some(Ended::Answered);
    }

    pub fn failed(&mut self, failure: &Failure) {
        self.ended = match failure.fault_of {
            FaultOf::Request => None,
            FaultOf::Model | FaultOf::Provider => Some(Ended::Failed(Fault {
                of: failure.fault_of,
                code: failure.code,
                message: failure.message.clone(),
                retry_after: failure.retry_after,
            })),
        };
    }

    pub fn sign(&self, address: &str) -> Option<Sign> {
        let (began, ended) = (self.began?, self.ended.clone()?);
        Some(Sign { address: address.to_owned(), began, ended })
    }
}

pub(crate) fn tell(news: &[HealthNews]) {
    for one in news {
        match one {
            HealthNews::Opened { subject, until, code, message } => {
                let (name, reason) = (subject.name(), code.as_str());
                tracing::warn!(subject = %name, %until, reason, "{name} is left alone until {until}: {message}");
            }
            HealthNews::Closed { subject } => {
                let name = subject.name();
                tracing::info!(subject = %name, "{name} answers again");
            }
        }
    }
}
