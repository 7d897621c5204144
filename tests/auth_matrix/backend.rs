//! The cases of all operations that only an app's backend may call: about objects of the caller's
//! own, of every other owner, and about what never was. The requests are the operations' examples.

use crate::cases::{Case, Run};
use crate::expectations::{self, Expectation, account_of};
use crate::fixtures::installation::Fixtures;
use crate::fixtures::{Account, App, Credential, Mode, tenant};
use crate::operations::{Call, Operation};
use coffer_testkit::Client;
use coffer_testkit::catalogue::Request;
use serde_json::Value;

/// Whoever has objects, and those that there were at the start. Apps of one developer share some.
#[derive(Clone, Debug)]
pub struct Owner {
    mode: Mode,
    developer: Account,
    account: Account,
    app: App,
    /// By the collection that lists them.
    objects: Vec<(&'static str, Vec<String>)>,
}

/// The owners.
const OWNERS: [(Mode, App, Account); 14] = [
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
    (Mode::Test, App::Sibling, Account::Developer),
];

/// How many owners' objects everybody is tried with, besides the caller's own.
const OTHERS: usize = 6;

/// An id that no object ever had.
const NEVER: &str = "never_existed_0000";

/// The list in which a platform that names no account sees all accounts of its own.
const ACCOUNTS: &str = "/v1/ledger/accounts";

/// Makes objects of every kind for every owner.
pub fn fill(fixtures: &mut Fixtures) {
    for (mode, app, account) in OWNERS {
        let keeper = fixtures.keeper(tenant(mode, app, account));
        for create in fixtures.operations.iter().filter(|one| is_create(one)) {
            let request = fixtures.catalogue.request(&create.definition, &keeper);
            let answer = request.send(&keeper);
            assert_eq!(answer.status, 200, "{request:?}: {}", answer.body);
        }
        exceed(&keeper, fixtures);
        let developer = app.developer();
        let mut owner = Owner { mode, developer, account, app, objects: Vec::new() };
        for path in collections(fixtures) {
            let mut all = ids(&keeper.get(path, &[("limit", "100")]).ok());
            if path == ACCOUNTS {
                // The platform's own list has all of its accounts: this owner's is this one.
                all.retain(|id| id == account.id());
            }
            fixtures.ids.extend(all.iter().cloned());
            owner.objects.push((path, all));
        }
        fixtures.owners.push(owner);
    }
}

fn is_create(operation: &Operation) -> bool {
    operation.call == Call::Backend && operation.writes && !operation.path.contains(":id")
}

/// A hold that is larger than what it is taken from, since a breach is made by nothing else.
fn exceed(keeper: &Client, fixtures: &Fixtures) {
    let hold = fixtures.catalogue.find("reserve.holds.create").unwrap();
    let hold = fixtures.catalogue.request(hold, keeper).with("amount", "9000000");
    assert_eq!(hold.send(keeper).status, 200, "{hold:?}");
}

/// The paths of the lists that a backend can read without parameters.
fn collections(fixtures: &Fixtures) -> Vec<&'static str> {
    let operations = fixtures.operations.iter();
    operations.filter(|one| one.is_plain_list()).map(|one| one.path).collect()
}

/// An object of a collection, of whoever has one.
pub fn any_of(run: &Run, collection: &str) -> String {
    let objects = run.fixtures.owners.iter().flat_map(|owner| &owner.objects);
    let found = objects.filter(|(of, _)| *of == collection).find_map(|(_, ids)| ids.last());
    found.unwrap_or_else(|| panic!("nobody has any of {collection}")).clone()
}

