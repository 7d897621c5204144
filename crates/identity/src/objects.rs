//! Accounts, apps, installs and keys as they are stored.

use crate::limits;
use coffer_base::{AccountId, AppId, Mode, Random, Timestamp, id::random_id, limit};
use coffer_kernel::{AccountAccess, AdminRole, Ctx, InstallState, Manifest, Network, Remover};

/// Whoever installs apps, or develops them: a business on the platform, or the platform itself.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    /// Its place in the order in which all rows were made, and so in the list of accounts.
    pub(crate) seq: i64,
    /// For people to read; empty if none was given.
    pub(crate) name: String,
    pub(crate) created: Timestamp,
}

/// An app, made by one account.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) id: AppId,
    pub(crate) seq: i64,
    /// The account that develops it, on which it needs no install.
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) quotas: Quotas,
    /// What it asks of whoever installs it.
    pub(crate) manifest: Manifest,
    /// Whether it may install itself on any account.
    pub(crate) self_install: bool,
    /// The accounts whose apps may install it for their customers.
    pub(crate) embedders: Vec<AccountId>,
    pub(crate) created: Timestamp,
    /// The place of its last change in the order of all rows; its `seq` if there was none.
    pub(crate) version: i64,
}

/// The numbers that an operator has set for one app, by name. Their meaning is known to the
/// families that ask for them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Quotas(Vec<(String, i64)>);

impl Quotas {
    /// Sets a quota, or unsets it so that the installation's setting counts.
    pub(crate) fn set(&mut self, name: &str, value: Option<i64>) {
        self.0.retain(|(of, _)| of != name);
        if let Some(value) = value {
            self.0.push((name.to_owned(), value));
        }
    }

    /// The app's own value, if it has one.
    pub(crate) fn get(&self, name: &str) -> Option<i64> {
        self.0.iter().find(|(of, _)| of == name).map(|(_, value)| *value)
    }

    /// All that are set.
    pub(crate) fn all(&self) -> &[(String, i64)] {
        &self.0
    }

    /// As one column: `name=value`, separated by blanks.
    pub(crate) fn encode(&self) -> String {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(" ")
    }

    /// From that column; `None` if it holds anything else.
    pub(crate) fn decode(column: &str) -> Option<Self> {
        let pairs = column.split(' ').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        pairs.collect::<Option<_>>().map(Self)
    }
}

/// That there is, or was, an app on an account, as operators see it.
#[derive(Clone, Debug)]
pub(crate) struct Install {
    pub(crate) app: AppId,
    pub(crate) account: AccountId,
    /// `inst_…`; stays when the app is uninstalled and installed again.
    pub(crate) id: String,
    pub(crate) seq: i64,
    pub(crate) created: Timestamp,
}

/// The permission of an account that an app may store data for it, in one mode.
#[derive(Clone, Debug)]
pub(crate) struct ModeInstall {
    pub(crate) app: AppId,
    pub(crate) account: AccountId,
    pub(crate) mode: Mode,
    /// `appinst_…`, another one each time that the app is installed.
    pub(crate) id: String,
    pub(crate) seq: i64,
    /// Whether the app is accepted for the account. What was removed keeps its data.
    pub(crate) state: InstallState,
    pub(crate) created: Timestamp,
    /// The platform that installed it for the account, if one did.
    pub(crate) created_by: Option<AccountId>,
    pub(crate) granted: Manifest,
    /// The place of its last change in the order of all rows.
    pub(crate) version: i64,
}

impl ModeInstall {
    pub(crate) fn is_installed(&self) -> bool {
        self.state == InstallState::Installed
    }

    /// A new id of an install: its mode is in it.
    pub(crate) fn random_id(mode: Mode, random: &dyn Random) -> String {
        let prefix = if mode.is_live() { "appinst" } else { "appinst_test" };
        random_id(prefix, limits::INSTALL_ID_CHARACTERS, random)
    }
}

/// The words for states in the table.
const STATES: [(&str, InstallState); 5] = [
    (INSTALLED, InstallState::Installed),
    ("account", InstallState::Removed(Remover::Account)),
    ("developer", InstallState::Removed(Remover::Developer)),
    ("embedder", InstallState::Removed(Remover::Embedder)),
    ("operator", InstallState::Removed(Remover::Operator)),
];

/// The word of an app that is let in, which statements compare with.
pub(crate) const INSTALLED: &str = "installed";

/// The table's word for a state.
pub(crate) fn state_word(state: InstallState) -> &'static str {
    STATES.iter().find(|(_, one)| *one == state).map_or(INSTALLED, |(word, _)| word)
}

/// The state that the table's word stands for; `None` for any other word.
pub(crate) fn parse_state(word: &str) -> Option<InstallState> {
    STATES.iter().find(|(one, _)| *one == word).map(|(_, state)| *state)
}

