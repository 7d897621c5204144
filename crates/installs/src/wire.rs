//! Objects out: installs and accounts.

use coffer_base::Mode;
use coffer_dialect::{Object, Value};
use coffer_kernel::{AccountRecord, InstallRecord, Manifest};

/// What errors call an install.
pub(crate) const KIND: &str = "install";

/// By which way an app comes to accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Channel {
    /// The developer's own app on the developer's own account, in live mode.
    PrivateLive,
    /// The same in test mode.
    PrivateTest,
    /// An app on somebody else's account.
    Public,
    /// Known to Stripe, and to no install here.
    Testing,
}

impl Channel {
    /// The channels that a request can name, with their words.
    pub(crate) const WORDS: [(&'static str, Self); 4] = [
        ("private_live", Self::PrivateLive),
        ("private_test", Self::PrivateTest),
        ("public", Self::Public),
        ("testing", Self::Testing),
    ];

    /// The one by which an account installs its own app.
    pub(crate) const fn private(mode: Mode) -> Self {
        match mode {
            Mode::Live => Self::PrivateLive,
            Mode::Test => Self::PrivateTest,
        }
    }

    /// The one of an install.
    pub(crate) fn of(install: &InstallRecord) -> Self {
        if install.is_private() { Self::private(install.mode) } else { Self::Public }
    }

    /// Its word on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, one)| *one == self).map_or("public", |(word, _)| word)
    }
}

/// Whether somebody must still allow what the app asks for: never of private apps.
pub(crate) fn is_approval_required(install: &InstallRecord) -> bool {
    !install.is_private() && !install.pending().is_empty()
}

/// The status of an install that is in force.
pub(crate) const INSTALLED: &str = "installed";

/// The status that an install is shown with when it ends.
pub(crate) const UNINSTALLING: &str = "uninstalling";

/// An install, with one of the two statuses that there are.
pub(crate) fn install(install: &InstallRecord, status: &'static str) -> Object {
    let (granted, pending) = (&install.granted, install.pending());
    Object::new(&install.id, "apps.install")
        .set("account", install.account.as_str().to_owned())
        .set("app", install.app.as_str().to_owned())
        .set("approval_required", is_approval_required(install))
        .set("auth_code", Value::Null)
        .set("channel", Channel::of(install).as_str())
        .set("content_security_policy_granted", policy(granted))
        .set("content_security_policy_pending", policy(&pending))
        .set("created", install.created)
        .set("created_by", install.created_by.as_ref().map(|by| by.as_str().to_owned()))
        .set("endpoints_granted", granted.endpoints.clone())
        .set("endpoints_pending", pending.endpoints)
        .set("livemode", install.mode.is_live())
        .set("permissions_granted", granted.permissions.clone())
        .set("permissions_pending", pending.permissions)
        .set("status", status)
}

/// The fields that can differ between an install and the same with something else granted.
pub(crate) const GRANTS: [&str; 7] = [
    "approval_required",
    "content_security_policy_granted",
    "content_security_policy_pending",
    "endpoints_granted",
    "endpoints_pending",
    "permissions_granted",
    "permissions_pending",
];

fn policy(manifest: &Manifest) -> Object {
    Object::bare()
        .set("connect_src", manifest.connect_src.clone())
        .set("image_src", manifest.image_src.clone())
}

/// An account: what is known of it. The fields of Stripe's that Coffer knows nothing for are
/// absent.
pub(crate) fn account(account: &AccountRecord) -> Object {
    let name = Some(account.name.clone()).filter(|name| !name.is_empty());
    Object::new(account.id.as_str(), "account")
        .set("business_profile", Object::bare().set("name", name))
        .set("created", account.created)
}
