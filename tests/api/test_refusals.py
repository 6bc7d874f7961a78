"""What a route answers where PostgreSQL refuses: each row of sidecar/route/refusals.cpp is provoked, and in the manual."""

import contextlib
import functools
import itertools
import os
import re
import threading

from support import SOURCES, ApiTest, Sidecar, until

UNKNOWN = "01234567-89ab-7def-8123-456789abcdef"


def rows():
    """(route, sqlstate and member, status, message) as the source has them; the message is None where it is PostgreSQL's."""
    with open(os.path.join(SOURCES, "sidecar", "route", "refusals.cpp"), encoding="utf-8") as file:
        source = file.read()
    with open(os.path.join(SOURCES, "sidecar", "route", "failure.hpp"), encoding="utf-8") as file:
        words = dict(re.findall(r'char \*(k\w+) =\s*"([^"]*)"', source + file.read()))
    table = source[source.index("kRows[]"):source.index("bool begins")]
    for route, sqlstate, member, status, message in re.findall(
            r'\{"([^"]*)", "(\w+)", "(\w*)", (\d+),\s*("[^"]*"|\w+)\}', table):
        yield (route, f"{sqlstate} {member}".rstrip(), int(status),
               None if message == "nullptr" else words.get(message, message.strip('"')))


def in_the_manual():
    """The same as lines of the table there."""
    def without_sqlstate(row):
        return row[0], row[2], row[3]

    for (route, status, message), same in itertools.groupby(rows(), without_sqlstate):
        route = f"`{route.replace('/api/admin', '')}`" if route else "any"
        states = ", ".join(f"`{refused.split()[0]}`" for _, refused, *_ in same)
        yield f"| {route} | {states} | {status} | {f'`{message}`' if message else 'what PostgreSQL says'} |"


