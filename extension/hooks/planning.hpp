#pragma once
// What the planner is told of the extension's own tables, whoever asks.
//
// A plan is made once and kept for a session, often while a table is empty: in a new installation,
// or of tomorrow's day of the history, which a nightly VACUUM ANALYZE has seen. All ways through an
// empty table cost the same, so it may take any index that has the column somewhere, or read all of
// the table, and does so ever after. PostgreSQL takes a table that was never vacuumed for one of
// ten pages, since it may grow. Ours do grow: they count as a table of some size at least in every
// session, and where the books are open as a large one of which no other statistics are known. So
// the engine's plans don't hang on when they were made.

namespace ayb {

// Once a process, when the library is loaded.
void install_planning_hooks();

} // namespace ayb
