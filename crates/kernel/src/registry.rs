//! What a family may ask of who is who: accounts, apps, and which app is installed where.
//!
//! Identity keeps the rows and answers; a family that shows installs to callers sees neither how
//! they are kept nor who else changes them. Whatever changes one, be it a family or the admin API,
//! tells every [`InstallListener`] in its transaction.

use crate::event::Cause;
use crate::page::PagePosition;
use crate::principal::BoxFuture;
use coffer_base::{AccountId, AppId, Mode, Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_storage::{StorageError, Store, Tx};

/// What an app asks of whoever installs it, or what was granted to it. All lists may be empty.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Manifest {
    /// Permissions, such as `secret_write`.
    pub permissions: Vec<String>,
    /// Where the app's pages connect to.
    pub connect_src: Vec<String>,
    /// Where they load images from.
    pub image_src: Vec<String>,
    /// URLs that are called by the app's extensions.
    pub endpoints: Vec<String>,
}

impl Manifest {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.lists().iter().all(|list| list.is_empty())
    }

    /// What it has and `granted` has not, in its own order.
    #[must_use]
    pub fn without(&self, granted: &Self) -> Self {
        let rest = |all: &[String], known: &[String]| {
            all.iter().filter(|one| !known.contains(one)).cloned().collect()
        };
        Self {
            permissions: rest(&self.permissions, &granted.permissions),
            connect_src: rest(&self.connect_src, &granted.connect_src),
            image_src: rest(&self.image_src, &granted.image_src),
            endpoints: rest(&self.endpoints, &granted.endpoints),
        }
    }

    const fn lists(&self) -> [&Vec<String>; 4] {
        [&self.permissions, &self.connect_src, &self.image_src, &self.endpoints]
    }
}

/// An account, as families see it.
#[derive(Clone, Debug)]
pub struct AccountRecord {
    /// Its id.
    pub id: AccountId,
    /// For people to read; empty if it has none.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
}

/// An app, as families see it.
#[derive(Clone, Debug)]
pub struct AppRecord {
    /// Its id.
    pub id: AppId,
    /// The account that develops it.
    pub developer: AccountId,
    /// Whether it may install itself on any account.
    pub self_install: bool,
    /// The accounts of platforms that may install it for their own customers.
    pub embedders: Vec<AccountId>,
}

/// Who uninstalled an app.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remover {
    /// The account on which it was installed.
    Account,
    /// The app itself.
    Developer,
    /// The platform that had installed it.
    Embedder,
    /// An operator, with the admin API.
    Operator,
}

/// Whether an app is installed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InstallState {
    /// It is.
    Installed,
    /// It was.
    Removed(Remover),
}

/// An app on an account, in one mode.
#[derive(Clone, Debug)]
pub struct InstallRecord {
    /// `appinst_…`, another one each time that the app is installed.
    pub id: String,
    /// Its place in lists: larger for newer ones.
    pub seq: i64,
    /// The app.
    pub app: AppId,
    /// The account that develops the app.
    pub developer: AccountId,
    /// The account that has the app.
    pub account: AccountId,
    /// In which mode.
    pub mode: Mode,
    /// Whether it has it now.
    pub state: InstallState,
    /// When it was installed.
    pub created: Timestamp,
    /// The account of the platform that installed it for this one, if one did.
    pub created_by: Option<AccountId>,
    /// What was granted.
    pub granted: Manifest,
    /// What the app asks for now.
    pub requested: Manifest,
}

impl InstallRecord {
    /// Whether the account develops the app itself.
    pub fn is_private(&self) -> bool {
        self.developer == self.account
    }

    /// Whether the app is installed.
    pub fn is_installed(&self) -> bool {
        self.state == InstallState::Installed
    }

    /// What the app asks for and was not granted.
    pub fn pending(&self) -> Manifest {
        self.requested.without(&self.granted)
    }
}

/// An app on an account, in one mode: what at most one install is of.
#[derive(Clone, Copy, Debug)]
pub struct InstallPlace<'a> {
    /// The app.
    pub app: &'a AppId,
    /// The account.
    pub account: &'a AccountId,
    /// The mode.
    pub mode: Mode,
}

