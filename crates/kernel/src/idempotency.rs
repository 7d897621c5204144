//! Idempotency keys, and the responses that are stored under them.
//!
//! The key, the change and the stored response are one transaction: nothing is reserved
//! beforehand, and a crash before the commit leaves no trace. Requests of this server that carry
//! the same key run one after another, so that the second finds the first one's response.

use crate::conditions::Conditions;
use crate::error::keyring_failure;
use crate::operation::ReplayPolicy;
use crate::reasons;
use crate::sealed::SealedTable;
use crate::store::{self, Record, Sealed};
use coffer_base::{Redacted, Tenant, limit};
use coffer_dialect::{ApiError, Object, Params};
use coffer_keyring::{AssociatedData, Digest, TenantKeys};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

/// The idempotency key of one request, with what the request must have in common with others
/// that carry it.
#[derive(Clone)]
pub(crate) struct IdempotencyKey {
    /// The key as the caller wrote it, for messages to the caller only.
    pub(crate) text: String,
    pub(crate) tenant: Tenant,
    /// A digest of the text and of the user, under the tenant's lookup key: by it the record is
    /// found.
    pub(crate) digest: [u8; 16],
    pub(crate) operation: &'static str,
    /// A digest of the canonical parameters and the path, by which a request with others is
    /// recognized.
    pub(crate) parameters: [u8; 16],
}

/// A response that is to be stored.
pub(crate) struct Response<'a> {
    /// The HTTP status, or 0 for a success.
    pub(crate) status: u16,
    /// The body as it is sent.
    pub(crate) body: &'a [u8],
    /// The part of the body that is a secret, which is not stored.
    pub(crate) withheld: Option<Range<usize>>,
    /// Which version of its object it shows.
    pub(crate) version: Option<&'a str>,
}

/// What a request must have in common with another one to be a repetition of it.
pub(crate) struct Request<'a> {
    pub(crate) operation: &'static str,
    pub(crate) path: &'a [String],
    pub(crate) params: &'a Params,
    pub(crate) conditions: &'a Conditions,
}

/// A response as it was stored, opened.
pub(crate) struct StoredResponse {
    /// The HTTP status, or 0 for a success.
    pub(crate) status: u16,
    /// The body, without the secret if it showed one.
    pub(crate) body: Vec<u8>,
    /// Where the secret was.
    pub(crate) withheld: Option<Withheld>,
    /// The id of the request that it was the response to.
    pub(crate) request: String,
    /// Which version of its object it shows.
    pub(crate) version: Option<String>,
}

/// What a stored record holds: the response itself, or the id of an object whose token was shown
/// once. The first byte of the sealed text.
const RESPONSE: u8 = 0;
const SHOWN_ONCE: u8 = 1;
const WITHHELD: u8 = 2;

/// A secret that a response showed and that is not stored with it: a copy would outlive the secret.
/// A repeated request is shown the secret as it is then, if it is the same still.
pub(crate) struct Withheld {
    /// Where in the body it stood.
    at: usize,
    /// A digest of it under the tenant's lookup key.
    digest: [u8; DIGEST_BYTES],
}

const DIGEST_BYTES: usize = 16;

/// Bytes of the place in a stored response.
const PLACE_BYTES: usize = 4;

impl Withheld {
    /// Of the part `range` of `body`.
    fn of(body: &[u8], range: &Range<usize>, keys: &TenantKeys) -> Self {
        let secret = body.get(range.clone()).unwrap_or_default();
        Self { at: range.start, digest: *digest_of(secret, keys).as_bytes() }
    }

    /// The stored form: place, digest, and the body without the secret.
    fn encode(&self, body: &[u8], range: &Range<usize>, out: &mut Vec<u8>) {
        let at = u32::try_from(self.at).unwrap_or(u32::MAX);
        out.extend_from_slice(&at.to_be_bytes());
        out.extend_from_slice(&self.digest);
        out.extend_from_slice(body.get(..range.start).unwrap_or_default());
        out.extend_from_slice(body.get(range.end..).unwrap_or_default());
    }

    fn decode(stored: &[u8]) -> Option<(Self, &[u8])> {
        let (at, stored) = stored.split_first_chunk::<PLACE_BYTES>()?;
        let (digest, body) = stored.split_first_chunk::<DIGEST_BYTES>()?;
        let at = usize::try_from(u32::from_be_bytes(*at)).ok()?;
        (at <= body.len()).then_some((Self { at, digest: *digest }, body))
    }

