//! From a key to who is calling.
//!
//! What was found is remembered (see [`limit::PRINCIPALS_IN_MEMORY`]). Every change to keys,
//! apps, installs or accounts turns the page: whatever was remembered before is looked up anew,
//! so a revoked key is refused from the answer to its revocation on. Where other servers share the
//! store, what is remembered is good for the second in which it was looked up, and no longer.

use crate::objects::{ApiKey, App, Kind};
use crate::store::{self, Shown};
use coffer_base::{AccountId, Redacted, Tenant, Timestamp, limit};
use coffer_crypto::TokenHash;
use coffer_dialect::ApiError;
use coffer_dialect::authorization::{KeyKind, key_shape, redact_key};
use coffer_kernel::{
    Admission, Authenticate, BoxFuture, Presented, Principal, Role, storage_failure,
};
use coffer_storage::{Query, Row, StorageError, Store};
use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Whom the installation knows.
pub struct Directory {
    store: Store,
    remembered: Cache<Key, Arc<Known>>,
    page: AtomicU64,
}

/// A key that was found good for an account.
pub(crate) struct Known {
    principal: Arc<Principal>,
    page: u64,
    /// When it was looked up.
    at: Timestamp,
    expires_at: Option<Timestamp>,
    last_used: AtomicI64,
    last_written: AtomicI64,
}

/// A token's hash and the account that was asked for; empty means the key's own.
#[derive(Clone, PartialEq, Eq)]
struct Key {
    hash: [u8; 32],
    account: Box<str>,
}

struct Asked<'a> {
    hash: &'a [u8; 32],
    account: &'a str,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Asked { hash: &self.hash, account: &self.account }.hash(state);
    }
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
        self.account.hash(state);
    }
}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.hash == &key.hash && self.account == &*key.account
    }
}

/// Why a key is not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Denied {
    /// No such key.
    Unknown,
    /// The key is over.
    Expired,
    /// The app never was on the account, or the account does not exist.
    NotInstalled,
    /// The app was taken off the account.
    Uninstalled,
}

impl Directory {
    /// A directory over the data store.
    pub fn new(store: Store) -> Self {
        Self { store, remembered: Cache::new(limit::PRINCIPALS_IN_MEMORY), page: AtomicU64::new(0) }
    }

    /// Forgets everything that is remembered: call it after each change.
    pub fn turn_page(&self) {
        self.page.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Who shows `token` for `account`.
    pub(crate) async fn look_up(
        &self,
        token: &Redacted<String>,
        account: Option<&str>,
        now: Timestamp,
    ) -> Result<Result<Arc<Principal>, Denied>, StorageError> {
        let hash = TokenHash::of(token.expose());
        // An admin key opens no account: whatever is asked for is the same to it.
        let is_admin = matches!(key_shape(token.expose()), Some((KeyKind::Admin, _)));
        let account = account.filter(|_| !is_admin);
        let asked = Asked { hash: hash.as_bytes(), account: account.unwrap_or_default() };
        let page = self.page.load(Ordering::SeqCst);
        let shared = self.store.is_shared();
        let good = |known: &Arc<Known>| known.page == page && (!shared || known.at == now);
        if let Some(known) = self.remembered.get(&asked).filter(good) {
            return Ok(known.admit(now));
        }
        let found = match self.find(&hash, account, now).await? {
            Ok((principal, expires_at)) => Arc::new(Known {
                principal: Arc::new(principal),
                page,
                at: now,
                expires_at,
                last_used: AtomicI64::new(0),
                last_written: AtomicI64::new(0),
            }),
            Err(denied) => return Ok(Err(denied)),
        };
        let key = Key { hash: *hash.as_bytes(), account: asked.account.into() };
        self.remembered.insert(key, Arc::clone(&found));
        Ok(found.admit(now))
    }

    async fn find(
        &self,
        hash: &TokenHash,
        account: Option<&str>,
        now: Timestamp,
    ) -> Result<Result<(Principal, Option<Timestamp>), Denied>, StorageError> {
        let Some(shown) = store::shown_key(&self.store, hash, account).await? else {
            return Ok(Err(Denied::Unknown));
        };
        let Shown { key, app, installed } = shown;
        let parent = match &key.parent {
            Some(id) => store::find_key(&self.store, id).await?,
            None => None,
        };
        let orphan = key.parent.is_some() && parent.is_none();
        if orphan || key.is_over(now) || parent.as_ref().is_some_and(|parent| parent.is_over(now)) {
            return Ok(Err(Denied::Expired));
        }
        let expires_at = match (key.expires_at, parent.and_then(|parent| parent.expires_at)) {
            (Some(own), Some(parents)) => Some(own.min(parents)),
            (own, parents) => own.or(parents),
        };
        if key.app.is_none() {
            let admin = principal(&key, Role::Admin, Tenant::system(), None, false);
            return Ok(Ok((admin, expires_at)));
        }
        let Some(app) = app else { return Ok(Err(Denied::Unknown)) };
        let admitted = Self::admit(&key, &app, account, installed)?;
        Ok(admitted.map(|principal| (principal, expires_at)))
    }

    fn admit(
        key: &ApiKey,
        app: &App,
        account: Option<&str>,
        installed: Option<bool>,
    ) -> Result<Result<Principal, Denied>, StorageError> {
        let bound = key.bound.as_ref();
        let own = bound.map_or(&app.account, |bound| &bound.account);
        let connect = account.is_some();
        let account = match account.map(AccountId::parse) {
            None => own.clone(),
            Some(Ok(asked)) if bound.is_none_or(|bound| bound.account == asked) => asked,
            Some(_) => return Ok(Err(Denied::NotInstalled)),
        };
        let own_account = account == app.account;
        if !own_account {
            match installed {
                None => return Ok(Err(Denied::NotInstalled)),
                Some(false) => return Ok(Err(Denied::Uninstalled)),
                Some(true) => {}
            }
        }
        let mode = key.mode.ok_or_else(|| StorageError::Corrupt("a key without a mode".into()))?;
        let tenant = Tenant { mode, app: app.id.clone(), account };
        Ok(Ok(principal(key, role(key)?, tenant, Some(app), connect)))
    }

    /// What was used since it was last written down.
    pub(crate) fn take_last_used(&self) -> Vec<(String, i64)> {
        let mut used = Vec::new();
        for (_, known) in self.remembered.iter() {
            let at = known.last_used.load(Ordering::Relaxed);
            if at > known.last_written.swap(at, Ordering::Relaxed) {
                used.push((known.principal.key_id.to_string(), at));
            }
        }
        used
    }
}

impl Known {
    fn admit(&self, now: Timestamp) -> Result<Arc<Principal>, Denied> {
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(Denied::Expired);
        }
        self.last_used.store(now.unix(), Ordering::Relaxed);
        Ok(Arc::clone(&self.principal))
    }
}

