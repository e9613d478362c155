//! Media jobs: OpenRouter videos, Veo, Replicate predictions and fal's queue, and the files they make. A job advances by
//! being polled, never by time: with `polls=2` the first poll finds it queued, the second at work, the third done.
//!
//! Source: `reference/providers.md`, 1.4 (November 2026).

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::compose::Ask;
use crate::dialects::Dialect;
use crate::dialects::fal::error_type;
use crate::fault::{Family, JobTwist, Refusal, RetryAfter, Why};
use crate::plan::Plan;
use crate::route::What;
use crate::wire::{Content, Reply};

/// A valid PNG of one pixel.
pub const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00, 0x00, 0x00, 0x0d, 0x49,
    0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0x00, 0x05, 0x00, 0x01, 0xff, 0x56, 0xc7, 0x2f,
    0x0d, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// The same pixel in base64.
pub const PNG_BASE64: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP4z8DwHwAFAAH/VscvDQAAAABJRU5ErkJggg==";

/// The first boxes of an MP4, with no film in it.
pub const MP4: &[u8] = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42\x00\x00\x00\x10mdatfakefilm";

/// What OpenRouter bills for each video, in nano-dollars.
pub const VIDEO_COST_NANOUSD: u64 = 400_000_000;

/// Polls before a job is done, unless the request says otherwise.
const POLLS: u64 = 2;

/// How a job looks to a poll.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Queued,
    Working,
    Done,
    Broken,
    Filtered,
    Expired,
    Stopped,
}

/// One job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// fal's URLs hang below it.
    app: String,
    model: String,
    polls: u64,
    polled: u64,
    stopped: bool,
    is_video: bool,
    pub plan: Option<Plan>,
}

impl Job {
    fn twist(&self) -> Option<JobTwist> {
        job_twist(self.plan)
    }

    fn state(&self, twist: Option<JobTwist>) -> State {
        let finished = self.polled > self.polls;
        match twist {
            _ if self.stopped => State::Stopped,
            Some(JobTwist::Stuck) => State::Working,
            _ if !finished && self.polled <= 1 && self.polls > 1 => State::Queued,
            _ if !finished => State::Working,
            Some(JobTwist::Error) => State::Broken,
            Some(JobTwist::Filtered) => State::Filtered,
            Some(JobTwist::Expired) => State::Expired,
            Some(JobTwist::Lost | JobTwist::AssetGone | JobTwist::AssetIsHtml) | None => State::Done,
        }
    }

    const fn file_ending(&self) -> &'static str {
        if self.is_video { "mp4" } else { "png" }
    }
}

fn job_twist(plan: Option<Plan>) -> Option<JobTwist> {
    match plan?.fault.family() {
        Family::Job(twist) => Some(twist),
        Family::Refuse(_)
        | Family::Twist(_)
        | Family::Page(_)
        | Family::Break(..)
        | Family::Flood(_)
        | Family::Early(_)
        | Family::Mixed => None,
    }
}

/// All jobs of one fake.
#[derive(Default)]
pub(crate) struct Jobs {
    jobs: HashMap<String, Job>,
}

impl Jobs {
    pub fn clear(&mut self) {
        self.jobs.clear();
    }

    /// The plan of the job that a poll or a download belongs to.
    pub fn plan_of(&self, id: &str) -> Option<Plan> {
        self.jobs.get(job_id(id)).and_then(|job| job.plan)
    }

    /// The answer to a request about jobs or assets. `struck` is the plan that this very request meets, if any.
    pub fn reply(&mut self, ask: &Ask, base: &str, struck: Option<Plan>) -> Reply {
        let twist = job_twist(struck);
        match ask.route.what {
            What::JobStart => self.start(ask, base),
            What::Asset | What::JobContent => self.asset(ask, twist),
            What::JobPoll | What::JobResult | What::JobCancel => {
                let id = ask.route.id.clone();
                let Some(job) = self.jobs.get_mut(&id) else { return missing(ask) };
                let twist = twist.or(job.twist());
                if twist == Some(JobTwist::Lost) {
                    return missing(ask);
                }
                match ask.route.what {
                    What::JobPoll => job.polled += 1,
                    What::JobCancel => job.stopped = true,
                    What::JobResult
                    | What::JobStart
                    | What::JobContent
                    | What::Asset
                    | What::Chat
                    | What::Images
                    | What::Embeddings
                    | What::Models
                    | What::Unknown => {}
                }
                view(ask, &id, job, job.state(twist), base)
            }
            What::Chat | What::Images | What::Embeddings | What::Models | What::Unknown => missing(ask),
        }
    }

