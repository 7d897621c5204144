//! Limits of apps and keys, on a clock that the test moves.

use super::*;
use crate::principal::{AdminRole, Role};
use coffer_base::{AccountId, AppId, Mode, Tenant};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn principal(key: &str, app: &str, mode: Mode, quotas: &[(&str, i64)]) -> Principal {
    let account = AccountId::parse("acct_1").unwrap();
    Principal {
        expires_at: None,
        key_id: key.into(),
        redacted_key: "sk_…".into(),
        parent: None,
        role: Role::App,
        tenant: Tenant { mode, app: AppId::parse(app).unwrap(), account: account.clone() },
        own_account: true,
        platform: account,
        connect: false,
        restrictions: None,
        granted: None,
        person: None,
        quotas: quotas.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
    }
}

fn admin(key: &str) -> Principal {
    let tenant = Tenant::system();
    Principal {
        role: Role::Admin(AdminRole::Operator),
        tenant,
        ..principal(key, "app_1", Mode::Test, &[])
    }
}

/// How many of many requests at `now` are let through, if each ends at once.
fn through(loads: &TenantLoads, who: &Principal, rate: Option<u32>, now: Instant) -> u32 {
    let tried = (0..10_000).map(|_| loads.enter(who, rate, now));
    tried.map(|permit| u32::from(permit.is_ok())).sum()
}

/// How many requests are let through while none of them ends.
fn at_once(loads: &TenantLoads, who: &Principal, rate: Option<u32>, now: Instant) -> usize {
    let permits: Vec<_> = (0..3000).filter_map(|_| loads.enter(who, rate, now).ok()).collect();
    permits.len()
}

#[test]
fn each_kind_of_caller_has_the_limits_that_it_should() {
    use limits::{ADMIN_REQUESTS_PER_SECOND as ADMIN, KEY_REQUESTS_PER_SECOND as KEY};
    let cases: [(&str, Principal, Option<u32>, u32); 7] = [
        ("nothing is limited", principal("k", "app_1", Mode::Live, &[]), None, 10_000),
        ("a key has its limit", principal("k", "app_1", Mode::Live, &[]), Some(4000), KEY),
        ("its app has a lower one", principal("k", "app_1", Mode::Live, &[]), Some(7), 7),
        (
            "the app's own limit counts where others have none",
            principal("k", "app_1", Mode::Live, &[("requests_per_second", 9)]),
            None,
            9,
        ),
        (
            "the app's own limit counts before the general one",
            principal("k", "app_1", Mode::Live, &[("requests_per_second", 3)]),
            Some(100),
            3,
        ),
        (
            "an app's key has its own limit",
            principal("k", "app_1", Mode::Live, &[("requests_per_second_per_key", 2)]),
            Some(100),
            2,
        ),
        ("an operator has a limit of his own", admin("k"), Some(1), ADMIN),
    ];
    for (what, who, rate, expected) in cases {
        let loads = TenantLoads::new();
        let now = Instant::now();
        assert_eq!(through(&loads, &who, rate, now), expected, "{what}");
        if expected < 10_000 {
            assert_eq!(through(&loads, &who, rate, now), 0, "{what}: nothing is left");
            assert_eq!(through(&loads, &who, rate, now + SECOND), expected, "{what}: refilled");
        }
    }
}

#[test]
fn nobody_meets_the_limit_of_somebody_else() {
    let (loads, now) = (TenantLoads::new(), Instant::now());
    let busy = principal("key_1", "app_1", Mode::Live, &[]);
    assert_eq!(through(&loads, &busy, Some(5), now), 5);
    let sister = principal("key_2", "app_1", Mode::Live, &[]);
    assert_eq!(through(&loads, &sister, Some(5), now), 0, "one app, one budget");
    for other in
        [principal("key_3", "app_1", Mode::Test, &[]), principal("key_4", "app_2", Mode::Live, &[])]
    {
        assert_eq!(through(&loads, &other, Some(5), now), 5, "{}", other.key_id);
    }
    assert!(loads.enter(&admin("key_5"), Some(5), now).is_ok());
}

#[test]
fn what_is_under_way_counts_until_it_ends() {
    let quotas = [("requests_at_once", 3), ("requests_per_second", 1_000_000)];
    let who = principal("k", "app_1", Mode::Live, &quotas);
    let (loads, now) = (TenantLoads::new(), Instant::now());
    for _ in 0..3 {
        assert_eq!(at_once(&loads, &who, None, now), 3);
    }
    let held: Vec<_> = (0..3).map(|_| loads.enter(&who, None, now).ok()).collect();
    assert_eq!(
        loads.enter(&who, None, now + SECOND).err().map(|met| met.limit),
        Some(Limit::AtOnce)
    );
    drop(held);
    assert!(loads.enter(&who, None, now + SECOND).is_ok());
}

#[test]
fn a_refusal_gives_back_what_it_held() {
    let quotas = [("requests_at_once_per_key", 5), ("requests_per_second", 1)];
    let who = principal("k", "app_1", Mode::Live, &quotas);
    let (loads, now) = (TenantLoads::new(), Instant::now());
    assert!(loads.enter(&who, None, now).is_ok());
    for _ in 0..20 {
        assert_eq!(loads.enter(&who, None, now).err().map(|met| met.limit), Some(Limit::Rate));
    }
    assert!(loads.enter(&who, None, now + SECOND).is_ok());
}

#[test]
fn memory_is_bounded_whoever_comes() {
    let (loads, now) = (TenantLoads::new(), Instant::now());
    for number in 0..limits::LOADS_IN_MEMORY * 2 {
        let who = principal(&format!("key_{number}"), "app_1", Mode::Live, &[]);
        drop(loads.enter(&who, Some(1_000_000), now));
    }
    assert!(loads.loads.len() <= limits::LOADS_IN_MEMORY + 64);
}
