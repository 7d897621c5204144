//! Roots of trust against what others have made: SoftHSM 2 and moto.

use super::workspace::binary;
use crate::step::{self, Outcome, Step};
use crate::{root, target};
use std::fs;
use std::path::{Path, PathBuf};

/// The server that stands in for AWS.
const MOTO: &str = "moto[server]==5.2.1";

/// Where Debian and others put SoftHSM's module.
const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

/// A key of a module keeps a root key: in a token that is made afresh below the target directory.
pub fn softhsm() -> Outcome {
    let install = "install SoftHSM 2 (Debian: apt-get install softhsm2)";
    step::need("softhsm2-util", &["--version"], install)?;
    let module = MODULES.into_iter().find(|path| Path::new(path).is_file());
    let module = module.ok_or_else(|| format!("libsofthsm2.so is not found: {install}"))?;
    let configuration = token_directory()?;
    Step::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "coffer-test", "--so-pin", "1234"])
        .args(["--pin", "1234"])
        .env("SOFTHSM2_CONF", &configuration)
        .run()?;
    Step::new("cargo")
        .args(["test", "-p", "coffer-crypto", "--lib", "--", "--ignored", "--exact"])
        .args(["root::pkcs11::tests::a_module_keeps_the_key_and_says_what_is_wrong"])
        .env("SOFTHSM2_CONF", &configuration)
        .env("COFFER_TEST_PKCS11", format!("token=coffer-test;object=root?module-path={module}"))
        .directory(&root())
        .run()
}

/// An empty folder for tokens, and the file that names it.
fn token_directory() -> Result<PathBuf, String> {
    let directory = target()?.join("softhsm");
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(failed)?;
    }
    let tokens = directory.join("tokens");
    fs::create_dir_all(&tokens).map_err(failed)?;
    let configuration = directory.join("softhsm2.conf");
    fs::write(&configuration, format!("directories.tokendir = {}\n", tokens.display()))
        .map_err(failed)?;
    Ok(configuration)
}

/// A key of AWS KMS keeps a root key, as moto plays it.
pub fn moto() -> Outcome {
    let needed = "install Python 3 with its venv module (Debian: apt-get install python3-venv)";
    step::need("python3", &["-c", "import venv, ensurepip"], needed)?;
    let environment = target()?.join("moto");
    let python = environment.join("bin/python");
    if Step::new(&python).args(["-c", "import pip"]).capture().is_err() {
        Step::new("python3").args(["-m", "venv", "--clear"]).args([&environment]).run()?;
    }
    Step::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", MOTO])
        .run()?;
    Step::new(&python)
        .args([root().join("tests/roots/kms.py")])
        .env("COFFER_BIN", binary()?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .directory(&root())
        .minutes(5)
        .run()
}
