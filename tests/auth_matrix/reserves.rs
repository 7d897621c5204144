//! The cases of Reserves, of the ledger beneath, and of events: objects of every other ledger.

use crate::cases::{Case, Request, Run};
use crate::expectations::{self, Expectation, account_of};
use crate::fixtures::installation::Fixtures;
use crate::fixtures::{Account, App, Credential, Mode, tenant};
use crate::operations::Operation;
use coffer_testkit::Client;
use serde_json::Value;

/// One owner's books, with one object of each kind in them. Apps of one developer share them.
#[derive(Clone, Debug)]
pub struct Books {
    mode: Mode,
    developer: Account,
    account: Account,
    app: App,
    /// The objects by the collection that lists them.
    objects: Vec<(&'static str, String)>,
}

/// The collections.
const COLLECTIONS: [&str; 10] = [
    "/v1/ledger/charges",
    "/v1/ledger/refunds",
    "/v1/ledger/disputes",
    "/v1/ledger/payouts",
    "/v1/ledger/breaches",
    "/v1/balance_transactions",
    "/v1/reserve/holds",
    "/v1/reserve/plans",
    "/v1/reserve/releases",
    "/v1/events",
];

/// Who keeps books.
const OWNERS: [(Mode, App, Account); 13] = [
    (Mode::Test, App::Main, Account::Developer),
    (Mode::Test, App::Main, Account::Installed),
    (Mode::Live, App::Main, Account::Installed),
    (Mode::Test, App::Main, Account::Reinstalled),
    (Mode::Test, App::Main, Account::Uninstalled),
    (Mode::Test, App::Rival, Account::Installed),
    (Mode::Test, App::Rival, Account::Stranger),
    (Mode::Live, App::Main, Account::Developer),
    (Mode::Live, App::Main, Account::Reinstalled),
    (Mode::Test, App::Rival, Account::RivalDeveloper),
    (Mode::Live, App::Rival, Account::RivalDeveloper),
    (Mode::Live, App::Rival, Account::Installed),
    (Mode::Live, App::Rival, Account::Stranger),
];

/// How many of them everybody is asked about, besides their own.
const ASKED_ABOUT: usize = 6;

/// What some months ahead of the server's clock is.
fn ahead(fixtures: &Fixtures) -> String {
    use coffer_base::Clock;
    fixtures.server.clock.now().plus(90 * 86_400).unix().to_string()
}

/// Opens the books of every owner.
pub fn open(fixtures: &mut Fixtures) {
    for (number, (mode, app, account)) in (0..).zip(OWNERS) {
        let keeper = fixtures.keeper(tenant(mode, app, account));
        let mut books =
            Books { mode, developer: app.developer(), account, app, objects: Vec::new() };
        fill(&mut books, &keeper, number, &ahead(fixtures));
        for path in COLLECTIONS {
            let all = ids(&keeper.get(path, &[("limit", "100")]).ok());
            fixtures.ids.extend(all.iter().cloned());
            if !books.objects.iter().any(|(of, _)| *of == path) {
                books.objects.push((path, all[0].clone()));
            }
        }
        fixtures.books.push(books);
    }
}

fn fill(books: &mut Books, keeper: &Client, number: usize, ahead: &str) {
    let id = |kind: &str| format!("{kind}_of_ledger_{number:02}");
    let (charge, payout) = (id("ch"), id("po"));
    keeper
        .post("/v1/ledger/charges", &[("id", &charge), ("amount", "90000"), ("currency", "usd")])
        .ok();
    for (path, id) in [("/v1/ledger/refunds", id("re")), ("/v1/ledger/disputes", id("du"))] {
        keeper.post(path, &[("id", &id), ("charge", &charge), ("amount", "100")]).ok();
        books.objects.push((path, id));
    }
    let told =
        [("id", payout.as_str()), ("amount", "5"), ("currency", "usd"), ("reported", "true")];
    keeper.post("/v1/ledger/payouts", &told).ok();
    books.objects.push(("/v1/ledger/charges", charge));
    books.objects.push(("/v1/ledger/payouts", payout));
    keeper
        .post(
            "/v1/reserve/plans",
            &[("percent", "5"), ("type", "fixed_release"), ("fixed_release[release_after]", ahead)],
        )
        .ok();
    let hold =
        [("amount", "1000000"), ("currency", "usd"), ("release_schedule[release_after]", ahead)];
    let hold = keeper.post("/v1/reserve/holds", &hold).text("id");
    keeper.post("/v1/reserve/releases", &[("reserve_hold", &hold), ("amount", "1")]).ok();
}

fn ids(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().unwrap();
    data.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// The cases of one operation for one caller and account.
pub fn cases(run: &mut Run, operation: &Operation, who: &Credential, named: Option<Account>) {
    let reached = expectations::backend(operation, who, named);
    let own = books_of(run, who, named);
    let Some((collection, param)) = subject(operation) else {
        return ask(run, operation, who, named, reached, own, "");
    };
    let found = |run: &Run, books: usize| -> String {
        let mut objects = run.fixtures.books[books].objects.iter();
        objects.find(|(of, _)| *of == collection).map(|(_, id)| id.clone()).unwrap()
    };
    // Whoever is stopped at the door is stopped whatever it is about.
    let others = if reached == Expectation::Allowed { ASKED_ABOUT } else { 1 };
    for books in (0..others).chain(own.filter(|own| *own >= others)) {
        let id = found(run, books);
        let mine = own == Some(books);
        let expect = if param == "id" {
            expectations::about(reached, mine, "id")
        } else {
            named_by_parameter(reached, mine, param)
        };
        ask(run, operation, who, named, expect, own, &id);
    }
    if reached == Expectation::Allowed {
        let never = "never_existed_0000";
        let expect = if param == "id" {
            expectations::about(reached, false, "id")
        } else {
            named_by_parameter(reached, false, param)
        };
        ask(run, operation, who, named, expect, own, never);
    }
}

/// What a parameter names that is another's is as good as what never was: 400.
const fn named_by_parameter(reached: Expectation, own: bool, param: &'static str) -> Expectation {
    match reached {
        Expectation::Allowed if !own => {
            Expectation::Refused { status: 400, code: Some("resource_missing"), param: Some(param) }
        }
        other => other,
    }
}

fn books_of(run: &Run, who: &Credential, named: Option<Account>) -> Option<usize> {
    let owner = (who.mode, who.app.developer(), account_of(who, named));
    run.fixtures.books.iter().position(|one| (one.mode, one.developer, one.account) == owner)
}

/// The collection whose object an operation is about, and the parameter that names it.
fn subject(operation: &Operation) -> Option<(&'static str, &'static str)> {
    match operation.name {
        "ledger.refunds.create" | "ledger.disputes.create" => {
            Some(("/v1/ledger/charges", "charge"))
        }
        "reserve.releases.create" => Some(("/v1/reserve/holds", "reserve_hold")),
        _ => {
            let (collection, _) = operation.path.split_once("/:id")?;
            let known = COLLECTIONS.into_iter().find(|path| *path == collection);
            known.map(|known| (known, "id"))
        }
    }
}

fn ask(
    run: &mut Run,
    operation: &Operation,
    who: &Credential,
    named: Option<Account>,
    expect: Expectation,
    own: Option<usize>,
    subject: &str,
) {
    let own = own.filter(|_| expect == Expectation::Allowed);
    let seen = own.map_or_else(Vec::new, |at| everything(run, at));
    let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
    let case = Case { operation, who, named, about: subject, expect, own: &seen, subject };
    let params = params(run, operation, subject);
    // A plan can be disabled once: the caller's own is a new one each time.
    let fresh = (operation.name == "reserve.plans.disable" && expect == Expectation::Allowed)
        .then(|| fresh_plan(run, own));
    let path = operation.path.replace(":id", fresh.as_deref().unwrap_or(subject));
    run.changes.has_changed(&run.fixtures.server);
    let Some(answer) = run.ask(case, &Request { method: operation.method, path, params }) else {
        return;
    };
    let changed = run.changes.has_changed(&run.fixtures.server);
    run.check(case, changed == operation.writes, "changes where there should be none, or none");
    let json = answer.json();
    if let (Some(at), true) = (own, operation.path == "/v1/events") {
        let page = keeper(run, at).get("/v1/events", &[]).json();
        run.check(case, ids(&json) == ids(&page), "another page");
    }
    if json["livemode"].is_boolean() {
        let live = who.mode == Mode::Live;
        run.check(case, json["livemode"] == live, "another mode");
    }
}

/// Whoever may see all of an owner's books.
fn keeper(run: &Run, at: usize) -> Client {
    let books = &run.fixtures.books[at];
    run.fixtures.keeper(tenant(books.mode, books.app, books.account))
}

/// The ids of all that an owner's books hold.
fn everything(run: &Run, at: usize) -> Vec<String> {
    let keeper = keeper(run, at);
    COLLECTIONS
        .into_iter()
        .flat_map(|path| ids(&keeper.get(path, &[("limit", "100")]).json()))
        .collect()
}

fn fresh_plan(run: &Run, own: Option<usize>) -> String {
    let plan = [("percent", "1"), ("type", "manual_release")];
    keeper(run, own.unwrap()).post("/v1/reserve/plans", &plan).text("id")
}

fn params(run: &mut Run, operation: &Operation, subject: &str) -> Vec<(&'static str, String)> {
    run.made += 1;
    let text = |text: &str| text.to_owned();
    let id = ("id", format!("new_{:06}", run.made));
    let money = [("amount", text("7")), ("currency", text("usd"))];
    let ahead = ahead(&run.fixtures);
    match operation.name {
        "ledger.charges.create" => [vec![id], money.to_vec()].concat(),
        "ledger.charges.update" => vec![("fee", (run.made % 50).to_string())],
        "ledger.refunds.create" | "ledger.disputes.create" => {
            vec![id, ("charge", text(subject)), ("amount", text("1"))]
        }
        "ledger.refunds.update" => vec![("status", text("failed"))],
        "ledger.disputes.update" => vec![("status", text("lost"))],
        "ledger.payouts.create" => {
            [vec![id], money.to_vec(), vec![("reported", text("true"))]].concat()
        }
        "ledger.payouts.update" => vec![("status", text("paid"))],
        "reserve.holds.create" => {
            [money.to_vec(), vec![("release_schedule[release_after]", ahead)]].concat()
        }
        "reserve.plans.create" => {
            // In a currency that nothing is charged in, and gone at the next look.
            vec![
                ("percent", text("1")),
                ("type", text("rolling_release")),
                ("currency", text("jpy")),
                ("rolling_release[days_after_charge]", text("3")),
            ]
        }
        "reserve.releases.create" => vec![("reserve_hold", text(subject)), ("amount", text("1"))],
        "reserve.holds.update" | "reserve.plans.update" | "reserve.releases.update" => {
            vec![("metadata[n]", run.made.to_string())]
        }
        _ => Vec::new(),
    }
}
