//! Rotations that are cut, wherever they are, and go on after a restart.

use super::{Fixture, finish, rotate, server_at, status};
use coffer_kernel::Job;
use coffer_testkit::TestServer;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

/// Lets the rotation's job work until it has waited `steps` times, and drops it there, as a
/// process that dies does. Answers whether it was through before.
fn cut_after(server: &TestServer, steps: usize) -> bool {
    let installation = server.server().installation();
    let context = installation.context.clone();
    let job: Arc<dyn Job> = server.job("rotate_keys");
    server.block_on(async move {
        let mut pass = job.run(&context);
        let mut left = steps;
        poll_fn(|cx| {
            if pass.as_mut().poll(cx).is_ready() {
                return Poll::Ready(true);
            }
            if left == 0 {
                return Poll::Ready(false);
            }
            left -= 1;
            Poll::Pending
        })
        .await
    })
}

#[test]
fn a_rotation_that_is_cut_anywhere_goes_on_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let mut server = server_at(&data);
    let fixture = Fixture::new(&server);
    rotate(&server, &[]);
    let (mut rotations, mut steps) = (1usize, 0);
    // Each cut is some steps behind the one before, so that all phases are cut.
    loop {
        let is_through = cut_after(&server, steps);
        fixture.is_whole(&server);
        if rotations.is_multiple_of(2) {
            server.stop();
            server = server_at(&data);
            fixture.is_whole(&server);
        }
        if is_through {
            break;
        }
        let done = finish(&server);
        assert_eq!((&done["status"], &done["records_under_old_keys"]), (&"done".into(), &0.into()));
        let keys = status(&server);
        assert_eq!((&keys["old_master_keys"], &keys["old_tenant_keys"]), (&0.into(), &0.into()));
        rotate(&server, &[]);
        rotations += 1;
        steps += 2 + steps / 6;
    }
    println!("{rotations} rotations were cut");
    assert!(rotations > 5, "{rotations}");
    finish(&server);
    fixture.is_whole(&server);
}
