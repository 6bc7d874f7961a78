"""The worker API: jobs for who has HTTP and a token, and no driver and no password of the database."""

import hashlib
import json
import os
import re
import signal
import subprocess
import threading

from cli_support import run
from support import EMPTY, OUT, PATIENCE, SOURCES, ApiTest, Sidecar, server, until
from test_rights import write_tokens

TOKENS = {"parcels": "work:hands", "others": "work:others", "strangers": "work:strangers", "deploy": "admin", "reader": "read"}
UNKNOWN = "01234567-89ab-7def-8123-456789abcdef"
NONE = {"items": [], "count": 0}


class WorkerTest(ApiTest):
    """Each token is its own name. `hands` may take parcels, `others` nothing; the sidecar may not become `strangers`."""

    file = os.path.join(OUT, "worker-tokens")
    flags = ("--tokens-file", file)

    @classmethod
    def setUpClass(cls):
        write_tokens(cls.file, "".join(f"{name} {right} {hashlib.sha256(name.encode()).hexdigest()}\n"
                                       for name, right in TOKENS.items()))
        server().psql("DROP ROLE IF EXISTS hands, others, strangers;"
                      " CREATE ROLE hands; CREATE ROLE others; CREATE ROLE strangers; GRANT hands, others TO sidecar;"
                      " SELECT ayb_jobs.register_handler('parcel', kind => 'external', max_attempts => 2, backoff => '{0}');"
                      " SELECT ayb_jobs.grant_worker('parcel', 'hands')")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.psql(EMPTY + "SELECT ayb_jobs.revoke_worker('parcel', 'hands'); DROP ROLE hands, others, strangers")

    def setUp(self):
        self.server.psql(EMPTY)

    def enqueue(self, count=1):
        made = self.server.psql("SELECT ayb_jobs.enqueue_many('parcel', array_agg(to_jsonb(n)))"
                                f" FROM generate_series(1, {count}) AS n")
        return made.split("\n")

    def work(self, verb, body, token="parcels"):
        return self.sidecar.ask_with(token, "POST", "/api/worker/" + verb, body)

    def claim(self, query="", token="parcels", **body):
        return self.work("claim" + query, {"types": ["parcel"], **body}, token)

    def waiting(self):
        """How many sessions wait for jobs."""
        return int(self.server.psql("SELECT count(*) FROM pg_stat_activity"
                                    " WHERE state = 'active' AND query LIKE 'CALL%wait_for_jobs%'"))


