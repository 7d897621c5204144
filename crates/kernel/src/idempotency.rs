//! Idempotency keys, and the responses that are stored under them.
//!
//! The key, the change and the stored response are one transaction: nothing is reserved
//! beforehand, and a crash before the commit leaves no trace. Requests of this server that carry
//! the same key run one after another, so that the second finds the first one's response.

use crate::error::keyring_failure;
use crate::operation::ReplayPolicy;
use crate::store::{self, Record};
use coffer_base::{Redacted, Tenant, Timestamp, limit};
use coffer_dialect::{ApiError, Params};
use coffer_keyring::{AssociatedData, Keyring, KeyringError, TenantKeys};
use coffer_storage::Store;
use std::collections::HashMap;
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

/// A response as it was stored, opened.
pub(crate) struct StoredResponse {
    /// The HTTP status, or 0 for a success.
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// The id of the request that it was the response to.
    pub(crate) request: String,
}

/// What a stored record holds: the response itself, or the id of an object whose token was shown
/// once. The first byte of the sealed text.
const RESPONSE: u8 = 0;
const SHOWN_ONCE: u8 = 1;

impl IdempotencyKey {
    /// The key `text` of one request. `user` is whom an ephemeral API key is bound to: each user
    /// has idempotency keys of its own.
    pub(crate) fn new(
        keys: &TenantKeys,
        tenant: &Tenant,
        user: Option<&str>,
        text: &str,
        operation: &'static str,
        path: &[String],
        params: &Params,
    ) -> Self {
        let user = user.unwrap_or_default().as_bytes();
        let digest = keys.digest("idempotency-claim", &[user, text.as_bytes()]);
        let canonical = params.canonical();
        let mut fields: Vec<&[u8]> = vec![operation.as_bytes(), canonical.expose()];
        fields.extend(path.iter().map(String::as_bytes));
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
        status: u16,
        body: &[u8],
        policy: &ReplayPolicy,
    ) -> Result<Record, ApiError> {
        let (flag, stored) = match policy {
            ReplayPolicy::Replay => (RESPONSE, body),
            ReplayPolicy::ShowOnce { id } => (SHOWN_ONCE, id.as_bytes()),
        };
        let [high, low] = status.to_be_bytes();
        let mut plaintext = Vec::with_capacity(stored.len() + 3);
        plaintext.extend_from_slice(&[flag, high, low]);
        plaintext.extend_from_slice(stored);
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
            [RESPONSE, high, low, body @ ..] => Ok(StoredResponse {
                status: u16::from_be_bytes([*high, *low]),
                body: body.to_vec(),
                request: request.clone(),
            }),
            [SHOWN_ONCE, _, _, id @ ..] => Err(refuse_to_show_again(&String::from_utf8_lossy(id))),
            _ => Err(ApiError::internal("a stored response has an unknown form")),
        }
    }
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

/// Opens every stored response of all tenants, and counts them.
///
/// # Errors
/// [`KeyringError`] of the first that does not open.
pub async fn open_stored_responses(
    data: &Store,
    keyring: &Keyring,
    now: Timestamp,
) -> Result<u64, KeyringError> {
    let mut opened = 0u64;
    let mut after: Option<(Tenant, Vec<u8>)> = None;
    loop {
        let behind = after.as_ref().map(|(tenant, digest)| (tenant, digest.as_slice()));
        let page = store::all_records(data, behind).await?;
        let Some((tenant, digest, _)) = page.last() else { return Ok(opened) };
        after = Some((tenant.clone(), digest.clone()));
        for (tenant, digest, record) in &page {
            let keys = keyring.existing(tenant, now).await?.ok_or(KeyringError::KeysLost)?;
            let Record { operation, parameters, request, response } = record;
            keys.open(&bound_to(&keys, digest, operation, parameters, request), response)?;
            opened = opened.saturating_add(1);
        }
    }
}

/// The refusal of a replay whose response held a token.
fn refuse_to_show_again(id: &str) -> ApiError {
    ApiError::invalid(format!(
        "This request was carried out before and made '{id}'. Its answer held a token that is \
         shown only once and is not kept. If the token was lost, revoke '{id}' and make another \
         with a new idempotency key."
    ))
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
