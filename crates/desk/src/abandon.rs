//! What is left when a generation that makes files ends: a job at its provider that nobody waits for any more, and files
//! that no version names. Both are cleaned up after the end is durable, in tasks of their own, and both only as well as
//! can be: the end stands whatever becomes of them.

use crate::desk::Inner;
use crate::making::Job;
use copydesk_assets::Shelf;
use copydesk_core::generation::Status;
use copydesk_core::recipe::step::holds_job;
use copydesk_core::{CallId, GenerationId};
use copydesk_providers::Timeouts;
use copydesk_providers::media::{JobRef, PollRequest};
use copydesk_store::Scope;
use copydesk_store::generations::Applied;
use std::sync::Arc;
use std::time::Duration;

/// How long a provider is given to take the wish that a job be stopped.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(30);

/// What an attempt's ending leaves to be done.
pub(crate) struct Aftermath {
    pub shelf: Shelf,
    /// The job to be stopped, and the address of its model.
    pub job: Option<(String, JobRef)>,
    /// The only files that stay; `None` leaves them all.
    pub keep: Option<Vec<String>>,
}

impl Aftermath {
    /// Cleans up behind an ending that was answered so. After one that was lost the job and the files belong to somebody
    /// else, unless the generation has ended without a version: whoever ended it may have cleaned up before the last file
    /// was there.
    pub async fn once_written(self, inner: &Inner, applied: Applied) {
        match applied {
            Applied::Done { .. } => self.clean(inner).await,
            Applied::Lost { found } => {
                let status = found.map(|found| found.status);
                if matches!(status, Some(Status::Failed | Status::Cancelled)) {
                    Aftermath { job: None, keep: Some(Vec::new()), ..self }.clean(inner).await;
                }
            }
        }
    }

    pub async fn clean(self, inner: &Inner) {
        if let Some((model, job)) = self.job {
            cancel_job(inner, &model, job).await;
        }
        if let Some(keep) = self.keep
            && let Err(error) = inner.assets.retain(self.shelf, &keep).await
        {
            tracing::warn!(generation = %self.shelf.generation, %error, "Files that no version names could not be removed");
        }
    }
}

/// Cleans up behind generations that were ended from outside an attempt: cancelled, or swept.
pub(crate) fn clean_up_after(inner: &Arc<Inner>, ended: Vec<(Scope, GenerationId)>) {
    if ended.is_empty() {
        return;
    }
    let inner = Arc::clone(inner);
    tokio::spawn(async move {
        for (scope, generation) in ended {
            let shelf = Shelf { workspace: scope.workspace, generation };
            let job = job_of(&inner, scope, generation).await;
            Aftermath { shelf, job, keep: Some(Vec::new()) }.clean(&inner).await;
        }
    });
}

/// The job a generation waited for, as far as the store knows one.
async fn job_of(inner: &Inner, scope: Scope, generation: GenerationId) -> Option<(String, JobRef)> {
    let read = async {
        let steps = inner.store.steps(scope, generation).await?;
        let Some(step) = steps.into_iter().find(|step| holds_job(&step.name)) else { return Ok(None) };
        let row = inner.store.get(scope, generation).await?;
        Ok::<_, copydesk_store::StoreError>(Job::parse(&step.output).map(|job| (row.model, job.reference)))
    };
    read.await.unwrap_or_else(|error| {
        tracing::warn!(%generation, %error, "Whether a job has to be stopped could not be read");
        None
    })
}

/// Asks the provider to stop a job.
pub(crate) async fn cancel_job(inner: &Inner, address: &str, job: JobRef) {
    let Ok((provider, model)) = inner.providers.resolve(address) else { return };
    let Some(jobs) = provider.runs_media_jobs() else { return };
    let timeouts = Timeouts { total: CANCEL_TIMEOUT, ..Timeouts::default() };
    let request = PollRequest { call_id: CallId(inner.world.uuid(inner.now())), model, job, timeouts };
    let report = tokio::select! {
        report = jobs.cancel(&request) => report,
        () = inner.world.sleep(CANCEL_TIMEOUT) => return,
    };
    match report.result {
        Ok(()) => tracing::info!(model = address, job = request.job.0, "a job nobody waits for was stopped"),
        Err(error) => {
            tracing::warn!(model = address, job = request.job.0, %error, "A job nobody waits for could not be stopped");
        }
    }
}
