#pragma once
// Our tables are nobody's to hook into: whoever has TRIGGER, REFERENCES or TRUNCATE on one of them
// (by GRANT ALL, or default privileges) could have code run by whoever writes it, or empty it past
// the policies.

namespace ayb {

// Has triggers on our tables, foreign keys to them, and their TRUNCATE refused with 42501, but to
// superusers and, for the last, to the table's owner.
void install_access_hook();

} // namespace ayb
