#include "schedule/arguments.hpp"

namespace ayb {

void refuse_policy(const char *name, const char *value, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("invalid %s policy \"%s\"", name, value),
                    err_generic_string(PG_DIAG_COLUMN_NAME, name), errhint("%s", hint)));
    pg_unreachable();
}

} // namespace ayb
