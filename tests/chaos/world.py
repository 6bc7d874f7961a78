"""The server, its roles and handlers, the sidecar; and how sessions and processes are reached while they come and go."""

import os
import re
import signal
import sys
import time

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
import support  # noqa: E402  (found by the line above)

ROLES = ("alice", "bob", "carol")
SETTINGS = """
max_worker_processes = 20
max_parallel_workers = 20
max_connections = 60
deadlock_timeout = 100ms
# Else all types would go by lease: after each crash they do, for a minute.
ayb_jobs.test_group_at_once = on
ayb_jobs.shutdown_timeout = 1s
"""
# One schedule makes up for each tick that it missed: so the series of its ticks must have no gap, either. Its role keeps
# its LOGIN: without, a tick can't be enqueued, and that is the end of it (docs/guide/schedules.md).
SCHEDULES = (
    ("every tick", "clerk", "*/5 * * * * *", "all", "queue"),
    ("the last", "bob", "*/2 * * * * *", "once", "queue"),
    ("none beside", "carol", "*/3 * * * * *", "skip", "skip"),
)
HERE = os.path.dirname(os.path.abspath(__file__))


class World:
    def __init__(self, name):
        self.server = support.Server(name)
        self.name = name
        self.furthest_clock = 0
        self.clock = 0
        with open(os.path.join(self.server.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            file.write(SETTINGS)
        self.server.stop()
        self.server.start()
        self._make_roles()
        with open(os.path.join(HERE, "handlers.sql"), encoding="utf-8") as file:
            self.handlers = file.read()
        self.server.psql(self.handlers)
        self.registration = {kind: sql for sql, kind in re.findall(
            r"^(SELECT type FROM ayb_jobs\.register_handler\('(\w+)'.*\));$", self.handlers, re.M)}
        self.roles = {role: int(self.admin(f"SELECT '{role}'::regrole::oid")[0][0])
                      for role in (*ROLES, "clerk", "probe", "sidecar")}
        self.sidecar = None
        self.start_sidecar()

    def _make_roles(self):
        for role in (*ROLES, "clerk", "probe"):
            self.server.psql(f"CREATE ROLE {role} LOGIN; GRANT {role} TO sidecar")
        self.server.psql("CREATE ROLE courier LOGIN; GRANT alice, bob, carol, sidecar TO courier")

    def make_schedules(self):
        for name, role, cron, missed, overlap in SCHEDULES:
            self.admin("SELECT ayb_jobs.create_schedule(%s, 'tick', %s, missed => %s, overlap => %s, run_as => %s)",
                       name, cron, missed, overlap, role)

    def start_sidecar(self):
        self.sidecar = support.Sidecar(f"{self.name}-sidecar", self.server.dsn(), "--no-auth=admin",
                                       "--statement-timeout", "5000", password=None)

    def close(self):
        try:
            if self.sidecar:
                self.sidecar.stop()
        finally:
            self.server.close()

    # Sessions

    def connect(self, role="postgres", database="app"):
        """A session in which every statement is a transaction of its own unless it says BEGIN."""
        session = psycopg2.connect(host=self.server.socket, port=self.server.port, user=role, dbname=database,
                                   connect_timeout=10, options="-c statement_timeout=60s")
        session.autocommit = True
        return session

    def admin(self, sql, *values, database="app", patience=60):
        """One statement as the superuser; tried again while the server is away, so it has to bear being done twice."""
        end = time.monotonic() + patience
        while True:
            try:
                session = self.connect(database=database)
                try:
                    return rows(session, sql, *values)
                finally:
                    session.close()
            except psycopg2.Error as error:
                if time.monotonic() > end or not went_away(error):
                    raise
                self.ensure_up()
                time.sleep(0.02)

    def set(self, name, value):
        self.admin(f"ALTER SYSTEM SET {name} = '{value}'")
        self.admin("SELECT pg_reload_conf()")

    def turn_clock(self, offset):
        self.clock = offset
        self.furthest_clock = max(self.furthest_clock, offset)
        self.set("ayb_jobs.test_clock_offset", offset)

    # Processes

    def postmaster(self):
        """Its pid, or None where none runs (a zombie has no working directory)."""
        try:
            with open(os.path.join(self.server.data, "postmaster.pid"), encoding="utf-8") as file:
                pid = int(file.readline())
            return pid if os.readlink(f"/proc/{pid}/cwd") == self.server.data else None
        except (OSError, ValueError):
            return None

    def processes(self, title=""):
        """The server's processes whose title, after "postgres: ", begins like that."""
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/cmdline", "rb") as file:
                        shown = file.read().decode(errors="replace")
                    if (shown.startswith("postgres: " + title)
                            and os.readlink(f"/proc/{name}/cwd") == self.server.data):
                        found.append(int(name))
                except OSError:
                    pass  # it has ended
        return found

    def titles(self):
        """What the postmaster's children call themselves, and what each waits in: evidence of one that does not end."""
        found = []
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as title, open(f"/proc/{pid}/wchan", encoding="utf-8") as wchan:
                    found.append(f"{title.read().decode(errors='replace').rstrip(chr(0) + ' ')} ({pid}, {wchan.read()})")
            except OSError:
                pass  # it has ended
        return found

    def kill(self, pid, sig=signal.SIGKILL):
        """Whether there was something to kill."""
        try:
            os.kill(pid, sig)
            return True
        except ProcessLookupError:
            return False

    def ensure_up(self):
        """Starts the server if its postmaster is gone; orphans may hold its memory for a moment, and a killed one is a
        process, as far as the next one can see, until init has heard of its end."""
        if self.postmaster() is None:
            support.until(lambda: not self.processes(), "the old server's processes to end")
            for lock in (os.path.join(self.server.data, "postmaster.pid"),
                         os.path.join(self.server.socket, f".s.PGSQL.{self.server.port}.lock")):
                if os.path.exists(lock):
                    os.remove(lock)
            try:
                self.server.start()
            except support.subprocess.CalledProcessError:
                pass  # whoever asks tries again

    # Rest

    def calm(self):
        """Takes back whatever a fault may have left, and turns the clock to where everything is due."""
        self.ensure_up()
        for sql in ("ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()", "SELECT ayb_jobs.resume()",
                    "SELECT ayb_jobs.resume(type) FROM ayb_jobs.pauses", *self.registration.values()):
            self.admin(sql)
        for role in ROLES:
            self.admin(f"ALTER ROLE {role} LOGIN")
        for gid, in self.admin("SELECT gid FROM pg_prepared_xacts"):
            self.admin(f"ROLLBACK PREPARED '{gid}'")
        self.turn_clock(self.furthest_clock + 900)

    def settle(self, databases=("app",), patience=300):
        """Waits until all ticks have come and all jobs have ended, as far as they do before patience ends."""
        ticked = "SELECT NOT EXISTS (SELECT FROM ayb_jobs.schedules WHERE enabled AND next_run_at <= ayb_jobs_internal.now())"
        self._wait(ticked, "app", patience)
        self.admin("SELECT ayb_jobs.update_schedule(id, enabled => false, keep_next_run_at => true) FROM ayb_jobs.schedules "
                   "WHERE enabled")
        for database in databases:
            self._wait("SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE state IN ('queued', 'running') "
                       "AND EXISTS (SELECT FROM pg_roles WHERE oid = run_as))", database, patience)
            # Nobody can run what is left of a role that was dropped.
            self.admin("SELECT ayb_jobs.cancel(id) FROM ayb_jobs.job_queue "
                       "WHERE state = 'queued' AND NOT EXISTS (SELECT FROM pg_roles WHERE oid = run_as)", database=database)
            # Counts follow the commits; those of the last ones may be on their way.
            self._wait("SELECT queued + running + failed + canceled = (SELECT count(*) FROM ayb_jobs.job_queue) "
                       "AND completed = (SELECT count(*) FROM ayb_jobs.job_history) FROM ayb_jobs.stats()", database,
                       patience / 10)

    def _wait(self, question, database, patience):
        try:
            support.until(lambda: self.admin(question, database=database)[0][0], question, patience)
        except AssertionError:
            pass  # the checker says what it is


def went_away(error):
    """Whether it is the server that is not there or full, and not the statement that is wrong."""
    return error.pgcode is None or error.pgcode.startswith(("08", "53", "57P"))


def rows(session, sql, *values):
    with session.cursor() as cursor:
        cursor.execute(sql, values or None)
        return cursor.fetchall() if cursor.description else []