/// A manifest as one column: a line for each entry, which begins with the letter of its list. No
/// entry has a line break in it.
pub(crate) fn encode_manifest(manifest: &Manifest) -> String {
    let Manifest { permissions, connect_src, image_src, endpoints } = manifest;
    let lists = [('p', permissions), ('c', connect_src), ('i', image_src), ('e', endpoints)];
    let lines = lists
        .iter()
        .flat_map(|(letter, list)| list.iter().map(move |entry| format!("{letter}{entry}\n")));
    lines.collect()
}

/// From that column; `None` if it holds anything else.
pub(crate) fn decode_manifest(column: &str) -> Option<Manifest> {
    let mut manifest = Manifest::default();
    for line in column.lines() {
        let (letter, entry) = line.split_at_checked(1)?;
        let list = match letter {
            "p" => &mut manifest.permissions,
            "c" => &mut manifest.connect_src,
            "i" => &mut manifest.image_src,
            "e" => &mut manifest.endpoints,
            _ => return None,
        };
        list.push(entry.to_owned());
    }
    Some(manifest)
}

/// What a key may be used for. [`Kind::as_str`] is the word in the table and on the wire (`type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// All rights of an app in one mode.
    Secret,
    /// Those rights of an app that its permissions name.
    Restricted,
    /// One user of one account, for a day at most.
    Ephemeral,
    /// The admin API, and no tenant's data.
    Admin,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Secret, Self::Restricted, Self::Ephemeral, Self::Admin];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Restricted => "restricted",
            Self::Ephemeral => "ephemeral",
            Self::Admin => "admin",
        }
    }

    /// The kind that the table's word stands for; `None` for any other word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A key, without its token.
#[derive(Clone, Debug)]
pub(crate) struct ApiKey {
    pub(crate) id: String,
    pub(crate) seq: i64,
    pub(crate) kind: Kind,
    /// `None` for admin keys, which belong to no mode and no app.
    pub(crate) mode: Option<Mode>,
    /// `None` for admin keys.
    pub(crate) app: Option<AppId>,
    /// Of an ephemeral key: the account and the user that it is for.
    pub(crate) bound: Option<Bound>,
    /// What a restricted key, or an ephemeral one that such a key made, may do; `None` for keys
    /// that are not restricted.
    pub(crate) permissions: Option<Vec<String>>,
    /// The id of the key that made an ephemeral key, which ends with it.
    pub(crate) parent: Option<String>,
    pub(crate) name: String,
    /// The token with its middle starred out, as in the API's `redacted_key` and in messages.
    pub(crate) redacted: String,
    pub(crate) created: Timestamp,
    /// From this second on the key is refused; `None` if it never expires.
    pub(crate) expires_at: Option<Timestamp>,
    /// Of an admin key.
    pub(crate) role: Option<AdminRole>,
    /// Of an admin key that was made for somebody who has signed in: whom the identity provider
    /// vouches for, by their subject there.
    pub(crate) person: Option<String>,
    /// The networks that it may be used from; from everywhere if there are none.
    pub(crate) networks: Vec<Network>,
    /// How often it may be used; any number of times if it is `None`.
    pub(crate) uses: Option<i64>,
    /// The id of the key that took its place when it was rolled. It decides nothing.
    pub(crate) successor: Option<String>,
    /// When it was revoked, which is for good.
    pub(crate) revoked_at: Option<Timestamp>,
    /// When it was last used, up to
    /// [`LAST_USED_EVERY_SECONDS`](crate::limits::LAST_USED_EVERY_SECONDS) ago; `None` if never.
    pub(crate) last_used: Option<Timestamp>,
}

/// What an ephemeral key is bound to.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) account: AccountId,
    /// The app's own id of the user, which Coffer does not interpret.
    pub(crate) user: String,
    /// What the user's device may do in the scope that all users of the account share.
    pub(crate) account_access: AccountAccess,
}

/// What was erased, and how far that has come.
#[derive(Clone, Debug)]
pub(crate) struct ErasureReceipt {
    /// `erasure_…`.
    pub(crate) id: String,
    pub(crate) seq: i64,
    /// The request that asked for it, by which the audit has it.
    pub(crate) request: String,
    pub(crate) account: AccountId,
    /// The user of the account that was erased; `None` if it was the account itself.
    pub(crate) user: Option<String>,
    pub(crate) created: Timestamp,
    /// Of a user: the rotation that destroys the keys from before, once it has begun.
    pub(crate) rotation: Option<i64>,
    /// The epoch of the key store from which on its copies hold none of the keys; `None` before
    /// that is known.
    pub(crate) epoch: Option<i64>,
    /// When it was done.
    pub(crate) done: Option<Timestamp>,
}

impl ErasureReceipt {
    /// A receipt of what the request of `ctx` erases.
    pub(crate) fn of(ctx: &Ctx, account: AccountId, user: Option<String>) -> Self {
        Self {
            id: random_id("erasure", limit::RANDOM_ID_CHARACTERS, ctx.random()),
            seq: 0,
            request: ctx.request_id().to_owned(),
            account,
            user,
            created: ctx.now(),
            rotation: None,
            epoch: None,
            done: None,
        }
    }
}
