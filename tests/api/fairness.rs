//! One app beside another: what the operations say of themselves, and a list that takes long.

use coffer_testkit::catalogue::Catalogue;
use coffer_testkit::{Gate, TestServer};
use std::thread;

#[test]
fn operations_say_which_of_them_wait_for_each_other() {
    let server = TestServer::builder().without_background_jobs().start();
    for definition in Catalogue::of(&server).definitions() {
        let (name, writes) = (definition.name, definition.writes());
        let waiting = ["ledger.", "reserve.", "apps.installs."];
        let waits = waiting.iter().any(|family| name.starts_with(family));
        assert_eq!(definition.one_at_a_time, waits && writes, "{name}");
        assert!(!(definition.look_up && (definition.list || writes)), "{name} is no look-up");
    }
}

#[test]
fn a_list_that_takes_long_holds_up_no_other_request() {
    let gate = Gate::default();
    let server = TestServer::builder()
        .embedded()
        .without_background_jobs()
        .faults(gate.before_lists())
        .start();
    let (slow, quiet) = (server.app().client(), server.app().client());
    for client in [&slow, &quiet] {
        client.set("token", "a").ok();
    }
    gate.close();
    thread::scope(|threads| {
        let list = threads.spawn(|| slow.list());
        gate.wait_until_held();
        quiet.find("token").ok();
        quiet.set("token", "b").ok();
        assert_eq!(slow.find("token").ok()["payload"], "a");
        assert!(!list.is_finished());
        gate.open();
        list.join().unwrap().ok();
    });
}
