//! The providers that are set up, and whether one answers.

use crate::auth::Caller;
use crate::costed::Costed;
use crate::error::Code;
use crate::extract::body::Body;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::Params;
use crate::openapi::params::{IdempotencyHeader, ProviderPath};
use crate::openapi::problems::OPERATOR;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::dry_run::DryRunBody;
use crate::wire::list::List;
use crate::wire::model_test::ModelTestBody;
use crate::wire::provider::{Known, PlanBody, ProvedOrRehearsed, ProviderDetailsBody, ProviderTestBody};
use crate::wire::requests::ProviderToTest;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::access::Mode;
use copydesk_core::access::permit::DEMO;
use copydesk_desk::store::HealthRow;

/// List the providers.
///
/// As they were set up: the wire format, the address, whether there is a key, the models that are known, and the circuit
/// breaker. A test key sees the demo provider only.
#[utoipa::path(
    get, path = "/providers", operation_id = "listProviders", tag = "models",
    responses((status = 200, description = "All of them.", body = List<ProviderDetailsBody>)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<List<ProviderDetailsBody>>, Problem> {
    caller.must_operate()?;
    let health = api.desk().health().await?;
    let names = api.desk().providers().names().into_iter().filter(|name| sees(&caller, name));
    Ok(Json(List::whole(names.filter_map(|name| details(&api, &caller, &name, &health)).collect())))
}

/// Look at a provider.
#[utoipa::path(
    get, path = "/providers/{name}", operation_id = "getProvider", tag = "models",
    params(ProviderPath),
    responses((status = 200, description = "The provider.", body = ProviderDetailsBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
) -> Result<Json<ProviderDetailsBody>, Problem> {
    caller.must_operate()?;
    let name = found(&api, &caller, &path)?;
    let health = api.desk().health().await?;
    details(&api, &caller, &name, &health).map(Json).ok_or_else(|| Problem::not_found("provider", name))
}

/// Test a provider.
///
/// It is asked which models it has: that costs nothing and proves that it is there and takes the key. With `model`, and only
/// then where it cannot be asked, one tiny real call is made as by POST `/models/test`: it stands on the books and the
/// operator pays for it. Answers 200 either way, with `ok`.
#[utoipa::path(
    post, path = "/providers/{name}/test", operation_id = "testProvider", tag = "models",
    params(
        ProviderPath,
        ("dry_run" = Option<bool>, Query, description = "Check only: answer what would be done."),
        IdempotencyHeader,
    ),
    request_body(content = Option<ProviderToTest>, example = json!({ "model": "demo/writer" })),
    responses((status = 200, description = "What came of it; or the rehearsal, with `dry_run`.", body = ProvedOrRehearsed)),
    extensions(("x-problems" = json!([OPERATOR, Code::RecipeNotFound, Code::ModelNotFound, Code::GenerationPaused, Code::QueueFull, Code::Draining, Code::IdempotencyKeyReused, Code::InsufficientCredits, Code::BudgetExceeded, Code::UnpricedModelWithBudget, Code::ModelNotAllowed, Code::RecipeNotAllowed]))),
)]
pub(crate) async fn test(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    key: IdempotencyKey,
    mut params: Params,
    body: Body<ProviderToTest>,
) -> Result<Response, Problem> {
    let dry_run = params.flag("dry_run");
    params.finish()?;
    caller.must_operate()?;
    let name = found(&api, &caller, &path)?;
    let desk = api.desk().clone();
    let Some(address) = body.value.model else {
        if dry_run && desk.can_list_models(&name) {
            return Ok(Json(PlanBody::new(&name)).into_response());
        }
        let (asked, of) = (desk.clone(), name.clone());
        let listed =
            if dry_run { None } else { owned(async move { Ok::<_, Problem>(asked.list_models(&of).await) }).await? };
        return match listed {
            Some(listed) => Ok(Costed(ProviderTestBody::listed(&name, listed)).into_response()),
            None => Err(must_name_a_model(&name)),
        };
    };
    if address.split_once('/').is_none_or(|(provider, _)| provider != name) {
        let detail = format!("it must be a model of {name}: {name}/MODEL");
        return Err(Problem::fault("/model", "invalid", detail));
    }
    caller.may_use(&address)?;
    if dry_run {
        let rehearsed = desk.dry_test_model(caller.scope, caller.key(), &address).await?;
        return Ok(Json(DryRunBody::from(rehearsed)).into_response());
    }
    let idempotency = key.of(&caller, &body.raw, desk.world().now());
    let tested = owned(async move { desk.test_model(caller.scope, caller.key(), &address, idempotency).await }).await?;
    let call = ModelTestBody::new(tested, api.desk().world().now());
    Ok(Costed(ProviderTestBody::called(&name, call)).into_response())
}

fn must_name_a_model(name: &str) -> Problem {
    let detail = format!("{name} cannot be asked which models it has, so the test is a call: name one as {name}/MODEL");
    Problem::fault("/model", "required", detail)
}

/// A test key reaches the demo provider, and knows of no other.
fn sees(caller: &Caller, name: &str) -> bool {
    match caller.permit.mode {
        Mode::Live => true,
        Mode::Test => name == DEMO,
    }
}

/// The provider of the path; one that the caller does not see is not found like one there is not.
fn found(api: &Api, caller: &Caller, path: &Segments) -> Result<String, Problem> {
    let given = path.text("name");
    let known = api.desk().providers().get(given).is_some() && sees(caller, given);
    let shown = || given.chars().take(80).collect::<String>();
    let hint = "GET /api/v1/providers, or `copydesk providers ls`, lists those there are.";
    if known { Ok(given.to_owned()) } else { Err(Problem::not_found("provider", shown()).hint(hint)) }
}

fn details(api: &Api, caller: &Caller, name: &str, health: &[HealthRow]) -> Option<ProviderDetailsBody> {
    let (desk, registry) = (api.desk(), api.desk().providers());
    let catalogue = registry.get(name)?.catalogue();
    let mut models: Vec<String> = catalogue.listed().into_iter().chain(desk.models_with_set_prices(name)).collect();
    models.sort();
    models.dedup();
    let reached =
        |model: String| Some(format!("{name}/{model}")).filter(|address| caller.permit.model(address).is_ok());
    Some(ProviderDetailsBody::new(Known {
        name: name.to_owned(),
        setup: registry.setup(name),
        models_known: !catalogue.models().is_empty(),
        models: models.into_iter().filter_map(reached).collect(),
        lists_models: desk.can_list_models(name),
        health,
        now: desk.world().now(),
    }))
}
