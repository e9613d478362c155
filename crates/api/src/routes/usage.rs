//! Usage: as totals by any zone's intervals and groups, and as rows, one per call to a provider, also the failed, cut and
//! cancelled ones.

use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::fields::near;
use crate::extract::query::{Params, listing};
use crate::extract::span::parse_age;
use crate::openapi::params::Paging;
use crate::openapi::words::{Age, DraftKey, GenerationKey, InstantOrDate, UsageInterval};
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::call::CallBody;
use crate::wire::list::List;
use crate::wire::usage::{Shown, UsageTotals};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use copydesk_core::metering::cuts::{BadSpan, Interval, Zone};
use copydesk_core::metering::question::{Dimension, Group};
use copydesk_core::time::BadTime;
use copydesk_core::{CallId, Timestamp};
use copydesk_desk::store::usage::CallFilter;
use copydesk_desk::store::{Order, Scope};
use copydesk_desk::usage::UsageRequest;
use std::collections::BTreeSet;
use std::time::Duration;

/// A recipe is the service.
const RECIPE: &str = "recipe";
/// How many near names of zones are shown for one that is none.
const NEAR_MAX: usize = 5;

/// Add usage up.
///
/// Exact in any time zone, however many calls there are.
#[utoipa::path(
    get, path = "/usage", operation_id = "getUsage", tag = "usage",
    params(
        ("group_by" = Option<String>, Query, pattern = "^(user|service|recipe|operation|provider|model)(,(user|operation|provider|model))*$", description = "What to tell apart: any of user, service (or recipe), operation, provider, model, with commas between."),
        ("interval" = Option<UsageInterval>, Query, description = "The length of a part; `day` unless said otherwise."),
        ("tz" = Option<String>, Query, description = "The zone whose days these are, such as `Europe/Berlin`."),
        ("from" = Option<InstantOrDate>, Query, description = "The beginning; an instant, or a date in the zone."),
        ("to" = Option<InstantOrDate>, Query, description = "The end."),
        ("since" = Option<Age>, Query, description = "How long before the end, instead of `from`."),
        ("user" = Option<String>, Query, description = "Only this user."),
        ("service" = Option<String>, Query, description = "Only this service, which is a recipe."),
        ("recipe" = Option<String>, Query, description = "The same."),
        ("operation" = Option<String>, Query, description = "Only this operation."),
        ("provider" = Option<String>, Query, description = "Only this provider."),
        ("model" = Option<String>, Query, description = "Only this model."),
    ),
    responses((status = 200, description = "The totals, part by part.", body = UsageTotals)),
    extensions(("x-problems" = json!([Code::NaiveTimestamp, Code::UsageTooLarge]))),
)]
pub(crate) async fn totals(
    State(api): State<Api>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<UsageTotals>, Problem> {
    let zone = zone(&mut params, &api.desk().config().zone);
    let interval = params.word("interval", Interval::parse, &Interval::ALL.map(Interval::as_str));
    let by = groups(&mut params);
    let only = only(&mut params, caller.scope);
    let (from, to, since) = span(&mut params, &zone);
    params.finish()?;
    let interval = interval.unwrap_or(Interval::Day);
    let dimensions = by.iter().map(|(_, dimension)| *dimension).collect();
    let request = UsageRequest { zone: zone.clone(), interval, from, since, to, by: dimensions, only };
    let usage = api.desk().usage(caller.scope, request).await?;
    Ok(Json(Shown { zone, interval, by }.body(&usage)))
}

fn zone(params: &mut Params, usual: &Zone) -> Zone {
    let Some(name) = params.text("tz") else { return usual.clone() };
    Zone::named(&name).unwrap_or_else(|bad| {
        let near = near_zones(&name);
        let meant = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
        params.fault("tz", "not_allowed", format!("{bad}{meant}"));
        usual.clone()
    })
}

/// Zones that are spelled nearly so, or whose name ends like this.
fn near_zones(given: &str) -> Vec<String> {
    let names = Zone::names();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let typo = near(given, &known).map(str::to_owned);
    let city = |name: &str| name.rsplit('/').next().unwrap_or(name).to_lowercase().replace('_', " ");
    let wanted = city(given);
    let same = names.iter().filter(|name| !wanted.is_empty() && near(&wanted, &[&city(name)]).is_some());
    typo.into_iter().chain(same.cloned()).collect::<BTreeSet<_>>().into_iter().take(NEAR_MAX).collect()
}

/// `?group_by=model,user`, each under the name it was asked for by.
fn groups(params: &mut Params) -> Vec<(String, Dimension)> {
    let text = params.text("group_by").unwrap_or_default();
    let mut by: Vec<(String, Dimension)> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let dimension = if name == RECIPE { Some(Dimension::Service) } else { Dimension::parse(name) };
        match dimension {
            Some(dimension) if by.iter().all(|(_, known)| *known != dimension) => by.push((name.to_owned(), dimension)),
            Some(_) => params.fault("group_by", "repeated", format!("{name} is there twice")),
            None => {
                let known = Dimension::ALL.map(Dimension::as_str).join(", ");
                let shown: String = name.chars().take(40).collect();
                params.fault("group_by", "not_allowed", format!("{shown:?} is none of {known}, {RECIPE}"));
            }
        }
    }
    by
}