/// Which installs of one mode a list shows. A filter that is an empty text does not narrow it.
#[derive(Clone, Copy, Debug)]
pub struct InstallSelection<'a> {
    /// The mode.
    pub mode: Mode,
    /// The app.
    pub app: &'a str,
    /// The account that has it.
    pub account: &'a str,
    /// The account of the platform that installed it.
    pub created_by: &'a str,
    /// When it was installed.
    pub created: CreatedRange,
}

/// What became of an install.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InstallChange {
    /// The app was installed.
    Created,
    /// Something else is granted to it.
    Updated {
        /// What was granted before.
        granted: Manifest,
    },
    /// The app was uninstalled.
    Deleted,
}

/// Something that writes more in the transaction in which an install changes.
pub trait InstallListener: Send + Sync + 'static {
    /// Called once for each change; `parties` are all whom it concerns, each as the owner of the
    /// events that it reads.
    fn changed<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        cause: &'a Cause<'a>,
        change: &'a InstallChange,
        install: &'a InstallRecord,
        parties: &'a [Owner],
    ) -> BoxFuture<'a, Result<(), StorageError>>;
}

/// What is asked of a registry: it is there, or the store has failed.
type Found<'a, T> = BoxFuture<'a, Result<T, StorageError>>;

/// Who is who, for families. What a transaction looks up stays locked until its end.
pub trait Registry: Send + Sync + 'static {
    /// Whether accounts are made up where they are named, as in developer mode.
    fn makes_up_accounts(&self) -> bool;

    /// The account `id`.
    fn account<'a>(&'a self, store: &'a Store, id: &'a str) -> Found<'a, Option<AccountRecord>>;

    /// The install `id`, also one that is no more, for a day at least.
    fn install<'a>(&'a self, store: &'a Store, id: &'a str) -> Found<'a, Option<InstallRecord>>;

    /// The install in a place, if it ever had one.
    fn install_at<'a>(
        &'a self,
        store: &'a Store,
        place: InstallPlace<'a>,
    ) -> Found<'a, Option<InstallRecord>>;

    /// The installs of a selection from a position on, in the order of reading.
    fn installs<'a>(
        &'a self,
        store: &'a Store,
        selection: &'a InstallSelection<'a>,
        position: PagePosition,
    ) -> Found<'a, Vec<InstallRecord>>;

    /// The app `id`.
    fn lock_app<'a>(&'a self, tx: &'a mut Tx<'_>, id: &'a str) -> Found<'a, Option<AppRecord>>;

    /// Whether there is an account `id`. Where accounts are made up, there is from now on.
    fn lock_account<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        id: &'a AccountId,
        now: Timestamp,
    ) -> Found<'a, bool>;

    /// The install in a place, if it ever had one.
    fn lock_install<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        place: InstallPlace<'a>,
    ) -> Found<'a, Option<InstallRecord>>;

    /// The install `id`, if it is the newest of its place.
    fn lock_install_by_id<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        id: &'a str,
    ) -> Found<'a, Option<InstallRecord>>;

    /// Installs an app where it is not installed, with all that it asks for granted. App and
    /// account are locked.
    fn open_install<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        cause: &'a Cause<'a>,
        place: InstallPlace<'a>,
        created_by: Option<&'a AccountId>,
    ) -> Found<'a, InstallRecord>;

    /// Grants what the app asks for, and nothing else any more. What is granted already changes
    /// nothing.
    fn grant_pending<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        cause: &'a Cause<'a>,
        install: &'a InstallRecord,
    ) -> Found<'a, InstallRecord>;

    /// Uninstalls an app: its data stays, and its ephemeral keys of this place end for good.
    fn close_install<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        cause: &'a Cause<'a>,
        install: &'a InstallRecord,
        by: Remover,
    ) -> Found<'a, ()>;

    /// Makes a change count on this server, and last: to be called once it is committed, before
    /// its response. What the key store could not take goes on behind the response.
    fn settle(&self) -> BoxFuture<'_, ()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pending_keeps_the_order_of_what_is_asked_for() {
        let list = |words: &str| words.split_whitespace().map(str::to_owned).collect();
        let asked = Manifest { permissions: list("c a b"), ..Manifest::default() };
        let granted =
            Manifest { permissions: list("a x"), endpoints: list("e"), ..Manifest::default() };
        let pending = asked.without(&granted);
        assert_eq!(pending.permissions, ["c", "b"]);
        assert!(pending.endpoints.is_empty() && !pending.is_empty());
        assert!(asked.without(&asked).is_empty());
    }
}
