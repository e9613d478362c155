//! The listener and the life of one connection: read a request, find out what it meets, write it down in the log, play
//! its answer, and again. It decides nothing about contents; `compose.rs` does.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::WriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::clock::Dates;
use crate::compose::{Around, Ask, compose};
use crate::dialects::Dialect;
use crate::fault::{Early, Family, Fault};
use crate::log::{Body, How, Log, Received, Usage};
use crate::media::Jobs;
use crate::plan::{On, Options, Plan, Plans};
use crate::request::{Head, Incoming, Reader};
use crate::route::{What, route};
use crate::wire::{Content, Progress, Reply, Script, TLS_GARBAGE, play, script};

pub(crate) type Speaker = Arc<dyn Fn(&Value) -> Option<String> + Send + Sync>;

/// Everything the connections of one listener share.
pub(crate) struct World {
    pub log: Log,
    pub base: String,
    /// Where redirects lead.
    pub elsewhere: String,
    plans: Mutex<Plans>,
    jobs: Mutex<Jobs>,
    /// Met by every request that brings no plan of its own.
    always: Mutex<Option<Plan>>,
    speaker: Mutex<Option<Speaker>>,
    gate: watch::Sender<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub fn plans(&self) -> MutexGuard<'_, Plans> {
        lock(&self.plans)
    }

    pub fn set_always(&self, plan: Option<Plan>) {
        *lock(&self.always) = plan;
    }

    pub fn set_speaker(&self, speaker: Option<Speaker>) {
        *lock(&self.speaker) = speaker;
    }

    /// The listener behind the redirects has no faults: one that redirected again would hide who followed.
    const fn is_healthy(&self) -> bool {
        self.elsewhere.is_empty()
    }

    pub fn release_held(&self) {
        self.gate.send_modify(|count| *count += 1);
    }

    pub fn clear(&self) {
        self.log.clear();
        self.plans().clear();
        lock(&self.jobs).clear();
    }
}

/// One listener. Dropping it closes it and every connection of its.
pub(crate) struct Server {
    pub world: Arc<World>,
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn bind(address: SocketAddr, elsewhere: &str) -> io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let world = Arc::new(World {
            log: Log::new(),
            base: format!("http://{address}"),
            elsewhere: elsewhere.to_owned(),
            plans: Mutex::default(),
            jobs: Mutex::default(),
            always: Mutex::default(),
            speaker: Mutex::default(),
            gate: watch::Sender::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&world)));
        Ok(Server { world, address, task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The connections live in this task's set, so they end with it.
async fn accept(listener: TcpListener, world: Arc<World>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&world)));
                }
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn connection(mut stream: TcpStream, world: Arc<World>) {
    let _open = world.log.opened();
    // Each write is a segment of its own, so that what is cut apart arrives apart. A socket that refuses is closed.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let (read, mut writer) = stream.split();
    let mut reader = Reader::new(read);
    while exchange(&world, &mut reader, &mut writer).await == Next::Again {}
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Again,
    Close,
}

async fn exchange(world: &Arc<World>, reader: &mut Reader<'_>, writer: &mut WriteHalf<'_>) -> Next {
    let head = match reader.head().await {
        Incoming::Whole(head) => head,
        Incoming::Gone => return Next::Close,
        Incoming::Garbage(bytes) => return not_http(world, bytes, reader, writer).await,
    };
    let found = early_plan(world, &head, reader.ahead());
    if let Found::Strikes(plan) = found {
        return early(world, head, plan, reader, writer).await;
    }
    if head.wants_continue() && writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_err() {
        return Next::Close;
    }
    let body = match reader.body(&head).await {
        Incoming::Whole(body) => body,
        Incoming::Gone => return Next::Close,
        Incoming::Garbage(bytes) => return not_http(world, bytes, reader, writer).await,
    };
    let closes = head.close;
    let (ask, entry_body, plan) = match understood(world, head, body, found) {
        Ok(understood) => understood,
        Err(complaint) => {
            let complaint = Reply::new(400, "text/plain", Content::Bytes(complaint.into_bytes()));
            let steps = script(&complaint, None, Usage::default()).steps;
            let ended = play(&steps, writer, reader, &Unlogged).await;
            return if ended == How::Answered && !closes { Next::Again } else { Next::Close };
        }
    };
    let script = composed(world, &ask, plan);
    play_logged(world, &ask, entry_body, plan, &script, reader, writer).await
}

