//! The event stream of one generation. A task reads the desk and sends events; it ends with the generation or when the
//! client is gone, and it never holds the generation back. Positions are `attempt.offset`, the offset being bytes of the
//! attempt's text; the last event's is marked with `.end`, so that a client that comes back for more is told there is none.

use crate::problem::Problem;
use crate::router::Api;
use crate::routes::look;
use crate::server::Endless;
use crate::wire::call;
use crate::wire::generation::{CreditsBody, ErrorBody};
use crate::wire::waiting::WaitingBody;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use copydesk_core::generation::effect::Announcement;
use copydesk_core::generation::{State, Status, Wait};
use copydesk_core::recipe::revision::kept;
use copydesk_core::{GenerationId, Timestamp};
use copydesk_desk::DeskError;
use copydesk_desk::live::{LiveText, Running};
use copydesk_desk::store::generations::GenerationRow;
use copydesk_desk::store::{Scope, StoreError};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Events a slow client may have unread before its stream waits for it; text meanwhile gathers into larger pieces.
const UNREAD_MAX: usize = 64;
/// How long a client waits before it comes back after a break.
const COME_BACK: Duration = Duration::from_millis(2_000);
/// How often a silent stream shows that it is alive, so that no proxy cuts it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often the row is read when nothing is heard: the work may go on in another process.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The same while the text grows in this process and every change is heard.
const LOOK_EVERY_LIVE: Duration = Duration::from_secs(5);

const ACCEPTED: &str = "generation.accepted";
const STARTED: &str = "generation.started";
const SNAPSHOT: &str = "generation.snapshot";
const DELTA: &str = "generation.delta";
const RESYNC: &str = "resync";

/// Where a client is in the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Position {
    attempt: u32,
    /// Units: bytes.
    offset: usize,
    /// The client has seen the last event.
    pub ended: bool,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}{}", self.attempt, self.offset, if self.ended { ".end" } else { "" })
    }
}

impl FromStr for Position {
    type Err = ();
    fn from_str(text: &str) -> Result<Position, ()> {
        let (text, ended) = text.strip_suffix(".end").map_or((text, false), |text| (text, true));
        let (attempt, offset) = text.split_once('.').ok_or(())?;
        Ok(Position { attempt: attempt.parse().map_err(|_| ())?, offset: offset.parse().map_err(|_| ())?, ended })
    }
}

/// The client has gone away.
struct Gone;

/// Why a stream ends before its generation does.
enum Stop {
    Gone,
    Broken(Problem),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Stop {
        Stop::Gone
    }
}
impl From<Problem> for Stop {
    fn from(problem: Problem) -> Stop {
        Stop::Broken(problem)
    }
}

