//! One program that is started, shown, watched and waited for.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How a step or a part ended; the error is a sentence for the person at the terminal.
pub type Outcome = Result<(), String>;

/// How long a step may take when it does not say otherwise. A cold build of the whole tree takes
/// a few minutes on two cores, and many times as long on cores that do other work; what takes two
/// hours hangs.
const MINUTES: u64 = 120;
/// How often a running step is looked at: short against every step, long against the processor.
const POLL: Duration = Duration::from_millis(50);
/// How many of a log's last lines are shown when its step has failed: two screens.
const TAIL: usize = 60;
/// How many characters of a command its failure repeats.
const SHORT: usize = 80;

/// A program with its arguments, not started yet.
pub struct Step {
    command: Command,
    limit: Duration,
    log: Option<PathBuf>,
}

impl Step {
    /// A step that runs `program`, without the variables that cargo sets for *this* program:
    /// build scripts that watch them would otherwise run again.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command.stdin(Stdio::null());
        Self { command, limit: Duration::from_secs(60 * MINUTES), log: None }
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Keeps an environment variable from the program.
    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Sets the folder in which the program runs.
    pub fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Ends the program when it has run for so many minutes.
    pub fn minutes(mut self, minutes: u64) -> Self {
        self.limit = Duration::from_secs(60 * minutes);
        self
    }

    /// Sends what the program says into a file; its end is shown if the step fails.
    pub fn log(mut self, path: PathBuf) -> Self {
        self.log = Some(path);
        self
    }

    /// Shows the command, runs it and waits; anything but success is an error.
    pub fn run(mut self) -> Outcome {
        let shown = self.shown();
        println!("$ {shown}");
        if let Some(path) = &self.log {
            let (out, error) = open_log(path)?;
            self.command.stdout(out).stderr(error);
        }
        let ended = self.end();
        if let (Err(_), Some(path)) = (&ended, &self.log) {
            println!("{}", tail(path));
        }
        ended
    }

    /// Runs the program as [`Self::run`] does and shows nothing: what it says goes into a file.
    pub fn quiet(mut self, path: &Path) -> Outcome {
        let (out, error) = open_log(path)?;
        self.command.stdout(out).stderr(error);
        self.end()
    }

    /// Starts the program and waits.
    fn end(&mut self) -> Outcome {
        let mut child = self.command.spawn().map_err(|e| cannot_start(&self.command, &e))?;
        let reason = match wait(&mut child, self.limit) {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => status.to_string(),
            Ok(None) => format!("ended after {} minutes", self.limit.as_secs() / 60),
            Err(e) => e.to_string(),
        };
        Err(format!("`{}` failed: {reason}", short(&self.shown())))
    }

    /// Runs the program without showing it, and gives what it wrote to its standard output.
    pub fn capture(mut self) -> Result<String, String> {
        let shown = self.shown();
        let output = self.command.output().map_err(|e| cannot_start(&self.command, &e))?;
        if !output.status.success() {
            return Err(format!("`{}` failed: {}", short(&shown), output.status));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The command as a person at the root of the tree would type it.
    fn shown(&self) -> String {
        let mut shown = self.command.get_program().to_string_lossy().into_owned();
        for argument in self.command.get_args() {
            let _ = write!(shown, " {}", argument.to_string_lossy());
        }
        shown.replace(&format!("{}/", crate::root().display()), "")
    }
}

/// Whether `program` can be run with `args`; the error says how to install it.
pub fn need(program: &str, args: &[&str], install: &str) -> Result<String, String> {
    Step::new(program)
        .args(args)
        .capture()
        .map_err(|_| format!("{program} {} does not run: {install}", args.join(" ")))
}

/// The beginning of a command that has been shown in full before.
fn short(shown: &str) -> String {
    match shown.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", shown.get(..end).unwrap_or(shown)),
        None => shown.to_owned(),
    }
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    let program = command.get_program().to_string_lossy();
    match error.kind() {
        ErrorKind::NotFound => format!("{program} is not installed or not in the PATH"),
        _ => format!("{program} cannot be started: {error}"),
    }
}

/// Waits for the child's end; `None` when it had to be killed because its time was up.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::park_timeout(POLL);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn open_log(path: &Path) -> Result<(File, File), String> {
    let open = || {
        let out = File::create(path)?;
        let error = out.try_clone()?;
        Ok((out, error))
    };
    open().map_err(|e: std::io::Error| format!("cannot write {}: {e}", path.display()))
}

/// The last [`TAIL`] lines of a log.
pub fn tail(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(TAIL);
    lines.into_iter().skip(first).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_program_is_the_outcome() {
        assert_eq!(Step::new("true").run(), Ok(()));
        let failure = Step::new("false").run().unwrap_err();
        assert!(failure.contains("`false` failed: exit status: 1"), "{failure}");
    }

    #[test]
    fn a_missing_program_says_how_to_install_it() {
        let failure = need("coffer-no-such-tool", &["--version"], "install it").unwrap_err();
        assert_eq!(failure, "coffer-no-such-tool --version does not run: install it");
    }

    #[test]
    fn a_long_command_is_not_repeated_in_full() {
        let arguments = vec!["é"; 100];
        let failure = Step::new("false").args(arguments).run().unwrap_err();
        assert!(failure.contains("…` failed: exit status"), "{failure}");
        assert!(failure.chars().count() < 120, "{failure}");
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let failure = Step::new("sleep").args(["60"]).minutes(0).run().unwrap_err();
        assert!(failure.contains("ended after 0 minutes"), "{failure}");
    }

    #[test]
    fn the_variables_of_this_package_are_not_handed_on() {
        let shown = Step::new("env").capture().unwrap();
        assert!(!shown.contains("CARGO_PKG_NAME="), "{shown}");
    }
}
