"""What the API tests share: a private server, the sidecar in front of it, and a client that sends what it is told.

Everything is started here, listens on loopback or a unix socket, and is stopped at the end. Waits are polls with a
bound.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

BIN = os.environ["AYB_BIN"]
SIDECAR = os.environ["AYB_SIDECAR"]
LAUNCH = os.environ.get("AYB_LAUNCH", "").split()
OUT = os.environ["AYB_OUT"]
SOURCES = os.environ["AYB_SOURCES"]
PASSWORD = "correct horse <&> bättery"
PATIENCE = 60  # seconds; what takes longer has failed


def until(question, what, patience=PATIENCE):
    """Polls until question() is true, and gives back what it said."""
    end = time.monotonic() + patience
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name):
    return os.path.join(BIN, name)


class Server:
    """A PostgreSQL server with the extension in database `app`; the role `sidecar` is an ayb_jobs_admin."""

    def __init__(self, name):
        self.name = name
        self.directory = os.path.join(OUT, name)
        self.data = os.path.join(self.directory, "data")
        # A socket's path has at most 107 bytes.
        self.socket = tempfile.mkdtemp(prefix="ayb.", dir="/tmp")
        self.port = free_port()
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        self._initialize()
        self.start()
        self.psql("CREATE DATABASE app", database="postgres")
        self.psql("CREATE EXTENSION ayb_jobs; CREATE ROLE sidecar LOGIN; GRANT ayb_jobs_admin, ayb_jobs_sidecar TO sidecar")

    def _initialize(self):
        subprocess.run([program("initdb"), "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync",
                        "--encoding=UTF8", "--locale=C.UTF-8"], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(SOURCES, "regress", "postgresql.conf"), encoding="utf-8") as common:
            settings = common.read()
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            file.write(settings + f"\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{self.socket}'\n")

    def start(self, port=None):
        self.port = port or self.port
        subprocess.run([program("pg_ctl"), "-D", self.data, "-l", os.path.join(self.directory, "log"), "-w", "-s",
                        "-t", "60", "-o", f"-p {self.port}", "start"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "LANGUAGE": os.environ.get("AYB_LANGUAGE", "")})

    def stop(self, mode="fast"):
        subprocess.run([program("pg_ctl"), "-D", self.data, "-m", mode, "-w", "-s", "-t", "60", "stop"], check=True,
                       stdout=subprocess.DEVNULL)

    def close(self):
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self.stop("immediate")
        shutil.rmtree(self.socket, ignore_errors=True)

    def psql(self, sql, database="app", role="postgres"):
        """Runs SQL and gives back the last result as text, unaligned."""
        done = subprocess.run([program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-p", str(self.port),
                               "-U", role, "-d", database, "-f", "-"], input=sql, text=True, capture_output=True)
        if done.returncode != 0:
            raise AssertionError(f"{sql}\n{done.stderr}")
        return done.stdout.rstrip("\n")

    def complaint(self, sql):
        """What PostgreSQL says of a statement that fails, in whatever words."""
        try:
            self.psql(sql)
        except AssertionError as error:
            return re.search(":  (.*)", str(error))[1]
        raise AssertionError(f"it is done: {sql}")

    @contextlib.contextmanager
    def held(self, sql):
        """What the statement locks is held until the end of the block."""
        session = subprocess.Popen([program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-p", str(self.port),
                                    "-U", "postgres", "-d", "app"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            print(f"BEGIN; {sql};\n\\echo held", file=session.stdin, flush=True)
            while (line := session.stdout.readline()) != "held\n":
                assert line, sql
            yield
        finally:
            session.communicate("COMMIT;\n")

    def dsn(self, *other_ports):
        ports = ",".join(str(port) for port in (self.port, *other_ports))
        hosts = ",".join(["127.0.0.1"] * (1 + len(other_ports)))
        return f"host={hosts} port={ports} user=sidecar dbname=app"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def header(self, name):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None


class Program:
    """`ayb-jobs` as a process of its own, which says all it says to a log."""

    def start(self, log_file, words, environment, whole_log=True):
        self.log_file = os.path.join(OUT, log_file)
        self._log = open(self.log_file, "ab")
        self._begin = 0 if whole_log else self._log.tell()
        self.process = subprocess.Popen([*LAUNCH, SIDECAR, *words], env=environment, stdin=subprocess.DEVNULL,
                                        stdout=self._log, stderr=self._log)

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            file.seek(self._begin)
            return file.read()

    def stop(self, sig=signal.SIGTERM):
        """Stops it and gives back its exit status; a sanitizer's finding is a failure."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        status = self.process.wait(PATIENCE)
        self._log.close()
        for finding in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "ThreadSanitizer"):
            if finding in self.log():
                raise AssertionError(f"{finding} in {self.log_file}")
        return status


