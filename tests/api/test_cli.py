"""The command line as a person or a program uses it, over libpq and through the API: the same output."""

import csv
import io
import itertools
import json
import os
import pty
import re
import signal
import subprocess
import unittest

from cli_support import CliTest, run
from support import OUT, SIDECAR, Sidecar, server, until

UNKNOWN = "01234567-89ab-7def-8123-456789abcdef"


class Cli(CliTest):
    names = itertools.count()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("""
            DELETE FROM ayb_jobs.matview_refreshes; DROP SCHEMA IF EXISTS climv CASCADE;
            CREATE SCHEMA climv AUTHORIZATION sidecar; SET ROLE sidecar;
            CREATE MATERIALIZED VIEW climv.v AS SELECT 1 AS a""")
        cls.server.psql("CREATE OR REPLACE FUNCTION public.bad(payload jsonb) RETURNS void LANGUAGE plpgsql AS"
                        " $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
                        " SELECT ayb_jobs.register_handler('bad', 'public.bad(jsonb)', max_attempts => 1);"
                        " SELECT ayb_jobs.register_handler('parked', kind => 'external')")

    def enqueue(self, kind="parked"):
        return self.good(self.ask("POST", "/jobs", {"type": kind}), 201)["id"]

    def test_jobs_list(self):
        self.assertEqual(self.both("jobs", "list", "--type", "none"), "No jobs found.\n")
        first, second = self.enqueue("a \x1b[31m, \"b\""), self.enqueue()
        lines = self.both("jobs", "list", "--limit", "2").splitlines()
        self.assertEqual(re.split("  +", lines[0]), ["ID", "TYPE", "STATE", "ATTEMPTS", "CREATED"])
        self.assertEqual([line.split()[0] for line in lines[1:]], [second, first])
        self.assertIn("  0/3  ", lines[1])
        self.assertNotIn("\x1b", "".join(lines))
        rows = list(csv.reader(io.StringIO(self.both("jobs", "list", "--limit=2", "--output", "csv"), newline="")))
        self.assertEqual((rows[0][0], rows[2][:4]), ("ID", [first, 'a \x1b[31m, "b"', "queued", "0/3"]))
        answer = json.loads(self.both("jobs", "list", "--state", "queued", "--limit", "2", "--output=json"))
        self.assertEqual([job["id"] for job in answer["items"]], [second, first])

    def test_jobs_run_and_reschedule(self):
        job = self.good(self.ask("POST", "/jobs", {"type": "later", "runAt": "2090-01-01T00:00:00Z"}), 201)["id"]
        self.assertEqual(self.api("jobs", "reschedule", job, "--delay", "2 hours"), f"Job {job} rescheduled\n")
        self.assertEqual(self.api("jobs", "reschedule", job, "--run-at", "2091-01-01T00:00:00Z"), f"Job {job} rescheduled\n")
        for way, priority in ((self.one, 2), (self.api, -4)):
            self.assertEqual(way("jobs", "reschedule", job, "--priority", str(priority)), f"Job {job} rescheduled\n")
            self.assertEqual(self.good(self.ask("GET", f"/jobs/{job}"))["priority"], priority)
        for wrong in ("-", "--4", "4-", "x"):
            self.assertIn(f"--priority can't be {wrong}\n", self.api("jobs", "reschedule", job, f"--priority={wrong}", status=2))
        self.assertEqual(self.api("jobs", "run", job), f"Job {job} runs now\n")
        self.assertIn("reschedule failed: ", self.api("jobs", "reschedule", job, status=1))

    def test_jobs_delete(self):
        schedule = self.good(self.ask("POST", "/schedules", {"name": "letters", "jobType": "letter",
                                                             "cronExpr": "@yearly"}), 201)["id"]
        for way in (self.one, self.api):
            job, tick = self.enqueue(), self.good(self.ask("POST", f"/schedules/{schedule}/run"), 201)["id"]
            self.good(self.ask("POST", f"/schedules/{schedule}/run"), 201)
            self.assertEqual(way("jobs", "delete", job), f"Job {job} deleted\n")
            self.assertEqual(way("jobs", "delete", tick), f"Job {tick} deleted; payload also in schedule letters\n")
            self.assertEqual(way("jobs", "delete", "--type", "letter"), "1 job deleted; payload also in schedule letters\n")
            self.assertIn("delete failed: ", way("jobs", "delete", job, status=1))
            self.assertIn("needs one ID, or a filter", way("jobs", "delete", status=2))
        tick = self.good(self.ask("POST", f"/schedules/{schedule}/run"), 201)["id"]
        self.assertEqual(json.loads(self.one("jobs", "delete", tick, "-o", "json")),
                         {"deleted": tick, "holders": ["schedule letters"]})

    def test_jobs_retry_and_cancel(self):
        for way in (self.one, self.api):
            failed = self.enqueue("bad")
            until(lambda job=failed: self.good(self.ask("GET", "/jobs/" + job))["state"] == "failed", "it to fail")
            self.assertEqual(way("jobs", "retry", failed), f"Job {failed} reset to queued\n")
            waiting = self.enqueue()
            self.assertEqual(way("jobs", "cancel", waiting), f"Job {waiting} canceled\n")
            error = way("jobs", "cancel", waiting, status=1)
            said = f"job {waiting} not found or not in queued state"
            if way == self.one:
                self.assertTrue(error.startswith(f"Error: cancel failed: {said}"), error)
            else:
                answer = json.loads(error.splitlines()[0].removeprefix("Error: cancel failed: "))
                self.assertEqual((answer["code"], answer["message"]), (409, said))
        self.assertEqual(json.loads(self.one("jobs", "cancel", self.enqueue(), "--output", "json"))["state"], "canceled")
        self.assertEqual(self.api("jobs", "retry", "x", status=1),
                         'Error: retry failed: {"code":400,"message":"invalid job id format"}\n')

    def test_the_flags_of_ayb(self):
        job = self.enqueue("flagged")
        url = f"http://127.0.0.1:{self.sidecar.port}"
        done = run("jobs", "list", "--type", "flagged", "--json", "--url", url, "--admin-token", self.sidecar.token())
        self.assertEqual([item["id"] for item in json.loads(self.checked(done, 0))], [job])
        home = os.path.join(OUT, "home")
        os.makedirs(os.path.join(home, ".ayb"), exist_ok=True)
        with open(os.path.join(home, ".ayb", "admin-token"), "w", encoding="ascii") as file:
            file.write(self.sidecar.token() + "\n")
        with open(os.path.join(home, ".ayb", "ayb.pid"), "w", encoding="ascii") as file:
            file.write(f"4711\n{self.sidecar.port}\n")
        done = run("jobs", "list", "--type", "flagged", "--json", "--admin-token", self.sidecar.token(), HOME=home)
        self.assertEqual([item["id"] for item in json.loads(self.checked(done, 0))], [job])
        listed = self.checked(run("jobs", "list", "--type", "flagged", "--url", url, HOME=home), 0)
        self.assertRegex(listed.splitlines()[1], r" \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")
        said = self.api("matviews", "register", "--schema", "climv", "--view", "v", "--mode", "standard")
        registered = re.search(r"id: ([0-9a-f-]{36})", said)[1]
        error = self.api("matviews", "register", "--schema", "climv", "--view", "v", status=1)
        self.assertTrue(error.startswith('Error: register failed: {"code":409,"message":"materialized view already registered"'),
                        error)
        self.api("matviews", "update", registered, "--mode", "concurrent")
        lines = self.api("matviews", "refresh", registered, status=1).splitlines()
        self.assertTrue(lines[0].startswith('Error: refresh failed: {"code":409,'), lines)
        self.assertTrue(lines[1].startswith("hint: CREATE UNIQUE INDEX"), lines)
        self.api("matviews", "unregister", registered)

    def test_schedules(self):
        self.server.psql("DELETE FROM ayb_jobs.schedules")
        self.assertEqual(self.both("schedules", "list"), "No schedules found.\n")
        for way in (self.one, self.api):
            name = f"nightly {next(self.names)}"
            said = way("schedules", "create", "--name", name, "--job-type", "report", "--cron", "0 3 * * *", "--timezone",
                       "Europe/Berlin", "--payload", '{"big": 12345678901234567890}', "--enabled=false")
            created = re.fullmatch(r'Schedule "(.*)" created \(id: ([0-9a-f-]{36})\)\n', said)
            self.assertEqual(created[1], name)
            schedule = created[2]
            self.assertIn(b"12345678901234567890", self.ask("GET", "/schedules/" + schedule).body)
            self.assertEqual(way("schedules", "update", schedule, "--cron", "0 4 * * *"),
                             f'Schedule "{name}" updated (cron: 0 4 * * *, tz: Europe/Berlin)\n')
            self.assertEqual(way("schedules", "enable", schedule), f'Schedule "{name}" enabled\n')
            self.assertEqual(way("schedules", "disable", name), f'Schedule "{name}" disabled\n')
            self.assertIn(f"{name}  report    0 4 * * *  Europe/Berlin  false    -", self.both("schedules", "list"))
            self.assertEqual(way("schedules", "delete", schedule), f"Schedule {schedule} deleted\n")
        for arguments in (("enable", UNKNOWN), ("delete", UNKNOWN), ("update", UNKNOWN, "--cron", "* * * * *")):
            error = self.one("schedules", *arguments, status=1)
            words = self.server.complaint(f"SELECT ayb_jobs.enable_schedule('{UNKNOWN}'::uuid)")
            self.assertRegex(error, rf"^Error: {arguments[0]} failed: (schedule not found: )?{words}\nhint: .*\n$")
            error = self.api("schedules", *arguments, status=1)
            self.assertTrue(error.startswith(f'Error: {arguments[0]} failed: {{"code":404,"message":"schedule not found"'), error)
        self.assertIn("Error: create failed: name is required", self.one("schedules", "create", status=1))
        self.assertEqual(self.api("schedules", "create", status=1),
                         'Error: create failed: {"code":400,"message":"name is required"}\n')
        self.assertIn("is no JSON", self.both("schedules", "create", "--name", "n", "--payload", "{x}", status=1))

    def test_matviews(self):
        self.assertEqual(self.both("matviews", "list"), "No materialized views registered.\n")
        for way in (self.one, self.api):
            said = way("matviews", "register", "climv.v")
            registered = re.fullmatch(r'Materialized view "v" registered \(id: ([0-9a-f-]{36}), mode: standard\)\n', said)[1]
            line = self.both("matviews", "list").splitlines()[1]
            self.assertEqual(re.split("  +", line), [registered, "climv", "v", "standard", "never", "-"])
            self.assertRegex(way("matviews", "refresh", "climv.v"), r'^Refreshed "v" \(\d+ms\)\n$')
            self.assertEqual(way("matviews", "update", registered, "--mode", "concurrent"),
                             'Materialized view "v" updated (mode: concurrent)\n')
            self.assertIn("unique index", way("matviews", "refresh", registered, status=1))
            self.assertEqual(way("matviews", "unregister", registered), f"Materialized view {registered} unregistered\n")
        words = self.server.complaint(f"SELECT ayb_jobs.unregister_matview('{UNKNOWN}'::uuid)")
        self.assertRegex(self.one("matviews", "refresh", UNKNOWN, status=1),
                         rf"^Error: refresh failed: (matview registration not found: )?{words}\n")
        self.assertTrue(self.api("matviews", "refresh", UNKNOWN, status=1)
                        .startswith('Error: refresh failed: {"code":404,"message":"matview registration not found"'))

    def test_stats_and_health(self):
        self.server.psql("INSERT INTO ayb_jobs.job_depths VALUES ('2026-01-02 03:04Z', 'sidecar'::regrole, 7, 2, 61.5)")
        for way in (self.one, self.api):
            self.assertEqual(way("stats").splitlines()[0].split()[:3], ["QUEUED", "RUNNING", "COMPLETED"])
            self.assertEqual(way("stats", "--phases").split()[:2], ["DUE", "EXTERNAL"])
            head, line = way("depths", "--since", "2026-01-01T00:00:00Z", "--step", "1 hour").splitlines()[:2]
            self.assertEqual(re.split("  +", head), ["BUCKET", "QUEUED", "RUNNING", "OLDEST DUE (S)"])
            self.assertEqual((line[:16], line.split()[-3:]), ("2026-01-02T03:00", ["7", "2", "61.5"]))
            self.assertEqual(set(json.loads(way("stats", "--output", "json"))) - {"oldestQueuedAgeSec"},
                             {"queued", "running", "completed", "failed", "canceled"})
        self.server.psql("SELECT ayb_jobs.pause()")
        try:
            for way in ("--dsn=" + self.server.dsn(), f"--url=http://127.0.0.1:{self.sidecar.port}"):
                done = run("health", way, AYB_ADMIN_TOKEN=self.sidecar.token())
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stdout, r"(?m)^paused +warning ")
        finally:
            self.server.psql("SELECT ayb_jobs.resume()")
        self.assertEqual(run("health", "--dsn", "host=127.0.0.1 port=1 dbname=x").returncode, 3)
        self.assertIn("LANE", self.one("top"))

    def test_what_goes_wrong(self):
        done = run("jobs", "list", "--dsn", "host=127.0.0.1 port=1 dbname=x")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertTrue(done.stderr.startswith("Error: list failed: ") and "port 1" in done.stderr, done.stderr)
        done = run("jobs", "list", "--url", "http://127.0.0.1:1", "--token", "x")
        self.assertTrue(done.returncode == 1 and done.stderr.startswith("Error: connecting to server: "), done)
        done = run("jobs", "list", "--url", f"http://127.0.0.1:{self.sidecar.port}", "--token", "x")
        self.assertEqual((done.returncode, done.stderr),
                         (1, 'Error: server error: {"code":401,"message":"admin authentication required"}\n'))
        for arguments in (("jobs",), ("jobs", "fly"), ("jobs", "retry"), ("jobs", "retry", "a", "b"), ("jobs", "list", "x"),
                          ("jobs", "list", "--limit", "x"), ("jobs", "list", "--limit"), ("jobs", "list", "--nonsense", "1"),
                          ("jobs", "list", "--output", "xml"), ("schedules", "create", "--enabled=maybe"),
                          ("completion", "tcsh")):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertTrue(done.stderr.startswith("Error: "), done.stderr)

    def test_a_terminal(self):
        self.enqueue()

        def shown(**environment):
            reader, writer = pty.openpty()
            process = subprocess.Popen([SIDECAR, "jobs", "list", "--watch", "--dsn", self.server.dsn()], stdout=writer,
                                       env={"PATH": os.environ["PATH"], **environment})
            os.close(writer)
            text = ""
            while "parked" not in text:
                text += os.read(reader, 65536).decode()
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(60), -signal.SIGINT)
            os.close(reader)
            return text

        self.assertIn("\x1b[1mID\x1b[0m", shown())
        self.assertNotIn("\x1b[1m", shown(NO_COLOR="1"))

    def test_a_reader_that_leaves(self):
        process = subprocess.Popen([SIDECAR, "jobs", "list", "--watch", "--dsn", self.server.dsn()], stdout=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        process.wait(60)

    def test_completion(self):
        script = os.path.join(OUT, "completion.bash")
        with open(script, "w", encoding="utf-8") as file:
            file.write(self.checked(run("completion", "bash"), 0))

        def completed(*words):
            line = ("source %s; COMP_WORDS=(%s); COMP_CWORD=%d; _ayb_jobs; echo \"${COMPREPLY[@]}\""
                    % (script, " ".join(f"'{word}'" for word in words), len(words) - 1))
            return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout.split()

        self.assertIn("schedules", completed("ayb-jobs", ""))
        self.assertEqual(completed("ayb-jobs", "jobs", "ret"), ["retry"])
        self.assertIn("--state", completed("ayb-jobs", "jobs", "list", "--s"))
        self.assertIn("--cron", completed("ayb-jobs", "schedules", "create", "--name", "x", "--c"))
        self.assertEqual(completed("ayb-jobs", "work", "resize", "--conc"), ["--concurrency"])
        self.assertNotIn("--concurrency", completed("ayb-jobs", "workers", "--"))
        for shell in ("zsh", "fish"):
            self.assertIn("ayb-jobs", self.checked(run("completion", shell), 0))


class OverTls(unittest.TestCase):
    def test_the_certificate_is_checked(self):
        key, certificate = os.path.join(OUT, "cli.key"), os.path.join(OUT, "cli.crt")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
        sidecar = Sidecar("cli_tls", server().dsn(), "--tls-key", key, "--tls-certificate", certificate, "--no-auth=admin")
        self.addCleanup(sidecar.stop)
        arguments = ("stats", "--url", f"https://localhost:{sidecar.port}", "--token", "x")
        trusted = run(*arguments, SSL_CERT_FILE=certificate)
        self.assertEqual((trusted.returncode, trusted.stderr), (0, ""))
        self.assertEqual(run(*arguments).returncode, 1)
