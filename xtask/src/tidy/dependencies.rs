//! Who may depend on whom. Dependencies point downward only; the rules are data here, and the facts come from Cargo.

use serde_json::Value;

use super::Finding;
use crate::tree::SourceFile;

/// What one of our packages may name in its manifest.
struct Rule {
    package: &'static str,
    /// Of ours, in `[dependencies]` and `[build-dependencies]`.
    ours: &'static [&'static str],
    /// Of ours, in `[dev-dependencies]` in addition.
    ours_in_tests: &'static [&'static str],
    third_party: ThirdParty,
}

/// Third-party crates outside tests.
enum ThirdParty {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static [&'static str]]),
}

use ThirdParty::{AllBut, Only};

const SQLITE_DRIVERS: &[&str] = &["rusqlite", "libsqlite3-sys", "sqlx"];
const POSTGRES_DRIVERS: &[&str] = &["tokio-postgres", "deadpool-postgres", "tokio-postgres-rustls", "sqlx"];
const WEB: &[&str] = &["axum", "tower", "tower-http", "hyper", "askama"];
/// Their macros cost compile time, so one crate has them.
const DOCUMENT: &[&str] = &["utoipa", "utoipa-axum"];
const CLIENT: &[&str] = &["reqwest"];
const RUNTIME: &[&str] = &["tokio", "tokio-util"];

const EVERYTHING: &[&str] = &[
    "copydesk-core",
    "copydesk-assets",
    "copydesk-store",
    "copydesk-store-tests",
    "copydesk-store-sqlite",
    "copydesk-store-postgres",
    "copydesk-outbound",
    "copydesk-smtp",
    "copydesk-providers",
    "copydesk-recipes",
    "copydesk-export",
    "copydesk-desk",
    "copydesk-api",
    "copydesk-web",
    "copydesk",
];

/// Below desk, for tests of the edges: they build a desk on the model store and the demo provider.
const FOR_EDGE_TESTS: &[&str] = &[
    "copydesk-assets",
    "copydesk-store",
    "copydesk-store-tests",
    "copydesk-outbound",
    "copydesk-smtp",
    "copydesk-providers",
    "copydesk-recipes",
    "copydesk-fakeprovider",
];

/// Never in `[dependencies]`: it is no part of the product.
const FAKE_PROVIDER: &[&str] = &["copydesk-fakeprovider"];

const RULES: [Rule; 18] = [
    Rule {
        package: "copydesk-core",
        ours: &[],
        ours_in_tests: &[],
        third_party: Only(&["uuid", "jiff", "serde_json", "thiserror", "sha2"]),
    },
    Rule {
        package: "copydesk-assets",
        ours: &["copydesk-core"],
        ours_in_tests: &[],
        third_party: AllBut(&[DOCUMENT, SQLITE_DRIVERS, POSTGRES_DRIVERS, WEB, CLIENT]),
    },
    Rule {
        package: "copydesk-store",
        ours: &["copydesk-core"],
        ours_in_tests: &[],
        third_party: AllBut(&[DOCUMENT, SQLITE_DRIVERS, POSTGRES_DRIVERS, WEB, CLIENT, RUNTIME]),
    },
    Rule {
        package: "copydesk-store-tests",
        ours: &["copydesk-core", "copydesk-store"],
        ours_in_tests: &[],
        third_party: AllBut(&[DOCUMENT, SQLITE_DRIVERS, POSTGRES_DRIVERS, WEB, CLIENT]),
    },
    Rule {
        package: "copydesk-store-sqlite",
        ours: &["copydesk-core", "copydesk-store"],
        ours_in_tests: &["copydesk-store-tests"],
        third_party: AllBut(&[DOCUMENT, POSTGRES_DRIVERS, WEB, CLIENT]),
    },
    Rule {
        package: "copydesk-store-postgres",
        ours: &["copydesk-core", "copydesk-store"],
        ours_in_tests: &["copydesk-store-tests"],
        third_party: AllBut(&[DOCUMENT, SQLITE_DRIVERS, WEB, CLIENT]),
    },
    // The guarded client for addresses that users give: it knows no product word, so that whoever needs it can have it.
    Rule {
        package: "copydesk-outbound",
        ours: &[],
        ours_in_tests: &[],
        third_party: Only(&["flate2", "futures", "reqwest", "rustls", "thiserror", "tokio", "tracing"]),
    },
    Rule {
        package: "copydesk-smtp",
        ours: &["copydesk-core"],
        ours_in_tests: FAKE_PROVIDER,
        third_party: Only(&["hickory-resolver", "lettre", "tokio"]),
    },
    Rule {
        package: "copydesk-providers",
        ours: &["copydesk-core", "copydesk-outbound"],
        ours_in_tests: FAKE_PROVIDER,
        third_party: AllBut(&[DOCUMENT, SQLITE_DRIVERS, POSTGRES_DRIVERS]),
    },
    Rule {
        package: "copydesk-recipes",
        ours: &["copydesk-core"],
        ours_in_tests: &[],
        third_party: AllBut(&[DOCUMENT, SQLITE_DRIVERS, POSTGRES_DRIVERS, WEB, CLIENT, RUNTIME]),
    },
    // Pure: what a content looks like outside. It writes into what it is given and reads nothing.
    Rule {
        package: "copydesk-export",
        ours: &["copydesk-core"],
        ours_in_tests: &[],
        third_party: Only(&["base64", "pulldown-cmark", "serde_json", "zip"]),
    },
    Rule {
        package: "copydesk-desk",
        ours: &[
            "copydesk-core",
            "copydesk-assets",
            "copydesk-store",
            "copydesk-outbound",
            "copydesk-smtp",
            "copydesk-providers",
            "copydesk-recipes",
            "copydesk-export",
        ],
        ours_in_tests: &["copydesk-store-tests", "copydesk-fakeprovider"],
        third_party: AllBut(&[DOCUMENT, SQLITE_DRIVERS, POSTGRES_DRIVERS, WEB]),
    },
    Rule {
        package: "copydesk-api",
        ours: &["copydesk-core", "copydesk-desk", "copydesk-export"],
        ours_in_tests: FOR_EDGE_TESTS,
        third_party: AllBut(&[SQLITE_DRIVERS, POSTGRES_DRIVERS]),
    },
    Rule {
        package: "copydesk-web",
        ours: &["copydesk-core", "copydesk-desk"],
        ours_in_tests: FOR_EDGE_TESTS,
        third_party: AllBut(&[DOCUMENT, SQLITE_DRIVERS, POSTGRES_DRIVERS]),
    },
    // It speaks raw TCP, so that every byte can be wrong: no HTTP library.
    Rule {
        package: "copydesk-fakeprovider",
        ours: &[],
        ours_in_tests: &[],
        third_party: Only(&["clap", "flate2", "serde_json", "tokio"]),
    },
    Rule { package: "copydesk", ours: EVERYTHING, ours_in_tests: FAKE_PROVIDER, third_party: AllBut(&[DOCUMENT]) },
    Rule {
        package: "copydesk-bench",
        ours: EVERYTHING,
        ours_in_tests: FAKE_PROVIDER,
        third_party: AllBut(&[DOCUMENT]),
    },
    Rule { package: "xtask", ours: &[], ours_in_tests: &[], third_party: AllBut(&[DOCUMENT]) },
];

/// `metadata` is the answer of `cargo metadata --no-deps`.
pub fn check(metadata: &Value) -> Vec<Finding> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    if packages.is_empty() {
        return vec!["cargo metadata names no packages".to_owned()];
    }
    packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Value) -> Vec<Finding> {
    let name = package["name"].as_str().unwrap_or_default();
    let Some(rule) = RULES.iter().find(|rule| rule.package == name) else {
        return vec![format!("{name}: no rule says what it may depend on; add one to xtask/src/tidy/dependencies.rs")];
    };
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    dependencies.iter().filter_map(|dependency| objection(rule, dependency)).collect()
}

