//! The audit entries of requests, but for those of changes, which are in the changes' own
//! transactions.
//!
//! | | |
//! |---|---|
//! | a read, and one that found nothing | as the operator says: [`AuditReads`] |
//! | a stored response that was sent again | as a read |
//! | a read of the admin API | recorded whatever the operator says |
//! | a refusal | recorded; when there are very many, counted |
//! | a change that failed | recorded before it is answered |
//!
//! A change that a sealed server refuses is a refusal: none was tried, and the answer says what to
//! do though the audit cannot be written.

use super::trace::RequestTrace;
use super::{method_of, single_slashes};
use crate::call::{Reached, Reply};
use crate::kernel::Kernel;
use crate::peer::Peer;
use crate::principal::{Principal, Role};
use crate::reasons;
use crate::recorder::{NotRecorded, Omission};
use crate::sign_in::SignInRefusal;
use crate::traffic::AuditReads;
use coffer_audit::{Actor, Entry, Outcome, Target};
use coffer_base::{Redacted, Tenant};
use coffer_dialect::{ApiError, authorization};
use http::header;
use http::request::Parts;
use std::sync::Arc;
use std::time::Instant;

/// Records a request that has its result, and answers the result that may be sent: none but a
/// failure, if the entry had to be written first and could not be. What asks to be sent again, such
/// as that it is unknown whether a change was made, never waits.
pub(super) async fn record(
    kernel: &Kernel,
    trace: &mut RequestTrace,
    parts: &Parts,
    result: Result<Reply, ApiError>,
) -> Result<Reply, ApiError> {
    let is_strict = kernel.recorder().reads() == AuditReads::Strict;
    let Some(outcome) = outcome_of(kernel, trace, &result) else { return result };
    let about = result.as_ref().err().and_then(ApiError::about).map(str::to_owned);
    if about.is_some() {
        trace.audited.detail = about;
    }
    let entry = entry(kernel, trace, parts, outcome).await;
    let failed_change = result.as_ref().is_err_and(is_failure) && trace.reached == Reached::Change;
    // What asks to be sent again says nothing, and most likely the store is away.
    let says_nothing = result.as_ref().is_err_and(|error| error.should_retry() == Some(true));
    if says_nothing || !is_strict && !failed_change {
        kernel.recorder().push(entry);
        return result;
    }
    let written = if failed_change && kernel.recorder().is_failing() {
        // Most likely it has failed because of that, and nobody has to wait for another attempt.
        kernel.recorder().push(entry);
        Err(NotRecorded)
    } else {
        kernel.recorder().write(entry).await
    };
    let not_recorded = |NotRecorded| {
        ApiError::unavailable("the entry of the audit could not be written")
            .because(&reasons::NOT_RECORDED)
    };
    written.map_err(not_recorded).and(result)
}

/// Whether a change was tried and failed. A sealed server tries none.
fn is_failure(error: &ApiError) -> bool {
    error.is_fault() && !error.is_because(&coffer_dialect::reasons::SEALED)
}

/// What is to be recorded of a request; `None` if nothing is.
fn outcome_of(
    kernel: &Kernel,
    trace: &RequestTrace,
    result: &Result<Reply, ApiError>,
) -> Option<Outcome> {
    let principal = trace.principal.as_deref();
    let is_admin = principal.is_some_and(|principal| matches!(principal.role, Role::Admin(_)));
    let are_reads_recorded = kernel.recorder().reads() != AuditReads::Off || is_admin;
    match result {
        Ok(reply) if reply.replay_of.is_some() => are_reads_recorded.then_some(Outcome::Replayed),
        // A change has its entry.
        Ok(_) if trace.reached != Reached::Read => None,
        Ok(_) if trace.audited.is_unrecorded => None,
        Ok(_) => are_reads_recorded.then_some(Outcome::Done),
        Err(error) => {
            let outcome = failure(error);
            let found_nothing = trace.reached == Reached::Read && error.status() == NOT_FOUND;
            if found_nothing && are_reads_recorded {
                return Some(outcome);
            }
            admit(kernel, trace.peer, principal, trace.started).then_some(outcome)
        }
    }
}

const NOT_FOUND: u16 = 404;
const FORBIDDEN: u16 = 403;

