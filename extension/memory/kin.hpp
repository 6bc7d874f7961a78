#pragma once
// Which jobs of a database have parents or children, as far as shared memory knows, and which jobs
// are to be looked at for the sake of a child that waits.
//
// A mark may stand for more jobs than were marked, never for fewer: it is one bit of many, by a
// hash of the id. It is set before the commit of what it tells, and read after the commit of what
// asks: so of an edge and the end of its parent one always hears of the other. The marks have a
// generation, which is 0 until a scheduler has read all edges; with none, everything may be marked.
// Whoever has set a mark in another generation than the one that is there at the commit sets it
// again, and has everything looked at.
#include "memory/databases.hpp"

namespace ayb {

// The generation of the marks; 0 where nobody keeps any.
uint32 kin_generation(Database *database);

// Sets a mark, if anybody keeps them.
void set_kin(Database *database, Kin kin, const core::Uuid &id);
void set_stars(Database *database);

// Whether the job may be marked.
bool may_be_kin(Database *database, Kin kin, const core::Uuid &id);

// Whether a job that ended without being completed may hold a `*` job.
bool may_be_in_star(Database *database);

// For the scheduler alone, before and after it has read all edges.
void begin_marking(Database *database);
void end_marking(Database *database);

// Has a job looked at: its children, and itself if it waits for parents. Where there is no room,
// everything is. Never throws.
void ask_for_look(Database *database, const KinLook &look);
void ask_for_later_look(Database *database, const KinLook &look);
void ask_for_sweep(Database *database);

// Takes what is to be looked at out of a ring, at most `room`.
int take_asked(Database *database, KinRing *ring, KinLook *looks, int room);

// One at a time looks. False where somebody does: then what was asked for is found by that one, who
// asks again after end_looking().
bool begin_looking(Database *database);
void end_looking(Database *database);

Size kin_size();
void init_kin();

} // namespace ayb
