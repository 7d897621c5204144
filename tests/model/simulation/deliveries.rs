//! What must hold of deliveries, whatever happened: each event that is there has arrived at each
//! endpoint that gets it, and none has arrived that is not there.

use super::life::Life;
use super::money::all;
use super::receivers::{Arrived, CONNECT, OWN};
use super::report::Report;
use crate::books::reference::DAY;
use std::collections::BTreeMap;

/// Days for which an event is surely there: it is pruned after 30, by a clock that may have been
/// ahead since.
const SURE: i64 = 29 * DAY;

/// All deliveries of all lives, by path and event.
#[derive(Default)]
pub struct Deliveries {
    /// When the event was, and whether its receiver has confirmed it.
    arrived: BTreeMap<(String, String), (i64, bool)>,
    /// The latest time that a clock has shown.
    latest: i64,
}

impl Deliveries {
    pub fn note_time(&mut self, now: i64) {
        self.latest = self.latest.max(now);
    }

    pub fn note(&mut self, arrived: &Arrived, report: &mut Report) {
        let Arrived { path, event, created, confirmed } = arrived.clone();
        let known = self.arrived.entry((path, event));
        report.count(match known {
            std::collections::btree_map::Entry::Vacant(_) => "events that arrived",
            std::collections::btree_map::Entry::Occupied(_) => "events that arrived again",
        });
        known.or_insert((created, false)).1 |= confirmed;
    }

    /// Compares with what the server shows, after all that was due was sent.
    pub async fn compare(&self, life: &Life, key: &str, accounts: &[String]) -> Result<(), String> {
        let mut left = self.arrived.clone();
        let owners =
            std::iter::once((None, OWN)).chain(accounts.iter().map(|of| (Some(of), CONNECT)));
        for (account, path) in owners {
            for event in all(life, key, account, "/v1/events").await? {
                let id = event["id"].as_str().unwrap().to_owned();
                // Whose attempts have failed for days is told of to other endpoints, and apps were
                // installed before there was any endpoint.
                let kind = event["type"].as_str().unwrap();
                if ["coffer.", "apps.install."].iter().any(|of| kind.starts_with(of)) {
                    continue;
                }
                let Some((_, confirmed)) = left.remove(&(path.to_owned(), id.clone())) else {
                    return Err(format!("{id} never arrived at {path}"));
                };
                if event["pending_webhooks"] == 0 && !confirmed {
                    return Err(format!("{id} counts as delivered, and {path} has refused it"));
                }
            }
        }
        let strange = left.iter().find(|(_, (created, _))| *created > self.latest - SURE);
        match strange {
            Some((which, _)) => Err(format!("{which:?} has arrived, and is not there")),
            None => Ok(()),
        }
    }
}
