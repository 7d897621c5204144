//! What a verb waits on for what does not happen at once.

use super::exit::Failure;
use std::ops::Deref;
use std::pin::Pin;
use tokio::runtime::{self, Builder};

/// A runtime with a worker thread for each core.
pub struct Runtime(runtime::Runtime);

impl Runtime {
    /// Starts its threads.
    ///
    /// # Errors
    /// If the system starts none.
    pub fn new() -> Result<Self, Failure> {
        let built = Builder::new_multi_thread().enable_all().build().map(Self);
        built.map_err(|error| Failure::failed(format!("no threads could be started: {error}")))
    }

    /// Waits for `future`. It is boxed, so that waiting is not compiled again for each verb.
    pub fn block_on<'f, T>(&self, future: impl Future<Output = T> + 'f) -> T {
        let future: Pin<Box<dyn Future<Output = T> + 'f>> = Box::pin(future);
        self.0.block_on(future)
    }

    /// Ends it, and waits for nothing.
    pub fn shutdown_background(self) {
        self.0.shutdown_background();
    }
}

impl Deref for Runtime {
    type Target = runtime::Runtime;

    fn deref(&self) -> &runtime::Runtime {
        &self.0
    }
}
