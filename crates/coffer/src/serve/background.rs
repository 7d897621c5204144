//! The background jobs, and the runtime that they have.

use crate::assemble::Installation;
use coffer_kernel::{Job, JobContext, run_job};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;

/// Runs the jobs on a thread of their own. The embedded engine reads on the thread that asks, so
/// there the thread has its own runtime, and a long read of a job does not delay requests.
/// PostgreSQL connections belong to the runtime that opened them, and jobs share those with
/// requests, so there the jobs run on the server's runtime.
pub(super) fn start_jobs(installation: &Installation) -> std::io::Result<JoinHandle<()>> {
    let context = installation.context.clone();
    let shared = Handle::current();
    let own = if context.store.is_shared() { None } else { Some(jobs_runtime()?) };
    let running = run_all(installation.jobs.clone(), context);
    std::thread::Builder::new().name("coffer-jobs".to_owned()).spawn(move || match own {
        Some(runtime) => runtime.block_on(running),
        None => shared.block_on(running),
    })
}

/// A runtime with time and I/O: jobs wait between their runs, and send requests.
fn jobs_runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Runs all jobs until the server stops.
async fn run_all(jobs: Vec<Arc<dyn Job>>, context: JobContext) {
    let mut running = JoinSet::new();
    for job in jobs {
        running.spawn(run_job(job, context.clone()));
    }
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a background job ended for good; restart the server");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn jobs_can_use_the_network() {
        let bound = jobs_runtime().unwrap().block_on(TcpListener::bind("127.0.0.1:0"));
        assert!(bound.is_ok(), "{bound:?}");
    }
}
