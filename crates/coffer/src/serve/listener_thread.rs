//! A listener's own thread: whatever keeps the threads busy on which requests of tenants are
//! served, connections are accepted, and an operator and `/livez` are answered.

use super::accept::{ListenerContext, accept_connections};
use super::drain;
use super::listener::{DetachedListener, Listener};
use std::io;
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread, which ends once it is closed.
pub(super) struct ListenerThread {
    thread: JoinHandle<()>,
    runtime: Handle,
    drained: oneshot::Receiver<()>,
    /// Dropped to close it.
    close: oneshot::Sender<()>,
}

impl ListenerThread {
    /// Accepts the listener's connections on a thread of this name, with a runtime of its own.
    ///
    /// # Errors
    /// If the system refuses the thread.
    pub(super) fn start(
        name: &str,
        listener: Listener,
        context: ListenerContext,
    ) -> io::Result<Self> {
        let listener = listener.detach()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (close, closed) = oneshot::channel();
        let (has_drained, drained) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(serve(listener, context, has_drained, closed));
        })?;
        Ok(Self { thread, runtime: handle, drained, close })
    }

    /// Its runtime.
    pub(super) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    /// Waits until the requests under way are finished.
    pub(super) async fn drained(&mut self) {
        // An error means that the thread has ended already.
        let _ = (&mut self.drained).await;
    }

    /// Ends the thread. Connections to a database that were opened on it end with it, so the
    /// stores are closed before.
    pub(super) fn close(self) {
        drop(self.close);
        let _ = self.thread.join();
    }
}

async fn serve(
    listener: DetachedListener,
    context: ListenerContext,
    has_drained: oneshot::Sender<()>,
    mut closed: oneshot::Receiver<()>,
) {
    match listener.attach() {
        Ok(listener) => {
            let connections = accept_connections(listener, context).await;
            tokio::select! {
                () = drain(connections) => {}
                _ = &mut closed => return,
            }
        }
        Err(error) => tracing::error!(%error, "connections cannot be accepted"),
    }
    let _ = has_drained.send(());
    let _ = closed.await;
}
