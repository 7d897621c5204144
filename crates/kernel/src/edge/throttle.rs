//! Who is slowed down or refused: a peer that tries keys, an app or a key that asks too much.

use super::trace::RequestTrace;
use crate::authorize::check_peer;
use crate::connections::{Connection, Phase};
use crate::kernel::Kernel;
use crate::peer::Peer;
use crate::principal::{Credentials, Principal};
use crate::rate::{Limit, LimitHolder, Limited, Permit};
use crate::reasons;
use coffer_dialect::{ApiError, LimitReason};
use std::sync::Arc;
use std::time::Instant;

/// Finds out who is calling. If too many keys of the peer's were refused, those that the server has
/// not seen are looked up a few at a time, and the answers to those that are refused are held back:
/// a good key goes through, whoever tries others beside it.
///
/// # Errors
/// 429 if others of such peers were looked up all the time; 403 if the key may not be used from
/// where the request comes from; else as
/// [`crate::Authenticate::authenticate`].
pub(super) async fn authenticate(
    kernel: &Kernel,
    credentials: Result<Credentials<'_>, ApiError>,
    trace: &mut RequestTrace,
) -> Result<Arc<Principal>, ApiError> {
    let found = look_up(kernel, credentials, trace).await;
    let is_refused = found.as_ref().is_err_and(|error| !error.is_fault() && !error.is_load());
    if is_refused && kernel.traffic.app_rate().is_some() {
        let refusals = &kernel.traffic.refusals;
        trace.is_held_back = !refusals.count(trace.peer.key(), trace.started);
    }
    found
}

async fn look_up(
    kernel: &Kernel,
    credentials: Result<Credentials<'_>, ApiError>,
    trace: &RequestTrace,
) -> Result<Arc<Principal>, ApiError> {
    let credentials = credentials?;
    let traffic = &kernel.traffic;
    let authenticate = &kernel.services.authenticate;
    let may_guess = traffic.app_rate().is_some()
        && traffic.refusals.are_too_many(trace.peer.key(), trace.started);
    let _permit = match may_guess && !authenticate.is_known(&credentials) {
        true => Some(traffic.refusals.permit().await.ok_or_else(too_many_refusals)?),
        false => None,
    };
    let principal = authenticate.authenticate(&credentials).await?;
    check_peer(&principal, trace.peer)?;
    Ok(principal)
}

/// Whether so much was refused of the peer's that no sign-in is tried for it now.
pub(super) fn is_refused_too_often(kernel: &Kernel, peer: Peer) -> bool {
    let traffic = &kernel.traffic;
    traffic.app_rate().is_some() && traffic.refusals.are_too_many(peer.key(), Instant::now())
}

/// Counts a sign-in that was refused as a key that was, and holds the answer back if there are too
/// many of them.
pub(super) async fn refuse_sign_in(kernel: &Kernel, connection: &Connection, peer: Peer) {
    let traffic = &kernel.traffic;
    if traffic.app_rate().is_some() && !traffic.refusals.count(peer.key(), Instant::now()) {
        delay(kernel, connection).await;
    }
}

fn too_many_refusals() -> ApiError {
    ApiError::rate_limited(
        LimitReason::GlobalRate,
        "Too many requests from your address were refused because of their keys, and this key was \
         not looked up in time. Check the key, and send the request again in a moment.",
    )
    .because(&reasons::RATE_OF_ADDRESS)
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
    entered.map_err(|limited| limited_error(limited, principal))
}

/// The refusal of a request that has met a limit of its key or its app.
fn limited_error(limited: Limited, principal: &Principal) -> ApiError {
    let Limited { holder, limit, most } = limited;
    let (whose, reasons) = match holder {
        LimitHolder::App => (
            format!("the app {}", principal.tenant.app),
            [&reasons::RATE_OF_APP, &reasons::AT_ONCE_OF_APP],
        ),
        LimitHolder::Key => (
            format!("the key {}", principal.key_id),
            [&reasons::RATE_OF_KEY, &reasons::AT_ONCE_OF_KEY],
        ),
    };
    let [rate, at_once] = reasons;
    let about = format!("{whose}, which has a limit of {most},");
    match limit {
        Limit::Rate => ApiError::rate_limited(
            LimitReason::GlobalRate,
            "There were too many requests of this app or key within a second. Send this one again \
             in a moment, and later ones more slowly.",
        )
        .because(rate),
        Limit::AtOnce => ApiError::rate_limited(
            LimitReason::GlobalConcurrency,
            "There are too many requests of this app or key at the same time. Send this one again \
             in a moment, and fewer at once.",
        )
        .because(at_once),
    }
    .with_about(about)
}

/// Holds back the answer to who has asked too much or tried too many keys. Meanwhile the connection
/// makes room if others need its place.
pub(super) async fn hold_back<T>(
    kernel: &Kernel,
    connection: &Connection,
    trace: &RequestTrace,
    result: &Result<T, ApiError>,
) {
    let too_much = |error: &ApiError| error.limit_reason().is_some() || error.is_load();
    if result.as_ref().is_err_and(too_much) || trace.is_held_back {
        delay(kernel, connection).await;
    }
}

async fn delay(kernel: &Kernel, connection: &Connection) {
    connection.enter(Phase::Pending);
    let held = kernel.traffic.held_back.enter();
    tokio::time::sleep(held.pause).await;
    connection.enter(Phase::Serving);
}
