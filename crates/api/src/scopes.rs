//! The scope of every route, in one table: method and path as they are mounted. A route that is not in it answers nobody
//! (`auth.rs`), so a new route begins here.

use crate::wire::links::BASE;
use copydesk_core::access::KeyScope;
use copydesk_core::access::KeyScope as S;
use copydesk_core::bulk::Action;
use http::Method;

/// Method, path below the base of the API, scope. HEAD is GET.
pub(crate) const ROUTES: &[(&str, &str, KeyScope)] = &[
    ("GET", "/generations", S::GenerationsRead),
    ("POST", "/generations", S::GenerationsWrite),
    ("GET", "/generations/{id}", S::GenerationsRead),
    ("GET", "/generations/{id}/why", S::GenerationsRead),
    ("GET", "/generations/{id}/attempts", S::UsageRead),
    ("GET", "/generations/{id}/calls", S::UsageRead),
    ("GET", "/generations/{id}/events", S::EventsRead),
    ("POST", "/generations/{id}/cancel", S::GenerationsWrite),
    ("POST", "/generations/{id}/retry", S::GenerationsWrite),
    ("POST", "/generations/{id}/extend", S::GenerationsWrite),
    ("GET", "/generations/{id}/stream", S::GenerationsRead),
    ("GET", "/prospects", S::DraftsRead),
    ("POST", "/prospects", S::DraftsWrite),
    ("GET", "/prospects/eligible", S::DraftsRead),
    ("POST", "/prospects/import", S::DraftsWrite),
    ("POST", "/prospects/verify", S::DraftsWrite),
    ("GET", "/prospects/imports", S::DraftsRead),
    ("GET", "/prospects/imports/{id}", S::DraftsRead),
    ("GET", "/prospects/imports/{id}/skipped", S::DraftsRead),
    ("POST", "/prospects/imports/{id}/undo", S::DraftsWrite),
    ("GET", "/prospects/{id}", S::DraftsRead),
    ("PATCH", "/prospects/{id}", S::DraftsWrite),
    ("DELETE", "/prospects/{id}", S::DraftsWrite),
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
    ("GET", "/mailings", S::DraftsRead),
    ("POST", "/mailings", S::DraftsWrite),
    ("GET", "/mailings/{id}", S::DraftsRead),
    ("GET", "/mailings/{id}/mails", S::DraftsRead),
    ("POST", "/mailings/{id}/pause", S::DraftsWrite),
    ("POST", "/mailings/{id}/resume", S::DraftsWrite),
    ("POST", "/mailings/{id}/cancel", S::DraftsWrite),
    ("POST", "/mailings/{id}/retry_failed", S::DraftsWrite),
    ("GET", "/mails/{id}", S::DraftsRead),
    ("POST", "/mails/{id}/outcome", S::DraftsWrite),
    ("GET", "/subscribers", S::DraftsRead),
    ("POST", "/subscribers", S::DraftsWrite),
    ("GET", "/subscribers/lists", S::DraftsRead),
    ("POST", "/subscribers/import", S::DraftsWrite),
    ("GET", "/subscribers/{id}", S::DraftsRead),
    ("DELETE", "/subscribers/{id}", S::DraftsWrite),
    ("GET", "/suppressions", S::DraftsRead),
    ("POST", "/suppressions", S::DraftsWrite),
    ("GET", "/suppressions/{id}", S::DraftsRead),
    ("DELETE", "/suppressions/{id}", S::DraftsWrite),
    ("GET", "/bulk", S::GenerationsRead),
    ("GET", "/bulk/{id}", S::GenerationsRead),
    ("GET", "/bulk/{id}/items", S::GenerationsRead),
    ("GET", "/bulk/{id}/export", S::DraftsRead),
    ("GET", "/drafts", S::DraftsRead),
    ("GET", "/drafts/{id}", S::DraftsRead),
    ("PATCH", "/drafts/{id}", S::DraftsWrite),
    ("DELETE", "/drafts/{id}", S::DraftsWrite),
    ("POST", "/drafts/{id}/undelete", S::DraftsWrite),
    ("POST", "/drafts/{id}/regenerate", S::GenerationsWrite),
    ("POST", "/drafts/{id}/publish", S::DraftsWrite),
    ("POST", "/drafts/{id}/send", S::DraftsWrite),
    ("POST", "/drafts/{id}/send_test", S::DraftsWrite),
    ("POST", "/drafts/{id}/unpublish", S::DraftsWrite),
    ("POST", "/drafts/{id}/approve", S::DraftsWrite),
    ("POST", "/drafts/{id}/reject", S::DraftsWrite),
    ("GET", "/drafts/{id}/versions", S::DraftsRead),
    ("GET", "/drafts/{id}/versions/{n}", S::DraftsRead),
    ("GET", "/drafts/{id}/diff", S::DraftsRead),
    ("GET", "/drafts/{id}/export", S::DraftsRead),
    ("POST", "/drafts/{id}/versions/{n}/restore", S::DraftsWrite),
    ("GET", "/drafts/counts", S::DraftsRead),
    ("GET", "/feedback", S::DraftsRead),
    ("PUT", "/drafts/{id}/feedback", S::DraftsWrite),
    ("DELETE", "/feedback/{id}", S::DraftsWrite),
    ("GET", "/assets/{id}", S::DraftsRead),
    ("GET", "/files", S::FilesRead),
    ("POST", "/files", S::FilesWrite),
    ("GET", "/files/{id}", S::FilesRead),
    ("DELETE", "/files/{id}", S::FilesWrite),
    ("GET", "/files/{id}/content", S::FilesRead),
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
    ("GET", "/sources", S::GenerationsRead),
    ("POST", "/sources", S::GenerationsWrite),
    ("GET", "/sources/{id}", S::GenerationsRead),
    ("PATCH", "/sources/{id}", S::GenerationsWrite),
    ("DELETE", "/sources/{id}", S::GenerationsWrite),
    ("POST", "/sources/{id}/pause", S::GenerationsWrite),
    ("POST", "/sources/{id}/resume", S::GenerationsWrite),
    ("POST", "/sources/{id}/fetch", S::GenerationsWrite),
    ("GET", "/sources/{id}/fetches", S::GenerationsRead),
    ("GET", "/sources/{id}/items", S::GenerationsRead),
    ("GET", "/items", S::GenerationsRead),
    ("GET", "/profiles", S::GenerationsRead),
    ("GET", "/recipes/{name}/profile", S::GenerationsRead),
    ("PUT", "/recipes/{name}/profile", S::GenerationsWrite),
    ("DELETE", "/recipes/{name}/profile", S::GenerationsWrite),
    ("GET", "/schedules", S::GenerationsRead),
    ("POST", "/schedules", S::GenerationsWrite),
    ("GET", "/schedules/next", S::GenerationsRead),
    ("GET", "/schedules/{id}", S::GenerationsRead),
    ("PATCH", "/schedules/{id}", S::GenerationsWrite),
    ("DELETE", "/schedules/{id}", S::GenerationsWrite),
    ("POST", "/schedules/{id}/pause", S::GenerationsWrite),
    ("POST", "/schedules/{id}/resume", S::GenerationsWrite),
    ("POST", "/schedules/{id}/run", S::GenerationsWrite),
    ("GET", "/schedules/{id}/runs", S::GenerationsRead),
    ("GET", "/recipes", S::ModelsRead),
    ("GET", "/recipes/{name}", S::ModelsRead),
    ("POST", "/recipes/{name}/ready", S::GenerationsWrite),
    ("GET", "/models", S::ModelsRead),
    ("POST", "/models/test", S::ModelsTest),
    ("GET", "/providers", S::SettingsRead),
    ("GET", "/providers/{name}", S::SettingsRead),
    ("POST", "/providers/{name}/test", S::ModelsTest),
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
    ("GET", "/webhooks", S::WebhooksRead),
    ("POST", "/webhooks", S::WebhooksWrite),
    ("GET", "/webhooks/{id}", S::WebhooksRead),
    ("PATCH", "/webhooks/{id}", S::WebhooksWrite),
    ("DELETE", "/webhooks/{id}", S::WebhooksWrite),
    ("POST", "/webhooks/{id}/enable", S::WebhooksWrite),
    ("POST", "/webhooks/{id}/rotate", S::WebhooksWrite),
    ("POST", "/webhooks/{id}/ping", S::WebhooksWrite),
    ("POST", "/webhooks/{id}/replay", S::WebhooksWrite),
    ("GET", "/webhooks/{id}/deliveries", S::WebhooksRead),
    ("GET", "/deliveries/{id}", S::WebhooksRead),
    ("POST", "/deliveries/{id}/redeliver", S::WebhooksWrite),
    ("GET", "/users", S::UsersRead),
    ("POST", "/users", S::UsersWrite),
    ("GET", "/users/{id}", S::UsersRead),
    ("PATCH", "/users/{id}", S::UsersWrite),
    ("DELETE", "/users/{id}", S::UsersWrite),
    ("POST", "/users/{id}/link", S::UsersWrite),
    ("GET", "/invites", S::UsersRead),
    ("POST", "/invites", S::UsersWrite),
    ("DELETE", "/invites/{id}", S::UsersWrite),
    ("GET", "/lanes", S::StatusRead),
    ("POST", "/lanes/{lane}/pause", S::SettingsWrite),
    ("POST", "/lanes/{lane}/resume", S::SettingsWrite),
    ("GET", "/workers", S::StatusRead),
    ("GET", "/audit", S::Maintenance),
    ("POST", "/maintenance/cleanup-stale", S::Maintenance),
    ("POST", "/maintenance/prune", S::Maintenance),
    ("GET", "/health", S::StatusRead),
    ("GET", "/promises", S::StatusRead),
    ("GET", "/promises/{promise}", S::StatusRead),
    ("POST", "/promises/{promise}/run", S::Maintenance),
    ("GET", "/doctor", S::StatusRead),
    ("GET", "/test/clock", S::StatusRead),
    ("POST", "/test/clock", S::Maintenance),
    ("GET", "/test/faults", S::StatusRead),
    ("POST", "/test/faults", S::Maintenance),
    ("DELETE", "/test/faults", S::Maintenance),
    ("GET", "/status", S::StatusRead),
];

