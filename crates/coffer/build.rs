//! Tells the binary which commit it was built from, for `coffer --version`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=COFFER_COMMIT");
    for file in ["../../.git/HEAD", "../../.git/logs/HEAD"] {
        if std::path::Path::new(file).exists() {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    let commit = std::env::var("COFFER_COMMIT").ok().or_else(from_git);
    println!("cargo::rustc-env=COFFER_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
}

fn from_git() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|commit| output.status.success() && !commit.is_empty())
}