fn ids(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().unwrap();
    data.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// What a request is about.
#[derive(Clone, Copy, Debug)]
enum Subject {
    /// The object that the path names.
    Path(&'static str),
    /// An object that a parameter names.
    Param(&'static str, &'static str),
    /// The object after which a list goes on.
    Cursor(&'static str),
    /// Nothing that anybody owns.
    Nothing,
}

impl Subject {
    /// The collection that lists such objects.
    fn collection(self) -> &'static str {
        match self {
            Self::Path(collection) | Self::Param(_, collection) | Self::Cursor(collection) => {
                collection
            }
            Self::Nothing => "",
        }
    }

    fn expect(self, reached: Expectation, own: bool) -> Expectation {
        match self {
            Self::Path(_) => expectations::about(reached, own, "id"),
            Self::Param(param, _) => expectations::named_by(reached, own, param),
            Self::Cursor(_) => expectations::named_by(reached, own, "starting_after"),
            Self::Nothing => reached,
        }
    }
}

fn subjects(fixtures: &Fixtures, operation: &Operation) -> Vec<Subject> {
    if let Some((collection, _)) = operation.path.split_once("/:id") {
        return vec![Subject::Path(collection)];
    }
    if operation.is_plain_list() {
        return vec![Subject::Nothing, Subject::Cursor(operation.path)];
    }
    let reference = fixtures.catalogue.reference(&operation.definition);
    let subject = reference.and_then(|(param, made_by)| {
        Some(Subject::Param(param, fixtures.catalogue.find(made_by)?.path))
    });
    vec![subject.unwrap_or(Subject::Nothing)]
}

/// The cases of one operation for one caller and account.
pub fn cases(run: &mut Run, operation: &Operation, who: &Credential, named: Option<Account>) {
    let reached = expectations::backend(operation, who, named);
    let own = owner_of(run, operation, who, named);
    for subject in subjects(&run.fixtures, operation) {
        let caller = Caller { operation, who, named, own, subject };
        if matches!(subject, Subject::Nothing) {
            caller.about_own(run, reached);
            continue;
        }
        // Whoever is refused before anything is looked for is refused whatever it is about.
        let others = if reached == Expectation::Allowed { OTHERS } else { 1 };
        for at in (0..others).filter(|at| Some(*at) != own) {
            let standing = caller.standing(run, at);
            // Of a ledger's account the id says nothing: others have ledgers of the same account.
            let seen = if reached == Expectation::Allowed { caller.accounts(run) } else { vec![] };
            if let Some(id) = standing.filter(|id| !seen.contains(&id.as_str())) {
                caller.about(run, subject.expect(reached, false), &id);
            }
        }
        if reached == Expectation::Allowed {
            caller.about(run, subject.expect(reached, false), NEVER);
            if own.is_some_and(|own| caller.standing(run, own).is_some()) {
                caller.about_own(run, reached);
            }
        }
    }
}

/// The cases of a look at an account for one caller: about each account that there is, and those
/// that there are not.
pub fn look_at(run: &mut Run, operation: &Operation, who: &Credential, named: Option<Account>) {
    let is_let_in = expectations::backend(operation, who, named) == Expectation::Allowed;
    for account in Account::ALL {
        let expect = expectations::look_at(operation, who, named, account);
        let path = operation.path.replace(":id", account.id());
        let request = Request::new(&operation.definition, path, Vec::new());
        let id = account.id();
        // A refusal is the same for each account that the path names, but for its name.
        let subject = if is_let_in { id } else { "" };
        let case = Case { operation, who, named, about: id, expect, own: &[id], subject };
        run.ask(case, &request);
    }
}

/// Whose objects the caller's own are.
fn owner_of(
    run: &Run,
    operation: &Operation,
    who: &Credential,
    named: Option<Account>,
) -> Option<usize> {
    let of = (who.mode, account_of(who, named));
    run.fixtures.owners.iter().position(|one| {
        let same =
            one.app == who.app || operation.is_shared() && one.developer == who.app.developer();
        same && (one.mode, one.account) == of
    })
}

/// Who calls what, for whom, and about what.
#[derive(Clone, Copy)]
struct Caller<'a> {
    operation: &'a Operation,
    who: &'a Credential,
    named: Option<Account>,
    own: Option<usize>,
    subject: Subject,
}

impl Caller<'_> {
    /// The first object of an owner that the request could be about.
    fn standing(&self, run: &Run, owner: usize) -> Option<String> {
        let mut objects = run.fixtures.owners[owner].objects.iter();
        let (_, ids) = objects.find(|(of, _)| *of == self.subject.collection())?;
        ids.last().cloned()
    }

    /// The accounts that the list of accounts shows the caller: the one that it speaks for, and all
    /// of a platform that speaks for itself.
    fn accounts(&self, run: &Run) -> Vec<&'static str> {
        if self.operation.path != ACCOUNTS {
            return Vec::new();
        }
        let of = (self.who.mode, self.who.app.developer());
        let owners = run.fixtures.owners.iter().filter(|one| (one.mode, one.developer) == of);
        let account = account_of(self.who, self.named);
        let seen = owners.filter(|one| self.named.is_none() || one.account == account);
        seen.map(|one| one.account.id()).collect()
    }

    /// About an object of somebody else, or of nobody.
    fn about(&self, run: &mut Run, expect: Expectation, id: &str) {
        let request = self.request_about(run, id);
        self.send(run, expect, &request, id);
    }

    /// About an object of the caller's own, a new one where it is to be changed.
    fn about_own(&self, run: &mut Run, expect: Expectation) {
        let Some(own) = self.own.filter(|_| expect == Expectation::Allowed) else {
            let request = self.request_about(run, NEVER);
            self.send(run, expect, &request, "");
            return;
        };
        // What an example makes for it is there, whatever other cases took away.
        let makes = self.operation.definition.example.on.is_some();
        let request = if self.operation.writes || makes {
            run.fixtures.catalogue.request(&self.operation.definition, &keeper(run, own))
        } else {
            self.request_about(run, &self.standing(run, own).unwrap_or_default())
        };
        self.send(run, expect, &request, "");
    }

    fn request_about(&self, run: &Run, id: &str) -> Request {
        let mut request = run.fixtures.catalogue.request_about(&self.operation.definition, id);
        request.path = request.path.replace(":id", id);
        match self.subject {
            Subject::Cursor(_) => request.with("starting_after", id),
            _ => request,
        }
    }

    fn send(&self, run: &mut Run, expect: Expectation, request: &Request, subject: &str) {
        let Self { operation, who, named, .. } = *self;
        let own = self.own.filter(|_| expect == Expectation::Allowed);
        let mut known = own.map_or_else(Vec::new, |at| known(run, at));
        known.extend(self.accounts(run).into_iter().map(str::to_owned));
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let case = Case { operation, who, named, about: subject, expect, own: &known, subject };
        run.changes.has_changed(&run.fixtures.server);
        let Some(answer) = run.ask(case, request) else { return };
        let changed = run.changes.has_changed(&run.fixtures.server);
        if let Some(at) = own {
            make_room(run, at);
        }
        run.check(case, changed == operation.writes, "changes where there should be none, or none");
        let json = answer.json();
        // What the keeper of one account is told, a platform is not told alone.
        let is_of_all = operation.path == ACCOUNTS && named.is_none();
        let is_page = operation.is_plain_list() && !is_of_all;
        if let (Some(at), Subject::Nothing, true) = (own, self.subject, is_page) {
            let page = keeper(run, at).get(operation.path, &[]).json();
            run.check(case, ids(&json) == ids(&page), "another page");
        }
        if json["livemode"].is_boolean() {
            let live = who.mode == Mode::Live;
            run.check(case, json["livemode"] == live, "another mode");
        }
    }
}

