#pragma once
// Making a registration, and finding one by the view's name.
#include "pg/postgres.hpp"
#include "core/uuid7.hpp"

namespace ayb {

struct Registration {
    const char *schema;
    const char *view;
    const char *mode;
    bool skip_unchanged;
    int lock_timeout;      // milliseconds; 0 or less for none
    int statement_timeout; // milliseconds; 0 or less for none
};

// Registers a view for its owner. False where it is registered already: then nothing is changed.
// The names must have been checked. Raises 42P01 where there is no such view, 42501 where the
// caller is neither its owner nor an admin.
bool register_matview(const Registration &wanted, core::Uuid *id);

// The registration of a view, whoever's it is.
bool find_registration(const char *schema, const char *view, core::Uuid *id);

} // namespace ayb