/// A mistake of the test's is told to it and is no entry in the log.
struct Unlogged;

impl Progress for Unlogged {
    fn wrote(&self, _bytes_total: u64, _words: u64) {}
    fn waits(&self, _how: How) {}
    async fn released(&self) {}
}

/// A TLS handshake, or worse. It is answered with what is no TLS either.
async fn not_http(world: &World, bytes: Vec<u8>, reader: &mut Reader<'_>, writer: &mut WriteHalf<'_>) -> Next {
    let order = world.log.next_order();
    let head = Head::default();
    let ask = Ask {
        order,
        route: route("", ""),
        head,
        body: Value::Null,
        model: String::new(),
        stream: false,
        options: Options::default(),
    };
    let plan = Plan::new(Fault::TlsGarbage);
    world.log.add(entry(&ask, Body::Raw(bytes), Some(plan), 0, ""));
    let written = writer.write_all(TLS_GARBAGE).await;
    let ended = if written.is_ok() { How::Cut } else { How::ClientClosed(0) };
    world.log.update(order, |entry| entry.ended = ended);
    // Closing with unread bytes would be a reset, and the garbage might never be seen.
    if written.is_ok() && writer.shutdown().await.is_ok() {
        reader.drained().await;
    }
    Next::Close
}

/// What a look at the head found.
#[derive(Clone, Copy, PartialEq)]
enum Found {
    Nothing,
    /// A fault that does not strike this time.
    Spared,
    Strikes(Plan),
}

/// A fault that must be known before the body: from the script, a header, the query, the path, or what has arrived of the
/// body behind the head.
fn early_plan(world: &World, head: &Head, ahead: &[u8]) -> Found {
    if world.is_healthy() {
        return Found::Nothing;
    }
    if let Some(plan) = world.plans().take_early() {
        return Found::Strikes(plan);
    }
    if world.plans().scripted() > 0 {
        return Found::Nothing;
    }
    let ahead = String::from_utf8_lossy(ahead);
    let in_body = ahead.split_once("?fault=").map(|(_, rest)| rest.split('"').next().unwrap_or(rest));
    let in_body = in_body.map(|options| format!("fault={options}"));
    let in_path = route(&head.method, head.path()).model;
    let in_path = in_path.as_deref().and_then(|model| model.split_once('?')).map(|(_, options)| options.to_owned());
    let header = head.header("x-fake-fault").map(|value| format!("fault={value}"));
    let places = [header, Some(head.query().to_owned()), in_path, in_body];
    let plan = places.into_iter().flatten().find_map(|text| Options::parse(&text).ok()?.plan);
    let plan = plan.or_else(|| *lock(&world.always)).filter(|plan| plan.fault.is_early());
    match plan {
        Some(plan) if world.plans().strikes(head.path(), &plan) => Found::Strikes(plan),
        Some(_) => Found::Spared,
        None => Found::Nothing,
    }
}

