//! The addresses of things, as they stand in answers.

use copydesk_core::{
    AssetId, BulkId, DraftId, FileId, GenerationId, ImportId, JobId, MailingId, ProspectId, ScheduleId,
};

/// Where the native API begins.
pub(crate) const BASE: &str = "/api/v1";

/// Makes addresses below the server's public one.
#[derive(Clone, Copy)]
pub(crate) struct Links<'a> {
    pub public_url: &'a str,
}

impl Links<'_> {
    pub fn generation(&self, id: GenerationId, part: &str) -> String {
        format!("{}{BASE}/generations/{id}{part}", self.public_url)
    }
    /// The list, with what selects from it.
    pub fn generations(&self, query: &str) -> String {
        format!("{}{BASE}/generations{query}", self.public_url)
    }
    pub fn draft(&self, id: DraftId, part: &str) -> String {
        format!("{}{BASE}/drafts/{id}{part}", self.public_url)
    }
    pub fn job(&self, id: JobId, part: &str) -> String {
        format!("{}{BASE}/jobs/{id}{part}", self.public_url)
    }
    pub fn schedule(&self, id: ScheduleId, part: &str) -> String {
        format!("{}{BASE}/schedules/{id}{part}", self.public_url)
    }
    pub fn prospect(&self, id: ProspectId, part: &str) -> String {
        format!("{}{BASE}/prospects/{id}{part}", self.public_url)
    }
    pub fn import(&self, id: ImportId, part: &str) -> String {
        format!("{}{BASE}/prospects/imports/{id}{part}", self.public_url)
    }
    pub fn mailing(&self, id: MailingId, part: &str) -> String {
        format!("{}{BASE}/mailings/{id}{part}", self.public_url)
    }
    pub fn bulk(&self, id: BulkId, part: &str) -> String {
        format!("{}{BASE}/bulk/{id}{part}", self.public_url)
    }
    pub fn asset(&self, id: AssetId) -> String {
        format!("{}{BASE}/assets/{id}", self.public_url)
    }
    pub fn file(&self, id: FileId, part: &str) -> String {
        format!("{}{BASE}/files/{id}{part}", self.public_url)
    }
    pub fn error_page(&self, code: &str) -> String {
        format!("{}/docs/errors/{code}", self.public_url)
    }
}
