//! `coffer keyring root`, `export` and `import`: the root of trust, and a file that stands in for
//! it.

use crate::cli::args::{RootVerb, Target, Wrapping};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Output};
use crate::cli::runtime::Runtime;
use crate::cli::setup;
use crate::config::Config;
use coffer::assemble::{FoundRoot, KeyStore, RootSource};
use coffer::backup::Export;
use coffer_crypto::keyring_file::KeyringFile;
use coffer_crypto::limits::KEYRING_FILE_BYTES;
use coffer_keyring::StoredRoot;
use serde_json::{Value, json};
use std::io::{IsTerminal, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Shows or changes the root.
///
/// # Errors
/// If the configured root does not open the keys, or the change is refused.
pub fn run(config: &Config, verb: &RootVerb, output: Output) -> Result<Exit, Failure> {
    match verb {
        RootVerb::Status => status(config, output),
        RootVerb::Migrate(target) => migrate(config, target, output),
        RootVerb::Finish => {
            let root = with_keys(config, async |keys| Ok(keys.finish().await?))?;
            show(&root, output)?;
            note(output, "Only this root opens the keys now. What the one before kept can go.");
            Ok(Exit::Done)
        }
        RootVerb::Cancel => {
            with_keys(config, async |keys| Ok(keys.cancel().await?))?;
            note(output, "The move was taken back: only the root from before opens the keys.");
            Ok(Exit::Done)
        }
        RootVerb::Renew => {
            let root = with_keys(config, async |keys| Ok(keys.renew().await?))?;
            show(&root, output)?;
            Ok(Exit::Done)
        }
    }
}

fn status(config: &Config, output: Output) -> Result<Exit, Failure> {
    let roots = with_keys(config, async |keys| Ok(keys.roots().await?))?;
    let data: Vec<Value> = roots.iter().map(document).collect();
    output.show(&json!({ "roots": data }), |_| lines(&roots))?;
    Ok(Exit::Done)
}

fn migrate(config: &Config, target: &Target, output: Output) -> Result<Exit, Failure> {
    let to = target_root(config, target)?;
    let root = with_keys(config, async |keys| Ok(keys.migrate(&to).await?))?;
    show(&root, output)?;
    note(
        output,
        "\nBoth roots open the keys now. Next: give this one to every server (root), restart them \
         one after the other, and run `coffer keyring root finish` with the new root.",
    );
    Ok(Exit::Done)
}

/// Prints the master keys under a passphrase of their own.
///
/// # Errors
/// If the configured root does not open the keys, or there is no passphrase.
pub fn export(config: &Config, wrapping: &Wrapping) -> Result<Exit, Failure> {
    let under = wrapping_root(config, wrapping, ask_twice)?;
    let file = with_keys(config, async |keys| Ok(keys.export(&under).await?))?;
    output::print_bytes(file.write().as_bytes())?;
    Ok(Exit::Done)
}

/// Opens a key store with an exported file.
///
/// # Errors
/// If the file is damaged, another store's or too old, or the passphrase is another.
pub fn import(
    config: &Config,
    path: &Path,
    wrapping: &Wrapping,
    target: &Target,
    output: Output,
) -> Result<Exit, Failure> {
    let Export { file, opened_by } = open_export(config, path, wrapping)?;
    let to = target_root(config, target)?;
    let root = with_keys(config, async |keys| Ok(keys.import(&file, &opened_by, &to).await?))?;
    show(&root, output)?;
    note(output, "\nOnly this root opens the keys now: give it to every server (root).");
    Ok(Exit::Done)
}

/// The export in a file, with what opens it: a passphrase, from a file or asked for.
///
/// # Errors
/// If the file cannot be read or is no export, or the passphrase cannot be had.
pub fn exported(
    config: &Config,
    path: &Path,
    passphrase: Option<&Path>,
) -> Result<Export, Failure> {
    let wrapped_by = PASSPHRASE.to_owned();
    let wrapping = Wrapping { wrapped_by, passphrase: passphrase.map(Path::to_owned) };
    open_export(config, path, &wrapping)
}

/// What wraps the keys in a file: nothing else can.
const PASSPHRASE: &str = "passphrase";

fn open_export(config: &Config, path: &Path, wrapping: &Wrapping) -> Result<Export, Failure> {
    let named = |why: String| Failure::failed(format!("{}: {why}", path.display()));
    let bytes = read(path).map_err(|error| named(error.to_string()))?;
    let file = KeyringFile::parse(&bytes).map_err(|error| named(error.to_string()))?;
    let opened_by = wrapping_root(config, wrapping, ask_once)?;
    Ok(Export { file, opened_by })
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(KEYRING_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn target_root(config: &Config, target: &Target) -> Result<RootSource, Failure> {
    let Target { to, to_key, to_secret } = target;
    Ok(config.other_root(to, to_key.as_deref(), to_secret.as_deref(), ask_twice)?)
}

fn wrapping_root(
    config: &Config,
    wrapping: &Wrapping,
    ask: coffer_crypto::root::Ask,
) -> Result<RootSource, Failure> {
    let Wrapping { wrapped_by, passphrase } = wrapping;
    Ok(config.other_root(wrapped_by, None, passphrase.as_deref(), ask)?)
}

/// Does `work` with the key store, beside servers that run.
fn with_keys<T>(
    config: &Config,
    work: impl AsyncFnOnce(&KeyStore<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let options = setup::production(config)?;
    Runtime::new()?.block_on(async {
        let keys = KeyStore::open(&options).await?;
        let done = work(&keys).await;
        keys.close().await;
        done
    })
}

fn show(root: &FoundRoot, output: Output) -> Result<(), Failure> {
    let json = json!({ "root": root.kind.as_str(), "place": root.place, "id": root.key.id() });
    output.show(&json, crate::cli::table::object)
}

fn document(root: &StoredRoot) -> Value {
    json!({
        "id": root.id,
        "root": root.kind.as_str(),
        "place": root.place,
        "state": root.state.as_str(),
        "created": root.created.unix(),
    })
}

fn lines(roots: &[StoredRoot]) -> String {
    let line = |root: &StoredRoot| {
        format!("{:<9} {:<11} {}  {}", root.state.as_str(), root.kind, root.id, root.place)
    };
    roots.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn note(output: Output, text: &str) {
    if !output.is_json() {
        output::note(text);
    }
}

fn ask_once(what: &str) -> Option<std::io::Result<Zeroizing<String>>> {
    let prompt = format!("Type {what} (not shown): ");
    let is_there = std::io::stdin().is_terminal();
    is_there.then(|| rpassword::prompt_password(prompt).map(Zeroizing::new))
}

/// Asks for a new secret, which a typing error would make a secret that nobody knows.
fn ask_twice(what: &str) -> Option<std::io::Result<Zeroizing<String>>> {
    let first = match ask_once(&format!("{what} for the new root"))? {
        Ok(first) => first,
        failed => return Some(failed),
    };
    let again = match ask_once("it again")? {
        Ok(again) => again,
        failed => return Some(failed),
    };
    let differ = || std::io::Error::other("the two differ; nothing was changed");
    Some(if *first == *again { Ok(first) } else { Err(differ()) })
}
