//! Who is calling: what a request presents, and the key that it was found to hold.

use crate::figures::CacheFigures;
use crate::peer::{Network, Peer};
use coffer_audit::{Actor, ActorKind};
use coffer_base::{AccountId, AppId, Redacted, Tenant, Timestamp};
use coffer_dialect::ApiError;
use coffer_storage::{Query, Share, StorageError};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A future that is boxed where a trait must be an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a request presents to say who it comes from, before anybody has checked it.
pub struct Credentials<'a> {
    /// The key.
    pub token: &'a Redacted<String>,
    /// The account that the request is for: `Stripe-Account`, or `Stripe-Context`.
    pub account: Option<&'a str>,
    /// When the request was taken up.
    pub now: Timestamp,
}

/// Finds out who is calling. Identity implements it; the kernel knows no keys.
pub trait Authenticate: Send + Sync + 'static {
    /// The principal whose key the request presents.
    ///
    /// # Errors
    /// The refusal, if the key is unknown, revoked or expired, or not valid for the account that is
    /// named; the failure of the store, if nobody could look.
    fn authenticate<'a>(
        &'a self,
        credentials: &'a Credentials<'a>,
    ) -> BoxFuture<'a, Result<Arc<Principal>, ApiError>>;

    /// Whether the key was found good for the account before, as far as can be told without asking
    /// the store: of a peer that tries keys, all others are looked up a few at a time. By default
    /// all were.
    fn is_known(&self, credentials: &Credentials<'_>) -> bool {
        let _ = credentials;
        true
    }

    /// The app's own value of the quota `name`, if it has one; for jobs, to which no principal
    /// came. By default no app has any.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn quota_of_app<'a>(
        &'a self,
        app: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<i64>, StorageError>> {
        let _ = (app, name);
        Box::pin(std::future::ready(Ok(None)))
    }

    /// The account that develops the app `app`, for jobs too; `None` if there is no such app. By
    /// default there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn developer_of<'a>(
        &'a self,
        app: &'a str,
    ) -> BoxFuture<'a, Result<Option<AccountId>, StorageError>> {
        let _ = app;
        Box::pin(std::future::ready(Ok(None)))
    }

    /// The apps that the account `account` develops. By default there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn apps_of<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Vec<AppId>, StorageError>> {
        let _ = account;
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// How full the cache of keys is, and how often it had no answer. By default there is none.
    fn cache_figures(&self) -> CacheFigures {
        CacheFigures::default()
    }

    /// Takes one of the uses of a key that has a number of them ([`Restrictions::uses`]): called
    /// once for each request that is let in, before it is carried out. By default none is counted.
    ///
    /// # Errors
    /// As for a revoked key if all are used up; the failure of the store if nobody could count.
    fn count_use<'a>(&'a self, principal: &'a Principal) -> BoxFuture<'a, Result<(), ApiError>> {
        let _ = principal;
        Box::pin(std::future::ready(Ok(())))
    }

    /// Queries that tell, inside the transaction that writes, whether the principal may still do
    /// so: a body can arrive long after the key was checked. Each finds a row if what it is
    /// evidence of holds, and locks it until the transaction ends. A key's expiry is in the
    /// [`Principal`], since it never changes.
    fn evidence(&self, principal: &Principal) -> Vec<(Evidence, Query)>;
}

/// What a query of [`Authenticate::evidence`] finds a row for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// The key is there and not revoked.
    KeyInForce,
    /// The app is installed on the account.
    Installed,
    /// The account is the one that develops the app, which needs no install.
    OwnAccount,
    /// What the app stores for the account was purged since the caller was let in.
    Purged,
}

/// The permission to have events sent somewhere. It includes `READS_EVENTS`: whoever holds it
/// reads them where they arrive.
pub const SENDS_EVENTS: &str = "webhook_write";

/// The permission to read events.
pub(crate) const READS_EVENTS: &str = "event_read";

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

/// What kind of key was presented, and what it may do.
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
    /// A key for the admin API, and for no data of any tenant.
    Admin(AdminRole),
}

/// What an admin key may do. Each operation of the admin API says which roles may call it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdminRole {
    /// Everything.
    Operator,
    /// Reads what is there and what was done, and changes nothing.
    Auditor,
    /// Makes, rolls and revokes keys of apps, and nothing else.
    Keys,
}

impl AdminRole {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Auditor, Self::Keys];

    /// The word for it on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Keys => "keys",
        }
    }

    /// The role with the name `word`.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// What a key may be used for less than others of its kind.
#[derive(Debug, Default)]
pub struct Restrictions {
    /// The networks that it may be used from; from everywhere if there are none.
    pub networks: Vec<Network>,
    /// How often it may be used, if that is limited.
    pub uses: Option<UseLimit>,
}

