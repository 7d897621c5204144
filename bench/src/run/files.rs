//! Finds and sets on a store in files, beside everything that they are compared with.

use super::rivals::Rivals;
use super::written::Written;
use super::{BUSIEST, CONNECTIONS, Run};
use crate::args::Result;
use crate::coffer::Coffer;
use crate::goal::Bound;
use crate::slice::Figure;
use crate::unit::frozen;

/// What a find is to reach of bare axum's rate, and at how many connections: those at which the
/// processors are busy.
const FIND: f64 = 0.60;
const FIND_AT: [u64; 2] = [16, BUSIEST];

/// How many times as long as axum's the slowest hundredth of finds may take.
const FIND_P99: f64 = 2.0;

/// What a set is to reach of either loop's rate.
const SET: f64 = 0.60;

/// How many times as long as a group of the loop the slowest hundredth of sets may take.
const SET_P99: f64 = 4.0;

/// What a set is to reach of Redis's rate, by connections.
const SET_OF_REDIS: [(u64, f64); 2] = [(16, 0.60), (BUSIEST, 0.35)];

/// Redis as the lines name it.
const REDIS: &str = "Redis, appendfsync always";

impl Run {
    pub(super) fn finds(&mut self, rivals: &Rivals<'_>, coffer: &Coffer) -> Result<()> {
        for connections in CONNECTIONS {
            let (mut ours, mut bare) = (Vec::new(), Vec::new());
            let (mut redis, mut prepared) = (Vec::new(), Vec::new());
            for _ in 0..self.settings.rounds {
                bare.push(self.find(Some(&rivals.axum), coffer, connections)?);
                ours.push(self.find(None, coffer, connections)?);
                if let Some(rival) = &rivals.redis {
                    redis.push(self.quiet(|run| run.redis_get(rival, connections))?);
                }
                if let Some((cluster, baseline)) = &rivals.prepared {
                    prepared.push(self.quiet(|run| run.pgbench(cluster, baseline, connections))?);
                }
            }
            let (ours, bare) = (Figure::of(&ours), Figure::of(&bare));
            let least = FIND_AT.contains(&connections).then_some(FIND);
            if connections == BUSIEST {
                self.p99("find: bare axum", connections, &ours, &bare, FIND_P99);
            }
            self.line("find: bare axum", connections, ours.clone(), bare, least);
            let others = [(format!("find: {REDIS}"), redis), (PREPARED.to_owned(), prepared)];
            for (what, slices) in others.iter().filter(|(_, slices)| !slices.is_empty()) {
                self.line(what, connections, ours.clone(), Figure::of(slices), None);
            }
        }
        Ok(())
    }

    /// Sets with idempotency keys, beside the loop with the rows that they write, the loop with the
    /// secret's row alone, and Redis.
    pub(super) fn sets(
        &mut self,
        rivals: &mut Rivals<'_>,
        coffer: &mut Coffer,
        written: &Written,
    ) -> Result<()> {
        let alone = self.frozen("secret-alone", frozen::SECRET)?;
        let (before, first) = (written.counts(coffer)?, coffer.stored);
        for connections in CONNECTIONS {
            let (mut ours, mut same, mut single) = (Vec::new(), Vec::new(), Vec::new());
            let (mut redis, mut groups) = (Vec::new(), Vec::new());
            for _ in 0..self.settings.rounds {
                let (slice, writer) = self.set(coffer, connections, true)?;
                same.push(self.rows_loop(coffer, &written.unit, &slice, writer)?);
                single.push(self.rows_loop(coffer, &alone, &slice, writer)?);
                if let Some(rival) = &mut rivals.redis {
                    redis.push(self.redis_set(rival, connections)?);
                }
                groups.push(writer.group());
                ours.push(slice);
            }
            self.group_note("set", connections, groups, &ours);
            let (ours, same) = (Figure::of(&ours), Figure::of(&same));
            if connections == BUSIEST {
                self.p99("set: loop, same rows", connections, &ours, &same, SET_P99);
            }
            self.line("set: loop, same rows", connections, ours.clone(), same, Some(SET));
            let single = Figure::of(&single);
            self.line("set: loop, secret alone", connections, ours.clone(), single, Some(SET));
            let redis = (!redis.is_empty()).then(|| Figure::of(&redis));
            self.beside_redis(connections, ours, redis);
        }
        let sets = coffer.stored - first;
        self.verify_growth(coffer, written, &before, sets, "sets")
    }

    fn beside_redis(&mut self, connections: u64, ours: Figure, redis: Option<Figure>) {
        let what = format!("set: {REDIS}");
        let least = SET_OF_REDIS.iter().find(|(at, _)| *at == connections).map(|(_, least)| *least);
        match (redis, least) {
            (Some(redis), least) => self.line(&what, connections, ours, redis, least),
            (None, Some(least)) => {
                let what = super::in_words(&what, connections);
                self.goal(&what, None, Bound::AtLeast(least));
            }
            (None, None) => {}
        }
    }

    /// Sets without idempotency keys, beside the loop with the rows that they write.
    pub(super) fn sets_without_key(
        &mut self,
        coffer: &mut Coffer,
        written: &Written,
    ) -> Result<()> {
        let (before, first) = (written.counts(coffer)?, coffer.stored);
        let (mut ours, mut same, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.settings.rounds {
            let (slice, writer) = self.set(coffer, BUSIEST, false)?;
            same.push(self.rows_loop(coffer, &written.unit, &slice, writer)?);
            groups.push(writer.group());
            ours.push(slice);
        }
        self.group_note("set without a key", BUSIEST, groups, &ours);
        let (ours, same) = (Figure::of(&ours), Figure::of(&same));
        self.line("set without a key: loop, same rows", BUSIEST, ours, same, None);
        let sets = coffer.stored - first;
        self.verify_growth(coffer, written, &before, sets, "sets without a key")
    }
}

/// PostgreSQL as the lines name it where a find is its only statement.
pub(super) const PREPARED: &str = "find: PostgreSQL, prepared statement";
