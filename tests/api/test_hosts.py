"""Connection strings of several hosts, one of which answers nothing."""

import os
import shutil
import socket
import subprocess
import threading

from support import PATIENCE, ApiTest, Server, Sidecar, free_port, program, until

# Seconds that libpq by itself would wait for a silent host; nothing here is waited for so long.
CONNECT_TIMEOUT = 3 * PATIENCE


class Standby(Server):
    """Of that server, with a socket in its directory."""

    def __init__(self, primary):
        self.directory = primary.directory + "_standby"
        self.data = os.path.join(self.directory, "data")
        self.socket = primary.socket
        self.port = free_port()
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        subprocess.run([program("pg_basebackup"), "-h", primary.socket, "-p", str(primary.port), "-U", "postgres", "-D",
                        self.data, "-R", "-c", "fast", "--no-sync"], check=True)
        self.start()


class Swallowing:
    """A port at which packets are lost: the queue of who wants in is full."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.listener.listen(0)
        self.waiting = []
        while self._one_more():
            pass

    def _one_more(self):
        self.waiting.append(socket.socket())
        self.waiting[-1].settimeout(0.2)
        try:
            self.waiting[-1].connect(("127.0.0.1", self.port))
            return True
        except socket.timeout:
            return False

    def close(self):
        for one in (self.listener, *self.waiting):
            one.close()


class Deaf:
    """A port that lets everybody in, and says nothing."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.listener.listen(128)

    def close(self):
        self.listener.close()


def dsn(*servers, **more):
    options = {"user": "sidecar", "dbname": "app", "connect_timeout": CONNECT_TIMEOUT,
               "tcp_user_timeout": 1000 * CONNECT_TIMEOUT,
               "host": ",".join(["127.0.0.1"] * len(servers)), "port": ",".join(str(server.port) for server in servers),
               **more}
    return " ".join(f"{name}={value}" for name, value in options.items())


class Pair(ApiTest):
    """A primary and its standby, and two that are silent."""

    started = 0

    @classmethod
    def setUpClass(cls):
        cls.primary = Server(cls.__name__)
        cls.standby = Standby(cls.primary)
        cls.swallowing, cls.deaf = Swallowing(), Deaf()
        until(lambda: cls.standby.psql("SELECT count(*) FROM pg_roles WHERE rolname = 'sidecar'") == "1", "the standby")

    @classmethod
    def tearDownClass(cls):
        for one in (cls.standby, cls.primary, cls.swallowing, cls.deaf):
            one.close()

    def start(self, string, **environment):
        Pair.started += 1
        self.sidecar = Sidecar(f"hosts.{Pair.started}", string, environment=environment)
        self.addCleanup(self.sidecar.stop)

    def health(self):
        return self.sidecar.send("GET", "/health").status


