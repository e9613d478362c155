//! Prospects: made, changed, removed, listed and counted. Files of them are taken in by `prospect_import.rs`.

use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::etag::{etag, if_match, none_match, tag};
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{Paging, ProspectPath};
use crate::openapi::words::{ImportKey, Instant, MarkVerified, ProspectStage, Verified};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::prospect::{
    EditBody, EligibleBody, ProspectBody, ProspectFields, RuleBody, VERIFIED, VerificationBody,
};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::ProspectId;
use copydesk_core::prospect::{Stage, Verification};
use copydesk_desk::error::DeskError;
use copydesk_desk::prospects::Made;
use copydesk_desk::prospects::verify::Verify;
use copydesk_desk::store::Order;
use copydesk_desk::store::prospects::{Listed, ProspectFilter};
use http::header::{ETAG, LOCATION};
use http::{HeaderMap, StatusCode};

/// The parameters that choose prospects, for lists and counts.
pub(crate) fn filter(params: &mut Params) -> ProspectFilter {
    ProspectFilter {
        verification: params.word("verification_status", Verification::parse, &Verification::WORDS),
        source_type: params.text("source_type"),
        category: params.text("category"),
        has_email: params.word("has_email", |word| word.parse().ok(), &["true", "false"]),
        stage: params.word("stage", Stage::parse, &Stage::WORDS),
        import: params.id("import_id"),
        sent_before: params.instant("sent_before"),
        answered: params.word("answered", |word| word.parse().ok(), &["true", "false"]),
    }
}

/// List prospects.
#[utoipa::path(
    get, path = "/prospects", operation_id = "listProspects", tag = "prospects",
    params(
        ("verification_status" = Option<Verified>, Query, description = "Only those."),
        ("source_type" = Option<String>, Query, description = "Only those."),
        ("category" = Option<String>, Query, description = "Only those."),
        ("has_email" = Option<bool>, Query, description = "Those with, or without, an address."),
        ("stage" = Option<ProspectStage>, Query, description = "How far their mail is."),
        ("import_id" = Option<ImportKey>, Query, description = "Those that this import made."),
        ("sent_before" = Option<Instant>, Query, description = "Those to whom a mail was last sent before."),
        ("answered" = Option<bool>, Query, description = "Those that have, or have not, answered."),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<ProspectBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = filter(&mut params);
    let page = params.page(Order::OldestFirst);
    params.finish()?;
    let page = api.desk().store().prospects(caller.scope, filter, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, |listed| ProspectBody::of(listed, api.links())))
}

/// Count who could be drafted.
///
/// What keeps the others out is counted, too: the rule stands in the configuration. Nothing is started.
#[utoipa::path(
    get, path = "/prospects/eligible", operation_id = "countEligibleProspects", tag = "prospects",
    params(
        ("verification_status" = Option<Verified>, Query, description = "Of these only."),
        ("source_type" = Option<String>, Query, description = "Of these only."),
        ("category" = Option<String>, Query, description = "Of these only."),
        ("has_email" = Option<bool>, Query, description = "Of these only."),
        ("stage" = Option<ProspectStage>, Query, description = "Of these only."),
        ("import_id" = Option<ImportKey>, Query, description = "Of those that this import made."),
        ("sent_before" = Option<Instant>, Query, description = "Of those to whom a mail was last sent before."),
        ("answered" = Option<bool>, Query, description = "Of these only."),
    ),
    responses((status = 200, description = "The counts.", body = EligibleBody)),
)]
pub(crate) async fn eligible(
    State(api): State<Api>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<EligibleBody>, Problem> {
    let filter = filter(&mut params);
    params.finish()?;
    let tally = api.desk().count_prospects(caller.scope, filter).await?;
    let live = api.desk().eligible_job(caller.scope).await?;
    let rule = api.desk().eligibility();
    let rule = RuleBody {
        verification_status: rule.verification.as_str(),
        needs_email: rule.needs_email,
        source_type: rule.source_type.clone(),
    };
    Ok(Json(EligibleBody::of(&tally, rule, live.map(|row| row.facts.id.to_string()))))
}

/// Ask whether the domains of prospects take mail.
///
/// One page of those that the parameters choose and that have an address. Who cannot get mail becomes `rejected`, with the
/// reason; one that was rejected so before and could get mail now is `unverified` again. With `mark=verified`, who is
/// `unverified` or `unknown` becomes `verified` when the domain takes mail. Where no name server answers nothing changes.
#[utoipa::path(
    post, path = "/prospects/verify", operation_id = "verifyProspects", tag = "prospects",
    params(
        ("verification_status" = Option<Verified>, Query, description = "Only those."),
        ("source_type" = Option<String>, Query, description = "Only those."),
        ("category" = Option<String>, Query, description = "Only those."),
        ("has_email" = Option<bool>, Query, description = "Only those with an address are asked for; `false` is refused."),
        ("stage" = Option<ProspectStage>, Query, description = "How far their mail is."),
        ("import_id" = Option<ImportKey>, Query, description = "Those that this import made."),
        ("sent_before" = Option<Instant>, Query, description = "Those to whom a mail was last sent before."),
        ("answered" = Option<bool>, Query, description = "Those that have, or have not, answered."),
        ("mark" = Option<MarkVerified>, Query, description = "What those become that are not verified and whose domain takes mail."),
        ("dry_run" = Option<bool>, Query, description = "Say what would change; write nothing."),
        Paging,
    ),
    request_body = Option<Nothing>,
    responses((status = 200, description = "What was found.", body = VerificationBody)),
)]
pub(crate) async fn verify(
    State(api): State<Api>,
    caller: Caller,
    mut params: Params,
    _body: Body<Nothing>,
) -> Result<Json<VerificationBody>, Problem> {
    let filter = filter(&mut params);
    if filter.has_email == Some(false) {
        params.fault("has_email", "not_allowed", "without an address there is no domain to ask for");
    }
    let mark = params.word("mark", |word| (word == VERIFIED).then_some(()), &[VERIFIED]);
    let (dry, page) = (params.flag("dry_run"), params.page(Order::OldestFirst));
    params.finish()?;
    let verify = Verify { scope: caller.scope, filter, page, trusting: mark.is_some(), dry };
    let desk = api.desk().clone();
    let bad = |error| if let DeskError::Store(error) = error { listing(error) } else { Problem::from(error) };
    let verdicts = owned(async move { desk.verify_prospects(verify).await.map_err(bad) }).await?;
    Ok(Json(VerificationBody::of(verdicts, dry)))
}

