//! What an operation is given to work with.

use crate::call::Audited;
use crate::conditions::Conditions;
use crate::error::keyring_failure;
use crate::event::{Cause, EventListeners};
use crate::peer::Peer;
use crate::principal::Principal;
use crate::registry::Registry;
use crate::usage::{Amount, Usages};
use coffer_audit::Actor;
use coffer_base::{AccountId, Owner, Random, Tenant, Timestamp};
use coffer_dialect::{ApiError, ApiVersion, Expand};
use coffer_keyring::{Digest, KeyringError, TenantKeys};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What an operation is given: who, when, in which version, with which keys.
///
/// Only the pipeline makes one, after authentication and the permission check, so holding one
/// means that both took place.
pub struct Ctx {
    pub(crate) request_id: Arc<str>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) conditions: Conditions,
    pub(crate) now: Timestamp,
    pub(crate) clock_doubtful: bool,
    pub(crate) principal: Arc<Principal>,
    pub(crate) named_account: Option<AccountId>,
    pub(crate) peer: Peer,
    pub(crate) version: ApiVersion,
    pub(crate) expand: Expand,
    pub(crate) keys: Option<Arc<TenantKeys>>,
    pub(crate) listeners: EventListeners,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) usages: Arc<Usages>,
    pub(crate) audited: Mutex<Audited>,
    pub(crate) names_in_clear: bool,
}

impl Ctx {
    /// The request's id.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// What the change depends on, by the request's headers.
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// The one time of the request.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether the clock may be wrong: then nothing is deleted because its time seems to be over.
    pub const fn is_clock_doubtful(&self) -> bool {
        self.clock_doubtful
    }

    /// Who is calling.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Who is calling, as the audit says it.
    pub fn actor(&self) -> Actor {
        self.principal.actor(self.peer)
    }

    /// Whose data it is.
    pub fn tenant(&self) -> &Tenant {
        &self.principal.tenant
    }

    /// Whose ledger and whose events the request is about.
    pub fn owner(&self) -> Owner {
        Owner {
            mode: self.tenant().mode,
            platform: self.principal.platform.clone(),
            account: self.tenant().account.named(),
        }
    }

    /// Whether the caller named the account (`Stripe-Account`): some fields are shown to platforms
    /// that look at a connected account, and to nobody else.
    pub fn is_connect(&self) -> bool {
        self.principal.connect
    }

    /// The account that the request names, of an operation that decides itself about it
    /// ([`Definition::of_any_account`](crate::Definition::of_any_account)); `None` if it names
    /// none, or the one that develops the app.
    pub const fn named_account(&self) -> Option<&AccountId> {
        self.named_account.as_ref()
    }

    /// Who is who.
    pub fn registry(&self) -> &dyn Registry {
        &*self.registry
    }

    /// What the events of this request say that it came from.
    pub fn cause(&self) -> Cause<'_> {
        Cause {
            request: Some(&self.request_id),
            idempotency_key: self.idempotency_key.as_deref(),
            now: self.now,
            random: &*self.random,
            listeners: &self.listeners,
        }
    }

    /// The version that the answer is rendered in.
    pub const fn version(&self) -> &ApiVersion {
        &self.version
    }

    /// Whether the caller asked for `field` to be expanded.
    pub fn expands(&self, field: &str) -> bool {
        self.expand.has(field)
    }

    /// The tenant's keys, or `None` if it never wrote anything.
    pub fn existing_keys(&self) -> Option<&TenantKeys> {
        self.keys.as_deref()
    }

    /// The tenant's keys; every write has them.
    ///
    /// # Errors
    /// An internal error if a read that has none asks for them.
    pub fn keys(&self) -> Result<&TenantKeys, ApiError> {
        self.existing_keys()
            .ok_or_else(|| keyring_failure(&KeyringError::KeyMissing { version: 0 }))
    }

    /// Has the audit say what the call is about, found or not: an object of this name, of which
    /// `fingerprint` is a digest under the tenant's key. The name itself is recorded where the
    /// operator wants that.
    pub fn audit_name(&self, fingerprint: Digest, name: &str) {
        let mut audited = self.audited();
        audited.target.name_fingerprint = Some(fingerprint);
        if self.names_in_clear {
            audited.target.name = Some(name.to_owned());
        }
    }

    /// Has the audit say which object a read has found.
    pub fn audit_subject(&self, id: &str) {
        self.audited().target.subject = Some(id.to_owned());
    }

    /// Has the audit say how many objects a read has found.
    pub fn audit_amount(&self, objects: usize) {
        self.audited().amount = Some(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// Has the audit say something else of the call, in words of the program and never of a caller.
    pub fn audit_detail(&self, detail: impl Into<String>) {
        self.audited().detail = Some(detail.into());
    }

    /// Keeps the audit from recording this read, if it succeeds: for who goes on reading what a
    /// read before has begun, and for nothing that shows a tenant's data.
    pub fn leave_unrecorded(&self) {
        self.audited().is_unrecorded = true;
    }

    pub(crate) fn audited(&self) -> MutexGuard<'_, Audited> {
        self.audited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the caller's app may keep more of `amount`, by the last count.
    ///
    /// # Errors
    /// A 400 that names the quota if it has as much as it may keep.
    pub fn check_amount(&self, amount: &Amount) -> Result<(), ApiError> {
        self.usages.check(&self.principal, amount.quota.name)
    }

    /// How much each app keeps.
    pub fn usages(&self) -> &Usages {
        &self.usages
    }

    /// Where new ids come from.
    pub fn random(&self) -> &dyn Random {
        &*self.random
    }
}
