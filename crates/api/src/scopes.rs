//! The scope of every route, in one table: method and path as they are mounted. A route that is not in it answers nobody
//! (`auth.rs`), so a new route begins here.

use copydesk_core::access::KeyScope;
use copydesk_core::access::KeyScope as S;
use http::Method;

/// Method, path below the base of the API, scope. HEAD is GET.
pub(crate) const ROUTES: &[(&str, &str, KeyScope)] = &[
    ("GET", "/generations", S::GenerationsRead),
    ("POST", "/generations", S::GenerationsWrite),
    ("GET", "/generations/{id}", S::GenerationsRead),
    ("GET", "/generations/{id}/why", S::GenerationsRead),
    ("GET", "/generations/{id}/calls", S::UsageRead),
    ("POST", "/generations/{id}/cancel", S::GenerationsWrite),
    ("POST", "/generations/{id}/retry", S::GenerationsWrite),
    ("GET", "/generations/{id}/stream", S::GenerationsRead),
    ("GET", "/jobs", S::GenerationsRead),
    ("POST", "/jobs", S::GenerationsWrite),
    ("GET", "/jobs/{id}", S::GenerationsRead),
    ("PATCH", "/jobs/{id}", S::GenerationsWrite),
    ("GET", "/jobs/{id}/items", S::GenerationsRead),
    ("GET", "/jobs/{id}/export", S::DraftsRead),
    ("POST", "/jobs/{id}/start", S::GenerationsWrite),
    ("POST", "/jobs/{id}/pause", S::GenerationsWrite),
    ("POST", "/jobs/{id}/resume", S::GenerationsWrite),
    ("POST", "/jobs/{id}/cancel", S::GenerationsWrite),
    ("POST", "/jobs/{id}/retry_failed", S::GenerationsWrite),
    ("GET", "/drafts", S::DraftsRead),
    ("GET", "/drafts/{id}", S::DraftsRead),
    ("PATCH", "/drafts/{id}", S::DraftsWrite),
    ("DELETE", "/drafts/{id}", S::DraftsWrite),
    ("POST", "/drafts/{id}/undelete", S::DraftsWrite),
    ("POST", "/drafts/{id}/regenerate", S::GenerationsWrite),
    ("POST", "/drafts/{id}/publish", S::DraftsWrite),
    ("POST", "/drafts/{id}/unpublish", S::DraftsWrite),
    ("POST", "/drafts/{id}/approve", S::DraftsWrite),
    ("POST", "/drafts/{id}/reject", S::DraftsWrite),
    ("GET", "/drafts/{id}/versions", S::DraftsRead),
    ("GET", "/drafts/{id}/versions/{n}", S::DraftsRead),
    ("POST", "/drafts/{id}/versions/{n}/restore", S::DraftsWrite),
    ("GET", "/assets/{id}", S::DraftsRead),
    ("GET", "/usage", S::UsageRead),
    ("GET", "/usage/rows", S::UsageRead),
    ("GET", "/credits/accounts", S::CreditsRead),
    ("GET", "/credits/accounts/{user}", S::CreditsRead),
    ("GET", "/credits/ledger", S::CreditsRead),
    ("GET", "/credits/packs", S::CreditsRead),
    ("POST", "/credits/grants", S::CreditsWrite),
    ("POST", "/credits/adjustments", S::CreditsWrite),
    ("POST", "/credits/gifts", S::CreditsWrite),
    ("POST", "/credits/refunds", S::CreditsWrite),
    ("GET", "/budgets", S::SettingsRead),
    ("POST", "/budgets", S::SettingsWrite),
    ("GET", "/budgets/{id}", S::SettingsRead),
    ("PATCH", "/budgets/{id}", S::SettingsWrite),
    ("DELETE", "/budgets/{id}", S::SettingsWrite),
    ("GET", "/recipes", S::ModelsRead),
    ("GET", "/recipes/{name}", S::ModelsRead),
    ("GET", "/models", S::ModelsRead),
    ("POST", "/models/test", S::ModelsTest),
    ("GET", "/prices", S::PricesRead),
    ("PUT", "/prices/{provider}/{*model}", S::PricesWrite),
    ("DELETE", "/prices/{provider}/{*model}", S::PricesWrite),
    ("GET", "/settings", S::SettingsRead),
    ("PATCH", "/settings", S::SettingsWrite),
    ("GET", "/events", S::EventsRead),
    ("GET", "/events/ws", S::EventsRead),
    ("POST", "/stream-tokens", S::EventsRead),
    ("GET", "/keys", S::KeysRead),
    ("POST", "/keys", S::KeysWrite),
    ("GET", "/keys/{id}", S::KeysRead),
    ("PATCH", "/keys/{id}", S::KeysWrite),
    ("DELETE", "/keys/{id}", S::KeysWrite),
    ("POST", "/keys/{id}/rotate", S::KeysWrite),
    ("GET", "/lanes", S::StatusRead),
    ("POST", "/lanes/{lane}/pause", S::SettingsWrite),
    ("POST", "/lanes/{lane}/resume", S::SettingsWrite),
    ("GET", "/workers", S::StatusRead),
    ("GET", "/audit", S::Maintenance),
    ("POST", "/maintenance/cleanup-stale", S::Maintenance),
    ("POST", "/maintenance/prune", S::Maintenance),
    ("GET", "/doctor", S::StatusRead),
    ("GET", "/status", S::StatusRead),
];

/// The scope of `/metrics`, which is not below the base.
const METRICS: (&str, KeyScope) = ("/metrics", S::MetricsRead);

/// What the route needs that was found under `pattern`, the base taken off. `None` for one that is not in the table.
pub(crate) fn needed(method: &Method, pattern: &str) -> Option<KeyScope> {
    if pattern == METRICS.0 {
        return Some(METRICS.1);
    }
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    ROUTES.iter().find(|(verb, path, _)| *verb == method && *path == pattern).map(|(_, _, scope)| *scope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::links::BASE;

    #[test]
    fn every_route_that_is_mounted_has_a_scope_and_nothing_else_has_one() {
        let described = serde_json::to_value(crate::router::described()).unwrap();
        let mounted: Vec<(String, &str)> = described["paths"]
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(path, item)| Some((path.strip_prefix(BASE)?, item.as_object()?)))
            .flat_map(|(path, item)| item.keys().map(move |verb| (verb.to_uppercase(), path)))
            .collect();
        assert!(mounted.len() > 50, "the routes are found in the document");
        for (method, path) in &mounted {
            assert!(
                ROUTES.iter().any(|(verb, known, _)| verb == method && known == path),
                "{method} {path} has no scope"
            );
        }
        for (method, path, scope) in ROUTES {
            assert!(mounted.contains(&((*method).to_owned(), *path)), "{method} {path} is not mounted");
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(needed(&method, path), Some(*scope), "no route stands twice");
            // A token only opens what its key may read.
            let reads = (method == Method::GET && *path != "/audit") || *path == "/stream-tokens";
            assert_eq!(*scope != S::ModelsTest && scope.only_reads(), reads, "{method} {path}");
        }
        assert_eq!(needed(&Method::HEAD, "/drafts"), Some(S::DraftsRead));
        assert_eq!(needed(&Method::GET, "/nothing"), None);
    }
}
