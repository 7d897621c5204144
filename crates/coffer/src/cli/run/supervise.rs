//! Stays beside a command: passes signals and its exit code on, takes its file away afterwards, and
//! starts it anew when a secret has changed.

use super::fetch::Fetch;
use super::variables::Variables;
use super::{not_started, prepared};
use crate::cli::args::RunArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output;
use rustix::process::{Pid, Signal, kill_process};
use std::io::IsTerminal;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// How often the server is asked for changes.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long a command has to end before it is started anew; then it is killed.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// What shells add to the number of the signal that has ended a command.
const BY_SIGNAL: i32 = 128;

/// Signals that mean something to the command and not to coffer.
const PASSED: [Signal; 7] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
];

/// Those that ask for its end.
const ENDING: [Signal; 4] = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];

/// Runs the command, and again after each change if that is wanted.
pub fn run(fetch: Fetch, args: RunArgs, variables: Variables) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::failed(format!("nothing can be run: {error}")))?;
    let exit = runtime.block_on(Supervisor { fetch, args, variables, is_reported: false }.run());
    // A question to the server may still be under way.
    runtime.shutdown_background();
    exit
}

struct Supervisor {
    fetch: Fetch,
    args: RunArgs,
    /// What the command was started with.
    variables: Variables,
    /// Whether it was said that the server cannot be asked.
    is_reported: bool,
}

impl Supervisor {
    async fn run(mut self) -> Result<Exit, Failure> {
        let mut signals = signals()?;
        loop {
            let (command, mount) = prepared(&self.args, &self.variables)?;
            let mut child = match Command::from(command).spawn() {
                Ok(child) => child,
                Err(error) => return Ok(not_started(&self.args, &error)),
            };
            let ended = self.watch(&mut child, &mut signals).await?;
            drop(mount);
            if let Some(status) = ended {
                return Ok(exit_of(status));
            }
        }
    }

    /// Waits for the command's end, or ends it because of a change: then there is no status.
    async fn watch(
        &mut self,
        child: &mut Child,
        signals: &mut mpsc::Receiver<Signal>,
    ) -> Result<Option<ExitStatus>, Failure> {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.tick().await;
        loop {
            tokio::select! {
                status = child.wait() => return status.map(Some).map_err(lost),
                Some(signal) = signals.recv() => pass(child, signal),
                _ = looks.tick(), if self.args.watch => {
                    if let Some(changed) = self.look().await {
                        self.variables = changed;
                        output::note("coffer: a secret has changed; the command starts anew");
                        return end(child, signals).await;
                    }
                }
            }
        }
    }

    /// Other variables than the command has, if the server says so.
    async fn look(&mut self) -> Option<Variables> {
        let fetch = self.fetch.clone();
        let asked = tokio::task::spawn_blocking(move || fetch.ask()).await.ok()?;
        match asked.and_then(|secrets| Variables::of(&secrets, &self.args)) {
            Ok(variables) => {
                self.is_reported = false;
                (variables != self.variables).then_some(variables)
            }
            Err(failure) => {
                if !std::mem::replace(&mut self.is_reported, true) {
                    let why = failure.message;
                    output::note(&format!("coffer: {why}\ncoffer: the command goes on as it is"));
                }
                None
            }
        }
    }
}

/// Ends the command so that it can start anew. There is a status if a signal asked for its end
/// meanwhile: then it does not.
async fn end(
    child: &mut Child,
    signals: &mut mpsc::Receiver<Signal>,
) -> Result<Option<ExitStatus>, Failure> {
    pass(child, Signal::TERM);
    let mut is_over = false;
    let end = tokio::time::sleep(ENDS_WITHIN);
    tokio::pin!(end);
    loop {
        tokio::select! {
            status = child.wait() => {
                let status = status.map_err(lost)?;
                return Ok(is_over.then_some(status));
            }
            Some(signal) = signals.recv() => {
                is_over |= ENDING.contains(&signal);
                pass(child, signal);
            }
            () = &mut end => {
                child.start_kill().map_err(lost)?;
                let status = child.wait().await.map_err(lost)?;
                return Ok(is_over.then_some(status));
            }
        }
    }
}

fn lost(error: std::io::Error) -> Failure {
    Failure::failed(format!("the command cannot be waited for: {error}"))
}

/// Sends a signal to the command, if it is still there.
fn pass(child: &Child, signal: Signal) {
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(id) = id {
        // It may have ended just now.
        let _ = kill_process(id, signal);
    }
}

/// The signals that are passed on. Those of the keyboard reach the command by themselves where
/// there is a terminal.
fn signals() -> Result<mpsc::Receiver<Signal>, Failure> {
    let (sender, receiver) = mpsc::channel(PASSED.len());
    let is_terminal = std::io::stdin().is_terminal();
    for passed in PASSED {
        let kind = SignalKind::from_raw(passed.as_raw());
        let mut signals = signal(kind)
            .map_err(|error| Failure::failed(format!("signals cannot be handled: {error}")))?;
        let sender = sender.clone();
        let of_keyboard = matches!(passed, Signal::INT | Signal::QUIT | Signal::WINCH);
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if !(is_terminal && of_keyboard) && sender.send(passed).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}

/// The command's exit code, or as shells have it for one that a signal has ended.
fn exit_of(status: ExitStatus) -> Exit {
    let code = status.code().or_else(|| status.signal().map(|signal| BY_SIGNAL + signal));
    Exit::Child(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
