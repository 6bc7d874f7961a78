"""What is there to be seen: workers, lanes, health, handlers, series, the schema, metrics; pausing."""

import subprocess
import time

from support import SIDECAR, ApiTest, until


class Seeing(ApiTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("""
            CREATE OR REPLACE FUNCTION public.sleepy(payload jsonb) RETURNS void LANGUAGE plpgsql AS
                $$ BEGIN PERFORM ayb_jobs.set_progress(40, 'half <way>'); PERFORM pg_sleep(600); END $$;
            SELECT ayb_jobs.register_handler('sleepy', 'public.sleepy(jsonb)', timeout => '90 s', max_attempts => 2);
            DROP SCHEMA IF EXISTS shop CASCADE; CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO sidecar;
            CREATE TABLE shop.items (id bigint PRIMARY KEY, "na""me" text NOT NULL);
            CREATE MATERIALIZED VIEW shop.totals AS SELECT count(*) AS n FROM shop.items;
            CREATE TABLE shop.hidden (id int);
            GRANT SELECT ON shop.items, shop.totals TO sidecar""")

    def items(self, path):
        answer = self.good(self.ask("GET", path))
        self.assertEqual(answer["count"], len(answer["items"]))
        return answer["items"]

    def test_a_running_job_is_seen(self):
        job = self.good(self.ask("POST", "/jobs", {"type": "sleepy"}), 201)
        mine = until(lambda: [w for w in self.items("/workers") if w.get("jobId") == job["id"] and w.get("percent")],
                     "a worker to be at it")[0]
        self.assertEqual((mine["role"], mine["type"], mine["percent"], mine["note"]), ("sidecar", "sleepy", 40, "half <way>"))
        lane = [lane for lane in self.items("/lanes") if lane["role"] == "sidecar"][0]
        self.assertGreaterEqual(lane["workers"], 1)
        seen = self.good(self.ask("GET", "/jobs/" + job["id"]))
        self.assertEqual(seen["progress"]["percent"], 40)
        self.good(self.ask("POST", f"/jobs/{job['id']}/cancel?force=true"))
        until(lambda: [row for row in self.items("/series") if row["type"] == "sleepy" and row["canceled"] == 1],
              "it to be counted")
        self.assertEqual(self.items("/series?type=none"), [])
        total = self.items("/series?total=true&step=1%20day&type=sleepy")
        self.assertEqual([(row["canceled"], "type" in row) for row in total], [(total[0]["canceled"], False)])
        self.refused(self.ask("GET", "/series?since=x"), 400, "invalid since")

    def test_at_what_a_worker_waits(self):
        self.server.psql("GRANT pg_read_all_stats TO ayb_jobs_read")
        self.addCleanup(self.server.psql, "REVOKE pg_read_all_stats FROM ayb_jobs_read")
        job = self.good(self.ask("POST", "/jobs", {"type": "sleepy"}), 201)
        mine = until(lambda: [w for w in self.items("/workers") if w.get("jobId") == job["id"] and w.get("waitEvent")],
                     "a worker to sleep")[0]
        self.assertEqual((mine["waitEventType"], mine["waitEvent"]), ("Timeout", "PgSleep"))
        self.good(self.ask("POST", f"/jobs/{job['id']}/cancel?force=true"))

    def test_how_deep_the_queue_was(self):
        self.server.psql("DELETE FROM ayb_jobs.job_depths; INSERT INTO ayb_jobs.job_depths VALUES"
                         " ('2026-01-02 03:04Z', 'sidecar'::regrole, 7, 2, 61.5),"
                         " ('2026-01-02 03:05Z', 'sidecar'::regrole, 3, 1, NULL)")
        first = {"bucket": "2026-01-02T03:04:00+00:00", "queued": 7, "running": 2, "oldestDueAgeSec": 61.5}
        depths = "/depths?since=2026-01-01T00:00:00Z"
        seen = [bucket for bucket in self.items(depths) if bucket["bucket"] < "2026-01-03"]
        self.assertEqual(seen, [first, {"bucket": "2026-01-02T03:05:00+00:00", "queued": 3, "running": 1}])
        by_hour = self.items(depths + "&step=1%20hour")[0]
        self.assertEqual(by_hour, {**first, "bucket": "2026-01-02T03:00:00+00:00"})
        self.refused(self.ask("GET", "/depths?since=x"), 400, "invalid since")
        self.server.psql("DELETE FROM ayb_jobs.job_depths")

    def test_the_queue_by_type(self):
        self.server.psql("DELETE FROM ayb_jobs.job_queue")
        self.assertEqual(self.items("/queue"), [])
        self.server.psql("SELECT ayb_jobs.enqueue_many('many', array_fill('{}'::jsonb, ARRAY[5001]), now() + '1 h');"
                         " SELECT ayb_jobs.enqueue_many('few', array_fill('{}'::jsonb, ARRAY[3]), now() + '1 h')")
        self.assertEqual(self.items("/queue"), [{"type": "many", "queued": 5000, "running": 0, "more": True},
                                                {"type": "few", "queued": 3, "running": 0, "more": False}])
        self.server.psql("SELECT ayb_jobs.enqueue('few', run_at => now() - interval '1 h')")
        few = next(row for row in self.items("/queue") if row["type"] == "few")
        self.assertGreaterEqual(few["oldestDueAgeSec"], 3600)
        self.server.psql("DELETE FROM ayb_jobs.job_queue")

    def test_health_and_handlers(self):
        checks = {row["name"]: row for row in self.items("/health")}
        self.assertEqual(checks["enabled"]["status"], "ok")
        self.assertNotIn("hint", checks["enabled"])
        handler = [row for row in self.items("/handlers") if row["type"] == "sleepy"][0]
        self.assertEqual((handler["kind"], handler["timeoutSec"], handler["maxAttempts"], handler["functionName"]),
                         ("function", 90, 2, "sleepy"))

    def test_pause_and_resume(self):
        for body in (None, {}, {"type": ""}):
            self.good(self.ask("POST", "/pause", body))
            self.assertEqual(self.server.psql("SELECT string_agg('<' || type || '>', '') FROM ayb_jobs.pauses"), "<>")
            self.good(self.ask("POST", "/resume", body))
            self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.pauses"), "0")
        self.good(self.ask("POST", "/pause", {"type": "sleepy"}))
        self.assertEqual(self.server.psql("SELECT type FROM ayb_jobs.pauses"), "sleepy")
        self.good(self.ask("POST", "/resume", {"type": "sleepy"}))
        self.refused(self.ask("POST", "/pause", "["), 400, "invalid JSON body")

    def test_a_copy(self):
        for way in (lambda: self.good(self.ask("POST", "/adopt")), self.adopt_by_command):
            self.server.psql("DELETE FROM ayb_jobs.database_stamp; SELECT ayb_jobs.pause('sleepy')")
            self.assertIn("ayb_jobs.adopt()", self.raised(self.ask("POST", "/resume"), 409, "55000")["hint"])
            self.good(self.ask("POST", "/resume", {"type": "sleepy"}))
            self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.database_stamp"), "0")
            way()
            self.good(self.ask("POST", "/resume"))

    def adopt_by_command(self):
        done = subprocess.run([SIDECAR, "adopt", "--dsn", self.server.dsn()], text=True, capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "The database runs its jobs\n", ""))

    def test_schema(self):
        tables = self.good(self.ask("GET", "/api/schema"))["tables"]
        self.assertEqual({name for name in tables if name.startswith("shop.")}, {"shop.items", "shop.totals"})
        self.assertEqual(tables["shop.items"], {
            "schema": "shop", "name": "items", "kind": "table", "primaryKey": [],
            "columns": [{"name": "id", "type": "bigint", "nullable": False},
                        {"name": 'na"me', "type": "text", "nullable": False}]})
        self.assertEqual(tables["shop.totals"]["kind"], "materialized_view")

    def test_the_schema_has_what_may_be_registered(self):
        self.server.psql("CREATE SCHEMA IF NOT EXISTS closed; GRANT USAGE ON SCHEMA closed TO sidecar;"
                         " DROP MATERIALIZED VIEW IF EXISTS closed.totals; DROP TABLE IF EXISTS closed.items;"
                         " CREATE TABLE closed.items (a int); CREATE MATERIALIZED VIEW closed.totals AS TABLE closed.items")
        tables = self.good(self.ask("GET", "/api/schema"))["tables"]
        self.assertEqual([name for name in tables if name.startswith("closed.")], ["closed.totals"])
        self.good(self.ask("POST", "/matviews", {"schema": "closed", "viewName": "totals"}), 201)

    def test_capabilities(self):
        self.assertTrue(all(value is True for value in self.good(self.ask("GET", "/capabilities")).values()))
        self.assertLessEqual({"jobs", "realtime"}, set(self.good(self.ask("GET", "/capabilities"))))

    def test_metrics(self):
        answer = self.sidecar.send("GET", "/metrics")
        self.assertEqual(answer.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8")
        sample = r'[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9.e+-]+'
        for line in answer.body.decode().splitlines():
            self.assertRegex(line, f"^(# HELP [a-z_]+ .*|# TYPE [a-z_]+ (gauge|counter|histogram)|{sample})$")
        self.assertIn('ayb_jobs_up{database="default"} 1\n', answer.body.decode())

    def test_the_open_routes_cost_the_database_little(self):
        """However often they are asked: what it ran is counted by the database itself."""
        def statements():
            return int(self.server.psql("SELECT xact_commit FROM pg_stat_database WHERE datname = 'app'"))

        wanted = 300
        before, started = statements(), time.monotonic()
        for _ in range(wanted):
            for path in ("/metrics", "/health", "/ready"):
                self.assertEqual(self.sidecar.send("GET", path).status, 200)
        took = time.monotonic() - started  # clock: it only makes room for what goes on meanwhile
        ran = statements() - before
        # The engine's own go on meanwhile, some ten a second at most.
        self.assertLess(ran, 3 * wanted / 2 + 20 * took)

    def test_probes(self):
        for path in ("/live", "/ready"):
            self.assertEqual(self.good(self.sidecar.send("GET", path)), {"status": "ok"})
        self.assertEqual(self.good(self.sidecar.send("GET", "/health")), {"status": "ok", "database": "ok"})
