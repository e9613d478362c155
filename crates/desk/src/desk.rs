//! What a desk is made of, and how it starts. A desk without a worker still accepts, reads and cancels (the CLI beside a
//! running server of another process works like that); `start_working` adds the worker, the lease and the sweeper.

use crate::accept::AcceptDesk;
use crate::batch::Collector;
use crate::browse::{Found, Wanted};
use crate::clock::World;
use crate::config::DeskConfig;
use crate::confined::Confined;
use crate::doubt::Doubts;
use crate::error::DeskError;
use crate::events::Hub;
use crate::feedback::Feedback;
use crate::guesses::Guesses;
use crate::keyring::Keyring;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::passwords::Passwords;
use crate::prices::{self, SetPrices};
use crate::profiles::Profiles;
use crate::sign_in::SignedInRing;
use crate::sources::Sources;
use crate::webhooks::{Bells, Hooks};
use crate::work::Outgoing;
use copydesk_assets::AssetStore;
use copydesk_core::{NodeId, Timestamp};
use copydesk_providers::Registry;
use copydesk_recipes::Shelf;
use copydesk_store::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Everything a desk is given from outside.
pub struct Parts {
    pub store: Arc<dyn Store>,
    /// Where pictures and videos are kept.
    pub assets: Arc<dyn AssetStore>,
    pub world: World,
    pub shelf: Shelf,
    pub providers: Registry,
    pub config: DeskConfig,
    /// Host name and process id, for people who look at the list of nodes.
    pub label: String,
    /// What webhooks need of the outside.
    pub hooks: Hooks,
}

/// A handle on the running desk; clones share it.
#[derive(Clone)]
pub struct Desk {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub store: Arc<dyn Store>,
    pub assets: Arc<dyn AssetStore>,
    pub world: World,
    pub shelf: Shelf,
    pub providers: Registry,
    /// Prices that were set, over those of the providers' catalogues.
    pub prices: SetPrices,
    pub config: DeskConfig,
    pub label: String,
    pub hooks: Hooks,
    pub bells: Bells,
    pub node: NodeId,
    pub opened_at: Timestamp,
    /// True when this process is the only one on its database, so that every other node is a dead one.
    pub alone: bool,
    pub live: Live,
    pub events: Hub,
    pub metrics: Metrics,
    pub keyring: Keyring,
    pub profiles: Profiles,
    pub feedback: Feedback,
    pub sources: Sources,
    pub signed_in: SignedInRing,
    pub passwords: Passwords,
    pub guesses: Guesses,
    /// Held while an audit of everything runs.
    pub auditing: tokio::sync::Mutex<()>,
    /// Claims whose answer was lost.
    pub doubts: Doubts,
    pub accepts: Collector<copydesk_store::generations::Accept, AcceptDesk>,
    /// Reads of single drafts, which gather while one is under way.
    pub looks: Collector<Wanted, Found>,
    /// Raised when something may have become claimable.
    pub wake: Arc<Notify>,
    /// Raised when a job was made or ordered about.
    pub jobs_changed: Notify,
    /// Raised when a schedule was made or changed.
    pub schedules_changed: Notify,
    /// Raised when a bulk action was opened.
    pub bulks_changed: Notify,
    /// Moves when generations may have ended: there may be room in the queue.
    pub some_ended: watch::Sender<()>,
    /// From attempts to the turn loop.
    pub outgoing: mpsc::UnboundedSender<Outgoing>,
    /// Set once, when the desk begins to stop: no new work is taken.
    draining: CancellationToken,
    /// One permit for each attempt that only waits for a job and has given its slot back.
    pub resting: Arc<Semaphore>,
    /// Set once, when the desk has stopped: the duties end.
    pub stopped: watch::Sender<bool>,
    pub working: AtomicBool,
    /// The node has said goodbye.
    pub left: tokio::sync::Mutex<bool>,
    /// Held while mails are handed over: a stop waits for the one under way, or nobody would know whether it went.
    pub mailing: tokio::sync::Mutex<()>,
    pub turns: std::sync::Mutex<Option<mpsc::UnboundedReceiver<Outgoing>>>,
}