async fn early(
    world: &Arc<World>,
    head: Head,
    plan: Plan,
    reader: &mut Reader<'_>,
    writer: &mut WriteHalf<'_>,
) -> Next {
    let route = route(&head.method, head.path());
    let model = route.model.clone().unwrap_or_default();
    let ask = Ask {
        order: world.log.next_order(),
        model: model.split('?').next().unwrap_or_default().to_owned(),
        stream: route.streams,
        options: Options::default(),
        route,
        head,
        body: Value::Null,
    };
    let composed = composed(world, &ask, Some(plan));
    if plan.fault.family() == Family::Early(Early::ReadNothing) {
        world.log.add(entry(&ask, Body::Unread, Some(plan), composed.status, ""));
        world.log.update(ask.order, |entry| entry.ended = How::Hung);
        reader.closed_unread().await;
        world.log.update(ask.order, |entry| entry.ended = How::ClientClosed(0));
        return Next::Close;
    }
    let next = {
        // While the answer is out the body is still coming in; it is read afterwards.
        let mut received = entry(&ask, Body::Unread, Some(plan), composed.status, &composed.response_id);
        received.billed = composed.billed;
        world.log.add(received);
        let progress = Noted { world, order: ask.order };
        let ended = play(&composed.steps, writer, reader, &progress).await;
        world.log.update(ask.order, |entry| entry.ended = ended);
        if ended == How::Answered && reader.skip(&ask.head).await { Next::Again } else { Next::Close }
    };
    if ask.head.close { Next::Close } else { next }
}

type Understood = (Ask, Body, Option<Plan>);

/// Errors: a sentence about an option that cannot be read.
fn understood(world: &World, head: Head, body: Vec<u8>, early: Found) -> Result<Understood, String> {
    let route = route(&head.method, head.path());
    let (value, entry_body) = match serde_json::from_slice::<Value>(&body) {
        Ok(value) => (value.clone(), Body::Json(value)),
        Err(_) => (Value::Null, Body::Raw(body)),
    };
    let asked = route.model.clone().or_else(|| value["model"].as_str().map(str::to_owned)).unwrap_or_default();
    let (model, in_model) = asked.split_once('?').unwrap_or((&asked, ""));
    let header = head.header("x-fake-fault").map(|value| format!("fault={value}")).unwrap_or_default();
    let of_request = Options::parse(&header)?.or(Options::parse(head.query())?);
    let direct = of_request.plan;
    let of_model = Options::parse(in_model)?;
    // At the start of a job a plan for its polls or its asset is only noted.
    let starts_here = |plan: &Plan| plan.on == On::Start || route.what != What::JobStart;
    let plan = if world.is_healthy() {
        None
    } else {
        let always = *lock(&world.always);
        let asked_plan = direct.or(of_model.plan).filter(starts_here).or(always);
        // One that was spared has been counted.
        let asked_plan = asked_plan.filter(|plan| early != Found::Spared || !plan.fault.is_early());
        let key = if direct.is_some() { head.target.clone() } else { asked.clone() };
        let mut plans = world.plans();
        plans.take(&key, asked_plan).or_else(|| of_job(world, &mut plans, route.what, &route.id))
    };
    let mut options = of_request.or(of_model);
    if let Some(plan) = plan.filter(|plan| matches!(plan.fault.family(), Family::Job(_))) {
        options.plan = Some(plan);
    }
    let stream = match route.dialect {
        // Ollama streams unless told otherwise.
        Dialect::Ollama => value["stream"] != Value::Bool(false),
        Dialect::OpenAi
        | Dialect::OpenRouter
        | Dialect::Anthropic
        | Dialect::Gemini
        | Dialect::Replicate
        | Dialect::Fal
        | Dialect::Asset
        | Dialect::Unknown => value["stream"] == Value::Bool(true) || route.streams,
    };
    let stream = stream && route.what == What::Chat;
    let model = model.to_owned();
    let ask = Ask { order: world.log.next_order(), model, stream, options, body: value, route, head };
    Ok((ask, entry_body, plan))
}

/// The fault that the start of a job ordered for its polls or its asset.
fn of_job(world: &World, plans: &mut Plans, what: What, id: &str) -> Option<Plan> {
    let on = match what {
        What::JobPoll | What::JobResult => On::Poll,
        What::Asset | What::JobContent => On::Asset,
        What::JobStart
        | What::JobCancel
        | What::Chat
        | What::Images
        | What::Embeddings
        | What::Models
        | What::Unknown => return None,
    };
    let plan = lock(&world.jobs).plan_of(id).filter(|plan| plan.on == on)?;
    plans.strikes(id, &plan).then_some(plan)
}

