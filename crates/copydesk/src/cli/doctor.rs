//! `copydesk doctor`: checks the installation and says yes or no, with what to do. `copydesk health`: the same checks, graded.

use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, cell};
use serde_json::Value;

pub async fn run(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let report = asked("/api/v1/doctor", settings, output).await?;
    show(&report, output)
}

pub async fn health(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let report = asked("/api/v1/health", settings, output).await?;
    let shown = show(&report, output);
    if shown.is_ok() && !output.json {
        output.talk(match cell(&report, "/status").as_str() {
            "ok" => "All is well. What is promised is proved by `copydesk promises`.",
            _ => "It works; what is marked `warn` is worth a look.",
        });
    }
    shown
}

async fn asked(path: &str, settings: &Settings, output: Output) -> Result<Value, Failure> {
    let report = Backend::with(settings, Need::Records, async |backend| backend.get(path).await).await?.body;
    if output.json {
        output.object(&report);
    }
    Ok(report)
}

fn show(report: &Value, output: Output) -> Result<u8, Failure> {
    let mut bad = 0;
    for check in report.get("checks").and_then(Value::as_array).into_iter().flatten() {
        let grade = match cell(check, "/status").as_str() {
            "ok" => "ok  ",
            "warn" => "warn",
            _ => "FAIL",
        };
        bad += usize::from(grade == "FAIL");
        if !output.json {
            output.data(&format!("{grade}  {:<12} {}", cell(check, "/name"), cell(check, "/detail")));
            if let Some(fix) = check.get("fix").and_then(Value::as_str) {
                output.data(&format!("{:19}{fix}", ""));
            }
        }
    }
    if bad == 0 {
        Ok(exit::OK)
    } else {
        Err(Failure::new(exit::CHECK_FAILED, "check_failed", format!("{bad} check(s) failed")))
    }
}
