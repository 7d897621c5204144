//! Revocations that are in force on this server and not stored yet.
//!
//! A revocation counts from the moment it is asked for, whatever becomes of its row: a full disk or
//! a database that is gone must not keep a stolen key alive. A job stores what could not be stored.

use crate::limits;
use crate::objects::ApiKey;
use coffer_base::Tenant;
use coffer_kernel::Ctx;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The keys that are refused although their rows may not say so, by their ids.
#[derive(Default)]
pub(crate) struct Unstored(Mutex<HashMap<String, RevocationRequest>>);

/// Who asked for a revocation.
#[derive(Clone)]
pub(crate) struct RevocationRequest {
    /// Whose keys the caller may revoke: any, if it is `None`, or the tenant's ephemeral keys.
    pub(crate) within: Option<Tenant>,
    /// The id of the caller's key.
    pub(crate) actor: Arc<str>,
    /// The id of the request.
    pub(crate) request: Arc<str>,
    /// The operation's name.
    pub(crate) operation: &'static str,
}

impl RevocationRequest {
    /// By the request whose context this is.
    pub(crate) fn by(ctx: &Ctx, operation: &'static str, within: Option<Tenant>) -> Self {
        let actor = Arc::clone(&ctx.principal().key_id);
        Self { within, actor, request: ctx.request_id().into(), operation }
    }

    /// Whether the caller may revoke the key.
    pub(crate) fn reaches(&self, key: &ApiKey) -> bool {
        self.within.as_ref().is_none_or(|tenant| {
            let account = key.bound.as_ref().map(|bound| bound.account.as_str());
            key.app.as_ref() == Some(&tenant.app)
                && key.mode == Some(tenant.mode)
                && account == Some(tenant.account.name())
        })
    }
}

impl Unstored {
    /// Refuses the key `id` from now on. Only as many as the bound says are held at once.
    pub(crate) fn add(&self, id: &str, asked: RevocationRequest) {
        let mut held = self.held();
        if held.len() < limits::UNSTORED_REVOCATIONS {
            held.insert(id.to_owned(), asked);
        }
    }

    /// The revocation is stored, or there is nothing to revoke.
    pub(crate) fn remove(&self, id: &str) {
        self.held().remove(id);
    }

    /// Whether the key `id` is refused.
    pub(crate) fn holds(&self, id: &str) -> bool {
        self.held().contains_key(id)
    }

    /// Whether `key` is refused, or the key that made it is.
    pub(crate) fn refuses(&self, key: &ApiKey) -> bool {
        let held = self.held();
        let parent = key.parent.as_ref().and_then(|parent| held.get(parent));
        held.get(&key.id).is_some_and(|asked| asked.reaches(key))
            || parent.is_some_and(|asked| asked.within.is_none())
    }

    /// All of them, to be stored.
    pub(crate) fn all(&self) -> Vec<(String, RevocationRequest)> {
        self.held().iter().map(|(id, asked)| (id.clone(), asked.clone())).collect()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, RevocationRequest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
