//! The client against receivers that answer, redirect, talk too much, fall silent or hang up.

use super::*;
use std::net::{IpAddr, Ipv4Addr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn client(total: Duration, addresses: AddressRule) -> HttpClient {
    HttpClient::new(Limits { total, response_bytes: 64, addresses }).unwrap()
}

fn patient() -> HttpClient {
    client(Duration::from_secs(300), |_| true)
}

/// A receiver of one request; answers where it listens, and then what it received.
async fn receiver(response: Option<&'static str>) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let received = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut received = String::new();
        let mut buffer = [0; 1024];
        while !received.contains("the body") {
            let read = stream.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0, "{received}");
            received.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        match response {
            Some(response) => stream.write_all(response.as_bytes()).await.unwrap(),
            None => std::future::pending().await,
        }
        received
    });
    (port, received)
}

fn request(uri: &str) -> HttpRequest {
    let mut headers = HeaderMap::new();
    headers.insert("x-signature", HeaderValue::from_static("s1"));
    let body = Bytes::from_static(b"the body");
    HttpRequest { method: Method::POST, uri: uri.parse().unwrap(), headers, body }
}

async fn answered_with(response: &'static str) -> Result<HttpResponse, OutboundError> {
    let (port, _) = receiver(Some(response)).await;
    patient().send(request(&format!("http://127.0.0.1:{port}/hook"))).await
}

#[tokio::test]
async fn a_request_arrives_and_its_response_comes_back() {
    let (port, received) =
        receiver(Some("HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok")).await;
    let uri = format!("http://127.0.0.1:{port}/hook?x=1");
    let response = patient().send(request(&uri)).await.unwrap();
    assert_eq!((response.status.as_u16(), &*response.body), (202, &b"ok"[..]));
    let received = received.await.unwrap();
    assert!(received.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{received}");
    let lower = received.to_ascii_lowercase();
    assert!(lower.contains(&format!("host: 127.0.0.1:{port}\r\n")), "{received}");
    assert!(lower.contains("x-signature: s1\r\n"), "{received}");
}

#[tokio::test]
async fn a_redirect_is_a_response_like_any_other() {
    let redirect =
        "HTTP/1.1 301 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(answered_with(redirect).await.unwrap().status.as_u16(), 301);
}

#[tokio::test]
async fn a_response_that_is_too_long_or_cut_is_an_error() {
    let long = "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n\
                01234567890123456789012345678901234567890123456789012345678901234";
    assert!(matches!(answered_with(long).await, Err(OutboundError::Body)));
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123";
    let error = answered_with(cut).await.err().unwrap();
    assert!(matches!(error, OutboundError::Body | OutboundError::Exchange(_)), "{error:?}");
    let nothing = answered_with("").await.err().unwrap();
    assert!(matches!(nothing, OutboundError::Exchange(_)), "{nothing:?}");
}

#[tokio::test]
async fn silence_ends_in_time() {
    let (port, _) = receiver(None).await;
    let hasty = client(Duration::from_millis(20), |_| true);
    let result = hasty.send(request(&format!("http://127.0.0.1:{port}/"))).await;
    assert!(matches!(result, Err(OutboundError::Timeout)));
}

#[tokio::test]
async fn only_addresses_that_the_rule_lets_pass_are_connected_to() {
    let public = client(Duration::from_secs(300), |address| match address {
        IpAddr::V4(address) => !address.is_loopback(),
        IpAddr::V6(address) => !address.is_loopback(),
    });
    for uri in ["http://127.0.0.1:9/", "http://[::1]:9/", "http://[::ffff:127.0.0.1]:9/"] {
        let result = public.send(request(uri)).await;
        assert!(matches!(result, Err(OutboundError::Forbidden)), "{uri}");
    }
}

#[tokio::test]
async fn what_is_no_http_address_is_refused() {
    for uri in ["/path", "ftp://example.com/", "http://user:secret@127.0.0.1/"] {
        assert!(matches!(patient().send(request(uri)).await, Err(OutboundError::Uri)), "{uri}");
    }
}
