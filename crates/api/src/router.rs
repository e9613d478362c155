//! Every route of the API, in one list. What is around all of them - keys, request ids, problems - is put on here, too.

use crate::auth::authenticate;
use crate::coalesce::Recent;
use crate::compat::{self, CompatSettings};
use crate::conditional::conditional;
use crate::edge::EdgeSettings;
use crate::envelope::envelope;
use crate::error::Code;
use crate::extract::address::Address;
use crate::openapi;
use crate::problem::Problem;
use crate::routes::pages::Reading;
use crate::routes::{
    assets, budgets, bulk, bulk_export, credits, draft_export, drafts, events, feedback, files, generations, health,
    job_export, jobs, keys, lanes, mailings, maintenance, metrics, models, newsletters, pages, prices, profiles,
    promises, prospect_import, prospects, providers, recipes, schedules, session, settings, sources, stream,
    stream_tokens, subscribers, suppressions, testing, unsubscribe, usage, users, versions, webhooks,
};
use crate::throttle::Throttle;
use crate::wire::links::{BASE, Links};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::any;
use copydesk_desk::Desk;
use copydesk_desk::keys::KeyText;
use copydesk_desk::oidc::Oidc;
use copydesk_desk::testing::TestMode;
use http::Method;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most event streams and sockets open at once.
const STREAMS_MAX: usize = 8_192;

/// How the API behaves at its edge.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// Largest body that is read. Units: bytes. Default 1 MiB.
    pub body_bytes_max: usize,
    /// The caller is this very process (the CLI without a server): no key is asked for. Never set it behind a socket.
    pub trusted: bool,
    /// A key that is valid for this process only and stands in no database.
    pub local_key: Option<KeyText>,
    /// Where the server is reached, without a slash at the end: `https://copydesk.example.com`. Addresses in answers begin
    /// with it; empty makes them relative.
    pub public_url: String,
    /// Whom to tell of a hole in the security of this installation: an address with `mailto:`, `https:` or `tel:`.
    pub security_contact: Option<String>,
    /// Tests may move the clock and order faults; answers say how long they took.
    pub test: Option<TestMode>,
    /// The identity provider whose tokens are taken as keys.
    pub oidc: Option<Arc<Oidc>>,
    /// `/metrics` asks for no key. Off by default: it names the models and recipes in use.
    pub metrics_open: bool,
    pub edge: EdgeSettings,
    /// Where other systems' addresses are.
    pub compat: CompatSettings,
    /// A request without an idempotency key that repeats one whose caller hung up is given that one's generation.
    pub coalesce_retries: bool,
}

impl Default for ApiSettings {
    fn default() -> ApiSettings {
        ApiSettings {
            body_bytes_max: 1024 * 1024,
            trusted: false,
            local_key: None,
            public_url: "http://127.0.0.1:8420".to_owned(),
            security_contact: None,
            test: None,
            oidc: None,
            metrics_open: false,
            edge: EdgeSettings::default(),
            compat: CompatSettings::default(),
            coalesce_retries: true,
        }
    }
}

/// What every handler is given. Clones share it.
#[derive(Clone)]
pub(crate) struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    desk: Desk,
    settings: ApiSettings,
    streams: Arc<Semaphore>,
    reading: Reading,
    throttle: Arc<Throttle>,
    recent: Recent,
}

impl Api {
    pub fn desk(&self) -> &Desk {
        &self.inner.desk
    }
    pub fn test(&self) -> Option<&TestMode> {
        self.inner.settings.test.as_ref()
    }
    pub fn security_contact(&self) -> Option<&str> {
        self.inner.settings.security_contact.as_deref()
    }
    pub fn trusted(&self) -> bool {
        self.inner.settings.trusted
    }
    pub fn metrics_open(&self) -> bool {
        self.inner.settings.metrics_open
    }
    pub fn oidc(&self) -> Option<&Oidc> {
        self.inner.settings.oidc.as_deref()
    }
    pub fn local_key(&self) -> Option<&KeyText> {
        self.inner.settings.local_key.as_ref()
    }
    pub fn coalesces_retries(&self) -> bool {
        self.inner.settings.coalesce_retries
    }
    pub fn compat(&self) -> &CompatSettings {
        &self.inner.settings.compat
    }
    pub fn recent(&self) -> &Recent {
        &self.inner.recent
    }
    pub fn edge(&self) -> &EdgeSettings {
        &self.inner.settings.edge
    }
    pub fn body_bytes_max(&self) -> usize {
        self.inner.settings.body_bytes_max
    }
    pub fn public_url(&self) -> &str {
        &self.inner.settings.public_url
    }
    pub fn links(&self) -> Links<'_> {
        Links { public_url: self.public_url() }
    }
    pub fn streams_open(&self) -> usize {
        STREAMS_MAX.saturating_sub(self.inner.streams.available_permits())
    }
    /// One of the places for streams, held as long as the stream is open.
    pub fn stream_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.inner.streams).try_acquire_owned().map_err(|_| {
            Problem::new(Code::RateLimited, "Too many streams are open on this server; poll instead.").retry_after(5)
        })
    }
    pub fn reading(&self) -> &Reading {
        &self.inner.reading
    }
    pub fn throttle(&self) -> &Arc<Throttle> {
        &self.inner.throttle
    }
}

