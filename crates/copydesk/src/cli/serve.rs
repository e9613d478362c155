//! `copydesk serve`: opens the store, checks it, starts the worker and serves the API until it is told to stop. The first
//! SIGTERM or Ctrl-C drains; a second one ends at once, which is safe, only less tidy.

use crate::config::{Flags, Owner, Settings};
use crate::exit::{self, Failure};
use crate::issuer::IssuerClient;
use crate::lock::{self, ServerNote};
use crate::output::Output;
use crate::wiring::{self, Watchman, Wired};
use copydesk_api::server::Server;
use copydesk_api::{ApiSettings, router};
use copydesk_desk::keys::KeyText;
use copydesk_desk::oidc::Oidc;
use copydesk_desk::secrets::SecretText;
use copydesk_desk::store::Scope;
use copydesk_desk::store::admin::PauseKey;
use copydesk_desk::{Desk, World};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often the store is asked whether it can still be written.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Address and port (default 127.0.0.1:8420)
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where clients reach the server, e.g. https://desk.example.com
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Bring a PostgreSQL schema up to date first
    #[arg(long)]
    auto_migrate: bool,
    /// Generations worked on at once, over all processes
    #[arg(long, value_name = "N")]
    max_concurrent: Option<String>,
    /// For tests of your application: the clock moves and the demo provider fails on order (`copydesk test`)
    #[arg(long)]
    test_mode: bool,
}

impl Arguments {
    pub fn add_flags(&self, flags: &mut Flags) {
        flags.extend(self.listen.clone().map(|listen| ("listen", listen)));
        flags.extend(self.public_url.clone().map(|url| ("public_url", url)));
        flags.extend(self.auto_migrate.then(|| ("auto_migrate", "true".to_owned())));
        flags.extend(self.test_mode.then(|| ("test_mode", "true".to_owned())));
        flags.extend(self.max_concurrent.clone().map(|limit| ("max_concurrent", limit)));
    }
}

pub async fn run(settings: Settings, output: Output) -> Result<u8, Failure> {
    let store = wiring::open_store(&settings).await?;
    let Wired { desk, demo, watchman, test } = wiring::open_desk(&settings, store).await?;
    set_master_switch(&desk, &settings).await?;
    let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
        Failure::new(exit::UNEXPECTED, "cannot_listen", format!("{} cannot be listened on: {error}", settings.listen))
            .hint("another program may use the port; choose one with --listen 127.0.0.1:PORT")
    })?;
    let address =
        listener.local_addr().map_err(|error| Failure::new(exit::UNEXPECTED, "cannot_listen", error.to_string()))?;
    let local_key = KeyText::random(desk.world());
    let url = format!("http://{address}");
    let note = match settings.database_url {
        Some(_) => None,
        None => Some(lock::leave(
            &settings.data,
            &ServerNote { url: url.clone(), key: local_key.clone(), pid: std::process::id() },
        )?),
    };
    desk.start_working().await?;
    // Before anything is said: whoever reads it may send one at once.
    let signals = Signals::listen()?;
    // Last, so that a key is never made by a start that fails before it can show it.
    let made = admin_key(&desk, &settings).await?;
    let setup = first_owner(&desk, &settings).await?;
    greet(&settings, address, made.as_ref(), setup.as_ref(), output);
    let oidc = match &settings.people.oidc {
        Some(oidc) => Some(Arc::new(Oidc::new(oidc.clone(), Arc::new(IssuerClient::new()?)))),
        None => None,
    };
    let api = ApiSettings {
        local_key: Some(local_key),
        oidc,
        public_url: settings.http.public_url.clone().unwrap_or(url),
        metrics_open: settings.metrics_open,
        body_bytes_max: settings.http.body_bytes_max,
        edge: settings.http.edge.clone(),
        compat: settings.http.compat.clone(),
        test,
        security_contact: settings.http.security_contact.clone(),
        coalesce_retries: settings.http.coalesce_retries,
        ..ApiSettings::default()
    };
    serve(listener, &desk, api, &settings, watchman, signals).await?;
    drop(note);
    drop(demo);
    Ok(exit::OK)
}

/// What tells the server to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Signals, Failure> {
        let broken = |error: std::io::Error| Failure::new(exit::UNEXPECTED, "internal", error.to_string());
        let terminate = signal(SignalKind::terminate()).map_err(broken)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(broken)?;
        Ok(Signals { terminate, interrupt })
    }
}

