//! What traces cost: finds of a server without them, and of one that samples a hundredth of its
//! requests and sends them away.
//!
//! What is looked for is smaller than what a machine's rate drifts by within a minute. So each
//! slice with traces stands between two without, and is held against the mean of these.

use super::webhooks::Receiver;
use super::{Run, in_words};
use crate::args::Result;
use crate::coffer::Coffer;
use crate::goal::{self, Bound};
use crate::slice::{self, Slice};

/// Connections that find.
const CONNECTIONS: u64 = 16;

/// The share of requests that is sampled, as the variable has it.
const SAMPLED: &str = "0.01";

/// The least share of the measured requests that must have arrived as traces: otherwise it was
/// measured what traces cost that nobody got. What waits for the next export, and what finds the
/// queue full, is missing.
const LEAST_ARRIVED: f64 = 0.005;

/// What the rate may fall to.
const RATE: f64 = 0.98;

/// Slices without traces, with them, and without again.
struct Round {
    before: Slice,
    traced: Slice,
    after: Slice,
}

impl Round {
    /// A figure with traces, as a multiple of the same without.
    fn ratio(&self, of: fn(&Slice) -> f64) -> f64 {
        goal::ratio(of(&self.traced), f64::midpoint(of(&self.before), of(&self.after)))
    }

    /// What the two slices without traces differ by, as a share: what this machine does by itself.
    fn noise(&self) -> f64 {
        (goal::ratio(self.after.rate, self.before.rate) - 1.0).abs()
    }
}

fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    slice::median(rounds.iter().map(of).collect())
}

impl Run {
    /// Finds in turns without traces and with them.
    pub fn traces(&mut self) -> Result<()> {
        let receiver = Receiver::start(self)?;
        let mut plain = Coffer::create(&self.settings.coffer, &self.directory.join("plain"))?;
        let mut traced = self.traced(&receiver)?;
        self.fill(&mut plain, self.settings.small, true)?;
        self.fill(&mut traced, self.settings.small, true)?;
        let told = receiver.number("traced")?;
        let mut rounds = Vec::new();
        for _ in 0..self.settings.rounds {
            rounds.push(Round {
                before: self.find(None, &plain, CONNECTIONS)?,
                traced: self.find(None, &traced, CONNECTIONS)?,
                after: self.find(None, &plain, CONNECTIONS)?,
            });
        }
        plain.stop()?;
        traced.stop()?;
        let told = receiver.number("traced")? - told;
        receiver.child.stop()?;
        self.cost(&rounds, told)?;
        self.note_disturbances();
        Ok(())
    }

    /// A new store whose server sends traces to the receiver.
    fn traced(&self, receiver: &Receiver) -> Result<Coffer> {
        let mut coffer = Coffer::create(&self.settings.coffer, &self.directory.join("traced"))?;
        coffer.stop()?;
        coffer.environment = vec![
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", receiver.url("v1/traces")),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio".to_owned()),
            ("OTEL_TRACES_SAMPLER_ARG", SAMPLED.to_owned()),
        ];
        coffer.start()?;
        Ok(coffer)
    }

    /// Says what the rounds came to, of which the receiver was told `told` requests.
    fn cost(&mut self, rounds: &[Round], told: f64) -> Result<()> {
        let requests: u64 = rounds.iter().map(|round| round.traced.requests).sum();
        let share = goal::ratio(told, requests as f64);
        if share < LEAST_ARRIVED {
            return Err(format!(
                "of {requests} requests only {told} arrived as traces; a longer --measure-ms has \
                 more exports in it"
            ));
        }
        let rate = median(rounds, |round| round.ratio(|slice| slice.rate));
        let plain = median(rounds, |round| f64::midpoint(round.before.rate, round.after.rate));
        self.notes.push(format!(
            "find at {CONNECTIONS} connections: {plain:.0}/s without traces; with them CPU \
             {:.3}, p99 {:.3} of what it is without; {told} of {requests} requests arrived as \
             traces; two slices without traces differ by {:.1} % (median)",
            median(rounds, |round| round.ratio(|slice| slice.cpu)),
            median(rounds, |round| round.ratio(|slice| slice.p99)),
            median(rounds, Round::noise) * 100.0,
        ));
        let what = in_words(&format!("find's rate with {SAMPLED} traced: without"), CONNECTIONS);
        self.goal(&what, Some(rate), Bound::AtLeast(RATE));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_of_the_machine_is_no_cost() {
        let slice = |rate| Slice { rate, ..Slice::default() };
        let drifting = Round { before: slice(1000.0), traced: slice(900.0), after: slice(800.0) };
        assert!((drifting.ratio(|slice| slice.rate) - 1.0).abs() < 1e-9);
        assert!((drifting.noise() - 0.2).abs() < 1e-9);
        let slower = Round { before: slice(1000.0), traced: slice(900.0), after: slice(1000.0) };
        assert!((slower.ratio(|slice| slice.rate) - 0.9).abs() < 1e-9);
        assert!((median(&[drifting, slower], |round| round.ratio(|s| s.rate)) - 0.9).abs() < 1e-9);
    }
}
