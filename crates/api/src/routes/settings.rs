//! The switches of the installation: generation on or off, recipes paused.

use crate::auth::Caller;
use crate::extract::body::Body;
use crate::openapi::problems::OPERATOR;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::admin::SettingsBody;
use crate::wire::requests::SettingsPatch;
use axum::Json;
use axum::extract::State;
use copydesk_desk::DeskError;
use copydesk_desk::error::Fault;
use copydesk_desk::store::admin::PauseKey;
use copydesk_desk::store::generations::Lane;
use std::collections::BTreeSet;

/// Read the switches of the installation.
#[utoipa::path(
    get, path = "/settings", operation_id = "getSettings", tag = "installation",
    responses((status = 200, description = "The settings.", body = SettingsBody)),
)]
pub(crate) async fn get(State(api): State<Api>, _caller: Caller) -> Result<Json<SettingsBody>, Problem> {
    let pauses = api.desk().store().pauses().await?;
    Ok(Json(SettingsBody::of(&pauses, api.desk().config())))
}

/// Switch generation on or off, pause recipes.
///
/// What is named is set; the list of paused recipes is the whole list.
#[utoipa::path(
    patch, path = "/settings", operation_id = "updateSettings", tag = "installation",
    request_body(content = SettingsPatch, example = json!({ "generation": "on", "paused_recipes": [] })),
    responses((status = 200, description = "The settings as they are now.", body = SettingsBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn patch(
    State(api): State<Api>,
    caller: Caller,
    body: Body<SettingsPatch>,
) -> Result<Json<SettingsBody>, Problem> {
    caller.must_operate()?;
    let SettingsPatch { generation_on, paused_recipes } = body.value;
    if generation_on.is_none() && paused_recipes.is_none() {
        return Err(Problem::fault("", "required", "nothing to change: give generation or paused_recipes"));
    }
    let pauses = api.desk().store().pauses().await?;
    let paused: BTreeSet<String> = pauses
        .iter()
        .filter_map(|pause| match &pause.what {
            PauseKey::Lane(Lane::Recipe(name)) => Some(name.clone()),
            PauseKey::Lane(Lane::Provider(_) | Lane::Model(_) | Lane::Workspace(_)) | PauseKey::Generation => None,
        })
        .collect();
    let mut changes: Vec<(PauseKey, bool)> = Vec::new();
    if let Some(on) = generation_on {
        changes.push((PauseKey::Generation, !on));
    }
    if let Some(wanted) = paused_recipes {
        let wanted: BTreeSet<String> = wanted.into_iter().collect();
        known(&api, &wanted, &paused)?;
        changes.extend(wanted.difference(&paused).map(|name| (PauseKey::recipe(name.clone()), true)));
        changes.extend(paused.difference(&wanted).map(|name| (PauseKey::recipe(name.clone()), false)));
    }
    let desk = api.desk().clone();
    let pauses = owned(async move {
        for (what, on) in changes {
            desk.store().set_pause(what, on, desk.world().now()).await?;
        }
        // What was held back may be claimable now.
        desk.wake();
        Ok::<_, DeskError>(desk.store().pauses().await?)
    })
    .await?;
    Ok(Json(SettingsBody::of(&pauses, api.desk().config())))
}

/// A misspelt recipe would pause nothing. One that is paused already may stay so after its folder is gone.
fn known(api: &Api, wanted: &BTreeSet<String>, paused: &BTreeSet<String>) -> Result<(), Problem> {
    let shelf = api.desk().shelf();
    let strange = wanted.iter().filter(|name| !paused.contains(*name) && shelf.get(name).is_none());
    let faults: Vec<Fault> = strange
        .map(|name| {
            let name: String = name.chars().take(80).collect();
            let detail = format!("there is no recipe {name:?}; there are {}", shelf.names().join(", "));
            Fault::new("/paused_recipes", "not_allowed", detail)
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}
