//! The node's lease: one heartbeat row for everything this process runs. It takes no input; beating twice is beating once.
//! The answer says which of its attempts are over because another node wrote their end: those are told to stop.

use crate::clock::MovableClock;
use crate::desk::Inner;
use crate::error::DeskError;
use crate::keyring;
use crate::prices;
use crate::sign_in;
use copydesk_core::Timestamp;
use copydesk_store::generations::Heartbeat;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(crate) async fn beat(inner: &Inner, goodbye: bool) -> Result<(), DeskError> {
    if let Some(store_now) = inner.store.now().await? {
        inner.world.follow(store_now);
    }
    // One at a time: a beat that overtook the goodbye would register the node again.
    let mut left = inner.left.lock().await;
    if *left {
        return Ok(());
    }
    write(inner, inner.now(), goodbye).await?;
    *left = goodbye;
    keyring::write_uses(inner).await;
    sign_in::write_uses(inner).await;
    Ok(())
}

/// Moves a clock of test mode. The node beats for the instant it is moved to before it is: else its own sweeper, waking first,
/// would take all its work for that of a dead node.
pub(crate) async fn move_clock(inner: &Inner, clock: &MovableClock, span: Duration) -> Result<(), DeskError> {
    let left = inner.left.lock().await;
    if !*left && inner.working.load(Ordering::Acquire) {
        write(inner, inner.now().plus(span), false).await?;
    }
    clock.advance(span);
    drop(left);
    Ok(())
}

async fn write(inner: &Inner, at: Timestamp, goodbye: bool) -> Result<(), DeskError> {
    // Where nobody else writes, every end is told at once.
    let runs = if inner.alone { Vec::new() } else { inner.live.runs() };
    let beat = Heartbeat { node: inner.node, at, label: inner.label.clone(), goodbye, runs };
    let beaten = inner.store.heartbeat(beat).await?;
    for run in beaten.over {
        tracing::debug!(generation = %run.generation, attempt = run.attempt.0, "Its end was written elsewhere; the attempt stops");
        inner.live.stop(run.generation, run.attempt);
        inner.live.signal(run.generation);
    }
    if beaten.prices > inner.prices.newest()
        && let Err(error) = prices::refresh(inner).await
    {
        tracing::error!(%error, "Prices that were set elsewhere cannot be read; the next beat tries again");
    }
    Ok(())
}

pub(crate) fn spawn(inner: &Arc<Inner>) {
    let inner = Arc::clone(inner);
    let mut stopped = inner.stopped.subscribe();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // The sender lives in `inner`, so this only resolves when the desk has stopped.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = inner.world.sleep(inner.config.heartbeat_every) => {}
            }
            if let Err(error) = beat(&inner, false).await {
                tracing::error!(%error, "The heartbeat could not be written; after {:?} others take the work over", inner.config.lease);
            }
        }
    });
}
