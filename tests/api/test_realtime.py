"""GET /api/realtime: who is let in, what is sent, and what an admin sees of it."""

import json
import os
import re
import signal

from realtime_support import SECRET, RealtimeTest, post, token
from support import Sidecar, until


class Contract(RealtimeTest):
    """AYB's words, in its order: the token, the tables, the filter."""

    def wrong(self, query, status, message, bearer=None, **headers):
        answer = self.get(query, token() if bearer is None else bearer, **headers)
        self.refused(answer, status, message)
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertEqual(answer.header("Referrer-Policy"), "no-referrer")

    def test_who_has_no_token(self):
        self.refused(self.get(""), 401, "authentication required")
        self.refused(self.get("?tables=posts", Authorization="Basic x"), 401, "authentication required")
        self.refused(self.get("?tables=posts&token="), 401, "authentication required")
        for bad in ("x", token() + ".x", token(secret="another secret of thirty-two bytes"), token(lifetime=-1),
                    token(lifetime=90000), token(mfa_pending=True), token(sub=""), token(iat="1")):
            self.wrong("?tables=posts", 401, "invalid or expired token", bad)
        self.refused(self.get("?tables=posts&token=x"), 401, "invalid or expired token")
        self.refused(self.get("?tables=posts&ticket=x"), 401, "invalid or expired token")
        # The field goes before the address.
        self.wrong("?tables=posts&token=" + token(), 401, "invalid or expired token", "x")

    def test_no_token_is_logged(self):
        secret_one = token("somebody")
        self.get("?tables=nothing&token=" + secret_one)
        self.get("?tables=nothing&token=" + secret_one + ".x")
        self.get("?tables=nothing", secret_one)
        for part in secret_one.split("."):
            self.assertNotIn(part, self.sidecar.log())

    def test_tables(self):
        for query in ("", "?tables=", "?tables"):
            self.wrong(query, 400, "tables parameter is required")
        for query in ("?tables=,", "?tables=%20,%20"):
            self.wrong(query, 400, "at least one valid table is required")
        self.wrong("?tables=" + ",".join(f"t{i}" for i in range(101)), 400, "at most 100 tables are taken")
        # The same words for what isn't there, isn't enabled, is no table, or can't be read.
        for name in ("nothing", "plain", "seen", "hidden", "pg_class", "pg_catalog.pg_class", "ayb_jobs.jobs", "POSTS",
                     "side.posts", "things", 'po"sts', "posts.posts", "a\\b", "{}", "'"):
            self.wrong(f"?tables=notes,{name}".replace('"', "%22").replace("\\", "%5C").replace("{", "%7B").replace("}", "%7D"),
                       400, "unknown table: " + name)

    def test_a_token_may_allow_some_tables(self):
        self.wrong("?tables=notes,posts", 400, "unknown table: notes", token(allowedTables=["posts"]))
        self.wrong("?tables=posts", 400, "unknown table: posts", token(allowedTables=[]))
        self.wrong("?tables=posts", 400, "unknown table: posts", token(allowedTables=["side.posts"]))
        self.wrong("?tables=posts", 401, "invalid or expired token", token(apiKeyScope="writeonly"))
        stream = self.listen("posts,side.things", bearer=token(allowedTables=["public.posts", "side.things"]))
        self.assertEqual(stream.status(), 200)

    def test_filters(self):
        for text in ("x", "id=eq", "id=is.1", "id=eq."):
            answer = self.get("?tables=posts&filter=" + text, token())
            self.assertEqual((answer.status, answer.json["message"][:16]), (400, "invalid filter: "))
        # A column that isn't there, and one that can't be read.
        for column in ("nothing", "secret", "ctid"):
            self.wrong(f"?tables=posts&filter={column}=eq.1", 400, f"invalid filter: unknown column: {column}")

    def test_origins(self):
        self.wrong("?tables=posts", 403, "origin not allowed", Origin="https://evil.example")
        self.wrong("?tables=posts", 403, "origin not allowed", Origin="null")
        self.refused(self.sidecar.send("POST", "/api/realtime/ticket", headers={"Origin": "https://evil.example"}), 403,
                     "origin not allowed")
        own = f"http://127.0.0.1:{self.sidecar.port}"
        self.wrong("", 400, "tables parameter is required", Origin=own)
        sidecar = self.start_sidecar("Origins", "--cors-origins", "https://app.example")
        answer = self.get("", token(), sidecar, Origin="https://app.example")
        self.assertEqual((answer.status, answer.header("Access-Control-Allow-Origin")), (400, "https://app.example"))
        self.assertEqual(sidecar.stop(), 0)

    def test_secrets_are_read_again(self):
        new = "the next secret of the application, 32 bytes"
        self.addCleanup(self.reload, SECRET)
        self.reload(new, SECRET)
        for secret in (new, SECRET):
            until(lambda secret=secret: self.get("", token(secret=secret)).status == 400, "the secrets")
        self.reload(new)
        until(lambda: self.get("", token()).status == 401, "the old secret to be gone")
        self.reload("short")
        until(lambda: "the tokens stay as they were" in self.sidecar.log(), "the log")
        self.assertEqual(self.get("", token(secret=new)).status, 400)

    def reload(self, *secrets):
        self.write_secrets(*secrets)
        self.sidecar.process.send_signal(signal.SIGHUP)

    def test_head_begins_nothing(self):
        answer = self.sidecar.send("HEAD", "/api/realtime?tables=posts", headers={"Authorization": "Bearer " + token()})
        self.assertEqual((answer.status, answer.header("Content-Type"), answer.body), (200, "text/event-stream", b""))

    def test_tickets(self):
        self.refused(self.sidecar.send("POST", "/api/realtime/ticket"), 401, "authentication required")
        self.refused(self.sidecar.ask_with("x", "POST", "/api/realtime/ticket"), 401, "invalid or expired token")
        given = self.good(self.sidecar.ask_with(token("u7"), "POST", "/api/realtime/ticket"))
        self.assertEqual(given["expiresIn"], 30)
        stream = self.listen(ticket=given["ticket"])
        self.insert(1, owner="u7")
        stream.heard(post(1, "u7"))
        self.refused(self.get("?tables=posts&ticket=" + given["ticket"]), 401, "invalid or expired token")