/// What is about the caller himself: who he is, where he is signed in. It needs no scope beyond being let in.
pub(crate) const OWN: &[(&str, &str)] = &[
    ("GET", "/session"),
    ("DELETE", "/session"),
    ("POST", "/session/password"),
    ("GET", "/session/all"),
    ("DELETE", "/session/all/{id}"),
];

/// What needs the scope of the action it is asked for ([`of_action`]), which the route looks at itself.
const BY_ACTION: &[(&str, &str)] = &[("POST", "/bulk"), ("POST", "/bulk/{id}/cancel")];

/// The scope of a bulk action: that of doing the same to one.
pub(crate) const fn of_action(action: Action) -> KeyScope {
    match action {
        Action::Cancel | Action::Retry => S::GenerationsWrite,
        Action::Approve | Action::Reject | Action::Delete | Action::Undelete => S::DraftsWrite,
        Action::Export => S::DraftsRead,
    }
}

/// What asks for nobody: these are how one gets in.
#[cfg(test)]
const OPEN: &[(&str, &str)] = &[("POST", "/session"), ("GET", "/setup"), ("POST", "/setup")];

/// What a route asks of its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    Scope(KeyScope),
    Nothing,
}

/// The scope of `/metrics`, which is not below the base.
const METRICS: (&str, KeyScope) = ("/metrics", S::MetricsRead);

