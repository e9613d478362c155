//! `copydesk audit`: re-proves every invariant on the live data.

use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, cell, table};
use serde_json::Value;
use std::time::Duration;

pub async fn run(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let backend = Backend::open(settings, Need::Records).await?;
    let report = backend.get("/api/v1/audit").await?.body;
    backend.close(Duration::ZERO).await?;
    let findings: Vec<&Value> = report.get("findings").and_then(Value::as_array).into_iter().flatten().collect();
    if output.json {
        output.object(&report);
    } else if !findings.is_empty() {
        let rows: Vec<Vec<String>> =
            findings.iter().map(|finding| ["/check", "/subject", "/detail"].map(|pointer| cell(finding, pointer)).to_vec()).collect();
        output.data(&table(&["CHECK", "SUBJECT", "DETAIL"], &rows));
    }
    if findings.is_empty() {
        output.talk("The books are right: every check passed, nothing was found.");
        return Ok(exit::OK);
    }
    Err(Failure::new(exit::CHECK_FAILED, "audit_findings", format!("{} broken invariant(s)", findings.len())))
}
