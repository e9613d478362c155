//! A desk with its API, and a client for it.

use crate::scripted::Scripted;
use axum::Router;
use axum::body::Body;
use copydesk_api::compat::CompatSettings;
use copydesk_api::edge::EdgeSettings;
use copydesk_api::{ApiSettings, router};
use copydesk_desk::assets::FolderAssets;
use copydesk_desk::keys::KeyText;
use copydesk_desk::mail::Mailer;
use copydesk_desk::prospects::verify::{MailDomains, NoDomains};
use copydesk_desk::store::Scope;
use copydesk_desk::vault::{MasterKey, Vault};
use copydesk_desk::{Desk, DeskConfig, Hooks, Parts, World};
use copydesk_outbound::{Outbound, Rules};
use copydesk_providers::{Provider, Registry};
use copydesk_recipes::Shelf;
use copydesk_store_tests::{FaultyStore, ModelStore};
use http::{HeaderMap, Request};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

pub const PUBLIC_URL: &str = "https://desk.example";

pub struct Site {
    pub store: ModelStore,
    /// What stands between the desk and the store.
    pub faults: FaultyStore<ModelStore>,
    pub app: Router,
    pub desk: Desk,
    pub provider: Arc<Scripted>,
    pub assets: Arc<FolderAssets>,
    pub key: String,
    pub folder: tempfile::TempDir,
}

/// An answer, read to its end.
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.bytes)))
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
    /// The answer's code, if it is a problem with everything a problem has.
    pub fn code(&self) -> String {
        let body = self.json();
        assert_eq!(self.header("content-type"), "application/problem+json", "{body}");
        assert_eq!(body["status"], self.status, "{body}");
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert_eq!(body["error"]["code"], body["code"]);
        assert_eq!(body["error"]["message"], body["detail"]);
        assert_eq!(body["type"], format!("{PUBLIC_URL}/docs/errors/{}", body["code"].as_str().unwrap()));
        assert_eq!(body["doc_url"], body["type"]);
        assert!(body["retryable"].is_boolean() && body["errors"].is_array() && body["title"].is_string(), "{body}");
        assert_eq!(self.header("x-should-retry"), body["retryable"].to_string());
        body["code"].as_str().unwrap().to_owned()
    }
}

fn settings() -> ApiSettings {
    ApiSettings { public_url: format!("{PUBLIC_URL}/"), body_bytes_max: 20_000, ..ApiSettings::default() }
}

pub fn other_workspace() -> Scope {
    Scope::of("0190aaaa-0000-7000-8000-000000000009".parse().unwrap())
}

/// What a site is made of.
pub struct Setup {
    pub world: World,
    pub config: DeskConfig,
    pub store: ModelStore,
    pub edge: EdgeSettings,
    pub shelf: Shelf,
    pub vault: Vault,
    pub mailer: Option<Arc<dyn Mailer>>,
    pub domains: Arc<dyn MailDomains>,
    /// Providers beside the scripted one.
    pub others: Vec<Arc<dyn Provider>>,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            world: World::real(),
            config: DeskConfig::default(),
            store: ModelStore::new(),
            edge: EdgeSettings::default(),
            shelf: Shelf::built_in().unwrap_or_else(|error| panic!("{error}")),
            vault: Vault::of(MasterKey::parse(&"5a".repeat(32)).unwrap()),
            mailer: None,
            domains: Arc::new(NoDomains("no name server is set up here".to_owned())),
            others: Vec::new(),
        }
    }
}

async fn open(
    store: FaultyStore<ModelStore>,
    setup: Setup,
    provider: Arc<Scripted>,
    assets: Arc<FolderAssets>,
) -> Desk {
    let mut providers = Registry::new();
    providers.insert(provider).unwrap();
    let Setup { world, config, shelf, vault, others, mailer, domains, .. } = setup;
    for other in others {
        providers.insert(other).unwrap();
    }
    let (store, label, hooks) = (Arc::new(store), "test".into(), hooks(vault, mailer, domains));
    let parts = Parts { store, assets, world, shelf, providers, config, label, hooks };
    Desk::open(parts).await.unwrap()
}

