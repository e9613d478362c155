//! What a use case answers when it cannot do what was asked. Each has a stable code and one sentence for the caller.

use copydesk_core::Timestamp;
use copydesk_core::access::Denied;
use copydesk_core::refusal::Refusal;
use copydesk_store::StoreError;

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DeskError {
    #[error(transparent)]
    Refused(Refusal),
    /// The key may not; `instead` names models it may use.
    #[error("{denied}{}", or_else(.instead))]
    Denied { denied: Denied, instead: Vec<String> },
    #[error("There is no {what} {id}.")]
    NotFound { what: &'static str, id: String },
    #[error("There is no recipe {given:?}. Known recipes: {}.", known.join(", "))]
    UnknownRecipe { given: String, known: Vec<String> },
    #[error("{reason}")]
    UnknownModel { reason: String },
    /// The request was understood and is wrong; every fault has a JSON pointer.
    #[error("{}", sentence(.0))]
    Invalid(Vec<Fault>),
    #[error("The file has more than {bytes_max} bytes, which is the limit of one.")]
    FileTooLarge { bytes_max: u64 },
    /// It was there, and is kept no longer.
    #[error("The {what} {id} expired at {at}.")]
    Expired { what: &'static str, id: String, at: Timestamp },
    /// A price that follows from the cost needs a cost.
    #[error(
        "The price of the recipe {recipe:?} follows from what the model costs, and what {model} costs is not known. \
         Nothing was queued and nothing was charged."
    )]
    UnpricedModel { recipe: String, model: String },
    /// A position in the events that was never given out.
    #[error("No event has this number yet.")]
    PositionUnknown,
    #[error("Credits are switched off here, so there are no balances and nothing costs anything.")]
    CreditsOff,
    /// One sentence for every reason: who guesses learns nothing.
    #[error("E-mail and password do not fit together, or this person may not sign in.")]
    SignInFailed,
    /// Somebody tries too often, or too many do at once.
    #[error("{detail}")]
    TooMany { detail: &'static str, retry_s: u32 },
    #[error("An audit of everything is running already; one at a time may.")]
    AuditRunning,
    /// There is no key to seal secrets with, or not the right one.
    #[error("The server cannot keep a secret: {why}.")]
    NoSecretKey { why: String },
    #[error("No mail can be sent here: the server has no mail server or no sender. Nothing was sent or queued.")]
    MailOff,
    #[error(
        "A newsletter needs an unsubscribe link, and the server does not know its own address: public_url is not set. \
         Nothing was sent or queued."
    )]
    NoPublicUrl,
    #[error("The server is shutting down; try again in a moment.")]
    Draining,
    #[error(transparent)]
    Store(StoreError),
}

/// One fault of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// JSON pointer into the request.
    pub pointer: String,
    pub code: String,
    pub detail: String,
}

impl Fault {
    pub fn new(pointer: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Fault {
        Fault { pointer: pointer.into(), code: code.into(), detail: detail.into() }
    }
}

fn sentence(faults: &[Fault]) -> String {
    let all: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect();
    format!("The request is not valid. {}", all.join("; "))
}

fn or_else(instead: &[String]) -> String {
    if instead.is_empty() { String::new() } else { format!(" Ask for one of {}.", instead.join(", ")) }
}

impl DeskError {
    /// The code that stands beside an item this is the reason of, in a job or a bulk action. `None` when it says nothing of
    /// one item: the same may go well in a moment.
    pub(crate) fn of_item(&self) -> Option<&'static str> {
        match self {
            DeskError::Refused(Refusal::GenerationPaused { .. } | Refusal::QueueFull { .. }) | DeskError::Draining => {
                None
            }
            DeskError::Refused(refusal) => Some(refusal.code()),
            DeskError::Invalid(_) => Some("invalid"),
            DeskError::UnknownRecipe { .. } => Some("recipe_gone"),
            DeskError::UnknownModel { .. } => Some("model_not_found"),
            DeskError::UnpricedModel { .. } => Some("unpriced_model"),
            DeskError::Denied { .. } => Some("not_allowed"),
            DeskError::NotFound { .. } => Some("not_found"),
            DeskError::PositionUnknown
            | DeskError::CreditsOff
            | DeskError::AuditRunning
            | DeskError::MailOff
            | DeskError::NoPublicUrl
            | DeskError::SignInFailed
            | DeskError::TooMany { .. }
            | DeskError::NoSecretKey { .. }
            | DeskError::FileTooLarge { .. }
            | DeskError::Expired { .. }
            | DeskError::Store(_) => None,
        }
    }

    pub fn invalid(pointer: &str, code: &str, detail: impl Into<String>) -> DeskError {
        DeskError::Invalid(vec![Fault::new(pointer, code, detail)])
    }
}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => DeskError::from(refusal),
            StoreError::NotFound { what, id } => DeskError::NotFound { what, id },
            other @ (StoreError::Busy(_)
            | StoreError::Unavailable(_)
            | StoreError::CommitUnknown(_)
            | StoreError::Corrupt(_)
            | StoreError::SchemaMismatch(_)
            | StoreError::TooNew { .. }
            | StoreError::Held { .. }) => DeskError::Store(other),
        }
    }
}

impl From<Refusal> for DeskError {
    fn from(refusal: Refusal) -> Self {
        DeskError::Refused(refusal)
    }
}
