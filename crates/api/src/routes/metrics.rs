//! The numbers of this process and of the queue, for Prometheus. Nothing is kept here.

use crate::auth::Caller;
use crate::openapi::problems::OPERATOR;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::metrics::text;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_desk::metrics::{Family, Kind, Sample, Value};
use http::header::CONTENT_TYPE;

/// The text format, version 0.0.4.
/// Source: prometheus.io/docs/instrumenting/exposition_formats, November 2026.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The numbers of this process and of the queue, in Prometheus' text format.
///
/// The operator's, unless the installation was opened for scrapers.
#[utoipa::path(
    get, path = "/metrics", operation_id = "getMetrics", tag = "installation",
    responses((status = 200, description = "The metrics.", body = String)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn scrape(State(api): State<Api>, caller: Option<Extension<Caller>>) -> Result<Response, Problem> {
    if let Some(Extension(caller)) = caller {
        caller.must_operate()?;
    }
    let mut families = api.desk().metrics().await?;
    let open = api.streams_open();
    families.push(gauge("copydesk_sse_clients", "Event streams that are open.", vec![], open as u64));
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    families.push(gauge("copydesk_build_info", "Always 1; the label says what runs here.", version, 1));
    Ok(([(CONTENT_TYPE, FORMAT)], text(&families)).into_response())
}

fn gauge(name: &'static str, help: &'static str, labels: Vec<(&'static str, String)>, value: u64) -> Family {
    Family { name, help, kind: Kind::Gauge, samples: vec![Sample::of(labels, Value::Whole(value))] }
}
