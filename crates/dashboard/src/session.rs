//! Who has signed in. Sessions are in memory only: no admin key is written anywhere, and a server
//! that starts knows nobody.

use crate::limits;
use coffer_base::id::random_base62;
use coffer_base::{Clock, Random, Redacted, Timestamp};
use coffer_kernel::{AdminRole, Person, Principal};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One person's session.
pub(crate) struct Session {
    /// The admin key, which is presented with every request to the API: when it is revoked, the
    /// session has ended.
    pub(crate) token: Redacted<String>,
    /// The key's id.
    pub(crate) key_id: Arc<str>,
    /// The key as it may be shown.
    pub(crate) redacted_key: Arc<str>,
    /// What the key may do.
    pub(crate) role: AdminRole,
    /// For whom an identity provider vouches, if the key was made for that.
    pub(crate) person: Option<Person>,
    /// What every form of this session carries, so that no other site's form is taken for one.
    pub(crate) form_token: String,
    started: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    used: Duration,
    notice: Option<String>,
    opened: HashMap<Opened, OpenedKey>,
}

/// What of an app was opened: with a key that the dashboard has made for it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Opened {
    pub(crate) app: String,
    pub(crate) mode: String,
    pub(crate) purpose: Purpose,
}

/// What an app's data was opened for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Purpose {
    /// Reading and writing secrets.
    Secrets,
    /// Reading balances, plans, holds, releases and events.
    Books,
    /// Making, changing and deleting webhook endpoints, and sending events to them.
    Webhooks,
}

/// The key that opens it.
#[derive(Clone)]
pub(crate) struct OpenedKey {
    pub(crate) id: String,
    pub(crate) token: Redacted<String>,
    pub(crate) until: Timestamp,
}

impl Session {
    /// The key that opens this, if there is one that lives for a while.
    pub(crate) fn opened(&self, what: &Opened, now: Timestamp) -> Option<OpenedKey> {
        let state = self.lock();
        let key = state.opened.get(what)?;
        (key.until > now.plus(limits::OPENED_RESERVE_SECONDS)).then(|| key.clone())
    }

    /// Remembers a key until it ends.
    pub(crate) fn open(&self, what: Opened, key: OpenedKey, now: Timestamp) {
        let mut state = self.lock();
        state.opened.retain(|_, known| known.until > now);
        if state.opened.len() < limits::OPENED_APPS {
            state.opened.insert(what, key);
        }
    }

    /// Forgets all such keys, and answers their ids.
    pub(crate) fn close(&self) -> Vec<String> {
        let opened = std::mem::take(&mut self.lock().opened);
        opened.into_values().map(|key| key.id).collect()
    }

    /// Leaves a sentence for the next page.
    pub(crate) fn notify(&self, notice: impl Into<String>) {
        self.lock().notice = Some(notice.into());
    }