fn composed(world: &World, ask: &Ask, plan: Option<Plan>) -> Script {
    let speaker = lock(&world.speaker).clone();
    let makes_job = match plan.map(|plan| plan.fault.family()) {
        None | Some(Family::Twist(_) | Family::Break(..) | Family::Early(_) | Family::Job(_) | Family::Mixed) => true,
        Some(Family::Refuse(_) | Family::Page(_) | Family::Flood(_)) => false,
    };
    let is_about_jobs = match ask.route.what {
        What::JobStart | What::JobPoll | What::JobResult | What::JobCancel | What::JobContent | What::Asset => true,
        What::Chat | What::Images | What::Embeddings | What::Models | What::Unknown => false,
    };
    let job = (makes_job && is_about_jobs).then(|| lock(&world.jobs).reply(ask, &world.base, plan));
    let around = Around {
        base: &world.base,
        elsewhere: &world.elsewhere,
        says: speaker.and_then(|speaker| speaker(&ask.body)),
        dates: Dates::read(),
        job,
    };
    compose(ask, plan, around)
}

/// The progress of one exchange, noted in its entry.
struct Noted<'a> {
    world: &'a World,
    order: u64,
}

impl Progress for Noted<'_> {
    fn wrote(&self, bytes_total: u64, words: u64) {
        self.world.log.update(self.order, |entry| {
            entry.bytes_written = bytes_total;
            entry.billed.output += words;
        });
    }

    fn waits(&self, how: How) {
        self.world.log.update(self.order, |entry| entry.ended = how);
    }

    fn released(&self) -> impl Future<Output = ()> + Send {
        // Subscribed now, awaited later: a release in between is not lost.
        let mut gate = self.world.gate.subscribe();
        async move {
            if gate.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

fn entry(ask: &Ask, body: Body, plan: Option<Plan>, status: u16, response_id: &str) -> Received {
    const KEYS: [&str; 4] = ["authorization", "x-api-key", "x-goog-api-key", "api-key"];
    let key = KEYS.iter().find_map(|name| ask.head.header(name)).map(str::to_owned);
    let in_query = || ask.head.query().split('&').find_map(|pair| pair.strip_prefix("key=")).map(str::to_owned);
    let asked = ask.route.model.as_deref().or_else(|| ask.body["model"].as_str()).unwrap_or_default();
    Received {
        at_order: ask.order,
        dialect: ask.route.dialect,
        method: ask.head.method.clone(),
        path: ask.head.target.clone(),
        call_id: ask.head.header("x-copydesk-call-id").map(str::to_owned),
        authorization: key.or_else(in_query),
        model: asked.to_owned(),
        stream: ask.stream,
        body,
        headers: ask.head.headers.clone(),
        fault: plan.map(|plan| plan.fault),
        ended: How::Open,
        status,
        response_id: response_id.to_owned(),
        bytes_written: 0,
        billed: Usage::default(),
    }
}

async fn play_logged(
    world: &Arc<World>,
    ask: &Ask,
    body: Body,
    plan: Option<Plan>,
    script: &Script,
    reader: &mut Reader<'_>,
    writer: &mut WriteHalf<'_>,
) -> Next {
    let mut received = entry(ask, body, plan, script.status, &script.response_id);
    received.billed = script.billed;
    world.log.add(received);
    let progress = Noted { world, order: ask.order };
    let ended = play(&script.steps, writer, reader, &progress).await;
    world.log.update(ask.order, |entry| {
        entry.ended = ended;
        if let How::ClientClosed(written) = ended {
            entry.bytes_written = written;
        }
    });
    if ended == How::Answered && script.reusable && !ask.head.close { Next::Again } else { Next::Close }
}
