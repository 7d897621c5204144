"""A TCP proxy between Coffer and PostgreSQL that lets their connections fail.

It understands where a message ends and what a COMMIT looks like, and nothing else of the protocol.
"""

import random
import socket
import struct
import threading
import time

# The messages that complete a question: a simple query, and a Sync.
ENDS_QUESTION = (b"Q", b"S")
COMMIT = b"Q" + struct.pack("!I", 11) + b"COMMIT\0"
ROLLBACK = b"Q" + struct.pack("!I", 13) + b"ROLLBACK\0"
# What the server answers once a transaction is committed.
COMMITTED = b"C" + struct.pack("!I", 11) + b"COMMIT\0"


def messages(end, untyped_first):
    """The messages that arrive at a socket. A client's first has no letter before its length."""
    buffer, head = b"", 0 if untyped_first else 1
    while True:
        while len(buffer) >= head + 4:
            size = head + int.from_bytes(buffer[head:head + 4], "big")
            if len(buffer) < size:
                break
            yield buffer[:size]
            buffer, head = buffer[size:], 1
        data = end.recv(65536)
        if not data:
            return
        buffer += data


def shut(end, reset=False):
    """Closes a connection in both directions; with `reset` what is under way is thrown away."""
    try:
        if reset:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Whoever reads from it would keep it open.
            end.shutdown(socket.SHUT_RD)
            end.close()
        else:
            end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class Connection:
    """One connection from Coffer, and the one to PostgreSQL that belongs to it."""

    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        # What a fault notes about it.
        self.left, self.is_meant, self.is_committing = None, False, False
        # A connection that lost something stays silent for ever: neither side could make sense of
        # the rest. PostgreSQL times no client that disappears between the parts of a question; a
        # network loses them together, since they are sent together. So the question is let through.
        self.silent, self.silent_soon, self.is_asking = False, False, False
        self.server = socket.create_connection(("127.0.0.1", proxy.target))
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self):
        self.proxy.fault.opened(self)
        for carry in (self.carry_questions, self.carry_answers):
            threading.Thread(target=carry, daemon=True).start()

    def carry_questions(self):
        self.carry(self.client, True, self.ask)

    def ask(self, message):
        if self.silent_soon:
            self.server.sendall(message)
        else:
            self.proxy.fault.ask(self, message)
        self.is_asking = message[:1] not in ENDS_QUESTION
        self.silent |= self.silent_soon and not self.is_asking

    def carry_answers(self):
        self.carry(self.server, False, self.answer)

    def answer(self, message):
        if not self.silent_soon:
            self.proxy.fault.answer(self, message)

    def carry(self, end, from_client, handle):
        try:
            for message in messages(end, from_client):
                if not self.silent:
                    handle(message)
        except OSError:
            pass
        if not self.silent:
            self.cut()

    def cut(self, reset=False):
        """Closes both sides."""
        self.proxy.connections.discard(self)
        shut(self.client, reset)
        shut(self.server)

    def go_silent(self):
        """Keeps open what is open, and carries nothing any more once a question is over."""
        self.silent_soon = True
        self.silent |= not self.is_asking


class Fault:
    """What happens to a connection: by itself nothing does. `count` is how often something did."""

    def __init__(self):
        self.count = 0

    def begin(self, connections):
        """The fault begins, and these connections are open."""

    def opened(self, connection):
        """A connection was opened."""

    def ask(self, connection, message):
        """Coffer asks."""
        connection.server.sendall(message)

    def answer(self, connection, message):
        """PostgreSQL answers."""
        connection.client.sendall(message)

    def end(self):
        """The fault is over."""


class Drop(Fault):
    """All connections are cut, and so is each new one at once."""

    def begin(self, connections):
        for connection in connections:
            self.opened(connection)

    def opened(self, connection):
        self.count += 1
        connection.cut(reset=True)


class AfterSome(Fault):
    """Something happens to each connection after a random number of messages."""

    MOST = 40
    # Whether it waits until a question is complete.
    WHOLE = False

    def __init__(self):
        super().__init__()
        self.random = random.Random(1)

    def ask(self, connection, message):
        if connection.left is None:
            connection.left = self.random.randint(1, self.MOST)
        connection.left -= 1
        strikes = connection.left <= 0 and (not self.WHOLE or message[:1] in ENDS_QUESTION)
        if not strikes or self.WHOLE:
            super().ask(connection, message)
        if strikes:
            self.count += 1
            self.happen(connection)


