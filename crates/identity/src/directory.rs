//! From a key to who is calling.
//!
//! Principals are cached (see [`limits::PRINCIPALS_IN_MEMORY`]). Every change to keys, apps,
//! installs or accounts bumps the cache's generation, and entries of an older one are looked up
//! again, so a revoked key is refused from the response to its revocation on. Where other servers
//! share the store, an entry is valid for a second after it was looked up, by the time that passes
//! and not by what the clock shows.
//!
//! A row counts only if its MAC is right and the key store has no revocation of it: see
//! [`crate::floors`]. What a transaction asks again is asked of the rows as they are, since it can
//! only refuse whom the directory has accepted.
//!
//! A key is accepted if it is known, neither revoked nor expired, and its parent is neither as
//! well; if its app exists; and if the account that the request names is the key's own, the account
//! that develops the app, or one on which the app's install is active. What it may do there is
//! decided by the kernel, from the principal.
//!
//! A key that may be used a number of times is counted in the key store, request by request, before
//! anything is done for it. A use of an ephemeral key is one of the key that made it, and ends with
//! the last. Nothing is counted of other keys.

mod principal;

use crate::denied::{Denied, RefusedAccount, refusal, why_ended};
use crate::floors::{Believed, Floors};
use crate::limits;
use crate::objects::{ApiKey, App, ModeInstall};
use crate::reasons;
use crate::row_mac::{GENERATION, RowMac};
use crate::store::{self, MendGeneration, PresentedKey, Selection};
use crate::unchecked_keys::UncheckedKeys;
use crate::unstored::{RevocationRequest, Unstored};
use coffer_base::{AccountId, AppId, Clock, Redacted, Tenant, Timestamp, limit};
use coffer_crypto::TokenHash;
use coffer_dialect::ApiError;
use coffer_dialect::authorization::{KeyKind, key_shape};
use coffer_kernel::{
    Authenticate, BoxFuture, CacheFigures, Credentials, Evidence, PagePosition, Principal, Role,
    UseLimit, storage_failure,
};
use coffer_keyring::Keyring;
use coffer_storage::{Query, Share, StorageError, Store};
use principal::{granted_by, principal, restrictions, role, used_up};
use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tracing::warn;

/// The keys that the installation knows, and whom each stands for; the authenticator outside of
/// developer mode.
pub(crate) struct Directory {
    store: Store,
    /// The time of platforms, by which their keys expire, and how long ago keys were read.
    clock: Arc<dyn Clock>,
    /// Keys of the form that has no checksum, so that nothing else of that form is looked up.
    unchecked: UncheckedKeys,
    /// Where revocations are that rows of the data may not show any more.
    keyring: Arc<Keyring>,
    /// Checks the rows of the data.
    mac: RowMac,
    /// Keys that were accepted; what is refused is looked up each time.
    cache: Cache<CacheKey, Arc<CacheEntry>>,
    /// Look-ups that the cache could not answer.
    misses: AtomicU64,
    /// How many changes to keys, apps, installs and accounts this server has made.
    generation: AtomicU64,
    /// Keys that are revoked, and whose rows may not say so yet.
    unstored: Unstored,
}

/// A key that was found good for an account.
pub(crate) struct CacheEntry {
    principal: Arc<Principal>,
    /// The generation before the key was read: a change that came in between makes the entry stale.
    generation: u64,
    /// The monotonic time before it was read from the store: where other servers share that, the
    /// entry counts for [`limit::TRUST_SECONDS`].
    read: Duration,
    /// The second of its last use, in Unix time; 0 if it was not used since it was read.
    last_used: AtomicI64,
    /// The value of `last_used` that was last taken to be written to the store.
    last_written: AtomicI64,
}

/// A token's hash and the account that was asked for; empty means the key's own.
#[derive(Clone, PartialEq, Eq)]
struct CacheKey {
    hash: [u8; 32],
    account: Box<str>,
}

/// A [`CacheKey`] by reference, so that a lookup allocates nothing. It hashes as the owned one
/// does.
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

impl Directory {
    /// A directory over the data store, whose rows `mac` checks and `keyring` outlives; platforms
    /// have the time of `clock`.
    pub(crate) fn new(
        store: Store,
        keyring: Arc<Keyring>,
        mac: RowMac,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let store = store.of_share(Share::AUTHENTICATION);
        Self {
            unchecked: UncheckedKeys::new(store.clone()),
            store,
            keyring,
            mac,
            clock,
            cache: Cache::new(limits::PRINCIPALS_IN_MEMORY),
            misses: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            unstored: Unstored::default(),
        }
    }

    /// Refuses the key `id` from now on, before its revocation is stored.
    pub(crate) fn revoke_in_memory(&self, id: &str, asked: RevocationRequest) {
        self.unstored.add(id, asked);
        self.bump_generation();
    }

