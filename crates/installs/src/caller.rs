//! What a caller is to an install: everything that it may see or do follows from that.

use coffer_kernel::{Ctx, InstallRecord};

/// What a caller is to an install that it may see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// The account that has the app, with a key of its own.
    Account,
    /// The app itself, acting for the account.
    Developer,
    /// The app itself, which does not act for the account: it may look.
    Apart,
    /// The platform that installed the app for the account, acting for it.
    Embedder,
}

/// What the caller is to `install`; `None` if that does not exist for the caller.
pub(crate) fn standing(ctx: &Ctx, install: &InstallRecord) -> Option<Standing> {
    let (tenant, principal) = (ctx.tenant(), ctx.principal());
    let on_account = install.account.as_str() == tenant.account.name();
    let of_app = install.app == tenant.app;
    if install.mode != tenant.mode {
        None
    } else if principal.own_account {
        match (on_account, of_app) {
            (true, _) => Some(Standing::Account),
            (false, true) => Some(Standing::Apart),
            (false, false) => None,
        }
    } else if !on_account {
        None
    } else if of_app {
        Some(Standing::Developer)
    } else {
        let created_it = install.created_by.as_ref() == Some(&principal.platform);
        created_it.then_some(Standing::Embedder)
    }
}
