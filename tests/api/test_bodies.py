"""Bodies that are broken in every way are 400 `invalid JSON body`, and nothing is left of them."""

import json

from support import ApiTest

BROKEN = [
    b"", b" ", b"{", b"}", b"{}}", b"[]", b"null", b"true", b"1", b'"x"', b"{]", b"{,}", b'{"a"}', b'{"a":}', b'{"a":1,}',
    b"{'a':1}", b"{a:1}", b'{"a":1 "b":2}', b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}', b'{"a":1e}', b'{"a":-}',
    b'{"a":NaN}', b'{"a":Infinity}', b'{"a":tru}', b'{"a":nulll}', b'{"a":"\n"}', b'{"a":"\t"}', b'{"a":"\x00"}',
    b'{"a":"\\x"}', b'{"a":"\\u12"}', b'{"a":"\\u12g4"}', b'{"a":"\\ud800"}', b'{"a":"\\udc00"}', b'{"a":"\\ud800\\u0041"}',
    b'{"a":"\\u0000"}', b'{"a":"unterminated}', b'{"a":1}/**/', b'/**/{"a":1}', b'{"a":1}{"b":2}', b"\xef\xbb\xbf{}",
    b'{"a":"\xff"}', b'{"a":"\xc0\x80"}', b'{"a":"\xc3"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xf5\x80\x80\x80"}',
    b'{"a":"\xe0\x80\x80"}', b"\x00{}", b'{"a":' + b"[" * 100000 + b"]" * 100000 + b"}",
    b'{"a":' * 100000 + b"1" + b"}" * 100000, b"\x1f\x8b\x08gzip",
]
TARGETS = (("POST", "/jobs"), ("POST", "/jobs/retry"), ("POST", "/jobs/cancel"), ("POST", "/schedules"),
           ("POST", "/schedules/preview"), ("PUT", "/schedules/01234567-89ab-7def-8123-456789abcdef"),
           ("POST", "/matviews"), ("PUT", "/matviews/01234567-89ab-7def-8123-456789abcdef"))
ONE_MIB = 1024 * 1024


class Bodies(ApiTest):
    def test_broken(self):
        for method, path in TARGETS:
            for body in BROKEN:
                answer = self.ask(method, path, body)
                self.refused(answer, 400, "invalid JSON body")
        self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.job_queue"), "0")

    def test_wrong_types(self):
        for field, values in (("type", (1, True, [], {})), ("runAt", (1, {})), ("idempotencyKey", (1, False)),
                              ("maxAttempts", ("1", 1.5, True, [], 9223372036854775808, -9223372036854775809)),
                              ("runAs", (0, []))):
            for value in values:
                self.refused(self.ask("POST", "/jobs", {"type": "x", field: value}), 400, "invalid JSON body")
        for field, values in (("name", (1, {})), ("enabled", (0, "true", [])), ("maxAttempts", ("3", 1.5)), ("timezone", (1,))):
            body = {"name": "n", "jobType": "x", "cronExpr": "* * * * *", field: values[0]}
            for value in values:
                body[field] = value
                self.refused(self.ask("POST", "/schedules", body), 400, "invalid JSON body")

    def test_null_is_absent_where_a_value_is_typed(self):
        body = {"type": "parked", "runAt": None, "idempotencyKey": None, "maxAttempts": None, "runAs": None}
        self.good(self.ask("POST", "/jobs", body), 201)

    def test_the_last_of_equal_keys_counts(self):
        job = self.good(self.ask("POST", "/jobs", '{"type":"first","type":"last","payload":1,"payload":{"a":1,"a":2}}'), 201)
        self.assertEqual((job["type"], job["payload"]), ("last", {"a": 2}))

    def test_keys_may_be_escaped(self):
        self.assertEqual(self.good(self.ask("POST", "/jobs", '{"\\u0074ype":"x"}'), 201)["type"], "x")

    def test_one_mebibyte(self):
        frame = len(b'{"type":"x","payload":""}')
        body = '{"type":"x","payload":"' + "a" * (ONE_MIB - frame) + '"}'
        self.assertEqual(len(body), ONE_MIB)
        self.good(self.ask("POST", "/jobs", body), 201)
        longer = body[:-2] + 'a"}'
        self.refused(self.ask("POST", "/jobs", longer), 400, "invalid JSON body")
        self.refused(self.ask("POST", "/jobs", "x" * 4 * ONE_MIB), 400, "invalid JSON body")

    def test_numbers_beyond_what_postgres_holds(self):
        answer = self.ask("POST", "/jobs", '{"type":"x","payload":1e999999}')
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.json["code"], 400)

    def test_content_type_does_not_matter(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "x"):
            body = json.dumps({"type": "x"})
            self.good(self.ask("POST", "/jobs", body, **{"Content-Type": kind}), 201)
