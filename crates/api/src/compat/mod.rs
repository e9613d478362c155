//! The addresses that front ends of other systems already call, with the answers they already read. Each system has its
//! file; what they share is here: where they are mounted, which are switched off, what they need of a key. Their shapes
//! never change: `tests/compat.rs` freezes them. Unknown fields are passed over, problems carry `detail` as everywhere.

mod creations;
mod cut;
mod newsletter;
mod outreach;
mod outreach_drafts;
mod successor;

use crate::auth::authenticate;
use crate::router::Api;
use axum::Router;
use axum::middleware::from_fn_with_state;
use copydesk_core::access::KeyScope;
use copydesk_core::access::KeyScope as S;
use http::Method;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Where the addresses of other systems are, and which of them there are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CompatSettings {
    /// In front of each of them: empty, or `/legacy`.
    prefix: String,
    off: Vec<System>,
    /// A regeneration makes a new draft, and hides the old one.
    new_ids: bool,
}

/// Why settings cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadCompat {
    #[error("{0:?} is no prefix: it begins with one slash and has letters, digits, - and _ between slashes")]
    Prefix(String),
    #[error("the prefix {0:?} is taken by Copydesk itself")]
    Taken(String),
    #[error("there is no system {0:?}; there are {known}", known = System::ALL.map(System::as_str).join(", "))]
    System(String),
}

/// A system whose addresses are answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System {
    Newsletter,
    Outreach,
    Creations,
}

impl System {
    pub const ALL: [System; 3] = [System::Newsletter, System::Outreach, System::Creations];

    pub const fn as_str(self) -> &'static str {
        match self {
            System::Newsletter => "newsletter",
            System::Outreach => "outreach",
            System::Creations => "creations",
        }
    }
}

/// First segments that are Copydesk's own; `api` is shared, below it only `v1` is.
const OWN: [&str; 10] = ["v1", "docs", "ui", "metrics", "livez", "readyz", "healthz", "mcp", "d", "openapi.json"];

impl CompatSettings {
    /// `off` names systems; `all` is every one.
    ///
    /// Errors: what cannot be a prefix, or is no system.
    pub fn new<'a>(prefix: &str, off: impl IntoIterator<Item = &'a str>) -> Result<CompatSettings, BadCompat> {
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let plain =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let parts = prefix.strip_prefix('/').map(|rest| rest.split('/').collect::<Vec<_>>());
        let taken = match parts.as_deref() {
            None if prefix.is_empty() => false,
            Some(["api", "v1", ..]) => true,
            Some(parts) if parts.iter().all(|part| plain(part)) => {
                parts.first().is_some_and(|first| OWN.contains(first))
            }
            Some(_) | None => return Err(BadCompat::Prefix(prefix.to_owned())),
        };
        if taken {
            return Err(BadCompat::Taken(prefix.to_owned()));
        }
        let mut gone = Vec::new();
        for word in off {
            match System::ALL.into_iter().find(|system| system.as_str() == word) {
                Some(system) => gone.push(system),
                None if word == "all" => gone.extend(System::ALL),
                None => return Err(BadCompat::System(word.to_owned())),
            }
        }
        Ok(CompatSettings { prefix: prefix.to_owned(), off: gone, new_ids: false })
    }

    /// The same for applications that expect a regeneration to make a new draft and the old one to be gone.
    #[must_use]
    pub fn regenerating_into_new_drafts(self) -> CompatSettings {
        CompatSettings { new_ids: true, ..self }
    }

    /// Where an address is.
    pub(crate) fn address(&self, public_url: &str, path: &str) -> String {
        format!("{public_url}{}{path}", self.prefix)
    }

    fn answers(&self, system: System) -> bool {
        !self.off.contains(&system)
    }

    /// What a route needs that was found under `pattern`, wherever it is mounted. `None` for one that is not in the table.
    pub(crate) fn needed(&self, method: &Method, pattern: &str) -> Option<KeyScope> {
        self.row(method, pattern).map(|(_, _, scope, _)| *scope)
    }

    /// The native path, below its base, that does the same; with the slots of `pattern`.
    fn successor(&self, method: &Method, pattern: &str) -> Option<&'static str> {
        self.row(method, pattern).map(|(_, _, _, native)| *native)
    }

    fn row(&self, method: &Method, pattern: &str) -> Option<&'static Row> {
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        let path = pattern.strip_prefix(self.prefix.as_str())?;
        ROUTES.iter().find(|(verb, known, _, _)| *verb == method && *known == path)
    }
}

