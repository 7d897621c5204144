//! What was revoked, as the key store has it: floors, up to which the rows of a subject have ended.
//!
//! Somebody who can write to the data could take the mark of a revocation away, or put back a row
//! as it was, with its MAC. The key store remembers.

use crate::objects::{ApiKey, App, Install, ModeInstall};
use crate::row_mac::{API_KEY, APP, INSTALL_MODE, RowMac};
use coffer_base::{Mode, Timestamp};
use coffer_keyring::FLOORS_AT_ONCE;
use coffer_storage::{StorageError, Store};
use std::collections::HashMap;

/// The subject of a key's revocation.
pub(crate) fn of_key(id: &str) -> String {
    format!("key/{id}")
}

/// The subject of a key's end before its time. Its floor is [`floor_of_expiry`].
pub(crate) fn of_expiry(id: &str) -> String {
    format!("expiry/{id}")
}

/// The higher of two floors stays, and the earlier of two ends is to: so it is below zero.
pub(crate) const fn floor_of_expiry(at: Timestamp) -> i64 {
    at.unix().saturating_neg()
}

/// The subject of the end of an app with all that it has.
pub(crate) fn of_app(id: &str) -> String {
    format!("app/{id}")
}

/// The subject of an app's name and quotas: older ones are believed, but not without notice.
pub(crate) fn of_settings(app: &str) -> String {
    format!("settings/{app}")
}

/// The subject of the end of an account with all that it has.
pub(crate) fn of_account(id: &str) -> String {
    format!("account/{id}")
}

/// The subject of an uninstall in one mode; no key is of none but an operator's.
pub(crate) fn of_install(app: &str, account: &str, mode: Option<Mode>) -> String {
    format!("install/{app}/{account}/{}", mode.map_or("", Mode::as_str))
}

/// The subject of the generations of what an app keeps for an account: its floor is the newest.
pub(crate) fn of_generation(app: &str, account: &str) -> String {
    format!("generation/{app}/{account}")
}

/// The subject of an erasure that is done.
pub(crate) fn of_erasure(app: &str, account: &str) -> String {
    format!("erasure/{app}/{account}")
}

/// The floors of all that one request depends on, or of the whole store.
pub(crate) struct Floors(HashMap<String, i64>);

impl Floors {
    /// All floors of the key store: for a check of the whole store.
    pub(crate) async fn all(keys: &Store) -> Result<Self, StorageError> {
        Ok(Self(coffer_keyring::all_floors(keys).await?))
    }

    /// What bears on a key that presents itself, on its parent and its app, on an install, and on
    /// what the app keeps for `account`.
    pub(crate) async fn of_request(
        keys: &Store,
        key: &ApiKey,
        app: Option<&App>,
        install: Option<&ModeInstall>,
        account: &str,
    ) -> Result<Self, StorageError> {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let app_id = text(key.app.as_ref().map(coffer_base::AppId::as_str));
        let developer = text(app.map(|app| app.account.as_str()));
        let bound = text(key.bound.as_ref().map(|bound| bound.account.as_str()));
        let installed_on = text(install.map(|install| install.account.as_str()));
        let subjects: [String; FLOORS_AT_ONCE] = [
            of_key(&key.id),
            of_key(key.parent.as_deref().unwrap_or_default()),
            of_app(&app_id),
            of_settings(&app_id),
            of_account(&developer),
            of_account(if bound.is_empty() { &installed_on } else { &bound }),
            of_install(&app_id, &bound, key.mode),
            of_install(&app_id, &installed_on, key.mode),
            of_generation(&app_id, account),
            of_expiry(&key.id),
            of_expiry(key.parent.as_deref().unwrap_or_default()),
        ];
        Ok(Self(coffer_keyring::floors(keys, &subjects).await?))
    }

    /// Whether a row in place `place` comes after the end of `subject`.
    fn outlives(&self, place: i64, subject: &str) -> bool {
        self.0.get(subject).is_none_or(|floor| place > *floor)
    }

