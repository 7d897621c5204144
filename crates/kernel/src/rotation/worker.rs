//! One server's work on a rotation: from wherever it is to its end, or until it is cut.

use super::pace::Pace;
use crate::jobs::JobContext;
use crate::limits;
use crate::sealed::{ReplaceSealed, SealedRow, SealedTable, SlotRange};
use coffer_base::{Clock, Slots, Tenant};
use coffer_keyring::{
    KeyringError, NewestKey, Phase, RecordProgress, Rotation, RotationProgress, TenantKeys,
    newest_keys, open_transactions,
};
use coffer_storage::{StorageError, Store};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The work. Its steps stand in [`Phase`], in their order.
pub(super) struct Worker<'a> {
    context: &'a JobContext,
    tables: &'a [SealedTable],
    name: &'a str,
    rotation: Rotation,
    pace: Pace,
    clock: &'a dyn Clock,
    recorded: Instant,
    /// The keys of the tenant whose rows were looked at last; rows of one follow each other.
    keys: Option<(Tenant, Option<Arc<TenantKeys>>)>,
}

/// Why the work ends before the rotation does.
enum Cut {
    /// Another server works on it.
    Lost,
    Failed(KeyringError),
}

impl From<KeyringError> for Cut {
    fn from(error: KeyringError) -> Self {
        Self::Failed(error)
    }
}

impl From<StorageError> for Cut {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.into())
    }
}

type Step<T> = Result<T, Cut>;

impl<'a> Worker<'a> {
    pub(super) fn new(
        context: &'a JobContext,
        tables: &'a [SealedTable],
        name: &'a str,
        rotation: Rotation,
        pace: Pace,
        clock: &'a dyn Clock,
    ) -> Self {
        Self { context, tables, name, rotation, pace, clock, recorded: Instant::now(), keys: None }
    }

    /// Goes on to the end. Returns how many records it has sealed anew.
    pub(super) async fn run(mut self) -> Result<u64, KeyringError> {
        let before = self.rotation.progress.resealed;
        let ended = self.steps().await;
        let resealed = self.rotation.progress.resealed.saturating_sub(before);
        match ended {
            Ok(()) | Err(Cut::Lost) => Ok(u64::try_from(resealed).unwrap_or_default()),
            Err(Cut::Failed(error)) => Err(error),
        }
    }

    async fn steps(&mut self) -> Step<()> {
        loop {
            let next = match self.rotation.progress.phase {
                Phase::Keys => {
                    self.make_keys().await?;
                    if self.rotation.plan.tenants { Phase::Settle } else { Phase::Destroy }
                }
                Phase::Settle => {
                    self.settle().await?;
                    Phase::Walk
                }
                Phase::Walk => {
                    self.walk_until_none_is_left().await?;
                    Phase::Destroy
                }
                Phase::Destroy => {
                    self.destroy().await?;
                    Phase::Done
                }
                Phase::Done => return Ok(()),
            };
            self.rotation.progress.phase = next;
            self.record().await?;
        }
    }

    /// Writes down how far the work has come.
    async fn record(&mut self) -> Step<()> {
        self.recorded = Instant::now();
        let now = self.clock.now();
        let RotationProgress { phase, .. } = self.rotation.progress;
        let finished = (phase == Phase::Done).then_some(now);
        let (number, worker) = (self.rotation.number, self.name.to_owned());
        let progress = RotationProgress { pace: self.pace.measured(), ..self.rotation.progress };
        let is_ours =
            self.context.store.write(RecordProgress { number, worker, progress, finished }).await?;
        if !is_ours {
            return Err(Cut::Lost);
        }
        if finished.is_some() {
            let RotationProgress { resealed, damaged, .. } = progress;
            tracing::info!(number, resealed, damaged, "a rotation of keys has ended");
        }
        Ok(())
    }

    /// Waits as long as the pace asks, and lets others see that the work goes on.
    async fn rest(&mut self, looked: i64, resealed: i64) -> Step<()> {
        let wait = self.pace.after(looked, resealed);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        if self.context.keyring.is_stopped() {
            return Err(KeyringError::Stopped.into());
        }
        if self.recorded.elapsed() >= Duration::from_secs(limits::ROTATION_BEAT_SECONDS) {
            self.record().await?;
        }
        Ok(())
    }

    async fn make_keys(&mut self) -> Step<()> {
        let keyring = &self.context.keyring;
        if self.rotation.plan.master {
            if self.rotation.plan.fresh {
                keyring.make_master(&self.rotation, self.clock.now()).await?;
            }
            self.rewrap().await?;
        }
        if !self.rotation.plan.tenants || !self.rotation.plan.fresh {
            return Ok(());
        }
        let mut after = None;
        loop {
            let page = newest_keys(keyring.store(), after.as_ref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.tenant.clone());
            let due = page.into_iter().filter(|key| self.is_to_be_replaced(key));
            for key in due.collect::<Vec<_>>() {
                keyring.make_next(&key, &self.rotation, self.clock.now()).await?;
                self.rest(0, 1).await?;
            }
        }
        let mut after = None;
        while let Some((keys, last)) = self.keys_made(after).await? {
            for key in keys {
                self.context.keyring.activate(&self.context.store, &key).await?;
                self.rest(0, 1).await?;
            }
            after = Some(last);
        }
        Ok(())
    }

