//! The SQL of installs: that there is an app on an account, and in which mode it is let in.

use super::{
    APP_COLUMNS, Result, Selection, account_id, app, app_id, corrupt, end, first, next_seq,
};
use crate::floors::of_install;
use crate::objects::{
    App, INSTALLED, Install, ModeInstall, decode_manifest, encode_manifest, parse_state, state_word,
};
use crate::row_mac::{INSTALL, INSTALL_MODE, RowMac};
use coffer_base::{AccountId, AppId, Mode, Timestamp};
use coffer_kernel::{InstallPlace, InstallSelection, InstallState, PagePosition, Prune, Remover};
use coffer_storage::{Query, Row, Store, Tx, Value, values};

/// Selects installs with what they are in each mode, in the order of columns that [`installs`]
/// reads: those of the condition, which ends with how many; a row for each of their modes.
macro_rules! select_installs {
    ($condition:literal, $order:literal) => {
        concat!(
            "SELECT i.app, i.account, i.id, i.seq, i.created, i.mac, m.app, m.account, m.mode, \
             m.id, m.seq, m.state, m.created, m.created_by, m.granted, m.version, m.mac \
             FROM (SELECT app, account, id, seq, created, mac FROM install WHERE ",
            $condition,
            ") AS i LEFT JOIN install_mode m ON m.app = i.app AND m.account = i.account \
             ORDER BY i.seq ",
            $order
        )
    };
}

/// Selects installs of one mode with their apps, in the order of columns that [`with_app`] reads.
macro_rules! select_of_mode {
    ($condition:literal) => {
        concat!(
            "SELECT m.app, m.account, m.mode, m.id, m.seq, m.state, m.created, m.created_by, \
             m.granted, m.version, m.mac, a.id, a.seq, a.account, a.name, a.quotas, a.manifest, \
             a.self_install, a.embedders, a.created, a.version, a.mac \
             FROM install_mode m JOIN app a ON a.id = m.app WHERE ",
            $condition
        )
    };
}

/// The statements that take installs away, with all that is known of them.
macro_rules! buried {
    ($condition:literal) => {
        [
            concat!("DELETE FROM install_tombstone WHERE ", $condition),
            concat!("DELETE FROM install_mode WHERE ", $condition),
            concat!("DELETE FROM install WHERE ", $condition),
        ]
    };
}

/// An install, and what it is in each mode in which it ever was one.
pub(crate) struct InstallModes {
    pub(crate) install: Install,
    pub(crate) modes: Vec<ModeInstall>,
}

impl InstallModes {
    /// The install of a mode, if the app is let in there.
    pub(crate) fn installed_in(&self, mode: Mode) -> Option<&ModeInstall> {
        self.modes.iter().find(|one| one.mode == mode && one.is_installed())
    }
}

/// The install whose columns begin at `first`: app, account, id, seq, created, mac; `None` if it is
/// not believed.
pub(super) fn install(mac: &RowMac, row: &Row, first: usize) -> Result<Option<Install>> {
    if !mac.is_valid(&INSTALL, row, first) {
        return Ok(None);
    }
    Ok(Some(Install {
        app: app_id(row.text(first)?)?,
        account: account_id(row.text(first + 1)?)?,
        id: row.text(first + 2)?.to_owned(),
        seq: row.int(first + 3)?,
        created: Timestamp::from_unix(row.int(first + 4)?),
    }))
}

/// The columns of an install, with its MAC.
const INSTALL_COLUMNS: usize = 6;

/// The columns of an install of one mode, with its MAC.
pub(super) const MODE_COLUMNS: usize = 11;

/// The install of one mode whose columns begin at `first`: app, account, mode, id, seq, state,
/// created, created_by, granted, version, mac; `None` if it is not believed.
pub(super) fn mode_install(mac: &RowMac, row: &Row, first: usize) -> Result<Option<ModeInstall>> {
    if !mac.is_valid(&INSTALL_MODE, row, first) {
        return Ok(None);
    }
    let mode = Mode::from_code(row.int(first + 2)?).ok_or_else(|| corrupt("an install's mode"))?;
    let granted = decode_manifest(row.text(first + 8)?);
    Ok(Some(ModeInstall {
        app: app_id(row.text(first)?)?,
        account: account_id(row.text(first + 1)?)?,
        mode,
        id: row.text(first + 3)?.to_owned(),
        seq: row.int(first + 4)?,
        state: parse_state(row.text(first + 5)?).ok_or_else(|| corrupt("an install's state"))?,
        created: Timestamp::from_unix(row.int(first + 6)?),
        created_by: row.optional_text(first + 7)?.map(account_id).transpose()?,
        granted: granted.ok_or_else(|| corrupt("what an install has granted"))?,
        version: row.int(first + 9)?,
    }))
}

