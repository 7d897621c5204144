//! The admin listener's own thread: whatever tenants ask for, an operator and the health checks
//! have a processor's time there.

use super::accept::{ListenerContext, accept_connections};
use super::drain;
use super::listener::DetachedListener;
use std::io;
use std::thread::JoinHandle;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// The thread, which ends once it is closed.
pub(super) struct AdminThread {
    thread: JoinHandle<()>,
    drained: oneshot::Receiver<()>,
    /// Dropped to close it.
    close: oneshot::Sender<()>,
}

impl AdminThread {
    /// Serves the listener on a thread and a runtime of its own.
    ///
    /// # Errors
    /// If the system refuses the thread.
    pub(super) fn start(listener: DetachedListener, context: ListenerContext) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (close, closed) = oneshot::channel();
        let (has_drained, drained) = oneshot::channel();
        let thread = std::thread::Builder::new().name("coffer-admin".to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(serve(listener, context, has_drained, closed));
        })?;
        Ok(Self { thread, drained, close })
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
        Err(error) => tracing::error!(%error, "the admin API cannot be served"),
    }
    let _ = has_drained.send(());
    let _ = closed.await;
}
