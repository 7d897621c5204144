//! Signing in to the dashboard at an identity provider.

use super::{Config, ConfigError, Kind, SETTING, Setting};
use coffer_dashboard::{RETURN_PATH, Roles};
use coffer_oidc::{Endpoint, Issuer};

/// The provider.
pub const OIDC_ISSUER: Setting = Setting {
    name: "oidc_issuer",
    env: "COFFER_OIDC_ISSUER",
    flag: Some("oidc-issuer"),
    kind: Kind::Text,
    about: "issuer of the OpenID Connect provider at which people sign in to the dashboard, as it \
            calls itself; without it they sign in with admin keys alone",
    ..SETTING
};

/// What this server is called there.
pub const OIDC_CLIENT_ID: Setting = Setting {
    name: "oidc_client_id",
    env: "COFFER_OIDC_CLIENT_ID",
    flag: Some("oidc-client-id"),
    kind: Kind::Text,
    about: "client id that the provider has given to this server",
    ..SETTING
};

/// By which the provider knows it.
pub const OIDC_CLIENT_SECRET: Setting = Setting {
    name: "oidc_client_secret",
    env: "COFFER_OIDC_CLIENT_SECRET",
    flag: Some("oidc-client-secret"),
    kind: Kind::Secret,
    about: "client secret that the provider has given to this server",
    ..SETTING
};

/// Under which address people open the dashboard.
pub const DASHBOARD_URL: Setting = Setting {
    name: "dashboard_url",
    env: "COFFER_DASHBOARD_URL",
    flag: Some("dashboard-url"),
    kind: Kind::Text,
    about: "address under which browsers reach the admin API, such as https://coffer.example.com; \
            the provider sends people back to /dashboard/oidc/return below it",
    ..SETTING
};

/// What is asked for.
pub const OIDC_SCOPES: Setting = Setting {
    name: "oidc_scopes",
    env: "COFFER_OIDC_SCOPES",
    flag: Some("oidc-scopes"),
    default: Some("openid profile email"),
    kind: Kind::Text,
    about: "scopes that the provider is asked for, separated by blanks; openid is one of them",
    ..SETTING
};

/// What gives a role.
pub const OIDC_ROLE_CLAIM: Setting = Setting {
    name: "oidc_role_claim",
    env: "COFFER_OIDC_ROLE_CLAIM",
    flag: Some("oidc-role-claim"),
    default: Some("groups"),
    kind: Kind::Text,
    about: "claim of the ID token whose values give a role; one that begins with / is a path, such \
            as /realm_access/roles",
    ..SETTING
};

/// Who may do everything.
pub const OIDC_OPERATORS: Setting = Setting {
    name: "oidc_operators",
    env: "COFFER_OIDC_OPERATORS",
    flag: Some("oidc-operators"),
    kind: Kind::Text,
    about: "values of the claim that make somebody an operator, separated by commas",
    ..SETTING
};

/// Who may read.
pub const OIDC_AUDITORS: Setting = Setting {
    name: "oidc_auditors",
    env: "COFFER_OIDC_AUDITORS",
    flag: Some("oidc-auditors"),
    kind: Kind::Text,
    about: "values that make somebody an auditor, who reads and changes nothing",
    ..SETTING
};

/// Who may make keys of apps.
pub const OIDC_KEYS: Setting = Setting {
    name: "oidc_keys",
    env: "COFFER_OIDC_KEYS",
    flag: Some("oidc-keys"),
    kind: Kind::Text,
    about: "values that give the role keys, which makes, rolls and revokes keys of apps",
    ..SETTING
};

/// Who vouches for the provider.
pub const OIDC_CA: Setting = Setting {
    name: "oidc_ca",
    env: "COFFER_OIDC_CA",
    flag: Some("oidc-ca"),
    kind: Kind::Path,
    about: "PEM file with the certificates that vouch for the provider; without it, the public \
            authorities",
    ..SETTING
};

/// All of these, in the order in which they are shown.
pub const SIGNING_IN: [&Setting; 10] = [
    &OIDC_ISSUER,
    &OIDC_CLIENT_ID,
    &OIDC_CLIENT_SECRET,
    &OIDC_CA,
    &OIDC_SCOPES,
    &OIDC_ROLE_CLAIM,
    &OIDC_OPERATORS,
    &OIDC_AUDITORS,
    &OIDC_KEYS,
    &DASHBOARD_URL,
];

/// A provider as the settings describe it, but for what stands in files.
pub struct SignInSettings {
    /// Its issuer.
    pub issuer: Issuer,
    /// What this server is called there.
    pub client_id: String,
    /// Where people come back to.
    pub return_to: Endpoint,
    /// What is asked for.
    pub scopes: String,
    /// Who has which role.
    pub roles: Roles,
}

