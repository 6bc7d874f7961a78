"""The document at work: a strict client that is made from it uses each operation, and a fuzzer all that its schemas allow and
more."""

import os
import re
import subprocess

from support import PASSWORD, PATIENCE, ApiTest

SEED = os.environ.get("AYB_SEED", "")


class Client(ApiTest):
    flags = ("--login-limit", "1000000")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("DELETE FROM ayb_jobs.matview_refreshes; DROP MATERIALIZED VIEW IF EXISTS public.driven_view;"
                        " CREATE MATERIALIZED VIEW public.driven_view AS SELECT 1 AS a;"
                        " ALTER MATERIALIZED VIEW public.driven_view OWNER TO sidecar; GRANT CREATE ON SCHEMA public TO sidecar")

    def run_node(self, script, *arguments):
        directory = os.environ["AYB_CLIENT"]
        node = os.path.join(os.environ["AYB_NODE"], "node")
        done = subprocess.run([node, os.path.join(directory, "made", script), f"http://127.0.0.1:{self.sidecar.port}",
                               self.sidecar.token(), *arguments], text=True, capture_output=True, timeout=4 * PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_every_operation_and_its_refusals(self):
        reader = self.good(self.ask("POST", "/tokens", {"name": "reader", "right": "read"}), 201)["token"]
        told = self.run_node("drive.js", reader)
        operations, checked = map(int, re.findall(r"\d+", told))
        self.assertGreater(operations, 45, told)
        self.assertGreater(checked, 4 * operations, told)
        self.assertEqual(self.sidecar.send("POST", "/api/admin/auth", '{"password":"%s"}' % PASSWORD).status, 200)

    def test_whatever_is_sent(self):
        told = self.run_node("fuzz.js", *([SEED] if SEED else []))
        self.assertGreater(int(re.findall(r"\d+", told)[1]), 500, told)
