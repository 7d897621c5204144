//! Makes the world that the cells are asked in: every account, app, key and secret.

use crate::cast::{Account, App, Credential, Kind, Mode, Scope, Standing, Tenant, User, tenant};
use crate::reserves::{self, Books};
use coffer_testkit::{Client, TestServer};

/// A place in a scope that holds two secrets: one whose name every scope has, and one of its own.
#[derive(Clone, Debug)]
pub struct Place {
    pub tenant: Tenant,
    pub scope: Scope,
    pub common: Secret,
    pub only: Secret,
}

/// A secret, as it was set.
#[derive(Clone, Debug)]
pub struct Secret {
    pub name: String,
    pub payload: String,
    pub id: String,
}

/// An ephemeral key that a cell may try to end, or what only looks like one.
#[derive(Clone, Debug)]
pub struct Victim {
    pub tenant: Option<Tenant>,
    pub id: String,
}

/// Everything that was made.
pub struct World {
    pub server: TestServer,
    pub anyone: Client,
    pub admin: Client,
    pub apps: Vec<(App, String)>,
    keys: Vec<(App, Mode, String)>,
    pub credentials: Vec<Credential>,
    pub places: Vec<Place>,
    pub victims: Vec<Victim>,
    pub books: Vec<Books>,
    /// An install and a key that admin operations are asked about.
    pub install: String,
    pub key: String,
    /// Payloads and tokens: no answer may hold one unless the cell is about it.
    pub secrets: Vec<String>,
    /// Ids: no answer may hold one that the caller did not send and that is not its own.
    pub ids: Vec<String>,
}

/// The secret name that every scope has.
pub const COMMON: &str = "common";

impl World {
    pub fn make() -> Self {
        let server = TestServer::builder().without_background_jobs().start();
        let (anyone, admin) = (server.anonymous(), server.admin());
        let mut world = Self {
            server,
            anyone,
            admin,
            apps: Vec::new(),
            keys: Vec::new(),
            credentials: Vec::new(),
            places: Vec::new(),
            victims: Vec::new(),
            books: Vec::new(),
            install: String::new(),
            key: String::new(),
            secrets: Vec::new(),
            ids: Vec::new(),
        };
        world.found();
        world.fill();
        reserves::open(&mut world);
        crate::credentials::make(&mut world);
        world.make_victims();
        world.guard();
        world
    }

    fn found(&mut self) {
        for account in Account::ALL {
            if !matches!(account, Account::Missing | Account::Malformed) {
                self.admin.post("/v1/admin/accounts", &[("id", account.id())]).ok();
            }
        }
        for app in App::ALL {
            let params = [("account", app.developer().id())];
            let id = self.admin.post("/v1/admin/apps", &params).text("id");
            self.apps.push((app, id));
            for mode in [Mode::Test, Mode::Live] {
                let (token, id) = self.make_key(app, &[("mode", mode.word())]);
                self.keys.push((app, mode, token));
                self.key = id;
            }
        }
        for (app, account) in [
            (App::Main, Account::Installed),
            (App::Main, Account::Reinstalled),
            (App::Main, Account::Uninstalled),
            (App::Main, Account::Purged),
            (App::Main, Account::Erased),
            (App::Rival, Account::Installed),
            (App::Rival, Account::Stranger),
        ] {
            self.install = self.install(app, account);
        }
    }

    fn fill(&mut self) {
        let tenants = [Mode::Test, Mode::Live].into_iter().flat_map(|mode| {
            [
                tenant(mode, App::Main, Account::Developer),
                tenant(mode, App::Main, Account::Installed),
                tenant(mode, App::Main, Account::Reinstalled),
                tenant(mode, App::Main, Account::Uninstalled),
                tenant(mode, App::Main, Account::Purged),
                tenant(mode, App::Main, Account::Erased),
                tenant(mode, App::Rival, Account::RivalDeveloper),
                tenant(mode, App::Rival, Account::Installed),
                tenant(mode, App::Rival, Account::Stranger),
                tenant(mode, App::Sibling, Account::Developer),
            ]
        });
        for tenant in tenants {
            for scope in Scope::ALL {
                let number = self.places.len();
                let secret = |name: String| Secret {
                    payload: format!("payload-{number:03}-{name}"),
                    name,
                    id: String::new(),
                };
                let only = secret(format!("only_{number:03}"));
                let common = secret(COMMON.to_owned());
                let mut place = Place { tenant, scope, common, only };
                place.common.id = self.set(&place, &place.common);
                place.only.id = self.set(&place, &place.only);
                self.places.push(place);
            }
        }
    }

