#include "matview/arguments.hpp"

#include "pg/clock.hpp"

namespace ayb {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_identifier(const char *name) {
    if (!is_letter(*name))
        return false;
    while (is_letter(*name) || (*name >= '0' && *name <= '9'))
        name++;
    return *name == '\0';
}

} // namespace

void check_identifier(const char *name, const char *argument) {
    if (!is_identifier(name))
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("invalid identifier: \"%s\"", name),
                 err_generic_string(PG_DIAG_COLUMN_NAME, argument),
                 errhint("It takes letters of ASCII, digits and underscores, without quotes.")));
}

const char *mode_argument(FunctionCallInfo fcinfo, int number) {
    if (PG_ARGISNULL(number))
        return nullptr;
    const char *mode = text_to_cstring(PG_GETARG_TEXT_PP(number));
    if (strcmp(mode, "standard") != 0 && strcmp(mode, "concurrent") != 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("refresh_mode must be 'standard' or 'concurrent'"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "refresh_mode"),
                        errhint("A concurrent refresh doesn't block readers; it needs a unique"
                                " index on the view.")));
    return mode;
}

int timeout_argument(FunctionCallInfo fcinfo, int number, const char *name) {
    if (PG_ARGISNULL(number))
        return -1;
    const int64 milliseconds = interval_milliseconds(PG_GETARG_INTERVAL_P(number));
    if (milliseconds < 0 || milliseconds > INT_MAX)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("%s must be between 0 and %d milliseconds", name, INT_MAX),
                        err_generic_string(PG_DIAG_COLUMN_NAME, name), errhint("0 is none.")));
    return static_cast<int>(milliseconds);
}

} // namespace ayb
