"""Jobs: every route, status and message of the contract."""

import json
import re
import uuid

from cli_support import run
from support import ApiTest, until

UNKNOWN = "01234567-89ab-7def-8123-456789abcdef"
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d:\d\d$")
STATES = "invalid state filter; must be one of: queued, running, completed, failed, canceled"

HANDLERS = """
CREATE OR REPLACE FUNCTION public.good(payload jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT payload';
CREATE OR REPLACE FUNCTION public.bad(payload jsonb) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'no <luck> & "fun"'; END $$;
CREATE OR REPLACE FUNCTION public.slow(payload jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(600)';
SELECT ayb_jobs.register_handler('good', 'public.good(jsonb)');
SELECT ayb_jobs.register_handler('bad', 'public.bad(jsonb)', max_attempts => 1);
SELECT ayb_jobs.register_handler('slow', 'public.slow(jsonb)');
SELECT ayb_jobs.register_handler('parked', kind => 'external');
"""


class JobTest(ApiTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql(HANDLERS)

    def enqueue(self, kind="parked", **fields):
        return self.good(self.ask("POST", "/jobs/", {"type": kind, **fields}), 201)

    def wait(self, job, state):
        return until(lambda: self.job_in(job["id"], state), f"job {job['id']} to be {state}")

    def job_in(self, job_id, state):
        job = self.good(self.ask("GET", f"/jobs/{job_id}"))
        return job if job["state"] == state else None


class Look(JobTest):
    def test_a_job_has_the_contracts_fields_and_no_null(self):
        job = self.enqueue(payload={"n": 1})
        self.assertEqual(set(job), {"id", "type", "payload", "state", "runAt", "attempts", "maxAttempts", "createdAt",
                                    "updatedAt", "runAs", "enqueuedBy", "runs", "priority", "waitsFor", "phase"})
        self.assertEqual((job["state"], job["attempts"], job["maxAttempts"], job["runAs"]), ("queued", 0, 3, "sidecar"))
        self.assertEqual((job["enqueuedBy"], job["runs"], job["priority"]), ("sidecar", 0, 0))
        for field in ("runAt", "createdAt", "updatedAt"):
            self.assertRegex(job[field], TIME)
        self.assertEqual(self.good(self.ask("GET", "/jobs/" + job["id"])), job)
        self.assertEqual(self.good(self.ask("GET", "/jobs/" + job["id"].upper())), job)

    def test_a_completed_job(self):
        job = self.wait(self.enqueue("good", payload={"n": [1, None]}), "completed")
        self.assertEqual(job["result"], {"n": [1, None]})
        self.assertRegex(job["completedAt"], TIME)
        self.assertEqual(job["attempts"], 1)
        runs = self.good(self.ask("GET", f"/jobs/{job['id']}/runs"))
        self.assertEqual(runs["count"], 1)
        run = runs["items"][0]
        self.assertEqual((run["attempt"], run["status"]), (1, "completed"))
        self.assertNotIn("error", run)
        self.assertIsInstance(run["durationMs"], int)
        self.assertGreaterEqual(run["durationMs"], 0)
        self.assertNotIn("workerId", job)

    def test_the_log(self):
        self.server.psql("CREATE OR REPLACE FUNCTION public.says() RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
                         " PERFORM ayb_jobs.add_log('<i>one</i>'), ayb_jobs.add_log('two', 'error');"
                         " RAISE 'no' USING HINT = 'yes'; END $$;"
                         "SELECT ayb_jobs.register_handler('says', 'public.says()', max_attempts => 2, backoff => '{0}')")
        job = self.wait(self.enqueue("says"), "failed")["id"]
        lines = self.good(self.ask("GET", f"/jobs/{job}/log"))["items"]
        said = [("info", "<i>one</i>"), ("error", "two")]
        self.assertEqual([(line["attempt"], line["level"], line["message"]) for line in lines],
                         [(1, *words) for words in said] + [(2, *words) for words in said])
        self.assertRegex(lines[0]["at"], TIME)
        run = self.good(self.ask("GET", f"/jobs/{job}/runs"))["items"][1]
        self.assertEqual((run["status"], run["hint"]), ("failed", "yes"))
        self.assertRegex(run["context"], r"says\(\) \S+ 1 \S+ RAISE")  # "line" and "at" in the server's language
        self.refused(self.ask("GET", f"/jobs/{UNKNOWN}/log"), 404, "job not found")
        silent = self.wait(self.enqueue("good"), "completed")["id"]
        self.assertEqual(self.good(self.ask("GET", f"/jobs/{silent}/log")), {"items": [], "count": 0})

    def test_a_failed_job_and_its_runs(self):
        job = self.wait(self.enqueue("bad"), "failed")
        self.assertEqual(job["lastError"], 'ERROR: no <luck> & "fun" (SQLSTATE P0001)')
        runs = self.good(self.ask("GET", f"/jobs/{job['id']}/runs"))
        self.assertEqual([(run["attempt"], run["status"]) for run in runs["items"]], [(1, "failed")])
        self.assertIn("no <luck>", runs["items"][0]["error"])
        self.good(self.ask("POST", f"/jobs/{job['id']}/retry"))
        runs = until(lambda: self.ended_runs(job["id"], 2), "it to fail again")
        self.assertEqual([(run["attempt"], run["status"]) for run in runs], [(1, "failed"), (2, "failed")])

    def ended_runs(self, job_id, count):
        items = self.good(self.ask("GET", f"/jobs/{job_id}/runs"))["items"]
        return items if [run["status"] for run in items] == ["failed"] * count else None

    def test_what_a_job_waits_for(self):
        for kind, waits_for, phase in (("parked", "external", "external"), ("nobody", "handler", "waiting"),
                                       ("good", None, "due")):
            job = self.enqueue(kind)
            self.assertEqual((job.get("waitsFor"), job["phase"]), (waits_for, phase))

    def test_ids(self):
        for route, method in (("", "GET"), ("/retry", "POST"), ("/cancel", "POST"), ("/runs", "GET")):
            for wrong in ("1", "x" * 36, UNKNOWN + "0", UNKNOWN.replace("-", ""), "%00", UNKNOWN[:-1] + "g",
                          "{" + UNKNOWN + "}"):
                self.refused(self.ask(method, f"/jobs/{wrong}{route}"), 400, "invalid job id format")
        self.refused(self.ask("GET", f"/jobs/{UNKNOWN}"), 404, "job not found")
        self.refused(self.ask("GET", f"/jobs/{UNKNOWN}/runs"), 404, "job not found")

    def test_stats(self):
        self.server.psql("DELETE FROM ayb_jobs.job_queue")
        until(lambda: self.good(self.ask("GET", "/jobs/stats"))["queued"] == 0, "the counts to follow")
        self.assertNotIn("oldestQueuedAgeSec", self.good(self.ask("GET", "/jobs/stats")))
        self.enqueue(runAt="2020-01-01T00:00:00Z")
        self.enqueue(runAt="2090-01-01T00:00:00Z")
        stats = until(lambda: self.with_queued(2), "both jobs to be counted")
        self.assertLessEqual({"queued", "running", "completed", "failed", "canceled"}, set(stats))
        self.assertTrue(all(isinstance(stats[state], int) for state in ("queued", "running", "completed")))
        self.assertGreater(stats["oldestQueuedAgeSec"], 5 * 365 * 86400)
        phases = self.good(self.ask("GET", "/jobs/stats?phases=true"))
        self.assertEqual({phase: phases[phase] for phase in set(phases) - set(stats)},
                         {"due": 0, "external": 1, "waiting": 0, "scheduled": 1, "retrying": 0})

    def with_queued(self, count):
        stats = self.good(self.ask("GET", "/jobs/stats"))
        return stats if stats["queued"] == count else None


class Listing(JobTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("SET ROLE sidecar; SELECT ayb_jobs.enqueue_many('parked', array_agg(to_jsonb(n)))"
                        " FROM generate_series(1, 600) AS n")
        cls.server.psql("SET ROLE sidecar; SELECT ayb_jobs.enqueue('other'); SELECT ayb_jobs.cancel(id)"
                        " FROM ayb_jobs.jobs WHERE type = 'other'")

    def items(self, query):
        answer = self.good(self.ask("GET", "/jobs" + query))
        self.assertEqual(answer["count"], len(answer["items"]))
        return answer["items"]

    def test_limits(self):
        for query, count in (("", 50), ("?limit=2", 2), ("?limit=0", 50), ("?limit=-3", 50), ("?limit=x", 50),
                             ("?limit=1e2", 50), ("?limit=501", 500), ("?limit=99999999999999999999", 50), ("?", 50),
                             ("?limit=3&", 3), ("?limit=2&offset=600", 1), ("?offset=-5", 50), ("?offset=601", 0)):
            self.assertEqual(len(self.items(query)), count, query)

    def test_the_newest_come_first(self):
        items = self.items("?limit=500")
        keys = [(job["createdAt"], job["id"]) for job in items]
        self.assertEqual(keys, sorted(keys, reverse=True))
        self.assertEqual(self.items("?limit=3&offset=1"), items[1:4])

    def test_an_empty_list_is_no_null(self):
        self.assertEqual(self.ask("GET", "/jobs?type=nothing").body, b'{"items":[],"count":0}')

    def test_filters(self):
        self.assertEqual([job["type"] for job in self.items("?state=canceled")], ["other"])
        self.assertEqual(len(self.items("?state=&limit=7")), 7)
        self.assertEqual(self.items("?state=queued&type=other"), [])
        self.assertEqual(len(self.items("?type=other&state=canceled")), 1)
        for state in ("Queued", "done", "queued,failed", "%27"):
            self.refused(self.ask("GET", "/jobs?state=" + state), 400, STATES)
        self.assertEqual(self.items("?until=2000-01-01T00:00:00Z"), [])
        self.assertEqual(self.items("?since=2090-01-01T00:00:00Z"), [])
        self.refused(self.ask("GET", "/jobs?since=yester"), 400, "invalid since")
        one = self.items("?type=other")[0]
        self.assertEqual(self.items("?q=" + one["id"].upper()), [one])
        self.assertEqual(self.items("?q=%25"), [])

    def test_cursors_walk_over_all(self):
        seen, cursor = [], ""
        while cursor is not None:
            answer = self.good(self.ask("GET", f"/jobs?limit=250&cursor={cursor}"))
            seen += [job["id"] for job in answer["items"]]
            cursor = answer.get("nextCursor")
        self.assertEqual((len(seen), len(set(seen))), (601, 601))
        self.refused(self.ask("GET", "/jobs?cursor=x"), 400, "invalid cursor")


class Search(JobTest):
    """More jobs than one request looks at, and few that are asked for."""

    NEWEST = 25000
    FAIL = "SELECT ayb_jobs.fail(id, 'w', attempt, 'the Needle broke') FROM ayb_jobs.claim('w', ARRAY['parked'])"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = cls.server.psql("SET ROLE sidecar; SELECT ayb_jobs.enqueue('parked', '{\"user\": 42}', max_attempts => 1,"
                                    " idempotency_key => 'Invoice-7')")
        cls.server.psql("SET ROLE sidecar; " + cls.FAIL)
        # Jobs of the past have the ids of the past.
        cls.server.psql(cls.aged("id = '" + cls.first + "'", "-2 days"))
        cls.first = cls.server.psql("SELECT id FROM ayb_jobs.jobs")
        cls.server.psql("SET ROLE sidecar; SELECT count(*) FROM"
                        f" ayb_jobs.enqueue_many('crowd', array_fill('{{}}'::jsonb, ARRAY[{cls.NEWEST}]))")
        cls.server.psql("ANALYZE ayb_jobs.job_queue")

    @staticmethod
    def aged(which, by):
        stamp = "lpad(to_hex((extract(epoch FROM now() + interval '" + by + "') * 1000)::bigint), 12, '0')"
        return (f"UPDATE ayb_jobs.job_queue SET id = (substr({stamp}, 1, 8) || '-' || substr({stamp}, 9, 4) || "
                f"substr(id::text, 14))::uuid, created_at = now() + interval '{by}' WHERE {which}")

    def page(self, query):
        return self.good(self.ask("GET", "/jobs?" + query))

    def counts(self, query):
        return self.good(self.ask("GET", "/jobs/counts?" + query))

    def test_text_is_found_in_steps(self):
        for text in ("needle", "NEEDLE%20broke", "invoice-7", "%22user%22:%2042"):
            page = self.page("q=" + text)
            self.assertEqual((page["items"], page["count"]), ([], 0), text)
            page = self.page(f"q={text}&cursor={page['nextCursor']}")
            self.assertEqual([job["id"] for job in page["items"]], [self.first], text)
            self.assertNotIn("nextCursor", page)
        page = self.page("q=nowhere")
        self.assertNotIn("nextCursor", self.page("q=nowhere&cursor=" + page["nextCursor"]))

    def test_an_index_shortens_the_search(self):
        for query in ("type=parked", "state=failed"):
            page = self.page(query + "&q=needle")
            self.assertEqual([job["id"] for job in page["items"]], [self.first])
            self.assertNotIn("nextCursor", page)

    def test_an_id_is_found_at_once(self):
        for text in (self.first, self.first.upper()):
            page = self.page("q=" + text)
            self.assertEqual([job["id"] for job in page["items"]], [self.first])
            self.assertNotIn("nextCursor", page)
        self.assertEqual(self.page(f"q={self.first}&type=crowd")["items"], [])
        self.assertEqual(self.counts("q=" + self.first),
                         {"queued": 0, "running": 0, "completed": 0, "failed": 1, "canceled": 0, "atLeast": []})

    def test_a_time_is_found_by_the_ids(self):
        day = self.server.psql("SELECT to_char(now() - interval '1 day', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
        page = self.page("until=" + day)
        self.assertEqual([job["id"] for job in page["items"]], [self.first])
        self.assertNotIn("nextCursor", page)
        self.assertEqual(self.page(f"since={day}&state=failed")["items"], [])
        self.assertEqual(self.page("since=2000-01-01T00:00:00Z&until=9999-12-31T23:59:59Z&limit=500")["count"], 500)
        self.assertEqual(self.counts("until=" + day)["failed"], 1)

    def test_a_job_with_an_id_of_another_kind_has_its_time_too(self):
        for other in ("f47ac10b-58cc-4372-a567-0e02b2c3d479", "00000000-58cc-4372-a567-0e02b2c3d479"):
            self.server.psql("INSERT INTO ayb_jobs.job_queue (id, type, created_at, run_as)"
                             f" VALUES ('{other}', 'imported', '2020-05-05T12:00:00Z', 'sidecar'::regrole)")
            page = self.page("since=2020-05-05T11:00:00Z&until=2020-05-05T13:00:00Z")
            self.assertEqual([job["id"] for job in page["items"]], [other])
            self.server.psql(f"DELETE FROM ayb_jobs.job_queue WHERE id = '{other}'")

    def test_counts(self):
        self.assertEqual(self.counts("type=crowd"), {"queued": 1000, "running": 0, "completed": 0, "failed": 0, "canceled": 0,
                                                     "atLeast": ["queued"]})
        self.assertEqual(self.counts("type=parked")["failed"], 1)
        counts = self.counts("q=needle")
        self.assertEqual((counts["queued"], counts["failed"], counts["atLeast"]), (0, 1, ["queued"]))
        all_of_them = until(lambda: self.all_counted(self.NEWEST), "the counts to follow")
        self.assertEqual((all_of_them["failed"], all_of_them["atLeast"]), (1, []))
        self.refused(self.ask("GET", "/jobs/counts?since=x"), 400, "invalid since")

    def all_counted(self, queued):
        counts = self.counts("")
        return counts if counts["queued"] == queued else None

    def test_types(self):
        self.assertEqual(self.good(self.ask("GET", "/jobs/types")), {"items": ["crowd", "parked"], "count": 2})

    def test_pages_with_text_hold_each_job_once(self):
        seen, cursor = [], ""
        while cursor is not None:
            page = self.page(f"q={{&type=crowd&limit=500&brief=true&cursor={cursor}")
            seen += [job["id"] for job in page["items"]]
            cursor = page.get("nextCursor")
        self.assertEqual((len(seen), len(set(seen))), (self.NEWEST, self.NEWEST))


class Brief(JobTest):
    def test_what_is_long_is_cut(self):
        small = self.enqueue(payload={"a": "<b>"})
        middle = self.enqueue(payload="ü" * 1000)
        self.enqueue(payload=[str(uuid.uuid4()) for _ in range(10000)])
        self.server.psql("UPDATE ayb_jobs.job_queue SET last_error = repeat('e', 1000)")
        large, middle, small = self.good(self.ask("GET", "/jobs?brief=true"))["items"]
        self.assertEqual(small["payloadText"], '{"a": "<b>"}')
        self.assertEqual(middle["payloadText"], '"' + "ü" * 199)
        self.assertEqual(len(middle["lastError"]), 300)
        self.assertNotIn("payloadText", large)
        self.assertTrue(all("payload" not in job and "result" not in job for job in (small, middle, large)))


class Change(JobTest):
    def test_retry(self):
        failed = self.wait(self.enqueue("bad"), "failed")
        self.server.psql("SELECT ayb_jobs.pause('bad')")
        job = self.good(self.ask("POST", f"/jobs/{failed['id']}/retry"))
        self.assertEqual((job["state"], job["attempts"]), ("queued", 0))
        self.assertNotIn("lastError", job)
        self.server.psql("SELECT ayb_jobs.resume('bad')")
        self.wait(job, "failed")

    def test_refusals(self):
        job = self.enqueue()
        refusal = self.refused(self.ask("POST", f"/jobs/{job['id']}/retry"), 409,
                               f"job {job['id']} not found or not in failed state")
        self.assertIn("queued", refusal["details"])
        for verb, state in (("retry", "failed"), ("cancel", "queued")):
            self.refused(self.ask("POST", f"/jobs/{UNKNOWN}/{verb}"), 409,
                         f"job {UNKNOWN} not found or not in {state} state")
        self.good(self.ask("POST", f"/jobs/{job['id']}/cancel"))
        refusal = self.refused(self.ask("POST", f"/jobs/{job['id']}/cancel"), 409,
                               f"job {job['id']} not found or not in queued state")
        self.assertIn("canceled", refusal["details"])

    def test_run_now_and_reschedule(self):
        job = self.good(self.ask("POST", "/jobs", {"type": "parked", "runAt": "2090-01-01T00:00:00Z"}), 201)
        path = "/jobs/" + job["id"]
        later = self.good(self.ask("PATCH", path, {"runAt": "2091-01-01T00:00:00Z"}))
        self.assertEqual((later["state"], later["runAt"]), ("queued", "2091-01-01T00:00:00+00:00"))
        soon = self.good(self.ask("PATCH", path, {"delay": "2 hours"}))
        self.assertLess(soon["runAt"], "2090")
        self.refused(self.ask("PATCH", path, {}), 400, "runAt, delay or priority is required")
        for body, field in (({"priority": 5}, "priority"), ({"priority": 5, "delay": "1 h"}, "priority"),
                            ({"runAt": "2091-01-01T00:00:00Z", "delay": "1 h"}, "delay"), ({"delay": "-1 h"}, "delay")):
            answer = self.ask("PATCH", path, body)
            self.assertEqual((answer.status, answer.json["field"]), (400, field), answer.body)
        self.raised(self.ask("PATCH", path, {"delay": "soon"}), 400, "22007")
        self.refused(self.ask("PATCH", path, {"at": "x"}), 400, 'unknown key "at"')
        self.assertEqual(self.good(self.ask("GET", path))["runAt"], soon["runAt"])  # nothing by halves
        both = self.good(self.ask("PATCH", path, {"runAt": "2091-01-01T00:00:00Z", "priority": -4}))
        self.assertEqual((both["runAt"], both["priority"]), ("2091-01-01T00:00:00+00:00", -4))
        self.assertEqual(self.good(self.ask("PATCH", path, {"priority": 4}))["priority"], 4)
        due = self.good(self.ask("POST", path + "/run"))
        self.assertEqual((due["state"], due["runAt"]), ("queued", due["updatedAt"]))
        self.good(self.ask("POST", path + "/cancel"))
        self.raised(self.ask("PATCH", path, {"delay": "1 h"}), 409, "55000")
        self.raised(self.ask("PATCH", path, {"priority": 1}), 409, "55000")
        self.assertEqual(self.good(self.ask("POST", path + "/run"))["state"], "queued")
        self.refused(self.ask("POST", f"/jobs/{UNKNOWN}/run"), 404, "job not found")
        for body in ({"delay": "1 h"}, {"priority": 1}, {"delay": "1 h", "priority": 1}):
            self.refused(self.ask("PATCH", f"/jobs/{UNKNOWN}", body), 404, "job not found")
        self.good(self.ask("PATCH", path, {"delay": "1 h"}))
        self.assertEqual(self.good(self.ask("POST", "/jobs/run", {"ids": [job["id"], UNKNOWN]})), {"changed": 1})
        actions = self.good(self.ask("GET", path + "/actions"))["items"]
        self.assertEqual([a["action"] for a in actions],
                         ["reschedule", "reschedule", "reschedule", "priority", "priority", "run", "cancel", "run", "reschedule",
                          "run"])

    def test_delete(self):
        job = self.good(self.ask("POST", "/jobs", {"type": "parked", "payload": "Ada Lovelace"}), 201)["id"]
        answer = self.ask("DELETE", f"/jobs/{job}")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.refused(self.ask("GET", f"/jobs/{job}"), 404, "job not found")
        self.refused(self.ask("DELETE", f"/jobs/{job}"), 404, "job not found")
        running = self.wait(self.enqueue("slow"), "running")["id"]
        self.assertIn("hint", self.raised(self.ask("DELETE", f"/jobs/{running}"), 409, "55000"))
        self.good(self.ask("POST", f"/jobs/{running}/cancel?force=true"))
        self.assertEqual(self.ask("DELETE", f"/jobs/{running}").status, 204)
        # what else holds the payload is named
        schedule = self.good(self.ask("POST", "/schedules", {"name": "deleted from", "jobType": "parked", "cronExpr": "@yearly",
                                                             "payload": "Ada Lovelace"}), 201)["id"]
        ticks = [self.good(self.ask("POST", f"/schedules/{schedule}/run"), 201)["id"] for _ in range(4)]
        holders = ["schedule deleted from"]
        self.assertEqual(self.good(self.ask("DELETE", f"/jobs/{ticks[0]}")), {"holders": holders})
        self.assertEqual(self.good(self.ask("POST", "/jobs/delete", {"ids": [ticks[1], UNKNOWN]})),
                         {"changed": 1, "holders": holders})
        self.assertEqual(self.good(self.ask("POST", "/jobs/delete", {"type": "parked", "q": "lovelace"})),
                         {"changed": 2, "holders": holders})
        self.assertEqual(self.ask("DELETE", f"/schedules/{schedule}").status, 204)
        self.enqueue("gone")
        self.assertEqual(self.good(self.ask("POST", "/jobs/delete", {"type": "gone"})), {"changed": 1})
        self.refused(self.ask("POST", "/jobs/delete", {}), 400, "ids, type, since, until, phase or q is required")

    def test_cancel_ignores_its_body(self):
        job = self.good(self.ask("POST", f"/jobs/{self.enqueue()['id']}/cancel", "{broken"))
        self.assertEqual(job["state"], "canceled")
        self.assertRegex(job["canceledAt"], TIME)

    def test_cancel_a_running_one(self):
        job = self.wait(self.enqueue("slow"), "running")
        self.assertRegex(job["leaseUntil"], TIME)
        self.assertTrue(job["workerId"])
        run = self.good(self.ask("GET", f"/jobs/{job['id']}/runs"))["items"][0]
        self.assertEqual((run["attempt"], run["status"], type(run["durationMs"])), (1, "running", int))
        self.refused(self.ask("POST", f"/jobs/{job['id']}/cancel"), 409,
                     f"job {job['id']} not found or not in queued state")
        canceled = self.good(self.ask("POST", f"/jobs/{job['id']}/cancel?force=true"))
        self.assertEqual(canceled["state"], "canceled")

    def test_create(self):
        job = self.good(self.ask("POST", "/jobs", {
            "type": "parked", "payload": None, "runAt": "2090-05-06T07:08:09.123456+02:00", "maxAttempts": 7,
            "idempotencyKey": "k <&> ü", "partitionKey": "tenant ü"}), 201)
        self.assertEqual((job["runAt"], job["maxAttempts"], job["idempotencyKey"], job["partitionKey"]),
                         ("2090-05-06T05:08:09.123456+00:00", 7, "k <&> ü", "tenant ü"))
        self.assertIn("payload", job)
        self.assertIsNone(job["payload"])
        again = self.good(self.ask("POST", "/jobs", {"type": "parked", "idempotencyKey": "k <&> ü"}), 200)
        self.assertEqual(again, job)

    def test_a_deadline_and_meta(self):
        at, meta = "2090-05-06T05:08:09+00:00", {"traceparent": "00-1", "none": None}
        job = self.good(self.ask("POST", "/jobs", {"type": "parked", "expiresAt": at, "meta": meta}), 201)
        self.assertEqual((job["expiresAt"], job["meta"]), (at, meta))
        self.assertEqual(self.good(self.ask("GET", f"/jobs/{job['id']}")), job)
        # Beside `options`, whose they are as well, they count.
        options = {"expires_at": "2080-01-01", "meta": {"of": "options"}}
        both = {"type": "parked", "options": options, "meta": {"of": "its own"}}
        late = {**both, "options": None, "meta": None, "expiresAt": at}
        ids = self.good(self.ask("POST", "/jobs/many", {"jobs": [both, late]}), 201)["ids"]
        made = [self.good(self.ask("GET", f"/jobs/{one}")) for one in ids]
        self.assertEqual([(one.get("expiresAt"), one.get("meta")) for one in made],
                         [("2080-01-01T00:00:00+00:00", {"of": "its own"}), (at, None)])
        self.assertEqual(self.good(self.ask("GET", "/jobs?limit=1&type=parked"))["items"][0]["expiresAt"], at)
        for path, body in (("/jobs", {}), ("/jobs/many", None)):
            for wrong, field in (({"expiresAt": "soon"}, "expiresAt"), ({"meta": [1]}, "meta"), ({"meta": "x"}, "meta")):
                job = {"type": "parked", **wrong}
                answer = self.ask("POST", path, job if body is not None else {"jobs": [job]})
                self.assertEqual((answer.status, answer.json.get("field")), (400, field), answer.body)

    def test_create_unique(self):
        order = {"type": "parked", "payload": 1, "uniqueKey": "invoice 7"}
        job = self.good(self.ask("POST", "/jobs", order), 201)
        self.assertEqual(job["uniqueKey"], "invoice 7")
        self.assertEqual(self.good(self.ask("POST", "/jobs", {**order, "payload": 2}))["payload"], 1)
        replaced = self.good(self.ask("POST", "/jobs", {**order, "payload": 3, "options": {"on_conflict": "replace"}}))
        self.assertEqual((replaced["id"], replaced["payload"]), (job["id"], 3))
        many = [{**order, "uniqueKey": key} for key in ("z", "invoice 7", "y")]
        ids = self.good(self.ask("POST", "/jobs/many", {"jobs": many}), 201)["ids"]
        self.assertEqual([self.good(self.ask("GET", f"/jobs/{one}"))["uniqueKey"] for one in ids], ["z", "invoice 7", "y"])
        self.raised(self.ask("POST", "/jobs", {**order, "options": {"on_conflict": "drop"}}), 400, "22023", "onConflict")
        self.assertEqual(self.good(self.ask("POST", f"/jobs/{job['id']}/cancel")).get("uniqueKey"), None)

    def test_a_create_that_is_refused(self):
        for body in ({}, {"type": ""}, {"type": "x" * 101}, {"type": "x", "maxAttempts": 0},
                     {"type": "x", "runAs": "nobody"},
                     {"type": "x", "idempotencyKey": "k" * 256}, {"type": "x", "partitionKey": "k" * 256}):
            answer = self.ask("POST", "/jobs", body)
            self.assertEqual(answer.status, 400, (body, answer.body))
            self.assertTrue(answer.json["sqlstate"])
        answer = self.ask("POST", "/jobs", {"type": "x", "runAs": "postgres"})
        self.assertEqual((answer.status, answer.json["sqlstate"]), (403, "42501"))
        # The session that an error left in a transaction was not used again.
        self.enqueue()

    def test_bulk_by_ids(self):
        jobs = [self.enqueue() for _ in range(3)]
        ids = [job["id"] for job in jobs]
        self.good(self.ask("POST", f"/jobs/{ids[0]}/cancel"))
        self.assertEqual(self.good(self.ask("POST", "/jobs/cancel", {"ids": ids + [UNKNOWN]})), {"changed": 2})
        self.assertEqual(self.good(self.ask("POST", "/jobs/retry", {"ids": ids})), {"changed": 0})
        self.assertEqual(self.good(self.ask("POST", "/jobs/retry", {"ids": []})), {"changed": 0})
        # One that is no id refuses them all.
        fresh = self.enqueue()["id"]
        self.refused(self.ask("POST", "/jobs/cancel", {"ids": [fresh, "x"]}), 400, "invalid job id format")
        self.assertEqual(self.good(self.ask("GET", "/jobs/" + fresh))["state"], "queued")
        self.refused(self.ask("POST", "/jobs/retry", {"ids": ["x"]}), 400, "invalid job id format")
        self.refused(self.ask("POST", "/jobs/retry", {"ids": [1]}), 400, "invalid JSON body")
        self.refused(self.ask("POST", "/jobs/retry", {"ids": [UNKNOWN] * 1001}), 400, "at most 1000 ids at once")

    def test_bulk_by_type_and_time(self):
        kind = str(uuid.uuid4())
        for _ in range(3):
            self.enqueue(kind)
        self.refused(self.ask("POST", "/jobs/cancel", {}), 400, "ids, type, since, until, phase or q is required")
        self.refused(self.ask("POST", "/jobs/cancel", {"since": "x"}), 400, "invalid since")
        none = {"type": kind, "since": "2000-01-01T00:00:00Z", "until": "2000-01-02T00:00:00Z"}
        self.assertEqual(self.good(self.ask("POST", "/jobs/cancel", none)), {"changed": 0})
        self.assertEqual(self.good(self.ask("POST", "/jobs/cancel", {"type": kind})), {"changed": 3})
        self.refused(self.ask("POST", "/jobs/cancel", {"type": "", "q": "x"}), 400, "invalid type")

    def test_bulk_by_text(self):
        """Those that a list finds with the same words, and none beside; what ended stays as it was."""
        kind, other = str(uuid.uuid4()), str(uuid.uuid4())
        self.server.psql(f"SELECT ayb_jobs.enqueue(t, jsonb_build_object('to', n), run_at => now() + '1 day') FROM"
                         f" unnest(ARRAY['{kind}', '{other}']) AS t, unnest(ARRAY['Mill', 'mill 2', 'Moore']) AS n")
        self.assertEqual(self.good(self.ask("POST", "/jobs/cancel", {"type": kind, "q": "MILL"})), {"changed": 2})
        self.assertEqual(self.good(self.ask("POST", "/jobs/cancel", {"type": kind, "q": "MILL"})), {"changed": 0})
        left = (f"SELECT string_agg(payload ->> 'to', ',' ORDER BY type = '{kind}', id) FROM ayb_jobs.job_queue"
                " WHERE state = 'queued'")
        self.assertEqual(self.server.psql(f"{left} AND type IN ('{kind}', '{other}')"), "Mill,mill 2,Moore,Moore")
        one = self.good(self.ask("GET", f"/jobs?type={other}&q=moore"))["items"][0]["id"]
        self.assertEqual(self.good(self.ask("POST", "/jobs/cancel", {"q": one.upper()})), {"changed": 1})
        self.refused(self.ask("POST", "/jobs/cancel", {"q": ""}), 400, "ids, type, since, until, phase or q is required")
        self.refused(self.ask("POST", "/jobs/cancel", {"q": "x", "until": "soon"}), 400, "invalid until")
        self.refused(self.ask("POST", "/jobs/cancel", {"q": "x", "cursor": "y"}), 400, "invalid cursor")

    def test_by_phase(self):
        kind = str(uuid.uuid4())
        for run_at in ("now()", "now() + '1 day'", "now() + '2 days'"):
            self.server.psql(f"SELECT ayb_jobs.enqueue('{kind}', run_at => {run_at})")

        def phases(query):
            return sorted(job["phase"] for job in self.good(self.ask("GET", f"/jobs?type={kind}&{query}"))["items"])
        self.assertEqual(phases("phase=scheduled"), ["scheduled"] * 2)
        self.assertEqual(phases("phase=waiting&state=queued"), ["waiting"])  # for its handler
        self.assertEqual(phases("phase=due") + phases("phase=completed") + phases("phase=waiting&state=failed"), [])
        self.assertEqual(self.good(self.ask("GET", f"/jobs/counts?type={kind}&phase=scheduled"))["queued"], 2)
        for wrong in ("queued", "nope"):
            self.refused(self.ask("GET", "/jobs?phase=" + wrong), 400, "invalid phase")
            self.refused(self.ask("POST", "/jobs/cancel", {"type": kind, "phase": wrong}), 400, "invalid phase")
        self.assertEqual(self.good(self.ask("POST", "/jobs/cancel", {"type": kind, "phase": "failed"})), {"changed": 0})
        self.assertEqual(self.good(self.ask("POST", "/jobs/cancel", {"type": kind, "phase": "scheduled"})), {"changed": 2})
        self.assertEqual(phases("state=queued"), ["waiting"])

    def test_bulk_by_text_goes_on_where_it_stopped(self):
        kind = str(uuid.uuid4())
        self.server.psql(f"SELECT ayb_jobs.enqueue('{kind}', '\"sought\"', run_at => now() + '1 day');"
                         f" SELECT count(ayb_jobs.enqueue('{kind}', run_at => now() + '1 day')) FROM generate_series(1, 20000)")
        first = self.good(self.ask("POST", "/jobs/cancel", {"type": kind, "q": "sought"}))
        self.assertEqual(first["changed"], 0)
        again = {"type": kind, "q": "sought", "cursor": first["nextCursor"]}
        self.assertEqual(self.good(self.ask("POST", "/jobs/cancel", again)), {"changed": 1})
        done = run("jobs", "cancel", "--type", kind, "--q", "no such thing", "--dsn", self.server.dsn())
        self.assertEqual((done.returncode, done.stdout), (0, "0 jobs canceled\n"), done)
        for wrong in ((first["nextCursor"], "--type", kind), ("--force", "--type", kind), ()):
            self.assertEqual(run("jobs", "cancel", *wrong, "--dsn", self.server.dsn()).returncode, 2, wrong)
        done = run("jobs", "cancel", "--type", kind, "--dsn", self.server.dsn())
        self.assertEqual(done.stdout, "20000 jobs canceled\n", done)
        self.server.psql(f"DELETE FROM ayb_jobs.job_queue WHERE type = '{kind}'")


class Exact(JobTest):
    def test_payloads_come_back_as_they_went_in(self):
        for text in ('{"big":12345678901234567890123456789,"small":1e-30,"neg":-9223372036854775809}',
                     '"<>&\\u2028 \\u00e9 \\ud83d\\ude00 \\"\\\\ \\/ \\b\\f\\n\\r\\t"', "[[[[]]],{}]", "null", "true", "0",
                     '{"":{"":[null]}}', '"' + "ü" * 1000 + '"', "[" * 500 + "]" * 500,
                     "9" * 400):
            answer = self.ask("POST", "/jobs", '{"type":"parked","payload":' + text + "}")
            job = self.good(answer, 201)
            self.assertEqual(job["payload"], json.loads(text))
            if text.isdigit():
                self.assertIn(text.encode(), answer.body)
            read = self.ask("GET", "/jobs/" + job["id"])
            self.assertEqual(read.body, answer.body)

    def test_numbers_keep_their_digits(self):
        answer = self.ask("POST", "/jobs", '{"type":"parked","payload":[9007199254740993,0.10]}')
        self.assertIn(b"[9007199254740993, 0.10]", answer.body)


class Off(JobTest):
    def test_off_is_503_and_does_nothing(self):
        schedule = self.good(self.ask("POST", "/schedules", {"name": "s", "jobType": "x", "cronExpr": "* * * * *"}), 201)
        before = self.server.psql("SELECT count(*) FROM ayb_jobs.job_queue")
        self.server.psql("ALTER SYSTEM SET ayb_jobs.enabled = off")
        self.server.psql("SELECT pg_reload_conf()")
        try:
            until(lambda: self.ask("GET", "/jobs").status == 503, "the setting to reach the sidecar's sessions")
            # Each session reads the setting before its next statement.
            for method, path, body in (("GET", "/jobs", None), ("GET", "/jobs/stats", None), ("GET", "/jobs/" + UNKNOWN, None),
                                       ("POST", "/jobs", {"type": "parked"}), ("POST", f"/jobs/{UNKNOWN}/retry", None),
                                       ("GET", "/schedules", None), ("DELETE", "/schedules/" + schedule["id"], None),
                                       ("POST", "/schedules", {"name": "n", "jobType": "x", "cronExpr": "* * * * *"})):
                answer = self.ask(method, path, body)
                self.refused(answer, 503, "job queue is not enabled")
                self.assertEqual(answer.header("Retry-After"), "1")
            self.assertEqual(self.ask("GET", "/health").status, 200)
        finally:
            self.server.psql("ALTER SYSTEM RESET ayb_jobs.enabled")
            self.server.psql("SELECT pg_reload_conf()")
        until(lambda: self.ask("GET", "/jobs").status == 200, "it to be on again")
        self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.job_queue"), before)
        self.good(self.ask("GET", "/schedules/" + schedule["id"]))
