//! Following a job: one moving line on a terminal, plain lines elsewhere, one JSON object a line with `--json`. Who stops
//! watching only detaches.

use super::generations::escape;
use super::jobs::status;
use crate::backend::Backend;
use crate::exit::{self, Failure};
use crate::output::{Output, cell};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::time::Duration;

/// How often a job is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// After how many looks a line is written where no line can move.
const LOOKS_A_LINE: u32 = 10;

/// Watches until the job has ended or is paused. The exit code says how: 7 when some failed, 5 when nothing came of it.
pub async fn watch(backend: &Backend, job: &str, output: Output) -> Result<u8, Failure> {
    let mut line = Line::new(output);
    let seen = tokio::select! {
        seen = follow(backend, job, &mut line) => seen,
        _ = tokio::signal::ctrl_c() => {
            let how = if backend.is_inside() { "it goes on when `copydesk serve` runs" } else { "it goes on" };
            Err(Failure::new(exit::INTERRUPTED, "interrupted", format!("You stopped watching {job}; {how}."))
                .hint(format!("see it with `copydesk jobs show {job}`, stop it with `copydesk jobs cancel {job}`")))
        }
    };
    line.clear();
    let mut last = seen?;
    let id = cell(&last, "/id");
    if output.json {
        last["final"] = true.into();
        output.line_of_json(&last);
    } else {
        output.data(&format!("{id}  {}\n{}\n", status(&last), equation(&last)));
    }
    let failed = cell(&last, "/counts/failed") != "0";
    match cell(&last, "/status").as_str() {
        "paused" => Err(paused(&last, &id)),
        "completed" if !failed => {
            output.talk(&format!("get the drafts with: copydesk jobs export {id} --format csv"));
            Ok(exit::OK)
        }
        "completed" => {
            output.talk(&format!("why: copydesk jobs show {id}; try them again with: copydesk jobs retry {id}"));
            Ok(exit::PARTLY_FAILED)
        }
        _ => {
            output.talk(&format!("why: copydesk jobs show {id}; try them again with: copydesk jobs retry {id}"));
            Ok(exit::WORK_FAILED)
        }
    }
}

fn paused(job: &Value, id: &str) -> Failure {
    let code = cell(job, "/note/code");
    let exit = match code.as_str() {
        "job_cap_reached" | "budget_exceeded" | "insufficient_credits" => exit::NO_CREDITS,
        _ => exit::CONFLICT,
    };
    let hint = match code.as_str() {
        "job_cap_reached" => format!("copydesk jobs resume {id} --cap DOLLARS"),
        _ => format!("go on with: copydesk jobs resume {id}"),
    };
    Failure::new(exit, &code, format!("{id} is paused. {}", cell(job, "/note/message"))).hint(hint)
}

async fn follow(backend: &Backend, job: &str, line: &mut Line) -> Result<Value, Failure> {
    let path = format!("/api/v1/jobs/{}", escape(job));
    loop {
        let body = backend.get(&path).await?.body;
        if matches!(cell(&body, "/status").as_str(), "completed" | "failed" | "cancelled" | "paused") {
            return Ok(body);
        }
        line.show(&body);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// `120 items = 117 drafts + 2 failed + 1 skipped`: what is not nothing, and always drafts.
pub fn equation(job: &Value) -> String {
    let count = |name: &str| job.pointer(&format!("/counts/{name}")).and_then(Value::as_u64).unwrap_or_default();
    let total = job.pointer("/total_targets").and_then(Value::as_u64).unwrap_or_default();
    let mut parts = vec![format!("{} drafts", grouped(count("completed")))];
    for name in ["failed", "skipped", "cancelled", "processing", "pending"] {
        if count(name) > 0 {
            parts.push(format!("{} {name}", grouped(count(name))));
        }
    }
    format!("{} items = {}", grouped(total), parts.join(" + "))
}

/// `12,345`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

struct Line {
    output: Output,
    bar: Option<ProgressBar>,
    /// What was written last, and how many looks ago.
    last: Option<(String, u32)>,
}

impl Line {
    fn new(output: Output) -> Line {
        let bar = output.may_animate().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{bar:24} {percent:>3}%  {msg}  {eta} left");
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar
        });
        Line { output, bar, last: None }
    }

    fn show(&mut self, job: &Value) {
        let text = equation(job);
        if let Some(bar) = &self.bar {
            let count = |pointer: &str| job.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
            let open = count("/counts/pending") + count("/counts/processing");
            bar.set_length(count("/total_targets"));
            bar.set_position(count("/total_targets") - open);
            bar.set_message(text);
            return;
        }
        let due = match &mut self.last {
            None => true,
            Some((said, looks)) => {
                *looks += 1;
                *said != text && *looks >= LOOKS_A_LINE
            }
        };
        if due {
            if self.output.json {
                self.output.line_of_json(job);
            } else {
                self.output.talk(&text);
            }
            self.last = Some((text, 0));
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_equation_says_what_there_is() {
        let job = json!({ "total_targets": 12_120, "counts": {
            "pending": 0, "processing": 0, "completed": 12_117, "failed": 2, "skipped": 1, "cancelled": 0 } });
        assert_eq!(equation(&job), "12,120 items = 12,117 drafts + 2 failed + 1 skipped");
        let begun = json!({ "total_targets": 3, "counts": {
            "pending": 2, "processing": 1, "completed": 0, "failed": 0, "skipped": 0, "cancelled": 0 } });
        assert_eq!(equation(&begun), "3 items = 0 drafts + 1 processing + 2 pending");
    }
}
