//! Wake-ups between processes: after a commit that made something claimable, at most one NOTIFY per 50 ms, in a tiny
//! transaction of its own, without payload. One connection of its own both listens and notifies, so that a process can
//! tell its own notifications from those of others. Losing one is harmless: workers also poll.

use crate::connect::{Role, Source};
use crate::failure::{Fault, chain};
use crate::types::sql;
use deadpool_postgres::PoolError;
use futures::{StreamExt, stream};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_postgres::{AsyncMessage, Client};

/// The one channel; its name also stands in `sql/admin/listen.sql`.
const CHANNEL: &str = "copydesk_wake";
/// The shortest time between two notifications of one process.
const PAUSE: Duration = Duration::from_millis(50);
const RECONNECT_FIRST: Duration = Duration::from_millis(200);
const RECONNECT_MAX: Duration = Duration::from_secs(15);

/// The end the store holds. Dropping it ends the connection.
pub struct Wake {
    wanted: Arc<Notify>,
    raised: watch::Receiver<u64>,
    task: tokio::task::JoinHandle<()>,
}

impl Wake {
    pub fn start(source: Source) -> Wake {
        let wanted = Arc::new(Notify::new());
        let (raise, raised) = watch::channel(0);
        let task = tokio::spawn(keep(source, wanted.clone(), raise));
        Wake { wanted, raised, task }
    }

    /// Tells the other processes soon that there may be work. Never waits.
    pub fn others(&self) {
        self.wanted.notify_one();
    }

    /// Rises whenever another process may have made something claimable.
    pub fn raised(&self) -> watch::Receiver<u64> {
        self.raised.clone()
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(source: Source, wanted: Arc<Notify>, raise: watch::Sender<u64>) {
    let mut pause = RECONNECT_FIRST;
    loop {
        match listen(&source, &wanted, &raise, &mut pause).await {
            Ok(()) => tracing::warn!("the wake-up connection was closed; workers poll until it is back"),
            Err(fault) => {
                tracing::warn!(error = %copydesk_store::StoreError::from(fault), "no wake-up connection; workers poll");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RECONNECT_MAX);
    }
}

/// One connection's life.
async fn listen(
    source: &Source,
    wanted: &Notify,
    raise: &watch::Sender<u64>,
    pause: &mut Duration,
) -> Result<(), Fault> {
    let (client, mut connection) = source.config.connect(source.tls.clone()).await?;
    let own = std::sync::Arc::new(std::sync::atomic::AtomicI32::new(0));
    let seen = own.clone();
    let raise_from = raise.clone();
    let mut messages = Box::pin(async move {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(message) = messages.next().await {
            match message {
                Ok(AsyncMessage::Notification(note)) => {
                    let foreign = note.process_id() != seen.load(std::sync::atomic::Ordering::Relaxed);
                    if note.channel() == CHANNEL && foreign {
                        raise_from.send_modify(|count| *count += 1);
                    }
                }
                // Notices, and whatever the protocol adds.
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(error = chain(&error), "the wake-up connection broke");
                    break;
                }
            }
        }
    });
    let speak = speak(source, &client, wanted, raise, pause, &own);
    tokio::select! {
        () = &mut messages => Ok(()),
        fault = speak => fault,
    }
}

async fn speak(
    source: &Source,
    client: &Client,
    wanted: &Notify,
    raise: &watch::Sender<u64>,
    pause: &mut Duration,
    own: &std::sync::atomic::AtomicI32,
) -> Result<(), Fault> {
    let set_up = source.set_up(client, Role::Writer).await;
    set_up.map_err(|error| Fault::from(PoolError::PostCreateHook(error)))?;
    let pid: i32 = client.query_one(sql!("admin/backend_pid"), &[]).await?.get("pid");
    own.store(pid, std::sync::atomic::Ordering::Relaxed);
    client.batch_execute(sql!("admin/listen")).await?;
    *pause = RECONNECT_FIRST;
    // Whatever was notified while nobody listened.
    raise.send_modify(|count| *count += 1);
    let notify = client.prepare(sql!("admin/notify")).await?;
    loop {
        wanted.notified().await;
        client.execute(&notify, &[&CHANNEL]).await?;
        tokio::time::sleep(PAUSE).await;
    }
}
