//! Runs a server until a signal ends it, and reloads it on another.

use super::exit::{Exit, Failure};
use super::{notify, watchdog};
use coffer::assemble::Installation;
use coffer::serve::{Address, ServeError, ServeOptions, Server};
use rustix::process::{Pid, getppid};
use std::io::{ErrorKind, IsTerminal};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// To end: of Ctrl-C, of service managers, or because the terminal is gone.
    Stop,
    /// To read the configuration again.
    Reload,
}

/// The signals of this process.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    hangup: Signal,
    /// Signals that mean nothing here and would end the process: a handler keeps it alive.
    ignored: Vec<Signal>,
    /// Whether the program was started from a terminal.
    has_terminal: bool,
    /// The process whose end ends this one.
    parent: Option<Parent>,
}

/// The signals whose default is to end a process, by number on Linux: USR1, USR2, PIPE, ALRM,
/// STKFLT, XFSZ (a file beyond the limit, which is then an error of the write), VTALRM, PROF, IO,
/// PWR, and those for real-time use.
#[cfg(target_os = "linux")]
fn ignored() -> impl Iterator<Item = SignalKind> {
    [10, 12, 13, 14, 16, 25, 26, 27, 29, 30].into_iter().chain(34..=64).map(SignalKind::from_raw)
}

#[cfg(not(target_os = "linux"))]
fn ignored() -> impl Iterator<Item = SignalKind> {
    [
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::pipe(),
        SignalKind::alarm(),
    ]
    .into_iter()
}

impl Signals {
    /// Handles signals from now on, before the server starts.
    ///
    /// # Errors
    /// If the system refuses a handler.
    pub fn listen() -> Result<Self, Failure> {
        let failed = |error| Failure::failed(format!("signals cannot be handled: {error}"));
        let handle = |kind| signal(kind).map_err(failed);
        Ok(Self {
            interrupt: handle(SignalKind::interrupt())?,
            terminate: handle(SignalKind::terminate())?,
            quit: handle(SignalKind::quit())?,
            hangup: handle(SignalKind::hangup())?,
            // One that the system has for itself stays as it is.
            ignored: ignored().filter_map(|kind| signal(kind).ok()).collect(),
            has_terminal: std::io::stdin().is_terminal(),
            parent: None,
        })
    }

    /// The same, and the end of the process that has started this one counts as a signal to stop.
    #[must_use]
    pub fn with_parent(self) -> Self {
        Self { parent: Some(Parent::of_this()), ..self }
    }

    /// Whether the terminal that the program was started from sends signals to all its processes.
    pub const fn has_terminal(&self) -> bool {
        self.has_terminal
    }

    /// Waits for the next request.
    pub async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.interrupt.recv() => Request::Stop,
            _ = self.terminate.recv() => Request::Stop,
            _ = self.quit.recv() => Request::Stop,
            _ = self.hangup.recv() => self.hung_up(),
            () = gone(self.parent) => Request::Stop,
        }
    }

    /// The system sends the same signal when the terminal is closed: then nobody is left who could
    /// end the server.
    fn hung_up(&self) -> Request {
        let is_gone = self.has_terminal && !std::io::stdin().is_terminal();
        if is_gone { Request::Stop } else { Request::Reload }
    }

    /// Reloads whenever that is asked for, until the program is asked to end.
    pub async fn reload_until_stop(&mut self, mut reload: impl FnMut()) {
        while self.next().await == Request::Reload {
            reload();
        }
    }

    /// Waits until the process that has started this one has ended, if that counts.
    pub async fn parent_gone(&self) {
        gone(self.parent).await;
    }

    /// Waits until the program is asked to end.
    pub async fn stop(&mut self) {
        while self.next().await != Request::Stop {}
    }
}

/// The process that has started this one.
#[derive(Clone, Copy)]
struct Parent(Option<Pid>);

impl Parent {
    /// That of this process, as it is now.
    fn of_this() -> Self {
        Self(getppid())
    }
}

/// Between two looks at whether the parent is there: the system tells nobody of its end but by a
/// signal that also comes when a thread ends.
const PARENT_EVERY: Duration = Duration::from_millis(100);

/// Waits until the parent has ended: then another process takes its place.
async fn gone(parent: Option<Parent>) {
    let Some(Parent(parent)) = parent else { return std::future::pending().await };
    while getppid() == parent {
        tokio::time::sleep(PARENT_EVERY).await;
    }
}

/// Serves until a signal arrives, then finishes the requests under way; a second signal exits at
/// once. `on_start` is called once the server listens, and `reload` whenever that is asked for.
///
/// # Errors
/// If the server cannot listen.
pub async fn serve_until_signal(
    mut signals: Signals,
    installation: Installation,
    options: ServeOptions,
    on_start: impl FnOnce(&Server),
    mut reload: impl FnMut(),
) -> Result<Exit, Failure> {
    let server = start(installation, options).await?;
    on_start(&server);
    notify::ready();
    tracing::debug!(ignored = signals.ignored.len(), "signals are handled");
    let reload = || {
        notify::reloading();
        reload();
        notify::ready();
    };
    tokio::select! {
        () = signals.reload_until_stop(reload) => {}
        () = watchdog::tell(server.pulse()) => {}
    }
    notify::stopping();
    stop(server, signals).await
}

/// Starts to serve.
///
/// # Errors
/// If the server cannot listen.
pub async fn start(installation: Installation, options: ServeOptions) -> Result<Server, Failure> {
    Server::start(installation, options).await.map_err(cannot_start)
}

/// Finishes the requests under way; a second signal exits at once.
///
/// # Errors
/// None today.
pub async fn stop(server: Server, mut signals: Signals) -> Result<Exit, Failure> {
    tracing::info!("stopping: requests under way are finished first");
    tokio::select! {
        () = server.stop() => {
            tracing::info!("stopped");
            Ok(Exit::Done)
        }
        () = signals.stop() => Ok(Exit::Interrupted),
    }
}

fn cannot_start(error: ServeError) -> Failure {
    match &error {
        ServeError::Bind(Address::Unix(path), source) if source.kind() == ErrorKind::AddrInUse => {
            Failure::failed(format!(
                "cannot listen on unix:{path}: a server listens there, or something else than its \
                 socket is there; stop that server, remove that, or choose another path",
                path = path.display()
            ))
        }
        ServeError::Bind(address, source) if source.kind() == ErrorKind::AddrInUse => {
            Failure::failed(format!(
                "{address} is taken by another program, perhaps another coffer; choose another \
                 address, as with --listen 127.0.0.1:4848, or for the admin API --admin-listen"
            ))
        }
        ServeError::PlainHttp(_) => Failure::usage(error.to_string()),
        _ => Failure::failed(error.to_string()),
    }
}
