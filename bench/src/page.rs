//! Balance transactions of a processor, as its lists give them: pages of them for the API, and files
//! of them for the import. Number `n` is always the same transaction.

use crate::args::Result;
use crate::data;
use crate::exchange::{Exchange, Http, answered_with};
use std::io::Write as _;
use std::path::Path;

/// Transactions of a page, the most that the server takes.
pub const PAGE: u64 = 100;

/// When the first one was made, in Unix seconds; each is a second later than the one before, so
/// that fifty million of them lie in the past.
const FIRST: u64 = 1_704_067_200;

/// Seconds until the money of one is available, which lies in the past as well: what is told is a
/// history.
const DELAY: u64 = 2 * 86_400;

/// Of so many transactions of a file one pays out, and one is a fee of no charge.
const CYCLE: u64 = 20;

/// A page of charges, each of a hundred dollars.
pub struct Page {
    http: Http,
    recorded: String,
    body: Vec<u8>,
}

impl Page {
    /// Pages for the accounts that `http` names.
    pub fn new(http: Http) -> Self {
        Self { http, recorded: format!("\"recorded\": {PAGE}"), body: Vec::new() }
    }
}

impl Exchange for Page {
    fn request(&mut self, index: u64, out: &mut Vec<u8>) {
        self.body.clear();
        self.body.extend_from_slice(b"{\"object\":\"list\",\"data\":[");
        for number in index * PAGE..(index + 1) * PAGE {
            if number % PAGE > 0 {
                self.body.push(b',');
            }
            push(&mut self.body, number, &Kind::Charge);
        }
        self.body.extend_from_slice(b"]}");
        out.extend_from_slice(b"POST /v1/ledger/transactions/import");
        self.http.push_headers(out, index);
        out.extend_from_slice(b"\r\nContent-Type: application/json\r\nContent-Length: ");
        out.extend_from_slice(self.body.len().to_string().as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&self.body);
    }

    fn check(&mut self, received: &[u8]) -> Result<Option<usize>> {
        // All of it is new: what was told before would be cheaper.
        answered_with(received, self.recorded.as_bytes())
    }
}

/// Writes a file of `count` transactions, one on a line, the oldest first: mostly charges, and
/// refunds of them, payouts and fees.
pub fn write_history(path: &Path, count: u64) -> Result<()> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).map_err(failed)?);
    let mut line = Vec::new();
    for number in 0..count {
        line.clear();
        push(&mut line, number, &Kind::of(number));
        line.push(b'\n');
        file.write_all(&line).map_err(failed)?;
    }
    file.flush().map_err(failed)
}

/// What a transaction is.
enum Kind {
    Charge,
    /// Of the charge of another number.
    Refund(u64),
    Payout,
    Fee,
}

impl Kind {
    /// Of a transaction in a file.
    fn of(number: u64) -> Self {
        match number % CYCLE {
            16 | 17 => Self::Refund(number - 16),
            18 => Self::Payout,
            19 => Self::Fee,
            _ => Self::Charge,
        }
    }
}

/// What differs between the kinds.
struct Shape {
    word: &'static str,
    category: &'static str,
    amount: i64,
    fee: i64,
}

/// Appends transaction number `number`, as JSON.
fn push(out: &mut Vec<u8>, number: u64, kind: &Kind) {
    let (word, category, amount, fee) = match kind {
        Kind::Charge => ("charge", "charge", 10_000, 320),
        Kind::Refund(_) => ("refund", "refund", -1_000, 0),
        Kind::Payout => ("payout", "payout", -100_000, 0),
        Kind::Fee => ("stripe_fee", "fee", -100, 0),
    };
    let shape = Shape { word, category, amount, fee };
    out.extend_from_slice(b"{\"id\":\"");
    push_id(out, b"txn_", number);
    push_figures(out, &shape, FIRST + number);
    let (prefix, object): (&[u8], &[u8]) = match kind {
        Kind::Charge => (b"ch_", b"charge"),
        Kind::Refund(_) => (b"re_", b"refund"),
        Kind::Payout => (b"po_", b"payout"),
        Kind::Fee => {
            out.extend_from_slice(b"null}");
            return;
        }
    };
    out.extend_from_slice(b"{\"id\":\"");
    push_id(out, prefix, number);
    out.extend_from_slice(b"\",\"object\":\"");
    out.extend_from_slice(object);
    out.push(b'"');
    if let Kind::Refund(charge) = kind {
        out.extend_from_slice(b",\"charge\":\"");
        push_id(out, b"ch_", *charge);
        out.push(b'"');
    }
    out.extend_from_slice(b",\"status\":\"succeeded\"}}");
}

/// Appends everything between a transaction's id and its source.
fn push_figures(out: &mut Vec<u8>, shape: &Shape, created: u64) {
    let Shape { word, category, amount, fee } = shape;
    let (net, available_on) = (amount - fee, created + DELAY);
    let details = match fee {
        0 => String::new(),
        fee => format!("{{\"amount\":{fee},\"currency\":\"usd\",\"type\":\"stripe_fee\"}}"),
    };
    let text = format!(
        "\",\"object\":\"balance_transaction\",\"amount\":{amount},\"available_on\":{available_on},\
         \"balance_type\":\"payments\",\"created\":{created},\"currency\":\"usd\",\
         \"exchange_rate\":null,\"fee\":{fee},\"fee_details\":[{details}],\"net\":{net},\
         \"reporting_category\":\"{category}\",\"status\":\"available\",\"type\":\"{word}\",\
         \"source\":"
    );
    out.extend_from_slice(text.as_bytes());
}

/// Appends the id of something: as many letters as the processor's have.
fn push_id(out: &mut Vec<u8>, prefix: &[u8], number: u64) {
    out.extend_from_slice(prefix);
    data::push_hex(out, data::scatter(number));
    let end = out.len() + 8;
    data::push_hex(out, data::scatter(!number));
    out.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn history(count: u64) -> Vec<Value> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.jsonl");
        write_history(&path, count).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_history_is_one_that_an_account_could_have() {
        let all = history(1000);
        let ids: std::collections::BTreeSet<&str> =
            all.iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!((all.len(), ids.len()), (1000, 1000));
        let (mut balance, mut last) = (0, 0);
        let mut charges = Vec::new();
        for one in &all {
            let number = |name: &str| one[name].as_i64().unwrap();
            assert_eq!(number("net"), number("amount") - number("fee"), "{one}");
            balance += number("net");
            assert!(balance >= 0 && number("created") > last, "{one}");
            last = number("created");
            match one["type"].as_str().unwrap() {
                "charge" => charges.push(one["source"]["id"].clone()),
                "refund" => assert!(charges.contains(&one["source"]["charge"]), "{one}"),
                _ => {}
            }
        }
        let first = history(1);
        assert_eq!(first, all[..1]);
    }
}