/// Make a prospect.
///
/// Saying the same twice makes one. Another one of the same external id, or of the same address without one, is refused.
#[utoipa::path(
    post, path = "/prospects", operation_id = "createProspect", tag = "prospects",
    request_body(content = ProspectFields, example = json!({
        "name": "Marta", "company": "Cafe Aurora", "contact_email": "marta@aurora.example",
        "verification_status": "verified", "source_type": "website", "facts": { "page_text": "We roast our own beans." }
    })),
    responses(
        (status = 201, description = "It is there.", body = ProspectBody),
        (status = 200, description = "It was there, exactly so.", body = ProspectBody),
    ),
    extensions(("x-problems" = json!([Code::ProspectExists, Code::NotFound]))),
)]
pub(crate) async fn create(State(api): State<Api>, caller: Caller, body: Body<EditBody>) -> Result<Response, Problem> {
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let made = owned(async move { desk.add_prospect(scope, body.value.0).await }).await?;
    let status = match made {
        Made::New(_) => StatusCode::CREATED,
        Made::Same(_) => StatusCode::OK,
    };
    let listed = api.desk().store().prospect(scope, made.row().id).await?;
    let mut answer = tagged(&api, listed);
    *answer.status_mut() = status;
    if let Ok(location) = api.links().prospect(made.row().id, "").parse() {
        answer.headers_mut().insert(LOCATION, location);
    }
    Ok(answer)
}

/// Look at a prospect.
#[utoipa::path(
    get, path = "/prospects/{id}", operation_id = "getProspect", tag = "prospects",
    params(ProspectPath),
    responses((status = 200, description = "The prospect.", body = ProspectBody)),
)]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let listed = api.desk().store().prospect(caller.scope, id(&path)?).await?;
    // Its draft changes without it.
    if listed.draft.is_none() && none_match(&headers, &tag(listed.row.revision)) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag(listed.row.revision))]).into_response());
    }
    Ok(tagged(&api, listed))
}

/// Change a prospect.
///
/// What is not named stays. An outside verdict on an address is said by `verification_status`.
#[utoipa::path(
    patch, path = "/prospects/{id}", operation_id = "updateProspect", tag = "prospects",
    params(ProspectPath, ("If-Match" = Option<String>, Header, description = "The `ETag` of the prospect the change was made for, or `*`.")),
    request_body(content = ProspectFields, example = json!({ "verification_status": "verified" })),
    responses((status = 200, description = "The prospect as it is now.", body = ProspectBody)),
    extensions(("x-problems" = json!([Code::ProspectExists, Code::VersionConflict]))),
)]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    body: Body<EditBody>,
) -> Result<Response, Problem> {
    let (id, revision) = (id(&path)?, if_match(&headers)?);
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let listed = owned(async move { desk.edit_prospect(scope, id, revision, body.value.0).await }).await?;
    Ok(tagged(&api, listed))
}

/// Remove a prospect.
///
/// Its draft stays.
#[utoipa::path(
    delete, path = "/prospects/{id}", operation_id = "deleteProspect", tag = "prospects",
    params(ProspectPath, ("If-Match" = Option<String>, Header, description = "The `ETag` of the prospect, or `*`.")),
    request_body = Option<Nothing>,
    responses((status = 204, description = "Nobody finds it any more.")),
    extensions(("x-problems" = json!([Code::VersionConflict]))),
)]
pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    _body: Body<Nothing>,
) -> Result<StatusCode, Problem> {
    let (id, revision) = (id(&path)?, if_match(&headers)?);
    let (desk, scope) = (api.desk().clone(), caller.scope);
    owned(async move { desk.remove_prospect(scope, id, revision).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn tagged(api: &Api, listed: Listed) -> Response {
    let revision = listed.row.revision;
    ([(ETAG, etag(revision))], Json(ProspectBody::of(listed, api.links()))).into_response()
}

fn id(path: &Segments) -> Result<ProspectId, Problem> {
    let given = path.text("id");
    given.parse().map_err(|_| Problem::not_found("prospect", given.chars().take(80).collect::<String>()))
}
