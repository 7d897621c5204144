//! The files of `deploy/` against the tools that read them.

use crate::step::{self, Outcome, Step};
use crate::{root, target};

/// Checks manifests against Kubernetes' schemas, and what it brings.
const VALIDATE: &str = "kubernetes-validate==1.37.0";

/// How exposed the unit may be, in tenths: systemd's own scale goes to 100.
const MOST_EXPOSED: &str = "20";

/// The unit by systemd's measure, and the manifests by Kubernetes' schemas.
pub fn check() -> Outcome {
    let install = "install systemd (Debian: apt-get install systemd)";
    step::need("systemd-analyze", &["--version"], install)?;
    Step::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold", MOST_EXPOSED, "--no-pager"])
        .args([root().join("deploy/systemd/coffer.service")])
        .run()?;
    let needed = "install Python 3 with its venv module (Debian: apt-get install python3-venv)";
    step::need("python3", &["-c", "import venv, ensurepip"], needed)?;
    let environment = target()?.join("kubernetes-validate");
    let python = environment.join("bin/python");
    if Step::new(&python).args(["-c", "import pip"]).capture().is_err() {
        Step::new("python3").args(["-m", "venv", "--clear"]).args([&environment]).run()?;
    }
    Step::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", VALIDATE])
        .run()?;
    Step::new(environment.join("bin/kubernetes-validate"))
        .args(["--strict"])
        .args([root().join("deploy/kubernetes/coffer.yml")])
        .run()
}
