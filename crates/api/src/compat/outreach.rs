//! The outreach system's job routes: the list on its job panel, and what its screen polls every three seconds. What starts
//! a job, and its prospects with their drafts, are in `outreach_drafts.rs`.

use super::cut::Cut;
use crate::auth::Caller;
use crate::extract::id::Segments;
use crate::openapi::words::BareUuid;
use crate::problem::Problem;
use crate::router::Api;
use axum::Json;
use axum::extract::State;
use copydesk_core::UserId;
use copydesk_core::job::JobStatus;
use copydesk_desk::store::PageRequest;
use copydesk_desk::store::jobs::{JobFilter, JobRow};
use serde::Serialize;
use utoipa::ToSchema;

/// What all its jobs are.
const KIND: &str = "draft";

/// A job in the list.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatJob)]
pub(crate) struct JobBody {
    #[schema(value_type = BareUuid)]
    id: String,
    job_type: &'static str,
    status: &'static str,
    total_targets: u64,
    drafts_created: u64,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    updated_at: String,
    error_message: Option<String>,
}

/// A job as its screen polls it.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatJobStatus)]
pub(crate) struct StatusBody {
    #[schema(value_type = BareUuid)]
    job_id: String,
    status: &'static str,
    total_targets: u64,
    drafts_created: u64,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    updated_at: String,
    error_message: Option<String>,
}

/// Its words are ours but for one: it knows no pause.
fn word(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Paused => JobStatus::Running.as_str(),
        same @ (JobStatus::Pending
        | JobStatus::Running
        | JobStatus::Completed
        | JobStatus::Failed
        | JobStatus::Cancelled) => same.as_str(),
    }
}

fn body(row: JobRow) -> JobBody {
    let job = row.job;
    JobBody {
        id: job.id.uuid().to_string(),
        job_type: KIND,
        status: word(job.status),
        total_targets: job.counts.total(),
        drafts_created: job.counts.completed,
        started_at: job.started_at.map(|at| at.to_string()),
        updated_at: job.updated_at.to_string(),
        error_message: job.note.map(|note| note.message),
    }
}

/// List jobs, newest first.
#[utoipa::path(
    get, path = "/api/jobs", operation_id = "compatListJobs", tag = "compatibility",
    params(
        ("skip" = Option<u32>, Query, minimum = 0, maximum = 10_000, description = "Rows to leave out."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1_000, description = "Most rows; 100 unless said otherwise."),
        ("user_id" = Option<String>, Query, description = "Those of this user."),
    ),
    responses((status = 200, description = "A list, without anything around it.", body = Vec<JobBody>)),
)]
pub(crate) async fn list(State(api): State<Api>, caller: Caller, cut: Cut) -> Result<Json<Vec<JobBody>>, Problem> {
    let user = cut.user.as_ref().map(|user| UserId::from_external(caller.scope.workspace, user));
    let filter = JobFilter { user, ..JobFilter::default() };
    let mut rows: Vec<JobRow> = Vec::new();
    let mut page = PageRequest::newest(PageRequest::LIMIT_MAX);
    loop {
        let found = api.desk().store().jobs(caller.scope, filter.clone(), page.clone()).await?;
        rows.extend(found.rows);
        match found.next {
            Some(next) if rows.len() < cut.skip + cut.limit => page.after = Some(next),
            Some(_) | None => break,
        }
    }
    Ok(Json(rows.into_iter().skip(cut.skip).take(cut.limit).map(body).collect()))
}

/// Look at a drafting job.
#[utoipa::path(
    get, path = "/api/pipeline/draft/jobs/{id}", operation_id = "compatGetJob", tag = "compatibility",
    params(("id" = String, Path, description = "The job's UUID.")),
    responses((status = 200, description = "The job.", body = StatusBody)),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<StatusBody>, Problem> {
    let given = path.text("id");
    let id = given.parse().map_err(|_| Problem::not_found("job", given.chars().take(80).collect::<String>()))?;
    let JobBody { id, job_type: _, status, total_targets, drafts_created, started_at, updated_at, error_message } =
        body(api.desk().store().job(caller.scope, id).await?);
    let job_id = id;
    Ok(Json(StatusBody { job_id, status, total_targets, drafts_created, started_at, updated_at, error_message }))
}