    /// Whether the key was not revoked, nor the one that made it, nor its install.
    pub(crate) fn admits_key(&self, key: &ApiKey) -> bool {
        let app = key.app.as_ref().map_or("", |app| app.as_str());
        let parent = key.parent.as_deref();
        !self.0.contains_key(&of_key(&key.id))
            && parent.is_none_or(|parent| !self.0.contains_key(&of_key(parent)))
            && self.outlives(key.seq, &of_app(app))
            && key.bound.as_ref().is_none_or(|bound| {
                let account = bound.account.as_str();
                self.outlives(key.seq, &of_install(app, account, key.mode))
                    && self.outlives(key.seq, &of_account(account))
            })
    }

    /// When the key ends: by its row, or earlier if it was rolled since.
    pub(crate) fn expiry(&self, key: &ApiKey) -> Option<Timestamp> {
        let floor = self.0.get(&of_expiry(&key.id)).map(|floor| floor.saturating_neg());
        let shortened = floor.map(Timestamp::from_unix);
        match (key.expires_at, shortened) {
            (Some(own), Some(shortened)) => Some(own.min(shortened)),
            (own, shortened) => own.or(shortened),
        }
    }

    /// Whether the app was not purged, nor its account.
    pub(crate) fn admits_app(&self, app: &App) -> bool {
        self.outlives(app.seq, &of_app(app.id.as_str()))
            && self.outlives(app.seq, &of_account(app.account.as_str()))
    }

    /// Whether the app's name and quotas are the newest.
    pub(crate) fn admits_settings(&self, app: &App) -> bool {
        self.outlives(app.version, &of_settings(app.id.as_str()))
    }

    /// Whether the install was not taken away since its last change.
    pub(crate) fn admits_mode_install(&self, install: &ModeInstall) -> bool {
        let (app, account) = (install.app.as_str(), install.account.as_str());
        self.outlives(install.version, &of_install(app, account, Some(install.mode)))
            && self.outlives(install.version, &of_app(app))
            && self.outlives(install.version, &of_account(account))
    }

    /// Whether app and account of an install were not purged.
    pub(crate) fn admits_install(&self, install: &Install) -> bool {
        self.outlives(install.seq, &of_app(install.app.as_str()))
            && self.outlives(install.seq, &of_account(install.account.as_str()))
    }

    /// Whether the account was not purged.
    pub(crate) fn admits_account(&self, id: &str, seq: i64) -> bool {
        self.outlives(seq, &of_account(id))
    }

    /// The newest generation of what an app keeps for an account.
    pub(crate) fn generation(&self, app: &str, account: &str) -> i64 {
        self.0.get(&of_generation(app, account)).copied().unwrap_or(0)
    }

    /// Whether an erasure was not done already.
    pub(crate) fn admits_erasure(&self, app: &str, account: &str, seq: i64) -> bool {
        self.outlives(seq, &of_erasure(app, account))
    }
}

/// The parts of a presented key that are believed.
pub(crate) struct Believed {
    pub(crate) key: bool,
    pub(crate) app: bool,
    pub(crate) install: bool,
}

impl Believed {
    /// Judges what a request depends on, and says to the log where a row from before a revocation
    /// was put back: a row that is marked as revoked itself is no news.
    pub(crate) fn by(
        floors: &Floors,
        mac: &RowMac,
        key: &ApiKey,
        app: Option<&App>,
        install: Option<&ModeInstall>,
    ) -> Self {
        const OLD: &str = "it was put back after its end";
        let believed = Self {
            key: floors.admits_key(key),
            app: app.is_none_or(|app| floors.admits_app(app)),
            install: install.is_none_or(|install| floors.admits_mode_install(install)),
        };
        if !believed.key && key.revoked_at.is_none() {
            mac.report(&API_KEY, &key.id, OLD);
        }
        if let Some(app) = app {
            if !believed.app {
                mac.report(&APP, app.id.as_str(), OLD);
            } else if !floors.admits_settings(app) {
                mac.report(&APP, app.id.as_str(), "its name and quotas are older ones");
            }
        }
        if let Some(install) = install.filter(|one| !believed.install && one.is_installed()) {
            let id = format!("{} {}", install.app, install.account);
            mac.report(&INSTALL_MODE, &id, OLD);
        }
        believed
    }
}
