//! Currencies by their code.

use std::fmt;

/// A currency by its code of three or four letters, written in lower case as on the wire.
///
/// Amounts are in its minor unit as the caller counts it; nothing here scales one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 4]);

impl Currency {
    /// The currency with this code, in lower case; `None` if the list below has none.
    pub fn parse(code: &str) -> Option<Self> {
        CODES.binary_search(&code).ok().and_then(|_| Self::any(code))
    }

    /// The currency with this code of three or four small letters, whether or not the list below
    /// has it: what a processor counts in is not ours to refuse. `None` for any other text.
    pub fn any(code: &str) -> Option<Self> {
        let letters = code.as_bytes();
        if !(3..=4).contains(&letters.len()) || !letters.iter().all(u8::is_ascii_lowercase) {
            return None;
        }
        let mut padded = [0; 4];
        for (place, letter) in padded.iter_mut().zip(letters) {
            *place = *letter;
        }
        Some(Self(padded))
    }

    /// Its code in lower case: `usd`.
    pub fn as_str(&self) -> &str {
        // The letters are plain ASCII, and what follows three of them is padding.
        std::str::from_utf8(&self.0).unwrap_or_default().trim_end_matches('\0')
    }

    /// The currencies of the list, in alphabetical order.
    pub fn all() -> impl Iterator<Item = Self> {
        CODES.iter().filter_map(|code| Self::any(code))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The currencies in circulation, without metals, bonds, funds and test codes, and what processors
/// still or already count in beside them (`ang`, `std`, `usdc`); sorted for the binary search.
const CODES: [&str; 159] = [
    "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt",
    "bgn", "bhd", "bif", "bmd", "bnd", "bob", "brl", "bsd", "btn", "bwp", "byn", "bzd", "cad",
    "cdf", "chf", "clp", "cny", "cop", "crc", "cup", "cve", "czk", "djf", "dkk", "dop", "dzd",
    "egp", "ern", "etb", "eur", "fjd", "fkp", "gbp", "gel", "ghs", "gip", "gmd", "gnf", "gtq",
    "gyd", "hkd", "hnl", "htg", "huf", "idr", "ils", "inr", "iqd", "irr", "isk", "jmd", "jod",
    "jpy", "kes", "kgs", "khr", "kmf", "kpw", "krw", "kwd", "kyd", "kzt", "lak", "lbp", "lkr",
    "lrd", "lsl", "lyd", "mad", "mdl", "mga", "mkd", "mmk", "mnt", "mop", "mru", "mur", "mvr",
    "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio", "nok", "npr", "nzd", "omr", "pab", "pen",
    "pgk", "php", "pkr", "pln", "pyg", "qar", "ron", "rsd", "rub", "rwf", "sar", "sbd", "scr",
    "sdg", "sek", "sgd", "shp", "sle", "sos", "srd", "ssp", "std", "stn", "svc", "syp", "szl",
    "thb", "tjs", "tmt", "tnd", "top", "try", "ttd", "twd", "tzs", "uah", "ugx", "usd", "usdc",
    "uyu", "uzs", "ved", "ves", "vnd", "vuv", "wst", "xaf", "xcd", "xcg", "xof", "xpf", "yer",
    "zar", "zmw", "zwg",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_for_the_binary_search() {
        assert!(CODES.is_sorted_by(|one, other| one < other));
        for currency in Currency::all() {
            assert_eq!(Currency::parse(currency.as_str()), Some(currency));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        assert_eq!(Currency::parse("usd").unwrap().to_string(), "usd");
        for other in ["", "us", "USD", "Usd", "usdt", "xau", "xxx", "zzz", "é1", " usd"] {
            assert_eq!(Currency::parse(other), None, "{other}");
        }
    }

    #[test]
    fn any_three_or_four_small_letters_are_a_code() {
        for code in ["usd", "usdc", "xxx", "abcd"] {
            assert_eq!(Currency::any(code).unwrap().as_str(), code);
        }
        for other in ["", "us", "USD", "abcde", "us1", "é1", " usd"] {
            assert_eq!(Currency::any(other), None, "{other}");
        }
    }
}
