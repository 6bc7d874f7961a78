#include "base/rights.hpp"

namespace ayb {

namespace {

constexpr struct {
    const char *word;
    const char *role;
} kRights[] = {
    {"read", "ayb_jobs_read"}, {"operate", "ayb_jobs_operate"}, {"admin", "ayb_jobs_admin"}};

} // namespace

const char *role_with(Right right) { return kRights[static_cast<int>(right)].role; }

bool has_right(Oid role, Right right) {
    if (superuser_arg(role))
        return true;
    const Oid with = get_role_oid(role_with(right), true);
    return OidIsValid(with) && has_privs_of_role(role, with);
}

bool may_see(Oid owner) {
    const Oid me = GetUserId();
    return owner == me || has_right(me, Right::read) || has_privs_of_role(me, owner);
}

void refuse_right(Oid role, Right right, const char *others) {
    ereport(ERROR,
            (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
             errmsg("must be a member of %s%s", role_with(right), others),
             errdetail("This takes the right \"%s\".", kRights[static_cast<int>(right)].word),
             errhint("GRANT %s TO %s;", role_with(right), quote_identifier(role_name(role)))));
    pg_unreachable();
}

} // namespace ayb
