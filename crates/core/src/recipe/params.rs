//! What one request may change of a recipe's parameters: the temperature of its chat steps, and a smaller largest answer. The
//! recipe names those it lets be changed. Nothing here can raise a bound that a budget, a cap or a hold relies on.

use super::recipe::Recipe;
use serde_json::{Map, Value, json};

/// A parameter that may be changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Param {
    Temperature,
    OutputTokensMax,
}

impl Param {
    pub const ALL: [Param; 2] = [Self::Temperature, Self::OutputTokensMax];

    /// As requests and `recipe.toml` write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::OutputTokensMax => "max_output_tokens",
        }
    }
    pub fn parse(word: &str) -> Option<Param> {
        Self::ALL.into_iter().find(|param| param.as_str() == word)
    }
}

/// The changes of one request; empty is the recipe as it is.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Params {
    /// 0 to 2, for every chat step.
    pub temperature: Option<f64>,
    /// For every chat step that may write more. Units: tokens.
    pub output_tokens_max: Option<u32>,
}

/// What is wrong with one of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParamFault {
    /// Below `params`; empty for all of it.
    pub name: String,
    pub code: &'static str,
    pub detail: String,
}

impl Params {
    /// What a request for this recipe and input changes. `null` and `{}` are nothing.
    ///
    /// Errors: every fault.
    pub fn read(given: &Value, recipe: &Recipe, input: &Value) -> Result<Params, Vec<ParamFault>> {
        let fault = |name: &str, code, detail: String| ParamFault { name: name.to_owned(), code, detail };
        let fields = match given {
            Value::Null => return Ok(Params::default()),
            Value::Object(fields) => fields,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(vec![fault("", "wrong_type", "it must be an object".to_owned())]);
            }
        };
        let (mut params, mut faults) = (Params::default(), Vec::new());
        for (name, value) in fields {
            let Some(param) = Param::parse(name).filter(|param| recipe.params.contains(param)) else {
                let code = if Param::parse(name).is_some() { "not_allowed" } else { "unknown_field" };
                faults.push(fault(name, code, not_for(recipe)));
                continue;
            };
            let read = match param {
                Param::Temperature => temperature(value).map(|degrees| params.temperature = Some(degrees)),
                Param::OutputTokensMax => {
                    tokens(value, recipe, input).map(|tokens| params.output_tokens_max = Some(tokens))
                }
            };
            if let Err((code, detail)) = read {
                faults.push(fault(name, code, detail));
            }
        }
        if faults.is_empty() { Ok(params) } else { Err(faults) }
    }

    pub fn is_empty(&self) -> bool {
        *self == Params::default()
    }

    /// As it is kept with a generation; `None` where nothing is changed. One spelling for one meaning.
    pub fn to_text(&self) -> Option<String> {
        let fields = self.fields();
        (!fields.is_empty()).then(|| Value::Object(fields).to_string())
    }

    pub(super) fn fields(&self) -> Map<String, Value> {
        let Params { temperature, output_tokens_max } = self;
        let mut fields = Map::new();
        fields.extend(temperature.map(|degrees| (Param::Temperature.as_str().to_owned(), json!(degrees))));
        fields.extend(output_tokens_max.map(|tokens| (Param::OutputTokensMax.as_str().to_owned(), json!(tokens))));
        fields
    }

    /// From what [`Params::to_text`] gave; `None` when it is none.
    pub fn from_text(text: &str) -> Option<Params> {
        let fields: Map<String, Value> = serde_json::from_str(text).ok()?;
        let tokens = fields.get(Param::OutputTokensMax.as_str()).map(Value::as_u64);
        Some(Params {
            temperature: match fields.get(Param::Temperature.as_str()) {
                None => None,
                Some(value) => Some(value.as_f64()?),
            },
            output_tokens_max: match tokens {
                None => None,
                Some(tokens) => Some(u32::try_from(tokens?).ok()?),
            },
        })
    }
}

fn not_for(recipe: &Recipe) -> String {
    let name = &recipe.name;
    if recipe.params.is_empty() {
        return format!("the recipe {name:?} lets no parameter be changed");
    }
    let known: Vec<&str> = recipe.params.iter().map(|param| param.as_str()).collect();
    format!("what may be changed of the recipe {name:?} is {}", known.join(", "))
}

fn temperature(value: &Value) -> Result<f64, (&'static str, String)> {
    let degrees = value.as_f64().ok_or(("wrong_type", "it must be a number".to_owned()))?;
    let fits = (0.0..=2.0).contains(&degrees);
    fits.then_some(degrees).ok_or_else(|| ("out_of_range", format!("{degrees} is not between 0 and 2")))
}

fn tokens(value: &Value, recipe: &Recipe, input: &Value) -> Result<u32, (&'static str, String)> {
    let asked = value.as_u64().ok_or(("wrong_type", "it must be a whole number of at least 1".to_owned()))?;
    let steps = 0..recipe.steps.len();
    let most = steps.filter_map(|step| recipe.output_tokens_max(step, input)).max().unwrap_or(0);
    match u32::try_from(asked) {
        Ok(tokens) if (1..=most).contains(&tokens) => Ok(tokens),
        Ok(_) | Err(_) => Err((
            "out_of_range",
            format!("{asked} is not between 1 and {most}, what the recipe itself asks for at most"),
        )),
    }
}
