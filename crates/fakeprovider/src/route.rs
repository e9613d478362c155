//! Which dialect and which operation a method and a path mean. It looks at nothing else.

use crate::dialects::Dialect;
use crate::plan::percent_decoded;

/// The operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    Chat,
    Images,
    Embeddings,
    Models,
    JobStart,
    JobPoll,
    /// fal's answer, which is not the status.
    JobResult,
    JobCancel,
    /// OpenRouter's download, which wants the key.
    JobContent,
    Asset,
    Unknown,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Route {
    pub dialect: Dialect,
    pub what: What,
    /// The job or the asset.
    pub id: String,
    /// The model, where the path names it; options included.
    pub model: Option<String>,
    /// The path alone says that it streams.
    pub streams: bool,
}

impl Route {
    const fn new(dialect: Dialect, what: What) -> Route {
        Route { dialect, what, id: String::new(), model: None, streams: false }
    }

    fn job(dialect: Dialect, what: What, id: &str) -> Route {
        Route { id: id.to_owned(), ..Route::new(dialect, what) }
    }

    fn of_model(dialect: Dialect, what: What, model: &str) -> Route {
        Route { model: Some(percent_decoded(model)), ..Route::new(dialect, what) }
    }
}

/// `path` has no query.
pub(crate) fn route(method: &str, path: &str) -> Route {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        ("POST", ["v1", "chat", "completions"]) => Route::new(Dialect::OpenAi, What::Chat),
        ("POST", ["v1", "images", "generations"]) => Route::new(Dialect::OpenAi, What::Images),
        ("POST", ["v1", "embeddings"]) => Route::new(Dialect::OpenAi, What::Embeddings),
        ("GET", ["v1", "models"]) => Route::new(Dialect::OpenAi, What::Models),
        ("POST", ["v1", "messages"]) => Route::new(Dialect::Anthropic, What::Chat),
        ("POST", ["v1", "predictions"]) => Route::new(Dialect::Replicate, What::JobStart),
        ("POST", ["v1", "models", owner, name, "predictions"]) => {
            Route::of_model(Dialect::Replicate, What::JobStart, &format!("{owner}/{name}"))
        }
        ("GET", ["v1", "predictions", id]) => Route::job(Dialect::Replicate, What::JobPoll, id),
        ("POST", ["v1", "predictions", id, "cancel"]) => Route::job(Dialect::Replicate, What::JobCancel, id),
        (_, ["api", "v1", rest @ ..]) => openrouter(method, rest),
        ("POST", ["api", "chat"]) => Route::new(Dialect::Ollama, What::Chat),
        ("GET", ["api", "tags"]) => Route::new(Dialect::Ollama, What::Models),
        (_, ["v1beta", rest @ ..]) => gemini(method, rest),
        ("GET", ["assets", id]) => Route::job(Dialect::Asset, What::Asset, id),
        (_, [_, _, ..]) if !["v1", "api"].contains(&parts[0]) => fal(method, &parts),
        _ => Route::new(Dialect::Unknown, What::Unknown),
    }
}

fn openrouter(method: &str, parts: &[&str]) -> Route {
    match (method, parts) {
        ("POST", ["chat", "completions"]) => Route::new(Dialect::OpenRouter, What::Chat),
        ("POST", ["videos"]) => Route::new(Dialect::OpenRouter, What::JobStart),
        ("GET", ["videos", id]) => Route::job(Dialect::OpenRouter, What::JobPoll, id),
        ("GET", ["videos", id, "content"]) => Route::job(Dialect::OpenRouter, What::JobContent, id),
        ("GET", ["models"]) => Route::new(Dialect::OpenRouter, What::Models),
        _ => Route::new(Dialect::OpenRouter, What::Unknown),
    }
}

fn gemini(method: &str, parts: &[&str]) -> Route {
    match (method, parts) {
        // The model may hold a slash of its own, behind its options.
        ("POST", ["models", rest @ ..]) if !rest.is_empty() => {
            let rest = rest.join("/");
            let (model, verb) = rest.rsplit_once(':').unwrap_or((&rest, ""));
            match verb {
                "generateContent" => Route::of_model(Dialect::Gemini, What::Chat, model),
                "streamGenerateContent" => {
                    Route { streams: true, ..Route::of_model(Dialect::Gemini, What::Chat, model) }
                }
                "predictLongRunning" => Route::of_model(Dialect::Gemini, What::JobStart, model),
                _ => Route::new(Dialect::Gemini, What::Unknown),
            }
        }
        ("GET", ["operations", id] | ["models", _, "operations", id]) => Route::job(Dialect::Gemini, What::JobPoll, id),
        ("GET", ["models"]) => Route::new(Dialect::Gemini, What::Models),
        _ => Route::new(Dialect::Gemini, What::Unknown),
    }
}

/// Anything with an owner and a name is an app of fal's.
fn fal(method: &str, parts: &[&str]) -> Route {
    match (method, parts) {
        ("GET", [_, .., "requests", id, "status"]) => Route::job(Dialect::Fal, What::JobPoll, id),
        ("GET", [_, .., "requests", id]) => Route::job(Dialect::Fal, What::JobResult, id),
        ("PUT", [_, .., "requests", id, "cancel"]) => Route::job(Dialect::Fal, What::JobCancel, id),
        ("POST", app) => Route::of_model(Dialect::Fal, What::JobStart, &app.join("/")),
        _ => Route::new(Dialect::Unknown, What::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_dialects() {
        let at = |method: &str, path: &str| {
            let route = route(method, path);
            (route.dialect, route.what)
        };
        assert_eq!(at("POST", "/v1/chat/completions"), (Dialect::OpenAi, What::Chat));
        assert_eq!(at("POST", "/api/v1/chat/completions"), (Dialect::OpenRouter, What::Chat));
        assert_eq!(at("GET", "/api/v1/videos/job-1/content"), (Dialect::OpenRouter, What::JobContent));
        assert_eq!(at("POST", "/api/chat"), (Dialect::Ollama, What::Chat));
        assert_eq!(at("POST", "/fal-ai/flux/dev"), (Dialect::Fal, What::JobStart));
        assert_eq!(at("GET", "/fal-ai/flux/requests/job-1/status"), (Dialect::Fal, What::JobPoll));
        assert_eq!(at("PUT", "/fal-ai/flux/requests/job-1/cancel"), (Dialect::Fal, What::JobCancel));
        assert_eq!(at("GET", "/assets/job-1.png"), (Dialect::Asset, What::Asset));
        assert_eq!(at("GET", "/v1/nothing"), (Dialect::Unknown, What::Unknown));
        let veo = route("POST", "/v1beta/models/veo-3%3Fpolls=1:predictLongRunning");
        assert_eq!((veo.what, veo.model.as_deref()), (What::JobStart, Some("veo-3?polls=1")));
    }
}
