#include "jobs/order.hpp"

#include "base/arguments.hpp"
#include "pg/roles.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

void check_login(Oid role) {
    const char *why = why_no_login(role);
    if (why == nullptr)
        return;
    const char *name = quote_identifier(role_name(role));
    ereport(
        ERROR,
        (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("jobs can't run as role %s", name),
         errdetail("A job runs in a session of its role, and %s.", why),
         errhint(
             "Let it log in (ALTER ROLE ... LOGIN) and connect (GRANT CONNECT ON DATABASE ...), or"
             " pass run_as a role that may.")));
}

void check_handler(const Handler &handler, Oid run_as, Oid enqueuer) {
    require_code(handler, run_as);
    if (!handler.registration)
        return;
    const Bond bond{*handler.registration, enqueuer};
    const Doubt doubt = doubt_of_bond(&handler, bond, run_as);
    if (doubt != Doubt::none)
        refuse_doubt(handler, doubt, enqueuer);
}

} // namespace

Oid requested_role(FunctionCallInfo fcinfo, int number) {
    const Oid me = GetUserId();
    const Oid role = role_argument(fcinfo, number, "run_as");
    if (!OidIsValid(role))
        return me;
    if (role == me || superuser())
        return role;
    const char *name = role_name(role);
    if (superuser_arg(role))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("only a superuser may enqueue jobs for superuser \"%s\"", name),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "run_as"),
                        errhint("Leave run_as out to run the job as role \"%s\".", role_name(me))));
    if (!may_become(me, role))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("must be able to SET ROLE \"%s\" to enqueue jobs for it", name),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "run_as"),
                        errhint("GRANT %s TO %s;", quote_identifier(name),
                                quote_identifier(role_name(me)))));
    return role;
}

bool apply_handler(Order *order, Oid enqueuer) {
    order->enqueued_by = enqueuer;
    const Handler *handler = find_handler(order->type);
    if (handler == nullptr) {
        order->unserved_by = answered_generation();
    } else {
        order->builtin = handler->builtin;
        if (order->max_attempts == 0)
            order->max_attempts = handler->max_attempts;
        order->registration = handler->registration;
        if (handler->registration)
            order->run_as = handler->owner;
        check_handler(*handler, order->run_as, enqueuer);
    }
    if (order->max_attempts == 0)
        order->max_attempts = settings::max_attempts;
    if (!order->priority)
        order->priority = handler != nullptr ? handler->priority : 0;
    // External jobs are run elsewhere, whoever their role is.
    if (handler == nullptr || handler->kind != Kind::external)
        check_login(order->run_as);
    return handler != nullptr;
}

void notice_no_handler(const char *type) {
    ereport(NOTICE, (errmsg("no handler is registered for type \"%s\" yet", type),
                     errhint("The job waits until ayb_jobs.register_handler() names one.")));
}

} // namespace ayb
