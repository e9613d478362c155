//! The answer to an accepted request. It is a function of the ids alone, so that the answer to a repeated request is the
//! same to the byte, whatever became of the generation meanwhile; its status is the one it was accepted with.

use super::links::Links;
use crate::openapi::words::GenerationStatus;
use copydesk_core::generation::Status;
use copydesk_core::{DraftId, GenerationId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Accepted)]
pub(crate) struct AcceptedBody {
    object: &'static str,
    id: String,
    uuid: String,
    #[schema(value_type = GenerationStatus)]
    status: &'static str,
    draft_id: String,
    draft_uuid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    accepted_at: Option<String>,
    /// Present when a live generation does the same work already and these are its ids.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deduplicated: bool,
    urls: Urls,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AcceptedUrls)]
struct Urls {
    #[serde(rename = "self")]
    this: String,
    why: String,
    stream: String,
    cancel: String,
    draft: String,
}

impl AcceptedBody {
    pub fn new(generation: GenerationId, draft: DraftId, deduplicated: bool, links: Links<'_>) -> AcceptedBody {
        AcceptedBody {
            object: "generation",
            id: generation.to_string(),
            uuid: generation.uuid().to_string(),
            status: Status::Pending.as_str(),
            draft_id: draft.to_string(),
            draft_uuid: draft.uuid().to_string(),
            accepted_at: made_at(generation).map(|at| at.to_string()),
            deduplicated,
            urls: Urls {
                this: links.generation(generation, ""),
                why: links.generation(generation, "/why"),
                stream: links.generation(generation, "/stream"),
                cancel: links.generation(generation, "/cancel"),
                draft: links.draft(draft, ""),
            },
        }
    }
}

/// The instant a generation was accepted, out of its id: `World::uuid` keeps the whole microsecond in a version 7 UUID.
fn made_at(id: GenerationId) -> Option<Timestamp> {
    let bits = id.uuid().as_u128();
    if (bits >> 76) & 0xf != 7 {
        return None;
    }
    let millis = i64::try_from(bits >> 80).ok()?;
    let fraction = i64::try_from((bits >> 64) & 0xfff).ok()?;
    // The fraction was rounded down from micros x 4096 / 1000; rounding up takes exactly that back.
    Some(Timestamp::from_micros(millis * 1_000 + (fraction * 1_000 + 4_095) / 4_096))
}

#[cfg(test)]
mod tests {
    use super::*;
    use copydesk_desk::World;

    #[test]
    fn an_id_tells_the_microsecond_it_was_made_in() {
        let world = World::real();
        for micros in 1_700_000_000_000_000..1_700_000_000_001_000 {
            let at = Timestamp::from_micros(micros);
            assert_eq!(made_at(GenerationId(world.uuid(at))), Some(at));
        }
    }
}
