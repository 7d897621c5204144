//! The cases of the Secret Store: every scope, and secrets of every other place.

use crate::cases::{Case, Run};
use crate::expectations::{self, tenant_of};
use crate::fixtures::installation::{COMMON, Place, Secret};
use crate::fixtures::{Account, App, Credential, Mode, Scope, User, tenant};
use crate::operations::{Call, Operation};
use coffer_testkit::Answer;
use coffer_testkit::catalogue::Request;

/// What a find, a delete or a cursor names.
#[derive(Clone, Copy, Debug)]
enum Target {
    /// The secret whose name every scope has.
    Common,
    /// A secret that only the place of this number has.
    Of(usize),
    /// A name that nobody ever used.
    Never,
}

fn targets(run: &Run) -> Vec<Target> {
    let (main, one, two) = (App::Main, Scope::User(User::One), Scope::User(User::Two));
    let places = [
        (tenant(Mode::Test, main, Account::Developer), Scope::Account),
        (tenant(Mode::Test, main, Account::Installed), Scope::Account),
        (tenant(Mode::Test, main, Account::Installed), one),
        (tenant(Mode::Test, main, Account::Installed), two),
        (tenant(Mode::Live, main, Account::Installed), Scope::Account),
        (tenant(Mode::Test, App::Rival, Account::Installed), Scope::Account),
        (tenant(Mode::Test, App::Sibling, Account::Developer), Scope::Account),
        (tenant(Mode::Test, main, Account::Uninstalled), Scope::Account),
    ];
    let of = places.map(|(tenant, scope)| Target::Of(run.fixtures.place(tenant, scope).unwrap()));
    [Target::Common].into_iter().chain(of).chain([Target::Never]).collect()
}

/// The cases of one operation for one caller and account.
pub fn cases(run: &mut Run, operation: &Operation, who: &Credential, named: Option<Account>) {
    for scope in Scope::ALL {
        let expect = expectations::scope(operation, who, named, scope);
        let place = run.fixtures.place(tenant_of(who, named), scope);
        let caller = Caller { operation, who, named, scope, place, expect };
        match operation.call {
            Call::Set => caller.set(run),
            Call::List => {
                caller.list(run);
                for target in targets(run) {
                    caller.list_after(run, target);
                }
            }
            Call::Find => targets(run).into_iter().for_each(|target| caller.find(run, target)),
            Call::Lease => targets(run).into_iter().for_each(|target| caller.lease(run, target)),
            _ => targets(run).into_iter().for_each(|target| caller.remove(run, target)),
        }
    }
}

struct Caller<'a> {
    operation: &'a Operation,
    who: &'a Credential,
    named: Option<Account>,
    scope: Scope,
    /// The place that the caller opens, if it holds anything.
    place: Option<usize>,
    expect: expectations::Expectation,
}

