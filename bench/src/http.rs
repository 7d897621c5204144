//! Single requests, for everything that is not load: one connection each, blocking.

use crate::args::Result;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a request with form parameters and returns the answer's JSON. Any status but 200 is an
/// error.
pub fn call(
    port: u16,
    key: &str,
    method: &str,
    target: &str,
    extra_headers: &str,
    form: &[(&str, &str)],
) -> Result<Value> {
    let pairs: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let body = pairs.join("&");
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         {extra_headers}Connection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(port, &request).map_err(|error| format!("{method} {target}: {error}"))?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(format!("{method} {target}: {text}"));
    }
    serde_json::from_str(body).map_err(|error| format!("{method} {target}: {error}: {body}"))
}

/// How long a request without a key takes on a connection of its own, whatever it is answered;
/// an error if nobody answers.
pub fn probe(port: u16, path: &str) -> Result<Duration> {
    let begun = std::time::Instant::now();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let answer = exchange(port, &request).map_err(|error| format!("GET {path}: {error}"))?;
    if answer.starts_with(b"HTTP/1.1 ") {
        Ok(begun.elapsed())
    } else {
        Err(format!("GET {path}: nobody answered"))
    }
}

/// Sends the bytes and reads until the server hangs up.
fn exchange(port: u16, request: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
