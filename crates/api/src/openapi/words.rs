//! The words and ids of the wire as named schemas. Each list of words is the one in core, so that a new word there is in
//! the document by itself.

use crate::wire::bulk::OUTCOMES;
use copydesk_core::access::{KeyScope, Mode, Purpose, Role};
use copydesk_core::budget::{Measure, Period};
use copydesk_core::bulk::{Action, BulkStatus, Kind};
use copydesk_core::draft::{DraftStatus as CoreStatus, Review as CoreReview};
use copydesk_core::generation::{FailureCode, Status};
use copydesk_core::job::{ItemStatus, JobStatus};
use copydesk_core::ledger::{Account, TransferKind as CoreKind};
use copydesk_core::metering::cuts::Interval;
use copydesk_core::metering::usage::CallOutcome as CoreOutcome;
use copydesk_core::recipe::OutputForm as CoreForm;
use copydesk_core::schedule::{RunKind, RunOutcome, ScheduleState};
use copydesk_core::webhook::{Disabled, Outcome};
use copydesk_desk::store::webhooks::StateWord;
use std::borrow::Cow;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! schemas {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> { $schema.into() }
        }
        impl ToSchema for $name {
            fn name() -> Cow<'static, str> { Cow::Borrowed(stringify!($name)) }
        }
    )*};
}

