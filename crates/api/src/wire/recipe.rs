//! Recipes as readers see them.

use crate::openapi::words::OutputForm;
use copydesk_core::ledger::Metered;
use copydesk_desk::recipes::LoadedRecipe;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Recipe)]
pub(crate) struct RecipeBody {
    object: &'static str,
    name: String,
    title: String,
    description: String,
    version: String,
    origin: String,
    #[schema(value_type = OutputForm)]
    output: &'static str,
    route: Vec<String>,
    steps: Vec<String>,
    /// What one generation costs or, if its price follows from the cost, the most it does. Units: micro-credits.
    price: i64,
    price_metered: Option<MeteredBody>,
    dedupe: bool,
    /// What a request may change in `params`.
    params: Vec<&'static str>,
    limits: LimitsBody,
    /// JSON Schema of the input, and an input that fits it; only in the answer about one recipe.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    input_schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    example: Option<Value>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RecipeLimits)]
struct LimitsBody {
    attempts_max: u32,
    attempt_timeout_s: u64,
    deadline_s: Option<u64>,
    input_bytes_max: usize,
}

/// How a price follows from the cost.
#[derive(Serialize, ToSchema)]
#[schema(as = RecipeMetered)]
pub(crate) struct MeteredBody {
    /// Units: micro-credits per US dollar.
    per_usd: i64,
    /// Units: per cent, such as `30%`.
    margin: String,
    /// Units: micro-credits.
    min: i64,
}

impl From<Metered> for MeteredBody {
    fn from(rate: Metered) -> MeteredBody {
        MeteredBody { per_usd: rate.per_usd.micros(), margin: rate.margin.to_string(), min: rate.min.micros() }
    }
}

impl RecipeBody {
    pub fn of(loaded: &LoadedRecipe, whole: bool) -> RecipeBody {
        let recipe = &loaded.recipe;
        RecipeBody {
            object: "recipe",
            name: recipe.name.clone(),
            title: recipe.title.clone(),
            description: recipe.description.clone(),
            version: recipe.version.clone(),
            origin: loaded.origin.to_string(),
            output: recipe.output.as_str(),
            route: recipe.route.iter().map(ToString::to_string).collect(),
            steps: recipe.steps.iter().map(|step| step.name.clone()).collect(),
            price: recipe.price.hold().micros(),
            price_metered: recipe.price.metered().map(MeteredBody::from),
            dedupe: recipe.dedupe,
            params: recipe.params.iter().map(|param| param.as_str()).collect(),
            limits: LimitsBody {
                attempts_max: recipe.limits.attempts_max,
                attempt_timeout_s: recipe.limits.attempt_timeout.as_secs(),
                deadline_s: recipe.limits.deadline.map(|deadline| deadline.as_secs()),
                input_bytes_max: recipe.limits.input_bytes_max,
            },
            input_schema: whole.then(|| recipe.input_schema.clone()),
            example: whole.then(|| loaded.example.clone()),
        }
    }
}
