"""`ayb-jobs work`: what a program is given, and what its end says."""

import json
import os
import subprocess

from support import SIDECAR
from work_support import WorkTest


class Results(WorkTest):
    def test_the_payload_is_read_and_what_is_printed_is_the_result(self):
        job = self.enqueue('{"image": 7, "name": "a \\"b\\" ä"}')
        with self.working(command=["cat"]):
            self.assertEqual(self.ended(job), 'completed 1 {"name": "a \\"b\\" ä", "image": 7}')

    def test_a_payload_that_nobody_reads(self):
        job = self.enqueue(json.dumps({"long": "x" * 500000}))
        with self.working(command=["true"]):
            self.assertEqual(self.ended(job), "completed 1")

    def test_what_a_result_is(self):
        wanted = {"640": "640", "null": "null", "[1,": '"[1,"', '"text"': '"text"', "done\\n\\n": '"done"', "": "", "\\n": "",
                  "\\\\u0000": '"\\\\u0000"', "1e999999": '"1e999999"', "bj\\303\\266rn": '"björn"', "a\\001b": '"a\\u0001b"'}
        became = self.outcomes(*(f"printf '{printed}'" for printed in wanted))
        self.assertEqual(became, [f"completed 1 {result}".strip() for result in wanted.values()])

    def test_what_can_be_no_result_fails_for_good_and_once(self):
        full = 16 * 1024 * 1024
        wanted = {"printf 'a\\377b'": "stdout is no UTF-8", "printf '\\355\\240\\200'": "stdout is no UTF-8",
                  "printf 'a\\000b'": "stdout has a NUL", "printf '[\"a\\\\u0000\"]'": ".*u0000",
                  "printf '{\"\\\\u0000\":1}'": ".*u0000",
                  f"head -c {full + 1} /dev/zero | tr '\\0' x": "stdout exceeds 16 MB",
                  f"head -c {full} /dev/zero | tr '\\0' x": "the result can't be stored",  # it has a head, too
                  "exec yes": "stdout exceeds 16 MB",  # nobody reads on
                  "printf '[1'; for i in $(seq 200); do printf ,1e131071; done; printf ]": ".*written out"}
        for became, why in zip(self.outcomes(*wanted), wanted.values()):
            self.assertRegex(became, f"^failed 1 {why}")

    def test_a_long_result(self):
        [became] = self.outcomes(f"head -c {16 * 1024 * 1024 - 64} /dev/zero | tr '\\0' x")
        self.assertEqual(became[:14], 'completed 1 "x')


class Ends(WorkTest):
    def test_exit_statuses(self):
        wanted = {"exit 1": "failed 2 the program ended with exit status 1",
                  "echo no card >&2; exit 75": "failed 2 no card",
                  "echo no such image >&2; exit 65": "failed 1 no such image",
                  "exit 78": "failed 1 the program ended with exit status 78",
                  "echo late >&2; kill -9 $$": "failed 2 late\nthe program was ended by signal 9 (Killed)",
                  "kill -TERM $$": "failed 2 the program was ended by signal 15 (Terminated)",
                  "echo for nothing; exit 3": "failed 2 the program ended with exit status 3",
                  "echo a warning >&2": "completed 1"}
        self.assertEqual(self.outcomes(*wanted), list(wanted.values()))

    def test_the_last_of_stderr_is_the_error(self):
        error, broken = self.outcomes("yes line | head -n 100000 >&2; echo the end >&2; exit 65",
                                      "printf 'a\\377\\000b\\303' >&2; exit 65")
        self.assertEqual(error[-12:], "line\nthe end")
        self.assertLessEqual(len(error), 8191 + len("failed 1 "))
        self.assertGreater(len(error), 8000)
        self.assertEqual(broken, "failed 1 a??b?")

    def test_a_program_that_is_gone(self):
        program = os.path.join(self.files, "program")
        with open(program, "w", encoding="utf-8") as file:
            file.write("#!/nowhere\n")
        os.chmod(program, 0o755)
        job = self.enqueue()
        with self.working(command=[program]):
            self.assertRegex(self.ended(job), "^failed 2 the program can't be started: No such file")

    def test_many(self):
        self.server.psql("SELECT ayb_jobs.enqueue_many('program', array_agg(to_jsonb(n))) FROM generate_series(1, 60) AS n")
        with self.working(script="read n; echo $((n * 2))"):
            self.assertEqual(self.ended(self.server.psql("SELECT max(id::text) FROM ayb_jobs.jobs"))[:11], "completed 1")
        counted = self.server.psql("SELECT count(*), sum(result::integer) FROM ayb_jobs.jobs WHERE state = 'completed'")
        self.assertEqual(counted, f"60|{60 * 61}")


