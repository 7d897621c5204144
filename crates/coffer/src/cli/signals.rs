//! Runs a server until a signal ends it.

use super::exit::{Exit, Failure};
use coffer::assemble::Installation;
use coffer::serve::{ServeError, ServeOptions, Server};
use std::io::ErrorKind;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end a server: of Ctrl-C, and of service managers.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Serves until a signal arrives, then finishes the requests under way; a second signal exits at
/// once. `on_start` is called once the server listens.
///
/// # Errors
/// If the server cannot listen, or if `on_start` fails.
pub async fn serve_until_signal(
    installation: Installation,
    options: ServeOptions,
    on_start: impl FnOnce(&Server) -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::failed(format!("signals cannot be handled: {error}")))?;
    let server = Server::start(installation, options).await.map_err(cannot_start)?;
    on_start(&server)?;
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