/// How often a key may be used. The uses are counted where all servers see them.
#[derive(Debug)]
pub struct UseLimit {
    most: i64,
    is_used_up: AtomicBool,
}

impl UseLimit {
    /// At most `most` uses, of which some are left.
    pub const fn new(most: i64) -> Self {
        Self { most, is_used_up: AtomicBool::new(false) }
    }

    /// How many uses the key has from its making on.
    pub const fn most(&self) -> i64 {
        self.most
    }

    /// Notes that none is left, so that nobody counts again.
    pub fn mark_used_up(&self) {
        self.is_used_up.store(true, Ordering::Relaxed);
    }

    /// Whether somebody has counted them all.
    pub fn is_used_up(&self) -> bool {
        self.is_used_up.load(Ordering::Relaxed)
    }
}

/// Who is calling: a key that was found good, and whose data it opens.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The id of the key, for logs and the audit.
    pub key_id: Arc<str>,
    /// The key with its middle starred out, for messages.
    pub redacted_key: Arc<str>,
    /// The id of the key that made it, if it is an ephemeral key.
    pub parent: Option<Arc<str>>,
    /// What it may do.
    pub role: Role,
    /// From when on the key is refused: its own expiry, or that of the key that made it if that is
    /// earlier.
    pub expires_at: Option<Timestamp>,
    /// Whose data it opens; an admin key opens none and has the system's tenant.
    pub tenant: Tenant,
    /// Whether the tenant's account is the app's own, which needs no install.
    pub own_account: bool,
    /// The account that develops the key's app. It and all its apps share ledgers and events, since
    /// a platform's money is one however many apps it runs. The system's for admin keys.
    pub platform: AccountId,
    /// Whether the request named the account, as platforms do for connected accounts.
    pub connect: bool,
    /// Of an admin key: whom an identity provider has vouched for, if it was made for that.
    pub person: Option<Arc<str>>,
    /// What the key is restricted to; most are not, and cost nothing for it.
    pub restrictions: Option<Arc<Restrictions>>,
    /// The permissions that the account has granted to the app, if the app asks for any and the
    /// account is not its developer's own: the key holds none beyond these.
    pub granted: Option<Arc<[String]>>,
    /// Quotas of the app by name, where they differ from the installation's.
    pub quotas: Arc<[(String, i64)]>,
}

impl Principal {
    /// Whether the key is refused by its expiry at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Whether the key may be used by `peer`.
    pub fn admits_peer(&self, peer: Peer) -> bool {
        self.restrictions.as_ref().is_none_or(|restrictions| {
            let networks = &restrictions.networks;
            networks.is_empty() || networks.iter().any(|network| network.includes(peer))
        })
    }

    /// How often the key may be used, if that is limited.
    pub fn use_limit(&self) -> Option<&UseLimit> {
        self.restrictions.as_ref()?.uses.as_ref()
    }

    /// The role of an admin key.
    pub const fn admin_role(&self) -> Option<AdminRole> {
        match self.role {
            Role::Admin(role) => Some(role),
            _ => None,
        }
    }

    /// Whether the role includes `permission`.
    pub fn holds(&self, permission: &str) -> bool {
        match &self.role {
            Role::App => true,
            Role::Restricted { permissions } => includes(permissions, permission),
            Role::Ephemeral { permissions, .. } => {
                permissions.as_deref().is_none_or(|held| includes(held, permission))
            }
            Role::Admin(_) => false,
        }
    }

    /// Whether the account lets the app use `permission` at all.
    pub fn is_granted(&self, permission: &str) -> bool {
        self.granted.as_deref().is_none_or(|granted| includes(granted, permission))
    }

    /// Who it is as the audit says it, calling from `peer`.
    pub(crate) fn actor(&self, peer: Peer) -> Actor {
        let kind = match self.role {
            Role::App => ActorKind::App,
            Role::Restricted { .. } => ActorKind::Restricted,
            Role::Ephemeral { .. } => ActorKind::Ephemeral,
            Role::Admin(_) => ActorKind::Admin,
        };
        let user = self.bound_user().map(Arc::from).or_else(|| self.person.clone());
        let id = Arc::clone(&self.key_id);
        Actor { kind, id: Some(id), user, peer: Some(peer.address()) }
    }

    /// On whose account the store works for it: all keys of an app have one share.
    pub fn share(&self) -> Share {
        match self.role {
            Role::Admin(_) => Share::SYSTEM,
            _ => Share::of_app(self.tenant.app.as_str()),
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

/// Whether `permission` is among those that are held; one that ends in `_write` includes the one
/// that ends in `_read`.
fn includes(held: &[String], permission: &str) -> bool {
    held.iter().any(|one| {
        one == permission
            || (one == SENDS_EVENTS && permission == READS_EVENTS)
            || one.strip_suffix("_write").is_some_and(|stem| {
                permission.strip_suffix("_read").is_some_and(|other| other == stem)
            })
    })
}
