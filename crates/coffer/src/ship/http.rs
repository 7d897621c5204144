//! An HTTP server that takes batches as lines of JSON, and answers with a status of success once it
//! has them.

use super::error::SendError;
use super::line;
use crate::limits;
use bytes::Bytes;
use coffer_audit::StoredEntry;
use coffer_base::Redacted;
use coffer_outbound::{HttpClient, HttpRequest, Limits};
use http::{HeaderMap, HeaderValue, Method, header};
use std::time::Duration;

/// Sends batches to one URL.
pub(super) struct HttpReceiver {
    client: HttpClient,
    uri: String,
    token: Option<Redacted<String>>,
}

impl HttpReceiver {
    pub(super) fn new(uri: String, token: Option<Redacted<String>>) -> Result<Self, rustls::Error> {
        let limits = Limits {
            total: Duration::from_secs(limits::SHIPMENT_SECONDS),
            response_bytes: limits::SHIPMENT_ANSWER_BYTES,
            // The operator has named it.
            addresses: |_| true,
        };
        Ok(Self { client: HttpClient::new(limits)?, uri, token })
    }

    pub(super) async fn send(&self, batch: &[StoredEntry]) -> Result<(), SendError> {
        let wrong = |_| SendError("the address or the token cannot be sent".to_owned());
        let request = HttpRequest {
            method: Method::POST,
            uri: self.uri.parse().map_err(wrong)?,
            headers: self.headers(batch)?,
            body: Bytes::from(line::lines(batch)),
        };
        let sent = self.client.send(request).await;
        let response = sent.map_err(|error| SendError(error.to_string()))?;
        if response.status.is_success() {
            return Ok(());
        }
        Err(SendError(format!("it answered {}", response.status)))
    }

    /// By its key a receiver can tell a batch that it has already.
    fn headers(&self, batch: &[StoredEntry]) -> Result<HeaderMap, SendError> {
        let value = |text: String| {
            HeaderValue::from_str(&text)
                .map_err(|_| SendError("the token has characters that no header has".to_owned()))
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        if let (Some(first), Some(last)) = (batch.first(), batch.last()) {
            let key = format!("coffer-audit-{}-{}", first.id, last.id);
            headers.insert("idempotency-key", value(key)?);
        }
        if let Some(token) = &self.token {
            let mut bearer = value(format!("Bearer {}", token.expose()))?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        Ok(headers)
    }
}
