//! The table of addresses and spellings that no delivery may reach.

use super::*;
use crate::{
    Bytestream, Delivery, HttpClient, HttpRequest, Limits, Network, NetworkFuture, OutboundError,
};
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Addresses that are not of the public internet, each in one notation.
const REFUSED: &[&str] = &[
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.0.0.2",
    "127.1.2.3",
    "127.255.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.0",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.1.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::7f00:1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:0",
    "::ffff:0:127.0.0.1",
    "0:0:0:0:0:ffff:c0a8:101",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff::10.0.0.1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2001:db8:ffff::1",
    "2002:7f00:1::",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:a9fe:a9fe::1",
    "2002:c0a8:101::",
    "2002:c612:1::1",
    "2600::5efe:127.0.0.1",
    "2600::200:5efe:10.0.0.1",
    "3fff::1",
    "3fff:fff::1",
    "4000::1",
    "5f00::1",
    "8000::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fdff:ffff::1",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "febf::1",
    "fec0::1",
    "ff00::1",
    "ff02::1",
    "ff05::1:3",
    "ffff::1",
];

/// Spellings that a resolver may take for one of them: refused as text, before anything is
/// resolved.
const ODD: &[&str] = &[
    "0",
    "1",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0X7F000001",
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f.1",
    "127.0.0.0x1",
    "127.0.0.01",
    "127.000.000.001",
    "127.0.0.1.",
    "2852039166",
    "0xa9fea9fe",
    "169.254.43518",
    "0251.0376.0251.0376",
    "10.1",
    "3232235777",
    "1.2.3.4.5",
    "256.256.256.256",
    "127.0.0.1.1",
    "99999999999",
];

fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn what_is_not_of_the_public_internet_is_refused() {
    assert!(REFUSED.len() + ODD.len() >= 100);
    let public = Destinations::default();
    for text in REFUSED {
        let to = SocketAddr::new(address(text), 443);
        assert!(!public.allow(text, to), "{text}");
        assert!(!public.allow("hooks.example", to), "a name that resolves to {text}");
    }
    for text in ODD {
        assert!(is_like_a_number(text) && text.parse::<IpAddr>().is_err(), "{text}");
    }
    for text in [
        "8.8.8.8",
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2600::1",
        "2001:4860:4860::8888",
        "2002:808:808::1",
        "2a00::1",
        "::ffff:8.8.8.8",
    ] {
        assert!(public.allow(text, SocketAddr::new(address(text), 443)), "{text}");
    }
    for text in ["example.com", "0x.example", "1.example.com", "a1", "x0x1"] {
        assert!(!is_like_a_number(text), "{text}");
    }
}

#[test]
fn what_the_operator_names_is_allowed_and_nothing_beside_it() {
    let list = |texts: &[&str]| {
        let parse = |text: &&str| text.parse::<Destination>().unwrap();
        Destinations::new(texts.iter().map(parse).collect(), false)
    };
    let named = list(&["10.1.0.0/16", "hooks.internal:8443", "192.168.1.7", "[fd00::1]:9000"]);
    let allowed = |host: &str, to: &str| named.allow(host, to.parse().unwrap());
    assert!(allowed("x", "10.1.255.1:443"));
    assert!(allowed("x", "[::ffff:10.1.0.1]:443"));
    assert!(!allowed("x", "10.2.0.1:443"));
    assert!(allowed("hooks.internal", "10.9.9.9:8443"));
    assert!(allowed("HOOKS.internal", "10.9.9.9:8443"));
    assert!(!allowed("hooks.internal", "10.9.9.9:8444"));
    assert!(!allowed("other.internal", "10.9.9.9:8443"));
    assert!(!allowed("hooks.internal", "169.254.169.254:8443"));
    assert!(!allowed("hooks.internal", "[fe80::1]:8443"));
    assert!(allowed("x", "192.168.1.7:1"));
    assert!(allowed("x", "[fd00::1]:9000"));
    assert!(!allowed("x", "[fd00::1]:9001"));
    assert!(!allowed("x", "127.0.0.1:443"));
    let developer = Destinations::new(Vec::new(), true);
    assert!(developer.allow("x", "127.0.0.1:1".parse().unwrap()));
    assert!(developer.allow("x", "[::1]:1".parse().unwrap()));
    assert!(!developer.allow("x", "10.0.0.1:1".parse().unwrap()));
    for text in ["", "10.0.0.0/33", "::/129", "a/8", "a b", "a:b", "127.1", "0x7f000001", "ä"] {
        assert_eq!(text.parse::<Destination>(), Err(InvalidDestination), "{text}");
    }
}

#[test]
fn a_name_is_refused_if_any_of_its_addresses_is_and_so_are_our_own_listeners() {
    let own = OwnListeners::default();
    own.add("127.0.0.1:4242".parse().unwrap());
    own.add("0.0.0.0:4300".parse().unwrap());
    let both = Destinations::new(Vec::new(), true);
    let check =
        |to: &[&str]| both.check("x", to.iter().map(|one| one.parse().unwrap()), &own).is_some();
    assert!(check(&["8.8.8.8:443", "127.0.0.1:443"]));
    assert!(!check(&["8.8.8.8:443", "10.0.0.1:443"]));
    assert!(!check(&["10.0.0.1:443", "8.8.8.8:443"]));
    assert!(!check(&[]));
    assert!(!check(&["127.0.0.1:4242"]));
    assert!(!check(&["[::ffff:127.0.0.1]:4242"]));
    assert!(!check(&["127.0.0.1:4300"]));
    assert!(check(&["127.0.0.1:4301"]));
}

