//! A server from its start until it is told to stop.

use super::exit::{Exit, Failure};
use coffer::assemble::Installation;
use coffer::serve::{ServeError, ServeOptions, Server};
use std::io::ErrorKind;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, and what service managers send.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            let listening = signal(kind);
            listening.map_err(|error| Failure::failed(format!("signals are not heard: {error}")))
        };
        let interrupt = listen(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Serves until a signal arrives, then finishes what is under way; a second signal ends that.
/// `started` is called once the server listens.
///
/// # Errors
/// A failure if the server cannot listen, or what `started` answers.
pub async fn until_stopped(
    installation: Installation,
    options: ServeOptions,
    started: impl FnOnce(&Server) -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let server = Server::start(installation, options).await.map_err(cannot_start)?;
    started(&server)?;
    signals.next().await;
    tracing::info!("stopping: requests under way are finished first");
    tokio::select! {
        () = server.stop() => {
            tracing::info!("stopped");
            Ok(Exit::Done)
        }
        () = signals.next() => Ok(Exit::Interrupted),
    }
}

fn cannot_start(error: ServeError) -> Failure {
    match &error {
        ServeError::Bind(address, source) if source.kind() == ErrorKind::AddrInUse => {
            Failure::failed(format!(
                "{address} is taken by another program, perhaps another coffer; choose another \
                 address, as with --listen 127.0.0.1:4848"
            ))
        }
        ServeError::PlainHttp(_) => Failure::usage(error.to_string()),
        _ => Failure::failed(error.to_string()),
    }
}
