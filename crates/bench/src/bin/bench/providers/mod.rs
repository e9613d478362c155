//! What an adapter costs beside a client that only moves bytes. No database, no desk: `Provider::call` and nothing else.

mod bare;
mod overhead;
mod streaming;
mod streams;

use copydesk_core::CallId;
use copydesk_providers::{CallReport, CallRequest, Message};

/// The parts, each a suite of its own.
pub const PARTS: [&str; 3] = ["overhead", "streaming", "streams"];
/// All of them.
pub const SUITE: &str = "providers";

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub calls: usize,
    pub pieces: usize,
    pub streams: usize,
}

pub async fn run(suite: &str, sizes: Sizes) -> Result<(), String> {
    let wants = |part: &str| suite == SUITE || suite == part;
    if wants("overhead") {
        overhead::all(sizes.calls).await?;
    }
    if wants("streaming") {
        streaming::all(sizes.pieces).await?;
    }
    if wants("streams") {
        streams::open_at_once(sizes.streams).await?;
    }
    Ok(())
}

/// A question of about 1 KB.
fn question() -> Result<CallRequest, String> {
    let id = "00000000-0000-0000-0000-000000000001".parse().map_err(|_| "the id of the call")?;
    let system = "You write the weekly letter of a harbour town. ".repeat(5);
    let user = "Write about the gulls, the ferry and the weather. ".repeat(14);
    let messages = vec![Message::system(system), Message::user(user)];
    let mut request = CallRequest::new(CallId(id), "harbour-70b-instruct", messages);
    request.max_output_tokens = Some(1_000);
    request.temperature = Some(0.3);
    Ok(request)
}

/// A figure of a failed call would be a figure of something else.
fn succeeded(report: CallReport) -> Result<(), String> {
    report.result.map(drop).map_err(|error| format!("a call failed: {}", error.message))
}