class Refusals(ApiTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("DROP MATERIALIZED VIEW IF EXISTS public.refused;"
                        " CREATE MATERIALIZED VIEW public.refused AS SELECT 1 AS a;"
                        " ALTER MATERIALIZED VIEW public.refused OWNER TO sidecar; GRANT CREATE ON SCHEMA public TO sidecar;"
                        " CREATE OR REPLACE FUNCTION public.does() RETURNS void LANGUAGE sql AS 'SELECT';"
                        " SELECT ayb_jobs.register_handler('does', 'public.does');"
                        " CREATE OR REPLACE FUNCTION public.turns() RETURNS void LANGUAGE sql AS 'SELECT';"
                        " SELECT ayb_jobs.register_handler('turns', 'public.turns'); DROP FUNCTION public.turns();"
                        " CREATE PROCEDURE public.turns() LANGUAGE sql AS 'SELECT'")
        cls.other = {name: cls._sidecar_of(name, encoding) for name, encoding in (
            ("narrow", "LATIN1"), ("bytes", "SQL_ASCII"), ("broken", "UTF8"))}

    @classmethod
    def _sidecar_of(cls, name, encoding):
        cls.server.psql(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0", database="postgres")
        cls.server.psql("CREATE EXTENSION ayb_jobs", database=name)
        return Sidecar(f"refusals_{name}", cls.server.dsn().replace("dbname=app", f"dbname={name}"))

    @classmethod
    def tearDownClass(cls):
        try:
            for sidecar in cls.other.values():
                sidecar.stop()
            super().tearDownClass()
        finally:
            cls.server.psql("SELECT ayb_jobs.unregister_handler('does'), ayb_jobs.unregister_handler('turns');"
                            " DROP PROCEDURE public.turns();"
                            " DROP MATERIALIZED VIEW public.refused")
            for name in cls.other:
                cls.server.psql(f"DROP DATABASE {name} WITH (FORCE)", database="postgres")

    def job(self):
        return self.good(self.ask("POST", "/jobs", {"type": "refused", "runAt": "2100-01-01T00:00:00Z"}), 201)["id"]

    def ended(self):
        job = self.job()
        self.good(self.ask("POST", f"/jobs/{job}/cancel"))
        return job

    def schedule(self, name="refused", **more):
        return self.ask("POST", "/schedules", {"name": name, "jobType": "x", "cronExpr": "0 0 1 1 *", **more})

    def new_sessions(self, database="app"):
        whose = f"FROM pg_stat_activity WHERE usename = 'sidecar' AND datname = '{database}'"
        self.server.psql("SELECT pg_terminate_backend(pid) " + whose)
        until(lambda: self.server.psql("SELECT count(*) " + whose) == "0", "the sessions to end")

    @contextlib.contextmanager
    def sessions_with(self, *settings):
        """The sidecar's sessions have these settings."""
        for setting in settings:
            self.server.psql(f"ALTER ROLE sidecar IN DATABASE app SET {setting}")
        self.new_sessions()
        try:
            yield
        finally:
            self.server.psql("ALTER ROLE sidecar IN DATABASE app RESET ALL")
            self.new_sessions()

    @contextlib.contextmanager
    def broken(self, break_it, mend):
        """A database of the extension in which that was done."""
        self.server.psql("SET allow_system_table_mods = on; " + break_it, database="broken")
        self.new_sessions("broken")
        try:
            yield self.other["broken"]
        finally:
            self.server.psql("SET allow_system_table_mods = on; " + mend, database="broken")

    def renamed(self, statement, name):
        """The same, in which what has the name has it no more."""
        return self.broken(statement % (name, "gone"), statement % ("gone", name))

    def asked_while_held(self, held, method, path, when_waiting=lambda: None):
        """The answer to a request that waits for what is held, until that has been done."""
        answers = []
        with self.server.held(held):
            thread = threading.Thread(target=lambda: answers.append(self.ask(method, path)))
            thread.start()
            waits = "FROM pg_stat_activity WHERE usename = 'sidecar' AND wait_event_type = 'Lock'"
            until(lambda: self.server.psql("SELECT count(*) " + waits) == "1", "it to wait")
            when_waiting()
        thread.join()
        return answers[0]

    def retry_unknown(self):
        yield self.ask("POST", f"/jobs/{UNKNOWN}/retry")

    def retry_queued(self):
        yield self.ask("POST", f"/jobs/{self.job()}/retry")

    def run_unknown(self):
        yield self.ask("POST", f"/jobs/{UNKNOWN}/run")
        yield self.ask("PATCH", f"/jobs/{UNKNOWN}", {"delay": "1 h"})

    def cancel_unknown(self):
        yield self.ask("POST", f"/jobs/{UNKNOWN}/cancel")

    def cancel_ended(self):
        yield self.ask("POST", f"/jobs/{self.ended()}/cancel")

    def force_unknown(self):
        yield self.ask("POST", f"/jobs/{UNKNOWN}/cancel?force=true")

    def force_ended(self):
        job = self.good(self.ask("POST", "/jobs", {"type": "does"}), 201)["id"]
        until(lambda: self.good(self.ask("GET", f"/jobs/{job}"))["state"] == "completed", "it to complete")
        yield self.ask("POST", f"/jobs/{job}/cancel?x&force=true")

    def unknown_schedule(self):
        for method, rest in (("PUT", ""), ("DELETE", ""), ("POST", "/enable"), ("POST", "/disable"), ("POST", "/run")):
            yield self.ask(method, f"/schedules/{UNKNOWN}{rest}", {})

    def same_schedule(self):
        self.schedule("twice")
        yield self.schedule("twice")

    def no_rule(self):
        yield self.schedule("ruled", cronExpr="61 * * * *")
        yield self.ask("PUT", f"/schedules/{self.good(self.schedule('kept'), 201)['id']}", {"cronExpr": "x"})
        yield self.ask("POST", "/schedules/preview", {"cronExpr": "x"})
        yield self.schedule("never", cronExpr="0 0 30 2 *")

    def no_zone(self):
        yield self.schedule("zoned", timezone="Nowhere")
        yield self.ask("PUT", f"/schedules/{self.good(self.schedule('moved'), 201)['id']}", {"timezone": "CEST"})
        yield self.ask("POST", "/schedules/preview", {"cronExpr": "* * * * *", "timezone": "+02"})

    def unknown_matview(self):
        yield self.ask("PUT", f"/matviews/{UNKNOWN}", {"refreshMode": "standard"})
        yield self.ask("DELETE", f"/matviews/{UNKNOWN}")
        yield self.ask("POST", f"/matviews/{UNKNOWN}/refresh")

    def no_matview(self):
        yield self.ask("POST", "/matviews", {"viewName": "nothing_of_the_kind"})

    def same_matview(self):
        self.ask("POST", "/matviews", {"viewName": "refused"})
        yield self.ask("POST", "/matviews", {"viewName": "refused"})

    def no_interval(self, path="/series"):
        yield self.ask("GET", path + "?step=soon")

    def long_interval(self, path="/series"):
        yield self.ask("GET", path + "?step=2147483647%20years")

    def longest_interval(self, path="/series"):
        yield self.ask("GET", path + "?step=99999999999999999999%20days")

    def months(self, path="/series"):
        self.good(self.ask("POST", "/jobs", {"type": "does"}), 201)
        until(lambda: self.good(self.ask("GET", "/series"))["count"] > 0, "an attempt to be counted")
        yield self.ask("GET", path + "?step=1%20month")

    def no_text(self):
        self.server.psql("SELECT ayb_jobs.enqueue('parked', to_jsonb(convert_from('\\xff', 'SQL_ASCII')))", database="bytes")
        yield self.other["bytes"].ask("GET", "/jobs")

    def out_of_range(self):
        yield self.ask("POST", "/jobs", {"type": "x", "maxAttempts": 4000000000})
        yield self.other["narrow"].ask("POST", "/jobs", {"type": "\u65e5"})  # a character that it hasn't
        yield self.other["narrow"].ask("GET", "/jobs?type=%E6%97%A5")

    def no_right(self):
        yield self.ask("POST", "/jobs", {"type": "x", "runAs": "postgres"})

    def overtaken(self):
        job = self.job()
        with self.sessions_with("default_transaction_isolation = 'repeatable read'"):
            yield self.asked_while_held(f"UPDATE ayb_jobs.job_queue SET updated_at = now() WHERE id = '{job}'",
                                        "POST", f"/jobs/{job}/cancel")

    def misfit(self):
        versions = ("UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'ayb_jobs'",
                    "UPDATE pg_extension SET extversion = default_version FROM pg_available_extensions"
                    " WHERE name = extname AND extname = 'ayb_jobs'")
        with self.broken(*versions) as sidecar:
            yield sidecar.ask("POST", "/jobs", {"type": "x"})
            # Not a job that has failed, which is another thing.
            yield sidecar.ask("POST", f"/jobs/{UNKNOWN}/retry")

    def locked(self):
        job = self.job()
        with self.sessions_with("lock_timeout = '10ms'"), \
                self.server.held(f"SELECT FROM ayb_jobs.job_queue WHERE id = '{job}' FOR UPDATE"):
            yield self.ask("POST", f"/jobs/{job}/cancel")

    def no_room(self):
        self.server.psql("SELECT ayb_jobs.enqueue_many('parked', array_agg(to_jsonb(repeat('x', 2000))))"
                         " FROM generate_series(1, 200)")
        with self.sessions_with("work_mem = '64kB'", "temp_file_limit = 0"):
            yield self.ask("GET", "/jobs?limit=200")

    def interrupted(self):
        waits = "FROM pg_stat_activity WHERE usename = 'sidecar' AND wait_event_type = 'Lock'"
        yield self.asked_while_held("LOCK TABLE ayb_jobs.handlers", "GET", "/handlers",
                                    lambda: self.server.psql("SELECT pg_cancel_backend(pid) " + waits))

    def no_library(self):
        lanes = "UPDATE pg_proc SET probin = '%s' WHERE proname = 'lanes' AND pronamespace = 'ayb_jobs'::regnamespace"
        with self.broken(lanes % "gone", lanes % "$libdir/ayb_jobs") as sidecar:
            yield sidecar.ask("GET", "/lanes")

    def no_role(self):
        yield self.ask("POST", "/jobs", {"type": "x", "runAs": "nobody_at_all"})

    def no_table(self):
        with self.renamed("ALTER TABLE ayb_jobs.%s RENAME TO %s", "handlers") as sidecar:
            yield sidecar.ask("GET", "/handlers")

    def no_column(self):
        with self.renamed("ALTER TABLE ayb_jobs.handlers RENAME %s TO %s", "definer") as sidecar:
            yield sidecar.ask("GET", "/handlers")

    def no_function(self):
        with self.renamed("ALTER FUNCTION ayb_jobs.%s() RENAME TO %s", "lanes") as sidecar:
            yield sidecar.ask("GET", "/lanes")

    def no_schema(self):
        with self.renamed("ALTER SCHEMA %s RENAME TO %s", "ayb_jobs") as sidecar:
            yield sidecar.ask("GET", "/lanes")

    def a_procedure(self):
        yield self.ask("POST", "/jobs", {"type": "turns"})

    def flow_unknown(self):
        yield self.ask("POST", f"/flows/{UNKNOWN}/cancel")
        yield self.ask("POST", f"/flows/{UNKNOWN}/retry")

    def parent_unknown(self):
        yield self.ask("POST", "/flows", {"jobs": [{"name": "a", "type": "x", "dependsOn": ["b"]}]})

    def held_unknown(self):
        token = self.good(self.ask("POST", "/tokens", {"name": "w", "right": "work", "role": "sidecar"}), 201)["token"]
        for verb, said in (("progress", {"percent": 1}), ("log", {"message": "x"})):
            yield self.sidecar.ask_with(token, "POST", f"/api/worker/{verb}", {"id": UNKNOWN, "attempt": 1, **said})

    def held_large(self):
        token = self.good(self.ask("POST", "/tokens", {"name": "large", "right": "work", "role": "sidecar"}), 201)["token"]
        body = {"id": UNKNOWN, "attempt": 1, "payload": "x" * (16 * 1024 * 1024 + 1)}
        yield self.sidecar.ask_with(token, "POST", "/api/worker/snooze", body)

    def no_phase(self):
        yield self.ask("GET", "/jobs?phase=nope")
        yield self.ask("GET", "/jobs/counts?phase=nope")
        yield self.ask("POST", "/jobs/cancel", {"phase": "nope"})

    PROVOKED = {
        ("POST /api/admin/jobs/{id}/retry", "P0002"): retry_unknown,
        ("POST /api/admin/jobs/{id}/retry", "55000 state"): retry_queued,
        ("POST /api/admin/jobs/{id}/cancel?force=true", "P0002"): force_unknown,
        ("POST /api/admin/jobs/{id}/cancel?force=true", "55000 state"): force_ended,
        ("POST /api/admin/jobs/{id}/cancel", "P0002"): cancel_unknown,
        ("POST /api/admin/jobs/{id}/cancel", "55000 state"): cancel_ended,
        ("/api/admin/jobs/{id}", "P0002"): run_unknown,
        ("/api/admin/jobs", "22023 phase"): no_phase,
        ("/api/admin/flows/{id}", "P0002"): flow_unknown,
        ("POST /api/admin/flows", "P0002"): parent_unknown,
        ("/api/admin/schedules/{id}", "P0002"): unknown_schedule,
        ("POST /api/admin/schedules", "23505"): same_schedule,
        ("/api/admin/schedules", "22023 cronExpr"): no_rule,
        ("/api/admin/schedules", "22023 timezone"): no_zone,
        ("/api/admin/matviews/{id}", "P0002"): unknown_matview,
        ("/api/worker/", "P0002"): held_unknown,
        ("/api/worker/", "54000"): held_large,
        ("POST /api/admin/matviews", "42P01"): no_matview,
        ("POST /api/admin/matviews", "23505"): same_matview,
        ("GET /api/admin/series", "22007"): no_interval,
        ("GET /api/admin/series", "22008"): long_interval,
        ("GET /api/admin/series", "22015"): longest_interval,
        ("GET /api/admin/series", "0A000"): months,
        **{("GET /api/admin/depths", sqlstate): functools.partial(provoke, path="/depths") for sqlstate, provoke in (
            ("22007", no_interval), ("22008", long_interval), ("22015", longest_interval), ("0A000", months))},
        ("", "22021"): no_text,
        ("", "22"): out_of_range,
        ("", "42501"): no_right,
        ("", "40"): overtaken,
        ("", "55000"): misfit,
        ("", "55P03"): locked,
        ("", "53"): no_room,
        ("", "57014"): interrupted,
        ("", "58P01"): no_library,
        ("", "42704"): no_role,
        ("", "42P01"): no_table,
        ("", "42P13"): a_procedure,
        ("", "42883"): no_function,
        ("", "42703"): no_column,
        ("", "3F000"): no_schema,
    }

    def test_each_row_is_provoked(self):
        known = list(rows())
        self.assertEqual([row[:2] for row in known], list(self.PROVOKED))
        for route, refused, status, message in known:
            sqlstate = refused.split()[0]
            with self.subTest(route=route, refused=refused):
                answers = list(self.PROVOKED[route, refused](self))
                self.assertGreater(len(answers), 0)
                for answer in answers:
                    error = answer.json
                    self.assertEqual((answer.status, error.get("sqlstate", "")[:len(sqlstate)]), (status, sqlstate), answer.body)
                    if message is not None:
                        self.assertRegex(error["message"], "^" + re.escape(message).replace(r"\{id\}", "[0-9a-f-]{36}") + "$")

    def test_the_manual_has_each_row(self):
        with open(os.path.join(SOURCES, "docs", "reference", "api.md"), encoding="utf-8") as file:
            manual = file.read()
        section = manual[manual.index("## What PostgreSQL refuses"):]
        lines = [line for line in section[:section.index("\n## ")].splitlines() if line.startswith("|")]
        self.assertEqual(lines[2:], list(in_the_manual()))

    def test_without_the_extension(self):
        with_extension = self.other["broken"]
        self.good(with_extension.ask("GET", "/handlers"))
        self.server.psql("CREATE DATABASE bare", database="postgres")
        bare = Sidecar("refusals_bare", self.server.dsn().replace("dbname=app", "dbname=bare"))
        try:
            for method, path, body in (("GET", "/handlers", None), ("GET", "/lanes", None), ("POST", "/jobs", {"type": "x"}),
                                       ("POST", "/matviews", {"viewName": "x"})):
                self.refused(bare.ask(method, path, body), 503, "job queue is not enabled")
        finally:
            bare.stop()
            self.server.psql("DROP DATABASE bare WITH (FORCE)", database="postgres")
