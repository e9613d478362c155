//! What a model costs: rates in integers under a version name. What is not listed is unknown, never free. It computes
//! nothing; that is `cost.rs`.

use crate::{NanoUsd, Timestamp, Tokens};

/// The most one rate may be; more is a slip of the decimal point.
pub const RATE_MAX: NanoUsd = NanoUsd(1_000_000_000_000_000);

/// A model's price, immutable under its version name. The default one knows no rate and so prices nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Price {
    /// Names the row of the price table this came from, e.g. `demo-2026-11`.
    pub version: String,
    /// When it began to hold; `None` where nobody says.
    pub from: Option<Timestamp>,
    /// True when this price says "free" on purpose, as for a local model: a main rate (input, output, per piece) that is
    /// zero or missing is then zero. Otherwise such a rate is unknown.
    pub free: bool,
    pub tokens: TokenRates,
    /// Rates for long prompts instead of `tokens`. The order does not matter.
    pub tiers: Vec<ContextTier>,
    /// Units: nano-dollars per picture made. Unknown where pictures are paid for in tokens.
    pub per_image: Option<NanoUsd>,
    /// Units: nano-dollars per second of video made.
    pub per_video_second: Option<NanoUsd>,
    /// Units: nano-dollars per request, on top of everything else.
    pub per_request: Option<NanoUsd>,
}

impl Price {
    /// The usual price of a text model.
    ///
    /// Units: nano-dollars per million tokens.
    pub fn per_million(version: impl Into<String>, input: NanoUsd, output: NanoUsd) -> Price {
        let tokens = TokenRates { input: Some(input), output: Some(output), ..TokenRates::default() };
        Price { version: version.into(), tokens, ..Price::default() }
    }

    /// A price that is zero on purpose.
    pub fn free(version: impl Into<String>) -> Price {
        Price { version: version.into(), free: true, ..Price::default() }
    }

    /// Whether it knows no rate of its own and is not free either, so that it could price nothing.
    pub fn is_empty(&self) -> bool {
        let pieces = [self.per_image, self.per_video_second, self.per_request];
        !self.free && self.tokens == TokenRates::default() && pieces.iter().all(Option::is_none)
    }

    /// The rates for a call with this many input tokens: those of the highest tier it is above, for the whole call.
    pub fn rates_for(&self, input: Tokens) -> &TokenRates {
        let reached = self.tiers.iter().filter(|tier| input > tier.above_input);
        reached.max_by_key(|tier| tier.above_input).map_or(&self.tokens, |tier| &tier.rates)
    }
}

/// What tokens cost by their kind.
///
/// Units: nano-dollars per million tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TokenRates {
    pub input: Option<NanoUsd>,
    pub output: Option<NanoUsd>,
    /// Input read from the cache; where unknown it costs what other input costs.
    pub cached: Option<NanoUsd>,
    /// Input written to the cache for minutes; where unknown it costs what other input costs.
    pub cache_write: Option<NanoUsd>,
    /// Input written to the cache for an hour; where unknown, such writes are priced only if writes are not listed at all.
    pub cache_write_1h: Option<NanoUsd>,
    /// Input that is pictures, where it costs something else than text; the usage must then tell them apart.
    pub input_image: Option<NanoUsd>,
    /// Output that is reasoning; where unknown it costs what other output costs.
    pub reasoning: Option<NanoUsd>,
    /// Output that is pictures, where they are paid for in tokens; the usage must then tell them apart.
    pub output_image: Option<NanoUsd>,
}

impl TokenRates {
    /// What the rates are called wherever they are written down.
    pub const NAMES: [&str; 8] =
        ["input", "output", "cached", "cache_write", "cache_write_1h", "input_image", "reasoning", "output_image"];

    /// The rates in the order of [`TokenRates::NAMES`].
    pub fn named(&self) -> [(&'static str, Option<NanoUsd>); 8] {
        let TokenRates { input, output, cached, cache_write, cache_write_1h, input_image, reasoning, output_image } =
            *self;
        let rates = [input, output, cached, cache_write, cache_write_1h, input_image, reasoning, output_image];
        std::array::from_fn(|n| (Self::NAMES[n], rates[n]))
    }

    /// Each rate as `read` answers for its name.
    pub fn read<E>(mut read: impl FnMut(&'static str) -> Result<Option<NanoUsd>, E>) -> Result<TokenRates, E> {
        let mut rates = [None; 8];
        for (rate, name) in rates.iter_mut().zip(Self::NAMES) {
            *rate = read(name)?;
        }
        let [input, output, cached, cache_write, cache_write_1h, input_image, reasoning, output_image] = rates;
        Ok(TokenRates { input, output, cached, cache_write, cache_write_1h, input_image, reasoning, output_image })
    }
}

/// Other rates for the whole call when its prompt is long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContextTier {
    /// The tier holds above this many input tokens, cached ones included, not at it.
    pub above_input: Tokens,
    /// All the rates of this tier; none is inherited from the ordinary ones.
    pub rates: TokenRates,
}
