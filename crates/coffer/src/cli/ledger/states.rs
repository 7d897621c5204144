//! What has no money in it: how disputes ended, which payouts arrived, what payouts carried.

use super::feed::Feed;
use super::stripe::DAY;
use super::tell::Outcome;
use crate::cli::client::object_path;
use crate::cli::exit::{Exit, Failure};
use serde_json::Value;
use std::ops::ControlFlow;

/// Events that say something of that.
const EVENTS: [&str; 4] = [
    "charge.dispute.updated",
    "charge.dispute.closed",
    "payout.paid",
    "payout.reconciliation_completed",
];

/// Seconds before the last event that are looked at again.
const AGAIN: i64 = 3_600;

/// Stripe keeps events so long, in seconds.
const EVENTS_KEPT: i64 = 30 * DAY;

/// Disputes that were made within so many seconds can still change.
const DISPUTES: i64 = 180 * DAY;

/// Payouts that were made within so many seconds.
const PAYOUTS: i64 = 40 * DAY;

/// Most transactions of a payout that are told with it at once.
const CARRIED: usize = 100_000;

impl Feed<'_> {
    /// Tells what events say, the oldest first.
    pub(super) fn follow_events(&mut self) -> Result<(), Failure> {
        let now = self.stripe.time(self.account.as_deref())?;
        let from = self.mark.events.saturating_sub(AGAIN);
        let from = from.max(now.saturating_sub(EVENTS_KEPT)).max(self.mark.from).to_string();
        let mut params = vec![("created[gte]", from.as_str())];
        params.extend(EVENTS.iter().map(|kind| ("types[]", *kind)));
        let mut events = Vec::new();
        self.stripe.pages(self.account.as_deref(), "/v1/events", &params, |page| {
            events.extend(page);
            Ok(ControlFlow::Continue(()))
        })?;
        events.reverse();
        for event in &events {
            let created = event.get("created").and_then(Value::as_i64).unwrap_or_default();
            if let Some(object) = event.get("data").and_then(|data| data.get("object")) {
                self.tell_event(text(event, "type"), object, created)?;
            }
            self.mark.events = self.mark.events.max(created);
        }
        self.keep()
    }

    /// Tells how the disputes and payouts of the last time stand, for events that never came.
    pub(super) fn look_at_states(&mut self, now: i64) -> Result<(), Failure> {
        for (path, age, kind) in [
            ("/v1/disputes", DISPUTES, "charge.dispute.closed"),
            ("/v1/payouts", PAYOUTS, "payout.paid"),
        ] {
            let from = now.saturating_sub(age).max(self.mark.from).to_string();
            let mut objects = Vec::new();
            let params = [("created[gte]", from.as_str())];
            self.stripe.pages(self.account.as_deref(), path, &params, |page| {
                objects.extend(page);
                Ok(ControlFlow::Continue(()))
            })?;
            for object in objects.iter().rev() {
                self.tell_state(kind, object, None)?;
                if text(object, "reconciliation_status") == "completed" {
                    self.tell_carried(text(object, "id"))?;
                }
            }
        }
        Ok(())
    }

    fn tell_event(&mut self, kind: &str, object: &Value, created: i64) -> Result<(), Failure> {
        if kind != "payout.paid" {
            return self.tell_state(kind, object, Some(created));
        }
        // It may have failed since, and its money be back: how it stands now is what counts.
        let path = object_path("/v1/payouts", text(object, "id"));
        match self.stripe.get(self.account.as_deref(), &path, &[]) {
            Ok(payout) => self.tell_state(kind, &payout, None),
            Err(failure) if failure.exit == Exit::NotFound => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    fn tell_state(
        &mut self,
        kind: &str,
        object: &Value,
        created: Option<i64>,
    ) -> Result<(), Failure> {
        let id = text(object, "id");
        if kind == "payout.reconciliation_completed" {
            return self.tell_carried(id);
        }
        let is_payout = kind == "payout.paid";
        let Some(status) = (if is_payout { of_payout(object) } else { of_dispute(object) }) else {
            return Ok(());
        };
        let created = created.map(|created| created.to_string());
        let mut params = vec![("status", status)];
        params.extend(created.as_deref().map(|time| ("created", time)));
        let (collection, object) =
            if is_payout { ("payouts", "ledger.payout") } else { ("disputes", "ledger.dispute") };
        // One that the ledger does not know has no transaction yet; a later look tells it.
        match self.teller.state(collection, id, &params, object) {
            // A word that does not fit is no reason to leave the others out.
            Err(failure) if failure.exit == Exit::Failed => {
                let refusals = vec![(id.to_owned(), failure.message)];
                self.note(Outcome { refused: 1, refusals, ..Outcome::default() });
                Ok(())
            }
            told => told.map(drop),
        }
    }

    /// Tells which transactions an automatic payout carried, once.
    fn tell_carried(&mut self, payout: &str) -> Result<(), Failure> {
        if self.mark.payouts.iter().any(|told| told == payout) {
            return Ok(());
        }
        let params = [("payout", payout), ("expand[]", "data.source")];
        let Some(mut records) = self.list_where(&params, CARRIED)? else { return Ok(()) };
        records.retain(|record| record.created >= self.mark.from);
        for record in &mut records {
            record.payout = Some(payout.to_owned());
        }
        super::record::sort(&mut records);
        let told = self.teller.records(&records)?;
        self.note(told);
        self.mark.has_told(payout);
        self.keep()
    }
}

/// What a ledger calls the state of a dispute. One that is open from its beginning needs no word,
/// and an inquiry has no money.
fn of_dispute(dispute: &Value) -> Option<&'static str> {
    match text(dispute, "status") {
        "won" => Some("won"),
        "lost" => Some("lost"),
        "appeal_needs_response" | "appeal_under_review" => Some("open"),
        _ => None,
    }
}

/// A payout that failed or was canceled is told by the transaction that brings its money back.
fn of_payout(payout: &Value) -> Option<&'static str> {
    (text(payout, "status") == "paid").then_some("paid")
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_inquiry_has_no_state() {
        let of = |status: &str| of_dispute(&json!({ "status": status }));
        assert_eq!(of("won"), Some("won"));
        assert_eq!(of("appeal_under_review"), Some("open"));
        assert_eq!(of("warning_closed"), None);
        assert_eq!(of("needs_response"), None);
        assert_eq!(of_payout(&json!({ "status": "failed" })), None);
    }
}