class DropAfterSome(AfterSome):
    """Lines are cut."""

    def happen(self, connection):
        connection.cut()


class CloseClientSide(AfterSome):
    """Coffer sees the end of its connection. PostgreSQL does not, and waits for a statement."""

    MOST, WHOLE = 400, True

    def happen(self, connection):
        connection.go_silent()
        shut(connection.client)


class CloseServerSide(AfterSome):
    """PostgreSQL sees the end of its connection. Coffer does not, and waits for an answer."""

    # Whoever meets a connection like this waits for seconds: most connections shall work.
    MOST, WHOLE = 400, True

    def happen(self, connection):
        connection.go_silent()
        shut(connection.server)


class Delay(Fault):
    """Everything takes longer."""

    SECONDS = 0.01

    def ask(self, connection, message):
        self.count += 1
        time.sleep(self.SECONDS)
        super().ask(connection, message)

    def answer(self, connection, message):
        # Most answers come in several messages: only the last one of each is held up.
        if message.startswith(b"Z"):
            time.sleep(self.SECONDS)
        super().answer(connection, message)


class Stall(Fault):
    """Nothing is carried until the fault is over; then everything is, late."""

    def __init__(self):
        super().__init__()
        self.over = threading.Event()

    def ask(self, connection, message):
        self.count += 1
        self.over.wait()
        super().ask(connection, message)

    def answer(self, connection, message):
        self.over.wait()
        super().answer(connection, message)

    def end(self):
        self.over.set()


class BlackHole(Fault):
    """Whatever is sent disappears, and nobody is told."""

    def ask(self, connection, message):
        self.count += 1
        if connection.is_asking:
            super().ask(connection, message)
        connection.go_silent()

    def answer(self, connection, message):
        self.count += 1
        connection.go_silent()


class Forget(Fault):
    """All connections that are open go silent, in use or not, as when a firewall forgets them. New
    ones work."""

    def begin(self, connections):
        for connection in connections:
            self.count += 1
            connection.go_silent()


class CutAtCommit(Fault):
    """Every so many commits the connection is cut, before the commit is carried. Only commits count
    that come after `text` on their connection."""

    def __init__(self, every=1, text=""):
        super().__init__()
        self.every, self.text = every, text.encode()
        self.commits = 0
        self.lock = threading.Lock()

    def ask(self, connection, message):
        connection.is_meant |= self.text in message
        if message == COMMIT and connection.is_meant and self.is_due():
            self.commit(connection)
        else:
            super().ask(connection, message)

    def is_due(self):
        with self.lock:
            self.commits += 1
            return self.commits % self.every == 0

    def commit(self, connection):
        self.count += 1
        connection.cut()


class CutAfterCommit(CutAtCommit):
    """The commit is carried, and the connection is cut instead of carrying its answer."""

    def commit(self, connection):
        connection.is_committing = True
        connection.server.sendall(COMMIT)

    def answer(self, connection, message):
        if connection.is_committing and message == COMMITTED:
            self.count += 1
            connection.cut()
        else:
            super().answer(connection, message)


class LoseCommits(CutAtCommit):
    """No failure of a network, but a server that lies: it takes commits back. Whatever checks
    for lost writes must notice."""

    def commit(self, connection):
        self.count += 1
        connection.server.sendall(ROLLBACK)


class Proxy:
    """Listens on a port of its own, and carries what it is sent to a port of this machine."""

    def __init__(self, target):
        self.target = target
        self.fault = Fault()
        self.connections = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                connection = Connection(self, client)
            except OSError:
                client.close()
                continue
            self.connections.add(connection)
            connection.start()

    def begin(self, fault):
        """From now on this goes wrong."""
        self.fault = fault
        fault.begin(list(self.connections))

    def heal(self):
        """From now on nothing goes wrong; connections that went silent stay so."""
        fault, self.fault = self.fault, Fault()
        fault.end()

    def url(self, database, user):
        return f"postgres://{user}@127.0.0.1:{self.port}/{database}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shut(self.listener)
        self.listener.close()
        for connection in list(self.connections):
            connection.cut()