class Working(WorkerTest):
    def test_a_job_from_claim_to_end(self):
        jobs = self.enqueue(3)
        claimed = self.good(self.claim(max=2, worker="a", lease="5 min"))
        self.assertEqual((claimed["count"], [job["id"] for job in claimed["items"]]), (2, jobs[:2]))
        self.assertEqual({key: claimed["items"][0][key] for key in ("type", "payload", "attempt", "maxAttempts")},
                         {"type": "parcel", "payload": 1, "attempt": 1, "maxAttempts": 2})
        self.assertEqual(self.server.psql("SELECT DISTINCT worker_id FROM ayb_jobs.jobs WHERE state = 'running'"), "parcels.a")
        first, second = ({"id": job["id"], "attempt": job["attempt"]} for job in claimed["items"])
        self.assertEqual(self.good(self.work("extend", {"worker": "a", "jobs": [first, second], "lease": "1 hour"})), NONE)
        self.assertEqual(self.good(self.work("complete", {"worker": "a", "jobs": [{**first, "result": {"a": None}}]})), NONE)
        self.assertEqual(self.good(self.work("fail", {"worker": "a", "jobs": [{**second, "error": "no", "final": True}]})), NONE)
        self.assertEqual(self.server.psql("SELECT state, coalesce(result::text, last_error) FROM ayb_jobs.jobs ORDER BY payload"),
                         'completed|{"a": null}\nfailed|no\nqueued|')
        again = self.good(self.work("complete", {"worker": "a", "jobs": [first, {"id": UNKNOWN, "attempt": 1}]}))
        self.assertEqual([(job["id"], job["reason"]) for job in again["items"]],
                         [(first["id"], "completed"), (UNKNOWN, "unknown")])

    def test_what_is_said_of_a_job(self):
        self.enqueue()
        job = self.good(self.claim(worker="a"))["items"][0]
        held = {"id": job["id"], "attempt": 1, "worker": "a"}
        self.assertEqual(self.work("progress", {**held, "percent": 40}).status, 204)
        self.assertEqual(self.good(self.sidecar.ask("GET", f"/jobs/{job['id']}"))["progress"], {"percent": 40, "note": ""})
        self.assertEqual(self.work("progress", {**held, "percent": 60, "note": "half"}).status, 204)
        self.assertEqual(self.good(self.sidecar.ask("GET", f"/jobs/{job['id']}"))["progress"], {"percent": 60, "note": "half"})
        for line in ({"message": "one"}, {"message": "two", "level": "warning"}):
            self.assertEqual(self.work("log", {**held, **line}).status, 204)
        self.good(self.work("complete", {"worker": "a", "jobs": [{"id": job["id"], "attempt": 1}]}))
        said = self.server.psql("SELECT string_agg(concat_ws(' ', l ->> 'level', l ->> 'message'), ', ') FROM ayb_jobs.jobs AS j,"
                                " ayb_jobs.attempts(j.id) AS a, jsonb_array_elements(a.log) AS l")
        self.assertEqual(said, "info one, warning two")
        for verb, said in (("progress", {"percent": 1}), ("log", {"message": "late"})):
            self.raised(self.work(verb, {**held, **said}), 409, "55000")
            self.raised(self.work(verb, {**held, **said, "id": UNKNOWN}), 404, "P0002")
            self.raised(self.work(verb, {**held, **said}, token="others"), 404, "P0002")
            for body, field in (({}, "id"), ({"id": "x", "attempt": 1}, "id"), ({"id": UNKNOWN}, "attempt"),
                                ({**held, "odd": 1}, "odd")):
                answer = self.work(verb, body)
                self.assertEqual((answer.status, answer.json.get("field")), (400, field), answer.body)
        for verb, said, field in (("progress", {"percent": 101}, "percent"), ("progress", {}, "percent"),
                                  ("log", {"message": "x", "level": "loud"}, "level"), ("log", {}, "message")):
            answer = self.work(verb, {**held, **said})
            self.assertEqual((answer.status, answer.json.get("field")), (400, field), answer.body)

    def test_a_job_in_steps(self):
        self.enqueue()
        job = self.good(self.claim(worker="a"))["items"][0]
        held = {"id": job["id"], "attempt": job["attempt"], "worker": "a"}
        self.assertEqual(self.work("snooze", {**held, "payload": {"cursor": 1000}}).status, 204)
        self.raised(self.work("snooze", held), 409, "55000")
        again = self.good(self.claim(worker="a"))["items"][0]
        self.assertEqual((again["id"], again["payload"], again["attempt"]), (job["id"], {"cursor": 1000}, 2))
        held["attempt"] = 2
        self.assertEqual(self.work("snooze", {**held, "delay": "1 hour"}).status, 204)
        later = "SELECT phase, attempts, payload, run_at > now() + interval '50 min' FROM ayb_jobs.jobs"
        self.assertEqual(self.server.psql(later), 'retrying|0|{"cursor": 1000}|t')
        self.raised(self.work("snooze", {**held, "id": UNKNOWN}), 404, "P0002")
        for body, field in (({}, "id"), ({**held, "odd": 1}, "odd"), ({**held, "delay": "soon"}, None),
                            ({**held, "delay": "-1 s"}, "delay")):
            answer = self.work("snooze", body)
            self.assertEqual((answer.status, answer.json.get("field")), (400, field), answer.body)

    def test_large_results(self):
        """What complete() takes goes through; what it doesn't is refused, and the worker fails the job for good, once."""
        self.enqueue(2)
        fits, large = ({"id": job["id"], "attempt": job["attempt"]} for job in self.good(self.claim(max=2))["items"])
        mebi = 1024 * 1024
        self.assertEqual(self.good(self.work("complete", {"jobs": [{**fits, "result": "x" * (16 * mebi - 16)}]})), NONE)
        answer = self.work("complete", {"jobs": [{**large, "result": "x" * (16 * mebi + 1)}]})
        self.assertEqual((answer.status, answer.json["sqlstate"]), (400, "54000"), answer.body[:1000])
        self.refused(self.work("complete", {"jobs": [{**large, "result": "x" * (17 * mebi)}]}), 400, "invalid JSON body")
        self.assertEqual(self.server.psql("SELECT state, attempts FROM ayb_jobs.jobs ORDER BY state"), "completed|1\nrunning|1")
        message = answer.json["message"]
        self.assertEqual(self.good(self.work("fail", {"jobs": [{**large, "error": message, "final": True}]})), NONE)
        self.assertEqual(self.server.psql("SELECT state, attempts, length(result #>> '{}'), last_error"
                                          " FROM ayb_jobs.jobs ORDER BY state"),
                         f"completed|1|{16 * mebi - 16}|\nfailed|1||{message}")
        self.refused(self.sidecar.ask("POST", "/jobs", {"type": "parcel", "payload": "x" * mebi}), 400, "invalid JSON body")

    def test_a_claim_is_its_claimers(self):
        self.enqueue()
        job = self.good(self.claim())["items"][0]
        held = {"id": job["id"], "attempt": 1}
        self.assertEqual(self.server.psql("SELECT worker_id FROM ayb_jobs.jobs"), "parcels")
        for token, body in (("others", {"jobs": [held]}), ("parcels", {"jobs": [held], "worker": "b"}),
                            ("parcels", {"jobs": [{**held, "attempt": 2}]})):
            for verb in ("complete", "extend"):
                self.assertEqual(self.good(self.work(verb, body, token))["count"], 1, (token, verb))
        self.assertEqual(self.good(self.work("complete", {"jobs": [held]})), NONE)

    def test_who_may(self):
        self.enqueue()
        for token in ("deploy", "reader"):
            for verb in ("claim", "complete", "fail", "extend", "progress", "log", "snooze"):
                error = self.refused(self.work(verb, {"types": ["parcel"]}, token), 403, "the token may not do this")
                self.assertEqual(error["details"], "it takes the right work")
        for method, path, right in (("GET", "/jobs", "read"), ("POST", "/pause", "operate"), ("POST", "/jobs", "admin")):
            error = self.refused(self.sidecar.ask_with("parcels", method, path, {}), 403, "the token may not do this")
            self.assertEqual(error["details"], f"it takes the right {right}")
        self.refused(self.sidecar.send("POST", "/api/worker/claim", "{}"), 401, "admin authentication required")
        self.assertEqual(self.raised(self.claim(token="strangers"), 403, "42501")["details"], "it takes the right work")
        self.assertEqual(self.good(self.claim(token="others")), NONE)
        self.assertEqual(self.good(self.claim())["count"], 1)

    def test_bad_input(self):
        for body, field in (({}, "types"), ({"types": "parcel"}, "types"), ({"types": []}, "types"), ({"types": [1]}, "types"),
                            ({"types": ["x"] * 101}, "types"), ({"types": ["parcel"], "max": 0}, "max"),
                            ({"types": ["parcel"], "max": 1001}, "max"), ({"types": ["parcel"], "lease": "soon"}, None),
                            ({"types": ["parcel"], "lease": "-1 s"}, "lease"),
                            ({"types": ["parcel"], "worker": "x" * 129}, "worker"),
                            ({"types": ["parcel"], "odd": 1}, "odd")):
            with self.subTest(body=str(body)[:60]):
                answer = self.work("claim", body)
                self.assertEqual((answer.status, answer.json.get("field")), (400, field), answer.body)
        for wait in ("-1", "61", "x", "1.5", "%20", "99999999999999999999"):
            self.assertEqual(self.refused(self.claim(f"?wait={wait}"), 400, "invalid wait")["field"], "wait")
        for verb in ("complete", "fail", "extend"):
            for body in ({}, {"jobs": 1}, {"jobs": [1]}, {"jobs": [{}]}, {"jobs": [{"id": "x", "attempt": 1}]},
                         {"jobs": [{"id": UNKNOWN}]}, {"jobs": [{"id": UNKNOWN, "attempt": 1, "odd": 1}]}, {"jobs": [], "odd": 1},
                         {"jobs": None}):
                answer = self.work(verb, body)
                self.assertEqual(answer.status, 400, (verb, body, answer.body))
        for body in ("", "[]", "{", "3", '{"jobs":[{"id":"\\u0000"}]}'):
            self.refused(self.sidecar.ask_with("parcels", "POST", "/api/worker/complete", body), 400, "invalid JSON body")

    def test_tokens_for_workers(self):
        dsn = self.server.dsn()
        made = run("token", "--name", "made", "--right", "work", "--role", "hands", "--dsn", dsn)
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        self.enqueue()
        self.assertEqual(self.good(self.claim(token=made.stdout.strip()))["count"], 1)
        self.assertEqual(self.server.psql("SELECT worker_id FROM ayb_jobs.jobs"), "made")
        for body in ({"right": "work"}, {"right": "work", "role": ""}, {"right": "work", "role": "a b"},
                     {"right": "work", "role": "a.b"}, {"right": "read", "role": "hands"}):
            self.refused(self.ask("POST", "/tokens", {"name": "n", **body}), 400, "invalid role")
        self.refused(self.ask("POST", "/tokens", {"name": "n", "right": "work:hands"}), 400, "invalid right")
        # A seal is of all of it.
        forged = made.stdout.strip().replace("work:hands", "admin")
        self.assertEqual(self.claim(token=forged).status, 401)


