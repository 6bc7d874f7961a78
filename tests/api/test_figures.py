"""What /metrics says: by the names of sidecar/figures/names.cpp, clean for Prometheus, bounded, and never falling."""

import hashlib
import os
import re
import subprocess

from support import OUT, OwnServerTest, Server, Sidecar, until

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$')

PUT_ON = 180  # seconds


def labels(text):
    return dict(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', text or ""))


def counters(samples):
    """Of a page the samples that must not fall."""
    return {(name, text): value for name, text, value in samples
            if name.endswith(("_total", "_bucket", "_count", "_sum")) and not name.startswith("ayb_jobs_http")}


class Figures(OwnServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("figures")
        cls.server.psql("CREATE FUNCTION quick(payload jsonb) RETURNS void LANGUAGE sql AS 'SELECT'")
        cls.sidecar = Sidecar("Figures", cls.server.dsn(), "--log-level", "error", "--metrics-types", "3")

    def page(self, sidecar=None):
        return until(lambda: self._answered(sidecar or self.sidecar), "a page of metrics")

    def _answered(self, sidecar):
        answer = sidecar.send("GET", "/metrics")
        return answer.body.decode() if answer.status == 200 else None

    def samples(self, sidecar=None):
        return [(name, text, float(value)) for name, text, value in
                (SAMPLE.match(line).groups() for line in self.page(sidecar).splitlines() if line[0] != "#")]

    def value(self, metric, sidecar=None, **wanted):
        """Of the one sample that has these labels; nothing where there is none."""
        found = [value for name, text, value in self.samples(sidecar)
                 if name == metric and wanted.items() <= labels(text).items()]
        self.assertLess(len(found), 2, (metric, wanted))
        return found[0] if found else None

    def run_types(self, names):
        """A job of each type, one after the other, so that it is known which the database has seen first."""
        for name in names:
            self.server.psql(f"SELECT ayb_jobs.register_handler('{name}', 'quick'); SELECT ayb_jobs.enqueue('{name}')")
            until(lambda name=name: self.server.psql(
                f"SELECT count(*) FROM ayb_jobs.jobs WHERE type = '{name}' AND state = 'completed'") != "0", f"a job of {name}")
            self.server.psql("SELECT count(*) FROM ayb_jobs_internal.totals()")

    def test_all(self):
        with self.subTest("types: the first have series of their own, and keep them"):
            self.run_types(["first", "se\"co\\nd", "third"])
            self.run_types([f"later {i}" for i in range(4)])
            self.run_types(["first"])
            until(lambda: self.value("ayb_jobs_attempts_total", type="first", outcome="completed") == 2, "the count")
            self.assertEqual(self.value("ayb_jobs_attempts_total", type="", outcome="completed"), 4)
            types = {labels(text)["type"] for name, text, _ in self.samples() if name == "ayb_jobs_attempts_total"}
            self.assertEqual(types, {"first", r'se\"co\\nd', "third", ""})
            for metric in ("wait", "run"):
                self.assertEqual(self.value(f"ayb_jobs_{metric}_seconds_count", type="first"), 2)
                self.assertEqual(self.value(f"ayb_jobs_{metric}_seconds_bucket", type="first", le="+Inf"), 2)
        with self.subTest("nothing falls when the minutes are written, nor for another sidecar"):
            self.check_minutes()
        with self.subTest("phases, limits, workers"):
            self.check_state()
        with self.subTest("sums are what the times come to"):
            self.check_sums()
        with self.subTest("types beyond all tables are no more lines, nothing falls by them, and all is counted"):
            self.check_bound()
        with self.subTest("clean"):
            done = subprocess.run(["promtool", "check", "metrics"], input=self.page(), text=True, capture_output=True,
                                  check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def check_minutes(self):
        before = counters(self.samples())
        self.server.psql(f"ALTER SYSTEM SET ayb_jobs.test_clock_offset = {PUT_ON}; SELECT pg_reload_conf()")
        until(lambda: self.server.psql("SELECT count(*) FROM ayb_jobs.job_minutes") != "0", "the minute to be written")
        until(lambda: self.server.psql("SELECT count(*) FROM ayb_jobs_internal.current_minutes()") == "0", "all of it")
        after = counters(self.samples())
        self.assertEqual({key: after.get(key) for key in before}, before)
        other = Sidecar("other", self.server.dsn(), "--metrics-types", "3")
        try:
            self.assertEqual(counters(self.samples(other)), after)
        finally:
            self.assertEqual(other.stop(), 0)

    def check_state(self):
        self.server.psql("""
            SELECT ayb_jobs.register_handler('held', 'quick'), ayb_jobs.register_handler('few', 'quick');
            SELECT ayb_jobs.set_limit('held', running => 2, running_per_key => 1),
                ayb_jobs.set_limit('few', starts => 5, per => '1 min');
            SELECT ayb_jobs.pause('held');
            SELECT ayb_jobs.enqueue('held'), ayb_jobs.enqueue('held');
            SELECT ayb_jobs.enqueue('first', delay => '1 day')""")
        until(lambda: self.value("ayb_jobs_jobs", phase="waiting") == 2, "the phases to be counted again")
        self.assertEqual(self.value("ayb_jobs_jobs", phase="scheduled"), 1)
        self.assertEqual(self.value("ayb_jobs_jobs", phase="completed"), 8)
        self.assertEqual(self.value("ayb_jobs_limit_waiting", type="held"), 2)
        self.assertEqual(self.value("ayb_jobs_limit", type="held", kind="running"), 2)
        self.assertEqual(self.value("ayb_jobs_limit", type="held", kind="running_per_key"), 1)
        self.assertIsNone(self.value("ayb_jobs_limit", type="held", kind="starts"))
        self.assertEqual(self.value("ayb_jobs_limit_used", type="few", kind="starts"), 0)
        self.assertEqual(self.value("ayb_jobs_workers_limit"), int(self.server.psql("SHOW ayb_jobs.worker_concurrency")))
        self.assertEqual(self.value("ayb_jobs_health", name="paused"), 1)
        self.assertEqual(self.value("ayb_jobs_health", name="preloaded"), 0)
        self.assertEqual(self.value("ayb_jobs_build_info", extension="1.0"), 1)

    def check_sums(self):
        """By the middle of a histogram's bucket 4,200 seconds would be 3,612; check_minutes() has put the clock on."""
        def total(metric):
            return self.value(f"ayb_jobs_{metric}_seconds_sum", type="third")
        wait, run = total("wait"), total("run")
        self.server.psql(f"SELECT count(ayb_jobs.enqueue('third', run_at => now() - interval '{4200 - PUT_ON} s'))"
                         " FROM generate_series(1, 3)")
        until(lambda: self.value("ayb_jobs_wait_seconds_count", type="third") == 4, "the jobs")
        self.assertTrue(3 * 4200 <= total("wait") - wait < 4 * 4200, (wait, total("wait")))
        self.assertGreater(total("run"), run)

    def check_bound(self):
        size, before = len(self.page().splitlines()), counters(self.samples())
        self.server.psql("SELECT count(ayb_jobs.register_handler('type ' || n, 'quick')) FROM generate_series(1, 1500) AS n;"
                         " SELECT count(ayb_jobs.enqueue('type ' || n)) FROM generate_series(1, 1500) AS n")
        until(lambda: self.value("ayb_jobs_attempts_total", type="", outcome="completed") == 1504, "a job of each")
        self.assertLessEqual(len(self.page().splitlines()), size)
        after = counters(self.samples())
        self.assertEqual({key: value for key, value in before.items() if after.get(key, -1) < value}, {})

    def test_who_may_read_them(self):
        self.server.psql("""
            CREATE FUNCTION bad(payload jsonb) RETURNS void LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'hidden error of %', payload ->> 'name'; END $$;
            SELECT ayb_jobs.register_handler('bad', 'bad', max_attempts => 1);
            CREATE ROLE hidden_role LOGIN;
            SELECT ayb_jobs.enqueue('bad', '{"name": "hidden payload"}', run_as => 'hidden_role');
            SELECT ayb_jobs.enqueue('bad', '{"name": "hidden payload"}')""")
        until(lambda: self.server.psql("SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'bad' AND state = 'failed'") == "2",
              "both to fail")
        self.assertNotIn("hidden", self.page())
        file = os.path.join(OUT, "metrics-tokens")
        with open(file, "w", encoding="utf-8") as out:
            for name, right in (("reader", "read"), ("worker", "work:hidden_role")):
                out.write(f"{name} {right} {hashlib.sha256(name.encode()).hexdigest()}\n")
        os.chmod(file, 0o600)
        closed = Sidecar("closed", self.server.dsn(), "--metrics-auth", "--tokens-file", file)
        try:
            self.refused(closed.send("GET", "/metrics"), 401, "admin authentication required")
            self.refused(closed.send("GET", "/metrics", None, {"Authorization": "Bearer worker"}), 403,
                         "the token may not do this")
            until(lambda: closed.send("GET", "/metrics", None, {"Authorization": "Bearer reader"}).status == 200,
                  "the metrics")
        finally:
            self.assertEqual(closed.stop(), 0)

    def test_a_view(self):
        self.server.psql("""
            CREATE TABLE divisors AS SELECT 1 AS value;
            CREATE MATERIALIZED VIEW divided AS SELECT 1 / value AS one FROM divisors WITH NO DATA;
            SELECT ayb_jobs.register_matview('divided')""")
        refresh = ("UPDATE divisors SET value = {}; SELECT status FROM ayb_jobs.refresh_now("
                   "(SELECT id FROM ayb_jobs.matviews WHERE view_name = 'divided'))")
        self.assertIsNone(self.value("ayb_jobs_matview_last_success_timestamp_seconds"))
        self.assertEqual(self.server.psql(refresh.format(1)), "success")
        good = until(lambda: self.value("ayb_jobs_matview_last_success_timestamp_seconds", view="public.divided"), "the refresh")
        self.assertEqual(self.server.psql(refresh.format(0)), "error")
        self.page()
        self.assertEqual(self.value("ayb_jobs_matview_last_success_timestamp_seconds", view="public.divided"), good)
