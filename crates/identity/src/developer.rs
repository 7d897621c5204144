//! Developer mode: the directory, and whoever is not in it yet is added on first use.
//!
//! Any `sk_test_…` key is an app of its own, any `acct_…` has it installed, and any
//! `ak_coffer_…` key administers. Everything else is the same as in production. So
//! that no web page can use it, it answers local host names only, and no foreign `Origin`.

use crate::api_key::{Holder, NewKey};
use crate::directory::{Denied, Directory, refusal};
use crate::objects::{Account, App, Install, Quotas};
use crate::row_mac::RowMac;
use crate::store;
use coffer_base::{AccountId, AppId, Mode, Random, Redacted, Timestamp, id::random_id, limit};
use coffer_crypto::TokenHash;
use coffer_dialect::ApiError;
use coffer_dialect::authorization::{KeyKind, key_shape, redact_key};
use coffer_kernel::{Authenticate, BoxFuture, Credentials, Evidence, Principal, storage_failure};
use coffer_storage::{Query, StorageError, Tx, Work};
use std::sync::Arc;

/// The authenticator of developer mode.
pub(crate) struct Developer {
    /// Where keys are looked up, and what adds to them must invalidate.
    directory: Arc<Directory>,
    /// Where the ids of what is added come from.
    random: Arc<dyn Random>,
}

impl Developer {
    /// Opens `directory` to everybody on this machine.
    pub(crate) fn new(directory: Arc<Directory>, random: Arc<dyn Random>) -> Self {
        Self { directory, random }
    }

    /// Resolves the key, and adds it, its app and the install where they are missing: a key at most
    /// once, so an unknown key that cannot be added is refused as in production.
    ///
    /// # Errors
    /// A 403 for a foreign `Host` or `Origin`, a 401 for a live key or one that the directory
    /// refuses, and the failure of the store.
    async fn resolve_or_add(
        &self,
        credentials: &Credentials<'_>,
    ) -> Result<Arc<Principal>, ApiError> {
        let Credentials { token, account, host, origin, now } = credentials;
        check_local("Host", *host)?;
        check_local("Origin", origin.map(without_scheme))?;
        let shape = key_shape(token.expose());
        if matches!(shape, Some((_, Some(Mode::Live)))) {
            return Err(ApiError::unauthenticated(format!(
                "This server runs in developer mode, which has test mode only; the key '{}' is \
                 a live key. Use one that begins with 'sk_test_'.",
                redact_key(token.expose())
            )));
        }
        let storage = |error: StorageError| storage_failure(&error);
        let mut resolved = self.directory.resolve(token, *account, *now).await.map_err(storage)?;
        if matches!(resolved, Err(Denied::Unknown))
            && let Some((kind @ (KeyKind::Secret | KeyKind::Admin), _)) = shape
        {
            self.add_key(token, kind, *now).await.map_err(storage)?;
            resolved = self.directory.resolve(token, *account, *now).await.map_err(storage)?;
        }
        if matches!(resolved, Err(Denied::NotInstalled))
            && let Some(Ok(account)) = account.map(AccountId::parse)
        {
            self.add_install(token, account, *now).await.map_err(storage)?;
            let account = credentials.account;
            resolved = self.directory.resolve(token, account, *now).await.map_err(storage)?;
        }
        resolved.map_err(|denied| refusal(denied, token.expose(), *account))
    }

    /// Adds a key with the token that the caller chose: an admin key, or the key of a new app with
    /// a new account, in test mode.
    async fn add_key(
        &self,
        token: &Redacted<String>,
        kind: KeyKind,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let app = AppId::random(&*self.random);
        let holder = match kind {
            KeyKind::Admin => Holder::Admin,
            _ => Holder::App { app: app.clone(), mode: Mode::Test, permissions: None },
        };
        let is_app = kind != KeyKind::Admin;
        let name = FIRST_USE.to_owned();
        let key = NewKey::from_token(token.clone(), holder, name, None, &*self.random, now);
        let account = AccountId::random(&*self.random);
        let mac = self.directory.mac().clone();
        let work = AddKey { mac, key, app: is_app.then_some((app, account)), now };
        self.directory.store().write(work).await?;
        self.directory.bump_generation();
        Ok(())
    }

    /// Installs the app of the key on `account`, which is added too if it is unknown.
    async fn add_install(
        &self,
        token: &Redacted<String>,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let id = random_id("inst", limit::RANDOM_ID_CHARACTERS, &*self.random);
        let mac = self.directory.mac().clone();
        let work = AddInstall { mac, hash: TokenHash::of(token.expose()), account, id, now };
        self.directory.store().write(work).await?;
        self.directory.bump_generation();
        Ok(())
    }
}

