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
    /// Whether a run before began it.
    is_begun: bool,
    /// Bytes of the file of what is not told. What a run that was ended wrote behind them, the next
    /// one writes again.
    rejects: u64,
}

impl Progress {
    /// As the file beside it says, if that is about the same file, server and account.
    fn of(path: &Path, server: &str, args: &Args) -> Result<Self, Failure> {
        let failed = |error| Failure::usage(format!("{}: {error}", path.display()));
        let meta = std::fs::metadata(path).map_err(failed)?;
        let mark = json!({
            "server": server,
            "account": args.account,
            "rejects": args.rejects,
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
            is_begun: false,
            rejects: 0,
        };
        let kept = private_file::read(&progress.path, PROGRESS_BYTES).ok();
        let kept = kept.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        if let Some(kept) = kept.filter(|kept| kept.get("of") == Some(&progress.mark)) {
            let number = |name: &str| kept.get(name).and_then(Value::as_u64).unwrap_or_default();
            progress.is_begun = true;
            progress.rejects = number("rejects");
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

    /// Keeps it; on the disk once this returns.
    fn keep(&self) -> Result<(), Failure> {
        let document = json!({
            "of": self.mark,
            "byte": self.place.byte,
            "line": self.place.line,
            "recorded": self.told.new,
            "known": self.told.known,
            "refused": self.told.refused,
            "rejects": self.rejects,
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
    let mut rejects = Rejects::open(args.rejects.as_deref(), progress, &rows.head())?;
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
        for (line, why) in lines_of(&told.refusals, &page) {
            rejects.add(texts.get(&line).map_or(&[], Vec::as_slice))?;
            if refused.len() < SHOWN {
                refused.push((line, why));
            }
        }
        progress.told.add(Outcome { refusals: Vec::new(), ..told });
        progress.place = rows.place();
        bar.set_position(progress.place.byte);
        progress.rejects = rejects.keep()?;
        if is_last {
            bar.finish_and_clear();
            // Without it the next run tells all again, which changes nothing.
            let _ = std::fs::remove_file(&progress.path);
            return Ok(refused);
        }
        progress.keep()?;
    }
}

/// On which lines the rows stand that are refused. Of rows with the same id it is those that the
/// server comes to last: what it has recorded of them by then, they contradict.
fn lines_of(refusals: &[(String, String)], page: &[(u64, Record)]) -> Vec<(u64, String)> {
    let order = |record: &Record| {
        let amount = record.body.get("amount").and_then(Value::as_i64);
        (record.created, amount.is_some_and(|amount| amount < 0))
    };
    let mut rows: BTreeMap<&str, Vec<&(u64, Record)>> = BTreeMap::new();
    for row in page {
        rows.entry(row.1.id.as_str()).or_default().push(row);
    }
    for same in rows.values_mut() {
        same.sort_by_key(|(_, record)| order(record));
    }
    let mut lines = Vec::with_capacity(refusals.len());
    // From the last refusal to the first, each takes the last of its rows.
    for (id, why) in refusals.iter().rev() {
        let row = rows.get_mut(id.as_str()).and_then(Vec::pop);
        lines.push((row.map_or(0, |(line, _)| *line), why.clone()));
    }
    lines.sort_by_key(|(line, _)| *line);
    lines
}

/// Where rows go that are not told.
struct Rejects(Option<(PathBuf, File)>);

impl Rejects {
    /// A new file; that of the run before, if one began it.
    fn open(path: Option<&Path>, progress: &Progress, head: &[u8]) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self(None)) };
        let failed = |error: std::io::Error| {
            Failure::usage(format!("{} cannot be made: {error}", path.display()))
        };
        let mut options = OpenOptions::new();
        options.mode(0o600).append(true);
        let file = if progress.is_begun {
            options.create(true).open(path)
        } else {
            // Whatever ends this run, the next one knows that the file is its own.
            progress.keep()?;
            options.create_new(true).open(path).inspect_err(|_| {
                let _ = std::fs::remove_file(&progress.path);
            })
        };
        let file = file.map_err(failed)?;
        let kept = progress.rejects.min(file.metadata().map_err(failed)?.len());
        file.set_len(kept).map_err(failed)?;
        let mut rejects = Self(Some((path.to_owned(), file)));
        if kept == 0 {
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

    /// On the disk once this returns: so many bytes.
    fn keep(&mut self) -> Result<u64, Failure> {
        self.with(|file| {
            file.sync_data()?;
            Ok(file.metadata()?.len())
        })
    }

    fn with<T: Default>(
        &mut self,
        act: impl Fn(&mut File) -> std::io::Result<T>,
    ) -> Result<T, Failure> {
        let Some((path, file)) = &mut self.0 else { return Ok(T::default()) };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_rows_with_the_same_id_the_later_ones_are_refused() {
        let row = |line: u64, id: &str, created: i64, amount: i64| {
            let record = Record::of(&json!({
                "id": id, "type": "charge", "amount": amount, "currency": "eur",
                "created": created, "available_on": created,
            }));
            (line, record.unwrap())
        };
        // The server comes to lines 4, 3, 2 and 5 in this order.
        let page = [
            row(2, "txn_1", 9, 100),
            row(3, "txn_1", 7, 200),
            row(4, "txn_2", 5, 1),
            row(5, "txn_1", 9, -300),
        ];
        let refused = |ids: &[&str]| {
            let refusals: Vec<_> =
                ids.iter().map(|id| ((*id).to_owned(), "no".to_owned())).collect();
            lines_of(&refusals, &page).into_iter().map(|(line, _)| line).collect::<Vec<_>>()
        };
        assert_eq!(refused(&["txn_1", "txn_1"]), [2, 5]);
        assert_eq!(refused(&["txn_1", "txn_2", "txn_1", "txn_1"]), [2, 3, 4, 5]);
        assert_eq!(refused(&["txn_2"]), [4]);
    }

    #[test]
    fn what_a_run_that_was_ended_wrote_behind_its_mark_is_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rejects");
        let mut progress = Progress {
            path: directory.path().join("rows.progress"),
            mark: Value::Null,
            place: Place::default(),
            told: Outcome::default(),
            is_begun: false,
            rejects: 0,
        };
        let open = |progress: &Progress| Rejects::open(Some(&path), progress, b"head\n");
        let text = || std::fs::read_to_string(&path).unwrap();
        // It ends before anything is told, and again behind its first page.
        drop(open(&progress).unwrap());
        assert_eq!(text(), "head\n");
        progress.is_begun = true;
        let mut rejects = open(&progress).unwrap();
        rejects.add(b"one\n").unwrap();
        progress.rejects = rejects.keep().unwrap();
        rejects.add(b"two\n").unwrap();
        drop(rejects);
        let mut rejects = open(&progress).unwrap();
        rejects.add(b"two\n").unwrap();
        assert_eq!(text(), "head\none\ntwo\n");
        // A file that was there before anything began is nobody's to write to.
        progress.is_begun = false;
        let refused = open(&progress).err().unwrap().message;
        assert!(refused.contains("cannot be made"), "{refused}");
        assert!(!progress.path.exists());
        assert_eq!(text(), "head\none\ntwo\n");
    }
}
