//! Reading the header that asks for a fault, and letting the request meet it.

use super::headers::{IDEMPOTENCY_KEY, text};
use super::trace::RequestTrace;
use crate::kernel::Kernel;
use crate::principal::Principal;
use crate::reasons;
use crate::simulation::{FAULTS, Fault, SIMULATE};
use coffer_dialect::ApiError;
use http::request::Parts;

/// Lets the request meet the fault that it asks for. Nothing is asked for by nearly all.
///
/// # Errors
/// The simulated one; a 400 if the word is unknown, or if this is not developer mode: a program
/// that asks for faults in production has a test's code in it, and should hear of that.
pub(super) async fn meet(
    kernel: &Kernel,
    principal: &Principal,
    parts: &Parts,
    trace: &mut RequestTrace,
) -> Result<(), ApiError> {
    let Some(word) = text(&parts.headers, &SIMULATE)? else { return Ok(()) };
    let Some(simulations) = &kernel.simulations else { return Err(elsewhere()) };
    let Some(fault) = Fault::parse(word) else { return Err(unknown()) };
    let idempotency_key = text(&parts.headers, &IDEMPOTENCY_KEY)?.unwrap_or_default();
    let (key, method, uri) = (&principal.key_id, &parts.method, &parts.uri);
    if !simulations.meets(format!("{word} {key} {method} {uri} {idempotency_key}")) {
        return Ok(());
    }
    trace.is_dropped = matches!(fault, Fault::Timeout | Fault::DropAfterCommit);
    match fault.answer() {
        Some(error) => Err(error.because(&reasons::SIMULATED).with_about(word.to_owned())),
        // The time that a request has ends it, if the caller does not before.
        None if fault == Fault::Timeout => std::future::pending().await,
        None => Ok(()),
    }
}

fn elsewhere() -> ApiError {
    ApiError::invalid(
        "The header 'coffer-simulate' asks for a fault, and only a server in developer mode \
         simulates any. Leave it out here.",
    )
    .because(&reasons::SIMULATION_ELSEWHERE)
}

fn unknown() -> ApiError {
    let words = FAULTS.map(|(word, _)| word).join(", ");
    ApiError::invalid(format!(
        "The header 'coffer-simulate' asks for a fault that is not known. There are: {words}."
    ))
    .because(&reasons::SIMULATION_UNKNOWN)
}
