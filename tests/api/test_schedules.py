"""Schedules: every route, the order of the checks, what a merge keeps."""

import itertools

from support import ApiTest, until

UNKNOWN = "01234567-89ab-7def-8123-456789abcdef"


class Schedules(ApiTest):
    names = itertools.count()

    def create(self, **fields):
        body = {"name": f"s{next(self.names):03}", "jobType": "x", "cronExpr": "0 3 * * *", **fields}
        return self.good(self.ask("POST", "/schedules", body), 201)

    def put(self, schedule, **fields):
        return self.good(self.ask("PUT", "/schedules/" + schedule["id"], fields))

    def test_defaults(self):
        schedule = self.create(maxAttempts=-1)
        self.assertEqual(set(schedule), {
            "id", "name", "jobType", "payload", "cronExpr", "timezone", "enabled", "maxAttempts", "createdAt", "updatedAt",
            "nextRunAt", "overlap", "missed", "runAs", "description"})
        self.assertEqual((schedule["timezone"], schedule["enabled"], schedule["maxAttempts"], schedule["payload"]),
                         ("UTC", True, 3, {}))
        self.assertTrue(schedule["nextRunAt"].endswith("T03:00:00+00:00"))
        self.assertEqual(self.good(self.ask("GET", "/schedules/" + schedule["id"])), schedule)

    def test_a_disabled_one_has_its_next_run(self):
        self.assertIn("nextRunAt", self.create(enabled=False))

    def test_payloads(self):
        for payload in (None, 12, "x", [], {"a": None}, False):
            schedule = self.create(payload=payload)
            self.assertIn("payload", schedule)
            self.assertEqual(schedule["payload"], payload)
        self.assertIsNone(self.put(schedule, payload=None)["payload"])
        self.assertIsNone(self.put(schedule, timezone="")["payload"])

    def test_the_order_of_the_checks(self):
        body, zone = {}, "Mars/Base"
        steps = (({}, "name is required"), ({"name": ""}, "name is required"),
                 ({"name": "n" * 101}, "name must be at most 100 characters"), ({"name": "ü" * 100}, "jobType is required"),
                 ({"jobType": "t" * 101}, "jobType must be at most 100 characters"),
                 ({"jobType": "t" * 100, "timezone": zone}, "cronExpr is required"),
                 ({"cronExpr": "61 * * * *"}, "invalid cron expression"), ({"cronExpr": "0 3 * * *"}, "invalid timezone"))
        for change, message in steps:
            body.update(change)
            error = self.refused(self.ask("POST", "/schedules", body), 400, message)
        self.assertIn(zone, error["details"])
        body["cronExpr"] = "61 * * * *"
        error = self.refused(self.ask("POST", "/schedules", body), 400, "invalid cron expression")
        self.assertIn("61", error["details"])
        body.update(cronExpr="* * * * *", timezone="Europe/Berlin")
        self.good(self.ask("POST", "/schedules", body), 201)

    def test_a_name_that_is_taken(self):
        schedule = self.create()
        self.refused(self.ask("POST", "/schedules", {"name": schedule["name"], "jobType": "x", "cronExpr": "* * * * *"}),
                     409, "schedule name already exists")

    def test_list_is_by_name(self):
        for name in ("zz", "aa", "mm"):
            self.create(name=name)
        answer = self.good(self.ask("GET", "/schedules/"))
        names = [schedule["name"] for schedule in answer["items"]]
        self.assertEqual(names, sorted(names))
        self.assertEqual(answer["count"], len(names))

    def test_ids(self):
        routes = (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/enable"), ("POST", "/disable"), ("POST", "/run"))
        for method, route in routes:
            body = {} if method == "PUT" else None
            self.refused(self.ask(method, "/schedules/nope" + route, body), 400, "invalid schedule id format")
            self.refused(self.ask(method, f"/schedules/{UNKNOWN}{route}", body), 404, "schedule not found")

    def test_update_order(self):
        schedule = self.create()
        path = "/schedules/" + schedule["id"]
        self.refused(self.ask("PUT", "/schedules/x", "{"), 400, "invalid schedule id format")
        self.refused(self.ask("PUT", f"/schedules/{UNKNOWN}", "{"), 400, "invalid JSON body")
        self.refused(self.ask("PUT", f"/schedules/{UNKNOWN}", {"cronExpr": "x"}), 404, "schedule not found")
        self.refused(self.ask("PUT", path, {"cronExpr": "x"}), 400, "invalid cron expression")
        self.refused(self.ask("PUT", path, {"timezone": "y"}), 400, "invalid timezone")
        self.assertEqual(self.good(self.ask("GET", path)), schedule)

    def test_update_looks_at_cron_before_zone(self):
        path = "/schedules/" + self.create()["id"]
        self.refused(self.ask("PUT", path, {"cronExpr": "x", "timezone": "y"}), 400, "invalid cron expression")

    def test_update_merges(self):
        schedule = self.create(payload={"a": 1}, maxAttempts=5)
        same = self.put(schedule, name="other", jobType="other", cronExpr="", timezone="")
        self.assertEqual(same, schedule)
        changed = self.put(schedule, cronExpr="0 4 * * *")
        self.assertTrue(changed["nextRunAt"].endswith("T04:00:00+00:00"))
        self.assertEqual((changed["timezone"], changed["payload"], changed["maxAttempts"]), ("UTC", {"a": 1}, 5))
        moved = self.put(schedule, timezone="Asia/Tokyo")
        self.assertTrue(moved["nextRunAt"].endswith("T19:00:00+00:00"), moved)
        ours = self.put(schedule, overlap="queue", missed="all", maxAttempts=2)
        self.assertEqual((ours["overlap"], ours["missed"], ours["maxAttempts"]), ("queue", "all", 2))
        self.assertEqual(ours["nextRunAt"], moved["nextRunAt"])

    def test_next_run_moves_only_for_a_reason(self):
        schedule = self.create()
        self.server.psql(f"UPDATE ayb_jobs.schedules SET next_run_at = '2090-01-01' WHERE id = '{schedule['id']}'")
        far = "2090-01-01T00:00:00+00:00"
        self.assertEqual(self.put(schedule, cronExpr="0 3 * * *", timezone="UTC")["nextRunAt"], far)
        self.assertEqual(self.put(schedule, payload=1)["nextRunAt"], far)
        self.assertEqual(self.put(schedule, enabled=True)["nextRunAt"], far)
        off = self.put(schedule, enabled=False)
        self.assertEqual((off["enabled"], off["nextRunAt"]), (False, far))
        self.assertNotEqual(self.put(schedule, enabled=True)["nextRunAt"], far)

    def test_enable_and_disable(self):
        schedule = self.create()
        path = "/schedules/" + schedule["id"]
        for _ in range(2):
            off = self.good(self.ask("POST", path + "/disable", "{broken"))
            self.assertFalse(off["enabled"])
            self.assertNotIn("nextRunAt", off)
        for _ in range(2):
            on = self.good(self.ask("POST", path + "/enable"))
            self.assertTrue(on["enabled"])
            self.assertIn("nextRunAt", on)

    def test_run_and_delete(self):
        schedule = self.create(jobType="never", payload={"from": "schedule"})
        path = "/schedules/" + schedule["id"]
        job = self.good(self.ask("POST", path + "/run"), 201)
        self.assertEqual((job["type"], job["payload"], job["scheduleId"]),
                         ("never", {"from": "schedule"}, schedule["id"]))
        answer = self.ask("DELETE", path)
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.refused(self.ask("GET", path), 404, "schedule not found")
        self.assertNotIn("scheduleId", self.good(self.ask("GET", "/jobs/" + job["id"])))

    def test_preview(self):
        wanted = {"cronExpr": "0 9 * * MON", "timezone": "Asia/Tokyo", "count": 3}
        preview = self.good(self.ask("POST", "/schedules/preview", wanted))
        self.assertEqual((len(preview["items"]), preview["count"]), (3, 3))
        self.assertTrue(all(at.endswith("T00:00:00+00:00") for at in preview["items"]))
        self.assertIn("Monday", preview["description"])
        self.assertEqual(self.good(self.ask("POST", "/schedules/preview", {"cronExpr": "* * * * *"}))["count"], 5)
        self.refused(self.ask("POST", "/schedules/preview", {}), 400, "cronExpr is required")
        self.refused(self.ask("POST", "/schedules/preview", {"cronExpr": "x"}), 400, "invalid cron expression")
        self.refused(self.ask("POST", "/schedules/preview", {"cronExpr": "* * * * *", "timezone": "x"}), 400,
                     "invalid timezone")

    def test_preview_in_the_zones_own_time(self):
        preview = self.good(self.ask("POST", "/schedules/preview", {"cronExpr": "30 9 * * *", "timezone": "Asia/Tokyo"}))
        self.assertTrue(all(at.endswith("T09:30:00") for at in preview["localTimes"]), preview)
        self.assertEqual(len(preview["localTimes"]), 5)

    def test_described(self):
        schedule = self.create(cronExpr="0 9 * * MON", timezone="Asia/Tokyo")
        self.assertIn("Monday", schedule["description"])
        self.server.psql(f"UPDATE ayb_jobs.schedules SET cron_expr = 'broken' WHERE id = '{schedule['id']}'")
        listed = {one["id"]: one for one in self.good(self.ask("GET", "/schedules"))["items"]}
        self.assertNotIn("description", listed[schedule["id"]])
        self.server.psql(f"DELETE FROM ayb_jobs.schedules WHERE id = '{schedule['id']}'")

    def test_runs(self):
        self.server.psql("CREATE OR REPLACE FUNCTION public.quick(payload jsonb) RETURNS void LANGUAGE sql AS 'SELECT';"
                         " SELECT ayb_jobs.register_handler('quick', 'public.quick(jsonb)')")
        schedule, other = self.create(jobType="quick"), self.create(jobType="quick")
        path = f"/schedules/{schedule['id']}"
        self.assertEqual(self.good(self.ask("GET", path + "/runs")), {"items": [], "count": 0})
        jobs = [self.good(self.ask("POST", path + "/run"), 201)["id"] for _ in range(12)]
        self.good(self.ask("POST", f"/schedules/{other['id']}/run"), 201)
        runs = until(lambda: self.completed(path, 10), "the jobs to be completed")
        self.assertEqual([run["id"] for run in runs], jobs[:-11:-1])
        self.server.psql("SELECT ayb_jobs.pause('quick')")
        waiting = self.good(self.ask("POST", path + "/run"), 201)
        runs = self.good(self.ask("GET", path + "/runs"))["items"]
        self.assertEqual([(run["id"], run["state"]) for run in runs[:2]], [(waiting["id"], "queued"), (jobs[-1], "completed")])
        self.refused(self.ask("GET", f"/schedules/{UNKNOWN}/runs"), 404, "schedule not found")

    def test_what_came_of_it(self):
        self.server.psql("CREATE OR REPLACE FUNCTION public.spoilt() RETURNS void LANGUAGE sql AS 'SELECT 1 / 0';"
                         " SELECT ayb_jobs.register_handler('spoilt', 'public.spoilt()', max_attempts => 1)")
        schedule = self.create(jobType="spoilt", name='spoilt "\\ one')
        self.assertNotIn("lastRun", schedule)
        path = f"/schedules/{schedule['id']}"
        job = self.good(self.ask("POST", path + "/run"), 201)["id"]
        run = until(lambda: self.good(self.ask("GET", path)).get("lastRun"), "the job to fail")
        words = self.server.complaint("SELECT 1 / 0")
        error = f"ERROR: {words} (SQLSTATE 22012)"
        self.assertGreaterEqual(run.pop("durationMs"), 0)
        self.assertEqual(run, {"jobId": job, "outcome": "failed", "error": error, "failures": 1})
        [run] = self.good(self.ask("GET", path + "/runs"))["items"]
        self.assertEqual((run["id"], run["error"], run["durationMs"] >= 0), (job, error, True))
        line = '\nayb_jobs_schedule_failing{database="default",schedule="spoilt \\"\\\\ one"} 1\n'
        until(lambda: line in self.sidecar.send("GET", "/metrics").body.decode(), "the metric to say so")
        self.server.psql("CREATE OR REPLACE FUNCTION public.spoilt() RETURNS void LANGUAGE sql AS 'SELECT'")
        self.good(self.ask("POST", f"/jobs/{job}/retry"))
        good = until(lambda: self.good(self.ask("GET", path))["lastRun"].get("lastSuccessAt"), "the job to go well")
        self.assertGreaterEqual(self.good(self.ask("GET", path))["lastRun"]["durationMs"], 0)
        until(lambda: line.replace(" 1\n", " 0\n") in self.sidecar.send("GET", "/metrics").body.decode(), "the metric to say so")
        self.assertLess(good, self.good(self.ask("GET", f"/jobs/{job}"))["completedAt"])

    def test_a_refresh_that_failed(self):
        """Its job completes: what came of it is a failure everywhere all the same."""
        self.server.psql("CREATE MATERIALIZED VIEW public.spoilt_view AS SELECT 1 / (random() * 0)::integer AS a WITH NO DATA;"
                         " ALTER MATERIALIZED VIEW public.spoilt_view OWNER TO sidecar")
        self.good(self.ask("POST", "/matviews", {"viewName": "spoilt_view"}), 201)
        schedule = self.create(jobType="materialized_view_refresh", name="spoilt view", payload={"view_name": "spoilt_view"})
        path = f"/schedules/{schedule['id']}"
        self.good(self.ask("POST", path + "/run"), 201)
        run = until(lambda: self.good(self.ask("GET", path)).get("lastRun"), "the refresh to fail")
        words = self.server.complaint("SELECT 1 / 0")
        error = f"ERROR: {words} (SQLSTATE 22012)"
        self.assertEqual((run["outcome"], run["error"], run["failures"]), ("failed", error, 1))
        self.assertEqual([one["lastRun"]["outcome"] for one in self.good(self.ask("GET", "/schedules"))["items"]
                          if one["name"] == "spoilt view"], ["failed"])
        [run] = self.good(self.ask("GET", path + "/runs"))["items"]
        self.assertEqual((run["phase"], run["outcome"], run["error"]), ("completed", "error", words))
        line = '\nayb_jobs_schedule_failing{database="default",schedule="spoilt view"} 1\n'
        until(lambda: line in self.sidecar.send("GET", "/metrics").body.decode(), "the metric to say so")
        [check] = [one for one in self.good(self.ask("GET", "/health"))["items"] if one["name"] == "matviews"]
        self.assertEqual(check["status"], "warning")
        self.assertIn("spoilt_view", check["detail"])

    def completed(self, path, count):
        runs = self.good(self.ask("GET", path + "/runs"))["items"]
        return runs if len(runs) == count and all(run["state"] == "completed" for run in runs) else None

    def test_policies(self):
        for field in ("overlap", "missed"):
            answer = self.ask("POST", "/schedules", {"name": "p", "jobType": "x", "cronExpr": "* * * * *", field: "maybe"})
            self.raised(answer, 400, "22023", field)
