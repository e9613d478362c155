//! One JSON request with a method and headers of its own, and the head of its answer beside the body: what job interfaces
//! need beyond [`Endpoint::json`]. The checks are the same. It makes one request, follows nothing and retries nothing.

use copydesk_core::CallId;
use copydesk_core::metering::usage::TokenUsage;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use crate::error::{ErrorClass, ProviderError};
use crate::exchange::{Endpoint, Explain, ID_HEADERS, json_answer, named_by};
use crate::http::{Outgoing, Posted, Terms};
use crate::media::PollRequest;
use crate::provider::{CallReport, Timeouts};
use crate::secret::Secret;

/// What is asked.
pub(crate) struct Ask {
    pub call_id: CallId,
    pub method: Method,
    pub url: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Option<Value>,
    pub timeouts: Timeouts,
}

/// What came of it. Its error is not masked yet; [`Asked::into_report`] does that.
pub(crate) struct Asked {
    pub sent: bool,
    pub http_status: Option<u16>,
    pub request_id: Option<String>,
    /// Empty when no answer head arrived.
    pub headers: HeaderMap,
    pub result: Result<Value, ProviderError>,
}

impl Endpoint {
    pub async fn ask(&self, ask: Ask, explain: Explain<'_>) -> Asked {
        let outgoing = Outgoing {
            url: &ask.url,
            auth: self.auth,
            secret: self.api_key.as_ref(),
            call_id: ask.call_id.to_string(),
            accept: "application/json",
            headers: ask.headers,
            body: ask.body.map(|body| body.to_string().into_bytes()),
            timeouts: ask.timeouts,
        };
        let terms = Terms { method: Some(ask.method), ..Terms::default() };
        let Posted { sent, response } = self.http.send_on(outgoing, terms).await;
        let mut response = match response {
            Ok(response) => response,
            Err(error) => {
                let (http_status, request_id, headers) = (None, None, HeaderMap::new());
                return Asked { sent, http_status, request_id, headers, result: Err(error) };
            }
        };
        let result = json_answer(&mut response, explain).await;
        Asked {
            sent,
            http_status: Some(response.status),
            request_id: named_by(&ID_HEADERS, &response, self.api_key.as_ref()),
            headers: response.headers,
            result,
        }
    }
}

impl Endpoint {
    /// A request about a job there is. "Not found" then means the job and never the model.
    pub async fn ask_about(
        &self,
        request: &PollRequest,
        method: Method,
        url: String,
        body: Option<Value>,
        explain: Explain<'_>,
    ) -> Asked {
        let (call_id, timeouts) = (request.call_id, request.timeouts);
        let mut asked = self.ask(Ask { call_id, method, url, headers: Vec::new(), body, timeouts }, explain).await;
        if let Err(error) = &mut asked.result
            && error.class == ErrorClass::ModelNotFound
        {
            error.class = ErrorClass::Rejected;
        }
        asked
    }
}

impl Asked {
    /// The report, with what was read out of the body. `read` is asked only when there is one.
    pub fn into_report<T>(
        self,
        key: Option<&Secret>,
        read: impl FnOnce(&Value) -> Result<T, ProviderError>,
    ) -> CallReport<T> {
        let result = self.result.and_then(|body| read(&body));
        CallReport {
            result: result.map_err(|error| error.masked(key)),
            usage: TokenUsage::default(),
            http_status: self.http_status,
            provider_request_id: self.request_id,
            served_model: None,
            sent: self.sent,
            partial_text: None,
        }
    }
}
