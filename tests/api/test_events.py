"""Server-sent events: in order, resumed, with word of what was missed, and an end."""

import json
import re
import socket

from support import ApiTest, EventStream, OwnServerTest, Server, Sidecar, until


class Listener(EventStream):
    def __init__(self, sidecar, last=None):
        head = f"GET /api/admin/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sidecar.token()}\r\n"
        super().__init__(sidecar.connect(), head, last)
        self.thread.start()
        until(lambda: "retry: 2000" in self.text, "the stream to begin")

    def _read(self):
        try:
            while chunk := self.socket.recv(65536):
                self.text += chunk.decode()
        except OSError:
            pass
        self.ended = True

    def events(self, kind="job"):
        found = []
        for frame in self.text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in frame.splitlines() if ": " in line)
            if fields.get("event") == kind:
                found.append((fields.get("id"), json.loads(fields["data"])))
        return found

    def numbers(self):
        return [int(number) for number in re.findall("^id: ([0-9]+)$", self.text, re.MULTILINE)]


def told_missed(listener):
    return sum(note["missed"] for _, note in listener.events("missed"))


class Listening(ApiTest):
    def listen(self, last=None):
        listener = Listener(self.sidecar, last)
        self.addCleanup(listener.close)
        return listener

    def enqueue(self, count, kind="watched"):
        self.server.psql(f"SELECT count(ayb_jobs.enqueue('{kind}')) FROM generate_series(1, {count})")

    def newest(self):
        return int(self.server.psql("SELECT newest FROM ayb_jobs.event_span()"))

    def heard(self, listener, number):
        # The last frame, if it is whole.
        until(lambda: [n for n in re.findall("^id: ([0-9]+)$", listener.text[-600:], re.MULTILINE) if int(n) >= number]
              and listener.text.endswith("\n\n"), f"event {number}")


class Events(Listening):
    def test_every_change_of_a_thousand_jobs_in_order_to_a_hundred(self):
        self.server.psql("CREATE OR REPLACE FUNCTION public.done() RETURNS void LANGUAGE sql AS 'SELECT';"
                         " SELECT ayb_jobs.register_handler('done', 'public.done()')")
        begin = self.newest()
        listeners = [self.listen() for _ in range(100)]
        for _ in range(20):
            self.enqueue(50, "done")
        until(lambda: self.server.psql("SELECT count(*) FROM ayb_jobs.job_queue WHERE type = 'done'") == "0", "all to complete")
        last = self.newest()
        for listener in listeners:
            self.heard(listener, last)
            self.assertEqual(listener.numbers(), list(range(begin + 1, last + 1)))
            self.assertEqual(listener.events("missed"), [])
        self.assertEqual([event_id for event_id, _ in listeners[0].events()], [str(number) for number in listeners[0].numbers()])
        self.ways(listeners[0])

    def ways(self, listener):
        """Each job's changes follow from one another, from the first to the last."""
        ways = {}
        for _, event in listener.events():
            self.assertEqual((event["type"], event["runAs"]), ("done", "postgres"))
            ways.setdefault(event["jobId"], []).append((event.get("oldState"), event["newState"]))
        self.assertEqual(len(ways), 1000)
        for way in ways.values():
            self.assertEqual((way[0], way[-1][1]), ((None, "queued"), "completed"))
            self.assertEqual([old for old, _ in way[1:]], [new for _, new in way[:-1]])

    def test_resume(self):
        first = self.listen()
        self.enqueue(1)
        self.heard(first, self.newest())
        last = first.events()[-1][0]
        self.enqueue(5)
        resumed = self.listen(last)
        self.heard(resumed, self.newest())
        self.assertEqual(resumed.numbers()[0], int(last) + 1)
        self.assertEqual(resumed.events("missed"), [])

    def test_more_than_the_ring_holds(self):
        last = self.newest()
        for _ in range(30):
            self.enqueue(200)
        newest = self.newest()
        self.assertGreaterEqual(newest, last + 6000)
        resumed = self.listen(last)
        self.heard(resumed, newest)
        self.assertGreater(told_missed(resumed), 1000)
        self.assertEqual(last + told_missed(resumed) + len(resumed.events()), newest)

    def test_a_burst_in_one_transaction_while_they_listen(self):
        last = self.newest()
        listeners = [self.listen() for _ in range(5)]
        self.enqueue(7000)
        newest = self.newest()
        for listener in listeners:
            self.heard(listener, newest)
            self.assertEqual(last + told_missed(listener) + len(listener.events()), newest)
            # The ring is the buffer: what it had is told.
            self.assertGreater(len(listener.events()), 4000)

    def test_a_number_of_another_life(self):
        ahead = self.listen(2 ** 62)
        self.enqueue(1)
        self.heard(ahead, self.newest())
        self.assertEqual([note["restarted"] for _, note in ahead.events("missed")], [True])
        self.assertEqual(ahead.numbers(), sorted(set(ahead.numbers())))

    def test_no_number_is_none(self):
        begin = self.newest()
        for last in ("x", "", "1x"):
            listener = self.listen(last)
            self.enqueue(1)
            self.heard(listener, begin + 1)
            self.assertEqual(listener.events("missed"), [])
            begin = self.newest()
            self.assertEqual(listener.numbers()[-1], begin)

    def test_one_that_does_not_read_stops_nobody(self):
        deaf = self.sidecar.connect()
        self.addCleanup(deaf.close)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(f"GET /api/admin/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.sidecar.token()}\r\n\r\n"
                     .encode())
        listener = self.listen()
        for _ in range(10):
            self.enqueue(1000)
            self.heard(listener, self.newest())
        self.assertEqual(told_missed(listener), 0)

    def test_nobody_asks_while_nobody_listens(self):
        listener = self.listen()
        self.enqueue(1)
        self.heard(listener, self.newest())
        listener.close()
        metric = "ayb_jobs_http_listeners 0"
        until(lambda: metric in self.sidecar.send("GET", "/metrics").body.decode(), "the listeners to be gone")


