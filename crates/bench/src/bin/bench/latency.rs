//! An idle desk: how long from the request to the call of the provider.

use copydesk_bench::engine::{Engine, Place};
use copydesk_bench::figures::{self, millis, percentile};
use copydesk_bench::instant::{self, InProcess};
use copydesk_desk::DeskConfig;
use copydesk_desk::accept::Request;
use copydesk_store::Scope;
use serde_json::json;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

const ROUNDS: usize = 300;

pub async fn idle(place: &Place) -> Result<(), String> {
    let provider = InProcess::new(Duration::ZERO);
    let desk = instant::desk(place.open().await?, provider.clone(), DeskConfig::default()).await?;
    desk.start_working().await.map_err(|error| error.to_string())?;
    let (mut to_call, mut to_end, mut accepts) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        let mut request = Request::new("newsletter", instant::input(number));
        request.model = Some("inside/instant".to_owned());
        let begun = Instant::now();
        let receipt = desk.accept(request).await.map_err(|error| error.to_string())?;
        accepts.push(begun.elapsed());
        desk.wait(Scope::DEFAULT, receipt.generation, Duration::from_secs(30))
            .await
            .map_err(|error| error.to_string())?;
        to_end.push(begun.elapsed());
        let arrived = provider.arrived.lock().unwrap_or_else(PoisonError::into_inner).take();
        to_call.extend(arrived.map(|arrived| arrived.duration_since(begun)));
    }
    let goal = match place.engine {
        Engine::Sqlite => "accept to provider call p50 <= 2 ms",
        Engine::Postgres => "accept to provider call p50 <= 5 ms",
    };
    let facts = json!({
        "engine": place.engine.name(), "rounds": ROUNDS,
        "accept_p50_ms": millis(percentile(&mut accepts, 0.5)),
        "to_call_p50_ms": millis(percentile(&mut to_call, 0.5)), "to_call_p99_ms": millis(percentile(&mut to_call, 0.99)),
        "to_end_p50_ms": millis(percentile(&mut to_end, 0.5)),
    });
    figures::print("idle_latency", goal, facts);
    desk.stop(Duration::ZERO).await.map_err(|error| error.to_string())?;
    Ok(())
}