/// Whether a refusal has an entry; if it has none, it is counted.
fn admit(kernel: &Kernel, peer: Peer, principal: Option<&Principal>, now: Instant) -> bool {
    let audited = &kernel.traffic.audited;
    let (is_admitted, omission) = match principal {
        Some(principal) => {
            (audited.admit_known(&principal.tenant.app, now), Omission::RefusedKnown)
        }
        None => (audited.admit_unknown(peer.key(), now), Omission::RefusedUnknown),
    };
    if !is_admitted {
        kernel.recorder().leave_out(omission);
    }
    is_admitted
}

/// A refusal or a failure, with its reason.
fn failure(error: &ApiError) -> Outcome {
    let (status, reason) = (error.status(), error.reason().code);
    if error.is_fault() {
        Outcome::Failed { status: Some(status), reason }
    } else {
        Outcome::Refused { status, reason }
    }
}

async fn entry(
    kernel: &Kernel,
    trace: &mut RequestTrace,
    parts: &Parts,
    outcome: Outcome,
) -> Entry {
    let (actor, tenant) = match &trace.principal {
        Some(principal) => (principal.actor(trace.peer), principal.tenant.clone()),
        // In a box, since it is needed rarely and would make every request's future deeper.
        None => (Box::pin(stranger(kernel, trace.peer, parts)).await, Tenant::system()),
    };
    let audited = std::mem::take(&mut trace.audited);
    Entry {
        request: Some(Arc::clone(&trace.request_id)),
        actor,
        target: audited.target,
        outcome,
        amount: audited.amount,
        detail: audited.detail,
        ..Entry::of_program(operation(kernel, trace, parts), tenant, kernel.recorder().now())
    }
}

/// Who presented no key that is in force: of the key there is a digest, under a key that nobody
/// has but the server, so that the same one is known again and none can be guessed.
async fn stranger(kernel: &Kernel, peer: Peer, parts: &Parts) -> Actor {
    let presented = parts.headers.get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
    let digest = match authorization::token(presented) {
        Ok(token) => digest(kernel, &token).await,
        Err(_) => None,
    };
    Actor::unknown(digest, peer.address())
}

async fn digest(kernel: &Kernel, token: &Redacted<String>) -> Option<coffer_keyring::Digest> {
    let key = kernel.services.keyring.row_key().await.ok()?;
    Some(key.presented(token.expose()))
}

/// The operation's name; that of the operation that was asked for, if the request was refused
/// before it was routed.
fn operation(kernel: &Kernel, trace: &RequestTrace, parts: &Parts) -> &'static str {
    let routed = trace.route.and_then(|number| kernel.routes.definition(number));
    if let Some(definition) = routed {
        return definition.name;
    }
    let route = method_of(parts)
        .ok()
        .and_then(|method| kernel.routes.find(method, &single_slashes(parts.uri.path())));
    route.map_or(NO_OPERATION, |route| route.handler.definition().name)
}

/// The operation of a request that is for none.
const NO_OPERATION: &str = "none";

/// The operation of a sign-in to the pages for people.
const SIGN_IN: &str = "dashboard.sign_in";

/// Records that somebody was not let in who came back from an identity provider.
pub(super) fn record_sign_in(
    kernel: &Kernel,
    peer: Peer,
    request_id: &str,
    why: SignInRefusal,
    person: Option<&str>,
) {
    if !admit(kernel, peer, None, Instant::now()) {
        return;
    }
    let actor = Actor::unknown(None, peer.address());
    kernel.recorder().push(Entry {
        request: Some(request_id.into()),
        actor: Actor { user: person.map(Arc::from), ..actor },
        target: Target::default(),
        outcome: Outcome::Refused { status: FORBIDDEN, reason: why.reason().code },
        ..Entry::of_program(SIGN_IN, Tenant::system(), kernel.recorder().now())
    });
}

/// Records what was no valid HTTP. Nobody waits for that: there was nothing to be answered.
pub(super) fn record_invalid(kernel: &Kernel, peer: Peer, request_id: &str, error: &ApiError) {
    if !admit(kernel, peer, None, Instant::now()) {
        return;
    }
    kernel.recorder().push(Entry {
        request: Some(request_id.into()),
        actor: Actor::unknown(None, peer.address()),
        target: Target::default(),
        outcome: failure(error),
        ..Entry::of_program(NO_OPERATION, Tenant::system(), kernel.recorder().now())
    });
}
