//! Numbers by which rows are found: a tenant's rows lie side by side under them.

use crate::tenant::{Mode, Tenant};

/// Bits that an app in one mode shares: what is done for an app reads a 256th of what all have.
const APP_BITS: u32 = 8;

/// Bits that tell an app's accounts apart: of an app with millions of accounts, some tens share
/// their numbers.
const ACCOUNT_BITS: u32 = 18;

/// All numbers that begin with the same bits, out of those of 64 bits.
///
/// A row has one number, its slot. The first bits come from its tenant, those behind them from
/// digests of where it stands within the tenant. So one index of eight bytes finds one row, the
/// rows of a group, of a tenant, and of an app. Different rows may have the same slot: whoever
/// looks for a row compares all that identifies it as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slots {
    first: u64,
    /// How many bits are not settled.
    free: u32,
}

impl Slots {
    /// Those of an app in one mode.
    pub fn of_app(mode: Mode, app: &str) -> Self {
        let all = Self { first: 0, free: u64::BITS };
        all.within(APP_BITS, &hash(&[mode.as_str(), app]))
    }

    /// Those of a tenant.
    pub fn of_tenant(tenant: &Tenant) -> Self {
        let account = hash(&[tenant.account.as_str()]);
        Self::of_app(tenant.mode, tenant.app.as_str()).within(ACCOUNT_BITS, &account)
    }

    /// Those of them whose next `bits` are the first ones of `digest`, a number of bytes that is as
    /// good as random; zeros follow a short one.
    #[must_use]
    pub fn within(self, bits: u32, digest: &[u8]) -> Self {
        let bits = bits.min(self.free);
        let mut first = [0; 8];
        first.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
        let next = u64::from_be_bytes(first);
        let free = self.free.saturating_sub(bits);
        // A shift by all 64 bits leaves nothing.
        let next = next.checked_shr(u64::BITS.saturating_sub(bits)).unwrap_or_default();
        let next = next.checked_shl(free).unwrap_or_default();
        Self { first: self.first | next, free }
    }

    /// The slot within these whose remaining bits are the first ones of `digest`.
    pub fn slot(self, digest: &[u8]) -> i64 {
        self.within(self.free, digest).first()
    }

    /// The first of them, in the order in which databases have numbers.
    pub const fn first(self) -> i64 {
        // The first bit is settled, so all of them have the same sign.
        self.first.cast_signed()
    }

    /// The last of them.
    pub fn last(self) -> i64 {
        let rest = u64::MAX.checked_shr(u64::BITS.saturating_sub(self.free)).unwrap_or_default();
        (self.first | rest).cast_signed()
    }
}

/// FNV-1a of texts that hold no zero byte, and then a mixture of its bits (that of `splitmix64`),
/// since its first ones depend little on the last letters. It must stay the same for good: rows are
/// found by it.
fn hash(parts: &[&str]) -> [u8; 8] {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AccountId, AppId};
    use std::collections::HashSet;

    fn tenant(mode: Mode, app: &str, account: &str) -> Tenant {
        let (app, account) = (AppId::parse(app).unwrap(), AccountId::parse(account).unwrap());
        Tenant { mode, app, account }
    }

    #[test]
    fn slots_lie_within_those_of_whom_they_belong_to() {
        let digest = [0x81, 2, 3, 4, 5, 6, 7, 8, 9];
        for mode in Mode::ALL {
            for number in 0..500 {
                let (app, account) = (format!("app_{}", number % 7), format!("acct_{number}"));
                let of_app = Slots::of_app(mode, &app);
                let of_tenant = Slots::of_tenant(&tenant(mode, &app, &account));
                let group = of_tenant.within(30, &digest);
                let slot = group.slot(&[0xff; 8]);
                assert!(of_app.first() <= of_tenant.first() && of_tenant.last() <= of_app.last());
                assert!(of_tenant.first() <= group.first() && group.last() <= of_tenant.last());
                assert_eq!((slot, group.last() - group.first()), (group.last(), 255));
                assert_eq!(group.slot(&[0; 8]), group.first());
                assert_eq!(of_tenant.last().abs_diff(of_tenant.first()), (1 << 38) - 1);
            }
        }
    }

    #[test]
    fn a_short_digest_and_too_many_bits_are_no_fault() {
        let of_app = Slots::of_app(Mode::Test, "app_1");
        assert_eq!(of_app.within(30, &[1, 2]), of_app.within(30, &[1, 2, 0, 0, 0, 0, 0, 0, 9]));
        assert_ne!(of_app.slot(&[1]), of_app.slot(&[2]));
        let one = of_app.within(99, &[7; 8]);
        assert_eq!((one.first(), one.within(5, &[9; 8])), (one.last(), one));
    }

    #[test]
    fn tenants_are_told_apart() {
        let of = |mode, app: &str, number: u32| {
            Slots::of_tenant(&tenant(mode, app, &format!("acct_{number}"))).first()
        };
        let accounts: HashSet<_> =
            (0..1000).map(|number| of(Mode::Live, "app_1", number)).collect();
        assert!(accounts.len() > 990, "{}", accounts.len());
        assert_ne!(of(Mode::Live, "app_1", 1), of(Mode::Test, "app_1", 1));
        assert_ne!(of(Mode::Live, "app_1", 1), of(Mode::Live, "app_2", 1));
        let next = AccountId::parse("acct_1").unwrap().in_generation(1);
        let again = Tenant { account: next, ..tenant(Mode::Live, "app_1", "acct_1") };
        assert_ne!(Slots::of_tenant(&again).first(), of(Mode::Live, "app_1", 1));
    }

    #[test]
    fn slots_of_stored_rows_stay_the_same() {
        let slots = Slots::of_tenant(&tenant(Mode::Live, "app_1", "acct_1"));
        assert_eq!(slots.first(), 1_546_822_919_647_133_696);
    }
}
