//! The models that can be asked for, with their prices, and a try of one.

use crate::auth::Caller;
use crate::extract::body::Body;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::model::{CoolingBody, ModelBody, ProviderBody};
use crate::wire::model_test::ModelTestBody;
use crate::wire::requests::ModelToTest;
use axum::Json;
use axum::extract::State;
use copydesk_core::health::Subject;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
pub(crate) struct ModelsBody {
    #[serde(flatten)]
    models: List<ModelBody>,
    providers: Vec<ProviderBody>,
}

/// Every model that a provider knows to exist, that a price is listed for or that is cooling down, with the price of this
/// moment.
pub(crate) async fn list(State(api): State<Api>, _caller: Caller) -> Result<Json<ModelsBody>, Problem> {
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
        models.extend(listed.iter().map(|model| {
            let subject = Subject::Model(format!("{name}/{model}"));
            ModelBody::new(&name, model, api.desk().price_at(provider.as_ref(), model, now), cooling(&subject))
        }));
        let subject = Subject::Provider(name.clone());
        providers.push(ProviderBody::new(name, !catalogue.models().is_empty(), cooling(&subject)));
    }
    Ok(Json(ModelsBody { models: List::whole(models), providers }))
}

/// The call is paid for by the operator and held against nobody's credits, so only the operator may ask for it.
pub(crate) async fn test(
    State(api): State<Api>,
    caller: Caller,
    body: Body<ModelToTest>,
) -> Result<Json<ModelTestBody>, Problem> {
    caller.must_operate()?;
    let desk = api.desk().clone();
    let address = body.value.model;
    let tested = owned(async move { desk.test_model(caller.scope, caller.key, &address).await }).await?;
    Ok(Json(ModelTestBody::new(tested, api.desk().world().now())))
}
