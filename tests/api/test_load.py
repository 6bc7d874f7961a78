"""Under wrk with eight connections the database is restarted, its sessions are killed, it moves to another host of the
list: what is not answered is a 503 with Retry-After, and nothing is left behind."""

import os
import re
import signal
import subprocess

from support import SOURCES, OwnServerTest, Server, Sidecar, free_port, until


class Wrk:
    """Until it is asked for its result."""

    def __init__(self, sidecar, path):
        self.process = subprocess.Popen(
            ["wrk", "-t", "2", "-c", "8", "-d", "1h", "--timeout", "60s", "-s",
             os.path.join(SOURCES, "tests", "api", "answers.lua"), "-H", "Authorization: Bearer " + sidecar.token(),
             f"http://127.0.0.1:{sidecar.port}/api/admin{path}"], stdout=subprocess.PIPE, text=True)

    def result(self):
        """How many answers by status, 503s without Retry-After, and socket errors."""
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=300)[0]
        statuses = {}
        for status, count in re.findall(r"^status\t(\d+)\t(\d+)", said, re.MULTILINE):
            statuses[int(status)] = statuses.get(int(status), 0) + int(count)
        silent = sum(int(count) for count in re.findall(r"^silent\t(\d+)", said, re.MULTILINE))
        return statuses, silent, int(re.search(r"^errors\t(\d+)", said, re.MULTILINE)[1])


class Load(OwnServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("load")
        cls.other_port = free_port()
        cls.sidecar = Sidecar("Load", cls.server.dsn(cls.other_port), "--log-level", "error")

    def sessions(self):
        return int(self.server.psql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'sidecar'"))

    def answered(self, kind):
        """How many requests so far, with a status of 2xx or 5xx."""
        metrics = self.sidecar.send("GET", "/metrics").body.decode()
        return sum(map(int, re.findall(rf'^ayb_jobs_http_requests_total{{code="{kind[0]}.."}} (\d+)', metrics, re.MULTILINE)))

    def some_more(self, kind, count=100):
        enough = self.answered(kind) + count
        until(lambda: self.answered(kind) >= enough, f"{count} more answers {kind}")

    def under_load(self, event):
        """What wrk saw, while `event` happens in its midst."""
        job = self.good(self.ask("POST", "/jobs", {"type": "parked"}), 201)["id"]
        wrk = Wrk(self.sidecar, "/jobs/" + job)
        try:
            self.some_more("2xx")
            event()
            self.some_more("2xx")
        finally:
            statuses, silent, errors = wrk.result()
        self.assertLessEqual(set(statuses), {200, 503}, statuses)
        self.assertEqual((silent, errors), (0, 0), statuses)
        until(lambda: self.ask("GET", "/jobs").status == 200, "it to be back")
        self.assertLessEqual(self.sessions(), 8)
        until(lambda: "ayb_jobs_http_connections 1\n" in self.sidecar.send("GET", "/metrics").body.decode(),
              "wrk's connections to be gone")
        return statuses

    def away(self, mode, port=None):
        """The server is gone until that is noticed."""
        self.server.stop(mode)
        self.some_more("5xx", 10)
        self.server.start(port)

    def test_a_restart(self):
        self.assertIn(503, self.under_load(lambda: self.away("fast")))

    def test_a_crash(self):
        self.assertIn(503, self.under_load(lambda: self.away("immediate")))

    def test_killed_sessions(self):
        def kill():
            for _ in range(10):
                self.server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sidecar'")
                self.some_more("2xx")

        statuses = self.under_load(kill)
        # At most each of the eight sessions, each time, and those that were told at once.
        self.assertGreater(statuses[200], statuses.get(503, 0))

    def test_a_move(self):
        home = self.server.port
        try:
            self.assertIn(503, self.under_load(lambda: self.away("fast", self.other_port)))
        finally:
            self.server.stop()
            self.server.start(home)
        until(lambda: self.ask("GET", "/jobs").status == 200, "it to be back home")
