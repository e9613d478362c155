//! Totals of usage. Times are in the zone that was asked for; a sum of costs says when it is short.

use crate::openapi::words::{UsageCostStatus, UsageInterval};
use crate::wire::call::UNPRICED;
use copydesk_core::Timestamp;
use copydesk_core::metering::cuts::{Interval, Zone};
use copydesk_core::metering::question::{Dimension, Group};
use copydesk_core::metering::totals::{Figure, Figures};
use copydesk_desk::usage::Usage;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// How totals are asked for and shown.
pub(crate) struct Shown {
    pub zone: Zone,
    pub interval: Interval,
    /// By the names that were used.
    pub by: Vec<(String, Dimension)>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct UsageTotals {
    object: &'static str,
    tz: String,
    #[schema(value_type = UsageInterval)]
    interval: &'static str,
    from: String,
    to: String,
    group_by: Vec<String>,
    data: Vec<Row>,
    /// All rows together.
    total: FiguresBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = UsageRow)]
struct Row {
    from: String,
    to: String,
    #[schema(value_type = Object)]
    group: Map<String, Value>,
    #[serde(flatten)]
    figures: FiguresBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = UsageFigures)]
struct FiguresBody {
    calls: i64,
    /// Calls that failed or were lost.
    failed: i64,
    /// Calls whose tokens are an estimate.
    estimated: i64,
    /// Calls without a cost.
    unpriced: i64,
    tokens: TokensBody,
    images: i64,
    video_seconds: i64,
    cost: CostBody,
    duration_ms: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = UsageTokens)]
struct TokensBody {
    input: i64,
    output: i64,
    total: i64,
    input_cached: i64,
    input_cache_write: i64,
    output_reasoning: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = UsageCost)]
struct CostBody {
    /// `null` where no call has a cost that is known.
    nanousd: Option<i64>,
    #[schema(value_type = UsageCostStatus)]
    status: &'static str,
}

impl From<&Figures> for FiguresBody {
    fn from(figures: &Figures) -> FiguresBody {
        let get = |figure| figures.get(figure);
        let (cost, unpriced) = (get(Figure::CostNanousd), get(Figure::Unpriced));
        let cost = match (cost, unpriced) {
            (cost, 0) => CostBody { nanousd: Some(cost), status: "priced" },
            (0, _) => CostBody { nanousd: None, status: UNPRICED },
            (cost, _) => CostBody { nanousd: Some(cost), status: "partly_priced" },
        };
        FiguresBody {
            calls: get(Figure::Calls),
            failed: get(Figure::Failed),
            estimated: get(Figure::Estimated),
            unpriced,
            tokens: TokensBody {
                input: get(Figure::TokensInput),
                output: get(Figure::TokensOutput),
                total: figures.tokens(),
                input_cached: get(Figure::TokensCached),
                input_cache_write: get(Figure::TokensCacheWrite),
                output_reasoning: get(Figure::TokensReasoning),
            },
            images: get(Figure::Images),
            video_seconds: get(Figure::VideoSeconds),
            cost,
            duration_ms: get(Figure::DurationMs),
        }
    }
}

impl Shown {
    pub fn body(self, usage: &Usage) -> UsageTotals {
        let at = |place: usize| usage.cuts.get(place).map_or_else(String::new, |cut: &Timestamp| self.zone.shown(*cut));
        let total = usage.totals.iter().fold(Figures::default(), |sum, total| sum.plus(&total.figures));
        let row = |total: &copydesk_core::metering::question::Total| Row {
            from: at(total.part),
            to: at(total.part + 1),
            group: self.group(&total.group, usage),
            figures: FiguresBody::from(&total.figures),
        };
        UsageTotals {
            object: "usage",
            tz: self.zone.name().to_owned(),
            interval: self.interval.as_str(),
            from: at(0),
            to: at(usage.cuts.len().saturating_sub(1)),
            group_by: self.by.iter().map(|(name, _)| name.clone()).collect(),
            data: usage.totals.iter().map(row).collect(),
            total: FiguresBody::from(&total),
        }
    }

    fn group(&self, group: &Group, usage: &Usage) -> Map<String, Value> {
        let Group { user, service, operation, provider, model } = group;
        let user = user.map(|user| usage.users.get(&user).cloned().unwrap_or_else(|| user.to_string()));
        let value = |dimension| match dimension {
            Dimension::User => json!(user),
            Dimension::Service => json!(service),
            Dimension::Operation => json!(operation),
            Dimension::Provider => json!(provider),
            Dimension::Model => json!(model),
        };
        self.by.iter().map(|(name, dimension)| (name.clone(), value(*dimension))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_that_nobody_knows_is_never_zero_and_a_part_of_one_never_the_whole() {
        let cost = |nanousd: i64, unpriced: i64| {
            let mut values = [0; Figure::COUNT];
            values[Figure::CostNanousd as usize] = nanousd;
            values[Figure::Unpriced as usize] = unpriced;
            let cost = FiguresBody::from(&Figures::from_values(values)).cost;
            (cost.nanousd, cost.status)
        };
        assert_eq!(cost(0, 2), (None, "unpriced"));
        assert_eq!(cost(5, 2), (Some(5), "partly_priced"));
        assert_eq!(cost(5, 0), (Some(5), "priced"));
        assert_eq!(cost(0, 0), (Some(0), "priced"), "a free call");
    }
}
