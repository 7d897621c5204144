//! From a key to who is calling.
//!
//! Principals are cached (see [`limits::PRINCIPALS_IN_MEMORY`]). Every change to keys, apps,
//! installs or accounts bumps the cache's generation, and entries of an older one are looked up
//! again, so a revoked key is refused from the response to its revocation on. Where other servers
//! share the store, an entry is valid for the second in which it was looked up, and no longer.

use crate::limits;
use crate::objects::{ApiKey, App, Kind};
use crate::store::{self, PresentedKey};
use coffer_base::{AccountId, Redacted, Tenant, Timestamp};
use coffer_crypto::TokenHash;
use coffer_dialect::ApiError;
use coffer_dialect::authorization::{KeyKind, key_shape, redact_key};
use coffer_kernel::{
    Authenticate, BoxFuture, Credentials, Evidence, Principal, Role, storage_failure,
};
use coffer_storage::{Query, StorageError, Store};
use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Whom the installation knows.
pub(crate) struct Directory {
    store: Store,
    cache: Cache<CacheKey, Arc<CacheEntry>>,
    generation: AtomicU64,
}

/// A key that was found good for an account.
pub(crate) struct CacheEntry {
    principal: Arc<Principal>,
    generation: u64,
    /// When it was looked up.
    at: Timestamp,
    expires_at: Option<Timestamp>,
    last_used: AtomicI64,
    last_written: AtomicI64,
}

/// A token's hash and the account that was asked for; empty means the key's own.
#[derive(Clone, PartialEq, Eq)]
struct CacheKey {
    hash: [u8; 32],
    account: Box<str>,
}

struct CacheKeyRef<'a> {
    hash: &'a [u8; 32],
    account: &'a str,
}

impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        CacheKeyRef { hash: &self.hash, account: &self.account }.hash(state);
    }
}

impl Hash for CacheKeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
        self.account.hash(state);
    }
}

impl Equivalent<CacheKey> for CacheKeyRef<'_> {
    fn equivalent(&self, key: &CacheKey) -> bool {
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
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            cache: Cache::new(limits::PRINCIPALS_IN_MEMORY),
            generation: AtomicU64::new(0),
        }
    }

    /// Makes every cached principal stale: call it after each change to who is who.
    pub(crate) fn bump_generation(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
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
        let asked = CacheKeyRef { hash: hash.as_bytes(), account: account.unwrap_or_default() };
        let generation = self.generation.load(Ordering::SeqCst);
        let shared = self.store.is_shared();
        let good = |entry: &Arc<CacheEntry>| {
            entry.generation == generation && (!shared || entry.at == now)
        };
        if let Some(entry) = self.cache.get(&asked).filter(good) {
            return Ok(entry.admit(now));
        }
        let found = match self.find(&hash, account, now).await? {
            Ok((principal, expires_at)) => Arc::new(CacheEntry {
                principal: Arc::new(principal),
                generation,
                at: now,
                expires_at,
                last_used: AtomicI64::new(0),
                last_written: AtomicI64::new(0),
            }),
            Err(denied) => return Ok(Err(denied)),
        };
        let key = CacheKey { hash: *hash.as_bytes(), account: asked.account.into() };
        self.cache.insert(key, Arc::clone(&found));
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
        let PresentedKey { key, app, installed } = shown;
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
        for (_, entry) in self.cache.iter() {
            let at = entry.last_used.load(Ordering::Relaxed);
            if at > entry.last_written.swap(at, Ordering::Relaxed) {
                used.push((entry.principal.key_id.to_string(), at));
            }
        }
        used
    }
}

impl CacheEntry {
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
    Principal {
        key_id: Arc::from(key.id.as_str()),
        shown_key: Arc::from(key.shown.as_str()),
        role,
        own_account: platform == tenant.account,
        tenant,
        platform,
        connect,
        quotas: app.map_or(&[][..], |app| app.quotas.all()).into(),
    }
}

/// The refusal of a key that is denied.
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
        credentials: &'a Credentials<'a>,
    ) -> BoxFuture<'a, Result<Arc<Principal>, ApiError>> {
        Box::pin(async move {
            let Credentials { token, account, now, .. } = credentials;
            let looked_up = self
                .look_up(token, *account, *now)
                .await
                .map_err(|error| storage_failure(&error))?;
            looked_up.map_err(|denied| refusal(denied, token.expose(), *account))
        })
    }

    fn evidence(&self, principal: &Principal) -> Vec<(Evidence, Query)> {
        let Tenant { app, account, .. } = &principal.tenant;
        let mut evidence = vec![(Evidence::KeyInForce, store::in_force_query(&principal.key_id))];
        if principal.role == Role::Admin {
            return evidence;
        }
        if principal.own_account {
            evidence.push((Evidence::OwnAccount, store::own_account_query(app, account)));
            // A purge deletes the install that others have; the app's own account has none.
            evidence.push((Evidence::Purging, store::erasing_query(app, account)));
        } else {
            evidence.push((Evidence::Installed, store::installed_query(app, account)));
        }
        evidence
    }
}
