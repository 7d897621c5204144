//! Developer mode: the directory, and whoever is not in it yet is added on first use.
//!
//! Any `sk_test_…` key is an app of its own, `rk_test_…` with the same text is a restricted key of
//! that app, any `acct_…` has it installed, and any `ak_coffer_…` key administers. Everything else
//! is the same as in production. Where others can reach the server, only keys that begin with the
//! run's own are taken so.

use crate::api_key::{Holder, NewKey, Terms};
use crate::denied::{Denied, refusal};
use crate::directory::Directory;
use crate::installs;
use crate::objects::{App, Quotas};
use crate::reasons;
use crate::row_mac::RowMac;
use crate::store;
use crate::unchecked_keys::form;
use coffer_base::{AccountId, AppId, Mode, Random, Redacted, Timestamp};
use coffer_crypto::{TokenForm, TokenHash};
use coffer_dialect::ApiError;
use coffer_dialect::authorization::{KeyKind, key_shape, redact_key};
use coffer_kernel::{
    AdminRole, Authenticate, BoxFuture, CacheFigures, Credentials, Evidence, InstallPlace,
    Manifest, Principal, storage_failure,
};
use coffer_storage::{Query, StorageError, Tx, Work};
use std::sync::Arc;

/// The authenticator of developer mode.
pub(crate) struct Developer {
    /// Where keys are looked up, and what adds to them must invalidate.
    directory: Arc<Directory>,
    /// Where the ids of what is added come from.
    random: Arc<dyn Random>,
    /// What keys must begin with, behind their prefix, if not everybody is let in.
    run_key: Option<Redacted<String>>,
    /// The permissions of a restricted key that is added: all there are.
    permissions: Arc<[String]>,
}

impl Developer {
    /// Opens `directory` to everybody who knows the `run_key`, or to everybody if there is none.
    pub(crate) fn new(
        directory: Arc<Directory>,
        random: Arc<dyn Random>,
        run_key: Option<Redacted<String>>,
        permissions: Arc<[String]>,
    ) -> Self {
        Self { directory, random, run_key, permissions }
    }

    /// Resolves the key, and adds it, its app and the install where they are missing: a key at most
    /// once, so an unknown key that cannot be added is refused as in production.
    ///
    /// # Errors
    /// A 401 for a live key or one that the directory refuses, and the failure of the store.
    async fn resolve_or_add(
        &self,
        credentials: &Credentials<'_>,
    ) -> Result<Arc<Principal>, ApiError> {
        let Credentials { token, account, now } = credentials;
        self.check_form(token.expose())?;
        let storage = |error: StorageError| storage_failure(&error);
        let mut resolved = self.directory.resolve(token, *account, *now).await.map_err(storage)?;
        if matches!(resolved, Err(Denied::Unknown)) && self.add_key(token, *now).await? {
            resolved = self.directory.resolve(token, *account, *now).await.map_err(storage)?;
        }
        if matches!(resolved, Err(Denied::NotInstalled(_)))
            && let Some(Ok(account)) = account.map(AccountId::parse)
        {
            self.add_install(token, account, *now).await.map_err(storage)?;
            let account = credentials.account;
            resolved = self.directory.resolve(token, account, *now).await.map_err(storage)?;
        }
        resolved.map_err(|denied| developer_refusal(denied, token.expose(), *account))
    }

    /// Refuses what is no key of this run, whether or not the directory knows it.
    fn check_form(&self, token: &str) -> Result<(), ApiError> {
        if matches!(key_shape(token), Some((_, Some(Mode::Live)))) {
            return Err(ApiError::unauthenticated(format!(
                "This server runs in developer mode, which has test mode only; the key '{}' is \
                 a live key. Use one that begins with 'sk_test_'.",
                redact_key(token)
            ))
            .because(&reasons::LIVE_KEY_IN_DEVELOPMENT));
        }
        let Some(run_key) = &self.run_key else { return Ok(()) };
        // What this server made is as good as in production.
        if form(token) == TokenForm::Checked || begins_with(token, run_key.expose()) {
            return Ok(());
        }
        Err(ApiError::unauthenticated(format!(
            "This server runs in developer mode under names that others use, so it takes only \
             keys that begin with this run's own, 'sk_test_KEY' or 'sk_test_KEY_anything'; \
             '{}' does not. `coffer dev` prints KEY at its start, or takes it from COFFER_DEV_KEY.",
            redact_key(token)
        ))
        .because(&reasons::KEY_OF_ANOTHER_RUN))
    }

