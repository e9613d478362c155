//! Wake-ups between processes: after commits that made something claimable or wrote events, at most one NOTIFY per 50 ms,
//! in a tiny transaction of its own, without payload. One connection of its own both listens and notifies, so that a process
//! can tell its own notifications from those of others. Losing one is harmless: workers and readers of events also poll.

use crate::connect::{Role, Source};
use crate::failure::{Fault, chain};
use crate::types::sql;
use deadpool_postgres::PoolError;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_postgres::{AsyncMessage, Client};

/// Something may be claimable; the name also stands in `sql/admin/listen.sql`.
const WORK: &str = "copydesk_wake";
/// There may be new events; the name also stands in `sql/events/listen.sql`.
const EVENTS: &str = "copydesk_events";
/// The shortest time between two notifications of one process.
const PAUSE: Duration = Duration::from_millis(50);
const RECONNECT_FIRST: Duration = Duration::from_millis(200);
const RECONNECT_MAX: Duration = Duration::from_secs(15);

/// The end the store holds. Dropping it ends the connection.
pub struct Wake {
    wanted: Arc<Wanted>,
    raised: watch::Receiver<u64>,
    news: watch::Sender<u64>,
    task: tokio::task::JoinHandle<()>,
}

/// What the other processes are to be told.
#[derive(Default)]
struct Wanted {
    bell: Notify,
    work: AtomicBool,
    events: AtomicBool,
}

impl Wanted {
    fn tell(&self, what: &AtomicBool) {
        what.store(true, Ordering::Release);
        self.bell.notify_one();
    }

    /// The channels to notify, once there are some.
    async fn channels(&self) -> Vec<&'static str> {
        loop {
            self.bell.notified().await;
            let asked = [(WORK, &self.work), (EVENTS, &self.events)];
            let channels: Vec<_> = asked.iter().filter(|(_, flag)| flag.swap(false, Ordering::AcqRel)).collect();
            if !channels.is_empty() {
                return channels.iter().map(|(channel, _)| *channel).collect();
            }
        }
    }
}

/// What is raised when another process says so.
struct Raise {
    work: watch::Sender<u64>,
    news: watch::Sender<u64>,
}

impl Raise {
    fn all(&self) {
        self.work.send_modify(|count| *count += 1);
        self.news.send_modify(|count| *count += 1);
    }
    fn channel(&self, channel: &str) {
        match channel {
            WORK => self.work.send_modify(|count| *count += 1),
            EVENTS => self.news.send_modify(|count| *count += 1),
            _ => {}
        }
    }
}

impl Wake {
    pub fn start(source: Source) -> Wake {
        let wanted = Arc::new(Wanted::default());
        let (work, raised) = watch::channel(0);
        let news = watch::Sender::new(0);
        let task = tokio::spawn(keep(source, wanted.clone(), Raise { work, news: news.clone() }));
        Wake { wanted, raised, news, task }
    }

    /// Tells the other processes soon that there may be work. Never waits.
    pub fn others(&self) {
        self.wanted.tell(&self.wanted.work);
    }

    /// This process may have written events: its own readers are told now, the other processes soon.
    pub fn events(&self) {
        self.news.send_modify(|count| *count += 1);
        self.wanted.tell(&self.wanted.events);
    }

    /// Yields whenever this process or another may have written events.
    pub fn news(&self) -> BoxStream<'static, ()> {
        stream::unfold(self.news.subscribe(), |mut news| async { news.changed().await.ok().map(|()| ((), news)) })
            .boxed()
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

async fn keep(source: Source, wanted: Arc<Wanted>, raise: Raise) {
    let raise = Arc::new(raise);
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
async fn listen(source: &Source, wanted: &Wanted, raise: &Arc<Raise>, pause: &mut Duration) -> Result<(), Fault> {
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
                    if foreign {
                        raise_from.channel(note.channel());
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
    wanted: &Wanted,
    raise: &Arc<Raise>,
    pause: &mut Duration,
    own: &std::sync::atomic::AtomicI32,
) -> Result<(), Fault> {
    let set_up = source.set_up(client, Role::Writer).await;
    set_up.map_err(|error| Fault::from(PoolError::PostCreateHook(error)))?;
    let pid: i32 = client.query_one(sql!("admin/backend_pid"), &[]).await?.get("pid");
    own.store(pid, std::sync::atomic::Ordering::Relaxed);
    client.batch_execute(sql!("admin/listen")).await?;
    client.batch_execute(sql!("events/listen")).await?;
    *pause = RECONNECT_FIRST;
    // Whatever was notified while nobody listened.
    raise.all();
    let notify = client.prepare(sql!("admin/notify")).await?;
    loop {
        let channels = wanted.channels().await;
        client.execute(&notify, &[&channels]).await?;
        tokio::time::sleep(PAUSE).await;
    }
}
