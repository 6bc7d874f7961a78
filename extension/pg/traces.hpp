#pragma once
// What a job of a group leaves in the session or the transaction that would reach the next one:
// temporary objects, advisory locks, prepared statements, SET CONSTRAINTS.

namespace ayb {

// Before a group: what was left so far doesn't count.
void forget_traces();

// Whether something was left since. In a transaction.
bool left_traces();

// The utility hook saw a statement whose effect outlives its job.
void note_trace();

} // namespace ayb
