//! The models that can be asked for, with their prices, and a try of one.

use crate::auth::Caller;
use crate::extract::body::Body;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::model::{ModelBody, ProviderBody};
use crate::wire::model_test::ModelTestBody;
use crate::wire::requests::ModelToTest;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
pub(crate) struct ModelsBody {
    #[serde(flatten)]
    models: List<ModelBody>,
    providers: Vec<ProviderBody>,
}

/// Every model that a provider knows to exist or that a price is listed for, with the price of this moment.
pub(crate) async fn list(State(api): State<Api>, _caller: Caller) -> Json<ModelsBody> {
    let registry = api.desk().providers();
    let now = api.desk().world().now();
    let mut models = Vec::new();
    let mut providers = Vec::new();
    for name in registry.names() {
        let Some(provider) = registry.get(&name) else { continue };
        let known = provider.models();
        let listed: BTreeSet<String> = if known.is_empty() {
            provider.priced_models().into_iter().collect()
        } else {
            known.iter().cloned().collect()
        };
        models.extend(listed.iter().map(|model| ModelBody::new(&name, model, provider.price_at(model, now))));
        providers.push(ProviderBody::new(name, !known.is_empty()));
    }
    Json(ModelsBody { models: List::whole(models), providers })
}

/// The call is paid for by the operator and stands on nobody's books, so only the operator may ask for it.
pub(crate) async fn test(
    State(api): State<Api>,
    caller: Caller,
    body: Body<ModelToTest>,
) -> Result<Json<ModelTestBody>, Problem> {
    caller.must_operate()?;
    let desk = api.desk().clone();
    let address = body.value.model;
    let tested = owned(async move { desk.test_model(&address).await }).await?;
    Ok(Json(ModelTestBody::from(tested)))
}
