//! Revocations that are in force on this server and not stored yet.
//!
//! A revocation counts from the moment it is asked for, whatever becomes of its row: a full disk or
//! a database that is gone must not keep a stolen key alive. A job stores what could not be stored.

use crate::limits;
use crate::objects::ApiKey;
use coffer_base::Tenant;
use coffer_kernel::{AuditActor, Ctx, Principal};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The keys that are refused although their rows may not say so.
#[derive(Default)]
pub(crate) struct Unstored(Mutex<HashMap<Target, Held>>);

/// Which key is to be revoked, and among whose keys: what a tenant asks for takes nothing from what
/// others have asked for.
#[derive(PartialEq, Eq, Hash)]
struct Target {
    id: String,
    within: Option<Tenant>,
}

/// A revocation that was asked for.
struct Held {
    request: RevocationRequest,
    /// Whether there is such a key among those that the caller may revoke.
    found: bool,
    /// Whether its transaction has failed. Until then that decides what comes before it.
    failed: bool,
}

/// Who asked for a revocation.
#[derive(Clone)]
pub(crate) struct RevocationRequest {
    /// Whose keys the caller may revoke: any, if it is `None`, or the ephemeral keys of a tenant,
    /// whatever its generation.
    pub(crate) within: Option<Tenant>,
    /// Who is calling.
    pub(crate) actor: AuditActor,
    /// The id of the request.
    pub(crate) request: Arc<str>,
    /// The operation's name.
    pub(crate) operation: &'static str,
}

impl RevocationRequest {
    /// By the request whose context this is, of any key.
    pub(crate) fn of_any(ctx: &Ctx, operation: &'static str) -> Self {
        Self { within: None, actor: ctx.actor(), request: ctx.request_id().into(), operation }
    }

    /// The same, of an ephemeral key of the caller's tenant.
    pub(crate) fn of_own(ctx: &Ctx, operation: &'static str) -> Self {
        Self { within: Some(named(ctx.tenant())), ..Self::of_any(ctx, operation) }
    }

    /// Whether the caller may revoke the key.
    pub(crate) fn reaches(&self, key: &ApiKey) -> bool {
        self.within.is_none() || self.within == tenant_of(key)
    }
}

/// The tenant without its generation.
fn named(tenant: &Tenant) -> Tenant {
    Tenant { account: tenant.account.named(), ..tenant.clone() }
}

/// Whose ephemeral key it is; `None` if it is another one.
fn tenant_of(key: &ApiKey) -> Option<Tenant> {
    let account = key.bound.as_ref()?.account.clone();
    Some(Tenant { mode: key.mode?, app: key.app.clone()?, account })
}

impl Unstored {
    /// Refuses the key `id` from now on. Only as many as the bound says are held at once, and half
    /// of them are the operators'.
    pub(crate) fn add(&self, id: &str, request: RevocationRequest) {
        let most = match request.within {
            None => limits::UNSTORED_REVOCATIONS,
            Some(_) => limits::UNSTORED_REVOCATIONS / 2,
        };
        let mut held = self.held();
        if held.len() < most {
            let target = Target { id: id.to_owned(), within: request.within.clone() };
            held.entry(target).or_insert(Held { request, found: false, failed: false });
        }
    }

    /// The transaction of the revocation has found the key.
    pub(crate) fn found(&self, id: &str, within: Option<&Tenant>) {
        if let Some(held) = self.held().get_mut(&target(id, within)) {
            held.found = true;
        }
    }

    /// The revocation is stored, or there is nothing to revoke.
    pub(crate) fn remove(&self, id: &str, within: Option<&Tenant>) {
        self.held().remove(&target(id, within));
    }

    /// The request is refused: what it asked for is forgotten, unless there is such a key, which an
    /// earlier request has revoked.
    pub(crate) fn refuse(&self, id: &str, within: Option<&Tenant>) {
        let target = target(id, within);
        let mut held = self.held();
        if held.get(&target).is_some_and(|held| !held.found) {
            held.remove(&target);
        }
    }

    /// The transaction of the revocation has failed. Whether there is such a key, which is refused.
    pub(crate) fn fail(&self, id: &str, within: Option<&Tenant>) -> bool {
        let mut held = self.held();
        let Some(held) = held.get_mut(&target(id, within)) else { return false };
        held.failed = true;
        held.found
    }

