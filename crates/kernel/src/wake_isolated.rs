//! A future that is polled only when its own waker was called.
//!
//! Futures that are selected together share a task, and each is polled whenever any of them wakes
//! it. A connection's task is woken for every request; the futures beside it, which wait for a
//! timer or for the server to stop, would be polled each time, and polling the latter takes a lock
//! that all connections share.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// The future, with a waker of its own.
pub(crate) struct WakeIsolated<F> {
    future: Pin<Box<F>>,
    waker: Arc<IsolatedWaker>,
}

/// Notes that the future wants to be polled, and wakes the task that polls it.
struct IsolatedWaker {
    is_woken: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F> WakeIsolated<F> {
    pub(crate) fn new(future: F) -> Self {
        let waker =
            Arc::new(IsolatedWaker { is_woken: AtomicBool::new(true), task: Mutex::new(None) });
        Self { future: Box::pin(future), waker }
    }
}

impl IsolatedWaker {
    /// Registers the task that is woken in turn.
    fn register(&self, waker: &Waker) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !task.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }
}

impl Wake for IsolatedWaker {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl<F: Future> Future for WakeIsolated<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        this.waker.register(cx.waker());
        if !this.waker.is_woken.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&this.waker));
        this.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[test]
    fn it_is_polled_at_first_and_then_only_when_it_was_woken() {
        let kept: Arc<Mutex<Option<Waker>>> = Arc::default();
        let polls = Arc::new(Mutex::new(0));
        let (keep, count) = (Arc::clone(&kept), Arc::clone(&polls));
        let mut isolated = WakeIsolated::new(poll_fn(move |cx| {
            *keep.lock().unwrap() = Some(cx.waker().clone());
            *count.lock().unwrap() += 1;
            if *count.lock().unwrap() == 2 { Poll::Ready(()) } else { Poll::Pending }
        }));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert!(Pin::new(&mut isolated).poll(&mut cx).is_pending());
        }
        assert_eq!(*polls.lock().unwrap(), 1);
        kept.lock().unwrap().take().unwrap().wake();
        assert!(Pin::new(&mut isolated).poll(&mut cx).is_ready());
    }
}
