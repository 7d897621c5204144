//! The moment of a kill: after a number of answers, or where the server holds. No duration decides
//! it, so a busy machine changes nothing but how long a test takes.

use crate::kill_rounds::Fixture;
use crate::process::Program;
use coffer_testkit::{Answer, Client, PATIENCE};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// How many answers the callers of a round have read.
#[derive(Default)]
pub struct Answers {
    count: Mutex<usize>,
    changed: Condvar,
    closed: AtomicBool,
}

impl Answers {
    /// What arrives from now on does not count: its sender cannot know what it says.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Whether an answer that has just arrived does not count.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// One more.
    pub fn add(&self) {
        *self.count.lock().unwrap() += 1;
        self.changed.notify_all();
    }

    /// A caller gives up: nobody needs to wait for it.
    pub fn give_up(&self) {
        *self.count.lock().unwrap() = usize::MAX / 2;
        self.changed.notify_all();
    }

    /// Waits until there were so many.
    pub fn wait_for(&self, number: usize) {
        let fewer = |count: &mut usize| *count < number;
        let count = self.count.lock().unwrap();
        let (count, waited) = self.changed.wait_timeout_while(count, PATIENCE, fewer).unwrap();
        assert!(!waited.timed_out(), "{} answers came, and not {number}", *count);
    }
}

/// Sends a request to a server that holds at `fault`, and kills the server there. `operation` is
/// the request's, which was carried out `before` times.
pub fn at_hold(
    fixture: &Fixture,
    fault: &'static str,
    (operation, before): (&str, i64),
    send: impl FnOnce(&Client) -> Result<Answer, String> + Send,
) {
    let directory = fixture.directory();
    let mut server = Program::Test(fault).start(directory).unwrap();
    let client = server.anonymous().with_key(&fixture.key);
    let (hold, held) = (directory.join("hold"), directory.join("held"));
    std::fs::write(&hold, format!("{operation} {before}")).unwrap();
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| send(&client));
        wait_until(|| held.exists(), &format!("{operation} came to the point"));
        server.kill();
        assert!(sent.join().unwrap().is_err(), "{operation} was answered while it was held");
    });
    std::fs::remove_file(&hold).unwrap();
    std::fs::remove_file(&held).unwrap();
}

/// Waits until something is so, without a server that could say it.
pub fn wait_until(holds: impl Fn() -> bool, what: &str) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it never happened that {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
