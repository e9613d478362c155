//! `Copydesk-Cost`: what an answer about one generation says in `cost`, as a header, for proxies and clients that do not read
//! bodies. A structured field (RFC 9651, a dictionary): `nanousd=3900, status=priced`; unpriced is `status=unpriced`.

use crate::wire::call::CostBody;
use crate::wire::generation::GenerationBody;
use crate::wire::model_test::ModelTestBody;
use crate::wire::provider::ProviderTestBody;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use serde::Serialize;

const COST: HeaderName = HeaderName::from_static("copydesk-cost");
/// The largest integer of a structured field: a million dollars.
const INTEGER_MAX: i64 = 999_999_999_999_999;

/// A body that is about one generation.
pub(crate) trait Costs: Serialize {
    /// `None` where it does not say.
    fn cost(&self) -> Option<&CostBody>;
}

impl Costs for GenerationBody {
    fn cost(&self) -> Option<&CostBody> {
        self.details.cost.as_ref()
    }
}

impl Costs for ModelTestBody {
    fn cost(&self) -> Option<&CostBody> {
        Some(&self.cost)
    }
}

impl Costs for ProviderTestBody {
    fn cost(&self) -> Option<&CostBody> {
        self.call.as_deref().and_then(Costs::cost)
    }
}

/// The answer with such a body.
pub(crate) struct Costed<T>(pub T);

impl<T: Costs> IntoResponse for Costed<T> {
    fn into_response(self) -> Response {
        let cost = self.0.cost().and_then(header);
        let mut response = Json(self.0).into_response();
        if let Some(cost) = cost {
            response.headers_mut().insert(COST, cost);
        }
        response
    }
}

/// `None` for a figure that the field cannot hold.
fn header(cost: &CostBody) -> Option<HeaderValue> {
    let figure = match cost.nanousd {
        Some(nanousd) if nanousd.abs() > INTEGER_MAX => return None,
        Some(nanousd) => format!("nanousd={nanousd}, "),
        None => String::new(),
    };
    HeaderValue::from_str(&format!("{figure}status={}", cost.status)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::call::cost;
    use copydesk_core::NanoUsd;

    #[test]
    fn the_header_is_a_dictionary_of_the_bodys_own_words() {
        let said = |nanousd: Option<i64>, status| {
            header(&cost(nanousd.map(NanoUsd), status, None)).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(said(Some(3_900), "priced").as_deref(), Some("nanousd=3900, status=priced"));
        assert_eq!(said(Some(0), "estimated").as_deref(), Some("nanousd=0, status=estimated"));
        assert_eq!(said(None, "").as_deref(), Some("status=unpriced"), "never zero");
        assert_eq!(said(Some(INTEGER_MAX + 1), "priced"), None, "no structured field holds it");
    }
}