class Waiting(WorkerTest):
    def ask_to_wait(self, wait=60, **body):
        """A request on a connection of its own, whose answer is read later."""
        connection = self.sidecar.connect()
        self.addCleanup(connection.close)
        text = json.dumps({"types": ["parcel"], **body})
        connection.sendall(f"POST /api/worker/claim?wait={wait} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer parcels\r\n"
                           f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}".encode())
        return connection

    def answer(self, connection):
        text = b""
        while piece := connection.recv(65536):
            text += piece
        return json.loads(text.partition(b"\r\n\r\n")[2])

    def test_it_waits_for_a_job(self):
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.claim("?wait=60", worker="w")))
        thread.start()
        until(lambda: self.waiting() == 1, "the worker to wait")
        job, = self.enqueue()
        thread.join(PATIENCE)
        self.assertEqual([item["id"] for item in self.good(answers[0])["items"]], [job])
        self.assertTrue(answers[0].header("X-Request-Id"))

    def test_nothing_comes(self):
        self.assertEqual(self.good(self.claim("?wait=1")), NONE)

    def test_a_thousand_wait_in_one_session(self):
        connections = [self.ask_to_wait(worker=str(number)) for number in range(1000)]
        until(lambda: self.waiting() == 1, "them to wait")
        self.assertLess(len(os.listdir(f"/proc/{self.sidecar.process.pid}/task")), 40)
        jobs = self.enqueue(20)
        until(lambda: self.server.psql("SELECT count(*) FROM ayb_jobs.jobs WHERE state = 'running'") == "20", "all to be taken")
        self.assertEqual(self.server.psql("SELECT count(DISTINCT worker_id) FROM ayb_jobs.jobs"), "20")
        until(lambda: self.waiting() == 1, "the others to wait on")
        self.sidecar.stop()  # tells them that there is nothing
        answers = [self.answer(connection) for connection in connections]
        self.assertEqual(sorted(item["id"] for answer in answers for item in answer["items"]), sorted(jobs))
        self.assertEqual(sum(answer == NONE for answer in answers), 980)
        type(self).sidecar = Sidecar(type(self).__name__, self.server.dsn(), *self.flags)

    def test_who_hangs_up_is_given_nothing(self):
        gone = self.ask_to_wait(worker="gone")
        until(lambda: self.waiting() == 1, "the worker to wait")
        gone.close()
        stays = self.ask_to_wait(worker="stays")
        job, = self.enqueue()
        self.assertEqual([item["id"] for item in self.answer(stays)["items"]], [job])
        self.assertEqual(self.server.psql("SELECT worker_id, attempts FROM ayb_jobs.jobs"), "parcels.stays|1")

    def test_other_types_are_heard_of_too(self):
        self.server.psql("SELECT ayb_jobs.register_handler('letter', kind => 'external');"
                         " SELECT ayb_jobs.grant_worker('letter', 'hands')")
        first = self.ask_to_wait()
        until(lambda: self.waiting() == 1, "the first to wait")
        second = self.ask_to_wait(types=["letter"])
        job = self.server.psql("SELECT ayb_jobs.enqueue('letter')")
        self.assertEqual(self.answer(second)["items"][0]["id"], job)
        self.enqueue()
        self.assertEqual(self.answer(first)["count"], 1)

    def seen(self, token="reader"):
        """Who is outside: the name, what it does, of which types, how many jobs it holds."""
        answer = self.good(self.sidecar.ask_with(token, "GET", "/api/admin/workers"))
        return sorted((w.get("workerId"), w["role"], w["state"], w["types"], w["jobs"]) for w in answer["items"] if w["outside"])

    def test_who_waits_and_who_holds_jobs(self):
        self.assertEqual(self.seen(), [])
        idle = [self.ask_to_wait(worker=str(number)) for number in range(3)]
        until(lambda: len(self.seen()) == 3, "them to wait")
        self.assertEqual(self.seen(), [(f"parcels.{number}", "hands", "waiting", ["parcel"], 0) for number in range(3)])
        self.assertEqual(self.server.psql("SELECT state, count(*) FROM ayb_jobs.workers() WHERE is_outside GROUP BY 1"),
                         "waiting|1")
        self.enqueue(5)
        taken = {self.answer(connection)["items"][0]["id"] for connection in idle}
        self.good(self.claim(worker="0", max=2))
        self.assertEqual(self.seen(), [(f"parcels.{number}", "hands", "running", ["parcel"], jobs)
                                       for number, jobs in enumerate((3, 1, 1))])
        worker = next(w for w in self.good(self.ask("GET", "/workers"))["items"] if w.get("workerId") == "parcels.1")
        self.assertIn(worker["jobId"], taken)
        self.assertEqual((worker["type"], worker["attempt"], worker["lastSeenAt"] >= worker["since"]), ("parcel", 1, True))
        self.assertGreater(worker["leaseUntil"], worker["lastSeenAt"])
        table = run("workers", "--dsn", self.server.dsn(), "--output", "csv").stdout
        self.assertIn(f'running,parcel,{worker["jobId"]},"",parcels.1,1,', table)


