#pragma once
// Who may say when jobs of a type start.
namespace ayb {

// Raises 42501 unless the caller may: for a type who registered it, for null (all of the database)
// its owner, and admins for both. Needs a snapshot.
void check_right(const char *type);

} // namespace ayb
