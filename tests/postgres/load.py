"""A steady load through the official SDK, a record of what was answered, and a check of it."""

import collections
import concurrent.futures
import contextlib
import random
import threading
import time
import uuid

import stripe

# How many clients there are, each with places of its own: nobody else writes there, so that each
# client knows what must be found.
CLIENTS = 6
# How long a client rests between two requests: the load is steady, not the highest there can be.
REST = 0.05
# How long it waits before it asks the next server after one that could not answer.
NEXT_SERVER = 0.05
# How long it tries to get an answer, and how long one server may take for it, in seconds.
PATIENCE, ONE_ANSWER = 300, 90
# Secrets in one scope: fewer than the 10 that an app may have there.
IN_SCOPE = 8

# Violations that are printed one by one.
SHOWN = 20

SET, DELETE = "apps.secrets.create", "apps.secrets.delete"

# Where a secret is.
Place = collections.namedtuple("Place", "user name")


class Write:
    """A write with an idempotency key of its own. Its answer is the secret's id, or None for as
    long as nobody knows whether it was kept; `resumed` is whether an earlier attempt was kept."""

    def __init__(self, operation, place):
        self.operation = operation
        self.place = place
        self.key = str(uuid.uuid4())
        self.answer = None
        self.resumed = False
        self.replayed = False

    def take(self, answer):
        """Puts the answer on record."""
        self.answer = answer.id
        self.resumed = is_replayed(answer)

    def params(self):
        """What is sent: the payload is another one for each write."""
        params = place_params(self.place)
        return {**params, "payload": self.payload} if self.operation == SET else params

    @property
    def payload(self):
        """The value that this write sets."""
        return f"value of {self.key}"


def place_params(place):
    """A place as parameters of a request."""
    return {"name": place.name, "scope": {"type": "user", "user": place.user}}


class Violation(Exception):
    """Something that must never happen: its kind, and what happened."""

    def __init__(self, kind, what):
        super().__init__(f"{kind}: {what}")
        self.kind = kind


class Unanswered(Exception):
    """No server gave an answer in time."""


class Caller:
    """Asks one of several servers, and the next one as long as the answer is to try again."""

    def __init__(self, bases, key, first=0):
        http = stripe.RequestsClient(timeout=ONE_ANSWER)
        clients = [stripe.StripeClient(key, base_addresses={"api": base}, http_client=http,
                                       max_network_retries=0) for base in bases]
        self._secrets = [client.v1.apps.secrets for client in clients]
        self._next = first
        self.retries = collections.Counter()

    def call(self, method, params, key=None):
        """The answer, or the refusal if it is final. The idempotency key stays the same."""
        options = {"idempotency_key": key} if key else {}
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self._next = (self._next + 1) % len(self._secrets)
            try:
                return getattr(self._secrets[self._next], method)(params, options)
            except stripe.StripeError as error:
                if not may_be_retried(error):
                    raise
                self.retries[error.http_status or "no answer"] += 1
            time.sleep(NEXT_SERVER)
        raise Unanswered(f"{method} had no answer within {PATIENCE} s")

    def find(self, place):
        """The value at a place, or None if there is none."""
        try:
            params = {**place_params(place), "expand": ["payload"]}
            return self.call("find", params).payload
        except stripe.InvalidRequestError as error:
            if error.http_status == 404:
                return None
            raise

    def write(self, write):
        """Carries out a write, or gets its answer once more."""
        method = "create" if write.operation == SET else "delete_where"
        return self.call(method, write.params(), write.key)


def may_be_retried(error):
    """Whether there was no answer at all, or one that says that trying again is right."""
    if isinstance(error, stripe.APIConnectionError):
        return True
    return (error.headers or {}).get("Stripe-Should-Retry") == "true"


def is_replayed(answer):
    """Whether it is the answer to an earlier request with the same idempotency key."""
    return answer.last_response.headers.get("Idempotent-Replayed") == "true"


class Client:
    """Sets, finds and deletes, one after the other, at places where nobody else writes."""

    def __init__(self, load, number):
        self.load = load
        self.random = random.Random(number)
        self.caller = Caller(load.bases, load.key, number)
        self.user = f"user-{number}"
        self.places = 0
        # The last write to each place; none while its outcome is unknown.
        self.last = {}

    def run(self, ended):
        """Works until it is told to end."""
        while not ended.is_set():
            with self.load.noting():
                self.step()
                self.load.successes.append(time.monotonic())
            time.sleep(REST)

    def step(self):
        """One request of a random kind."""
        held = [place for place, write in self.last.items() if write.operation == SET]
        kind = self.random.random()
        if len(held) < 4 or kind < 0.4:
            self.write(Write(SET, self.new_place()))
        elif kind < 0.5:
            self.write(Write(SET, self.random.choice(held)))
        elif kind < 0.7:
            self.write(Write(DELETE, self.random.choice(held)))
        else:
            expect(self.caller, self.last[self.random.choice(held)])

    def new_place(self):
        """A place where nothing has been yet."""
        self.places += 1
        return Place(f"{self.user}-{self.places // IN_SCOPE}", f"secret-{self.places}")

    def write(self, write):
        """A write that is on record before it is sent."""
        self.last.pop(write.place, None)
        self.load.writes.append(write)
        write.take(self.caller.write(write))
        self.last[write.place] = write


