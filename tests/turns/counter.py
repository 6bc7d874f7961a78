"""counter.py SOCKET RULES: who counts, a process of its own. Jobs report to it that they begin and end, each over a
connection of its own, and it answers each line by a byte. It trusts no word of the engine, and goes by its own clock.

A connection that is closed is the end of its job, unless that is at a worker outside (`until` is there): that runs until it
says that it has ended, or its lease is over. The rules, in JSON: {type: {"running", "running_per_key", "starts",
"starts_per_key", "per"}}.

A start is known to be between two instants: `low`, before which it can't have been, and when it is reported. More starts in a
window than there may be are only told where there is no doubt: where each was within it by both.

"born INSTANT" tells that shared memory was new before that. "done" gets what was found, as a line of JSON.
"""

import collections
import json
import os
import select
import socket
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")


def birth(pid):
    """When the process began, as an instant; rounded down."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat, open("/proc/stat", encoding="utf-8") as system:
            ticks = int(stat.read().rpartition(")")[2].split()[19])
            boot = next(int(line.split()[1]) for line in system if line.startswith("btime"))
            return boot + ticks / TICK
    except (OSError, IndexError):
        return 0


class Windows:
    """The latest of `low` of as many starts as may be in a window, and one more."""

    def __init__(self, most):
        self.most, self.lows = most, []

    def breaks(self, low, now, per):
        self.lows = sorted(self.lows + [low], reverse=True)[:self.most + 1]
        return len(self.lows) > self.most and self.lows[-1] > now - per


class Count:
    """What runs, what has started, and what was wrong."""

    def __init__(self, rules):
        self.rules = rules
        self.running = {}  # a job's number: (type, key, until)
        self.windows = {}
        self.ended = {}    # of a process, when it said so last
        self.starts = []   # (instant, type, key, birth of its process)
        self.born = []
        self.wrong = []
        self.most = collections.Counter()

    def begin(self, number, job):
        now = time.time()
        kind, key, rule = job["type"], job["key"], self.rules[job["type"]]
        self.running = {one: what for one, what in self.running.items() if what[2] is None or what[2] > now}
        self.running[number] = (kind, key, job.get("until"))
        self.limit("running", kind, key, rule, lambda what: what[0] == kind)
        self.limit("running_per_key", kind, key, rule, lambda what: what[:2] == (kind, key))
        # Inside, a process has one job after the other; outside they are claimed together.
        low = job["low"] if "until" in job else max(job["low"], self.ended.get(job["pid"], 0))
        for name, place in (("starts", (kind,)), ("starts_per_key", (kind, key))):
            if name in rule:
                window = self.windows.setdefault(place, Windows(rule[name]))
                if window.breaks(low, now, rule["per"]):
                    self.wrong.append(("too many starts",
                                       f"{name} of {' '.join(place)}: more than {rule[name]} in {rule['per']} s"))
        self.starts.append((now, kind, key, birth(job["pid"])))

    def limit(self, name, kind, key, rule, counts):
        if name not in rule:
            return
        running = sum(1 for what in self.running.values() if counts(what))
        self.most[name] = max(self.most[name], running)
        if running > rule[name]:
            self.wrong.append(("too many at once", f"{name} of {kind} {key}: {running} of {rule[name]}"))

    def end(self, number, said, pid):
        """It said so, or it has hung up."""
        if said:  # what is closed may have been so for a while
            self.ended[pid] = time.time()
        if said or (number in self.running and self.running[number][2] is None):
            self.running.pop(number, None)

    def report(self):
        for born in self.born:
            for at, kind, _, birth_of in self.starts:
                per = self.rules[kind].get("per", 0)
                if birth_of >= born and at < born + per:
                    self.wrong.append(("too many starts", f"{kind} started {at - born:.3f} s after a crash, of {per} s"))
        keys = collections.Counter((kind, key) for _, kind, key, _ in self.starts)
        return {"wrong": self.wrong[:20], "starts": len(self.starts), "most": self.most,
                "keys": [[kind, key, count] for (kind, key), count in keys.items()]}


class Server:
    def __init__(self, path, rules):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(512)
        self.poll = select.epoll()
        self.poll.register(self.listener.fileno(), select.EPOLLIN)
        self.count = Count(rules)
        self.open = {}  # descriptor: [socket, number, text that came, pid]
        self.numbers = 0

    def run(self):
        while True:
            ready = [descriptor for descriptor, _ in self.poll.poll()]
            lines = [(descriptor, line) for descriptor in ready if descriptor in self.open for line in self.read(descriptor)]
            # What has ended first: nothing that comes of an end can be in an earlier round than it.
            for descriptor, line in sorted(lines, key=lambda one: one[1] not in ("", "end")):
                if descriptor in self.open:
                    self.take(descriptor, line)
            if self.listener.fileno() in ready:
                self.accept()

    def accept(self):
        connection, _ = self.listener.accept()
        self.numbers += 1
        self.open[connection.fileno()] = [connection, self.numbers, "", None]
        self.poll.register(connection.fileno(), select.EPOLLIN)

    def read(self, descriptor):
        """Whole lines; an empty one is the end of the connection."""
        one = self.open[descriptor]
        try:
            came = one[0].recv(65536).decode()
        except OSError:
            came = ""
        *lines, one[2] = (one[2] + came).split("\n")
        return lines + ([""] if not came else [])

    def take(self, descriptor, line):
        connection, number, _, pid = self.open[descriptor]
        if line in ("", "end"):
            self.count.end(number, line == "end", pid)
        elif line == "done":
            connection.sendall((json.dumps(self.count.report()) + "\n").encode())
        elif line.startswith("born "):
            self.count.born.append(float(line[5:]))
        else:
            job = json.loads(line)
            self.open[descriptor][3] = job["pid"]
            self.count.begin(number, job)
        self.answer(descriptor, line)

    def answer(self, descriptor, line):
        try:
            if line == "":
                self.poll.unregister(descriptor)
                self.open.pop(descriptor)[0].close()
            elif line != "done":
                self.open[descriptor][0].send(b"+")
        except OSError:
            pass  # it has gone, which the next round will say


if __name__ == "__main__":
    Server(sys.argv[1], json.loads(sys.argv[2])).run()
