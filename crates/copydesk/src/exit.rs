//! Exit codes, and the one error type of the command line: what to print and which code to leave with.

use crate::config::ConfigError;
use copydesk_core::refusal::Refusal;
use copydesk_desk::DeskError;
use copydesk_store::StoreError;

pub const OK: u8 = 0;
pub const UNEXPECTED: u8 = 1;
pub const USAGE: u8 = 2;
pub const NOT_FOUND: u8 = 3;
pub const NOT_ALLOWED: u8 = 4;
/// The work itself ended in failure or was cancelled.
pub const WORK_FAILED: u8 = 5;
/// Waiting took too long; the work goes on.
pub const TIMED_OUT: u8 = 6;
/// Some of many failed.
pub const PARTLY_FAILED: u8 = 7;
pub const NO_CREDITS: u8 = 8;
pub const CONFLICT: u8 = 9;
pub const UNREACHABLE: u8 = 10;
/// A check failed: schema, doctor, audit.
pub const CHECK_FAILED: u8 = 11;
pub const INTERRUPTED: u8 = 130;

/// Why a command ends early.
#[derive(Debug)]
pub struct Failure {
    pub exit: u8,
    pub code: String,
    pub message: String,
    pub hint: Option<String>,
    /// Further lines: each fault of a request, each missing column.
    pub lines: Vec<String>,
}

impl Failure {
    pub fn new(exit: u8, code: &str, message: impl Into<String>) -> Failure {
        Failure { exit, code: code.to_owned(), message: message.into(), hint: None, lines: Vec::new() }
    }
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(USAGE, "usage", message)
    }
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Failure::new(USAGE, "bad_setting", error.to_string()).hint("`copydesk config show` lists all settings")
    }
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Store(store) => Failure::from(store),
            DeskError::NotFound { .. } => Failure::new(NOT_FOUND, "not_found", error.to_string()),
            DeskError::Refused(ref refusal @ (Refusal::BudgetExceeded(_) | Refusal::InsufficientCredits { .. })) => {
                Failure::new(NO_CREDITS, refusal.code(), error.to_string())
            }
            DeskError::Refused(ref refusal) => Failure::new(CONFLICT, refusal.code(), error.to_string()),
            DeskError::PositionUnknown => Failure::new(USAGE, "bad_cursor", error.to_string()),
            DeskError::UnknownRecipe { .. } | DeskError::UnknownModel { .. } | DeskError::Invalid(_) => {
                Failure::new(USAGE, "validation_failed", error.to_string())
            }
            DeskError::UnpricedModel { .. } => {
                Failure::new(USAGE, "unpriced_model_with_metered_price", error.to_string())
            }
            DeskError::Denied { .. } => Failure::new(NOT_ALLOWED, "not_allowed", error.to_string()),
            DeskError::SignInFailed => Failure::new(NOT_ALLOWED, "sign_in_failed", error.to_string()),
            DeskError::TooMany { .. } => Failure::new(UNEXPECTED, "rate_limited", error.to_string()),
            DeskError::CreditsOff => Failure::new(CONFLICT, "credits_off", error.to_string()),
            DeskError::MailOff | DeskError::NoPublicUrl => Failure::new(CONFLICT, "mail_not_set_up", error.to_string()),
            DeskError::AuditRunning => Failure::new(CONFLICT, "audit_running", error.to_string()),
            DeskError::NoSecretKey { .. } => Failure::new(CHECK_FAILED, "secret_key_missing", error.to_string()),
            DeskError::Expired { .. } => Failure::new(NOT_FOUND, "expired", error.to_string()),
            DeskError::FileTooLarge { .. } => Failure::new(USAGE, "too_large", error.to_string()),
            DeskError::Draining => Failure::new(UNEXPECTED, "draining", error.to_string()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::SchemaMismatch(faults) => {
                let mut failure = Failure::new(CHECK_FAILED, "schema_mismatch", message)
                    .hint("mend it with the statements above, or run `copydesk db migrate`");
                failure.lines = faults
                    .into_iter()
                    .map(|fault| format!("{}\n        {}", fault.what, fault.sql.replace('\n', "\n        ")))
                    .collect();
                failure
            }
            StoreError::TooNew { .. } => Failure::new(CHECK_FAILED, "schema_mismatch", message)
                .hint("start the newer program, or name other data with --data or --database-url"),
            StoreError::Held { .. } => Failure::new(CONFLICT, "data_folder_in_use", message),
            StoreError::NotFound { .. } => Failure::new(NOT_FOUND, "not_found", message),
            StoreError::Refused(refusal) => Failure::new(CONFLICT, refusal.code(), message),
            StoreError::Busy(_) | StoreError::Unavailable(_) | StoreError::CommitUnknown(_) => {
                Failure::new(UNREACHABLE, "storage_unavailable", message)
            }
            StoreError::Corrupt(_) => {
                Failure::new(UNEXPECTED, "storage_corrupt", message).hint("`copydesk audit` shows what else is wrong")
            }
        }
    }
}