fn objection(rule: &Rule, dependency: &Value) -> Option<Finding> {
    let name = dependency["name"].as_str().unwrap_or_default();
    let in_tests = dependency["kind"] == "dev";
    let ours = name == "copydesk" || name.starts_with("copydesk-") || name == "xtask";
    let allowed = match (ours, in_tests) {
        (true, true) => rule.ours.contains(&name) || rule.ours_in_tests.contains(&name),
        (true, false) => rule.ours.contains(&name),
        (false, true) => true,
        (false, false) => match rule.third_party {
            Only(list) => list.contains(&name),
            AllBut(lists) => !lists.iter().any(|list| list.contains(&name)),
        },
    };
    let place = if in_tests { "[dev-dependencies]" } else { "[dependencies]" };
    (!allowed).then(|| format!("{}: {place} may not name {name} (xtask/src/tidy/dependencies.rs)", rule.package))
}

/// Everything but the wiring sees a store behind the contract.
pub fn engines_meet_in_wiring_only(files: &[SourceFile]) -> Vec<Finding> {
    let names_both = |file: &&SourceFile| {
        let lines = file.product_lines();
        ["copydesk_store_sqlite", "copydesk_store_postgres"]
            .iter()
            .all(|engine| lines.iter().any(|(_, l)| l.contains(engine)))
    };
    let product =
        files.iter().filter(|file| !file.is_for_tests() && !file.path.starts_with("crates/copydesk/src/wiring"));
    let offenders = product.filter(names_both);
    offenders.map(|file| format!("{}: only crates/copydesk/src/wiring.rs names both engines", file.path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn findings(package: &str, dependencies: &[(&str, &str)]) -> Vec<Finding> {
        let list: Vec<Value> = dependencies
            .iter()
            .map(|(name, kind)| json!({"name": name, "kind": if kind.is_empty() { Value::Null } else { (*kind).into() }}))
            .collect();
        check(&json!({"packages": [{"name": package, "dependencies": list}]}))
    }

    #[test]
    fn dependencies_point_downward() {
        assert_eq!(findings("copydesk-store", &[("copydesk-core", ""), ("futures", "")]), Vec::<Finding>::new());
        assert_eq!(findings("copydesk-core", &[("copydesk-store", "")]).len(), 1);
        assert_eq!(findings("copydesk-api", &[("copydesk-store-sqlite", "")]).len(), 1);
        assert_eq!(findings("copydesk-desk", &[("copydesk-api", "")]).len(), 1);
        assert_eq!(findings("xtask", &[("copydesk-core", "")]).len(), 1);
    }

    #[test]
    fn tests_may_see_the_conformance_suite_and_no_engine() {
        assert_eq!(findings("copydesk-desk", &[("copydesk-store-tests", "dev")]), Vec::<Finding>::new());
        assert_eq!(findings("copydesk-desk", &[("copydesk-store-tests", "")]).len(), 1);
        assert_eq!(findings("copydesk-api", &[("copydesk-store-postgres", "dev")]).len(), 1);
    }

    #[test]
    fn the_core_has_an_allow_list_and_the_edges_have_bans() {
        assert_eq!(findings("copydesk-core", &[("uuid", ""), ("proptest", "dev")]), Vec::<Finding>::new());
        assert_eq!(findings("copydesk-core", &[("tokio", ""), ("serde", "")]).len(), 2);
        assert_eq!(findings("copydesk-api", &[("rusqlite", ""), ("tokio-postgres", ""), ("axum", "")]).len(), 2);
        assert_eq!(findings("copydesk", &[("utoipa", ""), ("axum", "")]).len(), 1);
    }

    #[test]
    fn an_unknown_package_asks_for_a_rule() {
        assert!(findings("copydesk-new", &[])[0].contains("no rule"));
    }

    #[test]
    fn both_engines_in_one_file_are_wiring() {
        let text = "//! x\nuse copydesk_store_sqlite::A;\nuse copydesk_store_postgres::B;\n";
        let file = |path: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        assert!(engines_meet_in_wiring_only(&[file("crates/copydesk/src/wiring.rs")]).is_empty());
        assert_eq!(engines_meet_in_wiring_only(&[file("crates/copydesk/src/doctor.rs")]).len(), 1);
    }
}