/// Whether the columns from `first` on are those of a row, and not of none.
pub(super) fn is_there(row: &Row, first: usize) -> bool {
    row.values(first..first + 1).is_some_and(|id| id != [Value::Null])
}

/// The installs in the rows of [`select_installs`].
fn installs(mac: &RowMac, rows: &[Row]) -> Result<Vec<InstallModes>> {
    let mut all: Vec<InstallModes> = Vec::new();
    for row in rows {
        let Some(install) = install(mac, row, 0)? else { continue };
        let mode = match is_there(row, INSTALL_COLUMNS) {
            true => mode_install(mac, row, INSTALL_COLUMNS)?,
            false => None,
        };
        match all.last_mut() {
            Some(last) if last.install.id == install.id => last.modes.extend(mode),
            _ => all.push(InstallModes { install, modes: mode.into_iter().collect() }),
        }
    }
    Ok(all)
}

/// The install of one mode and its app, from the columns of [`select_of_mode`].
fn with_app(mac: &RowMac, row: &Row) -> Result<Option<(ModeInstall, App)>> {
    const _: () = assert!(MODE_COLUMNS == 11 && APP_COLUMNS == 11);
    let (Some(install), Some(app)) = (mode_install(mac, row, 0)?, app(mac, row, MODE_COLUMNS)?)
    else {
        return Ok(None);
    };
    Ok(Some((install, app)))
}

/// The install `id`, whether the app is let in or not, as committed.
pub(crate) async fn find_install(
    store: &Store,
    mac: &RowMac,
    id: &str,
) -> Result<Option<InstallModes>> {
    let rows = store.query(select_installs!("id = ?", "DESC"), &values![id]).await?;
    Ok(installs(mac, &rows)?.pop())
}

/// The same, of an app on an account.
pub(crate) async fn install_of(
    store: &Store,
    mac: &RowMac,
    app: &str,
    account: &str,
) -> Result<Option<InstallModes>> {
    let sql = select_installs!("app = ? AND account = ?", "DESC");
    Ok(installs(mac, &store.query(sql, &values![app, account]).await?)?.pop())
}

/// The installs of a selection, in the order of reading, those that were removed among them.
pub(crate) async fn list_installs(
    store: &Store,
    mac: &RowMac,
    selection: &Selection<'_>,
) -> Result<Vec<InstallModes>> {
    let sql = if selection.position.newer {
        select_installs!(
            "(? = '' OR app = ?) AND (? = '' OR account = ?) AND seq > ? ORDER BY seq ASC LIMIT ?",
            "ASC"
        )
    } else {
        select_installs!(
            "(? = '' OR app = ?) AND (? = '' OR account = ?) AND seq < ? ORDER BY seq DESC LIMIT ?",
            "DESC"
        )
    };
    installs(mac, &store.query(sql, &selection.values()).await?)
}

/// The install `id`, locked.
pub(crate) async fn find_install_in(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    id: &str,
) -> Result<Option<Install>> {
    let sql = "SELECT app, account, id, seq, created, mac FROM install WHERE id = ? FOR UPDATE";
    first(&tx.query(sql, &values![id]).await?, |row| install(mac, row, 0))
}

/// The install of an app on an account, locked.
pub(crate) async fn install_of_in(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    app: &str,
    account: &str,
) -> Result<Option<Install>> {
    let sql = "SELECT app, account, id, seq, created, mac FROM install \
               WHERE app = ? AND account = ? FOR UPDATE";
    first(&tx.query(sql, &values![app, account]).await?, |row| install(mac, row, 0))
}

/// Adds an install, in no mode yet.
pub(crate) async fn insert_install(tx: &mut Tx<'_>, mac: &RowMac, install: &Install) -> Result<()> {
    let Install { app, account, id, seq, created } = install;
    // A row that is in the place already is one that nobody believes.
    tx.execute(
        "INSERT INTO install (app, account, id, seq, created, mac) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (app, account) DO UPDATE SET id = excluded.id, seq = excluded.seq, \
         created = excluded.created, mac = excluded.mac",
        &mac.with_mac(&INSTALL, values![app, account, id, *seq, *created]),
    )
    .await?;
    Ok(())
}

/// The install in a place with its app, whatever its state, as committed.
pub(crate) async fn mode_install_at(
    store: &Store,
    mac: &RowMac,
    place: InstallPlace<'_>,
) -> Result<Option<(ModeInstall, App)>> {
    let sql = select_of_mode!("m.app = ? AND m.account = ? AND m.mode = ?");
    let values = values![place.app, place.account, place.mode];
    first(&store.query(sql, &values).await?, |row| with_app(mac, row))
}

