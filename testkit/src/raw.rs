//! A connection on which a test writes bytes itself.

use crate::PATIENCE;
use crate::client::Answer;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

/// One connection to a server.
pub struct Raw {
    stream: BufReader<TcpStream>,
}

impl Raw {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Writes bytes. A connection that the server has closed already is no failure: the answer
    /// tells what happened.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        if let Err(error) = self.stream.get_mut().write_all(bytes.as_ref()) {
            assert!(is_gone(&error), "{error}");
        }
    }

    /// Writes a request: `head` is its first line and its headers, to which `Host` is added.
    pub fn request(&mut self, head: &[&str], body: &str) {
        let mut lines = head.iter();
        let first = lines.next().copied().unwrap_or_default();
        let mut text = format!("{first} HTTP/1.1\r\nHost: localhost\r\n");
        for line in lines {
            text.push_str(line);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        text.push_str(body);
        self.send(text);
    }

    /// Sends nothing more, and says so.
    pub fn finish_sending(&self) {
        self.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// The next answer.
    pub fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// The next answer if it answers a `HEAD`: it has no body, whatever its length says.
    pub fn head(&mut self) -> Answer {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.stream.read_line(&mut line).unwrap();
            assert!(read > 0, "the connection ended after {lines:?}");
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            lines.push(line.to_owned());
        }
        let status = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap();
        let headers = lines.iter().skip(1).map(|line| {
            let (name, value) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Answer { status: status.parse().unwrap(), headers: headers.collect(), body: String::new() }
    }

    /// Whether the server closes the connection, be it after an answer with this status.
    pub fn is_closed_after(&mut self, status: u16) -> bool {
        let mut first = String::new();
        match self.stream.read_line(&mut first) {
            Ok(0) => true,
            Ok(_) => {
                let answered = first.split(' ').nth(1) == Some(&status.to_string());
                let mut rest = Vec::new();
                let ended = self.stream.read_to_end(&mut rest);
                answered && ended.map_or_else(|error| is_gone(&error), |_| true)
            }
            Err(error) => is_gone(&error),
        }
    }

    /// Waits until the server closes the connection; whether it did so without another byte.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => is_gone(&error),
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}
