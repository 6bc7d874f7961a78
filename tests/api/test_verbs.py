"""The command line's verbs of our own, over libpq and through the API."""

import json
import re

from cli_support import CliTest, run
from support import until

UNKNOWN = "01234567-89ab-7def-8123-456789abcdef"


def cells(line):
    return re.split("  +", line)


class Verbs(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("CREATE OR REPLACE FUNCTION public.bad(payload jsonb) RETURNS void LANGUAGE plpgsql AS"
                        " $$ BEGIN RAISE EXCEPTION 'no % of 17', payload; END $$;"
                        " SELECT ayb_jobs.register_handler('bad', 'public.bad(jsonb)', max_attempts => 1);"
                        " SELECT ayb_jobs.register_handler('parked', kind => 'external')")

    def create(self, *arguments):
        said = self.one("jobs", "create", *arguments)
        self.assertRegex(said, "^Job [0-9a-f-]{36} created\n$")
        return said.split()[1]

    def failed(self, payload):
        job = self.create("--type", "bad", "--payload", payload)
        until(lambda: self.good(self.ask("GET", "/jobs/" + job))["state"] == "failed", "it to fail")
        return job

    def test_jobs_create_and_show(self):
        job = self.create("--type", "parked", "--payload", '{"a": {"b": 1}}', "--max-attempts", "7", "--key", "verbs",
                          "--run-at", "2100-01-01T00:00:00Z", "--expires-at", "2100-02-01T00:00:00Z", "--meta", '{"of": "me"}')
        shown = dict(cells(line) for line in self.both("jobs", "show", job).splitlines())
        self.assertEqual((shown["FIELD"], shown["id"], shown["maxAttempts"], shown["payload"], shown["idempotencyKey"],
                          shown["expiresAt"], shown["meta"]),
                         ("VALUE", job, "7", '{"a": {"b": 1}}', "verbs", "2100-02-01T00:00:00+00:00", '{"of": "me"}'))
        self.assertEqual(json.loads(self.both("jobs", "show", job, "-o", "json"))["id"], job)
        self.assertIn("Error: show failed: job not found", self.one("jobs", "show", UNKNOWN, status=1))
        self.assertIn("type", self.one("jobs", "create", status=1))

    def test_a_failed_job_shows_its_attempts(self):
        lines = self.both("jobs", "show", self.failed("1")).splitlines()
        attempts = lines[lines.index("") + 1:]
        self.assertEqual(cells(attempts[0]), ["ATTEMPT", "STATUS", "STARTED", "MS", "WORKER", "ERROR"])
        self.assertEqual(cells(attempts[1])[:2], ["1", "failed"])
        self.assertIn("no 1 of 17", attempts[1])

    def test_errors_are_grouped(self):
        since = self.server.psql("SELECT to_json(now())").strip('"').replace("+", "%2B")
        jobs = [self.failed(str(payload)) for payload in (1, 22, 333)]
        answer = self.good(self.ask("GET", "/errors?since=" + since))
        group = answer["items"][0]
        self.assertEqual((answer["count"], answer["more"], group["type"], group["count"], group["jobId"]),
                         (1, False, "bad", 3, jobs[-1]))
        self.assertIn("no # of #", group["error"])
        self.assertLess(group["firstAt"], group["lastAt"])
        self.assertEqual(self.good(self.ask("GET", "/errors?since=2100-01-01T00:00:00Z")),
                         {"items": [], "count": 0, "more": False})
        self.assertEqual(self.ask("GET", "/errors?since=tomorrow").json["field"], "since")

    def test_types(self):
        self.create("--type", "parked")
        self.create("--type", "no handler / yet")
        listed = {cells(line)[0]: cells(line) for line in self.both("types", "list").splitlines()}
        self.assertEqual(listed["TYPE"], ["TYPE", "KIND", "PAUSED", "QUEUED", "RUNNING", "DONE/H", "FAILED/H", "RUN P95 (MS)"])
        self.assertEqual(listed["parked"][1:3], ["external", "false"])
        self.assertEqual(listed["no handler / yet"][1:5], ["-", "false", "1", "0"])
        shown = dict(cells(line) for line in self.one("types", "show", "parked").splitlines())
        self.assertEqual((shown["type"], shown["handler.kind"]), ("parked", "external"))
        for way in (self.one, self.api):
            self.assertEqual(way("types", "pause", "no handler / yet"), 'Type "no handler / yet" paused\n')
            self.assertIs(json.loads(self.one("types", "show", "no handler / yet", "-o", "json"))["paused"], True)
            self.assertEqual(way("types", "resume", "no handler / yet"), 'Type "no handler / yet" resumed\n')
        for verb in ("show", "pause", "resume"):
            for way in (self.one, self.api):
                self.assertEqual(way("types", verb, "nope", status=1), f"Error: {verb} failed: type not found\n")
        self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.pauses"), "0")

    def test_limits_of_a_type(self):
        self.server.psql("SELECT ayb_jobs.register_handler('limited', kind => 'external');"
                         " SELECT ayb_jobs.enqueue('limited', partition_key => key) FROM unnest('{a,a,b}'::text[]) AS key")
        rule = {"running": 2, "runningPerKey": 1, "starts": 100, "startsPerKey": 10, "perSec": 60}
        for way in (self.one, self.api):
            self.assertEqual(way("types", "limit", "limited"), 'Type "limited" has no limit\n')
            said = way("types", "limit", "limited", "--running", "2", "--running-per-key", "1", "--starts", "100",
                       "--starts-per-key", "10", "--per", "60")
            self.assertEqual(said, 'Type "limited" limited\n')
            until(lambda: self.good(self.ask("GET", "/types/limited"))["limit"]["inForce"], "the limit")
            claimed = self.server.psql("SELECT string_agg(partition_key, ' ') FROM ayb_jobs.claim('verbs', '{limited}', 9)")
            self.assertEqual(set(claimed.split()), {"a", "b"})
            lines = [cells(line) for line in way("types", "limit", "limited").splitlines()]
            self.assertEqual(lines[1][:8], ["limited", "2", "1", "100", "10", "60.000000", "false", "2"])
            self.assertEqual(lines[1][10], "when one has ended")
            self.assertEqual(lines[3], ["KEY", "QUEUED", "RUNNING", "STARTED", "OPENS"])
            self.assertIn(["a", "1", "1", "1", "when one has ended"], lines[4:])
            limit = self.good(self.ask("GET", "/types/limited"))["limit"]
            self.assertLessEqual(rule.items(), limit.items())
            self.assertEqual((limit["runningNow"], limit["open"]), (2, False))
            self.assertNotIn("opensAt", limit)
            listed = [one for one in self.good(self.ask("GET", "/types"))["items"] if one["type"] == "limited"]
            self.assertLessEqual(rule.items(), listed[0]["limit"].items())
            self.server.psql("SELECT ayb_jobs.fail(id, worker_id, runs, 'again', '0 s') FROM ayb_jobs.jobs"
                             " WHERE type = 'limited' AND state = 'running'")
            way("types", "limit", "limited", "--ordered")
            limit = self.good(self.ask("GET", "/types/limited"))["limit"]
            self.assertEqual((limit["ordered"], limit.get("runningPerKey"), limit.get("running")), (True, None, None))
            self.assertEqual(way("types", "limit", "limited", "--clear"), 'Type "limited" has no limit\n')
            self.assertIn("--clear", way("types", "limit", "limited", "--clear", "--running", "1", status=1))
            self.assertIn("type not found", way("types", "limit", "nope", "--running", "1", status=1))
            self.assertIn("perSec", way("types", "limit", "limited", "--starts", "1", status=1))
        self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.type_limits"), "0")

    def test_a_limit_that_is_none(self):
        self.create("--type", "bare")
        for body, field in (({}, "running"), ({"running": 0}, "running"), ({"running": -1}, "running"),
                            ({"running": 2 ** 31}, "running"), ({"runningPerKey": 0}, "runningPerKey"),
                            ({"starts": 0, "perSec": 1}, "starts"), ({"startsPerKey": -5, "perSec": 1}, "startsPerKey"),
                            ({"starts": 1}, "perSec"), ({"startsPerKey": 1}, "perSec"),
                            ({"running": 1, "perSec": 1}, "starts"), ({"starts": 1, "perSec": 0}, "perSec"),
                            ({"starts": 1, "perSec": 3601}, "perSec"), ({"starts": 1, "perSec": "10"}, "perSec"),
                            ({"starts": 1, "perSec": [1]}, "perSec"), ({"running": 1, "odd": 1}, "odd"),
                            ({"ordered": False}, "running"), ({"ordered": True, "runningPerKey": 2}, "runningPerKey")):
            with self.subTest(body):
                answer = self.ask("PUT", "/types/bare/limit", body)
                self.assertEqual((answer.status, answer.json.get("field")), (400, field), answer.json)
        for method, body in (("PUT", {"running": 1}), ("DELETE", None)):
            self.refused(self.ask(method, "/types/nope/limit", body), 404, "type not found")
        # As in SQL: nobody registered either, but one has a job.
        limited = "SELECT count(ayb_jobs.set_limit('%s', running => 1))"
        self.assertEqual(self.server.complaint("\\set VERBOSITY sqlstate\n" + limited % "nope"), "42704")
        self.good(self.ask("PUT", "/types/bare/limit", {"running": 2}))
        self.assertEqual(self.server.psql(limited % "bare"), "1")
        self.assertEqual(self.ask("DELETE", "/types/bare/limit").status, 204)
        self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.type_limits"), "0")

    def test_watches(self):
        self.server.psql("SELECT ayb_jobs.register_handler('told', kind => 'external')")
        self.assertEqual(self.both("watches", "list"), "Nobody watches.\n")
        self.assertIn("watch not found", self.both("watches", "delete", "told", status=1))
        for way in (self.one, self.api):
            self.assertEqual(way("watches", "set", "told"), 'Type "told" watches all checks\n')
            self.assertEqual(way("watches", "set", "told", "--names", "paused,lanes"), 'Type "told" watches paused, lanes\n')
            self.assertEqual(cells(way("watches", "list").splitlines()[1])[2:], ["paused, lanes", "-"])
            self.assertEqual(way("watches", "delete", "told"), 'Type "told" watches nothing\n')
        self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.health_watches"), "0")

    def test_a_watch_tells(self):
        self.server.psql("SELECT ayb_jobs.register_handler('told', kind => 'external')")
        self.one("watches", "set", "told", "--names", "paused")
        self.addCleanup(self.server.psql, "SELECT ayb_jobs.resume('parked'); DELETE FROM ayb_jobs.health_watches")
        self.one("types", "pause", "parked")
        job = until(lambda: self.good(self.ask("GET", "/jobs?type=told"))["items"], "to be told")[0]
        self.assertEqual(job["runAs"], self.good(self.ask("GET", "/watches"))["items"][0]["runAs"])
        self.assertEqual((job["payload"]["name"], job["payload"]["status"]), ("paused", "warning"))
        self.assertEqual(self.good(self.ask("GET", "/watches"))["items"][0]["bad"], ["paused"])

    def test_a_watch_that_is_none(self):
        for body, field in (({"names": []}, "names"), ({"names": ["no such"]}, "names"), ({"names": "paused"}, None),
                            ({"names": [1]}, None), ({"names": [None]}, None), ({"checks": []}, "checks")):
            with self.subTest(body):
                answer = self.ask("PUT", "/watches/odd", body)
                self.assertEqual((answer.status, answer.json.get("field")), (400, field), answer.json)
        self.assertEqual(self.ask("PUT", "/watches/command", {}).status, 400)
        self.refused(self.ask("DELETE", "/watches/odd"), 404, "watch not found")
        self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.health_watches"), "0")

    def test_what_a_type_did(self):
        self.failed("4")

        def hour():
            return self.good(self.ask("GET", "/types/bad")).get("lastHour", {}).get("failed", 0) > 0

        until(hour, "its attempt to be counted")

    def test_schedules(self):
        self.one("schedules", "create", "--name", "verbs", "--job-type", "parked", "--cron", "0 0 1 1 *")
        shown = dict(cells(line) for line in self.both("schedules", "show", "verbs").splitlines())
        self.assertEqual((shown["name"], shown["cronExpr"]), ("verbs", "0 0 1 1 *"))
        job = self.one("schedules", "run", "verbs").split()[1]
        self.assertIn(job, self.both("schedules", "runs", "verbs"))
        lines = self.both("schedules", "preview", "0 3 * * *", "--timezone", "Europe/Berlin", "-n", "2").splitlines()
        self.assertIn("03:00", lines[0])
        self.assertEqual(cells(lines[1]), ["RUNS AT", "LOCAL TIME"])
        self.assertEqual([line[-8:] for line in lines[2:]], ["03:00:00"] * 2)
        self.assertIn("schedule", self.one("schedules", "show", "nope", status=1))

    def test_seeing(self):
        for way in (self.one, self.api):  # it is another moment for each
            self.assertRegex(way("workers"), "^(No workers.\n$|PID  )")
        self.failed("5")
        until(lambda: "bad" in self.both("series", "--step", "1 hour", "--type", "bad"), "the attempt to be counted")
        self.assertEqual(cells(self.one("series", "--total").splitlines()[0])[0], "BUCKET")

    def test_drain_and_resume(self):
        """As drain() does: the engine's own jobs are waited for, then interrupted; those of workers outside are told."""
        outside = self.create("--type", "parked")
        self.server.psql("SELECT FROM ayb_jobs.claim('verbs', ARRAY['parked']);"
                         " CREATE OR REPLACE FUNCTION verbs_sleep() RETURNS void LANGUAGE sql RETURN pg_sleep(3600);"
                         " SELECT ayb_jobs.register_handler('sleeps', 'verbs_sleep', max_attempts => 1)")
        starts = "nothing starts until resume"
        try:
            self.assertEqual(self.api("drain"), f"Drained: {starts}; 1 go on at workers outside\n")
            self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.pauses"), "1")
            self.server.psql(f"SELECT ayb_jobs.complete('{outside}', 'verbs', 1)")
            self.assertEqual(self.one("drain"), f"Drained: nothing runs, and {starts}\n")
            self.assertEqual(self.api("resume"), "Resumed\n")
            for way in (("--dsn", self.server.dsn()),
                        ("--url", f"http://127.0.0.1:{self.sidecar.port}", "--token", self.sidecar.token())):
                job = self.server.psql("SELECT ayb_jobs.enqueue('sleeps')")
                state = f"SELECT state, attempts FROM ayb_jobs.jobs WHERE id = '{job}'"
                until(lambda: self.server.psql(state) == "running|1", "it to run")
                done = run("drain", "--timeout", "1", *way)
                self.assertEqual((done.returncode, done.stderr), (1, ""), done)
                self.assertEqual(done.stdout, f"Drained: what still ran was interrupted, and waits again, uncharged; {starts}\n")
                until(lambda: self.server.psql(state) == "queued|0", "it to be back")
                self.server.psql(f"SELECT FROM ayb_jobs.cancel('{job}'); SELECT ayb_jobs.resume()")
            self.assertIn("timeoutSec", self.one("drain", "--timeout", "0", status=1))
        finally:
            self.server.psql("SELECT ayb_jobs.resume(); SELECT ayb_jobs.unregister_handler('sleeps')")

    def test_names_that_nothing_has(self):
        for way in (self.one, self.api):
            self.assertEqual(way("matviews", "refresh", "public.nope", status=1),
                             'Error: refresh failed: no materialized view is registered as "public.nope"\n')
            for verb in ("show", "delete"):
                self.assertEqual(way("schedules", verb, "nope", status=1), f'Error: {verb} failed: there is no schedule "nope"\n')

    def test_nothing_is_said_twice(self):
        self.server.psql("DROP SCHEMA IF EXISTS verbs CASCADE; CREATE SCHEMA verbs AUTHORIZATION sidecar; SET ROLE sidecar;"
                         " CREATE TABLE verbs.t AS SELECT 1 AS a; CREATE MATERIALIZED VIEW verbs.v AS SELECT 1 / a FROM verbs.t")
        self.one("matviews", "register", "verbs.v")
        self.server.psql("UPDATE verbs.t SET a = 0")
        self.assertEqual(self.one("matviews", "refresh", "verbs.v", status=1),
                         f"Error: refresh failed: {self.server.complaint('SELECT 1 / 0')}\n")
        said = self.one("schedules", "show", UNKNOWN, status=1)
        self.assertEqual(said.count("not found"), 1, said)
        said = self.one("schedules", "enable", UNKNOWN, status=1)
        words = self.server.complaint(f"SELECT ayb_jobs.enable_schedule('{UNKNOWN}'::uuid)")
        self.assertEqual(said.count(words), 1, said)
        self.ask("POST", f"/schedules/{UNKNOWN}/enable")
        until(lambda: re.search(f'"error":"[^"]*{words}"', self.sidecar.log()), "it to be in the log")
        for line in self.sidecar.log().splitlines():
            if '"message":"request"' in line:
                entry = json.loads(line)
                self.assertEqual({type(entry[name]) for name in ("status", "micros")}, {int})

    def test_words(self):
        self.assertRegex(run("--version").stdout, r"^ayb-jobs \d+\.\d+\n$")
        alone = run("jobs")
        self.assertEqual(alone.returncode, 2)
        self.assertIn("jobs needs a verb: list, show, create, retry, run, reschedule, cancel, delete\n", alone.stderr)
        self.assertIn("unknown command types frobnicate: list, show, limit, pause, resume", run("types", "frobnicate").stderr)
        self.assertEqual(len(self.both("jobs", "list", "-n", "1", "-o", "csv").splitlines()), 2)
