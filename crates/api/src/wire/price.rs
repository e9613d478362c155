//! Prices on the wire: whole nano-dollars both ways, under the same names.

use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::Instant;
use crate::problem::Problem;
use copydesk_core::metering::price::{ContextTier, Price, RATE_MAX, TokenRates};
use copydesk_core::{NanoUsd, Timestamp, Tokens};
use copydesk_desk::prices::price_of;
use copydesk_desk::store::prices::PriceRow;
use serde::Serialize;
use utoipa::ToSchema;

/// One row of the list of prices that were set.
#[derive(Serialize, ToSchema)]
#[schema(as = SetPrice)]
pub(crate) struct SetPriceBody {
    object: &'static str,
    /// Rises; of the rows of a model that have begun, the one with the highest number holds.
    number: i64,
    /// `provider/model`
    model: String,
    from: String,
    created_at: String,
    /// `null` ends what was set before.
    price: Option<PriceBody>,
}

impl SetPriceBody {
    /// Errors: `internal` - the row in the database is no price.
    pub fn of(row: PriceRow) -> Result<SetPriceBody, Problem> {
        let price = price_of(&row)?.map(PriceBody::from);
        let PriceRow { number, price: set } = row;
        let (from, created_at) = (set.from.to_string(), set.created_at.to_string());
        Ok(SetPriceBody { object: "price", number, model: set.model, from, created_at, price })
    }
}

/// A price as it is sent: at least one rate, or `free`. Units: nano-dollars, per million tokens or per piece.
#[derive(ToSchema)]
#[schema(as = PriceToSet)]
#[expect(dead_code, reason = "only its description is used: rates and tiers are read as one price")]
pub(crate) struct PriceFields {
    /// When it begins to hold; now unless said otherwise.
    #[schema(value_type = Option<Instant>)]
    from: Option<String>,
    /// That zeros are meant.
    free: Option<bool>,
    input_per_million_nanousd: Option<i64>,
    output_per_million_nanousd: Option<i64>,
    cached_per_million_nanousd: Option<i64>,
    cache_write_per_million_nanousd: Option<i64>,
    cache_write_1h_per_million_nanousd: Option<i64>,
    reasoning_per_million_nanousd: Option<i64>,
    input_image_per_million_nanousd: Option<i64>,
    output_image_per_million_nanousd: Option<i64>,
    per_image_nanousd: Option<i64>,
    per_video_second_nanousd: Option<i64>,
    per_request_nanousd: Option<i64>,
    /// Other rates for the whole call when its input is longer.
    tiers: Option<Vec<TierFields>>,
}

/// All the rates that hold when the input is longer.
#[derive(ToSchema)]
#[schema(as = PriceTierToSet)]
#[expect(dead_code, reason = "see PriceFields")]
pub(crate) struct TierFields {
    #[schema(minimum = 1)]
    above_input_tokens: i64,
    input_per_million_nanousd: i64,
    output_per_million_nanousd: Option<i64>,
    cached_per_million_nanousd: Option<i64>,
    cache_write_per_million_nanousd: Option<i64>,
    cache_write_1h_per_million_nanousd: Option<i64>,
    reasoning_per_million_nanousd: Option<i64>,
    input_image_per_million_nanousd: Option<i64>,
    output_image_per_million_nanousd: Option<i64>,
}

/// [`PriceFields`] as they were read.
pub(crate) struct PriceToSet {
    pub from: Timestamp,
    pub price: Price,
}

impl FromFields for PriceToSet {
    fn read(fields: &mut Fields) -> PriceToSet {
        let from = fields.instant("from").unwrap_or(fields.now);
        let free = fields.boolean("free").unwrap_or(false);
        let price = Price {
            version: String::new(),
            from: Some(from),
            free,
            tokens: rates(fields, free),
            tiers: fields.objects("tiers", |tier| {
                let above = tier.count("above_input_tokens", i64::MAX);
                let rates = rates(tier, free);
                if above.is_none_or(|above| above == 0) {
                    tier.fault("above_input_tokens", "required", "it must be a number of input tokens, at least 1");
                }
                if rates.input.is_none() {
                    tier.fault("input_per_million_nanousd", "required", "a tier needs all the rates that hold in it");
                }
                ContextTier { above_input: Tokens(above.unwrap_or_default()), rates }
            }),
            per_image: rate(fields, "per_image_nanousd", free),
            per_video_second: rate(fields, "per_video_second_nanousd", free),
            per_request: rate(fields, "per_request_nanousd", free),
        };
        if price.is_empty() {
            let detail = "give at least one rate, such as input_per_million_nanousd, or \"free\": true";
            fields.whole_fault("required", detail);
        }
        PriceToSet { from, price }
    }
}