class Surroundings(WorkTest):
    def test_the_environment_has_no_secret(self):
        job = self.enqueue()
        secrets = dict.fromkeys(("AYB_JOBS_PASSWORD", "PGPASSWORD", "AYB_JOBS_DSN", "AYB_JOB_ID", "SECRET", "LANGUAGE"), "hidden")
        with self.working("program", "--env", "WANTED", "--env=ABSENT", command=["env"], WANTED="a b", TZ="UTC", LC_ALL="C",
                          HOME="/home/x", **secrets):
            self.ended(job)
        given = dict(line.split("=", 1) for line in json.loads(self.column(job, "result")).splitlines())
        self.assertEqual(given.pop("PATH"), os.environ["PATH"])
        self.assertRegex(given.pop("AYB_JOB_RUN_AT"), r"^\d{4}-\d\d-\d\dT")
        self.assertEqual(given, {"HOME": "/home/x", "LANG": "C.UTF-8", "LC_ALL": "C", "TZ": "UTC",
                                 "WANTED": "a b", "AYB_JOB_ID": job, "AYB_JOB_TYPE": "program", "AYB_JOB_ATTEMPT": "1",
                                 "AYB_JOB_MAX_ATTEMPTS": "2"})

    def test_only_three_descriptors_and_signals_as_usual(self):
        # grep looks at itself: the shell blocks signals for a moment while it starts it.
        script = ("for n in $(seq 3 60); do [ ! -e /proc/$$/fd/$n ] || echo $n; done; grep -E 'Sig(Blk|Ign)' /proc/self/status;"
                  " ulimit -n")
        job = self.enqueue()
        with open(os.devnull, "rb") as inherited:
            os.set_inheritable(inherited.fileno(), True)
            with self.working(script=script):
                self.ended(job)
        blocked, ignored, limit = json.loads(self.column(job, "result")).split("\n")
        usual = 0x7FFFFFFF  # the two above are the C library's, and stay as they were
        self.assertEqual([int(signals.split()[1], 16) & usual for signals in (blocked, ignored)], [0, 0])
        usual = subprocess.run("ulimit -n", shell=True, check=True, capture_output=True, text=True)
        self.assertEqual(limit, usual.stdout.strip())

    def test_a_word_is_never_a_shells(self):
        job = self.enqueue()
        with self.working(command=["printf", "%s|", "$HOME", "a b", "*", "; false", ""]):
            self.assertEqual(self.ended(job), 'completed 1 "$HOME|a b|*|; false||"')

    def test_what_we_know_is_nobodys_to_read(self):
        if os.geteuid() == 0:
            self.skipTest("root reads everything")
        script = "for p in $PPID $(cut -d' ' -f4 /proc/$PPID/stat); do cat /proc/$p/environ 2>/dev/null && echo read; done; true"
        job = self.enqueue()
        with self.working(script=script, PGPASSWORD="hidden"):
            self.assertEqual(self.ended(job), "completed 1")


class Usage(WorkTest):
    def refused(self, *words, status=2):
        done = subprocess.run([SIDECAR, "work", *words], env={"PATH": os.environ["PATH"]}, text=True, capture_output=True,
                              timeout=120, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done)
        return done.stderr

    def test_wrong_usage(self):
        for words, said in (((), "type"), (("program",), "command"), (("program", "--"), "command"), (("--", "true"), "type"),
                            (("", "--", "true"), "type"), (("program", "--", ""), "command"),
                            (("program", "--nonsense", "1", "--", "true"), "--nonsense"),
                            (("program", "-c", "1", "--", "true"), "-c"), (("program", "--lease", "--", "true"), "--lease needs"),
                            (("program", "--lease=", "--", "true"), "--lease"),
                            *((("program", "--lease", value, "--", "true"), "--lease")
                              for value in ("0", "-1m", "1x", "m", "999999d", "1.5m", "99999999999999999999s")),
                            *((("program", "--concurrency", value, "--", "true"), "--concurrency")
                              for value in ("0", "-1", "1001", "x", "1 ", "99999999999")),
                            *((("program", "--env", value, "--", "true"), "--env") for value in ("A=B", "", "AYB_JOB_ID")),
                            (("program", "--name", "", "--", "true"), "--name"),
                            (("program", "--name", "x" * 256, "--", "true"), "--name")):
            with self.subTest(words=words):
                self.assertIn(said, self.refused(*words))

    def test_what_cannot_begin(self):
        dsn = ("--dsn", self.dsn())
        self.assertIn("/nowhere/x", self.refused("program", *dsn, "--", "/nowhere/x", status=1))
        self.assertIn("no-such-program", self.refused("program", *dsn, "--", "no-such-program", status=1))
        self.assertIn("nobody-here", self.refused("program", *dsn, "--user", "nobody-here", "--", "true", status=1))
        if os.geteuid() != 0:
            self.assertIn("root", self.refused("program", *dsn, "--user", "root", "--", "true", status=1))
        # Of a database that has no jobs.
        lacking = self.dsn().replace("dbname=app", "dbname=postgres")
        self.assertIn("ayb_jobs", self.refused("program", "--dsn", lacking, "--", "true", status=1))
