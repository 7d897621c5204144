//! The SQL of a check of all rows, whatever stands in them.

use super::erasure::{erasure, generation};
use super::install::{install, mode_install};
use super::key::api_key;
use super::{Result, account, app};
use crate::floors::Floors;
use crate::limits;
use crate::row_mac::{
    ACCOUNT, API_KEY, APP, ERASURE, GENERATION, INSTALL, INSTALL_MODE, RowMac, Table,
};
use coffer_storage::{Row, Store, Value, values};

/// What a row turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Judgement {
    /// As it was written, or marked as revoked.
    Right,
    /// Written or changed by somebody else.
    Forged,
    /// From before a revocation, without its mark.
    Outdated,
}

impl Judgement {
    /// Of a row that was believed if it is there, and that is outdated if `is_outdated` says so.
    fn of<T>(row: Option<T>, is_outdated: impl Fn(&T) -> bool) -> Self {
        match row {
            None => Self::Forged,
            Some(row) if is_outdated(&row) => Self::Outdated,
            Some(_) => Self::Right,
        }
    }
}

/// How the rows of a table are checked.
pub(crate) struct Verified {
    pub(crate) table: &'static Table,
    /// Reads a page, in the order of the primary key.
    pages: &'static str,
    /// What the primary key of the first row lies behind: so many columns, which come first.
    start: fn() -> Vec<Value>,
    pub(crate) judge: fn(&RowMac, &Floors, &Row) -> Result<Judgement>,
}

/// All tables whose rows have a MAC, but for revocations on their way.
pub(crate) const VERIFIED: &[Verified] = &[
    Verified {
        table: &ACCOUNT,
        pages: "SELECT id, seq, name, created, mac FROM account \
                WHERE id > ? ORDER BY id LIMIT ?",
        start: || values![""].to_vec(),
        judge: |mac, floors, row| {
            Ok(Judgement::of(account(mac, row)?, |account| {
                !floors.admits_account(account.id.as_str(), account.seq)
            }))
        },
    },
    Verified {
        table: &APP,
        pages: select_apps!("id > ? ORDER BY id LIMIT ?"),
        start: || values![""].to_vec(),
        judge: |mac, floors, row| {
            Ok(Judgement::of(app(mac, row, 0)?, |app| {
                !floors.admits_app(app) || !floors.admits_settings(app)
            }))
        },
    },
    Verified {
        table: &INSTALL,
        pages: "SELECT app, account, id, seq, created, mac FROM install \
                WHERE (app, account) > (?, ?) ORDER BY app, account LIMIT ?",
        start: || values!["", ""].to_vec(),
        judge: |mac, floors, row| {
            Ok(Judgement::of(install(mac, row, 0)?, |install| !floors.admits_install(install)))
        },
    },
    Verified {
        table: &INSTALL_MODE,
        pages: "SELECT app, account, mode, id, seq, state, created, created_by, granted, version, \
                mac FROM install_mode WHERE (app, account, mode) > (?, ?, ?) \
                ORDER BY app, account, mode LIMIT ?",
        start: || values!["", "", -1_i64].to_vec(),
        judge: |mac, floors, row| {
            Ok(Judgement::of(mode_install(mac, row, 0)?, |install| {
                install.is_installed() && !floors.admits_mode_install(install)
            }))
        },
    },
    Verified {
        table: &API_KEY,
        pages: select_keys!("hash > ? ORDER BY hash LIMIT ?"),
        start: || values![&[0_u8; 0]].to_vec(),
        judge: |mac, floors, row| {
            Ok(Judgement::of(api_key(mac, row)?, |key| {
                key.revoked_at.is_none()
                    && (!floors.admits_key(key) || floors.expiry(key) != key.expires_at)
            }))
        },
    },
    Verified {
        table: &ERASURE,
        pages: "SELECT app, account, created, request, seq, mac FROM erasure \
                WHERE (app, account) > (?, ?) ORDER BY app, account LIMIT ?",
        start: || values!["", ""].to_vec(),
        judge: |mac, floors, row| {
            Ok(Judgement::of(erasure(mac, row)?, |erasure| {
                let (app, account) = (erasure.app.as_str(), erasure.account.as_str());
                !floors.admits_erasure(app, account, erasure.seq)
            }))
        },
    },
    Verified {
        table: &GENERATION,
        pages: "SELECT app, account, generation, mac FROM tenant_generation \
                WHERE (app, account) > (?, ?) ORDER BY app, account LIMIT ?",
        start: || values!["", ""].to_vec(),
        judge: |mac, floors, row| {
            Ok(Judgement::of(generation(mac, row, 0)?, |known| {
                let text = |column| row.text(column).unwrap_or_default();
                floors.generation(text(0), text(1)) > *known
            }))
        },
    },
];

impl Verified {
    /// The rows behind the one whose primary key is `after`, or the first ones; also the primary
    /// key of the last of them.
    pub(crate) async fn page(
        &self,
        store: &Store,
        after: Option<Vec<Value>>,
    ) -> Result<(Vec<Row>, Option<Vec<Value>>)> {
        let mut params = after.unwrap_or_else(self.start);
        let columns = params.len();
        params.push(Value::Int(limits::ROWS_VERIFIED_AT_ONCE));
        let rows = store.query(self.pages, &params).await?;
        let last = rows.last().and_then(|row| Some(row.values(0..columns)?.to_vec()));
        Ok((rows, last))
    }
}
