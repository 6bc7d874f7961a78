#include "handlers/right.hpp"

#include "handlers/handlers.hpp"

namespace ayb {

void check_right(const char *type, Right right) {
    const Oid me = GetUserId();
    if (has_right(me, right) || (type == nullptr && owns_database(MyDatabaseId, me)))
        return;
    if (type == nullptr)
        refuse_right(me, right, " or owner of the database");
    const Handler *handler = find_handler(type);
    if (handler == nullptr || !has_privs_of_role(me, handler->owner))
        refuse_right(me, right, psprintf(" or owner of the handler of type \"%s\"", type));
}

} // namespace ayb