/// The ids of all that an owner had at the start, and whoever shares with it.
fn known(run: &Run, at: usize) -> Vec<String> {
    let of = |owner: &Owner| (owner.mode, owner.developer, owner.account);
    let owner = of(&run.fixtures.owners[at]);
    let owners = run.fixtures.owners.iter().filter(|one| of(one) == owner);
    let objects = owners.flat_map(|one| &one.objects).flat_map(|(_, ids)| ids);
    // An install names its app, to whoever sees it.
    let apps = run.fixtures.apps.iter().filter(|(app, _)| app.developer() == owner.1);
    objects.chain(apps.map(|(_, id)| id)).cloned().collect()
}

/// An owner has a few endpoints at a time: deletes those that requests have made.
fn make_room(run: &mut Run, at: usize) {
    let path = "/v1/webhook_endpoints";
    let (keeper, kept) = (keeper(run, at), known(run, at));
    let made = ids(&keeper.get(path, &[("limit", "100")]).ok());
    for id in made.iter().filter(|id| !kept.contains(id)) {
        keeper.delete(&format!("{path}/{id}"), &[]).ok();
    }
}

/// Whoever may see everything of an owner's.
fn keeper(run: &Run, at: usize) -> Client {
    let owner = &run.fixtures.owners[at];
    run.fixtures.keeper(tenant(owner.mode, owner.app, owner.account))
}