fn role(key: &ApiKey) -> Result<Role, StorageError> {
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
            return Err(StorageError::Corrupt("a key of no use".into()));
        }
    })
}

fn principal(
    key: &ApiKey,
    role: Role,
    tenant: Tenant,
    app: Option<&App>,
    connect: bool,
) -> Principal {
    let platform = app.map_or_else(|| tenant.account.clone(), |app| app.account.clone());
    let quota = app.and_then(|app| app.secrets_per_scope);
    Principal {
        key_id: Arc::from(key.id.as_str()),
        shown_key: Arc::from(key.shown.as_str()),
        role,
        own_account: platform == tenant.account,
        tenant,
        platform,
        connect,
        quotas: quota.map(|most| ("secrets_per_scope".to_owned(), most)).into_iter().collect(),
    }
}

/// What a caller is told who is not let in.
pub(crate) fn refusal(denied: Denied, token: &str, account: Option<&str>) -> ApiError {
    let shown = redact_key(token);
    match denied {
        Denied::Unknown if matches!(key_shape(token), Some((KeyKind::Publishable, _))) => {
            ApiError::secret_key_required()
        }
        Denied::Unknown => ApiError::invalid_key(&shown),
        Denied::Expired => ApiError::key_expired(&shown),
        Denied::NotInstalled | Denied::Uninstalled => {
            ApiError::account_invalid(&shown, account.unwrap_or_default())
        }
    }
}

impl Authenticate for Directory {
    fn authenticate<'a>(
        &'a self,
        presented: &'a Presented<'a>,
    ) -> BoxFuture<'a, Result<Arc<Principal>, ApiError>> {
        Box::pin(async move {
            let Presented { token, account, now, .. } = presented;
            let looked_up = self
                .look_up(token, *account, *now)
                .await
                .map_err(|error| storage_failure(&error))?;
            looked_up.map_err(|denied| refusal(denied, token.expose(), *account))
        })
    }

    fn admission_queries(&self, principal: &Principal) -> Vec<Query> {
        let Tenant { app, account, .. } = &principal.tenant;
        let in_force = store::in_force_query(&principal.key_id);
        match (&principal.role, principal.own_account) {
            (Role::Admin, _) => vec![in_force],
            (_, true) => vec![
                in_force,
                store::own_account_query(app, account),
                store::erasing_query(app, account),
            ],
            (_, false) => vec![in_force, store::installed_query(app, account)],
        }
    }

    fn admission(
        &self,
        principal: &Principal,
        answers: &[Vec<Row>],
    ) -> Result<Admission, StorageError> {
        let there: Vec<bool> = answers.iter().map(|rows| !rows.is_empty()).collect();
        match (there.as_slice(), &principal.role) {
            ([false, ..], _) => Ok(Admission::KeyRevoked),
            // An install that is purged is gone; the app's own account has none, so the list of
            // erasures was asked.
            ([true], Role::Admin) | ([true, true] | [true, true, false], _) => {
                Ok(Admission::Admitted)
            }
            ([true, ..], _) => Ok(Admission::Shut),
            ([], _) => Err(StorageError::Internal("nobody asked whether to admit".into())),
        }
    }
}
