//! Every route of the API, in one list. What is around all of them - keys, request ids, problems - is put on here, too.

use crate::auth::authenticate;
use crate::envelope::envelope;
use crate::error::Code;
use crate::extract::address::Address;
use crate::problem::Problem;
use crate::routes::{
    assets, budgets, credits, drafts, events, generations, health, maintenance, metrics, models, pages, prices,
    recipes, settings, stream, usage, versions,
};
use crate::wire::links::{BASE, Links};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post, put};
use copydesk_desk::Desk;
use copydesk_desk::keys::KeyText;
use http::Method;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Most event streams open at once.
pub(crate) const STREAMS_MAX: usize = 4_096;

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
    /// `/metrics` asks for no key. Off by default: it names the models and recipes in use.
    pub metrics_open: bool,
}

impl Default for ApiSettings {
    fn default() -> ApiSettings {
        ApiSettings {
            body_bytes_max: 1024 * 1024,
            trusted: false,
            local_key: None,
            public_url: "http://127.0.0.1:8420".to_owned(),
            metrics_open: false,
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
}

impl Api {
    pub fn desk(&self) -> &Desk {
        &self.inner.desk
    }
    pub fn trusted(&self) -> bool {
        self.inner.settings.trusted
    }
    pub fn metrics_open(&self) -> bool {
        self.inner.settings.metrics_open
    }
    pub fn local_key(&self) -> Option<&KeyText> {
        self.inner.settings.local_key.as_ref()
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
    pub fn streams(&self) -> &Arc<Semaphore> {
        &self.inner.streams
    }
}

/// The whole API on a desk. It needs no socket: `tower::ServiceExt::oneshot` calls it in the process.
///
/// It answers unknown paths itself. To put it beside another router, take that away with `Router::reset_fallback`;
/// unknown paths below `/api/v1` are answered here all the same.
pub fn router(desk: Desk, mut settings: ApiSettings) -> Router {
    settings.public_url.truncate(settings.public_url.trim_end_matches('/').len());
    let api = Api { inner: Arc::new(Inner { desk, settings, streams: Arc::new(Semaphore::new(STREAMS_MAX)) }) };
    // Routes that outlive a `reset_fallback`, and ask for no key.
    let nothing = Router::new().route("/", any(no_route)).route("/{*rest}", any(no_route));
    let native = native().route_layer(from_fn_with_state(api.clone(), authenticate)).merge(nothing);
    let metrics = Router::new().route("/metrics", get(metrics::scrape));
    let metrics =
        if api.metrics_open() { metrics } else { metrics.route_layer(from_fn_with_state(api.clone(), authenticate)) };
    Router::new()
        .nest(BASE, native)
        .merge(metrics)
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/healthz", get(health::readyz))
        .route("/docs/errors/{code}", get(pages::error_page))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(api.clone(), envelope))
        .with_state(api)
}

fn native() -> Router<Api> {
    Router::new()
        .route("/generations", get(generations::list).post(generations::create))
        .route("/generations/{id}", get(generations::one))
        .route("/generations/{id}/why", get(generations::why))
        .route("/generations/{id}/calls", get(generations::calls))
        .route("/generations/{id}/cancel", post(generations::cancel))
        .route("/generations/{id}/retry", post(generations::retry))
        .route("/generations/{id}/stream", get(stream::stream))
        .route("/drafts", get(drafts::list))
        .route("/drafts/{id}", get(drafts::one).patch(drafts::patch).delete(drafts::delete))
        .route("/drafts/{id}/undelete", post(drafts::undelete))
        .route("/drafts/{id}/regenerate", post(drafts::regenerate))
        .route("/drafts/{id}/publish", post(drafts::publish))
        .route("/drafts/{id}/unpublish", post(drafts::unpublish))
        .route("/drafts/{id}/approve", post(drafts::approve))
        .route("/drafts/{id}/reject", post(drafts::reject))
        .route("/drafts/{id}/versions", get(versions::list))
        .route("/drafts/{id}/versions/{n}", get(versions::one))
        .route("/drafts/{id}/versions/{n}/restore", post(versions::restore))
        .route("/assets/{id}", get(assets::one))
        .route("/usage", get(usage::totals))
        .route("/usage/rows", get(usage::rows))
        .route("/credits/accounts", get(credits::accounts))
        .route("/credits/accounts/{user}", get(credits::account))
        .route("/credits/ledger", get(credits::ledger))
        .route("/credits/packs", get(credits::packs))
        .route("/credits/grants", post(credits::grant))
        .route("/credits/adjustments", post(credits::adjust))
        .route("/credits/gifts", post(credits::gift))
        .route("/credits/refunds", post(credits::refund))
        .route("/budgets", get(budgets::list).post(budgets::create))
        .route("/budgets/{id}", get(budgets::one).patch(budgets::change).delete(budgets::end))
        .route("/recipes", get(recipes::list))
        .route("/recipes/{name}", get(recipes::one))
        .route("/models", get(models::list))
        .route("/models/test", post(models::test))
        .route("/prices", get(prices::list))
        .route("/prices/{provider}/{*model}", put(prices::set).delete(prices::end))
        .route("/settings", get(settings::get).patch(settings::patch))
        .route("/events", get(events::list))
        .route("/audit", get(maintenance::audit))
        .route("/maintenance/cleanup-stale", post(maintenance::cleanup_stale))
        .route("/maintenance/prune", post(maintenance::prune))
        .route("/doctor", get(health::doctor))
        .route("/status", get(health::status))
}

async fn no_route(Address(uri): Address) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(Code::NotFound, format!("There is nothing at {path}.")).hint("The native API is below /api/v1.")
}

async fn wrong_method(method: Method) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("This address does not know {method}."))
        .hint("The Allow header lists the methods it knows.")
}
