#include "handlers/right.hpp"

#include "handlers/handlers.hpp"
#include "pg/roles.hpp"

namespace ayb {

void check_right(const char *type) {
    const Oid me = GetUserId();
    if (is_admin(me))
        return;
    if (type == nullptr) {
        if (!owns_database(MyDatabaseId, me))
            ereport(ERROR,
                    (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                     errmsg("must be a member of ayb_jobs_admin or owner of the database"),
                     errhint("GRANT ayb_jobs_admin TO %s;", quote_identifier(role_name(me)))));
        return;
    }
    const Handler *handler = find_handler(type);
    if (handler == nullptr || !has_privs_of_role(me, handler->owner))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("must be owner of the handler of type \"%s\"", type),
                        errhint("Who registered the type may, and members of ayb_jobs_admin.")));
}

} // namespace ayb
