//! A reader of Stripe's API: one request at a time, no more of them in a second than was said, and
//! again when there were too many.

use super::columns::days;
use crate::cli::args::StripeAccess;
use crate::cli::client::{Params, check_url, with_query};
use crate::cli::exit::{Exit, Failure};
use crate::cli::runtime::Runtime;
use crate::cli::table;
use coffer_base::{Clock, Random, SystemClock};
use coffer_crypto::SystemRandom;
use coffer_outbound::{HttpClient, HttpRequest, HttpResponse, Limits};
use coffer_secretfile as secretfile;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde_json::Value;
use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// For one exchange. Stripe answers lists of 100 within seconds.
const PATIENCE: Duration = Duration::from_secs(80);

/// Most bytes of an answer: 100 transactions with their sources have under 2 MB.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Longest file with a key.
const KEY_BYTES: usize = 4096;

/// Requests are tried so often, over some two minutes.
const ATTEMPTS: u32 = 9;

/// The first pause after an answer that there were too many; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest pause, also of those that Stripe asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A day, in seconds.
pub const DAY: i64 = 86_400;

/// Where transactions are listed.
pub const TRANSACTIONS: &str = "/v1/balance_transactions";

/// Objects of a page, the most that Stripe gives.
const PAGE: &str = "100";

/// Stripe, with a key.
pub struct Stripe {
    http: HttpClient,
    runtime: Runtime,
    base: String,
    bearer: HeaderValue,
    pace: Pace,
    /// By how many seconds the clock there is ahead of the one here; unknown before it answers.
    ahead: Cell<Option<i64>>,
}

impl Stripe {
    /// Reads the key and checks the address.
    ///
    /// # Errors
    /// If there is no key, if others may read its file, or if it would cross the network
    /// unencrypted.
    pub fn new(access: &StripeAccess) -> Result<Self, Failure> {
        let path = access.stripe_key_file.as_deref().ok_or_else(|| {
            Failure::usage("name the file with the key at Stripe: --stripe-key-file")
        })?;
        let base = access.stripe_url.trim_end_matches('/').to_owned();
        check_url(&base, false)?;
        let limits = Limits { total: PATIENCE, response_bytes: ANSWER_BYTES, addresses: |_| true };
        let http = HttpClient::new(limits)
            .map_err(|error| Failure::failed(format!("TLS cannot be set up: {error}")))?;
        Ok(Self {
            http,
            runtime: Runtime::new()?,
            base,
            bearer: bearer(path)?,
            pace: Pace::of(access.stripe_rate),
            ahead: Cell::new(None),
        })
    }

    /// The time at Stripe, in Unix seconds. What was made there lies behind it, whatever the clock
    /// here says: one that is ahead would count days as done that have not happened.
    pub fn now(&self) -> i64 {
        SystemClock.now().unix().saturating_add(self.ahead.get().unwrap_or(0))
    }

    /// The same, for which it is asked if it has answered nothing yet.
    ///
    /// # Errors
    /// If Stripe refuses, or does not answer for minutes.
    pub fn time(&self, account: Option<&str>) -> Result<i64, Failure> {
        if self.ahead.get().is_none() {
            self.get(account, "/v1/balance", &[])?;
        }
        Ok(self.now())
    }