class Shell(WorkerTest):
    def test_the_worker_of_the_guide(self):
        with open(os.path.join(SOURCES, "docs", "guide", "external-workers.md"), encoding="utf-8") as guide:
            script = re.search(r"<!-- file: worker\.sh -->\n```sh\n(.*?)```", guide.read(), re.S)[1]
        self.assertLessEqual(script.count("\n"), 20)
        directory = os.path.join(OUT, "shell")
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, "parcel"), "w", encoding="utf-8") as program:
            program.write('#!/bin/sh\nread n; [ "$n" != 2 ] || { echo no such parcel >&2; exit 1; }; echo "parcel $n"\n')
        os.chmod(os.path.join(directory, "parcel"), 0o755)
        self.enqueue(3)
        worker = subprocess.Popen(["bash", "-c", script.replace("resize", "parcel")], cwd=directory, stdout=subprocess.DEVNULL,
                                  start_new_session=True,
                                  env={"PATH": os.environ["PATH"], "TOKEN": "parcels",
                                       "SIDECAR": f"http://127.0.0.1:{self.sidecar.port}"})
        try:
            ended = "SELECT count(*) FROM ayb_jobs.jobs WHERE state IN ('completed', 'failed')"
            until(lambda: self.server.psql(ended) == "3", "all to end")
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait(PATIENCE)
        became = "SELECT state, attempts, coalesce(result::text, last_error) FROM ayb_jobs.jobs ORDER BY payload"
        self.assertEqual(self.server.psql(became),
                         'completed|1|"parcel 1"\nfailed|2|no such parcel\n\ncompleted|1|"parcel 3"')
