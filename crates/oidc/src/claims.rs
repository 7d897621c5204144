//! What a provider says of a person, once it is believed.

use crate::limits;
use serde_json::Value;

/// The claims of an ID token that was verified.
pub struct Claims {
    all: Value,
    subject: String,
}

impl Claims {
    /// The claims of a token; `None` if they name nobody.
    pub(crate) fn of(all: Value) -> Option<Self> {
        let subject = all.get("sub")?.as_str()?.to_owned();
        let is_sound = (1..=limits::SUBJECT_CHARACTERS).contains(&subject.len())
            && subject.bytes().all(|byte| byte.is_ascii_graphic());
        is_sound.then_some(Self { all, subject })
    }

    /// Whom the provider never calls otherwise, and nobody else is called.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What the person is called on a page: an address, a name, or the subject. It decides nothing.
    pub fn name(&self) -> String {
        let names = ["email", "preferred_username", "name"].into_iter();
        let mut named = names.filter_map(|name| self.all.get(name)?.as_str());
        let name = named.find(|name| !name.trim().is_empty()).unwrap_or(&self.subject);
        let plain = name.chars().filter(|letter| !letter.is_control());
        plain.take(limits::NAME_CHARACTERS).collect()
    }

    /// The values of a claim: one text, or a list of them. A name that begins with a slash is a
    /// path into objects (RFC 6901), such as `/realm_access/roles`. An address that the provider
    /// has not verified is none.
    pub fn values_of(&self, claim: &str) -> Vec<&str> {
        if matches!(claim, "email" | "/email")
            && self.all.get("email_verified") != Some(&Value::Bool(true))
        {
            return Vec::new();
        }
        let found = match claim.starts_with('/') {
            true => self.all.pointer(claim),
            false => self.all.get(claim),
        };
        match found {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(all)) => {
                all.iter().take(limits::CLAIM_VALUES).filter_map(Value::as_str).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_person_has_a_subject() {
        let long = "x".repeat(limits::SUBJECT_CHARACTERS + 1);
        for sub in [json!(null), json!(""), json!(7), json!("a b"), json!("ü"), json!(long)] {
            assert!(Claims::of(json!({ "sub": sub })).is_none(), "{sub}");
        }
        assert_eq!(Claims::of(json!({"sub": "auth0|1"})).unwrap().subject(), "auth0|1");
    }

    #[test]
    fn values_are_texts_and_an_address_counts_once_it_is_verified() {
        let of = |json| Claims::of(json).unwrap();
        let claims = of(json!({
            "sub": "u1",
            "groups": ["a", 1, "b"],
            "realm_access": {"roles": ["c"]},
            "https://example.com/role": "d",
            "email": "ada@example.com",
        }));
        assert_eq!(claims.values_of("groups"), ["a", "b"]);
        assert_eq!(claims.values_of("/realm_access/roles"), ["c"]);
        assert_eq!(claims.values_of("https://example.com/role"), ["d"]);
        for none in ["email", "other", "/other", "realm_access"] {
            assert!(claims.values_of(none).is_empty(), "{none}");
        }
        assert_eq!(claims.name(), "ada@example.com");
        let json = json!({"sub": "u1", "email": "ada@example.com", "email_verified": true});
        assert_eq!(of(json).values_of("email"), ["ada@example.com"]);
        assert_eq!(of(json!({"sub": "u1", "name": "A\nda", "email": " "})).name(), "Ada");
        assert_eq!(of(json!({"sub": "u1"})).name(), "u1");
    }
}