class Hosts(Pair):
    def sessions(self):
        return [int(server.psql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'sidecar'"))
                for server in (self.primary, self.standby)]

    def goes_to(self, expected, string, **environment):
        """Which of the two is taken; the other is left again."""
        self.start(string, **environment)
        self.assertEqual(self.health(), 200, string)
        until(lambda: self.sessions() == [expected is self.primary, expected is self.standby], f"{string}: {self.sessions()}")
        self.sidecar.stop()
        until(lambda: self.sessions() == [0, 0], "its session to end")

    def test_who_is_silent_costs_a_moment(self):
        for silent in (self.swallowing, self.deaf):
            self.goes_to(self.primary, dsn(silent, self.primary))
            self.goes_to(self.primary, dsn(silent, self.standby, silent, self.primary))

    def test_the_right_one_is_taken(self):
        for wanted, taken in (("read-write", self.primary), ("primary", self.primary), ("read-only", self.standby),
                              ("standby", self.standby), ("prefer-standby", self.standby)):
            for servers in ((self.primary, self.standby), (self.standby, self.primary),
                            (self.deaf, self.primary, self.standby), (self.swallowing, self.standby, self.primary)):
                self.goes_to(taken, dsn(*servers, target_session_attrs=wanted))

    def test_any_is_the_first_that_answers(self):
        self.goes_to(self.standby, dsn(self.standby, self.primary, target_session_attrs="any"))
        self.goes_to(self.primary, dsn(self.swallowing, self.primary, target_session_attrs="any"))

    def test_who_prefers_a_standby_takes_what_there_is(self):
        self.goes_to(self.primary, dsn(self.primary, target_session_attrs="prefer-standby"))
        self.goes_to(self.primary, dsn(self.swallowing, self.primary, target_session_attrs="prefer-standby"))

    def test_names_and_sockets(self):
        ports = f"{self.swallowing.port},{self.primary.port}"
        self.goes_to(self.primary, dsn(host="127.0.0.1,localhost", port=ports))
        self.goes_to(self.primary, dsn(host="127.0.0.1," + self.primary.socket, port=ports))
        self.goes_to(self.primary, dsn(host="nobody,known", hostaddr="127.0.0.1,127.0.0.1", port=ports))
        self.goes_to(self.primary, dsn(host=self.primary.socket, port=self.primary.port))

    def test_services_and_passwords_are_libpqs(self):
        self.primary.psql("ALTER ROLE sidecar PASSWORD 'its own'")
        file = os.path.join(self.primary.data, "pg_hba.conf")
        with open(file, encoding="utf-8") as hba:
            was = hba.read()
        passwords, services = (os.path.join(self.primary.directory, name) for name in ("passwords", "services"))
        with open(passwords, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
            out.write(f"127.0.0.1:{self.swallowing.port}:*:*:another's\n127.0.0.1:{self.primary.port}:*:*:its own\n")
        with open(services, "w", encoding="utf-8") as out:
            out.write("[app]\n" + dsn(self.swallowing, self.primary, passfile=passwords).replace(" ", "\n") + "\n")
        try:
            self.admit(file, "host all sidecar all scram-sha-256\n" + was, freely=False)
            self.goes_to(self.primary, "service=app", PGSERVICEFILE=services)
            self.goes_to(self.primary, dsn(self.primary, passfile=passwords))
            self.start(dsn(self.swallowing, self.primary, connect_timeout=2))
            self.assertEqual(self.health(), 503)
            self.assertIn("no password supplied", self.sidecar.log())
        finally:
            self.admit(file, was, freely=True)

    def admit(self, file, rules, freely):
        with open(file, "w", encoding="utf-8") as hba:
            hba.write(rules)
        self.primary.psql("SELECT pg_reload_conf()")
        until(lambda: subprocess.run([program("psql"), "-Xw", "-d", dsn(self.primary), "-c", ""], check=False,
                                     capture_output=True).returncode == (0 if freely else 2), "the rules")

    def test_nobody_is_there(self):
        class Closed:
            port = free_port()

        refused, silent = f"port {Closed.port} failed: Connection refused", f"port {self.deaf.port} failed: timeout expired"
        for servers, said in (((self.deaf,), (silent,)), ((self.deaf, Closed), (silent, refused)), ((Closed,), (refused,))):
            self.start(dsn(*servers, connect_timeout=2))
            self.assertEqual(self.health(), 503)
            for line in said:
                self.assertIn(line, self.sidecar.log())
            self.sidecar.stop()


class Promotion(Pair):
    def asked(self):
        return int(self.standby.psql("SELECT sessions FROM pg_stat_database WHERE datname = 'app'", database="postgres"))

    def test_who_is_promoted_is_found(self):
        """Those that said no are asked again, while a silent one is being waited for."""
        self.start(dsn(self.deaf, self.standby, self.primary))
        self.assertEqual(self.ask("GET", "/jobs").status, 200)
        self.primary.stop("immediate")
        before, answers = self.asked(), []
        request = threading.Thread(target=lambda: answers.append(self.ask("GET", "/jobs").status))
        request.start()
        until(lambda: self.asked() > before + 1, "the standby to be asked twice")
        self.assertEqual(answers, [])
        self.assertEqual(self.standby.psql("SELECT pg_promote()"), "t")
        request.join(PATIENCE)
        self.assertEqual(answers, [200])
