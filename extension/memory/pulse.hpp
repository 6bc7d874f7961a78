#pragma once
// Signs of life of our processes: that a process moves, whatever it is at (a stopped one doesn't),
// and when it last finished a look at its work. By a clock that nobody turns.
#include "pg/postgres.hpp"

namespace ayb {

// In microseconds of that clock; 0 for never. Written by its process alone, read by anybody.
struct Pulse {
    pg_atomic_uint64 beat;   // the process moved
    pg_atomic_uint64 began;  // it has been at a look since; 0 while it waits
    pg_atomic_uint64 looked; // it finished its last look
};

// The same as instants.
struct Life {
    TimestampTz beat;
    TimestampTz looking_since;
    TimestampTz looked;
};

void init_pulse(Pulse *pulse);

// Begins to beat, some times a minute, by a timer's signal until the process leaves. Once a
// process.
void start_pulse(Pulse *mine);

void begin_look();
void end_look();

Life life_of(const Pulse &pulse);

} // namespace ayb
