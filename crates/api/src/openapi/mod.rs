//! The OpenAPI 3.1 document. The routes and their types say what they are where they are written (`#[utoipa::path]`,
//! `ToSchema`); here it is put together, and what holds for all of them is said once: problems, ids, instants, strict
//! bodies. Start with [`document`]; what a route can answer is in `problems.rs`.

pub(crate) mod params;
pub(crate) mod problems;
mod refine;
pub(crate) mod words;

use crate::compat::CompatSettings;
use serde_json::{Value, json};
use utoipa::OpenApi;

/// What is said of the whole API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Copydesk",
        description = "The generation server between an application and the AI models. A request is recorded, waits its \
                       turn, and is answered with exactly one result, every token on the books.\n\nTimes are RFC 3339 in \
                       UTC. Amounts of credits are whole micro-credits (1 credit = 1,000,000), costs whole nano-dollars. \
                       Fields and parameters nobody asked for are refused. Problems are `application/problem+json` with a \
                       stable `code`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "generations", description = "Requests for work: asked for, waited for, cancelled, tried again."),
        (name = "jobs", description = "Many generations that were asked for together: started, followed, ordered about, exported."),
        (name = "schedules", description = "Generations that recur, ready at a time of somebody's day."),
        (name = "prospects", description = "Whom outreach mails are written to: imported, checked, counted, drafted for."),
        (name = "sources", description = "Where items of newsletters come from: fetched on demand and by schedule."),
        (name = "mail", description = "Mails to prospects and newsletters to subscribers: ordered, followed, held back; who wants nothing; and the send log."),
        (name = "bulk", description = "One action on many generations or drafts: asked for, followed, taken back."),
        (name = "drafts", description = "The slots results live in, with their versions and their files."),
        (name = "files", description = "Files that you put here, to be used by id until they expire."),
        (name = "recipes", description = "The kinds of generation there are."),
        (name = "models", description = "Models, their prices, and whether they answer."),
        (name = "usage", description = "What was used and what it cost, call by call and in totals."),
        (name = "credits", description = "What users pay with. Answers `credits_off` while credits are off."),
        (name = "budgets", description = "What may be used in a day or a month. Costs are in nano-dollars."),
        (name = "keys", description = "Who may ask for what."),
        (name = "webhooks", description = "Who is told of events, in signed messages."),
        (name = "people", description = "Who signs in, and as what; users and invites."),
        (name = "events", description = "What happened, in its order."),
        (name = "installation", description = "Switches, checks and upkeep. Most of it is the operator's."),
        (name = "compatibility", description = "Addresses that front ends of other systems call, with the answers they read. They stay as they are."),
        (name = "documentation", description = "This document, and people's version of it.")
    ),
)]
// Types that only parameters name; the macros find those of bodies by themselves.
#[openapi(components(schemas(
    words::Age,
    words::AssetKey,
    words::BudgetKey,
    words::BulkKey,
    words::ProspectKey,
    words::ScheduleKey,
    words::SourceKey,
    words::SubscriberKey,
    words::SubscriberStatus,
    words::SuppressionKey,
    words::SourceKind,
    words::SourceState,
    words::ImportKey,
    words::BulkOutcomeWord,
    words::BulkStatusWord,
    words::ExportFormat,
    words::MarkVerified,
    words::FeedbackKey,
    words::FileKey,
    words::Span,
    words::ItemStatusWord,
    words::JobKey,
    words::JobStatusWord,
    words::KeyKey,
    words::WebhookKey,
    words::DeliveryKey,
    words::InviteKey,
    words::SignInKey,
    words::UserRef,
    words::LaneName,
    words::MailKey,
    words::MailingKey,
    words::DraftFormat,
    words::DraftKey,
    words::DraftRef,
    words::DraftStatus,
    words::GenerationKey,
    words::GenerationRef,
    words::GenerationStatus,
    words::InstantOrDate,
    words::TransferKind,
    words::UsageInterval,
)))]
struct Base;

/// The document without its routes.
pub(crate) fn base() -> utoipa::openapi::OpenApi {
    Base::openapi()
}

/// The whole document, for a server that is reached at `public_url` and has other systems' addresses like this.
pub fn document(public_url: &str, compat: &CompatSettings) -> Value {
    document_of(public_url, compat, false)
}

/// The same, with what there is in test mode.
pub(crate) fn document_of(public_url: &str, compat: &CompatSettings, test_mode: bool) -> Value {
    // The document is made of strings, numbers and maps with string keys: it always is JSON.
    let mut document = serde_json::to_value(crate::router::described(compat, test_mode)).unwrap_or_default();
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document["servers"] = json!([{ "url": if public_url.is_empty() { "/" } else { public_url } }]);
    document["security"] = json!([{ "key": [] }, { "cookie": [] }]);
    let components = &mut document["components"];
    components["securitySchemes"]["key"] = json!({
        "type": "http",
        "scheme": "bearer",
        "description": "`Authorization: Bearer KEY`. The first key is COPYDESK_ADMIN_KEY, or the one printed at the first start.",
    });
    components["securitySchemes"]["cookie"] = json!({
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-copydesk",
        "description": "What POST `/api/v1/session` sets; `copydesk` on plain HTTP. Requests that change something have to come \
                        from a page of this server.",
    });
    components["headers"] = headers();
    components["schemas"]["Problem"] = problems::schema();
    components["schemas"]["Fault"] = problems::fault();
    refine::refine(&mut document);
    document
}

/// The headers that stand in many answers.
fn headers() -> Value {
    json!({
        "XRequestId": {
            "description": "The id of this request: the caller's own `X-Request-Id` or one made here.",
            "schema": { "type": "string" },
        },
        "Link": { "description": "The address of the next page, `rel=\"next\"`.", "schema": { "type": "string" } },
        "Successor": {
            "description": "Where the native API does the same, `rel=\"successor-version\"`. This address stays.",
            "schema": { "type": "string" },
        },
        "CopydeskCost": {
            "description": "The body's `cost` as a structured field (RFC 9651): `nanousd=3900, status=priced`, or `status=unpriced`. \
                            Not where the body has none, such as a dry run's.",
            "schema": { "type": "string", "pattern": "^(nanousd=-?[0-9]{1,15}, status=(priced|estimated)|status=unpriced)$" },
        },
        "Location": { "description": "The address of the generation.", "schema": { "type": "string" } },
        "IdempotentReplayed": {
            "description": "The key was used before, and this is the answer it got.",
            "schema": { "type": "string", "const": "true" },
        },
        "PreferenceApplied": {
            "description": "The wait that was granted.",
            "schema": { "type": "string", "pattern": "^wait=[0-9]+$" },
        },
        "XShouldRetry": {
            "description": "Whether the same request may succeed when it is sent again unchanged.",
            "schema": { "type": "string", "enum": ["true", "false"] },
        },
        "RetryAfter": {
            "description": "After how many seconds it is worth sending again; not in every such answer.",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "WwwAuthenticate": { "description": "`Bearer`.", "schema": { "type": "string" } },
    })
}
