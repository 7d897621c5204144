//! Where the admin API is to be found.

use crate::check::lawful;
use coffer::serve::{Address, ServeError, ServeOptions, Server};
use coffer_testkit::{Client, TestServer};

#[test]
fn on_loopback_both_share_a_listener() {
    let server = TestServer::start();
    assert_eq!(server.admin_url(), server.url());
    server.admin().get("/v1/admin/accounts", &[]).ok();
    server.app().client().list().ok();
}

#[test]
fn a_listener_of_its_own_serves_nothing_else() {
    let server = TestServer::builder().admin_listener().start();
    let app = server.app();
    let there = Client::anonymous(server.admin_url()).with_key(&app.test_key);
    for answer in [there.list(), there.set("token", "value"), there.find("token")] {
        lawful(&answer).refused(404);
    }
    server.admin().get("/v1/admin/accounts", &[]).ok();
    app.client().list().ok();
    let here = server.anonymous().with_key(server.admin().key());
    here.get("/v1/admin/accounts", &[]).ok();
}

#[test]
fn beyond_loopback_the_admin_api_does_not_exist() {
    let server = TestServer::builder().beyond_loopback().start();
    let app = server.app();
    app.client().set("token", "value").ok();
    let here = server.anonymous().with_key(server.admin().key());
    for path in ["accounts", "apps", "installs", "api_keys", "status", "accounts/acct_1"] {
        let path = format!("/v1/admin/{path}");
        let error = lawful(&here.get(&path, &[])).refused(404);
        let message = format!("Unrecognized request URL (GET: {path}).");
        assert!(error["message"].as_str().unwrap().starts_with(&message), "{error}");
        server.anonymous().get(&path, &[]).refused(401);
    }
    here.post("/v1/admin/accounts", &[]).refused(404);
}

/// Decision 10: plain HTTP stays on the machine unless somebody says so.
#[test]
fn plain_http_does_not_leave_the_machine() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    TestServer::builder().embedded().data_dir(&data).start().stop();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for admin in [false, true] {
        let installation = runtime.block_on(open(&data));
        let any = Address::parse("0.0.0.0:0").ok();
        let (listen, admin_listen) = if admin { (None, any) } else { (any, None) };
        let options = ServeOptions { listen, admin_listen, ..ServeOptions::default() };
        let refused = runtime.block_on(Server::start(installation, options)).err().unwrap();
        assert!(matches!(refused, ServeError::PlainHttp(_)), "{refused}");
        assert!(refused.to_string().contains("--insecure-http"), "{refused}");
    }
}

pub(crate) async fn open(data: &std::path::Path) -> coffer::assemble::Installation {
    use coffer::assemble::{AssembleOptions, Callers, RootSource};
    let options = AssembleOptions {
        data_dir: data.to_owned(),
        key_dir: None,
        root: RootSource::DataDir,
        database: coffer::assemble::Database::Embedded,
        developer: false,
        callers: Callers::default(),
        families: coffer::family_set::FamilySet::default(),
        settings: coffer_kernel::Settings::default(),
        clock: std::sync::Arc::new(coffer_base::TestClock::at(coffer_testkit::START)),
        random: std::sync::Arc::new(coffer_crypto::SystemRandom),
        faults: coffer_storage::Faults::none(),
    };
    coffer::assemble::open(options).await.unwrap()
}