    /// Whether `key` is refused, or the key that made it is.
    pub(crate) fn refuses(&self, key: &ApiKey) -> bool {
        let tenant = tenant_of(key);
        self.any(&key.id, key.parent.as_deref(), tenant.as_ref(), |_| true)
    }

    /// Whether whoever was let in may not write any more, since the revocation was not stored. One
    /// that is being stored is not among them: a key can revoke itself.
    pub(crate) fn refuses_principal(&self, principal: &Principal) -> bool {
        let ephemeral = principal.bound_user().map(|_| &principal.tenant);
        let has_failed = |held: &Held| held.failed;
        self.any(&principal.key_id, principal.parent.as_deref(), ephemeral, has_failed)
    }

    /// Whether `is` holds for a revocation that reaches a key of the tenant, or the key's parent.
    fn any(
        &self,
        id: &str,
        parent: Option<&str>,
        tenant: Option<&Tenant>,
        is: impl Fn(&Held) -> bool,
    ) -> bool {
        let held = self.held();
        if held.is_empty() {
            return false;
        }
        let has = |id, within| held.get(&target(id, within)).is_some_and(&is);
        has(id, None)
            || tenant.is_some_and(|tenant| has(id, Some(tenant)))
            || parent.is_some_and(|parent| has(parent, None))
    }

    /// All of them, to be stored.
    pub(crate) fn all(&self) -> Vec<(String, RevocationRequest)> {
        let held = self.held();
        let mut all: Vec<_> =
            held.iter().map(|(target, held)| (target.id.clone(), held.request.clone())).collect();
        // Ephemeral keys come first: revoking the key that made them takes them along.
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Target, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn target(id: &str, within: Option<&Tenant>) -> Target {
    Target { id: id.to_owned(), within: within.map(named) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_base::{AccountId, AppId, Mode};
    use coffer_kernel::ActorKind;

    fn tenant(app: &str) -> Tenant {
        let account = AccountId::parse("acct_1").unwrap();
        Tenant { mode: Mode::Test, app: AppId::parse(app).unwrap(), account }
    }

    fn request(within: Option<Tenant>) -> RevocationRequest {
        let actor = AuditActor { kind: ActorKind::Admin, id: None, user: None, peer: None };
        RevocationRequest { within, actor, request: "req_1".into(), operation: "x" }
    }

    #[test]
    fn nobody_takes_back_what_another_has_revoked() {
        let (unstored, other) = (Unstored::default(), tenant("app_other"));
        unstored.add("key_stolen", request(None));
        unstored.found("key_stolen", None);
        assert!(unstored.fail("key_stolen", None));
        unstored.add("key_stolen", request(Some(other.clone())));
        assert!(!unstored.fail("key_stolen", Some(&other)), "nothing of theirs");
        unstored.refuse("key_stolen", Some(&other));
        unstored.remove("key_stolen", Some(&other));
        // Nor does a later request of an operator that is refused itself.
        unstored.add("key_stolen", request(None));
        unstored.refuse("key_stolen", None);
        assert!(unstored.any("key_stolen", None, None, |held| held.failed));
        assert!(unstored.any("key_child", Some("key_stolen"), None, |held| held.failed));
        unstored.remove("key_stolen", None);
        assert!(!unstored.any("key_stolen", None, None, |_| true));
    }

    #[test]
    fn tenants_leave_room_for_operators() {
        let (unstored, tenant) = (Unstored::default(), tenant("app_1"));
        for number in 0..limits::UNSTORED_REVOCATIONS {
            unstored.add(&number.to_string(), request(Some(tenant.clone())));
        }
        unstored.add("key_stolen", request(None));
        assert!(unstored.any("key_stolen", None, None, |_| true));
        assert_eq!(unstored.all().len(), limits::UNSTORED_REVOCATIONS / 2 + 1);
    }

    /// A purge begins a new generation; its ephemeral keys are the same tenant's.
    #[test]
    fn a_tenant_revokes_its_own_in_whichever_generation() {
        let unstored = Unstored::default();
        let (first, purged) = (tenant("app_1"), tenant("app_1"));
        let purged = Tenant { account: purged.account.in_generation(7), ..purged };
        unstored.add("ephkey_1", request(Some(first.clone())));
        unstored.found("ephkey_1", Some(&purged));
        assert!(unstored.fail("ephkey_1", Some(&purged)));
        assert!(unstored.any("ephkey_1", None, Some(&first), |held| held.found));
        assert!(!unstored.any("ephkey_1", None, Some(&tenant("app_2")), |_| true));
    }
}
