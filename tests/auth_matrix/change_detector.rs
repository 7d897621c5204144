//! Tells whether anything changed in the stores, from beside the requests.

use coffer_testkit::TestServer;

/// A look at both stores.
#[derive(Default)]
pub struct ChangeDetector {
    committed: u64,
    audited: i64,
    /// Of all rows; `None` where they have changed since they were read.
    digest: Option<u64>,
}

impl ChangeDetector {
    pub fn over(server: &TestServer) -> Self {
        let mut changes = Self::default();
        changes.has_changed(server);
        changes
    }

    /// Whether a row of any table differs from what the last look saw. The stores' own count of
    /// changes saves reading where there was none, and a change that the audit has is one without
    /// a look at all other rows. What was committed besides changes something if a row differs, or
    /// if nobody has read the rows before: see [`Self::prepare`].
    pub fn has_changed(&mut self, server: &TestServer) -> bool {
        let committed = server.changes_committed();
        if std::mem::replace(&mut self.committed, committed) == committed {
            return false;
        }
        if let Some(audited) = server.audited_change_after(self.audited) {
            (self.audited, self.digest) = (audited, None);
            return true;
        }
        let digest = Some(server.digest());
        std::mem::replace(&mut self.digest, digest) != digest
    }

    /// Reads all rows, unless that has been done since they changed. A request that is refused may
    /// have locked a row by writing what stood there, which only a comparison tells from a change.
    pub fn prepare(&mut self, server: &TestServer) {
        self.has_changed(server);
        self.digest.get_or_insert_with(|| server.digest());
    }
}

#[test]
fn a_change_is_seen_whether_or_not_the_audit_has_it() {
    let server = TestServer::builder().without_background_jobs().start();
    let mut changes = ChangeDetector::over(&server);
    let mut sees = |act: &dyn Fn()| {
        changes.prepare(&server);
        act();
        changes.has_changed(&server)
    };
    let account = server.admin().post("/v1/admin/accounts", &[]).text("id");
    let set = |value: &str| {
        let sql = format!("UPDATE account SET created = {value} WHERE id = '{account}'");
        assert_eq!(server.execute(&sql, &[]).unwrap(), 1);
    };
    assert!(!sees(&|| ()));
    assert!(sees(&|| drop(server.admin().post("/v1/admin/accounts", &[]))), "audited");
    assert!(sees(&|| set("created + 1")), "not audited");
    assert!(!sees(&|| set("created")), "the same again");
    assert!(!sees(&|| drop(server.admin().get("/v1/admin/accounts", &[]))), "a read");
}
