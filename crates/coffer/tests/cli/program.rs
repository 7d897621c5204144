//! Running the binary: a home directory of its own for each test, commands, and servers that end
//! with it.

use serde_json::Value;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

/// The user that owns nothing.
const NOBODY: u32 = 65_534;

/// How long a server may take to say something, on a machine that is busy with other work.
const PATIENCE: Duration = Duration::from_secs(300);

/// A directory with a data directory and a configuration directory.
pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A new file that only its owner can reach; its path.
    pub fn private_file(&self, name: &str, content: &[u8]) -> String {
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.path(name);
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.unwrap().write_all(content).unwrap();
        path.display().to_string()
    }

    /// Another one.
    pub fn other(&self) -> Self {
        Self::new()
    }

    /// The program with these arguments, and nothing of this process's environment.
    pub fn coffer(&self, words: &[&str]) -> Call {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coffer"));
        command.args(words).current_dir(self.0.path()).env_clear();
        command.env("XDG_CONFIG_HOME", self.path("config"));
        command.env("COFFER_DATA_DIR", self.path("data"));
        Call { command, stdin: String::new() }
    }

    /// Makes an installation, and gives what the program said about it.
    pub fn init(&self, words: &[&str]) -> Value {
        self.coffer(&[&["init"], words].concat()).json()
    }
}

/// A call of the program that is not made yet.
pub struct Call {
    command: Command,
    stdin: String,
}

/// What starts the program with these sockets as its third and fourth descriptor, as service
/// managers do.
pub fn handed(call: Call, sockets: [OwnedFd; 2]) -> Command {
    let Call { command, .. } = call;
    let script = "export LISTEN_PID=$$; exec \"$0\" \"$@\" 3<&0 4<&1 </dev/null >/dev/null";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(command.get_program()).args(command.get_args()).env_clear();
    shell.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap());
    }
    let [third, fourth] = sockets;
    shell.stdin(third).stdout(fourth);
    shell
}

/// How a call ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Call {
    pub fn env(mut self, name: &str, value: impl Display) -> Self {
        self.command.env(name, value.to_string());
        self
    }

    pub fn api_key(self, key: &str) -> Self {
        self.env("COFFER_API_KEY", key)
    }

    pub fn admin_key(self, key: &str) -> Self {
        self.env("COFFER_ADMIN_KEY", key)
    }

    pub fn stdin(self, text: &str) -> Self {
        Self { stdin: text.to_owned(), ..self }
    }

    /// As a user that owns nothing of this test's, if the test runs as root; as the same user
    /// otherwise.
    pub fn by_nobody(mut self) -> Self {
        use std::os::unix::process::CommandExt;
        if rustix::process::geteuid().is_root() {
            self.command.uid(NOBODY).gid(NOBODY);
        }
        self
    }

    /// Through a shell, with `after` behind the words, such as a redirection.
    pub fn through_shell(mut self, after: &str) -> Self {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        let words: Vec<_> = words
            .map(|word| coffer_base::shell::word(word.to_str().unwrap()).into_owned())
            .collect();
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{} {after}", words.join(" "))]).env_clear();
        shell.current_dir(self.command.get_current_dir().unwrap());
        for (name, value) in self.command.get_envs() {
            shell.env(name, value.unwrap());
        }
        self.command = shell;
        self
    }

    /// With so many descriptors at most, soft and hard.
    pub fn with_descriptors(mut self, most: u32) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\"")]);
        shell.arg(self.command.get_program()).args(self.command.get_args()).env_clear();
        shell.current_dir(self.command.get_current_dir().unwrap());
        for (name, value) in self.command.get_envs() {
            shell.env(name, value.unwrap());
        }
        self.command = shell;
        self
    }

    /// On a terminal with so many lines, whose text is the result, errors too.
    pub fn on_terminal(self, lines: u16) -> Self {
        self.on_terminal_with(lines, "")
    }

    /// The same with `after` behind the words, such as a redirection.
    pub fn on_terminal_with(mut self, lines: u16, after: &str) -> Self {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        let words: Vec<_> = words
            .map(|word| coffer_base::shell::word(word.to_str().unwrap()).into_owned())
            .collect();
        let line = format!("stty rows {lines} cols 300; {} {after}", words.join(" "));
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env_clear();
        script.current_dir(self.command.get_current_dir().unwrap());
        for (name, value) in self.command.get_envs() {
            script.env(name, value.unwrap());
        }
        script.env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh");
        self.command = script;
        self
    }

    /// Starts it with its errors going to `stderr`, and does not wait for it.
    pub fn spawn(&mut self, stderr: Stdio) -> Child {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        self.command.spawn().unwrap()
    }

    /// Starts it with its results going to `stdout`; it, and its errors.
    pub fn spawn_into(mut self, stdout: Stdio) -> (Child, ChildStderr) {
        self.command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let errors = child.stderr.take().unwrap();
        (child, errors)
    }

    pub fn run(self) -> Ended {
        self.run_into(Stdio::piped())
    }

    /// Runs with its results going to `stdout`.
    pub fn run_into(mut self, stdout: Stdio) -> Ended {
        self.command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        // A verb that reads nothing may have ended already.
        let _ = child.stdin.take().unwrap().write_all(self.stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Runs with `--format json` and expects success and exactly one document.
    #[track_caller]
    pub fn json(mut self) -> Value {
        self.command.args(["--format", "json"]);
        let ended = self.run();
        expect(&ended, 0);
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }
}

#[track_caller]
pub fn expect(ended: &Ended, code: i32) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
}