fn only(params: &mut Params, scope: Scope) -> Group {
    let (service, recipe) = (params.text("service"), params.text(RECIPE));
    if service.is_some() && recipe.is_some() {
        params.fault(RECIPE, "not_allowed", "a recipe is a service; leave one of the two out");
    }
    Group {
        user: params.user(scope),
        service: service.or(recipe),
        operation: params.text("operation"),
        provider: params.text("provider"),
        model: params.text("model"),
    }
}

/// `from`, `to` and `since`, which stands for `from`.
fn span(params: &mut Params, zone: &Zone) -> (Option<Timestamp>, Option<Timestamp>, Option<Duration>) {
    let (from, to) = (end(params, "from", zone), end(params, "to", zone));
    let since = params
        .text("since")
        .and_then(|text| parse_age(&text).map_err(|detail| params.fault("since", "bad_duration", detail)).ok());
    if since.is_some() && from.is_some() {
        params.fault("since", "not_allowed", "from says where the span begins already; leave one of the two out");
    }
    (from, to, since)
}

/// An instant with an offset, or a date in the zone.
fn end(params: &mut Params, name: &'static str, zone: &Zone) -> Option<Timestamp> {
    let text = params.text(name)?;
    let bad = |bad: BadTime| match bad {
        BadTime::Naive(_) => (Code::NaiveTimestamp.as_str(), format!("{bad}; a date alone begins in the zone")),
        BadTime::Malformed(_) => ("bad_time", format!("{bad}, or a date such as 2026-01-31")),
    };
    zone.end(&text).map_err(bad).map_err(|(code, detail)| params.fault(name, code, detail)).ok()
}

/// List calls to providers.
///
/// One row each, also the failed, cut and cancelled ones, by when they were opened. What was not reported is null, never 0.
#[utoipa::path(
    get, path = "/usage/rows", operation_id = "listUsageRows", tag = "usage",
    params(
        ("user" = Option<String>, Query, description = "Only this user's."),
        ("generation" = Option<GenerationKey>, Query, description = "Only of this generation."),
        ("draft" = Option<DraftKey>, Query, description = "Only for this draft."),
        ("tz" = Option<String>, Query, description = "The zone of dates; default: the setting."),
        ("from" = Option<InstantOrDate>, Query, description = "Opened then or later."),
        ("to" = Option<InstantOrDate>, Query, description = "Opened before."),
        ("since" = Option<Age>, Query, description = "Instead of `from`: so long before `to`."),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<CallBody>)),
)]
pub(crate) async fn rows(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let zone = zone(&mut params, &api.desk().config().zone);
    let (from, to, since) = span(&mut params, &zone);
    let from = from.or(since.map(|since| to.unwrap_or(api.desk().world().now()).minus(since)));
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        params.fault("from", "out_of_range", BadSpan::Reversed { from, to }.to_string());
    }
    let filter =
        CallFilter { user: params.user(caller.scope), generation: params.id("generation"), draft: params.id("draft") };
    let mut page = params.page(Order::NewestFirst);
    params.finish()?;
    let (near, far) = match page.order {
        Order::OldestFirst => (from, to),
        Order::NewestFirst => (to, from),
    };
    page.after = page.after.or(near.map(|at| CallId::first_at(at).to_string()));
    let order = page.order;
    let mut page = api.desk().store().calls(caller.scope, filter, page).await.map_err(listing)?;
    if let Some(end) = far.map(CallId::first_at) {
        let inside = page.rows.iter().take_while(|row| (row.id < end) == (order == Order::OldestFirst)).count();
        if inside < page.rows.len() {
            page.rows.truncate(inside);
            page.next = None;
        }
    }
    Ok(look::list(&uri, page, CallBody::from))
}
