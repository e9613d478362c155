//! The command line talks to the API and to nothing else: over HTTP to a running server, or to the same router inside
//! this process when no server owns the data. Either way the requests and answers are the same.

use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::lock;
use crate::problem;
use crate::wiring::{self, Wired};
use axum::Router;
use axum::body::Body;
use copydesk_api::{ApiSettings, router};
use copydesk_desk::keys::KeyText;
use copydesk_desk::store::StoreError;
use futures::StreamExt;
use futures::stream::BoxStream;
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tower::ServiceExt;

/// How long a server may take for one plain answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// Where requests go.
pub enum Backend {
    /// The desk is in this process; it ends with it.
    Inside {
        router: Router,
        wired: Wired,
    },
    Server {
        client: reqwest::Client,
        url: String,
        key: Option<KeyText>,
    },
}

/// An answer that was not refused.
pub struct Reply {
    pub body: Value,
}

/// What a command needs of the desk in this process, if it is here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Reads and orders only.
    Records,
    /// Somebody must do the work.
    Worker,
}

impl Backend {
    /// The named server; else the data itself; else the server that owns the data folder.
    async fn open(settings: &Settings, need: Need) -> Result<Backend, Failure> {
        if let Some(url) = &settings.server {
            return Ok(Backend::Server {
                client: wiring::web_client()?,
                url: url.trim_end_matches('/').to_owned(),
                key: settings.key.clone(),
            });
        }
        let store = match wiring::try_open_store(settings).await {
            Ok(store) => store,
            Err(StoreError::Held { folder, holder }) => return owner(settings, folder, holder),
            Err(error) => return Err(wiring::explained(settings, error)),
        };
        // For this command only: the switch of the installation is not moved by it.
        let mut settings = settings.clone();
        settings.desk.generation = settings.generation != Some(false);
        let wired = wiring::open_desk(&settings, store).await?;
        if need == Need::Worker {
            wired.desk.start_working().await?;
        }
        let settings = ApiSettings { trusted: true, public_url: String::new(), ..ApiSettings::default() };
        Ok(Backend::Inside { router: router(wired.desk.clone(), settings), wired })
    }

    /// Opens a backend, does the work and ends the desk in this process, whatever came of it.
    pub async fn with<T>(
        settings: &Settings,
        need: Need,
        work: impl AsyncFnOnce(&Backend) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let backend = Backend::open(settings, need).await?;
        let done = work(&backend).await;
        let closed = backend.close(Duration::ZERO).await;
        let done = done?;
        closed.map(|()| done)
    }

