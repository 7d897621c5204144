//! A future beside another one, looked at only when it has something to say.
//!
//! A connection's task is woken for every request. What waits beside the connection, for a second
//! to pass or for the server to stop, would be polled each time, and waiting for the stop takes a
//! lock that all connections share.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// The future and the bell that it rings.
pub(crate) struct Aside<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
}

struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F> Aside<F> {
    pub(crate) fn new(future: F) -> Self {
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::new(None) });
        Self { future: Box::pin(future), bell }
    }
}

impl Bell {
    /// Remembers whom to wake.
    fn listen(&self, waker: &Waker) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !task.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl<F: Future> Future for Aside<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        this.bell.listen(cx.waker());
        if !this.bell.rung.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&this.bell));
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
        let mut aside = Aside::new(poll_fn(move |cx| {
            *keep.lock().unwrap() = Some(cx.waker().clone());
            *count.lock().unwrap() += 1;
            if *count.lock().unwrap() == 2 { Poll::Ready(()) } else { Poll::Pending }
        }));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert!(Pin::new(&mut aside).poll(&mut cx).is_pending());
        }
        assert_eq!(*polls.lock().unwrap(), 1);
        kept.lock().unwrap().take().unwrap().wake();
        assert!(Pin::new(&mut aside).poll(&mut cx).is_ready());
    }
}
