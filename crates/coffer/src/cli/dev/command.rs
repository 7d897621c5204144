//! The command that a server of developer mode is started for.

use super::environment::ClientEnvironment;
use crate::cli::exit::{Exit, Failure};
use crate::cli::signals::Signals;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// What a shell answers for a command that it does not find, and for one that it may not run.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// What a shell adds to the number of the signal that ended a command.
const SIGNALLED: i32 = 128;

/// The signals that are passed on. A terminal sends the first two to the command by itself.
const PASSED: [Signal; 6] =
    [Signal::INT, Signal::QUIT, Signal::TERM, Signal::HUP, Signal::USR1, Signal::USR2];

/// Signals of a terminal's keys.
const OF_TERMINAL: usize = 2;

/// Runs the command with the variables of `environment`, passes signals on, and waits for its end.
///
/// # Errors
/// If it cannot be started: as a shell would end then.
pub async fn run(
    words: &[OsString],
    environment: &ClientEnvironment,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let [program, arguments @ ..] = words else { return Ok(Exit::Done) };
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.variables()).kill_on_drop(true);
    let mut passed = Passed::listen(signals.has_terminal())?;
    let mut child = command.spawn().map_err(|error| {
        let code = if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE };
        let program = program.display();
        Failure::new(Exit::Child(code), format!("'{program}' cannot be run: {error}"))
    })?;
    loop {
        tokio::select! {
            ended = child.wait() => {
                let ended = ended.map_err(|error| Failure::failed(error.to_string()))?;
                return Ok(Exit::Child(code(ended)));
            }
            signal = passed.next() => send(&child, signal),
            () = signals.parent_gone() => {
                send(&child, Signal::TERM);
                let ended = child.wait().await;
                return Ok(Exit::Child(ended.map_or(1, code)));
            }
        }
    }
}

/// The code that a shell would end with.
fn code(ended: ExitStatus) -> u8 {
    let code = ended.code().or_else(|| ended.signal().map(|signal| SIGNALLED + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn send(child: &Child, signal: Signal) {
    let process = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(process) = process {
        // It may have ended in this moment.
        let _ = kill_process(process, signal);
    }
}

/// The signals that are passed on, as they arrive.
struct Passed(Vec<(Signal, tokio::signal::unix::Signal)>);

impl Passed {
    /// Listens from now on; without those that a terminal sends to the command too.
    fn listen(has_terminal: bool) -> Result<Self, Failure> {
        let skipped = if has_terminal { OF_TERMINAL } else { 0 };
        let mut all = Vec::new();
        for passed in PASSED.into_iter().skip(skipped) {
            let stream = signal(SignalKind::from_raw(passed.as_raw()));
            let failed = |error| Failure::failed(format!("signals cannot be handled: {error}"));
            all.push((passed, stream.map_err(failed)?));
        }
        Ok(Self(all))
    }

    async fn next(&mut self) -> Signal {
        std::future::poll_fn(|cx| {
            for (signal, stream) in &mut self.0 {
                if stream.poll_recv(cx).is_ready() {
                    return std::task::Poll::Ready(*signal);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}
