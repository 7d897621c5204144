//! async-stripe against the server's binary, whose path is in `COFFER_BIN`.
//!
//! Every scenario runs, also after another has failed; the exit code is 0 only if all passed.

mod scenarios;
mod server;
mod webhooks;

use server::Server;
use std::future::Future;
use std::process::ExitCode;

/// Runs scenarios one after another and counts them.
#[derive(Default)]
struct Run {
    passed: usize,
    failed: usize,
}

impl Run {
    /// A scenario fails by a panic, which its task confines.
    async fn scenario(&mut self, name: &str, scenario: impl Future<Output = ()> + Send + 'static) {
        match tokio::spawn(scenario).await {
            Ok(()) => {
                self.passed += 1;
                println!("ok      {name}");
            }
            Err(_) => {
                self.failed += 1;
                println!("FAILED  {name}");
            }
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut run = Run::default();
    let server = Server::found();
    macro_rules! run {
        ($($scenario:ident),*) => {
            $(run.scenario(stringify!($scenario), scenarios::$scenario(server.app().await)).await;)*
        };
    }
    run!(
        sets_finds_and_deletes,
        expands_the_payload,
        replaces_and_keeps_the_id,
        keeps_scopes_apart,
        pages_forward,
        pages_backward_by_hand,
        pages_while_everything_is_deleted,
        speaks_for_an_account,
        does_once_what_has_one_key,
        reads_typed_errors,
        takes_names_of_all_kinds,
        keeps_modes_apart,
        deletes_though_it_cannot_read_the_answer
    );
    let developer = Server::develop();
    run.scenario("needs_no_set_up_in_developer_mode", {
        scenarios::needs_no_set_up_in_developer_mode(developer.base.clone())
    })
    .await;
    run.scenario("verifies_and_constructs_what_is_delivered", {
        webhooks::verifies_and_constructs_what_is_delivered(developer.base.clone())
    })
    .await;
    run.scenario("rolls_without_parameters", {
        webhooks::rolls_without_parameters(developer.base.clone())
    })
    .await;
    let whole = Server::develop_with_whole_deletes();
    run.scenario("deletes_and_reads_the_whole_secret", {
        scenarios::deletes_and_reads_the_whole_secret(whole.base.clone())
    })
    .await;
    drop((server, developer, whole));
    let word = if run.failed == 0 { "passed" } else { "FAILED" };
    println!("conformance/rust {word}: {} passed, {} failed", run.passed, run.failed);
    if run.failed == 0 && run.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
