//! The SQL of rotations, which are written down with the data.

use crate::rotation::{Phase, Rotation, RotationPlan, RotationProgress};
use coffer_base::Timestamp;
use coffer_storage::{Row, StorageError, Store, Tx, Work, values};

const LAST: &str = "SELECT number, master, tenants, fresh, keep, app, account, older_than, \
     used_beyond, cause, created, worker, beat, phase, walk, seal, part, slot, total, seen, \
     resealed, remaining, damaged, pace, finished FROM rotation ORDER BY number DESC LIMIT 1";

fn rotation(row: &Row) -> Result<Rotation, StorageError> {
    let text = |at: usize| Ok::<_, StorageError>(row.optional_text(at)?.map(str::to_owned));
    let time = |at: usize| Ok::<_, StorageError>(row.optional_int(at)?.map(Timestamp::from_unix));
    let phase = Phase::parse(row.text(13)?);
    Ok(Rotation {
        number: row.int(0)?,
        plan: RotationPlan {
            master: row.int(1)? != 0,
            tenants: row.int(2)? != 0,
            fresh: row.int(3)? != 0,
            keep: row.int(4)? != 0,
            app: text(5)?,
            account: text(6)?,
            older_than: time(7)?,
            used_beyond: row.optional_int(8)?,
        },
        cause: row.text(9)?.to_owned(),
        created: Timestamp::from_unix(row.int(10)?),
        worker: row.text(11)?.to_owned(),
        beat: row.int(12)?,
        progress: RotationProgress {
            phase: phase.ok_or_else(|| StorageError::Corrupt("rotation.phase".into()))?,
            walk: row.int(14)?,
            seal: row.int(15)?,
            part: row.int(16)?,
            slot: row.int(17)?,
            total: row.int(18)?,
            seen: row.int(19)?,
            resealed: row.int(20)?,
            remaining: row.int(21)?,
            damaged: row.int(22)?,
            pace: row.int(23)?,
        },
        finished: time(24)?,
    })
}

/// The last rotation, under way or not; `None` if there never was one.
///
/// # Errors
/// When the data store cannot be read.
pub async fn last_rotation(data: &Store) -> Result<Option<Rotation>, StorageError> {
    data.query(LAST, &[]).await?.first().map(rotation).transpose()
}

/// Begins a rotation, whose number is above `floor` and those of all before it; the one that is
/// under way, if there is one, is returned instead.
///
/// # Errors
/// When a statement fails, which fails the transaction.
pub async fn begin_rotation(
    tx: &mut Tx<'_>,
    plan: &RotationPlan,
    cause: &str,
    floor: i64,
    now: Timestamp,
) -> Result<Rotation, StorageError> {
    // Of several at once, one goes first.
    tx.query("SELECT singleton FROM store_identity FOR UPDATE", &[]).await?;
    let last = tx.query(LAST, &[]).await?.first().map(rotation).transpose()?;
    let floor = match last {
        Some(under_way) if under_way.finished.is_none() => return Ok(under_way),
        Some(done) => done.number.max(floor),
        None => floor,
    };
    let rotation = Rotation {
        number: floor.saturating_add(1),
        plan: plan.clone(),
        cause: cause.to_owned(),
        created: now,
        worker: String::new(),
        beat: 0,
        progress: RotationProgress::default(),
        finished: None,
    };
    insert(tx, &rotation);
    Ok(rotation)
}

fn insert(tx: &mut Tx<'_>, Rotation { number, plan, cause, created, progress, .. }: &Rotation) {
    let RotationPlan { master, tenants, fresh, keep, .. } = *plan;
    tx.defer(
        "INSERT INTO rotation (number, master, tenants, fresh, keep, app, account, older_than, \
         used_beyond, cause, created, worker, beat, phase, walk, seal, part, slot, total, seen, \
         resealed, remaining, damaged, pace) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0, ?, 0, 0, 0, ?, 0, 0, 0, 0, 0, 0)",
        values![
            *number,
            i64::from(master),
            i64::from(tenants),
            i64::from(fresh),
            i64::from(keep),
            plan.app.as_deref(),
            plan.account.as_deref(),
            plan.older_than,
            plan.used_beyond,
            cause,
            *created,
            progress.phase.as_str(),
            progress.slot,
        ],
    );
}

/// Begins a rotation that no request asked for, unless one is under way.
pub struct BeginRotation {
    /// What it is to do.
    pub plan: RotationPlan,
    /// Why: `age` or `use`.
    pub cause: &'static str,
    /// Its number is above this.
    pub floor: i64,
    /// The time.
    pub now: Timestamp,
}

impl Work for BeginRotation {
    type Out = Rotation;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Rotation, StorageError> {
        begin_rotation(tx, &self.plan, self.cause, self.floor, self.now).await
    }
}

/// Makes a server the one that works on a rotation, unless another has done something about it
/// since it was at `beat`. Returns whether it is.
pub struct TakeRotation {
    /// Which rotation.
    pub number: i64,
    /// What was last seen of it.
    pub beat: i64,
    /// The server.
    pub worker: String,
}

impl Work for TakeRotation {
    type Out = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        let sql = "UPDATE rotation SET worker = ?, beat = beat + 1 WHERE number = ? AND beat = ? \
                   AND finished IS NULL";
        Ok(tx.execute(sql, &values![&self.worker, self.number, self.beat]).await? > 0)
    }
}

/// Writes down how far a rotation has come. Returns whether this server still is the one that works
/// on it.
pub struct RecordProgress {
    /// Which rotation.
    pub number: i64,
    /// The server.
    pub worker: String,
    /// How far it has come.
    pub progress: RotationProgress,
    /// When it ended, if it has.
    pub finished: Option<Timestamp>,
}

impl Work for RecordProgress {
    type Out = bool;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        let RotationProgress { phase, walk, seal, part, slot, .. } = self.progress;
        let RotationProgress { total, seen, resealed, remaining, damaged, pace, .. } =
            self.progress;
        let sql = "UPDATE rotation SET beat = beat + 1, phase = ?, walk = ?, seal = ?, part = ?, \
                   slot = ?, total = ?, seen = ?, resealed = ?, remaining = ?, damaged = ?, \
                   pace = ?, finished = ? WHERE number = ? AND worker = ? AND finished IS NULL";
        let params = values![
            phase.as_str(),
            walk,
            seal,
            part,
            slot,
            total,
            seen,
            resealed,
            remaining,
            damaged,
            pace,
            self.finished,
            self.number,
            &self.worker,
        ];
        Ok(tx.execute(sql, &params).await? > 0)
    }
}

/// Makes `version` the one under which a tenant's rows are written, unless a later one is.
pub(crate) struct RaiseSeal {
    pub(crate) tenant: coffer_base::Tenant,
    pub(crate) version: u32,
}

impl Work for RaiseSeal {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        super::raise_seal_version(tx, &self.tenant, self.version);
        Ok(())
    }
}

/// The transactions that are open in a part of a shared database, and those that are prepared.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn open_transactions(part: &Store) -> Result<Vec<String>, StorageError> {
    let sql = "SELECT virtualxid AS name FROM pg_locks WHERE locktype = 'virtualxid' \
               AND pid <> pg_backend_pid() \
               UNION ALL SELECT gid AS name FROM pg_prepared_xacts";
    let rows = part.query_part(sql, &[]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}
