//! An event as it is told: the same object in pages, in streams and in messages.

use copydesk_desk::store::events::EventRow;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    object: &'static str,
    seq: i64,
    #[serde(rename = "type")]
    kind: String,
    generation_id: Option<String>,
    draft_id: Option<String>,
    user_id: Option<String>,
    at: String,
    #[schema(value_type = Object)]
    data: Value,
}

impl EventBody {
    /// Errors: stored JSON that is none, in the words of the parser.
    pub fn of(row: &EventRow) -> Result<EventBody, serde_json::Error> {
        Ok(EventBody {
            object: "event",
            seq: row.seq,
            kind: row.kind.clone(),
            generation_id: row.generation.map(|id| id.to_string()),
            draft_id: row.draft.map(|id| id.to_string()),
            user_id: row.user.map(|id| id.to_string()),
            at: row.at.to_string(),
            data: serde_json::from_str(&row.data)?,
        })
    }

    /// The object as text, on one line.
    pub fn text(row: &EventRow) -> Result<String, serde_json::Error> {
        serde_json::to_string(&EventBody::of(row)?)
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = EventList)]
pub(crate) struct EventsBody {
    pub object: &'static str,
    pub data: Vec<EventBody>,
    pub has_more: bool,
    /// Ask for `?after=` this to read on, also when there is nothing more yet.
    pub next_after: i64,
    /// Set when events after the position asked for are gone for their age: where to read anew.
    pub resync: Option<String>,
}
