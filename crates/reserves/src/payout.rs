//! A payout: money on its way to the account's bank (reserves §10, §11 decision 18).

use crate::account::{Bucket, SourceType};
use crate::ledger::{Entry, Pool};
use crate::store::payout as store;
use crate::turn::Turn;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::Failure;
use coffer_storage::StorageError;

/// A payout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Payout {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) source_type: SourceType,
    /// Whether it was told as a fact, and not asked for.
    pub(crate) reported: bool,
    pub(crate) created: Timestamp,
    pub(crate) status: Status,
}

/// What became of a payout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// It is on its way.
    InTransit,
    /// It arrived.
    Paid,
    /// It did not arrive, and the money came back.
    Failed,
    /// It was stopped, and the money came back.
    Canceled,
}

impl Status {
    /// All of them, in the order of their codes.
    pub(crate) const ALL: [Self; 4] = [Self::InTransit, Self::Paid, Self::Failed, Self::Canceled];

    /// The word for it on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InTransit => "in_transit",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// How a stored row writes it.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::InTransit => 0,
            Self::Paid => 1,
            Self::Failed => 2,
            Self::Canceled => 3,
        }
    }

    /// The status that a stored row means.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if it means none.
    pub(crate) fn from_code(code: i64) -> Result<Self, StorageError> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.code() == code).ok_or_else(|| {
            StorageError::Corrupt(format!("there is no payout status {code}").into())
        })
    }

    /// Whether a payout of this status can become `next`. One that arrived can still be sent back
    /// by the bank.
    const fn can_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::InTransit, Self::Paid | Self::Failed | Self::Canceled)
                | (Self::Paid, Self::Failed)
        )
    }
}

impl Payout {
    const fn pool(&self) -> Pool {
        Pool { currency: self.currency, source_type: self.source_type }
    }

    /// The object on the wire.
    pub(crate) fn render(&self, livemode: bool) -> Object {
        Object::new(&self.id, "ledger.payout")
            .set("amount", self.amount)
            .set("created", self.created)
            .set("currency", self.currency.to_string())
            .set("livemode", livemode)
            .set("reported", self.reported)
            .set("source_type", self.source_type.as_str())
            .set("status", self.status.as_str())
    }
}

/// A payout that was told and took more than was available.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Breach {
    pub(crate) seq: i64,
    pub(crate) id: String,
    /// The id of the payout.
    pub(crate) payout: String,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) source_type: SourceType,
    /// What was available after it: less than nothing.
    pub(crate) available_after: i64,
    pub(crate) created: Timestamp,
}

impl Breach {
    /// The object on the wire.
    pub(crate) fn render(&self, livemode: bool) -> Object {
        Object::new(&self.id, "ledger.breach")
            .set("amount", self.amount)
            .set("available_after", self.available_after)
            .set("created", self.created)
            .set("currency", self.currency.to_string())
            .set("livemode", livemode)
            .set("payout", self.payout.clone())
            .set("source_type", self.source_type.as_str())
    }
}

/// Records a payout. One that is asked for is refused beyond what is available; one that is told
/// is recorded, and is a breach there.
///
/// # Errors
/// 400 `balance_insufficient`, and as [`Turn::post`].
pub(crate) async fn add(turn: &mut Turn<'_, '_>, payout: &Payout) -> Result<(), Failure> {
    let available = turn.balance(payout.pool()).await?.of(Bucket::PaymentsAvailable);
    let after = available.saturating_sub(payout.amount);
    if after < 0 && !payout.reported {
        return Err(insufficient(payout, available).into());
    }
    store::insert(turn.tx, turn.owner, payout);
    move_money(turn, payout, "payout", Bucket::PaymentsAvailable, Bucket::PayoutsInTransit).await?;
    if after < 0 {
        let breach = Breach {
            seq: turn.next_seq()?,
            id: turn.new_id("lbreach"),
            payout: payout.id.clone(),
            amount: payout.amount,
            currency: payout.currency,
            source_type: payout.source_type,
            available_after: after,
            created: turn.now(),
        };
        store::insert_breach(turn.tx, turn.owner, &breach);
    }
    Ok(())
}

fn insufficient(payout: &Payout, available: i64) -> ApiError {
    ApiError::invalid_param(
        "amount",
        format!(
            "The account has {available} {} of source type {} available, less than the {} of \
             this payout. What is pending or held back cannot be paid out. If the payout has \
             taken place already, send reported=true.",
            payout.currency,
            payout.source_type.as_str(),
            payout.amount
        ),
    )
    .with_code("balance_insufficient")
}

/// Records what became of a payout; nothing if that is known already.
///
/// # Errors
/// 400 if it cannot be after what it is, and as [`Turn::post`].
pub(crate) async fn become_status(
    turn: &mut Turn<'_, '_>,
    payout: &mut Payout,
    next: Status,
) -> Result<(), Failure> {
    if payout.status == next {
        return Ok(());
    }
    if !payout.status.can_become(next) {
        let message = format!(
            "The payout '{}' is {} and cannot become {}.",
            payout.id,
            payout.status.as_str(),
            next.as_str()
        );
        return Err(ApiError::invalid_param("status", message).into());
    }
    let from = match payout.status {
        Status::Paid => Bucket::Clearing,
        _ => Bucket::PayoutsInTransit,
    };
    match next {
        Status::Failed => {
            move_money(turn, payout, "payout_failure", from, Bucket::PaymentsAvailable).await?;
        }
        Status::Canceled => {
            move_money(turn, payout, "payout_cancel", from, Bucket::PaymentsAvailable).await?;
        }
        Status::Paid | Status::InTransit => {
            move_money(turn, payout, "payout_paid", from, Bucket::Clearing).await?;
        }
    }
    payout.status = next;
    store::set_status(turn.tx, turn.owner, payout);
    Ok(())
}

async fn move_money(
    turn: &mut Turn<'_, '_>,
    payout: &Payout,
    kind: &'static str,
    from: Bucket,
    to: Bucket,
) -> Result<(), Failure> {
    let entry = Entry {
        kind,
        source: &payout.id,
        created: turn.now(),
        available_on: turn.now(),
        application_fee: 0,
        postings: &[payout.pool().posting(from, to, payout.amount)],
    };
    turn.post(&entry).await
}
