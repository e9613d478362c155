//! The registry of typed ids. Each id is a UUID of its own Rust type; outside it is written as a TypeID: a short prefix
//! and the UUID in Crockford base 32 (`gen_01j...`). A bare UUID is accepted wherever an id is. Ids are made by
//! `desk::World`, never here.

use crate::Timestamp;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// Crockford's base-32 alphabet, lower case, as TypeID uses it.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// A 128-bit value in 5-bit digits.
const ENCODED_LEN: usize = 26;

/// A string that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a {kind} id: expected {prefix}_ and 26 characters, or a UUID")]
pub struct BadId {
    pub kind: &'static str,
    pub prefix: &'static str,
    pub given: String,
}

fn encode(id: Uuid) -> String {
    let value = id.as_u128();
    (0..ENCODED_LEN).rev().map(|digit| ALPHABET[((value >> (digit * 5)) & 31) as usize] as char).collect()
}

fn decode(text: &str) -> Option<Uuid> {
    // 26 digits carry 130 bits; the first digit may use only three of its five.
    if text.len() != ENCODED_LEN || !text.is_ascii() || text.as_bytes()[0] > b'7' {
        return None;
    }
    let mut value: u128 = 0;
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|letter| *letter == byte)?;
        value = (value << 5) | digit as u128;
    }
    Some(Uuid::from_u128(value))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;
            pub fn uuid(self) -> Uuid { self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, encode(self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                let prefixed = text.strip_prefix($prefix).and_then(|rest| rest.strip_prefix('_')).and_then(decode);
                prefixed
                    .or_else(|| Uuid::try_parse(text).ok())
                    .map($name)
                    .ok_or_else(|| BadId { kind: $kind, prefix: $prefix, given: text.chars().take(80).collect() })
            }
        }
    )*};
}

ids! {
    /// The tenant. [`WorkspaceId::DEFAULT`] exists from the start.
    WorkspaceId = "wsp", "workspace";
    /// The application's end user inside one workspace; see [`UserId::from_external`].
    UserId = "usr", "user";
    /// The slot a result lives in.
    DraftId = "drf", "draft";
    /// One accepted request: the queued unit.
    GenerationId = "gen", "generation";
    /// One request to a provider; its row becomes the usage row.
    CallId = "cal", "call";
    /// One movement of credits.
    TransferId = "led", "transfer";
    /// One running process.
    NodeId = "nod", "node";
    /// An API key's public id.
    KeyId = "key", "key";
    /// A batch of generations started together.
    JobId = "job", "job";
    /// A file that a version names: a picture, a video.
    AssetId = "ast", "asset";
    /// A limit of what may be used in a day or a month.
    BudgetId = "bud", "budget";
    /// An address that is told of events.
    WebhookId = "whk", "webhook";
    /// One message to a webhook, which keeps its id over all attempts.
    DeliveryId = "msg", "delivery";
    /// One person signed in in one browser.
    SignInId = "sin", "sign-in";
    /// A one-time link: an invite, a way in, a new password.
    LinkId = "lnk", "link";
    /// One action on many generations or drafts.
    BulkId = "blk", "bulk action";
    /// A file that a caller put here, to be used by id.
    FileId = "fil", "file";
    /// What goes into every request of a recipe that does not say it itself.
    ProfileId = "prf", "profile";
    /// What somebody thinks of a part of a draft.
    FeedbackId = "fbk", "feedback";
    /// A generation that recurs.
    ScheduleId = "sch", "schedule";
    /// Somebody an outreach mail is written to.
    ProspectId = "prs", "prospect";
    /// One reading of a file of prospects.
    ImportId = "imp", "import";
    /// Where items of a newsletter come from.
    SourceId = "src", "source";
    /// One thing that a source told of.
    ItemId = "itm", "item";
    /// Mails that were ordered together.
    MailingId = "mlg", "mailing";
    /// One mail to one address, whether it goes or not.
    MailId = "eml", "mail";
    /// Somebody who gets a newsletter.
    SubscriberId = "sub", "subscriber";
    /// That somebody wants no mail.
    SuppressionId = "sup", "suppression";
}

/// The UUIDv7 of an instant: its milliseconds, twelve bits of the microseconds beside them, and what is random.
pub fn uuid_at(at: Timestamp, random: [u8; 8]) -> Uuid {
    let micros = u64::try_from(at.micros()).unwrap_or(0);
    let fraction = u16::try_from((micros % 1_000) * 4_096 / 1_000).unwrap_or(0);
    let mut tail = [0; 10];
    tail[..2].copy_from_slice(&fraction.to_be_bytes());
    tail[2..].copy_from_slice(&random);
    uuid::Builder::from_unix_timestamp_millis(micros / 1_000, &tail).into_uuid()
}

impl CallId {
    /// None that was made at this instant or later is smaller; all that were made before are.
    pub fn first_at(at: Timestamp) -> CallId {
        CallId(uuid_at(at, [0; 8]))
    }
}

impl WorkspaceId {
    /// The workspace of an installation that never made another one.
    pub const DEFAULT: WorkspaceId = WorkspaceId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
}

impl UserId {
    /// The id of the user an application calls `external`: a UUID is kept, anything else becomes a name-based UUID
    /// inside the workspace, so that two workspaces' user "1" never meet and the same string always finds the same user.
    pub fn from_external(workspace: WorkspaceId, external: &str) -> UserId {
        UserId(Uuid::try_parse(external).unwrap_or_else(|_| Uuid::new_v5(&workspace.0, external.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_in_the_order_of_their_instants() {
        let at = |micros| CallId::first_at(Timestamp::from_micros(micros));
        for micros in [0, 999, 1_000, 1_700_000_000_000_999, 1_700_000_000_001_000] {
            let made = CallId(uuid_at(Timestamp::from_micros(micros), [255; 8]));
            assert!(at(micros) < made && made < at(micros + 1), "{micros}");
            assert_eq!(made.0.get_version_num(), 7);
        }
    }

    #[test]
    fn an_id_survives_a_round_trip_in_both_spellings() {
        let id = GenerationId(Uuid::from_u128(0x0190_1234_5678_7abc_8def_0123_4567_89ab));
        assert_eq!(id.to_string().parse::<GenerationId>(), Ok(id));
        assert_eq!(id.0.to_string().parse::<GenerationId>(), Ok(id));
        assert_eq!(GenerationId(Uuid::max()).to_string().parse::<GenerationId>(), Ok(GenerationId(Uuid::max())));
    }

    #[test]
    fn an_id_of_another_kind_is_refused_with_what_was_expected() {
        let draft = DraftId(Uuid::nil()).to_string();
        let error = draft.parse::<GenerationId>().unwrap_err();
        assert!(error.to_string().contains("generation id"), "{error}");
        assert!("gen_8zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<GenerationId>().is_err(), "130 bits do not fit");
    }

    #[test]
    fn two_workspaces_users_named_1_never_meet() {
        let other = WorkspaceId(Uuid::from_u128(7));
        assert_ne!(UserId::from_external(WorkspaceId::DEFAULT, "1"), UserId::from_external(other, "1"));
        assert_eq!(UserId::from_external(other, "1"), UserId::from_external(other, "1"));
    }
}