    /// Adds a key with the token that the caller chose, if it is of a kind that is added: an admin
    /// key, the key of a new app with a new account, or a restricted key of such an app.
    async fn add_key(&self, token: &Redacted<String>, now: Timestamp) -> Result<bool, ApiError> {
        let kind = match key_shape(token.expose()) {
            Some((kind @ (KeyKind::Secret | KeyKind::Restricted | KeyKind::Admin), _)) => kind,
            _ => return Ok(false),
        };
        let holder = match kind {
            KeyKind::Admin => Holder::Admin(AdminRole::Operator),
            _ => Holder::App {
                app: AppId::random(&*self.random),
                mode: Mode::Test,
                permissions: (kind == KeyKind::Restricted).then(|| self.permissions.to_vec()),
            },
        };
        let terms = Terms::named(store::FIRST_USE);
        let key = NewKey::from_token(token.clone(), holder, terms, &*self.random, now);
        let app = (kind != KeyKind::Admin).then(|| NewApp::of(token.expose(), &*self.random, now));
        let mac = self.directory.mac().clone();
        let work = AddKey { mac, key, app };
        self.directory.store().write(work).await.map_err(|error| storage_failure(&error))?;
        self.directory.bump_generation();
        Ok(true)
    }

    /// Installs the app of the key on `account`, which is added too if it is unknown.
    async fn add_install(
        &self,
        token: &Redacted<String>,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let (mac, random) = (self.directory.mac().clone(), Arc::clone(&self.random));
        let work = AddInstall { mac, hash: TokenHash::of(token.expose()), account, random, now };
        self.directory.store().write(work).await?;
        self.directory.bump_generation();
        Ok(())
    }
}

/// Whether `run_key` stands behind the prefix of a token of test mode or of an operator: alone, or
/// with an underscore and any text behind it.
fn begins_with(token: &str, run_key: &str) -> bool {
    let prefixes = ["sk_test_", "rk_test_", "ak_coffer_"];
    let Some(text) = prefixes.iter().find_map(|prefix| token.strip_prefix(prefix)) else {
        return false;
    };
    let Some((head, rest)) = text.split_at_checked(run_key.len()) else { return false };
    // Hashes are compared, so that how long it takes does not tell how much is right.
    TokenHash::of(head) == TokenHash::of(run_key) && (rest.is_empty() || rest.starts_with('_'))
}

/// The refusal of a key, with a hint where developer mode differs from what one may expect.
fn developer_refusal(denied: Denied, token: &str, account: Option<&str>) -> ApiError {
    match (&denied, key_shape(token)) {
        (Denied::Unknown, Some((KeyKind::Ephemeral, _))) => ApiError::unauthenticated(format!(
            "Invalid API Key provided: {}. An ephemeral key belongs to one user of one account, so \
             developer mode does not make it up: create it with POST /v1/ephemeral_keys.",
            redact_key(token)
        ))
        .because(&reasons::EPHEMERAL_KEY_UNKNOWN),
        _ => refusal(denied, token, account),
    }
}

/// The app that a token of developer mode belongs to: that of the secret key with the same text.
pub(crate) struct NewApp {
    /// The secret key, to be added if it is unknown.
    secret: NewKey,
    /// The id of its app then.
    id: AppId,
    /// The account that develops it then.
    account: AccountId,
    now: Timestamp,
}

impl NewApp {
    /// The app of `token`, a secret or a restricted key.
    pub(crate) fn of(token: &str, random: &dyn Random, now: Timestamp) -> Self {
        let text = token.split_once('_').map_or(token, |(_, text)| text);
        let id = AppId::random(random);
        let holder = Holder::App { app: id.clone(), mode: Mode::Test, permissions: None };
        let (secret, terms) = (Redacted::new(format!("sk_{text}")), Terms::named(store::FIRST_USE));
        let secret = NewKey::from_token(secret, holder, terms, random, now);
        Self { secret, id, account: AccountId::random(random), now }
    }

