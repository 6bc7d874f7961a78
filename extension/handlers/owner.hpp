#pragma once
// Who may make a type, and to whom it may belong.
#include "pg/postgres.hpp"

namespace ayb {

struct TypeOwner {
    Oid role; // InvalidOid where nobody has registered the type
    bool builtin;
};

// Who has the type, whose row it locks. Raises 42501 unless the caller may replace it. Inside the
// books.
TypeOwner lock_type(const char *type, Oid caller, bool admin);

// Whether the caller may have types belong to `owner`: to whoever it may be anyway. A superuser's
// are made by superusers alone, whoever may SET ROLE to one.
bool may_own_for(Oid caller, Oid owner);
[[noreturn]] void refuse_owner(Oid caller, Oid owner);

// Whether the role may make a type of the name: with CREATE on the database, or by a pattern that
// allow_types() gave. Inside the books.
bool may_make_type(const char *type, Oid role);

// Raises 42501 unless the caller, no admin, may make a type that isn't there yet: with CREATE on
// the database, or by a pattern that allow_types() gave, to itself or to an `owner` for whom it may
// act. Inside the books.
void check_new_type(const char *type, Oid caller, Oid owner);

// Raises 54000 where the role, no admin, has all the types that it may have. Inside the books.
void check_room(Oid owner);

[[noreturn]] void refuse_builtin(const char *type);
[[noreturn]] void refuse_unknown(const char *type);

} // namespace ayb