#[test]
fn an_address_gets_so_many_connections_in_a_second() {
    let public = Destinations::default();
    let (to, now) = ("8.8.8.8:443".parse().unwrap(), Instant::now());
    let pauses: Vec<_> = (0..45).map(|_| public.pause("x", to, now).as_secs()).collect();
    for second in 0..2u64 {
        assert_eq!(pauses.iter().filter(|pause| **pause == second).count(), 20);
    }
    assert_eq!(public.pause("x", "8.8.4.4:443".parse().unwrap(), now), Duration::ZERO);
    let later = now + Duration::from_secs(3);
    assert_eq!(public.pause("x", to, later), Duration::ZERO);
    let developer = Destinations::new(Vec::new(), true);
    let local = "127.0.0.1:1".parse().unwrap();
    assert!((0..50).all(|_| developer.pause("x", local, now) == Duration::ZERO));
}

/// All that a delivery can be asked to reach, in a URL: nothing is connected to.
#[tokio::test]
async fn no_delivery_reaches_what_is_refused() {
    let total = Duration::from_secs(10);
    let client = HttpClient::new(Limits { total, response_bytes: 1, addresses: |_| true }).unwrap();
    let public = Destinations::default();
    for text in REFUSED {
        let host = if text.contains(':') { format!("[{text}]") } else { (*text).to_owned() };
        let how = Delivery { to: &public, proxy: None, connect: total, total };
        let result = client.deliver(request(&host), how).await;
        assert!(matches!(result, Err(OutboundError::Forbidden)), "{text}: {result:?}");
    }
}

fn request(host: &str) -> HttpRequest {
    HttpRequest {
        method: Method::POST,
        uri: format!("http://{host}:9/").parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    }
}

/// A network whose names have other addresses at each look-up, and on which everything answers.
#[derive(Default)]
struct Rebinding {
    answers: Mutex<Vec<Vec<SocketAddr>>>,
    connected: Mutex<Vec<Vec<SocketAddr>>>,
}

impl Rebinding {
    /// What the next look-up, and no other, answers.
    fn next(&self, addresses: &[&str]) {
        let to = |text: &&str| SocketAddr::new(address(text), 9);
        self.answers.lock().unwrap().push(addresses.iter().map(to).collect());
    }

    fn connected(&self) -> Vec<Vec<SocketAddr>> {
        std::mem::take(&mut *self.connected.lock().unwrap())
    }
}

impl Network for Rebinding {
    fn resolve<'a>(&'a self, _host: &'a str, _port: u16) -> NetworkFuture<'a, Vec<SocketAddr>> {
        let answer = self.answers.lock().unwrap().pop();
        Box::pin(std::future::ready(Ok(answer.expect("a name is looked up once"))))
    }

    fn connect<'a>(&'a self, to: &'a [SocketAddr]) -> NetworkFuture<'a, Box<dyn Bytestream>> {
        self.connected.lock().unwrap().push(to.to_vec());
        Box::pin(async {
            let (near, mut far) = tokio::io::duplex(4096);
            tokio::spawn(async move {
                let _ = far.read(&mut [0; 1024]).await?;
                far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
                tokio::io::copy(&mut far, &mut tokio::io::sink()).await
            });
            let stream: Box<dyn Bytestream> = Box::new(near);
            Ok(stream)
        })
    }
}

/// A name is looked up once for each delivery, and the connection goes to what was checked: what
/// the name has become meanwhile plays no part, and one bad address among good ones refuses all.
#[tokio::test]
async fn a_name_that_rebinds_reaches_nothing_that_was_not_checked() {
    let network = Arc::<Rebinding>::default();
    let total = Duration::from_secs(10);
    let limits = Limits { total, response_bytes: 1, addresses: |_| true };
    let client = HttpClient::new(limits).unwrap().on(Arc::<Rebinding>::clone(&network));
    let public = Destinations::default();
    let how = Delivery { to: &public, proxy: None, connect: total, total };
    let good = |text: &str| SocketAddr::new(address(text), 9);
    for text in REFUSED {
        network.next(&["8.8.8.8", "2600::1"]);
        let status = client.deliver(request("rebinding.example"), how).await;
        assert!(status.unwrap().is_success(), "{text}");
        assert_eq!(network.connected(), [[good("8.8.8.8"), good("2600::1")]]);
        public.paced.lock().unwrap().clear();
        for answer in [&[*text][..], &["8.8.8.8", text], &[text, "8.8.8.8"]] {
            network.next(answer);
            let result = client.deliver(request("rebinding.example"), how).await;
            assert!(matches!(result, Err(OutboundError::Forbidden)), "{answer:?}: {result:?}");
            assert!(network.connected().is_empty(), "{answer:?}");
        }
    }
}
