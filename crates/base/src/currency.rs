//! Currencies by their code.

use std::fmt;

/// A currency of ISO 4217, written in lower case as on the wire.
///
/// Amounts are in its minor unit as the caller counts it; nothing here scales one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency with this code, in lower case; `None` if there is none.
    pub fn parse(code: &str) -> Option<Self> {
        let letters: [u8; 3] = code.as_bytes().try_into().ok()?;
        CODES.binary_search(&letters).ok().map(|_| Self(letters))
    }

    /// Its code in lower case: `usd`.
    pub fn as_str(&self) -> &str {
        // The letters come from the list below, which is plain ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// All currencies in alphabetical order.
    pub fn all() -> impl Iterator<Item = Self> {
        CODES.iter().map(|code| Self(*code))
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

/// The currencies in circulation, without metals, bonds, funds and test codes; sorted for the
/// binary search.
const CODES: [[u8; 3]; 156] = [
    *b"aed", *b"afn", *b"all", *b"amd", *b"aoa", *b"ars", *b"aud", *b"awg", *b"azn", *b"bam",
    *b"bbd", *b"bdt", *b"bgn", *b"bhd", *b"bif", *b"bmd", *b"bnd", *b"bob", *b"brl", *b"bsd",
    *b"btn", *b"bwp", *b"byn", *b"bzd", *b"cad", *b"cdf", *b"chf", *b"clp", *b"cny", *b"cop",
    *b"crc", *b"cup", *b"cve", *b"czk", *b"djf", *b"dkk", *b"dop", *b"dzd", *b"egp", *b"ern",
    *b"etb", *b"eur", *b"fjd", *b"fkp", *b"gbp", *b"gel", *b"ghs", *b"gip", *b"gmd", *b"gnf",
    *b"gtq", *b"gyd", *b"hkd", *b"hnl", *b"htg", *b"huf", *b"idr", *b"ils", *b"inr", *b"iqd",
    *b"irr", *b"isk", *b"jmd", *b"jod", *b"jpy", *b"kes", *b"kgs", *b"khr", *b"kmf", *b"kpw",
    *b"krw", *b"kwd", *b"kyd", *b"kzt", *b"lak", *b"lbp", *b"lkr", *b"lrd", *b"lsl", *b"lyd",
    *b"mad", *b"mdl", *b"mga", *b"mkd", *b"mmk", *b"mnt", *b"mop", *b"mru", *b"mur", *b"mvr",
    *b"mwk", *b"mxn", *b"myr", *b"mzn", *b"nad", *b"ngn", *b"nio", *b"nok", *b"npr", *b"nzd",
    *b"omr", *b"pab", *b"pen", *b"pgk", *b"php", *b"pkr", *b"pln", *b"pyg", *b"qar", *b"ron",
    *b"rsd", *b"rub", *b"rwf", *b"sar", *b"sbd", *b"scr", *b"sdg", *b"sek", *b"sgd", *b"shp",
    *b"sle", *b"sos", *b"srd", *b"ssp", *b"stn", *b"svc", *b"syp", *b"szl", *b"thb", *b"tjs",
    *b"tmt", *b"tnd", *b"top", *b"try", *b"ttd", *b"twd", *b"tzs", *b"uah", *b"ugx", *b"usd",
    *b"uyu", *b"uzs", *b"ved", *b"ves", *b"vnd", *b"vuv", *b"wst", *b"xaf", *b"xcd", *b"xcg",
    *b"xof", *b"xpf", *b"yer", *b"zar", *b"zmw", *b"zwg",
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
        for other in ["", "us", "USD", "Usd", "usdc", "xau", "xxx", "zzz", "é1", " usd"] {
            assert_eq!(Currency::parse(other), None, "{other}");
        }
    }
}