impl Caller<'_> {
    fn ask(&self, more: &[(&'static str, &str)]) -> Request {
        let mut params = self.scope.params();
        params.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Request::new(&self.operation.definition, self.operation.path.to_owned(), params)
    }

    fn case<'b>(&'b self, about: &'b str, own: &'b [&'b str], subject: &'b str) -> Case<'b> {
        let Self { operation, who, named, expect, .. } = *self;
        Case { operation, who, named, about, expect, own, subject }
    }

    /// The secret that a target means, and whether it stands in the caller's place.
    fn target(&self, run: &Run, target: Target) -> (Secret, bool) {
        let never = |name: &str| Secret {
            name: name.to_owned(),
            payload: String::new(),
            id: "appsecret_neverExisted0000000000000000".to_owned(),
        };
        match (target, self.place) {
            (Target::Common, Some(at)) => (run.fixtures.places[at].common.clone(), true),
            (Target::Common, None) => (never(COMMON), false),
            (Target::Of(at), own) => (run.fixtures.places[at].only.clone(), own == Some(at)),
            (Target::Never, _) => (never("never_00"), false),
        }
    }

    fn set(&self, run: &mut Run) {
        let about = format!("{:?}", self.scope);
        let params = [("name", "fresh"), ("payload", "payload-fresh"), ("expand[]", "payload")];
        let own = own_of(run, self.place);
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let case = self.case(&about, &own, "fresh");
        let before = run.fixtures.server.count("secret");
        let Some(answer) = run.ask(case, &self.ask(&params)) else { return };
        run.check(case, run.fixtures.server.count("secret") == before + 1, "not one secret more");
        run.check(case, answer.json()["payload"] == "payload-fresh", "another payload");
        let tenant = tenant_of(self.who, self.named);
        let live = tenant.mode == Mode::Live;
        run.check(case, answer.json()["livemode"] == live, "another mode");
        let mut params = self.ask(&[("name", "fresh")]).params;
        params.retain(|(name, _)| *name != "payload");
        let params: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let removed = run.fixtures.keeper(tenant).post("/v1/apps/secrets/delete", &params);
        run.check(case, removed.status == 200, "it is not where it belongs");
        run.changes.has_changed(&run.fixtures.server);
    }

    fn find(&self, run: &mut Run, target: Target) {
        let (secret, own) = self.target(run, target);
        let about = format!("{:?} {target:?}", self.scope);
        let words = own_of(run, self.place);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut case = self.case(&about, &words, &secret.name);
        case.expect = expectations::about(self.expect, own, "name");
        let ask = self.ask(&[("name", &secret.name), ("expand[]", "payload")]);
        let Some(answer) = run.ask(case, &ask) else { return };
        let json = answer.json();
        let found = (json["id"].as_str(), json["payload"].as_str());
        let same = found == (Some(&secret.id), Some(&secret.payload));
        run.check(case, same, "another secret");
        let changed = run.changes.has_changed(&run.fixtures.server);
        run.check(case, !changed, "a find changed something");
    }

    /// Takes a lease, and gives it back.
    fn lease(&self, run: &mut Run, target: Target) {
        let (secret, own) = self.target(run, target);
        let about = format!("{:?} {target:?}", self.scope);
        let words = own_of(run, self.place);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut case = self.case(&about, &words, &secret.name);
        case.expect = expectations::about(self.expect, own, "name");
        let Some(answer) = run.ask(case, &self.ask(&[("name", &secret.name)])) else { return };
        run.check(case, answer.json()["secret"] == secret.id.as_str(), "of another secret");
        let token = answer.text("token");
        let back = [("name", secret.name.as_str()), ("token", &token), ("release", "true")];
        run.ask(case, &self.ask(&back));
        run.changes.has_changed(&run.fixtures.server);
    }

    fn remove(&self, run: &mut Run, target: Target) {
        let (secret, own) = self.target(run, target);
        let about = format!("{:?} {target:?}", self.scope);
        let words = [secret.id.as_str()];
        let mut case = self.case(&about, &words, &secret.name);
        case.expect = expectations::about(self.expect, own, "name");
        let before = run.fixtures.server.count("secret");
        let ask = self.ask(&[("name", &secret.name)]);
        let Some(answer) = run.ask(case, &ask) else { return };
        run.check(case, answer.json()["id"] == secret.id.as_str(), "another secret");
        run.check(case, run.fixtures.server.count("secret") == before - 1, "not one secret less");
        self.put_back(run, &secret);
    }

    fn put_back(&self, run: &mut Run, secret: &Secret) {
        let at = self.place.unwrap();
        let place: Place = run.fixtures.places[at].clone();
        let id = run.fixtures.set(&place, secret);
        run.fixtures.ids.remove(&secret.id);
        run.fixtures.ids.insert(id.clone());
        let place = &mut run.fixtures.places[at];
        if secret.name == COMMON {
            place.common.id = id
        } else {
            place.only.id = id
        }
        run.changes.has_changed(&run.fixtures.server);
    }

    fn list(&self, run: &mut Run) {
        let about = format!("{:?}", self.scope);
        let words = own_of(run, self.place);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let case = self.case(&about, &words, "");
        let Some(answer) = run.ask(case, &self.ask(&[("expand[]", "data.payload")])) else {
            return;
        };
        let place = &run.fixtures.places[self.place.unwrap()];
        let mut expected = [&place.common, &place.only].map(|one| one.payload.clone());
        expected.sort();
        let mut listed = payloads(&answer);
        listed.sort();
        run.check(case, listed == expected, "another page");
        let changed = run.changes.has_changed(&run.fixtures.server);
        run.check(case, !changed, "a list changed something");
    }

    fn list_after(&self, run: &mut Run, target: Target) {
        let (secret, own) = self.target(run, target);
        let about = format!("{:?} after {target:?}", self.scope);
        let words = own_of(run, self.place);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut case = self.case(&about, &words, &secret.id);
        case.expect = expectations::named_by(self.expect, own, "starting_after");
        let params = [("starting_after", secret.id.as_str()), ("expand[]", "data.payload")];
        let Some(answer) = run.ask(case, &self.ask(&params)) else { return };
        let listed = payloads(&answer);
        run.check(case, !listed.contains(&secret.payload), "the cursor's own secret");
    }
}

fn payloads(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let data = json["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    data.iter().filter_map(|one| one["payload"].as_str()).map(str::to_owned).collect()
}

/// What a caller that opens a place may see.
fn own_of(run: &Run, place: Option<usize>) -> Vec<String> {
    let Some(place) = place.map(|at| &run.fixtures.places[at]) else { return Vec::new() };
    let mut own = vec![
        place.common.id.clone(),
        place.common.payload.clone(),
        place.only.id.clone(),
        place.only.payload.clone(),
    ];
    if let Scope::User(user) = place.scope {
        own.push(user.id().to_owned());
    }
    own
}
