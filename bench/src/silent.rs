//! Connections that never finish a request: they send nothing at all, or a head without its end,
//! and are opened again when the server closes them.

use crate::args::{Args, Result};
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The options of `silent`.
pub const OPTIONS: &[&str] = &["port", "connections", "head-bytes"];

/// How long a connection that was refused or closed waits before it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Holds the connections until the standard input ends.
pub fn main(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let (port, connections): (u16, u64) = (args.required("port")?, args.required("connections")?);
    let head = unfinished_head(args.or("head-bytes", 0)?);
    let ended = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&ended);
    std::thread::spawn(move || {
        // Nothing is ever written to it: it ends, or its other side is gone.
        drop(std::io::stdin().read(&mut [0]));
        told.store(true, Ordering::Relaxed);
    });
    runtime.block_on(async {
        for _ in 0..connections {
            tokio::spawn(hold(port, Arc::clone(&head)));
        }
        while !ended.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    crate::print("{}")
}

/// A head of so many bytes whose last line does not end; nothing if that is 0.
fn unfinished_head(bytes: usize) -> Arc<[u8]> {
    let mut head = Vec::new();
    while head.len() < bytes {
        match head.len() {
            0 => head.extend_from_slice(b"GET /v1/balance HTTP/1.1\r\nHost: localhost\r\n"),
            _ => head.extend_from_slice(
                format!("X-{}: {}\r\n", head.len(), "x".repeat(1000)).as_bytes(),
            ),
        }
    }
    head.truncate(bytes);
    head.into()
}

/// One connection, again and again.
async fn hold(port: u16, head: Arc<[u8]>) {
    loop {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await {
            // The server may close it at any time, which is what is being tried.
            if stream.write_all(&head).await.is_ok() {
                let mut ignored = [0; 512];
                while stream.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_its_length_and_no_end() {
        let head = unfinished_head(155_000);
        assert_eq!(head.len(), 155_000);
        assert!(!head.windows(4).any(|four| four == b"\r\n\r\n"));
        assert!(unfinished_head(0).is_empty());
    }
}
