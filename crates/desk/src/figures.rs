//! From a provider's report to the row on the books: figures, cost, and honest estimates where a call was cut. Pure.

use copydesk_core::metering::cost::cost;
use copydesk_core::metering::price::Price;
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::{CallId, NanoUsd, Tokens};
use copydesk_providers::CallReport;
use copydesk_store::usage::ClosedCall;
use std::time::Duration;

/// How long a call took on the steady clock, from its opening on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timing {
    /// Until the first piece of text; `None` when none came.
    pub first_text: Option<Duration>,
    pub whole: Duration,
}

/// Units: bytes of text per token, for estimates only; every estimate is flagged as one.
const BYTES_PER_TOKEN: i64 = 4;
/// What a cost is called that is known.
const PRICED: &str = "priced";
/// What it is called that nobody knows.
const UNPRICED: &str = "unpriced";

/// What a call without figures probably used.
pub fn estimate(prompt_bytes: u64, answer_bytes: u64) -> TokenUsage {
    let tokens = |bytes: u64| {
        Tokens(i64::try_from(bytes).unwrap_or(i64::MAX).saturating_add(BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN)
    };
    TokenUsage {
        input: Some(tokens(prompt_bytes)),
        output: Some(tokens(answer_bytes)),
        estimated: true,
        ..TokenUsage::default()
    }
}

/// The reported figures, with the estimate in place of what is missing; then the whole is flagged as one.
fn completed(reported: TokenUsage, estimate: TokenUsage) -> TokenUsage {
    let is_whole = reported.input.is_some() && reported.output.is_some();
    TokenUsage {
        input: reported.input.or(estimate.input),
        output: reported.output.or(estimate.output),
        estimated: reported.estimated || !is_whole,
        ..reported
    }
}

/// The end of a call that has no report: lost, cancelled, or never sent.
pub fn close_without_report(
    id: CallId,
    outcome: CallOutcome,
    usage: TokenUsage,
    price: Option<&Price>,
    timing: Timing,
) -> ClosedCall {
    let cost = cost(&usage, price);
    ClosedCall {
        id,
        outcome,
        usage,
        cost: cost.nanousd(),
        cost_status: cost.status().to_owned(),
        price_version: cost.price_version().map(str::to_owned),
        duration_ms: millis(timing.whole),
        first_token_ms: timing.first_text.map(millis),
        http_status: None,
        provider_request_id: None,
        served_model: None,
        error: None,
    }
}

/// The end of a call that came back, well or badly. A figure that the provider did not report while it may have worked all
/// the same (a cut answer, no answer, usage that cannot be read) is estimated, the other is kept; an error status says
/// that it did not work.
pub fn close(
    id: CallId,
    report: &CallReport,
    prompt_bytes: u64,
    price: Option<&Price>,
    provider: &str,
    timing: Timing,
) -> ClosedCall {
    let refused = report.http_status.is_some_and(|status| status >= 400);
    let usage = if report.sent && !refused {
        let answer_bytes = match &report.result {
            Ok(answer) => answer.text.len(),
            Err(_) => report.partial_text.as_ref().map_or(0, String::len),
        };
        completed(report.usage, estimate(prompt_bytes, answer_bytes as u64))
    } else {
        report.usage
    };
    let closed = close_without_report(id, outcome(report), usage, price, timing);
    with_report(closed, report, provider)
}

/// The end of a call that made files, or failed to: nothing is estimated, because its length says nothing of its cost.
pub fn close_made<T>(
    id: CallId,
    report: &CallReport<T>,
    usage: TokenUsage,
    price: Option<&Price>,
    provider: &str,
    timing: Timing,
) -> ClosedCall {
    let closed = close_without_report(id, outcome(report), usage, price, timing);
    with_report(closed, report, provider)
}

/// The end of a call that started a job. What the job costs stands with the call that asks for its result.
pub fn close_started<T>(id: CallId, report: &CallReport<T>, provider: &str, timing: Timing) -> ClosedCall {
    let closed = close_made(id, report, report.usage, None, provider, timing);
    match (&report.result, closed.cost) {
        (Ok(_), None) => ClosedCall { cost: Some(NanoUsd(0)), cost_status: PRICED.to_owned(), ..closed },
        (Ok(_) | Err(_), _) => closed,
    }
}

/// The same end with its figures left to another call.
pub fn without_cost(closed: ClosedCall) -> ClosedCall {
    let cost_status = UNPRICED.to_owned();
    ClosedCall { usage: TokenUsage::default(), cost: None, cost_status, price_version: None, ..closed }
}

fn outcome<T>(report: &CallReport<T>) -> CallOutcome {
    match (&report.result, report.sent) {
        (Ok(_), _) => CallOutcome::Ok,
        (Err(_), true) => CallOutcome::Failed,
        (Err(_), false) => CallOutcome::NotSent,
    }
}

fn with_report<T>(closed: ClosedCall, report: &CallReport<T>, provider: &str) -> ClosedCall {
    let error = report.result.as_ref().err().map(|error| {
        let failure = error.failure(provider);
        (failure.code.as_str().to_owned(), failure.detail.unwrap_or(failure.message))
    });
    ClosedCall {
        http_status: report.http_status,
        provider_request_id: report.provider_request_id.clone(),
        served_model: report.served_model.clone(),
        error,
        ..closed
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_figure_that_is_missing_is_estimated_and_then_the_row_says_so() {
        let guess = estimate(40, 8);
        let input = TokenUsage { input: Some(Tokens(7)), ..TokenUsage::default() };
        let cut = completed(input, guess);
        assert_eq!((cut.input, cut.output, cut.estimated), (Some(Tokens(7)), Some(Tokens(2)), true));
        let silent = completed(TokenUsage::default(), guess);
        assert_eq!((silent.input, silent.output, silent.estimated), (Some(Tokens(10)), Some(Tokens(2)), true));
        let whole = TokenUsage { output: Some(Tokens(0)), ..input };
        assert_eq!(completed(whole, guess), whole, "zero is a report");
    }
}
