//! Lists show what retrieving each object shows, and ask the database once for each kind of objects
//! on a page, however many there are.

use super::world::{DAY, MARCH_1, World, text};
use coffer_testkit::{Params, is_postgres};
use serde_json::Value;

const HOLDS: &str = "/v1/reserve/holds";
const RELEASES: &str = "/v1/reserve/releases";
const LINKS_OF_HOLDS: [&str; 2] = ["reserve_plan", "source_charge"];
const LINKS_OF_RELEASES: [&str; 2] = ["reserve_hold", "reserve_plan"];

/// Thirty holds of two plans, of which a third was released in parts, and as many of callers.
fn filled() -> World {
    let world = World::new();
    world.rolling(10, 30);
    world.fixed(20, MARCH_1 + 40 * DAY);
    for number in 0..15 {
        let charge = format!("ch_{number}");
        world.charge(&charge, 1000, &[]);
        if number % 3 == 0 {
            world.refund(&format!("re_{number}a"), &charge, 120);
            world.refund(&format!("re_{number}b"), &charge, 50);
        }
        let hold = text(&world.hold(500, MARCH_1 + 10 * DAY), "id");
        if number % 5 == 0 {
            world.post(RELEASES, &[("reserve_hold", &hold), ("amount", "100")]).ok();
        }
    }
    world
}

/// The whole list, with `links` expanded.
fn page(world: &World, path: &str, links: &[&str]) -> Vec<Value> {
    let links: Vec<String> = links.iter().map(|link| format!("data.{link}")).collect();
    let mut params = vec![("limit", "100")];
    params.extend(links.iter().map(|link| ("expand[]", link.as_str())));
    world.list(path, &params)
}

#[test]
fn a_list_shows_what_retrieving_each_of_it_shows() {
    let world = filled();
    for (path, links, expected) in [(HOLDS, LINKS_OF_HOLDS, 45), (RELEASES, LINKS_OF_RELEASES, 18)]
    {
        for links in [&links[..], &[]] {
            let expand: Vec<_> = links.iter().map(|link| ("expand[]", *link)).collect();
            let listed = page(&world, path, links);
            assert_eq!(listed.len(), expected, "{path}");
            for object in listed {
                let path = format!("{path}/{}", text(&object, "id"));
                assert_eq!(world.client.get(&path, &expand).ok(), object);
            }
        }
    }
}

/// How often the database is waited for while a list is answered.
fn round_trips(world: &World, path: &str, params: Params<'_>) -> u64 {
    let before = world.server.round_trips();
    world.client.get(path, params).ok();
    world.server.round_trips() - before
}

#[test]
fn a_page_asks_the_database_once_for_each_kind_of_objects() {
    if !is_postgres() {
        println!("skipped: the stores of this run are files");
        return;
    }
    let world = filled();
    let (hold, release) = (&page(&world, HOLDS, &[])[40], &page(&world, RELEASES, &[])[0]);
    let (hold, plan) = (text(hold, "id"), text(hold, "reserve_plan"));
    let release = text(release, "id");
    let all = ("limit", "100");
    let expanded = |links: [&'static str; 2]| [all, ("expand[]", links[0]), ("expand[]", links[1])];
    // The page itself, and the releases of its holds.
    assert_eq!(round_trips(&world, HOLDS, &[all]), 2);
    assert_eq!(round_trips(&world, HOLDS, &[all, ("reason", "standalone")]), 2);
    assert_eq!(round_trips(&world, HOLDS, &[all, ("reserve_plan", &plan)]), 2);
    assert_eq!(round_trips(&world, HOLDS, &[all, ("reserve_release", &release)]), 2);
    assert_eq!(round_trips(&world, HOLDS, &[all, ("reserve_release", "resrel_none")]), 1);
    // The cursor, the plans, the charges.
    assert_eq!(round_trips(&world, HOLDS, &[all, ("ending_before", &hold)]), 3);
    let links = expanded(["data.reserve_plan", "data.source_charge"]);
    assert_eq!(round_trips(&world, HOLDS, &links), 4);
    assert_eq!(round_trips(&world, RELEASES, &[all]), 1);
    assert_eq!(round_trips(&world, RELEASES, &[all, ("reserve_hold", &hold)]), 1);
    // The holds, their releases, the plans; none of the releases is of a plan.
    let links = expanded(["data.reserve_hold", "data.reserve_plan"]);
    assert_eq!(round_trips(&world, RELEASES, &links), 3);
    for path in [
        "/v1/reserve/plans",
        "/v1/ledger/charges",
        "/v1/ledger/refunds",
        "/v1/ledger/disputes",
        "/v1/ledger/payouts",
        "/v1/ledger/breaches",
        "/v1/balance_transactions",
        "/v1/balance",
    ] {
        let params: Params<'_> = if path == "/v1/balance" { &[] } else { &[all] };
        assert_eq!(round_trips(&world, path, params), 1, "{path}");
    }
}
