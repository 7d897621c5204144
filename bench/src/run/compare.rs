//! The server of another revision beside this one's, in turns, slice by slice, under the same
//! loads: what fell by more than machines vary is a regression.

use super::reserves::plan;
use super::{BUSIEST, CONNECTIONS, Run, in_words};
use crate::args::Result;
use crate::coffer::Coffer;
use crate::goal::{self, Bound};
use crate::slice::{Figure, Slice};
use crate::table::{in_columns, thousands};
use std::path::Path;

/// What a rate may fall to, as a multiple of the other revision's: medians of three slices of one
/// program differ by up to a twelfth on shared machines.
const RATE: f64 = 0.90;

/// What processor time for a request may grow to: it hardly depends on what else runs.
const PROCESSOR: f64 = 1.10;

/// What the slowest hundredth may grow to: one checkpoint more in a slice is a third of it.
const P99: f64 = 1.50;

/// What resident memory may grow to.
const MEMORY: f64 = 1.15;

/// A figure of both revisions.
struct Compared {
    what: String,
    /// The other revision's, and this one's.
    figures: [f64; 2],
    bound: Bound,
}

impl Compared {
    fn ratio(&self) -> f64 {
        let [then, now] = self.figures;
        goal::ratio(now, then)
    }

    fn cells(&self) -> Vec<String> {
        let shown = |figure: f64| match self.bound {
            Bound::AtLeast(_) => thousands(figure),
            Bound::AtMost(_) => format!("{figure:.2}"),
        };
        let [then, now] = self.figures.map(shown);
        vec![self.what.clone(), then, now, format!("{:.2}", self.ratio())]
    }
}

/// The figures of one kind of request at so many connections.
fn compared(verb: &str, connections: u64, [then, now]: [&Figure; 2]) -> Vec<Compared> {
    let figure = |name: &str, of: fn(&Figure) -> f64, bound| Compared {
        what: in_words(&format!("{verb}: {name}"), connections),
        figures: [of(then), of(now)],
        bound,
    };
    let mut found = vec![
        figure("requests a second", |figure| figure.rate, Bound::AtLeast(RATE)),
        figure("CPU us", |figure| figure.cpu, Bound::AtMost(PROCESSOR)),
    ];
    if connections == BUSIEST {
        found.push(figure("p99 ms", |figure| figure.p99, Bound::AtMost(P99)));
    }
    found
}

/// The figures below each other.
fn table(revision: &str, all: &[Compared]) -> String {
    let head = ["", revision, "now", "now/then"].map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(head).chain(all.iter().map(Compared::cells)).collect();
    in_columns(&rows)
}

/// The servers of both revisions: the other one's first.
type Pair = [Coffer; 2];

impl Run {
    /// All parts of the comparison, in their order.
    pub fn compare(&mut self) -> Result<()> {
        let Some((program, revision)) = self.settings.against.clone() else {
            return Err("--compare needs --against PROGRAM --revision NAME".to_owned());
        };
        let mut pair = self.pair(&program)?;
        let mut all = self.compared_requests("find", &mut pair, |run, coffer, conns| {
            run.find(None, coffer, conns)
        })?;
        all.extend(self.compared_requests("set", &mut pair, |run, coffer, conns| {
            run.quiet_enough(|run| run.set_slice(coffer, conns, true))
        })?);
        all.extend(self.compared_charges(&mut pair, &revision)?);
        all.push(self.compared_memory(&mut pair)?);
        for coffer in &mut pair {
            coffer.stop()?;
        }
        self.note_disturbances();
        self.notes.push(format!("\n{}", table(&revision, &all)));
        for one in all {
            let what = format!("{}, as a multiple of {revision}'s", one.what);
            self.goal(&what, Some(one.ratio()), one.bound);
        }
        Ok(())
    }

    /// A store of its own for each, with as many secrets.
    fn pair(&mut self, other: &Path) -> Result<Pair> {
        let then = Coffer::create(other, &self.directory.join("then"))?;
        let now = Coffer::create(&self.settings.coffer, &self.directory.join("now"))?;
        let mut pair = [then, now];
        for coffer in &mut pair {
            self.fill(coffer, self.settings.small, true)?;
        }
        Ok(pair)
    }