    pub async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.call(Method::GET, path, None, &[]).await
    }
    /// A read that may take longer than answers usually do.
    pub async fn get_slowly(&self, path: &str, patience: Duration) -> Result<Reply, Failure> {
        self.call_within(patience, Method::GET, path, None, &[]).await
    }
    pub async fn post(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        self.call(Method::POST, path, Some(body), &[]).await
    }

    /// One request. An answer of 400 and above becomes a [`Failure`].
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Reply, Failure> {
        self.call_within(ANSWER_LIMIT, method, path, body, headers).await
    }

    async fn call_within(
        &self,
        limit: Duration,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Reply, Failure> {
        let (status, bytes) = match self {
            Backend::Inside { router, .. } => {
                let response = inside(router, method, path, body, headers).await?;
                let status = response.status().as_u16();
                let bytes = response.into_body().collect().await.map_err(broken)?.to_bytes();
                (status, bytes)
            }
            Backend::Server { .. } => {
                let answer = async {
                    let response = self.send(method, path, body, headers).await?;
                    let status = response.status().as_u16();
                    Ok((status, response.bytes().await.map_err(|error| unreachable_server(&error))?))
                };
                tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(silent(limit)))?
            }
        };
        let body: Value =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).map_err(broken)? };
        if status >= 400 {
            return Err(problem::failure(status, &body));
        }
        Ok(Reply { body })
    }

    /// Sends a file as the body of a POST, piece by piece.
    pub async fn upload(&self, path: &str, kind: &str, file: &Path) -> Result<Reply, Failure> {
        let unreadable = |error: std::io::Error| {
            Failure::new(exit::NOT_FOUND, "unreadable", format!("{} cannot be read: {error}", file.display()))
        };
        let opened = tokio::fs::File::open(file).await.map_err(unreadable)?;
        let pieces = file_pieces(opened);
        let (status, bytes) = match self {
            Backend::Inside { router, .. } => {
                let request = Request::builder().method(Method::POST).uri(path).header("content-type", kind);
                let request = request.body(Body::from_stream(pieces)).map_err(broken)?;
                let Ok(response) = router.clone().oneshot(request).await;
                let status = response.status().as_u16();
                (status, response.into_body().collect().await.map_err(broken)?.to_bytes())
            }
            Backend::Server { client, url, key } => {
                let mut request = client.post(format!("{url}{path}")).header("content-type", kind);
                if let Some(key) = key {
                    request = request.bearer_auth(key.reveal());
                }
                let response = request.body(reqwest::Body::wrap_stream(pieces)).send().await;
                let response = response.map_err(|error| unreachable_server(&error))?;
                let status = response.status().as_u16();
                (status, response.bytes().await.map_err(|error| unreachable_server(&error))?)
            }
        };
        let body: Value = serde_json::from_slice(&bytes).map_err(broken)?;
        if status >= 400 { Err(problem::failure(status, &body)) } else { Ok(Reply { body }) }
    }

    /// The bytes of an event stream.
    pub async fn stream(&self, path: &str) -> Result<BoxStream<'static, Result<Vec<u8>, Failure>>, Failure> {
        self.pieces(path, &[("accept", "text/event-stream")]).await
    }

    /// The bytes of something that is not JSON. An answer of 400 and above becomes a [`Failure`].
    pub async fn bytes(&self, path: &str) -> Result<BoxStream<'static, Result<Vec<u8>, Failure>>, Failure> {
        self.pieces(path, &[]).await
    }

    async fn pieces(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<BoxStream<'static, Result<Vec<u8>, Failure>>, Failure> {
        match self {
            Backend::Inside { router, .. } => {
                let response = inside(router, Method::GET, path, None, headers).await?;
                let status = response.status().as_u16();
                if status >= 400 {
                    let bytes = response.into_body().collect().await.map_err(broken)?.to_bytes();
                    return Err(problem::failure(status, &serde_json::from_slice(&bytes).map_err(broken)?));
                }
                let stream = response.into_body().into_data_stream();
                Ok(stream.map(|piece| piece.map(|bytes| bytes.to_vec()).map_err(broken)).boxed())
            }
            Backend::Server { .. } => {
                let response = self.send(Method::GET, path, None, headers).await?;
                let status = response.status().as_u16();
                if status >= 400 {
                    let bytes = response.bytes().await.map_err(|error| unreachable_server(&error))?;
                    return Err(problem::failure(status, &serde_json::from_slice(&bytes).map_err(broken)?));
                }
                let stream = response.bytes_stream();
                Ok(stream
                    .map(|piece| piece.map(|bytes| bytes.to_vec()).map_err(|error| unreachable_server(&error)))
                    .boxed())
            }
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<reqwest::Response, Failure> {
        let Backend::Server { client, url, key } = self else {
            return Err(Failure::new(exit::UNEXPECTED, "internal", "there is no server to send this to"));
        };
        let mut request = client.request(method, format!("{url}{path}"));
        if let Some(key) = key {
            request = request.bearer_auth(key.reveal());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.map_err(|error| unreachable_server(&error))
    }

    /// Ends the desk in this process, if there is one, handing back what still runs after `grace`.
    async fn close(self, grace: Duration) -> Result<(), Failure> {
        match self {
            Backend::Inside { router, wired } => {
                drop(router);
                wired.desk.stop(grace).await?;
                Ok(())
            }
            Backend::Server { .. } => Ok(()),
        }
    }

    /// The server as it is found now: the one that owns the data folder may have been started anew, elsewhere and with
    /// another key.
    pub fn found_again(&self, settings: &Settings) -> Option<Backend> {
        let Backend::Server { client, url, key } = self else { return None };
        let (url, key) = match settings.server {
            Some(_) => (url.clone(), key.clone()),
            None => lock::note(&settings.data).map(|note| (note.url, Some(note.key)))?,
        };
        Some(Backend::Server { client: client.clone(), url, key })
    }

    /// Whether the work ends with this process.
    /// Where the server is that answers; `None` when it is this process.
    pub fn address(&self) -> Option<&str> {
        match self {
            Backend::Inside { .. } => None,
            Backend::Server { url, .. } => Some(url),
        }
    }
    pub fn is_inside(&self) -> bool {
        match self {
            Backend::Inside { .. } => true,
            Backend::Server { .. } => false,
        }
    }
}

/// The server that owns the data folder; another command that does is waited for by its user.
fn owner(settings: &Settings, folder: String, holder: String) -> Result<Backend, Failure> {
    match lock::find(&settings.data, &holder) {
        Some(note) => Ok(Backend::Server { client: wiring::web_client()?, url: note.url, key: Some(note.key) }),
        None => Err(wiring::explained(settings, StoreError::Held { folder, holder })),
    }
}

async fn inside(
    router: &Router,
    method: Method,
    path: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> Result<http::Response<Body>, Failure> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    let request = request.map_err(broken)?;
    router.clone().oneshot(request).await.map_err(|never| match never {})
}

/// How much of a file is read at once. Units: bytes.
const PIECE_BYTES: usize = 256 * 1024;

fn file_pieces(file: tokio::fs::File) -> impl futures::Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static {
    futures::stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE_BYTES];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok((read > 0).then_some((piece, file)))
    })
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::new(exit::UNEXPECTED, "bad_answer", format!("the server's answer cannot be read: {error}"))
}

fn silent(limit: Duration) -> Failure {
    let message = format!("the server did not answer within {limit:?}");
    Failure::new(exit::UNREACHABLE, "server_unreachable", message).hint("look at its log; `copydesk doctor` checks it")
}

fn unreachable_server(error: &reqwest::Error) -> Failure {
    let place = error.url().map_or_else(String::new, |url| format!(" at {}", url.origin().ascii_serialization()));
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Failure::new(exit::UNREACHABLE, "server_unreachable", format!("the server{place} cannot be reached: {cause}"))
        .hint("start it with `copydesk serve`, or leave --server out to use the data folder")
}
