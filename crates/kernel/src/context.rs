//! Who is calling, and what an operation is given to work with.

use crate::error::keyring_failure;
use crate::event::Cause;
use coffer_base::{AccountId, Owner, Random, Redacted, Tenant, Timestamp};
use coffer_dialect::{ApiError, ApiVersion, Expand};
use coffer_keyring::{Keyring, KeyringError, TenantKeys};
use coffer_storage::{Query, Row, StorageError};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A future that is boxed where a trait must be an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a request shows to be let in.
pub struct Presented<'a> {
    /// The key.
    pub token: &'a Redacted<String>,
    /// The account that the request is for: `Stripe-Account`, or `Stripe-Context`.
    pub account: Option<&'a str>,
    /// The `Host` header.
    pub host: Option<&'a str>,
    /// The `Origin` header, which browsers send.
    pub origin: Option<&'a str>,
    /// When the request was taken up.
    pub now: Timestamp,
}

/// Turns what a request shows into who is calling.
pub trait Authenticate: Send + Sync + 'static {
    /// Who is calling.
    fn authenticate<'a>(
        &'a self,
        presented: &'a Presented<'a>,
    ) -> BoxFuture<'a, Result<Arc<Principal>, ApiError>>;

    /// What to ask inside the transaction that writes, so as to see whether the caller may still
    /// do so: a body can arrive long after the key was checked.
    fn admission_queries(&self, principal: &Principal) -> Vec<Query>;

    /// What came of those questions, each with its rows.
    ///
    /// # Errors
    /// [`StorageError`] if an answer is missing.
    fn admission(
        &self,
        principal: &Principal,
        answers: &[Vec<Row>],
    ) -> Result<Admission, StorageError>;
}

/// Whether a caller who was let in may still write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// Yes.
    Admitted,
    /// The key was revoked meanwhile.
    KeyRevoked,
    /// The app was taken off the account meanwhile, or the account is being erased.
    Shut,
}

/// What an ephemeral key may do in the scope that its account's users share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccountAccess {
    /// Read.
    Read,
    /// Read and write.
    Write,
}

impl AccountAccess {
    /// The word for it on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What kind of key was shown, and what it may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// An app's own key: all rights of the app.
    App,
    /// A restricted key: only the permissions that it names.
    Restricted {
        /// Permissions such as `secret_read`.
        permissions: Vec<String>,
    },
    /// A key for one user of one account, made by an app's key.
    Ephemeral {
        /// The user.
        user: String,
        /// What it may do in the account's scope.
        account_access: AccountAccess,
        /// The permissions of the key that made it; `None` if those were all.
        permissions: Option<Vec<String>>,
    },
    /// An operator's key: the admin API, and no data of any tenant.
    Admin,
}

/// Who is calling: a key that was found good, and whose data it opens.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The id of the key, for logs and the audit.
    pub key_id: Arc<str>,
    /// The key with its middle starred out, for messages (conventions §1).
    pub shown_key: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// Whose data it opens; an admin key opens none and has the system's tenant.
    pub tenant: Tenant,
    /// Whether the tenant's account is the app's own, which needs no install.
    pub own_account: bool,
    /// The account that develops the key's app: it and its apps share ledgers and events (reserves
    /// §11, decision 16). The system's for admin keys.
    pub platform: AccountId,
    /// Whether the request named the account, as platforms do for connected accounts.
    pub connect: bool,
    /// Quotas of the app by name, where they differ from the installation's.
    pub quotas: Arc<[(String, i64)]>,
}

impl Principal {
    /// Whether the role includes `permission`.
    pub fn holds(&self, permission: &str) -> bool {
        let among = |held: &[String]| {
            held.iter().any(|one| {
                one == permission
                    || one.strip_suffix("_write").is_some_and(|stem| {
                        permission.strip_suffix("_read").is_some_and(|other| other == stem)
                    })
            })
        };
        match &self.role {
            Role::App => true,
            Role::Restricted { permissions } => among(permissions),
            Role::Ephemeral { permissions, .. } => permissions.as_deref().is_none_or(among),
            Role::Admin => false,
        }
    }

    /// The user that an ephemeral key is bound to.
    pub fn bound_user(&self) -> Option<&str> {
        match &self.role {
            Role::Ephemeral { user, .. } => Some(user),
            _ => None,
        }
    }

    /// The app's own value of the quota `name`, if it has one.
    pub fn quota(&self, name: &str) -> Option<i64> {
        self.quotas.iter().find(|(of, _)| of == name).map(|(_, value)| *value)
    }
}

/// What an operation is given: who, when, in which version, with which keys.
///
/// Only the pipeline makes one, after authentication and the permission check, so holding one
/// means that both took place.
pub struct Ctx {
    pub(crate) request_id: Arc<str>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) now: Timestamp,
    pub(crate) principal: Arc<Principal>,
    pub(crate) version: ApiVersion,
    pub(crate) expand: Expand,
    pub(crate) keys: Option<Arc<TenantKeys>>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) random: Arc<dyn Random>,
}

impl Ctx {
    /// The request's id.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The one time of the request.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Who is calling.
    pub fn principal(&self) -> &Principal {
        &self.principal
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
            account: self.tenant().account.clone(),
        }
    }

    /// Whether the caller named the account (`Stripe-Account`): some fields are shown to such
    /// callers only (reserves §11, decision 29).
    pub fn is_connect(&self) -> bool {
        self.principal.connect
    }

    /// What the events of this request say that it came from.
    pub fn cause(&self) -> Cause<'_> {
        Cause {
            request: Some(&self.request_id),
            idempotency_key: self.idempotency_key.as_deref(),
            now: self.now,
            random: &*self.random,
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

    /// The keyring, for what erases tenants.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Where new ids come from.
    pub fn random(&self) -> &dyn Random {
        &*self.random
    }
}
