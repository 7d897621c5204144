//! `coffer ledger import`: feeds a ledger from a file.
//!
//! First the whole file is read, and nothing told; then it is told, a page at a time. How far that
//! is stands in a file beside it, which is replaced after each page: whatever ends the process,
//! the next run goes on there, and what was told twice counts once.

use super::columns::Columns;
use super::record::Record;
use super::rows::{Place, Row, Rows};
use super::tell::{Outcome, PAGE, Teller};
use crate::cli::args::LedgerImportArgs as Args;
use crate::cli::client::Client;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Output};
use crate::cli::runtime::Runtime;
use crate::cli::{private_file, table};
use crate::config::{API_KEY, Config};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Rows whose faults are shown.
const SHOWN: usize = 20;

/// Different words for types and currencies that a summary counts. A file with more is none of
/// balance transactions.
const WORDS: usize = 1_000;

/// Most bytes of the file that says how far it is.
const PROGRESS_BYTES: u64 = 16 * 1024;

/// Imports a file; [`Exit::Failed`] if a row cannot be read or is refused.
///
/// # Errors
/// If the file or its map cannot be read, or the server refuses or stays away.
pub fn run(config: &Config, args: &Args, output: Output) -> Result<Exit, Failure> {
    let path = args.stripe.as_deref().or(args.file.as_deref());
    let path = path.ok_or_else(|| Failure::usage("name a file"))?;
    let columns = args.map.as_deref().map(Columns::read).transpose()?;
    let mut found = Found::in_file(path, columns.clone())?;
    let may_tell = found.bad == 0 || args.rejects.is_some();
    if !args.dry_run && may_tell {
        let client = Client::new(config, &API_KEY)?.on_account(args.account.as_deref());
        // How far it is stands in a bar.
        let client = client.in_background();
        let server = client.server();
        let runtime = Runtime::new()?;
        let teller = Teller::new(client, &runtime);
        let mut progress = Progress::of(path, &server, args)?;
        teller.take_transactions(None)?;
        found.refused = tell(&teller, path, columns, args, &mut progress)?;
        found.told = Some(progress.told.clone());
    }
    output.show(&found.document(args.dry_run), |document| found.text(document))?;
    if found.bad > 0 && !args.dry_run && !may_tell {
        output::note(
            "coffer: nothing was told: correct these rows, or name a file for them with --rejects",
        );
    }
    let is_good = found.bad == 0 && found.told.as_ref().is_none_or(|told| told.refused == 0);
    Ok(if is_good { Exit::Done } else { Exit::Failed })
}

/// What is in a file.
#[derive(Default)]
struct Found {
    rows: u64,
    bad: u64,
    /// The first of these.
    bad_rows: Vec<(u64, String)>,
    types: BTreeMap<String, u64>,
    /// What it changes balances by, by currency.
    nets: BTreeMap<String, i128>,
    first: Option<i64>,
    last: Option<i64>,
    told: Option<Outcome>,
    /// The first rows that the server refused.
    refused: Vec<(u64, String)>,
}

impl Found {
    /// Reads a whole file.
    fn in_file(path: &Path, columns: Option<Columns>) -> Result<Self, Failure> {
        let mut rows = Rows::open(path, columns, Place::default())?;
        let bar = bar(path, "read");
        let mut found = Self::default();
        while let Some(row) = rows.next()? {
            found.add(row)?;
            bar.set_position(rows.place().byte);
        }
        bar.finish_and_clear();
        Ok(found)
    }

    fn add(&mut self, row: Row) -> Result<(), Failure> {
        self.rows = self.rows.saturating_add(1);
        let record = match row.record {
            Ok(record) => record,
            Err(why) => {
                self.bad = self.bad.saturating_add(1);
                if self.bad_rows.len() < SHOWN {
                    self.bad_rows.push((row.line, why));
                }
                return Ok(());
            }
        };
        let of_type = self.types.entry(record.kind.clone()).or_default();
        *of_type = of_type.saturating_add(1);
        let net = self.nets.entry(record.currency.clone()).or_default();
        *net = net.saturating_add(i128::from(record.net));
        self.first = Some(self.first.map_or(record.created, |old| old.min(record.created)));
        self.last = Some(self.last.map_or(record.created, |old| old.max(record.created)));
        if self.types.len() > WORDS || self.nets.len() > WORDS {
            return Err(Failure::usage(format!(
                "up to line {} there are more than {WORDS} types or currencies: are the columns \
                 right?",
                row.line
            )));
        }
        Ok(())
    }

    fn document(&self, dry_run: bool) -> Value {
        let rows = |rows: &[(u64, String)]| {
            let rows = rows.iter().map(|(line, why)| json!({ "line": line, "why": why }));
            rows.collect::<Vec<_>>()
        };
        let nets =
            self.nets.iter().map(|(currency, net)| (currency.clone(), json!(net.to_string())));
        let told = |count: fn(&Outcome) -> u64| self.told.as_ref().map(count);
        json!({
            "object": "ledger.import",
            "dry_run": dry_run,
            "rows": self.rows,
            "bad": self.bad,
            "bad_rows": rows(&self.bad_rows),
            "types": self.types,
            "nets": nets.collect::<serde_json::Map<_, _>>(),
            "first_created": self.first,
            "last_created": self.last,
            "recorded": told(|told| told.new),
            "known": told(|told| told.known),
            "refused": told(|told| told.refused),
            "refused_rows": rows(&self.refused),
        })
    }