/// What the route needs that was found under `pattern`. `None` for one that is not in the table.
pub(crate) fn needed(method: &Method, pattern: &str) -> Option<Need> {
    if pattern == METRICS.0 {
        return Some(Need::Scope(METRICS.1));
    }
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let pattern = pattern.strip_prefix(BASE)?;
    if OWN.contains(&(method, pattern)) || BY_ACTION.contains(&(method, pattern)) {
        return Some(Need::Nothing);
    }
    ROUTES.iter().find(|(verb, path, _)| *verb == method && *path == pattern).map(|(_, _, scope)| Need::Scope(*scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_that_is_mounted_has_a_scope_and_nothing_else_has_one() {
        let described =
            serde_json::to_value(crate::router::described(&crate::compat::CompatSettings::default(), true)).unwrap();
        let mounted: Vec<(String, &str)> = described["paths"]
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(path, item)| Some((path.strip_prefix(BASE)?, item.as_object()?)))
            .flat_map(|(path, item)| item.keys().map(move |verb| (verb.to_uppercase(), path)))
            .collect();
        assert!(mounted.len() > 50, "the routes are found in the document");
        for (method, path) in &mounted {
            let scoped = ROUTES.iter().filter(|(verb, known, _)| verb == method && known == path).count();
            let named =
                [OWN, OPEN, BY_ACTION].concat().iter().filter(|(verb, known)| verb == method && known == path).count();
            assert_eq!(scoped + named, 1, "{method} {path} stands in one of the lists, once");
        }
        for (method, path) in [OWN, OPEN, BY_ACTION].concat() {
            assert!(mounted.contains(&(method.to_owned(), path)), "{method} {path} is not mounted");
        }
        for (method, path, scope) in ROUTES {
            assert!(mounted.contains(&((*method).to_owned(), *path)), "{method} {path} is not mounted");
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let found = needed(&method, &format!("{BASE}{path}"));
            assert_eq!(found, Some(Need::Scope(*scope)), "no route stands twice");
            // A token only opens what its key may read.
            let reads = (method == Method::GET && *path != "/audit") || *path == "/stream-tokens";
            assert_eq!(*scope != S::ModelsTest && scope.only_reads(), reads, "{method} {path}");
        }
        assert_eq!(needed(&Method::HEAD, "/api/v1/drafts"), Some(Need::Scope(S::DraftsRead)));
        assert_eq!(needed(&Method::POST, "/api/v1/session"), None, "who is not in yet has nothing to show");
        assert_eq!(needed(&Method::GET, "/api/v1/nothing"), None);
    }
}