    /// Slices of one kind of request, in turns.
    fn compared_requests(
        &mut self,
        verb: &str,
        pair: &mut Pair,
        mut slice: impl FnMut(&mut Self, &mut Coffer, u64) -> Result<Slice>,
    ) -> Result<Vec<Compared>> {
        let mut all = Vec::new();
        for connections in CONNECTIONS {
            let mut slices = [Vec::new(), Vec::new()];
            for _ in 0..self.settings.rounds {
                for (coffer, slices) in pair.iter_mut().zip(&mut slices) {
                    slices.push(slice(self, coffer, connections)?);
                }
            }
            let [then, now] = slices.map(|slices| Figure::of(&slices));
            all.extend(compared(verb, connections, [&then, &now]));
        }
        Ok(all)
    }

    /// Remembers a slice that others disturbed. Its rows are there, so it is not measured again.
    fn quiet_enough(&mut self, once: impl FnOnce(&mut Self) -> Result<Slice>) -> Result<Slice> {
        let slice = once(self)?;
        self.disturbed(&slice);
        Ok(slice)
    }

    /// Charges under a plan, if the other revision takes them in.
    fn compared_charges(&mut self, pair: &mut Pair, revision: &str) -> Result<Vec<Compared>> {
        for coffer in pair.iter() {
            let names = coffer.account_names()?;
            if let Err(error) = names.iter().try_for_each(|account| plan(coffer, account)) {
                self.notes.push(format!("charges are not compared with {revision}: {error}"));
                return Ok(Vec::new());
            }
        }
        let (mut before, mut after) = (0, 0);
        let [other, _] = pair.each_ref().map(|coffer| coffer.port);
        self.compared_requests("charge", pair, |run, coffer, conns| {
            let next = if coffer.port == other { &mut before } else { &mut after };
            run.quiet_enough(|run| run.charges_from(coffer, next, conns))
        })
    }

    /// Resident memory with many secrets, while finds and sets come in.
    fn compared_memory(&mut self, pair: &mut Pair) -> Result<Compared> {
        let mut figures = [0.0; 2];
        for (coffer, figure) in pair.iter_mut().zip(&mut figures) {
            *figure = self.loaded(coffer)?.memory;
        }
        let what = format!("MiB resident with {} secrets", self.settings.memory_at);
        Ok(Compared { what, figures, bound: Bound::AtMost(MEMORY) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goal::Goal;

    fn missed(rate: f64, cpu: f64, p99: f64) -> Vec<bool> {
        let figure = |rate, cpu, p99| Figure { rate, p50: 1.0, p99, memory: 1.0, cpu };
        let (then, now) = (figure(1000.0, 20.0, 4.0), figure(rate, cpu, p99));
        let goal = |one: Compared| {
            let (value, bound) = (Some(one.ratio()), one.bound);
            Goal { what: one.what, value, bound }.missed()
        };
        compared("find", 64, [&then, &now]).into_iter().map(goal).collect()
    }

    #[test]
    fn what_fell_by_more_than_machines_vary_is_a_regression() {
        assert_eq!(missed(910.0, 21.9, 5.9), [false, false, false]);
        assert_eq!(missed(2000.0, 5.0, 1.0), [false, false, false]);
        assert_eq!(missed(890.0, 22.1, 6.1), [true, true, true]);
    }

    #[test]
    fn the_table_has_both_figures_and_what_became_of_them() {
        let one = |figures, bound| Compared { what: "find".to_owned(), figures, bound };
        let all = [
            one([50_000.0, 60_000.0], Bound::AtLeast(RATE)),
            one([20.0, 15.0], Bound::AtMost(PROCESSOR)),
        ];
        let text = table("v1", &all);
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let lines: Vec<Vec<String>> = text.lines().map(words).collect();
        assert_eq!(lines[0], ["v1", "now", "now/then"]);
        assert_eq!(lines[1], ["find", "50.0k", "60.0k", "1.20"]);
        assert_eq!(lines[2], ["find", "20.00", "15.00", "0.75"]);
    }
}
