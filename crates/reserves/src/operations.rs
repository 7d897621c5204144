//! The operations of the family, one file for each kind of objects.

pub(crate) mod balance;
pub(crate) mod balance_transactions;
pub(crate) mod breaches;
mod charges;
mod disputes;
mod examples;
pub(crate) mod fact;
pub(crate) mod holds;
mod payouts;
pub(crate) mod plans;
mod refunds;
pub(crate) mod releases;

use crate::account::SourceType;
use coffer_base::{Timestamp, limit};
use coffer_dialect::{ApiError, Fields};
use coffer_kernel::{Ctx, Failure};
use std::fmt::Display;

/// The permissions (reserves §7, §13). A `_write` includes its `_read`.
pub(crate) const LEDGER_READ: &str = "ledger_read";
pub(crate) const LEDGER_WRITE: &str = "ledger_write";
pub(crate) const BALANCE_READ: &str = "balance_read";
pub(crate) const RESERVE_HOLD_READ: &str = "reserve_hold_read";
pub(crate) const RESERVE_HOLD_WRITE: &str = "reserve_hold_write";
pub(crate) const RESERVE_PLAN_READ: &str = "reserve_plan_read";
pub(crate) const RESERVE_PLAN_WRITE: &str = "reserve_plan_write";
pub(crate) const RESERVE_RELEASE_READ: &str = "reserve_release_read";
pub(crate) const RESERVE_RELEASE_WRITE: &str = "reserve_release_write";

/// An id that the processor gave: 1 to [`limit::PROCESSOR_ID_CHARACTERS`] of the characters that
/// stand for themselves in a URL, where ids are written too.
pub(crate) fn processor_id(fields: &Fields<'_>, name: &str) -> Result<String, ApiError> {
    let id = fields.required_plain(name, limit::PROCESSOR_ID_CHARACTERS)?;
    check_id(fields, name, &id)?;
    Ok(id)
}

/// The same where nothing may be sent.
pub(crate) fn optional_processor_id(
    fields: &Fields<'_>,
    name: &str,
) -> Result<Option<String>, ApiError> {
    let id = fields.optional_plain(name, limit::PROCESSOR_ID_CHARACTERS)?;
    if let Some(id) = &id {
        check_id(fields, name, id)?;
    }
    Ok(id)
}

fn check_id(fields: &Fields<'_>, name: &str, id: &str) -> Result<(), ApiError> {
    if id.chars().all(|sign| sign.is_ascii_alphanumeric() || "-._~".contains(sign)) {
        return Ok(());
    }
    Err(ApiError::invalid_param(
        fields.path(name),
        format!(
            "Invalid {name}: ids are made of the letters A to Z and a to z, of digits, and of \
             '-', '.', '_' and '~'."
        ),
    ))
}

/// The pool that money came from; cards if nothing is sent.
pub(crate) fn source_type(fields: &Fields<'_>) -> Result<Option<SourceType>, ApiError> {
    fields.optional_choice("source_type", &SourceType::CHOICES)
}

/// A time in Unix seconds, where nothing may be sent.
pub(crate) fn optional_time(
    fields: &Fields<'_>,
    name: &str,
) -> Result<Option<Timestamp>, ApiError> {
    let seconds = fields.optional_integer_within(name, 0..=limit::CLOCK_CEILING)?;
    Ok(seconds.map(Timestamp::from_unix))
}

/// When something happened that is told now: not in the future, save for clocks that differ.
pub(crate) fn check_created(created: Option<Timestamp>, ctx: &Ctx) -> Result<(), ApiError> {
    let now = ctx.now();
    match created {
        Some(created) if created > now.plus(limit::CLOCK_SKEW_SECONDS) => {
            Err(ApiError::invalid_param(
                "created",
                format!(
                    "'created' lies in the future: it is {created}, and now is {now}, both in \
                         Unix seconds."
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// Checks a figure that was told again: what was not sent is not compared.
pub(crate) fn same<T: PartialEq + Display>(
    id: &str,
    param: &'static str,
    known: &T,
    sent: Option<&T>,
) -> Result<(), Failure> {
    match sent {
        Some(sent) if sent != known => Err(ApiError::invalid_param(
            param,
            format!(
                "'{id}' was told before with another {param}: {known}, not {sent}. What the \
                 processor told stays as it is; tell what follows from it as a new object."
            ),
        )
        .into()),
        _ => Ok(()),
    }
}