impl Config {
    /// The provider at which people sign in; `None` if there is none.
    ///
    /// # Errors
    /// [`ConfigError`] if the settings do not fit together, or one cannot be what it is said to be.
    pub fn sign_in(&self) -> Result<Option<SignInSettings>, ConfigError> {
        let is_set = |setting: &Setting| !self.text(setting).is_empty();
        if !is_set(&OIDC_ISSUER) {
            let idle = [&OIDC_CLIENT_ID, &OIDC_OPERATORS, &OIDC_AUDITORS, &OIDC_KEYS];
            return match idle.into_iter().find(|setting| is_set(setting)) {
                Some(idle) => Err(ConfigError(format!(
                    "{} is set and oidc_issuer is not: name the identity provider, or leave both \
                     out",
                    idle.name
                ))),
                None => Ok(None),
            };
        }
        for (needed, has) in [
            (&OIDC_CLIENT_ID, is_set(&OIDC_CLIENT_ID)),
            (&OIDC_CLIENT_SECRET, self.value(&OIDC_CLIENT_SECRET).is_some()),
            (&DASHBOARD_URL, is_set(&DASHBOARD_URL)),
        ] {
            if !has {
                let needed = needed.name;
                return Err(ConfigError(format!("oidc_issuer is set and {needed} is not")));
            }
        }
        let wrong =
            |setting: &Setting, why: String| ConfigError(format!("{}: {why}", setting.name));
        let issuer = Issuer::parse(self.text(&OIDC_ISSUER));
        let base = self.text(&DASHBOARD_URL).trim_end_matches('/');
        let return_to = Endpoint::parse(&format!("{base}{RETURN_PATH}"));
        let scopes = self.text(&OIDC_SCOPES);
        if !scopes.split_whitespace().any(|scope| scope == "openid") {
            let why = "openid is not among them, without which nobody signs in".to_owned();
            return Err(wrong(&OIDC_SCOPES, why));
        }
        let [operators, auditors, keys] =
            [&OIDC_OPERATORS, &OIDC_AUDITORS, &OIDC_KEYS].map(|setting| self.values(setting));
        let roles = Roles::new(self.text(&OIDC_ROLE_CLAIM).to_owned(), operators, auditors, keys);
        if roles.are_none() {
            return Err(ConfigError(
                "oidc_issuer is set, and nobody has a role: say in oidc_operators, oidc_auditors \
                 or oidc_keys which values give one"
                    .to_owned(),
            ));
        }
        Ok(Some(SignInSettings {
            issuer: issuer.map_err(|why| wrong(&OIDC_ISSUER, why))?,
            client_id: self.text(&OIDC_CLIENT_ID).to_owned(),
            return_to: return_to.map_err(|why| wrong(&DASHBOARD_URL, why))?,
            scopes: scopes.to_owned(),
            roles,
        }))
    }

    /// The values of a claim that a setting names; none of them is empty.
    fn values(&self, setting: &Setting) -> Vec<String> {
        let all = self.text(setting).split(',').map(str::trim);
        all.filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Flags;
    use super::*;

    const WHOLE: [(&str, &str); 5] = [
        ("oidc_issuer", "https://id.example.com"),
        ("oidc_client_id", "coffer"),
        ("oidc_client_secret", "/etc/coffer/oidc.secret"),
        ("oidc_operators", "ops, admins,"),
        ("dashboard_url", "https://coffer.example.com/"),
    ];

    fn sign_in(given: &[(&'static str, &str)]) -> Result<Option<SignInSettings>, String> {
        let config = Config::load(&Flags::of(given), &Default::default());
        config.and_then(|config| config.sign_in()).map_err(|error| error.0)
    }

    #[test]
    fn settings_that_belong_together_make_a_provider() {
        let settings = sign_in(&WHOLE).unwrap().unwrap();
        assert_eq!(settings.return_to.as_str(), "https://coffer.example.com/dashboard/oidc/return");
        assert_eq!(settings.scopes, "openid profile email");
        let operators = ["ops", "admins"].map(str::to_owned).to_vec();
        let roles = Roles::new("groups".to_owned(), operators, Vec::new(), Vec::new());
        assert_eq!(settings.roles, roles);
        assert!(sign_in(&[]).unwrap().is_none());
    }

    #[test]
    fn what_is_missing_or_cannot_be_is_named() {
        for (missing, _) in WHOLE {
            let others: Vec<_> = WHOLE.into_iter().filter(|(name, _)| *name != missing).collect();
            let message = sign_in(&others).err().expect(missing);
            assert!(message.contains(missing), "{missing}: {message}");
        }
        for (name, value) in [
            ("oidc_issuer", "http://id.example.com"),
            ("oidc_issuer", "https://id.example.com?x"),
            ("dashboard_url", "coffer.example.com"),
            ("dashboard_url", "http://coffer.example.com"),
            ("oidc_scopes", "email"),
        ] {
            let others = WHOLE.into_iter().filter(|(other, _)| *other != name);
            let given: Vec<_> = others.chain([(name, value)]).collect();
            let message = sign_in(&given).err().expect(value);
            assert!(message.starts_with(name), "{name}={value}: {message}");
        }
        let alone = sign_in(&[("oidc_auditors", "law")]).err().unwrap();
        assert!(alone.contains("oidc_auditors") && alone.contains("oidc_issuer"), "{alone}");
    }
}
