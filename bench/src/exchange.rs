//! What goes over a connection: requests as an official SDK would send them, and the checks of
//! their answers.

use crate::args::{Args, Result};
use crate::axum_baseline;
use crate::data::{self, Numbers};
use crate::load::KEY_VARIABLE;
use memchr::{memchr_iter, memmem};
use std::sync::Arc;

/// The API version that the requests name, as SDKs always do.
pub const API_VERSION: &str = "2026-10-28.endive";

/// One request and the check of its answer.
pub trait Exchange: Send + 'static {
    /// Appends the request for secret number `index`.
    fn request(&mut self, index: u64, out: &mut Vec<u8>);

    /// Looks at what has come so far. `None`: not all of it yet. Otherwise the answer's length in
    /// bytes, or an error that says what is wrong with it.
    fn check(&mut self, received: &[u8]) -> Result<Option<usize>>;
}

/// The headers that every request carries, and the accounts that it may name.
#[derive(Clone)]
pub struct Http {
    headers: Arc<[u8]>,
    accounts: Arc<[String]>,
}

impl Http {
    /// Takes the key from the environment and the accounts from the file named `--accounts`.
    pub fn new(args: &Args) -> Result<Self> {
        let key = std::env::var(KEY_VARIABLE).map_err(|_| format!("{KEY_VARIABLE} is not set"))?;
        let port: u16 = args.required("port")?;
        let file: String = args.required("accounts")?;
        let accounts = std::fs::read_to_string(&file)
            .map_err(|error| format!("cannot read {file}: {error}"))?;
        let accounts: Arc<[String]> = accounts.lines().map(str::to_owned).collect();
        if accounts.is_empty() {
            return Err(format!("{file} names no account"));
        }
        let headers = format!(
            " HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: coffer-bench\r\n\
             Authorization: Bearer {key}\r\nStripe-Version: {API_VERSION}\r\nStripe-Account: "
        );
        Ok(Self { headers: headers.into_bytes().into(), accounts })
    }

    /// Appends the headers up to the account of secret number `index`.
    pub fn push_headers(&self, out: &mut Vec<u8>, index: u64) {
        out.extend_from_slice(&self.headers);
        let which = usize::try_from(index).unwrap_or(0) % self.accounts.len();
        if let Some(account) = self.accounts.get(which) {
            out.extend_from_slice(account.as_bytes());
        }
    }
}

/// Appends the parameters that say which secret is meant.
fn push_place(out: &mut Vec<u8>, index: u64) {
    out.extend_from_slice(b"name=");
    data::push_name(out, index);
    out.extend_from_slice(b"&scope[type]=user&scope[user]=");
    data::push_user(out, index);
}

/// A find with the payload expanded.
pub struct Find {
    http: Http,
    fixed: bool,
    payload: Vec<u8>,
}

impl Find {
    /// Expects the secret's own payload.
    pub fn stored(http: Http) -> Self {
        Self { http, fixed: false, payload: Vec::new() }
    }

    /// Sends the same bytes, but expects the document of the bare server.
    pub fn fixed(http: Http) -> Self {
        Self { http, fixed: true, payload: axum_baseline::MARK.as_bytes().to_vec() }
    }
}

impl Exchange for Find {
    fn request(&mut self, index: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(b"GET /v1/apps/secrets/find?");
        push_place(out, index);
        out.extend_from_slice(b"&expand[]=payload");
        self.http.push_headers(out, index);
        out.extend_from_slice(b"\r\n\r\n");
        if !self.fixed {
            self.payload.clear();
            data::push_payload(&mut self.payload, index);
        }
    }

    fn check(&mut self, received: &[u8]) -> Result<Option<usize>> {
        let Some((body, length)) = ok_body(received)? else { return Ok(None) };
        match memmem::find(body, &self.payload) {
            Some(_) => Ok(Some(length)),
            None => Err(format!("the payload is not in the answer: {}", shown(body))),
        }
    }
}

/// A set of a new secret.
pub struct Set {
    http: Http,
    keys: Option<Numbers>,
    body: Vec<u8>,
}

impl Set {
    /// With a fresh `Idempotency-Key` for each, as SDKs send one, or without any.
    pub fn new(http: Http, keyed: bool, seed: u64) -> Self {
        Self { http, keys: keyed.then(|| Numbers::new(seed)), body: Vec::new() }
    }
}

impl Exchange for Set {
    fn request(&mut self, index: u64, out: &mut Vec<u8>) {
        self.body.clear();
        push_place(&mut self.body, index);
        self.body.extend_from_slice(b"&payload=");
        data::push_payload(&mut self.body, index);
        out.extend_from_slice(b"POST /v1/apps/secrets");
        self.http.push_headers(out, index);
        push_form(out, index, self.keys.as_mut(), &self.body);
    }

    fn check(&mut self, received: &[u8]) -> Result<Option<usize>> {
        answered_with(received, b"\"appsecret_")
    }
}

