"""Materialized views: every route, and what each refresh that fails answers and leaves behind."""

import threading

from support import ApiTest, until

UNKNOWN = "01234567-89ab-7def-8123-456789abcdef"
ROUTES = (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/refresh"))


class Matviews(ApiTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("""
            DELETE FROM ayb_jobs.matview_refreshes;
            DROP SCHEMA IF EXISTS mv CASCADE; CREATE SCHEMA mv AUTHORIZATION sidecar;
            SET ROLE sidecar;
            CREATE TABLE mv.base (a int); INSERT INTO mv.base VALUES (1);
            CREATE VIEW mv.plain AS SELECT 1 AS a""")

    def view(self, name, query="SELECT a FROM mv.base", tail=""):
        self.server.psql(f"SET ROLE sidecar; DROP MATERIALIZED VIEW IF EXISTS mv.{name};"
                         f" CREATE MATERIALIZED VIEW mv.{name} AS {query} {tail}")
        return name

    def register(self, name, **fields):
        return self.good(self.ask("POST", "/matviews", {"schemaName": "mv", "viewName": name, **fields}), 201)

    def refresh(self, registration):
        return self.ask("POST", f"/matviews/{registration['id']}/refresh")

    def outcome(self, registration):
        row = self.good(self.ask("GET", "/matviews/" + registration["id"]))
        return row.get("lastRefreshStatus"), row.get("lastRefreshError")

    def written(self, registration):
        """What the engine noted of the last refresh, in its words."""
        return self.server.psql(f"SELECT last_refresh_error FROM ayb_jobs.matviews WHERE id = '{registration['id']}'")

    def test_register(self):
        registration = self.register(self.view("one"))
        self.assertEqual((registration["schemaName"], registration["viewName"], registration["refreshMode"]),
                         ("mv", "one", "standard"))
        seen = self.good(self.ask("GET", "/matviews/" + registration["id"]))
        self.assertEqual(registration, seen)
        changed = self.good(self.ask("PUT", "/matviews/" + registration["id"], {"refreshMode": "concurrent"}))
        self.assertEqual(changed, self.good(self.ask("GET", "/matviews/" + registration["id"])))
        self.assertEqual(set(changed), set(registration))
        self.refused(self.ask("POST", "/matviews", {"schemaName": "mv", "viewName": "one"}), 409,
                     "materialized view already registered")

    def test_refusals(self):
        for body, message in (
                ({}, "viewName is required"), ({"viewName": ""}, "viewName is required"),
                ({"viewName": "a b", "refreshMode": "x"}, "refreshMode must be 'standard' or 'concurrent'"),
                ({"viewName": "a b"}, 'invalid identifier: "a b"'), ({"viewName": "1a"}, 'invalid identifier: "1a"'),
                ({"viewName": "ü"}, 'invalid identifier: "ü"'),
                ({"schemaName": "a-b", "viewName": "c d"}, 'invalid identifier: "a-b"')):
            self.refused(self.ask("POST", "/matviews", body), 400, message)
        for view in ("none", "base", "plain"):
            self.refused(self.ask("POST", "/matviews", {"schemaName": "mv", "viewName": view}), 404,
                         "materialized view not found in database")
        self.refused(self.ask("POST", "/matviews", {"viewName": "one_of_public"}), 404,
                     "materialized view not found in database")

    def test_ids(self):
        for method, route in ROUTES:
            body = {"refreshMode": "standard"} if method == "PUT" else None
            self.refused(self.ask(method, "/matviews/nope" + route, body), 400, "invalid matview id format")
            self.refused(self.ask(method, f"/matviews/{UNKNOWN}{route}", body), 404, "matview registration not found")

    def test_update_and_delete(self):
        registration = self.register(self.view("changed"))
        path = "/matviews/" + registration["id"]
        self.assertEqual(self.good(self.ask("PUT", path, {"refreshMode": "concurrent"}))["refreshMode"], "concurrent")
        for body in ({}, {"refreshMode": ""}, {"refreshMode": "Standard"}):
            for target in (path, "/matviews/" + UNKNOWN):
                self.refused(self.ask("PUT", target, body), 400, "refreshMode must be 'standard' or 'concurrent'")
        answer = self.ask("DELETE", path)
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.refused(self.ask("GET", path), 404, "matview registration not found")
        self.assertEqual(self.server.psql("SELECT count(*) FROM mv.changed"), "1")

    def test_list_is_by_schema_and_view(self):
        for name in ("zz", "aa"):
            self.register(self.view(name))
        answer = self.good(self.ask("GET", "/matviews"))
        names = [(row["schemaName"], row["viewName"]) for row in answer["items"]]
        self.assertEqual((names, answer["count"]), (sorted(names), len(names)))

    def test_a_refresh(self):
        registration = self.register(self.view("fresh"))
        answer = self.good(self.refresh(registration))
        self.assertEqual(set(answer), {"registration", "durationMs"})
        self.assertEqual(answer["registration"]["lastRefreshStatus"], "success")
        self.assertEqual(answer["registration"]["lastRefreshDurationMs"], answer["durationMs"])
        self.assertEqual(answer["registration"], self.good(self.ask("GET", "/matviews/" + registration["id"])))
        self.assertNotIn("lastRefreshError", answer["registration"])

    def test_the_view_is_gone(self):
        registration = self.register(self.view("gone"))
        self.server.psql("DROP MATERIALIZED VIEW mv.gone")
        error = self.refused(self.refresh(registration), 404, "materialized view no longer exists in database")
        self.assertEqual(error["reason"], "view_gone")
        self.assertEqual(self.outcome(registration), ("error", self.written(registration)))

    def test_concurrent_refreshes(self):
        empty = self.register(self.view("empty", tail="WITH NO DATA"), refreshMode="concurrent")
        said = "concurrent refresh requires a populated materialized view"
        self.assertEqual(self.refused(self.refresh(empty), 409, said)["reason"], "not_populated")
        self.assertEqual(self.outcome(empty), ("error", self.written(empty)))
        bare = self.register(self.view("bare"), refreshMode="concurrent")
        error = self.refused(self.refresh(bare), 409, "concurrent refresh requires a unique index on the materialized view")
        self.assertIn("CREATE UNIQUE INDEX", error["hint"])
        self.assertEqual(error["reason"], "no_unique_index")
        self.assertEqual(self.outcome(bare), ("error", self.written(bare)))
        self.server.psql("SET ROLE sidecar; CREATE UNIQUE INDEX ON mv.bare (a)")
        self.good(self.refresh(bare))

    def test_an_sql_error(self):
        self.server.psql("SET ROLE sidecar; DELETE FROM mv.base")
        registration = self.register(self.view("broken", "SELECT 1 / a AS b FROM mv.base"))
        self.server.psql("SET ROLE sidecar; INSERT INTO mv.base VALUES (0)")
        try:
            error = self.refused(self.refresh(registration), 500, "refresh failed")
        finally:
            self.server.psql("SET ROLE sidecar; UPDATE mv.base SET a = 1")
        self.assertEqual(error["sqlstate"], "22012")
        words = self.server.complaint("SELECT 1 / 0")
        self.assertEqual(self.outcome(registration), ("error", f"ERROR: {words} (SQLSTATE 22012)"))

    def test_a_refresh_that_is_a_job_completes_and_says_how_it_went(self):
        self.view("unlucky", "SELECT 1 / (random() * 0)::int AS a", "WITH NO DATA")
        self.view("lucky")
        for name, outcome in (("unlucky", "error"), ("lucky", "success")):
            job = self.good(self.ask("POST", "/jobs", {"type": "materialized_view_refresh",
                                                       "payload": {"schema_name": "mv", "view_name": name}}), 201)
            seen = until(lambda: self.completed(job["id"]), f"the refresh of {name}")
            self.assertEqual(seen["outcome"], outcome)

    def completed(self, job_id):
        job = self.good(self.ask("GET", f"/jobs/{job_id}"))
        return job if job["state"] == "completed" else None

    def test_the_lock_is_held(self):
        registration = self.register(self.view("locked"))
        self.good(self.refresh(registration))
        with self.server.held("SELECT pg_advisory_xact_lock(hashtext('mv.locked'))"):
            error = self.refused(self.refresh(registration), 409, "refresh already in progress")
            self.assertEqual(error["reason"], "in_progress")
            self.assertEqual(self.outcome(registration), ("success", None))
        self.good(self.refresh(registration))

    def test_eight_at_once_are_one_and_seven_refusals(self):
        registration = self.register(self.view("eight", "SELECT pg_advisory_xact_lock_shared(1)::text AS a", "WITH NO DATA"))
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.refresh(registration))) for _ in range(8)]
        with self.server.held("SELECT pg_advisory_xact_lock(1)"):
            for thread in threads:
                thread.start()
            until(lambda: len(answers) == 7, "seven refusals")
        for thread in threads:
            thread.join()
        for answer in answers[:7]:
            self.refused(answer, 409, "refresh already in progress")
        self.good(answers[7])

    def test_the_names_that_ayb_sends(self):
        self.view("of_ayb")
        self.refused(self.ask("POST", "/matviews", {"schema": "mv", "schemaName": "public", "viewName": "of_ayb"}), 400,
                     "schema and schemaName differ")
        # The body of AYB's page and command line, byte for byte.
        row = self.good(self.ask("POST", "/matviews", '{"schema":"mv","viewName":"of_ayb","refreshMode":"standard"}'), 201)
        self.assertEqual((row["schemaName"], row["viewName"]), ("mv", "of_ayb"))

    def test_what_is_known_of_a_view(self):
        registration = self.register(self.view("known", "SELECT a, count(*) FROM mv.base GROUP BY a"))
        self.good(self.refresh(registration))
        seen = self.good(self.ask("GET", "/matviews/" + registration["id"]))
        self.assertEqual((seen["viewExists"], seen["populated"], seen["skipUnchanged"], seen["concurrentPossible"]),
                         (True, True, False, False))
        self.assertEqual(seen["concurrentAdvice"], "CREATE UNIQUE INDEX ON mv.known (a);")
        self.assertEqual((seen["lastRefreshRows"], seen["lastDurationsMs"]), (1, [seen["lastRefreshDurationMs"]]))
        self.assertGreater(seen["sizeBytes"], 0)
        self.assertIn(seen, self.good(self.ask("GET", "/matviews"))["items"])

    def test_it_is_being_refreshed(self):
        registration = self.register(self.view("busy", "SELECT pg_advisory_xact_lock_shared(1)::text AS a", "WITH NO DATA"))
        path = "/matviews/" + registration["id"]
        self.server.psql("GRANT pg_read_all_stats TO ayb_jobs_read")
        self.addCleanup(self.server.psql, "REVOKE pg_read_all_stats FROM ayb_jobs_read")
        self.assertFalse(self.good(self.ask("GET", path))["refreshing"])
        refresh = threading.Thread(target=self.refresh, args=(registration,))
        with self.server.held("SELECT pg_advisory_xact_lock(1)"):
            refresh.start()
            seen = until(lambda: [row for row in [self.good(self.ask("GET", path))] if row["refreshing"]], "it to be seen")[0]
            self.assertIn("refreshingSince", seen)
        refresh.join()
        seen = self.good(self.ask("GET", path))
        self.assertFalse(seen["refreshing"])
        self.assertNotIn("refreshingSince", seen)

    def test_what_can_be_registered(self):
        self.view("unknown")
        self.view('"odd name"')
        self.view("empty_one", tail="WITH NO DATA")
        items = self.good(self.ask("GET", "/matviews/available"))["items"]
        self.assertIn({"schemaName": "mv", "viewName": "unknown", "owner": "sidecar", "populated": True}, items)
        self.assertIn({"schemaName": "mv", "viewName": "empty_one", "owner": "sidecar", "populated": False}, items)
        names = [(item["schemaName"], item["viewName"]) for item in items]
        self.assertEqual(names, sorted(names))
        self.assertNotIn(("mv", "odd name"), names)
        self.register("unknown")
        names = [item["viewName"] for item in self.good(self.ask("GET", "/matviews/available"))["items"]]
        self.assertNotIn("unknown", names)

    def test_dependencies(self):
        self.view("lower")
        self.view("upper", "SELECT a FROM mv.lower")
        items = self.good(self.ask("GET", "/matviews/dependencies"))["items"]
        self.assertIn({"schemaName": "mv", "viewName": "upper", "readsSchema": "mv", "readsView": "lower"}, items)
        self.server.psql("DROP MATERIALIZED VIEW mv.upper")
