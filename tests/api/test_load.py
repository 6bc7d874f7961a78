"""Under wrk with eight connections the database is restarted, its sessions are killed, it moves to another host of the
list: what is not answered is a 503 with Retry-After, and nothing is left behind."""

import os
import re
import subprocess
import time

from support import SOURCES, OwnServerTest, Server, Sidecar, free_port, until


class Wrk:
    def __init__(self, sidecar, path, seconds):
        self.process = subprocess.Popen(
            ["wrk", "-t", "2", "-c", "8", "-d", f"{seconds}s", "--timeout", "60s", "-s",
             os.path.join(SOURCES, "tests", "api", "answers.lua"), "-H", "Authorization: Bearer " + sidecar.token(),
             f"http://127.0.0.1:{sidecar.port}/api/admin{path}"], stdout=subprocess.PIPE, text=True)

    def result(self):
        """How many answers by status, 503s without Retry-After, and socket errors."""
        said = self.process.communicate(timeout=300)[0]
        statuses = {}
        for status, count in re.findall(r"^status\t(\d+)\t(\d+)", said, re.MULTILINE):
            statuses[int(status)] = statuses.get(int(status), 0) + int(count)
        silent = sum(int(count) for count in re.findall(r"^silent\t(\d+)", said, re.MULTILINE))
        return statuses, silent, int(re.search(r"^errors\t(\d+)", said, re.MULTILINE)[1])


class Load(OwnServerTest):
    seconds = 8

    @classmethod
    def setUpClass(cls):
        cls.server = Server("load")
        cls.other_port = free_port()
        cls.sidecar = Sidecar("Load", cls.server.dsn(cls.other_port), "--log-level", "error")

    def sessions(self):
        return int(self.server.psql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'sidecar'"))

    def under_load(self, event):
        """What wrk saw, while `event` happens in its midst."""
        job = self.good(self.ask("POST", "/jobs", {"type": "parked"}), 201)["id"]
        wrk = Wrk(self.sidecar, "/jobs/" + job, self.seconds)
        time.sleep(1)  # what is measured is wrk's own time, so there is nothing to poll
        event()
        statuses, silent, errors = wrk.result()
        self.assertLessEqual(set(statuses), {200, 503}, statuses)
        self.assertGreater(statuses[200], 100)
        self.assertEqual((silent, errors), (0, 0), statuses)
        until(lambda: self.ask("GET", "/jobs").status == 200, "it to be back")
        self.assertLessEqual(self.sessions(), 8)
        until(lambda: "ayb_jobs_http_connections 1\n" in self.sidecar.send("GET", "/metrics").body.decode(),
              "wrk's connections to be gone")
        return statuses

    def test_a_restart(self):
        def restart():
            self.server.stop()
            self.server.start()

        self.assertIn(503, self.under_load(restart))

    def test_a_crash(self):
        def crash():
            self.server.stop("immediate")
            time.sleep(1)
            self.server.start()

        self.assertIn(503, self.under_load(crash))

    def test_killed_sessions(self):
        def kill():
            for _ in range(10):
                self.server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sidecar'")
                time.sleep(0.2)

        statuses = self.under_load(kill)
        # At most each of the eight sessions, each time, and those that were told at once.
        self.assertGreater(statuses[200], statuses.get(503, 0))

    def test_a_move(self):
        home = self.server.port

        def move():
            self.server.stop()
            self.server.start(self.other_port)

        try:
            self.assertIn(503, self.under_load(move))
        finally:
            self.server.stop()
            self.server.start(home)
        until(lambda: self.ask("GET", "/jobs").status == 200, "it to be back home")