/// The rest of a request whose parameters are `body`, with an idempotency key if there are any.
fn push_form(out: &mut Vec<u8>, index: u64, keys: Option<&mut Numbers>, body: &[u8]) {
    if let Some(keys) = keys {
        // 36 characters, like the UUIDs of the SDKs; the index keeps runs apart.
        out.extend_from_slice(b"\r\nIdempotency-Key: ");
        data::push_hex(out, index);
        out.extend_from_slice(b"-key");
        data::push_hex(out, keys.next());
    }
    out.extend_from_slice(b"\r\nContent-Type: application/x-www-form-urlencoded");
    out.extend_from_slice(b"\r\nContent-Length: ");
    out.extend_from_slice(body.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
}

/// The intake of a charge of a hundred dollars, with a fresh idempotency key.
pub struct Charge {
    http: Http,
    keys: Numbers,
    body: Vec<u8>,
}

impl Charge {
    /// Charges whose idempotency keys come from `seed`.
    pub fn new(http: Http, seed: u64) -> Self {
        Self { http, keys: Numbers::new(seed), body: Vec::new() }
    }
}

impl Exchange for Charge {
    fn request(&mut self, index: u64, out: &mut Vec<u8>) {
        self.body.clear();
        self.body.extend_from_slice(b"id=");
        data::push_charge(&mut self.body, index);
        self.body.extend_from_slice(b"&amount=10000&currency=usd&fee=320");
        out.extend_from_slice(b"POST /v1/ledger/charges");
        self.http.push_headers(out, index);
        push_form(out, index, Some(&mut self.keys), &self.body);
    }

    fn check(&mut self, received: &[u8]) -> Result<Option<usize>> {
        answered_with(received, b"\"ledger.charge\"")
    }
}

/// A read of an account's balance.
pub struct Balance {
    http: Http,
}

impl Balance {
    /// Of the accounts that `http` names.
    pub fn new(http: Http) -> Self {
        Self { http }
    }
}

impl Exchange for Balance {
    fn request(&mut self, index: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(b"GET /v1/balance");
        self.http.push_headers(out, index);
        out.extend_from_slice(b"\r\n\r\n");
    }

    fn check(&mut self, received: &[u8]) -> Result<Option<usize>> {
        answered_with(received, b"\"balance\"")
    }
}

/// A list of events of a type that nobody has, which a server may look for among all.
pub struct Events {
    http: Http,
}

impl Events {
    /// Of the accounts that `http` names.
    pub fn new(http: Http) -> Self {
        Self { http }
    }
}

impl Exchange for Events {
    fn request(&mut self, index: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(b"GET /v1/events?type=no.such*");
        self.http.push_headers(out, index);
        out.extend_from_slice(b"\r\n\r\n");
    }

    fn check(&mut self, received: &[u8]) -> Result<Option<usize>> {
        answered_with(received, b"\"list\"")
    }
}

/// A hold of one cent for ten days, on a ledger that has money.
pub struct Hold {
    http: Http,
    body: Vec<u8>,
}

impl Hold {
    /// On the accounts that `http` names.
    pub fn new(http: Http) -> Self {
        let after = crate::fill::last_midnight().unwrap_or(0) + 10 * 86_400;
        let body = format!("amount=1&currency=usd&release_schedule[release_after]={after}");
        Self { http, body: body.into_bytes() }
    }
}

impl Exchange for Hold {
    fn request(&mut self, index: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(b"POST /v1/reserve/holds");
        self.http.push_headers(out, index);
        push_form(out, index, None, &self.body);
    }

    fn check(&mut self, received: &[u8]) -> Result<Option<usize>> {
        answered_with(received, b"\"reserve.hold\"")
    }
}

/// A find with a key that nobody has, another one each time.
pub struct Stranger {
    port: u16,
    prefix: String,
    is_checked: bool,
    numbers: Numbers,
}

/// The digits of base 62, in which keys are written.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Random letters of a key, and those behind them that are their checksum.
const KEY_LETTERS: usize = 32;
const CHECKSUM_LETTERS: u32 = 6;

impl Stranger {
    /// Keys that look like the one in the environment. Only if their checksum is right does a
    /// server have to look for them.
    pub fn new(args: &Args, is_checked: bool, seed: u64) -> Result<Self> {
        let key = std::env::var(KEY_VARIABLE).map_err(|_| format!("{KEY_VARIABLE} is not set"))?;
        let (head, _) = key.rsplit_once('_').ok_or("the key has no prefix")?;
        let (port, prefix) = (args.required("port")?, format!("{head}_"));
        Ok(Self { port, prefix, is_checked, numbers: Numbers::new(seed) })
    }

    fn key(&mut self) -> String {
        let mut key = self.prefix.clone();
        key.extend((0..KEY_LETTERS).map(|_| digit(self.numbers.below(62))));
        let checksum = crc32fast::hash(key.as_bytes()) ^ u32::from(!self.is_checked);
        let places = (0..CHECKSUM_LETTERS).rev().map(|place| 62u64.pow(place));
        key.extend(places.map(|unit| digit(u64::from(checksum) / unit)));
        key
    }
}

/// The last digit of a number.
fn digit(number: u64) -> char {
    let at = usize::try_from(number % 62).unwrap_or(0);
    DIGITS.get(at).copied().map_or('0', char::from)
}

impl Exchange for Stranger {
    fn request(&mut self, _index: u64, out: &mut Vec<u8>) {
        let (port, key) = (self.port, self.key());
        let request = format!(
            "GET /v1/apps/secrets/find?name=x&scope[type]=account HTTP/1.1\r\n\
             Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n\r\n"
        );
        out.extend_from_slice(request.as_bytes());
    }

    fn check(&mut self, received: &[u8]) -> Result<Option<usize>> {
        let Some(end) = memmem::find(received, b"\r\n\r\n") else { return Ok(None) };
        let (head, body) = received.split_at(end + 4);
        let wanted = content_length(head).ok_or("the answer has no Content-Length")?;
        Ok((body.len() >= wanted).then_some(head.len() + wanted))
    }
}

/// The length of an answer that must hold `mark`.
pub fn answered_with(received: &[u8], mark: &[u8]) -> Result<Option<usize>> {
    let Some((body, length)) = ok_body(received)? else { return Ok(None) };
    match memmem::find(body, mark) {
        Some(_) => Ok(Some(length)),
        None => Err(format!("another answer was expected: {}", shown(body))),
    }
}

/// The body of a complete answer and the answer's whole length. Any status but 200 is an error.
fn ok_body(received: &[u8]) -> Result<Option<(&[u8], usize)>> {
    let Some(end) = memmem::find(received, b"\r\n\r\n") else { return Ok(None) };
    let (head, body) = received.split_at(end + 4);
    let wanted = content_length(head).ok_or("the answer has no Content-Length")?;
    let Some(body) = body.get(..wanted) else { return Ok(None) };
    if !head.starts_with(b"HTTP/1.1 200 ") {
        return Err(format!("{} {}", shown(head), shown(body)));
    }
    Ok(Some((body, head.len() + wanted)))
}

/// The value of `Content-Length` in a head.
fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let line = memchr_iter(b'\n', head).find_map(|at| {
        let line = head.get(at + 1..)?;
        line.get(..NAME.len())?.eq_ignore_ascii_case(NAME).then(|| line.get(NAME.len()..))?
    })?;
    let end = memchr::memchr(b'\r', line)?;
    std::str::from_utf8(line.get(..end)?).ok()?.trim().parse().ok()
}

