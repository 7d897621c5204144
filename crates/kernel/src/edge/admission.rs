//! Who is let in: a peer whose keys were refused too often, an app or a key that asks too much.

use super::trace::RequestTrace;
use crate::kernel::Kernel;
use crate::limits;
use crate::principal::{Credentials, Principal};
use crate::rate::{Limited, Permit};
use coffer_dialect::{ApiError, LimitReason};
use std::sync::Arc;
use std::time::Duration;

/// Finds out who is calling, unless too many keys of the peer's were refused: then only keys that
/// the server has seen are looked up.
///
/// # Errors
/// 429 for a key that is not looked up; else as [`crate::Authenticate::authenticate`].
pub(super) async fn authenticate(
    kernel: &Kernel,
    credentials: Result<Credentials<'_>, ApiError>,
    trace: &RequestTrace,
) -> Result<Arc<Principal>, ApiError> {
    let traffic = &kernel.traffic;
    let (peer, now) = (trace.peer.key(), trace.started);
    let authenticate = &kernel.services.authenticate;
    let is_limited = traffic.app_rate().is_some();
    if is_limited && traffic.refusals.are_too_many(peer, now) {
        let known = credentials.as_ref().is_ok_and(|each| authenticate.is_known(each));
        if !known {
            return Err(too_many_refusals());
        }
    }
    let found = match &credentials {
        Ok(credentials) => authenticate.authenticate(credentials).await,
        Err(error) => Err(error.clone()),
    };
    if is_limited && found.as_ref().is_err_and(|error| !error.is_fault()) {
        traffic.refusals.count(peer, now);
    }
    found
}

fn too_many_refusals() -> ApiError {
    ApiError::rate_limited(
        LimitReason::GlobalRate,
        "Too many requests from your address were refused because of their keys, and this key was \
         not looked up. Check the key, and send the request again in a moment.",
    )
}

/// Lets a request of the app's and the key's budget in.
///
/// # Errors
/// 429 if either has used it up.
pub(super) fn enter(
    kernel: &Kernel,
    principal: &Principal,
    trace: &RequestTrace,
) -> Result<Permit, ApiError> {
    let traffic = &kernel.traffic;
    let entered = traffic.loads.enter(principal, traffic.app_rate(), trace.started);
    entered.map_err(|limited| match limited {
        Limited::Rate => ApiError::rate_limited(
            LimitReason::GlobalRate,
            "There were too many requests of this app or key within a second. Send this one again \
             in a moment, and later ones more slowly.",
        ),
        Limited::AtOnce => ApiError::rate_limited(
            LimitReason::GlobalConcurrency,
            "There are too many requests of this app or key at the same time. Send this one again \
             in a moment, and fewer at once.",
        ),
    })
}

/// Holds back the answer that somebody has asked too much.
pub(super) async fn slow_down<T>(result: &Result<T, ApiError>) {
    if result.as_ref().is_err_and(|error| error.limit_reason().is_some()) {
        let delay = Duration::from_millis(limits::REFUSAL_DELAY_MILLISECONDS);
        tokio::time::sleep(delay).await;
    }
}
