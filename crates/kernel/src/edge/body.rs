//! Bodies of requests: read within bounds, or thrown away.

use super::{RequestBody, form};
use crate::definition::JsonBody;
use crate::reasons;
use bytes::Bytes;
use coffer_base::limit;
use coffer_dialect::ApiError;
use http::header::{self, HeaderMap};
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::time::Duration;

/// Refuses a body that will not be read, by what the head says of it.
///
/// # Errors
/// A 400 that names its encoding.
pub(super) fn check_announced(
    headers: &HeaderMap,
    body: &impl RequestBody,
) -> Result<(), ApiError> {
    if body.is_end_stream() { Ok(()) } else { form::check_encoding(headers) }
}

/// The whole body of a request, whatever its verb is; `document` is what the operation takes
/// besides forms.
///
/// # Errors
/// A 413 beyond [`limit::BODY_BYTES`] or the document's own bound, a 408 if it takes longer than
/// [`limit::BODY_SECONDS`], a 400 if it ends too early or is no form.
pub(super) async fn read(
    headers: &HeaderMap,
    body: &mut impl RequestBody,
    document: Option<JsonBody>,
) -> Result<Bytes, ApiError> {
    let most = document.map_or(limit::BODY_BYTES, |document| document.most);
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if announces_more(body, most) {
        return Err(too_large(most));
    }
    let within = Duration::from_secs(limit::BODY_SECONDS);
    let collected = Limited::new(body, most).collect();
    let collected = tokio::time::timeout(within, collected).await.map_err(|_elapsed| late())?;
    let bytes = collected.map_err(|error| broken(&*error, most))?.to_bytes();
    if !bytes.is_empty() && (document.is_none() || !form::is_document(headers, &bytes)) {
        form::check(headers, &bytes)?;
    }
    Ok(bytes)
}

/// Whether the length that the head announces is refused before a byte is read.
fn announces_more(body: &impl RequestBody, most: usize) -> bool {
    body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX)
}

fn too_large(most: usize) -> ApiError {
    ApiError::too_large(format!("The request's body is longer than {most} bytes."))
}

fn late() -> ApiError {
    let most = limit::BODY_SECONDS;
    ApiError::timeout(format!("The request's body did not arrive within {most} seconds."))
}

/// The refusal of a body that could not be read to its end.
fn broken(error: &(dyn std::error::Error + Send + Sync + 'static), most: usize) -> ApiError {
    if error.is::<LengthLimitError>() {
        return too_large(most);
    }
    let ended = "The request's body ended before its length.";
    let malformed = "The request's body could not be read: its chunks are malformed.";
    if is_malformed(error) {
        ApiError::invalid(malformed).because(&reasons::BODY_CHUNKS)
    } else {
        ApiError::invalid(ended).because(&reasons::BODY_CUT)
    }
}

/// Whether what arrived of a body is no sequence of chunks, unlike one that ended too early.
fn is_malformed(error: &(dyn std::error::Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut io = causes.filter_map(|error| error.downcast_ref::<std::io::Error>());
    io.any(|error| error.kind() != std::io::ErrorKind::UnexpectedEof)
}

/// Takes a body that nobody wanted to see and throws it away; whether the connection is at the
/// body's end then, and good for another request.
///
/// hyper closes a connection on which some of the body is still to come. A client that sends the
/// body after the head, as Python's does, would lose the reply to a request that was refused by
/// its head, or the next request on the connection.
pub(super) async fn discard(parts: &Parts, body: &mut impl RequestBody) -> bool {
    // Whoever waits for a go-ahead has the reply now, and need not send the body at all.
    if parts.headers.contains_key(header::EXPECT) || announces_more(body, limit::BODY_BYTES) {
        return false;
    }
    let within = Duration::from_secs(limit::DISCARD_SECONDS);
    let rest = async {
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            bytes += frame.ok()?.data_ref().map_or(0, Bytes::len);
            if bytes > limit::BODY_BYTES {
                return None;
            }
        }
        Some(())
    };
    matches!(tokio::time::timeout(within, rest).await, Ok(Some(())))
}