    fn start(&mut self, ask: &Ask, base: &str) -> Reply {
        // Replicate's ids are letters and digits only, and its clients may insist on it.
        let dash = if ask.route.dialect == Dialect::Replicate { "" } else { "-" };
        let id = format!("job{dash}{}", ask.order);
        let is_image = matches!(ask.route.dialect, Dialect::Fal | Dialect::Replicate)
            && !["video", "veo", "kling", "film"].iter().any(|word| ask.model.contains(word));
        let app = ask.route.model.as_deref().map_or("", |app| app.split('?').next().unwrap_or(app));
        let job = Job {
            app: app.to_owned(),
            model: ask.model.clone(),
            polls: ask.options.polls.unwrap_or(POLLS),
            polled: 0,
            stopped: false,
            is_video: !is_image,
            plan: ask.options.plan,
        };
        let reply = view(ask, &id, &job, State::Queued, base);
        self.jobs.insert(id, job);
        reply
    }

    fn asset(&self, ask: &Ask, twist: Option<JobTwist>) -> Reply {
        let id = job_id(&ask.route.id);
        let job = self.jobs.get(id);
        if ask.route.what == What::JobContent && ask.head.header("authorization").is_none() {
            return refused(ask, 401);
        }
        let video = job.map_or_else(|| !ask.route.id.ends_with(".png"), |job| job.is_video);
        let content_type = if video { "video/mp4" } else { "image/png" };
        match twist.or_else(|| job?.twist()) {
            Some(JobTwist::AssetGone) => refused(ask, 404),
            Some(JobTwist::AssetIsHtml) => {
                Reply::new(200, content_type, Content::Bytes(crate::compose::PROXY_PAGE.as_bytes().to_vec()))
            }
            Some(JobTwist::Error | JobTwist::Filtered | JobTwist::Expired | JobTwist::Stuck | JobTwist::Lost)
            | None => {
                let bytes = if video { MP4 } else { PNG };
                Reply::new(200, content_type, Content::Bytes(bytes.to_vec()))
            }
        }
    }
}