class Sidecar(Program):
    """`ayb-jobs serve`."""

    def __init__(self, name, dsn, *flags, password=PASSWORD, environment=None):
        self.port = free_port()
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "UBSAN_OPTIONS": "print_stacktrace=1",
                       **(environment or {})}
        if password is not None:
            environment["AYB_JOBS_PASSWORD"] = password
        self.start(name + ".log", ["serve", "--listen", f"127.0.0.1:{self.port}", "--dsn", dsn, *flags], environment)
        until(self._answers, f"{name} to listen")
        self._token = None

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the sidecar ended: {self.log()}")
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def send(self, method, path, body=None, headers=None, patience=PATIENCE):
        """One request on a connection of its own, without a token."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        try:
            if isinstance(body, str):
                body = body.encode()
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def token(self):
        if self._token is None:
            answer = self.send("POST", "/api/admin/auth", json.dumps({"password": PASSWORD}))
            self._token = answer.json["token"]
        return self._token

    def ask(self, method, path, body=None, **headers):
        """The same with a token, below /api/admin unless the path begins so; a body that is no text is made JSON."""
        return self.ask_with(self.token(), method, path, body, **headers)

    def ask_with(self, token, method, path, body=None, **headers):
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if not path.startswith("/api/"):
            path = "/api/admin" + path
        return self.send(method, path, body, {"Authorization": "Bearer " + token, **headers})

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)


_server = None


def server():
    """The server that most tests share."""
    global _server
    if _server is None:
        _server = Server("server")
    return _server


def close_shared():
    if _server is not None:
        _server.close()


class EventStream:
    """One that is read, by _read() of those who inherit this, until it ends or is closed."""

    def __init__(self, connected, head, last=None):
        self.socket = connected
        if last is not None:
            head += f"Last-Event-ID: {last}\r\n"
        self.socket.sendall((head + "\r\n").encode())
        self.text = ""
        self.ended = False
        self.thread = threading.Thread(target=self._read, daemon=True)

    def close(self):
        if self.socket.fileno() < 0:
            return
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self.thread.ident:
            self.thread.join()
        self.socket.close()


class ApiTest(unittest.TestCase):
    """A sidecar for each class, on the shared server, which is emptied before it."""

    flags = ()
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = server()
        cls.server.psql(EMPTY)
        cls.sidecar = Sidecar(cls.__name__, cls.server.dsn(), *cls.flags)

    @classmethod
    def tearDownClass(cls):
        status = cls.sidecar.stop()
        assert status == 0, f"the sidecar ended with {status}"

    def ask(self, method, path, body=None, **headers):
        return self.sidecar.ask(method, path, body, **headers)

    def good(self, answer, status=200):
        """The JSON of an answer that has to have this status."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.header("Content-Type"), "application/json")
        return answer.json

    def refused(self, answer, status, message):
        """An error as the contract has it; gives back its JSON."""
        self.assertEqual((answer.status, answer.json.get("message")), (status, message), answer.body)
        self.assertEqual(answer.json["code"], status)
        self.assertLessEqual(set(answer.json), {"code", "message", "details", "hint", "sqlstate", "field", "reason"})
        self.assertEqual(answer.header("Content-Type"), "application/json")
        return answer.json

    def raised(self, answer, status, sqlstate, field=None):
        """An error that PostgreSQL or the engine raised, in whatever words; gives back its JSON."""
        error = self.refused(answer, status, answer.json["message"])
        self.assertEqual((error.get("sqlstate"), error.get("field")), (sqlstate, field), answer.body)
        return error


class OwnServerTest(ApiTest):
    """A sidecar and a server of the class's own, made by its setUpClass: it may be stopped."""

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.server.close()


EMPTY = """
SELECT ayb_jobs.resume(); DELETE FROM ayb_jobs.pauses; DELETE FROM ayb_jobs.health_watches;
DELETE FROM ayb_jobs.job_queue; DELETE FROM ayb_jobs.job_history; DELETE FROM ayb_jobs.job_keys;
DELETE FROM ayb_jobs.job_attempts; DELETE FROM ayb_jobs.job_actions; DELETE FROM ayb_jobs.schedules;
DELETE FROM ayb_jobs.job_depths;
"""