    fn make_victims(&mut self) {
        let tenants = [
            tenant(Mode::Test, App::Main, Account::Installed),
            tenant(Mode::Live, App::Main, Account::Installed),
            tenant(Mode::Test, App::Main, Account::Developer),
            tenant(Mode::Test, App::Rival, Account::Installed),
            tenant(Mode::Test, App::Sibling, Account::Developer),
        ];
        for tenant in tenants {
            let victim = Victim { tenant: Some(tenant), id: self.make_victim(tenant) };
            self.victims.push(victim);
        }
        // A backend's key is not to be ended by those whom it serves.
        self.victims.push(Victim { tenant: None, id: self.key.clone() });
        self.victims.push(Victim { tenant: None, id: "ephkey_neverExisted000".to_owned() });
    }

    fn guard(&mut self) {
        let all = || self.places.iter().flat_map(|place| [&place.common, &place.only]);
        let tokens = self.credentials.iter().filter_map(|one| one.token.clone());
        self.secrets = all().map(|secret| secret.payload.clone()).chain(tokens).collect();
        let mut ids: Vec<String> = all().map(|secret| secret.id.clone()).collect();
        ids.extend(Account::ALL.iter().map(|account| account.id().to_owned()));
        ids.extend(self.apps.iter().map(|(_, id)| id.clone()));
        ids.extend([User::One, User::Two].map(|user| user.id().to_owned()));
        ids.extend(self.victims.iter().map(|victim| victim.id.clone()));
        ids.extend([self.install.clone(), self.key.clone()]);
        self.ids.extend(ids);
    }

    pub fn app_id(&self, app: App) -> &str {
        let known = self.apps.iter().find(|(one, _)| *one == app);
        known.map(|(_, id)| id.as_str()).unwrap()
    }

    pub fn install(&self, app: App, account: Account) -> String {
        let params = [("app", self.app_id(app)), ("account", account.id())];
        let answer = self.admin.post("/v1/admin/installs", &params);
        answer.ok();
        answer.text("id")
    }

    pub fn uninstall(&self, app: App, account: Account, purge: bool) {
        let params = [("app", self.app_id(app)), ("account", account.id())];
        let installs = self.admin.get("/v1/admin/installs", &params).ok();
        let id = installs["data"][0]["id"].as_str().unwrap().to_owned();
        let purge = [("purge", if purge { "true" } else { "false" })];
        self.admin.delete(&format!("/v1/admin/installs/{id}"), &purge).ok();
    }

    /// A key of `app`: its token and its id.
    pub fn make_key(&self, app: App, more: &[(&str, &str)]) -> (String, String) {
        let mut params = vec![("app", self.app_id(app))];
        params.extend_from_slice(more);
        let answer = self.admin.post("/v1/admin/api_keys", &params);
        answer.ok();
        (answer.text("key"), answer.text("id"))
    }

    /// The backend that keeps a tenant's data: it sets up, and it looks whether all is as it was.
    pub fn keeper(&self, tenant: Tenant) -> Client {
        let known =
            self.keys.iter().find(|(app, mode, _)| (*app, *mode) == (tenant.app, tenant.mode));
        let (_, _, token) = known.unwrap();
        self.anyone.with_key(token).for_account(tenant.account.id())
    }

    pub fn token(&self, app: App, mode: Mode) -> &str {
        let known = self.keys.iter().find(|(one, in_mode, _)| (*one, *in_mode) == (app, mode));
        known.map(|(_, _, token)| token.as_str()).unwrap()
    }

    /// Sets a secret where it belongs; its id.
    pub fn set(&self, place: &Place, secret: &Secret) -> String {
        let scope = place.scope.params();
        let mut params = vec![("name", secret.name.as_str()), ("payload", secret.payload.as_str())];
        params.extend(scope.iter().map(|(name, value)| (*name, value.as_str())));
        let answer = self.keeper(place.tenant).post("/v1/apps/secrets", &params);
        answer.ok();
        answer.text("id")
    }

    pub fn make_victim(&self, tenant: Tenant) -> String {
        let answer = self.keeper(tenant).post("/v1/ephemeral_keys", &[("user", User::One.id())]);
        answer.ok();
        answer.text("id")
    }

    pub fn place(&self, tenant: Tenant, scope: Scope) -> Option<usize> {
        self.places.iter().position(|place| (place.tenant, place.scope) == (tenant, scope))
    }

    pub fn credential(
        &mut self,
        name: &'static str,
        token: String,
        standing: Standing,
        kind: Kind,
    ) -> &mut Credential {
        self.credentials.push(Credential {
            name,
            token: Some(token),
            standing,
            kind,
            app: App::Main,
            mode: Mode::Test,
            permissions: None,
        });
        self.credentials.last_mut().unwrap()
    }
}
