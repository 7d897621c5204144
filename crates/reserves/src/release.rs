//! Releases: money that is held no longer (reserves §5).
//!
//! Whatever gives money back does it here: callers, dates, refunds, disputes, and plans that are
//! disabled.

use crate::account::Bucket;
use crate::hold::Hold;
use crate::ledger::{Entry, Pool, Posting};
use crate::money::sum;
use crate::store::{hold as holds, release as store};
use crate::turn::Turn;
use crate::wire::{self, Detail};
use coffer_base::{Currency, Timestamp};
use coffer_dialect::{Metadata, Object};
use coffer_kernel::Failure;
use coffer_storage::StorageError;

/// A release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Release {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) reason: Reason,
    /// The id of the hold, if it was one (reserves §11, decision 10).
    pub(crate) hold: Option<String>,
    /// The id of the plan whose end or date it was.
    pub(crate) plan: Option<String>,
    /// The refund or the dispute that took the money.
    pub(crate) source: Option<Source>,
    pub(crate) metadata: Metadata,
}

/// Why money was given back (reserves §5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    /// A caller asked for it.
    HoldReleasedEarly,
    /// Its date came.
    HoldExpired,
    /// A refund or a dispute took it.
    HoldReversed,
    /// Its plan was disabled.
    PlanDisabled,
}

impl Reason {
    const ALL: [Self; 4] =
        [Self::HoldReleasedEarly, Self::HoldExpired, Self::HoldReversed, Self::PlanDisabled];

    /// The word for it, in rows and in the newest version.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::HoldReleasedEarly => "hold_released_early",
            Self::HoldExpired => "hold_expired",
            Self::HoldReversed => "hold_reversed",
            Self::PlanDisabled => "plan_disabled",
        }
    }

    /// The reason that a row means.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if it means none.
    pub(crate) fn from_row(word: &str) -> Result<Self, StorageError> {
        let mut all = Self::ALL.into_iter();
        all.find(|reason| reason.as_str() == word)
            .ok_or_else(|| StorageError::Corrupt("a release has no reason of ours".into()))
    }

    /// Whether a caller did it, and not the program.
    pub(crate) const fn is_by_caller(self) -> bool {
        matches!(self, Self::HoldReleasedEarly)
    }
}

/// What took money that was held back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// The refund with this id.
    Refund(String),
    /// The dispute with this id.
    Dispute(String),
}

impl Source {
    /// The word for it, in rows and on the wire.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Refund(_) => "refund",
            Self::Dispute(_) => "dispute",
        }
    }

    /// The id of the refund or the dispute.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Refund(id) | Self::Dispute(id) => id,
        }
    }
}

/// How much of which hold is given back: more than 0, and no more than it has left.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) hold: Hold,
    pub(crate) amount: i64,
}

impl Part {
    /// All that a hold has left.
    pub(crate) const fn rest(hold: Hold) -> Self {
        let amount = hold.remaining();
        Self { hold, amount }
    }
}

/// Why a release is made, and what it says besides.
#[derive(Clone, Debug)]
pub(crate) struct Because {
    pub(crate) reason: Reason,
    /// The id of the plan whose end or date it is.
    pub(crate) plan: Option<String>,
    pub(crate) source: Option<Source>,
    pub(crate) metadata: Metadata,
}

impl Because {
    /// A reason that needs no more words.
    pub(crate) fn of(reason: Reason) -> Self {
        Self { reason, plan: None, source: None, metadata: Metadata::default() }
    }
}

/// Gives money back: one release for all parts, which are of one currency and at least one. Its
/// postings, the holds and the events go with it.
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn release(
    turn: &mut Turn<'_, '_>,
    parts: &[Part],
    because: Because,
) -> Result<Release, Failure> {
    let Some(first) = parts.first() else {
        return Err(StorageError::Internal("a release of nothing".into()).into());
    };
    let mut amount = 0;
    for part in parts {
        amount = sum(amount, part.amount)?;
    }
    let release = Release {
        seq: turn.next_seq()?,
        id: turn.new_id("resrel"),
        created: turn.now(),
        amount,
        currency: first.hold.pool.currency,
        reason: because.reason,
        hold: (parts.len() == 1).then(|| first.hold.id.clone()),
        plan: because.plan,
        source: because.source,
        metadata: because.metadata,
    };
    store::insert(turn.tx, turn.owner, &release);
    let postings = postings(parts)?;
    let pending = parts.iter().filter(|part| part.hold.pending);
    let available_on = pending.map(|part| part.hold.available_on).max();
    let entry = Entry {
        kind: "reserve_release",
        source: &release.id,
        created: turn.now(),
        available_on: available_on.unwrap_or(turn.now()),
        application_fee: 0,
        postings: &postings,
    };
    turn.post(&entry).await?;
    let object = wire::release_in_event(&release, turn.owner);
    turn.tell("reserve.release.created", object, None).await?;
    for part in parts {
        take_from_hold(turn, part, &release).await?;
    }
    Ok(release)
}

/// What moves: for each pool, from where its holds stand to where it may go.
fn postings(parts: &[Part]) -> Result<Vec<Posting>, Failure> {
    let mut moved: Vec<(Pool, bool, i64)> = Vec::new();
    for part in parts {
        let (pool, pending) = (part.hold.pool, part.hold.pending);
        match moved.iter_mut().find(|(of, waits, _)| *of == pool && *waits == pending) {
            Some((_, _, amount)) => *amount = sum(*amount, part.amount)?,
            None => moved.push((pool, pending, part.amount)),
        }
    }
    let posting = |(pool, pending, amount): (Pool, bool, i64)| {
        pool.posting(Bucket::reserved(pending), Bucket::payments(pending), amount)
    };
    Ok(moved.into_iter().map(posting).collect())
}

/// Writes down what a hold gave, and tells it.
async fn take_from_hold(
    turn: &mut Turn<'_, '_>,
    part: &Part,
    release: &Release,
) -> Result<(), Failure> {
    let before = &part.hold;
    let mut after = before.clone();
    after.released = sum(before.released, part.amount)?;
    let told = if before.released == 0 {
        Vec::new()
    } else {
        store::details(turn.tx, turn.owner, before.seq).await?
    };
    store::insert_part(turn.tx, turn.owner, before.seq, release.seq, part.amount);
    holds::set_released(turn.tx, turn.owner, before.seq, after.released);
    let new = Detail { amount: part.amount, release: release.id.clone() };
    let details: Vec<Detail> = std::iter::once(new).chain(told.iter().cloned()).collect();
    let object = wire::hold_in_event(&after, &details, turn.owner);
    let mut previous = Object::bare()
        .set("amount_releasable", before.remaining())
        .set("release_details", wire::details(&told));
    if before.is_releasable() != after.is_releasable() {
        previous = previous.set("is_releasable", before.is_releasable());
    }
    turn.tell("reserve.hold.updated", object, Some(previous)).await?;
    Ok(())
}
