//! What an app may keep, by a count that the test makes up.

use super::*;
use crate::principal::Role;
use coffer_base::{AccountId, AppId};

fn principal(app: &str, mode: Mode, quotas: &[(&str, i64)]) -> Principal {
    let account = AccountId::parse("acct_1").unwrap();
    Principal {
        expires_at: None,
        key_id: "k".into(),
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

fn counted(apps: &[(&str, Mode, i64)]) -> Counted {
    let mut counted = Counted::default();
    for (app, mode, bytes) in apps {
        *counted.app(*mode, app, 1).first_mut().unwrap() = *bytes;
    }
    counted
}

#[test]
fn an_app_that_keeps_as_much_as_it_may_is_refused_and_nobody_else() {
    let usages = Usages::new(vec![Amount { default: 100, ..BYTES }]);
    let check = |app, mode, quotas: &[(&str, i64)]| {
        usages.check(&principal(app, mode, quotas), BYTES.quota.name)
    };
    assert!(check("app_big", Mode::Live, &[("bytes", 1)]).is_ok(), "nothing was counted yet");
    let apps =
        [("app_big", Mode::Live, 100), ("app_big", Mode::Test, 99), ("app_2", Mode::Live, 1)];
    usages.publish(counted(&apps));
    let refusal = check("app_big", Mode::Live, &[]).unwrap_err();
    assert_eq!(refusal.status(), 400);
    let body = String::from_utf8(refusal.body()).unwrap();
    assert!(body.contains("quota 'bytes' is 100"), "{body}");
    for (what, allowed, outcome) in [
        ("its other mode", true, check("app_big", Mode::Test, &[])),
        ("another app", true, check("app_2", Mode::Live, &[])),
        ("one that keeps nothing", true, check("app_3", Mode::Live, &[("bytes", 1)])),
        ("a larger quota of its own", true, check("app_big", Mode::Live, &[("bytes", 101)])),
        ("a smaller quota of its own", false, check("app_2", Mode::Live, &[("bytes", 1)])),
        ("no limit of this kind", true, usages.check(&principal("app_big", Mode::Live, &[]), "x")),
    ] {
        assert_eq!(outcome.is_ok(), allowed, "{what}");
    }
    usages.publish(counted(&[("app_big", Mode::Live, 99)]));
    assert!(check("app_big", Mode::Live, &[]).is_ok(), "it has deleted something");
}

#[test]
fn the_largest_apps_come_first_and_no_more_than_a_few() {
    let usages = Usages::new(vec![BYTES]);
    assert_eq!(usages.largest(), []);
    let names: Vec<String> = (0..20).map(|number| format!("app_{number:02}")).collect();
    let apps: Vec<_> = names.iter().zip(0..).map(|(app, n)| (&**app, Mode::Live, n)).collect();
    usages.publish(counted(&apps));
    let text = |shown: Reported| match shown {
        Reported::Object(object) => String::from_utf8(object.render()).unwrap(),
        other => panic!("{other:?}"),
    };
    let largest: Vec<_> = usages.largest().into_iter().map(text).collect();
    assert_eq!(largest.len(), limits::LARGEST_APPS);
    for (shown, number) in largest.iter().zip([19, 18, 17]) {
        assert!(shown.contains(&format!("app_{number}")), "{shown}");
    }
}
