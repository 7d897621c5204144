//! Two parts at a time: one that keeps the cores busy, and one that mostly waits.
//!
//! Each part is a process of its own, so that what it says stands together in the output, at its
//! end. Parts wait for databases that come back, for registries and for browsers; meanwhile, and
//! while the last long test of a binary runs on one core, the other part has the cores.

use super::Part;
use super::options::Options;
use crate::step::{self, Outcome, Step};
use crate::target;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How a part went.
pub type Ended = (&'static str, Duration, Outcome);

/// Runs the parts, each as soon as one of the two places is free, and gives how each went in the
/// order in which they stand.
pub fn run(parts: &[&'static Part], options: &Options) -> Vec<Ended> {
    let queue = Mutex::new(parts.iter().copied().collect());
    let ended = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for waits in [false, true] {
            let (queue, ended) = (&queue, &ended);
            scope.spawn(move || {
                while let Some(part) = next(queue, waits) {
                    let start = Instant::now();
                    let outcome = run_part(part, options);
                    let mut ended = locked(ended);
                    ended.push((part.name, start.elapsed(), outcome));
                }
            });
        }
    });
    let mut ended = ended.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    ended.sort_by_key(|(name, ..)| parts.iter().position(|part| part.name == *name));
    ended
}

/// Takes the first part of the kind out of the queue, or else the first of the other.
fn next(queue: &Mutex<VecDeque<&'static Part>>, waits: bool) -> Option<&'static Part> {
    let mut queue = locked(queue);
    let at = queue.iter().position(|part| part.waits == waits).unwrap_or(0);
    queue.remove(at)
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Runs one part as a process, and shows what it has said when it is done.
fn run_part(part: &Part, options: &Options) -> Outcome {
    let folder = target()?.join("parts");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let log = folder.join(format!("{}.log", part.name.replace('/', "-")));
    println!("== begun: {} ({}); it speaks in {}", part.name, part.about, log.display());
    let program =
        std::env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
    let seconds = options.fuzz_seconds.to_string();
    let run = Step::new(program)
        .args(["test", "--alone", part.name, "--fuzz-seconds", &seconds])
        .minutes(MINUTES)
        .quiet(&log);
    show(part, &log);
    // Its last line says what was wrong. Of a long output often only the end is at hand, so what
    // stood before that line is said again at the end of all.
    run.map_err(|error| format!("{}\n{}", reason(&log, part).unwrap_or(error), step::tail(&log)))
}

/// A part ends itself by the times of its own steps; this is more than they come to.
const MINUTES: u64 = 240;

/// Prints a part's output in one piece.
fn show(part: &Part, log: &Path) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\n== {} ({})", part.name, part.about);
    let copied = File::open(log).and_then(|mut log| std::io::copy(&mut log, &mut out));
    if let Err(error) = copied {
        let _ = writeln!(out, "its output cannot be read: {error}");
    }
}

/// The sentence with which a part has failed.
fn reason(log: &Path, part: &Part) -> Option<String> {
    let said = fs::read(log).ok()?;
    let said = String::from_utf8_lossy(&said);
    let (_, reason) = said.rsplit_once(&failed(part))?;
    Some(reason.trim_end().to_owned())
}

/// What stands before that sentence.
pub fn failed(part: &Part) -> String {
    format!("FAILED {}: ", part.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn part(name: &'static str, waits: bool) -> Part {
        Part { name, about: "", needs_build: false, only_with_all: false, waits, run: |_| Ok(()) }
    }
    static PARTS: [Part; 3] = [part("a", false), part("b", true), part("c", true)];

    #[test]
    fn each_place_has_its_kind_first_and_then_the_other() {
        let queue = Mutex::new(PARTS.iter().collect());
        let mut taken = Vec::new();
        for waits in [true, false, false] {
            taken.push(next(&queue, waits).unwrap().name);
        }
        assert_eq!(taken, ["b", "a", "c"]);
        assert!(next(&queue, true).is_none());
    }

    #[test]
    fn a_failure_is_told_from_the_end_of_the_output() {
        let folder = std::env::temp_dir().join(format!("coffer-turns-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let log = folder.join("a.log");
        fs::write(&log, "FAILED a: before\nmore\nFAILED a: two lines\nof it\n").unwrap();
        assert_eq!(reason(&log, &PARTS[0]).unwrap(), "two lines\nof it");
        assert_eq!(reason(&log, &PARTS[1]), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
