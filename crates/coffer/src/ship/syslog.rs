//! Messages of syslog (RFC 5424), with an entry's line of JSON as the text of each.
//!
//! A stream acknowledges nothing by itself: what was written may still be in a buffer when the
//! receiver dies. So each batch has a connection of its own, whose end is sent, and it counts once
//! the receiver has closed its side, which it does when it has read all. UDP acknowledges nothing
//! at all: what is lost on the way is lost.

use super::error::SendError;
use super::line::line;
use coffer_audit::StoredEntry;
use coffer_base::civil::rfc3339;
use std::io;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket, UnixDatagram, UnixStream};

/// How messages get there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Transport {
    /// A datagram each, to a host and port.
    Udp(String),
    /// A stream, each message behind its length (RFC 6587, section 3.4.1).
    Tcp(String),
    /// A socket of this machine: datagrams, or a stream as over TCP, whichever it takes.
    Unix(PathBuf),
}

/// A syslog server.
pub(super) struct Syslog(pub(super) Transport);

impl Syslog {
    pub(super) async fn send(&self, batch: &[StoredEntry]) -> Result<(), SendError> {
        let messages: Vec<String> = batch.iter().map(message).collect();
        match &self.0 {
            Transport::Udp(address) => over_udp(address, &messages).await?,
            Transport::Tcp(address) => {
                over_stream(TcpStream::connect(address).await?, &messages).await?;
            }
            Transport::Unix(path) => over_unix(path, &messages).await?,
        }
        Ok(())
    }
}

async fn over_udp(address: &str, messages: &[String]) -> io::Result<()> {
    let target = tokio::net::lookup_host(address).await?.next();
    let target = target.ok_or_else(|| io::Error::other("the host has no address"))?;
    let own = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(target).await?;
    for message in messages {
        socket.send(message.as_bytes()).await?;
    }
    // On this machine a receiver that is not there is known by now.
    socket.take_error()?.map_or(Ok(()), Err)
}

async fn over_unix(path: &Path, messages: &[String]) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    if socket.connect(path).is_err() {
        return over_stream(UnixStream::connect(path).await?, messages).await;
    }
    for message in messages {
        socket.send(message.as_bytes()).await?;
    }
    Ok(())
}

/// Sends all messages and the end of the stream, and waits for the receiver's own end.
async fn over_stream(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    messages: &[String],
) -> io::Result<()> {
    let framed = messages.iter().map(|message| format!("{} {message}", message.len()));
    stream.write_all(framed.collect::<String>().as_bytes()).await?;
    stream.shutdown().await?;
    let mut ignored = [0; 512];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// Log audit, as RFC 5424 numbers facilities.
const FACILITY: u8 = 13;

/// An entry as a message.
fn message(entry: &StoredEntry) -> String {
    let severity = match entry.text("outcome") {
        Some("failed") => 3,
        Some("refused") => 4,
        _ => 6,
    };
    format!(
        "<{}>1 {} {} coffer - {} - {}",
        FACILITY * 8 + severity,
        rfc3339(entry.at()),
        word(entry.text("server"), 255),
        word(entry.text("operation"), 32),
        line(entry)
    )
}

/// A field of a message's head: visible ASCII of a bounded length, or a dash for none.
fn word(text: Option<&str>, most: usize) -> String {
    let visible = text.unwrap_or_default().chars().filter(char::is_ascii_graphic);
    Some(visible.take(most).collect::<String>())
        .filter(|word| !word.is_empty())
        .unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_head_are_visible_and_short() {
        assert_eq!(word(Some("admin.api_keys.create"), 32), "admin.api_keys.create");
        assert_eq!(word(Some("a b\u{e9}\nc"), 2), "ab");
        assert_eq!((word(None, 9), word(Some(" "), 9)), ("-".to_owned(), "-".to_owned()));
    }
}