    /// Puts the secret that `again` shows back into `body`, if it is the one that was there.
    pub(crate) fn restore(&self, body: &mut Vec<u8>, again: Option<&Object>, keys: &TenantKeys) {
        let Some(again) = again else { return };
        let rendered = Redacted::new(again.render());
        let secret = again.withheld().and_then(|range| rendered.expose().get(range));
        if let Some(secret) = secret
            && digest_of(secret, keys).as_bytes() == &self.digest
        {
            let rest = body.split_off(self.at.min(body.len()));
            body.extend_from_slice(secret);
            body.extend_from_slice(&rest);
        }
    }
}

fn digest_of(secret: &[u8], keys: &TenantKeys) -> Digest {
    keys.digest("idempotent-secret", &[secret])
}

impl IdempotencyKey {
    /// The key `text` of one request. `user` is whom an ephemeral API key is bound to: each user
    /// has idempotency keys of its own.
    pub(crate) fn new(
        keys: &TenantKeys,
        tenant: &Tenant,
        user: Option<&str>,
        text: &str,
        request: &Request<'_>,
    ) -> Self {
        let Request { operation, path, params, conditions } = *request;
        let user = user.unwrap_or_default().as_bytes();
        let digest = keys.digest("idempotency-claim", &[user, text.as_bytes()]);
        let canonical = params.canonical();
        let [version, lease] = conditions.texts();
        let fixed = [operation.as_bytes(), canonical.expose().as_slice(), version, lease];
        let fields: Vec<&[u8]> =
            fixed.into_iter().chain(path.iter().map(String::as_bytes)).collect();
        let parameters = keys.digest("idempotency-parameters", &fields);
        Self {
            text: text.to_owned(),
            tenant: tenant.clone(),
            digest: *digest.as_bytes(),
            operation,
            parameters: *parameters.as_bytes(),
        }
    }

    /// The record that stores a response, sealed.
    ///
    /// # Errors
    /// An internal error if the tenant's key fails.
    pub(crate) fn record(
        &self,
        keys: &TenantKeys,
        request: &str,
        Response { status, body, withheld, version }: Response<'_>,
        policy: &ReplayPolicy,
    ) -> Result<Record, ApiError> {
        let flag = match (policy, &withheld) {
            (ReplayPolicy::ShowOnce { .. }, _) => SHOWN_ONCE,
            (ReplayPolicy::Replay, Some(_)) => WITHHELD,
            (ReplayPolicy::Replay, None) => RESPONSE,
        };
        let [high, low] = status.to_be_bytes();
        let version = version.unwrap_or_default();
        let length = u8::try_from(version.len())
            .map_err(|_| ApiError::internal("the version of an object is too long"))?;
        let head = PLACE_BYTES + DIGEST_BYTES + version.len() + 4;
        let mut plaintext = Vec::with_capacity(body.len() + head);
        plaintext.extend_from_slice(&[flag, high, low, length]);
        plaintext.extend_from_slice(version.as_bytes());
        match (policy, &withheld) {
            (ReplayPolicy::ShowOnce { id }, _) => plaintext.extend_from_slice(id.as_bytes()),
            (ReplayPolicy::Replay, Some(range)) => {
                Withheld::of(body, range, keys).encode(body, range, &mut plaintext);
            }
            (ReplayPolicy::Replay, None) => plaintext.extend_from_slice(body),
        }
        let plaintext = Redacted::new(plaintext);
        let bound = bound_to(keys, &self.digest, self.operation, &self.parameters, request);
        let response =
            keys.seal(&bound, plaintext.expose()).map_err(|error| keyring_failure(&error))?;
        Ok(Record {
            operation: self.operation.to_owned(),
            parameters: self.parameters.to_vec(),
            request: request.to_owned(),
            response,
        })
    }