type Row = (&'static str, &'static str, KeyScope, &'static str);

/// Method, path without the prefix, scope, the native path that does the same by the same method.
const ROUTES: &[Row] = &[
    ("POST", "/drafts/generate", S::GenerationsWrite, "/generations"),
    ("POST", "/api/drafts/generate", S::GenerationsWrite, "/generations"),
    ("POST", "/drafts/{id}/regenerate", S::GenerationsWrite, "/drafts/{id}/regenerate"),
    ("GET", "/drafts", S::DraftsRead, "/drafts"),
    ("GET", "/drafts/{id}", S::DraftsRead, "/drafts/{id}"),
    ("DELETE", "/drafts/{id}", S::DraftsWrite, "/drafts/{id}"),
    ("GET", "/api/prospects", S::DraftsRead, "/prospects"),
    ("POST", "/api/pipeline/draft", S::GenerationsWrite, "/jobs"),
    ("GET", "/api/jobs", S::GenerationsRead, "/jobs"),
    ("GET", "/api/pipeline/draft/jobs/{id}", S::GenerationsRead, "/jobs/{id}"),
    ("POST", "/api/generate/cleanup-stale", S::Maintenance, "/maintenance/cleanup-stale"),
];

fn system(system: System) -> OpenApiRouter<Api> {
    let router = OpenApiRouter::default();
    match system {
        System::Newsletter => router
            .routes(routes!(newsletter::generate))
            .routes(routes!(newsletter::generate_below_api))
            .routes(routes!(newsletter::regenerate))
            .routes(routes!(newsletter::list))
            .routes(routes!(newsletter::one, newsletter::delete)),
        System::Outreach => router
            .routes(routes!(outreach::list))
            .routes(routes!(outreach::one))
            .routes(routes!(outreach_drafts::start))
            .routes(routes!(outreach_drafts::prospects)),
        System::Creations => router.routes(routes!(creations::cleanup_stale)),
    }
}

fn mounted(settings: &CompatSettings, routes: OpenApiRouter<Api>) -> OpenApiRouter<Api> {
    if settings.prefix.is_empty() { routes } else { OpenApiRouter::default().nest(&settings.prefix, routes) }
}

/// The routes with their layers.
pub(crate) fn router(api: &Api, settings: &CompatSettings) -> Router<Api> {
    let keyed = from_fn_with_state(api.clone(), authenticate);
    let on = System::ALL.into_iter().filter(|system| settings.answers(*system));
    let all = on.fold(Router::new(), |all, one| {
        let routes = Router::from(mounted(settings, system(one))).route_layer(keyed.clone());
        all.merge(match one {
            System::Newsletter | System::Outreach => routes,
            System::Creations => routes.route_layer(axum::middleware::map_response(creations::unauthorized)),
        })
    });
    if all.has_routes() { all.route_layer(from_fn_with_state(api.clone(), successor::successor)) } else { all }
}

/// The same routes as their description.
pub(crate) fn described(settings: &CompatSettings) -> OpenApiRouter<Api> {
    let on = System::ALL.into_iter().filter(|system| settings.answers(*system));
    on.fold(OpenApiRouter::default(), |all, one| all.merge(mounted(settings, system(one))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_a_scope_and_nothing_else_has_one() {
        let settings = CompatSettings::default();
        let described = serde_json::to_value(described(&settings).into_openapi()).unwrap();
        let paths = described["paths"].as_object().unwrap();
        let mut mounted: Vec<(String, &str)> = Vec::new();
        for (path, item) in paths {
            mounted.extend(item.as_object().unwrap().keys().map(|verb| (verb.to_uppercase(), path.as_str())));
        }
        assert_eq!(mounted.len(), ROUTES.len());
        for (verb, path) in mounted {
            let method = Method::from_bytes(verb.as_bytes()).unwrap();
            assert!(settings.needed(&method, path).is_some(), "{method} {path} has no scope");
            let native = settings.successor(&method, path).unwrap();
            let there = crate::scopes::ROUTES.iter().any(|(known, at, _)| *known == verb && *at == native);
            assert!(there, "{method} {path} is succeeded by {native}, which is no route");
        }
    }

    #[test]
    fn a_prefix_is_a_path_of_its_own() {
        for good in ["", "/", "/legacy", "/old/app-1/", "/api"] {
            let settings = CompatSettings::new(good, []).unwrap();
            let path = format!("{}/drafts", settings.prefix);
            assert_eq!(settings.needed(&Method::GET, &path), Some(S::DraftsRead), "{good:?}");
        }
        for bad in ["legacy", "//", "/a b", "/{id}", "/a//b", "/a/*rest", "/ü"] {
            assert!(matches!(CompatSettings::new(bad, []), Err(BadCompat::Prefix(_))), "{bad:?}");
        }
        for taken in ["/api/v1", "/api/v1/x", "/docs", "/v1", "/ui/x"] {
            assert!(matches!(CompatSettings::new(taken, []), Err(BadCompat::Taken(_))), "{taken:?}");
        }
        let unknown = CompatSettings::new("", ["newsletters"]).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "there is no system \"newsletters\"; there are newsletter, outreach, creations"
        );
        assert_eq!(CompatSettings::new("", ["all"]).unwrap().off, System::ALL);
    }
}
