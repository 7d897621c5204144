//! Background jobs, which a test runs when it wants to.

use crate::server::TestServer;
use coffer_kernel::Job;
use std::sync::Arc;

impl TestServer {
    /// Runs each background job once, now.
    pub fn run_jobs(&self) {
        let context = &self.server().installation().context;
        self.block_on(async {
            for job in &self.jobs {
                coffer_kernel::run_pass(&**job, context).await.unwrap();
            }
        });
    }

    /// Runs the background job of this name once, now.
    pub fn run_job(&self, name: &str) {
        let (job, context) = (self.job(name), &self.server().installation().context);
        self.block_on(coffer_kernel::run_pass(&*job, context)).unwrap();
    }

    /// The background job of this name.
    pub fn job(&self, name: &str) -> Arc<dyn Job> {
        let job = self.jobs.iter().find(|job| job.name() == name);
        Arc::clone(job.unwrap_or_else(|| panic!("there is no job {name}")))
    }
}