    /// The stored response, if it is one to this very request.
    ///
    /// # Errors
    /// The idempotency error if the key was used with another operation or other parameters; a 400
    /// if the response showed a token and was not stored.
    pub(crate) fn open(
        &self,
        keys: &TenantKeys,
        record: &Record,
    ) -> Result<StoredResponse, ApiError> {
        let Record { operation, parameters, request, response } = record;
        // It is opened before its columns are believed: a tampered row is no mismatch.
        let opened = keys
            .open(&bound_to(keys, &self.digest, operation, parameters, request), response)
            .map_err(|error| keyring_failure(&error))?;
        if operation != self.operation {
            let error = ApiError::idempotency_other_operation;
            return Err(error(&self.text, operation, self.operation));
        }
        if *parameters != self.parameters {
            return Err(ApiError::idempotency_other_parameters(&self.text, operation));
        }
        match opened.expose().as_slice() {
            [flag @ (RESPONSE | WITHHELD), high, low, length, stored @ ..] => {
                let (version, stored) = version_of(stored, *length)?;
                let (withheld, body) = match Withheld::decode(stored).filter(|_| *flag == WITHHELD)
                {
                    Some((withheld, body)) => (Some(withheld), body),
                    None => (None, stored),
                };
                let status = u16::from_be_bytes([*high, *low]);
                Ok(StoredResponse {
                    status,
                    body: body.to_vec(),
                    withheld,
                    request: request.clone(),
                    version,
                })
            }
            [SHOWN_ONCE, _, _, _, id @ ..] => {
                Err(refuse_to_show_again(&String::from_utf8_lossy(id)))
            }
            _ => Err(ApiError::internal("a stored response has an unknown form")),
        }
    }
}

/// The version that a stored response begins with, if its object has one, and the rest.
fn version_of(stored: &[u8], length: u8) -> Result<(Option<String>, &[u8]), ApiError> {
    let unknown = || ApiError::internal("a stored response has an unknown form");
    let (version, rest) = stored.split_at_checked(usize::from(length)).ok_or_else(unknown)?;
    let version = std::str::from_utf8(version).map_err(|_| unknown())?;
    Ok(((!version.is_empty()).then(|| version.to_owned()), rest))
}

/// What a stored response is bound to: the other columns of its row.
fn bound_to(
    keys: &TenantKeys,
    key_digest: &[u8],
    operation: &str,
    parameters: &[u8],
    request: &str,
) -> AssociatedData {
    keys.associated_data("idempotent-answer")
        .bytes(key_digest)
        .text(operation)
        .bytes(parameters)
        .text(request)
}

/// Stored responses of all tenants.
pub(crate) const SEALED: SealedTable = SealedTable {
    next: store::SEALED_RECORDS,
    replace: store::REPLACE_RECORD,
    count: store::COUNT_RECORDS,
    bound_to: |keys, row| {
        let Sealed { key_digest, operation, parameters, request } = store::sealed_record(row)?;
        Ok(bound_to(keys, key_digest, operation, parameters, request))
    },
};

/// The refusal of a replay whose response held a token.
fn refuse_to_show_again(id: &str) -> ApiError {
    ApiError::invalid(format!(
        "This request was carried out before and made '{id}'. Its answer held a token that is \
         shown only once and is not kept. If the token was lost, revoke '{id}' and make another \
         with a new idempotency key."
    ))
    .because(&reasons::TOKEN_NOT_KEPT)
}

/// The requests under way that carry an idempotency key. Those with the same key run one after
/// another.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<HashMap<[u8; 16], Arc<tokio::sync::Mutex<()>>>>);

/// While it lives, no other request of this server runs with the same idempotency key.
pub(crate) struct InFlightGuard<'a> {
    in_flight: &'a InFlight,
    digest: [u8; 16],
    _locked: OwnedMutexGuard<()>,
}

impl InFlight {
    /// Waits until no other request runs with this key.
    ///
    /// # Errors
    /// `idempotency_key_in_use` after [`limit::IDEMPOTENCY_WAIT_SECONDS`].
    pub(crate) async fn enter(&self, key: &IdempotencyKey) -> Result<InFlightGuard<'_>, ApiError> {
        let gate = Arc::clone(self.gates().entry(key.digest).or_default());
        let wait = Duration::from_secs(limit::IDEMPOTENCY_WAIT_SECONDS);
        match tokio::time::timeout(wait, gate.lock_owned()).await {
            Ok(locked) => {
                Ok(InFlightGuard { in_flight: self, digest: key.digest, _locked: locked })
            }
            Err(_elapsed) => {
                // If the request that had it has ended meanwhile, nobody else removes the gate.
                self.gates().retain(|_, gate| Arc::strong_count(gate) > 1);
                Err(ApiError::idempotency_in_use(&key.text))
            }
        }
    }

    fn gates(&self) -> MutexGuard<'_, HashMap<[u8; 16], Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        let mut gates = self.in_flight.gates();
        // Two references are the map's and this guard's own: nobody waits.
        if gates.get(&self.digest).is_some_and(|gate| Arc::strong_count(gate) <= 2) {
            gates.remove(&self.digest);
        }
    }
}
