//! A log that cannot be written stops nothing.

use crate::program::{Home, expect, text};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

/// A server on a socket whose log goes to `stderr`, once it answers.
fn serve(home: &Home, stderr: Stdio) -> (Child, std::path::PathBuf) {
    let socket = home.path("coffer.sock");
    let mut child = home.coffer(&["serve", "--listen", &format!("unix:{}", socket.display())]);
    let mut child = child.spawn(stderr);
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::yield_now();
    }
    (child, socket)
}

/// The status line of a refusal, each of which is logged.
fn refusal(socket: &std::path::Path) -> String {
    let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
    let head = "GET /v1/apps/secrets HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    write!(stream, "{head}Authorization: Bearer sk_test_nobody\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// A pipe that holds a page, since the log has only some lines of many refusals.
fn small_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (read, write) = std::io::pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&write, 4096).unwrap();
    (read, write)
}

fn stop(mut child: Child) -> Option<i32> {
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    child.wait().unwrap().code()
}

#[test]
fn requests_do_not_depend_on_the_log() {
    let (read_end, gone) = std::io::pipe().unwrap();
    drop(read_end);
    // Nobody reads this one, and it is not closed.
    let (_unread, full) = small_pipe();
    for stderr in [Stdio::from(File::create("/dev/full").unwrap()), gone.into(), full.into()] {
        let home = Home::new();
        home.init(&[]);
        let (child, socket) = serve(&home, stderr);
        // More lines than the pipe holds.
        for _ in 0..400 {
            assert_eq!(refusal(&socket), "HTTP/1.1 401 Unauthorized");
        }
        assert_eq!(stop(child), Some(0));
    }
}

#[test]
fn lost_lines_are_counted_and_said_once_there_is_room() {
    let home = Home::new();
    home.init(&[]);
    let (log, stderr) = small_pipe();
    let (child, socket) = serve(&home, stderr.into());
    for _ in 0..400 {
        refusal(&socket);
    }
    let mut lines = BufReader::new(log).lines();
    let mut wanted = |word: &str| lines.find(|line| line.as_ref().unwrap().contains(word));
    // The line that is written once the pipe has been read.
    let read = std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            for _ in 0..400 {
                refusal(&socket);
            }
        });
        let read = wanted("are lost");
        // The rest is not read; the requests are answered all the same.
        asked.join().unwrap();
        read
    });
    let line: serde_json::Value = serde_json::from_str(&read.unwrap().unwrap()).unwrap();
    assert_eq!(text(&line, "level"), "WARN");
    assert!(line["lines"].as_u64().unwrap() > 0, "{line}");
    assert_eq!(stop(child), Some(0));
}

#[test]
fn a_verb_whose_output_nobody_reads_ends_in_peace() {
    let home = Home::new();
    for words in [&["help"][..], &["config", "print"], &["completions", "bash"], &["--version"]] {
        let ended = home.coffer(words).through_shell("| true; exit 0").run();
        expect(&ended, 0);
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
        let full = home.coffer(words).through_shell(">/dev/full 2>/dev/full").run();
        assert_ne!(full.code, Some(101), "{words:?}");
    }
}

#[test]
fn developer_mode_serves_without_a_log_too() {
    let home = Home::new();
    let call = home.coffer(&["dev", "--listen", "127.0.0.1:0"]);
    let mut call = call;
    let mut child = call.spawn(Stdio::from(File::create("/dev/full").unwrap()));
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let line =
        said.find_map(|line| line.unwrap().trim().strip_prefix("API   http://").map(str::to_owned));
    let mut stream = TcpStream::connect(line.unwrap()).unwrap();
    write!(stream, "GET /v1/nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(stop(child), Some(0));
}
