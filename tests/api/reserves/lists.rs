//! Lists show what retrieving each object shows, and ask the database once for each kind of objects
//! on a page, however many there are.

use super::fixture::{DAY, Fixture, MARCH_1, text};
use coffer_testkit::{Params, is_postgres};
use serde_json::Value;

const HOLDS: &str = "/v1/reserve/holds";
const RELEASES: &str = "/v1/reserve/releases";
const TRANSACTIONS: &str = "/v1/balance_transactions";
const LINKS_OF_HOLDS: [&str; 2] = ["reserve_plan", "source_charge"];
const LINKS_OF_RELEASES: [&str; 5] = [
    "reserve_hold.source_charge",
    "reserve_hold.reserve_plan",
    "reserve_plan",
    "source_transaction.refund.charge",
    "source_transaction.dispute",
];
const LINKS_OF_TRANSACTIONS: [&str; 5] = [
    "source.charge",
    "source.source_charge",
    "source.reserve_hold.source_charge",
    "source.source_transaction.refund",
    "fee_details",
];

/// Thirty holds of two plans, of which a third was released in parts, and as many of callers.
fn filled() -> Fixture {
    let fixture = Fixture::new();
    fixture.rolling(10, 30);
    fixture.fixed(20, MARCH_1 + 40 * DAY);
    for number in 0..15 {
        let charge = format!("ch_{number}");
        fixture.charge(&charge, 1000, &[]);
        if number % 3 == 0 {
            fixture.refund(&format!("re_{number}a"), &charge, 120);
            fixture.refund(&format!("re_{number}b"), &charge, 50);
        }
        let hold = text(&fixture.hold(500, MARCH_1 + 10 * DAY), "id");
        if number % 5 == 0 {
            fixture.post(RELEASES, &[("reserve_hold", &hold), ("amount", "100")]).ok();
        }
    }
    fixture
}

/// The whole list, with `links` expanded.
fn page(fixture: &Fixture, path: &str, links: &[&str]) -> Vec<Value> {
    let links: Vec<String> = links.iter().map(|link| format!("data.{link}")).collect();
    let mut params = vec![("limit", "100")];
    params.extend(links.iter().map(|link| ("expand[]", link.as_str())));
    fixture.list(path, &params)
}

#[test]
fn a_list_shows_what_retrieving_each_of_it_shows() {
    let fixture = filled();
    for (path, links, expected) in [
        (HOLDS, &LINKS_OF_HOLDS[..], 45),
        (RELEASES, &LINKS_OF_RELEASES, 18),
        (TRANSACTIONS, &LINKS_OF_TRANSACTIONS, 100),
    ] {
        for links in [links, &[]] {
            let expand: Vec<_> = links.iter().map(|link| ("expand[]", *link)).collect();
            let listed = page(&fixture, path, links);
            assert_eq!(listed.len(), expected, "{path}");
            for object in listed {
                let path = format!("{path}/{}", text(&object, "id"));
                assert_eq!(fixture.client.get(&path, &expand).ok(), object);
            }
        }
    }
}

/// How often the database is waited for while a list is answered.
fn round_trips(fixture: &Fixture, path: &str, params: Params<'_>) -> u64 {
    fixture.server.round_trips_of(|| drop(fixture.client.get(path, params).ok()))
}

#[test]
fn a_page_asks_the_database_once_for_each_kind_of_objects() {
    if !is_postgres() {
        println!("skipped: the stores of this run are files");
        return;
    }
    let fixture = filled();
    let (hold, release) = (&page(&fixture, HOLDS, &[])[40], &page(&fixture, RELEASES, &[])[0]);
    let (hold, plan) = (text(hold, "id"), text(hold, "reserve_plan"));
    let release = text(release, "id");
    let all = ("limit", "100");
    let expanded = |links: [&'static str; 2]| [all, ("expand[]", links[0]), ("expand[]", links[1])];
    let trips = |path, params: &[(&str, &str)]| round_trips(&fixture, path, params);
    let kinds = expanded(["data.reserve_plan", "data.source_charge"]);
    let (none, of_release) = (("reserve_release", "resrel_none"), ("reserve_release", &*release));
    // The page itself, and the releases of its holds; a list that is narrowed by what no index has
    // asks for the end of its window besides.
    let holds: [&[(&str, &str)]; 7] = [
        &[all],
        &[all, ("reason", "standalone")],
        &[all, ("reserve_plan", &plan)],
        &[all, of_release],
        &[all, none],
        &[all, ("ending_before", &hold)],
        &kinds,
    ];
    assert_eq!(holds.map(|params| trips(HOLDS, params)), [2, 3, 2, 2, 1, 3, 4]);
    // The holds, their releases, the plans; none of the releases is of a plan. With all links: the
    // holds, their releases, plans and charges, the refunds and their charges.
    let two = expanded(["data.reserve_hold", "data.reserve_plan"]);
    let links = LINKS_OF_RELEASES.map(|link| format!("data.{link}"));
    let mut every = vec![all];
    every.extend(links.iter().map(|link| ("expand[]", link.as_str())));
    let releases: [&[(&str, &str)]; 4] = [&[all], &[all, ("reserve_hold", &hold)], &two, &every];
    assert_eq!(releases.map(|params| trips(RELEASES, params)), [1, 1, 3, 7]);
    let sources = [all, ("expand[]", "data.source")];
    // Charges, refunds, holds with their releases, releases.
    let of_kinds = round_trips(&fixture, TRANSACTIONS, &sources);
    assert!((2..=7).contains(&of_kinds), "{of_kinds}");
    for path in [
        "/v1/reserve/plans",
        "/v1/ledger/charges",
        "/v1/ledger/refunds",
        "/v1/ledger/disputes",
        "/v1/ledger/payouts",
        "/v1/ledger/adjustments",
        "/v1/ledger/breaches",
        "/v1/balance_transactions",
        "/v1/balance",
    ] {
        let params: Params<'_> = if path == "/v1/balance" { &[] } else { &[all] };
        assert_eq!(round_trips(&fixture, path, params), 1, "{path}");
    }
}