/// The same by its id.
pub(crate) async fn find_mode_install(
    store: &Store,
    mac: &RowMac,
    id: &str,
) -> Result<Option<(ModeInstall, App)>> {
    let sql = select_of_mode!("m.id = ?");
    first(&store.query(sql, &values![id]).await?, |row| with_app(mac, row))
}

/// The install in a place, whatever its state, locked.
pub(crate) async fn mode_install_in(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    place: InstallPlace<'_>,
) -> Result<Option<ModeInstall>> {
    let sql = "SELECT app, account, mode, id, seq, state, created, created_by, granted, version, \
               mac FROM install_mode WHERE app = ? AND account = ? AND mode = ? FOR UPDATE";
    let values = values![place.app, place.account, place.mode];
    first(&tx.query(sql, &values).await?, |row| mode_install(mac, row, 0))
}

/// Where the install `id` is: its row is to be locked there, and read again.
pub(crate) async fn place_of_install_in(
    tx: &mut Tx<'_>,
    id: &str,
) -> Result<Option<(AppId, AccountId, Mode)>> {
    let rows =
        tx.query("SELECT app, account, mode FROM install_mode WHERE id = ?", &values![id]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mode = Mode::from_code(row.int(2)?).ok_or_else(|| corrupt("an install's mode"))?;
    Ok(Some((app_id(row.text(0)?)?, account_id(row.text(1)?)?, mode)))
}

/// The installs of one mode that a selection shows, in the order of reading: those alone on which
/// the app is let in.
pub(crate) async fn list_mode_installs(
    store: &Store,
    mac: &RowMac,
    selection: &InstallSelection<'_>,
    position: PagePosition,
) -> Result<Vec<(ModeInstall, App)>> {
    let InstallSelection { mode, app, account, created_by, created } = *selection;
    let mut values = vec![Value::from(mode)];
    // An index has the app or the account first: one of both is always named.
    let sql = match (app.is_empty(), position.newer) {
        (false, true) => OF_APP[0],
        (false, false) => OF_APP[1],
        (true, true) => OF_ACCOUNT[0],
        (true, false) => OF_ACCOUNT[1],
    };
    values.push(Value::from(if app.is_empty() { account } else { app }));
    values.extend(values![account, account, created_by, created_by]);
    values.extend(values![created.from, created.to, position.seq, position.fetch]);
    let rows = store.query(sql, &values).await?;
    rows.iter().filter_map(|row| with_app(mac, row).transpose()).collect()
}

/// A page of the installs of one mode: mode; app or account; account and creator, twice each; the
/// range of times; the position; how many.
macro_rules! page_of_mode {
    ($by:literal, $beyond:literal, $order:literal) => {
        concat!(
            select_of_mode!("m.mode = ? AND "),
            $by,
            " = ? AND m.state = 'installed' AND (? = '' OR m.account = ?) \
             AND (? = '' OR m.created_by = ?) AND m.created >= ? AND m.created <= ? AND m.seq ",
            $beyond,
            " ? ORDER BY m.seq ",
            $order,
            " LIMIT ?"
        )
    };
}

const OF_APP: [&str; 2] = [page_of_mode!("m.app", ">", "ASC"), page_of_mode!("m.app", "<", "DESC")];
const OF_ACCOUNT: [&str; 2] =
    [page_of_mode!("m.account", ">", "ASC"), page_of_mode!("m.account", "<", "DESC")];

/// The installs of an app on which it is let in, in both modes.
pub(crate) async fn installed_of_app(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    app: &AppId,
) -> Result<Vec<(ModeInstall, App)>> {
    let sql = select_of_mode!("m.app = ? AND m.state = 'installed' ORDER BY m.seq");
    let rows = tx.query(sql, &values![app]).await?;
    rows.iter().filter_map(|row| with_app(mac, row).transpose()).collect()
}

/// The installs that an account has, and those of its apps, in both modes. Whoever has locked the
/// account sees all of them, since nobody installs its apps meanwhile.
pub(crate) async fn installed_of_account(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    account: &AccountId,
) -> Result<Vec<(ModeInstall, App)>> {
    let sql = "SELECT id FROM app WHERE account = ? ORDER BY id FOR UPDATE";
    tx.query(sql, &values![account]).await?;
    let sql = select_of_mode!(
        "m.state = 'installed' AND (m.account = ? \
         OR m.app IN (SELECT id FROM app WHERE account = ?)) ORDER BY m.seq"
    );
    let rows = tx.query(sql, &values![account, account]).await?;
    rows.iter().filter_map(|row| with_app(mac, row).transpose()).collect()
}

/// Writes what an install is from now on. If another one was in its place, that one leaves a
/// tombstone.
pub(crate) async fn put_mode_install(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    install: &ModeInstall,
    now: Timestamp,
) -> Result<()> {
    let ModeInstall { app, account, mode, id, seq, created, version, .. } = install;
    tx.defer(
        "INSERT INTO install_tombstone (id, app, account, mode, seq, created_by, left_at) \
         SELECT id, app, account, mode, seq, created_by, ? FROM install_mode \
         WHERE app = ? AND account = ? AND mode = ? AND id <> ? ON CONFLICT (id) DO NOTHING",
        values![now, app, account, *mode, id],
    );
    let columns = values![
        app,
        account,
        *mode,
        id,
        *seq,
        state_word(install.state),
        *created,
        install.created_by.as_ref().map(AccountId::as_str),
        encode_manifest(&install.granted),
        *version
    ];
    tx.execute(
        "INSERT INTO install_mode (app, account, mode, id, seq, state, created, created_by, \
         granted, version, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (app, account, mode) DO UPDATE SET id = excluded.id, seq = excluded.seq, \
         state = excluded.state, created = excluded.created, created_by = excluded.created_by, \
         granted = excluded.granted, version = excluded.version, mac = excluded.mac",
        &mac.with_mac(&INSTALL_MODE, columns),
    )
    .await?;
    Ok(())
}

/// Uninstalls in one mode: data stays, and ephemeral keys are revoked for good.
pub(crate) async fn remove_mode_install(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    install: &ModeInstall,
    by: Remover,
    now: Timestamp,
) -> Result<()> {
    let ModeInstall { app, account, mode, .. } = install;
    end(tx, mac, of_install(app.as_str(), account.as_str(), Some(*mode))).await?;
    let state = InstallState::Removed(by);
    let removed = ModeInstall { state, version: next_seq(tx).await?, ..install.clone() };
    put_mode_install(tx, mac, &removed, now).await?;
    tx.execute(
        "UPDATE api_key SET revoked_at = ? WHERE app = ? AND account = ? AND mode = ? \
         AND revoked_at IS NULL",
        &values![now, app, account, *mode],
    )
    .await?;
    Ok(())
}

/// What is left of an install that is no more: the order of columns of [`gone_install`].
pub(crate) struct GoneInstall {
    pub(crate) app: AppId,
    pub(crate) account: AccountId,
    pub(crate) mode: Mode,
    pub(crate) seq: i64,
    pub(crate) created_by: Option<AccountId>,
}

/// The tombstone of the install `id`.
pub(crate) async fn gone_install(store: &Store, id: &str) -> Result<Option<GoneInstall>> {
    let sql = "SELECT app, account, mode, seq, created_by FROM install_tombstone WHERE id = ?";
    let rows = store.query(sql, &values![id]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mode = Mode::from_code(row.int(2)?).ok_or_else(|| corrupt("a tombstone's mode"))?;
    Ok(Some(GoneInstall {
        app: app_id(row.text(0)?)?,
        account: account_id(row.text(1)?)?,
        mode,
        seq: row.int(3)?,
        created_by: row.optional_text(4)?.map(account_id).transpose()?,
    }))
}

/// Tombstones that were left before a time.
pub(crate) const AGED_TOMBSTONES: Prune = Prune {
    select: "SELECT id FROM install_tombstone WHERE left_at < ? ORDER BY left_at LIMIT ? \
             FOR UPDATE SKIP LOCKED",
    delete: "DELETE FROM install_tombstone WHERE id = ?",
};

/// Which installs are taken away with all that is known of them.
#[derive(Clone, Copy)]
pub(super) enum Buried<'a> {
    /// An app's on one account.
    One(&'a AppId, &'a AccountId),
    /// All of an app.
    OfApp(&'a AppId),
    /// All on an account.
    OnAccount(&'a AccountId),
}

/// Takes installs away, in both modes, with their tombstones: what is purged leaves nothing.
pub(super) async fn bury_installs(tx: &mut Tx<'_>, which: Buried<'_>) -> Result<()> {
    let statements = match which {
        Buried::One(..) => buried!("app = ? AND account = ?"),
        Buried::OfApp(_) => buried!("app = ?"),
        Buried::OnAccount(_) => buried!("account = ?"),
    };
    let which = match which {
        Buried::One(app, account) => values![app, account].to_vec(),
        Buried::OfApp(app) => values![app].to_vec(),
        Buried::OnAccount(account) => values![account].to_vec(),
    };
    for statement in statements {
        tx.execute(statement, &which).await?;
    }
    Ok(())
}

/// Finds a row if the app is installed on the account in this mode, and locks it: an uninstall
/// waits until the transaction ends.
pub(crate) fn installed_query(app: &AppId, account: &AccountId, mode: Mode) -> Query {
    let sql = "SELECT 1 FROM install_mode WHERE app = ? AND account = ? AND mode = ? \
               AND state = ? FOR SHARE";
    Query::new(sql, values![app, account.name(), mode, INSTALLED])
}