    fn text(&self, document: &Value) -> String {
        let mut head = document.clone();
        if let Some(head) = head.as_object_mut() {
            head.retain(|name, value| !name.ends_with("_rows") && !value.is_null());
            for name in ["first_created", "last_created"] {
                if let Some(time) = head.get(name).and_then(Value::as_i64) {
                    head.insert(name.to_owned(), table::time(time).into());
                }
            }
        }
        let mut text = table::object(&head);
        for (rows, what) in [(&self.bad_rows, "cannot be read"), (&self.refused, "is refused")] {
            for (line, why) in rows {
                text.push_str(&format!("\nline {line} {what}: {}", table::plain(why)));
            }
        }
        text
    }
}

/// How far a file is told.
struct Progress {
    path: PathBuf,
    /// What the file was, and who was told.
    mark: Value,
    place: Place,
    told: Outcome,
}

impl Progress {
    /// As the file beside it says, if that is about the same file, server and account.
    fn of(path: &Path, server: &str, args: &Args) -> Result<Self, Failure> {
        let failed = |error| Failure::usage(format!("{}: {error}", path.display()));
        let meta = std::fs::metadata(path).map_err(failed)?;
        let mark = json!({
            "server": server,
            "account": args.account,
            "size": meta.size(),
            "modified": meta.mtime(),
            "modified_nanoseconds": meta.mtime_nsec(),
        });
        let mut name = path.as_os_str().to_owned();
        name.push(".progress");
        let mut progress = Self {
            path: PathBuf::from(name),
            mark,
            place: Place::default(),
            told: Outcome::default(),
        };
        let kept = private_file::read(&progress.path, PROGRESS_BYTES).ok();
        let kept = kept.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        if let Some(kept) = kept.filter(|kept| kept.get("of") == Some(&progress.mark)) {
            let number = |name: &str| kept.get(name).and_then(Value::as_u64).unwrap_or_default();
            progress.place = Place { byte: number("byte"), line: number("line") };
            progress.told = Outcome {
                new: number("recorded"),
                known: number("known"),
                refused: number("refused"),
                refusals: Vec::new(),
            };
        }
        Ok(progress)
    }

    fn is_new(&self) -> bool {
        self.place == Place::default()
    }

    /// Keeps it; on the disk once this returns.
    fn keep(&self) -> Result<(), Failure> {
        let document = json!({
            "of": self.mark,
            "byte": self.place.byte,
            "line": self.place.line,
            "recorded": self.told.new,
            "known": self.told.known,
            "refused": self.told.refused,
        });
        private_file::write(&self.path, document.to_string().as_bytes())
    }
}

/// Tells a file from where it is; the first rows that were refused.
fn tell(
    teller: &Teller<'_>,
    path: &Path,
    columns: Option<Columns>,
    args: &Args,
    progress: &mut Progress,
) -> Result<Vec<(u64, String)>, Failure> {
    let mut rows = Rows::open(path, columns, progress.place)?;
    let mut rejects = Rejects::open(args.rejects.as_deref(), progress.is_new(), &rows.head())?;
    let bar = bar(path, "told");
    let mut refused = Vec::new();
    loop {
        let (mut page, mut texts) = (Vec::<(u64, Record)>::new(), BTreeMap::new());
        let mut is_last = true;
        while let Some(row) = rows.next()? {
            match row.record {
                Ok(record) => {
                    texts.insert(row.line, row.text);
                    page.push((row.line, record));
                }
                Err(_) => rejects.add(&row.text)?,
            }
            if page.len() >= PAGE {
                is_last = false;
                break;
            }
        }
        let records: Vec<Record> = page.iter().map(|(_, record)| record.clone()).collect();
        let told = teller.in_full(&records)?;
        for (id, why) in &told.refusals {
            let line = page.iter().find(|(_, record)| record.id == *id).map(|(line, _)| *line);
            let line = line.unwrap_or_default();
            if refused.len() < SHOWN {
                refused.push((line, why.clone()));
            }
            rejects.add(texts.get(&line).map_or(&[], Vec::as_slice))?;
        }
        progress.told.add(Outcome { refusals: Vec::new(), ..told });
        progress.place = rows.place();
        bar.set_position(progress.place.byte);
        rejects.keep()?;
        if is_last {
            bar.finish_and_clear();
            // Without it the next run tells all again, which changes nothing.
            let _ = std::fs::remove_file(&progress.path);
            return Ok(refused);
        }
        progress.keep()?;
    }
}

/// Where rows go that are not told.
struct Rejects(Option<(PathBuf, File)>);

impl Rejects {
    fn open(path: Option<&Path>, is_new: bool, head: &[u8]) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self(None)) };
        let mut options = OpenOptions::new();
        options.mode(0o600).append(true);
        let is_there = path.exists();
        if is_new || !is_there {
            options.create_new(true);
        }
        let file = options.open(path);
        let file = file.map_err(|error| {
            Failure::usage(format!("{} cannot be made: {error}", path.display()))
        })?;
        let mut rejects = Self(Some((path.to_owned(), file)));
        if is_new || !is_there {
            rejects.add(head)?;
        }
        Ok(rejects)
    }

    fn add(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.with(|file| {
            file.write_all(text)?;
            if text.is_empty() || text.ends_with(b"\n") { Ok(()) } else { file.write_all(b"\n") }
        })
    }

    /// On the disk once this returns.
    fn keep(&mut self) -> Result<(), Failure> {
        self.with(|file| file.sync_data())
    }

    fn with(&mut self, act: impl Fn(&mut File) -> std::io::Result<()>) -> Result<(), Failure> {
        let Some((path, file)) = &mut self.0 else { return Ok(()) };
        act(file).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
    }
}

/// A bar over a file's bytes, on a terminal.
fn bar(path: &Path, what: &'static str) -> ProgressBar {
    let length = std::fs::metadata(path).map_or(0, |meta| meta.len());
    let bar = ProgressBar::new(length).with_message(what);
    let template = "{msg} {bar:30} {bytes}/{total_bytes} {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
