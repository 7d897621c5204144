//! Which keys are due to be rotated by themselves: those that are old, and those that have sealed
//! much.

use super::{ROTATION_AGE_DAYS, ROTATION_KEEPS, ROTATION_USES};
use crate::jobs::JobContext;
use crate::limits;
use crate::setting::Settings;
use coffer_base::clock::DAY_SECONDS;
use coffer_keyring::{BeginRotation, KeyringError, RotationPlan, highest_rotation, newest_keys};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Looks for such keys now and then, and writes down how much keys have sealed.
pub(super) struct DueKeys {
    /// 0 for never.
    days: i64,
    uses: i64,
    keeps: bool,
    /// The monotonic times of the last look, and of the last time that uses were written down.
    last: Mutex<(Option<Duration>, Option<Duration>)>,
}

impl DueKeys {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            days: settings.number(&ROTATION_AGE_DAYS),
            uses: settings.number(&ROTATION_USES),
            keeps: settings.is_on(&ROTATION_KEEPS),
            last: Mutex::default(),
        }
    }

    /// Which of both is to be done at `now`: to write uses down, to look.
    fn turns(&self, now: Duration) -> (bool, bool) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (looked, recorded) = &mut *last;
        let is_due = |last: &mut Option<Duration>, seconds| {
            let is_due =
                last.is_none_or(|last| now.saturating_sub(last) >= Duration::from_secs(seconds));
            if is_due {
                *last = Some(now);
            }
            is_due
        };
        let records = is_due(recorded, limits::USES_EVERY_SECONDS);
        (records, is_due(looked, limits::ROTATION_LOOK_SECONDS))
    }

    /// Does what is to be done; answers how many rotations it has begun.
    pub(super) async fn look(
        &self,
        context: &JobContext,
        now: Duration,
    ) -> Result<u64, KeyringError> {
        let (records, looks) = self.turns(now);
        if records {
            context.keyring.record_uses().await?;
        }
        if !looks {
            return Ok(0);
        }
        let Some(times) = context.due_times().await? else { return Ok(0) };
        let old = times.proven.plus(self.days.saturating_mul(-DAY_SECONDS));
        let old = (self.days > 0).then_some(old);
        let plan = RotationPlan {
            master: match old {
                Some(old) => context.keyring.master_created().await? <= old,
                None => false,
            },
            tenants: true,
            fresh: true,
            keep: self.keeps,
            older_than: old,
            used_beyond: Some(self.uses),
            ..RotationPlan::default()
        };
        let (by_age, by_use) = find(context, &plan).await?;
        if !by_age && !by_use && !plan.master {
            return Ok(0);
        }
        let floor = highest_rotation(context.keyring.store()).await?;
        let cause = if by_use { "use" } else { "age" };
        let rotation =
            context.store.write(BeginRotation { plan, cause, floor, now: times.now }).await?;
        tracing::info!(number = rotation.number, cause, "a rotation of keys has begun");
        Ok(1)
    }
}

/// Whether there are sealing keys that are old, and such that have sealed much.
async fn find(context: &JobContext, plan: &RotationPlan) -> Result<(bool, bool), KeyringError> {
    let by_age = RotationPlan { used_beyond: None, ..plan.clone() };
    let by_use = RotationPlan { older_than: None, ..plan.clone() };
    let (mut old, mut used, mut after) = (false, false, None);
    loop {
        let page = newest_keys(context.keyring.store(), after.as_ref()).await?;
        let Some(last) = page.last() else { return Ok((old, used)) };
        after = Some(last.tenant.clone());
        for key in &page {
            let covers = |plan: &RotationPlan| plan.covers(&key.tenant, key.created, key.uses);
            old |= plan.older_than.is_some() && covers(&by_age);
            used |= covers(&by_use);
        }
        if used {
            return Ok((old, used));
        }
    }
}
