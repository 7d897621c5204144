//! The SQL of warnings.

use crate::model::warning::{Kind, Warning};
use crate::sql::{Record, of_owner, owner_values};
use crate::{by_id, pages};
use coffer_base::{Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_storage::{Row, StorageError, Tx, Value, values};

/// A warning, in the order of columns that its `from_row` reads.
macro_rules! select_warning {
    () => {
        "SELECT seq, id, kind, about, param, created FROM ledger_warning"
    };
}

/// What a list of warnings is narrowed to.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) kind: Option<Kind>,
    pub(crate) created: CreatedRange,
}

impl Record for Warning {
    type Filter = Filter;

    const BY_ID: &'static str = by_id!(select_warning!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            kind: Kind::from_code(row.int(2)?)?,
            about: row.text(3)?.to_owned(),
            param: row.optional_text(4)?.map(str::to_owned),
            created: Timestamp::from_unix(row.int(5)?),
        })
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn looks_further(filter: &Filter) -> bool {
        filter.kind.is_some() || filter.created != CreatedRange::ALL
    }

    fn pages(filter: &Filter, values: &mut Vec<Value>) -> (&'static str, &'static str) {
        values.extend(values![filter.kind.map(Kind::code), filter.created.from, filter.created.to]);
        pages!(select_warning!(), "AND (kind = ?7 OR ?7 IS NULL) AND created BETWEEN ?8 AND ?9")
    }
}

/// Adds a warning, unless there is one of its kind about the same object.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, new: &Warning) {
    tx.defer(
        "INSERT INTO ledger_warning (mode, platform, account, seq, id, kind, about, param, \
         created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (mode, platform, account, kind, about) DO NOTHING",
        of_owner(
            owner,
            values![
                new.seq,
                new.id.as_str(),
                new.kind.code(),
                new.about.as_str(),
                new.param.as_deref(),
                new.created
            ],
        ),
    );
}

/// Whether any charge of this ledger was told as a fact.
pub(crate) async fn has_facts(tx: &mut Tx<'_>, owner: &Owner) -> Result<bool, StorageError> {
    let rows = tx
        .query(
            "SELECT 1 FROM ledger_charge WHERE mode = ? AND platform = ? AND account = ? \
             AND by_transaction = 0 LIMIT 1",
            &owner_values(owner),
        )
        .await?;
    Ok(!rows.is_empty())
}
