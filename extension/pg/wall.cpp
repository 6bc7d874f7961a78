#include "pg/wall.hpp"

namespace ayb {

void keep_failure(CoreFailure *failure, const char *sqlstate, const char *message,
                  const char *detail, const char *hint) noexcept {
    strlcpy(failure->sqlstate, sqlstate, sizeof(failure->sqlstate));
    strlcpy(failure->message, message, sizeof(failure->message));
    strlcpy(failure->detail, detail, sizeof(failure->detail));
    strlcpy(failure->hint, hint, sizeof(failure->hint));
}

void raise_failure(const CoreFailure &failure, const char *argument) {
    const char *state = failure.sqlstate;
    ereport(ERROR,
            (errcode(MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4])),
             errmsg("%s", failure.message), err_generic_string(PG_DIAG_COLUMN_NAME, argument),
             failure.detail[0] != '\0' ? errdetail("%s", failure.detail) : 0,
             failure.hint[0] != '\0' ? errhint("%s", failure.hint) : 0));
    pg_unreachable();
}

} // namespace ayb
