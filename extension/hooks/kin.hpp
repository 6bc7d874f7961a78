#pragma once
// What a transaction has done to jobs that have parents or children: told to who lets children go,
// when it commits (memory/kin.hpp).
#include "memory/kin.hpp"
#include "records/events.hpp"

namespace ayb {

// Marks the job at once, so that whoever ends it from now on knows. May run out of memory
// (ereport), as the next ones, nothing else.
void mark_kin(Kin kin, const core::Uuid &id);
void mark_stars();

// Has the job looked at after the commit: its children, and itself if it waits.
void note_look(const KinLook &look);

// Which of the jobs that this transaction has ended are to be looked at. In its commit callback,
// before what was noted is told. Never throws.
void tell_ended(const Event *events, int count, int64 left_out);

// A transaction that is prepared, or isn't known: everything is to be looked at.
void tell_unknown_kin();

// Registers the callbacks. Called once, by _PG_init.
void install_kin_callbacks();

} // namespace ayb
