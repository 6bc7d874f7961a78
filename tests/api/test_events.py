"""Server-sent events: in order, resumed, with word of what was missed, and an end."""

import json
import socket
import threading

from support import ApiTest, Sidecar, until


class Listener:
    def __init__(self, sidecar, last=None):
        self.socket = sidecar.connect()
        head = f"GET /api/admin/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sidecar.token()}\r\n"
        if last is not None:
            head += f"Last-Event-ID: {last}\r\n"
        self.socket.sendall((head + "\r\n").encode())
        self.text = ""
        self.ended = False
        self.thread = threading.Thread(target=self._read, daemon=True)
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

    def close(self):
        if self.socket.fileno() < 0:
            return
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


class Events(ApiTest):
    def listen(self, last=None):
        listener = Listener(self.sidecar, last)
        self.addCleanup(listener.close)
        return listener

    def enqueue(self, count):
        self.server.psql(f"SELECT count(ayb_jobs.enqueue('watched')) FROM generate_series(1, {count})")

    def begun(self, *listeners):
        """Until each has been told of something: only then it has a place in the ring."""
        def all_told():
            self.enqueue(1)
            return all(listener.events() for listener in listeners)
        until(all_told, "the listeners to be told")

    def test_every_change_in_order_to_everybody(self):
        listeners = [self.listen() for _ in range(30)]
        self.begun(*listeners)
        self.enqueue(300)
        last = int(self.server.psql("SELECT max(seq) FROM ayb_jobs.events(0, 4096)"))
        for listener in listeners:
            until(lambda seen=listener: seen.events() and seen.events()[-1][1]["seq"] == last, "the last event")
            numbers = [event["seq"] for _, event in listener.events()]
            self.assertEqual(numbers, list(range(numbers[0], last + 1)))
            self.assertEqual([event_id for event_id, _ in listener.events()], [str(number) for number in numbers])
            self.assertEqual(listener.events("missed"), [])
        event = listeners[0].events()[-1][1]
        self.assertEqual((event["type"], event["newState"], event["runAs"]), ("watched", "queued", "postgres"))
        self.assertIn("jobId", event)

    def test_resume(self):
        first = self.listen()
        self.begun(first)
        last = first.events()[-1][0]
        self.enqueue(5)
        resumed = self.listen(last)
        until(lambda: len(resumed.events()) >= 5, "what was missed to be told")
        self.assertEqual(resumed.events()[0][1]["seq"], int(last) + 1)

    def test_more_than_the_ring_holds(self):
        first = self.listen()
        self.begun(first)
        last = int(first.events()[-1][0])
        for _ in range(30):
            self.enqueue(200)
        newest = int(self.server.psql("SELECT max(seq) FROM ayb_jobs.events(0, 4096)"))
        self.assertGreaterEqual(newest, last + 6000)
        resumed = self.listen(last)
        until(lambda: resumed.events() and resumed.events()[-1][1]["seq"] >= newest, "the newest event")
        missed = sum(note["missed"] for _, note in resumed.events("missed"))
        told = [event["seq"] for _, event in resumed.events()]
        self.assertGreater(missed, 1000)
        gaps = [(a, b) for a, b in zip([last] + told, told) if b != a + 1]
        self.assertEqual(last + missed + len(told), told[-1], (last, newest, resumed.events("missed"), gaps[:9], told[:1]))

    def test_a_listener_from_a_later_life_is_served(self):
        ahead = self.listen(10 ** 15)
        self.begun(ahead)
        self.assertEqual(ahead.events("missed"), [])

    def test_nobody_asks_while_nobody_listens(self):
        listener = self.listen()
        self.begun(listener)
        listener.close()
        metric = "ayb_jobs_http_listeners 0"
        until(lambda: metric in self.sidecar.send("GET", "/metrics").body.decode(), "the listeners to be gone")


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
