//! The files of `deploy/` and a release's bill of materials against the tools that read them.

use super::packages::have;
use crate::release;
use crate::step::{self, Outcome, Step};
use crate::{root, target};

/// Checks manifests against Kubernetes' schemas, and what it brings.
const VALIDATE: &str = "kubernetes-validate==1.37.0";

/// Reads Compose files as Compose does: unknown fields, volumes and secrets are refused.
const COMPOSE: &str = "compose-spec==0.2.1";

/// Reads a file with it.
const READ_COMPOSE: &str = "\
import sys, compose_spec
compose_spec.PyCompose.from_yaml(open(sys.argv[1]).read()).validate()";

/// Holds a bill of materials against CycloneDX's schema.
const CYCLONEDX: &str = "cyclonedx-python-lib[json-validation]==11.12.0";

/// Validates a file with it.
const READ_BILL: &str = "\
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read()))";

/// How exposed the unit may be, in tenths: systemd's own scale goes to 100.
const MOST_EXPOSED: &str = "20";

/// The units by systemd's measure, the manifests by Kubernetes' schemas, the Compose file, and the
/// bill of materials.
pub fn check() -> Outcome {
    have(&[("systemd-analyze", "systemd"), ("python3", "python3")])?;
    Step::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold", MOST_EXPOSED, "--no-pager"])
        .args([root().join("deploy/systemd/coffer.service")])
        .run()?;
    drop_ins()?;
    let needed = "install Python 3 with its venv module (Debian: apt-get install python3-venv)";
    step::need("python3", &["-c", "import venv, ensurepip"], needed)?;
    let environment = target()?.join("kubernetes-validate");
    let python = environment.join("bin/python");
    if Step::new(&python).args(["-c", "import pip"]).capture().is_err() {
        Step::new("python3").args(["-m", "venv", "--clear"]).args([&environment]).run()?;
    }
    Step::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args([VALIDATE, COMPOSE, CYCLONEDX])
        .run()?;
    Step::new(&python)
        .args(["-c", READ_COMPOSE])
        .args([root().join("deploy/compose/compose.yml")])
        .run()?;
    let bill = target()?.join("bill.cdx.json");
    let document = release::bill(&"0".repeat(64))?;
    std::fs::write(&bill, document).map_err(|e| format!("{}: {e}", bill.display()))?;
    Step::new(&python).args(["-c", READ_BILL]).args([&bill]).run()?;
    Step::new(environment.join("bin/kubernetes-validate"))
        .args(["--strict"])
        .args([root().join("deploy/kubernetes/coffer.yml")])
        .run()?;
    // What operators bring has no schema here: it is held against what it points to.
    Step::new(&python).args([root().join("tests/deploy/manifests.py")]).run()
}

/// The unit with each of the drop-ins for another root, as systemd reads it.
fn drop_ins() -> Outcome {
    let folder = target()?.join("drop-ins");
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let unit = std::fs::read_to_string(root().join("deploy/systemd/coffer.service"));
    // Systemd looks for the program, which need not be on this machine.
    let unit = unit.map_err(failed)?.replace("/usr/bin/coffer", "/bin/true");
    let (file, place) = (folder.join("coffer.service"), folder.join("coffer.service.d"));
    std::fs::create_dir_all(&place).map_err(failed)?;
    std::fs::write(&file, unit).map_err(failed)?;
    for entry in std::fs::read_dir(root().join("deploy/systemd/roots")).map_err(failed)? {
        let drop_in = entry.map_err(failed)?.path();
        std::fs::copy(&drop_in, place.join("root.conf")).map_err(failed)?;
        println!("with {}:", drop_in.display());
        Step::new("systemd-analyze")
            .args(["verify", "--man=no", "--recursive-errors=no"])
            .args([&file])
            .run()?;
    }
    Ok(())
}
