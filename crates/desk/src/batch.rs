//! The batch collector: concurrent single requests become one store call, with no timer. While one batch commits, the
//! next gathers; an idle desk answers at once. The work runs in a task of its own, so that a caller who goes away does not
//! take it along.

use futures::FutureExt;
use futures::future::BoxFuture;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// How many requests one commit may carry.
pub const BATCH_MAX: usize = 1_000;
/// How many requests may wait for the collector before callers are held back.
const WAITING_MAX: usize = 10_000;

type Job<In, Out> = (In, oneshot::Sender<Out>);

/// Hands `In`s to a function that takes many at once and answers in the same order.
pub struct Collector<In, Out> {
    queue: mpsc::Sender<Job<In, Out>>,
}

/// There is no answer: the batch broke, or the collector's task is gone with its runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the batch was not answered")]
pub struct Gone;

impl<In: Send + 'static, Out: Send + 'static> Collector<In, Out> {
    /// Starts the collecting task. `flush` must answer with exactly as many items as it was given.
    pub fn start<F>(flush: F) -> Collector<In, Out>
    where
        F: Fn(Vec<In>) -> BoxFuture<'static, Vec<Out>> + Send + Sync + 'static,
    {
        let (queue, mut waiting) = mpsc::channel::<Job<In, Out>>(WAITING_MAX);
        let flush = Arc::new(flush);
        tokio::spawn(async move {
            let mut jobs = Vec::with_capacity(BATCH_MAX);
            while waiting.recv_many(&mut jobs, BATCH_MAX).await > 0 {
                let (inputs, replies): (Vec<In>, Vec<oneshot::Sender<Out>>) = jobs.drain(..).unzip();
                // A panic loses this batch's answers, and its callers are told so; the collector lives on.
                let Ok(answers) = AssertUnwindSafe(async { flush(inputs).await }).catch_unwind().await else {
                    tracing::error!("A batch panicked; its requests were not answered");
                    continue;
                };
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // A caller that hung up does not need its answer; the work is done all the same.
                    drop(reply.send(answer));
                }
            }
        });
        Collector { queue }
    }

    pub async fn submit(&self, input: In) -> Result<Out, Gone> {
        let (reply, answer) = oneshot::channel();
        self.queue.send((input, reply)).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[tokio::test]
    async fn requests_that_arrive_during_a_commit_share_the_next_one() {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let (open, gate) = tokio::sync::watch::channel(false);
        let seen = Arc::clone(&sizes);
        let collector = Arc::new(Collector::start(move |batch: Vec<u32>| {
            seen.lock().unwrap().push(batch.len());
            let mut gate = gate.clone();
            Box::pin(async move {
                gate.wait_for(|open| *open).await.unwrap();
                batch.iter().map(|n| n * 2).collect()
            })
        }));
        let first = tokio::spawn({
            let collector = Arc::clone(&collector);
            async move { collector.submit(1).await }
        });
        while sizes.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let rest: Vec<_> = (2..=50)
            .map(|n| {
                let collector = Arc::clone(&collector);
                tokio::spawn(async move { collector.submit(n).await })
            })
            .collect();
        while collector.queue.capacity() > WAITING_MAX - 49 {
            tokio::task::yield_now().await;
        }
        open.send(true).unwrap();
        assert_eq!(first.await.unwrap(), Ok(2));
        for (task, n) in rest.into_iter().zip(2..) {
            assert_eq!(task.await.unwrap(), Ok(n * 2));
        }
        assert_eq!(*sizes.lock().unwrap(), vec![1, 49]);
    }

    #[tokio::test]
    async fn a_batch_that_panics_is_told_so_and_the_next_one_is_answered() {
        let collector = Collector::start(|batch: Vec<u32>| {
            Box::pin(async move {
                assert!(batch != [13], "unlucky");
                batch
            })
        });
        assert_eq!(collector.submit(13).await, Err(Gone));
        assert_eq!(collector.submit(14).await, Ok(14));
    }
}
