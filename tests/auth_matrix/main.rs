//! Who may do what: every operation, by every kind of credential, for every kind of account,
//! about its own and about everybody else's.
//!
//! What each case must come to follows from rules of this test's own (`expectations.rs`). A refused
//! case must change nothing in the stores and tell nothing that the caller did not send; and it
//! must be the same, byte by byte, for what is somebody else's and for what never was.

mod admin;
mod backend;
mod cases;
mod change_detector;
mod ephemeral;
mod expectations;
mod fixtures;
mod operations;
mod secrets;

use cases::Run;
use coffer_kernel::AdminRole;
use fixtures::Account;
use fixtures::installation::Fixtures;
use operations::{CONTRACT, Call, Needs, Operation};

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
    let (credentials, operations) =
        (run.fixtures.credentials.clone(), run.fixtures.operations.clone());
    let chosen = Chosen::of_this_run();
    for (caller, who) in credentials.iter().enumerate().skip(part).step_by(PARTS) {
        for (account, named) in [None].into_iter().chain(Account::ALL.map(Some)).enumerate() {
            for (number, operation) in operations.iter().enumerate() {
                if !chosen.has(caller, account, number) {
                    continue;
                }
                match operation.call {
                    Call::Set | Call::Find | Call::List | Call::Remove | Call::Lease => {
                        secrets::cases(&mut run, operation, who, named);
                    }
                    Call::MakeEphemeral => ephemeral::make(&mut run, operation, who, named),
                    Call::EndEphemeral => ephemeral::end(&mut run, operation, who, named),
                    Call::Backend => backend::cases(&mut run, operation, who, named),
                    Call::LookAtAccount => backend::look_at(&mut run, operation, who, named),
                    Call::AdminRead | Call::AdminWrite => {
                        admin::case(&mut run, operation, who, named);
                    }
                }
            }
        }
    }
    run.report();
}

/// Which cases a run takes.
enum Chosen {
    /// All of them.
    Whole,
    /// Every operation by everyone, and for each pair of these one of the accounts: a square in
    /// which each account comes in each row and each column.
    Square,
}

impl Chosen {
    /// All, but on PostgreSQL, where a case takes several times as long and the rules that decide
    /// it are the same: there the whole matrix is a part of the long run.
    fn of_this_run() -> Self {
        let whole = std::env::var_os("COFFER_TEST_WHOLE_MATRIX").is_some();
        if coffer_testkit::is_postgres() && !whole { Self::Square } else { Self::Whole }
    }

    fn has(&self, caller: usize, account: usize, operation: usize) -> bool {
        let accounts = Account::ALL.len() + 1;
        matches!(self, Self::Whole) || (caller + operation) % accounts == account
    }
}

/// A new operation of the product fails this test until it is listed as the contract has it.
#[test]
fn the_operations_are_those_of_the_contract() {
    let server = coffer_testkit::TestServer::start();
    let routes = server.server().installation().kernel.routes();
    let row = |one: Operation| {
        let permission = match one.needs {
            Needs::Permission(permission) => permission.to_owned(),
            Needs::Admin(_) => {
                let roles = AdminRole::ALL.into_iter();
                let roles = roles.filter(|role| one.definition.access.admits(*role));
                roles.map(AdminRole::as_str).collect::<Vec<_>>().join(" ")
            }
        };
        (one.name, one.method, one.path, permission)
    };
    let mut served: Vec<_> = routes.all().map(|one| row(Operation::of(one))).collect();
    let listed = CONTRACT.into_iter();
    let mut listed: Vec<_> =
        listed.map(|(name, method, path, needs)| (name, method, path, needs.to_owned())).collect();
    served.sort_unstable();
    listed.sort_unstable();
    assert_eq!(served, listed);
}
