//! Deliveries through a proxy that opens the tunnel, or does not.

use super::*;
use crate::{AddressRule, Limits, Network, NetworkFuture};
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::DuplexStream;

/// A network on which there is one proxy, and no other name is known.
struct ProxyAlone {
    answer: &'static str,
    seen: Mutex<Vec<String>>,
    ends: Mutex<Option<tokio::task::JoinHandle<Vec<String>>>>,
}

const PROXY: &str = "proxy.internal";

/// What arrives up to the end of a head, or what was there when nothing more came.
async fn head(stream: &mut DuplexStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => read.push(byte),
            Err(_ended) => break,
        }
    }
    String::from_utf8(read).unwrap()
}

impl Network for ProxyAlone {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> NetworkFuture<'a, Vec<SocketAddr>> {
        self.seen.lock().unwrap().push(format!("{host}:{port}"));
        let found = (host == PROXY).then(|| vec![SocketAddr::from(([10, 0, 0, 1], port))]);
        Box::pin(std::future::ready(found.ok_or_else(|| io::ErrorKind::NotFound.into())))
    }

    fn connect<'a>(&'a self, _to: &'a [SocketAddr]) -> NetworkFuture<'a, Box<dyn Bytestream>> {
        let (near, mut far) = tokio::io::duplex(4096);
        let answer = self.answer;
        let proxy = tokio::spawn(async move {
            let asked = head(&mut far).await;
            // Whoever was refused may be gone.
            let _ = far.write_all(answer.as_bytes()).await;
            let request = head(&mut far).await;
            let _ = far.write_all(b"HTTP/1.1 204 X\r\n\r\n").await;
            vec![asked, request]
        });
        *self.ends.lock().unwrap() = Some(proxy);
        let stream: Box<dyn Bytestream> = Box::new(near);
        Box::pin(std::future::ready(Ok(stream)))
    }
}

/// Delivers through a proxy with this answer: the outcome, the names that were looked up, and what
/// the proxy has read before the tunnel and in it.
async fn through(
    answer: &'static str,
) -> (Result<StatusCode, OutboundError>, Vec<String>, Vec<String>) {
    let (seen, ends) = Default::default();
    let network = Arc::new(ProxyAlone { answer, seen, ends });
    let total = Duration::from_secs(10);
    let nowhere: AddressRule = |_| false;
    let limits = Limits { total, response_bytes: 1, addresses: nowhere };
    let client = HttpClient::new(limits).unwrap().on(Arc::<ProxyAlone>::clone(&network));
    let proxy = Proxy { host: PROXY.to_owned(), port: 3128 };
    let public = Destinations::default();
    let how = Delivery { to: &public, proxy: Some(&proxy), connect: total, total };
    let request = HttpRequest {
        method: Method::POST,
        uri: "http://hooks.invalid:8080/a".parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    };
    let outcome = client.deliver(request, how).await;
    let proxy = network.ends.lock().unwrap().take().unwrap();
    let read = proxy.await.unwrap();
    let seen = std::mem::take(&mut *network.seen.lock().unwrap());
    (outcome, seen, read)
}

const ASKED: &str = "CONNECT hooks.invalid:8080 HTTP/1.1\r\nHost: hooks.invalid:8080\r\n\r\n";

#[tokio::test]
async fn a_proxy_gets_the_name_and_then_the_request_for_whom_it_is() {
    let (outcome, seen, read) = through("HTTP/1.1 200 Connected\r\nVia: p\r\n\r\n").await;
    assert_eq!(outcome.unwrap(), StatusCode::NO_CONTENT);
    assert_eq!(seen, ["proxy.internal:3128"], "the receiver's name is the proxy's to resolve");
    assert_eq!(read[0], ASKED);
    assert!(read[1].starts_with("POST /a HTTP/1.1\r\n"), "{}", read[1]);
    assert!(read[1].to_ascii_lowercase().contains("host: hooks.invalid:8080\r\n"), "{}", read[1]);
}

#[tokio::test]
async fn nothing_is_sent_through_a_tunnel_that_was_not_opened() {
    for answer in ["HTTP/1.1 403 No\r\n\r\n", "HTTP/1.1 407 Who\r\n\r\n", "SSH-2.0-x\r\n\r\n"] {
        let (outcome, _, read) = through(answer).await;
        assert!(matches!(outcome, Err(OutboundError::Connect(_))), "{answer}: {outcome:?}");
        assert_eq!(read, [ASKED, ""], "{answer}");
    }
}