    fn is_to_be_replaced(&self, key: &NewestKey) -> bool {
        key.rotation < self.rotation.number
            && self.rotation.plan.covers(&key.tenant, key.created, key.uses)
    }

    /// Wraps all tenants' keys under the newest master key.
    async fn rewrap(&mut self) -> Step<()> {
        let mut place = None;
        loop {
            let page = self.context.keyring.rewrap(place).await?;
            self.add_damaged(page.damaged);
            self.rest(0, i64::try_from(page.found).unwrap_or(i64::MAX)).await?;
            place = page.next;
            if place.is_none() {
                return Ok(());
            }
        }
    }

    fn add_damaged(&mut self, count: u64) {
        let damaged = &mut self.rotation.progress.damaged;
        *damaged = damaged.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// The next newest keys whose older versions the rotation is to make useless: those that it has
    /// made, or, if it makes none, all that it covers. Also answers the tenant behind which to go
    /// on; `None` at the end.
    async fn keys_made(&self, after: Option<Tenant>) -> Step<Option<(Vec<NewestKey>, Tenant)>> {
        let Rotation { number, plan, .. } = &self.rotation;
        let page = newest_keys(self.context.keyring.store(), after.as_ref()).await?;
        let Some(last) = page.last().map(|last| last.tenant.clone()) else { return Ok(None) };
        let is_made = |key: &NewestKey| match plan.fresh {
            true => key.rotation == *number,
            false => plan.covers(&key.tenant, key.created, key.uses),
        };
        Ok(Some((page.into_iter().filter(is_made).collect(), last)))
    }

    /// Waits until all transactions have ended that may have asked, before the new keys, which key
    /// seals. An embedded store runs one after the other, so there is none.
    async fn settle(&mut self) -> Step<()> {
        if !self.context.store.is_shared() {
            return Ok(());
        }
        let whole = self.context.store.clone();
        for part in std::iter::once(whole).chain(self.context.store.parts().await?) {
            // Twice, since what was open may be prepared meanwhile, under another name.
            for _ in 0..2 {
                let open = open_transactions(&part).await?;
                while is_any_in(&open_transactions(&part).await?, &open) {
                    let pause = Duration::from_millis(limits::SETTLE_MILLISECONDS);
                    tokio::time::sleep(pause).await;
                    self.rest(0, 0).await?;
                }
            }
        }
        Ok(())
    }

    /// Goes through all records again and again until it meets none that an old key has sealed.
    async fn walk_until_none_is_left(&mut self) -> Step<()> {
        let ranges = self.ranges().await?;
        if ranges != [SlotRange::ALL] {
            self.restart_walk();
        }
        self.rotation.progress.total = self.count(&ranges).await?;
        self.record().await?;
        loop {
            self.keys = None;
            for range in &ranges {
                self.walk(*range).await?;
            }
            if self.rotation.progress.remaining == 0 {
                return Ok(());
            }
            self.rotation.progress.walk = self.rotation.progress.walk.saturating_add(1);
            self.restart_walk();
            (self.rotation.progress.remaining, self.rotation.progress.damaged) = (0, 0);
            self.record().await?;
        }
    }

    /// Where the records are that the keys have sealed: of few tenants, one by one.
    async fn ranges(&self) -> Step<Vec<SlotRange>> {
        let (mut ranges, mut after) = (Vec::new(), None);
        while let Some((keys, last)) = self.keys_made(after).await? {
            ranges.extend(keys.iter().map(|key| range_of(&key.tenant)));
            if ranges.len() > limits::ROTATED_BY_RANGE {
                return Ok(vec![SlotRange::ALL]);
            }
            after = Some(last);
        }
        Ok(ranges)
    }

    /// The next walk begins at the first record.
    const fn restart_walk(&mut self) {
        let start =
            RotationProgress { seal: 0, part: 0, slot: i64::MIN, seen: 0, ..self.progress() };
        self.rotation.progress = start;
    }

    const fn progress(&self) -> RotationProgress {
        self.rotation.progress
    }

    async fn count(&self, ranges: &[SlotRange]) -> Step<i64> {
        let mut total = 0i64;
        for part in self.context.store.parts().await? {
            for table in self.tables {
                for range in ranges {
                    total = total.saturating_add(table.count(&part, *range).await?);
                }
            }
        }
        Ok(total)
    }

    /// Goes through the records in a range, from the place on that was written down if it is the
    /// range of all.
    async fn walk(&mut self, range: SlotRange) -> Step<()> {
        let parts = self.context.store.parts().await?;
        let from =
            if range == SlotRange::ALL { self.progress() } else { RotationProgress::default() };
        let place = |number: i64| usize::try_from(number).unwrap_or_default();
        for (at, table) in self.tables.iter().enumerate().skip(place(from.seal)) {
            let first = if at == place(from.seal) { place(from.part) } else { 0 };
            for (number, part) in parts.iter().enumerate().skip(first) {
                let is_cut = at == place(from.seal) && number == first;
                let slot = if is_cut { from.slot.max(range.first) } else { range.first };
                self.rotation.progress.seal = i64::try_from(at).unwrap_or_default();
                self.rotation.progress.part = i64::try_from(number).unwrap_or_default();
                self.rotation.progress.slot = slot;
                self.walk_part(part, table, SlotRange { first: slot, ..range }).await?;
            }
        }
        Ok(())
    }

    async fn walk_part(&mut self, part: &Store, table: &SealedTable, range: SlotRange) -> Step<()> {
        let mut place = range.start();
        loop {
            let rows = table.page(part, place, range.last, limits::ROTATED_AT_ONCE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            place = last.place()?;
            let slot = last.slot()?;
            let (looked, resealed) = self.reseal(part, table, &rows).await?;
            let progress = &mut self.rotation.progress;
            progress.slot = slot;
            progress.seen = progress.seen.saturating_add(looked);
            self.rest(looked, resealed).await?;
        }
    }

    /// Seals those rows anew that an old key has sealed. Answers how many rows there were, and how
    /// many of them it has sealed anew.
    async fn reseal(
        &mut self,
        part: &Store,
        table: &SealedTable,
        rows: &[SealedRow],
    ) -> Step<(i64, i64)> {
        let mut resealed = Vec::new();
        for row in rows {
            // Rows of a tenant that was erased wait for their deletion.
            let Some(keys) = self.keys_of(&row.tenant).await? else { continue };
            let outcome = match keys.is_current(row.sealed()?) {
                Ok(true) => continue,
                Ok(false) => table.resealed(&keys, row),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(params) => resealed.push(params),
                Err(KeyringError::Storage(error)) => return Err(error.into()),
                Err(error) => {
                    let app = row.tenant.app.as_str();
                    tracing::error!(%error, app, "a record cannot be opened, to be sealed anew");
                    self.add_damaged(1);
                }
            }
        }
        let count = i64::try_from(resealed.len()).unwrap_or(i64::MAX);
        if count > 0 {
            part.write(ReplaceSealed { replace: table.replace, rows: resealed }).await?;
        }
        let progress = &mut self.rotation.progress;
        progress.remaining = progress.remaining.saturating_add(count);
        progress.resealed = progress.resealed.saturating_add(count);
        Ok((i64::try_from(rows.len()).unwrap_or(i64::MAX), count))
    }

    /// A tenant's keys, read now or a page ago: no cache from before the new keys counts.
    async fn keys_of(&mut self, tenant: &Tenant) -> Step<Option<Arc<TenantKeys>>> {
        if let Some((of, keys)) = &self.keys
            && of == tenant
        {
            return Ok(keys.clone());
        }
        let keys = self.context.keyring.existing_now(tenant).await?;
        self.keys = Some((tenant.clone(), keys.clone()));
        Ok(keys)
    }

    /// Destroys the old keys, unless they are to stay, or a record could not be opened that one of
    /// them may have sealed.
    async fn destroy(&mut self) -> Step<()> {
        let Rotation { plan, progress, .. } = &self.rotation;
        if plan.keep || progress.damaged > 0 {
            return Ok(());
        }
        let (tenants, master) = (plan.tenants, plan.master);
        let mut after = None;
        while tenants && let Some((keys, last)) = self.keys_made(after.take()).await? {
            for key in keys {
                self.context.keyring.destroy_older(&key).await?;
                self.rest(0, 1).await?;
            }
            after = Some(last);
        }
        if master {
            self.destroy_masters().await?;
        }
        if let Err(error) = self.context.keyring.empty_log().await {
            tracing::info!(%error, "the key store's log still holds keys that were destroyed");
        }
        Ok(())
    }

    /// Destroys the old master keys. Another server may have made keys under them meanwhile, which
    /// are wrapped anew; a key that does not open keeps them.
    async fn destroy_masters(&mut self) -> Step<()> {
        for _ in 0..limits::DESTROY_ATTEMPTS {
            if self.context.keyring.destroy_masters().await? == 0 {
                return Ok(());
            }
            self.rewrap().await?;
        }
        tracing::error!("the old master key stays: it wraps a key that cannot be wrapped anew");
        Ok(())
    }
}

fn range_of(tenant: &Tenant) -> SlotRange {
    let slots = Slots::of_tenant(tenant);
    SlotRange { first: slots.first(), last: slots.last() }
}

fn is_any_in(now: &[String], before: &[String]) -> bool {
    now.iter().any(|one| before.contains(one))
}
