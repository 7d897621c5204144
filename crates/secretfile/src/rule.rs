//! The rule itself, without a file: what may be trusted of an owner and a mode.

/// Group and others may do nothing.
const OWNER_ONLY: u32 = 0o077;
/// The group may read: others may do nothing, and nobody but the owner writes.
const GROUP_MAY_READ: u32 = 0o027;

/// What the system says about a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// Its permission bits.
    pub(crate) mode: u32,
    /// The user that it belongs to.
    pub(crate) owner: u32,
    /// The user that this process runs as.
    pub(crate) user: u32,
    /// Whether the file system is mounted read-only, so that nobody here can change the mode.
    pub(crate) read_only: bool,
}

/// Why a file cannot be trusted with a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// It belongs to another user, who can read and replace it.
    Owner,
    /// Others than its owner can read or write it.
    Open,
}

/// Root gives a service its secrets in files that the service's group may read (systemd's
/// credentials, `ssl-cert`), and so do mounts that are read-only inside (Kubernetes, Podman).
/// Elsewhere a group that can read is most often one that nobody thought of.
pub(crate) fn check(facts: Facts) -> Result<(), Refusal> {
    const ROOT: u32 = 0;
    if facts.owner != facts.user && facts.owner != ROOT {
        return Err(Refusal::Owner);
    }
    let is_given = facts.owner == ROOT || facts.read_only;
    let forbidden = if is_given { GROUP_MAY_READ } else { OWNER_ONLY };
    if facts.mode & forbidden != 0 { Err(Refusal::Open) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rule_for_every_owner_mode_and_mount() {
        const US: u32 = 1000;
        const OTHER: u32 = 1001;
        let ok = Ok(());
        let (owner, open) = (Err(Refusal::Owner), Err(Refusal::Open));
        for (of, mode, writable, read_only) in [
            (US, 0o400, ok, ok),
            (US, 0o600, ok, ok),
            (US, 0o700, ok, ok),
            (US, 0o440, open, ok),
            (US, 0o640, open, ok),
            (US, 0o660, open, open),
            (US, 0o444, open, open),
            (US, 0o604, open, open),
            (US, 0o602, open, open),
            (US, 0o601, open, open),
            (0, 0o400, ok, ok),
            (0, 0o440, ok, ok),
            (0, 0o640, ok, ok),
            (0, 0o460, open, open),
            (0, 0o644, open, open),
            (0, 0o444, open, open),
            (OTHER, 0o400, owner, owner),
            (OTHER, 0o600, owner, owner),
            (OTHER, 0o644, owner, owner),
        ] {
            let facts = |read_only| Facts { mode, owner: of, user: US, read_only };
            assert_eq!(check(facts(false)), writable, "{of} {mode:o}");
            assert_eq!(check(facts(true)), read_only, "{of} {mode:o} on a read-only mount");
        }
        let root = |mode| Facts { mode, owner: 0, user: 0, read_only: false };
        assert_eq!(check(root(0o640)), ok, "a file of root's, for root");
        assert_eq!(check(Facts { owner: US, ..root(0o600) }), owner, "another's file, for root");
    }
}
