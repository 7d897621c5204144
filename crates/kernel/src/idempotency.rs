//! Idempotent answers (conventions §7, and §13 decisions 14 to 18).
//!
//! Claim, work and stored answer are one transaction: nothing is reserved beforehand, and a
//! crash before the commit leaves no trace. Requests of this server that carry the same key
//! take turns, so that the second finds the first one's answer.

use crate::error::keyring_failure;
use crate::operation::Shown;
use crate::store::{self, Record};
use coffer_base::{Redacted, Tenant, Timestamp, limit};
use coffer_dialect::{ApiError, Params};
use coffer_keyring::{AssociatedData, Keyring, KeyringError, TenantKeys};
use coffer_storage::Store;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

/// What a request with an idempotency key claims: to be the only one executed with it.
#[derive(Clone)]
pub(crate) struct Claim {
    /// The key as the caller wrote it, for messages to the caller only.
    pub(crate) key: String,
    pub(crate) tenant: Tenant,
    pub(crate) digest: [u8; 16],
    pub(crate) operation: &'static str,
    pub(crate) parameters: [u8; 16],
}

/// An answer as it was stored, opened.
pub(crate) struct Stored {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) request: String,
}

const KEPT: u8 = 0;
const SHOWN_ONCE: u8 = 1;

impl Claim {
    /// The claim of one request. `user` is whom an ephemeral key is bound to.
    pub(crate) fn new(
        keys: &TenantKeys,
        tenant: &Tenant,
        user: Option<&str>,
        key: &str,
        operation: &'static str,
        path: &[String],
        params: &Params,
    ) -> Self {
        let user = user.unwrap_or_default().as_bytes();
        let digest = keys.digest("idempotency-claim", &[user, key.as_bytes()]);
        let canonical = params.canonical();
        let mut fields: Vec<&[u8]> = vec![operation.as_bytes(), canonical.expose()];
        fields.extend(path.iter().map(String::as_bytes));
        let parameters = keys.digest("idempotency-parameters", &fields);
        Self {
            key: key.to_owned(),
            tenant: tenant.clone(),
            digest: *digest.as_bytes(),
            operation,
            parameters: *parameters.as_bytes(),
        }
    }

    /// The record that keeps an answer, sealed.
    pub(crate) fn record(
        &self,
        keys: &TenantKeys,
        request: &str,
        status: u16,
        body: &[u8],
        shown: &Shown,
    ) -> Result<Record, ApiError> {
        let (flag, kept) = match shown {
            Shown::Always => (KEPT, body),
            Shown::Once { id } => (SHOWN_ONCE, id.as_bytes()),
        };
        let [high, low] = status.to_be_bytes();
        let mut plaintext = Vec::with_capacity(kept.len() + 3);
        plaintext.extend_from_slice(&[flag, high, low]);
        plaintext.extend_from_slice(kept);
        let plaintext = Redacted::new(plaintext);
        let bound = bound_to(keys, &self.digest, self.operation, &self.parameters, request);
        let answer =
            keys.seal(&bound, plaintext.expose()).map_err(|error| keyring_failure(&error))?;
        Ok(Record {
            operation: self.operation.to_owned(),
            parameters: self.parameters.to_vec(),
            request: request.to_owned(),
            answer,
        })
    }

    /// The stored answer, if it is one to this very request.
    ///
    /// # Errors
    /// The idempotency error if the key was used with another operation or other parameters;
    /// a 400 if the answer showed a token and was not kept.
    pub(crate) fn open(&self, keys: &TenantKeys, record: &Record) -> Result<Stored, ApiError> {
        let Record { operation, parameters, request, answer } = record;
        // Opened before what it says is believed: a row that was tampered with is no mismatch.
        let opened = keys
            .open(&bound_to(keys, &self.digest, operation, parameters, request), answer)
            .map_err(|error| keyring_failure(&error))?;
        if operation != self.operation || *parameters != self.parameters {
            return Err(ApiError::idempotency_mismatch(&self.key));
        }
        match opened.expose().as_slice() {
            [KEPT, high, low, body @ ..] => Ok(Stored {
                status: u16::from_be_bytes([*high, *low]),
                body: body.to_vec(),
                request: request.clone(),
            }),
            [SHOWN_ONCE, _, _, id @ ..] => Err(shown_once(&String::from_utf8_lossy(id))),
            _ => Err(ApiError::internal("a stored answer has an unknown form")),
        }
    }
}

/// What a kept answer is bound to: what stands beside it in its row.
fn bound_to(
    keys: &TenantKeys,
    claim: &[u8],
    operation: &str,
    parameters: &[u8],
    request: &str,
) -> AssociatedData {
    keys.associated_data("idempotent-answer")
        .bytes(claim)
        .text(operation)
        .bytes(parameters)
        .text(request)
}

/// Opens every kept answer of all tenants, and answers how many there are.
///
/// # Errors
/// [`KeyringError`] of the first that does not open.
pub async fn open_answers(
    data: &Store,
    keyring: &Keyring,
    now: Timestamp,
) -> Result<u64, KeyringError> {
    let mut opened = 0u64;
    let mut after: Option<(Tenant, Vec<u8>)> = None;
    loop {
        let behind = after.as_ref().map(|(tenant, claim)| (tenant, claim.as_slice()));
        let page = store::all_records(data, behind).await?;
        let Some((tenant, claim, _)) = page.last() else { return Ok(opened) };
        after = Some((tenant.clone(), claim.clone()));
        for (tenant, claim, record) in &page {
            let keys = keyring.existing(tenant, now).await?.ok_or(KeyringError::KeysLost)?;
            let Record { operation, parameters, request, answer } = record;
            keys.open(&bound_to(&keys, claim, operation, parameters, request), answer)?;
            opened = opened.saturating_add(1);
        }
    }
}

fn shown_once(id: &str) -> ApiError {
    ApiError::invalid(format!(
        "This request was carried out before and made '{id}'. Its answer held a token that is \
         shown only once and is not kept. If the token was lost, revoke '{id}' and make another \
         with a new idempotency key."
    ))
}

/// Requests under way that carry an idempotency key: those with the same claim take turns.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<[u8; 16], Arc<tokio::sync::Mutex<()>>>>);

/// A request's turn; the next one's begins when it is dropped.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    digest: [u8; 16],
    _held: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for this claim's turn.
    ///
    /// # Errors
    /// `idempotency_key_in_use` after [`limit::IDEMPOTENCY_WAIT_SECONDS`].
    pub(crate) async fn take(&self, claim: &Claim) -> Result<Turn<'_>, ApiError> {
        let gate = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(claim.digest).or_default())
        };
        let wait = Duration::from_secs(limit::IDEMPOTENCY_WAIT_SECONDS);
        match tokio::time::timeout(wait, gate.lock_owned()).await {
            Ok(held) => Ok(Turn { turns: self, digest: claim.digest, _held: held }),
            Err(_elapsed) => {
                let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                // If its holder has gone meanwhile, this was the last who knew of the gate.
                turns.retain(|_, gate| Arc::strong_count(gate) > 1);
                Err(ApiError::idempotency_in_use(&claim.key))
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Two references are the map's and this turn's own: nobody waits.
        if turns.get(&self.digest).is_some_and(|gate| Arc::strong_count(gate) <= 2) {
            turns.remove(&self.digest);
        }
    }
}