/// Starts the stream; `permit` is held as long as it is open.
pub(crate) fn follow(
    api: Api,
    scope: Scope,
    id: GenerationId,
    position: Option<Position>,
    permit: OwnedSemaphorePermit,
) -> Response {
    let (out, unread) = mpsc::channel(UNREAD_MAX);
    let resumed = position.is_some();
    let follower = Follower {
        api,
        scope,
        id,
        out,
        at: position.unwrap_or_default(),
        greeted: resumed,
        told_retry: position.map_or(0, |position| position.attempt.saturating_sub(1)),
        fresh: !resumed,
        deadline: None,
        text: None,
    };
    tokio::spawn(async move {
        follower.run().await;
        drop(permit);
    });
    let events = futures::stream::unfold(unread, |mut unread| async move {
        let event: Event = unread.recv().await?;
        Some((Ok::<Event, Infallible>(event), unread))
    });
    let mut response =
        Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive")).into_response();
    response.extensions_mut().insert(Endless);
    let headers = response.headers_mut();
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// The part of the draft it writes; `None` for the whole.
fn part_of(row: &GenerationRow) -> Result<Option<String>, Problem> {
    let (_, revision) = kept(row.params.as_deref()).map_err(|what| {
        Problem::from(DeskError::Store(StoreError::Corrupt(format!("params of {}: {what}", row.generation.id))))
    })?;
    Ok(revision.map(|revision| revision.part))
}

struct Follower {
    api: Api,
    scope: Scope,
    id: GenerationId,
    out: mpsc::Sender<Event>,
    /// What the client has.
    at: Position,
    greeted: bool,
    /// The last attempt whose failure was told.
    told_retry: u32,
    /// The client has nothing of this attempt's text yet.
    fresh: bool,
    /// The deadline the client may know.
    deadline: Option<Timestamp>,
    text: Option<Arc<LiveText>>,
}

impl Follower {
    async fn run(mut self) {
        match self.events().await {
            Ok(()) | Err(Stop::Gone) => {}
            Err(Stop::Broken(problem)) => {
                tracing::warn!(generation = %self.id, cause = problem.parts().cause, "A stream broke off: {}", problem.parts().detail);
                let data = json!({"url": self.api.links().generation(self.id, ""), "reason": problem.code().as_str()});
                // A client that is gone as well needs no word.
                drop(self.out.send(Event::default().event(RESYNC).data(data.to_string())).await);
            }
        }
    }

    async fn events(&mut self) -> Result<(), Stop> {
        self.out.send(Event::default().retry(COME_BACK)).await.map_err(|_| Gone)?;
        let mut changes = self.api.desk().live().watch();
        loop {
            let (row, running) = match self.look().await {
                Ok(seen) => seen,
                // The database may be back in a second; the client keeps what it has.
                Err(problem) if problem.code().facts().retryable => {
                    self.rest(&mut changes, LOOK_EVERY).await?;
                    continue;
                }
                Err(problem) => return Err(problem.into()),
            };
            self.greet(&row).await?;
            self.more_time(&row).await?;
            match row.status() {
                Status::Pending => self.waiting(&row).await?,
                Status::Processing => self.working(&row, running.as_ref()).await?,
                Status::Completed | Status::Failed | Status::Cancelled => return self.ended(&row).await,
            }
            let pause = if running.is_some() { LOOK_EVERY_LIVE } else { LOOK_EVERY };
            self.rest(&mut changes, pause).await?;
        }
    }

    /// The row, and the running attempt that belongs to it.
    async fn look(&self) -> Result<(GenerationRow, Option<Running>), Problem> {
        let row = self.api.desk().store().get(self.scope, self.id).await?;
        let running = self.api.desk().live().find(self.id).filter(|running| running.attempt == row.generation.attempt);
        Ok((row, running))
    }

    async fn send(&self, name: &str, data: Value) -> Result<(), Gone> {
        let event = Event::default().event(name).id(self.at.to_string()).data(data.to_string());
        self.out.send(event).await.map_err(|_| Gone)
    }

    /// The first event, for those who have seen none.
    async fn greet(&mut self, row: &GenerationRow) -> Result<(), Stop> {
        if std::mem::replace(&mut self.greeted, true) {
            return Ok(());
        }
        let waiting = match row.status() {
            Status::Pending => WaitingBody::of(self.api.desk().why(self.scope, self.id).await.map_err(Problem::from)?),
            Status::Processing | Status::Completed | Status::Failed | Status::Cancelled => None,
        };
        let data = json!({
            "id": self.id.to_string(),
            "draft_id": row.draft.to_string(),
            "status": row.status().as_str(),
            // The text that comes is of this part alone, as the model answers it.
            "part": part_of(row)?,
            "deadline_at": row.generation.terms.deadline_at.to_string(),
            "waiting": waiting,
        });
        Ok(self.send(ACCEPTED, data).await?)
    }

    /// Its deadline was moved since the last look.
    async fn more_time(&mut self, row: &GenerationRow) -> Result<(), Gone> {
        let deadline = row.generation.terms.deadline_at;
        match self.deadline.replace(deadline) {
            Some(before) if before != deadline => {
                let data = json!({"id": self.id.to_string(), "deadline_at": deadline.to_string()});
                self.send(Announcement::Extended.as_str(), data).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Between two attempts: says once that the last one failed and when the next one comes.
    async fn waiting(&mut self, row: &GenerationRow) -> Result<(), Stop> {
        let attempt = row.generation.attempt.0;
        if attempt <= self.told_retry {
            return Ok(());
        }
        self.told_retry = attempt;
        self.catch_up(row).await?;
        let wait = match &row.generation.state {
            State::Pending { wait: Wait::BackingOff { until } | Wait::Scheduled { until } } => {
                until.since(self.api.desk().world().now())
            }
            State::Pending { wait: Wait::Ready | Wait::Target | Wait::Held }
            | State::Processing { .. }
            | State::Completed { .. }
            | State::Failed { .. }
            | State::Cancelled { .. } => Duration::ZERO,
        };
        let error = row.last_error.as_ref().map(|(code, message)| json!({"code": code, "message": message}));
        let in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let data = json!({"id": self.id.to_string(), "attempt": attempt, "in_ms": in_ms, "error": error});
        Ok(self.send(Announcement::Retrying.as_str(), data).await?)
    }

    async fn working(&mut self, row: &GenerationRow, running: Option<&Running>) -> Result<(), Stop> {
        let attempt = row.generation.attempt.0;
        if attempt != self.at.attempt {
            let had_text = self.at.offset > 0;
            self.at = Position { attempt, offset: 0, ended: false };
            (self.fresh, self.text) = (true, None);
            let data =
                json!({"id": self.id.to_string(), "attempt": attempt, "model": row.model, "part": part_of(row)?});
            self.send(STARTED, data).await?;
            if running.is_none() && had_text {
                self.snapshot(String::new()).await?;
            }
        }
        self.text = running.map(|running| Arc::clone(&running.text)).or(self.text.take());
        Ok(self.tell_text().await?)
    }

    /// What has been written since the last time.
    async fn tell_text(&mut self) -> Result<(), Gone> {
        let Some(text) = self.text.clone() else { return Ok(()) };
        if self.fresh {
            return self.snapshot(text.after(0)).await;
        }
        let piece = text.after(self.at.offset);
        if !piece.is_empty() {
            return self.delta(&piece).await;
        }
        let whole = text.after(0);
        match whole.get(self.at.offset..) {
            Some("") => Ok(()),
            // It grew between the two looks.
            Some(rest) => self.delta(rest).await,
            // The client's position is none of this text: it gets all of it again.
            None => self.snapshot(whole).await,
        }
    }

    async fn delta(&mut self, piece: &str) -> Result<(), Gone> {
        let offset = self.at.offset;
        self.at.offset += piece.len();
        self.send(DELTA, json!({"attempt": self.at.attempt, "offset": offset, "text": piece})).await
    }

    /// The text so far; it replaces everything the client has.
    async fn snapshot(&mut self, text: String) -> Result<(), Gone> {
        self.fresh = false;
        self.at.offset = text.len();
        self.send(SNAPSHOT, json!({"attempt": self.at.attempt, "offset": 0, "text": text})).await
    }

    /// The rest of an attempt's text, after the attempt has ended.
    async fn catch_up(&mut self, row: &GenerationRow) -> Result<(), Gone> {
        if row.generation.attempt.0 == self.at.attempt { self.tell_text().await } else { Ok(()) }
    }

    async fn ended(&mut self, row: &GenerationRow) -> Result<(), Stop> {
        self.catch_up(row).await?;
        let links = self.api.links();
        let ids = json!({"id": self.id.to_string(), "draft_id": row.draft.to_string()});
        let credits = json!(CreditsBody::of(row));
        let (name, more) = match &row.generation.state {
            State::Completed { .. } => {
                let (usage, cost) = call::sum(&look::all_calls(&self.api, self.scope, self.id).await?);
                let more = json!({"version": row.version, "origin": row.origin, "usage": usage, "cost": cost, "credits": credits});
                (Announcement::Completed, more)
            }
            State::Failed { failure, .. } => {
                (Announcement::Failed, json!({"error": ErrorBody::of(failure, links), "credits": credits}))
            }
            State::Cancelled { .. } => (Announcement::Cancelled, json!({"credits": credits})),
            State::Pending { .. } | State::Processing { .. } => {
                return Err(Problem::internal(format!("{} was taken for ended", self.id)).into());
            }
        };
        let mut data = ids;
        if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
            data.extend(more);
        }
        self.at = Position { attempt: row.generation.attempt.0, ended: true, ..self.at };
        Ok(self.send(name.as_str(), data).await?)
    }

    /// Waits until the row is worth reading again; text is told as it grows.
    async fn rest(&mut self, changes: &mut broadcast::Receiver<GenerationId>, pause: Duration) -> Result<(), Gone> {
        let pause = self.api.desk().world().sleep(pause);
        tokio::pin!(pause);
        loop {
            let text = self.text.clone();
            let (offset, fresh) = (self.at.offset, self.fresh);
            let grown = async {
                match &text {
                    Some(text) if !fresh => text.grown_beyond(offset).await,
                    Some(_) | None => futures::future::pending().await,
                }
            };
            tokio::select! {
                () = self.out.closed() => return Err(Gone),
                () = &mut pause => return Ok(()),
                () = grown => self.tell_text().await?,
                change = changes.recv() => match change {
                    Ok(changed) if changed == self.id => return Ok(()),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return Ok(()),
                    // The desk lives in `api`, so its sender does, too.
                    Err(RecvError::Closed) => return Err(Gone),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back() {
        for text in ["1.0", "3.4096", "2.17.end"] {
            assert_eq!(text.parse::<Position>().map(|position| position.to_string()).as_deref(), Ok(text));
        }
        for bad in ["", "1", "1.", "a.b", "1.-1", "1.2.3"] {
            assert!(bad.parse::<Position>().is_err(), "{bad:?}");
        }
    }
}
