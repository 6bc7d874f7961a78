"""Behind PgBouncer in transaction mode: every request may get another session of the server's, and leaves nothing in it."""

import os
import shutil
import subprocess
import threading

from support import EMPTY, OUT, ApiTest, Sidecar, free_port, server, until
from work_support import Worker

# Debian's.
POOLER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin") or "pgbouncer"


class Pooler(ApiTest):
    @classmethod
    def setUpClass(cls):
        cls.server = server()
        cls.server.psql(EMPTY)
        cls.port = free_port()
        directory = os.path.join(OUT, "pooler")
        os.makedirs(directory, exist_ok=True)
        users, settings = os.path.join(directory, "users"), os.path.join(directory, "ini")
        with open(users, "w", encoding="ascii") as file:
            file.write('"sidecar" ""\n"pooled" ""\n')
        with open(settings, "w", encoding="ascii") as file:
            file.write(f"""[databases]
app = host=127.0.0.1 port={cls.server.port} dbname=app
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {cls.port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = 3
max_client_conn = 100
server_check_delay = 0
logfile = {directory}/log
""")
        cls.pooler = subprocess.Popen([POOLER, settings], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        until(cls.answers, "the pooler to answer")
        cls.sidecar = Sidecar("pooler", cls.dsn(), "--statement-timeout", "4000")

    @classmethod
    def dsn(cls, user="sidecar"):
        return f"host=127.0.0.1 port={cls.port} user={user} dbname=app"

    @classmethod
    def ask_pooler(cls, sql):
        done = subprocess.run(["psql", "-XqAt", "-d", cls.dsn(), "-c", sql], capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else None

    @classmethod
    def answers(cls):
        return cls.ask_pooler("SELECT 1") == "1"

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.pooler.terminate()
            cls.pooler.wait(60)

    def test_programs_as_workers(self):
        """Each of two holds a connection to wait, and shares the third one for all else."""
        self.server.psql(EMPTY + "CREATE ROLE pooled LOGIN; SELECT ayb_jobs.register_handler('pooled', kind => 'external');"
                         " SELECT ayb_jobs.grant_worker('pooled', 'pooled')")
        case = type("Case", (), {"dsn": lambda _: self.dsn("pooled")})()
        workers = [Worker(case, "pooled", "--lease", "3s", script="cat") for _ in range(2)]
        waits = ("SELECT count(*) FROM pg_stat_activity WHERE usename = 'pooled' AND state = 'active'"
                 " AND query LIKE 'CALL%wait_for_jobs%'")
        try:
            until(lambda: self.server.psql(waits) == "2", "both to wait")
            for count in range(1, 41):
                self.server.psql(f"SELECT ayb_jobs.enqueue('pooled', '{count}')")
            until(lambda: self.server.psql("SELECT count(*) FROM ayb_jobs.job_queue WHERE type = 'pooled'") == "0",
                  "all jobs to be done")
            done = "SELECT count(*), count(*) FILTER (WHERE result = payload) FROM ayb_jobs.job_history WHERE type = 'pooled'"
            self.assertEqual(self.server.psql(done), "40|40")
            for worker in workers:
                self.assertEqual(worker.stop(), 0, worker.log())
        finally:
            for worker in workers:
                worker.process.kill()
            self.server.psql(EMPTY + "SELECT ayb_jobs.revoke_worker('pooled', 'pooled'); DROP ROLE pooled")

    def test_every_request_is_answered(self):
        statuses = []

        def load(number):
            for turn in range(25):
                made = self.ask("POST", "/jobs", {"type": "parked", "payload": {"n": [number, turn]}})
                statuses.append(made.status)
                seen = self.ask("GET", "/jobs/" + made.json["id"])
                statuses.append(seen.status)
                self.assertEqual(seen.body, made.body)
                statuses.append(self.ask("GET", "/jobs?limit=2&q=nothing").status)

        threads = [threading.Thread(target=load, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(statuses), set(statuses)), (600, {200, 201}))

    def test_it_leaves_nothing_behind(self):
        self.good(self.ask("GET", "/jobs"))
        self.good(self.ask("GET", "/schedules"))
        for setting in ("search_path", "statement_timeout", "TimeZone", "IntervalStyle"):
            told = {self.ask_pooler(f"SELECT current_setting('{setting}')") for _ in range(12)}
            self.assertEqual(told, {self.server.psql(f"SELECT current_setting('{setting}')")}, setting)
        self.assertEqual(self.ask_pooler("SELECT count(*) FROM pg_prepared_statements"), "0")

    def test_its_own_settings_hold(self):
        job = self.good(self.ask("POST", "/jobs", {"type": "parked", "runAt": "2090-01-01T00:00:00+05:00"}), 201)
        self.assertEqual(job["runAt"], "2089-12-31T19:00:00+00:00")
        with self.server.held("LOCK TABLE ayb_jobs.schedules"):
            self.refused(self.ask("GET", "/schedules"), 503, "the database took too long")

    def test_errors_leave_the_session_usable(self):
        for _ in range(10):
            self.assertEqual(self.ask("POST", "/jobs", {"type": "x", "runAs": "nobody"}).status, 400)
            self.good(self.ask("GET", "/jobs/stats"))

    def test_a_refresh(self):
        self.server.psql("DROP SCHEMA IF EXISTS pooled CASCADE; CREATE SCHEMA pooled AUTHORIZATION sidecar; SET ROLE sidecar;"
                         " CREATE MATERIALIZED VIEW pooled.one AS SELECT 1 AS a")
        row = self.good(self.ask("POST", "/matviews", {"schema": "pooled", "viewName": "one"}), 201)
        self.good(self.ask("POST", f"/matviews/{row['id']}/refresh"))
