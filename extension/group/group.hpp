#pragma once
// The grouped way: one worker runs quick jobs of its lanes in one transaction, each in a
// subtransaction of its own. The row's lock is the lease.
//
//   lock due rows of types that go grouped, up to group_size, passing over the others
//   -> each handler in a subtransaction, until half of group_budget is used
//        done                             -> kept
//        snooze()                         -> kept, the row stays: its next step waits
//        error, or still at it at the end
//        of the budget                    -> rolled back, uncharged: goes by lease
//        cancel(force)                    -> rolled back, canceled
//   -> what is done leaves the queue in one statement -> one commit
//        the commit fails                 -> all of them go by lease
#include "group/turn.hpp"
#include "lanes/picks.hpp"

namespace ayb {

// Has the types of a group lose the grouped way where it ends the process. Called once, by a worker
// that has its slot.
void install_groups();

// Takes and runs one group. `memory` holds what it needs, and is reset by the caller. Called with
// cancels held, which are let through to the handlers only. Raises where the engine itself fails,
// which ends the worker.
GroupTurn run_group(Oid role, MemoryContext memory);

// The next job that a group of this worker couldn't keep: it has to run by lease now. False where
// there is none.
bool next_left_over(core::Uuid *id);

} // namespace ayb