/// A text field.
#[track_caller]
pub fn text(object: &Value, field: &str) -> String {
    let text = object[field].as_str();
    text.unwrap_or_else(|| panic!("no text '{field}' in {object}")).to_owned()
}

/// A server that runs in a process of its own.
pub struct Server<'a> {
    home: &'a Home,
    child: Child,
    said: String,
    log: PathBuf,
    base: String,
}

impl<'a> Server<'a> {
    /// Starts it and waits until it says where it listens.
    pub fn start(home: &'a Home, words: &[&str]) -> Self {
        Self::start_call(home, home.coffer(words), words.contains(&"dev"))
    }

    /// As [`Server::start`], with an environment of its own.
    pub fn start_call(home: &'a Home, call: Call, is_dev: bool) -> Self {
        let log = home.path("log");
        let mut command = call.command;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        let mut server_says = BufReader::new(child.stdout.take().unwrap());
        let base = if is_dev {
            while !said.ends_with("Ctrl-C stops it.\n") {
                assert_ne!(server_says.read_line(&mut said).unwrap(), 0, "{said}");
            }
            let line = said.lines().find_map(|line| line.trim().strip_prefix("API   "));
            line.unwrap().to_owned()
        } else {
            format!("http://{}", logged_address(&log, &mut child))
        };
        Self { home, child, said, log, base }
    }

    /// Starts it with sockets that are bound already.
    pub fn start_handed(home: &'a Home, call: Call, sockets: [OwnedFd; 2]) -> Self {
        let log = home.path("log");
        let mut command = handed(call, sockets);
        let mut child = command.stderr(File::create(&log).unwrap()).spawn().unwrap();
        let base = format!("http://{}", logged_address(&log, &mut child));
        Self { home, child, said: String::new(), log, base }
    }

    /// The program as a client of this server.
    pub fn coffer(&self, words: &[&str]) -> Call {
        self.home.coffer(words).env("COFFER_URL", &self.base)
    }

    pub fn address(&self) -> String {
        self.base.strip_prefix("http://").unwrap().to_owned()
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it printed when it started.
    pub fn said(&self) -> &str {
        &self.said
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Makes an account without a process of its own.
    pub fn create_account(&self) {
        let mut stream = std::net::TcpStream::connect(self.address()).unwrap();
        let head = "POST /v1/admin/accounts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        write!(stream, "{head}Authorization: Bearer ak_any\r\nContent-Length: 0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Tells it to stop.
    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, signal).unwrap();
    }

    /// Kills it, so that it can tidy nothing up.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to stop, and waits for it; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.terminate();
        self.child.wait().unwrap().code()
    }

    /// Waits for its end; its exit code.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Waits until `word` is in the log.
    pub fn wait_for(&mut self, word: &str) {
        wait_for(&self.log, &mut self.child, |log| log.contains(word).then_some(()));
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // It has ended already if it was stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the line of the log that says where the server listens.
fn logged_address(log: &Path, child: &mut Child) -> String {
    wait_for(log, child, |log| {
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let serving = lines.find(|line| line["message"] == "serving")?;
        Some(text(&serving, "address"))
    })
}

/// Waits for something in the log of a server that runs.
#[allow(clippy::disallowed_methods, reason = "the server is another process, with its own clock")]
fn wait_for<T>(log: &Path, child: &mut Child, find: impl Fn(&str) -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let text = std::fs::read_to_string(log).unwrap();
        if let Some(found) = find(&text) {
            return found;
        }
        assert!(child.try_wait().unwrap().is_none(), "the server ended: {text}");
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it was waited for in vain: {}", std::fs::read_to_string(log).unwrap());
}
