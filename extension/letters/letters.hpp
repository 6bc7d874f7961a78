#pragma once
// Dead letters: jobs that tell of jobs which have failed for good. handlers.dead_letter says of
// which type they are.
#include "pg/arrays.hpp"
#include "pg/sql.hpp"

namespace ayb {

// Whether one tells of the type's jobs that have failed for good.
bool leaves_letter(const char *type);

// Inside the books: of these jobs, which this transaction has just marked as failed, each whose
// type has one leaves a dead letter. It is due now, as the job's role, and served where that role
// trusts its type, bound to no definer; the job's last attempt says which it is. A dead letter
// itself leaves none: so there is no chain of them.
void leave_letters(UuidArray failed, TimestampTz now);

} // namespace ayb
