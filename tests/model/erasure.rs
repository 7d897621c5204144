//! A purge on the app's own account, which needs no install to be used.

use coffer_testkit::TestServer;

#[test]
fn what_is_written_after_a_purge_is_not_erased_with_it() {
    let server = TestServer::builder().without_background_jobs().start();
    let app = server.app();
    let install = server.install(&app, &app.account);
    let backend = app.client();
    backend.set("token", "old").ok();
    let path = format!("/v1/admin/installs/{install}");
    server.admin().delete(&path, &[("purge", "true")]).ok();
    backend.find("token").refused(404);
    backend.set("early", "kept").ok();
    server.run_jobs();
    backend.find("token").refused(404);
    assert_eq!(backend.find("early").ok()["payload"], "kept");
    backend.set("token", "new").ok();
    server.run_jobs();
    assert_eq!(backend.find("token").ok()["payload"], "new");
}
