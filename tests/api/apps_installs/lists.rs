//! Lists of installs: who sees which, filters and pages.

use super::{URL, create_private, ids, quiet, set, uninstall};
use crate::check::lawful;
use serde_json::{Value, json};

#[test]
fn an_app_lists_its_installs_everywhere_and_pages_through_them() {
    let (server, app) = quiet();
    let mut made = Vec::new();
    let mut accounts = Vec::new();
    for _ in 0..5 {
        server.clock.advance(10);
        let (account, client) = server.connected(&app);
        made.extend(ids(&client.get(URL, &[("app", &app.id)]).ok()));
        accounts.push(account);
    }
    made.reverse();
    let own = ("app", app.id.as_str());
    let list = |params: &[(&str, &str)]| lawful(&app.client().get(URL, params)).ok();
    assert_eq!(ids(&list(&[own])), made);
    assert_eq!(list(&[own])["has_more"], false);
    let page = list(&[own, ("limit", "2")]);
    assert_eq!((ids(&page), &page["has_more"]), (made[..2].to_vec(), &json!(true)));
    let page = list(&[own, ("limit", "2"), ("starting_after", &made[1])]);
    assert_eq!(ids(&page), made[2..4]);
    let page = list(&[own, ("limit", "2"), ("ending_before", &made[3])]);
    assert_eq!((ids(&page), &page["has_more"]), (made[1..3].to_vec(), &json!(true)));
    // An install that is gone is a cursor still, also after the app was installed again.
    let third = app.client().for_account(&accounts[2]);
    uninstall(&third, &made[2]).ok();
    let after = [own, ("starting_after", made[2].as_str())];
    assert_eq!(ids(&list(&after)), made[3..]);
    third.post(URL, &[own]).ok();
    assert_eq!(ids(&list(&after)), made[3..]);
    server.clock.advance(86_500);
    server.run_jobs();
    server.run_jobs();
    let error = app.client().get(URL, &after).refused(400);
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("resource_missing"), &json!("starting_after"))
    );
    // Live installs are in lists of live keys.
    assert_eq!(ids(&app.live().get(URL, &[own]).ok()).len(), 5);
}

#[test]
fn without_its_app_a_list_is_of_the_own_account() {
    let (server, app) = quiet();
    let (other, sibling) = (server.app(), server.app());
    server.connected(&app);
    server.install(&other, &app.account);
    let private = create_private(&app);
    let client = app.client();
    let all = lawful(&client.get(URL, &[])).ok();
    assert_eq!(all["data"][0], private);
    assert_eq!(ids(&all).len(), 2);
    let of_other = client.get(URL, &[("app", &other.id)]).ok();
    assert_eq!(ids(&of_other), ids(&all)[1..]);
    client.get(URL, &[("account", &app.account)]).ok();
    for params in [
        vec![("account", sibling.account.as_str())],
        vec![("account", "acct_none")],
        vec![("account", sibling.account.as_str()), ("app", other.id.as_str())],
    ] {
        let error = lawful(&client.get(URL, &params)).refused(400);
        assert_eq!((&error["param"], error.get("code")), (&json!("account"), None));
    }
    let everywhere = [("account", "acct_none"), ("app", app.id.as_str())];
    assert_eq!(ids(&client.get(URL, &everywhere).ok()), [""; 0]);
    let error = client.get(URL, &[("starting_after", "appinst_test_none")]).refused(400);
    assert_eq!(error["code"], "resource_missing");
}

#[test]
fn filters_narrow_a_list() {
    let (server, app) = quiet();
    let private = create_private(&app);
    server.clock.advance(100);
    let (account, connected) = server.connected(&app);
    let public = connected.get(URL, &[("app", &app.id)]).ok()["data"][0].clone();
    let id = |install: &Value| install["id"].as_str().unwrap().to_owned();
    let (private, public) = (id(&private), id(&public));
    let both = vec![public.clone(), private.clone()];
    for (name, value, expected) in [
        ("channel", "public", vec![public.clone()]),
        ("channel", "private_test", vec![private.clone()]),
        ("channel", "private_live", vec![]),
        ("channel", "testing", vec![]),
        ("status", "installed", both.clone()),
        ("status", "uninstalling", vec![]),
        ("status", "install_failed", vec![]),
        ("created[gt]", "1800000000", vec![public.clone()]),
        ("created", "1800000000", vec![private.clone()]),
        ("created_by", &account, vec![]),
        ("account", &account, vec![public.clone()]),
        ("approval_required", "false", both.clone()),
        ("approval_required", "true", vec![]),
    ] {
        let params = [("app", app.id.as_str()), (name, value)];
        assert_eq!(ids(&lawful(&app.client().get(URL, &params)).ok()), expected, "{name}={value}");
    }
    set(&server, &app, &[("endpoints[]", "https://a.example")]);
    let waiting = [("app", app.id.as_str()), ("approval_required", "true"), ("limit", "1")];
    let page = app.client().get(URL, &waiting).ok();
    assert_eq!((ids(&page), &page["has_more"]), (vec![public], &json!(false)));
    for (name, value) in [("status", "gone"), ("channel", "review"), ("approval_required", "1")] {
        let error = lawful(&app.client().get(URL, &[(name, value)])).refused(400);
        assert_eq!(error["param"], name);
    }
}
