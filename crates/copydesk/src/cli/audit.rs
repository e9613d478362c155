//! `copydesk audit`: re-proves every invariant on the live data.

use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell};
use serde_json::Value;

pub async fn run(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let report = Backend::with(settings, Need::Records, async |backend| backend.get("/api/v1/audit").await).await?.body;
    let findings: Vec<&Value> = report.get("findings").and_then(Value::as_array).into_iter().flatten().collect();
    if output.json {
        output.object(&report);
    } else if !findings.is_empty() {
        let rows: Vec<Vec<String>> = findings
            .iter()
            .map(|finding| ["/check", "/subject", "/detail"].map(|pointer| cell(finding, pointer)).to_vec())
            .collect();
        output.table(Table { headings: &["CHECK", "SUBJECT", "DETAIL"], rows, cut: None });
    }
    if findings.is_empty() {
        output.talk("The books are right: every check passed, nothing was found.");
        return Ok(exit::OK);
    }
    Err(Failure::new(exit::CHECK_FAILED, "audit_findings", format!("{} broken invariant(s)", findings.len()))
        .hint("keep a copy of the data before anything is mended; each check is described by its file in sql/audit/"))
}
