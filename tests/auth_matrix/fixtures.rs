//! Who takes part: modes, apps, accounts, users, and what each credential is.

pub mod credentials;
pub mod installation;

use coffer_kernel::AdminRole;

/// Test or live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Test,
    Live,
}

impl Mode {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

/// The apps. `Sibling` has the same developer as `Main`; `Rival` has another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum App {
    Main,
    Rival,
    Sibling,
}

impl App {
    pub const ALL: [Self; 3] = [Self::Main, Self::Rival, Self::Sibling];

    pub const fn developer(self) -> Account {
        match self {
            Self::Main | Self::Sibling => Account::Developer,
            Self::Rival => Account::RivalDeveloper,
        }
    }
}

/// The accounts that a request can be for; each says what became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Account {
    /// It made `Main` and `Sibling`.
    Developer,
    /// It made `Rival`.
    RivalDeveloper,
    /// It has `Main` and `Rival` installed.
    Installed,
    /// It had `Main` uninstalled and installed again.
    Reinstalled,
    /// It has `Rival` installed and never had `Main`.
    Stranger,
    /// It uninstalled `Main`, whose secrets are kept.
    Uninstalled,
    /// It uninstalled `Main`, and its secrets were erased.
    Purged,
    /// It had `Main` and was erased.
    Erased,
    /// There never was such an account.
    Missing,
    /// Not an account's id at all.
    Malformed,
}

impl Account {
    pub const ALL: [Self; 10] = [
        Self::Developer,
        Self::RivalDeveloper,
        Self::Installed,
        Self::Reinstalled,
        Self::Stranger,
        Self::Uninstalled,
        Self::Purged,
        Self::Erased,
        Self::Missing,
        Self::Malformed,
    ];

    /// Its id. All well-formed ones have the same length, so that answers can be compared byte
    /// by byte, headers included.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Developer => "acct_developer00001",
            Self::RivalDeveloper => "acct_rivaldevelop02",
            Self::Installed => "acct_installed00003",
            Self::Reinstalled => "acct_reinstalled004",
            Self::Stranger => "acct_stranger000005",
            Self::Uninstalled => "acct_uninstalled006",
            Self::Purged => "acct_purged00000007",
            Self::Erased => "acct_erased00000008",
            Self::Missing => "acct_missing0000009",
            Self::Malformed => "not-an-account",
        }
    }

    /// Whether `app` is installed there now.
    pub const fn has(self, app: App) -> bool {
        matches!(
            (app, self),
            (App::Main, Self::Installed | Self::Reinstalled)
                | (App::Rival, Self::Installed | Self::Stranger)
        )
    }
}

/// The users.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum User {
    One,
    Two,
}

impl User {
    pub const fn id(self) -> &'static str {
        match self {
            Self::One => "usr_theFirstOne",
            Self::Two => "usr_theOtherOne",
        }
    }
}

/// The scopes of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    Account,
    User(User),
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Account, Self::User(User::One), Self::User(User::Two)];

    pub fn params(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Account => vec![("scope[type]", "account".to_owned())],
            Self::User(user) => {
                vec![("scope[type]", "user".to_owned()), ("scope[user]", user.id().to_owned())]
            }
        }
    }
}

/// Whose data: an app's about an account, in a mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tenant {
    pub mode: Mode,
    pub app: App,
    pub account: Account,
}

pub const fn tenant(mode: Mode, app: App, account: Account) -> Tenant {
    Tenant { mode, app, account }
}

/// What became of a credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// No `Authorization` header.
    Absent,
    /// No key of this installation: garbage, made up, or erased with its app or account.
    Unknown,
    /// A publishable key.
    Publishable,
    /// It was good once: expired, revoked, or ended with its parent or with the install.
    Over,
    /// It is good.
    Good,
}

/// What a credential is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A stranger's text: nothing.
    Nothing,
    /// The admin API, as far as the role goes.
    Admin(AdminRole),
    /// An app's backend.
    Backend,
    /// One user of one account; what it may do in the account's scope.
    Ephemeral { account: Account, user: User, writes_account: bool },
}

/// A credential, and all that its rights follow from.
#[derive(Clone, Debug)]
pub struct Credential {
    pub name: &'static str,
    pub token: Option<String>,
    pub standing: Standing,
    pub kind: Kind,
    pub app: App,
    pub mode: Mode,
    /// `None` where they are not restricted.
    pub permissions: Option<&'static [&'static str]>,
}
