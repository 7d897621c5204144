"""A minimal PostgreSQL client, for what psql cannot be asked to do: named prepared statements, and
several sessions at a time."""

import socket
import struct

from cluster import USER
from proxy import messages


class WireError(RuntimeError):
    """The server refused something, and said why."""


class Wire:
    """One session, on a server that asks for no password."""

    def __init__(self, port, database):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.messages = messages(self.socket, untyped_first=False)
        body = b"".join(text.encode() + b"\0" for text in ("user", USER, "database", database))
        body = struct.pack("!I", 196608) + body + b"\0"
        self.socket.sendall(struct.pack("!I", len(body) + 4) + body)
        self.answer()

    def send(self, kind, body=b""):
        self.socket.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def answer(self):
        """The first column of the first row, or None, once the server is ready for more."""
        value, error = None, None
        for message in self.messages:
            kind, body = message[:1], message[5:]
            if kind == b"D" and value is None:
                size = struct.unpack("!i", body[2:6])[0]
                value = body[6:6 + size].decode()
            elif kind == b"E":
                error = self.said(body)
            elif kind == b"Z":
                break
        else:
            error = error or "the server closed the session"
        if error:
            raise WireError(error)
        return value

    @staticmethod
    def said(body):
        fields = (field for field in body.split(b"\0") if field)
        return next(field[1:].decode() for field in fields if field[:1] == b"M")

    def query(self, sql):
        """A simple query."""
        self.send(b"Q", sql.encode() + b"\0")
        return self.answer()

    def prepare(self, name, sql):
        """Prepares a statement without parameters."""
        self.send(b"P", name.encode() + b"\0" + sql.encode() + b"\0" + struct.pack("!h", 0))
        self.send(b"S")
        self.answer()

    def execute(self, name):
        """Runs a prepared statement."""
        self.send(b"B", b"\0" + name.encode() + b"\0" + struct.pack("!hhh", 0, 0, 0))
        self.send(b"E", b"\0" + struct.pack("!I", 0))
        self.send(b"S")
        return self.answer()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
