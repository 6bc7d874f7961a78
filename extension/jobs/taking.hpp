#pragma once
// Claims: queued rows that the caller has locked (jobs/line.hpp) turn into leased ones.
#include <optional>

#include "jobs/key_rows.hpp"
#include "memory/state.hpp"
#include "pg/sql.hpp"
#include "turns/places.hpp"

namespace ayb {

// A role's job whose row is locked.
struct NextRun {
    Oid role;
    const char *type;
    TupleTableSlot *row;
    bool in_group;
    const KeyRows *keys; // in which it was found; may be null
};

// A place for it where its type has a limit, by reserve_place() or reserve_in_group(). Where its
// key goes in order it is the next one then, or has none.
Lack reserve_next_run(const NextRun &next);

// Its key, null for none; and the hash of that.
const char *key_text(TupleTableSlot *row);
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