/// Webhooks reach this machine, as an operator may allow.
fn hooks(vault: Vault, mailer: Option<Arc<dyn Mailer>>, domains: Arc<dyn MailDomains>) -> Hooks {
    let rules = Rules::new(vec!["127.0.0.1".parse().unwrap()], "COPYDESK_WEBHOOK_ALLOW");
    let courier = Arc::new(Outbound::new(rules).unwrap());
    Hooks { courier, vault, base: PUBLIC_URL.to_owned(), mailer, domains }
}

impl Site {
    /// A site whose desk only accepts: nothing is worked on.
    pub async fn idle() -> Site {
        Site::with(DeskConfig::default(), ModelStore::new()).await
    }

    pub async fn with(config: DeskConfig, store: ModelStore) -> Site {
        Site::edged(World::real(), config, store, EdgeSettings::default()).await
    }

    pub async fn in_world(world: World, config: DeskConfig, store: ModelStore) -> Site {
        Site::edged(world, config, store, EdgeSettings::default()).await
    }

    /// A site with its own clock and its own edge.
    pub async fn edged(world: World, config: DeskConfig, store: ModelStore, edge: EdgeSettings) -> Site {
        Site::made(Setup { world, config, store, edge, ..Setup::default() }).await
    }

    /// An idle site, and what makes its store fail.
    pub async fn faulty(config: DeskConfig) -> (Site, FaultyStore<ModelStore>) {
        let site = Site::with(config, ModelStore::new()).await;
        let faults = site.faults.clone();
        (site, faults)
    }

    pub async fn made(setup: Setup) -> Site {
        let provider = Arc::new(Scripted::new());
        let folder = tempfile::tempdir().unwrap();
        let assets = Arc::new(FolderAssets::new(folder.path()));
        let (store, edge) = (setup.store.clone(), setup.edge.clone());
        let faults = FaultyStore::new(store.clone());
        let desk = open(faults.clone(), setup, Arc::clone(&provider), Arc::clone(&assets)).await;
        let key = KeyText::random(desk.world());
        desk.add_key(Scope::DEFAULT, "test", &key).await.unwrap();
        let app = router(desk.clone(), ApiSettings { edge, ..settings() });
        Site { store, faults, app, desk, provider, assets, key: key.reveal().to_owned(), folder }
    }

    /// The same site with further settings of its API.
    pub fn set_up(self, change: impl FnOnce(&mut ApiSettings)) -> Site {
        let mut changed = settings();
        change(&mut changed);
        let app = router(self.desk.clone(), changed);
        Site { app, ..self }
    }

    /// An idle site with other systems' addresses like this.
    pub async fn compatible(compat: CompatSettings) -> Site {
        let site = Site::idle().await;
        let app = router(site.desk.clone(), ApiSettings { compat, ..settings() });
        Site { app, ..site }
    }

    /// Starts another process on the same store.
    pub async fn elsewhere(&self) -> Desk {
        let (provider, assets) = (Arc::new(Scripted::new()), Arc::clone(&self.assets));
        let desk = open(self.faults.clone(), Setup::default(), provider, assets).await;
        desk.start_working().await.unwrap();
        desk
    }

    /// A site that works.
    pub async fn working() -> Site {
        let site = Site::idle().await;
        site.desk.start_working().await.unwrap();
        site
    }

