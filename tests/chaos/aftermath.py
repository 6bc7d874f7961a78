"""What comes after the load: rest, and the evidence of what it left."""

import os

from checker import Evidence
from world import rows


def rest(world, load, journal, databases, patience=300):
    """Ends the load, waits until everything has had its time, and gives back the Evidence of each database."""
    load.stop(load.producers)
    world.calm()
    world.settle(databases, patience)
    load.stop(load.couriers)
    journal.close()
    return {database: gather(world, database) for database in databases}


def gather(world, database):
    session = world.connect(database=database)
    try:
        return Evidence(lambda sql: rows(session, sql))
    finally:
        session.close()


def crashes(world):
    """Crashes that were not ours: we only kill by -9."""
    with open(os.path.join(world.server.directory, "log"), encoding="utf-8", errors="replace") as log:
        return sorted({line.strip() for line in log
                       if "PANIC" in line or "TRAP" in line
                       or "was terminated by signal" in line and "signal 9" not in line})
