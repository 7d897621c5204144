//! HTTP of the stand-in: one request on a connection.

use super::State;
use super::answer;
use coffer_base::Timestamp;
use coffer_base::civil::rfc3339;
use serde_json::Value;
use std::io::{BufRead, BufReader, Error, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;

/// Most bytes of a request's head.
const HEAD_BYTES: u64 = 64 * 1024;

/// A request.
pub(super) struct Request {
    pub(super) path: String,
    /// Its parameters, in order and decoded.
    pub(super) params: Vec<(String, String)>,
    pub(super) account: Option<String>,
    pub(super) has_key: bool,
}

/// An answer: a status and JSON.
pub(super) struct Answer(pub(super) u16, pub(super) Value);

/// Reads a request and answers it.
pub(super) fn serve(stream: TcpStream, state: &State) -> Result<(), Error> {
    let mut reader = BufReader::new(stream.try_clone()?).take(HEAD_BYTES);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        path: path.to_owned(),
        params: query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect(),
        account: None,
        has_key: false,
    };
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "stripe-account" => request.account = Some(value.trim().to_owned()),
            "authorization" => request.has_key = value.trim().len() > "Bearer ".len(),
            _ => {}
        }
    }
    let date = date(state.now.load(Ordering::SeqCst));
    let Answer(status, body) = match method {
        "GET" => answer::answer(state, &request),
        _ => answer::refused(405, "This stand-in only reads."),
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         date: {date}\r\nrequest-id: req_standin\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

/// A time as headers have it.
fn date(unix: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = rfc3339(Timestamp::from_unix(unix));
    let (year, month, day, time) = (&text[..4], &text[5..7], &text[8..10], &text[11..19]);
    let weekday = DAYS[usize::try_from(unix.div_euclid(86_400).rem_euclid(7)).unwrap()];
    let month = MONTHS[month.parse::<usize>().unwrap() - 1];
    format!("{weekday}, {day} {month} {year} {time} GMT")
}

fn pair(pair: &str) -> (String, String) {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (decoded(name), decoded(value))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                bytes.push(u8::from_str_radix(digits, 16).unwrap_or(b'?'));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
