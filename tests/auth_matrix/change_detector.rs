//! Tells whether anything changed in the stores, from beside the requests.

use coffer_testkit::TestServer;

/// A look at both stores.
#[derive(Default)]
pub struct ChangeDetector {
    committed: u64,
    digest: u64,
}

impl ChangeDetector {
    pub fn over(server: &TestServer) -> Self {
        let mut changes = Self::default();
        changes.has_changed(server);
        changes
    }

    /// Whether a row of any table differs from what the last look saw. The stores' own count of
    /// changes saves reading all rows where there was none.
    pub fn has_changed(&mut self, server: &TestServer) -> bool {
        let committed = server.changes_committed();
        if std::mem::replace(&mut self.committed, committed) == committed {
            return false;
        }
        let digest = server.digest();
        std::mem::replace(&mut self.digest, digest) != digest
    }
}
