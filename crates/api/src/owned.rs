//! State changes run in tasks the connection does not own: a client may hang up at any await, and a dropped handler must
//! not cut a use case in half.

use crate::problem::Problem;
use std::future::Future;

/// Runs a use case to its end, whether or not the caller waits for it.
pub(crate) async fn owned<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(gone) => Err(Problem::internal(format!("a use case did not end: {gone}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn work_goes_on_when_its_caller_hangs_up() {
        let (start, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (started, ended) = (Arc::clone(&start), Arc::clone(&done));
        let (go, gate) = tokio::sync::oneshot::channel::<()>();
        let caller = tokio::spawn(owned(async move {
            started.notify_one();
            gate.await.unwrap();
            ended.notify_one();
            Ok::<(), Problem>(())
        }));
        start.notified().await;
        caller.abort();
        assert!(caller.await.is_err());
        go.send(()).unwrap();
        done.notified().await;
    }

    #[tokio::test]
    async fn a_panic_becomes_an_internal_problem() {
        let answer = owned(async { if true { panic!("broken") } else { Ok::<(), Problem>(()) } }).await;
        assert_eq!(answer.unwrap_err().code(), crate::Code::Internal);
    }
}