schemas! {
    GenerationStatus = words(Status::ALL.map(Status::as_str));
    DraftStatus = words(CoreStatus::ALL.map(CoreStatus::as_str));
    Review = words(CoreReview::ALL.map(CoreReview::as_str));
    VoteWord = words(copydesk_core::feedback::Vote::ALL.map(copydesk_core::feedback::Vote::as_str));
    OutputForm = words(CoreForm::ALL.map(CoreForm::as_str));
    TransferKind = words(CoreKind::ALL.map(CoreKind::as_str));
    LedgerAccount = words(Account::ALL.map(Account::as_str));
    FailureReason = words(FailureCode::ALL.map(FailureCode::as_str));
    UsageInterval = words(Interval::ALL.map(Interval::as_str));
    /// A call that has not come back is `open`.
    CallOutcome = words(CoreOutcome::ALL.map(CoreOutcome::as_str).into_iter().chain(["open"]));
    VersionOrigin = words(["generated", "fallback", "stopped", "edited", "restored"]);
    CostStatus = words(["priced", "estimated", "unpriced"]);
    CostSource = words(["provider", "table"]);
    UsageCostStatus = words(["priced", "partly_priced", "unpriced"]);
    LaneKind = words(["recipe", "provider", "model", "workspace"]);
    BudgetPeriod = words(Period::ALL.map(Period::as_str));
    BudgetUnit = words(Measure::ALL.map(Measure::as_str));
    BudgetSubject = words(["workspace", "each_user", "user", "each_key", "key"]);
    JobStatusWord = words(JobStatus::ALL.map(JobStatus::as_str));
    ItemStatusWord = words(ItemStatus::ALL.map(ItemStatus::as_str));
    BulkActionWord = words(Action::ALL.map(Action::as_str));
    BulkKindWord = words(Kind::ALL.map(Kind::as_str));
    BulkStatusWord = words(BulkStatus::ALL.map(BulkStatus::as_str));
    ScheduleStateWord = words(ScheduleState::ALL.iter().map(|state| state.as_str()));
    RunKindWord = words(RunKind::ALL.iter().map(|kind| kind.as_str()));
    RunOutcomeWord = words(RunOutcome::ALL.iter().map(|outcome| outcome.as_str()));
    BulkOutcomeWord = words(OUTCOMES);
    MarkVerified = words([crate::wire::prospect::VERIFIED]);
    Verified = words(copydesk_core::prospect::Verification::WORDS);
    SourceKind = words(copydesk_core::source::Kind::WORDS);
    SourceState = words(copydesk_core::source::State::WORDS);
    MailStatusWord = words(copydesk_core::mail::MailStatus::WORDS);
    MailingStatusWord = words(copydesk_core::mail::MailingStatus::WORDS);
    MailKindWord = words(copydesk_core::mail::MailKind::WORDS);
    SubscriberStatus = words(crate::wire::subscriber::STATUSES);
    MailOutcome = words(copydesk_core::mail::Judgement::WORDS);
    ProspectStage = words(copydesk_core::prospect::Stage::WORDS);
    ItemFormatWord = words(crate::wire::job::ItemFormat::WORDS);
    OnInvalidWord = words(["refuse", "skip"]);
    DraftFormat = words(copydesk_export::Format::ALL.map(copydesk_export::Format::as_str));
    ExportFormat = words(["jsonl", "csv"]);
    KeyMode = words(Mode::ALL.map(Mode::as_str));
    KeyRole = words(Role::ALL.map(Role::as_str));
    KeyScopeWord = words(KeyScope::ALL.map(KeyScope::as_str));
    KeyStatus = words(["active", "rotated", "expired", "revoked"]);
    WebhookFor = words(["events", "requests"]);
    WebhookStatus = words(["enabled", "disabled"]);
    WebhookReason = words(Disabled::ALL.map(Disabled::as_str));
    DeliveryStatus = words(StateWord::ALL.map(StateWord::as_str));
    AttemptOutcome = words(Outcome::ALL.map(Outcome::as_str));
    UserStatus = words(["none", "active", "disabled"]);
    InviteStatus = words(["open", "used", "expired", "revoked"]);
    LinkPurpose = words([Purpose::SignIn, Purpose::Reset].map(Purpose::as_str));
    /// `usr_...`, a bare UUID, or `ext:` and the application's own name.
    UserRef = text(&either(&[&id("usr"), UUID, "ext:.+"]));
    InviteKey = text(&either(&[&id("lnk"), UUID]));
    SignInKey = text(&either(&[&id("sin"), UUID]));
    Switch = words(["on", "off"]);
    WaitingReason = words([
        "behind_others", "lane_full", "cooling_down", "rate_limited", "target_locked", "backing_off", "scheduled",
        "paused", "no_worker",
    ]);
    /// `gen_...`, a bare UUID, or `ext:` and the application's own name of the draft.
    GenerationRef = text(&either(&[&id("gen"), UUID, "ext:.+"]));
    /// `drf_...`, a bare UUID, or `ext:` and the application's own name.
    DraftRef = text(&either(&[&id("drf"), UUID, "ext:.+"]));
    GenerationKey = text(&either(&[&id("gen"), UUID]));
    DraftKey = text(&either(&[&id("drf"), UUID]));
    AssetKey = text(&either(&[&id("ast"), UUID]));
    FileKey = text(&either(&[&id("fil"), UUID]));
    FeedbackKey = text(&either(&[&id("fbk"), UUID]));
    BudgetKey = text(&either(&[&id("bud"), UUID]));
    JobKey = text(&either(&[&id("job"), UUID]));
    TimeOfDay = text("^[0-9]{1,2}:[0-9]{2}$");
    ScheduleKey = text(&either(&[&id("sch"), UUID]));
    SourceKey = text(&either(&[&id("src"), UUID]));
    ProspectKey = text(&either(&[&id("prs"), UUID]));
    ImportKey = text(&either(&[&id("imp"), UUID]));
    MailingKey = text(&either(&[&id("mlg"), UUID]));
    MailKey = text(&either(&[&id("eml"), UUID]));
    SubscriberKey = text(&either(&[&id("sub"), UUID]));
    SuppressionKey = text(&either(&[&id("sup"), UUID]));
    BulkKey = text(&either(&[&id("blk"), UUID]));
    KeyKey = text(&either(&[&id("key"), UUID]));
    WebhookKey = text(&either(&[&id("whk"), UUID]));
    DeliveryKey = text(&either(&[&id("msg"), UUID]));
    LaneName = text("^(recipe|provider|model|workspace):.+$");
    /// A length of time: `90s`, `10m`, `1h 30m`, `2d`, `PT11M`.
    Span = text(SPAN);
    /// The same for what may be years old.
    Age = text("^([0-9]{1,4}(s|m|h|d)|PT[0-9]{1,4}[SMH]|P[0-9]{1,4}D)$");
    /// An instant with its offset, in RFC 3339.
    Instant = text(INSTANT);
    InstantOrSpan = text(&either(&[INSTANT, SPAN]));
    /// An instant with its offset, or a date in the zone.
    InstantOrDate = text(&either(&[INSTANT, r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"]));
    /// An id without its prefix.
    BareUuid = text(&format!("^{UUID}$"));
    /// `provider/model`.
    ModelAddress = text("^[a-z0-9][a-z0-9_-]{0,60}/[!-.0-~]([!-~]{0,150}[!-.0-~])?$");
}

const UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const SPAN: &str = "^([0-9]{1,4}(s|m|h)|PT[0-9]{1,4}[SMH]|[0-9]{1,2}d|P[0-9]{1,2}D)$";
const INSTANT: &str = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$";

/// The pattern of a typed id: its prefix and 128 bits in Crockford's digits.
pub(super) fn id(prefix: &str) -> String {
    format!("{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}")
}

/// One of several patterns, from the first character to the last.
fn either(patterns: &[&str]) -> String {
    let bare = patterns.iter().map(|pattern| pattern.trim_start_matches('^').trim_end_matches('$'));
    format!("^({})$", bare.collect::<Vec<_>>().join("|"))
}

fn words(words: impl IntoIterator<Item = &'static str>) -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(words)).build())
}

fn text(pattern: &str) -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).pattern(Some(pattern)).build())
}