/// The whole API on a desk. It needs no socket: `tower::ServiceExt::oneshot` calls it in the process.
///
/// It answers unknown paths itself. To put it beside another router, take that away with `Router::reset_fallback`;
/// unknown paths below `/api/v1` are answered here all the same. Serve it by [`crate::server::Server`], which tells
/// the addresses of connections: without them nobody's guesses at keys can be counted.
pub fn router(desk: Desk, mut settings: ApiSettings) -> Router {
    settings.public_url.truncate(settings.public_url.trim_end_matches('/').len());
    let (streams, recent) = (Arc::new(Semaphore::new(STREAMS_MAX)), Recent::new(desk.world().clone()));
    let (reading, throttle) = (Reading::default(), Arc::default());
    let api = Api { inner: Arc::new(Inner { desk, settings, streams, recent, reading, throttle }) };
    // Routes that outlive a `reset_fallback`, and ask for no key.
    let entrance = Router::from(entrance());
    let nothing = Router::new().route("/", any(no_route)).route("/{*rest}", any(no_route));
    let keyed = from_fn_with_state(api.clone(), authenticate);
    let keyed_routes = if api.test().is_some() { native().merge(testing()) } else { native() };
    let native = Router::from(keyed_routes)
        .route_layer(from_fn(conditional))
        .route_layer(keyed.clone())
        .merge(entrance)
        .merge(nothing);
    let scraped = Router::from(scraped());
    let scraped = if api.metrics_open() { scraped } else { scraped.route_layer(keyed) };
    Router::new()
        .nest(BASE, native)
        .merge(compat::router(&api, api.compat()))
        .merge(scraped)
        .merge(Router::from(open()))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(api.clone(), envelope))
        .with_state(api)
}

/// The same routes as their description; those of test mode are where they are mounted only.
pub(crate) fn described(compat: &CompatSettings, test_mode: bool) -> OpenApi {
    let keyed = if test_mode { native().merge(testing()) } else { native() };
    OpenApiRouter::with_openapi(openapi::base())
        .nest(BASE, keyed.merge(entrance()))
        .merge(scraped())
        .merge(open())
        .merge(compat::described(compat))
        .into_openapi()
}

/// What needs a key, below [`BASE`]. Every route stands in one of these lists, and nowhere else: `routes!` puts it into the
/// router and into the document.
fn native() -> OpenApiRouter<Api> {
    work().merge(books()).merge(people()).merge(installation())
}

/// What is made, and of what.
fn work() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(generations::list, generations::create))
        .routes(routes!(generations::one))
        .routes(routes!(generations::why))
        .routes(routes!(generations::attempts))
        .routes(routes!(generations::calls))
        .routes(routes!(events::of_generation))
        .routes(routes!(generations::cancel))
        .routes(routes!(generations::retry))
        .routes(routes!(generations::extend))
        .routes(routes!(stream::stream))
        .routes(routes!(jobs::list, jobs::create))
        .routes(routes!(jobs::one, jobs::change))
        .routes(routes!(jobs::items))
        .routes(routes!(job_export::export))
        .routes(routes!(jobs::start))
        .routes(routes!(jobs::pause))
        .routes(routes!(jobs::resume))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::retry_failed))
        .routes(routes!(prospects::list, prospects::create))
        .routes(routes!(prospects::one, prospects::change, prospects::remove))
        .routes(routes!(prospects::eligible))
        .routes(routes!(prospects::verify))
        .routes(routes!(prospect_import::import))
        .routes(routes!(prospect_import::list))
        .routes(routes!(prospect_import::one))
        .routes(routes!(prospect_import::skipped))
        .routes(routes!(prospect_import::undo))
        .routes(routes!(mailings::list, mailings::create))
        .routes(routes!(mailings::one))
        .routes(routes!(mailings::mails))
        .routes(routes!(mailings::pause))
        .routes(routes!(mailings::resume))
        .routes(routes!(mailings::cancel))
        .routes(routes!(mailings::retry_failed))
        .routes(routes!(mailings::mail))
        .routes(routes!(mailings::judge))
        .routes(routes!(subscribers::list, subscribers::create))
        .routes(routes!(subscribers::counts))
        .routes(routes!(subscribers::import))
        .routes(routes!(subscribers::one, subscribers::remove))
        .routes(routes!(suppressions::list, suppressions::create))
        .routes(routes!(suppressions::one, suppressions::remove))
        .routes(routes!(bulk::list, bulk::create))
        .routes(routes!(bulk::one))
        .routes(routes!(bulk::items))
        .routes(routes!(bulk_export::export))
        .routes(routes!(bulk::cancel))
        .routes(routes!(drafts::counts))
        .routes(routes!(drafts::list))
        .routes(routes!(drafts::one, drafts::patch, drafts::delete))
        .routes(routes!(drafts::undelete))
        .routes(routes!(drafts::regenerate))
        .routes(routes!(drafts::publish))
        .routes(routes!(newsletters::send))
        .routes(routes!(newsletters::test))
        .routes(routes!(drafts::unpublish))
        .routes(routes!(drafts::approve))
        .routes(routes!(drafts::reject))
        .routes(routes!(versions::list))
        .routes(routes!(versions::one))
        .routes(routes!(versions::diff))
        .routes(routes!(draft_export::export))
        .routes(routes!(versions::restore))
        .routes(routes!(assets::one))
        .routes(routes!(files::list, files::create))
        .routes(routes!(files::one, files::remove))
        .routes(routes!(files::content))
}

