"""The command line before a person's eyes: real shells in tmux, and pipes."""

import csv
import io
import itertools
import os
import re
import shutil
import subprocess
import tempfile

from support import OUT, SIDECAR, ApiTest, until


class Terminal:
    """A shell in a tmux of its own, of 100 columns and 20 lines."""

    def __init__(self, *shell, **environment):
        # A socket's path has at most 107 bytes.
        self.directory = tempfile.mkdtemp(prefix="ayb.", dir="/tmp")
        os.symlink(SIDECAR, os.path.join(self.directory, "ayb-jobs"))
        self.environment = {"PATH": self.directory + ":" + os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm",
                            "HOME": self.directory, "PS1": "$ ", "TMPDIR": self.directory, **environment}
        self.tmux("new-session", "-d", "-x", "100", "-y", "20", *shell)
        self.marks = itertools.count(1)

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-f", "/dev/null", "-S", os.path.join(self.directory, "tmux"), *arguments],
                              env=self.environment, check=True, capture_output=True, text=True, timeout=60).stdout

    def type(self, text):
        self.tmux("send-keys", "-l", "--", text)

    def press(self, key):
        self.tmux("send-keys", key)

    def screen(self, *flags):
        return self.tmux("capture-pane", "-p", *flags)

    def until(self, text):
        """Until the text is to be seen; gives back the screen."""
        try:
            until(lambda: text in self.screen(), f"{text!r} on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.screen()}") from None
        return self.screen()

    def run(self, command):
        """Runs it to its end; gives back what it showed and its exit status."""
        self.type("clear")
        self.press("Enter")
        mark = f"ended {next(self.marks)} with "
        # Typed apart, so that the command line is no end.
        self.type(f"{command}; echo '{mark[:3]}''{mark[3:]}'$?")
        self.press("Enter")
        screen = self.until(mark)
        return screen, int(screen.split(mark)[1].split()[0])

    def close(self):
        try:
            self.tmux("kill-server")
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)


class Person(ApiTest):
    def setUp(self):
        self.server.psql("DELETE FROM ayb_jobs.job_queue; DELETE FROM ayb_jobs.job_keys")

    def terminal(self, *shell, **environment):
        terminal = Terminal(*(shell or ("bash", "--norc", "--noprofile")), AYB_JOBS_DSN=self.server.dsn(), **environment)
        self.addCleanup(terminal.close)
        return terminal

    def enqueue(self, kind, count=1):
        self.server.psql(f"SELECT count(ayb_jobs.enqueue('{kind}', run_at => now() + '1 day'))"
                         f" FROM generate_series(1, {count})")

    def test_a_list_has_colours_and_columns(self):
        self.enqueue("日本語")
        self.enqueue("mail")
        terminal = self.terminal()
        screen, status = terminal.run("ayb-jobs jobs list")
        self.assertEqual(status, 0)
        lines = [line for line in screen.splitlines() if re.search("STATE|queued", line)]
        self.assertEqual(len(lines), 3, screen)
        columns = [terminal_column(line, r"STATE|queued") for line in lines]
        self.assertEqual(columns, [columns[0]] * 3, screen)
        self.assertRegex(lines[1], r" \d{1,2}s *$")  # its age; a pipe gets the time
        self.assertIn("\x1b[1m", terminal.screen("-e"))
        terminal.run("NO_COLOR=1 ayb-jobs jobs list")
        self.assertNotIn("\x1b[1m", terminal.screen("-e"))

    def test_watch_follows_and_is_cut_to_the_screen(self):
        self.enqueue("watched", 60)
        terminal = self.terminal()
        terminal.type("ayb-jobs jobs list --watch --limit 60")
        terminal.press("Enter")
        screen = terminal.until("watched")
        self.assertTrue(screen.startswith("ID "), screen)
        self.enqueue("the_newest")
        screen = terminal.until("the_newest")
        self.assertIn("the_newest", screen.splitlines()[1])
        terminal.press("C-c")
        terminal.type("echo ended with $?")
        terminal.press("Enter")
        self.assertIn("ended with 130", terminal.until("ended with 1"))

    def test_top_is_live(self):
        terminal = self.terminal()
        terminal.type("ayb-jobs top")
        terminal.press("Enter")
        terminal.until("completed per second: 0")
        self.enqueue("later", 5000)  # more than any test has left of another type
        until(lambda: terminal.screen().splitlines()[1].split()[:1] == ["5000"], "the jobs to be counted")
        screen = terminal.screen()
        self.assertIn("LANE", screen)
        self.assertRegex(screen, r"(?m)^TYPE .* DONE/H .*\nlater .* 5000\+? ")
        terminal.press("C-c")
        terminal.type("echo ended with $?")
        terminal.press("Enter")
        self.assertIn("ended with 130", terminal.until("ended with 1"))

    def test_q_ends_it_and_leaves_the_terminal_as_it_was(self):
        terminal = self.terminal()

        def modes():
            return re.search(r"(?:[0-9a-f]+:){9,}", terminal.run("stty -g")[0].replace("\n", ""))[0]

        before = modes()
        for command, seen in (("top", "completed per second"), ("jobs list --watch", "No jobs found")):
            terminal.type(f"clear; ayb-jobs {command}; echo ended with $?")
            terminal.press("Enter")
            terminal.until(seen)
            terminal.type("xq")
            self.assertNotIn("xq", terminal.until("ended with 0"))
            self.assertEqual(modes(), before)

    def test_what_goes_wrong_is_said(self):
        terminal = self.terminal()
        screen, status = terminal.run("ayb-jobs jobs retry 01234567-89ab-7def-8123-456789abcdef")
        self.assertEqual(status, 1)
        self.assertIn("Error: retry failed: job 01234567-89ab-7def-8123-456789abcdef not found or not in failed state",
                      screen.replace("\n", ""))
        screen, status = terminal.run("ayb-jobs jobs")
        self.assertEqual(status, 2)
        self.assertIn("usage: ayb-jobs", screen)
        screen, status = terminal.run("ayb-jobs top --dsn 'host=127.0.0.1 port=1'")
        self.assertEqual(status, 1)
        self.assertIn("Error: top failed: ", screen)
        screen, status = terminal.run("ayb-jobs jobs --help | head -3")
        self.assertEqual(status, 0)
        self.assertIn("usage: ayb-jobs", screen)

    def test_completion_in_bash_and_zsh(self):
        trap = os.path.join(tempfile.mkdtemp(prefix="ayb.", dir="/tmp"), "sprung")
        self.addCleanup(shutil.rmtree, os.path.dirname(trap))
        self.enqueue("told_by_tab")
        self.enqueue(f"$(touch$IFS{trap})")
        for shell in (("bash", "--norc", "--noprofile"), ("zsh", "-f")):
            terminal = self.terminal(*shell)
            if shell[0] == "zsh":
                terminal.run("autoload -U compinit && compinit -u -D")
            terminal.run(f"source <(ayb-jobs completion {shell[0]})")
            terminal.type("ayb-jobs sch")
            terminal.press("Tab")
            terminal.until("ayb-jobs schedules")
            terminal.type("cr")
            terminal.press("Tab")
            terminal.until("schedules create")
            terminal.type("--name x --cr")
            terminal.press("Tab")
            terminal.until("--name x --cron")
            for typed, wanted in (("jobs list --state que", "queued"), ("jobs list --type told_b", "told_by_tab"),
                                  ("types show told_b", "told_by_tab")):
                terminal.press("C-u")
                terminal.type("ayb-jobs " + typed)
                terminal.press("Tab")
                terminal.until(typed.rsplit(" ", 1)[0] + " " + wanted)
            # A type is no word of the shell's.
            terminal.press("C-u")
            terminal.type("ayb-jobs types show ")
            terminal.press("Tab")
            terminal.press("Tab")
            terminal.until("expired_auth_cleanup")
            self.assertFalse(os.path.exists(trap))

    def test_completion_in_fish(self):
        script = os.path.join(OUT, "completion.fish")
        there = tempfile.mkdtemp(prefix="ayb.", dir="/tmp")
        self.addCleanup(shutil.rmtree, there)
        os.symlink(SIDECAR, os.path.join(there, "ayb-jobs"))
        with open(script, "wb") as file:
            subprocess.run([SIDECAR, "completion", "fish"], check=True, stdout=file)
        self.enqueue("told_by_tab")
        for line, wanted in (("jobs list --state que", ["queued"]), ("types show told_b", ["told_by_tab"]),
                             ("jobs list --type told_b", ["told_by_tab"]),
                             ("jobs ", ["cancel", "create", "delete", "list", "reschedule", "retry", "run", "show"]),
                             ("jobs list --st", ["--state"]), ("serve --th", ["--threads"]), ("completion z", ["zsh"])):
            done = subprocess.run(["fish", "-c", f'source {script}; complete -C "ayb-jobs {line}"'], text=True, check=True,
                                  env={"PATH": there + ":" + os.environ["PATH"], "HOME": OUT, "AYB_JOBS_DSN": self.server.dsn()},
                                  capture_output=True)
            self.assertEqual(done.stdout.split(), wanted)