/// The beginning of an answer, for a message.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..400).unwrap_or(bytes)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http() -> Http {
        Http { headers: Arc::from(&b" HTTP/1.1\r\nStripe-Account: "[..]), accounts: Arc::from([]) }
    }

    fn answer(status: &str, body: &str) -> Vec<u8> {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nx: y\r\n\r\n{body}", body.len()).into()
    }

    #[test]
    fn an_answer_is_complete_only_with_its_last_byte() {
        let whole = answer("200 OK", "{\"payload\"}");
        for end in 0..whole.len() {
            assert_eq!(ok_body(&whole[..end]), Ok(None));
        }
        assert_eq!(ok_body(&whole), Ok(Some((&b"{\"payload\"}"[..], whole.len()))));
    }

    #[test]
    fn other_statuses_and_other_payloads_are_errors() {
        assert!(ok_body(&answer("503 Service Unavailable", "{}")).unwrap_err().contains("503"));
        let mut find = Find::stored(http());
        find.payload = b"mine".to_vec();
        assert!(find.check(&answer("200 OK", "\"mine\"")).is_ok());
        assert!(find.check(&answer("200 OK", "\"thine\"")).is_err());
        let mut set = Set::new(http(), true, 1);
        assert!(set.check(&answer("200 OK", "{\"object\": \"list\"}")).is_err());
        let mut charge = Charge::new(http(), 1);
        assert!(charge.check(&answer("200 OK", "{\"object\": \"ledger.charge\"}")).is_ok());
        assert!(charge.check(&answer("200 OK", "{\"object\": \"balance\"}")).is_err());
    }

    #[test]
    fn a_length_is_read_whatever_its_case_and_missed_if_absent() {
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n"), Some(12));
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\nlength: 12\r\n\r\n"), None);
    }

    #[test]
    fn a_strangers_keys_differ_and_have_the_right_checksum_only_if_they_are_to() {
        let checksum = |key: &str| {
            let (body, end) = key.split_at(key.len() - 6);
            let value = |letter: &u8| DIGITS.iter().position(|digit| digit == letter).unwrap();
            let number = end.as_bytes().iter().fold(0, |sum, letter| sum * 62 + value(letter));
            (number, crc32fast::hash(body.as_bytes()) as usize)
        };
        for is_checked in [true, false] {
            let (prefix, numbers) = ("sk_live_coffer_".to_owned(), Numbers::new(1));
            let mut stranger = Stranger { port: 0, prefix, is_checked, numbers };
            let key = stranger.key();
            let (found, right) = checksum(&key);
            assert_eq!(found == right, is_checked, "{key}");
            assert_ne!(key, stranger.key());
        }
        // As Python's zlib computes it.
        let known = format!("sk_live_coffer_{}0gjWOL", "A".repeat(32));
        let (found, right) = checksum(&known);
        assert_eq!(found, right);
    }
}
