//! `copydesk doctor`: checks the installation and says yes or no, with what to do.

use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, cell};
use serde_json::Value;

pub async fn run(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let report =
        Backend::with(settings, Need::Records, async |backend| backend.get("/api/v1/doctor").await).await?.body;
    if output.json {
        output.object(&report);
    }
    let mut bad = 0;
    for check in report.get("checks").and_then(Value::as_array).into_iter().flatten() {
        let ok = check.get("ok").and_then(Value::as_bool).unwrap_or(false);
        bad += usize::from(!ok);
        if !output.json {
            output.data(&format!(
                "{}  {:<12} {}",
                if ok { "ok  " } else { "FAIL" },
                cell(check, "/name"),
                cell(check, "/detail")
            ));
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
