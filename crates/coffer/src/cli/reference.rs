//! The pages of `docs/reference` that are written from this program: its verbs, its settings, and
//! why it refuses. `cargo xtask reference` runs these tests with `COFFER_WRITE_DOCS`, which has
//! them write the pages; else they compare them.

use super::args;
use super::exit::CODES;
use crate::config::{self, Kind};
use clap::{Arg, Command};
use coffer_dialect::Reason;
use coffer_dialect::error::{STATUSES, TYPES};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const WRITTEN: &str = "\
This page is written by `cargo xtask reference` and is not edited by hand.
";

const VERBS: &str = "\
# Verbs

Every verb of `coffer` with its own arguments, as `coffer VERB --help` has them.
";
const ABOUT_VERBS: &str = "
An argument in capitals has no flag. Where a verb takes settings, they are flags too: see
[settings](settings.md). What the verbs do together: [the command line](../cli.md).
";

const SETTINGS: &str = "\
# Settings

Every setting with its flag and its variable.
";
const ABOUT_SETTINGS: &str = "
A flag wins over the environment, the environment over the file that `--config` names, and the file
over the default; the file is TOML, with the names of the first column as keys
([more](../cli.md#settings)). `coffer config print` shows what is in force, and where it came from.

| Setting | Flag | Variable | Default | What it is |
|---|---|---|---|---|
";

const ERRORS: &str = "\
# Errors

What a request can be refused with, and why.
";
const STATUS_TABLE: &str = "
## Statuses

| Status | What it means |
|---|---|
";
const ABOUT_ERRORS: &str = "
An error has `type`, `message` and, where it helps a program, `code` and `param`. Which call answers
what: [the wire](../wire/README.md). Whether to try again says the header `Stripe-Should-Retry`,
which the SDKs follow.

";
const REASON_TABLE: &str = "
## Reasons

For whoever runs the server: no response has them. `coffer explain req_…` says the one of a request
in a sentence, and the audit and the log have the code.

| Reason | Why the request was refused | What to do |
|---|---|---|
";

/// The page, as it is kept or as it should be.
fn keep(name: &str, text: &str) {
    let path = root().join("docs/reference").join(name);
    if std::env::var_os("COFFER_WRITE_DOCS").is_some() {
        return std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "docs/reference/{name} is old: run `cargo xtask reference`");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A text as a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[test]
fn the_reference_has_every_verb() {
    let mut page = format!("{VERBS}{WRITTEN}{ABOUT_VERBS}");
    let mut command = args::command();
    command.build();
    let mut verbs: Vec<&Command> = command.get_subcommands().collect();
    verbs.sort_by_key(|verb| verb.get_name());
    verbs.into_iter().for_each(|verb| add_verb(&mut page, "coffer", verb));
    page.push_str("\n## Exit codes\n\n| Code | Meaning |\n|---|---|\n");
    for (_, code, meaning) in CODES {
        writeln!(page, "| {code} | {meaning} |").unwrap();
    }
    keep("verbs.md", &page);
}

fn add_verb(page: &mut String, above: &str, verb: &Command) {
    if verb.get_name() == "help" {
        return;
    }
    let name = format!("{above} {}", verb.get_name());
    let about = verb.get_long_about().or(verb.get_about()).map(ToString::to_string);
    let is_group = verb.get_subcommands().any(|below| below.get_name() != "help")
        && verb.is_subcommand_required_set();
    if !is_group {
        write!(page, "\n## `{name}`\n\n{}\n", about.unwrap_or_default()).unwrap();
        add_arguments(page, verb);
        if let Some(help) = verb.get_after_help() {
            write!(page, "\n```text\n{}\n```\n", help.to_string().trim()).unwrap();
        }
    }
    verb.get_subcommands().for_each(|below| add_verb(page, &name, below));
}

fn add_arguments(page: &mut String, verb: &Command) {
    let is_own = |arg: &&Arg| !arg.is_global_set() && !is_setting(arg) && arg.get_id() != "help";
    let own: Vec<&Arg> = verb.get_arguments().filter(is_own).collect();
    if !own.is_empty() {
        page.push_str("\n| Argument | What it is |\n|---|---|\n");
    }
    for arg in own {
        let about = arg.get_long_help().or(arg.get_help()).map(ToString::to_string);
        writeln!(page, "| `{}` | {} |", cell(&written(arg)), cell(&about.unwrap_or_default()))
            .unwrap();
    }
    let settings: Vec<_> = verb.get_arguments().filter(is_setting).collect();
    let names: Vec<String> =
        settings.iter().filter_map(|arg| Some(format!("`--{}`", arg.get_long()?))).collect();
    if !names.is_empty() {
        write!(page, "\nSettings: {}\n", names.join(", ")).unwrap();
    }
}

fn is_setting(arg: &&Arg) -> bool {
    let long = arg.get_long();
    long.is_some() && config::ALL.iter().any(|setting| setting.flag == long)
}

/// An argument as somebody types it.
fn written(arg: &Arg) -> String {
    let takes = arg.get_action().takes_values();
    let names = arg.get_value_names().unwrap_or_default();
    let value = names
        .first()
        .map_or_else(|| arg.get_id().as_str().to_uppercase(), |name| name.as_str().to_owned());
    match arg.get_long() {
        Some(long) if takes => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
        None => value,
    }
}

#[test]
fn the_reference_has_every_setting() {
    let mut page = format!("{SETTINGS}{WRITTEN}{ABOUT_SETTINGS}");
    for setting in config::ALL.iter() {
        let code = |text: &str| format!("`{text}`");
        let flag = setting.flag.map(|flag| code(&format!("--{flag}"))).unwrap_or_default();
        let variable = match setting.kind {
            Kind::Secret => format!("`{}`, `{}`", setting.env, setting.file_variable()),
            _ => code(setting.env),
        };
        let default = setting.default.map(code).unwrap_or_default();
        let (name, about) = (setting.name, cell(setting.about));
        writeln!(page, "| `{name}` | {flag} | {variable} | {default} | {about} |").unwrap();
    }
    keep("settings.md", &page);
}

#[test]
fn the_reference_has_every_reason() {
    let mut page = format!("{ERRORS}{WRITTEN}{STATUS_TABLE}");
    for (status, about) in STATUSES {
        writeln!(page, "| {status} | {about} |").unwrap();
    }
    let types: Vec<String> = TYPES.iter().map(|one| format!("`{one}`")).collect();
    let found = codes();
    let described = coffer::openapi::CODES;
    assert!(found.iter().eq(described.iter()), "openapi.rs has other codes than {found:?}");
    let codes: Vec<String> = found.iter().map(|one| format!("`{one}`")).collect();
    page.push_str(ABOUT_ERRORS);
    write!(page, "Types: {}.\n\nCodes: {}.\n", types.join(", "), codes.join(", ")).unwrap();
    page.push_str(REASON_TABLE);
    let mut reasons: Vec<&Reason> = coffer::all_reasons();
    reasons.sort_by_key(|reason| reason.code);
    for Reason { code, because, advice } in reasons {
        let because = cell(&because.replace("{about}", "…"));
        writeln!(page, "| `{code}` | {because} | {} |", cell(advice)).unwrap();
    }
    keep("errors.md", &page);
}

/// The codes that errors have on the wire.
fn codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for family in std::fs::read_dir(root().join("crates")).unwrap() {
        collect(&family.unwrap().path().join("src"), &mut codes);
    }
    codes
}

fn collect(folder: &Path, codes: &mut BTreeSet<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, codes);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for call in ["with_code(", "::conflict("] {
                let after = text.split(call).skip(1).filter_map(|rest| rest.split('"').nth(1));
                codes.extend(after.filter(|code| is_code(code)).map(str::to_owned));
            }
        }
    }
}

/// Whether a text is a code: words with underscores between, as all of them are.
fn is_code(text: &str) -> bool {
    text.contains('_') && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())
}
