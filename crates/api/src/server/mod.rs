//! The HTTP server: takes connections, bounds each of them in time and all of them in number, and hands their requests to
//! the router. axum's own has neither time-outs nor a limit of connections. Start with [`Server::run`]; the bytes are
//! `line.rs`, the time-outs `watch.rs`.

mod body;
mod endless;
mod limits;
mod line;
mod watch;

pub(crate) use body::TooSlow;
pub(crate) use endless::Endless;
pub use limits::Limits;

use axum::Router;
use axum::body::Body;
use body::{Answering, Paced};
use copydesk_desk::World;
use endless::{Handover, Lent};
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use line::{Line, Protocol};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;
use watch::Watch;

/// Connections beyond the limit that are told so, and that can still ask whether the process is alive.
const RESERVE: usize = 64;
/// Room of HTTP/1 for a head. Heads that are too large for the API but not for this are answered with a problem; larger
/// ones by hyper, with the status alone. Units: bytes.
const HEAD_ROOM: usize = 64 * 1024;
/// The same for HTTP/2. Units: bytes, as HPACK counts them.
const HEAD_LIST_ROOM: u32 = 64 * 1024;
/// HTTP/2: streams that were opened and reset before anybody looked at them. More end the connection.
const RESETS_WAITING_MAX: usize = 20;
/// HTTP/2: streams that we had to reset because of what the client did. More end the connection.
const RESETS_OF_OURS_MAX: usize = 64;
/// HTTP/2: of an answer, so much is buffered for a stream. Units: bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// How long no connection is taken after the machine had no room for one.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The other end of a request's connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// On requests of connections beyond the limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowded;

/// Serves a router. Clones share it.
#[derive(Clone)]
pub struct Server {
    app: Router,
    world: World,
    limits: Arc<Limits>,
    crowded: Arc<Limits>,
    places: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    open: TaskTracker,
}

impl Server {
    pub fn new(app: Router, world: World, limits: Limits) -> Server {
        let places = limits.connections_max.min(Semaphore::MAX_PERMITS);
        Server {
            app,
            world,
            crowded: Arc::new(limits.crowded()),
            limits: Arc::new(limits),
            places: Arc::new(Semaphore::new(places)),
            reserve: Arc::new(Semaphore::new(RESERVE)),
            open: TaskTracker::new(),
        }
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.open.len()
    }

    /// Serves until `stop`; then takes no further connection, lets requests under way finish and closes the others.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let stopping = CancellationToken::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                taken = listener.accept() => match taken {
                    Ok((socket, peer)) => self.take(socket, Peer(peer), stopping.clone()),
                    Err(error) => self.not_taken(&error).await,
                },
            }
        }
        drop(listener);
        stopping.cancel();
        self.open.close();
        self.open.wait().await;
    }

    /// A client that went away again is no fault; a machine without file handles is, and must not be asked in a circle.
    async fn not_taken(&self, error: &io::Error) {
        let gone = matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
        );
        if !gone {
            tracing::error!(%error, "No connection can be taken");
            self.world.sleep(ACCEPT_PAUSE).await;
        }
    }

    fn take(&self, socket: TcpStream, peer: Peer, stopping: CancellationToken) {
        // Beyond both limits the socket is dropped, which is the fastest refusal there is.
        let taken = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Some((place, &self.limits, None)),
            Err(_) => {
                Arc::clone(&self.reserve).try_acquire_owned().ok().map(|place| (place, &self.crowded, Some(Crowded)))
            }
        };
        let Some((place, limits, crowded)) = taken else { return };
        let watch = Watch::new(self.world.clone(), Arc::clone(limits));
        let connection = Connection { app: self.app.clone(), watch, peer, crowded };
        self.open.spawn(connection.serve(socket, place, stopping));
    }
}

struct Connection {
    app: Router,
    watch: Watch,
    peer: Peer,
    crowded: Option<Crowded>,
}

impl Connection {
    async fn serve(self, socket: TcpStream, place: OwnedSemaphorePermit, stopping: CancellationToken) {
        // Small answers must not wait for a full packet. A socket that refuses is about to fail anyway.
        drop(socket.set_nodelay(true));
        let mut line = Line::new(socket, self.watch.clone(), place);
        let protocol = tokio::select! {
            protocol = line.protocol() => protocol,
            () = stopping.cancelled() => return,
        };
        let ended = match protocol {
            Ok(Protocol::Http1) => self.http1(line, stopping).await,
            // Rare and large: it would make every connection of the other kind as large.
            Ok(Protocol::Http2) => Box::pin(self.http2(line, stopping)).await,
            // It asked nothing, so nobody misses an answer.
            Err(_) => return,
        };
        if let Err(error) = ended {
            // What a client does to its own connection is nobody's fault here.
            tracing::debug!(%error, "A connection ended early");
        }
    }

    async fn http1(self, line: Line, stopping: CancellationToken) -> hyper::Result<()> {
        let mut builder = http1::Builder::new();
        // The time of heads is kept by the line.
        builder.header_read_timeout(None).max_buf_size(HEAD_ROOM).keep_alive(self.crowded.is_none());
        let handover = Handover::default();
        let io = TokioIo::new(Lent::new(line, handover.clone()));
        let service = service_fn(|request| self.answer_or_hand_over(request, handover.clone()));
        let (line, body) = {
            let mut serving = pin!(builder.serve_connection(io, service).with_upgrades());
            let mut stopped = false;
            loop {
                tokio::select! {
                    biased;
                    ended = serving.as_mut() => return ended,
                    both = handover.ready() => break both,
                    () = stopping.cancelled(), if !stopped => {
                        stopped = true;
                        serving.as_mut().graceful_shutdown();
                    }
                }
            }
        };
        if let Err(error) = endless::stream(line, body).await {
            tracing::debug!(%error, "A stream ended early");
        }
        Ok(())
    }

    async fn http2(self, line: Line, stopping: CancellationToken) -> hyper::Result<()> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .max_concurrent_streams(self.watch.limits.streams_max)
            .max_header_list_size(HEAD_LIST_ROOM)
            .max_pending_accept_reset_streams(RESETS_WAITING_MAX)
            .max_local_error_reset_streams(RESETS_OF_OURS_MAX)
            .max_send_buf_size(SEND_BUFFER);
        let service = service_fn(move |request| self.answer(request));
        let mut serving = pin!(builder.serve_connection(TokioIo::new(line), service));
        tokio::select! {
            ended = serving.as_mut() => ended,
            () = stopping.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        }
    }

    /// The future is boxed because hyper keeps its room for as long as the connection is open, also while an answer of
    /// hours is under way.
    fn answer_or_hand_over(
        &self,
        request: Request<Incoming>,
        handover: Handover,
    ) -> BoxFuture<'static, Result<Response<Answering>, Infallible>> {
        let has_chunks = request.method() == Method::GET && request.version() == Version::HTTP_11;
        let answer = self.answer(request);
        Box::pin(async move { Ok(handover.keep(has_chunks, answer.await?)) })
    }

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Answering>, Infallible>> + use<> {
        let (underway, watch) = (self.watch.request(), self.watch.clone());
        let mut request = request.map(|body| Body::new(Paced::new(body, watch.clone())));
        request.extensions_mut().insert(self.peer);
        if let Some(crowded) = self.crowded {
            request.extensions_mut().insert(crowded);
        }
        let answer = self.app.clone().call(request);
        async move {
            let response = answer.await?;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                watch.upgraded();
            }
            Ok(response.map(|inner| Answering::keeping(inner, underway)))
        }
    }
}
