#pragma once
// Letting jobs go on whose parents have ended: by whoever ended one, after its commit, or by the
// scheduler.
//
// A child that waits watches one edge, that of the highest parent that is still to come. When that
// parent ends the child is looked at: it watches the next lower one, or goes on, or is canceled. A
// look is a transaction of its own, whose snapshot is younger than the end that it was asked for.
// One whose watch has moved is looked at once more after the commit, as the parent that it watches
// from then on may have ended before anybody could see that. One process at a time looks.
#include "core/uuid7.hpp"
#include "pg/clock.hpp"

namespace ayb {

// Whether somebody is to be looked at. One load.
bool any_look_wanted();

// The same for the scheduler, who looks at what was left for it besides.
bool any_look_left();

// For a worker, between two jobs, outside of any transaction. What goes wrong is left to the
// scheduler.
void look_at_children();

// For a job that ended in the transaction at hand, inside the books: the same, and for those that
// this cancels in turn. Nobody else can have ended one of them meanwhile without a look of their
// own.
void look_in_transaction(const core::Uuid &ended);

// For the scheduler: the same, and what others have left. Returns when it has to look again;
// raises.
TimestampTz look_at_all_children(TimestampTz now);

// For the scheduler, at its start and now and then: reads all edges into shared memory, has all
// children looked at, and deletes what has no use any more.
void read_edges(TimestampTz now);

} // namespace ayb
