//! From a key that is accepted to the principal that it stands for.

use crate::objects::{ApiKey, App, Kind, ModeInstall};
use crate::reasons;
use coffer_base::Tenant;
use coffer_dialect::Reason;
use coffer_kernel::{Principal, Restrictions, Role, UseLimit};
use coffer_storage::StorageError;
use std::sync::Arc;

/// What the key may do.
///
/// # Errors
/// [`StorageError::Corrupt`] for an admin key, which has no app, and for an ephemeral key that is
/// bound to nobody: rows that no operation writes.
pub(super) fn role(key: &ApiKey) -> Result<Role, StorageError> {
    let permissions = key.permissions.clone();
    Ok(match (key.kind, &key.bound) {
        (Kind::Secret, _) => Role::App,
        (Kind::Restricted, _) => Role::Restricted { permissions: permissions.unwrap_or_default() },
        (Kind::Ephemeral, Some(bound)) => Role::Ephemeral {
            user: bound.user.clone(),
            account_access: bound.account_access,
            permissions,
        },
        (Kind::Ephemeral, None) | (Kind::Admin, _) => {
            return Err(StorageError::Corrupt("a key whose kind has no role".into()));
        }
    })
}

/// The principal of a key that is accepted. `app` is `None` for an admin key, whose tenant is the
/// system's; `connect` says that the request named the account.
pub(super) fn principal(
    key: &ApiKey,
    role: Role,
    tenant: Tenant,
    app: Option<&App>,
    connect: bool,
) -> Principal {
    let platform = app.map_or_else(|| tenant.account.clone(), |app| app.account.clone());
    Principal {
        key_id: Arc::from(key.id.as_str()),
        redacted_key: Arc::from(key.redacted.as_str()),
        parent: key.parent.as_deref().map(Arc::from),
        role,
        expires_at: key.expires_at,
        own_account: platform.as_str() == tenant.account.name(),
        tenant,
        platform,
        connect,
        person: key.person.as_deref().map(Arc::from),
        restrictions: restrictions(key, key.uses),
        granted: None,
        quotas: app.map_or(&[][..], |app| app.quotas.all()).into(),
    }
}

/// The permissions that an install grants, if the app asks for any: one that asks for none is not
/// bound.
pub(super) fn granted_by(app: &App, install: &ModeInstall) -> Option<Arc<[String]>> {
    let asks = !app.manifest.permissions.is_empty();
    asks.then(|| install.granted.permissions.clone().into())
}

/// Why a key has no use left that somebody made who counts for it, or nobody.
pub(super) const fn used_up<M>(maker: &Option<M>) -> &'static Reason {
    match maker {
        Some(_) => &reasons::PARENT_USED_UP,
        None => &reasons::KEY_USED_UP,
    }
}

/// What the key is restricted to, of which at most `uses` are counted; most are not.
pub(super) fn restrictions(key: &ApiKey, uses: Option<i64>) -> Option<Arc<Restrictions>> {
    if key.networks.is_empty() && uses.is_none() {
        return None;
    }
    let (networks, uses) = (key.networks.clone(), uses.map(UseLimit::new));
    Some(Arc::new(Restrictions { networks, uses }))
}