    /// The same site as another workspace's client sees it.
    pub async fn elsewhere_in_it(&self) -> Site {
        Site {
            store: self.store.clone(),
            faults: self.faults.clone(),
            app: self.app.clone(),
            desk: self.desk.clone(),
            provider: Arc::clone(&self.provider),
            assets: Arc::clone(&self.assets),
            key: self.key_in(other_workspace()).await,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub async fn key_in(&self, scope: Scope) -> String {
        let key = KeyText::random(self.desk.world());
        self.desk.add_key(scope, "another", &key).await.unwrap();
        key.reveal().to_owned()
    }

    /// Makes a key with the site's own one and returns its id and secret.
    pub async fn new_key(&self, more: Value) -> (String, String) {
        let mut body = json!({"name": "a key"});
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        let reply = self.post("/keys", body).await;
        assert_eq!(reply.status, 201, "{}", reply.json());
        let key = reply.json();
        (key["id"].as_str().unwrap().to_owned(), key["secret"].as_str().unwrap().to_owned())
    }

    /// A request with another key than the site's.
    pub async fn send_as(&self, key: &str, method: &str, path: &str, body: Option<Value>) -> Reply {
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let headers = if body.is_some() { &headers[..] } else { &headers[..1] };
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.raw(method, &format!("/api/v1{path}"), headers, body).await
    }

    /// The same from an address, as a server tells it.
    pub async fn send_from(&self, address: [u8; 4], key: &str, path: &str) -> Reply {
        let mut request = Request::get(format!("/api/v1{path}")).header("authorization", format!("Bearer {key}"));
        request = request.extension(copydesk_api::server::Peer(std::net::SocketAddr::from((address, 40_000))));
        self.answer(request.body(Body::empty()).unwrap()).await
    }

    /// A request without a key or a body, from an address as a server tells it.
    pub async fn raw_from(&self, address: [u8; 4], method: &str, path: &str) -> Reply {
        let peer = copydesk_api::server::Peer(std::net::SocketAddr::from((address, 40_000)));
        let request = Request::builder().method(method).uri(path).extension(peer);
        self.answer(request.body(Body::empty()).unwrap()).await
    }

    /// Any request at all, without a key unless the headers have one.
    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answer(request.body(body.into()).unwrap()).await
    }

    async fn answer(&self, request: Request<Body>) -> Reply {
        let (method, path) = (request.method().to_string(), request.uri().to_string());
        let answer = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        let reply = Reply { status: parts.status.as_u16(), headers: parts.headers, bytes };
        crate::contract::check(&method, &path, &reply);
        reply
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>, more: &[(&str, &str)]) -> Reply {
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![("authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        headers.extend(more);
        self.raw(method, &format!("/api/v1{path}"), &headers, body.map(|body| body.to_string()).unwrap_or_default())
            .await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None, &[]).await
    }

    pub async fn get_metrics(&self) -> String {
        let bearer = format!("Bearer {}", self.key);
        let reply = self.raw("GET", "/metrics", &[("authorization", bearer.as_str())], "").await;
        String::from_utf8(reply.bytes).unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, Some(body), &[]).await
    }

    /// Accepts a text and returns the answer's body.
    pub async fn accept(&self, more: Value) -> Value {
        let reply = self.post("/generations", text(more)).await;
        assert_eq!(reply.status, 202, "{}", reply.json());
        reply.json()
    }

    /// The generation once it has ended.
    pub async fn ended(&self, id: &Value) -> Value {
        let id = id.as_str().unwrap();
        self.desk.wait(Scope::DEFAULT, id.parse().unwrap(), Duration::from_secs(30)).await.unwrap();
        self.get(&format!("/generations/{id}")).await.json()
    }

    /// A finished text: the generation with its draft.
    pub async fn finished(&self, more: Value) -> Value {
        let reply = self.send("POST", "/generations", Some(text(more)), &[("prefer", "wait=30")]).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        reply.json()
    }
}

/// A request for the `text` recipe. Its prompt is a fresh one unless `more` says otherwise.
pub fn text(more: Value) -> Value {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let prompt = format!("Prompt {}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut body = json!({"recipe": "text", "input": {"prompt": prompt}});
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}