/// `job-7` of `job-7.png`.
fn job_id(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn missing(ask: &Ask) -> Reply {
    refused(ask, 404)
}

fn refused(ask: &Ask, status: u16) -> Reply {
    let refusal = Refusal { status, why: Why::Plain, retry_after: RetryAfter::Absent };
    let refused = ask.route.dialect.format().refused(refusal, ask.order);
    Reply::json(refused.status, refused.body)
}

fn view(ask: &Ask, id: &str, job: &Job, state: State, base: &str) -> Reply {
    let asset = format!("{base}/assets/{id}.{}", job.file_ending());
    let starts = ask.route.what == What::JobStart;
    let mut reply = match ask.route.dialect {
        Dialect::Gemini => Reply::json(200, veo(id, job, state, &asset)),
        Dialect::Replicate => Reply::json(if starts { 201 } else { 200 }, replicate(id, job, state, base, &asset)),
        Dialect::Fal => fal(ask, id, job, state, base, &asset),
        Dialect::OpenRouter
        | Dialect::OpenAi
        | Dialect::Anthropic
        | Dialect::Ollama
        | Dialect::Asset
        | Dialect::Unknown => Reply::json(if starts { 202 } else { 200 }, openrouter(id, job, state, base)),
    };
    id.clone_into(&mut reply.response_id);
    reply
}

fn openrouter(id: &str, job: &Job, state: State, base: &str) -> Value {
    let status = match state {
        State::Queued => "pending",
        State::Working => "in_progress",
        State::Done => "completed",
        State::Broken | State::Filtered => "failed",
        State::Expired => "expired",
        State::Stopped => "cancelled",
    };
    let mut value = json!({
        "id": id, "generation_id": format!("gen-{id}"), "model": job.model, "status": status,
        "polling_url": format!("{base}/api/v1/videos/{id}"),
    });
    match state {
        State::Done => {
            value["unsigned_urls"] = json!([format!("{base}/api/v1/videos/{id}/content?index=0")]);
            value["usage"] = json!({"cost": 0.4, "is_byok": false});
        }
        State::Broken => value["error"] = "The provider could not make the video.".into(),
        State::Filtered => value["error"] = "The video was removed by content moderation.".into(),
        State::Queued | State::Working | State::Expired | State::Stopped => {}
    }
    value
}

fn veo(id: &str, job: &Job, state: State, asset: &str) -> Value {
    let name = format!("operations/{id}");
    let kind = "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse";
    match state {
        State::Queued | State::Working if job.polled == 0 => json!({"name": name}),
        State::Queued | State::Working => json!({"name": name, "done": false}),
        State::Done => json!({"name": name, "done": true, "response": {"@type": kind, "generateVideoResponse": {
            "generatedSamples": [{"video": {"uri": asset}}]}, "generatedVideos": [{"video": {"uri": asset}}]}}),
        State::Filtered => json!({"name": name, "done": true, "response": {"@type": kind, "generateVideoResponse": {
            "raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["The prompt was blocked."]},
            "raiMediaFilteredCount": 1}}),
        State::Broken => json!({"name": name, "done": true, "error": {"code": 13, "message": "Internal error."}}),
        State::Expired => json!({"name": name, "done": true, "error": {"code": 4, "message": "Deadline exceeded."}}),
        State::Stopped => json!({"name": name, "done": true, "error": {"code": 1, "message": "Cancelled."}}),
    }
}

fn replicate(id: &str, job: &Job, state: State, base: &str, asset: &str) -> Value {
    let (status, error) = match state {
        State::Queued => ("starting", Value::Null),
        State::Working => ("processing", Value::Null),
        State::Done => ("succeeded", Value::Null),
        State::Broken => ("failed", "The model stopped with an error.".into()),
        State::Filtered => ("failed", "NSFW content detected. Try running it again, or try a different prompt.".into()),
        State::Expired => ("aborted", Value::Null),
        State::Stopped => ("canceled", Value::Null),
    };
    let one = format!("{base}/v1/predictions/{id}");
    let mut value = json!({
        "id": id, "model": job.model, "version": "fake", "input": {}, "logs": "", "status": status, "error": error,
        "output": null, "data_removed": false, "created_at": "2026-11-22T10:00:00.000Z",
        "urls": {"get": one, "cancel": format!("{one}/cancel")},
    });
    if state == State::Done {
        value["output"] = json!([asset]);
        value["metrics"] = json!({"predict_time": 1.5});
    }
    value
}

fn fal(ask: &Ask, id: &str, job: &Job, state: State, base: &str, asset: &str) -> Reply {
    let one = format!("{base}/{}/requests/{id}", job.app);
    let mut status = json!({
        "request_id": id, "response_url": one, "status_url": format!("{one}/status"), "cancel_url": format!("{one}/cancel"),
    });
    let trouble = |status: u16, detail: &str| {
        Reply::json(status, json!({"detail": detail, "error_type": error_type(status)}))
            .with_header("x-fal-error-type", error_type(status))
    };
    match (ask.route.what, state) {
        (What::JobCancel, _) => return Reply::json(202, json!({"status": "CANCELLATION_REQUESTED"})),
        (What::JobResult, State::Queued | State::Working) => return trouble(400, "Request is still in progress"),
        (What::JobResult, State::Done) => return Reply::json(200, fal_output(job, asset)),
        (What::JobResult, State::Filtered) => return trouble(422, "The content was flagged by a content checker."),
        (What::JobResult, State::Broken | State::Expired | State::Stopped) => {
            return trouble(500, "The request ended without a result.");
        }
        (_, State::Queued) => {
            status["status"] = "IN_QUEUE".into();
            status["queue_position"] = 0.into();
        }
        (_, State::Working) => status["status"] = "IN_PROGRESS".into(),
        (_, State::Done) => status["status"] = "COMPLETED".into(),
        (_, State::Filtered) => {
            status["status"] = "COMPLETED".into();
            status["error"] = "The content was flagged by a content checker.".into();
            status["error_type"] = "content_policy_violation".into();
        }
        (_, State::Broken | State::Expired | State::Stopped) => {
            status["status"] = "COMPLETED".into();
            status["error"] = "The request ended without a result.".into();
            status["error_type"] = "internal_server_error".into();
        }
    }
    Reply::json(200, status)
}

fn fal_output(job: &Job, asset: &str) -> Value {
    if job.is_video {
        return json!({"video": {"url": asset, "content_type": "video/mp4", "file_size": MP4.len()}});
    }
    json!({
        "images": [{"url": asset, "width": 1, "height": 1, "content_type": "image/png"}],
        "seed": 42, "has_nsfw_concepts": [false],
    })
}
