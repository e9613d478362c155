//! The models that can be asked for, with their prices, and a try of one.

use crate::auth::Caller;
use crate::costed::Costed;
use crate::error::Code;
use crate::extract::body::Body;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::Params;
use crate::openapi::params::IdempotencyHeader;
use crate::openapi::problems::OPERATOR;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::dry_run::{DryRunBody, TriedOrRehearsed};
use crate::wire::list::List;
use crate::wire::model::{CoolingBody, ModelBody, ProviderBody};
use crate::wire::model_test::ModelTestBody;
use crate::wire::requests::ModelToTest;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::health::Subject;
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Models)]
pub(crate) struct ModelsBody {
    #[serde(flatten)]
    models: List<ModelBody>,
    providers: Vec<ProviderBody>,
}

/// List the models with the price of this moment.
///
/// Every model that a provider knows to exist, that a price is listed for or that is cooling down, as far as the key
/// reaches it.
#[utoipa::path(
    get, path = "/models", operation_id = "listModels", tag = "models",
    responses((status = 200, description = "All of them, and the providers.", body = ModelsBody)),
)]
pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<ModelsBody>, Problem> {
    let health = api.desk().health().await?;
    let registry = api.desk().providers();
    let now = api.desk().world().now();
    let mut models = Vec::new();
    let mut providers = Vec::new();
    for name in registry.names() {
        let Some(provider) = registry.get(&name) else { continue };
        let catalogue = provider.catalogue();
        let mut listed: BTreeSet<String> = catalogue.listed().into_iter().collect();
        listed.extend(api.desk().models_with_set_prices(&name));
        let cooling = |subject: &Subject| CoolingBody::of(subject, &health, now);
        for row in health.iter().filter(|row| cooling(&row.subject).is_some()) {
            if let Subject::Model(address) = &row.subject
                && let Some(model) = address.strip_prefix(&format!("{name}/"))
            {
                listed.insert(model.to_owned());
            }
        }
        listed.retain(|model| caller.permit.model(&format!("{name}/{model}")).is_ok());
        models.extend(listed.iter().map(|model| {
            let subject = Subject::Model(format!("{name}/{model}"));
            ModelBody::new(&name, model, api.desk().price_at(provider.as_ref(), model, now), cooling(&subject))
        }));
        let subject = Subject::Provider(name.clone());
        providers.push(ProviderBody::new(name, !catalogue.models().is_empty(), cooling(&subject)));
    }
    Ok(Json(ModelsBody { models: List::whole(models), providers }))
}

/// Try a model with one tiny real call.
///
/// It stands on the books and is paid for by the operator. Answers 200 either way, with `ok`; what would have to wait is
/// not called, and `waiting` says for what.
#[utoipa::path(
    post, path = "/models/test", operation_id = "testModel", tag = "models",
    params(
        ("dry_run" = Option<bool>, Query, description = "Check only: answer what would be accepted."),
        IdempotencyHeader,
    ),
    request_body(content = ModelToTest, example = json!({ "model": "demo/writer" })),
    responses((status = 200, description = "What came of it; or the rehearsal, with `dry_run`.", body = TriedOrRehearsed)),
    extensions(("x-problems" = json!([OPERATOR, Code::RecipeNotFound, Code::ModelNotFound, Code::GenerationPaused, Code::QueueFull, Code::Draining, Code::IdempotencyKeyReused, Code::InsufficientCredits, Code::BudgetExceeded, Code::UnpricedModelWithBudget, Code::ModelNotAllowed, Code::RecipeNotAllowed]))),
)]
pub(crate) async fn test(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    mut params: Params,
    body: Body<ModelToTest>,
) -> Result<Response, Problem> {
    let dry_run = params.flag("dry_run");
    params.finish()?;
    caller.must_operate()?;
    let desk = api.desk().clone();
    let idempotency = key.of(&caller, &body.raw, desk.world().now());
    let address = body.value.model;
    caller.may_use(&address)?;
    if dry_run {
        return Ok(
            Json(DryRunBody::from(desk.dry_test_model(caller.scope, caller.key(), &address).await?)).into_response()
        );
    }
    let tested = owned(async move { desk.test_model(caller.scope, caller.key(), &address, idempotency).await }).await?;
    Ok(Costed(ModelTestBody::new(tested, api.desk().world().now())).into_response())
}