impl Inner {
    pub fn draining(&self) -> bool {
        self.draining.is_cancelled()
    }
    pub fn begin_draining(&self) {
        self.draining.cancel();
        self.wake.notify_one();
    }
    /// Resolves when the desk begins to stop.
    pub async fn drained(&self) {
        self.draining.cancelled().await;
    }
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }
}

impl Desk {
    /// Opens a desk on a store that was checked already. Nothing runs in the background yet but the accept collector.
    pub async fn open(parts: Parts) -> Result<Desk, DeskError> {
        let Parts { store, assets, world, shelf, providers, config, label, hooks } = parts;
        let store: Arc<dyn Store> = Arc::new(Confined::new(store));
        let alone = match store.now().await? {
            Some(store_now) => {
                world.follow(store_now);
                false
            }
            None => true,
        };
        let opened_at = world.now();
        let node = NodeId(world.uuid(opened_at));
        let wake = Arc::new(Notify::new());
        let accepts = crate::accept::collector(Arc::clone(&store), Arc::clone(&wake));
        let looks = crate::browse::collector(Arc::clone(&store));
        let (outgoing, turns) = mpsc::unbounded_channel();
        let resting = Arc::new(Semaphore::new(config.jobs_max));
        let inner = Inner {
            store,
            assets,
            world,
            shelf,
            providers,
            prices: SetPrices::default(),
            config,
            label,
            hooks,
            bells: Bells::default(),
            node,
            opened_at,
            alone,
            live: Live::default(),
            events: Hub::default(),
            metrics: Metrics::default(),
            keyring: Keyring::default(),
            profiles: Profiles::default(),
            feedback: Feedback::default(),
            sources: Sources::default(),
            signed_in: SignedInRing::default(),
            passwords: Passwords::default(),
            guesses: Guesses::default(),
            auditing: tokio::sync::Mutex::default(),
            doubts: Doubts::default(),
            accepts,
            looks,
            wake,
            jobs_changed: Notify::new(),
            schedules_changed: Notify::new(),
            bulks_changed: Notify::new(),
            some_ended: watch::Sender::new(()),
            outgoing,
            draining: CancellationToken::new(),
            resting,
            stopped: watch::Sender::new(false),
            working: AtomicBool::new(false),
            left: tokio::sync::Mutex::new(false),
            mailing: tokio::sync::Mutex::default(),
            turns: std::sync::Mutex::new(Some(turns)),
        };
        prices::refresh(&inner).await?;
        Ok(Desk { inner: Arc::new(inner) })
    }

    /// Starts the worker, the lease and the sweeper. Work that a dead process of this database left behind is taken back
    /// at once where this process is the only one. Calling it twice changes nothing.
    pub async fn start_working(&self) -> Result<(), DeskError> {
        if self.inner.working.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        if let Err(error) = crate::lease::beat(&self.inner, false).await {
            self.inner.working.store(false, Ordering::Release);
            return Err(error);
        }
        // One generation that cannot be swept must not keep all the others from being worked on.
        if let Err(error) = self.sweep_once().await {
            tracing::error!(%error, "The first sweep failed; it is tried again at the next beat");
        }
        crate::work::spawn(&self.inner);
        crate::lease::spawn(&self.inner);
        crate::sweep::spawn(&self.inner);
        crate::sweep::spawn_tidying(&self.inner);
        crate::prune::spawn(&self.inner);
        crate::audit::spawn(&self.inner);
        crate::webhooks::spawn(&self.inner);
        crate::sources::spawn(&self.inner);
        crate::mail::spawn(&self.inner);
        crate::jobs::spawn(&self.inner);
        crate::bulk::spawn(&self.inner);
        crate::schedules::spawn(&self.inner);
        Ok(())
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }
    pub fn assets(&self) -> &Arc<dyn AssetStore> {
        &self.inner.assets
    }
    pub fn world(&self) -> &World {
        &self.inner.world
    }
    pub fn shelf(&self) -> &Shelf {
        &self.inner.shelf
    }
    pub fn providers(&self) -> &Registry {
        &self.inner.providers
    }
    pub fn config(&self) -> &DeskConfig {
        &self.inner.config
    }
    pub fn live(&self) -> &Live {
        &self.inner.live
    }
    pub fn is_draining(&self) -> bool {
        self.inner.draining()
    }
    /// Wakes the worker: another process may have accepted something.
    pub fn wake(&self) {
        self.inner.wake.notify_one();
    }
}