fn rates(fields: &mut Fields, free: bool) -> TokenRates {
    let mut token_rate = |name: &'static str| rate(fields, name, free);
    TokenRates {
        input: token_rate("input_per_million_nanousd"),
        output: token_rate("output_per_million_nanousd"),
        cached: token_rate("cached_per_million_nanousd"),
        cache_write: token_rate("cache_write_per_million_nanousd"),
        cache_write_1h: token_rate("cache_write_1h_per_million_nanousd"),
        reasoning: token_rate("reasoning_per_million_nanousd"),
        input_image: token_rate("input_image_per_million_nanousd"),
        output_image: token_rate("output_image_per_million_nanousd"),
    }
}

/// Zero is a price only where it is said that it is meant.
fn rate(fields: &mut Fields, name: &'static str, free: bool) -> Option<NanoUsd> {
    let nanos = fields.count(name, RATE_MAX.0)?;
    if nanos == 0 && !free {
        let detail = "zero means unknown and not free; add \"free\": true, or leave the field out";
        fields.fault(name, "not_allowed", detail);
    }
    Some(NanoUsd(nanos))
}

/// Units: nano-dollars, per million tokens or per piece. `null` means that this is not priced on its own.
#[derive(Serialize, ToSchema)]
#[schema(as = Price)]
pub(crate) struct PriceBody {
    version: String,
    /// When it began to hold; `null` where nobody says.
    from: Option<String>,
    free: bool,
    #[serde(flatten)]
    tokens: RatesBody,
    per_image_nanousd: Option<i64>,
    per_video_second_nanousd: Option<i64>,
    per_request_nanousd: Option<i64>,
    /// Rates for the whole call when its input is longer.
    tiers: Vec<TierBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PriceTier)]
struct TierBody {
    above_input_tokens: i64,
    #[serde(flatten)]
    tokens: RatesBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TokenRates)]
struct RatesBody {
    input_per_million_nanousd: Option<i64>,
    output_per_million_nanousd: Option<i64>,
    cached_per_million_nanousd: Option<i64>,
    cache_write_per_million_nanousd: Option<i64>,
    cache_write_1h_per_million_nanousd: Option<i64>,
    reasoning_per_million_nanousd: Option<i64>,
    input_image_per_million_nanousd: Option<i64>,
    output_image_per_million_nanousd: Option<i64>,
}

fn nanos(rate: Option<NanoUsd>) -> Option<i64> {
    rate.map(|rate| rate.0)
}

impl From<&TokenRates> for RatesBody {
    fn from(rates: &TokenRates) -> RatesBody {
        RatesBody {
            input_per_million_nanousd: nanos(rates.input),
            output_per_million_nanousd: nanos(rates.output),
            cached_per_million_nanousd: nanos(rates.cached),
            cache_write_per_million_nanousd: nanos(rates.cache_write),
            cache_write_1h_per_million_nanousd: nanos(rates.cache_write_1h),
            reasoning_per_million_nanousd: nanos(rates.reasoning),
            input_image_per_million_nanousd: nanos(rates.input_image),
            output_image_per_million_nanousd: nanos(rates.output_image),
        }
    }
}

impl From<&ContextTier> for TierBody {
    fn from(tier: &ContextTier) -> TierBody {
        TierBody { above_input_tokens: tier.above_input.0, tokens: RatesBody::from(&tier.rates) }
    }
}

impl From<Price> for PriceBody {
    fn from(price: Price) -> PriceBody {
        PriceBody {
            from: price.from.map(|from| from.to_string()),
            free: price.free,
            tokens: RatesBody::from(&price.tokens),
            per_image_nanousd: nanos(price.per_image),
            per_video_second_nanousd: nanos(price.per_video_second),
            per_request_nanousd: nanos(price.per_request),
            tiers: price.tiers.iter().map(TierBody::from).collect(),
            version: price.version,
        }
    }
}
