//! Whether the server makes progress.

use tokio::runtime::Handle;

/// The runtimes of a server: of its requests, and of each listener's thread.
#[derive(Clone)]
pub struct Pulse {
    pub(super) runtimes: Vec<Handle>,
}

impl Pulse {
    /// Ends once every runtime has carried out a task that it is given now. If the threads of one
    /// are all stuck, or busy for good, it does not end. A store that does not answer keeps no
    /// thread, so that does not count; `/readyz` tells of it.
    pub async fn beat(&self) {
        for runtime in &self.runtimes {
            // A runtime that has ended belongs to a server that is stopping.
            let _ = runtime.spawn(async {}).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use tokio::runtime::Builder;

    #[test]
    fn a_runtime_that_does_nothing_has_no_pulse() {
        let runtime = || Builder::new_current_thread().build().unwrap();
        let (running, stuck) = (runtime(), runtime());
        let runtimes = vec![running.handle().clone(), stuck.handle().clone()];
        let pulse = Pulse { runtimes };
        let mut beat = pin!(pulse.beat());
        let mut poll = || beat.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        for _ in 0..3 {
            assert_eq!(poll(), Poll::Pending);
            running.block_on(tokio::task::yield_now());
        }
        assert_eq!(poll(), Poll::Pending, "the other one is stuck");
        stuck.block_on(tokio::task::yield_now());
        assert_eq!(poll(), Poll::Ready(()));
    }
}
