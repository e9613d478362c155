//! The models that can be asked for, with their prices.

use crate::auth::Caller;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::model::{ModelBody, ProviderBody};
use axum::Json;
use axum::extract::State;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct ModelsBody {
    #[serde(flatten)]
    models: List<ModelBody>,
    providers: Vec<ProviderBody>,
}

pub(crate) async fn list(State(api): State<Api>, _caller: Caller) -> Json<ModelsBody> {
    let registry = api.desk().providers();
    let mut models = Vec::new();
    let mut providers = Vec::new();
    for name in registry.names() {
        let Some(provider) = registry.get(&name) else { continue };
        let known = provider.models();
        models.extend(known.iter().map(|model| ModelBody::new(&name, model, provider.price(model))));
        providers.push(ProviderBody::new(name, !known.is_empty()));
    }
    Json(ModelsBody { models: List::whole(models), providers })
}