    /// The app's id. It is added with its account and its secret key if that is unknown; `None` if
    /// the secret key was revoked, since what is shut stays shut.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn find_or_add(
        &self,
        tx: &mut Tx<'_>,
        mac: &RowMac,
    ) -> Result<Option<AppId>, StorageError> {
        if let Some(known) = store::key_of_token_in(tx, mac, &self.secret.hash).await? {
            return Ok(known.app.filter(|_| known.revoked_at.is_none()));
        }
        store::add_account(tx, mac, &self.account, self.now).await?;
        let seq = store::next_seq(tx).await?;
        let app = App {
            id: self.id.clone(),
            seq,
            account: self.account.clone(),
            name: store::FIRST_USE.to_owned(),
            quotas: Quotas::default(),
            manifest: Manifest::default(),
            self_install: false,
            embedders: Vec::new(),
            created: self.now,
            version: seq,
        };
        store::insert_app(tx, mac, &app).await?;
        self.secret.insert(tx, mac).await?;
        Ok(Some(self.id.clone()))
    }
}

/// Adds a key, and its app with its account if it belongs to one. Two requests that bring the same
/// new key at once add it once.
struct AddKey {
    mac: RowMac,
    key: NewKey,
    /// The app that it belongs to; `None` for an admin key.
    app: Option<NewApp>,
}

impl Work for AddKey {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        if store::key_of_token_in(tx, &self.mac, &self.key.hash).await?.is_some() {
            return Ok(());
        }
        let mac = &self.mac;
        let Some(new) = &self.app else { return self.key.insert(tx, mac).await.map(drop) };
        let Some(app) = new.find_or_add(tx, mac).await? else { return Ok(()) };
        if self.key.hash != new.secret.hash {
            self.key.insert_of(tx, mac, app).await?;
        }
        Ok(())
    }
}

/// Installs a key's app on an account, unless it ever was installed there: an uninstall stays one,
/// so that developers can test it.
struct AddInstall {
    mac: RowMac,
    hash: TokenHash,
    account: AccountId,
    /// Where the install's ids come from, if it is added.
    random: Arc<dyn Random>,
    now: Timestamp,
}

impl Work for AddInstall {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let key = store::key_of_token_in(tx, &self.mac, &self.hash).await?;
        // An ephemeral key belongs to one account, so it installs its app on no other.
        let Some(id) = key.filter(|key| key.bound.is_none()).and_then(|key| key.app) else {
            return Ok(());
        };
        let (mac, account) = (&self.mac, &self.account);
        store::add_account(tx, mac, account, self.now).await?;
        let Some(app) = store::share_app_in(tx, mac, id.as_str()).await? else { return Ok(()) };
        let place = InstallPlace { app: &id, account, mode: Mode::Test };
        if store::mode_install_in(tx, mac, place).await?.is_some() {
            return Ok(());
        }
        let new = (&*self.random, self.now);
        installs::find_or_add(tx, mac, &app, account, new).await?;
        installs::let_in(tx, mac, (&app, account, Mode::Test), None, new).await.map(drop)
    }
}

impl Authenticate for Developer {
    fn authenticate<'a>(
        &'a self,
        credentials: &'a Credentials<'a>,
    ) -> BoxFuture<'a, Result<Arc<Principal>, ApiError>> {
        Box::pin(self.resolve_or_add(credentials))
    }

    fn cache_figures(&self) -> CacheFigures {
        self.directory.cache_figures()
    }

    fn count_use<'a>(&'a self, principal: &'a Principal) -> BoxFuture<'a, Result<(), ApiError>> {
        self.directory.count_use(principal)
    }

    fn quota_of_app<'a>(
        &'a self,
        app: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<i64>, StorageError>> {
        self.directory.quota_of_app(app, name)
    }

    fn evidence(&self, principal: &Principal) -> Vec<(Evidence, Query)> {
        self.directory.evidence(principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_runs_own_keys_begin_with_its_key() {
        for own in ["sk_test_K3y", "sk_test_K3y_suite", "rk_test_K3y_", "ak_coffer_K3y"] {
            assert!(begins_with(own, "K3y"), "{own}");
        }
        for other in
            ["sk_test_K3", "sk_test_K3yz", "sk_test_xK3y", "ek_test_K3y", "K3y", "", "ak_K3y"]
        {
            assert!(!begins_with(other, "K3y"), "{other}");
        }
    }
}
