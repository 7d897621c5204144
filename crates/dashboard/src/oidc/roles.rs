//! Which claims of an identity provider give which role.

use coffer_kernel::AdminRole;
use coffer_oidc::Claims;

/// The claim that is looked at, and its values that give a role. Who has none of them gets none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roles {
    claim: String,
    /// In the order in which they are looked for.
    values: [(AdminRole, Vec<String>); 3],
}

impl Roles {
    /// The claim `claim`, and for each role the values that give it. Whoever has values of several
    /// gets the first of operator, auditor and keys.
    pub fn new(
        claim: String,
        operators: Vec<String>,
        auditors: Vec<String>,
        keys: Vec<String>,
    ) -> Self {
        let values = [
            (AdminRole::Operator, operators),
            (AdminRole::Auditor, auditors),
            (AdminRole::Keys, keys),
        ];
        Self { claim, values }
    }

    /// Whether no value gives any role.
    pub fn are_none(&self) -> bool {
        self.values.iter().all(|(_, values)| values.is_empty())
    }

    /// The role of a person.
    pub(crate) fn of(&self, claims: &Claims) -> Option<AdminRole> {
        self.first(&claims.values_of(&self.claim))
    }

    fn first(&self, held: &[&str]) -> Option<AdminRole> {
        let gives = |values: &[String]| values.iter().any(|value| held.contains(&value.as_str()));
        self.values.iter().find(|(_, values)| gives(values)).map(|(role, _)| *role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_given_by_a_value_and_by_no_part_of_it() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let roles = Roles::new("groups".into(), texts(&["ops"]), texts(&["audit", "law"]), vec![]);
        assert!(!roles.are_none());
        for (held, role) in [
            (&["x", "ops"][..], Some(AdminRole::Operator)),
            (&["law", "ops"], Some(AdminRole::Operator)),
            (&["law"], Some(AdminRole::Auditor)),
            (&["op", "ops2", "OPS", "", " ops"], None),
            (&[], None),
        ] {
            assert_eq!(roles.first(held), role, "{held:?}");
        }
        assert!(Roles::new("groups".into(), vec![], vec![], vec![]).are_none());
    }
}
