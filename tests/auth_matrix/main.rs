//! Who may do what: every operation, by every kind of credential, for every kind of account,
//! about its own and about everybody else's.
//!
//! What each case must come to is told by rules of this test's own (`expectations.rs`). A refused case
//! must change nothing in the stores and tell nothing that the caller did not send; and it must
//! be the same, byte by byte, for what is somebody else's and for what never was.

mod admin;
mod cases;
mod change_detector;
mod ephemeral;
mod expectations;
mod fixtures;
mod operations;
mod reserves;
mod secrets;

use cases::Run;
use fixtures::Account;
use fixtures::installation::Fixtures;
use operations::{Call, Needs, OPERATIONS};

/// In how many parts the matrix is filled in, each on a server of its own.
const PARTS: usize = 2;

#[test]
fn every_operation_by_everyone_for_every_account() {
    std::thread::scope(|scope| {
        for part in 0..PARTS {
            scope.spawn(move || fill(part));
        }
    });
}

/// Fills in the cases of each [`PARTS`]th credential.
fn fill(part: usize) {
    let mut run = Run::over(Fixtures::make());
    let credentials = run.fixtures.credentials.clone();
    for who in credentials.iter().skip(part).step_by(PARTS) {
        for named in [None].into_iter().chain(Account::ALL.map(Some)) {
            for operation in &OPERATIONS {
                match operation.call {
                    Call::Set | Call::Find | Call::List | Call::Remove => {
                        secrets::cases(&mut run, operation, who, named);
                    }
                    Call::MakeEphemeral => ephemeral::make(&mut run, operation, who, named),
                    Call::EndEphemeral => ephemeral::end(&mut run, operation, who, named),
                    Call::Ledger => reserves::cases(&mut run, operation, who, named),
                    Call::AdminRead | Call::AdminWrite => {
                        admin::case(&mut run, operation, who, named);
                    }
                }
            }
        }
    }
    run.report();
}

/// A new operation fails this test until it is listed, and with it all its cases.
#[test]
fn the_operations_are_those_of_the_server() {
    let server = coffer_testkit::TestServer::start();
    let routes = server.server().installation().kernel.routes();
    let mut served: Vec<String> = routes
        .all()
        .map(|one| format!("{} {} {} {:?}", one.name, one.method.as_str(), one.path, one.access))
        .collect();
    let mut listed: Vec<String> = OPERATIONS
        .iter()
        .map(|one| {
            let access = match one.needs {
                Needs::Permission(permission) => {
                    format!("Tenant {{ permission: {permission:?} }}")
                }
                Needs::Admin => "Admin".to_owned(),
            };
            format!("{} {} {} {access}", one.name, one.method, one.path)
        })
        .collect();
    served.sort();
    listed.sort();
    assert_eq!(served, listed);
}
