"""The driver: strikes with one fault after the other, and measures how soon jobs run again."""

import json
import random
import threading
import time

import psycopg2
from psycopg2.errors import LockNotAvailable

from faults import KILLS, OTHERS
from load import MANY
from world import rows, went_away

TELLING = 20   # seconds after which the log is told what stands still
SLOWEST = 120  # seconds from a kill until a job runs, on a machine of any load: leases would end after five minutes

STALLED = (
    "SELECT pid, backend_type, usename, state, wait_event_type, wait_event, pg_blocking_pids(pid), now() - xact_start,"
    " left(query, 60) FROM pg_stat_activity WHERE backend_type LIKE 'ayb_jobs%' OR cardinality(pg_blocking_pids(pid)) > 0",
    "SELECT * FROM ayb_jobs.lanes()",
    "SELECT * FROM ayb_jobs.workers()",
    "SELECT * FROM ayb_jobs.health() WHERE status <> 'ok'",
    "SELECT name, setting FROM pg_settings WHERE name LIKE 'ayb_jobs.%' AND source <> 'default'",
)


class Chaos:
    def __init__(self, world, load, journal, seed, log):
        self.world, self.load, self.journal, self.log = world, load, journal, log
        self.random = random.Random(f"{seed} faults")
        self.kills = self.stops = self.strikes = 0
        self.struck_at = None
        self.resumed = []     # (seconds until the server took a session, seconds until a job had run) of each kill
        self.findings = []
        self.undo = []        # (when, what) of faults that last
        self.in_scratch = []  # tokens of jobs in the database whose extension is dropped and re-created
        world.admin("CREATE DATABASE scratch")
        world.admin("CREATE EXTENSION ayb_jobs", database="scratch")
        world.admin(world.handlers, database="scratch")

    def run(self, kills):
        """Until so many processes have been killed."""
        while self.kills < kills:
            before = self.kills + self.stops
            self.strike()
            if self.kills + self.stops > before and self.random.random() < 0.6:
                self.undo_all()
                self.measure()
            time.sleep(self.random.uniform(0, 0.8))
            self.undo_due()
        self.undo_all()

    def strike(self):
        table = KILLS if self.random.random() < 0.6 else OTHERS
        name, _, fault = self.random.choices(table, [weight for _, weight, _ in table])[0]
        self.log(f"{self.kills} killed; {name}")
        self.strikes += 1
        try:
            undo = fault(self)
        except LockNotAvailable:  # another fault holds it for two seconds and more
            self.log(f"{name}: it is locked")
            return
        except psycopg2.Error as error:
            self.wrong(f"{name}: {error}")
            return
        if undo:
            self.undo.append((time.monotonic() + self.random.uniform(0.1, 3), undo))

    # What the faults do it with

    def kill(self, pid):
        if self.world.kill(pid):
            self.kills += 1
            self.struck()

    def struck(self):
        self.struck_at = time.monotonic()

    def wrong(self, what):
        self.log(f"WRONG: {what}")
        self.findings.append(what)

    def hold(self, *statements):
        """A session that has done this, and stays until the fault is over; but not longer than the server lets it, for
        the next fault may have to wait for its locks."""
        try:
            session = self.world.connect()
            rows(session, "SET idle_in_transaction_session_timeout = '3s'")
            for statement in statements:
                rows(session, statement)
        except psycopg2.Error:
            return None
        return session.close

    def hold_busy(self, *statements):
        """The same, where the last statement goes on until then."""
        def work():
            try:
                for statement in statements:
                    rows(session, statement)
            except psycopg2.Error:
                pass  # it was canceled, or killed

        def end():
            try:
                session.cancel()
            except psycopg2.Error:
                pass  # it has ended, or its server is gone
            worker.join()
            session.close()
        try:
            session = self.world.connect()
        except psycopg2.Error:
            return None
        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        return end

    def try_sql(self, *statements):
        close = self.hold(*statements)
        if close:
            close()

    def enqueue(self, role, oid, count, database="app", expect="once"):
        """Jobs of a role by the driver itself; acknowledged, for their key is asked for until it is answered."""
        for _ in range(count):
            token = self.journal.token(role)
            self.journal.write(token, kind="work", role=oid, database=database, fate="unknown", expect=expect)
            if database == "scratch":
                self.in_scratch.append(token)
            job = self.world.admin("SELECT ayb_jobs.enqueue('work', %s, NULL, %s, %s, %s)",
                                   json.dumps({"token": token}), token, MANY, role, database=database)[0][0]
            self.journal.write(token, id=job, fate="acknowledged")

    # What faults leave

    def undo_due(self, until=None):
        now = until or time.monotonic()
        due = [what for when, what in self.undo if when <= now]
        self.undo = [(when, what) for when, what in self.undo if when > now]
        for what in due:
            try:
                what()
            except LockNotAvailable:
                self.undo.append((time.monotonic() + 0.5, what))
            except psycopg2.Error as error:
                self.wrong(f"it can't be undone: {error}")

    def undo_all(self):
        while self.undo:
            self.undo_due(until=float("inf"))

    def measure(self):
        """How long after the last strike a job has run, of a role that has no others."""
        self.world.ensure_up()
        token = self.journal.token("probe")
        self.journal.write(token, kind="work", role=self.world.roles["probe"], database="app", fate="unknown",
                           expect="once")
        session, up, job = None, None, None
        told = False
        while True:
            try:
                session = session or self.world.connect("probe")
                up = up or time.monotonic() - self.struck_at
                job = job or rows(session, "SELECT ayb_jobs.enqueue('work', %s, NULL, %s, %s)",
                                  json.dumps({"token": token}), token, MANY)[0][0]
                if rows(session, "SELECT 1 FROM effects WHERE token = %s", token):
                    break
            except psycopg2.Error as error:
                if not went_away(error):
                    raise
                session = None
                self.world.ensure_up()
            if time.monotonic() - self.struck_at > SLOWEST:
                break
            if time.monotonic() - self.struck_at > TELLING and not told:
                told = True
                self.tell_stall()
            time.sleep(0.005)
        self.journal.write(token, id=job, fate="acknowledged")
        took = time.monotonic() - self.struck_at
        self.resumed.append((up, took))
        if took > SLOWEST:
            self.wrong(f"{token}: no job ran within {SLOWEST} s of a kill (it took {took:.1f} s)")
        if session is not None:
            session.close()

    def tell_stall(self):
        """What the server itself says of why nothing runs: it can't be asked afterwards."""
        for sql in STALLED:
            try:
                for row in self.world.admin(sql):
                    self.log(f"stands still: {row}")
            except psycopg2.Error as error:
                self.log(f"stands still: {error}")