    /// `GET path` for a connected account, or for the key's own.
    ///
    /// # Errors
    /// If Stripe refuses, with its message, or does not answer for minutes.
    pub fn get(
        &self,
        account: Option<&str>,
        path: &str,
        params: Params<'_>,
    ) -> Result<Value, Failure> {
        let uri: Uri = format!("{}{}", self.base, with_query(path, params))
            .parse()
            .map_err(|_| Failure::usage(format!("'{}' is no address", self.base)))?;
        let mut pause = PAUSE;
        for attempts_left in (0..ATTEMPTS).rev() {
            self.keep_pace();
            let answer = self.runtime.block_on(self.http.send(self.request(account, &uri)?));
            let failure = match answer {
                Ok(answer) if answer.status.is_success() => {
                    if let Some(date) = date(&answer) {
                        self.ahead.set(Some(date.saturating_sub(SystemClock.now().unix())));
                    }
                    return serde_json::from_slice(&answer.body)
                        .map_err(|_| Failure::failed(format!("{} answers no JSON", self.base)));
                }
                Ok(answer) => {
                    if let Some(asked) = asked_pause(&answer) {
                        pause = pause.max(asked);
                    }
                    refusal(&answer)
                }
                Err(error) => {
                    let why = format!("no answer from {}: {error}", self.base);
                    Failure::new(Exit::Unavailable, why)
                }
            };
            if attempts_left == 0 || failure.exit != Exit::Unavailable {
                return Err(failure);
            }
            self.wait(jittered(pause));
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
        Err(Failure::new(Exit::Unavailable, format!("no answer from {}", self.base)))
    }

    /// All pages of a list, the newest object first, until `each` has enough of them.
    ///
    /// # Errors
    /// As [`Self::get`], or what `each` fails with.
    pub fn pages(
        &self,
        account: Option<&str>,
        path: &str,
        params: Params<'_>,
        mut each: impl FnMut(Vec<Value>) -> Result<ControlFlow<()>, Failure>,
    ) -> Result<(), Failure> {
        let mut last: Option<String> = None;
        loop {
            let mut params = params.to_vec();
            params.push(("limit", PAGE));
            params.extend(last.as_deref().map(|last| ("starting_after", last)));
            let page = self.get(account, path, &params)?;
            let (objects, next) = read_page(page, last.as_deref()).map_err(|why| {
                Failure::new(Exit::Unavailable, format!("{}{path} answers {why}", self.base))
            })?;
            if objects.is_empty() || each(objects)?.is_break() || next.is_none() {
                return Ok(());
            }
            last = next;
        }
    }

    /// Waits. Nothing else is done by this thread meanwhile.
    pub fn wait(&self, pause: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(pause).await });
    }

    /// The runtime that the requests are made in.
    pub const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Waits until the next request may leave.
    fn keep_pace(&self) {
        let pause = self.pace.pause(Instant::now());
        if !pause.is_zero() {
            self.wait(pause);
        }
    }

    fn request(&self, account: Option<&str>, uri: &Uri) -> Result<HttpRequest, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, self.bearer.clone());
        let agent = concat!("coffer/", env!("CARGO_PKG_VERSION"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
        if let Some(account) = account {
            let value = HeaderValue::from_str(account).map_err(|_| {
                Failure::usage(format!("'{}' is no account", table::plain(account)))
            })?;
            headers.insert(HeaderName::from_static("stripe-account"), value);
        }
        let body = bytes::Bytes::new();
        Ok(HttpRequest { method: Method::GET, uri: uri.clone(), headers, body })
    }
}

/// How often requests leave.
struct Pace {
    /// Between two of them.
    interval: Duration,
    /// When the next may leave.
    next: Cell<Option<Instant>>,
}

impl Pace {
    /// So many a second, at most.
    fn of(rate: u32) -> Self {
        Self { interval: Duration::from_secs(1) / rate.max(1), next: Cell::new(None) }
    }

    /// How long the request that is there `now` waits.
    fn pause(&self, now: Instant) -> Duration {
        let at = self.next.get().map_or(now, |next| next.max(now));
        self.next.set(Some(at + self.interval));
        at.saturating_duration_since(now)
    }
}

/// The objects of a page, and behind which of them the next page begins, if there is one; `last` is
/// the same of the page before.
///
/// # Errors
/// What is wrong with it, if what comes behind it could not be read, or would be what came before.
fn read_page(mut page: Value, last: Option<&str>) -> Result<(Vec<Value>, Option<String>), String> {
    let has_more = page.get("has_more").and_then(Value::as_bool).unwrap_or(false);
    let Some(Value::Array(objects)) = page.get_mut("data").map(Value::take) else {
        return Err("no list".to_owned());
    };
    if !has_more {
        return Ok((objects, None));
    }
    let end = objects.last().map(|object| object.get("id").and_then(Value::as_str));
    let end = match end {
        None => return Err("a page of nothing, and that there is more".to_owned()),
        Some(None) => return Err("objects without an id".to_owned()),
        Some(end) if end == last => return Err("the same page again".to_owned()),
        Some(end) => end.map(str::to_owned),
    };
    Ok((objects, end))
}

fn bearer(path: &Path) -> Result<HeaderValue, Failure> {
    let text = secretfile::read_text(path, KEY_BYTES)
        .map_err(|error| Failure::usage(format!("the key at Stripe: {error}")))?;
    let key = secretfile::trimmed(&text);
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::usage(format!("{} holds no key", path.display())));
    }
    let bearer = Zeroizing::new(format!("Bearer {key}"));
    let mut value = HeaderValue::from_str(&bearer)
        .map_err(|_| Failure::usage(format!("{} holds no key", path.display())))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What Stripe says. What may pass by itself is [`Exit::Unavailable`].
fn refusal(answer: &HttpResponse) -> Failure {
    let status = answer.status;
    let json = serde_json::from_slice::<Value>(&answer.body).ok();
    let said = json.as_ref().and_then(|json| json.get("error")?.get("message")?.as_str());
    let said = said.map_or_else(|| "without a word of Stripe's".to_owned(), table::plain);
    let exit = match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT => Exit::Unavailable,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::Refused,
        StatusCode::NOT_FOUND => Exit::NotFound,
        _ if status.is_server_error() => Exit::Unavailable,
        _ => Exit::Failed,
    };
    Failure::new(exit, format!("Stripe answers {}: {said}", status.as_u16()))
}

