//! The power fails: what was acknowledged was flushed.
//!
//! A small ext4 on a loop device is shut down by its own ioctl, as if the machine had lost power:
//! what was written and not flushed is gone, and the journal is replayed at the next mount. Only
//! root may do that, on Linux. What it does not do is tear a write: that is tried by the simulation
//! in `tests/model`, whose disk keeps any sectors of what was not flushed.

use crate::books;
use crate::kill::Answers;
use crate::kill_rounds::{Ending, Fixture, Plan, run_on};
use crate::process::Program;
use crate::rng::Rng;
use coffer_testkit::Process;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;

/// Set by `cargo xtask test --all`: then a test that cannot mount has failed.
const REQUIRED: &str = "COFFER_TEST_MOUNTS";

/// How often the power fails, unless `COFFER_POWER_ROUNDS` says otherwise.
const ROUNDS: usize = 3;

/// Rounds within which a server that never flushes must have lost something.
const CONTROL_ROUNDS: usize = 12;

/// Shuts a file system down once a line arrives, without flushing its journal: `EXT4_IOC_SHUTDOWN`
/// with `EXT4_GOING_FLAGS_NOLOGFLUSH`. The interpreter is running by then, so it does so at once.
const SHUTDOWN: &str = "import fcntl, os, struct, sys
mount = os.open(sys.argv[1], os.O_RDONLY)
sys.stdin.readline()
fcntl.ioctl(mount, 0x8004587d, struct.pack('I', 2))
";

/// A disk whose power can fail. Unmounted when dropped.
pub struct Disk {
    _home: TempDir,
    image: PathBuf,
    mount: PathBuf,
    /// Will shut it down.
    switch: Mutex<Child>,
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|made| made.status.success())
}

fn switch(mount: &Path) -> Mutex<Child> {
    let mut python = Command::new("python3");
    python.args(["-c", SHUTDOWN]).arg(mount).stdin(Stdio::piped());
    Mutex::new(python.spawn().unwrap())
}

impl Disk {
    /// `None` if this machine does not let us.
    fn new() -> Option<Self> {
        let home = TempDir::new().unwrap();
        let (image, mount) = (home.path().join("image"), home.path().join("mount"));
        std::fs::create_dir(&mount).unwrap();
        let file = std::fs::File::create(&image).unwrap();
        file.set_len(1024 * 1024 * 1024).unwrap();
        let made = succeeds(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))
            && succeeds(Command::new("python3").arg("--version"))
            && succeeds(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&mount));
        if made {
            let switch = switch(&mount);
            return Some(Self { _home: home, image, mount, switch });
        }
        let why = "a disk whose power fails needs root, loop devices, ext4 and Python 3";
        assert!(std::env::var_os(REQUIRED).is_none(), "{why}");
        println!("skipped: {why}");
        None
    }

    /// The power fails under a server, and comes back. What is answered while it fails was not
    /// acknowledged: a flush succeeds although the disk goes down.
    fn fail(&self, server: &mut Process, answers: &Answers) {
        let mut switch_now = self.switch.lock().unwrap();
        answers.close();
        switch_now.stdin.as_mut().unwrap().write_all(b"now\n").unwrap();
        assert!(switch_now.wait().unwrap().success(), "the disk was shut down");
        server.kill();
        assert!(succeeds(Command::new("umount").arg(&self.mount)), "it was unmounted");
        let mount =
            Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mount).status();
        assert!(mount.unwrap().success(), "it was mounted again");
        *switch_now = switch(&self.mount).into_inner().unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Ok(switch) = self.switch.get_mut() {
            let _ = switch.kill();
            let _ = switch.wait();
        }
        let _ = Command::new("umount").arg(&self.mount).status();
    }
}

fn rounds() -> usize {
    let asked = std::env::var("COFFER_POWER_ROUNDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(ROUNDS)
}

fn plan(rounds: usize, program: Program) -> Plan {
    Plan { rounds, program, reads: false }
}

#[test]
fn a_crash_by_a_power_failure_loses_nothing_that_was_acknowledged() {
    let Some(disk) = Disk::new() else { return };
    let plan = plan(rounds(), Program::Test("none"));
    let fixture = Fixture::at(disk.mount.join("data"), plan.accounts());
    let ends: Ending<'_> = &|server, answers| disk.fail(server, answers);
    let report = run_on(&fixture, &plan, ends, &mut Rng::new("power"))
        .unwrap_or_else(|loss| panic!("{loss}"));
    println!("{report:?}");
    println!("durability: power failure | {} | {} | 0", plan.rounds, report.changed);
    assert!(report.in_flight >= plan.rounds, "{report:?}");
}

#[test]
fn a_crash_by_a_power_failure_leaves_the_books_right() {
    let Some(disk) = Disk::new() else { return };
    let rounds = rounds();
    let fixture = Fixture::at(disk.mount.join("data"), books::ACCOUNTS);
    let acknowledged = books::run(&fixture, rounds, &|server, answers| disk.fail(server, answers));
    println!("durability: power failure, books | {rounds} | {acknowledged} | 0");
}

#[test]
fn a_crash_by_a_power_failure_is_noticed_by_the_check_if_nothing_is_flushed() {
    let Some(disk) = Disk::new() else { return };
    let plan = plan(CONTROL_ROUNDS, Program::Test("no-flush"));
    let fixture = Fixture::at(disk.mount.join("data"), plan.accounts());
    let ends: Ending<'_> = &|server, answers| disk.fail(server, answers);
    let loss = run_on(&fixture, &plan, ends, &mut Rng::new("unflushed")).unwrap_err();
    println!("as it should be: {loss}");
    let control = "control: power failure of a build that never flushes";
    println!("durability: {control} | {CONTROL_ROUNDS} | - | noticed");
}