async fn serve(
    listener: TcpListener,
    desk: &Desk,
    api: ApiSettings,
    settings: &Settings,
    watchman: Watchman,
    signals: Signals,
) -> Result<(), Failure> {
    let Signals { mut terminate, mut interrupt } = signals;
    let (stop, mut stopping) = tokio::sync::watch::channel(false);
    // Connections live in real time: moving the clock must not cut the line it was moved over.
    let world = if settings.test_mode { World::real() } else { desk.world().clone() };
    let http = Server::new(router(desk.clone(), api), world, settings.http.limits.clone());
    let mut server = tokio::spawn(http.run(listener, async move {
        // The sender outlives the server; an error would mean the same: stop.
        drop(stopping.wait_for(|stop| *stop).await);
    }));
    tokio::select! {
        ended = &mut server => {
            return Err(Failure::new(exit::UNEXPECTED, "internal", format!("the HTTP server ended by itself: {ended:?}")));
        }
        ended = store_ended(desk, &watchman) => return Err(ended),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("Stopping: no new work; running attempts have {:?}", settings.desk.drain_grace);
    desk.begin_stop();
    let drain = async {
        let handed_back = desk.stop(settings.desk.drain_grace).await?;
        stop.send_replace(true);
        // Streams end by themselves once their generations do; nobody is waited for longer than this.
        if tokio::time::timeout(Duration::from_secs(2), server).await.is_err() {
            tracing::warn!("Some connections were still open and have been cut");
        }
        Ok::<usize, Failure>(handed_back)
    };
    tokio::select! {
        handed_back = drain => {
            tracing::info!("Stopped; {} attempt(s) were handed back", handed_back?);
        }
        _ = terminate.recv() => tracing::warn!("Told to stop a second time: ending at once"),
        _ = interrupt.recv() => tracing::warn!("Told to stop a second time: ending at once"),
    }
    Ok(())
}

/// Resolves when the store cannot be written any more: only a new process can recover it, so this one must end.
async fn store_ended(desk: &Desk, watchman: &Watchman) -> Failure {
    loop {
        if let Some(ended) = watchman.store_ended() {
            return ended;
        }
        desk.world().sleep(LOOK_EVERY).await;
    }
}

async fn set_master_switch(desk: &Desk, settings: &Settings) -> Result<(), Failure> {
    if let Some(on) = settings.generation {
        desk.store().set_pause(PauseKey::Generation, !on, desk.world().now()).await?;
    }
    Ok(())
}

/// The bootstrap key: the one from the settings, else one that is made when there is none at all.
async fn admin_key(desk: &Desk, settings: &Settings) -> Result<Option<KeyText>, Failure> {
    if let Some(key) = &settings.admin_key {
        let row = desk.add_key(Scope::DEFAULT, "admin (from the settings)", key).await?;
        if row.revoked_at.is_some() {
            tracing::warn!(key = %row.id, "The admin key of the settings was revoked and opens nothing; set another one");
        }
        return Ok(None);
    }
    if desk.store().describe().await?.keys > 0 {
        return Ok(None);
    }
    let key = KeyText::random(desk.world());
    desk.add_key(Scope::DEFAULT, "admin (made at first start)", &key).await?;
    Ok(Some(key))
}

/// The owner of the settings; else, while nobody owns the installation, a link that makes the first one.
async fn first_owner(desk: &Desk, settings: &Settings) -> Result<Option<SecretText>, Failure> {
    if let Some(Owner { email, password }) = &settings.people.owner {
        desk.put_owner(Scope::DEFAULT, email.as_str(), password).await?;
    }
    if !desk.needs_setup(Scope::DEFAULT).await? {
        return Ok(None);
    }
    Ok(Some(desk.setup_link(Scope::DEFAULT).await?.secret))
}

fn greet(settings: &Settings, address: SocketAddr, made: Option<&KeyText>, setup: Option<&SecretText>, output: Output) {
    let place = match &settings.database_url {
        Some(_) => "PostgreSQL".to_owned(),
        None => settings.data.display().to_string(),
    };
    output.talk(&format!("copydesk {} serves http://{address}, data in {place}", env!("CARGO_PKG_VERSION")));
    if settings.test_mode {
        tracing::warn!("Test mode: whoever has a key may move the clock and make calls fail");
        output.once(
            "\n  TEST MODE: the clock moves and the demo provider fails on order. Never use this data for anything real.\n",
        );
        output.talk("  copydesk test clock advance 11m\n  copydesk test fault set demo/writer error_500 --times 3\n");
    }
    if let Some(key) = made {
        output.once(&format!("\n  Admin key, shown only now: {}\n", key.reveal()));
        output.talk(&format!(
            "  Try it: curl -s http://{address}/api/v1/generations -H 'Authorization: Bearer {}' \\\n    -H 'content-type: application/json' -d '{{\"recipe\":\"text\",\"input\":{{\"prompt\":\"Hello\"}}}}'\n",
            key.reveal()
        ));
    }
    if let Some(link) = setup {
        output.once(&format!(
            "\n  Nobody can sign in yet. One-time setup link, good for 30 minutes: {}\n",
            link.reveal()
        ));
        output.talk(&format!(
            "  Make the first owner with it: curl -s http://{address}/api/v1/setup -H 'content-type: application/json' \\\n    -d '{{\"link\":\"{}\",\"email\":\"you@example.com\",\"password\":\"...\"}}'\n  or: copydesk admin create --email you@example.com\n  or: start with COPYDESK_ADMIN_EMAIL and COPYDESK_ADMIN_PASSWORD_FILE\n",
            link.reveal()
        ));
    }
    let plain = settings.http.public_url.as_deref().is_none_or(|url| !url.starts_with("https://"));
    if plain && !settings.listen.ip().is_loopback() && settings.http.edge.trusted_proxies.is_empty() {
        tracing::warn!(
            "Passwords and cookies cross the network in clear: put TLS in front and set public_url to its https address"
        );
    }
}