/// When the answer was made, in Unix seconds: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn date(answer: &HttpResponse) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = answer.headers.get(header::DATE)?.to_str().ok()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = words.as_slice() else { return None };
    let month = (1..).zip(MONTHS).find(|(_, name)| name == month).map(|(number, _)| number)?;
    let year = year.parse::<u16>().ok()?;
    let day = day.parse::<u8>().ok()?;
    let parts: Vec<u8> = time.split(':').filter_map(|part| part.parse().ok()).collect();
    let [hour, minute, second] = parts.as_slice() else { return None };
    let seconds = i64::from(*hour) * 3_600 + i64::from(*minute) * 60 + i64::from(*second);
    Some(days(i64::from(year), month, i64::from(day)) * DAY + seconds)
}

/// The pause that the answer asks for, in whole seconds.
fn asked_pause(answer: &HttpResponse) -> Option<Duration> {
    let seconds = answer.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// Between half of a pause and all of it, so that those who were refused together do not come
/// back together.
pub fn jittered(pause: Duration) -> Duration {
    let mut byte = [0u8];
    SystemRandom.fill(&mut byte);
    let [byte] = byte;
    pause / 2 + pause.saturating_mul(u32::from(byte)) / 512
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Ledger, Verb};
    use clap::Parser;
    use serde_json::json;

    #[test]
    fn pauses_are_between_half_and_all() {
        let pause = Duration::from_secs(8);
        let tried: Vec<Duration> = (0..200).map(|_| jittered(pause)).collect();
        assert!(tried.iter().all(|one| (pause / 2..=pause).contains(one)), "{tried:?}");
        assert!(tried.iter().any(|one| *one != tried[0]));
    }

    /// What stands in docs/feeding.md: five requests a second, of whatever length they are.
    #[test]
    fn requests_leave_five_a_second_unless_it_is_said_otherwise() {
        let pull = |more: &[&str]| {
            let words = [&["coffer", "ledger", "pull"], more].concat();
            match Cli::try_parse_from(words).map(|cli| cli.verb) {
                Ok(Verb::Ledger(Ledger::Pull(args))) => args.stripe.stripe_rate,
                _ => panic!("{more:?} is no pull"),
            }
        };
        assert_eq!((pull(&[]), pull(&["--stripe-rate", "100"])), (5, 100));
        let start = Instant::now();
        // Each request waits as it is told, and is answered after `answered`.
        let leave = |rate, answered: Duration| {
            let (pace, mut now) = (Pace::of(rate), start);
            let left = (0..11).map(|_| {
                now += pace.pause(now);
                let left = now.duration_since(start);
                now += answered;
                left
            });
            left.collect::<Vec<_>>()
        };
        let every = |milliseconds: u64| {
            (0..11).map(|n| Duration::from_millis(n * milliseconds)).collect::<Vec<_>>()
        };
        for answered in [0, 50, 200].map(Duration::from_millis) {
            assert_eq!(leave(pull(&[]), answered), every(200), "{answered:?}");
        }
        // Answers that take longer are waited for, and what was missed is not made up for.
        assert_eq!(leave(5, Duration::from_millis(300)), every(300));
        assert_eq!(leave(100, Duration::ZERO), every(10));
    }

    #[test]
    fn a_page_says_where_the_next_begins_or_what_is_wrong_with_it() {
        let page = |ids: &[Value], has_more: bool| {
            let data: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
            read_page(json!({ "object": "list", "data": data, "has_more": has_more }), Some("b"))
                .map(|(objects, next)| (objects.len(), next))
        };
        let [a, b, none] = [json!("a"), json!("b"), json!(null)];
        assert_eq!(page(&[], false), Ok((0, None)));
        assert_eq!(page(&[b.clone(), a.clone()], true), Ok((2, Some("a".to_owned()))));
        assert_eq!(page(&[b.clone(), none.clone()], false), Ok((2, None)));
        assert!(page(&[], true).unwrap_err().contains("nothing"));
        assert!(page(&[a.clone(), none], true).unwrap_err().contains("without an id"));
        assert!(page(&[a, b], true).unwrap_err().contains("again"));
        assert!(read_page(json!({ "data": {} }), None).is_err());
    }

    #[test]
    fn an_answer_has_a_date() {
        let date = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::DATE, HeaderValue::from_static(text));
            date(&HttpResponse { status: StatusCode::OK, headers, body: bytes::Bytes::new() })
        };
        assert_eq!(date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(date("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        for text in ["", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Now 1994 08:49:37 GMT", "0"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let answer = |status| HttpResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: bytes::Bytes::from_static(br#"{"error": {"message": "a\u001bb"}}"#),
        };
        for (status, exit) in [
            (429, Exit::Unavailable),
            (503, Exit::Unavailable),
            (409, Exit::Unavailable),
            (401, Exit::Refused),
            (403, Exit::Refused),
            (404, Exit::NotFound),
            (400, Exit::Failed),
        ] {
            let failure = refusal(&answer(status));
            assert_eq!(failure.exit, exit, "{status}");
            assert!(!failure.message.contains('\u{1b}'), "{}", failure.message);
        }
    }
}
