"""The server with two limited types, the counter, and the workers outside; and what strikes them."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
import support  # noqa: E402  (found by the line above)
from counter import birth  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = 50
OUTSIDE = 8
RULES = {
    "held": {"running": 3, "running_per_key": 1},
    "paced": {"starts": 60, "starts_per_key": 5, "per": 1},
}
SETTINGS = """
ayb_jobs.worker_concurrency = 8
ayb_jobs.test_group_at_once = on
ayb_jobs.shutdown_timeout = 1s
ayb_jobs.lease_duration = 10s
max_connections = 80
"""
HANDLER = {
    "inside": "SELECT type FROM ayb_jobs.register_handler('{}', 'turn(jsonb)', backoff => '{{0}}', max_attempts => 1000)",
    "outside": "SELECT type FROM ayb_jobs.register_handler('{}', kind => 'external', backoff => '{{0}}', max_attempts => 1000)",
}


class World:
    def __init__(self, name, seed):
        self.random = random.Random(seed)
        self.server = support.Server(name)
        with open(os.path.join(self.server.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            file.write(SETTINGS)
        self.server.stop()
        self.server.start()
        with open(os.path.join(HERE, "handlers.sql"), encoding="utf-8") as file:
            self.server.psql(file.read())
        self.where = {}
        for kind, rule in RULES.items():
            self.place(kind, "inside")
            self.limit(kind, rule)
        self.counter = os.path.join(self.server.socket, "counter")
        self.counting = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "counter.py"), self.counter,
                                          json.dumps(RULES)])
        support.until(lambda: os.path.exists(self.counter), "the counter")
        self.control = None
        support.until(self._connect, "the counter to listen")
        self.workers = []
        self.crashes = self.strikes = self.enqueued = 0

    def _connect(self):
        try:
            self.control = socket.socket(socket.AF_UNIX)
            self.control.connect(self.counter)
            return True
        except OSError:
            return False

    def start_workers(self):
        while len(self.workers) < OUTSIDE:
            self.workers.append(subprocess.Popen(
                [sys.executable, "-B", os.path.join(HERE, "outside.py"),
                 f"host={self.server.socket} port={self.server.port} user=postgres dbname=app", self.counter,
                 f"outside-{self.random.random()}"]))

    def close(self):
        for one in self.workers + [self.counting]:
            one.kill()
            one.wait()
        self.server.close()

    def limit(self, kind, rule):
        arguments = ", ".join(f"{name} => {value}" for name, value in rule.items() if name != "per")
        per = f", per => '{rule['per']} s'" if "per" in rule else ""
        self.try_sql(f"SELECT FROM ayb_jobs.set_limit('{kind}', {arguments}{per})")

    def place(self, kind, where):
        """Its handler is a function, or workers outside take it."""
        self.where[kind] = where
        self.try_sql(HANDLER[where].format(kind))

    def enqueue(self, *counts):
        """So many jobs of each key of a type, and more of some; all in one statement, so that none can be in doubt."""
        for kind, each in zip(RULES, counts):
            self.enqueued += int(self.server.psql(
                f"SELECT count(ayb_jobs.enqueue('{kind}', jsonb_build_object('counter', '{self.counter}'),"
                f" partition_key => 'k' || k)) FROM generate_series(1, {KEYS}) AS k"
                f" CROSS JOIN LATERAL generate_series(1, {each} + k % 7 * {each} / 5) AS n"))

    def try_sql(self, sql):
        """Again while the server is away; so it has to bear being done twice."""
        def done():
            try:
                return [self.server.psql(sql)]
            except AssertionError as error:
                if "ERROR" in str(error) and "terminating" not in str(error):
                    raise
                return None
        return support.until(done, sql)[0]

    # What strikes

    def processes(self, *titles):
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    shown = file.read().decode(errors="replace")
                if shown.startswith(tuple("postgres: " + title for title in titles)) and \
                        os.readlink(f"/proc/{name}/cwd") == self.server.data:
                    found.append(int(name))
            except OSError:
                pass  # it has ended
        return found

    def signal_one(self, sig, *titles):
        """Which process it was; None where there was none."""
        victims = self.processes(*titles)
        if not victims:
            return None
        victim = self.random.choice(victims)
        try:
            os.kill(victim, sig)
        except ProcessLookupError:
            return None
        return victim

    def crash(self):
        """A process of the server is killed. The counter is told since when shared memory is new: since before its launcher."""
        title = "ayb_jobs launcher"
        before = self.processes(title)
        if self.signal_one(signal.SIGKILL, self.random.choice(("ayb_jobs worker", "postgres app", "ayb_jobs scheduler"))) is None:
            return
        self.crashes += 1
        fresh = support.until(lambda: [pid for pid in self.processes(title) if pid not in before], "another launcher")
        self.control.sendall(f"born {birth(fresh[0])}\n".encode())
        self.control.recv(1)

    def kill_worker(self):
        victim = self.workers.pop(self.random.randrange(len(self.workers)))
        victim.kill()
        victim.wait()
        self.start_workers()

    def flip(self):
        kind = self.random.choice(sorted(RULES))
        self.place(kind, "outside" if self.where[kind] == "inside" else "inside")

    def set_again(self):
        """The same limits: what runs is counted anew."""
        kind = self.random.choice(sorted(RULES))
        self.limit(kind, RULES[kind])

    def gentle(self):
        self.random.choice((
            self.kill_worker, self.flip, self.flip, self.set_again, self.set_again,
            lambda: self.signal_one(signal.SIGTERM, "ayb_jobs worker"),
            lambda: self.signal_one(signal.SIGINT, "ayb_jobs worker"),
            lambda: self.signal_one(signal.SIGTERM, "postgres app"),
            lambda: self.signal_one(signal.SIGTERM, "postgres app"),
            lambda: self.signal_one(signal.SIGTERM, "ayb_jobs scheduler")))()
        self.strikes += 1

    def strike(self, seconds):
        """For so long: a crash, then gentler things for a while, so that groups happen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(self.random.randint(6, 12)):
                time.sleep(self.random.uniform(0.1, 0.5))
                self.gentle()
            if time.monotonic() < end:
                self.crash()

    # What was

    def found(self):
        self.control.sendall(b"done\n")
        with self.control.makefile() as answers:
            return json.loads(answers.readline())