/// The display name of everything that developer mode adds, so that lists tell it from what an
/// operator created.
const FIRST_USE: &str = "made on first use";

/// The names by which this machine calls itself.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The host and port of an `Origin`, such as `localhost:3000` of `http://localhost:3000`.
fn without_scheme(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

/// Refuses a header that names another host than this machine. A web page that a browser on this
/// machine shows could otherwise call the server (its `Origin` is foreign), also by a name of its
/// own that resolves to 127.0.0.1 (its `Host` is).
fn check_local(header: &str, value: Option<&str>) -> Result<(), ApiError> {
    let Some(value) = value else { return Ok(()) };
    let local = LOCAL_NAMES.iter().any(|name| {
        value.strip_prefix(name).is_some_and(|rest| {
            rest.is_empty()
                || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        })
    });
    if local {
        return Ok(());
    }
    Err(ApiError::forbidden(format!(
        "This server runs in developer mode and answers only to localhost, 127.0.0.1 and [::1]; \
         the {header} header names something else."
    )))
}

/// Adds a key, and its app with its account if it belongs to one. Two requests that bring the same
/// new key at once add it once.
struct AddKey {
    mac: RowMac,
    key: NewKey,
    /// The app and the account that develops it; `None` for an admin key.
    app: Option<(AppId, AccountId)>,
    now: Timestamp,
}

impl Work for AddKey {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        if store::key_of_token_in(tx, &self.mac, &self.key.hash).await?.is_some() {
            return Ok(());
        }
        if let Some((app, account)) = &self.app {
            add_account(tx, &self.mac, account, self.now).await?;
            let seq = store::next_seq(tx).await?;
            let app = App {
                id: app.clone(),
                seq,
                account: account.clone(),
                name: FIRST_USE.to_owned(),
                quotas: Quotas::default(),
                created: self.now,
                version: seq,
            };
            store::insert_app(tx, &self.mac, &app).await?;
        }
        self.key.insert(tx, &self.mac).await?;
        Ok(())
    }
}

/// Adds an account unless there is one with this id.
async fn add_account(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    id: &AccountId,
    now: Timestamp,
) -> Result<(), StorageError> {
    if store::find_account_in(tx, mac, id.as_str()).await?.is_some() {
        return Ok(());
    }
    let seq = store::next_seq(tx).await?;
    let name = FIRST_USE.to_owned();
    let account = Account { id: id.clone(), seq, name, created: now };
    store::insert_account(tx, mac, &account).await
}

/// Installs a key's app on an account, unless it ever was installed there: an uninstall stays one,
/// so that developers can test it.
struct AddInstall {
    mac: RowMac,
    hash: TokenHash,
    account: AccountId,
    /// The install's id, if it is added.
    id: String,
    now: Timestamp,
}

impl Work for AddInstall {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let key = store::key_of_token_in(tx, &self.mac, &self.hash).await?;
        // An ephemeral key belongs to one account, so it installs its app on no other.
        let Some(app) = key.filter(|key| key.bound.is_none()).and_then(|key| key.app) else {
            return Ok(());
        };
        let account = self.account.as_str();
        if store::install_of_in(tx, &self.mac, app.as_str(), account).await?.is_some() {
            return Ok(());
        }
        add_account(tx, &self.mac, &self.account, self.now).await?;
        let seq = store::next_seq(tx).await?;
        let install = Install {
            app,
            account: self.account.clone(),
            id: self.id.clone(),
            seq,
            active: true,
            created: self.now,
            version: seq,
        };
        store::put_install(tx, &self.mac, &install).await
    }
}

impl Authenticate for Developer {
    fn authenticate<'a>(
        &'a self,
        credentials: &'a Credentials<'a>,
    ) -> BoxFuture<'a, Result<Arc<Principal>, ApiError>> {
        Box::pin(self.resolve_or_add(credentials))
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
    fn only_local_names_are_answered() {
        for local in ["localhost", "localhost:4747", "127.0.0.1:80", "[::1]:4747"] {
            assert!(check_local("Host", Some(local)).is_ok(), "{local}");
        }
        for foreign in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.example", "null"] {
            assert!(check_local("Host", Some(foreign)).is_err(), "{foreign}");
        }
        assert!(check_local("Origin", Some(without_scheme("http://localhost:3000"))).is_ok());
        assert!(check_local("Origin", Some(without_scheme("https://evil.example"))).is_err());
    }
}
