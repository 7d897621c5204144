//! Migrations, and how the schema of a store compares with this build's.
//!
//! Every component numbers its own migrations from 1. What was applied is recorded with a checksum,
//! so that a migration that was changed after it had been applied is refused.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::checksum::fnv1a_128;
use crate::error::{Result, StorageError};
use crate::files;
use crate::placement::Placed;

/// One step of a schema, applied in one transaction. Never change one that was released.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its place in its component's order: 1, 2, 3 and so on.
    pub version: u32,
    /// What it does, in a word or two.
    pub name: &'static str,
    /// The statements; none that begin or end a transaction. Servers of the previous version keep
    /// running beside them. What those could not work with, such as dropping a column, follows a
    /// line that begins with `-- finish`: a shared store only gets it once an operator says that no
    /// older server runs any more.
    ///
    /// What follows `-- shared: ` on a line is for a shared store only; a line that ends with
    /// `-- embedded` is not.
    pub sql: &'static str,
}

/// All migrations of one component: a crate, or the part of it that has tables in this store.
#[derive(Clone, Copy, Debug)]
pub struct MigrationSet {
    /// The component's name, as it is recorded.
    pub component: &'static str,
    /// In the order of their versions, without gaps.
    pub migrations: &'static [Migration],
    /// Where the rows of each of its tables are on a store that is spread over many servers.
    pub tables: &'static [Placed],
}

/// A migration that was applied just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppliedMigration {
    /// Whose schema it changed.
    pub component: &'static str,
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: &'static str,
}

/// What opening a store changed about its schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// What was applied, in order; empty if the schema was current.
    pub applied: Vec<AppliedMigration>,
    /// The copy that was made before, if the store had a schema already.
    pub copy: Option<PathBuf>,
}

/// How the second half of a migration begins.
pub(crate) const FINISH: &str = "\n-- finish";

/// How a line begins that only a shared store has.
const SHARED: &str = "-- shared: ";

/// How a line ends that only an embedded store has.
const EMBEDDED: &str = "-- embedded";

/// A migration's statements as a shared store has them. Many write there at once, and rows have no
/// numbers by which they grow: it has keys and indexes that an embedded store does without.
pub(crate) fn for_shared(sql: &str) -> String {
    let shared = |line: &str| {
        let text = line.trim();
        if text.ends_with(EMBEDDED) {
            return None;
        }
        Some(text.strip_prefix(SHARED).map_or_else(|| line.to_owned(), str::to_owned))
    };
    sql.lines().filter_map(shared).fold(String::new(), |text, line| text + &line + "\n")
}

impl Migration {
    /// The half beside which servers of the previous version keep running.
    pub(crate) fn expanding(&self) -> &'static str {
        self.sql.split_once(FINISH).map_or(self.sql, |(expanding, _)| expanding)
    }

    /// The half with which they could not, if there is one.
    pub(crate) fn finishing(&self) -> Option<&'static str> {
        let (_, rest) = self.sql.split_once(FINISH)?;
        rest.split_once('\n').map(|(_, finishing)| finishing)
    }

    /// Differs if the migration was changed after it had been applied.
    pub(crate) fn checksum(&self) -> String {
        let text = [self.name.as_bytes(), &[0], self.sql.as_bytes()].concat();
        format!("{:032x}", fnv1a_128(&text))
    }
}

/// A migration that was applied to a store.
pub(crate) struct Recorded {
    pub(crate) component: String,
    pub(crate) version: u32,
    pub(crate) name: String,
    pub(crate) checksum: String,
    /// Whether its second half was applied too.
    pub(crate) finished: bool,
}

/// How a store's schema compares with this build's.
pub(crate) struct Compared<'s> {
    /// Whether the store has a schema.
    pub(crate) used: bool,
    /// Each with its component's name.
    pub(crate) pending: Vec<(&'static str, &'s Migration)>,
}

impl<'s> Compared<'s> {
    /// Compares, and refuses a store that this build must not touch.
    pub(crate) fn of(
        recorded: &[Recorded],
        sets: &'s [MigrationSet],
        target: Target<'_>,
    ) -> Result<Self> {
        sets.iter().try_for_each(require_order)?;
        for each in recorded {
            require_known(each, sets, target)?;
        }
        let mut pending = Vec::new();
        for set in sets {
            let applied = |migration: &Migration| {
                let version = migration.version;
                recorded.iter().any(|row| row.component == set.component && row.version == version)
            };
            let missing = set.migrations.iter().filter(|migration| !applied(migration));
            pending.extend(missing.map(|migration| (set.component, migration)));
        }
        Ok(Self { used: !recorded.is_empty(), pending })
    }

    /// Refuses a store that lacks migrations; `advice` says who applies them.
    pub(crate) fn require_current(&self, target: Target<'_>, advice: &str) -> Result<()> {
        match self.pending.first() {
            None => Ok(()),
            Some((component, Migration { version, .. })) => Err(schema(format!(
                "{target} is older than this build (\"{component}\" lacks version {version}); \
                 {advice}"
            ))),
        }
    }
}

/// The database that is compared, for messages.
#[derive(Clone, Copy)]
pub(crate) enum Target<'t> {
    /// A file.
    File(&'t Path),
    /// A database that servers share, by its address without a password.
    Database(&'t dyn fmt::Display),
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Database(address) => address.fmt(f),
        }
    }
}

impl Target<'_> {
    /// How to return to what was before a change of the schema.
    fn way_back(self, component: &str, version: u32) -> String {
        let restore = || ", or restore a backup made before that change".to_owned();
        let Self::File(path) = self else { return restore() };
        let copy = files::copy_before_migration(path, component, version);
        if !copy.exists() {
            return restore();
        }
        let (copy, store) = (copy.display(), path.display());
        format!(
            ", or, with the server stopped, return to the copy made before that change: \
             rm -f {store}-wal {store}-shm && cp {copy} {store}"
        )
    }
}

fn require_order(set: &MigrationSet) -> Result<()> {
    if (1..).zip(set.migrations).all(|(version, migration)| migration.version == version) {
        return Ok(());
    }
    let component = set.component;
    let text = format!("the migrations of \"{component}\" are not numbered 1, 2, 3 and so on");
    Err(StorageError::Internal(text.into()))
}

fn require_known(recorded: &Recorded, sets: &[MigrationSet], target: Target<'_>) -> Result<()> {
    let Recorded { component, version, name, checksum, finished } = recorded;
    let set = sets.iter().find(|set| set.component == component);
    let newest = set.and_then(|set| set.migrations.last()).map_or(0, |last| last.version);
    let known = set.and_then(|set| set.migrations.iter().find(|own| own.version == *version));
    match known {
        // The first half of the next version is made so that this version keeps running.
        None if !finished && *version == newest.saturating_add(1) => Ok(()),
        None => Err(schema(newer(target, component, *version, newest))),
        Some(known) if known.checksum() != *checksum => Err(schema(format!(
            "migration {version} (\"{name}\") of \"{component}\" differs from the one that was \
             applied to {target}: this build is not a release that the store knows; run a released \
             coffer"
        ))),
        Some(_) => Ok(()),
    }
}

fn newer(target: Target<'_>, component: &str, version: u32, newest: u32) -> String {
    format!(
        "{target} was written by a newer coffer: its \"{component}\" has version {version}, this \
         build knows versions up to {newest}. Upgrade coffer{}",
        target.way_back(component, version)
    )
}

fn schema(text: String) -> StorageError {
    StorageError::Schema(text.into())
}