class Streams(RealtimeTest):
    def test_each_is_told_what_it_may_see(self):
        one, other = self.listen("posts,notes"), self.listen("posts,notes", subject="u2")
        self.assertRegex(one.frames("connected")[0].data["clientId"], "^c[0-9]+$")
        self.assertIn("Content-Type: text/event-stream\r\n", one.text)
        self.insert(1)
        self.insert(2, owner="u2")
        self.server.psql("INSERT INTO notes VALUES (1, 'ä \"b\"')")
        one.heard({"id": 1, "note": 'ä "b"'}, "notes")
        other.heard({"id": 1, "note": 'ä "b"'}, "notes")
        self.server.psql("UPDATE posts SET body = 'c', secret = 't' WHERE id = 1")
        one.heard(post(1, body="c"), action="update")
        self.server.psql("DELETE FROM posts; INSERT INTO notes VALUES (2, '')")
        note = {"action": "create", "table": "notes", "record": {"id": 1, "note": 'ä "b"'}}
        for stream, number, owner in ((one, 1, "u1"), (other, 2, "u2")):
            told = stream.heard({"id": 2, "note": ""}, "notes")
            self.assertEqual({c["record"]["owner"] for c in told if c["table"] == "posts" and c["action"] != "delete"}, {owner})
            self.assertIn(note, told)
            self.assertIn({"action": "delete", "table": "posts", "record": {"id": number}}, told)
            self.assertNotIn("secret", stream.text)
            ids = [frame.id for frame in stream.frames("message") if frame.data]
            self.assertEqual(len(ids), len(set(ids)))

    def test_what_is_hidden_leaves_no_trace(self):
        """Who may not see rows gets, byte for byte, what one gets when nothing happens, but for what is made by chance."""
        hidden = ("INSERT INTO posts VALUES (101, 'u2', 1, 'b', 's'), (102, NULL, 1, 'b', 's')",
                  "INSERT INTO posts VALUES (103, 'u2', 1, repeat('x', 70000), 's')",
                  "UPDATE posts SET body = 'c' WHERE id > 100", "UPDATE posts SET id = id + 100 WHERE id > 100",
                  "UPDATE posts SET owner = 'u3' WHERE owner = 'u2'",
                  "UPDATE posts SET secret = secret || 't'", "UPDATE posts SET body = body",
                  "BEGIN; DELETE FROM posts; INSERT INTO posts VALUES (1, 'u1'); ROLLBACK",
                  "INSERT INTO posts SELECT i, 'u2', 1, 'b', 's' FROM generate_series(1000, 1999) AS i",
                  "INSERT INTO notes VALUES (1, 'n') ON CONFLICT DO NOTHING", "DELETE FROM posts WHERE id > 100")
        quiet, busy = self.told_beside(()), self.told_beside(hidden)
        self.assertEqual(quiet, busy)
        self.assertEqual(quiet.count('data: {"action":"create"'), 3)

    def told_beside(self, statements):
        self.setUp()  # nobody listens any more
        stream = self.listen("posts,side.things")
        for number in (1, 2, 3):
            for statement in statements:
                self.server.psql(statement)
            self.insert(number)
            stream.heard(post(number))
        stream.close()
        text = re.sub(r": beat\nid: \S{%d}\n\n" % len(stream.last()), "", stream.text)
        text = re.sub(r"(?m)^id: (\S+)$", lambda found: f"id: {len(found[1])}", text)
        return re.sub(r'(?m)^(X-Request-Id: )\S+|("clientId":"c)[0-9]+', r"\1\2", text)

    def test_a_table_of_another_schema(self):
        stream = self.listen("side.things,public.notes")
        self.server.psql("INSERT INTO side.things VALUES (1, 2); INSERT INTO notes VALUES (3, 'x')")
        stream.heard({"id": 3, "note": "x"}, "notes")
        stream.heard({"a": 1, "b": 2}, "side.things")

    def test_what_leaves_the_filter_is_gone(self):
        room, all_rooms = self.listen(filter="room=eq.1,body=neq.x"), self.listen()
        self.insert(1)
        self.insert(2, room=2)
        all_rooms.heard(post(2, room=2))
        self.server.psql("UPDATE posts SET room = 2 WHERE id = 1")
        self.insert(3)
        room.heard(post(3))
        told = [(c["action"], c["record"]["id"]) for c in room.changes()]
        self.assertEqual(told, [("create", 1), ("delete", 1), ("create", 3)])
        self.assertEqual([c["record"] for c in room.changes() if c["action"] == "delete"], [{"id": 1}])

    def test_a_stream_goes_on_where_the_last_one_ended(self):
        stream = self.listen()
        self.insert(1)
        stream.heard(post(1))
        stream.close()
        self.insert(2, 4)
        for sidecar in (self.sidecar, self.start_sidecar("Other")):
            for last in ({"last": stream.last()}, {"lastEventId": stream.last()}):
                again = self.listen(sidecar=sidecar, **last)
                again.heard(post(4))
                self.assertEqual([c["record"]["id"] for c in again.changes()], [2, 3, 4])
                again.close()
            if sidecar is not self.sidecar:
                self.assertEqual(sidecar.stop(), 0)
        again = self.listen(last=stream.last())
        self.insert(5)
        again.heard(post(5))
        self.assertEqual([c["record"]["id"] for c in again.changes()][:4], [2, 3, 4, 5])

    def test_what_cannot_be_gone_on_from_is_fetched_again(self):
        for last in ("nothing", "x" * 300, "a b"):
            stream = self.listen("posts,notes", last=last)
            until(lambda stream=stream: stream.frames("resync"), "a resync")
            notes = [frame.data for frame in stream.frames("resync")]
            self.assertEqual([(sorted(note["tables"]), note["reason"]) for note in notes], [(["notes", "posts"], "lost")])
            stream.close()

    def test_one_that_does_not_read_stops_nobody(self):
        deaf = self.listen(reads=False)
        stream = self.listen()
        # Each time less than a buffer has room for, and together more than the kernel has for one that doesn't read.
        for i in range(400):
            self.server.psql("INSERT INTO posts SELECT i, 'u1', 1, repeat('x', 20000)"
                             f" FROM generate_series({12 * i}, {12 * i + 11}) AS i")
            until(lambda i=i: f'"id": {12 * i + 11},' in stream.text, "a change")
            if self.stats()["counters"]["dropped_messages"]:
                break
        self.assertEqual([c["record"]["id"] for c in stream.changes()], list(range(12 * i + 12)))
        self.assertEqual(stream.frames("resync"), [])
        deaf.read()
        # Who takes nothing at all for half a minute is cut off: it comes again, and goes on from the last id.
        if until(lambda: deaf.ended or "event: resync" in deaf.text, "what it missed to be told") and deaf.ended:
            deaf = self.listen(last=deaf.last(), wait=False)
            until(lambda: "event: resync" in deaf.text or '"id": 11,' in deaf.text, "it to go on")
            return
        self.assertEqual([(f.data["tables"], f.data["reason"]) for f in deaf.frames("resync")], [(["posts"], "slow")])
        self.insert(5000)
        until(lambda: '"id": 5000,' in deaf.text, "it to hear again")
        self.assertLess(len(deaf.changes()), len(stream.changes()))

    def stats(self):
        return self.good(self.ask("GET", "/realtime/stats"))

    def test_many_of_a_few(self):
        streams = [self.listen(subject=f"u{i % 10}") for i in range(200)]
        for i in range(10):
            self.insert(100 + 10 * i, 109 + 10 * i, owner=f"u{i}")
        for i, stream in enumerate(streams):
            stream.heard(post(109 + 10 * (i % 10), f"u{i % 10}"))
            self.assertEqual([c["record"]["id"] for c in stream.changes()],
                             list(range(100 + 10 * (i % 10), 110 + 10 * (i % 10))))
        self.assertLess(int(self.server.psql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'listener'")), 4)
        page = until(lambda: self.sidecar.send("GET", "/metrics").body.decode(), "metrics")
        self.assertRegex(page, r"(?m)^ayb_jobs_realtime_listeners [0-9]{3}$")
        self.assertRegex(page, r"(?m)^ayb_jobs_realtime_events_total [0-9]+$")


class Limits(RealtimeTest):
    realtime_flags = (*RealtimeTest.realtime_flags, "--realtime-identity-streams", "2", "--realtime-address-streams", "3")

    def test_streams_are_bounded(self):
        streams = [self.listen() for _ in range(2)]
        self.refused(self.get("?tables=posts", token()), 429, "connection limit exceeded")
        self.refused(self.get("?tables=notes", token(email="x")), 429, "connection limit exceeded")
        streams.append(self.listen(subject="u2"))
        self.refused(self.get("?tables=posts", token("u3")), 429, "connection limit exceeded")
        streams.pop(0).close()
        until(lambda: self.listen(subject="u3", wait=False) and self.stats()["connections"]["total"] == 3, "room")
        for stream in streams:
            self.assertFalse(stream.ended)

    def stats(self):
        return self.good(self.ask("GET", "/realtime/stats"))


class Ends(RealtimeTest):
    def end(self, stream):
        until(lambda: stream.ended, "the stream to end")
        return [(frame.data["code"], frame.data["message"]) for frame in stream.frames("error")]

    def test_a_token_ends_in_mid_stream(self):
        stream = self.listen(bearer=token(lifetime=3))
        self.insert(1)
        stream.heard(post(1))
        self.assertEqual(self.end(stream), [(401, "invalid or expired token")])

    def test_the_sidecar_stops(self):
        sidecar = self.start_sidecar("Stopped")
        stream = self.listen(sidecar=sidecar)
        self.assertEqual(sidecar.stop(), 0)
        self.assertEqual(self.end(stream), [])

    def test_a_table_is_no_more(self):
        stream, both = self.listen("notes"), self.listen("posts,notes")
        self.server.psql("SELECT ayb_jobs.disable_realtime('notes'); INSERT INTO notes VALUES (1, '')")
        self.insert(1)
        self.assertEqual(self.end(both), [(400, "unknown table: notes")])
        self.refused(self.get("?tables=notes", token()), 400, "unknown table: notes")
        self.server.psql("SELECT ayb_jobs.enable_realtime('notes')")
        stream.close()

    def test_an_admin_sees_and_ends(self):
        stream = self.listen("posts,notes", subject="u9")
        client = stream.frames("connected")[0].data["clientId"]
        until(lambda: self.stats()["subscriptions"]["tables"].get("notes") == 1, "the others to be gone")
        stats = self.stats()
        self.assertEqual((stats["version"], stats["configured"], stats["connections"]),
                         ("v1", True, {"sse": 1, "ws": 0, "total": 1}))
        self.assertEqual(stats["subscriptions"], {"tables": {"posts": 1, "notes": 1},
                                                  "channels": {"broadcast": {}, "presence": {}}})
        all_streams = self.good(self.ask("GET", "/realtime/connections"))
        self.assertEqual(all_streams["count"], 1)
        one = all_streams["items"][0]
        self.assertEqual((one["clientId"], one["userId"], one["transport"], sorted(one["tables"]), one["address"]),
                         (client, "u9", "sse", ["notes", "posts"], "127.0.0.1"))
        reader = self.good(self.ask("POST", "/tokens", {"name": "r", "right": "read"}), 201)["token"]
        path = f"/realtime/connections/{client}/disconnect"
        self.assertEqual(self.sidecar.ask_with(reader, "GET", "/realtime/connections").status, 200)
        self.assertEqual(self.sidecar.ask_with(reader, "POST", path).status, 403)
        self.assertFalse(stream.ended)
        self.assertEqual(self.ask("POST", path).status, 204)
        self.assertEqual(self.end(stream), [(403, "disconnected by an administrator")])
        self.refused(self.ask("POST", path), 404, "connection not found")

    def stats(self):
        return self.good(self.ask("GET", "/realtime/stats"))


class Roles(RealtimeTest):
    """A role that may do more than it has to isn't served."""

    def refuses(self, grants, word, role="wrong"):
        self.server.psql(f"DROP ROLE IF EXISTS wrong; CREATE ROLE wrong LOGIN; {grants}")
        self.does_not_start(word, role=role)

    def does_not_start(self, word, *flags, role="listener"):
        # It may listen for a moment before it knows.
        try:
            sidecar = self.start_sidecar("Refused", *flags, role=role)
        except AssertionError as error:
            self.assertIn(word, str(error))
        else:
            self.assertGreater(sidecar.process.wait(60), 0)
            self.assertIn(word, sidecar.log())

    def test_all(self):
        self.refuses("ALTER ROLE wrong NOINHERIT; GRANT ayb_authenticated TO wrong", "ayb_jobs_realtime")
        self.refuses("GRANT ayb_authenticated, ayb_jobs_realtime TO wrong", "NOINHERIT")
        self.refuses("ALTER ROLE wrong NOINHERIT; GRANT ayb_jobs_realtime TO wrong", "realtime-role")
        self.refuses("ALTER ROLE wrong NOINHERIT; GRANT ayb_authenticated, ayb_jobs_realtime, ayb_jobs_admin TO wrong",
                     "ayb_jobs_admin")
        self.refuses("ALTER ROLE wrong NOINHERIT BYPASSRLS; GRANT ayb_authenticated, ayb_jobs_realtime TO wrong", "row-level")
        self.refuses("", "row-level", role="postgres")
        self.server.psql("DROP ROLE wrong")

    def test_settings(self):
        for flags, word in ((("--realtime-claims", "role=sub"), "realtime-claims"),
                            (("--realtime-claims", "ayb_jobs.actor=sub"), "realtime-claims")):
            self.does_not_start(word, *flags)
        self.addCleanup(self.write_secrets, SECRET)
        self.write_secrets("short")
        self.does_not_start("32 bytes")
        os.remove(self.secrets)
        self.does_not_start(self.secrets)

    def test_without_a_dsn_there_is_none(self):
        sidecar = Sidecar("Without", self.server.dsn())
        self.refused(self.get("?tables=posts", token(), sidecar), 404, "realtime is not configured")
        self.refused(sidecar.send("POST", "/api/realtime/ticket"), 404, "realtime is not configured")
        stats = self.good(sidecar.ask("GET", "/realtime/stats"))
        self.assertEqual((stats["configured"], stats["connections"]["total"]), (False, 0))
        self.assertEqual(self.good(sidecar.ask("GET", "/realtime/connections"))["items"], [])
        self.refused(sidecar.ask("POST", "/realtime/connections/c1/disconnect"), 404, "connection not found")
        self.assertEqual(sidecar.stop(), 0)


class Claims(RealtimeTest):
    realtime_flags = (*RealtimeTest.realtime_flags, "--realtime-claims", "ayb.user_id=id, app.all=*")

    def test_policies_see_them(self):
        self.server.psql("""CREATE TABLE teams (id integer PRIMARY KEY, team text); GRANT SELECT ON teams TO ayb_authenticated;
            ALTER TABLE teams ENABLE ROW LEVEL SECURITY;
            CREATE POLICY team ON teams USING (team = current_setting('app.all')::json ->> 'team');
            SELECT ayb_jobs.enable_realtime('teams')""")
        self.refused(self.get("?tables=teams", token(team="a")), 401, "invalid or expired token")
        one, other = (self.listen("teams", bearer=token(id="x", team=team)) for team in ("a", "b\"'"))
        self.server.psql("INSERT INTO teams VALUES (1, 'a'), (2, 'b\"'''), (3, 'a')")
        other.heard({"id": 2, "team": "b\"'"}, "teams")
        one.heard({"id": 3, "team": "a"}, "teams")
        self.assertEqual([[c["record"]["id"] for c in stream.changes()] for stream in (one, other)], [[1, 3], [2]])


class Budget(RealtimeTest):
    """Who needs too much is told to fetch again, and at the third time within a minute is let go."""

    realtime_flags = ("--realtime-budget", "40")

    def test_all(self):
        self.server.psql("""CREATE TABLE slow (id integer PRIMARY KEY); GRANT SELECT ON slow TO ayb_authenticated;
            ALTER TABLE slow ENABLE ROW LEVEL SECURITY;
            CREATE POLICY sleeps ON slow USING (pg_sleep(0.1) IS NOT NULL);
            SELECT ayb_jobs.enable_realtime('slow')""")
        stream = self.listen("slow")
        for number in range(1, 100):
            self.server.psql(f"INSERT INTO slow VALUES ({number})")
            seen = len(stream.frames("resync"))
            if stream.ended:
                break
            until(lambda seen=seen: len(stream.frames("resync")) > seen or stream.ended, "the next word", 10)
        until(lambda: stream.ended, "the stream to end")
        self.assertEqual({json.dumps(frame.data) for frame in stream.frames("resync")},
                         {json.dumps({"tables": ["slow"], "reason": "budget"})})
        self.assertEqual([frame.data["code"] for frame in stream.frames("error")], [429])
        self.assertEqual(self.get("?tables=slow", token()).status, 429)
        self.assertEqual(self.listen("posts", subject="u2").status(), 200)
