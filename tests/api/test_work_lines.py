"""`ayb-jobs work --persistent`: a program that stays, told and asked by lines of JSON."""

import contextlib
import json
import os
import signal
import sys

from support import until
from work_support import Worker, WorkTest, runs

# For each line it does what the payload says.
PROGRAM = """
import json, os, sys, time
for line in sys.stdin:
    job = json.loads(line)
    payload = job["payload"]
    if isinstance(payload, dict) and "shell" in payload:
        os.system(payload["shell"].replace("$ME", str(os.getpid())))
    if isinstance(payload, dict) and "say" in payload:
        print(payload["say"].replace("$ID", job["id"]), end="", flush=True)
    elif isinstance(payload, dict) and "exit" in payload:
        print("last words", file=sys.stderr, flush=True)
        os._exit(payload["exit"])
    else:
        job["pid"] = os.getpid()
        print(json.dumps({"id": job["id"], "result": job}), flush=True)
"""
FOREVER = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdin.readline()
with open(os.path.join(os.environ["FILES"], "child"), "w") as file:
    print(os.getpid(), file=file)
while True:
    time.sleep(1)
"""


class Lines(WorkTest):
    def persistent(self, *words, program=PROGRAM, **environment):
        return self.working("program", "--persistent", "--concurrency", "1", *words, command=[sys.executable, "-c", program],
                            **environment)

    def became(self, *payloads):
        """What becomes of jobs of these payloads, one after the other at one program."""
        ids = [self.enqueue(json.dumps(payload)) for payload in payloads]
        with self.persistent():
            return [self.ended(job) for job in ids]

    def test_what_a_line_has(self):
        job = self.enqueue('{"a": "line\\nbreak"}')
        with self.persistent():
            self.ended(job)
        line = json.loads(self.column(job, "result"))
        del line["pid"]
        self.assertRegex(line.pop("run_at"), r"^\d{4}-\d\d-\d\dT")
        self.assertEqual(line, {"id": job, "type": "program", "attempt": 1, "max_attempts": 2, "payload": {"a": "line\nbreak"}})

    def test_one_program_does_them_all(self):
        self.server.psql("SELECT ayb_jobs.enqueue_many('program', array_agg(to_jsonb(n))) FROM generate_series(1, 500) AS n")
        with self.persistent():
            until(lambda: self.server.psql("SELECT count(*) FROM ayb_jobs.jobs WHERE state = 'completed'") == "500", "500 jobs")
        self.assertEqual(self.server.psql("SELECT count(DISTINCT result->'pid') FROM ayb_jobs.jobs"), "1")
        self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.jobs WHERE result->'payload' = payload"), "500")

    def test_answers(self):
        no_nul = "failed 1 JSON of stdout has the character \\u0000, which PostgreSQL doesn't store"
        wanted = {'"error":"no card"': "failed 2 no card", '"error":"no","final":true': "failed 1 no",
                  '"error":"no","retry_in":"0"': "failed 2 no", '"error":"no","retry_in":"soon"': "failed 2 no",
                  '"result":null': "completed 1 null", '"result":1e999999': 'completed 1 "1e999999"',
                  '"result":"\\u0000"': no_nul, '"error":"\\u0000"': no_nul}
        lines = ['{"id":"$ID",' + answer + "}\n" for answer in wanted] + ['{"id":"$ID"}\n']
        self.assertEqual(self.became(*({"say": line} for line in lines)), [*wanted.values(), "completed 1"])

    def test_what_is_no_answer_fails_the_job_in_hand(self):
        no_answers = ("\n", "done\n", "[1]\n", "{}\n", '{"id":"another","result":1}\n', '{"id":"$ID","result":1,"error":"x"}\n',
                      '{"id":"$ID","resultt":1}\n', '{"id":"$ID","final":true}\n', '{"id":"$ID","error":1}\n',
                      '{"id":"$ID","result":[1}\n')
        for became in self.became(*({"say": line} for line in no_answers)):
            self.assertRegex(became, "^failed 2 the program wrote a line that is no answer")

    def test_a_line_too_many_ends_the_program_and_no_job_but_that_in_hand(self):
        first, second, third = (self.enqueue(json.dumps(payload)) for payload in
                                (1, {"say": '{"id":"$ID","result":"well"}\nand more\n'}, 3))
        with self.persistent() as worker:
            self.assertEqual([self.ended(job)[:11] for job in (first, second, third)], ["completed 1"] * 3)
            self.assertIn("what it wasn't asked", worker.log())
        self.assertNotEqual(*(json.loads(self.column(job, "result"))["pid"] for job in (first, third)))

    def test_a_program_that_dies_in_mid_job(self):
        for payload, error in (({"exit": 0}, "failed 2 last words\nthe program ended before it had answered"),
                               ({"exit": 1}, "failed 2 last words"), ({"exit": 65}, "failed 1 last words"),
                               ({"shell": "kill -9 $ME"}, "failed 2 the program was ended by signal 9 (Killed)")):
            with self.subTest(payload=payload):
                job, following = self.enqueue(json.dumps(payload)), self.enqueue("7")
                with self.persistent():
                    self.assertEqual(self.ended(job), error)
                    self.assertEqual(self.ended(following)[:11], "completed 1")

    def test_a_canceled_job_ends_the_program(self):
        job = self.enqueue()
        with self.persistent("--env", "FILES", "--lease", "3s", program=FOREVER, FILES=self.files):
            child = self.read("child")
            self.server.psql(f"SELECT ayb_jobs.cancel('{job}', force => true)")
            until(lambda: not runs(child), "the program to be gone")

    def test_a_killed_worker_takes_its_programs_with_it(self):
        self.enqueue()
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.files, "child"))
        worker = Worker(self, "program", "--persistent", "--env", "FILES", command=[sys.executable, "-c", FOREVER],
                        FILES=self.files)
        child = self.read("child")
        worker.kill()
        until(lambda: not runs(child), "the program to be gone")

    def test_it_drains(self):
        job = self.enqueue(json.dumps({"shell": f"until [ -e {self.files}/gate ]; do sleep 0.02; done"}))
        with self.persistent() as worker:
            until(lambda: self.column(job, "state") == "running", "the job to be begun")
            worker.process.send_signal(signal.SIGTERM)
            until(lambda: "stopping" in worker.log(), "it to stop")
            with open(os.path.join(self.files, "gate"), "w", encoding="utf-8"):
                pass
            self.assertEqual(self.ended(job)[:11], "completed 1")
