//! The recipes on the shelf.

use crate::auth::Caller;
use crate::error::Code;
use crate::extract::body::Body;
use crate::extract::id::Segments;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::ready::{MayI, ReadinessBody};
use crate::wire::recipe::RecipeBody;
use axum::Json;
use axum::extract::State;
use copydesk_desk::DeskError;
use copydesk_desk::accept::Request;

/// List the recipes that the key may use.
#[utoipa::path(
    get, path = "/recipes", operation_id = "listRecipes", tag = "recipes",
    responses((status = 200, description = "All of them, without their schemas.", body = List<RecipeBody>)),
)]
pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Json<List<RecipeBody>> {
    let allowed = api.desk().shelf().iter().filter(|recipe| caller.permit.recipe(&recipe.recipe.name).is_ok());
    Json(List::whole(allowed.map(|recipe| RecipeBody::of(recipe, false)).collect()))
}

/// Read a recipe with its input's JSON Schema.
#[utoipa::path(
    get, path = "/recipes/{name}", operation_id = "getRecipe", tag = "recipes",
    params(("name" = String, Path, description = "The name of the recipe.", example = json!("text"))),
    responses((status = 200, description = "The recipe.", body = RecipeBody)),
    extensions(("x-problems" = json!([Code::RecipeNotFound]))),
)]
pub(crate) async fn one(State(api): State<Api>, _caller: Caller, path: Segments) -> Result<Json<RecipeBody>, Problem> {
    let name = path.text("name");
    match api.desk().shelf().get(name) {
        Some(recipe) => Ok(Json(RecipeBody::of(&recipe, true))),
        None => {
            let known = api.desk().shelf().names().into_iter().map(str::to_owned).collect();
            Err(DeskError::UnknownRecipe { given: name.chars().take(80).collect(), known }.into())
        }
    }
}

/// Ask whether a request would become a draft.
///
/// What it would be asked with, what would come of it, and what is missing, before anybody clicks. Nothing is written.
#[utoipa::path(
    post, path = "/recipes/{name}/ready", operation_id = "checkReadiness", tag = "recipes",
    params(("name" = String, Path, description = "The name of the recipe.", example = json!("newsletter"))),
    request_body(content = Option<MayI>, example = json!({ "input": { "topic": "Tea" }, "user": "ann" })),
    responses((status = 200, description = "What would come of it, also where it would be refused.", body = ReadinessBody)),
    extensions(("x-problems" = json!([Code::RecipeNotFound]))),
)]
pub(crate) async fn ready(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<MayI>,
) -> Result<Json<ReadinessBody>, Problem> {
    let MayI { input, user, model } = body.value;
    let recipe = path.text("name").to_owned();
    let request = Request {
        scope: caller.scope,
        permit: caller.permit.clone(),
        key: caller.key(),
        model,
        user: user.or_else(|| caller.own_user()),
        ..Request::new(recipe.clone(), input)
    };
    let ready = api.desk().ready(request).await?;
    let takes = api.desk().shelf().get(&recipe).map(|loaded| loaded.recipe.input_schema["properties"].clone());
    Ok(Json(ReadinessBody::of(recipe, &takes.unwrap_or_default(), ready)))
}
