"""What the driver knows of what it enqueued, in a file outside of the database.

A line says what was meant before it is tried, so whatever the server loses is known here. Later lines of a token add to
earlier ones. An entry has

  kind      type of the job
  role      oid of the role as which it has to run
  database  where
  job       its id, once known
  fate      "unknown" (until the server has answered), "acknowledged", "refused" (never committed: rolled back)
  expect    "once" (effect and completion are one transaction), "some" (a command: at least once), "never" (it fails
            each time), "refresh", "at most once" (its role was dropped, or a cancel was not answered), "not" (a cancel was
            acknowledged), "forgotten" (at most once too, and its queue is gone: its extension was dropped)
  child     whether its handler enqueues a further job
"""

import itertools
import json
import threading


class Journal:
    def __init__(self, path):
        self.path = path
        self._file = open(path, "w", encoding="utf-8")
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def token(self, who):
        return f"{who}-{next(self._numbers)}"

    def write(self, token, **known):
        with self._lock:
            self._file.write(json.dumps({"token": token, **known}) + "\n")
            self._file.flush()

    def close(self):
        self._file.close()


def read(path):
    """Every entry by its token."""
    entries = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            known = json.loads(line)
            entries.setdefault(known.pop("token"), {}).update(known)
    return entries
