#pragma once
// Claims: queued rows that the caller has locked (jobs/line.hpp) turn into leased ones.
#include <optional>

#include "memory/state.hpp"
#include "pg/sql.hpp"
#include "turns/places.hpp"

namespace ayb {

// A place for the next run of a role's job whose row is locked, where its type has a limit:
// reserve_place(), or reserve_in_group().
Lack reserve_next_run(Oid role, const char *type, TupleTableSlot *row, bool in_group = false);

// The hash of its key.
uint64 key_of_row(TupleTableSlot *row);

struct Taker {
    const char *worker;
    std::optional<Oid> role; // of a worker outside
    TimestampTz now;
    TimestampTz lease_until;
};

// Charges an attempt and begins a run of each. Inside the books. The rows, in any order: id, type,
// payload, attempts, max_attempts, runs, run_at, partition_key, meta. Returns how many there are.
uint64 take_rows(const UuidArray &ids, const Taker &taker);

} // namespace ayb
