//! A log that cannot be written stops nothing.

use crate::program::{Home, Server, expect, text};
use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
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

fn stop(mut child: Child) -> Option<i32> {
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    child.wait().unwrap().code()
}

/// The end of a pipe to write to, in which there is no room: and how many bytes fill it.
fn full_pipe() -> (PipeReader, PipeWriter, usize) {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    let mut filled = 0;
    while let Ok(count) = writer.write(&[b'.'; 4096]) {
        filled += count;
    }
    fcntl_setfl(&writer, flags).unwrap();
    (reader, writer, filled)
}

#[test]
fn requests_do_not_depend_on_the_log() {
    let (read_end, gone) = std::io::pipe().unwrap();
    drop(read_end);
    // Nobody reads this one, and it is not closed.
    let (_unread, full, _) = full_pipe();
    for stderr in [Stdio::from(File::create("/dev/full").unwrap()), gone.into(), full.into()] {
        let home = Home::new();
        home.init(&[]);
        let (child, socket) = serve(&home, stderr);
        for _ in 0..20 {
            assert_eq!(refusal(&socket), "HTTP/1.1 401 Unauthorized");
        }
        assert_eq!(stop(child), Some(0));
    }
}

#[test]
fn lost_lines_are_counted_and_said_once_there_is_room() {
    let home = Home::new();
    home.init(&[]);
    let (mut log, stderr, filled) = full_pipe();
    let (child, socket) = serve(&home, stderr.into());
    refusal(&socket);
    // Once there is room, the next line is written: the one that says that it stops.
    log.read_exact(&mut vec![0; filled]).unwrap();
    assert_eq!(stop(child), Some(0));
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    let lines = rest.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let lines: Vec<_> = lines.collect();
    assert!(text(&lines[0], "message").starts_with("stopping"), "{rest}");
    assert_eq!(text(&lines[1], "level"), "WARN");
    // At least the line that says that it serves.
    assert!(lines[1]["lines"].as_u64().unwrap() > 0, "{rest}");
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

/// Standard outputs that take nothing: of a full disk, and of a pipe whose reader is gone.
fn closed() -> [Stdio; 2] {
    let (reader, gone) = std::io::pipe().unwrap();
    drop(reader);
    [Stdio::from(File::create("/dev/full").unwrap()), gone.into()]
}

#[test]
fn a_key_that_is_shown_once_and_was_not_is_no_success() {
    for stdout in closed() {
        let home = Home::new();
        let lost = home.coffer(&["init"]).run_into(stdout);
        expect(&lost, 1);
        assert!(lost.stderr.contains("`coffer admin-key create`"), "{}", lost.stderr);
        // What it says works.
        let made = home.coffer(&["admin-key", "create"]).json();
        let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
        for stdout in closed() {
            let create = server.coffer(&["keys", "create", "--admin"]);
            let lost = create.admin_key(&text(&made, "key")).run_into(stdout);
            expect(&lost, 1);
            assert!(lost.stderr.contains("revoke"), "{}", lost.stderr);
        }
        assert_eq!(server.stop(), Some(0));
        for stdout in closed() {
            expect(&home.coffer(&["admin-key", "create"]).run_into(stdout), 1);
        }
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
    is_served_at(&line.unwrap());
    assert_eq!(stop(child), Some(0));
}

#[test]
fn developer_mode_serves_if_nobody_reads_how_to_use_it() {
    for stdout in closed() {
        let home = Home::new();
        let call = home.coffer(&["dev", "--listen", "127.0.0.1:0", "--log-format", "json"]);
        let (mut child, log) = call.spawn_into(stdout);
        let mut lines = BufReader::new(log).lines().map(|line| line.unwrap());
        let line = lines.find(|line| line.contains("could not be printed")).unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(child.try_wait().unwrap().is_none());
        is_served_at(&text(&line, "address"));
        assert_eq!(stop(child), Some(0));
    }
}

fn is_served_at(address: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /v1/nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

/// Where standard error leads, as the journal's variable names it.
fn stream_of(file: &File) -> String {
    let found = rustix::fs::fstat(file).unwrap();
    format!("{}:{}", found.st_dev, found.st_ino)
}

/// What a server logs of a success, a refusal and its own stop.
fn logged(home: &Home, stream: Option<&str>) -> String {
    let path = home.path("log");
    let file = File::create(&path).unwrap();
    let stream = stream.map_or_else(|| stream_of(&file), str::to_owned);
    let socket = home.path("coffer.sock");
    let listen = format!("unix:{}", socket.display());
    let call = home.coffer(&["serve", "--listen", &listen, "--log-requests", "all"]);
    let mut child = call.env("JOURNAL_STREAM", stream).spawn(file.into());
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::yield_now();
    }
    refusal(&socket);
    let admin = home.coffer(&["status", "--url", &format!("unix:{}", socket.display())]);
    let key = std::fs::read_to_string(home.path("admin-key")).unwrap();
    expect(&admin.admin_key(&key).run(), 0);
    assert_eq!(stop(child), Some(0));
    std::fs::read_to_string(path).unwrap()
}

/// A store, whose first admin key is kept in a file.
fn home() -> Home {
    let home = Home::new();
    let made = home.init(&[]);
    std::fs::write(home.path("admin-key"), text(&made, "admin_key")).unwrap();
    home
}

#[test]
fn the_journal_gets_a_priority_with_each_line_and_nobody_else_does() {
    let home = home();
    let priorities = ["<3>{", "<4>{", "<6>{", "<7>{"];
    for line in logged(&home, None).lines() {
        assert!(priorities.iter().any(|priority| line.starts_with(priority)), "{line}");
    }
    for line in logged(&home, Some("1:2")).lines() {
        assert!(line.starts_with('{'), "{line}");
    }
}

/// The fields of a table of the page on logs.
fn fields_of_page(heading: &str) -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations/logs.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, part) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let part = part.split("\n## ").next().unwrap();
    let rows = part.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    rows.map(str::to_owned).collect()
}

#[test]
fn lines_of_requests_have_the_fields_that_the_page_lists() {
    let log = logged(&home(), Some("1:2"));
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let lines: Vec<_> = lines.collect();
    let every = fields_of_page("Every line");
    for line in &lines {
        assert!(every.iter().all(|field| line.get(field).is_some()), "{line}");
    }
    let of_requests = fields_of_page("Requests");
    let mut found: Vec<&str> = Vec::new();
    for message in ["answered", "refused"] {
        let line = lines.iter().find(|line| line["message"] == message).unwrap();
        for field in line.as_object().unwrap().keys() {
            let listed = every.iter().chain(&of_requests).any(|known| known == field);
            assert!(listed, "{field} is not in the page: {line}");
            found.push(field);
        }
    }
    // A failure has a cause, and a sampled request a trace and a span; none is here.
    let absent = ["cause", "trace", "span"];
    for field in of_requests.iter().filter(|field| !absent.contains(&field.as_str())) {
        assert!(found.contains(&field.as_str()), "no line has {field}");
    }
}
