//! What requests leave by: the network of this machine, or one that a test has made.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// What a [`Network`] answers with, in time.
pub type NetworkFuture<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// A connection's bytes.
pub trait Bytestream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytestream for T {}

/// Resolves names and connects to addresses, and decides nothing: which addresses may be connected
/// to is checked between the two.
pub trait Network: Send + Sync + 'static {
    /// All addresses of a name, or of an address that is written out.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> NetworkFuture<'a, Vec<SocketAddr>>;

    /// A connection to the first of these addresses that answers.
    fn connect<'a>(&'a self, to: &'a [SocketAddr]) -> NetworkFuture<'a, Box<dyn Bytestream>>;
}

/// The network of this machine, with its resolver.
pub(crate) struct Machine;

impl Network for Machine {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> NetworkFuture<'a, Vec<SocketAddr>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }

    fn connect<'a>(&'a self, to: &'a [SocketAddr]) -> NetworkFuture<'a, Box<dyn Bytestream>> {
        Box::pin(async move {
            let stream: Box<dyn Bytestream> = Box::new(TcpStream::connect(to).await?);
            Ok(stream)
        })
    }
}
