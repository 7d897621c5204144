//! `cargo xtask fixture`: makes the store that is kept of a version, in files and in PostgreSQL.
//!
//! Each later version must open it, so it is made once, when a version is shipped, and then stays.

use crate::root;
use crate::step::{Outcome, Step};
use crate::test::postgres;
use std::path::Path;

/// Where the stores of all versions are.
const STORES: &str = "tests/fixtures/stores";

/// The test that makes one.
const TEST: &str = "make::the_store_of_a_version";

/// `cargo xtask fixture VERSION`: makes `tests/fixtures/stores/VERSION`.
pub fn run(words: &[String]) -> Outcome {
    let [version] = words else {
        return Err("fixture needs the version whose store is to be kept, such as 0.1.0".into());
    };
    let numbers = version.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
    if numbers != 3 || version.split('.').count() != 3 {
        return Err(format!("a version is three numbers with dots between, not \"{version}\""));
    }
    let into = root().join(STORES).join(version);
    if into.exists() {
        return Err(format!(
            "{} is there. What was kept of a version that was shipped is never made again; of one \
             that was not, remove it first",
            into.display()
        ));
    }
    make(&into).run()?;
    postgres::with_server(|url, programs| {
        let dump = programs.join("pg_dump");
        make(&into).env("COFFER_TEST_POSTGRES", url).env("COFFER_PG_DUMP", dump).run()
    })
}

/// Has the test make what is kept of one engine.
fn make(into: &Path) -> Step {
    let words = ["test", "-p", "coffer-tests", "--test", "upgrade", "--"];
    let step = Step::new("cargo").args(words).args(["--ignored", "--exact", TEST]);
    step.directory(&root()).env("COFFER_FIXTURE", into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_for_what_is_no_version_or_is_kept_already() {
        for wrong in [&[][..], &["0.1"], &["0.1.x"], &["../0.1.0"], &["0.1.0", "0.1.1"]] {
            let words: Vec<String> = wrong.iter().map(|word| (*word).to_owned()).collect();
            assert!(run(&words).is_err(), "{wrong:?}");
        }
        let kept = std::fs::read_dir(root().join(STORES)).unwrap();
        for version in kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
            assert!(run(&[version]).unwrap_err().contains("never made again"));
        }
    }
}