    /// Takes the sentence that was left.
    pub(crate) fn take_notice(&self) -> Option<String> {
        self.lock().notice.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether both were begun with one key, or by one person.
    fn is_of_whom(&self, other: &Self) -> bool {
        let person = |session: &Self| session.person.as_ref().map(|it| it.id.clone());
        self.key_id == other.key_id || person(self).is_some_and(|it| person(other) == Some(it))
    }

    fn is_over(&self, now: Duration) -> bool {
        let idle = now.saturating_sub(self.lock().used).as_secs();
        let age = now.saturating_sub(self.started).as_secs();
        idle >= limits::SESSION_IDLE_SECONDS || age >= limits::SESSION_SECONDS
    }
}

/// All sessions of this server, by their ids.
pub(crate) struct Sessions {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    all: Mutex<HashMap<String, Arc<Session>>>,
}

impl Sessions {
    pub(crate) fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random, all: Mutex::default() }
    }

    /// Begins a session for whoever has presented a good admin key, under an id that is made now:
    /// one that a browser brings along is never taken.
    pub(crate) fn begin(
        &self,
        token: Redacted<String>,
        principal: &Principal,
        role: AdminRole,
        person: Option<Person>,
    ) -> String {
        let now = self.clock.monotonic();
        let letters = || random_base62(&*self.random, limits::SESSION_CHARACTERS);
        let session = Session {
            token,
            key_id: Arc::clone(&principal.key_id),
            redacted_key: Arc::clone(&principal.redacted_key),
            role,
            person,
            form_token: letters(),
            started: now,
            state: Mutex::new(State { used: now, ..State::default() }),
        };
        let id = letters();
        let mut all = self.lock();
        all.retain(|_, session| !session.is_over(now));
        if all.len() >= limits::SESSIONS {
            let longest = all.iter().min_by_key(|(_, session)| session.lock().used);
            if let Some(unused) = longest.map(|(id, _)| id.clone()) {
                all.remove(&unused);
            }
        }
        all.insert(id.clone(), Arc::new(session));
        id
    }

    /// The session with this id, which is in use then; `None` if there is none or it is over.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Session>> {
        let session = self.watch(id)?;
        session.lock().used = self.clock.monotonic();
        Some(session)
    }

    /// The same for a page that looks again by itself, which is no use: nobody may be there.
    pub(crate) fn watch(&self, id: &str) -> Option<Arc<Session>> {
        let now = self.clock.monotonic();
        let mut all = self.lock();
        let session = Arc::clone(all.get(id)?);
        if session.is_over(now) {
            all.remove(id);
            return None;
        }
        Some(session)
    }

    /// Ends one session.
    pub(crate) fn end(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Ends all sessions that were begun with the key of one, or by its person; answers them.
    pub(crate) fn end_all_of(&self, one: &Session) -> Vec<Arc<Session>> {
        let mut ended = Vec::new();
        self.lock().retain(|_, session| {
            let stays = !session.is_of_whom(one);
            if !stays {
                ended.push(Arc::clone(session));
            }
            stays
        });
        ended
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a form carries the session's own token. It takes as long for any text of that length.
pub(crate) fn is_own_form(session: &Session, sent: &str) -> bool {
    let own = session.form_token.as_bytes();
    let differing = own.iter().zip(sent.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    own.len() == sent.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_base::{AccountId, Tenant, TestClock};
    use coffer_kernel::Role;

    struct Counting(Mutex<u8>);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            let mut next = self.0.lock().unwrap();
            *next = next.wrapping_add(1);
            bytes.fill(*next);
        }
    }

    fn principal(key: &str) -> Principal {
        Principal {
            granted: None,
            person: None,
            key_id: key.into(),
            redacted_key: "ak_coffer_***".into(),
            parent: None,
            role: Role::Admin(AdminRole::Operator),
            expires_at: None,
            tenant: Tenant::system(),
            own_account: false,
            platform: AccountId::parse("acct_coffer_system").unwrap(),
            connect: false,
            restrictions: None,
            quotas: Arc::new([]),
        }
    }

    fn sessions() -> (Arc<TestClock>, Sessions) {
        let clock = Arc::new(TestClock::at(Timestamp::from_unix(1_800_000_000)));
        let random = Arc::new(Counting(Mutex::new(0)));
        (Arc::clone(&clock), Sessions::new(clock, random))
    }

    fn begin(sessions: &Sessions, key: &str) -> String {
        let token = Redacted::new("ak_coffer_x".to_owned());
        sessions.begin(token, &principal(key), AdminRole::Operator, None)
    }

    #[test]
    fn a_session_ends_when_nobody_uses_it_and_after_a_day_at_work() {
        let (clock, sessions) = sessions();
        let id = begin(&sessions, "key_1");
        for _ in 0..limits::SESSION_SECONDS / (limits::SESSION_IDLE_SECONDS - 1) {
            clock.pass(Duration::from_secs(limits::SESSION_IDLE_SECONDS - 1));
            assert!(sessions.find(&id).is_some());
        }
        clock.pass(Duration::from_secs(limits::SESSION_IDLE_SECONDS - 1));
        assert!(sessions.find(&id).is_none(), "it is a day old");
        let id = begin(&sessions, "key_1");
        clock.pass(Duration::from_secs(limits::SESSION_IDLE_SECONDS));
        assert!(sessions.find(&id).is_none(), "nobody has used it");
    }

    #[test]
    fn a_page_that_looks_by_itself_keeps_no_session_alive() {
        let (clock, sessions) = sessions();
        let id = begin(&sessions, "key_1");
        for _ in 0..limits::SESSION_IDLE_SECONDS / 60 - 1 {
            clock.pass(Duration::from_secs(60));
            assert!(sessions.watch(&id).is_some());
        }
        clock.pass(Duration::from_secs(60));
        assert!(sessions.watch(&id).is_none());
    }

    #[test]
    fn a_wall_clock_that_is_set_back_prolongs_nothing() {
        let (clock, sessions) = sessions();
        let id = begin(&sessions, "key_1");
        clock.set(Timestamp::from_unix(1));
        clock.pass(Duration::from_secs(limits::SESSION_IDLE_SECONDS));
        assert!(sessions.find(&id).is_none());
    }

    #[test]
    fn an_id_that_nobody_made_is_none() {
        let (_, sessions) = sessions();
        let id = begin(&sessions, "key_1");
        for other in ["", "x", &id.to_lowercase(), &format!("{id}x")] {
            assert!(sessions.find(other).is_none() || other == id, "{other}");
        }
        sessions.end(&id);
        assert!(sessions.find(&id).is_none());
    }

    #[test]
    fn all_sessions_of_a_key_end_together_and_no_others() {
        let (_, sessions) = sessions();
        let ids = ["key_1", "key_1", "key_2"].map(|key| begin(&sessions, key));
        let one = sessions.find(&ids[0]).unwrap();
        assert_eq!(sessions.end_all_of(&one).len(), 2);
        assert_eq!(ids.map(|id| sessions.find(&id).is_some()), [false, false, true]);
    }

    #[test]
    fn all_sessions_of_a_person_end_together_although_each_has_a_key_of_its_own() {
        let (_, sessions) = sessions();
        let ids = [("key_1", "ada"), ("key_2", "ada"), ("key_3", "bob")].map(|(key, id)| {
            let person = Person {
                id: id.to_owned(),
                name: String::new(),
                issuer: String::new(),
                role: AdminRole::Operator,
            };
            let (token, role) = (Redacted::new(String::new()), AdminRole::Operator);
            sessions.begin(token, &principal(key), role, Some(person))
        });
        let keyed = begin(&sessions, "key_4");
        let one = sessions.find(&ids[0]).unwrap();
        assert_eq!(sessions.end_all_of(&one).len(), 2);
        assert_eq!(ids.map(|id| sessions.find(&id).is_some()), [false, false, true]);
        let one = sessions.find(&keyed).unwrap();
        assert_eq!(sessions.end_all_of(&one).len(), 1, "nobody's key is no person's");
    }

    #[test]
    fn too_many_sessions_end_the_one_that_was_unused_for_longest() {
        let (clock, sessions) = sessions();
        let first = begin(&sessions, "key_1");
        clock.pass(Duration::from_secs(1));
        let second = begin(&sessions, "key_2");
        for number in 2..=limits::SESSIONS {
            let token = Redacted::new(String::new());
            let session = Session {
                token,
                key_id: "key_3".into(),
                redacted_key: "".into(),
                role: AdminRole::Operator,
                person: None,
                form_token: String::new(),
                started: clock.monotonic(),
                state: Mutex::new(State { used: clock.monotonic(), ..State::default() }),
            };
            sessions.lock().insert(number.to_string(), Arc::new(session));
        }
        begin(&sessions, "key_4");
        assert!(sessions.find(&first).is_none() && sessions.find(&second).is_some());
    }

    #[test]
    fn only_the_sessions_own_token_makes_a_form_its_own() {
        let (_, sessions) = sessions();
        let session = sessions.find(&begin(&sessions, "key_1")).unwrap();
        assert!(is_own_form(&session, &session.form_token.clone()));
        let other = format!("{}x", session.form_token);
        for sent in ["", "x", &other, &other[1..]] {
            assert!(!is_own_form(&session, sent), "{sent}");
        }
    }

    #[test]
    fn a_key_that_opens_an_app_is_not_used_at_its_end() {
        let (_, sessions) = sessions();
        let session = sessions.find(&begin(&sessions, "key_1")).unwrap();
        let what = Opened { app: "app_1".into(), mode: "test".into(), purpose: Purpose::Secrets };
        let now = Timestamp::from_unix(1000);
        let key = OpenedKey {
            id: "key_9".into(),
            token: Redacted::new("rk".to_owned()),
            until: now.plus(60),
        };
        session.open(what.clone(), key, now);
        assert!(session.opened(&what, now).is_some());
        assert!(session.opened(&what, now.plus(55)).is_none());
        let books = Opened { purpose: Purpose::Books, ..what.clone() };
        assert!(session.opened(&books, now).is_none());
        assert_eq!(session.close(), ["key_9"]);
        assert!(session.opened(&what, now).is_none());
    }
}
