//! File descriptors: each connection takes one, and the stores need some as well.

use crate::limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many files and connections this process may have open; `None` is without a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptors {
    /// What counts.
    pub soft: Option<u64>,
    /// As far as the process may raise it.
    pub hard: Option<u64>,
}

impl Descriptors {
    /// As it is now.
    pub fn read() -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        Self { soft: current, hard: maximum }
    }

    /// Raises what counts as far as the process may, and answers how it is then. Many systems give
    /// a process 1024 and let it take more.
    pub(super) fn raise() -> Self {
        let before = Self::read();
        let raised = Rlimit { current: before.hard, maximum: before.hard };
        if before.soft != before.hard
            && let Err(error) = setrlimit(Resource::Nofile, raised)
        {
            tracing::debug!(%error, "the limit of open files was not raised");
        }
        Self::read()
    }

    /// How many connections fit beside the stores and the admin listener's connections.
    pub fn connections(self) -> usize {
        let soft = self.soft.and_then(|soft| usize::try_from(soft).ok()).unwrap_or(usize::MAX);
        let left = soft.saturating_sub(limits::DESCRIPTORS_KEPT + limits::ADMIN_CONNECTIONS);
        left.clamp(limits::CONNECTIONS_FLOOR, limits::CONNECTIONS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_the_stores() {
        let connections = |soft| Descriptors { soft, hard: soft }.connections();
        assert_eq!(connections(Some(1024)), 704);
        assert_eq!(connections(Some(64)), limits::CONNECTIONS_FLOOR);
        assert_eq!(connections(Some(1 << 20)), limits::CONNECTIONS);
        assert_eq!(connections(None), limits::CONNECTIONS);
    }

    #[test]
    fn the_limit_that_counts_becomes_the_highest() {
        let raised = Descriptors::raise();
        assert_eq!(raised.soft, raised.hard);
        assert_eq!(Descriptors::read(), raised);
    }
}
