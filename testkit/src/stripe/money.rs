//! Sums of the made-up month, counted apart from everything that is tested.

use std::collections::BTreeMap;

/// What an account has in one currency.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Sums {
    /// What could be paid out.
    pub available: i64,
    /// What has come in or gone out and counts later.
    pub pending: i64,
}

/// What an account has, by currency and pool.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Balances(pub BTreeMap<(String, String), Sums>);

impl Balances {
    /// Adds to a pool.
    pub fn add(&mut self, currency: &str, pool: &str, net: i64, is_pending: bool) {
        let sums = self.0.entry((currency.to_owned(), pool.to_owned())).or_default();
        let sum = if is_pending { &mut sums.pending } else { &mut sums.available };
        *sum += net;
    }

    /// The sums by currency alone.
    pub fn by_currency(&self) -> BTreeMap<String, Sums> {
        let mut all = BTreeMap::<String, Sums>::new();
        for ((currency, _), sums) in &self.0 {
            let of = all.entry(currency.clone()).or_default();
            of.available += sums.available;
            of.pending += sums.pending;
        }
        all
    }
}

/// Numbers by chance that can be had again: the generator "`SplitMix64`".
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of `from..to`.
    pub(super) fn within(&mut self, from: i64, to: i64) -> i64 {
        let span = u64::try_from(to - from).unwrap();
        from + i64::try_from(self.next() % span).unwrap()
    }

    /// Whether something happens that does so many times of a hundred.
    pub(super) const fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// One of these.
    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.next() % u64::try_from(all.len()).unwrap()).unwrap()]
    }
}