    /// The revocations that are in force and not stored yet.
    pub(crate) const fn unstored(&self) -> &Unstored {
        &self.unstored
    }

    /// The time of revocations that were asked for before.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes every cached principal stale: call it after each change to who is who.
    pub(crate) fn bump_generation(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// The data store, for developer mode, which adds to it.
    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// How rows of the data are made, for developer mode.
    pub(crate) const fn mac(&self) -> &RowMac {
        &self.mac
    }

    /// Who presents `token` for `account`, from the cache if its entry is still valid.
    ///
    /// # Errors
    /// When the store cannot be read. That the key is refused is no error here, since developer
    /// mode adds what is missing.
    pub(crate) async fn resolve(
        &self,
        token: &Redacted<String>,
        account: Option<&str>,
        now: Timestamp,
    ) -> Result<Result<Arc<Principal>, Denied>, StorageError> {
        let hash = TokenHash::of(token.expose());
        // An admin key opens no account: it has one entry, whichever account the request names.
        let is_admin = matches!(key_shape(token.expose()), Some((KeyKind::Admin, _)));
        let account = account.filter(|_| !is_admin);
        let cache_key = CacheKeyRef { hash: hash.as_bytes(), account: account.unwrap_or_default() };
        let generation = self.generation.load(Ordering::SeqCst);
        let shared = self.store.is_shared();
        let read = if shared { self.clock.monotonic() } else { Duration::ZERO };
        let trust = Duration::from_secs(limit::TRUST_SECONDS);
        let is_valid = |entry: &Arc<CacheEntry>| {
            entry.generation == generation && (!shared || read.saturating_sub(entry.read) < trust)
        };
        if let Some(entry) = self.cache.get(&cache_key).filter(is_valid) {
            return Ok(entry.principal_at(self.time_of(&entry.principal.platform, now)));
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let found = match self.find_principal(&hash, account, now).await? {
            Ok(principal) => Arc::new(CacheEntry {
                principal: Arc::new(principal),
                generation,
                read,
                last_used: AtomicI64::new(0),
                last_written: AtomicI64::new(0),
            }),
            Err(denied) => {
                // It is no longer known: see `is_known`.
                self.cache.remove(&cache_key);
                return Ok(Err(denied));
            }
        };
        let key = CacheKey { hash: *hash.as_bytes(), account: cache_key.account.into() };
        self.cache.insert(key, Arc::clone(&found));
        Ok(found.principal_at(self.time_of(&found.principal.platform, now)))
    }

    /// The time of a platform when it is `now` for those that are not ahead.
    fn time_of(&self, platform: &AccountId, now: Timestamp) -> Timestamp {
        now.plus(self.clock.ahead_of(platform))
    }

    /// Reads the key and all that decides whether it is accepted.
    async fn find_principal(
        &self,
        hash: &TokenHash,
        account: Option<&str>,
        now: Timestamp,
    ) -> Result<Result<Principal, Denied>, StorageError> {
        let presented = store::presented_key(&self.store, &self.mac, hash, account).await?;
        let Some(PresentedKey { key, app, install, generation: known }) = presented else {
            return Ok(Err(Denied::Unknown));
        };
        let parent = match &key.parent {
            Some(id) => store::find_key(&self.store, &self.mac, id).await?,
            None => None,
        };
        let keys = self.keyring.store();
        let own = key.bound.as_ref().map(|bound| &bound.account);
        let own = own.or(app.as_ref().map(|app| &app.account)).map(AccountId::as_str);
        let kept_for = account.or(own).unwrap_or_default();
        let floors =
            Floors::of_request(keys, &key, app.as_ref(), install.as_ref(), kept_for).await?;
        let believed = Believed::by(&floors, &self.mac, &key, app.as_ref(), install.as_ref());
        let orphan = key.parent.is_some() && parent.is_none();
        let now = app.as_ref().map_or(now, |app| self.time_of(&app.account, now));
        if !believed.key
            || self.unstored.refuses(&key)
            || orphan
            || key.revoked_at.is_some()
            || parent.as_ref().is_some_and(|parent| parent.revoked_at.is_some())
        {
            let why = why_ended(&key, parent.as_ref(), now);
            return Ok(Err(Denied::Expired(Arc::from(key.id.as_str()), why)));
        }
        let ends = [Some(&key), parent.as_ref()].into_iter().flatten();
        let expires_at = ends.filter_map(|key| floors.expiry(key)).min();
        let is_past = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let counted = parent.as_ref().unwrap_or(&key);
        let why = match self.is_used_up(counted).await? {
            true => Some(used_up(&key.parent)),
            false if is_past(floors.expiry(&key)) => Some(&reasons::KEY_EXPIRED),
            false => is_past(expires_at).then_some(&reasons::PARENT_ENDED),
        };
        if let Some(why) = why {
            return Ok(Err(Denied::Expired(Arc::from(key.id.as_str()), why)));
        }
        if let (None, Some(role)) = (&key.app, key.role) {
            let admin = principal(&key, Role::Admin(role), Tenant::system(), None, false);
            return Ok(Ok(Principal { expires_at, ..admin }));
        }
        let Some(app) = app.as_ref().filter(|_| believed.app) else {
            return Ok(Err(Denied::AppGone(Arc::from(key.id.as_str()))));
        };
        let installed = install.as_ref().map(|one| (one, one.is_installed() && believed.install));
        let newest = floors.generation(app.id.as_str(), kept_for);
        let generation = known.max(newest);
        let principal = Self::app_principal(&key, app, account, installed, generation)?;
        if let (Ok(principal), true) = (&principal, known < newest) {
            self.mend_generation(&principal.tenant).await;
        }
        let restrictions = restrictions(&key, counted.uses);
        Ok(principal.map(|principal| Principal { expires_at, restrictions, ..principal }))
    }

    /// Whether a key that may be used a number of times was used as often.
    async fn is_used_up(&self, key: &ApiKey) -> Result<bool, StorageError> {
        let Some(most) = key.uses else { return Ok(false) };
        let used = coffer_keyring::uses(self.keyring.store(), &[key.id.as_str()]).await?;
        Ok(used.get(&key.id).is_some_and(|used| *used >= most))
    }

    /// Puts a tenant's newest generation into the data, which has an older one: since somebody
    /// changed it, or it is from a backup. If that fails, the tenant has its newest generation
    /// nevertheless.
    async fn mend_generation(&self, tenant: &Tenant) {
        let Tenant { app, account, .. } = tenant;
        let id = format!("{app} {}", account.name());
        self.mac.report(&GENERATION, &id, "it was put back, or taken away, after a purge");
        let (mac, newest) = (self.mac.clone(), account.generation());
        let mend = MendGeneration { mac, app: app.clone(), account: account.named(), newest };
        if let Err(error) = self.store.write(mend).await {
            warn!(%error, id, "the generation of what an app keeps for an account is not mended");
        }
    }

    /// The principal of an app's key. `account` is the one that the request names, and by default
    /// the one that the key is bound to or that develops the app. Any other needs an active
    /// install, which `installed` is, with whether it is active and believed.
    fn app_principal(
        key: &ApiKey,
        app: &App,
        account: Option<&str>,
        installed: Option<(&ModeInstall, bool)>,
        generation: i64,
    ) -> Result<Result<Principal, Denied>, StorageError> {
        let bound = key.bound.as_ref();
        let own = bound.map_or(&app.account, |bound| &bound.account);
        let connect = account.is_some();
        let refused = |account, is_bound| RefusedAccount {
            key: key.id.clone(),
            app: app.id.clone(),
            account,
            is_bound,
        };
        let account = match account.map(AccountId::parse) {
            None => own.clone(),
            Some(Ok(asked)) if bound.is_none_or(|bound| bound.account == asked) => asked,
            Some(asked) => {
                let is_bound = asked.is_ok();
                let refused = refused(asked.ok(), is_bound);
                return Ok(Err(Denied::NotInstalled(refused)));
            }
        };
        let mut granted = None;
        if account != app.account {
            match installed {
                None => return Ok(Err(Denied::NotInstalled(refused(Some(account), false)))),
                Some((_, false)) => {
                    return Ok(Err(Denied::Uninstalled(refused(Some(account), false))));
                }
                Some((install, true)) => granted = granted_by(app, install),
            }
        }
        let mode = key.mode.ok_or_else(|| StorageError::Corrupt("a key without a mode".into()))?;
        let account = account.in_generation(generation);
        let tenant = Tenant { mode, app: app.id.clone(), account };
        let principal = principal(key, role(key)?, tenant, Some(app), connect);
        Ok(Ok(Principal { granted, ..principal }))
    }

    /// The keys that were used since this was last called, each with the second of its last use
    /// (Unix time). They count as written from now on: if writing them fails, those times are lost,
    /// which a later use of the key makes up for.
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
    /// The principal, and records that the key was used; refused from the second of its expiry on,
    /// and as long as an ephemeral key has more before it than any has: a clock that was ahead made
    /// it.
    fn principal_at(&self, now: Timestamp) -> Result<Arc<Principal>, Denied> {
        let most = now.plus(limits::EPHEMERAL_SECONDS_LEFT);
        let is_early = self.principal.expires_at.is_some_and(|at| at > most)
            && self.principal.bound_user().is_some();
        let is_used_up = self.principal.use_limit().is_some_and(UseLimit::is_used_up);
        if is_early || is_used_up || self.principal.is_expired(now) {
            let why = match (is_early, is_used_up) {
                (true, _) => &reasons::KEY_FROM_AHEAD,
                (_, true) => used_up(&self.principal.parent),
                _ => &reasons::KEY_EXPIRED,
            };
            return Err(Denied::Expired(Arc::clone(&self.principal.key_id), why));
        }
        self.last_used.store(now.unix(), Ordering::Relaxed);
        Ok(Arc::clone(&self.principal))
    }
}

impl Authenticate for Directory {
    fn authenticate<'a>(
        &'a self,
        credentials: &'a Credentials<'a>,
    ) -> BoxFuture<'a, Result<Arc<Principal>, ApiError>> {
        Box::pin(async move {
            let Credentials { token, account, now } = credentials;
            let storage = |error: StorageError| storage_failure(&error);
            let resolved = if self.unchecked.may_exist(token).await.map_err(storage)? {
                self.resolve(token, *account, *now).await.map_err(storage)?
            } else {
                Err(Denied::Unknown)
            };
            resolved.map_err(|denied| refusal(denied, token.expose(), *account))
        })
    }

