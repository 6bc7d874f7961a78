#include "schedule/arguments.hpp"

#include "queue/arguments.hpp"

namespace ayb {

namespace {

constexpr int kMaxNameCharacters = 100;

}

const char *schedule_name_argument(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "name");
    const text *value = PG_GETARG_TEXT_PP(number);
    const int characters = pg_mbstrlen_with_len(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
    if (characters == 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("name must not be empty"),
                        errhint("A schedule is found by its name, such as nightly_report.")));
    if (characters > kMaxNameCharacters)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("name must be at most %d characters long", kMaxNameCharacters),
                        errdetail("It has %d.", characters),
                        errhint("A schedule is found by its name, such as nightly_report.")));
    return text_to_cstring(value);
}

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
