"""What a token may: its right counts at every route that the document names, and its name is what changes are kept under."""

import hashlib
import json
import os
import signal
import subprocess

from support import OUT, PATIENCE, SIDECAR, ApiTest, Sidecar, until

RIGHTS = ("read", "operate", "admin")
TOKENS = {"reader": "read", "oncall": "operate", "deploy": "admin"}
# All that somebody may change, in one text.
BOOKS = """
SELECT md5(concat(%s))
""" % ", ".join(f"(SELECT string_agg(t::text, ' ' ORDER BY t::text) FROM ayb_jobs.{table} AS t)" for table in (
    "job_queue", "job_attempts", "job_keys", "job_actions", "schedules", "matview_refreshes", "handlers", "pauses",
    "type_limits", "wire_keys"))


def lines(tokens):
    return "".join(f"{name} {right} {hashlib.sha256(name.encode()).hexdigest()}\n" for name, right in tokens.items())


def write_tokens(file, text):
    with open(file, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(file, 0o600)


class Rights(ApiTest):
    """Each token is its own name."""

    file = os.path.join(OUT, "tokens")
    flags = ("--tokens-file", file)

    @classmethod
    def setUpClass(cls):
        write_tokens(cls.file, "# who may what\n\n" + lines(TOKENS))
        super().setUpClass()

    def setUp(self):
        self.document = self.good(self.sidecar.send("GET", "/openapi.json"))
        self.job = self.good(self.ask("POST", "/jobs", {"type": "kept", "runAt": "2100-01-01T00:00:00Z"}), 201)

    def operations(self):
        """Method, path with an id that is a job's, and right of each operation that wants a token, but a worker's."""
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                if method != "parameters" and operation.get("x-right", "work") != "work":  # which is no right above another
                    yield method.upper(), path.replace("{id}", self.job["id"]), operation["x-right"]

    def refuse_all_above(self, token, right):
        before, refused = self.server.psql(BOOKS), 0
        for method, path, wanted in self.operations():
            if RIGHTS.index(wanted) <= RIGHTS.index(right):
                continue
            answer = self.refused(self.sidecar.ask_with(token, method, path, {"type": "kept"}), 403, "the token may not do this")
            self.assertEqual(answer["details"], f"it takes the right {wanted}")
            refused += 1
        self.assertEqual(self.server.psql(BOOKS), before)
        return refused

    def test_a_read_token_changes_nothing(self):
        self.assertGreater(self.refuse_all_above("reader", "read"), 15)
        before = self.server.psql(BOOKS)
        bodies = {"/api/admin/schedules/preview": {"cronExpr": "* * * * *"}}
        for method, path, wanted in self.operations():
            if wanted == "read" and not path.endswith("/events"):
                answer = self.sidecar.ask_with("reader", method, path, bodies.get(path, {}))
                self.assertIn(answer.status, (200, 404), (method, path, answer.body))
        self.assertEqual(self.server.psql(BOOKS), before)

    def test_the_database_holds_a_read_token_as_well(self):
        """Should a route of reading ever write, the database refuses it."""
        own = self.server.psql("SELECT pg_get_functiondef('ayb_jobs.actions(uuid)'::regprocedure)")
        head = own[:own.index(" LANGUAGE")]
        self.server.psql("CREATE TABLE public.written (a int); GRANT INSERT ON public.written TO ayb_jobs_read;"
                         f"{head} LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.written VALUES (1); RETURN; END$$")
        try:
            path = f"/jobs/{self.job['id']}/actions"
            self.good(self.sidecar.ask_with("deploy", "GET", path))
            self.assertEqual(self.sidecar.ask_with("reader", "GET", path).status, 503)
            self.assertEqual(self.server.psql("SELECT count(*) FROM public.written"), "1")
        finally:
            self.server.psql(f"{own}; DROP TABLE public.written")

    def test_an_operator_acts_and_makes_nothing(self):
        self.assertGreater(self.refuse_all_above("oncall", "operate"), 8)
        done = self.good(self.sidecar.ask_with("oncall", "POST", f"/jobs/{self.job['id']}/cancel"))
        self.assertEqual(done["state"], "canceled")

    def test_each_route_with_a_token_of_each_right(self):
        bodies = {"/api/admin/schedules": {"name": "of each", "jobType": "x", "cronExpr": "0 0 1 1 *"},
                  "/api/admin/schedules/preview": {"cronExpr": "* * * * *"}, "/api/admin/drain": {"timeoutSec": 1},
                  "/api/admin/tokens": {"name": "x", "right": "read"}}
        asked = 0
        for token, right in TOKENS.items():
            for method, path, wanted in self.operations():
                if path.endswith("/events"):
                    continue
                answer = self.sidecar.ask_with(token, method, path.replace("{type}", "kept"), bodies.get(path, {"type": "kept"}))
                if RIGHTS.index(wanted) <= RIGHTS.index(right):
                    self.assertNotIn(answer.status, (401, 403, 500), (token, method, path, answer.body))
                else:
                    self.refused(answer, 403, "the token may not do this")
                    self.assertEqual(answer.json["details"], f"it takes the right {wanted}")
                asked += 1
        self.server.psql("SELECT ayb_jobs.resume(), ayb_jobs.resume('kept')")
        self.assertGreater(asked, 100)

    def test_the_database_refuses_what_is_beyond_the_role(self):
        """A sidecar whose role is a member of less than a token says is that much less."""
        self.server.psql("CREATE ROLE looker LOGIN NOINHERIT; GRANT ayb_jobs_operate TO looker")
        self.addCleanup(self.server.psql, "DROP ROLE looker")
        looker = Sidecar("Looker", self.server.dsn().replace("user=sidecar", "user=looker"))
        self.addCleanup(looker.stop)
        before = self.server.psql(BOOKS)
        for method, path in (("GET", "/jobs"), ("POST", "/jobs"), ("POST", f"/jobs/{self.job['id']}/cancel")):
            answer = self.raised(looker.ask(method, path, {"type": "x"}), 403, "42501")
            self.assertEqual(answer["details"], "it takes the right admin")
        self.assertEqual(self.server.psql(BOOKS), before)

    def test_a_login_that_has_nothing_by_itself(self):
        """NOINHERIT: each right is taken on; what is made is the login's, or of whom it may become."""
        self.server.psql("CREATE ROLE front LOGIN NOINHERIT; CREATE ROLE shop LOGIN; CREATE ROLE stranger LOGIN;"
                         "GRANT ayb_jobs_admin, ayb_jobs_sidecar, shop TO front;"
                         "SELECT ayb_jobs.create_schedule('of shop', 'x', '0 0 1 1 *', run_as => 'shop'),"
                         " ayb_jobs.create_schedule('of a stranger', 'x', '0 0 1 1 *', run_as => 'stranger')")
        self.addCleanup(self.server.psql, "DELETE FROM ayb_jobs.job_queue WHERE run_as IN ('front'::regrole, 'shop'::regrole);"
                        "DELETE FROM ayb_jobs.job_actions WHERE run_as IN ('front'::regrole, 'shop'::regrole);"
                        "DELETE FROM ayb_jobs.wire_keys WHERE role = 'front'::regrole;"
                        "DELETE FROM ayb_jobs.schedules; DROP ROLE front, shop, stranger")
        front = Sidecar("Front", self.server.dsn().replace("user=sidecar", "user=front"))
        self.addCleanup(front.stop)
        for body, owner in (({"type": "x"}, "front"), ({"type": "x", "runAs": "shop"}, "shop")):
            made = self.good(front.ask("POST", "/jobs", {**body, "idempotencyKey": "one"}), 201)
            self.assertEqual((made["runAs"], made["enqueuedBy"]), (owner, "front"))
            self.assertEqual(self.good(front.ask("POST", "/jobs", {**body, "idempotencyKey": "one"}))["id"], made["id"])
            self.good(front.ask("POST", f"/jobs/{made['id']}/cancel"))
        self.assertEqual(front.ask("POST", "/jobs", {"type": "x", "runAs": "stranger"}).status, 403)
        own = self.good(front.ask("POST", "/schedules", {"name": "own", "jobType": "x", "cronExpr": "0 0 1 1 *"}), 201)
        self.assertEqual(own["runAs"], "front")
        of = {one["name"]: one["id"] for one in self.good(front.ask("GET", "/schedules"))["items"]}
        for name in ("own", "of shop"):
            self.assertEqual(self.good(front.ask("PUT", f"/schedules/{of[name]}", {"payload": {"a": 1}}))["payload"], {"a": 1})
        self.assertEqual(front.ask("PUT", f"/schedules/{of['of a stranger']}", {"payload": {"a": 1}}).status, 403)
        self.good(front.ask("PUT", f"/schedules/{of['of a stranger']}", {"cronExpr": "0 0 2 1 *"}))
        self.assertEqual(self.good(front.ask("POST", f"/schedules/{of['of a stranger']}/run"), 201)["runAs"], "stranger")
        self.server.psql("DELETE FROM ayb_jobs.job_queue WHERE run_as = 'stranger'::regrole")
        token = self.good(front.ask("POST", "/tokens", {"name": "night", "right": "read"}), 201)["token"]
        self.good(front.ask_with(token, "GET", "/health"))
        until(lambda: 'ayb_jobs_up{database="default"} 1' in front.send("GET", "/metrics").body.decode(), "metrics")

    def test_commands_are_not_made_unless_allowed(self):
        one, two = ({"command": f"SELECT {number}"} for number in (1, 2))
        schedule = self.server.psql("SELECT (ayb_jobs.create_schedule('a command', 'command', '0 0 1 1 *',"
                                    f" payload => '{json.dumps(one)}', run_as => 'sidecar')).id")
        orders = [("PUT", f"/schedules/{schedule}", {"payload": two})]
        for kind in ("command", "delete_expired", "http"):
            orders += [("POST", "/jobs", {"type": kind}), ("POST", "/jobs/many", {"jobs": [{"type": "x"}, {"type": kind}]}),
                       ("POST", "/schedules", {"name": "one", "jobType": kind, "cronExpr": "0 0 1 1 *"})]
        before = self.server.psql(BOOKS)
        for method, path, body in orders:
            answer = self.sidecar.ask_with("deploy", method, path, body)
            self.assertEqual((answer.status, "are not made here" in answer.json["message"]), (403, True), (path, answer.body))
        self.assertEqual(self.server.psql(BOOKS), before)
        self.good(self.sidecar.ask_with("deploy", "PUT", f"/schedules/{schedule}", {"timezone": "Europe/Berlin"}))
        free = Sidecar("Free", self.server.dsn(), "--allow-commands")
        self.addCleanup(free.stop)
        self.good(free.ask("POST", "/jobs", {"type": "command", "payload": one, "runAt": "2100-01-01T00:00:00Z"}), 201)
        self.assertEqual(self.good(free.ask("PUT", f"/schedules/{schedule}", {"payload": two}))["payload"], two)

    def test_who_did_what(self):
        path = f"/jobs/{self.job['id']}"
        self.good(self.sidecar.ask_with("oncall", "POST", path + "/cancel"))
        self.server.psql(f"UPDATE ayb_jobs.job_queue SET state = 'failed' WHERE id = '{self.job['id']}'")
        self.good(self.ask("POST", "/jobs/retry", {"ids": [self.job["id"]]}))
        self.good(self.sidecar.ask_with("deploy", "POST", path + "/cancel?force=true"))
        actions = self.good(self.sidecar.ask_with("reader", "GET", path + "/actions"))["items"]
        self.assertEqual([(one["action"], one["doneBy"], one["actor"]) for one in actions],
                         [("cancel", "ayb_jobs_operate", "oncall"), ("retry", "ayb_jobs_admin", "password"),
                          ("cancel", "ayb_jobs_admin", "deploy")])
        logged = [json.loads(line) for line in self.sidecar.log().splitlines() if path + "/cancel" in line]
        self.assertEqual([one["actor"] for one in logged], ["oncall", "deploy"])
        self.refused(self.ask("GET", "/jobs/" + "0" * 8 + "-0000-0000-0000-" + "0" * 12 + "/actions"), 404, "job not found")

    def test_the_file_is_read_again_at_a_signal(self):
        try:
            write_tokens(self.file, lines({**TOKENS, "new": "read"}))
            self.refused(self.sidecar.ask_with("new", "GET", "/jobs"), 401, "admin authentication required")
            self.sidecar.process.send_signal(signal.SIGHUP)
            until(lambda: self.sidecar.ask_with("new", "GET", "/jobs").status == 200, "the new token to be taken")
            write_tokens(self.file, "new sometimes 00\n")
            self.sidecar.process.send_signal(signal.SIGHUP)
            until(lambda: "the tokens stay as they were" in self.sidecar.log(), "the broken file to be told of")
            self.assertIn("line 1: a right is read, operate, admin or work:ROLE", self.sidecar.log())
            self.good(self.sidecar.ask_with("new", "GET", "/jobs"))
        finally:
            write_tokens(self.file, lines(TOKENS))
            self.sidecar.process.send_signal(signal.SIGHUP)
            until(lambda: self.sidecar.ask_with("new", "GET", "/jobs").status == 401, "the token to be gone")

    def test_a_broken_file_is_refused_at_the_start(self):
        file = os.path.join(OUT, "broken_tokens")
        for text, why in (("reader read\n", "name, right and SHA-256 are wanted"),
                          ("re.ader read " + "0" * 64 + "\n", "a name has letters"),
                          ("reader read " + "0" * 63 + "\n", "SHA-256 is 64 hex digits"),
                          ("reader read " + "0" * 64 + " more\n", "are wanted")):
            write_tokens(file, text)
            done = subprocess.run([SIDECAR, "serve", "--listen", "127.0.0.1:0", "--tokens-file", file], text=True,
                                  capture_output=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{file} line 1: ", done.stderr)
            self.assertIn(why, done.stderr)

    def test_a_sealed_token(self):
        """Who has the sidecar's role in the database gets one, whatever the password is."""
        made = self.good(self.ask("POST", "/tokens", {"name": "night", "right": "operate", "lifetimeSec": 3600}), 201)
        self.assertEqual((made["name"], made["right"]), ("night", "operate"))
        self.assertEqual(self.good(self.sidecar.ask_with(made["token"], "GET", "/me")), {"name": "night", "right": "operate"})
        self.assertEqual(self.good(self.ask("GET", "/me")), {"name": "password", "right": "admin"})
        path = f"/jobs/{self.job['id']}"
        self.good(self.sidecar.ask_with(made["token"], "POST", path + "/cancel"))
        self.assertEqual(self.good(self.ask("GET", path + "/actions"))["items"][0]["actor"], "night")
        self.refused(self.sidecar.ask_with(made["token"], "POST", "/jobs", {"type": "x"}), 403, "the token may not do this")
        name, right, end, seal = made["token"].split(".")
        for forged in (f"{name}.admin.{end}.{seal}", f"{name}.{right}.{int(end) + 1}.{seal}", f"other.{right}.{end}.{seal}",
                       f"{name}.{right}.1.{seal}", f"{name}.{right}.{end}.", "...", f"{name}.{right}.{end}.{seal[:-1]}"):
            self.refused(self.sidecar.ask_with(forged, "GET", "/jobs"), 401, "admin authentication required")
        self.server.psql("DELETE FROM ayb_jobs.wire_keys")
        until(lambda: self.sidecar.ask_with(made["token"], "GET", "/jobs").status == 401, "the key to be another one")

    def test_the_way_in_without_a_password(self):
        made = subprocess.run([SIDECAR, "token", "--name", "night", "--right", "admin", "--dsn", self.server.dsn()], text=True,
                              capture_output=True, timeout=PATIENCE)
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        locked = Sidecar("Locked", self.server.dsn(), "--login-limit", "0")
        self.addCleanup(locked.stop)
        self.good(locked.ask_with(made.stdout.strip(), "POST", "/jobs", {"type": "x"}), 201)
        # No other role's key is the sidecar's.
        self.server.psql("CREATE ROLE other LOGIN; GRANT ayb_jobs_admin, ayb_jobs_sidecar TO other")
        self.addCleanup(self.server.psql, "DELETE FROM ayb_jobs.wire_keys WHERE role = 'other'::regrole; DROP ROLE other")
        others = subprocess.run([SIDECAR, "token", "--name", "night", "--right", "admin", "--dsn",
                                 self.server.dsn().replace("user=sidecar", "user=other")], text=True, capture_output=True,
                                timeout=PATIENCE)
        self.assertEqual(locked.ask_with(others.stdout.strip(), "GET", "/jobs").status, 401)

    def test_what_a_token_can_not_be(self):
        for body, field in (({"name": "a b", "right": "read"}, "name"), ({"right": "read"}, "name"),
                            ({"name": "a", "right": "root"}, "right"),
                            ({"name": "a", "right": "read", "lifetimeSec": 0}, "lifetimeSec"),
                            ({"name": "a", "right": "read", "lifetimeSec": 10**9}, "lifetimeSec")):
            self.assertEqual(self.refused(self.ask("POST", "/tokens", body), 400, f"invalid {field}")["field"], field)
