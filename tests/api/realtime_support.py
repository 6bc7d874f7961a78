"""What the tests of realtime share: tokens, streams, and a server whose tables are listened to."""

import base64
import hashlib
import hmac
import json
import os
import socket
import time
import urllib.parse

from support import OUT, PATIENCE, EventStream, OwnServerTest, Server, Sidecar, until

SECRET = "a secret of the application, 32 bytes or more"

TABLES = """
CREATE ROLE ayb_authenticated NOLOGIN;
CREATE ROLE listener LOGIN NOINHERIT;
GRANT ayb_jobs_realtime, ayb_authenticated TO listener;
CREATE TABLE posts (id integer PRIMARY KEY, owner text, room integer, body text, secret text);
ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON posts USING (owner = current_setting('ayb.user_id', true));
GRANT SELECT (id, owner, room, body) ON posts TO ayb_authenticated;
CREATE TABLE notes (id integer PRIMARY KEY, note text);
GRANT SELECT ON notes TO ayb_authenticated;
CREATE SCHEMA side;
GRANT USAGE ON SCHEMA side TO ayb_authenticated;
CREATE TABLE side.things (a integer, b integer, PRIMARY KEY (b, a));
GRANT SELECT ON side.things TO ayb_authenticated;
CREATE TABLE hidden (id integer PRIMARY KEY);
CREATE TABLE plain (id integer PRIMARY KEY);
GRANT SELECT ON plain TO ayb_authenticated;
CREATE VIEW seen AS SELECT * FROM plain;
GRANT SELECT ON seen TO ayb_authenticated;
SELECT ayb_jobs.enable_realtime(t) FROM unnest('{posts,notes,side.things,hidden}'::regclass[]) AS t;
"""


def _part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(subject="u1", secret=SECRET, lifetime=600, **claims):
    payload = {"sub": subject, "exp": int(time.time()) + lifetime, **claims}
    content = _part(b'{"alg":"HS256"}') + "." + _part(json.dumps(payload).encode())
    return content + "." + _part(hmac.new(secret.encode(), content.encode(), hashlib.sha256).digest())


class Frame:
    def __init__(self, text):
        fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line and line[0] != ":")
        self.id, self.event = fields.get("id"), fields.get("event", "message")
        self.data = json.loads(fields["data"]) if "data" in fields else None


class Stream(EventStream):
    """One client of GET /api/realtime, which reads all the time unless it is told not to."""

    def __init__(self, sidecar, tables="posts", subject="u1", last=None, reads=True, wait=True, bearer=None, **query):
        connected = socket.socket()
        if not reads:  # the kernel has to hold little
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connected.settimeout(10 * PATIENCE)
        connected.connect(("127.0.0.1", sidecar.port))
        query = urllib.parse.urlencode({"tables": tables, **query})
        head = f"GET /api/realtime?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        if "token" not in query and "ticket" not in query:
            head += f"Authorization: Bearer {bearer or token(subject)}\r\n"
        super().__init__(connected, head, last)
        if reads:
            self.read()
            if wait:
                until(lambda: self.frames("connected") or self.ended, "a stream to begin")

    def read(self):
        self.thread.start()

    def _read(self):
        received = b""
        try:
            while chunk := self.socket.recv(65536):
                received += chunk
                end = received.rfind(b"\n\n") + 2  # whole frames alone, and characters
                if end > 1:
                    self.text += received[:end].decode()
                    received = received[end:]
        except OSError:
            pass
        self.ended = True

    def status(self):
        return int(self.text.split(" ", 2)[1])

    def frames(self, event=None):
        all_frames = [Frame(text) for text in self.text.split("\r\n\r\n", 1)[-1].split("\n\n") if text]
        return [frame for frame in all_frames if event is None and frame.data or frame.event == event]

    def changes(self):
        return [frame.data for frame in self.frames("message") if frame.data]

    def last(self):
        return [frame.id for frame in self.frames() if frame.id][-1]

    def heard(self, record, table="posts", action=None):
        """Waits until it has been told this; gives back all it has been told."""
        until(lambda: [c for c in self.changes() if (c["table"], c["record"]) == (table, record)
                       and action in (None, c["action"])], f"{table} {record}: {self.text[-2000:]}")
        return self.changes()


def post(number, owner="u1", room=1, body="b"):
    return {"id": number, "owner": owner, "room": room, "body": body}


class RealtimeTest(OwnServerTest):
    """A server and a sidecar of the class's own, with tables that are listened to."""

    realtime_flags = ("--realtime-budget", "100000")  # how long a machine takes is no matter here
    environment = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.__name__.lower())
        cls.server.psql(TABLES)
        cls.secrets = os.path.join(OUT, cls.__name__ + ".secret")
        cls.write_secrets(SECRET)
        cls.sidecar = cls.start_sidecar(cls.__name__)

    @classmethod
    def write_secrets(cls, *lines):
        with open(cls.secrets, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    @classmethod
    def start_sidecar(cls, name, *flags, role="listener"):
        return Sidecar(name, cls.server.dsn(), "--realtime-dsn", cls.server.dsn().replace("user=sidecar", f"user={role}"),
                       "--realtime-secret-file", cls.secrets, *cls.realtime_flags, *flags, environment=cls.environment)

    def setUp(self):
        until(lambda: self.good(self.ask("GET", "/realtime/stats"))["connections"]["total"] == 0, "the last streams to end")
        self.server.psql("DELETE FROM posts; DELETE FROM notes; DELETE FROM side.things")

    def listen(self, tables="posts", sidecar=None, **more):
        stream = Stream(sidecar or self.sidecar, tables, **more)
        self.addCleanup(stream.close)
        return stream

    def insert(self, first, last=None, owner="u1", room=1):
        self.server.psql(f"INSERT INTO posts SELECT i, '{owner}', {room}, 'b', 's'"
                         f" FROM generate_series({first}, {last or first}) AS i")

    def get(self, query, bearer=None, sidecar=None, **headers):
        if bearer is not None:
            headers["Authorization"] = "Bearer " + bearer
        return (sidecar or self.sidecar).send("GET", "/api/realtime" + query, headers=headers)
