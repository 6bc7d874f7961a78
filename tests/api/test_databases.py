"""Several databases behind one sidecar: each by its name, and one that is away or hangs leaves the others as they were."""

import contextlib
import http.client
import itertools
import json
import os
import re
import socket
import subprocess
import threading

from cli_support import run
from support import OUT, PATIENCE, SIDECAR, ApiTest, Sidecar, free_port, until


class Mute:
    """A host that takes connections and never says a word."""

    def __init__(self):
        self.taken = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def _take(self):
        while True:
            try:
                self.taken.append(self._socket.accept()[0])
            except OSError:
                return

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        for one in self.taken:
            one.close()


class Databases(ApiTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("CREATE DATABASE second", database="postgres")
        cls.server.psql("CREATE EXTENSION ayb_jobs", database="second")
        cls.mute = Mute()
        cls.second = cls.server.dsn().replace("dbname=app", "dbname=second")
        cls.away = "host=127.0.0.1 port=1 password=secret"
        config = os.path.join(OUT, "databases.properties")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"database.second.dsn = {cls.second}\ndatabase.away.dsn = {cls.away}\n")
        cls.config = config
        cls.sidecar.stop()
        cls.sidecar = Sidecar("Databases", cls.server.dsn(), "--config", config,
                              f"--database.mute.dsn=host=127.0.0.1 port={cls.mute.port} connect_timeout={PATIENCE}")

    @classmethod
    def tearDownClass(cls):
        try:
            cls.mute.close()
            super().tearDownClass()
        finally:
            cls.server.psql("DROP DATABASE second WITH (FORCE)", database="postgres")

    def test_each_has_its_own_jobs(self):
        job = self.good(self.ask("POST", "/jobs?database=second", {"type": "parked"}), 201)["id"]
        self.good(self.ask("GET", f"/jobs/{job}?database=second"))
        for default in ("", "?database=default", "?database="):
            self.refused(self.ask("GET", f"/jobs/{job}{default}"), 404, "job not found")
        self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.job_queue", database="second"), "1")

    def test_how_many_jobs_each_has(self):
        self.server.psql("CREATE DATABASE bare", database="postgres")
        self.addCleanup(self.server.psql, "DROP DATABASE bare WITH (FORCE)", database="postgres")
        bare = self.server.dsn().replace("dbname=app", "dbname=bare")
        counted = Sidecar("Counted", self.server.dsn(), f"--database.second.dsn={self.second}", f"--database.bare.dsn={bare}")
        self.addCleanup(counted.stop)

        def now():
            items = self.good(counted.ask("GET", "/databases?stats=true"))["items"]
            return {one["name"]: one.get("stats", {}).get("queued") for one in items}

        before = now()
        self.assertIsNone(before["bare"])
        self.good(counted.ask("POST", "/jobs?database=second", {"type": "parked", "runAt": "2100-01-01T00:00:00Z"}), 201)
        until(lambda: now()["second"] == before["second"] + 1, "it to be counted")
        self.assertEqual(now()["default"], before["default"])
        self.assertNotIn("stats", self.good(counted.ask("GET", "/databases"))["items"][0])
        self.refused(counted.ask("GET", "/databases?stats=perhaps"), 400, "invalid stats")

    def test_none_of_that_name(self):
        for method, path in (("GET", "/jobs"), ("POST", "/jobs/retry"), ("GET", "/databases"), ("GET", "/events")):
            error = self.refused(self.ask(method, path + "?database=nope"), 404, "database not found")
            self.assertEqual(error["field"], "database")

    def test_a_token_is_good_for_all(self):
        for made in ("", "?database=second", "?database=away"):
            token = self.good(self.ask("POST", "/tokens" + made, {"name": "both", "right": "read"}), 201)["token"]
            for database in ("default", "second"):
                self.assertEqual(self.sidecar.ask_with(token, "GET", f"/jobs?database={database}").status, 200)

    def test_events(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.sidecar.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/api/admin/events?database=second",
                               headers={"Authorization": "Bearer " + self.sidecar.token()})
            stream = connection.getresponse()
            self.assertTrue(stream.readline().startswith(b":"))
            self.good(self.ask("POST", "/jobs", {"type": "of_the_first"}), 201)
            self.good(self.ask("POST", "/jobs?database=second", {"type": "of_the_second"}), 201)
            data = next(line for line in stream if line.startswith(b"data:"))
            self.assertIn(b"of_the_second", data)
        finally:
            connection.close()

    def test_one_that_hangs_takes_no_others_thread(self):
        answers = []

        def ask():
            answers.append(self.ask("GET", "/jobs?database=mute").status)

        asking = [threading.Thread(target=ask) for _ in range(8)]
        self.sidecar.token()
        for thread in asking:
            thread.start()
        try:
            until(lambda: len(self.mute.taken) >= len(asking), "all of its threads to wait")
            for _ in range(20):
                for database in ("default", "second"):
                    self.good(self.ask("GET", f"/jobs?database={database}"))
            self.assertEqual(answers, [])
        finally:
            for one in self.mute.taken:
                one.shutdown(socket.SHUT_RDWR)
            for thread in asking:
                thread.join()
        self.assertEqual(answers, [503] * len(asking))
        self.seen()

    def seen(self):
        """The list says of each what it is, though one hangs and one is away."""
        listed = []
        lister = threading.Thread(target=lambda: listed.append(self.ask("GET", "/databases")))
        before = len(self.mute.taken)
        lister.start()
        until(lambda: len(self.mute.taken) > before or not lister.is_alive(), "it to be asked")
        for one in self.mute.taken[before:]:
            one.shutdown(socket.SHUT_RDWR)
        lister.join()
        answer = self.good(listed[0])
        self.assertEqual([(one["name"], one["status"]) for one in answer["items"]],
                         [("default", "ok"), ("away", "unavailable"), ("mute", "unavailable"), ("second", "ok")])
        first = answer["items"][0]
        self.assertEqual((first["default"], first["database"], first["port"], first["isStandby"]),
                         (True, "app", self.server.port, False))
        self.assertNotIn("secret", json.dumps(answer))

    def test_metrics_of_all(self):
        """One that says nothing holds the others' back no longer than a scrape has patience for."""
        mute = Mute()
        sidecar = Sidecar("metrics", self.server.dsn(), "--config", self.config,
                          f"--database.mute.dsn=host=127.0.0.1 port={mute.port} connect_timeout={PATIENCE}")
        try:
            self.good(sidecar.ask("POST", "/jobs?database=second", {"type": "counted"}), 201)
            for _ in range(2):
                lines = sidecar.send("GET", "/metrics", patience=PATIENCE / 2).body.decode().splitlines()
                for database, up in (("default", 1), ("second", 1), ("away", 0), ("mute", 0)):
                    self.assertIn(f'ayb_jobs_up{{database="{database}"}} {up}', lines)
            self.assertEqual(len(mute.taken), 1)
            failed = [line.split()[0] for line in lines if 'phase="failed"' in line]
            self.assertEqual(failed, [f'ayb_jobs_jobs{{database="{name}",phase="failed"}}' for name in ("default", "second")])
            # All lines of a metric behind its help and its type, which come once.
            metrics = [line.split()[2] if line[0] == "#" else re.sub("_(bucket|sum|count)$", "", re.split("[{ ]", line)[0])
                       for line in lines]
            self.assertEqual([name for name, _ in itertools.groupby(metrics)], list(dict.fromkeys(metrics)))
            self.assertEqual(len([line for line in lines if line[0] == "#"]), 2 * len(set(metrics)))
        finally:
            mute.close()
            self.assertEqual(sidecar.stop(), 0)

    def test_settings(self):
        shown = run("serve", "--config", self.config, "--database.second.dsn", "dbname=x password=hunter2",
                    "--print-config").stdout
        self.assertRegex(shown.splitlines()[-1], "^database.second.dsn = .*dbname=x.*# flag$")
        self.assertNotIn("hunter2", shown)
        for flags, words in ((["--database.a b.dsn=x"], "a database's name"), (["--database.x.dsn"], "needs a value"),
                             (["--dsn", "x", "--database.default.dsn", "y"], "are the same")):
            done = run("serve", *flags)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(words, done.stderr)

    def test_the_first_that_is_named_is_the_default(self):
        log = os.path.join(OUT, "named.log")
        port = free_port()
        with open(log, "wb") as file:
            serving = subprocess.Popen([SIDECAR, "serve", "--listen", f"127.0.0.1:{port}", "--no-auth",
                                        "--database.b.dsn", self.away, "--database.a.dsn", self.second],
                                       stdin=subprocess.DEVNULL, stdout=file, stderr=file)

        def listed():
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
                connection.request("GET", "/api/admin/databases")
                return json.loads(connection.getresponse().read())["items"]
            return None

        try:
            found = until(listed, "it to listen")
            self.assertEqual([(one["name"], one["default"]) for one in found], [("a", True), ("b", False)])
        finally:
            serving.terminate()
            self.assertEqual(serving.wait(PATIENCE), 0)

    def test_the_command_line(self):
        url = f"http://127.0.0.1:{self.sidecar.port}"
        job = self.good(self.ask("POST", "/jobs?database=second", {"type": "told_apart"}), 201)["id"]

        def told(*arguments):
            return run(*arguments, "--url", url, AYB_ADMIN_TOKEN=self.sidecar.token())
        self.assertIn(job, told("jobs", "list", "--type", "told_apart", "--database", "second").stdout)
        self.assertEqual(told("jobs", "list", "--type", "told_apart").stdout, "No jobs found.\n")
        self.assertIn("database not found", told("jobs", "list", "--database", "nope").stderr)
        alone = run("databases", "--dsn", self.server.dsn()).stdout.splitlines()
        self.assertEqual([line.split()[0] for line in alone], ["NAME", "default"])
