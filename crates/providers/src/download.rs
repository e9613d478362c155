//! Fetching a finished asset, in the smallest form that is safe: piece by piece, no redirect, the key for the provider's
//! own host only, somebody else's host over https only. It never retries.
//!
//! Branch `replicate` owns this file; its version, with the same signature, replaces this one.

use copydesk_core::CallId;
use copydesk_core::metering::usage::TokenUsage;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::error::{ErrorClass, ProviderError};
use crate::error_text::describe;
use crate::exchange::{Endpoint, explained_error, not_an_answer};
use crate::http::{ContentKind, Outgoing, Posted, Response};
use crate::media::Fetched;
use crate::provider::{CallReport, Timeouts};

/// The largest asset that is fetched.
pub const ASSET_BYTES_MAX: usize = 512 * 1024 * 1024;

/// What came of a download.
pub(crate) struct Downloaded {
    pub sent: bool,
    pub http_status: Option<u16>,
    pub request_id: Option<String>,
    pub result: Result<Fetched, ProviderError>,
}

impl Downloaded {
    fn refused(error: ProviderError) -> Downloaded {
        Downloaded { sent: false, http_status: None, request_id: None, result: Err(error) }
    }

    pub fn into_report(self) -> CallReport<Fetched> {
        CallReport {
            result: self.result,
            usage: TokenUsage::default(),
            http_status: self.http_status,
            provider_request_id: self.request_id,
            served_model: None,
            sent: self.sent,
            partial_text: None,
        }
    }
}

impl Endpoint {
    /// Copies what is at `url` into `into`. After an error `into` holds a beginning of no use.
    pub async fn download(
        &self,
        call_id: CallId,
        url: &str,
        into: &mut (dyn AsyncWrite + Unpin + Send),
        timeouts: Timeouts,
    ) -> Downloaded {
        let key = self.api_key.as_ref();
        let is_ours = is_under(url, &self.base_url);
        if !is_ours && !url.starts_with("https://") {
            let error = ProviderError::new(ErrorClass::Misconfigured, "the asset's address is not safe");
            return Downloaded::refused(error.masked(key));
        }
        let outgoing = Outgoing {
            url,
            auth: self.auth,
            secret: key.filter(|_| is_ours),
            call_id: call_id.to_string(),
            accept: "*/*",
            headers: vec![],
            body: None,
            timeouts,
        };
        let Posted { sent, response } = self.http.send(outgoing).await;
        let mut response = match response {
            Ok(response) => response,
            Err(error) => return Downloaded { sent, ..Downloaded::refused(error.masked(key)) },
        };
        response.allow(ASSET_BYTES_MAX);
        let result = receive(&mut response, into).await.map_err(|error| error.masked(key));
        let request_id = response.header("x-request-id").map(str::to_owned);
        Downloaded { sent, http_status: Some(response.status), request_id, result }
    }
}

/// Whether an address is on the same host as ours: the same text up to the first slash behind the host.
fn is_under(url: &str, base_url: &str) -> bool {
    let host_at = base_url.find("://").map_or(0, |at| at + 3);
    let end = base_url[host_at..].find('/').map_or(base_url.len(), |slash| host_at + slash);
    url.strip_prefix(&base_url[..end]).is_some_and(|rest| rest.starts_with('/'))
}

async fn receive(
    response: &mut Response,
    into: &mut (dyn AsyncWrite + Unpin + Send),
) -> Result<Fetched, ProviderError> {
    if response.status != 200 {
        return Err(explained_error(&describe, response).await);
    }
    if response.content_kind() == ContentKind::Html {
        return Err(not_an_answer(response, "an HTML page").await);
    }
    let written = |error| ProviderError::new(ErrorClass::CutOff, format!("the asset cannot be written: {error}"));
    let mut bytes = 0_u64;
    while let Some(piece) = response.chunk().await? {
        into.write_all(&piece).await.map_err(written)?;
        bytes += piece.len() as u64;
    }
    into.flush().await.map_err(written)?;
    if bytes == 0 {
        return Err(ProviderError::new(ErrorClass::Empty, "the asset is empty"));
    }
    let media_type = response.header("content-type").unwrap_or("application/octet-stream").to_owned();
    Ok(Fetched { media_type, bytes })
}
