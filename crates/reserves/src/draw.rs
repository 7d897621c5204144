//! What refunds and disputes take of the money that was held back of their charge (reserves §6).

use crate::account::Bucket;
use crate::charge::Charge;
use crate::release::{Because, Part, Reason, Source, release};
use crate::store::hold as store;
use crate::turn::Turn;
use crate::{DrawRule, Settings};
use coffer_kernel::Failure;
use coffer_storage::StorageError;

/// Gives back, of what is held of `charge`, what a refund or a dispute of `amount` takes first: a
/// release for each hold, in the order of their plans (reserves §11, decisions 21 to 23). It
/// stands where the charge's money stands then. Answers how much it was.
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn draw(
    turn: &mut Turn<'_, '_>,
    charge: &Charge,
    amount: i64,
    source: Source,
    settings: &Settings,
) -> Result<i64, Failure> {
    let mut wanted = match settings.draw {
        DrawRule::First => amount,
        DrawRule::OnlyIfNeeded => amount.saturating_sub(own_money(turn, charge).await?).max(0),
    };
    let mut drawn = 0i64;
    if wanted == 0 {
        return Ok(drawn);
    }
    for hold in store::of_charge(turn.tx, turn.owner, &charge.id).await? {
        let amount = hold.remaining().min(wanted);
        if amount <= 0 {
            continue;
        }
        wanted = wanted.saturating_sub(amount);
        drawn = drawn.saturating_add(amount);
        let because = Because { source: Some(source.clone()), ..Because::of(Reason::HoldReversed) };
        release(turn, &[Part { hold, amount }], because).await?;
    }
    Ok(drawn)
}

/// What the account has to pay with, none of it held back: what the charge left pending, and what
/// is available.
async fn own_money(turn: &mut Turn<'_, '_>, charge: &Charge) -> Result<i64, Failure> {
    let available = turn.balance(charge.pool()).await?.of(Bucket::PaymentsAvailable).max(0);
    if charge.settled {
        return Ok(available);
    }
    let held = held_pending(turn, &charge.id).await?;
    Ok(available.saturating_add(charge.pending.saturating_sub(held).max(0)))
}

/// What is held of a charge's pending money.
///
/// # Errors
/// [`StorageError`] of the engine.
pub(crate) async fn held_pending(
    turn: &mut Turn<'_, '_>,
    charge: &str,
) -> Result<i64, StorageError> {
    store::pending_of_charge(turn.tx, turn.owner, charge).await
}

/// Lets a charge's holds become available with it, and answers how much that is.
///
/// # Errors
/// [`StorageError`] of the engine.
pub(crate) async fn settle_holds(
    turn: &mut Turn<'_, '_>,
    charge: &str,
) -> Result<i64, StorageError> {
    let held = held_pending(turn, charge).await?;
    store::settle_charge(turn.tx, turn.owner, charge);
    Ok(held)
}
