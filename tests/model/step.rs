//! What can happen, and how often it is tried.

use proptest::prelude::*;
use proptest::sample::select;

/// Test or live, as an index into [`MODES`].
pub const MODES: [&str; 2] = ["test", "live"];

/// Users of an account.
pub const USERS: [&str; 2] = ["usr_a", "usr_b"];

/// Which key a caller shows.
#[derive(Clone, Copy, Debug)]
pub enum Shows {
    /// The app's key of the mode.
    Backend,
    /// A restricted key that only reads.
    Reader,
    /// One of the ephemeral keys made so far; the app's key if there is none.
    Ephemeral(usize),
}

/// Who calls, for which account.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub app: usize,
    pub mode: usize,
    pub account: usize,
    pub shows: Shows,
}

/// A scope: the account's, or one user's.
pub type Scope = Option<usize>;

/// The parameters of a set or a delete.
#[derive(Clone, Debug)]
pub enum Write {
    Set { payload: u8, expires_in: Option<i64>, expand: bool },
    Delete,
}

/// A write, perhaps with an idempotency key.
#[derive(Clone, Debug)]
pub struct Writing {
    pub by: Caller,
    pub scope: Scope,
    pub name: u8,
    pub write: Write,
    pub key: Option<u8>,
}

/// A cursor: one of the ids of the scope, even those that are gone, or of any that was ever told.
#[derive(Clone, Copy, Debug)]
pub enum Cursor {
    None,
    After(usize),
    Before(usize),
    Both(usize, usize),
}

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    Write(Writing),
    /// The last write that had an idempotency key, once more.
    Again,
    Find {
        by: Caller,
        scope: Scope,
        name: u8,
        expand: bool,
    },
    List {
        by: Caller,
        scope: Scope,
        limit: Option<i64>,
        cursor: Cursor,
        expand: bool,
    },
    Advance(i64),
    Jobs,
    Install {
        app: usize,
        account: usize,
    },
    Uninstall {
        app: usize,
        account: usize,
        purge: bool,
        /// In one mode, by the app itself; in both by an operator.
        mode: Option<usize>,
    },
    Quota {
        app: usize,
        most: Option<i64>,
    },
    Revoke {
        app: usize,
        mode: usize,
    },
    Renew {
        app: usize,
        mode: usize,
    },
    MakeEphemeral {
        by: Caller,
        user: usize,
        writes: bool,
        seconds: i64,
    },
    EndEphemeral {
        at: usize,
    },
    Restart,
}

/// Most things happen to few tenants, so that they happen to something.
fn caller() -> impl Strategy<Value = Caller> {
    let shows = prop_oneof![
        12 => Just(Shows::Backend),
        1 => Just(Shows::Reader),
        4 => any::<usize>().prop_map(Shows::Ephemeral),
    ];
    let app = prop_oneof![9 => Just(0usize), 1 => Just(1usize)];
    let mode = prop_oneof![7 => Just(0usize), 1 => Just(1usize)];
    let account =
        prop_oneof![12 => Just(2usize), 2 => Just(0usize), 1 => Just(1usize), 1 => Just(3usize)];
    (app, mode, account, shows).prop_map(|(app, mode, account, shows)| Caller {
        app,
        mode,
        account,
        shows,
    })
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![8 => Just(None), 3 => Just(Some(0)), 1 => Just(Some(1))]
}

fn name() -> impl Strategy<Value = u8> {
    0u8..5
}

fn writing() -> impl Strategy<Value = Writing> {
    let expires_in = prop_oneof![
        6 => Just(None),
        4 => (1i64..100).prop_map(Some),
        1 => Just(Some(7200)),
        1 => select(vec![0, -1, 3_155_760_000, 3_155_760_001]).prop_map(Some),
    ];
    let set = (any::<u8>(), expires_in, any::<bool>())
        .prop_map(|(payload, expires_in, expand)| Write::Set { payload, expires_in, expand });
    let write = prop_oneof![4 => set, 1 => Just(Write::Delete)];
    let key = prop_oneof![3 => Just(None), 1 => (0u8..4).prop_map(Some)];
    (caller(), scope(), name(), write, key).prop_map(|(by, scope, name, write, key)| Writing {
        by,
        scope,
        name,
        write,
        key,
    })
}

fn list() -> impl Strategy<Value = Step> {
    let limit = prop_oneof![1 => Just(None), 5 => (-1i64..5).prop_map(Some), 1 => Just(Some(1000))];
    let id = any::<usize>();
    let cursor = prop_oneof![
        4 => Just(Cursor::None),
        4 => id.prop_map(Cursor::After),
        4 => id.prop_map(Cursor::Before),
        1 => (id, id).prop_map(|(after, before)| Cursor::Both(after, before)),
    ];
    (caller(), scope(), limit, cursor, any::<bool>()).prop_map(
        |(by, scope, limit, cursor, expand)| Step::List { by, scope, limit, cursor, expand },
    )
}

fn ephemeral() -> impl Strategy<Value = Step> {
    (caller(), 0..USERS.len(), any::<bool>(), select(vec![60, 3600, 86_400]))
        .prop_map(|(by, user, writes, seconds)| Step::MakeEphemeral { by, user, writes, seconds })
}

/// Any step.
pub fn step() -> impl Strategy<Value = Step> {
    let (app, account) = (0usize..2, 0usize..4);
    prop_oneof![
        40 => writing().prop_map(Step::Write),
        5 => Just(Step::Again),
        18 => (caller(), scope(), name(), any::<bool>())
            .prop_map(|(by, scope, name, expand)| Step::Find { by, scope, name, expand }),
        18 => list(),
        6 => select(vec![1, 1, 10, 10, 59, 60]).prop_map(Step::Advance),
        1 => select(vec![3600, 86_400, 90_000]).prop_map(Step::Advance),
        4 => Just(Step::Jobs),
        4 => (app.clone(), account.clone())
            .prop_map(|(app, account)| Step::Install { app, account }),
        1 => (app.clone(), account.clone(), any::<bool>())
            .prop_map(|(app, account, purge)| Step::Uninstall { app, account, purge, mode: None }),
        1 => (app.clone(), account, 0usize..2).prop_map(|(app, account, mode)| {
            Step::Uninstall { app, account, purge: false, mode: Some(mode) }
        }),
        2 => (app.clone(), prop_oneof![Just(None), (1i64..5).prop_map(Some)])
            .prop_map(|(app, most)| Step::Quota { app, most }),
        1 => (app.clone(), 0usize..2).prop_map(|(app, mode)| Step::Revoke { app, mode }),
        4 => (app, 0usize..2).prop_map(|(app, mode)| Step::Renew { app, mode }),
        6 => ephemeral(),
        1 => any::<usize>().prop_map(|at| Step::EndEphemeral { at }),
        1 => Just(Step::Restart),
    ]
}
