#include "schedule/arguments.hpp"

namespace ayb {

const char *policy_argument(FunctionCallInfo fcinfo, int number, const char *name,
                            const char *first, const char *second, const char *third) {
    if (PG_ARGISNULL(number))
        return nullptr;
    const char *value = text_to_cstring(PG_GETARG_TEXT_PP(number));
    if (strcmp(value, first) == 0 || strcmp(value, second) == 0 ||
        (third != nullptr && strcmp(value, third) == 0))
        return value;
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("invalid %s policy \"%s\"", name, value),
                    third != nullptr ? errhint("It is %s, %s or %s.", first, second, third)
                                     : errhint("It is %s or %s.", first, second)));
    pg_unreachable();
}

} // namespace ayb