class Restart(OwnServerTest, Listening):
    """The server starts anew: no number comes twice, and listeners are told."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server("events")
        cls.sidecar = Sidecar(cls.__name__, cls.server.dsn())

    def scheduled(self):
        until(lambda: self.server.psql("SELECT count(*) FROM ayb_jobs_internal.counts()") == "1", "the scheduler")

    def test_what_happens_after_it_is_told(self):
        self.scheduled()
        listener = self.listen()
        self.enqueue(3)
        before = self.newest()
        self.heard(listener, before)
        self.server.stop("immediate")
        self.server.start()
        self.scheduled()
        self.assertGreater(self.newest(), before)
        self.enqueue(4)
        newest = self.newest()
        resumed = self.listen(before)
        for each in (listener, resumed):
            self.heard(each, newest)
            after = [number for number in each.numbers() if number > before]
            self.assertEqual(after[-4:], list(range(newest - 3, newest + 1)))
            self.assertEqual(each.events("missed"), [(None, {"missed": 0, "restarted": True})])
        self.assertEqual(listener.numbers(), sorted(set(listener.numbers())))

    def test_no_database_no_listener(self):
        self.good(self.ask("GET", "/jobs"))
        self.server.stop()
        try:
            self.refused(self.ask("GET", "/events"), 503, "the database is not available")
        finally:
            self.server.start()
        until(lambda: self.ask("GET", "/jobs").status == 200, "it to be back")


class Ends(ApiTest):
    flags = ("--max-listeners", "2")

    def test_the_server_says_goodbye(self):
        sidecar = Sidecar("goodbye", self.server.dsn())
        listener = Listener(sidecar)
        self.assertEqual(sidecar.stop(), 0)
        until(lambda: listener.ended, "the stream to end")
        self.assertEqual(listener.events("bye"), [(None, {"reason": "the server stops"})])
        listener.close()

    def test_listeners_are_bounded(self):
        listeners = [Listener(self.sidecar) for _ in range(2)]
        self.refused(self.ask("GET", "/events"), 503, "too many listeners")
        for listener in listeners:
            listener.close()
        until(lambda: "ayb_jobs_http_listeners 0" in self.sidecar.send("GET", "/metrics").body.decode(), "room")