def expect(caller, write):
    """A place must hold what the last write to it has left there."""
    found = caller.find(write.place)
    if write.operation == SET and found != write.payload:
        what = "nothing" if found is None else "another value"
        raise Violation("lost write", f"{write.place} holds {what}")
    if write.operation == DELETE and found is not None:
        raise Violation("lost delete", f"{write.place} still holds a value")


def expect_replay(caller, write):
    """An idempotency key that was answered must give the same answer again."""
    write.replayed = True
    again = caller.write(write)
    if not is_replayed(again):
        raise Violation("not replayed", f"{write.operation} at {write.place}")
    if again.id != write.answer:
        raise Violation("other answer", f"{write.operation} at {write.place}")


class Load:
    """Clients that work as long as `with load.running():` lasts, and what they found."""

    def __init__(self, bases, key):
        self.bases, self.key = bases, key
        self.writes, self.violations, self.successes = [], [], []
        self.longest_outage = 0.0
        self.clients = [Client(self, number) for number in range(CLIENTS)]

    def warm_up(self):
        """One write, so that the app has its keys: who makes them is another program's test."""
        write = Write(SET, Place("first", "first"))
        self.writes.append(write)
        write.take(self.clients[0].caller.write(write))

    @contextlib.contextmanager
    def running(self):
        """The clients work until the end of the block, and finish what they have begun."""
        ended = threading.Event()
        started, begun = len(self.successes), time.monotonic()
        threads = [threading.Thread(target=client.run, args=[ended]) for client in self.clients]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            until = time.monotonic()
            for thread in threads:
                thread.join()
        self.longest_outage = longest_gap([begun, *self.successes[started:], until])

    @contextlib.contextmanager
    def noting(self):
        """Puts whatever goes wrong in the block on record, and goes on. An error of this program
        counts too: a client that died of one would be a load that is not there."""
        try:
            yield
        except Violation as violation:
            self.violations.append(violation)
        except Exception as error:
            self.violations.append(Violation("failed request", f"{type(error).__name__}: {error}"))

    def retries(self):
        """Why requests were sent again, and how often: a status, or that there was no answer."""
        return sum((client.caller.retries for client in self.clients), collections.Counter())

    def kinds(self):
        """How often each kind of violation was seen."""
        return collections.Counter(violation.kind for violation in self.violations)

    def acknowledged(self):
        """The writes that were answered."""
        return [write for write in self.writes if write.answer is not None]

    def check(self, cluster, database, installation=None):
        """Checks all that was ever acknowledged, and replays each write once; and with the
        `installation`, that the audit's log proves itself. The load must have ended."""
        last = [write for client in self.clients for write in client.last.values()]
        # What is there is looked at first: a replay that is none would write it again.
        self._check_each(expect, last)
        self._check_each(expect_replay, [w for w in self.acknowledged() if not w.replayed])
        with self.noting():
            self._check_audit(cluster, database)
        if installation:
            with self.noting():
                self._verify_audit(installation)

    def _check_each(self, check, writes):
        callers = [Caller(self.bases, self.key, number) for number in range(CLIENTS)]

        def check_some(number):
            for write in writes[number::CLIENTS]:
                with self.noting():
                    check(callers[number], write)

        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(check_some, range(CLIENTS)))

    def _check_audit(self, cluster, database):
        """Each write leaves one entry in its own transaction: more entries are executions that
        nobody asked for, fewer are lost. Only a write without an answer may be either."""
        rows = cluster.sql(
            "SELECT operation, subject, count(*) FROM audit_entry WHERE outcome = 'done' "
            f"AND operation IN ('{SET}', '{DELETE}') GROUP BY operation, subject", database)
        entries = collections.Counter()
        for operation, subject, count in (row.split("|") for row in rows.splitlines()):
            entries[operation, subject] = int(count)
        acknowledged = self.acknowledged()
        wanted = collections.Counter((write.operation, write.answer) for write in acknowledged)
        unknown = len(self.writes) - len(acknowledged)
        missing, surplus = (wanted - entries).total(), (entries - wanted).total()
        if missing:
            raise Violation("lost audit entry", f"{missing} of {len(acknowledged)}")
        if surplus > unknown:
            raise Violation("executed twice", f"{surplus} entries too many, {unknown} unknown")

    def _verify_audit(self, installation):
        """The log beside the key store: each entry is as it was signed, and none is missing."""
        verified = installation.run("audit", "verify",
                                    COFFER_ROOT_KEY_FILE=str(installation.root_key))
        said = (verified.stdout + verified.stderr).decode(errors="replace")
        if verified.returncode != 0:
            raise Violation("audit not whole", said)
        print(f"audit: {said.splitlines()[0]}")

    def verdict(self):
        """Prints what went wrong, and gives the exit code."""
        for violation in self.violations[:SHOWN]:
            print(f"VIOLATION {violation}")
        if self.violations:
            print(f"violations: {dict(self.kinds())}")
        return 1 if self.violations else 0


def longest_gap(times):
    """The longest time between two successes, in seconds."""
    ordered = sorted(times)
    return max(later - earlier for earlier, later in zip(ordered, ordered[1:]))