class Pipe(ApiTest):
    def shell(self, line):
        return subprocess.run(["bash", "-c", line], env={"PATH": os.environ["PATH"], "AYB": SIDECAR,
                                                         "AYB_JOBS_DSN": self.server.dsn()},
                              text=True, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)

    def test_a_reader_that_has_enough(self):
        self.server.psql("SELECT count(ayb_jobs.enqueue('many', run_at => now() + '1 day')) FROM generate_series(1, 500)")
        done = self.shell('set -o pipefail; "$AYB" jobs list --limit 500 --output json | head -c 2')
        self.assertEqual((done.returncode, done.stdout, done.stderr), (141, '{"', ""))

    def test_a_full_disk_is_no_success(self):
        for line in ("jobs list", "jobs list --output json", "jobs list --watch", "help", "completion bash", "manual"):
            done = self.shell(f'"$AYB" {line} >/dev/full')
            self.assertEqual((done.returncode, done.stderr), (1, "Error: can't write the output\n"), line)

    def test_csv_of_anything(self):
        name = 'a "quoted", \n two-lined name; with é and \u009b'
        self.server.psql("DELETE FROM ayb_jobs.schedules")
        self.good(self.ask("POST", "/schedules", {"name": name, "jobType": "x", "cronExpr": "0 0 * * *"}), 201)
        table = self.shell('"$AYB" schedules list')
        self.assertEqual(len(table.stdout.splitlines()), 2)
        self.assertIn('a "quoted",   two-lined name; with é and ?', table.stdout)
        done = subprocess.run([SIDECAR, "schedules", "list", "--output", "csv", "--dsn", self.server.dsn()], check=True,
                              capture_output=True)
        rows = list(csv.reader(io.StringIO(done.stdout.decode(), newline="")))
        self.assertEqual(rows[1][0], name)


def terminal_column(line, pattern):
    """Where the match begins, in columns: wide characters take two."""
    before = line[:re.search(pattern, line).start()]
    return sum(2 if ord(character) > 0x2E80 else 1 for character in before)
