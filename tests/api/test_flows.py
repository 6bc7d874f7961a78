"""/api/admin/flows and below, and `ayb-jobs flows`: jobs that wait for each other."""

from cli_support import CliTest
from support import until

LATER = [{"name": "later", "type": "step", "delay": "1 day"}, {"name": "next", "type": "step", "dependsOn": ["later"]}]
UNKNOWN = "01234567-89ab-7def-8123-456789abcdef"


class Flows(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("""
            CREATE FUNCTION public.step(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
            BEGIN
                IF payload ? 'fails' AND NOT EXISTS (SELECT FROM public.mended) THEN RAISE EXCEPTION 'no luck'; END IF;
                RETURN payload;
            END $$;
            CREATE TABLE public.mended (a integer); GRANT ALL ON public.mended TO sidecar;
            SELECT ayb_jobs.register_handler('step', 'public.step(jsonb)', max_attempts => 1)""")

    def make(self, jobs, **more):
        return self.good(self.ask("POST", "/flows", {"jobs": jobs, **more}), 201)["id"]

    def flow(self, flow):
        return self.good(self.ask("GET", f"/flows/{flow}"))

    def in_state(self, flow, state):
        until(lambda: self.flow(flow)["state"] == state, f"the flow to be {state}")
        return self.flow(flow)

    def test_made_seen_and_handed_on(self):
        flow = self.make([{"name": "join", "type": "step", "dependsOn": ["a", "b"], "payload": {"n": 3}},
                          {"name": "a", "type": "step", "payload": {"n": 1}}, {"name": "b", "type": "step", "payload": {"n": 2}}],
                         name="fan-in")
        ended = self.in_state(flow, "completed")
        self.assertEqual((ended["name"], ended["jobs"], ended["completed"]), ("fan-in", 3, 3))
        self.assertIn("endedAt", ended)
        steps = {step["name"]: step for step in ended["steps"]}
        self.assertEqual(steps["join"]["dependsOn"], ["a", "b"])
        self.assertEqual(ended["steps"][2]["name"], "join")
        parents = self.good(self.ask("GET", f"/jobs/{steps['join']['jobId']}/parents"))
        self.assertEqual([(one["name"], one["state"]) for one in parents["items"]], [("a", "completed"), ("b", "completed")])
        self.assertEqual(self.good(self.ask("GET", f"/jobs/{steps['join']['jobId']}"))["flow"], flow)
        listed = self.good(self.ask("GET", "/flows"))
        self.assertEqual(listed["items"][0]["id"], flow)

    def test_pages(self):
        flows = [self.make([{"name": "only", "type": "step"}]) for _ in range(3)]
        first = self.good(self.ask("GET", "/flows?limit=2"))
        self.assertEqual([flow["id"] for flow in first["items"]], flows[:0:-1])
        following = self.good(self.ask("GET", f"/flows?limit=1&cursor={first['nextCursor']}"))
        self.assertEqual(following["items"][0]["id"], flows[0])
        for wrong in ("limit=0", "limit=x", "cursor=x"):
            self.refused(self.ask("GET", f"/flows?{wrong}"), 400, f"invalid {wrong.split('=', maxsplit=1)[0]}")

    def test_one_that_stands_is_retried(self):
        flow = self.make([{"name": "bad", "type": "step", "payload": {"fails": True}},
                          {"name": "next", "type": "step", "dependsOn": ["bad"]}])
        standing = self.in_state(flow, "standing")
        self.assertEqual((standing["failed"], standing["waiting"]), (1, 1))
        self.server.psql("INSERT INTO public.mended VALUES (1)")
        self.addCleanup(self.server.psql, "DELETE FROM public.mended")
        self.assertEqual(self.good(self.ask("POST", f"/flows/{flow}/retry")), {"changed": 1})
        self.in_state(flow, "completed")

    def test_canceled(self):
        flow = self.make(LATER)
        self.good(self.ask("POST", f"/flows/{flow}/cancel"))
        self.assertEqual(self.in_state(flow, "canceled")["canceled"], 2)

    def test_what_is_refused(self):
        job = {"name": "a", "type": "step"}
        for body, status, message in (({}, 400, "jobs is required"), ({"jobs": [job], "more": 1}, 400, 'unknown key "more"'),
                                      ({"jobs": [{**job, "depends_on": ["b"]}]}, 400, 'unknown key "depends_on"')):
            self.refused(self.ask("POST", "/flows", body), status, message)
        for jobs, sqlstate in (([], "22023"), ([job, job], "22023"), ([{**job, "dependsOn": ["b"]}], "P0002"),
                               ([{**job, "dependsOn": ["a"]}], "22023"), ([{**job, "onParentFailure": "what"}], "22023"),
                               ([{**job, "dependsOn": [UNKNOWN]}], "P0002")):
            answer = self.ask("POST", "/flows", {"jobs": jobs})
            self.assertEqual((answer.status, answer.json["sqlstate"]), (400, sqlstate), jobs)
        self.refused(self.ask("POST", "/flows", {"jobs": [{"name": "a", "type": "command"}]}), 403,
                     'jobs of type "command" are not made here')
        for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
            path = f"/flows/{UNKNOWN}{path}"
            self.refused(self.ask(method, path), 404, "flow not found")
        self.refused(self.ask("GET", f"/jobs/{UNKNOWN}/parents"), 404, "job not found")
        self.refused(self.ask("GET", "/flows/x"), 400, "invalid flow id format")

    def test_by_the_command_line(self):
        flow = self.make(LATER, name="by hand")
        self.assertIn("by hand", self.both("flows", "list", "--limit", "1"))
        self.assertRegex(self.both("flows", "show", flow), r"next +\S+ +step +queued +later")
        self.assertEqual(self.one("flows", "cancel", flow), f"Jobs of flow {flow} canceled: 2\n")
        self.assertEqual(self.one("flows", "retry", flow), f"Jobs of flow {flow} retried: 0\n")
