//! May this caller do this? Every rule of that kind is decided here: by the kind of key and its
//! permissions, by the scope that a request reaches into, and, inside the transaction of a write,
//! by what became of the key and the install meanwhile.

use crate::definition::Access;
use crate::operation::RequestScope;
use crate::peer::Peer;
use crate::principal::{AccountAccess, Evidence, Principal, Role};
use crate::reasons;
use coffer_base::Timestamp;
use coffer_dialect::ApiError;

/// Whether a key of this kind, with its permissions, may call an operation. `named` is the account
/// that the request names, if that is not the one that the key has opened.
///
/// # Errors
/// 403 that names the permission, or the kind of key, that the operation needs.
pub(crate) fn check_access(
    principal: &Principal,
    access: Access,
    named: Option<&str>,
) -> Result<(), ApiError> {
    let key = &principal.redacted_key;
    let account = || named.unwrap_or_else(|| principal.tenant.account.name());
    match (access, &principal.role) {
        (access, Role::Admin(role)) if access.admits(*role) => Ok(()),
        (Access::Admin | Access::AdminOf(_), Role::Admin(role)) => {
            Err(ApiError::forbidden(format!(
                "The admin key '{key}' has the role '{}', which may not do this. Use an \
                 operator's key.",
                role.as_str()
            ))
            .because(&reasons::ROLE_NEEDED)
            .with_about(role.as_str().to_owned()))
        }
        (Access::Admin | Access::AdminOf(_), _) => Err(ApiError::forbidden(format!(
            "The key '{key}' is not an admin key. Use a key that begins with 'ak_coffer_' for the \
             admin API."
        ))
        .because(&reasons::ADMIN_KEY_NEEDED)),
        (Access::Tenant { .. } | Access::App, Role::Admin(_)) => Err(ApiError::forbidden(format!(
            "The admin key '{key}' opens no app's data. Use a key of the app, which you can \
             make at /v1/admin/api_keys."
        ))
        .because(&reasons::APP_KEY_NEEDED)),
        (Access::Tenant { permission }, _) if !principal.holds(permission) => {
            Err(ApiError::permission_denied(key, account(), permission))
        }
        (Access::Tenant { permission }, _) if !principal.is_granted(permission) => {
            Err(ApiError::permission_not_granted(key, account(), permission))
        }
        (Access::Tenant { .. } | Access::App, _) => Ok(()),
    }
}

/// Whether the key may be used from where the request comes from.
///
/// # Errors
/// 403 that names the key and the peer.
pub(crate) fn check_peer(principal: &Principal, peer: Peer) -> Result<(), ApiError> {
    if principal.admits_peer(peer) {
        return Ok(());
    }
    Err(ApiError::forbidden(format!(
        "The key '{}' may not be used from here ({peer}). Use it in one of its networks; behind a \
         proxy, the server must be told to believe that proxy.",
        principal.redacted_key
    ))
    .because(&reasons::NETWORK_NEEDED)
    .with_about(peer.to_string()))
}

/// Whether the caller may reach into a scope: an ephemeral key has one user, and as much of the
/// account's scope as it was made with. All other keys reach everywhere.
///
/// # Errors
/// 403 that names the parameter which reaches too far.
pub(crate) fn check_scope(
    principal: &Principal,
    scope: &RequestScope,
    writes: bool,
) -> Result<(), ApiError> {
    let Role::Ephemeral { user, account_access, .. } = &principal.role else { return Ok(()) };
    match scope {
        RequestScope::Backend => Err(ApiError::forbidden(format!(
            "The key '{}' is an ephemeral key. Only the app's backend may make this call: use \
             the app's own key.",
            principal.redacted_key
        ))
        .because(&reasons::BACKEND_ONLY)),
        RequestScope::Account if writes && *account_access == AccountAccess::Read => {
            Err(ApiError::forbidden(
                "This ephemeral key may only read the account's scope. Make it with \
                 account_access=write to let it write there.",
            )
            .because(&reasons::ACCOUNT_SCOPE_READ_ONLY)
            .with_param("scope[type]"))
        }
        RequestScope::User(other) if other != user => Err(ApiError::forbidden(
            "This ephemeral key belongs to one user and cannot reach another user's scope.",
        )
        .because(&reasons::OTHER_USER)
        .with_param("scope[user]")),
        RequestScope::Account | RequestScope::User(_) => Ok(()),
    }
}

/// Whether a caller who was accepted may still write at `now`, by the evidence that the transaction
/// found.
///
/// # Errors
/// 401 if the key was revoked or has expired meanwhile, 403 if the app is no longer
/// installed or its data is being purged, and an internal error if nobody looked for the key.
pub(crate) fn check_evidence(
    principal: &Principal,
    now: Timestamp,
    found: impl IntoIterator<Item = (Evidence, bool)>,
) -> Result<(), ApiError> {
    let expired =
        || ApiError::key_expired(&principal.redacted_key).because(&reasons::GONE_MEANWHILE);
    if principal.is_expired(now) {
        return Err(expired());
    }
    let mut looked_for_key = false;
    for (evidence, is_found) in found {
        match (evidence, is_found) {
            (Evidence::KeyInForce, true) => looked_for_key = true,
            (Evidence::KeyInForce, false) => {
                return Err(expired());
            }
            (Evidence::Installed | Evidence::OwnAccount, false) | (Evidence::Purged, true) => {
                let account = principal.tenant.account.name();
                return Err(ApiError::account_invalid(&principal.redacted_key, account)
                    .because(&reasons::UNINSTALLED_MEANWHILE));
            }
            (Evidence::Installed | Evidence::OwnAccount, true) | (Evidence::Purged, false) => {}
        }
    }
    if looked_for_key { Ok(()) } else { Err(ApiError::internal("nobody looked for the key")) }
}
