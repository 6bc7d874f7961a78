"""What the tests of `ayb-jobs work` share."""

import contextlib
import json
import os
import unittest

from support import EMPTY, OUT, PATIENCE, Program, server, until


class Worker(Program):
    """`ayb-jobs work`, whose login has grant_worker for the types and nothing else."""

    def __init__(self, case, *words, command=None, script=None, **environment):
        command = command or ["sh", "-c", script]
        self.start("work.log", ["work", *words, "--dsn", case.dsn(), "--", *command],
                   {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environment}, whole_log=False)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self._log.close()


def runs(pid):
    """Whether there is such a process, and it is no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class WorkTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server()
        cls.server.psql(EMPTY + "DROP ROLE IF EXISTS programs; CREATE ROLE programs LOGIN;"
                        " SELECT ayb_jobs.register_handler('program', kind => 'external', max_attempts => 2, backoff => '{0}');"
                        " SELECT ayb_jobs.grant_worker('program', 'programs')")
        cls.files = os.path.join(OUT, cls.__name__)
        os.makedirs(cls.files, exist_ok=True)

    @classmethod
    def tearDownClass(cls):
        cls.server.psql(EMPTY + "SELECT ayb_jobs.revoke_worker('program', 'programs'); DROP ROLE programs")

    def setUp(self):
        self.server.psql(EMPTY)

    def dsn(self):
        return f"host=127.0.0.1 port={self.server.port} user=programs dbname=app"

    def enqueue(self, payload="{}", arguments=""):
        return self.server.psql(f"SELECT ayb_jobs.enqueue('program', $${payload}$$::jsonb{arguments})")

    def column(self, job, column):
        return self.server.psql(f"SELECT {column} FROM ayb_jobs.jobs WHERE id = '{job}'")

    def ended(self, job):
        """Waits for it, and gives back what became of it: state, attempts and result or error."""
        until(lambda: self.column(job, "state") in ("completed", "failed", "canceled"), f"{job} to end")
        return self.column(job, "concat_ws(' ', state, attempts, coalesce(result::text, last_error))")

    @contextlib.contextmanager
    def working(self, *words, **options):
        worker = Worker(self, *(words or ("program",)), **options)
        try:
            yield worker
        except BaseException:
            worker.kill()
            raise
        self.assertEqual(worker.stop(), 0, worker.log())

    def outcomes(self, *scripts):
        """What becomes of jobs whose programs these are, by one worker: of each as ended() has it."""
        for number, script in enumerate(scripts):
            with open(os.path.join(self.files, str(number)), "w", encoding="utf-8") as file:
                file.write(script)
        self.server.psql(f"SELECT ayb_jobs.enqueue_many('program', array_agg(to_jsonb(n)))"
                         f" FROM generate_series(0, {len(scripts) - 1}) AS n")
        with self.working("program", "--env", "FILES", script='exec sh "$FILES/$(cat)"', FILES=self.files):
            until(lambda: self.server.psql("SELECT count(*) FROM ayb_jobs.jobs WHERE state IN ('queued', 'running')") == "0",
                  "all jobs to end")
        became = self.server.psql("SELECT jsonb_agg(concat_ws(' ', state, attempts, coalesce(result::text, last_error))"
                                  " ORDER BY payload) FROM ayb_jobs.jobs")
        return json.loads(became)

    def read(self, name):
        """What a program wrote into a file of this name, as soon as it has written a whole line."""
        def text():
            with contextlib.suppress(FileNotFoundError), open(os.path.join(self.files, name), encoding="utf-8") as file:
                return (line := file.read()).endswith("\n") and line
        return until(text, f"a program to write {name}").strip()