    fn is_known(&self, credentials: &Credentials<'_>) -> bool {
        let hash = TokenHash::of(credentials.token.expose());
        let is_admin = matches!(key_shape(credentials.token.expose()), Some((KeyKind::Admin, _)));
        let account = credentials.account.filter(|_| !is_admin).unwrap_or_default();
        // An entry that is stale was good once, and is worth a look.
        self.cache.get(&CacheKeyRef { hash: hash.as_bytes(), account }).is_some()
    }

    fn cache_figures(&self) -> CacheFigures {
        let entries = u64::try_from(self.cache.len()).unwrap_or(u64::MAX);
        CacheFigures { entries, misses: self.misses.load(Ordering::Relaxed) }
    }

    fn count_use<'a>(&'a self, principal: &'a Principal) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(async move {
            let Some(limit) = principal.use_limit() else { return Ok(()) };
            let keys = self.keyring.store();
            let (own, made_by) = (&principal.key_id, &principal.parent);
            let id = made_by.as_ref().unwrap_or(own);
            let counted = coffer_keyring::count_use(keys, id, limit.most()).await;
            match counted.map_err(|error| storage_failure(&error))? {
                Some(used) if used < limit.most() => Ok(()),
                Some(_last) => {
                    limit.mark_used_up();
                    Ok(())
                }
                None => {
                    limit.mark_used_up();
                    let refused = ApiError::key_expired(&principal.redacted_key);
                    Err(refused.because(used_up(made_by)).with_about(own.to_string()))
                }
            }
        })
    }

    fn quota_of_app<'a>(
        &'a self,
        app: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<i64>, StorageError>> {
        Box::pin(async move {
            let app = store::find_app(&self.store, &self.mac, app).await?;
            Ok(app.and_then(|app| app.quotas.get(name)))
        })
    }

    fn developer_of<'a>(
        &'a self,
        app: &'a str,
    ) -> BoxFuture<'a, Result<Option<AccountId>, StorageError>> {
        Box::pin(async move {
            let app = store::find_app(&self.store, &self.mac, app).await?;
            Ok(app.map(|app| app.account))
        })
    }

    fn apps_of<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Vec<AppId>, StorageError>> {
        Box::pin(async move {
            let position = PagePosition { newer: true, seq: 0, fetch: limits::APPS_OF_DEVELOPER };
            let selection = Selection { position, app: "", account };
            let apps = store::list_apps(&self.store, &self.mac, &selection).await?;
            Ok(apps.into_iter().map(|app| app.id).collect())
        })
    }

    fn evidence(&self, principal: &Principal) -> Vec<(Evidence, Query)> {
        let Tenant { app, account, mode } = &principal.tenant;
        // A key can be revoked, and its app uninstalled, while the body of a request is on its way.
        let in_force = match self.unstored.refuses_principal(principal) {
            true => store::not_in_force_query(),
            false => {
                store::in_force_query(&principal.key_id, self.clock.now_of(&principal.platform))
            }
        };
        let mut evidence = vec![(Evidence::KeyInForce, in_force)];
        if principal.admin_role().is_some() {
            return evidence;
        }
        if principal.own_account {
            evidence.push((Evidence::OwnAccount, store::own_account_query(app, account)));
        } else {
            evidence.push((Evidence::Installed, store::installed_query(app, account, *mode)));
        }
        evidence.push((Evidence::Purged, store::purged_query(app, account)));
        evidence
    }
}

#[cfg(test)]
mod tests;