/// What was used, and what it cost whom.
fn books() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(usage::totals))
        .routes(routes!(usage::rows))
        .routes(routes!(credits::accounts))
        .routes(routes!(credits::account))
        .routes(routes!(credits::ledger))
        .routes(routes!(credits::packs))
        .routes(routes!(credits::grant))
        .routes(routes!(credits::adjust))
        .routes(routes!(credits::gift))
        .routes(routes!(credits::refund))
        .routes(routes!(budgets::list, budgets::create))
        .routes(routes!(budgets::one, budgets::change, budgets::end))
        .routes(routes!(prices::list))
        .routes(routes!(prices::set, prices::end))
}

/// Who may ask.
fn people() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(session::whoami, session::sign_out))
        .routes(routes!(session::password))
        .routes(routes!(session::all))
        .routes(routes!(session::end))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::one, users::patch, users::disable))
        .routes(routes!(users::link))
        .routes(routes!(users::invites, users::invite))
        .routes(routes!(users::revoke))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::one, keys::patch, keys::revoke))
        .routes(routes!(keys::rotate))
}

/// What there is to ask for, who is told, and upkeep.
fn installation() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(recipes::list))
        .routes(routes!(recipes::one))
        .routes(routes!(recipes::ready))
        .routes(routes!(feedback::list))
        .routes(routes!(feedback::put))
        .routes(routes!(feedback::remove))
        .routes(routes!(sources::list, sources::create))
        .routes(routes!(sources::one, sources::change, sources::remove))
        .routes(routes!(sources::pause))
        .routes(routes!(sources::resume))
        .routes(routes!(sources::fetch))
        .routes(routes!(sources::fetches))
        .routes(routes!(sources::items_of))
        .routes(routes!(sources::items))
        .routes(routes!(profiles::list))
        .routes(routes!(profiles::get, profiles::put, profiles::remove))
        .routes(routes!(schedules::list, schedules::create))
        .routes(routes!(schedules::next))
        .routes(routes!(schedules::one, schedules::change, schedules::remove))
        .routes(routes!(schedules::pause))
        .routes(routes!(schedules::resume))
        .routes(routes!(schedules::run))
        .routes(routes!(schedules::runs))
        .routes(routes!(models::list))
        .routes(routes!(models::test))
        .routes(routes!(providers::list))
        .routes(routes!(providers::one))
        .routes(routes!(providers::test))
        .routes(routes!(lanes::list))
        .routes(routes!(lanes::pause))
        .routes(routes!(lanes::resume))
        .routes(routes!(lanes::workers))
        .routes(routes!(settings::get, settings::patch))
        .routes(routes!(events::list))
        .routes(routes!(events::socket))
        .routes(routes!(stream_tokens::make))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::one, webhooks::patch, webhooks::remove))
        .routes(routes!(webhooks::enable))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::ping))
        .routes(routes!(webhooks::replay))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::delivery))
        .routes(routes!(webhooks::redeliver))
        .routes(routes!(maintenance::audit))
        .routes(routes!(maintenance::cleanup_stale))
        .routes(routes!(maintenance::prune))
        .routes(routes!(health::health))
        .routes(routes!(promises::list))
        .routes(routes!(promises::one))
        .routes(routes!(promises::run))
        .routes(routes!(health::doctor))
        .routes(routes!(health::status))
}

/// What there is in test mode only.
fn testing() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(testing::clock, testing::advance)).routes(routes!(
        testing::faults,
        testing::set_fault,
        testing::clear_faults
    ))
}

/// How one gets in, below [`BASE`]: it asks for nobody.
fn entrance() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(session::sign_in)).routes(routes!(session::setup, session::set_up))
}

/// What may be opened for scrapers.
fn scraped() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(metrics::scrape))
}

/// What asks for no key.
fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::healthz))
        .routes(routes!(pages::openapi))
        .routes(routes!(pages::docs))
        .routes(routes!(pages::style))
        .routes(routes!(pages::error_pages))
        .routes(routes!(pages::error_page))
        .routes(routes!(pages::llms_txt))
        .routes(routes!(pages::security_txt))
        .routes(routes!(unsubscribe::show, unsubscribe::take_off))
}

async fn no_route(Address(uri): Address) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(Code::NotFound, format!("There is nothing at {path}.")).hint("The native API is below /api/v1.")
}

async fn wrong_method(method: Method) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("This address does not know {method}."))
        .hint("The Allow header lists the methods it knows.")
}
