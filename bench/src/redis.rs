//! Redis with `appendfsync always`, for information: no HTTP, no authentication, no encryption,
//! no audit. Measured only where `redis-server` is installed.

use crate::args::Result;
use crate::data;
use crate::exchange::Exchange;

/// Appends a command's head and the words that name secret number `index`.
fn push_command(out: &mut Vec<u8>, words: u8, command: &[u8; 3], index: u64) {
    out.extend_from_slice(&[b'*', b'0' + words]);
    out.extend_from_slice(b"\r\n$3\r\n");
    out.extend_from_slice(command);
    // "token_" and sixteen digits.
    out.extend_from_slice(b"\r\n$22\r\n");
    data::push_name(out, index);
    out.extend_from_slice(b"\r\n");
}

/// Appends a payload as a bulk string.
fn push_bulk_payload(out: &mut Vec<u8>, index: u64) {
    out.push(b'$');
    out.extend_from_slice(data::PAYLOAD_CHARACTERS.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    data::push_payload(out, index);
    out.extend_from_slice(b"\r\n");
}

/// Compares an answer with the only right one.
fn compare(received: &[u8], wanted: &[u8]) -> Result<Option<usize>> {
    if received.starts_with(wanted) {
        return Ok(Some(wanted.len()));
    }
    if wanted.starts_with(received) {
        return Ok(None);
    }
    Err(format!("Redis answered {:?}", String::from_utf8_lossy(received)))
}

/// `SET` of a new key.
pub struct Set;

impl Set {
    /// Needs nothing.
    pub fn new() -> Self {
        Self
    }
}

impl Exchange for Set {
    fn request(&mut self, index: u64, out: &mut Vec<u8>) {
        push_command(out, 3, b"SET", index);
        push_bulk_payload(out, index);
    }

    fn check(&mut self, received: &[u8]) -> Result<Option<usize>> {
        compare(received, b"+OK\r\n")
    }
}

/// `GET` of a stored key.
pub struct Get {
    wanted: Vec<u8>,
}

impl Get {
    /// Nothing has been asked yet.
    pub fn new() -> Self {
        Self { wanted: Vec::new() }
    }
}

impl Exchange for Get {
    fn request(&mut self, index: u64, out: &mut Vec<u8>) {
        push_command(out, 2, b"GET", index);
        self.wanted.clear();
        push_bulk_payload(&mut self.wanted, index);
    }

    fn check(&mut self, received: &[u8]) -> Result<Option<usize>> {
        compare(received, &self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_the_lengths_that_they_name() {
        let mut out = Vec::new();
        Set::new().request(5, &mut out);
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[..3], ["*3", "$3", "SET"]);
        assert_eq!(lines[3], format!("${}", lines[4].len()));
        assert_eq!(lines[5], format!("${}", lines[6].len()));
    }

    #[test]
    fn answers_are_compared_to_the_end() {
        let mut get = Get::new();
        get.request(5, &mut Vec::new());
        let right = get.wanted.clone();
        assert_eq!(get.check(&right[..9]), Ok(None));
        assert_eq!(get.check(&right), Ok(Some(right.len())));
        assert!(get.check(b"$-1\r\n").is_err());
        assert!(Set::new().check(b"-ERR").is_err());
    }
}
